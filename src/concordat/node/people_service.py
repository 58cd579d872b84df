"""People beside a running service: opened over its writer, kept going while it runs, closed before it.

    joined = PeopleService(service)
    await joined.start()
    receipt = await joined.do(lambda people, now: people.acts.submit(...))

Everything of people is plain blocking code (SQLite, Argon2id, waiting for a commit), so `do` runs it on a few threads
of its own; the event loop never does. Every half minute `People.tick` writes due batches of opinions and the signed
head of the audit chain. At the start acts that were being written when the last process ended are settled, and core
dumps are switched off: unlocked keys lie in this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from concordat import clock
from concordat.ledger.entry import Entry
from concordat.node.own_log import WriterLog
from concordat.node.passwords import Cost
from concordat.node.people import RETENTION, People
from concordat.node.person_keys import KeyHolder, forbid_core_dumps
from concordat.node.service import Service

T = TypeVar("T")
TICK_S = 30.0
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
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="people")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Settle what a crash left, and begin to tick."""
        forbid_core_dumps()
        self._service.admit = self._admit
        if not self._ticks:
            return
        settled = await self.do(lambda people, now: people.acts.recover(now) if people.acts is not None else 0)
        if settled:
            self._service.log("info", "acts settled", {"count": settled})
        self._task = asyncio.get_running_loop().create_task(self._ticking())

    async def _admit(self, entry: Entry) -> None:
        await self.do(lambda people, _: people.check_entry(entry))

    async def do(self, work: Callable[[People, int], T]) -> T:
        """Run some work with the people and the present second, on a thread of its own.

        Raises:
            Whatever the work raises.
        """
        now = int(clock.now().timestamp())
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, self.people, now)

    async def close(self) -> None:
        """Stop ticking, finish what runs, close the store. To be called before the service is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
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
                self._service.log("error", "people", {"what": f"{type(error).__name__}: {error}", "code": "fault"})
            await asyncio.sleep(TICK_S)
