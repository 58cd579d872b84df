"""Gaps beside courses: arithmetic by hand, languages of the member, codes that are what they say."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.exchange.inclusion.skills import (
    Figure,
    between,
    course_jsonld,
    frameworks,
    gaps,
    headlines,
    languages_of,
    load_course,
)

COURSE = """schema: concordat/course@1
id: spreadsheets
member: BRA
title: {pt: "Planilhas", en: "Spreadsheets"}
provider: {name: "Escola Virtual", type: government}
languages: [pt]
url: https://cursos.example.br/planilhas
free: true
hours: 12
competences: [{code: "3.1", level: 2}, {code: "1.3"}]
"""
PROGRAMMING = COURSE.replace("spreadsheets", "code").replace("[pt]", "[am-ET]").replace("BRA", "ETH")
PROGRAMMING = PROGRAMMING.replace('{code: "3.1", level: 2}, {code: "1.3"}', "{framework: sdg441, code: pcpr}")


def test_the_lists_have_the_sizes_that_they_are_known_for() -> None:
    known = frameworks()
    assert (len(known["digcomp"].areas), len(known["digcomp"].codes)) == (5, 21)
    assert (len(known["ict-cft"].areas), len(known["ict-cft"].codes)) == (3, 18)
    assert {f.status for f in known.values()} == {"unverified"}
    status, table = between()
    assert status == "unverified"
    assert set(table) == set(known["sdg441"].codes)
    assert all(code in known["digcomp"].codes for some in table.values() for code in some)


def test_the_codes_of_sdg_4_4_1_are_those_of_the_data(shared_data: object) -> None:
    import csv
    from pathlib import Path

    with (Path(str(shared_data)) / "sdg_2020_ict_skills_by_sex.csv").open(encoding="utf-8") as file:
        assert {row["type_of_skill"] for row in csv.DictReader(file)} == set(frameworks()["sdg441"].codes)


def test_a_gap_is_what_is_left_to_a_hundred_with_its_interval_turned_round() -> None:
    figures = [Figure("BRA", "arsp", 23.5, 21.0, 26.0, 2019, "obs-1"), Figure("ETH", "pcpr", 0.4, None, None, 2018, "")]
    courses = [load_course(COURSE, where="c"), load_course(PROGRAMMING, where="p")]
    found = {(g.member, g.skill): g for g in gaps(["ETH", "BRA"], figures, courses)}
    assert len(found) == 2 * 9
    one = found["BRA", "arsp"]
    assert (one.gap, one.low, one.high, one.year, one.observation) == (76.5, 74.0, 79.0, 2019, "obs-1")
    assert (one.courses, one.own, one.languages) == (("BRA/spreadsheets",), ("BRA/spreadsheets",), ("pt",))
    other = found["ETH", "pcpr"]
    assert (other.gap, other.low) == (pytest.approx(99.6), None)
    assert (other.courses, other.own) == (("ETH/code",), ("ETH/code",))
    assert found["ETH", "arsp"].own == ()
    assert found["BRA", "email"].gap is None


def test_a_member_without_any_course_in_a_language_of_its_own_is_the_headline() -> None:
    found = gaps(["BRA", "ETH"], [], [load_course(COURSE, where="c")])
    (said,) = headlines(found)
    assert said.startswith("No course in any language of ETH (")
    assert "am" in said
    assert headlines(gaps(["BRA"], [], [load_course(COURSE, where="c")])) == ()


def test_languages_of_a_country() -> None:
    assert "pt" in languages_of("BRA")
    assert {"en", "hi", "ta"} <= set(languages_of("IND"))


def test_two_figures_of_one_cell_are_refused() -> None:
    figure = Figure("BRA", "arsp", 1.0, None, None, 2019, "")
    with pytest.raises(InputError, match="two figures of BRA for arsp"):
        gaps(["BRA"], [figure, figure], [])


def test_a_course_as_schema_org() -> None:
    made = course_jsonld(load_course(COURSE, where="c"))
    assert made["@type"] == "Course"
    assert made["timeRequired"] == "PT12H"
    assert made["isAccessibleForFree"] is True
    assert [t["termCode"] for t in made["teaches"]] == ["3.1", "1.3"]
    assert "contact" not in str(made)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"3.1"', '"3.9"', "is not a code of digcomp"),
        ("member: BRA", "member: BRX", "is not an ISO 3166 three-letter code"),
        ("https:", "http:", "url"),
        ("hours: 12", "hour: 12", 'Did you mean "hours"?'),
        ("type: government", "type: person", "provider.type"),
        ("level: 2", "level: 9", "level"),
    ],
)
def test_what_is_wrong_in_a_course_is_named_with_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_course(COURSE.replace(old, new), where="c.yaml")
    assert said in str(caught.value)
    assert "c.yaml, line" in str(caught.value)
