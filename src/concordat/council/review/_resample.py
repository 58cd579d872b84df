"""Draws of a mean over commitments, and the quantiles of them that cover as often as they say.

Commitments are drawn by weights (the Bayesian bootstrap: D. B. Rubin, Annals of Statistics 9, 1981: flat Dirichlet),
and for each cell one of its coders. A cell's value carries its coders' noise already, so the drawn deviations would
count it twice: values and deviations are drawn together toward the mean by one factor, that leaves the spread of the
values as it was (as A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, section 3.8, do
for groups). Few commitments need more than the plain quantiles:

- scores of one member lie on few points (-1 to +1 in halves). Three imagined commitments of -1, 0 and +1, each with
  weight 1/2 (the prior of Jeffreys for three classes) are drawn with the others. So fifteen times +1 do not give an
  interval of no width.
- means over several members, and gaps, are nearly continuous. Their draws are stretched about the mean by
  t / z sqrt((n + 1) / (n - 1)), with the degrees of freedom that the fourth moment leaves to the variance
  (F. E. Satterthwaite, Biometrics Bulletin 2, 1946), and the quantiles are moved for skewness (BCa of B. Efron,
  Journal of the American Statistical Association 82, 1987, with the bias of a mean). Where all commitments are alike,
  they are drawn as those of one member.

What this covers in simulation stands in `benchmarks/council_intervals.py` and its stored result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIOR = 0.5
_ALIKE = 1e-12


@dataclass(frozen=True)
class Sample:
    """A mean over commitments, and what it varies with.

    Attributes:
        values: `[commitment]`.
        deviations: `[commitment, draw]`, of the drawn coders from the mean of their cell.
        noise: mean variance of a commitment's drawn deviation.
        weights: `[commitment, draw]`, exponential.
        prior: `[3, draw]`, gamma with shape 1/2, for the imagined commitments.
        span: the largest value there can be; the smallest is its negative.
        few_points: whether values lie on few points.
    """

    values: Array
    deviations: Array
    noise: float
    weights: Array
    prior: Array
    span: float = 1.0
    few_points: bool = False


def draw(sample: Sample, level: float) -> tuple[Array, float, float]:
    """Draws of the mean `[draw]`, and the interval; at least two commitments."""
    estimate, spread = float(sample.values.mean()), float(sample.values.var())
    alike = spread < _ALIKE
    shrink = 0.0 if alike else math.sqrt(spread / (spread + 2 * sample.noise))
    drawn = estimate + shrink * ((sample.values - estimate)[:, None] + sample.deviations)
    total, weight = (sample.weights * drawn).sum(axis=0), sample.weights.sum(axis=0)
    ends = ((1 - level) / 2, (1 + level) / 2)
    if sample.few_points or alike:
        total = total + sample.span * (sample.prior[2] - sample.prior[0])
        found = total / (weight + sample.prior.sum(axis=0))
    else:
        found = estimate + (total / weight - estimate) * _stretch(sample.values, level)
        ends = _for_skewness(sample.values, ends)
    low, high = (float(q) for q in np.quantile(found, ends))
    return np.asarray(found), max(-sample.span, min(low, estimate)), min(sample.span, max(high, estimate))


def _stretch(values: Array, level: float) -> float:
    """How much wider than the draws an interval must be: t / z sqrt((n + 1) / (n - 1)); n >= 2."""
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    n = len(values)
    off = values - values.mean()
    excess = max(0.0, float((off**4).mean() / (off**2).mean() ** 2 - 3))
    freedom = 2 / (excess / n + 2 / (n - 1))
    z = NormalDist().inv_cdf((1 + level) / 2)
    return float(stdtrit(freedom, (1 + level) / 2)) / z * math.sqrt((n + 1) / (n - 1))


def _for_skewness(values: Array, ends: tuple[float, float]) -> tuple[float, float]:
    """The quantiles to take, for an acceleration a = sum off^3 / (6 (sum off^2)^(3/2)), which is a mean's bias, too."""
    normal, off = NormalDist(), values - values.mean()
    a = float((off**3).sum() / (off**2).sum() ** 1.5) / 6
    moved = [a + normal.inv_cdf(end) for end in ends]
    low, high = (normal.cdf(a + z / (1 - a * z)) for z in moved)
    return low, high
