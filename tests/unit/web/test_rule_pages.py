"""The pages on rules over a small store: what binds whom, an instrument, an article, two side by side, a search."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from pathlib import Path

import pytest

from concordat.errors import StateError
from concordat.rulebook.store import RuleStore
from concordat.web.respond import Site
from rule_pages_kit import FLOW, rule_site
from web_kit import get, text


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    return rule_site(evidence_dir)


def data(site: Site, address: str) -> dict:
    return json.loads(get(site, address).body)["data"]


def test_each_rule_stands_with_its_article_and_the_binding_instrument_first(site: Site) -> None:
    found = data(site, "/binds/BRA/CHN.json")
    assert [(i["id"], i["binding"], i["rules"]) for i in found["instruments"]] == [
        ("pact", "binding", 1), ("accord", "soft", 1)
    ]  # fmt: skip
    assert [(r["provision"], r["depth"], r["instrument"], r["article"]) for r in found["rules"]] == [
        ("DF-FLOW", 1, "accord", "1"), ("DF-FLOW", 2, "pact", "4.3")
    ]  # fmt: skip
    page = text(get(site, "/binds/BRA/CHN"))
    assert 'href="/instrument/pact/4.3"' in page
    assert "no dispute settlement" in page
    assert "No Party shall prohibit the cross-border transfer of information." in page


def test_the_page_of_rules_leads_to_each_pair(site: Site) -> None:
    page = text(get(site, "/rules"))
    assert page.count('href="/binds/BRA/CHN"') == 2  # from both
    assert "/binds/CHN/BRA" not in page
    assert 'href="/search"' in page


def test_words_of_a_text_are_never_markup(site: Site) -> None:
    for address in ("/binds/BRA/CHN", "/instrument/pact/4.3", "/search?q=stays+words"):
        page = text(get(site, address))
        assert "<script" not in page, address
        assert "&lt;script&gt;" in page, address


def test_what_is_not_known_is_told_and_nothing_is_called_none(site: Site) -> None:
    found = data(site, "/binds/BRA/IND.json")
    assert [i["id"] for i in found["instruments"]] == ["pact", "bare"]
    assert found["instruments"][1]["rules"] == 0
    assert [(u["id"], u["who"], u["missing"]) for u in found["unknown"]] == [("open-pact", ["IND"], ["parties"])]
    page = text(get(site, "/binds/RUS/ZAF"))
    assert "No instrument known to us is in force between" in page
    assert "That is not to say that there is none." in page


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/binds/BRA/XXX", 404, "XXX"),
        ("/binds/BRA/BRA", 400, "a rule binds two"),
        ("/binds/BRA/CHN?on=2026-02-30", 400, "on"),
        ("/instrument/pakt", 404, "Near it are: pact"),
        ("/instrument/pact/4.9", 404, "Near it are: 4"),
        ("/instrument/bare/1", 404, "rulebook load FILE --as bare"),
        ("/compare?a=pact", 400, "two different instruments"),
        ("/compare?a=pact&b=pact", 400, "two different instruments"),
        ("/compare?a=pact&b=nix", 404, "not an instrument"),
        ("/search?q=data&topic=ZZ", 400, "ZZ"),
        ("/search?q=data&page=11", 400, "page"),
        ("/search?q=%00", 400, "q"),
        ("/search?q=...", 400, "no words"),
    ],
)
def test_what_is_wrong_is_said(site: Site, address: str, status: int, said: str) -> None:
    found = get(site, address)
    assert found.status == status
    assert said in text(found)


def test_a_coding_that_may_not_be_published_is_on_no_page(site: Site) -> None:
    for address in ("/binds/BRA/CHN.json", "/instrument/accord.json", "/instrument/accord/2.json",
                    "/compare.json?a=accord&b=pact", "/search.json?q=share+standards"):  # fmt: skip
        found = get(site, address)
        assert found.status == 200, address
        assert b"DF-LOCA" not in found.body, address


def test_an_instrument_names_its_parties_and_articles(site: Site) -> None:
    found = data(site, "/instrument/pact.json")
    assert [(p["party"], p["in_force"], p["answer"]) for p in found["parties"]] == [
        (party, "2015-03-01", "yes") for party in ("BRA", "CHN", "IND")
    ]
    assert [(a["article"], a["provisions"]) for a in found["articles"]] == [
        ("4.3", [["DF-FLOW", 2]]), ("4.4", []), ("9", [])
    ]  # fmt: skip
    before = data(site, "/instrument/pact.json?on=2014-01-01")
    assert {p["answer"] for p in before["parties"]} == {"no"}
    assert "The list of parties is not complete" in text(get(site, "/instrument/open-pact"))


def test_an_article_gives_its_words_and_who_coded_it(site: Site) -> None:
    found = data(site, "/instrument/pact/4.3.json")
    assert found["lines"] == FLOW.split("\n")
    assert [(c["provision"], c["depth"], c["probability"], c["coder"]) for c in found["codes"]] == [
        ("DF-FLOW", 2, 0.9, "shipped")
    ]
    assert (found["before"], found["after"]) == ("", "4.4")
    assert "Not coded" in text(get(site, "/instrument/pact/9"))


def test_two_side_by_side_begin_with_what_differs(site: Site) -> None:
    found = data(site, "/compare.json?a=accord&b=pact")
    assert [(x["provision"], x["a"]["depth"], x["b"]["depth"], x["change"] > 0) for x in found["lines"]] == [
        ("DF-FLOW", 1, 2, True)
    ]
    page = text(get(site, "/compare?a=accord&b=pact"))
    assert "pact goes further" in page
    assert '<select id="a" name="a">' in page
    assert "bare has no coded text here" in text(get(site, "/compare?a=bare&b=pact"))


def test_a_search_leads_to_articles(site: Site) -> None:
    found = data(site, "/search.json?q=transfer+of+information")
    assert (found["hits"][0]["instrument"], found["hits"][0]["article"]) == ("pact", "4.3")
    only = data(site, "/search.json?party=IND&q=transfer+of+information")
    assert {h["instrument"] for h in only["hits"]} == {"pact"}
    sent = get(site, "/search?q=transfer+data&party=&topic=&depth=")  # what a browser sends of a form
    assert (sent.status, dict(sent.headers)["location"]) == (308, "/search?q=transfer+data")
    assert get(site, "/search?q=%D0%BF%D0%B5%D1%80%D0%B5%D0%B4%D0%B0%D1%87%D0%B0").status == 200


@pytest.mark.parametrize("language", ["en", "pt", "ar"])
def test_every_page_has_its_words_in_each_language(site: Site, language: str) -> None:
    for address in ("/binds/BRA/IND", "/instrument/pact", "/instrument/open-pact", "/instrument/pact/4.3",
                    "/compare?a=accord&b=pact", "/compare", "/search", "/search?q=data"):  # fmt: skip
        found = get(site, f"{address}{'&' if '?' in address else '?'}lang={language}")
        if found.status == 308:  # keys are sorted
            found = get(site, dict(found.headers)["location"])
        assert found.status == 200, address
        page = text(found)
        assert not re.search(r"\bweb\.[a-z]", page), address
        assert f'<html lang="{language}"' in page


# --- The copy in memory -----------------------------------------------------------------------------------------------


def test_a_copy_is_read_by_threads_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "rulebook.sqlite"
    with RuleStore.open(path) as store:
        store.put_fact("kept", "yes")
    before = path.read_bytes()
    copy, found = RuleStore.copy_of(path), []
    copy.put_fact("kept", "changed in the copy alone")
    thread = threading.Thread(target=lambda: found.append(copy.fact("kept")))
    thread.start()
    thread.join()
    copy.close()
    assert found == ["changed in the copy alone"]
    assert path.read_bytes() == before


def test_a_copy_of_nothing_is_empty_and_of_damage_is_refused(tmp_path: Path) -> None:
    with RuleStore.copy_of(tmp_path / "none.sqlite") as store:
        assert store.ids() == ()
    assert not (tmp_path / "none.sqlite").exists()
    (tmp_path / "broken.sqlite").write_bytes(b"not a database" * 500)
    with pytest.raises(StateError):
        RuleStore.copy_of(tmp_path / "broken.sqlite")
    newer = tmp_path / "newer.sqlite"
    RuleStore.open(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError):
        RuleStore.copy_of(newer)
