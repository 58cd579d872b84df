"""The base of a scenario: flows as observed, or flows as a gravity estimate fits them.

Fitted flows are `X_ij = exp(s_ij) Y_i E_j / (Pi_i P_j)` with the scores `s = z'b` of an estimate, and the outward and
inward resistances `Pi, P` that make both margins exact: rows sum to output, columns to expenditure. They are found by
alternating scaling (Sinkhorn), with one scale fixed. The runs of the Advanced Guide (UNCTAD/WTO 2016) start from fitted
flows, with the shock `T = exp(z'(after) b - z'(before) b)`; the elasticity then only turns resistances into prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
AIM = 1e-13  # of each margin, relative
ROUNDS_MAX = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A table of fitted flows, with its resistances.

    Attributes:
        table: output and expenditure of the observed table, flows as fitted.
        outward, inward: (N,) Pi_i and P_j (both to the power 1 - sigma), scaled so that inward is 1 for `reference`.
        gap: the largest relative error of a margin.
    """

    table: TradeTable
    outward: Array
    inward: Array
    reference: str
    gap: float


def fitted(table: TradeTable, scores: Array, *, reference: str = "") -> Fitted:
    """Flows with the margins of a table and the pattern of an estimate.

    Args:
        scores: (N, N) s_ij = z_ij'b, the part of an estimate that belongs to pairs. -inf: no flow.
        reference: the economy whose inward resistance is 1; the last by default.

    Raises:
        InputError: scores of another shape or that are no numbers.
        MethodError: no flows of this pattern have these margins.
    """
    size = len(table.economies)
    pattern = np.asarray(scores, dtype=np.float64)
    if pattern.shape != (size, size) or np.isnan(pattern).any() or np.isposinf(pattern).any():
        what = f"scores of {pattern.shape} with values that are no numbers, or of another shape than {(size, size)}."
        raise InputError(what, where="baseline", hint="Give s_ij = z_ij'b for every pair.", code="scores")
    top = float(pattern.max())
    output, bought = table.output, table.expenditure
    weights = np.exp(pattern - top) * np.outer(output, bought)
    left, right, gap = _scaled(weights, output, bought)
    if not gap <= 1e-11:
        what = f"margins stay {gap:.2g} away from output and expenditure."
        hint = "Some economy has no pair to sell to or buy from under this pattern; look at scores of -inf."
        raise MethodError(what, where="baseline", hint=hint, code="margins")
    place = table.index(reference or table.economies[-1])
    outward, inward = np.exp(top) / left, 1 / right
    scale = inward[place]
    new = table.with_flows(left[:, None] * weights * right, "flows fitted: exp(z'b) with the margins as observed")
    return Fitted(new, outward * scale, inward / scale, table.economies[place], gap)


def _scaled(flows: Array, rows: Array, columns: Array) -> tuple[Array, Array, float]:
    """Scale rows and columns in turn until both sums are right; the factors, and the largest relative error."""
    gap = np.inf
    left, right = np.ones(len(rows)), np.ones(len(columns))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(ROUNDS_MAX):
            left = rows / (flows @ right)
            right = columns / (left @ flows)
            before, gap = gap, float(np.abs(left * (flows @ right) / rows - 1).max())
            if not np.isfinite(gap) or gap <= AIM or (gap < 1e-11 and gap >= before):
                break
    return left, right, gap
