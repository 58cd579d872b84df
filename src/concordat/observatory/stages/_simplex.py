"""Many small linear programs at once: max c'v subject to A v <= b, v >= 0, with b >= 0.

The primal simplex method in dictionary form, all programs pivoting together in NumPy; v = 0 is feasible, so there is no
first phase. Entering column: most negative reduced cost, after `_PATIENCE` pivots Bland's least index: it can't cycle.
Nothing is taken on trust: each answer comes with dual prices, and is kept only if both are feasible and their values
agree to 1e-9. What doesn't pass (or took too many pivots) is solved by HiGHS through `scipy.optimize.linprog`.

Source: Chvatal, *Linear Programming* (1983), chapters 2, 3 and 5 (the certificate is the duality theorem).
Not here: equality rows, b < 0, sparse or large programs.

    >>> import numpy as np
    >>> made = solve(np.array([[[1.0, 2.0], [2.0, 1.0]]]), np.array([[1.0, 1.0]]), np.array([[1.0, 1.0]]))
    >>> made.value.round(12).tolist(), made.v.round(12).tolist()
    ([0.666666666667], [[0.333333333333, 0.333333333333]])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concordat.observatory.panel import Array, Bools, Ints

_ZERO = 1e-11  # coefficients below this are rounding: programs are scaled so that their entries are about 1
_PROOF = 1e-9
_PATIENCE = 60
_CELLS = 1 << 21  # of all dictionaries held at once: 16 MB


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """Of each program the best value, a `v` that reaches it, and whether it has no bound (then value is inf)."""

    value: Array
    v: Array
    unbounded: Bools


def solve(a: Array, b: Array, c: Array) -> Solved:
    """Solve programs `a [program, row, column]`, `b [program, row]`, `c [program, column]`, in blocks."""
    programs, rows, columns = a.shape
    assert b.shape == (programs, rows), "one bound for each row"
    assert c.shape == (programs, columns), "one price for each column"
    assert (b >= 0).all(), "v = 0 must be feasible"
    value, v, unbounded = np.zeros(programs), np.zeros((programs, columns)), np.zeros(programs, dtype=bool)
    step = max(1, _CELLS // ((rows + 1) * (columns + 1)))
    for start in range(0, programs, step):
        block = slice(start, start + step)
        value[block], v[block], unbounded[block] = _block(a[block], b[block], c[block])
    return Solved(value, v, unbounded)


def _block(a: Array, b: Array, c: Array) -> tuple[Array, Array, Bools]:
    v, prices, unbounded, ended = _pivoted(a, b, c)
    value = (c * v).sum(axis=-1)
    proved = ended & ~unbounded & _proved(a, b, c, v, prices)
    for k in np.flatnonzero(~proved & ~unbounded):
        value[k], v[k], unbounded[k] = _highs(a[k], b[k], c[k])
    return np.where(unbounded, np.inf, value), v, unbounded


def _pivoted(a: Array, b: Array, c: Array) -> tuple[Array, Array, Bools, Bools]:
    """Solutions, dual prices, which have no bound, which came to an end."""
    programs, rows, columns = a.shape
    table = np.zeros((programs, rows + 1, columns + 1))
    table[:, :rows, :columns], table[:, :rows, columns], table[:, rows, :columns] = a, b, -c
    outside = np.tile(np.arange(columns), (programs, 1))  # variables that are 0, by column; slacks count from `columns`
    inside = np.tile(np.arange(columns, columns + rows), (programs, 1))
    unbounded, ended = np.zeros(programs, dtype=bool), np.zeros(programs, dtype=bool)
    final, out, ins = table.copy(), outside.copy(), inside.copy()
    alive = np.arange(programs)
    for turn in range(_PATIENCE + 40 * (rows + columns)):
        cost = table[:, rows, :columns]
        entering = _entering(cost, outside, careful=turn >= _PATIENCE)
        done = np.take_along_axis(cost, entering[:, None], axis=1)[:, 0] >= -_ZERO
        leaving, open_ended = _leaving(table, entering, inside)
        stop = done | open_ended
        if stop.any():
            which = alive[stop]
            final[which], out[which], ins[which] = table[stop], outside[stop], inside[stop]
            ended[which], unbounded[which] = True, (open_ended & ~done)[stop]
            go = ~stop
            alive, table, outside, inside = alive[go], table[go], outside[go], inside[go]
            entering, leaving = entering[go], leaving[go]
        if not alive.size:
            break
        _pivot(table, outside, inside, leaving, entering)
    everyone = np.arange(programs)[:, None]
    full = np.zeros((programs, columns + rows))
    full[everyone, ins] = final[:, :rows, columns]
    dual = np.zeros((programs, columns + rows))
    dual[everyone, out] = final[:, rows, :columns]
    return np.maximum(full[:, :columns], 0.0), np.maximum(dual[:, columns:], 0.0), unbounded, ended


def _entering(cost: Array, outside: Ints, *, careful: bool) -> npt.NDArray[np.intp]:
    if not careful:
        return np.asarray(np.argmin(cost, axis=1))
    return np.asarray(np.argmin(np.where(cost < -_ZERO, outside, np.iinfo(np.int64).max), axis=1))


def _leaving(table: Array, entering: npt.NDArray[np.intp], inside: Ints) -> tuple[npt.NDArray[np.intp], Bools]:
    """The row that first reaches 0 as the entering variable grows (ties: least index); which have none."""
    column = np.take_along_axis(table[:, :-1], entering[:, None, None], axis=2)[:, :, 0]
    holds = column > _ZERO
    ratio = np.where(holds, np.maximum(table[:, :-1, -1], 0.0) / np.where(holds, column, 1.0), np.inf)
    least = ratio.min(axis=1, keepdims=True)
    tied = holds & (ratio <= least + _ZERO * (1 + np.where(np.isfinite(least), least, 0.0)))
    return np.argmin(np.where(tied, inside, np.iinfo(np.int64).max), axis=1), np.logical_not(holds.any(axis=1))


def _pivot(
    table: Array, outside: Ints, inside: Ints, leaving: npt.NDArray[np.intp], entering: npt.NDArray[np.intp]
) -> None:
    """Exchange the leaving variable with the entering one, in place."""
    every = np.arange(len(table))
    pivot = table[every, leaving, entering].copy()
    row, column = table[every, leaving].copy(), table[every, :, entering].copy()
    scaled = row / pivot[:, None]
    table -= column[:, :, None] * scaled[:, None, :]
    table[every, leaving] = scaled
    table[every, :, entering] = -column / pivot[:, None]
    table[every, leaving, entering] = 1.0 / pivot
    swapped = outside[every, entering].copy()
    outside[every, entering] = inside[every, leaving]
    inside[every, leaving] = swapped


def _proved(a: Array, b: Array, c: Array, v: Array, prices: Array) -> Bools:
    """Where solution and prices are feasible and have the same value: then both are the best."""
    used = np.matmul(a, v[..., None])[..., 0]
    paid = np.matmul(prices[:, None, :], a)[:, 0]
    value, bound = (c * v).sum(axis=-1), (b * prices).sum(axis=-1)
    room = _PROOF * (1 + np.abs(value))
    fits: Bools = (used <= b + _PROOF).all(axis=1) & (paid >= c - _PROOF).all(axis=1) & (np.abs(bound - value) <= room)
    return fits


def _highs(a: Array, b: Array, c: Array) -> tuple[float, Array, bool]:
    from scipy.optimize import linprog  # type: ignore[import-untyped,unused-ignore]

    made = linprog(-c, A_ub=a, b_ub=b, bounds=(0, None), method="highs")
    if made.status == 3:
        return np.inf, np.zeros_like(c), True
    assert made.status == 0, f"HiGHS: {made.message}"
    return -float(made.fun), np.asarray(made.x, dtype=np.float64), False
