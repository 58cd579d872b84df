"""The table of measures and its kin: figures worked by hand, zeros, gaps, groups, designs, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.evidence._survey_variance import design, taylor_variance
from concordat.observatory.divide import (
    bootstrap_change,
    bootstrap_measures,
    concentration_indices,
    decompose,
    decompose_change,
    decompose_nested,
    duclos_esteban_ray,
    esteban_ray,
    group_measures,
    influence,
    measures,
    wolfson,
)
from concordat.observatory.divide.inference import from_moments, interval, spread_of

NAN = math.nan


def close(value: float) -> Any:
    return pytest.approx(value, abs=1e-12)


# --- By hand ------------------------------------------------------------------------------------------------------


def test_one_and_three() -> None:
    """Mean 2, r = 1/2 and 3/2; a third row of 2 has r = 1."""
    found = measures([1.0, 2.0, 3.0], bounds=(0, 4))
    expected = {
        "mean": 2, "gini": 2 / 9, "gini_shortfall": 2 / 9, "ge2": 1 / 12, "cv": math.sqrt(1 / 6), "hoover": 1 / 6,
        "theil_t": (0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 3, "theil_l": -math.log(0.75) / 3,
        "atkinson_1": 1 - 0.75 ** (1 / 3), "atkinson_05": 1 - ((math.sqrt(0.5) + 1 + math.sqrt(1.5)) / 3) ** 2,
        "p90_p10": 3, "gap": 2, "gap_relative": 1, "ratio": 3, "offline": 0.5,
        # L(0.4) = 1/6 + (0.4 - 1/3) 1 = 7/30, L(0.9) = 1 - 0.1 * 1.5; L(0.2) = 0.1, L(0.8) = 1 - 0.2 * 1.5
        "palma": 0.15 / (7 / 30), "s80_s20": 3.0,
        # L(0.5) = 1/6 + 1/6 = 1/3, median 2
        "wolfson": 2 * (2 * (0.5 - 1 / 3) - 2 / 9),
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name].value == close(value), name
    assert (found["gini"].n, found["gini"].n_eff, found["gini"].share_zero) == (3, close(3), 0)


def test_the_error_of_a_mean_is_the_textbook_one() -> None:
    y = np.array([2.0, 4.0, 4.0, 5.0, 9.0])
    assert measures(y)["mean"].se == close(y.std(ddof=1) / math.sqrt(5))


def test_zeros_are_left_out_where_logarithms_are_and_printed_everywhere() -> None:
    with_zeros, without = measures([0.0, 0.0, 1.0, 2.0, 3.0]), measures([1.0, 2.0, 3.0])
    for name in ("theil_t", "theil_l", "atkinson_1"):
        one, other = with_zeros[name], without[name]
        assert (one.value, one.se, one.n, one.n_eff) == (other.value, other.se, other.n, other.n_eff)
        assert one.share_zero == close(0.4)
    assert with_zeros["gini"].n == 5
    assert with_zeros["ge2"].value == close((5 * 14 / 36 - 1) / 2)
    assert "poorest" in with_zeros["palma"].reason
    assert with_zeros["s80_s20"].value is None
    assert "lowest" in with_zeros["ratio"].reason


def test_zeros_are_taken_to_their_limit_when_asked() -> None:
    """Of 0, 1, 3: mean 4/3, r = 0, 3/4 and 9/4; r ln r is 0 at zero, ln r has no limit, and a geometric mean is 0."""
    found = measures([0.0, 1.0, 3.0], zeros="include")
    assert found["theil_t"].value == close((0.75 * math.log(0.75) + 2.25 * math.log(2.25)) / 3)
    assert found["theil_t"].n == 3
    assert "infinite" in found["theil_l"].reason
    assert (found["atkinson_1"].value, found["atkinson_1"].se) == (1, None)
    same = measures([1.0, 2.0, 3.0], zeros="include")
    assert dict(same) == dict(measures([1.0, 2.0, 3.0]))


def test_values_below_zero_leave_the_gini() -> None:
    found = measures([-1.0, 2.0, 5.0])
    assert found["gini"].value == close(4 / 6)  # mean difference (3 + 3 + 6) 2 / 9 over twice the mean
    assert {n for n, m in found.items() if m.value is not None} == {"mean", "gini", "gap", "gap_relative"} | {
        n for n in ("ge2", "cv") if found[n].value is not None
    }
    assert "below zero" in found["theil_t"].reason
    assert measures([-5.0, 2.0, 1.0])["gini"].value is None


def test_equal_figures_have_no_divide_and_no_error_of_it() -> None:
    found = measures([0.1 + 0.2] * 7, bounds=(0, 100))
    for name in ("gini", "gini_shortfall", "theil_t", "theil_l", "ge2", "cv", "atkinson_1", "hoover", "wolfson"):
        m = found[name]
        assert (m.value, m.se, m.lower, m.upper) == (0, 0, 0, 0), name
    assert found["p90_p10"].value == 1
    assert "tied" in found["p90_p10"].reason
    zeros = measures([0.0, 0.0, 0.0], bounds=(0, 100))
    assert zeros["offline"].value == 1
    assert zeros["gini"].value is None
    full = measures([100.0, 100.0, 100.0], bounds=(0, 100))
    assert "falls short" in full["gini_shortfall"].reason


def test_a_quantile_without_an_error_says_whether_rows_are_tied_or_one_row_weighs_too_much() -> None:
    """Forty rows of one weight and one of 1,000: both ends of the interval of ranks lie inside the heavy row."""
    y, w = np.arange(1.0, 41.0), np.ones(40)
    w[0] = 1000
    heavy = measures(y, w, names=["p90_p10"])["p90_p10"]
    assert (heavy.se, heavy.lower) == (None, None)
    assert heavy.reason == "one row holds too much of the weight at a quantile for an error"
    tied = measures(np.repeat([1.0, 2.0, 3.0], 20), names=["p90_p10", "wolfson"])
    assert {m.reason for m in tied.values()} == {"too many values are tied at a quantile for an error"}
    # the value is shared by two, but one of them alone covers the interval
    both = measures(np.append(y, 1.0), np.append(w, 1.0), names=["p90_p10"])["p90_p10"]
    assert both.reason == heavy.reason


def test_missing_values_are_counted_by_weight_and_left_out() -> None:
    found = measures([1.0, NAN, 2.0, 3.0, 9.0], [1.0, 2.0, 1.0, 1.0, 0.0])
    assert found["gini"].value == close(2 / 9)
    assert (found["gini"].n, found["gini"].share_missing) == (3, close(0.4))
    assert found.unweighted()["gini"].share_missing == close(0.25)
    masked = np.ma.array([1.0, 5.0, 2.0, 3.0], mask=[False, True, False, False])
    assert measures(masked)["gini"].value == close(2 / 9)


def test_huge_and_tiny_figures() -> None:
    y = np.array([1.0, 2.0, 3.0, 7.0])
    plain = measures(y)
    for scale in (1e-150, 1e150):
        other = measures(y * scale, np.full(4, 1e-9))
        for name in ("gini", "theil_t", "ge2", "atkinson_05", "hoover", "palma", "wolfson"):
            assert other[name].value == pytest.approx(plain[name].value, rel=1e-9), name


def test_a_divide_beyond_what_doubles_tell() -> None:
    found = measures([5e-324, 5e-324, 1e-300, 5e-324, 2.0])
    assert found["atkinson_1"].value == 1
    assert found["gini"].value == close(0.8)


# --- Groups, ranks, designs ---------------------------------------------------------------------------------------


def test_groups_are_tables_of_their_rows() -> None:
    y, w = [1.0, 5.0, 2.0, 9.0, 3.0, 11.0, NAN], [1.0, 2, 1, 1, 1, 1, 2]
    groups = ["A", "B", "A", "B", "A", "B", "B"]
    found = measures(y, w, groups=groups, rank_by=[1, 2, 3, 4, 5, 6, 7])
    assert list(found.groups) == ["A", "B"]
    assert found.groups["A"]["gini"] == measures([1.0, 2.0, 3.0])["gini"]
    assert found.groups["B"]["gini"].share_missing == close(2 / 6)
    assert found.groups["B"]["concentration"].value == found.groups["B"]["gini"].value  # ranked by themselves
    assert set(found.decompositions) == {"theil_t", "theil_l", "ge2", "gini"}
    once = found.unweighted()
    assert once.groups["B"]["mean"].value == close(25 / 3)
    assert once.unweighted()["mean"].value == once["mean"].value


def test_small_cells_are_suppressed_when_asked() -> None:
    found = measures([1.0, 2, 3, 4, 5], groups=["A", "A", "A", "B", "B"], min_cell=3)
    assert found.groups["B"]["gini"].value is None
    assert found.groups["B"]["gini"].n is None
    assert found.groups["B"]["gini"].reason == "fewer than 3 rows"
    assert not found.decompositions


def test_survey_errors_are_those_of_linearised_totals() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    y, w = rng.lognormal(size=60), rng.uniform(1, 3, 60)
    strata, psu = np.repeat([1, 2, 3], 20), rng.integers(0, 5, 60)
    found = measures(y, w, strata=strata, psu=psu, groups=psu % 2)
    how = design(60, strata=strata.tolist(), units=psu.tolist())
    for name in ("gini", "theil_t", "atkinson_05", "palma"):
        z = influence(name, y, w)
        assert found[name].se == pytest.approx(math.sqrt(taylor_variance(w / w.sum() * z, how)), rel=1e-10), name
    inside = psu % 2 == 1
    z = np.zeros(60)
    z[inside] = influence("gini", y[inside], w[inside]) * w[inside] / w[inside].sum()
    assert found.groups[1]["gini"].se == pytest.approx(math.sqrt(taylor_variance(z, how)), rel=1e-10)


def test_lonely_units_are_said_and_too_few_units_refused() -> None:
    y = [1.0, 2, 3, 4, 5]
    found = measures(y, strata=[1, 1, 2, 2, 3], psu=[1, 2, 3, 4, 5])
    assert found.notes == ("1 strata with one primary unit are centred at the mean of all units.",)
    with pytest.raises(MethodError, match="degree of freedom"):
        measures(y, strata=[1, 1, 2, 2, 3], psu=[1, 1, 2, 2, 3])


def test_concentration_by_hand() -> None:
    """Ranks 1/6, 1/2, 5/6 of 0, 50, 100: C = 2/3 (1/3 + 1/3) = 4/9; in 0..100 the mean stands half way."""
    found = concentration_indices([0.0, 50.0, 100.0], rank_by=[1, 2, 3], bounds=(0, 100), extended=(2,))
    assert found["concentration"].value == close(4 / 9)
    assert (found["wagstaff"].value, found["erreygers"].value) == (close(8 / 9), close(8 / 9))
    assert -1 <= found["wagstaff"].lower < found["wagstaff"].upper <= 1
    assert found["extended(2)"].value == close(4 / 9)
    assert concentration_indices([0.0, 50, 100], rank_by=[3, 2, 1])["concentration"].value == close(-4 / 9)
    assert concentration_indices([0.0, 50, 100], rank_by=[1, 1, 1])["concentration"].value == close(0)
    gone = concentration_indices([0.0, 50, 100, 70], rank_by=[1, 2, 3, NAN])["concentration"]
    assert (gone.value, gone.n, gone.share_missing) == (close(4 / 9), 3, close(0.25))


def test_group_measures_by_hand() -> None:
    y, w, g = [20.0, 40.0, 50.0, 90.0], [1.0, 1.0, 3.0, 1.0], ["w", "w", "m", "m"]
    found = group_measures(y, w, groups=g, bounds=(0, 100))
    assert found["gap"].value == close(60 - 30)  # men less women: the names in order
    assert found["ratio"].value == close(2)
    assert found["parity"].value == close(1.5)
    assert found["between_variance"].value == close(2 / 3 * 100 + 1 / 3 * 400)
    # users: men 240 of 300, women 60; without: men 160 of 300, women 140
    assert found["dissimilarity"].value == close((abs(240 - 160) / 300 + abs(60 - 140) / 300) / 2)
    back = group_measures(y, w, groups=g, compare=("w", "m"))
    assert (back["gap"].value, back["parity"].value) == (close(-30), close(0.5))
    assert "gap" not in group_measures([1.0, 2, 3], groups=["a", "b", "c"])


def test_polarisation_by_hand() -> None:
    """Two camps of half: sum p_i^(1+a) p_j |d| = 2 (1/2)^(2+a) d."""
    assert esteban_ray([0.0, 10.0], a=1.3).value == close(20 * 0.5**3.3)
    assert esteban_ray([0.0, 0.0, 10.0, 10.0], a=1.3).value == esteban_ray([0.0, 10.0], a=1.3).value
    y, h, a = np.array([1.0, 2.0, 4.0, 4.0]), 0.8, 0.5
    expected = 0.0
    for at in y:
        f = np.exp(-0.5 * ((at - y) / h) ** 2).mean() / (h * math.sqrt(2 * math.pi))
        expected += f**a * np.abs(at - y).mean() / 4
    assert duclos_esteban_ray(y, a=a, bandwidth=h).value == pytest.approx(expected, rel=1e-12)
    assert "unverified" in duclos_esteban_ray(y).reason
    assert wolfson([1.0, 2.0, 3.0]).value == measures([1.0, 2.0, 3.0])["wolfson"].value


def test_a_density_over_many_values_is_that_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.observatory.divide import polarisation

    y = np.random.Generator(np.random.PCG64(3)).normal(10, 2, 1500)
    exact = duclos_esteban_ray(y).value
    monkeypatch.setattr(polarisation, "EXACT_MAX", 100)
    assert duclos_esteban_ray(y).value == pytest.approx(exact, rel=1e-5)


# --- Parts --------------------------------------------------------------------------------------------------------


def test_parts_by_hand() -> None:
    """Two equal groups with means 1 and 3 and no divide inside: T = (ln(1/2)/2 + 3 ln(3/2)/2)/2, G = 1/4."""
    found = decompose([1.0, 1.0, 3.0, 3.0], groups=["a", "a", "b", "b"])
    assert found.within.value == close(0)
    assert found.between.value == close((0.5 * math.log(0.5) + 1.5 * math.log(1.5)) / 2)
    assert found.share_between == close(1)
    gini = decompose([1.0, 1.0, 3.0, 3.0], groups=["a", "a", "b", "b"], measure="gini")
    assert gini.between.value == close(0.25)
    assert [part.overlap for part in gini.parts] == [None, None]
    # Both groups are spread like all: O_g is 1, and everything lies within.
    alike = decompose([1.0, 3.0, 1.0, 3.0], groups=["a", "a", "b", "b"], measure="gini")
    assert alike.between.value == close(0)
    assert [part.overlap for part in alike.parts] == [close(1), close(1)]
    assert decompose([5.0], groups=["x"]).total.value == 0


def test_a_change_of_sizes_alone_is_one_of_sizes() -> None:
    first = ([1.0, 3.0], [1.0, 1.0], ["a", "b"])
    found = decompose_change(first, ([1.0, 3.0], [3.0, 1.0], ["a", "b"]), measure="theil_l")
    assert (found.means, found.within) == (close(0), close(0))
    assert found.sizes == close(found.change)
    assert found.after == close(math.log(1.5) - 0.25 * math.log(3))


# --- Redrawing ----------------------------------------------------------------------------------------------------


def test_redrawn_errors_agree_with_linearised_ones() -> None:
    rng = np.random.Generator(np.random.PCG64(8))
    y = rng.lognormal(0, 0.5, 400)
    redrawn, linear = bootstrap_measures(y, seed=1, draws=4000), measures(y)
    for name in ("mean", "gini", "theil_t", "theil_l", "cv", "atkinson_05", "hoover", "palma", "s80_s20"):
        assert redrawn.value[name] == pytest.approx(linear[name].value, rel=1e-9)
        assert redrawn.se[name] == pytest.approx(linear[name].se, rel=0.06), name
        assert redrawn.lower[name] < redrawn.value[name] < redrawn.upper[name]
    for name in ("p90_p10", "wolfson"):  # by a density
        assert redrawn.se[name] == pytest.approx(linear[name].se, rel=0.3), name
    again = bootstrap_measures(y, seed=1, draws=4000)
    assert all((again.draws[name] == redrawn.draws[name]).all() for name in redrawn.draws)


def test_a_paired_change_knows_what_years_have_in_common() -> None:
    rng = np.random.Generator(np.random.PCG64(8))
    y = rng.lognormal(0, 0.5, 100)
    same = bootstrap_change(y, y * 2, seed=1, draws=500, names=["gini", "mean"])
    assert same.value["gini"] == close(0)
    assert same.se["gini"] == close(0)
    assert same.value["mean"] == close(y.mean())
    assert same.label == "as if drawn from a wider population"
    gap = bootstrap_change([1.0, 2, 3, NAN], [2.0, 2, 9, 1], seed=1, draws=50, names=["gini"])
    assert gap.value["gini"] == close(14 / (3 * 13) - 2 / 9)


def test_samples_without_a_measure_are_counted() -> None:
    found = bootstrap_measures([0.0, 0.0, 0.0, 1.0], seed=1, draws=2000, names=["gini"])
    assert 0.2 < found.undefined["gini"] / 2000 < 0.45  # (3/4)^4 = 0.32
    assert np.isnan(found.draws["gini"]).sum() == found.undefined["gini"]


# --- Intervals ----------------------------------------------------------------------------------------------------


def test_an_even_error_has_the_interval_of_student() -> None:
    spread = spread_of(np.array([-1.0, 1.0] * 50))
    assert spread.se == close(math.sqrt(100 / 99 * 100))
    lower, upper = interval(5.0, spread)
    assert upper - 5 == pytest.approx(5 - lower)
    assert (upper - 5) / spread.se == pytest.approx(1.984, abs=1e-3)  # t of 99 degrees of freedom


def test_a_skewed_error_has_a_skewed_interval() -> None:
    parts = np.random.Generator(np.random.PCG64(1)).lognormal(size=200)
    spread = spread_of(parts - parts.mean())
    lower, upper = interval(10.0, spread)
    assert upper - 10 > 1.3 * (10 - lower)
    assert interval(10.0, from_moments(0.0, 0.0, 0.0, 5)) == (10.0, 10.0)
    assert interval(0.1, spread, low=0.0)[0] == 0.0


# --- Refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measures([]), "0 values"),
        (lambda: measures([1.0, 2.0]), "2 values"),
        (lambda: measures([1.0, NAN, NAN]), "1 values"),
        (lambda: measures([1.0, 2, 3], [1.0, NAN, 1]), "row 2: the weight is nan"),
        (lambda: measures([1.0, 2, 3], [1.0, 1, math.inf]), "row 3: the weight is inf"),
        (lambda: measures([1.0, 2, 3], [-1.0, 1, 1]), "row 1: the weight is -1"),
        (lambda: measures([1.0, 2, 3], [0.0, 0, 0]), "sum to zero"),
        (lambda: measures([1.0, math.inf, 3]), "row 2: the value inf"),
        (lambda: measures([1.0, 2, 103], bounds=(0, 100)), "row 3: the value 103 is not from 0 to 100"),
        (lambda: measures([1.0, 2, 3], [1.0, 2]), "2 entries for 3"),
        (lambda: measures([[1.0, 2, 3]]), "2 dimensions"),
        (lambda: measures(["a", "b"]), "not a number"),
        (lambda: measures([1.0, 2, 3], groups=["a", "a"]), "2 entries for 3"),
        (lambda: measures([1.0, 2, 3], groups=["a", None, "a"]), "row 2: group is missing"),
        (lambda: measures([1.0, 2, 3, 4], groups=["a", "a", "a", "b"]), 'row 4: the group "b" has 1 values'),
        (lambda: measures([1.0, 2, 3], names=["ginni"]), 'Did you mean "gini"'),
        (lambda: measures([1.0, 2, 3], names=["offline"]), "needs a highest value"),
        (lambda: measures([1.0, 2, 3], zeros="keep"), "exclude or include"),
        (lambda: measures([1.0, 2, 3], engine="ibis"), "is for a table"),
        (lambda: measures([1.0, 2, 3], rank_by=[1, 2, math.inf]), "row 3: rank_by is infinite"),
        (lambda: decompose([1.0, NAN, 3], groups=["a", "b", "c"]), 'in the group "b"'),
        (lambda: decompose([1.0, 0, 3], groups=["a", "b", "c"]), 'no value above zero with a weight in the group "b"'),
        (lambda: decompose([1.0, 2], groups=["a", "b"], measure="hoover"), "can't be decomposed"),
        (lambda: decompose([1.0, 2], groups=["a", "b"], measure="ge"), "can't be decomposed"),
        (lambda: decompose_nested([1.0, 2], levels={"x": ["a", "b"]}, measure="gini"), "does not telescope"),
        (lambda: decompose_nested([1.0, 2], levels={}), "no levels"),
        (lambda: decompose_change(([1.0], None, ["a"]), ([1.0], None, ["b"])), "has the group a, b"),
        (lambda: group_measures([1.0, 2, 3], groups=["a", "b", "b"], compare=("a", "z")), '"z" is not one'),
        (lambda: concentration_indices([1.0, 2, 3], rank_by=[1, 2, 3], extended=(1,)), "above 1"),
        (lambda: esteban_ray([1.0, 2], a=2), "outside 0..1.6"),
        (lambda: duclos_esteban_ray([1.0, 2, 3], a=0.1), "outside 0.25..1"),
        (lambda: duclos_esteban_ray([1.0, 2, 3], bandwidth=0), "no density"),
        (lambda: bootstrap_measures([1.0, 2, 3], seed=1, draws=1), "1 draws"),
        (lambda: bootstrap_measures([1.0, 2, 3], seed=1, names=["gap"]), "not redrawn"),
        (lambda: bootstrap_measures([-1.0, 2, 3], seed=1), "below zero"),
        (lambda: bootstrap_change([1.0, NAN, 3], [1.0, 2, 3], seed=1), "2 rows have a value"),
    ],
)
def test_what_no_figure_can_be_made_of(call: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)


def test_what_the_values_do_not_allow() -> None:
    with pytest.raises(MethodError, match="all values are equal"):
        duclos_esteban_ray([2.0, 2.0, 2.0])
    with pytest.raises(MethodError, match="below zero"):
        decompose([-1.0, 2, 3], groups=["a", "a", "b"])
    with pytest.raises(MethodError, match="no influence function"):
        influence("gap", [1.0, 2, 3])
