"""What did a form send: the parser of its two encodings, with a bound on everything.

`application/x-www-form-urlencoded` (WHATWG URL, section 5) and `multipart/form-data` (RFC 7578) come to the same thing:
texts by name and files by name. At most 1 MB, where an envelope comes 64 kB of it, where a document comes 8 MB; at most
1,000 fields; names of at most 128 characters. Text is UTF-8 or refused; line ends become `\\n`, letters are composed
(Unicode NFC), since entries hold nothing else. A part of another encoding, a missing end or a nested multipart is
refused, never guessed at.

`read_body` counts while it comes and gives up at the bound; how long it may take is the connection's
(`node.http_bounds`). `parse` is pure. Source: node-web.md 4.6 and 6. What this does not do: say what a field means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from concordat.errors import InputError

BODY_MAX = 1_000_000  # bytes
ENVELOPE_MAX = 65_535
BLOB_MAX = 8 * 2**20
ROOM = 16_384  # bytes, for the other fields of a form that brings a file
FIELDS_MAX = 1_000
NAME_MAX = 128
HEAD_MAX = 2_048
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_QUOTED = re.compile(r';\s*([a-z*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]+))', re.IGNORECASE)
_SAFE_PAIRS = {"%22": '"', "%0D": "\r", "%0A": "\n"}  # how a browser writes these in a name (WHATWG HTML)
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class TooLargeError(InputError):
    """A body over its bound (413)."""


class UnknownKindError(InputError):
    """A body that no form of ours sends (415)."""


class CutError(Exception):
    """The browser went away before the body was whole: nothing is done, and nobody is there to be told."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent.

    Attributes:
        fields: name -> texts, in order of arrival. files: name -> bytes; a file field left empty is not here.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def one(self, name: str, default: str = "") -> str:
        """The first text of a field."""
        return self.fields.get(name, (default,))[0]


async def read_body(receive: Receive, most: int) -> bytes:
    """The body of a request, counted while it comes.

    Args:
        receive: of ASGI. most: bytes.

    Raises:
        TooLargeError: more than that. CutError: the browser went away.
    """
    found = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CutError
        found += message.get("body", b"")
        if len(found) > most:
            hint = "Attach less, or send it in parts."
            raise TooLargeError(f"the form sends over {most:,} bytes.", where="form", hint=hint, code="too_large")
        if not message.get("more_body", False):
            return bytes(found)


def parse(content_type: str, data: bytes, *, files: Mapping[str, int] | None = None) -> Sent:
    """The fields of a body.

    Args:
        content_type: as the header says. files: the file fields that the form has, and how many bytes each may have.

    Raises:
        UnknownKindError: another encoding. TooLargeError: a file over its bound. InputError: a body that breaks the
            rules of its encoding, too many fields, or text that is not UTF-8.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == URLENCODED:
        return Sent(_urlencoded(data))
    if kind == MULTIPART:
        return _multipart(_boundary(content_type), data, files or {})
    raise UnknownKindError(f'"{kind[:60]}" is not what a form sends.', where="form", code="content_type")


def _urlencoded(data: bytes) -> dict[str, tuple[str, ...]]:
    pairs = data.split(b"&") if data else []
    if len(pairs) > FIELDS_MAX:
        raise _broken(f"over {FIELDS_MAX:,} fields")
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        _add(found, _text(unquote_to_bytes(name.replace(b"+", b" "))), unquote_to_bytes(value.replace(b"+", b" ")))
    return found


def _add(found: dict[str, tuple[str, ...]], name: str, value: bytes) -> None:
    if not 1 <= len(name) <= NAME_MAX:
        raise _broken(f"a field's name has 1 to {NAME_MAX} characters")
    found[name] = (*found.get(name, ()), normal_text(_text(value)))


def normal_text(text: str) -> str:
    """Text as entries hold it: composed letters, and one kind of line end."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _broken("text that is not UTF-8") from None


def _boundary(content_type: str) -> bytes:
    found = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _QUOTED.finditer(content_type[:HEAD_MAX])}
    boundary = found.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("no boundary between its parts")
    return boundary.encode("ascii")


def _multipart(boundary: bytes, data: bytes, allowed: Mapping[str, int]) -> Sent:
    """RFC 2046 section 5.1: parts between lines of two dashes and the boundary, an end with two dashes more."""
    parts = (b"\r\n" + data).split(b"\r\n--" + boundary)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise _broken("no end: it was cut off")
    if len(parts) - 2 > FIELDS_MAX:
        raise _broken(f"over {FIELDS_MAX:,} fields")
    fields: dict[str, tuple[str, ...]] = {}
    files: dict[str, bytes] = {}
    for part in parts[1:-1]:
        start = part.find(b"\r\n")  # blanks may stand behind the boundary
        if start < 0 or part[:start].strip(b" \t"):
            raise _broken("a part that is no part")
        name, filename, content = _part(part[start:])
        if filename is None:
            _add(fields, name, content)
        elif content or filename:
            _take_file(files, allowed, name, content)
    return Sent(fields, files)


def _take_file(files: dict[str, bytes], allowed: Mapping[str, int], name: str, content: bytes) -> None:
    if name not in allowed or name in files:
        raise _broken(f'a file "{name[:40]}" that the form has no place for')
    if len(content) > allowed[name]:
        what = f"the file has {len(content):,} bytes; the limit is {allowed[name]:,}."
        raise TooLargeError(what, where=name, hint="Choose a smaller one.", code="too_large")
    files[name] = content


def _part(part: bytes) -> tuple[str, str | None, bytes]:
    """(name, name of the file or None, content) of one part, which begins with the line end before its head."""
    if part.startswith(b"\r\n\r\n"):
        raise _broken("a part without a name")
    end = part.find(b"\r\n\r\n")
    if not 0 <= end <= HEAD_MAX:
        raise _broken("a part whose head has no end")
    head: dict[str, str] = {}
    for line in _text(part[2:end]).split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon or key.strip().lower() in head:
            raise _broken("a part with a strange head")
        head[key.strip().lower()] = value.strip()
    if head.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise _broken("a part in another encoding")
    if head.get("content-type", "").lower().startswith("multipart/"):
        raise _broken("a part of parts")
    kind, _, rest = head.get("content-disposition", "").partition(";")
    said = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _QUOTED.finditer(";" + rest)}
    if kind.strip().lower() != "form-data" or "name" not in said:
        raise _broken("a part without a name")
    return _plain(said["name"]), said.get("filename"), part[end + 4 :]


def _plain(name: str) -> str:
    for written, meant in _SAFE_PAIRS.items():
        name = name.replace(written, meant)
    return name


def _broken(what: str) -> InputError:
    hint = "Open the page again and send it once more."
    return InputError(f"the form can't be read: {what}.", where="form", hint=hint, code="form")
