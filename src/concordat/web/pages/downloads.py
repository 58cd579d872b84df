"""Where are the files? Every page's JSON and CSV, and what the release holds, with hashes, licences and citations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Cell, Code, Column, Num, Paragraph, Row, Table
from concordat.web.site import Laid, Link, Page, Query, Section, once

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of the release: its vintage, how many figures were read from it, and the hash of its rows."""

    id: str
    vintage: str
    rows: Num
    licence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class View:
    """The release, and the indicators that have a page."""

    release: str
    datasets: tuple[Dataset, ...]
    indicators: tuple[str, ...]


def view(reader: Reader, _query: Query) -> View:
    """The answer."""
    from concordat.web.pages.indicator import instances

    inputs, citations = reader.inputs(), reader.citations()
    found = []
    for vintage in inputs.release.vintages:
        ids = [o.obs_id for o in inputs.observations if o.dataset_id == vintage.dataset_id]
        for o in inputs.observations:
            if o.dataset_id == vintage.dataset_id:
                inputs.book.observe(o)
        licence = citations[vintage.dataset_id].licence
        found.append(Dataset(vintage.dataset_id, vintage.vintage_id, inputs.count(ids), licence, vintage.logical_hash))
    return View(inputs.release.name, tuple(found), tuple(i["id"] for i in instances(reader)))


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    known = reader.inputs().catalogue.indicators
    columns = (
        Column("vintage", words.plain("web.vintage")),
        Column("rows", words.plain("web.figures"), "count"),
        Column("licence", words.plain("web.licence")),
        Column("sha256", "SHA-256"),
    )
    rows = tuple(
        Row(d.id, d.id, (Cell(text=d.vintage), Cell(main=d.rows), Cell(text=d.licence), Cell(text=d.sha256, code=True)))
        for d in view.datasets
    )
    table = Table("datasets", words.plain("web.datasets"), words.plain("web.dataset"), columns, rows)
    links: list[object] = []
    for i in view.indicators:
        link = Link(known[i].name(words.language), "indicator", {"id": i})
        links += ["; ", link] if links else [link]
    command = f"concordat assess {reader.bloc}"
    return Laid(
        words.text("web.title_downloads", release=Code(view.release)),
        (
            Section("how", (Paragraph(words.text("web.every_page", command=Code(command))), table)),
            Section("indicators", (Paragraph(tuple(links)),), words.plain("web.indicators")),  # type: ignore[arg-type]
        ),
        main=table,
        sources=reader.sources(tuple(d.id for d in view.datasets)),
    )


PAGE = Page("downloads", "/downloads", "about", Query, view, layout, 15, once)
