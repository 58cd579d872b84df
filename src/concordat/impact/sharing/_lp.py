"""Linear programmes over all coalitions, of which only the few rows that matter are ever written down.

A row `x(S) (+ eps) >= b(S)` is left out until a solution breaks it: solve, find the coalitions that fall short most
(one pass over 2^n sums), add them, solve again. Corners of the programme with few rows lie far outside, so where a
point is known that keeps every row, coalitions are looked for half way to it (in-out separation, Ben-Ameur and Neto
2007), and it moves towards the corner as far as every row allows. Once its objective meets that of the programme, it
is optimal for all rows, and so are the dual weights, with zeros for the rows left out. What doesn't end in 40 rounds
is solved with every row. HiGHS solves each (dual simplex, so that weights are those of a basis); the two objectives
are compared here every time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.sharing._masks import bits, subset_sums

Array = NDArray[np.float64]
Masks = NDArray[np.int64]

FEASIBLE = 1e-10  # HiGHS accepts no smaller
SHORT = 5e-10  # of the largest value; less than what HiGHS lets pass, rows would be added that move nothing
GAP = 1e-7  # primal against dual objective
WEIGHT = 1e-7  # a dual weight above this counts; a missed one only costs another round (see `nucleolus`)
ADDED, KEPT = 3, 12  # rows a player that are added in a round, and kept for the next programme
MET = 1e-12  # the point inside and the programme have the same objective
ROUNDS_MAX = 40
ALL_AT_ONCE = 256  # with so few coalitions every row is written down at once


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """Minimise `cost z` with `a_ub z <= b_ub`, `a_eq z = b_eq`, `z >= lower`; the first n of z are the players'."""

    cost: Array
    lower: Array
    a_eq: Array
    b_eq: Array
    a_ub: Array
    b_ub: Array


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A solution: `z`, the objective, and dual weights (all at least 0) of rows, coalitions and lower bounds."""

    z: Array
    value: float
    ub_weights: Array
    lower_weights: Array
    coalitions: Masks
    coalition_weights: Array


def solve(
    programme: Programme, target: Array, kept: list[int], *, eps: int | None = None, inside: Array | None = None
) -> Answer | None:
    """The optimum with a row for each coalition whose target is above minus infinity; None if there is no solution.

    Args:
        target: (2^n,) `b(S)`. kept: coalitions whose rows are written down at the start; at the end those that matter.
        eps: which of z is added to every coalition's sum. inside: a point that keeps every row.

    Raises:
        MethodError: HiGHS gives up, the objective is unbounded, or the two objectives differ.
    """
    n = len(target).bit_length() - 1
    rows = np.flatnonzero(np.isfinite(target))
    few = len(target) <= ALL_AT_ONCE
    masks = rows if few else np.array([m for m in kept if np.isfinite(target[m])], dtype=np.int64)
    for _ in range(ROUNDS_MAX):
        answer = _solve(programme, masks, target, n, eps)
        if answer is None:
            return None
        out = _short(answer.z, target, n, eps, masks)
        if not len(out):
            return _kept(answer, target, kept, n, eps)
        if inside is not None:
            inside = _towards(answer.z, inside, target, n, eps)
            if float((programme.cost * inside).sum()) - answer.value <= MET * (1 + abs(answer.value)):
                return _kept(replace(answer, z=inside), target, kept, n, eps)
            half = _short((answer.z + inside) / 2, target, n, eps, masks)
            out = half if len(half) else out
        masks = np.concatenate([masks, out])
    answer = _solve(programme, rows, target, n, eps)
    return None if answer is None else _kept(answer, target, kept, n, eps)


def _excess(z: Array, target: Array, n: int, eps: int | None) -> Array:
    found: Array = target - subset_sums(z[:n])
    return found if eps is None else found - z[eps]


def _short(z: Array, target: Array, n: int, eps: int | None, masks: Masks) -> Masks:
    """The coalitions that fall short most, of those not written down yet."""
    excess = _excess(z, target, n, eps)
    excess[masks] = -np.inf
    found = np.flatnonzero(excess > SHORT)
    return found[np.argsort(-excess[found], kind="stable")[: ADDED * n]]


def _towards(z: Array, inside: Array, target: Array, n: int, eps: int | None) -> Array:
    """The point furthest from `inside` on the way to z that keeps every row, with the smallest eps that does."""
    here, there = _excess(inside, target, n, eps), _excess(z, target, n, eps)
    broken = there > 0
    room = np.minimum(here[broken], 0.0)
    step = float((room / (room - there[broken])).min(initial=1.0))
    found: Array = inside + step * (z - inside)
    if eps is not None:
        found[eps] += float(_excess(found, target, n, eps).max())
    return found


def _kept(answer: Answer, target: Array, kept: list[int], n: int, eps: int | None) -> Answer:
    """Keep the rows nearest to binding for the programme that comes next."""
    slack = -_excess(answer.z, target, n, eps)[answer.coalitions]
    weighted = np.where(answer.coalition_weights > 0, -1.0, slack)
    kept[:] = answer.coalitions[np.argsort(weighted, kind="stable")[: KEPT * n]].tolist()
    return answer


def _solve(programme: Programme, masks: Masks, target: Array, n: int, eps: int | None) -> Answer | None:
    from scipy.optimize import linprog

    own = len(programme.b_ub)
    rows = np.zeros((len(masks), len(programme.cost)))
    rows[:, :n] = -bits(masks, n)
    if eps is not None:
        rows[:, eps] = -1.0
    a_ub = np.concatenate([programme.a_ub, rows])
    b_ub = np.concatenate([programme.b_ub, -target[masks]])
    options = {"primal_feasibility_tolerance": FEASIBLE, "dual_feasibility_tolerance": FEASIBLE}
    for presolve in (True, False):
        found = linprog(
            programme.cost,
            A_ub=a_ub if len(b_ub) else None,
            b_ub=b_ub if len(b_ub) else None,
            A_eq=programme.a_eq,
            b_eq=programme.b_eq,
            bounds=np.stack([programme.lower, np.full(len(programme.lower), np.inf)], axis=1),
            method="highs-ds",
            options={**options, "presolve": presolve},
        )
        if found.status == 0:
            break
    if found.status == 2:
        return None
    if found.status != 0:
        what = f"HiGHS did not solve a programme of {len(b_ub)} rows: {found.message}"
        raise MethodError(what, hint="The values differ by too many orders of magnitude.", code="programme")
    ub = -found.ineqlin.marginals if len(b_ub) else np.zeros(0)
    lower = found.lower.marginals
    held = np.where(np.isfinite(programme.lower), programme.lower, 0.0)
    dual = float((-ub * b_ub).sum() + (found.eqlin.marginals * programme.b_eq).sum() + (lower * held).sum())
    if abs(dual - found.fun) > GAP * (1 + abs(found.fun)):
        what = f"the optimum of a programme is not proved: {found.fun:.12g} against {dual:.12g}."
        raise MethodError(what, hint="The values differ by too many orders of magnitude.", code="programme")
    return Answer(found.x, float(found.fun), ub[:own], lower, masks, ub[own:])


def first_rows(n: int) -> list[int]:
    """Each alone and all but each: with them every solution is bounded."""
    whole = (1 << n) - 1
    return sorted({mask for i in range(n) for mask in (1 << i, whole ^ (1 << i))} - {0, whole})
