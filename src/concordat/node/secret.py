"""Values that must not be seen: how they are shown (never), and the one key file under which people's secrets lie.

A `Secret` prints as `***`, also inside other objects and in messages of exceptions. `PeopleSecrets` is the key file
`keys/people.json` (mode 0600, never in a database): subkeys for TOTP secrets, visitors' pseudonyms and guess counters
are HMAC-SHA256 of it under a name each (RFC 5869 section 3.3 allows the step alone, as the key is uniformly random).

What is sealed: ChaCha20-Poly1305 (RFC 8439), a fresh nonce of 96 bits in front, the owner's id as associated data, so
that a row copied to another account does not open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from concordat.errors import StateError, TrustError
from concordat.node.identity import write_private

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that is handed over once and never shown by accident."""

    value: str

    def __repr__(self) -> str:
        return "***"


def token(bits: int) -> Secret:
    """A fresh random text of that many bits, in letters that an address can hold."""
    return Secret(secrets.token_urlsafe(bits // 8))


def token_hash(value: str) -> str:
    """What is stored of a token of 128 bits or more: SHA-256, which such a token needs no salt for."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, repr=False)
class PeopleSecrets:
    """The key under which people's secrets lie."""

    key: bytes

    def __repr__(self) -> str:
        return "***"

    @classmethod
    def open(cls, home: Path) -> PeopleSecrets:
        """The key of a node; made at the first call.

        Args:
            home: the node's folder.

        Raises:
            StateError: the file is damaged, or others can read it.
        """
        path = home / "keys" / "people.json"
        if not path.exists():
            text = json.dumps({"key": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(), "v": 1})
            write_private(path, text.encode() + b"\n")
        try:
            if path.stat().st_mode & 0o077:
                hint = f"Close it: chmod 600 {path}"
                raise StateError("others can read this key file.", where=str(path), hint=hint, code="key_mode")
            key = base64.b64decode(json.loads(path.read_bytes())["key"], validate=True)
            if len(key) != KEY_BYTES:
                raise ValueError("not 32 bytes")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StateError(f"the key file is damaged: {error}.", where=str(path), code="damaged") from None
        return cls(key)

    def subkey(self, name: str) -> bytes:
        """The 32 bytes for one use."""
        return hmac.new(self.key, b"concordat people v1 " + name.encode(), hashlib.sha256).digest()

    def keyed(self, name: str, text: str) -> str:
        """64 hexadecimal digits that stand for a text and can't be guessed back without the key."""
        return hmac.new(self.subkey(name), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def seal(key: bytes, plain: bytes, owner: str) -> bytes:
    """Encrypt for one owner; nonce, then text and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, owner.encode())


def unseal(key: bytes, sealed: bytes, owner: str) -> bytes:
    """What was sealed for that owner under that key.

    Raises:
        TrustError: another key, another owner, or changed bytes.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
    except (InvalidTag, ValueError):
        raise TrustError("a sealed secret does not open.", code="sealed") from None
