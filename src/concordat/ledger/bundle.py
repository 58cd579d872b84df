"""The whole proof of one event in one file: that it was said, when, in which order, and that it is final.

A bundle holds the entry, its proof under a cosigned head of its author's log, the batch that took it up with its proof
under a council head, the certificates that make that head final, and every membership version. Whoever has the hash of
the first version needs nothing else: no node, no network.

    Bundle.parse(data).verify(pinned)      # -> Verdict: who, what, where, since when final
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from concordat import canonical
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.council_log import Batch, Certificate, CouncilLog, cosigned_head, submission_time
from concordat.ledger.entry import Entry, plain_base64
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import leaf_hash, verify_inclusion
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.policy import pending
from concordat.ledger.proof import TlogProof
from concordat.ledger.shelf import Shelf

BYTES_MAX = 16_000_000
KEYS = frozenset(("batch", "council_proof", "entry", "member_proof", "membership", "next_batch", "next_proof", "v"))


class Holding(Protocol):
    """Whoever holds a record: a member's replica, or an export that was audited."""

    @property
    def chain(self) -> MembershipChain: ...

    @property
    def shelf(self) -> Shelf: ...

    @property
    def councils(self) -> dict[int, CouncilLog]: ...

    @property
    def certificates(self) -> dict[tuple[int, int], Certificate]: ...


@dataclass(frozen=True)
class Verdict:
    """What a bundle proves.

    Attributes:
        entry: what was said, its signature verified. person: the key's label. origin, index: where it stands.
        witnesses: members that saw the head. submitted: submission time in seconds, None while pending.
        point: the batch that took it up, None if none is shown. final: whether that is final.
        mirrors: members that cosigned the council head. pending: the words for what is missing, empty if nothing is.
    """

    entry: Entry
    origin: str
    index: int
    witnesses: tuple[str, ...]
    submitted: int | None
    point: Point | None
    final: bool
    mirrors: tuple[str, ...]
    pending: str

    def sentence(self) -> str:
        """The verdict in words."""
        e = self.entry
        parts = [f"{e.type} of {e.author}: signed by {e.person}, member log {self.index + 1}"]
        if self.point:
            parts.append(f"council/{self.point.view} batch {self.point.batch}")
            parts.append("final" if self.final else "not final")
            parts.append(f"{len(self.mirrors)} mirrors")
        else:
            parts.append(f"not taken up ({self.pending})" if self.pending else "not taken up")
        words = ", ".join(parts) + "."
        if self.submitted is not None:
            words += f" Submitted {datetime.fromtimestamp(self.submitted, UTC):%Y-%m-%d %H:%M:%S} UTC."
        return words


@dataclass(frozen=True)
class Bundle:
    """A proof bundle as read; nothing is verified.

    Attributes:
        entry: the leaf. member_proof: under a head of the author's log. membership: all versions.
        batch, council_proof: the batch's leaf and its proof under a certified head; None while not taken up.
        next_batch, next_proof: a later batch that carries the certificate, under a certified head, if there is one.
    """

    entry: bytes
    member_proof: TlogProof
    membership: tuple[bytes, ...]
    batch: bytes | None = None
    council_proof: TlogProof | None = None
    next_batch: bytes | None = None
    next_proof: TlogProof | None = None

    def data(self) -> bytes:
        """The file: canonical JSON."""
        return canonical.dumps(
            {
                "batch": _b64(self.batch),
                "council_proof": str(self.council_proof) if self.council_proof else None,
                "entry": _b64(self.entry),
                "member_proof": str(self.member_proof),
                "membership": [_b64(data) for data in self.membership],
                "next_batch": _b64(self.next_batch),
                "next_proof": str(self.next_proof) if self.next_proof else None,
                "v": 1,
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str = "bundle") -> Bundle:
        """Read a file.

        Raises:
            InputError: not a bundle.
        """
        if len(data) > BYTES_MAX:
            raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, code="bundle")
        raw = canonical.loads(data, exact=True)
        if not isinstance(raw, dict) or set(raw) != KEYS or raw["v"] != 1 or not isinstance(raw["membership"], list):
            raise InputError(f"not a proof bundle: {', '.join(sorted(KEYS))}.", where=where, code="bundle")
        return cls(
            entry=_bytes(raw["entry"], where),
            member_proof=TlogProof.parse(_text(raw["member_proof"], where), f"{where}, member_proof"),
            membership=tuple(_bytes(item, where) for item in raw["membership"]),
            batch=_optional(raw["batch"], where),
            council_proof=_proof(raw["council_proof"], f"{where}, council_proof"),
            next_batch=_optional(raw["next_batch"], where),
            next_proof=_proof(raw["next_proof"], f"{where}, next_proof"),
        )

    def verify(self, pinned: str) -> Verdict:
        """What the bundle proves to someone who trusts the membership whose first version has that hash.

        Raises:
            InputError, TrustError: a part that can't be read, or doesn't hold.
        """
        chain = MembershipChain.verify(self.membership, pinned)
        entry = chain.verify_entry(Entry.parse(self.entry, "bundle, entry"))
        view = Batch.parse(Entry.parse(self.batch).body, "bundle, batch").view if self.batch else 0
        version = chain.of_view(view) if view else chain.last
        signed = cosigned_head(str(self.member_proof.note), version.member_ring(entry.author))
        head = signed.checkpoint
        if head.origin != version.member(entry.author).origin or entry.seq != self.member_proof.index + 1:
            raise TrustError("the proof is of another log or place.", where="bundle, member_proof", code="bundle")
        verify_inclusion(leaf_hash(self.entry), self.member_proof.index, head.size, head.root, self.member_proof.hashes)
        times = signed.times(version.witness_names)
        witnesses = tuple(sorted(version.witness_names[name] for name in times))
        missing = [m.id for m in version.active if m.id not in witnesses]
        words = "" if len(times) >= version.quorum else pending(witnesses, version.quorum, missing)
        submitted = None if words else submission_time(str(self.member_proof.note), version, entry.author)[1]
        if self.batch is None or self.council_proof is None:
            return Verdict(entry, head.origin, self.member_proof.index, witnesses, submitted, None, False, (), words)
        point, mirrors, submitted = self._taken_up(chain, entry, head.origin)
        chain.check_taken_up(entry, point)
        final = self._final(chain, point) if self.next_batch and self.next_proof else False
        index = self.member_proof.index
        return Verdict(entry, head.origin, index, witnesses, submitted, point, final, mirrors, "")

    def _taken_up(self, chain: MembershipChain, entry: Entry, origin: str) -> tuple[Point, tuple[str, ...], int]:
        assert self.batch is not None
        assert self.council_proof is not None
        batch = _council_entry(self.batch, chain)
        version = chain.of_view(batch.view)
        mirrors = _certified(self.batch, self.council_proof, chain, batch.view)
        leaf = leaf_hash(self.entry).hex()
        ref = next((r for r in batch.refs if r.origin == origin and r.leaf == leaf), None)
        if ref is None or ref.index != self.member_proof.index:
            raise TrustError("the batch doesn't take the entry up.", where="bundle, batch", code="bundle")
        _, time = submission_time(str(self.member_proof.note), version, entry.author)
        if ref.proof != _digest(str(self.member_proof.note)) or time != ref.time:
            raise TrustError("the batch names another head or time.", where="bundle, batch", code="bundle")
        return Point(batch.view, batch.number), mirrors, ref.time

    def _final(self, chain: MembershipChain, point: Point) -> bool:
        """A later entry of the same view carries the certificate of a head that covers the batch, and is certified."""
        assert self.next_batch is not None
        assert self.next_proof is not None
        assert self.council_proof is not None
        later = _council_entry(self.next_batch, chain)
        _certified(self.next_batch, self.next_proof, chain, later.view)
        if later.view != point.view or later.certificate is None or later.certificate.view != point.view:
            raise TrustError("it carries no certificate of the view.", where="bundle, next_batch", code="bundle")
        later.certificate.verify(chain.of_view(point.view))
        if later.certificate.size <= self.council_proof.index:
            raise TrustError("its certificate doesn't cover the batch.", where="bundle, next_batch", code="bundle")
        return True


def _council_entry(leaf: bytes, chain: MembershipChain) -> Batch:
    entry = Entry.parse(leaf, "bundle, batch")
    batch = Batch.parse(entry.body, "bundle, batch")
    if entry.scope != "order" or entry.author != chain.of_view(batch.view).chair(batch.view):
        raise TrustError("not an entry of the chair.", where="bundle, batch", code="bundle")
    chain.verify_entry(entry)
    return batch


def _certified(leaf: bytes, proof: TlogProof, chain: MembershipChain, view: int) -> tuple[str, ...]:
    """The mirrors that cosigned the head under which a council entry stands: a quorum."""
    version = chain.of_view(view)
    text = str(proof.note)
    if Certificate.of_note(text, version, view) is None:
        raise TrustError("the council head has no quorum.", where="bundle, council_proof", code="quorum")
    signed = cosigned_head(text, version.council_ring(view))
    head = signed.checkpoint
    if head.origin != version.council_origin(view):
        raise TrustError("a head of another log.", where="bundle, council_proof", code="bundle")
    verify_inclusion(leaf_hash(leaf), proof.index, head.size, head.root, proof.hashes)
    return tuple(sorted(version.mirror_names[name] for name in signed.times(version.mirror_names)))


def bundle_of(replica: Holding, entry_id: str) -> Bundle:
    """The bundle of an entry that somebody holds, as far as it is final.

    Raises:
        InputError: no entry with an id that begins so, or several.
    """
    found = [(log, index) for _, log in sorted(replica.shelf.logs.items()) for index in log.entries.find(entry_id)]
    if len(found) != 1 or not entry_id:
        what = f'{"no entry" if not found else f"{len(found)} entries"} with an id that begins with "{entry_id[:64]}".'
        raise InputError(what, hint="See: concordat ledger show", code="unknown_entry")
    log, index = found[0]
    files = tuple(v.envelope.to_bytes() for v in replica.chain.versions)
    leaf = log.entries.leaves[index]
    taken = _place_of(replica, log.origin, index)
    if taken is None:
        proof = log.proof_of(index)
        text = replica.shelf.note(proof[2]) if proof else None
        note = Note.parse(text) if text else log.head
        if note is None or Checkpoint.parse_text(note.text).size <= index:
            what = f"entry {log.entries[index].author} {index + 1} stands under no signed head yet."
            raise StateError(what, where=log.origin, hint="Write the next one, or sync once more.", code="no_head")
        return Bundle(leaf, TlogProof.make(index, log.tree, note), files)
    view, place, digest, size = taken
    text = replica.shelf.note(digest)
    assert text is not None
    member_proof = TlogProof.make(index, log.tree, Note.parse(text))
    council = replica.councils[view]
    note = _certified_note(replica, view, size)
    assert note is not None
    bundle = Bundle(leaf, member_proof, files, council.leaves[place], TlogProof.make(place, council.tree, note))
    later = _certified_note(replica, view, size + 1)
    if later is None:
        return bundle
    return Bundle(
        leaf, member_proof, files, bundle.batch, bundle.council_proof,
        council.leaves[size], TlogProof.make(size, council.tree, later),
    )  # fmt: skip


def _place_of(replica: Holding, origin: str, index: int) -> tuple[int, int, str, int] | None:
    """(view, index of the batch, hash of the member head, size of a certified head) of the batch that took it up."""
    for view, council in sorted(replica.councils.items(), reverse=True):
        place = council.place_of(origin, index)
        batch = council.batches[place] if place is not None else None
        if place is None or batch is None:
            continue
        (ref,) = [ref for ref in batch.refs if (ref.origin, ref.index) == (origin, index)]
        for size in range(place + 1, council.size + 1):
            if _certified_note(replica, view, size) is not None:
                return view, place, ref.proof, size
    return None


def _certified_note(replica: Holding, view: int, size: int) -> Note | None:
    certificate = replica.certificates.get((view, size))
    text = replica.shelf.note(certificate.note) if certificate else None
    return Note.parse(text) if text else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _b64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(raw: Any, where: str) -> bytes:
    return plain_base64(raw, where, "bundle")


def _optional(raw: Any, where: str) -> bytes | None:
    return None if raw is None else _bytes(raw, where)


def _text(raw: Any, where: str) -> str:
    if not isinstance(raw, str):
        raise InputError("text was expected.", where=where, code="bundle")
    return raw


def _proof(raw: Any, where: str) -> TlogProof | None:
    return None if raw is None else TlogProof.parse(_text(raw, where), where)
