"""Which goalposts would give the scores that were published: intervals that all rounded scores agree with.

An index often prints values and scores but not its goalposts. A score is `s = max (g(v) - g(lo)) / (g(hi) - g(lo))`, or
turned round where less is better, cut to 0..max, with g one of v, ln v, ln(1 + v), log10 v. In the two unknowns Z (g
where the score is 0) and F (g where it is full) each printed score is two linear inequalities,

    Z + (F - Z) (s - r/2) / max  <=  g(v)  <=  Z + (F - Z) (s + r/2) / max          (turned round where F < Z)

for 0 < s < max, and one for a score at 0 or max. Linear programs (HiGHS) give the lowest and highest lo and hi. Where
no pair satisfies all, the violations' sum is made least (L1, which a few wrong rows can't sway), the rows that violate
are listed, and the intervals are those of the other rows. The transform and direction with fewest violations is chosen,
then with fewest parameters (no transform before one), then fewest digits. Each goalpost is given with the fewest digits
that its interval allows, the two together being possible.

If scores lie outside 0..max, either they are wrong or the index does not cut: both readings are tried. ln and log10
always fit alike, so ln is reported. Weights of pillars are found likewise, see `calibrate_weights`. Source: observatory
specification, section 7.

    >>> values = [12.0, 25.0, 40.0, 61.0, 78.0, 96.0]
    >>> scores = [round(100 * (v - 5) / 90, 1) for v in values[:5]] + [100.0]
    >>> found = calibrate_goalposts(values, scores, rounding=0.1)
    >>> found.transform, found.direction, found.lo, found.hi, found.violations
    ('none', 'up', 5.0, 95.0, ())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.observatory._goalposts import Rows, System, back, transformed
from concordat.observatory.calibrate_weights import WeightCalibration, WeightViolation, calibrate_weights
from concordat.observatory.linear_program import snapped
from concordat.observatory.panel import Array, Bools

__all__ = [
    "Calibration",
    "Candidate",
    "Violation",
    "WeightCalibration",
    "WeightViolation",
    "calibrate",
    "calibrate_goalposts",
    "calibrate_weights",
]

TRANSFORMS = ("none", "ln", "ln1p", "log10")
DIRECTIONS = ("up", "down")
_TAKEN_BACK_MAX = 50
_EXACT = 1e-9  # share of the scale that stands for "not rounded"


@dataclass(frozen=True, slots=True)
class Violation:
    """A row whose score no goalposts explain together with the others: by how much, in points of the score."""

    row: int
    name: str
    value: float
    score: float
    fitted: float
    by: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transform and direction that was tried.

    Attributes:
        violations: rows left unexplained; None where it can't be used (a logarithm of 0).
        misfit: sum of what they are off, in points of the score.
        lo, hi: None where other candidates leave fewer rows unexplained.
    """

    transform: str
    direction: str
    violations: int | None
    misfit: float | None
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Goalposts recovered from values and scores.

    Attributes:
        transform: none, ln, ln1p, log10. direction: up or down. truncated: whether scores are cut to 0..scale.
        lo, hi: snapped, lo < hi, in the values' own unit.
        lo_interval, hi_interval: all that the rows allow.
        violations: rows left unexplained, the worst first.
        candidates: all that was tried, the chosen one first.
        n: rows used; rows with an empty value or score are left out.
    """

    transform: str
    direction: str
    truncated: bool
    lo: float
    hi: float
    lo_interval: tuple[float, float]
    hi_interval: tuple[float, float]
    violations: tuple[Violation, ...]
    candidates: tuple[Candidate, ...]
    n: int
    scale: float
    rounding: float

    def as_data(self) -> dict[str, Any]:
        """All of it for a program, with the lines of an index file that say the same."""
        return {**asdict(self), "status": "calibrated", "file": self.as_file()}

    def as_file(self) -> dict[str, Any]:
        """What an index file says of such an indicator (specification, section 2)."""
        own = {"ln": "log", "log10": "log", "ln1p": "log1p"}.get(self.transform)
        return {"direction": self.direction, **({"transform": own} if own else {}), "goalposts": [self.lo, self.hi]}

    def lines(self, most: int = 10) -> list[str]:
        """The result in plain sentences, with at most so many of the rows left unexplained."""
        kind = {"none": "the value itself", "ln1p": "ln(1 + value)"}.get(self.transform, "ln(value)")
        more = "more is better" if self.direction == "up" else "less is better"
        ends = [f"{n} {v:g}, between {a:.6g} and {b:.6g}" for n, v, (a, b) in self._goalposts()]
        found = [f"{kind}, {more}; {'; '.join(ends)}.", f"{self.n - len(self.violations)} of {self.n} rows explained."]
        for v in self.violations[:most]:
            who = f"row {v.row}" + (f" ({v.name})" if v.name else "")
            found.append(f"  {who}: value {v.value:g} has score {v.score:g}; these goalposts give {v.fitted:.6g}")
        file = ", ".join(f"{k}: {v}" for k, v in self.as_file().items())
        return [*found, f"In an index file with status calibrated: {{{file}}}"]

    def _goalposts(self) -> list[tuple[str, float, tuple[float, float]]]:
        return [("lo", self.lo, self.lo_interval), ("hi", self.hi, self.hi_interval)]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One candidate: which rows it violates, by how much in all, and its goalposts."""

    transform: str
    direction: str
    excess: Array
    lo: float
    hi: float
    lo_interval: tuple[float, float]
    hi_interval: tuple[float, float]

    @property
    def bad(self) -> Bools:
        return np.asarray(self.excess > 0)

    def order(self) -> tuple[int, int, int, float, int]:
        """Fewest violations, then parameters, then digits, then the least misfit, then as listed."""
        digits = len(f"{self.lo:g}".replace("-", "")) + len(f"{self.hi:g}".replace("-", ""))
        place = TRANSFORMS.index(self.transform)
        return int(self.bad.sum()), int(self.transform != "none"), digits, float(f"{self.excess.sum():.4g}"), place


def calibrate_goalposts(
    values: Sequence[float],
    scores: Sequence[float],
    *,
    rounding: float,
    scale: float = 100.0,
    names: Sequence[str] = (),
) -> Calibration:
    """Goalposts, transform and direction of one indicator from its published values and scores.

    Args:
        values, scores: one of each for every unit; NaN where there is none.
        rounding: the step to which scores are rounded (0.1 for one decimal); 0: not rounded.
        scale: the highest score.
        names: of the units, for the list of violations.

    Raises:
        InputError: lists of different length, a rounding below zero, a scale that is not positive, infinities.
        MethodError: fewer than two different scores between 0 and the scale.
    """
    readings = [r for rows in _read(values, scores, rounding, scale, names) if (r := _Reading.of(rows))]
    if not readings:
        hint = "Look for a change of the formula, or for values and scores of different editions."
        what = "no goalposts explain more than half of the scores."
        raise MethodError(what, where="calibrate", hint=hint, code="no_fit")
    reading = min(readings, key=lambda r: int(r.chosen.bad.sum()))
    rows, chosen = reading.rows, reading.chosen
    return Calibration(
        transform=chosen.transform,
        direction=chosen.direction,
        truncated=bool((rows.low | rows.high).any()),
        lo=chosen.lo,
        hi=chosen.hi,
        lo_interval=chosen.lo_interval,
        hi_interval=chosen.hi_interval,
        violations=_violations(rows, chosen),
        candidates=reading.candidates(),
        n=len(rows.values),
        scale=scale,
        rounding=rounding,
    )


def calibrate(
    pairs: Iterable[tuple[float, float]], *, rounding: float, scale: float = 100.0, names: Sequence[str] = ()
) -> Calibration:
    """`calibrate_goalposts` of (value, score) pairs."""
    given = list(pairs)
    values, scores = [v for v, _ in given], [s for _, s in given]
    return calibrate_goalposts(values, scores, rounding=rounding, scale=scale, names=names)


def _read(
    values: Sequence[float], scores: Sequence[float], rounding: float, scale: float, names: Sequence[str]
) -> list[Rows]:
    """The rows that have both, with scores as cut and, where some lie outside the scale, also as not cut."""
    v, s = np.asarray(values, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if v.ndim != 1 or v.shape != s.shape or (names and len(names) != len(v)):
        raise InputError("values, scores and names must be lists of the same length.", where="calibrate", code="shape")
    if not 0 <= rounding < scale:
        what = f"rounding {rounding:g} and scale {scale:g}: need 0 <= rounding < scale."
        raise InputError(what, where="calibrate", hint="Scores with one decimal have rounding 0.1.", code="rounding")
    if np.isinf(v).any() or np.isinf(s).any():
        row = int(np.flatnonzero(np.isinf(v) | np.isinf(s))[0])
        raise InputError("a value or score is infinite.", where=f"calibrate, row {row + 1}", code="not_a_number")
    kept = np.flatnonzero(~(np.isnan(v) | np.isnan(s)))
    v, s = v[kept], s[kept]
    half = max(rounding / 2, _EXACT * scale) * (1 + 1e-9)
    place = {"numbers": tuple((kept + 1).tolist()), "names": tuple(names[i] for i in kept.tolist()) if names else ()}
    found = [Rows.of(v, s, half, scale, **place)]  # type: ignore[arg-type]
    if found[0].outside.any():
        found.append(Rows.of(v, s, half, scale, cut=False, **place))  # type: ignore[arg-type]
    enough = [r for r in found if len(np.unique(s[r.inside])) > 1 and len(np.unique(v[r.inside])) > 1]
    if not enough:
        inside = int(found[-1].inside.sum())
        what = f"{inside} of {len(s)} rows have a score between 0 and {scale:g}; two different ones are needed."
        raise MethodError(what, where="calibrate", hint="Add rows that are not at the ends.", code="too_few")
    return enough


# --- One transform and direction ---


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """g(v), where it has a value, and by how much each row is violated, in halves of the rounding."""

    g: Array
    finite: Bools
    excess: Array

    @property
    def count(self) -> int:
        return int((self.excess > 0).sum())


def _tried(rows: Rows, transform: str, direction: str) -> _Trial | None:
    """How many rows a transform and direction leave unexplained; None where a logarithm is impossible."""
    g = transformed(rows.values, transform)
    # A value without logarithm below the lower goalpost is rightly cut; anywhere else it rules the logarithm out.
    cut = rows.low if direction == "up" else rows.high
    finite = np.asarray(np.isfinite(g))
    if (~finite & ~cut).any():
        return None
    finite &= ~rows.outside
    beyond = np.maximum(rows.scores - rows.scale, -rows.scores) / rows.half
    excess = np.where(rows.outside, beyond, 0.0)
    excess[finite] = System.of(rows, g, finite, direction).excess()
    return _Trial(g, finite, _taken_back(rows, g, finite, excess, direction))


def _taken_back(rows: Rows, g: Array, finite: Bools, excess: Array, direction: str) -> Array:
    """The excess without rows that goalposts of the others do explain: where a few rows are wrong, the least sum of
    violations may lie a little outside of what right rows allow. Those that are least off are tried first.
    """
    excess = excess.copy()
    blamed = np.flatnonzero(finite & (excess > 0))
    if 1 < blamed.size <= len(g) // 2:
        for row in blamed[np.argsort(excess[blamed], kind="stable")][:_TAKEN_BACK_MAX].tolist():
            trial = finite & ~(excess > 0)
            trial[row] = True
            system = _system(rows, g, trial, direction)
            if system is not None and system.possible():
                excess[row] = 0.0
    return excess


def _system(rows: Rows, g: Array, good: Bools, direction: str) -> System | None:
    """The inequalities of some rows; None where they are too few to have goalposts."""
    if len(np.unique(rows.scores[good & rows.inside])) < 2:
        return None
    return System.of(rows.take(good), g[good], np.ones(int(good.sum()), dtype=np.bool_), direction)


def _fitted(rows: Rows, trial: _Trial, transform: str, direction: str) -> _Fit | None:
    """Goalposts of the rows that can be explained; None where those are too few or leave no pair."""
    system = _system(rows, trial.g, trial.finite & ~(trial.excess > 0), direction)
    ends = None if system is None else system.intervals()
    return None if system is None or ends is None else _with_goalposts(system, ends, trial.excess, transform, direction)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """All transforms and directions on one reading of the rows; the fits that leave fewest unexplained."""

    rows: Rows
    trials: Mapping[tuple[str, str], _Trial | None]
    fits: Sequence[_Fit]

    @classmethod
    def of(cls, rows: Rows) -> _Reading | None:
        """None where more than half of the rows are left unexplained."""
        trials = {(t, d): _tried(rows, t, d) for t in TRANSFORMS for d in DIRECTIONS}
        usable = {key: trial for key, trial in trials.items() if trial is not None}
        for count in sorted({trial.count for trial in usable.values() if trial.count <= len(rows.values) // 2}):
            fits = [f for key, trial in usable.items() if trial.count == count and (f := _fitted(rows, trial, *key))]
            if fits:
                return cls(rows, trials, fits)
        return None

    @property
    def chosen(self) -> _Fit:
        return min(self.fits, key=_Fit.order)

    def candidates(self) -> tuple[Candidate, ...]:
        """All that was tried: the chosen one, those as good, then by rows left unexplained."""
        ends = {(f.transform, f.direction): (f.lo, f.hi) for f in self.fits}
        first = (self.chosen.transform, self.chosen.direction)

        def order(key: tuple[str, str]) -> tuple[bool, bool, bool, int]:
            trial = self.trials[key]
            return key != first, key not in ends, trial is None, trial.count if trial else 0

        found = []
        for key in sorted(self.trials, key=order):
            trial = self.trials[key]
            misfit = None if trial is None else float(trial.excess.sum()) * self.rows.half
            count = None if trial is None else trial.count
            found.append(Candidate(*key, count, misfit, *ends.get(key, (None, None))))
        return tuple(found)


def _with_goalposts(system: System, ends: Array, excess: Array, transform: str, direction: str) -> _Fit | None:
    """Snap one goalpost inside its interval, then the other inside what that leaves; the order with fewer digits."""
    best: tuple[int, tuple[float, float]] | None = None
    for first in (0, 1):
        one, digits = snapped(*_interval(ends[first], transform))
        held: list[float | None] = [None, None]
        held[first] = float(transformed(np.array([one]), transform)[0])
        left = system.intervals((held[0], held[1])) if np.isfinite(held[first] or 0.0) else None
        if left is None:
            continue
        other, more = snapped(*_interval(left[1 - first], transform))
        pair = (one, other) if first == 0 else (other, one)
        if best is None or digits + more < best[0]:
            best = digits + more, pair
    if best is None:
        return None
    zero, full = _interval(ends[0], transform), _interval(ends[1], transform)
    lo, hi = best[1] if direction == "up" else best[1][::-1]
    lo_interval, hi_interval = (zero, full) if direction == "up" else (full, zero)
    return _Fit(transform, direction, excess, lo, hi, lo_interval, hi_interval)


def _interval(ends: Array, transform: str) -> tuple[float, float]:
    return back(float(ends[0]), transform), back(float(ends[1]), transform)


# --- What is left unexplained ---


def _violations(rows: Rows, fit: _Fit) -> tuple[Violation, ...]:
    """Rows that the goalposts don't explain, with the score they would have; the worst first."""
    lo, hi, g = (transformed(np.array(v, ndmin=1), fit.transform) for v in (fit.lo, fit.hi, rows.values))
    share = (g - lo[0]) / (hi[0] - lo[0])
    fitted = rows.scale * (share if fit.direction == "up" else 1 - share)
    if (rows.low | rows.high).any():
        fitted = np.clip(fitted, 0.0, rows.scale)
    found = []
    for i in np.flatnonzero(fit.bad).tolist():
        by = abs(float(fitted[i]) - float(rows.scores[i]))
        place = (rows.numbers[i], rows.names[i], float(rows.values[i]), float(rows.scores[i]))
        found.append(Violation(*place, float(fitted[i]), by))
    return tuple(sorted(found, key=lambda v: (-v.by, v.row)))
