"""Arrays over all coalitions of n players, in the order of their bit masks.

Sums over members are made by doubling, 2^n additions for all coalitions at once: the sums of the coalitions without
player i, then the same plus what player i adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Number = TypeVar("Number", np.float64, np.int64)
ROUNDING = 1e-12  # of the largest value: what sums of a few numbers may be off by


def subset_sums(x: NDArray[Number]) -> NDArray[Number]:
    """(2^n,) or (2^n, k): the sum of the members' numbers (or rows), by bit mask."""
    found = np.zeros((1 << len(x), *x.shape[1:]), dtype=x.dtype)
    for i, own in enumerate(x):
        half = 1 << i
        np.add(found[:half], own, out=found[half : 2 * half])
    return found


def sizes(n: int) -> NDArray[np.int64]:
    """(2^n,) how many members each coalition has."""
    return np.bitwise_count(np.arange(1 << n)).astype(np.int64)


def bits(masks: NDArray[np.int64] | Sequence[int], n: int) -> Array:
    """(k, n) ones where a player is a member."""
    found: Array = (np.asarray(masks, dtype=np.int64)[:, None] >> np.arange(n) & 1).astype(np.float64)
    return found


def split(values: Array, i: int) -> tuple[Array, Array]:
    """Coalitions without player i, and the same with it, both (..., 2^(n-1)), in the order of the other bits."""
    pairs = values.reshape(*values.shape[:-1], -1, 2, 1 << i)
    half = (*values.shape[:-1], values.shape[-1] // 2)
    return pairs[..., 0, :].reshape(half), pairs[..., 1, :].reshape(half)


def is_convex(values: Array) -> bool:
    """Whether `v(S+i+j) - v(S+i) - v(S+j) + v(S)` is never below zero (but for rounding)."""
    n = len(values).bit_length() - 1
    slack = -ROUNDING * max(float(np.abs(values).max()), 1e-300)
    for i in range(n):
        without, with_i = split(values, i)
        added = with_i - without  # of player i, by the others
        for j in range(i, n - 1):
            before, after = split(added, j)
            if float((after - before).min(initial=0.0)) < slack:
                return False
    return True


def mask_names(mask: int, players: Sequence[str]) -> str:
    """`ARG+BRA`."""
    return "+".join(name for i, name in enumerate(players) if mask >> i & 1)


def normalised(values: Array) -> tuple[Array, Array, float]:
    """The same game counted from what each has alone, in units of its largest value.

    Core, nucleolus and excesses move with such a change (strategic equivalence), and the programmes meet numbers of
    size one. An additive game leaves nothing but rounding, which is set to zero.

    Returns:
        `u` (2^n,), the singles (n,), the scale: `v(S) = scale u(S) + sum of the singles in S`.
    """
    n = len(values).bit_length() - 1
    singles = values[1 << np.arange(n)].copy()
    left = values - subset_sums(singles)
    left[1 << np.arange(n)] = 0.0
    noise = ROUNDING * max(float(np.abs(values).max()), float(np.abs(singles).sum()))
    left[np.abs(left) <= noise] = 0.0
    scale = float(np.abs(left).max())
    if scale == 0.0:
        return left, singles, 0.0
    return left / scale, singles, scale
