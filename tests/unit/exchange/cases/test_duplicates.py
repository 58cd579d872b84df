"""Which records are one case, and which are only related."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat.exchange.cases.case import Case
from concordat.exchange.cases.dpg import import_dpg
from concordat.exchange.cases.duplicates import duplicates, fold_address, fold_name, jaccard, merge

WORDS = "a tool that helps nurses to keep records of vaccines given to children in villages far from towns"
OTHER = "maps of rivers and roads drawn by volunteers from pictures that satellites take every single day"


def _case(key: str, name: str, words: str = "", *, website: str = "", repository: str = "", **more: Any) -> Case:
    origin = {"registry": "r", "ids": [key], "websites": [website] if website else []}
    origin["repositories"] = [repository] if repository else []
    value = {"id": key, "kind": "practice", "title": {"en": name}, "summary": {"en": words or name}, "origin": origin}
    return Case.from_value({**value, **more})


A = _case("a", "Open Hospital", WORDS, website="https://www.oh.example", repository="https://git.example/OH.git")


@pytest.mark.parametrize(
    ("other", "joined", "reasons"),
    [
        (_case("b", "OpenHospital", OTHER, website="http://oh.example/"), True, ("name", "website")),
        (_case("b", "open-hospital", OTHER, repository="https://git.example/oh/"), True, ("name", "repository")),
        (_case("b", "Open hospital", WORDS + " and more"), True, ("name", "description (0.89)")),
        (_case("b", "Ward", WORDS, website="https://oh.example"), True, ("website", "description (1.00)")),
        (_case("b", "Open Hospital", OTHER), False, ("name",)),
        (_case("b", "Ward", OTHER, repository="https://git.example/oh"), False, ("repository",)),
        (_case("b", "Ward", WORDS), False, ("description (1.00)",)),
        (_case("b", "Ward", OTHER, website="https://oh.example", aliases=["Open Hospital"]), False,
         ("website", "alias")),
        (_case("b", "Ward", OTHER), False, ()),
    ],
)  # fmt: skip
def test_two_records(other: Case, joined: bool, reasons: tuple[str, ...]) -> None:
    found = duplicates([A, other])
    assert found.groups == ((("a", "b"),) if joined else ())
    assert [m.reasons for m in (*found.merged, *found.related)] == ([reasons] if reasons else [])


def test_empty_keys_match_nothing() -> None:
    one, two = (_case(key, name, words) for key, name, words in (("a", "A1", WORDS), ("b", "B1", OTHER)))
    assert duplicates([one, two]).related == ()


def test_short_descriptions_are_not_compared() -> None:
    assert not duplicates([_case("a", "A1", "open source software"), _case("b", "B1", "open source software")]).related


def test_three_records_are_one_case_and_a_split_holds() -> None:
    cases = [A, *(_case(key, "Open Hospital", OTHER, website="https://oh.example") for key in ("b", "c"))]
    assert duplicates(cases).groups == (("a", "b", "c"),)
    assert duplicates(cases, apart=[("a", "c")]).groups == (("a", "b"),)


def test_cases_of_two_members_stay_two() -> None:
    owner = {"name": "Ministry", "type": "government"}
    pair = [
        _case(key, "Open Hospital", WORDS, website="https://oh.example", member=member, owner=owner)
        for key, member in (("a", "BRA"), ("b", "ZAF"))
    ]
    found = duplicates(pair)
    assert found.groups == ()
    assert [m.ids for m in found.related] == [("a", "b")]


def test_order_does_not_matter() -> None:
    cases = [A, _case("b", "OpenHospital", OTHER, website="http://oh.example/"), _case("c", "Ward", WORDS)]
    assert duplicates(cases) == duplicates(cases[::-1])


def test_a_merged_case_has_both_ids_and_joined_lists() -> None:
    a = _case("a", "Open Hospital", WORDS, facets={"sdgs": [3]}, aliases=["OH"])
    b = _case("b", "OpenHospital", OTHER, facets={"sdgs": [3, 9]}, reuse={"licence": "MIT"})
    lead = merge([b, a])
    assert lead == merge([a, b])
    assert (lead.id, lead.ids) == ("b", ("a", "b"))  # the record that says more leads
    assert lead.facets.sdgs == [3, 9]
    assert lead.reuse.licence == "MIT"
    assert lead.aliases == ["Open Hospital", "OH"]
    assert lead.summary["en"] == OTHER


def test_keys() -> None:
    assert fold_name("Ｏpen–Hospital 2") == "openhospital2"
    assert fold_address("http://user@www.A.org/B/?x#y") == "a.org/b"
    assert jaccard(set(), set()) == 0


def test_the_registry_has_one_pair_that_is_one_case(shared_data: Path) -> None:
    """Row 13: the known pair is joined, the known related pair is told, nothing else is (exchange.md, section 6)."""
    found = duplicates(import_dpg((shared_data / "exchange/cases/dpg-registry.jsonl").read_bytes()).cases)
    assert found.groups == (("dpg-open-hospital", "dpg-openhospital"),)
    assert [m.ids for m in found.related] == [("dpg-cboard", "dpg-cireha")]


def test_similar_descriptions_are_found_as_by_comparing_all_pairs(shared_data: Path) -> None:
    """The prefix filter against all pairs: registry entries with words taken away, so that some are alike."""
    from concordat.exchange.cases.duplicates import SIMILAR, keys_of

    rows = [json.loads(line) for line in (shared_data / "exchange/cases/dpg-registry.jsonl").read_text().splitlines()]
    cases = []
    for number, row in enumerate(rows[:60]):
        words = row["description"].split()
        for cut in (0, 3, 9):
            text = " ".join(words[cut:]) or "nothing"
            cases.append(_case(f"c{number}-{cut}", f"name {number} {cut}", text[:900]))
    grams = {case.id: keys_of(case).grams for case in cases}
    wanted = sorted(
        (a, b) for i, a in enumerate(sorted(grams)) for b in sorted(grams)[i + 1 :]
        if jaccard(grams[a], grams[b]) >= SIMILAR
    )  # fmt: skip
    assert len(wanted) > 50
    assert [m.ids for m in duplicates(cases).related] == wanted


def test_a_statement_of_one_is_never_half_of_another() -> None:
    """A period that begins in 2021 and one that ended in 2019 don't make one that ends before it begins."""
    one = _case("case-bra-1", "Bees", repository="https://example.org/bees", period={"start": "2021-03", "end": None})
    two = _case("case-bra-2", "Bees", repository="https://example.org/bees", period={"start": "2018", "end": "2019"})
    for cases in ([one, two], [two, one]):
        assert merge(cases).period in (one.period, two.period)
