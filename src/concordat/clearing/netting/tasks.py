"""One piece of work for one process: a first set of a part, or a better one; and the processes that share such pieces.

A worker is a Python of its own that reads tasks from its standard input and writes answers to its standard output, so
that nobody's main module is run twice and HiGHS's stray lines go nowhere. It holds nothing between tasks. A worker that
dies costs its task a second try in this process. Tasks are plain arrays; answers are checked in integers by the caller.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, Protocol

import numpy as np

from concordat.clearing.netting import engine
from concordat.clearing.netting.budget import INFINITE, Budget
from concordat.clearing.netting.levels import LARGE, by_levels, first_set, relax
from concordat.clearing.netting.neighbourhood import WHOLE_MOST, Search
from concordat.clearing.netting.part import Part

LEVELS_SHARE, MENDING_SHARE, WHOLE_SHARE = 0.65, 0.4, 0.5
LEVELS_WORK = 10  # times payments and rows: what levels cost
SHORT_S = 1.0  # with less time than this, neighbourhoods alone do better than levels
CLASS_SHARE = 0.4  # of what is left, for each class before the last


@dataclass(slots=True)
class Task:
    """A part, what to spend on it, and where to begin (None: from nothing).

    `classes` holds a class for each payment when classes go first, one after the other; else None.
    """

    part: Part
    seconds: float
    work: float
    seed: int
    x: np.ndarray | None = None
    classes: np.ndarray | None = None

    def run(self) -> Found:
        """The best set found."""
        return _by_class(self) if self.classes is not None else _one_class(self)


@dataclass(slots=True)
class Found:
    """The best set, the solver's claim on the best value (minor units), and prices of the accounts."""

    x: np.ndarray
    claim: float
    prices: np.ndarray


class Job(Protocol):
    """What a process can do: arrays in, an answer out."""

    def run(self) -> Any:
        """The answer."""
        ...


def run(task: Job) -> Any:
    """Do one task in this process."""
    with engine.quiet():
        return task.run()


def _one_class(task: Task) -> Found:
    part, budget = task.part, Budget(task.work, task.seconds)
    relaxed, prices = relax(part)
    budget.charge(relaxed.work)
    claim = relaxed.value * part.scale if relaxed.optimal else float(part.amount.sum())
    if task.x is None:
        search = Search(part, _bypass(part), task.seed, relaxed.x)
        if budget.seconds > SHORT_S and budget.work > LEVELS_WORK * len(part) * len(part.room):
            claim = min(claim, _begin(part, search, budget, task.seed))
    else:
        search = Search(part, task.x, task.seed, relaxed.x)
    search.chains(budget)
    if len(part) <= WHOLE_MOST and task.x is not None and task.seed % 2:
        claim = min(claim, search.whole(_charged(budget, WHOLE_SHARE), task.seed))
    search.improve(budget)
    return Found(search.x, claim if search.proved is None else min(claim, search.proved), prices)


def _begin(part: Part, search: Search, budget: Budget, seed: int) -> float:
    """Levels or a dive, and what mends them; kept where better. The claim that comes with them."""
    share = budget.share(LEVELS_SHARE)
    before = share.work
    begun = first_set(part, share, seed)
    budget.charge(before - share.work if before < INFINITE else 0)
    mended = Search(part, begun.x, seed)
    if len(part) > LARGE:
        mended.mend(_charged(budget, MENDING_SHARE))
    search.keep(part.mend(mended.x))
    return begun.bound


def _charged(budget: Budget, part: float) -> Budget:
    """A share of a budget, taken off at once."""
    share = budget.share(part)
    if budget.work < INFINITE:
        budget.charge(share.work)
    return share


def _bypass(part: Part, order: Sequence[int] | None = None) -> np.ndarray:
    """Payments in the order of age, or another, whatever fits, until nothing does."""
    x = np.zeros(len(part), bool)
    part.fill(x, part.room.tolist(), range(len(part)) if order is None else order)
    return x


def _by_class(task: Task) -> Found:
    """Class after class: what a class has reached is kept while the next is served."""
    assert task.classes is not None
    part, budget = task.part, Budget(task.work, task.seconds)
    relaxed, prices = relax(part)
    budget.charge(relaxed.work)
    x, done = _bypass(part, np.argsort(task.classes, kind="stable").tolist()), part
    present = sorted(set(task.classes.tolist()))
    for turn, one in enumerate(present):
        mine = task.classes == one
        stage = replace(done, value=np.where(mine, part.value, 0.0))
        stage.order = np.lexsort((-part.amount, ~mine))
        share = budget if turn == len(present) - 1 else _charged(budget, CLASS_SHARE)
        x = _stage(stage, x, stage.order[task.classes[stage.order] >= one], share, task.seed)
        done = done.with_floor(mine, int(part.amount[mine & x].sum()))
    return Found(x, relaxed.value * part.scale if relaxed.optimal else float(part.amount.sum()), prices)


def _stage(part: Part, x: np.ndarray, pool: np.ndarray, budget: Budget, seed: int) -> np.ndarray:
    """The best set found for one class: first with the payments of earlier classes as they are, then with all free.

    Only the value of earlier classes must be kept, but a solver that may exchange their payments finds little: a sum
    that must be met to the unit leaves it hardly any set to go to. With them fixed, what is left is a queue as any.
    """
    if budget.spent():
        return x
    relaxed, _ = relax(part, x, pool)
    budget.charge(relaxed.work)
    guide = x * 1.0
    if relaxed.x is not None:
        guide[pool] = relaxed.x
    search = Search(part, x, seed, guide, pool)
    if len(pool) < len(part):  # from where the classes before it ended, neighbourhoods find more than levels do
        search.improve(_charged(budget, LEVELS_SHARE))
    if not budget.spent() and budget.work > LEVELS_WORK * len(pool) * len(part.room):
        share = budget.share(LEVELS_SHARE)
        before = share.work
        begun = first_set(part, share, seed) if len(pool) == len(part) else by_levels(part, share, seed, x, pool)
        budget.charge(before - share.work if before < INFINITE else 0)
        search.keep(part.mend(begun.x))
    if len(pool) <= WHOLE_MOST and not budget.spent():
        search.whole(_charged(budget, WHOLE_SHARE), seed)
    search = Search(part, search.x, seed, guide)
    search.improve(budget)
    return search.x


# --- Processes ----------------------------------------------------------------------------------------------------


class Crew:
    """Processes that do tasks. While none of them is ready yet, and with one worker, this process does tasks itself.

    Tasks are taken from the front by workers, from the back (where the small ones stand) by this process: its own
    solver keeps its other threads from running, so that it must not be long at one.
    """

    def __init__(self, workers: int) -> None:
        self._children = [_start() for _ in range(workers)] if workers > 1 else []
        self._change = threading.Condition()
        self._waiting: deque[tuple[int, Callable[[], Job]]] = deque()
        self._answers: deque[tuple[int, Any]] = deque()
        self._ready = 0
        self._closed = False
        for child in self._children:
            threading.Thread(target=self._serve, args=(child,), daemon=True).start()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify_all()
        for child in self._children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    pipe.close()

    def do(self, makers: Sequence[Callable[[], Job]], done: Callable[[int, Any], None]) -> None:
        """Do tasks, each made when a process is free for it; `done` hears of each, in this thread."""
        with self._change:
            self._waiting.extend(enumerate(makers))
            self._change.notify_all()
        for _ in makers:
            number, answer = self._next()
            done(number, answer)

    def _next(self) -> tuple[int, Any]:
        """The next answer: of a worker, or made here."""
        with self._change:
            while not self._answers:
                if self._waiting and self._ready == 0:
                    number, make = self._waiting.pop() if self._children else self._waiting.popleft()
                    job = make()
                    break
                self._change.wait()
            else:
                return self._answers.popleft()
        return number, run(job)

    def _serve(self, child: subprocess.Popen[bytes]) -> None:
        """One thread for each worker: hands it tasks, takes its answers; a task whose worker dies waits again."""
        assert child.stdin
        assert child.stdout
        taken: tuple[int, Callable[[], Job]] | None = None
        counted = False
        try:
            pickle.load(child.stdout)  # it has imported what it needs: time is told to a task only from now on
            with self._change:
                self._ready += 1
                counted = True
            while True:
                with self._change:
                    while not self._waiting and not self._closed:
                        self._change.wait()
                    if self._closed:
                        return
                    taken = self._waiting.popleft()
                    job = taken[1]()
                pickle.dump(job, child.stdin, protocol=5)
                child.stdin.flush()
                answer = pickle.load(child.stdout)
                with self._change:
                    self._answers.append((taken[0], answer))
                    taken = None
                    self._change.notify_all()
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            with self._change:
                self._ready -= int(counted)
                if taken is not None and not self._closed:
                    self._waiting.append(taken)
                self._change.notify_all()


def _start() -> subprocess.Popen[bytes]:
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    roots = [path for path in sys.path if path]
    environment["PYTHONPATH"] = os.pathsep.join(roots)
    return subprocess.Popen(
        # -P: no module is taken from the folder in which the user happens to stand, among a stranger's files.
        [sys.executable, "-P", "-c", "from concordat.clearing.netting.tasks import serve; serve()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip


def serve() -> None:
    """A worker's whole life: read a task, answer, until the input ends."""
    tasks: IO[bytes] = os.fdopen(os.dup(0), "rb")
    answers: IO[bytes] = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    engine.binding()
    pickle.dump("ready", answers, protocol=5)
    answers.flush()
    while True:
        try:
            task: Any = pickle.load(tasks)
        except EOFError:
            return
        pickle.dump(run(task), answers, protocol=5)
        answers.flush()
