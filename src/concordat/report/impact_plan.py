"""The allocation of a plan in the chapter on connectivity: who gets what, what it does, and how sure the order is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.report.chapter import Block, Cell, Code, Column, Figure, Note, Num, Paragraph, Row, Runs, Table
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.report.impact_held import Held

COLUMNS = (
    ("money", "usd_current"),
    ("people", "count"),
    ("online_before", "percent"),
    ("online_after", "percent"),
    ("in_top", "percent"),
)
ROWS_ON_PAGE, DOTS_MAX = 30, 30


def blocks(inputs: Inputs, held: Held, file: str) -> Iterator[Block]:
    """The plan in a sentence, a picture and a table; what its responses rest on."""
    words = inputs.words
    head = held.rows("plan")[0]
    record = inputs.book.fact(file, held.sha256, "#/rows/plan/0", head)
    told: dict[str, Any] = {"title": head["title"], "objective": words.plain(f"connect.objective.{head['objective']}")}
    told["budget"] = Num(head["budget"], unit="usd_current", id=record, part="budget")
    told["reached"] = Num(head["value"], id=record, part="value")
    told["price"] = Num(head["price_per_dollar"], id=record, part="price_per_dollar")
    yield Paragraph(words.text("connect.plan", **told))
    if head["unverified"]:
        names = words.listed(_name(inputs, a) for a in head["unverified"])
        yield Note(words.text("connect.plan_unverified", names=names), "warning")
    table = _table(inputs, held, file, head, record)
    if len(table.rows) <= DOTS_MAX:
        yield _figure(inputs, held, file, head, table)
    yield table
    if head["binding"]:
        yield Paragraph(words.text("connect.binding", conditions=words.listed(head["binding"], "page.list_semicolon")))


def _name(inputs: Inputs, area: str) -> str:
    from concordat.world import countries

    return inputs.area_name(area) if area in {c.iso3 for c in countries()} else area


def _record(inputs: Inputs, held: Held, file: str, number: int) -> str:
    row = held.rows("allocation")[number]
    return inputs.book.fact(file, held.sha256, f"#/rows/allocation/{number}", row)


def _by_money(held: Held) -> list[tuple[int, dict[str, Any]]]:
    return sorted(enumerate(held.rows("allocation")), key=lambda pair: (-pair[1]["money"], pair[1]["area"]))


def _table(inputs: Inputs, held: Held, file: str, head: dict[str, Any], record: str) -> Table:
    words = inputs.words
    rows = []
    for number, row in _by_money(held):
        id_ = _record(inputs, held, file, number)
        line = []
        for part, unit in COLUMNS:
            if row[part] is None:
                line.append(Cell(text=words.plain("connect.nothing")))
                continue
            decimals = 0 if part == "in_top" else 1 if unit == "percent" else None
            line.append(Cell(main=Num(row[part], unit=unit, id=id_, part=part, decimals=decimals)))
        rows.append(Row(row["area"], _name(inputs, row["area"]), tuple(line)))
    columns = tuple(Column(p, _heading(inputs, p, head), u) for p, u in COLUMNS)
    draws = Num(head["draws"], unit="count", id=record, part="draws")
    gap = Code(f"≤ {head['duality_gap']:.0e}")
    notes: tuple[Runs, ...] = (words.text("connect.plan_note", draws=draws, gap=gap),)
    title, first = words.plain("connect.plan_table", title=head["title"]), words.plain("connect.member")
    return Table("connect-plan", title, first, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _heading(inputs: Inputs, part: str, head: dict[str, Any]) -> str:
    told = {"top": str(head["top"])} if part == "in_top" else {}
    return inputs.words.plain(f"connect.column.{'connected' if part == 'people' else part}", **told)


def _figure(inputs: Inputs, held: Held, file: str, head: dict[str, Any], table: Table) -> Figure:
    words, language = inputs.words, inputs.study.language
    rows = []
    for number, row in _by_money(held):
        text = numbers.format_num(Num(row["money"], unit="usd_current"), language, style="cell")
        id_ = _record(inputs, held, file, number)
        rows.append(DotRow(_name(inputs, row["area"]), float(row["money"]), None, None, text, id_, "money"))
    spec = dot_plot(rows, unit="count", language=language)
    alt = words.plain("connect.figure_plan_alt", count=len(rows))
    heading = words.plain("connect.figure_plan", title=head["title"])
    return Figure("connect-plan", heading, spec, table, alt, words.text("connect.figure_plan_caption"))
