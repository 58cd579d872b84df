"""Draws of parameters, and what a thousand results say: quantiles, how sure these are, how often there is a gain.

Each parameter has a random stream of its own, named after its id and seeded with the scenario's seed, so that adding a
parameter doesn't move the others and two scenarios with one seed share the draws of what both use. Coefficients of one
estimation are drawn together: with their covariance's Cholesky factor on the streams of all of them.

A quantile of B draws is itself uncertain. Its standard error is that of order statistics, free of any distribution: the
draws at the places B p -+ sqrt(B p (1 - p)) are one standard error apart from it on either side (David and Nagaraja,
Order Statistics, 2003, section 7.1). It shrinks with more draws; the spread between quantiles doesn't, for that is what
is not known of the parameters. Below 200 draws no band is told.

    >>> q = quantiles(np.arange(1000.0))
    >>> q.median, q.low, q.high, round(q.errors[2], 1)
    (499.5, 49.95, 949.05, 16.0)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact._streams import stream
from concordat.impact.distributions import standard_normal
from concordat.impact.parameter_file import cholesky
from concordat.impact.parameters import Parameter, ParameterBook

Array = NDArray[np.float64]
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
BAND_MIN = 200  # draws
THETA_MIN, THETA_MAX = 0.25, 100.0  # published sector values begin at 0.4 (Caliendo and Parro 2015)
_HALF_STEP = 2.0**-54  # the generator gives multiples of 2^-53 from 0 on; their middles are never 0 or 1


@dataclass(frozen=True, slots=True)
class Quantiles:
    """What draws say of one figure.

    Attributes:
        values: at `SHARES`; errors: the Monte Carlo standard error of each. mean: of the draws.
        gaining: share of draws above zero. draws: how many. band: whether there are enough for a band.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    mean: float
    gaining: float
    draws: int

    @property
    def median(self) -> float:
        """Half of the draws lie below."""
        return self.values[2]

    @property
    def low(self) -> float:
        """The 5 % quantile."""
        return self.values[0]

    @property
    def high(self) -> float:
        """The 95 % quantile."""
        return self.values[4]

    @property
    def band(self) -> bool:
        """Whether quantiles other than the median may be shown."""
        return self.draws >= BAND_MIN

    def to_value(self) -> dict[str, Any]:
        """Plain values; without a band there is only the mean and the share that gains."""
        found: dict[str, Any] = {"draws": self.draws, "mean": self.mean, "gaining": self.gaining}
        if self.band:
            found["quantiles"] = {f"q{100 * s:02.0f}": v for s, v in zip(SHARES, self.values, strict=True)}
            found["monte_carlo_error"] = {f"q{100 * s:02.0f}": e for s, e in zip(SHARES, self.errors, strict=True)}
        return found


def quantiles(draws: Array) -> Quantiles:
    """Quantiles of the draws of one figure, by linear interpolation (type 7 of Hyndman and Fan 1996)."""
    ordered = np.sort(draws)
    count = len(ordered)
    values = np.quantile(ordered, SHARES)
    errors = []
    for share in SHARES:
        half = math.sqrt(count * share * (1 - share))
        below = max(math.floor(count * share - half), 0)
        above = min(math.ceil(count * share + half), count - 1)
        errors.append(float(ordered[above] - ordered[below]) / 2)
    return Quantiles(
        values=tuple(float(v) for v in values),
        errors=tuple(errors),
        mean=math.fsum(float(v) for v in ordered) / count,
        gaining=float((ordered > 0).sum()) / count,
        draws=count,
    )


def draw(parameters: Iterable[Parameter], book: ParameterBook, count: int, seed: int) -> dict[str, Array]:
    """(B,) draws of every parameter.

    Args:
        book: where the covariance of coefficients estimated together stands.

    Raises:
        MethodError: a distribution that can't be drawn, or a draw that is no finite number.
    """
    found: dict[str, Array] = {}
    for parameter in parameters:
        assert parameter.value is not None
        assert parameter.distribution is not None
        estimation = book.estimated_with(parameter.id)
        if estimation:
            found[parameter.id] = _jointly(parameter, book, estimation, count, seed)
            continue
        try:
            with np.errstate(all="ignore"):  # what overflows is refused by name, just below
                made = parameter.distribution.quantile(_uniform(parameter.id, count, seed), parameter.value)
        except MethodError as error:
            error.where, error.what = parameter.place, f"{parameter.id}: {error.what}"
            raise
        if not np.isfinite(made).all():
            what = f"a draw of {parameter.id} is too large to be computed with."
            raise MethodError(what, where=parameter.place, hint="Correct its value or its spread.", code="overflow")
        found[parameter.id] = made
    return found


def central(parameters: Iterable[Parameter]) -> dict[str, Array]:
    """(1,) central values of every parameter."""
    return {p.id: np.array([p.value], dtype=float) for p in parameters}


def _uniform(name: str, count: int, seed: int) -> Array:
    return np.asarray(stream(seed, name).random(count) + _HALF_STEP, dtype=float)


def _jointly(parameter: Parameter, book: ParameterBook, estimation: str, count: int, seed: int) -> Array:
    """A coefficient with those it was estimated with: its row of L times their normal draws."""
    ids, covariance = book.joint[estimation]
    place = ids.index(parameter.id)
    lower = cholesky(covariance, AssertionError("checked when the file was read"))[place]
    assert parameter.value is not None
    made = np.full(count, parameter.value)
    for weight, name in zip(lower[: place + 1], ids, strict=False):
        made += weight * standard_normal(_uniform(name, count, seed))
    return made


def checked_theta(draws: Mapping[str, Array], theta: Parameter) -> Array:
    """The drawn elasticities, all from `THETA_MIN` to `THETA_MAX`.

    Below, gains explode and mean nothing; above, no price differs from another.

    Raises:
        MethodError: one is not.
    """
    found = draws[theta.id]
    out = ~((found >= THETA_MIN) & (found <= THETA_MAX))
    if out.any():
        bounds = f"{THETA_MIN:g} to {THETA_MAX:g}"
        some = f"{int(out.sum()):,} of {len(found):,} draws of {theta.id} lie" if len(found) > 1 else f"{theta.id} lies"
        what = f"{some} outside {bounds} (such as {float(found[out][0]):g})."
        hint = f"A trade elasticity lies from {bounds}: choose lognormal, triangular or uniform within that."
        raise MethodError(what, where=theta.place, hint=hint, code="theta")
    return found
