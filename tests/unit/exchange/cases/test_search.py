"""Search: BM25 against SQLite's own, words of several scripts, filters, facets, ties."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.exchange.cases.case import Case
from concordat.exchange.cases.search import Filters, Index, search, words
from concordat.exchange.cases.standing import Review, Standing


def _case(key: str, title: str, summary: str, **more: Any) -> Case:
    origin = {"registry": "r", "ids": [key]}
    value = {"id": key, "kind": "practice", "title": {"en": title}, "summary": {"en": summary}, "origin": origin}
    return Case.from_value({**value, **more})


CASES = (
    _case("a", "Vaccine ledger", "Records of vaccines for nurses", problem={"en": "Paper records get lost"}),
    _case("b", "School maps", "Where schools are, and records of pupils", aliases=["Mapas"]),
    _case("c", "Road maps", "Roads drawn by volunteers", problem={"en": "No records of roads, no maps at all"}),
    _case("d", "Water points", "Where water is"),
    _case("e", "Rural credit", "Small loans for farmers"),
)


@pytest.mark.parametrize("query", ["records", "maps", "vaccine records", "records maps roads water", "pupils pupils"])
def test_scores_are_those_of_sqlite(query: str) -> None:
    """FTS5's bm25() with the weights of the fields: another implementation of the formula of the docstring."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(id UNINDEXED, title, aliases, summary, rest, tokenize = 'unicode61')")
    for case in CASES:
        texts = (case.title["en"], " ".join(case.aliases), case.summary["en"], case.problem.get("en", ""))
        db.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", (case.id, *texts))
    asked = " OR ".join(dict.fromkeys(query.split()))
    rows = db.execute("SELECT id, -bm25(t, 0, 4, 4, 2, 1) FROM t WHERE t MATCH ?", (asked,)).fetchall()
    times = len(query.split()) / len(set(query.split()))  # ours counts a word as often as it is asked for
    found = search(Index(CASES), query)
    assert {hit.case.id: pytest.approx(hit.score) for hit in found.hits} == {key: score * times for key, score in rows}


def test_words_of_several_scripts() -> None:
    assert words("E-Health ＡＢＣ Saúde") == ["e", "health", "abc", "saúde"]
    assert words("疫苗记录 vaccine") == ["疫苗", "苗记", "记录", "vaccine"]
    assert words("水") == ["水"]
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert words("русский ЯЗЫК") == ["русский", "язык"]
    assert words("--- !") == []


def test_a_case_is_found_in_another_script() -> None:
    case = _case("z", "Ledger", "Records", problem={"zh": "疫苗记录", "hi": "टीका"})
    assert [h.case.id for h in search(Index([*CASES, case]), "疫苗").hits] == ["z"]
    assert [h.case.id for h in search(Index([*CASES, case]), "टीका").hits] == ["z"]


def test_titles_and_aliases_count_more_than_the_rest() -> None:
    places = (_case("a", "One", "Two", problem={"en": "solar"}), _case("b", "One", "solar", problem={"en": "Two"}))
    titled = (_case("c", "solar", "One", problem={"en": "Two"}), _case("d", "One", "Two", aliases=["solar"]))
    hits = search(Index([*CASES, *places, *titled]), "solar").hits
    assert [h.case.id for h in hits] == ["c", "d", "b", "a"]
    assert hits[0].score == hits[1].score


def test_ties_stand_by_id_whatever_the_order_and_the_limit() -> None:
    twins = [_case(key, "Twin", "The same words") for key in ("c", "a", "e", "b", "d")]
    for limit in (1, 2, 5, 50):
        found = search(Index(twins), "twin", limit=limit)
        assert [h.case.id for h in found.hits] == ["a", "b", "c", "d", "e"][:limit]
        assert found.total == 5


def test_without_words_all_that_fit_are_given_and_unknown_words_are_told() -> None:
    assert [h.case.id for h in search(Index(CASES), "").hits] == ["a", "b", "c", "d", "e"]
    found = search(Index(CASES), "maps zeppelin")
    assert (found.total, found.unknown) == (2, ("zeppelin",))
    assert search(Index([]), "maps").total == 0


FULL = (
    _case("p", "P", "One", member="BRA", owner={"name": "M", "type": "government"}, kind="regulatory",
          facets={"dac": ["22040"], "sdgs": [9], "fintech_area": ["big_data_ai"], "dpg": ["Health"]},
          period={"start": "2019", "end": "2021-05"}, reuse={"licence": "MIT AND CC-BY-4.0"},
          results=[{"indicator": "x", "value": "1", "years": [2020]}]),
    _case("q", "Q", "Two", facets={"dac": ["220"], "sdgs": [3, 9]}, countries={"used": ["BRA", "IND"]},
          period={"start": "2022"}, claims=[{"sdg": 3, "source_url": "https://a.org"}]),
    _case("r", "R", "Three", facets={"dac": ["311"]},
          results=[{"indicator": "x", "value": "1", "years": [2010, 2012]}]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(kind="regulatory"), "p"), (Filters(sector="health"), "p"), (Filters(dac="220"), "pq"),
        (Filters(dac="22040"), "p"), (Filters(dac="3"), "r"), (Filters(sdg=9), "pq"), (Filters(country="Brazil"), "pq"),
        (Filters(country="IND"), "q"), (Filters(area="big_data_ai"), "p"), (Filters(licence="CC-BY-4.0"), "p"),
        (Filters(grade=1), "pq"), (Filters(grade=2), "p"), (Filters(since=2021), "pq"), (Filters(since=2022), "q"),
        (Filters(until=2019), "pr"), (Filters(since=2011, until=2011), "r"), (Filters(sdg=9, country="IND"), "q"),
        (Filters(), "pqr"),
    ],
)  # fmt: skip
def test_filters(filters: Filters, found: str) -> None:
    index = Index(FULL, {"p": Standing((Review(0, 3, "ZAF", "e"),))})
    assert "".join(h.case.id for h in search(index, "", filters).hits) == found


def test_facets_count_what_was_found() -> None:
    facets = search(Index(FULL), "", Filters(sdg=9)).facets
    assert facets["country"] == {"BRA": 2, "IND": 1}
    assert facets["sdg"] == {"9": 2, "3": 1}
    assert facets["licence"] == {"CC-BY-4.0": 1, "MIT": 1}
    assert list(facets["grade"].items()) == [("0", 1), ("1", 1)]


@pytest.mark.parametrize(
    ("filters", "words_"),
    [
        (Filters(kind="practise"), 'Did you mean "practice"'), (Filters(area="big_data"), "big_data_ai"),
        (Filters(dac="99999"), "no dac"), (Filters(sdg=18), "18 is no development goal"),
        (Filters(grade=5), "5 is no grade"), (Filters(country="Atlantis"), "Atlantis"),
    ],
)  # fmt: skip
def test_a_filter_that_names_what_there_is_not(filters: Filters, words_: str) -> None:
    with pytest.raises(InputError, match=words_):
        search(Index(FULL), "", filters)


def test_too_many_words() -> None:
    with pytest.raises(InputError, match="65 words"):
        search(Index(CASES), "a " * 65)
