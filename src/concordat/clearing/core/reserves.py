"""Two-phase payments: money is set aside first, then posted (at most what is reserved) or given up.

A reservation is a payment that may settle now and doesn't yet: all that would stop the payment stops the reservation.
Posting moves money, frees the rest, and asks again what may have changed (freeze, hours, limits of the day); below the
floor of a cut credit line, or while a bank or the issuer holds it, nothing is posted. A reservation that runs out is
voided by the time of the block, and so is one whose hold runs out.
"""

from __future__ import annotations

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import Reservation, owner_of, payment_key
from concordat.clearing.core.money import obstacle, passing_fault, pay, standing_fault
from concordat.clearing.core.queue import relevant_holds
from concordat.clearing.core.run import Fault, Run, fault, money_facts
from concordat.clearing.core.state import minute_of
from concordat.clearing.core.states import move


def reserve(run: Run, said: Instruction) -> None:
    """Set money aside for one payee."""
    state, facts = run.state, said.facts
    payer, payee, amount = facts["payer"], facts["payee"], facts["amount_minor"]
    told = {"payer": payer, "payee": payee, "amount_minor": str(amount)}
    key = payment_key(said.uetr, said.member)
    if owner_of(payer) != said.member:
        return run.refuse(said, fault("not_yours", account=payer), told)
    if key in state.reservation:
        return run.refuse(said, fault("id_reused"), told)
    if facts["expires"] < run.time_ms:
        return run.refuse(said, fault("expired"), told)
    found = obstacle(run, payer, payee, amount, facts["purpose"])
    if found is not None:
        return run.refuse(said, found, told)
    state.write(state.accounts[payer]).reserved += amount
    made = Reservation(said.uetr, payer, payee, amount, run.time_ms, facts["expires"], facts["purpose"])
    state.put(state.reservation, key, made)
    state.link(state.due, minute_of(made.until), "reservation/" + key)
    return run.done(said, "reserved", told)


def _own(run: Run, said: Instruction) -> Reservation | Fault:
    found: Reservation | None = run.state.reservation.get(payment_key(said.facts["reservation"], said.member))
    return found or fault("unknown_reservation", reservation=said.facts["reservation"])


def post(run: Run, said: Instruction) -> None:
    """Pay out of a reservation, and free the rest."""
    found, amount = _own(run, said), said.facts["amount_minor"]
    if isinstance(found, Fault):
        return run.refuse(said, found)
    told = {"payer": found.payer, "payee": found.payee, "amount_minor": str(amount), "reservation": found.uetr}
    wrong = fault("over_reserved", need=amount, have=found.amount) if amount > found.amount else None
    for key in (payment_key(found.uetr, said.member), payment_key(said.uetr, said.member)):
        if relevant_holds(run, key, found.payer, found.payee):
            wrong = wrong or fault("held")
    wrong = wrong or standing_fault(run, found.payer, found.payee, amount, found.purpose)
    wrong = wrong or passing_fault(run, found.payer, found.payee, amount, found.purpose, freed=found.amount)
    if wrong is not None:
        return run.refuse(said, wrong, told)
    free(run, found, "posted")
    before, after = pay(run, found.payer, found.payee, amount, found.purpose)
    facts = money_facts(found.payer, found.payee, amount, before, after)
    return run.done(said, "posted", {**facts, "reservation": found.uetr})


def void(run: Run, said: Instruction) -> None:
    """Give a reservation up."""
    found = _own(run, said)
    if isinstance(found, Fault):
        return run.refuse(said, found)
    free(run, found, "voided")
    return run.done(said, "voided", {"reservation": found.uetr, "amount_minor": str(found.amount)})


def free(run: Run, found: Reservation, ended: str) -> None:
    """End a reservation: its money is free again."""
    state = run.state
    key = payment_key(found.uetr, owner_of(found.payer))
    move("reservation", "reserved", ended)
    state.write(state.accounts[found.payer]).reserved -= found.amount
    state.drop(state.reservation, key)
    state.unlink(state.due, minute_of(found.until), "reservation/" + key)
    if key not in state.payment:
        state.drop(state.holds, key)
    run.wake(found.payer)


def expire_reservation(run: Run, found: Reservation) -> None:
    """Its time has passed: voided."""
    _end(run, found, "expired", "expired")


def void_held(run: Run, found: Reservation) -> None:
    """Nobody released a hold on it in time: voided."""
    _end(run, found, "voided", "hold_expired")


def _end(run: Run, found: Reservation, ended: str, code: str) -> None:
    free(run, found, ended)
    facts = {"payer": found.payer, "payee": found.payee, "amount_minor": str(found.amount)}
    run.receipt("reserve", found.uetr, owner_of(found.payer), code, facts)
