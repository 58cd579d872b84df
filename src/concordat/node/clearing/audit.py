"""Is this ledger what it says? Every block from the first applied again, and everything beside it compared.

`verify_store` checks, in this order: the database's own pages; for each block that it is there, that its hash is that
of its header, that it follows the one before, the order, signatures and effect of its instructions, the three roots
in its header, the bytes of its receipts, and the invariants I1 to I12; then the written state, record by record, and
the index of receipts. It raises at the first fault and names its height. It repairs nothing and writes nothing.

A ledger that began from a snapshot is verified from there on: the snapshot must give the root of the header in it, and
whether that block is the right one is for the reader to compare with another member (its hash is in the result).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.apply import Block, advance
from concordat.clearing.core.invariants import Watch
from concordat.clearing.core.signatures import Verify, verify_all
from concordat.clearing.core.state import State
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.node.clearing.loading import (
    DAMAGED,
    base_header,
    driver,
    first_scheme,
    read_block,
    stored_base,
    written_state,
)
from concordat.node.clearing.places import WIDTH, entries_of, split
from concordat.node.clearing.tables import Store

PIECE = 8  # blocks read at a time; one may have 4 MiB, and its receipts twice that
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Audit:
    """What was verified.

    Attributes:
        first, height: of the blocks verified (`first` is 1 unless the ledger began from a snapshot). head: the last
            block's hash. state_root: behind it. start: the hash of the block before `first`, to be compared elsewhere.
        instructions, receipts: how many. accounts, records: of the written state.
    """

    first: int
    height: int
    head: str
    state_root: str
    start: str
    instructions: int
    receipts: int
    accounts: int
    records: int

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def verify_store(
    store: Store, verify: Verify = verify_all, *, invariants: bool = True, progress: Callable[[int], None] | None = None
) -> Audit:
    """Verify a ledger.

    Args:
        store: opened to read. verify: of signatures. invariants: whether I1 to I12 are watched in every block, which
            takes longer than all else. progress: called with each height that holds.

    Raises:
        TrustError: the first fault; `where` names the height.
    """
    with driver(store):
        store.check()
        with store.reading():
            return _Auditor(store, verify, invariants, progress).run()


class _Auditor:
    def __init__(self, store: Store, verify: Verify, invariants: bool, progress: Callable[[int], None] | None) -> None:
        self.store, self.verify, self.progress = store, verify, progress
        base = stored_base(store)
        if base is None:
            self.state, self.start = State.genesis(first_scheme(store)), "0" * 64
        else:
            self.start = base_header(base).hash
            self.state = snapshots.load(base.manifest, base.chunks, self.start)
        self.base = base
        self.first = self.state.height + 1
        self.watch = Watch(self.state) if invariants else None
        self.instructions = self.receipts = self.index = self.indexed = 0
        self.covered = max((last for (last,) in store.rows("run", columns="last")), default=0)

    def run(self) -> Audit:
        written, header = written_state(self.store, self.base)
        at = header.height if header else 0
        if at == self.state.height:
            self._compare(written)
        for height, row in self._rows():
            self._one(height, row)
            if height == at:
                self._compare(written)
            if self.progress:
                self.progress(height)
        if self.state.height < at:
            raise self._fault(self.state.height + 1, "the block is missing.", "missing_block")
        self._check_places()
        return Audit(
            self.first, self.state.height, self.state.head, self.state.root(), self.start, self.instructions,
            self.receipts, len(self.state.accounts), sum(len(table) for table in self.state.tables.values()),
        )  # fmt: skip

    def _rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each block's row, the heights without a gap."""
        expected, below = self.first, self.first - 1
        while rows := list(self.store.rows("block", "WHERE height > ? ORDER BY height LIMIT ?", (below, PIECE))):
            for row in rows:
                if row[0] != expected:
                    raise self._fault(expected, "the block is missing.", "missing_block")
                yield expected, row
                expected += 1
            below = rows[-1][0]

    def _one(self, height: int, row: tuple[Any, ...]) -> None:
        block, leaves = read_block(row, self.state.scheme.name, self.store.where)
        try:
            applied = advance(self.state, block, self.verify)
        except (TrustError, InputError) as error:
            raise self._fault(height, str(error), error.code) from None
        if applied.leaves != leaves:
            place = next(
                (i for i, pair in enumerate(zip(applied.leaves, leaves, strict=False)) if pair[0] != pair[1]), None
            )
            what = (
                f"receipt {place} is not what the rules give."
                if place is not None
                else "receipts are missing, or too many."
            )
            raise self._fault(height, what, "receipts")
        if self.watch is not None:
            try:
                self.watch.see(self.state, leaves)
            except TrustError as error:
                raise self._fault(height, str(error), error.code) from None
        self._count(block, leaves)

    def _count(self, block: Block, leaves: list[bytes]) -> None:
        self.instructions += len(block.instructions)
        self.receipts += len(leaves)
        if block.header.height <= self.covered:
            entries = split(entries_of(leaves, block.header.height))
            self.index = (self.index + _sum(entries)) % _MODULUS
            self.indexed += len(entries)

    def _compare(self, written: State) -> None:
        """The state beside the log is that of the log; its root was compared with the header when it was read."""
        if written.root() != self.state.root():
            mine, theirs = dict(self.state.items()), dict(written.items())
            key = next(k for k in sorted({*mine, *theirs}) if mine.get(k) != theirs.get(k))
            raise self._fault(self.state.height, f"the written {key} is not what the blocks give.", "state")
        if written.ids_of_day != self.state.ids_of_day:
            raise self._fault(self.state.height, "the written ids are not those of the blocks.", "ids")

    def _check_places(self) -> None:
        """The index has an entry for each receipt up to the block that it covers, and each of its runs is sorted.

        Entries are compared as a sum of hashes, so that no set of them all has to be held.
        """
        found = count = 0
        named = {run for (run,) in self.store.rows("place", columns="DISTINCT run")}
        if named != {run for (run,) in self.store.rows("run", "WHERE entries > 0", columns="run")}:
            raise self._fault(self.state.height, "the runs of the index are not those that are listed.", "index")
        for run, level, size, _ in list(self.store.rows("run", "ORDER BY run")):
            entries: list[bytes] = []
            for first, data in self.store.rows("place", "WHERE run = ? ORDER BY first", (run,), "first, entries"):
                entries.extend(split(bytes(data)))
                if bytes(first) != bytes(data)[:WIDTH]:  # by which it is found
                    raise self._fault(self.state.height, f"a row of run {run} of the index has another key.", "index")
            if entries != sorted(entries) or len(entries) != size:
                raise self._fault(self.state.height, f"run {run} of level {level} of the index is not sorted.", "index")
            found, count = (found + _sum(entries)) % _MODULUS, count + len(entries)
        if (found, count) != (self.index, self.indexed):
            what = f"the index has {count} entries that are not those of the {self.indexed} receipts it covers."
            raise self._fault(self.state.height, what, "index")

    def _fault(self, height: int, what: str, code: str) -> ConcordatError:
        return TrustError(what, where=f"{self.store.where}, block {height}", hint=DAMAGED, code=code)


def _sum(entries: list[bytes]) -> int:
    return sum(int.from_bytes(sha256(one).digest(), "big") for one in entries)
