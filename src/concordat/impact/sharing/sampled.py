"""What does each member of a large bloc add, where the coalitions are too many to solve them all?

Above 16 members the game of a scenario has no table (2^17 equilibria and more), so that the core and every rule that
rests on it are out of reach. The Shapley value is not: `shapley.sampled_shapley` asks for the coalitions along random
circles of members, and each of these is an equilibrium of its own, solved in batches. Every share has a standard error,
which says how far another sample could move it; what the parameters leave open is not in it.

By default there are as many circles as fit into 2,000 equilibria, but never fewer than 10, below which no standard
error is worth printing (17 members: 10 circles, 340 orders, at most 2,720 equilibria). Sources: as `shapley` and
`equilibria`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.measures import outsiders
from concordat.impact.sharing.facts import STAY_AT_BASELINE, Outside
from concordat.impact.sharing.shapley import CIRCLES_MIN, SampledShapley, sampled_shapley

if TYPE_CHECKING:
    from concordat.impact.scenario import Scenario
    from concordat.impact.sharing.equilibria import _Rule
    from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
EQUILIBRIA = 2_000
MEMBERS_MAX = 60  # 3,540 coalitions a circle


@dataclass(frozen=True, slots=True, eq=False)
class SampledGame:
    """The Shapley value of a scenario's members from a sample of coalitions.

    Attributes:
        shapley: the shares with their standard errors, in `unit`. own_gains: (n,) what each gains if nobody pays.
        rules: those the scenario asks for. The others: as in `equilibria.ScenarioGame`.
    """

    shapley: SampledShapley
    own_gains: Array
    unit: str
    outside: Outside
    rules: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    grades: tuple[str, ...]
    unverified: bool
    residual: float

    @property
    def payments(self) -> Array:
        """(n,) what each receives, below zero what it pays."""
        return self.shapley.value - self.own_gains

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.shapley.to_value(),
            "unit": self.unit,
            "own_gains": self.own_gains.tolist(),
            "payments": self.payments.tolist(),
            "outside": self.outside.to_value(),
        }


def circles_within(members: int, equilibria: int = EQUILIBRIA) -> int:
    """How many circles fit into so many equilibria, 10 at least: a circle has n(n - 1) coalitions.

    >>> circles_within(5), circles_within(17)
    (100, 10)
    """
    return max(CIRCLES_MIN, equilibria // max(members * (members - 1), 1))


def members_in_base(scenario: Scenario, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The members with trade data, as far as 60.

    Raises:
        As `equilibria.game_of_scenario`, but for the number of members.
    """
    from concordat.impact.sharing.equilibria import _rule_of

    return _rule_of(scenario, files, most=MEMBERS_MAX)[0].plan.members


def sampled_of_scenario(scenario: Scenario, files: Mapping[str, bytes], *, circles: int | None = None) -> SampledGame:
    """The Shapley value of a scenario with any number of members up to 60, at the central values of its parameters.

    Args:
        circles: independent circles; by default as many as fit into 2,000 equilibria, 10 at least.

    Raises:
        InputError: fewer than ten circles. Others as `equilibria.game_of_scenario`, but for the number of members.
    """
    from concordat.impact.limits import notes_of
    from concordat.impact.monte_carlo import central
    from concordat.impact.sharing import equilibria

    if circles is not None and circles < CIRCLES_MIN:
        hint = f"Give {CIRCLES_MIN} at least: fewer give no standard error worth printing."
        raise InputError(f"{circles} circles.", hint=hint, code="sample")
    rule, left_out = equilibria._rule_of(scenario, files, most=MEMBERS_MAX)
    made = rule.plan
    values = central(made.parameters)
    worth = _Worth(rule, rule.shocks(values)[0], float(values[made.theta.id][0]))
    base, real_income = worth.of_all()
    count = circles_within(len(made.members)) if circles is None else circles
    found = sampled_shapley(made.members, worth, circles=count, seed=scenario.seed)
    used = [made.theta, *(p for e in rule.effects for p in (e.parameter, e.multiplier) if p is not None)]
    stated = {"D"} if any(e.stated is not None for e in rule.effects) else set()
    own = (real_income - 1.0)[rule.rows] * base.expenditure[rule.rows]
    return SampledGame(
        found,
        own,
        base.unit,
        Outside(STAY_AT_BASELINE, outsiders(base, real_income, made.members), base.unit),
        scenario.sharing.rules if scenario.sharing else (),
        left_out,
        notes_of(scenario, rule.table, made, files),
        tuple(sorted({p.grade for p in used} | stated)),
        any(p.unverified for p in used),
        worth.residual,
    )


class _Worth:
    """`v(S)` of the coalitions asked for, each an equilibrium; keeps the worst residual."""

    def __init__(self, rule: _Rule, block: Array, theta: float) -> None:
        self.rule, self.block, self.theta, self.residual = rule, block, theta, 0.0

    def __call__(self, rows: NDArray[np.bool_]) -> Array:
        from concordat.impact.sharing.equilibria import _chunk

        found = np.zeros(len(rows))
        # One member alone has nobody to apply the rule to: it is worth nothing, as nobody is.
        asked = np.flatnonzero(rows.sum(axis=1) > 1)
        step = _chunk(self.rule.table)
        for start in range(0, len(asked), step):
            some = asked[start : start + step]
            base, income = self._solved(rows[some])
            money = (income - 1.0)[:, self.rule.rows] * base.expenditure[self.rule.rows]
            found[some] = np.where(rows[some], money, 0.0).sum(axis=1)
        return found

    def of_all(self) -> tuple[TradeTable, Array]:
        """The base, and (N,) W when all members apply the rule."""
        base, income = self._solved(np.ones((1, len(self.rule.rows)), dtype=bool))
        return base, income[0]

    def _solved(self, inside: NDArray[np.bool_]) -> tuple[TradeTable, Array]:
        from concordat.impact.batch import solve_batch
        from concordat.impact.sharing.equilibria import _shocks_inside

        blocks = np.broadcast_to(self.block, (len(inside), *self.block.shape))
        shocks = _shocks_inside(self.rule, inside, blocks)
        batch = solve_batch(self.rule.table, shocks, theta=self.theta, closure=self.rule.scenario.closure)
        self.residual = max(self.residual, float(batch.residual.max()))
        return batch.table, batch.real_income
