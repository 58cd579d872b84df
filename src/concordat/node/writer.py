"""The one thread that writes: steps of many callers made durable together, and nothing leaves before that.

A step changes the replica (takes messages, adds an entry, lets time pass). The thread gathers what waits, up to 10
milliseconds or 1,000 steps, runs all in one commit (`Node.together`), and only when the commit is on the disk gives the
callers their results and lets the messages go. A step that is refused holds up no other. When the disk refuses, all
steps of that commit fail and the node takes no more: it reads from the disk, and signs nothing (ledger.md 10).

A refusal, or a fault of the program, in a step is that caller's alone as long as the replica stands as it stood before
(`Node.stand`). If the step had begun to change it, nothing of that commit is written: what is in memory is no log that
anybody meant.
The node then takes no step until it is started again and has read its disk; so it does after a fault in the commit.

Everything that reads the replica runs here as well, so that nothing sees a step that is not durable.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, TypeVar

from concordat.errors import ConcordatError, StateError, TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.messages import Out
from concordat.node.home import Node

T = TypeVar("T")
GATHER_S = 0.010
STEPS_MAX = 1_000
QUEUE_MAX = 1_000
AGAIN = "Start the node again: it reads its disk, and goes on."
BUSY_S = 2  # what `Retry-After` says when the queue is full

Step = Callable[[Node], tuple[Any, Out]]


class BusyError(StateError):
    """The queue is full, or the node is stopping: try again in a moment."""


class HalfwayError(Exception):
    """A step was refused when it had begun to change the replica."""


@dataclass
class _Waiting:
    step: Step | None
    entry: Entry | None
    future: Future[Any]
    gather: bool = False
    reads: bool = False


class Writer:
    """The writer of one node.

    Args:
        node: opened; from now on only this thread touches it. gather_s: how long a commit waits for more entries.
        send: given the messages of each commit once it is durable. committed: told the seconds that it took.
        fault: told of a fault of the program: where, and the error.

    Attributes:
        broken: why no step is taken any more; empty while all is well.
    """

    def __init__(
        self,
        node: Node,
        gather_s: float = GATHER_S,
        send: Callable[[Out], None] = lambda _: None,
        committed: Callable[[float], None] = lambda _: None,
        fault: Callable[[str, BaseException], None] = lambda *_: None,
    ) -> None:
        self._node, self._gather_s, self._send, self._committed = node, gather_s, send, committed
        self._fault = fault
        self._queue: list[_Waiting] = []
        self._wake = threading.Condition()
        self._stopping = False
        self.broken = ""
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)
        self._thread.start()

    def run(self, step: Callable[[Node], tuple[T, Out]], *, gather: bool = False) -> Future[T]:
        """Queue a step; its result comes once it is durable.

        Args:
            gather: wait a few milliseconds for others, as a caller who writes does; reading doesn't.

        Raises:
            BusyError: the queue is full, or the writer is stopping.
        """
        return self._put(_Waiting(step, None, Future(), gather=gather))

    def read(self, look: Callable[[Node], T]) -> Future[T]:
        """Queue a look at the replica that changes nothing."""
        return self._put(_Waiting(lambda node: (look(node), []), None, Future(), reads=True))

    def submit(self, entry: Entry) -> Future[tuple[int, bool]]:
        """Queue an entry of this member's log that was signed elsewhere; its index, once it is durable, and whether it
        stood there before.

        Raises:
            BusyError: as `run`.
        """
        return self._put(_Waiting(None, entry, Future(), gather=True))

    def _put(self, waiting: _Waiting) -> Future[Any]:
        with self._wake:
            if self._stopping or len(self._queue) >= QUEUE_MAX:
                what = "the node is stopping." if self._stopping else f"{QUEUE_MAX:,} steps are waiting."
                raise BusyError(what, where="ledger writer", hint="Try again in a moment.", code="busy")
            if self.broken and waiting.entry is not None:
                raise StateError(self.broken, where="ledger writer", code="store_broken")
            self._queue.append(waiting)
            self._wake.notify()
        return waiting.future

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    # --- The thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopping:
                    self._wake.wait()
                if not self._queue:
                    return
                self._gather()
                taken, self._queue = self._queue[:STEPS_MAX], self._queue[STEPS_MAX:]
            self._commit(taken)

    def _gather(self) -> None:
        """Wait for more writers, if a writer waits."""
        deadline = time.monotonic() + self._gather_s
        while any(w.gather for w in self._queue) and len(self._queue) < STEPS_MAX and not self._stopping:
            left = deadline - time.monotonic()
            if left <= 0 or not self._wake.wait(left):
                return

    def _commit(self, taken: list[_Waiting]) -> None:
        """One commit; whatever happens in it, every caller gets an answer and the thread goes on."""
        started = time.monotonic()
        out: Out = []
        done: list[tuple[Future[Any], Any]] = []
        reading = all(waiting.reads for waiting in taken)
        try:
            self._require_whole()
            with contextlib.nullcontext() if reading else self._node.together():
                self._write_entries([w for w in taken if w.entry is not None], out, done)
                for waiting in taken:
                    if waiting.step is not None:
                        self._one(waiting, out, done)
        except BaseException as error:
            self._break(error)
            fault = error if isinstance(error, ConcordatError) else StateError(self.broken, code="fault")
            for waiting in taken:
                _fail(waiting.future, fault)
            return
        if not reading:
            self._tell("commit", lambda: self._committed(time.monotonic() - started))
            self._tell("messages", lambda: self._send(out))
        for future, result in done:
            if not future.done():
                with contextlib.suppress(InvalidStateError):  # its caller has gone at this very moment
                    future.set_result(result)

    def _require_whole(self) -> None:
        """Nothing in memory counts after a fault: no step may look at it.

        Raises:
            StateError: the node has to be started again.
        """
        if self.broken:
            raise StateError(self.broken, where="ledger writer", hint=AGAIN, code="store_broken")

    def _break(self, error: BaseException) -> None:
        """A commit failed: if what is in memory may not be what is on the disk, nothing more is taken or written."""
        known = isinstance(error, ConcordatError) and not isinstance(error, TrustError)  # what is stored fits no more
        if self.broken or (known and not self._node.store.broken):
            return
        self.broken = self._node.store.broken or str(error)
        if not known:
            self.broken = f"a fault of the program in the ledger writer ({type(error).__name__})."
            if isinstance(error, TrustError):
                self.broken = str(error)
            if isinstance(error, HalfwayError):
                self.broken = f"a step ended halfway, and none of it was written: {error}"
            self._node.store.broken = self._node.store.broken or self.broken
            self._tell_fault("writer", error)

    def _tell(self, what: str, tell: Callable[[], None]) -> None:
        """Tell others of what is durable: their fault changes nothing of that."""
        try:
            tell()
        except Exception as error:
            self._tell_fault(what, error)

    def _tell_fault(self, what: str, error: BaseException) -> None:
        with contextlib.suppress(Exception):
            self._fault(what, error)

    def _one(self, waiting: _Waiting, out: Out, done: list[tuple[Future[Any], Any]]) -> None:
        assert waiting.step is not None
        before = () if waiting.reads else self._node.stand()
        try:
            result, messages = waiting.step(self._node)
        except Exception as error:  # one caller's step must not stop the writer of all
            if self._node.store.broken:
                raise
            if not waiting.reads and self._node.stand() != before:
                if isinstance(error, ConcordatError):
                    raise HalfwayError(str(error)) from error
                raise
            if not isinstance(error, ConcordatError):
                self._tell_fault("step", error)
            _fail(waiting.future, error)
            return
        out += messages
        done.append((waiting.future, result))

    def _write_entries(self, taken: list[_Waiting], out: Out, done: list[tuple[Future[Any], Any]]) -> None:
        """Entries signed elsewhere: each that continues the log, all under one head."""
        own, chain = self._node.replica.own, self._node.chain
        size = own.size
        prev = own.entries[-1].id if own.entries else None
        good: list[_Waiting] = []
        twice: list[tuple[_Waiting, int]] = []
        for waiting in taken:
            entry = waiting.entry
            assert entry is not None
            place = entry.seq - 1
            before = (
                own.entries[place] if place < size else good[place - size].entry if place - size < len(good) else None
            )
            if before is not None and before.id == entry.id:
                twice.append((waiting, place))
                continue
            try:
                require_next(entry, self._node.identity.member, size + len(good) + 1, prev)
                chain.verify_entry(entry)
            except ConcordatError as error:
                _fail(waiting.future, error)
                continue
            good.append(waiting)
            prev = entry.id
        if good and not self._take_up(good, out):
            return
        done += [(waiting.future, (size + place, False)) for place, waiting in enumerate(good)]
        done += [(waiting.future, (place, True)) for waiting, place in twice]

    def _take_up(self, good: list[_Waiting], out: Out) -> bool:
        """Add entries under one head; False if all of them are refused."""
        before = self._node.stand()
        try:
            out += self._node.take_up([w.entry for w in good if w.entry is not None])
        except ConcordatError as error:
            if self._node.store.broken:
                raise
            if self._node.stand() != before:
                raise HalfwayError(str(error)) from error
            for waiting in good:
                _fail(waiting.future, error)
            return False
        return True


def _fail(future: Future[Any], error: BaseException) -> None:
    """Give a caller an error, unless it has gone."""
    if not future.done():
        with contextlib.suppress(InvalidStateError):
            future.set_exception(error)


def require_next(entry: Entry, member: str, seq: int, prev: str | None) -> None:
    """An entry is this member's, and the next in number.

    Raises:
        RuleError: another member's. StateError: another has come before it.
    """
    from concordat.errors import RuleError
    from concordat.ledger.entry import FIRST

    if entry.author != member:
        hint = f"Send it to the node of {entry.author}."
        what = f"this is the node of {member}; the entry is of {entry.author}."
        raise RuleError(what, where="entry", hint=hint, code="author")
    if entry.seq != seq or entry.prev != (prev or FIRST):
        hint = f'Sign it again with "seq": {seq} and "prev": "{prev or FIRST}".'
        raise StateError(f"it is number {entry.seq}; the next one here is {seq}.", where="entry", hint=hint, code="seq")
