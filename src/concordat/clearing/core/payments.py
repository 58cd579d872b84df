"""Transfers one by one: they settle, wait, or are refused; and what may follow a settled one, return and recall.

A payment that a bank or the issuer holds already when it arrives is held. One that nothing stands in the way of settles
at once. Otherwise `if_short` decides: `queue` waits where waiting can help (hours, money, limits of the day, quota) and
`reject` refuses; what waiting can't help is refused in either case. A return is a new payment the other way, named by
the old one: no corridor, quota or limit stops it, but the sum of returns never passes the original.
"""

from __future__ import annotations

from typing import Any

from concordat.clearing.core.corridors import is_plain, passing_way
from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import (
    Payment,
    Recall,
    Returned,
    currency_of,
    owner_of,
    payment_key,
)
from concordat.clearing.core.money import account_of, funds_fault, passing_fault, pay, side_fault, standing_fault
from concordat.clearing.core.obligations import obligation_fault, reduce_obligation
from concordat.clearing.core.queue import is_behind, put_waiting, relevant_holds, room_fault, settled_payment
from concordat.clearing.core.run import Fault, Run, fault, money_facts
from concordat.clearing.core.scheme import is_open
from concordat.clearing.core.states import move


class Order:
    """A payment as it arrives: of a transfer, or a row of a batch."""

    __slots__ = ("amount", "if_short", "member", "obligation", "payee", "payer", "priority", "purpose", "uetr", "until")

    def __init__(self, said: Instruction, uetr: str, payee: str, amount: int) -> None:
        facts = said.facts
        self.uetr, self.member, self.until = uetr, said.member, said.valid_until
        self.payer, self.payee, self.amount = facts["payer"], payee, amount
        self.if_short, self.priority, self.purpose = facts["if_short"], facts["priority"], facts["purpose"]
        self.obligation = facts.get("obligation", "")


def transfer(run: Run, said: Instruction) -> None:
    """One payment."""
    if _settles_plainly(run, said):
        _settle_plainly(run, said)
    else:
        take(run, Order(said, said.uetr, said.facts["payee"], said.facts["amount_minor"]))


def _settles_plainly(run: Run, said: Instruction) -> bool:
    """Whether a payment has nothing unusual in it and may settle: what `take` would find, asked once a pair."""
    facts, state = said.facts, run.state
    payer, payee, purpose = facts["payer"], facts["payee"], facts["purpose"]
    key = (payer, payee, purpose)
    plain = run.plain.get(key)
    if plain is None:
        plain = not (purpose and state.quota) and state.scheme.mode == "bypass" and payer[:8] != payee[:8]
        plain = plain and side_fault(run, payer, payee) is None and is_plain(run, payer, payee, purpose)
        run.plain[key] = plain = plain and passing_way(run, payer, payee, 1, purpose, None) is None
    if not plain or facts["obligation"] or payer[:8] != said.member or payer in state.limits or payee in state.limits:
        return False
    if state.holds and payment_key(said.uetr, said.member) in state.holds:
        return False
    account = state.accounts.get(payer)
    return account is not None and not account.frozen and account.available >= facts["amount_minor"]


def _settle_plainly(run: Run, said: Instruction) -> None:
    """The same steps as `take` and `pay`, written out for speed; a test holds both ways to the same bytes."""
    state, day = run.state, run.day
    payer, payee, amount = said.facts["payer"], said.facts["payee"], said.facts["amount_minor"]
    source, target = state.write(state.accounts[payer]), state.write(state.open_account(payee))
    before = source.balance
    source.balance = after = before - amount
    source.debits += amount
    source.entries += 1
    target.balance += amount
    target.credits += amount
    target.entries += 1
    if source.day != day:
        source.day, source.day_in, source.day_out = day, 0, 0
    if target.day != day:
        target.day, target.day_in, target.day_out = day, 0, 0
    source.day_out += amount
    target.day_in += amount
    run.wake(payee)
    run.leaves.append(
        f'{{"after":"{after}","amount_minor":"{amount}","before":"{before}","code":"settled","height":{run.height},'
        f'"index":{len(run.leaves)},"kind":"transfer","member":"{said.member}","payee":"{payee}","payer":"{payer}",'
        f'"uetr":"{said.uetr}"}}'.encode()
    )


def take(run: Run, order: Order) -> str:
    """Take one payment as far as it goes now; its receipt's code."""
    payer, payee, amount = order.payer, order.payee, order.amount
    found, may_wait = _first_fault(run, order)
    held = found is None or may_wait
    held = held and bool(relevant_holds(run, payment_key(order.uetr, order.member), payer, payee))
    if held:
        return _wait(run, order, "held", None)
    if found is None:
        move("payment", "received", "settled")
        before, after = pay(run, payer, payee, amount, order.purpose)
        if order.obligation:
            reduce_obligation(run, order.obligation, owner_of(payer), amount)
        facts = money_facts(payer, payee, amount, before, after)
        run.receipt("transfer", order.uetr, order.member, "settled", facts)
        return "settled"
    if may_wait and order.if_short == "queue":
        return _wait(run, order, "queued", found)
    return _reject(run, order, found)


def _first_fault(run: Run, order: Order) -> tuple[Fault | None, bool]:
    """What stands in the way, and whether waiting can help."""
    payer, payee, amount = order.payer, order.payee, order.amount
    if owner_of(payer) != order.member:
        return fault("not_yours", account=payer), False
    found = standing_fault(run, payer, payee, amount, order.purpose)
    found = found or obligation_fault(run, order.obligation, payer, payee, amount)
    if found is not None:
        return found, False
    found = passing_fault(run, payer, payee, amount, order.purpose)
    if found is None and order.if_short == "queue" and is_behind(run.state, payer, order.priority):
        found = fault("insufficient_funds", queue_ahead=True)
    return found, True


def _facts(order: Order, found: Fault | None) -> dict[str, Any]:
    facts = {"payer": order.payer, "payee": order.payee, "amount_minor": str(order.amount)}
    return {**facts, **(found.facts if found else {})}


def _wait(run: Run, order: Order, state: str, found: Fault | None) -> str:
    full = room_fault(run.state)
    if full is not None:
        return _reject(run, order, full)
    move("payment", "received", state)
    certificates = run.state.money[currency_of(order.payer)].certificates
    seq = run.state.next_seq()
    put_waiting(
        run,
        Payment(
            order.uetr, order.member, order.payer, order.payee, order.amount, order.priority, order.if_short,
            order.purpose, order.obligation, order.until, state, seq, certificates,
        ),
    )  # fmt: skip
    why = {"waits_for": found.code} if found else {}
    run.receipt("transfer", order.uetr, order.member, state, {**_facts(order, found), **why})
    return state


def _reject(run: Run, order: Order, found: Fault) -> str:
    move("payment", "received", "rejected")
    run.receipt("transfer", order.uetr, order.member, found.code, _facts(order, found))
    return found.code


def give_back(run: Run, said: Instruction) -> None:
    """Return a settled payment, whole or in part (`return`)."""
    state, facts = run.state, said.facts
    amount = facts["amount_minor"]
    key = payment_key(facts["payment"], facts["payer_member"])
    original = settled_payment(run, facts["payment"], facts["payer_member"])
    if original is None:
        return run.refuse(said, fault("unknown_payment", payment=facts["payment"]))
    if original.state != "settled":
        return run.refuse(said, fault("not_settled", payment=facts["payment"]))
    payer, payee = original.payee, original.payer
    if owner_of(payer) != said.member:
        return run.refuse(said, fault("not_yours"))
    given = state.returned[key].amount if key in state.returned else 0
    if given + amount > original.amount:
        return run.refuse(said, fault("over_original", need=given + amount, have=original.amount))
    account = account_of(run.state, payer)
    assert account is not None
    currency = currency_of(payer)
    found = side_fault(run, payer, payee)
    found = found or (fault("account_frozen", account=payer) if account.frozen else None)
    if found is None and not is_open(state.scheme.currencies[currency].windows, run.time_ms):
        found = fault("window_closed", closed=currency)
    found = found or funds_fault(account, amount)
    told = {"payer": payer, "payee": payee, "amount_minor": str(amount), "payment": facts["payment"]}
    if found is not None:
        return run.refuse(said, found, told)
    before, after = pay(run, payer, payee, amount, "", by_corridor=False)
    state.put(state.returned, key, Returned(given + amount))
    return run.done(said, "settled", {**told, "before": str(before), "after": str(after)})


def recall(run: Run, said: Instruction) -> None:
    """Ask for a settled payment back (camt.056); no money moves."""
    key = payment_key(said.facts["payment"], said.member)
    original = settled_payment(run, said.facts["payment"], said.member)
    if original is None:
        return run.refuse(said, fault("unknown_payment", payment=said.facts["payment"]))
    if original.state != "settled":
        return run.refuse(said, fault("not_settled", payment=said.facts["payment"]))
    run.state.put(run.state.recall, key, Recall(said.facts["reason"], ""))
    return run.done(said, "accepted", {"payment": said.facts["payment"]})


def recall_answer(run: Run, said: Instruction) -> None:
    """Answer a recall (camt.029); no money moves: a `return` does that."""
    state, facts = run.state, said.facts
    key = payment_key(facts["payment"], facts["payer_member"])
    original = settled_payment(run, facts["payment"], facts["payer_member"])
    asked = state.recall.get(key)
    if asked is None or original is None:
        return run.refuse(said, fault("unknown_recall", payment=facts["payment"]))
    if owner_of(original.payee) != said.member:
        return run.refuse(said, fault("not_yours"))
    state.put(state.recall, key, asked._replace(answer=facts["answer"]))
    return run.done(said, "accepted", {"payment": facts["payment"]})
