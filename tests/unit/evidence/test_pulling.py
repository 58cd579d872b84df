"""Pulling: pages in order, answers kept as they come, what was interrupted goes on, what was there is not lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import SourceError
from concordat.evidence import pulling
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.loading import keep
from concordat.evidence.pulling import Pulled, pull
from concordat.evidence.sources import worldbank
from concordat.evidence.sources._base import Answer, Query, Request
from concordat.evidence.sources._urls import normal_url
from concordat.evidence.store import Store, open_store

CODES = {"internet_users_pct": "IT.NET.USER.ZS", "population": "SP.POP.TOTL", "gini_index": "SI.POV.GINI"}
BR, INDIA = {"BRA": "BR", "IND": "IN", "ZAF": "ZA", "CHN": "CN"}, ("IND",)


@dataclass
class Wdi:
    """A World Bank that never fails unless told to; two rows a page, one figure a country, code and year."""

    updated: str = "2026-10-07"
    page_rows: int = 2
    refuses: tuple[str, ...] = ()
    stops_after: int = 10**9
    repeats: bool = False
    asked: list[str] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        if len(self.asked) >= self.stops_after:
            raise KeyboardInterrupt
        self.asked.append(request.label)
        return Answer(self._body(request), request.file_name, normal_url(request.url), clock.now(), status=200,
                      headers=(("content-type", "application/json"),))  # fmt: skip

    def _body(self, request: Request) -> bytes:
        codes, page = worldbank._asked(request)
        if set(codes) & set(self.refuses):
            return b'[{"message":[{"id":"120","key":"Invalid value","value":"Not valid"}]}]'
        areas = request.url.partition("/country/")[2].partition("/")[0]
        named = sorted(BR) if areas == "all" else areas.split(";")
        rows = [self._row(code, area, year) for code in codes for area in named for year in (2023, 2022)]
        pages = -(-len(rows) // self.page_rows)
        page = 1 if self.repeats else page
        header = {"page": page, "pages": pages, "per_page": self.page_rows, "total": len(rows),
                  "lastupdated": self.updated}  # fmt: skip
        shown = rows[(page - 1) * self.page_rows : page * self.page_rows]
        return json.dumps([header | ({"page": worldbank._asked(request)[1]} if self.repeats else {}), shown]).encode()

    def _row(self, code: str, area: str, year: int) -> dict[str, Any]:
        return {"indicator": {"id": code, "value": code}, "country": {"id": BR[area], "value": area},
                "countryiso3code": area, "date": str(year), "value": 40 + year - 2000, "unit": "",
                "obs_status": "", "decimal": 0}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def ask(store: Store, catalogue: Catalogue) -> Callable[..., Pulled]:
    """`ask(wdi, "BRA,IND", "internet_users_pct")`: a pull; options as `pull`."""

    def run(wdi: Wdi, areas: str = "BRA", indicators: str = "internet_users_pct", **options: Any) -> Pulled:
        years = options.pop("years", None)
        query = Query(tuple(filter(None, indicators.split(","))), tuple(filter(None, areas.split(","))), years)
        return pull(worldbank, query, wdi, store, catalogue, **options)

    return run


def _areas(store: Store, pulled: Pulled) -> set[str]:
    return {o.area for o in store.observations(pulled.loaded.vintage)}


# --- A pull ---


def test_all_pages_become_one_vintage_known_from_the_day_the_source_says(
    store: Store, ask: Callable[..., Pulled]
) -> None:
    told: list[str] = []
    pulled = ask(Wdi(), "BRA,IND,ZAF", progress=told.append)
    vintage = pulled.loaded.vintage
    assert (pulled.answers, pulled.kept, pulled.refused) == (3, 0, ())
    assert (vintage.known_from, vintage.published) == (date(2026, 10, 7), date(2026, 10, 7))
    assert vintage.dataset_id == vintage.source_id == "worldbank_wdi"
    assert vintage.row_count == 6
    assert (vintage.origin["published"], vintage.licence["id"]) == ("2026-10-07", "CC-BY-4.0")
    assert [text.partition(": ")[0] for text in told] == ["1 of 1", "2 of 3", "3 of 3"]
    for o in store.observations(vintage):
        (record,) = store.catalog.retrievals(o.raw_sha256)
        assert record["url"].startswith("https://api.worldbank.org/v2/en/country/BRA;IND;ZAF/")
        assert record["connector"] == "worldbank_wdi@1"
    assert store.verify().faults == ()


def test_a_source_without_a_date_is_known_from_today_and_one_from_the_future_too(ask: Callable[..., Pulled]) -> None:
    assert ask(Wdi(updated="")).loaded.vintage.published is None
    vintage = ask(Wdi(updated="2027-01-01"), "IND", only=True).loaded.vintage
    assert (vintage.published, vintage.known_from) == (None, date(2026, 11, 22))


def test_an_answer_without_figures_is_an_error_and_never_nought_rows(ask: Callable[..., Pulled], store: Store) -> None:
    class Empty(Wdi):
        def _row(self, code: str, area: str, year: int) -> dict[str, Any]:
            return super()._row(code, area, year) | {"value": None}

    with pytest.raises(SourceError, match="no figure at all") as caught:
        ask(Empty())
    assert caught.value.code == "empty_answer"
    assert "0 rows" not in str(caught.value)
    assert store.vintages() == []


# --- Refusals ---


def test_one_bad_code_among_many_is_found_and_the_others_are_stored(store: Store, ask: Callable[..., Pulled]) -> None:
    pulled = ask(Wdi(refuses=("SP.POP.TOTL",)), indicators=",".join(CODES))
    assert {o.indicator_id for o in store.observations(pulled.loaded.vintage)} == {"internet_users_pct", "gini_index"}
    assert [str(error) for error in pulled.refused] == [
        'World Bank refused SP.POP.TOTL: "Invalid value: Not valid" (HTTP 200). Check the code in the catalogue.'
    ]


def test_when_all_is_refused_the_services_words_are_the_error(ask: Callable[..., Pulled], store: Store) -> None:
    with pytest.raises(SourceError, match=r'World Bank refused IT\.NET\.USER\.ZS: "Invalid value: Not valid"'):
        ask(Wdi(refuses=tuple(CODES.values())))
    with pytest.raises(SourceError, match=r"all 3 codes were refused; the first: World Bank refused IT\.NET\.USER\.ZS"):
        ask(Wdi(refuses=tuple(CODES.values())), indicators=",".join(CODES))
    assert store.vintages() == []


def test_a_service_that_repeats_a_page_under_another_number_ends_the_pull(
    ask: Callable[..., Pulled], store: Store
) -> None:
    with pytest.raises(SourceError) as caught:
        ask(Wdi(repeats=True), "BRA,IND,ZAF")
    assert caught.value.what == "the service repeats page 1; it ignores paging"
    assert store.vintages() == []


def test_pages_and_bytes_are_bounded(ask: Callable[..., Pulled], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "REQUESTS_MAX", 2)
    with pytest.raises(SourceError, match="more than 2 pages") as caught:
        ask(Wdi(), "BRA,IND,ZAF")
    assert caught.value.code == "too_many_pages"
    monkeypatch.setattr(pulling, "REQUESTS_MAX", 2000)
    monkeypatch.setattr(pulling, "BYTES_MAX", 100)
    with pytest.raises(SourceError, match="or 100 bytes"):
        ask(Wdi(), "BRA,IND,ZAF")


# --- Going on ---


def test_an_interrupted_pull_goes_on_where_it_stopped(store: Store, ask: Callable[..., Pulled]) -> None:
    broken = Wdi(stops_after=2)
    with pytest.raises(KeyboardInterrupt):
        ask(broken, "BRA,IND,ZAF,CHN")
    assert store.vintages() == []
    told: list[str] = []
    again = Wdi()
    pulled = ask(again, "BRA,IND,ZAF,CHN", progress=told.append)
    assert again.asked == ["IT.NET.USER.ZS, page 3", "IT.NET.USER.ZS, page 4"]
    assert (pulled.answers, pulled.kept, pulled.loaded.vintage.row_count) == (4, 2, 8)
    assert told[0] == "1 of 1: IT.NET.USER.ZS, page 1: kept from 00:00 UTC"
    assert store.verify().faults == ()


def test_a_pull_that_is_run_twice_on_a_day_asks_nothing_and_stores_nothing_new(
    store: Store, ask: Callable[..., Pulled]
) -> None:
    first = ask(Wdi(), "BRA,IND")
    lines = (store.data_dir / "raw" / "retrievals.jsonl").read_bytes()
    idle = Wdi(stops_after=0)
    second = ask(idle, "BRA,IND")
    assert (second.loaded.vintage, second.loaded.new, second.kept) == (first.loaded.vintage, False, 2)
    assert (store.data_dir / "raw" / "retrievals.jsonl").read_bytes() == lines


@pytest.mark.parametrize("how", ["tomorrow", "without reuse", "another query"])
def test_only_todays_answers_to_the_same_question_are_taken(ask: Callable[..., Pulled], how: str) -> None:
    ask(Wdi())
    asked_again = Wdi()
    if how == "tomorrow":
        with clock.fixed("2026-11-23"):
            ask(asked_again)
    elif how == "without reuse":
        ask(asked_again, reuse=False)
    else:
        ask(asked_again, years=(2022, 2023))
    assert asked_again.asked == ["IT.NET.USER.ZS, page 1"]


def test_a_kept_refusal_is_asked_for_again(ask: Callable[..., Pulled]) -> None:
    with pytest.raises(SourceError):
        ask(Wdi(refuses=("IT.NET.USER.ZS",)))
    assert ask(Wdi()).kept == 0


def test_a_kept_answer_of_another_kind_or_a_failed_one_is_asked_for_again(
    store: Store, ask: Callable[..., Pulled]
) -> None:
    (request,) = worldbank.plan(Query(("internet_users_pct",), ("BRA",)))
    html = Answer(b"<html>", request.file_name, normal_url(request.url), clock.now(), status=200)
    keep(store, "worldbank_wdi", [html, replace(html, body=b"[]", status=503)], "1")
    again = Wdi()
    assert ask(again).kept == 0
    assert again.asked == ["IT.NET.USER.ZS, page 1"]


def test_when_the_source_changed_meanwhile_all_of_it_is_asked_for_again(ask: Callable[..., Pulled]) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(Wdi(updated="2026-10-07", stops_after=1), "BRA,IND")
    newer = Wdi(updated="2026-11-22")
    told: list[str] = []
    pulled = ask(newer, "BRA,IND", progress=told.append)
    assert newer.asked == ["IT.NET.USER.ZS, page 2", "IT.NET.USER.ZS, page 1", "IT.NET.USER.ZS, page 2"]
    assert (pulled.kept, pulled.loaded.vintage.known_from) == (0, date(2026, 11, 22))
    assert any("was updated since the kept answers came" in text for text in told)


# --- What was there before ---


def test_a_pull_for_other_countries_keeps_those_of_the_one_before_in_use(
    store: Store, ask: Callable[..., Pulled]
) -> None:
    ask(Wdi(), "BRA,IND", "internet_users_pct,population", years=(2022, 2023))
    with clock.fixed("2026-11-23"):
        told: list[str] = []
        wider = ask(Wdi(updated="2026-11-23"), "ZAF", "gini_index", years=(2023, 2023), progress=told.append)
        assert wider.query == Query(("gini_index", "internet_users_pct", "population"), ("BRA", "IND", "ZAF"),
                                    (2022, 2023))  # fmt: skip
        assert told[0].startswith("Asking also for what worldbank_wdi/2026-10-07-")
        assert _areas(store, wider) == {"BRA", "IND", "ZAF"}
    with clock.fixed("2026-11-24"):
        narrow = ask(Wdi(updated="2026-11-24"), "ZAF", "gini_index", only=True)
        assert _areas(store, narrow) == {"ZAF"}


def test_a_pull_for_everyone_and_everything_is_not_narrowed(store: Store, ask: Callable[..., Pulled]) -> None:
    ask(Wdi(), "BRA")
    pulled = ask(Wdi(), "", only=False)
    assert pulled.query.areas == ()
    assert _areas(store, pulled) == {"BRA", "IND", "ZAF", "CHN"}


def test_beyond_a_hundred_countries_everyone_is_asked_for(
    ask: Callable[..., Pulled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "AREAS_LISTED_MAX", 2)
    ask(Wdi(), "BRA,IND")
    assert ask(Wdi(), "ZAF").query.areas == ()


def test_keeping_an_answer_twice_writes_it_once(store: Store) -> None:
    answer = Answer(b"x", "x", "https://a.org/", datetime(2026, 11, 22, tzinfo=UTC), status=200)
    assert keep(store, "s", [answer, answer], "1") == keep(store, "s", [answer], "1") * 2
    assert len((store.data_dir / "raw" / "retrievals.jsonl").read_text().splitlines()) == 1
