"""How far has adoption come, where does it end, and when does it reach a level? Four curves, fitted and doubted.

Logistic, Gompertz, Bass and Richards curves (formulas in `_curves`) are fitted by least squares with the ceiling K
projected out, from 20 seeded starts (`_profile`). `curve="auto"` takes the lowest AICc, `n ln(S / n) + 2 k +
2 k (k + 1) / (n - k - 1)`, k counting the error's variance too; where no curve has one (fewer than six points) the
three-parameter curve with the least squares. `ceiling` is the highest that K can be, such as 100 for percentages.

Doubt. The 95 % interval of K is by profile likelihood; open above, K is *not identified*: a curve that has hardly begun
fits the data as well. With fewer than six points, or no inflection up to the last observed year, there is an interval
but no point forecast. Intervals of forecasts and of years to a level are made the same way. They hold if the chosen
curve is right and its errors are equal and independent; they are of the curve, not of the next observation. Errors of
yearly series have memory, so true intervals are wider. A forecast shown to readers comes from `impact`.

Sources: Hurvich and Tsai, Biometrika 76 (1989) 297-307 (AICc); Bates and Watts, *Nonlinear Regression Analysis* (1988).

    >>> import numpy as np
    >>> years = np.arange(1995, 2015)
    >>> fit = fit_diffusion(years, 80 / (1 + np.exp(-0.4 * (years - 2004))))
    >>> fit.curve, round(fit.saturation.value, 6), round(fit.years_to(72).value, 3)
    ('logistic', 80.0, 2009.493)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._profile import CURVES, Clock, Data, Fit, constrained, edge, least_squares
from concordat.observatory.divide._series import read_one

STARTS = 20
POINTS_LEAST = 6  # for a point forecast
LEVEL = 0.95
_HIGHEST = 1e4  # a ceiling this many times the largest value is none
_LOWEST = 1e-6
_HORIZON = 20.0  # how many observed spans ahead a year is searched
_EXACT = 1e-10  # relative size of residuals below which they are rounding


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number with its interval; a value of None is not to be printed, an end of None is open.

    Attributes:
        reason: too_few_points, no_inflection, not_identified, held_by_ceiling (the data set no upper end, `ceiling`
            does), never_reached, before_first_year, or "" where nothing is wrong.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One curve that was tried: its AICc (None: too few points for one), Akaike weight and least-squares ceiling."""

    curve: str
    aicc: float | None
    weight: float | None
    ceiling: float
    squares: float


@dataclass(frozen=True, slots=True, eq=False)
class DiffusionFit:
    """A fitted curve of adoption.

    Attributes:
        parameters: K and the shapes, in years, as least squares found them.
        saturation: K with its profile interval; its value is None where no point forecast is allowed.
        identified: the data themselves end the interval of K above.
        inflection: the year of fastest growth; None where the curve has none among the observed years, or too few
            points tell it, for the `inflection_reason`: too_few_points, no_inflection (after the last year, if ever),
            before_first_year, or falling_from_the_start (a Bass curve with q <= p grows fastest at its origin).
        forecasts: points may be forecast; reason: why not.
        sd: of the residuals, with n less the parameters.
        candidates: all curves tried, best first.
        agreed: how many of the starts ended at the best fit.
    """

    curve: str
    n: int
    parameters: dict[str, float]
    saturation: Bounded
    identified: bool
    inflection: float | None
    forecasts: bool
    reason: str
    squares: float
    sd: float
    candidates: tuple[Candidate, ...]
    agreed: int
    inflection_reason: str
    _data: Data = field(repr=False)
    _fit: Fit = field(repr=False)
    _threshold: float = field(repr=False)

    def fitted(self, years: Iterable[float]) -> Array:
        """The least-squares curve at any years, without its doubt."""
        t = np.asarray(list(years), dtype=np.float64)
        return np.asarray(self._fit.ceiling * self._data.curve.share(self._data.clock, t, self._fit.theta)[0])

    def predict(self, years: Iterable[float]) -> tuple[Bounded, ...]:
        """The curve's value in each year with its interval; no value after the last observed year if none is allowed.

        Raises:
            InputError: a year that is not a number.
        """
        asked = [float(year) for year in years]
        if not all(math.isfinite(year) for year in asked):
            raise InputError("a year to predict is not a number.", hint="Give years such as 2030.")
        return tuple(self._value_in(year) for year in asked)

    def years_to(self, level: float) -> Bounded:
        """The year in which the curve reaches a level, with its interval; an upper end of None: perhaps never.

        Raises:
            InputError: the level is not above zero.
        """
        if not (math.isfinite(level) and level > 0):
            raise InputError(f"the level is {level:g}.", hint="Give one above zero, such as 90.")
        return _reach(self, level)

    def _value_in(self, year: float) -> Bounded:
        value = float(self.fitted([year])[0])
        low, high = _value_interval(self._data, self._fit, self._threshold, year, value)
        high = self._data.ceiling if high is None else high
        hidden = not self.forecasts and year > self._data.years[-1]
        return Bounded(None if hidden else value, low, high, self.reason if hidden else "")


def fit_diffusion(
    years: Any,
    values: Any,
    *,
    curve: str = "auto",
    ceiling: float | None = None,
    seed: int = 0,
    origin: float | None = None,
) -> DiffusionFit:
    """Fit a curve of adoption to a series.

    Args:
        values: NaN where missing.
        curve: auto, logistic, gompertz, bass, richards.
        ceiling: the highest that K may be.
        origin: when Bass's time begins; None: the year before the first observed.

    Raises:
        InputError: an unknown curve, a ceiling not above zero, an origin after the first year.
        MethodError: too few points, values below zero, or no value above zero.
    """
    return _describe(*_best(years, values, curve, ceiling, seed, origin))


def fill_curve(years: Any, values: Any, *, ceiling: float | None = None, seed: int = 0) -> Array:
    """A series with its gaps taken from the fitted curve; observed values stay as they are.

    A gap stays NaN where no point may be given: everywhere with fewer than six observed years or no adoption, and after
    the last observed year where no inflection is in sight.

        >>> years = np.arange(1996.0, 2005.0)
        >>> gap = np.where(years == 2000, np.nan, 80 / (1 + np.exp(2000 - years)))
        >>> round(float(fill_curve(years, gap)[4]), 6)
        40.0

    Raises:
        InputError: a series that can't be read.
    """
    t, filled = np.asarray(years, dtype=np.float64), np.array(values, dtype=np.float64)
    observed = read_one(t, filled)
    gaps = np.isnan(filled)
    if not gaps.any() or observed.years.size < POINTS_LEAST or observed.values.min() < 0 or observed.values.max() <= 0:
        return filled
    data, fit, _ = _best(t, filled, "auto", ceiling, seed, None)
    if data.curve.inflection(data.clock, fit.theta) > data.years[-1]:
        gaps &= t < data.years[-1]
    filled[gaps] = fit.ceiling * data.curve.share(data.clock, t[gaps], fit.theta)[0]
    return filled


def _best(
    years: Any, values: Any, curve: str, ceiling: float | None, seed: int, origin: float | None
) -> tuple[Data, Fit, tuple[Candidate, ...]]:
    """The chosen curve's fit, and all that were tried."""
    if curve != "auto" and curve not in CURVES:
        raise InputError(f'"{curve}" is not a curve.', hint=f"Use auto, {', '.join(CURVES)}.", code="curve")
    t, y = read_one(years, values)
    least = 2 + (2 if curve == "auto" else CURVES[curve].shapes)
    if t.size < least:
        raise MethodError(
            f"{t.size} points are too few: a curve with {least - 1} parameters needs {least}.", where="diffusion",
            hint="Wait for more years, or fill gaps by another method.", code="too_few_points",
        )  # fmt: skip
    if y.min() < 0 or y.max() <= 0:
        raise MethodError("adoption must not be below zero, and must have begun.", where="diffusion", code="negative")
    if ceiling is not None and not (math.isfinite(ceiling) and ceiling > 0):
        raise InputError(f"the ceiling is {ceiling:g}.", where="diffusion", hint="Give one above zero, such as 100.")
    clock = Clock(float(t[0] + t[-1]) / 2, float(t[-1] - t[0]), float(t[0]) - 1 if origin is None else origin)
    if not clock.origin <= t[0]:
        raise InputError("Bass's origin is after the first year.", where="diffusion", hint="Give an earlier one.")
    names = [name for name in CURVES if curve in ("auto", name) and t.size >= 2 + CURVES[name].shapes]
    tried = {name: _try(Data(CURVES[name], clock, t, y, ceiling), seed) for name in names}
    order, candidates = _choose(tried)
    return *tried[order[0]], candidates


def _try(data: Data, seed: int) -> tuple[Data, Fit]:
    """Fit one curve; each has its own generator, so that one curve's draws don't depend on which others are tried."""
    generator = np.random.Generator(np.random.PCG64([seed, sorted(CURVES).index(data.curve.name)]))
    return data, least_squares(data, data.curve.starts(generator, STARTS))


def _free(data: Data, fit: Fit) -> int:
    """How many parameters the data chose: the ceiling is none of them where it stands at its highest."""
    return data.curve.shapes + (data.ceiling is None or fit.ceiling < data.ceiling)


def _squares(data: Data, fit: Fit) -> float:
    """The sum of squares, not below what rounding makes: perfect fits are then equally good."""
    return max(fit.squares, _EXACT**2 * float((data.values**2).sum()))


def _choose(tried: dict[str, tuple[Data, Fit]]) -> tuple[list[str], tuple[Candidate, ...]]:
    scores: dict[str, float | None] = {}
    for name, (data, fit) in tried.items():
        n, k = (
            data.years.size,
            data.curve.shapes + 2,
        )  # the ceiling counts also at its bound: the curves stay comparable
        fits = n * math.log(_squares(data, fit) / n) + 2 * k
        scores[name] = fits + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else None
    known = [s for s in scores.values() if s is not None]
    best = min(known, default=0.0)
    total = math.fsum(math.exp((best - s) / 2) for s in known)

    def place(name: str) -> tuple[float, float, float]:
        data, fit = tried[name]
        score = scores[name]
        return (math.inf if score is None else score, data.curve.shapes, _squares(data, fit))

    order = sorted(tried, key=place)
    found = []
    for name in order:
        data, fit = tried[name]
        score = scores[name]
        weight = None if score is None else math.exp((best - score) / 2) / total
        found.append(Candidate(name, score, weight, fit.ceiling, fit.squares))
    return order, tuple(found)


def _describe(data: Data, fit: Fit, candidates: tuple[Candidate, ...]) -> DiffusionFit:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    n, freedom = data.years.size, data.years.size - _free(data, fit)
    squares = _squares(data, fit)
    threshold = squares * (1 + float(stdtrit(freedom, (1 + LEVEL) / 2)) ** 2 / freedom)
    inflection = data.curve.inflection(data.clock, fit.theta)
    reason = "too_few_points" if n < POINTS_LEAST else "no_inflection" if inflection > data.years[-1] else ""
    low, high = _value_interval(data, fit, threshold, math.inf, fit.ceiling)
    open_above = high is None
    if open_above and data.ceiling is not None:
        high = data.ceiling
    identified = not open_above
    doubt = "" if identified else "not_identified" if data.ceiling is None else "held_by_ceiling"
    saturation = Bounded(None if reason else fit.ceiling, low, high, reason or doubt)
    no_year = reason or _no_fastest(data, inflection)
    return DiffusionFit(
        data.curve.name, n, {"K": fit.ceiling} | data.curve.named(data.clock, fit.theta), saturation, identified,
        None if no_year else inflection, not reason, reason, fit.squares, math.sqrt(fit.squares / freedom), candidates,
        fit.agreed, no_year, data, fit, threshold,
    )  # fmt: skip


def _no_fastest(data: Data, inflection: float) -> str:
    """Why growth is fastest in no observed year, of a curve whose inflection is not after the last; "" where it is."""
    if data.curve.name == "bass" and inflection <= data.clock.origin:
        return "falling_from_the_start"
    return "before_first_year" if inflection < data.years[0] else ""


def _value_interval(
    data: Data, fit: Fit, threshold: float, year: float, value: float
) -> tuple[float | None, float | None]:
    """The profile interval of the curve's value in a year (infinite: the ceiling); open ends are 0 and None."""
    top = float(data.values.max())
    if value < _LOWEST * top:  # before adoption there is nothing to move
        return 0.0, value

    def squares(log_value: float, start: Array) -> tuple[float, Array]:
        return constrained(data, year, math.exp(log_value), start)

    here = math.log(value)
    highest = math.log(_HIGHEST * top) if data.ceiling is None else math.log(data.ceiling)
    low = edge(squares, here, fit.theta, -0.01, math.log(_LOWEST * top) - 1, threshold)
    high = edge(squares, here, fit.theta, 0.01, highest, threshold) if here < highest else None
    upper = None if high is None else max(value, math.exp(high))
    return 0.0 if low is None else min(value, math.exp(low)), upper


def _reach(fit: DiffusionFit, level: float) -> Bounded:
    """The year that reaches a level, and the years between which it may be reached."""
    data, found = fit._data, fit._fit
    first, last, span = float(data.years[0]), float(data.years[-1]), data.clock.span
    horizon = last + _HORIZON * span
    if fit.fitted([first])[0] > level:  # a curve read backwards past its first observation says nothing
        return Bounded(None, None, first, "before_first_year")
    year = _year_of(fit, level, horizon)

    def squares(when: float, start: Array) -> tuple[float, Array]:
        return constrained(data, when, level, start)

    step = span / 64
    if year is not None:
        low = edge(squares, year, found.theta, -step, first - span, fit._threshold)
        high = edge(squares, year, found.theta, step, horizon, fit._threshold)
        hidden = not fit.forecasts and year > last
        return Bounded(None if hidden else year, low, high, fit.reason if hidden else "")
    # The best curve never gets there. Others that fit may: look from far ahead back to the first year that they allow.
    theta = found.theta
    value, theta = squares(horizon, theta)
    if value > fit._threshold:
        return Bounded(None, None, None, "never_reached")
    return Bounded(None, edge(squares, horizon, theta, -step, first - span, fit._threshold), None, "never_reached")


def _year_of(fit: DiffusionFit, level: float, horizon: float) -> float | None:
    """When the best curve has a level; None if not before the horizon."""
    from scipy.optimize import brentq  # type: ignore[import-untyped,unused-ignore]

    start = float(fit._data.years[0])
    ends = fit.fitted([start, horizon]) - level
    if ends[1] <= 0:
        return None
    if ends[0] >= 0:
        return start
    return float(brentq(lambda when: float(fit.fitted([when])[0]) - level, start, horizon, xtol=1e-10, maxiter=200))
