"""Every recorded answer of the ITU DataHub parses, or fails with a typed error; values by a second method (json).

Bodies and error forms: api-evangelist/itu @ fb6e6964, observed in July 2026, shortened by that repository's author.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat.errors import SourceError
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources import itu
from concordat.evidence.sources._base import Meta, Problem
from concordat.settings import parse_yaml

FIGURES = {"itu-get-country-series.json": 5, "itu-get-indicator-series.json": 3}
REGIONS = "itu-get-regional-aggregate.json"
OTHERS = {
    "itu-get-idi-structure.json": "the structure of the index",
    "itu-get-indicator-categories.json": "the dictionary of indicators",
    "itu-get-indicator.json": "the definition of an indicator",
    "itu-get-umc-by-country.json": "the targets of universal connectivity",
    "itu-list-countries.json": "the list of countries",
    "itu-list-datasets.json": "the list of data sets",
    "itu-list-idi-versions.json": "the list of editions of the index",
    "itu-list-regions.json": "the list of regions",
}


def body_of(folder: Path, name: str) -> bytes:
    return (folder / "recorded" / "itu" / name).read_bytes()


def parse(body: bytes, name: str) -> list[Observation | Problem]:
    day = datetime(2026, 11, 22, tzinfo=UTC)
    return list(itu.parse(body, Meta("itu", "itu", "v", date(2026, 11, 22), day, "ab" * 32, name, "1")))


def test_the_tables_above_name_every_recorded_answer(shared_data: Path) -> None:
    found = {p.name for p in (shared_data / "recorded" / "itu").glob("*.json")}
    assert found == {*FIGURES, REGIONS, *OTHERS}
    assert len(found) == 11


@pytest.mark.parametrize(("name", "count"), FIGURES.items())
def test_a_series_gives_each_figure_with_its_place(shared_data: Path, name: str, count: int) -> None:
    body = body_of(shared_data, name)
    rows = [o for o in parse(body, name) if isinstance(o, Observation)]
    wanted = [
        (r["isoCode"], r["dataYear"], float(r["answer"][0]["value"]), r["dataSource"] == "ITU estimate.")
        for r in json.loads(body)
    ]
    assert len(rows) == count
    assert [(o.area, o.year, o.value, o.nature == "E") for o in rows] == wanted
    assert {o.indicator_id for o in rows} == {"internet_users_pct"}
    document = Body(body, name)
    assert [float(document.text_at(o.raw_locator)) for o in rows] == [value for _, _, value, _ in wanted]


def test_a_region_is_told_and_not_used(shared_data: Path) -> None:
    found = parse(body_of(shared_data, REGIONS), REGIONS)
    assert [(p.rule, p.text) for p in found if isinstance(p, Problem)] == [
        ("not_an_area", "Arab States (region 647) is no country; 3 rows passed over")
    ]
    assert len(found) == 1


@pytest.mark.parametrize(("name", "kind"), OTHERS.items())
def test_a_list_of_something_else_is_no_figures(shared_data: Path, name: str, kind: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(body_of(shared_data, name), name)
    assert (caught.value.code, caught.value.what) == ("not_figures", f"this is {kind}, not figures.")


def test_a_definition_gives_the_numbers_of_our_table(shared_data: Path) -> None:
    found = itu.numbers_in(body_of(shared_data, "itu-get-indicator.json"), "definition")
    ours = {c.code: c.id for c in itu.itu_codes() if c.code in found}
    assert ours == {code: found[code] for code in ours}
    assert found["i99H"] == 11624
    assert {"HHU4212_HHCFemale", "HHU4212_HHCMale", "HHU4212_HHCRuralUsers", "HHU4212_HHCUrbanUsers"} <= set(ours)


def test_the_number_of_households_is_that_of_the_recorded_targets(shared_data: Path) -> None:
    listed = {r["code"]: r["codeID"] for r in json.loads(body_of(shared_data, "itu-get-umc-by-country.json"))}
    assert {c.code: c.id for c in itu.itu_codes() if c.code in listed} == listed


def test_the_nodes_of_the_index_are_another_space_of_numbers(shared_data: Path) -> None:
    text = body_of(shared_data, "itu-get-idi-structure.json").decode()
    assert '"codeID": 3' in text
    assert '"code": "i99H"' in text
    with pytest.raises(SourceError):
        itu.numbers_in(text.encode(), "index")


def test_every_observed_error_has_a_name(shared_data: Path) -> None:
    document = parse_yaml(body_of(shared_data, "errors_observed.yml"), where="errors.yml").value
    wanted = {403: "wrong_route", 500: "unknown_id"}
    for problem in document["problems"]:
        if problem["api"] == "ITU DataHub API":
            error = itu.explain(itu.plan(itu.Query())[0], problem["status"], problem["body"].encode())
            assert error is not None
            assert error.code == wanted.pop(problem["status"])
    assert wanted == {}
    for evidence in document["non_error_conditions"][0]["evidence"]:
        with pytest.raises(SourceError, match="empty_answer: unknown id or no data"):
            parse(evidence["body"].encode(), evidence["url"])
