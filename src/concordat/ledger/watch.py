"""What cosigners and voters have signed, remembered just enough to see when one of them contradicts itself.

Of each key and log the largest head it cosigned, at the earliest time: a smaller head at a later time is a *rollback*,
another root of the same size is a *same_size*. Of each member the highest head of each view that a certificate shows it
cosigned, and its votes: a vote for a later view that names less is a *double_promise*. Every contradiction is made into
a proof once. What is remembered is bounded by keys times logs; the caller only shows what it has verified.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from concordat.errors import InputError, TrustError
from concordat.ledger import misconduct
from concordat.ledger.keys import VerifierKey
from concordat.ledger.membership import MembershipChain
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note, SignedCheckpoint
from concordat.ledger.views import ViewVote

VOTES_MAX = 8  # of one member


@dataclass
class Watch:
    """The memory of one member.

    Attributes:
        tops: (key name, kind, origin) -> (head, time, note) of the largest head cosigned.
        reached: mirror key name -> view -> (size, key, note) of the largest council head cosigned.
        votes: mirror key name -> view -> vote. named: (key name, kind of proof) already made.
    """

    chain: MembershipChain
    tops: dict[tuple[str, int, str], tuple[Checkpoint, int, Note]] = field(default_factory=dict)
    reached: dict[str, dict[int, tuple[int, VerifierKey, Note]]] = field(default_factory=dict)
    votes: dict[str, dict[int, ViewVote]] = field(default_factory=dict)
    named: set[tuple[str, str]] = field(default_factory=set)

    def saw(self, signed: SignedCheckpoint, view: int = 0) -> list[Misconduct]:
        """A head with verified cosignatures; `view` if it is of a council log. The proofs that it completes."""
        found: list[Misconduct] = []
        head, note = signed.checkpoint, signed.note
        for one in signed.verified:
            if one.time is None:
                continue
            place = (one.key.name, one.key.kind, head.origin)
            top = self.tops.get(place)
            if top is not None and (head.size, head.root) != (top[0].size, top[0].root):
                found += self._contradiction(one.key, top, (head, one.time, note))
            if top is None or head.size > top[0].size or (head == top[0] and one.time < top[1]):
                self.tops[place] = (head, one.time, note)
            if view:
                found += self._cosigned(one.key, view, head.size, note)
        return found

    def voted(self, vote: ViewVote) -> list[Misconduct]:
        """A verified vote. The proofs that it completes."""
        key = self.chain.of_view(vote.view).member(vote.member).mirror[0]
        votes = self.votes.setdefault(key.name, {})
        known = votes.get(vote.view)
        if known is None or vote.place < known.place:
            votes[vote.view] = vote
        while len(votes) > VOTES_MAX:
            del votes[min(votes)]
        found: list[Misconduct] = []
        for view, (size, mirror, note) in sorted(self.reached.get(key.name, {}).items()):
            found += self._promise(vote, mirror, view, size, note)
        return found

    def _cosigned(self, key: VerifierKey, view: int, size: int, note: Note) -> list[Misconduct]:
        views = self.reached.setdefault(key.name, {})
        if view in views and views[view][0] >= size:
            return []
        views[view] = (size, key, note)
        found: list[Misconduct] = []
        for vote in self.votes.get(key.name, {}).values():
            found += self._promise(vote, key, view, size, note)
        return found

    def _promise(self, vote: ViewVote, key: VerifierKey, view: int, size: int, note: Note) -> list[Misconduct]:
        if not (view < vote.view and size >= 2 and (view, size - 1) > vote.place):
            return []
        if (key.name, "double_promise") in self.named:
            return []
        with suppress(InputError, TrustError):
            proof = misconduct.double_promise(self.chain, vote, key, note)
            self.named.add((key.name, "double_promise"))
            return [proof]
        return []

    def _contradiction(
        self, key: VerifierKey, one: tuple[Checkpoint, int, Note], other: tuple[Checkpoint, int, Note]
    ) -> list[Misconduct]:
        """A rollback or two roots of one size, if the two are such."""
        (a, a_time, a_note), (b, b_time, b_note) = (one, other) if one[0].size >= other[0].size else (other, one)
        kind = "same_size" if a.size == b.size else "rollback"
        if (kind == "rollback" and b_time <= a_time) or (key.name, kind) in self.named:
            return []
        with suppress(InputError, TrustError):
            if kind == "same_size":
                proof = misconduct.same_key_contradiction(self.chain, key, a_note, b_note, None)
            else:
                proof = misconduct.rollback(self.chain, key, a_note, b_note)
            self.named.add((key.name, kind))
            return [proof]
        return []
