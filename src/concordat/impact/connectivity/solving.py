"""What is the best allocation of a program, and does a second reading of its multipliers confirm it?

HiGHS solves the linear program; money is scaled by the budget and the objective by its largest coefficient before. The
duality gap is recomputed here from the multipliers, not taken from the solver. With CVaR (Rockafellar and Uryasev 2000)
over draws s of the responses, f_s the objective in each:

    maximise  (1-u) mean_s f_s + u (e - sum_s v_s / ((1-a) S)),   v_s >= e - f_s, v_s >= 0

Conditions that can't all hold are told as a smallest set of them: each is taken away in turn, and stays away if the
others still can't hold (deletion filter, Chinneck and Dravnieks 1991).

What this does not do: choose among equally good allocations; the solver's vertex is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.impact.connectivity.program import Floats, Program, Row

OPTIMAL, INFEASIBLE = 0, 2


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver found.

    Attributes:
        money: (V,) USD million. value: of the objective. multipliers: for each row, objective for a unit of its bound.
        gap: relative difference of primal and dual objective.
    """

    money: Floats
    value: float
    multipliers: Floats
    gap: float


def solve(program: Program) -> Solution:
    """The best allocation.

    Raises:
        MethodError: conditions that can't all hold, with a smallest set of them that can't; or no optimum is found.
    """
    return _solve(program, program.gain, None, 0.0, 0.9)


def solve_cvar(program: Program, gains: Floats, weight: float, level: float) -> Solution:
    """The best allocation for a mean of the average and of the average of the worst draws.

    Args:
        gains: (S, V) objective for a million in each draw. weight: on the worst draws; level: the share of the others.
    """
    return _solve(program, gains.mean(axis=0), gains, weight, level)


def _solve(program: Program, mean: Floats, gains: Floats | None, weight: float, level: float) -> Solution:
    from scipy.optimize import linprog

    count = len(program.owner)
    unit = float(np.abs(mean).max()) * program.budget or 1.0
    objective = (1.0 - weight) * mean * program.budget / unit
    matrix, bound, size = _scaled(program)
    upper = program.widths / program.budget
    lower = np.zeros(count)
    if gains is not None and weight > 0.0:
        draws = len(gains)
        tail = np.concatenate([[weight], np.full(draws, -weight / ((1.0 - level) * draws))])
        objective = np.concatenate([objective, tail])
        below = np.hstack([-gains * program.budget / unit, np.ones((draws, 1)), -np.eye(draws)])
        matrix = np.vstack([np.hstack([matrix, np.zeros((len(matrix), draws + 1))]), below])
        bound = np.concatenate([bound, np.zeros(draws)])
        upper = np.concatenate([upper, np.full(draws + 1, np.inf)])
        lower = np.concatenate([lower, [-np.inf], np.zeros(draws)])
    found = linprog(-objective, A_ub=matrix, b_ub=bound, bounds=np.column_stack([lower, upper]), method="highs")
    if found.status == INFEASIBLE:
        raise infeasible(program)
    if found.status != OPTIMAL:
        raise MethodError(
            f"no optimum was found: {found.message}", hint="Check the sizes in the plan.", code="no_optimum"
        )
    rows, columns = -found.ineqlin.marginals, -found.upper.marginals
    finite = np.isfinite(upper)
    dual = float(rows @ bound + columns[finite] @ upper[finite])
    primal = float(objective @ found.x)
    gap = abs(primal - dual) / max(1.0, abs(primal))
    own = rows[: len(program.rows)] * unit / size[: len(program.rows)]
    return Solution(np.clip(found.x[:count], 0.0, upper[:count]) * program.budget, primal * unit, own, gap)


def solve_each(programs: Sequence[Program]) -> list[Floats | None]:
    """The money of the best allocation of each program; None for one that has none.

    All are solved as one program of independent blocks, many times faster than one by one; only if that has no
    solution, because a block has none, is each tried alone.
    """
    from scipy.optimize import linprog
    from scipy.sparse import block_diag

    if not programs:
        return []
    gains = np.concatenate([p.gain / (float(np.abs(p.gain).max()) or 1.0) for p in programs])
    upper = np.concatenate([p.widths / p.budget for p in programs])
    scaled = [_scaled(p) for p in programs]
    matrix = block_diag([m for m, _, _ in scaled], format="csr")
    bound = np.concatenate([b for _, b, _ in scaled])
    limits = np.column_stack([np.zeros_like(upper), upper])
    found = linprog(-gains, A_ub=matrix, b_ub=bound, bounds=limits, method="highs")
    if found.status == OPTIMAL:
        ends = np.cumsum([len(p.owner) for p in programs])[:-1]
        return [np.asarray(x * p.budget) for x, p in zip(np.split(found.x, ends), programs, strict=True)]
    if len(programs) == 1:
        return [None]
    return [solve_each([p])[0] for p in programs]


def _scaled(program: Program) -> tuple[Floats, Floats, Floats]:
    """Rows in shares of the budget, each divided by its largest coefficient; bounds; and what they were divided by."""
    matrix = np.array([row.coefficients for row in program.rows]) * program.budget
    size = np.maximum(np.abs(matrix).max(axis=1), 1e-300)
    return matrix / size[:, None], np.array([row.bound for row in program.rows]) / size, size


def infeasible(program: Program) -> MethodError:
    """The error for conditions that can't all hold: a smallest set of them, by taking each away in turn."""
    capacity = []
    for c in np.unique(program.owner):
        own = program.owner == c
        name = f"the segments of country {int(c) + 1} of the plan end at {program.widths[own].sum():g}"
        capacity.append(Row(name, "capacity", own.astype(np.float64), float(program.widths[own].sum())))
    kept = [*program.rows, *capacity]
    for row in list(kept):
        without = [r for r in kept if r is not row]
        if not _feasible(without, len(program.owner)):
            kept = without
    said = "; ".join(row.name for row in kept)
    hint = "Change one of them. Money is in millions of US dollars."
    return MethodError(f"these conditions can't all hold: {said}.", hint=hint, code="infeasible")


def _feasible(rows: Sequence[Row], count: int) -> bool:
    from scipy.optimize import linprog

    if not rows:
        return True
    matrix, bound = np.array([r.coefficients for r in rows]), np.array([r.bound for r in rows])
    size = np.maximum(np.abs(matrix).max(axis=1), 1e-300)
    found = linprog(np.zeros(count), A_ub=matrix / size[:, None], b_ub=bound / size, method="highs")
    return bool(found.status == OPTIMAL)


def greedy(program: Program) -> Floats:
    """Money by falling gain until the budget is gone: the optimum when the budget is the only condition."""
    money, left = np.zeros(len(program.owner)), program.budget
    for v in np.argsort(-program.gain, kind="stable"):
        if program.gain[v] > 0.0 and left > 0.0:
            money[v] = min(program.widths[v], left)
            left -= money[v]
    return money
