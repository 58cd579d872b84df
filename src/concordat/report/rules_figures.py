"""The pictures of the chapter on rules: the matrix of pairs, the network, topics by member, and the years."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from concordat.figures import numbers
from concordat.figures.heat import HeatCell, heat_table_spec
from concordat.figures.lines import Line, Point, lines
from concordat.figures.network import Edge, NetworkWords, Node, network
from concordat.figures.pairs import PairCell, PairUnit, pair_matrix
from concordat.report.chapter import Cell, Column, Figure, Num, Row, Table

if TYPE_CHECKING:
    from concordat.report.rules_section import Rules
    from concordat.rulebook._assessment_tables import RuleCell

UNITS_MAX = 25  # a matrix and a network of more can't be read; the tables hold all
CLASSES = ("0", "1", "2", "3–4", "5+")
NONE, OPEN = "·", "?"


def level_of(count: int) -> int:
    """The class of a number of instruments.

    >>> [level_of(n) for n in (0, 1, 2, 3, 4, 5, 40)]
    [0, 1, 2, 3, 3, 4, 4]
    """
    return min(count, 2) if count < 3 else 3 + (count > 4)


def share_level(count: int, others: int) -> int | None:
    """The class of a number of fellow members: the darkest is all of them.

    >>> [share_level(n, 9) for n in (0, 1, 2, 4, 8, 9)], share_level(2, 2)
    ([None, 0, 1, 2, 4, 4], 4)
    """
    return None if not count else -(-5 * count // others) - 1


def matrix(rules: Rules) -> Iterator[Figure]:
    """How many binding instruments are in force between each two."""
    inputs, words, areas = rules.inputs, rules.inputs.words, rules.areas
    if len(areas) > UNITS_MAX:
        return
    shown: dict[tuple[str, str], PairCell] = {}
    for a, b in combinations(areas, 2):
        shown[a, b] = _pair(rules, rules.cells[frozenset((a, b))])
    units = [PairUnit(inputs.area_name(a), a) for a in areas]
    title = words.plain("rules.matrix")
    spec = pair_matrix(
        units, shown, classes=CLASSES, title=words.plain("rules.matrix_legend"), language=inputs.study.language
    )
    a, b, most = rules.most
    told = {"count": len(rules.members)}
    alt = words.plain("rules.matrix_alt_none", **told)
    if most:
        one, other = sorted((a, b), key=inputs.by_name)
        name = inputs.area_name
        alt = words.plain("rules.matrix_alt", a=name(one), b=name(other), most=most, **told)
    yield Figure("rules-matrix", title, spec, _matrix_table(rules), alt, words.text("rules.matrix_caption"))


def _pair(rules: Rules, c: RuleCell) -> PairCell:
    open_ = OPEN if any(name not in rules.wide.soft for name in c.unknown) else ""
    if not c.binding:
        return PairCell(None, open_ or NONE)
    num = rules.pair_num("binding", c.a, c.b)
    text = numbers.format_num(num, rules.inputs.study.language, style="bare")
    return PairCell(level_of(len(c.binding)), text, num.id, num.part, open_)


def _matrix_table(rules: Rules) -> Table:
    inputs, words, areas = rules.inputs, rules.inputs.words, rules.areas
    rows = []
    for a in areas:
        line = []
        for b in areas:
            if a == b:
                line.append(Cell(text=words.plain("rules.nothing")))
                continue
            line.append(Cell(main=rules.pair_num("binding", a, b)))
        kind = "member" if a in inputs.who.members else "invited"
        rows.append(Row(a, inputs.area_name(a), tuple(line), kind))  # type: ignore[arg-type]
    columns = tuple(Column(a, inputs.area_name(a)) for a in areas)
    title = words.plain("rules.matrix_table")
    return Table("rules-matrix", title, words.plain("rules.member"), columns, tuple(rows), on_page=False)


def network_of(rules: Rules) -> Iterator[Figure]:
    """Who is linked to whom by what binds, and by soft instruments that not all share."""
    inputs, words = rules.inputs, rules.inputs.words
    if len(rules.members) > UNITS_MAX or len(rules.members) < 3:
        return
    shared = set(rules.found.shared_soft)
    edges, linked = [], set()
    for a, b in combinations(rules.members, 2):
        c = rules.cells[frozenset((a, b))]
        num = rules.pair_num("binding", a, b)
        if c.binding:
            linked |= {a, b}
            text = numbers.format_num(num, inputs.study.language, style="bare")
            edges.append(Edge(a, b, len(c.binding), text, num.id, num.part))
        elif set(c.soft) - shared:
            edges.append(Edge(a, b, 1, "", dashed=True))
    nodes = [Node(inputs.area_name(a), a) for a in rules.members]
    key = NetworkWords(*(words.plain(f"rules.network_{k}") for k in ("solid", "dashed", "width")))
    spec = network(nodes, edges, words=key)
    alone = [inputs.area_name(a) for a in rules.members if a not in linked]
    told = {"count": len(nodes), "binding": rules.record.parts["pairs_binding"], "pairs": rules.record.parts["pairs"]}
    if alone:
        alt = words.plain("rules.network_alt", names=words.listed(alone), **told)
    else:
        alt = words.plain("rules.network_alt_all", **told)
    caption = words.text("rules.network_caption")
    yield Figure("rules-network", words.plain("rules.network"), spec, _matrix_table(rules), alt, caption)


def topics(rules: Rules) -> Iterator[Figure]:
    """With how many fellow members each has a binding instrument of a topic."""
    inputs, words, members = rules.inputs, rules.inputs.words, rules.members
    if len(members) > UNITS_MAX:
        return
    found = {(t.topic, t.member): t for t in rules.found.topics}
    codes = list(dict.fromkeys(t.topic for t in rules.found.topics))
    marks, rows = [], []
    for code in codes:
        line = []
        for member in members:
            count = found[code, member].binding_fellows
            num = rules.num(f"topic_{code}_{member}")
            text = numbers.format_num(num, inputs.study.language, style="bare") if count else NONE
            level = share_level(count, len(members) - 1)
            id_ = num.id if count else ""  # a dot prints no record
            marks.append(HeatCell(rules.topic(code), member, level, text, id_, num.part))
            line.append(Cell(main=num))
        rows.append(Row(code, rules.topic(code), tuple(line)))
    spec = heat_table_spec(marks, low=words.plain("rules.topics_low"), high=words.plain("rules.topics_high"))
    columns = tuple(Column(m, inputs.area_name(m)) for m in members)
    title = words.plain("rules.topics_table")
    table = Table("rules-topics", title, words.plain("rules.topic"), columns, tuple(rows), on_page=False)
    bare = [c for c in codes if not any(found[c, m].binding_fellows for m in members)]
    told = {"topics": len(codes), "count": len(members)}
    if bare:
        alt = words.plain("rules.topics_alt", names=rules.topics(bare), **told)
    else:
        alt = words.plain("rules.topics_alt_all", **told)
    yield Figure("rules-topics", words.plain("rules.topics"), spec, table, alt, words.text("rules.topics_caption"))


def years(rules: Rules) -> Iterator[Figure]:
    """The share of pairs with a binding instrument, and the mean depth where texts are coded, year by year."""
    _inputs, words, language = rules.inputs, rules.inputs.words, rules.inputs.study.language
    found, parts = rules.found.metrics.years, rules.record.parts
    if len(found) < 2 or not any(y.pairs_with_binding for y in found):
        return
    deep = any(y.depth.value is not None for y in found)

    def num(year: int, name: str) -> Num:
        part = f"year_{year}_{name}"
        if name == "pairs":
            return rules.num(part, "percent")
        return rules.num(part, "index_0_1" if name == "depth" else "ratio", decimals=None if name == "depth" else 2)

    series = []
    for name in ("pairs", *(("depth",) if deep else ())):
        known = [y.year for y in found if parts[f"year_{y.year}_{name}"] is not None]
        times = 1.0 if name == "pairs" else 100.0  # both lines on one scale
        points = []
        for year in known:
            value = num(year, name)
            ends = [None if v is None else times * v for v in (value.lower, value.upper)]
            points.append(Point(year, times * float(value.value or 0.0), *ends))
        last = num(known[-1], name)
        text = numbers.format_num(Num(last.value, unit=last.unit), language)
        label = words.plain(f"rules.years_{name}")
        series.append(Line(label, points, text, last.id, last.part))
    spec = lines(series, unit="percent", bounds=(0, 100), language=language)
    names = ("pairs", "per_pair", "soft_per_pair", *(("depth",) if deep else ()))
    kinds = {"per_pair": "binding", "soft_per_pair": "soft"}
    rows = []
    for y in found:
        line = []
        for name in names:
            value = num(y.year, kinds.get(name, name))
            line.append(Cell(text=words.plain("rules.no_text")) if value.value is None else Cell(main=value))
        rows.append(Row(str(y.year), str(y.year), tuple(line)))
    columns = tuple(Column(n, words.plain(f"rules.column.{n}")) for n in names)
    title = words.plain("rules.years_table")
    table = Table("rules-years", title, words.plain("rules.year"), columns, tuple(rows), on_page=False)
    told = {"before": words.number(num(found[0].year, "pairs")), "now": words.number(num(found[-1].year, "pairs"))}
    alt = words.plain("rules.years_alt", first=str(found[0].year), last=str(found[-1].year), **told)
    yield Figure("rules-years", words.plain("rules.years"), spec, table, alt, words.text("rules.years_caption"))
