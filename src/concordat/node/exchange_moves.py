"""What this side of an exchange does next, and what became of what it sent.

`plan` looks at one process and, if it is our turn, puts one message on the disk as an intention, with the log entry
that it stands on; `delivered` takes in the peer's answer. A transition counts when the peer acknowledged it: on 2xx the
new state is kept, on 4xx the old one, on no answer or 5xx the identical bytes go again after 1, 2, 4 ... 60 seconds, 8
times, and then the process is `TERMINATED` with code `unreachable`. What may have arrived all the same is flagged,
since the other side may then stand in another state. Source: exchange.md 5.3, 5.4.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.behaviours import Move, Next, consumer_reading, provider_answer
from concordat.exchange.dataspace.deciding import Decision, Verdict, context_of
from concordat.exchange.dataspace.messages import CALLBACK, ENTRY_KEY, Kind, Role, kind_of
from concordat.exchange.dataspace.schemas import parse
from concordat.exchange.dataspace.terms import until_of
from concordat.node.exchange_engine import REPEAT, Engine
from concordat.node.exchange_entries import UNREACHABLE, UNSURE, Clerk
from concordat.node.exchange_machines import (
    OVER,
    Machine,
    is_done,
    is_ending,
    is_owed,
    is_start_again,
    is_theirs,
    keep,
    machine_of,
    own_facts,
    parse_own,
    peer_named,
    pids,
    pushes,
    step,
    utc,
)
from concordat.node.exchange_parts import Offered, pin_of
from concordat.node.exchange_store import Outgoing, Process
from concordat.node.exchange_wording import named, negotiation_message, reason_of, transfer_message

RETRIES = 8  # after the first time: 1, 2, 4 ... 60, 60 seconds
REVIVALS = 3
WAIT_MAX_S = 60
TOKEN_S = 24 * 3600
SAME_AGAIN = (408, 425, 429)
CHANGED = "what was asked for is not on offer any more."


class Mover:
    """Our own moves.

    Args:
        engine: the state of our side.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.store, self.side = engine, engine.store, engine.side
        self.clerk = Clerk(engine.store, engine.offers, engine.book, signs=engine.side.auth)

    # --- Beginning ----------------------------------------------------------------------------------------------------

    def ask(
        self, provider: str, offer: Mapping[str, Any], now: datetime, *, place: str = "", facts: Mapping[str, Any] = {}
    ) -> str:
        """Begin a negotiation as the consumer; our name for it.

        Args:
            offer: with `@id` and `target`, as we ask for it. place: the base of the provider's routes, if it is
                not its node's.
        """
        pid = f"urn:uuid:{uuid.uuid4()}"
        base = place or self.side.places[provider] + messages.PATH
        kept = {"dataset": offer["target"], "moves": 0, "asked": [dict(offer)], **facts}
        process = Process(pid, "negotiation", Role.CONSUMER, provider, "", {}, base.rstrip("/"), kept)
        message = messages.contract_request(pid, offer, callback=self.side.base + CALLBACK)
        self._begin(process, message, "/negotiations/request", now)
        return pid

    def request_transfer(
        self, provider: str, agreement: str, format_: str, now: datetime, *, place: str = "",
        facts: Mapping[str, Any] = {},
    ) -> str:  # fmt: skip
        """Ask for data under an agreement; our name for the transfer."""
        pid = f"urn:uuid:{uuid.uuid4()}"
        base = place or self.side.places[provider] + messages.PATH
        kept = {"agreement": agreement, "moves": 0, **facts}
        process = Process(pid, "transfer", Role.CONSUMER, provider, "", {}, base.rstrip("/"), kept)
        message = messages.transfer_request(pid, agreement, format_, self.side.base + CALLBACK)
        self._begin(process, message, "/transfers/request", now)
        return pid

    def _begin(self, process: Process, message: dict[str, Any], tail: str, now: datetime) -> None:
        body = messages.encode(named(message))
        with self.store.commit():
            self.store.put(process, int(now.timestamp()))
            self.store.intend(process.pid, process.callback + tail, body, now.timestamp())

    # --- Our turn -----------------------------------------------------------------------------------------------------

    def plan(self, pid: str, now: datetime) -> bool:
        """Intend our next message in a process, if it is our turn; whether there is one to send.

        What the message stands on (an entry of our log) is written before, outside of the transaction: a crash between
        them leaves an entry, which is found again.
        """
        with self.engine.turn(pid), self.store.look():
            return self._plan(pid, now)

    def _plan(self, pid: str, now: datetime) -> bool:
        process = self.store.process(pid)
        if process is None:
            return False
        if self.store.intended(pid) is not None:
            return True
        machine = machine_of(process)
        if machine is None:
            return False
        if process.state in OVER:
            if process.facts.get(UNSURE):
                self.engine.doubts.append(pid)
            self.clerk.record_end(process, machine)
            return False
        if process.facts.get(REPEAT) and isinstance(machine, transfer.Transfer):
            return self._start_again(process, machine, now)
        self._look_at_offers(process)
        next_ = self._next(process, machine, now)
        if next_.move is Move.WAIT:
            self._flag(process, next_.why, now)
            return False
        return self._move(process, next_, now)

    def move(self, pid: str, next_: Next, now: datetime) -> bool:
        """Intend one move of ours; False if the process has gone on meanwhile.

        Raises:
            RuleError: the protocol doesn't allow it in this state.
        """
        with (
            self.engine.turn(pid),
            self.store.look(),
        ):  # no message of the peer comes between the check and the signature
            process = self.store.process(pid)
            if process is None or self.store.intended(pid) is not None:
                return False
            return self._move(process, next_, now)

    def _move(self, process: Process, next_: Next, now: datetime) -> bool:
        pid, machine = process.pid, machine_of(process)
        if machine is None:
            return False
        known = dict(process.facts)
        if isinstance(machine, negotiation.Negotiation) and process.role == Role.PROVIDER:
            self._look_at_offers(process)
            self._check_promise(process, machine, next_, now)
        token = secrets.token_urlsafe(32) if next_.move is Move.START and not pushes(machine) else ""
        message, tail = self._message(process, machine, next_, token, now)
        # Our own record moves when the peer has answered; that it may is tried now, before anything is signed: our log
        # never says what the state refuses.
        step(process.kind, machine, message, Role(process.role), own_facts(process, self.side.member))
        checked = named(message)
        entry = self.clerk.stands_on(next_.move, process, machine)
        body = messages.encode(checked | ({ENTRY_KEY: entry} if entry else {}))
        with self.store.commit():
            current = self.store.process(pid)
            if current is None or current.state != process.state or self.store.intended(pid) is not None:
                return False
            ours = {key: value for key, value in process.facts.items() if known.get(key) != value}
            process.facts = current.facts | ours | {"moves": int(current.facts.get("moves", 0)) + 1}
            process.flag = next_.why if next_.move is Move.TERMINATE else ""
            if token:
                self.store.put_token(token, pid, self._token_end(process, now))
            self.store.put(process, int(now.timestamp()))
            self.store.intend(pid, self._url(process, tail), body, now.timestamp())
        return True

    def _start_again(self, process: Process, machine: transfer.Transfer, now: datetime) -> bool:
        """Answer a request that came again with a Start, as the first time; the state stays, and no use is counted.

        The first token was kept as its hash alone, so that this Start carries a new one. The old one opens what it
        opened until the new one is acknowledged: a pull that runs goes on.
        """
        starts = machine.state is transfer.State.STARTED and process.role == Role.PROVIDER
        token = "" if pushes(machine) else secrets.token_urlsafe(32)
        message, tail = transfer_message(process, machine, Next(Move.START), token, self.side.base)
        body = messages.encode(named(message))
        with self.store.commit():
            current = self.store.process(process.pid)
            if current is None or self.store.intended(process.pid) is not None:
                return False
            current.facts.pop(REPEAT, None)
            self.store.put(current, int(now.timestamp()))
            if not starts or current.state != process.state:
                self.engine.soon(process.pid)
                return False
            if token:
                self.store.add_token(token, process.pid, self._token_end(process, now))
            self.store.intend(process.pid, self._url(process, tail), body, now.timestamp())
        return True

    def _url(self, process: Process, tail: str) -> str:
        consumer, provider = pids(process)
        family = "negotiations" if process.kind == "negotiation" else "transfers"
        theirs = provider if process.role == Role.CONSUMER else consumer
        return f"{process.callback}/{family}/{theirs}/{tail}"

    def _next(self, process: Process, machine: Machine, now: datetime) -> Next:
        script = self._script(process)
        if script is not None:
            return Next(script.next(int(process.facts.get("moves", 0)), process.state))
        if isinstance(machine, transfer.Transfer):
            begins = process.role == Role.PROVIDER and machine.state is transfer.State.REQUESTED
            return Next(Move.START if begins else Move.WAIT)
        if process.role == Role.CONSUMER:
            return self._consumer_turn(process, machine)
        match machine.state:
            case negotiation.State.REQUESTED:
                return self._provider_turn(process, machine, now)
            case negotiation.State.ACCEPTED:
                return self._accepted_turn(process, machine, now)
            case negotiation.State.VERIFIED:
                return Next(Move.FINALIZE)
        return Next(Move.WAIT)

    def _script(self, process: Process) -> Any:
        for key in (process.facts.get("dataset"), process.facts.get("agreement")):
            scripts = self.side.scripts.get(str(key), {})
            if process.kind in scripts:
                return scripts[process.kind]
        return None

    def _consumer_turn(self, process: Process, machine: negotiation.Negotiation) -> Next:
        if machine.state is negotiation.State.OFFERED and machine.offered_by is Role.PROVIDER:
            if "asked" not in process.facts:
                return Next(Move.WAIT, "an offer that was not asked for waits for a person.")
            return consumer_reading(process.facts["asked"], machine.offer)
        return Next(Move.VERIFY if machine.state is negotiation.State.AGREED else Move.WAIT)

    def _provider_turn(self, process: Process, machine: negotiation.Negotiation, now: datetime) -> Next:
        offered = self._offered(process)
        if offered is None:
            return Next(Move.TERMINATE, CHANGED)
        return provider_answer(
            offered.rule, machine.offer, offered.offer, self._decided(process, machine, now), on=utc(now).date(),
            countered=bool(process.facts.get("countered")),
        )  # fmt: skip

    def _accepted_turn(self, process: Process, machine: negotiation.Negotiation, now: datetime) -> Next:
        """Our own terms were accepted; the day, the bloc or the shelf may have changed since they were sent."""
        if self._offered(process) is None:
            return Next(Move.TERMINATE, CHANGED)
        decision = self._decided(process, machine, now)
        if decision.verdict is Verdict.PERMIT:
            return Next(Move.AGREE)
        return Next(Move.TERMINATE if decision.verdict is Verdict.DENY else Move.WAIT, decision.words)

    def _decided(self, process: Process, machine: negotiation.Negotiation, now: datetime) -> Decision:
        label = process.facts.get("label")
        return self.engine.judge(machine.offer, context_of(machine.offer, process.peer, now, 0, label))

    def _look_at_offers(self, process: Process) -> None:
        """What was withdrawn meanwhile is not agreed to. Within the turn, before a transaction: the log is asked."""
        if process.role == Role.PROVIDER and process.kind == "negotiation":
            self.engine.offers.refresh()

    def _offered(self, process: Process) -> Offered | None:
        """What the negotiation was opened about, if it is on offer still: the same version, terms and entry."""
        offered = self.engine.offers.get(str(process.facts.get("dataset", "")))
        return offered if offered is not None and pin_of(offered).items() <= process.facts.items() else None

    def _check_promise(self, process: Process, machine: negotiation.Negotiation, next_: Next, now: datetime) -> None:
        """An offer or agreement of ours is about what is on offer; no agreement on terms that deny the asker.

        What is undetermined a person may agree to; it opens no data before `decide` permits it.

        Raises:
            RuleError: it isn't.
        """
        if next_.move not in (Move.AGREE, Move.OFFER) or self._script(process) is not None:
            return
        hint = "End it (terminate); the other side may ask again."
        if self._offered(process) is None:
            raise RuleError(CHANGED, where=process.pid, hint=hint, code="offer_changed")
        decision = self._decided(process, machine, now)
        if next_.move is Move.AGREE and decision.verdict is Verdict.DENY:
            raise RuleError(decision.words, where=process.pid, hint=hint, code="denied")

    def _flag(self, process: Process, why: str, now: datetime) -> None:
        if why and process.flag != why:
            with self.store.commit():
                current = self.store.process(process.pid)
                if current is not None and current.state == process.state:
                    current.flag = why
                    self.store.put(current, int(now.timestamp()))

    def _message(
        self, process: Process, machine: Machine, next_: Next, token: str, now: datetime
    ) -> tuple[dict[str, Any], str]:
        if isinstance(machine, transfer.Transfer):
            return transfer_message(process, machine, next_, token, self.side.base)
        offered = self._offered(process) if next_.move is Move.OFFER else None
        return negotiation_message(process, machine, next_, now, offered.offer if offered else None)

    def _token_end(self, process: Process, now: datetime) -> int:
        agreement = self.store.agreement(str(process.facts.get("agreement", "")))
        ends = (now + timedelta(seconds=TOKEN_S), until_of(agreement.text) if agreement else None)
        return int(min(end for end in (*ends, self.side.ends.get(process.peer)) if end).timestamp())

    # --- What became of it --------------------------------------------------------------------------------------------

    def delivered(self, outgoing: Outgoing, status: int | None, body: bytes, now: datetime) -> bool:
        """Take in the answer to a message; whether the peer must be asked where it stands.

        Args:
            status: of HTTP, None for no answer.
        """
        with self.engine.turn(outgoing.pid), self.store.commit():
            process = self.store.process(outgoing.pid)
            pending = self.store.intended(outgoing.pid)
            if process is None or pending is None or pending.id != outgoing.id:
                return False  # a message of the peer has told already that it arrived
            message = parse_own(outgoing.body)
            if process.state in OVER:  # the other side ended it meanwhile: whatever it answers, its end is recorded
                self.store.answered(outgoing)
                self.engine.soon(process.pid)
                return False
            if status is None or status >= 500 or status in SAME_AGAIN:
                return self._again(process, outgoing, message, now)
            self.store.answered(outgoing)
            if is_start_again(process, message):
                self._answered_again(process, message, status)
                return False
            if status >= 300:
                return self._refused(process, message, status, body, now)
            self._acknowledged(process, message, body, now)
            if not is_done(process) and (self.side.scripts or not is_theirs(process)):
                self.engine.soon(process.pid)
            return False

    def _acknowledged(self, process: Process, message: Mapping[str, Any], body: bytes, now: datetime) -> None:
        machine = machine_of(process)
        first = machine is None
        try:
            machine = step(process.kind, machine, message, Role(process.role), own_facts(process, self.side.member))
            if first:
                machine = peer_named(process, machine, body)
        except (RuleError, InputError) as fault:
            if not first:
                return  # it has gone on meanwhile, by a message of the other side
            process.flag = f"the answer to our request can't be read: {fault}"
            self.store.put(process, int(now.timestamp()))
            return
        keep(process, machine)
        self.engine.arrived(process, now)

    def _answered_again(self, process: Process, message: Mapping[str, Any], status: int) -> None:
        """A Start that was sent again: its token takes the place of the older ones, or is forgotten where refused."""
        token = messages.token_of(message.get("dataAddress") or {}) or ""
        if status < 300:
            self.store.only_token(token, process.pid)
        else:
            self.store.forget_token(token)

    def _again(self, process: Process, outgoing: Outgoing, message: Mapping[str, Any], now: datetime) -> bool:
        """No answer: the same bytes later, or the end; whether the peer must be asked where it stands."""
        retries = outgoing.attempts + 1
        if retries <= RETRIES or is_owed(process, message):
            self.store.retry(outgoing, retries, now.timestamp() + min(WAIT_MAX_S, 2 ** min(retries - 1, 6)))
            return False
        self.store.answered(outgoing)
        if is_start_again(process, message):
            self._answered_again(process, message, 503)
            return False
        kind = kind_of(message)
        if not is_ending(message):
            process.flag = (
                f"unreachable; our {kind.value} may have arrived, so that {process.peer} may stand elsewhere."
            )
        if kind is Kind.FINALIZED:  # both have signed: whether it is final, only the other side knows
            process.facts[UNSURE] = True
        self.end_here(process, UNREACHABLE, now)
        return kind is Kind.FINALIZED

    def end_here(self, process: Process, code: str, now: datetime) -> None:
        """Terminate on this side alone."""
        machine = machine_of(process)
        if machine is None:
            process.state = "TERMINATED"
            process.body = {}
            process.facts["code"] = code
            self.store.put(process, int(now.timestamp()))
            return
        if process.state in OVER:
            self.store.put(process, int(now.timestamp()))
            return
        ended: Machine
        if isinstance(machine, negotiation.Negotiation):
            ended = replace(machine, state=negotiation.State.TERMINATED, code=code)
        else:
            ended = replace(machine, state=transfer.State.TERMINATED, suspended_by=None, code=code)
        keep(process, ended)
        self.engine.arrived(process, now)
        self.engine.soon(process.pid)

    def _refused(self, process: Process, message: Mapping[str, Any], status: int, body: bytes, now: datetime) -> bool:
        process.flag = f"{process.peer} refused our {kind_of(message).value} ({status}): {reason_of(body)}"
        self.engine.log("peer refused", {"pid": process.pid, "status": status, "what": process.flag})
        if not process.state:
            self.end_here(process, "refused", now)
            return False
        if is_ending(message):
            self.end_here(process, str(message.get("code", "")), now)
            return False
        self.store.put(process, int(now.timestamp()))
        return True

    def told(self, pid: str, status: int, body: bytes, now: datetime) -> None:
        """Where the other side stands, after it refused or kept silent: if elsewhere than we, the process ends on both.

        A negotiation that we ended as unreachable after our last word is what the other side says of it.
        """
        with self.engine.turn(pid):
            self._told(pid, status, body, now)

    def _told(self, pid: str, status: int, body: bytes, now: datetime) -> None:
        with self.store.commit():
            process = self.store.process(pid)
            if process is None or self.store.intended(pid) is not None:
                return
            unsure = process.facts.get(UNSURE)
            if process.state in OVER and not unsure:
                return
            if status != 200 and (status != 404 or unsure):
                return  # 404 is said to a token that isn't good as well, or by what stands in between: no end by it
            theirs = ""
            if status == 200:
                family = "ContractNegotiation" if process.kind == "negotiation" else "TransferProcess"
                try:
                    theirs = str(parse(body, family)["state"])
                except ConcordatError:
                    return
            if unsure:
                self._resolve(process, theirs, now)
                return
            if theirs == process.state:
                return
            if (process.state, theirs) == (negotiation.State.VERIFIED, negotiation.State.FINALIZED):
                self.engine.revive(process, negotiation.State.FINALIZED, now)  # by our own word, and nothing else
                return
            if not theirs and (process.role, process.state) == (Role.PROVIDER, negotiation.State.VERIFIED):
                process.facts[UNSURE] = True  # our last word was refused, perhaps by no word of theirs either
                self.end_here(process, UNREACHABLE, now)
                return
            if theirs in ("TERMINATED", ""):
                self.end_here(process, "peer_ended", now)
                return
        process.facts["code"] = "disagreed"
        self.move(pid, Next(Move.TERMINATE, f"the two sides disagree: {process.state} here, {theirs} there."), now)

    def _resolve(self, process: Process, theirs: str, now: datetime) -> None:
        """An unsure end, once the other side has said where it stands."""
        revived = int(process.facts.get("revived", 0))
        if theirs == negotiation.State.FINALIZED:
            self.engine.revive(process, negotiation.State.FINALIZED, now)
        elif theirs == negotiation.State.VERIFIED and revived < REVIVALS:  # it never came: it goes again
            process.facts["revived"] = revived + 1
            self.engine.revive(process, negotiation.State.VERIFIED, now)
        else:
            del process.facts[UNSURE]
            self.store.put(process, int(now.timestamp()))
            self.engine.soon(process.pid)

    def give_up(self, pid: str, now: datetime) -> bool:
        """A person ends what waits for a word that may never come; whether there was anything to end.

        An agreement that is unsure: our log says that it ended. A push that came whole: its provider answers to no
        Completion, and it ends on this side alone.
        """
        with self.engine.turn(pid), self.store.commit():
            process, pending = self.store.process(pid), self.store.intended(pid)
            if process is not None and pending is not None and is_owed(process, parse_own(pending.body)):
                self.store.answered(pending)
                process.flag = f"given up by a person: {process.peer} did not answer that all is here."
                self.end_here(process, UNREACHABLE, now)
                return True
            if process is None or not process.facts.pop(UNSURE, None):
                return False
            self.store.put(process, int(now.timestamp()))
            self.engine.soon(pid)
            return True
