"""Many members, one seed: virtual clocks, a bad network, crashes, full disks, backups and liars around real replicas.

`python -m simulation.world --seeds 10000` (from `tests/`) runs many seeds in two processes and writes what it found;
`--seed N` runs one and tells its story. Time is in seconds from an arbitrary midnight; nothing waits.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import json
import os
import platform
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from concordat.errors import StateError
from concordat.ledger.entry import Entry
from concordat.ledger.messages import Cosigned, Entries, Hello, Out
from concordat.ledger.misconduct import LATE
from concordat.ledger.replica import Replica
from simulation import invariants
from simulation.faults import HEALED, HOUR, Plan, draw
from simulation.invariants import EPOCH, Seen
from simulation.keys import NAMES, BrokenInvariant, chain, stub_signatures
from simulation.roles import build, copy_of

NUMBERS = {name: number for number, name in enumerate(NAMES)}
END = 200 * HOUR
TICK, IDLE_TICK = 60, 600
STEPS_MAX = 200_000  # a run takes some thousands: more is a storm of messages that feed each other


@dataclass
class World:
    """One run.

    Attributes:
        nodes: member -> its replicas (two for a twin). up: whether a member runs. now: true time.
        written: id of an entry -> (true time, member, scope). asked: those that honest members wrote for the council.
        shown: council head -> when it came to be. seen: member -> what was final there. history: the final batches.
    """

    plan: Plan
    stub: bool = True
    nodes: dict[int, list[Replica]] = field(default_factory=dict)
    written: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    now: float = 0
    steps: int = 0
    history: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    shown: dict[str, float] = field(default_factory=dict)
    healed_view: int = 1
    conflict: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.rng = random.Random(f"ledger world {self.plan.seed}")
        self.chain = chain(self.plan.n, merge_delay_hours=2)
        self.queue: list[tuple[float, int, str, Any]] = []
        self.counter = 0
        self.up = {m: self.plan.roles.get(m) != "dead" for m in range(self.plan.n)}
        self.pause = dict.fromkeys(range(self.plan.n), TICK)
        self.seen = {m: Seen(self) for m in self.plan.honest}
        skews = [self.plan.skew_s[m] for m in self.plan.honest]
        self.skews = (min(skews), max(skews))
        self.backups: dict[int, Replica] = {}
        self.tape: list[tuple[int, int, Any]] = []
        self.face = {m: self.rng.randrange(2) for m in range(self.plan.n)}
        if self.plan.too_many:  # each face needs an honest member, or there is nobody to deceive
            for i, m in enumerate(self.plan.honest):
                self.face[m] = i % 2
        for m in range(self.plan.n):
            self.nodes[m] = build(self.plan.roles.get(m, "honest"), m, self.chain, stub=self.stub)
            self.at(self.rng.random() * TICK, "tick", m)
        for when, m, scope in self.plan.writes:
            self.at(when, "write", (m, scope))
        for outage in self.plan.outages:
            if outage.restored:
                self.at(max(0, outage.start - self.rng.randrange(2 * HOUR)), "backup", outage.member)
            self.at(outage.start, "down", outage.member)
            self.at(outage.end, "up", (outage.member, outage.restored))

    def at(self, when: float, what: str, about: Any) -> None:
        self.counter += 1
        heapq.heappush(self.queue, (when, self.counter, what, about))

    def clock(self, member: int) -> int:
        return EPOCH + int(self.now) + self.plan.skew_s[member]

    def run(self) -> World:
        """Run until everything written is final everywhere after the healing, or time is up."""
        healed = False
        while self.queue:
            self.now, _, what, about = heapq.heappop(self.queue)
            if self.now > HEALED and not healed:
                healed = True
                self.healed_view = max(r.view for m in self.plan.honest for r in self.nodes[m])
                for m in range(self.plan.n):
                    self.deliver_all(m, [(peer, r.hello()) for r in self.nodes[m][:1] for peer in r.peers])
            if self.now > END or (healed and self.steps % 50 == 0 and self.settled()):
                break
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise BrokenInvariant(
                    f"seed {self.plan.seed}, {self.now:.0f} s: a storm of {len(self.queue):,} messages"
                )
            getattr(self, f"do_{what}")(about)
        invariants.at_the_end(self)
        return self

    def settled(self) -> bool:
        """Everyone honest has made final all that honest members wrote for the council."""
        if self.plan.too_many:
            return self.conflict is not None or self.now > HEALED + 6 * HOUR
        if self.plan.too_few:
            return self.now > HEALED + 6 * HOUR
        replicas = [self.nodes[m][0] for m in self.plan.honest]
        ends = {r.final() for r in replicas}
        return len(ends) == 1 and not any(r.pending() for r in replicas) and not invariants.unfinished(self)

    # --- What happens -------------------------------------------------------------------------------------------------

    def do_tick(self, member: int) -> None:
        self.pause[member] = min(2 * self.pause[member], IDLE_TICK)
        if self.works(member):
            for replica in self.nodes[member]:
                out = replica.tick(self.clock(member))
                if out:
                    self.pause[member] = TICK
                elif self.rng.random() < 0.1:
                    out = [(self.rng.choice(replica.peers), replica.hello())]
                self.send(member, replica, out)
        self.at(self.now + self.pause[member], "tick", member)

    def do_write(self, about: tuple[int, str]) -> None:
        member, scope = about
        if not self.works(member):
            return
        for i, replica in enumerate(self.nodes[member]):
            body = {"face": i, "word": f"{member}-{self.rng.randrange(10**6)}"}
            try:
                entry, out = replica.write("Said", body, scope, self.clock(member))
            except StateError:  # restored from a backup, and not whole yet
                continue
            self.wrote(entry, member, scope)
            self.send(member, replica, out)

    def wrote(self, entry: Entry, member: int, scope: str) -> None:
        self.written[entry.id] = (int(self.now), member, scope)
        if scope == "council" and member in self.seen:
            self.asked.add(entry.id)

    def do_message(self, about: tuple[int, int, int, Any]) -> None:
        sender, face, target, message = about
        if not self.works(target):
            return
        for i, replica in enumerate(self.nodes[target]):
            if len(self.nodes[target]) == 2 and i != self.side(sender, face):
                continue
            out = replica.handle(NAMES[sender], message, self.clock(target))
            if out:
                self.show(out)
            if self.rng.random() < self.crash_after:
                out = []  # durable, but it went down before it could send
            self.send(target, replica, out)
            if self.plan.roles.get(target, "clock") == "clock":
                for _, answer in out:
                    if type(answer) is Cosigned and "/council/" in answer.origin:
                        invariants.clock_kept(self, target, answer.origin, answer.size)
        if target in self.seen:
            invariants.after_step(self, target)

    @property
    def crash_after(self) -> float:
        return 0.003 if self.plan.drop and self.now < HEALED else 0.0

    def side(self, sender: int, face: int) -> int:
        """Which of its two faces a twin shows the sender."""
        return face if len(self.nodes[sender]) == 2 else self.face[sender]

    def do_backup(self, member: int) -> None:
        if len(self.nodes[member]) == 1:
            self.backups[member] = copy_of(self.nodes[member][0])

    def do_down(self, member: int) -> None:
        self.up[member] = False

    def do_up(self, about: tuple[int, bool]) -> None:
        member, restored = about
        self.up[member] = self.plan.roles.get(member) != "dead"
        if not self.up[member]:
            return
        if restored and member in self.backups and member in self.plan.honest:
            self.nodes[member] = [self.backups.pop(member)]
            self.seen[member] = Seen(self)
        for replica in self.nodes[member]:
            self.send(member, replica, [(peer, replica.hello()) for peer in replica.peers])

    def works(self, member: int) -> bool:
        """Up, and its disk has room: a node that can't make its state durable takes nothing and signs nothing."""
        for m, start, end in self.plan.full_disks:
            if m == member and start <= self.now < end:
                return False
        return self.up[member]

    # --- The network --------------------------------------------------------------------------------------------------

    def send(self, sender: int, replica: Replica, out: Out) -> None:
        if not out:
            return
        twin = len(self.nodes[sender]) == 2
        face = next(i for i, r in enumerate(self.nodes[sender]) if r is replica) if twin else 0
        self.show(out)
        for name, message in out:
            target = NUMBERS[name]
            if twin and len(self.nodes[target]) == 1 and self.face[target] != face:
                continue
            self.post(sender, face, target, message)
        if self.plan.roles.get(sender) == "replay":
            self.tape.append((sender, NAMES.index(out[0][0]), out[0][1]))
            who, _, what = self.rng.choice(self.tape)
            self.post(who, 0, self.rng.randrange(self.plan.n), what)

    def show(self, out: Out) -> None:
        """Note when each council head came to be."""
        for _, message in out:
            if type(message) is Entries and "/council/" in message.origin:
                self.shown.setdefault(message.head.partition("\n\n")[0] + "\n", self.now)

    def post(self, sender: int, face: int, target: int, message: Any) -> None:
        if self.now < HEALED:
            if self.rng.random() < self.plan.drop or self.parted(sender, target):
                return
            if self.rng.random() < self.plan.repeat:
                self.at(
                    self.now + self.rng.random() * self.plan.delay_s * 10, "message", (sender, face, target, message)
                )
        delay = self.rng.random() * (self.plan.delay_s if self.now < HEALED else 1)
        self.at(self.now + delay, "message", (sender, face, target, message))

    def parted(self, a: int, b: int) -> bool:
        return any(p.start <= self.now < p.end and (a in p.side) != (b in p.side) for p in self.plan.partitions)

    def deliver_all(self, sender: int, out: list[tuple[str, Hello]]) -> None:
        for name, message in out:
            self.post(sender, 0, NAMES.index(name), message)


def run_seed(seed: int, *, stub: bool = True, too_many: bool | None = None) -> dict[str, Any]:
    """One seed: what happened, or what must not have happened."""
    plan = draw(seed, too_many=too_many)
    chain(plan.n, merge_delay_hours=2)
    gc.set_threshold(300_000, 20, 100)  # a run makes little garbage and many objects
    started = time.perf_counter()
    if stub:
        with stub_signatures():
            world = World(plan, stub=True).run()
    else:
        world = World(plan, stub=False).run()
    honest = [world.nodes[m][0] for m in plan.honest]
    return {
        "accused": sorted({a.accused for r in honest for a in r.accusations.values()}),
        "conflict": world.conflict is not None,
        "final_events": len(honest[0].events()) if honest and world.conflict is None else None,
        "kinds": sorted({a.kind for r in honest for a in r.accusations.values()}),
        "late without fault": any(
            a.kind == LATE and NAMES.index(a.accused) in plan.honest for r in honest for a in r.accusations.values()
        ),
        "n": plan.n,
        "roles": sorted(plan.roles.values()),
        "seconds": round(time.perf_counter() - started, 3),
        "seed": seed,
        "steps": world.steps,
        "too_few": plan.too_few,
        "too_many": plan.too_many,
        "view": max((r.view for r in honest), default=0),
    }


def machine() -> dict[str, str | int | float | None]:
    """What the seconds depend on."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": name or platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _safely(seed: int) -> dict[str, Any]:
    try:
        return run_seed(seed)
    except Exception as error:
        return {"seed": seed, "broken": f"{type(error).__name__}: {error}"}


def run_many(seeds: Sequence[int], processes: int, minutes: float = 600) -> list[dict[str, Any]]:
    """Many seeds in several processes, as far as the minutes go; what broke is under `broken`."""
    results: list[dict[str, Any]] = []
    end = time.monotonic() + 60 * minutes
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for result in pool.map(_safely, seeds, chunksize=10):
            results.append(result)
            if "broken" in result:
                print(result, file=sys.stderr, flush=True)
            if time.monotonic() > end:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    return results


def summary_of(results: list[dict[str, Any]]) -> dict[str, Any]:
    """What many runs found, in figures."""
    good = [r for r in results if "broken" not in r]
    kinds = sorted({k for r in good for k in r["kinds"]})
    roles = sorted({k for r in good for k in r["roles"]})
    return {
        "seeds": len(results),
        "first": min((r["seed"] for r in results), default=0),
        "broken": [r for r in results if "broken" in r],
        "with liars": sum(bool(r["roles"]) and not r["too_few"] for r in good),
        "with f + 1 liars": sum(r["too_many"] for r in good),
        "with f + 1 dead": sum(r["too_few"] for r in good),
        "conflicting finals (only beyond f)": sum(r["conflict"] for r in good),
        "with a view change": sum(r["view"] > 1 for r in good),
        "with a proof of misconduct": sum(bool(r["accused"]) for r in good),
        "with a chair late without fault (cut off)": sum(r["late without fault"] for r in good),
        "kinds": {k: sum(k in r["kinds"] for r in good) for k in kinds},
        "roles": {k: sum(k in r["roles"] for r in good) for k in roles},
        "final events": sum(r["final_events"] or 0 for r in good),
        "steps": sum(r["steps"] for r in good),
        "seconds a seed": round(sum(r["seconds"] for r in good) / max(len(good), 1), 4),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="run the seeds 0 to N - 1")
    parser.add_argument("--first", type=int, default=0, help="begin at this seed")
    parser.add_argument("--seed", type=int, default=None, help="run one seed and tell what happened")
    parser.add_argument("--real", action="store_true", help="real signatures (with --seed)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=600, help="stop after that time with what is done")
    parser.add_argument("--out", default="", help="write a summary as JSON")
    options = parser.parse_args()
    if options.seed is not None:
        print(draw(options.seed))
        print(json.dumps(run_seed(options.seed, stub=not options.real), indent=1))
        return 0
    started = time.perf_counter()
    seeds = range(options.first, options.first + options.seeds)
    summary = summary_of(run_many(seeds, options.processes, options.minutes))
    summary |= {"processes": options.processes, "seconds": round(time.perf_counter() - started, 1)}
    if options.out:
        summary |= {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine()}
    print(json.dumps(summary, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 1 if summary["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
