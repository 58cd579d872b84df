"""Which of the rules in force between members have a quantified effect: counted, with what is quoted and what has none.

Every count is a part of one record (`impact.provisions_record`) over the members, made from the same facts as the
chapter on rules. A rule without a known effect says so in words and never shows a zero. Trade agreements have an effect
as a whole; it stands in the rows above the provisions.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from concordat.report.chapter import Block, Cell, Code, Column, Note, Num, Paragraph, Row, Runs, Table
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.impact.provisions_record import Counted, Line
    from concordat.report.chapters.rulebook import Options

FUNCTION = "impact.provisions_record.provisions@1"
ROWS_ON_PAGE = 30
LOADED_MAX = 5  # instruments named as the most useful to load
NAMED_MAX = 8  # pairs with a trade agreement that are named
DEPTHS = {2: "binding", 1: "soft"}


class _Provisions:
    """The record of one report, and what stands behind its counts."""

    def __init__(self, inputs: Inputs, options: Options) -> None:
        from concordat.evidence.provenance import parts_of
        from concordat.impact.provision_map import load_map
        from concordat.report.rules_section import known_facts

        counted = importlib.import_module("concordat.impact.provisions_record").counted
        ids, coded = known_facts(inputs.book, options)
        who = inputs.who
        said: dict[str, Any] = {"members": sorted(who.members), "on": who.on.isoformat(), "coded": coded}
        year = _base_year(inputs)
        if year is not None:
            said["base_year"] = year
        self.inputs, self.map = inputs, load_map()
        self.record: Derived = inputs.book.derive(FUNCTION, ids, said)
        self.found: Counted = counted([parts_of(inputs.book[i]) for i in ids], self.record.parameters)

    def num(self, part: str, unit: str = "count") -> Num:
        """A count of the record."""
        return Num(self.record.parts[part], unit=unit, id=self.record.id, part=part)

    def said(self, key: str, **told: str) -> str:
        """Words of this part."""
        return self.inputs.words.plain(f"provisions.{key}", **told)

    def runs(self, key: str, **told: Any) -> Runs:
        """Words of this part with numbers and codes."""
        return self.inputs.words.text(f"provisions.{key}", **told)


def _base_year(inputs: Inputs) -> int | None:
    """The year of the trade data of the study's scenarios; None without one, and where they differ."""
    years = {row["year"] for row in inputs.impact.rows("scenario")} if inputs.impact is not None else set()
    return int(years.pop()) if len(years) == 1 and None not in years else None


def blocks(inputs: Inputs) -> Iterator[Block]:
    """The counts in words, a table by rule, and what they leave out; nothing for fewer than two members."""
    if len(inputs.who.members) < 2 or inputs.rules is None:
        return
    if inputs.rules.fault is not None:
        yield Note(inputs.words.text("provisions.fault", message=inputs.rules.fault.what), "warning")
        return
    part = _Provisions(inputs, inputs.rules)
    yield Paragraph(inputs.words.sentences(*_counts(part)))
    yield from _tables(part)
    if part.found.uncoded:
        yield Note(_uncoded(part), "warning")


def _counts(part: _Provisions) -> Iterator[Runs]:
    counts, num = part.found.counts, part.num
    if counts["provisions"]:
        told = {name: num(name) for name in ("provisions", "pairs", "quantified", "quoted", "without")}
        yield part.runs("intro", **told)
    else:
        yield part.runs("none", pairs=num("pairs"))
    if not counts["agreements"]:
        yield part.runs("no_agreement")
        return
    yield part.runs("agreements", agreements=num("agreements"), pairs=num("pairs"))
    if counts["agreements"] <= NAMED_MAX:
        yield part.runs("which", names=_named(part))
    yield part.runs("chapters", **{n: num(n) for n in ("threshold", "chapters", "chapters_unknown")})
    if part.found.in_base is not None:
        yield part.runs("base", in_base=num("in_base"), year=num("base_year", "year"))


def _named(part: _Provisions) -> str:
    """The pairs with a trade agreement, in the order of their names."""
    inputs = part.inputs
    names = []
    for pair in part.found.agreements:
        a, b = (inputs.area_name(m) for m in sorted(pair, key=inputs.by_name))
        names.append(inputs.words.plain("rules.pair_name", a=a, b=b))
    return inputs.words.listed(sorted(names))


def _tables(part: _Provisions) -> Iterator[Table]:
    """All rules in one table; of a long one the page shows what has a line in the map, the data files the whole."""
    whole = [*_agreement_rows(part), *(_row(part, line) for line in part.found.lines)]
    if not whole:
        return
    if len(whole) <= ROWS_ON_PAGE:
        yield _table(part, "provisions", "table", whole)
        return
    mapped = [*_agreement_rows(part), *(_row(part, x) for x in part.found.lines if x.code in part.map.lines)]
    if mapped:
        yield _table(part, "provisions-mapped", "table_mapped", mapped)
    yield _table(part, "provisions", "table", whole, on_page=False)


def _table(part: _Provisions, id_: str, title: str, rows: Sequence[Row], *, on_page: bool = True) -> Table:
    columns = tuple(Column(n, part.said(f"column.{n}")) for n in ("pairs", "depth", "effect"))
    return Table(id_, part.said(title), part.said("column.rule"), columns, tuple(rows), tuple(_notes(part)), on_page)


def _notes(part: _Provisions) -> Iterator[Runs]:
    counts = part.found.counts
    if counts["provisions"]:
        yield part.runs("note_counted", command=Code("concordat rulebook provisions"))
    if counts["agreements"]:
        yield part.runs("note_agreement")
        grade = _grade(part)
        yield part.runs("note_threshold", threshold=part.num("threshold"), grade=grade)
    if counts["quoted"]:
        yield part.runs("note_quoted")


def _grade(part: _Provisions) -> str:
    """Of the parameter that a digital chapter multiplies by."""
    from concordat.impact.parameters import load_parameters

    return load_parameters()[part.map.multiplier].grade


def _agreement_rows(part: _Provisions) -> Iterator[Row]:
    """Trade agreements and their digital chapters, each as a whole."""
    effects = {"agreements": part.map.agreement_parameter, "chapters": part.map.multiplier}
    for name, parameter in effects.items():
        if part.found.counts[name]:
            effect = part.said(f"effect.{name}", parameter=parameter)
            line = (Cell(main=part.num(name)), Cell(text=part.said("nothing")), Cell(text=effect))
            yield Row(name, part.said(f"row.{name}"), line)


def _row(part: _Provisions, line: Line) -> Row:
    """One provision at one depth."""
    depth = DEPTHS[line.depth]
    cells = (Cell(main=part.num(f"{depth}_{line.code}")), Cell(text=part.said(f"depth.{depth}")))
    return Row(f"{line.code}.{depth}", line.name, (*cells, Cell(text=_effect(part, line))))


def _effect(part: _Provisions, line: Line) -> str:
    """What is known of its effect, in words; where something must be stated first, what."""
    from concordat.impact.provisions import QUANTIFIED, QUOTED

    if line.status == QUANTIFIED:
        return part.said("effect.quantified", shock=", ".join(x for x in (line.shock, line.parameter) if x))
    if line.status == QUOTED:
        return part.said("effect.quoted", figures=line.quote)
    known = part.map.lines.get(line.code)
    if known is not None and known.needs and line.depth >= known.depth:
        return part.said("effect.needs", what=part.said(f"needs.{line.code.lower().replace('-', '_')}"))
    return part.said("effect.without")


def _uncoded(part: _Provisions) -> Runs:
    first = part.found.uncoded[:LOADED_MAX]
    told: dict[str, Any] = {
        "uncoded": part.num("uncoded"),
        "names": part.inputs.words.listed(part.found.names[n] for n in first),
        "load": Code(f"concordat rulebook load FILE --as {first[0]}"),
        "code": Code(f"concordat rulebook code {first[0]}"),
    }
    return part.runs("uncoded", **told)
