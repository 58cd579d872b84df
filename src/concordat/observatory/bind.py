"""From figures to a panel: which figure each cell holds, and why a cell is empty.

`bind` takes the observations of a release, chooses by the rules of `evidence.resolve`, and checks names, units and what
a figure can't be. `from_table` takes a table of the user's own (text of a CSV file, long or wide) and does the same
checks by the units that the file states. This is the only module of the room that knows observations.

`take: latest` gives each cell its unit's newest figure, `panel` that of the very year, `common` that of one year for
all units: for each indicator the newest in which 90 % of the units have a figure, the rule of `evidence.resolve`.
Denominators are taken by the same rule.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from concordat.errors import InputError, SourceError
from concordat.observatory.panel import Array, Note, Panel, Reason
from concordat.observatory.spec import IndexSpec, Indicator
from concordat.observatory.stages.options import Denominate, Impute
from concordat.observatory.tables import Table, read_table
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.resolve import Chosen

# Units that are already relative to something: dividing them by people or money would mean nothing.
RELATIVE = frozenset(("percent", "per_100", "per_million", "index_0_100", "index_0_1", "years", "kwh_per_person"))
# What a figure of a unit can't lie outside of. Sums of money have no such limits: balances may be below zero.
UNIT_BOUNDS = {"percent": (0.0, 100.0), "index_0_100": (0.0, 100.0), "index_0_1": (0.0, 1.0)} | dict.fromkeys(
    ("count", "per_100", "per_million", "years", "kwh", "kwh_per_person", "gigabytes", "lcu_per_usd"), (0.0, math.inf)
)
COMMON_COVERAGE = 0.90  # of the units must have a figure in a common year; specification of evidence, section 7
Bounds: TypeAlias = tuple[float, float]
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
        InputError: an indicator or denominator that the catalogue lacks, whose unit does not fit, or without a common
            year where the file asks for one.
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
    if spec.data.take == "common":
        _check_common(spec, chosen[0], rows, areas, last)
    dated = list(zip(years, chosen, strict=True))
    cells = [
        [[_cell(spec, found, i.id, area, i.breakdown, year) for i in spec.indicators] for area in areas]
        for year, found in dated
    ]
    bottoms = {
        d: np.array([[_cell(spec, found, d, a, "", year).value for a in areas] for year, found in dated])
        for d in denominators
    }
    bounds = tuple(
        _ends(i.bounds if i.bounds is not None else catalogue.indicators[i.id].bounds) for i in spec.indicators
    )
    return _panel(spec, years, areas, cells, bottoms, bounds, notes)


def _divided(spec: IndexSpec) -> list[tuple[str, str]]:
    """Indicators that are divided, each with its denominator."""
    return [(i, d) for s in spec.steps if isinstance(s.options, Denominate) for i, d, _ in s.options.by]


def _denominators(spec: IndexSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys(d for _, d in _divided(spec)))


def _resolved(
    spec: IndexSpec, rows: Sequence[Observation], catalogue: Catalogue, year: int, areas: Sequence[str]
) -> Mapping[tuple[str, str, str], Chosen]:
    """What `evidence` chooses. An impossible figure is in quarantine there, unless the file accepts it."""
    from concordat.evidence.quality import quarantine
    from concordat.evidence.resolve import resolve

    if spec.data.take == "panel":
        rows = [o for o in rows if o.year == year]
    refused = {(vintage, o) for vintage, o in quarantine(rows, catalogue) if o not in spec.data.allow}
    return resolve(
        rows,
        catalogue,
        not_after=year,
        mode="common" if spec.data.take == "common" else "latest",
        areas=areas,
        common_coverage=COMMON_COVERAGE,
        quarantined=refused,
    )


def _check_common(
    spec: IndexSpec,
    found: Mapping[tuple[str, str, str], Chosen],
    rows: Sequence[Observation],
    areas: Sequence[str],
    last: int,
) -> None:
    """Refuse an indicator or denominator without a common year, which `resolve` leaves empty."""
    names = [(i.id, i.breakdown) for i in spec.indicators] + [(d, "") for d in _denominators(spec)]
    for name, breakdown in names:
        some = [c for a in areas if (c := found.get((name, a, breakdown))) is not None]
        if any(not c.missing or c.reason == "stale" for c in some):
            continue
        mine = [o for o in rows if o.indicator_id == name and o.breakdown == breakdown and o.year <= last]
        cells = {(o.area, o.year) for o in mine if o.value is not None or o.lower is not None}
        raise _no_common(name, Counter(year for _, year in cells), areas, spec.document.place("data"))


def _needed(units: Sequence[str]) -> int:
    """How many of the units must have a figure in a common year."""
    return max(1, math.ceil(COMMON_COVERAGE * len(units) - 1e-9))


def _no_common(name: str, having: Mapping[int, int], units: Sequence[str], where: str) -> InputError:
    needed = _needed(units)
    best = max(having, key=lambda year: (having[year], year), default=None)
    near = f"; {best} comes nearest, with {having[best]}" if best is not None and having[best] < needed else ""
    what = f"take: common: no year has a figure of {name} for {needed} of the {len(units)} units{near}."
    hint = "Use take: latest, widen data: years, or take it out of the tree."
    return InputError(what, where=where, hint=hint, code="common")


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
    bounds: tuple[Bounds, ...],
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
        bounds=bounds,
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
    for name, by in _divided(spec):
        if by not in catalogue.indicators:
            raise _unknown(by, catalogue, _place_of(spec, name))
    _refuse_relative(spec, {name: known.unit for name, known in catalogue.indicators.items()})
    return notes


def _refuse_relative(spec: IndexSpec, units: Mapping[str, str]) -> None:
    """Refuse to divide what its unit says is relative already, or to divide by it."""
    for name, by in _divided(spec):
        for what in (name, by):
            if units.get(what) in RELATIVE:
                hint = "Only counts and amounts are divided by counts and amounts."
                said = f"{name} by {by}: {what} is in {units[what]}, which is already relative."
                raise InputError(said, where=_place_of(spec, name), hint=hint, code="unit")


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


def _ends(bounds: tuple[float | None, float | None] | None) -> Bounds:
    """Bounds with infinity for what is not bounded."""
    low, high = bounds if bounds is not None else (None, None)
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _check_possible(spec: IndexSpec, panel: Panel) -> None:
    """Refuse a figure outside of what its unit allows, unless the file accepts that very observation."""
    for i, indicator in enumerate(spec.indicators):
        column = panel.values[:, :, i]
        low, high = panel.bounds[i]
        for t, u in zip(*np.nonzero((column < low) | (column > high)), strict=True):
            found = str(panel.ids[t, u, i])
            if found in spec.data.allow:
                continue
            limits = f"outside of {low:g} to {high:g}"
            if math.isinf(low) or math.isinf(high):
                limits = f"below {low:g}" if math.isinf(high) else f"above {high:g}"
            what = f"{indicator.id} of {panel.units[u]} is {column[t, u]:g}, {limits}."
            hint = "Correct the source, or accept it: data: {allow: [...]}."
            raise SourceError(what, where=f"observation {found}", hint=hint, code="impossible")


# --- Tables of the user's own -------------------------------------------------------------------------------------


def from_table(spec: IndexSpec, text: str, *, where: str = "data.csv") -> Panel:
    """The panel from a CSV table, long or wide (see `tables`), by the rules of a release.

    Units may be anything; where the file names units, only those are read. Denominators are columns, too. Figures have
    the ids `UNIT:INDICATOR:YEAR`, or `UNIT:INDICATOR` in a table without years.

    Raises:
        InputError: an indicator is missing, a number can't be read, a cell stands twice; the file names years, or asks
            for a common year, and the table has none.
        SourceError: a figure that its unit makes impossible.
    """
    indicators, denominators = [i.id for i in spec.indicators], _denominators(spec)
    _refuse_relative(spec, {i.id: i.unit for i in spec.indicators})
    table = read_table(text, tuple(dict.fromkeys((*indicators, *denominators))), where=where)
    _check_dated(spec, table, where)
    units = units_of(spec) if spec.units is not None else table.units
    last = spec.data.last or max(table.years(indicators))
    years = tuple(range(spec.data.first or last, last + 1)) if spec.data.take == "panel" else (last,)
    common = _common_of_table(spec, table, units, last, where) if spec.data.take == "common" and table.dated else {}

    def cell(name: str, unit: str, year: int) -> _Cell:
        found = table.series.get((name, unit), {})
        first = year if spec.data.take == "panel" else (spec.data.first or 0)
        only = common.get(name)
        back = max((y for y in found if first <= y <= year and only in (None, y)), default=None)
        if back is None:
            return _NONE
        name_of_it = f"{unit}:{name}:{back}" if table.dated else f"{unit}:{name}"
        if spec.data.max_age is not None and year - back > spec.data.max_age:
            return _Cell(math.nan, math.nan, math.nan, Reason.TOO_OLD, back, name_of_it)
        figure = found[back]
        ends = (figure.lower, figure.upper) if name in table.with_ends else (math.nan, math.nan)
        return _Cell(figure.value, *ends, Reason.OBSERVED, back, name_of_it)

    cells = [[[cell(i, u, year) for i in indicators] for u in units] for year in years]
    bottoms = {d: np.array([[cell(d, u, year).value for u in units] for year in years]) for d in denominators}
    return _panel(spec, years, units, cells, bottoms, tuple(_bounds_of_unit(i) for i in spec.indicators))


def _check_dated(spec: IndexSpec, table: Table, where: str) -> None:
    """Years that the file names are refused where the table has none: nobody could say what they would mean."""
    if table.dated or not spec.data.last:
        return
    asked = f"{spec.data.first}..{spec.data.last}" if spec.data.first != spec.data.last else str(spec.data.last)
    what = f'the file asks for years {asked}, and the table has no column "year" with years in it.'
    hint = 'Add a column "year", or take data: years out of the file.'
    raise InputError(what, where=where, hint=hint, code="years")


def _common_of_table(spec: IndexSpec, table: Table, units: Sequence[str], last: int, where: str) -> dict[str, int]:
    """For each indicator and denominator the newest year that is common, as `evidence.resolve` has it."""
    common: dict[str, int] = {}
    for name in dict.fromkeys((*(i.id for i in spec.indicators), *_denominators(spec))):
        having = Counter(
            y for u in units for y in table.series.get((name, u), {}) if (spec.data.first or 0) <= y <= last
        )
        enough = [year for year, n in having.items() if n >= _needed(units)]
        if not enough:
            raise _no_common(name, having, units, where)
        common[name] = max(enough)
    return common


def _bounds_of_unit(indicator: Indicator) -> Bounds:
    """What a figure of a table can't lie outside of: as the file says, else what the unit that it states allows.

    Of an indicator of the catalogue in its own unit that is what the catalogue says: a price may exceed all income.
    """
    if indicator.bounds is not None or not indicator.unit:
        return _ends(indicator.bounds)
    from concordat.evidence.catalogue import load_catalogue

    known = load_catalogue().indicators.get(indicator.id)
    if known is not None and known.unit == indicator.unit:
        return _ends(known.bounds)
    return UNIT_BOUNDS.get(indicator.unit, _ends(None))
