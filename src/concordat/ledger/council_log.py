"""In which order the entries of all members count: batches, cursors, certificates, finality.

The chair of a view writes the council log of that view: batches that take up entries of the members' logs in an order
that counts. A head with q mirror cosignatures is *agreed*; they are its certificate. A head is *final*, with all before
it, once a later head of the same view is agreed under which an entry carries its certificate. Two steps are needed
because the chair can change: a single quorum may be known to one honest mirror alone. The log is written in lockstep:
the entry at index i >= 1 carries the certificate of size i, so whoever cosigns size s holds the certificate of s - 1.

A mirror cosigns only what `CouncilLog.check` accepts: numbers follow, cursors never fall, the refs of an origin are
exactly its entries of scope `council` between the cursors, each ref stands in a member log that the mirror holds, under
a head that q witnesses cosigned, with the median of their times. Format: docs/reference/ledger-format.md.

This module decides nothing about who chairs (`views`) and moves nothing (`replica`). One file because a batch can't be
checked apart from the certificate and the heads that it names.
"""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol

from concordat.errors import InputError, TrustError
from concordat.ledger.entry import _ID, Entry
from concordat.ledger.keys import ED25519_COSIGNATURE, MLDSA44_COSIGNATURE, VerifierKey, has_mldsa
from concordat.ledger.membership import KeyRing, Membership, MembershipChain, Point
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.note import (
    Checkpoint,
    Note,
    Signature,
    SignedCheckpoint,
    Verified,
    decode_hash,
    median_time,
    verify_note,
    verify_signature,
)

REFS_MAX = 128
COUNT_MAX = 2**53 - 1
ROOTS_MAX = 64


class Missing(Exception):  # noqa: N818 - not an error: the caller fetches what is named and asks again
    """Something isn't here yet: entries of `origin` up to `size`, or the note with hash `note`."""

    def __init__(self, origin: str = "", size: int = 0, note: str = "") -> None:
        self.origin, self.size, self.note = origin, size, note
        super().__init__(f"{origin} up to {size}" if origin else f"note {note}")


@dataclass(frozen=True)
class Ref:
    """One entry that a batch takes up: where it stands, its leaf hash, the head that proves when it was there."""

    origin: str
    index: int
    leaf: str
    proof: str
    time: int

    def body(self) -> dict[str, Any]:
        """As it stands in a batch."""
        return {"index": self.index, "leaf": self.leaf, "origin": self.origin, "proof": self.proof, "time": self.time}


@dataclass(frozen=True)
class Certificate:
    """That q mirrors of a view cosigned a head of its council log.

    Attributes:
        view, size, root: the head. cosignatures: lines of the note, Ed25519. note: SHA-256 of the whole note.
    """

    view: int
    size: int
    root: bytes
    cosignatures: tuple[str, ...]
    note: str

    @property
    def place(self) -> tuple[int, int]:
        """(view, size): certificates are compared by it."""
        return (self.view, self.size)

    def body(self) -> dict[str, Any]:
        """As it stands in an entry."""
        return {
            "cosignatures": list(self.cosignatures),
            "note": self.note,
            "root": base64.b64encode(self.root).decode(),
            "size": self.size,
            "view": self.view,
        }

    @classmethod
    def parse(cls, raw: Any, where: str) -> Certificate:
        """Read one; nothing is verified.

        Raises:
            InputError: other keys or types.
        """
        if not isinstance(raw, dict) or set(raw) != {"cosignatures", "note", "root", "size", "view"}:
            raise InputError("a certificate is cosignatures, note, root, size, view.", where=where, code="certificate")
        lines = raw["cosignatures"]
        if not isinstance(lines, list) or len(lines) > 64 or not all(isinstance(line, str) for line in lines):
            raise InputError("cosignatures must be at most 64 lines.", where=where, code="certificate")
        if not isinstance(raw["note"], str) or not _ID.fullmatch(raw["note"]):
            raise InputError("note must be a hash.", where=where, code="certificate")
        root = decode_hash(str(raw["root"]), where)
        return cls(count(raw["view"], 1, where), count(raw["size"], 1, where), root, tuple(lines), raw["note"])

    @classmethod
    def of_note(cls, text: str, version: Membership, view: int) -> Certificate | None:
        """The certificate that a cosigned head of a view makes, or None while the quorum is not reached.

        Raises:
            InputError, TrustError: not a head, or a signature that fails.
        """
        signed = cosigned_head(text, version.council_ring(view))
        names = version.mirror_names
        if len(signed.times(names)) < version.quorum:
            return None
        keys = {(v.key.name, v.key.id) for v in signed.verified if v.key.kind == ED25519_COSIGNATURE}
        lines = [s.line() for s in signed.note.signatures if (s.name, s.keyid) in keys]
        head = signed.checkpoint
        return cls(view, head.size, head.root, tuple(lines), sha256(text.encode()).hexdigest())

    def names(self) -> frozenset[str]:
        """Whose lines it has; nothing is verified."""
        return frozenset(Signature.parse(line).name for line in self.cosignatures)

    def claimed_time(self) -> int:
        """The median of the times in its lines, nothing verified: for what was verified before it was stored."""
        return median_time(claimed(Signature.parse(line)) for line in self.cosignatures)

    def verify(self, version: Membership) -> int:
        """The time of the certificate: the median of its cosignature times.

        Raises:
            InputError, TrustError: a line that can't be read, a signature that fails, fewer than q mirrors.
        """
        return self.signed(version)[1]

    def signed(self, version: Membership) -> tuple[SignedCheckpoint, int]:
        """The head with its cosignatures, verified, and the time.

        Raises:
            InputError, TrustError: as `verify`.
        """
        return _signed_certificate(self, version.council_origin(self.view), version.mirror_ring, version.quorum)


@lru_cache(maxsize=1024)
def _signed_certificate(
    certificate: Certificate, origin: str, ring: KeyRing, quorum: int
) -> tuple[SignedCheckpoint, int]:
    where = f"certificate of {origin}, size {certificate.size}"
    head = Checkpoint(origin, certificate.size, certificate.root)
    note = Note(head.text(), tuple(Signature.parse(line, where) for line in certificate.cosignatures))
    verified = verify_note(note, head, ring.keys, where)
    times = {v.key.name: v.time for v in verified if v.key.kind == ED25519_COSIGNATURE and v.time}
    if len(times) != len(certificate.cosignatures):
        raise TrustError("it holds lines that are no cosignature of a mirror.", where=where, code="certificate")
    if len(times) < quorum:
        raise TrustError(f"{len(times)} mirrors cosigned; {quorum} are needed.", where=where, code="quorum")
    return SignedCheckpoint(head, note, verified), median_time(times)


@lru_cache(maxsize=4096)
def cosigned_head(text: str, ring: KeyRing) -> SignedCheckpoint:
    """A head signed by its log, with every cosignature of the given keys verified. Remembered by its bytes."""
    return Checkpoint.parse(text, ring.keys)


@lru_cache(maxsize=4096)
def read_head(text: str) -> tuple[Note, Checkpoint]:
    """A note and the head that it is about, unverified. Remembered by its bytes."""
    note = Note.parse(text)
    return note, Checkpoint.parse_text(note.text)


@lru_cache(maxsize=256)
def _by_line(ring: KeyRing) -> dict[tuple[str, bytes], VerifierKey]:
    return {(key.name, key.id): key for key in ring.keys}


def read_cosignatures(head: Checkpoint, lines: Sequence[str], ring: KeyRing) -> dict[Signature, Verified]:
    """Those of the lines that are signatures of a head by keys of the ring, verified; others are passed over.

    Raises:
        InputError: not a signature line. TrustError: a known key whose signature fails.
    """
    known, text = _by_line(ring), head.text()
    found = {}
    for line in lines:
        signature = Signature.parse(line)
        key = known.get((signature.name, signature.keyid))
        if key is not None and (key.kind != MLDSA44_COSIGNATURE or has_mldsa()):
            found[signature] = verify_signature(signature, key, head, text)
    return found


@lru_cache(maxsize=1024)
def _submission(text: str, ring: KeyRing, names: tuple[str, ...]) -> tuple[Checkpoint, dict[str, int], int]:
    signed = cosigned_head(text, ring)
    times = signed.times(names)
    return signed.checkpoint, times, median_time(times) if times else 0


def submission_time(text: str, version: Membership, member: str) -> tuple[Checkpoint, int]:
    """The head and time that a cosigned member head proves: the median of q or more witnesses' times.

    Raises:
        InputError, TrustError: not a head of that member's log, a signature that fails, or fewer than q witnesses.
    """
    head, times, time = _submission(text, version.member_ring(member), tuple(version.witness_names))
    if head.origin != version.member(member).origin:
        raise TrustError(f"a head of {head.origin}, not of {member}.", code="origin")
    if len(times) < version.quorum:
        what = f"{head.origin}, size {head.size}: {len(times)} of {version.quorum} witnesses."
        raise TrustError(what, code="quorum")
    return head, time


def submitted_under(text: str, chain: MembershipChain, member: str) -> tuple[Membership, Checkpoint, int]:
    """The newest version under which a cosigned member head proves a time; the head and the time.

    Raises:
        InputError, TrustError: as `submission_time`, under every version that has the member.
    """
    fault: TrustError | None = None
    for version in reversed(chain.versions):
        if all(m.id != member for m in version.members):
            continue
        try:
            return (version, *submission_time(text, version, member))
        except TrustError as error:
            fault = error
    raise fault or TrustError(f"{member} is no member.", code="not_a_member")


def claimed(signature: Signature) -> int:
    """The time that a cosignature line claims."""
    return int.from_bytes(signature.blob[:8], "big")


def stored_time(note: Note, chain: MembershipChain, member: str) -> tuple[int, int] | None:
    """Size and time of a member head that was verified before it was stored; None if no version makes it a quorum.

    For a node that opens its own store: `submitted_under` without the signatures. `node verify` checks them again.
    """
    for version in reversed(chain.versions):
        if all(m.id != member for m in version.members):
            continue
        keys = {(key.name, key.id) for key in version.cosigner_keys("witness") if key.kind == ED25519_COSIGNATURE}
        times = [claimed(s) for s in note.signatures if (s.name, s.keyid) in keys]
        if len(times) >= version.quorum:
            return Checkpoint.parse_text(note.text).size, median_time(times)
    return None


@dataclass(frozen=True)
class Batch:
    """What the chair adds in one step."""

    view: int
    number: int
    refs: tuple[Ref, ...]
    cursors: Mapping[str, int]
    certificate: Certificate | None

    def body(self) -> dict[str, Any]:
        """The body of the entry."""
        return {
            "certificate": self.certificate.body() if self.certificate else None,
            "cursors": dict(self.cursors),
            "number": self.number,
            "refs": [ref.body() for ref in self.refs],
            "view": self.view,
        }

    @classmethod
    def parse(cls, body: Mapping[str, Any], where: str) -> Batch:
        """Read the body of a `Batch` entry.

        Raises:
            InputError: other keys, types or bounds.
        """
        if set(body) != {"certificate", "cursors", "number", "refs", "view"}:
            raise InputError("a batch is certificate, cursors, number, refs, view.", where=where, code="batch")
        refs, cursors = body["refs"], body["cursors"]
        if not isinstance(refs, list) or len(refs) > REFS_MAX or not isinstance(cursors, dict):
            raise InputError(f"at most {REFS_MAX} refs, and cursors as an object.", where=where, code="batch")
        read = []
        for raw in refs:
            if not isinstance(raw, dict) or set(raw) != {"index", "leaf", "origin", "proof", "time"}:
                raise InputError("a ref is index, leaf, origin, proof, time.", where=where, code="batch")
            if not all(isinstance(raw[k], str) for k in ("leaf", "origin", "proof")):
                raise InputError("leaf, origin and proof are text.", where=where, code="batch")
            index, time = count(raw["index"], 0, where), count(raw["time"], 1, where)
            read.append(Ref(raw["origin"], index, raw["leaf"], raw["proof"], time))
        certificate = None if body["certificate"] is None else Certificate.parse(body["certificate"], where)
        places = {str(origin): count(index, 1, where) for origin, index in cursors.items()}
        return cls(count(body["view"], 1, where), count(body["number"], 1, where), tuple(read), places, certificate)


def count(raw: Any, low: int, where: str) -> int:
    """A whole number from `low` on.

    Raises:
        InputError: it is none.
    """
    if type(raw) is not int or not low <= raw <= COUNT_MAX:
        raise InputError(f'"{str(raw)[:30]}" is not a whole number from {low} on.', where=where, code="count")
    return raw


@dataclass(frozen=True)
class Progress:
    """How far a history has come: last batch number, cursors, ledger time."""

    number: int = 0
    cursors: Mapping[str, int] = field(default_factory=dict)
    time: int = 0


class Tree(MemoryHashes):
    """A tree that remembers the roots it was asked for last."""

    def __init__(self) -> None:
        super().__init__()
        self._roots: dict[int, bytes] = {}

    def truncate(self, size: int) -> None:
        """Forget the leaves from `size` on."""
        super().truncate(size)
        self._roots.clear()

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves."""
        wanted = self.size if size is None else size
        found = self._roots.get(wanted)
        if found is None:
            found = super().root(wanted)
            if len(self._roots) >= ROOTS_MAX:
                self._roots.clear()
            self._roots[wanted] = found
        return found


class MemberLogs(Protocol):
    """The members' logs that a mirror holds, and the cosigned heads it has seen."""

    def size(self, origin: str) -> int:
        """How many entries it holds."""
        ...

    def entry(self, origin: str, index: int) -> Entry:
        """One entry, read and verified when it came in."""
        ...

    def council_between(self, origin: str, start: int, end: int) -> list[int]:
        """The indices from `start` to below `end` of its entries of scope council."""
        ...

    def root(self, origin: str, size: int) -> bytes:
        """The root over the first `size` entries."""
        ...

    def note(self, digest: str) -> str | None:
        """A note by its SHA-256."""
        ...


class CouncilLog:
    """The council log of one view as one member holds it: entries, tree, progress after each entry.

    Attributes:
        base: the progress at the cut that the view goes on from (nothing for view 1).
        progress: one item for each entry. batches: the batch of each entry, None for `ViewStarted`.
    """

    def __init__(self, view: int, version: Membership, base: Progress) -> None:
        self.view, self.version, self.base = view, version, base
        self.origin = version.council_origin(view)
        self.chair = version.chair(view)
        self.leaves: list[bytes] = []
        self.entries: list[Entry] = []
        self.tree = Tree()
        self.batches: list[Batch | None] = []
        self.progress: list[Progress] = []
        self.cut: tuple[int, int] = (0, 0)  # of a view after the first: (view, size) that it goes on from

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return len(self.entries)

    def progress_at(self, size: int) -> Progress:
        """The progress under the head of that size."""
        return self.progress[size - 1] if size else self.base

    def check(self, leaf: bytes, chain: MembershipChain, logs: MemberLogs) -> tuple[Entry, Batch, Progress]:
        """What a mirror asks of the next batch.

        Raises:
            Missing: a member log or a note that isn't here yet.
            OvertakenError: it follows another entry than the last one here, and brings the certificate of that.
            InputError, TrustError: a batch that no honest mirror cosigns, and why.
        """
        self._check_overtaken(leaf)
        entry = self.check_entry(leaf, chain)
        where = f"{self.origin}, entry {self.size}"
        if entry.type != "Batch":
            raise TrustError(f"a {entry.type} can't stand there.", where=where, code="batch")
        batch = parse_batch(entry, where)
        last = self.progress_at(self.size)
        if batch.view != self.view or batch.number != last.number + 1:
            what = f"batch {batch.number} of view {batch.view} follows batch {last.number} of view {self.view}."
            raise TrustError(what, where=where, code="batch_number")
        time = self._certified(batch, last, where)
        self._check_refs(batch, last, logs, where)
        return entry, batch, Progress(batch.number, batch.cursors, time)

    def check_entry(self, leaf: bytes, chain: MembershipChain) -> Entry:
        """The next entry is the chair's, follows the one before, and is signed by its node.

        Raises:
            InputError, TrustError: it isn't.
        """
        where = f"{self.origin}, entry {self.size}"
        entry = parse_entry(leaf)
        prev = self.entries[-1].id if self.entries else "0" * 64
        if (entry.author, entry.person, entry.scope) != (self.chair, "node", "order"):
            raise TrustError(f"not an entry of the chair {self.chair}'s node.", where=where, code="not_the_chair")
        if entry.seq != self.size + 1 or entry.prev != prev or entry.membership != self.version.version:
            raise TrustError("seq, prev or membership don't follow.", where=where, code="sequence")
        return chain.verify_entry(entry)

    def _check_overtaken(self, leaf: bytes) -> None:
        entry = parse_entry(leaf)
        if not self.size or entry.prev == self.entries[-1].id or entry.type != "Batch":
            return
        certificate = parse_batch(entry, self.origin).certificate
        if certificate is None or certificate.place != (self.view, self.size):
            return
        if certificate.root != self.tree.root(self.size):
            certificate.verify(self.version)
            raise OvertakenError(certificate)

    def _certified(self, batch: Batch, last: Progress, where: str) -> int:
        """The ledger time that the carried certificate gives to what stands before this batch."""
        certificate = batch.certificate
        if self.size == 0:
            if certificate is not None or self.view > 1:
                raise TrustError("the first entry of a view carries no certificate of it.", where=where, code="batch")
            return last.time
        if certificate is None or certificate.place != (self.view, self.size):
            raise TrustError(f"the certificate of size {self.size} is missing.", where=where, code="certificate")
        if certificate.root != self.tree.root(self.size):
            raise TrustError("the certificate is of another log.", where=where, code="certificate")
        return max(last.time, certificate.verify(self.version))

    def _check_refs(self, batch: Batch, last: Progress, logs: MemberLogs, where: str) -> None:
        origins = self.version.origins
        wanted: dict[str, list[Ref]] = {}
        for ref in batch.refs:
            wanted.setdefault(ref.origin, []).append(ref)
        if set(last.cursors) - set(batch.cursors):
            raise TrustError("a cursor of an earlier batch is missing.", where=where, code="cursor")
        for origin in sorted({*wanted, *batch.cursors}):
            start, end = last.cursors.get(origin, 0), batch.cursors.get(origin, 0)
            if start == end and origin not in wanted:
                continue
            if end <= start or origin not in origins:
                raise TrustError(f"the cursor of {origin} goes from {start} to {end}.", where=where, code="cursor")
            self._check_origin(origin, origins[origin], start, end, wanted.get(origin, []), logs, where)

    def _check_origin(
        self, origin: str, member: str, start: int, end: int, refs: Sequence[Ref], logs: MemberLogs, where: str
    ) -> None:
        """Between the cursors, exactly the entries of scope council are taken up, each under a good head."""
        if logs.size(origin) < end:
            raise Missing(origin, end)
        indices = logs.council_between(origin, start, end)
        if [ref.index for ref in refs] != indices:
            what = f"of {origin} the entries {[ref.index for ref in refs][:5]} are taken up, not {indices[:5]}."
            raise TrustError(what, where=where, code="refs")
        for ref in refs:
            text = logs.note(ref.proof)
            if text is None:
                raise Missing(note=ref.proof)
            head, time = submission_time(text, self.version, member)
            if head.size <= ref.index or time != ref.time:
                raise TrustError(
                    f"{origin} {ref.index}: the head named doesn't prove its time.", where=where, code="time"
                )
            if logs.size(origin) < head.size:
                raise Missing(origin, head.size)
            if logs.root(origin, head.size) != head.root:
                raise ForkedError(origin, text)
            if leaf_hash(logs.entry(origin, ref.index).leaf).hex() != ref.leaf:
                raise TrustError(f"{origin} {ref.index}: another leaf hash.", where=where, code="refs")

    def without_last(self) -> CouncilLog:
        """The log as it was before its last entry."""
        log = CouncilLog(self.view, self.version, self.base)
        log.cut = self.cut
        for entry, batch, progress in zip(self.entries[:-1], self.batches, self.progress, strict=False):
            log.append(entry, batch, progress)
        return log

    def replay(self, leaf: bytes) -> None:
        """Add a batch from this node's own store, where only what `check` accepted gets."""
        entry = parse_entry(leaf)
        batch = Batch.parse(entry.body, self.origin)
        last = self.progress_at(self.size)
        time = max(last.time, batch.certificate.claimed_time()) if batch.certificate else last.time
        self.append(entry, batch, Progress(batch.number, batch.cursors, time))

    def append(self, entry: Entry, batch: Batch | None, progress: Progress) -> None:
        """Add an entry that was checked."""
        self.leaves.append(entry.leaf)
        self.entries.append(entry)
        self.tree.append(leaf_hash(entry.leaf))
        self.batches.append(batch)
        self.progress.append(progress)

    def place_of(self, origin: str, index: int) -> int | None:
        """The index of the batch that took up an entry of a member's log; None if none here did.

        The cursor of an origin never goes back, and what lies between two of its values is taken up by one batch.
        """
        if self.base.cursors.get(origin, 0) > index:
            return None
        place = bisect_right(self.progress, index, key=lambda progress: progress.cursors.get(origin, 0))
        batch = self.batches[place] if place < self.size else None
        taken = batch is not None and any((ref.origin, ref.index) == (origin, index) for ref in batch.refs)
        return place if taken else None

    def points(self, size: int) -> list[tuple[Point, Batch]]:
        """The batches under the head of that size, with their places in the order."""
        return [(Point(self.view, b.number), b) for b in self.batches[:size] if b is not None]


class ForkedError(TrustError):
    """A head with a quorum contradicts the copy of a member's log held here: one of the two is a lie of its owner."""

    def __init__(self, origin: str, note: str) -> None:
        self.origin, self.note = origin, note
        super().__init__(f"{origin} was shown here with other entries than to its witnesses.", code="forked")


class OvertakenError(TrustError):
    """A quorum has cosigned other entries than those held here: the last one here was shown to a few alone."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        super().__init__(f"the certificate of size {certificate.size} is of another log.", code="certificate")


def parse_entry(leaf: bytes) -> Entry:
    """Read a leaf (one place, so that a simulation of many members can remember what it read)."""
    return Entry.parse(leaf)


def parse_batch(entry: Entry, where: str) -> Batch:
    """Read the body of a `Batch` entry (one place, as above)."""
    return Batch.parse(entry.body, where)
