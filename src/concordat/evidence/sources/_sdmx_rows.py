"""From a table of SDMX to observations, by a reviewed map.

A row becomes an observation when exactly the map says so: its flow, the codes that the map asks for (`where`), a
country, a period. What the map does not name is counted and passed over; a dimension that the map forgot and that has
several values among the rows of one indicator refuses those rows, because two different figures would look the same.

Attributes ride along: OBS_STATUS verbatim (a code that SDMX does not list is kept, `evidence.quality` flags it),
Eurostat's OBS_FLAG letter by letter, CONF_STATUS (what is not known to be free is taken for confidential), UNIT_MULT,
DECIMALS; all others stay in the note. Codes of areas are never guessed: EL and UK are Eurostat's, a group of countries
or an unknown code is told and not used.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, InputError, SourceError
from concordat.evidence.observation import Observation, breakdown_text, obs_id_of
from concordat.evidence.sources._answers import rows_text
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources._sdmx import LEAD, NO_VALUE, TIME, Freq, Row, Table, number_of, period_of

if TYPE_CHECKING:
    from concordat.evidence.sources._sdmx_model import Flow, SdmxFile, SeriesMap

FREQUENCY = ("FREQ", "FREQUENCY")
CONFIDENTIAL = ("CONF_STATUS", "CONF_STATUS_OBS", "OBS_CONF")
MISSING_BY_STATUS = {"M": "not_applicable", "Q": "withheld"}
# Eurostat's flags that mean what the capital means in SDMX: break, definition differs, estimated, forecast, imputed,
# not significant, provisional, low reliability.
EUROSTAT_SAME = frozenset("bdefinpu")
NOTE_MAX = 2_000
_FLOW = re.compile(r"(?:[A-Za-z0-9_.-]+:)?([A-Za-z0-9_@$.-]+?)(?:\([0-9.+*]*\))?(?:: .*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Target:
    """A series of the map, and what its map makes of the table's columns, looked at once.

    Attributes:
        open: dimensions that the map does not name: they must not vary.
        keyed: the columns whose codes make the key of the series.
        noted: the columns that stay in the note.
    """

    flow: Flow
    series: SeriesMap
    open: tuple[str, ...]
    keyed: tuple[str, ...]
    noted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Selected:
    row: Row
    target: _Target
    breakdown: str


def observations_of(table: Table, maps: SdmxFile, meta: Meta) -> Iterator[Observation | Problem]:
    """The observations in a table, and what was passed over.

    Raises:
        SourceError: no row, a flow that the map does not have, or a column that the map names and the table lacks.
    """
    if not table.rows:
        raise SourceError("the answer holds no row.", where=meta.name, hint=_CHECK, code="empty_answer")
    yield from table.problems
    if table.attributes:
        said = "; ".join(f"{k}={v}" for k, v in sorted(table.attributes.items()))
        yield Problem("dataset_attributes", "info", meta.name, f"said of the whole data set: {said}")
    selected, problems = _select(table, maps, meta)
    yield from problems
    refused = set()
    for problem, series in _forgotten(selected, meta):
        refused.add(id(series))
        yield problem
    yield from _rows(table, [s for s in selected if id(s.target.series) not in refused], meta)


_CHECK = "Check the flow, the key, the countries and the years that were asked for."


def _select(table: Table, maps: SdmxFile, meta: Meta) -> tuple[list[_Selected], list[Problem]]:
    by_name = {name: flow for flow in maps.flows for name in flow.names}
    targets: dict[str, list[_Target]] = {}
    selected: list[_Selected] = []
    passed: Counter[str] = Counter()
    problems: list[Problem] = []
    for row in table.rows:
        flow = _flow_of(row, maps, by_name, meta)
        if flow.id not in targets:
            _check_columns(table, flow, meta)
            targets[flow.id] = [_target(table, flow, series) for series in flow.series]
        if row.withdrawn and (blank := [d for d in table.dimensions if d not in row.cells]):
            text = f"withdraws every {', '.join(blank)} at once (ACTION D), which a single answer can't show"
            problems.append(Problem("withdrawn_range", "error", _place(meta, row), text))
            continue
        hit = next(((t, b) for t in targets[flow.id] if (b := _matches(row, t.series)) is not None), None)
        if hit is None:
            passed[flow.id] += 1
        else:
            selected.append(_Selected(row, *hit))
    text = "{n} of {all} of {flow} are of series that the map does not name; passed over"
    problems += [
        Problem("not_mapped", "info", meta.name, text.format(n=n, all=rows_text(len(table.rows)), flow=flow))
        for flow, n in sorted(passed.items())
    ]
    return selected, problems


def _flow_of(row: Row, maps: SdmxFile, by_name: dict[str, Flow], meta: Meta) -> Flow:
    match = _FLOW.fullmatch(row.flow)
    name = match[1] if match else row.flow
    found = by_name.get(name.lower())
    if found is None and not row.flow and len(maps.flows) == 1:
        return maps.flows[0]  # a body that names no flow, and a map that has one
    if found is None:
        known = ", ".join(flow.id for flow in maps.flows) or "none"
        what = f'the rows are of the flow "{row.flow}", which the map does not have.'
        raise SourceError(what, where=_place(meta, row), hint=f"The map has: {known}.", code="unknown_flow")
    return found


def _check_columns(table: Table, flow: Flow, meta: Meta) -> None:
    wanted = {flow.area.dimension, flow.time}
    for series in flow.series:
        wanted |= {*series.where, *(part.dimension for part in series.breakdown.values())}
    lacking = sorted(wanted - set(table.columns) - set(table.attributes))
    if lacking:
        what = f"the map of {flow.id} names {', '.join(lacking)}, which the answer does not have."
        hint = f"It has: {', '.join(table.columns)}."
        raise SourceError(what, where=meta.name, hint=hint, code="missing_column")


def _matches(row: Row, series: SeriesMap) -> str | None:
    """The breakdown of a row that belongs to a series; None where it does not."""
    for column, wanted in series.where.items():
        if row.cells.get(column, "") not in ([wanted] if isinstance(wanted, str) else wanted):
            return None
    parts: dict[str, str] = {}
    for name, part in series.breakdown.items():
        value = part.values.get(row.cells.get(part.dimension, ""))
        if value is None:
            return None
        if value:
            parts[name] = value
    return breakdown_text(parts)


def _target(table: Table, flow: Flow, series: SeriesMap) -> _Target:
    named = {flow.area.dimension, flow.time, *series.where, *flow.free_dimensions, flow.unit_mult or ""}
    named |= {part.dimension for part in series.breakdown.values()}
    named |= {d for d in table.columns if d.upper() in FREQUENCY}
    handled = {*named, *table.dimensions, flow.value, *_HANDLED, *CONFIDENTIAL}
    return _Target(
        flow=flow,
        series=series,
        open=tuple(d for d in table.dimensions if d not in named),
        keyed=tuple(d for d in table.dimensions or sorted(named & set(table.columns)) if d != flow.time),
        noted=tuple(c for c in table.columns if c not in handled),
    )


def _forgotten(selected: list[_Selected], meta: Meta) -> Iterator[tuple[Problem, SeriesMap]]:
    """Series in whose rows a dimension varies that the map does not name."""
    seen: dict[tuple[int, str], set[str]] = defaultdict(set)
    by_id: dict[int, SeriesMap] = {}
    for one in selected:
        series = one.target.series
        by_id[id(series)] = series
        for dimension in () if one.row.withdrawn else one.target.open:
            seen[id(series), dimension].add(one.row.cells.get(dimension, ""))
    for (key, dimension), values in seen.items():
        if len(values) > 1:
            some = ", ".join(sorted(values)[:5])
            text = f"{dimension} has {len(values)} values ({some}) among the rows; the map must say which is meant"
            yield Problem("dimension_unmapped", "error", meta.name, text, by_id[key].indicator), by_id[key]


def _rows(table: Table, selected: list[_Selected], meta: Meta) -> Iterator[Observation | Problem]:
    areas = _Areas(meta)
    found: dict[int, Observation] = {}
    by_key: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(selected):
        area = areas.area(one)
        if area is None:
            continue
        try:
            columns = _columns(table, one, area)
            if one.row.withdrawn:
                for earlier in by_key.pop(_key(columns, meta), []):
                    del found[earlier]
                text = f"{area} in {columns['period_end'].year} is withdrawn by the publisher (ACTION D)"
                yield Problem("withdrawn", "info", _place(meta, one.row), text, one.target.series.indicator, area)
                continue
            found[number] = meta.row(one.row.place, **columns)
        except (ValueError, ConcordatError) as error:
            text = error.what if isinstance(error, ConcordatError) else f"{error}"
            yield Problem("unparsed", "error", _place(meta, one.row), text, one.target.series.indicator, area)
            continue
        by_key[found[number].obs_id].append(number)
    yield from areas.problems()
    yield from found.values()


def _key(columns: dict[str, Any], meta: Meta) -> str:
    about = {k: columns[k] for k in ("indicator_id", "area", "period_start", "period_end", "breakdown", "unit")}
    return obs_id_of(**about, source_id=meta.source_id, dataset_id=meta.dataset_id)


def _place(meta: Meta, row: Row) -> str:
    return f"{meta.name}: {row.place}"


# --- Columns of one row ---------------------------------------------------------------------------------------------


def _columns(table: Table, one: _Selected, area: str) -> dict[str, Any]:
    row, flow, series = one.row, one.target.flow, one.target.series
    start, end, freq = _period(row, flow)
    status, missing, flag_note = _status(row)
    conf, conf_note = _confidentiality(row)
    columns: dict[str, Any] = {
        "indicator_id": series.indicator,
        "area": area,
        "period_start": start,
        "period_end": end,
        "freq": freq,
        "breakdown": one.breakdown,
        "unit": series.unit,
        "unit_mult": _integer(row, flow.unit_mult) or 0 if flow.unit_mult else 0,
        "decimals": _integer(row, "DECIMALS"),
        "obs_status": status,
        "conf_status": "C" if missing == "withheld" and conf == "F" else conf,
        "series_key": _series_key(one),
        "note": "; ".join(filter(None, [flag_note, conf_note, _note(one)]))[:NOTE_MAX],
    }
    text = row.cells.get(flow.value, "").strip()
    if text in NO_VALUE:
        columns["missing_reason"] = missing or ("withheld" if conf != "F" else "not_published")
        columns["obs_status"] = "O" if status == "A" else status
    else:
        number = number_of(text, comma=table.comma)
        columns["value"] = number.value * series.multiply
        columns["precision"] = abs(number.precision * series.multiply)
        columns["processing_level"] = "raw" if series.multiply == 1 else "minor"
    return columns


def _period(row: Row, flow: Flow) -> tuple[date, date, Freq]:
    """The period as written; a day with an annual frequency is a contradiction, not a year."""
    text = row.cells.get(flow.time, "")
    start, end, freq = period_of(text)
    said = next((row.cells[c] for c in row.cells if c.upper() in FREQUENCY), "")
    if said in ("A", "Q", "M") and freq != said:
        raise ValueError(f'the period "{text}" is not of the frequency {said} that the row states')
    return start, end, freq


def _integer(row: Row, column: str) -> int | None:
    text = row.cells.get(column, "")
    if not text:
        return None
    if not re.fullmatch(r"-?[0-9]{1,2}", text):
        raise ValueError(f'{column} is "{text[:40]}", not a small whole number')
    return int(text)


def _status(row: Row) -> tuple[str, str | None, str]:
    """The status, the reason it gives for a missing value, and what the note keeps of it."""
    if status := row.cells.get("OBS_STATUS"):
        return status, MISSING_BY_STATUS.get(status), ""
    flag = row.cells.get("OBS_FLAG", "")
    if not flag:
        return "A", None, ""
    missing = "withheld" if "c" in flag else "not_applicable" if "z" in flag else None
    return flag.upper() if flag in EUROSTAT_SAME else flag, missing, f"OBS_FLAG={flag}"


def _confidentiality(row: Row) -> tuple[str, str]:
    said = [(c, row.cells[c]) for c in CONFIDENTIAL if c in row.cells]
    if all(code == "F" for _, code in said):
        return "F", ""
    column, code = next((c, v) for c, v in said if v != "F")
    return ("N", "") if code == "N" else ("C", "" if code == "C" else f"{column}={code}")


def _series_key(one: _Selected) -> str:
    """`SERIES_KEY` where the body has it, else the codes of its dimensions in order, else those that the map names."""
    cells = one.row.cells
    for given in ("SERIES_KEY", "KEY"):
        if given in cells:
            return cells[given]
    return f"{one.target.flow.id}:{'.'.join(cells.get(d, '') for d in one.target.keyed)}"


def _note(one: _Selected) -> str:
    return "; ".join(f"{c}={one.row.text(c)}" for c in one.target.noted if c in one.row.cells)


_HANDLED = (*LEAD, TIME, "OBS_STATUS", "OBS_FLAG", "DECIMALS")


# --- Areas ----------------------------------------------------------------------------------------------------------


class _Areas:
    """Codes of countries, each looked up once; those that are none are counted and told at the end."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta
        self._known: dict[tuple[str, str], str | None] = {}
        self._none: Counter[tuple[str, str, bool]] = Counter()
        self._first: dict[str, str] = {}

    def area(self, one: _Selected) -> str | None:
        place = one.target.flow.area
        code = one.row.cells.get(place.dimension, "")
        key = (place.scheme, code)
        if key not in self._known:
            self._known[key] = area_of(code, place.scheme)
        if self._known[key] is None:
            self._none[code, place.scheme, code in place.groups] += 1
            self._first.setdefault(code, _place(self._meta, one.row))
        return self._known[key]

    def problems(self) -> Iterator[Problem]:
        for (code, scheme, group), n in sorted(self._none.items()):
            what = "is a group of countries" if group else f"is not a country's code in the scheme {scheme}"
            text = f'"{code}" {what}; {rows_text(n)} passed over'
            yield Problem("not_an_area", "info" if group else "warning", self._first[code], text)


EUROSTAT_CODES = {"EL": "GRC", "UK": "GBR"}


def area_of(code: str, scheme: str) -> str | None:
    """The ISO3 code of a country's code in a declared scheme; None for anything else, never a guess.

    >>> area_of("EL", "eurostat"), area_of("EL", "iso2"), area_of("840", "m49"), area_of("EU27_2020", "eurostat")
    ('GRC', None, 'USA', None)
    """
    from concordat.world import country

    if scheme == "eurostat" and code in EUROSTAT_CODES:
        return EUROSTAT_CODES[code]
    shape = {"iso2": "[A-Z]{2}", "eurostat": "[A-Z]{2}", "iso3": "[A-Z]{3}", "m49": "[0-9]{1,3}"}[scheme]
    if not re.fullmatch(shape, code):
        return None
    try:
        return country(code, scheme="iso2" if scheme == "eurostat" else scheme).iso3  # type: ignore[arg-type]
    except InputError:
        return None
