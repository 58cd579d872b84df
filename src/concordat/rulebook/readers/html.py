"""What articles does a web page hold? Block elements become lines, scripts, styles and navigation are left out.

The lines go to the splitter of plain texts; each article knows its bytes in the raw file. By `html.parser` of the
standard library, which takes broken pages as they are. Pictures and what a script would write are not seen.

    >>> page = b"<html lang='en'><title>Pact</title><nav>Home</nav><h3>Article 1</h3><p>Scope<p>It covers <b>all</b>"
    >>> page += b" data.</p><h3>Article 2: Flow</h3><p>Each Party shall allow it."
    >>> parsed = parse_html(page, name="p.html", id="pact")
    >>> parsed.title, [(unit.id, unit.heading, unit.text) for unit in parsed.units]  # doctest: +NORMALIZE_WHITESPACE
    ('Pact', [('pact/1', 'Scope', 'It covers all data.'), ('pact/2', 'Flow', 'Each Party shall allow it.')])
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from concordat.errors import InputError
from concordat.rulebook import _clean
from concordat.rulebook.model import LANGUAGES, ParsedInstrument
from concordat.rulebook.readers import _split
from concordat.rulebook.readers._split import Line
from concordat.rulebook.readers._units import Builder, blob_of
from concordat.rulebook.readers.text import byte_ranges

_BLOCKS = _clean.listed(
    "address article aside blockquote body br caption center dd div dl dt fieldset figcaption figure footer form h1 h2 "
    "h3 h4 h5 h6 header hr html li main ol p pre section table tbody tfoot thead title tr ul"
)
_HIDDEN = _clean.listed("script style template noscript svg math select button iframe object")
_CELLS = frozenset(("td", "th"))
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._\-]{1,40})|<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})""",
    re.I,
)


class _Page(HTMLParser):
    """Lines of a page with the places where they begin."""

    def __init__(self, text: str, *, keep_nav: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self.title = ""
        self.lang = ""
        self._hidden = _HIDDEN if keep_nav else _HIDDEN | {"nav"}
        self._closed: list[str] = []
        self._words: list[str] = []
        self._start = -1
        self._in_title = False
        self._offsets = [0]
        for edge in re.finditer("\n", text):
            self._offsets.append(edge.end())
        self.feed(text)
        self.close()
        self._line(len(text))

    def _place(self) -> int:
        line, column = self.getpos()
        return self._offsets[line - 1] + column

    def _line(self, end: int) -> None:
        words = " ".join(_clean.plain("".join(self._words)).split())
        if words:
            self.lines += [Line(words, self._start, end), Line("", end, end)]
        self._words.clear()
        self._start = -1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.lang = (dict(attrs).get("lang") or dict(attrs).get("xml:lang") or "").split("-")[0].lower()
        if tag in self._hidden:
            self._closed.append(tag)
        elif tag in _BLOCKS:
            if not self._closed:
                self._line(self._place())
            self._in_title = tag == "title"
        elif tag in _CELLS:
            self._words.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._hidden:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._closed:
            while self._closed.pop() != tag:
                pass
        elif tag == "title" and self._in_title:
            self.title = self.title or " ".join("".join(self._words).split())
            self._words.clear()
            self._in_title = False
        elif tag in _BLOCKS and not self._closed:
            self._line(self._place())

    def handle_data(self, data: str) -> None:
        if self._closed:
            return
        if self._start < 0 and data.strip():
            self._start = self._place()
        self._words.append(data)


def parse_html(data: bytes, *, name: str, id: str, lang: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of a page.

    Raises:
        InputError: empty, undecodable, no text in it, or in a language that can't be told.
    """
    blob = blob_of(data, name)
    found = _CHARSET.search(data[:4096])
    declared = (found[1] or found[2]).decode("ascii") if found else ""
    text, encoding, mark, warnings = _clean.decode(data, where=name, declared=declared)
    page = _Page(text)
    if not page.lines:
        page = _Page(text, keep_nav=True)
    if not page.lines:
        hint = "If a script writes it, save the page from the browser as text."
        raise InputError("no text is in it.", where=name, hint=hint, code="empty")
    stated = page.lang if page.lang in LANGUAGES else ""
    sample = "\n".join(line.text for line in page.lines)
    spoken, how = _clean.language(sample, given=lang, declared=stated, where=name)
    split = _split.split(page.lines, spoken, blank="always", where=name)
    build = Builder(id, spoken, blob, where=name)
    places = [(page.lines[part.first].start, page.lines[part.after - 1].end) for part in split.parts]
    _split.build_parts(build, split.parts, byte_ranges(text, places, encoding, mark))
    return build.done(page.title or split.title or id, how, (*warnings, *split.warnings))
