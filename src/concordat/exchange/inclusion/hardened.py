"""Reading XML that strangers wrote, with lxml, without what makes XML dangerous.

Decided on the bytes before a parser sees them: at most 20 MB; UTF-8 and nothing else, because a scan for `<!DOCTYPE`
is blind in UTF-16; no DOCTYPE or entity declaration anywhere, used or not; no XInclude. Then on the tree: nested at
most 64 deep, at most 400,000 elements, no single text above 1 MB. The parser has everything off that could reach
outside the bytes. Source: OWASP's rules on XML external entities; XML 1.0, section 4.3.3. The payment gate of
`clearing` has the same rules with smaller limits; the two rooms don't import each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from concordat.errors import InputError
from concordat.settings import need_extra

Element = Any  # lxml's, which has no types of its own

BYTES_MAX = 20_000_000
ELEMENTS_MAX = 400_000
DEPTH_MAX = 64
TEXT_MAX = 1_000_000
NAMESPACES_MAX = 64

_FORBIDDEN = re.compile(rb"<!(doctype|entity|element|attlist|notation)", re.IGNORECASE)
_ENCODING = re.compile(rb"""^<\?xml\s[^>]{0,200}?\sencoding\s*=\s*["']([^"']{0,100})["']""")
_XML = "http://www.w3.org/XML/1998/namespace"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_INCLUDE = b"http://www.w3.org/2001/XInclude"


def lxml() -> Any:
    """The module `lxml.etree`.

    Raises:
        MethodError: the extra [exchange] is not installed.
    """
    try:
        from lxml import etree
    except ImportError:
        raise need_extra("exchange", "reading and writing XML") from None
    return etree


@cache
def _reader() -> Callable[[bytes], Element]:
    etree = lxml()

    def read(data: bytes) -> Element:
        # A parser of its own for each document: one that failed would keep its errors.
        parser = etree.XMLParser(
            resolve_entities=False, load_dtd=False, dtd_validation=False, attribute_defaults=False, no_network=True,
            huge_tree=False, recover=False, remove_comments=True, remove_pis=True, strip_cdata=True, collect_ids=False,
        )  # fmt: skip
        return etree.fromstring(data, parser=parser)

    return read


def read_xml(data: bytes, where: str) -> Element:
    """The root element of a document; comments and processing instructions are left out.

    Raises:
        InputError: not UTF-8, not well-formed, over a limit, or with a document type (codes `unsafe_xml`, `not_xml`).
        MethodError: the extra [exchange] is not installed.
    """
    _check_bytes(data, where)
    try:
        root = _reader()(data)
    except SyntaxError as error:  # lxml's own error is one
        said = " ".join((error.msg or "no element found").partition(", line")[0].split())[:200]
        line = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"not well-formed XML: {said}.", where=f"{where}{line}", code="not_xml") from None
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:  # the scan of the bytes saw none; believe neither alone
        raise _unsafe("the parser found a DOCTYPE", where)
    _check_tree(root, where)
    return root


def _check_bytes(data: bytes, where: str) -> None:
    if len(data) > BYTES_MAX:
        raise _unsafe(f"{len(data):,} bytes, of at most {BYTES_MAX:,}", where, "Split the file.")
    if not data.strip():
        raise InputError("the file is empty.", where=where, code="not_xml")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unsafe(f"byte {error.start} is not UTF-8", where, "Save the file as UTF-8.") from None
    if b"\x00" in data:
        raise _unsafe("a zero byte, so this is not UTF-8 text", where, "Save the file as UTF-8.")
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        said = ascii(declared[1].decode("ascii", "replace"))
        raise _unsafe(f"it says that its encoding is {said}; only UTF-8 is read", where, "Save the file as UTF-8.")
    if b"<!" in data and (found := _FORBIDDEN.search(data)) is not None:
        raise _unsafe(f"{found[1].decode().upper()} at byte {found.start()}", where, "Remove it.")
    if _INCLUDE in data:
        raise _unsafe(f"XInclude at byte {data.index(_INCLUDE)}", where, "Write the content out.")
    # Each element has one "<" that is not followed by "/": a bound that needs no parser.
    if (opened := data.count(b"<") - data.count(b"</")) > ELEMENTS_MAX:
        raise _unsafe(f"about {opened:,} elements, of at most {ELEMENTS_MAX:,}", where, "Split the file.")
    if data.count(b"xmlns") > NAMESPACES_MAX and max(p.count(b"xmlns") for p in data.split(b"<")) > NAMESPACES_MAX:
        raise _unsafe(f"more than {NAMESPACES_MAX} namespaces declared in one element", where)


def _check_tree(root: Element, where: str) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise _unsafe(f"nested deeper than {DEPTH_MAX} elements", f"{where}, line {level[0].sourceline}")
        below: list[Element] = []
        for element in level:
            if max(map(len, (element.text or "", element.tail or "", *element.attrib.values()))) > TEXT_MAX:
                raise _unsafe(f"a text of more than {TEXT_MAX:,} letters", f"{where}, line {element.sourceline}")
            below += element
        level = below


def _unsafe(what: str, where: str, hint: str = "") -> InputError:
    return InputError(f"XML refused: {what}.", where=where, hint=hint, code="unsafe_xml")


def canonical(element: Element) -> str:
    """An element by itself as canonical XML (C14N 1.0), without the text after it; prefixes are n0, n1, ...

    Prefixes are given anew, in the order in which their namespaces appear, because they are no content: the same
    element has one text, whatever stood around it. A prefix in `xsi:type` is content and follows.
    """
    names: dict[str, str] = {}
    for one in element.iter():
        for tag in (one.tag, *sorted(one.attrib)):
            uri = tag.rpartition("}")[0][1:]
            if uri and uri != _XML:
                names.setdefault(uri, f"n{len(names)}")
        if uri := _type_namespace(one):
            names.setdefault(uri, f"n{len(names)}")
    alone = _copy(element, names, None)
    return str(lxml().tostring(alone, method="c14n", with_comments=False).decode("utf-8"))


def _type_namespace(element: Element) -> str:
    """The namespace of the type that `xsi:type` names with a prefix; empty without one."""
    prefix, sign, _ = element.get(_XSI_TYPE, "").strip().partition(":")
    return str(element.nsmap.get(prefix) or "") if sign else ""


def _copy(element: Element, names: dict[str, str], parent: Element | None) -> Element:
    etree = lxml()
    if parent is None:
        made = etree.Element(element.tag, nsmap={name: uri for uri, name in names.items()})
    else:
        made = etree.SubElement(parent, element.tag)
        made.tail = element.tail
    made.text = element.text
    for name, value in element.attrib.items():
        made.set(name, value)
    if uri := _type_namespace(element):
        made.set(_XSI_TYPE, f"{names[uri]}:{element.get(_XSI_TYPE).strip().partition(':')[2]}")
    for child in element:
        _copy(child, names, made)
    return made


def local(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return str(tag).rpartition("}")[2]
