"""Signatures verified by several processes: the same strict rules, the same verdict, on more than one core.

`cryptography` holds the interpreter while it verifies, so threads don't help; processes do. The executor is handed in
(a `concurrent.futures.ProcessPoolExecutor` of whoever may start processes) and nothing is decided by it: each piece of
the work goes through `core.signatures.verify_all`, and the first that fails raises here as it would there. A process
that died verified nothing: its piece is verified here.

    verify = PooledVerifier(executor)                     # wherever a `Verify` is taken
    waiting = verify.begin(items)                         # or: go on with other work,
    waiting.wait()                                        # and ask later; raises TrustError
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass

from concordat.clearing.core.signatures import Item, verify_all

PIECE = 250  # signatures a piece: about 16 ms of work, against which handing it over is small


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
                verify_all(items)


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
            return self.executor.submit(verify_all, piece)
        except BrokenExecutor:
            return None

    def __call__(self, items: Sequence[Item]) -> None:
        """Verify all of them.

        Raises:
            TrustError: as `verify_all`.
        """
        if len(items) <= 1:
            verify_all(items)
        else:
            self.begin(items).wait()
