"""One member's side of the Dataspace Protocol: requests in, states on the disk, answers out; no sockets and no timers.

`handle` takes a request and gives its answer; whatever it changes is in one transaction, and an error changes nothing.
`Mover` (exchange_moves) says what this side does next and takes in what became of a message that was sent. Both are
driven by `exchange_service`, or by a test that loses, doubles and reorders what passes between two of them.

A peer's message that only makes sense after one of ours says that ours has arrived, although its answer was lost: the
intention on the disk is then taken as acknowledged. While we terminate, nothing but a termination is taken. A message
that is refused now but was answered before gets the same answer. Source: exchange.md 5.
"""

from __future__ import annotations

import threading
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.exchange.dataspace import messages, negotiation, transfer
from concordat.exchange.dataspace.deciding import Context, Decision, Verdict, context_of, decide
from concordat.exchange.dataspace.messages import ENTRY_KEY, PULL, PULL_ALIAS, PUSH, Kind, Role, kind_of
from concordat.exchange.dataspace.partners import decide_outside, not_taken
from concordat.exchange.dataspace.schemas import CONTEXT, parse
from concordat.exchange.dataspace.terms import agreement_hash
from concordat.exchange.dataspace.token import SKEW_S, Caller, Request, Seen, read_token
from concordat.node.exchange_calls import (
    AbsentError,
    Answer,
    Call,
    Route,
    UnknownCallerError,
    addresses_on,
    refusal,
    route_of,
)
from concordat.node.exchange_entries import CONFIRMED, REACHED, UNREACHABLE, UNSURE, agreement_body
from concordat.node.exchange_machines import (
    OVER,
    Facts,
    Machine,
    is_done,
    is_ending,
    is_same_request,
    is_stopping,
    keep,
    learn,
    machine_of,
    own_facts,
    parse_own,
    pids,
    step,
)
from concordat.node.exchange_pages import pages, size_of
from concordat.node.exchange_parts import Book, File, Offered, Offers, Side, pin_of
from concordat.node.exchange_store import Agreement, ExchangeStore, Process

TURNS = 64
AGREED = ("dataset_id", "version", "offered", "label")  # what an agreement keeps of its negotiation
REPEAT = "repeat"  # in a transfer: its request came again
FORMATS = (PULL, PULL_ALIAS, PUSH)


class Engine:
    """The exchange of one node.

    Args:
        side: who we are. store, offers, book: what we keep, offer and have said. log: told (event, facts).
    """

    def __init__(
        self, side: Side, store: ExchangeStore, offers: Offers, book: Book,
        log: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self.side, self.store, self.offers, self.book, self.log = side, store, offers, book, log
        self.seen = Seen(store.used())
        self.woken: deque[str] = deque()  # processes in which it may be our turn
        self.doubts: deque[str] = deque()  # of which the other side must be asked where it stands
        self._turns = [threading.RLock() for _ in range(TURNS)]

    def turn(self, pid: str) -> threading.RLock:
        """Held by whoever moves a process: a message is not taken in between what another one checks and signs."""
        return self._turns[zlib.crc32(pid.encode()) % TURNS]

    def drain(self) -> list[str]:
        """The processes in which it may be our turn, each once; they are forgotten."""
        found = []
        while self.woken:
            found.append(self.woken.popleft())
        return sorted(set(found))

    def wake(self) -> None:
        """Look again at what is open, and at what is over without its end in our log: after a start."""
        found = self.store.processes()
        self.woken += [p.pid for p in found if p.state not in OVER or not p.facts.get("recorded")]

    def soon(self, pid: str) -> None:
        """It may be our turn in a process, once what has changed in it is on the disk."""
        self.store.then(lambda: self.woken.append(pid))

    # --- Requests -----------------------------------------------------------------------------------------------------

    def handle(self, call: Call, now: datetime) -> Answer:
        """The answer to a request."""
        found = route_of(call.method, call.path)
        if found is None:
            return Answer(404)
        route, parts = found[0], {k: unquote(v) for k, v in found[1].items()}
        message: dict[str, Any] | None = None
        caller: Caller | None = None
        try:
            caller = self._caller(call, now) if route.action != "version" else None
            if route.kinds or route.action == "catalog":
                expected = route.kinds[0].type if route.kinds else "CatalogRequestMessage"
                message = parse(call.body, expected)
            if route.action in ("catalog", "dataset", "open"):  # for what else comes nobody asks what is on offer
                self.offers.refresh()
            with self.turn(parts["pid"]) if route.action == "message" else nullcontext(), self.store.commit():
                self._remember(caller, now)  # with what it changes; a token is good once, whatever crashes
                return self._answer(route, parts, call, caller.member if caller else "", message, now)
        except ConcordatError as fault:
            self.log("refused", {"path": call.path, "what": str(fault), "code": fault.code})
            with suppress(StateError):  # a disk that refuses is said by the fault itself; memory knows the token still
                self._remember(caller, now)
            return refusal(fault, route, message)

    def _remember(self, caller: Caller | None, now: datetime) -> None:
        """Keep the token of a request, so that it is good once after a start as well."""
        if caller is not None:
            self.store.use(caller.member, caller.jti, caller.until, int(now.timestamp()) - SKEW_S)

    def _caller(self, call: Call, now: datetime) -> Caller | None:
        """Who sent a request; None where callers needn't say (conformance suite).

        Raises:
            UnknownCallerError: no token, or one that isn't good.
        """
        if not self.side.auth:
            return None
        scheme, _, token = call.authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnknownCallerError("no bearer token.", where=call.path, code="token")
        request = Request(call.method, call.url, self.side.base, call.body)
        try:
            at = int(now.timestamp())
            return read_token(token.strip(), request, self.side.keys, self.seen, bloc=self.side.bloc, now=at)
        except (InputError, TrustError) as fault:
            raise UnknownCallerError(fault.what, where=fault.where, hint=fault.hint, code=fault.code) from None

    def _answer(
        self, route: Route, parts: Mapping[str, str], call: Call, caller: str, message: dict[str, Any] | None,
        now: datetime,
    ) -> Answer:  # fmt: skip
        match route.action:
            case "version":
                return Answer(200, messages.encode(messages.VERSION_RESPONSE))
            case "catalog":
                assert message is not None
                return self._catalog(message, call, caller, now)
            case "dataset":
                return self._dataset(parts["dataset"], caller, now)
            case "state":
                return self._state(self._process(route, parts["pid"], caller))
            case "open":
                assert message is not None
                return self._open(route, call, caller, message, now)
            case _:
                assert message is not None
                return self._message(route, self._process(route, parts["pid"], caller), call, caller, message, now)

    # --- Catalogue ----------------------------------------------------------------------------------------------------

    def visible(self, offered: Offered, member: str, now: datetime) -> bool:
        """Whether a member sees a dataset: its terms don't exclude that member today."""
        if not self.side.auth:
            return True
        context = Context(member=member, at=now, label=offered.label)
        return self.judge(offered.offer, context).verdict is not Verdict.DENY

    def judge(self, policy: Mapping[str, Any], context: Context) -> Decision:
        """What a policy says of one use; terms that name no partner are for members."""
        return (decide_outside if context.member in self.side.outside else decide)(policy, context)

    def _catalog(self, message: Mapping[str, Any], call: Call, caller: str, now: datetime) -> Answer:
        if message.get("filter"):
            raise InputError("no filter is known here.", where="message.filter", hint="Ask without one.", code="filter")
        text = call.query.get("page", "1")
        if not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= 100_000:
            raise InputError(f"there is no page {text[:20]!r}.", where="page", code="page")
        page = int(text)
        seen = [offered for offered in self.offers.all() if self.visible(offered, caller, now)]
        cut = list(pages([size_of(offered.shown) for offered in seen]))
        shown = [seen[place] for place in cut[page - 1]] if page <= len(cut) else []
        service = self.service_id()
        body: dict[str, Any] = {
            "@context": [CONTEXT], "@id": f"{service}/catalog", "@type": "Catalog", "participantId": self.side.member,
            "service": [{"@id": service, "@type": "DataService", "endpointURL": self.side.base + messages.PATH}],
        }  # fmt: skip
        if shown:
            body["dataset"] = [dict(offered.shown) for offered in shown]
        links = []
        here = f"{self.side.base}{call.path}"
        if page > 1:
            links.append(f'<{here}?page={page - 1}>; rel="previous"')
        if page < len(cut):
            links.append(f'<{here}?page={page + 1}>; rel="next"')
        return Answer(200, messages.encode(body), {"link": ", ".join(links)} if links else {})

    def service_id(self) -> str:
        """The name of our data service."""
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, self.side.base + messages.PATH)}"

    def _dataset(self, name: str, caller: str, now: datetime) -> Answer:
        offered = self.offers.get(name)
        if offered is None or not self.visible(offered, caller, now):
            raise AbsentError
        return Answer(200, messages.encode({"@context": [CONTEXT], **offered.shown}))

    # --- Processes ----------------------------------------------------------------------------------------------------

    def _process(self, route: Route, pid: str, caller: str) -> Process:
        """The process of that name, if the caller is its other side.

        Raises:
            AbsentError: none, or another member's: the same words.
        """
        process = self.store.process(pid)
        kind = "negotiation" if route.family == "ContractNegotiationError" else "transfer"
        if process is None or process.kind != kind or process.role != route.side:
            raise AbsentError
        if self.side.auth and process.peer != caller:
            raise AbsentError
        return process

    def _state(self, process: Process, status: int = 200) -> Answer:
        if not process.state or not process.body:
            raise AbsentError
        made = messages.negotiation_state if process.kind == "negotiation" else messages.transfer_state
        return Answer(status, messages.encode(made(*pids(process), process.state)))

    def _open(self, route: Route, call: Call, caller: str, message: dict[str, Any], now: datetime) -> Answer:
        """A first message: a new process, or the answer that it got before."""
        stored = self.store.seen(caller, call.path, call.body)
        kind = "transfer" if message["@type"] == Kind.TRANSFER_REQUEST else "negotiation"
        key = ("consumer_pid", "consumerPid") if route.side is Role.PROVIDER else ("provider_pid", "providerPid")
        known = self.store.by_peer_pid(kind, caller, key[0], message[key[1]])
        if known is not None and (stored is not None or is_same_request(known, message)):
            if kind == "transfer" and known.state == transfer.State.STARTED:  # answered as the first time, by a Start
                known.facts[REPEAT] = True
                self.store.put(known, known.changed)
            self.store.hasten(known.pid, now.timestamp())
            self.soon(known.pid)
            return Answer(*stored) if stored is not None else self._state(known, 201)
        if stored is not None:
            return Answer(*stored)
        if known is not None:
            what = f"a process of the name {message[key[1]][:80]} stands here with another body."
            raise RuleError(what, where=key[1], code="same_pid")
        pid = f"urn:uuid:{uuid.uuid4()}"
        facts, kept = self._opening(kind, route.side, pid, caller, message, now)
        machine = step(kind, None, message, route.side.other, facts)
        callback = str(message.get("callbackAddress", "")).rstrip("/")
        process = Process(pid, kind, route.side.value, caller, "", {}, callback, kept)
        keep(process, machine)
        self.store.put(process, int(now.timestamp()))
        answer = self._state(process, 201)
        self.store.remember(caller, call.path, call.body, answer.status, answer.body)
        self.soon(pid)
        return answer

    def _opening(
        self, kind: str, role: Role, pid: str, caller: str, message: Mapping[str, Any], now: datetime
    ) -> tuple[Facts, dict[str, Any]]:
        """What the guard of a first message asks, and what is kept beside the process."""
        me, place = self.side.member, self.side.places.get(caller, "") if self.side.auth else None
        valid = addresses_on(message, place)
        consumer, provider = (caller, me) if role is Role.PROVIDER else (me, caller)
        if role is Role.CONSUMER and caller in self.side.outside:
            raise not_taken(caller, "offer")
        if kind == "negotiation":
            offer = message["offer"]
            offered = self.offers.get(offer["target"])
            known = offered is not None and offered.offer.get("@id") == offer["@id"]
            known = known and offered is not None and self.visible(offered, caller, now)
            facts = negotiation.Facts(consumer, provider, pid, offer_known=known, callback_valid=valid)
            pin = pin_of(offered) if offered is not None and role is Role.PROVIDER else {}
            return facts, {"dataset": offer["target"], "moves": 0, **pin}
        agreement = self._agreement(message["agreementId"], caller, now)
        ours = agreement is not None and agreement.final and agreement.role == Role.PROVIDER
        ours = ours and agreement is not None and (agreement.peer == caller or not self.side.auth)
        decision = self.decision(agreement, now) if agreement else Decision(Verdict.UNDETERMINED, ())
        if not self.side.auth and message["agreementId"] in self.side.scripts:
            ours, decision = True, Decision(Verdict.PERMIT, ())
        return transfer.Facts(
            consumer, provider, pid, agreement_final=ours, permitted=decision.verdict is Verdict.PERMIT,
            format_known=message["format"] in FORMATS, callback_valid=valid, why=decision.words,
        ), {"agreement": message["agreementId"], "moves": 0}  # fmt: skip

    def _agreement(self, name: str, caller: str, now: datetime) -> Agreement | None:
        """The agreement of a transfer. Who asks for data under one has it as final: our last word has arrived."""
        found = self.store.agreement(name)
        if found is None or found.final or found.role != Role.PROVIDER or found.peer != caller:
            return found
        process, pending = self.store.process(found.pid), self.store.intended(found.pid)
        if process is None:
            return found
        sent = pending is not None and kind_of(parse_own(pending.body)) is Kind.FINALIZED
        sent = sent and process.state == negotiation.State.VERIFIED  # not where the other side ended it meanwhile
        unsure = process.facts.get(UNSURE) and process.body.get("code") == UNREACHABLE
        if not (sent or unsure):
            return found
        if pending is not None:
            self.store.answered(pending)
        self.revive(process, negotiation.State.FINALIZED, now)
        return self.store.agreement(name)

    def revive(self, process: Process, state: negotiation.State, now: datetime) -> None:
        """A negotiation whose end was unsure stands where the other side has it."""
        machine = machine_of(process)
        assert isinstance(machine, negotiation.Negotiation)
        self.log("reconciled", {"pid": process.pid, "state": state.value, "was": process.state})
        process.facts.pop(UNSURE, None)
        process.flag = ""
        keep(process, replace(machine, state=state, code=""))
        self.arrived(process, now)
        self.soon(process.pid)

    def _message(
        self, route: Route, process: Process, call: Call, caller: str, message: dict[str, Any], now: datetime
    ) -> Answer:
        stored = self.store.seen(caller, call.path, call.body)
        if stored is not None and "@id" in message:  # our own nodes name each message: the same bytes are the same one
            return Answer(*stored)
        try:
            machine = self._received(process, message, route.side, now)
        except RuleError:
            if stored is not None:
                return Answer(*stored)
            raise
        if process.peer in self.side.outside and kind_of(message) is Kind.VERIFICATION:
            process.facts["signed_request"] = {"authorization": call.authorization, "body": call.body.decode()}
        keep(process, machine)
        self.arrived(process, now)
        # A later request is answered with the state, as the first one is; all other messages with 200 alone.
        answer = self._state(process) if kind_of(message) is Kind.REQUEST else Answer(200)
        self.store.remember(caller, call.path, call.body, answer.status, answer.body)
        if not is_done(process):
            self.soon(process.pid)
        return answer

    def _received(self, process: Process, message: Mapping[str, Any], ours: Role, now: datetime) -> Machine:
        """The machine after a peer's message, or after it and the message of ours that it answers.

        Raises:
            RuleError: refused; nothing changes.
        """
        pending = self.store.intended(process.pid)
        own = parse_own(pending.body) if pending else None
        if own is not None and is_ending(own) and not is_ending(message):
            raise RuleError("this side terminates the process.", code="terminating")
        machine = machine_of(process)
        try:
            if machine is None:
                raise RuleError("nothing of that name was answered yet.", code="wrong_state")
            return step(process.kind, machine, message, ours.other, self._facts(process, machine, message, now))
        except RuleError:
            if own is None or pending is None or is_ending(own):
                raise
            implied = step(process.kind, machine, own, ours, own_facts(process, self.side.member))
        implied = learn(implied, message)
        after = step(process.kind, implied, message, ours.other, self._facts(process, implied, message, now))
        self.store.answered(pending)
        keep(process, implied)
        self.arrived(process, now)
        return after

    def _facts(self, process: Process, machine: Machine, message: Mapping[str, Any], now: datetime) -> Facts:
        if isinstance(machine, negotiation.Negotiation):
            return negotiation.Facts(machine.consumer, machine.provider, logged=self._logged(process, machine, message))
        agreement = self.store.agreement(machine.agreement)
        if agreement is None:
            return transfer.Facts(machine.consumer, machine.provider, permitted=not self.side.auth)
        decision = self.decision(agreement, now)
        permitted = decision.verdict is Verdict.PERMIT
        return transfer.Facts(machine.consumer, machine.provider, permitted=permitted, why=decision.words)

    def _logged(self, process: Process, machine: negotiation.Negotiation, message: Mapping[str, Any]) -> bool:
        """Whether the sender shows the entry that its message stands on, signed by its key."""
        if not self.side.auth or machine.agreement is None:
            return True
        kind = CONFIRMED if kind_of(message) is Kind.VERIFICATION else REACHED
        if kind == CONFIRMED and process.peer in self.side.outside:
            return True  # a partner has no log here: its signed request, which is kept, stands in the entry's place
        envelope = message.get(ENTRY_KEY)
        if not isinstance(envelope, str):
            return False
        try:
            self.book.check(envelope, process.peer, kind, agreement_body(kind, machine.agreement, process.facts))
        except (InputError, TrustError) as fault:
            self.log("refused", {"what": str(fault), "code": fault.code})
            return False
        process.facts["peer_entry"] = envelope
        return True

    # --- What a new state brings --------------------------------------------------------------------------------------

    def decision(self, agreement: Agreement, now: datetime, uses_before: int | None = None) -> Decision:
        """Whether the use under an agreement is permitted now, to its consumer."""
        uses = self.uses(agreement.id) if uses_before is None else uses_before
        member, label = str(agreement.text.get("assignee", "")), agreement.facts.get("label")
        return self.judge(agreement.text, context_of(agreement.text, member, now, uses, label))

    def uses(self, agreement: str, file: File | None = None, more: int = 0) -> int:
        """Uses of an agreement: the bytes of its most used file as bodies, a begun one counted; `more` bytes on top."""
        found = self.store.served(agreement)
        if file is not None:
            sent, _ = found.get(file.sha256, (0, 0))
            found[file.sha256] = sent + more, file.bytes
        return max((-(-sent // max(1, size)) for sent, size in found.values()), default=0)

    def arrived(self, process: Process, now: datetime) -> None:
        """Keep a process in its new state, with what the state brings: agreement, duties, the end of a token."""
        machine = machine_of(process)
        if isinstance(machine, negotiation.Negotiation) and machine.agreement is not None:
            self._agreed(process, machine)
        if process.kind == "transfer" and process.state in OVER:
            self.store.end_token(process.pid)
            if (pending := self.store.intended(process.pid)) and kind_of(parse_own(pending.body)) is Kind.START:
                self.store.answered(pending)  # what is over is not started again
        self.store.put(process, int(now.timestamp()))

    def _agreed(self, process: Process, machine: negotiation.Negotiation) -> None:
        from concordat.exchange.dataspace.terms import duties_of

        assert machine.agreement is not None
        name = str(machine.agreement["@id"])
        final = machine.state is negotiation.State.FINALIZED
        known = self.store.agreement(name)
        if known is not None and known.pid != process.pid:
            raise RuleError("an agreement of that id stands here already.", where=name[:80], code="same_agreement")
        if known is not None and (known.final or not final):
            return
        text = dict(machine.agreement)
        self.store.put_agreement(
            Agreement(name, process.pid, process.role, process.peer, str(text["target"]), agreement_hash(text), text,
                      final, {k: process.facts[k] for k in AGREED if k in process.facts})
        )  # fmt: skip
        if final:
            rows = [(r.number, r.action, r.due.isoformat() if r.due else None, r.words) for r in duties_of(text)]
            self.store.open_duties(name, rows)
            process.facts["recorded"] = True  # its entry was signed before: there is nothing more to log

    # --- Bodies -------------------------------------------------------------------------------------------------------

    def reserve(
        self, pid: str, bearer: str, digest: str, part: Callable[[File], tuple[int, int]], now: datetime
    ) -> tuple[Agreement, File, int, int]:
        """What a token opens now, counted in the same step: of several who ask at once for the last use, one has it.

        Args:
            part: start and length that are asked for of a file.

        Raises:
            As `opened`, or what `part` raises; nothing is counted then.
        """
        with self.store.commit():
            _, file = self.opened(pid, bearer, digest, now)
            start, length = part(file)
            agreement, file = self.opened(pid, bearer, file.sha256, now, length)
            self.store.serve(agreement.id, pid, file.sha256, file.bytes, length)
        return agreement, file, start, length

    def opened(self, pid: str, bearer: str, digest: str, now: datetime, length: int = 1) -> tuple[Agreement, File]:
        """The file of which a token opens so many bytes now, under its agreement.

        Raises:
            UnknownCallerError: no such token, or it has ended. AbsentError: no such file. RuleError: not permitted.
        """
        if not bearer or self.store.token_pid(bearer, int(now.timestamp())) != pid:
            raise UnknownCallerError("no token for this transfer.", code="token")
        process = self.store.process(pid)
        agreement = self.store.agreement(process.facts.get("agreement", "")) if process else None
        ends = (pending := self.store.intended(pid)) is not None and is_stopping(parse_own(pending.body))
        if process is None or agreement is None or process.state != transfer.State.STARTED or ends:
            raise AbsentError
        offered = self.offers.get(agreement.dataset, int(agreement.facts.get("version", 0)))
        files = offered.files if offered else ()
        found = next((file for file in files if digest in ("", file.sha256)), None)
        if found is None:
            raise AbsentError
        decision = self.decision(agreement, now, max(0, self.uses(agreement.id, found, length) - 1))
        if decision.verdict is not Verdict.PERMIT:
            raise RuleError(decision.words, where=agreement.id, code="denied")
        return agreement, found
