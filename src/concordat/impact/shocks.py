"""From the shocks of a scenario to the factors T that the one-sector solver takes, draw by draw.

For whom each is: `shock_pairs`; how large: `shock_sizes`. Shocks on one pair multiply, in the order of the file, and
the same parameter twice on one pair is refused: that would count it twice. So is a percentage that the scenario states
twice for one pair with the same reason. A kind that the model can't do is refused by
name, with what to use instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.parameters import Parameter, ParameterBook
from concordat.impact.scenario import Scenario, Shock
from concordat.impact.shock_pairs import country_pairs, home_and_abroad, members_of, ordered_pairs, transfers_of
from concordat.impact.shock_sizes import Effect, sized, theta_of

Array = NDArray[np.float64]

# What to use where a model of trade in one sector can't answer.
INSTEAD = {
    "tariff": (
        "A tariff has revenue, which a factor T leaves out. Use model: multi_sector (one sector is enough), "
        "or cost_change for a cost that nobody earns."
    ),
    "demand": (
        "A model of trade has no final demand that could be raised: spending follows from income. Use a transfer for "
        "money from outside; demand belongs to input-output tables."
    ),
}


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a one-sector run applies.

    Attributes:
        effects: in the order of the file. theta: the elasticity's record. transfers: code -> amount received.
        investments: shocks that cost money and buy a connectivity shock of the same country.
        members: those with trade data; missing: those without (reported, where the scenario allows it).
    """

    economies: tuple[str, ...]
    effects: tuple[Effect, ...]
    theta: Parameter
    transfers: Mapping[str, float]
    investments: tuple[Shock, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every record that the run rests on, each once, the elasticity first."""
        found = {self.theta.id: self.theta}
        for effect in self.effects:
            found |= {p.id: p for p in (effect.parameter, effect.multiplier) if p is not None}
        return tuple(found.values())

    @property
    def stated(self) -> tuple[Shock, ...]:
        """Shocks whose size the scenario states itself, wholly or as the driver of an elasticity."""
        return tuple(e.shock for e in self.effects if e.stated is not None)

    def factors(self, draws: Mapping[str, Array]) -> Array:
        """(B, N, N) T of every draw; `draws` holds (B,) values of each parameter."""
        theta = draws[self.theta.id]
        count = len(self.economies)
        shocks = np.ones((len(theta), count, count))
        for effect in self.effects:
            with np.errstate(over="ignore", invalid="ignore"):  # each is within bounds; all together are checked below
                shocks[:, effect.rows, effect.columns] *= np.exp(effect.log_factor(draws, theta))[:, None]
        if not (np.isfinite(shocks) & (shocks > 0)).all():
            what = "the shocks of one pair, multiplied, are beyond what can be computed."
            where = self.effects[-1].shock.place
            raise MethodError(what, where=where, hint="Take some of them out, or make them smaller.", code="overflow")
        return shocks


def plan(scenario: Scenario, economies: Sequence[str], book: ParameterBook) -> Plan:
    """What a one-sector run applies to a table with these economies.

    Raises:
        InputError: a country without trade data, an unknown parameter, a parameter twice on one pair, no pairs.
        MethodError: a kind that one sector can't do, a parameter that may not be used or does not fit the shock.
    """
    place = {code: n for n, code in enumerate(economies)}
    members, missing = members_of(scenario, place)
    effects, counted = [], Counted(economies)
    for shock in scenario.shocks:
        if shock.kind in INSTEAD:
            what = f"{shock.kind} can't be computed with model: one_sector."
            raise MethodError(what, where=shock.place, hint=INSTEAD[shock.kind], code=f"no_{shock.kind}")
        if shock.sectors:
            what = "one_sector has no sectors."
            hint = "Leave sector out, or use model: multi_sector."
            raise MethodError(what, where=shock.place, hint=hint, code="sector")
        if shock.kind != "investment":
            effect = effect_of(shock, scenario, book, place, members)
            counted.add(effect)
            effects.append(effect)
    return Plan(
        economies=tuple(economies),
        effects=tuple(effects),
        theta=theta_of(scenario, book),
        transfers=transfers_of(scenario, place),
        investments=investments(scenario),
        members=members,
        missing=missing,
    )


def investments(scenario: Scenario) -> tuple[Shock, ...]:
    """The investments, each beside the connectivity shock that it buys.

    Raises:
        MethodError: one without: what money buys is a target penetration, which the scenario must state.
    """
    found = tuple(s for s in scenario.shocks if s.kind == "investment")
    bought = {s.country for s in scenario.shocks if s.kind == "connectivity"}
    for shock in found:
        if shock.country not in bought:
            what = f"an investment in {shock.country} without what it reaches."
            hint = (
                f"Add a connectivity shock for {shock.country} (from, to) that the budget pays for; "
                "what it costs: concordat connect cost."
            )
            raise MethodError(what, where=shock.place, hint=hint, code="no_target")
    return found


class Counted:
    """Which parameter, or stated percentage with its reason, already works on which pair."""

    def __init__(self, economies: Sequence[str]) -> None:
        self.economies = economies
        self.seen: dict[str, tuple[NDArray[np.bool_], list[str]]] = {}

    def add(self, effect: Effect) -> None:
        """Note an effect.

        Raises:
            InputError: its parameter works on one of its pairs already, or a percentage of its kind with its reason.
        """
        shock = effect.shock
        name = effect.parameter.id if effect.parameter else f"{shock.kind}: {' '.join(shock.reason.casefold().split())}"
        count = len(self.economies)
        mask, places = self.seen.setdefault(name, (np.zeros((count, count), dtype=bool), []))
        twice = np.flatnonzero(mask[effect.rows, effect.columns])
        if len(twice):
            a, b = (self.economies[int(side[twice[0]])] for side in (effect.rows, effect.columns))
            own = effect.parameter.id if effect.parameter else f"{shock.kind} for the same reason"
            what = f"{own} works on {a} to {b} already ({places[0]}): it would count twice."
            hint = "Take the pair out of one of both; a country's shock may name its partners."
            if effect.parameter is None:
                hint = "Take the pair out of one of both; two changes that are not one have two reasons."
            raise InputError(what, where=effect.shock.place, hint=hint, code="double_counting")
        mask[effect.rows, effect.columns] = True
        places.append(effect.shock.place)


def effect_of(
    shock: Shock, scenario: Scenario, book: ParameterBook, place: Mapping[str, int], members: Sequence[str]
) -> Effect:
    """A shock with its pairs and its size."""
    parameter, multiplier, units, stated = sized(shock, scenario, book)
    if shock.kind == "productivity":
        rows, columns = home_and_abroad(shock, place)
    elif shock.who is not None:
        rows, columns = ordered_pairs(shock.who, members, place, shock.place)
    else:
        assert parameter is not None
        rows, columns = country_pairs(shock, parameter.direction, members, place)
    return Effect(shock, rows, columns, parameter, multiplier, units, stated)
