"""Whoever cosigns here holds the entries: a mirror's `add-entries` as a state machine (C2SP tlog-mirror, July 2026).

A mirror takes heads in as a witness does, but without signing (`Witness` with no signers over the same store): these
are its *pending* heads. `POST add-entries` then brings the entries, in packages that end at multiples of 256, each with
the proof that its subtree [package start rounded down to 256, package end) is part of the tree of the pending head:

    uint16 length, origin | uint64 start | uint64 end | uint16 length, ticket |
    packages: entries behind uint16 lengths | 1 byte: number of hashes, at most 63 | hashes

Answers, in this order: a header that can't be read 400; unknown origin 404; start above end 400; `end` is no pending
head's size, or below what the mirror cosigned 409; `start` above the next entry that it wants, or more than 8,192 below
it, 409; a package whose proof fails, or whose content the caller's `check` refuses, 422; the body ends before the last
package: 202 if one was stored, else 400; another request cosigned a larger head meanwhile 409; else the head is
recorded and after that cosigned, 200. 409 and 202 have three lines (`text/x.tlog.mirror-info`): a pending size, the
next entry, a ticket.

A package is checked, stored and forgotten before the next is read, so a request costs the memory of one package. Bodies
may be compressed with gzip; whatever the form, at most 64 MiB are read, counted as they unfold: a body that is longer
ends there, with 202 for what was stored.

**Ticket.** It is empty, and what a client sends is skipped. The text wants it for mirrors that forget past pending
heads and then must authenticate what they take from it; here the store keeps the last ones, and nothing is taken.

**Content.** `check(origin, start, entries)` sees each run of new entries in order before they are stored: what is
stored has passed, and only what is stored can be cosigned.

Not here: pruning (the minimum index is 0), `sign-subtree`, serving tiles, and HTTP.

    >>> list(package_ranges(250, 600))
    [(250, 256), (256, 512), (512, 600)]
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.keys import ED25519_LOG, MLDSA44_COSIGNATURE
from concordat.ledger.merkle import (
    PROOF_MAX,
    Frontier,
    Hashes,
    MemoryHashes,
    leaf_hash,
    subtree_consistency_proof,
    verify_subtree,
)
from concordat.ledger.note import SIZE_MAX, Checkpoint, NoteSigner
from concordat.ledger.tiles import HASH, WIDTH, pack_bundle
from concordat.ledger.witness import ATTEMPTS, Answer, MemoryRecords, Record, Records, cosigned, say, signing_time

BODY_BYTES_MAX = 64 * 1024 * 1024  # inflated
BEHIND_MAX = 8192  # entries that a client may send again; the text's 32 packages
PACKAGES_MAX = 32  # in one request of ours, as the text asks of clients
PENDING_MAX = 16  # heads whose size is still taken as `end`
INFO_TYPE = "text/x.tlog.mirror-info"
STEP = 65_536  # bytes inflated at a time
_INFO = re.compile(r"(0|[1-9][0-9]{0,18})\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]*={0,2})\n")

Check = Callable[[str, int, Sequence[bytes]], None]


class MirrorRecords(Records, Protocol):
    """Whoever stores a mirror's copies. What `get` and `replace` of `Records` hold here are the pending heads."""

    def pending(self, origin: str, size: int) -> Record | None:
        """The pending head of that size, if it is one of the last that `replace` stored."""
        ...

    def held(self, origin: str) -> Record | None:
        """The head that was cosigned last."""
        ...

    def next_entry(self, origin: str) -> int:
        """The index of the first entry that is missing."""
        ...

    def leaves(self, origin: str, start: int, end: int) -> Sequence[bytes]:
        """The hashes of stored leaves; at most 256 are asked for."""
        ...

    def add(self, origin: str, start: int, entries: Sequence[bytes]) -> None:
        """Store entries from `start` on durably, passing over those that are there: two requests may bring the same."""
        ...

    def commit(self, origin: str, head: Record) -> bool:
        """In one transaction: unless the held head is larger, or the last cosignature later, make this one the held.

        Returns:
            Whether it was stored; the entries below it are on the disk by then.
        """
        ...

    def held_time(self) -> int:
        """The latest time of any held head, 0 if there is none."""
        ...


# --- The request ----------------------------------------------------------------------------------------------------


class EndedError(InputError):
    """The body ended, broke, or reached its bound: what was stored until then stays."""

    def __init__(self) -> None:
        super().__init__("the request ends inside a part, or is too long.", where="add-entries", code="request")


class Body:
    """The bytes of a request as they come in, inflated where they are gzip, and never more than the bound."""

    def __init__(self, chunks: Iterable[bytes], *, gzip: bool = False, limit: int = BODY_BYTES_MAX) -> None:
        parts = (chunk[i : i + STEP] for chunk in chunks for i in range(0, len(chunk), STEP))
        self._chunks = _inflated(parts) if gzip else parts
        self._buffer = bytearray()
        self._left = limit

    def take(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            EndedError: there are fewer, or the bound is reached.
        """
        while len(self._buffer) < count:
            chunk = next(self._chunks, None)
            if chunk is None or not self._left:
                raise EndedError
            self._buffer += chunk[: self._left]
            self._left -= min(len(chunk), self._left)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def number(self, size: int) -> int:
        """A big-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def empty(self) -> bool:
        """Whether nothing follows."""
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._buffer += chunk
        return False


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip members hold, at most 64 KiB at a time: a bomb costs no memory, and its reader stops at the bound.

    A member that ends early is a body that ends early: what came of it before was data all the same.
    """
    unzip = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        rest = chunk
        while rest:
            if unzip.eof:
                unzip = zlib.decompressobj(wbits=31)
            try:
                out = unzip.decompress(rest, STEP)
            except zlib.error:
                raise EndedError from None
            rest = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
            if out:
                yield out


@dataclass(frozen=True)
class Package:
    """Entries of one bundle, with the proof that their subtree is part of the tree."""

    entries: tuple[bytes, ...]
    proof: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """As it is sent."""
        return pack_bundle(self.entries) + bytes([len(self.proof)]) + b"".join(self.proof)

    @classmethod
    def read(cls, body: Body, count: int) -> Package:
        """Read the next package, of `count` entries.

        Raises:
            EndedError: the body ends inside it, or it has over 63 hashes.
        """
        entries = tuple(body.take(body.number(2)) for _ in range(count))
        hashes = body.number(1)
        if hashes > PROOF_MAX:
            raise EndedError
        return cls(entries, tuple(body.take(HASH) for _ in range(hashes)))


@dataclass(frozen=True)
class AddEntries:
    """A whole request: the entries from `start` on towards a pending head of size `end`, or a first part of them."""

    origin: str
    start: int
    end: int
    ticket: bytes
    packages: tuple[Package, ...]

    def to_bytes(self) -> bytes:
        """The body as it is sent."""
        origin = self.origin.encode()
        head = len(origin).to_bytes(2, "big") + origin + self.start.to_bytes(8, "big") + self.end.to_bytes(8, "big")
        ticket = len(self.ticket).to_bytes(2, "big") + self.ticket
        return head + ticket + b"".join(package.to_bytes() for package in self.packages)

    @classmethod
    def parse(cls, data: bytes) -> AddEntries:
        """Read a whole request, strictly: tests and tools use it, a mirror reads package by package.

        Raises:
            InputError: it ends inside a part, has packages that don't belong to it, or its origin is not UTF-8.
        """
        body = Body([data])
        packages: list[Package] = []
        try:
            origin, start, end, ticket = read_header(body)
            for low, high in package_ranges(start, end):
                if body.empty():
                    break
                packages.append(Package.read(body, high - low))
        except EndedError:
            raise InputError(
                "the request ends too early, or is too long.", where="add-entries", code="request"
            ) from None
        if start > end or not body.empty():
            raise InputError("start is above end, or bytes are left over.", where="add-entries", code="request")
        try:
            return cls(origin.decode(), start, end, ticket, tuple(packages))
        except UnicodeDecodeError:
            raise InputError("the origin is not UTF-8.", where="add-entries", code="request") from None


def read_header(body: Body) -> tuple[bytes, int, int, bytes]:
    """Origin, start, end and ticket.

    Raises:
        EndedError: the body ends before.
    """
    origin = body.take(body.number(2))
    start, end = body.number(8), body.number(8)
    return origin, start, end, body.take(body.number(2))


def package_ranges(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The [start, end) of each package of the canonical sequence, one at a time: they may be 2^56."""
    while start < end:
        stop = min(end, start - start % WIDTH + WIDTH)
        yield start, stop
        start = stop


def request_for(
    origin: str,
    start: int,
    end: int,
    entries: Callable[[int, int], Sequence[bytes]],
    hashes: Hashes,
    ticket: bytes = b"",
) -> AddEntries:
    """The client's side: the next request of at most 32 packages.

    Args:
        start, end: the next entry that the mirror wants, and the size of a head that it has taken in.
        entries: gives those in a range. hashes: of the log at size `end`.
    """
    packages: list[Package] = []
    for low, high in package_ranges(start, end):
        if len(packages) == PACKAGES_MAX:
            break
        proof = subtree_consistency_proof(low - low % WIDTH, high, end, hashes)
        packages.append(Package(tuple(entries(low, high)), tuple(proof)))
    return AddEntries(origin, start, end, ticket, tuple(packages))


@dataclass(frozen=True)
class MirrorInfo:
    """What a mirror says with 409 and 202: the size of a pending head, the next entry that it wants, a ticket."""

    size: int
    next_entry: int
    ticket: bytes = b""

    def to_bytes(self) -> bytes:
        """Three lines."""
        return f"{self.size}\n{self.next_entry}\n{b64encode(self.ticket).decode()}\n".encode()

    @classmethod
    def parse(cls, body: bytes) -> MirrorInfo:
        """Read them.

        Raises:
            InputError: they are none.
        """
        match = _INFO.fullmatch(body.decode("ascii", "replace"))
        try:
            ticket = b64decode(match[3], validate=True) if match else b""
        except Base64Error:
            match = None
        if not match or b64encode(ticket).decode() != match[3] or max(int(match[1]), int(match[2])) > SIZE_MAX:
            raise InputError("not a mirror's three lines.", where="mirror-info", code="request")
        return cls(int(match[1]), int(match[2]), ticket)


# --- The mirror -----------------------------------------------------------------------------------------------------


class Mirror:
    """The rules of one mirror; all that it must remember is in its records."""

    def __init__(
        self, signers: Sequence[NoteSigner], origins: Iterable[str], records: MirrorRecords, check: Check | None = None
    ) -> None:
        """A mirror of some logs.

        Args:
            signers: the mirror's own keys, of types 0x04 and 0x06: not those of a witness. origins: of the logs.
            records: its copies. check: refuses content by raising; called with origin, index and new entries.
        """
        assert signers, "a mirror cosigns"
        assert all(signer.kind != ED25519_LOG for signer in signers), "a mirror cosigns"
        self.origins = {origin.encode(): origin for origin in origins}
        assert all(len(o) <= 255 or all(s.kind != MLDSA44_COSIGNATURE for s in signers) for o in self.origins)
        self.signers = tuple(signers)
        self.records = records
        self.check = check

    def handle(self, body: bytes | Iterable[bytes], now: int, *, gzip: bool = False) -> Answer:
        """Answer one request.

        Args:
            body: of the request, whole or as it comes in. now: seconds since 1970. gzip: its `Content-Encoding`.
        """
        reader = Body([body] if isinstance(body, bytes) else body, gzip=gzip)
        try:
            name, start, end, _ = read_header(reader)
        except EndedError:
            return say(400, "the request ends inside its header")
        origin = self.origins.get(name)
        if origin is None:
            return say(404, f"unknown log: {name[:80].decode('utf-8', 'replace')}")
        if start > end:
            return say(400, f"start {start} is above end {end}")
        head, held = self.records.pending(origin, end), self.records.held(origin)
        if head is None or (held and end < held.size):
            return self._info(409, origin)
        wanted = self.records.next_entry(origin)
        if not wanted - BEHIND_MAX <= start <= wanted:
            return self._info(409, origin, end)
        return self._receive(reader, origin, start, head) or self._finish(origin, head, now)

    def _receive(self, reader: Body, origin: str, start: int, head: Record) -> Answer | None:
        """Check and store package by package; None once the last one is in."""
        for stored, (low, high) in enumerate(package_ranges(start, head.size)):
            try:
                package = Package.read(reader, high - low)
            except EndedError:
                if stored:
                    return self._info(202, origin, head.size)
                return say(400, "no whole package")
            try:
                self._authenticate(origin, low, high, head, package)
                self._store(origin, low, package.entries)
            except ConcordatError as error:
                return say(422, f"entries {low} to {high - 1}: {error}")
        return None

    def _authenticate(self, origin: str, low: int, high: int, head: Record, package: Package) -> None:
        """The package, with what is stored of its bundle before it, is a subtree of the head's tree."""
        first = low - low % WIDTH
        edge = Frontier()
        for leaf in self.records.leaves(origin, first, low) if first < low else ():
            edge.append(leaf)
        for entry in package.entries:
            edge.append(leaf_hash(entry))
        if edge.size != high - first:
            raise TrustError(f"entries from {first} on are missing here.", code="missing")
        verify_subtree(first, high, head.size, edge.root(), head.root, package.proof)

    def _store(self, origin: str, low: int, entries: Sequence[bytes]) -> None:
        """Store those that are new, once their content is good."""
        skip = min(max(self.records.next_entry(origin) - low, 0), len(entries))
        fresh = entries[skip:]
        if fresh:
            if self.check:
                self.check(origin, low + skip, fresh)
            self.records.add(origin, low + skip, fresh)

    def _finish(self, origin: str, head: Record, now: int) -> Answer:
        """All entries are in: make the head the held one, then sign it."""
        if self.records.next_entry(origin) < head.size:
            return self._info(409, origin, head.size)  # a store that lost what it stored
        for _ in range(ATTEMPTS):
            time = signing_time(now, self.records.held_time())
            if time is None:
                return say(503, "this mirror's clock went back; it does not sign")
            if self.records.commit(origin, Record(head.size, head.root, head.note, time)):
                return cosigned(self.signers, Checkpoint(origin, head.size, head.root), time)
            held = self.records.held(origin)
            if held and held.size > head.size:
                break
        return self._info(409, origin)

    def _info(self, status: int, origin: str, end: int | None = None) -> Answer:
        """Where to go on: with the client's own end if it was good, so that its proofs stay good."""
        newest = self.records.get(origin)
        size = end if end is not None else newest.size if newest else 0
        return Answer(status, INFO_TYPE, MirrorInfo(size, self.records.next_entry(origin)).to_bytes())


@dataclass
class MemoryMirror(MemoryRecords):
    """Copies that live as long as the program: for tests and simulations."""

    heads: dict[str, list[Record]] = field(default_factory=dict)
    committed: dict[str, Record] = field(default_factory=dict)
    entries: dict[str, list[bytes]] = field(default_factory=dict)
    trees: dict[str, MemoryHashes] = field(default_factory=dict)

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        if not super().replace(origin, known, new):
            return False
        heads = [h for h in self.heads.get(origin, []) if h.size != new.size]
        self.heads[origin] = [*heads, new][-PENDING_MAX:]
        return True

    def pending(self, origin: str, size: int) -> Record | None:
        return next((head for head in self.heads.get(origin, []) if head.size == size), None)

    def held(self, origin: str) -> Record | None:
        return self.committed.get(origin)

    def next_entry(self, origin: str) -> int:
        return len(self.entries.get(origin, []))

    def leaves(self, origin: str, start: int, end: int) -> Sequence[bytes]:
        return self.trees[origin].leaves(start, end)

    def add(self, origin: str, start: int, entries: Sequence[bytes]) -> None:
        mine, tree = self.entries.setdefault(origin, []), self.trees.setdefault(origin, MemoryHashes())
        assert start <= len(mine)
        for entry in entries[len(mine) - start :]:
            mine.append(entry)
            tree.append(leaf_hash(entry))

    def commit(self, origin: str, head: Record) -> bool:
        held = self.committed.get(origin)
        if (held and held.size > head.size) or head.time < self.held_time():
            return False
        self.committed[origin] = head
        return True

    def held_time(self) -> int:
        return max((head.time for head in self.committed.values()), default=0)
