"""Inside members: the gaps between town and country, and between women and men, where the release has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from concordat.observatory.divide import derive_group_gap
from concordat.report import cells
from concordat.report.cells import Counting
from concordat.report.chapter import Block, Cell, Code, Column, Note, Row, Table
from concordat.report.inputs import LARGE_BLOC
from concordat.report.messages import lowered

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.report.chapters.evidence import Options as Limits

PULL = "concordat evidence pull worldbank"
# Dimension -> the two groups, as breakdowns and as keys of the message catalogue; the gap is the first less the second.
SPLITS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "loc": (("loc=urban", "urban"), ("loc=rural", "rural")),
    "sex": (("sex=M", "male"), ("sex=F", "female")),
}


def blocks(counting: Counting, limits: Limits, asked: Sequence[Indicator]) -> Iterator[Block]:
    """One table of all gaps; for each of them the groups' figures, kept in the workbook; and what has no source."""
    inputs = counting.inputs
    in_topics = [i for topic in limits.topics for i in inputs.catalogue.by_topic(topic)]
    wanted = [*asked, *(i for i in in_topics if i not in asked and (not limits.only or i.id in limits.only))]
    # Totals (men and women in the population) are no gap between the two.
    pairs = [(i, s) for i in wanted for s in SPLITS if i.aggregate_rule != "sum" and _both(counting, i, s)]
    details = [_table(counting, indicator, split) for indicator, split in pairs]
    if pairs:
        yield _gaps(counting, pairs, details)
        yield from details
    found = {indicator.id for indicator, _ in pairs}
    absent = [i.name(inputs.study.language) for i in asked if i.breakdowns and i.id not in found]
    if absent:
        names = inputs.words.listed(absent, "page.list_semicolon")
        yield Note(inputs.words.text("divide.within_missing", names=names, command=Code(PULL)))


def _both(counting: Counting, indicator: Indicator, split: str) -> list[str]:
    """The members with a figure of both groups."""
    first, second = (counting.figures(indicator, counting.inputs.who.all, b) for b, _ in SPLITS[split])
    return sorted(set(first) & set(second))


def _gaps(counting: Counting, pairs: Sequence[tuple[Indicator, str]], details: Sequence[Table]) -> Table:
    """A row for each member, a column for each gap: the last columns of the detailed tables side by side."""
    words = counting.inputs.words
    columns = []
    for (indicator, split), table in zip(pairs, details, strict=True):
        name = {"indicator": indicator.name(counting.inputs.study.language), "gap": lowered(table.columns[-1].title)}
        title = words.plain("divide.gap_of", **name)
        columns.append(Column(f"{indicator.id}.{split}", title, table.columns[-1].unit))
    rows = tuple(
        Row(row.id, row.title, tuple(table.rows[i].cells[-1] for table in details), row.kind)
        for i, row in enumerate(details[0].rows)
    )
    title, head = words.plain("divide.gaps_table"), words.plain("standing.row_title")
    return Table("divide-gaps", title, head, tuple(columns), rows, on_page=len(rows) <= LARGE_BLOC)


def _table(counting: Counting, indicator: Indicator, split: str) -> Table:
    inputs, words, who = counting.inputs, counting.inputs.words, counting.inputs.who
    points = indicator.unit == "percent"
    columns = [Column(group, words.plain(f"divide.within_{group}"), indicator.unit) for _, group in SPLITS[split]]
    gap = words.plain(f"divide.within_gap_{split}")
    columns.append(Column("gap", gap, "points" if points else indicator.unit))
    rows = tuple(_row(counting, indicator, split, area) for area in sorted(who.all, key=inputs.by_name))
    title = words.plain("divide.within", indicator=indicator.name(inputs.study.language))
    table_id, head = f"divide-within-{split}-{indicator.id}", words.plain("standing.row_title")
    return Table(table_id, title, head, tuple(columns), rows, on_page=False)


def _row(counting: Counting, indicator: Indicator, split: str, area: str) -> Row:
    inputs = counting.inputs
    groups = [breakdown for breakdown, _ in SPLITS[split]]
    found = [cells.member_cell(inputs, indicator.id, area, None, breakdown) for breakdown in groups]
    chosen = [inputs.chosen.get((indicator.id, area, breakdown)) for breakdown in groups]
    gap = Cell(text=inputs.words.plain("standing.none"))
    if chosen[0] is not None and chosen[1] is not None and not (chosen[0].missing or chosen[1].missing):
        record = derive_group_gap(inputs.book, chosen[0], chosen[1])
        gap = Cell(text=cells.reason_text(inputs, "parts_of_different_years"))
        if record is not None:
            value, lower, upper = (record.parts[part] for part in ("value", "lower", "upper"))
            unit = "points" if indicator.unit == "percent" else indicator.unit
            gap = Cell(main=cells.interval_num(value, lower, upper, unit, record.id))
    return Row(area, inputs.area_name(area), (*found, gap), "invited" if area in inputs.who.invited else "member")
