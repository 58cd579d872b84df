"""How far did one release move what an earlier one said, in which direction, and could the earlier one have known?

Two vintages of one series, each (area, year) -> value. Which row of a vintage counts, and what a change is in an
indicator's own precision, is decided in `evidence.revisions`; here are the statistics of what is left.

- *Size*: n, mean, mean absolute, root mean square, share up, largest; of all cells in both, and of those that moved.
- *Bias*: is the mean revision zero? t with n - 1 degrees of freedom; its error by Newey and West (1987) with Bartlett
  weights: `Var = (sum e_t^2 + 2 sum_l (1 - l / 3) sum e_t e_(t-l)) / n / (n - 1)`, l = 1, 2 years. This is the test of
  the OECD's revisions database (McKenzie and Gamba, 2008; Di Fonzo, 2005). Areas are series of their own, so that
  products are taken within an area only; a year without a cell adds none. Since a re-referenced area moves for longer
  than two years, the error with whole areas as clusters is given beside it.
- *News or noise*: final = a + b preliminary (Mankiw and Shapiro, 1986). Revisions that are news could not have been
  foretold: a = 0 and b = 1, tested together by F with the same Newey-West errors.
- *Definitional*: an area in which more than 30 % of the cells moved was probably re-referenced, not revised.

For rank changes by cause, `causes` says of each cell whether it was revised, is new or is gone, and `with_causes` makes
the figures in which only some of that has happened.

    >>> before = {("BRA", 2014): 50.0, ("BRA", 2015): 58.0, ("IND", 2015): 15.0}
    >>> after = {("BRA", 2014): 50.0, ("BRA", 2015): 59.0, ("IND", 2015): 15.0, ("IND", 2016): 17.0}
    >>> found = compare_vintages(before, after)
    >>> found.added, [c.size for c in found.changed], found.definitional
    ((('IND', 2016),), [1.0], ('BRA',))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools, Ints

Cell: TypeAlias = tuple[str, int]
LAG = 2  # years; specification, section 6
DEFINITIONAL = 0.30  # share of an area's cells above which the series was re-referenced
_NOISE = 1e-12  # of the largest value: a spread that rounding alone leaves


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that both vintages have, with another value."""

    cell: Cell
    before: float
    after: float

    @property
    def size(self) -> float:
        """The later value less the earlier."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Size:
    """How large revisions are; None where there is no cell."""

    n: int
    mean: float | None
    mean_abs: float | None
    rms: float | None
    share_up: float | None
    largest: Change | None


@dataclass(frozen=True, slots=True)
class Bias:
    """Whether the mean revision is zero; blank with the reason where it can't be told.

    Attributes:
        se: Newey-West, within areas. se_clustered: with areas as clusters.
        p: of t, two-sided, with n - 1 degrees of freedom.
    """

    mean: float | None = None
    se: float | None = None
    t: float | None = None
    p: float | None = None
    se_clustered: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """final = a + b preliminary, errors by Newey-West within areas.

    Attributes:
        f, p: of a = 0 and b = 1 together, F with 2 and n - 2 degrees of freedom.
    """

    a: float | None = None
    b: float | None = None
    se_a: float | None = None
    se_b: float | None = None
    f: float | None = None
    p: float | None = None
    r_squared: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AreaMoves:
    """How many of an area's cells in both vintages moved."""

    area: str
    cells: int
    moved: int

    @property
    def share(self) -> float:
        """The share that moved."""
        return self.moved / self.cells


@dataclass(frozen=True, slots=True)
class VintageChange:
    """All that moved from one vintage to another.

    Attributes:
        added, removed: cells of one side alone, sorted.
        changed: cells that moved by more than the tolerance, the largest first.
        common: cells in both. size: of all of them; size_changed: of those that moved.
        areas: of every area with a cell in both.
        definitional: areas of which more than 30 % of the cells moved.
    """

    added: tuple[Cell, ...]
    removed: tuple[Cell, ...]
    changed: tuple[Change, ...]
    common: int
    size: Size
    size_changed: Size
    bias: Bias
    news: News
    areas: tuple[AreaMoves, ...]
    definitional: tuple[str, ...]

    def moved_by_more_than(self, size: float) -> int:
        """How many cells moved by more than this."""
        return sum(abs(c.size) > size for c in self.changed)


def compare_vintages(
    before: Mapping[Cell, float], after: Mapping[Cell, float], *, tolerance: float = 0.0, lag: int = LAG
) -> VintageChange:
    """What moved between two vintages.

    Args:
        tolerance: differences up to this are rounding: such a cell did not move. Its difference still counts in `size`.

    Raises:
        InputError: a value that is not a finite number.
    """
    for name, vintage in (("earlier", before), ("later", after)):
        odd = sorted(cell for cell, value in vintage.items() if not np.isfinite(value))
        if odd:
            hint = "Leave out cells without a value."
            raise InputError(
                f"the {name} value is not a number.", where=f"{odd[0][0]}, {odd[0][1]}", hint=hint, code="nan"
            )
    common = sorted(before.keys() & after.keys())
    pairs = [Change(cell, float(before[cell]), float(after[cell])) for cell in common]
    changed = sorted((c for c in pairs if abs(c.size) > tolerance), key=lambda c: (-abs(c.size), c.cell))
    areas = _areas(common, {c.cell for c in changed})
    first, last = np.array([c.before for c in pairs]), np.array([c.after for c in pairs])
    names, years = [c[0] for c in common], np.array([c[1] for c in common], dtype=np.int64)
    numbers = np.unique(names, return_inverse=True)[1].astype(np.int64) if names else np.zeros(0, dtype=np.int64)
    return VintageChange(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(changed),
        len(common),
        size_of(pairs),
        size_of(changed),
        bias_test(last - first, numbers, years, lag),
        news_regression(first, last, numbers, years, lag),
        areas,
        tuple(a.area for a in areas if a.share > DEFINITIONAL),
    )


def size_of(changes: list[Change]) -> Size:
    """The size of a set of revisions."""
    if not changes:
        return Size(0, None, None, None, None, None)
    sizes = np.array([c.size for c in changes])
    largest = min(changes, key=lambda c: (-abs(c.size), c.cell))
    return Size(
        len(changes),
        float(sizes.mean()),
        float(np.abs(sizes).mean()),
        float(np.sqrt((sizes**2).mean())),
        float((sizes > 0).mean()),
        largest,
    )


def _areas(common: list[Cell], moved: set[Cell]) -> tuple[AreaMoves, ...]:
    counts: dict[str, list[int]] = {}
    for cell in common:
        found = counts.setdefault(cell[0], [0, 0])
        found[0] += 1
        found[1] += cell in moved
    return tuple(AreaMoves(area, *counts[area]) for area in sorted(counts))


# --- Tests --------------------------------------------------------------------------------------------------------


def bias_test(revisions: Array, area: Ints, year: Ints, lag: int = LAG) -> Bias:
    """Whether the mean of revisions is zero; `area` numbers the series."""
    n = len(revisions)
    if n < 3:
        return Bias(float(revisions.mean()) if n else None, reason=f"{n} cells are too few for a test.")
    mean = float(revisions.mean())
    off = revisions - mean
    if np.abs(off).max() <= _NOISE * max(float(np.abs(revisions).max()), np.finfo(float).tiny):
        return Bias(mean, reason="All revisions are the same, so there is no spread to test against.")
    scale = n / (n - 1) / n**2
    variance = float(long_run(off[:, None], area, year, lag)[0, 0]) * scale
    if variance <= 0:
        return Bias(mean, reason="Revisions of neighbouring years cancel, so there is no spread to test against.")
    from scipy.special import stdtr  # type: ignore[import-untyped,unused-ignore]

    se = float(np.sqrt(variance))
    t = mean / se
    return Bias(mean, se, t, float(2 * stdtr(n - 1, -abs(t))), _clustered(off, area))


def _clustered(off: Array, area: Ints) -> float | None:
    """The error of a mean when areas, not cells, are independent: `G / (G - 1) sum_g (sum of e)^2 / n^2`."""
    sums = np.bincount(area, off)
    groups = len(np.unique(area))
    if groups < 2:
        return None
    return float(np.sqrt(groups / (groups - 1) * (sums**2).sum()) / len(off))


def news_regression(preliminary: Array, final: Array, area: Ints, year: Ints, lag: int = LAG) -> News:
    """final = a + b preliminary by least squares, with the joint test of a = 0 and b = 1."""
    n = len(final)
    if n < 4:
        return News(reason=f"{n} cells are too few for a regression.")
    centre = float(preliminary.mean())
    x = preliminary - centre
    if np.abs(x).max() <= _NOISE * max(float(np.abs(preliminary).max()), np.finfo(float).tiny):
        return News(reason="All preliminary values are the same, so no slope can be told.")
    # Around the mean the two coefficients do not disturb each other: level = a + b * centre.
    level, b = float(final.mean()), float((x * final).sum() / (x * x).sum())
    off = final - level - b * x
    spread = float(((final - level) ** 2).sum())
    r_squared = 1 - float((off**2).sum()) / spread if spread > 0 else None
    a = level - b * centre
    exact = np.abs(off).max() <= _NOISE * max(float(np.abs(final).max()), np.finfo(float).tiny)
    if exact:
        return News(
            a, b, r_squared=r_squared, reason="Every final value is on the line, so there is no error to test with."
        )
    bread = np.array([1 / n, 1 / float((x * x).sum())])
    meat = long_run(np.column_stack([off, off * x]), area, year, lag) * n / (n - 2)
    about_mean = bread[:, None] * meat * bread
    turn = np.array([[1.0, -centre], [0.0, 1.0]])  # from (level, b) to (a, b)
    covariance = turn @ about_mean @ turn.T
    f, p = _joint(np.array([level - centre, b - 1]), about_mean, n)
    se = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    reason = "" if f is not None else "The errors of a and b are one, so they can't be tested together."
    return News(a, b, float(se[0]), float(se[1]), f, p, r_squared, reason)


def _joint(off: Array, covariance: Array, n: int) -> tuple[float | None, float | None]:
    """F and p that both deviations are zero; around the mean a = 0, b = 1 says: level = mean preliminary, b = 1."""
    from scipy.special import fdtrc  # type: ignore[import-untyped,unused-ignore]

    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    if not (scale > 0).all():
        return None, None
    correlation = covariance / np.outer(scale, scale)
    if 1 - correlation[0, 1] ** 2 <= _NOISE:
        return None, None
    unit = off / scale
    f = float(unit @ np.linalg.solve(correlation, unit)) / 2
    return f, float(fdtrc(2, n - 2, f))


def long_run(scores: Array, area: Ints, year: Ints, lag: int = LAG) -> Array:
    """`sum_t s_t s_t' + sum_l (1 - l / (lag + 1)) sum_t (s_t s_(t-l)' + s_(t-l) s_t')` within areas, `[k, k]`.

    Years that are missing between two cells keep their distance, as if their score were zero, so the sum can't be
    negative.
    """
    order = np.lexsort((year, area))
    s, a, t = scores[order], area[order], year[order]
    total = s.T @ s
    # A cell l years earlier is at most l rows up, since an area has a year once.
    for back in range(1, min(lag, len(s) - 1) + 1):
        apart = t[back:] - t[:-back]
        weight = np.where((a[back:] == a[:-back]) & (apart <= lag), 1 - apart / (lag + 1), 0.0)
        product = (s[back:] * weight[:, None]).T @ s[:-back]
        total = total + product + product.T
    return np.asarray(total)


# --- Causes of a rank change --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Causes:
    """Of each cell, in the shape of the figures, whether it was revised, is new, or is gone."""

    revised: Bools
    new: Bools
    gone: Bools


def causes(before: Array, after: Array, tolerance: float = 0.0) -> Causes:
    """What happened to each cell between two vintages of the same figures (NaN: no value)."""
    assert before.shape == after.shape, "two vintages of the same cells"
    had, has = ~np.isnan(before), ~np.isnan(after)
    both = had & has
    moved = np.abs(np.where(both, after, 0.0) - np.where(both, before, 0.0)) > tolerance
    return Causes(both & moved, has & ~had, had & ~has)


def with_causes(
    before: Array, after: Array, found: Causes, *, revised: bool = False, new: bool = False, gone: bool = False
) -> Array:
    """The earlier figures in which only these causes have happened: a mixture for the Shapley value of each cause."""
    taken = (found.revised & revised) | (found.new & new) | (found.gone & gone)
    return np.where(taken, after, before)


revisions = compare_vintages  # what `concordat.observatory` calls it
