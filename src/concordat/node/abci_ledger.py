"""What an engine's blocks come to, durably: batches, the members' logs they order, the state, one hash for all of it.

The log of a chain has the origin `<bloc>/council/<chain id>`. Its first entry is the genesis: bloc, chain, pinned
membership, validators. Each block that takes something up adds one batch, canonical JSON in the form of `ledger` 6.1:
number = height, refs in the order that counts (origin of the author, index = seq - 1, leaf hash, the block's hash as
`proof`, the block's time), cursors of all members. No node signs it: the engine's validators signed the block, and

    app hash = SHA-256(canonical({"root": root of that log, "state": state hash}))

stands in the header of the next block, which they sign as well (`node.abci_commit`). So every replica holds the same
bytes in the same tiles. A block that takes nothing up adds no batch and leaves the app hash as it is; otherwise an idle
engine, which makes a block whenever the app hash has changed, would never come to rest.

A block is decided in memory (`finalize`), and one synced transaction makes it durable (`commit`). What was decided and
not committed is forgotten, as after a crash: the engine gives the block again and it comes to the same hash. Opening
folds all batches again and compares the app hash.

What this does not do: talk to an engine, or judge entries (`node.abci_order`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.council_log import Batch, Ref
from concordat.ledger.entry import Entry
from concordat.ledger.fold import Event
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import Frontier, inclusion_proof, leaf_hash
from concordat.ledger.tiles import TileHashes
from concordat.node.abci_genesis import HASH, CouncilMeaning, Genesis, Meaning
from concordat.node.abci_order import NOT_COUNTED, OK, Desk, Tail, Verdict
from concordat.node.abci_store import EngineStore

TIME_MAX = 253_402_300_799  # the end of the year 9999
VIEW = 1  # an engine changes its proposers by itself: there is one view


@dataclass(frozen=True, slots=True)
class Block:
    """A block as an engine gives it: height, hash, time in seconds, transactions."""

    height: int
    hash: bytes
    time: int
    txs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a decided block comes to, not yet durable. `leaf` is empty where nothing was taken up."""

    block: Block
    leaf: bytes
    verdicts: tuple[Verdict, ...]
    app_hash: bytes

    @property
    def entries(self) -> list[Entry]:
        """What was taken up, in order."""
        return [v.entry for v in self.verdicts if v.entry is not None and v.code in (OK, NOT_COUNTED)]


class EngineLedger:
    """One replica's copy of a chain's ledger, in a file of its own.

    Whoever uses it from several threads holds `lock`; `moved` is notified after each commit.

    Args:
        path: the file; made if it isn't there. chain: the membership versions that are here. meaning: makes the state
            before anything was said.

    Raises:
        StateError: the file is damaged, or a newer program's. TrustError: it doesn't come to the hash it had.
    """

    def __init__(
        self, path: Path, chain: MembershipChain, meaning: Callable[[MembershipChain], Meaning] = CouncilMeaning
    ) -> None:
        self.path, self.chain, self._new_meaning = path, chain, meaning
        self.store = EngineStore(path, create=not path.exists())
        self.lock = threading.RLock()
        self.moved = threading.Condition(self.lock)
        self.genesis: Genesis | None = None
        self.candidate: Candidate | None = None
        self.recording = True  # whether blocks are noted, whose signed headers are wanted
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        self.store.close()

    @property
    def origin(self) -> str:
        """The origin of the log of batches."""
        assert self.genesis is not None
        return f"{self.chain.last.bloc}/council/{self.genesis.chain_id}"

    def member_origin(self, member: str) -> str:
        """The origin of a member's log."""
        return self.chain.last_with(member).member(member).origin

    # --- Opening ------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        self.height, self.app_hash = 0, b""
        self._number = self.time = 0  # of the last batch
        self.tails: dict[str, Tail] = {}
        self.desk = Desk(self.chain, self.tails, self._id_at)
        self._meaning = self._new_meaning(self.chain)
        self._edge = Frontier()
        papers = self.store.papers("engine")
        if "genesis" not in papers:
            return
        self.genesis = Genesis.parse(papers["genesis"], str(self.path))
        self._check_genesis(self.genesis)
        self._begin(self.genesis)
        for batch, leaf, entries in self.batches():
            self._replay(batch, leaf, entries)
        self.app_hash = self._app_hash(self._edge)
        if "tip" in papers:
            tip = canonical.loads(papers["tip"])
            self.height = tip["height"]
            if tip["app_hash"] != self.app_hash.hex():
                what = f"at height {self.height} its state comes to another hash than it had."
                hint = "A membership version adopted late, or another program: compare both with the other members."
                raise TrustError(what, where=str(self.path), hint=hint, code="app_hash")

    def _check_genesis(self, genesis: Genesis) -> None:
        if (genesis.bloc, genesis.membership) != (self.chain.last.bloc, self.chain.pinned):
            what = f"the chain {genesis.chain_id} began with another bloc or membership than this node pins."
            hint = "Compare the eight words of membership version 1 with the other members."
            raise TrustError(what, where=str(self.path), hint=hint, code="pinned")

    def _begin(self, genesis: Genesis) -> None:
        """The state under a genesis and nothing else."""
        self.genesis = genesis
        self._edge = Frontier()
        self._edge.append(leaf_hash(genesis.leaf()))
        self._meaning = self._new_meaning(self.chain)
        self.app_hash = self._app_hash(self._edge)
        self._number = self.time = 0
        self.tails.clear()

    def batches(self) -> Iterator[tuple[Batch, bytes, list[Entry]]]:
        """Every durable batch with its entries, read and not verified.

        Raises:
            TrustError: an entry that its batch doesn't name.
        """
        logs: dict[str, Iterator[bytes]] = {}
        leaves = self.store.entries(self.origin, 1)
        for leaf in leaves:
            batch = Batch.parse(canonical.loads(leaf), self.origin)
            entries = []
            for ref in batch.refs:
                data = next(logs.setdefault(ref.origin, self.store.entries(ref.origin)), b"")
                if leaf_hash(data).hex() != ref.leaf:
                    what = f"batch {batch.number} names another entry {ref.index} of {ref.origin}."
                    raise TrustError(what, where=str(self.path), code="refs")
                entries.append(Entry.parse(data, ref.origin))
            yield batch, leaf, entries

    def _replay(self, batch: Batch, leaf: bytes, entries: Sequence[Entry]) -> None:
        self._edge.append(leaf_hash(leaf))
        self._number, self.time = batch.number, batch.refs[0].time
        self._fold(batch.number, self.time, entries)
        for entry in entries:
            self.tails[entry.author] = Tail(entry.seq, entry.id)

    def _fold(self, height: int, time: int, entries: Sequence[Entry]) -> Mapping[str, str]:
        point = Point(VIEW, height)
        return self._meaning.take(point, time, [Event(entry, point, time, time) for entry in entries])

    def _app_hash(self, edge: Frontier) -> bytes:
        stated = {"root": edge.root().hex(), "state": self._meaning.state_hash}
        return sha256(canonical.dumps(stated)).digest()

    def _id_at(self, member: str, seq: int) -> str:
        data = next(self.store.entries(self.member_origin(member), seq - 1, seq), None)
        return Entry.parse(data).id if data is not None else ""

    # --- Blocks -------------------------------------------------------------------------------------------------------

    def begin(self, genesis: Genesis) -> bytes:
        """InitChain: write the genesis; the app hash before the first block. Again until a block is committed.

        Raises:
            StateError: a block was committed already. TrustError: another bloc or membership.
        """
        if self.height:
            known = self.genesis.chain_id if self.genesis else ""
            what = f"this ledger holds {known} to height {self.height}: it can't begin again."
            hint = "The engine has lost its blocks: restore them, or move this file away if you mean it."
            raise StateError(what, where=str(self.path), hint=hint, code="engine_reset")
        self._check_genesis(genesis)
        leaf = genesis.leaf()
        with self.store.commit():
            if self.genesis is not None:
                self.store.replace(self.origin, [])
            self.genesis = genesis
            self.store.append(self.origin, [(leaf_hash(leaf), leaf)])
            self.store.put_paper("engine", "genesis", leaf)
        self.candidate = None
        self._begin(genesis)
        return self.app_hash

    @property
    def next_height(self) -> int:
        """The height that the next block must have."""
        if self.genesis is None:
            raise StateError("no chain has begun.", where=str(self.path), code="no_chain")
        return max(self.height + 1, self.genesis.initial_height)

    def block_time(self, seconds: int) -> int:
        """Ledger time of a block: its own, and never less than the batch before.

        Raises:
            StateError: a time before 1970 or after the year 9999.
        """
        if not 0 < seconds <= TIME_MAX:
            raise StateError(f"a block of the time {seconds:,}.", where=str(self.path), code="block_time")
        return max(seconds, self.time)

    def finalize(self, block: Block) -> Candidate:
        """What a decided block comes to; nothing is durable yet.

        Raises:
            StateError: another height than the next; no hash or time; an entry that can't be judged here.
        """
        if self.candidate is not None:
            if self.candidate.block == block and self.candidate.app_hash:
                return self.candidate
            self.forget()
        if block.height != self.next_height or len(block.hash) != HASH:
            what = f"a block of height {block.height:,}; the next is {self.next_height:,}."
            raise StateError(what, where=str(self.path), hint="Engine and ledger are of two histories.", code="height")
        time = self.block_time(block.time)
        verdicts = self.desk.walk(block.txs, Point(VIEW, block.height), time)
        entries = [v.entry for v in verdicts if v.code == OK and v.entry is not None]
        leaf, app_hash = b"", self.app_hash
        if entries:
            leaf = canonical.dumps(self._batch(block, time, entries).body())
            edge = Frontier(self._edge.size, self._edge.edge)
            edge.append(leaf_hash(leaf))
            self.candidate = Candidate(block, leaf, tuple(verdicts), b"")  # from here on the state is ahead of the disk
            refused = self._fold(block.height, time, entries)
            verdicts = [_counted(verdict, refused) for verdict in verdicts]
            app_hash = self._app_hash(edge)
        self.candidate = Candidate(block, leaf, tuple(verdicts), app_hash)
        return self.candidate

    def _batch(self, block: Block, time: int, entries: Sequence[Entry]) -> Batch:
        sizes = {member: tail.size for member, tail in self.tails.items()}
        refs = []
        for entry in entries:
            origin = self.member_origin(entry.author)
            refs.append(Ref(origin, entry.seq - 1, leaf_hash(entry.leaf).hex(), block.hash.hex(), time))
            sizes[entry.author] = entry.seq
        cursors = {self.member_origin(member): size for member, size in sorted(sizes.items())}
        return Batch(VIEW, block.height, tuple(refs), cursors, None)

    def forget(self) -> None:
        """Drop a block that was decided and not committed: the state is folded again from the disk."""
        ahead = self.candidate is not None and bool(self.candidate.leaf)
        self.candidate = None
        if ahead:
            self._load()

    def commit(self) -> None:
        """Make the decided block durable: one transaction, on the disk when this returns.

        Raises:
            StateError: no block was decided, or the disk failed: nothing more is written until it is opened again.
        """
        candidate = self.candidate
        if candidate is None or not candidate.app_hash:
            raise StateError("no block was decided.", where=str(self.path), code="commit")
        block, entries = candidate.block, candidate.entries
        fresh: dict[str, list[tuple[bytes, bytes]]] = {}
        for entry in entries:
            fresh.setdefault(self.member_origin(entry.author), []).append((leaf_hash(entry.leaf), entry.leaf))
        tip = {"app_hash": candidate.app_hash.hex(), "height": block.height}
        with self.store.commit():
            if candidate.leaf:
                for origin, rows in sorted(fresh.items()):
                    self.store.append(origin, rows)
                self.store.append(self.origin, [(leaf_hash(candidate.leaf), candidate.leaf)])
            if self.recording and (
                candidate.leaf or self.sealing
            ):  # the block, and the next one, whose header carries its app hash
                self.store.put_paper("block", f"{block.height:016d}", self._block_paper(candidate))
            self.store.put_paper("engine", "tip", canonical.dumps(tip))
        self._moved_on(candidate, entries)

    def settle(self, height: int) -> None:
        """Take the blocks up to a height as given, which added no batch: the end of a snapshot."""
        with self.store.commit():
            tip = {"app_hash": self.app_hash.hex(), "height": height}
            self.store.put_paper("engine", "tip", canonical.dumps(tip))
        self.height = height

    @property
    def sealing(self) -> bool:
        """Whether the last committed block added a batch, so that the next header is wanted."""
        return bool(self.height) and self._number == self.height

    def _block_paper(self, candidate: Candidate) -> bytes:
        block = candidate.block
        return canonical.dumps(
            {
                "after": candidate.app_hash.hex(), "before": self.app_hash.hex(), "data": data_hash(block.txs).hex(),
                "hash": block.hash.hex(), "time": block.time,
            }
        )  # fmt: skip

    def _moved_on(self, candidate: Candidate, entries: Sequence[Entry]) -> None:
        if candidate.leaf:
            self._edge.append(leaf_hash(candidate.leaf))
            self._number, self.time = candidate.block.height, self.block_time(candidate.block.time)
        for entry in entries:
            self.tails[entry.author] = Tail(entry.seq, entry.id)
        self.height, self.app_hash = candidate.block.height, candidate.app_hash
        self.candidate = None
        with self.moved:
            self.moved.notify_all()

    # --- Reading ------------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Entries of the log of batches, the genesis among them."""
        return self._edge.size

    def head(self) -> dict[str, Any]:
        """Where the ledger stands: what anyone can recompute the app hash from."""
        assert self.genesis is not None
        return {
            "app_hash": self.app_hash.hex(),
            "height": self.height,
            "origin": self.origin,
            "root": self._edge.root().hex(),
            "size": self.size,
            "state": self._committed_state(),
        }

    def _committed_state(self) -> str:
        """The state hash under the app hash; while a block is decided and not committed it isn't at hand.

        Raises:
            StateError: just then.
        """
        if self.candidate is not None and self.candidate.leaf:
            raise StateError("a block is being decided.", where=str(self.path), hint="Ask again.", code="busy")
        return self._meaning.state_hash

    def proof(self, height: int) -> tuple[bytes, int, list[bytes]]:
        """(leaf, index, inclusion proof) of the batch of a height, under the present root.

        Raises:
            InputError: that height added no batch.
        """
        size = self.size
        low, high = 1, size
        while low < high:  # numbers grow with the index
            middle = (low + high) // 2
            if self._number_at(middle) < height:
                low = middle + 1
            else:
                high = middle
        if low >= size or self._number_at(low) != height:
            raise InputError(f"height {height:,} added no batch.", where=self.origin, code="no_batch")
        leaf = next(self.store.entries(self.origin, low, low + 1))
        return leaf, low, inclusion_proof(low, size, TileHashes(self.store.reader(self.origin), size))

    def _number_at(self, index: int) -> int:
        return int(canonical.loads(next(self.store.entries(self.origin, index, index + 1)))["number"])


def _counted(verdict: Verdict, refused: Mapping[str, str]) -> Verdict:
    entry = verdict.entry
    if verdict.code == OK and entry is not None and entry.id in refused:
        return Verdict(NOT_COUNTED, refused[entry.id], entry)
    return verdict


def data_hash(txs: Sequence[bytes]) -> bytes:
    """The engine's hash of a block's transactions: a Merkle root (RFC 6962) over the SHA-256 of each."""
    edge = Frontier()
    for tx in txs:
        edge.append(leaf_hash(sha256(tx).digest()))
    return edge.root()
