"""Evidence by hand: the way, milestones, what is kept, blanks, draws against the normal distribution."""

from __future__ import annotations

from fractions import Fraction
from statistics import NormalDist

import pytest

from concordat import canonical
from concordat.council.commit.targets import Series, Target
from concordat.council.review.evidence import Evidence, combine, evidence
from concordat.errors import InputError

UP = """\
commitment: c-1
indicator: users
direction: up
baseline: {year: 2020, value: 40}
target: {year: 2030, value: 80}
"""
DOWN = UP.replace("direction: up", "direction: down").replace("value: 80", "value: 20")
KEEP = UP.replace("direction: up", "direction: keep").replace("value: 80", "tolerance: 2")


def found(text: str, value: float | None, at: int = 2025, **options: object) -> Evidence:
    series = Series("users", "percent", {"A": {at: value}})
    return evidence(Target.load(text), series, at=at, seed=1, **options)  # type: ignore[arg-type]


def e(text: str, value: float | None, at: int = 2025) -> Fraction | None:
    return found(text, value, at).cells["A"].value


@pytest.mark.parametrize(
    ("text", "value", "at", "e_"),
    [
        (UP, 60, 2025, 1), (UP, 50, 2025, Fraction(1, 2)), (UP, 40, 2025, 0), (UP, 30, 2025, Fraction(-1, 2)),
        (UP, 100, 2025, 1), (UP, 0, 2025, -1), (UP, 60, 2030, Fraction(1, 2)), (UP, 60, 2035, Fraction(1, 2)),
        (DOWN, 30, 2025, 1), (DOWN, 35, 2025, Fraction(1, 2)), (DOWN, 45, 2025, Fraction(-1, 2)),
        (KEEP, 40, 2025, 1), (KEEP, 42, 2025, 1), (KEEP, 38, 2035, 1), (KEEP, 42.1, 2025, -1), (KEEP, 37.9, 2025, -1),
    ],
)  # fmt: skip
def test_the_formula_by_hand(text: str, value: float, at: int, e_: Fraction) -> None:
    assert e(text, value, at) == e_


def test_milestones_bend_the_way() -> None:
    text = UP.replace("value: 80", "value: 80, milestones: {2022: 50%, 2024: 50%}")
    assert e(text, 50, 2021) == 1  # 50 is due in 2021, on the way to 60 in 2022
    assert e(text, 50, 2023) == Fraction(1, 2)
    assert e(text, 60, 2027) == Fraction(2, 3)  # 70 is due


def test_what_is_kept_with_a_direction_may_move_that_way() -> None:
    text = UP.replace("value: 80", "value: 40, tolerance: 2")
    assert [e(text, v) for v in (90, 40, 38, 37.9)] == [1, 1, 1, -1]
    text = text.replace("direction: up", "direction: down")
    assert [e(text, v) for v in (1, 42, 42.1)] == [1, 1, -1]


def test_blanks_say_why() -> None:
    assert found(UP, None).cells["A"].reason == "users has no value of 2025 for A"
    assert found(UP, 41, 2020).cells["A"].reason == "nothing is due by 2020: the baseline is of 2020"
    assert found(UP, 41, 2019).cells["A"].reason == "nothing is due by 2019: the baseline is of 2020"
    late = UP.replace("value: 80", "value: 80, milestones: {2026: 0%}")
    assert found(late, 41).cells["A"].reason == "nothing is due by 2025: no milestone asks it"
    release = UP.replace("value: 40", "value: from_release")
    assert found(release, 41).cells["A"].reason == "no baseline: users has no value of 2020 for A"
    some = UP.replace("value: 80", "values: {B: 80}")
    cells = found(some, 41).cells
    assert cells["A"].reason == "no target is set for this member"
    assert cells["B"].reason == "users has no value of 2025 for B"


def test_what_a_reader_must_know_is_noted() -> None:
    assert found(UP, 60, 2035).cells["A"].note == "the target's year, 2030, is over"
    rule = (
        UP.replace("value: 40", "value: from_release").replace(", value: 80", "") + "gap_rule: halve_distance_to_best\n"
    )
    series = Series("users", "percent", {"A": {2020: 40, 2025: 50}, "B": {2020: 80, 2025: 80}}, release="r1")
    made = evidence(Target.load(rule), series, at=2025, seed=1)
    assert made.cells["A"].value == 1  # 60 is the target, 50 is due
    assert made.cells["A"].note == "target computed from the release"
    assert made.cells["B"].value is None
    assert (made.release, len(made.target_hash)) == ("r1", 64)


def test_draws_follow_the_normal_distribution() -> None:
    """x_t = 50 with sd 4 and 20 to go: e is normal with mean 1/2 and sd 1/5 up to the clip; 2,000 draws."""
    cell = found(UP, 50, error=4).cells["A"]
    assert cell.value == Fraction(1, 2)
    wanted = NormalDist(0.5, 0.2)
    assert cell.median is not None
    assert cell.low is not None
    assert cell.high is not None
    assert cell.median == pytest.approx(0.5, abs=0.03)  # sd of a median of 2,000: 0.0056
    assert cell.low == pytest.approx(wanted.inv_cdf(0.05), abs=0.05)
    assert cell.high == pytest.approx(wanted.inv_cdf(0.95), abs=0.05)
    sure = found(UP, 50, error=0).cells["A"]
    assert (sure.low, sure.median, sure.high) == (0.5, 0.5, 0.5)
    clipped = found(UP, 60, error=4).cells["A"]
    assert clipped.high == 1
    kept = found(KEEP, 40, error=1).cells["A"]  # within 2 of 40 in 95 % of the draws
    assert (kept.low, kept.median, kept.high) == (1, 1, 1)
    assert found(KEEP, 40, error=5).cells["A"].low == -1


def test_the_same_seed_gives_the_same_draws_and_members_have_their_own() -> None:
    series = Series("users", "percent", {"A": {2025: 50}, "B": {2025: 50}})
    target = Target.load(UP)
    one, two = (evidence(target, series, at=2025, error={"A": 4, "B": 4}, seed=7) for _ in range(2))
    assert one == two
    assert one.cells["A"].median != one.cells["B"].median
    assert evidence(target, series, at=2025, error=4, seed=8).cells["A"].median != one.cells["A"].median
    alone = evidence(target, Series("users", "percent", {"A": {2025: 50}}), at=2025, error=4, seed=7)
    assert alone.cells["A"] == one.cells["A"]  # another member changes nothing
    assert evidence(target, series, at=2025, error={"A": 4}, seed=7).cells["B"].median is None
    canonical.dumps(one.as_dict())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"error": -1}, "error of A: the error is -1"),
        ({"error": float("nan")}, "error of A: nan is not a number"),
        ({"error": "much"}, 'error of A: "much" is not a number'),
        ({"draws": 0}, "0 draws"),
        ({"at": "2025"}, "for the year '2025'"),
        ({"at": True}, "for the year True"),
    ],
)
def test_bad_arguments(options: dict[str, object], said: str) -> None:
    series = Series("users", "percent", {"A": {2025: 50}})
    with pytest.raises(InputError, match=said):
        evidence(Target.load(UP), series, **({"at": 2025, "seed": 1} | options))  # type: ignore[arg-type]


def test_several_indicators_give_the_plain_mean_and_are_shown() -> None:
    homes = Series("homes", "percent", {"A": {2025: 45}, "B": {2025: 60}})
    one, two = found(UP, 60), evidence(Target.load(UP.replace("users", "homes")), homes, at=2025, seed=1)
    both = combine([one, two])
    assert both.values == {"A": Fraction(5, 8), "B": 1}  # (1 + 1/4) / 2
    assert [p.indicator for p in both.parts] == ["homes", "users"]
    for wrong in ([], [one, one], [one, found(UP.replace("c-1", "c-2"), 60)]):
        with pytest.raises(InputError, match="don't go together"):
            combine(wrong)
