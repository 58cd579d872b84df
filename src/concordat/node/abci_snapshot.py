"""How a new replica gets the whole ledger of a chain without replaying the engine's blocks: snapshots in 1 MiB chunks.

A snapshot of height h is the log itself, since nothing is ever pruned: records of four bytes of length (big-endian) and
content. First the genesis, then each batch up to h followed by its entries, last `{"height": h}`. It is cut into chunks
of 1 MiB; the metadata holds the SHA-256 of each, the snapshot's hash is that of the metadata. Every replica makes the
same bytes.

Whoever restores trusts the app hash alone, which the engine's light client has verified. Each chunk is held against the
metadata; the records are replayed through the rules of any block (`node.abci_order`), signatures verified, into a file
beside the ledger; only if the end comes to the offered app hash does that file take its place. Certificates do not
travel: they are read from the engine from then on, and earlier ones asked of a member.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import Batch
from concordat.node.abci_genesis import Genesis
from concordat.node.abci_ledger import Block, EngineLedger

FORMAT = 1
CHUNK_BYTES = 2**20
CHUNKS_MAX = 16_384
EVERY = 1_000  # heights
KEPT = 2
RECORD_MAX = 70_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is offered: height, chunks, the hash of each."""

    height: int
    chunks: int
    metadata: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the metadata."""
        return sha256(self.metadata).digest()


def records(ledger: EngineLedger, height: int) -> Iterator[bytes]:
    """The records of a snapshot of a height that is durable."""
    assert ledger.genesis is not None
    yield ledger.genesis.leaf()
    for batch, leaf, entries in ledger.batches():
        if batch.number > height:
            break
        yield leaf
        yield from (entry.leaf for entry in entries)
    yield canonical.dumps({"height": height})


class Shelf:
    """The snapshots of a ledger as files in one folder, made when somebody asks.

    Args:
        ledger: of which. folder: where they lie. every: at which heights.
    """

    def __init__(self, ledger: EngineLedger, folder: Path, every: int = EVERY) -> None:
        self._ledger, self._folder, self._every = ledger, folder, every
        self._made: dict[int, Snapshot] = {}

    def listed(self) -> list[Snapshot]:
        """The newest two, oldest first; the newest is made now if it isn't there yet."""
        height = self._ledger.height // self._every * self._every
        if height and height not in self._made and self._ledger.genesis is not None:
            if height >= self._ledger.genesis.initial_height:
                self._made[height] = self._make(height)
            for old in sorted(self._made)[:-KEPT]:
                del self._made[old]
            for path in self._folder.glob("snapshot-*"):  # also what an earlier run left
                if path not in {self._path(kept) for kept in self._made}:
                    path.unlink(missing_ok=True)
        return [self._made[h] for h in sorted(self._made)]

    def chunk(self, height: int, number: int) -> bytes:
        """One chunk; empty if there is no such snapshot or chunk here any more."""
        found = self._made.get(height)
        if found is None or number >= found.chunks:
            return b""
        with self._path(height).open("rb") as file:
            file.seek(number * CHUNK_BYTES)
            return file.read(CHUNK_BYTES)

    def _path(self, height: int) -> Path:
        return self._folder / f"snapshot-{height}"

    def _make(self, height: int) -> Snapshot:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(height)
        temporary = path.with_name(path.name + ".new")
        temporary.unlink(missing_ok=True)
        hashes, waiting = [], bytearray()
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            for record in records(self._ledger, height):
                waiting += len(record).to_bytes(4, "big") + record
                while len(waiting) >= CHUNK_BYTES:
                    hashes.append(_write(file.write, waiting[:CHUNK_BYTES]))
                    del waiting[:CHUNK_BYTES]
            if waiting:
                hashes.append(_write(file.write, waiting))
        temporary.replace(path)  # a copy of what is durable: made again if it is lost
        return Snapshot(height, len(hashes), b"".join(hashes))


def _write(write: Callable[[bytes], int], chunk: bytearray) -> bytes:
    write(bytes(chunk))
    return sha256(chunk).digest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".restoring")


def forget(path: Path) -> None:
    """Remove what was being restored beside a ledger when the program ended."""
    for suffix in ("", "-wal", "-shm"):
        beside = _beside(path)
        beside.with_name(beside.name + suffix).unlink(missing_ok=True)


class Restoring:
    """A snapshot that is being taken in, beside the ledger that it will replace.

    Args:
        offered: what the engine offers. app_hash: what it has verified. path: the ledger's file. open_ledger: opens a
            ledger at a path.

    Raises:
        InputError: an offer that can't be one of ours, or is too large.
    """

    def __init__(
        self, offered: Snapshot, app_hash: bytes, path: Path, open_ledger: Callable[[Path], EngineLedger]
    ) -> None:
        if not 0 < offered.chunks <= CHUNKS_MAX or len(offered.metadata) != 32 * offered.chunks or len(app_hash) != 32:
            what = f"{offered.chunks:,} chunks, {len(offered.metadata):,} bytes of hashes."
            raise InputError(what, where="snapshot", code="snapshot")
        self.offered, self._app_hash, self._target = offered, app_hash, path
        self.path = _beside(path)
        self.drop()
        self._ledger = open_ledger(self.path)
        self._ledger.recording = False  # the blocks themselves, with what they refused, are not in a snapshot
        self._next, self._last, self._waiting, self._done = 0, 0, bytearray(), False
        self._batch: tuple[Batch, bytes] | None = None
        self._entries: list[bytes] = []

    def drop(self) -> None:
        """Give up: the file beside the ledger goes."""
        if hasattr(self, "_ledger"):
            self._ledger.close()
        forget(self._target)

    def holds(self, number: int, chunk: bytes) -> bool:
        """Whether the chunk is the one that the metadata names, and the next one."""
        wanted = self.offered.metadata[32 * number : 32 * number + 32]
        return number == self._next and sha256(chunk).digest() == wanted

    def apply(self, chunk: bytes) -> bool:
        """Take the next chunk in; whether it was the last, and all is good and ready for `install`.

        Raises:
            InputError, TrustError: records that no replica writes, or an end that is not the app hash offered.
        """
        self._waiting += chunk
        self._next += 1
        with self._ledger.store.commit():  # one sync a chunk
            self._read()
        if self._next < self.offered.chunks:
            return False
        if not self._done or self._waiting or self._ledger.app_hash != self._app_hash:
            raise TrustError("it doesn't come to the app hash offered.", where="snapshot", code="app_hash")
        self._ledger.close()
        return True

    def _read(self) -> None:
        while len(self._waiting) >= 4:
            end = 4 + int.from_bytes(self._waiting[:4], "big")
            if end > RECORD_MAX:
                raise InputError("a record that is too long.", where="snapshot", code="snapshot")
            if len(self._waiting) < end:
                break
            record = bytes(self._waiting[4:end])
            del self._waiting[:end]
            self._record(record)

    def _record(self, record: bytes) -> None:
        ledger = self._ledger
        if self._done:
            raise InputError("records after the end.", where="snapshot", code="snapshot")
        if ledger.genesis is None:
            ledger.begin(Genesis.parse(record, "snapshot"))
        elif self._batch is not None:
            self._entries.append(record)
        else:
            raw = canonical.loads(record, exact=True)
            if isinstance(raw, dict) and set(raw) == {"height"}:
                self._end(raw["height"])
            else:
                self._batch = (Batch.parse(raw, "snapshot"), record)
        if self._batch is not None and len(self._entries) == len(self._batch[0].refs):
            self._take(*self._batch)

    def _take(self, batch: Batch, leaf: bytes) -> None:
        """Replay one batch as if its entries came as a block; it must come to the same bytes."""
        if not batch.refs or batch.number <= self._last:
            raise InputError("a batch without entries, or out of order.", where="snapshot", code="snapshot")
        first = batch.refs[0]
        try:
            block_hash = bytes.fromhex(first.proof)
        except ValueError:
            raise InputError("a ref without a block.", where="snapshot", code="snapshot") from None
        self._ledger.height = batch.number - 1  # blocks between batches added nothing
        found = self._ledger.finalize(Block(batch.number, block_hash, first.time, tuple(self._entries)))
        if found.leaf != leaf:
            what = f"batch {batch.number} is not what its entries come to."
            raise TrustError(what, where="snapshot", code="snapshot")
        self._ledger.commit()
        self._batch, self._entries, self._last = None, [], batch.number

    def _end(self, height: object) -> None:
        if type(height) is not int or height != self.offered.height or height < self._last:
            raise InputError("its end is of another height.", where="snapshot", code="snapshot")
        self._ledger.settle(height)
        self._done = True

    def install(self) -> None:
        """Put the restored file in the place of the ledger, which was empty and is closed."""
        for suffix in ("-wal", "-shm"):
            self._target.with_name(self._target.name + suffix).unlink(missing_ok=True)
        self.path.replace(self._target)
        handle = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
