"""One host, its members, a bad network and liars in one process with a virtual clock: a run from a seed.

Members write instructions (`scribe`), send them over a network that loses, repeats, delays and reorders, and send
again until they have an answer or the time is up. The host makes blocks and goes down as the plan says. A second host
follows by the blocks alone, and is offered false ones. The observer looks after every event. When the plan's troubles
end, what is left must come to rest: every honest instruction is answered or out of time, nothing waits without a
reason, a proposer's certificate settles.
"""

from __future__ import annotations

import heapq
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from concordat.clearing.core.apply import Block
from concordat.clearing.core.signatures import Signed
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.machine import Machine, read_record, record_of
from concordat.clearing.simulate.observer import Observer, broken
from concordat.clearing.simulate.operations import BANKS, DAY, HOUR, ISSUERS, Draw, world
from concordat.clearing.simulate.plan import Crash, Plan
from concordat.clearing.simulate.scribe import MUST_FAIL, Scribe, verifier
from concordat.errors import ConcordatError, InputError, StateError

EVENTS_MAX = 60_000  # a run takes about a thousand: more is a storm
REST_BLOCKS = 400  # after the healing everything honest must be at rest within so many blocks


@dataclass
class Letter:
    """An instruction of an honest member, until it is answered."""

    signed: Signed
    answered: str = ""
    tries: int = 0
    timed: bool = False


class Cluster:
    """One run.

    Attributes:
        now: true time, ms. events: how many happened. letters: digest -> what honest members wrote.
        held: receipts that members hold. said: how many instructions were written. counts: events by kind.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.draw = Draw(f"clearing cluster {plan.seed}")
        place = world(plan.mode, plan.rated)
        self.verify = verifier(plan.real)
        self.observer = Observer(place.scheme, State.genesis(place.scheme))
        self.machine = Machine(place.scheme, self.verify, self.observer.see, plan.snapshot_every)
        self.follower = MemoryHost(place.scheme, self.verify) if plan.follower else None
        self.scribe = Scribe(Draw(f"clearing scribe {plan.seed}"), place, plan.real, self.look)  # type: ignore[arg-type]
        self.now, self.events, self.said, self.made, self.clock_ms = plan.begins, 0, 0, 0, 0
        self.healed = self.rest = self.night_ends = 0
        self.crashes = {crash.block: crash for crash in plan.crashes}
        self.letters: dict[bytes, Letter] = {}
        self.held: list[dict[str, Any]] = []
        self.counts: dict[str, int] = {}
        self.waiting: list[tuple[int, int, str, Any]] = []
        self._number = 0
        if plan.funded:
            self._fund()
        self.at(0, "say", None)
        self.at(plan.pace_ms, "block", None)

    def _fund(self) -> None:
        """Money for everybody, before the troubles begin: a poor ledger refuses most things."""
        self.scribe.now = self.now
        steps: list[list[Signed]] = [[], []]
        for code, issuer in ISSUERS.items():
            facts = {"currency": code, "amount_minor": str(10**8)}
            steps[0].append(self.scribe.signed("issue", issuer, facts))
            for bic8 in (bic8 for bic8, (_, held) in BANKS.items() if code in held):
                pays = {"payer": f"{issuer}/{code}", "payee": f"{bic8}/{code}", "amount_minor": str(self._share())}
                steps[1].append(self.scribe.signed("transfer", issuer, {**pays, "purpose": "GDDS"}))
        for step in steps:
            for one in step:
                with suppress(ConcordatError):  # one that the maker dates in advance, or a pool that is full
                    self.machine.host.submit(one)
            self.now += 1_000
            self.machine.make_block(self.now)

    def _share(self) -> int:
        return 1 + self.draw.below(self.draw.pick((10_000, 100_000, 3_000_000)))

    # --- The clock ----------------------------------------------------------------------------------------------------

    def at(self, after: int, what: str, about: Any) -> None:
        """Something will happen so many ms from now."""
        self._number += 1
        heapq.heappush(self.waiting, (self.now + max(0, after), self._number, what, about))

    def look(self) -> State | None:
        """The state of the host, for whoever proposes."""
        return self.machine.host.state if self.machine.up else None

    def run(self) -> Cluster:
        """Until everything is at rest."""
        while self.waiting and not self._at_rest():
            self.now, _, what, about = heapq.heappop(self.waiting)
            if what != "send":
                self.count(what)
            if self.events > EVENTS_MAX:
                raise broken("rest", f"{self.events:,} events and no end: a storm.")
            getattr(self, f"do_{what}")(about)
            if self.machine.up:
                self.observer.between(self.machine.host.state)
        self._finish()
        return self

    def count(self, what: str) -> None:
        """One more event."""
        self.events += 1
        self.counts[what] = self.counts.get(what, 0) + 1

    # --- Members ------------------------------------------------------------------------------------------------------

    def do_say(self, _: None) -> None:
        """A member writes something, or a liar does."""
        plan = self.plan
        if self.said >= plan.instructions:
            self._heal()
            return
        if self.now < self.night_ends:
            self.at(self.night_ends - self.now, "say", None)
            return
        self.said += 1
        self.scribe.height = len(self.observer.blocks)
        liar = self.draw.pick(sorted(plan.liars)) if plan.liars and self.draw.chance(25) else ""
        if liar:
            self._lie(liar, self.draw.pick(plan.liars[liar]))
        else:
            member = self.draw.pick(sorted(plan.skew_ms))  # whose clock it was: who writes is drawn inside
            self.scribe.now = max(0, self.now + plan.skew_ms[member])
            self._write(self.scribe.one())
        self.at(self.draw.below(max(2, plan.pace_ms // 3)), "say", None)

    def _heal(self) -> None:
        """The troubles are over: clocks are right, and everybody asks again for what has no answer."""
        self.healed, self.clock_ms = self.now, 0
        down = not self.machine.up
        self.waiting = [one for one in self.waiting if one[2] not in ("block", "send", "start")]
        heapq.heapify(self.waiting)
        if down:
            self.at(self.plan.pace_ms, "start", None)
        self.at(self.plan.pace_ms, "block", None)
        for digest, letter in self.letters.items():
            letter.tries = 0
            self.at(self.draw.below(self.plan.pace_ms), "send", digest)

    def _write(self, signed: Signed) -> None:
        letter = self.letters.setdefault(signed.digest, Letter(signed))
        letter.answered = ""
        if letter.timed:
            self.post("arrive", (signed.data, signed.digest))
        else:
            self.do_send(signed.digest)

    def _lie(self, liar: str, kind: str) -> None:
        self.scribe.now = self.now
        if kind == "blocks":
            return self._false_block()
        if kind == "certificate":
            state = self.look()
            one = self.scribe.certificate(state, wrong=True) if state else None
            if one is not None:
                self.count("lie certificate")
                self.observer.false.add(one.digest)
                self.post("arrive", (one.data, b""))  # most come too late: stale as well as false
            return None
        self.count(f"lie {kind}")
        data, _ = self.scribe.lie(kind, liar)
        if kind in MUST_FAIL:
            self.observer.forbidden.add(data)
        self.post("arrive", (data, b""))
        return None

    def do_send(self, digest: bytes) -> None:
        """Send a letter, and look again later."""
        letter = self.letters[digest]
        letter.timed = not letter.answered
        if letter.answered:
            return
        self.post("arrive", (letter.signed.data, digest))
        pause = 2 * self.plan.delay_ms + self.plan.pace_ms
        self.at(min(pause << min(letter.tries, 2 if self.healed else 20), DAY), "send", digest)
        letter.tries += 1

    def do_hear(self, about: tuple[bytes, dict[str, Any] | None, str]) -> None:
        """A member gets an answer: a receipt, or the code with which the door refused."""
        digest, facts, refusal = about
        letter = self.letters.get(digest)
        if letter is None:
            return
        if facts is not None:
            self.observer.remembered(facts)
            self.held.append(facts)
        if refusal != "full":
            letter.answered = facts["code"] if facts is not None else refusal

    # --- The network --------------------------------------------------------------------------------------------------

    def post(self, what: str, about: Any) -> None:
        """A message on its way: lost, late, twice, or after one that was sent later."""
        plan = self.plan
        if not self.healed and self.draw.chance(plan.lost):
            return self.count("lost")
        self.at(self._way(), what, about)
        if not self.healed and self.draw.chance(plan.repeated):
            self.at(self._way() * 3, what, about)
        return None

    def _way(self) -> int:
        return (1 + self.draw.below(self.plan.delay_ms)) * (10 if self.draw.chance(2) and not self.healed else 1)

    # --- The host -----------------------------------------------------------------------------------------------------

    def do_arrive(self, about: tuple[bytes, bytes]) -> None:
        """Bytes at the host's door."""
        data, digest = about
        if not self.machine.up:
            return self.count("not there")
        try:
            signed = Signed.read(data, self.machine.scheme.name)
            answer = self.machine.host.submit(signed)
        except ConcordatError as error:
            if digest:
                until = self.letters[digest].signed.instruction.valid_until
                self.observer.refused(digest, error.code, until, self.machine.host.state.time_ms)
            return self._reply(digest, None, error.code or type(error).__name__)
        if data in self.observer.forbidden:
            raise broken("door", "something was taken that no host may take.", data[:60].decode(errors="replace"))
        if answer is not None:
            self.observer.repeated(signed, answer.facts)
            self._reply(digest, dict(answer.facts), "")
        return None

    def _reply(self, digest: bytes, facts: dict[str, Any] | None, refusal: str) -> None:
        if digest:
            self.post("hear", (digest, facts, refusal))

    def do_block(self, _: None) -> None:
        """The host makes a block, if it is up and gets that far."""
        machine, pace = self.machine, self.plan.pace_ms
        after = 1 + self.draw.below(2 * pace)
        if self.draw.chance(3) and not self.healed:
            after += 8 * HOUR + self.draw.below(DAY)
            self.night_ends = self.now + after - pace
        self.at(after, "block", None)
        if not machine.up:
            return
        self.rest += bool(self.healed)
        if self.draw.chance(50):
            self._propose()
        self.made += 1
        crash = self.crashes.pop(self.made, None)
        self._make(crash)

    def _propose(self) -> None:
        """The proposer's own certificate, made for the block that comes now; a liar or a faulty solver changes it."""
        self.scribe.now = self.now
        liars = any("certificate" in lies for lies in self.plan.liars.values())
        wrong = not self.healed and self.draw.chance(60 if liars else 30)
        one = self.scribe.certificate(self.machine.host.state, wrong=wrong)
        if one is not None:
            if wrong:
                self.observer.false.add(one.digest)
                self.count("lie certificate")
            self.do_arrive((one.data, b""))

    def _make(self, crash: Crash | None) -> None:
        host_time = self.now + self.clock_ms
        try:
            point = crash.point if crash else ""
            block = self.machine.make_block(host_time, point, self.draw.below(10**6))
        except InputError as error:
            if error.code != "time" or host_time > self.machine.host.state.time_ms:
                raise
            return self.count("clock behind")  # it stood still until its clock had come so far
        if crash:
            self.clock_ms = 0 if self.healed else crash.clock_ms
            self.count(f"crash {crash.point}")
            self.at(self.plan.pace_ms if self.healed else crash.away_ms, "start", None)
        elif block is not None:
            self._tell(block)
        return None

    def do_start(self, _: None) -> None:
        """The host comes back."""
        self.machine.start()
        self.observer.started(self.machine.host.state)

    def _tell(self, block: Block) -> None:
        """Receipts to whoever wrote, the block to whoever follows."""
        answers: dict[tuple[str, str, str], dict[str, Any]] = {}
        for leaf in self.machine.host.leaves[-1]:
            one = json.loads(leaf)
            answers.setdefault((one["uetr"], one["member"], one["kind"]), one)
        for signed in block.instructions:
            said = signed.instruction
            record = self.machine.host.state.find_id(said.uetr, said.member, said.kind)
            facts = answers.get((said.uetr, said.member, said.kind))
            if record is not None and record.digest == signed.digest:
                facts = json.loads(record.leaves[0])
            if facts is not None:
                self._reply(signed.digest, facts, "")
        if self.follower is not None:
            self.post("follow", record_of(block))

    # --- The second host ----------------------------------------------------------------------------------------------

    def do_follow(self, record: bytes) -> None:
        """A block reaches the host that follows; what it has missed it asks for."""
        follower = self.follower
        assert follower is not None
        block = read_record(record, self.machine.scheme.name)
        assert block is not None
        for height in range(follower.state.height + 1, block.header.height + 1):
            missed = self.observer.blocks[height - 1]
            follower.verify(missed)
            follower.finalise(missed)
            if follower.commit() != missed.header.state_root:
                raise broken("same", "the second host has another root.", f"block {height}")

    def _false_block(self) -> None:
        """Offer the follower a next block that is not what the rules give: it must refuse and stay as it is."""
        follower, blocks = self.follower, self.observer.blocks
        if follower is None or follower.state.height >= len(blocks):
            return
        self.count("lie blocks")
        block = blocks[follower.state.height]
        root, head = follower.state_root(), follower.state.head
        names = ("state_root", "receipts_root", "instructions_root", "previous", "scheme", "height", "drop")
        name = self.draw.pick(names if block.instructions else names[:-1])
        if name == "drop":
            false = Block(block.header, block.instructions[1:])
        else:
            change: dict[str, Any] = {name: block.header.height + 1 if name == "height" else "fe" * 32}
            false = Block(replace(block.header, **change), block.instructions)
        for take in (follower.verify, follower.finalise):
            try:
                take(false)
            except ConcordatError:
                continue
            raise broken("same", f"the second host took a block with another {name}.")
        if (follower.state_root(), follower.state.head) != (root, head):
            raise broken("between", "refusing a block changed the state.")

    # --- Rest ---------------------------------------------------------------------------------------------------------

    def _at_rest(self) -> bool:
        """Whether the troubles are over and every honest letter is answered."""
        if not self.healed:
            return False
        if self.rest > REST_BLOCKS:
            left = sum(1 for letter in self.letters.values() if not letter.answered)
            raise broken("rest", f"{left} letters have no answer {REST_BLOCKS} blocks after the troubles ended.")
        return self.rest > 2 and self.machine.up and all(letter.answered for letter in self.letters.values())

    def _finish(self) -> None:
        host, observer = self.machine.host, self.observer
        if not self.machine.up:
            raise broken("rest", "the host is down when everything is over.")
        self._clear()
        for facts in self.held:
            observer.remembered(facts)
        observer.at_the_end(host.leaves, host.first_height, self.verify)
        if self.follower is not None and observer.blocks:
            self.do_follow(record_of(observer.blocks[-1]))

    def _clear(self) -> None:
        """What a certificate can settle on a quiet ledger does settle."""
        for _ in range(3):
            self.now = max(self.now, self.machine.host.state.time_ms) + 1_000
            self.scribe.now = self.now
            one = self.scribe.certificate(self.machine.host.state, wrong=False)
            if one is None:
                return
            if one.instruction.valid_from > self.now or one.instruction.valid_until < self.now:
                continue
            try:
                self.machine.host.submit(one)
            except StateError:
                return
            block = self.machine.make_block(self.now)
            alone = block is not None and [signed.digest for signed in block.instructions] == [one.digest]
            told = json.loads(self.observer.log[-1][0])
            # Beside others it may be stale before its turn; caps of a day and quotas are no part of a solver's problem.
            if alone and told["code"] == "certificate_refused" and told["check"] != "sum":
                raise broken("clear", "a good certificate was refused on a quiet ledger.", one.instruction.uetr)
