"""Whether a file may be shown to a parser at all: decided on its bytes, before any parser sees them.

A parser's own settings are not the defence: lxml with every switch turned off still parses a file with a DOCTYPE
without complaint. So: at most 1 MiB; UTF-8 and nothing else, because a scan for `<!DOCTYPE` is blind in UTF-16 or
UTF-7; no DOCTYPE and no entity declaration anywhere, used or not, also where it would be harmless (in a comment, in a
value); no XInclude. ISO 20022 messages need none of these.

Source: the specification of the gate; OWASP's rules on XML external entities; XML 1.0, section 4.3.3 and appendix F.
What it does not do: depth and the size of one value are counted after parsing (`tree`), when they can be told apart.
"""

from __future__ import annotations

import re

from concordat.clearing.iso.findings import Finding, shown

BYTES_MAX = 1 << 20
ELEMENTS_MAX = 50_000
TEXT_MAX = 1 << 16
DEPTH_MAX = 64
TRANSACTIONS_MAX = 1_000
# A validator that names each of many faults counts siblings anew for each: 45,000 empty lines took it 14 seconds.
CHILDREN_MAX = 10_000
ATTRIBUTES_MAX = 64
# A validator copies the namespaces in scope one by one and compares each with all: 40,000 of them took it two minutes.
NAMESPACES_MAX = 64

_DECLARATION = re.compile(rb"^<\?xml\s[^>]{0,200}?\?>")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([^"']{0,100})["']""")
_VERSION = re.compile(rb"""\sversion\s*=\s*["']([^"']{0,20})["']""")
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
    (b"+/v", "UTF-7"), (b"\x0e\xfe\xff", "SCSU"), (b"\xdd\x73\x66\x73", "UTF-EBCDIC"), (b"\x4c\x6f\xa7\x94", "EBCDIC"),
)  # fmt: skip
_FORBIDDEN = re.compile(rb"<!(doctype|entity|element|attlist|notation)", re.IGNORECASE)
_INCLUDE = b"http://www.w3.org/2001/XInclude"


def scan(data: bytes) -> Finding | None:
    """The first reason not to parse these bytes, or None: layer `bytes` (size, encoding), then layer `safety`."""
    return _bytes(data) or _safety(data)


def too_large(size: int) -> Finding:
    """The finding for a file of this many bytes, which need not have been read."""
    what = f"the file has {size:,} bytes; at most {BYTES_MAX:,} are read."
    return _finding("bytes", "too_large", what, _SPLIT)


def _bytes(data: bytes) -> Finding | None:
    if len(data) > BYTES_MAX:
        return too_large(len(data))
    if not data or data.isspace():
        return _finding("bytes", "empty", "the file is empty.")
    if not data.startswith(b"<"):
        for mark, name in _MARKS:
            if data.startswith(mark):
                return _encoding(name)
    if b"\x00" in data:
        place = data.index(b"\x00")
        return _finding(
            "bytes", "encoding", f"byte {place} is zero, so this is not UTF-8 text (UTF-16, perhaps).", _UTF8
        )
    body = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return _finding("bytes", "encoding", f"byte {error.start} is not UTF-8.", _UTF8)
    if body.startswith(b"<?xml") and (found := _declared(body)) is not None:
        return found
    return None


def _declared(body: bytes) -> Finding | None:
    declaration = _DECLARATION.match(body)
    if declaration is None:
        return _finding("bytes", "declaration", "the XML declaration does not end within 200 bytes.", "Shorten it.")
    encoding = _ENCODING.search(declaration[0])
    if encoding is not None and encoding[1].lower() != b"utf-8":
        return _encoding(shown(encoding[1].decode("ascii", "replace")))
    version = _VERSION.search(declaration[0])
    if version is not None and version[1] != b"1.0":
        said = shown(version[1].decode("ascii", "replace"))
        return _finding("bytes", "version", f"XML version {said} is declared; only 1.0 is read.", "Declare 1.0.")
    return None


_UTF8 = "Send the message in UTF-8."


def _encoding(name: str) -> Finding:
    return _finding("bytes", "encoding", f"the file is, or says it is, {name}; only UTF-8 is read.", _UTF8)


def _safety(data: bytes) -> Finding | None:
    if b"<!" in data and (found := _FORBIDDEN.search(data)) is not None:
        word = found[1].decode().upper()
        what = f"{word} at byte {found.start()}. This gate accepts no {word}, used or not."
        return _finding("safety", "doctype" if word == "DOCTYPE" else "declaration", what, "Remove it and send again.")
    if _INCLUDE in data:
        what = f"XInclude at byte {data.index(_INCLUDE)}. This gate includes nothing."
        return _finding("safety", "xinclude", what, "Remove it and send again.")
    # Each element has one "<" that is not followed by "/": a bound that needs no parser.
    if len(data) > 4 * ELEMENTS_MAX:
        opened = data.count(b"<") - data.count(b"</")
        if opened > ELEMENTS_MAX:
            return _finding(
                "safety", "elements", f"about {opened:,} elements; at most {ELEMENTS_MAX:,} are read.", _SPLIT
            )
    if data.count(b"xmlns") > NAMESPACES_MAX:
        # An attribute holds no plain "<", so what stands between two of them has all declarations of one element.
        most = max(part.count(b"xmlns") for part in data.split(b"<"))
        if most > NAMESPACES_MAX:
            what = f"{most:,} namespaces declared in one element; at most {NAMESPACES_MAX} are read."
            return _finding("safety", "namespaces", what)
    return None


_SPLIT = "Split the message."


def _finding(layer: str, code: str, what: str, hint: str = "") -> Finding:
    return Finding(layer, code, "", 0, what, hint)
