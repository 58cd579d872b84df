"""Who chairs next, and from where the order goes on: votes for a view, and the entry that starts it.

A member that waits too long for work to be taken up, or holds a proof against the chair, votes for the next view: it
names the highest certificate it holds and promises to cosign nothing more in older views. The chair of the new view
starts its log with `ViewStarted`: q votes and the highest certificate among them, the cut. Any quorum that made a head
final shares an honest member with the voters, and that member holds the certificate of the head: so no cut lies below
what is final. Every membership version that counted between the cut and the new view is asked for its quorum.

Waiting times double with each view that fails: 30, 60, 120 minutes, at most 24 hours (spec: ledger 6.2).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger import council_log
from concordat.ledger.council_log import Certificate, CouncilLog, Missing, Progress, count
from concordat.ledger.entry import Entry, Envelope, plain_base64, sign_envelope
from concordat.ledger.keys import ED25519_COSIGNATURE, Ed25519Secret, entry_keyid
from concordat.ledger.membership import Membership, MembershipChain
from concordat.ledger.note import decode_hash

VOTE_TYPE = "application/vnd.concordat.view-vote+json; v=1"
SILENCE_S, SILENCE_MAX_S = 30 * 60, 24 * 60 * 60


def patience(failed: int) -> int:
    """Seconds to wait for a chair after `failed` views in a row that agreed on nothing."""
    return min(SILENCE_S << min(max(failed, 0), 16), SILENCE_MAX_S)


@dataclass(frozen=True)
class Highest:
    """The place and root of a certificate that a voter holds."""

    view: int
    size: int
    root: bytes

    @property
    def place(self) -> tuple[int, int]:
        return (self.view, self.size)


@dataclass(frozen=True)
class ViewVote:
    """A member's vote for a view: the highest certificate it holds, and a promise.

    Attributes:
        data: the envelope's bytes.
    """

    bloc: str
    member: str
    view: int
    highest: Highest | None
    data: bytes

    @property
    def place(self) -> tuple[int, int]:
        """(view, size) of the certificate, (0, 0) for none."""
        return self.highest.place if self.highest else (0, 0)

    @classmethod
    def new(cls, bloc: str, member: str, view: int, certificate: Certificate | None, secret: Ed25519Secret) -> ViewVote:
        """Write and sign a vote with the member's mirror key."""
        highest = None
        if certificate:
            root = base64.b64encode(certificate.root).decode()
            highest = {"root": root, "size": certificate.size, "view": certificate.view}
        payload = canonical.dumps({"bloc": bloc, "highest": highest, "member": member, "v": 1, "view": view})
        return cls.parse(sign_envelope(VOTE_TYPE, payload, [(ED25519_COSIGNATURE, secret)]).to_bytes())

    @classmethod
    def parse(cls, data: bytes, where: str = "view vote") -> ViewVote:
        """Read a vote; its signature is checked by `verify`.

        Raises:
            InputError: not an envelope of one signature over a payload of that form.
        """
        return _read_vote(data, where)

    @classmethod
    def _parse(cls, data: bytes, where: str) -> ViewVote:
        envelope = Envelope.parse(data, VOTE_TYPE, where)
        raw = canonical.loads(envelope.payload, exact=True)
        if not isinstance(raw, dict) or set(raw) != {"bloc", "highest", "member", "v", "view"} or raw["v"] != 1:
            raise InputError("a vote is bloc, highest, member, v, view.", where=where, code="vote")
        if len(envelope.signatures) != 1 or not isinstance(raw["member"], str) or not isinstance(raw["bloc"], str):
            raise InputError("a vote has one signature and names a member of a bloc.", where=where, code="vote")
        highest = None
        if raw["highest"] is not None:
            held = raw["highest"]
            if not isinstance(held, dict) or set(held) != {"root", "size", "view"}:
                raise InputError("highest is root, size, view.", where=where, code="vote")
            root = decode_hash(str(held["root"]), where)
            highest = Highest(count(held["view"], 1, where), count(held["size"], 1, where), root)
        return cls(raw["bloc"], raw["member"], count(raw["view"], 2, where), highest, data)

    def verify(self, version: Membership) -> ViewVote:
        """The vote itself, once its signature by the member's mirror key is verified.

        Raises:
            TrustError: no such active member, another bloc, another key, a signature that fails.
        """
        member = version.member(self.member)
        if self.bloc != version.bloc or member.status != "active":
            raise TrustError(f"{self.member} doesn't vote in {version.bloc}.", where="view vote", code="not_a_member")
        _verify_vote(self, member.mirror[0].public)
        return self


@lru_cache(maxsize=512)
def _read_vote(data: bytes, where: str) -> ViewVote:
    return ViewVote._parse(data, where)


@lru_cache(maxsize=512)
def _verify_vote(vote: ViewVote, public: bytes) -> None:
    envelope = Envelope.parse(vote.data, VOTE_TYPE, "view vote")
    envelope.verify(entry_keyid(public, ED25519_COSIGNATURE), public, f"the view vote of {vote.member}")


@dataclass(frozen=True)
class ViewStarted:
    """The first entry of a view after the first: q votes, and the cut that they demand."""

    view: int
    number: int
    votes: tuple[ViewVote, ...]
    cut: Certificate | None

    def body(self) -> dict[str, Any]:
        """The body of the entry."""
        return {
            "cut": self.cut.body() if self.cut else None,
            "number": self.number,
            "view": self.view,
            "votes": [base64.b64encode(vote.data).decode() for vote in self.votes],
        }

    @classmethod
    def parse(cls, body: Mapping[str, Any], where: str) -> ViewStarted:
        """Read the body of a `ViewStarted` entry.

        Raises:
            InputError: other keys, types or bounds.
        """
        if set(body) != {"cut", "number", "view", "votes"} or not isinstance(body["votes"], list):
            raise InputError("a ViewStarted is cut, number, view, votes.", where=where, code="view")
        if len(body["votes"]) > 64:
            raise InputError("over 64 votes.", where=where, code="view")
        votes = [ViewVote.parse(plain_base64(raw, where, "view"), where) for raw in body["votes"]]
        cut = None if body["cut"] is None else Certificate.parse(body["cut"], where)
        return cls(count(body["view"], 2, where), count(body["number"], 0, where), tuple(votes), cut)

    def verify(self, chain: MembershipChain) -> int:
        """The time of the cut (0 without one), once votes and cut are verified.

        Raises:
            InputError, TrustError: votes twice or of another view, signatures that fail, fewer than q votes of a
                version that counted, a cut that is not the highest certificate among the votes.
        """
        where = f"{chain.last.bloc}/council/{self.view}, entry 0"
        version = chain.of_view(self.view)
        voters = [vote.member for vote in self.votes]
        if voters != sorted(set(voters)) or any(vote.view != self.view for vote in self.votes):
            raise TrustError("votes twice, out of order, or for another view.", where=where, code="view")
        place = self.cut.place if self.cut else (0, 0)
        for counted in chain.in_views(place[0], self.view):
            present = sum(m.id in set(voters) for m in counted.active)
            if present < counted.quorum:
                what = f"{present} votes of membership version {counted.version}; {counted.quorum} are needed."
                raise TrustError(what, where=where, code="votes")
        for vote in self.votes:
            vote.verify(self._version_of(vote, chain, place[0], version))
            if vote.place > place or (
                vote.place == place and vote.highest and self.cut and vote.highest.root != self.cut.root
            ):
                raise TrustError(f"{vote.member} holds a certificate that the cut leaves out.", where=where, code="cut")
        if self.cut is None:
            return 0
        if place[0] >= self.view or not any(vote.place == place for vote in self.votes):
            raise TrustError("the cut is no certificate of the votes.", where=where, code="cut")
        return self.cut.verify(chain.of_view(place[0]))

    def _version_of(self, vote: ViewVote, chain: MembershipChain, first: int, version: Membership) -> Membership:
        """The newest counted version in which the voter is active."""
        counted = chain.in_views(first, self.view)
        return next((v for v in reversed(counted) if any(m.id == vote.member for m in v.active)), version)


def choose_votes(votes: Sequence[ViewVote], chain: MembershipChain, view: int) -> tuple[ViewVote, ...] | None:
    """All votes in order of members, if they satisfy the quorum of every version that counts; None until then."""
    ordered = tuple(sorted(votes, key=lambda vote: vote.member))
    first = max((vote.place[0] for vote in ordered), default=0)
    for counted in chain.in_views(first, view):
        if sum(vote.member in {m.id for m in counted.active} for vote in ordered) < counted.quorum:
            return None
    return ordered


def check_view_started(
    log: CouncilLog, leaf: bytes, chain: MembershipChain, cut_log: CouncilLog | None
) -> tuple[Entry, ViewStarted, Progress]:
    """What a mirror asks of the first entry of a view after the first.

    Args:
        log: the new, empty log. cut_log: the log of the cut, with its entries up to the cut; None without a cut.

    Raises:
        InputError, TrustError: no honest mirror cosigns it, and why.
    """
    entry = log.check_entry(leaf, chain)
    where = f"{log.origin}, entry 0"
    if entry.type != "ViewStarted" or log.size or log.view == 1:
        raise TrustError(f"a {entry.type} can't stand there.", where=where, code="view")
    started = ViewStarted.parse(entry.body, where)
    time = started.verify(chain)
    base = Progress()
    if started.cut:
        assert cut_log is not None
        assert cut_log.size >= started.cut.size
        if cut_log.tree.root(started.cut.size) != started.cut.root:
            raise TrustError("the cut is of another log than the one held here.", where=where, code="cut_root")
        base = cut_log.progress_at(started.cut.size)
    if started.view != log.view or started.number != base.number:
        raise TrustError(f"the last batch at the cut is {base.number}.", where=where, code="batch_number")
    return entry, started, Progress(base.number, base.cursors, max(base.time, time))


def begin_view(
    view: int, leaf: bytes, chain: MembershipChain, councils: Mapping[int, CouncilLog]
) -> tuple[CouncilLog, ViewStarted]:
    """The log of a view after the first, with its first entry checked, and what that entry says.

    Args:
        councils: the logs of older views, by view; the one of the cut is needed up to it.

    Raises:
        Missing: the log of the cut is not here up to it. InputError, TrustError: as `check_view_started`.
    """
    origin = chain.last.council_origin(view)
    started = ViewStarted.parse(council_log.parse_entry(leaf).body, origin)
    cut_log, base = None, Progress()
    if started.cut:
        cut_log = councils.get(started.cut.view)
        if cut_log is None or cut_log.size < started.cut.size:
            raise Missing(chain.last.council_origin(started.cut.view), started.cut.size)
        base = cut_log.progress_at(started.cut.size)
    log = CouncilLog(view, chain.of_view(view), base)
    entry, started, progress = check_view_started(log, leaf, chain, cut_log)
    log.append(entry, None, progress)
    log.cut = started.cut.place if started.cut else (0, 0)
    return log, started
