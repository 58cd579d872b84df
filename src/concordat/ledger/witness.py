"""Is this head the continuation of all I saw: a witness that cosigns, as a state machine (C2SP tlog-witness).

`POST add-checkpoint` has the body `old <size>`, at most 63 lines of a consistency proof in base64, an empty line, and a
checkpoint. The witness checks, in this order:

1. the body is of that form, and not too long: else 400;
2. the origin is one that it witnesses: else 404;
3. an Ed25519 key of that log signed (type 0x01), and no key of that log that is known signed badly: else 403;
4. `old` is not above the size of the checkpoint: else 400;
5. `old` is the size that it cosigned last, 0 if it never did: else 409 with that size as `text/x.tlog.size`;
6. where `old` is the size itself, the root is the one that it knows: else 409;
7. the proof leads from the old root to the new one, and is empty where `old` is 0: else 422.

Then it records the new head and only after that signs it. Two heads of one size with two roots, both signed by the log,
are kept: whoever holds them can prove the log's fork. They are looked for as soon as the signature is good, whatever
`old` says, and change none of the answers.

A signer's times never fall: if the clock went back by up to two minutes, the last time is given again; if by more, the
witness answers 503 until a person has looked at the clock. A log that signs with an Ed25519 and an ML-DSA-44 key must
use the first on every head: else it could sign two heads with two keys, and no proof of one key's fork would exist.

The room has no files and no sockets: `Records` is whoever stores, `handle` is called with bytes and the time. Not here:
`sign-subtree` (optional in the text), rate limits, and HTTP.

    >>> AddCheckpoint.parse(b"old 3\\n\\nexample.org/log\\n").old
    3
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.keys import ED25519_LOG, MLDSA44_COSIGNATURE, VerifierKey
from concordat.ledger.merkle import EMPTY_ROOT, PROOF_MAX, verify_consistency
from concordat.ledger.note import (
    SIZE_MAX,
    Checkpoint,
    Note,
    NoteSigner,
    Signature,
    decode_hash,
    verify_note,
)

# 64 signatures of 5 kB are 454,016 characters with names of 255; proof and text are 3 kB more.
BODY_BYTES_MAX = 512 * 1024
CLOCK_BACK_MAX = 120  # seconds; the bound on clocks of the specification, section 13
TEXT, SIZE_TYPE = "text/plain; charset=utf-8", "text/x.tlog.size"
ATTEMPTS = 4
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    content_type: str
    body: bytes


def say(status: int, words: str) -> Answer:
    """An answer in words for a person; programs read the status."""
    return Answer(status, TEXT, f"{words}\n".encode())


@dataclass(frozen=True)
class Record:
    """The head of a log that was accepted last: its size and root, the note as the log signed it, and when."""

    size: int
    root: bytes
    note: str
    time: int


@dataclass(frozen=True)
class Equivocation:
    """Two notes of one size with two roots, both signed by the log: what a `same_size` proof of misconduct needs.

    Attributes:
        first, second: the notes; the first is the one that was cosigned.
        keys: the keys of the log that signed both.
    """

    origin: str
    first: str
    second: str
    keys: tuple[VerifierKey, ...]


class Records(Protocol):
    """Whoever stores what a witness has seen; a folder, a database, a dictionary in tests."""

    def get(self, origin: str) -> Record | None:
        """The last head of that log."""
        ...

    def latest_time(self) -> int:
        """The latest time of any record, 0 if there is none."""
        ...

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        """In one transaction: if the record still is `known` and no record is later than `new`, store it durably.

        Returns:
            Whether it was stored. It must be on the disk by then: what is signed next can't be taken back.
        """
        ...

    def keep(self, found: Equivocation) -> None:
        """Store a proof of a fork; one of each log is enough."""
        ...


@dataclass
class MemoryRecords:
    """Records that live as long as the program: for tests and simulations."""

    records: dict[str, Record] = field(default_factory=dict)
    forks: dict[str, Equivocation] = field(default_factory=dict)

    def get(self, origin: str) -> Record | None:
        return self.records.get(origin)

    def latest_time(self) -> int:
        return max((record.time for record in self.records.values()), default=0)

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        if self.records.get(origin) != known or new.time < self.latest_time():
            return False
        self.records[origin] = new
        return True

    def keep(self, found: Equivocation) -> None:
        self.forks.setdefault(found.origin, found)


@dataclass(frozen=True)
class AddCheckpoint:
    """The body of a request, read but not believed.

    Attributes:
        old: the size that the sender takes to be the witness's. proof: from there to the checkpoint. note: its bytes.
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a body.

        Raises:
            InputError: too long, no empty line, no old size in plain decimal, over 63 hashes, or one that is none.
        """
        where = "add-checkpoint"
        if len(body) > BODY_BYTES_MAX:
            raise InputError(f"a request of over {BODY_BYTES_MAX:,} bytes.", where=where, code="request")
        head, blank, note = body.partition(b"\n\n")
        try:
            old, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise InputError("the lines before the checkpoint are not ASCII.", where=where, code="request") from None
        match = _OLD.fullmatch(old)
        if not blank or not match or int(match[1]) > SIZE_MAX:
            raise InputError('no line "old <size>", or no empty line.', where=where, code="request")
        if len(lines) > PROOF_MAX:
            raise InputError(f"a proof of over {PROOF_MAX} hashes.", where=where, code="request")
        return cls(int(match[1]), tuple(decode_hash(line, where) for line in lines), note)

    def to_bytes(self) -> bytes:
        """The body as it is sent."""
        lines = [f"old {self.old}", *(b64encode(h).decode() for h in self.proof)]
        return "\n".join(lines).encode() + b"\n\n" + self.note


class Witness:
    """The rules of one witness; all that it must remember is in its records."""

    def __init__(
        self, signers: Sequence[NoteSigner], logs: Mapping[str, Sequence[VerifierKey]], records: Records
    ) -> None:
        """A witness, or with no signers the part of a mirror that takes heads in.

        Args:
            signers: the witness's own keys, of types 0x04 and 0x06. logs: the keys of each origin, one of them 0x01.
            records: what it has seen.
        """
        assert all(signer.kind != ED25519_LOG for signer in signers), "a witness cosigns"
        for origin, keys in logs.items():
            assert any(key.kind == ED25519_LOG for key in keys), f"{origin} has no Ed25519 key"
            assert len(origin.encode()) <= 255 or all(s.kind != MLDSA44_COSIGNATURE for s in signers), origin
        self.signers = tuple(signers)
        self.logs = {origin: tuple(keys) for origin, keys in logs.items()}
        self.records = records

    def handle(self, body: bytes, now: int) -> Answer:
        """Answer one request.

        Args:
            body: of the request. now: seconds since 1970.
        """
        try:
            request = AddCheckpoint.parse(body)
            note = Note.parse(plain(request.note), "add-checkpoint")
            checkpoint = Checkpoint.parse_text(note.text, "add-checkpoint")
        except InputError as error:
            return say(400, str(error))
        keys = self.logs.get(checkpoint.origin)
        if keys is None:
            return say(404, f"unknown log: {checkpoint.origin[:80]}")
        try:
            signed = log_signatures(note, checkpoint, keys)
        except ConcordatError as error:
            return say(403, f"invalid signature: {error}")
        if request.old > checkpoint.size:
            return say(400, f"old {request.old} is above the size of the checkpoint, {checkpoint.size}")
        return self._take(request, checkpoint, only(note, signed), signed, now)

    def _take(
        self, request: AddCheckpoint, checkpoint: Checkpoint, note: Note, signed: Sequence[VerifierKey], now: int
    ) -> Answer:
        """Checks 5 to 7 against the record, then record and sign; again if another request came between."""
        for _ in range(ATTEMPTS):
            known = self.records.get(checkpoint.origin)
            size, root = (known.size, known.root) if known else (0, EMPTY_ROOT)
            if known and checkpoint.size == size and checkpoint.root != root:
                self._keep_fork(checkpoint, known, note, signed)
            if request.old != size:
                return Answer(409, SIZE_TYPE, f"{size}\n".encode())
            if request.old == checkpoint.size and checkpoint.root != root:
                return say(409, f"another root is known for size {size}")
            try:
                follows(request.old, root, checkpoint, request.proof)
            except TrustError as error:
                return say(422, f"the consistency proof does not hold: {error}")
            time = signing_time(now, self.records.latest_time())
            if time is None:
                return say(503, "this witness's clock went back; it does not sign")
            new = Record(checkpoint.size, checkpoint.root, str(note), time)
            if self.records.replace(checkpoint.origin, known, new):
                return cosigned(self.signers, checkpoint, time)
        return say(503, "too many requests for this log at once; try again")

    def _keep_fork(self, checkpoint: Checkpoint, known: Record, note: Note, signed: Sequence[VerifierKey]) -> None:
        """Keep both notes if one key signed both: after a change of keys there may be none, and nothing to prove."""
        first = Note.parse(known.note)
        before = verify_note(first, Checkpoint.parse_text(first.text), signed, "record")
        both = tuple(v.key for v in before)
        if both:
            self.records.keep(Equivocation(checkpoint.origin, known.note, str(note), both))


def plain(note: bytes) -> bytes:
    """The note with its signature lines in plain base64: senders are let off stray bits in the last digit.

    RFC 4648 section 3.5 leaves this to whoever decodes. Everywhere else in the ledger they are refused, so that one
    note has one form; a request is only passing through, and the published scenario has such a line.
    """
    text, blank, lines = note.rpartition(b"\n\n")
    out = []
    for line in lines.split(b"\n"):
        front, space, encoded = line.rpartition(b" ")
        try:
            again = b64encode(b64decode(encoded, validate=True))
        except ValueError:
            again = encoded
        out.append(front + space + again)
    return text + blank + b"\n".join(out)


def log_signatures(note: Note, checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The keys of a log that signed its head; lines of other keys are passed over.

    Raises:
        TrustError: a known key whose signature fails, or no signature of type 0x01 by one of them.
    """
    found = tuple(v.key for v in verify_note(note, checkpoint, keys, "add-checkpoint"))
    if not any(key.kind == ED25519_LOG for key in found):
        raise TrustError(f"none by a known Ed25519 key of {checkpoint.origin[:80]}.", code="unsigned")
    return found


def only(note: Note, keys: Iterable[VerifierKey]) -> Note:
    """The note with the signatures of these keys alone: what strangers wrote on it is not stored."""
    wanted = {(key.name, key.id) for key in keys}
    return Note(note.text, tuple(s for s in note.signatures if (s.name, s.keyid) in wanted))


def follows(old: int, old_root: bytes, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """The new head continues the old one; from nothing, whatever it says is taken, and no proof may be given.

    Raises:
        TrustError: the proof does not hold.
    """
    if old == 0:
        if proof:
            raise TrustError("a proof from size 0 must be empty.", code="proof")
        return
    verify_consistency(old, new.size, old_root, new.root, proof)


def signing_time(now: int, last: int) -> int | None:
    """The time to sign with: never before the last; None if the clock is over two minutes behind it."""
    return None if now <= 0 or last - now > CLOCK_BACK_MAX else max(now, last)


def cosigned(signers: Iterable[NoteSigner], checkpoint: Checkpoint, time: int) -> Answer:
    """200 with a line of each signer."""
    lines = "".join(signer.sign(checkpoint, time).line() + "\n" for signer in signers)
    return Answer(200, TEXT, lines.encode())


def read_cosignatures(body: bytes, checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> tuple[Signature, ...]:
    """The sender's side: those lines of an answer that known keys signed, verified; others are passed over.

    Raises:
        InputError: not signature lines.
        TrustError: a known key whose signature fails.
    """
    note = Note.parse(checkpoint.text().encode() + b"\n" + body, "cosignatures")
    if note.text != checkpoint.text():
        raise InputError("not signature lines alone.", where="cosignatures", code="note")
    known = {(v.key.name, v.key.id) for v in verify_note(note, checkpoint, keys, "cosignatures")}
    return tuple(s for s in note.signatures if (s.name, s.keyid) in known)
