"""The chapter on connectivity: what the rest costs in three scopes, where use is going, where money connects most.

Costs come from each member's people and use in the release and from published estimates for the world, which stand
beside; forecasts from the release's series of all countries, with bands that held in the past or with none; the
allocation from a plan that the study names. Effects are associations: no causal effect was identified.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError
from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.figures.lines import Line, Point, lines
from concordat.report.chapter import Block, Cell, Chapter, Code, Column, Figure, Note, Num, Paragraph, Row, Table
from concordat.report.impact_size import range_cell
from concordat.report.inputs import IMPACT_FILE, Inputs

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.report.chapters.impact import Options
    from concordat.report.impact_held import Held

ANCHORS_FILE = "concordat/impact/data/cost_anchors.yaml"
COST, FORECAST = "impact.record.cost@1", "impact.record.forecast@1"
PEOPLE, ONLINE = "population", "internet_users_pct"
SCOPES = ("coverage", "affordable", "meaningful")
LINES_MAX = 4
ROWS_ON_PAGE = 30
YEARS_MIN = 2
YEARS_AHEAD = 7


def write(inputs: Inputs, options: Options, held: Held | None) -> Chapter:
    """The chapter."""
    blocks: list[Block] = [Paragraph(inputs.words.text("connect.intro"))]
    blocks += _costs(inputs, options)
    blocks += _forecast(inputs, options)
    blocks += _allocation(inputs, held)
    blocks.append(Paragraph(inputs.words.text("connect.limits")))
    return Chapter("connectivity", inputs.words.plain("chapter.connectivity"), tuple(blocks))


# --- Costs ------------------------------------------------------------------------------------------------------------


def _costs(inputs: Inputs, options: Options) -> Iterator[Block]:
    words = inputs.words
    members = sorted(inputs.who.all, key=inputs.by_name)
    known = [a for a in members if _has(inputs, PEOPLE, a) and _has(inputs, ONLINE, a)]
    if not known:
        yield Note(words.text("connect.no_figures", indicators=Code(f"{PEOPLE}, {ONLINE}")))
        return
    target = options.connect.target_pct
    full = [a for a in known if a in inputs.who.members]
    records = {a: _cost_record(inputs, [a], target) for a in known if a not in full}
    together = _cost_record(inputs, full, target) if full else next(iter(records.values()))
    records |= dict.fromkeys(full, together)
    table = _cost_table(inputs, records, together, members, len(full))
    yield _cost_figure(inputs, records, table)
    yield table
    yield from _anchors(inputs)


def _has(inputs: Inputs, indicator: str, area: str) -> bool:
    found = inputs.chosen.get((indicator, area, ""))
    return found is not None and not found.missing and found.value is not None


def _cost_record(inputs: Inputs, areas: list[str], target: float) -> Derived:
    """The record of the costs: figures of people and use, then rows of the table of estimates."""
    from concordat.evidence.resolve import enter

    _register()
    areas = sorted(areas)  # the reader's language orders the rows, never a record
    book, ids = inputs.book, []
    for area in areas:
        ids += [enter(book, inputs.chosen[indicator, area, ""]) for indicator in (PEOPLE, ONLINE)]
    ids += [book.fact(ANCHORS_FILE, _sha256(), f"#/anchors/{n}", row) for n, row in enumerate(_rows())]
    return book.derive(COST, ids, {"areas": areas, "target": target})


def _register() -> None:
    """The functions that make the records are known once their module is imported."""
    importlib.import_module("concordat.impact.record")


def _table() -> bytes:
    from importlib.resources import files

    return files("concordat.impact").joinpath("data/cost_anchors.yaml").read_bytes()


def _sha256() -> str:
    from concordat.evidence.provenance import text_hash

    return text_hash(_table())


def _rows() -> list[dict[str, Any]]:
    from concordat.settings import parse_yaml

    found: list[dict[str, Any]] = parse_yaml(_table(), where=ANCHORS_FILE).value["anchors"]
    return found


def _num(record: Derived, part: str, unit: str, decimals: int | None = None) -> Num | None:
    """A part with its interval."""
    parts = record.parts
    if parts.get(part) is None:
        return None
    ends = parts.get(f"{part}_lower"), parts.get(f"{part}_upper")
    return Num(parts[part], *ends, unit, record.id, part=part, decimals=decimals)


def _cell(inputs: Inputs, record: Derived, part: str, unit: str, decimals: int | None = None) -> Cell:
    found = _num(record, part, unit, decimals)
    return Cell(text=inputs.words.plain("connect.nothing")) if found is None else Cell(main=found)


def _cost_table(
    inputs: Inputs, records: dict[str, Derived], together: Derived, areas: list[str], members: int
) -> Table:
    """Everybody: people to connect, and the three scopes side by side; the members together in the last row."""
    words = inputs.words
    rows = []
    for area in areas:
        kind: Any = "member" if area in inputs.who.members else "invited"
        if area not in records:
            lacks = next(i for i in (PEOPLE, ONLINE) if not _has(inputs, i, area))
            empty = Cell(text=words.plain("connect.no_figure", indicator=_title(inputs, lacks)))
            rows.append(Row(area, inputs.area_name(area), (empty, *[Cell(text="")] * 3), kind))
            continue
        rows.append(Row(area, inputs.area_name(area), _cost_line(inputs, records[area], f"_{area}"), kind))
    if members > 1:
        title = words.plain("connect.together", count=members)
        rows.append(Row("together", title, _cost_line(inputs, together, ""), "bloc"))
    units = ("count", *["usd_current"] * 3)
    columns = tuple(
        Column(n, words.plain(f"connect.column.{n}"), u) for n, u in zip(("people", *SCOPES), units, strict=True)
    )
    target = _num(together, "target", "percent")
    assert target is not None
    notes = (words.text("connect.cost_note", target=target, grade=str(together.parts["grade"])),)
    title, head = words.plain("connect.cost_table"), words.plain("connect.member")
    return Table("connect-cost", title, head, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _cost_line(inputs: Inputs, record: Derived, end: str) -> tuple[Cell, ...]:
    people = _cell(inputs, record, f"people{end}", "count")
    return (people, *(_cell(inputs, record, f"{scope}{end}", "usd_current") for scope in SCOPES))


def _title(inputs: Inputs, indicator: str) -> str:
    return inputs.catalogue.indicators[indicator].name(inputs.study.language)


def _cost_figure(inputs: Inputs, records: dict[str, Derived], table: Table) -> Figure:
    """The cost of a network for each member, the largest first."""
    words, language = inputs.words, inputs.study.language
    rows = []
    ordered = sorted(records, key=lambda a: (-records[a].parts[f"coverage_{a}"], inputs.by_name(a)))
    for area in ordered[:ROWS_ON_PAGE]:
        found = _num(records[area], f"coverage_{area}", "usd_current")
        assert found is not None
        ends = [None if v is None else float(v) for v in (found.value, found.lower, found.upper)]
        text = numbers.format_num(Num(found.value, unit="usd_current"), language, style="cell")
        kind = "member" if area in inputs.who.members else "invited"
        rows.append(DotRow(inputs.area_name(area), ends[0], ends[1], ends[2], text, found.id, found.part, kind))
    spec = dot_plot(rows, unit="count", language=language)
    alt = words.plain("connect.figure_cost_alt", count=len(rows))
    caption = words.text("connect.figure_cost_caption")
    return Figure("connect-cost", words.plain("connect.figure_cost"), spec, table, alt, caption)


def _anchors(inputs: Inputs) -> Iterator[Table]:
    """Published estimates for the world, each with its scope; what each covers, in its own words, in the data files."""
    words, book, sha256 = inputs.words, inputs.book, _sha256()
    rows, covered = [], []
    for n, row in enumerate(_rows()):
        record = book.fact(ANCHORS_FILE, sha256, f"#/anchors/{n}/total", row["total"])
        low, high = (Num(row["total"][end], id=record, part=end) for end in ("low", "high"))
        total = Cell(main=low) if low.value == high.value else range_cell(inputs, low, high)
        year = book.fact(ANCHORS_FILE, sha256, f"#/anchors/{n}", row)
        line = (
            Cell(main=Num(row["year"], unit="year", id=year, part="year")),
            Cell(text=words.plain(f"connect.column.{row['scope']}")),
            total,
            Cell(text=words.plain(f"connect.mark.{row['mark']}")),
        )
        rows.append(Row(row["id"], row["title"], line))
        covered.append(Row(row["id"], row["title"], (Cell(text=row["covers"]),)))
    names = ("year", "scope", "billions", "seen")
    columns = tuple(Column(n, words.plain(f"connect.column.{n}")) for n in names)
    title, head = words.plain("connect.anchors"), words.plain("connect.estimate")
    yield Table("connect-estimates", title, head, columns, tuple(rows), (words.text("connect.anchors_note"),))
    covers = (Column("covers", words.plain("connect.column.covers")),)
    yield Table("connect-estimates-covers", title, head, covers, tuple(covered), on_page=False)


# --- Forecasts --------------------------------------------------------------------------------------------------------


def _forecast(inputs: Inputs, options: Options) -> Iterator[Block]:
    """One indicator's path for every member, from the series of all countries."""
    words, indicator = inputs.words, options.connect.indicator
    series = _series(inputs, indicator)
    long_enough = [a for a, by_year in series.items() if len(by_year) >= YEARS_MIN]
    title = _title(inputs, indicator)
    if not long_enough:
        hint = Code("concordat evidence pull worldbank")
        yield Note(words.text("connect.no_series", indicator=title, command=hint))
        return
    last = max(year for by_year in series.values() for year in by_year)
    try:
        record = _forecast_record(inputs, options, series, last)
    except ConcordatError as error:
        yield Note(words.text("connect.no_forecast", indicator=title, message=error.what), "warning")
        return
    members = [a for a in sorted(inputs.who.all, key=inputs.by_name) if f"last_{a}" in record.parts]
    to = options.connect.to or last + YEARS_AHEAD
    table = _forecast_table(inputs, record, members, title, to)
    yield _forecast_figure(inputs, record, members, series, title, to, table)
    yield table


def _series(inputs: Inputs, indicator: str) -> dict[str, dict[int, Any]]:
    """The observations of every country, by year."""
    from concordat.evidence.resolve import yearly_series
    from concordat.report.chapters.evidence import read
    from concordat.world import area_type

    not_after = read(inputs.study).not_after
    found = yearly_series(inputs.observations, inputs.catalogue, {indicator}, not_after=not_after)[indicator]
    return {
        area: {year: o for year, o in sorted(by_year.items()) if o.value is not None}
        for area, by_year in sorted(found.items())
        if area_type(area) == "country"
    }


def _forecast_record(inputs: Inputs, options: Options, series: dict[str, dict[int, Any]], last: int) -> Derived:
    from concordat.observatory.divide import is_share

    _register()
    ids = [inputs.book.observe(o) for by_year in series.values() for o in by_year.values()]
    members = [a for a in sorted(inputs.who.all) if a in series]
    share = is_share(inputs.catalogue.indicators[options.connect.indicator])
    told = {"to": options.connect.to or last + YEARS_AHEAD, "scale": "percent" if share else "log", "areas": members}
    return inputs.book.derive(FORECAST, ids, told)


def _forecast_table(inputs: Inputs, record: Derived, members: list[str], title: str, to: int) -> Table:
    words, unit = inputs.words, "percent"
    rows = []
    for area in members:
        last, at = record.parts[f"last_{area}"], f"at_{area}_{to}"
        now = Cell(text=words.plain("connect.nothing"))
        if last is not None:
            year = Num(record.parts[f"year_{area}"], unit="year", id=record.id, part=f"year_{area}")
            now = Cell(main=Num(last, unit=unit, id=record.id, part=f"last_{area}", decimals=1), year=year)
        band = record.parts.get(f"{at}_lower") is not None
        marks = [] if band else [words.plain("connect.not_calibrated")]
        marks += [words.plain("connect.pooled")] if record.parts[f"pooled_{area}"] else []
        line = (now, _cell(inputs, record, at, unit, 1), Cell(text=inputs.words.listed(marks, "page.list_semicolon")))
        rows.append(Row(area, inputs.area_name(area), line, "member" if area in inputs.who.members else "invited"))
    columns = (
        Column("last", words.plain("connect.column.last"), unit),
        Column("forecast", words.plain("connect.column.forecast", year=str(to)), unit),
        Column("marks", words.plain("connect.column.marks")),
    )
    horizon = to - record.parts["origin"]
    held, error = (_num(record, f"{n}_{horizon}", u, 1) for n, u in (("held", "percent"), ("error", "points")))
    base = _num(record, f"baseline_{horizon}", "points", 1)
    notes = [words.text("connect.forecast_note", countries=_num(record, "areas", "count") or "")]
    if held is not None and error is not None and base is not None:
        notes.append(words.text("connect.forecast_held", held=held, error=error, baseline=base))
    named = words.plain("connect.forecast_table", indicator=title)
    head = words.plain("connect.member")
    return Table("connect-forecast", named, head, columns, tuple(rows), tuple(notes), on_page=len(rows) <= ROWS_ON_PAGE)


def _forecast_figure(
    inputs: Inputs,
    record: Derived,
    members: list[str],
    series: dict[str, dict[int, Any]],
    title: str,
    to: int,
    table: Table,
) -> Figure:
    """The four members that start lowest: their figures, and the fan ahead."""
    words, language, parts = inputs.words, inputs.study.language, record.parts
    shown = sorted((m for m in members if parts[f"last_{m}"] is not None), key=lambda m: parts[f"last_{m}"])[:LINES_MAX]
    fans = []
    for area in shown:
        past = [Point(year, float(o.value * 10.0**o.unit_mult)) for year, o in series[area].items()]
        ahead = [
            Point(year, parts[name], parts.get(f"{name}_lower"), parts.get(f"{name}_upper"))
            for year in range(parts["origin"] + 1, to + 1)
            if parts.get(name := f"at_{area}_{year}") is not None
        ]
        known = {p.year for p in ahead}
        end = ahead[-1] if ahead else past[-1]
        text = numbers.format_num(Num(end.value, unit="percent", decimals=1), language, style="cell")
        points = [*(p for p in past if p.year not in known), *ahead]
        fans.append(Line(inputs.area_name(area), points, text, record.id, f"at_{area}_{to}"))
    spec = lines(fans, unit="percent", bounds=(0, 100), language=language)
    told = {"indicator": title, "year": str(to)}
    alt = words.plain("connect.figure_forecast_alt", count=len(fans), **told)
    heading, caption = words.plain("connect.figure_forecast", **told), words.text("connect.figure_forecast_caption")
    return Figure("connect-forecast", heading, spec, table, alt, caption)


# --- Allocation -------------------------------------------------------------------------------------------------------


def _allocation(inputs: Inputs, held: Held | None) -> Iterator[Block]:
    """Where a plan's money connects most, and how sure the order is."""
    words = inputs.words
    for fault in held.rows("fault") if held else []:
        if fault["part"] == "plan":
            yield Note(words.text("connect.plan_fault", name=Code(fault["name"]), message=fault["what"]), "warning")
    if held is None or not held.rows("plan"):
        yield Note(words.text("connect.no_plan", command=Code("concordat connect allocate PLAN.yaml")))
        return
    from concordat.report.impact_plan import blocks

    yield from blocks(inputs, held, IMPACT_FILE)
