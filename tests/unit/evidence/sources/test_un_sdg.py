"""The UN's SDG database: pages, M49 numbers, dimensions to breakdowns, nature letters, values that are no numbers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources import un_sdg
from concordat.evidence.sources._base import Meta, Problem, Query

ROW: dict[str, Any] = {
    "series": "IT_MOB_OWN", "geoAreaCode": "76", "geoAreaName": "Brazil", "timePeriodStart": 2018.0, "value": "79.3",
    "source": "IBGE", "footnotes": [""], "attributes": {"Nature": "C", "Units": "PERCENT"},
    "dimensions": {"Sex": "BOTHSEX", "Reporting Type": "G"},
}  # fmt: skip


def page(*changes: dict[str, Any], **header: Any) -> bytes:
    return json.dumps({"pageNumber": 1, "totalPages": 1, **header, "data": [{**ROW, **c} for c in changes]}).encode()


def parse(*changes: dict[str, Any]) -> list[Observation | Problem]:
    day = datetime(2026, 1, 2, tzinfo=UTC)
    meta = Meta("un_sdg", "un_sdg", "v", date(2026, 1, 1), day, "ab" * 32, "x.json", "1")
    return list(un_sdg.parse(page(*changes), meta))


def test_a_row_becomes_an_observation() -> None:
    (o,) = parse({})
    assert isinstance(o, Observation)
    assert (o.indicator_id, o.area, o.year, o.value, o.precision) == ("mobile_ownership_pct", "BRA", 2018, 79.3, 0.05)
    assert (o.nature, o.breakdown, o.note, o.raw_locator) == ("C", "", "source: IBGE", "x.json#/data/0/value")


def test_rows_of_one_country_differ_by_breakdown() -> None:
    rows = parse({}, {"dimensions": {"Sex": "FEMALE"}}, {"dimensions": {"Sex": "MALE"}})
    assert [o.breakdown for o in rows if isinstance(o, Observation)] == ["", "sex=F", "sex=M"]


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({"attributes": {"Nature": "E", "Units": "PERCENT"}}, {"nature": "E", "obs_status": "E"}),
        ({"nature": "M", "units": "PERCENT", "attributes": None}, {"nature": "M", "obs_status": "A"}),
        ({"nature": "CA"}, {"nature": "CA"}),
        ({"nature": "NA"}, {"nature": "N"}),
        ({"nature": None}, {"nature": "N"}),
        ({"footnotes": ["a", "b"], "source": None}, {"note": "a; b"}),
        ({"value": "<2.5"}, {"value": None, "lower": 0.0, "upper": 2.5, "censoring": "below"}),
        ({"value": ">95"}, {"value": None, "lower": 95.0, "upper": 100.0, "censoring": "above"}),
        ({"value": "NaN"}, {"value": None, "missing_reason": "not_published", "obs_status": "O"}),
        ({"value": None}, {"missing_reason": "not_published"}),
        ({"value": 79.30}, {"value": 79.3}),
        ({"timePeriodStart": "2018"}, {"period_end": date(2018, 12, 31)}),
        ({"geoAreaCode": 76}, {"area": "BRA"}),
        ({"geoAreaCode": "076"}, {"area": "BRA"}),
        ({"series": "SE_ADT_ACTS", "dimensions": {"Type of skill": "SOFT", "Sex": "MALE"}},
         {"indicator_id": "ict_skills_pct", "breakdown": "sex=M;skill=soft"}),
        ({"series": "IT_USE_ii99", "units": "PER_100_POP"}, {"indicator_id": "internet_users_pct", "unit": "percent"}),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_rides_along(change: dict[str, Any], columns: dict[str, Any]) -> None:
    (o,) = parse(change)
    assert {name: getattr(o, name) for name in columns} == columns


@pytest.mark.parametrize(
    ("change", "rule", "text"),
    [
        ({"geoAreaCode": "1", "geoAreaName": "World"}, "not_an_area", "1 (World) is no country"),
        ({"geoAreaCode": "BRA"}, "not_an_area", "BRA (Brazil) is no country"),
        ({"series": "XX"}, "unknown_code", "XX is no series of the catalogue"),
        ({"dimensions": {"Sex": "OTHER"}}, "other_part", "IT_MOB_OWN: Sex=OTHER is not one of ours"),
        ({"dimensions": {"Wealth": "Q1"}}, "other_part", "Wealth=Q1 is not one of ours"),
        ({"dimensions": {"Location": "RURAL"}}, "other_part", "Location=RURAL is not one of ours"),
        ({"dimensions": ["F"]}, "other_part", "its dimensions are of another form"),
        ({"series": "SE_ADT_ACTS"}, "other_part", "SE_ADT_ACTS: without a skill"),
        ({"nature": "Z"}, "unparsed", 'the nature "Z" is none of'),
        ({"units": "PER_100_POP", "series": "GB_XPD_RSDV", "nature": "C", "dimensions": {}}, None, ""),
        ({"units": "NUMBER"}, "unparsed", 'the unit "NUMBER" is not known to be percent'),
        ({"attributes": {"Nature": "C"}}, "unparsed", 'the unit "" is not known to be percent'),
        ({"value": "a lot"}, "unparsed", '"a lot" is not a number'),
        ({"value": [1]}, "unparsed", "is not a number"),
        ({"value": True}, "unparsed", "is not a number"),
        ({"value": ">950"}, "unparsed", '">950" is an interval without an end'),
        ({"timePeriodStart": 2018.5}, "unparsed", 'the period "2018.5" is no year'),
        ({"timePeriodStart": None}, "unparsed", 'the period "None" is no year'),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_can_not_be_used_is_told(change: dict[str, Any], rule: str | None, text: str) -> None:
    (found,) = parse(change)
    if rule is None:
        assert isinstance(found, Observation)
        return
    assert isinstance(found, Problem)
    assert found.rule == rule
    assert text in found.text


def test_an_interval_for_an_indicator_without_an_upper_bound_has_no_end() -> None:
    (found,) = parse({"series": "IT_NET_BBP", "units": "PER_100_POP", "value": ">40", "dimensions": {}})
    assert isinstance(found, Problem)
    assert found.text == '">40" is an interval without an end'


def test_pages_are_asked_for_until_the_last() -> None:
    (first,) = un_sdg.plan(Query(indicators=("mobile_ownership_pct",), areas=("AFG", "BRA"), years=(2010, 2020)))
    assert first.url == (
        "https://unstats.un.org/sdgapi/v1/sdg/Series/Data?seriesCode=IT_MOB_OWN&areaCode=4&areaCode=76"
        "&timePeriodStart=2010&timePeriodEnd=2020&pageSize=10000&page=1"
    )
    (second,) = un_sdg.follow(first, page({}, pageNumber=1, totalPages=2))
    assert second.url == first.url.replace("&page=1", "&page=2")
    assert un_sdg.follow(second, page({}, pageNumber=2, totalPages=2)) == []


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (page({}, pageNumber=7, totalPages=9), "repeated_page", "the service repeats page 7; it ignores paging"),
        (page(pageNumber=1), "refused", "no figures for IT_MOB_OWN"),
        (page({}, totalPages=99_999), "too_many_pages", "99,999 pages; at most 2,000 are read"),
        (b"[]", "shape", "not an answer of the form"),
        (b'{"data": null}', "shape", "not an answer of the form"),
        (b"<html>", "not_json", "not JSON"),
        (b'{"data": [NaN]}', "not_json", "not JSON"),
        (b"[" * 100_000, "not_json", "not JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_page_is_a_typed_error(body: bytes, code: str, text: str) -> None:
    (first,) = un_sdg.plan(Query(indicators=("mobile_ownership_pct",)))
    with pytest.raises(SourceError) as caught:
        un_sdg.follow(first, body)
    assert caught.value.code == code
    assert text in str(caught.value)


def test_a_page_is_known_by_its_rows() -> None:
    assert un_sdg.page_key(page({}, pageNumber=1)) == un_sdg.page_key(page({}, pageNumber=2)) != ""
    assert un_sdg.page_key(page({})) != un_sdg.page_key(page({"value": "1"}))
    assert un_sdg.page_key(page()) == ""
