"""One figure by itself: its picture, its numbers, and both as files; its address is a hash of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat.canonical import dumps
from concordat.report.chapter import Table
from concordat.web.address import NotFoundError
from concordat.web.headers import SVG
from concordat.web.site import FileForm, Laid, Page, Query, Section, never

if TYPE_CHECKING:
    from concordat.report.chapter import Figure
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

# The pages that are looked through for a figure that nobody has asked for since the site was started.
SHOWING = ("home", "index", "divide", "rules", "quality", "commitments", "scenarios", "indicator", "place")


class FigureQuery(Query):
    """A figure."""

    id: str = Field(
        description="the hash of its specification and numbers, 32 hexadecimal digits", pattern="^[0-9a-f]{32}$"
    )


@dataclass(frozen=True, slots=True)
class View:
    """A figure. spec: Vega-Lite, with its data inside. alt: what it shows, in words."""

    id: str
    title: str
    alt: str
    spec: Mapping[str, Any]
    table: Table


def view(reader: Reader, query: FigureQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no page of this release and batch shows it.
    """
    found = reader.figure(query.id) or _looked_for(reader, query.id)
    if found is None:
        hint = "A figure of another release has another address: open its page and take the address from there."
        raise NotFoundError(f"no page here shows the figure {query.id[:12]}..", hint=hint, code="no_figure")
    return View(query.id, found.title, found.alt, found.spec, found.table)


def _looked_for(reader: Reader, key: str) -> Figure | None:
    """Go through the pages of this site's bloc, once: all that they show is remembered from then on."""
    from concordat.web.languages import OFFERED, words_of
    from concordat.web.site import pages

    def look() -> None:
        by_name = {page.name: page for page in pages()}
        for language in OFFERED:
            for page in (by_name[name] for name in SHOWING):
                for values in page.instances(reader):
                    view = page.view(reader, page.query.model_validate(dict(values)))
                    _remember(page.layout(view, reader, words_of(language)), reader)
                    if reader.figure(key) is not None:
                        return

    reader.look_through(look)
    return reader.figure(key)


def shown(page: Page, values: Mapping[str, Any], reader: Reader, words: Words) -> list[View]:
    """The figures that one page shows, as they stand at addresses of their own; the reader remembers them.

    Args:
        page: as the registry has it. values: of one of its addresses.
    """
    from concordat.report.chapter import Figure
    from concordat.web.html import figure_key

    laid = page.layout(page.view(reader, page.query.model_validate(dict(values))), reader, words)
    _remember(laid, reader)
    found = [b for s in laid.sections for b in s.blocks if isinstance(b, Figure)]
    return [View(figure_key(b), b.title, b.alt, b.spec, b.table) for b in found]


def _remember(laid: Laid, reader: Reader) -> None:
    from concordat.report.chapter import Figure
    from concordat.web.html import figure_key

    for block in (b for s in laid.sections for b in s.blocks if isinstance(b, Figure)):
        reader.keep_figure(figure_key(block), block)


def layout(view: View, reader: Reader, _words: Words) -> Laid:
    """The answer as blocks."""
    figure = _figure(view, reader)
    cited = tuple(dict.fromkeys(cell.source for row in view.table.rows for cell in row.cells if cell.source))
    sources = reader.sources(tuple(s for s in cited if s in reader.citations()))
    return Laid((view.title,), (Section("figure", (figure,)),), (view.alt,), main=view.table, sources=sources)


def _figure(view: View, reader: Reader) -> Figure:
    found = reader.figure(view.id)
    assert found is not None
    return replace(found, caption=found.caption)


def picture(view: View, reader: Reader, _words: Words) -> bytes:
    """The figure as a file of its own: SVG, with its title inside."""
    from concordat.figures.render import svg
    from concordat.report.render_html import labelled

    drawn = labelled(svg(view.spec, f"f{view.id[:8]}", reader.id_length()), _figure(view, reader))
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode("utf-8")


def pixels(view: View, _reader: Reader, _words: Words) -> bytes:
    """The figure as PNG, twice its size on paper."""
    from concordat.figures.render import png

    return png(view.spec)


def spec(view: View, _reader: Reader, _words: Words) -> bytes:
    """The specification as Vega-Lite."""
    return dumps(dict(view.spec), floats=True) + b"\n"


PAGE = Page(
    "figure", "/figure/{id}", "about", FigureQuery, view, layout, 30, never, ("evidence", "council"),
    {"svg": FileForm(SVG, picture, "{}.svg", shown=True),
     "png": FileForm("image/png", pixels, "{}.png", shown=True),
     "vl.json": FileForm("application/json", spec, "{}.vl.json", shown=True)},
)  # fmt: skip
