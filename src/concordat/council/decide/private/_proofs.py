"""That a secret is as it must be, shown without telling it: three proofs, made non-interactive by a hash.

- `prove_known`: I know s with S = s G (Schnorr 1991).
- `prove_same`: one s with S = s G and D = s C (Chaum and Pedersen 1992).
- `prove_one_of`: the ciphertext (C, E) under key K is r G, r K + v G for one of listed values v, without saying which:
  Chaum-Pedersen for each value, all but the true one simulated (Cramer, Damgard, Schoenmakers 1994).

The challenge is SHA-256 of the canonical bytes of a list: a tag, the context (vote, voter), the whole statement and
all commitments ("strong" Fiat-Shamir: D. Bernhard, O. Pereira, B. Warinschi, ASIACRYPT 2012), modulo the order. A proof
copied to another vote or voter doesn't hold. Secret scalars come from `scalar_of`: HMAC-SHA-512 under the caller's
random bytes, of everything the proof is about, so the same bytes used for two statements never give the same scalar.
Checking raises; it returns nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.council.decide.private._curve import (
    BASE,
    ORDER,
    Point,
    fixed_multiple,
    multiple,
    read_scalar,
    write,
    write_scalar,
)
from concordat.errors import InputError, TrustError

RANDOM_BYTES = 32

Context = Sequence[Any]
Cipher = tuple[Point, Point]


@dataclass(frozen=True)
class Proof:
    """Challenge and response for each branch; a plain proof has one."""

    branches: tuple[tuple[int, int], ...]

    def to_value(self) -> list[list[str]]:
        """For `canonical`."""
        return [[write_scalar(challenge), write_scalar(response)] for challenge, response in self.branches]


def read_proof(value: Any, where: str) -> Proof:
    """A proof from its value.

    Raises:
        InputError: another form.
    """
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise InputError("a proof is a list of pairs.", where=where, code="proof")
    return Proof(tuple((read_scalar(pair[0], where), read_scalar(pair[1], where)) for pair in value))


def scalar_of(randomness: bytes, *about: Any) -> int:
    """A secret scalar from 1 to n - 1, from random bytes and what it is for.

    Raises:
        InputError: fewer than 32 bytes.
    """
    if not isinstance(randomness, (bytes, bytearray)) or len(randomness) < RANDOM_BYTES:
        hint = f"Give at least {RANDOM_BYTES} fresh random bytes."
        raise InputError("there is too little randomness.", where="randomness", hint=hint, code="randomness")
    made = hmac.new(bytes(randomness), canonical.dumps(["concordat/private/scalar/1", *about]), hashlib.sha512)
    return int.from_bytes(made.digest(), "big") % (ORDER - 1) + 1


def _challenge(tag: str, context: Context, points: Sequence[Point], values: Sequence[int] = ()) -> int:
    said = [f"concordat/private/{tag}/1", list(context), list(values), [write(point) for point in points]]
    return int.from_bytes(hashlib.sha256(canonical.dumps(said)).digest(), "big") % ORDER


# --- Knowing a secret, and one secret twice -------------------------------------------------------------------------


def prove_known(secret: int, context: Context, randomness: bytes) -> Proof:
    """I know the secret behind `secret * G`."""
    public = fixed_multiple(secret, BASE)
    w = scalar_of(randomness, "known", list(context), write(public))
    c = _challenge("known", context, (public, fixed_multiple(w, BASE)))
    return Proof(((c, (w + c * secret) % ORDER),))


def check_known(proof: Proof, public: Point, context: Context, where: str) -> None:
    """Hold a proof of knowledge against the public point.

    Raises:
        TrustError: it doesn't hold.
    """
    if len(proof.branches) == 1 and public.z:
        c, z = proof.branches[0]
        if c == _challenge("known", context, (public, fixed_multiple(z, BASE) - multiple(c, public))):
            return
    raise TrustError("the proof that its secret is known does not hold.", where=where, code="proof")


def prove_same(secret: int, other: Point, context: Context, randomness: bytes) -> Proof:
    """`secret * G` and `secret * other` have the same secret."""
    public, image = fixed_multiple(secret, BASE), multiple(secret, other)
    w = scalar_of(randomness, "same", list(context), write(public), write(other))
    c = _challenge("same", context, (public, other, image, fixed_multiple(w, BASE), multiple(w, other)))
    return Proof(((c, (w + c * secret) % ORDER),))


def check_same(proof: Proof, public: Point, other: Point, image: Point, context: Context, where: str) -> None:
    """Hold a proof against (G, public) and (other, image).

    Raises:
        TrustError: it doesn't hold.
    """
    if len(proof.branches) == 1 and public.z and other.z:
        c, z = proof.branches[0]
        a = fixed_multiple(z, BASE) - multiple(c, public)
        b = multiple(z, other) - multiple(c, image)
        if c == _challenge("same", context, (public, other, image, a, b)):
            return
    raise TrustError("the proof that it was decrypted with the trustee's key does not hold.", where=where, code="proof")


# --- One of several values ------------------------------------------------------------------------------------------


def encrypt_value(value: int, r: int, key: Point) -> Cipher:
    """(r G, r K + value G).

    >>> from concordat.council.decide.private._curve import NEUTRAL
    >>> c, e = encrypt_value(3, 5, fixed_multiple(7, BASE))
    >>> e - multiple(7, c) == multiple(3, BASE)
    True
    """
    return fixed_multiple(r, BASE), fixed_multiple(r, key) + multiple(value, BASE)


def prove_one_of(
    values: Sequence[int], value: int, r: int, key: Point, cipher: Cipher, context: Context, randomness: bytes
) -> Proof:
    """The ciphertext holds one of the values; `value` is which, `r` its randomness."""
    about = ("one of", list(context), list(values), value, write(cipher[0]), write(cipher[1]))
    chosen: dict[int, tuple[int, int]] = {}
    commitments: dict[int, Cipher] = {}
    w = scalar_of(randomness, *about, "true")
    for v in values:
        if v == value:
            commitments[v] = (fixed_multiple(w, BASE), fixed_multiple(w, key))
        else:
            chosen[v] = (scalar_of(randomness, *about, "challenge", v), scalar_of(randomness, *about, "response", v))
            commitments[v] = _branch(v, *chosen[v], key, cipher)
    points = [point for v in values for point in commitments[v]]
    c = _challenge("one of", context, (key, *cipher, *points), values)
    own = (c - sum(challenge for challenge, _ in chosen.values())) % ORDER
    chosen[value] = (own, (w + own * r) % ORDER)
    return Proof(tuple(chosen[v] for v in values))


def check_one_of(proof: Proof, values: Sequence[int], key: Point, cipher: Cipher, context: Context, where: str) -> None:
    """Hold a proof against a ciphertext.

    Raises:
        TrustError: it doesn't hold.
    """
    if len(proof.branches) == len(values) and key.z and cipher[0].z:
        points: list[Point] = []
        for v, (challenge, response) in zip(values, proof.branches, strict=True):
            points.extend(_branch(v, challenge, response, key, cipher))
        c = _challenge("one of", context, (key, *cipher, *points), values)
        if c == sum(challenge for challenge, _ in proof.branches) % ORDER:
            return
    told = " or ".join(str(v) for v in values) if len(values) < 5 else f"{values[0]} to {values[-1]}"
    raise TrustError(f"the proof that it holds {told} is wrong.", where=where, code="proof")


def _branch(value: int, challenge: int, response: int, key: Point, cipher: Cipher) -> Cipher:
    """The commitments that challenge and response belong to, for one value."""
    rest = cipher[1] - multiple(value, BASE)
    return (
        fixed_multiple(response, BASE) - multiple(challenge, cipher[0]),
        fixed_multiple(response, key) - multiple(challenge, rest),
    )
