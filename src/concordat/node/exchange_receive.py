"""The consumer's side of a push: what another member's node sends is taken into this node's folder, and nowhere else.

    Receiving.take(...)         # one piece that comes in; Receiving.standing: how much is here
    Receiving.finish(process)   # all is here: log it, complete the transfer

The names, sizes and hashes of the files are those of the proven entry that offered the dataset, kept with the request
before it was sent; nothing of the sender's makes a path. A piece is taken only from whoever shows the transfer's token
(32 random bytes, kept as SHA-256, good for 24 hours after the last Start or piece, never beyond the terms), only while
the transfer runs, only where the last one ended, and only up to the agreed size. A file that is whole is hashed; if it
is another one it goes aside as `.rejected`, and the transfer ends with code `checksum`. What a crash of this machine
may have torn is asked for once more, from its beginning. A provider that keeps silent is asked every ten minutes
whether it has ended the transfer; where the token has ended this side ends it. A fault of this disk ends nothing: it is
kept with the transfer until a piece is taken or a person asks again, and said to whoever waits (`exchange_pushed`).

A crash at any step ends in the same way: the pieces on the disk say where to go on, a whole file has its name only
after its hash was compared, `TransferCompleted` is said once, and at each start `finish` looks again. Source:
exchange.md 5.4.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets
import uuid
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.exchange.dataspace import messages, transfer
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.messages import CALLBACK, PUSH, PUSHED, Role
from concordat.exchange.dataspace.schemas import parse
from concordat.node.dsp_client import copy_flushed, flush_folder, move_file
from concordat.node.exchange_calls import AbsentError, UnknownCallerError
from concordat.node.exchange_entries import transfer_body
from concordat.node.exchange_moves import TOKEN_S, Mover
from concordat.node.exchange_store import ExchangeStore, Process
from concordat.node.exchange_wording import named

if TYPE_CHECKING:
    from concordat.node.exchange_service import ExchangeService

RECEIVED = "exchange/received"
PIECE_MAX = 4 << 20  # bytes of one request
FAILED = "push_failed"  # in a process: why this side ended it
HELD = "push_held"  # in a process: why this side takes nothing now
RUNS = "push_runs"  # in a process: its day has begun with its Start
ASK_S = 600  # between two questions to the provider where a push stands; how exactly the token's end is kept
_PART = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.pushed\Z")
_RANGE = re.compile(r"bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)/([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file that is expected: SHA-256, bytes, and its name here."""

    sha256: str
    bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a file is here."""

    offset: int
    complete: bool
    status: int = 200


def request_push(mover: Mover, provider: str, agreement: str, files: Sequence[Wanted], now: datetime) -> str:
    """Ask for data under an agreement, to be pushed to this node; our name for the transfer."""
    pid, token = f"urn:uuid:{uuid.uuid4()}", secrets.token_urlsafe(32)
    base = mover.side.places[provider] + messages.PATH
    facts = {
        "agreement": agreement, "files": [[f.sha256, f.bytes, f.name] for f in files], "format": PUSH, "moves": 0,
    }  # fmt: skip
    process = Process(pid, "transfer", Role.CONSUMER, provider, "", {}, base.rstrip("/"), facts)
    address = messages.data_address(f"{mover.side.base}{PUSHED}/{pid}", token)
    message = messages.transfer_request(pid, agreement, PUSH, mover.side.base + CALLBACK, address)
    named(message)  # refused here, before anything is kept
    with mover.store.commit():
        mover.store.put_token(token, pid, int(now.timestamp()) + TOKEN_S)
        mover._begin(process, message, "/transfers/request", now)
    return pid


def expected(store: ExchangeStore, pid: str, bearer: str, digest: str, now: datetime) -> tuple[Process, Wanted]:
    """The transfer that a token opens, and the file of it.

    Raises:
        UnknownCallerError: no such token, or it has ended. AbsentError: nothing of that name is expected.
        RuleError: the transfer doesn't run.
    """
    if not bearer or store.token_pid(bearer, int(now.timestamp())) != pid:
        raise UnknownCallerError("no token for this transfer.", code="token")
    process = store.process(pid)
    if process is None or process.role != Role.CONSUMER or process.facts.get("format") != PUSH:
        raise AbsentError
    found = next((file for file in wanted_of(process) if file.sha256 == digest), None)
    if found is None:
        raise AbsentError
    if process.state != transfer.State.STARTED:
        raise RuleError(f"the transfer is {process.state or 'not answered'}.", where=pid, code="not_started")
    return process, found


def wanted_of(process: Process) -> list[Wanted]:
    """The files that a push is to bring."""
    return [Wanted(*row) for row in process.facts.get("files", ())]


def all_whole(process: Process) -> bool:
    """Whether every file of a push is here under its name, with the agreed hash."""
    return {file.sha256 for file in wanted_of(process)} <= set(process.facts.get("whole", ()))


def range_of(header: str, size: int, length: int) -> int:
    """Where a piece begins.

    Raises:
        InputError: no range of a file of that size, or not that of the body.
    """
    found = _RANGE.fullmatch(header.strip().lower())
    if found is None or int(found[3]) != size:
        raise InputError(f"a piece says which of the {size:,} bytes it is.", where="content-range", code="range")
    if found[1] is None:
        start, end = 0, -1
    else:
        start, end = int(found[1]), int(found[2])
    if end - start + 1 != length or end >= size or (not length and size):
        what = f"{length:,} bytes are not the part {header[:60]}."
        raise InputError(what, where="content-range", code="range")
    return start


class Receiving:
    """What is pushed to a running node.

    Args:
        exchange: of the node.
    """

    def __init__(self, exchange: ExchangeService) -> None:
        self._exchange = exchange
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        # (transfer, file) whose every byte came since this start: how many of them were hashed as they came
        self._begun: dict[tuple[str, str], tuple[int, Any]] = {}

        self._held: dict[str, StateError] = {}  # why nothing is taken now: a disk that is full keeps no note of it
        self._asked: dict[str, datetime] = {}  # when the provider was last asked where it stands
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.pieces = Counter[str]()  # that are being read, by transfer

    def sweep(self) -> None:
        """At a start: parts of transfers that are over go. What can't be removed is said, and stays until the next."""
        open_ = {p.pid.rpartition(":")[2] for p in self._exchange.store.processes("transfer", open_only=True)}
        for part in sorted((Path(self._exchange.service.node.home) / RECEIVED).glob("*/*.pushed")):
            found = _PART.search(part.name)
            if found is not None and found[1] not in open_:
                try:
                    part.unlink()
                except OSError as error:
                    self._exchange._log("not removed", {"path": str(part), "what": error.strerror or ""})

    async def look(self, process: Process) -> None:
        """After each move of a transfer, at each start, and every ten minutes: what is there to do?"""
        exchange, pid, now = self._exchange, process.pid, clock.now()
        if process.state == transfer.State.SUSPENDED:
            await exchange.do(lambda: self._rests(pid))
        elif process.state in transfer.FINAL:
            self._forget(pid)
            await self.clear(process)
        elif process.state == transfer.State.REQUESTED:
            self._asked.setdefault(pid, now)
            await self._wait_on(process, now)
        elif process.state == transfer.State.STARTED:
            if await exchange.do(lambda: self._runs(pid, now)):
                self._asked[pid] = now
            if await exchange.do(lambda: exchange.store.intended(pid)) is None:
                await self.finish(process)
            await self._wait_on(process, now)

    def _forget(self, pid: str) -> None:
        self._asked.pop(pid, None)
        timer = self._timers.pop(pid, None)
        if timer is not None:
            timer.cancel()

    def _runs(self, pid: str, now: datetime) -> bool:
        """With a Start a day begins anew, whatever time the transfer was suspended; whether this is one."""
        store = self._exchange.store
        with store.commit():
            process = store.process(pid)
            if process is None or process.facts.get(RUNS) or process.state != transfer.State.STARTED:
                return False
            process.facts[RUNS] = True
            store.put(process, process.changed)
            store.extend_token(pid, self._exchange.mover._token_end(process, now))
        return True

    def _rests(self, pid: str) -> None:
        store = self._exchange.store
        with store.commit():
            process = store.process(pid)
            if process is not None and process.state == transfer.State.SUSPENDED and process.facts.pop(RUNS, None):
                store.put(process, process.changed)

    async def _wait_on(self, process: Process, now: datetime) -> None:
        """While a Start or pieces may come: the provider is asked now and then; after a day without one it is over.

        Where all is here it is looked at again as well: a Completion may have been refused by what passes.
        """
        from concordat.node.exchange_push import stop

        exchange, pid, runs = self._exchange, process.pid, process.state == transfer.State.STARTED
        if not all_whole(process) and await exchange.do(lambda: exchange.store.intended(pid)) is None:
            if runs and await exchange.do(lambda: exchange.store.token_end(pid)) <= now.timestamp():
                await stop(exchange, pid, StateError("nothing came while the token was good.", code="unreachable"))
                return
            asked = self._asked.get(pid)
            if asked is None or abs((now - asked).total_seconds()) >= ASK_S:
                await self.ask(process)
        earlier = self._timers.pop(pid, None)
        if earlier is not None:
            earlier.cancel()
        self._timers[pid] = asyncio.get_running_loop().call_later(ASK_S, exchange.engine.woken.append, pid)

    async def ask(self, process: Process) -> None:
        """Ask the provider where a transfer stands; if it has ended there, it ends here.

        No other answer ends anything: a Start that runs on its way back is no disagreement, and 404 is said to a token
        that isn't good as well.
        """
        exchange = self._exchange
        self._asked[process.pid] = clock.now()
        status, body = await exchange._exchanged(process.peer, "GET", exchange._state_url(process), b"")
        try:
            over = status == 200 and parse(body, "TransferProcess")["state"] == transfer.State.TERMINATED
        except ConcordatError:
            return
        if over:
            await exchange.do(lambda: exchange.mover.told(process.pid, 200, body, clock.now()))
            await exchange.poke()

    def folder(self, process: Process) -> Path:
        """Where the files of a transfer go."""
        agreement = str(process.facts["agreement"]).rpartition(":")[2]
        return Path(self._exchange.service.node.home) / RECEIVED / re.sub(r"[^A-Za-z0-9-]", "_", agreement)[:80]

    def _part(self, process: Process, file: Wanted) -> Path:
        return self.folder(process) / f"{file.name}.{process.pid.rpartition(':')[2]}.pushed"

    def came(self, pid: str) -> int:
        """Bytes of a transfer that are here."""
        process = self._exchange.store.process(pid)
        if process is None:
            return 0
        return sum(self._here(process, file).offset for file in wanted_of(process))

    def _here(self, process: Process, file: Wanted) -> Standing:
        if file.sha256 in process.facts.get("whole", ()):
            return Standing(file.bytes, True)
        part = self._part(process, file)
        return Standing(part.stat().st_size if part.is_file() and not part.is_symlink() else 0, False)

    async def standing(self, pid: str, bearer: str, digest: str) -> Standing:
        """How much of a file is here.

        Raises:
            As `expected`, and as `take` where a crash came between the last piece and the comparison.
        """
        return await self._in_turn(pid, bearer, digest, self._looked)

    async def take(self, pid: str, bearer: str, digest: str, header: str, data: bytes) -> Standing:
        """One piece; how much is here then, with status 409 if the piece doesn't begin where the last one ended.

        Raises:
            As `expected`. InputError: the piece is not what it says, or beyond the agreed size. StateError: the disk
                refuses. TrustError: the file is another one; the transfer has ended.
        """

        def taken(process: Process, file: Wanted) -> Standing:
            return self._taken(process, file, range_of(header, file.bytes, len(data)), data)

        return await self._in_turn(pid, bearer, digest, taken)

    async def again(self, pid: str) -> None:
        """A person has made room, or means to: what this disk refused before is said no more until it does so again."""
        await self._exchange.do(partial(self._hold, pid, None))

    def _hold(self, pid: str, error: StateError | None) -> None:
        """Remember why this node takes nothing now, or that it does again; on the disk if that takes it."""
        store = self._exchange.store
        if error is None:
            self._held.pop(pid, None)
        else:
            self._held[pid] = error
        with suppress(StateError), store.commit():
            process = store.process(pid)
            if process is not None and (process.facts.pop(HELD, None) or error is not None):
                if error is not None:
                    process.facts[HELD] = {"what": error.what, "where": error.where}
                process.flag = str(error)[:500] if error is not None else ""
                store.put(process, process.changed)

    def held(self, process: Process) -> StateError | None:
        """Why this node takes nothing of a transfer now: a fault of its own, and none of the provider's."""
        said, hint = process.facts.get(HELD), "Make room, and give the same command again; what is here is kept."
        found = self._held.get(process.pid) or (StateError(said["what"], where=said["where"]) if said else None)
        return found and StateError(found.what, where=found.where, hint=hint, code="full")

    async def _in_turn(
        self, pid: str, bearer: str, digest: str, work: Callable[[Process, Wanted], Standing]
    ) -> Standing:  # fmt: skip
        """Some work on a file of a transfer, one at a time."""
        exchange = self._exchange
        async with self._turn(pid):
            now = clock.now()
            process, file = await exchange.do(lambda: expected(exchange.store, pid, bearer, digest, now))
            try:
                found = await exchange.do(lambda: work(process, file))
            except TrustError as error:
                await self._fail(pid, error)
                raise
            except StateError as error:
                await exchange.do(partial(self._hold, pid, error))
                raise
            if pid in self._held or HELD in process.facts:
                await exchange.do(partial(self._hold, pid, None))
            if found.complete:
                exchange.engine.woken.append(pid)
                await exchange.poke()
            return found

    def _turn(self, pid: str) -> asyncio.Lock:
        return self._turns.setdefault(pid, asyncio.Lock())  # who holds it keeps it here

    def _looked(self, process: Process, file: Wanted) -> Standing:
        here = self._here(process, file)
        return self._closed(process, file) if file.bytes == here.offset > 0 and not here.complete else here

    def _taken(self, process: Process, file: Wanted, start: int, data: bytes) -> Standing:
        here = self._here(process, file)
        if here.complete:
            return here
        if start != here.offset:
            return Standing(here.offset, False, 409)
        key = (process.pid, file.sha256)
        if not start:
            self._begun[key] = 0, hashlib.sha256()
        _append(self._part(process, file), start, data)
        hashed, digest = self._begun.get(key, (-1, None))
        if hashed == start:
            digest.update(data)
            self._begun[key] = start + len(data), digest
        self._extend(process)
        if start + len(data) < file.bytes:
            return Standing(start + len(data), False)
        return self._closed(process, file)

    def _extend(self, process: Process) -> None:
        """With each piece the token is good for a day again, within the terms; not written more often than it must."""
        end = self._exchange.mover._token_end(process, clock.now())
        if end - self._exchange.store.token_end(process.pid) > ASK_S:
            self._exchange.store.extend_token(process.pid, end)

    def _closed(self, process: Process, file: Wanted) -> Standing:
        """A file that has its size gets its name, once its hash is compared; or goes aside."""
        key, part = (process.pid, file.sha256), self._part(process, file)
        hashed, running = self._begun.get(key, (-1, None))
        digest = running.hexdigest() if hashed == file.bytes else _digest(part)
        if digest != file.sha256 and key not in self._begun:  # a piece that a crash had torn: once more, from 0
            part.unlink(missing_ok=True)
            return Standing(0, False, 409)
        target = self.folder(process) / file.name
        if digest != file.sha256:
            aside = target.with_name(f"{target.name}.rejected")
            move_file(part, aside)
            what = f"the body has SHA-256 {digest}, the log says {file.sha256} ({file.bytes:,} bytes)."
            raise TrustError(what, where=target.name, hint=f"It is kept aside: {aside}", code="checksum")
        move_file(part, target)
        flush_folder(target.parent)
        self._keep_whole(process.pid, file.sha256)
        self._begun.pop(key, None)
        return Standing(file.bytes, True)

    def _keep_whole(self, pid: str, digest: str) -> None:
        """Remember that a file has its name: the same name may hold another transfer's file of the same bytes."""
        store = self._exchange.store
        with store.commit():
            process = store.process(pid)
            if process is not None:
                process.facts["whole"] = sorted({*process.facts.get("whole", ()), digest})
                store.put(process, process.changed)

    async def _fail(self, pid: str, error: ConcordatError) -> None:
        """This side ends the transfer, and remembers why for whoever waits."""
        from concordat.node.exchange_push import stop

        store = self._exchange.store

        def keep() -> None:
            with store.commit():
                process = store.process(pid)
                if process is not None:
                    process.facts[FAILED] = {"what": error.what, "where": error.where, "hint": error.hint}
                    store.put(process, process.changed)

        await self._exchange.do(keep)
        await stop(self._exchange, pid, error)

    async def clear(self, process: Process) -> None:
        """What came of a transfer that was ended before it was complete goes, after the piece that is being taken.

        Raises:
            StateError: the disk refuses; it is tried again.
        """
        async with self._turn(process.pid):
            await self._exchange.do(lambda: self._cleared(process))

    def _cleared(self, process: Process) -> None:
        for file in wanted_of(process):
            part = self._part(process, file)
            try:
                part.unlink(missing_ok=True)
            except OSError as error:
                raise StateError(f"not removed: {error.strerror}.", where=str(part), code="left") from None
            self._begun.pop((process.pid, file.sha256), None)

    async def finish(self, process: Process) -> None:
        """Complete a transfer whose files are all here: log each, once, and tell the provider.

        Raises:
            StateError: the disk or the log refuses; it is tried again.
        """
        exchange = self._exchange
        if all_whole(process):
            await exchange.do(partial(self._named_twice, process))
            await exchange.do(partial(_logged, exchange, process))
            await exchange.now(lambda at: exchange.mover.move(process.pid, Next(Move.COMPLETE), at))

    def _named_twice(self, process: Process) -> None:
        """Two files of the same bytes were pushed once and are kept twice; the folders' names are on the disk."""
        folder, first = self.folder(process), dict[str, Path]()
        for file in wanted_of(process):
            source = first.setdefault(file.sha256, folder / file.name)
            if source != folder / file.name:
                copy_flushed(source, folder / file.name)
        for place in (folder, folder.parent, folder.parent.parent):  # each may be new
            flush_folder(place)


def _logged(exchange: ExchangeService, process: Process) -> None:
    kept = exchange.store.agreement(str(process.facts["agreement"]))
    assert kept is not None
    for file in wanted_of(process):
        exchange.book.said("TransferCompleted", transfer_body(process, kept, file.sha256, file.bytes))


def _append(part: Path, start: int, data: bytes) -> None:
    """A piece at its place, on the disk when this returns."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.seek(start)
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StateError(f"not written: {error.strerror}.", where=str(part), code="full") from None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StateError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None


def body_of(standing: Standing) -> bytes:
    """What is answered: how much is here."""
    return json.dumps({"offset": standing.offset, "complete": standing.complete}).encode()
