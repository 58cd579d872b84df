"""What does it cost to connect those of a country who are offline: a network, a service they can pay, one they can use?

Three scopes, always together (specification, section 8). With `U` people to connect, `d = 1/(1+r)` and `T` years:

    coverage    = U (k + sum_{t=0}^{T-1} o d^t)             k capital, o running cost a year, for each person
    affordable  = coverage + U sum_{t=0}^{T-1} s d^t        s = device annuity + 12 max(0, price - 2 % of income)
    meaningful  = affordable + U skills + policy

`U` is the population times the gap between the share online and the target, today: growth of the population is not
counted. `k` and `o` may differ by setting (a density class, a technology) with the share of people in each. The yearly
equivalent of capital is the annuity `k r / (1 - (1+r)^-T)` with r the weighted cost of capital; running costs begin in
the year of the investment and all sums are present values at its start. Some research code marks capital up by the
cost of capital once instead; that is no present value.

Sizes are parameter records with source, distribution and grade (`parameters`), drawn together; the median and the 5
and 95 % quantiles are told. Without them, the world's average cost a person that published estimates imply is applied
to the country (`anchors`): grade D, with the range of the estimates, and no annuity, since they say nothing of years.
Published estimates stand beside every result.

What this does not do: design a network from a map; version 1 has no terrain, sites or routes.

    >>> made = connectivity_cost([Place("EGY", 100e6, 80.0)], target_pct=100.0)
    >>> made.places[0].people, [round(s.central / 1e9, 1) for s in made.places[0].scopes]
    (20000000.0, [12.3, 19.9, 21.0])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.connectivity.anchors import SCOPES, Anchor, implied_unit_costs, load_anchors
from concordat.impact.connectivity.cost_draws import Drawn
from concordat.impact.connectivity.sizes import UnitCosts
from concordat.impact.parameters import Parameter

Floats = NDArray[np.float64]
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A country: its population and the percentage of people online, with where they come from in words."""

    area: str
    population: float
    online_pct: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class ScopeCost:
    """The cost of one scope in US dollars.

    Attributes:
        low, central, high: 5 %, median and 95 % of the draws; or the range of published estimates around the newest.
            None, with the reason, where a size is missing.
        reason: why there is none.
    """

    scope: str
    low: float | None
    central: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlaceCost:
    """One country's cost.

    Attributes:
        people: to connect: population times the gap to the target.
        scopes: coverage, affordable, meaningful.
        capital: US dollars of capital; annuity: its yearly equivalent; running: US dollars a year. Medians; None
            without parameters.
    """

    area: str
    population: float
    online_pct: float
    people: float
    scopes: tuple[ScopeCost, ...]
    capital: float | None
    annuity: float | None
    running: float | None
    note: str


@dataclass(frozen=True, slots=True)
class ConnectivityCost:
    """What it costs, in three scopes, with what it rests on and published estimates beside.

    Attributes:
        total: the sum over places when there are several; its ends are quantiles of sums, not sums of quantiles.
        basis: how, in words. grade: the lowest of any size used. unverified: whether any size is.
        years, device_years: of the sums and of a device's life; None without parameters.
        parameters: the records used. draws: how many.
    """

    target_pct: float
    places: tuple[PlaceCost, ...]
    total: PlaceCost | None
    basis: str
    grade: str
    unverified: bool
    years: int | None
    device_years: int | None
    parameters: tuple[Parameter, ...]
    draws: int
    anchors: tuple[Anchor, ...]
    notes: tuple[str, ...]

    def to_value(self) -> dict[str, Any]:
        """Plain values, as the program's JSON has them."""
        plain = asdict(self)
        return plain | {"parameters": [p.to_value() for p in self.parameters]}


def connectivity_cost(
    places: Sequence[Place],
    *,
    target_pct: float = 100.0,
    unit_costs: UnitCosts | None = None,
    years: int = 10,
    device_years: int = 4,
    draws: int = DRAWS,
    seed: int = 20260101,
) -> ConnectivityCost:
    """What it costs to bring each country's share of people online to a target, in three scopes.

    Args:
        places: countries with population and percentage online.
        target_pct: the share online to reach.
        unit_costs: sizes of one's own; without them, the world's average of published estimates.
        years: over which running costs count and capital is repaid. device_years: how long a device lasts.

    Raises:
        InputError: no place, a percentage or population that can't be, years below 1.
        MethodError: no capital or running cost among the sizes.
    """
    _check(places, target_pct, years, device_years)
    people = np.array([p.population * max(0.0, target_pct - p.online_pct) / 100.0 for p in places])
    if unit_costs is None:
        made, total = _from_anchors(places, people)
        basis = "the world's average cost a person of published estimates, applied to this country"
        used: tuple[Parameter, ...] = ()
        return _result(target_pct, made, total, basis, "D", False, None, None, used, 0)
    drawn = Drawn(unit_costs, years, device_years, draws, seed)
    made = tuple(_place(p, float(u), int(u > 0), drawn) for p, u in zip(places, people, strict=True))
    whole = Place("all", sum(p.population for p in places), _online(places))
    total = _place(whole, float(people.sum()), int((people > 0).sum()), drawn) if len(places) > 1 else None
    used = unit_costs.all()
    grade = max(p.grade for p in used)  # A to D, then U: the last letter is the weakest
    basis = f"sizes of your own, {years} years"
    return _result(
        target_pct, made, total, basis, grade, any(p.unverified for p in used), years, device_years, used, draws
    )


def _check(places: Sequence[Place], target: float, years: int, device_years: int) -> None:
    if not places:
        raise InputError("no country is given.", hint="Name at least one.", code="no_place")
    for p in places:
        if not (math.isfinite(p.population) and p.population > 0):
            raise InputError(f"{p.population} is no population.", where=p.area, hint="Give persons.", code="population")
        if not 0.0 <= p.online_pct <= 100.0:
            raise InputError(f"{p.online_pct:g} % can't be online.", where=p.area, code="online")
    if not 0.0 < target <= 100.0:
        raise InputError(f"a target of {target:g} % can't be reached.", hint="Choose one up to 100.", code="target")
    if years < 1 or device_years < 1:
        raise InputError("years must be at least 1.", hint="Count whole years.", code="years")


def _online(places: Sequence[Place]) -> float:
    everyone = sum(p.population for p in places)
    return sum(p.population * p.online_pct for p in places) / everyone


def _result(
    target: float,
    made: tuple[PlaceCost, ...],
    total: PlaceCost | None,
    basis: str,
    grade: str,
    unverified: bool,
    years: int | None,
    device_years: int | None,
    used: tuple[Parameter, ...],
    draws: int,
) -> ConnectivityCost:
    notes = [
        "No figure without its scope: from 0.4 to 2.8 trillion US dollars for the world is scope, not disagreement."
    ]
    if years is None:
        notes.append(
            "A country's own cost differs from the world's average by terrain, density and prices, often several "
            "times; the range is that of published estimates, not of this country."
        )
        notes.append("No yearly cost: the estimates say nothing of years and interest.")
    notes.append("People of today: growth of the population is not counted.")
    return ConnectivityCost(
        target, made, total, basis, grade, unverified, years, device_years, used, draws, load_anchors(), tuple(notes)
    )


# --- From published estimates -------------------------------------------------------------------------------------


def _from_anchors(places: Sequence[Place], people: Floats) -> tuple[tuple[PlaceCost, ...], PlaceCost | None]:
    implied = implied_unit_costs()

    def cost(place: Place, u: float) -> PlaceCost:
        scopes = tuple(ScopeCost(s, u * implied[s].low, u * implied[s].central, u * implied[s].high) for s in SCOPES)
        return PlaceCost(place.area, place.population, place.online_pct, u, scopes, None, None, None, place.note)

    made = tuple(cost(p, float(u)) for p, u in zip(places, people, strict=True))
    if len(places) < 2:
        return made, None
    return made, cost(Place("all", sum(p.population for p in places), _online(places)), float(people.sum()))


# --- From sizes of one's own --------------------------------------------------------------------------------------


def _place(place: Place, people: float, places: int, drawn: Drawn) -> PlaceCost:
    made = [_scope(name, values, drawn) for name, values in drawn.scopes(people, places).items()]
    return PlaceCost(
        place.area, place.population, place.online_pct, people, tuple(made), people * float(np.median(drawn.capital)),
        people * float(np.median(drawn.annuity)), people * float(np.median(drawn.running)), place.note,
    )  # fmt: skip


def _scope(name: str, values: Floats | None, drawn: Drawn) -> ScopeCost:
    if values is None:
        return ScopeCost(name, None, None, None, f"not computed: needs {drawn.costs.missing(name)}")
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    return ScopeCost(name, float(low), float(middle), float(high))
