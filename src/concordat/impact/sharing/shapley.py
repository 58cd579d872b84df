"""What each member adds, on average over all orders of joining: the Shapley value, plain, weighted and sampled.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))

*Plain* (Shapley 1953a), by array operations over all 2^n coalitions: the differences that player i makes are one
subtraction of two halves of the table. *Weighted* (Shapley 1953b; Kalai and Samet 1987): orders are drawn from the end,
the last player with a chance in proportion to its weight, and so on. With `p(S)` the chance that S comes first,

    p(N) = 1,   p(S) = sum over i not in S of p(S + i) w_i / w(S + i),   phi_i = sum_S p(S) w_i / w(S) (v(S) - v(S - i))

whose terms are all of one sign, unlike the equal sum of Harsanyi dividends, which loses digits. Equal weights give the
plain value. *Sampled*, for more players than a table holds: players sit in a random circle, and each of the 2n ways to
go once round it, from every seat in both directions, is an order of joining. So every player comes at every place once
in each direction (stratified by position), an order always comes with its reverse (antithetic), and all 2n orders
together need only the n(n-1) arcs of the circle. Circles are independent, and the spread between them gives the
standard error (Castro, Gómez and Tejada 2009; Mitchell et al. 2022).

The values always add up to `v(N)`; that is checked. A Shapley value need not be in the core, and may take money from
small members for the largest: see `menu`.

    >>> import numpy as np
    >>> shapley_values(np.array([0.0, 1.0, 2.0, 5.0])).tolist()
    [2.0, 3.0]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact._streams import stream
from concordat.impact.sharing._masks import sizes, split, subset_sums
from concordat.impact.sharing.game import Game

Array = NDArray[np.float64]
Worths = Callable[[NDArray[np.bool_]], Array]

ADDS_UP_TO = 1e-9  # of the largest value
CIRCLES = 100
CIRCLES_MIN = 10  # fewer give no standard error worth printing


def shapley(game: Game) -> Array:
    """(n,) the Shapley value, exact, in the game's unit."""
    return shapley_values(game.values)


def shapley_values(values: Array) -> Array:
    """(..., n) the Shapley value of one game, or of a batch of games, from (..., 2^n) values by bit mask.

    Raises:
        InputError: the number of values is not a power of two.
        MethodError: the shares don't add up to the worth of all.
    """
    values = np.asarray(values, dtype=np.float64)
    n = values.shape[-1].bit_length() - 1
    if n < 1 or values.shape[-1] != 1 << n:
        hint = "Give 2^n values, n players."
        raise InputError(f"{values.shape[-1]} values are not those of a game.", hint=hint, code="game_size")
    # 1 / (n C(n-1, s)) is s! (n-s-1)! / n! without large factorials.
    chance = np.array([1 / (n * math.comb(n - 1, s)) for s in range(n)])[sizes(n - 1)]
    found = np.empty((*values.shape[:-1], n))
    for i in range(n):
        without, with_i = split(values, i)
        found[..., i] = ((with_i - without) * chance).sum(axis=-1)
    return _adding_up(found, values)


def weighted_shapley(game: Game, weights: Sequence[float] | Array) -> Array:
    """(n,) the weighted Shapley value; only the proportions of the weights count.

    A coalition's surplus over what its parts make is split in proportion to the weights, not equally. A larger weight
    gives a larger part of each surplus, and of each loss.

    Raises:
        InputError: not one weight a player, or one that is not above zero.
        MethodError: the shares don't add up to the worth of all.
    """
    n = game.n
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (n,) or not np.isfinite(w).all() or (w <= 0).any():
        hint = "Give one weight above zero a player: people, or one over income a person."
        raise InputError(f"{n} players need {n} weights above zero.", hint=hint, code="weights")
    w = w / w.sum()
    order = _orders_from_the_end(w)
    found = np.empty(n)
    for i in range(n):
        without, with_i = split(game.values, i)
        found[i] = float((split(order, i)[1] * w[i] * (with_i - without)).sum())
    return _adding_up(found, game.values)


def _orders_from_the_end(w: Array) -> Array:
    """(2^n,) `p(S) / w(S)`: see the module."""
    n = len(w)
    total = subset_sums(w)
    total[0] = 1.0
    ratio = np.zeros(1 << n)
    ratio[-1] = 1 / total[-1]
    size = sizes(n)
    by_size = np.split(np.argsort(size, kind="stable"), np.cumsum(np.bincount(size))[:-1])
    for masks in by_size[n - 1 : 0 : -1]:
        chance = np.zeros(len(masks))
        for i in range(n):
            outside = (masks >> i & 1) == 0
            chance[outside] += w[i] * ratio[masks[outside] | 1 << i]
        ratio[masks] = chance / total[masks]
    return ratio


def _adding_up(found: Array, values: Array) -> Array:
    off = np.abs(found.sum(axis=-1) - (values[..., -1] - values[..., 0]))
    if (off > ADDS_UP_TO * np.abs(values).max(axis=-1)).any():
        what = f"Shapley shares miss the whole by {float(off.max()):.3g}."
        raise MethodError(what, hint="The values differ by too many orders of magnitude.", code="adds_up")
    return found


# --- By sampling -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class SampledShapley:
    """A Shapley value from a sample of orders.

    Attributes:
        value: (n,), adding up to `total`. se: (n,) standard errors.
        circles: independent draws, of 2n orders each. valued: coalitions whose worth was asked.
    """

    players: tuple[str, ...]
    value: Array
    se: Array
    total: float
    circles: int
    valued: int
    seed: int

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "players": list(self.players),
            "value": self.value.tolist(),
            "se": self.se.tolist(),
            "total": self.total,
            "circles": self.circles,
            "orders": 2 * len(self.players) * self.circles,
            "valued": self.valued,
            "seed": self.seed,
        }


def sampled_shapley(players: Sequence[str], worth: Worths, *, circles: int = CIRCLES, seed: int = 0) -> SampledShapley:
    """The Shapley value of a game that is a function, with standard errors, for any number of players.

    Args:
        worth: takes (k, n) booleans, a row a coalition, and returns (k,) worths, the empty one 0. It is asked for the
            coalitions of one circle at a time, each once, so that equilibria can be solved in batches.
        circles: how many independent circles; the standard error falls with the root of it.

    Raises:
        InputError: fewer than two players or ten circles.
        MethodError: a worth that is no number, or not one a coalition.
    """
    n = len(players)
    if n < 2 or circles < CIRCLES_MIN:
        hint = f"Give two players and {CIRCLES_MIN} circles at least."
        raise InputError(f"{n} players, {circles} circles.", hint=hint, code="sample")
    rng = stream(seed, "sharing shapley circles")
    everybody = _asked(worth, np.stack([np.zeros(n, dtype=bool), np.ones(n, dtype=bool)]))
    total = float(everybody[1] - everybody[0])
    known: dict[bytes, float] = {}
    mean, squares = np.zeros(n), np.zeros(n)
    for circle in range(1, circles + 1):
        seats = rng.permutation(n)
        added = _one_circle(_arcs(worth, seats, known), everybody)
        share = np.empty(n)
        share[seats] = added
        before = share - mean
        mean += before / circle
        squares += before * (share - mean)
    se = np.sqrt(squares / (circles - 1) / circles)
    return SampledShapley(tuple(players), mean, se, total, circles, len(known) + 2, seed)


def _arcs(worth: Worths, seats: NDArray[np.int64], known: dict[bytes, float]) -> Array:
    """(n, n) the worth of the arc that begins at seat s and has length 1 to n - 1 (column 0 is unused)."""
    n = len(seats)
    keys = np.zeros((n, n, n), dtype=bool)
    for length in range(1, n):
        for start in range(n):
            keys[start, length, seats[(start + np.arange(length)) % n]] = True
    rows = keys[:, 1:].reshape(-1, n)
    names = [row.tobytes() for row in np.packbits(rows, axis=1)]
    new = sorted({name: k for k, name in enumerate(names) if name not in known}.values())
    if new:
        known.update(zip((names[k] for k in new), _asked(worth, rows[new]).tolist(), strict=True))
    found = np.zeros((n, n))
    found[:, 1:] = np.array([known[name] for name in names]).reshape(n, n - 1)
    return found


def _one_circle(arc: Array, everybody: Array) -> Array:
    """(n,) what the player at each seat adds, on average over the 2n ways to go once round."""
    n = len(arc)
    whole = np.concatenate([arc, np.full((n, 1), everybody[1])], axis=1)
    whole[:, 0] = everybody[0]
    gain = np.zeros(n)
    seat = np.arange(n)
    for length in range(1, n + 1):
        # Forwards the player comes last in the arc that ends with it; backwards in the arc that begins with it.
        begin = (seat - length + 1) % n
        gain += whole[begin, length] - whole[begin, length - 1]
        gain += whole[seat, length] - whole[(seat + 1) % n, length - 1]
    return gain / (2 * n)


def _asked(worth: Worths, rows: NDArray[np.bool_]) -> Array:
    found = np.asarray(worth(rows), dtype=np.float64)
    if found.shape != (len(rows),) or not np.isfinite(found).all():
        what = f"the worth of {len(rows)} coalitions came back as {found.shape}, or holds something that is no number."
        raise MethodError(what, hint="Return one finite number a row.", code="worth")
    return found
