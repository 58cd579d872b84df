"""Which entries of a log have an id, a scope, a type, a person? Noted once of each, when it is added or first read.

Forty bytes an entry, so that no question about a long log reads it from the disk: the id (SHA-256 of the payload), one
number for scope and type, and one for the person's key label. They stand behind the body of a payload in canonical form
(`Entry.parse` has accepted it once), where nothing is that anybody chooses but these. What can't be read so is in the
answer to every question: whoever then reads the entry hears what is wrong with it.
"""

from __future__ import annotations

import binascii
import json
import re
import threading
from array import array
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

from concordat.errors import ConcordatError
from concordat.ledger.entry import Entry

ID = 32
UNKNOWN = 0
_BEGIN = len(b'{"payload":"')
_END = re.compile(
    rb'"person":"([^"\\]+)","prev":"[0-9a-f]{64}","refs":\[[^\]]*\],"scope":"([a-z0-9:-]+)","seq":[0-9]+,'
    rb'"ts":"[0-9TZ:-]{20}","type":"([A-Za-z]+)","v":1\}\Z'
)


class Places:
    """What is noted of the first entries of one log: one for the log and all its copies."""

    __slots__ = ("_ids", "_kinds", "_known", "_labels", "_lock", "_people")

    def __init__(self) -> None:
        self._ids, self._kinds, self._people = bytearray(), array("I"), array("I")
        self._known: dict[tuple[bytes, bytes], int] = {}  # (scope, type) -> its number
        self._labels: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, leaf: bytes) -> None:
        """Note one more."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Note many more."""
        with self._lock:
            self._extend(leaves)

    def catch_up(self, leaves: Sequence[bytes]) -> None:
        """Note what is missing of the leaves of a log; other threads may be at it with a longer or a shorter copy."""
        with self._lock:
            if len(self._kinds) < len(leaves):
                self._extend(leaves[len(self._kinds) :])

    def _extend(self, leaves: Iterable[bytes]) -> None:
        known, labels, ids, kinds, people = self._known, self._labels, [], [], []
        for leaf in leaves:
            payload = leaf
            try:
                payload = payload_of(leaf)
                found = _END.match(payload, payload.rfind(b'"person":"'))
                person, scope, kind = found.groups() if found else _parsed(leaf)
                people.append(labels.get(person) or labels.setdefault(person, len(labels) + 1))
                kinds.append(known.get((scope, kind)) or known.setdefault((scope, kind), len(known) + 1))
            except (ValueError, ConcordatError):  # no entry after all
                people.append(UNKNOWN)
                kinds.append(UNKNOWN)
            ids.append(sha256(payload).digest())
        self._ids += b"".join(ids)
        self._people.extend(people)
        self._kinds.extend(kinds)

    def forget(self, index: int) -> None:
        """The entry at an index is not the one that was logged: nothing is known of it."""
        with self._lock:
            self._people[index] = self._kinds[index] = UNKNOWN

    def first(self, size: int) -> Places:
        """What is noted of the first entries, for a log that goes on differently."""
        fresh = Places()
        with self._lock:
            fresh._ids, fresh._kinds, fresh._people = self._ids[: ID * size], self._kinds[:size], self._people[:size]
            fresh._known, fresh._labels = dict(self._known), dict(self._labels)
        return fresh

    # --- A file -------------------------------------------------------------------------------------------------------

    def parts(self) -> list[bytes]:
        """As a file holds it, one behind the other, in the order of bytes of this machine."""
        with self._lock:
            known = [[scope.hex(), kind.hex()] for scope, kind in self._known]  # in the order of their numbers
            head = json.dumps({"known": known, "labels": [label.hex() for label in self._labels]}).encode() + b"\n"
            return [bytes(self._ids), self._kinds.tobytes(), self._people.tobytes(), head]

    @classmethod
    def parse(cls, data: memoryview, size: int) -> Places:
        """The other way round, of `size` entries."""
        fresh, width = cls(), size * array("I").itemsize
        at = ID * size
        fresh._ids = bytearray(data[:at])
        fresh._kinds.frombytes(data[at : at + width])
        fresh._people.frombytes(data[at + width : at + 2 * width])
        said = json.loads(bytes(data[at + 2 * width :]))
        pairs = [(bytes.fromhex(scope), bytes.fromhex(kind)) for scope, kind in said["known"]]
        fresh._known = {pair: number for number, pair in enumerate(pairs, 1)}
        fresh._labels = {bytes.fromhex(label): number for number, label in enumerate(said["labels"], 1)}
        return fresh

    # --- Questions ----------------------------------------------------------------------------------------------------

    def ids(self, size: int) -> bytes:
        """The ids of the first `size` entries, one behind the other."""
        with self._lock:
            return bytes(self._ids[: ID * size])

    def id(self, index: int) -> str:
        """The id of an entry."""
        with self._lock:
            return self._ids[ID * index : ID * (index + 1)].hex()

    def find(self, prefix: str, size: int) -> list[int]:
        """The indices among the first `size` entries of those whose id begins so (hexadecimal; small letters)."""
        wanted, found, end = bytes.fromhex(prefix[: len(prefix) // 2 * 2]), [], ID * size
        with self._lock:
            at = self._ids.find(wanted, 0, end)
            while at >= 0:
                if at % ID == 0 and self._ids[at : at + ID].hex().startswith(prefix):
                    found.append(at // ID)
                at = self._ids.find(wanted, (at // ID + 1) * ID if at % ID == 0 else at + 1, end)
        return found

    def of(self, start: int, size: int, scope: str = "", kinds: Collection[str] = ()) -> list[int]:
        """The indices from `start` to below `size` of the entries of a scope and one of some types; empty: of any."""
        with self._lock:
            wanted = {
                number
                for (its_scope, kind), number in self._known.items()
                if scope in ("", its_scope.decode()) and (not kinds or kind.decode() in kinds)
            } | {UNKNOWN}
            numbers = self._kinds[start:size]
        return [index for index, number in enumerate(numbers, start) if number in wanted]

    def of_person(self, label: str, size: int) -> list[int]:
        """The indices among the first `size` entries of those under a person's key label, newest first."""
        with self._lock:
            wanted = {UNKNOWN, self._labels.get(label.encode(), UNKNOWN)}
            numbers = self._people[:size]
        return [index for index in range(len(numbers) - 1, -1, -1) if numbers[index] in wanted]


def payload_of(leaf: bytes) -> bytes:
    """The payload in an envelope that was accepted before."""
    return binascii.a2b_base64(leaf[_BEGIN : leaf.index(b'"', _BEGIN)], strict_mode=True)


def _parsed(leaf: bytes) -> tuple[bytes, bytes, bytes]:
    """As a match of `_END`, of an entry that was read."""
    entry = Entry.parse(leaf)
    return entry.person.encode(), entry.scope.encode(), entry.type.encode()
