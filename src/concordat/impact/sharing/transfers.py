"""The smallest payments between members that make a common rule hold.

When all act together each member has its own gain g. The smallest transfers t, adding up to nothing, that reach a goal:

    minimise sum |t_i| / 2     subject to     sum t_i = 0     and, for each goal asked for,
    pareto        g_i + t_i >= 0                                    nobody is worse off than without the rule
    core          g(S) + t(S) >= v(S) for every coalition S         no group would do better on its own
    inequality    the Gini coefficient of income per person, members weighted by people, is not above what it was,
                  with members in the same order of income per person (so that it is linear)

Of equally small transfers the one that makes the gains most equal (leximin) is taken, so that there is one answer.
Where no transfer reaches the goals, the coalitions that block it are named, with weights: they come from the programme
that lets every coalition fall short by the same, smallest possible amount.

What such transfers do to prices is left out here: see `correction`.

    >>> import numpy as np
    >>> game = Game.of(("A", "B"), {("A",): 30, ("A", "B"): 40}, missing="zero")
    >>> stabilising_transfers(game, np.array([25.0, 15.0]), goals=("core",)).transfers.tolist()
    [5.0, -5.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.sharing._lp import WEIGHT, Answer, Programme, first_rows, solve
from concordat.impact.sharing._masks import ROUNDING, normalised, subset_sums
from concordat.impact.sharing.core import TOLERANCE, Blocking, Core, centred, check_exact, core, excesses
from concordat.impact.sharing.egalitarian import leximin
from concordat.impact.sharing.facts import MemberFacts
from concordat.impact.sharing.game import Game

Array = NDArray[np.float64]
Goal = Literal["pareto", "core", "inequality"]
GOALS: dict[Goal, str] = {
    "pareto": "nobody is worse off than without the rule",
    "core": "no group would do better on its own",
    "inequality": "income per person is no more unequal between members than before (same order of members)",
}
TINY = 1e-250  # smaller amounts are nothing


@dataclass(frozen=True, slots=True, eq=False)
class Stabilising:
    """The smallest transfers that reach some goals, or why none does.

    Attributes:
        goals: what was asked. transfers: (n,) what each receives (below zero: pays); None if no transfer reaches them.
        gains: (n,) gains after. moved: sum of all payments, in the game's unit.
        blocking: coalitions that stand in the way, if none does. conflict: the fewest goals that can't be met together.
    """

    players: tuple[str, ...]
    goals: tuple[Goal, ...]
    transfers: Array | None
    gains: Array | None
    moved: float | None
    blocking: tuple[Blocking, ...] = ()
    conflict: tuple[Goal, ...] = ()
    unit: str = ""

    @property
    def feasible(self) -> bool:
        """Whether some transfer reaches the goals."""
        return self.transfers is not None

    def words(self) -> str:
        """One line for a reader."""
        if self.transfers is None:
            what = f"No transfer meets {' and '.join(self.conflict)}"
            return f"{what}; blocking: {', '.join('+'.join(b.coalition) for b in self.blocking)}."
        if self.moved == 0:
            return "No transfer is needed."
        named = [(p, t) for p, t in zip(self.players, self.transfers.tolist(), strict=True) if t]
        paying = ", ".join(f"{p} pays {-t:,.2f}" for p, t in named if t < 0)
        getting = ", ".join(f"{p} gets {t:,.2f}" for p, t in named if t > 0)
        return f"{paying}; {getting} {self.unit}".rstrip() + "."

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "goals": list(self.goals),
            "players": list(self.players),
            "feasible": self.feasible,
            "transfers": None if self.transfers is None else self.transfers.tolist(),
            "gains": None if self.gains is None else self.gains.tolist(),
            "moved": self.moved,
            "blocking": [b.to_value() for b in self.blocking],
            "conflict": list(self.conflict),
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What transfers are asked for: amounts are counted in `unit`, least is the core where it is a goal."""

    game: Game
    gains: Array
    facts: MemberFacts | None
    unit: float
    least: Core | None

    def target(self, goals: Sequence[Goal]) -> Array:
        """(2^n,) what the transfers of each coalition must add up to at least."""
        found = np.full(1 << self.game.n, -np.inf)
        if "core" in goals:
            assert self.least is not None, "computed where it is a goal"
            found = (excesses(self.game, self.gains) - max(self.least.upper, 0.0)) / self.unit
        if "pareto" in goals:
            alone = 1 << np.arange(self.game.n)
            found[alone] = np.maximum(found[alone], -self.gains / self.unit)
        found[[0, -1]] = -np.inf
        return found

    def programme(self, goals: Sequence[Goal]) -> Programme:
        """Transfers t and receipts a: the sum of a least, `a >= t`, `a >= 0`, `sum t = 0`, and rows of inequality."""
        n = self.game.n
        a_ub, b_ub = np.concatenate([np.eye(n), -np.eye(n)], axis=1), np.zeros(n)
        if "inequality" in goals:
            rows, right = _inequality_rows(self.facts, self.gains, self.unit)
            a_ub = np.concatenate([a_ub, np.concatenate([rows, np.zeros_like(rows)], axis=1)])
            b_ub = np.concatenate([b_ub, right])
        cost = np.concatenate([np.zeros(n), np.ones(n)])
        lower = np.concatenate([np.full(n, -np.inf), np.zeros(n)])
        return Programme(cost, lower, np.concatenate([np.ones(n), np.zeros(n)])[None, :], np.zeros(1), a_ub, b_ub)

    def inside(self, whole: Programme, target: Array) -> Array | None:
        """Transfers to a division of the core, if the one that is known keeps the other goals too."""
        if self.least is None:
            return None
        t = (self.least.point - self.gains) / self.unit
        z = np.concatenate([t, np.maximum(t, 0.0)])
        keeps = (target - subset_sums(t) <= 0).all() and ((whole.a_ub * z).sum(axis=1) <= whole.b_ub).all()
        return z if keeps else None


def stabilising_transfers(
    game: Game,
    own_gains: Sequence[float] | Array,
    *,
    goals: Sequence[Goal],
    facts: MemberFacts | None = None,
    known: Core | None = None,
) -> Stabilising:
    """The smallest transfers between members that reach all the goals together.

    Args:
        own_gains: (n,) what each gains when all act together, before any payment; adds up to `v(N)`.
        facts: income and population, for the goal `inequality`. known: `core(game)`, where it was computed already.

    Raises:
        InputError: an unknown goal, none, or own gains that don't add up.
        MethodError: more than 16 players; income or population are not known; an optimum that can't be proved.
    """
    goals = _goals(goals)
    check_exact(game, "stabilising transfers")
    given = np.asarray(own_gains, dtype=np.float64)
    replace(facts or MemberFacts(), own_gains=given).checked(game)
    gains = centred(given, game.total)  # their own rounding is spread
    least = (known or core(game)) if "core" in goals else None
    asked = _Asked(game, gains, facts, _unit(game, gains, facts), least)
    target, whole = asked.target(goals), asked.programme(goals)
    if least is not None and least.empty:
        return Stabilising(game.players, goals, None, None, None, least.blocking, ("core",), game.unit)
    if (target <= TOLERANCE).all() and (whole.b_ub[game.n :] >= -TOLERANCE).all():
        return Stabilising(game.players, goals, np.zeros(game.n), gains, 0.0, unit=game.unit)
    answer = solve(whole, target, first_rows(game.n), inside=asked.inside(whole, target))
    if answer is None:
        return _none(asked, goals)
    t = asked.unit * _tidy(_most_equal(whole, target, gains / asked.unit, answer))
    return Stabilising(game.players, goals, t, gains + t, float(np.abs(t).sum()) / 2, unit=game.unit)


def _unit(game: Game, gains: Array, facts: MemberFacts | None) -> float:
    """What amounts are counted in: the largest worth or gain, but no part of income so small that it is rounding."""
    known = 0.0 if facts is None or facts.income is None else ROUNDING * float(facts.income.max())
    unit = max(normalised(game.values)[2], float(np.abs(gains).max()), known)
    return unit if unit > TINY else 1.0


def _tidy(t: Array) -> Array:
    """Without what is only the solver's tolerance; the largest payment takes what the sum is off."""
    found: Array = np.where(np.abs(t) < 10 * TOLERANCE, 0.0, t)
    found[int(np.argmax(np.abs(found)))] -= float(found.sum())
    return found


def _goals(goals: Sequence[Goal]) -> tuple[Goal, ...]:
    for goal in goals:
        if goal not in GOALS:
            from concordat.settings import unknown_key

            raise unknown_key(goal, GOALS, where="goals")
    if not goals:
        raise InputError("no goal for the transfers.", hint=f"Give one of {', '.join(GOALS)}.", code="goals")
    return tuple(goal for goal in GOALS if goal in goals)


def _inequality_rows(facts: MemberFacts | None, gains: Array, unit: float) -> tuple[Array, Array]:
    """Rows on t: the order of income per person stays, and the Gini coefficient is not above that of before.

    With shares of people p in that order, `F` cumulative, the coefficient is `sum p_i y_i (2 F_i - p_i - 1) / mu`, and
    the mean after, mu, does not depend on t.
    """
    if facts is None or facts.income is None or facts.population is None:
        hint = "Add them to the game's file, or leave the goal out."
        raise MethodError("inequality needs income and population of every member.", hint=hint, code="facts_missing")
    n = len(gains)
    people = facts.population / float(facts.population.sum())
    before = facts.income / unit / people  # income per person, in units of v a share of people
    order = np.argsort(before, kind="stable")
    p = people[order]
    factor = 2 * np.cumsum(p) - p - 1
    after = before + gains / unit / people
    gini = float((p * before[order] * factor).sum()) / float((p * before[order]).sum())
    gained = float((gains / unit).sum())
    if float((people * before).sum()) + gained <= 0:
        raise MethodError("income after is not above zero.", hint="Check the gains and incomes.", code="facts")
    rows, right = np.zeros((n, n)), np.zeros(n)
    rows[0, order] = factor  # t_i is p_i times what it adds to income per person
    # gini mean - sum p after factor, without what both have in common: incomes may be far larger than gains.
    right[0] = gini * gained - float((gains[order] / unit * factor).sum())
    for k in range(n - 1):
        low, high = order[k], order[k + 1]
        rows[k + 1, low], rows[k + 1, high] = 1 / people[low], -1 / people[high]
        size = float(np.abs(rows[k + 1]).max())
        rows[k + 1] /= size
        right[k + 1] = (after[high] - after[low]) / size
    return rows, right


def _most_equal(whole: Programme, target: Array, gains: Array, least: Answer) -> Array:
    """Of the transfers that move no more than the least, those whose gains are leximin."""
    n = len(gains)
    a_ub = np.concatenate([whole.a_ub, np.concatenate([np.zeros(n), np.ones(n)])[None, :]])
    for slack in (0.0, TOLERANCE):  # the least is known to the solver's tolerance only
        extra = replace(whole, a_ub=a_ub, b_ub=np.append(whole.b_ub, least.value + slack))
        try:
            return leximin(target, 0.0, gains, np.ones(n), extra, inside=least.z)
        except MethodError as error:
            if error.code != "leximin" or slack:
                raise
    raise AssertionError("the second try returns or raises")


def _none(asked: _Asked, goals: tuple[Goal, ...]) -> Stabilising:
    """The fewest goals that can't be met together, and the coalitions that block them."""
    game = asked.game
    for count in range(1, len(goals) + 1):
        for some in combinations(goals, count):
            if solve(asked.programme(some), asked.target(some), first_rows(game.n)) is None:
                return Stabilising(game.players, goals, None, None, None, _blocking(asked, some), some, game.unit)
    what = f"whether {' and '.join(goals)} can be met is within the solver's tolerance."
    raise MethodError(what, hint="Drop a goal.", code="goals")


def _blocking(asked: _Asked, goals: tuple[Goal, ...]) -> tuple[Blocking, ...]:
    """The coalitions with a weight when every one may fall short by the same least amount."""
    game, n = asked.game, asked.game.n
    target, whole = asked.target(goals), asked.programme(goals)
    wider = replace(
        whole,
        cost=np.append(np.zeros(2 * n), 1.0),
        lower=np.append(whole.lower, 0.0),
        a_eq=np.append(whole.a_eq, [[0.0]], axis=1),
        a_ub=np.concatenate([whole.a_ub, np.zeros((len(whole.a_ub), 1))], axis=1),
    )
    answer = solve(wider, target, first_rows(n), eps=2 * n)
    if answer is None:
        raise MethodError(f"{' and '.join(goals)} can't be met.", hint="Drop a goal.", code="goals")
    found = [(int(m), float(w)) for m, w in zip(answer.coalitions, answer.coalition_weights, strict=True) if w > WEIGHT]
    found.sort(key=lambda pair: (pair[0].bit_count(), pair[0]))
    each = [sum(w for m, w in found if m >> i & 1) for i in range(n)]
    scale = max(each)
    worth = asked.unit * target + subset_sums(asked.gains)
    return tuple(Blocking(game.coalition(m), w / scale, float(worth[m])) for m, w in found)
