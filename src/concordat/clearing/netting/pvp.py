"""Which trades settle together, payment versus payment, within short limits and haircuts: problem C.

Both legs of a trade or none; all chosen trades settle at one instant. The linear relaxation is exact in the constraints
(`market`). Two processes search in two ways: branch and bound over the whole, and neighbourhoods where set and
relaxation disagree (`neighbourhood`). The better one counts. The set is maximal and is checked in whole numbers before
it is handed over. A currency without a rate keeps its trades out, which `Selected.left_out` tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from concordat.clearing.core.certificates import PRICE_ONE, TradePrices, TradesProblem, check_trades
from concordat.clearing.netting import engine
from concordat.clearing.netting.budget import INFINITE, Budget
from concordat.clearing.netting.generate import stream
from concordat.clearing.netting.market import Market, make_market
from concordat.clearing.netting.queue_release import check_limits
from concordat.clearing.netting.tables import AMOUNT_MAX, TOTAL_MAX
from concordat.clearing.netting.tasks import Crew
from concordat.errors import InputError

WORK_DEFAULT = 10**8
NODES_WHOLE = 5_000
SIZE_FIRST, SIZE_LEAST, SIZE_MOST = 1_000, 100, 1_500
AGREED = 0.02
NODES_DRAWN = 1
SECONDS_MOST = 3.0  # of a neighbourhood
IDLE_MOST = 80
MARGIN_S, MARGIN_A_TRADE_S, TRADES_FEW = 0.7, 1e-4, 3_000  # kept for mending and checking, more for many trades
RATE_DIGITS_MAX = 24
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Selected:
    """Trades to settle.

    Attributes:
        chosen: ids, ascending.
        gained, bound, claim: worth of both legs in units of value (numerators of the rates): of the set; certified by
            `prices`; claimed by the solver.
        left_out: id -> why, of trades that could not be considered: held, or a currency without a rate.
    """

    chosen: tuple[str, ...]
    gained: int
    bound: int
    claim: int
    prices: TradePrices
    left_out: Mapping[str, str]
    seed: int

    @property
    def claimed_gap(self) -> float:
        """By how much of itself the result can fall short of the best, if the solver is right; nothing: infinite."""
        return max(0, self.claim - self.gained) / self.gained if self.gained else INFINITE if self.claim else 0.0


def rates_of(per_major: Mapping[str, str | Fraction], decimals: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Rates per major unit as integers per minor unit over one common denominator.

    Returns:
        currency -> numerator, and the denominator.

    Raises:
        InputError: a rate that is no positive decimal number.

    >>> rates_of({"BRL": "0.18", "JPY": "0.0065"}, {"BRL": 2, "JPY": 0})
    ({'BRL': 18, 'JPY': 65}, 10000)
    """
    exact: dict[str, Fraction] = {}
    for code, rate in sorted(per_major.items()):
        # An exponent could stand for more digits than there is memory, so text has none.
        sound = isinstance(rate, Fraction) or (len(rate) <= RATE_DIGITS_MAX and _DECIMAL.fullmatch(rate))
        value = Fraction(rate) if sound else Fraction(0)
        if value <= 0:
            raise InputError(f'"{rate}" is no rate of {code}.', code="bad_rate",
                             hint='Write a positive decimal number in quotes, for instance "0.18".')  # fmt: skip
        exact[code] = value / 10 ** decimals[code]
    denominator = lcm(*(value.denominator for value in exact.values()))
    return {code: int(value * denominator) for code, value in exact.items()}, denominator


def select_trades(
    problem: TradesProblem,
    *,
    work: float | None = None,
    seed: int = 0,
    deadline_s: float | None = None,
    workers: int = 2,
) -> Selected:
    """The best set found of trades, with prices that bound what any set is worth.

    Args:
        problem: trades, balances, short limits and integer rates.
        work: units of work to spend (`budget`); default 10^8 without a deadline, else no limit.
        seed: of everything drawn.
        deadline_s: seconds of wall clock.
        workers: processes; each tries another way.

    Raises:
        InputError: an id twice, an amount outside [1, 10^18), a currency in which trades and positions add up to
            9 x 10^18 or more, work or seconds that are no finite number.
    """
    check_limits(work, deadline_s)
    check_sums(problem)
    market = make_market(problem)
    seconds = (
        INFINITE
        if deadline_s is None
        else max(0.0, deadline_s - MARGIN_S - MARGIN_A_TRADE_S * max(0, len(market) - TRADES_FEW))
    )
    budget = Budget((WORK_DEFAULT if deadline_s is None else INFINITE) if work is None else work, seconds)
    x, claim, prices = np.zeros(len(market), bool), 0.0, TradePrices({}, {}, {})
    if not any(market.worth):  # no rates: nothing is better than something else, so whatever fits, in the order given
        x = market.mend(x)
    else:
        with Crew(workers if len(market) > 200 else 1) as crew:
            x, claim, prices = _attempts(crew, market, budget, seed, workers)
    chosen = tuple(sorted(problem.trades[market.rows[n]].id for n in np.flatnonzero(x).tolist()))
    checked = check_trades(problem, chosen, prices)
    assert checked.bound is not None
    claimed = min(checked.bound, max(checked.gained, int(min(claim, 1e300)) + 1))
    kept = set(market.rows)
    left_out = {
        t.id: "held" if t.held else "no rate, or a party is short in a currency without a rate"
        for n, t in enumerate(problem.trades)
        if n not in kept
    }
    return Selected(chosen, checked.gained, checked.bound, claimed, prices, left_out, seed)


def check_sums(problem: TradesProblem) -> None:
    """Ids stand once, and all that can happen in a currency fits 64 bits."""
    seen: set[str] = set()
    sums: dict[str, int] = {}
    for trade in problem.trades:
        if trade.id in seen:
            raise InputError(f'The trade "{trade.id}" stands twice.', code="duplicate_id",
                             hint="An id names one trade for ever.")  # fmt: skip
        seen.add(trade.id)
        for code, amount in ((trade.a_currency, trade.a_amount), (trade.b_currency, trade.b_amount)):
            if not 1 <= amount <= AMOUNT_MAX:
                raise InputError(f"An amount of {amount} minor units can't settle.", where=trade.id, code="bad_amount",
                                 hint="Amounts are whole minor units, 1 or more, less than 10^18.")  # fmt: skip
            sums[code] = sums.get(code, 0) + amount
    for (_, code), held in problem.balances.items():
        sums[code] = sums.get(code, 0) + abs(held)
    if beyond := [code for code in sorted(sums) if sums[code] >= TOTAL_MAX]:
        raise InputError(
            f"Trades and positions in {beyond[0]} add up to {sums[beyond[0]]}, beyond 9 x 10^18 minor units.",
            hint="Check the amounts; such a sum exceeds every account.",
            code="currency_too_large",
        )


def _attempts(
    crew: Crew, market: Market, budget: Budget, seed: int, workers: int
) -> tuple[np.ndarray, float, TradePrices]:
    """The relaxation's prices, and the best of several ways to search."""
    nothing = np.zeros(len(market), bool)
    program, cells, members = market.program(np.arange(len(market)), nothing, nothing)
    with engine.quiet():
        relaxed = engine.solve(program)
    prices = _prices(market, relaxed.prices, cells, members)
    claim = relaxed.value if relaxed.optimal else float("inf")
    ways = ["whole", "near"] + ["near"] * (workers - 2)
    turns = 1 if workers > 1 else len(ways)
    found: dict[int, tuple[np.ndarray, float]] = {}
    crew.do(
        [
            lambda n=n, way=way: Attempt(  # type: ignore[misc]
                market, way, budget.seconds / (turns - n if turns > 1 else 1), budget.work / len(ways), seed + n
            )
            for n, way in enumerate(ways)
        ],
        lambda n, answer: found.__setitem__(n, answer),
    )
    x = nothing
    for n in sorted(found):
        claim = min(claim, found[n][1])
        x = max((x, found[n][0]), key=market.total)
    return x, claim * market.scale, prices


@dataclass(slots=True)
class Attempt:
    """One way to search: the `whole` at once, or `near`, neighbourhoods where set and relaxation disagree."""

    market: Market
    way: str
    seconds: float
    work: float
    seed: int

    def run(self) -> tuple[np.ndarray, float]:
        """The best set, and the solver's claim on the best value in units of the solver."""
        budget, market = Budget(self.work, self.seconds), self.market
        count = len(market)
        nothing = np.zeros(count, bool)
        x = market.mend(nothing)
        free = np.arange(count)
        relaxed = engine.solve(market.program(free, nothing, nothing)[0])
        budget.charge(relaxed.work)
        taken = np.full(count, 0.5) if relaxed.x is None else relaxed.x[:count]
        whole = self.way == "whole"
        if not whole:
            x = _neighbourhoods(market, x, taken, budget, self.seed)
            return x, float("inf")
        program, _, _ = market.program(free, nothing, np.ones(len(free), bool))
        answer = engine.solve(program, seconds=budget.seconds, nodes=NODES_WHOLE, gap=1e-5, seed=self.seed)
        budget.charge(answer.work)
        if answer.x is not None:
            y = nothing.copy()
            y[free] = answer.x[: len(free)] > 0.5
            x = max((x, market.mend(y)), key=market.total)
        if not answer.optimal:
            x = _neighbourhoods(market, x, taken, budget, self.seed)
        return x, answer.bound


def _neighbourhoods(market: Market, x: np.ndarray, taken: np.ndarray, budget: Budget, seed: int) -> np.ndarray:
    """Free trades on which the set and the relaxation disagree, decide them anew, keep what gains."""
    random = stream(seed, "trade neighbourhoods")
    size, idle, best, count = SIZE_FIRST, 0, market.total(x), len(market)
    root = np.sqrt(np.array([float(worth) for worth in market.worth]) / market.scale)
    while not budget.spent() and idle < IDLE_MOST:
        weight = (np.abs(taken - x) + AGREED) * root
        most = min(size, count)
        free = np.sort(random.choice(count, most, replace=False, p=weight / weight.sum()))
        program, cells, _ = market.program(free, x, np.ones(len(free), bool))
        answer = engine.solve(
            program, seconds=budget.slice(SECONDS_MOST), nodes=NODES_DRAWN, gap=1e-3,
            seed=int(random.integers(1 << 30)), start=market.full_start(free, x, cells),
        )  # fmt: skip
        budget.charge(answer.work)
        if most == count and answer.optimal:
            idle = IDLE_MOST  # all is free, and solved
        size = int(np.clip(size * 6 // 5 if answer.optimal else size * 4 // 5, SIZE_LEAST, SIZE_MOST))
        idle += 1
        if answer.x is None:
            continue
        y = x.copy()
        y[free] = answer.x[: len(free)] > 0.5
        if market.total(y) > best and market.total(y := market.mend(y)) > best:
            x, best, idle = y, market.total(y), 0
    return x


def _prices(market: Market, duals: np.ndarray | None, cells: np.ndarray, members: np.ndarray) -> TradePrices:
    """Integer prices from the duals of the relaxation: of short limits, of cover, and the slopes between."""
    if duals is None:
        return TradePrices({}, {}, {})
    extra = len(cells)
    duals = np.maximum(0.0, duals)
    low, high = 10_000 - market.haircut, 10_000 + market.haircut
    cover = {market.members[m]: round(float(duals[3 * extra + n]) * PRICE_ONE) for n, m in enumerate(members.tolist())}
    short, slope = {}, {}
    for n, cell in enumerate(cells.tolist()):
        key = market.names[cell]
        if (price := round(float(duals[n]) * market.rate[cell] * PRICE_ONE)) > 0:
            short[key] = price
        longer, shorter = float(duals[extra + n]), float(duals[2 * extra + n])
        weight = longer + shorter
        slope[key] = round((low * longer + high * shorter) / weight) if weight > 0 else 10_000
    for cells_of in market.cells:
        for cell in cells_of:
            slope.setdefault(market.names[cell], low if market.held[cell] > 0 else high)
    return TradePrices(short, {m: p for m, p in cover.items() if p}, slope)
