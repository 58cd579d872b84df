"""What tests of the ledger share: a second, recursive Merkle tree from the text of RFC 6962, and keys from words.

The tree is slow and plain on purpose: sections 2.1, 2.1.1 and 2.1.2 line by line, over the entries themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, MLDSA44_COSIGNATURE, Ed25519Secret, MLDSA44Secret
from concordat.ledger.note import Checkpoint, Note, NoteSigner, sign_checkpoint

ORIGIN = "node.example.br/BRICS/member"
NOW = 1_780_000_000


def k_of(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    n = len(entries)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = k_of(n)
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    n = len(entries)
    if n == 1:
        return []
    k = k_of(n)
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return subproof(m, entries, True)


def subproof(m: int, entries: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    n = len(entries)
    if m == n:
        return [] if whole else [mth(entries)]
    k = k_of(n)
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def ed25519(word: str) -> Ed25519Secret:
    """A key that is the same in every run."""
    return Ed25519Secret(sha256(word.encode()).digest())


def mldsa44(word: str) -> MLDSA44Secret:
    """A key that is the same in every run."""
    return MLDSA44Secret(sha256(word.encode()).digest())


def log_signer(origin: str = ORIGIN, word: str = "log") -> NoteSigner:
    """The Ed25519 key of a log."""
    return NoteSigner(origin, ED25519_LOG, ed25519(word))


def cosigners(name: str, word: str) -> list[NoteSigner]:
    """Both keys of a witness or mirror."""
    return [
        NoteSigner(name, ED25519_COSIGNATURE, ed25519(word)),
        NoteSigner(name, MLDSA44_COSIGNATURE, mldsa44(word)),
    ]


def entries_of(size: int, salt: str = "") -> list[bytes]:
    """Entries of different lengths, one of them empty."""
    return [(f"{salt}{i}" * (i % 5)).encode() for i in range(size)]


def head(entries: Sequence[bytes], *signers: NoteSigner, origin: str = ORIGIN, time: int = NOW) -> Note:
    """A signed head over entries, with the root of the recursive tree."""
    return sign_checkpoint(Checkpoint(origin, len(entries), mth(entries)), signers or [log_signer(origin)], time)
