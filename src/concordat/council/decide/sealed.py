"""How are ballots hidden until a vote closes, and which of them count: commit, then reveal (stage 1).

While the vote is open a member signs only h = SHA-256("concordat/ballot/1" || vote || member || nonce || ballot), with
a nonce of 32 random bytes and the canonical bytes of the ballot. After closing it publishes ballot and nonce, and
everyone recomputes h. A ballot that doesn't match, isn't revealed in time, or can't be counted is void, and the result
names it.

The parts need no separators: vote ids are lower case, member ids upper case, the nonce has 32 bytes, and a ballot is a
list or an object, so no other split of the same bytes is valid. The member in the hash keeps one member from copying
another's. Council specification, section 8, stage 1.

What it hides: choices, until they are revealed. Then ballots are public, by name. What it can't do: force a member to
reveal (an absent reveal is a void ballot, and a member may decide it after seeing others': reveal together, name who
didn't); hide who voted; keep a unanimous result from telling every ballot; prevent that a ballot is sold or forced.

    >>> nonce = bytes(range(32))
    >>> h = commitment("v-2026-014", "BRA", nonce, ["Amara", "Chen"])
    >>> check_reveal(h, "v-2026-014", "BRA", nonce, ["Amara", "Chen"])
    >>> check_reveal(h, "v-2026-014", "BRA", nonce, ["Chen", "Amara"])
    Traceback (most recent call last):
    ...
    concordat.errors.TrustError: BRA: the ballot is not the one that was sealed for v-2026-014. ...
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.council.decide.elections import ElectionResult, check_ballot, elect
from concordat.errors import InputError, TrustError

DOMAIN = b"concordat/ballot/1"
NONCE_BYTES = 32

_VOTE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_HASH = re.compile(r"[0-9a-f]{64}")


def commitment(vote: str, member: str, nonce: bytes, ballot: Any) -> str:
    """The hash that `BallotCommitted` holds, as 64 hexadecimal digits.

    Args:
        vote: the vote's id, such as `v-2026-014`.
        member: the member's id, such as `BRA`.
        nonce: 32 bytes, fresh and secret until the ballot is revealed.
        ballot: a list or an object that `canonical` can write.

    Raises:
        InputError: an id, nonce or ballot of another form.
    """
    if not isinstance(vote, str) or not _VOTE.fullmatch(vote):
        hint = "Vote ids are lower-case letters, digits and hyphens."
        raise InputError(f"{vote!r:.80} is not a vote's id.", where="vote", hint=hint, code="vote_id")
    if not isinstance(member, str) or not _MEMBER.fullmatch(member):
        hint = "Member ids are upper-case letters and digits, such as BRA."
        raise InputError(f"{member!r:.80} is not a member's id.", where="member", hint=hint, code="member_id")
    if not isinstance(nonce, (bytes, bytearray)) or len(nonce) != NONCE_BYTES:
        size = f"{len(nonce)} bytes" if isinstance(nonce, (bytes, bytearray)) else f"a {type(nonce).__name__}"
        what = f"the nonce is {size}."
        raise InputError(what, where=member, hint=f"Give {NONCE_BYTES} random bytes.", code="nonce")
    if not isinstance(ballot, (list, tuple, dict)):
        what = f"a ballot is a list or an object, not a {type(ballot).__name__}."
        raise InputError(what, where=member, code="ballot")
    parts = (DOMAIN, vote.encode(), member.encode(), bytes(nonce), canonical.dumps(ballot))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def check_reveal(committed: str, vote: str, member: str, nonce: bytes, ballot: Any) -> None:
    """Hold a revealed ballot against what was committed.

    Raises:
        TrustError: it is another ballot, nonce, vote or member.
        InputError: an id, hash, nonce or ballot of another form.
    """
    if not isinstance(committed, str) or not _HASH.fullmatch(committed):
        hint = "Give 64 lower-case hexadecimal digits."
        raise InputError(f"{committed!r:.80} is not a commitment.", where=str(member)[:80], hint=hint, code="hash")
    found = commitment(vote, member, nonce, ballot)
    if not hmac.compare_digest(found, committed):
        what = f"the ballot is not the one that was sealed for {vote}."
        hint = f"Its hash is {found[:8]}.., the sealed one {committed[:8]}..; ballot or nonce were changed."
        raise TrustError(what, where=member, hint=hint, code="reveal")


@dataclass(frozen=True)
class Reveal:
    """A `BallotRevealed` event.

    Attributes:
        in_time: whether it was submitted before the time for revealing ended, which the fold knows.
    """

    member: str
    nonce: bytes
    ballot: Any
    in_time: bool = True


@dataclass(frozen=True)
class Opened:
    """The sealed ballots of a vote after revealing.

    Attributes:
        ballots: (member, ballot), those that count. void: (member, why), those that don't. Both by member.
        strangers: members who revealed a ballot that they had not sealed.
    """

    vote: str
    ballots: tuple[tuple[str, Any], ...]
    void: tuple[tuple[str, str], ...]
    strangers: tuple[str, ...] = ()

    def to_value(self) -> dict[str, Any]:
        """For `canonical`."""
        return {
            "schema": "concordat/sealed-ballots@1",
            "vote": self.vote,
            "ballots": dict(self.ballots),
            "void": dict(self.void),
            "strangers": list(self.strangers),
        }

    def lines(self) -> list[str]:
        """How many count, and each void ballot by name."""
        found = [f"{len(self.ballots)} of {len(self.ballots) + len(self.void)} sealed ballots count."]
        found.extend(f"Void: {member}, {why}" for member, why in self.void)
        found.extend(f"Not counted: {member} revealed a ballot without having sealed one." for member in self.strangers)
        return found


def open_ballots(
    vote: str,
    commitments: Mapping[str, str],
    reveals: Iterable[Reveal],
    check: Callable[[Any], None] | None = None,
) -> Opened:
    """Which sealed ballots count.

    A member's ballot counts when one of its reveals was in time and matches; since only one ballot can match, further
    reveals change nothing, and their order doesn't either.

    Args:
        commitments: member to hash, the last one before closing.
        reveals: all of them, late ones too.
        check: raises `InputError` for a ballot that can't be counted, which is then void (one bad ballot must not stop
            an election).
    """
    by_member: dict[str, list[Reveal]] = {}
    for reveal in reveals:
        by_member.setdefault(reveal.member, []).append(reveal)
    ballots, void = [], []
    for member, committed in sorted(commitments.items()):
        ballot, why = _counted(vote, member, committed, by_member.get(member, []), check)
        if why:
            void.append((member, why))
        else:
            ballots.append((member, ballot))
    strangers = tuple(sorted(str(member) for member in by_member if member not in commitments))
    return Opened(vote, tuple(ballots), tuple(void), strangers)


def _counted(
    vote: str, member: str, committed: str, reveals: list[Reveal], check: Callable[[Any], None] | None
) -> tuple[Any, str]:
    """A member's ballot, or why it is void."""
    wrong: set[str] = set()
    late = False
    for reveal in reveals:
        try:
            check_reveal(committed, vote, member, reveal.nonce, reveal.ballot)
        except (TrustError, InputError) as error:
            wrong.add(error.what)
            continue
        if not reveal.in_time:
            late = True
            continue
        try:
            if check is not None:
                check(reveal.ballot)
        except InputError as error:
            return None, error.what
        return reveal.ballot, ""
    return None, "revealed after the time for it." if late else min(wrong, default="not revealed in time.")


def elect_sealed(
    vote: str,
    commitments: Mapping[str, str],
    reveals: Iterable[Reveal],
    system: str,
    candidates: Iterable[str],
    seats: int,
    *,
    quotas: Mapping[str, int] | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
) -> tuple[Opened, ElectionResult]:
    """Open the sealed ballots (lists of names) and count those that are valid.

    Raises:
        InputError, RuleError, MethodError: as `elect` does, for what is wrong with the election itself; a ballot that
            is wrong is void.
    """
    names = list(candidates)
    check_ballot(system, (), names)  # what is wrong with the election is no ballot's fault
    opened = open_ballots(vote, commitments, reveals, lambda ballot: check_ballot(system, ballot, names))
    found = elect(system, [ballot for _, ballot in opened.ballots], names, seats, quotas=quotas, groups=groups)
    return opened, found
