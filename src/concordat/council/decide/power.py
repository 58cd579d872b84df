"""How much power does a rule give to each member: how often its yes decides.

A rule with all present, where who is not for is against, is a simple game. A *swing* of member i is a coalition S that
loses without i and wins with it.

- Banzhaf: swings_i / 2^(n-1); the normalised index divides by the sum of all (Banzhaf, *Rutgers Law Review* 19, 1965).
- Shapley-Shubik: sum of |S|! (n-1-|S|)! / n! over the swings (*American Political Science Review* 48, 1954).
- Coleman (1971): act = winning / 2^n, of the council; prevent_i = swings_i / winning; initiate_i = swings_i / losing.

Exact fractions by a table or by two halves of the members; for one quota with up to 200 members and a total weight of
5 million, floating point with its error named. `power` takes the exact way where there is one. All coalitions count as
equally likely (Banzhaf) or all orders (Shapley): real alliances, abstention and absence are not in these numbers.

    >>> from concordat.council.decide.rules import shipped
    >>> weights = {"quota": {"A": 4, "B": 3, "C": 2, "D": 1}}
    >>> found = power(shipped("imf_70"), weights)
    >>> [str(found.shapley[m]) for m in found.members], found.method
    (['7/12', '1/4', '1/12', '1/12'], 'enumeration')
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.decide import _counting, _quota
from concordat.council.decide.game import ENUMERATED_MAX, Game, game_of
from concordat.council.decide.inputs import Groups, Weights
from concordat.council.decide.rules import Rule
from concordat.council.decide.tree import ratio
from concordat.errors import MethodError
from concordat.settings import unknown_key

METHODS = ("table", "halves", "quota", "enumeration")
EXACT_MEMBERS_MAX = 200
SMALL = 14  # up to here all coalitions are gone through in a millisecond
DIGITS = 10
QUICK_STEPS = 4e9  # some ten seconds; a longer exact way gives place to one quota in floating point

Number = Fraction | float


@dataclass(frozen=True)
class Power:
    """The power of each member under a rule.

    Attributes:
        banzhaf: swings / 2^(n-1). banzhaf_share: the same, adding up to 1. shapley: adding up to 1.
        prevent, initiate: Coleman's, by member. act: Coleman's power of the council to act.
        method: `table`, `halves`, `enumeration` (exact fractions) or `quota` (floating point).
        error: 0 where exact, else the bound on a Shapley value that two integrations and the sum tell.
    """

    rule: Rule
    members: tuple[str, ...]
    banzhaf: Mapping[str, Number]
    banzhaf_share: Mapping[str, Number]
    shapley: Mapping[str, Number]
    prevent: Mapping[str, Number]
    initiate: Mapping[str, Number]
    act: Number
    method: str
    error: float

    @property
    def exact(self) -> bool:
        """Whether the numbers are exact fractions."""
        return self.method != "quota"

    def to_value(self) -> dict[str, Any]:
        """The result as a value that `canonical` writes: fractions as `a/b`, other numbers as decimals in text."""
        columns = ("banzhaf", "banzhaf_share", "shapley", "prevent", "initiate")
        rows = {m: {c: _text(getattr(self, c)[m]) for c in columns} for m in self.members}
        return {
            "rule": {"name": self.rule.name, "version": self.rule.version, "hash": self.rule.hash},
            "members": rows,
            "act": _text(self.act),
            "method": self.method,
            "error": f"{self.error:.1e}" if self.error else "0",
        }


def power(
    rule: Rule,
    weights: Weights,
    *,
    entitled: Collection[str] | None = None,
    groups: Groups | None = None,
    method: str = "",
) -> Power:
    """The power of each member under a rule.

    Args:
        weights: by table and member. entitled: members with a vote; by default all in the tables. groups: by name.
        method: one of `METHODS`; by default the quickest exact one, or `quota` where that takes over some ten seconds.

    Raises:
        InputError: a weight, table or group is missing; an unknown method.
        MethodError: the rule is not monotone, is always or never met, or too large for every method.
    """
    if method and method not in METHODS:
        raise unknown_key(method, METHODS, where="method")
    return power_of(rule, game_of(rule, weights, entitled=entitled, groups=groups), method=method)


def power_of(rule: Rule, game: Game, *, method: str = "") -> Power:
    """The power of each member in a game; as `power`."""
    possible = possible_methods(game)
    if not possible or (method and method not in possible):
        raise _too_large(game, method)
    chosen = method or min(possible, key=lambda name: possible[name] if name != "quota" else QUICK_STEPS)
    if chosen == "quota":
        return _by_quota(rule, game)
    count = {"table": _counting.by_table, "halves": _counting.by_halves, "enumeration": _counting.by_enumeration}
    return _from_counts(rule, game, count[chosen](game), chosen)


def possible_methods(game: Game) -> dict[str, float]:
    """The methods that can do it, with about how many steps each takes."""
    n = len(game.members)
    found: dict[str, float] = {}
    if n <= ENUMERATED_MAX:
        found["enumeration"] = n * 2.0**n / (16 if n <= SMALL else 1)
    if not game.monotone:
        return found
    cells = _counting.table_cells(game)
    if cells <= _counting.TABLE_CELLS_MAX and n <= EXACT_MEMBERS_MAX:
        found["table"] = 4.0 * cells * n * (n // 61 + 1)
    if _counting.halves_possible(game):
        found["halves"] = 20 * n * 2.0 ** ((n + 1) // 2) * 8 ** (len(_counting.wide_criteria(game)) > 1)
    one_quota = len(game.criteria) == 1 and len(game.criteria[0].thresholds) == 1
    if one_quota and n <= _quota.MEMBERS_MAX and game.criteria[0].total <= _quota.TOTAL_MAX:
        found["quota"] = math.inf
    return found


def _too_large(game: Game, method: str) -> MethodError:
    n, criteria = len(game.members), len(game.criteria)
    total = max(c.total for c in game.criteria)
    what = f"{n} members, {criteria} {'criterion' if criteria == 1 else 'criteria'} and a total weight of {total:,}"
    said = f'the method "{method}" can\'t take {what}.' if method else f"{what} are too many for an exact result."
    hint = (
        f"Possible: a table of {_counting.TABLE_CELLS_MAX:,} cells; {_counting.HALVES_MAX} members; or one quota, "
        f"{_quota.MEMBERS_MAX} members and a total weight of {_quota.TOTAL_MAX:,}. Divide the weights."
    )
    return MethodError(said, hint=hint, code="too_large")


def _from_counts(rule: Rule, game: Game, counts: _counting.Counts, method: str) -> Power:
    n = len(game.members)
    winning = sum(counts.total)
    losing = (1 << n) - winning
    # |S|! (n-1-|S|)! / n! = 1 / (n C(n-1, |S|))
    gain = [Fraction(1, n * math.comb(n - 1, size)) for size in range(n)]
    swings, shapley = [], []
    for row in counts.without:
        # Of coalitions of this size joined by i, those that win less those that won without i.
        by_size = [counts.total[size + 1] - row[size + 1] - row[size] for size in range(n)]
        swings.append(sum(by_size))
        shapley.append(sum((g * s for g, s in zip(gain, by_size, strict=True)), Fraction(0)))
    assert sum(shapley) == 1, "the values of Shapley add up to 1"
    every = sum(swings)

    def named(values: list[Fraction]) -> dict[str, Number]:
        return dict(zip(game.members, values, strict=True))

    return Power(
        rule=rule,
        members=game.members,
        banzhaf=named([Fraction(s, 1 << (n - 1)) for s in swings]),
        banzhaf_share=named([Fraction(s, every) for s in swings]),
        shapley=named(shapley),
        prevent=named([Fraction(s, winning) for s in swings]),
        initiate=named([Fraction(s, losing) for s in swings]),
        act=Fraction(winning, 1 << n),
        method=method,
        error=0.0,
    )


def _by_quota(rule: Rule, game: Game) -> Power:
    criterion = game.criteria[0]
    found = _quota.swings(criterion.weights, criterion.thresholds[0])
    every = float(found.banzhaf.sum())

    def named(values: Any) -> dict[str, Number]:
        return dict(zip(game.members, values.tolist(), strict=True))

    return Power(
        rule=rule,
        members=game.members,
        banzhaf=named(found.banzhaf),
        banzhaf_share=named(found.banzhaf / every),
        shapley=named(found.shapley),
        prevent=named(found.banzhaf / (2 * found.winning)),
        initiate=named(found.banzhaf / (2 * found.losing)),
        act=found.winning,
        method="quota",
        error=found.error,
    )


def _text(value: Number) -> str:
    return ratio(value) if isinstance(value, Fraction) else f"{value:.{DIGITS}f}"
