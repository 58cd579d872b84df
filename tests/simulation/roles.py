"""Members that lie: each a replica with one rule taken away or turned round, or two honest ones behind one key.

A *twin* runs the honest program twice with the same keys and shows each half of the others a different one (Bano et
al., "Twins: BFT systems made robust", 2020): it writes two entries under one number, and as chair two batches, as
mirror it cosigns both. Colluding twins agree on who sees which face.
"""

from __future__ import annotations

from typing import Any

from concordat.errors import ConcordatError
from concordat.ledger.council_log import Certificate, CouncilLog
from concordat.ledger.membership import MembershipChain
from concordat.ledger.messages import Cosigned, Entries
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.replica import Out, Replica
from concordat.ledger.signer import Floor, Signer
from simulation.keys import NAMES, note_signers, signer


class FreeSigner(Signer):
    """Signs whatever it is given: no floor."""

    def _allow(self, role: str, checkpoint: Checkpoint, now: int, root_at: Any, carried: Any = (0, 0)) -> int:  # noqa: ARG002
        return max(now, 1)

    def vote(self, bloc: str, view: int, certificate: Any) -> Any:
        self.floor.council = (0, 0)
        return super().vote(bloc, view, certificate)


def free_signer(member: str, *, stub: bool) -> FreeSigner:
    roles = {role: note_signers(member, role, stub=stub) for role in ("log", "witness", "mirror")}
    node = signer(member, stub=stub).node
    return FreeSigner(member, node=node, floor=Floor(), **roles)


class Silent(Replica):
    """Says nothing after its first half hour."""

    quiet_from = 1800

    def handle(self, sender: str, message: Any, now: int) -> Out:
        out = super().handle(sender, message, now)
        return out if now % 10**9 < self.quiet_from else []

    def tick(self, now: int) -> Out:
        out = super().tick(now)
        return out if now % 10**9 < self.quiet_from else []


class Censor(Replica):
    """As chair it never takes up what one member wrote."""

    def _refs(self, last: Any) -> Any:
        victim = self.shelf.logs[sorted(self.shelf.logs)[-1]]
        saved, victim.submitted = victim.submitted, []
        try:
            return super()._refs(last)
        finally:
            victim.submitted = saved


class SignsAll(Replica):
    """Cosigns every head that it sees, as witness and as mirror, also those that contradict each other."""

    def handle(self, sender: str, message: Any, now: int) -> Out:
        out = super().handle(sender, message, now)
        if isinstance(message, Entries):
            try:
                head = Checkpoint.parse_text(Note.parse(message.head).text)
            except ConcordatError:
                return out
            role = "mirror" if self._view_of(head.origin) else "witness"
            lines = self.signer.cosign(role, head, now, lambda _: b"")
            answer = Cosigned(head.origin, head.size, head.root, tuple(s.line() for s in lines))
            out = [o for o in out if not isinstance(o[1], Cosigned)] + [(sender, answer)]
        return out


class Forgetful(Replica):
    """Votes as if it held no certificate, and cosigns on in the old view (`promise`); for each view once a minute.

    Without that bound three of them, who forget that they have voted, answer each other's votes for ever (seed 5202).
    """

    def _vote_for(self, view: int, now: int) -> Out:
        if self.me in self.votes.get(view, {}) and now - self.voted < 60:
            return []
        highest, self.highest = self.highest, None
        out = super()._vote_for(view, now)
        self.highest = highest
        self.signer.floor.promised = self.view
        return out


class FallsBack(Replica):
    """Cosigns a smaller head after a larger one, as a node without a floor does after a restore (`rollback`)."""

    def handle(self, sender: str, message: Any, now: int) -> Out:
        out = super().handle(sender, message, now)
        for name, answer in list(out):
            if isinstance(answer, Cosigned) and answer.size >= 2:
                view = self._view_of(answer.origin)
                tree = self.councils[view].tree if view else self.shelf.logs[answer.origin].tree
                head = Checkpoint(answer.origin, answer.size - 1, tree.root(answer.size - 1))
                lines = self.signer.cosign("mirror" if view else "witness", head, now + 1, lambda _: b"")
                out.append((name, Cosigned(head.origin, head.size, head.root, tuple(s.line() for s in lines))))
        return out


class LaxLog(CouncilLog):
    """A council log that asks for no certificates."""

    def _certified(self, batch: Any, last: Any, where: str) -> int:  # noqa: ARG002
        return last.time


class Hasty(Replica):
    """As chair it writes on without waiting for a quorum, with a certificate of its own signature alone."""

    def _next_batch(self, now: int) -> Out:
        log = self.councils.get(self.view)
        if log is None or log.chair != self.me or not log.size or (log.view, log.size) in self.certificates:
            return super()._next_batch(now)
        lines = tuple(s.line() for s in (self.open_council or self.heads[log.view]).signatures if "mirror" in s.name)
        self.certificates[log.view, log.size] = Certificate(log.view, log.size, log.tree.root(), lines, "0" * 64)
        try:
            return super()._next_batch(now)
        finally:
            self.certificates.pop((log.view, log.size - 1), None)
            self.certificates.pop((log.view, log.size), None)

    def _extend(self, log: CouncilLog, type: str, body: Any, now: int) -> Out:  # noqa: A002
        log.__class__ = LaxLog
        return super()._extend(log, type, body, now)


def build(role: str, member: int, chain: MembershipChain, *, stub: bool) -> list[Replica]:
    """The replica of a member in a role; two for a twin."""
    name = NAMES[member]
    if role == "twin":
        return [Replica(free_signer(name, stub=stub), chain) for _ in range(2)]
    free = role in ("signs_all", "promise", "rollback")
    keys = free_signer(name, stub=stub) if free else signer(name, stub=stub, recorded=role in ("honest", "clock"))
    return [_KINDS.get(role, Replica)(keys, chain)]


_KINDS: dict[str, type[Replica]] = {
    "censor": Censor,
    "hasty": Hasty,
    "promise": Forgetful,
    "rollback": FallsBack,
    "signs_all": SignsAll,
    "silent": Silent,
}


def copy_of(old: Replica) -> Replica:
    """A backup: all that a replica holds, but not what its keys remember."""
    new = Replica(old.signer, old.chain)
    for origin, log in old.shelf.logs.items():
        copy = new.shelf.logs[origin]
        for entry in log.entries:
            copy.append(entry)
        copy.head, copy.submitted, copy.disowned = log.head, list(log.submitted), log.disowned
    new.shelf.notes = dict(old.shelf.notes)
    new.view, new.heads, new.highest = old.view, dict(old.heads), old.highest
    new.certificates = dict(old.certificates)
    new.councils = {}
    for view, log in old.councils.items():
        council = type(log)(view, log.version, log.base)
        for entry, batch, progress in zip(log.entries, log.batches, log.progress, strict=True):
            council.append(entry, batch, progress)
        council.cut = log.cut
        new.councils[view] = council
    new.open, new.open_council = dict(old.open), old.open_council
    new.votes = {view: dict(by) for view, by in old.votes.items()}
    new.accusations = dict(old.accusations)
    new._final = old._final
    return new
