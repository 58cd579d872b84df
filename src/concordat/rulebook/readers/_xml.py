"""How is an XML file read that somebody sent us? By expat, without DOCTYPE and entities, within bounds.

An entity can name a file of this machine or grow to gigabytes ("billion laughs"); a treaty needs none, so a DOCTYPE is
refused outright. `parse` tells a handler of each element with the byte at which it stands in the raw file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.parsers import expat

from concordat.errors import InputError
from concordat.rulebook import _clean

ELEMENTS_DEEP_MAX = (
    64  # elements one in another; the bound of 12 on rule texts is one on units, as inline marks nest freely
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")
_TAG = re.compile(r"<(?![?!])(?:[\w.\-]+:)?([\w.\-]+)([^>]{0,2000})")

Start = Callable[[str, Mapping[str, str], int], None]
End = Callable[[str, int], None]


def parse(data: bytes, *, where: str, start: Start, end: End, text: Callable[[str], None]) -> tuple[str, ...]:
    """Tell of all elements of a file; the warnings.

    Args:
        start: name without its namespace's prefix, attributes, byte of `<`. end: name, byte after `>`. text: what is
        between.

    Raises:
        InputError: a DOCTYPE, no XML, bytes that are not of the file's encoding, elements nested over 64 deep.
    """
    data, encoding, warnings = _encoded(data, where)
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.buffer_size = 1 << 20
    depth = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > ELEMENTS_DEEP_MAX:
            what = f"line {parser.CurrentLineNumber} nests more than {ELEMENTS_DEEP_MAX} elements."
            raise InputError(what, where=where, hint="It is no rule text that we can read.", code="too_deep")
        start(name.rpartition(":")[2], attributes, parser.CurrentByteIndex)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name.rpartition(":")[2], data.find(b">", parser.CurrentByteIndex) + 1)

    def refused(*_: object) -> None:
        what = f"line {parser.CurrentLineNumber} declares a DOCTYPE; we refuse entities."
        raise InputError(what, where=where, hint="Remove it and load again.", code="doctype")

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        what = f"line {error.lineno}, column {error.offset + 1} is not XML: {expat.ErrorString(error.code)}."
        raise InputError(what, where=where, hint="Mend it, or load it as text.", code="not_xml") from None
    except (LookupError, ValueError) as error:  # an encoding that expat can't take from Python's tables
        raise InputError(f"the encoding can't be read: {error}.", where=where, hint="Save it as UTF-8.") from None
    return warnings


def _encoded(data: bytes, where: str) -> tuple[bytes, str | None, tuple[str, ...]]:
    """Bytes for expat, the encoding to use (None: as declared), and a warning where it had to be guessed.

    Only bytes that are neither UTF-8 nor declared to be something else are rewritten: then places in them mean nothing,
    but neither would a range of bytes in an unknown encoding.
    """
    found = _DECLARED.match(data)
    declared = found[1].decode("ascii") if found else ""
    text, encoding, mark, warnings = _clean.decode(data, where=where, declared=declared)
    if warnings:
        return text.encode("utf-8"), "utf-8", warnings
    if encoding == "utf-8" and not mark and declared.lower().replace("_", "-") not in ("", "utf-8", "us-ascii"):
        return data, "utf-8", ()  # declares another encoding, but is UTF-8: a common slip
    known = encoding.lower().replace("_", "-")
    if known in ("utf-8", "utf-16-le", "utf-16-be") or (declared and not mark):
        return data, None if known != "utf-8" else "utf-8", ()
    return text.encode("utf-8"), "utf-8", ()


def root(data: bytes) -> tuple[str, str]:
    """Name of the first element without its prefix, and its attributes as they stand; "" if none is near the top."""
    head = data[:20_000]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head.decode("utf-16", "ignore")
    else:
        text = head.decode("utf-8", "ignore")
    found = _TAG.search(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    return (found[1], found[2]) if found else ("", "")
