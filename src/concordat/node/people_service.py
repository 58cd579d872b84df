"""People beside a running service: opened over its writer, kept going while it runs, closed before it.

    joined = PeopleService(service)
    await joined.start()
    receipt = await joined.do(lambda people, now: people.acts.submit(...))

Everything of people is plain blocking code (SQLite, Argon2id, waiting for a commit), so `do` runs it on a few threads
of its own; the event loop never does. Every half minute `People.tick` writes due batches of opinions and the signed
head of the audit chain; where the council has something due, `ClockTicked` lets ledger time pass (`passing_time`), if
nobody is signing the next number away. At the start acts that were being written when the last process ended are
settled, and core dumps are switched off: unlocked keys lie in this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from concordat import clock
from concordat.errors import ConcordatError
from concordat.ledger.entry import Entry
from concordat.node.home import Node
from concordat.node.own_log import WriterLog
from concordat.node.passing_time import PassingTime, rank_of
from concordat.node.passwords import Cost
from concordat.node.people import RETENTION, People
from concordat.node.person_keys import KeyHolder, forbid_core_dumps
from concordat.node.service import Service

T = TypeVar("T")
TICK_S = 30.0
LOOK_S = 1.0  # between two looks at what is due
THREADS = 8


class PeopleService:
    """The people of a running node.

    Args:
        service: the running node. holder: where unlocked keys lie, if not in this process. cost: of a hash.
            ticking: whether this process does what time brings; one worker of several does.

    Raises:
        StateError: a file that is damaged, or open to others.
    """

    def __init__(
        self, service: Service, *, holder: KeyHolder | None = None, cost: Cost | None = None, ticking: bool = True
    ) -> None:  # fmt: skip
        self._service, self._ticks = service, ticking
        log = WriterLog(service.writer, lambda _: service.states.council)
        home: Path = service.node.home
        retention = {**RETENTION, **service.settings.retention}
        self.people = People.open(home, log, cost=cost, holder=holder, retention=retention,
                                  database=service.settings.database)  # fmt: skip
        self.people.accounts.leaked = service.settings.leaked_passwords
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="people")
        self._tasks: list[asyncio.Task[None]] = []
        self._passing = PassingTime()

    async def start(self) -> None:
        """Settle what a crash left, and begin to tick."""
        forbid_core_dumps()
        self._service.admit = self._admit
        if not self._ticks:
            return
        settled = await self.do(lambda people, now: people.acts.recover(now) if people.acts is not None else 0)
        if settled:
            self._service.log("info", "acts settled", {"count": settled})
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._ticking()), loop.create_task(self._watching())]

    async def _admit(self, entry: Entry) -> None:
        await self.do(lambda people, now: people.check_entry(entry, now))

    async def do(self, work: Callable[[People, int], T]) -> T:
        """Run some work with the people and the present second, on a thread of its own.

        Raises:
            Whatever the work raises.
        """
        now = int(clock.now().timestamp())
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, self.people, now)

    async def close(self) -> None:
        """Stop ticking, finish what runs, close the store. To be called before the service is closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self.people.close()

    async def tick(self) -> None:
        """What time brings, now; what fails goes to the service's log."""
        for error in await self.do(lambda people, now: people.tick(now)):
            self._service.log("error", "people", {"what": error.what, "code": error.code})

    async def _ticking(self) -> None:
        while True:
            try:
                await self.tick()
            except Exception as error:  # a fault of ours must not end the ticking without a word
                self._service.log("error", "people", {"what": type(error).__name__, "code": "fault"})
            await asyncio.sleep(TICK_S)

    async def _watching(self) -> None:
        while True:
            try:
                await self.let_time_pass()
            except ConcordatError as error:
                self._service.log("error", "time", {"what": error.what, "code": error.code})
            except Exception as error:
                self._service.log("error", "time", {"what": type(error).__name__, "code": "fault"})
            await asyncio.sleep(LOOK_S)

    async def let_time_pass(self) -> bool:
        """Say that time has passed, where something is due and it is this node's turn; whether it was said."""
        service = self._service
        if not await service.read(self._is_due):
            return False
        quiet = await self.do(lambda people, now: people.acts is None or people.acts.quiet(now))
        if not quiet or not await service.read(self._speaks):
            return False
        await service.write("ClockTicked", {}, "council")
        return True

    def _is_due(self, node: Node) -> bool:
        due = self._service.states.council.next_due
        return due is not None and due < node.now and not node.signer.held and not self._service.states.behind

    def _speaks(self, node: Node) -> bool:
        states, replica = self._service.states, node.replica
        rank = rank_of(node.identity.member, node.chain.last.rota, replica.view)
        return self._passing.speaks(
            states.council.next_due, int(node.now), states.batch, rank, self._service.monotonic()
        )
