"""Which concept of an algorithm register does a field of a standard stand for, and how is it called elsewhere?

27 concepts with sub-keys ("parts"): `data.names` is `source_data_name` in the British list and has no field in the
Dutch one. Each field of a list stands in exactly one part. What is not checked against a source (EU, China, SPDX) has
status unverified. The table is `_data/crosswalk.yaml`; exchange.md, section 7.

    >>> walk = crosswalk()
    >>> len(walk.concepts), walk.part_of("nl", "provider").key
    (27, 'provider.name')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from concordat.errors import InputError
from concordat.settings import nearest, parse_yaml, unknown_key

TABLE = Path(__file__).parent / "_data" / "crosswalk.yaml"
LISTED = ("nl", "uk")  # standards whose lists of fields we have
TYPES = ("text", "url", "email", "month", "choice", "list", "links")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a standard's list.

    Attributes:
        name: as the standard writes it. required: by the standard. most: characters at most; None: no limit is given.
        many: whether it may be repeated. tier, ref: of the British list.
    """

    name: str
    required: bool = False
    most: int | None = None
    many: bool = False
    tier: int | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-key of a concept: `provider.identifier`; its type, whether it is a list, its field in each list."""

    key: str
    concept: str
    type: str
    many: bool
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Concept:
    """One of the 27 concepts; `elsewhere` says what stands for it in standards of which we have no list of fields."""

    id: str
    title: str
    parts: tuple[Part, ...]
    elsewhere: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard: its short id, its title, and whether its column was checked (`verified` or `unverified`)."""

    id: str
    title: str
    status: str


@dataclass(frozen=True)
class Crosswalk:
    """The table."""

    standards: Mapping[str, Standard]
    concepts: tuple[Concept, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts, in the order of the table."""
        return tuple(part for concept in self.concepts for part in concept.parts)

    def fields(self, standard: str) -> dict[str, Part]:
        """Field -> part of one standard's list, in the order of the concepts."""
        return {part.fields[standard].name: part for part in self.parts if standard in part.fields}

    def part_of(self, standard: str, name: str) -> Part:
        """The part that a field stands for.

        Raises:
            InputError: the standard has no such field; with the nearest one.
        """
        fields = self.fields(standard)
        if name not in fields:
            raise unknown_key(name, fields, where=self.standards[standard].title)
        return fields[name]

    def part(self, key: str, where: str = "") -> Part:
        """A part by its key.

        Raises:
            InputError: no such part; with the nearest one.
        """
        for part in self.parts:
            if part.key == key:
                return part
        raise unknown_key(key, [part.key for part in self.parts], where=where)

    def standard(self, name: str, among: Iterable[str] = ()) -> Standard:
        """A standard by its short id.

        Raises:
            InputError: no such standard, or none of those that can be used here.
        """
        known = tuple(among) or tuple(self.standards)
        if name in known:
            return self.standards[name]
        close = nearest(name, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
        raise InputError(f'"{name}" is not a standard that can be used here.', hint=hint, code="standard")


@cache
def crosswalk() -> Crosswalk:
    """The packaged table."""
    value = parse_yaml(TABLE.read_bytes(), where=TABLE.name, schema="algorithm-crosswalk@1").value
    standards = {name: Standard(name, row["title"], row["status"]) for name, row in value["standards"].items()}
    return Crosswalk(standards, tuple(_concept(row, standards) for row in value["concepts"]))


def _concept(row: Mapping[str, Any], standards: Mapping[str, Standard]) -> Concept:
    parts = tuple(_part(row["id"], part) for part in row["parts"])
    return Concept(row["id"], row["title"], parts, {name: row[name] for name in standards if name in row})


def _part(concept: str, row: Mapping[str, Any]) -> Part:
    fields = {name: _field(row[name]) for name in LISTED if name in row}
    return Part(f"{concept}.{row['key']}", concept, row["type"], bool(row.get("many", False)), fields)


def _field(row: Mapping[str, Any]) -> Field:
    many, required = bool(row.get("many", False)), bool(row.get("required", False))
    return Field(row["field"], required, row.get("max"), many, row.get("tier"), row.get("ref", ""))
