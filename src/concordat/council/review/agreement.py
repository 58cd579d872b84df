"""How far do the coders agree, beyond chance?

Krippendorff's alpha for ordinal codes, in exact fractions. With m_u codes in cell u (cells with fewer than two are left
out), the coincidences are

    o_ck = sum over u of (ordered pairs c, k in u) / (m_u - 1)        n_c = sum_k o_ck        n = sum_c n_c

    d2(c, k) = (sum_{g = c..k} n_g - (n_c + n_k) / 2)^2, over the categories between c and k in order of rank

    alpha = 1 - (n - 1) sum o_ck d2(c, k) / sum n_c n_k d2(c, k)

Alpha is 1 where all agree, 0 where they agree as by chance, below 0 where worse. Where all codes are alike there is
nothing that could disagree by chance: alpha is then "not defined", not 1. Below 0.667 it is `tentative`, below 0.4
`unreliable`, and the word is printed with every table that rests on the codes.

Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011); the limit of 0.667 for tentative conclusions
is his (Content Analysis, 2004, chapter 11), that of 0.4 is ours. It does not say who is right: coders who share an
error agree.

    >>> alpha([(1, 1), (0, 1), (-1, -1), (0, 0)]).value
    Fraction(79, 100)
    >>> print(alpha([(1, 1), (1, 1)]))
    alpha not defined: all codes are alike
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.errors import InputError

TENTATIVE = Fraction(667, 1000)
UNRELIABLE = Fraction(4, 10)

Number = int | float | Fraction
Distance = Callable[[int, int, Sequence[Number], Sequence[Fraction]], Fraction]


@dataclass(frozen=True, slots=True)
class Alpha:
    """How far coders agree.

    Attributes:
        value: exact; None where it is not defined, with the reason.
        cells: cells with two codes or more. codes: the codes in them.
        left_out: cells with fewer than two codes.
    """

    value: Fraction | None
    reason: str
    cells: int
    codes: int
    left_out: int = 0
    metric: str = "ordinal"

    @property
    def label(self) -> str:
        """`unreliable` below 0.4, `tentative` below 0.667, else empty; `not defined` where it isn't."""
        if self.value is None:
            return "not defined"
        return "unreliable" if self.value < UNRELIABLE else "tentative" if self.value < TENTATIVE else ""

    def __float__(self) -> float:
        return math.nan if self.value is None else float(self.value)

    def __str__(self) -> str:
        if self.value is None:
            return f"alpha not defined: {self.reason}"
        return f"alpha {float(self.value):.3f}{f' ({self.label})' if self.label else ''}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        value = None if self.value is None else f"{self.value.numerator}/{self.value.denominator}"
        counts = {"cells": self.cells, "codes": self.codes, "left_out": self.left_out}
        return {"alpha": value, "metric": self.metric, "label": self.label, "reason": self.reason, **counts}


def alpha(
    cells: Iterable[Iterable[Number | None]] | Mapping[Hashable, Iterable[Number | None]], *, metric: str = "ordinal"
) -> Alpha:
    """Krippendorff's alpha of cells of codes.

    Args:
        cells: of each cell the codes that it got, in any order; None is no code.
        metric: `ordinal`, or `nominal` and `interval`, against which published examples are checked.

    Raises:
        InputError: a code that is not a number, or another metric.
    """
    if metric not in METRICS:
        raise InputError(f'"{metric}" is not a metric.', hint=f"Metrics: {', '.join(METRICS)}.", code="unknown_metric")
    given = list(cells.values() if isinstance(cells, Mapping) else cells)
    counts = [Counter(_number(c) for c in cell if c is not None) for cell in given]
    pairable = [c for c in counts if c.total() >= 2]
    sizes = {"cells": len(pairable), "codes": sum(c.total() for c in pairable), "left_out": len(given) - len(pairable)}
    if not pairable:
        return Alpha(None, "no cell has two codes", metric=metric, **sizes)
    values = sorted({value for cell in pairable for value in cell})
    if len(values) == 1:
        return Alpha(None, "all codes are alike", metric=metric, **sizes)
    places = {value: n for n, value in enumerate(values)}
    coincidences = _coincidences(pairable, places)
    totals = [sum(row, Fraction(0)) for row in coincidences]
    distance = METRICS[metric]
    seen = by_chance = Fraction(0)
    for c in range(len(values)):
        for k in range(c):  # d2 is symmetric and 0 on the diagonal: half the sums will do
            d2 = distance(k, c, values, totals)
            seen += coincidences[c][k] * d2
            by_chance += totals[c] * totals[k] * d2
    return Alpha(1 - (sum(totals) - 1) * seen / by_chance, "", metric=metric, **sizes)


def _number(code: Any) -> Number:
    if isinstance(code, bool) or not isinstance(code, (int, float, Fraction)) or code != code:
        raise InputError(f"{code!r} is not a code.", hint="Codes are numbers; no code is None.", code="code")
    return code


def _coincidences(cells: Sequence[Counter[Number]], places: Mapping[Number, int]) -> list[list[Fraction]]:
    """The matrix o: each cell gives m_u codes' worth of ordered pairs."""
    alike = Counter(tuple(sorted((places[v], n) for v, n in cell.items())) for cell in cells)  # few are distinct
    found = [[Fraction(0)] * len(places) for _ in places]
    for cell, times in alike.items():
        weight = Fraction(times, sum(n for _, n in cell) - 1)
        for c, n_c in cell:
            for k, n_k in cell:
                found[c][k] += weight * n_c * (n_k - (c == k))
    return found


def _ordinal(low: int, high: int, values: Sequence[Number], totals: Sequence[Fraction]) -> Fraction:
    del values
    return (sum(totals[low : high + 1], Fraction(0)) - (totals[low] + totals[high]) / 2) ** 2


def _nominal(low: int, high: int, values: Sequence[Number], totals: Sequence[Fraction]) -> Fraction:
    del values, totals
    return Fraction(low != high)


def _interval(low: int, high: int, values: Sequence[Number], totals: Sequence[Fraction]) -> Fraction:
    del totals
    return (Fraction(values[high]) - Fraction(values[low])) ** 2


METRICS: Mapping[str, Distance] = {"ordinal": _ordinal, "nominal": _nominal, "interval": _interval}
