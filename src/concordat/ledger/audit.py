"""Who made two histories final: the members that signed both, found by comparing what two members hold.

If two final heads contradict each other, two quorums signed, and they share more than f members; each of those either
cosigned two logs of one view, or voted for a later view and named less than what it had cosigned. Their signatures are
in the certificates and votes that the two members hold, so the comparison names at least f + 1 of them.
"""

from __future__ import annotations

from concordat.ledger import misconduct
from concordat.ledger.council_log import Certificate, CouncilLog
from concordat.ledger.keys import VerifierKey
from concordat.ledger.merkle import consistency_proof
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note, Signature
from concordat.ledger.replica import Replica
from concordat.ledger.views import ViewStarted, ViewVote

Found = dict[tuple[str, str], Misconduct]


def compare(first: Replica, second: Replica) -> list[Misconduct]:
    """Every contradiction between two members' certificates and votes, one proof for each member and kind."""
    found: Found = {}
    _double_signers(first, second, found)
    _double_promises(first, second, found)
    _double_promises(second, first, found)
    return [found[key] for key in sorted(found)]


def _double_signers(first: Replica, second: Replica, found: Found) -> None:
    for view in sorted(set(first.councils) & set(second.councils)):
        a, b = first.councils[view], second.councils[view]
        mine = [c for c in first.certificates.values() if c.view == view and c.size <= a.size]
        theirs = [c for c in second.certificates.values() if c.view == view and c.size <= b.size]
        for one in mine:
            for other in theirs:
                _contradiction(first, a, one, b, other, found)


def _contradiction(
    replica: Replica, a: CouncilLog, one: Certificate, b: CouncilLog, other: Certificate, found: Found
) -> None:
    if a.tree.root(one.size) != one.root or b.tree.root(other.size) != other.root:
        return
    if one.size > other.size:
        a, one, b, other = b, other, a, one
    old_root = b.tree.root(one.size)
    if old_root == one.root:
        return
    kind = "same_size" if one.size == other.size else "inconsistent"
    small, large = _note(replica, one), _note(replica, other)
    named = {member for member, known in found if known == kind}
    for key, member in _both(replica, small, large):
        if member not in named:
            link = None
            if kind == "inconsistent":
                link = (old_root, consistency_proof(one.size, other.size, b.tree))
            proof = misconduct.same_key_contradiction(replica.chain, key, small, large, link)
            found.setdefault((proof.accused, kind), proof)


def _both(replica: Replica, a: Note, b: Note) -> list[tuple[VerifierKey, str]]:
    """The mirror keys that signed both notes, and whose they are."""
    signed = {(s.name, s.keyid) for s in a.signatures} & {(s.name, s.keyid) for s in b.signatures}
    keys = {(k.name, k.id): (k, m.id) for v in replica.chain.versions for m in v.members for k in m.mirror}
    return [keys[pair] for pair in sorted(signed) if pair in keys]


def _note(replica: Replica, certificate: Certificate) -> Note:
    origin = replica.chain.last.council_origin(certificate.view)
    text = Checkpoint(origin, certificate.size, certificate.root).text()
    return Note(text, tuple(Signature.parse(line) for line in certificate.cosignatures))


def _double_promises(first: Replica, second: Replica, found: Found) -> None:
    """Votes that `first` holds against certificates that `second` holds."""
    votes: list[ViewVote] = [vote for by in first.votes.values() for vote in by.values()]
    for view, log in sorted(first.councils.items()):
        if view > 1 and log.size:
            votes += ViewStarted.parse(log.entries[0].body, log.origin).votes
    for certificate in second.certificates.values():
        note = _note(second, certificate)
        signed = {(s.name, s.keyid) for s in note.signatures}
        for vote in votes:
            if (vote.member, "double_promise") in found:
                continue
            if not (certificate.view < vote.view and certificate.size >= 2):
                continue
            if (certificate.view, certificate.size - 1) <= vote.place:
                continue
            member = first.chain.of_view(vote.view).member(vote.member)
            key = member.mirror[0]
            if (key.name, key.id) in signed:
                found[vote.member, "double_promise"] = misconduct.double_promise(first.chain, vote, key, note)
