"""The provider's side of a push: the files of an agreement, sent piece by piece to the consumer's own node.

    look(pid)      # after each move of a process, and at each start: does a push of ours wait for its data?

The address was given with the request and is on the host that the membership (or `partners.yaml`) names for the
consumer. Each piece is permitted and counted in one step before it leaves, by the same decision as a pull: a use counts
when its first byte leaves, and once, however often a piece is sent again. Before the first piece, and after each one
without an answer, the consumer says how many bytes it has; from there it goes on, also after a crash of either side.
After nine answers in a row that bring nothing (1, 2, 4 ... 60 seconds apart) it is terminated with code `unreachable`.
A consumer that is not there, or can't take anything now, is waited for, a minute apart, while the terms permit; after
a day without a piece that was taken it ends as `unreachable` too, as where everything is there and no Completion comes.
Nor is more sent than everything twice and 16 pieces (`too_often`). When the terms permit no more: `denied`.
Whether the files are whole is the consumer's to say: it
alone completes the transfer, and then this side logs it, as with a pull. Source: exchange.md 5.4.

The pieces are `PUT`s with `Content-Range`, which RFC 9110 (section 14.5) leaves to agreement between two sides: this
one is ours. `exchange_receive` is the other side. A partial answer of another implementation is no progress.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import ConcordatError, RuleError, SourceError, StateError, TrustError
from concordat.exchange.dataspace import messages, transfer
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.deciding import Verdict
from concordat.exchange.dataspace.messages import PUSH, Role
from concordat.node.exchange_calls import on_place
from concordat.node.exchange_engine import Engine
from concordat.node.exchange_machines import is_stopping, parse_own
from concordat.node.exchange_parts import File
from concordat.node.exchange_receive import Receiving
from concordat.node.exchange_store import Process
from concordat.node.outbound import Reply

if TYPE_CHECKING:
    from concordat.node.exchange_service import ExchangeService

PIECE = 1 << 18  # bytes: the most that is sent again after a cut
PIECE_MAX_S = 300.0
TRIES = 8  # answers in a row that bring nothing
IDLE_S = 24 * 3600  # without a piece that was taken, or without the consumer's Completion after the last one
ASK_S = 3600  # between two questions to a consumer that has everything and doesn't complete
NOTED_S = 600  # how exactly the time of the last piece is kept on the disk
SPARE = 16  # pieces that may be sent again, beside everything once more
SENT, SENT_AT = "sent", "sent_at"  # in a process: bytes that left, repeats included; when it last came further
AWAY = (429, 502, 503, 504)  # what a node that is busy or full answers, or what stands before one that is off
SILENT = ("connection", "timeout", "no_address")
ANSWER_MAX = 1 << 16  # bytes of what it says
AT_ONCE = 4  # pieces on their way to one consumer: one that is slow keeps no other waiting
OPEN_MOST = 16  # pushes to one consumer that are tried at one time; further ones wait until one of them ends
WAIT_MAX_S = 60.0
ENDED = 422  # what the consumer answers when the transfer is over for it


class FruitlessError(SourceError):
    """A piece brought the transfer no further; it is tried again."""


class AwayError(FruitlessError):
    """The consumer is not there, or can't take anything now: that is waited for."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What may leave now: a part of a file, from a byte on."""

    file: File
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Way:
    """Where one file of a transfer goes: our name of the transfer, the consumer, address and token."""

    pid: str
    peer: str
    url: str
    bearer: str
    file: File


def reserve(engine: Engine, pid: str, file: File, start: int, now: datetime) -> Piece:
    """The next piece of a file, permitted and counted in the same step.

    Raises:
        RuleError: the transfer doesn't run (`not_started`), is being suspended or ended from here (`stopping`), or the
            use is not permitted now (`denied`).
        SourceError: so much was sent again that it would have no end (`too_often`).
    """
    with engine.store.commit():
        process = _require_started(engine, pid)
        agreement = engine.store.agreement(str(process.facts.get("agreement", "")))
        end = engine.side.ends.get(process.peer)
        if agreement is None or (end is not None and now > end):
            raise RuleError(f"{process.peer} may be given nothing any more.", where=pid, code="denied")
        length = min(PIECE, file.bytes - start)
        # What was sent before under this transfer, and is sent again, is the same use.
        more = max(0, start + length - engine.store.left(pid, file.sha256))
        uses = engine.uses(agreement.id, file, more)
        decision = engine.decision(agreement, now, max(0, uses - 1))
        if decision.verdict is not Verdict.PERMIT:
            raise RuleError(decision.words, where=agreement.id, code="denied")
        if more:
            engine.store.serve(agreement.id, pid, file.sha256, file.bytes, more)
        _count(engine, process, length)
    return Piece(file, start, length)


def _count(engine: Engine, process: Process, length: int) -> None:
    """Keep how much left under a transfer, repeats included.

    Raises:
        SourceError: everything left twice, and some pieces more.
    """
    most = 2 * sum(file.bytes for file in files_to_push(engine, process)) + SPARE * PIECE
    sent = int(process.facts.get(SENT, 0)) + length
    if sent > most:
        what = f"{most:,} bytes were sent, and it has not everything still."
        raise SourceError(what, where=process.pid, code="too_often")
    process.facts[SENT] = sent
    engine.store.put(process, process.changed)


def _give_back(engine: Engine, pid: str, length: int) -> None:
    """A piece was turned away by a consumer that can't take it now: no repeat, but a use that has begun all the same.

    That it was not kept is the consumer's word alone.
    """
    with engine.store.commit():
        process = engine.store.process(pid)
        if process is not None:
            process.facts[SENT] = max(0, int(process.facts.get(SENT, 0)) - length)
            engine.store.put(process, process.changed)


def _moved(engine: Engine, pid: str, now: datetime, *, first: bool = False) -> None:
    """Keep when a push last came further, to some minutes; `first`: only if nothing is kept."""
    with engine.store.commit():
        process = engine.store.process(pid)
        at = process.facts.get(SENT_AT) if process else None
        if at is not None and at > now.timestamp():  # said by a clock that was ahead
            at = None
        if process is not None and (at is None or (not first and now.timestamp() - at > NOTED_S)):
            process.facts[SENT_AT] = int(now.timestamp())
            engine.store.put(process, process.changed)


def _rests(engine: Engine, pid: str) -> None:
    """A transfer that is suspended may rest as long as it likes: its time begins anew with its next start."""
    with engine.store.commit():
        process = engine.store.process(pid)
        if process is not None and process.state == transfer.State.SUSPENDED and process.facts.pop(SENT_AT, None):
            engine.store.put(process, process.changed)


def require_alive(engine: Engine, pid: str, since: datetime | None, now: datetime) -> None:
    """A push that waits may go on waiting.

    Args:
        since: when this process of the node took it up, if that counts.

    Raises:
        RuleError: it doesn't run (`not_started`, `stopping`), or the terms permit nothing any more (`denied`).
        SourceError: it came no further for a day.
    """
    process = _require_started(engine, pid)
    last = max(float(process.facts.get(SENT_AT, 0)), since.timestamp() if since else 0.0)
    if now.timestamp() - last > IDLE_S:
        hours = IDLE_S // 3600
        raise SourceError(f"it came no further in {hours} hours.", where=process.peer, code="unreachable")
    agreement = engine.store.agreement(str(process.facts.get("agreement", "")))
    decision = engine.decision(agreement, now, max(0, engine.uses(agreement.id) - 1)) if agreement else None
    if decision is None or decision.verdict is not Verdict.PERMIT:
        what = decision.words if decision else "there is no agreement any more."
        raise RuleError(what, where=pid, code="denied")


def files_to_push(engine: Engine, process: Process) -> tuple[File, ...]:
    """The files of the dataset version that the agreement is about, each body once.

    Raises:
        RuleError: that version is not here any more.
    """
    agreement = engine.store.agreement(str(process.facts.get("agreement", "")))
    offered = engine.offers.get(agreement.dataset, int(agreement.facts.get("version", 0))) if agreement else None
    if offered is None:
        raise RuleError("what was agreed on is not here any more.", where=process.pid, code="absent")
    return tuple({file.sha256: file for file in offered.files}.values())


class Pushing:
    """What a running node pushes, and what is pushed to it.

    Args:
        exchange: of the node.
    """

    def __init__(self, exchange: ExchangeService) -> None:
        self._exchange = exchange
        self.receiving = Receiving(exchange)
        self._running: dict[str, str] = {}  # transfer -> consumer
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._parked: dict[str, list[str]] = {}  # consumer -> transfers that wait until one of its pushes ends
        self._places: dict[str, asyncio.Semaphore] = {}  # by consumer

    async def look(self, pid: str) -> None:
        """Whether a push waits for us: data to send, or a transfer to complete."""
        if not self._exchange.auth:
            return  # under test nothing is pushed
        process = await self._exchange.do(lambda: self._exchange.store.transfer(pid))
        if process is not None:
            await self.looked(process)

    async def looked(self, process: Process) -> None:
        """As `look`, at a transfer that was just read."""
        if process.body.get("format") != PUSH:
            return
        pid = process.pid
        ours, started = process.role == Role.PROVIDER, process.state == transfer.State.STARTED
        if not ours:
            await self.receiving.look(process)
            return
        if started and pid not in self._running:
            self._begin(process)
        elif not started:
            self._leave(process)
        if process.state == transfer.State.SUSPENDED:
            await self._exchange.do(lambda: _rests(self._exchange.engine, pid))

    def _begin(self, process: Process) -> None:
        if not self._has_place(process.peer):
            parked = self._parked.setdefault(process.peer, [])
            parked += [] if process.pid in parked else [process.pid]
            return
        self._running[process.pid] = process.peer
        self._leave(process)
        self._exchange._task(self._push(process))

    def _has_place(self, peer: str) -> bool:
        return list(self._running.values()).count(peer) < OPEN_MOST

    def _leave(self, process: Process) -> None:
        """A transfer waits for no place any more; the first one that does is looked at, if there is a place."""
        parked = self._parked.get(process.peer, [])
        if process.pid in parked:
            parked.remove(process.pid)
        if parked and self._has_place(process.peer):
            self._exchange.engine.woken.append(parked[0])

    async def _ended(self, process: Process) -> None:
        """A push runs no more: the next one of that consumer may."""
        self._running.pop(process.pid, None)
        self._leave(process)
        await self._exchange.poke()

    async def _push(self, process: Process) -> None:
        try:
            await self._tried(process)
        except StateError as error:  # a fault of ours ends nothing: it goes on later
            self._exchange._log("not pushed", {"pid": process.pid, "what": str(error)})
            _look_again(self._exchange, process.pid)
        except Exception as error:  # it would come again at each attempt, and nobody be told
            self._exchange.service.fault("exchange", error)
            fault = StateError("a fault of the provider's node.", where=process.pid, code="fault")
            try:
                await stop(self._exchange, process.pid, fault)
            except ConcordatError:
                _look_again(self._exchange, process.pid)
        finally:
            await self._ended(process)

    async def _tried(self, process: Process) -> None:
        try:
            await self._all(process)
        except StateError:
            raise
        except ConcordatError as error:
            if error.code == "stopping":  # the other side has not answered yet, and may refuse
                _look_again(self._exchange, process.pid)
            elif error.code != "not_started":  # suspended or over: whoever starts it again wakes us
                await stop(self._exchange, process.pid, error)

    async def _all(self, process: Process) -> None:
        address = process.body.get("address") or {}
        endpoint, bearer = str(address.get("endpoint", "")), messages.token_of(address) or ""
        if not on_place(endpoint, self._exchange.engine.side.places.get(process.peer, "")):
            what = f"the address is not on {process.peer}'s node."  # a membership may have changed since the request
            raise TrustError(what, where=endpoint[:120], code="endpoint")
        engine, pid = self._exchange.engine, process.pid
        await self._exchange.do(lambda: _require_started(engine, pid))
        await self._exchange.do(lambda: _moved(engine, pid, clock.now(), first=True))
        for file in await self._exchange.do(lambda: files_to_push(engine, process)):
            if not await self._one(Way(pid, process.peer, f"{endpoint}?file={file.sha256}", bearer, file)):
                break
        # Everything is there, or it is over for the consumer: either is for it to say, and it has a day to say it.
        await self._exchange.do(lambda: require_alive(engine, pid, None, clock.now()))
        self._again(pid, ASK_S)

    def _again(self, pid: str, wait: float) -> None:
        """Look at a transfer again later; one timer each."""
        earlier = self._timers.pop(pid, None)
        if earlier is not None:
            earlier.cancel()

        def now() -> None:
            self._timers.pop(pid, None)
            self._exchange.engine.woken.append(pid)

        self._timers[pid] = asyncio.get_running_loop().call_later(wait, now)

    async def _one(self, way: Way) -> bool:
        """One file, to its end; False if the consumer has ended the transfer.

        Raises:
            RuleError: as `reserve`. SourceError: too many answers in a row brought nothing, or it is away for too long.
        """
        at, best, failures, silent, since = -1, 0, 0, 0, clock.now()
        while True:
            try:
                sent = at >= 0
                at, whole = await (self._sent(way, at) if sent else self._asked(way))
                if whole:
                    return True
                silent = 0
                if sent and at > best:  # what it says unasked for a piece is no progress
                    best, failures, since = at, 0, clock.now()
                    await self._exchange.do(lambda: _moved(self._exchange.engine, way.pid, clock.now()))
            except FruitlessError as error:
                if error.code == "ended":
                    return False
                away = isinstance(error, AwayError)
                at, failures, silent = -1, failures + (not away), silent + away
                self._exchange._log("not pushed", {"pid": way.pid, "what": str(error)})
                if failures > TRIES:
                    what = f"nothing was taken in {failures} attempts: {error.what}"
                    raise SourceError(what, where=way.url.partition("?")[0], code="unreachable") from None
                await asyncio.sleep(min(WAIT_MAX_S, 2 ** min(max(failures, silent) - 1, 16)))
                await self._exchange.do(partial(require_alive, self._exchange.engine, way.pid, since, clock.now()))

    async def _asked(self, way: Way) -> tuple[int, bool]:
        """How many bytes of the file the consumer has, and whether it has it whole."""
        async with self._place(way):
            return _standing(await self._request(way, "GET"), way.file)

    async def _sent(self, way: Way, start: int) -> tuple[int, bool]:
        """One piece; how many bytes of the file the consumer has then, and whether it has it whole."""
        file = way.file
        async with self._place(way):  # before it is permitted: what waits here may be forbidden meanwhile
            data = await self._taken(way, start)
            last = f"{start}-{start + len(data) - 1}" if data else "*"
            headers = {"content-range": f"bytes {last}/{file.bytes}", "content-type": "application/octet-stream"}
            reply = await self._request(way, "PUT", data, headers)
        if reply.status in AWAY:
            await self._exchange.do(lambda: _give_back(self._exchange.engine, way.pid, len(data)))
        at, whole = _standing(reply, file)
        if not whole and (not data or at < start + len(data)):  # a part of a piece is no progress: it would never end
            raise FruitlessError(f"after a piece it has {at:,} bytes still.", where=way.url, code="no_progress")
        return at, whole

    async def _taken(self, way: Way, start: int) -> bytes:
        """The next piece from the disk, permitted after it was read: nothing is between that and its leaving."""
        exchange, file = self._exchange, way.file
        path = exchange.path(file)
        data = await exchange.do(lambda: _read(path, Piece(file, start, min(PIECE, file.bytes - start))))
        await exchange.do(lambda: reserve(exchange.engine, way.pid, file, start, clock.now()))
        return data

    def _place(self, way: Way) -> asyncio.Semaphore:
        return self._places.setdefault(way.peer, asyncio.Semaphore(AT_ONCE))

    async def _request(
        self, way: Way, method: str, data: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:  # fmt: skip
        given = {"authorization": f"Bearer {way.bearer}", "accept": "application/json", **(headers or {})}
        try:
            return await self._exchange.service.outbound.request(
                method, way.url, body=data, headers=given, limit=ANSWER_MAX, timeout_s=PIECE_MAX_S
            )
        except (SourceError, TrustError) as error:
            kind = AwayError if error.code in SILENT else FruitlessError
            raise kind(error.what, where=error.where, code=error.code) from None


def _standing(reply: Reply, file: File) -> tuple[int, bool]:
    """What the consumer says that it has of a file.

    Raises:
        FruitlessError: it refuses, it is over for it (`ended`), or it says what can't be.
    """
    if reply.status == ENDED:
        raise FruitlessError("the consumer has ended the transfer.", code="ended")
    if reply.status in AWAY:
        raise AwayError(f"it answers {reply.status}.", code="status")
    if reply.status not in (200, 409):
        raise FruitlessError(f"it answers {reply.status}.", code="status")
    try:
        said: Any = json.loads(reply.body)
        offset, whole = said["offset"], said["complete"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FruitlessError("its answer can't be read.", code="answer") from None
    if type(offset) is not int or type(whole) is not bool or not 0 <= offset <= file.bytes:
        raise FruitlessError("its answer can't be true.", code="answer")
    return offset, whole


def _read(path: Path, piece: Piece) -> bytes:
    try:
        with path.open("rb") as handle:
            handle.seek(piece.start)
            data = handle.read(piece.length)
    except OSError as error:
        raise StateError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
    if len(data) != piece.length:
        raise TrustError("the file ended early.", where=piece.file.sha256, code="damaged")
    return data


def _require_started(engine: Engine, pid: str) -> Process:
    process = engine.store.process(pid)
    if process is None or process.state != transfer.State.STARTED or process.role != Role.PROVIDER:
        raise RuleError("the transfer does not run.", where=pid, code="not_started")
    pending = engine.store.intended(pid)
    if pending is not None and is_stopping(parse_own(pending.body)):
        raise RuleError("this side stops the transfer.", where=pid, code="stopping")
    return process


async def stop(exchange: ExchangeService, pid: str, error: ConcordatError) -> None:
    """Terminate a transfer from this side, and say why."""

    def ended(at: datetime) -> bool:
        with exchange.store.commit():
            process = exchange.store.process(pid)
            if process is not None:
                process.facts["code"] = error.code or "failed"
                exchange.store.put(process, int(at.timestamp()))
        return exchange.mover.move(pid, Next(Move.TERMINATE, error.what[:300]), at)

    if not await exchange.now(ended):  # over already, or another message of ours is on its way
        _look_again(exchange, pid)


def _look_again(exchange: ExchangeService, pid: str) -> None:
    asyncio.get_running_loop().call_later(WAIT_MAX_S, exchange.engine.woken.append, pid)
