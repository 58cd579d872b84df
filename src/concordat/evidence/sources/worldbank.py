"""What the World Bank's development indicators say: what to ask its API (version 2), and how to read the answers.

An answer is `[header, rows]`. The service's habits that this module survives (from its clients and from recorded
answers; no endpoint was called by us, so limits are unverified): a refusal comes as HTTP 200 with `[{"message": ...}]`,
and one unknown code makes it refuse the whole request, so a refused request is asked again in halves until the code
stands alone; `total` may be larger than the rows that came; the second element may be null; the header's numbers may be
texts; regions and income groups stand among the countries, and only `countryiso3code` tells them apart (`country.id` is
the two-letter code); `sourceid` may be null; `decimal` says how to print a value, not how it was rounded, so the
rounding counts as unknown. `lastupdated` is the date of the whole database: the vintage's.

Rows without a value are left out: they stand for every country and year that nobody has measured.
"""

from __future__ import annotations

import json
import math
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote, unquote, urlsplit

from concordat.errors import SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources._answers import excerpt
from concordat.evidence.sources._base import Meta, Problem, Query, Request, Series, mapped_series

DATASET = "worldbank_wdi"
PARSER_VERSION = "1"
SERVICE = "https://api.worldbank.org/v2"

CODES_MAX = 60
URL_CHARACTERS_MAX = 4_000
SEGMENT_CHARACTERS_MAX = 1_400
PER_PAGE = 20_000  # of at most 32,500
DATABASE = "2"  # World Development Indicators; needed when several codes are asked for at once
PAGES_MAX = 2_000
DECIMALS_MAX = 17  # no double has more

_PERIOD = re.compile(r"([12][0-9]{3})(?:Q([1-4])|M(0[1-9]|1[0-2]))?")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Refusals that speak of one code: "Invalid value", "The indicator was not found" [both unverified]. Others (an unknown
# format, a service that is down) would be the same for every part of the request.
_OF_A_CODE = frozenset({"120", "175"})
_HINT = "Check the code in the catalogue."


def discover() -> tuple[Series, ...]:
    """The codes that the catalogue knows; those with the status `unverified` were never seen in an answer."""
    from concordat.evidence.catalogue import load_catalogue

    return mapped_series(load_catalogue(), DATASET)


# --- What to ask ----------------------------------------------------------------------------------------------------


def plan(query: Query) -> list[Request]:
    """The first page of each request that is needed, as few as the service's limits allow.

    Raises:
        InputError: an indicator is unknown.
        SourceError: the World Bank has no code for any of them.
    """
    from concordat.evidence.catalogue import load_catalogue

    series = mapped_series(load_catalogue(), DATASET, query.indicators)
    codes = list(dict.fromkeys(s.code for s in series))
    base = (query.service or SERVICE).rstrip("/")
    areas = ";".join(query.areas) or "all"
    dates = f"&date={query.years[0]}:{query.years[1]}" if query.years else ""
    return [_request(base, areas, some, dates, 1) for some in _batches(base, areas, codes, dates)]


def _batches(base: str, areas: str, codes: Sequence[str], dates: str) -> Iterator[list[str]]:
    batch: list[str] = []
    for code in codes:
        if batch and not _fits(base, areas, [*batch, code], dates):
            yield batch
            batch = []
        batch.append(code)
    yield batch


def _fits(base: str, areas: str, codes: Sequence[str], dates: str) -> bool:
    segment = len(";".join(codes))
    whole = len(_url(base, areas, codes, dates, PAGES_MAX))
    return len(codes) <= CODES_MAX and segment <= SEGMENT_CHARACTERS_MAX and whole <= URL_CHARACTERS_MAX


def _url(base: str, areas: str, codes: Sequence[str], dates: str, page: int) -> str:
    asked = quote(";".join(codes), safe=";")
    return (
        f"{base}/en/country/{areas}/indicator/{asked}"
        f"?format=json&per_page={PER_PAGE}&page={page}{dates}&source={DATABASE}"
    )


def _request(base: str, areas: str, codes: Sequence[str], dates: str, page: int) -> Request:
    more = len(codes) - 1
    said = f" and {more} more" if more else ""
    name = f"worldbank-{codes[0]}{f'+{more}' if more else ''}-{page}.json"
    return Request(
        _url(base, areas, codes, dates, page),
        accept=("application/json", "text/json"),
        label=f"{codes[0]}{said}, page {page}",
        name=re.sub(r"[^A-Za-z0-9.+_-]", "-", name),
    )


def _again(request: Request, codes: Sequence[str], page: int) -> Request:
    """The same request for other codes or another page."""
    base, _, rest = request.url.partition("/en/country/")
    areas = rest.partition("/indicator/")[0]
    years = parse_qs(urlsplit(request.url).query).get("date", [""])[0]
    return _request(base, areas, codes, f"&date={years}" if years else "", page)


def _asked(request: Request) -> tuple[list[str], int]:
    """The codes and the page of a request."""
    parts = urlsplit(request.url)
    codes = unquote(parts.path.rpartition("/indicator/")[2]).split(";")
    return codes, int(parse_qs(parts.query)["page"][0])


def follow(request: Request, body: bytes) -> list[Request]:
    """The further pages.

    Raises:
        SourceError: the request is refused; the service repeats a page; more pages than are ever read.
    """
    codes, page = _asked(request)
    header, rows = read(body, asked=", ".join(codes), where="")
    said = _whole(header.get("page"))
    if page > 1:
        if rows and said is not None and said != page:
            raise repeats(said)
        if not rows:
            what = f"page {page} came without rows, although the first page promised them."
            raise SourceError(what, where=request.label, hint="Run the command again.", code="empty_page")
        return []
    pages = _whole(header.get("pages")) or 1
    if pages > PAGES_MAX:
        what = f"{pages:,} pages; at most {PAGES_MAX:,} are read."
        raise SourceError(what, where=request.label, hint="Ask for fewer countries or years.", code="too_many_pages")
    return [_again(request, codes, number) for number in range(2, pages + 1)]


def split(request: Request) -> list[Request]:
    """The two halves of a refused request for several codes: one unknown code makes the service refuse them all."""
    codes, _ = _asked(request)
    middle = len(codes) // 2
    return [_again(request, half, 1) for half in (codes[:middle], codes[middle:])] if middle else []


def page_key(body: bytes) -> str:
    """The rows of a page, whatever its header says; empty when there are none."""
    rows = read(body)[1]
    return json.dumps(rows, sort_keys=True) if rows else ""


def published(body: bytes) -> date | None:
    """The day on which the database was last updated; None where the header does not say."""
    text = read(body)[0].get("lastupdated")
    try:
        return date.fromisoformat(text) if isinstance(text, str) and _DAY.fullmatch(text) else None
    except ValueError:
        return None


def repeats(page: int) -> SourceError:
    """The error for a service that ignores which page it is asked for."""
    return SourceError(f"the service repeats page {page}; it ignores paging", code="repeated_page")


# --- What it answers ------------------------------------------------------------------------------------------------


def parse(body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
    """The figures of one page, by code of the catalogue; whatever can't be used is told as a problem.

    Raises:
        SourceError: a refusal, or bytes that are not an answer of this service.
    """
    header, rows = read(body, asked=_asked_in(meta.name), where=meta.name)
    yield from _about_header(header, rows, meta)
    strangers: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(rows):
        place = f"{meta.name}#/1/{number}"
        if not isinstance(row, dict) or not isinstance(row.get("indicator"), dict) or "value" not in row:
            if number == 0 and isinstance(row, dict) and "iso2Code" in row:
                what = "this is a list of countries, not of figures."
                raise SourceError(what, where=meta.name, code="not_figures")
            yield _problem("unparsed", place, f"not a row of figures: {excerpt(json.dumps(row).encode())}")
        elif row["value"] is not None:
            code = str(row["indicator"].get("id") or "")
            series = _series().get(code.upper())
            area = _area(row)
            if series is None:
                strangers["unknown_code", excerpt_of(f"{code} ({row['indicator'].get('value')})")] += 1
            elif area is None:
                strangers["not_a_country", _named(row)] += 1
            else:
                yield _row(row, series, area, place, meta)
    for (rule, name), count in sorted(strangers.items()):
        said = "is no code of the catalogue" if rule == "unknown_code" else "is no country"
        yield Problem(rule, "info", meta.name, f"{name} {said}; {count} {'rows' if count > 1 else 'row'} left out.")


def read(body: bytes, *, asked: str = "", where: str = "") -> tuple[dict[str, Any], list[Any]]:
    """The header and the rows of an answer.

    Raises:
        SourceError: a refusal (code `refused`), or not an answer of this service.
    """
    try:
        answer = json.loads(body.removeprefix(b"\xef\xbb\xbf"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        what = f'not JSON ({error}): "{excerpt(body)}"'
        raise SourceError(what, where=where, code="not_json") from None
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        if "message" in answer[0]:
            raise _refusal(answer[0]["message"], asked)
        rows = answer[1] if len(answer) > 1 else None
        if len(answer) <= 2 and (rows is None or isinstance(rows, list)) and "page" in answer[0]:
            return answer[0], rows or []
    what = f'not an answer of the form [header, rows]: "{excerpt(body)}"'
    raise SourceError(what, where=where, code="shape")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _refusal(messages: Any, asked: str) -> SourceError:
    listed = [m for m in (messages if isinstance(messages, list) else [messages]) if isinstance(m, dict)]
    said = [": ".join(str(m[k]) for k in ("key", "value") if m.get(k)) for m in listed]
    of_a_code = not listed or any(str(m.get("id")) in _OF_A_CODE for m in listed)
    text = excerpt_of("; ".join(said) or json.dumps(messages))
    what = f'World Bank refused {asked or "the request"}: "{text}" (HTTP 200).'
    if of_a_code:
        return SourceError(what, hint=_HINT, code="refused")
    return SourceError(what, hint="Run the command again later.", code="service_refused")


def excerpt_of(text: str) -> str:
    """At most 300 characters of a publisher's words, on one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))[:300]


def _asked_in(name: str) -> str:
    """The code in the name that `plan` gives to an answer; empty for another name."""
    found = re.fullmatch(r"worldbank-([^+]+?)(\+[0-9]+)?-[0-9]+\.json", name)
    return found[1] if found else ""


def _about_header(header: dict[str, Any], rows: list[Any], meta: Meta) -> Iterator[Problem]:
    total, per_page = _whole(header.get("total")), _whole(header.get("per_page"))
    page, database = _whole(header.get("page")) or 1, header.get("sourceid")
    if total is not None and per_page:
        expected = max(0, min(per_page, total - (page - 1) * per_page))
        if len(rows) < expected:
            text = f"the header promises {expected:,} rows on this page; {len(rows):,} came."
            yield Problem("fewer_rows", "warning", meta.name, text)
    if database not in (None, "", DATABASE):
        yield Problem(
            "other_database", "warning", meta.name, excerpt_of(f"from database {database}; {DATABASE} was asked for.")
        )


def _whole(value: Any) -> int | None:
    """A count, which the service writes as a number or as a text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None


@cache
def _series() -> dict[str, Series]:
    return {s.code.upper(): s for s in discover()}


def _named(row: dict[str, Any]) -> str:
    country = row["country"] if isinstance(row.get("country"), dict) else {}
    code = row.get("countryiso3code") or country.get("id") or "an area without code"
    return excerpt_of(f"{code} ({country.get('value')})")


def _area(row: dict[str, Any]) -> str | None:
    """The country of a row; None for regions, income groups and the world, which have no code of their own in ISO."""
    from concordat.world.countries import by_iso3

    code = str(row.get("countryiso3code") or "").strip().upper()
    return code if code in by_iso3() else None


def _row(row: dict[str, Any], series: Series, area: str, place: str, meta: Meta) -> Observation | Problem:
    from concordat.world.countries import by_iso3

    about = {"indicator_id": series.indicator_id, "area": area}
    said = row["country"].get("id") if isinstance(row.get("country"), dict) else None
    if said not in (None, "", area, by_iso3()[area].iso2):
        text = f"countryiso3code says {area}, country.id says {excerpt_of(str(said))}."
        return _problem("area_contradicts", place, text, **about)
    value = _number(row["value"])
    if value is None:
        text = f"the value is no number: {excerpt(json.dumps(row['value']).encode())}"
        return _problem("unparsed", place, text, **about)
    period = _period(str(row.get("date")))
    if period is None:
        text = f'"{excerpt_of(str(row.get("date")))}" is no year, quarter or month.'
        return _problem("bad_period", place, text, **about)
    start, end, freq = period
    unit, decimals = excerpt_of(str(row.get("unit") or "")), _whole(row.get("decimal"))
    return meta.row(
        f"{place}/value",
        **about,
        period_start=start,
        period_end=end,
        freq=freq,
        value=value,
        unit=series.unit,
        decimals=decimals if decimals is not None and decimals <= DECIMALS_MAX else None,
        breakdown=series.breakdown,
        obs_status=excerpt_of(str(row.get("obs_status") or "")) or "A",
        series_key=series.code,
        note=f"unit as given: {unit}" if unit else "",
    )


def _problem(rule: str, where: str, text: str, **about: str) -> Problem:
    return Problem(rule, "error", where, text, **about)


def _number(value: Any) -> float | None:
    """A JSON number, or a text that is one, as older answers have them."""
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _period(text: str) -> tuple[date, date, str] | None:
    """First day, last day and frequency of `2018`, `2018Q1` or `2018M03`."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    year = int(found[1])
    if found[2]:
        month = 3 * int(found[2])
        return date(year, month - 2, 1), date(year, month, monthrange(year, month)[1]), "Q"
    if found[3]:
        month = int(found[3])
        return date(year, month, 1), date(year, month, monthrange(year, month)[1]), "M"
    return date(year, 1, 1), date(year, 12, 31), "A"
