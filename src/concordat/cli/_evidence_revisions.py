"""`concordat evidence revisions A B`: what a later vintage or release says otherwise about the same figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.revisions import Revision
    from concordat.evidence.store import Store, Vintage

LIMIT = 20


def revisions(
    before: str = typer.Argument(..., metavar="A", help="The earlier: a vintage, or a release such as 2025-11."),
    after: str = typer.Argument(..., metavar="B", help="The later: a vintage or a release."),
    indicator: str = typer.Option("", "--indicator", help="Of one indicator alone, such as internet_users_pct."),
    bloc: str = typer.Option("", "--bloc", help="A bloc's id; see: concordat bloc list"),
    countries: str = typer.Option("", "--countries", help="Instead of a bloc: countries by code or name, with commas."),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    limit: int = typer.Option(LIMIT, "--limit", min=0, help="How many of the largest changes to list on screen."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object, with every revision."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
) -> None:
    """Show what changed between two vintages or releases: values changed, added, withdrawn, restatused."""
    from concordat.cli import evidence as shared
    from concordat.evidence import revisions as rules
    from concordat.evidence.store import views

    areas = frozenset(shared._areas(bloc, countries, on).named)
    with shared._stored(data_dir, None) as store:
        sides = [named(store, name) for name in (before, after)]
        then, now = views.differing(store, *sides)
    found = [r for r in rules.revisions(then, now) if _wanted(r.row, indicator, areas)]
    if indicator and not found:
        shared._known_indicator(indicator)
    facts = {"before": [v.ref for v in sides[0]], "after": [v.ref for v in sides[1]]}
    facts |= {"counts": dict(rules.count_kinds(found))}  # type: ignore[dict-item]
    shared._out(json, {**facts, "revisions": [r.as_dict() for r in found]} if json else {}, _lines(sides, found, limit))


def named(store: Store, name: str) -> list[Vintage]:
    """The vintages that a word names: those of a release, or one vintage.

    Raises:
        InputError: it names neither.
    """
    from concordat.evidence.store import releases
    from concordat.settings import nearest

    known = releases.names(store)
    if name in known:
        wanted = {(v.dataset_id, v.vintage_id) for v in store.release(name).vintages}
        return [v for v in store.vintages() if (v.dataset_id, v.id) in wanted]
    here = store.vintages()
    if any(name in (v.ref, v.id) for v in here):
        return [store.vintage(name)]
    close = nearest(name, [*known, *(v.ref for v in here), *(v.id for v in here)])
    hint = f'Did you mean "{close[0]}"?' if close else "See: concordat evidence releases; concordat evidence vintages"
    what = f'"{name}" is neither a release nor a vintage here.'
    raise InputError(what, where=str(store.data_dir), hint=hint, code="no_vintage")


def _wanted(o: Observation, indicator: str, areas: Iterable[str]) -> bool:
    return (not indicator or o.indicator_id == indicator) and (not areas or o.area in areas)


def _lines(sides: Sequence[Sequence[Vintage]], found: Sequence[Revision], limit: int) -> Iterator[str]:
    """How many of each kind, by dataset and indicator, and the largest changes."""
    from concordat.cli._evidence_tables import columns, figure_text
    from concordat.evidence.revisions import KINDS, count_kinds, largest

    yield f"From {', '.join(v.ref for v in sides[0])}"
    yield f"to   {', '.join(v.ref for v in sides[1])}"
    yield ""
    if not found:
        yield "Nothing was revised."
        return
    groups: dict[tuple[str, str], list[Revision]] = {}
    for r in found:
        groups.setdefault((r.row.dataset_id, r.row.indicator_id), []).append(r)
    rows = [(*key, *(f"{n:,}" for n in count_kinds(rs).values())) for key, rs in sorted(groups.items())]
    if len(rows) > 1:
        rows.append(("all", "", *(f"{n:,}" for n in count_kinds(found).values())))
    yield from columns(("dataset", "indicator", *(f">{kind}" for kind in KINDS)), rows)
    top = largest([r for r in found if not r.confidential], limit)
    if not top:
        return
    yield ""
    many = f"The {len(top)} largest changes, beside the largest figure of each indicator:"
    yield many if len(top) > 1 else "The largest change:"
    yield ""
    head = ("indicator", "area", "year", "part", ">before", ">after", ">change", ">roundings", "id")
    yield from columns(head, [_row(r, figure_text) for r in top])


def _row(r: Revision, text: Any) -> tuple[str, ...]:
    o = r.row
    roundings = "" if r.precisions is None else f"{r.precisions:.1f}"
    figures = (_figure(r.before, text), _figure(r.after, text), text(r.size), roundings)
    return (o.indicator_id, o.area, str(o.year), o.breakdown, *figures, o.obs_id[:8])


def _figure(o: Observation | None, text: Any) -> str:
    assert o is not None
    if o.value is not None:
        return str(text(o.value))
    return f"{text(o.lower)} to {text(o.upper)}"
