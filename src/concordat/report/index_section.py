"""The index over the release's indicators: places with intervals, what scores are made of, what moves the order.

The file is the packaged `digital-readiness`, or the study's own; indicators that fewer than half of the countries have
a figure of are left out, and it is said. Everything printed is a part of the two records of `observatory.record`. With
an earlier release, a third record tells why scores changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.provenance import BookOfTwo, Derived
from concordat.observatory.record import AHEAD_MAX, derive_change, derive_index, pruned
from concordat.observatory.uncertainty import plateau_letter
from concordat.report import cells, index_figures
from concordat.report.chapter import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Headline,
    Missing,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.observatory.spec import IndexSpec
    from concordat.report.earlier import Earlier

PULL = "concordat evidence pull worldbank"
OWN = "digital-readiness"
UNITS_MIN = 3
ROWS_ON_PAGE = 40  # more stand in the picture, and whole in XLSX and CSV
FACTORS = ("normalise.method", "weights.noise", "aggregate.top", "data.error")


class Drawn:
    """One index as this report prints it.

    Attributes:
        spec: without what the release can't say.
        units: who is ranked, and `order` the same from best to worst.
        first, doubt: the two records.
        pillars: ids of the index's children.
    """

    def __init__(self, inputs: Inputs, spec: IndexSpec, units: Sequence[str], year: int) -> None:
        self.inputs, self.spec, self.units = inputs, spec, tuple(units)
        self.first, self.doubt = derive_index(inputs.book, spec, inputs.chosen, units, year)
        self.pillars = [spec.tree.names[n] for n in spec.tree.children(spec.tree.root)]
        ranked = [u for u in units if self.first.parts[f"rank_{u}"] is not None]
        self.order = sorted(ranked, key=lambda u: (self.first.parts[f"rank_{u}"], u))
        self.unranked = sorted(set(units) - set(ranked))

    def pillar_name(self, pillar: str) -> str:
        """The pillar's name in the report's language, or what the file calls it."""
        key = f"index.pillar.{pillar}"
        return self.inputs.words.plain(key) if key in self.inputs.words else self.spec.name_of(pillar)

    @property
    def own(self) -> bool:
        """Whether it is the index that ships: the words that describe its method and its factors are of it alone."""
        return self.spec.id == OWN

    def factor_name(self, path: str) -> str:
        """What is varied, in words."""
        key = f"index.factor.{path.replace('.', '_')}"
        return self.inputs.words.plain(key) if self.own and key in self.inputs.words else path

    @property
    def factors(self) -> list[str]:
        """The paths of what is varied, groups as one, in the order of the record's drivers."""
        assert self.spec.uncertainty is not None
        return list(dict.fromkeys(v.group or v.path for v in self.spec.uncertainty.vary))

    def score(self, unit: str) -> Num:
        """A country's score."""
        return Num(
            self.first.parts[f"score_{unit}"], unit="index_0_100", id=self.first.id, part=f"score_{unit}", decimals=1
        )

    def rank(self, unit: str) -> Num:
        """Its place in the index as stated."""
        return Num(self.first.parts[f"rank_{unit}"], unit="rank", id=self.first.id, part=f"rank_{unit}")

    def interval(self, unit: str) -> Num | None:
        """Its place in the middle run, and the interval."""
        if self.doubt is None or self.doubt.parts[f"rank_{unit}"] is None:
            return None
        part = f"rank_{unit}"
        value, low, high = (self.doubt.parts[f"{part}{end}"] for end in ("", "_lower", "_upper"))
        return cells.interval_num(value, low, high, "rank", self.doubt.id, part)


def write(inputs: Inputs, spec: IndexSpec, not_after: int) -> Chapter | Missing:
    """The chapter, or why there is none."""
    words, who = inputs.words, inputs.who
    title = words.plain("index.title")
    if len(who.members) < UNITS_MIN:
        return Missing("index", title, words.plain("index.needs_two"))
    usable, lost, gone = pruned(spec, inputs.chosen, who.members)
    if usable is None:
        return Missing("index", title, words.plain("index.nothing"), PULL)
    drawn = Drawn(inputs, usable, who.members, not_after)
    if len(drawn.order) < UNITS_MIN:
        return Missing("index", title, words.plain("index.needs_two"), PULL)
    blocks: list[Block] = [*_introduction(drawn), *_left_out(drawn, lost, gone)]
    table = _table(drawn)
    if not who.large:
        blocks += index_figures.figures(drawn, table)
    blocks.append(table)
    if drawn.doubt is not None:
        blocks += _drivers(drawn, drawn.doubt)
    blocks += _changed(drawn, inputs.earlier, not_after)
    return Chapter("index", title, tuple(blocks), tuple(_headlines(drawn)), _sources(drawn))


def _sources(drawn: Drawn) -> tuple[str, ...]:
    chosen = drawn.inputs.chosen
    keys = [(i.id, u, i.breakdown) for i in drawn.spec.indicators for u in drawn.units]
    used = [chosen[key] for key in keys if key in chosen]
    return tuple(sorted({c.observation.dataset_id for c in used if not c.missing}))


def _introduction(drawn: Drawn) -> Iterator[Block]:
    inputs, words, first = drawn.inputs, drawn.inputs.words, drawn.first
    counted = {
        "indicators": Num(first.parts["indicators"], unit="count", id=first.id, part="indicators"),
        "countries": Num(first.parts["n"], unit="count", id=first.id, part="n"),
        "pillars": words.listed(drawn.pillar_name(p) for p in drawn.pillars),
    }
    hashed = Code(drawn.spec.hash[:16])
    key = "index.intro" if drawn.own else "index.intro_study"
    yield Paragraph(words.text(key, title=_title(drawn), hash=hashed, **counted))
    if drawn.own:
        yield Paragraph(words.text("index.method"))
    if drawn.doubt is not None:
        runs = Num(drawn.doubt.parts["runs"], unit="count", id=drawn.doubt.id, part="runs")
        key = "index.runs_exact" if drawn.doubt.parts["exact"] else "index.runs_sample"
        factors = words.listed(drawn.factor_name(f) for f in drawn.factors)
        yield Paragraph(words.sentences(words.text(key, runs=runs, factors=factors), words.text("index.independent")))
    if drawn.unranked:
        yield Note(words.text("index.unranked", names=cells.names_of(inputs, drawn.unranked)))


def _title(drawn: Drawn) -> str:
    key = f"index.name.{drawn.spec.id.replace('-', '_')}"
    return drawn.inputs.words.plain(key) if key in drawn.inputs.words else drawn.spec.title


def _left_out(drawn: Drawn, lost: Sequence[str], gone: Sequence[str]) -> Iterator[Block]:
    inputs, words, language = drawn.inputs, drawn.inputs.words, drawn.inputs.study.language
    if lost:
        known = inputs.catalogue.indicators
        names = words.listed((known[i].name(language) if i in known else i for i in lost), "page.list_semicolon")
        yield Note(words.text("index.left_out", names=names, command=Code(PULL)))
    if gone:
        yield Note(words.text("index.left_pillars", names=words.listed(drawn.pillar_name(p) for p in gone)))


def _table(drawn: Drawn) -> Table:
    """Countries from best to worst: rank, score, interval, plateau, and the pillars' scores."""
    inputs, words = drawn.inputs, drawn.inputs.words
    columns = [
        Column("place", words.plain("index.column.rank"), "rank"),
        Column("score", words.plain("index.column.score")),
    ]
    if drawn.doubt is not None:
        columns.append(Column("interval", words.plain("index.column.interval"), "rank"))
        columns.append(Column("plateau", words.plain("index.column.plateau")))
        columns.append(Column("top", words.plain("index.column.top"), "percent"))
    for pillar in drawn.pillars:
        columns.append(Column(pillar, words.plain("index.column.pillar", pillar=drawn.pillar_name(pillar))))
    rows = [Row(u, inputs.area_name(u), tuple(_row(drawn, u)), "member") for u in drawn.order]
    notes: tuple[Runs, ...] = ()
    if drawn.doubt is not None:
        notes = (words.text("index.table_note"), words.text("index.scores_note"))
    title, head = words.plain("index.table"), words.plain("index.row_title")
    return Table("index-ranks", title, head, tuple(columns), tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _row(drawn: Drawn, unit: str) -> Iterator[Cell]:
    words, first, doubt = drawn.inputs.words, drawn.first, drawn.doubt
    yield Cell(main=drawn.rank(unit))
    yield Cell(main=drawn.score(unit))
    if doubt is not None:
        interval = drawn.interval(unit)
        yield Cell(main=interval) if interval is not None else Cell(text=words.plain("standing.none"))
        yield Cell(text=plateau_letter(doubt.parts[f"plateau_{unit}"]))
        yield Cell(main=Num(doubt.parts[f"top_{unit}"], unit="percent", id=doubt.id, part=f"top_{unit}", decimals=0))
    for pillar in drawn.pillars:
        part = f"pillar_{pillar}_{unit}"
        value = first.parts[part]
        if value is None:
            yield Cell(text=words.plain("standing.none"))
        else:
            yield Cell(main=Num(value, unit="index_0_100", id=first.id, part=part, decimals=1))


def _drivers(drawn: Drawn, doubt: Derived) -> Iterator[Block]:
    """Which assumption the places depend on."""
    words = drawn.inputs.words
    shares = [doubt.parts[f"driver_{n + 1}"] for n in range(len(drawn.factors))]
    if None in shares:
        yield Note(words.text("index.no_driver"))
        return
    column = Column("share", words.plain("index.column.driver"), "percent")
    rows = []
    for n, path in enumerate(drawn.factors):
        num = Num(shares[n], unit="percent", id=doubt.id, part=f"driver_{n + 1}", decimals=1)
        rows.append(Row(path.replace(".", "-"), drawn.factor_name(path), (Cell(main=num),)))
    title, head = words.plain("index.drivers_table"), words.plain("index.drivers_row")
    yield Table("index-drivers", title, head, (column,), tuple(rows), (words.text("index.drivers_note"),))


def _changed(drawn: Drawn, earlier: Earlier | None, not_after: int) -> Iterator[Block]:
    """Why scores changed since the earlier release."""
    inputs, words = drawn.inputs, drawn.inputs.words
    if earlier is None:
        yield Note(words.text("index.changed_needs"))
        return
    name = Code(earlier.name)
    own = [(v.dataset_id, v.vintage_id) for v in inputs.release.vintages]
    then = earlier.members or inputs.who.members
    both = BookOfTwo(inputs.book, own)
    record = derive_change(
        inputs.book,
        drawn.spec,
        (inputs.book, inputs.chosen, drawn.units, not_after),
        (both, earlier.chosen, then, earlier.not_after),
    )
    causes = [c for c in str(record.parts["causes"]).split(",") if c]
    if not causes:
        yield Note(words.text("index.changed_none", name=name))
        return
    yield Paragraph(words.text("index.changed_intro", name=name))
    columns = [Column(k, words.plain(f"index.column.{k}")) for k in ("before", "after", "change")]
    columns += [Column(f"cause_{n + 1}", _cause(drawn, cause)) for n, cause in enumerate(causes)]
    rows = []
    for unit in [u for u in drawn.order if f"change_{u}" in record.parts]:
        found = [
            Cell(text=words.plain("index.none"))
            if record.parts[f"{c.id}_{unit}"] is None
            else Cell(
                main=Num(record.parts[f"{c.id}_{unit}"], unit="points", id=record.id, part=f"{c.id}_{unit}", decimals=1)
            )
            for c in columns
        ]
        rows.append(Row(unit, inputs.area_name(unit), tuple(found), "member"))
    title, head = words.plain("index.changed_table"), words.plain("index.row_title")
    yield Table("index-change", title, head, tuple(columns), tuple(rows), on_page=len(rows) <= ROWS_ON_PAGE)


def _cause(drawn: Drawn, cause: str) -> str:
    """A cause in words; several that could not be separated joined."""
    words = drawn.inputs.words
    named = []
    for one in cause.split(" and "):
        key = f"index.cause.{one.replace(' ', '_')}"
        named.append(words.plain(key) if key in words else one)
    return words.listed_and(named)


def _headlines(drawn: Drawn) -> Iterator[Headline]:
    """Who is first and how sure that is; what the order depends on."""
    words, doubt = drawn.inputs.words, drawn.doubt
    if doubt is None or not drawn.own:
        return
    best = drawn.order[0]
    part = f"rank_{best}"
    low, high = (
        Num(doubt.parts[f"{part}_{end}"], unit="rank", id=doubt.id, part=f"{part}_{end}") for end in ("lower", "upper")
    )
    runs = Num(doubt.parts["runs"], unit="count", id=doubt.id, part="runs")
    name = drawn.inputs.area_name(best)
    told = {"title": _title(drawn), "first": name, "runs": runs}
    if low.value == high.value == 1:
        yield Headline(70, words.text("index.headline_sure", **told))
    else:
        yield Headline(70, words.text("index.headline_first", low=low, high=high, **told))
    shares = [(doubt.parts[f"driver_{n + 1}"], n) for n in range(len(drawn.factors))]
    if None not in [s for s, _ in shares]:
        share, n = max(shares, key=lambda pair: (pair[0], -pair[1]))
        num = Num(share, unit="percent", id=doubt.id, part=f"driver_{n + 1}", decimals=0)
        yield Headline(40, words.text("index.headline_driver", driver=drawn.factor_name(drawn.factors[n]), share=num))


def ahead_shown(drawn: Drawn) -> bool:
    """Whether the matrix of who is ahead of whom is printed."""
    return drawn.doubt is not None and 2 <= len(drawn.order) <= AHEAD_MAX
