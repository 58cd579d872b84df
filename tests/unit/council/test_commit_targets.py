"""Target files: what is due when, by hand; what is asked back, and what is refused with its line."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from concordat import council
from concordat.council.commit import _series
from concordat.council.commit._series import Series, Way, exact
from concordat.council.commit.targets import Target, json_schema
from concordat.errors import InputError
from effort import calls

EXAMPLE = """\
schema: concordat/target@1
commitment: t20-f3a
indicator: internet_users_pct
direction: up
baseline: {year: 2023, value: "from_release"}
target: {year: 2030, by: member, values: {IND: 90, ETH: 60}, milestones: {2026: 60%}}
gap_rule: halve_distance_to_best
missing: not_assessed
"""
PLAIN = """\
schema: concordat/target@1
commitment: c-1
indicator: users
unit: percent
direction: up
baseline: {year: 2020, value: 40}
target: {year: 2030, value: 80}
"""


def users(**values: float | None) -> Series:
    return Series("internet_users_pct", "percent", {m: {2023: v} for m, v in values.items()})


def way(target: Target, series: Series, member: str) -> Way:
    found = target.ways(series)[member]
    assert isinstance(found, Way)
    return found


def test_the_example_of_the_specification() -> None:
    for text in (EXAMPLE, EXAMPLE.removeprefix("schema: concordat/target@1\n")):
        target = Target.load(text)
        assert (target.commitment, target.indicator, target.direction) == ("t20-f3a", "internet_users_pct", "up")
        assert target.members == ("ETH", "IND")
    series = users(IND=50, ETH=20, BRA=80, CHN=76, ZAF=None)
    found = target.ways(series)
    ind = way(target, series, "IND")
    assert ind.points == ((2023, 50), (2026, 74), (2030, 90))  # 60 % of the way of 40
    assert not ind.computed
    assert [ind.due(y) for y in (2023, 2024, 2026, 2028, 2030, 2040)] == [50, 58, 74, 82, 90, 90]
    chn = way(target, series, "CHN")
    assert (chn.start, chn.goal, chn.computed) == (76, 78, True)  # half of the way to 80
    assert found["BRA"] == "is the best already: the rule asks nothing of it (a tolerance would hold it there)"
    assert found["ZAF"] == "no baseline: internet_users_pct has no value of 2023 for ZAF"
    reasons = Series("internet_users_pct", "percent", {"IND": {}}, {"IND": "not published"})
    assert target.ways(reasons)["IND"] == "no baseline: not published"


def test_a_rule_downwards_takes_the_lowest_as_best() -> None:
    text = (
        "commitment: c\nindicator: cost\ndirection: down\nbaseline: {year: 2023, value: from_release}\n"
        "target: {year: 2030, tolerance: 1}\ngap_rule: halve_distance_to_best\n"
    )
    series = Series("cost", "percent", {"A": {2023: 8}, "B": {2023: 3}, "C": {2023: "5.5"}})
    target = Target.load(text)
    assert [way(target, series, m).goal for m in "ABC"] == [Fraction(11, 2), 3, Fraction(17, 4)]
    assert [way(target, series, m).tolerance for m in "ABC"] == [None, 1, None]


def test_numbers_are_exact() -> None:
    target = Target.load(PLAIN.replace("40", "0.1").replace("80", "0.3"))
    assert target.baseline[""] == Fraction(1, 10)
    assert exact(0.1) == Fraction(1, 10)
    assert exact("1e-3") == Fraction(1, 1000)
    assert [exact(v) for v in (3, Fraction(1, 3), 1e21)] == [3, Fraction(1, 3), 10**21]


def test_milestones_may_be_values_or_shares_for_all_or_by_member() -> None:
    text = PLAIN.replace("value: 80", "values: {A: 80, B: 60}, milestones: {2022: 45, 2025: {A: 50%}, 2027: 90%}")
    target = Target.load(text)
    series = Series("users", "percent", {"A": {}, "B": {}})
    assert way(target, series, "A").points == ((2020, 40), (2022, 45), (2025, 60), (2027, 76), (2030, 80))
    assert way(target, series, "B").points == ((2020, 40), (2022, 45), (2027, 58), (2030, 60))


def test_to_keep_needs_no_target_but_a_tolerance() -> None:
    text = PLAIN.replace("direction: up", "direction: keep").replace("value: 80", "tolerance: 2.5")
    assert way(Target.load(text), Series("users", "percent", {"A": {}}), "A").tolerance == Fraction(5, 2)
    later = Target.load(text.replace("value: 40", "value: from_release"))
    assert way(later, Series("users", "percent", {"A": {2020: 33}}), "A").goal == 33
    with pytest.raises(InputError, match=r"line 7: c-1 is to be kept, and has no tolerance. Say how far"):
        Target.load(text.replace(", tolerance: 2.5", ""))


def test_a_target_that_equals_its_baseline_is_asked_about() -> None:
    with pytest.raises(InputError, match=r"line 7: the target for c-1 equals its baseline \(40\). Is it to be kept\?"):
        Target.load(PLAIN.replace("80", "40"))
    assert Target.load(PLAIN.replace("value: 80", "value: 40, tolerance: 1")).tolerance == 1
    later = Target.load(PLAIN.replace("value: 40", "value: from_release"))
    with pytest.raises(InputError, match="the target of A for c-1 equals its baseline"):
        later.ways(Series("users", "percent", {"A": {2020: 80.0}}))


def test_another_unit_or_indicator_is_refused() -> None:
    target = Target.load(PLAIN)
    with pytest.raises(InputError, match="the target of c-1 is in percent, users in per_100"):
        target.ways(Series("users", "per_100", {"A": {2020: 3}}))
    with pytest.raises(InputError, match="in percent, users in no unit"):
        target.ways(Series("users", "", {"A": {2020: 3}}))
    with pytest.raises(InputError, match="the series is phones, the target is about users"):
        target.ways(Series("phones", "percent", {}))
    free = Target.load(PLAIN.replace("unit: percent\n", ""))
    assert free.ways(Series("users", "per_100", {"A": {}}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("direction: up", "directon: up", 'line 5: "directon" is not a key I know here. Did you mean "direction"?'),
        ("direction: up", "direction: sideways", "line 5"),
        ("direction: up", "direction: down", "line 7: the target is 80 and the baseline 40: that is not down"),
        ("schema: concordat/target@1", "schema: concordat/target@2", "line 1"),
        ("value: 80", "value: 80%", 'line 7: "80%" has a percent sign'),
        ("value: 80", "value: eighty", 'line 7: "eighty" is not a number'),
        ("value: 80", "value: nan", 'line 7: "nan" is not a number'),
        ("value: 80", "value: 1/3", 'line 7: "1/3" is not a number'),
        ("value: 80", "value: 1e9999", 'line 7: "1e9999" is not a number'),
        ("value: 80", "by: member", "by: member, and no values"),
        ("value: 80", "by: all, values: {A: 80}", "by: all, and values of members"),
        ("value: 80", "tolerance: 1", "line 7: the target has no value"),
        ("value: 80", "value: 80, tolerance: -1", "the tolerance is negative"),
        ("year: 2030", "year: 2020", "the target's year 2020 is not after the baseline's, 2020"),
        ("year: 2030", "year: soon", "line 7"),
        ("value: 40", "values: {}", "line 6: the baseline has no value"),
        ("value: 80", "value: 80, milestones: {2035: 50%}", 'the milestone "2035" is not a year between'),
        ("value: 80", "value: 80, milestones: {2020: 50%}", 'the milestone "2020" is not a year between'),
        ("value: 80", "value: 80, milestones: {mid: 50%}", 'the milestone "mid" is not a year between'),
        ("value: 80", "value: 80, milestones: {2025: 150%}", "150% is not a share"),
        ("value: 80", "value: 80, milestones: {2025: 90}", "(90) does not lie on the way to 80"),
        ("value: 80", "value: 80, milestones: {2025: 30}", "(30) does not lie on the way to 80"),
        ("value: 80", "value: 80, milestones: {2022: 60, 2025: 50}", "(50) does not lie on the way to 80"),
        ("commitment: c-1", "commitment: C 1", "line 2"),
        ("indicator: users", "indicator: ''", "line 3"),
    ],
)
def test_a_bad_file_names_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Target.load(PLAIN.replace(old, new, 1))
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "just words", "a: [", "{"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Target.load(text)


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), True, None, [1], "x", "1/0", "9" * 500, "1e999999999", 10**101]
)
def test_values_that_are_no_numbers_are_refused(bad: object) -> None:
    with pytest.raises(InputError, match=r"not a number|beyond|at most 40"):
        exact(bad)
    if bad is not None:
        with pytest.raises(InputError, match="users, A, 2020"):
            Series("users", "percent", {"A": {2020: bad}}).value("A", 2020)  # type: ignore[dict-item]


@pytest.mark.parametrize("year", ["2020", 2020.0, True, None])
def test_years_are_whole_numbers(year: object) -> None:
    with pytest.raises(InputError, match=r"users, A: .* is not a year"):
        Series("users", "percent", {"A": {year: 3}})  # type: ignore[dict-item]


def test_before_the_baseline_nothing_is_due() -> None:
    with pytest.raises(InputError, match="2019 is before the baseline, 2020"):
        Way(((2020, Fraction(1)), (2030, Fraction(2))), "up").due(2019)
    assert _series.FROM_RELEASE == "from_release"


def test_the_schema_names_every_key() -> None:
    keys = json_schema()["properties"]
    assert set(keys) == {
        "schema", "commitment", "indicator", "unit", "direction", "baseline", "target", "gap_rule", "missing", "note",
    }  # fmt: skip


def test_the_schema_that_ships_is_that_of_the_model() -> None:
    stored = Path(council.__file__).parent / "schemas" / "target-1.json"
    assert json.loads(stored.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("digits", [41, 390, 4_000, 30_000])
@pytest.mark.parametrize("place", ["baseline", "target", "milestone", "tolerance"])
def test_numbers_of_many_digits_are_refused_with_their_line(place: str, digits: int) -> None:
    big = "9" * digits
    start, goal = (big if place == "baseline" else "1"), (big if place == "target" else "5")
    more = f", milestones: {{2026: {big}}}" if place == "milestone" else ""
    more += f", tolerance: {big}" if place == "tolerance" else ""
    text = f"commitment: c\nindicator: i\ndirection: up\nbaseline: {{year: 2020, value: {start}}}\n"
    with pytest.raises(InputError, match=f"line [45].*a number of {digits} characters; at most 40"):
        Target.load(text + f"target: {{year: 2030, value: {goal}{more}}}\n")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("9" * 40, "9" * 20 + "0" * 20),
        ("1e99", "1E+99"),
        ("62.50", "62.5"),
        ("-0.00001", "-0.00001"),
        ("1e-30", "1E-30"),
        ("0", "0"),
    ],
)
def test_messages_show_numbers_without_floats(number: str, text: str) -> None:
    same = f"commitment: c\nindicator: i\ndirection: up\nbaseline: {{year: 2020, value: {number}}}\n"
    with pytest.raises(InputError) as error:
        Target.load(same + f"target: {{year: 2030, value: {number}}}\n")
    shown = error.value.what.partition("(")[2].partition(")")[0]
    assert Fraction(shown) == pytest.approx(Fraction(text), rel=1e-19)
    assert len(shown) <= 24


@pytest.mark.parametrize(("members", "years", "what"), [(101, 1, "101 members"), (1, 51, "51 milestones")])
def test_a_file_names_so_many_members_and_milestones(members: int, years: int, what: str) -> None:
    head = "commitment: c\nindicator: i\ndirection: up\nbaseline: {year: 1900, value: 0}\n"
    values = ", ".join(f"M{n}: 9" for n in range(members))
    milestones = ", ".join(f"{1901 + n}: 1%" for n in range(years))
    with pytest.raises(InputError, match=f"{what}; at most"):
        Target.load(head + f"target: {{year: 2030, values: {{{values}}}, milestones: {{{milestones}}}}}\n")


def test_the_largest_file_is_read_with_little_work() -> None:
    head = "commitment: c\nindicator: i\ndirection: up\nbaseline: {year: 1900, value: 0}\n"
    values = ", ".join(f"M{n}: {'9' * 40}" for n in range(100))
    own = ", ".join(f"M{n}: 1%" for n in range(100))
    milestones = ", ".join(f"{1902 + n}: 1%" for n in range(48))
    text = head + f"target: {{year: 2030, values: {{{values}}}, milestones: {{1901: {{{own}}}, {milestones}}}}}\n"
    assert len(Target.load(text).milestones["M7"]) == 49
    assert calls(lambda: Target.load(text)) < 1_000_000
