"""All rules side by side: what each gives, what it promises, whether groups would refuse it, who pays whom.

For every rule: the division, the payments that turn the members' own gains into it, the group it treats worst (its
excess), whether it is in the core, what the largest member receives, and inequality of income per person after, beside
that of before. Then what holds for the game itself: its least core, the smallest transfers that would stabilise it, and
what outsiders have of it all. What can't be computed stays on the menu, with the reason. No rule is singled out.

    >>> game = Game.of(("A", "B", "C"), {("A", "B"): 60, ("A", "C"): 40, ("A", "B", "C"): 100}, missing="zero")
    >>> menu = sharing_menu(game, rules=["shapley", "nucleolus"])
    >>> [(s.rule.id, s.value.round(6).tolist()) for s in menu.shares]
    [('shapley', [50.0, 30.0, 20.0]), ('nucleolus', [50.0, 30.0, 20.0])]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.inequality import Inequality, inequality
from concordat.impact.sharing.core import Core, Excess, core, largest_excess
from concordat.impact.sharing.egalitarian import Measure, egalitarian_core
from concordat.impact.sharing.facts import MemberFacts, Outside
from concordat.impact.sharing.game import EXACT_MAX, Game
from concordat.impact.sharing.nucleolus import nucleolus
from concordat.impact.sharing.rules import Rule, rules_named
from concordat.impact.sharing.shapley import shapley, weighted_shapley
from concordat.impact.sharing.transfers import GOALS, Goal, Stabilising, stabilising_transfers

Array = NDArray[np.float64]
Both = tuple[Inequality, Inequality]

WORDS = {"own_gains": "own gains", "income": "income", "population": "population"}
ROUNDING = 1e-9  # of the largest value: what is smaller is no shortfall


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """What one rule gives.

    Attributes:
        value: (n,) in the game's unit; None, and `reason` says why, if it can't be computed.
        payments: (n,) value less own gains, where those are known. to_largest: what the largest member receives of it.
        excess: the group it treats worst. below_alone: members left with less than they have alone.
        inequality: of income per person with these gains, people counting and members counting.
        detail: what the rule adds (how the nucleolus was proved; whether the least core took the core's place).
    """

    rule: Rule
    value: Array | None
    payments: Array | None = None
    to_largest: float | None = None
    excess: Excess | None = None
    below_alone: tuple[str, ...] = ()
    inequality: Both | None = None
    detail: Mapping[str, Any] | None = None
    reason: str = ""

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        excess = self.excess
        return {
            **self.rule.to_value(),
            "value": _plain(self.value),
            "payments": _plain(self.payments),
            "to_largest": self.to_largest,
            "max_excess": None if excess is None else excess.value,
            "worst_coalition": None if excess is None else list(excess.coalition),
            "in_core": None if excess is None else excess.in_core,
            "below_alone": list(self.below_alone),
            "inequality": None if self.inequality is None else [i.to_value() for i in self.inequality],
            "detail": dict(self.detail) if self.detail else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Menu:
    """All rules for one game.

    Attributes:
        largest: the member with the largest income (of own gains, if income isn't known), "" if neither is.
        core: None, with core_reason, for more than 16 players. stabilising: the smallest transfers, a goal each, then
            all goals that can be asked; stabilising_reason if there are none.
        before: inequality of income per person without the rule. convex: see `Game.convex`.
    """

    game: Game
    facts: MemberFacts
    shares: tuple[Share, ...]
    core: Core | None
    core_reason: str
    convex: bool
    stabilising: tuple[Stabilising, ...]
    stabilising_reason: str
    before: Both | None
    before_reason: str
    largest: str
    outside: Outside

    def share(self, rule: str) -> Share:
        """What a rule gives.

        Raises:
            InputError: it is no rule, or was not asked for.
        """
        found = {s.rule.id: s for s in self.shares}
        if rule not in found:
            from concordat.settings import unknown_key

            raise unknown_key(rule, found, where="menu")
        return found[rule]

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        facts = self.facts
        return {
            "game": self.game.to_value(),
            "total": self.game.total,
            "own_gains": _plain(facts.own_gains),
            "income": _plain(facts.income),
            "income_means": facts.income_means if facts.income is not None else None,
            "population": _plain(facts.population),
            "largest": self.largest,
            "shares": [s.to_value() for s in self.shares],
            "core": None if self.core is None else self.core.to_value(),
            "core_reason": self.core_reason,
            "convex": self.convex,
            "stabilising": [s.to_value() for s in self.stabilising],
            "stabilising_reason": self.stabilising_reason,
            "inequality_before": None if self.before is None else [i.to_value() for i in self.before],
            "inequality_reason": self.before_reason,
            "outside": self.outside.to_value(),
        }


def _plain(numbers: Array | None) -> list[float] | None:
    return None if numbers is None else numbers.tolist()


def sharing_menu(
    game: Game,
    *,
    rules: Sequence[str] | None = None,
    facts: MemberFacts | None = None,
    outside: Outside | None = None,
) -> Menu:
    """The menu of rules for a game.

    Args:
        rules: ids, in the order wanted; None for all. facts: own gains, income, population, fifths, as far as known.
        outside: what is assumed of outsiders and what they have of it; by default the game's own assumption alone.

    Raises:
        InputError: an unknown rule, or facts that don't fit the game.
        MethodError: a result that can't be proved (see `core`, `nucleolus`).
    """
    wanted = rules_named(None if rules is None else list(rules))
    known = (facts or MemberFacts()).checked(game)
    exact = game.n <= EXACT_MAX
    least = core(game) if exact else None
    before, before_reason = _before(known)
    largest = _largest(game, known)
    shares = tuple(_share(game, rule, known, least, largest) for rule in wanted)
    stabilising, why = _stabilising(game, known, least)
    too_many = "" if exact else f"not computed: {game.n} players, of at most {EXACT_MAX}"
    return Menu(
        game, known, shares, least, too_many, game.convex, stabilising, why, before, before_reason, largest,
        outside or Outside(game.outside, None, game.unit),
    )  # fmt: skip


def _largest(game: Game, facts: MemberFacts) -> str:
    sizes = facts.income if facts.income is not None else facts.own_gains
    return "" if sizes is None else game.players[int(np.argmax(sizes))]


def _before(facts: MemberFacts) -> tuple[Both | None, str]:
    if facts.income is None or facts.population is None:
        lacking = " and ".join(WORDS[n] for n in ("income", "population") if getattr(facts, n) is None)
        return None, f"not computed: needs {lacking}"
    return _inequality(facts, facts.income, facts.population), ""


def _inequality(facts: MemberFacts, income: Array, population: Array) -> Both:
    return (
        inequality(income, population, quintiles=facts.quintiles),
        inequality(income, population, weighting="member"),
    )


# --- One rule --------------------------------------------------------------------------------------------------------


def _share(game: Game, rule: Rule, facts: MemberFacts, least: Core | None, largest: str) -> Share:
    lacking = [WORDS[need] for need in rule.needs if getattr(facts, need) is None]
    if lacking:
        return Share(rule, None, reason=f"not computed: needs {' and '.join(lacking)}")
    if rule.exact and least is None:
        return Share(rule, None, reason=f"not computed: {game.n} players, of at most {EXACT_MAX}")
    value, detail = divide(game, rule.id, facts, least)
    payments = None if facts.own_gains is None else value - facts.own_gains
    size = max(float(np.abs(game.values).max()), float(np.abs(value).max()))
    short = value < game.singles - ROUNDING * size
    after = None
    if facts.income is not None and facts.population is not None:
        after = _inequality(facts, facts.income + value, facts.population)
    return Share(
        rule,
        value,
        payments,
        float(payments[game.players.index(largest)]) if payments is not None and largest else None,
        largest_excess(game, value),
        tuple(name for name, below in zip(game.players, short.tolist(), strict=True) if below),
        after,
        detail,
    )


Divided = tuple[Array, Mapping[str, Any] | None]


def divide(game: Game, rule: str, facts: MemberFacts, least: Core | None) -> Divided:
    """What the rule gives, and what is to be told of it."""
    if rule == "shapley":
        return shapley(game), None
    if rule == "nucleolus":
        proved = nucleolus(game)
        return proved.value, {"over": proved.over, "certificate": proved.certificate.to_value()}
    if rule in EQUAL:
        equal = egalitarian_core(game, measure=EQUAL[rule], facts=facts, known=least)
        return equal.value, {"of": equal.of, "epsilon": equal.epsilon}
    if rule == "own_gains":
        assert facts.own_gains is not None
        # They add up to v(N) within what the caller's own rounding allows; the rest is spread, so that all is divided.
        return facts.own_gains + (game.total - float(facts.own_gains.sum())) / game.n, None
    assert facts.population is not None
    if rule == "per_capita":
        return game.total * facts.population / float(facts.population.sum()), None
    if rule == "weighted_shapley_population":
        return weighted_shapley(game, facts.population), None
    assert rule == "weighted_shapley_income", rule
    assert facts.income is not None
    return weighted_shapley(game, facts.population / facts.income), None


EQUAL: Mapping[str, Measure] = {"egalitarian_core": "gain", "egalitarian_core_income": "income_per_person"}


# --- The smallest transfers -------------------------------------------------------------------------------------------


def _stabilising(game: Game, facts: MemberFacts, least: Core | None) -> tuple[tuple[Stabilising, ...], str]:
    """Each goal that can be asked, and all of them at once; why not, if there are none."""
    if facts.own_gains is None:
        return (), "not computed: needs own gains, what each gains when all act together and nobody pays"
    if game.n > EXACT_MAX:
        return (), f"not computed: {game.n} players, of at most {EXACT_MAX}"
    known = facts.income is not None and facts.population is not None
    goals: list[Goal] = [goal for goal in GOALS if goal != "inequality" or known]
    why = "" if known else "inequality not computed: needs income and population"
    asked: list[tuple[Goal, ...]] = [*((goal,) for goal in goals), tuple(goals)]
    try:
        return tuple(
            stabilising_transfers(game, facts.own_gains, goals=some, facts=facts, known=least) for some in asked
        ), why
    except MethodError as error:
        return (), f"not computed: {error.what}"
