"""The plan of a digital poverty as it is written: a reviewed YAML file, `schema: concordat/poverty@1`.

It says which answers show a deprivation, what each weighs, and the cutoff. Unknown keys are errors that suggest the
nearest; every fault has its line. `read_plan` turns the file into a `PovertyPlan` for `alkire_foster`; its hash is
printed on what it produced. JSON Schema: `schema/poverty-1.json`.

    >>> plan = read_plan('''
    ... schema: concordat/poverty@1
    ... poverty: demo
    ... title: Offline or without skills
    ... k: 0.5
    ... deprivations:
    ...   - name: offline
    ...     items: [{column: uses, deprived: [2], not_deprived: [1]}]
    ...   - name: unskilled
    ...     items: [{column: files, deprived: [2], not_deprived: [1], routing: [""], dont_know: [9], skill: true}]
    ... ''', where="plan.yaml")
    >>> plan.plan.deprivations[1].weight, plan.plan.deprivations[0].items[0].deprived, plan.min_cell
    (0.5, ('2',), 30)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concordat import canonical
from concordat.observatory.divide.poverty import Deprivation, PovertyPlan, Question
from concordat.settings import parse_yaml, validate

Code = int | str
Column = Annotated[str, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0, le=1)]
_SLACK = 1e-9


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ItemKeys(_Strict):
    """One question, and what each of its answers says; "" is a blank. An answer that no list has is an error."""

    column: Column
    deprived: list[Code] = []
    below: float | None = None
    routing: list[Code] = []
    dont_know: list[Code] = []
    skill: bool = False
    not_deprived: list[Code] = []
    missing: list[Code] = []

    @model_validator(mode="after")
    def _one(self) -> ItemKeys:
        if bool(self.deprived) == (self.below is not None):
            raise ValueError(f'the item "{self.column}" needs either deprived or below')
        return self


class DeprivationKeys(_Strict):
    """A deprivation: shown where at least `need` of its items show it."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    title: str = ""
    weight: Share | None = None
    need: int = Field(1, ge=1)
    items: list[ItemKeys] = Field(min_length=1)

    @model_validator(mode="after")
    def _enough(self) -> DeprivationKeys:
        if self.need > len(self.items):
            raise ValueError(f'"{self.name}" needs {self.need} of {len(self.items)} items')
        return self


class PovertyFile(_Strict):
    """A whole plan, `schema: concordat/poverty@1`."""

    schema_: str = Field(alias="schema")
    poverty: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$", max_length=80)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    note: str = ""
    k: Share
    weight: Column | None = None
    groups: Column | None = None
    strata: Column | None = None
    psu: Column | None = None
    min_cell: int = Field(30, ge=1)
    deprivations: list[DeprivationKeys] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> PovertyFile:
        names = [d.name for d in self.deprivations]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'the deprivation "{twice}" stands twice')
        weights = [d.weight for d in self.deprivations if d.weight is not None]
        if weights and len(weights) < len(names):
            raise ValueError("give every deprivation a weight, or none for equal ones")
        if weights and abs(sum(weights) - 1) > _SLACK:
            raise ValueError(f"the weights of the deprivations sum to {sum(weights):g}, not to 1")
        return self


@dataclass(frozen=True, slots=True)
class ReviewedPlan:
    """A plan as it was reviewed: its name, the hash of the file, and the least number of persons in a cell."""

    id: str
    title: str
    hash: str
    min_cell: int
    plan: PovertyPlan


def read_plan(text: str | bytes, *, where: str = "plan.yaml") -> ReviewedPlan:
    """Read a plan.

    Raises:
        InputError: an unknown key, a value that can't be, weights that don't sum to 1; with file and line.
    """
    document = parse_yaml(text, where=where, schema="poverty@1")
    file = validate(document, PovertyFile)
    equal = 1 / len(file.deprivations)
    plan = PovertyPlan(
        tuple(
            Deprivation(d.name, tuple(_question(i) for i in d.items), d.weight or equal, d.need)
            for d in file.deprivations
        ),
        file.k,
        weight=file.weight,
        groups=file.groups,
        strata=file.strata,
        psu=file.psu,
    )
    digest = canonical.digest(dict(document.value), floats=True)
    return ReviewedPlan(file.poverty, file.title, digest, file.min_cell, plan)


def _question(i: ItemKeys) -> Question:
    deprived, routing, dont_know, not_deprived, missing = (
        tuple(str(code).strip() for code in given)
        for given in (i.deprived, i.routing, i.dont_know, i.not_deprived, i.missing)
    )
    return Question(i.column, deprived, i.below, routing, dont_know, i.skill, not_deprived, missing)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a plan, as shipped in `schema/poverty-1.json`."""
    schema = PovertyFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/poverty@1", **schema}
