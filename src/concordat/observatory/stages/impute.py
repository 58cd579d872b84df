"""How empty cells are filled inside one year: the step `impute`.

    none                       left empty
    mean, median               of the indicator over all units
    group_mean, group_median   over the units of the same group; left empty where there are none
    row                        columns x direction to 0..1 by their range; the mean of the unit's other columns; back
    regression                 least squares on what the unit has, fitted on units that have all of it and the target
    knn                        mean of the k nearest units that have it; distance on shared columns, z-scored (n - 1),
                               squares summed and scaled by (columns / shared); units as far as the k-th count as well
    em                         conditional means of a multivariate normal distribution (`stages.em`)

The last four look at the columns of one pillar (`within: all`: at all). Observed values never change; a cell for which
there is nothing to go by stays empty and is reported. `regression` leaves out the predictor least correlated with the
target until at least two units more than coefficients remain and none is collinear. Panel methods: `panel_fill`.

Sources: observatory specification, section 4; OECD/JRC, *Handbook on Constructing Composite Indicators* (2008), step 3;
for knn Troyanskaya et al., Bioinformatics 17 (2001).

    >>> frame = Frame(("BRA", "IND", "ETH"), ("users", "lines"), np.array([1.0, 1.0]), (0, 0))
    >>> x = np.array([[[80.0, 20.0], [60.0, np.nan], [20.0, 2.0]]])
    >>> impute(x, frame, Impute(method="median")).values[0, 1].tolist()
    [60.0, 11.0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from concordat.observatory.linear import cross, solve_positive
from concordat.observatory.panel import Array, Bools, Frame, Ints, Note, Staged, fault, slice_name
from concordat.observatory.stages.em import em
from concordat.observatory.stages.options import Impute

STAGE = "impute"
METHODS = ("none", "mean", "median", "group_mean", "group_median", "row", "regression", "knn", "em")
_COLLINEAR = 1e-8  # share of variance that other predictors leave, below which one is left out


def impute(x: Array, frame: Frame, options: Impute) -> Staged:
    """Fill the empty cells of a stack `[slice, unit, indicator]`, each slice alone.

    Raises:
        MethodError: group methods without groups; EM that can't be done.
    """
    assert x.ndim == 3, "a stack of slices"
    assert options.method in METHODS, f"{options.method} fills along years: see panel_fill"
    seen = ~np.isnan(x)
    if options.method == "none" or seen.all():
        return Staged(x)
    warnings: list[tuple[int, int, str]] = []
    if options.method in ("mean", "median"):
        filled = _by_group(x, seen, np.zeros(x.shape[1], dtype=np.int64), options.method)
    elif options.method in ("group_mean", "group_median"):
        filled = _by_group(x, seen, _groups(frame), options.method.removeprefix("group_"))
    else:
        filled = x.copy()
        for s in np.flatnonzero(~seen.all(axis=(1, 2))).tolist():
            for columns in _blocks(frame, options):
                if not seen[s][:, columns].all():
                    filled[s][:, columns] = _block(x[s][:, columns], columns, s, frame, options, warnings)
    filled = np.where(seen, x, filled)
    assert np.array_equal(filled[seen], x[seen]), "observed values never change"
    return Staged(filled, lambda: tuple(_notes(x, filled, frame, options, warnings)))


def _blocks(frame: Frame, options: Impute) -> list[Ints]:
    """The columns that inform each other."""
    if options.within == "all":
        return [np.arange(len(frame.indicators))]
    return [np.array(frame.columns_of(p), dtype=np.int64) for p in sorted(set(frame.pillars))]


def _block(
    x: Array, columns: Ints, s: int, frame: Frame, options: Impute, warnings: list[tuple[int, int, str]]
) -> Array:
    """One slice and block of columns `[unit, column]`, filled."""
    if options.method == "row":
        return _row(x, frame.directions[columns])
    if options.method == "knn":
        return _nearest(x, options.k)
    if options.method == "regression":
        return _regression(x)
    name = slice_name(frame, s)
    where = f"step {STAGE}, {name}" if name else f"step {STAGE}"
    found = em(x, ridge=options.ridge, names=[frame.indicators[j] for j in columns], where=where)
    warnings += [(s, int(columns[0]), code) for code in ("ridged", "degenerate") if getattr(found, code)]
    return found.filled


# --- By group, or all as one ---


def _groups(frame: Frame) -> Ints:
    """The group of each unit as a number; -1 where it has none."""
    if not frame.groups:
        hint = "Set group: region or income, or use method: mean."
        raise fault(frame, STAGE, "units have no groups.", hint=hint, code="no_groups")
    names = sorted(set(frame.groups) - {""})
    return np.array([names.index(g) if g else -1 for g in frame.groups], dtype=np.int64)


def _by_group(x: Array, seen: Bools, group: Ints, how: str) -> Array:
    filled = x.copy()
    middle = _mean if how == "mean" else _median
    for g in range(int(group.max(initial=-1)) + 1):
        members = np.flatnonzero(group == g)
        inside = np.where(seen[:, members], x[:, members], middle(x[:, members], seen[:, members])[:, None])
        filled[:, members] = inside
    return filled


def _mean(x: Array, seen: Bools) -> Array:
    """`[slice, indicator]`; NaN where nothing is observed."""
    n = seen.sum(axis=1)
    return np.where(n > 0, np.where(seen, x, 0.0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _median(x: Array, seen: Bools) -> Array:
    n = np.asarray(seen.sum(axis=1))[:, None]
    in_order = np.sort(x, axis=1)  # empty cells come last
    low = np.take_along_axis(in_order, np.maximum(n - 1, 0) // 2, axis=1)
    high = np.take_along_axis(in_order, np.minimum(n // 2, x.shape[1] - 1), axis=1)
    return np.asarray(np.where(n > 0, low / 2 + high / 2, np.nan))[:, 0]


# --- From the unit's other columns ---


def _row(x: Array, directions: Array) -> Array:
    """The mean place of the unit's other columns between lowest and highest, put back into the column's own range.

    A column in which all are equal has no places to give, and gets its one value.
    """
    seen = ~np.isnan(x)
    y = x * directions
    lowest = np.where(seen, y, np.inf).min(axis=0)
    highest = np.where(seen, y, -np.inf).max(axis=0)
    known = seen.any(axis=0)
    span = np.where(known & (highest > lowest), highest - np.where(known, lowest, 0.0), 0.0)
    places = seen & (span > 0)
    z = np.where(places, y - np.where(known, lowest, 0.0), 0.0) / np.where(span > 0, span, 1.0)
    count = places.sum(axis=1)
    mean = np.where(count > 0, z.sum(axis=1) / np.maximum(count, 1), np.nan)[:, None]
    mean = np.where(span == 0, np.where(seen.any(axis=1)[:, None], 0.0, np.nan), mean)
    found = (np.where(known, lowest, np.nan) + mean * span) * directions
    return np.where(seen, x, found)


def _nearest(x: Array, k: int) -> Array:
    """Mean of the k nearest units that have the cell; fewer where fewer have it and share a column."""
    assert k >= 1, k
    seen = ~np.isnan(x)
    z, useful = _z_scored(x)
    usable = seen & useful
    filled = x.copy()
    for u in np.flatnonzero(~seen.all(axis=1)).tolist():
        both = usable & usable[u]
        shared = both.sum(axis=1)
        squares = (np.where(both, z - z[u], 0.0) ** 2).sum(axis=1)
        distance = np.where(shared > 0, squares * useful.sum() / np.maximum(shared, 1), np.inf)
        for j in np.flatnonzero(~seen[u]).tolist():
            givers = np.flatnonzero(seen[:, j] & np.isfinite(distance))
            if givers.size:
                far = np.sort(distance[givers])[min(k, givers.size) - 1]
                near = givers[distance[givers] <= far * (1 + 1e-12)]
                filled[u, j] = x[near, j].mean()
    return filled


def _z_scored(x: Array) -> tuple[Array, Bools]:
    """Columns to mean 0 and standard deviation 1 over what is observed (0 where missing); which have a spread."""
    seen = ~np.isnan(x)
    z, useful = np.zeros_like(x), np.zeros(x.shape[1], dtype=np.bool_)
    for j in range(x.shape[1]):
        values = x[seen[:, j], j]
        if values.size > 1 and values.min() < values.max():
            sd = float(values.std(ddof=1))
            if sd > 0:
                z[seen[:, j], j], useful[j] = (values - values.mean()) / sd, True
    return z, useful


def _regression(x: Array) -> Array:
    """Each empty cell from the columns that the unit has."""
    seen = ~np.isnan(x)
    z, useful = _z_scored(x)
    filled = x.copy()
    fits: dict[tuple[int, tuple[int, ...]], tuple[tuple[int, ...], Array] | None] = {}
    for u, j in np.argwhere(~seen).tolist():
        predictors = tuple(np.flatnonzero(seen[u] & useful).tolist())
        if (j, predictors) not in fits:
            fits[j, predictors] = _least_squares(x, z, seen, j, predictors)
        fit = fits[j, predictors]
        if fit is not None:
            used, coefficients = fit
            filled[u, j] = coefficients[0] + (coefficients[1:] * z[u, list(used)]).sum()
    return filled


def _least_squares(
    x: Array, z: Array, seen: Bools, target: int, predictors: tuple[int, ...]
) -> tuple[tuple[int, ...], Array] | None:
    """Intercept and slopes on the z-scored predictors that can be used, or None."""
    used = list(predictors)
    while used:
        rows = np.flatnonzero(seen[:, target] & seen[:, used].all(axis=1))
        if len(rows) >= len(used) + 3:
            inputs, output = z[rows][:, used], x[rows, target]
            centre, mean = inputs.mean(axis=0), float(output.mean())
            inputs = inputs - centre
            slopes = solve_positive(cross(inputs), cross(inputs, (output - mean)[:, None])[:, 0], _COLLINEAR)
            if not np.isnan(slopes).any():
                return tuple(used), np.array([mean - (slopes * centre).sum(), *slopes])
        used.remove(min(used, key=lambda j: (_strength(x, seen, target, j), -j)))
    return None


def _strength(x: Array, seen: Bools, a: int, b: int) -> float:
    """Squared correlation of two columns where both are observed."""
    rows = seen[:, a] & seen[:, b]
    if rows.sum() < 3:
        return 0.0
    p, q = x[rows, a] - x[rows, a].mean(), x[rows, b] - x[rows, b].mean()
    size = float((p * p).sum()) * float((q * q).sum())
    return float((p * q).sum()) ** 2 / size if size > 0 else 0.0


# --- Notes ---

_REASONS: dict[str, str] = {
    "empty": "no unit has this indicator, so it stays empty.",
    "no_group": "the unit belongs to no group, so the cell stays empty.",
    "group_empty": "no unit of its group has this indicator, so the cell stays empty.",
    "uninformed": "nothing of the unit is observed among the indicators that could inform the cell; it stays empty.",
    "too_few": "too few other units have this indicator together with what the unit has; the cell stays empty.",
}

_EM_WARNINGS = {
    "ridged": "the covariance of these indicators is singular: {ridge:g} was added to its diagonal.",
    "degenerate": "too few units have enough of these indicators: EM predicts some without error. Set ridge.",
}


def _notes(
    x: Array, filled: Array, frame: Frame, options: Impute, warnings: list[tuple[int, int, str]]
) -> Iterator[Note]:
    """Each cell that was filled, and why the others were not."""
    informed = _informed(x, frame, options)
    for s, u, j in np.argwhere(np.isnan(x)).tolist():
        note = _noter(frame, s, u, j)
        if not np.isnan(filled[s, u, j]):
            yield note("imputed", float(filled[s, u, j]), f"method {options.method}", False)
            if options.method == "em" and not informed[s, u, j]:
                yield note("uninformed", None, "nothing of the unit is observed here: it has the mean.", True)
            continue
        code = "too_few"
        if np.isnan(x[s, :, j]).all():
            code = "empty"
        elif options.method.startswith("group_"):
            code = "group_empty" if frame.groups[u] else "no_group"
        elif not informed[s, u, j]:
            code = "uninformed"
        yield note(code, None, _REASONS[code], True)
    for s, j, code in warnings:
        text = _EM_WARNINGS[code].format(ridge=options.ridge)
        yield Note(STAGE, code, frame.indicators[j], "", slice_name(frame, s), text=text, warning=True)


def _noter(frame: Frame, s: int, u: int, j: int) -> Callable[[str, float | None, str, bool], Note]:
    def note(code: str, after: float | None, text: str, warning: bool) -> Note:
        where = (frame.indicators[j], frame.units[u], slice_name(frame, s))
        return Note(STAGE, code, *where, after=after, text=text, warning=warning)

    return note


def _informed(x: Array, frame: Frame, options: Impute) -> Bools:
    """For each cell whether the unit has any column of its block."""
    informed = np.zeros(x.shape, dtype=np.bool_)
    for columns in _blocks(frame, options):
        informed[:, :, columns] = (~np.isnan(x[:, :, columns])).any(axis=2, keepdims=True)
    return informed
