"""What members said to each other: statements that bridge, with their stability, and disputes with their deadlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from concordat.errors import MethodError
from concordat.report.chapter import Block, Cell, Column, Note, Num, Paragraph, Row, Runs, Table

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.report.council_section import Log

ROWS_ON_PAGE, CONSULTATIONS_ON_PAGE = 30, 2
STATEMENTS_MAX, NEAREST_MAX = 10, 3
CONSULTATION, DISPUTES = "council.record.consultation@1", "council.record.disputes@1"


def blocks(log: Log) -> Iterator[Block]:
    """Consultations of the year, disputes."""
    yield from _consultations(log)
    yield from _disputes(log)


# --- Consultations ------------------------------------------------------------------------------------------------


def _consultations(log: Log) -> Iterator[Block]:
    """Those of the year and open ones; the statements of the latest on the page."""
    rows = [c for c in log.rows("consultation") if log.in_year(c["closes"]) or c["status"] == "open"]
    rows.sort(key=lambda c: (c["closes"], c["id"]), reverse=True)
    for n, row in enumerate(rows):
        yield from _consultation(log, row, on_page=n < CONSULTATIONS_ON_PAGE)


def _consultation(log: Log, row: Mapping[str, Any], *, on_page: bool) -> Iterator[Block]:
    words = log.inputs.words
    said = {"resamples": log.options.resamples}
    try:
        record = log.inputs.book.derive(CONSULTATION, [log.fact_of("consultation", row["id"])], said)
    except MethodError as error:
        yield Note(words.text("council.consultation_failed", title=row["title"], reason=error.what))
        return
    yield Paragraph(words.sentences(*_consultation_words(log, row, record)))
    texts = {str(s["number"]): s["text"] for s in row["statements"] if s["moderated"] >= 0}
    table, basis = _statements(record, texts)
    rows = []
    for key in table:
        parts = [
            (f"{n}_{key}", "percent" if n == "majority" else "count")
            for n in ("agrees", "disagrees", "seen", "majority")
        ]
        line = [Cell(main=Num(record.parts[p], unit=u, id=record.id, part=p, decimals=0)) for p, u in parts]
        consensus = f"consensus_{key}"
        line.append(Cell(main=Num(record.parts[consensus], unit="ratio", id=record.id, part=consensus, decimals=2)))
        rows.append(
            Row(f"{row['id']}.{key}", words.plain("council.statement", number=key, text=texts[key]), tuple(line))
        )
    names = ("agrees", "disagrees", "seen", "majority", "consensus")
    yield Table(
        f"council-{row['id']}",
        words.plain(f"council.statements_{basis}", title=row["title"]),
        words.plain("council.statement_title"),
        tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
        tuple(rows),
        (words.text("council.statements_note"),),
        on_page=on_page,
    )


def _consultation_words(log: Log, row: Mapping[str, Any], record: Derived) -> Iterator[Runs]:
    from concordat.report.council_section import num, sure

    words = log.inputs.words
    told: dict[str, Any] = {name: sure(record, name) for name in ("voters", "statements", "votes")}
    yield words.text(f"council.consultation_{row['public']}", title=row["title"], **told)
    from concordat.council.consult.analysis import FEW_VOTERS

    if record.parts["voters"] < FEW_VOTERS:
        yield words.text("council.unstable", voters=sure(record, "voters"))
    stability = num(record, "stability", "ratio", 2)
    if not record.parts["searched"] or stability is None:
        yield words.text("council.groups_none")
    elif not record.parts["groups"]:
        yield words.text("council.groups_hidden", stability=stability)
    else:
        yield words.text("council.groups", groups=sure(record, "groups"), stability=stability)
    yield words.text("council.bridging", count=sure(record, "bridging"))


def _statements(record: Derived, texts: Mapping[str, str]) -> tuple[list[str], str]:
    """The statements that bridge; where none does, those that come nearest."""
    parts = record.parts
    found = sorted((k for k in texts if f"consensus_{k}" in parts), key=lambda k: (-parts[f"consensus_{k}"], int(k)))
    bridging = [k for k in found if parts[f"bridges_{k}"]]
    return (bridging[:STATEMENTS_MAX], "bridging") if parts["bridging"] else (found[:NEAREST_MAX], "nearest")


# --- Disputes -----------------------------------------------------------------------------------------------------


def _disputes(log: Log) -> Iterator[Block]:
    from concordat.council.disputes.duties import deadlines
    from concordat.council.disputes.machine import Case
    from concordat.report.council_section import num, sure

    words, rows = log.inputs.words, log.rows("dispute")
    if not rows:
        yield Paragraph(words.text("council.disputes_none"))
        return
    record = log.inputs.book.derive(DISPUTES, log.facts("dispute"))
    told: dict[str, Any] = {name: sure(record, name) for name in ("cases", "ended", "settled", "met", "missed")}
    runs = words.text("council.disputes", **told)
    days = num(record, "days")
    if days is not None:
        runs = words.sentences(runs, words.text("council.disputes_days", days=days))
    yield Paragraph(runs)
    lines = []
    for row in rows:
        case = Case.from_value(row["case"])
        due = deadlines(case, log.head["ledger_time"])
        next_ = [_duty(log, d) for d in due if d.day is not None]
        parties = {"a": log.name(case.filing.complainant), "b": log.name(case.filing.respondent)}
        where = words.plain(
            "council.case", stage=case.stage.replace("_", " "), procedure=case.procedure.name, **parties
        )
        line = (
            Cell(text=where),
            Cell(text=words.listed(next_, "page.list_semicolon") or words.plain("council.nothing")),
            *(Cell(main=sure(record, f"{n}_{row['id']}")) for n in ("met", "missed")),
        )
        lines.append(Row(row["id"], row["subject"], line))
    names = ("case", "due_next", "met", "missed")
    yield Table(
        "council-disputes",
        words.plain("council.disputes_table"),
        words.plain("council.dispute"),
        tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
        tuple(lines),
        (words.text("council.disputes_note"),),
        on_page=len(lines) <= ROWS_ON_PAGE,
    )


def _duty(log: Log, due: Any) -> str:
    return log.inputs.words.plain("council.duty", name=log.name(due.party), day=log.long(due.day))
