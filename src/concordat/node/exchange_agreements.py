"""What the operator sees and says of agreements: their text and entries, promises, and what waits for a person.

`agreements` lists; `answer` moves a negotiation that waits for this side's person (a provider agrees, makes another
offer or ends it; a consumer accepts, asks anew or ends it); `duty` logs that a promise was kept, with its evidence.
What is open or overdue is told for an instant that is passed in. Source: exchange.md 5.3, 5.6, 11.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from concordat import clock
from concordat.errors import InputError, RuleError
from concordat.exchange.dataspace import negotiation
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.deciding import Verdict, context_of, decide
from concordat.exchange.dataspace.messages import Role
from concordat.exchange.dataspace.odrl import from_offer
from concordat.exchange.dataspace.partners import decide_outside
from concordat.exchange.dataspace.terms import split_of, terms_words
from concordat.exchange.events import SCOPE, check_said
from concordat.ledger.entry import Entry, blob_reference
from concordat.ledger.replica import Replica
from concordat.node.exchange_asking import narrowed
from concordat.node.exchange_entries import CONFIRMED, DONE, ENDED, REACHED, duty_word, parties_of
from concordat.node.exchange_machines import machine_of
from concordat.node.exchange_service import ExchangeService
from concordat.node.exchange_store import Agreement, Process
from concordat.node.home import Node

SAID = (REACHED, CONFIRMED, ENDED, DONE, "TransferCompleted")
URN = "urn:uuid:"
EVIDENCE_BYTES_MAX = 4 * 2**20
MEDIA_TYPE = "application/octet-stream"
Entries = Mapping[str, list[Entry]]  # agreement -> what logs say of it


def said_of(replica: Replica, members: tuple[str, ...] = ()) -> dict[str, list[Entry]]:
    """What member logs held here say of agreements, by agreement, in the order of members and their logs."""
    found: dict[str, list[Entry]] = {}
    for _, log in sorted(replica.shelf.logs.items()):
        if members and log.owner not in members:
            continue
        for entry in map(log.entries.__getitem__, log.entries.of_kinds(SCOPE, SAID)):
            if isinstance(entry.body.get("agreement"), str):
                found.setdefault(entry.body["agreement"], []).append(entry)
    return found


def ours(entries: list[Entry], agreement: Agreement) -> list[Entry]:
    """Of what is said under an agreement's id, what is about its very text and parties, in the form of its type and by
    whom it is to say: anyone may name an id, and a member's log may hold anything."""
    wanted = parties_of(agreement.text)
    named = (entry for entry in entries if {key: entry.body.get(key) for key in wanted} == wanted)
    return [entry for entry in named if _is_said(entry)]


def _is_said(entry: Entry) -> bool:
    try:
        check_said(entry.type, entry.body, entry.author)
    except (InputError, RuleError):
        return False
    return True


# --- The list ---------------------------------------------------------------------------------------------------------


async def agreements(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Agreements and open processes of this node: terms, entries, duties, and what keeps what.

    Args:
        wanted: `only`, the beginning of one id; `text`, whether the whole texts are told.

    Raises:
        InputError: no agreement or process of ours begins so, or several do.
    """
    said = await exchange.service.read(lambda node: said_of(node.replica))
    now, start = clock.now(), str(wanted.get("only") or "").removeprefix(URN)

    def look() -> dict[str, Any]:
        found = [kept for kept in exchange.store.agreements() if kept.id.removeprefix(URN).startswith(start)]
        rows = [agreement_row(exchange, kept, said.get(kept.id, []), now) for kept in found]
        waiting = [
            open_row(p, exchange.engine.side.member, now, exchange.engine.side.outside)
            for p in exchange.store.processes()
            if p.state not in ("FINALIZED", "COMPLETED") and (p.flag or p.state != "TERMINATED")
            and p.pid.removeprefix(URN).startswith(start)
        ]  # fmt: skip
        return {"agreements": rows, "processes": waiting}

    told = await exchange.do(look)
    count = len(told["agreements"]) + len(told["processes"])
    if start and count != 1:
        what = f"{count or 'no'} agreements or open processes begin so."
        raise InputError(what, where=start[:60], hint="See: concordat exchange agreements", code="unknown_agreement")
    if not wanted.get("text"):
        for row in (*told["agreements"], *told["processes"]):
            row.pop("text", None)
    return told


def agreement_row(exchange: ExchangeService, kept: Agreement, entries: list[Entry], now: datetime) -> dict[str, Any]:
    """An agreement as it is listed, with its whole text: its canonical bytes have the hash that both logs hold."""
    split, mine = split_of(kept.text), ours(entries, kept)
    return {
        "id": kept.id, "hash": kept.hash, "role": kept.role, "with": kept.peer,
        "member": kept.peer not in exchange.engine.side.outside,
        "dataset": kept.facts.get("dataset_id", kept.dataset), "version": kept.facts.get("version"),
        "final": kept.final, "terms": terms_words(kept.text), "enforced": list(split.enforced),
        "promised": list(split.promised), "not_enforced": list(split.unknown),
        "uses": exchange.engine.uses(kept.id) if kept.role == Role.PROVIDER else None,
        "duties": duty_rows(exchange.store.duties(kept.id), mine, now), "text": kept.text,
        "entries": [
            {"author": e.author, "entry": e.id, "hash": e.body["hash"], "seq": e.seq, "type": e.type} for e in mine
        ],
    }  # fmt: skip


def duty_rows(kept: list[Any], entries: list[Entry], now: datetime) -> list[dict[str, Any]]:
    """Promises with their state at an instant: `open`, `done` or `overdue`.

    A promise is done when its promiser's log says so; the day in the store stands for it until that entry is here.

    Args:
        kept: as the store has them. entries: what logs say of the agreement.
    """
    said = {(e.body["duty"], e.body.get("number", 1)): e for e in entries if e.type == DONE}
    rows = []
    for _, number, action, due, words, done in kept:
        entry = said.get((duty_word(action), number))
        day = str(entry.body["on"]) if entry is not None else done
        rows.append({
            "number": number, "duty": duty_word(action), "what": words, "due": due, "done": day,
            "state": duty_state(due, day, now), "entry": entry.id if entry is not None else None,
        })  # fmt: skip
    return rows


def duty_state(due: str | None, done: str | None, now: datetime) -> str:
    """A promise at an instant: it is overdue once its day has ended, UTC."""
    if done:
        return "done"
    return "overdue" if due and now.astimezone(UTC).date() > date.fromisoformat(due) else "open"


def open_row(process: Process, me: str, now: datetime, outside: Collection[str] = ()) -> dict[str, Any]:
    """A process as it is listed; a negotiation with what is asked for, and what `decide` says of its terms now.

    Args:
        outside: who is no member, and has only what names it.
    """
    row: dict[str, Any] = {
        "pid": process.pid, "kind": process.kind, "role": process.role, "with": process.peer, "state": process.state,
        "flag": process.flag,
    }  # fmt: skip
    machine = machine_of(process)
    if isinstance(machine, negotiation.Negotiation):
        decision = _decided(process, machine, me, now, machine.offer, outside)
        row |= {
            "dataset": process.facts.get("dataset_id") or process.facts.get("dataset", ""),
            "decision": decision.words, "text": dict(machine.offer), "terms": terms_words(machine.offer),
            "version": process.facts.get("version"),
        }  # fmt: skip
    return row


def _decided(
    process: Process, machine: negotiation.Negotiation, me: str, now: datetime, terms: Mapping[str, Any],
    outside: Collection[str] = (),
) -> Any:  # fmt: skip
    consumer = machine.consumer or (me if process.role == Role.CONSUMER else process.peer)
    return (decide_outside if consumer in outside else decide)(
        terms, context_of(terms, consumer, now, 0, process.facts.get("label"))
    )


# --- A person's answer ------------------------------------------------------------------------------------------------


async def answer(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A person's answer to a negotiation that waits.

    Args:
        wanted: `pid`, `move`, `why`; with `offer` perhaps `policy` (as in an offer file), in place of the catalogued
            terms; with `request` `purpose`, `residency` and `onward`, by which the provider's offer is narrowed.

    Raises:
        InputError: no such process, or terms outside the profile. RuleError: the protocol doesn't allow it now, or the
            terms would open nothing.
    """
    pid, move = str(wanted["pid"]), Move(str(wanted["move"]))
    process = await exchange.do(lambda: exchange.store.process(pid))
    if process is None:
        raise InputError("no process of that name here.", where=pid[:80], code="unknown_process")
    if move is Move.TERMINATE and await exchange.now(lambda at: exchange.mover.give_up(pid, at)):
        return {"moved": True, "pid": pid}
    next_ = _next_of(process, move, wanted, exchange.engine.side.member, clock.now())
    moved = await exchange.now(lambda at: exchange.mover.move(pid, next_, at))
    return {"moved": moved, "pid": pid}


def _next_of(process: Process, move: Move, wanted: Mapping[str, Any], me: str, now: datetime) -> Next:
    why, machine = str(wanted.get("why") or ""), machine_of(process)
    if not isinstance(machine, negotiation.Negotiation):
        return Next(move, why)
    if move is Move.OFFER and wanted.get("policy"):
        return Next(move, why, from_offer(wanted["policy"]))
    if move is Move.REQUEST:
        terms = narrowed(machine.offer, wanted)
        _check_useful(_decided(process, machine, me, now, terms))
        return Next(move, why, terms)
    if move is Move.ACCEPT:
        _check_useful(_decided(process, machine, me, now, machine.offer))
    return Next(move, why)


def _check_useful(decision: Any) -> None:
    """Nobody accepts, or asks for, terms under which no data would ever leave.

    Raises:
        RuleError: they are such terms.
    """
    if decision.verdict is not Verdict.PERMIT:
        hint = "Ask anew with what you declare: concordat exchange answer PROCESS request --purpose ... --onward ..."
        raise RuleError(f"these terms would open no data: {decision.words}", hint=hint, code="useless_terms")


# --- Duties -----------------------------------------------------------------------------------------------------------


async def duty(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Log that a promise of an agreement was kept, once: whatever the day and the evidence, its agreement and number
    name it.

    Args:
        wanted: `agreement` (its id), `number`, `on` (a day; default: today), `evidence` (base64 of a document that is
            kept beside the log, salted; or nothing), `media_type`.

    Raises:
        InputError: no such agreement or duty, or a day that has not come. RuleError: it is the other side's promise, or
            it was logged before.
    """
    now = clock.now()
    kept = await exchange.do(lambda: exchange.store.agreement(str(wanted["agreement"])))
    if kept is None or not kept.final:
        raise InputError("no final agreement of that name here.", where=str(wanted["agreement"])[:80],
                         hint="See: concordat exchange agreements", code="unknown_agreement")  # fmt: skip
    held = await exchange.do(lambda: exchange.store.duties(kept.id))
    evidence, kind = _evidence(str(wanted.get("evidence") or "")), str(wanted.get("media_type") or MEDIA_TYPE)

    def promise_kept(node: Node) -> tuple[Entry, Any]:
        """Look into the log and add to it in one step of its one writer: the second of two commands finds the first."""
        said = ours(said_of(node.replica, (node.identity.member,)).get(kept.id, []), kept)
        body = duty_body(kept, duty_rows(held, said, now), int(wanted["number"]), str(wanted.get("on") or ""), now)
        if evidence:
            salt = secrets.token_bytes(32)
            body["document"] = blob_reference(evidence, kind, salt)
        check_said(DONE, body, node.identity.member)
        if evidence:
            node.store.put_blob(body["document"]["hash"], salt, evidence)
        return node.write(DONE, body, SCOPE)

    try:
        entry = await exchange.service.run(promise_kept, gather=True)
    except RuleError:
        await _keep_days(exchange, kept, held)
        raise
    body = dict(entry.body)
    await exchange.do(lambda: exchange.store.duty_done(kept.id, body["number"], body["on"]))
    return {"agreement": kept.id, "body": body, "entry": entry.id, "author": entry.author, "seq": entry.seq}


async def _keep_days(exchange: ExchangeService, kept: Agreement, held: list[Any]) -> None:
    """Keep the days of promises that are logged as done: this node may have ended between the entry and its day."""
    said = await exchange.service.read(lambda node: said_of(node.replica, (node.identity.member,)))
    rows = duty_rows(held, ours(said.get(kept.id, []), kept), clock.now())
    for row, (*_, day) in zip(rows, held, strict=True):
        if row["entry"] is not None and day is None:
            await exchange.do(partial(exchange.store.duty_done, kept.id, row["number"], row["done"]))


def duty_body(kept: Agreement, rows: list[dict[str, Any]], number: int, on: str, now: datetime) -> dict[str, Any]:
    """The body of `DutyDone` for one promise.

    Args:
        rows: of `duty_rows`. on: the day on which it was kept; empty: today.

    Raises:
        InputError, RuleError: as `duty`.
    """
    row = next((row for row in rows if row["number"] == number), None)
    if row is None:
        known = "; ".join(f"{row['number']}: {row['what']}" for row in rows) or "none"
        raise InputError(f"the agreement has no duty {number}.", where=kept.id, hint=f"Its duties: {known}.",
                         code="unknown_duty")  # fmt: skip
    if kept.role != Role.CONSUMER:
        what = f"{kept.text['assignee']} promised it, and says that it was kept."
        raise RuleError(what, where=kept.id, code="not_ours")
    if row["entry"] is not None:
        hint = "A promise has one entry: show what else there is to the other side, or to the council's review."
        raise RuleError(f"it was logged as done on {row['done']}.", where=row["entry"][:16], hint=hint, code="done")
    today = now.astimezone(UTC).date()
    try:
        day = date.fromisoformat(on) if on else today
    except ValueError:
        raise InputError(f'"{on[:40]}" is no day.', where="--on", hint="Write 2026-11-27.", code="day") from None
    if day > today or day.isoformat() < str(kept.text.get("timestamp", ""))[:10]:
        what = f"{day} is not between the agreement and today."
        raise InputError(what, where="--on", code="day")
    return parties_of(kept.text) | {"duty": row["duty"], "number": number, "on": day.isoformat()}


def _evidence(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("the evidence is not base64.", where="evidence", code="evidence") from None
    if len(data) > EVIDENCE_BYTES_MAX:
        hint = "Keep it elsewhere, and give a note with its SHA-256."
        raise InputError(f"over {EVIDENCE_BYTES_MAX:,} bytes.", where="--evidence", hint=hint, code="too_large")
    return data
