"""Pages that show a chapter of the yearly report for a bloc: the same blocks, so that page and report agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Missing, Table
from concordat.web.pages._shared import BlocQuery, area_links, indicator_links, known_bloc, sections_of, tables_in
from concordat.web.site import Group, Laid, Page, Part, once

if TYPE_CHECKING:
    from concordat.report.chapter import Runs
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


@dataclass(frozen=True, slots=True)
class View:
    """The chapter for a bloc, as the report has it in English.

    Attributes:
        headlines: its sentences of the first screen. tables: its tables, whole.
        missing: why there is no chapter, and what to load; empty where there is one.
    """

    bloc: str
    chapter: str
    headlines: tuple[Runs, ...]
    tables: tuple[Table, ...]
    missing: tuple[str, ...] = ()


def chapter_page(
    name: str, path: str, chapter_id: str, group: Group, budget_kb: int, reads: tuple[Part, ...] = ("evidence",)
) -> Page:
    """The page of a chapter."""
    return Page(name, path, group, BlocQuery, view_of(chapter_id), layout_of(name), budget_kb, once, reads)


def view_of(chapter_id: str) -> Callable[[Reader, BlocQuery], View]:
    """The view of a chapter's page."""

    def view(reader: Reader, query: BlocQuery) -> View:
        bloc = known_bloc(reader, query.bloc)
        chapter = reader.chapter(chapter_id, bloc)
        if isinstance(chapter, Missing):
            return View(bloc, chapter_id, (), (), (chapter.reason, chapter.what_to_load))
        headlines = tuple(h.runs for h in chapter.headlines)
        return View(bloc, chapter_id, headlines, tuple(tables_in(chapter.blocks)))

    return view


def layout_of(name: str) -> Callable[[View, Reader, Words], Laid]:
    """The layout of a chapter's page."""

    def layout(view: View, reader: Reader, words: Words) -> Laid:
        chapter = reader.chapter(view.chapter, view.bloc, words.language)
        bloc = reader.inputs(view.bloc, words.language).bloc_label
        title = words.text(f"web.title_{name}", bloc=bloc)
        if isinstance(chapter, Missing):
            return Laid(title, sections_of(chapter, words))
        lead = chapter.headlines[0].runs if chapter.headlines else ()
        tables = tables_in(chapter.blocks)
        who = reader.inputs(view.bloc).who
        rows = {row.id for table in tables for row in table.rows if row.id in who.all}
        columns = {column.id for table in tables for column in table.columns}
        return Laid(
            title,
            sections_of(chapter, words),
            lead,
            main=tables[0] if tables else None,
            links_rows=area_links(reader, sorted(rows), words.language),
            links_columns=indicator_links(reader, sorted(columns), words.language, view.bloc),
            sources=reader.sources((*chapter.sources, *sorted(reader.citations(view.bloc))), view.bloc),
        )

    return layout
