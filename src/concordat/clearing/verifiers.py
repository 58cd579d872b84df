"""Signatures verified by several processes, and by libsodium where it is installed: same strict rules, same verdict.

`cryptography` holds the interpreter while it verifies, so threads don't help; processes do. The executor is handed in
(a `concurrent.futures.ProcessPoolExecutor` of whoever may start processes) and nothing is decided by it: each piece of
the work goes through `verify_fast`, and the first that fails raises here as it would in `core.signatures.verify_all`. A
process that died verified nothing: its piece is verified here.

    verify = PooledVerifier(executor)                     # wherever a `Verify` is taken
    waiting = verify.begin(items)                         # or: go on with other work,
    waiting.wait()                                        # and ask later; raises TrustError

With the extra [sign], libsodium (PyNaCl) verifies in place of OpenSSL, in about half the time. Two libraries may not
judge differently, or two nodes would: canonical form and small order are looked at here in both cases, and what
libsodium refuses the core's own verifier judges again. What is left is the equation. Both take it without the cofactor
today; a libsodium that didn't would take signatures off by a point of small order (`ODD`, made for this), so it is
asked once about one of them and not used if it takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from functools import cache

from concordat.clearing.core.signatures import Item, verify_all
from concordat.ledger.keys import check_strict

PIECE = 250  # signatures a piece: about 16 ms of work, against which handing it over is small
# R = rB + T with T = (0, -1), of order 2, and S = r + ha: holds with the cofactor, fails without (RFC 8032 5.1.7 allows
# both). The key is that of the secret bytes 0 to 31, r = 12345678901234567890, the message `hello`.
ODD: Item = (
    bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"),
    bytes.fromhex(
        "76985cdbd2364a744397b773ed9a33933a0d9390c3775a2aa16fe4f8cb235a8d"
        "448991c70986d5f2fdf57d5c1940448f103929aa06542ff4682e6e3ced11b509"
    ),
    b"hello",
)
Sodium = Callable[[bytes, bytes], bytes]


@cache
def sodium() -> Sodium | None:
    """libsodium's `crypto_sign_open(signature || message, key)`; None if it isn't here, or judges otherwise."""
    try:
        from nacl.bindings import crypto_sign_open
        from nacl.exceptions import BadSignatureError
    except ImportError:
        return None
    public, signature, message = ODD
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        found: Sodium = crypto_sign_open
        return found
    return None


def verify_fast(items: Sequence[Item]) -> None:
    """As `verify_all`, by libsodium where that is installed.

    Raises:
        TrustError: as `verify_all`, with the same words.
    """
    opened = sodium()
    if opened is None:
        verify_all(items)
        return
    for item in items:
        public, signature, message = item
        try:
            check_strict(public, signature, "the signature of an instruction")
            opened(signature + message, public)
        except Exception:  # whatever it was, the core says whether and why
            verify_all((item,))


@dataclass(frozen=True)
class Verifying:
    """Work that was handed out: each piece with who verifies it, None where nobody could be found."""

    pieces: tuple[tuple[Sequence[Item], Future[None] | None], ...]

    def wait(self) -> None:
        """Until all is verified.

        Raises:
            TrustError: a signature fails; the first in the order of the items.
        """
        for items, elsewhere in self.pieces:
            if not _was_verified(elsewhere):
                verify_fast(items)


def _was_verified(elsewhere: Future[None] | None) -> bool:
    """Whether a piece was verified; a process of the pool that was killed says nothing about the signatures."""
    if elsewhere is None:
        return False
    try:
        elsewhere.result()
    except BrokenExecutor:
        return False
    return True


@dataclass(frozen=True)
class PooledVerifier:
    """A `Verify` that spreads its work over the processes of an executor."""

    executor: Executor
    piece: int = PIECE

    def begin(self, items: Sequence[Item]) -> Verifying:
        """Hand the work out and go on."""
        pieces = [items[start : start + self.piece] for start in range(0, len(items), self.piece)]
        return Verifying(tuple((piece, self._hand_out(piece)) for piece in pieces))

    def _hand_out(self, piece: Sequence[Item]) -> Future[None] | None:
        try:
            return self.executor.submit(verify_fast, piece)
        except BrokenExecutor:
            return None

    def __call__(self, items: Sequence[Item]) -> None:
        """Verify all of them.

        Raises:
            TrustError: as `verify_all`.
        """
        if len(items) <= 1:
            verify_fast(items)
        else:
            self.begin(items).wait()
