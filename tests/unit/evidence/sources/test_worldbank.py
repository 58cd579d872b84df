"""The World Bank: what is asked within its limits, and answers with each of its traps (invented bodies of its form)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import InputError, SourceError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.quality import check_quality
from concordat.evidence.sources import worldbank
from concordat.evidence.sources._base import Meta, Problem, Query, Request

META = Meta("worldbank_wdi", "worldbank_wdi", "v1", date(2026, 10, 7), datetime(2026, 11, 22, tzinfo=UTC), "ab" * 32,
            "worldbank-IT.NET.USER.ZS-1.json", "1")  # fmt: skip
HEADER = {"page": 1, "pages": 1, "per_page": 20000, "total": 1, "sourceid": "2",
          "sourcename": "World Development Indicators", "lastupdated": "2026-10-07"}  # fmt: skip
ROW = {"indicator": {"id": "IT.NET.USER.ZS", "value": "Individuals using the Internet (% of population)"},
       "country": {"id": "BR", "value": "Brazil"}, "countryiso3code": "BRA", "date": "2023", "value": 84.151,
       "unit": "", "obs_status": "", "decimal": 0}  # fmt: skip
REFUSAL = (b'[{"message":[{"id":"120","key":"Invalid value",'
           b'"value":"The provided parameter value is not valid"}]}]')  # fmt: skip


def _body(*rows: Any, **header: Any) -> bytes:
    return json.dumps([HEADER | {"total": len(rows)} | header, list(rows)]).encode()


def _parse(body: bytes, name: str = META.name) -> tuple[list[Observation], list[Problem]]:
    from dataclasses import replace

    found = list(worldbank.parse(body, replace(META, name=name)))
    problems = [one for one in found if isinstance(one, Problem)]
    return [one for one in found if isinstance(one, Observation)], problems


def _one(**columns: Any) -> tuple[list[Observation], list[Problem]]:
    return _parse(_body(ROW | columns))


# --- What is asked ---


def test_a_query_becomes_one_address_of_the_documented_form() -> None:
    query = Query(indicators=("internet_users_pct", "literacy_adult_pct"), areas=("BRA", "IND"), years=(2000, 2025))
    (request,) = worldbank.plan(query)
    assert request.url == (
        "https://api.worldbank.org/v2/en/country/BRA;IND/indicator/"
        "IT.NET.USER.ZS;SE.ADT.LITR.ZS;SE.ADT.LITR.FE.ZS;SE.ADT.LITR.MA.ZS"
        "?format=json&per_page=20000&page=1&date=2000:2025&source=2"
    )
    assert request.accept[0] == "application/json"
    assert request.label == "IT.NET.USER.ZS and 3 more, page 1"
    assert request.file_name == "worldbank-IT.NET.USER.ZS+3-1.json"


def test_without_areas_and_years_everyone_and_all_years_are_asked_for_and_mrv_never() -> None:
    (request,) = worldbank.plan(Query(indicators=("internet_users_pct",)))
    assert "/country/all/" in request.url
    assert "date=" not in request.url
    assert all("mrv" not in r.url for r in worldbank.plan(Query()))


def test_a_mirror_is_asked_at_its_own_address() -> None:
    (request,) = worldbank.plan(Query(indicators=("internet_users_pct",), service="http://127.0.0.1:8000/v2/"))
    assert request.url.startswith("http://127.0.0.1:8000/v2/en/country/all/indicator/IT.NET.USER.ZS?")


def test_all_codes_of_the_catalogue_are_asked_for_once_within_the_services_limits() -> None:
    from concordat.world import countries

    areas = tuple(c.iso3 for c in countries())
    requests = worldbank.plan(Query(areas=areas, years=(1960, 2026)))
    codes = [code for r in requests for code in _codes(r)]
    assert codes == list(dict.fromkeys(s.code for s in worldbank.discover()))
    assert len(codes) > 40
    for request in requests:
        assert len(_codes(request)) <= 60
        assert len(request.url) <= 4_000
        assert max(map(len, urlsplit(request.url).path.split("/"))) <= 1_400


@pytest.mark.parametrize(
    ("length", "count", "sizes"),
    [(10, 61, [60, 1]), (10, 120, [60, 60]), (10, 60, [60]), (99, 40, [14, 14, 12]), (1400, 2, [1, 1])],
)
def test_codes_are_asked_for_in_batches_of_sixty_and_of_1400_characters(
    length: int, count: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from concordat.evidence.sources._base import Series

    made = tuple(Series(f"{n:0{length}}", "internet_users_pct", "", "percent", "seen") for n in range(count))
    monkeypatch.setattr(worldbank, "mapped_series", lambda *_: made)
    assert [len(_codes(r)) for r in worldbank.plan(Query(areas=("BRA",)))] == sizes


def _codes(request: Request) -> list[str]:
    return urlsplit(request.url).path.rpartition("/")[2].split(";")


def test_an_indicator_that_is_unknown_or_has_no_code_is_an_error() -> None:
    with pytest.raises(InputError, match='Did you mean "internet_users_pct"'):
        worldbank.plan(Query(indicators=("internet_user_pct",)))
    with pytest.raises(SourceError, match="no code of worldbank_wdi for mobile_broadband_per_100") as caught:
        worldbank.plan(Query(indicators=("mobile_broadband_per_100",)))
    assert caught.value.code == "no_code"


def test_discover_gives_each_code_with_its_part_and_how_far_it_was_checked() -> None:
    found = {s.code: s for s in worldbank.discover()}
    assert (found["IT.NET.USER.ZS"].indicator_id, found["IT.NET.USER.ZS"].status) == ("internet_users_pct", "verified")
    rural = found["EG.ELC.ACCS.RU.ZS"]
    assert (rural.indicator_id, rural.breakdown, rural.status) == ("electricity_access_pct", "loc=rural", "unverified")
    assert found["SI.DST.04TH.20"].breakdown == "q=4"


# --- A good row ---


def test_a_row_becomes_a_figure_that_leads_back_to_its_place() -> None:
    rows, problems = _one()
    (o,) = rows
    assert problems == []
    assert (o.indicator_id, o.area, o.value, o.unit, o.breakdown) == (
        "internet_users_pct",
        "BRA",
        84.151,
        "percent",
        "",
    )
    assert (o.period_start, o.period_end, o.freq) == (date(2023, 1, 1), date(2023, 12, 31), "A")
    assert (o.obs_status, o.nature, o.series_key, o.known_from) == ("A", "N", "IT.NET.USER.ZS", date(2026, 10, 7))
    assert o.precision is None, "`decimal` says how to print it, not how it was rounded"
    assert o.decimals == 0
    assert o.raw_locator == "worldbank-IT.NET.USER.ZS-1.json#/1/0/value"
    assert Body(_body(ROW), META.name).text_at(o.raw_locator) == "84.151"


@pytest.mark.parametrize(
    ("text", "start", "end", "freq"),
    [("2018Q1", date(2018, 1, 1), date(2018, 3, 31), "Q"), ("2018Q4", date(2018, 10, 1), date(2018, 12, 31), "Q"),
     ("2024M02", date(2024, 2, 1), date(2024, 2, 29), "M"), ("1960", date(1960, 1, 1), date(1960, 12, 31), "A")],
)  # fmt: skip
def test_years_quarters_and_months_are_read(text: str, start: date, end: date, freq: str) -> None:
    ((o,), _) = _one(date=text)
    assert (o.period_start, o.period_end, o.freq) == (start, end, freq)


def test_parts_status_and_unit_are_kept() -> None:
    indicator = {"id": "SE.ADT.LITR.FE.ZS", "value": "Literacy rate, adult female"}
    ((o,), _) = _one(indicator=indicator, obs_status="E", unit="%", decimal="1")
    assert (o.indicator_id, o.breakdown, o.obs_status) == ("literacy_adult_pct", "sex=F", "E")
    assert (o.note, o.decimals) == ("unit as given: %", 1)


def test_a_code_in_small_letters_and_a_number_written_as_text_are_read() -> None:
    ((o,), problems) = _one(indicator={"id": "it.net.user.zs", "value": ""}, value="84.5")
    assert (o.value, o.series_key, problems) == (84.5, "IT.NET.USER.ZS", [])


def test_a_status_that_sdmx_does_not_list_is_kept_and_flagged() -> None:
    ((o,), _) = _one(obs_status="Zz")
    assert o.obs_status == "Zz"
    assert "unverified_code" in {f.rule for f in check_quality([o], load_catalogue(), not_after=2026)}


def test_a_figure_of_an_unverified_code_is_taken_and_flagged() -> None:
    ((o,), _) = _one(indicator={"id": "IT.NET.BBND", "value": "Fixed broadband subscriptions"}, value=45_000_000)
    (finding,) = [f for f in check_quality([o], load_catalogue(), not_after=2026) if f.rule == "unverified_code"]
    assert (finding.indicator_id, finding.quarantined) == ("fixed_broadband_subscriptions", False)


# --- Rows that are no figures of a country ---


@pytest.mark.parametrize(
    ("country", "code"),
    [({"id": "1W", "value": "World"}, "WLD"), ({"id": "XD", "value": "High income"}, ""),
     ({"id": "ZH", "value": "Africa Eastern and Southern"}, "AFE"), ({"id": "XD", "value": "High income"}, None),
     ({"id": "EU", "value": "European Union"}, "EUU"), ({"id": "XX", "value": "XCountry"}, "XYZ"),
     ({"id": "BR", "value": "Brazil"}, " ")],
)  # fmt: skip
def test_regions_and_income_groups_are_left_out_and_named(country: dict[str, str], code: str | None) -> None:
    rows, (problem,) = _one(country=country, countryiso3code=code)
    assert rows == []
    assert (problem.rule, problem.severity) == ("not_a_country", "info")
    assert country["value"] in problem.text


def test_a_row_without_the_column_of_codes_is_left_out() -> None:
    rows, (problem,) = _parse(_body({k: v for k, v in ROW.items() if k != "countryiso3code"}))
    assert (rows, problem.rule) == ([], "not_a_country")


def test_kosovo_and_namibia_are_countries() -> None:
    rows, problems = _parse(_body(
        ROW | {"country": {"id": "XK", "value": "Kosovo"}, "countryiso3code": "XKX"},
        ROW | {"country": {"id": "NA", "value": "Namibia"}, "countryiso3code": "NAM"},
    ))  # fmt: skip
    assert ([o.area for o in rows], problems) == (["XKX", "NAM"], [])


def test_two_codes_of_one_row_that_disagree_are_an_error_of_that_row() -> None:
    rows, (problem,) = _one(country={"id": "IN", "value": "India"})
    assert rows == []
    assert (problem.rule, problem.severity) == ("area_contradicts", "error")
    assert problem.text == "countryiso3code says BRA, country.id says IN."


def test_rows_without_a_value_are_left_out_in_silence() -> None:
    assert _one(value=None) == ([], [])


def test_a_code_that_the_catalogue_lacks_is_told_once_with_its_rows() -> None:
    row = ROW | {"indicator": {"id": "SH.STA.MMRT", "value": "Maternal mortality"}}
    rows, problems = _parse(_body(row, row | {"date": "2022"}))
    assert rows == []
    said = "SH.STA.MMRT (Maternal mortality) is no code of the catalogue; 2 rows left out."
    assert [(p.rule, p.text) for p in problems] == [("unknown_code", said)]


@pytest.mark.parametrize(
    ("columns", "rule"),
    [({"value": True}, "unparsed"), ({"value": "n/a"}, "unparsed"), ({"value": "1,000"}, "unparsed"),
     ({"value": [1]}, "unparsed"), ({"value": "NaN"}, "unparsed"), ({"value": 10**400}, "unparsed"),
     ({"value": ""}, "unparsed"), ({"value": "1e999"}, "unparsed"), ({"date": "2018-2020"}, "bad_period"),
     ({"date": None}, "bad_period"), ({"date": "2018Q5"}, "bad_period"), ({"date": "2018M13"}, "bad_period"),
     ({"date": "٢٠١٨"}, "bad_period"), ({"indicator": None}, "unparsed"), ({"indicator": "X"}, "unparsed")],
)  # fmt: skip
def test_a_row_that_can_not_be_used_is_an_error_of_that_row_alone(columns: dict[str, Any], rule: str) -> None:
    rows, problems = _parse(_body(ROW | columns, ROW))
    assert [o.value for o in rows] == [84.151]
    assert [(p.rule, p.severity, p.where) for p in problems] == [(rule, "error", f"{META.name}#/1/0")]


@pytest.mark.parametrize("row", [None, 5, "x", [], {}, {"value": 1}])
def test_something_that_is_no_row_is_an_error_of_that_place_alone(row: Any) -> None:
    rows, problems = _parse(_body(ROW, row))
    assert len(rows) == 1
    assert [(p.rule, p.where) for p in problems] == [("unparsed", f"{META.name}#/1/1")]


# --- Headers ---


def test_a_total_larger_than_the_rows_that_came_is_a_warning() -> None:
    rows, (problem,) = _parse(_body(ROW, total=236))
    assert len(rows) == 1
    assert (problem.rule, problem.severity) == ("fewer_rows", "warning")
    assert problem.text == "the header promises 236 rows on this page; 1 came."


@pytest.mark.parametrize(
    "header",
    [{"total": 0}, {"total": "1"}, {"total": None}, {"per_page": "50", "total": 51, "page": "2"}, {"sourceid": None},
     {"lastupdated": None, "sourceid": ""}, {"total": -3}, {"per_page": 0}],
)  # fmt: skip
def test_a_header_may_be_odd(header: dict[str, Any]) -> None:
    rows, problems = _parse(_body(ROW, **header))
    assert (len(rows), problems) == (1, [])


def test_another_database_than_was_asked_for_is_a_warning() -> None:
    _, (problem,) = _parse(_body(ROW, sourceid="57"))
    assert (problem.rule, problem.text) == ("other_database", "from database 57; 2 was asked for.")


@pytest.mark.parametrize("body", [b'[{"page":1,"total":0},null]', b'[{"page":0,"pages":0,"total":0}]',
                                  b'[{"page":1,"total":0},[]]', b'\xef\xbb\xbf[{"page":1},[]]'])  # fmt: skip
def test_an_answer_without_rows_has_no_figures(body: bytes) -> None:
    assert _parse(body) == ([], [])
    assert worldbank.page_key(body) == ""


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-10-07", date(2026, 10, 7)), (None, None), ("", None), ("2026-13-01", None), ("07/10/2026", None),
     (20261007, None), ("20261007", None)],
)  # fmt: skip
def test_lastupdated_is_the_day_of_publication(text: Any, day: date | None) -> None:
    assert worldbank.published(_body(ROW, lastupdated=text)) == day


# --- Refusals and what is no answer ---


def test_a_refusal_with_status_200_is_an_error_that_names_the_code() -> None:
    with pytest.raises(SourceError) as caught:
        _parse(REFUSAL, "worldbank-IT.NET.USERS.ZS-1.json")
    assert str(caught.value) == (
        'World Bank refused IT.NET.USERS.ZS: "Invalid value: The provided parameter value is not valid" (HTTP 200). '
        "Check the code in the catalogue."
    )
    assert caught.value.code == "refused"


@pytest.mark.parametrize(
    ("message", "said", "code"),
    [([{"id": "105", "key": "Service currently unavailable", "value": "Try\n later"}],
      "Service currently unavailable: Try later", "service_refused"),
     ([{"id": "175", "key": "", "value": "The indicator was not found."}], "The indicator was not found.", "refused"),
     ("down", '"down"', "refused"), (None, "null", "refused"), ({"id": 120, "value": "x" * 999}, "x" * 300, "refused")],
)  # fmt: skip
def test_other_refusals_are_told_in_the_services_words(message: Any, said: str, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        _parse(json.dumps([{"message": message}]).encode(), "other.json")
    assert f'World Bank refused the request: "{said}" (HTTP 200).' in str(caught.value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "not_json"), (b"<html>Sorry</html>", "not_json"), (b"[" * 100_000, "not_json"), (b"[NaN]", "not_json"),
     (b"\xff\xfe", "not_json"), (_body(ROW)[:-9], "not_json"), (b"{}", "shape"), (b"[]", "shape"), (b"null", "shape"),
     (b'[{"page":1},{}]', "shape"), (b"[{},[]]", "shape"), (b'[{"page":1},[],[]]', "shape"), (b"[[],[]]", "shape"),
     (b'[{"page":1},[{"id":"BRA","iso2Code":"BR","name":"Brazil"}]]', "not_figures")],
)  # fmt: skip
def test_what_is_no_answer_is_a_typed_error(body: bytes, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        _parse(body)
    assert caught.value.code == code
    assert caught.value.where == META.name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, "id", "value"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ROW)), JSON), st.dictionaries(st.sampled_from(sorted(HEADER)), JSON))
def test_whatever_stands_in_a_row_or_header_gives_figures_problems_or_an_error_of_ours(
    row: dict[str, Any], header: dict[str, Any]
) -> None:
    try:
        rows, problems = _parse(_body(ROW, ROW | row, **header))
    except SourceError:
        return
    assert ROW["value"] in {o.value for o in rows}
    for text in [*(p.text for p in problems), *(o.obs_status + o.note for o in rows)]:
        assert text.isprintable()


# --- Pages ---


def _request() -> Request:
    indicators = ("internet_users_pct", "population", "gini_index")
    return worldbank.plan(Query(indicators=indicators, areas=("BRA",), years=(2000, 2025)))[0]


def test_the_first_page_leads_to_the_others() -> None:
    first = _request()
    more = worldbank.follow(first, _body(ROW, pages=3))
    assert [r.url for r in more] == [first.url.replace("page=1&", f"page={n}&") for n in (2, 3)]
    assert [r.file_name for r in more] == [f"worldbank-IT.NET.USER.ZS+2-{n}.json" for n in (2, 3)]
    assert worldbank.follow(more[0], _body(ROW, page=2, pages=3)) == []
    assert worldbank.follow(first, _body(ROW, pages="1")) == worldbank.follow(first, _body(pages=0)) == []


def test_a_service_that_ignores_paging_is_told_so() -> None:
    second = worldbank.follow(_request(), _body(ROW, pages=2))[0]
    with pytest.raises(SourceError) as caught:
        worldbank.follow(second, _body(ROW, page=1, pages=2))
    assert caught.value.what == "the service repeats page 1; it ignores paging"


def test_a_promised_page_that_comes_empty_is_an_error_not_an_end() -> None:
    second = worldbank.follow(_request(), _body(ROW, pages=2))[0]
    with pytest.raises(SourceError, match="page 2 came without rows"):
        worldbank.follow(second, b'[{"page":2,"pages":2,"total":0},null]')


def test_more_than_two_thousand_pages_are_refused() -> None:
    assert len(worldbank.follow(_request(), _body(ROW, pages=2000))) == 1999
    with pytest.raises(SourceError, match="2,001 pages; at most 2,000 are read"):
        worldbank.follow(_request(), _body(ROW, pages=2001))


def test_pages_differ_by_their_rows_not_by_their_headers() -> None:
    key = worldbank.page_key(_body(ROW, page=1))
    assert worldbank.page_key(_body(ROW, page=2, total=9)) == key
    assert worldbank.page_key(_body(ROW | {"value": 1}, page=1)) != key


def test_a_refused_request_is_split_until_each_code_stands_alone() -> None:
    left, right = worldbank.split(_request())
    assert (_codes(left), _codes(right)) == (["IT.NET.USER.ZS"], ["SP.POP.TOTL", "SI.POV.GINI"])
    assert "date=2000:2025" in left.url
    assert "/country/BRA/" in left.url
    assert worldbank.split(left) == []
    assert [_codes(r) for r in worldbank.split(right)] == [["SP.POP.TOTL"], ["SI.POV.GINI"]]
