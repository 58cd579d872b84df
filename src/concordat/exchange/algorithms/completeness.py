"""How much of what a standard asks for is filled in a record?

Filled of required and filled of all, by the standard's list of fields; a field is filled if it is neither empty after
trimming nor a way to say nothing ("n/a", "none", "-", "tbd"). The Dutch list marks eight fields as required, the
British pilot none; `core` counts our 27 concepts. Translations are counted by language. It measures filling, not
truth: a field filled with something wrong counts. Source: exchange.md, section 7.

    >>> from concordat.exchange.algorithms.record import AlgorithmRecord
    >>> completeness(AlgorithmRecord.from_nl({"name": "Route planner", "goal": "tbd"}, id="br-014"), "nl").text
    '1 of 31 fields, 1 of 8 required'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from concordat.exchange.algorithms.crosswalk import LISTED, crosswalk
from concordat.exchange.algorithms.record import AlgorithmRecord

SAYS_NOTHING = frozenset({"", "n/a", "none", "-", "tbd"})
STANDARDS = ("core", *LISTED)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Counts for one standard.

    Attributes:
        filled, fields: of all. required_filled, required: of those that the standard requires (0 of 0: it requires
            none). missing: required ones that are not filled. empty: the others that are not. unit: what is counted.
        languages: language -> parts filled in it.
    """

    standard: str
    filled: int
    fields: int
    required_filled: int
    required: int
    missing: tuple[str, ...]
    empty: tuple[str, ...]
    unit: str
    languages: Mapping[str, int]

    @property
    def text(self) -> str:
        """`24 of 31 fields, 7 of 8 required`."""
        required = f", {self.required_filled} of {self.required} required" if self.required else ""
        return f"{self.filled} of {self.fields} {self.unit}{required}"

    @property
    def share(self) -> float:
        """Filled by all, 0 to 1."""
        return self.filled / self.fields


def filled(value: Any) -> bool:
    """Whether a value says something.

    >>> filled(" N/A "), filled([""]), filled([{"title": "", "link": "https://a.org"}]), filled("0")
    (False, False, True, True)
    """
    if isinstance(value, list):
        return any(filled(item) for item in value)
    if isinstance(value, dict):
        return any(filled(item) for item in value.values())
    return value is not None and str(value).strip().casefold() not in SAYS_NOTHING


def completeness(record: AlgorithmRecord, standard: str = "core") -> Completeness:
    """How far a record is filled for a standard: what the standard would get from it.

    Raises:
        InputError: a standard of which we have no list of fields.
    """
    if standard != "core":
        crosswalk().standard(standard, LISTED)
    present, required = _core(record) if standard == "core" else _listed(record, standard)
    missing = tuple(name for name in required if not present[name])
    return Completeness(
        standard,
        sum(present.values()),
        len(present),
        len(required) - len(missing),
        len(required),
        missing,
        tuple(name for name, there in present.items() if not there and name not in required),
        "concepts" if standard == "core" else "fields",
        _languages(record),
    )


def _core(record: AlgorithmRecord) -> tuple[dict[str, bool], tuple[str, ...]]:
    concepts = crosswalk().concepts
    return {c.id: any(filled(record.values.get(p.key)) for p in c.parts) for c in concepts}, ()


def _listed(record: AlgorithmRecord, standard: str) -> tuple[dict[str, bool], tuple[str, ...]]:
    fields = record.written(standard).fields
    known = crosswalk().fields(standard)
    required = tuple(name for name, part in known.items() if part.fields[standard].required)
    return {name: filled(fields.get(name)) for name in known}, required


def _languages(record: AlgorithmRecord) -> dict[str, int]:
    found = {record.language or "not stated": sum(filled(value) for value in record.values.values())}
    for language, values in sorted(record.translations.items()):
        found[language] = sum(filled(value) for value in values.values())
    return found
