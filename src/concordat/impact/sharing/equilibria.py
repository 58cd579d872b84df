"""The game of a scenario: what each group of members would gain if the common rule were in force among them alone.

For each coalition S the rule applies to trade between two members of S and to nobody else, the equilibrium is solved,
and `v(S) = sum_{i in S} (W_i - 1) E_i`, in the unit of the base. Only shocks between members are the rule
(`cost_cut_among_members`): one that reaches outside the bloc, a transfer or an investment is left out of the game, and
named. Those outside a coalition stay at the baseline. The game is that of the parameters' central values; `draw` solves
it again for every draw of them (`draws` makes bands of it). Sources: Thrall and Lucas 1963 for the game; the equilibria
are those of `equilibrium`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.measures import outsiders
from concordat.impact.sharing.facts import STAY_AT_BASELINE, MemberFacts, Outside
from concordat.impact.sharing.game import EXACT_MAX, Game

if TYPE_CHECKING:
    from concordat.impact.parameters import ParameterBook
    from concordat.impact.scenario import Scenario
    from concordat.impact.shock_sizes import Effect
    from concordat.impact.shocks import Plan
    from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
INCOME = "expenditure of the base table on what it covers, not national income"
CHUNK_CELLS = 5_000_000  # factors T held at once: 40 MB
DRAWN_MAX = 6  # members of a game that is solved for every draw: 64 equilibria each


def game_of_equilibria(
    table: TradeTable, members: Sequence[str], real_income: Array, *, partition: str = STAY_AT_BASELINE
) -> tuple[Game, MemberFacts, Outside]:
    """The game, the members' own gains and income, and what outsiders have, from one equilibrium a coalition.

    Args:
        members: m codes; bit k of a mask is `members[k]`.
        real_income: (2^m, N), `W` by bit mask of the coalition that applies the rule; row 0 is the base.

    Raises:
        InputError: another shape, an unknown member.
    """
    rows = table.indices(members)
    change = np.asarray(real_income, dtype=np.float64) - 1.0
    if change.shape != (1 << len(rows), len(table.economies)):
        what = f"real income of shape {change.shape} for {len(rows)} members of {len(table.economies)} economies."
        raise InputError(what, hint="Give a row a coalition, a column an economy.", code="game_size")
    money = change[:, rows] * table.expenditure[rows]
    values = _of_members(money)
    found = outsiders(table, change[-1] + 1.0, members)
    facts = MemberFacts(money[-1], table.expenditure[rows], income_means=INCOME)
    return Game(tuple(members), values, table.unit, partition), facts, Outside(partition, found, table.unit)


def _of_members(money: Array) -> Array:
    """(2^m,) what the members of each coalition gain, from (2^m, m) gains of all members."""
    count = money.shape[1]
    inside = (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(np.float64)
    values: Array = (money * inside).sum(axis=1)
    values[0] = 0.0
    return values


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioGame:
    """A scenario's game with all that `sharing_menu`, `transfers_in_equilibrium` and `share_bands` need.

    Attributes:
        rules: those the scenario asks for. left_out: shocks that are no part of the rule, in words.
        resolve: gains of the members with given transfers, in the unit of the game, each an equilibrium of its own.
        draw: the same game for the scenario's draws of its parameters; draws: how many these are.
        grades, unverified: of the parameters the game rests on. residual: the worst of all equilibria.
    """

    game: Game
    facts: MemberFacts
    outside: Outside
    rules: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    grades: tuple[str, ...]
    unverified: bool
    residual: float
    resolve: Callable[[Array], Array]
    draw: Callable[[], GameDraws]
    draws: int


@dataclass(frozen=True, slots=True, eq=False)
class GameDraws:
    """A game for draws of its parameters: the worth of every coalition (B, 2^m), and own gains (B, m).

    Attributes:
        dropped: draws without a result, counted from 1, where the scenario lets failed ones be dropped.
    """

    values: Array
    own_gains: Array
    dropped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """The common rule of a scenario: what applies to trade between two members that are both in."""

    scenario: Scenario
    table: TradeTable
    plan: Plan
    book: ParameterBook
    effects: tuple[Effect, ...]

    @property
    def rows(self) -> list[int]:
        return self.table.indices(self.plan.members)

    def shocks(self, draws: Mapping[str, Array]) -> Array:
        """(B, m, m) T between members, of every draw."""
        theta = draws[self.plan.theta.id]
        size = len(self.table.economies)
        found = np.zeros((len(theta), size, size))
        for effect in self.effects:
            found[:, effect.rows, effect.columns] += effect.log_factor(draws, theta)[:, None]
        rows = self.rows
        block: Array = np.exp(found[:, rows][:, :, rows])
        return block


def game_of_scenario(scenario: Scenario, files: Mapping[str, bytes]) -> ScenarioGame:
    """Solve the equilibria of all coalitions of a scenario's members.

    Raises:
        InputError, MethodError, TrustError: as `run.run`; no shock among members; more than 16 members; a model of
            several sectors.
    """
    from concordat.impact.limits import notes_of
    from concordat.impact.monte_carlo import central

    rule, left_out = _rule_of(scenario, files)
    made = rule.plan
    values = central(made.parameters)
    theta = float(values[made.theta.id][0])
    block = rule.shocks(values)[0]
    base, income, residual = _all_coalitions(rule, block, theta)
    game, facts, outside = game_of_equilibria(base, made.members, income)
    used = [made.theta, *(p for e in rule.effects for p in (e.parameter, e.multiplier) if p is not None)]
    stated = {"D"} if any(e.stated is not None for e in rule.effects) else set()
    return ScenarioGame(
        game,
        facts,
        outside,
        scenario.sharing.rules if scenario.sharing else (),
        left_out,
        notes_of(scenario, rule.table, made, files),
        tuple(sorted({p.grade for p in used} | stated)),
        any(p.unverified for p in used),
        residual,
        _resolver(rule, block, theta),
        partial(_draws, rule),
        scenario.draws,
    )


def _rule_of(scenario: Scenario, files: Mapping[str, bytes], *, most: int = EXACT_MAX) -> tuple[_Rule, tuple[str, ...]]:
    from concordat.impact.run import base_of
    from concordat.impact.run_inputs import book_of
    from concordat.impact.shocks import plan

    if scenario.model != "one_sector":
        hint = "Write the common rule as a scenario of model: one_sector."
        raise MethodError("sharing needs model: one_sector.", where=scenario.where, hint=hint, code="model")
    book = book_of(scenario, files)
    table = base_of(scenario, files, book)
    made = plan(scenario, table.economies, book)
    _check_members(scenario, made, most)
    effects, left_out = _among_members(made)
    if not effects:
        hint = "Add a shock between members, such as rta_switch with pairs: members."
        what = "no shock among members, so there is no common rule to share."
        raise MethodError(what, where=scenario.document.place("shocks"), hint=hint, code="no_rule")
    return _Rule(scenario, table, made, book, effects), left_out


def _check_members(scenario: Scenario, made: Plan, most: int) -> None:
    place = scenario.document.place("base", "members")
    if len(made.members) < 2:
        raise InputError("sharing needs two members.", where=place, hint="Name who shares.", code="members")
    if len(made.members) > most:
        what = f"{len(made.members)} members have 2^{len(made.members)} coalitions, of at most 2^{EXACT_MAX}."
        hint = "Name at most 16 members, or ask for the Shapley value alone, which is sampled (sampled_of_scenario)."
        raise MethodError(what, where=place, hint=hint, code="too_many_players")


def _among_members(made: Plan) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
    """The effects between members alone, and in words what is left out."""
    inside = {made.economies.index(code) for code in made.members}
    rule = [
        e for e in made.effects if {*e.rows.tolist(), *e.columns.tolist()} <= inside and (e.rows != e.columns).all()
    ]
    words = [
        f"{e.shock.kind} ({e.shock.place}) reaches beyond trade between members" for e in made.effects if e not in rule
    ]
    words += [f"{s.kind} ({s.place}) is no shock to trade" for s in made.investments]
    if made.transfers:
        words.append("transfers are what is to be found, so the scenario's own are not applied")
    return tuple(rule), tuple(words)


# --- Equilibria ------------------------------------------------------------------------------------------------------


def _all_coalitions(rule: _Rule, block: Array, theta: float) -> tuple[TradeTable, Array, float]:
    """The base, (2^m, N) W of every coalition, and the worst residual; one shared effect goes the faster way."""
    from concordat.impact.batch import CoalitionShocks, solve_batch

    table, members, closure = rule.table, rule.plan.members, rule.scenario.closure
    off = block[~np.eye(len(members), dtype=bool)]
    if np.all(off == off[0]):
        shocks = CoalitionShocks(members, float(np.log(off[0])))
        batch = solve_batch(table, shocks, theta=theta, closure=closure)
        return batch.table, batch.real_income, float(batch.residual.max())
    count, chunk = 1 << len(members), _chunk(table)
    income, worst = np.empty((count, len(table.economies))), 0.0
    for start in range(0, count, chunk):
        masks = np.arange(start, min(start + chunk, count))
        blocks = np.broadcast_to(block, (len(masks), *block.shape))
        batch = solve_batch(table, _shocks(rule, masks, blocks), theta=theta, closure=closure)
        income[masks] = batch.real_income
        worst = max(worst, float(batch.residual.max()))
    return batch.table, income, worst


def _chunk(table: TradeTable) -> int:
    return max(1, CHUNK_CELLS // len(table.economies) ** 2)


def _shocks(rule: _Rule, masks: NDArray[np.int64], blocks: Array) -> Array:
    """(B, N, N): the rule of each row's block, applied to trade between two members of its coalition."""
    return _shocks_inside(rule, (masks[:, None] >> np.arange(len(rule.rows)) & 1).astype(bool), blocks)


def _shocks_inside(rule: _Rule, inside: NDArray[np.bool_], blocks: Array) -> Array:
    """The same for (B, m) booleans, a row a coalition, of any number of members."""
    rows = rule.rows
    found = np.ones((len(inside), len(rule.table.economies), len(rule.table.economies)))
    for a, i in enumerate(rows):
        for b, j in enumerate(rows):
            if a != b:
                found[:, i, j] = np.where(inside[:, a] & inside[:, b], blocks[:, a, b], 1.0)
    return found


def _resolver(rule: _Rule, block: Array, theta: float) -> Callable[[Array], Array]:
    from concordat.impact.equilibrium import solve

    rows, members = rule.rows, rule.plan.members
    everybody = np.array([(1 << len(members)) - 1])
    shock = _shocks(rule, everybody, block[None])[0]

    def resolve(transfers: Array) -> Array:
        amounts = dict(zip(members, transfers.tolist(), strict=True))
        found = solve(rule.table, shock=shock, theta=theta, closure=rule.scenario.closure, transfers=amounts)
        gains: Array = found.money_metric[rows]
        return gains

    return resolve


def _draws(rule: _Rule) -> GameDraws:
    """The game of every draw of the scenario's parameters.

    Raises:
        MethodError: a draw that can't be solved, unless failed ones are dropped; more than 6 members.
    """
    from concordat.impact.batch import solve_batch
    from concordat.impact.monte_carlo import checked_theta, draw

    scenario, made = rule.scenario, rule.plan
    if len(made.members) > DRAWN_MAX:
        what = f"bands: {len(made.members)} members, of at most {DRAWN_MAX}."
        hint = "Every draw solves the equilibria of all coalitions."
        raise MethodError(what, where=scenario.where, hint=hint, code="too_many_players")
    draws = draw(made.parameters, rule.book, scenario.draws, scenario.seed)
    theta = checked_theta(draws, made.theta)
    blocks = rule.shocks(draws)
    coalitions = 1 << len(made.members)
    step = max(1, _chunk(rule.table) // coalitions)
    money = np.empty((scenario.draws, coalitions, len(made.members)))
    for start in range(0, scenario.draws, step):
        some = np.arange(start, min(start + step, scenario.draws))
        which, masks = np.repeat(some, coalitions), np.tile(np.arange(coalitions), len(some))
        each = theta[which]
        batch = solve_batch(
            rule.table,
            _shocks(rule, masks, blocks[which]),
            theta=float(each[0]) if (each == each[0]).all() else each,
            closure=scenario.closure,
            on_failure="drop" if scenario.on_failure == "drop" else "refuse",
        )
        money[some] = batch.money_metric[:, rule.rows].reshape(len(some), coalitions, -1)
    there = np.isfinite(money).all(axis=(1, 2))
    values = np.stack([_of_members(found) for found in money[there]])
    dropped = tuple((np.flatnonzero(~there) + 1).tolist())
    return GameDraws(values, money[there, -1], dropped)
