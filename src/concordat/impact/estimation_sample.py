"""The rows of a panel that a formula asks for, as arrays: outcome, regressors, groups of effects, clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.estimation_formulas import Formula
from concordat.impact.estimation_panel import TradePanel

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """n rows.

    Attributes:
        rows: (n,) their places in the panel. outcome: (n,), zero or more. regressors: (n, k). groups: for each set of
            effects (n,) whole numbers from 0. clusters: (n,) pairs, both directions one. years: it has.
    """

    rows: Index
    outcome: Array
    regressors: Array
    groups: tuple[Index, ...]
    clusters: Index
    years: tuple[int, ...]


def sample_of(panel: TradePanel, formula: Formula, years: Sequence[int] | None = None) -> Sample:
    """The sample of a formula.

    Args:
        years: instead of the formula's own choice.

    Raises:
        InputError: a year it doesn't have; no delivery at home where a border is estimated; cells that are blank,
            negative, or not above 0 where a logarithm is taken, with their lines.
    """
    chosen = _years(panel, formula, years)
    kept = np.isin(panel.year, chosen)
    if not formula.domestic:
        kept &= ~panel.domestic
    elif "border" in formula.regressors and not (kept & panel.domestic).any():
        hint = "Add deliveries at home (exporter = importer): gross output less exports."
        raise InputError("no row is a delivery at home.", where=panel.where, hint=hint, code="domestic")
    panel.refuse(kept & np.isnan(panel.trade), "trade is blank", "Give it: 0 where there was none.", "missing")
    panel.refuse(kept & (panel.trade < 0), "trade is negative", "PPML takes flows of zero or more.", "negative")
    rows = np.flatnonzero(kept)
    regressors = np.stack([_regressor(panel, name, kept)[rows] for name in formula.regressors], axis=1)
    groups = tuple(numbered(_effects(panel, name)[rows]) for name in formula.effects)
    return Sample(rows, panel.trade[rows], regressors, groups, numbered(panel.pair[rows]), chosen)


def numbered(keys: NDArray[np.int64] | Index) -> Index:
    """Any whole numbers as groups counted from 0."""
    found: Index = np.unique(keys, return_inverse=True)[1].astype(np.intp)
    return found


def _years(panel: TradePanel, formula: Formula, years: Sequence[int] | None) -> tuple[int, ...]:
    held = panel.years
    if years is None:
        return formula.of_years(held)
    absent = sorted(set(years) - set(held))
    if absent or not years:
        what = f"no rows of {', '.join(map(str, absent))}." if absent else "no year was named."
        raise InputError(what, where=panel.where, hint=f"It has {', '.join(map(str, held))}.", code="year")
    return tuple(sorted(set(years)))


def _regressor(panel: TradePanel, name: str, kept: NDArray[np.bool_]) -> Array:
    """A regressor for all rows; only those that are kept are checked."""
    if name == "border":
        return (~panel.domestic).astype(float)
    word = name.removeprefix("log_")
    column = panel.column(word)
    panel.refuse(kept & np.isnan(column), f"{word} is blank", "Give it, or take the lines out.", "missing")
    if word == name:
        return column
    panel.refuse(kept & (column <= 0), f"{word} is not above 0, but its logarithm is used", "Correct it.", "logarithm")
    found: Array = np.log(np.where(column > 0, column, 1.0))
    return found


def _effects(panel: TradePanel, name: str) -> Index:
    if name == "pair":
        return panel.pair
    side = panel.exporter if name.startswith("exporter") else panel.importer
    if not name.endswith("_year"):
        return side
    found: Index = (panel.year * len(panel.economies) + side).astype(np.intp)
    return found
