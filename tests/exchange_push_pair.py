"""Two nodes' exchanges without sockets, of which one pushes to the other; either may crash before any step.

    python tests/exchange_push_pair.py        # a crash before each step; CI plays every fourth

Not a test: `test_exchange_push` uses it. The engines, stores and files are real; the network is a call, and what a
running node does in tasks and timers is done here in turn, so that a crash has a number.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import exchange_pair
from concordat.errors import ConcordatError, SourceError
from concordat.node import exchange_push, exchange_receive
from concordat.node.exchange_push import Pushing
from concordat.node.exchange_push_routes import status_of
from concordat.node.exchange_receive import Wanted, body_of, request_push
from concordat.node.exchange_service import ExchangeService
from concordat.node.outbound import Reply
from exchange_pair import BASES, BODY, Crash, FragileStore, Shelf, Station, World, narrowed, offered

SHA = hashlib.sha256(BODY).hexdigest()
WANTED = Wanted(SHA, len(BODY), "a-1.csv")


class QuickStore(FragileStore):
    """A store that leaves the disk to the system: no power is cut here, only processes end."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._db.execute("PRAGMA synchronous = OFF")


class DeadError(BaseException):
    """What runs on belongs to a process that has ended."""


class Desk:
    """What `ExchangeService` is to `Pushing`: one station, its folder, and the way to the other one."""

    auth = True

    def __init__(self, pair: Pair, station: Station, folder: Path) -> None:
        self.pair, self.station, self.folder = pair, station, folder
        self.service = SimpleNamespace(
            node=SimpleNamespace(home=folder), outbound=SimpleNamespace(request=self.request), fault=self.fault
        )
        self.tasks: list[Any] = []
        self.reopen()

    def reopen(self) -> None:
        self.pushing = Pushing(self)  # type: ignore[arg-type]
        self.pushing.receiving.sweep()
        for task in self.tasks:
            task.close()
        self.tasks = []

    def crash(self) -> None:
        """Start again: only the disk and the log are remembered. A start may end early as well."""
        while True:
            try:
                Station.crash(self.station)
                break
            except Crash:
                continue
        self.reopen()

    @property
    def engine(self) -> Any:
        return self.station.engine

    @property
    def store(self) -> Any:
        return self.station.store

    @property
    def mover(self) -> Any:
        return self.station.mover

    @property
    def book(self) -> Any:
        return self.station.diary

    def fault(self, _what: str, error: Exception) -> None:
        raise error

    def _log(self, event: str, facts: Any) -> None:
        self.pair.said.append((event, facts))

    def _task(self, work: Any) -> None:
        self.tasks.append(work)

    async def do(self, work: Callable[[], Any]) -> Any:
        self.pair.step()
        return work()

    async def now(self, work: Callable[[Any], Any]) -> Any:
        return await self.do(lambda: work(self.pair.world.now))

    async def poke(self) -> None:
        pass

    _state_url = staticmethod(ExchangeService._state_url)

    async def _exchanged(self, _peer: str, method: str, url: str, body: bytes) -> tuple[int | None, bytes]:
        """A message of the protocol that asks; nobody answers who is off."""
        if self.pair.is_off():
            return None, b""
        answer = self.pair.world.ask(self.station.member, method, url, body)
        return answer.status, answer.body

    def path(self, _file: Any) -> Path:
        return self.pair.source

    async def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str], **_: Any) -> Reply:
        """A piece to the other side, or the question where it stands; lost where the pair says so."""
        if self.pair.lost() or self.pair.is_off():
            raise SourceError("no connection.", where=url, code="connection")
        other = next(desk for desk in self.pair.desks.values() if url.startswith(BASES[desk.station.member] + "/"))
        parts = urlsplit(url)
        pid, digest = parts.path.rpartition("/")[2], parse_qs(parts.query)["file"][0]
        bearer = headers["authorization"].removeprefix("Bearer ")
        try:
            if method == "GET":
                found = await other.pushing.receiving.standing(pid, bearer, digest)
            else:
                found = await other.pushing.receiving.take(pid, bearer, digest, headers["content-range"], body)
            reply = Reply(found.status, body_of(found))
        except ConcordatError as fault:
            reply = Reply(status_of(fault), str(fault).encode())
        except Crash:
            other.station.crash()
            raise SourceError("the connection broke.", where=url, code="connection") from None
        if self.pair.lost() or self.pair.is_off():
            raise SourceError("no answer.", where=url, code="timeout")
        return reply


class Pair:
    """ZAF, to whom BRA pushes.

    Attributes:
        crashes: numbers of the steps before which a side ends. loses: numbers of passages on which a message is lost.
        off: from a step on, for so long, nothing passes: neither pieces nor messages of the protocol.

    Args:
        folder: an empty one. like: a closed pair, whose agreement is copied.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *, like: Pair | None = None) -> None:
        self.place = folder
        for name in ("BRA.sqlite", "ZAF.sqlite") if like else ():
            shutil.copyfile(like.place / name, folder / name)  # type: ignore[union-attr]
        patch.setattr(exchange_pair, "FragileStore", QuickStore)
        shelf = Shelf(offered())
        self.world = World([Station("BRA", folder, shelf), Station("ZAF", folder, Shelf())])
        self.source = folder / "source"
        self.source.write_bytes(BODY)
        self.steps, self.passages = 0, 0
        self.crashes: set[int] = set()
        self.loses: set[int] = set()
        self.off: tuple[int, timedelta] | None = None
        self.back: datetime | None = None
        self.said: list[Any] = []
        self.desks = {m: Desk(self, station, folder / m) for m, station in self.world.stations.items()}
        patch.setattr(exchange_push, "PIECE", 7)  # of 18 bytes: three pieces
        patch.setattr(exchange_push.asyncio, "sleep", self._sleep)
        for module in (exchange_push, exchange_receive):
            patch.setattr(module, "clock", SimpleNamespace(now=lambda: self.world.now))
        patch.setattr(exchange_receive.os, "fsync", self._synced)
        self.agreement = like.agreement if like else self._agreed()
        for member, desk in self.desks.items():
            desk.station.diary.entries += like.entries[member] if like else []
        self.entries = {member: list(desk.station.diary.entries) for member, desk in self.desks.items()}
        for desk in self.desks.values():
            desk.station.crash = desk.crash  # type: ignore[method-assign]
            desk.station.fragile = desk.station.store.crash = self._ends  # type: ignore[method-assign]

    def _ends(self) -> bool:
        self.steps += 1
        return self.steps in self.crashes

    def _synced(self, handle: int) -> None:
        self.step()
        assert os.fstat(handle).st_size >= 0

    async def _sleep(self, seconds: float) -> None:
        sleeper = self.desks["BRA"].station
        before = sleeper.crashes
        self.world.now += timedelta(seconds=seconds)
        await self.passed()
        if sleeper.crashes != before:
            raise DeadError  # what slept belongs to a process that is gone

    def _agreed(self) -> str:
        facts = {"dataset_id": "a", "version": 1}
        self.world.stations["ZAF"].mover.ask("BRA", narrowed(), self.world.now, facts=facts)
        self.world.settle()
        (kept,) = self.world.stations["ZAF"].store.agreements()
        assert kept.final
        return kept.id

    def step(self) -> None:
        """One step of either side; the process ends before it if it is the one."""
        self.steps += 1
        if self.steps in self.crashes:
            raise Crash

    def is_off(self) -> bool:
        """Whether nothing passes now."""
        if self.off is None or self.steps < self.off[0]:
            return False
        self.back = self.back or self.world.now + self.off[1]
        return self.world.now < self.back

    def lost(self) -> bool:
        self.passages += 1
        return self.passages in self.loses

    def ask(self) -> str:
        zaf = self.world.stations["ZAF"]
        return request_push(zaf.mover, "BRA", self.agreement, [WANTED], self.world.now)

    async def passed(self) -> None:
        """Messages pass, and each side looks at what moved."""
        for _ in range(4):
            for desk in self.desks.values():
                for pid in desk.engine.drain():
                    await self.lived(desk, lambda desk=desk, pid=pid: self._planned(desk, pid))
            for desk in self.desks.values():
                for outgoing in desk.store.due(self.world.now.timestamp()):
                    if self.is_off():
                        self.world._came(desk.station, outgoing, None)
                    else:
                        self.world.deliver(desk.station, outgoing)

    async def _planned(self, desk: Desk, pid: str) -> None:
        self.step()
        desk.mover.plan(pid, self.world.now)
        self.step()
        await desk.pushing.look(pid)

    async def lived(self, desk: Desk, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Crash:
            desk.station.crash()
        except DeadError:
            pass

    async def settle(self, rounds: int = 40) -> None:
        """Until nothing moves any more; seconds pass, and after three minutes half minutes."""
        looked = self.world.now
        for number in range(rounds):
            if self.world.now - looked >= timedelta(seconds=exchange_receive.ASK_S):
                looked = self.world.now
                for desk in self.desks.values():  # as its timers do
                    desk.engine.woken += [*desk.pushing.receiving._timers, *desk.pushing._timers]
            await self.passed()
            for desk in self.desks.values():
                while desk.tasks:
                    work = desk.tasks.pop()
                    await self.lived(desk, lambda work=work: work)
            self.world.now += timedelta(seconds=1 if number < 180 else 30)
            if all(p.state in ("COMPLETED", "TERMINATED") for p in self.transfers().values()) and not any(
                desk.store.next_due() for desk in self.desks.values()
            ):
                await self.passed()
                return

    def transfers(self) -> dict[str, Any]:
        """The one transfer, as each side knows it."""
        return {m: d.store.processes("transfer")[0] for m, d in self.desks.items() if d.store.processes("transfer")}

    def close(self) -> None:
        """Nothing runs on."""
        for desk in self.desks.values():
            for task in desk.tasks:
                task.close()
            desk.store.close()

    @property
    def received(self) -> list[Path]:
        """Every file under the consumer's folder."""
        return sorted(path for path in self.desks["ZAF"].folder.rglob("*") if path.is_file())


def run(pair: Pair) -> None:
    """Ask for a push and let everything happen."""
    pair.ask()
    asyncio.run(pair.settle())


def check(pair: Pair, uses: int = 1) -> None:
    """It ended once, on both sides: the file is here, said once by each, and counted as so many uses."""
    states = {member: process.state for member, process in pair.transfers().items()}
    assert states == {"BRA": "COMPLETED", "ZAF": "COMPLETED"}, pair.said
    (path,) = pair.received
    assert (path.name, path.read_bytes()) == (WANTED.name, BODY)
    for desk in pair.desks.values():
        kinds = Counter(desk.station.diary.kinds())
        assert kinds["TransferCompleted"] == 1, (desk.station.member, kinds)
        assert desk.store.intended(pair.transfers()[desk.station.member].pid) is None
    assert pair.desks["BRA"].engine.uses(pair.agreement) == uses


def asked(pair: Pair) -> None:
    """Ask for a push; a person asks again whose node ended before anybody was asked."""
    while not pair.transfers().get("ZAF"):
        try:
            pair.ask()
        except Crash:
            pair.desks["ZAF"].station.crash()


def crashed(root: Path, patch: pytest.MonkeyPatch, every: int, look: Callable[[Pair], None]) -> int:
    """Let either side end before every so-manieth step of a push, and look how it came out; how many steps it has."""
    made = [root / "agreed", root / "quiet"]
    for folder in made:
        folder.mkdir()
    agreed = Pair(made[0], patch)
    agreed.close()
    quiet = Pair(made[1], patch, like=agreed)
    run(quiet)
    look(quiet)
    quiet.close()
    for at in range(1, quiet.steps + 1, every):
        folder = root / str(at)
        folder.mkdir()
        pair = Pair(folder, patch, like=agreed)
        pair.crashes = {at}
        asked(pair)
        asyncio.run(pair.settle())
        look(pair)
        pair.close()
        shutil.rmtree(folder)
    return quiet.steps


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        print(f"ended well from each of {crashed(Path(folder), patch, 1, check)} steps")


if __name__ == "__main__":
    main()
