"""`concordat index revisions FILE R1 R2`: how far two releases differ in an index's figures, and what that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from concordat.cli import _index_input as shared

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.observatory.compare import Attributed
    from concordat.observatory.revision import Bias, News, VintageChange
    from concordat.observatory.spec import IndexSpec


def told(
    spec: IndexSpec, before: str, after: str, data_dir: str | None, leave_out: bool
) -> tuple[dict[str, Any], Iterator[str]]:
    """The comparison as plain data, and as lines."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.observatory.bind import units_of
    from concordat.observatory.compare import compare
    from concordat.observatory.revision import compare_vintages

    areas = set(units_of(spec))
    rows = [shared.observations(name, data_dir)[0] for name in (before, after)]
    catalogue = load_catalogue()
    changes: dict[str, VintageChange] = {}
    for indicator in spec.indicators:
        known = catalogue.indicators.get(indicator.id)
        if known is not None:
            then, now = (_cells(some, indicator.id, indicator.breakdown, known.unit, areas) for some in rows)
            changes[indicator.id] = compare_vintages(then, now)
    second, _ = shared.result(spec, before, None, data_dir, leave_out)
    first, _ = shared.result(spec, after, None, data_dir, leave_out)
    moved = compare(first, second).attribute()
    facts = {
        "before": before,
        "after": after,
        "indicators": {name: _facts(c) for name, c in changes.items()},
        "score": moved.score.rows(),
        "rank": moved.rank.rows(),
    }
    return facts, _lines(before, after, changes, moved)


def _cells(
    rows: list[Observation], indicator: str, breakdown: str, unit: str, areas: set[str]
) -> dict[tuple[str, int], float]:
    """The newest known figure of each area and year."""
    found: dict[tuple[str, int], tuple[Any, float]] = {}
    for o in rows:
        if o.indicator_id != indicator or o.breakdown != breakdown or o.area not in areas or o.value is None:
            continue
        if o.unit != unit or o.derived_by:
            continue
        key, order = (o.area, o.year), (o.known_from, o.vintage_id, o.obs_id)
        if key not in found or order > found[key][0]:
            found[key] = (order, o.value * 10**o.unit_mult)
    return {key: value for key, (_, value) in found.items()}


def _facts(c: VintageChange) -> dict[str, Any]:
    return {
        "common": c.common,
        "added": len(c.added),
        "removed": len(c.removed),
        "changed": len(c.changed),
        "mean": c.size.mean,
        "mean_absolute": c.size.mean_abs,
        "rms": c.size.rms,
        "share_up": c.size.share_up,
        "largest": None if c.size.largest is None else c.size.largest.size,
        "definitional": list(c.definitional),
        "bias": {"n": c.common} | _plain(c.bias),
        "news": {"n": c.common} | _plain(c.news),
    }


def _plain(test: Bias | News) -> dict[str, Any]:
    from dataclasses import asdict

    return {k: v or None if k == "reason" else v for k, v in asdict(test).items()}


def _lines(before: str, after: str, changes: Mapping[str, VintageChange], moved: Attributed) -> Iterator[str]:
    yield f"From release {before} to {after}: the figures of the ranked units, all years."
    yield ""
    head = ("indicator", ">common", ">added", ">removed", ">changed", ">mean", ">mean abs", ">largest")
    rows = [
        (name, str(c.common), str(len(c.added)), str(len(c.removed)), str(len(c.changed)), *_sizes(c))
        for name, c in changes.items()
    ]
    yield from shared.columns(head, rows)
    for name, c in changes.items():
        if c.definitional:
            yield f"{name}: more than 30 % of the cells moved, a change of definition: {', '.join(c.definitional)}."
    yield from _tests(changes)
    yield ""
    if not moved.rank.components:
        yield "No score moved."
        return
    yield "Change of rank by cause:"
    keys = ("unit", ">before", ">after", ">total", *(f">{c}" for c in moved.rank.components))
    yield from shared.columns(keys, [tuple(shared.text(v) for v in row.values()) for row in moved.rank.rows()])


def _tests(changes: Mapping[str, VintageChange]) -> Iterator[str]:
    """Whether revisions lean one way, and whether the earlier figures could have been known to be off."""
    yield from ("", "Bias: is the mean revision zero? News: final = a + b earlier, with a = 0 and b = 1 if nothing of")
    yield "the revision could have been foretold (p small: noise). Errors by Newey and West, lag 2, within areas."
    head = ("indicator", ">n", ">mean", ">se", ">t", ">p (bias)", ">a", ">b", ">F", ">p (news)", "")
    rows = []
    for name, c in changes.items():
        bias, news = c.bias, c.news
        numbers = (bias.mean, bias.se, bias.t, bias.p, news.a, news.b, news.f, news.p)
        why = " ".join(dict.fromkeys(reason for reason in (bias.reason, news.reason) if reason))
        rows.append((name, str(c.common), *("-" if v is None else f"{v:.4g}" for v in numbers), why))
    yield from shared.columns(head, rows)


def _sizes(c: VintageChange) -> tuple[str, str, str]:
    found = (c.size.mean, c.size.mean_abs, None if c.size.largest is None else c.size.largest.size)
    return tuple("-" if v is None else f"{v:.4g}" for v in found)  # type: ignore[return-value]
