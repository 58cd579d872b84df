"""Errors by redrawing the rows: thousands of samples at once, for any measure, and for changes between two years.

Each sample draws n rows with replacement: a matrix of counts [sample, row] from one seed, times the weights. Rows are
sorted once; cumulative weights run along the rows of the matrix, power sums are one matrix product, and quantiles,
Lorenz ordinates and Gini of a whole block of samples come from the same two cumulative sums. The intervals are
percentiles (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13).

A change between years draws the same rows in both (paired): what countries have in common does not count as error. All
countries of the world are not a sample: label what is made here "as if drawn from a wider population".

A sample without a mean or a poorest fifth above zero leaves a measure undefined: it is counted in `undefined`, and
error and interval are of the others. Clustered samples are not redrawn here: use the linearised errors of `measures`.

    >>> found = bootstrap_measures([1.0, 2.0, 3.0, 4.0], names=["gini"], draws=200, seed=1)
    >>> found.value["gini"], found.draws["gini"].shape, 0 < found.se["gini"] < 0.2
    (0.25, (200,), True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._batch import BATCHED, Powers, batch, powers
from concordat.observatory.divide._sample import LEAST, Bounds, numbers, sample, weights
from concordat.observatory.divide.inference import LEVEL, WIDER
from concordat.observatory.divide.table import chosen

BLOCK = 1000  # samples at once
DRAWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """What redrawing says, by measure.

    Attributes:
        value: of the rows themselves (of a change: second less first).
        se: standard deviation over the samples.
        lower, upper: percentiles.
        draws: each sample's value; NaN where it has none.
        undefined: samples without a value.
        label: what the interval means.
    """

    value: Mapping[str, float]
    se: Mapping[str, float]
    lower: Mapping[str, float]
    upper: Mapping[str, float]
    draws: Mapping[str, Array]
    undefined: Mapping[str, int]
    label: str = ""


def bootstrap_measures(
    y: Any,
    weight: Any = None,
    *,
    seed: int,
    draws: int = DRAWS,
    names: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
    level: float = LEVEL,
    whole_population: bool = False,
) -> Bootstrap:
    """Redraw one list of values.

    Args:
        names: of `measures`, but for gap and ratio, whose ends no redrawing passes; None: all that apply.

    Raises:
        InputError: as `measures`.
        MethodError: a measure that the values themselves do not allow.
    """
    limits, wanted = _wanted(names, bounds)
    s = sample(y, weight, bounds=limits)
    _refuse_negative(s.o.y, wanted)
    rng = np.random.Generator(np.random.PCG64(_positive(draws, seed)))
    v = powers(s.o.y)
    blocks = [batch(v, _counts(rng, size, s.n) * s.w, wanted, limits) for size in _blocks(draws)]
    value = batch(v, s.w[None, :], wanted, limits)[0]
    return _summary(wanted, value, np.concatenate(blocks), level, WIDER if whole_population else "")


def bootstrap_change(
    first: Any,
    second: Any,
    weight_first: Any = None,
    weight_second: Any = None,
    *,
    seed: int,
    draws: int = DRAWS,
    names: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
    level: float = LEVEL,
    whole_population: bool = True,
) -> Bootstrap:
    """The change of each measure between two years of the same rows (countries), second less first.

    Rows that lack a value or a weight in either year are left out of both.
    """
    limits, wanted = _wanted(names, bounds)
    years = [numbers(first, "first")]
    years.append(numbers(second, "second", years[0].size))
    heavy = [weights(weight_first, years[0].size), weights(weight_second, years[0].size)]
    both = ~np.isnan(years[0]) & ~np.isnan(years[1]) & (heavy[0] > 0) & (heavy[1] > 0)
    if int(both.sum()) < LEAST:
        raise InputError(
            f"{int(both.sum())} rows have a value and a weight in both years: a divide needs {LEAST}.",
            where=f"rows 1 to {both.size}", code="too_few",
        )  # fmt: skip
    samples = [sample(y[both], w[both], bounds=limits) for y, w in zip(years, heavy, strict=True)]
    for s in samples:
        _refuse_negative(s.o.y, wanted)
    rng = np.random.Generator(np.random.PCG64(_positive(draws, seed)))
    prepared: list[tuple[Powers, Any]] = [(powers(s.o.y), s) for s in samples]
    found = []
    for size in _blocks(draws):
        counts = _counts(rng, size, int(both.sum()))
        before, after = (batch(v, counts[:, s.rows] * s.w, wanted, limits) for v, s in prepared)
        found.append(after - before)
    before, after = (batch(v, s.w[None, :], wanted, limits)[0] for v, s in prepared)
    return _summary(wanted, after - before, np.concatenate(found), level, WIDER if whole_population else "")


def _wanted(names: Sequence[str] | None, bounds: tuple[float, float] | None) -> tuple[Bounds | None, tuple[str, ...]]:
    limits = None if bounds is None else Bounds(*bounds)
    wanted = tuple(n for n in chosen(names, limits) if names is not None or n in BATCHED)
    for name in wanted:
        if name not in BATCHED:
            raise InputError(f"{name} is not redrawn: no sample passes the ends of the rows.", hint="Leave it out.")
    return limits, wanted


def _refuse_negative(y: Array, wanted: Sequence[str]) -> None:
    if y[0] < 0 and set(wanted) - {"mean", "gini", "gini_shortfall", "offline"}:
        raise InputError("values below zero allow the Gini and the mean alone.", hint='Ask for names=["gini"].')


def _positive(draws: int, seed: int) -> int:
    if draws < 2:
        raise InputError(f"{draws} draws make no error.", hint="10,000 are usual.")
    return seed


def _blocks(draws: int) -> list[int]:
    return [min(BLOCK, draws - start) for start in range(0, draws, BLOCK)]


def _counts(rng: np.random.Generator, size: int, n: int) -> Array:
    """How often each sample has each row: n draws with replacement (multinomial)."""
    drawn = rng.integers(0, n, size=(size, n), dtype=np.int64)
    drawn += np.arange(size, dtype=np.int64)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _summary(names: Sequence[str], value: Array, draws: Array, level: float, label: str) -> Bootstrap:
    """Errors and percentiles of each column, of the samples that have a value."""
    columns: dict[str, tuple[float, float, float]] = {}
    for i, name in enumerate(names):
        there = draws[~np.isnan(draws[:, i]), i]
        if there.size < 2:
            columns[name] = (np.nan, np.nan, np.nan)
            continue
        low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
        columns[name] = (float(there.std(ddof=1)), float(low), float(high))
    return Bootstrap(
        {name: float(value[i]) for i, name in enumerate(names)},
        {name: columns[name][0] for name in names},
        {name: columns[name][1] for name in names},
        {name: columns[name][2] for name in names},
        {name: draws[:, i] for i, name in enumerate(names)},
        {name: int(np.isnan(draws[:, i]).sum()) for i, name in enumerate(names)},
        label,
    )
