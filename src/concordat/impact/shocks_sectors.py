"""From the shocks of a scenario to what the multi-sector solver takes: tariffs, trade costs and productivity by sector.

Effects are those of `shock_sizes`: an effect b on flows becomes the cost change exp(-b / theta_j) of each sector, a
cost change stays what it is, so that the elasticity is never applied twice. A parameter is an estimate for some trade,
so a shock that rests on one says for which sectors it is (`sector: all` is an answer). A tariff is set to a rate; it
may be set once for a pair and sector. The same parameter twice on one pair and sector is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.parameters import Parameter, ParameterBook
from concordat.impact.scenario import Scenario, Shock
from concordat.impact.sectors_base import SectorModel
from concordat.impact.shock_pairs import Places, members_of, ordered_pairs, transfers_of
from concordat.impact.shock_sizes import Effect, theta_named, theta_of
from concordat.impact.shocks import INSTEAD, Counted, effect_of, investments

Array = NDArray[np.float64]
ALL = ("all",)


@dataclass(frozen=True, slots=True, eq=False)
class SectorEffect:
    """An effect, and the places of the sectors that it is for."""

    effect: Effect
    sectors: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TariffSet:
    """Tariffs set to a share: exporters (rows), importers (columns), sectors."""

    shock: Shock
    rows: Places
    columns: Places
    sectors: tuple[int, ...]
    share: float


@dataclass(frozen=True, eq=False)
class SectorPlan:
    """All that a multi-sector run applies.

    Attributes:
        thetas: (J,) the elasticity's record of each sector. The other fields are those of `shocks.Plan`.
    """

    economies: tuple[str, ...]
    effects: tuple[SectorEffect, ...]
    tariffs: tuple[TariffSet, ...]
    thetas: tuple[Parameter, ...]
    transfers: Mapping[str, float]
    investments: tuple[Shock, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every record that the run rests on, each once, elasticities first."""
        found = {p.id: p for p in self.thetas}
        for one in self.effects:
            found |= {p.id: p for p in (one.effect.parameter, one.effect.multiplier) if p is not None}
        return tuple(found.values())

    @property
    def stated(self) -> tuple[Shock, ...]:
        """Shocks whose size the scenario states itself; tariffs are told apart."""
        return tuple(one.effect.shock for one in self.effects if one.effect.stated is not None)

    def thetas_of(self, draws: Mapping[str, Array]) -> Array:
        """(B, J) elasticities of every draw."""
        return np.stack([draws[p.id] for p in self.thetas], axis=1)

    def log_factors(self, draws: Mapping[str, Array]) -> list[Array]:
        """For each effect, (B, sectors of the effect) ln T of every draw."""
        found = []
        for one in self.effects:
            columns = [one.effect.log_factor(draws, draws[self.thetas[j].id]) for j in one.sectors]
            found.append(np.stack(columns, axis=1))
        return found

    def arrays(self, model: SectorModel, log_factors: Sequence[Array], draw: int) -> tuple[Array, Array, Array]:
        """Tariffs, cost changes (J, N, N) and productivity (J, N) of one draw, sector by importer by exporter."""
        tariffs = np.array(model.tariff)
        for made in self.tariffs:
            for j in made.sectors:
                tariffs[j, made.columns, made.rows] = made.share
        costs, productivity = np.ones_like(model.flows), np.ones_like(model.output)
        for one, logs in zip(self.effects, log_factors, strict=True):
            for k, j in enumerate(one.sectors):
                raised = float(np.exp(logs[draw, k] / model.theta[j]))  # T = cost^(-theta), so this is 1 / cost
                if one.effect.shock.kind == "productivity":
                    productivity[j, one.effect.rows[0]] *= raised
                else:
                    costs[j, one.effect.columns, one.effect.rows] /= raised
        return tariffs, costs, productivity


def plan_sectors(scenario: Scenario, model: SectorModel, book: ParameterBook) -> SectorPlan:
    """What a multi-sector run applies to a base.

    Raises:
        InputError: an economy or sector without data, a parameter or a tariff twice on one cell, no pairs.
        MethodError: a kind that the model can't do, a parameter that may not be used or does not fit the shock.
    """
    place = {code: n for n, code in enumerate(model.economies)}
    members, missing = members_of(scenario, place)
    effects: list[SectorEffect] = []
    tariffs: list[TariffSet] = []
    counted = [Counted(model.economies) for _ in model.sectors]
    for shock in scenario.shocks:
        if shock.kind == "demand":
            what = "demand can't be computed with model: multi_sector."
            raise MethodError(what, where=shock.place, hint=INSTEAD["demand"], code="no_demand")
        if shock.kind == "tariff":
            tariffs.append(_tariff(shock, members, place, model, tariffs))
        elif shock.kind != "investment":
            effect = effect_of(shock, scenario, book, place, members)
            sectors = _sectors(shock, model, stated=effect.parameter is None)
            for j in sectors:
                counted[j].add(effect)
            effects.append(SectorEffect(effect, sectors))
    return SectorPlan(
        economies=model.economies,
        effects=tuple(effects),
        tariffs=tuple(tariffs),
        thetas=thetas_of(scenario, model, book),
        transfers=transfers_of(scenario, place),
        investments=investments(scenario),
        members=members,
        missing=missing,
    )


def thetas_of(scenario: Scenario, model: SectorModel, book: ParameterBook) -> tuple[Parameter, ...]:
    """(J,) the record of each sector's elasticity: its own, or that of all.

    Raises:
        InputError: a sector that the table has not. MethodError: a record that may not be used.
    """
    place = scenario.document.place("elasticity", "by_sector")
    own = {}
    for name, parameter in scenario.by_sector.items():
        _sector_place(name, model, place)
        own[name] = theta_named(parameter, scenario, book, place)
    return tuple(own.get(name) or theta_of(scenario, book) for name in model.sectors)


def _sectors(shock: Shock, model: SectorModel, *, stated: bool) -> tuple[int, ...]:
    if not shock.sectors and not stated:
        what = f"{shock.kind} does not say for which sectors."
        hint = f"{shock.parameter} was found for some trade: name its sectors, or say sector: all."
        raise InputError(what, where=shock.place, hint=hint, code="sector")
    if not shock.sectors or shock.sectors == ALL:
        return tuple(range(len(model.sectors)))
    found = tuple(_sector_place(name, model, shock.place) for name in shock.sectors)
    if len(set(found)) != len(found):
        raise InputError("a sector stands twice.", where=shock.place, hint="Name each once.", code="sector")
    return found


def _sector_place(name: str, model: SectorModel, where: str) -> int:
    try:
        return model.sector(name)
    except InputError as error:
        error.where = where
        raise


def _tariff(
    shock: Shock, members: Sequence[str], place: Mapping[str, int], model: SectorModel, before: Sequence[TariffSet]
) -> TariffSet:
    assert shock.who is not None
    assert shock.end is not None
    rows, columns = ordered_pairs(shock.who, members, place, shock.place)
    made = TariffSet(shock, rows, columns, _sectors(shock, model, stated=True), shock.end / 100)
    cells = set(zip(rows.tolist(), columns.tolist(), strict=True))
    for other in before:
        twice = cells & set(zip(other.rows.tolist(), other.columns.tolist(), strict=True))
        if twice and set(made.sectors) & set(other.sectors):
            i, n = min(twice)
            what = f"the tariff of {model.economies[n]} on {model.economies[i]} is set already ({other.shock.place})."
            raise InputError(what, where=shock.place, hint="Set each once.", code="tariff_twice")
    return made
