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

import asyncio
import json
import shutil
import signal
import sqlite3
import time
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
from concordat.node.home import Node
from concordat.node.identity import read_identity
from concordat.node.restore import restore
from concordat.node.store import Store
from concordat.node.whole_disk import verify_disk
from simulation.live.crashes import PORTS, free_ports
from simulation.live.faults import Plan, Trouble
from simulation.live.talk import Delegate, ask
from simulation.live.wire import Wires
from simulation.live.zygote import Spec, Zygote, gone

STILL_S = RESEND_MAX_S + 80.0  # nothing moves for longer than what is lost is ever sent again
CONVERGE_S = 3600.0  # whatever moves
FULL_AT = 150_000  # bytes of one file: the write-ahead log comes there soon
PASSPHRASE = "correct horse battery"
LOOK_S = 1.0  # between looks at all nodes: each look is work for them
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
        homes: folders. every_s: seconds between two rounds of a node with a peer. ports_of: from which ports are drawn.
        pids: of the nodes that run. delegates: who hands entries in. wires: the lines. phases: by the part of the
        story, seconds of wall clock and of the nodes' processors.
    """

    plan: Plan
    zygote: Zygote
    homes: dict[str, Path]
    every_s: int = 1
    ports_of: range = PORTS
    ports: dict[str, int] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    delegates: dict[str, Delegate] = field(default_factory=dict)
    snapshots: dict[str, Path] = field(default_factory=dict)
    backups: dict[str, Path] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    restored: int = 0
    set_back: dict[str, SetBack] = field(default_factory=dict)
    phases: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = free_ports(2 * len(self.homes), self.ports_of)
        self.ports = dict(zip(self.homes, ports[::2], strict=True))
        self.ops = dict(zip(self.homes, ports[1::2], strict=True))
        self.wires = Wires(self.ports)
        self.delegates = {m: Delegate(home, self.wires.url(m)) for m, home in self.homes.items()}
        self.since = (time.monotonic(), self.zygote.processor_s())
        self.busy = {member: asyncio.Lock() for member in self.homes}

    def start(self, member: str, crash: tuple[str, str, int] | None = None, file_bytes_max: int = 0) -> None:
        """Run a member's node."""
        peers = {other: self.wires.url(other) for other in self.homes if other != member}
        self.pids[member] = self.zygote.start(
            Spec(
                home=str(self.homes[member]), port=self.ports[member], url=self.wires.url(member), peers=peers,
                names=self.wires.names(member), seed=self.plan.seed, offset_s=self.plan.offsets[member], crash=crash,
                log=str(self.homes[member].parent / "log.txt"), ops_port=self.ops[member],
                file_bytes_max=file_bytes_max, sync_every_s=self.every_s,
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
            self.mark("ready")
            began = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as tasks:
                for trouble in self.plan.troubles:
                    tasks.create_task(self._at(began, trouble.at_s, self.suffer(trouble)))
                for number, (at, member) in enumerate(self.plan.entries):
                    tasks.create_task(self._at(began, at, self._say(member, number)))
            self.wires.heal()
            self.mark("trouble")
            await self._converge()
            self.mark("converge")
            await asyncio.gather(*(self.end(member, signal.SIGTERM) for member in self.homes))
            self.mark("stop")
        finally:
            for member in self.pids:
                self.zygote.signal(self.pids[member])
            await self.wires.close()

    def mark(self, phase: str) -> None:
        """A part of the seed has ended."""
        now, cpu = time.monotonic(), self.zygote.processor_s()
        self.phases[phase] = (round(now - self.since[0], 1), round(cpu - self.since[1], 1))
        self.since = (now, cpu)

    async def _ready(self) -> None:
        """Wait until all are up: what happens while they start is happening to few of them.

        A node whose clock is off beyond what is tolerated never says that it is ready.
        """
        for member in self.homes:
            for _ in range(300):
                _, body = await asyncio.to_thread(ask, f"http://127.0.0.1:{self.ops[member]}", "/ready")
                if body and set(json.loads(body)["failing"]) <= {"clock"}:
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
            await asyncio.sleep(LOOK_S)

    def _look(self) -> tuple[str, bool, object]:
        """(what keeps the bloc from being at rest, whether a node waits or is busy, how far everybody is)."""
        why = self._why_not()
        if not why:
            return "", False, ()
        looks, moving = [], False
        for member in self.homes:
            status, body = ask(f"http://127.0.0.1:{self.ops[member]}", "/status")
            found = json.loads(body) if status == 200 else {"peers": [], "logs": {}, "final": {}, "recovery": ""}
            blamed = [(p["member"], p["note"]) for p in found["peers"] if p["blamed"]]
            _require(not blamed, f"{member} blames an honest peer: {blamed}")
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
