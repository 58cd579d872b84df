"""A file of parameters as it is written: `schema: concordat/parameters@1`, strict, with the line of every fault.

The packaged `data/parameters.yaml` and a user's own file have the same form. Source, distribution and grade may be left
out of a record, since a record is often begun before it is known: a run that uses it then refuses, by field
(`parameters.usable`). Coefficients of one estimation are tied together under `estimations`, with their covariance.
JSON Schema: `schema/parameters-1.json`.

    >>> book = parse_parameters('''
    ... schema: concordat/parameters@1
    ... parameters:
    ...   - id: dstri_effect_own
    ...     value: -0.12
    ...     quantity: flow_effect_log
    ...     per: {change: 0.1, unit: index points}
    ...     scope: country
    ...     direction: exports
    ...     distribution: {kind: normal, sd: 0.05}
    ...     unit: log points on exports of digitally deliverable services
    ...     source: {id: own-estimate-2026, where: table 3, url_or_doi: "https://example.org/note.pdf"}
    ...     grade: C
    ...     mark: verified
    ... ''', where="own.yaml")
    >>> book["dstri_effect_own"].per.change, book["dstri_effect_own"].place
    (0.1, 'own.yaml, line 4')
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.impact.distributions import Distribution
from concordat.impact.parameters import Figure, Parameter, ParameterBook, Per, Source
from concordat.settings import Document, parse_yaml, validate

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Text = Annotated[str, Field(min_length=1, max_length=400)]
_TOLERANCE = 1e-9


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SourceKeys(Strict):
    """Where the number was read."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=60)]
    where: Text
    url_or_doi: Text


class PerKeys(Strict):
    """The change that the effect is told for."""

    change: float = Field(gt=0)
    unit: Text


class DistributionKeys(Strict):
    """How sure it is."""

    kind: Literal["point", "normal", "lognormal", "triangular", "uniform", "discrete"]
    sd: float | None = None
    sigma: float | None = None
    low: float | None = None
    high: float | None = None
    values: list[float] = []
    weights: list[float] = []
    levels: list[float] = []
    reason: str = ""
    note: str = ""


class FigureKeys(Strict):
    """A figure that the source gives beside the value."""

    case: Text
    value: float | None = None
    unit: Text
    note: str = ""


class ParameterKeys(Strict):
    """One parameter."""

    id: Id
    value: float | None = None
    quantity: Literal[
        "flow_effect_log", "cost_change", "trade_elasticity", "elasticity", "flow_elasticity", "effect_multiplier",
        "growth_effect", "price", "share", "published_scenario",
    ]  # fmt: skip
    distribution: DistributionKeys | None = None
    unit: Text
    per: PerKeys | None = None
    direction: Literal["both", "exports", "imports"] = "both"
    scope: Literal["", "pair", "country"] = ""
    covers: list[Text] = []
    population: str = ""
    year: int | None = Field(None, ge=1900, le=2100)
    source: SourceKeys | None = None
    grade: Literal["A", "B", "C", "D", "U"] | None = None
    mark: Literal["verified", "partly", "unverified"] = "unverified"
    note: str = ""
    figures: list[FigureKeys] = []


class EstimationKeys(Strict):
    """Coefficients of one estimation: drawn together, jointly normal."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-_]*$", max_length=60)]
    parameters: list[Id] = Field(min_length=2)
    covariance: list[list[float]]


class ParametersFile(Strict):
    """The file."""

    schema_: Literal["concordat/parameters@1"] = Field(alias="schema")
    note: str = ""
    parameters: list[ParameterKeys] = Field(min_length=1)
    estimations: list[EstimationKeys] = []


def parse_parameters(text: str | bytes, *, where: str = "parameters.yaml") -> ParameterBook:
    """The parameters of a file.

    Raises:
        InputError: an unknown key, an id twice, a distribution that can't be, a covariance that does not fit; with the
            line.
    """
    document = parse_yaml(text, where=where, schema="parameters@1")
    file = validate(document, ParametersFile)
    found: dict[str, Parameter] = {}
    for n, keys in enumerate(file.parameters):
        if keys.id in found:
            what = f'the id "{keys.id}" stands twice.'
            place = document.place("parameters", n, "id")
            raise InputError(what, where=place, hint="Keep one record.", code="duplicate_parameter")
        found[keys.id] = _parameter(keys, document, n)
    joint = {}
    for n, estimation in enumerate(file.estimations):
        joint[estimation.id] = _joint(estimation, found, document.place("estimations", n))
    data = text.encode("utf-8") if isinstance(text, str) else text
    return ParameterBook(found, joint, {where: hashlib.sha256(data).hexdigest()})


def _parameter(keys: ParameterKeys, document: Document, n: int) -> Parameter:
    distribution = _distribution(keys, document.place("parameters", n, "distribution"))
    if keys.quantity in ("cost_change",) and keys.value is not None and keys.value <= -1:
        what = f"{keys.id}: a cost can't fall by {-keys.value:g} of itself."
        hint = "Write -0.02 for a fall by 2 %."
        raise InputError(what, where=document.place("parameters", n, "value"), hint=hint, code="value")
    return Parameter(
        id=keys.id,
        value=keys.value,
        quantity=keys.quantity,
        distribution=distribution,
        unit=keys.unit,
        source=Source(keys.source.id, keys.source.where, keys.source.url_or_doi) if keys.source else None,
        grade=keys.grade or "",
        direction=keys.direction,
        scope=keys.scope,
        covers=tuple(keys.covers),
        population=keys.population,
        year=keys.year,
        per=Per(keys.per.change, keys.per.unit) if keys.per else None,
        mark=keys.mark,
        note=keys.note,
        figures=tuple(Figure(f.case, f.value, f.unit, f.note) for f in keys.figures),
        place=document.place("parameters", n),
    )


def _distribution(keys: ParameterKeys, place: str) -> Distribution | None:
    given = keys.distribution
    if given is None:
        return None
    made = Distribution(
        given.kind, given.sd, given.sigma, given.low, given.high, tuple(given.values), tuple(given.weights),
        tuple(given.levels), given.reason, given.note,
    )  # fmt: skip
    fault = made.fault(keys.value)
    if fault:
        raise InputError(f"{keys.id}: {fault}.", where=place, hint="Correct the distribution.", code="distribution")
    return made


def _joint(
    keys: EstimationKeys, found: dict[str, Parameter], place: str
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    """The ids and covariance of an estimation, checked against the records.

    Raises:
        InputError: an unknown id, a matrix that is no covariance, a variance that is not the record's sd squared.
    """
    ids, rows = keys.parameters, keys.covariance
    hint = "Each needs kind: normal, and its sd squared on the diagonal."

    def refuse(what: str) -> InputError:
        return InputError(f"{keys.id}: {what}.", where=place, hint=hint, code="covariance")

    book = ParameterBook(found)
    members = [book.get(name, where=place) for name in ids]
    if len(set(ids)) != len(ids):
        raise refuse("a parameter stands twice")
    if len(rows) != len(ids) or any(len(row) != len(ids) for row in rows):
        raise refuse(f"{len(ids)} parameters need a covariance of {len(ids)} by {len(ids)}")
    for i, parameter in enumerate(members):
        sd = parameter.distribution.sd if parameter.distribution and parameter.distribution.kind == "normal" else None
        if sd is None or abs(rows[i][i] - sd * sd) > _TOLERANCE + 1e-6 * sd * sd:
            raise refuse(f"the variance of {parameter.id} is {rows[i][i]:g}, and its record has sd {sd}")
        if any(abs(rows[i][j] - rows[j][i]) > _TOLERANCE for j in range(i)):
            raise refuse("the covariance is not symmetric")
    cholesky(rows, refuse("the covariance is not positive definite"))
    return tuple(ids), tuple(tuple(row) for row in rows)


def cholesky(rows: Any, refused: Exception) -> list[list[float]]:
    """The lower triangular L with L L' = rows, of a small matrix; `refused` is raised where there is none.

    >>> cholesky([[4.0, 2.0], [2.0, 2.0]], ValueError())
    [[2.0, 0.0], [1.0, 1.0]]
    """
    size = len(rows)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = rows[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j and rest <= 0:
                raise refused
            lower[i][j] = rest**0.5 if i == j else rest / lower[j][j]
    return lower


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a parameter file, as shipped in `schema/parameters-1.json`."""
    schema = ParametersFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/parameters@1", **schema}
