"""A plan of what a budget for connectivity may be spent on, as it is written: budget, countries, responses, conditions.

A reviewed YAML file (`schema: concordat/allocation-plan@1`). Each country has a response: how many people a million US
dollars connects, in segments of money in which that number falls (the easy places come first). A response is a size
like any other: it has a distribution (one factor on all its segments, drawn for the stability of the ranking), a source
and a grade, or the plan is refused; one that is unverified needs `allow_unverified: true`, and every output says so.

Money is in millions of US dollars, people are persons, shares online are percent.

    >>> plan = parse_plan('''
    ... schema: concordat/allocation-plan@1
    ... plan: demo
    ... title: Two countries
    ... budget: 30
    ... objective: people
    ... areas:
    ...   - area: ETH
    ...     population: 1000000
    ...     online_pct: 20
    ...     figures_source: illustrative
    ...     response:
    ...       segments: [{width: 20, people_per_million: 9000}, {width: 20, people_per_million: 4000}]
    ...       distribution: {kind: lognormal, sigma: 0.2}
    ...       source: {id: demo, where: illustrative, url_or_doi: none}
    ...       grade: D
    ... allow_unverified: true
    ... ''', where="plan.yaml")
    >>> plan.areas[0].offline, plan.areas[0].widths
    (800000.0, (20.0, 20.0))

What this does not do: open files, or solve.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.impact.distributions import Distribution
from concordat.impact.parameter_file import DistributionKeys, Id, SourceKeys, Text
from concordat.impact.parameters import Parameter, Source, usable
from concordat.settings import Document, nearest, parse_yaml, validate

Objective = Literal["people", "gap", "gdp", "theil"]
OBJECTIVES: dict[str, str] = {
    "people": "people connected",
    "gap": "mean gap to the frontier closed, points",
    "gdp": "GDP that goes with it, USD million a year (associational)",
    "theil": "fall of the Theil index of use between the countries, at its first order and fixed ranks",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Segment(_Strict):
    width: float = Field(gt=0)
    people_per_million: float = Field(gt=0)


class _Response(_Strict):
    segments: list[_Segment] = Field(min_length=1, max_length=50)
    distribution: DistributionKeys | None = None
    source: SourceKeys | None = None
    grade: Literal["A", "B", "C", "D", "U"] | None = None
    mark: Literal["verified", "partly", "unverified"] = "unverified"


class _Area(_Strict):
    area: Annotated[str, Field(min_length=1, max_length=40)]
    population: float = Field(gt=0)
    online_pct: float = Field(ge=0, le=100)
    figures_source: Text
    gdp_usd_million: float | None = Field(None, gt=0)
    absorption_max: float | None = Field(None, ge=0)
    minimum_share: float = Field(0.0, ge=0, le=1)
    response: _Response


class _Earmark(_Strict):
    donor: Annotated[str, Field(min_length=1, max_length=60)]
    areas: list[str] = Field(min_length=1)
    minimum: float | None = Field(None, ge=0)
    maximum: float | None = Field(None, ge=0)


class _Cvar(_Strict):
    weight: float = Field(ge=0, le=1)
    level: float = Field(0.9, gt=0, lt=1)


class _File(_Strict):
    schema_: Literal["concordat/allocation-plan@1"] = Field(alias="schema")
    plan: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$", max_length=60)]
    title: Text
    note: str = ""
    budget: float = Field(gt=0)
    objective: Objective
    frontier_pct: float | None = Field(None, gt=0, le=100)
    gdp_parameter: Id | None = None
    areas: list[_Area] = Field(min_length=1, max_length=300)
    earmarks: list[_Earmark] = []
    cvar: _Cvar | None = None
    draws: int = Field(200, ge=0, le=5000)
    top: int = Field(5, ge=1)
    seed: int = Field(20260101, ge=0)
    allow_unverified: bool = False


@dataclass(frozen=True, slots=True)
class PlanArea:
    """One country of a plan.

    Attributes:
        slopes: people for a million US dollars in each segment, falling. widths: the segments, USD million.
        response: the record of the response: a factor of 1 on all segments, with its distribution.
        absorption_max: USD million, None without a cap. minimum_share: of the budget.
    """

    area: str
    population: float
    online_pct: float
    figures_source: str
    gdp_usd_million: float | None
    absorption_max: float | None
    minimum_share: float
    slopes: tuple[float, ...]
    widths: tuple[float, ...]
    response: Parameter

    @property
    def online(self) -> float:
        """People online."""
        return self.population * self.online_pct / 100.0

    @property
    def offline(self) -> float:
        """People offline."""
        return self.population - self.online


@dataclass(frozen=True, slots=True)
class Earmark:
    """Money that a donor ties to some countries: at least `minimum`, at most `maximum`, USD million."""

    donor: str
    areas: tuple[str, ...]
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, checked.

    Attributes:
        frontier_pct: the share online that `gap` is measured to. gdp_parameter: the id of the effect for `gdp`.
        cvar_weight, cvar_level: weight on the worst draws and the share that is not among them; weight 0 without.
        draws: of the responses, for the ranking's stability. top: how many places of the ranking are told.
        sha256: of the file.
    """

    plan: str
    title: str
    budget: float
    objective: Objective
    frontier_pct: float | None
    gdp_parameter: str
    areas: tuple[PlanArea, ...]
    earmarks: tuple[Earmark, ...]
    cvar_weight: float
    cvar_level: float
    draws: int
    top: int
    seed: int
    allow_unverified: bool
    sha256: str

    @property
    def unverified(self) -> tuple[str, ...]:
        """Countries whose response is unverified."""
        return tuple(a.area for a in self.areas if a.response.unverified)


def parse_plan(text: str | bytes, *, where: str = "plan.yaml") -> Plan:
    """The plan of a file.

    Raises:
        InputError: an unknown key (the nearest is named), a country twice or unknown, a response that rises or that
            connects more people than are offline, a condition that the objective lacks; with the line.
        MethodError: a response without source, distribution or grade, or unverified without permission.
    """
    document = parse_yaml(text, where=where, schema="allocation-plan@1")
    file = validate(document, _File)
    areas = tuple(_area(keys, document, n, file.allow_unverified) for n, keys in enumerate(file.areas))
    _check_areas(areas, document)
    _check_objective(file, areas, document)
    names = [a.area for a in areas]
    earmarks = tuple(_earmark(e, names, document.place("earmarks", n)) for n, e in enumerate(file.earmarks))
    data = text.encode("utf-8") if isinstance(text, str) else text
    return Plan(
        file.plan, file.title, file.budget, file.objective, file.frontier_pct, file.gdp_parameter or "", areas,
        earmarks, file.cvar.weight if file.cvar else 0.0, file.cvar.level if file.cvar else 0.9, file.draws, file.top,
        file.seed, file.allow_unverified, hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def _area(keys: _Area, document: Document, n: int, allow_unverified: bool) -> PlanArea:
    place = document.place("areas", n, "response")
    given = keys.response
    slopes, widths = [s.people_per_million for s in given.segments], [s.width for s in given.segments]
    for before, after in pairwise(slopes):
        if after > before:
            what = f"{keys.area}: a segment connects {after:g} people a million after one that connects {before:g}."
            hint = "Put the segments that connect most first: the response must be concave."
            raise InputError(what, where=place, hint=hint, code="not_concave")
    response = usable(_response(keys, place), allow_unverified=allow_unverified)
    made = PlanArea(
        keys.area, keys.population, keys.online_pct, keys.figures_source, keys.gdp_usd_million, keys.absorption_max,
        keys.minimum_share, tuple(slopes), tuple(widths), response,
    )  # fmt: skip
    whole = sum(s * w for s, w in zip(slopes, widths, strict=True))
    if whole > made.offline * (1.0 + 1e-9):
        what = f"{keys.area}: its segments would connect {whole:,.0f} people, and {made.offline:,.0f} are offline."
        raise InputError(what, where=place, hint="Shorten the last segments.", code="more_than_offline")
    return made


def _response(keys: _Area, place: str) -> Parameter:
    given = keys.response
    distribution = None
    if given.distribution is not None:
        d = given.distribution
        distribution = Distribution(
            d.kind, d.sd, d.sigma, d.low, d.high, tuple(d.values), tuple(d.weights), tuple(d.levels), d.reason, d.note
        )
        fault = distribution.fault(1.0) or ("its factor can't go by level" if d.levels else "")
        if fault:
            hint = "It is a factor on all segments, so its centre is 1."
            raise InputError(f"{keys.area}: {fault}.", where=place, hint=hint, code="distribution")
    source = Source(given.source.id, given.source.where, given.source.url_or_doi) if given.source else None
    return Parameter(
        id=f"response_{keys.area}",
        value=1.0,
        quantity="effect_multiplier",
        distribution=distribution,
        unit="times the people that each segment connects",
        source=source,
        grade=given.grade or "",
        mark=given.mark,
        place=place,
    )


def _check_areas(areas: tuple[PlanArea, ...], document: Document) -> None:
    seen: set[str] = set()
    for n, a in enumerate(areas):
        if a.area in seen:
            place = document.place("areas", n, "area")
            raise InputError(f"{a.area} stands twice.", where=place, hint="Keep one.", code="duplicate_area")
        seen.add(a.area)


def _check_objective(file: _File, areas: tuple[PlanArea, ...], document: Document) -> None:
    place = document.place("objective")
    if file.objective == "gap" and file.frontier_pct is None:
        hint = "Add frontier_pct: the share online that the gap is measured to."
        raise InputError("the objective gap needs frontier_pct.", where=place, hint=hint, code="frontier")
    if file.objective == "gap" and file.frontier_pct is not None:
        for n, a in enumerate(areas):
            if a.online_pct >= file.frontier_pct:
                what = f"{a.area} has {a.online_pct:g} % online, at or above the frontier of {file.frontier_pct:g}."
                hint = "Raise the frontier, or leave the country out."
                raise InputError(what, where=document.place("areas", n), hint=hint, code="frontier")
    if file.objective == "gdp":
        lacking = [a.area for a in areas if a.gdp_usd_million is None]
        if lacking or not file.gdp_parameter:
            needs = f"gdp_usd_million of {', '.join(lacking)}" if lacking else "gdp_parameter"
            hint = "See: concordat parameters list" if not lacking else "Add it for each country."
            raise InputError(f"the objective gdp needs {needs}.", where=place, hint=hint, code="gdp")
    if file.objective in ("gdp", "theil"):
        for n, a in enumerate(areas):
            if a.online_pct == 0:
                what = f"{a.area} has nobody online, so {file.objective} has no first-order change there."
                raise InputError(what, where=document.place("areas", n), hint="Choose people or gap.", code="nobody")


def _earmark(keys: _Earmark, names: list[str], place: str) -> Earmark:
    for area in keys.areas:
        if area not in names:
            close = nearest(area, names)
            hint = f'Did you mean "{close[0]}"?' if close else f"The plan has: {', '.join(names[:12])}."
            raise InputError(f'{keys.donor}: "{area}" is not in the plan.', where=place, hint=hint, code="unknown_area")
    if keys.minimum is None and keys.maximum is None:
        what = f"the earmark of {keys.donor} says neither minimum nor maximum."
        raise InputError(what, where=place, hint="Add one of them.", code="earmark")
    return Earmark(keys.donor, tuple(sorted(set(keys.areas))), keys.minimum, keys.maximum)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a plan, as shipped in `schema/allocation-plan-1.json`."""
    schema = _File.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/allocation-plan@1", **schema}
