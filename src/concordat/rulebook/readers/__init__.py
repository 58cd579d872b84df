"""Readers: the bytes of a rule text in, its units out. Nothing is opened or stored here.

    ToTA XML        tota    articles as marked, paragraphs by their numbers
    Akoma Ntoso     akn     2.0 and 3.0: all levels as marked, notes apart, quoted amendments apart
    plain text      text    articles found by their headings, in six languages (`_split`, `_heads`)
    HTML            html    block elements to lines, then as text
    PDF             pdf     pages to lines (extra [text]), then as text

The kind is told by the content, not by the file's name. Limits: 50 MB a file, 20,000 units, 12 levels.

    >>> raw = b"Article 1: Scope\\nThis is about the data.\\nArticle 2: Flow\\nIt shall be free.\\n"
    >>> parsed = parse(raw, name="x.txt", id="x")
    >>> parsed.lang, [unit.id for unit in parsed.units]
    ('en', ['x/1', 'x/2'])
"""

from __future__ import annotations

from collections.abc import Callable

from concordat.errors import InputError
from concordat.rulebook import _clean
from concordat.rulebook.model import LANGUAGES, ParsedInstrument
from concordat.rulebook.readers import _xml
from concordat.rulebook.readers._units import blob_of
from concordat.rulebook.readers.akn import parse_akn
from concordat.rulebook.readers.html import parse_html
from concordat.rulebook.readers.pdf import parse_pdf
from concordat.rulebook.readers.text import parse_text
from concordat.rulebook.readers.tota import parse_tota
from concordat.settings import nearest

FORMATS: dict[str, Callable[..., ParsedInstrument]] = {
    "tota": parse_tota, "akn": parse_akn, "html": parse_html, "pdf": parse_pdf, "text": parse_text,
}  # fmt: skip
_ROOTS = {"treaty": "tota", "akomantoso": "akn", "html": "html"}
_HTML_TAGS = _clean.listed("body head div p h1 h2 h3 span table article section main ul ol meta title")
_OTHERS = (
    (b"PK\x03\x04", "a Word or zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Word file"),
    (b"{\\rtf", "an RTF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"II*\x00", "a picture"),
)


def parse(data: bytes, *, name: str, id: str, lang: str = "", format: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of a rule text.

    Args:
        data: the raw file. name: what it is called in messages. id: the instrument's id, with which all unit ids begin.
        lang: en, es, fr, pt, zh or ru; "": as the file declares, else by its function words.
        format: one of `FORMATS`; "": by the content.

    Raises:
        InputError: empty, too large, of an unknown kind, damaged, or in a language that can't be told.
        MethodError: a PDF, and the extra that reads it is missing.
    """
    if lang and lang not in LANGUAGES:
        raise _unknown(lang, LANGUAGES, "a language we split", "unknown_language")
    if format and format not in FORMATS:
        raise _unknown(format, tuple(FORMATS), "a format we read", "unknown_format")
    blob_of(data, name)
    return FORMATS[format or format_of(data, name=name)](data, name=name, id=id, lang=lang)


def _unknown(word: str, known: tuple[str, ...], what: str, code: str) -> InputError:
    close = nearest(word, known)
    hint = f"Did you mean {close[0]}?" if close else f"Take one of {', '.join(known)}."
    return InputError(f'"{word}" is not {what}.', hint=hint, code=code)


def format_of(data: bytes, *, name: str = "") -> str:
    """The format of a file, by its content.

    Raises:
        InputError: a kind of file that no reader takes.
    """
    for mark, what in _OTHERS:
        if data.startswith(mark):
            hint = "Save it as PDF with text, HTML or plain text."
            raise InputError(f"is {what}, which we don't read.", where=name, hint=hint, code="unknown_format")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.replace(b"\x00", b"")[2:].lstrip()
    if not head.startswith(b"<"):
        return "text"
    low = head.lower()
    root = _xml.root(data)[0].lower()
    if low.startswith(b"<!doctype html") or (b"<!doctype html" in low and root in ("html", "")):
        return "html"
    if root in _ROOTS:
        return _ROOTS[root]
    if root in _HTML_TAGS and not low.startswith(b"<?xml"):
        return "html"
    if low.startswith((b"<?xml", b"<!doctype")) or root:
        if b"<!doctype" in low:
            return "akn"  # refused there, with the line
        what = (
            f"is XML that begins with <{_xml.root(data)[0]}>; we read ToTA (<treaty>) and Akoma Ntoso (<akomaNtoso>)."
        )
        raise InputError(what, where=name, hint="Load it as --format text or html.", code="unknown_format")
    return "text"
