"""How much of each member's trade hangs on few partners: shares of all goods, and how concentrated they are.

It needs the release of evidence alone. Each share is a publisher's figure; concentration and "at most" are records over
one member's list (`exchange.record`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from concordat.exchange.incidents.exposure import Partners, lists_of
from concordat.exchange.record import LARGEST, PARTNERS
from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.report import cells
from concordat.report.chapter import Block, Cell, Column, Figure, Num, Paragraph, Row, Runs, Table

if TYPE_CHECKING:
    from concordat.report.inputs import Inputs

INDICATORS = {"imports": "import_partner_pct", "exports": "export_partner_pct"}
PLACES = ("first", "second", "third")
DRAWN_MAX = 12
ROWS_ON_PAGE = 25  # two tables of a large bloc would weigh more than all the rest of the chapter


def lists(inputs: Inputs, which: str) -> dict[str, Partners]:
    """The newest list of partners of each member that has one; `which` is `imports` or `exports`."""
    found = lists_of(inputs.chosen, INDICATORS[which])
    return {area: found[area] for area in inputs.who.all if area in found}


def blocks(inputs: Inputs) -> Iterator[Block]:
    """What the figures are of, a table each of imports and exports, and a picture of the first; nothing without."""
    words = inputs.words
    found = {which: some for which in INDICATORS if (some := lists(inputs, which))}
    if not found:
        return
    yield Paragraph(words.text("exchange.exposure"))
    for which, some in found.items():
        table = _table(inputs, which, some)
        yield Paragraph(words.sentences(*_sentences(inputs, which, some)))
        if which == "imports" and len(some) > 1 and not inputs.who.large:
            yield _figure(inputs, some, table)
        yield table


def sources(inputs: Inputs) -> tuple[str, ...]:
    """The datasets behind the lists."""
    return tuple(
        sorted(
            {
                inputs.chosen[INDICATORS[which], area, f"partner={partner}"].observation.dataset_id
                for which in INDICATORS
                for area, mine in lists(inputs, which).items()
                for partner in mine.shares
            }
        )
    )


def _share(inputs: Inputs, which: str, area: str, partner: str) -> Num:
    return cells.member_num(inputs, inputs.chosen[INDICATORS[which], area, f"partner={partner}"])


def _cell(inputs: Inputs, which: str, area: str, partner: str) -> Cell:
    source = inputs.chosen[INDICATORS[which], area, f"partner={partner}"].observation.dataset_id
    return Cell(main=_share(inputs, which, area, partner), text=inputs.area_name(partner), source=source)


def _ordered(mine: Partners) -> list[str]:
    """Partners, largest share first."""
    return sorted(mine.shares, key=lambda partner: (-mine.shares[partner], partner))


def _sentences(inputs: Inputs, which: str, some: Mapping[str, Partners]) -> Iterator[Runs]:
    words, who = inputs.words, inputs.who
    mine = {area: some[area] for area in who.members if area in some}
    have = inputs.count(who.facts[area] for area in mine)
    total = inputs.count(who.facts[area] for area in who.members)
    yield words.text(f"exchange.lists_{which}", have=have, total=total)
    if len(mine) > 1:
        firsts = [_share(inputs, which, area, _ordered(listed)[0]).id for area, listed in mine.items()]
        record = inputs.book.derive(LARGEST, firsts)
        middle, least, most = (
            Num(record.parts[part], unit="percent", id=record.id, part=part) for part in ("value", "least", "most")
        )
        yield words.text("exchange.largest", median=middle, least=least, most=most)


def _table(inputs: Inputs, which: str, some: Mapping[str, Partners]) -> Table:
    words = inputs.words
    units = {"year": "", "hhi": "ratio"}
    names = (*PLACES, "unlisted", "hhi", "year")
    columns = tuple(Column(n, words.plain(f"exchange.column.{n}"), units.get(n, "percent")) for n in names)
    rows = tuple(_row(inputs, which, area, some.get(area)) for area in sorted(inputs.who.all, key=inputs.by_name))
    title, head = words.plain(f"exchange.table_{which}"), words.plain("exchange.member")
    notes = (words.text("exchange.exposure_note"), words.text("exchange.unlisted_note"))
    return Table(f"exchange-{which}", title, head, columns, rows, notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _row(inputs: Inputs, which: str, area: str, mine: Partners | None) -> Row:
    words = inputs.words
    kind = "member" if area in inputs.who.members else "invited"
    if mine is None:
        nothing = [Cell(text=words.plain("exchange.no_list"))] + [Cell(text=words.plain("exchange.nothing"))] * (
            len(PLACES) + 2
        )
        return Row(area, inputs.area_name(area), tuple(nothing), kind)  # type: ignore[arg-type]
    order = _ordered(mine)
    line = [_cell(inputs, which, area, partner) for partner in order[: len(PLACES)]]
    line += [Cell(text=words.plain("exchange.nothing"))] * (len(PLACES) - len(line))
    ids = [_share(inputs, which, area, partner).id for partner in order]
    record = inputs.book.derive(PARTNERS, ids, {"partners": order})
    parts = record.parts
    line.append(Cell(main=Num(parts["unlisted"], unit="percent", id=record.id, part="unlisted")))
    line.append(Cell(main=Num(None, parts["lower"], parts["upper"], "ratio", record.id, decimals=3)))
    line.append(Cell(main=Num(parts["year"], unit="year", id=record.id, part="year")))
    return Row(area, inputs.area_name(area), tuple(line), kind)  # type: ignore[arg-type]


def _figure(inputs: Inputs, some: Mapping[str, Partners], table: Table) -> Figure:
    """The share of the largest partner, of the most dependent members; the partner by its code, which has room."""
    words, language = inputs.words, inputs.study.language
    rows = []
    for area in sorted(some, key=lambda a: (-max(some[a].shares.values()), a))[:DRAWN_MAX]:
        partner = _ordered(some[area])[0]
        num = _share(inputs, "imports", area, partner)
        label = words.plain("page.in_brackets", text=inputs.area_name(area), inside=partner)
        text = numbers.format_num(Num(num.value, unit="percent"), language, style="cell")
        kind = "member" if area in inputs.who.members else "invited"
        value = None if num.value is None else float(num.value)
        rows.append(DotRow(label, value, None, None, text, num.id, num.part, kind))
    spec = dot_plot(rows, unit="percent", language=language)
    title, alt = words.plain("exchange.figure"), words.plain("exchange.figure_alt", count=len(rows))
    caption = [words.text("exchange.figure_caption")]
    if len(rows) < len(some):
        caption.append(words.text("exchange.figure_largest"))
    return Figure("exchange-imports", title, spec, table, alt, words.sentences(*caption))
