"""The pictures of the index: rank intervals over plateaus, what each score is made of, who is ahead of whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.figures import numbers
from concordat.figures.ahead import AheadCell, AheadUnit, ahead_matrix
from concordat.figures.contributions import ContributionRow, Part, contribution_bars
from concordat.figures.rank_intervals import RankRow, RankWords, rank_intervals
from concordat.observatory.record import AHEAD_MAX
from concordat.observatory.uncertainty import plateau_letter
from concordat.report.chapter import Cell, Column, Figure, Num, Row, Table

if TYPE_CHECKING:
    from concordat.report.index_section import Drawn


def figures(drawn: Drawn, table: Table) -> Iterator[Figure]:
    """Rank intervals first, then contributions, then the matrix where it can be read."""
    if drawn.doubt is not None:
        yield _ranks(drawn, drawn.doubt, table)
    yield _parts(drawn)
    if drawn.doubt is not None and len(drawn.units) <= AHEAD_MAX:
        yield _ahead(drawn, drawn.doubt)


def _ranks(drawn: Drawn, doubt: Derived, table: Table) -> Figure:
    words, language = drawn.inputs.words, drawn.inputs.study.language
    rows: list[RankRow] = []
    for unit in drawn.order:
        num = drawn.interval(unit)
        assert num is not None
        middle, low, high = (doubt.parts[f"rank_{unit}{end}"] for end in ("", "_lower", "_upper"))
        apart = low != high
        part = numbers.end_part(num.part, "lower") if apart else num.part
        shown = Num(None, low, high, "rank", num.id, part=num.part) if apart else Num(middle, unit="rank", id=num.id)
        text = numbers.format_num(shown, language)
        letter = plateau_letter(doubt.parts[f"plateau_{unit}"])
        nominal = drawn.first.parts[f"rank_{unit}"]
        rows.append(RankRow(drawn.inputs.area_name(unit), nominal, middle, low, high, text, letter, num.id, part))
    keys = RankWords(*(words.plain(f"index.key_{k}") for k in ("bar", "dot", "tick", "plateau")))
    spec = rank_intervals(rows, units=len(drawn.order), words=keys)
    plateaus = len({doubt.parts[f"plateau_{u}"] for u in drawn.order})
    told = {"first": drawn.inputs.area_name(drawn.order[0]), "last": drawn.inputs.area_name(drawn.order[-1])}
    alt = words.plain("index.figure_ranks_alt", count=len(drawn.order), plateaus=plateaus, **told)
    title, caption = words.plain("index.figure_ranks"), words.text("index.figure_ranks_caption")
    return Figure("index-ranks", title, spec, table, alt, caption)


def _parts(drawn: Drawn) -> Figure:
    """Parts of the score by pillar; against the mean country where the top is no weighted mean."""
    inputs, words, first, language = drawn.inputs, drawn.inputs.words, drawn.first, drawn.inputs.study.language
    against = any(first.parts[f"baseline_{u}"] for u in drawn.order)
    rows: list[ContributionRow] = []
    cells: list[Row] = []
    for unit in drawn.order:
        parts: list[Part | None] = []
        line: list[Cell] = []
        for pillar in drawn.pillars:
            name = f"part_{pillar}_{unit}"
            value = first.parts[name]
            num = Num(value, unit="points", id=first.id, part=name, decimals=1)
            parts.append(
                None if value is None else Part(value, numbers.format_num(num, language, style="bare"), first.id, name)
            )
            line.append(Cell(text=words.plain("index.none")) if value is None else Cell(main=num))
        score = drawn.score(unit)
        text = numbers.format_num(score, language, style="bare")
        total = sum(p.value for p in parts if p is not None)
        rows.append(ContributionRow(inputs.area_name(unit), tuple(parts), total, text, score.id, score.part))
        if against:
            name = f"baseline_{unit}"
            line.append(Cell(main=Num(first.parts[name], unit="index_0_100", id=first.id, part=name, decimals=1)))
        cells.append(Row(unit, inputs.area_name(unit), (*line, Cell(main=score)), "member"))
    columns = [
        Column(p, words.plain("index.column.part", pillar=drawn.pillar_name(p)), "points") for p in drawn.pillars
    ]
    if against:
        columns.append(Column("baseline", words.plain("index.column.baseline")))
    columns.append(Column("score", words.plain("index.column.score")))
    title, head = words.plain("index.parts_table"), words.plain("index.row_title")
    table = Table("index-parts", title, head, tuple(columns), tuple(cells), on_page=False)
    spec = contribution_bars(rows, pillars=[drawn.pillar_name(p) for p in drawn.pillars], language=language)
    told = {"first": inputs.area_name(drawn.order[0]), "last": inputs.area_name(drawn.order[-1])}
    alt = words.plain("index.figure_parts_alt", count=len(rows), **told)
    caption = words.text("index.figure_parts_caption" if against else "index.figure_parts_plain")
    return Figure("index-parts", words.plain("index.figure_parts"), spec, table, alt, caption)


def _ahead(drawn: Drawn, doubt: Derived) -> Figure:
    inputs, words, language = drawn.inputs, drawn.inputs.words, drawn.inputs.study.language
    cells: list[list[AheadCell | None]] = []
    rows: list[Row] = []
    for a in drawn.order:
        line: list[AheadCell | None] = []
        shown: list[Cell] = []
        for b in drawn.order:
            part = f"ahead_{a}_{b}"
            value = doubt.parts.get(part)
            if value is None:
                line.append(None)
                shown.append(Cell(text="·"))
                continue
            num = Num(value, unit="percent", id=doubt.id, part=part, decimals=0)
            line.append(AheadCell(value, numbers.format_num(num, language, style="bare"), doubt.id, part))
            shown.append(Cell(main=replace(num, decimals=1)))
        cells.append(line)
        rows.append(Row(a, inputs.area_name(a), tuple(shown), "member"))
    units = [AheadUnit(inputs.area_name(u), u) for u in drawn.order]
    low, high = words.plain("index.ahead_low"), words.plain("index.ahead_high")
    spec = ahead_matrix(units, cells, low=low, high=high, language=language)
    columns = tuple(Column(u, inputs.area_name(u), "percent") for u in drawn.order)
    title, head = words.plain("index.ahead_table"), words.plain("index.row_title")
    table = Table("index-ahead", title, head, columns, tuple(rows), on_page=False)
    first, last = drawn.order[0], drawn.order[-1]
    share = inputs.words.number(Num(doubt.parts[f"ahead_{first}_{last}"], unit="percent", decimals=0))
    told = {"first": inputs.area_name(first), "last": inputs.area_name(last), "share": share}
    alt = words.plain("index.figure_ahead_alt", count=len(units), **told)
    caption = words.text("index.figure_ahead_caption")
    return Figure("index-ahead", words.plain("index.figure_ahead"), spec, table, alt, caption)
