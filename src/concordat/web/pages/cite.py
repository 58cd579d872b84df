"""How do I cite this page? Its citation as text, BibTeX and CSL-JSON, with the permanent link that never changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat import __version__, canonical
from concordat.report.chapter import Code, Paragraph
from concordat.web.address import NotFoundError
from concordat.web.site import FileForm, Laid, Page, Query, Section, never

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


CSL = "application/vnd.citationstyles.csl+json"


class CiteQuery(Query):
    """A page: its address without the leading slash, parts joined by `~`: `place~BRA`, `home`."""

    id: str = Field(
        description="a page's address, as place~BRA", pattern=r"^[a-z][A-Za-z0-9._-]*(~[A-Za-z0-9._-]+){0,3}$"
    )


@dataclass(frozen=True, slots=True)
class View:
    """The parts of a citation. key: of the BibTeX entry."""

    key: str
    title: str
    path: str
    release: str
    version: str
    year: int
    month: int
    day: int


def view(reader: Reader, query: CiteQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such page.
    """
    from concordat.web.address import Addresses
    from concordat.web.html import plain
    from concordat.web.languages import words_of
    from concordat.web.site import pages

    path = "/" if query.id == "home" else "/" + query.id.replace("~", "/")
    if path.startswith("/cite"):
        raise NotFoundError("a citation is not cited.", hint="Cite the page itself.", code="no_page")
    asked = Addresses(pages()).parse(path)
    words = words_of("en")
    laid = asked.page.layout(asked.page.view(reader, asked.query), reader, words)
    release = reader.snapshot.release if "evidence" in asked.page.reads else ""
    pin = f"/r/{release}{path}" if release else path
    if reader.council is not None and "council" in asked.page.reads:
        pin += f"?at={reader.council.batch}"
    on = reader.on
    key = re.sub(r"[^A-Za-z0-9]", "_", f"concordat_{query.id}")
    return View(key, plain(laid.title, words), pin, release, __version__, on.year, on.month, on.day)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    said = (text(view, reader), bibtex(view), csl(view).decode("utf-8"))
    names = ("web.cite_text", "BibTeX", "CSL-JSON")
    sections = tuple(
        Section(f"form{n}", (Paragraph((Code(form),)),), words.plain(name) if name in words else name)
        for n, (name, form) in enumerate(zip(names, said, strict=True))
    )
    return Laid(words.text("web.title_cite"), sections, words.text("web.cite_lead", title=view.title))


def text(view: View, reader: Reader) -> str:
    """The citation in one line."""
    release = f" Release {view.release}." if view.release else ""
    return (
        f"Concordat, {reader.bloc}. {view.title}.{release} Version {view.version}. "
        f"{view.year}-{view.month:02}-{view.day:02}. {view.path}"
    )


def bibtex(view: View) -> str:
    """As BibTeX."""
    safe = re.sub(r"([{}%&#$_\\])", r"\\\1", view.title)
    note = f"release {view.release}, " if view.release else ""
    return (
        f"@misc{{{view.key},\n  author = {{{{Concordat}}}},\n  title = {{{safe}}},\n  year = {{{view.year}}},\n"
        f"  note = {{{note}version {view.version}}},\n  howpublished = {{\\url{{{view.path}}}}}\n}}\n"
    )


def csl(view: View) -> bytes:
    """As CSL-JSON."""
    item = {
        "id": view.key, "type": "webpage", "title": view.title, "author": [{"literal": "Concordat"}],
        "issued": {"date-parts": [[view.year, view.month, view.day]]}, "version": view.version, "URL": view.path,
    }  # fmt: skip
    return canonical.dumps([item]) + b"\n"


PAGE = Page(
    "cite", "/cite/{id}", "about", CiteQuery, view, layout, 4, never, ("evidence", "council"),
    {"bib": FileForm("application/x-bibtex", lambda view, _reader, _words: bibtex(view).encode(), "{}.bib"),
     "csl.json": FileForm(CSL, lambda view, _reader, _words: csl(view), "{}.json")},
)  # fmt: skip
