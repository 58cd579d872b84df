"""From a group's sums to its measures: the last step of `relational`, on plain numbers.

The formulas are those of `_scores`, over the sums that `_relational_sql` names (`weight` W, `held` S, `crossed` Q):
Gini `Q / (W S) - 1`, Theil `sum wy ln y / S - ln(S / W+)`, Lorenz `q Q_q / mu - sum w (Q_q - y)+ / S`.

    >>> row = dict(weight=4.0, held=100.0, crossed=560.0, zero=None)
    >>> round(value_of("gini", row, None), 12)
    0.4
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from concordat.observatory.divide._estimate import FEW, Facts, Measure
from concordat.observatory.divide._sample import LEAST, Bounds
from concordat.observatory.divide._scores import EXTREME, NOTHING, NOUGHT_WHEN_EQUAL, no_density
from concordat.observatory.divide.inference import LEVEL, Spread, from_moments, interval

Row: TypeAlias = Mapping[str, Any]
POSITIVE = frozenset(("theil_t", "theil_l", "atkinson_1"))
RATIOS = frozenset(("palma", "s80_s20", "p90_p10"))
NO_ERROR = frozenset(("gap", "gap_relative", "ratio"))
NEGATIVE_ALLOWED = frozenset(("mean", "gini", "gini_shortfall", "gap", "gap_relative", "offline", "ratio"))
UPPER = dict.fromkeys(("gini", "gini_shortfall", "atkinson_05", "atkinson_1", "hoover", "offline"), 1.0)
DENSITY = {"p90_p10": ("q90", "q10"), "wolfson": ("q50",)}
NOT_ASKED = "errors were not asked for"
DIGITS = 12


def rounded(value: float) -> float:
    """To 12 digits: engines add in no fixed order, so the rest is noise."""
    return float(f"{value:.{DIGITS}g}")


def value_of(name: str, row: Row, bounds: Bounds | None) -> float | str:
    """A measure of one group, or why there is none."""
    weight, held = row["weight"], row["held"]
    if name != "mean" and name not in ("gap", "ratio", "offline") and held <= 0:
        return "the mean is not above zero"
    if name not in NEGATIVE_ALLOWED and row["lowest"] < 0:
        return "it has no meaning for values below zero"
    try:
        return _FORMULAS[name](row, held / weight, bounds)
    except ZeroDivisionError:
        return "it divides by the poorest, who have nothing"


def _lorenz(row: Row, q: float) -> float:
    name = f"q{round(q * 100)}"
    return float((q * row["weight"] * row[name] - row[f"under_{name}"]) / row["held"])


def _share_ratio(row: Row, top: float, bottom: float) -> float:
    low = _lorenz(row, bottom)
    if low <= 1e-12:
        raise ZeroDivisionError
    return (1 - _lorenz(row, top)) / low


def _gini(row: Row, _mean: float, _bounds: Bounds | None) -> float:
    return float(row["crossed"] / (row["weight"] * row["held"]) - 1)


def _shortfall(row: Row, mean: float, bounds: Bounds | None) -> float:
    assert bounds is not None
    return _gini(row, mean, bounds) * mean / (bounds.high - mean)


def _above(row: Row) -> float:
    return float(row["weight"] - (row["zero"] or 0.0))


def _theil_t(row: Row, _mean: float, _bounds: Bounds | None) -> float:
    return float(row["held_logs"] / row["held"] - math.log(row["held"] / _above(row)))


def _theil_l(row: Row, _mean: float, _bounds: Bounds | None) -> float:
    return math.log(row["held"] / _above(row)) - float(row["logs"] / _above(row))


def _ge2(row: Row, mean: float, _bounds: Bounds | None) -> float:
    return float((row["held_squares"] / row["weight"] / mean**2 - 1) / 2)


def _wolfson(row: Row, mean: float, bounds: Bounds | None) -> float:
    inner = 1 - 2 * _lorenz(row, 0.5) - _gini(row, mean, bounds)
    return float(2 * inner * mean / _something(row["q50"], mean))


def _something(divisor: float, mean: float) -> float:
    if divisor <= NOTHING * mean:
        raise ZeroDivisionError
    return divisor


def _offline(_row: Row, mean: float, bounds: Bounds | None) -> float:
    assert bounds is not None
    return 1 - mean / bounds.high


_FORMULAS: dict[str, Callable[[Row, float, Bounds | None], float]] = {
    "mean": lambda _row, mean, _bounds: float(mean),
    "gini": _gini,
    "gini_shortfall": _shortfall,
    "theil_t": _theil_t,
    "theil_l": _theil_l,
    "ge2": _ge2,
    "cv": lambda row, mean, bounds: math.sqrt(max(0.0, 2 * _ge2(row, mean, bounds))),
    "atkinson_05": lambda row, mean, _bounds: float(1 - (row["roots"] / row["weight"]) ** 2 / mean),
    "atkinson_1": lambda row, mean, bounds: 1 - math.exp(-_theil_l(row, mean, bounds)),
    "hoover": lambda row, _mean, _bounds: float(row["short"] / row["held"]),
    "palma": lambda row, _mean, _bounds: _share_ratio(row, 0.9, 0.4),
    "s80_s20": lambda row, _mean, _bounds: _share_ratio(row, 0.8, 0.2),
    "p90_p10": lambda row, mean, _bounds: float(row["q90"] / _something(row["q10"], mean)),
    "wolfson": _wolfson,
    "offline": _offline,
    "gap": lambda row, _mean, _bounds: float(row["highest"] - row["lowest"]),
    "gap_relative": lambda row, mean, _bounds: float((row["highest"] - row["lowest"]) / mean),
    "ratio": lambda row, _mean, _bounds: _ratio(row),
}


def _ratio(row: Row) -> float:
    if row["lowest"] <= NOTHING * row["highest"]:
        raise ZeroDivisionError
    return float(row["highest"] / row["lowest"])


def figures(
    row: Row,
    names: tuple[str, ...],
    bounds: Bounds | None,
    spread: Callable[[str, Row], Spread] | None,
    level: float = LEVEL,
) -> dict[str, Measure]:
    """The measures of one group; `spread` gives their errors, None: they were not asked for."""
    return {name: _figure(name, row, bounds, spread, level) for name in names}


def _figure(
    name: str, row: Row, bounds: Bounds | None, spread: Callable[[str, Row], Spread] | None, level: float
) -> Measure:
    value = value_of(name, row, bounds)
    positive = name in POSITIVE
    n = int(row["n_above"] if positive else row["n"])
    weight = _above(row) if positive else row["weight"]
    squares = row["squares_above"] if positive else row["squares"]
    missing = row["missing"] or 0.0
    facts = Facts(
        n,
        rounded(weight * weight / squares) if squares else None,
        rounded((row["zero"] or 0.0) / row["weight"]),
        rounded(missing / (row["weight"] + missing)),
    )
    if isinstance(value, str):
        return Measure(name, None, None, None, None, *facts, value)
    if name in NOUGHT_WHEN_EQUAL and row["lowest"] == row["highest"]:
        if spread is None:
            return Measure(name, 0.0, None, None, None, *facts, NOT_ASKED)
        return Measure(name, 0.0, 0.0, 0.0, 0.0, *facts)
    reason = _why_no_error(name, row, n, spread is not None)
    if reason or spread is None:
        return Measure(name, rounded(value), None, None, None, *facts, reason)
    found = spread(name, row)
    low, high = 0.0, UPPER.get(name, math.inf) if row["lowest"] >= 0 else math.inf
    if name == "mean":
        low, high = (-math.inf, math.inf) if bounds is None else (bounds.low, bounds.high)
    lower, upper = interval(value, found, level=level, ratio=name in RATIOS, low=low, high=high)
    return Measure(name, rounded(value), rounded(found.se), rounded(lower), rounded(upper), *facts)


def _why_no_error(name: str, row: Row, n: int, asked: bool) -> str:
    if name in NO_ERROR:
        return EXTREME
    if not asked:
        return NOT_ASKED
    for q in DENSITY.get(name, ()):
        if row[f"high_{q}"] <= row[f"low_{q}"]:
            share, n_eff = row[f"heaviest_{q}"] / row["weight"], row["weight"] ** 2 / row["squares"]
            return no_density(share, int(q[1:]) / 100, n_eff)
    return FEW if n < LEAST else ""


def of_moments(name: str, row: Row) -> Spread:
    """The error of independent rows from sums of powers of w z."""
    weight = _above(row) if name in POSITIVE else row["weight"]
    n = int(row["n_above"] if name in POSITIVE else row["n"])
    s2, s3, s4 = (row[f"{name}_{k}"] / weight**k for k in (2, 3, 4))
    return from_moments(s2, s3, s4, n)
