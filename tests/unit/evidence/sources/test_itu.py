"""The ITU DataHub: values as texts, `[]` for anything unknown, three spaces of numbers, errors in its own words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.citation import origin_of
from concordat.evidence.observation import Observation
from concordat.evidence.sources import itu
from concordat.evidence.sources._base import Meta, Problem, Query

ROW: dict[str, Any] = {
    "codeID": 11624, "code": "i99H", "isoCode": "ABW", "shortName": "Aruba", "countryID": 4, "dataYear": 2001,
    "dataNote": "", "dataSource": "ITU estimate.", "answer": [{"value": "17.1", "id": 4790045}],
}  # fmt: skip


def parse(*changes: dict[str, Any]) -> list[Observation | Problem]:
    meta = Meta("itu", "itu", "v", date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), "ab" * 32, "x.json", "1")
    return list(itu.parse(json.dumps([{**ROW, **c} for c in changes]).encode(), meta))


def test_a_text_becomes_a_number_with_its_rounding() -> None:
    (o,) = parse({})
    assert isinstance(o, Observation)
    assert (o.indicator_id, o.area, o.year, o.value, o.precision) == ("internet_users_pct", "ABW", 2001, 17.1, 0.05)
    assert (o.raw_locator, o.series_key, o.note) == ("x.json#/0/answer/0/value", "i99H", "source: ITU estimate.")


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({}, {"nature": "E", "obs_status": "E"}),
        ({"dataSource": "SETAR."}, {"nature": "N", "obs_status": "A", "note": "source: SETAR."}),
        ({"dataSource": None, "dataNote": "Break."}, {"nature": "N", "note": "Break."}),
        ({"answer": []}, {"value": None, "missing_reason": "not_published", "obs_status": "O"}),
        ({"answer": [{"value": None}]}, {"value": None, "missing_reason": "not_published"}),
        ({"answer": [{"value": " "}]}, {"value": None, "missing_reason": "not_published"}),
        ({"answer": [{"value": 8.6}]}, {"value": 8.6}),
        ({"code": "HHU4212_HHCFemale"}, {"indicator_id": "internet_users_pct", "breakdown": "sex=F"}),
        ({"code": "HHU4212_HHCRuralUsers"}, {"breakdown": "loc=rural"}),
        ({"code": "xHH6_IDI"}, {"indicator_id": "households_internet_pct", "breakdown": ""}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_rides_along(change: dict[str, Any], columns: dict[str, Any]) -> None:
    (o,) = parse(change)
    assert {name: getattr(o, name) for name in columns} == columns


@pytest.mark.parametrize(
    ("change", "rule", "text"),
    [
        ({"answer": [{"value": "n/a"}]}, "unparsed", '"n/a" is not a number'),
        ({"answer": [{"value": "1"}, {"value": "2"}]}, "unparsed", "the answer is not one value"),
        ({"answer": "17"}, "unparsed", "the answer is not one value"),
        ({"answer": [{"value": True}]}, "unparsed", "the answer is not one value"),
        ({"answer": [{"value": [1]}]}, "unparsed", "the answer is not one value"),
        ({"answer": [{"value": "1,234"}]}, "unparsed", "can't tell a decimal comma from thousands"),
        ({"dataYear": "2001"}, "unparsed", "the year is '2001'"),
        ({"dataYear": 0}, "unparsed", "the year is 0"),
        ({"isoCode": "ZZZ"}, "not_an_area", "ZZZ (Aruba) is no country; 1 row passed over"),
        ({"isoCode": None}, "not_an_area", "None (Aruba) is no country"),
        ({"code": "i99"}, "unknown_code", "i99 is no code of the catalogue"),
    ],
)
def test_what_can_not_be_used_is_told(change: dict[str, Any], rule: str, text: str) -> None:
    (problem,) = parse(change)
    assert isinstance(problem, Problem)
    assert problem.rule == rule
    assert text in problem.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "empty_answer"),
        (b"\xef\xbb\xbf[]", "empty_answer"),
        (b'{"message":"Missing Authentication Token"}', "wrong_route"),
        (b"Cannot set properties of undefined (setting 'availableCountries')", "unknown_id"),
        (b"<html>", "not_json"),
        (b"", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'[{"dataYear": NaN}]', "not_json"),
        (b'{"data": []}', "shape"),
        (b"[null]", "not_figures"),
        (b"[true]", "not_figures"),
        (b'[{"regionID": 3, "dataID": 1, "codeID": 5, "score": 56.3, "dataYear": 2026}]', "not_figures"),
        (json.dumps([ROW, 7]).encode(), "shape"),
    ],
)
def test_what_is_no_answer_is_a_typed_error(body: bytes, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        itu.read(body, "x.json")
    assert (caught.value.code, caught.value.where) == (code, "x.json")


def test_an_empty_answer_says_that_the_service_does_not_tell_why() -> None:
    with pytest.raises(SourceError) as caught:
        parse()
    assert caught.value.what == "empty_answer: unknown id or no data: the service answers [] to both."
    request = itu.plan(Query())[0]
    with pytest.raises(SourceError, match="unknown id or no data") as caught:
        itu.follow(request, b"[]")
    assert caught.value.code == "refused"  # so that the other codes of a pull are still stored


def test_a_plan_asks_by_number_for_the_world_or_country_by_country() -> None:
    urls = [r.url for r in itu.plan(Query(indicators=("households_internet_pct",), areas=("BRA", "ZAF")))]
    assert urls == [f"https://api.datahub.itu.int/v2/data/bycode/12047/byiso/{iso3}" for iso3 in ("BRA", "ZAF")]
    world = itu.plan(Query(indicators=("internet_users_pct",), service="http://localhost:1/v2"))
    assert world[0].url == "http://localhost:1/v2/data/bycode/11624"
    assert len(world) == 5


def test_a_code_whose_number_was_never_seen_is_not_guessed() -> None:
    with pytest.raises(
        SourceError, match="the number of i911mw_IDI in the ITU DataHub has not been seen yet"
    ) as caught:
        itu.plan(Query(indicators=("mobile_broadband_per_100",)))
    assert caught.value.code == "no_code"


def test_terms_are_not_published_so_the_licence_is_unstated() -> None:
    assert origin_of("itu").licence == "unstated"


@pytest.mark.parametrize("status", [429, 502, 503])
def test_another_status_is_not_final(status: int) -> None:
    assert itu.explain(itu.plan(Query())[0], status, b"Service Unavailable") is None
