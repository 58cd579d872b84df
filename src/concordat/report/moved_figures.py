"""The pictures of what moved: a slope chart for each of the headline figures that moved most members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.figures import numbers
from concordat.figures.slope import End, SlopeRow, slope_chart
from concordat.report import cells
from concordat.report.chapter import Column, Figure, Row, Table

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.resolve import Chosen
    from concordat.report.inputs import Inputs
    from concordat.report.moved import Comparison, Move

LEAD = "internet_users_pct"
FIGURES_MAX = 2
ROWS_MAX = 24  # more lines than that nobody can follow: those that moved most are drawn


def slopes(both: Comparison, moves: Sequence[Move]) -> Iterator[Figure]:
    """Internet use first, if it moved, then the figure with most moves."""
    both_sides = [m for m in moves if m.before is not None and m.now is not None]
    count = Counter(m.indicator.id for m in both_sides if cells.comparable(m.indicator.unit))
    order = sorted(count, key=lambda i: (i != LEAD, -count[i], i))
    for indicator_id in order[:FIGURES_MAX]:
        yield _slope(both, both.inputs.catalogue.indicators[indicator_id], moves)


def _slope(both: Comparison, indicator: Indicator, moves: Sequence[Move]) -> Figure:
    from concordat.report.moved import largest

    inputs, words = both.inputs, both.inputs.words
    about = [m for m in moves if m.indicator.id == indicator.id]
    areas = sorted(inputs.who.all, key=inputs.by_name)
    before, now = both.then.figures(indicator, areas), both.now.figures(indicator, areas)
    shown = [a for a in areas if a in before or a in now]
    if len(shown) > ROWS_MAX:
        kept = {m.area for m in largest(about, ROWS_MAX)}
        shown = [a for a in shown if a in kept]
    drawn = [
        SlopeRow(inputs.area_name(a), _end(both.then.inputs, before.get(a)), _end(inputs, now.get(a))) for a in shown
    ]
    name = indicator.name(inputs.study.language)
    spec = slope_chart(
        drawn,
        before=words.plain("moved.release", name=both.earlier.name),
        after=words.plain("moved.this_release"),
        bounds=(0, 100) if indicator.unit == "percent" else None,
    )
    columns = tuple(Column(n, words.plain(f"moved.column_{n}"), indicator.unit) for n in ("before", "now"))
    sides = (both.then.inputs, inputs)
    rows = tuple(
        Row(a, inputs.area_name(a), tuple(cells.member_cell(side, indicator.id, a, None) for side in sides))
        for a in shown
    )
    title = words.plain("moved.figure_table", indicator=name)
    table = Table(f"moved-slope-{indicator.id}", title, words.plain("standing.row_title"), columns, rows)
    first = largest(about, 1)[0]
    none = words.plain("standing.none")
    told = {
        key: none if chosen is None else numbers.format_num(cells.member_num(inputs, chosen), inputs.study.language)
        for key, chosen in (("before", first.before), ("now", first.now))
    }
    alt = words.plain("moved.figure_alt", indicator=name, name=inputs.area_name(first.area), **told)
    caption = words.text("moved.figure_caption", name=both.earlier.name)
    return Figure(
        f"slope-{indicator.id.replace('_', '-')}",
        words.plain("moved.figure", indicator=name),
        spec,
        table,
        alt,
        caption,
    )


def _end(inputs: Inputs, chosen: Chosen | None) -> End | None:
    if chosen is None:
        return None
    assert chosen.lower is not None
    assert chosen.upper is not None
    num = cells.member_num(inputs, chosen)
    text = numbers.format_num(num, inputs.study.language, style="cell")
    value = None if num.value is None else chosen.value
    part = "value" if num.value is not None else "upper"
    return End(value, chosen.lower, chosen.upper, text, num.id, part)
