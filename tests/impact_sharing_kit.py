"""What the tests of sharing share: known games, random games, and an exact nucleolus that uses none of our code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from concordat.impact.sharing import Game

# Specification of the room, section 6: 2002 flows of the 69-panel, theta 5, T = exp(0.557185), USD million.
CONE = ("ARG", "BRA", "CHL", "URY")
CONE_WORTH = {
    ("ARG", "BRA"): 785.606525,
    ("ARG", "CHL"): 185.862452,
    ("BRA", "CHL"): 284.039480,
    ("ARG", "URY"): 74.939410,
    ("BRA", "URY"): 118.331417,
    ("CHL", "URY"): 13.862713,
    ("ARG", "BRA", "CHL"): 1227.373094,
    ("ARG", "BRA", "URY"): 969.696227,
    ("ARG", "CHL", "URY"): 270.830379,
    ("BRA", "CHL", "URY"): 414.748629,
    CONE: 1420.734673,
}
CONE_OWN = (470.6076, 570.3073, 268.5674, 111.2523)
CONE_SHAPLEY = (509.669384, 581.236974, 230.912894, 98.915421)
CONE_NUCLEOLUS = (502.993022, 595.541638, 225.519223, 96.680790)


def cone() -> Game:
    """The game of the specification."""
    return Game.of(CONE, CONE_WORTH, missing="zero", unit="USD million", outside="stay_at_baseline")


def game_from(n: int, worth: Callable[[tuple[int, ...]], float]) -> Game:
    """A game of n players from a function of who is in."""
    values = [worth(tuple(i for i in range(n) if mask >> i & 1)) if mask else 0.0 for mask in range(1 << n)]
    return Game(tuple(f"p{i}" for i in range(n)), np.array(values, dtype=float))


def bankruptcy(estate: float, claims: Sequence[float]) -> Game:
    """What is left of an estate once all others have had their claims (Aumann and Maschler 1985)."""
    return game_from(len(claims), lambda s: max(0.0, estate - sum(c for i, c in enumerate(claims) if i not in s)))


def airport(costs: Sequence[float]) -> Game:
    """Costs of a runway, as negative worth: a group needs that of its largest aircraft (Littlechild and Owen 1973)."""
    return game_from(len(costs), lambda s: -max(costs[i] for i in s))


def weighted_vote(quota: float, weights: Sequence[float]) -> Game:
    """1 for a group whose weights reach the quota."""
    return game_from(len(weights), lambda s: float(sum(weights[i] for i in s) >= quota))


def whole_numbers(seed: int, n: int, low: int = -5, high: int = 20) -> Game:
    """A random game in whole numbers."""
    values = np.random.Generator(np.random.PCG64(seed)).integers(low, high, 1 << n).astype(float)
    values[0] = 0
    return Game(tuple(f"p{i}" for i in range(n)), values)


def convex_game(seed: int, n: int) -> Game:
    """A sum of unanimity games with weights of at least zero, plus what each has alone: convex (Shapley 1971)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    masks, weights, alone = rng.integers(1, 1 << n, 2 * n), rng.integers(0, 9, 2 * n), rng.integers(-3, 4, n)

    def worth(members: tuple[int, ...]) -> float:
        mask = sum(1 << i for i in members)
        together = sum(int(w) for m, w in zip(masks, weights, strict=True) if int(m) & mask == int(m))
        return float(together + sum(int(alone[i]) for i in members))

    return game_from(n, worth)


# --- The prenucleolus, exactly, by listing the corners of every optimal set -------------------------------------------


def exact_prenucleolus(values: Sequence[int], n: int) -> list[Fraction]:
    """Fractions; for n up to 4 and whole numbers.

    In each round every corner of `x(S) + eps >= v(S)` with the equations so far is listed, those with the least eps
    are kept, and a coalition is settled when it is tight in all of them: the optimal set is their convex hull, so it is
    tight there everywhere. No duality, no floating point, none of the package.
    """
    whole = (1 << n) - 1
    equations: list[tuple[list[Fraction], Fraction]] = [(_row(whole, n, 0), Fraction(values[whole]))]
    free = set(range(1, whole))
    while True:
        corners = _corners(values, n, equations, free)
        least = min(c[n] for c in corners)
        best = [c for c in corners if c[n] == least]
        tight = {s for s in free if all(_sum(c, s, n) + least == values[s] for c in best)}
        assert tight
        equations += [(_row(s, n, 0), Fraction(values[s]) - least) for s in sorted(tight)]
        free = {s for s in free - tight if any(_sum(c, s, n) != _sum(best[0], s, n) for c in best)}
        if len({tuple(c[:n]) for c in best}) == 1:
            return best[0][:n]


def _row(mask: int, n: int, eps: int) -> list[Fraction]:
    return [Fraction(mask >> i & 1) for i in range(n)] + [Fraction(eps)]


def _sum(corner: list[Fraction], mask: int, n: int) -> Fraction:
    return sum((corner[i] for i in range(n) if mask >> i & 1), Fraction(0))


def _corners(
    values: Sequence[int], n: int, equations: list[tuple[list[Fraction], Fraction]], free: set[int]
) -> list[list[Fraction]]:
    kept = _independent(equations)
    found = []
    for some in combinations(sorted(free), n + 1 - len(kept)):
        corner = _solved([*kept, *((_row(s, n, 1), Fraction(values[s])) for s in some)])
        if corner is not None and all(_sum(corner, s, n) + corner[n] >= values[s] for s in free):
            found.append(corner)
    return found


def _independent(equations: list[tuple[list[Fraction], Fraction]]) -> list[tuple[list[Fraction], Fraction]]:
    kept: list[tuple[list[Fraction], Fraction]] = []
    for equation in equations:
        if _rank([row for row, _ in [*kept, equation]]) == len(kept) + 1:
            kept.append(equation)
    return kept


def _rank(rows: list[list[Fraction]]) -> int:
    rows, rank = [list(r) for r in rows], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            factor = rows[r][column] / rows[rank][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[rank], strict=True)]
        rank += 1
    return rank


def _solved(system: list[tuple[list[Fraction], Fraction]]) -> list[Fraction] | None:
    """The one solution of as many equations as unknowns, or None."""
    rows = [[*row, right] for row, right in system]
    size = len(rows)
    for column in range(size):
        pivot = next((r for r in range(column, size) if rows[r][column]), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [a / head for a in rows[column]]
        for r in range(size):
            if r != column and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    return [row[-1] for row in rows]
