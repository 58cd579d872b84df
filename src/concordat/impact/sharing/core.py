"""Would any group do better on its own? Excesses, the least core, and whether the core is empty.

A division `x` of `v(N)` leaves the coalition S an excess `v(S) - x(S)`: what its members could add by acting alone.
The core holds the divisions without a positive excess (Gillies 1959). The least core (Maschler, Peleg and Shapley
1979) makes the largest excess as small as it can be:

    minimise eps    subject to    x(S) + eps >= v(S) for every coalition but nobody and everybody,    x(N) = v(N)

The core is empty exactly when the least eps is above zero. Both sides are proved here apart from the solver. The
largest excess of the division found, over all 2^n coalitions, is at or above the optimum. Weights l on coalitions that
add up to 1 and give every player the same sum c (as fractions, solved for exactly) put it at or above
`sum l v(S) - c v(N)` (Bondareva 1963, Shapley 1967). The two must meet within 1e-9 of the largest value. Where the core
is empty those coalitions are why: with these weights they claim more than there is.

A single eps within 1e-9 of zero is called a border case: the core is then taken as not empty, and the result says so.
At most 16 players. A core says nothing about fairness inside it, and assumes that a group could really act alone.

    >>> pairs = {("A", "B"): 1, ("A", "C"): 1, ("B", "C"): 1}
    >>> game = Game.of(("A", "B", "C"), {**pairs, ("A", "B", "C"): 1}, missing="zero")
    >>> found = core(game)
    >>> found.empty, round(found.epsilon, 9), [b.coalition for b in found.blocking]
    (True, 0.333333333, [('A', 'B'), ('A', 'C'), ('B', 'C')])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.sharing._lp import WEIGHT, Answer, Programme, first_rows, solve
from concordat.impact.sharing._masks import ROUNDING, normalised, subset_sums
from concordat.impact.sharing._span import exact_weights
from concordat.impact.sharing.game import EXACT_MAX, Game
from concordat.impact.sharing.shapley import shapley_values

Array = NDArray[np.float64]

TOLERANCE = 1e-9  # of the game's largest value, counted from what each has alone


@dataclass(frozen=True, slots=True)
class Blocking:
    """A coalition that stands in the way, with its weight among those that do.

    Attributes:
        weight: with these weights every member counts once in all. worth: what it can have alone.
    """

    coalition: tuple[str, ...]
    weight: float
    worth: float

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"coalition": list(self.coalition), "weight": self.weight, "worth": self.worth}


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """The least core of a game, and what it says of the core.

    Attributes:
        epsilon: the smallest possible largest excess, in the game's unit; with bounds proved apart from the solver.
        empty: whether the core is. border: whether eps is zero but for rounding.
        point: (n,) a division that reaches eps (one of many: `nucleolus` picks one by rule).
        blocking: if the core is empty, the coalitions that together claim more than there is.
    """

    players: tuple[str, ...]
    epsilon: float
    lower: float
    upper: float
    empty: bool
    border: bool
    point: Array
    blocking: tuple[Blocking, ...]
    unit: str = ""

    def words(self) -> str:
        """One line for a reader."""
        size = f"{abs(self.epsilon):,.6g} {self.unit}".rstrip()
        if self.border:
            return "The core is not empty, but has no room: the largest excess can be brought to zero, not below."
        if not self.empty:
            return f"The core is not empty: every coalition can be left at least {size} above what it has alone."
        who = ", ".join(f"{'+'.join(b.coalition)} (weight {b.weight:.4g})" for b in self.blocking)
        return f"The core is empty: some coalition always falls {size} short. Blocking together: {who}."

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "players": list(self.players),
            "epsilon": self.epsilon,
            "lower": self.lower,
            "upper": self.upper,
            "empty": self.empty,
            "border": self.border,
            "point": self.point.tolist(),
            "blocking": [b.to_value() for b in self.blocking],
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class Excess:
    """The coalition that a division treats worst.

    Attributes:
        value: `v(S) - x(S)`, the largest of all; at or below 0 the division is in the core.
    """

    value: float
    coalition: tuple[str, ...]
    in_core: bool


def division(game: Game, x: Sequence[float] | Array) -> Array:
    """(n,) the numbers of a division of `v(N)`.

    Raises:
        InputError: not one finite number a player, or they don't add up to `v(N)` (1e-9 of the largest value).
    """
    found = np.asarray(x, dtype=np.float64)
    if found.shape != (game.n,) or not np.isfinite(found).all():
        raise InputError(f"a division among {game.n} needs {game.n} numbers.", hint="Give one each.", code="division")
    size = max(float(np.abs(game.values).max()), float(np.abs(found).max()))
    if abs(float(found.sum()) - game.total) > TOLERANCE * size:
        what = f"a division of {game.total:g} adds up to {float(found.sum()):g}."
        raise InputError(what, hint="Divide what all together are worth, no more and no less.", code="division")
    return found


def excesses(game: Game, x: Sequence[float] | Array) -> Array:
    """(2^n,) `v(S) - x(S)` by bit mask: what each coalition could add by acting alone; 0 for nobody and everybody."""
    found = game.values - subset_sums(np.asarray(x, dtype=np.float64))
    found[-1] = 0.0
    return found


def largest_excess(game: Game, x: Sequence[float] | Array) -> Excess:
    """The coalition that a division treats worst, of all but nobody and everybody.

    In the core means: at or below 1e-9 of the game's largest value. Of several with the same excess, the first by size,
    then by the order of players.

    Raises:
        InputError: what is given does not divide `v(N)`.
    """
    x = division(game, x)
    if game.n == 1:
        return Excess(0.0, (), True)
    scale = normalised(game.values)[2]
    found = excesses(game, x)[1:-1]
    most = float(found.max())
    rounding = ROUNDING * float(np.abs(game.values).max())
    slack = max(TOLERANCE * scale, rounding)
    tied = np.flatnonzero(found >= most - slack) + 1
    worst = min(tied.tolist(), key=lambda mask: (int(mask).bit_count(), mask))
    return Excess(0.0 if abs(most) <= rounding else most, game.coalition(worst), most <= slack)


def core(game: Game) -> Core:
    """The least core, and whether the core is empty.

    Raises:
        MethodError: more than 16 players, or an optimum that can't be proved to 1e-9 of the largest value.
    """
    check_exact(game, "core")
    if game.n == 1:
        return Core(game.players, 0.0, 0.0, 0.0, False, True, game.values[1:].copy(), (), game.unit)
    u, singles, scale = normalised(game.values)
    if scale == 0.0:
        return Core(game.players, 0.0, 0.0, 0.0, False, True, singles, (), game.unit)
    answer = _least_core(u)
    y = centred(answer.z[:-1], float(u[-1]))
    upper = float((u - subset_sums(y))[1:-1].max())
    lower, weighted = _proved_below(u, answer)
    if not lower - TOLERANCE <= upper <= lower + TOLERANCE:
        what = f"the least eps is only known to lie between {lower * scale:.12g} and {upper * scale:.12g}."
        raise MethodError(what, hint="The values differ by too many orders of magnitude.", code="core")
    empty = upper > TOLERANCE
    x = rescaled(game, y, singles, scale)
    blocking = tuple(Blocking(game.coalition(m), w, float(game.values[m])) for m, w in weighted) if empty else ()
    return Core(
        game.players,
        upper * scale,
        lower * scale,
        upper * scale,
        empty,
        abs(upper) <= TOLERANCE,
        x,
        blocking,
        game.unit,
    )


def check_exact(game: Game, what: str) -> None:
    """Refuse more players than the programmes over all coalitions are made for.

    Raises:
        MethodError: more than 16 players.
    """
    if game.n > EXACT_MAX:
        hint = "For more, only the Shapley value is computed; see sampled_shapley."
        raise MethodError(f"{what}: {game.n} players, of at most {EXACT_MAX}.", hint=hint, code="too_many_players")


def _least_core(u: Array) -> Answer:
    """The programme of the least core of a normalised game; the last of `z` is eps."""
    n = len(u).bit_length() - 1
    x = shapley_values(u)
    inside = np.append(x, float((u - subset_sums(x))[1:-1].max()))
    target = u.copy()
    target[[0, -1]] = -np.inf
    cost = np.append(np.zeros(n), 1.0)
    whole = Programme(
        cost,
        np.full(n + 1, -np.inf),
        np.append(np.ones(n), 0.0)[None, :],
        u[-1:],
        np.zeros((0, n + 1)),
        np.zeros(0),
    )
    answer = solve(whole, target, first_rows(n), eps=n, inside=inside)
    assert answer is not None, "a least core always exists"
    return answer


def centred(y: Array, total: float) -> Array:
    """The same with the rounding of its sum spread evenly."""
    found: Array = y + (total - float(y.sum())) / len(y)
    return found


def rescaled(game: Game, y: Array, singles: Array, scale: float) -> Array:
    """A division of the game itself from one of its normalised form."""
    return without_noise(centred(singles + scale * y, game.total), scale)


def without_noise(x: Array, scale: float) -> Array:
    """Zero where only rounding is left."""
    found: Array = np.where(np.abs(x) <= 10 * ROUNDING * scale, 0.0, x)
    return found


def _proved_below(u: Array, answer: Answer) -> tuple[float, list[tuple[int, float]]]:
    """A bound on eps that holds whatever the solver did, and the coalitions it rests on with balanced weights.

    With weights `l` that add up to 1 and give every player the same sum c: `eps >= sum l v(S) - c v(N)`.
    """
    n = len(u).bit_length() - 1
    counted = answer.coalition_weights > WEIGHT
    masks = answer.coalitions[counted].tolist()
    weights = exact_weights(masks, n)
    if weights is None or min(weights) < 0:
        return -np.inf, []
    each = sum((w for m, w in zip(masks, weights, strict=True) if m & 1), Fraction(0))
    claimed = sum((w * Fraction(float(u[m])) for m, w in zip(masks, weights, strict=True)), Fraction(0))
    order = sorted(zip(masks, weights, strict=True), key=lambda pair: (int(pair[0]).bit_count(), pair[0]))
    found = [(m, float(w / each)) for m, w in order if w]
    return float(claimed - each * Fraction(float(u[-1]))), found
