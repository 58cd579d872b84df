"""Distance in time, trends, mobility, convergence and clubs: by hand on a few points, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.observatory.divide import (
    beta_convergence,
    compound_growth,
    convergence_clubs,
    log_t,
    mobility_between,
    panel_series,
    percent_change,
    sigma_convergence,
    time_distance,
)

NAN = float("nan")
LEADER = ([2000, 2002, 2004, 2006], [10.0, 30.0, 30.0, 50.0])

# --- Distance in time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "value", "reached", "reason"),
    [
        (([2010], [20.0]), 9.0, 2001.0, ""),  # half-way between 2000 and 2002
        (([2010], [30.0]), 8.0, 2002.0, ""),  # the first of the two years that have 30
        (([2005], [45.0]), -0.5, 2005.5, ""),  # ahead of the leader's path
        (([2006], [50.0]), 0.0, 2006.0, ""),
        (([2010], [51.0]), None, None, "never_reached"),
        (([2010], [10.0]), None, None, "already_in_first_year"),
        (([2010], [5.0]), None, None, "already_in_first_year"),
        (([2010, 2011], [20.0, NAN]), 9.0, 2001.0, ""),  # its own last year is the last with a value
        (([2010], [NAN]), None, None, "no_value"),
    ],
)
def test_time_distance_by_hand(own: Any, value: float | None, reached: float | None, reason: str) -> None:
    found = time_distance({"LEA": LEADER, "AAA": own}, leader="LEA")["AAA"]
    assert (found.value, found.reached, found.reason) == (value, reached, reason)


def test_gap_and_ratio_are_of_the_units_own_year_between_the_leaders_years() -> None:
    found = time_distance({"LEA": LEADER, "AAA": ([2005], [20.0]), "BBB": ([2010], [20.0])}, leader="LEA")
    assert (found["AAA"].gap, found["AAA"].ratio) == (20.0, 0.5)  # the leader had 40 in 2005
    assert (found["BBB"].gap, found["BBB"].ratio) == (None, None)  # and is not known in 2010


def test_less_is_better_turns_the_path_round() -> None:
    falling = {"LEA": ([2000, 2010], [50.0, 10.0]), "AAA": ([2012], [30.0])}
    found = time_distance(falling, leader="LEA", direction=-1)["AAA"]
    assert (found.value, found.reached) == (7.0, 2005.0)
    assert time_distance(falling, leader="LEA")["AAA"].reason == "already_in_first_year"


def test_a_leader_that_fell_back_is_not_behind_itself() -> None:
    found = time_distance({"LEA": ([2000, 2001, 2002], [10.0, 30.0, 25.0])}, leader="LEA")["LEA"]
    assert (found.value, found.reason) == (None, "fell_back")


def test_a_later_year_can_be_left_out() -> None:
    found = time_distance({"LEA": LEADER, "AAA": ([2003, 2010], [20.0, 40.0])}, leader="LEA", not_after=2004)
    assert (found["AAA"].year, found["AAA"].value) == (2003.0, 2.0)


def test_arrays_make_the_same_panel() -> None:
    panel = panel_series([2000, 2002], ["LEA", "AAA"], [[10.0, NAN], [30.0, 20.0]])
    assert time_distance(panel, leader="LEA")["AAA"].value == 1.0


# --- Trends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("years", "values", "growth", "change"),
    [
        ([2000, 2001, 2002], [100.0, 110.0, 120.0], math.sqrt(1.2) - 1, 10.0),
        ([2000, 2001, 2002], [100.0, 130.0, 100.0], 0.0, 0.0),  # equal ends; the line is flat at 110
        ([2000, 2005], [100.0, 150.0], 1.5**0.2 - 1, 10.0),
        ([2000, 2001, 2003], [4.0, 4.0, 4.0], 0.0, 0.0),
        ([2000, 2001], [0.0, 0.0], 0.0, 0.0),
        ([2000, 2001], [5.0, 0.0], -1.0, -100.0),
        ([2000, 2001], [0.0, 5.0], None, None),
        ([2000, 2001], [-5.0, 5.0], None, None),
        ([2000], [5.0], None, None),
        ([2000, 2001], [NAN, 5.0], None, None),
        ([], [], None, None),
        ([2002, 2000, 2001], [120.0, 100.0, 110.0], math.sqrt(1.2) - 1, 10.0),  # order of the rows does not matter
    ],
)
def test_trends_by_hand(years: list[int], values: list[float], growth: float | None, change: float | None) -> None:
    for found, expected in ((compound_growth(years, values), growth), (percent_change(years, values), change)):
        assert found.value is None if expected is None else found.value == pytest.approx(expected, abs=1e-12)
        assert bool(found.reason) == (expected is None)


def test_growth_of_huge_and_tiny_values_does_not_overflow() -> None:
    assert compound_growth([0, 1000], [1e-300, 1e300]).value == pytest.approx(10**0.6 - 1)


# --- Mobility -----------------------------------------------------------------------------------------------------


def test_transitions_between_fixed_levels() -> None:
    panel = {a: ([2000, 2020], v) for a, v in {"A": (10, 60), "B": (25, 20), "C": (60, 90), "D": (80, 95)}.items()}
    found = mobility_between(panel, 2000, 2020, edges=(25, 75))
    assert found.before.tolist() == [0, 1, 1, 2]  # 25 stands on an edge: it belongs above
    assert found.counts.tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 1]]
    assert found.shares.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 0, 1]]
    assert found.shorrocks == 1.0  # (3 - 1) / 2
    assert found.rank_correlation == pytest.approx(0.8)  # 1 - 6 (1 + 1) / 60


def test_a_class_that_nobody_starts_in_has_no_shares() -> None:
    panel = {a: ([2000, 2020], v) for a, v in {"A": (10, 60), "B": (20, 20), "C": (15, 90)}.items()}
    found = mobility_between(panel, 2000, 2020, edges=(50,))
    assert np.isnan(found.shares[1]).all()
    assert found.shorrocks is None


def test_tied_ranks_share_their_mean_and_a_constant_year_has_no_correlation() -> None:
    panel = {a: ([2000, 2020], v) for a, v in {"A": (5, 1), "B": (5, 2), "C": (5, 3)}.items()}
    found = mobility_between(panel, 2000, 2020, classes=2)
    assert found.rank_correlation is None
    assert len(set(found.before.tolist())) == 1


# --- Convergence --------------------------------------------------------------------------------------------------


def test_beta_of_members_on_one_line_is_that_line() -> None:
    # ln y_T = 2 + 0.5 ln y_0 over 10 years: b = -0.05, speed ln 2 / 10, so half of the distance goes in 10 years.
    start = {"A": 1.0, "B": 2.0, "C": 5.0, "D": 20.0}
    panel = {a: ([2000, 2010], [y, math.exp(2) * math.sqrt(y)]) for a, y in start.items()}
    for weight in (None, {"A": 1.0, "B": 3.0, "C": 9.0, "D": 0.5}):
        found = beta_convergence(panel, 2000, 2010, weight=weight)
        assert (found.a, found.b) == (pytest.approx(0.2), pytest.approx(-0.05))
        assert (found.speed, found.half_life) == (pytest.approx(math.log(2) / 10), pytest.approx(10.0))
        assert (found.se, found.r2) == (pytest.approx(0, abs=1e-12), pytest.approx(1.0))


def test_weights_pull_the_line() -> None:
    panel = {"A": ([0, 1], [1.0, 1.0]), "B": ([0, 1], [math.e, 1.0]), "C": ([0, 1], [math.e**2, math.e**2])}
    # growth 0, -1, 0 at x = 0, 1, 2. Weights 1, 1, 0.5: mean x 0.8, mean growth -0.4, Sxy 0, so b = 0.
    found = beta_convergence(panel, 0, 1, weight={"A": 2.0, "B": 2.0, "C": 1.0})
    # Sxx = 0.64 + 0.04 + 0.5 * 1.44 = 1.4;  Sxy = -0.8 * 0.4 + 0.2 * -0.6 + 0.5 * 1.2 * 0.4 = -0.2
    assert found.b == pytest.approx(-0.2 / 1.4)
    assert beta_convergence(panel, 0, 1).b == pytest.approx(0, abs=1e-15)


def test_a_growing_distance_has_no_half_life_and_a_passing_one_no_speed() -> None:
    apart = {a: ([0, 10], [y, y * y]) for a, y in {"A": 1.5, "B": 2.0, "C": 3.0, "D": 5.0}.items()}
    found = beta_convergence(apart, 0, 10)
    assert found.b > 0
    assert (found.half_life, found.reason) == (None, "not_converging")
    passing = {a: ([0, 10], [y, 1 / y]) for a, y in {"A": 1.5, "B": 2.0, "C": 3.0, "D": 5.0}.items()}
    assert beta_convergence(passing, 0, 10).reason == "overshoots"


def test_beta_in_logits_is_beta_of_odds() -> None:
    start = {"A": 1.0, "B": 20.0, "C": 50.0, "D": 70.0}
    shares = {a: ([0, 5], [y, 100 * y / (y + 2 * (100 - y))]) for a, y in start.items()}  # all odds halved: no change
    found = beta_convergence(shares, 0, 5, scale="logit")
    assert found.b == pytest.approx(0, abs=1e-12)
    assert found.a == pytest.approx(-math.log(2) / 5)
    assert beta_convergence(shares, 0, 5).b != pytest.approx(0, abs=1e-3)


def test_sigma_by_hand_over_the_members_of_every_year() -> None:
    years = [2000, 2001, 2002, 2003]
    panel = {
        "A": (years, [1.0, 1.0, 1.0, 1.0]),
        "B": (years, [math.e**4, math.e**3, math.e**2, math.e**1]),
        "C": (years, [math.e**2, math.e**1.5, math.e**1, math.e**0.5]),
        "D": (years[:2], [9.0, 9.0]),
    }
    found = sigma_convergence(panel)
    assert found.areas == ("A", "B", "C")
    assert found.sd == pytest.approx([2.0, 1.5, 1.0, 0.5])
    last = [1.0, math.e, math.sqrt(math.e)]
    assert found.cv[3] == pytest.approx(np.std(last, ddof=1) / np.mean(last))
    assert found.trend is not None
    assert found.trend.slope == pytest.approx(-0.5)


# --- Clubs --------------------------------------------------------------------------------------------------------


def _paths(levels: dict[str, float], years: int = 40, seed: int = 1) -> dict[str, tuple[Any, Any]]:
    """Members on their way to a level: the distance halves quickly, with a little noise that fades too."""
    rng = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(1, years + 1)
    made = {}
    for area, level in levels.items():
        noise = rng.normal(0, 0.02, years) / t
        made[area] = (1980 + t, level * (1 + rng.uniform(-0.5, 0.5) / t + noise))
    return made


def test_clubs_that_were_made_are_found() -> None:
    levels = {f"H{i}": 10.0 for i in range(5)} | {f"M{i}": 6.0 for i in range(4)} | {f"L{i}": 2.0 for i in range(4)}
    for seed in range(5):
        found = convergence_clubs(_paths(levels, seed=seed))
        assert [{a[0] for a in club.areas} for club in found.clubs] == [{"H"}, {"M"}, {"L"}]
        assert found.diverging == ()
        assert not found.whole.converges


def test_all_converge_is_one_club() -> None:
    found = convergence_clubs(_paths({f"A{i}": 5.0 for i in range(6)}))
    assert [len(club.areas) for club in found.clubs] == [6]
    assert found.whole.converges


def test_a_member_that_goes_its_own_way_is_in_no_club() -> None:
    paths = _paths({f"A{i}": 5.0 for i in range(5)})
    years = paths["A0"][0]
    paths["FAR"] = (years, 5.0 * 1.03 ** np.arange(years.size))
    found = convergence_clubs(paths)
    assert found.diverging == ("FAR",)
    assert [len(club.areas) for club in found.clubs] == [5]


def test_log_t_of_a_known_decay_is_its_rate() -> None:
    # Two members at 1 +- g: h - 1 = +- g and H = g^2. With g = t^-a / ln t: ln(H_1 / H_t) - 2 ln ln t = c + 2 a ln t.
    t = np.arange(1, 61)
    g = 0.1 * t**-0.4 / np.where(t > 1, np.log(np.maximum(t, 2)), 1.0)
    found = log_t(np.column_stack([1 + g, 1 - g]))
    assert found.b == pytest.approx(0.8, abs=1e-9)
    assert found.years == 60 - int(0.28 * 60) + 1  # r = 0.3 - 0.1 * 10 / 50


def test_equal_members_have_converged_and_members_that_part_have_not() -> None:
    same = np.full((30, 3), 100.0)
    assert log_t(same).converges
    apart = np.column_stack([np.full(30, 100.0), np.linspace(100, 300, 30)])
    assert not log_t(apart).converges


def test_members_without_a_year_are_left_out_and_named() -> None:
    paths = _paths({f"A{i}": 5.0 for i in range(3)}) | {"GAP": ([2000], [4.0])}
    assert convergence_clubs(paths).left_out == ("GAP",)


# --- What is refused ----------------------------------------------------------------------------------------------

TWO = {"A": ([0, 1], [1.0, 2.0]), "B": ([0, 1], [2.0, 3.0])}
THREE = TWO | {"C": ([0, 1], [4.0, 5.0])}


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: time_distance({}), InputError, "no areas"),
        (lambda: time_distance(TWO), InputError, '"KOR" is not in the panel'),
        (lambda: time_distance({"KOR": LEADER, "A": LEADER}, leader="KO"), InputError, 'Did you mean "KOR"?'),
        (lambda: time_distance({"KOR": ([2000], [NAN])}), InputError, "has no value"),
        (lambda: time_distance({"KOR": ([1, 1], [1, 2])}), InputError, "KOR, 1: this year stands twice"),
        (lambda: time_distance({"KOR": ([1, 2], [1, math.inf])}), InputError, "KOR, 2: the value is infinite"),
        (lambda: time_distance({"KOR": ([1, 2], [1])}), InputError, "2 years and 1 values"),
        (lambda: time_distance({"KOR": ([1, 2], [1, "x"])}), InputError, "not a number"),
        (lambda: time_distance({"KOR": LEADER}, direction=0), InputError, "direction"),
        (lambda: panel_series([1, 2], ["A"], [[1.0, 2.0]]), InputError, "[time, unit]"),
        (lambda: mobility_between(TWO, 0, 1), MethodError, "only 2 members"),
        (lambda: mobility_between(THREE, 1, 0), InputError, "not before the last"),
        (lambda: mobility_between(THREE, 0, 1, edges=(5, 5)), InputError, "edges"),
        (lambda: mobility_between(THREE, 0, 1, classes=1), InputError, "1 classes"),
        (lambda: beta_convergence(TWO, 0, 1), MethodError, "only 2 members"),
        (lambda: beta_convergence(THREE, 0, 1, weight={"A": 1, "B": 1}), InputError, "C, beta"),
        (lambda: beta_convergence(THREE, 0, 1, weight={"A": 1, "B": 1, "C": -1}), InputError, "-1"),
        (lambda: beta_convergence(THREE, 0, 1, scale="cube"), InputError, "not a scale"),
        (lambda: beta_convergence(THREE | {"D": ([0, 1], [0.0, 1.0])}, 0, 1), MethodError, "D, 0: the value 0 has no"),
        (lambda: beta_convergence(THREE, 0, 1, scale="logit", bound=5), MethodError, "between 0 and 5"),
        (
            lambda: beta_convergence({a: ([0, 1], [3.0, y]) for a, y in (("A", 1.0), ("B", 2.0), ("C", 3.0))}, 0, 1),
            MethodError,
            "the same value",
        ),
        (lambda: sigma_convergence(TWO), MethodError, "only 2 members"),
        (lambda: log_t(np.ones((30, 1))), InputError, "two members"),
        (lambda: log_t(np.zeros((30, 2))), MethodError, "not above zero"),
        (lambda: log_t(np.ones((6, 2))), MethodError, "needs 6"),
        (lambda: log_t(np.ones((30, 2)), trim=1.5), InputError, "trim"),
        (lambda: convergence_clubs(TWO, order_by="first"), InputError, "not an order"),
        (lambda: convergence_clubs({"A": ([0], [1.0]), "B": ([1], [1.0])}), MethodError, "0 members"),
        (
            lambda: convergence_clubs({a: ([*range(20), 30], np.ones(21)) for a in "AB"}),
            MethodError,
            "not evenly spaced",
        ),
    ],
)
def test_refused(call: Callable[[], Any], kind: type[ConcordatError], words: str) -> None:
    with pytest.raises(kind) as refusal:
        call()
    assert words in str(refusal.value)
