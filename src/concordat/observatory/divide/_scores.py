"""Each measure of a divide with its influence function, from one sorted sample.

Notation (specification of the observatory, section 8): shares p, `mu = sum p y`, `r = y / mu`, F mid-ranks (half of the
own tie), `A` the share of the total that ranks above (half of the own tie), L the Lorenz curve, Q a weighted quantile
(smallest y with F >= q), `GL = mu L`. Influence functions z, mean zero:

    gini      2 (r F + A) - (1 + G)(1 + r)                        theil_t   r (ln r - T - 1) + 1
    theil_l   r - 1 - ln r - L                                     ge2       (r^2 - M - 2 M (r - 1)) / 2,  M = sum p r^2
    atkinson  -(1-A)((r^(1-e) - m)/((1-e) m) - (r - 1)),  m = sum p r^(1-e);  e = 1: -(1-A)(ln r - sum p ln r - (r - 1))
    hoover    (1 - r)+ - H + P(y < mu)(r - 1) - H (r - 1),  H = sum p (1 - r)+
    GL(q)     (y - Q)1(y <= Q) + q Q - GL(q)                       Q(q)      (q - 1(y <= Q)) / f(Q)

The last two make Palma, S80/S20, P90/P10 and Wolfson. The density f at a quantile is a difference quotient over the
quantile's own 95 % interval of ranks (Woodruff, JASA 47 (1952), 635-646); where the quantiles at both its ends are one
value there is no error, and the measure says which: too many rows share that value, or one row holds so much of the
weight that the interval lies inside it. Lowest and highest (gap, ratio) have none at all.

Sources: Cowell and Flachaire (2015), section 6; Langel and Tillé, JRSS A 176 (2013), 521-540 (Gini); Beach and
Davidson, REStud 50 (1983), 723-735 (Lorenz ordinates); Wolfson, AER 84 (1994), 353-358.
Gini, GE, Theil and Atkinson themselves are computed by `evidence.kernels`.

    >>> from concordat.observatory.divide._basis import basis
    >>> from concordat.observatory.divide._sample import sample
    >>> b = basis(sample([1.0, 2.0, 3.0, 4.0]))
    >>> round(b.lorenz(0.5), 12), MEASURES["s80_s20"](b).ratio
    (0.3, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._elementary import log, power
from concordat.evidence.kernels import Array, Ordered, atkinson, generalised_entropy, gini, quantile, theil_l, theil_t
from concordat.observatory.divide._basis import Basis, Columns, Score, Scored

WOODRUFF = 1.96  # half-width, in standard errors of the rank, over which a density is taken
TIED = "too many values are tied at a quantile for an error"
HEAVY = "one row holds too much of the weight at a quantile for an error"
EXTREME = "a lowest or highest value has no standard error"
NOTHING = 1e-30  # of the mean: what is divided by is zero but for the smallest doubles, whose powers overflow
_SLACK = 1e-12


# --- Measures over the mean ---------------------------------------------------------------------------------------


def _mean(b: Basis) -> Scored:
    low, high = (-math.inf, math.inf) if b.bounds is None else (b.bounds.low, b.bounds.high)
    return Scored(b.o.mean, lambda c: c.r - b.o.mean / b.unit, scale=b.unit, low=low, high=high)


def _gini(b: Basis) -> Scored:
    g = gini(b.o)
    highest = 1.0 if b.o.y[0] >= 0 else math.inf
    return Scored(g, lambda c: 2 * (c.r * c.f + c.above) - (1 + g) * (1 + c.r), high=highest)


def _gini_shortfall(b: Basis) -> Scored:
    """Of `high - y`: the mean difference is the same, only the mean it is divided by is another."""
    assert b.bounds is not None
    short = b.bounds.high - b.o.mean
    if short <= _SLACK * b.bounds.high:
        raise MethodError("nobody falls short, so there is no mean to divide by.", code="mean")
    reverse = Ordered(b.bounds.high - b.o.y[::-1], b.o.p[::-1], 1 - b.o.upto[::-1] + b.o.p[::-1], short, 0.0)
    g, ratio = gini(reverse), b.o.mean / short
    own = g / ratio if ratio > 0 else 0.0

    def score(c: Columns) -> Array:
        return ratio * (2 * (c.r * c.f + c.above) - (1 + own) * (1 + c.r) + (own + g) * (c.r - 1))

    if b.o.mean <= 0:
        return Scored(g, reason="all values are zero" if g == 0 else "the mean is not above zero", high=1.0)
    return Scored(g, score, high=1.0)


def _theil_t(b: Basis) -> Scored:
    if b.zeros == "include" and b.o.share_zero > 0:
        return _theil_t_of_all(b)
    t = theil_t(b.o, logs=b.positive.ln)
    return Scored(t, lambda c: c.r * (c.ln - t - 1) + 1, positive=True)


def _theil_t_of_all(b: Basis) -> Scored:
    """With zeros at their limit, r ln r = 0."""
    t = theil_t(b.o, "include")
    return Scored(t, lambda c: c.r * (log(np.where(c.r > 0, c.r, 1.0)) - t - 1) + 1)


def _theil_l(b: Basis) -> Scored:
    found = theil_l(b.o, b.zeros, b.positive.ln)
    return Scored(found, lambda c: c.r - 1 - c.ln - found, positive=True)


def _ge2(b: Basis) -> Scored:
    return generalised(b, 2)


def generalised(b: Basis, a: float) -> Scored:
    """GE(a): of the values above zero for a <= 1, of all for more."""
    if a == 1:
        return _theil_t(b)
    if a == 0:
        return _theil_l(b)
    g = generalised_entropy(b.o, a)
    scale = a * (a - 1)
    m = 1 + scale * g
    return Scored(g, lambda c: (power(c.r, a) - m - a * m * (c.r - 1)) / scale, positive=a < 1)


def _cv(b: Basis) -> Scored:
    """`sqrt(2 GE(2))`, by squared distances from the mean: no digits are lost where all are nearly equal."""
    score = _ge2(b).score
    assert score is not None
    cv = math.sqrt(float((b.o.p * (b.whole.r - 1) ** 2).sum()))
    if cv == 0:
        return Scored(cv, lambda c: 0 * c.r)
    return Scored(cv, lambda c: score(c) / cv, like=("ge2", 1 / cv))


def _atkinson_half(b: Basis) -> Scored:
    a = atkinson(b.o, 0.5)
    m = math.sqrt(1 - a)
    return Scored(a, lambda c: -(1 - a) * ((np.sqrt(c.r) - m) / (0.5 * m) - (c.r - 1)), high=1.0)


def _atkinson_one(b: Basis) -> Scored:
    a = atkinson(b.o, 1, b.zeros, b.positive.ln)
    if b.zeros == "include" and b.o.share_zero > 0:
        return Scored(a, reason="zeros make it 1, whatever the others are")
    m = -theil_l(b.o, logs=b.positive.ln)  # the mean logarithm; of 1 - A nothing may be left
    return Scored(a, lambda c: -(1 - a) * (c.ln - m - (c.r - 1)), positive=True, high=1.0, like=("theil_l", 1 - a))


def _hoover(b: Basis) -> Scored:
    _need_mean(b, "The Hoover index")
    short = np.maximum(1 - b.whole.r, 0)
    h = float((b.o.p * short).sum())
    below = int(np.searchsorted(b.o.y, b.o.mean))
    q = float(b.o.upto[below - 1]) if below else 0.0
    return Scored(h, lambda c: np.maximum(1 - c.r, 0) - h + (q - h) * (c.r - 1), high=math.inf if b.o.y[0] < 0 else 1.0)


# --- Measures by quantiles ----------------------------------------------------------------------------------------


def _palma(b: Basis) -> Scored:
    return _share_ratio(b, 0.9, 0.4, "The Palma ratio")


def _s80_s20(b: Basis) -> Scored:
    return _share_ratio(b, 0.8, 0.2, "S80/S20")


def _share_ratio(b: Basis, top: float, bottom: float, what: str) -> Scored:
    """(1 - L(top)) / L(bottom)."""
    _need_mean(b, what)
    low, high = b.lorenz(bottom), 1 - b.lorenz(top)
    if low <= _SLACK:
        raise MethodError(f"{what} divides by the share of the poorest, who have nothing.", code="zeros")
    value = high / low
    z_low, z_top = lorenz_score(b, bottom), lorenz_score(b, top)
    return Scored(value, lambda c: -z_top(c) / low - value * z_low(c) / low, ratio=True)


def lorenz_score(b: Basis, q: float) -> Score:
    """The influence function of L(q)."""
    at, l_q = quantile(b.o, q) / b.o.mean, b.lorenz(q)
    return lambda c: np.minimum(c.r - at, 0) + q * at - l_q - l_q * (c.r - 1)


def quantile_score(b: Basis, q: float) -> tuple[float, Score | None]:
    """A quantile over the mean, and its influence function (the mean held); None where values are tied around it."""
    at = quantile(b.o, q) / b.o.mean
    reached = float(b.o.upto[int(np.searchsorted(b.whole.r, at, side="right")) - 1])
    half = half_width(q, b.n_eff)
    span = (quantile(b.o, q + half) - quantile(b.o, q - half)) / b.o.mean
    if span <= 0:
        return at, None
    slope = span / (2 * half)
    return at, lambda c: slope * (reached - (c.r <= at))


def half_width(q: float, n_eff: float) -> float:
    """Half the width in ranks over which the density at a quantile is taken."""
    return min(WOODRUFF * math.sqrt(q * (1 - q) / n_eff), q, 1 - q)


def no_density(heaviest: float, q: float, n_eff: float) -> str:
    """Why a quantile has no error, from the share of the heaviest row that has its value."""
    return HEAVY if heaviest >= 2 * half_width(q, n_eff) - _SLACK else TIED


def _no_density(b: Basis, q: float) -> str:
    same = b.o.y == quantile(b.o, q)
    return no_density(float(b.o.p[same].max()), q, b.n_eff)


def _p90_p10(b: Basis) -> Scored:
    _need_mean(b, "P90/P10")
    (high, z_high), (low, z_low) = quantile_score(b, 0.9), quantile_score(b, 0.1)
    if low <= NOTHING:
        raise MethodError("P90/P10 divides by the tenth percentile, which is not above zero.", code="zeros")
    value = high / low
    if z_high is None or z_low is None:
        return Scored(value, reason=_no_density(b, 0.9 if z_high is None else 0.1))
    return Scored(value, lambda c: z_high(c) / low - value * z_low(c) / low, ratio=True)


def _wolfson(b: Basis) -> Scored:
    """`2 (2 (0.5 - L(0.5)) - G) mu / m` (one peer prints half of it)."""
    _need_mean(b, "Wolfson's index")
    g = _gini(b)
    m, z_m = quantile_score(b, 0.5)
    if m <= NOTHING:
        raise MethodError("Wolfson's index divides by the median, which is not above zero.", code="zeros")
    half = b.lorenz(0.5)
    inner = 1 - 2 * half - g.value
    value = 2 * inner / m
    if z_m is None:
        return Scored(value, reason=_no_density(b, 0.5))
    z_half, z_g = lorenz_score(b, 0.5), g.score
    assert z_g is not None
    # mu / m moves by (r - 1) / m - z_m / m^2, in units of the mean
    return Scored(
        value,
        lambda c: 2 * (-2 * z_half(c) - z_g(c)) / m + value * (c.r - 1) - value * z_m(c) / m,
    )


def _need_mean(b: Basis, what: str) -> None:
    if b.o.mean <= 0:
        raise MethodError(f"{what} divides by the mean, which is not positive.", hint="Print the gap.", code="mean")
    if b.o.y[0] < 0:
        raise MethodError(f"{what} has no meaning for values below zero.", hint="Use the Gini.", code="negative")


# --- Ends and headcounts ------------------------------------------------------------------------------------------


def _gap(b: Basis) -> Scored:
    return Scored(float(b.o.y[-1] - b.o.y[0]), reason=EXTREME)


def _gap_relative(b: Basis) -> Scored:
    if b.o.mean <= 0:
        raise MethodError("the relative gap divides by the mean, which is not positive.", code="mean")
    return Scored(float(b.o.y[-1] - b.o.y[0]) / b.o.mean, reason=EXTREME)


def _ratio(b: Basis) -> Scored:
    if b.o.y[0] <= NOTHING * b.o.y[-1]:
        raise MethodError("the ratio divides by the lowest value, which is not above zero.", code="zeros")
    return Scored(float(b.o.y[-1] / b.o.y[0]), reason=EXTREME)


def _offline(b: Basis) -> Scored:
    """The headcount without: `sum p (1 - y / high)`."""
    assert b.bounds is not None
    whole = b.bounds.high
    return Scored(1 - b.o.mean / whole, lambda c: (b.o.mean - c.r * b.unit) / whole, high=1.0)


MEASURES: dict[str, Callable[[Basis], Scored]] = {
    "mean": _mean,
    "gini": _gini,
    "gini_shortfall": _gini_shortfall,
    "theil_t": _theil_t,
    "theil_l": _theil_l,
    "ge2": _ge2,
    "cv": _cv,
    "atkinson_05": _atkinson_half,
    "atkinson_1": _atkinson_one,
    "hoover": _hoover,
    "palma": _palma,
    "s80_s20": _s80_s20,
    "p90_p10": _p90_p10,
    "wolfson": _wolfson,
    "offline": _offline,
    "gap": _gap,
    "gap_relative": _gap_relative,
    "ratio": _ratio,
}
NOUGHT_WHEN_EQUAL = frozenset(
    ("gini", "gini_shortfall", "theil_t", "theil_l", "ge2", "cv", "atkinson_05", "atkinson_1", "hoover", "wolfson")
)
BOUNDED = ("gini_shortfall", "offline")  # only of figures with a highest value that are not below zero
