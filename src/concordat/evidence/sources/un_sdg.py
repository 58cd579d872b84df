"""What the UN's SDG database says: what to ask its interface, and how to read the answers.

`/v1/sdg/Series/Data?seriesCode=&areaCode=&timePeriodStart=&page=` answers `{totalPages, pageNumber, data: [...]}`, with
a row for each country, year and set of dimensions. No answer was recorded, so all of this is unverified: the parser
takes `nature` and `units` at the row or among its `attributes`, and refuses what it does not know. Areas are UN M49
numbers, regions among them; several rows a country differ by dimension, and a code that our table does not have is
another figure than ours, never added or taken for the total. Nature letters are the database's own: C country, CA
adjusted, E estimated, G monitoring, M modelled, N and NA not specified.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit

from concordat.errors import InputError, SourceError
from concordat.evidence.observation import Observation, breakdown_text
from concordat.evidence.sources._answers import excerpt, rows_text
from concordat.evidence.sources._base import Meta, Problem, Query, Request, Series, mapped_series
from concordat.evidence.sources._sdmx import NO_VALUE, number_of
from concordat.evidence.sources._un_sdg_model import SdgDimension, sdg_table

DATASET = "un_sdg"
PARSER_VERSION = "1"
SERVICE = "https://unstats.un.org/sdgapi"
PAGE_SIZE = 10_000
PAGES_MAX = 2_000

_NATURES = {"C": "C", "CA": "CA", "E": "E", "G": "G", "M": "M", "N": "N", "NA": "N", "": "N"}
_CENSORED = re.compile(r"([<>])\s*([0-9.]+)")


def discover() -> tuple[Series, ...]:
    """The series that the catalogue knows."""
    from concordat.evidence.catalogue import load_catalogue

    return mapped_series(load_catalogue(), DATASET)


# --- What to ask ----------------------------------------------------------------------------------------------------


def plan(query: Query) -> list[Request]:
    """The first page of each series.

    Raises:
        InputError: an indicator or a country is unknown.
        SourceError: the catalogue has no series of the SDG database for any of them.
    """
    from concordat.evidence.catalogue import load_catalogue
    from concordat.world import country

    series = mapped_series(load_catalogue(), DATASET, query.indicators)
    areas = [country(area, scheme="iso3").m49 for area in query.areas]
    base = (query.service or SERVICE).rstrip("/")
    parameters: list[tuple[str, str]] = [("areaCode", code.lstrip("0")) for code in areas if code]
    if query.years:
        parameters += [("timePeriodStart", str(query.years[0])), ("timePeriodEnd", str(query.years[1]))]
    return [_request(base, code, parameters, 1) for code in dict.fromkeys(s.code for s in series)]


def _request(base: str, code: str, parameters: list[tuple[str, str]], page: int) -> Request:
    query = urlencode([("seriesCode", code), *parameters, ("pageSize", str(PAGE_SIZE)), ("page", str(page))])
    label, name = f"{code}, page {page}", f"un_sdg-{code}-{page}.json"
    return Request(f"{base}/v1/sdg/Series/Data?{query}", label=label, name=name)


def follow(request: Request, body: bytes) -> list[Request]:
    """The next page, until the last.

    Raises:
        SourceError: not an answer, an empty one (`refused`), another page than was asked for, or pages without end.
    """
    header, rows = read(body, request.label)
    asked = parse_qs(urlsplit(request.url).query)
    page, total = _whole(header.get("pageNumber")), _whole(header.get("totalPages"))
    wanted = int(asked["page"][0])
    if page is not None and page != wanted:
        what = f"the service repeats page {page}; it ignores paging"
        raise SourceError(what, where=request.label, code="repeated_page")
    if not rows and wanted == 1:
        what = f"no figures for {asked['seriesCode'][0]}."
        hint = "Check the series in the catalogue, the countries and the years."
        raise SourceError(what, where=request.label, hint=hint, code="refused")
    if total is not None and total > PAGES_MAX:
        what = f"{total:,} pages; at most {PAGES_MAX:,} are read."
        raise SourceError(what, where=request.label, hint="Ask for fewer countries or years.", code="too_many_pages")
    if not rows or total is None or wanted >= total:
        return []
    base = request.url.partition("/v1/sdg/")[0]
    fixed = [(k, v) for k, values in asked.items() if k not in ("seriesCode", "pageSize", "page") for v in values]
    return [_request(base, asked["seriesCode"][0], fixed, wanted + 1)]


def page_key(body: bytes) -> str:
    """The rows of a page, whatever its header says; empty where there are none."""
    rows = read(body, "")[1]
    return json.dumps(rows, sort_keys=True) if rows else ""


# --- What it answers ------------------------------------------------------------------------------------------------


def parse(body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
    """The figures of one page; what can't be used is told as a problem.

    Raises:
        SourceError: not an answer of this service.
    """
    _, rows = read(body, meta.name)
    strangers: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(rows):
        place = f"{meta.name}#/data/{number}"
        if not isinstance(row, dict):
            yield Problem("unparsed", "error", place, f"not a row of figures: {excerpt(json.dumps(row).encode())}")
            continue
        series = _series().get(str(row.get("series")))
        area = _area(row)
        if series is None:
            strangers["unknown_code", f"{row.get('series')} is no series of the catalogue"] += 1
        elif area is None:
            strangers["not_an_area", f"{row.get('geoAreaCode')} ({row.get('geoAreaName')}) is no country"] += 1
        else:
            found = _breakdown(row, series)
            if isinstance(found, str):
                yield from _row(row, series, area, found, place, meta)
            else:
                strangers["other_part", f"{series.code}: {found[0]}"] += 1
    for (rule, text), count in sorted(strangers.items()):
        yield Problem(rule, "info", meta.name, f"{text}; {rows_text(count)} passed over")


def read(body: bytes, where: str) -> tuple[Mapping[str, Any], list[Any]]:
    """The header and the rows of a page.

    Raises:
        SourceError: not an answer of this service.
    """
    try:
        answer = json.loads(body.removeprefix(b"\xef\xbb\xbf"), parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise SourceError(f'not JSON: "{excerpt(body)}"', where=where, code="not_json") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        what = f'not an answer of the form {{"data": [...]}}: "{excerpt(body)}"'
        raise SourceError(what, where=where, hint="Check the address and the series.", code="shape")
    return answer, answer["data"]


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _whole(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None


def _area(row: Mapping[str, Any]) -> str | None:
    from concordat.world import country

    code = str(row.get("geoAreaCode", ""))
    if not re.fullmatch(r"[0-9]{1,3}", code):
        return None
    try:
        return country(code, scheme="m49").iso3
    except InputError:
        return None


@cache
def _series() -> dict[str, Series]:
    return {s.code: s for s in discover()}


@cache
def _dimensions() -> dict[str, SdgDimension]:
    return {name: dimension for dimension in sdg_table().dimensions for name in dimension.names}


def _breakdown(row: Mapping[str, Any], series: Series) -> str | tuple[str]:
    """The breakdown of a row; or, in a tuple, why it is another figure than ours."""
    from concordat.evidence.catalogue import load_catalogue

    known = load_catalogue().indicators[series.indicator_id].breakdowns
    said = row.get("dimensions") or {}
    if not isinstance(said, dict):
        return ("its dimensions are of another form",)
    parts: dict[str, str] = {}
    for name, code in sorted(said.items()):
        dimension = _dimensions().get(name)
        value = dimension.values.get(str(code)) if dimension else None
        if dimension is None or value is None or (value and dimension.breakdown not in known):
            return (f"{name}={code} is not one of ours",)
        if value and dimension.breakdown:
            parts[dimension.breakdown] = value
    if "skill" in known and "skill" not in parts:
        return ("without a skill",)  # there is no total of skills
    return breakdown_text(parts)


def _row(
    row: Mapping[str, Any], series: Series, area: str, breakdown: str, place: str, meta: Meta
) -> Iterator[Observation | Problem]:
    attributes = row.get("attributes") if isinstance(row.get("attributes"), dict) else {}
    assert isinstance(attributes, dict)
    try:
        year = _year(row.get("timePeriodStart", row.get("timePeriod")))
        nature = _nature(row.get("nature", attributes.get("Nature", "")))
        _check_unit(str(row.get("units", attributes.get("Units", ""))), series)
        columns = {
            "indicator_id": series.indicator_id,
            "area": area,
            "period_start": date(year, 1, 1),
            "period_end": date(year, 12, 31),
            "unit": series.unit,
            "breakdown": breakdown,
            "series_key": series.code,
            "nature": nature,
            "obs_status": "E" if nature == "E" else "A",
            "note": _note(row),
            **_value(row.get("value"), series),
        }
    except ValueError as error:
        yield Problem("unparsed", "error", place, str(error), series.indicator_id, area)
        return
    yield meta.row(f"{place}/value" if "value" in row else place, **columns)


def _year(value: Any) -> int:
    match = re.fullmatch(r"([12][0-9]{3})(\.0+)?", str(value))
    if match is None:
        raise ValueError(f'the period "{excerpt(str(value).encode())}" is no year')
    return int(match[1])


def _nature(value: Any) -> str:
    code = str(value or "").strip().upper()
    if code not in _NATURES:
        raise ValueError(f'the nature "{excerpt(code.encode())}" is none of {", ".join(filter(None, _NATURES))}')
    return _NATURES[code]


def _check_unit(code: str, series: Series) -> None:
    units = {unit.code: unit.is_unit for unit in sdg_table().units}
    if series.unit not in units.get(code, ()):
        raise ValueError(f'the unit "{excerpt(code.encode())}" is not known to be {series.unit}')


def _note(row: Mapping[str, Any]) -> str:
    footnotes = row.get("footnotes") or []
    texts = [str(f).strip() for f in footnotes] if isinstance(footnotes, list) else [str(footnotes)]
    source = str(row.get("source") or "").strip()
    return "; ".join(filter(None, [*texts, f"source: {source}" if source else ""]))[:2_000]


def _value(value: Any, series: Series) -> dict[str, Any]:
    """A value, an interval for `<2.5`, or a reason."""
    text = "" if value is None else str(value).strip()
    if isinstance(value, (bool, dict, list)):
        text = json.dumps(value)
    if text in (*NO_VALUE, "N"):
        return {"missing_reason": "not_published", "obs_status": "O"}
    if match := _CENSORED.fullmatch(text):
        return _censored(match[1], number_of(match[2]).value, series)
    number = number_of(text)  # refuses the rest
    return {"value": number.value, "precision": number.precision}


def _censored(sign: str, limit: float, series: Series) -> dict[str, Any]:
    from concordat.evidence.catalogue import load_catalogue

    low, high = load_catalogue().indicators[series.indicator_id].bounds
    lower, upper = (low, limit) if sign == "<" else (limit, high)
    if lower is None or upper is None or not math.isfinite(limit) or lower > upper:
        raise ValueError(f'"{sign}{limit:g}" is an interval without an end')
    return {"lower": lower, "upper": upper, "censoring": "below" if sign == "<" else "above"}
