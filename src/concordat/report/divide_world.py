"""The divide against the world: how much of it lies between the bloc and the rest, and who holds how much.

For the chapter's lead indicator, the first that is a percentage of people: Theil's T of all countries, split by the
bloc and by the World Bank's income groups, and Lorenz curves of the bloc and of the world. Countries weighted by
population, and again each counted once. The numbers are parts of `observatory.divide.records`; Gini coefficients are
those of the chapter's other records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.figures import numbers
from concordat.figures.lorenz import LorenzCurve, lorenz_curves
from concordat.observatory.divide import counts_people, derive_divide
from concordat.observatory.divide.records import HELD, derive_lorenz, derive_split
from concordat.report.cells import Counting, interval_num
from concordat.report.chapter import Block, Cell, Column, Figure, Num, Row, Runs, Table
from concordat.report.divide_cells import Group, measure_num, reason_text
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

WEIGHTINGS = ("weighted_", "")
WORLD = "WLD"


@dataclass(frozen=True, slots=True)
class _Side:
    """The bloc or the world: its name, its Lorenz record, and the record of its Gini coefficients."""

    name: str
    row_id: str
    curve: Derived
    gini: Derived


def lead_of(wanted: Sequence[Indicator], shown: Sequence[Indicator]) -> Indicator | None:
    """The first indicator asked for that is a percentage of people, where the bloc has figures to compare."""
    lead = next((i for i in wanted if counts_people(i)), None)
    return lead if lead in shown else None


def blocks(counting: Counting, lead: Indicator, groups: Sequence[Group]) -> Iterator[Block]:
    """The table of T, the Lorenz curves and their table; without the world where the study does not compare with it."""
    sides = [_side(counting, lead, groups[0].areas, groups[0].name, groups[0].row_id, groups[0].records[lead.id])]
    if counting.inputs.study.compare_with_world:
        yield from _theil(counting, lead, groups[-1])
        name = counting.inputs.area_name(WORLD)
        sides.append(_side(counting, lead, counting.inputs.world, name, WORLD, None))
    table = _held(counting.inputs, lead, sides)
    yield from _curves(counting.inputs, lead, sides, table)
    yield table


def _side(
    counting: Counting, lead: Indicator, areas: Sequence[str], name: str, row_id: str, known: Derived | None
) -> _Side:
    figures = counting.figures(lead, areas)
    weights = counting.weights(lead, figures, areas)
    limits = (counting.min_coverage, counting.min_members)
    book = counting.inputs.book
    gini = known or derive_divide(book, lead, figures, weights, areas, *limits)
    return _Side(name, row_id, derive_lorenz(book, figures, weights, areas, *limits), gini)


# --- Theil's T ----------------------------------------------------------------------------------------------------


def _theil(counting: Counting, lead: Indicator, group: Group) -> Iterator[Table]:
    """The whole, and between and within, by both groupings; nothing where too few countries are known."""
    inputs, words = counting.inputs, counting.inputs.words
    record = _split(counting, lead, group)
    if record.parts["reason"] is not None and record.parts["weighted_reason"] is not None:
        return
    rows = [
        Row("total", words.plain("divide.world_total"), tuple(_cells(inputs, record, "total", "", "ratio")), "world")
    ]
    for grouping, name in (
        ("bloc", words.plain("divide.world_rest", name=group.name)),
        ("income", words.plain("divide.world_income")),
    ):
        for kind, unit in (("between", "ratio"), ("within", "ratio"), ("share", "percent")):
            title = words.plain(f"divide.world_{kind}", name=name)
            found = tuple(_cells(inputs, record, f"{grouping}_{kind}", f"{grouping}_reason", unit))
            rows.append(Row(f"{grouping}.{kind}", title, found, "world"))
    columns = [
        Column(f"theil{p and '.weighted'}", words.plain("divide.years_total", by=words.plain(_by(p))))
        for p in WEIGHTINGS
    ]
    title = words.plain("divide.world_table", indicator=lead.name(inputs.study.language))
    head = words.plain("divide.row_title")
    yield Table("divide-world", title, head, tuple(columns), tuple(rows), tuple(_notes(inputs, record)))


def _split(counting: Counting, lead: Indicator, group: Group) -> Derived:
    from concordat.world import country

    inputs, areas = counting.inputs, counting.inputs.world
    figures = counting.figures(lead, areas)
    weights = counting.weights(lead, figures, areas)
    income = {a: country(a).income_group for a in areas}
    groups = {
        "bloc": {a: "bloc" if a in group.areas else "rest" for a in areas},
        "income": {a: "none" if found in ("", "not classified") else found for a, found in income.items()},
    }
    limits = (counting.min_coverage, counting.min_members)
    return derive_split(inputs.book, figures, weights, areas, groups, *limits)


def _by(prefix: str) -> str:
    return "divide.by_people" if prefix else "divide.by_countries"


def _cells(inputs: Inputs, record: Derived, part: str, reason: str, unit: str) -> Iterator[Cell]:
    for prefix in WEIGHTINGS:
        why = record.parts[f"{prefix}reason"] or (record.parts[f"{prefix}{reason}"] if reason else None)
        if why:
            yield Cell(text=reason_text(inputs, why))
        else:
            name = f"{prefix}{part}"
            yield Cell(main=theil_num(record, name) if unit == "ratio" else part_num(record, name, unit))


def part_num(record: Derived, part: str, unit: str, decimals: int | None = None) -> Num:
    """A part of a record with its ends."""
    value, low, high = (record.parts[part + end] for end in ("", "_lower", "_upper"))
    num = interval_num(value, low, high, unit, record.id, part)
    return replace(num, decimals=1 if unit == "percent" else decimals)


def theil_num(record: Derived, part: str) -> Num:
    """T or a part of it: four decimals, as parts may be a hundredth of the whole."""
    return part_num(record, part, "ratio", decimals=4)


def _notes(inputs: Inputs, record: Derived) -> Iterator[Runs]:
    words = inputs.words

    def told(part: str, unit: str) -> Num:
        return Num(record.parts[part], unit=unit, id=record.id, part=part, decimals=1 if unit == "percent" else None)

    years = {"first": told("year_min", "year"), "last": told("year_max", "year")}
    yield words.text("divide.world_note", number=told("n", "count"), **years)
    prefix = "weighted_" if record.parts["weighted_reason"] is None else ""
    zero, missing = told(f"{prefix}share_zero", "percent"), told(f"{prefix}share_missing", "percent")
    yield words.text(
        "divide.world_left", zero=zero, missing=missing, by=words.plain(_by(prefix)), censored=told("censored", "count")
    )


# --- Lorenz curves ------------------------------------------------------------------------------------------------


def _held(inputs: Inputs, lead: Indicator, sides: Sequence[_Side]) -> Table:
    """What the least connected hold, and the Gini coefficient: by people, then by countries."""
    words, language = inputs.words, inputs.study.language
    places = [(prefix, side) for prefix in WEIGHTINGS for side in sides]
    columns = [
        Column(f"{s.row_id}{p and '.weighted'}", words.plain("divide.held_column", name=s.name, by=words.plain(_by(p))))
        for p, s in places
    ]
    rows = []
    for percent in HELD:
        share = numbers.number_text(percent, "percent", language)
        found = tuple(_held_cell(inputs, side, prefix, f"held_{percent}") for prefix, side in places)
        rows.append(Row(f"held_{percent}", words.plain("divide.held", share=share), found))
    ginis = tuple(_gini_cell(inputs, side, prefix) for prefix, side in places)
    rows.append(Row("gini", words.plain("divide.measure.gini"), ginis))
    title = words.plain("divide.held_table", indicator=lead.name(language))
    notes = (words.text("divide.held_note"),)
    return Table("divide-held", title, words.plain("divide.held_row"), tuple(columns), tuple(rows), notes)


def _held_cell(inputs: Inputs, side: _Side, prefix: str, part: str) -> Cell:
    reason = side.curve.parts[f"{prefix}reason"]
    if reason is not None:
        return Cell(text=reason_text(inputs, reason))
    return Cell(main=part_num(side.curve, f"{prefix}{part}", "percent"))


def _gini_cell(inputs: Inputs, side: _Side, prefix: str) -> Cell:
    num = _gini(side, prefix)
    return Cell(text=reason_text(inputs, side.gini.parts[f"{prefix}reason"])) if num is None else Cell(main=num)


def _gini(side: _Side, prefix: str) -> Num | None:
    parts = side.gini.parts
    if parts[f"{prefix}reason"] is not None or parts[f"{prefix}gini_lower"] is None:
        return None
    return measure_num(side.gini, f"{prefix}gini", "ratio")


def _curves(inputs: Inputs, lead: Indicator, sides: Sequence[_Side], table: Table) -> Iterator[Figure]:
    """The curves over people, where they are known."""
    words, language, name = inputs.words, inputs.study.language, lead.name(inputs.study.language)
    curves: list[LorenzCurve] = []
    said: list[str] = []
    for side in sides:
        parts = side.curve.parts
        if parts["weighted_reason"] is not None:
            continue
        num = _gini(side, "weighted_")
        text, part = "", ""
        if num is not None:
            shown = num if num.value is None else replace(num, lower=None, upper=None)
            text = numbers.format_num(shown, language)
            part = num.part if num.value is not None else numbers.end_part(num.part, "lower")
            said.append(words.plain("divide.gap_of", indicator=side.name, gap=numbers.in_sentence(text, language)))
        points = (tuple(parts["weighted_people"]), tuple(parts["weighted_having"]))
        # Without its count: brackets around a number change sides in a picture's Arabic.
        label = inputs.bloc_label if side.row_id != WORLD and inputs.who.id else side.name
        curves.append(LorenzCurve(label, *points, text, side.gini.id if num else "", part or "value"))
    if not curves:
        return
    spec = lorenz_curves(
        curves,
        x_title=words.plain("divide.lorenz_x"),
        y_title=words.plain("divide.lorenz_y"),
        diagonal=words.plain("divide.lorenz_diagonal"),
        number_title=words.plain("divide.measure.gini"),
        language=language,
    )
    title, caption = words.plain("divide.lorenz_figure", indicator=name), words.text("divide.lorenz_caption")
    alt = words.plain("divide.lorenz_alt", indicator=name, ginis=words.listed(said, "page.list_semicolon"))
    yield Figure("lorenz", title, spec, table, alt, caption)
