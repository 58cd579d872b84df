"""An authenticator of our own for tests of passkeys: what a device answers, and every part of it to be made wrong."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "https://node.example.br"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Authenticator:
    """A telephone with one passkey (WebAuthn level 2, section 6): P-256, no attestation."""

    def __init__(self, *, origin: str = ORIGIN, rp: str = "node.example.br", flags: int = PRESENT | VERIFIED) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = sha256(str(self.key.private_numbers().private_value).encode()).digest()
        self.origin, self.rp, self.flags, self.count = origin, rp, flags, 0
        self.user, self.crossed = "", False  # whose, as the node named her, and whether a frame of another site asked

    def _client(self, kind: str, options: str) -> bytes:
        said = {
            "type": kind,
            "challenge": json.loads(options)["challenge"],
            "origin": self.origin,
            "crossOrigin": self.crossed,
        }
        return json.dumps(said).encode()

    def _data(self, flags: int, more: bytes = b"") -> bytes:
        self.count += 1
        return sha256(self.rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + more

    def make(self, options: str) -> str:
        import cbor2

        self.user = json.loads(options).get("user", {}).get("id", self.user)
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        more = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        data = self._data(self.flags | ATTESTED, more)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": b64(self._client("webauthn.create", options)),
            "attestationObject": b64(attested),
        }
        return json.dumps({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response})

    def answer(self, options: str, kind: str = "webauthn.get") -> str:
        client, data = self._client(kind, options), self._data(self.flags)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        response["userHandle"] = self.user
        return json.dumps({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response})
