"""A page as HTML: the frame around blocks that the report's renderer prints.

No script, no style inside the page, nothing from elsewhere: the answers of the site carry a policy that forbids all
three. Each number carries `data-obs`, the id of its record; `/trace/<id>` leads from it to bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from concordat.report.chapter import Chapter, Column, Figure, Num, Report, Row, Table
from concordat.report.outline import common_source, own_name, right_to_left
from concordat.report.render_html import BlocksHtml
from concordat.web.address import Addresses, Asked
from concordat.web.site import GROUPS, Laid, Link

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from concordat.report.chapter import Run, Runs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

OPEN_ROWS_MAX = 12  # a figure's table of more rows is folded
# The page that each entry of the frame leads to.
ENTRANCES: Mapping[str, str] = {"know": "home", "rules": "rules", "decide": "commitments"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands: how addresses become links from here.

    Attributes:
        href: an address -> what a link says; None where that page can't be reached from here (a static export).
        sheet: the link to the style sheet.
        permanent: the whole address of this page with its release, as printed.
    """

    href: Callable[[Asked], str | None]
    sheet: str
    permanent: str
    home: str = ""  # the node that has the pages which this place has not


class PageHtml(BlocksHtml):
    """Runs, cells and pictures of one page, with its links."""

    def __init__(self, report: Report, words: Words, pictures: Mapping[str, str], links: Links) -> None:
        super().__init__(report, words, pictures)
        self.links = links

    def run(self, run: Run | Link) -> Markup:
        if not isinstance(run, Link):
            return super().run(run)
        return self.linked(run)

    def linked(self, link: Link) -> Markup:
        """Words that lead to a page; the words alone where that page can't be reached."""
        href = self.links.to(link)
        if href is None:
            return self.escape(link.text)
        return self.safe('<a href="%s">%s</a>') % (href, link.text)

    def row_head(self, row: Row, laid: Laid) -> Markup:
        link = laid.links_rows.get(row.id)
        return self.linked(link) if link else self.escape(row.title)

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
        return self.place.href(self.addresses.to(link.page, link.query, self.asked))

    def form(self, form: str) -> str | None:
        from dataclasses import replace

        return self.place.href(replace(self.asked, form=form))  # type: ignore[arg-type]

    def language(self, language: str) -> str | None:
        from dataclasses import replace

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
        group=asked.page.group,
        groups=[(g, Link(words.plain(f"frame.{g}"), ENTRANCES[g])) for g in GROUPS if g in ENTRANCES],
        languages=[(code, own_name(code)) for code in offered],
        kind=lambda block: type(block).__name__,
        common_source=common_source,
        open_rows=OPEN_ROWS_MAX,
        with_table=_with_table(laid),
        link=Link,
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
        elif isinstance(run, (str, Link)):
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
