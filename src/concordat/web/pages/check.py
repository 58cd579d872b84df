"""Is this proof good? A file is verified as anybody would, offline; or an entry is looked up by its id.

The file comes by a form of this page (`web.checking` takes it) and is not kept. Nothing is asked of other nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Code, Note, Paragraph
from concordat.web.site import CheckForm, Laid, Link, Page, Query, Section, block, line, once

if TYPE_CHECKING:
    from concordat.report.chapter import Block
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


class CheckQuery(Query):
    """Nothing, or an entry's id."""

    id: str = Field("", pattern="^[0-9a-f]{8,64}$|^$", description="the beginning of an entry's id")


@dataclass(frozen=True, slots=True)
class View:
    """What was found of an entry: its whole id, or why not; both empty where nothing was asked."""

    asked: str
    found: str
    final: bool
    why: str
    trust: str


def view(reader: Reader, query: CheckQuery) -> View:
    """The answer."""
    held = reader.council
    trust = held.trust if held else ""
    if not query.id:
        return View("", "", False, "", trust)
    if held is None:
        return View(query.id, "", False, "no record", trust)
    found = held.ids(query.id)
    if len(found) != 1:
        return View(query.id, "", False, "several" if found else "none", trust)
    return View(query.id, found[0], held.taken(found[0]) is not None, "", trust)


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    blocks: list[Block] = []
    if view.found:
        key = "web.check_final" if view.final else "web.check_waiting"
        link = Link(words.plain("web.look_at", name=view.found[:16]), "entry", {"id": view.found})
        blocks.append(Note(line(*words.text(key, id=Code(view.found[:16])), " ", link)))
    elif view.asked:
        why = {"none": "web.check_none", "several": "web.check_several"}.get(view.why, "web.no_record")
        blocks.append(Note(words.text(why), "warning"))
    blocks.append(block(CheckForm(view.asked)))
    if view.trust:
        blocks.append(Paragraph(words.text("web.check_trust", trust=Code(view.trust))))
    offline = words.text("web.check_offline", command=Code("concordat ledger verify FILE --trust HASH"))
    sections = (
        Section("check", tuple(blocks)),
        Section("offline", (Paragraph(offline),), words.plain("web.without_us")),
    )
    return Laid(words.text("web.title_check"), sections, words.text("web.check_lead"))


PAGE = Page("check", "/check", "decide", CheckQuery, view, layout, 10, once, ("waiting",))
