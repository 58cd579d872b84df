"""An index worked out unit by unit and column by column, in plain Python: the second method that the room is held to.

Written from the formulas of the specification (section 4), with `math` and `statistics` alone, and without a look at
the code under test: no arrays, no sorting tricks, no sharing between runs. It is slow on purpose and is also the named
comparison of the engine's benchmark: what somebody would write who repeats every stage in every run.

Data are a list of rows, one a unit, of floats or None (missing). A column is a list of the same. Options are keyword
arguments with the specification's defaults. Where the specification gives no number the answer is None.

    plain_run(data, tree, options)     # treat, normalise, aggregate, rank: scores and ranks, one for each unit
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Cell = float | None
Column = Sequence[Cell]


def present(column: Column) -> list[float]:
    """The values that are not missing."""
    return [x for x in column if x is not None]


def each(column: Column, function: Any) -> list[Cell]:
    """The function of each value; missing stays missing."""
    return [None if x is None else function(x) for x in column]


def column_of(data: Sequence[Column], i: int) -> list[Cell]:
    return [row[i] for row in data]


# --- Denominate, availability, screen, statistics, transform ---


def denominate(column: Column, denominator: Column, per: float) -> list[Cell]:
    """x / (denominator / per); missing where the denominator is zero or missing."""
    found: list[Cell] = []
    for x, below in zip(column, denominator, strict=True):
        if x is None or below is None or below == 0:
            found.append(None)
        else:
            found.append(x / (below / per))
    return found


def availability(row: Column) -> tuple[float, float | None]:
    """1 - missing/k and 1 - zeros/(k - missing) of a unit."""
    k = len(row)
    missing = sum(1 for x in row if x is None)
    zeros = sum(1 for x in row if x == 0)
    return 1 - missing / k, None if missing == k else 1 - zeros / (k - missing)


def keeps(row: Column, min_share: float | None = 2 / 3, min_nonzero: float | None = None) -> bool:
    """Whether a unit has enough data; shares that are equal but for rounding pass."""
    data, nonzero = availability(row)
    if min_share is not None and data < min_share - 1e-12:
        return False
    return min_nonzero is None or (nonzero is not None and nonzero >= min_nonzero - 1e-12)


def flags(column: Column) -> set[str]:
    """The flags of a column's statistics."""
    n, values = len(column), present(column)
    found = set()
    if len(values) / n < 0.65:
        found.add("few_values")
    if sum(1 for x in values if x != 0) / n < 0.5:
        found.add("zeros")
    if len(set(values)) / n < 0.5:
        found.add("repeated")
    g1, g2 = skewness(values), kurtosis(values)
    if g1 is not None and g2 is not None and abs(g1) > 2 and g2 > 3.5:
        found.add("outliers")
    return found


TRANSFORMS = {"none": float, "log": math.log, "log1p": math.log1p, "log10": math.log10, "sqrt": math.sqrt}


def transform(column: Column, name: str) -> list[Cell]:
    return each(column, TRANSFORMS[name])


# --- Treat ---


def shape(values: Sequence[float]) -> tuple[float | None, float | None]:
    """G1 and G2 from S_k = sum (x - mean)^k."""
    n = len(values)
    if n < 3 or min(values) == max(values):
        return None, None
    mean = sum(values) / n
    s2 = sum((x - mean) ** 2 for x in values)
    s3 = sum((x - mean) ** 3 for x in values)
    g = math.sqrt(n) * s3 / s2**1.5
    g1 = g * math.sqrt(n * (n - 1)) / (n - 2)
    if n < 4:
        return g1, None
    s4 = sum((x - mean) ** 4 for x in values)
    r = n * s4 / s2**2
    return g1, ((n + 1) * (r - 3) + 6) * (n - 1) / ((n - 2) * (n - 3))


def skewness(values: Sequence[float]) -> float | None:
    return shape(values)[0]


def kurtosis(values: Sequence[float]) -> float | None:
    return shape(values)[1]


def passes(g1: float, g2: float | None, skew: float, kurt: float) -> bool:
    return abs(g1) < skew or (g2 is not None and g2 < kurt)


def winsorise(values: Sequence[float], skew: float, kurt: float, winsorise_max: int) -> tuple[list[float], bool]:
    """Move extreme values inwards while the column does not pass; stop before all values become equal.

    Returns:
        The column, and whether it passes.
    """
    x = list(values)
    high: set[int] = set()
    low: set[int] = set()
    while True:
        g1, g2 = shape(x)
        assert g1 is not None
        if passes(g1, g2, skew, kurt):
            return x, True
        if len(high) + len(low) >= winsorise_max:
            return x, False
        extreme = max(x) if g1 >= 0 else min(x)
        positions = {i for i in range(len(x)) if x[i] == extreme}
        outside = [x[i] for i in range(len(x)) if i not in positions]
        if min(outside) == max(outside):
            return x, False
        if g1 >= 0:
            high, bound = positions, max(outside)
        else:
            low, bound = positions, min(outside)
        for i in positions:
            x[i] = bound


def outlier_transform(values: Sequence[float], then: str, box_cox_lambda: float, compat: bool) -> list[float]:
    least, most = min(values), max(values)
    a = 0.01 * (most - least)
    if then == "log_ct":
        return [math.log(x - least + a) for x in values]
    if then == "log_ct_plus":
        g1 = skewness(values)
        if g1 is not None and g1 > 0:
            return [math.log(x - least + a) for x in values]
        return [-math.log(most + a - x) for x in values]
    if then == "log_ct_orig":
        return [math.log(x - least + 1) for x in values]
    if then == "log_gii":
        if compat:
            return list(values)
        return [math.log((most - 1) * (x - least) / (most - least) + 1) for x in values]
    assert then == "box_cox"
    if box_cox_lambda == 0:
        return [math.log(x - least + 1) for x in values]
    return [((x - least + 1) ** box_cox_lambda - 1) / box_cox_lambda for x in values]


def treat(
    column: Column,
    skew: float = 2.0,
    kurtosis: float = 3.5,
    winsorise_max: int = 5,
    then: str = "log_ct",
    box_cox_lambda: float = 0.0,
    combine: bool = False,
    compat: bool = False,
) -> list[Cell]:
    """One column of one slice (or of all slices, one after the other)."""
    values = present(column)
    if len(values) < 3 or min(values) == max(values):
        return list(column)
    x, passed = winsorise(values, skew, kurtosis, winsorise_max)
    if not passed and then != "none":
        x = outlier_transform(x if combine else values, then, box_cox_lambda, compat)
    treated = iter(x)
    return [None if cell is None else next(treated) for cell in column]


# --- Normalise ---


def rank(value: float, among: Sequence[float], ties: str = "min") -> float:
    """1 = lowest; ties take the lowest, highest or mean of the ranks that they share."""
    lowest = 1 + sum(1 for other in among if other < value)
    highest = sum(1 for other in among if other <= value)
    return {"min": float(lowest), "max": float(highest), "average": (lowest + highest) / 2}[ties]


def normalise(
    column: Column,
    direction: float,
    method: str = "minmax",
    *,
    base: Column | None = None,
    scale: float = 100.0,
    lower: float = 0.0,
    upper: float = 100.0,
    mean: float = 0.0,
    sd: float = 1.0,
    scaled_from: tuple[float, float] = (0.0, 1.0),
    ties: str = "min",
    cap: bool = False,
    truncate: bool = True,
    floor: float | None = None,
    goalposts: tuple[float, float] | None = None,
    log: bool = False,
    target: float | None = None,
    reference: int | None = None,
    points: Sequence[tuple[float, float]] = (),
    categories: Sequence[tuple[float, float]] = (),
    compat: bool = False,
) -> list[Cell]:
    """One column; `base` gives minimum, mean and the like (the column itself by default).

    Args:
        reference: the row of the unit that dist2ref measures from. Others as in the index file.
    """
    unsigned = present(column if base is None else base)
    y = [direction * x for x in unsigned]
    least, most = min(y), max(y)
    if method == "zscore":
        m = sum(y) / len(y)
        s = math.sqrt(sum((other - m) ** 2 for other in y) / (len(y) - 1))
    if method == "robust":
        m = statistics.median(y)
        s = 1.4826 * statistics.median([abs(other - m) for other in y])
    if method == "dist2ref":
        assert reference is not None
        of_reference = (column if base is None else base)[reference]
        assert of_reference is not None
        ref = direction * of_reference
    if goalposts is not None:
        low, high = (math.log(goalposts[0]), math.log(goalposts[1])) if log else goalposts

    def score(x: float) -> float:
        v = direction * x
        if method == "minmax":
            return (v - least) / (most - least) * (upper - lower) + lower
        if method == "zscore":
            return (v - m) / s * sd + mean
        if method == "rank":
            return rank(v, y, ties)
        if method == "borda":
            return rank(v, y, ties) - 1
        if method == "prank":
            return (rank(v, y, ties) - 1) / (len(y) - 1)
        if method == "dist2max":
            return 1 - (most - v) / (most - least)
        if method == "dist2ref":
            found = 1 - (ref - v) / (ref - least)
            return min(found, 1.0) if cap else found
        if method == "dist2targ":
            assert target is not None
            if direction > 0:
                found = (x - least) / (target - least)
            else:
                found = (-least - x) / (-least - target)  # -least is the maximum of x
            return min(found, 1.0) if cap else found
        if method == "scaled":
            a, b = scaled_from
            return (v - a) / (b - a) * scale
        if method == "fracmax":
            assert direction > 0 or compat
            return v / most
        if method == "robust":
            return (v - m) / s
        if method == "goalposts":
            value = math.log(x) if log else x
            found = (value - low) / (high - low) if direction > 0 else (high - value) / (high - low)
            if truncate:
                found = min(max(found, 0.0), 1.0)
            return found * scale
        if method == "piecewise":
            return on_points(x, points)
        assert method == "categorical"
        return dict(categories)[x]

    scores = each(column, score)
    return scores if floor is None else each(scores, lambda s: max(s, floor))


def on_points(x: float, points: Sequence[tuple[float, float]]) -> float:
    """Linear between (value, score) points, flat beyond the ends."""
    if x <= points[0][0]:
        return points[0][1]
    for (a, low), (b, high) in pairwise(points):
        if x <= b:
            return low + (high - low) * (x - a) / (b - a)
    return points[-1][1]


# --- Aggregate and rank ---


def aggregate(node: Mapping[str, Any], row: Column, min_share: float = 0.5) -> Cell:
    """The weighted mean of the children that are there, from the bottom up.

    A leaf is `{"column": number, "weight": w}`, a parent `{"children": [...], "weight": w}`.
    """
    if "column" in node:
        leaf: Cell = row[node["column"]]
        return leaf
    children = node["children"]
    there = []
    for child in children:
        score = aggregate(child, row, min_share)
        if score is not None:
            there.append((child.get("weight", 1.0), score))
    if not there or len(there) / len(children) < min_share:
        return None
    return float(sum(w * s for w, s in there) / sum(w for w, _ in there))


def rank_min(scores: Column) -> list[int | None]:
    """1 = highest, ties take the best place, missing stays missing."""
    known = present(scores)
    return [None if s is None else 1 + sum(1 for other in known if other > s) for s in scores]


def plain_run(
    data: Sequence[Column], tree: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[list[Cell], list[int | None]]:
    """One run of an index: treat, normalise, aggregate, rank.

    Args:
        data: one row a unit.
        tree: nested dicts, see `aggregate`.
        options: `directions` (one a column), and keyword arguments under `treat`, `normalise` and `columns` (one dict
            a column, which wins over `normalise`); `min_share` of aggregation. `treat: None` leaves that step out.
    """
    treating = options.get("treat", {})
    columns = []
    for i, direction in enumerate(options["directions"]):
        column = column_of(data, i)
        if treating is not None:
            column = treat(column, **treating)
        own = options["columns"][i] if options.get("columns") else {}
        columns.append(normalise(column, direction, **{**options.get("normalise", {}), **own}))
    scores = []
    for unit in range(len(data)):
        row = [column[unit] for column in columns]
        scores.append(aggregate(tree, row, options.get("min_share", 0.5)))
    return scores, rank_min(scores)


# --- Literal defects of the peer (marked L in the specification) ---


def power_blank(row: Column, weights: Sequence[float], p: float) -> Cell:
    """The generalised mean, blank if anything is missing."""
    if any(x is None for x in row):
        return None
    return float((sum(w * x**p for w, x in zip(weights, present(row), strict=True)) / sum(weights)) ** (1 / p))


def outrank_matrix(data: Sequence[Column], weights: Sequence[float]) -> list[list[float]]:
    """Upper triangle: a comparison with a missing value is lost by the earlier row; lower = 1 - upper."""
    n = len(data)
    found = [[0.5] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1, n):
            won = 0.0
            for a, b, w in zip(data[i], data[j], weights, strict=True):
                if a is not None and b is not None:
                    won += w if a > b else w / 2 if a == b else 0.0
            found[i][j] = won / sum(weights)
            found[j][i] = 1 - found[i][j]
    return found
