"""What `concordat divide` prints: numbers to read with four digits, for programs in full; blanks with a reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat.cli import _index_input as shared

if TYPE_CHECKING:
    from concordat.cli._divide_change import Converged
    from concordat.observatory.divide import (
        Beta,
        Clubs,
        Decomposition,
        DiffusionFit,
        LogT,
        Measure,
        MeasureTable,
        Sigma,
    )

Rows = list[tuple[str, ...]]
Shown = tuple[Sequence[str], Rows]
BLANK = "-"
GROUP_COLUMNS = ("mean", "gini", "theil_t", "concentration")


def digits(value: float | None) -> str:
    """A number to read: four significant digits.

    >>> digits(0.123456), digits(1_234_567.0), digits(84.0), digits(None)
    ('0.1235', '1,235,000', '84', '-')
    """
    if value is None or not math.isfinite(value):
        return BLANK if value is None or math.isnan(value) else "infinite"
    return f"{float(f'{value:.4g}') + 0.0:,.10g}"


def year(value: float | None) -> str:
    """A year, with a digit where it is a point in time."""
    return BLANK if value is None else f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def ends(lower: float | None, upper: float | None, text: Any = digits) -> str:
    """`0.1 to 0.4`; an open end has no number."""
    if lower is None and upper is None:
        return ""
    return f"{text(lower) if lower is not None else '?'} to {text(upper) if upper is not None else '?'}"


def full(value: object) -> str:
    """A cell of a CSV table: every digit."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def words(reason: str) -> str:
    """`never_reached` as words."""
    return reason.replace("_", " ") if " " not in reason else reason


def plain(value: Any) -> Any:
    """A result as JSON can say it: what is not finite has no value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def short(text: str, most: int = 90) -> str:
    """A list that is not too long for a screen; programs get all of it."""
    return text if len(text) <= most else f"{text[:most].rpartition(', ')[0]}, ... ({text.count(', ') + 1} in all)"


def safe(table: Shown) -> Shown:
    """The same with text that a spreadsheet would run as a formula marked as text; numbers stay."""
    from concordat.evidence.csv_text import guarded

    def cell(text: str) -> str:
        try:
            float(text)
        except ValueError:
            return guarded(text)
        return text

    return table[0], [tuple(cell(c) for c in row) for row in table[1]]


# --- Measures -----------------------------------------------------------------------------------------------------


def measure_lines(tables: Mapping[str, MeasureTable]) -> Iterator[str]:
    """The measures, weighted and not side by side, then the groups."""
    names = list(next(iter(tables.values())))
    head = ["measure"]
    for kind in tables:
        head += [f">{kind}", ">interval"]
    rows = []
    for name in names:
        row = [name]
        for table in tables.values():
            row += [digits(table[name].value), ends(table[name].lower, table[name].upper)]
        rows.append([*row, next((words(t[name].reason) for t in tables.values() if t[name].reason), "")])
    yield from shared.columns([*head, ""], rows)
    for kind, table in tables.items():
        if table.groups:
            yield from ("", f"Groups, {kind}:", *_group_lines(table))
    first = next(iter(tables.values()))
    yield ""
    yield from _rests_on(first)


def _group_lines(table: MeasureTable) -> Iterator[str]:
    shown = [n for n in GROUP_COLUMNS if n in table] or list(table)[:3]
    rows = []
    for name, own in table.groups.items():
        least = next(iter(own.values()))
        rows.append([str(name), digits(least.n), *(digits(own[n].value) for n in shown), words(least.reason)])
    return shared.columns(["group", ">rows", *(f">{n}" for n in shown), ""], rows)


def _rests_on(table: MeasureTable) -> Iterator[str]:
    known = [m for m in table.values() if m.n is not None]
    if known:
        m = max(known, key=lambda m: m.n or 0)
        said = f"{m.n:,} values, as good as {digits(m.n_eff)} of equal weight"
        zero, missing = (100 * (share or 0.0) for share in (m.share_zero, m.share_missing))
        yield f"{said}; {digits(zero)} % of the weight is zero, {digits(missing)} % has no value."
        label = f" {table.label}" if table.label else ""
        yield f"Intervals: {100 * table.level:g} %{label}."
    yield from table.notes


def measure_rows(tables: Mapping[str, MeasureTable]) -> Shown:
    """All of it, a measure a line."""
    keys = ("value", "se", "lower", "upper", "n", "n_eff", "share_zero", "share_missing", "reason")
    rows: Rows = []
    for kind, table in tables.items():
        for group, own in (("", table), *table.groups.items()):
            for name, m in own.items():
                rows.append((kind, str(group), name, *(full(getattr(m, k)) for k in keys)))
    return ("weighting", "group", "measure", *keys), rows


def measure_facts(table: MeasureTable) -> dict[str, Any]:
    """A table of measures for a program."""
    groups = [{"group": str(name), "measures": _facts(own)} for name, own in table.groups.items()]
    about = {"level": table.level, "label": table.label, "notes": list(table.notes), "rounded": table.rounded}
    return {"measures": _facts(table), "groups": groups} | about


def _facts(measures: Mapping[str, Measure]) -> dict[str, Any]:
    return {name: plain(m) for name, m in measures.items()}


# --- Decompositions -----------------------------------------------------------------------------------------------


def parts_lines(
    found: Mapping[str, Mapping[str, Decomposition]], why: Iterable[str], *, wider: bool = False
) -> Iterator[str]:
    """What is between groups and what within, with intervals, then each group's part in the first measure.

    Args:
        wider: units are a whole population, so that intervals are as if drawn from a wider one.
    """
    from concordat.observatory.divide.inference import LEVEL, WIDER

    rows = []
    for kind, by_measure in found.items():
        for name, d in by_measure.items():
            share = BLANK if d.share_between is None else f"{100 * d.share_between + 0.0:.1f} %"
            sure = (c for m in (d.total, d.between, d.within) for c in (digits(m.value), ends(m.lower, m.upper)))
            why = next((words(m.reason) for m in (d.total, d.between, d.within) if m.reason), "")
            rows.append([name, kind, *sure, share, why])
    interval = ">interval"
    head = ["measure", "", ">all", interval, ">between", interval, ">within", interval, ">between is", ""]
    yield from shared.columns(head, rows)
    for kind, by_measure in found.items():
        for name, d in list(by_measure.items())[:1]:
            yield from ("", f"Parts in {name}, {kind}:")
            lines = [
                [str(p.group), *(digits(v) for v in (p.share, p.share_total, p.mean, p.inside, p.between, p.within))]
                for p in d.parts
            ]
            head = ("group", ">share", ">of the total", ">mean", ">inside it", ">between", ">within")
            yield from shared.columns(head, lines)
    yield from ("", f"Intervals: {100 * LEVEL:g} %{f' {WIDER}' if wider else ''}.")
    yield from ["", *why] if why else []


def parts_rows(found: Mapping[str, Mapping[str, Decomposition]]) -> Shown:
    """All of it: a line for each whole and for each group; errors and intervals are of the whole's three figures."""
    keys = ("share", "share_total", "mean", "inside", "between", "within", "overlap")
    sure = [f"{whole}_{end}" for whole in ("total", "between", "within") for end in ("se", "lower", "upper")]
    rows: Rows = []
    for kind, by_measure in found.items():
        for name, d in by_measure.items():
            three = (d.total, d.between, d.within)
            values = [full(m.value) for m in three]
            errors = [full(getattr(m, end)) for m in three for end in ("se", "lower", "upper")]
            rows.append((kind, name, "", values[0], "", "", "", "", *values[1:], "", *errors))
            blank = [""] * len(sure)
            rows += [(kind, name, str(p.group), "", *(full(getattr(p, k)) for k in keys), *blank) for p in d.parts]
    return ("weighting", "measure", "group", "total", *keys, *sure), rows


# --- Change -------------------------------------------------------------------------------------------------------


def converge_rows(beta: Mapping[str, Beta], sigma: Sigma | None, clubs: Clubs | None) -> list[tuple[Any, ...]]:
    """part, item, value, lower, upper, note: of all three."""
    rows: list[tuple[Any, ...]] = []
    for kind, b in beta.items():
        part = f"beta, {kind}"
        rows.append((part, "slope", b.b, b.lower, b.upper, f"{b.n} units, {b.first:g} to {b.last:g}"))
        rows.append((part, "speed per year", b.speed, *b.speed_interval, words(b.reason)))
        rows.append((part, "half-life, years", b.half_life, *b.half_life_interval, words(b.reason)))
        rows.append((part, "R2", b.r2, None, None, ""))
    if sigma is not None:
        for y, sd in zip(sigma.years.tolist(), sigma.sd.tolist(), strict=True):
            rows.append(("sigma", f"{y:g}", sd, None, None, ""))
        if sigma.trend is not None:
            t = "" if not math.isfinite(sigma.trend.t) else f"t {sigma.trend.t:.3g}, "
            trend = sigma.trend
            rows.append(
                ("sigma", "trend per year", trend.slope, trend.lower, trend.upper, f"{t}{len(sigma.areas)} units")
            )
    if clubs is not None:
        said = "converge" if clubs.whole.converges else "do not converge"
        rows.append(("clubs", "log t of all", clubs.whole.t, None, None, f"they {said} (limit -1.65)"))
        rows.append(_slope("slope b of all", clubs.whole))
        for i, club in enumerate(clubs.clubs, 1):
            rows.append(("clubs", f"club {i}, log t", club.test.t, None, None, ", ".join(club.areas)))
            rows.append(_slope(f"club {i}, slope b", club.test))
        if clubs.diverging:
            rows.append(("clubs", "in no club", None, None, None, ", ".join(clubs.diverging)))
    return rows


def _slope(item: str, test: LogT) -> tuple[Any, ...]:
    why = "" if math.isfinite(test.b) else "no interval: members are alike in the first or the last year"
    return ("clubs", item, test.b, test.lower, test.upper, why)


def converge_facts(found: Converged) -> dict[str, Any]:
    """All of it for a program; whether members converge is said, as a t that is infinite has no number there."""
    facts: dict[str, Any] = plain(found)
    if found.clubs is not None:
        facts["clubs"]["whole"]["converges"] = found.clubs.whole.converges
        for club, said in zip(found.clubs.clubs, facts["clubs"]["clubs"], strict=True):
            said["test"]["converges"] = club.test.converges
    return facts


def diffusion_facts(fit: DiffusionFit, level: float) -> dict[str, Any]:
    """A fitted curve for a program."""
    facts: dict[str, Any] = plain(fit)
    return facts | {"years_to": {"level": level} | plain(fit.years_to(level))}


FASTEST = {
    "too_few_points": "too few points",
    "no_inflection": "not up to the last year",
    "before_first_year": "before the first year",
    "falling_from_the_start": "growth falls from the start",
}
DIFFUSION = (
    "unit", "n", "curve", "ceiling", "ceiling_lower", "ceiling_upper", "ceiling_reason", "inflection",
    "year", "year_lower", "year_upper", "year_reason", "inflection_reason",
)  # fmt: skip


def diffusion_rows(units: Iterable[str], fits: Mapping[str, Any], why: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """A line for each unit, in the columns of `DIFFUSION`."""
    rows: list[tuple[Any, ...]] = []
    for unit in units:
        if unit in why:
            rows.append((unit, *[None] * 5, why[unit], *[None] * 6))
            continue
        fit = fits[unit]
        top, when = (
            [b[k] for k in ("value", "lower", "upper", "reason")] for b in (fit["saturation"], fit["years_to"])
        )
        rows.append((unit, fit["n"], fit["curve"], *top, fit["inflection"], *when, fit["inflection_reason"]))
    return rows


def diffusion_shown(rows: Sequence[tuple[Any, ...]], level: float) -> Iterator[str]:
    """The same to read."""
    shown = []
    for unit, n, curve, top, low, high, reason, turn, when, early, late, doubt, unturned in rows:
        said = dict.fromkeys(words(r) for r in (reason, doubt) if r)
        if unturned and unturned != reason:
            said[f"fastest: {FASTEST[unturned]}"] = None
        years = ("none" if unturned else year(turn), year(when), ends(early, late, year))
        shown.append([unit, full(n), curve or "", digits(top), ends(low, high), *years, "; ".join(said)])
    head = ("unit", ">years", "curve", ">ceiling", ">95 % interval", ">fastest", f">at {level:g}", ">95 % interval", "")
    return shared.columns(head, shown)
