"""Incidents that members shared: how many a quarter, and how many stages came in time.

Counts measure willingness to report, not attacks. For the public the rows of the record are tables in which small
counts are hidden already (exchange.md, 8.4), and this page prints what stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat.figures import numbers
from concordat.report.chapter import Block, Cell, Code, Column, Num, Paragraph, Row, Table

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.exchange.record import Held
    from concordat.report.exchange_section import Log

INCIDENTS, PUBLIC = "exchange.record.incidents@1", "exchange.record.incident_tables@1"
ROWS_ON_PAGE = 24


def _record(log: Log) -> Derived:
    from concordat.exchange.record import INCIDENT, TABLES

    book = log.inputs.book
    if log.public:
        return book.derive(PUBLIC, log.facts(TABLES))
    return book.derive(INCIDENTS, log.facts(INCIDENT), {"until": log.head["until"]})


def _tables(log: Log, held: Held) -> Mapping[str, Mapping[str, Any]]:
    """The tables by what they count by; empty where no incident was shared."""
    from concordat.exchange.record import INCIDENT, TABLES, tables_of

    if log.public:
        found: Sequence[Mapping[str, Any]] = log.rows(TABLES)
    else:
        found = tables_of(held.exchange, held.until, public=False) if log.rows(INCIDENT) else ()
    return {table["by"]: table for table in found}


def _marks() -> tuple[str, ...]:
    """Deadlines are those of the packaged timeline, which says whether its source was checked."""
    from concordat.exchange.incidents.deadlines import Timeline

    return ("unverified",) if Timeline.default().unverified else ()


def stages(log: Log, held: Held) -> tuple[Num, Num] | None:
    """How many stages came in time, of those that were met or missed; None where there are none or one is hidden."""
    if not _tables(log, held):
        return None
    record = _record(log)
    if not record.parts["due"]:
        return None
    in_time, due = (Num(record.parts[p], unit="count", id=record.id, part=p) for p in ("in_time", "due"))
    return in_time, Num(due.value, unit="count", id=record.id, part="due", marks=_marks())


def blocks(log: Log, held: Held) -> Iterator[Block]:
    """A sentence with the total, then the tables by quarter and by stage."""
    words = log.inputs.words
    found = _tables(log, held)
    if not found:
        yield Paragraph(words.text("exchange.incidents_none"))
        return
    total = found["quarter"]["total"]
    record = _record(log)
    said: Num | str = _hidden(log, found["quarter"]["shown"])
    if total is not None:
        said = Num(total, unit="count", id=record.id, part="total_quarter")
    runs = words.text("exchange.incidents", total=said)
    yield Paragraph(words.sentences(runs, words.text("exchange.incidents_public")) if log.public else runs)
    yield from _quarters(log, found["quarter"], record)
    yield from _stages(log, found["stage"], record)


def _hidden(log: Log, shown: str) -> str:
    """What stands in the place of a hidden count."""
    return log.inputs.words.plain("exchange.withheld") if shown == "withheld" else shown


def _count(log: Log, table: str, cell: Mapping[str, Any], record: Derived, marks: tuple[str, ...] = ()) -> Cell:
    from concordat.exchange.record import part_name

    if cell["count"] is None:
        return Cell(text=_hidden(log, cell["shown"]))
    part = f"count_{table}_{part_name(cell['key'])}"
    return Cell(main=Num(record.parts[part], unit="count", id=record.id, part=part, marks=marks))


def _quarters(log: Log, table: Mapping[str, Any], record: Derived) -> Iterator[Block]:
    words = log.inputs.words
    language = log.inputs.study.language
    rows = tuple(
        Row(c["key"], numbers.in_sentence(c["key"], language), (_count(log, "quarter", c, record),))
        for c in table["cells"]
    )
    if rows:
        column = (Column("incidents", words.plain("exchange.column.incidents")),)
        title, head = words.plain("exchange.quarters_table"), words.plain("exchange.quarter")
        yield Table("exchange-quarters", title, head, column, rows, on_page=len(rows) <= ROWS_ON_PAGE)


def _stages(log: Log, table: Mapping[str, Any], record: Derived) -> Iterator[Block]:
    from concordat.exchange.record import part_name

    words = log.inputs.words
    rows = []
    for cell in table["cells"]:
        stage, _, state = cell["key"].partition(": ")
        marks = _marks() if state in ("in time", "late") else ()
        line = [_count(log, "stage", cell, record, marks), Cell(text=words.plain("exchange.nothing"))]
        if cell["hours"] is not None:
            part = f"hours_stage_{part_name(cell['key'])}"
            line[1] = Cell(main=Num(record.parts[part], unit="ratio", id=record.id, part=part, decimals=1))
        name = words.plain(f"exchange.stage.{stage}")
        told = words.plain(f"exchange.state.{state.replace(' ', '_')}")
        row_id = part_name(cell["key"]).replace("/", ".")
        rows.append(Row(row_id, words.plain("page.in_brackets", text=name, inside=told), tuple(line)))
    if rows:
        columns = tuple(Column(n, words.plain(f"exchange.column.{n}")) for n in ("stages", "hours"))
        title, head = words.plain("exchange.stages_table"), words.plain("exchange.stage")
        note = words.text("exchange.stages_note", timeline=Code("default"))
        yield Table("exchange-stages", title, head, columns, tuple(rows), (note,))
