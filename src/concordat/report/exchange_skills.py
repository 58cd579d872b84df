"""The largest gap in digital skills of each member beside the courses that its exchange's log holds.

Shares are a publisher's figures; a gap is 100 minus the share, and courses are cases with competences on the log
(`exchange.record_skills`). That a course teaches what a figure asks about rests on a table of ours, unverified, and is
no proof that it closes the gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from concordat.evidence.resolve import enter
from concordat.exchange.record_skills import COURSES, GAP
from concordat.report import cells
from concordat.report.chapter import Block, Cell, Code, Column, Note, Num, Paragraph, Row, Table
from concordat.report.inputs import LARGE_BLOC

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.evidence.resolve import Chosen
    from concordat.report.exchange_section import Log
    from concordat.report.inputs import Inputs

INDICATOR = "ict_skills_pct"


def _figures(inputs: Inputs) -> dict[str, dict[str, Chosen]]:
    """Member -> activity -> its share, members of the bloc in the order of the report."""
    from concordat.exchange.inclusion.skills import SDG, frameworks

    found: dict[str, dict[str, Chosen]] = {}
    for area in sorted(inputs.who.members, key=inputs.by_name):
        for skill in sorted(frameworks()[SDG].codes):
            chosen = inputs.chosen.get((INDICATOR, area, f"skill={skill}"))
            if chosen is not None and chosen.value is not None:
                found.setdefault(area, {})[skill] = chosen
    return found


def _courses(log: Log, members: list[str]) -> Derived:
    """The record of the courses on the log."""
    from concordat.exchange.inclusion.skills import DIGCOMP, SDG, between, frameworks, languages_of

    table = between()[1]
    shows = {
        skill: [f"{SDG} {skill}", *(f"{DIGCOMP} {code}" for code in table.get(skill, ()))]
        for skill in sorted(frameworks()[SDG].codes)
    }
    said = {"languages": {member: list(languages_of(member)) for member in members}, "shows": shows}
    return log.inputs.book.derive(COURSES, log.facts("case"), said)


def blocks(log: Log) -> Iterator[Block]:
    """How many members have figures, for whom no course is in their language, and a table of the largest gaps."""
    inputs, words = log.inputs, log.inputs.words
    figures = _figures(inputs)
    if not figures:
        told = {"indicator": Code(INDICATOR), "command": Code("concordat evidence pull un_sdg")}
        yield Note(words.text("exchange.skills_none", **told))
        return
    members = sorted(inputs.who.members, key=inputs.by_name)
    made = _courses(log, members)
    have = inputs.count(inputs.who.facts[area] for area in figures)
    total = inputs.count(inputs.who.facts[area] for area in inputs.who.members)
    taught = Num(made.parts["courses"], unit="count", id=made.id, part="courses")
    yield Paragraph(words.text("exchange.skills", have=have, total=total, courses=taught))
    without = [inputs.area_name(area) for area in members if not made.parts[f"own_{area}"]]
    if without:
        yield Paragraph(words.text("exchange.no_course", members=words.listed(without)))
    yield _table(log, figures, made)


def _table(log: Log, figures: dict[str, dict[str, Chosen]], made: Derived) -> Table:
    inputs, words = log.inputs, log.inputs.words
    rows = []
    for area, shares in figures.items():
        record = inputs.book.derive(GAP, [enter(inputs.book, c) for c in shares.values()], {"skills": list(shares)})
        parts, skill = record.parts, record.parts["skill"]
        marks = cells.member_num(inputs, shares[skill]).marks
        largest = Num(parts["value"], parts["lower"], parts["upper"], "percent", record.id, marks)
        year = Num(parts["year"], unit="year", id=record.id, part="year")
        counts = (
            Cell(main=Num(made.parts[name], unit="count", id=made.id, part=name))
            for name in (f"taught_{skill}", f"own_{area}")
        )
        rows.append(
            Row(area, inputs.area_name(area), (Cell(main=largest, year=year), Cell(text=skill, code=True), *counts))
        )
    units = {"gap": "percent", "activity": "", "taught": "count", "own": "count"}
    columns = tuple(Column(name, words.plain(f"exchange.column.{name}"), unit) for name, unit in units.items())
    title, head = words.plain("exchange.skills_table"), words.plain("exchange.member")
    notes = (words.text("exchange.skills_note", command=Code("concordat exchange skills codes")),)
    return Table("exchange-skills", title, head, columns, tuple(rows), notes, on_page=len(rows) <= LARGE_BLOC)
