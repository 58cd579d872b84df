"""A good first set: large payments decided first, smaller ones left divisible until their turn comes.

Almost all value is in few large payments, and small ones fill what these leave. So level by level, each twice as many
payments as the one before, largest first: those of the level are yes or no, all smaller ones may be split. What a level
rejects stays out; what it takes may still be dropped by the next, so that every level has a solution (nothing at all).
The last level splits nothing. The first levels are small programmes with tight bounds, and each hands a nearly full
plan to the next. The first level is a relaxation of the whole: its bound is a claim on the best set.

A part too large for that is dived into: linear programmes only, each level rounded and fixed before the next, and an
account may be overdrawn at a price. Little is overdrawn in the end; `neighbourhood` mends it piece by piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.clearing.netting import engine
from concordat.clearing.netting.budget import Budget
from concordat.clearing.netting.part import Part

LEVELS = (150, 600)  # payments decided by the first and second level
FIRST, SMALL = 200, 2_000  # a part of up to 2,000 payments has one level before the last, of the 200 largest
TRASH = 0.5  # of the level before: less than that is no answer but a lack of time
LARGE = 6_000  # payments beyond which a part is dived into
OVERDRAFT_PRICE = 100.0  # of a unit, while diving; the worth of a unit of liquidity can be tens of units
ROUND_UP = 0.9  # what the linear programme takes to more than this is taken
NODES = 64


@dataclass(slots=True)
class Start:
    """A first set, perhaps overdrawn; the solver's claim on the best value, in minor units; the work spent."""

    x: np.ndarray
    bound: float


def relax(part: Part, x: np.ndarray | None = None, pool: np.ndarray | None = None) -> tuple[engine.Answer, np.ndarray]:
    """The linear relaxation, and the prices of its rows; with a `pool` only those payments are free, others as in x."""
    free = np.arange(len(part)) if pool is None else pool
    program, rows, _ = part.program(free, _room(part, x, pool), np.zeros(len(free), bool))
    answer = engine.solve(program)
    prices = np.zeros(len(part.room))
    if answer.prices is not None:
        prices[rows] = np.maximum(0.0, answer.prices)
    return answer, prices


def _room(part: Part, x: np.ndarray | None, pool: np.ndarray | None) -> np.ndarray:
    """What every row has left with the pool out; nothing is in x where there is no pool."""
    if x is None or pool is None:
        return part.room
    fixed = x.copy()
    fixed[pool] = False
    return part.left(fixed)


def first_set(part: Part, budget: Budget, seed: int) -> Start:
    """A set to begin with, by levels or by diving."""
    return dive(part, budget) if len(part) > LARGE else by_levels(part, budget, seed)


def by_levels(
    part: Part, budget: Budget, seed: int, x: np.ndarray | None = None, pool: np.ndarray | None = None
) -> Start:
    """Level by level, the smaller payments divisible; a level that finds next to nothing in its time is not used.

    With a `pool` (positions, those to decide first in front) only its payments are decided, all others stay as in x.
    """
    order = part.order if pool is None else pool
    room = _room(part, x, pool)
    count = len(order)
    sizes = (
        [size for size in LEVELS if size < count * 0.6] if count > SMALL else [FIRST] if count > FIRST * 3 // 2 else []
    )
    start = np.zeros(len(part), bool) if x is None or pool is None else x
    x = start.copy()
    best, before, last, bound = start, 0, 0.0, float("inf")
    for turn, size in enumerate([*sizes, count]):
        kept = order[:before][x[order[:before]]]
        free = np.r_[kept, order[before:]]
        integral = np.arange(len(free)) < len(kept) + size - before
        program, _, _ = part.program(free, room, integral)
        seconds = budget.seconds / (len(sizes) + 1 - turn)
        gap = 1e-3 if size == count else 2e-3 if turn else 5e-3
        answer = engine.solve(program, seconds=seconds, nodes=NODES, gap=gap, seed=seed)
        budget.charge(answer.work)
        if not before:
            bound = answer.bound * part.scale
        if answer.x is None or answer.value < TRASH * last:
            break
        x[order] = False
        x[free[integral]] = answer.x[: int(integral.sum())] > 0.5
        best, before, last = x.copy(), size, answer.value
    return Start(best, bound)


def dive(part: Part, budget: Budget) -> Start:
    """Round level by level after linear programmes, overdrafts at a price."""
    count = len(part)
    everything = np.arange(count)
    program, _, _ = part.program(everything, part.room, np.zeros(count, bool))
    rows = len(program.room)
    program.value = np.r_[program.value, np.full(rows, -OVERDRAFT_PRICE)]
    program.start = np.r_[program.start, program.start[-1] + 1 + np.arange(rows)].astype(np.int32)
    program.index = np.r_[program.index, np.arange(rows)].astype(np.int32)
    program.entry = np.r_[program.entry, np.full(rows, -1.0)]
    program.low = np.r_[program.low, np.zeros(rows)]
    program.high = np.r_[program.high, np.full(rows, np.inf)]
    program.integral = np.zeros(count + rows, bool)
    descent = engine.Sequence(program)
    x = np.zeros(count, bool)
    done, bound = 0, float("inf")
    while done < count:
        answer = descent.solve()
        budget.charge(answer.work)
        if answer.x is None or budget.spent():
            break
        bound = min(bound, answer.value * part.scale) if done == 0 else bound
        band = part.order[done : max(FIRST // 4, done + done // 2)]
        taken = answer.x[band] > ROUND_UP
        x[band] = taken
        descent.fix(band, taken.astype(float))
        done += len(band)
    return Start(x, bound)
