"""The most equal division that no group would refuse: the leximin of the core.

Of the divisions in the core, take those in which the worst-off member has most; of these, those in which the next has
most; and so on (Dutta and Ray 1989 call the idea egalitarianism under participation constraints; for the leximin over
the core see Arin and Inarra 2001; both unverified). What is made equal is the `measure`:

    gain              z_i = x_i                        what each gets
    gain_per_person   z_i = x_i / population_i
    income_per_person z_i = (income_i + x_i) / population_i

and the sequence is one of linear programmes: maximise t with `z_i >= t` for the members still open; a member with a
positive dual weight has z = t in every optimum, and is closed. If the core is empty, the least core takes its place,
and the result says so. There is exactly one such division. At most 16 players. Equal gains ask nothing about needs,
equal incomes nothing about who brought what: that is why both stand on the menu, beside rules that weigh
contributions.

    >>> game = Game.of(("A", "B"), {("A",): 30, ("A", "B"): 40}, missing="zero")
    >>> egalitarian_core(game).value.tolist()
    [30.0, 10.0]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.sharing._lp import WEIGHT, Answer, Programme, first_rows, solve
from concordat.impact.sharing._masks import normalised, subset_sums
from concordat.impact.sharing.core import TOLERANCE, Core, centred, check_exact, core, without_noise
from concordat.impact.sharing.facts import MemberFacts
from concordat.impact.sharing.game import Game

Array = NDArray[np.float64]
Measure = Literal["gain", "gain_per_person", "income_per_person"]
LET_GO = (0.0, 1e-9, 1e-8)  # of levels and rows, in units of the largest value
MEASURES: tuple[Measure, ...] = ("gain", "gain_per_person", "income_per_person")


@dataclass(frozen=True, slots=True, eq=False)
class Egalitarian:
    """The most equal division of the core, or of the least core.

    Attributes:
        value: (n,) what each gets. level: (n,) what was made equal (see the module), of each.
        of: `core`, or `least_core` where the core is empty; epsilon: by how much its worst coalition falls short then.
    """

    players: tuple[str, ...]
    value: Array
    level: Array
    measure: Measure
    of: Literal["core", "least_core"]
    epsilon: float

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "players": list(self.players),
            "value": self.value.tolist(),
            "level": self.level.tolist(),
            "measure": self.measure,
            "of": self.of,
            "epsilon": self.epsilon,
        }


def egalitarian_core(
    game: Game, *, measure: Measure = "gain", facts: MemberFacts | None = None, known: Core | None = None
) -> Egalitarian:
    """The leximin of the core (of the least core if that is empty).

    Args:
        facts: population, and income for `income_per_person`. known: `core(game)`, where it was computed already.

    Raises:
        MethodError: more than 16 players; population or income are not known; an optimum that can't be proved.
    """
    check_exact(game, "egalitarian core")
    people, before = _per_person(game, measure, facts)
    found = core(game) if known is None else known
    short = max(found.upper, 0.0)
    if game.n == 1:
        x = game.values[1:].copy()
    else:
        u, singles, scale = normalised(game.values)
        unit = scale or max(float(np.abs(game.values).max()), 1.0)
        target = u * (scale / unit) - short / unit
        target[[0, -1]] = -np.inf
        inside = (found.point - singles) / unit
        y = leximin(target, float(inside.sum()), (before + singles) / unit, people, inside=inside)
        x = without_noise(centred(singles + unit * y, game.total), unit)
        _check(game, x, short, unit)
    name: Literal["core", "least_core"] = "least_core" if found.empty else "core"
    return Egalitarian(game.players, x, (before + x) / people, measure, name, found.epsilon if found.empty else 0.0)


def _per_person(game: Game, measure: Measure, facts: MemberFacts | None) -> tuple[Array, Array]:
    """(n,) by what a share is divided, and what is added to it before."""
    people, before = np.ones(game.n), np.zeros(game.n)
    if measure == "gain":
        return people, before
    if facts is None or facts.population is None or (measure == "income_per_person" and facts.income is None):
        what = "population" if measure == "gain_per_person" else "income and population"
        hint = "Add them to the game's file."
        raise MethodError(f"{measure} needs the {what} of every member.", hint=hint, code="facts_missing")
    facts.checked(game)
    if measure == "income_per_person" and facts.income is not None:
        before = facts.income
    return facts.population, before


def _check(game: Game, x: Array, short: float, unit: float) -> None:
    excess = (game.values - subset_sums(x))[1:-1]
    if float(excess.max()) > short + 20 * TOLERANCE * unit:
        what = f"the egalitarian division leaves the core by {float(excess.max()) - short:.3g}."
        raise MethodError(what, hint="The values differ by too many orders of magnitude.", code="egalitarian")


def leximin(
    target: Array,
    total: float,
    before: Array,
    people: Array,
    extra: Programme | None = None,
    inside: Array | None = None,
) -> Array:
    """(n,) y with `y(N) = total` and `y(S) >= target(S)` that makes `(before + y) / people` leximin.

    Args:
        target: (2^n,), minus infinity where nothing is asked; in units of about one.
        extra: further rows on `y` and further variables behind it (its cost is not used; it has y(N) = total itself).
        inside: y, and further variables, that keep every row.

    Raises:
        MethodError: no such y, or an optimum that can't be proved.
    """
    n = len(before)
    own = extra or _only_total(n, total)
    weight = people / people.mean()
    start = before / weight
    rich = start - start.min()  # counted from the poorest, so that large incomes don't drown small gains
    closed: dict[int, float] = {}
    rows = first_rows(n)
    while len(closed) < n:
        opened = [i for i in range(n) if i not in closed]
        point = None
        if inside is not None:
            point = np.append(inside, float((rich + inside[:n] / weight)[opened].min()))
        answer = _level(own, opened, closed, rich, weight, target, rows, point)
        level = float(answer.z[-1])
        inside = answer.z[:-1] if inside is not None else None
        pressed = answer.ub_weights[len(own.b_ub) : len(own.b_ub) + len(opened)] * weight[opened]
        for k in np.flatnonzero(pressed > min(WEIGHT, float(pressed.max()) / 2)).tolist():
            closed[opened[k]] = level
    levels = np.array([closed[i] for i in range(n)])
    y: Array = weight * (levels - rich)
    return y


def _level(
    own: Programme,
    opened: list[int],
    closed: dict[int, float],
    rich: Array,
    weight: Array,
    target: Array,
    rows: list[int],
    point: Array | None,
) -> Answer:
    """The highest level that all open members can have, the closed keeping theirs.

    Levels of earlier rounds are known to the solver's tolerance only: where they can't all be kept, they and the
    coalitions' rows are let go by a little more than that.
    """
    for slack in LET_GO:
        kept = {i: level - slack for i, level in closed.items()}
        answer = solve(_step(own, opened, kept, rich, weight), target - slack, rows, inside=point)
        if answer is not None:
            return answer
    raise MethodError("no division meets the conditions.", hint="Drop one.", code="leximin")


def _only_total(n: int, total: float) -> Programme:
    none = np.zeros((0, n))
    return Programme(np.zeros(n), np.full(n, -np.inf), np.ones((1, n)), np.array([total]), none, np.zeros(0))


def _step(own: Programme, opened: list[int], closed: dict[int, float], rich: Array, weight: Array) -> Programme:
    """Maximise t with `y_i - weight_i t >= -weight_i rich_i` for the open; the closed keep at least their level.

    No more than that level is left for them in any optimum, so that asking for it as an equation adds nothing.
    """
    first, width = len(own.b_ub), len(own.cost) + 1
    a_ub = np.zeros((first + len(opened) + len(closed), width))
    a_ub[:first, :-1] = own.a_ub
    for row, i in enumerate([*opened, *closed], start=first):
        a_ub[row, i] = -1.0
    a_ub[first : first + len(opened), -1] = weight[opened]
    held = [weight[i] * (rich[i] - level) for i, level in closed.items()]
    b_ub = np.concatenate([own.b_ub, weight[opened] * rich[opened], held])
    a_eq = np.concatenate([own.a_eq, np.zeros((len(own.b_eq), 1))], axis=1)
    cost = np.append(np.zeros(width - 1), -1.0)
    return replace(own, cost=cost, lower=np.append(own.lower, -np.inf), a_eq=a_eq, a_ub=a_ub, b_ub=b_ub)
