"""The rounds with all peers: who is asked when, what is fetched, what is sent; the edge around `peer_machine`.

Every few seconds each peer that isn't waiting gets a round: its heads, what is missing here, the replica's verdict, the
comparison of states. Between rounds, what the replica has to say goes out at once (`POST /sync/messages`), and the
answer brings what the peer has to say: an entry is final after some round trips, not after some rounds. At most eight
requests run at a time with one peer. A log that one round is fetching is left alone by the others for ten seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from concordat import clock
from concordat.errors import ConcordatError, SourceError, StateError
from concordat.ledger.council_log import Certificate, cosigned_head
from concordat.ledger.messages import Entries, Message, Vote, WantNote
from concordat.ledger.note import Note
from concordat.ledger.replica import Replica
from concordat.ledger.views import ViewVote
from concordat.node.heads import Heads
from concordat.node.letters import LETTER_BYTES_MAX, pack_some, weight
from concordat.node.peer_machine import Get, Held, State, is_blame
from concordat.node.peers import Peer
from concordat.node.published import held_for
from concordat.node.sources import AbsentError, HttpSource

if TYPE_CHECKING:
    from concordat.node.home import Node
    from concordat.node.service import Service

AT_ONCE = 8
LOOK_S = 0.2
BUSY_S = 10.0
FRESH_EVERY = 12  # rounds after which unchanged heads are looked at again: what was refused then may be good now
ALARM_STATE = "state"


class Rounds:
    """The rounds of one node.

    Args:
        service: whose.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._busy: dict[str, float] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._sending: set[str] = set()
        self._wake = asyncio.Event()
        self._closed = False

    async def run(self) -> None:
        """Begin each peer's round when it is due, until cancelled."""
        while True:
            now = self._service.monotonic()
            for peer in self._service.peers.due(now):
                peer.machine.begin(now)
                self._start(self.round(peer))
            self.flush()
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_S)
            except TimeoutError:
                continue

    def _start(self, work: object) -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type, var-annotated]
        self._work.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A fault of the program in one round ends that round, and is told."""
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._service.fault("round", error)

    async def close(self) -> None:
        """Stop what runs; what the writer still has to say goes out after the next start."""
        self._closed = True
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def hurry(self) -> None:
        """Ask all peers soon: something was written here, or a person asks."""
        now = self._service.monotonic()
        for peer in self._service.peers:
            peer.machine.hurry(now)
        self._wake.set()

    def heard(self, member: str) -> None:
        """A member has asked this node for something: if it was waited for, it is asked at once."""
        peer = self._service.peers.get(member)
        if peer is not None and peer.machine.heard(self._service.monotonic()):
            self._wake.set()

    # --- Messages -----------------------------------------------------------------------------------------------------

    def post(self, receiver: str, message: Message) -> None:
        """A message of the replica, for a peer."""
        peer = self._service.peers.get(receiver)
        if peer is not None and weight(message) <= LETTER_BYTES_MAX // 2:  # a larger proof is fetched by its address
            peer.post(message)
            self.flush([peer])

    def flush(self, peers: Iterable[Peer] | None = None) -> None:
        """Send what waits to those that can be reached."""
        if self._closed:
            return
        for peer in self._service.peers if peers is None else peers:
            if peer.outbox and peer.member not in self._sending and peer.reachable:
                self._sending.add(peer.member)
                self._start(self._send(peer))

    async def _send(self, peer: Peer) -> None:
        """Send a peer's outbox, and take its replies, until it is empty or the peer fails."""
        try:
            while peer.outbox and peer.reachable:
                _, count = pack_some(self._service.member, peer.outbox)
                dropped = peer.dropped
                replies = await self._exchange(peer, peer.outbox[:count])
                peer.taken(count, dropped)
                if replies:
                    for message in await self._service.take(peer.member, replies):
                        peer.post(message)
        except ConcordatError as error:
            if peer.machine.in_round:  # that ends first: its machine is in the middle of a step
                peer.fault = error
            else:
                self._failed(peer, error)
        finally:
            self._sending.discard(peer.member)

    async def _exchange(self, peer: Peer, messages: list[Message]) -> list[Message]:
        started = self._service.monotonic()
        found = await self._source(peer).send(messages, self._now())
        peer.answered(self._service.monotonic() - started)
        return found

    def _source(self, peer: Peer) -> HttpSource:
        service = self._service
        return HttpSource(service.outbound, peer.url, service.bloc, service.signer)

    def _now(self) -> int:
        return int(clock.now().timestamp())

    def _failed(self, peer: Peer, error: ConcordatError) -> None:
        """A peer failed: it waits. A fault of our own disk or queue is not the peer's."""
        service = self._service
        if peer.machine.state is State.WAITING and not is_blame(error):  # a round and a message failed: one failure
            return
        if isinstance(error, StateError):
            error = SourceError(error.what, where=error.where, code=error.code)
        peer.machine.fail(error, service.monotonic())
        peer.heads_tag = ""
        service.recovery.failed(peer.member)
        wait = peer.machine.next_at - service.monotonic()
        facts = {"peer": peer.member, "blamed": peer.machine.blamed}
        service.log("warning", "peer", {**facts, "what": str(error), "wait_s": round(wait, 1)})
        if service.metrics is not None:
            service.metrics.peer(peer.member, 0, max(0.0, wait))

    # --- One round ----------------------------------------------------------------------------------------------------

    async def round(self, peer: Peer) -> None:
        """One round with a peer, begun by its machine."""
        mine: list[str] = []
        try:
            await self._round(peer, mine)
        except ConcordatError as error:
            if error.code == "state_differs":
                self._differs(peer, error)
            else:
                self._failed(peer, error)
        finally:
            for origin in mine:
                self._busy.pop(origin, None)
            if peer.machine.in_round:  # cancelled, or a fault of ours
                peer.machine.fail(
                    SourceError("the round was broken off.", where=peer.member), self._service.monotonic()
                )
            if peer.fault is not None:  # a message failed in the meantime
                fault, peer.fault = peer.fault, None
                self._failed(peer, fault)

    async def _round(self, peer: Peer, mine: list[str]) -> None:
        service, machine = self._service, peer.machine
        source = self._source(peer)
        (ask,) = machine.asks()
        started = service.monotonic()
        peer.rounds += 1
        tag = peer.heads_tag if peer.rounds % FRESH_EVERY else ""
        reply = await source.heads(tag, self._now())
        peer.answered(service.monotonic() - started)
        _look_at_clock(peer, reply.headers.get("date", ""), self._now())
        if reply.status == 304:
            machine.same(service.monotonic())
            return
        machine.take(ask, reply.body)
        heads = machine.heads
        assert heads is not None
        held = await service.read(lambda node: held_for(node.replica, service.states, heads))
        now = service.monotonic()
        machine.known(held, [origin for origin, until in self._busy.items() if until > now])
        claimed = max((line.size for line in heads.logs if line.origin == held.own), default=0)
        if held.own not in held.stands or claimed <= held.stands[held.own].size:
            service.recovery.answered(peer.member, claimed, whole=False)
        await self._work_through(peer, source, mine)
        if machine.complete and await service.read(lambda node: _has_all(node.replica, heads)):
            service.recovery.answered(peer.member, 0)
        peer.heads_tag = reply.headers.get("etag", "") if machine.complete else ""
        machine.finish(service.monotonic())
        if service.alarms.get(ALARM_STATE, "").startswith(f"{peer.member}:") and machine.difference is None:
            del service.alarms[ALARM_STATE]
        if service.metrics is not None:
            service.metrics.peer(peer.member, self._lag(held, peer), 0)

    async def _work_through(self, peer: Peer, source: HttpSource, mine: list[str]) -> None:
        """Fetch, hand over, fetch what is asked for in reply, compare; until nothing is left or a bound is reached."""
        service, machine = self._service, peer.machine
        heads = machine.heads
        assert heads is not None
        while True:
            gets = machine.asks()
            if gets:
                self._claim(gets, mine)
                await self._fetch_all(peer, source, gets)
                continue
            messages = machine.deliver() if machine.state in (State.TILES, State.COSIGN) else None
            if messages is None:
                return

            def look(node: Node) -> Held:
                return held_for(node.replica, service.states, heads)

            replies = await self._deliver(peer, messages) if messages else []
            machine.delivered(replies, await service.read(look))

    def _claim(self, gets: list[Get], mine: list[str]) -> None:
        until = self._service.monotonic() + BUSY_S
        for get in gets:
            if get.what == "piece" and get.origin not in mine:
                mine.append(get.origin)
                self._busy[get.origin] = until

    async def _fetch_all(self, peer: Peer, source: HttpSource, gets: list[Get]) -> None:
        places, order = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

        async def one(get: Get) -> None:
            async with places:
                await self._fetch(peer, source, get, order)

        async with _group() as tasks:
            for get in gets:
                tasks.create_task(one(get))

    async def _fetch(self, peer: Peer, source: HttpSource, get: Get, order: asyncio.Lock) -> None:
        """One file, taken by the machine beside the event loop: hashing a bundle takes milliseconds."""
        machine = peer.machine
        if get.what == "notes":
            found = await self._exchange(peer, [WantNote(key) for key in get.keys])
            async with order:
                await asyncio.to_thread(machine.take_notes, get, found)
            return
        try:
            data = await source.fetch(get, self._name_of(get.origin), self._now())
        except AbsentError:
            machine.absent(get)
            return
        if get.what == "checkpoint":
            self._look_at_own(peer, get.origin, data)
        async with order:
            await asyncio.to_thread(machine.take, get, data)

    def _name_of(self, origin: str) -> str:
        """The path name of a log at every node: the member's id, or `council/<view>`."""
        for version in self._service.chain.versions:
            for member in version.members:
                if member.origin == origin:
                    return member.id
        return origin.partition("/")[2]

    def _look_at_own(self, peer: Peer, origin: str, data: bytes) -> None:
        """A head of this node's own log that a peer shows, and that these keys have signed, tells how long it was."""
        service = self._service
        if origin != service.node.replica.own.origin:
            return
        ring = service.chain.last.member_ring(service.member)
        size = cosigned_head(str(Note.parse(data, peer.member)), ring).checkpoint.size
        service.recovery.answered(peer.member, size, whole=False)

    async def _deliver(self, peer: Peer, messages: list[Message]) -> list[Message]:
        """Hand what came to the replica; what it asks this peer for in reply, and notes that entries wait for."""
        service = self._service
        replica = service.node.replica
        ready = [_with_certificate(message, replica.certificates) for message in messages]
        await service.pool.prepare([leaf for m in ready if isinstance(m, Entries) for leaf in m.leaves])
        replies = await service.take(peer.member, ready)
        stalled = replica._stalled.get(peer.member)
        if stalled is not None and stalled.want is not None:
            replies.append(stalled.want)
        return replies

    def _lag(self, held: Held, peer: Peer) -> int:
        heads = peer.machine.heads
        lines = heads.logs if heads else ()
        return sum(max(0, line.size - held.stands[line.origin].size) for line in lines if line.origin in held.stands)

    def _differs(self, peer: Peer, error: ConcordatError) -> None:
        """Two states differ: everybody who uses this node has to know; which of the two is wrong isn't known here."""
        service = self._service
        service.alarms[ALARM_STATE] = f"{peer.member}: {error.what}"
        service.log("error", "state", {"peer": peer.member, "what": str(error)})
        difference = peer.machine.difference
        peer.machine.finish(service.monotonic())
        peer.machine.difference = difference
        peer.machine.note = str(error)


def _with_certificate(message: Message, certificates: Mapping[tuple[int, int], Certificate]) -> Message:
    """A vote with the certificate that it names, if it is here."""
    if not isinstance(message, Vote) or message.certificate is not None:
        return message
    place = ViewVote.parse(message.vote).place
    return Vote(message.vote, certificates.get(place))


def _has_all(replica: Replica, heads: Heads) -> bool:
    """All is here that a peer's heads name: a node that does not know what its keys have signed signs behind it alone.

    Council logs count as well, as it may have chaired them, and other members' logs, as it may have witnessed them.
    """
    held = {origin: log.size for origin, log in replica.shelf.logs.items()}
    held |= {council.origin: council.size for council in replica.councils.values()}
    return all(line.size <= held.get(line.origin, 0) for line in heads.logs)


def _look_at_clock(peer: Peer, date: str, now: int) -> None:
    """By how much the peer's clock is ahead, from the header `Date`."""
    try:
        peer.clock_s = parsedate_to_datetime(date).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        peer.clock_s = None


class _group(asyncio.TaskGroup):  # noqa: N801 - used as a function
    """A task group that raises the first error as it is, not in a group."""

    async def __aexit__(self, *about: object) -> None:
        try:
            await super().__aexit__(*about)  # type: ignore[arg-type]
        except BaseExceptionGroup as errors:
            for error in errors.exceptions:
                if isinstance(error, ConcordatError):
                    raise error from None
            raise
