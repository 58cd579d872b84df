"""A host whose blocks are on a disk before anyone is told: what SQLite and PostgreSQL share.

A block is final when its transaction has been written. `commit` returns then; `commit_later` gives a future, so that
the next block can be applied while this one is on its way to the disk, one at a time. Whatever goes wrong in writing,
the host stops for good: what the disk holds is then unknown (Rebello et al., "Can applications recover from fsync
failures?", 2020), and the memory is ahead of it. A restart reads what is there. Work that nobody was told of may be
sent again: an id has one effect.

At a start the last written state is loaded and its root compared with its block's header, the blocks behind it are
replayed, each root compared, and the last `TAIL` blocks are checked against the hashes in their headers. Anything that
differs is a TrustError; nothing is repaired. `audit.verify` looks at the whole log.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from concordat import canonical
from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.apply import Applied, Block, Header
from concordat.clearing.core.receipts import Receipt, prove
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, Verify, verify_all
from concordat.clearing.core.snapshot import Snapshot
from concordat.clearing.core.state import IdRecord, State
from concordat.clearing.host import MemoryHost
from concordat.errors import InputError, StateError, TrustError
from concordat.node.clearing import tables
from concordat.node.clearing.loading import (
    DAMAGED,
    block_at,
    driver,
    first_scheme,
    found,
    is_founded,
    load_state,
    read_block,
)
from concordat.node.clearing.places import Places
from concordat.node.clearing.tables import Batch, Store

_STOPPED = "Free some space or mend the disk, and start it again; what was not acknowledged may be sent again."


class DurableHost(MemoryHost):
    """A host on a store, of which it is the one writer.

    Args:
        store: the database. scheme: the first scheme, to found an empty store; for another it must be the one it began
            with. verify_signatures: how signatures are verified.
        state_every: the state is written with every so many blocks; those behind it are replayed at a start.

    Raises:
        StateError: nothing there and no scheme given, or a newer program wrote it. TrustError: what is there does not
            hold together, or began with another scheme. InputError: `state_every` is below 1.
    """

    def __init__(
        self, store: Store, scheme: Scheme | None = None, verify_signatures: Verify = verify_all, state_every: int = 1
    ) -> None:
        self.store = store
        self.stopped = ""
        self.state_every = state_every
        self._lock = threading.RLock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="clearing-writer")
        self._on_way: Future[str] | None = None
        try:
            if state_every < 1:
                raise InputError("a number of blocks from 1 on.", where="state_every", code="state_every")
            with driver(store):
                if not is_founded(store):
                    found(store, scheme)
                super().__init__(first_scheme(store, scheme), verify_signatures)
                self._take_over()
        except BaseException:
            self._writer.shutdown()
            store.close(untouched=True)
            raise

    def _take_over(self) -> None:
        """Go on from what the store holds."""
        loaded = load_state(self.store, self.verify_signatures)
        self.state, self.last, self._pending = loaded.state, loaded.last, loaded.pending
        self.first_height, self._schemes = loaded.first, loaded.schemes
        self._written = self.state.height
        self.places = Places(self.store)
        if self.places.covered > self.state.height:
            what = f"the index of receipts goes to height {self.places.covered}; the last block is {self.state.height}."
            raise TrustError(what, where=self.store.where, hint=DAMAGED, code="index")
        self.store.settle()  # only now may anybody be told

    def close(self) -> None:
        """Wait for what is on its way, and let go of the database."""
        self._writer.shutdown()
        self.store.close()

    # --- Writing ------------------------------------------------------------------------------------------------------

    def commit(self) -> str:
        """Write the finalised block; when this returns it is final.

        Raises:
            StateError: not written. The host does nothing more until it is started again.
        """
        self._wait_for_the_last()
        with self._lock:
            return self._flush(self._hand_over())

    def commit_later(self) -> Future[str]:
        """Send the finalised block to the disk and go on; it is final when the future gives the state root.

        The next block may be applied meanwhile. One block is on its way at a time: the next call waits for it.

        Raises:
            StateError: this block or the one before it was not written.
        """
        self._wait_for_the_last()
        with self._lock:
            header = self._hand_over()
            with self._stopping(header.height):
                self._on_way = self._writer.submit(self._flush, header)
            return self._on_way

    def _wait_for_the_last(self) -> None:
        if self._on_way is not None:
            self._on_way.result()
            self._on_way = None

    def _hand_over(self) -> Header:
        """Give the rows of the finalised block to the database, in a transaction that `_flush` ends."""
        self._check_runs()
        if self._finalised is None:
            raise StateError("no finalised block to commit.", code="not_finalised")
        block, applied = self._finalised
        with self._stopping(block.header.height):
            if block.header.height != self._written + 1:  # somebody interrupted a block and went on
                what = f"block {self._written + 1} was applied and not written; {block.header.height} can't follow."
                raise StateError(what, where=self.store.where, hint=_STOPPED, code="store")
            batch = self._batch(block, applied)
            self.places.take_up(applied.leaves, block.header.height, batch)
            self.store.begin(batch)
        self._finalised = None
        for signed in block.instructions:
            self._pool.pop(signed.digest, None)
        return block.header

    def _flush(self, header: Header) -> str:
        with self._stopping(header.height), self._lock:
            self.store.commit()
        self.last, self._written = header, header.height
        return header.state_root

    @contextmanager
    def _stopping(self, height: int) -> Iterator[None]:
        """Whatever goes wrong inside stops the host: the state in memory is ahead of the disk from here on."""
        try:
            yield
        except BaseException as error:
            self.stopped = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            if isinstance(error, self.store.failures):
                what = f"block {height} is not known to be written: {self.stopped}. The host has stopped for good."
                raise StateError(what, where=self.store.where, hint=_STOPPED, code="store") from None
            raise

    def _batch(self, block: Block, applied: Applied) -> Batch:
        header, batch = block.header, Batch()
        stated = header.height % self.state_every == 0
        batch.add("block", tables.block_row(block, applied.leaves, state=stated))
        if header.scheme not in self._schemes:
            batch.add("scheme", (header.scheme, canonical.dumps(self.state.scheme.document).decode()))
            self._schemes.add(header.scheme)
        self._pending.take_up(applied.changes(), header.height)
        if stated:
            self._pending.flush(self.state, batch)
        return batch

    def _check_runs(self) -> None:
        if self.stopped:
            what = f"the host has stopped behind height {self._written}: {self.stopped}."
            raise StateError(what, where=self.store.where, hint=_STOPPED, code="store_broken")

    def _settled_state(self) -> State:
        self._check_runs()
        return super()._settled_state()

    def _on_its_way(self, signed: Signed) -> IdRecord | None:
        """What used the instruction's id in a block that is applied and not yet on the disk."""
        said = signed.instruction
        known = self.state.find_id(said.uetr, said.member, said.kind)
        return known if known is not None and tables.leaf_height(known.leaves[0]) > self._written else None

    def _check_id(self, signed: Signed) -> None:
        if self._on_its_way(signed) is None:
            super()._check_id(signed)

    def _keep(self, signed: Signed) -> Receipt | None:
        """As in memory; of what is applied and not yet on the disk nothing is told."""
        known = self._on_its_way(signed)
        if known is None:
            return super()._keep(signed)
        if known.digest != signed.digest or known.rows:  # the next block will say that its id was used
            self._take_in(signed)
        return None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One reader at a time; a database that can't be read is one that can't be written."""
        with self._lock:
            try:
                with driver(self.store):
                    yield
            except (StateError, TrustError) as error:
                self.stopped = self.stopped or error.what.rstrip(".")
                raise

    # --- Asking -------------------------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        """Of the last block on the disk."""
        return self._written

    def state_root(self) -> str:
        """Of the last block on the disk."""
        self._check_runs()
        return self.last.state_root if self.last else State.genesis(self.state.scheme).root()

    def block(self, height: int) -> tuple[Block, list[bytes]]:
        """A block and the bytes of its receipts.

        Raises:
            InputError: no such block here.
        """
        if not self.first_height <= height <= self._written:
            raise InputError(f"there is no block {height} here.", where=self.store.where, code="no_block")
        with self._reading():
            row = block_at(self.store, height)
        return read_block(row, self.state.scheme.name, self.store.where)

    def _find(self, uetr: str) -> Sequence[tuple[int, int]]:
        places = None
        while places is None:
            self._check_runs()
            on_way = self._on_way
            if on_way is not None:
                wait([on_way])
            with self._reading():  # the index in memory is that of the disk only when nothing is on its way
                if self._on_way is None or self._on_way.done():
                    places = self.places.find(uetr)
        found: list[tuple[int, int]] = []
        # Whoever chooses ids can make thousands begin alike: each block is read once for all of them.
        for height, some in groupby((place for place in places if place[0] <= self._written), lambda place: place[0]):
            leaves = self.block_leaves(height)
            found.extend(place for place in some if tables.leaf_uetr(self._leaf(leaves, *place)) == uetr)
        return found

    def _leaf(self, leaves: list[bytes], height: int, index: int) -> bytes:
        if index >= len(leaves):
            what = f"block {height} has {len(leaves)} receipts, and the index of receipts names number {index}."
            raise TrustError(what, where=self.store.where, hint=DAMAGED, code="index")
        return leaves[index]

    def block_leaves(self, height: int) -> list[bytes]:
        """The bytes of a block's receipts; none of a block that is not on the disk."""
        if height > self._written:
            return []
        with self._reading():
            row = next(self.store.rows("block", "WHERE height = ?", (height,), "receipts"), ("",))
        return tables.receipts_leaves(row[0])

    def _at(self, height: int, index: int) -> Receipt:
        return Receipt.parse(self._leaf(self.block_leaves(height), height, index), self._block_hash(height))

    def _block_hash(self, height: int) -> str:
        with self._reading():
            row = next(self.store.rows("block", "WHERE height = ?", (height,), "hash"), None)
        return row[0] if row else ""

    def prove(self, uetr: str, member: str | None = None) -> dict[str, Any]:
        """The proof of the last receipt of an id.

        Raises:
            InputError: no receipt of that id is kept here.
        """
        places = [place for place in self._find(uetr) if member is None or self._at(*place).member == member]
        if not places:
            raise InputError(f"no receipt of {uetr} is kept here.", where="uetr", code="unknown_payment")
        block, leaves = self.block(places[-1][0])
        return prove(leaves, places[-1][1], block.header.as_dict())

    # --- Snapshots ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The committed state in chunks.

        Raises:
            StateError: there is no block yet, or one is still on its way to the disk.
        """
        state = self._settled_state()
        if self.last is None or state.head != self.last.hash:
            raise StateError("no block that is on the disk to take a snapshot of.", code="no_block")
        return snapshots.take(state, self.last)

    def load(self, snapshot: Snapshot, block_hash: str) -> None:
        """Begin from a snapshot, in a store without blocks; receipts of earlier blocks are not kept here.

        Raises:
            StateError: blocks are here already. TrustError: the snapshot is not of that block, or of another scheme.
        """
        self._check_runs()
        if self.last is not None:
            hint = "Take an empty store."
            raise StateError("blocks are here already.", where=self.store.where, hint=hint, code="not_empty")
        state = snapshots.load(snapshot.manifest, snapshot.chunks, block_hash)
        if state.scheme.name != self.state.scheme.name:
            what = f"the snapshot is of the scheme {state.scheme.name}."
            raise TrustError(what, where="snapshot", code="other_scheme")
        batch = Batch()
        batch.remove("item", *store_keys(self.store, "item"))
        batch.remove("account", *store_keys(self.store, "account"))
        batch.add("base", *enumerate((snapshot.manifest, *snapshot.chunks)))
        if state.scheme.hash not in self._schemes:
            batch.add("scheme", (state.scheme.hash, canonical.dumps(state.scheme.document).decode()))
        tables.whole_state(state, batch)
        with self._lock, self._stopping(state.height):
            self.store.write(batch)
            self._take_over()
        self._pool, self._prepared, self._finalised = {}, None, None


def store_keys(store: Store, table: str) -> list[tuple[Any, ...]]:
    """The keys of all rows of a table."""
    definition = tables.TABLES[table]
    return list(store.rows(table, columns=", ".join(definition.names[: definition.keys])))
