"""What one member said: an entry, its signed envelope, and how its bytes are read.

A log leaf is the exact bytes of one DSSE envelope in canonical JSON: `{"payload":b64,"payloadType":t,"signatures":
[{"keyid":k,"sig":b64}]}`. What is signed is DSSE's pre-authentication encoding `DSSEv1 len(t) t len(p) p` (protocol
1.0.2), so no verifier writes JSON again before it checks a signature. The payload is canonical JSON as well; its
SHA-256 is the entry's id. Unknown keys are refused, unknown types are kept and ignored by whoever doesn't know them.

An entry holds at most 65,535 bytes as an envelope and 48,000 as a payload; what is larger or confidential lies beside
the log, and the body names it: `blob_reference`.

    >>> secret = Ed25519Secret(bytes(32))
    >>> entry = Entry.new(author="BRA", bloc="BRICS", membership=1, person="del-04", seq=1, prev=FIRST, scope="council",
    ...                   ts="2026-05-04T13:20:11Z", type="BallotCast", body={"vote": "v-2026-014"}, secret=secret)
    >>> Entry.parse(entry.leaf).verify(secret.public).body
    {'vote': 'v-2026-014'}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret, entry_keyid, verify_ed25519
from concordat.ledger.tiles import ENTRY_BYTES_MAX, too_large

VERSION = 1
ENTRY_TYPE = "application/vnd.concordat.entry+json; v=1"
PAYLOAD_BYTES_MAX = 48_000
REFS_MAX = 64
FIRST = "0" * 64
_ID = re.compile(r"[0-9a-f]{64}")
_KEYID = re.compile(r"[0-9a-f]{16}")
_AUTHOR = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_LABEL = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SCOPE = re.compile(r"council|exchange|order|clearing:[a-z0-9][a-z0-9-]{0,31}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}")
_TIME = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_KEYS = frozenset(
    ("author", "bloc", "body", "membership", "person", "prev", "refs", "scope", "seq", "ts", "type", "v")
)  # fmt: skip


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope in canonical JSON, as any file of ours that is signed.

    Attributes:
        payload_type: the media type. payload: the signed bytes. signatures: (keyid, signature), in order.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        signed = ",".join(f'{{"keyid":"{k}","sig":"{base64.b64encode(s).decode()}"}}' for k, s in self.signatures)
        payload = base64.b64encode(self.payload).decode()
        kind = canonical.dumps(self.payload_type).decode()
        return f'{{"payload":"{payload}","payloadType":{kind},"signatures":[{signed}]}}'.encode()

    @classmethod
    def parse(cls, data: bytes, kind: str, where: str = "envelope", limit: int = ENTRY_BYTES_MAX) -> Envelope:
        """Read an envelope of one kind, strictly: the bytes are exactly those that `to_bytes` writes.

        Raises:
            InputError: too long, not canonical JSON, unknown keys, no signature, or base64 that is not plain.
            StateError: a newer version of the kind.
        """
        if len(data) > limit:
            raise (
                too_large(len(data)) if limit == ENTRY_BYTES_MAX else InputError(f"over {limit:,} bytes.", where=where)
            )
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError):
            raise InputError("not JSON.", where=where, code="envelope") from None
        if not isinstance(raw, dict) or set(raw) != {"payload", "payloadType", "signatures"}:
            raise InputError("not an envelope: payload, payloadType, signatures.", where=where, code="envelope")
        if raw["payloadType"] != kind:
            raise _other_kind(raw["payloadType"], kind, where)
        signatures = raw["signatures"]
        if not isinstance(signatures, list) or not 1 <= len(signatures) <= 512:
            raise InputError("an envelope has 1 to 512 signatures.", where=where, code="envelope")
        pairs = []
        for one in signatures:
            if not isinstance(one, dict) or set(one) != {"keyid", "sig"} or not _matches(_KEYID, one["keyid"]):
                raise InputError("a signature is keyid and sig.", where=where, code="envelope")
            pairs.append((one["keyid"], _plain_base64(one["sig"], where)))
        found = cls(kind, _plain_base64(raw["payload"], where), tuple(pairs))
        if found.to_bytes() != data:
            raise InputError("the bytes are not in canonical form (RFC 8785).", where=where, code="not_canonical")
        return found

    def verify(self, keyid: str, public: bytes, what: str) -> None:
        """Verify the signature by one key.

        Raises:
            TrustError: that key did not sign, or its signature fails.
        """
        signed = next((s for k, s in self.signatures if k == keyid), None)
        if signed is None:
            raise TrustError(f"{what} is not signed by key {keyid}.", code="unsigned")
        verify_ed25519(public, signed, pae(self.payload_type, self.payload), f"the signature of {what}")


def sign_envelope(payload_type: str, payload: bytes, secrets: Sequence[tuple[int, Ed25519Secret]]) -> Envelope:
    """An envelope with one signature of each (key type, secret), in order of key ids."""
    message = pae(payload_type, payload)
    pairs = sorted((entry_keyid(secret.public, kind), secret.sign(message)) for kind, secret in secrets)
    return Envelope(payload_type, payload, tuple(pairs))


def _other_kind(found: Any, kind: str, where: str) -> InputError | StateError:
    stem, _, version = kind.partition("; v=")
    if isinstance(found, str) and found.startswith(stem + "; v=") and found[len(stem) + 4 :].isdigit():
        newer = found[len(stem) + 4 :][:6]
        what = f"written in version {newer}; this program reads version {version}."
        return StateError(what, where=where, hint="Install a newer Concordat.", code="newer")
    return InputError(f'the payload type is not "{kind}".', where=where, code="envelope")


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _plain_base64(text: Any, where: str) -> bytes:
    return plain_base64(text, where, "envelope")


def plain_base64(text: Any, where: str, code: str) -> bytes:
    """Bytes from base64 as `b64encode` writes it: no other text stands for the same bytes.

    Raises:
        InputError: not text, not base64, or bits left over.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raw = None
    if raw is None or base64.b64encode(raw).decode() != text:
        raise InputError("a field is not plain base64.", where=where, code=code)
    return raw


@dataclass(frozen=True)
class Entry:
    """One entry, read from the bytes of its leaf; nothing is verified until `verify`.

    Attributes:
        leaf: the envelope's bytes. id: SHA-256 of the payload. author: member id. person: key label of the delegate, or
            `node`. membership: version of the membership file under which the key was valid. seq, prev: the author's
            entries numbered 1, 2, 3 with the id of the one before. scope: which ordered log takes it up (`order` is an
            entry of such a log itself). refs: ids it depends on. ts: the author's clock, shown and never used.
            keyid, signature: who signed.
    """

    leaf: bytes
    id: str
    author: str
    bloc: str
    membership: int
    person: str
    seq: int
    prev: str
    refs: tuple[str, ...]
    scope: str
    ts: str
    type: str
    body: dict[str, Any]
    keyid: str
    signature: bytes
    payload: bytes

    @classmethod
    def new(
        cls,
        *,
        author: str,
        bloc: str,
        membership: int,
        person: str,
        seq: int,
        prev: str,
        scope: str,
        ts: str,
        type: str,  # noqa: A002 - the field's name in the format
        body: Mapping[str, Any],
        secret: Ed25519Secret,
        refs: Sequence[str] = (),
    ) -> Entry:
        """Write and sign an entry.

        Raises:
            InputError: a field that breaks a rule of the format, with its path; a float or a large integer in the body;
                text that is not NFC; over 48,000 bytes.
        """
        payload = {
            "author": author, "bloc": bloc, "body": dict(body), "membership": membership, "person": person,
            "prev": prev, "refs": list(refs), "scope": scope, "seq": seq, "ts": ts, "type": type, "v": VERSION,
        }  # fmt: skip
        data = canonical.dumps(payload)
        if len(data) > PAYLOAD_BYTES_MAX:
            hint = "Put the content beside the log and attach it: --attach FILE."
            what = f"{len(data):,} bytes; the limit of a payload is {PAYLOAD_BYTES_MAX:,}."
            raise InputError(what, where="entry", hint=hint, code="entry_size")
        envelope = sign_envelope(ENTRY_TYPE, data, [(ED25519_LOG, secret)])
        return cls._of(envelope, envelope.to_bytes(), "entry", json.loads(data))  # canonical: it was written just now

    @classmethod
    def parse(cls, leaf: bytes, where: str = "entry") -> Entry:
        """Read the bytes of a leaf.

        Raises:
            InputError: not an envelope of one signature over a payload that keeps the rules; with the path.
            StateError: written in a newer version of the format.
        """
        envelope = Envelope.parse(leaf, ENTRY_TYPE, where)
        if len(envelope.signatures) != 1:
            raise InputError("an entry has one signature.", where=where, code="envelope")
        if len(envelope.payload) > PAYLOAD_BYTES_MAX:
            raise InputError(f"a payload of over {PAYLOAD_BYTES_MAX:,} bytes.", where=where, code="entry_size")
        try:
            payload = canonical.loads(envelope.payload, exact=True)
        except InputError as error:
            error.where = f"{where}, {error.where}"
            raise
        return cls._of(envelope, leaf, where, payload)

    @classmethod
    def _of(cls, envelope: Envelope, leaf: bytes, where: str, payload: Any) -> Entry:
        _check_payload(payload, where)
        keyid, signature = envelope.signatures[0]
        return cls(
            leaf=leaf, id=hashlib.sha256(envelope.payload).hexdigest(), author=payload["author"], bloc=payload["bloc"],
            membership=payload["membership"], person=payload["person"], seq=payload["seq"], prev=payload["prev"],
            refs=tuple(payload["refs"]), scope=payload["scope"], ts=payload["ts"], type=payload["type"],
            body=payload["body"], keyid=keyid, signature=signature, payload=envelope.payload,
        )  # fmt: skip

    def verify(self, public: bytes) -> Entry:
        """The entry itself, once its signature by that key is verified.

        Raises:
            TrustError: another key, or a signature that fails.
        """
        if entry_keyid(public) != self.keyid:
            what = f"entry {self.author} {self.seq} is signed by key {self.keyid}, not {entry_keyid(public)}."
            raise TrustError(what, code="other_key")
        what = f"the signature of entry {self.author} {self.seq}"
        verify_ed25519(public, self.signature, pae(ENTRY_TYPE, self.payload), what)
        return self

    @property
    def chain(self) -> tuple[str, str]:
        """Whose numbering `seq` belongs to: the member's own, or that of the ordering log it writes."""
        return (self.author, str(self.body.get("view", "")) if self.scope == "order" else "")


def _check_payload(payload: Any, where: str) -> None:
    """The rules of every field but `body`, which belongs to the room that registered the type."""

    def refuse(path: str, what: str) -> InputError:
        return InputError(what, where=f"{where}, $.{path}", code="payload")

    if not isinstance(payload, dict):
        raise InputError("the payload is not an object.", where=where, code="payload")
    version = payload.get("v")
    if isinstance(version, int) and version > VERSION:
        what = f"written in version {version}; this program reads version {VERSION}."
        raise StateError(what, where=where, hint="Install a newer Concordat.", code="newer")
    if set(payload) != _KEYS:
        odd = sorted(set(payload) ^ _KEYS)
        raise refuse(str(odd[0])[:60], "missing, or not a key of an entry.")
    patterns = {
        "author": _AUTHOR,
        "bloc": _AUTHOR,
        "person": _LABEL,
        "prev": _ID,
        "scope": _SCOPE,
        "ts": _TIME,
        "type": _TYPE,
    }
    for key, pattern in patterns.items():
        if not _matches(pattern, payload[key]):
            raise refuse(key, f'"{str(payload[key])[:60]}" is not what {key} may be.')
    if payload["v"] != VERSION or payload["v"] is True:
        raise refuse("v", "the version must be 1.")
    for key in ("seq", "membership"):
        if type(payload[key]) is not int or payload[key] < 1:
            raise refuse(key, "must be a whole number from 1 on.")
    if (payload["seq"] == 1) != (payload["prev"] == FIRST):
        raise refuse("prev", "64 zeros in the first entry, and in no other.")
    refs = payload["refs"]
    if not isinstance(refs, list) or len(refs) > REFS_MAX or not all(_matches(_ID, ref) for ref in refs):
        raise refuse("refs", f"at most {REFS_MAX} ids of entries.")
    if sorted(set(refs)) != refs:
        raise refuse("refs", "must be sorted, without doubles.")
    if not isinstance(payload["body"], dict):
        raise refuse("body", "must be an object.")


def blob_reference(content: bytes, media_type: str, salt: bytes | None) -> dict[str, Any]:
    """How a body names content that lies beside the log.

    h = SHA-256(salt || content); public content has no salt. The size of salted content is rounded up to a power of
    two, so that it does not give the content away. Deleting content and salt erases: the log stays provable.

    Args:
        content: the bytes. media_type: such as `application/pdf`. salt: 32 random bytes, or None for public content.
    """
    assert salt is None or len(salt) == 32
    size = len(content) if salt is None else 1 << max(len(content) - 1, 0).bit_length()
    hashed = hashlib.sha256((salt or b"") + content).hexdigest()
    return {"hash": hashed, "media_type": media_type, "salted": salt is not None, "size": size}


def verify_blob(reference: Mapping[str, Any], content: bytes, salt: bytes | None) -> None:
    """The content is the one that a body names.

    Raises:
        TrustError: other content, another salt, or none where one is needed.
    """
    if bool(reference.get("salted")) != (salt is not None):
        raise TrustError("salt is missing, or not expected.", code="blob")
    hashed = hashlib.sha256((salt or b"") + content).hexdigest()
    if hashed != reference.get("hash"):
        raise TrustError(
            f"the content has hash {hashed[:12]}..., not {str(reference.get('hash'))[:12]}... .", code="blob"
        )
