"""What members share: data and agreements, cases, reports, algorithm records, incidents, aid, as they were logged.

Every number is a part of a record over rows of the exchange's log (`exchange.record`), each row with its entries. What
the log doesn't hold is not made up: a record whose entry says nothing of completeness is counted as such. Below stands
how much trade hangs on few partners, from the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from concordat.report import cells, exchange_exposure, exchange_incidents, exchange_skills
from concordat.report.chapter import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Headline,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import EXCHANGE_FILE, LARGE_BLOC, Inputs

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.exchange.record import Held

ROWS_ON_PAGE = 30
KINDS = {
    "data": ("agreement", "dataset"),
    "cases": ("case",),
    "reports": ("report",),
    "algorithms": ("algorithm",),
    "aid": ("aid_offer", "aid_request", "match", "pair"),
}
DATA = ("datasets", "given", "taken", "sent", "received", "duties", "open", "overdue")
DUTIES = ("duties", "open", "overdue")
RECORDS = {"cases": "cases", "reused": "cases", "reports": "reports", "algorithms": "algorithms"}
RECORDS |= {"requests": "aid", "offers": "aid"}
STANDARDS = {
    "annex_viii": "EU AI Act, Annex VIII", "china_filing": "China", "core": "Concordat", "cyclonedx_1_6":
    "CycloneDX 1.6", "nl_1_0": "NL 1.0", "spdx_3": "SPDX 3", "uk_atrs_2022": "UK ATRS 2022",
}  # fmt: skip
FILLED = {"nl": STANDARDS["nl_1_0"], "uk": STANDARDS["uk_atrs_2022"]}


class Log:
    """What the exchange's log says, as this report prints it.

    Attributes:
        head: whose log, up to when. members: of the bloc, and whoever else logged anything, by name. public: whether
            small counts of incidents are hidden. records: name -> what the rows of its kinds come to.
    """

    def __init__(self, inputs: Inputs, held: Held) -> None:
        from concordat.evidence.provenance import text_hash

        self.inputs = inputs
        document = held.document
        self.head: Mapping[str, Any] = document["head"]
        self.public: bool = self.head["public"]
        self._rows = document["rows"]
        self._sha256 = text_hash(held.data)
        authors = {f["author"] for rows in self._rows.values() for row in rows for f in row.get("facts", ())}
        self.members: list[str] = sorted({*inputs.who.members, *authors}, key=self.by_name)
        said: dict[str, Any] = {"members": sorted(self.members)}
        until = {"until": self.head["until"]}
        self.records: dict[str, Derived] = {
            name: inputs.book.derive(
                f"exchange.record.{name}@1", self.facts(*kinds), said | (until if name == "data" else {})
            )
            for name, kinds in KINDS.items()
        }

    def rows(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """The rows of a kind."""
        found: Sequence[Mapping[str, Any]] = self._rows.get(kind, ())
        return found

    def facts(self, *kinds: str) -> list[str]:
        """The records of the rows of these kinds."""
        return [
            self.inputs.book.fact(EXCHANGE_FILE, self._sha256, f"#/rows/{kind}/{number}", row)
            for kind in kinds
            for number, row in enumerate(self.rows(kind))
        ]

    def head_num(self, part: str) -> Num:
        """A number of the head."""
        record = self.inputs.book.fact(EXCHANGE_FILE, self._sha256, "#/head", dict(self.head))
        return Num(self.head[part], unit="count", id=record, part=part)

    def num(self, name: str, part: str, unit: str = "count") -> Num:
        """A part of a record, which has a value."""
        record = self.records[name]
        return Num(record.parts[part], unit=unit, id=record.id, part=part)

    def name(self, member: str) -> str:
        """A member's name in the report's language; its own label where it is no country."""
        from concordat.world import countries

        known = {c.iso3 for c in countries()}
        return self.inputs.area_name(member) if member in known else member

    def by_name(self, member: str) -> tuple[str | bytes, str]:
        """What sorts members by name."""
        from concordat.report.inputs import order_of

        return order_of(self.name(member), self.inputs.study.language)


def write(inputs: Inputs, held: Held) -> Chapter:
    """The chapter."""
    log = Log(inputs, held)
    words = inputs.words
    blocks: list[Block] = [Note(words.text("exchange.logged")), *_introduction(log)]
    blocks += _data(log)
    blocks += _records(log)
    blocks += _cases(log)
    blocks += _reports(log)
    blocks += exchange_incidents.blocks(log, held)
    blocks += exchange_skills.blocks(log)
    blocks += _aid(log)
    blocks += exchange_exposure.blocks(inputs)
    blocks += _check(log)
    title, sources = words.plain("chapter.exchange"), exchange_exposure.sources(inputs)
    return Chapter("exchange", title, tuple(blocks), tuple(_headlines(log, held)), sources)


def _introduction(log: Log) -> Iterator[Block]:
    from concordat.report.standing import long_date

    inputs, words = log.inputs, log.inputs.words
    day = long_date(inputs, datetime.fromtimestamp(log.head["until"], UTC).date())
    told: dict[str, Any] = {"bloc": inputs.bloc_label, "day": day}
    told |= {"events": log.head_num("events"), "idle": log.head_num("no_effect")}
    runs = words.text("exchange.intro", **told)
    yield Paragraph(words.sentences(runs, words.text("exchange.intro_public")) if log.public else runs)


def _check(log: Log) -> Iterator[Block]:
    """How anybody makes sure of it."""
    told = {"file": Code(EXCHANGE_FILE), "audit": Code("concordat ledger audit FOLDER")}
    hashes = {"state": Code(log.head["state"][:16]), "trust": Code(log.head["trust"][:16])}
    yield Note(log.inputs.words.text("exchange.check", **told, **hashes))


def _by_member(log: Log, table: str, columns: Mapping[str, str], notes: tuple[Runs, ...] = ()) -> Table:
    """Counts of each member; `columns` names the record of each."""
    words = log.inputs.words
    rows = tuple(
        Row(m, log.name(m), tuple(Cell(main=log.num(of, f"{n}_{m}")) for n, of in columns.items()), "member")
        for m in log.members
    )
    heads = tuple(Column(n, words.plain(f"exchange.column.{n}")) for n in columns)
    title, head = words.plain(f"exchange.{table}_table"), words.plain("exchange.member")
    return Table(f"exchange-{table}", title, head, heads, rows, notes, on_page=len(rows) <= LARGE_BLOC)


def _listed(log: Log, items: Sequence[tuple[str, Num]]) -> Runs:
    """`Guidance: 2; Policy notes: 1.`"""
    words = log.inputs.words
    runs: list[Any] = []
    for name, number in items:
        runs += [words.plain("page.list_semicolon")] if runs else []
        runs += words.text("exchange.item", name=name, number=number)
    return (*runs, words.plain("page.full_stop"))


def _data(log: Log) -> Iterator[Block]:
    words = log.inputs.words
    told = {name: log.num("data", name) for name in ("datasets", "given", "waiting", "ended", "sent", *DUTIES)}
    yield Paragraph(words.text("exchange.data", **told))
    note = words.text("exchange.duties_note", untold=log.num("data", "untold"))
    yield _by_member(log, "data", dict.fromkeys(DATA, "data"), (note,))


def _records(log: Log) -> Iterator[Block]:
    words = log.inputs.words
    yield Paragraph(
        words.text(
            "exchange.records",
            cases=log.num("cases", "cases"),
            reused=log.num("cases", "reused"),
            reports=log.num("reports", "reports"),
            jointly=log.num("reports", "jointly"),
            algorithms=log.num("algorithms", "algorithms"),
        )
    )
    yield _by_member(log, "records", RECORDS)
    kept = [
        (STANDARDS.get(name, name), log.num("algorithms", f"standard_{name}"))
        for name in (p.removeprefix("standard_") for p in log.records["algorithms"].parts if p.startswith("standard_"))
    ]
    if kept:
        yield Paragraph((*words.text("exchange.standards"), " ", *_listed(log, kept)))
    yield from _filled(log)


def _filled(log: Log) -> Iterator[Block]:
    """How completely records of the algorithm register are filled, by standard, as far as the log says so."""
    from concordat.exchange.record import QUARTILES

    words, parts = log.inputs.words, log.records["algorithms"].parts
    counted = [part.removeprefix("records_") for part in parts if part.startswith("records_")]
    rows = tuple(
        Row(name, words.plain("exchange.standard_core") if name == "core" else FILLED[name], (
            Cell(main=log.num("algorithms", f"records_{name}")),
            *(Cell(main=log.num("algorithms", f"{q}_{name}", "percent")) for q in QUARTILES),
        ))
        for name in counted
    )  # fmt: skip
    if rows:
        units = {"records": "count", **dict.fromkeys(QUARTILES, "percent")}
        columns = tuple(Column(n, words.plain(f"exchange.column.{n}"), unit) for n, unit in units.items())
        title, head = words.plain("exchange.filled_table"), words.plain("exchange.standard")
        yield Table("exchange-filled", title, head, columns, rows, (words.text("exchange.filled_note"),))
    if parts["unsaid"]:
        command = Code("concordat exchange algorithm show ID --completeness")
        told = {"count": log.num("algorithms", "unsaid"), "command": command}
        yield Note(words.text("exchange.completeness_note", **told))


# --- Cases and reports ------------------------------------------------------------------------------------------------


def _cases(log: Log) -> Iterator[Block]:
    from concordat.exchange.cases.sectors import dac_codes
    from concordat.exchange.record import GRADES

    words, parts = log.inputs.words, log.records["cases"].parts
    if not parts["cases"]:
        return
    sectors, column = dac_codes(), (Column("cases", words.plain("exchange.column.cases")),)
    rows = []
    for part in parts:
        kind, _, code = part.partition("_")
        if kind == "area":
            rows.append(Row(code, words.plain(f"exchange.area.{code}"), (Cell(main=log.num("cases", part)),)))
        elif kind == "sector":
            title = words.plain("page.in_brackets", text=sectors.get(code, "DAC"), inside=code)
            rows.append(Row(f"dac-{code}", title, (Cell(main=log.num("cases", part)),)))
    title, notes = words.plain("exchange.topics_table"), (words.text("exchange.topics_note"),)
    head, on_page = words.plain("exchange.topic"), len(rows) <= ROWS_ON_PAGE
    yield Table("exchange-topics", title, head, column, tuple(rows), notes, on_page=on_page)
    told = {name: log.num("cases", name) for name in ("graded", "differ", "unreviewed")}
    yield Paragraph(words.text("exchange.grades", **told))
    if parts["graded"]:
        graded = tuple(
            Row(f"grade-{n}", words.plain(f"exchange.grade.{n}"), (Cell(main=log.num("cases", f"grade_{n}")),))
            for n in GRADES
        )
        column = (Column("results", words.plain("exchange.column.results")),)
        title, head = words.plain("exchange.grades_table"), words.plain("exchange.grade")
        yield Table("exchange-grades", title, head, column, graded, (words.text("exchange.grades_note"),))


def _reports(log: Log) -> Iterator[Block]:
    words, parts = log.inputs.words, log.records["reports"].parts
    kinds = [(words.plain(f"exchange.{p}"), log.num("reports", p)) for p in parts if p.startswith("kind_")]
    if not kinds:
        return
    yield Paragraph((*words.text("exchange.kinds"), " ", *_listed(log, kinds)))
    rows = []
    series_of = [p.removeprefix("issues_").partition("/")[::2] for p in parts if p.startswith("issues_")]
    for member, series in sorted(series_of, key=lambda pair: (log.by_name(pair[0]), pair[1])):
        name = f"{member}/{series}"
        units = {"issues": "count", "first": "year", "last": "year", "rebuilt": "count"}
        line = tuple(Cell(main=log.num("reports", f"{n}_{name}", unit)) for n, unit in units.items())
        rows.append(Row(f"{member}.{series}", words.plain("exchange.item", name=log.name(member), number=series), line))
    names = ("issues", "first_year", "last_year", "rebuilt")
    columns = tuple(Column(n, words.plain(f"exchange.column.{n}")) for n in names)
    title, head = words.plain("exchange.series_table"), words.plain("exchange.series")
    notes = (words.text("exchange.series_note"),)
    yield Table("exchange-series", title, head, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


# --- Aid, first screen ------------------------------------------------------------------------------------------------


def _aid(log: Log) -> Iterator[Block]:
    words, parts = log.inputs.words, log.records["aid"].parts
    told = {name: log.num("aid", name) for name in ("requests", "offers", "accepted", "bind")}
    runs = words.text("exchange.aid", **told)
    if parts["asked"] is not None:
        told = {name: log.num("aid", name) for name in ("pairs", "asked", "offered", "unmatched")}
        runs = words.sentences(runs, words.text("exchange.matching", **told), *_left(log))
    yield Paragraph(runs)


def _left(log: Log) -> Iterator[Runs]:
    """Why requests got nothing, the commonest reason first; that the log doesn't say so, if it doesn't."""
    words, parts = log.inputs.words, log.records["aid"].parts
    if not parts["unmatched"]:
        return
    reasons = sorted((p for p in parts if p.startswith("left_")), key=lambda part: (-parts[part], part))
    if not reasons:
        yield words.text("exchange.matching_unsaid")
        return
    said = [(words.plain(f"exchange.reason.{p.removeprefix('left_')}"), log.num("aid", p)) for p in reasons]
    yield (*words.text("exchange.left"), " ", *_listed(log, said))


def _headlines(log: Log, held: Held) -> Iterator[Headline]:
    words = log.inputs.words
    bloc = cells.bloc_name(log.inputs)
    if log.records["cases"].parts["cases"]:
        told = {name: log.num("cases", name) for name in ("reused", "cases")}
        yield Headline(39, words.text("exchange.headline_reused", bloc=bloc, **told))
    stages = exchange_incidents.stages(log, held)
    if stages is not None:
        yield Headline(38, words.text("exchange.headline_stages", in_time=stages[0], due=stages[1]))
