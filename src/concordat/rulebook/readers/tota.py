"""What does an agreement of ToTA (Texts of Trade Agreements) hold? `treaty > meta + body > chapter > article`.

An article's id ends with its `article_identifier`; the printed number stands beside it. Paragraphs are not marked in
these files: they are found by their numbers at the start of a line. Of the text only line breaks and running page
numbers are taken away, of a heading the footnote digits. Annexes and schedules are absent from the edition.

Source: W. Alschner, J. Seiermann, D. Skougarevskiy, Text-as-data analysis of preferential trade agreements: mapping the
PTA landscape, UNCTAD Research Paper 5 (2017); the data are CC BY-NC 4.0 and don't ship with this package.

    >>> parsed = parse_tota(b'<treaty><meta><name>A - B</name><language>en</language></meta><body>'
    ...     b'<chapter number="CHAPTER 2" name="Data"><article number="ARTICLE 2.1" name="Scope" '
    ...     b'article_identifier="7">All.</article></chapter></body></treaty>', name="a.xml", id="a")
    >>> [(unit.id, unit.number, unit.heading, unit.text) for unit in parsed.units]
    [('a/ch2', '2', 'Data', ''), ('a/7', '2.1', 'Scope', 'All.')]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from concordat.errors import InputError
from concordat.rulebook import _clean
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.readers import _split, _xml
from concordat.rulebook.readers._units import Builder, blob_of, slug

_WORD = re.compile(
    r"^\s*(?:art[ií]c(?:le|ulo)s?|chapter|cap[ií]tulo|title|t[ií]tulo|section|secci[oó]n|part|parte)\b[:.]?\s*", re.I
)
_FACTS = ("name", "type", "status", "date_signed", "date_into_force", "date_inactive", "language", "treaty_identifier")


@dataclass(slots=True)
class _Piece:
    """A chapter or an article, as it stands in the file."""

    kind: str
    attributes: Mapping[str, str]
    start: int
    end: int = 0
    text: str = ""


@dataclass(slots=True)
class _File:
    """What the parser has told so far."""

    facts: dict[str, str] = field(default_factory=dict)
    parties: list[str] = field(default_factory=list)
    pieces: list[_Piece] = field(default_factory=list)
    open: list[tuple[str, _Piece | None]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    in_article: int = 0

    def start(self, name: str, attributes: Mapping[str, str], at: int) -> None:
        if not self.open and name != "treaty":
            raise InputError(f"begins with <{name}>, which is not ToTA's <treaty>.", hint="Look at --format.")
        piece = None
        if name in ("chapter", "article"):
            piece = _Piece(name, attributes, at)
            self.pieces.append(piece)
        if not self.in_article:
            self.words.clear()
        self.in_article += name == "article"
        self.open.append((name, piece))

    def end(self, name: str, at: int) -> None:
        _, piece = self.open.pop()
        if piece is not None:
            piece.end = at
        self.in_article -= name == "article"
        if self.in_article:
            return
        text = "".join(self.words)
        self.words.clear()
        above = self.open[-1][0] if self.open else ""
        if piece is not None and name == "article":
            piece.text = text
        elif name in _FACTS and above == "meta":
            self.facts[name] = text.strip()
        elif name == "partyisocode" and above == "parties":
            self.parties.append(text.strip())


def parse_tota(data: bytes, *, name: str, id: str, lang: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of a ToTA file.

    Raises:
        InputError: no XML, no ToTA, or over a limit.
    """
    blob = blob_of(data, name)
    file = _File()
    try:
        warnings = _xml.parse(data, where=name, start=file.start, end=file.end, text=file.words.append)
    except InputError as error:
        error.where = error.where or name
        raise
    for piece, text in zip(file.pieces, _clean.without_page_numbers([p.text for p in file.pieces]), strict=True):
        piece.text = text
    sample = "\n".join(piece.text for piece in file.pieces[:100])
    spoken, how = _clean.language(sample, given=lang, declared=file.facts.get("language", ""), where=name)
    build = Builder(id, spoken, blob, where=name, ranges=not warnings)
    known = _clean.Known([p.text for p in file.pieces] + [p.attributes.get("name", "") for p in file.pieces])
    parent = ""
    for piece in file.pieces:
        if piece.kind == "chapter":
            parent = _chapter(build, piece, known)
        else:
            _article(build, piece, _clean.tidy(piece.text, lang=spoken), known, parent)
    return build.done(file.facts.get("name", "") or id, file.facts | how, warnings, file.parties)


def _chapter(build: Builder, piece: _Piece, known: _clean.Known) -> str:
    number = _WORD.sub("", piece.attributes.get("number", "")).strip()
    heading = _clean.heading(piece.attributes.get("name", ""), known)
    key = _split.chapter_key(number, heading)
    identifier = piece.attributes.get("chapter_identifier", "")
    return build.chapter(key, number, heading, span=(piece.start, piece.end), alternative=identifier)


def _article(build: Builder, piece: _Piece, text: str, known: _clean.Known, parent: str) -> None:
    attributes = piece.attributes
    number = " ".join(_WORD.sub("", attributes.get("number", "")).split())
    build.article(
        number,
        _clean.heading(attributes.get("name", ""), known),
        text,
        key=attributes.get("article_identifier", "") or slug(number),
        parent=parent,
        span=(piece.start, piece.end),
        alternative=attributes.get("number", ""),
    )
