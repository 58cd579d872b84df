"""Which weights would give the index that was published from its pillars: intervals that all rounded scores agree with.

With weights w >= 0 that sum to 1, each row of pillar scores P and index I is two linear inequalities: for an arithmetic
mean `I - r <= sum w P <= I + r`, for a geometric one the same of logarithms. r is half the rounding of the index plus
half that of the pillars, which a mean can pass on in full (a geometric one in proportion to the score). Linear programs
give the lowest and highest of each weight; where no weights satisfy all rows, the violations' sum is made least and the
rows are listed. Of the two means the one with fewest violations is chosen, the arithmetic first. Weights are given as
fractions with the smallest common denominator that the rows allow: equal weights where those do.

Source: observatory specification, section 7.

    >>> pillars = [[10.0, 50.0], [80.0, 20.0], [35.0, 90.0], [60.0, 65.0]]
    >>> found = calibrate_weights(pillars, [22.0, 62.0, 51.5, 61.5], rounding=0.1)
    >>> found.mean, found.weights, found.denominator
    ('arithmetic', (0.7, 0.3), 10)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence._elementary import exp, log
from concordat.observatory.linear_program import least
from concordat.observatory.panel import Array, Bools

MEANS = ("arithmetic", "geometric")
_DENOMINATOR_MAX = 1000
_TAKEN_BACK_MAX = 50
_EXACT = 1e-9
_EXCESS = 1e-6


@dataclass(frozen=True, slots=True)
class WeightViolation:
    """A row whose index the weights don't give: by how much, in points."""

    row: int
    name: str
    index: float
    fitted: float
    by: float


@dataclass(frozen=True, slots=True)
class WeightCalibration:
    """Weights recovered from pillar and index scores.

    Attributes:
        mean: arithmetic or geometric.
        weights: snapped, sum 1.
        denominator: of the fractions; 0 where none up to 1000 will do and the middle of what is possible is given.
        intervals: lowest and highest of each weight; equal where the rows leave no choice.
        violations: rows left unexplained, the worst first.
        tried: (mean, rows left unexplained), None where it can't be used (a score of 0 or less has no logarithm).
        n: rows used; rows with an empty cell are left out.
    """

    mean: str
    weights: tuple[float, ...]
    denominator: int
    intervals: tuple[tuple[float, float], ...]
    violations: tuple[WeightViolation, ...]
    tried: tuple[tuple[str, int | None], ...]
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """`low <= parts @ w <= high`, in units where half the rounding is 1."""

    parts: Array
    low: Array
    high: Array

    def take(self, which: Bools) -> _Problem:
        return _Problem(self.parts[which], self.low[which], self.high[which])


def calibrate_weights(
    pillars: Sequence[Sequence[float]] | Array,
    index: Sequence[float] | Array,
    rounding: float,
    *,
    pillar_rounding: float = 0.0,
    names: Sequence[str] = (),
) -> WeightCalibration:
    """Weights of pillars `[unit, k]` in an index `[unit]`.

    Args:
        pillars, index: published scores; NaN where there is none.
        rounding: the step to which the index is rounded; 0: not rounded.
        pillar_rounding: that of the pillars.
        names: of the units, for the list of violations.

    Raises:
        InputError: shapes that don't fit, a rounding below zero, infinities.
        MethodError: no complete row, or no weights that explain more than half of them.
    """
    p, i = np.asarray(pillars, dtype=np.float64), np.asarray(index, dtype=np.float64)
    if p.ndim != 2 or p.shape[:1] != i.shape or p.shape[1] == 0 or (names and len(names) != len(i)):
        raise InputError("pillars must be [unit, pillar] and index [unit].", where="calibrate", code="shape")
    if rounding < 0 or pillar_rounding < 0:
        raise InputError("a rounding is below zero.", where="calibrate", hint="One decimal is 0.1.", code="rounding")
    if np.isinf(p).any() or np.isinf(i).any():
        raise InputError("a score is infinite.", where="calibrate", code="not_a_number")
    kept = np.flatnonzero(~(np.isnan(p).any(axis=1) | np.isnan(i)))
    if not kept.size:
        raise MethodError("no unit has all pillars and the index.", where="calibrate", code="too_few")
    p, i = p[kept], i[kept]
    half = max(rounding / 2, _EXACT * float(np.abs(i).max())) * (1 + 1e-9) or _EXACT
    trials = {mean: _tried(p, i, half, pillar_rounding / 2, mean) for mean in MEANS}
    usable = {mean: t for mean, t in trials.items() if t is not None and (t[1] > 0).sum() <= len(i) // 2}
    if not usable:
        hint = "Look for pillars that are missing, or for scores of different editions."
        what = "no weights explain more than half of the rows."
        raise MethodError(what, where="calibrate", hint=hint, code="no_fit")
    mean = min(usable, key=lambda m: (int((usable[m][1] > 0).sum()), MEANS.index(m)))
    problem, excess = usable[mean]
    good = problem.take(np.asarray(~(excess > 0)))
    intervals = _intervals(good)
    weights, denominator = _fraction(good, intervals)
    fitted = _mean(p, np.array(weights), mean)
    worst = [
        WeightViolation(int(kept[r]) + 1, names[kept[r]] if names else "", float(i[r]), float(fitted[r]), float(by))
        for r, by in enumerate(np.abs(fitted - i).tolist())
        if excess[r] > 0
    ]
    counts = tuple((m, None if t is None else int((t[1] > 0).sum())) for m, t in trials.items())
    violations = tuple(sorted(worst, key=lambda v: (-v.by, v.row)))
    return WeightCalibration(mean, weights, denominator, intervals, violations, counts, len(i))


def _tried(p: Array, i: Array, half: float, of_pillars: float, mean: str) -> tuple[_Problem, Array] | None:
    """The inequalities of a mean and by how much each row violates them, in halves of the rounding."""
    low, high, parts = i - half, i + half, p
    if mean == "geometric":
        if (p <= of_pillars).any() or (low <= 0).any():
            return None
        low, high, parts = log(low), log(high), log(p)
        passed_on = (parts - log(p - of_pillars)).max(axis=1)
    else:
        passed_on = np.full(len(i), of_pillars)
    low, high = low - passed_on, high + passed_on
    unit = (high - low) / 2
    problem = _Problem(parts / unit[:, None], low / unit, high / unit)
    n, k = parts.shape
    matrix, bound = _matrix(problem)
    slack = -np.vstack([np.eye(n), np.eye(n), np.zeros((2, n))])
    found = least(np.concatenate([np.zeros(k), np.ones(n)]), np.hstack([matrix, slack]), bound, free=0)
    if found is None:
        return None
    left = np.maximum(found[k:], 0.0)
    return problem, _taken_back(problem, np.where(left > _EXCESS, left, 0.0))


def _taken_back(problem: _Problem, excess: Array) -> Array:
    """The excess without rows that weights of the others do explain, those that are least off first: where a few rows
    are wrong, the least sum of violations may lie a little outside of what right rows allow.
    """
    blamed = np.flatnonzero(excess > 0)
    if 1 < blamed.size <= len(excess) // 2:
        for row in blamed[np.argsort(excess[blamed], kind="stable")][:_TAKEN_BACK_MAX].tolist():
            trial = np.asarray(~(excess > 0))
            trial[row] = True
            matrix, bound = _matrix(problem.take(trial))
            if least(np.zeros(matrix.shape[1]), matrix, bound + _slack(bound), free=0) is not None:
                excess[row] = 0.0
    return excess


def _slack(bound: Array) -> Array:
    """What rounding of a linear program may take: little for the rows, less for the sum of weights."""
    return np.concatenate([np.full(len(bound) - 2, _EXCESS), [1e-9, 1e-9]])


def _matrix(problem: _Problem) -> tuple[Array, Array]:
    """The rows, and that weights sum to 1 (as two inequalities)."""
    one = np.ones((1, problem.parts.shape[1]))
    # Subtracting the middle of each row from its parts changes nothing where weights sum to 1, and scales it better.
    middle = (problem.low + problem.high) / 2
    parts = problem.parts - middle[:, None]
    bound = np.concatenate([problem.high - middle, middle - problem.low, [1.0, -1.0]])
    return np.vstack([parts, -parts, one, -one]), bound


def _intervals(problem: _Problem) -> tuple[tuple[float, float], ...]:
    matrix, bound = _matrix(problem)
    k = problem.parts.shape[1]
    bound = bound + _slack(bound)
    ends = []
    for j in range(k):
        pair = []
        for sign in (1.0, -1.0):
            cost = np.zeros(k)
            cost[j] = sign
            found = least(cost, matrix, bound, free=0)
            assert found is not None, "rows that violate nothing leave something possible"
            pair.append(min(1.0, max(0.0, float(found[j]))))
        ends.append((min(pair), max(pair)))
    return tuple(ends)


def _fraction(problem: _Problem, intervals: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], int]:
    """Weights with the smallest common denominator that all rows allow."""
    k = len(intervals)
    centre = np.array([(a + b) / 2 for a, b in intervals])
    centre = centre / centre.sum() if centre.sum() > 0 else np.full(k, 1 / k)
    if _allowed(problem, np.full(k, 1 / k)):
        return (1 / k,) * k, k
    for denominator in range(1, _DENOMINATOR_MAX + 1):
        parts = _apportioned(centre, denominator)
        if _allowed(problem, parts / denominator):
            return tuple(float(n) / denominator for n in parts), denominator
    return tuple(centre.tolist()), 0


def _apportioned(weights: Array, denominator: int) -> Array:
    """Whole numbers nearest to weights times the denominator that sum to it (largest remainders)."""
    exact = weights * denominator
    parts = np.floor(exact + 1e-9)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: round(denominator - float(parts.sum()))]] += 1
    return np.asarray(parts)


def _allowed(problem: _Problem, weights: Array) -> bool:
    total = (problem.parts * weights).sum(axis=1)
    return bool(((total >= problem.low - 1e-5) & (total <= problem.high + 1e-5)).all())


def _mean(p: Array, weights: Array, mean: str) -> Array:
    if mean == "arithmetic":
        return np.asarray((p * weights).sum(axis=1))
    return exp((log(p) * weights).sum(axis=1))
