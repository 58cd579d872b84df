"""One node by itself: a log in one SQLite file, many writers, one signed head for each commit.

`EmbeddedSequencer.append` makes a batch durable and then signs; `GroupCommit` lets many threads wait for one commit: a
writer waits at most 10 milliseconds (setting) or until 1,000 entries are together, then all are verified, stored with
one sync of the disk, and covered by one head. There is no witness: whoever shows such a log says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from concordat.errors import ConcordatError, StateError
from concordat.ledger.entry import Entry
from concordat.ledger.merkle import leaf_hash, root_of
from concordat.ledger.note import Checkpoint
from concordat.ledger.sequencer import Receipt
from concordat.ledger.signer import Signer
from concordat.ledger.tiles import TileHashes
from concordat.node.store import Store

GATHER_S = 0.010
ENTRIES_MAX = 1_000
QUEUE_MAX = 10_000


@dataclass
class EmbeddedSequencer:
    """A log of one node (`ledger.sequencer.Sequencer`).

    Attributes:
        store: where it is kept. origin: of the log. signer: its keys. now: seconds since 1970.
    """

    store: Store
    origin: str
    signer: Signer
    now: Callable[[], int]

    def append(self, batch: Sequence[Entry]) -> Receipt:
        """Store, sync, sign the head, store the head.

        Raises:
            StateError: the disk is full or failed, or the keys have signed a longer log: nothing was signed.
        """
        rows = [(leaf_hash(entry.leaf), entry.leaf) for entry in batch]
        size = self.store.append(self.origin, rows)
        head = Checkpoint(self.origin, size, self.store.root(self.origin))
        note = self.signer.head(head, self.now(), self.root_at)
        self.store.put_head(self.origin, size, str(note))
        ids = tuple(entry.id for entry in batch)
        return Receipt(self.origin, size - len(batch), ids, note, TileHashes(self.store.reader(self.origin), size))

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries, from the tiles."""
        return root_of(size, TileHashes(self.store.reader(self.origin), self.store.size(self.origin)))


class GroupCommit:
    """Many writers, one commit.

    Args:
        append: what makes a batch durable. verify: raises for an entry that may not stand in the log; runs on the
            writer's thread, and a refused entry does not hold up the others.
    """

    def __init__(
        self,
        append: Callable[[Sequence[Entry]], Receipt],
        verify: Callable[[Entry], object],
        gather_s: float = GATHER_S,
    ) -> None:
        self._append, self._verify, self._gather_s = append, verify, gather_s
        self._queue: list[tuple[Entry, Future[Receipt]]] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> Future[Receipt]:
        """Queue an entry; the future holds its receipt once it is durable, or the error that refused it.

        Raises:
            StateError: 10,000 entries wait already, or the writer is stopping.
        """
        result: Future[Receipt] = Future()
        with self._wake:
            if self._stopping or len(self._queue) >= QUEUE_MAX:
                what = "the writer is stopping." if self._stopping else f"{QUEUE_MAX:,} entries are waiting."
                raise StateError(what, where="ledger writer", hint="Try again in a moment.", code="busy")
            self._queue.append((entry, result))
            self._wake.notify()
        return result

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopping:
                    self._wake.wait()
                if not self._queue:
                    return
                deadline = time.monotonic() + self._gather_s
                while len(self._queue) < ENTRIES_MAX and not self._stopping:
                    left = deadline - time.monotonic()
                    if left <= 0 or not self._wake.wait(left):
                        break
                taken, self._queue = self._queue[:ENTRIES_MAX], self._queue[ENTRIES_MAX:]
            self._commit(taken)

    def _commit(self, taken: list[tuple[Entry, Future[Receipt]]]) -> None:
        good = []
        for entry, result in taken:
            try:
                self._verify(entry)
            except ConcordatError as error:
                result.set_exception(error)
            else:
                good.append((entry, result))
        if not good:
            return
        try:
            receipt = self._append([entry for entry, _ in good])
        except ConcordatError as error:
            for _, result in good:
                result.set_exception(error)
            return
        for place, (entry, result) in enumerate(good):
            one = Receipt(receipt.origin, receipt.start + place, (entry.id,), receipt.head, receipt.hashes)
            result.set_result(one)
