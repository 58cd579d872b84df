"""Is anything lost, doubled or stuck when the harvester is killed? Row 11 of the exchange's acceptance.

    python tests/exchange_harvest_crash.py           # 10,000 records, killed at 60 places of two harvests
    python tests/exchange_harvest_crash.py --write   # and the result is stored

A child process harvests a made source into a node's `exchange.sqlite` and logs the runs; before the n-th step (each SQL
statement that writes, each fetch) it kills itself with SIGKILL. Then another child starts, as a node does after a
crash, and goes on to the end. Whatever n was: no run is `running`, every record is there once, each change is told by
one run, and each run that ended is logged by one entry. The source then changes and loses records, and all of it is
done again: by a source that gives everything each time, or by one that gives what changed and says what it deleted, as
OAI-PMH does.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from concordat.exchange.catalogue import harvest
from concordat.exchange.catalogue.harvest import Page
from concordat.exchange.catalogue.model import Dataset
from concordat.node.exchange import exchange_of
from concordat.node.harvest_store import FILE, HarvestStore
from concordat.node.harvester import Harvester, log_runs
from concordat.node.home import Node
from unit_node import found

NOW = 1_800_000_000
DONE, KILLED = 0, -signal.SIGKILL
MADE: dict[tuple[str, str], harvest.Record] = {}


def record_of(dataset: Dataset) -> harvest.Record:
    """What a source gives, made once for all children: else a third of each run goes there."""
    key = (dataset.id, dataset.title[""])
    if key not in MADE:
        MADE[key] = harvest.record_of(dataset)
    return MADE[key]


@dataclass(frozen=True)
class Made:
    """A source of named records, some a page."""

    rows: Sequence[tuple[str, str]]  # (name, what it says)
    size: int
    kind: str = "ckan"
    address: str = "https://data.example.br"
    gone: tuple[str, ...] = ()  # what it says it deleted, on its first page
    since: bool = False
    held: tuple[tuple[str, str], ...] = ()  # what is there in all, where `rows` are changes

    async def page(self, token: str) -> Page:
        start = int(token or 0)
        cut = self.rows[start : start + self.size]
        end = start + len(cut)
        records = tuple(record_of(Dataset(name, {"": said}, identifier=name)) for name, said in cut)
        gone = self.gone if not start else ()
        return Page(records, (), str(end) if end < len(self.rows) else "", gone, self.since, "mark")

    @property
    def whole(self) -> Sequence[tuple[str, str]]:
        return self.held or self.rows


class Killer:
    """Counts steps, and kills this process before one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def __call__(self, what: str) -> None:
        if what == "SELECT":  # reading changes nothing: before it is as before the next step
            return
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


Told = Counter[tuple[str, str]]


def attempt(home: Path, source: Made, kill_at: int = 0, told: Told | None = None) -> tuple[int, int]:
    """Start as a node does, harvest, log, and look if `told` is given; (how the child ended, its steps)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            os.write(writing, str(_run(home, source, kill_at, told)).encode())
            code = DONE
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(said or 0)


def _run(home: Path, source: Made, kill_at: int, told: Told | None) -> int:
    killer = Killer(kill_at)
    with Node(home) as node, HarvestStore(home / FILE, killer) as store:
        harvester = Harvester(store, lambda: NOW, f"start {os.getpid()}", step=killer)
        log_runs(node, store)
        asyncio.run(harvester.run("portal", source, accept_removals=True))
        log_runs(node, store)
        count = killer.count
        if told is not None:
            check(node, store, source.whole, told)
            assert store.mark("portal", source.kind, source.address) == "mark"
    return count


def check(node: Node, store: HarvestStore, rows: Sequence[tuple[str, str]], told: Told) -> None:
    """The store holds what the source holds; each change was told once; each run ended and is logged once."""
    runs = store.runs()
    assert [run.state for run in runs if run.state == "running"] == []
    assert runs[-1].state == "complete"
    held = {d.id: d.title[""] for d in store.datasets("portal")}
    assert held == dict(rows)
    found: Told = Counter()
    for run in runs:
        for what, changes in store.changes(run.id).items():
            found.update((key, what) for key, _ in changes)
    assert found == told
    facts = list(exchange_of(node.replica).all("harvest"))
    assert sorted(int(fact.key[2]) for fact in facts) == [run.id for run in runs]
    for fact in facts:
        run = store.run(int(fact.key[2]))
        assert (fact.body.outcome, fact.body.added, fact.body.removed) == (run.state, run.added, run.removed)
        assert fact.body.changes == store.changes_hash(run.id)
        assert run.entry == fact.entry


def story(count: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[Told]]:
    """A source, what it becomes, and what is told after each harvest: one in five changes, one in five goes."""
    first = [(f"urn:x:{n:05}", "old") for n in range(count)]
    second = [(name, "new" if n % 5 == 0 else "old") for n, (name, _) in enumerate(first) if n % 5 != 1]
    second += [(f"urn:x:{count + n:05}", "late") for n in range(max(1, count // 10))]
    told = Counter({(name, "added"): 1 for name, _ in first})
    later = told + Counter(
        {(name, "changed"): 1 for name, said in second if said == "new"}
        | {(name, "removed"): 1 for n, (name, _) in enumerate(first) if n % 5 == 1}
        | {(name, "added"): 1 for name, said in second if said == "late"}
    )
    for name, said in {*first, *second}:
        record_of(Dataset(name, {"": said}, identifier=name))
    return first, second, [told, later]


def changes_of(first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]], size: int) -> Made:
    """The second source as it tells what changed since the first."""
    rows = [one for one in second if one not in set(first)]
    gone = {name for name, _ in first} - {name for name, _ in second}
    return Made(rows, size, gone=tuple(sorted(gone)), since=True, held=tuple(second))


class Trial:
    """A node's folder before the first harvest and before the second, to be copied for each kill.

    Args:
        scratch: an empty folder. count: records. size: of a page. since: the second harvest reads changes alone.

    Attributes:
        taken: how many steps the two harvests take when nobody is killed.
    """

    def __init__(self, scratch: Path, count: int, size: int, *, since: bool = False) -> None:
        (home,) = found(scratch, ("BRA",))
        self.scratch = scratch
        first, second, self.told = story(count)
        self.sources = (Made(first, size), changes_of(first, second, size) if since else Made(second, size))
        self.homes = (home, copied(home, scratch / "once"))
        taken = [self._unkilled(self.homes[1], 0)]
        taken.append(self._unkilled(copied(self.homes[1], scratch / "twice"), 1))
        self.taken = (taken[0], taken[1])

    def _unkilled(self, home: Path, harvest: int) -> int:
        code, number = attempt(home, self.sources[harvest], told=self.told[harvest])
        assert code == DONE
        return number

    def killed(self, harvest: int, at: int) -> None:
        """Kill the first (0) or the second (1) harvest before a step, start again, and look."""
        place = copied(self.homes[harvest], self.scratch / f"killed-{harvest}-{at}")
        code, _ = attempt(place, self.sources[harvest], at)
        assert code == KILLED, (harvest, at, code)
        code, _ = attempt(place, self.sources[harvest], told=self.told[harvest])
        assert code == DONE, (harvest, at, code)
        shutil.rmtree(place)


def copied(home: Path, target: Path) -> Path:
    """A fresh copy of a node's folder."""
    shutil.copytree(home, target)
    return target


def main(count: int = 10_000, places: int = 60) -> None:
    for since in (False, True):
        _all_killed(count, places, since)


def _all_killed(count: int, places: int, since: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), count, 100, since=since)
        how = "the second time changes alone" if since else "everything both times"
        print(f"{count:,} records, {how}: {trial.taken[0]:,} and {trial.taken[1]:,} steps unkilled")
        for harvest in (0, 1):
            for n in range(places // 2):
                at = 1 + (trial.taken[harvest] - 1) * n // (places // 2 - 1)
                trial.killed(harvest, at)
                print(f"harvest {harvest + 1} killed before step {at:,}: nothing lost, doubled or stuck", flush=True)


def store_result(words: list[str], seconds: float) -> None:
    """What was run to its end: nothing was lost, doubled or stuck, or an assertion had ended it."""
    from clearing_results import store

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = round(sum(one.ru_utime + one.ru_stime for one in used), 1)
    found = {"lost, doubled or stuck": 0, "seconds": round(seconds, 1), "processor_s": processor}
    store("exchange-harvest-crash", {"arguments": words, **found, "date": datetime.now(UTC).date().isoformat()})


if __name__ == "__main__":
    WORDS, STARTED = [word for word in sys.argv[1:] if word != "--write"], time.monotonic()
    main(*(int(word) for word in WORDS))
    if "--write" in sys.argv:
        store_result(WORDS, time.monotonic() - STARTED)
