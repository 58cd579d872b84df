"""The exchange beside a running node: its engine, the timers that send and retry, and what the operator asks of it.

    exchange = ExchangeService(service)
    service.beside.append(exchange)                  # started and closed with the node
    routes = exchange_routes(exchange, callers)

The engine is blocking code (SQLite, signatures, waiting for a commit of the log) and runs on a few threads; the loop
sends, and wakes up when a message is due or a process has moved. At the start every open process is looked at again: a
message that was intended before a crash goes out as the same bytes. Source: exchange.md 5.3.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from concordat import clock
from concordat.errors import ConcordatError, RuleError, SourceError, StateError, TrustError
from concordat.exchange.dataspace.behaviours import Script
from concordat.exchange.dataspace.messages import Role
from concordat.exchange.dataspace.partners import Partner, read_partners
from concordat.ledger.bundle import bundle_of
from concordat.ledger.catching_up import again
from concordat.ledger.entry import FIRST
from concordat.node.dsp_client import DspClient
from concordat.node.exchange import files_of
from concordat.node.exchange_book import LogBook, LogOffers, keys_of
from concordat.node.exchange_calls import AbsentError, Answer, Call
from concordat.node.exchange_engine import Engine
from concordat.node.exchange_entries import UNSURE
from concordat.node.exchange_machines import OVER, pids
from concordat.node.exchange_moves import WAIT_MAX_S, Mover
from concordat.node.exchange_parts import File, Offers, Side
from concordat.node.exchange_push import Pushing
from concordat.node.exchange_store import FILE, ExchangeStore, Outgoing, Process
from concordat.node.home import Node
from concordat.node.identity import write_private
from concordat.node.service import Service
from concordat.node.writer import BusyError

T = TypeVar("T")
THREADS = 16
AT_ONCE = 16
SENDING_MAX = 64  # messages that are on their way, or wait for a place
LOOK_S = 1.0
ASK_S = 2.0  # between two times that the witnesses are asked because somebody waits
ASK_AGAIN_S = 600.0  # between two times that a peer is asked where an unsure negotiation stands
GOES_ON = "It goes on in the background, and the same command goes on with it: concordat exchange agreements"
PARTNERS = "partners.yaml"  # in the node's folder
SECRET = "exchange-secret"  # in the node's folder: who can read it may give the exchange its orders


class ExchangeService:
    """The exchange of a running node.

    Args:
        service: the running node. offers: what is offered, if not what the log says. auth, scripts: as in `Side`.
    """

    def __init__(
        self, service: Service, *, offers: Offers | None = None, auth: bool = True,
        scripts: Mapping[str, Mapping[str, Script]] | None = None,
    ) -> None:  # fmt: skip
        self.service = service
        self._given, self.auth, self._scripts = offers, auth, scripts or {}
        self.store = ExchangeStore(service.node.home / FILE)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="exchange")
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[int] = set()
        self._faults: dict[int, tuple[int, float]] = {}  # message -> faults of ours, and when it may go again
        self._planning: set[str] = set()
        self._held: dict[str, int] = {}  # process -> faults that stopped our next move
        self._wake = asyncio.Event()
        self._waiting: dict[str, list[tuple[tuple[str, ...], asyncio.Event]]] = {}  # process -> who waits, for what
        self._alone: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = weakref.WeakValueDictionary()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._ready = self._closing = False
        self._scanned = float("-inf")  # when the table of messages was last looked through
        self._asked = float("-inf")

    # --- Life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open what the engine needs, look at every open process, begin to send.

        Raises:
            RuleError: callers need not say who they are, and others than this machine can reach the node.
        """
        service = self.service
        if not self.auth:
            require_loopback(service.public_url)
        self._partners = self._read_partners()
        places = {partner.id: f"https://{partner.host}" for partner in self._partners.values()}
        for place in places.values():
            service.outbound.allow(place)
        places |= {peer.member: peer.url for peer in service.peers}
        side = Side(
            service.member, service.bloc, service.public_url, places, self._key, auth=self.auth, scripts=self._scripts,
            outside={partner.id: partner.bloc for partner in self._partners.values()},
            ends={partner.id: partner.end for partner in self._partners.values()},
        )  # fmt: skip
        offers = LogOffers(service)
        self.book, self.offers = LogBook(service, offers.passed), self._given or offers
        self.engine = Engine(side, self.store, self.offers, self.book, self._log)
        self.mover, self.client = Mover(self.engine), DspClient(service, side)
        self.pushing = Pushing(self)
        self._loop = asyncio.get_running_loop()
        self.store.moved, self.store.posted, self.store.hastened = self._moved, self._posted, self._hastened
        self._make_secret()
        service.add_check(lambda: f"exchange: {self.store.fault}" if self.store.fault else "")
        await asyncio.get_running_loop().run_in_executor(self._threads, self.offers.refresh)
        await asyncio.get_running_loop().run_in_executor(self._threads, self.pushing.receiving.sweep)
        self.engine.wake()
        self._ready = True
        self._task(self._driving())

    def _read_partners(self) -> Mapping[str, Partner]:
        """Who outside the bloc may ask: the file in the node's folder, if there is one.

        Raises:
            InputError, TrustError: it is not as it must be; the node does not start.
        """
        path = Path(self.service.node.home) / PARTNERS
        if not path.is_file():
            return {}
        members = {member.id for member in self.service.chain.last.active}
        return read_partners(path.read_bytes(), members, where=str(path))

    def _make_secret(self) -> None:
        path = self.secret_path
        if not path.is_file():
            write_private(path, secrets.token_hex(32).encode() + b"\n")

    @property
    def secret_path(self) -> Path:
        """The file whose content the operator's commands show."""
        return Path(self.service.node.home) / SECRET

    async def close(self) -> None:
        """Stop sending; what was intended is on the disk."""
        self._closing = True  # a step that still runs may intend one more: it goes after the next start
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self.store.close()

    def _task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _key(self, member: str, label: str, keyid: str) -> bytes:
        if member in self._partners:
            return self._partners[member].public(label, keyid, clock.now().astimezone(UTC).date())
        final = self.service._published.heads.final
        return keys_of(self.service.chain, member, label, keyid, (final[0], final[1]))

    def _log(self, event: str, facts: Mapping[str, Any]) -> None:
        self.service.log("info", f"exchange {event}", facts)

    async def do(self, work: Callable[[], T]) -> T:
        """Run some work of the engine on a thread of its own.

        Raises:
            Whatever the work raises. StateError: the node is still starting.
        """
        if not self._ready:
            raise StateError("the exchange is starting.", hint="Try again in a moment.", code="starting")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # --- Requests -----------------------------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Answer:
        """The answer to a request of the protocol."""
        now = clock.now()
        found = await self.do(lambda: self.engine.handle(call, now))
        await self.poke()
        return found

    async def proof(self, entry: str) -> bytes:
        """The proof bundle of an entry of this member's log.

        Raises:
            InputError: no such entry. StateError: it stands under no signed head yet.
        """
        if await self.service.read(lambda node: unwitnessed(node, entry)):
            await self._ask_witnesses()
        return await self.service.read(lambda node: bundle_of(node.replica, entry).data())

    async def _ask_witnesses(self) -> None:
        """Send our head to the witnesses once more: somebody waits for its proof."""
        now = self.service.monotonic()
        if now - self._asked < ASK_S:
            return
        self._asked = now
        out = await self.service.run(lambda node: (again(node.replica, node.now), []))
        for receiver, message in out:
            self.service.rounds.post(receiver, message)

    def path(self, file: File) -> Path:
        """Where a file of ours lies.

        Raises:
            AbsentError: it is gone.
        """
        found = files_of(self.service.node.home).path(file.sha256)
        if found.is_symlink() or not found.is_file() or found.stat().st_size != file.bytes:
            raise AbsentError
        return found

    # --- Driving ------------------------------------------------------------------------------------------------------

    async def poke(self) -> None:
        """Something may have moved: look now."""
        self._wake.set()

    def _moved(self, process: Process) -> None:
        """On any thread: a process was put, and is on the disk. Whoever waits for it to stand there is told."""
        for states, moved in tuple(self._waiting.get(process.pid, ())):
            if stands(process, states):
                self._soon(moved.set)

    def _posted(self, outgoing: Outgoing, peer: str) -> None:
        """On any thread: a message of ours is on the disk, and may go."""
        self._soon(lambda: self._post(outgoing, peer))

    def _hastened(self) -> None:
        """On any thread: a message that waited for its next attempt may go now."""
        self._scanned = float("-inf")

    def _soon(self, work: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: after the next start it is found on the disk
            self._loop.call_soon_threadsafe(work)

    def _post(self, outgoing: Outgoing, peer: str | None = None) -> None:
        """Send a message, unless it is on its way; where too many are, it is left to the table."""
        if outgoing.id not in self._sending and len(self._sending) < SENDING_MAX and self._ready and not self._closing:
            self._sending.add(outgoing.id)
            self._task(self._send(outgoing, peer))

    async def _driving(self) -> None:
        while True:
            try:
                await self._look()
            except ConcordatError as error:
                self.service.log("error", "exchange", {"what": str(error), "code": error.code})
            except Exception as error:
                self.service.fault("exchange", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _look(self) -> None:
        while self.engine.doubts:
            self._task(self._ask(self.engine.doubts.popleft()))
        for pid in self.engine.drain():
            if pid in self._planning:
                self.engine.woken.append(pid)  # after the one that runs
            else:
                self._planning.add(pid)
                self._task(self._plan(pid))
        if self.service.monotonic() - self._scanned >= LOOK_S:
            await self._scan()

    async def _scan(self) -> None:
        """Send what the table says is due: what is new was sent at once, this is what waited, or a start finds."""
        self._scanned = self.service.monotonic()
        at = clock.now().timestamp()
        for outgoing in await self.do(lambda: self.store.due(at, SENDING_MAX)):
            if self._faults.get(outgoing.id, (0, 0.0))[1] <= at:
                self._post(outgoing)

    async def _plan(self, pid: str) -> None:
        def plan() -> Process | None:
            self.mover.plan(pid, now)
            return self.store.transfer(pid) if self.auth else None

        try:
            now = clock.now()
            process = await self.do(plan)
            self._held.pop(pid, None)
            if process is not None:
                await self.pushing.looked(process)
        except Exception as error:
            await self._hold(pid, error)
        finally:
            self._planning.discard(pid)
            if self.engine.woken or self.engine.doubts:
                await self.poke()

    async def _hold(self, pid: str, error: Exception) -> None:
        """Our next move can't be made: said in the process, and tried again."""
        self._stopped(pid, error)

        def flag() -> None:
            if isinstance(error, BusyError) or not isinstance(error, ConcordatError):
                return  # it passes, or is no matter of this process; a flag is for what a person should see
            with self.store.commit():
                process = self.store.process(pid)
                if process is not None:
                    process.flag = str(error)[:500]
                    self.store.put(process, process.changed)

        with contextlib.suppress(StateError):  # what refused the move may refuse this as well
            await self.do(flag)
        faults = self._held[pid] = self._held.get(pid, 0) + 1
        asyncio.get_running_loop().call_later(min(WAIT_MAX_S, 2 ** min(faults, 6)), self.engine.woken.append, pid)

    async def _ask(self, pid: str) -> None:
        """Ask the other side where a negotiation stands whose end is unsure; without an answer again later."""
        unsure: Any = True
        try:
            process = await self.do(lambda: self.store.process(pid))
            if process is not None:
                await self._told(process)
                process = await self.do(lambda: self.store.process(pid))
            unsure = process is not None and process.facts.get(UNSURE)
        except Exception as error:
            self._stopped(pid, error)
        if unsure:
            asyncio.get_running_loop().call_later(ASK_AGAIN_S, self.engine.woken.append, pid)

    def _stopped(self, pid: str, error: Exception) -> None:
        """Tell the operator what stopped a step of a process; a fault of the program as such."""
        if isinstance(error, ConcordatError):
            self.service.log("error", "exchange", {"pid": pid, "what": str(error), "code": error.code})
        else:
            self.service.fault("exchange", error)

    async def _told(self, process: Process) -> None:
        status, body = await self._exchanged(process.peer, "GET", self._state_url(process), b"")
        if status is not None:
            await self.do(lambda: self.mover.told(process.pid, status, body, clock.now()))

    async def _send(self, outgoing: Outgoing, peer: str | None) -> None:
        try:
            if self._places.locked():
                peer = None  # it waits: who knows what comes meanwhile
            async with self._places:
                if peer is None:
                    peer = await self.do(lambda: self._still_due(outgoing))
                if peer is not None:
                    await self._sent(peer, outgoing)
            self._faults.pop(outgoing.id, None)
        except Exception as error:
            self._stopped(outgoing.pid, error)
            await self._later(outgoing)
        finally:
            self._sending.discard(outgoing.id)
            await self.poke()

    def _still_due(self, outgoing: Outgoing) -> str | None:
        """Whom a message goes to; None if it was answered or put off since the table was read."""
        with self.store.look():
            kept = self.store.intended(outgoing.pid)
            if kept is None or kept.id != outgoing.id or kept.next_at > outgoing.next_at:
                return None
            process = self.store.process(outgoing.pid)
            return process.peer if process is not None else None

    async def _later(self, outgoing: Outgoing) -> None:
        """A fault of ours is no silence of the peer: attempts stay, the wait grows; in memory if the disk refuses."""
        faults = self._faults.get(outgoing.id, (0, 0.0))[0] + 1
        at = clock.now().timestamp() + min(WAIT_MAX_S, 2 ** min(faults - 1, 6))
        self._faults[outgoing.id] = faults, at
        try:
            await self.do(lambda: self.store.retry(outgoing, outgoing.attempts, at))
        except Exception as error:
            self._log("not put off", {"pid": outgoing.pid, "what": str(error)})

    async def _sent(self, peer: str, outgoing: Outgoing) -> None:
        status, body = await self._exchanged(peer, "POST", outgoing.url, outgoing.body)
        ask = await self.do(lambda: self.mover.delivered(outgoing, status, body, clock.now()))
        process = await self.do(lambda: self.store.process(outgoing.pid)) if ask else None
        if process is not None:
            await self._told(process)

    async def _exchanged(self, peer: str, method: str, url: str, body: bytes) -> tuple[int | None, bytes]:
        try:
            if not self.auth:
                self._allow(url)
            reply = await self.client.send(peer, method, url, body)
        except (SourceError, TrustError) as error:
            self._log("not sent", {"url": url, "what": str(error)})
            return None, b""
        return reply.status, reply.body

    def _allow(self, url: str) -> None:
        """The test kit has no place in the membership: its address on this machine is asked all the same."""
        require_loopback(url)
        parts = urlsplit(url)
        self.service.outbound.allow(f"{parts.scheme}://{parts.netloc}")

    @staticmethod
    def _state_url(process: Process) -> str:
        consumer, provider = pids(process)
        family = "negotiations" if process.kind == "negotiation" else "transfers"
        return f"{process.callback}/{family}/{provider if process.role == Role.CONSUMER else consumer}"

    # --- Waiting ------------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def alone(self, member: str, dataset: str, seconds: float) -> AsyncIterator[None]:
        """Nobody else gets this dataset of this member meanwhile: two would ask twice and write the same files.

        Raises:
            StateError: another one is at it still after that time.
        """
        lock = self._alone.setdefault((member, dataset), asyncio.Lock())
        try:
            async with asyncio.timeout(seconds):
                await lock.acquire()
        except TimeoutError:
            what = f"another request of this node gets it still after {seconds:g} s."
            hint = "Wait for that one, or give the same command again later."
            raise StateError(what, where=dataset, hint=hint, code="waiting") from None
        try:
            yield
        finally:
            lock.release()

    async def until(self, pid: str, states: tuple[str, ...], seconds: float, hint: str = GOES_ON) -> Process:
        """A process once it is in one of the states, or over, or waits for a person of this side (OFFERED, flagged).

        Args:
            hint: what is said to whoever waited in vain.

        Raises:
            StateError: not within that time.
        """
        moved = asyncio.Event()
        waiting = (states, moved)
        self._waiting.setdefault(pid, []).append(waiting)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    moved.clear()
                    process = await self.do(lambda: self.store.process(pid))
                    if process is not None and stands(process, states):
                        return process
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await moved.wait()
        except TimeoutError:
            process = await self.do(lambda: self.store.process(pid))
            where = f"{process.state or 'not answered'}; {process.flag}" if process else "gone"
            raise StateError(
                f"not finished in {seconds:g} s ({where}).", where=pid, hint=hint, code="waiting"
            ) from None
        finally:
            self._waiting[pid].remove(waiting)
            if not self._waiting[pid]:
                del self._waiting[pid]

    async def now(self, work: Callable[[datetime], T]) -> T:
        """Work of the mover at the present time; then look whether something is to be sent."""
        at = clock.now()
        found = await self.do(lambda: work(at))
        await self.poke()
        return found


def stands(process: Process, states: tuple[str, ...]) -> bool:
    """Whether a process stands where somebody waits for it: in one of the states, over, or with this side's person."""
    return process.state in (*states, *OVER) or is_ours_to_answer(process)


def is_ours_to_answer(process: Process) -> bool:
    """Whether a negotiation waits for this side's person: the provider made an offer that isn't accepted of itself."""
    return process.state == "OFFERED" and process.role == Role.CONSUMER and bool(process.flag)


def unwitnessed(node: Node, entry: str) -> bool:
    """Whether an entry of the own log stands under no head that a quorum of witnesses cosigned."""
    own = node.replica.own
    places = own.entries.find(entry) if len(entry) == len(FIRST) else []
    return bool(places) and own.proof_of(places[0]) is None


def require_loopback(url: str) -> None:
    """Without tokens the node may be reached by this machine alone.

    Raises:
        RuleError: its address is another one.
    """
    host = urlsplit(url).hostname or ""
    if host not in ("127.0.0.1", "::1", "localhost"):
        what = f"callers would not have to say who they are, and {host} is reached by others."
        hint = "Set listen to a loopback address, or turn conformance mode off."
        raise RuleError(what, where="exchange conformance", hint=hint, code="conformance")
