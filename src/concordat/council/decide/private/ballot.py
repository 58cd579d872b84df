"""What does a voter send: a ciphertext a candidate, and proofs that each is 0 or 1 and that their sum is allowed.

For candidate i with choice m_i (1: approved): C_i = r_i G, E_i = r_i K + m_i G under the joint key K. A disjunctive
proof shows m_i in {0, 1}; one on the sum of all ciphertexts, with randomness sum r_i, shows least <= sum m_i <= most.
Proofs are bound to vote, candidates, limits, key and voter, so a ballot copied from another voter is refused.

The voter's randomness is an argument: 32 fresh bytes. All scalars are made from it and from the choices, so that even
bytes used twice don't give two ballots the same r.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from concordat.council.decide._election_contest import contest
from concordat.council.decide.private._curve import ORDER, Point, read, total, write
from concordat.council.decide.private._proofs import (
    Cipher,
    Proof,
    check_one_of,
    encrypt_value,
    prove_one_of,
    read_proof,
    scalar_of,
)
from concordat.council.decide.private.trustees import check_member, fields
from concordat.errors import InputError, TrustError


@dataclass(frozen=True)
class PrivateVote:
    """What a ballot is for.

    Attributes:
        vote: the vote's id. candidates: in order. least, most: how many a voter approves of. key: the joint key.

    Raises:
        InputError: candidates badly named or out of order, or limits that can't be.
    """

    vote: str
    candidates: tuple[str, ...]
    least: int
    most: int
    key: Point

    def __post_init__(self) -> None:
        if contest(self.candidates, 1).names != tuple(self.candidates):
            raise InputError("the candidates are not in order.", where=self.vote, hint="Sort them.", code="order")
        numbers = type(self.least) is int and type(self.most) is int
        if not numbers or not 0 <= self.least <= self.most <= len(self.candidates):
            what = f"{self.least!r} to {self.most!r} choices among {len(self.candidates)} candidates."
            raise InputError(what, where=self.vote, code="limits")

    def context(self, member: str) -> list[Any]:
        """What a ballot is bound to."""
        return [self.vote, list(self.candidates), self.least, self.most, write(self.key), member]

    @property
    def sums(self) -> list[int]:
        """The allowed numbers of choices."""
        return list(range(self.least, self.most + 1))


@dataclass(frozen=True)
class EncryptedBallot:
    """A ballot as published.

    Attributes:
        ciphers: one a candidate. proofs: that each is 0 or 1. total: that their sum is allowed.
    """

    member: str
    ciphers: tuple[Cipher, ...]
    proofs: tuple[Proof, ...]
    total: Proof

    def to_value(self) -> dict[str, Any]:
        """For `canonical`."""
        return {
            "schema": "concordat/private-ballot@1",
            "member": self.member,
            "ciphers": [[write(c), write(e)] for c, e in self.ciphers],
            "proofs": [proof.to_value() for proof in self.proofs],
            "total": self.total.to_value(),
        }

    @classmethod
    def from_value(cls, value: Any) -> EncryptedBallot:
        """Read one; whether it holds is `check_encrypted`'s.

        Raises:
            InputError: another form, or points off the curve.
        """
        fields(value, "schema", "member", "ciphers", "proofs", "total", where="ballot")
        member = value["member"]
        check_member(member, "ballot")
        ciphers, proofs = value["ciphers"], value["proofs"]
        pairs = isinstance(ciphers, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in ciphers)
        if value["schema"] != "concordat/private-ballot@1" or not pairs or not isinstance(proofs, list):
            raise InputError("this is not a private ballot.", where=member, code="type")
        return cls(
            member,
            tuple((read(c, member), read(e, member)) for c, e in ciphers),
            tuple(read_proof(proof, member) for proof in proofs),
            read_proof(value["total"], member),
        )


def encrypt(vote: PrivateVote, member: str, choices: Iterable[str], randomness: bytes) -> EncryptedBallot:
    """Encrypt a voter's choices.

    Raises:
        InputError: an unknown candidate, one named twice, too few or too many, or too little randomness.
    """
    check_member(member, "member")
    chosen = [choices] if isinstance(choices, str) else list(choices)
    unknown = [name for name in chosen if name not in vote.candidates]
    if unknown or len(set(chosen)) != len(chosen):
        what = f"{unknown[0]!r:.80} does not stand." if unknown else "a candidate is named twice."
        raise InputError(what, where=member, code="candidate")
    if not vote.least <= len(chosen) <= vote.most:
        what = f"{len(chosen)} choices; {vote.least} to {vote.most} are allowed."
        raise InputError(what, where=member, code="choices")
    context = vote.context(member)
    marks = [int(name in chosen) for name in vote.candidates]
    secrets = [scalar_of(randomness, "ballot", context, marks, i) for i in range(len(marks))]
    ciphers = tuple(encrypt_value(m, r, vote.key) for m, r in zip(marks, secrets, strict=True))
    proofs = tuple(
        prove_one_of([0, 1], m, r, vote.key, cipher, [*context, i], randomness)
        for i, (m, r, cipher) in enumerate(zip(marks, secrets, ciphers, strict=True))
    )
    whole = _sum(ciphers)
    r = sum(secrets) % ORDER
    proof = prove_one_of(vote.sums, len(chosen), r, vote.key, whole, [*context, "sum"], randomness)
    return EncryptedBallot(member, ciphers, proofs, proof)


def check_encrypted(vote: PrivateVote, ballot: EncryptedBallot) -> None:
    """Hold a ballot's proofs against it.

    Raises:
        TrustError: one doesn't hold, or the ballot is for another list of candidates; `where` is the voter.
    """
    if len(ballot.ciphers) != len(vote.candidates) or len(ballot.proofs) != len(vote.candidates):
        what = (
            f"{len(ballot.ciphers)} ciphertexts and {len(ballot.proofs)} proofs for {len(vote.candidates)} candidates."
        )
        raise TrustError(what, where=ballot.member, code="ballot")
    context = vote.context(ballot.member)
    for i, (name, cipher, proof) in enumerate(zip(vote.candidates, ballot.ciphers, ballot.proofs, strict=True)):
        check_one_of(proof, [0, 1], vote.key, cipher, [*context, i], f"{ballot.member}, {name}")
    whole = _sum(ballot.ciphers)
    check_one_of(ballot.total, vote.sums, vote.key, whole, [*context, "sum"], f"{ballot.member}, sum")


def _sum(ciphers: Iterable[Cipher]) -> Cipher:
    pairs = list(ciphers)
    return total(c for c, _ in pairs), total(e for _, e in pairs)
