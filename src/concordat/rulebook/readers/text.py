"""What articles does a plain text hold? Its lines go to the splitter; each article knows its bytes in the raw file.

A form feed ends a page: lines that the pages repeat at the same edge are dropped, and running numbers alone on a line.

    >>> raw = b"Data Pact\\n\\nArticle 1\\nScope\\nIt covers all data and the\\nnetworks.\\n\\n"
    >>> raw += b"Article 2\\nFlow\\n1. Each Party shall allow it.\\n"
    >>> parsed = parse_text(raw, name="pact.txt", id="pact")
    >>> [(unit.id, unit.heading, unit.text) for unit in parsed.units if unit.kind == "article"]
    [('pact/1', 'Scope', 'It covers all data and the networks.'), ('pact/2', 'Flow', '1. Each Party shall allow it.')]
    >>> source = parsed.units[1].source
    >>> raw[source.start : source.end].split(b"\\n")[0]
    b'Article 1'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from concordat.rulebook import _clean
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.readers import _split
from concordat.rulebook.readers._split import Line
from concordat.rulebook.readers._units import Builder, blob_of

_NUMBER = re.compile(r"[-–—]? ?(\d{1,4}) ?[-–—]?$")
_HEAD = re.compile(r"(?:art|section|rule|principle|статья|第|chap|cap|глава)", re.IGNORECASE)


def parse_text(data: bytes, *, name: str, id: str, lang: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of a plain text.

    Raises:
        InputError: empty, undecodable, or in a language that can't be told.
    """
    blob = blob_of(data, name)
    text, encoding, mark, warnings = _clean.decode(data, where=name)
    spoken, how = _clean.language(text, given=lang, where=name)
    pages = [_split.lines_of(page) for page in text.split("\f")]
    lines = _placed(pages)
    lines = without_numbers(lines)
    whole = _clean.without_hyphens([line.text for line in lines])
    lines = [line._replace(text=words) for line, words in zip(lines, whole, strict=True)]
    split = _split.split(lines, spoken, where=name)
    build = Builder(id, spoken, blob, where=name)
    places = [(lines[part.first].start, lines[part.after - 1].end) for part in split.parts]
    _split.build_parts(build, split.parts, byte_ranges(text, places, encoding, mark))
    return build.done(split.title or id, how, (*warnings, *split.warnings))


def _placed(pages: Sequence[list[Line]]) -> list[Line]:
    """Lines of all pages, without furniture, with their places in the whole text."""
    offset, lines = 0, []
    kept = _clean.without_furniture([[line.text for line in page] for page in pages], _HEAD)
    for page, left in zip(pages, kept, strict=True):
        rest = iter(left)
        wanted = next(rest, None)
        for line in page:
            if line.text == wanted:
                lines.append(Line(line.text, line.start + offset, line.end + offset))
                wanted = next(rest, None)
        offset += (page[-1].end if page else 0) + 1
    return lines


def without_numbers(lines: Sequence[Line]) -> list[Line]:
    """Lines without running page numbers.

    A number alone on a line may be a paragraph's instead: those begin at 1 right behind a heading, and begin anew.
    """
    found = [(at, int(m[1])) for at, line in enumerate(lines) if (m := _NUMBER.match(line.text))]
    values = [value for _, value in found]
    anew = sum(after < before for before, after in pairwise(values))
    if anew > 1 or (found and values[0] == 1 and _behind_heading(lines, found[0][0])):
        return list(lines)
    drop = {at for (at, _), runs in zip(found, _clean.running(values), strict=True) if runs}
    return [line for at, line in enumerate(lines) if at not in drop]


def _behind_heading(lines: Sequence[Line], at: int) -> bool:
    above = [line.text for line in lines[max(at - 4, 0) : at] if line.text]
    return any(_HEAD.match(line) for line in above[-2:])


def byte_ranges(text: str, places: Sequence[tuple[int, int]], encoding: str, mark: int) -> list[tuple[int, int]]:
    """Ranges of characters, in order, as ranges of bytes of the raw file."""
    edges = sorted({edge for place in places for edge in place})
    known: dict[int, int] = {}
    at, byte = 0, mark
    for edge in edges:
        byte += len(text[at:edge].encode(encoding))
        known[edge] = byte
        at = edge
    return [(known[start], known[end]) for start, end in places]
