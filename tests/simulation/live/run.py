"""Ten nodes as processes, lines that fail, kill -9, restored disks, wrong clocks: many seeds, and what must hold.

After some seconds of trouble all lines heal and all nodes run again. Then every acknowledged entry must become final at
every node. How long that takes is the machine's matter; it is given up only once nothing has moved for longer than any
wait of the protocol, while every node reached every other. At the end every disk is opened and asked:

1. it verifies from bytes to finality; 2. all have the same final order, as far as each has come; 3. what was
acknowledged stands where it was said to stand; 4. nobody was accused: all were honest, whatever was done to them;
5. no node's keys have signed a larger log than it has; 6. states agree wherever two have folded the same batch;
7. no node took another for one that breaks limits, and none had a fault of the program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from concordat import clock
from concordat.errors import ConcordatError
from concordat.ledger.catching_up import RESEND_MAX_S
from concordat.ledger.entry import Entry
from concordat.ledger.tiles import tile_path, unpack_bundle
from concordat.node.backup import backup
from concordat.node.home import Node, verify_disk
from concordat.node.identity import read_identity
from concordat.node.restore import restore
from concordat.node.store import Store
from simulation.live.crashes import free_port
from simulation.live.faults import Plan, Trouble, draw
from simulation.live.talk import Delegate, ask
from simulation.live.wire import Wires
from simulation.live.zygote import Spec, Zygote, gone
from unit_node import found

NAMES = ("BRA", "RUS", "IND", "CHN", "ZAF", "EGY", "ETH", "IRN", "ARE", "IDN")
STILL_S = RESEND_MAX_S + 80.0  # nothing moves for longer than what is lost is ever sent again
CONVERGE_S = 3600.0  # whatever moves
FULL_AT = 150_000  # bytes of one file: the write-ahead log comes there soon
PASSPHRASE = "correct horse battery"
COUNTED = ("acknowledged", "final", "lost_with_their_disk")
CONTACT_S = 30  # a node that did not reach a peer for longer is busy or waits: it does not stand still


class BrokenInvariantError(AssertionError):
    """Something that must hold does not."""


@dataclass
class SetBack:
    """What a member may have lost when its disk became an older one.

    Attributes:
        before: the entries that its node had acknowledged by then. elsewhere: other member -> how many entries of this
            log its disk held at that moment.
    """

    before: set[str] = field(default_factory=set)
    elsewhere: dict[str, int] = field(default_factory=dict)


@dataclass
class World:
    """One seed's bloc.

    Attributes:
        homes: folders. pids: of the nodes that run. delegates: who hands entries in. wires: the lines.
    """

    plan: Plan
    zygote: Zygote
    homes: dict[str, Path]
    ports: dict[str, int] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    delegates: dict[str, Delegate] = field(default_factory=dict)
    snapshots: dict[str, Path] = field(default_factory=dict)
    backups: dict[str, Path] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    restored: int = 0
    set_back: dict[str, SetBack] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {member: free_port() for member in self.homes}
        self.ops = {member: free_port() for member in self.homes}
        self.wires = Wires(self.ports)
        self.delegates = {m: Delegate(home, self.wires.url(m)) for m, home in self.homes.items()}
        self.busy = {member: asyncio.Lock() for member in self.homes}

    def start(self, member: str, crash: tuple[str, str, int] | None = None, file_bytes_max: int = 0) -> None:
        """Run a member's node."""
        peers = {other: self.wires.url(other) for other in self.homes if other != member}
        self.pids[member] = self.zygote.start(
            Spec(
                home=str(self.homes[member]), port=self.ports[member], url=self.wires.url(member), peers=peers,
                names=self.wires.names(member), seed=self.plan.seed, offset_s=self.plan.offsets[member], crash=crash,
                log=str(self.homes[member].parent / "log.txt"), ops_port=self.ops[member],
                file_bytes_max=file_bytes_max,
            )
        )  # fmt: skip

    async def end(self, member: str, number: int = signal.SIGKILL) -> None:
        """End a member's node."""
        pid = self.pids[member]
        self.zygote.signal(pid, number)
        for _ in range(3_000):
            if gone(pid):
                return
            await asyncio.sleep(0.01)
        self.zygote.signal(pid)

    async def suffer(self, trouble: Trouble) -> None:
        """One trouble."""
        self.story.append(f"{trouble.at_s} {trouble.kind} {' '.join(trouble.who)}")
        match trouble.kind:
            case "pair":
                self.wires.pair(*trouble.who, trouble.weather)
            case "split":
                self.wires.split(set(trouble.who))
            case "heal":
                self.wires.heal()
            case "reset":
                for (a, b), line in self.wires.lines.items():
                    if trouble.who[0] in (a, b):
                        line.reset()
            case "pause":
                self.zygote.signal(self.pids[trouble.who[0]], signal.SIGSTOP)
                await asyncio.sleep(trouble.wait_s)
                self.zygote.signal(self.pids[trouble.who[0]], signal.SIGCONT)
            case "backup":
                async with self.busy[trouble.who[0]]:
                    await asyncio.to_thread(self._back_up, trouble.who[0])
            case _:
                async with self.busy[trouble.who[0]]:
                    await self._down(trouble, trouble.who[0])

    async def _down(self, trouble: Trouble, member: str) -> None:
        """A node goes down and comes back: killed, stopped, crashing at a step, or as an earlier copy of itself."""
        await self.end(member, signal.SIGTERM if trouble.kind == "stop" else signal.SIGKILL)
        if trouble.kind == "restore":
            self._copy_or_restore(member)
        if trouble.kind == "bring_back" and member in self.backups:
            await asyncio.to_thread(self._bring_back, member)
        if trouble.kind == "full":
            self.start(member, file_bytes_max=FULL_AT)
        await asyncio.sleep(trouble.wait_s)
        if trouble.kind == "full":
            await self.end(member)
        self.start(member, trouble.crash)
        if trouble.kind == "crash":
            await asyncio.sleep(2.0)
            await self.end(member)
            self.start(member)

    def _back_up(self, member: str) -> None:
        """A backup of the node while it runs, its keys sealed in it."""
        target = self.homes[member].parent / "backups"
        try:
            made = backup(self.homes[member], target, now=datetime.now(UTC), program="1", keys_passphrase=PASSPHRASE)
        except ConcordatError as error:  # a busy or a full disk; then there is none
            self.story.append(f"no backup: {error}")
            return
        self.backups[member] = made.folder

    def _bring_back(self, member: str) -> None:
        """The disk is lost; the backup takes its place."""
        shutil.rmtree(self.homes[member])
        restore(self.backups[member], self.homes[member], now=datetime.now(UTC), keys_passphrase=PASSPHRASE)
        self._set_back(member)

    def _copy_or_restore(self, member: str) -> None:
        """The first time a copy is kept; the second time the folder becomes that copy, keys and all."""
        kept = self.homes[member].parent / "snapshot"
        if member not in self.snapshots:
            shutil.copytree(self.homes[member], kept)
            self.snapshots[member] = kept
            return
        shutil.rmtree(self.homes[member])
        shutil.copytree(kept, self.homes[member])
        self._set_back(member)

    def _set_back(self, member: str) -> None:
        """A disk has become an older one: what may be missing from now on is what no other disk holds."""
        self.restored += 1
        kept = self.set_back.setdefault(member, SetBack())
        kept.before |= set(self.delegates[member].acknowledged)
        origin = read_identity(self.homes[member]).name("log")
        for other, home in self.homes.items():
            if other == member:
                continue
            held = 0
            with suppress(ConcordatError, sqlite3.Error), closing(Store(home / "log.db", readonly=True)) as store:
                held = store.size(origin)  # a disk that can't be read at this moment excuses what it may hold
            kept.elsewhere[other] = max(kept.elsewhere.get(other, 0), held)

    def _excused(self, member: str, entry: str, index: int) -> bool:
        """Whether an acknowledged entry may be gone: its disk was set back, and no disk that never was held it."""
        kept = self.set_back.get(member)
        if kept is None or entry not in kept.before:
            return False
        return index >= max((n for other, n in kept.elsewhere.items() if other not in self.set_back), default=0)

    async def live(self) -> None:
        """The whole story: trouble, healing, convergence."""
        await self.wires.start()
        try:
            for member in self.homes:
                self.start(member)
            await self._ready()
            began = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as tasks:
                for trouble in self.plan.troubles:
                    tasks.create_task(self._at(began, trouble.at_s, self.suffer(trouble)))
                for number, (at, member) in enumerate(self.plan.entries):
                    tasks.create_task(self._at(began, at, self._say(member, number)))
            self.wires.heal()
            await self._converge()
            for member in self.homes:
                await self.end(member, signal.SIGTERM)
        finally:
            for member in self.pids:
                self.zygote.signal(self.pids[member])
            await self.wires.close()

    async def _ready(self) -> None:
        """Wait until all are up: what happens while they start is happening to few of them."""
        for member in self.homes:
            for _ in range(300):
                if (await asyncio.to_thread(ask, self.wires.url(member), "/health/ready"))[0] == 200:
                    break
                await asyncio.sleep(0.1)

    @staticmethod
    async def _at(began: float, at: float, work: Any) -> None:
        await asyncio.sleep(max(0.0, began + at - asyncio.get_running_loop().time()))
        await work

    async def _say(self, member: str, number: int) -> None:
        async with self.busy[member]:
            await asyncio.to_thread(self.delegates[member].say, f"{member} {number}")

    async def _converge(self) -> None:
        """All acknowledged entries final everywhere, every node ready, one state hash."""
        began = still = time.monotonic()
        seen: object = None
        while True:
            why, moving, look = await asyncio.to_thread(self._look)
            if not why:
                return
            for member, pid in self.pids.items():
                if gone(pid):
                    self.start(member)
            now = time.monotonic()
            if moving or look != seen:
                still, seen = now, look
            if now - still > STILL_S or now - began > CONVERGE_S:
                raise BrokenInvariantError(f"not converged after {now - began:.0f} s: {why}")
            await asyncio.sleep(0.3)

    def _look(self) -> tuple[str, bool, object]:
        """(what keeps the bloc from being at rest, whether a node waits or is busy, how far everybody is)."""
        why = self._why_not()
        if not why:
            return "", False, ()
        looks, moving = [], False
        for member in self.homes:
            status, body = ask(f"http://127.0.0.1:{self.ops[member]}", "/status")
            found = json.loads(body) if status == 200 else {"peers": [], "logs": {}, "final": {}, "recovery": ""}
            _require(not any(p["blamed"] for p in found["peers"]), f"{member} blames an honest peer: {found['peers']}")
            late = [p for p in found["peers"] if p["waits_s"] or (p["last_contact_s"] or 0) > CONTACT_S]
            moving = moving or status != 200 or bool(late)
            looks.append((found["logs"], found["final"], found["recovery"]))
        return why, moving, looks

    def _why_not(self) -> str:
        """What keeps the bloc from being at rest; empty if nothing does."""
        answers = {}
        for member in self.homes:
            status, body = ask(self.wires.url(member), "/sync/heads")
            if status == 429:
                time.sleep(0.5)
            if status != 200:
                return f"{member} answers {status}"
            answers[member] = json.loads(body)
        finals = {(a["batch"], a["state"], tuple(a["final"])) for a in answers.values()}
        if len(finals) != 1 or any(a["recovery"] != "normal" for a in answers.values()):
            return f"states {sorted(finals)}, {sorted(a['recovery'] for a in answers.values())}"
        sizes = {tuple(map(tuple, ([o, n] for o, n, _, _ in a["logs"]))) for a in answers.values()}
        if len(sizes) != 1:
            return "logs of different sizes"
        wanted = dict(next(iter(sizes)))
        for delegate in self.delegates.values():
            own = next((n for o, n in wanted.items() if o.startswith(f"{delegate.member.lower()}.example/")), 0)
            member = delegate.member
            owed = [i for entry, i in delegate.acknowledged.items() if not self._excused(member, entry, i)]
            if owed and own <= max(owed):
                return f"{member} lacks what it acknowledged"
        submitted = {tuple(map(tuple, a["submitted"])) for a in answers.values()}
        pending = any(n < wanted.get(o, 0) for item in submitted for o, n, _ in item)
        named = {o for item in submitted for o, _, _ in item}
        members = {o for o in wanted if not o.startswith("BRICS/council/")}
        if pending or named != members:
            return "heads that no quorum has cosigned yet"
        _, _, (view, size) = next(iter(finals))
        taken = self._taken_up(view, size)
        lost = [e for d in self.delegates.values() for e in self._missing(d, taken, wanted)]
        if lost:
            return f"{len(lost)} acknowledged entries are not final"
        return "" if view or not members else "nothing is final"

    def _missing(self, delegate: Delegate, taken: set[str], sizes: dict[str, int]) -> list[str]:
        """A delegate's acknowledged entries that are not final, but for those that went with their disk."""
        missing = {entry for leaf, entry in delegate.leaves.items() if leaf not in taken}
        gone = {e for e in missing if self._excused(delegate.member, e, delegate.acknowledged[e])}
        if gone:  # those that came back, wherever they were, must become final as well
            origin = read_identity(self.homes[delegate.member]).name("log")
            gone -= {Entry.parse(leaf).id for leaf in self._leaves(delegate.member, sizes.get(origin, 0))}
        return sorted(missing - gone)

    def _taken_up(self, view: int, size: int) -> set[str]:
        """The leaf hashes of entries that the council logs take up, as far as they are final."""
        url, found = self.wires.url(next(iter(self.homes))), set()
        for number in range(1, view + 1):
            status, head = ask(url, f"/log/BRICS/council/{number}/checkpoint")
            count = size if number == view else int(head.split(b"\n")[1]) if status == 200 else 0
            for leaf in self._leaves(f"council/{number}", count):
                found |= {ref["leaf"] for ref in Entry.parse(leaf).body.get("refs", ())}
        return found

    def _leaves(self, name: str, count: int) -> list[bytes]:
        """The first entries of a log, as the first node shows it."""
        url, found = self.wires.url(next(iter(self.homes))), []
        for start in range(0, count, 256):
            path = tile_path("entries", start // 256, min(256, count - start))
            found += unpack_bundle(ask(url, f"/log/BRICS/{name}/{path}")[1])
        return found

    def check(self) -> dict[str, Any]:
        """Ask every disk."""
        orders: dict[str, list[tuple[str, str]]] = {}
        owned: dict[str, set[str]] = {}
        with clock.fixed(datetime.now(UTC) + timedelta(seconds=310)):  # no clock of the seed is further ahead
            for member, home in self.homes.items():
                with Node(home) as node:
                    verify_disk(node)
                    orders[member] = [(str(p), e.id) for p, _, e in node.replica.events()]
                    _require(not node.replica.accusations, f"{member} holds an accusation of an honest member")
                    own = node.replica.own
                    _require(node.signer.size_signed(own.origin) <= own.size, f"{member} signed more than it has")
                    self._acknowledged(member, [e.id for e in own.entries])
                    owned[member] = {e.id for e in own.entries}
                self._no_fault(member)
        longest = max(orders.values(), key=len)
        for member, order in orders.items():
            _require(order == longest[: len(order)], f"{member} has another final order")
        final = {entry for _, entry in longest}
        said = {e for d in self.delegates.values() for e in d.acknowledged}
        lost = said - final
        back = {d.member: set(d.acknowledged) & lost for d in self.delegates.values()}
        for member, entries in back.items():  # gone with its disk: then it stands nowhere, and was seen by nobody else
            at = self.delegates[member].acknowledged
            _require(all(self._excused(member, e, at[e]) for e in entries), f"{member}: acknowledged, but not final")
            _require(not entries & owned[member], f"{member}: in its log, but not final")
        return {"acknowledged": len(said), "final": len(final), "lost_with_their_disk": len(lost)}

    def _no_fault(self, member: str) -> None:
        """The node's own lines tell of no fault of the program, and of no peer that was taken for a hostile one."""
        log = (self.homes[member].parent / "log.txt").read_text(encoding="utf-8")
        for line in log.splitlines():
            try:
                known = json.loads(line)
            except ValueError:  # a traceback, or a line that a kill cut off
                known = {"event": "cut" if line.startswith("{") else "fault", "what": line}
            _require(known["event"] != "fault", f"{member} has a fault: {known.get('what')}")
            _require(not known.get("blamed"), f"{member} blames an honest peer: {line}")

    def _acknowledged(self, member: str, own: list[str]) -> None:
        for entry, index in self.delegates[member].acknowledged.items():
            there = index < len(own) and own[index] == entry
            # A disk that was set back loses what nobody else had seen yet: there is no other copy in the world.
            _require(there or self._excused(member, entry, index), f"{member} lost an acknowledged entry")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenInvariantError(what)


def run_seed(seed: int, zygote: Zygote, founded: dict[str, Path]) -> dict[str, Any]:
    """One seed; what came of it."""
    started = time.monotonic()
    plan = draw(seed, tuple(founded))
    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder:
        homes = {member: Path(folder) / member / "home" for member in founded}
        for member, home in founded.items():
            shutil.copytree(home, homes[member])
        world = World(plan, zygote, homes)
        result: dict[str, Any] = {"seed": seed, "broken": ""}
        try:
            asyncio.run(world.live())
            result |= world.check()
        except Exception as error:  # a seed that fails tells its story, and the others go on
            result |= {"broken": f"{type(error).__name__}: {error}"[:500], "story": world.story}
            _keep_logs(seed, homes)
        result["seconds"] = round(time.monotonic() - started, 1)
        return result


def _keep_logs(seed: int, homes: dict[str, Path]) -> None:
    """The nodes' own lines of a seed that failed."""
    kept = Path(tempfile.gettempdir()) / f"concordat-live-seed-{seed}"
    for member, home in homes.items():
        kept.mkdir(exist_ok=True)
        log = home.parent / "log.txt"
        if log.exists():
            shutil.copy(log, kept / f"{member}.txt")


def run_many(
    seeds: Sequence[int], members: int, minutes: float = 600.0, told: Callable[[dict[str, Any]], None] | None = None
) -> list[dict[str, Any]]:
    """Many seeds one after the other, until the time is over; `told` of each as soon as it is known."""
    end = time.monotonic() + 60 * minutes
    names = NAMES[:members]
    results = []
    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder, Zygote() as zygote:
        founded = dict(zip(names, found(Path(folder), names), strict=True))
        for seed in seeds:
            if time.monotonic() > end:
                break
            results.append(run_seed(seed, zygote, founded))
            print(json.dumps(results[-1]), file=sys.stderr, flush=True)
            if told is not None:
                told(results[-1])
    return results


class Sittings:
    """What was run so far of many seeds that are run a few at a time, in one file, whole after each seed.

    Attributes:
        seeds: seed -> what came of it.
        held: the sittings; each names its first seed, how many, its seconds, day, program and machine.

    Raises:
        SystemExit: the file is of another number of members.
    """

    def __init__(self, path: Path, members: int) -> None:
        self.path, self.members = path, members
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if kept and kept["members"] != members:
            sys.exit(f"{path} holds seeds of {kept['members']} members; these would be of {members}.")
        self.seeds: dict[int, dict[str, Any]] = {int(seed): result for seed, result in kept.get("results", {}).items()}
        self.held: list[dict[str, Any]] = kept.get("sittings", [])
        self._sitting: dict[str, Any] = {}

    @property
    def next(self) -> int:
        """The first seed from 0 on that was not run."""
        return next(seed for seed in range(len(self.seeds) + 1) if seed not in self.seeds)

    def left(self, first: int, count: int) -> list[int]:
        """The seeds of a range that were not run."""
        return [seed for seed in range(first, first + count) if seed not in self.seeds]

    def add(self, result: dict[str, Any]) -> None:
        """Keep what came of a seed."""
        if not self._sitting:
            now = datetime.now(UTC).date().isoformat()
            self._sitting = {"first": result["seed"], "seeds": 0, "seconds": 0.0, "date": now, **_where()}
            self.held.append(self._sitting)
        self._sitting["seeds"] += 1
        self._sitting["seconds"] = round(self._sitting["seconds"] + result["seconds"], 1)
        self.seeds[result["seed"]] = {key: value for key, value in result.items() if key not in ("seed", "story")}
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(self.summary(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.path)

    def summary(self) -> dict[str, Any]:
        """All sittings together."""
        done = sorted(self.seeds)
        return {
            "benchmark": "live",
            "members": self.members,
            "seeds": len(done),
            "broken": [seed for seed in done if self.seeds[seed]["broken"]],
            "seconds": round(sum(self.seeds[seed]["seconds"] for seed in done)),
            **{key: sum(self.seeds[seed].get(key, 0) for seed in done) for key in COUNTED},
            "sittings": self.held,
            "results": {str(seed): self.seeds[seed] for seed in done},
        }


def _where() -> dict[str, Any]:
    """On what the seeds were run."""
    from concordat import __version__

    return {"program": __version__, "machine": platform.platform(), "python": platform.python_version()}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=None, help="seed; with --add-to the first one that was not run")
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--crashes", action="store_true", help="kill one node at every step of a commit instead")
    parser.add_argument("--out", default="", help="write a summary as JSON")
    parser.add_argument("--add-to", default="", help="a file to which each seed is added: for a few at a time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a sitting that is ended ends its nodes as well
    started = time.monotonic()
    if options.add_to:
        return sit(Sittings(Path(options.add_to), options.members), options.first, options.seeds, options.minutes)
    if options.crashes:
        summary = every_crash()
    else:
        first = options.first or 0
        seeds = range(first, first + options.seeds)
        results = run_many(seeds, options.members, options.minutes)
        summary = {"seeds": len(results), "members": options.members, "broken": [r for r in results if r["broken"]]}
        summary["acknowledged"] = sum(r.get("acknowledged", 0) for r in results)
        summary["lost_with_their_disk"] = sum(r.get("lost_with_their_disk", 0) for r in results)
    summary |= {"seconds": round(time.monotonic() - started), "machine": platform.platform()}
    summary["date"] = datetime.now(UTC).date().isoformat()
    print(json.dumps(summary, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 1 if summary["broken"] else 0


def sit(sittings: Sittings, first: int | None, count: int, minutes: float) -> int:
    """Run the seeds of a range that were not run yet, as far as the time goes, and keep each."""
    seeds = sittings.left(sittings.next if first is None else first, count)
    results = run_many(seeds, sittings.members, minutes, sittings.add)
    summary = sittings.summary()
    print(json.dumps({key: value for key, value in summary.items() if key not in ("sittings", "results")}, indent=1))
    return 1 if any(result["broken"] for result in results) else 0


def every_crash(counts: int = 12) -> dict[str, Any]:
    """Every step of a commit, before and after, at each of its first counts."""
    from simulation.live.crashes import kill_at
    from simulation.live.zygote import STEPS

    ended: dict[str, int] = {}
    broken: list[str] = []
    with Zygote() as zygote:
        for step in STEPS:
            for when in ("before", "after"):
                for count in range(1, counts + 1):
                    with tempfile.TemporaryDirectory(prefix="concordat-live-") as folder:
                        try:
                            how = kill_at(zygote, Path(folder), step, when, count)
                        except Exception as error:  # told with its step, and the others go on
                            how = "broken"
                            broken.append(f"{step} {when} {count}: {type(error).__name__}: {error}"[:300])
                    ended[how] = ended.get(how, 0) + 1
    return {"runs": sum(ended.values()), **ended, "broken": broken}
