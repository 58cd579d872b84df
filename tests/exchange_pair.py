"""Two nodes' engines on one clock, and the network between them: loses, doubles, delays and reorders; both may crash.

    python tests/exchange_pair.py 1000      # so many seeds; CI plays a few

Not a test: `test_exchange_pair` and others use it. Tokens are real, sockets are none. A crash before a
persist is an exception out of the store's transaction, one after it a reopened store; either way memory is lost.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from concordat.errors import TrustError
from concordat.exchange.dataspace.behaviours import Move, Next, Rule
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.token import Request, make_token
from concordat.exchange.events import check_said
from concordat.ledger.keys import Ed25519Secret, entry_keyid
from concordat.node.exchange_book import check_body
from concordat.node.exchange_calls import Answer, Call
from concordat.node.exchange_engine import Engine
from concordat.node.exchange_machines import pids
from concordat.node.exchange_moves import Mover
from concordat.node.exchange_parts import File, Offered, Side
from concordat.node.exchange_store import ExchangeStore, Outgoing

BASES = {"BRA": "https://bra.example", "ZAF": "https://zaf.example", "IND": "https://ind.example"}
SECRETS = {member: Ed25519Secret(bytes([i]) * 32) for i, member in enumerate(sorted(BASES), 1)}
POLICY = from_offer(
    {
        "permit": "use",
        "when": {"member": ["ZAF", "IND"], "purpose": ["statistics", "research"], "count": "2"},
        "must": [{"do": "attribute"}],
        "never": [{"onward": "public"}],
    }
)
DATASET = "urn:uuid:11111111-1111-4111-8111-111111111111"
OFFER = "urn:uuid:22222222-2222-4222-8222-222222222222"
BODY = b"year,value\n2025,1\n"


def key_of(member: str, label: str, keyid: str) -> bytes:
    """The key of a member's node."""
    secret = SECRETS.get(member)
    if secret is None or label != "node" or entry_keyid(secret.public) != keyid:
        raise TrustError(f"no such key of {member}.", code="unknown_key")
    return secret.public


class Shelf:
    """What BRA offers."""

    def __init__(self, *offered: Offered) -> None:
        self.offered = {one.uuid: one for one in offered}

    def all(self) -> list[Offered]:
        """Everything."""
        return list(self.offered.values())

    def get(self, uuid: str, version: int = 0) -> Offered | None:
        """One."""
        found = self.offered.get(uuid)
        return found if found and version in (0, found.version) else None

    def refresh(self) -> None:
        """What is offered doesn't change."""


class Diary:
    """A log without a ledger: what was said, once each."""

    def __init__(self, member: str) -> None:
        self.member, self.entries = member, []  # type: ignore[var-annotated]

    def said(self, kind: str, body: Mapping[str, Any]) -> str:
        """Say it once."""
        entry = json.dumps([self.member, kind, dict(body)], sort_keys=True)
        if entry not in self.entries:
            self.entries.append(entry)
        return entry

    def has(self, kind: str, agreement: str, digest: str) -> bool:
        """It was said."""
        said = [json.loads(entry)[1:] for entry in self.entries]
        return any((kind, agreement, digest) == (k, b.get("agreement"), b.get("hash")) for k, b in said)

    def check(self, envelope: str, member: str, kind: str, body: Mapping[str, Any]) -> None:
        """It says so."""
        author, found, said = json.loads(envelope)
        if (author, found) != (member, kind):
            raise TrustError("another entry.", code="entry")
        check_said(kind, said, author)
        check_body(kind, said, body)

    def kinds(self) -> list[str]:
        """The types of what was said."""
        return [json.loads(entry)[1] for entry in self.entries]


def offered(rule: Rule = Rule.AUTOMATIC, policy: Mapping[str, Any] = POLICY) -> Offered:
    """The one dataset."""
    import hashlib

    offer = {"@id": OFFER, **policy}
    shown = {
        "@id": DATASET, "@type": "Dataset", "hasPolicy": [offer],
        "distribution": [{"@type": "Distribution", "format": "Concordat-HTTP-PULL", "accessService": "urn:uuid:s"}],
    }  # fmt: skip
    file = File(hashlib.sha256(BODY).hexdigest(), len(BODY), "text/csv", "a.csv")
    return Offered(DATASET, "a", 1, offer, rule, (file,), "0" * 64, shown)


def narrowed(**when: Any) -> dict[str, Any]:
    """The offer as ZAF asks for it."""
    terms = from_offer(
        {
            "permit": "use",
            "when": {
                "member": ["ZAF", "IND"],
                "purpose": ["research"],
                "onward": "none",
                "count": "2",
            }
            | when,
            "must": [{"do": "attribute"}],
            "never": [{"onward": "public"}],
        }
    )
    return {"@id": OFFER, "target": DATASET, **terms}


class Crash(BaseException):
    """The process ends here."""


class FragileStore(ExchangeStore):
    """A store whose process may end just before, or just after, what it writes is on the disk."""

    crash: Callable[[], bool] = staticmethod(lambda: False)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """As the store's, with the two moments."""
        outer = self._depth == 0
        with super().commit():
            yield
            if outer and self.crash():
                raise Crash
        if outer and self.crash():
            raise Crash


class Station:
    """One node without its sockets."""

    def __init__(self, member: str, folder: Path, shelf: Shelf, **side: Any) -> None:
        self.member, self.path, self.shelf = member, folder / f"{member}.sqlite", shelf
        self.diary, self.said_side = Diary(member), side
        self.refusals: list[Mapping[str, Any]] = []
        self.fragile: Callable[[], bool] = lambda: False
        self.crashes = 0
        self.open()

    def open(self) -> None:
        """Start, or start again after a crash: only the disk and the log are remembered."""
        places = {m: base for m, base in BASES.items() if m != self.member}
        side = Side(self.member, "BRICS", BASES[self.member], places, key_of, **self.said_side)
        self.store = FragileStore(self.path)
        self.store.crash = self.fragile  # type: ignore[method-assign]
        self.engine = Engine(side, self.store, self.shelf, self.diary, lambda _, facts: self.refusals.append(facts))
        self.mover = Mover(self.engine)
        self.engine.wake()

    def crash(self) -> None:
        """Lose what is in memory."""
        self.crashes += 1
        self.store.close()
        self.open()

    def live(self, work: Callable[[], Any]) -> Any:
        """Some work of this station; None if it ended in the middle, after which it starts again."""
        try:
            return work()
        except Crash:
            self.crash()
            return None

    def turn(self, now: datetime) -> None:
        """Plan wherever it may be our turn."""
        for pid in self.engine.drain():
            self.live(lambda pid=pid: self.mover.plan(pid, now))  # type: ignore[misc]

    def call(self, method: str, url: str, body: bytes, now: datetime) -> Call:
        """A signed request of this node."""
        base = next(base for base in BASES.values() if url.startswith(base))
        request = Request(method, url, base, body)
        token = make_token(SECRETS[self.member], request, member=self.member, label="node", bloc="BRICS", membership=1,
                           now=int(now.timestamp()), jti=secrets.token_bytes(16))  # fmt: skip
        path, _, query = url.removeprefix(base).partition("?")
        parameters = dict(part.split("=") for part in query.split("&") if part)
        return Call(method, path, url, body, f"Bearer {token}", parameters)


class World:
    """Stations, a clock, and a network with a seed.

    Args:
        faults: how often a message is lost, doubled or late, and how often a station crashes; 0 for a quiet network.
    """

    def __init__(self, stations: list[Station], seed: int = 0, faults: float = 0.0) -> None:
        self.stations = {station.member: station for station in stations}
        self.now = datetime(2026, 11, 27, 12, tzinfo=UTC)
        self.draw, self.faults = random.Random(seed), faults
        self.late: list[tuple[datetime, Station, Outgoing]] = []
        for station in stations:
            station.fragile = lambda: self.draw.random() < self.faults / 10
            station.store.crash = station.fragile  # type: ignore[method-assign]

    def at(self, url: str) -> Station:
        """Who lives at an address."""
        return next(s for m, s in self.stations.items() if url.startswith(BASES[m] + "/"))

    def ask(self, asker: str, method: str, url: str, body: bytes = b"") -> Answer:
        """One request over a network without faults; 503 where the receiver ends in the middle."""
        receiver, call = self.at(url), self.stations[asker].call(method, url, body, self.now)
        found: Answer | None = receiver.live(lambda: receiver.engine.handle(call, self.now))
        return found or Answer(503)

    def _often(self) -> bool:
        return self.draw.random() < self.faults

    def deliver(self, sender: Station, outgoing: Outgoing) -> None:
        """A message to its receiver and the answer back, or not."""
        if self._often():  # lost on the way
            self._came(sender, outgoing, None)
        elif self._often():  # it seems lost, and comes later
            self.late.append((self.now + timedelta(seconds=self.draw.randrange(1, 90)), sender, outgoing))
            self._came(sender, outgoing, None)
        else:
            answer = self.ask(sender.member, "POST", outgoing.url, outgoing.body)
            if self._often():  # doubled
                self.ask(sender.member, "POST", outgoing.url, outgoing.body)
            self._came(sender, outgoing, None if self._often() else answer)  # the answer may be lost as well

    def _came(self, sender: Station, outgoing: Outgoing, answer: Answer | None) -> None:
        status, body = (answer.status, answer.body) if answer else (None, b"")
        if not sender.live(lambda: sender.mover.delivered(outgoing, status, body, self.now)):
            return
        told = self.ask(sender.member, "GET", outgoing.url.rpartition("/")[0].removesuffix("/agreement"))
        sender.live(lambda: sender.mover.told(outgoing.pid, told.status, told.body, self.now))

    def _settle_doubts(self, station: Station) -> None:
        """Ask the other side where negotiations stand whose end is unsure; without an answer again later."""
        while station.engine.doubts:
            process = station.store.process(station.engine.doubts.popleft())
            if process is not None and process.facts.get("unsure"):
                if not self._often():
                    url = f"{process.callback}/negotiations/{pids(process)[0]}"
                    told = self.ask(station.member, "GET", url)
                    station.live(
                        lambda p=process, a=told: station.mover.told(p.pid, a.status, a.body, self.now)  # type: ignore[misc]
                    )
                station.engine.woken.append(process.pid)

    def step(self) -> bool:
        """One second; whether anything waits still."""
        for due, sender, outgoing in list(self.late):
            if due <= self.now:
                self.late.remove((due, sender, outgoing))
                self.ask(sender.member, "POST", outgoing.url, outgoing.body)
        stations = list(self.stations.values())
        self.draw.shuffle(stations)
        for station in stations:
            station.turn(self.now)
            self._settle_doubts(station)
            waiting = station.store.due(self.now.timestamp())
            self.draw.shuffle(waiting)
            for outgoing in waiting:
                self.deliver(station, outgoing)
        self.now += timedelta(seconds=1)
        busy = any(s.store.next_due() is not None or s.engine.woken for s in self.stations.values())
        return busy or bool(self.late)

    def settle(self, most: int = 600) -> None:
        """Until nothing waits."""
        for _ in range(most):
            if not self.step():
                return
        raise AssertionError("the two never came to rest")


def session(folder: Path, seed: int, faults: float = 0.3) -> list[tuple[str, str]]:
    """One negotiation under faults until nothing waits: state and flag at each side.

    With every third seed a person of one side has enough in the middle. What must hold whatever happened is asserted.
    """
    stations = [Station("BRA", folder, Shelf(offered())), Station("ZAF", folder, Shelf())]
    world = World(stations, seed, faults)
    facts = {"dataset_id": "a", "version": 1}
    pid = None
    while pid is None:
        pid = stations[1].live(lambda: stations[1].mover.ask("BRA", narrowed(), world.now, facts=facts))
    for _ in range(seed % 9):
        world.step()
    if seed % 3 == 0:
        station, enough = stations[seed % 2], Next(Move.TERMINATE, "enough")
        for process in station.store.processes("negotiation", open_only=True):
            station.live(lambda one=process: station.mover.move(one.pid, enough, world.now))  # type: ignore[misc]
    world.settle()
    found = [(p.state, p.flag) for s in stations for p in s.store.processes("negotiation")]
    ends = {state for state, _ in found}
    assert ends <= {"FINALIZED", "TERMINATED"}, (seed, found)
    assert len(ends) == 1 or any(flag for _, flag in found), (seed, found)
    for station in stations:
        assert not any(p.facts.get("unsure") for p in station.store.processes("negotiation")), seed
        said = [(kind, body["agreement"]) for _, kind, body in map(json.loads, station.diary.entries)]
        assert len(said) == len(set(said)), (seed, said)  # a crash never says anything twice of one agreement
        _check_said(station, seed)
        for process in station.store.processes("negotiation"):  # two, where a crash hid from its person that one began
            if process.state == "FINALIZED":
                kept = station.store.agreement(process.body["agreement"]["@id"])
                assert kept is not None, seed
                assert kept.final, seed
        station.store.close()
    return found


def _check_said(station: Station, seed: int) -> None:
    """What ended after it was signed is said to have ended, unless that is not known; what is in force is not."""
    signed = "AgreementReached" if station.member == "BRA" else "AgreementConfirmed"
    said = [(kind, body["agreement"]) for _, kind, body in map(json.loads, station.diary.entries)]
    for process in station.store.processes("negotiation"):
        name = (process.body.get("agreement") or {}).get("@id")
        if name is None or (signed, name) not in said:
            continue
        over = process.state == "TERMINATED" and not process.facts.get("unsure")
        assert (("AgreementEnded", name) in said) == over, (seed, station.member, process.state, said)


def main() -> None:
    """Many seeds; what they came to."""
    found: Counter[tuple[str, ...]] = Counter()
    for seed in range(int(sys.argv[1])):
        with tempfile.TemporaryDirectory() as folder:
            found[tuple(sorted(state for state, _ in session(Path(folder), seed)))] += 1
    for states, count in found.most_common():
        print(f"{count:6,}  {' and '.join(states)}")


if __name__ == "__main__":
    main()
