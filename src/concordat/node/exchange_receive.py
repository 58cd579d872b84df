"""The consumer's side of a push: what another member's node sends is taken into this node's folder, and nowhere else.

    pushed(...)                 # the order: ask for a push, wait until it is complete
    Receiving.take(...)         # one piece that comes in; Receiving.standing: how much is here
    Receiving.finish(process)   # all is here: log it, complete the transfer

The names, sizes and hashes of the files are those of the proven entry that offered the dataset, kept with the request
before it was sent; nothing of the sender's makes a path. A piece is taken only from whoever shows the transfer's token
(32 random bytes, kept as SHA-256, 24 hours at most), only while the transfer runs, only where the last one ended, and
only up to the agreed size. A file that is whole is hashed; if it is another one it goes aside as `.rejected`, and the
transfer ends with code `checksum`. What a crash of this machine may have torn is asked for once more, from its
beginning.

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
from collections.abc import Callable, Mapping, Sequence
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
from concordat.node.dsp_client import copy_flushed, flush_folder, move_file
from concordat.node.exchange_asking import running
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
        self._begun: set[tuple[str, str]] = set()  # (transfer, file) whose every byte came since this start

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

    async def _in_turn(
        self, pid: str, bearer: str, digest: str, work: Callable[[Process, Wanted], Standing]
    ) -> Standing:  # fmt: skip
        """Some work on a file of a transfer, one at a time."""
        exchange = self._exchange
        turn = self._turns.setdefault(pid, asyncio.Lock())  # held here, or nobody would share it
        async with turn:
            now = clock.now()
            process, file = await exchange.do(lambda: expected(exchange.store, pid, bearer, digest, now))
            try:
                found = await exchange.do(lambda: work(process, file))
            except TrustError as error:
                await self._fail(pid, error)
                raise
            if found.complete:
                exchange.engine.woken.append(pid)
                await exchange.poke()
            return found

    def _looked(self, process: Process, file: Wanted) -> Standing:
        here = self._here(process, file)
        return self._closed(process, file) if file.bytes == here.offset > 0 and not here.complete else here

    def _taken(self, process: Process, file: Wanted, start: int, data: bytes) -> Standing:
        here = self._here(process, file)
        if here.complete:
            return here
        if start != here.offset:
            return Standing(here.offset, False, 409)
        if not start:
            self._begun.add((process.pid, file.sha256))
        _append(self._part(process, file), start, data)
        if start + len(data) < file.bytes:
            return Standing(start + len(data), False)
        return self._closed(process, file)

    def _closed(self, process: Process, file: Wanted) -> Standing:
        """A file that has its size gets its name, once its hash is compared; or goes aside."""
        key, part = (process.pid, file.sha256), self._part(process, file)
        digest = _digest(part)
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
        self._begun.discard(key)
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

    def clear(self, process: Process) -> None:
        """What came of a transfer that was ended before it was complete goes."""
        for file in wanted_of(process):
            self._part(process, file).unlink(missing_ok=True)
            self._begun.discard((process.pid, file.sha256))

    async def finish(self, process: Process) -> None:
        """Complete a transfer whose files are all here: log each, once, and tell the provider.

        Raises:
            StateError: the disk or the log refuses; it is tried again.
        """
        exchange = self._exchange
        if {file.sha256 for file in wanted_of(process)} <= set(process.facts.get("whole", ())):
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


# --- The order --------------------------------------------------------------------------------------------------------


async def pushed(
    exchange: ExchangeService, member: str, agreement: str, files: Sequence[Wanted], wait: float
) -> tuple[list[dict[str, Any]], str]:
    """The files of a dataset, pushed to this node by its provider: by a push that runs, or a new one.

    Raises:
        RuleError: the provider does not start it, or ends it. TrustError: a file is another one. StateError: nothing
            more came for so long; it goes on in the background.
    """
    open_ = await exchange.do(lambda: running(exchange.store, member, agreement, PUSH))
    pid = open_.pid if open_ else ""
    if not pid:
        pid = await exchange.now(lambda at: request_push(exchange.mover, member, agreement, files, at))
    process = await exchange.until(pid, ("STARTED",), wait)
    had = -1
    while process.state != transfer.State.COMPLETED:
        if process.state == transfer.State.TERMINATED:
            raise _end_of(process, member, agreement)
        try:
            process = await exchange.until(pid, ("COMPLETED",), wait)
        except StateError as error:
            here = await exchange.do(lambda: exchange.pushing.receiving.came(pid))
            if error.code != "waiting" or here <= had:
                raise
            had = here
    folder = exchange.pushing.receiving.folder(process)
    return [{"bytes": f.bytes, "path": str(folder / f.name), "sha256": f.sha256} for f in wanted_of(process)], pid


def _end_of(process: Process, member: str, agreement: str) -> ConcordatError:
    """Why a push ended before it was complete."""
    failed: Mapping[str, str] | None = process.facts.get(FAILED)
    if failed is not None:
        return TrustError(failed["what"], where=failed["where"], hint=failed["hint"], code="checksum")
    said = process.flag or process.body.get("code") or process.facts.get("code") or "no reason given"
    code = str(process.facts.get("code") or process.body.get("code") or "not_pushed")
    return RuleError(f"{member} did not push the data: {said}.", where=agreement, code=code)
