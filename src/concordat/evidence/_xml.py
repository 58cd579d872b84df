"""Reading XML that others wrote, without what makes XML dangerous.

A document type (so no entities that grow, no outside files), nesting deeper than 64, more than five million elements or
more than 64 MB are refused before a tree is built. (OWASP XML External Entity Prevention; Python's own documentation,
"XML vulnerabilities".)
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.parsers import expat

from concordat.errors import SourceError

XML_BYTES_MAX = 64_000_000
XML_DEPTH_MAX = 64
XML_ELEMENTS_MAX = 5_000_000


def parse_xml(body: bytes, where: str) -> Element:
    """The root of a document; comments and processing instructions are left out.

    Raises:
        SourceError: not well-formed, or one of the dangers that the module names (code `unsafe_xml`).
    """
    if len(body) > XML_BYTES_MAX:
        raise _unsafe(f"over {XML_BYTES_MAX:,} bytes", where)
    try:
        _check(body, where)
        parser = XMLParser()  # its dangers were looked for above
        parser.feed(body)
        return parser.close()
    except (expat.ExpatError, ParseError, ValueError, LookupError) as error:
        raise SourceError(f"not XML: {error}.", where=where, code="not_xml") from None


def _check(body: bytes, where: str) -> None:
    """Read once without keeping anything, and stop at the first danger."""
    parser = expat.ParserCreate()
    counts = {"depth": 0, "elements": 0}

    def doctype(*_: Any) -> None:
        raise _unsafe("it has a document type (DTD)", where)

    def start(*_: Any) -> None:
        counts["depth"] += 1
        counts["elements"] += 1
        if counts["depth"] > XML_DEPTH_MAX:
            raise _unsafe(f"nested deeper than {XML_DEPTH_MAX} elements", where)
        if counts["elements"] > XML_ELEMENTS_MAX:
            raise _unsafe(f"more than {XML_ELEMENTS_MAX:,} elements", where)

    def end(*_: Any) -> None:
        counts["depth"] -= 1

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(body, True)


def _unsafe(what: str, where: str) -> SourceError:
    hint = "Ask the service for CSV, or for less at once."
    return SourceError(f"XML refused: {what}.", where=where, hint=hint, code="unsafe_xml")
