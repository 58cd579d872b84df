"""What the ITU DataHub says, by the interface behind its pages: experimental, because it is documented nowhere.

`/data/bycode/{codeID}` answers with a bare array for the whole world, a row a country and year, the value as a text.
The service's habits that this module survives (recorded answers and error forms of July 2026, observed by API
Evangelist): an unknown number answers 200 and `[]`, exactly as a series without data; an unknown number of the
dictionary answers 500 with JavaScript's words; a wrong route answers 403 "Missing Authentication Token"; three spaces
of numbers look alike (`_itu_model`). "ITU estimate." in `dataSource` is nature E. Terms of use are not published, so
the licence is `unstated`: figures can be used here and are not passed on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NoReturn

from concordat.errors import InputError, SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources._answers import excerpt, rows_text
from concordat.evidence.sources._base import Meta, Problem, Query, Request, Series, mapped_series
from concordat.evidence.sources._itu_model import INDEX_NODES_MAX, itu_codes
from concordat.evidence.sources._sdmx import number_of

DATASET = "itu"
PARSER_VERSION = "1"
SERVICE = "https://api.datahub.itu.int/v2"
ESTIMATE = "ITU estimate."

_EMPTY = "unknown id or no data: the service answers [] to both."
_UNKNOWN = "Cannot set properties of undefined"
_ROUTE = "Missing Authentication Token"


def discover() -> tuple[Series, ...]:
    """The series that can be asked for: those of the catalogue whose number was seen, and their parts."""
    return tuple(sorted(_series().values()))


def plan(query: Query) -> list[Request]:
    """One request a code for everyone, or one a code and country for up to twelve countries.

    Raises:
        InputError: an indicator is unknown.
        SourceError: the catalogue has no code of the ITU for any of them, or the number of one is not known.
    """
    from concordat.evidence.catalogue import load_catalogue

    wanted = mapped_series(load_catalogue(), DATASET, query.indicators)
    known = {s.indicator_id for s in _series().values()}
    if query.indicators and (lacking := [s for s in wanted if s.indicator_id not in known]):
        codes = ", ".join(s.code for s in lacking)
        what = f"the number of {codes} in the ITU DataHub has not been seen yet."
        hint = "Look it up at https://api.datahub.itu.int/v2/dictionaries/getcategories and add it to itu.yaml."
        raise SourceError(what, hint=hint, code="no_code")
    base = (query.service or SERVICE).rstrip("/")
    indicators = {s.indicator_id for s in wanted}
    codes_asked = [c for c in itu_codes() if _series()[c.code].indicator_id in indicators]
    areas = query.areas if len(query.areas) <= AREAS_ONE_BY_ONE else ()
    return [_request(base, c.code, c.id, area) for c in codes_asked for area in areas or ("",)]


AREAS_ONE_BY_ONE = 12  # the whole world is one answer of about 1 MB


def _request(base: str, code: str, number: int, area: str) -> Request:
    path = f"{base}/data/bycode/{number}" + (f"/byiso/{area}" if area else "")
    label = f"{code}{f', {area}' if area else ''}"
    return Request(path, label=label, name=f"itu-{code}{f'-{area}' if area else ''}.json")


def follow(request: Request, body: bytes) -> list[Request]:
    """Nothing more to ask: answers have no pages.

    Raises:
        SourceError: no answer, or an empty one (code `refused`: other codes may still have data).
    """
    try:
        read(body, request.label)
    except SourceError as error:
        if error.code != "empty_answer":
            raise
        raise SourceError(error.what, where=request.label, hint=error.hint, code="refused") from None
    return []


def explain(request: Request, status: int, body: bytes) -> SourceError | None:
    """What 403 and 500 mean at this service, where they are final; None: try again."""
    if status in (403, 500):
        return _said(body, request.label)
    return None


# --- What it answers ------------------------------------------------------------------------------------------------


def parse(body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
    """The figures of one answer; what can't be used is told as a problem.

    Raises:
        SourceError: an empty answer, an error in the place of data, or a list of something else.
    """
    strangers: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(read(body, meta.name)):
        place = f"{meta.name}#/{number}"
        series = _series().get(str(row.get("code")))
        if series is None:
            strangers["unknown_code", f"{row.get('code')}"] += 1
        elif "regionID" in row and "isoCode" not in row:
            strangers["not_an_area", f"{row.get('regionName')} (region {row['regionID']})"] += 1
        elif (area := _area(row)) is None:
            strangers["not_an_area", f"{row.get('isoCode')} ({row.get('shortName')})"] += 1
        else:
            yield from _row(row, series, area, place, meta)
    for (rule, name), count in sorted(strangers.items()):
        said = "is no code of the catalogue" if rule == "unknown_code" else "is no country"
        severity = "warning" if rule == "not_an_area" and "region " not in name else "info"
        yield Problem(rule, severity, meta.name, f"{name} {said}; {rows_text(count)} passed over")  # type: ignore[arg-type]


def read(body: bytes, where: str) -> list[Mapping[str, Any]]:
    """The rows of a series.

    Raises:
        SourceError: see `parse`.
    """
    rows = _array(body, where)
    if not rows:
        raise _empty(where)
    kind = kind_of(rows)
    if kind != "series":
        hint = "Figures are at /data/bycode/{codeID}."
        raise SourceError(f"this is {_KINDS.get(kind, kind)}, not figures.", where=where, hint=hint, code="not_figures")
    strange = next((n for n, row in enumerate(rows) if not isinstance(row, dict)), None)
    if strange is not None:
        raise SourceError(f"row {strange} is no object.", where=where, code="shape")
    return rows


_KINDS = {
    "countries": "the list of countries",
    "regions": "the list of regions",
    "datasets": "the list of data sets",
    "versions": "the list of editions of the index",
    "categories": "the dictionary of indicators",
    "definition": "the definition of an indicator",
    "index": "the structure of the index",
    "targets": "the targets of universal connectivity",
    "scores": "scores of the index, whose numbers are another space",
    "unknown": "an array of another form",
}
_BY_KEYS = (
    ("series", {"dataYear", "answer", "codeID", "code"}),
    ("scores", {"score", "dataYear"}),
    ("countries", {"CountryID", "IsoCode"}),
    ("regions", {"regionID", "regionCode"}),
    ("datasets", {"datasetID"}),
    ("categories", {"category", "subCategory", "categorySort"}),
    ("targets", {"targetName"}),
    ("index", {"code", "children"}),
)


def kind_of(rows: list[Any]) -> str:
    """Which of the service's lists this is, by the keys of its first row."""
    first = rows[0] if rows else None
    if isinstance(first, int) and not isinstance(first, bool):
        return "versions"
    if not isinstance(first, dict):
        return "unknown"
    if {"codeID", "code", "disaggregation", "units"} <= set(first):
        return "definition"
    return next((kind for kind, keys in _BY_KEYS if keys <= set(first)), "unknown")


def numbers_in(body: bytes, where: str) -> dict[str, int]:
    """The codes and their numbers in a definition (`/dictionaries/getbyid/{codeID}`), its parts included.

    Raises:
        SourceError: another answer; "no such indicator" where the service says so in its own way.
    """
    rows = _array(body, where)
    if not rows or kind_of(rows) != "definition":
        raise SourceError("no definition of an indicator.", where=where, code="not_a_definition")
    found: dict[str, int] = {}
    for row in _objects(rows):
        listed = [row, *(c for group in _objects(row.get("disaggregation")) for c in _objects(group.get("codes")))]
        pairs = ((r.get("code"), r.get("codeID")) for r in listed)
        found |= {c: n for c, n in pairs if isinstance(c, str) and isinstance(n, int) and n > INDEX_NODES_MAX}
    return found


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _array(body: bytes, where: str) -> list[Any]:
    try:
        answer = json.loads(body.removeprefix(b"\xef\xbb\xbf"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _said(body, where) or SourceError(f'not JSON: "{excerpt(body)}"', where=where, code="not_json") from None
    if not isinstance(answer, list):
        raise _said(body, where) or SourceError(f'not an array: "{excerpt(body)}"', where=where, code="shape")
    return answer


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _said(body: bytes, where: str) -> SourceError | None:
    """The error that the service tells in its own words; None for other words."""
    text = body[:2_000].decode("utf-8", "replace")
    if _UNKNOWN in text:
        what = f'no such indicator: the dictionary answers "{excerpt(body)}".'
        hint = "The number must be a codeID of the dictionary, not of the index, a country or a region."
        return SourceError(what, where=where, hint=hint, code="unknown_id")
    if _ROUTE in text:
        what = 'no such route: the service says "Missing Authentication Token", and needs none.'
        return SourceError(what, where=where, hint="Check the path; adding a key would not help.", code="wrong_route")
    return None


def _empty(where: str) -> SourceError:
    hint = "Check the codeID in itu.yaml and the countries that were asked for."
    return SourceError(f"empty_answer: {_EMPTY}", where=where, hint=hint, code="empty_answer")


# --- One row --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    place: str


def _row(row: Mapping[str, Any], series: Series, area: str, place: str, meta: Meta) -> Iterator[Observation | Problem]:
    year, source = row.get("dataYear"), str(row.get("dataSource") or "").strip()
    if not isinstance(year, int) or isinstance(year, bool) or not 1 <= year <= 9999:
        yield _bad(f"the year is {excerpt(repr(year).encode())}", series, area, place)
        return
    answers = _answers(row.get("answer"), place)
    if answers is None or len(answers) > 1:
        yield _bad("the answer is not one value", series, area, place)
        return
    columns: dict[str, Any] = {
        "indicator_id": series.indicator_id,
        "area": area,
        "period_start": date(year, 1, 1),
        "period_end": date(year, 12, 31),
        "unit": series.unit,
        "breakdown": series.breakdown,
        "series_key": series.code,
        "nature": "E" if source == ESTIMATE else "N",
        "obs_status": "E" if source == ESTIMATE else "A",
        "note": "; ".join(
            filter(None, [str(row.get("dataNote") or "").strip(), f"source: {source}" if source else ""])
        ),
    }
    text = answers[0].text if answers else ""
    if text:
        try:
            number = number_of(text)
        except ValueError as error:
            yield _bad(str(error), series, area, answers[0].place)
            return
        columns |= {"value": number.value, "precision": number.precision}
    else:
        columns |= {"missing_reason": "not_published", "obs_status": "O"}
    yield meta.row(answers[0].place if answers else f"{place}/answer", **columns)


def _answers(value: Any, place: str) -> list[_Answer] | None:
    """The values in `answer`; None where it is of another form. Regions have numbers, countries texts."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        return None
    texts = [v.get("value") for v in value]
    if not all(t is None or (isinstance(t, (str, int, float)) and not isinstance(t, bool)) for t in texts):
        return None
    return [_Answer("" if t is None else str(t).strip(), f"{place}/answer/{n}/value") for n, t in enumerate(texts)]


def _bad(text: str, series: Series, area: str, place: str) -> Problem:
    return Problem("unparsed", "error", place, text, series.indicator_id, area)


def _area(row: Mapping[str, Any]) -> str | None:
    from concordat.world import country

    try:
        return country(str(row.get("isoCode") or ""), scheme="iso3").iso3
    except InputError:
        return None


@cache
def _series() -> dict[str, Series]:
    """Code -> the series it is, for the codes in our table."""
    from concordat.evidence.catalogue import load_catalogue

    catalogue = load_catalogue()
    totals = {s.code: s for s in mapped_series(catalogue, DATASET)}
    found: dict[str, Series] = {}
    for entry in itu_codes():
        if entry.indicator is None:
            found[entry.code] = totals[entry.code]
        else:
            unit = catalogue.get(entry.indicator, where="itu.yaml").unit
            found[entry.code] = Series(entry.code, entry.indicator, entry.breakdown, unit, entry.status)
    return found
