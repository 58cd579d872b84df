"""More queues and trades of the kind of the reference data, of any size, from a seed.

Payers and payees are drawn by a fitness with a power-law tail (density exponent 2.1; Soramaki and others, *The topology
of interbank payment flows*, 2007, found 2.1 in Fedwire), 22 % of payments answer an earlier one, amounts are lognormal
(median 30,000 major units, sigma 2), ten currencies of which each member has one at home, classes 1, 2 and 3 in 5, 25
and 70 %. An account opens with a share of what it has to pay that is exponential with mean 3 %. Trades: two members by
fitness, two currencies by weight, lognormal value (median 2.3 million USD, sigma 1.5), legs equal but for a spread of
0.2 %; short limits and balances by member and currency.

The same seed gives the same file wherever NumPy draws the same numbers. It is a model: no real flows are in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from concordat.clearing.core.certificates import Trade
from concordat.clearing.netting.tables import Obligations
from concordat.errors import InputError

CURRENCIES = ("BRL", "CNY", "ZAR", "RUB", "INR", "EGP", "IRR", "AED", "ETB", "IDR")
TAIL = 2.1
RECIPROCATED = 0.22
AT_HOME = 0.45  # of each side: how often a payment is in its home currency
MEDIAN_MINOR, SIGMA = 3_000_000, 2.0
MEDIAN_TRADE_USD, SIGMA_TRADE = 2_300_000, 1.5
OPENING_SHARE = 0.03
PRIORITY_SHARES = (0.05, 0.25, 0.70)
AMOUNT_TOP = 10**15
# US dollars for one unit, as in the reference data: a fixed example, not a market.
USD_RATES: Mapping[str, str] = {
    "AED": "0.2723", "BRL": "0.18", "CNY": "0.139", "EGP": "0.0203", "ETB": "0.0078",
    "IDR": "0.000061", "INR": "0.0119", "IRR": "0.0000238", "RUB": "0.0105", "ZAR": "0.055",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Market:
    """Generated trades, balances and short limits by (member, currency) in minor units, US dollars per major unit."""

    trades: list[Trade]
    balances: dict[tuple[str, str], int]
    short_limits: dict[tuple[str, str], int]
    usd_rates: Mapping[str, str]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one use: PCG64, seeded by SHA-256 of seed and name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def member_count(obligations: int) -> int:
    """How many members the reference data have for so many obligations: 60 for 1,000, 300 for 10,000."""
    return max(4, round(60 * float((obligations / 1_000) ** 0.699)))


def generate_obligations(
    count: int, *, members: int | None = None, seed: int = 0
) -> tuple[Obligations, dict[tuple[str, str], int]]:
    """Obligations and the opening balance of every (member, currency), in minor units.

    Raises:
        InputError: fewer than 1 obligation or 2 members.
    """
    members = member_count(count) if members is None else members
    if count < 1 or members < 2:
        raise InputError(f"{count} obligations among {members} members can't be made.", code="bad_size",
                         hint="Ask for 1 obligation and 2 members or more.")  # fmt: skip
    payer, payee = _pairs(count, members, stream(seed, "pairs"))
    currency = _paid_in(payer, payee, members, stream(seed, "currencies"))
    rng = stream(seed, "amounts")
    amount = np.clip(rng.lognormal(0.0, SIGMA, count) * MEDIAN_MINOR, 1, AMOUNT_TOP).astype(np.int64)
    priority = 1 + stream(seed, "priorities").choice(3, count, p=PRIORITY_SHARES)
    codes = tuple(sorted(CURRENCIES))
    position = np.array([codes.index(code) for code in CURRENCIES])
    names = tuple(f"P{n:0{max(5, len(str(members - 1)))}d}" for n in range(members))
    ids = tuple(map(str, range(count)))
    held = np.zeros(count, bool)
    made = Obligations(ids, names, codes, payer, payee, position[currency], amount, priority, held)
    return made, _opening(made, stream(seed, "balances"))


def generate_trades(count: int, *, members: int | None = None, seed: int = 0) -> Market:
    """Trades of two members each, with balances, short limits and rates.

    Raises:
        InputError: fewer than 1 trade or 2 members.
    """
    members = max(4, round(count**0.5)) if members is None else members
    if count < 1 or members < 2:
        raise InputError(f"{count} trades among {members} members can't be made.", code="bad_size",
                         hint="Ask for 1 trade and 2 members or more.")  # fmt: skip
    one, two = _pairs(count, members, stream(seed, "trade pairs"))
    rng = stream(seed, "trades")
    weight = _zipf(len(CURRENCIES))
    sold = rng.choice(len(CURRENCIES), count, p=weight)
    bought = rng.choice(len(CURRENCIES), count, p=weight)
    while (same := sold == bought).any():
        bought[same] = rng.choice(len(CURRENCIES), int(same.sum()), p=weight)
    value = rng.lognormal(0.0, SIGMA_TRADE, count) * MEDIAN_TRADE_USD
    spread = 1 + rng.normal(0.0, 0.002, count)
    per_minor = np.array([float(Fraction(USD_RATES[code]) / 100) for code in CURRENCIES])
    a_minor = np.maximum(1, value / per_minor[sold]).astype(np.int64).tolist()
    b_minor = np.maximum(1, value * spread / per_minor[bought]).astype(np.int64).tolist()
    names = [f"M{n:0{max(4, len(str(members - 1)))}d}" for n in range(members)]
    trades = [
        Trade(str(n), names[one[n]], names[two[n]], CURRENCIES[sold[n]], a_minor[n], CURRENCIES[bought[n]], b_minor[n])
        for n in range(count)
    ]
    balances, limits = _positions(trades, names, per_minor, stream(seed, "positions"))
    return Market(trades, balances, limits, USD_RATES)


def _zipf(count: int) -> np.ndarray:
    weight = 1.0 / np.arange(1, count + 1)
    share: np.ndarray = weight / weight.sum()
    return share


def _pairs(count: int, members: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Who pays whom: by fitness, nobody itself, a share of rows the reverse of an earlier one."""
    fitness = 1.0 + rng.pareto(TAIL - 1.0, members)
    share = np.minimum(fitness, 0.15 * fitness.sum())
    share /= share.sum()
    payer, payee = rng.choice(members, count, p=share), rng.choice(members, count, p=share)
    while (same := payer == payee).any():
        payee[same] = rng.choice(members, int(same.sum()), p=share)
    answers = np.flatnonzero(rng.random(count) < RECIPROCATED)
    answers = answers[answers > 0]
    earlier = (rng.random(len(answers)) * answers).astype(np.int64)
    for row, before in zip(answers.tolist(), earlier.tolist(), strict=True):
        payer[row], payee[row] = payee[before], payer[before]
    return payer, payee


def _paid_in(payer: np.ndarray, payee: np.ndarray, members: int, rng: np.random.Generator) -> np.ndarray:
    """The currency of each row: the payer's home, the payee's home, or any by weight."""
    weight = _zipf(len(CURRENCIES))
    home = rng.choice(len(CURRENCIES), members, p=weight)
    any_of = rng.choice(len(CURRENCIES), len(payer), p=weight)
    draw = rng.random(len(payer))
    return np.where(draw < AT_HOME, home[payer], np.where(draw < 2 * AT_HOME, home[payee], any_of))


def _opening(made: Obligations, rng: np.random.Generator) -> dict[tuple[str, str], int]:
    """What each account opens with: an exponential share of what it pays, nothing where it only gets."""
    width = len(made.currencies)
    cells = len(made.members) * width
    out = np.bincount(made.payer * width + made.currency, weights=made.amount, minlength=cells)
    used = np.bincount(np.r_[made.payer, made.payee] * width + np.r_[made.currency, made.currency], minlength=cells)
    opening = (out * rng.exponential(OPENING_SHARE, cells)).astype(np.int64)
    return {
        (made.members[cell // width], made.currencies[cell % width]): int(opening[cell])
        for cell in np.flatnonzero(used).tolist()
    }


def _positions(
    trades: list[Trade], names: list[str], per_minor: np.ndarray, rng: np.random.Generator
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Balances (a small share of what is sold, often none) and short limits (a share of the member's turnover)."""
    rate = dict(zip(CURRENCIES, per_minor.tolist(), strict=True))
    sells: dict[tuple[str, str], int] = {}
    turnover = dict.fromkeys(names, 0.0)
    for t in trades:
        for key, minor in (((t.party_a, t.a_currency), t.a_amount), ((t.party_b, t.b_currency), t.b_amount)):
            sells[key] = sells.get(key, 0) + minor
            turnover[key[0]] += minor * rate[key[1]]
    balances, limits = {}, {}
    for member in names:
        for code in CURRENCIES:
            balances[member, code] = int(sells.get((member, code), 0) * rng.exponential(OPENING_SHARE))
            limits[member, code] = int(turnover[member] * rng.exponential(0.02) / rate[code])
    return balances, limits
