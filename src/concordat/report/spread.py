"""How figures spread over many members: quantiles, extremes, groups; and how many ranks are certain.

Used where a bloc has too many members for a page. Every statistic is of `evidence.aggregate` and `evidence.ranks`; this
lays them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.aggregate import derive_quantile
from concordat.report import cells
from concordat.report.cells import Counting
from concordat.report.chapter import Cell, Num, Row

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.provenance import Derived

QUARTILES = (25, 75)


def firmness(ranks: Derived | None) -> dict[str, Num] | None:
    """The numbers of the sentence on how firm an order is; None without ranks."""
    if ranks is None:
        return None
    names = {"exact": "certain", "count": "n", "widest": "widest"}
    return {name: Num(ranks.parts[part], unit="count", id=ranks.id, part=part) for name, part in names.items()}


def rows(counting: Counting, indicators: Sequence[Indicator]) -> Iterator[Row]:
    """Lowest, quartiles, highest; then the members by region and by income group, weighted."""
    inputs, who, words = counting.inputs, counting.inputs.who, counting.inputs.words
    name = cells.as_text(cells.bloc_name(inputs), inputs)
    records = [(i, counting.bloc(i, who.members)) for i in indicators]
    for row, part in (("min", "minimum"), ("max", "maximum")):
        found = tuple(cells.beside_cell(inputs, r, i.unit, part) for i, r in records)
        yield Row(f"{who.id or 'GROUP'}.{row}", words.plain(f"standing.row_{row}", name=name), found, "bloc")
    for percent in QUARTILES:
        found = tuple(_quantile_cell(counting, i, percent) for i in indicators)
        title = words.plain("standing.row_quantile", name=name, quantile=str(percent))
        yield Row(f"{who.id or 'GROUP'}.q{percent}", title, found, "bloc")
    for group, areas in groups(who.members):
        found = tuple(cells.bloc_cell(inputs, counting.bloc(i, areas), i.unit) for i in indicators)
        title = words.plain("standing.row_group", group=words.plain(group), count=len(areas))
        yield Row(f"group.{_id_of(group)}", title, found)


def _id_of(group: str) -> str:
    """`region.africa` -> `africa`, `income.lower_middle` -> `lower-middle-income`."""
    kind, _, name = group.partition(".")
    return name if kind == "region" else f"{name.replace('_', '-')}-income"


def groups(members: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Members by United Nations region, then by the World Bank's income group; groups of at least two.

    A group is called by its key in the message catalogue.
    """
    from concordat.world import country

    found: dict[str, list[str]] = {}
    records = [country(area, scheme="iso3") for area in members]
    for record in records:
        if record.region:
            found.setdefault(f"region.{record.region.lower()}", []).append(record.iso3)
    regions = sorted(found.items())
    by_income: dict[str, list[str]] = {}
    for record in records:
        if record.income_group:
            by_income.setdefault(record.income_group, []).append(record.iso3)
    order = ("low", "lower-middle", "upper-middle", "high")
    incomes = [(f"income.{name.replace('-', '_')}", by_income[name]) for name in order if name in by_income]
    return [(name, tuple(areas)) for name, areas in [*regions, *incomes] if len(areas) > 1]


def _quantile_cell(counting: Counting, indicator: Indicator, percent: int) -> Cell:
    inputs = counting.inputs
    figures = counting.figures(indicator, inputs.who.members)
    if len(figures) < 2:
        return Cell(text=inputs.words.plain("standing.none"))
    return Cell(main=cells.bloc_num(derive_quantile(inputs.book, figures, percent), indicator.unit))
