"""Which key signed this, and is the signature good: key ids, verifier keys, strict Ed25519, ML-DSA-44.

A verifier key (C2SP signed-note: a "vkey") is `name+key id+base64(type || public key)`; the key id is the first four
bytes of SHA-256(name || 0x0A || type || public key). Types: 0x01 Ed25519 over a note by a log, 0x04 Ed25519 over a
cosignature, 0x06 ML-DSA-44 over a cosignature (a log signs its own head with one too). Entry keys have no name; their
`keyid` is the first sixteen hexadecimal digits of SHA-256(type || public key).

Libraries differ on odd encodings of Ed25519 points, and a verdict that differs from one machine to the next would split
the members. So `verify_ed25519`, the one function of the whole project, refuses *before* the library is asked: public
keys and commitments R that are not canonical or of small order, and S >= L (RFC 8032 sections 5.1.3 and 5.1.7;
Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs", 2020). Public keys are decompressed once, at enrolment.

ML-DSA-44 is FIPS 204 with an empty context. Where the installed `cryptography` has none, `has_mldsa()` says so and
signatures of that kind are told as unchecked, never as good.

    >>> vkey = VerifierKey.parse("example.org/BRICS/member+1551cf11+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")
    >>> vkey.name, vkey.kind
    ('example.org/BRICS/member', 1)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from concordat.errors import InputError, TrustError

try:  # `cryptography` 45 to 49 have no ML-DSA: the node then runs with classical signatures and says so
    from cryptography.hazmat.primitives.asymmetric import mldsa as _mldsa
except ImportError:  # not the pinned version
    _mldsa = None  # type: ignore[assignment]

ED25519_LOG, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE = 0x01, 0x04, 0x06
KINDS = {ED25519_LOG: "Ed25519", ED25519_COSIGNATURE: "Ed25519 cosignature", MLDSA44_COSIGNATURE: "ML-DSA-44"}
PUBLIC_SIZES = {ED25519_LOG: 32, ED25519_COSIGNATURE: 32, MLDSA44_COSIGNATURE: 1312}
ED25519_SIGNATURE, MLDSA44_SIGNATURE = 64, 2420

# Ed25519 (RFC 8032 section 5.1): the field, the group order, the curve constant d.
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
# The y coordinates of the eight points whose order divides 8: 1, -1, 0 and the two of order 8 (tests derive them).
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


@lru_cache(maxsize=1)
def has_mldsa() -> bool:
    """Whether the installed `cryptography` can sign and verify ML-DSA-44."""
    if _mldsa is None:
        return False
    try:
        _mldsa.MLDSA44PrivateKey.from_seed_bytes(b"\0" * 32)
    except UnsupportedAlgorithm:  # built on a library without it
        return False
    return True


def entry_keyid(public: bytes, kind: int = ED25519_LOG) -> str:
    """The sixteen hexadecimal digits by which an envelope names the key that signed it."""
    return hashlib.sha256(bytes([kind]) + public).hexdigest()[:16]


def name_keyid(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes by which a line of a signed note names its key (C2SP signed-note)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True)
class VerifierKey:
    """A named public key of a log, witness or mirror.

    Attributes:
        name: `<host>/<bloc>/member`, `.../witness`, `.../mirror`, or the origin of a council log.
        kind: 0x01, 0x04 or 0x06.
        public: the raw public key, 32 or 1,312 bytes.
    """

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes in front of its signatures."""
        return _cached_id(self.name, self.kind, self.public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `name+key id+base64`.

        Raises:
            InputError: not of that form; a name with spaces or `+`; an id that is not that of the key; an unknown type,
                or a key of the wrong length.
            TrustError: an Ed25519 key that is no point of the curve, not canonical, or of small order.
        """
        shown = text if len(text) <= 60 else text[:57] + "..."
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise InputError("not a verifier key (name+id+base64).", where=shown, code="vkey")
        name, written_id, encoded = parts
        check_name(name, shown)
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise InputError("the third part is not base64.", where=shown, code="vkey") from None
        if not raw or raw[0] not in KINDS:
            raise InputError("a key type I don't know; known are 0x01, 0x04 and 0x06.", where=shown, code="vkey_type")
        key = cls(name, raw[0], raw[1:])
        if len(key.public) != PUBLIC_SIZES[key.kind]:
            wanted = PUBLIC_SIZES[key.kind]
            raise InputError(f"the key has {len(key.public)} bytes instead of {wanted}.", where=shown, code="vkey")
        if written_id != key.id.hex():
            raise InputError(f"the id is not that of the key, which is {key.id.hex()}.", where=shown, code="vkey_id")
        if base64.b64encode(raw).decode() != encoded:
            raise InputError("the base64 has bits left over at its end.", where=shown, code="vkey")
        if key.kind != MLDSA44_COSIGNATURE:
            check_public(key.public, shown)
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"


@lru_cache(maxsize=4096)
def _cached_id(name: str, kind: int, public: bytes) -> bytes:
    return name_keyid(name, kind, public)


def check_name(name: str, where: str = "") -> None:
    """A key name: not empty, no white space, no control characters, no `+`, at most 255 bytes.

    Raises:
        InputError: it is none.
    """
    bad = not name or "+" in name or not name.isprintable() or any(c.isspace() for c in name)
    if bad or len(name.encode("utf-8", "replace")) > 255:
        raise InputError(
            f'"{name[:60]}" is not a key name: no spaces, no "+", 1 to 255 bytes.', where=where, code="name"
        )


# --- Ed25519 --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def check_public(public: bytes, where: str = "") -> Ed25519PublicKey:
    """Enrol an Ed25519 public key: a canonical point of the curve that is not of small order.

    Raises:
        InputError: not 32 bytes.
        TrustError: not canonical, of small order, or not on the curve.
    """
    if len(public) != 32:
        raise InputError(f"an Ed25519 key has 32 bytes, this one {len(public)}.", where=where, code="key_size")
    fault = _point_fault(public) or ("" if _on_curve(public) else "not a point of the curve")
    if fault:
        raise TrustError(f"the Ed25519 key is {fault}.", where=where, hint="Make a new key.", code="weak_key")
    return Ed25519PublicKey.from_public_bytes(public)


def verify_ed25519(public: bytes, signature: bytes, message: bytes, what: str = "the signature") -> None:
    """Verify one Ed25519 signature strictly.

    Args:
        public: 32 bytes. signature: 64 bytes, R || S. message: the signed bytes.
        what: named in the message when it fails.

    Raises:
        TrustError: the key, R or S is not canonical or of small order, or the equation does not hold.
    """
    key = check_strict(public, signature, what)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise TrustError(f"{what} does not verify.", code="signature") from None


def check_strict(public: bytes, signature: bytes, what: str = "the signature") -> Ed25519PublicKey:
    """What must hold before the equation is looked at; gives the key.

    Raises:
        TrustError: the key, R or S is not canonical or of small order.
    """
    if len(public) != 32 or len(signature) != 64:
        raise TrustError(f"{what} has {len(signature)} bytes; Ed25519 has 64.", code="signature_size")
    key = check_public(public)
    fault = _point_fault(signature[:32])
    if fault:
        raise TrustError(f"{what}: its first half is {fault}.", code="signature")
    if int.from_bytes(signature[32:], "little") >= _L:
        raise TrustError(f"{what}: its second half is not below the group order.", code="signature")
    return key


def _point_fault(encoded: bytes) -> str:
    """Why the 32 bytes can't be a point of large order in canonical form; empty if they may be."""
    y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
    if y >= _P:
        return "not canonical"
    return "of small order" if y in SMALL_ORDER_Y else ""


def _on_curve(encoded: bytes) -> bool:
    """Whether x^2 = (y^2 - 1) / (d y^2 + 1) has a root (RFC 8032 section 5.1.3)."""
    y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    return v * x * x % _P in (u, -u % _P)


# --- Private keys ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ed25519Secret:
    """An Ed25519 private key, made from 32 secret bytes."""

    seed: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", Ed25519PrivateKey.from_private_bytes(self.seed))
        object.__setattr__(self, "public", self._key.public_key().public_bytes_raw())  # type: ignore[attr-defined]

    public: bytes = b""

    def sign(self, message: bytes) -> bytes:
        """64 bytes, the same for the same message."""
        return self._key.sign(message)  # type: ignore[attr-defined,no-any-return]

    def __repr__(self) -> str:
        return f"Ed25519Secret({entry_keyid(self.public)})"


@dataclass(frozen=True)
class MLDSA44Secret:
    """An ML-DSA-44 private key, made from 32 secret bytes.

    Raises:
        TrustError: the installed `cryptography` has no ML-DSA.
    """

    seed: bytes
    public: bytes = b""

    def __post_init__(self) -> None:
        if not has_mldsa():
            raise TrustError("this installation has no ML-DSA-44.", hint="Install cryptography 50 or later.")
        object.__setattr__(self, "_key", _mldsa.MLDSA44PrivateKey.from_seed_bytes(self.seed))
        object.__setattr__(self, "public", self._key.public_key().public_bytes_raw())  # type: ignore[attr-defined]

    def sign(self, message: bytes) -> bytes:
        """2,420 bytes, different each time: stored, never made again."""
        return self._key.sign(message)  # type: ignore[attr-defined,no-any-return]

    def __repr__(self) -> str:
        return "MLDSA44Secret(...)"


@lru_cache(maxsize=512)
def _mldsa_public(public: bytes) -> Any:
    return _mldsa.MLDSA44PublicKey.from_public_bytes(public)


def verify_mldsa44(public: bytes, signature: bytes, message: bytes, what: str = "the signature") -> None:
    """Verify one ML-DSA-44 signature (FIPS 204, empty context).

    Raises:
        TrustError: it does not verify, or this installation can't tell.
    """
    if not has_mldsa():
        raise TrustError(f"{what} can't be checked: this installation has no ML-DSA-44.", code="no_mldsa")
    if len(signature) != MLDSA44_SIGNATURE:
        raise TrustError(
            f"{what} has {len(signature)} bytes; ML-DSA-44 has {MLDSA44_SIGNATURE}.", code="signature_size"
        )
    try:
        _mldsa_public(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise TrustError(f"{what} does not verify.", code="signature") from None
