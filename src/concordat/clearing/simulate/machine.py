"""One host on one disk that may go down at every step of a block, and comes back from what the disk holds.

The disk keeps a record for each block: length and hash in front, then header and body. A crash loses what waits, what
was only proposed and what was only applied; one in the middle of the write leaves a record that is cut; one behind it
leaves a block that nobody was told of. On start the last snapshot is loaded, if there is one, and the records behind it
are applied again; a cut record at the end is thrown away, and anything else that does not fit stops the start. The real
files, and a cut at every single write of them, are tested with the hosts in `node.clearing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from concordat import canonical
from concordat.clearing.core.apply import Block
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify
from concordat.clearing.core.snapshot import Snapshot
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.errors import TrustError

Seen = Callable[[State, Block, list[bytes]], None]


def record_of(block: Block) -> bytes:
    """A block as it lies on the disk."""
    header = canonical.dumps(block.header.as_dict())
    content = len(header).to_bytes(4, "big") + header + block.body()
    return len(content).to_bytes(8, "big") + sha256(content).digest() + content


def read_record(record: bytes, scheme: str) -> Block | None:
    """The block of a record; None if the record is cut.

    Raises:
        TrustError: it is whole and not what was written.
    """
    if len(record) < 40 or len(record) < 40 + int.from_bytes(record[:8], "big"):
        return None
    content = record[40:]
    if sha256(content).digest() != record[8:40]:
        raise TrustError("a record on the disk has another hash.", where="disk", code="disk")
    size = int.from_bytes(content[:4], "big")
    return Block.parse(content[4 : 4 + size], content[4 + size :], scheme)


@dataclass
class Machine:
    """The host, and what survives it.

    Attributes:
        seen: told of every durable block once, in order, when the host itself knows it is durable.
        up: whether it runs. starts: how often it was started.
    """

    scheme: Scheme
    verify: Verify
    seen: Seen
    snapshot_every: int = 0
    disk: list[bytes] = field(default_factory=list)
    kept: tuple[Snapshot, str, int] | None = None
    up: bool = True
    starts: int = 1
    told: int = 0

    def __post_init__(self) -> None:
        self.host = MemoryHost(self.scheme, self.verify)

    def crash(self) -> Block | None:
        """Everything that is not on the disk is gone; no block came of it."""
        self.up = False
        return None

    def make_block(self, time_ms: int, crash_at: str = "", cut: int = 0) -> Block | None:
        """A block of what waits; None if the host went down on the way.

        Args:
            time_ms: of the block. crash_at: one of `plan.POINTS`, or nothing. cut: how many bytes of a torn record
                remain, modulo its length.

        Raises:
            InputError: the time does not rise.
        """
        if crash_at == "idle":
            return self.crash()
        block = self.host.propose(time_ms)
        if crash_at == "proposed":
            return self.crash()
        self.host.finalise(block)
        if crash_at == "applied":
            return self.crash()
        record = record_of(block)
        if crash_at == "torn":
            self.disk.append(record[: cut % len(record)])
            return self.crash()
        self.disk.append(record)
        if crash_at == "durable":
            return self.crash()
        self.host.commit()
        self._tell(block)
        if self.snapshot_every and block.header.height % self.snapshot_every == 0:
            self.kept = (self.host.snapshot(), block.hash, block.header.height)
        return block

    def _tell(self, block: Block) -> None:
        if block.header.height > self.told:
            self.told = block.header.height
            self.seen(self.host.state, block, self.host.leaves[-1])

    def start(self) -> None:
        """Come back from the disk.

        Raises:
            TrustError: what the disk holds does not fit together.
        """
        self.host = MemoryHost(self.scheme, self.verify)
        first = 0
        if self.kept is not None:
            snapshot, block_hash, first = self.kept
            self.host.load(snapshot, block_hash)
        if self.disk and read_record(self.disk[-1], self.scheme.name) is None:
            self.disk.pop()
        for record in self.disk[first:]:
            block = read_record(record, self.scheme.name)
            if block is None:
                raise TrustError("a record in the middle of the disk is cut.", where="disk", code="disk")
            self.host.finalise(block)
            self.host.commit()
            self._tell(block)
        self.up, self.starts = True, self.starts + 1
