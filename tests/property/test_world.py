"""What holds for every day, every bloc and every text."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from concordat.errors import InputError
from concordat.world import FULL_ROLES, bloc, bloc_ids, countries, country, members, normalise, roles_on
from concordat.world._dates import end_day, first_day, span
from concordat.world.names import edit_distance, jaro_winkler, plain_code, suggest

DAYS = st.dates(date(1940, 1, 1), date(2030, 12, 31))
BLOCS = st.sampled_from(bloc_ids())
TEXTS = st.text(max_size=40)
SHORT = st.text("abcdeé ", max_size=9)


def _cut(day: date, length: int) -> str:
    return day.isoformat()[:length]


CUT_DATES = st.builds(_cut, DAYS, st.sampled_from([4, 7, 10]))


# --- Days ---


@given(CUT_DATES, DAYS)
def test_a_cut_date_covers_exactly_the_days_that_begin_with_it(text: str, day: date) -> None:
    first, after = span(text)
    assert (first <= day < after) == day.isoformat().startswith(text)


@given(CUT_DATES)
def test_a_start_and_an_end_on_one_cut_date_leave_its_days_inside(text: str) -> None:
    first, after = span(text)
    assert first_day(text) == first
    assert end_day(text) == (first if len(text) == 10 else after)
    assert first < after <= first + timedelta(days=366)


# --- Blocs ---


@settings(max_examples=60)
@given(BLOCS, DAYS)
def test_on_every_day_members_are_those_of_the_full_roles(bloc_id: str, day: date) -> None:
    entries = roles_on(bloc_id, day)
    full = sorted({m.area for m in entries if m.role in FULL_ROLES})
    if not full:
        with pytest.raises(InputError, match=f"{bloc_id} had no members on {day}; "):
            members(bloc_id, day)
        return
    assert list(members(bloc_id, day)) == full
    assert {m.area for m in entries if m.role == "suspended"} <= set(full)
    others = [m.area for m in entries if m.role != "suspended"]
    assert len(others) == len(set(others)), "one area, two roles at once"


@settings(max_examples=40)
@given(BLOCS, DAYS)
def test_expanding_gives_countries_only_and_loses_none_that_sits_for_itself(bloc_id: str, day: date) -> None:
    try:
        plain, expanded = set(members(bloc_id, day)), set(members(bloc_id, day, expand=True))
    except InputError:
        return
    assert plain - set(bloc_ids()) <= expanded
    assert not expanded & set(bloc_ids())


@settings(max_examples=60)
@given(BLOCS, DAYS)
def test_membership_changes_only_on_the_first_day_of_an_interval_or_outside_it(bloc_id: str, day: date) -> None:
    before, after = (
        {(m.area, m.role) for m in bloc(bloc_id).memberships if m.in_force(d)} for d in (day, day + timedelta(days=1))
    )
    edges = {edge for m in bloc(bloc_id).memberships for edge in (m.starts, m.ends)}
    assert before == after or day + timedelta(days=1) in edges


# --- Names ---


@example("ﷺ")
@example("İıßẞǅŉΐ")
@example("ᾷ́ Ａ＆ｂ")
@given(TEXTS)
def test_comparing_is_a_projection(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == " ".join(once.split())


@example("ſt. ﬀ Ǆ")
@given(TEXTS)
def test_composed_and_decomposed_text_compare_equal(text: str) -> None:
    assert normalise(unicodedata.normalize("NFC", text)) == normalise(unicodedata.normalize("NFD", text))


@given(st.sampled_from(countries()), st.sampled_from("\u200b\u200d\u2060\ufeff\u00ad\u0301"), st.integers(0, 60))
def test_an_invisible_mark_anywhere_does_not_hide_a_name(one: object, mark: str, place: int) -> None:
    name = one.name  # type: ignore[attr-defined]
    assert country(name[:place] + mark + name[place:]) is one


@given(st.sampled_from(countries()), st.sampled_from(["iso2", "iso3", "m49"]), st.booleans())
def test_every_code_of_a_country_finds_it(one: object, scheme: str, upper: bool) -> None:
    code = getattr(one, scheme)
    assert country(code.upper() if upper else code.lower()) is one
    assert country(f" {code}\t", scheme=scheme) is one  # type: ignore[arg-type]


@given(TEXTS)
def test_a_text_is_a_country_or_an_error_of_ours(text: str) -> None:
    try:
        found = country(text)
    except InputError:
        return
    names = {normalise(found.name), normalise(found.short_name)}
    codes = {found.iso2.lower(), found.iso3.lower(), found.m49}
    assert plain_code(text) in codes or normalise(text) in names or country(text, scheme="name") is found


@given(SHORT, SHORT)
def test_edit_distance_is_a_bounded_metric(a: str, b: str) -> None:
    distance = edit_distance(a, b, 20)
    assert distance == edit_distance(b, a, 20)
    assert (distance == 0) == (a == b)
    assert abs(len(a) - len(b)) <= distance <= max(len(a), len(b))
    for limit in (0, 1, 2):
        assert edit_distance(a, b, limit) == min(distance, limit + 1)


@given(SHORT, SHORT)
def test_similarity_lies_between_nothing_and_equality(a: str, b: str) -> None:
    similarity = jaro_winkler(a, b)
    assert 0 <= similarity <= 1
    assert (similarity == 1) == (a == b)


@given(TEXTS, st.dictionaries(SHORT.filter(bool), st.sampled_from("ABCDEFG"), max_size=12))
def test_suggestions_are_few_distinct_and_close(text: str, index: dict[str, str]) -> None:
    found = suggest(text, index)
    assert len(found) == len(set(found)) <= 3
    wanted = normalise(text)
    for target in found:
        keys = [key for key, value in index.items() if value == target]
        assert any(edit_distance(wanted, key, 2) <= 2 or jaro_winkler(wanted, key) >= 0.9 for key in keys)
