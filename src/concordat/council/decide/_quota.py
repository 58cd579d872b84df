"""How likely is it that one member's weight decides: one quota, many members, weights up to millions.

Each of the others joins with probability t. With r = t/(1-t), S the sum of all who join and G(x) = P(S < x), member i
taken out again is a chain along its own weight,

    P(S_-i < x) = (G(x) - t P(S_-i < x - w_i)) / (1 - t),

stable for t <= 1/2; for t > 1/2 the dual game (quota W - q + 1, probability 1 - t) has the same swings. G comes from
floating-point dynamic programming on an array as long as the quota. The chance of a swing, P(q - w_i <= S_-i < q), is
Banzhaf's value at t = 1/2 and Shapley's integrated over t (Owen, *Management Science* 18, 1972), by 32 Gauss-Legendre
nodes; the same with 24 tells the error. Where that is over 10^-7, 48, 64 and 96 nodes follow, each against the one
before (with 96 the integral of a polynomial of degree 189 is exact). The integral runs where Hoeffding's inequality
does not bound every chance below 10^-14 (*Journal of the American Statistical Association* 58, 1963).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from concordat.errors import MethodError

MEMBERS_MAX = 200
TOTAL_MAX = 5_000_000
NEWTON_STEPS = 8  # it doubles the digits each time
NODES = (24, 32, 48, 64, 96)
CLOSE = 1e-7
NEGLIGIBLE = 1e-14
BLOCK = 1 << 15  # cells at a time: two blocks stay in the processor's cache
TINY = 1e-20
SUM_OFF_MAX = 1e-6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """Chances of a swing by member.

    Attributes:
        banzhaf: at t = 1/2. shapley: integrated. winning, losing: the chances of a coalition at t = 1/2.
        nodes: how many the integral took. error: the largest difference of a Shapley value from that with fewer nodes,
            or of their sum from 1.
    """

    banzhaf: Floats
    shapley: Floats
    winning: float
    losing: float
    nodes: int
    error: float


def swings(weights: tuple[int, ...], quota: int) -> Swings:
    """Chances of a swing in the game [quota; weights].

    Raises:
        MethodError: the values of Shapley do not add up to 1 within 10^-6.
    """
    kinds = np.array(sorted(set(weights)), dtype=np.int64)
    place = np.searchsorted(kinds, np.array(weights))
    dual = sum(weights) - quota + 1
    half, below = _at(weights, kinds, min(quota, dual), 0.5)  # the shorter array; at 1/2 both games are stable
    winning, losing = (below, 1 - below) if dual < quota else (1 - below, below)
    before = _integrated(weights, kinds, quota, NODES[0])[place]
    for nodes in NODES[1:]:
        shapley = _integrated(weights, kinds, quota, nodes)[place]
        off = max(float(np.abs(shapley - before).max()), abs(float(shapley.sum()) - 1))
        if off <= CLOSE:
            break
        before = shapley
    if off > SUM_OFF_MAX:
        what = f"the values of Shapley are off by {off:.1g}."
        raise MethodError(what, hint="The weights are too uneven for this method.", code="power")
    return Swings(half[place], shapley, winning, losing, nodes, off)


def _integrated(weights: tuple[int, ...], kinds: npt.NDArray[np.int64], quota: int, count: int) -> Floats:
    """The chance of a swing for each kind of weight, integrated over t."""
    nodes, shares = gauss_legendre(count)
    low, high = _range(weights, quota)
    found = np.zeros(len(kinds))
    for node, share in zip(nodes, shares, strict=True):
        t = low + (high - low) * (node + 1) / 2
        found += (high - low) / 2 * share * _chance(weights, kinds, quota, t)
    return found


@cache
def gauss_legendre(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes on [-1, 1] and their shares: the roots of the Legendre polynomial by Newton's method.

    P_k = ((2k - 1) x P_(k-1) - (k - 1) P_(k-2)) / k; the share of a root is 2 / ((1 - x^2) P'(x)^2). In plain floating
    point, for NumPy's rule goes through a library whose last digit depends on the processor.

    >>> [round(node * node, 15) for node in gauss_legendre(2)[0]]
    [0.333333333333333, 0.333333333333333]
    """
    found = []
    for k in range(1, count + 1):
        x = math.cos(math.pi * (k - 0.25) / (count + 0.5))
        for _ in range(NEWTON_STEPS):
            before, value = 1.0, x
            for j in range(2, count + 1):
                before, value = value, ((2 * j - 1) * x * value - (j - 1) * before) / j
            slope = count * (x * value - before) / (x * x - 1)
            x -= value / slope
        found.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(x for x, _ in found), tuple(share for _, share in found)


def _range(weights: tuple[int, ...], quota: int) -> tuple[float, float]:
    """Outside of it no member has a swing worth counting.

    P(S >= q) <= exp(-2 (q - tW)^2 / sum w^2) below q/W, and P(S < q) alike above it. A swing of i means that S reaches
    q with i and not without: its chance is at most P(S >= q) / t, or P(S < q) / (1 - t).
    """
    total, squares = sum(weights), float(sum(w * w for w in weights))
    reach = math.sqrt(squares * math.log(1 / NEGLIGIBLE) / 2) / total
    low, high = quota / total - reach, quota / total + reach
    # The bound is divided by t or 1 - t: close to the ends of [0, 1] everything is kept.
    return (low if low > 0.01 else 0.0), (high if high < 0.99 else 1.0)


def _chance(weights: tuple[int, ...], kinds: npt.NDArray[np.int64], quota: int, t: float) -> Floats:
    """The chance of a swing for each kind of weight; in the dual game if t is over 1/2."""
    if t > 0.5:
        return _at(weights, kinds, sum(weights) - quota + 1, 1 - t)[0]
    return _at(weights, kinds, quota, t)[0]


def _at(weights: tuple[int, ...], kinds: npt.NDArray[np.int64], quota: int, t: float) -> tuple[Floats, float]:
    """Chance of a swing by kind, and of staying below the quota, where t <= 1/2."""
    below = np.cumsum(_chances_below(weights, quota, t))
    ratio = t / (1 - t)
    found = np.zeros(len(kinds))
    for k, weight in enumerate(kinds.tolist()):
        if weight:
            near, far = (_taken_out(below, x, weight, ratio) for x in (quota, quota - weight))
            found[k] = (near - far) / (1 - t)
    return found, float(below[-1])


def _taken_out(below: Floats, x: int, weight: int, ratio: float) -> float:
    """(1 - t) P(S_-i < x), as the chain G(x) - r G(x - w) + r^2 G(x - 2w) - ..."""
    if x <= 0:
        return 0.0
    chain = below[x - 1 :: -weight]
    if ratio < 1:
        chain = chain[: int(math.log(TINY) / math.log(ratio)) + 2]
    steps = np.full(len(chain), -ratio)
    steps[0] = 1.0
    return float(np.sum(chain * np.cumprod(steps)))


def _chances_below(weights: tuple[int, ...], quota: int, t: float) -> Floats:
    """P(S = s) for s below the quota; light members first, so that most steps are short."""
    chances = np.zeros(quota)
    chances[0] = (1 - t) ** len(weights)
    ratio = t / (1 - t)
    moved = np.empty(BLOCK)
    reach = 0
    for weight in sorted(weights):
        reach = min(reach + weight, quota - 1)
        # From the top down, so that what is added is still the state before this member.
        for end in range(reach + 1, weight, -BLOCK):
            start = max(end - BLOCK, weight)
            part = moved[: end - start]
            np.multiply(chances[start - weight : end - weight], ratio, out=part)
            chances[start:end] += part
    return chances
