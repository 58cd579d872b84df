"""The recorded answers of the World Bank: each is parsed, or refused by a typed error that says why.

Seven come from the fixtures of OCHA-DAP/hdx-scraper-worldbank, three are examples of an API catalogue (see the README
beside them). What each must give was read off the files by eye.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat.errors import SourceError
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources import worldbank
from concordat.evidence.sources._base import Meta, Problem

# file -> figures as (indicator, area, year, value), rules of the problems, lastupdated
RECORDED: dict[str, tuple[list[tuple[str, str, int, float]], set[str], date]] = {
    "hdx_indicators.json": ([], {"unknown_code", "fewer_rows"}, date(2019, 10, 2)),
    "hdx_indicators1.json": ([], {"unknown_code", "fewer_rows"}, date(2019, 10, 2)),
    "hdx_indicators2.json": ([], {"unknown_code", "fewer_rows"}, date(2019, 10, 2)),
    "hdx_indicatorsh.json": ([("population", "AFG", 2018, 37172386)], {"fewer_rows"}, date(2019, 10, 2)),
    "hdx_indicatorsp.json": ([], set(), date(2019, 10, 2)),
    "hdx_indicatorst.json": (
        [("population", "AFG", 2018, 37172386)], {"not_a_country", "fewer_rows"}, date(2019, 10, 2),
    ),
    "hdx_indicatorsx.json": ([], {"unknown_code", "fewer_rows"}, date(2019, 10, 2)),
    "indicator-gdp-country-response.json": (
        [("gdp_current_usd", "USA", year, value) for year, value in (
            (2022, 25462700000000), (2021, 23315081000000), (2020, 21060474000000), (2019, 21380976000000),
            (2018, 20612439000000))],
        set(), date(2024, 6, 28),
    ),
    "indicator-population-response.json": (
        [("population", area, 2022, value) for area, value in (
            ("BRA", 215313498), ("CHN", 1412175000), ("IND", 1417173173), ("NGA", 218541212), ("USA", 335893238))],
        set(), date(2024, 6, 28),
    ),
}  # fmt: skip


@pytest.fixture
def recorded(shared_data: Path) -> Path:
    return shared_data / "recorded" / "worldbank"


def _meta(name: str) -> Meta:
    day = date(2019, 10, 2)
    return Meta("worldbank_wdi", "worldbank_wdi", "v", day, datetime(2026, 11, 22, tzinfo=UTC), "", name, "1")


def test_every_recorded_body_is_named_here(recorded: Path) -> None:
    assert {p.name for p in recorded.glob("*.json")} == RECORDED.keys() | {"country-response.json"}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_body_gives_its_figures(recorded: Path, name: str) -> None:
    figures, rules, day = RECORDED[name]
    body = (recorded / name).read_bytes()
    found = list(worldbank.parse(body, _meta(name)))
    rows = [o for o in found if isinstance(o, Observation)]
    assert [(o.indicator_id, o.area, o.year, o.value) for o in rows] == figures
    assert {p.rule for p in found if isinstance(p, Problem)} == rules
    assert worldbank.published(body) == day
    for o in rows:
        assert o.value == json.loads(Body(body, name).text_at(o.raw_locator))


def test_the_recorded_list_of_countries_is_refused_as_no_figures(recorded: Path) -> None:
    name = "country-response.json"
    with pytest.raises(SourceError, match="a list of countries, not of figures") as caught:
        list(worldbank.parse((recorded / name).read_bytes(), _meta(name)))
    assert (caught.value.code, caught.value.where) == ("not_figures", name)
