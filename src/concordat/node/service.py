"""One member's node as it runs: the writer, the peers, what is shown to others, and whether it may sign.

`Service` is what the server and the web ask. It owns the opened `Node`: only the writer thread touches the replica;
the event loop answers from `Published`, keeps the rounds with peers going (`rounds`), lets time pass once a second, and
watches the disk and the recovery (`recover`). It knows nothing of HTTP.

    service = Service(Node(home), NodeSettings.load())
    await service.start()
    receipt = await service.submit(envelope)
    await service.close()
"""

from __future__ import annotations

import asyncio
import shutil
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from concordat import __version__, clock
from concordat.errors import ConcordatError, StateError
from concordat.ledger.entry import Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.messages import Message, Out
from concordat.ledger.tiles import ENTRY_BYTES_MAX, too_large
from concordat.node.cosigner import Cosigner
from concordat.node.heap import give_back
from concordat.node.home import Node
from concordat.node.outbound import Outbound, Resolve, resolve
from concordat.node.peer_machine import State
from concordat.node.peers import Peer, Peers
from concordat.node.published import Published, from_disk, publish_now
from concordat.node.recover import Health, Recovery
from concordat.node.recovery_mark import Mark, put_mark
from concordat.node.rounds import Rounds
from concordat.node.settings import NodeSettings
from concordat.node.signed_request import RequestSigner
from concordat.node.states import States
from concordat.node.stores import SQLITE, tiles_of
from concordat.node.verify_pool import VerifyPool
from concordat.node.writer import Writer

if TYPE_CHECKING:
    from concordat.node.metrics import Metrics

T = TypeVar("T")
TICK_S = 1.0
STATUS_WAIT_S = 5.0
CLOCK_OFF_S = 120
FOLD_AT_ONCE = 64
TRACE_MAX = 20
GIVE_BACK_S = 60.0
MB = 2**20


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an envelope: its id, its index in the log, and whether it was here before."""

    id: str
    index: int
    known: bool


class Beside(Protocol):
    """What runs beside a service, such as the people of a node."""

    async def start(self) -> None:
        """Begin."""

    async def close(self) -> None:
        """End."""


class Service:
    """A running node.

    Args:
        node: opened; closed by `close`. settings: how it runs. metrics: where figures go, if anywhere.
        log: told events as (level, event, facts). monotonic: a clock that doesn't go back, in seconds.
        resolver: gives the addresses of a peer's name. draw: a number in [0.5, 1.5] for each wait after a failure.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        *,
        metrics: Metrics | None = None,
        log: Callable[[str, str, Mapping[str, Any]], None] = lambda *_: None,
        monotonic: Callable[[], float] = time.monotonic,
        resolver: Resolve = resolve,
        draw: Callable[[], float] | None = None,
    ) -> None:
        self.node, self.settings, self.metrics, self.log, self.monotonic = node, settings, metrics, log, monotonic
        self.chain, self.member, self.bloc = node.chain, node.identity.member, node.chain.last.bloc
        self.signer = RequestSigner(self.member, node.signer.node)
        self.peers = Peers(self.member, node.chain, settings, draw)
        hosts = [peer.url for peer in self.peers]
        self.outbound = Outbound(hosts, private=settings.peers_private, resolver=resolver)
        self.states = self._make_states()
        self.tiles = tiles_of(node.store)
        self.pool = VerifyPool(node.chain)
        self.cosigner = Cosigner()
        self.recovery = self._start_recovery()
        self.alarms: dict[str, str] = {}  # what everybody who uses this node must see, by its key
        self.stopping = False
        self.listening = ""  # the address that the server took, once it has one
        self.disk_low = ""
        self._dirty, self._from_disk = True, False
        self.changes = 0  # grows whenever something that is shown may have changed
        self._hold(node)
        self._published = publish_now(node.replica, self.states, self.recovery.state.value)
        self._tasks: set[asyncio.Task[None]] = set()
        self.readers = ThreadPoolExecutor(2, thread_name_prefix="ledger reader")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.rounds = Rounds(self)
        self._write_checks: list[Callable[[], str]] = []
        self.beside: list[Beside] = []  # started after the service, closed before it
        self.admit: Callable[[Entry], Awaitable[None]] | None = (
            None  # whether an envelope of a person may enter the log
        )
        self.writer = self._make_writer()

    def _make_states(self) -> States:
        return States(self.node.replica, self.node.store)

    def _make_writer(self) -> Writer:
        return Writer(self.node, self.settings.commit_gather_ms / 1000, self._durable, self._committed, self.fault)

    def _start_recovery(self) -> Recovery:
        replica = self.node.replica
        signed = replica.signer.size_signed(replica.own.origin)
        others = [peer.member for peer in self.peers]
        quorum, restored = self.chain.last.quorum, self.node.mark is not None
        return Recovery(self.member, others, quorum, replica.own.size, signed, restored, self.monotonic())

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the rounds and the ticking."""
        self._loop = asyncio.get_running_loop()
        self._task(self._ticking())
        self._task(self._asking())
        self._task(self._giving_back())
        for part in self.beside:
            await part.start()

    def _task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop the rounds, finish the open commit, fold the write-ahead log into the file, give the folder back."""
        self.stopping = True
        for part in reversed(self.beside):
            await part.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.rounds.close()
        await self.outbound.close()
        await self.pool.close()
        await asyncio.get_running_loop().run_in_executor(None, self._shut)

    def _shut(self) -> None:
        self.writer.close()
        self.readers.shutdown()
        self.tiles.close()
        self.node.store.checkpoint()
        self.node.close()

    async def _ticking(self) -> None:
        """Once a second: time passes for the replica, final batches are folded, the disk and the keys are looked at."""
        while True:
            try:
                await self.run(self._tick)
                await self._catch_up()
            except ConcordatError as error:
                self.log("error", "tick", {"what": str(error)})
            except Exception as error:
                self.fault("tick", error)
            await asyncio.sleep(TICK_S)

    async def _catch_up(self) -> None:
        """Fold a long record that was just opened, lot by lot, with the steps of others in between."""
        place = None
        while self.states.behind and not self.states.fault and self.states.place != place:
            place = self.states.place
            await self.run(self._fold)

    async def _asking(self) -> None:
        """The rounds with the peers, begun again after a fault of the program."""
        while True:
            try:
                await self.rounds.run()
            except Exception as error:
                self.fault("rounds", error)
            await asyncio.sleep(TICK_S)

    async def _giving_back(self) -> None:
        """Once a minute what the next start need not work out again is noted, and what was freed goes back."""
        while True:
            await asyncio.sleep(GIVE_BACK_S)
            for work in (self.node.note, give_back):
                try:
                    await asyncio.get_running_loop().run_in_executor(self.readers, work)
                except Exception as error:
                    self.fault("minute", error)

    def fault(self, where: str, error: BaseException) -> None:
        """A fault of the program in the background: told, and shown to the operator until the node is started again.

        The line of log has the kind of error and the calls that led there; its words may hold what somebody wrote.
        """
        frames = traceback.extract_tb(error.__traceback__)
        trace = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-TRACE_MAX:]]
        place = trace[-1].partition(" ")[0] if trace else "unknown"
        self.alarms[f"fault {where}"] = f"a fault of the program in {where} ({type(error).__name__}, {place})"
        self.log("error", "fault", {"where": where, "what": type(error).__name__, "at": place, "trace": trace})

    def _tick(self, node: Node) -> tuple[None, Out]:
        replica = node.replica
        self.recovery.grown(replica.own.size, replica.signer.size_signed(replica.own.origin))
        self._look_at_disk()
        self._hold(node)
        out = node.tick()
        self._fold(node)
        replica.refusals.clear()
        if self.metrics is not None:
            sizes = {log.origin: log.size for log in replica.councils.values()}
            self.metrics.logs({**sizes, **{o: log.size for o, log in replica.shelf.logs.items()}}, self.states.batch)
        return None, out

    def _fold(self, _: Node) -> tuple[None, Out]:
        """Fold some of the final batches that wait."""
        if self.states.behind and not self.states.fault:
            self.states.advance(FOLD_AT_ONCE)
            if self.states.lost:
                self.log("error", "fold", {"what": self.states.lost})
            self._dirty, self.changes = True, self.changes + 1
            if self.states.fault:
                self.alarms["fold"] = self.states.fault
                self.log("error", "fault", {"where": "fold", "what": self.states.fault})
        return None, []

    def _look_at_disk(self) -> None:
        free, need = shutil.disk_usage(self.node.home).free // MB, self.settings.disk_reserve_mb
        self.disk_low = f"This node can read but not sign: {free:,} MB free, {need:,} needed." if free < need else ""

    def _hold(self, node: Node) -> None:
        """Let the keys sign, or say why not; what must outlive this process is marked in the folder."""
        before, now = self.recovery.state, self.recovery.step(self.monotonic())
        words = self.recovery.words()
        behind = self.recovery.size < self.recovery.wanted or self.recovery.restored
        if words:
            node.signer.held = words  # before the disk is asked, which may refuse the mark
        if now is not Health.NORMAL and behind and node.mark is None:
            node.mark = put_mark(node.home, Mark(now.value, words, clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")))
        if now is Health.NORMAL and node.mark is not None:
            node.recovered()
        if before is not now:
            self._dirty, self.changes = True, self.changes + 1
            self.log("warning" if words else "info", "recovery", {"state": now.value, "words": words})
            if now is Health.NORMAL:
                self._look_again(node)
        self._tell_spoilt(" ".join(node.spoilt))
        node.signer.held = words or self.disk_low or node.damage.words

    def _tell_spoilt(self, said: str) -> None:
        """What on the disk is not what was logged stands above every page; no longer, once it was replaced."""
        if said == self.alarms.get("entries", ""):
            return
        if said:
            self.alarms["entries"] = said
            self.log("error", "entries", {"what": said})
        else:
            del self.alarms["entries"]
        self._dirty, self.changes = True, self.changes + 1

    def _look_again(self, node: Node) -> None:
        """The keys may sign from now on: what came before was not cosigned, and what was sent may have been refused.

        Where all members start together, each is asked while it can't sign yet; nobody would ask again for minutes.
        """
        node.replica.hurry()
        for peer in self.peers:
            peer.heads_tag = ""

    # --- The replica, through the writer ------------------------------------------------------------------------------

    async def run(self, step: Callable[[Node], tuple[T, Out]], *, gather: bool = False) -> T:
        """A step of the replica; its result once it is durable.

        Raises:
            BusyError: 1,000 steps wait. StateError: the disk refuses. And what the step raises.
        """
        return await self._wait(self.writer.run(step, gather=gather))

    async def read(self, look: Callable[[Node], T]) -> T:
        """A look at the replica that changes nothing."""
        return await self._wait(self.writer.read(look))

    @staticmethod
    async def _wait(future: Future[T]) -> T:
        return await asyncio.shield(asyncio.wrap_future(future))

    async def submit(self, leaf: bytes) -> Taken:
        """Take an envelope that one of this member's people signed: the way of `POST /entries` and of every form.

        Args:
            leaf: the envelope's bytes.

        Raises:
            InputError: not an entry, or too large. TrustError: a key that may not sign it. RuleError: another member's,
                or of a type that this person's role doesn't write.
            StateError: not the next in number, or nothing is signed here for now. BusyError: too many wait.
        """
        if len(leaf) > ENTRY_BYTES_MAX:
            raise too_large(len(leaf))
        entry = Entry.parse(leaf)
        if self.admit is not None:
            await self.admit(entry)
        index, known = await self._wait(self.writer.submit(entry))
        return Taken(entry.id, index, known)

    async def write(
        self, kind: str, body: Mapping[str, Any], scope: str, *, person: str = "node",
        secret: Ed25519Secret | None = None, refs: Sequence[str] = (),
    ) -> Taken:  # fmt: skip
        """Sign and write an entry with a key that is here: the node's own, or a person's that is unlocked.

        Raises:
            As `Node.write`.
        """

        def step(node: Node) -> tuple[Taken, Out]:
            entry, out = node.write(kind, body, scope, person=person, secret=secret, refs=refs)
            return Taken(entry.id, entry.seq - 1, False), out

        return await self.run(step, gather=True)

    async def take(self, sender: str, messages: Sequence[Message]) -> list[Message]:
        """Take messages of a member; what to say in reply. What is for others goes into their outboxes."""
        from concordat.node.deeds import Taking

        return await self.run(Taking(sender, messages))

    def _durable(self, out: Out) -> None:
        """On the writer's thread: a commit is on the disk; its messages go to the outboxes."""
        self._dirty, self.changes = True, self.changes + 1
        if self.settings.database != SQLITE:  # should the database be lost next, this is what is shown
            self._published = publish_now(self.node.replica, self.states, self.recovery.state.value)
            self._dirty = False
        if self._loop is not None and out:
            self._loop.call_soon_threadsafe(self._post, out)

    def _post(self, out: Out) -> None:
        for receiver, message in out:
            self.rounds.post(receiver, message)

    def _committed(self, seconds: float) -> None:
        if self.metrics is not None:
            self.metrics.committed(seconds)

    # --- What is shown ------------------------------------------------------------------------------------------------

    async def published(self) -> Published:
        """What others may read now."""
        if self.writer.broken:
            if not self._from_disk:  # what is in memory was not written: only the disk counts
                with suppress(ConcordatError):  # a database that can't be reached: what was shown last is durable
                    self._published = from_disk(self._published, self.tiles.heads())
                    self._from_disk = True
            return self._published
        if self._dirty:
            self._dirty = False
            try:
                self._published = await self.read(
                    lambda node: publish_now(node.replica, self.states, self.recovery.state.value)
                )
            except ConcordatError:
                self._dirty = True
        return self._published

    async def tile(self, origin: str, path: str) -> tuple[bytes, bool] | None:
        """A tile or bundle of a log, and whether it is full; None if there is none.

        Raises:
            InputError: not the path of a tile.
        """
        published = await self.published()
        kept = self.tiles.kept(published, origin, path)
        if kept is not None:
            return kept, True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, self.tiles.read, published, origin, path)

    @property
    def public_url(self) -> str:
        """The address under which others know this node: the settings', or that of the listener."""
        return self.settings.public_url.rstrip("/") or self.listening or f"http://{self.settings.listen}"

    async def status(self) -> dict[str, Any]:
        """How the node stands, for its operator."""
        now = self.monotonic()
        published = await self.published()
        return {
            "alarms": dict(sorted(self.alarms.items())),
            "bloc": self.bloc,
            "failing": self.failing(),
            "final": {"batch": self.states.batch, "view": published.heads.final[0], "size": published.heads.final[1]},
            "logs": {published.paths[origin]: size for origin, size in sorted(published.sizes.items())},
            "member": self.member,
            "peers": [self._peer_facts(peer, published, now) for peer in self.peers],
            "recovery": self.recovery.state.value,
            "state": self.states.hashes.get(self.states.batch, ""),
            "url": self.public_url,
            "version": __version__,
        }

    def facts(self) -> dict[str, Any]:
        """As `status`, for a thread beside the loop.

        Raises:
            StateError: the loop doesn't answer.
        """
        assert self._loop is not None, "the service has not started"
        try:
            return asyncio.run_coroutine_threadsafe(self.status(), self._loop).result(STATUS_WAIT_S)
        except TimeoutError:
            raise StateError("the node is busy.", hint="Try again in a moment.", code="busy") from None

    def _peer_facts(self, peer: Peer, published: Published, now: float) -> dict[str, Any]:
        machine = peer.machine
        lines = machine.heads.logs if machine.heads else ()
        contact = None if machine.last_contact is None else round(now - machine.last_contact)
        return {
            "address": peer.url,
            "blamed": machine.blamed,
            "failures": machine.failures,
            "lag": sum(max(0, line.size - published.sizes.get(line.origin, 0)) for line in lines),
            "last_contact_s": contact,
            "log": next((line.size for line in lines if published.paths.get(line.origin) == peer.member), 0),
            "member": peer.member,
            "note": machine.note,
            "state": machine.state.value,
            "waits_s": max(0, round(machine.next_at - now)) if machine.state is State.WAITING else 0,
        }

    def note(self, digest: str) -> str | None:
        """A note by its SHA-256."""
        return self.node.replica.shelf.notes.get(digest)

    def state_hash(self, number: str) -> str | None:
        """The state hash behind a final batch, by its number."""
        return self.states.hashes.get(int(number)) if number.isdecimal() and len(number) < 16 else None

    def add_check(self, check: Callable[[], str]) -> None:
        """One more thing that readiness needs; empty words say that it is good."""
        self._write_checks.append(check)

    def failing(self) -> dict[str, str]:
        """Why this node is not ready, by name; empty if it is."""
        found = {}
        if self.writer.broken:
            found["store"] = self.writer.broken
        elif self.node.spoilt:
            found["store"] = self.node.spoilt[0]
        if self.disk_low:
            found["disk"] = self.disk_low
        off = self.peers.median_clock()
        if off is not None and abs(off) > CLOCK_OFF_S:
            found["clock"] = f"{abs(off):.0f} s {'behind' if off > 0 else 'ahead of'} the peers' median"
        if self.states.fault:
            found["council"] = self.states.fault
        if self.recovery.state is not Health.NORMAL:
            found["recovery"] = self.recovery.words()
        if self.stopping:
            found["stopping"] = "the node is stopping"
        for check in self._write_checks:
            words = check()
            if words:
                found.setdefault("other", words)
        return found
