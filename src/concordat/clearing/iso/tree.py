"""From bytes to a header and a document as plain dictionaries, with the limits that only a parser can see.

One walk over the parsed elements gives all that the rules and the typed layer need: nested dictionaries by local
name, so prefixes and white space don't matter, and four lists that rules go through without a search: amounts,
countries, account and legal-entity identifiers, times. A repeated element is a list, an amount a pair (digits,
currency).

The file is a `Document`, alone, or with its business application header (`AppHdr`) inside any wrapper at most four
elements deep; what else a wrapper holds is not read. Two documents or two headers, at whatever depth, are refused:
which of the two was checked would be a guess.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from concordat.clearing.iso.findings import Finding, shown
from concordat.clearing.iso.profile import NAMESPACE
from concordat.clearing.iso.safety import ATTRIBUTES_MAX, CHILDREN_MAX, DEPTH_MAX, ELEMENTS_MAX, TEXT_MAX
from concordat.settings import need_extra

Element = Any  # lxml's, which has no types of its own
Group = dict[str, Any]
ReadXml = Callable[[bytes], Element]
WRAPPERS_MAX = 4
_LOCAL: dict[str, str] = {}
_LOCAL_MAX = 20_000  # names of a stranger's file end here, not in memory
_OPEN = frozenset({"SplmtryData", "Sgntr"})  # whatever their owner likes: no rule reads inside
# Elements whose value has a currency beside it; a test holds these names to the profiles.
AMOUNT_SUFFIX, AMOUNT_NAMES = "Amt", frozenset({"AmtWthCcy", "NoteDnmtn", "Pric"})
COUNTRIES = ("Ctry", "CtryOfBirth", "CtryOfRes")
CURRENCIES = ("Ccy", "CcyOfTrf", "SrcCcy", "TrgtCcy", "UnitCcy")
TIMES = ("CreDtTm", "CreDt", "DtTm", "FrDtTm", "ToDtTm", "AccptncDtTm", "DbtDtTm", "CdtDtTm", "TxDtTm", "BizPrcgDt")


class Refused(Exception):  # noqa: N818 - not an error: a finding on its way to the verdict
    """A finding that ends the reading of this file."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.what)


class Parts:
    """One file, parsed and found to be within bounds.

    Attributes:
        document, header: the elements. version, header_version: as `pacs.008.001.08`, from their namespaces.
        body, head: the same as dictionaries, filled by `collect`.
        amounts: (digits, currency, element). The other lists: (text, element).
    """

    # Not a dataclass: ten default factories take as long as a tenth of a whole message.
    __slots__ = ("amounts", "body", "countries", "currencies", "document", "head", "header", "header_version", "ibans",
                 "leis", "times", "version")  # fmt: skip

    def __init__(self, document: Element, header: Element | None) -> None:
        self.document = document
        self.header = header
        self.version = _version(document)
        self.header_version = "" if header is None else _version(header)
        self.body: Group = {}
        self.head: Group = {}
        self.amounts: list[tuple[str, str, Element]] = []
        self.countries: list[tuple[str, Element]] = []
        self.ibans: list[tuple[str, Element]] = []
        self.leis: list[tuple[str, Element]] = []
        self.currencies: list[tuple[str, Element]] = []
        self.times: list[tuple[str, Element]] = []


def reader() -> ReadXml:
    """lxml's parser, bytes to root element, with everything off that could reach outside the bytes.

    Raises:
        MethodError: the extra [clearing] is not installed.
    """
    try:
        from lxml import etree
    except ImportError:
        raise need_extra("clearing", "reading XML") from None
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, dtd_validation=False, attribute_defaults=False, no_network=True,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True, strip_cdata=True, collect_ids=False,
    )  # fmt: skip
    return partial(etree.fromstring, parser=parser)


def parse(data: bytes, read_xml: ReadXml) -> Parts:
    """Header and document of a file that `safety.scan` let through.

    Raises:
        Refused: not well-formed (layer `parse`), over a limit or with two documents (layer `safety`).
    """
    try:
        root = read_xml(data)
    except SyntaxError as error:  # lxml's own error is one
        line = error.lineno or 0
        what = f"not well-formed XML: {shown((error.msg or 'no element found').partition(', line')[0])}."
        raise Refused(Finding("parse", "not_well_formed", "", line, what)) from None
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:  # the scan of the bytes saw none; believe neither alone
        raise Refused(Finding("safety", "doctype", "", 0, "the parser found a DOCTYPE.", "Remove it and send again."))
    if len(data) > TEXT_MAX:
        _check_sizes(root)
    return _parts(root)


def _check_sizes(root: Element) -> None:
    """No text and no attribute above 64 kB, no crowd of siblings or attributes: only a large file can have them."""
    for number, element in enumerate(root.iter(), 1):
        if number > ELEMENTS_MAX:
            raise _over(element, "elements", f"more than {ELEMENTS_MAX:,} elements")
        if len(element) > CHILDREN_MAX:
            raise _over(element, "children", f"{len(element):,} elements in one; at most {CHILDREN_MAX:,} are read")
        if len(element.attrib) > ATTRIBUTES_MAX:
            raise _over(element, "attributes", f"{len(element.attrib):,} attributes; at most {ATTRIBUTES_MAX} are read")
        values = (element.text or "", element.tail or "", *element.attrib.values())
        size = max(map(len, values))
        if size > TEXT_MAX:
            raise _over(element, "text", f"a value of {size:,} letters; at most {TEXT_MAX:,} are read")


def _over(element: Element, code: str, what: str) -> Refused:
    return Refused(Finding("safety", code, path_of(element), element.sourceline or 0, f"{what}."))


def _parts(root: Element) -> Parts:
    documents: list[Element] = []
    headers: list[Element] = []
    _find(root, documents, headers, 0)
    if len(documents) != 1:
        many = f"{len(documents)} documents" if documents else "no Document"
        what = f"{many} in the file; exactly one is read."
        hint = "Send one message a file." if documents else "The element Document holds the message; send it, too."
        raise Refused(Finding("safety" if documents else "schema", "documents", "", root.sourceline or 0, what, hint))
    if documents[0] is not root and sum(1 for _ in documents[0].iterancestors()) > WRAPPERS_MAX:
        what = f"the Document is wrapped in more than {WRAPPERS_MAX} elements."
        raise Refused(Finding("schema", "documents", "", documents[0].sourceline or 0, what, "Take wrappers away."))
    if len(headers) > 1:
        what = f"{len(headers)} business application headers in the file; at most one is read."
        raise Refused(Finding("safety", "headers", "", root.sourceline or 0, what, "Send one message a file."))
    return Parts(documents[0], headers[0] if headers else None)


def _find(element: Element, documents: list[Element], headers: list[Element], depth: int) -> None:
    name = local(element.tag)
    if name == "Document":
        documents.append(element)
    elif name == "AppHdr":
        headers.append(element)
    elif depth >= DEPTH_MAX:
        raise _over(element, "depth", f"elements are nested deeper than {DEPTH_MAX}")
    else:
        for child in element:
            _find(child, documents, headers, depth + 1)


def _version(element: Element) -> str:
    """`pacs.008.001.08` of an element in that namespace; of a foreign namespace, the namespace itself."""
    return str(element.tag).rpartition("}")[0][1:].removeprefix(NAMESPACE)


def local(tag: str) -> str:
    """The name without its namespace."""
    name = _LOCAL.get(tag)
    if name is None:
        # Interned, so that looking a name up is a comparison of addresses.
        name = sys.intern(str(tag).rpartition("}")[2])
        if len(_LOCAL) < _LOCAL_MAX:
            _LOCAL[tag] = name
    return name


def collect(parts: Parts) -> None:
    """Fill the dictionaries and lists.

    Raises:
        Refused: elements nested deeper than 64.
    """
    lists: dict[str, list[Any]] = {"IBAN": parts.ibans, "LEI": parts.leis}
    for names, bucket in ((COUNTRIES, parts.countries), (CURRENCIES, parts.currencies), (TIMES, parts.times)):
        for name in names:
            lists[name] = bucket
    parts.body = _group(parts.document, lists, parts.amounts, 1)
    if parts.header is not None:
        parts.head = _group(parts.header, lists, parts.amounts, 1)


def _group(element: Element, lists: dict[str, list[Any]], amounts: list[Any], depth: int) -> Group:
    # The one loop that every element of every message goes through; hence no call that can be left out.
    if depth > DEPTH_MAX:
        raise _over(element, "depth", f"elements are nested deeper than {DEPTH_MAX}")
    group: Group = {}
    for child in element:
        tag = child.tag
        name = _LOCAL.get(tag) or local(tag)
        value: Any
        if len(child):
            value = _opaque(child, depth + 1) if name in _OPEN else _group(child, lists, amounts, depth + 1)
        else:
            value = child.text or ""
            if name in lists:
                lists[name].append((value, child))
            elif name[-3:] == AMOUNT_SUFFIX or name in AMOUNT_NAMES:
                currency = child.get("Ccy")
                if currency is not None:
                    amounts.append((value, currency, child))
                    value = (value, currency)
        if name not in group:
            group[name] = value
        elif type(group[name]) is list:
            group[name].append(value)
        else:
            group[name] = [group[name], value]
    return group


def _opaque(element: Element, depth: int) -> str:
    """Nothing of an element that no rule reads, but its depth still counts."""
    if depth > DEPTH_MAX:
        raise _over(element, "depth", f"elements are nested deeper than {DEPTH_MAX}")
    for child in element:
        if len(child):
            _opaque(child, depth + 1)
    return ""


def many(value: Any) -> list[Any]:
    """What may occur once, more often or not at all, as a list."""
    if value is None:
        return []
    return value if type(value) is list else [value]


def at(group: Any, *names: str) -> Any:
    """The value at a path of single elements, or None."""
    for name in names:
        if type(group) is not dict:
            return None
        group = group.get(name)
    return group


def path_of(element: Element) -> str:
    """Where an element is: local names from the document down, numbered where a name repeats."""
    steps: list[str] = []
    while element is not None:
        name = local(element.tag)
        parent = element.getparent()
        # In XPath, which counts fifty thousand twins in a millisecond.
        if parent is not None and len(parent) > 1:
            before = int(element.xpath("count(preceding-sibling::*[local-name() = $name])", name=name))
            if before or element.xpath("boolean(following-sibling::*[local-name() = $name])", name=name):
                steps.append(f"{shown(name)}[{before + 1}]")
                element = parent
                continue
        steps.append(shown(name))
        if name in ("Document", "AppHdr"):
            break
        element = parent
    return "/" + "/".join(reversed(steps))
