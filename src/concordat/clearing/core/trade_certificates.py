"""May these trades settle together, and how near is the set to the best: the checks of problem C (`certificates`).

Both legs of a trade or none. For every member of a chosen trade and every currency c it moves, the position
v = balance + received - paid must be >= -short limit, and for the member as a whole
sum_c min((1 - h) u_c, (1 + h) u_c) >= 0 with u = v at the rates: what is long counts for less, what is short for more.
Prices bound the value of every set (weak duality of the linear relaxation, in which the concave cover is replaced by
one of its tangents). A member below its floor before may do nothing unless it ends above. Integers only, one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple, NoReturn

from concordat.errors import RuleError

PRICE_ONE = 1_000_000  # prices are integers in units of 1e-6


class Checked(NamedTuple):
    """What a certificate proves: `gained`, what the set settles; `bound`, what no set exceeds (None without prices).

    In minor units; for trades, in units of value: the numerator over the denominator of the rates.
    """

    gained: int
    bound: int | None


class Trade(NamedTuple):
    """`party_a` pays `a_amount` of `a_currency` to `party_b`, which pays `b_amount` of `b_currency` back."""

    id: str
    party_a: str
    party_b: str
    a_currency: str
    a_amount: int
    b_currency: str
    b_amount: int
    held: bool = False


class TradesProblem(NamedTuple):
    """Trades to settle at one instant.

    Attributes:
        trades: the matched trades.
        balances: (member, currency) -> minor units; absent means 0.
        short_limits: (member, currency) -> minor units that it may be short; absent means 0.
        rates: currency -> the worth of one minor unit, as the numerator over a denominator that all share.
        haircut_bp: h in basis points: what is long counts (1 - h), what is short (1 + h).
    """

    trades: Sequence[Trade]
    balances: Mapping[tuple[str, str], int]
    short_limits: Mapping[tuple[str, str], int]
    rates: Mapping[str, int]
    haircut_bp: int = 800


class TradePrices(NamedTuple):
    """Prices that bound the value of trades, integers in 1e-6 of the value's unit, all >= 0; absent means 0.

    Attributes:
        short: (member, currency) -> price of a minor unit of its short limit.
        cover: member -> price of a unit of its covered value.
        slope_bp: (member, currency) -> the slope in [10,000 - h, 10,000 + h] at which its position enters the cover.
    """

    short: Mapping[tuple[str, str], int]
    cover: Mapping[str, int]
    slope_bp: Mapping[tuple[str, str], int]


def refuse(code: str, where: str, what: str) -> NoReturn:
    raise RuleError(what, where=where, code=f"certificate_{code}")


def check_trades(problem: TradesProblem, chosen: Sequence[str], prices: TradePrices | None = None) -> Checked:
    """Check a set of trades, settled at one instant, and what its prices prove.

    Args:
        problem: trades, balances, short limits and rates.
        chosen: ids, strictly ascending as text.
        prices: of the bound; None where none are given.

    Returns:
        The worth of both legs of the set, and the bound, in units of value (numerators of the rates).

    Raises:
        RuleError: with the code `certificate_...` of the condition that fails.
    """
    if not all(map(lt, chosen, islice(chosen, 1, None))):
        refuse("unsorted", "", "The ids must ascend, each once.")
    picked = frozenset(chosen)
    position: dict[tuple[str, str], int] = {}
    gained = found = 0
    for trade in problem.trades:
        if trade.id not in picked:
            continue
        if trade.held:
            refuse("held", trade.id, "The trade is held.")
        if missing := [c for c in (trade.a_currency, trade.b_currency) if c not in problem.rates]:
            refuse("rate", trade.id, f"There is no rate of {missing[0]}.")
        for key, change in moves(trade):
            position[key] = position.get(key, problem.balances.get(key, 0)) + change
        gained += trade_value(problem, trade)
        found += 1
    if found != len(chosen):
        refuse("unknown_trade", "", f"{len(chosen)} trades are named, of which {found} are matched and stand once.")
    _check_positions(problem, position)
    return Checked(gained, None if prices is None else trades_bound(problem, prices))


def moves(trade: Trade) -> tuple[tuple[tuple[str, str], int], ...]:
    """What a trade does to the positions of its parties: ((member, currency), change)."""
    a, b = trade.party_a, trade.party_b
    return (
        ((a, trade.a_currency), -trade.a_amount),
        ((b, trade.a_currency), trade.a_amount),
        ((a, trade.b_currency), trade.b_amount),
        ((b, trade.b_currency), -trade.b_amount),
    )


def trade_value(problem: TradesProblem, trade: Trade) -> int:
    """What both legs of a trade are worth, in units of value."""
    return problem.rates[trade.a_currency] * trade.a_amount + problem.rates[trade.b_currency] * trade.b_amount


def _check_positions(problem: TradesProblem, position: Mapping[tuple[str, str], int]) -> None:
    """Short limits where a chosen trade moves something, cover of every member that trades."""
    for (member, currency), held in position.items():
        limit = problem.short_limits.get((member, currency), 0)
        if held < -limit:
            refuse("short_limit", f"{member}, {currency}", f"It would be short {-held}; its limit is {limit}.")
    whole = {key: held for key, held in problem.balances.items() if key not in position} | dict(position)
    cover = dict.fromkeys((member for member, _ in position), 0)
    for (member, currency), held in whole.items():
        if member not in cover:
            continue
        if currency in problem.rates:
            worth = held * problem.rates[currency]
            cover[member] += worth * (10_000 - problem.haircut_bp if worth > 0 else 10_000 + problem.haircut_bp)
        elif held < 0:
            refuse("rate", f"{member}, {currency}", f"It is short {-held}, and there is no rate to value that.")
    for member, worth in cover.items():
        if worth < 0:
            refuse("cover", member, f"After the haircut {-worth // 10_000} units of value would be uncovered.")


def trades_bound(problem: TradesProblem, prices: TradePrices) -> int:
    """What no set of trades can exceed in value, by prices y (short), z (cover) and slopes s; rounded up.

    sum y (balance + limit) + sum_m z_m sum_c s r balance + sum_e max(0, value_e + sum of (y + z s r) x change),
    the first two sums by parts of at least 0: min((1-h)u, (1+h)u) <= s u for every slope s between.
    """
    haircut, total = problem.haircut_bp, 0
    per_unit: dict[tuple[str, str], int] = {}
    for key, price in prices.short.items():
        if price < 0:
            refuse("prices", ", ".join(key), f"The price {price} is below 0.")
        per_unit[key] = price * 10_000
        total += per_unit[key] * max(0, problem.balances.get(key, 0) + problem.short_limits.get(key, 0))
    covered = dict.fromkeys(prices.cover, 0)
    for (member, currency), slope in prices.slope_bp.items():
        if not 10_000 - haircut <= slope <= 10_000 + haircut:
            refuse("prices", f"{member}, {currency}", f"The slope {slope} is not within {haircut} of 10,000.")
        weight = prices.cover.get(member, 0) * slope * problem.rates.get(currency, 0)
        per_unit[member, currency] = per_unit.get((member, currency), 0) + weight
        covered[member] = covered.get(member, 0) + weight * problem.balances.get((member, currency), 0)
    _check_slopes(problem, prices)
    total += sum(max(0, worth) for worth in covered.values())
    for trade in problem.trades:
        if trade.held or trade.a_currency not in problem.rates or trade.b_currency not in problem.rates:
            continue
        margin = trade_value(problem, trade) * PRICE_ONE * 10_000
        margin += sum(per_unit.get(key, 0) * change for key, change in moves(trade))
        total += max(0, margin)
    return -(-total // (PRICE_ONE * 10_000))


def _check_slopes(problem: TradesProblem, prices: TradePrices) -> None:
    """A member whose cover has a price has a slope in every rated currency that it holds or trades."""
    used = set(problem.balances)
    for trade in problem.trades:
        used.update(key for key, _ in moves(trade))
    for member, price in prices.cover.items():
        if price < 0:
            refuse("prices", member, f"The price {price} is below 0.")
    for member, currency in sorted(used):
        if prices.cover.get(member, 0) and currency in problem.rates and (member, currency) not in prices.slope_bp:
            refuse("prices", f"{member}, {currency}", "The cover has a price, but this position has no slope.")
