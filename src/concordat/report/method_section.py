"""How the numbers were made: the release, the rules of choosing and counting, the sources, what licences allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from concordat.report.chapter import Block, Cell, Chapter, Cite, Code, Column, Note, Paragraph, Row, Table
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.report.chapters.evidence import Options


def write(inputs: Inputs, options: Options) -> Chapter:
    """The chapter."""
    words = inputs.words
    keys = ["observation", "choice", "interval", "counting", "world", "rank", "divide", "derived", "limits"]
    if options.mode == "common":
        keys.insert(2, "common")
    if "PSE" in inputs.who.all:
        keys.insert(-1, "parts")
    blocks: list[Block] = [Paragraph(words.text(f"method.{key}")) for key in keys]
    blocks.insert(0, Paragraph(_release(inputs)))
    blocks += _licences(inputs)
    blocks.append(Note(words.text("method.trace", command=Code("concordat evidence trace CELL"))))
    return Chapter("method", words.plain("method.title"), tuple(blocks))


def _release(inputs: Inputs) -> tuple[object, ...]:
    words = inputs.words
    vintages = ", ".join(f"{v.dataset_id} {v.vintage_id}" for v in inputs.release.vintages)
    cites = [Cite(d) for d in sorted({v.dataset_id for v in inputs.release.vintages})]
    return words.text("method.release", name=Code(inputs.release.name), vintages=Code(vintages), cites=tuple(cites))  # type: ignore[return-value]


def _licences(inputs: Inputs) -> Iterator[Block]:
    """What each source's licence allows."""
    from concordat.evidence.licences import licence

    words = inputs.words
    yes, no = words.plain("method.yes"), words.plain("method.no")
    flags = ("redistribute", "derive", "commercial", "share_alike", "attribution")
    rows = []
    for vintage in sorted({v.dataset_id: v for v in inputs.vintages}.values(), key=lambda v: v.dataset_id):
        found = licence(str(vintage.licence["id"]), where=vintage.ref)
        key = f"licence.{found.id.lower().replace('-', '_')}"
        name = words.plain(key) if key in words else found.name
        row = (Cell(text=name), *(Cell(text=yes if getattr(found, flag) else no) for flag in flags))
        rows.append(Row(vintage.dataset_id, str(vintage.origin["title"]), row))
    columns = (Column("licence", words.plain("method.column_licence")),
               *(Column(flag, words.plain(f"method.column_{flag}")) for flag in flags))  # fmt: skip
    yield Table(
        "method-licences", words.plain("method.licence_table"), words.plain("method.row_source"), columns, tuple(rows)
    )
