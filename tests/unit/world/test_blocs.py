"""Who belongs to which bloc on a day: roles, suspension, cut dates, blocs as members, and what is said of an empty one.

The intervals here are written in the test; the packaged table is asked in `tests/spec/test_bloc_questions.py`.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest

from concordat.errors import InputError
from concordat.world import FULL_ROLES, ROLES, Bloc, Membership, bloc, bloc_ids, members, no_members, roles_on
from concordat.world.blocs import read_bloc


def _membership(
    start: str | None, end: str | None = None, *, role: str = "member", checked: str = "day", sources: str = "s"
) -> Membership:
    row = {"area": "BRA", "role": role, "from": start, "to": end, "checked": checked, "sources": sources.split()}
    return _bloc([row]).memberships[0]


def _bloc(rows: list[dict[str, object]]) -> Bloc:
    head = {"id": "TEST", "names": {"en": "Test"}, "aliases": [], "kind": "informal forum", "url": None, "checks": []}
    other = {"weights_default": "population", "confidence": "partly", "evidence": "", "memberships": rows}
    return read_bloc({**head, **other}, 7, frozenset({"TEST", "EU"}))


# --- One interval ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        ("2024-01-01", None, ["2024-01-01", "2026-07-01", "9998-12-31"], ["2023-12-31"]),
        ("2011", None, ["2011-01-01", "2011-12-31"], ["2010-12-31"]),  # a cut start counts from its first day
        ("2010-12", None, ["2010-12-01"], ["2010-11-30"]),
        ("2000", "2013", ["2013-01-01", "2013-12-31"], ["2014-01-01"]),  # a cut end counts until its last day
        ("2000", "2013-02", ["2013-02-28"], ["2013-03-01"]),
        ("2000", "2013-07-01", ["2013-06-30"], ["2013-07-01"]),  # a full end is the first day outside
        (None, None, ["0001-01-01", "9998-12-31"], []),
        (None, "2013-07-01", ["0001-01-01", "2013-06-30"], ["2013-07-01"]),
    ],
)
def test_an_interval_is_half_open_and_cut_dates_are_read_widely(
    start: str | None, end: str | None, inside: list[str], outside: list[str]
) -> None:
    entry = _membership(start, end)
    assert [entry.in_force(day) for day in inside] == [True] * len(inside)
    assert [entry.in_force(day) for day in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("start", "end", "unsure", "sure"),
    [
        ("2011", None, ["2011-01-01", "2011-12-31"], ["2012-01-01"]),
        ("2010-12", None, ["2010-12-31"], ["2011-01-01"]),
        ("2000-01-01", "2013", ["2013-01-01", "2013-12-31"], ["2012-12-31"]),
        ("2000-01-01", "2013-07-01", [], ["2000-01-01", "2013-06-30"]),
        (None, None, [], ["2000-01-01"]),
    ],
)
def test_a_day_inside_the_month_or_year_that_is_all_we_know_is_unsure(
    start: str | None, end: str | None, unsure: list[str], sure: list[str]
) -> None:
    entry = _membership(start, end)
    assert [entry.unsure_on(day) for day in unsure + sure] == [True] * len(unsure) + [False] * len(sure)


@pytest.mark.parametrize(
    ("checked", "sources", "status"),
    [
        ("day", "s", "verified"),
        ("year", "s t", "verified"),
        ("none", "s", "unverified"),  # the membership was seen, its start was not
        ("day", "", "unverified"),  # the start was seen, the membership was not
        ("none", "", "unverified"),
    ],
)
def test_an_entry_is_verified_when_its_start_and_the_membership_were_seen(
    checked: str, sources: str, status: str
) -> None:
    entry = _membership("2009-06-16", checked=checked, sources=sources)
    assert (entry.status, entry.verified) == (status, status == "verified")


@pytest.mark.parametrize(
    ("checked", "seen"), [("day", "2009-06-16"), ("month", "2009-06"), ("year", "2009"), ("none", "2009-06-16")]
)
def test_a_start_is_shown_to_the_precision_to_which_it_was_seen(checked: str, seen: str) -> None:
    assert _membership("2009-06-16", checked=checked).from_seen == seen
    assert _membership(None, checked="none").from_seen is None


def test_an_entry_says_where_in_the_table_it_stands_and_whether_it_is_a_bloc() -> None:
    rows = [{"area": area, "role": "member", "from": None, "checked": "none", "sources": []} for area in ("FRA", "EU")]
    first, second = _bloc(rows).memberships
    assert (first.locator, second.locator) == ("#/blocs/7/memberships/0", "#/blocs/7/memberships/1")
    assert (first.area_is_bloc, second.area_is_bloc) == (False, True)


# --- Asking the packaged table --------------------------------------------------------------------------------------


def test_full_roles_are_three_and_suspended_is_none_of_them() -> None:
    assert FULL_ROLES == ("member", "party", "state_party")
    assert "suspended" in set(ROLES) - set(FULL_ROLES)
    assert len(set(ROLES)) == len(ROLES)


def test_answers_are_sorted_and_hold_each_area_once() -> None:
    for bloc_id in bloc_ids():
        found = members(bloc_id, "2026-07-01")
        assert list(found) == sorted(set(found))
        entries = roles_on(bloc_id, "2026-07-01")
        assert [(m.role, m.area) for m in entries] == sorted((m.role, m.area) for m in entries)


def test_a_day_may_be_a_date_a_moment_or_text() -> None:
    days = ["2024-06-01", date(2024, 6, 1), datetime(2024, 6, 1, 12, 0)]  # noqa: DTZ001
    assert len({members("BRICS", day) for day in days}) == 1


@pytest.mark.parametrize("text", ["brics", " BRICS ", "Brics"])
def test_the_case_of_an_id_does_not_matter(text: str) -> None:
    assert bloc(text) is bloc("BRICS")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("BRIC", 'Did you mean "BRICS"? See: concordat bloc list'),
        ("European Union", 'Did you mean "EU"? See: concordat bloc list'),  # a name is suggested, never taken
        ("G-20", 'Did you mean "G20"? See: concordat bloc list'),
        ("BRIKS", 'Did you mean "BRICS"? See: concordat bloc list'),
        ("zzzzzz", "See: concordat bloc list"),
        ("", "See: concordat bloc list"),
        ("BRA", "See: concordat bloc list"),
    ],
)
def test_an_unknown_bloc_is_refused_with_the_nearest_one(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        bloc(text)
    assert caught.value.code == "unknown_bloc"
    if text == "BRA":
        assert caught.value.hint.endswith(said)
    else:
        assert str(caught.value) == f'"{text}" is not a bloc I know. {said}'


@pytest.mark.parametrize("roles", [["membr"], ["member", "membr"], "membr"])
def test_an_unknown_role_is_refused_and_not_an_empty_answer(roles: list[str] | str) -> None:
    with pytest.raises(InputError, match=r'"membr" is not a role I know\. Did you mean "member"\?'):
        members("BRICS", "2026-07-01", roles)


def test_one_role_may_be_given_as_a_word() -> None:
    assert members("BRICS", "2026-07-01", "invited") == members("BRICS", "2026-07-01", ["invited"]) == ("SAU",)


@pytest.mark.parametrize("role", sorted(set(ROLES) - set(FULL_ROLES)))
def test_nobody_in_a_lesser_role_is_an_answer_and_no_error(role: str) -> None:
    assert members("IBSA", "2026-07-01", [role]) == ()


def test_no_roles_ask_for_nobody() -> None:
    assert members("BRICS", "2026-07-01", []) == ()


# --- Blocs as members -----------------------------------------------------------------------------------------------


def test_expand_replaces_a_bloc_by_its_members_of_that_day_and_counts_nobody_twice() -> None:
    day = "2026-07-01"
    plain, expanded = set(members("G20", day)), set(members("G20", day, expand=True))
    union, africa = set(members("EU", day)), set(members("AU", day))
    assert {"EU", "AU"} <= plain
    assert not {"EU", "AU"} & expanded
    assert expanded == (plain - {"EU", "AU"}) | union | africa
    assert len(expanded) == 19 + 27 - 3 + 55 - 1  # FRA, DEU, ITA sit for themselves and in the EU, ZAF in the AU


def test_expand_uses_the_members_of_the_day_asked_for() -> None:
    on = {
        day: set(members("G20", day, expand=True)) for day in ("2013-06-30", "2019-12-31", "2022-01-01", "2024-01-01")
    }
    assert {day for day, found in on.items() if "HRV" in found} == set(on) - {"2013-06-30"}  # in the EU from 2013-07-01
    assert {day for day, found in on.items() if "NGA" in found} == {"2024-01-01"}  # the African Union: September 2023
    assert on["2019-12-31"] == on["2022-01-01"]  # GBR left the EU, and sits in the G20 for itself


def test_expand_changes_nothing_where_no_bloc_is_a_member() -> None:
    assert members("BRICS", "2026-07-01", expand=True) == members("BRICS", "2026-07-01")


# --- Nobody that day ------------------------------------------------------------------------------------------------


def _rows(*intervals: tuple[str | None, str | None]) -> Bloc:
    common = {"area": "BRA", "role": "member", "checked": "year", "sources": ["s"]}
    return _bloc([{**common, "from": start, "to": end} for start, end in intervals])


@pytest.mark.parametrize(
    ("record", "on", "when"),
    [
        (_rows(("2009-06-16", None)), date(2005, 1, 1), "its first interval starts in 2009"),
        (_rows(("2011", None), ("2009-06-16", "2010")), date(2005, 1, 1), "its first interval starts in 2009"),
        (_rows(("1990", "1995-03-01")), date(2005, 1, 1), "its last interval ends in 1995-03-01"),
        (_rows(("1990", "1995"), ("2010", None)), date(2005, 1, 1), "none of its intervals holds that day"),
        (_bloc([]), date(2005, 1, 1), "none of its intervals holds that day"),
    ],
)
def test_a_bloc_without_members_says_when_it_had_some(record: Bloc, on: date, when: str) -> None:
    assert str(no_members(record, on)) == f"TEST had no members on 2005-01-01; {when}."


@pytest.mark.parametrize("day", ["0001-01-01", "1900-06-15"])
def test_long_before_its_first_interval_a_bloc_is_empty_and_says_so(day: str) -> None:
    with pytest.raises(InputError, match=f"SCO had no members on {day}; its first interval starts in "):
        members("SCO", day)
