"""Who is without: people without what an indicator counts, each member's share of them, a picture and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.observatory.divide import counts_people
from concordat.report.cells import Counting
from concordat.report.chapter import Block, Cell, Column, Figure, Headline, Note, Num, Row, Runs, Table
from concordat.report.divide_cells import Group, in_words, measure_num, reason_text
from concordat.report.inputs import LARGE_BLOC, Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

INTERNET = "internet_users_pct"
DRAWN_MAX = 10


def blocks(counting: Counting, shown: Sequence[Indicator], groups: Sequence[Group]) -> Iterator[Block]:
    """The figure of the first indicator that counts people, the table of all of them, and how to read it."""
    counted = [i for i in shown if counts_people(i)]
    if not counted:
        return
    table = _table(counting.inputs, counted, groups)
    drawn = next((i for i in counted if groups[-1].records[i.id].parts["people_reason"] is None), None)
    if drawn is not None:
        yield from _figure(counting, drawn, groups[-1], table)
    yield table
    yield Note(counting.inputs.words.text("divide.without_note"))


def headlines(inputs: Inputs, shown: Sequence[Indicator], group: Group) -> Iterator[Headline]:
    """How many people do not use the Internet, and where most of them live."""
    record = next((group.records[i.id] for i in shown if i.id == INTERNET), None)
    if record is None or record.parts["people_reason"] is not None or not record.parts["people_lower"]:
        return
    first, second = _most(record, group.areas)[:2]
    people = in_words(inputs, measure_num(record, "people", "count"))
    told: dict[str, Runs | str] = {"people": people, "bloc": group.name}
    for key, area in (("first", first), ("second", second)):
        share = in_words(inputs, measure_num(record, f"share_{area}", "percent"))
        told |= {key: share, f"{key}_name": inputs.area_name(area)}
    yield Headline(80, inputs.words.text("divide.headline_without", **told))


def _most(record: Derived, areas: Sequence[str]) -> list[str]:
    """Members with a figure, those with most people without first."""

    def middle(area: str) -> float:
        value, low, high = (record.parts[f"people_{area}{end}"] for end in ("", "_lower", "_upper"))
        return float((low + high) / 2 if value is None else value)

    found = [a for a in areas if f"people_{a}" in record.parts]
    return sorted(found, key=lambda area: (-middle(area), area))


# --- The table ----------------------------------------------------------------------------------------------------


def _table(inputs: Inputs, counted: Sequence[Indicator], groups: Sequence[Group]) -> Table:
    """A row per member and one for each whole; people, and the share of those without in each of the groups."""
    words, language = inputs.words, inputs.study.language
    columns: list[Column] = []
    for i in counted:
        name = i.name(language)
        columns.append(Column(f"{i.id}.people", words.plain("divide.without_people", indicator=name), "count"))
        for group in groups:
            title = words.plain("divide.without_share", indicator=name, name=group.name)
            suffix = ".share_invited" if group.row_id.endswith("+invited") else ".share"
            columns.append(Column(f"{i.id}{suffix}", title, "percent"))
    rows = [_row(inputs, area, counted, groups) for area in _order(inputs, counted, groups)]
    rows += [_total(inputs, group, counted, groups) for group in groups]
    title, head = words.plain("divide.without_table"), words.plain("standing.row_title")
    return Table("divide-without", title, head, tuple(columns), tuple(rows), on_page=len(rows) <= LARGE_BLOC)


def _order(inputs: Inputs, counted: Sequence[Indicator], groups: Sequence[Group]) -> list[str]:
    """Those with most people without by the first indicator, then the others by name."""
    first = _most(groups[-1].records[counted[0].id], groups[-1].areas)
    return first + sorted(set(groups[-1].areas) - set(first), key=inputs.by_name)


def _row(inputs: Inputs, area: str, counted: Sequence[Indicator], groups: Sequence[Group]) -> Row:
    found: list[Cell] = []
    for i in counted:
        wide = groups[-1].records[i.id]
        found.append(_cell(inputs, wide, i, area, f"people_{area}", "count"))
        for group in groups:
            if area in group.areas:
                found.append(_cell(inputs, group.records[i.id], i, area, f"share_{area}", "percent"))
            else:
                found.append(Cell())
    return Row(area, inputs.area_name(area), tuple(found), "invited" if area in inputs.who.invited else "member")


def _cell(inputs: Inputs, record: Derived, indicator: Indicator, area: str, name: str, unit: str) -> Cell:
    if record.parts["people_reason"] is not None:
        return Cell(text=reason_text(inputs, record.parts["people_reason"]))
    if name not in record.parts:
        chosen = inputs.chosen.get((indicator.id, area, ""))
        too_old = chosen is not None and not chosen.missing
        return Cell(text=reason_text(inputs, "too_old" if too_old else chosen.reason if chosen else None))
    if record.parts[f"{name}_lower"] is None:
        return Cell(text=inputs.words.plain("divide.none"))
    return Cell(main=measure_num(record, name, unit))


def _total(inputs: Inputs, group: Group, counted: Sequence[Indicator], groups: Sequence[Group]) -> Row:
    found: list[Cell] = []
    for i in counted:
        found.append(_cell(inputs, group.records[i.id], i, "", "people", "count"))
        found += [Cell()] * len(groups)
    return Row(f"{group.row_id}.people", inputs.words.plain("divide.row_all", name=group.name), tuple(found), "bloc")


# --- The picture --------------------------------------------------------------------------------------------------


def _figure(counting: Counting, indicator: Indicator, group: Group, table: Table) -> Iterator[Figure]:
    inputs, words, record = counting.inputs, counting.inputs.words, group.records[indicator.id]
    language, name = inputs.study.language, indicator.name(inputs.study.language)
    drawn = [a for a in _most(record, group.areas) if record.parts[f"people_{a}_upper"] > 0][:DRAWN_MAX]
    if len(drawn) < 2:
        return
    rows: list[DotRow] = []
    texts: list[str] = []
    for area in drawn:
        num = measure_num(record, f"people_{area}", "count")
        texts.append(numbers.format_num(_bare(num), language, style="cell"))
        ends = (record.parts[f"people_{area}_lower"], record.parts[f"people_{area}_upper"])
        kind = "invited" if area in inputs.who.invited else "member"
        part = num.part if num.value is not None else f"{num.part}_upper"
        rows.append(DotRow(inputs.area_name(area), num.value, *ends, texts[-1], num.id, part, kind))
    total = _bare(measure_num(record, "people", "count"))
    told = {"indicator": name, "name": group.name, "people": words.number(total)}
    told |= {"first": inputs.area_name(drawn[0]), "first_people": numbers.in_sentence(texts[0], language)}
    told |= {"second": inputs.area_name(drawn[1]), "second_people": numbers.in_sentence(texts[1], language)}
    title, caption = words.plain("divide.figure", indicator=name), words.text("divide.figure_caption")
    spec = dot_plot(rows, unit="count", language=language)
    yield Figure("without", title, spec, table, words.plain("divide.figure_alt", **told), caption)


def _bare(num: Num) -> Num:
    """The value alone, where there is one."""
    return num if num.value is None else Num(num.value, unit=num.unit, id=num.id, part=num.part, decimals=num.decimals)
