"""Do those behind catch up, and does the spread shrink? Beta and sigma convergence.

*Beta*: did members that started lower grow faster?

    (1/T) ln(y_T / y_0) = a + b ln y_0        lambda = -ln(1 + T b) / T,   half-life = ln 2 / lambda

by least squares, plain or weighted; lambda is the yearly speed at which the distance to the common path closes. For
percentages `scale="logit"` puts ln(y / (bound - y)) in the place of ln y: a share near its bound can't grow, and would
otherwise look like convergence. The error of b is robust to unequal variance (HC1); its 95 % interval is Student's with
n - 2 degrees of freedom, and those of lambda and half-life are its ends carried over. Members whose start is a chance
high or low fall back by itself (Galton's fallacy): never read b without sigma.

*Sigma*: the standard deviation (n - 1) of logs (or logits) and the coefficient of variation for each year, over the
same members in all years, and the trend of the first on the years with Newey-West errors.

Sources: Barro and Sala-i-Martin, "Convergence", Journal of Political Economy 100 (1992) 223-251; Newey and West (1987).

    >>> panel = {a: ([2000, 2010], [y, y**0.5]) for a, y in {"A": 2.0, "B": 4.0, "C": 9.0, "D": 30.0}.items()}
    >>> found = beta_convergence(panel, 2000, 2010)
    >>> round(found.b, 6), round(found.speed, 6), round(found.half_life, 6)
    (-0.05, 0.069315, 10.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._hac import Line, bartlett_line
from concordat.observatory.divide._series import SeriesPanel, balanced, in_both, read_series, scaled

LEAST = 3


@dataclass(frozen=True, slots=True)
class Beta:
    """Catching up between two years.

    Attributes:
        a, b: the line; se: of b; lower, upper: its 95 % interval.
        speed: lambda, per year; None (with its reason) where 1 + T b is not above zero.
        half_life: years; None where lambda is not above zero.
        speed_interval, half_life_interval: None ends are open.
        r2: share of the (weighted) variance of growth that the line explains.
    """

    first: float
    last: float
    n: int
    a: float
    b: float
    se: float
    lower: float
    upper: float
    r2: float
    speed: float | None
    speed_interval: tuple[float | None, float | None]
    half_life: float | None
    half_life_interval: tuple[float | None, float | None]
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sigma:
    """The spread of the same members year by year.

    Attributes:
        areas: the members observed in all years.
        sd: of logs or logits; cv: of the figures themselves.
        trend: of `sd` on the years; None for fewer than four years.
    """

    areas: tuple[str, ...]
    years: Array
    sd: Array
    cv: Array
    trend: Line | None


def beta_convergence(
    panel: SeriesPanel,
    first: float,
    last: float,
    *,
    weight: Mapping[str, float] | None = None,
    scale: str = "log",
    bound: float = 100.0,
) -> Beta:
    """Beta convergence over the members observed in both years.

    Args:
        weight: area -> weight, such as its population; members without one are an error.
        scale: log, or logit of the share of `bound`.

    Raises:
        InputError: years out of order, an unknown scale, a weight that is missing, negative or not finite.
        MethodError: fewer than three members, all starting alike, or a value without a logarithm.
    """
    areas, start, end = in_both(read_series(panel), first, last)
    if len(areas) < LEAST:
        raise MethodError(
            f"only {len(areas)} members are observed in both {first:g} and {last:g}.", where="beta convergence",
            hint="Choose years with more members.", code="too_few",
        )  # fmt: skip
    w = _weights(weight, areas)
    x, z = scaled(start, scale, bound, areas, f"{first:g}"), scaled(end, scale, bound, areas, f"{last:g}")
    span = last - first
    a, b, se, r2 = _weighted_line(x, (z - x) / span, w)
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    n = int((w > 0).sum())
    half = float(stdtrit(n - 2, 0.975)) * se
    speed = _speed(b, span)
    ends = (_speed(b + half, span), _speed(b - half, span))
    reason = "overshoots" if speed is None else "" if speed > 0 else "not_converging"
    lives = tuple(None if s is None or s <= 0 else math.log(2) / s for s in (speed, ends[1], ends[0]))
    # A speed too high to have a number means a half-life that may be as short as nothing.
    shortest = 0.0 if ends[1] is None else lives[1]
    return Beta(
        first, last, n, a, b, se, b - half, b + half, r2, speed, ends, lives[0], (shortest, lives[2]), reason
    )  # fmt: skip


def sigma_convergence(
    panel: SeriesPanel,
    first: float | None = None,
    last: float | None = None,
    *,
    scale: str = "log",
    bound: float = 100.0,
) -> Sigma:
    """The spread of members for each year of a window, over those observed in every year of it.

    Raises:
        InputError: a scale I don't know.
        MethodError: fewer than three members have every year, or a value has no logarithm.
    """
    areas, years, values = balanced(read_series(panel), first, last)
    if len(areas) < LEAST:
        raise MethodError(
            f"only {len(areas)} members have a value in each of the {years.size} years.", where="sigma convergence",
            hint="Choose a window that more members cover.", code="too_few",
        )  # fmt: skip
    rows = [scaled(values[i], scale, bound, areas, f"{year:g}") for i, year in enumerate(years)]
    sd = np.array([row.std(ddof=1) for row in rows])
    cv = values.std(axis=1, ddof=1) / values.mean(axis=1)
    return Sigma(tuple(areas), years, sd, cv, bartlett_line(years, sd) if years.size >= 4 else None)


def _speed(b: float, span: float) -> float | None:
    """lambda; None where members would have passed each other."""
    left = 1 + span * b
    return -math.log(left) / span + 0.0 if left > 0 else None


def _weights(weight: Mapping[str, float] | None, areas: list[str]) -> Array:
    if weight is None:
        return np.ones(len(areas))
    for area in areas:
        value = weight.get(area)
        if value is None or not (math.isfinite(value) and value >= 0):
            raise InputError(
                f"the weight is {value}.", where=f"{area}, beta convergence", hint="Weights are counts of people or "
                "money; give one for each member.", code="weight",
            )  # fmt: skip
    found = np.array([float(weight[area]) for area in areas])
    if (found > 0).sum() < LEAST:
        raise MethodError("fewer than three members have a weight.", where="beta convergence", code="too_few")
    return np.asarray(found / found.max())


def _weighted_line(x: Array, y: Array, w: Array) -> tuple[float, float, float, float]:
    """Intercept, slope, its HC1 error, and R2 of a weighted line."""
    total = w.sum()
    mean_x, mean_y = (w * x).sum() / total, (w * y).sum() / total
    u, v = x - mean_x, y - mean_y
    size = float((w * u * u).sum())
    if size <= 1e-20 * max(1e-300, float((w * x * x).sum())):
        raise MethodError("all members start from the same value.", where="beta convergence", code="constant")
    b = float((w * u * v).sum()) / size
    residual = v - b * u
    n = int((w > 0).sum())
    se = math.sqrt(float(((w * u * residual) ** 2).sum()) * n / (n - 2)) / size
    varied = float((w * v * v).sum())
    r2 = 1 - float((w * residual * residual).sum()) / varied if varied > 0 else 0.0
    return float(mean_y - b * mean_x), b, se, r2
