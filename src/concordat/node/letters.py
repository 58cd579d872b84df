"""Messages of the ledger as bytes: what members send each other over a socket (`ledger.messages`).

One envelope holds at most 256 messages and 16 MiB: canonical JSON, `{"from", "messages", "v"}`, each message an object
with a `kind` and the fields of its class; bytes in base64. Strict: other keys, other types, a second spelling of the
same bytes are refused. Nothing is believed: what is signed inside proves itself when the replica takes it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any

from concordat import canonical
from concordat.errors import InputError
from concordat.ledger.council_log import Certificate
from concordat.ledger.entry import plain_base64
from concordat.ledger.messages import (
    Accusation,
    Certified,
    Cosigned,
    Entries,
    Hello,
    Message,
    Submitted,
    Vote,
    Want,
    WantNote,
)
from concordat.ledger.note import NOTE_BYTES_MAX
from concordat.ledger.tiles import ENTRY_BYTES_MAX

MESSAGES_MAX = 256
LETTER_BYTES_MAX = 16 * 2**20
LOGS_MAX = 4_096
ACCUSATION_BYTES_MAX = 11_000_000  # larger proofs are fetched by their address
_HASH = re.compile(r"[0-9a-f]{64}")
_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")


def pack(sender: str, messages: Sequence[Message]) -> bytes:
    """Messages of one member, as bytes.

    Raises:
        InputError: over 256 messages, or over 16 MiB.
    """
    if len(messages) > MESSAGES_MAX:
        raise InputError(f"over {MESSAGES_MAX} messages.", where="letter", code="letter")
    data = canonical.dumps({"from": sender, "messages": [_raw(message) for message in messages], "v": 1})
    if len(data) > LETTER_BYTES_MAX:
        raise InputError(f"over {LETTER_BYTES_MAX:,} bytes.", where="letter", code="letter")
    return data


def pack_some(sender: str, messages: Sequence[Message]) -> tuple[bytes, int]:
    """As many of the messages, from the first on, as one envelope holds; and how many."""
    count, size = 0, 100
    for message in messages[:MESSAGES_MAX]:
        size += weight(message)
        if count and size > LETTER_BYTES_MAX * 3 // 4:
            break
        count += 1
    return pack(sender, messages[:count]), count


def weight(message: Message) -> int:
    """About how many bytes a message takes."""
    match message:
        case Entries():
            return sum(len(leaf) * 4 // 3 + 8 for leaf in message.leaves) + 2 * len(message.head) + 200
        case Submitted() | Certified():
            return 2 * len(message.note) + 16_000
        case Accusation():
            return len(message.data) * 4 // 3 + 100
        case _:
            return 16_000


def unpack(data: bytes) -> tuple[str, list[Message]]:
    """The sender that an envelope names, and its messages.

    Raises:
        InputError: what doesn't keep the form.
    """
    if len(data) > LETTER_BYTES_MAX:
        raise InputError(f"over {LETTER_BYTES_MAX:,} bytes.", where="letter", code="letter")
    raw = canonical.loads(data, exact=True)
    if not isinstance(raw, dict) or set(raw) != {"from", "messages", "v"} or raw["v"] != 1:
        raise InputError("a letter is from, messages, v.", where="letter", code="letter")
    sender, found = raw["from"], raw["messages"]
    if not isinstance(sender, str) or not _MEMBER.fullmatch(sender):
        raise InputError("from must be the id of a member.", where="letter", code="letter")
    if not isinstance(found, list) or len(found) > MESSAGES_MAX:
        raise InputError(f"messages must be a list of at most {MESSAGES_MAX}.", where="letter", code="letter")
    return sender, [_message(item, f"letter, message {number}") for number, item in enumerate(found)]


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _raw(message: Message) -> dict[str, Any]:
    match message:
        case Entries():
            leaves = [_b64(leaf) for leaf in message.leaves]
            fields = {"head": message.head, "leaves": leaves, "origin": message.origin, "start": message.start}
        case Cosigned():
            fields = {"lines": list(message.lines), "origin": message.origin, "size": message.size}
            fields["root"] = _b64(message.root)
        case Submitted():
            fields = {"note": message.note}
        case Certified():
            fields = {"certificate": message.certificate.body(), "note": message.note}
        case Vote():
            certificate = message.certificate.body() if message.certificate else None
            fields = {"certificate": certificate, "vote": _b64(message.vote)}
        case Accusation():
            fields = {"data": _b64(message.data)}
        case Want():
            fields = {"origin": message.origin, "start": message.start}
        case WantNote():
            fields = {"digest": message.digest}
        case Hello():
            fields = {
                "certified": list(message.certified),
                "sizes": [list(item) for item in message.sizes],
                "submitted": [list(item) for item in message.submitted],
                "view": message.view,
            }
    return {"kind": type(message).__name__, **fields}


class _Fields:
    """The fields of one message, each asked for once."""

    def __init__(self, raw: dict[str, Any], where: str) -> None:
        self.raw, self.where = dict(raw), where
        del self.raw["kind"]

    def fail(self, key: str) -> InputError:
        return InputError(f"{key} is missing, or not of its form.", where=self.where, code="letter")

    def text(self, key: str, limit: int = 300) -> str:
        value = self.raw.pop(key, None)
        if not isinstance(value, str) or len(value) > limit:
            raise self.fail(key)
        return value

    def number(self, key: str) -> int:
        value = self.raw.pop(key, None)
        if type(value) is not int or value < 0:
            raise self.fail(key)
        return value

    def data(self, key: str, limit: int) -> bytes:
        return plain_base64(self.text(key, limit * 4 // 3 + 4), f"{self.where}, {key}", "letter")

    def items(self, key: str, limit: int) -> list[Any]:
        value = self.raw.pop(key, None)
        if not isinstance(value, list) or len(value) > limit:
            raise self.fail(key)
        return value

    def hash(self, key: str) -> str:
        value = self.text(key)
        if not _HASH.fullmatch(value):
            raise self.fail(key)
        return value

    def pairs(self, key: str) -> tuple[tuple[str, int], ...]:
        found = []
        for item in self.items(key, LOGS_MAX):
            good = isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and type(item[1]) is int
            if not good or len(item[0]) > 300 or item[1] < 0:
                raise self.fail(key)
            found.append((item[0], item[1]))
        return tuple(found)

    def certificate(self, *, optional: bool) -> Certificate | None:
        value = self.raw.pop("certificate", None)
        if value is None and optional:
            return None
        return Certificate.parse(value, f"{self.where}, certificate")


def _message(raw: Any, where: str) -> Message:
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if not isinstance(kind, str) or kind not in _READERS:
        raise InputError("a message of no known kind.", where=where, code="letter")
    fields = _Fields(raw, where)
    message = _READERS[kind](fields)
    if fields.raw:
        raise InputError(f"unknown field {sorted(fields.raw)[0][:40]}.", where=where, code="letter")
    return message


def _entries(fields: _Fields) -> Message:
    leaves = []
    for leaf in fields.items("leaves", 256):
        if not isinstance(leaf, str) or len(leaf) > ENTRY_BYTES_MAX * 4 // 3 + 8:
            raise fields.fail("leaves")
        leaves.append(plain_base64(leaf, fields.where, "letter"))
    return Entries(fields.text("origin"), fields.number("start"), tuple(leaves), fields.text("head", NOTE_BYTES_MAX))


def _cosigned(fields: _Fields) -> Message:
    lines = fields.items("lines", 4)
    if not all(isinstance(line, str) and len(line) <= 8_000 for line in lines):
        raise fields.fail("lines")
    origin, size, root = fields.text("origin"), fields.number("size"), fields.data("root", 32)
    return Cosigned(origin, size, root, tuple(lines))


def _certified(fields: _Fields) -> Message:
    certificate = fields.certificate(optional=False)
    assert certificate is not None
    return Certified(certificate, fields.text("note", NOTE_BYTES_MAX))


def _hello(fields: _Fields) -> Message:
    place = fields.items("certified", 2)
    if len(place) != 2 or any(type(number) is not int or number < 0 for number in place):
        raise fields.fail("certified")
    return Hello(fields.pairs("sizes"), fields.pairs("submitted"), (place[0], place[1]), fields.number("view"))


_READERS: dict[str, Callable[[_Fields], Message]] = {
    "Entries": _entries,
    "Cosigned": _cosigned,
    "Submitted": lambda f: Submitted(f.text("note", NOTE_BYTES_MAX)),
    "Certified": _certified,
    "Vote": lambda f: Vote(f.data("vote", ENTRY_BYTES_MAX), f.certificate(optional=True)),
    "Accusation": lambda f: Accusation(f.data("data", ACCUSATION_BYTES_MAX)),
    "Want": lambda f: Want(f.text("origin"), f.number("start")),
    "WantNote": lambda f: WantNote(f.hash("digest")),
    "Hello": _hello,
}
