"""How money comes into being, moves, and is taken back; credit lines and freezes.

The issuer's issue account is the only one without a floor: its balance is minus what was issued and not redeemed, so
the balances of a currency always sum to 0. `obstacle` is the one place that decides whether a payment may settle, `pay`
the one place that moves money between members' accounts; both legs of a trade, a queue's release and a certificate go
through them (a certificate checks sums itself, since it settles in one step).
"""

from __future__ import annotations

from concordat.clearing.core.corridors import passing_way, standing_way, use_way
from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.limits import count, limit_fault, quota_fault
from concordat.clearing.core.model import (
    CURRENCY_TOTAL_MAX,
    LENT_MAX,
    TAGS_MAX,
    Account,
    Band,
    currency_of,
    is_issue,
    issue_account,
    owner_of,
)
from concordat.clearing.core.run import Fault, Run, fault
from concordat.clearing.core.state import State

Pair = tuple[str, str] | None


def account_of(state: State, name: str) -> Account | None:
    """An account that is there, or would be at once: a member's main one in a currency it holds. Nothing changes."""
    found = state.accounts.get(name)
    if found is None and len(name) == 12 and state.holds_currency(owner_of(name), currency_of(name)):
        return Account(name)
    return found


def side_fault(run: Run, payer: str, payee: str) -> Fault | None:
    """Why one of the two accounts can't take part at all."""
    state = run.state
    for name in (payer, payee):
        if not state.holds_currency(owner_of(name), currency_of(name)):
            return fault("bad_member", account=name)
        left = name == payee and state.has_left(owner_of(name), run.height)
        if left or state.is_suspended(owner_of(name), run.height):
            return fault("account_closed", account=name)
    if len(payer) > 12 and payer not in state.accounts:
        return fault("unknown_account", account=payer)
    if len(payee) > 12 and payee not in state.accounts:
        if owner_of(payer) != owner_of(payee):
            return fault("unknown_account", account=payee)
        if state.tags.get(payee[:12], 0) >= TAGS_MAX:
            return fault("full", bound="tagged_accounts", have=TAGS_MAX)
    return None


def standing_fault(run: Run, payer: str, payee: str, amount: int, purpose: str, pair: Pair = None) -> Fault | None:
    """Why a payment is refused whatever it is willing to wait for: accounts, corridor, limit of one payment, freeze."""
    found = side_fault(run, payer, payee) or standing_way(run, payer, payee, amount, purpose, pair)
    if found is not None:
        return found
    account = account_of(run.state, payer)
    assert account is not None
    found = limit_fault(run, account, payee, amount, standing=True)
    return found or (fault("account_frozen", account=payer) if account.frozen else None)


def passing_fault(
    run: Run, payer: str, payee: str, amount: int, purpose: str, pair: Pair = None, freed: int = 0
) -> Fault | None:
    """Why a payment can't settle now and might later: hours, quota, limits of the day, money.

    `freed`: what a reservation of the payer gives back in the same step.
    """
    found = passing_way(run, payer, payee, amount, purpose, pair) or quota_fault(run, payer, amount, purpose)
    account = account_of(run.state, payer)
    assert account is not None
    found = found or limit_fault(run, account, payee, amount, standing=False)
    return found or funds_fault(account, amount, freed)


def funds_fault(account: Account, amount: int, freed: int = 0) -> Fault | None:
    """Whether the payer has less available than it needs; below its floor it pays nothing, reserved or not."""
    available = account.available
    if available < 0 or available + freed < amount:
        return fault("insufficient_funds", need=amount, have=available + freed)
    return None


def obstacle(run: Run, payer: str, payee: str, amount: int, purpose: str, pair: Pair = None) -> Fault | None:
    """Why a payment can't settle now; None if it can."""
    return standing_fault(run, payer, payee, amount, purpose, pair) or passing_fault(
        run, payer, payee, amount, purpose, pair
    )


def pay(
    run: Run, payer: str, payee: str, amount: int, purpose: str, pair: Pair = None, *, by_corridor: bool = True
) -> tuple[int, int]:
    """Move money that nothing stands in the way of; the payer's balance before and after."""
    state = run.state
    if by_corridor:
        use_way(run, payer, payee, amount, purpose, pair)
    source = state.write(state.accounts[payer])
    target = state.write(state.open_account(payee))
    before = source.balance
    source.balance -= amount
    source.debits += amount
    source.entries += 1
    target.balance += amount
    target.credits += amount
    target.entries += 1
    count(run, source, target, amount, purpose)
    run.wake(payee)
    return before, source.balance


# --- Instructions ---------------------------------------------------------------------------------------------------


def issue(run: Run, said: Instruction) -> None:
    """Create money: from the issue account to the issuer's main account."""
    _create(run, said, 1)


def redeem(run: Run, said: Instruction) -> None:
    """Destroy money: from the issuer's main account back to the issue account."""
    _create(run, said, -1)


def _create(run: Run, said: Instruction, sign: int) -> None:
    state, currency, amount = run.state, said.facts["currency"], said.facts["amount_minor"]
    if said.member != state.issuer_of(currency):
        return run.refuse(said, fault("not_issuer"))
    main = account_of(state, f"{said.member}/{currency}")
    assert main is not None
    money = state.money[currency]
    if sign > 0 and money.issued - money.redeemed + amount > CURRENCY_TOTAL_MAX:
        room = CURRENCY_TOTAL_MAX - (money.issued - money.redeemed)
        return run.refuse(said, fault("currency_too_large", need=amount, have=room))
    total = money.issued - money.redeemed + amount
    if sign > 0 and total > LENT_MAX and total + _lent(state, currency) > CURRENCY_TOTAL_MAX:
        room = CURRENCY_TOTAL_MAX - (total - amount) - _lent(state, currency)
        return run.refuse(said, fault("currency_too_large", need=amount, have=max(0, room)))
    found = funds_fault(main, amount) if sign < 0 else None
    if found is None and sign < 0 and main.frozen:
        found = fault("account_frozen", account=main.id)
    if found is None and sign < 0 and main.balance < amount:  # money on credit can't be destroyed: it is nobody's
        found = fault("insufficient_funds", need=amount, have=main.balance)
    if found is not None:
        return run.refuse(said, found)
    source = state.write(state.accounts[issue_account(said.member, currency)])
    main = state.write(state.open_account(main.id))
    before = main.balance
    source.balance -= sign * amount
    main.balance += sign * amount
    for account, came in ((source, -sign * amount), (main, sign * amount)):
        account.credits += max(came, 0)
        account.debits += max(-came, 0)
        account.entries += 1
    change = {"issued": money.issued + amount} if sign > 0 else {"redeemed": money.redeemed + amount}
    state.put(state.money, currency, money._replace(**change))
    facts = {"account": main.id, "amount_minor": str(amount), "before": str(before), "after": str(main.balance)}
    run.done(said, "settled", facts)
    return run.wake(main.id)


def _lent(state: State, currency: str, without: str = "") -> int:
    """What lines may add to what stands on one account: each line, or what is in use of one that was cut."""
    accounts = state.accounts.values()
    return sum(
        max(one.line, -one.balance)
        for one in accounts
        if currency_of(one.id) == currency and not is_issue(one.id) and one.id != without
    )


def _own_currency(run: Run, said: Instruction, name: str) -> Fault | Account:
    """The account that an issuer acts on, or why it can't."""
    if said.member != run.state.issuer_of(currency_of(name)):
        return fault("not_issuer")
    if is_issue(name):
        return fault("bad_account", account=name)
    if account_of(run.state, name) is None:
        return fault("unknown_account", account=name)
    return run.state.open_account(name)


def line_set(run: Run, said: Instruction) -> None:
    """Set the credit line of an account; one cut below its use stands at once, nothing is seized."""
    account = _own_currency(run, said, said.facts["account"])
    if isinstance(account, Fault):
        return run.refuse(said, account)
    amount, code = said.facts["amount_minor"], currency_of(account.id)
    if amount > account.line:
        money = run.state.money[code]
        most = min(LENT_MAX, CURRENCY_TOTAL_MAX - (money.issued - money.redeemed))
        room = most - _lent(run.state, code, without=account.id)
        if max(amount, -account.balance) > room:
            return run.refuse(said, fault("currency_too_large", need=amount, have=max(0, room)))
    run.lines[account.id] = max(account.line, run.lines.get(account.id, 0))
    run.state.write(account).line = amount
    run.done(said, "accepted", {"account": account.id, "amount_minor": str(account.line)})
    return run.wake(account.id)


def freeze(run: Run, said: Instruction) -> None:
    """Let an account receive and not pay."""
    _set_frozen(run, said, frozen=True)


def unfreeze(run: Run, said: Instruction) -> None:
    """Let an account pay again."""
    _set_frozen(run, said, frozen=False)


def _set_frozen(run: Run, said: Instruction, *, frozen: bool) -> None:
    account = _own_currency(run, said, said.facts["account"])
    if isinstance(account, Fault):
        return run.refuse(said, account)
    run.state.write(account).frozen = frozen
    run.done(said, "accepted", {"account": account.id})
    return run.wake(account.id)


def band_set(run: Run, said: Instruction) -> None:
    """Keep the issuer's band for a pair (not yet applied to trades)."""
    state, pair = run.state, said.facts["pair"]
    if said.member not in [state.issuer_of(code) for code in pair.split("/")]:
        return run.refuse(said, fault("not_issuer"))
    state.put(state.band, f"{pair}/{said.member}", Band(said.facts["low"], said.facts["high"]))
    return run.done(said, "accepted")
