"""From bytes to observations: the walk over small invented files, by the rules 7 to 9 of section 6, and bad files.

The figures are invented; keys and shapes are those of the real files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.catalogue import Catalogue, read_catalogue
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Problem
from concordat.evidence.sources.factbook import edition_of, parse_edition, vintage_id

GDP = "Real GDP (purchasing power parity)"
NOTE = "note: data in 2021 dollars"
Read = Callable[..., tuple[list[Observation], list[Problem]]]


@pytest.fixture
def read(catalogue: Catalogue) -> Read:
    """`read({"Economy": {...}})`: the rows and problems of Ethiopia's file; or of several files by path."""

    def make(document: Any = None, *, files: dict[str, Any] | None = None, known: Any = catalogue) -> Any:
        bodies = files or {"africa/et.json": document}
        made = {path: b if isinstance(b, bytes) else json.dumps(b).encode() for path, b in bodies.items()}
        return parse_edition(edition_of(made, version="test"), known)

    return make


def text(words: str) -> dict[str, str]:
    return {"text": words}


def values(rows: list[Observation]) -> list[tuple[str, int, float | None]]:
    return [(o.breakdown, o.year, o.value) for o in rows]


# --- Rule 7: years --------------------------------------------------------------------------------------------------


def test_every_key_with_a_year_is_a_figure_of_its_own_year(read: Read) -> None:
    field = {f"{GDP} 2023": text("$4 billion"), f"{GDP} 2024": text("$5 billion (2024 est.)"), "note": NOTE}
    rows, problems = read({"Economy": {GDP: field}})
    assert [(o.year, o.value, o.obs_status) for o in rows] == [(2023, 4e9, "A"), (2024, 5e9, "E")]
    assert problems == []


@pytest.mark.parametrize("key", [GDP, f"{GDP} note", f"{GDP} 20245", f"{GDP} 0001", f"{GDP} per capita 2024", "2024"])
def test_a_key_that_does_not_end_in_a_year_is_not_taken(read: Read, key: str) -> None:
    assert read({"Economy": {GDP: {key: text("$5 billion (2024)"), "note": NOTE}}}) == ([], [])


def test_a_year_in_the_text_wins_over_the_key_and_the_difference_is_told(read: Read) -> None:
    rows, (problem,) = read({"Economy": {GDP: {f"{GDP} 2024": text("$5 billion (2022 est.)"), "note": NOTE}}})
    assert [(o.year, o.value) for o in rows] == [(2022, 5e9)]
    assert (problem.rule, problem.severity, problem.area) == ("key_contradicts_year", "warning", "ETH")
    assert "the key says 2024, the text 2022" in problem.text


def test_a_range_of_years_is_a_period_and_may_hold_the_year_of_the_key(read: Read) -> None:
    (row,), problems = read({"Economy": {GDP: {f"{GDP} 2020": text("$5 billion (FY 2019/20)"), "note": NOTE}}})
    assert (row.period_start, row.period_end, row.freq) == (date(2019, 1, 1), date(2020, 12, 31), "A")
    assert problems == []


def electricity(total: str, urban: str, rural: str) -> dict[str, Any]:
    texts = {"total population": total, "urban areas": urban, "rural areas": rural}
    return {"Energy": {"Electricity access": {f"electrification - {key}": text(t) for key, t in texts.items()}}}


def test_a_missing_year_is_that_of_the_sibling_total_and_told(read: Read) -> None:
    rows, problems = read(electricity("55% (2022 est.)", "94%", "43%"))
    assert values(rows) == [("", 2022, 55), ("loc=rural", 2022, 43), ("loc=urban", 2022, 94)]
    assert [(p.rule, p.where[-29:]) for p in problems] == [
        ("year_inherited", "rification - rural areas/text"),
        ("year_inherited", "rification - urban areas/text"),
    ]
    assert [o.note for o in rows] == ["", "year inherited", "year inherited"]


def test_a_year_of_its_own_is_kept_beside_another_sibling_year(read: Read) -> None:
    rows, problems = read(electricity("55% (2022 est.)", "94% (2020)", "43% (2018)"))
    assert values(rows) == [("loc=rural", 2018, 43), ("loc=urban", 2020, 94), ("", 2022, 55)]
    assert problems == []


def test_a_total_without_a_year_takes_the_one_its_breakdowns_agree_on(read: Read) -> None:
    rows, _ = read(electricity("55%", "94% (2020)", "43% (2020)"))
    assert values(rows) == [("", 2020, 55), ("loc=rural", 2020, 43), ("loc=urban", 2020, 94)]


@pytest.mark.parametrize(("urban", "rural", "without"), [("94% (2020)", "43% (2018)", 1), ("94%", "43%", 3)])
def test_no_year_is_ever_taken_from_the_package(read: Read, urban: str, rural: str, without: int) -> None:
    rows, problems = read(electricity("55%", urban, rural))
    lost = [o for o in rows if o.value is None]
    assert [p.rule for p in problems if p.severity == "error"] == ["no_year"] * without
    assert {(o.missing_reason, o.freq) for o in lost} == {("unparsed", "U")}
    assert len(lost) == without


def test_total_and_rate_of_one_field_keep_different_years(read: Read) -> None:
    field = {"total": text("2 million (2023 est.)"), "subscriptions per 100 inhabitants": text("2 (2022 est.)")}
    rows, _ = read({"Communications": {"Broadband - fixed subscriptions": field}})
    assert {(o.indicator_id, o.year) for o in rows} == {
        ("fixed_broadband_subscriptions", 2023),
        ("fixed_broadband_per_100", 2022),
    }


# --- Rules 5 and 9: remarks and units -------------------------------------------------------------------------------


def test_a_remark_that_names_another_year_is_told_and_kept(read: Read) -> None:
    field = {"total": text("1,000 (2022 est.) Data available for 2019 only.")}
    (row,), (problem,) = read({"Communications": {"Broadband - fixed subscriptions": field}})
    assert (row.value, row.year, row.note) == (1000, 2022, "Data available for 2019 only.")
    assert (problem.rule, problem.severity) == ("remark_contradicts_year", "warning")


def test_a_limit_behind_a_figure_is_believed_and_stays_an_estimate(read: Read) -> None:
    field = {"subscriptions per 100 inhabitants": text("1 (2023 est.) less than 1")}
    (row,), (problem,) = read({"Communications": {"Telephones - fixed lines": field}})
    assert (row.value, row.lower, row.upper, row.censoring) == (None, 0, 1, "below")
    assert (row.year, row.obs_status, problem.rule) == (2023, "E", "remark_censors")


@pytest.mark.parametrize(
    ("note", "unit", "rules"),
    [
        (NOTE, "intl_usd_2021", []),
        ("note: data in 2015 dollars", "intl_usd_2015", [("unit_other", "warning")]),
        ("note: about right", "intl_usd_unknown", [("unit_unknown", "error")]),
        (None, "intl_usd_unknown", [("unit_unknown", "error")]),
    ],
)
def test_the_note_sets_the_unit_and_an_unknown_dollar_year_is_one_error_for_the_field(
    read: Read, note: str | None, unit: str, rules: list[tuple[str, str]]
) -> None:
    field: dict[str, Any] = {f"{GDP} {year}": text("$5 billion") for year in (2023, 2024)}
    rows, problems = read({"Economy": {GDP: field | ({"note": note} if note else {})}})
    assert [o.unit for o in rows] == [unit, unit]
    assert [(p.rule, p.severity) for p in problems] == rules


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"Economy": {GDP: {f"{GDP} 2024": text("€5 billion"), "note": NOTE}}}, "not in dollars"),
        ({"Communications": {"Internet users": {"percent of population": text("$5 (2024)")}}}, "percent is expected"),
    ],
)
def test_money_of_another_kind_or_where_none_is_expected_is_an_unknown_unit(
    read: Read, document: Any, words: str
) -> None:
    (row,), (problem,) = read(document)
    assert (row.unit, problem.rule, problem.severity) == ("unknown", "unit_unknown", "error")
    assert words in problem.text


# --- Partners, missing figures, parts -------------------------------------------------------------------------------


def test_an_unknown_partner_is_an_error_beside_the_others(read: Read) -> None:
    rows, (problem,) = read({"Economy": {"Exports - partners": text("China 26%, Atlantis 9%, USA <1%, UAE 4% (2023)")}})
    assert [(o.breakdown, o.value, o.upper) for o in rows] == [
        ("partner=ARE", 4, None),
        ("partner=CHN", 26, None),
        ("partner=USA", None, 1),
    ]
    assert (problem.rule, problem.severity) == ("partner_unknown", "error")
    assert '"Atlantis"' in problem.text
    assert rows[0].note == "the partners named make up 39 %; the rest is missing, not zero"


def test_a_partner_that_stands_twice_is_told_and_one_without_a_share_is_missing(read: Read) -> None:
    rows, problems = read({"Economy": {"Imports - partners": text("USA 5%, United States 6%, Italy (2023)")}})
    assert [(o.breakdown, o.value, o.missing_reason) for o in rows] == [
        ("partner=ITA", None, "not_published"),
        ("partner=USA", 5, None),
    ]
    assert [p.rule for p in problems] == ["partner_twice", "partner_without_share"]


@pytest.mark.parametrize(
    ("words", "reason", "status", "rules"),
    [
        ("NA", "not_published", "O", []),
        ("uninhabited", "uninhabited", "M", []),
        ("a few people", "unparsed", "O", ["unparsed"]),
        ("", "unparsed", "O", ["unparsed"]),
    ],
)
def test_a_text_without_a_figure_is_a_row_with_the_reason(
    read: Read, words: str, reason: str, status: str, rules: list[str]
) -> None:
    (row,), problems = read({"People and Society": {"Population": {"total": text(words)}}})
    assert (row.missing_reason, row.obs_status, row.value, row.note) == (reason, status, None, words)
    assert [p.rule for p in problems] == rules


def test_the_own_text_of_a_field_is_read_where_the_catalogue_says_so(read: Read) -> None:
    field = {"Education expenditure": text("3.9% of GDP (2023 est.)")}
    assert [o.value for o in read({"People and Society": field})[0]] == [3.9]
    assert read({"People and Society": {"Education expenditure": text("3.9% of GNI (2023 est.)")}}) == ([], [])


def test_file_codes_are_gec_not_iso_and_unmapped_ones_are_told(read: Read) -> None:
    users = {"Communications": {"Internet users": {"percent of population": text("50% (2024)")}}}
    files = {f"x/{code}.json": users for code in ("as", "au", "ch", "sf", "xx", "ee", "kv", "ax")}
    rows, problems = read(files=files)
    assert {(o.area, o.area_type) for o in rows} == {
        ("AUS", "country"), ("AUT", "country"), ("CHN", "country"), ("ZAF", "country"), ("XKX", "country"),
        ("WLD", "world"), ("EU", "bloc"),
    }  # fmt: skip
    assert [(p.rule, p.where) for p in problems] == [("unmapped_code", "x/ax.json")]


def test_two_files_of_one_country_are_its_parts_and_are_never_overwritten(read: Read) -> None:
    def users(words: str) -> Any:
        return {
            "Communications": {"Internet users": {"percent of population": text(words)}},
            "People and Society": {"Population": {"total": text("1,000 (2024)")}},
        }

    rows, _ = read(files={"m/gz.json": users("80% (2024)"), "m/we.json": users("90% (2024)")})
    assert [(o.area, o.area_type, o.value) for o in rows if o.indicator_id == "internet_users_pct"] == [
        ("PSE", "country", 85),
        ("PSE.gz", "part", 80),
        ("PSE.we", "part", 90),
    ]


# --- Places ---------------------------------------------------------------------------------------------------------

ODD = """
schema: concordat/indicators@1
indicators:
  - id: odd
    names: {en: Odd}
    definition: "An invented indicator whose keys hold every sign that a pointer must escape."
    topic: people
    unit: percent
    bounds: [0, 100]
    polarity: neutral
    aggregate: {rule: none}
    tolerance: {abs: 0}
    age_years: {stale: 1, drop: 2}
    maps:
      cia_factbook: {path: ["a/b", "~c", "~1d/e f"], status: verified}
"""


def test_a_locator_is_a_json_pointer_that_finds_the_text_again(read: Read) -> None:
    document = {"a/b": {"~c": {"~1d/e f": text("5% (2024)")}}, "a": {"b": "not this"}}
    (row,), _ = read(document, known=read_catalogue({"people.yaml": ODD.encode()}))
    assert row.raw_locator == "africa/et.json#/a~1b/~0c/~01d~1e f/text"
    assert Body(json.dumps(document).encode(), "et.json").text_at(row.raw_locator) == "5% (2024)"


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("unit: percent", "unit: per_100", False),
        ("~1d/e f", "another key", False),
        ("id: odd", "id: odder", False),
        ("    maps:", "    retired: 2026-01-01\n    maps:", False),
        ("names: {en: Odd}", "names: {en: Even}", True),
        ("stale: 1", "stale: 2", True),
    ],
)
def test_a_vintage_is_another_when_the_catalogue_asks_for_other_rows(old: str, new: str, same: bool) -> None:
    assert old in ODD
    edition = edition_of({"africa/et.json": b"{}"}, version="test")
    asked, other = (read_catalogue({"people.yaml": text.encode()}) for text in (ODD, ODD.replace(old, new)))
    assert (vintage_id(edition, asked) == vintage_id(edition, other)) is same


# --- Bad files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"Energy": {}} {}', "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
    ],
)
def test_a_file_that_is_no_json_object_stops_the_source_and_is_named(read: Read, body: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read(files={"africa/et.json": body})
    assert caught.value.where == "africa/et.json"


KEY = "percent of population"
USERS = "#/Communications/Internet users"


@pytest.mark.parametrize(
    ("document", "pointer", "found"),
    [
        ({"Communications": [1]}, "#/Communications", "list"),
        ({"Communications": {"Internet users": "84%"}}, "#/Communications/Internet users", "str"),
        ({"Communications": {"Internet users": {KEY: None}}}, f"{USERS}/{KEY}", "NoneType"),
        ({"Communications": {"Internet users": {KEY: [84]}}}, f"{USERS}/{KEY}", "list"),
        ({"Communications": {"Internet users": {KEY: {"text": 84}}}}, f"{USERS}/{KEY}/text", "int"),
        ({"Communications": {"Internet users": {KEY: {}}}}, f"{USERS}/{KEY}/text", "NoneType"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_told_with_its_place_and_gives_no_figure(
    read: Read, document: Any, pointer: str, found: str
) -> None:
    rows, problems = read(document)
    assert rows == []
    assert {(p.rule, p.severity, p.where) for p in problems} == {("wrong_type", "error", f"africa/et.json{pointer}")}
    assert all(f"found {found}." in p.text for p in problems)


def test_a_bare_text_in_the_place_of_an_object_is_read_at_its_own_place(read: Read) -> None:
    (row,), problems = read({"Communications": {"Internet users": {KEY: "84% (2024)"}}})
    assert (row.value, row.raw_locator, problems) == (84, f"africa/et.json{USERS}/{KEY}", [])


@pytest.mark.parametrize("document", [{}, {"Communications": None}, {"Communications": {"Internet users": {}}}])
def test_what_is_absent_is_silent(read: Read, document: Any) -> None:
    assert read(document) == ([], [])


def test_two_keys_of_one_year_are_both_kept_for_quality_to_quarantine(read: Read) -> None:
    field = {f"{GDP} 2023": text("$4 billion (2022)"), f"{GDP} 2022": text("$5 billion (2022)"), "note": NOTE}
    rows, _ = read({"Economy": {GDP: field}})
    assert {o.value for o in rows} == {4e9, 5e9}
    assert len({o.obs_id for o in rows}) == 1


def test_one_code_in_two_folders_is_refused(read: Read) -> None:
    with pytest.raises(SourceError, match='the code "et" stands for two files'):
        read(files={"africa/et.json": {}, "asia/et.json": {}})


def test_the_order_of_files_changes_nothing(read: Read, tmp_path: Path) -> None:
    users = {"Communications": {"Internet users": {KEY: text("50% (2024)")}}}
    files = {"x/ch.json": users, "x/sf.json": users, "x/gz.json": users}
    assert read(files=files) == read(files=dict(reversed(files.items())))


def test_half_a_surrogate_pair_in_a_text_can_still_be_written_as_utf_8(read: Read) -> None:
    body = rb'{"People and Society": {"Population": {"total": {"text": "NA \ud800\u0000"}}}}'
    (row,), _ = read(files={"africa/et.json": body})
    assert row.note.encode("utf-8") == b"NA ?"
