"""How much may an account still pay: limits of its owner and caps of the issuer, quotas by purpose.

Kinds, each with the owner's figure and the issuer's cap, of which the tighter counts: `payment` (one payment),
`day_out` (all that goes out on a UTC day), `bilateral` (net to one payee on a day: paid to it less got from it),
`multilateral` (net to everyone on a day). Quotas: per currency, purpose code, and whether the payer is resident in the
issuer's country, on a UTC day. Counters move in the step that moves the money. A return is a correction: it counts, but
no limit stops it. The net counters of a pair begin when its limit is set.
"""

from __future__ import annotations

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import Account, Flow, Limit, Limits, Quota, currency_of, owner_of
from concordat.clearing.core.run import Fault, Run, fault


def day_flows(run: Run, account: Account) -> tuple[int, int]:
    """What went out of and came into an account on this UTC day."""
    return (account.day_out, account.day_in) if account.day == run.day else (0, 0)


def limit_room(run: Run, account: Account, limit: Limit) -> int:
    """What a limit still lets go out, in minor units (for `payment`: of one payment)."""
    out, came = day_flows(run, account)
    if limit.kind == "payment":
        return limit.figure
    if limit.kind == "day_out":
        return limit.figure - out
    if limit.kind == "multilateral":
        return limit.figure - (out - came)
    flow = run.state.flow.get(f"{account.id}>{limit.payee}")
    return limit.figure - (flow.net if flow and flow.day == run.day else 0)


def limit_fault(run: Run, account: Account, payee: str, amount: int, *, standing: bool) -> Fault | None:
    """The first limit that a payment would pass: limits of one payment if `standing`, else those of the day."""
    found = run.state.limits.get(account.id)
    if found is None:
        return None
    for limit in found.limits:
        if (limit.kind == "payment") != standing or (limit.payee and limit.payee != payee):
            continue
        room = limit_room(run, account, limit)
        if amount > room:
            return fault("over_limit", need=amount, have=room, limit=limit.kind, limit_owner=limit.setter)
    return None


def quota_key(run: Run, payer: str, purpose: str) -> str:
    """The counter that a payment for a purpose runs against."""
    currency = currency_of(payer)
    resident = run.state.issuer_of(currency)[4:6] == payer[4:6]
    return f"{currency}/{purpose}/{'resident' if resident else 'abroad'}"


def quota_fault(run: Run, payer: str, amount: int, purpose: str) -> Fault | None:
    """Whether the issuer's quota for the purpose is used up."""
    quota = run.state.quota.get(quota_key(run, payer, purpose)) if purpose and run.state.quota else None
    if quota is None:
        return None
    room = quota.limit - (quota.used if quota.day == run.day else 0)
    return fault("quota_full", need=amount, have=room) if amount > room else None


def count(run: Run, payer: Account, payee: Account, amount: int, purpose: str) -> None:
    """Move all counters of a payment; both accounts are being written."""
    for account in (payer, payee):
        if account.day != run.day:
            account.day, account.day_in, account.day_out = run.day, 0, 0
    payer.day_out += amount
    payee.day_in += amount
    state = run.state
    if state.limits:
        count_pair(run, payer.id, payee.id, amount)
        count_pair(run, payee.id, payer.id, -amount)
    if purpose and state.quota:
        key = quota_key(run, payer.id, purpose)
        quota = state.quota.get(key)
        if quota is not None:
            used = quota.used if quota.day == run.day else 0
            state.put(state.quota, key, Quota(quota.limit, run.day, used + amount))


def count_pair(run: Run, payer: str, payee: str, amount: int) -> None:
    """Add to the net flow of a pair, where the payer has a bilateral limit for it."""
    found = run.state.limits.get(payer)
    if found and any(limit.payee == payee for limit in found.limits):
        key = f"{payer}>{payee}"
        flow = run.state.flow.get(key)
        before = flow.net if flow and flow.day == run.day else 0
        run.state.put(run.state.flow, key, Flow(run.day, before + amount))


# --- Instructions ---------------------------------------------------------------------------------------------------


def limit_set(run: Run, said: Instruction) -> None:
    """Set, change or (with null) take away a limit of an account: its owner's figure or the issuer's cap."""
    state, account = run.state, said.facts["account"]
    is_owner, is_issuer = said.member == owner_of(account), said.member == state.issuer_of(currency_of(account))
    main = len(account) == 12 and state.holds_currency(owner_of(account), currency_of(account))
    if account not in state.accounts and not main:
        return run.refuse(said, fault("unknown_account"))
    if account[12:] == "/issue":
        return run.refuse(said, fault("bad_account"))
    if not is_owner and not is_issuer:
        return run.refuse(said, fault("not_yours"))
    kind, payee, amount = said.facts["limit"], said.facts["payee"], said.facts["amount_minor"]
    known = {(one.kind, one.payee): one for one in state.limits[account].limits} if account in state.limits else {}
    old = known.pop((kind, payee), Limit(kind, payee, None, None))
    new = old._replace(own=amount) if is_owner else old._replace(cap=amount)
    if new.own is not None or new.cap is not None:
        known[kind, payee] = new
    if len(known) > 1_000:
        return run.refuse(said, fault("full", bound="limits_an_account", have=1_000))
    state.open_account(account)
    if known:
        state.put(state.limits, account, Limits(tuple(known[key] for key in sorted(known))))
    else:
        state.drop(state.limits, account)
    if kind == "bilateral" and (kind, payee) not in known:
        state.drop(state.flow, f"{account}>{payee}")
    run.done(said, "accepted", {"account": account})
    return run.wake(account)


def quota_set(run: Run, said: Instruction) -> None:
    """Set, change or (with null) take away a quota of the issuer's own currency."""
    state, facts = run.state, said.facts
    if said.member != state.issuer_of(facts["currency"]):
        return run.refuse(said, fault("not_issuer"))
    key = f"{facts['currency']}/{facts['purpose']}/{'resident' if facts['resident'] else 'abroad'}"
    if facts["amount_minor"] is None:
        state.drop(state.quota, key)
    else:
        old = state.quota.get(key, Quota(0, 0, 0))
        state.put(state.quota, key, Quota(facts["amount_minor"], old.day, old.used))
    run.done(said, "accepted")
    return run.wake_all()
