"""A page as HTML: the frame around blocks that the report's renderer prints.

No script, no style inside the page, nothing from elsewhere: the answers of the site carry a policy that forbids all
three. Each number carries `data-obs`, the id of its record; `/trace/<id>` leads from it to bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from concordat.report.chapter import Chapter, Code, Column, Figure, Num, Report, Row, Table
from concordat.report.outline import common_source, own_name, right_to_left
from concordat.report.render_html import BlocksHtml
from concordat.web.address import Addresses, Asked
from concordat.web.site import GROUPS, Door, Doors, Laid, Link, Said

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from concordat.figures.numbers import Style
    from concordat.report.chapter import Run, Runs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

UNTRACED = ("year", "rank")
UNCITED = ("cite", "check", "api", "status")
TRACED_MAX = 40  # numbers of a table that each lead to their record; where there are more, the CSV has their ids
OPEN_ROWS_MAX = 12  # a figure's table of more rows is folded
# The page that each entry of the frame leads to.
ENTRANCES: Mapping[str, str] = {"know": "home", "rules": "rules", "decide": "agenda"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands: how addresses become links from here.

    Attributes:
        href: an address -> what a link says; None where that page can't be reached from here (a static export).
        sheet: the link to the style sheet.
        permanent: the whole address of this page with its release and batch, as printed.
        door: the path of a form -> what a link says; None where there are no forms.
        alone: the node is its bloc's only one, so nobody witnesses what it signs.
        bars: what everybody must see of the node, in English: what is wrong with it now.
    """

    href: Callable[[Asked], str | None]
    sheet: str
    permanent: str
    home: str = ""  # the node that has the pages which this place has not
    door: Callable[[str], str | None] = field(default=lambda _path: None)
    alone: bool = False
    bars: tuple[str, ...] = ()
    asks: bool = False  # a server answers here, so a form may ask for another page


class PageHtml(BlocksHtml):
    """Runs, cells and pictures of one page, with its links."""

    def __init__(self, report: Report, words: Words, pictures: Mapping[str, str], links: Links) -> None:
        super().__init__(report, words, pictures)
        self.links = links
        self._tracing = True
        self._few: dict[str, bool] = {}  # whether the numbers of a table lead on

    def run(self, run: Run | Link | Said | Door) -> Markup:
        if isinstance(run, Link):
            return self.linked(run)
        if isinstance(run, Said):
            said = self.safe(' lang="%s"') % run.language if run.language else self.safe("")
            said += self.safe(" class=t") if run.whole else self.safe("")
            return self.safe("<bdi%s>%s</bdi>") % (said, run.text)
        if isinstance(run, Door):
            href = self.links.place.door(run.path)
            return self.escape(run.text) if href is None else self.safe('<a href="%s">%s</a>') % (href, run.text)
        return super().run(run)

    def num(self, num: Num, style: Style = "text") -> Markup:
        """A number, which leads to where it comes from; not years and ranks, and not in a table of many."""
        made = super().num(num, style)
        if not num.id or num.unit in UNTRACED or not self._tracing or not made:
            return made
        href = self.links.to(Link("", "trace", {"id": self.outline.short_id(num)}))
        return made if href is None else self.safe('<a class=n href="%s">%s</a>') % (href, made)

    def cells(self, table: Table, row: Row) -> Markup:
        """The data cells of a row."""
        if table.id not in self._few:
            many = sum(cell.main is not None for line in table.rows for cell in line.cells)
            self._few[table.id] = many <= TRACED_MAX
        self._tracing = self._few[table.id]
        made = super().cells(table, row)
        self._tracing = True
        return made

    def linked(self, link: Link) -> Markup:
        """Words that lead to a page; the words alone where that page can't be reached."""
        href = self.links.to(link)
        if href is None:
            return self.escape(link.text)
        return self.safe('<a href="%s">%s</a>') % (href, link.text)

    def row_head(self, row: Row, laid: Laid) -> Markup:
        link = laid.links_rows.get(row.id)
        if link:
            return self.linked(link)
        return self.safe("<bdi>%s</bdi>") % row.title if self.rtl else self.escape(row.title)

    @staticmethod
    def in_words(table: Table, column: int) -> bool:
        """Whether a column holds no number, so that its words and their head begin at the same edge."""
        cells = [row.cells[column] for row in table.rows]
        return bool(cells) and not table.columns[column].unit and not any(c.main or c.rank or c.year for c in cells)

    def column_head(self, column: Column, laid: Laid) -> Markup:
        link = laid.links_columns.get(column.id)
        return self.linked(link) if link else self.escape(column.title)


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one page."""

    addresses: Addresses
    asked: Asked
    place: Place

    def to(self, link: Link) -> str | None:
        return self.place.href(self.addresses.to(link.page, link.query, self.asked, link.form or "html"))

    def open(self, doors: Doors) -> list[Door]:
        """Those forms that can be reached from here, with their links."""
        found = [(door, self.place.door(door.path)) for door in doors.doors]
        return [Door(door.text, href) for door, href in found if href is not None]

    def form(self, form: str) -> str | None:
        return self.place.href(replace(self.asked, form=form))

    def cite(self) -> str | None:
        """Where this page's citation stands, if it has an address without keys."""
        path = self.addresses.address(replace(self.asked, form="html", language="", release="", at=""))
        if "?" in path or self.asked.page.name in UNCITED:
            return None
        return self.to(Link("", "cite", {"id": path.strip("/").replace("/", "~") or "home"}))

    def language(self, language: str) -> str | None:
        return self.place.href(replace(self.asked, language=language))


def render(
    laid: Laid, asked: Asked, reader: Reader, words: Words, addresses: Addresses, place: Place, offered: tuple[str, ...]
) -> bytes:
    """The page.

    Args:
        laid: what it says. asked: its address. offered: the languages to choose from.
    """
    report = as_report(laid, reader, words)
    links = Links(addresses, asked, place)
    figures = {}
    for block in (b for s in laid.sections for b in s.blocks if isinstance(b, Figure)):
        figures[block.id] = figure_key(block)
        reader.keep_figure(figures[block.id], block)
    page = PageHtml(report, words, pictures(laid, report.id_length), links)
    text = _frame().render(
        page=page,
        laid=laid,
        title=plain(laid.title, words),
        asked=asked,
        links=links,
        place=place,
        words=words,
        t=words.plain,
        bloc=reader.inputs().area_name(reader.bloc) if words.language == "en" else _bloc_name(reader, words),
        snapshot=reader.snapshot,
        council=reader.council,
        reads=asked.page.reads,
        group=asked.page.group,
        groups=[(g, Link(words.plain(f"frame.{g}"), ENTRANCES[g])) for g in GROUPS if g in ENTRANCES],
        languages=[(code, own_name(code)) for code in offered],
        kind=lambda block: type(block).__name__,
        common_source=common_source,
        open_rows=OPEN_ROWS_MAX,
        with_table=_with_table(laid),
        link=Link,
        figures=figures,
        direction="rtl" if right_to_left(words.language) else "ltr",
    )
    return (text.strip() + "\n").encode("utf-8")


def as_report(laid: Laid, reader: Reader, words: Words) -> Report:
    """The blocks as the report's renderers take them; a section is a chapter."""
    chapters = tuple(Chapter(s.id, s.title, s.blocks) for s in laid.sections)
    title = plain(laid.title, words)
    stamp = f"{reader.snapshot.on}T00:00:00Z"
    return Report(title, "", words.language, (), (), chapters, laid.sources, reader.id_length(), stamp)


def plain(runs: Runs, words: Words) -> str:
    """Runs as one text."""
    said = []
    for run in runs:
        if isinstance(run, Num):
            said.append(words.number(run))
        elif isinstance(run, (str, Link, Said, Code)):
            said.append(run if isinstance(run, str) else run.text)
    return "".join(said)


def pictures(laid: Laid, id_length: int) -> dict[str, str]:
    """The page's pictures, each drawn once in a process."""
    from concordat.canonical import dumps

    blocks = [b for s in laid.sections for b in s.blocks if isinstance(b, Figure)]
    return {b.id: _drawn(dumps(dict(b.spec), floats=True), b.id, id_length) for b in blocks}


@lru_cache(maxsize=256)
def _drawn(spec: bytes, figure_id: str, id_length: int) -> str:
    import json

    from concordat.figures.render import svg

    return svg(json.loads(spec), figure_id, id_length)


def figure_key(figure: Figure) -> str:
    """What names a figure in an address: the beginning of the hash of its specification and its table."""
    from concordat.canonical import digest
    from concordat.web.twins import data_of

    return digest([dict(figure.spec), data_of(figure.table), figure.alt], floats=True)[:32]


def _with_table(laid: Laid) -> set[str]:
    """The figures that bring their table: the first of those that share one which stands nowhere else."""
    blocks = [b for s in laid.sections for b in s.blocks]
    shown = {b.id for b in blocks if isinstance(b, Table)}
    found: set[str] = set()
    for figure in (b for b in blocks if isinstance(b, Figure)):
        if figure.table.id not in shown:
            shown.add(figure.table.id)
            found.add(figure.id)
    return found


@lru_cache(maxsize=1)
def _frame() -> Template:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text = (resources.files("concordat.web") / "templates" / "frame.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _bloc_name(reader: Reader, words: Words) -> str:
    return reader.inputs(language=words.language).area_name(reader.bloc)
