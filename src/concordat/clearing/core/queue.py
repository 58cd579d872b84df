"""What waits, in which order, and when it settles: classes, ageing, and the look at the queue at the end of each block.

Class 1 is the most urgent. A payment rises one class for every `age_certificates` certificates of its currency that
passed it over, so nothing starves. Of one payer, payments are tried by class, then by `seq`. In mode `bypass` one that
can't settle stands in nobody's way; in `strict_fifo` it stops those behind it in its class, but what is held stops
nobody. At the end of a block: of the payers with something that can settle, the first by account id settles what it
can; when none is left, the first trade that can settle does, and so on until nothing settles any more. Then nothing
unheld stays that could settle alone (invariant I10). Only payers to whom something good happened are looked at, which
is enough.
"""

from __future__ import annotations

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import QUEUE_MAX, Closed, Hold, Money, Payment, currency_of, owner_of, payment_key
from concordat.clearing.core.money import obstacle, pay
from concordat.clearing.core.obligations import obligation_fault, reduce_obligation
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.run import Fault, Run, fault, money_facts
from concordat.clearing.core.state import State, minute_of
from concordat.clearing.core.states import move


def effective_class(state: State, payment: Payment) -> int:
    """The class of a payment after what ageing gave it."""
    money: Money = state.money[currency_of(payment.payer)]
    passed = money.certificates - payment.certificates
    return max(1, payment.priority - passed // state.scheme.age_certificates)


def in_order(state: State, payer: str) -> list[Payment]:
    """What waits at a payer, held or not, in the order in which it is tried."""
    waiting = [state.payment[key] for key in state.queue_of.get(payer, ())]
    return sorted(waiting, key=lambda p: (effective_class(state, p), p.seq))


def is_behind(state: State, payer: str, priority: int) -> bool:
    """Whether, in `strict_fifo`, a new payment would stand behind another of its class."""
    if state.scheme.mode != "strict_fifo":
        return False
    return any(p.state == "queued" and effective_class(state, p) == priority for p in in_order(state, payer))


def relevant_holds(run: Run, key: str, payer: str, payee: str) -> tuple[Hold, ...]:
    """The holds on a payment or reservation that count: those of either bank, or the issuer."""
    found = run.state.holds.get(key)
    if found is None:
        return ()
    may = (owner_of(payer), owner_of(payee), run.state.issuer_of(currency_of(payer)))
    return tuple(hold for hold in found.holds if hold.by in may)


def blocked(run: Run, payment: Payment) -> Fault | None:
    """Why a waiting payment can't settle alone, now."""
    found = obstacle(run, payment.payer, payment.payee, payment.amount, payment.purpose)
    return found or obligation_fault(run, payment.obligation, payment.payer, payment.payee, payment.amount)


def put_waiting(run: Run, payment: Payment) -> None:
    """Keep a payment that is held or queued, and its place in the indexes; its payer's account is opened."""
    state = run.state
    state.open_account(payment.payer)
    state.put(state.payment, payment.key, payment)
    state.link(state.queue_of, payment.payer, payment.key)
    state.link(state.due, minute_of(payment.until), "payment/" + payment.key)


def close(run: Run, payment: Payment, ended: str) -> None:
    """Take a payment out of the queue; how it ended is kept as long as its id."""
    state = run.state
    move("payment", payment.state, ended)
    state.drop(state.payment, payment.key)
    state.unlink(state.queue_of, payment.payer, payment.key)
    state.unlink(state.due, minute_of(payment.until), "payment/" + payment.key)
    if payment.key not in state.reservation:
        state.drop(state.holds, payment.key)
    state.put(state.closed, payment.key, Closed(ended, payment.payer, payment.payee, payment.amount))
    if state.scheme.mode == "strict_fifo":  # what stood behind it may go now
        run.wake(payment.payer)


def settle_waiting(run: Run, payment: Payment) -> None:
    """Settle a waiting payment that nothing blocks."""
    close(run, payment, "settled")
    before, after = pay(run, payment.payer, payment.payee, payment.amount, payment.purpose)
    if payment.obligation:
        reduce_obligation(run, payment.obligation, owner_of(payment.payer), payment.amount)
    facts = money_facts(payment.payer, payment.payee, payment.amount, before, after)
    run.receipt("transfer", payment.uetr, payment.member, "settled", facts)


def end_waiting(run: Run, payment: Payment, ended: str, code: str) -> None:
    """End a waiting payment without money: cancelled, expired or rejected."""
    close(run, payment, ended)
    facts = {"payer": payment.payer, "payee": payment.payee, "amount_minor": str(payment.amount)}
    run.receipt("transfer", payment.uetr, payment.member, code, facts)


def room_fault(state: State) -> Fault | None:
    """Whether the queue is full."""
    return fault("full", bound="waiting_payments", have=QUEUE_MAX) if len(state.payment) >= QUEUE_MAX else None


def drain_payer(run: Run, payer: str) -> None:
    """Try what waits at one payer, once, in order."""
    state = run.state
    account = state.accounts[payer]
    stopped: set[int] = set()
    strict = state.scheme.mode == "strict_fifo"
    for payment in in_order(state, payer):
        available = account.available
        if available < 1:
            return
        if payment.state != "queued":
            continue
        rank = effective_class(state, payment)
        if rank in stopped:
            continue
        if payment.amount <= available and blocked(run, payment) is None:
            settle_waiting(run, payment)
        elif strict:
            stopped.add(rank)


# --- Instructions ---------------------------------------------------------------------------------------------------


def _waiting(run: Run, said: Instruction) -> Payment | Fault:
    """The queued payment that its payer names, or why there is none."""
    key = payment_key(said.facts["payment"], said.member)
    payment = run.state.payment.get(key)
    if payment is not None:
        return payment if payment.state == "queued" else fault("held")
    known = run.state.find_id(said.facts["payment"], said.member, "transfer")
    return fault("not_queued" if known else "unknown_payment")


def cancel(run: Run, said: Instruction) -> None:
    """Take a queued payment back."""
    found = _waiting(run, said)
    if isinstance(found, Fault):
        return run.refuse(said, found)
    run.done(said, "accepted", {"payment": found.uetr})
    return end_waiting(run, found, "cancelled", "cancelled_by_payer")


def reprioritise(run: Run, said: Instruction) -> None:
    """Give a queued payment another class; its place among those of that class is by its age."""
    found = _waiting(run, said)
    if isinstance(found, Fault):
        return run.refuse(said, found)
    state = run.state
    state.put(state.payment, found.key, found._replace(priority=said.facts["priority"]))
    run.done(said, "accepted", {"payment": found.uetr})
    return run.wake(found.payer)


def settled_payment(run: Run, uetr: str, member: str) -> Closed | None:
    """How a payment (or the posting of a reservation) stands: None if it is not known (any more)."""
    state = run.state
    key = payment_key(uetr, member)
    waiting = state.payment.get(key)
    if waiting is not None:
        return Closed(waiting.state, waiting.payer, waiting.payee, waiting.amount)
    closed: Closed | None = state.closed.get(key)
    if closed is not None:
        return closed
    for kind in ("transfer", "post"):
        record = state.find_id(uetr, member, kind)
        if record is not None:
            leaf = record.leaves[record.rows.index(uetr)] if record.rows else record.leaves[0]
            facts = Receipt.parse(leaf).facts
            ended = "settled" if facts["code"] in ("settled", "posted") else "rejected"
            amount = int(facts.get("amount_minor", "0"))
            return Closed(ended, facts.get("payer", ""), facts.get("payee", ""), amount)
    return None
