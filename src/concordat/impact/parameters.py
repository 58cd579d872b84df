"""The sizes that a scenario rests on: each with its source, its spread and its grade, or it is not used.

A parameter says what its number means (`quantity`), for whom it was found (`population`, `covers`, `year`), how sure it
is (`distribution`) and how it is known (`grade`, `mark`):

    A causal design, replicated            B structural estimate, published and reproduced
    C associational panel                  D expert judgement or bound of a scenario          U unverified

`usable` refuses what lacks source, distribution or grade, and what is unverified unless the scenario allows it. Records
come from `data/parameters.yaml` and from a file of the user's own (`parameter_file`); a coefficient of one's own
estimation becomes a record here too. Quoted figures of published world scenarios stand beside results and are never fed
to a solver.

    >>> book = load_parameters()
    >>> book["rta_effect_goods"].value, book["rta_effect_goods"].grade
    (0.557185, 'B')
    >>> book["rta_effect"]
    Traceback (most recent call last):
    ...
    concordat.errors.InputError: "rta_effect" is not a parameter I know. Did you mean "rta_effect_goods"?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from concordat.errors import InputError, MethodError
from concordat.impact.distributions import Distribution
from concordat.settings import nearest

DATA = Path(__file__).parent / "data"

QUANTITIES = {
    "flow_effect_log": "change of the logarithm of trade: T = exp(b)",
    "cost_change": "relative change of trade cost: T = (1 + change)^(-theta)",
    "trade_elasticity": "theta: percent of trade for one percent of trade cost",
    "elasticity": "percent of trade cost (of output, for productivity) for one percent of what drives it",
    "flow_elasticity": "percent of trade for one percent of a term of the gravity equation: for fitted flows",
    "effect_multiplier": "factor on another parameter's effect",
    "growth_effect": "change of GDP or of its growth: for the connectivity plan, not for trade",
    "price": "a price or cost",
    "share": "a share of something",
    "published_scenario": "figures of a published scenario: quoted, never fed to a solver",
}
GRADES = {
    "A": "causal design, replicated",
    "B": "structural estimate, published and reproduced",
    "C": "associational panel",
    "D": "expert judgement or bound of a scenario",
    "U": "unverified",
}
ASSOCIATIONAL = "C"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a parameter was read: a short id, the place inside, and an address or DOI."""

    id: str
    where: str
    url_or_doi: str


@dataclass(frozen=True, slots=True)
class Per:
    """The change that an effect is told for: 10 "percentage points", 10 "percent", 0.1 "index points"."""

    change: float
    unit: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that the source gives beside the central value, in words, number and unit."""

    case: str
    value: float | None
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One size.

    Attributes:
        value: the central value; None where none is shipped (`note` says why).
        quantity: one of `QUANTITIES`. unit: in words. per: the change that the value is told for.
        direction: of what trade it works on: `both`, `exports` or `imports` of the country that changes.
        scope: `pair` (a rule between two), `country` (what one country changes) or "" (neither).
        covers: the kinds of trade it was found for ("goods", "services", ...); empty where the source doesn't say.
        mark: `verified`, `partly` or `unverified`: whether the source was read. place: file and line, for messages.
    """

    id: str
    value: float | None
    quantity: str
    distribution: Distribution | None
    unit: str
    source: Source | None
    grade: str
    direction: str = "both"
    scope: str = ""
    covers: tuple[str, ...] = ()
    population: str = ""
    year: int | None = None
    per: Per | None = None
    mark: str = "unverified"
    note: str = ""
    figures: tuple[Figure, ...] = ()
    place: str = ""

    @property
    def unverified(self) -> bool:
        """Whether every output that rests on it is to be stamped."""
        return self.grade == "U" or self.mark == "unverified"

    @property
    def associational(self) -> bool:
        """Whether it shows what goes together, not what causes what."""
        return self.grade == ASSOCIATIONAL or self.quantity == "growth_effect"

    def to_value(self) -> dict[str, Any]:
        """Plain values, as the program's JSON has them."""
        return {
            "id": self.id,
            "value": self.value,
            "quantity": self.quantity,
            "distribution": self.distribution.to_value() if self.distribution else None,
            "spread": self.distribution.words() if self.distribution else None,
            "unit": self.unit,
            "per": {"change": self.per.change, "unit": self.per.unit} if self.per else None,
            "direction": self.direction,
            "scope": self.scope or None,
            "covers": list(self.covers),
            "population": self.population or None,
            "year": self.year,
            "source": {"id": self.source.id, "where": self.source.where, "url_or_doi": self.source.url_or_doi}
            if self.source
            else None,
            "grade": self.grade or None,
            "grade_means": GRADES.get(self.grade),
            "mark": self.mark,
            "associational": self.associational,
            "note": self.note or None,
            "figures": [
                {"case": f.case, "value": f.value, "unit": f.unit, "note": f.note or None} for f in self.figures
            ],
        }


@dataclass(frozen=True, eq=False)
class ParameterBook:
    """Parameters by id, the joint covariance of those estimated together, and the hash of each file they came from.

    Attributes:
        joint: estimation -> (ids, covariance as rows). files: name of the file -> SHA-256 of its bytes.
    """

    parameters: Mapping[str, Parameter]
    joint: Mapping[str, tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Parameter:
        """The parameter of that id.

        Raises:
            InputError: there is none; the nearest is named.
        """
        return self.get(name)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters.values())

    def __len__(self) -> int:
        return len(self.parameters)

    def get(self, name: str, *, where: str = "") -> Parameter:
        """As `[...]`; `where` is the place that asks, for the message."""
        found = self.parameters.get(name)
        if found is None:
            close = nearest(name, self.parameters)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known ids: {', '.join(self.parameters)}."
            raise InputError(f'"{name}" is not a parameter I know.', where=where, hint=hint, code="unknown_parameter")
        return found

    def estimated_with(self, name: str) -> str:
        """The estimation that a parameter shares with others, or ""."""
        return next((e for e, (ids, _) in self.joint.items() if name in ids), "")

    def plus(self, other: ParameterBook) -> ParameterBook:
        """Both books together.

        Raises:
            InputError: an id stands in both. Ids are never reused: a result that names one must mean one record.
        """
        for name in other.parameters:
            if name in self.parameters:
                what = f'the id "{name}" is taken: {self.parameters[name].place} has it.'
                place = other.parameters[name].place
                raise InputError(what, where=place, hint="Choose another id for yours.", code="duplicate_parameter")
        return ParameterBook(
            {**self.parameters, **other.parameters}, {**self.joint, **other.joint}, {**self.files, **other.files}
        )

    def with_parameter(self, parameter: Parameter) -> ParameterBook:
        """One more parameter (of the user's own estimation, or a value that a scenario states itself)."""
        return self.plus(ParameterBook({parameter.id: parameter}))


def usable(parameter: Parameter, *, allow_unverified: bool, where: str = "") -> Parameter:
    """The parameter, if a run may rest on it.

    Raises:
        MethodError: it is quoted only, has no value, lacks source, distribution or grade, or is unverified without
            permission. The message has its id, the line of its file and the field.
    """
    place = parameter.place or where
    asked = f" (used in {where})" if where and where != place else ""
    if parameter.quantity == "published_scenario":
        what = f"{parameter.id} is a figure of a published scenario: it is quoted beside results, not computed with."
        hint = "List it under quote: in the scenario."
        raise MethodError(what + asked, where=place, hint=hint, code="quoted_only")
    if parameter.value is None:
        what = f"{parameter.id} has no size that could be used: {parameter.note or 'none is given'}{asked}"
        hint = "Give a record of your own with value, distribution, source and grade in a parameter file."
        raise MethodError(what.rstrip(".") + ".", where=place, hint=hint, code="no_value")
    for name, there in (
        ("source", parameter.source is not None),
        ("distribution", parameter.distribution is not None),
        ("grade", bool(parameter.grade)),
    ):
        if not there:
            what = f"{parameter.id} has no {name}{asked}."
            hint = f"Add {name}: to the record; a run uses no parameter without it."
            raise MethodError(what, where=place, hint=hint, code=f"no_{name}")
    if parameter.unverified and not allow_unverified:
        what = f"{parameter.id} is unverified (grade {parameter.grade}){asked}."
        hint = "Check it and grade it, or say allow_unverified: true; every output is then stamped UNVERIFIED."
        raise MethodError(what, where=place, hint=hint, code="unverified")
    return parameter


@cache
def load_parameters() -> ParameterBook:
    """The packaged parameters."""
    from concordat.impact.parameter_file import parse_parameters

    return parse_parameters((DATA / "parameters.yaml").read_bytes(), where="concordat/impact/data/parameters.yaml")
