"""From figures to a panel: which figure each cell holds, and why a cell is empty.

`bind` takes the observations of a release, chooses by the rules of `evidence.resolve`, and checks names, units and what
a figure can't be. `from_table` takes a table of the user's own (text of a CSV file, long or wide) and does the same
checks without a catalogue. This is the only module of the room that knows observations.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from concordat.errors import InputError, SourceError
from concordat.observatory.panel import Array, Note, Panel, Reason
from concordat.observatory.spec import IndexSpec, Indicator
from concordat.observatory.stages.options import Denominate, Impute
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.resolve import Chosen

# Units that are already relative to something: dividing them by people or money would mean nothing.
RELATIVE = frozenset(("percent", "per_100", "per_million", "index_0_100", "index_0_1", "years", "kwh_per_person"))
_POLARITY = {1: "lower_is_better", -1: "higher_is_better"}  # what contradicts a direction


def units_of(spec: IndexSpec) -> tuple[str, ...]:
    """The countries that the file ranks, sorted by code.

    Raises:
        InputError: no units, an unknown bloc or country, no members on the day, or one given twice.
    """
    from concordat.world import bloc, country, members, roles_on
    from concordat.world._dates import as_day

    place = spec.document.place("units")
    if spec.units is None:
        raise InputError("the file names no units.", where=place, hint="Add units: {bloc: BRICS, as_of: 2026-01-01}.")
    if spec.units.countries:
        found = [country(c, where=spec.document.place("units", "countries")).iso3 for c in spec.units.countries]
        if len(set(found)) < len(found):
            raise InputError("a country stands twice.", where=place, hint="Name each once.", code="duplicate")
        return tuple(sorted(found))
    if not spec.units.as_of:
        raise InputError("a bloc needs a day.", where=place, hint="Add as_of: 2026-01-01.", code="date")
    day = as_day(spec.units.as_of, where=spec.document.place("units", "as_of"))
    record = bloc(spec.units.bloc)
    inside = {m.area for m in roles_on(record.id, day) if m.area_is_bloc}
    areas = set(members(record.id, day)) - inside
    if spec.units.with_invited:
        areas |= {m.area for m in roles_on(record.id, day) if m.role == "invited" and not m.area_is_bloc}
    return tuple(sorted(areas))


@dataclass(frozen=True, slots=True)
class _Cell:
    value: float
    lower: float
    upper: float
    reason: Reason
    year: int
    id: str


_NONE = _Cell(math.nan, math.nan, math.nan, Reason.MISSING, 0, "")


def bind(
    spec: IndexSpec,
    observations: Iterable[Observation],
    catalogue: Catalogue,
    *,
    units: Sequence[str] | None = None,
    not_after: int | None = None,
) -> Panel:
    """The panel of an index from the observations of a release.

    Args:
        units: area codes; by default those that the file names.
        not_after: the last year, where the file names none.

    Raises:
        InputError: an indicator or denominator that the catalogue lacks, or whose unit does not fit.
        SourceError: a figure that its unit makes impossible, with the observation's id.
    """
    areas = tuple(units) if units is not None else units_of(spec)
    denominators = _denominators(spec)
    notes = _check_catalogue(spec, catalogue)
    last = spec.data.last or not_after
    if last is None:
        hint = "Write data: {years: 2010..2025}."
        raise InputError("the file names no last year.", where=spec.document.place("data"), hint=hint, code="years")
    wanted = {i.id for i in spec.indicators} | set(denominators)
    first, inside = spec.data.first or 0, set(areas)
    rows = [o for o in observations if o.indicator_id in wanted and o.area in inside and first <= o.year <= last]
    years = tuple(range(spec.data.first or last, last + 1)) if spec.data.take == "panel" else (last,)
    chosen = [_resolved(spec, rows, catalogue, year, areas) for year in years]
    dated = list(zip(years, chosen, strict=True))
    cells = [
        [[_cell(spec, found, i.id, area, i.breakdown, year) for i in spec.indicators] for area in areas]
        for year, found in dated
    ]
    bottoms = {
        d: np.array([[_cell(spec, found, d, a, "", year).value for a in areas] for year, found in dated])
        for d in denominators
    }
    return _panel(spec, years, areas, cells, bottoms, catalogue, notes)


def _denominators(spec: IndexSpec) -> tuple[str, ...]:
    found = [d for s in spec.steps if isinstance(s.options, Denominate) for _, d, _ in s.options.by]
    return tuple(dict.fromkeys(found))


def _resolved(
    spec: IndexSpec, rows: Sequence[Observation], catalogue: Catalogue, year: int, areas: Sequence[str]
) -> Mapping[tuple[str, str, str], Chosen]:
    from concordat.evidence.resolve import resolve

    if spec.data.take == "panel":
        rows = [o for o in rows if o.year == year]
    mode = "common" if spec.data.take == "common" else "latest"
    return resolve(rows, catalogue, not_after=year, mode=mode, areas=areas)  # type: ignore[arg-type]


def _cell(
    spec: IndexSpec,
    found: Mapping[tuple[str, str, str], Chosen],
    indicator: str,
    area: str,
    breakdown: str,
    year: int,
) -> _Cell:
    """A cell's figure. A censored one ("less than 1") without a point stands in the middle of its interval."""
    chosen = found.get((indicator, area, breakdown))
    if chosen is None or chosen.lower is None or chosen.upper is None:
        return _NONE
    if spec.data.max_age is not None and year - chosen.year > spec.data.max_age:
        return _Cell(math.nan, math.nan, math.nan, Reason.TOO_OLD, chosen.year, chosen.observation.obs_id)
    value = chosen.value if chosen.value is not None else (chosen.lower + chosen.upper) / 2
    return _Cell(value, chosen.lower, chosen.upper, Reason.OBSERVED, chosen.year, chosen.observation.obs_id)


def _panel(
    spec: IndexSpec,
    years: tuple[int, ...],
    areas: tuple[str, ...],
    cells: Sequence[Sequence[Sequence[_Cell]]],
    denominators: Mapping[str, Array],
    catalogue: Catalogue | None,
    notes: Sequence[Note] = (),
) -> Panel:
    def array(name: str) -> Array:
        got = [[[getattr(c, name) for c in row] for row in year] for year in cells]
        return np.array(got, dtype=np.float64).reshape(len(years), len(areas), len(spec.indicators))

    values = array("value")
    ids = np.empty(values.shape, dtype=object)
    for t, u, i in np.ndindex(*values.shape):
        ids[t, u, i] = cells[t][u][i].id
    panel = Panel(
        years=years,
        units=areas,
        indicators=tuple(i.id for i in spec.indicators),
        values=values,
        reasons=array("reason").astype(np.uint8),
        source_years=array("year").astype(np.int16),
        ids=ids,
        denominators=denominators,
        lower=array("lower"),
        upper=array("upper"),
        groups=groups_of(spec, areas),
        bounds=tuple(_bounds(i, catalogue) for i in spec.indicators),
        notes=tuple(notes),
    )
    _check_possible(spec, panel)
    return panel


def group_kind(spec: IndexSpec) -> str:
    """What the steps `impute` fill by: region, income, or "" (a file that asks for both is refused when read)."""
    return next((s.options.group for s in spec.steps if isinstance(s.options, Impute) and s.options.group), "")


def groups_of(spec: IndexSpec, areas: Sequence[str]) -> tuple[str, ...]:
    """Region or income group of each unit, where a step `impute` fills by group."""
    kind = group_kind(spec)
    if not kind:
        return ()
    from concordat.world import country

    attribute = {"region": "region", "income": "income_group"}[kind]
    found: list[str] = []
    for area in areas:
        try:
            found.append(str(getattr(country(area), attribute) or ""))
        except InputError:
            found.append("")
    return tuple(found)


def _check_catalogue(spec: IndexSpec, catalogue: Catalogue) -> list[Note]:
    """Names and units against the catalogue; a direction that contradicts it is told."""
    notes: list[Note] = []
    for indicator in spec.indicators:
        place = _place_of(spec, indicator.id)
        known = catalogue.indicators.get(indicator.id)
        if known is None:
            raise _unknown(indicator.id, catalogue, place)
        if indicator.unit and indicator.unit != known.unit:
            what = f'{indicator.id}: the file says unit "{indicator.unit}", the catalogue "{known.unit}".'
            raise InputError(what, where=place, hint="Correct the unit, or take another indicator.", code="unit")
        if known.polarity == _POLARITY[indicator.direction]:
            said = "up" if indicator.direction == 1 else "down"
            text = f"direction {said} contradicts the catalogue, which says {known.polarity.replace('_', ' ')}"
            notes.append(Note("bind", "direction", indicator=indicator.id, text=text, warning=True))
    for step in spec.steps:
        for name, by, _ in step.options.by if isinstance(step.options, Denominate) else ():
            place = _place_of(spec, name)
            if by not in catalogue.indicators:
                raise _unknown(by, catalogue, place)
            for what, unit in ((name, catalogue.indicators[name].unit), (by, catalogue.indicators[by].unit)):
                if unit in RELATIVE:
                    hint = "Only counts and amounts are divided by counts and amounts."
                    said = f"{name} by {by}: {what} is in {unit}, which is already relative."
                    raise InputError(said, where=place, hint=hint, code="unit")
    return notes


def _place_of(spec: IndexSpec, indicator: str) -> str:
    """Where the file speaks of an indicator."""

    def walk(pillars: Sequence[Mapping[str, object]], path: tuple[str | int, ...]) -> str:
        for n, pillar in enumerate(pillars):
            here = (*path, n)
            for m, leaf in enumerate(pillar.get("indicators", ()) or ()):  # type: ignore[var-annotated,arg-type]
                if leaf.get("id") == indicator:
                    return spec.document.place(*here, "indicators", m, "id")
            if found := walk(pillar.get("pillars", ()) or (), (*here, "pillars")):  # type: ignore[arg-type]
                return found
        return ""

    return walk(spec.content.get("tree", ()), ("tree",)) or spec.document.where


def _unknown(name: str, catalogue: Catalogue, place: str) -> InputError:
    close = nearest(name, catalogue.indicators)
    hint = f'Did you mean "{close[0]}"?' if close else "See: concordat evidence coverage"
    return InputError(f'"{name}" is not an indicator I know.', where=place, hint=hint, code="unknown_indicator")


def _bounds(indicator: Indicator, catalogue: Catalogue | None) -> tuple[float, float]:
    """What an indicator can't lie outside of: as the file says, else as the catalogue does."""
    ends = indicator.bounds
    if ends is None and catalogue is not None:
        ends = tuple(catalogue.indicators[indicator.id].bounds)  # type: ignore[assignment]
    low, high = ends if ends is not None else (None, None)
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _check_possible(spec: IndexSpec, panel: Panel) -> None:
    """Refuse a figure outside of what its unit allows, unless the file accepts that very observation."""
    for i, indicator in enumerate(spec.indicators):
        column = panel.values[:, :, i]
        low, high = panel.bounds[i]
        for t, u in zip(*np.nonzero((column < low) | (column > high)), strict=True):
            found = str(panel.ids[t, u, i]) or f"{panel.units[u]}, {indicator.id}, {panel.years[t]}"
            if found in spec.data.allow:
                continue
            what = f"{indicator.id} of {panel.units[u]} is {column[t, u]:g}, outside of {low:g} to {high:g}."
            hint = "Correct the source, or accept it: data: {allow: [...]}."
            raise SourceError(what, where=f"observation {found}", hint=hint, code="impossible")


# --- Tables of the user's own -------------------------------------------------------------------------------------


def from_table(spec: IndexSpec, text: str, *, where: str = "data.csv") -> Panel:
    """The panel from a CSV table: long (`unit,year,indicator,value` and, if known, `lower,upper`) or wide.

    A wide table has one column `unit`, if it has several years a column `year`, and a column an indicator. Units may be
    anything; where the file names units, only those are read. Empty cells are missing. Denominators are columns too.

    Raises:
        InputError: a column or indicator is missing, a number can't be read, a cell stands twice.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        rows = list(reader)
    except csv.Error as error:
        hint = "Write one row a line, cells with commas between them."
        place = f"{where}, line {reader.line_num}"
        raise InputError(f"not CSV: {error}.", where=place, hint=hint, code="csv") from None
    if not rows or not any(rows):
        raise InputError("the table is empty.", where=where, hint="Begin with: unit,year,indicator,value", code="empty")
    head = [name.strip() for name in rows[0]]
    first = next((n for n in ("unit", "area", "iso3") if n in head), None)
    if first is None:
        hint = "Begin with: unit,year,indicator,value"
        raise InputError("the table has no column unit.", where=f"{where}, line 1", hint=hint, code="columns")
    if len(set(head)) < len(head):
        raise InputError("a column stands twice.", where=f"{where}, line 1", hint="Name each once.", code="columns")
    long = {"indicator", "value"} <= set(head)
    figures: dict[tuple[int, str, str], tuple[float, float, float]] = {}
    seen: set[str] = set()  # a unit without any figure is listed, too: unranked
    for n, row in enumerate(rows[1:], 2):
        if len(row) > len(head):
            what = f"the row has {len(row)} cells, the head {len(head)}."
            raise InputError(what, where=f"{where}, line {n}", hint="Put cells with commas in quotes.", code="cells")
    lines = [(n, dict(zip(head, row, strict=False))) for n, row in enumerate(rows[1:], 2) if any(row)]
    for n, row in lines:
        place = f"{where}, line {n}"
        year = _whole(row.get("year", ""), place)
        unit = row.get(first, "").strip()
        if not unit:
            raise InputError("the row names no unit.", where=place, hint="Fill the column.", code="unit")
        seen.add(unit)
        given = [row.get("indicator", "").strip()] if long else [c for c in head if c not in (first, "year")]
        for name in given:
            value = _number(row.get("value" if long else name, ""), place, name)
            if value is None:
                continue
            if (year, unit, name) in figures:
                raise InputError(f"{name} of {unit} stands twice.", where=place, hint="Keep one.", code="duplicate")
            ends = (_number(row.get(e, ""), place, name) if long else None for e in ("lower", "upper"))
            low, high = (value if e is None else e for e in ends)
            figures[year, unit, name] = (value, low, high)
    return _from_figures(spec, figures, seen, where)


def _from_figures(
    spec: IndexSpec,
    figures: Mapping[tuple[int, str, str], tuple[float, float, float]],
    seen: Collection[str],
    where: str,
) -> Panel:
    names = {name for _, _, name in figures}
    for needed in (*(i.id for i in spec.indicators), *_denominators(spec)):
        if needed not in names:
            close = nearest(needed, names)
            hint = f'Did you mean "{close[0]}"?' if close else "Add it, or take it out of the tree."
            raise InputError(f'the table has no figures of "{needed}".', where=where, hint=hint, code="columns")
    units = units_of(spec) if spec.units is not None else tuple(sorted(seen))
    last = spec.data.last or max(year for year, _, _ in figures)
    first = spec.data.first or last
    years = tuple(range(first, last + 1)) if spec.data.take == "panel" else (last,)
    cells: list[list[list[_Cell]]] = []
    for year in years:
        found = [[_from_table_cell(spec, figures, year, u, i) for i in spec.indicators] for u in units]
        cells.append(found)
    bottoms = {
        d: np.array([[figures.get((y, u, d), (math.nan,))[0] for u in units] for y in years])
        for d in _denominators(spec)
    }
    return _panel(spec, years, units, cells, bottoms, None)


def _from_table_cell(
    spec: IndexSpec,
    figures: Mapping[tuple[int, str, str], tuple[float, float, float]],
    year: int,
    unit: str,
    indicator: Indicator,
) -> _Cell:
    oldest = year if spec.data.take == "panel" else (spec.data.first or -(10**6))
    for back in range(year, max(oldest, year - 300) - 1, -1):
        if (back, unit, indicator.id) not in figures:
            continue
        if spec.data.max_age is not None and year - back > spec.data.max_age:
            return _Cell(math.nan, math.nan, math.nan, Reason.TOO_OLD, back, "")
        value, low, high = figures[back, unit, indicator.id]
        return _Cell(value, low, high, Reason.OBSERVED, back, f"{unit}:{indicator.id}:{back}")
    return _NONE


def _whole(text: str, place: str) -> int:
    text = text.strip()
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise InputError(f'"{text}" is not a year.', where=place, hint="Write it as 2025.", code="year") from None


def _number(text: str, place: str, name: str) -> float | None:
    text = text.strip()
    if not text or text in ("NA", "..", "nan", "NaN"):
        return None
    try:
        value = float(text)
    except ValueError:
        hint = "Write numbers with a point, and leave missing ones empty."
        raise InputError(f'{name}: "{text}" is not a number.', where=place, hint=hint, code="number") from None
    if not math.isfinite(value):
        raise InputError(f"{name}: {text} is not finite.", where=place, hint="Leave it empty.", code="number")
    return value
