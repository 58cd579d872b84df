"""How large a shock is: from a parameter's record, or a change that the scenario states, to ln T of every draw.

    a source that gives a flow effect b      T = exp(b u)
    a source that gives a cost change c      T = (1 + c)^(-theta u)
    productivity that rises by p             T = (1 + p)^theta for everything the country sells, at home too

u says how often the change for which the source tells its effect (`per`) fits into that of the scenario, times a
multiplier if there is one: (to - from) / change for points, ln(to / from) / ln(1 + change) for percent. Effects
compound, so that no cost falls below zero. The record's `quantity` decides; theta is never applied twice: a trade
elasticity is the run's `elasticity` and never a shock's parameter, and an `elasticity` of cost is never theta. What is
too large to be computed is refused by the record's id, never computed with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.distributions import Distribution
from concordat.impact.monte_carlo import central, checked_theta
from concordat.impact.parameters import Parameter, ParameterBook, Source, usable
from concordat.impact.scenario import Scenario, Shock
from concordat.impact.shock_pairs import Places

Array = NDArray[np.float64]
STATED = "elasticity_of_this_scenario"

ALLOWED = {
    "rta_switch": ("flow_effect_log", "cost_change"),
    "cost_change": ("cost_change", "elasticity"),
    "dstri_change": ("flow_effect_log", "cost_change"),
    "connectivity": ("flow_effect_log", "cost_change"),
    "productivity": ("cost_change", "elasticity"),
}
# The largest size of a value that is computed with, by quantity; a stated percent has the same bound of 1000.
LARGEST = {"flow_effect_log": 20.0, "cost_change": 10.0, "elasticity": 100.0, "effect_multiplier": 100.0}
LOG_LARGEST = 50.0  # of ln T: e^50 is far beyond any ratio of flows, and e^-50 is no trade at all
FAR = 3.0  # steps of the source; a change that is larger is an extrapolation, and said to be
INSTEAD_OF = {
    "trade_elasticity": "A trade elasticity is theta: name it under elasticity:. Here it would be applied twice. ",
    "flow_elasticity": "It tells trade, not cost: it belongs under base: fit, for fitted flows. ",
}
SCOPES = {"rta_switch": "pair", "dstri_change": "country"}


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One shock, ready to be drawn.

    Attributes:
        rows, columns: exporters and importers of the pairs it is for.
        parameter, multiplier: ids, "" where the scenario states the change itself. units: u without the multiplier.
        stated: a relative change of cost (or of productivity) that the scenario states, or the driver of an elasticity.
    """

    shock: Shock
    rows: Places
    columns: Places
    parameter: Parameter | None
    multiplier: Parameter | None
    units: float
    stated: float | None = None

    def log_factor(self, draws: Mapping[str, Array], theta: Array) -> Array:
        """(B,) ln T of every draw.

        Raises:
            MethodError: a draw in which a cost would fall below zero, or that is too large to be computed.
        """
        for parameter in (self.parameter, self.multiplier):
            if parameter is not None:
                self._within(parameter, draws[parameter.id], LARGEST[parameter.quantity])
        with np.errstate(all="ignore"):  # what overflows is refused by name
            found = self._log_factor(draws, theta)
        if not (np.abs(found) <= LOG_LARGEST).all():
            raise self._too_large("makes trade change", f"The logarithm of T stays within {LOG_LARGEST:g}")
        return found

    def _within(self, parameter: Parameter, values: Array, largest: float) -> None:
        if not (np.abs(values) <= largest).all():
            worst = float(values[np.argmax(np.abs(values))])
            what = f"{parameter.id} is {worst:g} (used in {self.shock.place}), which can't be computed with."
            hint = f"A {parameter.quantity} stays within {largest:g}: correct the value, its unit or its distribution."
            if parameter.quantity[0] in "aeiou":
                hint = hint.replace("A ", "An ", 1)
            raise MethodError(what, where=parameter.place or self.shock.place, hint=hint, code="overflow")

    def _too_large(self, does: str, bound: str) -> MethodError:
        used = self.parameter or self.multiplier
        name = f"{used.id} (used in {self.shock.place})" if used else f"{self.shock.kind} {self.shock.percent:g} %"
        what = f"{name} {does} by a factor beyond any data."
        hint = f"{bound}: correct the value, what it is told for (per), or the elasticity."
        return MethodError(what, where=(used.place if used else "") or self.shock.place, hint=hint, code="overflow")

    def _log_factor(self, draws: Mapping[str, Array], theta: Array) -> Array:
        units = self.units * (draws[self.multiplier.id] if self.multiplier else np.ones(len(theta)))
        if self.parameter is None:
            assert self.stated is not None
            return self._of_cost(np.full(len(theta), self._stated_cost()), units, theta)
        value = draws[self.parameter.id]
        if self.parameter.quantity == "flow_effect_log":
            return np.asarray(value * units, dtype=float)
        if self.parameter.quantity == "elasticity":
            # Of cost (of output, for productivity) with respect to the driver: (1 + driver)^value.
            assert self.stated is not None
            sign = 1.0 if self.shock.kind == "productivity" else -1.0
            return np.asarray(sign * theta * value * units * math.log1p(self.stated), dtype=float)
        return self._of_cost(value, units, theta)

    def _stated_cost(self) -> float:
        assert self.stated is not None
        return 1 / (1 + self.stated) - 1 if self.shock.kind == "productivity" else self.stated

    def _of_cost(self, change: Array, units: Array, theta: Array) -> Array:
        if (change <= -1).any():
            what = f"a draw of {self.parameter.id if self.parameter else 'percent'} makes a cost fall below zero."
            hint = "Give a distribution that stays above -1, such as uniform or triangular."
            raise MethodError(what, where=self.shock.place, hint=hint, code="cost")
        return np.asarray(-theta * units * np.log1p(change), dtype=float)

    @property
    def extrapolation(self) -> str:
        """A sentence where the change is far larger than the one that the source measured; else nothing."""
        if self.parameter is None or self.parameter.per is None or abs(self.units) <= FAR * (1 + 1e-9):
            return ""
        per = self.parameter.per
        return (
            f"Extrapolation: {self.shock.kind} {self.shock.country or 'of pairs'} from {self.shock.start:g} to "
            f"{self.shock.end:g} is {abs(self.units):.3g} times the {per.change:g} {per.unit} that "
            f"{self.parameter.id} is told for."
        )

    @property
    def pairs(self) -> int:
        """How many ordered pairs it is for."""
        return len(self.rows)


def theta_of(scenario: Scenario, book: ParameterBook) -> Parameter:
    """The record of the trade elasticity; a value that the scenario states itself becomes one, of grade D.

    Raises:
        InputError: no such parameter. MethodError: it may not be used, or is no elasticity.
    """
    place = scenario.document.place("elasticity")
    if scenario.elasticity_value is not None:
        return Parameter(
            id=STATED,
            value=scenario.elasticity_value,
            quantity="trade_elasticity",
            distribution=Distribution("point", reason=scenario.elasticity_reason),
            unit="percent of trade for one percent of trade cost (theta = sigma - 1)",
            source=Source("this-scenario", scenario.elasticity_reason, scenario.where),
            grade="D",
            mark="stated",
            place=place,
        )
    return theta_named(scenario.elasticity, scenario, book, place)


def theta_named(name: str, scenario: Scenario, book: ParameterBook, where: str) -> Parameter:
    """A trade elasticity by its id.

    Raises:
        InputError: no such parameter. MethodError: it may not be used, is no trade elasticity, or lies out of bounds.
    """
    found = usable(book.get(name, where=where), allow_unverified=scenario.allow_unverified, where=where)
    if found.quantity != "trade_elasticity":
        what = f"{found.id} has quantity {found.quantity}, and is no trade elasticity (used in {where})."
        hint = "Name a parameter with quantity: trade_elasticity; if it is theta, say so in its record."
        raise MethodError(what, where=found.place or where, hint=hint, code="quantity")
    checked_theta(central([found]), found)
    return found


def sized(
    shock: Shock, scenario: Scenario, book: ParameterBook
) -> tuple[Parameter | None, Parameter | None, float, float | None]:
    """Parameter, multiplier, units u and stated change of a shock.

    Raises:
        InputError: an unknown parameter, a change without a reason.
        MethodError: a parameter that may not be used or means something else than the shock needs.
    """
    stated = None if shock.percent is None else shock.percent / 100
    if not shock.parameter:
        if stated is None:
            hint = "Give percent with a reason, or a parameter."
            raise InputError(f"{shock.kind} without a size.", where=shock.place, hint=hint, code="size")
        if not shock.reason:
            hint = "Say in reason: where the number comes from; a sourced one belongs into a parameter file."
            raise InputError("percent without a reason.", where=shock.place, hint=hint, code="reason")
        return None, None, 1.0, stated
    parameter = _fitting(shock, scenario, book, stated)
    multiplier = _multiplier(shock, scenario, book) if shock.multiplier else None
    return parameter, multiplier, _units(shock, parameter), stated


def _fitting(shock: Shock, scenario: Scenario, book: ParameterBook, stated: float | None) -> Parameter:
    """The parameter, if it may be used and means what the shock needs."""
    found = usable(
        book.get(shock.parameter, where=shock.place), allow_unverified=scenario.allow_unverified, where=shock.place
    )
    allowed = ALLOWED[shock.kind]
    if found.quantity not in allowed:
        asked = f" (used in {shock.place})" if found.place else ""
        what = f"{found.id} has quantity {found.quantity}; {shock.kind} needs {' or '.join(allowed)}{asked}."
        why = INSTEAD_OF.get(found.quantity, "It would mean something else. ")
        hint = f"{why}Choose a parameter of that quantity: concordat scenario parameters list"
        raise MethodError(what, where=found.place or shock.place, hint=hint, code="quantity")
    if (found.quantity == "elasticity") != (stated is not None):
        what = (
            f"{found.id} has quantity {found.quantity}, and percent is {'given' if stated is not None else 'missing'}."
        )
        hint = "percent goes alone (with a reason), or with an elasticity that it drives."
        raise MethodError(what, where=shock.place, hint=hint, code="percent")
    wanted = SCOPES.get(shock.kind) or (
        ("country" if shock.country else "pair") if shock.kind == "connectivity" else ""
    )
    if wanted and found.scope and found.scope != wanted:
        what = f"{found.id} is an effect of a {found.scope}, and this shock is of a {wanted}."
        hint = "Give pairs: for an effect between two, country: for one of a country."
        raise MethodError(what, where=shock.place, hint=hint, code="scope")
    if scenario.base.covers and found.covers and not set(scenario.base.covers) & set(found.covers):
        base, own = (", ".join(c) for c in (scenario.base.covers, found.covers))
        what = f"{found.id} was found for {own}, and the base covers {base}."
        raise MethodError(what, where=shock.place, hint="Take a base that has that trade.", code="covers")
    return found


def _multiplier(shock: Shock, scenario: Scenario, book: ParameterBook) -> Parameter:
    found = usable(
        book.get(shock.multiplier, where=shock.place), allow_unverified=scenario.allow_unverified, where=shock.place
    )
    if found.quantity != "effect_multiplier":
        what = f"{found.id} has quantity {found.quantity}, not effect_multiplier."
        raise MethodError(what, where=shock.place, hint="Choose a parameter that multiplies.", code="quantity")
    return found


def _units(shock: Shock, parameter: Parameter) -> float:
    """How often the change that the effect is told for fits into that of the shock."""
    if shock.start is None or shock.end is None:
        if parameter.per is not None:
            what = f"{parameter.id} is told for a change of {parameter.per.change:g} {parameter.per.unit}."
            hint = f"{shock.kind} has no such change: use connectivity or dstri_change, with from and to."
            raise MethodError(what, where=shock.place, hint=hint, code="per")
        return 1.0
    if parameter.per is None:
        what = f"{parameter.id} does not say for what change its effect is told."
        hint = "Add per: {change: 10, unit: percentage points} to its record."
        raise MethodError(what, where=parameter.place or shock.place, hint=hint, code="per")
    if parameter.per.unit == "percent":
        if shock.start <= 0 or shock.end <= 0:
            what = f"{parameter.id} is told in percent, and a change from or to 0 has none."
            raise MethodError(what, where=shock.place, hint="Give levels above 0.", code="per")
        return math.log(shock.end / shock.start) / math.log1p(parameter.per.change / 100)
    return (shock.end - shock.start) / parameter.per.change
