"""What a multivariate normal distribution says about empty cells: EM, and multiple imputation by bootstrap and EM.

Maximum likelihood by expectation and maximisation (Dempster, Laird & Rubin, JRSS B 39, 1977; Little & Rubin,
*Statistical Analysis with Missing Data*, 3rd ed., 2019, section 11.2) on columns made to mean 0 and variance 1 over
what is observed; the rounds are in `_em_rounds`. A column with one value only is filled with it; a unit with nothing
observed gets the means; a column with nothing observed stays empty.

Multiple imputation: units are drawn with replacement, EM is run on them, empty cells are drawn from the distribution
that it finds (Honaker & King, AJPS 54, 2010); `rubin` pools (Rubin, *Multiple Imputation*, 1987, section 3.3).

It holds where cells are missing at random given those observed. It doesn't know bounds: a share may come out above 100.

    >>> found = em(np.array([[1.0, 2.0], [2.0, 4.5], [3.0, 5.5], [4.0, 8.0], [5.0, np.nan]]))
    >>> float(found.filled[4, 1].round(6)), found.mean.round(6).tolist()
    (9.75, [3.0, 5.95])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.linear import cholesky
from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.stages._em_rounds import (
    ROUNDS_MAX,
    SINGULAR,
    Fit,
    Samples,
    Table,
    expect,
    maximise,
    near_singular,
    sweep,
)

_REDRAWS_MAX = 30
_REMEDIES = "Set ridge (0.001, say), put fewer indicators together, or use method: regression, knn or median."


@dataclass(frozen=True, slots=True, eq=False)
class EmResult:
    """The distribution that makes the observed cells likeliest, and the table filled with conditional means.

    Attributes:
        mean, covariance: in the columns' own units (divisor n); NaN for a column with nothing observed.
        filled: the table; observed cells as they were.
        rounds: of EM.
        uninformed: rows with nothing observed; they hold the means.
        constant: columns with one value only; it fills them.
        empty: columns with nothing observed; left as they were.
        ridged: whether the ridge was needed.
        degenerate: the covariance is singular as a whole: some columns are predicted without error because too few
            units have enough of them, and the likelihood has no maximum. Plain EM's answer; to be read with care.
        seen: which cells were observed.
    """

    mean: Array
    covariance: Array
    filled: Array
    rounds: int
    uninformed: tuple[int, ...]
    constant: tuple[int, ...]
    empty: tuple[int, ...]
    ridged: bool
    degenerate: bool
    seen: Bools

    def conditional_covariance(self, row: int) -> Array:
        """Covariance `[k, k]` of a row's cells given those observed in it: zero where observed, NaN where `empty`."""
        found = np.where(np.isnan(self.covariance), np.nan, 0.0)
        inside = np.flatnonzero(np.diagonal(self.covariance) > 0)
        within = np.ix_(inside, inside)
        scale = np.sqrt(np.diagonal(self.covariance)[inside])
        seen = self.seen[row, inside].astype(np.float64)
        swept, _, _ = sweep((self.covariance[within] / (scale[:, None] * scale))[:, :, None], seen[:, None])
        lacking = (1 - seen) * scale
        found[within] = swept[:, :, 0] * lacking[:, None] * lacking
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Rubin's rules: an estimate over draws; its variance within draws (U), between them (B) and together (T)."""

    estimate: Array
    within: Array
    between: Array
    total: Array
    df: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Which columns vary, with centre and scale (divisor n) of those, and which don't.

    Attributes:
        rows: units with something observed in a column that varies.
        table: those rows and columns, standardised, or None where there are none.
    """

    varying: Ints
    constant: tuple[int, ...]
    empty: tuple[int, ...]
    centre: Array
    scale: Array
    names: tuple[str, ...]
    rows: Ints
    table: Table | None

    @classmethod
    def of(cls, x: Array, names: Sequence[str]) -> _Columns:
        assert x.ndim == 2, "a table of units by columns"
        assert not (np.abs(x) > 1e150).any(), "the square of a figure must be a number"
        seen = ~np.isnan(x)
        kinds: dict[str, list[int]] = {"varying": [], "constant": [], "empty": []}
        centre, scale = [], []
        for j in range(x.shape[1]):
            mean, sd = _mean_sd(x[seen[:, j], j])
            kinds["empty" if np.isnan(mean) else "varying" if sd > 0 else "constant"].append(j)
            if sd > 0:
                centre.append(mean)
                scale.append(sd)
        varying = np.array(kinds["varying"], dtype=np.int64)
        called = names or [f"column {j + 1}" for j in range(x.shape[1])]
        rows = np.flatnonzero(seen[:, varying].any(axis=1))
        c, s = np.array(centre), np.array(scale)
        inside = np.ix_(rows, varying)
        table = Table.of((x[inside] - c) / s, seen[inside]) if rows.size else None
        own = tuple(called[j] for j in varying)
        return cls(varying, tuple(kinds["constant"]), tuple(kinds["empty"]), c, s, own, rows, table)


def _mean_sd(values: Array) -> tuple[float, float]:
    """Mean and standard deviation (divisor n); a spread too small to divide by counts as none."""
    if not values.size:
        return np.nan, np.nan
    if values.min() == values.max():
        return float(values[0]), 0.0
    largest = float(np.abs(values).max())
    mean = float((values / largest).mean()) * largest
    widest = float(np.abs(values - mean).max())
    sd = widest * float(np.sqrt((((values - mean) / widest) ** 2).mean()))
    return mean, sd if sd > 1e-300 else 0.0


def em(x: Array, *, ridge: float = 0.0, names: Sequence[str] = (), where: str = "step impute") -> EmResult:
    """Mean and covariance of a table `[unit, k]` with empty cells, by maximum likelihood, and the table filled.

    Args:
        x: the table; NaN where missing.
        ridge: added to the variances (in squared standard deviations) if it can't be done without.
        names: of the columns, for messages.
        where: what messages put in front.

    Raises:
        MethodError: collinear columns, as many columns as units, or no convergence in 5000 rounds.
    """
    columns, seen = _Columns.of(x, names), ~np.isnan(x)
    known = np.ones(x.shape[1], dtype=np.bool_)
    known[list(columns.empty)] = False
    mean, covariance = np.full(x.shape[1], np.nan), np.where(known[:, None] & known, 0.0, np.nan)
    for j in columns.constant:
        mean[j] = x[seen[:, j], j][0]
    rounds, ridged, degenerate = 0, False, False
    if columns.table is not None:
        fit, ridged = _fitted(columns.table, columns, ridge, where)
        rounds, degenerate = (
            int(fit.rounds[0]),
            not columns.table.complete and bool(near_singular(fit.cov, SINGULAR)[0]),
        )
        mean[columns.varying] = columns.centre + columns.scale * fit.mean[:, 0]
        covariance[np.ix_(columns.varying, columns.varying)] = fit.cov[:, :, 0] * columns.scale[:, None] * columns.scale
    filled = np.where(seen, x, mean)
    if columns.table is not None:
        inside = np.ix_(columns.rows, columns.varying)
        own = columns.centre + columns.scale * _conditional_means(columns.table, fit)[0]
        filled[inside] = np.where(seen[inside], x[inside], own)
    uninformed = tuple(np.flatnonzero(~seen.any(axis=1)).tolist())
    assert np.array_equal(filled[seen], x[seen]), "observed values never change"
    kinds = (uninformed, columns.constant, columns.empty)
    return EmResult(mean, covariance, filled, rounds, *kinds, ridged, degenerate, seen)


def _fitted(table: Table, columns: _Columns, ridge: float, where: str) -> tuple[Fit, bool]:
    """EM on the table; with the ridge if it can't be done without; or the error that says why not."""
    k, n = table.z.shape
    if not table.complete and n <= k and not ridge:
        raise _too_few(n, columns, where)
    counts = np.ones((1, n))
    fit = maximise(table, Samples.of(table, counts, 0.0))
    if not fit.usable[0]:
        fit = maximise(table, Samples.of(table, counts, 0.0), plain=True)
    ridged = not fit.usable[0] and ridge > 0
    if ridged:
        fit = maximise(table, Samples.of(table, counts, ridge))
    if fit.singular[0]:
        raise _singular(fit.cov[:, :, 0], table, columns, where)
    if not fit.usable[0]:
        raise _unsettled(fit, table, columns, where)
    return fit, ridged


def _conditional_means(table: Table, fit: Fit) -> Array:
    """`[sample, unit, k]`, standardised: observed cells as they are, the others as expected given them."""
    deviation = expect(
        table, Samples.of(table, np.ones((fit.mean.shape[1], table.z.shape[1])), 0.0), fit.mean, fit.cov
    ).deviation
    found = np.where(table.seen[:, None] > 0, table.z[:, None], fit.mean[..., None] + deviation)
    return np.moveaxis(found, 0, -1)


# --- Multiple imputation ---


def draws(
    x: Array,
    m: int,
    rng: np.random.Generator,
    *,
    ridge: float = 0.0,
    names: Sequence[str] = (),
    where: str = "step impute",
) -> Array:
    """`m` tables `[m, unit, k]` with the empty cells drawn: units resampled, EM, then a draw given what is observed.

    A resample that has no maximum of the likelihood (no spread in a column, too few different units) is drawn again.

    Raises:
        MethodError: as `em`; or too few resamples can be used.
    """
    assert m >= 1, m
    whole = em(x, ridge=ridge, names=names, where=where)
    columns, seen = _Columns.of(x, names), whole.seen
    found = np.broadcast_to(whole.filled, (m, *x.shape)).copy()
    inner = seen[:, columns.varying]
    if inner.all() or columns.table is None:
        return found
    noise = rng.standard_normal((m, *inner.shape))
    fit = _resampled(columns.table, m, rng, ridge, columns, where)
    drawn = np.repeat(fit.mean.T[:, None, :], len(x), axis=1)
    drawn[:, columns.rows] = _conditional_means(columns.table, fit)
    for pattern in np.unique(inner[~inner.all(axis=1)], axis=0):
        members = np.flatnonzero((inner == pattern).all(axis=1))
        lacking = np.flatnonzero(~pattern)
        observed = np.broadcast_to(pattern[:, None], fit.mean.shape).astype(np.float64)
        swept, _, _ = sweep(fit.cov, observed)
        factor, _ = cholesky(np.moveaxis(swept[np.ix_(lacking, lacking)], -1, 0))
        for a, column in enumerate(lacking):
            for b in range(a + 1):
                drawn[:, members, column] += factor[:, a, b, None] * noise[:, members, lacking[b]]
    found[:, :, columns.varying] = np.where(inner, x[:, columns.varying], columns.centre + columns.scale * drawn)
    assert (found[:, seen] == x[seen]).all(), "observed values never change"
    return found


def _resampled(table: Table, m: int, rng: np.random.Generator, ridge: float, columns: _Columns, where: str) -> Fit:
    """EM on m resamples of the units; those on which it can't be done are drawn again."""
    k, n = table.z.shape
    fit, todo = Fit.blank(k, m), np.arange(m)
    for _ in range(_REDRAWS_MAX):
        counts = rng.multinomial(n, np.full(n, 1 / n), size=m).astype(np.float64)
        counts = counts[_enough(table, counts, ridge)]
        if len(counts):
            found = maximise(table, Samples.of(table, counts, 0.0), resample=True)
            again = np.flatnonzero(~found.usable)
            if ridge > 0 and again.size:
                found.put(again, maximise(table, Samples.of(table, counts[again], ridge), resample=True))
            good = np.flatnonzero(found.usable)[: todo.size]
            fit.put(todo[: good.size], found.take(good))
            todo = todo[good.size :]
        if not todo.size:
            return fit
    what = f"{todo.size} of {m} resamples of the {n} units give no covariance of {_listed(columns.names)}."
    raise MethodError(what, where=where, hint=_REMEDIES, code="resamples")


def _enough(table: Table, counts: Array, ridge: float) -> Bools:
    """Which resamples have more different units than columns, and two different values in each column."""
    there = counts > 0
    enough = (there.sum(axis=-1) > len(table.z)) | (ridge > 0)
    for column, seen in zip(table.z, table.seen, strict=True):
        among = there & (seen > 0)
        enough &= np.where(among, column, -np.inf).max(axis=-1) > np.where(among, column, np.inf).min(axis=-1)
    return np.asarray(enough)


def rubin(estimates: Array, variances: Array) -> Pooled:
    """Pool `[m, ...]` estimates and their variances over m draws: `T = U + (1 + 1/m) B`.

    Degrees of freedom `(m - 1) (1 + U / ((1 + 1/m) B))^2`, infinite where the draws agree.
    """
    m = len(estimates)
    assert estimates.shape == variances.shape, "one variance for each estimate"
    assert m >= 2, "pooling needs two draws"
    estimate, within = estimates.mean(axis=0), variances.mean(axis=0)
    between = ((estimates - estimate) ** 2).sum(axis=0) / (m - 1)
    added = (1 + 1 / m) * between
    ratio = np.where(added > 0, within / np.where(added > 0, added, 1.0), np.inf)
    return Pooled(estimate, within, between, within + added, (m - 1) * (1 + ratio) ** 2)


# --- What is said when it can't be done ---


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _too_few(n: int, columns: _Columns, where: str) -> MethodError:
    what = f"EM needs more units than indicators: {len(columns.names)} indicators ({_listed(columns.names)})"
    return MethodError(f"{what}, {n} units with any of them.", where=where, hint=_REMEDIES, code="too_few")


def _singular(cov: Array, table: Table, columns: _Columns, where: str) -> MethodError:
    """Name the first column that others observed with it explain, and those that do."""
    scale = np.sqrt(np.abs(np.diagonal(cov)))
    scale = np.where(scale > 0, scale, 1.0)
    corr = cov / (scale[:, None] * scale)
    for pattern in table.patterns[:, :-1].T:
        used: list[int] = []
        for j in np.flatnonzero(pattern).tolist():
            swept, _, _ = sweep(corr[:, :, None], np.isin(np.arange(len(corr)), used).astype(np.float64)[:, None])
            if swept[j, j, 0] < 10 * SINGULAR:
                others = [i for i in used if abs(swept[i, j, 0]) > 1e-3]
                named = _listed([columns.names[i] for i in (*others, j)])
                what = f"{named} are collinear: where all are observed, {columns.names[j]} follows from the rest."
                hint = f"Drop {columns.names[j]}, set ridge (0.001, say), or use method: knn or median."
                return MethodError(what, where=where, hint=hint, code="collinear")
            used.append(j)
    what = f"the covariance of {_listed(columns.names)} is singular."
    return MethodError(what, where=where, hint=_REMEDIES, code="collinear")


def _unsettled(fit: Fit, table: Table, columns: _Columns, where: str) -> MethodError:
    """Say which columns are never observed together, or that the covariance runs away, where that is why."""
    k = len(table.seen)
    apart = [(j, i) for i in range(k) for j in range(i) if not (table.seen[i] * table.seen[j]).any()]
    why = ""
    if apart:
        why = f" No unit has both of {'; '.join(_listed([columns.names[a], columns.names[b]]) for a, b in apart)}."
    elif fit.flat[0]:
        why = " Too few units have enough of them: the likelihood has no maximum."
    what = f"EM on {_listed(columns.names)} has not settled after {ROUNDS_MAX} rounds.{why}"
    return MethodError(what, where=where, hint=_REMEDIES, code="not_converged")
