"""What this side of an exchange does next, and what became of what it sent.

`plan` looks at one process and, if it is our turn, puts one message on the disk as an intention, with the log entry
that it stands on; `delivered` takes in the peer's answer. A transition counts when the peer acknowledged it: on 2xx the
new state is kept, on 4xx the old one, on no answer or 5xx the identical bytes go again after 1, 2, 4 ... 60 seconds, 8
times, and then the process is `TERMINATED` with code `unreachable`. What may have arrived all the same is flagged,
since the other side may then stand in another state. Source: exchange.md 5.3, 5.4.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.behaviours import Move, Next, consumer_reading, provider_answer
from concordat.exchange.dataspace.deciding import Decision, Verdict, context_of, decide
from concordat.exchange.dataspace.messages import CALLBACK, DATA, Kind, Role, kind_of
from concordat.exchange.dataspace.schemas import check, parse
from concordat.exchange.dataspace.terms import agreement_hash, agreement_of, last_day, until_of
from concordat.node.exchange_engine import Engine, Offered, pin_of
from concordat.node.exchange_machines import (
    OVER,
    Machine,
    is_ending,
    keep,
    machine_of,
    own_facts,
    parse_own,
    pids,
    step,
    utc,
)
from concordat.node.exchange_store import Agreement, Outgoing, Process

ATTEMPTS = 8
WAIT_MAX_S = 60
TOKEN_S = 24 * 3600
UNREACHABLE = "unreachable"
SAME_AGAIN = (408, 425, 429)
CHANGED = "what was asked for is not on offer any more."


class Mover:
    """Our own moves.

    Args:
        engine: the state of our side.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.store, self.side = engine, engine.store, engine.side

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
        body = self._bytes(message)
        with self.store.commit():
            self.store.put(process, int(now.timestamp()))
            self.store.intend(process.pid, process.callback + tail, body, now.timestamp())

    @staticmethod
    def _bytes(message: dict[str, Any]) -> bytes:
        """The bytes of a message, with a name of its own: two equal ones in a process differ, a repetition doesn't."""
        named = message | {"@id": f"urn:uuid:{uuid.uuid4()}"}
        check(named, str(message["@type"]), sending=True)
        return messages.encode(named)

    # --- Our turn -----------------------------------------------------------------------------------------------------

    def plan(self, pid: str, now: datetime) -> bool:
        """Intend our next message in a process, if it is our turn; whether there is one to send.

        What the message stands on (an entry of our log) is written before, outside of the transaction: a crash between
        them leaves an entry, which is found again.
        """
        process = self.store.process(pid)
        if process is None:
            return False
        if self.store.intended(pid) is not None:
            return True
        machine = machine_of(process)
        if machine is None:
            return False
        if process.state in OVER:
            self._record_end(process, machine)
            return False
        next_ = self._next(process, machine, now)
        if next_.move is Move.WAIT:
            self._flag(process, next_.why, now)
            return False
        return self.move(pid, next_, now)

    def move(self, pid: str, next_: Next, now: datetime) -> bool:
        """Intend one move of ours; False if the process has gone on meanwhile.

        Raises:
            RuleError: the protocol doesn't allow it in this state.
        """
        process = self.store.process(pid)
        machine = machine_of(process) if process else None
        if process is None or machine is None or self.store.intended(pid) is not None:
            return False
        if isinstance(machine, negotiation.Negotiation) and process.role == Role.PROVIDER:
            self._check_promise(process, machine, next_, now)
        token = secrets.token_urlsafe(32) if next_.move is Move.START else ""
        message, tail = self._message(process, machine, next_, token, now)
        # Our own record moves when the peer has answered; that it may is tried now.
        step(process.kind, machine, message, Role(process.role), own_facts(process, self.side.member))
        body = self._bytes(message)
        with self.store.commit():
            current = self.store.process(pid)
            if current is None or current.state != process.state or self.store.intended(pid) is not None:
                return False
            process.facts = current.facts | process.facts | {"moves": int(current.facts.get("moves", 0)) + 1}
            process.flag = next_.why if next_.move is Move.TERMINATE else ""
            if token:
                self.store.put_token(token, pid, self._token_end(process, now))
            self.store.put(process, int(now.timestamp()))
            self.store.intend(pid, self._url(process, tail), body, now.timestamp())
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

    @staticmethod
    def _decided(process: Process, machine: negotiation.Negotiation, now: datetime) -> Decision:
        return decide(machine.offer, context_of(machine.offer, process.peer, now, 0))

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

    # --- Messages -----------------------------------------------------------------------------------------------------

    def _message(
        self, process: Process, machine: Machine, next_: Next, token: str, now: datetime
    ) -> tuple[dict[str, Any], str]:
        if isinstance(machine, transfer.Transfer):
            return self._transfer_message(process, machine, next_, token)
        consumer, provider = machine.consumer_pid, machine.provider_pid
        match next_.move:
            case Move.OFFER:
                offered = self._offered(process)
                terms = dict(offered.offer) if offered else dict(machine.offer)
                process.facts["countered"] = True
                offer = terms | {"target": machine.offer["target"]}
                return messages.contract_offer(provider, offer, consumer_pid=consumer), "offers"
            case Move.AGREE:
                return messages.contract_agreement(consumer, provider, self._agreement(machine, now)), "agreement"
            case Move.FINALIZE:
                entry = self._said("AgreementReached", process, machine)
                return messages.event(consumer, provider, Kind.FINALIZED, entry), "events"
            case Move.REQUEST:
                return messages.contract_request(consumer, machine.offer, provider_pid=provider), "request"
            case Move.ACCEPT:
                return messages.event(consumer, provider, Kind.ACCEPTED), "events"
            case Move.VERIFY:
                entry = self._said("AgreementConfirmed", process, machine)
                return messages.verification(consumer, provider, entry), "agreement/verification"
        why = next_.why or "terminated by this side."
        code = str(process.facts.get("code", "")) or "declined"
        return messages.stopped(Kind.TERMINATION, consumer, provider, code, why), "termination"

    def _transfer_message(
        self, process: Process, machine: transfer.Transfer, next_: Next, token: str
    ) -> tuple[dict[str, Any], str]:
        consumer, provider = machine.consumer_pid, machine.provider_pid
        why = next_.why or "by this side."
        match next_.move:
            case Move.START:
                address = messages.data_address(f"{self.side.base}{DATA}/{provider}", token)
                ours = process.role == Role.PROVIDER
                return messages.start(consumer, provider, address if ours else None), "start"
            case Move.SUSPEND:
                return messages.stopped(Kind.SUSPENSION, consumer, provider, "suspended", why), "suspension"
            case Move.COMPLETE:
                return messages.completion(consumer, provider), "completion"
        code = str(process.facts.get("code", "")) or "stopped"
        return messages.stopped(Kind.TRANSFER_TERMINATION, consumer, provider, code, why), "termination"

    @staticmethod
    def _agreement(machine: negotiation.Negotiation, now: datetime) -> dict[str, Any]:
        """The agreement on the last offer's terms; made once, since its time is in it."""
        name = f"urn:uuid:{uuid.uuid4()}"
        target = str(machine.offer["target"])
        return agreement_of(machine.offer, name, target, machine.provider, machine.consumer, utc(now))

    def _said(self, kind: str, process: Process, machine: negotiation.Negotiation) -> str | None:
        if not self.side.auth:
            return None
        assert machine.agreement is not None
        body: dict[str, Any] = {
            "agreement": machine.agreement["@id"], "hash": agreement_hash(machine.agreement),
            "provider": machine.provider, "consumer": machine.consumer,
        }  # fmt: skip
        if kind == "AgreementReached":
            body |= {"dataset": process.facts["dataset_id"], "version": process.facts["version"]}
            body |= {"offered": process.facts["offered"]} if process.facts.get("offered") else {}
            until = until_of(machine.agreement)
            body |= {"until": last_day(until)} if until else {}
        envelope = self.engine.book.said(kind, body)
        process.facts["entry"] = envelope
        return envelope

    def _token_end(self, process: Process, now: datetime) -> int:
        agreement = self.store.agreement(str(process.facts.get("agreement", "")))
        until = until_of(agreement.text) if agreement else None
        ends = now + timedelta(seconds=TOKEN_S)
        return int(min(ends, until).timestamp() if until else ends.timestamp())

    def _record_end(self, process: Process, machine: Machine) -> None:
        """What a final state leaves in our log: a completed transfer, or an agreement that ended before it began."""
        if not self.side.auth or process.facts.get("recorded"):
            return
        if isinstance(machine, transfer.Transfer) and machine.state is transfer.State.COMPLETED:
            agreement = self.store.agreement(machine.agreement)
            if agreement is not None and process.role == Role.PROVIDER:
                self.record_transfer(process, agreement)
        elif isinstance(machine, negotiation.Negotiation) and machine.state is negotiation.State.TERMINATED:
            ended = process.role == Role.PROVIDER and process.facts.get("entry")
            if ended and machine.agreement:
                self.engine.book.said("AgreementEnded", self._parties(machine.agreement) | {"reason": "terminated"})
        with self.store.commit():
            current = self.store.process(process.pid)
            if current is not None:
                current.facts["recorded"] = True
                self.store.put(current, current.changed)

    def record_transfer(self, process: Process, agreement: Agreement) -> None:
        """Log the files that went over, each once: the provider those that left whole."""
        offered = self.engine.offers.get(agreement.dataset, int(agreement.facts.get("version", 0)))
        whole = {file for (pid, file), count in self.store.uses(agreement.id).items() if pid == process.pid and count}
        for file in offered.files if offered else ():
            if file.sha256 in whole:
                self.engine.book.said(
                    "TransferCompleted", self.transfer_body(process, agreement, file.sha256, file.bytes)
                )

    def transfer_body(self, process: Process, agreement: Agreement, digest: str, size: int) -> dict[str, Any]:
        """The body of `TransferCompleted` for one file."""
        consumer_pid = pids(process)[0]
        return self._parties(agreement.text) | {
            "transfer": consumer_pid, "dataset": agreement.facts["dataset_id"], "version": agreement.facts["version"],
            "file": digest, "bytes": size,
        }  # fmt: skip

    @staticmethod
    def _parties(agreement: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "agreement": agreement["@id"], "hash": agreement_hash(agreement), "provider": agreement["assigner"],
            "consumer": agreement["assignee"],
        }  # fmt: skip

    # --- What became of it --------------------------------------------------------------------------------------------

    def delivered(self, outgoing: Outgoing, status: int | None, body: bytes, now: datetime) -> bool:
        """Take in the answer to a message; whether the peer must be asked where it stands.

        Args:
            status: of HTTP, None for no answer.
        """
        with self.store.commit():
            process = self.store.process(outgoing.pid)
            pending = self.store.intended(outgoing.pid)
            if process is None or pending is None or pending.id != outgoing.id:
                return False  # a message of the peer has told already that it arrived
            message = parse_own(outgoing.body)
            if status is None or status >= 500 or status in SAME_AGAIN:
                self._again(process, outgoing, message, now)
                return False
            self.store.answered(outgoing)
            if status >= 300:
                return self._refused(process, message, status, body, now)
            self._acknowledged(process, message, body, now)
            self.engine.woken.append(process.pid)
            return False

    def _acknowledged(self, process: Process, message: Mapping[str, Any], body: bytes, now: datetime) -> None:
        machine = machine_of(process)
        first = machine is None
        try:
            machine = step(process.kind, machine, message, Role(process.role), own_facts(process, self.side.member))
            if first:
                machine = self._named(process, machine, body)
        except (RuleError, InputError) as fault:
            if not first:
                return  # it has gone on meanwhile, by a message of the other side
            process.flag = f"the answer to our request can't be read: {fault}"
            self.store.put(process, int(now.timestamp()))
            return
        keep(process, machine)
        self.engine.arrived(process, now)

    @staticmethod
    def _named(process: Process, machine: Machine, body: bytes) -> Machine:
        """The peer's own name for the process, from its answer to the first message."""
        family = "ContractNegotiation" if process.kind == "negotiation" else "TransferProcess"
        answer = parse(body, family)
        if answer["consumerPid"] != process.pid:
            raise InputError("the answer is about another process.", where="consumerPid", code="pid")
        if isinstance(machine, negotiation.Negotiation):
            return negotiation.acknowledged(machine, answer["providerPid"])
        return transfer.acknowledged(machine, answer["providerPid"])

    def _again(self, process: Process, outgoing: Outgoing, message: Mapping[str, Any], now: datetime) -> None:
        attempts = outgoing.attempts + 1
        if attempts < ATTEMPTS:
            wait = min(WAIT_MAX_S, 2 ** (attempts - 1))
            self.store.retry(outgoing, attempts, now.timestamp() + wait)
            return
        self.store.answered(outgoing)
        if not is_ending(message):
            kind = kind_of(message)
            process.flag = (
                f"unreachable; our {kind.value} may have arrived, so that {process.peer} may stand elsewhere."
            )
        self.end_here(process, UNREACHABLE, now)

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
        self.engine.woken.append(process.pid)

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
        """Where the other side stands, after it refused: if elsewhere than we, the process ends on both."""
        with self.store.commit():
            process = self.store.process(pid)
            if process is None or process.state in OVER or self.store.intended(pid) is not None:
                return
            theirs = ""
            if status == 200:
                family = "ContractNegotiation" if process.kind == "negotiation" else "TransferProcess"
                try:
                    theirs = str(parse(body, family)["state"])
                except ConcordatError:
                    return
            if theirs == process.state or (status != 200 and status != 404):
                return
            if theirs in ("TERMINATED", ""):
                self.end_here(process, "peer_ended", now)
                return
        process.facts["code"] = "disagreed"
        self.move(pid, Next(Move.TERMINATE, f"the two sides disagree: {process.state} here, {theirs} there."), now)


def reason_of(body: bytes) -> str:
    """What an error of the protocol says, for people; at most 300 characters."""
    try:
        found = json.loads(body)
        reasons = found.get("reason") or [found.get("code", "")]
        return " ".join(str(reason) for reason in reasons)[:300]
    except (ValueError, AttributeError, TypeError):
        return "no reason given"
