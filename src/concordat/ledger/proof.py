"""Proof of one entry that needs no network: a tlog-proof file (C2SP tlog-proof, text of July 2026).

    c2sp.org/tlog-proof@v1
    extra <base64>            left out where there is none
    index <i>
    <base64 of a hash>        from the leaf's sibling up to the root's child, none in a log of one entry
                              an empty line
    <the checkpoint>          with the cosignatures that were collected

Whoever has the entry, the file and the keys that he trusts checks all three: the signatures on the head, the quorum if
he has a policy, and that the entry stands at that index under that head. `extra` is not covered by any signature:
nothing here reads it. Files are called `.tlog-proof`. The proof of a whole event, across two logs, is another file's.

    >>> TlogProof.parse("c2sp.org/tlog-proof@v2\\n")
    Traceback (most recent call last):
    ...
    concordat.errors.InputError: tlog-proof: the first line is not "c2sp.org/tlog-proof@v1".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import VerifierKey
from concordat.ledger.merkle import PROOF_MAX, Hashes, inclusion_proof, leaf_hash, verify_inclusion
from concordat.ledger.note import NOTE_BYTES_MAX, SIZE_MAX, Checkpoint, Note, SignedCheckpoint, decode_hash
from concordat.ledger.policy import Policy

HEADER = "c2sp.org/tlog-proof@v1"
EXTRA_MAX = 65_536  # characters; ours have none, others' a few hundred
BYTES_MAX = NOTE_BYTES_MAX + EXTRA_MAX + 4096
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class TlogProof:
    """That an entry stands in a log, read but not verified.

    Attributes:
        index: where it stands. hashes: the inclusion proof. note: the cosigned head. extra: bytes that nobody signed.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    @classmethod
    def make(cls, index: int, hashes: Hashes, note: Note) -> TlogProof:
        """The proof for the entry at `index` under a head, from whoever has the log's hashes."""
        size = Checkpoint.parse_text(note.text).size
        return cls(index, tuple(inclusion_proof(index, size, hashes)), note)

    @classmethod
    def parse(cls, data: str | bytes, where: str = "tlog-proof") -> TlogProof:
        """Read a file.

        Raises:
            InputError: not of that form, an index that is not plain decimal, over 63 hashes, or no signed head.
        """
        if len(data) > BYTES_MAX:
            raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, code="tlog_proof")
        try:
            text = data if isinstance(data, str) else data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"byte {error.start} is not UTF-8.", where=where, code="tlog_proof") from None
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != HEADER:
            raise InputError(f'the first line is not "{HEADER}".', where=where, code="tlog_proof")
        extra = _extra(lines.pop(0), where) if lines and lines[0].startswith("extra ") else None
        match = _INDEX.fullmatch(lines[0]) if lines else None
        if not blank or not match or int(match[1]) > SIZE_MAX:
            raise InputError('no line "index <number>", or no empty line.', where=where, code="tlog_proof")
        if len(lines) - 1 > PROOF_MAX:
            raise InputError(f"a proof of over {PROOF_MAX} hashes.", where=where, code="tlog_proof")
        hashes = tuple(decode_hash(line, where) for line in lines[1:])
        parsed = Note.parse(note, where)
        Checkpoint.parse_text(parsed.text, where)
        return cls(int(match[1]), hashes, parsed, extra)

    def __str__(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(h).decode() for h in self.hashes]
        return "\n".join(lines) + f"\n\n{self.note}"

    @property
    def checkpoint(self) -> Checkpoint:
        """The head that it names; not verified."""
        return Checkpoint.parse_text(self.note.text)

    def verify(
        self, entry: bytes, trust: Policy | Iterable[VerifierKey], where: str = "tlog-proof", origin: str | None = None
    ) -> SignedCheckpoint:
        """The head under which the entry stands, once signatures, quorum and inclusion are verified.

        Args:
            entry: the bytes of the leaf. trust: a policy, or the keys of the log and of those cosigners that matter;
                with keys alone no quorum is asked for. where: file, for messages. origin: the only log that will do.

        Raises:
            TrustError: a signature fails, the log's is missing, the quorum is not reached, another log, or the entry
                does not stand there.
        """
        text = str(self.note)
        signed = trust.require(text, where) if isinstance(trust, Policy) else Checkpoint.parse(text, trust, where)
        found = signed.checkpoint
        if origin is not None and found.origin != origin:
            raise TrustError(f"a proof from {found.origin[:80]}, not {origin}.", where=where, code="other_log")
        try:
            verify_inclusion(leaf_hash(entry), self.index, found.size, found.root, self.hashes)
        except TrustError as error:
            error.where = error.where or where
            raise
        return signed


def _extra(line: str, where: str) -> bytes:
    """The bytes of an `extra` line; an empty one is refused, as the line is left out where there are none."""
    encoded = line.removeprefix("extra ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or len(encoded) > EXTRA_MAX or base64.b64encode(raw).decode() != encoded:
        raise InputError("extra is not base64, empty, or too long.", where=where, code="tlog_proof")
    return raw
