"""Whose key are ballots under, so that k of n members can open sums together and fewer can open nothing?

Each trustee deals a random polynomial f of degree k - 1: in public the commitments a_0 G .. a_(k-1) G and a proof,
bound to them all, that it knows a_0 (else the last to deal could cancel the others' keys); in private f(j) to trustee
j, who checks f(j) G = sum_m j^m a_m G. The joint key is the sum of all a_0 G, trustee j's share the sum of what it got.
It is Feldman's sharing (1987) dealt by everyone, as in T. Pedersen, "A threshold cryptosystem without a trusted party",
EUROCRYPT 1991.

Any dealing or share that fails raises and names the dealer; the ceremony is then held again without it. The last dealer
can still choose among keys of which it doesn't know the secret (R. Gennaro and others, EUROCRYPT 1999); for encryption
this is accepted there. Not here: the private channel for shares, erasing secrets, a complaint procedure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from concordat.council.decide.private._curve import BASE, ORDER, Point, fixed_multiple, multiple, read, total, write
from concordat.council.decide.private._proofs import Proof, check_known, prove_known, read_proof, scalar_of
from concordat.errors import InputError, TrustError

TRUSTEES_MAX = 200

_MEMBER = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_VOTE = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Ceremony:
    """The frame of a key ceremony.

    Attributes:
        vote: the vote's id. trustees: member ids, in order. threshold: how many are needed to open.

    Raises:
        InputError: ids of another form or named twice, or a threshold that can't be.
    """

    vote: str
    trustees: tuple[str, ...]
    threshold: int

    def __post_init__(self) -> None:
        if not isinstance(self.vote, str) or not _VOTE.fullmatch(self.vote):
            raise InputError(f"{self.vote!r:.80} is not a vote's id.", where="vote", code="vote_id")
        if list(self.trustees) != sorted(set(self.trustees)) or len(self.trustees) > TRUSTEES_MAX:
            hint = f"Name each once, in order, at most {TRUSTEES_MAX}."
            raise InputError("the trustees are not in order.", where="trustees", hint=hint, code="trustees")
        for trustee in self.trustees:
            check_member(trustee, "trustees")
        if type(self.threshold) is not int or not 1 <= self.threshold <= len(self.trustees):
            what = f"a threshold of {self.threshold!r} for {len(self.trustees)} trustees."
            raise InputError(what, where="threshold", hint="Give a number from 1 to all of them.", code="threshold")

    def number(self, trustee: str) -> int:
        """The point at which a trustee's share is taken, from 1.

        Raises:
            InputError: it is no trustee.
        """
        if trustee not in self.trustees:
            what = f"{trustee!r:.80} is not a trustee."
            raise InputError(what, where=self.vote, hint=f"Trustees: {', '.join(self.trustees)}.", code="trustee")
        return self.trustees.index(trustee) + 1

    def context(self, dealer: str) -> list[Any]:
        """What a dealing is bound to."""
        return [self.vote, list(self.trustees), self.threshold, dealer]


def check_member(member: Any, where: str) -> None:
    """Whether a text is a member's id.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(member, str) or not _MEMBER.fullmatch(member):
        raise InputError(f"{member!r:.80} is not a member's id.", where=where, code="member_id")


@dataclass(frozen=True)
class Dealing:
    """What a dealer publishes: commitments to its polynomial, constant first, and the proof that it knows that."""

    dealer: str
    commitments: tuple[Point, ...]
    proof: Proof

    def to_value(self) -> dict[str, Any]:
        """For `canonical`."""
        points = [write(point) for point in self.commitments]
        return {"dealer": self.dealer, "commitments": points, "proof": self.proof.to_value()}

    @classmethod
    def from_value(cls, value: Any) -> Dealing:
        """Read one.

        Raises:
            InputError: another form.
        """
        fields(value, "dealer", "commitments", "proof", where="dealing")
        dealer = value["dealer"]
        check_member(dealer, "dealing")
        points = value["commitments"]
        if not isinstance(points, list) or len(points) > TRUSTEES_MAX:
            raise InputError("commitments are a list of points.", where=dealer, code="type")
        return cls(dealer, tuple(read(point, dealer) for point in points), read_proof(value["proof"], dealer))


def fields(value: Any, *names: str, where: str) -> None:
    """Whether a value is an object of exactly these keys.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(value, dict) or set(value) != set(names):
        raise InputError(f"an object with {', '.join(names)} is needed.", where=where, code="fields")


def deal(ceremony: Ceremony, dealer: str, randomness: bytes) -> tuple[Dealing, dict[str, int]]:
    """Deal: the public part, and the share of each trustee, to be sent privately.

    Args:
        randomness: 32 fresh random bytes or more; whoever knows them knows the polynomial.
    """
    ceremony.number(dealer)
    context = ceremony.context(dealer)
    polynomial = [scalar_of(randomness, "polynomial", context, m) for m in range(ceremony.threshold)]
    commitments = tuple(fixed_multiple(a, BASE) for a in polynomial)
    shares = {}
    for j, trustee in enumerate(ceremony.trustees, start=1):
        shares[trustee] = sum(a * pow(j, m, ORDER) for m, a in enumerate(polynomial)) % ORDER
    said = [*context, *(write(point) for point in commitments)]
    return Dealing(dealer, commitments, prove_known(polynomial[0], said, randomness)), shares


def check_dealing(ceremony: Ceremony, dealing: Dealing) -> None:
    """Hold what a dealer published against the frame of the ceremony.

    Raises:
        InputError: not a trustee. TrustError: a wrong number of commitments, or a proof that doesn't hold.
    """
    ceremony.number(dealing.dealer)
    if len(dealing.commitments) != ceremony.threshold:
        what = f"{len(dealing.commitments)} commitments where {ceremony.threshold} are needed."
        raise TrustError(what, where=dealing.dealer, code="dealing")
    said = [*ceremony.context(dealing.dealer), *(write(point) for point in dealing.commitments)]
    check_known(dealing.proof, dealing.commitments[0], said, dealing.dealer)


def check_share(ceremony: Ceremony, dealing: Dealing, trustee: str, share: int) -> None:
    """Hold the share that a trustee got against the dealer's commitments.

    Raises:
        TrustError: it doesn't fit; `where` is the dealer.
    """
    if (
        type(share) is not int
        or not 0 <= share < ORDER
        or fixed_multiple(share, BASE) != _at(dealing.commitments, ceremony.number(trustee))
    ):
        what = f"its share for {trustee} does not fit its commitments."
        hint = "Hold the ceremony again without this dealer."
        raise TrustError(what, where=dealing.dealer, hint=hint, code="share")


def _at(commitments: Iterable[Point], j: int) -> Point:
    """sum_m j^m A_m."""
    return total(multiple(pow(j, m, ORDER), point) for m, point in enumerate(commitments))


@dataclass(frozen=True)
class JointKey:
    """The key that ballots are under, and each trustee's public share.

    Attributes:
        dealings: by dealer, all checked. key: the joint key. shares: trustee to the point of its share.
    """

    ceremony: Ceremony
    dealings: tuple[Dealing, ...]
    key: Point
    shares: tuple[tuple[str, Point], ...]

    def share(self, trustee: str) -> Point:
        """The public share of a trustee."""
        return self.shares[self.ceremony.number(trustee) - 1][1]


def join(ceremony: Ceremony, dealings: Iterable[Dealing]) -> JointKey:
    """The joint key of a ceremony in which every trustee dealt once.

    Raises:
        TrustError: a dealing that doesn't hold, is missing, or stands twice.
    """
    ordered = sorted(dealings, key=lambda dealing: dealing.dealer)
    for dealing in ordered:
        check_dealing(ceremony, dealing)
    found = [dealing.dealer for dealing in ordered]
    if found != list(ceremony.trustees):
        missing = sorted(set(ceremony.trustees) - set(found))
        what = f"no dealing of {', '.join(missing)}." if missing else "a trustee dealt twice."
        raise TrustError(what, where=ceremony.vote, hint="Every trustee deals once.", code="dealing")
    sums = [total(points) for points in zip(*(dealing.commitments for dealing in ordered), strict=True)]
    if not sums[0].z:
        raise TrustError("the joint key is the neutral element.", where=ceremony.vote, code="key")
    shares = tuple((trustee, _at(sums, j)) for j, trustee in enumerate(ceremony.trustees, start=1))
    return JointKey(ceremony, tuple(ordered), sums[0], shares)


@dataclass(frozen=True)
class KeyShare:
    """A trustee's secret share; it never leaves the trustee, and isn't printed."""

    trustee: str
    secret: int = field(repr=False)


def key_share(joint: JointKey, trustee: str, shares: Mapping[str, int]) -> KeyShare:
    """A trustee's key from what each dealer sent to it.

    Args:
        shares: dealer to share.

    Raises:
        TrustError: a share is missing or doesn't fit; `where` is the dealer.
    """
    for dealing in joint.dealings:
        if dealing.dealer not in shares:
            raise TrustError(f"no share for {trustee} has come.", where=dealing.dealer, code="share")
        check_share(joint.ceremony, dealing, trustee, shares[dealing.dealer])
    return KeyShare(trustee, sum(shares[dealing.dealer] for dealing in joint.dealings) % ORDER)
