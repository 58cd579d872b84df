"""Payment versus payment: two sides of one trade meet, and both legs settle in one step or neither does.

Each party sends the same terms under one `trade_id`: both legs, each an account paying another, in the order of their
currencies. The first makes it `half`, the second `matched`; if terms differ, both are told which field, and nothing
else of the other's side. A matched trade settles when both legs can: accounts, limits, quota, corridor, both currencies
open. No instruction sees one leg. Trades are tried by `seq`, at matching, and at the end of each block where something
changed (`core.queue` tells the order).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import QUEUE_MAX, Hold, Leg, Trade, currency_of, owner_of, trade_key
from concordat.clearing.core.money import passing_fault, pay, standing_fault
from concordat.clearing.core.run import Fault, Run, fault
from concordat.clearing.core.state import State, minute_of
from concordat.clearing.core.states import move

FIELDS = ("payer", "payee", "amount_minor")


def entitled(state: State, trade: Trade) -> tuple[str, ...]:
    """Who may hold a trade: both parties and both issuers."""
    return (
        *(owner_of(leg.payer) for leg in trade.legs),
        *(state.issuer_of(currency_of(leg.payer)) for leg in trade.legs),
    )


def trade_holds(run: Run, trade: Trade) -> tuple[Hold, ...]:
    """The holds on a trade that count."""
    found = run.state.holds.get(trade.key)
    may = entitled(run.state, trade)
    return tuple(one for one in found.holds if one.by in may) if found else ()


def pair_of(legs: tuple[Leg, ...]) -> tuple[str, str]:
    """The two currencies, in order."""
    return currency_of(legs[0].payer), currency_of(legs[1].payer)


def legs_fault(run: Run, legs: tuple[Leg, ...]) -> tuple[Fault | None, bool]:
    """What stands in the way of either leg, and whether waiting can help."""
    pair = pair_of(legs)
    for leg in legs:
        found = standing_fault(run, leg.payer, leg.payee, leg.amount, "", pair)
        if found is not None:
            return found, found.code == "account_frozen"  # a freeze may end before the trade does
    for leg in legs:
        found = passing_fault(run, leg.payer, leg.payee, leg.amount, "", pair)
        if found is not None:
            return found, True
    return None, True


def trade(run: Run, said: Instruction) -> None:
    """One side of a trade."""
    state, legs = run.state, said.facts["legs"]
    key = trade_key(said.facts["trade_id"], legs)
    known: Trade | None = state.trade.get(key)
    if known is not None and said.member in known.sides:
        return run.refuse(said, fault("trade_known", trade_id=said.facts["trade_id"]))
    if known is None:
        return _first_side(run, said, key)
    return _second_side(run, said, known)


def _first_side(run: Run, said: Instruction, key: str) -> None:
    state, legs = run.state, said.facts["legs"]
    if len(state.trade) >= QUEUE_MAX:
        return run.refuse(said, fault("full", bound="open_trades", have=QUEUE_MAX))
    found, may_wait = legs_fault(run, legs)
    if found is not None and not may_wait:
        return run.refuse(said, _shown(said.member, legs, found), {"trade_id": said.facts["trade_id"]})
    made = Trade(said.facts["trade_id"], legs, (said.member,), (said.uetr,), said.valid_until, "half", state.next_seq())
    state.put(state.trade, key, made)
    state.link(state.due, minute_of(made.until), "trade/" + key)
    for leg in legs:
        state.link(state.trades_of, leg.payer, key)
    return run.done(said, "half", {"trade_id": made.trade_id})


def _second_side(run: Run, said: Instruction, known: Trade) -> None:
    state = run.state
    differing = _difference(known.legs, said.facts["legs"])
    if differing:
        run.done(said, "trade_mismatch", {"trade_id": known.trade_id, "field": differing})
        return end_trade(run, known, "cancelled", "trade_mismatch", {"field": differing})
    until = min(known.until, said.valid_until)
    state.unlink(state.due, minute_of(known.until), "trade/" + known.key)
    both = known._replace(
        sides=(*known.sides, said.member), uetrs=(*known.uetrs, said.uetr), until=until, state="matched"
    )
    held = bool(trade_holds(run, both))
    after = "held" if held else "matched"
    both = both._replace(state=after if known.state == after else move("trade", known.state, after))
    state.put(state.trade, both.key, both)
    state.link(state.due, minute_of(until), "trade/" + both.key)
    found, _ = legs_fault(run, both.legs)
    if held or found is not None:
        tell(run, both, both.state, {}, said)
        return None
    return settle_trade(run, both, said)


def _difference(mine: tuple[Leg, ...], theirs: tuple[Leg, ...]) -> str:
    """The first field in which two sides differ; empty if they agree."""
    for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        for name, a, b in zip(FIELDS, one, other, strict=True):
            if a != b:
                return f"legs[{number}].{name}"
    return ""


def _shown(member: str, legs: tuple[Leg, ...], found: Fault) -> Fault:
    """A fault as a party may see it: figures of the other's account are left out."""
    own = {leg.payer for leg in legs if owner_of(leg.payer) == member}
    hidden = found.facts.get("account") not in own and "need" in found.facts
    return Fault(found.code, {} if hidden else found.facts)


def tell(run: Run, trade: Trade, code: str, facts: dict[str, Any], said: Instruction | None = None) -> None:
    """A receipt for each side; the one that was said last comes first."""
    sides = list(zip(trade.uetrs, trade.sides, strict=True))
    if said is not None:
        sides.sort(key=lambda side: side[1] != said.member)
    for uetr, member in sides:
        run.receipt("trade", uetr, member, code, {"trade_id": trade.trade_id, **facts})


def settle_trade(run: Run, trade: Trade, said: Instruction | None = None) -> None:
    """Both legs, in one step."""
    pair = pair_of(trade.legs)
    _take_out(run, trade, "settled")
    balances = {}
    for leg in trade.legs:
        balances[owner_of(leg.payer)] = (leg, *pay(run, leg.payer, leg.payee, leg.amount, "", pair))
    sides = list(zip(trade.uetrs, trade.sides, strict=True))
    if said is not None:
        sides.sort(key=lambda side: side[1] != said.member)
    for uetr, member in sides:
        leg, before, after = balances[member]
        facts = {"payer": leg.payer, "payee": leg.payee, "amount_minor": str(leg.amount)}
        money = {**facts, "before": str(before), "after": str(after), "trade_id": trade.trade_id}
        run.receipt("trade", uetr, member, "settled", money)


def _take_out(run: Run, trade: Trade, ended: str) -> None:
    state = run.state
    move("trade", trade.state, ended)
    state.drop(state.trade, trade.key)
    state.unlink(state.due, minute_of(trade.until), "trade/" + trade.key)
    for leg in trade.legs:
        state.unlink(state.trades_of, leg.payer, trade.key)
    state.drop(state.holds, trade.key)


def end_trade(run: Run, trade: Trade, ended: str, code: str, facts: dict[str, Any] | None = None) -> None:
    """End a trade without money: expired, cancelled, its hold run out."""
    _take_out(run, trade, ended)
    tell(run, trade, code, facts or {})


def release_trade(run: Run, trade: Trade) -> None:
    """What a held trade does once nobody holds it: settle, wait on, or stay without its other side."""
    state = run.state
    if len(trade.sides) < 2:
        state.put(state.trade, trade.key, trade._replace(state=move("trade", trade.state, "half")))
        return
    back = trade._replace(state=move("trade", trade.state, "matched"))
    state.put(state.trade, back.key, back)
    if legs_fault(run, back.legs)[0] is None:
        settle_trade(run, back)
    else:
        tell(run, back, "matched", {})


def settle_first(run: Run, keys: Iterable[str]) -> bool:
    """Settle the first matched trade among these that can, in the order in which they came; whether there was one."""
    known = run.state.trade
    for trade in sorted((known[key] for key in keys if key in known), key=lambda t: t.seq):
        if trade.state == "matched" and legs_fault(run, trade.legs)[0] is None:
            settle_trade(run, trade)
            return True
    return False
