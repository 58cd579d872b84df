"""A scenario in many sectors: an input-output table, tariffs with revenue, and the exact equilibrium of every draw.

The base is a table that the user brings (`mrio_readers`), merged and repaired as the scenario says (`sectors_readers`),
with tariffs from a file of their own. Each draw has its own elasticities and is solved alone, so a run of a thousand
draws takes a thousand solutions: 200 are the fewest with a band. Real income, real wage and tariff revenue are told
together, and the first-order terms under their own label, since they are not the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.limits import base_sentence, draws_note, parameter_limits
from concordat.impact.monte_carlo import central, checked_theta, draw
from concordat.impact.parameters import Parameter, ParameterBook
from concordat.impact.result_parts import FirstOrderTold, Money, Revenue, RunCertificate
from concordat.impact.results import ScenarioResult
from concordat.impact.run_inputs import (
    Progress,
    bytes_of,
    checked_bytes,
    hashes_of,
    in_dollars,
    investment_words,
    stated_words,
)
from concordat.impact.scenario import Scenario
from concordat.impact.sectors_certificate import SectorCertificate, residuals
from concordat.impact.shock_sizes import theta_named, theta_of
from concordat.impact.shocks_sectors import SectorPlan, TariffSet, plan_sectors
from concordat.impact.trade_changes import changes

if TYPE_CHECKING:
    from concordat.impact.checked import Checked, CheckedShock
    from concordat.impact.sectors import SectorEquilibrium
    from concordat.impact.sectors_base import SectorModel

Array = NDArray[np.float64]
MEASURES = ("real_income_pct", "real_income_usd", "real_wage_pct", "tariff_revenue_usd")


def run_sectors(
    scenario: Scenario,
    files: Mapping[str, bytes],
    book: ParameterBook,
    quoted: tuple[Parameter, ...],
    progress: Progress | None,
) -> ScenarioResult:
    """The result of a multi-sector scenario; as `run.run`.

    Raises:
        InputError, MethodError, SourceError, TrustError: as the readers, the plan and the solver raise.
    """
    model = model_of(scenario, files, book)
    in_dollars(scenario, model.unit)
    made = plan_sectors(scenario, model, book)
    hashes = hashes_of(scenario, made.parameters, book, model.sha256)
    values = central(made.parameters)
    middle = _solved(scenario, model, made, values, made.log_factors(values), 0, starts=scenario.starts, hashes=hashes)
    kept = _draws(scenario, model, made, book, progress)
    trade = "trade" in scenario.outputs
    told = _measures(middle, made, trade)
    bloc = told.pop("bloc", None)
    drawn = {name: kept.of(name, len(model.economies)) for name in told}
    return ScenarioResult(
        scenario=scenario,
        economies=model.economies,
        members=made.members,
        missing=made.missing,
        expenditure=middle.model.income,
        unit=model.unit,
        year=model.year,
        source=model.source,
        central=told,
        draws=drawn,
        certificate=RunCertificate(
            middle.certificate, kept.worst, max(middle.certificate.residual_max, kept.residual), kept.count,
            tuple(kept.dropped),
        ),
        parameters=made.parameters,
        bloc_trade=(float(bloc[0]), kept.bloc()) if bloc is not None else None,
        stated=(*(stated_words(s) for s in made.stated), *(_tariff_words(t, model) for t in made.tariffs)),
        transfers=_transfers_alone(scenario, model, made, values),
        revenue=_revenue(middle),
        first_order=_first_order(middle),
        investments=tuple(investment_words(shock) for shock in made.investments),
        quoted=quoted,
        notes=_notes(scenario, model, made),
        limits=_limits(model, made.parameters),
        parameter_draws=kept.parameters,
    )  # fmt: skip


def model_of(scenario: Scenario, files: Mapping[str, bytes], book: ParameterBook) -> SectorModel:
    """The base: the table, merged and repaired, with tariffs.

    Raises:
        InputError, MethodError, SourceError: the table can't be read, or has cells without a meaning in the model.
    """
    from concordat.impact.mrio_readers import parse_mrio
    from concordat.impact.sectors_readers import sectors_from_mrio
    from concordat.impact.tariff_file import parse_tariffs

    base = scenario.base
    table = parse_mrio(checked_bytes(scenario, files), year=base.year, where=base.table)
    economies = merged(table.countries, base.merge_economies)
    sectors = merged(table.industries, base.merge_sectors)
    tariff = None
    if base.tariffs:
        tariff = parse_tariffs(bytes_of(files, base.tariffs, scenario), economies, sectors, where=base.tariffs)
    place = scenario.document.place("elasticity", "by_sector")
    theta = {
        name: float(found.value or 0.0)
        for name in sectors
        for found in [
            theta_named(scenario.by_sector[name], scenario, book, place)
            if name in scenario.by_sector
            else theta_of(scenario, book)
        ]
    }
    return sectors_from_mrio(
        table,
        theta,
        tariff=tariff,
        merge_sectors=base.merge_sectors or None,
        merge_economies=base.merge_economies or None,
        drop=base.drop,
        final_demand="clip_and_rebalance" if base.final_demand == "clip_and_rebalance" else "refuse",
    )


def merged(names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names after merging, in their order; a merged one stands where the first of its parts stood.

    >>> merged(("a", "b", "c"), {"bc": ("b", "c")})
    ('a', 'bc')
    """
    into = {part: name for name, parts in groups.items() for part in parts}
    return tuple(dict.fromkeys(into.get(name, name) for name in names))


# --- Solutions --------------------------------------------------------------------------------------------------------


def _solved(
    scenario: Scenario,
    model: SectorModel,
    made: SectorPlan,
    draws: Mapping[str, Array],
    log_factors: list[Array],
    number: int,
    **options: object,
) -> SectorEquilibrium:
    """One draw."""
    from concordat.impact.sectors import solve_sectors

    own = model.with_theta(made.thetas_of(draws)[number])
    tariffs, costs, productivity = made.arrays(own, log_factors, number)
    return solve_sectors(
        own,
        tariffs_new=tariffs,
        cost_change=costs,
        productivity=productivity,
        transfers=made.transfers or None,
        deficits="zero_first" if scenario.deficits == "zero_first" else "kept",
        seed=scenario.seed,
        **options,  # type: ignore[arg-type]
    )


@dataclass(slots=True)
class _Kept:
    """What is kept of all draws; failed ones are left out, by number."""

    rows: dict[str, list[Array]] = field(default_factory=dict)
    residual: float = 0.0
    worst: SectorCertificate | None = None
    dropped: list[int] = field(default_factory=list)
    parameters: dict[str, Array] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Draws that were solved."""
        return len(self.rows.get(MEASURES[0], []))

    def of(self, name: str, width: int) -> Array:
        """(B, N) of a measure."""
        found = self.rows.get(name, [])
        return np.stack(found) if found else np.zeros((0, width))

    def bloc(self) -> Array:
        """(B,) trade among members."""
        return np.array([float(v[0]) for v in self.rows.get("bloc", [])])


def _draws(
    scenario: Scenario, model: SectorModel, made: SectorPlan, book: ParameterBook, progress: Progress | None
) -> _Kept:
    """All draws, one by one.

    Raises:
        MethodError: a draw that can't be solved, unless failed ones are dropped.
    """
    kept = _Kept()
    draws = draw(made.parameters, book, scenario.draws, scenario.seed)
    for theta in made.thetas:
        checked_theta(draws, theta)
    log_factors = made.log_factors(draws)
    trade = "trade" in scenario.outputs
    for number in range(scenario.draws):
        try:
            found = _solved(scenario, model, made, draws, log_factors, number)
        except MethodError as error:
            if scenario.on_failure != "drop":
                error.what = f"draw {number + 1} of {scenario.draws}: {error.what}"
                raise
            kept.dropped.append(number + 1)
            continue
        for name, values in _measures(found, made, trade).items():
            kept.rows.setdefault(name, []).append(values)
        residual = max(residuals(found).values())
        if residual >= kept.residual:
            kept.residual, kept.worst = residual, found.certificate
        if progress is not None and (number + 1) % 20 == 0:
            progress(number + 1, scenario.draws, "draws")
    left = [k for k in range(scenario.draws) if k + 1 not in set(kept.dropped)]
    kept.parameters = {name: values[left] for name, values in draws.items()}
    return kept


def _measures(found: SectorEquilibrium, made: SectorPlan, trade: bool) -> dict[str, Array]:
    """(N,) of every measure, and `bloc` (1,) if trade was asked for."""
    told = {
        "real_income_pct": 100 * (found.real_income - 1),
        "real_income_usd": found.money_metric,
        "real_wage_pct": 100 * (found.real_wage - 1),
        "tariff_revenue_usd": found.revenue - found.model.revenue,
    }
    if trade:
        before, after = (f.sum(axis=0).T for f in (found.model.flows, found.flows))
        exports, imports, bloc = changes(after[None], before, [found.model.index(m) for m in made.members])
        told |= {"exports_pct": exports[0], "imports_pct": imports[0], "bloc": bloc}
    return told


def _transfers_alone(
    scenario: Scenario, model: SectorModel, made: SectorPlan, values: Mapping[str, Array]
) -> tuple[Money, ...]:
    """The transfers without the other shocks, at central elasticities."""
    if not made.transfers:
        return ()
    from concordat.impact.sectors import solve_sectors

    deficits = "zero_first" if scenario.deficits == "zero_first" else "kept"
    own = model.with_theta(made.thetas_of(values)[0])
    worth = solve_sectors(own, transfers=made.transfers, deficits=deficits).money_metric  # type: ignore[arg-type]
    return tuple(Money(c, a, float(worth[model.index(c)])) for c, a in made.transfers.items())


def _revenue(found: SectorEquilibrium) -> tuple[Revenue, ...]:
    before, after = found.revenue_pct
    rows = zip(found.model.economies, found.model.revenue, found.revenue, before, after, strict=True)
    return tuple(Revenue(code, *(float(v) for v in values)) for code, *values in rows)


def _first_order(found: SectorEquilibrium) -> FirstOrderTold:
    terms = found.approximation
    total = dict(zip(found.model.economies, (float(v) for v in terms.total_pct), strict=True))
    return FirstOrderTold(terms.label, terms.change, total)


# --- Words ------------------------------------------------------------------------------------------------------------


def _tariff_words(made: TariffSet, model: SectorModel) -> str:
    all_of = len(made.sectors) == len(model.sectors)
    sectors = "all sectors" if all_of else ", ".join(model.sectors[j] for j in made.sectors)
    return f"tariff to {100 * made.share:g} % on {len(made.rows)} ordered pairs, {sectors}"


def _notes(scenario: Scenario, model: SectorModel, made: SectorPlan) -> tuple[str, ...]:
    found = [base_sentence(scenario, model.year)]
    found += [f"Base: {note}." for note in model.notes]
    if not scenario.base.sha256:
        found.append(f"The scenario does not fix the bytes of its base; these have SHA-256 {model.sha256}.")
    if made.missing:
        found.append(f"In the bloc, no trade data, not computed: {', '.join(made.missing)}.")
    found += [one.effect.extrapolation for one in made.effects if one.effect.extrapolation]
    if scenario.deficits == "zero_first":
        found.append("Changes are against the base without deficits (zero_first).")
    return (*found, *draws_note(scenario))


def _limits(model: SectorModel, parameters: tuple[Parameter, ...]) -> tuple[str, ...]:
    found = [
        "Not in the bands: the form of the model, what happens to deficits, and errors of the base data.",
        "No capital, migration or firm entry; gains are static.",
    ]
    if model.zero_flows:
        found.append(f"{model.zero_flows} flows of zero stay zero: there are no new trade relations.")
    return tuple(found + parameter_limits(parameters))


def checked_sectors(scenario: Scenario, files: Mapping[str, bytes], book: ParameterBook) -> Checked:
    """As `checked.checked`, of a multi-sector scenario."""
    from concordat.impact.checked import Checked, CheckedShock, effect_lines, line, transfer_lines

    model = model_of(scenario, files, book)
    in_dollars(scenario, model.unit)
    made = plan_sectors(scenario, model, book)
    draws = draw(made.parameters, book, scenario.draws, scenario.seed)
    for theta in made.thetas:
        checked_theta(draws, theta)
    made.log_factors(draws)
    made.log_factors(central(made.parameters))
    lines: list[CheckedShock] = [line("elasticity", 0, p, p.place) for p in dict.fromkeys(made.thetas)]
    lines += [found for one in made.effects for found in effect_lines(one.effect)]
    lines += [
        CheckedShock("tariff", len(t.rows), "stated", 100 * t.share, "percent, no spread", "", "stated", t.shock.place)
        for t in made.tariffs
    ]
    lines += [CheckedShock("investment", 0, "beside", s.amount, "", "", "", s.place) for s in made.investments]
    return Checked(
        scenario=scenario.id,
        sha256=scenario.sha256,
        base_sha256=model.sha256,
        economies=len(model.economies),
        members=made.members,
        missing=made.missing,
        rule=f"deficits {scenario.deficits}",
        shocks=(*lines, *transfer_lines(scenario)),
        grades=tuple(sorted({p.grade for p in made.parameters} | ({"D"} if made.stated or made.tariffs else set()))),
        unverified=any(p.unverified for p in made.parameters),
        notes=_notes(scenario, model, made),
    )
