"""From a scenario file and the bytes it names to a certified result: `run`.

The order is that of the file: parameters (packaged, and the user's own), the base with its hash, shocks into factors T,
draws of every parameter, all equilibria at once, one more at central values with further starts, and certificates of it
and of the worst draw. Nothing is opened here: `files` holds the bytes of every file that the scenario names.

    >>> import numpy as np
    >>> lines = ["exporter,importer,year,trade"]
    >>> for i, a in enumerate(("ARG", "BRA", "CHL")):
    ...     lines += [f"{a},{b},2006,{900 if a == b else 20 + 10 * i}" for b in ("ARG", "BRA", "CHL")]
    >>> from concordat.impact.scenario import parse_scenario
    >>> scenario = parse_scenario('''
    ... schema: concordat/scenario@1
    ... scenario: demo
    ... title: A common rule between two
    ... base: {panel: trade.csv, year: 2006, members: [ARG, CHL]}
    ... elasticity: {value: 4, reason: "for the example"}
    ... shocks: [{kind: rta_switch, pairs: members, parameter: rta_effect_goods}]
    ... draws: 200
    ... seed: 1
    ... ''')
    >>> found = run(scenario, {"trade.csv": "\\n".join(lines).encode()})
    >>> found.members, found.count, found.certificate.residual_max < 1e-10
    (('ARG', 'CHL'), 200, True)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.impact.certificate import Certificate, Hashes
from concordat.impact.limits import limits_of, notes_of
from concordat.impact.monte_carlo import central, checked_theta, draw
from concordat.impact.parameters import Parameter, ParameterBook
from concordat.impact.result_parts import Money, RunCertificate
from concordat.impact.results import ScenarioResult
from concordat.impact.run_inputs import (
    Progress,
    book_of,
    bytes_of,
    checked_bytes,
    hashes_of,
    in_dollars,
    investment_words,
    quoted_of,
    stated_words,
)
from concordat.impact.scenario import Scenario
from concordat.impact.shocks import Plan, plan
from concordat.impact.trade_changes import changes

if TYPE_CHECKING:
    from concordat.impact.batch import Batch
    from concordat.impact.equilibrium import Equilibrium
    from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
CHUNK = 1000  # draws solved together, at most
CELLS_MAX = 8_000_000  # of their factors T: 64 MB


def run(scenario: Scenario, files: Mapping[str, bytes], *, progress: Progress | None = None) -> ScenarioResult:
    """The result of a scenario.

    Args:
        files: the bytes of `scenario.files_of()`, by the names the scenario has for them.
        progress: called with (done, all, note).

    Raises:
        InputError, MethodError: as `book_of`, `base_of`, `shocks.plan`, `monte_carlo.draw` and the solvers raise.
        TrustError: the base's bytes are not those whose hash the scenario states.
    """
    book = book_of(scenario, files)
    quoted = quoted_of(scenario, book)
    if scenario.model == "multi_sector":
        from concordat.impact.run_sectors import run_sectors

        return run_sectors(scenario, files, book, quoted, progress)
    table = base_of(scenario, files, book)
    in_dollars(scenario, table.unit)
    made = plan(scenario, table.economies, book)
    used = used_of(scenario, made, book)
    hashes = hashes_of(scenario, used, book, table.sha256)
    middle = _central(scenario, table, made, hashes)
    solved = _solve_draws(scenario, table, made, book, hashes, progress)
    trade = {"exports_pct": solved.exports, "imports_pct": solved.imports} if "trade" in scenario.outputs else {}
    return ScenarioResult(
        scenario=scenario,
        economies=table.economies,
        members=made.members,
        missing=made.missing,
        expenditure=table.expenditure,
        unit=table.unit,
        year=table.year,
        source=table.source,
        central=_central_measures(middle, "trade" in scenario.outputs),
        draws={
            "real_income_pct": 100 * (solved.income - 1),
            "real_income_usd": (solved.income - 1) * table.expenditure,
            "real_wage_pct": 100 * (solved.wage - 1),
            **trade,
        },
        certificate=RunCertificate(
            middle.certificate, solved.worst, max(middle.certificate.residual_max, solved.residual), len(solved.income),
            solved.dropped,
        ),
        parameters=used,
        bloc_trade=(_bloc_trade(middle, made.members), solved.bloc) if trade else None,
        stated=tuple(stated_words(shock) for shock in made.stated),
        transfers=_transfers_alone(scenario, table, made),
        investments=tuple(investment_words(shock) for shock in made.investments),
        quoted=quoted,
        notes=notes_of(scenario, table, made, files),
        limits=limits_of(scenario, table, used),
        parameter_draws=solved.parameters,
    )  # fmt: skip


# --- The base ---------------------------------------------------------------------------------------------------------


def base_of(scenario: Scenario, files: Mapping[str, bytes], book: ParameterBook) -> TradeTable:
    """The base flows: observed, or fitted by the terms that the scenario lists.

    Raises:
        InputError: the file is faulty. TrustError: it is not the one that was meant.
    """
    from concordat.impact.trade_readers import parse_trade_csv

    base, data = scenario.base, checked_bytes(scenario, files)
    table = parse_trade_csv(
        data,
        where=base.panel,
        year=base.year,
        output=bytes_of(files, base.output, scenario) if base.output else None,
        missing="zero" if base.missing == "zero" else "refuse",
        unit=base.unit,
        aliases=base.aliases,
    )
    if base.flows == "fitted":
        from concordat.impact.fitted_base import fitted_base

        return fitted_base(scenario, table, data, book)
    return table


def used_of(scenario: Scenario, made: Plan, book: ParameterBook) -> tuple[Parameter, ...]:
    """Every record that a run rests on: those that are drawn, and those of a fitted base."""
    if scenario.base.flows != "fitted":
        return made.parameters
    from concordat.impact.fitted_base import fit_parameters

    return tuple({p.id: p for p in (*made.parameters, *fit_parameters(scenario, book))}.values())


# --- Draws ------------------------------------------------------------------------------------------------------------


class _Solved:
    """What is kept of all draws; failed ones are left out."""

    def __init__(self, count: int) -> None:
        nothing = np.zeros((0, count))
        self.income = self.wage = self.exports = self.imports = nothing
        self.bloc: Array = np.zeros(0)
        self.residual = 0.0
        self.worst: Certificate | None = None
        self.dropped: tuple[int, ...] = ()
        self.parameters: dict[str, Array] = {}


def _solve_draws(
    scenario: Scenario, table: TradeTable, made: Plan, book: ParameterBook, hashes: Hashes, progress: Progress | None
) -> _Solved:
    """All draws, in chunks whose factors fit into memory.

    Raises:
        MethodError: a draw that can't be solved, unless failed ones are dropped.
    """
    from concordat.impact.batch import solve_batch

    solved = _Solved(len(table.economies))
    draws = draw(made.parameters, book, scenario.draws, scenario.seed)
    theta = checked_theta(draws, made.theta)
    kept: dict[str, list[Array]] = {name: [] for name in ("income", "wage", "exports", "imports", "bloc")}
    dropped: list[int] = []
    size = min(CHUNK, max(1, CELLS_MAX // len(table.economies) ** 2))
    for start in range(0, scenario.draws, size):
        rows = slice(start, start + size)
        factors = made.factors({name: values[rows] for name, values in draws.items()})
        batch = solve_batch(
            table, factors, theta=_one_or_many(theta[rows], scenario.closure), closure=scenario.closure,
            transfers=made.transfers or None, on_failure="drop" if scenario.on_failure == "drop" else "refuse",
        )  # fmt: skip
        there = ~np.isnan(batch.residual)
        dropped += [start + n + 1 for n in batch.dropped]
        kept["income"].append(batch.real_income[there])
        kept["wage"].append((batch.wage / batch.price)[there])
        if "trade" in scenario.outputs:
            exports, imports, bloc = _trade(batch, factors, made.members)
            kept["exports"].append(exports[there])
            kept["imports"].append(imports[there])
            kept["bloc"].append(bloc[there])
        worst = batch.worst
        if batch.residual[worst] >= solved.residual:
            solved.residual, solved.worst = float(batch.residual[worst]), batch.single(worst, hashes=hashes).certificate
        if progress is not None:
            progress(min(start + size, scenario.draws), scenario.draws, "draws")
    for name, parts in kept.items():
        if parts:
            setattr(solved, name, np.concatenate(parts))
    solved.dropped = tuple(dropped)
    left = np.setdiff1d(np.arange(scenario.draws), np.array(dropped, dtype=int) - 1)
    solved.parameters = {name: values[left] for name, values in draws.items()}
    return solved


def _one_or_many(theta: Array, closure: str) -> float | Array:
    """One elasticity where all draws share it: the closure `balanced` asks for that."""
    return float(theta[0]) if closure == "balanced" and (theta == theta[0]).all() else theta


def _trade(batch: Batch, factors: Array, members: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """Exports and imports of every economy (B, N) and trade among members (B,), change of value in percent."""
    base = batch.table
    power = batch.wage ** -batch.theta[:, None]
    shares = base.flows / base.expenditure * factors * power[:, :, None]
    flows = shares / shares.sum(axis=1, keepdims=True) * batch.expenditure[:, None, :]
    return changes(flows, base.flows, [base.index(m) for m in members])


# --- Central values ---------------------------------------------------------------------------------------------------


def _central(scenario: Scenario, table: TradeTable, made: Plan, hashes: Hashes) -> Equilibrium:
    """The run at central values, with further starts."""
    from concordat.impact.equilibrium import solve

    values = central(made.parameters)
    return solve(
        table,
        shock=made.factors(values)[0],
        theta=float(values[made.theta.id][0]),
        closure=scenario.closure,
        transfers=made.transfers or None,
        numeraire=scenario.numeraire,
        starts=scenario.starts,
        seed=scenario.seed,
        hashes=hashes,
    )


def _central_measures(found: Equilibrium, trade: bool) -> dict[str, Array]:
    measures = {
        "real_income_pct": 100 * (found.real_income - 1),
        "real_income_usd": found.money_metric,
        "real_wage_pct": 100 * (found.wage / found.price - 1),
    }
    if trade:
        exports, imports, _ = changes(_world_priced(found)[None], found.table.flows, [0])
        measures |= {"exports_pct": exports[0], "imports_pct": imports[0]}
    return measures


def _world_priced(found: Equilibrium) -> Array:
    """Flows with world output kept, whatever the numeraire: as the draws have them."""
    return np.asarray(found.flows * (found.table.output.sum() / found.output.sum()), dtype=float)


def _bloc_trade(found: Equilibrium, members: tuple[str, ...]) -> float:
    places = [found.table.index(m) for m in members]
    return float(changes(_world_priced(found)[None], found.table.flows, places)[2][0])


def _transfers_alone(scenario: Scenario, table: TradeTable, made: Plan) -> tuple[Money, ...]:
    """The transfers without the other shocks: what they are worth beyond their amount."""
    if not made.transfers:
        return ()
    from concordat.impact.equilibrium import solve

    theta = made.theta.value
    assert theta is not None
    found = solve(table, theta=theta, closure=scenario.closure, transfers=made.transfers)
    worth = found.money_metric
    return tuple(Money(c, a, float(worth[table.index(c)])) for c, a in made.transfers.items())
