"""Which published estimates of the cost of connecting everyone stand beside our own, and what do they imply a person?

The estimates are kept in `data/cost_anchors.yaml`, each with scope, source and mark (specification, section 8). From
0.4 to 2.8 trillion US dollars is a difference of scope, not of opinion, so no figure is printed without its scope.

`implied_unit_costs` divides published parts by the people they are for: the world's average cost a person. It is the
best that can be said of a country without figures of its own, and no more: grade D.

What this does not do: convert prices of different years, or tell a mountain from a plain.

    >>> round(implied_unit_costs()["coverage"].central)
    615
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.settings import parse_yaml, validate

SCOPES = ("coverage", "affordable", "meaningful")
CENTRAL = "itu-2025"  # the newest that breaks its total down into all parts
Mark = Literal["verified", "partly", "unverified"]
Text = Annotated[str, Field(min_length=1, max_length=400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Range(_Strict):
    low: float = Field(gt=0)
    high: float = Field(gt=0)


class _People(_Strict):
    billions: float = Field(gt=0)
    of: Text
    mark: Mark


class _Part(_Range):
    part: Literal["infrastructure", "affordability", "skills", "policy"]
    note: str = ""
    mark: Mark


class _Case(_Strict):
    case: Text
    change: Text


class _Source(_Strict):
    id: Text
    where: Text
    url_or_doi: Text


class _Anchor(_Strict):
    id: Text
    title: Text
    year: int
    scope: Literal["coverage", "affordable", "meaningful"]
    covers: Text
    total: _Range
    people: _People | None = None
    parts: list[_Part] = []
    cases: list[_Case] = []
    source: _Source
    mark: Mark


class _File(_Strict):
    schema_: Literal["concordat/cost-anchors@1"] = Field(alias="schema")
    note: str = ""
    anchors: list[_Anchor] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a published total, in billions of US dollars: infrastructure, affordability, skills or policy."""

    part: str
    low: float
    high: float
    mark: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A published estimate.

    Attributes:
        scope: coverage, affordable or meaningful. covers: in words. low, high: of the total, billions of US dollars.
        people_bn, people_of, people_mark: for how many, if the publication says; else None and "".
        cases: other assumptions and what they change, in words.
        mark: verified, partly or unverified.
    """

    id: str
    title: str
    year: int
    scope: str
    covers: str
    low: float
    high: float
    people_bn: float | None
    people_of: str
    people_mark: str
    parts: tuple[Part, ...]
    cases: tuple[tuple[str, str], ...]
    source_id: str
    source_where: str
    source_url: str
    mark: str

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UnitCost:
    """US dollars a person that published estimates imply for one scope; `basis` says how."""

    scope: str
    low: float
    central: float
    high: float
    basis: str


def load_anchors() -> tuple[Anchor, ...]:
    """The packaged estimates, oldest first."""
    return _load(files("concordat.impact").joinpath("data/cost_anchors.yaml").read_bytes())


@cache
def _load(data: bytes) -> tuple[Anchor, ...]:
    return parse_anchors(data, where="concordat/impact/data/cost_anchors.yaml")


def parse_anchors(data: bytes, *, where: str) -> tuple[Anchor, ...]:
    """The estimates of a file.

    Raises:
        InputError: an unknown key, an id twice, a range upside down; with the line.
    """
    document = parse_yaml(data, where=where, schema="cost-anchors@1")
    file = validate(document, _File)
    seen: set[str] = set()
    for n, anchor in enumerate(file.anchors):
        place = document.place("anchors", n)
        if anchor.id in seen:
            raise InputError(f'the id "{anchor.id}" stands twice.', where=place, hint="Keep one.", code="duplicate")
        seen.add(anchor.id)
        for span in (anchor.total, *anchor.parts):
            if span.low > span.high:
                raise InputError(
                    f"{span.low:g} is above {span.high:g}.", where=place, hint="Write low first.", code="range"
                )
    return tuple(sorted((_anchor(a) for a in file.anchors), key=lambda a: (a.year, a.id)))


def _anchor(a: _Anchor) -> Anchor:
    people = a.people
    return Anchor(
        a.id, a.title, a.year, a.scope, a.covers, a.total.low, a.total.high,
        people.billions if people else None, people.of if people else "", people.mark if people else "",
        tuple(Part(p.part, p.low, p.high, p.mark, p.note) for p in a.parts),
        tuple((c.case, c.change) for c in a.cases),
        a.source.id, a.source.where, a.source.url_or_doi, a.mark,
    )  # fmt: skip


def implied_unit_costs(anchors: tuple[Anchor, ...] | None = None) -> dict[str, UnitCost]:
    """US dollars a person in each scope: published parts divided by the people that they are for.

    Coverage is infrastructure; affordable adds affordability; meaningful adds skills and policy. The central value is
    the middle of ITU 2025; the range runs from the lowest to the highest infrastructure of any estimate that says for
    how many people it is, with the additions of ITU 2025, the only one that has them.
    """
    found = {a.id: a for a in (load_anchors() if anchors is None else anchors)}
    whole = found[CENTRAL]
    assert whole.people_bn is not None
    each = {p.part: (p.low / whole.people_bn, p.high / whole.people_bn) for p in whole.parts}
    known = [
        (bound / a.people_bn, a.id)
        for a in found.values()
        if a.people_bn is not None
        for p in a.parts
        if p.part == "infrastructure"
        for bound in (p.low, p.high)
    ]
    (low, low_id), (high, high_id) = min(known), max(known)
    central = sum(each["infrastructure"]) / 2
    basis = f"infrastructure from {low_id} to {high_id}"
    made = {}
    for scope, added in zip(SCOPES, ((), ("affordability",), ("skills", "policy")), strict=True):
        for part in added:
            low, central, high = low + each[part][0], central + sum(each[part]) / 2, high + each[part][1]
            basis = f"{basis}, {part} of {CENTRAL}"
        made[scope] = UnitCost(scope, low, central, high, basis)
    return made  # billions of dollars over billions of people are dollars a person
