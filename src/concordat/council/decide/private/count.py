"""How many voters approve of each candidate: valid ballots added up unopened, and only the sums decrypted.

Ciphertexts add up candidate by candidate: (sum C_i, sum E_i) holds the sum of the choices. Trustee j publishes
D = s_j sum C with a Chaum-Pedersen proof against its public share. From any k of them, with Lagrange factors at 0,
sum E - sum lambda_j D_j = t G, and t is found by trying 0, 1, .. up to the number of ballots.

Each step raises on what doesn't hold and names whose it is; a ballot that doesn't hold is void by name, a trustee's
part that doesn't hold is refused by name while k others do. `check_opened` repeats everything from what is public.

What a trustee must see to: add up all the ballots of the log itself, and open once. Sums of fewer ballots tell more of
each, and two openings tell their difference; sums of fewer than three ballots are refused. Sums suit approval by
numbers; they can't feed PAV, Borda or STV, which need whole ballots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.decide._election_contest import contest
from concordat.council.decide._election_result import ElectionResult
from concordat.council.decide._ranking_rules import by_points
from concordat.council.decide.private._curve import BASE, ORDER, Point, multiple, read, total, write
from concordat.council.decide.private._proofs import Cipher, Proof, check_same, prove_same, read_proof
from concordat.council.decide.private.ballot import EncryptedBallot, PrivateVote, check_encrypted
from concordat.council.decide.private.trustees import JointKey, KeyShare, check_member, fields
from concordat.errors import InputError, RuleError, TrustError

BALLOTS_MIN = 3


@dataclass(frozen=True)
class Sums:
    """Ballots added up, still closed.

    Attributes:
        counted: whose ballots are in. void: (member, why), those that aren't. ciphers: one a candidate.
    """

    vote: PrivateVote
    counted: tuple[str, ...]
    void: tuple[tuple[str, str], ...]
    ciphers: tuple[Cipher, ...]

    def context(self, trustee: str) -> list[Any]:
        """What a trustee's part is bound to."""
        return [*self.vote.context(trustee), list(self.counted)]


def add_up(vote: PrivateVote, ballots: Iterable[EncryptedBallot]) -> Sums:
    """Check every ballot and add up those that hold.

    Args:
        ballots: one a member, the last before closing.

    Raises:
        InputError: two ballots of one member, or no ballot that holds.
    """
    ordered = sorted(ballots, key=lambda ballot: ballot.member)
    counted: list[EncryptedBallot] = []
    void: list[tuple[str, str]] = []
    for before, ballot in zip([None, *ordered], ordered, strict=False):
        if before is not None and before.member == ballot.member:
            raise InputError("two ballots.", where=ballot.member, hint="Give the last before closing.", code="twice")
        try:
            check_encrypted(vote, ballot)
        except TrustError as error:
            void.append((ballot.member, error.what))
        else:
            counted.append(ballot)
    if not counted:
        raise InputError("no ballot holds.", where=vote.vote, hint="Nothing can be counted.", code="empty")
    columns = list(zip(*(ballot.ciphers for ballot in counted), strict=True))
    ciphers = tuple((total(c for c, _ in column), total(e for _, e in column)) for column in columns)
    return Sums(vote, tuple(ballot.member for ballot in counted), tuple(void), ciphers)


@dataclass(frozen=True)
class Partial:
    """A trustee's part of opening the sums: a point and a proof a candidate."""

    trustee: str
    points: tuple[Point, ...]
    proofs: tuple[Proof, ...]

    def to_value(self) -> dict[str, Any]:
        """For `canonical`."""
        return {
            "trustee": self.trustee,
            "points": [write(point) for point in self.points],
            "proofs": [proof.to_value() for proof in self.proofs],
        }

    @classmethod
    def from_value(cls, value: Any) -> Partial:
        """Read one.

        Raises:
            InputError: another form.
        """
        fields(value, "trustee", "points", "proofs", where="part")
        trustee = value["trustee"]
        check_member(trustee, "part")
        if not isinstance(value["points"], list) or not isinstance(value["proofs"], list):
            raise InputError("points and proofs are lists.", where=trustee, code="type")
        points = tuple(read(point, trustee) for point in value["points"])
        return cls(trustee, points, tuple(read_proof(proof, trustee) for proof in value["proofs"]))


def partial(joint: JointKey, sums: Sums, share: KeyShare, randomness: bytes = b"") -> Partial:
    """A trustee's part.

    Args:
        sums: made by the trustee itself, by `add_up` of all the ballots.
        randomness: fresh bytes, mixed with the secret share; without them the proof is still safe, since its nonce is
            made from the secret and the whole statement, as in RFC 6979.

    Raises:
        RuleError: fewer than three ballots, whose sums would tell a voter the others' choices.
        TrustError: the share is not the one that belongs to the joint key, or the vote has another key.
    """
    _check_key(joint, sums)
    if len(sums.counted) < BALLOTS_MIN:
        what = f"sums of {len(sums.counted)} ballots would tell them."
        raise RuleError(what, where=sums.vote.vote, hint=f"At least {BALLOTS_MIN} are needed.", code="few")
    if multiple(share.secret, BASE) != joint.share(share.trustee):
        raise TrustError("the key share is not the one of the ceremony.", where=share.trustee, code="share")
    seed = share.secret.to_bytes(32, "big") + randomness
    points = tuple(multiple(share.secret, c) for c, _ in sums.ciphers)
    context = sums.context(share.trustee)
    proofs = tuple(prove_same(share.secret, c, [*context, i], seed) for i, (c, _) in enumerate(sums.ciphers))
    return Partial(share.trustee, points, proofs)


def check_partial(joint: JointKey, sums: Sums, part: Partial) -> None:
    """Hold a trustee's part against its public share.

    Raises:
        InputError: it is no trustee. TrustError: a proof doesn't hold.
    """
    public = joint.share(part.trustee)
    if len(part.points) != len(sums.ciphers) or len(part.proofs) != len(sums.ciphers):
        raise TrustError("a part without every candidate.", where=part.trustee, code="part")
    context = sums.context(part.trustee)
    for i, ((c, _), point, proof) in enumerate(zip(sums.ciphers, part.points, part.proofs, strict=True)):
        check_same(proof, public, c, point, [*context, i], f"{part.trustee}, {sums.vote.candidates[i]}")


def _check_key(joint: JointKey, sums: Sums) -> None:
    if sums.vote.key != joint.key or sums.vote.vote != joint.ceremony.vote:
        what = "the ballots are not under the key of this ceremony."
        raise TrustError(what, where=sums.vote.vote, code="key")


@dataclass(frozen=True)
class Opened:
    """The counts.

    Attributes:
        counts: (candidate, voters who approve). counted, void: as in `Sums`. trustees: whose parts were used.
        refused: (trustee, why), parts that didn't hold.
    """

    vote: str
    counts: tuple[tuple[str, int], ...]
    counted: tuple[str, ...]
    void: tuple[tuple[str, str], ...]
    trustees: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]

    def to_value(self) -> dict[str, Any]:
        """For `canonical`."""
        return {
            "schema": "concordat/private-counts@1",
            "vote": self.vote,
            "counts": dict(self.counts),
            "counted": list(self.counted),
            "void": dict(self.void),
            "trustees": list(self.trustees),
            "refused": dict(self.refused),
        }


def open_sums(joint: JointKey, sums: Sums, parts: Iterable[Partial]) -> Opened:
    """Open the sums with the parts of k trustees or more; the first k by name that hold are used.

    Raises:
        TrustError: fewer than k parts hold, with why the others don't.
    """
    _check_key(joint, sums)
    good: dict[str, Partial] = {}
    refused: dict[str, str] = {}
    for part in sorted(parts, key=lambda one: one.trustee):
        try:
            check_partial(joint, sums, part)
        except (TrustError, InputError) as error:
            refused[part.trustee] = error.what
        else:
            good[part.trustee] = part
    needed = joint.ceremony.threshold
    if len(good) < needed:
        why = "".join(f" {trustee}: {reason}" for trustee, reason in sorted(refused.items()))
        what = f"{len(good)} parts hold, {needed} are needed.{why}"
        raise TrustError(what, where=sums.vote.vote, hint="Ask further trustees.", code="parts")
    used = sorted(good)[:needed]
    factors = _lagrange([joint.ceremony.number(trustee) for trustee in used])
    counts = []
    for i, (name, (_, e)) in enumerate(zip(sums.vote.candidates, sums.ciphers, strict=True)):
        mask = total(multiple(f, good[trustee].points[i]) for f, trustee in zip(factors, used, strict=True))
        counts.append((name, _logarithm(e - mask, len(sums.counted), name)))
    told = tuple(sorted((trustee, why) for trustee, why in refused.items() if trustee not in good))
    return Opened(sums.vote.vote, tuple(counts), sums.counted, sums.void, tuple(used), told)


def _lagrange(numbers: Sequence[int]) -> list[int]:
    """The factors with which values at these points give the one at 0.

    >>> _lagrange([1, 2]) == [2, ORDER - 1]
    True
    """
    found = []
    for j in numbers:
        factor = 1
        for m in numbers:
            if m != j:
                factor = factor * m * pow(m - j, -1, ORDER) % ORDER
        found.append(factor)
    return found


def _logarithm(point: Point, most: int, name: str) -> int:
    """t with t G = point, 0 <= t <= most."""
    for t in range(most + 1):
        if not point.z:
            return t
        point = point - BASE
    raise TrustError(f"the sum is not a number from 0 to {most}.", where=name, code="sum")


def check_opened(
    joint: JointKey, vote: PrivateVote, ballots: Iterable[EncryptedBallot], parts: Iterable[Partial], told: Opened
) -> None:
    """Repeat the whole count from what is public, and hold a told result against it.

    Raises:
        TrustError: something doesn't hold, or the result is another; the first difference is named.
    """
    found = open_sums(joint, add_up(vote, ballots), parts).to_value()
    for key, value in told.to_value().items():
        if found[key] != value:
            raise TrustError(
                f"{key} is {value!r:.200}, recomputed {found[key]!r:.200}.", where=vote.vote, code="result"
            )


def elect_by_counts(
    opened: Opened,
    seats: int,
    *,
    quotas: Mapping[str, int] | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
) -> ElectionResult:
    """Who is elected by the highest counts; ties and quotas as in `elect`."""
    frame = contest([name for name, _ in opened.counts], seats, quotas, groups)
    scores = [Fraction(count) for _, count in opened.counts]
    return by_points(
        frame, "private", "Approval by numbers, from secret ballots", len(opened.counted), scores, "Voters."
    )
