"""Which cases are in the registry of Digital Public Goods, and what of it is kept?

A whitelist: slug, name, aliases, description, type, stage, website, SPDX licences, development goals with the text and
address of their evidence, sectors, organisations (name, role, website), repositories, countries. Everything else
(contact names and addresses, screening answers on persons' data) is dropped before anything is stored; then `scrub`
goes over the texts that are kept. Nominees and screened goods have the same keys here; the screening gives countries.

What is said of a goal comes in as a claim: grade 0, or 1 where an address is named. A label of a sector gets a DAC code
by a reviewed table or stays a label. Names of countries are never guessed: what is not known is listed. Empty aliases
and addresses are dropped. A description over 1,000 characters is kept whole as `intervention`, and its first sentences
are the summary. Source: exchange.md, section 6; the registry's own schemas (nominee, screening).

A row that can't be a case is left out with its reason; a line that is not JSON ends the import, since a file cut short
must not look complete.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from concordat.errors import InputError, SourceError
from concordat.exchange.cases import _parts as parts
from concordat.exchange.cases.case import Case, scrubbed
from concordat.exchange.cases.scrub import Removed
from concordat.exchange.cases.sectors import label_codes

BYTES_MAX = 100_000_000
ROWS_MAX = 100_000
REGISTRY = "Digital Public Goods"
# Names that the registry writes in its own way, beside those that `world.country` knows.
COUNTRY_NAMES = {
    "congo (congo-brazzaville)": "COG",
    "czechia (czech republic)": "CZE",
    "eswatini (fmr. 'swaziland')": "SWZ",
    "palestine state": "PSE",
}
_SENTENCE = re.compile(r"(?<=[.!?。])\s+")


@dataclass(frozen=True, slots=True)
class Left:
    """A row that is no case, and why."""

    row: int
    slug: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import gave.

    Attributes:
        cases: by id. rows: how many the file has. left: rows that are no case. removed: contact details taken out, by
            `id: field`. countries: unknown names of countries with the ids of their cases. labels: sector labels that
            have no DAC code, with ids. notes: other things that were changed.
    """

    cases: tuple[Case, ...]
    rows: int
    left: tuple[Left, ...]
    removed: Removed
    countries: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def records_with_contacts(self) -> int:
        """In how many cases contact details were found."""
        return len({path.split(": ")[0] for path, _ in self.removed.counts})


@dataclass(slots=True)
class _Said:
    """What an import has to say, gathered while it goes on."""

    countries: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def import_dpg(data: bytes, *, where: str = "registry.jsonl") -> Imported:
    """The cases of a registry file: JSON Lines, or one JSON array.

    Raises:
        SourceError: a line is not JSON, or the file is no list of entries. InputError: it is too large.
    """
    said, left, cases = _Said(), [], {}
    removed = Removed({})
    rows = _rows(data, where)
    for number, row in enumerate(rows, start=1):
        slug = str(row.get("slug", ""))[:80] if isinstance(row, dict) else ""
        try:
            case = _case(row, said)
            if case.id in cases:
                raise ValueError(f'"{slug}" stands twice in the file')
            case, found = scrubbed(case)
        except (ValueError, InputError) as error:  # pydantic's errors are ValueErrors
            left.append(Left(number, slug, _reason(error)))
            continue
        for (path, kind), count in found.counts.items():
            removed = removed.plus(f"{case.id}: {path}", {kind: count})
        cases[case.id] = case
    return Imported(
        tuple(cases[key] for key in sorted(cases)),
        len(rows),
        tuple(left),
        removed,
        {name: tuple(sorted(set(ids))) for name, ids in sorted(said.countries.items())},
        {name: tuple(sorted(set(ids))) for name, ids in sorted(said.labels.items())},
        tuple(said.notes),
    )


def _rows(data: bytes, where: str) -> list[Any]:
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, hint="Split the file.", code="too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"byte {error.start} is not UTF-8.", where=where, code="not_utf8") from None
    if text.lstrip().startswith("["):
        rows = _json(text, where)
    else:  # not splitlines(): a line separator inside a text ends no row
        lines = enumerate(text.split("\n"), start=1)
        rows = [_json(line, f"{where}, line {number}") for number, line in lines if line.strip()]
    if not isinstance(rows, list) or len(rows) > ROWS_MAX:
        raise InputError(f"at most {ROWS_MAX:,} entries are read.", where=where, hint="Split it.", code="too_large")
    if not rows:
        raise SourceError("there is no entry in it.", where=where, hint="One JSON object a line.", code="empty")
    return rows


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"not JSON: {str(error)[:80]}.", where=where, code="not_json") from None


def _reason(error: ValueError | InputError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
    return str(error)


# --- One row ------------------------------------------------------------------------------------------------------


def _case(row: Any, said: _Said) -> Case:
    if not isinstance(row, dict):
        raise InputError("the row is no object.")
    slug = _line(row, "slug")
    name = _line(row, "name")
    if not slug or not name:
        raise ValueError("slug and name must be there")
    key = f"dpg-{slug}".lower()
    description = _text(row.get("description")) or name
    summary, whole = _summary(description)
    if whole:
        said.notes.append(f"{key}: the description has {len(whole):,} characters; it is kept whole as intervention.")
    labels = _lines(row.get("sectors"))
    for label in labels:
        if label not in label_codes():
            said.labels.setdefault(label, []).append(key)
    repositories = _urls([item.get("url") for item in _objects(row.get("repositories"))])
    goals = [_claim(item) for item in _objects(row.get("SDGs"))]
    website = _urls([row.get("website")])
    value = {
        "id": key,
        "kind": "practice",
        "title": {"en": name},
        "summary": {"en": summary},
        "intervention": {"en": whole} if whole else {},
        "aliases": [a for a in _lines(row.get("aliases")) if a != name],
        "facets": {
            "dpg": labels,
            "dac": sorted({label_codes()[label] for label in labels if label in label_codes()}),
            "sdgs": sorted({goal["sdg"] for goal in goals}),
        },
        "countries": _countries(row, key, said),
        "organisations": [_organisation(item) for item in _objects(row.get("organizations")) if _line(item, "name")],
        "claims": goals,
        "reuse": {
            "licence": " AND ".join(_lines([item.get("spdx") for item in _objects(row.get("license"))])),
            "repository": next(iter(repositories), None),
            "links": website,
        },
        "origin": {
            "registry": REGISTRY,
            "ids": [slug],
            "stage": _line(row, "stage"),
            "types": _lines(row.get("type")),
            "websites": website,
            "repositories": repositories,
        },
    }
    return Case.from_value(value)


def _countries(row: Mapping[str, Any], key: str, said: _Said) -> dict[str, list[str]]:
    screening = row.get("screening")
    places = screening.get("locations") if isinstance(screening, dict) else row.get("locations")
    found: dict[str, list[str]] = {}
    for ours, theirs in (("made", "developmentCountries"), ("used", "deploymentCountries")):
        names = _lines(places.get(theirs)) if isinstance(places, dict) else []
        codes = set()
        for name in names:
            code = _country(name)
            if code:
                codes.add(code)
            else:
                said.countries.setdefault(name, []).append(key)
        found[ours] = sorted(codes)
    return found


def _country(name: str) -> str | None:
    from concordat.world import country

    known = COUNTRY_NAMES.get(name.casefold().strip())
    if known:
        return known
    try:
        return country(name).iso3
    except InputError:
        return None


def _summary(description: str) -> tuple[str, str]:
    """The text as a summary, and the whole of it where it is too long for one."""
    if len(description) <= parts.SUMMARY_MAX:
        return description, ""
    kept = ""
    for sentence in _SENTENCE.split(description):
        if len(kept) + len(sentence) + 1 > parts.SUMMARY_MAX:
            break
        kept = f"{kept} {sentence}".strip()
    return kept or description[: parts.SUMMARY_MAX - 1] + "…", description


def _claim(item: Mapping[str, Any]) -> dict[str, Any]:
    number = item.get("SDGNumber")
    whole = int(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else 0
    return {"sdg": whole, "text": _text(item.get("evidenceText")), "source_url": _text(item.get("evidenceURL"))}


def _organisation(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": _line(item, "name"),
        "role": _line(item, "org_type"),
        "website": next(iter(_urls([item.get("website")])), None),
    }


# --- Values as they should be --------------------------------------------------------------------------------------


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""


def _line(item: Mapping[str, Any], key: str) -> str:
    return " ".join(_text(item.get(key)).split())


def _lines(value: Any) -> list[str]:
    found: Iterator[str] = (" ".join(_text(item).split()) for item in (value if isinstance(value, list) else []))
    return list(dict.fromkeys(line for line in found if line))


def _urls(values: Iterable[Any]) -> list[str]:
    """Addresses of the web among texts; a bare host gets its scheme, what is no address is dropped."""
    found = []
    for value in values:
        text = _text(value)
        if text and "://" not in text and re.fullmatch(r"[\w.-]+\.[a-z]{2,}(/\S*)?", text):
            text = f"https://{text}"
        if re.fullmatch(r"https?://\S+", text, re.IGNORECASE) and len(text) <= 2000:
            scheme, _, rest = text.partition("://")
            found.append(f"{scheme.lower()}://{rest}")
    return list(dict.fromkeys(found))
