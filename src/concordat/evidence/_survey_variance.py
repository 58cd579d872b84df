"""How sure a survey's figure is: the variance of any weighted statistic under the sample's design, and intervals.

A statistic is first *linearised*: each person gets a score z, with `sum(z) = 0` for a mean, such that the statistic's
error is about the error of `sum(z)`. For a weighted mean p of y, `z_j = w_j (y_j - p) / sum(w)`; people outside a
domain have z = 0 and stay in the design. The variance over strata h and primary units i (Taylor linearisation; Wolter,
*Introduction to Variance Estimation*, 2nd ed., 2007, section 6.11; Lumley, *Complex Surveys*, 2010, section 2.2) is

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_i (z_hi - zbar_h)^2,    z_hi = sum of z over the people of the unit.

A stratum with one unit has no mean of its own: it is centred at the mean of all units and its factor is `1 - f_h`.
Degrees of freedom: units less strata. Without a design, Kish's effect of unequal weights stands in for it (Kish,
*Survey Sampling*, 1965, section 11.7): `deff = n sum(w^2) / (sum w)^2`.

    >>> import numpy as np
    >>> y = np.array([1.0, 0.0, 1.0, 1.0])
    >>> z = (y - y.mean()) / 4  # a simple random sample: s^2 / n
    >>> bool(np.isclose(taylor_variance(z, design(4)), y.var(ddof=1) / 4))
    True
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from concordat.errors import MethodError

Array: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """How a sample was drawn, person by person.

    Attributes:
        unit: each person's primary unit, numbered from 0; units of different strata are different units.
        stratum: each *unit's* stratum, numbered from 0 in sorted order of the names.
        fraction: each stratum's share of units that are in the sample, f_h; 0 where it is not known.
        names: the strata as the file calls them.
        stated: strata or units were given; without them each person is a unit of one stratum.
    """

    unit: Codes
    stratum: Codes
    fraction: Array
    names: tuple[str, ...]
    stated: bool

    @property
    def units(self) -> int:
        """How many primary units there are."""
        return len(self.stratum)

    @property
    def degrees_of_freedom(self) -> int:
        """Units less strata."""
        return self.units - len(self.names)

    @property
    def single(self) -> tuple[str, ...]:
        """The strata with one unit, which are centred at the mean of all units; certain ones (f = 1) need none."""
        counts = np.bincount(self.stratum, minlength=len(self.names))
        return tuple(name for name, n, f in zip(self.names, counts, self.fraction, strict=True) if n == 1 and f < 1)

    def degrees_of_freedom_of(self, people: npt.NDArray[np.bool_]) -> int:
        """Units less strata, of those that hold any of these people."""
        units = np.unique(self.unit[people])
        return len(units) - len(np.unique(self.stratum[units]))


def design(
    people: int,
    *,
    strata: Sequence[Hashable] | None = None,
    units: Sequence[Hashable] | None = None,
    population: Sequence[float] | None = None,
) -> Design:
    """The design of a sample.

    Args:
        strata, units: each person's stratum and primary unit. The same unit in two strata is two units.
        population: for each person either the number of units in her stratum's population, or (up to 1) the share of
            them that is in the sample; the same for a whole stratum.

    Raises:
        MethodError: a population that differs inside a stratum, is below the sample's, or is no number above zero.
    """
    strata_of = list(strata) if strata is not None else [""] * people
    unit_of: Sequence[Hashable] = list(units) if units is not None else range(people)
    assert len(strata_of) == len(unit_of) == people, "one stratum and one unit for each person"
    names = sorted({str(s) for s in strata_of})
    number = {name: i for i, name in enumerate(names)}
    seen: dict[tuple[int, Hashable], int] = {}
    unit = np.fromiter(
        (seen.setdefault((number[str(s)], u), len(seen)) for s, u in zip(strata_of, unit_of, strict=True)),
        dtype=np.int64,
        count=people,
    )
    stratum = np.fromiter((h for h, _ in seen), dtype=np.int64, count=len(seen))
    stated = strata is not None or units is not None
    fraction = np.zeros(len(names))
    if population is not None:
        sizes = np.bincount(stratum, minlength=len(names))
        fraction = _fractions(np.asarray(population, dtype=np.float64), stratum[unit], sizes, names)
    return Design(unit, stratum, fraction, tuple(names), stated)


def taylor_variance(z: Array, how: Design) -> float:
    """The variance of the statistic whose linearised scores are z (see the module)."""
    return float(taylor_covariance(np.asarray(z, dtype=np.float64).reshape(-1, 1), how)[0, 0])


def taylor_covariance(z: Array, how: Design) -> Array:
    """The variances and covariances of several statistics, a column of scores each.

    Raises:
        MethodError: as many strata as units: nothing says how much units of a stratum differ.
    """
    assert z.ndim == 2, "a row for each person, a column for each statistic"
    assert len(z) == len(how.unit), "a row for each person, a column for each statistic"
    require_degrees_of_freedom(how)
    totals = np.zeros((how.units, z.shape[1]))
    np.add.at(totals, how.unit, z)
    count = np.bincount(how.stratum, minlength=len(how.names)).astype(np.float64)
    sums = np.zeros((len(how.names), z.shape[1]))
    np.add.at(sums, how.stratum, totals)
    centre = sums / count[:, None]
    centre[count == 1] = totals.mean(axis=0)
    factor = (1 - how.fraction) * np.where(count > 1, count / np.maximum(count - 1, 1), 1.0)
    off = totals - centre[how.stratum]
    columns = range(z.shape[1])  # sums, not a matrix product: BLAS adds in another order on another processor
    heavy = off * factor[how.stratum][:, None]
    return np.array([[(heavy[:, i] * off[:, j]).sum() for j in columns] for i in columns])


def require_degrees_of_freedom(how: Design, *, where: str = "") -> None:
    """Refuse a design with as many strata as units, unless every unit of the population is in the sample.

    Raises:
        MethodError: nothing says how much units of one stratum differ.
    """
    if how.degrees_of_freedom < 1 and not (how.fraction >= 1).all():
        raise MethodError(
            f"{how.units} primary units in {len(how.names)} strata leave no degree of freedom: no variance can be "
            "computed.",
            where=where,
            hint="Join strata that were drawn alike, and name the joined ones in the file.",
            code="no_degrees_of_freedom",
        )


def mean_scores(y: Array, w: Array, people: npt.NDArray[np.bool_]) -> tuple[float, Array]:
    """The weighted mean of y over some of the people, and the scores z of all of them."""
    total = float(w[people].sum())
    p = float((w[people] * y[people]).sum()) / total
    return p, np.where(people, w * (y - p) / total, 0.0)


def kish_design_effect(w: Array) -> float:
    """How many times larger unequal weights make the variance: `n sum(w^2) / (sum w)^2`."""
    return float(len(w) * (w * w).sum() / w.sum() ** 2)


def wilson(p: float, n: float, critical: float = NORMAL_95) -> tuple[float, float]:
    """The score interval of a share p found among n people (Wilson, 1927); it stays inside 0..1 and is never a point.

    >>> [round(end, 4) for end in wilson(0.0, 10)]
    [0.0, 0.2775]
    """
    squared = critical * critical
    middle = (p + squared / (2 * n)) / (1 + squared / n)
    half = critical / (1 + squared / n) * math.sqrt(p * (1 - p) / n + squared / (4 * n * n))
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))


def critical_value(degrees_of_freedom: int | None) -> float:
    """The half-width of a 95 % interval in standard errors: Student's t; 1.96 where no design was stated."""
    if degrees_of_freedom is None:
        return NORMAL_95
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    return float(stdtrit(degrees_of_freedom, 0.975))


def difference_interval(
    first: tuple[float, float, float], second: tuple[float, float, float], correlation: float = 0.0
) -> tuple[float, float]:
    """The interval of a difference of two shares from their own (value, lower, upper), by squares of the distances.

    Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10; with `correlation` for shares measured on the same
    units (Zou and Donner, Statistics in Medicine 27 (2008) 1693-1702).
    """
    (p, p_lower, p_upper), (q, q_lower, q_upper) = first, second

    def distance(a: float, b: float) -> float:
        return math.sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0))

    return p - q - distance(p - p_lower, q_upper - q), p - q + distance(p_upper - p, q - q_lower)


def _fractions(given: Array, stratum: Codes, sizes: Codes, names: Sequence[str]) -> Array:
    """Each stratum's sampling fraction."""
    fractions = np.zeros(len(names))
    for h, name in enumerate(names):
        values = np.unique(given[stratum == h])
        size = float(sizes[h])
        called = f'the stratum "{name}"' if name else "the sample"
        if len(values) != 1 or not np.isfinite(values).all():
            raise MethodError(
                f"{called} has more than one population.",
                hint="fpc is the number of primary units in the population of the stratum, or the share drawn.",
                code="fpc",
            )
        value = float(values[0])
        fraction = value if value <= 1 else size / value
        if not 0 < fraction <= 1:
            raise MethodError(
                f"{called} has {size:.0f} primary units in the sample and {value:g} in the population.",
                hint="fpc is the number of primary units in the population of the stratum, or the share drawn.",
                code="fpc",
            )
        fractions[h] = fraction
    return fractions
