"""Who stops a payment or a trade, for how long, and what follows: holds are signed, end, and never release by silence.

Either bank, or the issuer of the currency, may hold; the ledger sees only a class of reason and the hash of the list.
A hold may come before what it is meant for; it counts on arrival if its author is entitled then. A released payment
settles if it can, else waits or is rejected as its `if_short` says; one whose hold runs out is rejected back. Only who
placed a hold releases it. It blocks that payment or trade alone. A reservation is held by its own key: nothing is
posted from it meanwhile, and a hold that runs out voids it.
"""

from __future__ import annotations

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import QUEUE_MAX, Hold, Holds, Payment, Reservation, Trade, currency_of, owner_of
from concordat.clearing.core.queue import blocked, end_waiting, relevant_holds, settle_waiting
from concordat.clearing.core.reserves import void_held
from concordat.clearing.core.run import Run, fault
from concordat.clearing.core.state import minute_of
from concordat.clearing.core.states import move
from concordat.clearing.core.trades import end_trade, entitled, release_trade, trade_holds


def hold(run: Run, said: Instruction) -> None:
    """Hold a payment or a trade that waits, or that is still to come."""
    state, facts = run.state, said.facts
    key, until = facts["of"], facts["until"]
    if not 0 <= until - run.time_ms <= state.scheme.hold_max_ms:
        return run.refuse(said, fault("hold_too_long", have=state.scheme.hold_max_ms // 3_600_000))
    target = state.payment.get(key) if facts["target"] == "payment" else state.trade.get(key)
    target = target or state.reservation.get(key)
    if target is None and facts["target"] == "payment" and _is_over(run, key):
        return run.refuse(said, fault("not_queued", payment=key))
    if isinstance(target, (Payment, Reservation)):
        may = (owner_of(target.payer), owner_of(target.payee), state.issuer_of(currency_of(target.payer)))
        if said.member not in may:
            return run.refuse(said, fault("not_yours"))
    elif isinstance(target, Trade) and said.member not in entitled(state, target):
        return run.refuse(said, fault("not_yours"))
    if key not in state.holds and len(state.holds) >= QUEUE_MAX:
        return run.refuse(said, fault("full", bound="holds", have=QUEUE_MAX))
    old = state.holds[key].holds if key in state.holds else ()
    new = Hold(said.member, facts["reason_class"], facts["list_hash"], until)
    kept = [one for one in old if one.by != said.member]
    state.put(state.holds, key, Holds(tuple(sorted([*kept, new]))))
    state.link(state.due, minute_of(until), "holds/" + key)
    if target is not None and not isinstance(target, Reservation) and target.state != "held":
        table = state.payment if isinstance(target, Payment) else state.trade
        state.put(table, key, target._replace(state=move(facts["target"], target.state, "held")))
        if isinstance(target, Payment):
            run.wake(target.payer)  # in strict order, what stood behind it may go now
    return run.done(said, "accepted", {"of": key})


def _is_over(run: Run, key: str) -> bool:
    """Whether a payment of that key came and is no longer waiting."""
    uetr, _, member = key.partition("/")
    return run.state.find_id(uetr, member, "transfer") is not None


def release(run: Run, said: Instruction) -> None:
    """Take one's hold back."""
    state, key = run.state, said.facts["of"]
    found = state.holds.get(key)
    rest = tuple(one for one in found.holds if one.by != said.member) if found else ()
    if found is None or len(rest) == len(found.holds):
        return run.refuse(said, fault("unknown_hold", of=key))
    if rest:
        state.put(state.holds, key, Holds(rest))
    else:
        state.drop(state.holds, key)
    run.done(said, "accepted", {"of": key})
    payment: Payment | None = state.payment.get(key) if said.facts["target"] == "payment" else None
    trade: Trade | None = state.trade.get(key) if said.facts["target"] == "trade" else None
    if payment is not None and not relevant_holds(run, key, payment.payer, payment.payee):
        release_payment(run, payment)
    if trade is not None and trade.state == "held" and not trade_holds(run, trade):
        release_trade(run, trade)
    return None


def release_payment(run: Run, payment: Payment) -> None:
    """What a held payment does once nobody holds it: settle, wait, or be rejected."""
    if payment.state != "held":
        return
    found = blocked(run, payment)
    if found is None:
        settle_waiting(run, payment)
    elif payment.if_short == "queue":
        move("payment", payment.state, "queued")
        run.state.put(run.state.payment, payment.key, payment._replace(state="queued"))
        facts = {"payer": payment.payer, "payee": payment.payee, "amount_minor": str(payment.amount)}
        run.receipt("transfer", payment.uetr, payment.member, "queued", {**facts, "waits_for": found.code})
        run.wake(payment.payer)
    else:
        end_waiting(run, payment, "rejected", found.code)


def expire_holds(run: Run, key: str) -> None:
    """Some hold of this key may have run out: then what it held is rejected back, whoever else holds it."""
    state = run.state
    found = state.holds.get(key)
    if found is None or all(one.until >= run.time_ms for one in found.holds):
        return
    rest = tuple(one for one in found.holds if one.until >= run.time_ms)
    over = [one for one in found.holds if one.until < run.time_ms]
    payment, trade, reservation = state.payment.get(key), state.trade.get(key), state.reservation.get(key)
    if rest:
        state.put(state.holds, key, Holds(rest))
    else:
        state.drop(state.holds, key)
    if payment is not None and payment.state == "held":
        may = (owner_of(payment.payer), owner_of(payment.payee), state.issuer_of(currency_of(payment.payer)))
        if any(one.by in may for one in over):
            end_waiting(run, payment, "rejected", "hold_expired")
    elif trade is not None and trade.state == "held" and any(one.by in entitled(state, trade) for one in over):
        end_trade(run, trade, "cancelled", "hold_expired")
    if reservation is not None:
        payer, payee = reservation.payer, reservation.payee
        if any(one.by in (owner_of(payer), owner_of(payee), state.issuer_of(currency_of(payer))) for one in over):
            void_held(run, reservation)
