"""How sure a parameter is, as a distribution whose draws are the same on every run.

Draws are made by inversion: a uniform number u of the parameter's own stream becomes F^-1(u). So the first hundred
draws of a thousand are those of a run with a hundred, and two scenarios with one seed share the draws of every
parameter that both use. The normal quantile is algorithm AS 241 (M. Wichura, Applied Statistics 37, 1988), from the
standard library.

    point       the central value; needs a reason          triangular  low, mode = value, high
    normal      mean = value, sd                            uniform     low, high
    lognormal   median = value, sigma = sd of the log       discrete    values with weights, or by the level reached

    >>> Distribution("triangular", low=3.0, high=7.0).quantile(np.array([0.0, 0.25, 1.0]), 4.0).tolist()
    [3.0, 4.0, 7.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError

Array = NDArray[np.float64]
KINDS = ("point", "normal", "lognormal", "triangular", "uniform", "discrete")
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Distribution:
    """One of `KINDS`; which of the other fields it has follows from the kind.

    Attributes:
        values, weights: of `discrete`. levels: instead of weights, from which level of the driver each value holds.
        reason: why a `point` has no spread. note: where the spread comes from.
    """

    kind: str
    sd: float | None = None
    sigma: float | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    reason: str = ""
    note: str = ""

    def quantile(self, u: Array, centre: float) -> Array:
        """`F^-1(u)` for u in [0, 1], with the parameter's central value.

        Raises:
            MethodError: a discrete distribution by level: it is no chance which value holds.
        """
        if self.kind == "point":
            return np.full(u.shape, centre)
        if self.kind in ("normal", "lognormal"):
            return self.from_normal(standard_normal(u), centre)
        if self.kind == "triangular":
            return self._triangular(u, centre)
        if self.kind == "uniform":
            assert self.low is not None
            assert self.high is not None
            return np.asarray(self.low + (self.high - self.low) * u, dtype=float)
        if self.levels:
            what = "its value depends on the level that is reached, so it can't be drawn."
            raise MethodError(what, hint="Use the value of the level: `at_level`.", code="by_level")
        ends = np.cumsum(self.weights)
        place = np.minimum(np.searchsorted(ends, u, side="right"), len(self.values) - 1)
        return np.asarray(np.array(self.values)[place], dtype=float)

    def from_normal(self, z: Array, centre: float) -> Array:
        """A normal or lognormal draw from a standard normal one (joint draws are made there)."""
        if self.kind == "normal":
            assert self.sd is not None
            return np.asarray(centre + self.sd * z, dtype=float)
        assert self.kind == "lognormal"
        assert self.sigma is not None
        return np.asarray(centre * np.exp(self.sigma * z), dtype=float)

    def at_level(self, level: float) -> float:
        """The value of a discrete distribution by level, where the driver stands at `level`."""
        assert self.levels
        below = [v for v, start in zip(self.values, self.levels, strict=True) if level >= start]
        return below[-1] if below else self.values[0]

    def _triangular(self, u: Array, mode: float) -> Array:
        assert self.low is not None
        assert self.high is not None
        low, high = self.low, self.high
        turn = (mode - low) / (high - low)
        left = low + np.sqrt(np.maximum(u * (high - low) * (mode - low), 0.0))
        right = high - np.sqrt(np.maximum((1 - u) * (high - low) * (high - mode), 0.0))
        return np.asarray(np.where(u <= turn, left, right), dtype=float)

    def words(self) -> str:
        """For a table: `normal, sd 0.1038`."""
        said = {
            "point": lambda: f"point: {self.reason}",
            "normal": lambda: f"normal, sd {self.sd:g}",
            "lognormal": lambda: f"lognormal, sigma {self.sigma:g}",
            "triangular": lambda: f"triangular {self.low:g} to {self.high:g}",
            "uniform": lambda: f"uniform {self.low:g} to {self.high:g}",
            "discrete": self._discrete_words,
        }[self.kind]
        return said()

    def _discrete_words(self) -> str:
        if self.levels:
            steps = [f"{v:g} from {level:g}" for v, level in zip(self.values, self.levels, strict=True)]
        else:
            steps = [f"{v:g} ({w:g})" for v, w in zip(self.values, self.weights, strict=True)]
        return f"discrete: {', '.join(steps)}"

    def fault(self, centre: float | None) -> str:
        """What is wrong with it, in words; empty where nothing is."""
        needs = {"normal": ("sd",), "lognormal": ("sigma",), "triangular": ("low", "high"), "uniform": ("low", "high")}
        missing = [name for name in needs.get(self.kind, ()) if getattr(self, name) is None]
        if missing:
            return f"a {self.kind} distribution needs {' and '.join(missing)}"
        given = {n for n in ("sd", "sigma", "low", "high") if getattr(self, n) is not None}
        if extra := sorted(given - set(needs.get(self.kind, ()))):
            return f"a {self.kind} distribution has no {extra[0]}"
        if self.kind != "discrete" and (self.values or self.weights or self.levels):
            return f"a {self.kind} distribution has no values, weights or levels"
        if self.kind == "point":
            return "" if self.reason else "a point has no spread, so it needs a reason"
        if self.kind == "discrete":
            return self._discrete_fault()
        return self._range_fault(centre)

    def _range_fault(self, centre: float | None) -> str:
        if self.kind in ("normal", "lognormal"):
            spread = self.sd if self.kind == "normal" else self.sigma
            assert spread is not None
            if spread <= 0:
                return "the spread must be above 0; without one, use kind: point with a reason"
            return (
                "the median of a lognormal must be above 0" if self.kind == "lognormal" and (centre or 0) <= 0 else ""
            )
        assert self.low is not None
        assert self.high is not None
        if self.low >= self.high:
            return f"low {self.low:g} is not below high {self.high:g}"
        if centre is not None and not self.low <= centre <= self.high:
            return f"the value {centre:g} lies outside {self.low:g} to {self.high:g}"
        return ""

    def _discrete_fault(self) -> str:
        if not self.values:
            return "a discrete distribution needs values"
        if bool(self.weights) == bool(self.levels):
            return "a discrete distribution needs weights, or the levels from which each value holds"
        if len(self.weights or self.levels) != len(self.values):
            return f"{len(self.values)} values and {len(self.weights or self.levels)} weights or levels"
        if self.weights and (min(self.weights) < 0 or abs(sum(self.weights) - 1) > _SLACK):
            return "weights must be 0 or more and add up to 1"
        if self.levels and list(self.levels) != sorted(set(self.levels)):
            return "levels must rise"
        return ""

    def to_value(self) -> dict[str, Any]:
        """Plain values; only what the kind has."""
        found: dict[str, Any] = {"kind": self.kind}
        for name in ("sd", "sigma", "low", "high"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        for name in ("values", "weights", "levels"):
            if getattr(self, name):
                found[name] = list(getattr(self, name))
        return found | {k: v for k, v in (("reason", self.reason), ("note", self.note)) if v}


def standard_normal(u: Array) -> Array:
    """Quantiles of the standard normal distribution."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(float(x)) for x in u.ravel()], dtype=float).reshape(u.shape)
