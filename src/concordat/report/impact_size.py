"""The chapter on the size of the digital economy: the ladder of definitions for each member, never one number.

Published figures are rows of the packaged table, computed ones rows of the report's own `impact.json`. Rungs differ in
what they count and are neither averaged nor ranked. What was measured is told in the publications' own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.report.chapter import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Figure,
    Headline,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import IMPACT_FILE, Inputs

if TYPE_CHECKING:
    from concordat.impact.accounts.published import PublishedFigure
    from concordat.report.impact_held import Held

PUBLISHED_FILE = "concordat/impact/data/ladder_published.yaml"
RUNGS = ("a", "b", "c", "d", "e", "other")
WORLD = "WLD"
OF_OUTPUT = ("GDP", "GVA")  # shares of these can stand on one axis
MARKS_ON_PAGE = 24  # dots in the picture
ROWS_ON_PAGE = 40


class Ladder:
    """The figures of the members and of the world, each with its record."""

    def __init__(self, inputs: Inputs, held: Held | None) -> None:
        from concordat.impact.accounts import published_by_area, published_figures

        self.inputs, self.held = inputs, held
        self.areas = [*sorted(inputs.who.all, key=inputs.by_name), WORLD]
        self.published = published_by_area(self.areas)
        self.places = {f.id: n for n, f in enumerate(_in_order())}
        self.known = len({f.area for f in published_figures()} - {WORLD})
        self.sha256 = _hash_of_table()
        self.computed = list(enumerate(held.rows("ladder"))) if held else []

    def name(self, area: str) -> str:
        """The area's name."""
        words = self.inputs.words
        return words.plain("size.world") if area == WORLD else self.inputs.area_name(area)

    def fact(self, figure: PublishedFigure) -> str:
        """The record of a published figure: its row in the packaged table."""
        row = _rows_of_table()[self.places[figure.id]]
        return self.inputs.book.fact(PUBLISHED_FILE, self.sha256, f"#/figures/{self.places[figure.id]}", row)

    def own(self, number: int) -> str:
        """The record of a computed figure."""
        assert self.held is not None
        row = self.held.rows("ladder")[number]
        return self.inputs.book.fact(IMPACT_FILE, self.held.sha256, f"#/rows/ladder/{number}", row)

    def of(self, area: str) -> Iterator[Figured]:
        """All figures of an area: computed ones first, then by rung and year."""
        for number, row in self.computed:
            if row["area"] == area:
                yield Figured(self, area, row["rung"], row["year"], row, self.own(number), True)
        for figure in self.published.get(area, ()):
            row = _rows_of_table()[self.places[figure.id]]
            yield Figured(self, area, figure.rung, figure.year, row, self.fact(figure), False)

    def lacking(self) -> list[str]:
        """Members of which there is no figure at all."""
        return [a for a in self.areas if a != WORLD and next(self.of(a), None) is None]


class Figured:
    """One figure, ready to print."""

    def __init__(
        self, ladder: Ladder, area: str, rung: str, year: int, row: dict[str, Any], record: str, computed: bool
    ) -> None:
        self.ladder, self.area, self.rung, self.year = ladder, area, rung, year
        self.row, self.record, self.computed = row, record, computed

    @property
    def has_share(self) -> bool:
        """Whether it is a share, or a range of one."""
        return self.row.get("percent") is not None or self.row.get("percent_low") is not None

    @property
    def status(self) -> str:
        """`computed`, or how far its source was seen."""
        return "computed" if self.computed else str(self.row["mark"])

    @property
    def kind(self) -> Any:
        """Of the area's row in a table."""
        who = self.ladder.inputs.who
        return "world" if self.area == WORLD else "member" if self.area in who.members else "invited"

    @property
    def marks(self) -> tuple[str, ...]:
        """`unverified` where its source was not seen in the publisher's own words."""
        return ("unverified",) if self.row["mark"] == "unverified" else ()

    def num(self, part: str, unit: str = "percent") -> Num | None:
        """A number of the row, or None."""
        value = self.row.get(part)
        if value is None:
            return None
        decimals = 2 if self.computed and unit == "percent" else None
        return Num(value, unit=unit, id=self.record, part=part, marks=self.marks, decimals=decimals)

    def share(self) -> Cell:
        """Its share, or the two ends of a range."""
        one = self.num("percent")
        if one is not None:
            return Cell(main=one)
        ends = self.num("percent_low"), self.num("percent_high")
        if ends[0] is None or ends[1] is None:
            return Cell(text=self.ladder.inputs.words.plain("size.nothing"))
        return range_cell(self.ladder.inputs, ends[0], ends[1])

    def year_num(self) -> Num:
        """Its year."""
        return Num(self.year, unit="year", id=self.record, part="year")

    def label(self) -> str:
        """`China, 2018: b`."""
        words = self.ladder.inputs.words
        told = {"area": self.area if self.area != WORLD else self.ladder.name(WORLD), "year": str(self.year)}
        return words.plain("size.mark", rung=words.plain(f"size.rung_short.{self.rung}"), **told)


def _in_order() -> tuple[PublishedFigure, ...]:
    """Published figures as the file has them."""
    from concordat.impact.accounts.published import parse_published

    return parse_published(_table(), where=PUBLISHED_FILE)


def _table() -> bytes:
    from importlib.resources import files

    return files("concordat.impact").joinpath("data/ladder_published.yaml").read_bytes()


def _hash_of_table() -> str:
    from concordat.evidence.provenance import text_hash

    return text_hash(_table())


@lru_cache(1)
def _rows_of_table() -> list[dict[str, Any]]:
    from concordat.settings import parse_yaml

    found: list[dict[str, Any]] = parse_yaml(_table(), where=PUBLISHED_FILE).value["figures"]
    return found


def range_cell(inputs: Inputs, low: Num, high: Num) -> Cell:
    """Two numbers as a range, the lower one on the left in every language."""
    language = inputs.study.language
    mark = numbers.LEFT_TO_RIGHT_MARK if inputs.study.language == "ar" else ""
    dash = f"{mark}–{mark}"
    return Cell(
        text=dash.join(numbers.format_num(end, language, style="cell") for end in (low, high)), runs=(low, dash, high)
    )


# --- The chapter ------------------------------------------------------------------------------------------------------


def write(inputs: Inputs, held: Held | None) -> Chapter:
    """The chapter."""
    ladder = Ladder(inputs, held)
    return Chapter("size", inputs.words.plain("chapter.size"), tuple(_blocks(ladder)), tuple(_headlines(ladder)))


def _blocks(ladder: Ladder) -> Iterator[Block]:
    words = ladder.inputs.words
    yield Paragraph(words.text("size.intro"))
    for fault in ladder.held.rows("fault") if ladder.held else []:
        if fault["part"] == "ladder":
            yield Note(words.text("size.fault", name=ladder.name(fault["name"]), message=fault["what"]), "warning")
    table = _ladder_table(ladder)
    figure = _figure(ladder, table)
    if figure is not None:
        yield figure
    if table.rows:
        yield table
    yield _whole(ladder)
    lacking = ladder.lacking()
    if lacking:
        names = words.listed(ladder.name(a) for a in lacking)
        hint = Code("concordat digital-size AREA --table FILE")
        yield Note(words.text("size.lacking", names=names, command=hint))
    yield _definitions(ladder)
    yield Paragraph(words.text("size.limits"))


def _ladder_table(ladder: Ladder) -> Table:
    """The figures that are a share of the whole, one a row: of when, under which definition, how sure the source is."""
    words = ladder.inputs.words
    rows = []
    for area in ladder.areas:
        for number, figure in enumerate(ladder.of(area)):
            if figure.row.get("part_of") or not figure.has_share:
                continue
            line = (
                Cell(text=words.plain(f"size.rung_short.{figure.rung}")),
                Cell(main=figure.year_num()),
                figure.share(),
                Cell(text=str(figure.row.get("of") or "")),
                Cell(text=words.plain(f"size.status.{figure.status}")),
                Cell(text=str(figure.row.get("released") or words.plain("size.nothing")), code=True),
            )
            rows.append(Row(f"{area}-{number + 1}", ladder.name(area), line, figure.kind))
    names = ("rung", "year", "share", "of", "status", "released")
    columns = tuple(Column(n, words.plain(f"size.column.{n}"), "percent" if n == "share" else "") for n in names)
    notes: tuple[Runs, ...] = (words.text("size.table_note"),)
    title, head = words.plain("size.table"), words.plain("size.area")
    return Table("size-ladder", title, head, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _whole(ladder: Ladder) -> Table:
    """Every figure with its amount, its parts, its words and its source; in the data files."""
    words = ladder.inputs.words
    rows = []
    for area in ladder.areas:
        for number, figure in enumerate(ladder.of(area)):
            amount = figure.num("amount", "")
            line = (
                Cell(text=words.plain(f"size.rung_short.{figure.rung}")),
                Cell(main=figure.year_num()),
                figure.share(),
                Cell(text=str(figure.row.get("of") or "")),
                Cell(text=words.plain("size.nothing")) if amount is None else Cell(main=amount),
                Cell(text=str(figure.row.get("amount_unit") or "")),
                Cell(text=words.plain(f"size.status.{figure.status}")),
                Cell(text=str(figure.row["source"]), code=not figure.computed),
                Cell(text=str(figure.row["label"])),
            )
            rows.append(Row(f"{area}-{number + 1}", ladder.name(area), line, figure.kind))
    names = ("rung", "year", "share", "of", "amount", "amount_unit", "status", "source", "label")
    columns = tuple(Column(n, words.plain(f"size.column.{n}"), "percent" if n == "share" else "") for n in names)
    title, head = words.plain("size.whole"), words.plain("size.area")
    return Table("size-whole", title, head, columns, tuple(rows), on_page=False)


def _figure(ladder: Ladder, table: Table) -> Figure | None:
    """Shares of output by definition, side by side; None where no member has one."""
    words, language = ladder.inputs.words, ladder.inputs.study.language
    rows = []
    for area in ladder.areas:
        for figure in ladder.of(area):
            found = figure.num("percent")
            if (
                found is None
                or found.value is None
                or figure.row.get("of") not in OF_OUTPUT
                or figure.row.get("part_of")
            ):
                continue
            text = numbers.format_num(Num(found.value, unit="percent", decimals=found.decimals), language, style="cell")
            rows.append(DotRow(figure.label(), float(found.value), None, None, text, found.id, "percent"))
    if not rows or len(rows) > MARKS_ON_PAGE:
        return None
    spec = dot_plot(rows, unit="percent", language=language)
    alt = words.plain("size.figure_alt", count=len(rows))
    return Figure("size-ladder", words.plain("size.figure"), spec, table, alt, words.text("size.figure_caption"))


def _definitions(ladder: Ladder) -> Table:
    """What each definition counts, and what a country needs for a figure of its own."""
    words = ladder.inputs.words
    columns = tuple(Column(n, words.plain(f"size.column.{n}")) for n in ("counts", "needs", "unverified"))
    rows = []
    for rung in RUNGS[:-1]:
        line = tuple(Cell(text=words.plain(f"size.rung_{part}.{rung}")) for part in ("counts", "needs", "unverified"))
        rows.append(Row(rung, words.plain(f"size.rung.{rung}"), line))
    title = words.plain("size.definitions")
    return Table("size-definitions", title, words.plain("size.column.rung"), columns, tuple(rows))


def _headlines(ladder: Ladder) -> Iterator[Headline]:
    """The widest spread between definitions of one year, of one member."""
    words = ladder.inputs.words
    widest: tuple[float, Figured, Figured] | None = None
    for area in ladder.areas[:-1]:
        by_year: dict[int, list[Figured]] = {}
        for figure in ladder.of(area):
            if figure.num("percent") is not None and figure.row.get("of") == "GDP":
                by_year.setdefault(figure.year, []).append(figure)
        for found in by_year.values():
            ordered = sorted(found, key=lambda f: f.row["percent"])
            gap = ordered[-1].row["percent"] - ordered[0].row["percent"]
            if len(ordered) > 1 and (widest is None or gap > widest[0]):
                widest = (gap, ordered[0], ordered[-1])
    if widest is None:
        return
    _, low, high = widest
    told = {"low": low.num("percent"), "high": high.num("percent"), "year": low.year_num()}
    name = ladder.name(low.area)
    yield Headline(35, words.text("size.headline", area=name, **told))  # type: ignore[arg-type]
