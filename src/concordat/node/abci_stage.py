"""One member's node as the application of an engine: its files, and what goes on beside the engine's own calls.

    <home>/engine/ledger.db    batches, members' logs, certificates (`node.abci_ledger`)
    <home>/log.db              the member's own log, written as ever; only read here

A round does two things through the engine's RPC, every few seconds, never in the way of a block. It *feeds*: entries of
this member's own log that no batch has taken up are handed to the engine, so that members write on while the engine is
away. And it *certifies*: for each batch, and for the block after it, the signed header is fetched, verified and kept.

No private key is read: what is handed in was signed when it was written. Membership versions are read once, at the
start: adopt a new one on every node before the height from which it counts, and start this again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.membership import MembershipChain, Point
from concordat.node.abci import Address, Limits, Server
from concordat.node.abci_commit import SignedHeader
from concordat.node.abci_genesis import CouncilMeaning, Meaning
from concordat.node.abci_ledger import VIEW, EngineLedger
from concordat.node.abci_rpc import REFUSED, EngineRpc
from concordat.node.abci_snapshot import EVERY
from concordat.node.found import pinned_hash
from concordat.node.identity import check_owner, locked, read_identity
from concordat.node.sequencer_abci import LedgerApplication
from concordat.node.store import Store

FED_MAX = 100  # entries a round
CERTIFIED_MAX = 20  # headers a round
ROUND_S = 5.0
SAID_MAX = 1_000


def read_chain(home: Path) -> tuple[str, MembershipChain]:
    """(member, membership versions) of a node's folder.

    Raises:
        StateError: no node there, or no membership yet. TrustError: another bloc's.
    """
    identity = read_identity(home)
    store = Store(home / "log.db", readonly=True)
    try:
        files = store.papers("membership")
    finally:
        store.close()
    chain = MembershipChain.verify([files[key] for key in sorted(files, key=int)], pinned_hash(home))
    check_owner(identity, chain.last.bloc)
    return identity.member, chain


class EngineStage:
    """A node's engine stage, opened; use it in a `with` block.

    Args:
        home: the node's folder. rpc: the engine's, or None to do without feeding and certificates. every: heights
            between snapshots. report: told in words what an operator should know.

    Raises:
        StateError: no node there, another process holds it, or its files are damaged. TrustError: its ledger is.
    """

    def __init__(
        self,
        home: Path,
        rpc: EngineRpc | None,
        every: int = EVERY,
        report: Callable[[str], None] = lambda _: None,
        meaning: Callable[[MembershipChain], Meaning] = CouncilMeaning,
    ) -> None:
        self.member, self.chain = read_chain(home)
        self._home, self._rpc, self._report = home, rpc, report
        folder = home / "engine"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = locked(folder)
        self._said: set[str] = set()
        self._stopping = False
        try:
            self.application = LedgerApplication(folder / "ledger.db", self.chain, meaning, every, report)
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        os.close(self._lock)

    def close(self) -> None:
        """Give the folder back."""
        self.application.close()
        if self._rpc is not None:
            self._rpc.close()
        self._release()

    def __enter__(self) -> EngineStage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Beside the engine --------------------------------------------------------------------------------------------

    def round(self) -> tuple[int, int]:
        """Feed and certify once: how many entries were handed in, how many headers were verified."""
        if self._rpc is None or self.application.ledger.genesis is None:
            return 0, 0
        done = []
        for part in (self.feed, self.certify):
            try:
                done.append(part())
            except (SourceError, InputError, TrustError, StateError) as error:
                self._say(str(error))  # an engine that is away is asked again in the next round
                done.append(0)
        return done[0], done[1]

    def stop(self) -> None:
        """Let a round that is running end early."""
        self._stopping = True

    def _say(self, words: str) -> None:
        if words not in self._said:  # once, not every five seconds
            self._report(words)
            if len(self._said) > SAID_MAX:
                self._said.clear()
            self._said.add(words)

    def feed(self) -> int:
        """Hand in what this member wrote and no batch has taken up yet.

        Raises:
            SourceError: the engine doesn't answer. TrustError: it took up other entries than this member wrote.
        """
        assert self._rpc is not None
        with self.application.ledger.lock:
            ledger = self.application.ledger
            tail, origin = ledger.tails.get(self.member), ledger.member_origin(self.member)
        size, last = (tail.size, tail.last) if tail else (0, FIRST)
        store = Store(self._home / "log.db", readonly=True)
        try:
            own = next(store.entries(origin, size - 1, size), None) if size else None
            waiting = list(store.entries(origin, size, size + FED_MAX))
        finally:
            store.close()
        if size and (own is None or Entry.parse(own).id != last):
            what = f"the engine took up {self.member} {size}, which this node's own log does not have."
            hint = "Fetch your own entries before anything is written: concordat node sync --recover"
            raise TrustError(what, where=origin, hint=hint, code="rollback" if own is None else "forked")
        for place, leaf in enumerate(waiting):
            if self._stopping:
                return place
            code, words = self._rpc.broadcast(leaf)
            if code:
                self._say(f"the engine refused {self.member} {size + place + 1} (code {code}): {words}")
                return place
        return len(waiting)

    def certify(self) -> int:
        """Fetch, verify and keep the signed headers that are still missing, oldest first.

        Raises:
            SourceError: the engine doesn't answer. TrustError: what it gives is not what this ledger committed.
        """
        assert self._rpc is not None
        with self.application.ledger.lock:
            ledger = self.application.ledger
            genesis, store = ledger.genesis, ledger.store
            wanted = missing(ledger, CERTIFIED_MAX)
        assert genesis is not None
        kept = 0
        for height, paper in wanted:
            if self._stopping:
                break
            try:
                found = self._rpc.signed_header(height)
            except SourceError as error:
                if error.code != REFUSED:
                    raise
                self._say(
                    f"height {height}: {error}"
                )  # perhaps not yet, perhaps pruned there: the next ones may be had
                continue
            found.verify(genesis)
            if found.header.height != height:
                raise TrustError(f"the engine gave height {found.header.height}.", where=f"height {height}")
            found.require_block(paper)
            with self.application.ledger.lock:
                store.put_paper("commit", f"{height:016d}", found.data)
            kept += 1
        return kept


def missing(ledger: EngineLedger, count: int = 1_000_000) -> list[tuple[int, Mapping[str, Any]]]:
    """(height, the ledger's record of the block) of the first blocks whose signed header is not here yet."""
    keys = ledger.store.without("block", "commit", count)
    return [(int(key), canonical.loads(ledger.store.paper("block", key) or b"")) for key in keys]


def verify_engine(ledger: EngineLedger) -> dict[str, int]:
    """Everything on the disk once more: signatures, order, batches, tiles, certificates; how many of each.

    Raises:
        StateError: the file is damaged. TrustError: the first thing that doesn't verify.
    """
    ledger.store.check()
    genesis = ledger.genesis
    facts = {"batches": 0, "entries": 0, "certified": 0, "uncertified": len(missing(ledger))}
    if genesis is None:
        return facts
    sizes: dict[str, tuple[int, str]] = {}
    for batch, _, entries in ledger.batches():
        where = f"{ledger.origin}, batch {batch.number}"
        for ref, entry in zip(batch.refs, entries, strict=True):
            ledger.chain.verify_entry(entry)
            size, last = sizes.get(entry.author, (0, FIRST))
            if (entry.seq, entry.prev, ref.index) != (size + 1, last, size) or ref.time != batch.refs[0].time:
                raise TrustError(f"{entry.author} {entry.seq} is not the next.", where=where, code="sequence")
            if all(m.id != entry.author for m in ledger.chain.at(Point(VIEW, batch.number)).active):
                raise TrustError(f"{entry.author} was no active member.", where=where, code="not_a_member")
            sizes[entry.author] = (entry.seq, entry.id)
        if {ledger.member_origin(m): s for m, (s, _) in sizes.items()} != dict(batch.cursors):
            raise TrustError("its cursors are not those of its entries.", where=where, code="cursor")
        facts["batches"] += 1
        facts["entries"] += len(entries)
    for origin in [ledger.origin, *(ledger.member_origin(member) for member in sorted(sizes))]:
        _check_tiles(ledger, origin)
    for key in ledger.store.paper_keys("commit"):
        data, block = ledger.store.paper("commit", key), ledger.store.paper("block", key)
        found = SignedHeader.parse(canonical.loads(data or b""), f"certificate {int(key)}").verify(genesis)
        found.require_block(canonical.loads(block or b""))
        facts["certified"] += 1
    return facts


def _check_tiles(ledger: EngineLedger, origin: str) -> None:
    from concordat.ledger.merkle import Frontier, leaf_hash

    edge = Frontier()
    for leaf in ledger.store.entries(origin):
        edge.append(leaf_hash(leaf))
    if edge.root() != ledger.store.root(origin):
        raise TrustError("the tiles are not of these entries.", where=origin, code="tile")


async def serve(
    stage: EngineStage,
    address: Address,
    stop: asyncio.Event,
    limits: Limits | None = None,
    ready: Callable[[Address], None] = lambda _: None,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer the engine until told to stop; feed and certify beside it.

    Raises:
        StateError: the address can't be had. MethodError: the extra `[abci]` is missing.
    """
    server = Server(stage.application, limits, report)
    ready(await server.start(address))
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            running = asyncio.create_task(asyncio.to_thread(stage.round))
            await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                stage.stop()
            await running
            await asyncio.wait({stopped}, timeout=ROUND_S)
    finally:
        stopped.cancel()
        await server.close()
