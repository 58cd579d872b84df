"""Four curves of adoption as shares of their ceiling, with derivatives: logistic, Gompertz, Bass, Richards.

    logistic  1 / (1 + exp(-b (t - m)))                  Gompertz  exp(-exp(-b (t - m)))
    Richards  (1 + v exp(-b (t - m)))^(-1/v)             Bass      (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t)

Each is a function of shape parameters that may be any number (logarithms of b, v, p, q; m as it is) on a time scaled
to the data, so that all curves rise and least squares needs no bounds. The inflection is at m for the first three, at
`ln(q/p) / (p + q)` after the origin for Bass (at the origin itself where q <= p). Bass counts time from its origin, by
default the year before the first observed one. Richards' v is held between 0.01 (nearly Gompertz) and 10: beyond it the
curve grows exponentially and stops dead, which fits any last plateau and foretells nothing.

Sources: Bass, "A new product growth model for consumer durables", Management Science 15 (1969) 215-227; Richards,
Journal of Experimental Botany 10 (1959) 290-301; Meade and Islam, "Modelling and forecasting the diffusion of
innovation", International Journal of Forecasting 22 (2006) 519-545.

    >>> clock = Clock(centre=2000.0, span=10.0, origin=1990.0)
    >>> share, slopes = CURVES["logistic"].share(clock, np.array([2000.0]), np.array([0.0, 0.0]))
    >>> share.tolist(), CURVES["logistic"].named(clock, np.array([0.0, 0.0]))
    ([0.5], {'b': 0.1, 'm': 2000.0})
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from concordat.evidence.kernels import Array

_EXPONENT = 600.0  # beyond it a curve is at its floor or ceiling to the last bit, and exp would overflow
_V = (math.log(0.01), math.log(10.0))
_SHAPE = 15.0  # largest logarithm of a shape: the curves no longer change there


@dataclass(frozen=True, slots=True)
class Clock:
    """How years become the curves' time: `(year - centre) / span`, and for Bass `(year - origin) / span`."""

    centre: float
    span: float
    origin: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One kind of curve.

    Attributes:
        shapes: how many parameters it has beside the ceiling.
        share: (clock, years, theta) -> share of the ceiling, and its derivatives by theta `[shape, year]`.
        named: (clock, theta) -> parameters as printed, in years.
        inflection: (clock, theta) -> the year of fastest growth.
        starts: (generator, number) -> theta of starting points `[number, shape]`.
    """

    name: str
    shapes: int
    share: Callable[[Clock, Array, Array], tuple[Array, Array]]
    named: Callable[[Clock, Array], dict[str, float]]
    inflection: Callable[[Clock, Array], float]
    starts: Callable[[np.random.Generator, int], Array]


def _angle(clock: Clock, years: Array, theta: Array) -> tuple[Array, float]:
    b = math.exp(max(-_SHAPE, min(_SHAPE, float(theta[0]))))
    return np.clip(b * ((years - clock.centre) / clock.span - theta[1]), -_EXPONENT, _EXPONENT), b


def _logistic(clock: Clock, years: Array, theta: Array) -> tuple[Array, Array]:
    angle, b = _angle(clock, years, theta)
    share = 1 / (1 + np.exp(-angle))
    slope = share / (1 + np.exp(angle))
    return share, np.array([slope * angle, -b * slope])


def _gompertz(clock: Clock, years: Array, theta: Array) -> tuple[Array, Array]:
    angle, b = _angle(clock, years, theta)
    inner = np.exp(-angle)
    share = np.exp(-inner)
    slope = share * inner
    return share, np.array([slope * angle, -b * slope])


def _richards(clock: Clock, years: Array, theta: Array) -> tuple[Array, Array]:
    angle, b = _angle(clock, years, theta)
    v = math.exp(min(max(float(theta[2]), _V[0]), _V[1]))
    inner = np.exp(-angle)
    level = 1 + v * inner
    logs = np.log1p(v * inner) / v
    share = np.exp(-logs)
    slope = share * inner / level
    by_v = share * (logs - inner / level) if _V[0] < theta[2] < _V[1] else np.zeros_like(share)
    return share, np.array([slope * angle, -b * slope, by_v])


def _bass(clock: Clock, years: Array, theta: Array) -> tuple[Array, Array]:
    p, q = (math.exp(max(-2 * _SHAPE, min(_SHAPE, float(x)))) for x in theta)
    u = np.maximum((years - clock.origin) / clock.span, 0.0)
    left = np.exp(-np.minimum((p + q) * u, _EXPONENT))
    level = 1 + q / p * left
    share = -np.expm1(-np.minimum((p + q) * u, _EXPONENT)) / level
    by_left = -(1 + q / p) / level**2
    by_ratio = -(1 - left) * left / level**2
    return share, np.array([by_left * -u * left * p - by_ratio * q / p, by_left * -u * left * q + by_ratio * q / p])


def _named_sigmoid(clock: Clock, theta: Array) -> dict[str, float]:
    named = {"b": math.exp(float(theta[0])) / clock.span, "m": clock.centre + clock.span * float(theta[1])}
    return named | ({"v": math.exp(min(max(float(theta[2]), _V[0]), _V[1]))} if theta.size == 3 else {})


def _named_bass(clock: Clock, theta: Array) -> dict[str, float]:
    p, q = (math.exp(float(x)) / clock.span for x in theta)
    return {"p": p, "q": q, "origin": clock.origin}


def _middle(clock: Clock, theta: Array) -> float:
    return clock.centre + clock.span * float(theta[1])


def _peak(clock: Clock, theta: Array) -> float:
    p, q = (math.exp(float(x)) for x in theta)
    return clock.origin + clock.span * max(0.0, (float(theta[1]) - float(theta[0])) / (p + q))


def _sigmoid_starts(shapes: int) -> Callable[[np.random.Generator, int], Array]:
    """Rises that take from a tenth of the observed span to four times as long, with their middle from half a span
    before the first year to one and a half after the last."""

    def draw(generator: np.random.Generator, number: int) -> Array:
        low, high = [math.log(1.0), -1.0, math.log(0.05)][:shapes], [math.log(40.0), 2.0, math.log(5.0)][:shapes]
        return generator.uniform(low, high, size=(number, shapes))

    return draw


def _bass_starts(generator: np.random.Generator, number: int) -> Array:
    """Innovation of 1e-6 to 3 and imitation of 1 to 40 in an observed span."""
    return generator.uniform([math.log(1e-6), 0.0], [math.log(3.0), math.log(40.0)], size=(number, 2))


CURVES: Mapping[str, Curve] = {
    "logistic": Curve("logistic", 2, _logistic, _named_sigmoid, _middle, _sigmoid_starts(2)),
    "gompertz": Curve("gompertz", 2, _gompertz, _named_sigmoid, _middle, _sigmoid_starts(2)),
    "bass": Curve("bass", 2, _bass, _named_bass, _peak, _bass_starts),
    "richards": Curve("richards", 3, _richards, _named_sigmoid, _middle, _sigmoid_starts(3)),
}
