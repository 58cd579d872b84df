"""Several processes that serve one node: one writes, the others read along; whoever dies is started again at once.

The process that was started opens the sockets, holds the node's folder, and forks; it opens no store and does no work.
Worker 0 is the writer: it waits for the log's lock in PostgreSQL and serves as well. A worker that ends is replaced
after a tenth of a second, then after twice that, up to five, until one has lived for ten; so the lock of a dead writer
is taken again well within five seconds. Signals are passed on. When the first process dies, however it does, the
workers see their pipe close and end. Source: node-web.md 2.5.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from concordat.errors import ConcordatError, StateError

AGAIN = 75  # a worker that wants to be started again: its database came back
FIRST_WAIT_S, LONGEST_WAIT_S, LIVED_S = 0.1, 5.0, 10.0
GIVE_UP_S = 40.0  # after which a worker that does not stop is killed
Log = Callable[[str, str, Mapping[str, Any]], None]


class Workers:
    """The processes.

    Args:
        count: how many. work: what each does, given its number; its result is the exit code. log: told what happens.
    """

    def __init__(self, count: int, work: Callable[[int], int], log: Log) -> None:
        self._count, self._work, self._log = count, work, log
        self._pids: dict[int, int] = {}
        self._born: dict[int, float] = {}
        self._waits = dict.fromkeys(range(count), FIRST_WAIT_S)
        self._due: dict[int, float] = {}
        self._stopping, self._failed = False, 0
        self._pipe = os.pipe()

    def run(self) -> int:
        """Start all, and keep them going until a signal comes; the exit code.

        A writer that can't start for a reason it names (a taken lock, a damaged store) ends them all.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, lambda *_: self._pass_on(signal.SIGHUP))
        for place in range(self._count):
            self._start(place)
        deadline = float("inf")
        while self._pids or (self._due and not self._stopping):
            if self._stopping and deadline == float("inf"):
                deadline = time.monotonic() + GIVE_UP_S
            if time.monotonic() > deadline:
                self._pass_on(signal.SIGKILL)
            self._reap()
            now = time.monotonic()
            for place in [p for p, at in self._due.items() if at <= now and not self._stopping]:
                del self._due[place]
                self._start(place)
            time.sleep(0.02)
        return self._failed

    def _start(self, place: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._child(place)
        self._pids[pid] = place
        self._born[pid] = time.monotonic()
        self._log("info", "worker", {"number": place, "pid": pid})

    def _child(self, place: int) -> None:
        """In the new process; it never returns."""
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.close(self._pipe[1])
            threading.Thread(target=self._orphaned, daemon=True).start()
            code = self._work(place)
        except ConcordatError as error:
            self._log("error", "worker", {"number": place, "what": str(error)})
            code = error.exit_code
        except KeyboardInterrupt:
            code = 0
        except BaseException as error:
            self._log("error", "worker", {"number": place, "what": f"{type(error).__name__}: {error}"})
        finally:
            os._exit(code)

    def _orphaned(self) -> None:
        """The first process has gone: stop in order, or at once if that takes too long."""
        while True:
            with suppress(InterruptedError):
                if not os.read(self._pipe[0], 1):
                    break
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GIVE_UP_S)
        os._exit(1)

    def _reap(self) -> None:
        for pid in list(self._pids):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._ended(pid, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, code: int) -> None:
        place, lived = self._pids.pop(pid), time.monotonic() - self._born.pop(pid)
        self._log(
            "info" if code in (0, AGAIN) else "error", "worker ended", {"code": code, "number": place, "pid": pid}
        )
        if self._stopping:
            self._failed = self._failed or (code if code > 1 and code != AGAIN else 0)
            return
        if place == 0 and 1 < code < AGAIN and lived < LIVED_S:  # it said why, and would say so again
            self._failed = code
            self._stop()
            return
        if lived >= LIVED_S or code == AGAIN:
            self._waits[place] = FIRST_WAIT_S
        self._due[place] = time.monotonic() + self._waits[place]
        self._waits[place] = min(LONGEST_WAIT_S, 2 * self._waits[place])

    def _stop(self, *_: object) -> None:
        again, self._stopping = self._stopping, True
        self._pass_on(signal.SIGKILL if again else signal.SIGTERM)

    def _pass_on(self, number: int) -> None:
        for pid in list(self._pids):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def until_back(
    broken: Callable[[], bool], say: Callable[[], None], reachable: Callable[[], None], again: Callable[[], None]
) -> None:
    """Watch a writer on a thread of its own: once its store has failed and the database answers, begin anew.

    Args:
        broken: whether the store has failed. say: called once it has. reachable: raises while the database is not.
        again: ends the process.
    """

    def watch() -> None:
        while not broken():
            time.sleep(0.5)
        say()
        while True:
            with suppress(StateError):
                reachable()
                again()
                return
            time.sleep(0.5)

    threading.Thread(target=watch, name="database", daemon=True).start()
