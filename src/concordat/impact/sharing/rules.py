"""The menu: rules for dividing what all gain together, each with what it promises, in plain words.

No rule is "the fair one". Each keeps some promises and breaks others, and it is proved that no rule keeps all of them:
the Shapley value is the only one that divides everything, treats equals equally, gives a member who adds nothing
nothing, and is additive (Shapley 1953), yet it may be refused by a group; and every rule that stays in the core where
there is one takes, in some game, from members of a group that alone became worth more (Young 1985, unverified).
`PROMISES` says each promise in a sentence; a rule's `keeps` says `yes`, `no`, or on what condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from concordat.errors import InputError

PROMISES: Mapping[str, str] = MappingProxyType(
    {
        "all_divided": "all that is gained together is divided, no more and no less (efficiency)",
        "equal_treatment": "two members who add the same to every group get the same (symmetry)",
        "nothing_for_nothing": "a member who adds to every group just what it has alone gets just that (dummy player)",
        "additive": "two agreements divided apart and then added give the same as both divided at once (additivity)",
        "more_for_more": "a member who comes to add more to every group never gets less (strong monotonicity)",
        "own_worth": "nobody gets less than it has alone (individual rationality)",
        "stable": "no group would do better on its own, whenever that can be had (the core)",
    }
)
YES, NO = "yes", "no"
HARMLESS = "if joining never hurts (superadditive games)"
CONVEX = "if each adds the more, the larger the group (convex games)"
NOT_EMPTY = "if the core is not empty"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of division.

    Attributes:
        id: as in a scenario's `sharing: rules`. formula: in one line. keeps: for each promise yes, no or a condition.
        to_largest: when it can move money to the largest member. needs: what it must know beside the game.
        exact: whether it rests on programmes over all coalitions (at most 16 players).
    """

    id: str
    title: str
    formula: str
    keeps: Mapping[str, str]
    to_largest: str
    source: str
    needs: tuple[str, ...] = ()
    exact: bool = False

    def promises(self) -> tuple[str, ...]:
        """What it keeps always, in plain words."""
        return tuple(PROMISES[p] for p in PROMISES if self.keeps[p] == YES)

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rule": self.id,
            "title": self.title,
            "formula": self.formula,
            "keeps": {p: {"kept": self.keeps[p], "means": PROMISES[p]} for p in PROMISES},
            "to_largest": self.to_largest,
            "needs": list(self.needs),
            "source": self.source,
        }


def _keeps(*kept: str) -> dict[str, str]:
    """In the order of `PROMISES`."""
    return dict(zip(PROMISES, kept, strict=True))


_RULES = (
    Rule(
        "own_gains",
        "as it falls",
        "x_i = what i gains when all act together and nobody pays",
        _keeps(YES, NO, NO, NO, NO, NO, NO),
        "It moves no money. Whoever trades most inside the bloc gains most.",
        "the equilibrium itself",
        ("own_gains",),
    ),
    Rule(
        "shapley",
        "Shapley value",
        "x_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))",
        _keeps(YES, YES, YES, YES, YES, HARMLESS, CONVEX),
        "When the largest member adds more to the groups it joins than it gains itself: the others then pay it for "
        "opening its market.",
        "Shapley 1953, A value for n-person games; Young 1985 (more for more; unverified)",
    ),
    Rule(
        "weighted_shapley_income",
        "Shapley value, the poorer weigh more",
        "the surplus of each group divided by weights w_i = 1 / (income_i / population_i)",
        _keeps(YES, NO, YES, YES, YES, HARMLESS, CONVEX),
        "When it is poor by the head: weight follows income a person, not size. A larger weight is also a larger part "
        "of a loss.",
        "Shapley 1953, Additive and non-additive set functions; Kalai and Samet 1987",
        ("income", "population"),
    ),
    Rule(
        "weighted_shapley_population",
        "Shapley value, people weigh",
        "the surplus of each group divided by weights w_i = population_i",
        _keeps(YES, NO, YES, YES, YES, HARMLESS, CONVEX),
        "Often: the most populous member has the largest part of every surplus it shares in.",
        "Shapley 1953, Additive and non-additive set functions; Kalai and Samet 1987",
        ("population",),
    ),
    Rule(
        "nucleolus",
        "nucleolus",
        "the excesses v(S) - x(S), sorted from the largest, made smallest in lexicographic order",
        _keeps(YES, YES, YES, NO, NO, YES, YES),
        "When groups with the largest member are the ones most tempted to leave. If the joint gain grows, a member may "
        "get less than before (Megiddo 1974, unverified).",
        "Schmeidler 1969; checked by Kohlberg 1971",
        exact=True,
    ),
    Rule(
        "egalitarian_core",
        "most equal gains that no group refuses",
        "the smallest x_i made largest, then the next, over the core",
        _keeps(YES, YES, NOT_EMPTY, NO, NO, NOT_EMPTY, YES),
        "Only as far as groups with it could otherwise do better alone.",
        "Dutta and Ray 1989; Arin and Inarra 2001 (both unverified)",
        exact=True,
    ),
    Rule(
        "egalitarian_core_income",
        "most equal incomes that no group refuses",
        "the smallest (income_i + x_i) / population_i made largest, then the next, over the core",
        _keeps(YES, NO, NOT_EMPTY, NO, NO, NOT_EMPTY, YES),
        "When it is the poorest by the head, or as far as groups with it could otherwise do better alone.",
        "Dutta and Ray 1989; Arin and Inarra 2001 (both unverified)",
        ("income", "population"),
        exact=True,
    ),
    Rule(
        "per_capita",
        "the same for every person",
        "x_i = v(N) population_i / population of all",
        _keeps(YES, NO, NO, YES, NO, NO, NO),
        "When it has more of the people than of the gains.",
        "division by head; no theorem speaks for it",
        ("population",),
    ),
)
RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _RULES})


def rules_named(names: tuple[str, ...] | list[str] | None) -> tuple[Rule, ...]:
    """The rules of these ids, each once, in the order given; all of them for None.

    Raises:
        InputError: an unknown rule; the nearest is named.
    """
    if names is None:
        return _RULES
    for name in names:
        if name not in RULES:
            from concordat.settings import nearest

            close = nearest(name, RULES)
            hint = f'Did you mean "{close[0]}"?' if close else f"The rules are {', '.join(RULES)}."
            raise InputError(f'"{name}" is no rule of sharing.', hint=hint, code="unknown_rule")
    return tuple(RULES[name] for name in dict.fromkeys(names))
