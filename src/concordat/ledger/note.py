"""Who signed this head: signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, -cosignature).

A note is text that ends in a newline, a blank line, and one line for each signature: `— <name> base64(key id ||
signature)`. A checkpoint is a note of three lines: origin, size in decimal, base64 of the 32-byte root; here without
extension lines. Signatures of unknown keys are ignored; a known key whose signature fails refuses the whole note; at
most 100 signatures of at most 16,384 characters are read.

A cosignature is eight bytes of time (seconds since 1970, big-endian) and a signature. With Ed25519 (type 0x04) it is
over `cosignature/v1`, the time, and the text; with ML-DSA-44 (0x06) over a binary structure that names cosigner, time,
origin, range and root. A log signs with 0x01 over the text alone and with 0x06 like a cosigner.

    >>> text = Checkpoint("example.org/BRICS/member", 1, bytes(32)).text()
    >>> text.splitlines()[:2]
    ['example.org/BRICS/member', '1']
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import (
    ED25519_COSIGNATURE,
    ED25519_LOG,
    ED25519_SIGNATURE,
    MLDSA44_COSIGNATURE,
    MLDSA44_SIGNATURE,
    Ed25519Secret,
    MLDSA44Secret,
    VerifierKey,
    check_name,
    has_mldsa,
    verify_ed25519,
    verify_mldsa44,
)

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
LINE_MAX = 16_384
SIZE_MAX = 2**63 - 1
TIME_MAX = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class Signature:
    """One line below a note: the name, and the key id with the bytes that follow it."""

    name: str
    keyid: bytes
    blob: bytes

    def line(self) -> str:
        """The line as it stands in the note, without its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.keyid + self.blob).decode()}"

    @classmethod
    def parse(cls, line: str, where: str = "note") -> Signature:
        """Read one line. The same lines come again and again: the last few thousand are remembered.

        Raises:
            InputError: not of the form `— name base64`.
        """
        try:
            return _remembered(line)
        except InputError as error:
            error.where = where
            raise

    @classmethod
    def _read(cls, line: str) -> Signature:
        where = ""
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not encoded or len(line) > LINE_MAX:
            raise InputError('a signature line must be "— name base64".', where=where, code="note")
        check_name(name, where)
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise InputError(f"the signature of {name} is not base64.", where=where, code="note") from None
        if len(raw) < 5 or base64.b64encode(raw).decode() != encoded:
            raise InputError(f"the signature of {name} is too short or not plain base64.", where=where, code="note")
        return cls(name, raw[:4], raw[4:])


@lru_cache(maxsize=4096)
def _remembered(line: str) -> Signature:
    return Signature._read(line)


@dataclass(frozen=True)
class Note:
    """A text and the signatures below it; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: str | bytes, where: str = "note") -> Note:
        """Read a signed note; the last few hundred are remembered.

        Raises:
            InputError: not UTF-8, control characters, no blank line, no signature, or beyond the bounds.
        """
        try:
            return _remembered_note(data)
        except InputError as error:
            error.where = where
            raise

    @classmethod
    def _read(cls, data: str | bytes) -> Note:
        where = ""
        if len(data) > NOTE_BYTES_MAX:
            raise InputError(f"a note of over {NOTE_BYTES_MAX:,} bytes.", where=where, code="note")
        try:  # a text may hold half a character, as JSON can: it has no bytes that anyone could have signed
            whole = (data.encode("utf-8") if isinstance(data, str) else data).decode("utf-8")
        except UnicodeError as error:
            start = getattr(error, "start", 0)
            raise InputError(f"position {start} is not UTF-8.", where=where, code="note") from None
        if _CONTROL.search(whole):
            raise InputError("control characters.", where=where, code="note")
        split = whole.rfind("\n\n")
        if split < 0 or not whole.endswith("\n"):
            raise InputError("no blank line, or no newline at the end.", where=where, code="note")
        lines = whole[split + 2 : -1].split("\n") if split + 2 < len(whole) else []
        if not 1 <= len(lines) <= SIGNATURES_MAX:
            raise InputError(f"{len(lines)} signatures; 1 to {SIGNATURES_MAX} are read.", where=where, code="note")
        return cls(whole[: split + 1], tuple(Signature.parse(line, where) for line in lines))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(s.line() + "\n" for s in self.signatures)

    def with_signatures(self, added: Iterable[Signature]) -> Note:
        """The note with more signatures; one that is there already is not added again."""
        known = {(s.name, s.keyid) for s in self.signatures}
        fresh = []
        for signature in added:
            if (signature.name, signature.keyid) not in known:
                known.add((signature.name, signature.keyid))
                fresh.append(signature)
        return Note(self.text, (*self.signatures, *fresh))


@lru_cache(maxsize=512)
def _remembered_note(data: str | bytes) -> Note:
    return Note._read(data)


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: its origin, its size, its root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse_text(cls, text: str, where: str = "checkpoint") -> Checkpoint:
        """Read the three lines.

        Raises:
            InputError: other than three lines, a size that is not plain decimal, a root that is not 32 bytes.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise InputError("a checkpoint has three lines: origin, size, root.", where=where, code="checkpoint")
        origin, size, encoded = lines[:3]
        if not origin or not _DECIMAL.fullmatch(size) or int(size) > SIZE_MAX:
            raise InputError(f'"{size[:30]}" is not a size in plain decimal.', where=where, code="checkpoint")
        return cls(origin, int(size), decode_hash(encoded, where))

    @classmethod
    def parse(cls, data: str | bytes, keys: Iterable[VerifierKey], where: str = "checkpoint") -> SignedCheckpoint:
        """Read a note, verify every signature of the keys given, and require one of the log's own (type 0x01).

        Args:
            data: the note. keys: those of the log and of the cosigners that are known.
            where: file or peer, for messages.

        Raises:
            InputError: not a checkpoint.
            TrustError: a known key whose signature fails, or no signature by a known key whose name is the origin.
        """
        note = Note.parse(data, where)
        checkpoint = cls.parse_text(note.text, where)
        signed = SignedCheckpoint(checkpoint, note, verify_note(note, checkpoint, keys, where))
        if not any(s.key.kind == ED25519_LOG and s.key.name == checkpoint.origin for s in signed.verified):
            raise TrustError(f"not signed by a known key of {checkpoint.origin}.", where=where, code="unsigned")
        return signed


@dataclass(frozen=True)
class Verified:
    """A signature that verified: its key, and the cosigner's time (None for a log's own 0x01)."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint with its note and the signatures on it that were verified."""

    checkpoint: Checkpoint
    note: Note
    verified: tuple[Verified, ...]

    def times(self, names: Iterable[str], kind: int = ED25519_COSIGNATURE) -> dict[str, int]:
        """The cosignature time of each of the names that cosigned."""
        wanted = set(names)
        return {v.key.name: v.time for v in self.verified if v.key.kind == kind and v.key.name in wanted and v.time}


def decode_hash(encoded: str, where: str) -> bytes:
    """32 bytes from plain base64.

    Raises:
        InputError: it is none.
    """
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32 or base64.b64encode(raw).decode() != encoded:
        raise InputError(f'"{encoded[:50]}" is not the base64 of a hash.', where=where, code="hash")
    return raw


def cosigned_message(checkpoint: Checkpoint, name: str, time: int, kind: int) -> bytes:
    """The bytes that a cosigner signs at `time`.

    Ed25519: `cosignature/v1`, `time <t>`, the text. ML-DSA-44: the label `subtree/v1\\n\\0`, then name, time, origin,
    start 0, end = size, root; names and origins behind one byte of length, numbers in eight bytes.
    """
    if kind == ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{checkpoint.text()}".encode()
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:
        raise InputError("a name or origin of over 255 bytes.", where=checkpoint.origin[:60], code="name")
    numbers = [time.to_bytes(8, "big"), bytes([len(origin)]), origin, bytes(8), checkpoint.size.to_bytes(8, "big")]
    return b"subtree/v1\n\0" + bytes([len(cosigner)]) + cosigner + b"".join(numbers) + checkpoint.root


@lru_cache(maxsize=1024)
def verify_signature(signature: Signature, key: VerifierKey, checkpoint: Checkpoint, text: str) -> Verified:
    """Verify one signature of a note by the key that it names; the same ones come again, and those are remembered.

    Raises:
        TrustError: wrong length, a time out of range, or it does not verify.
    """
    what = f"the {'' if key.kind == ED25519_LOG else 'co'}signature of {key.name}"
    if key.kind == ED25519_LOG:
        verify_ed25519(key.public, signature.blob, text.encode(), what)
        return Verified(key, None)
    wanted = ED25519_SIGNATURE if key.kind == ED25519_COSIGNATURE else MLDSA44_SIGNATURE
    if len(signature.blob) != 8 + wanted:
        raise TrustError(f"{what} has {len(signature.blob)} bytes instead of {8 + wanted}.", code="signature_size")
    time = int.from_bytes(signature.blob[:8], "big")
    if not 0 < time <= TIME_MAX:
        raise TrustError(f"{what} has no time.", code="signature")
    message = cosigned_message(checkpoint, key.name, time, key.kind)
    check = verify_ed25519 if key.kind == ED25519_COSIGNATURE else verify_mldsa44
    check(key.public, signature.blob[8:], message, what)
    return Verified(key, time)


def verify_note(
    note: Note, checkpoint: Checkpoint, keys: Iterable[VerifierKey], where: str = "note"
) -> tuple[Verified, ...]:
    """Every signature of the note whose key is known, verified; those of unknown keys are passed over.

    Raises:
        TrustError: a known key whose signature fails, or that signed twice.
    """
    known = {(key.name, key.id): key for key in keys}
    found: dict[tuple[str, bytes], Verified] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.keyid))
        if key is None or (key.kind == MLDSA44_COSIGNATURE and not has_mldsa()):
            continue
        if (key.name, key.id) in found:
            raise TrustError(f"{key.name} signed twice.", where=where, code="signed_twice")
        try:
            found[key.name, key.id] = verify_signature(signature, key, checkpoint, note.text)
        except TrustError as error:
            error.where = error.where or where
            raise
    return tuple(found.values())


# --- Signing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoteSigner:
    """The named private key of a log, witness or mirror.

    Attributes:
        name: the key's name. kind: 0x01, 0x04 or 0x06. secret: Ed25519 for 0x01 and 0x04, else ML-DSA-44.
    """

    name: str
    kind: int
    secret: Ed25519Secret | MLDSA44Secret
    key: VerifierKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", VerifierKey(self.name, self.kind, self.secret.public))

    def sign(self, checkpoint: Checkpoint, time: int = 0) -> Signature:
        """One signature over a checkpoint; `time` in seconds, for all but a log's own 0x01."""
        if self.kind == ED25519_LOG:
            return Signature(self.name, self.key.id, self.secret.sign(checkpoint.text().encode()))
        assert time > 0, "a cosignature has a time"
        signed = self.secret.sign(cosigned_message(checkpoint, self.name, time, self.kind))
        return Signature(self.name, self.key.id, time.to_bytes(8, "big") + signed)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner], time: int) -> Note:
    """A checkpoint as a note with one signature of each signer."""
    return Note(checkpoint.text(), tuple(signer.sign(checkpoint, time) for signer in signers))


def median_time(times: Mapping[str, int] | Iterable[int]) -> int:
    """The lower median of cosignature times, in seconds.

    With at most f liars among at least 2f + 1 signers it lies between the clocks of two honest ones: at most f values
    lie below or above all honest ones, and the median has at least f values on either side.
    """
    values: list[int] = sorted(times.values() if isinstance(times, Mapping) else times)
    assert values, "no times"
    return values[(len(values) - 1) // 2]
