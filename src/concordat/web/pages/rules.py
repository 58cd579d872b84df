"""Which rules bind whom today? The rules among members, as the yearly report has them, and the way to each pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from concordat.report.chapter import Column, Paragraph, Row, Table
from concordat.web.pages._chapter import chapter_page
from concordat.web.pages._rulebook import linked
from concordat.web.site import Laid, Link, Section, line

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.pages._chapter import View
    from concordat.web.reader import Reader

PAIRS_MAX = 20  # members; of a larger bloc the pairs would be a page of their own
_chapter = chapter_page("rules", "/rules", "rules", "rules", 40)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The chapter, each instrument leading to its page; then what can be asked beside it, and the pairs."""
    laid = _chapter.layout(view, reader, words)
    with reader.rules() as store:
        known = {i.id: i.short_name or i.name for i in store.instruments().values()}
    rows = {row.id for section in laid.sections for b in section.blocks if isinstance(b, Table) for row in b.rows}
    instruments = {i: Link(known[i], "instrument", {"id": i}) for i in sorted(rows & set(known))}
    ask = line(Link(words.plain("web.search"), "search"), " · ", Link(words.plain("web.compare"), "compare"))
    sections = (Section("ask", (Paragraph(ask),)), *laid.sections)
    members = reader.inputs(view.bloc).who.members
    if 1 < len(members) <= PAIRS_MAX:
        sections = (*sections, Section("pairs", (_pairs(members, reader, words),)))
    return replace(laid, sections=sections, links_rows={**laid.links_rows, **instruments})


def _pairs(members: tuple[str, ...], reader: Reader, words: Words) -> Table:
    """Each member with the others, whose codes lead to what binds the two."""
    ordered = sorted(members)

    def others(member: str) -> tuple[Link | str, ...]:
        pairs = [sorted((member, other)) for other in ordered if other != member]
        links = [Link(a if b == member else b, "binds", {"a": a, "b": b}) for a, b in pairs]
        return tuple(part for link in links for part in (link, " "))[:-1]

    names = reader.inputs(language=words.language)
    rows = tuple(Row(f"pair-{m}", names.area_name(m), (linked(*others(m)),)) for m in ordered)
    columns = (Column("towards", words.plain("web.column.towards")),)
    return Table("pairs", words.plain("web.pairs"), words.plain("web.column.party"), columns, rows)


PAGE = replace(_chapter, layout=layout)
