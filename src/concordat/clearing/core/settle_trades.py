"""Trades that settle together: what a certificate of problem `trades` says, and what only the ledger can check of it.

    {"problem": "trades", "height", "state_root", "trades_root", "chosen": [trade keys, ascending],
     "gained_minor": {currency: text}, "solver"?,
     and where the scheme states rates: "rates": their name, "gained_value", "bound_value"?,
     "prices"?: {"short": {"<BIC8>/<CCY>": text}, "cover": {BIC8: text}, "slope_bp": {"<BIC8>/<CCY>": text}}}

All legs of what is chosen are applied in one step. After it every account that pays has available >= 0: what an issuer
lends (the line) is the short limit, and reserved money is not there. Limits count the set as one step; corridors, their
caps and hours are asked leg by leg. Where the scheme states rates (`lsm.rates`), each member of a chosen trade must be
covered: sum_c min((10,000 - h) u_c, (10,000 + h) u_c) >= 0, u_c being what it has of c over all its accounts (balance -
reserved, without the issue account) at the rates, h the haircut in basis points. Without rates there is no such rule,
and nothing is added up over currencies. A trade in a currency without a rate, a held one, and one that could not settle
for a reason that is no sum (frozen, corridor, hours) can't be chosen (`left_out` says which and why).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concordat.clearing.core.certificates import Limit, QueuedPayment, Rooms, TradePrices, TradesProblem, check_trades
from concordat.clearing.core.certificates import Trade as ProposedTrade
from concordat.clearing.core.claims import check_claim, part_root, read_amounts, read_chosen, refused
from concordat.clearing.core.corridors import passing_way
from concordat.clearing.core.limits import limit_room
from concordat.clearing.core.model import Leg, Trade, currency_of, is_issue, owner_of
from concordat.clearing.core.money import account_of, standing_fault
from concordat.clearing.core.run import Run
from concordat.clearing.core.state import State
from concordat.clearing.core.trades import pair_of, settle_trade

WITH_RATES = {"rates", "gained_value"}
WITH_RATES_OPTIONAL = {"bound_value", "prices"}


def trades_root(state: State) -> str:
    """SHA-256 over the leaves of all trades that wait, ascending."""
    return part_root(state, "trade", state.trade)


def trades_problem(state: State, time_ms: int, height: int) -> TradesProblem:
    """The matched trades as a solver and `check_trades` see them, at the time and height of the block to come.

    Positions are by member and currency, over all accounts of it: balance - reserved, with the lines as short limits;
    an account below its floor counts with no more room than it uses. The ledger asks each account by itself as well.
    Without rates in the scheme every rate is 0, so that nothing is compared over currencies.
    """
    run = Run(state, height, time_ms)
    waiting = sorted((t for t in state.trade.values() if len(t.sides) == 2), key=lambda t: t.key)
    trades = [_proposed(run, trade) for trade in waiting]
    parties = {party for trade in trades for party in (trade.party_a, trade.party_b)}
    balances: dict[tuple[str, str], int] = {}
    lines: dict[tuple[str, str], int] = {}
    for name in sorted(state.accounts):
        if owner_of(name) in parties and not is_issue(name):
            account, key = state.accounts[name], (owner_of(name), currency_of(name))
            own = account.balance - account.reserved
            balances[key] = balances.get(key, 0) + own
            lines[key] = lines.get(key, 0) + max(account.line, -own)
    rates = state.scheme.rates
    worth = dict(rates.numerators) if rates else dict.fromkeys(state.scheme.currencies, 0)
    return TradesProblem(trades, balances, lines, worth, state.scheme.haircut_bp)


def _proposed(run: Run, trade: Trade) -> ProposedTrade:
    one, two = trade.legs
    apart = trade.state != "matched" or any(_leg_fault(run, leg, trade.legs) for leg in trade.legs)
    return ProposedTrade(
        trade.key, owner_of(one.payer), owner_of(two.payer), currency_of(one.payer), one.amount,
        currency_of(two.payer), two.amount, apart,
    )  # fmt: skip


def _leg_fault(run: Run, leg: Leg, legs: tuple[Leg, ...]) -> str:
    """Why a leg can't settle for a reason that no other trade changes; empty if there is none."""
    pair = pair_of(legs)
    found = standing_fault(run, leg.payer, leg.payee, leg.amount, "", pair)
    found = found or passing_way(run, leg.payer, leg.payee, leg.amount, "", pair)
    return found.code if found else ""


def left_out(state: State, time_ms: int, height: int) -> dict[str, str]:
    """Trades that wait and can't be chosen: key -> `half`, `held`, the code of what stops a leg, or `no_rate CCY`."""
    run, rates, found = Run(state, height, time_ms), state.scheme.rates, {}
    for key in sorted(state.trade):
        trade = state.trade[key]
        why = [trade.state] if trade.state != "matched" else [_leg_fault(run, leg, trade.legs) for leg in trade.legs]
        missing = [code for code in pair_of(trade.legs) if rates and code not in rates.numerators]
        if any(why):
            found[key] = next(code for code in why if code)
        elif missing:
            found[key] = f"no_rate {missing[0]}"
    return found


# --- The certificate --------------------------------------------------------------------------------------------------


def settle_trades(run: Run, certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Check a certificate of trades and settle what it chose; what its receipt says.

    Raises:
        RuleError: with the code `certificate_...` of the check that fails; the caller takes back what was written.
    """
    state, rates = run.state, run.state.scheme.rates
    if certificate["trades_root"] != trades_root(state):
        raise refused("trades_root", "the trades that wait are others than it was made for.", "trades_root")
    if rates and certificate["rates"] != rates.name:
        raise refused("rates", f"the scheme's rates are {rates.name}.", "rates")
    chosen = read_chosen(certificate)
    problem = trades_problem(state, run.time_ms, run.height)
    prices = _read_prices(problem, certificate["prices"]) if "prices" in certificate else None
    checked = check_trades(problem, chosen, prices)
    picked = [state.trade[key] for key in chosen]
    _check_accounts(run, picked)
    _check_limits(run, picked)
    gained = _gained(picked)
    check_claim(certificate, "gained_minor", gained)
    facts = {"problem": "trades", "trades": str(len(picked)), "gained_minor": gained}
    if rates:
        check_claim(certificate, "gained_value", str(checked.gained))
        facts |= {"rates": rates.name, "gained_value": str(checked.gained)}
    if "bound_value" in certificate:
        if checked.bound is None:
            raise refused("form", "a bound needs the prices that prove it.", "prices")
        check_claim(certificate, "bound_value", str(checked.bound))
        facts["bound_value"] = str(checked.bound)
    for trade in picked:
        _settle(run, trade)
    return facts


def _settle(run: Run, trade: Trade) -> None:
    """Both legs; caps of corridors and quotas are asked here, as they fill up leg by leg."""
    for leg in trade.legs:
        found = passing_way(run, leg.payer, leg.payee, leg.amount, "", pair_of(trade.legs))
        if found is not None:
            raise refused("sum", f"the set as a whole passes a bound: {found.code}.", trade.key)
        run.state.open_account(leg.payer)  # it may pay what it gets in this very step
    settle_trade(run, trade)


def _check_accounts(run: Run, picked: Sequence[Trade]) -> None:
    """Every account that pays ends at available >= 0."""
    end: dict[str, int] = {}
    payers: dict[str, None] = {}
    for trade in picked:
        for leg in trade.legs:
            payers[leg.payer] = None
            for name, change in ((leg.payer, -leg.amount), (leg.payee, leg.amount)):
                if name not in end:
                    account = account_of(run.state, name)
                    end[name] = account.available if account else 0
                end[name] += change
    for name in payers:
        if end[name] < 0:
            raise refused("overdraft", f"After the set {-end[name]} would be missing.", name)


def _check_limits(run: Run, picked: Sequence[Trade]) -> None:
    """Limits of the day of everybody who pays, the set being one step."""
    legs = [
        QueuedPayment(f"{trade.key}/{number}", leg.payer, leg.payee, leg.amount)
        for trade in picked
        for number, leg in enumerate(trade.legs)
    ]
    state = run.state
    rooms = Rooms(
        [
            Limit(one.kind, name, one.payee or None, limit_room(run, state.accounts[name], one))
            for name in sorted({leg.payer for leg in legs} & set(state.limits))
            for one in state.limits[name].limits
            if one.kind != "payment"
        ]
    )
    rooms.spend(legs)
    rooms.check(strict=True)


def _gained(picked: Sequence[Trade]) -> dict[str, str]:
    """What settles of each currency, as text."""
    sums: dict[str, int] = {}
    for trade in picked:
        for leg in trade.legs:
            code = currency_of(leg.payer)
            sums[code] = sums.get(code, 0) + leg.amount
    return {code: str(sums[code]) for code in sorted(sums)}


def _read_prices(problem: TradesProblem, value: Any) -> TradePrices:
    """The prices of a bound; every name in them is a party's."""
    if not isinstance(value, dict) or set(value) != set(TradePrices._fields):
        raise refused("form", "prices are short, cover and slope_bp.", "prices")
    short, cover, slope = (read_amounts(value[name], name) for name in TradePrices._fields)
    parties = {party for trade in problem.trades for party in (trade.party_a, trade.party_b)}
    known = {f"{party}/{code}": (party, code) for party in sorted(parties) for code in sorted(problem.rates)}
    for name in sorted((short.keys() | slope.keys()) - known.keys() | (cover.keys() - parties)):
        raise refused("prices", "There is a price, but no such party or position.", name[:60])
    return TradePrices(
        {known[name]: price for name, price in short.items()},
        cover,
        {known[name]: part for name, part in slope.items()},
    )
