"""How far may a probability be believed, and which codings should a person look at?

Scores of held-out articles are made probabilities that mean what they say: one temperature T and one addition b to the
score of OTHER, by maximum likelihood (C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017); for the
few-shot route a pair of J. Platt's (1999) where there are at least 50 cases. Error is the expected calibration error:
the mean over ten equal bins of the top probability, weighted by their counts, of |share right - mean probability|.

A top probability below `low` gives no code; one from there to `high`, or one that leads the second by less than
`margin`, goes to review; `high` is refitted so that what is automatic is right in at least 97 of 100 held-out cases.

It can't repair a model that is wrong with confidence on texts unlike those it was fitted on.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> round(ece(p, np.array([0, 0])), 3)
    0.15
    >>> Band().state(0.9, 0.05), Band().state(0.5, 0.1), Band().state(0.3, 0.1)
    ('auto', 'review', 'none')
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook.coder.logistic import softmax

Array = NDArray[np.float64]
Places = NDArray[np.int64]
TINY = 1e-12
BINS = 10
PRECISION_AUTO = 0.97
PLATT_MIN = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperature, the addition to the score of OTHER, and Platt's pair (slope, intercept) of the few-shot route."""

    temperature: float = 1.0
    bias: float = 0.0
    platt: tuple[float, float] | None = None
    cases: int = 0

    def apply(self, p: Array, other: int | None) -> Array:
        """Calibrated probabilities; `other` is the column of OTHER."""
        if self.temperature == 1.0 and self.bias == 0.0:
            return p
        scores = np.log(np.maximum(p, TINY)) / self.temperature
        if other is not None:
            scores[:, other] += self.bias
        return softmax(scores)

    def few(self, s: Array) -> Array:
        """Calibrated few-shot probabilities."""
        if self.platt is None:
            return s
        odds = np.log(np.maximum(s, TINY) / np.maximum(1 - s, TINY))
        return np.asarray(1 / (1 + np.exp(-(self.platt[0] * odds + self.platt[1]))))


def fit(p: Array, truth: Places, other: int | None) -> Calibration:
    """Temperature and bias of held-out probabilities; a truth of -1 (a class the fold didn't know) is left out."""
    known = np.flatnonzero(truth >= 0)
    if len(known) < 20:
        return Calibration(cases=len(known))
    logs, right = np.log(np.maximum(p[known], TINY)), truth[known]
    every = np.arange(len(known))

    def loss(theta: Array) -> float:
        scores = logs / math.exp(theta[0])
        if other is not None:
            scores[:, other] += theta[1]
        top = scores.max(axis=1)
        return float(np.mean(top + np.log(np.exp(scores - top[:, None]).sum(axis=1)) - scores[every, right]))

    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 400})
    bias = float(found.x[1]) if other is not None else 0.0
    return Calibration(float(math.exp(found.x[0])), bias, cases=len(known))


def with_platt(calibration: Calibration, s: Array, right: NDArray[np.bool_]) -> Calibration:
    """The calibration with a pair for the few-shot route, if there are at least 50 cases of both kinds."""
    if len(s) < PLATT_MIN or right.all() or not right.any():
        return calibration
    odds = np.log(np.maximum(s, TINY) / np.maximum(1 - s, TINY))
    good, bad = right.sum(), (~right).sum()
    target = np.where(right, (good + 1) / (good + 2), 1 / (bad + 2))  # Platt's smoothed targets

    def loss(theta: Array) -> float:
        z = theta[0] * odds + theta[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
    return replace(calibration, platt=(float(found.x[0]), float(found.x[1])))


def ece(p: Array, truth: Places, bins: int = BINS) -> float:
    """Expected calibration error of the top probability."""
    return math.fsum(row[0] * abs(row[2] - row[1]) for row in reliability(p, truth, bins)) / max(len(p), 1)


def reliability(p: Array, truth: Places, bins: int = BINS) -> tuple[tuple[int, float, float], ...]:
    """For each bin that isn't empty: cases, mean top probability, share right."""
    if not len(p):
        return ()
    top, right = p.max(axis=1), p.argmax(axis=1) == truth
    place = np.minimum((top * bins).astype(int), bins - 1)
    inside = [place == b for b in range(bins)]
    return tuple((int(b.sum()), float(top[b].mean()), float(right[b].mean())) for b in inside if b.any())


def brier(p: Array, truth: Places) -> float:
    """Mean squared distance of the probabilities to the truth (G. Brier 1950), over all classes."""
    hit = np.zeros_like(p)
    rows = np.flatnonzero(truth >= 0)
    hit[rows, truth[rows]] = 1.0
    return float(((p - hit) ** 2).sum(axis=1).mean()) if len(p) else 0.0


@dataclass(frozen=True, slots=True)
class Band:
    """The limits of the abstain band."""

    low: float = 0.35
    high: float = 0.65
    margin: float = 0.15

    def state(self, top: float, second: float, *, lexicon: bool = True) -> str:
        """none, review or auto; without a lexicon of its language no coding is automatic."""
        if top < self.low:
            return "none"
        return "auto" if top >= self.high and top - second >= self.margin and lexicon else "review"


def fit_band(p: Array, truth: Places, *, precision: float = PRECISION_AUTO, band: Band | None = None) -> Band:
    """The band whose automatic cases are right so often: the lowest `high` for which that holds, from `low` on."""
    start = band or Band()
    top, second = top_two(p)
    right = p.argmax(axis=1) == truth
    ok = top - second >= start.margin
    for high in np.round(np.arange(max(start.low, 0.4), 0.996, 0.01), 2):
        auto = ok & (top >= high)
        if auto.any() and right[auto].mean() >= precision:
            return replace(start, high=float(high))
    return replace(start, high=0.995)


def top_two(p: Array) -> tuple[Array, Array]:
    """Highest and second highest probability of each row."""
    if p.shape[1] < 2:
        return p.max(axis=1), np.zeros(len(p))
    ordered = np.sort(p, axis=1)
    return ordered[:, -1], ordered[:, -2]


def places(labels: Sequence[str], classes: Sequence[str]) -> Places:
    """The column of each label, -1 where it has none."""
    at = {code: k for k, code in enumerate(classes)}
    return np.array([at.get(label, -1) for label in labels], np.int64)
