"""One entry of the edition of 2015: which text is the share, of which year, and what is told when there is none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources.factbook_2015 import parse

META = Meta(
    "cia_factbook", "cia_factbook", "v", date(2015, 11, 15), datetime(2015, 11, 15, tzinfo=UTC), "0" * 64,
    "africa/et.json", "1",
)  # fmt: skip


def read(field: Any, name: str = "africa/et.json") -> list[Observation | Problem]:
    body = json.dumps({"Communications": {"Internet users": field}}).encode()
    from dataclasses import replace

    return list(parse(body, replace(META, name=name)))


@pytest.mark.parametrize(
    ("field", "value", "year", "place"),
    [
        (
            {"total": {"text": "1.6 million"}, "percent of population": {"text": "1.7% (2014 est.)"}},
            1.7, 2014, "/percent of population/text",
        ),
        ({"text": "1.1 million ++ 51.1% (2009)"}, 51.1, 2009, "/text"),
        ({"text": "51.1% (2009) ++ 1.1 million"}, 51.1, 2009, "/text"),
    ],
)  # fmt: skip
def test_the_share_is_read_with_its_year_and_place(field: Any, value: float, year: int, place: str) -> None:
    (found,) = read(field)
    assert isinstance(found, Observation)
    assert (found.area, found.value, found.year) == ("ETH", value, year)
    assert found.raw_locator == "africa/et.json#/Communications/Internet users" + place


def test_a_share_below_a_limit_is_an_interval() -> None:
    (found,) = read({"percent of population": {"text": "less than 1% (2014 est.)"}})
    assert isinstance(found, Observation)
    assert (found.value, found.lower, found.upper) == (None, 0.0, 1.0)


@pytest.mark.parametrize("field", [{}, {"total": {"text": "1.6 million"}}, {"text": "2.8 billion"}])
def test_an_entry_without_a_share_says_nothing(field: Any) -> None:
    assert read(field) == []


@pytest.mark.parametrize("text", ["53.4%", "NA% (2014)", "many (2014)", ""])
def test_a_share_without_a_year_or_a_number_is_told(text: str) -> None:
    (found,) = read({"percent of population": {"text": text}})
    assert isinstance(found, Problem)
    assert found.rule == "unparsed"


def test_a_code_of_no_country_is_told() -> None:
    (found,) = read({"percent of population": {"text": "1% (2014)"}}, "oceans/zn.json")
    assert isinstance(found, Problem)
    assert found.rule == "unmapped_code"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"Communications": 3}', b'{"Communications":{"Internet users":[]}}']
)
def test_what_is_no_entry_is_a_source_error(body: bytes) -> None:
    with pytest.raises(SourceError):
        list(parse(body, META))
