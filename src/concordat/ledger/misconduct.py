"""Who lied, provably: portable files that any third party can check with the membership file's hash alone.

Six kinds, each two or three signed statements (spec: ledger 8; the exact conditions stand in
docs/reference/ledger-format.md). A proof names one member. Five are lies: signed statements that contradict each other.
No honest node can be named by one: it never signs two roots of one size, two entries of one number, a smaller size at a
later time, or against its promise (see `signer`). The sixth, `merge_delay`, is a fact and no lie: the chair left an
entry out too long. A chair that the network cut off from the author can be late without fault; it costs it the view.

    Misconduct.parse(data).check(pinned)      # raises TrustError unless the accusation holds
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import Batch, submission_time
from concordat.ledger.entry import Entry, plain_base64
from concordat.ledger.keys import VerifierKey
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from concordat.ledger.note import Checkpoint, Note, Verified, decode_hash, verify_note
from concordat.ledger.proof import TlogProof
from concordat.ledger.views import ViewVote

BYTES_MAX = 16_000_000
REMEMBERED_MAX = 200_000  # a file of up to that size is parsed once for all who send it
PARTS = {
    "author_fork": {"entries"},
    "double_promise": {"key", "note", "vote"},
    "inconsistent": {"key", "notes", "old_root", "proof"},
    "merge_delay": {"batch", "council_proof", "entry", "member_proof"},
    "rollback": {"key", "notes"},
    "same_size": {"key", "notes"},
}
LATE = "merge_delay"  # a fact about a chair, not a lie
KINDS = ("author_fork", "double_promise", "inconsistent", "merge_delay", "rollback", "same_size")


@dataclass(frozen=True)
class Misconduct:
    """One accusation with its evidence.

    Attributes:
        bloc, kind, accused: of which bloc, what, who. membership: the envelope of every version.
        evidence: as the format says for the kind.
    """

    bloc: str
    kind: str
    accused: str
    membership: tuple[bytes, ...]
    evidence: Mapping[str, Any]

    def data(self) -> bytes:
        """The file: canonical JSON."""
        return self._data

    @cached_property
    def _data(self) -> bytes:
        return canonical.dumps(
            {
                "accused": self.accused,
                "bloc": self.bloc,
                "evidence": dict(self.evidence),
                "kind": self.kind,
                "membership": [_b64(data) for data in self.membership],
                "v": 1,
            }
        )

    @cached_property
    def id(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.data()).hexdigest()

    @classmethod
    def parse(cls, data: bytes, where: str = "misconduct file") -> Misconduct:
        """Read a file; `check` tells whether it holds.

        Raises:
            InputError: not such a file.
        """
        if len(data) > BYTES_MAX:
            raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, code="misconduct")
        return _remembered(data, where) if len(data) <= REMEMBERED_MAX else cls._parse(data, where)

    @classmethod
    def _parse(cls, data: bytes, where: str) -> Misconduct:
        raw = canonical.loads(data, exact=True)
        if not isinstance(raw, dict) or set(raw) != {"accused", "bloc", "evidence", "kind", "membership", "v"}:
            raise InputError("accused, bloc, evidence, kind, membership, v.", where=where, code="misconduct")
        texts = all(isinstance(raw[k], str) for k in ("accused", "bloc", "kind"))
        if raw["v"] != 1 or not texts or not isinstance(raw["evidence"], dict) or raw["kind"] not in KINDS:
            raise InputError(f"not of a known kind: {', '.join(KINDS)}.", where=where, code="misconduct")
        if not isinstance(raw["membership"], list):
            raise InputError("membership must be a list.", where=where, code="misconduct")
        files = tuple(_bytes(item, where) for item in raw["membership"])
        return cls(raw["bloc"], raw["kind"], raw["accused"], files, raw["evidence"])

    def check(self, pinned: str, own: MembershipChain | None = None) -> Misconduct:
        """The proof itself, once it holds against the membership whose first version has that hash.

        Args:
            pinned: the hash. own: the chain of whoever checks: a proof that brings fewer versions is judged by all.

        Raises:
            InputError, TrustError: it doesn't hold, and why.
        """
        chain = _chain(self.membership, pinned)
        where = f"{self.kind} against {self.accused}"
        if own is not None:
            pairs = zip(chain.versions, own.versions, strict=False)
            if any(mine.payload != theirs.payload for mine, theirs in pairs):
                raise TrustError("it brings another membership than the one here.", where=where, code="misconduct")
            chain = own if len(own.versions) > len(chain.versions) else chain
        if set(self.evidence) != PARTS[self.kind]:
            raise InputError(f"the evidence is {', '.join(sorted(PARTS[self.kind]))}.", where=where, code="misconduct")
        if chain.last.bloc != self.bloc:
            raise TrustError(f"the membership is of {chain.last.bloc}.", where=where, code="misconduct")
        try:
            accused = _CHECKS[self.kind](self.evidence, chain)
        except (KeyError, TypeError, AttributeError, IndexError):
            raise InputError("the evidence lacks a part.", where=where, code="misconduct") from None
        except (InputError, TrustError) as error:
            raise TrustError(f"it doesn't hold: {error}", where=where, code="misconduct") from None
        if accused != self.accused:
            raise TrustError(f"the evidence is against {accused}.", where=where, code="misconduct")
        return self

    def forked_chain(self) -> tuple[str, str]:
        """Of an `author_fork`: whose numbering has two entries under one number (`Entry.chain`)."""
        return Entry.parse(_bytes(self.evidence["entries"][0], "entry")).chain

    def subject(self) -> str:
        """What it is about: the log, or the view; several proofs about one subject say nothing new."""
        parts = self.evidence
        if self.kind == "author_fork":
            try:
                return "/".join(self.forked_chain())
            except (InputError, KeyError, IndexError, TypeError):
                return ""
        text = parts.get("council_proof") or parts.get("note") or next(iter(parts.get("notes") or [""]), "")
        found = str(text).partition("\n\n")[2] if self.kind == "merge_delay" else str(text)
        return found.partition("\n")[0]

    def sentence(self) -> str:
        """What was done, in words."""
        words = {
            "author_fork": "signed two different entries under one number",
            "double_promise": "cosigned more of an old view than its vote for the next one named",
            "inconsistent": "signed a head that does not begin with the one it had signed before",
            "merge_delay": "as chair left an entry out beyond the merge delay",
            "rollback": "signed a smaller log after a larger one",
            "same_size": "signed two different logs of one size",
        }
        return f"{self.accused} {words[self.kind]}."


@lru_cache(maxsize=32)
def _remembered(data: bytes, where: str) -> Misconduct:
    return Misconduct._parse(data, where)


@lru_cache(maxsize=64)
def _chain(files: tuple[bytes, ...], pinned: str) -> MembershipChain:
    """The verified chain, remembered by its bytes: many proofs bring the same one."""
    return MembershipChain.verify(files, pinned)


def _refuse(what: str) -> TrustError:
    return TrustError(what, code="misconduct")


def _owner(key: VerifierKey, chain: MembershipChain) -> str:
    """Whose key it is, in any version; a chair's council key is its log key under the name of the origin."""
    for version in chain.versions:
        for member in version.members:
            if key in (*member.log, *member.witness, *member.mirror):
                return member.id
            stem, _, view = key.name.rpartition("/")
            same = any((k.kind, k.public) == (key.kind, key.public) for k in member.log)
            if same and stem == f"{version.bloc}/council" and view.isdecimal():
                return member.id
    raise _refuse("the key is nobody's.")


def _signed(text: str, key: VerifierKey) -> tuple[Checkpoint, Verified]:
    """A note that the key signed."""
    note = Note.parse(text)
    checkpoint = Checkpoint.parse_text(note.text)
    verified = verify_note(note, checkpoint, [key])
    if not verified:
        raise _refuse(f"{key.name} did not sign the note.")
    return checkpoint, verified[0]


def _two(evidence: Mapping[str, Any]) -> tuple[VerifierKey, tuple[Checkpoint, Verified], tuple[Checkpoint, Verified]]:
    key = VerifierKey.parse(evidence["key"])
    first, second = evidence["notes"]
    a, b = _signed(first, key), _signed(second, key)
    if a[0].origin != b[0].origin:
        raise _refuse("the notes are of two logs.")
    return key, a, b


def _same_size(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    key, (a, _), (b, _) = _two(evidence)
    if a.size != b.size or a.root == b.root:
        raise _refuse("not one size with two roots.")
    return _owner(key, chain)


def _inconsistent(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    key, (a, _), (b, _) = _two(evidence)
    old_root = decode_hash(evidence["old_root"], "old_root")
    proof = [decode_hash(h, "proof") for h in evidence["proof"]]
    verify_consistency(a.size, b.size, old_root, b.root, proof)
    if a.size >= b.size or old_root == a.root:
        raise _refuse("the second log begins with the first.")
    return _owner(key, chain)


def _rollback(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    key, (a, first), (b, second) = _two(evidence)
    if first.time is None or second.time is None:
        raise _refuse("signatures without a time.")
    if not (b.size < a.size and second.time > first.time):
        raise _refuse("the second head is not smaller and later.")
    return _owner(key, chain)


def _author_fork(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    a, b = (Entry.parse(_bytes(leaf, "entry")) for leaf in evidence["entries"])
    chain.verify_entry(a)
    chain.verify_entry(b)
    for entry in (a, b):
        view = entry.body.get("view")
        if entry.scope == "order" and (type(view) is not int or view < 1):
            raise _refuse("an entry of scope order that names no view.")
    if a.chain != b.chain or a.seq != b.seq or a.id == b.id:
        raise _refuse("not two entries under one number.")
    return a.author


def _double_promise(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    vote = ViewVote.parse(_bytes(evidence["vote"], "vote"))
    key = VerifierKey.parse(evidence["key"])
    head, _ = _signed(evidence["note"], key)
    stem, _, view = head.origin.rpartition("/")
    if stem != f"{chain.last.bloc}/council" or not view.isdecimal() or len(view) > 15:
        raise _refuse("the note is not of a council log.")
    owner = next((m for v in chain.versions for m in v.members if key in m.mirror and m.id == vote.member), None)
    if owner is None:
        raise _refuse("the key is no mirror key of the voter.")
    _vote_verified(vote, chain)
    if not (int(view) < vote.view and head.size >= 2 and (int(view), head.size - 1) > vote.place):
        raise _refuse("the vote and the cosignature agree.")
    return vote.member


def _vote_verified(vote: ViewVote, chain: MembershipChain) -> None:
    faults = []
    for version in chain.versions:
        try:
            vote.verify(version)
        except TrustError as error:
            faults.append(error)
        else:
            return
    raise faults[-1]


def _merge_delay(evidence: Mapping[str, Any], chain: MembershipChain) -> str:
    batch_entry = Entry.parse(_bytes(evidence["batch"], "batch"))
    batch = Batch.parse(batch_entry.body, "batch")
    version = chain.of_view(batch.view)
    chair = version.chair(batch.view)
    proof = TlogProof.parse(evidence["council_proof"])
    keys = version.council_keys(batch.view)
    head = Checkpoint.parse(str(proof.note), keys).checkpoint
    chain.verify_entry(batch_entry)
    named = (batch_entry.author, batch_entry.scope, batch_entry.membership)
    if head.origin != version.council_origin(batch.view) or named != (chair, "order", version.version):
        raise _refuse("the batch is not of that council log.")
    verify_inclusion(leaf_hash(batch_entry.leaf), proof.index, head.size, head.root, proof.hashes)
    entry = chain.verify_entry(Entry.parse(_bytes(evidence["entry"], "entry")))
    member_proof = TlogProof.parse(evidence["member_proof"])
    member_head, submitted = submission_time(str(member_proof.note), version, entry.author)
    verify_inclusion(leaf_hash(entry.leaf), member_proof.index, member_head.size, member_head.root, member_proof.hashes)
    if entry.seq != member_proof.index + 1:
        raise _refuse("the entry's number is not that of its place.")
    if batch.certificate is None or entry.scope != "council" or batch.certificate.view != batch.view:
        raise _refuse("the batch carries no certificate, or the entry is not of the council.")
    if batch.certificate.verify(version) <= submitted + version.merge_delay_hours * 3600:
        raise _refuse("the merge delay had not passed.")
    if batch.cursors.get(member_head.origin, 0) > member_proof.index:
        raise _refuse("the batch or one before it has taken the entry up.")
    return chair


def same_key_contradiction(
    chain: MembershipChain, key: VerifierKey, smaller: Note, larger: Note, link: tuple[bytes, list[bytes]] | None
) -> Misconduct:
    """The proof from two notes that one key signed.

    Args:
        smaller, larger: the notes, by size. link: for different sizes, the root of the larger tree at the smaller size
            and the consistency proof from there.
    """
    notes = [str(smaller), str(larger)]
    evidence: dict[str, Any] = {"key": str(key), "notes": notes}
    kind = "same_size"
    if link is not None:
        kind = "inconsistent"
        evidence |= {"old_root": _b64(link[0]), "proof": [_b64(h) for h in link[1]]}
    return _new(chain, kind, _owner(key, chain), evidence)


def rollback(chain: MembershipChain, key: VerifierKey, larger: Note, smaller: Note) -> Misconduct:
    """The proof that a key cosigned a smaller log at a later time."""
    return _new(chain, "rollback", _owner(key, chain), {"key": str(key), "notes": [str(larger), str(smaller)]})


def author_fork(chain: MembershipChain, first: Entry, second: Entry) -> Misconduct:
    """The proof from two entries of one author under one number."""
    leaves = sorted((first.leaf, second.leaf))
    return _new(chain, "author_fork", first.author, {"entries": [_b64(leaf) for leaf in leaves]})


def double_promise(chain: MembershipChain, vote: ViewVote, key: VerifierKey, note: Note) -> Misconduct:
    """The proof from a vote and a cosigned head of an older view."""
    evidence = {"key": str(key), "note": str(note), "vote": _b64(vote.data)}
    return _new(chain, "double_promise", vote.member, evidence)


def merge_delay(
    chain: MembershipChain, entry: Entry, member_proof: TlogProof, batch: Entry, council_proof: TlogProof
) -> Misconduct:
    """The proof that a chair left an entry out too long."""
    evidence = {
        "batch": _b64(batch.leaf),
        "council_proof": str(council_proof),
        "entry": _b64(entry.leaf),
        "member_proof": str(member_proof),
    }
    return _new(chain, "merge_delay", batch.author, evidence)


def _new(chain: MembershipChain, kind: str, accused: str, evidence: Mapping[str, Any]) -> Misconduct:
    files = tuple(version.envelope.to_bytes() for version in chain.versions)
    return Misconduct(chain.last.bloc, kind, accused, files, evidence).check(chain.pinned)


_CHECKS: dict[str, Callable[[Mapping[str, Any], MembershipChain], str]] = {
    "author_fork": _author_fork,
    "double_promise": _double_promise,
    "inconsistent": _inconsistent,
    "merge_delay": _merge_delay,
    "rollback": _rollback,
    "same_size": _same_size,
}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(raw: Any, where: str) -> bytes:
    return plain_base64(raw, where, "misconduct")
