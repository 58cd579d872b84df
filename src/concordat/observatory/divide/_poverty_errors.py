"""How sure a measure of poverty is: linearised scores of shares and of ratios, and intervals that stay between 0 and 1.

A mean `sum w y / sum w` over a domain has scores `z = w (y - mean) / sum w`, zero outside; a ratio R = X / Y of two
such means has `(z_X - R z_Y) / Y`. The variance is that of the survey (`evidence.survey`): people outside a domain stay
in the design with a score of zero. Intervals are 95 %, of the logit by the delta method, with Student's t on units less
strata; at exactly 0 or 1 Wilson's with Kish's effective number.

    >>> import numpy as np
    >>> how, w = design(4), np.ones(4)
    >>> share = mean(np.array([1.0, 0.0, 1.0, 1.0]), w, np.array([True] * 4))
    >>> found = estimate(share, how, w)
    >>> found.value, found.se
    (0.75, 0.25)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from concordat.evidence.kernels import Array
from concordat.evidence.survey import Design, design, kish_design_effect, taylor_variance, wilson
from concordat.observatory.panel import Bools

__all__ = ["Estimate", "Score", "design", "estimate", "mean", "ratio"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its standard error and 95 % interval."""

    value: float
    se: float
    lower: float
    upper: float


class Score(NamedTuple):
    """A statistic and each person's linearised score."""

    value: float
    z: Array


def mean(y: Array, w: Array, people: Bools) -> Score:
    """The weighted mean over some of the people."""
    total = float(w[people].sum())
    value = float((w * y)[people].sum()) / total
    return Score(value, np.where(people, w * (y - value) / total, 0.0))


def ratio(top: Score, bottom: Score) -> Score:
    """The ratio of two means."""
    value = top.value / bottom.value
    return Score(value, (top.z - value * bottom.z) / bottom.value)


def estimate(score: Score, how: Design, w: Array) -> Estimate:
    """A statistic between 0 and 1 with its error under the design."""
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    value = min(1.0, max(0.0, score.value))  # rounding may have gone past an end
    se = math.sqrt(max(0.0, taylor_variance(score.z, how)))
    if 0 < value < 1:
        half = float(stdtrit(how.degrees_of_freedom, 0.975)) * se / (value * (1 - value))
        middle = math.log(value / (1 - value))
        return Estimate(score.value, se, _inverse(middle - half), _inverse(middle + half))
    weighing = w[w > 0]
    return Estimate(score.value, se, *wilson(value, weighing.size / kish_design_effect(weighing)))


def _inverse(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(max(-700.0, x)) / (1 + math.exp(max(-700.0, x)))
