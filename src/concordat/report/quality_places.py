"""Where a finding of the parser stands: in which bytes of its vintage, or on the study's line that names the vintage.

A finding about a stored row leads to that row. One that only the parser could see (a row that gave no figure) has a
place in the publisher's bytes, in the form of that publisher: `africa/et.json#/...`, `row 14`, `answer.csv, row 14`,
`Sheet1!B7`. Which body that is follows from the file's name, from the vintage having one body, or from a stored row at
the same place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concordat.evidence.locators import file_of
from concordat.report.inputs import STUDY_FILE, Inputs

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import Finding

_PLACE = re.compile(
    r"(?:(?P<file>.+?), )?(?P<place>(?:row [0-9]+(?:, .+)?|line [0-9]+|[^,!]+![A-Z]+[0-9]+))", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Places:
    """The bodies of a report's vintages, by the places in them."""

    inputs: Inputs
    by_name: Mapping[str, str]
    by_place: Mapping[tuple[str, str], frozenset[str]]
    bodies: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, inputs: Inputs) -> Places:
        """Look through the rows of the release once."""
        rows = [o for o in inputs.observations if o.raw_sha256]
        names = {name: o.raw_sha256 for o in rows for name in (file_of(o.raw_locator),) if name}
        return cls(inputs, names, _by_place(rows), {v.id: v.raw for v in inputs.vintages})

    def fact(self, finding: Finding) -> str:
        """The record of a finding in the report's book."""
        parts = {"rule": finding.rule, "area": finding.area, "indicator": finding.indicator_id, "found": finding.text}
        sha256, locator = self._bytes(finding)
        if sha256:
            return self.inputs.book.fact(f"raw/{sha256}", sha256, locator, parts)
        return self.inputs.book.fact(STUDY_FILE, "", self._line(finding), {**parts, "where": finding.where})

    def _bytes(self, finding: Finding) -> tuple[str, str]:
        """(hash, place); no hash where the bytes can't be told."""
        name = file_of(finding.where)
        if name in self.by_name:
            return self.by_name[name], finding.where
        found = _PLACE.fullmatch(finding.where)
        if found is None:
            return "", ""
        place, bodies = found["place"], self.bodies.get(finding.vintage_id, ())
        here = self.by_place.get((finding.vintage_id, place), frozenset())
        sha256 = bodies[0] if len(bodies) == 1 else next(iter(here)) if len(here) == 1 else ""
        return sha256, place

    def _line(self, finding: Finding) -> str:
        """The line of the written study that names the finding's vintage, or the release."""
        for number, named in enumerate(self.inputs.study.vintages):
            if named.vintage == finding.vintage_id:
                return f"#/report/vintages/{number}/vintage"
        return "#/report/release"


def _by_place(rows: Iterable[Observation]) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for o in rows:
        found[o.vintage_id, o.raw_locator].add(o.raw_sha256)
    return {key: frozenset(hashes) for key, hashes in found.items()}
