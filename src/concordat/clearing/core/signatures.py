"""Who said it: signed instructions, strict Ed25519 over the pre-authentication encoding of DSSE, keys by height.

The envelope, its encoding and the strict check are those of `ledger` (keys and commitments that are not canonical or of
small order and S >= L are refused before a library is asked, so that every validator gives the same verdict). The
payload type names the scheme, so what was signed for a pilot is never good in another ledger. A verifier is handed in:

    verify(items) where items = [(public, signature, message), ...]        # raises TrustError for the first bad one

`verify_all` is the core's own; a host may hand in one that spreads the work, as long as it applies the same strict
rules. Which keys count for a member at a height is the state's; it is asked each time, the equation once.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

from concordat import canonical
from concordat.clearing.core.instructions import Instruction, parse
from concordat.clearing.core.model import LARGE_BYTES_MAX, Member
from concordat.errors import InputError, TrustError
from concordat.ledger.entry import Envelope, pae, sign_envelope
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret, entry_keyid, verify_ed25519

ENVELOPE_BYTES_MAX = LARGE_BYTES_MAX * 4 // 3 + 64 * 1024
SIGNATURES_MAX = 128
Item = tuple[bytes, bytes, bytes]
Verify = Callable[[Sequence[Item]], None]


@lru_cache(maxsize=64)
def payload_type(scheme: str) -> str:
    """The media type that is signed with every instruction of a scheme."""
    return f"application/vnd.concordat.clearing+json; v=1; scheme={scheme}"


def verify_all(items: Sequence[Item]) -> None:
    """Verify signatures one after the other, strictly.

    Raises:
        TrustError: at the first that fails.
    """
    for public, signature, message in items:
        verify_ed25519(public, signature, message, "the signature of an instruction")


class Signed:
    """A signed instruction as it travels: the bytes of its envelope, and what was read from them.

    Attributes:
        data: the envelope's bytes. payload: the signed bytes. signatures: (keyid, signature), by keyid.
        digest: SHA-256 of the payload, the instruction's hash. instruction: what it says.
        checked: the public keys under which the signatures were verified; set by `check_signatures`.
    """

    __slots__ = ("checked", "data", "digest", "instruction", "payload", "scheme", "signatures")

    def __init__(self, envelope: Envelope, data: bytes, scheme: str, instruction: Instruction) -> None:
        self.data = data
        self.payload = envelope.payload
        self.signatures = envelope.signatures
        self.scheme = scheme
        self.digest = sha256(envelope.payload).digest()
        self.instruction = instruction
        self.checked: tuple[bytes, ...] = ()

    @classmethod
    def read(cls, data: bytes, scheme: str) -> Signed:
        """Read an envelope and its instruction strictly; no signature is verified here.

        Raises:
            InputError: not an envelope of this scheme, or not an instruction.
        """
        plain = _one_signature(data, scheme)
        if plain is not None:
            return cls(plain, data, scheme, parse(plain.payload))
        envelope = Envelope.parse(data, payload_type(scheme), "instruction", ENVELOPE_BYTES_MAX)
        keyids = [keyid for keyid, _ in envelope.signatures]
        if len(keyids) > SIGNATURES_MAX or keyids != sorted(set(keyids)):
            raise InputError(
                "signatures stand once each, in the order of their key ids.", where="instruction", code="envelope"
            )
        return cls(envelope, data, scheme, parse(envelope.payload))

    def message(self) -> bytes:
        """The bytes that are signed: DSSE's pre-authentication encoding."""
        return pae(payload_type(self.scheme), self.payload)


_HEAD = b'{"payload":"'


@lru_cache(maxsize=64)
def _tail(scheme: str) -> tuple[int, re.Pattern[bytes]]:
    """The length and form of all that follows the payload in an envelope of one signature."""
    kind = canonical.dumps(payload_type(scheme))
    front, middle, end = b'","payloadType":' + kind + b',"signatures":[{"keyid":"', b'","sig":"', b'"}]}'
    form = re.escape(front) + b"([0-9a-f]{16})" + re.escape(middle) + b"([A-Za-z0-9+/]{86}==)" + re.escape(end)
    return len(front) + 16 + len(middle) + 88 + len(end), re.compile(form)


def _one_signature(data: bytes, scheme: str) -> Envelope | None:
    """The envelope if it has exactly the form of one signature, read in one go; None for all else.

    What it takes, `Envelope.parse` takes with the same result (a test holds them together).
    """
    size, form = _tail(scheme)
    found = form.fullmatch(data, len(data) - size) if len(_HEAD) + size <= len(data) <= ENVELOPE_BYTES_MAX else None
    if found is None or not data.startswith(_HEAD):
        return None
    encoded = data[len(_HEAD) : -size]
    try:
        payload, signature = a2b_base64(encoded, strict_mode=True), a2b_base64(found[2], strict_mode=True)
    except ValueError:
        return None
    if b2a_base64(payload[-(len(payload) % 3 or 3) :], newline=False) != encoded[-4:]:
        return None  # bits left over
    if b2a_base64(signature[-1:], newline=False) != found[2][-4:]:
        return None
    return Envelope(payload_type(scheme), payload, ((found[1].decode(), signature),))


@lru_cache(maxsize=4096)
def _known_key(public: str) -> tuple[bytes, str]:
    raw = bytes.fromhex(public)
    return raw, entry_keyid(raw)


def sign(payload: bytes, secrets: Iterable[Ed25519Secret], scheme: str) -> Signed:
    """Sign the canonical bytes of an instruction with one or more keys.

    Raises:
        InputError: not an instruction.
    """
    instruction = parse(payload)
    envelope = sign_envelope(payload_type(scheme), payload, [(ED25519_LOG, secret) for secret in secrets])
    return Signed(envelope, envelope.to_bytes(), scheme, instruction)


def signer_of(signed: Signed, member: Member, height: int) -> tuple[bytes, bytes] | None:
    """(public key, signature) by which a member signed with a key that counts at the height; None if it did not."""
    for key in member.keys:
        if key.since <= height and (key.until is None or height < key.until):
            public, wanted = _known_key(key.public)
            for keyid, signature in signed.signatures:
                if keyid == wanted:
                    return public, signature
    return None


def untrusted(signed: Signed, member: Member | None, height: int) -> TrustError:
    """Why no signature of a member counts: unknown member, wrong key, or a key that has run out."""
    named = signed.instruction.member
    if member is None:
        return TrustError(f"{named} is not a member.", where="member", code="bad_member")
    keyids = {keyid for keyid, _ in signed.signatures}
    for key in member.keys:
        keyid = entry_keyid(bytes.fromhex(key.public))
        if keyid in keyids:
            until = "on" if key.until is None else f"to {key.until - 1}"
            what = f"key {keyid} of {named} counts from height {key.since} {until}, not at {height}."
            return TrustError(what, where="signature", hint="Sign with the key in force.", code="revoked_key")
    shown = ", ".join(sorted(keyids)[:3])
    return TrustError(f"signed by key {shown}, which is none of {named}.", where="signature", code="wrong_key")
