"""Pages that are words: what this site is, and how it is meant to be usable by everyone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.report.chapter import Paragraph
from concordat.web.site import Laid, Page, Query, Section, once

if TYPE_CHECKING:
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


@dataclass(frozen=True, slots=True)
class View:
    """The messages of the page, by their names."""

    title: str
    paragraphs: tuple[str, ...]


def text_page(name: str, paragraphs: int) -> Page:
    """A page of a title and some paragraphs."""
    keys = tuple(f"web.{name}_{number}" for number in range(1, paragraphs + 1))
    return Page(name, f"/{name}", "about", Query, _view(f"web.title_{name}", keys), _layout, 15, once)


def _view(title: str, keys: tuple[str, ...]) -> Callable[[Reader, Query], View]:
    return lambda _reader, _query: View(title, keys)


def _layout(view: View, _reader: Reader, words: Words) -> Laid:
    said = tuple(Paragraph(words.text(key)) for key in view.paragraphs)
    return Laid(words.text(view.title), (Section("text", said),))
