"""What each of several causes has of a change: Shapley values of a game, exact or by permutations.

`v(S)` is the result with the causes in S switched on. The share of cause i is the mean, over all orders of switching
on, of what i adds to those before it:

    phi_i = sum over S without i of |S|! (d - |S| - 1)! / d! * (v(S + i) - v(S))

The shares add up to `v(all) - v(none)`; that is checked here each time, to 1e-9 of the largest value. Coalitions are
bit masks: bit i is cause i, so cause 0 alone is 1 and all of three causes are 7. Up to 12 causes every coalition is
valued (4,096); for more, 2,000 permutations in antithetic pairs (an order and its reverse), with standard errors from
the pairs (Castro, Gómez and Tejada, *Computers & Operations Research* 36, 2009; Mitchell et al., *Journal of Machine
Learning Research* 23, 2022). Source of the value: Shapley, *A value for n-person games* (1953).

Used for changes of scores and ranks between two indices, and for shares of variance. Does not say which mixtures make
sense: the caller merges causes that can't be separated. A coalition without a result (NaN) blanks that output for all
causes, since no share of it would add up.

    >>> import numpy as np
    >>> shapley_values(np.array([0.0, 1.0, 2.0, 5.0])).tolist()
    [2.0, 3.0]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.observatory.panel import Array

EXACT_MAX = 12  # 4,096 coalitions; specification, section 6
PERMUTATIONS = 2000
ADDS_UP_TO = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The share of each cause.

    Attributes:
        phi: `[cause, ...]`, adding up to `total` along the first axis.
        se: standard error of each share, 0 where exact.
        total: the whole change, `v(all) - v(none)`.
        valued: how many coalitions were valued.
    """

    phi: Array
    se: Array
    total: Array
    exact: bool
    valued: int


def shapley_values(values_by_mask: Array) -> Array:
    """Shares `[cause, ...]` from the value of every coalition, `[2^d, ...]` in the order of the bit masks.

    Raises:
        InputError: the number of coalitions is not a power of two.
        MethodError: the shares do not add up.
    """
    values = np.asarray(values_by_mask, dtype=np.float64)
    count = len(values)
    d = count.bit_length() - 1
    if count < 2 or count != 1 << d:
        raise InputError(f"{count} coalitions are not those of a game.", hint="Give 2^d values, d >= 1.", code="game")
    flat = values.reshape(count, -1)
    phi = (coalition_weights(d) @ (flat - flat[0])).reshape(d, *values.shape[1:])
    return adding_up(phi, values[-1] - values[0], np.abs(values).max(axis=0))


def coalition_weights(d: int) -> Array:
    """`[cause, mask]`: what the value of each coalition counts in each share."""
    masks = np.arange(1 << d)
    sizes = np.bitwise_count(masks).astype(np.int64)
    # 1 / (d C(d-1, s)) is s! (d-s-1)! / d! without large factorials.
    gain = np.array([1 / (d * math.comb(d - 1, s)) for s in range(d)])
    inside = (masks >> np.arange(d)[:, None]) & 1 == 1
    return np.where(inside, gain[np.maximum(sizes - 1, 0)], -gain[np.minimum(sizes, d - 1)])


def adding_up(phi: Array, total: Array, scale: Array) -> Array:
    """The shares, once they are seen to add up to the total (within 1e-9 of the scale, at least of 1)."""
    off = np.abs(phi.sum(axis=0) - total)
    allowed = ADDS_UP_TO * np.maximum(1.0, scale)
    if (off > allowed).any():
        worst = float(np.nanmax(off))
        raise MethodError(f"the shares of the causes miss the whole by {worst:.3g}.", hint="Report this.", code="game")
    return phi


def shapley_of(
    value: Callable[[int], Array],
    d: int,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    exact_max: int = EXACT_MAX,
) -> Attribution:
    """The share of each of d causes in `value(all) - value(none)`; `value` takes a bit mask and is asked once for each.

    Raises:
        InputError: there is no cause.
    """
    if d < 1:
        raise InputError("there is no cause to attribute a change to.", code="game")
    known: dict[int, Array] = {}
    scale = np.zeros(())

    def asked(mask: int) -> Array:
        nonlocal scale
        if mask not in known:
            known[mask] = np.asarray(value(mask), dtype=np.float64)
            scale = np.maximum(scale, np.abs(known[mask]))
        return known[mask]

    if d <= exact_max:
        # Every coalition, in the order of the bit masks.
        table = np.stack([asked(mask) for mask in range(1 << d)])
        phi = shapley_values(table)
        return Attribution(phi, np.zeros_like(phi), np.asarray(table[-1] - table[0]), True, len(known))
    phi, se = _by_permutations(asked, d, permutations, seed)
    total = np.asarray(asked((1 << d) - 1) - asked(0))
    return Attribution(adding_up(phi, total, scale), se, total, False, len(known))


def _by_permutations(asked: Callable[[int], Array], d: int, permutations: int, seed: int) -> tuple[Array, Array]:
    """Mean and standard error over antithetic pairs, by Welford's running sums: pairs are not kept."""
    rng = np.random.Generator(np.random.PCG64(seed))
    shape = (d, *asked(0).shape)
    mean, squares = np.zeros(shape), np.zeros(shape)
    pairs = max(permutations // 2, 2)
    for pair in range(1, pairs + 1):
        order = rng.permutation(d)
        gained = (_gains(asked, order, shape) + _gains(asked, order[::-1], shape)) / 2
        before = gained - mean
        mean += before / pair
        squares += before * (gained - mean)
    return mean, np.sqrt(squares / (pairs - 1) / pairs)


def _gains(asked: Callable[[int], Array], order: np.ndarray, shape: tuple[int, ...]) -> Array:
    """What each cause adds when they are switched on in this order."""
    gained = np.empty(shape)
    mask, before = 0, asked(0)
    for cause in order.tolist():
        mask |= 1 << cause
        after = asked(mask)
        gained[cause] = after - before
        before = after
    return gained
