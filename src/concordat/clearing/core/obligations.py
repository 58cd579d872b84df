"""Who owes whom without money having moved: divisible obligations, registered by both, reduced by payment or set-off.

`owe` is signed by the debtor and countersigned by the creditor. An obligation is named by its UETR and its debtor. It
is reduced by a transfer that names it (`obligation`), when that settles, or by a certificate of set-off
(`core.settle`); by nothing else. Once nothing is left it is gone from the register; the receipts tell its story.
"""

from __future__ import annotations

from collections.abc import Iterable

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import Obligation, currency_of, owner_of, payment_key
from concordat.clearing.core.run import Fault, Run, fault
from concordat.clearing.core.states import move


def owe(run: Run, said: Instruction, signers: Iterable[str]) -> None:
    """Register an obligation."""
    state, facts = run.state, said.facts
    key = payment_key(said.uetr, said.member)
    if facts["creditor"] not in signers:
        return run.refuse(said, fault("not_countersigned"))
    for bic8 in (said.member, facts["creditor"]):
        if not state.holds_currency(bic8, facts["currency"]) or state.is_suspended(bic8, run.height):
            return run.refuse(said, fault("bad_member", bic8=bic8))
    if key in state.obligation:
        return run.refuse(said, fault("id_reused"))
    amount = facts["amount_minor"]
    state.put(
        state.obligation,
        key,
        Obligation(said.uetr, said.member, facts["creditor"], facts["currency"], amount, amount, facts["due"]),
    )
    run.done(said, "accepted", {"amount_minor": str(amount), "creditor": facts["creditor"]})
    for name in [n for n in state.queue_of if owner_of(n) == said.member and currency_of(n) == facts["currency"]]:
        run.wake(name)  # it may wait with the name of an obligation whose id was forgotten and is taken up again
    return None


def obligation_fault(run: Run, uetr: str, payer: str, payee: str, amount: int) -> Fault | None:
    """Why a payment can't reduce the obligation that it names; None if it can, or names none."""
    if not uetr:
        return None
    found = run.state.obligation.get(payment_key(uetr, owner_of(payer)))
    if found is None or found.creditor != owner_of(payee) or found.currency != currency_of(payer):
        return fault("unknown_obligation", obligation=uetr)
    return fault("over_obligation", need=amount, have=found.left) if amount > found.left else None


def reduce_obligation(run: Run, uetr: str, debtor: str, amount: int) -> Obligation:
    """Reduce an obligation by what was paid or set off; what it is then."""
    state, key = run.state, payment_key(uetr, debtor)
    found: Obligation = state.obligation[key]
    left = found._replace(left=found.left - amount)
    assert left.left >= 0
    move("obligation", "owed", "owed" if left.left else "cleared")
    if left.left:
        state.put(state.obligation, key, left)
    else:
        state.drop(state.obligation, key)
    return left
