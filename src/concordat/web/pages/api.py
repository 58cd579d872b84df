"""Which addresses are there for programs, and what does each give? Pages by question, then the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Cell, Code, Column, Paragraph, Row, Table
from concordat.web.openapi import operations
from concordat.web.site import Laid, Page, Query, Section, once

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.openapi import Operation
    from concordat.web.reader import Reader


RELEASE, BATCH = "/r/<release>/", "?at=<view>.<batch>"


@dataclass(frozen=True, slots=True)
class View:
    """All operations, as `/openapi.json` describes them."""

    operations: tuple[Operation, ...]


def view(_reader: Reader, _query: Query) -> View:
    """The answer."""
    return View(operations())


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks: one row an address."""
    pages = [o for o in view.operations if o.page]
    protocol = [o for o in view.operations if not o.page]
    told = {"pages": str(len(pages)), "protocol": str(len(protocol))}
    table = _table("pages", pages, words)
    sections = (
        Section("how", (Paragraph(words.text("web.api_forms", json=Code(".json"), csv=Code(".csv"))),
                        Paragraph(words.text("web.api_pins", release=Code(RELEASE), batch=Code(BATCH))),
                        Paragraph(words.text("web.api_document", path=Code("/openapi.json"))))),
        Section("pages", (table,)),
        Section("protocol", (_table("protocol", protocol, words),)),
    )  # fmt: skip
    return Laid(words.text("web.title_api"), sections, words.text("web.api_lead", **told), main=table)


def _table(name: str, operations: list[Operation], words: Words) -> Table:
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in ("question", "keys", "forms"))
    rows = tuple(
        Row(f"{o.method} {o.path}", f"{o.method} {o.path}",
            (Cell(text=o.summary), Cell(text=", ".join(o.keys)), Cell(text=", ".join(o.forms))))
        for o in operations
    )  # fmt: skip
    return Table(f"api-{name}", words.plain(f"web.api_{name}"), words.plain("web.column.address"), columns, rows)


PAGE = Page("api", "/api", "about", Query, view, layout, 15, once, ())
