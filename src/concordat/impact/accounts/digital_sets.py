"""Which industries, products or services count as digital: reviewed sets, each named wherever a number rests on it.

`data/digital_products.yaml` holds what ships; a file of one's own, in the same form, is read by `parse_product_sets`.
A table tells its classification by codes that no other has (`recognised_by`), and every set of that classification is
then computed, as none is the right one. What a set is not: a statement by its publisher, unless its mark says so
(`verified` seen in the publisher's words, `secondary` quoted by somebody else, `unverified` not seen, `own` ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError

Mark = Literal["verified", "secondary", "unverified", "own"]
SCHEMA = "digital-products@1"
FILE = "digital_products.yaml"


class _Classification(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    recognised_by: list[str] = Field(default_factory=list)


class _Set(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    kind: Literal["industries", "products", "services"]
    classification: str
    codes: list[str] = Field(min_length=1)
    names: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, list[str]] = Field(default_factory=dict)
    source: str
    mark: Mark


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: str = Field(alias="schema")
    classifications: list[_Classification] = Field(default_factory=list)
    sets: list[_Set]


@dataclass(frozen=True, slots=True)
class ProductSet:
    """A set of codes that count as digital.

    Attributes:
        id: its name. title: in words. kind: of what the codes are. classification: whose codes they are.
        codes: they themselves. names: of codes, where given. parts: code -> codes that make it up, all of them.
        source: where the choice is from. mark: how far that was checked.
    """

    id: str
    title: str
    kind: str
    classification: str
    codes: tuple[str, ...]
    source: str
    mark: str
    names: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ProductSets:
    """All sets of a file, and the codes that tell its classifications apart."""

    sets: tuple[ProductSet, ...]
    recognised_by: tuple[tuple[str, tuple[str, ...]], ...] = ()
    where: str = FILE

    def get(self, set_id: str) -> ProductSet:
        """The set of that id.

        Raises:
            InputError: there is none; the nearest is suggested.
        """
        from concordat.settings import nearest

        for one in self.sets:
            if one.id == set_id:
                return one
        ids = [one.id for one in self.sets]
        close = nearest(set_id, ids)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(ids)}."
        raise InputError(f'"{set_id}" is not a set I know.', where=self.where, hint=hint, code="unknown_set")

    def of(self, classification: str, kind: str = "industries") -> tuple[ProductSet, ...]:
        """The sets of a classification, in the order of the file."""
        return tuple(s for s in self.sets if s.classification == classification and s.kind == kind)

    def classification(self, codes: Sequence[str]) -> str:
        """The classification that a table's codes belong to, or "" if none is recognised."""
        held = set(codes)
        return next((name for name, signs in self.recognised_by if signs and held.issuperset(signs)), "")


def parse_product_sets(text: str | bytes, *, where: str) -> ProductSets:
    """Sets from a reviewed file.

    Raises:
        InputError: not in the form, a set or code twice.
    """
    from concordat.settings import parse_yaml, validate

    document = parse_yaml(text, where=where, schema=SCHEMA)
    file = validate(document, _File)
    seen: set[str] = set()
    for n, one in enumerate(file.sets):
        twice = sorted({c for c in one.codes if one.codes.count(c) > 1})
        if one.id in seen or twice:
            what = f"the set {one.id} stands twice." if one.id in seen else f"{one.id} has {', '.join(twice)} twice."
            raise InputError(what, where=document.place("sets", n), hint="Remove one.", code="duplicate")
        seen.add(one.id)
    sets = tuple(
        ProductSet(
            s.id,
            s.title,
            s.kind,
            s.classification,
            tuple(s.codes),
            s.source,
            s.mark,
            tuple(s.names.items()),
            tuple((whole, tuple(parts)) for whole, parts in s.parts.items()),
        )
        for s in file.sets
    )
    return ProductSets(sets, tuple((c.id, tuple(c.recognised_by)) for c in file.classifications), where)


@cache
def product_sets() -> ProductSets:
    """The sets that come with the program.

    >>> product_sets().get("wiod-medium").codes
    ('c14', 'c27')
    """
    return parse_product_sets((files("concordat.impact") / "data" / FILE).read_bytes(), where=FILE)
