"""From shocks to factors T: the formulas written out by hand, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scenario_kit as kit
from concordat.errors import InputError, MethodError
from concordat.impact.monte_carlo import central
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import load_parameters
from concordat.impact.scenario import parse_scenario
from concordat.impact.shocks import Plan, plan

ECONOMIES = ("ARG", "BRA", "CHL", "URY")
BOOK = load_parameters().plus(parse_parameters(kit.OWN, where="own.yaml"))
LINE = "  - {kind: rta_switch, pairs: members, parameter: half}"


def planned(*shocks: str, more: str = "", members: str = "[ARG, BRA]") -> Plan:
    text = kit.SCENARIO.replace(LINE, "\n".join(f"  - {s}" for s in shocks)).replace("[ARG, BRA]", members) + more
    return plan(parse_scenario(text, where="s.yaml"), ECONOMIES, BOOK)


def factors(*shocks: str, theta: float = 4.0, more: str = "", members: str = "[ARG, BRA]") -> np.ndarray:
    made = planned(*shocks, more=more, members=members)
    values = central(made.parameters)
    values[made.theta.id] = np.array([theta])
    return made.factors(values)[0]


def at(found: np.ndarray, exporter: str, importer: str) -> float:
    return float(found[ECONOMIES.index(exporter), ECONOMIES.index(importer)])


def changed(found: np.ndarray) -> set[str]:
    return {f"{ECONOMIES[i]}>{ECONOMIES[j]}" for i, j in np.argwhere(found != 1)}


# --- Sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", [2.0, 4.0, 7.0])
def test_a_flow_effect_is_exp_b_whatever_theta(theta: float) -> None:
    found = factors("{kind: rta_switch, pairs: members, parameter: half}", theta=theta)
    assert changed(found) == {"ARG>BRA", "BRA>ARG"}
    assert at(found, "ARG", "BRA") == pytest.approx(math.exp(0.5), rel=1e-14)


@pytest.mark.parametrize("theta", [2.0, 4.0, 7.0])
def test_a_cost_change_is_raised_to_minus_theta_once(theta: float) -> None:
    found = factors("{kind: cost_change, pairs: members, parameter: tenth_cheaper}", theta=theta)
    assert at(found, "ARG", "BRA") == pytest.approx(0.9**-theta, rel=1e-13)


def test_ten_points_of_connectivity_cut_cost_by_two_percent() -> None:
    shock = "{kind: connectivity, country: URY, from: 52, to: 62, parameter: mobile_broadband_trade_cost}"
    found = factors(shock, more="allow_unverified: true\n")
    assert changed(found) == {"URY>ARG", "URY>BRA", "URY>CHL", "ARG>URY", "BRA>URY", "CHL>URY"}
    assert at(found, "URY", "ARG") == pytest.approx(0.98**-4, rel=1e-13)


def test_effects_compound_with_the_change_that_they_are_told_for() -> None:
    shock = "{kind: connectivity, country: URY, from: 50, to: 75, parameter: mobile_broadband_trade_cost}"
    assert at(factors(shock), "URY", "ARG") == pytest.approx((0.98**2.5) ** -4, rel=1e-13)


def test_a_fall_undoes_a_rise() -> None:
    rise = "{kind: connectivity, country: URY, from: 50, to: 75, parameter: mobile_broadband_trade_cost}"
    fall = rise.replace("from: 50, to: 75", "from: 75, to: 50")
    assert factors(rise) * factors(fall) == pytest.approx(np.ones((4, 4)), rel=1e-13)


def test_a_multiplier_multiplies_the_effect_in_logs() -> None:
    shock = "{kind: rta_switch, pairs: members, parameter: half, multiplier: digital_chapter_multiplier}"
    assert at(factors(shock), "ARG", "BRA") == pytest.approx(math.exp(1.0), rel=1e-13)


def test_a_bilateral_effect_told_in_percent_takes_the_relative_change() -> None:
    """10 % more connectivity is 2 % more trade, so 21 % more, 1.1 squared, is 1.02 squared."""
    shock = "{kind: connectivity, pairs: [[ARG, URY]], from: 50, to: 60.5, parameter: connectivity_trade_flow}"
    found = factors(shock)
    assert changed(found) == {"ARG>URY", "URY>ARG"}
    assert at(found, "ARG", "URY") == pytest.approx(1.02**2, rel=1e-9)


def test_an_index_moves_the_direction_that_its_record_says() -> None:
    found = factors("{kind: dstri_change, country: URY, from: 0.3, to: 0.2, parameter: dstri_own}")
    assert changed(found) == {"URY>ARG", "URY>BRA", "URY>CHL"}
    assert at(found, "URY", "CHL") == pytest.approx(math.exp(0.2), rel=1e-12)


def test_productivity_works_at_home_too() -> None:
    found = factors('{kind: productivity, country: URY, percent: 5, reason: "what if"}')
    assert changed(found) == {f"URY>{e}" for e in ECONOMIES}
    assert at(found, "URY", "URY") == pytest.approx(1.05**4, rel=1e-13)


def test_a_percentage_of_its_own_needs_a_reason() -> None:
    found = factors('{kind: cost_change, exporters: [URY], percent: -10, reason: "what if"}')
    assert changed(found) == {"URY>ARG", "URY>BRA", "URY>CHL"}
    assert at(found, "URY", "ARG") == pytest.approx(0.9**-4, rel=1e-13)
    with pytest.raises(InputError, match="percent without a reason"):
        planned("{kind: cost_change, exporters: [URY], percent: -10}")
    with pytest.raises(InputError, match="cost_change without a size"):
        planned("{kind: cost_change, exporters: [URY]}")


def test_an_elasticity_times_the_percentage_that_drives_it() -> None:
    """Cost falls with elasticity 0.5 of a driver that falls by 10 %: 0.9^0.5 of the cost."""
    found = factors("{kind: cost_change, pairs: [[ARG, BRA]], percent: -10, parameter: driven}")
    assert changed(found) == {"ARG>BRA"}
    assert at(found, "ARG", "BRA") == pytest.approx((0.9**0.5) ** -4, rel=1e-13)


def test_shocks_on_one_pair_multiply() -> None:
    found = factors(
        "{kind: rta_switch, pairs: members, parameter: half}",
        "{kind: cost_change, pairs: [[ARG, BRA]], parameter: tenth_cheaper}",
    )
    assert at(found, "ARG", "BRA") == pytest.approx(math.exp(0.5) * 0.9**-4, rel=1e-13)
    assert at(found, "BRA", "ARG") == pytest.approx(math.exp(0.5), rel=1e-13)


# --- For whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("pairs: members", {"ARG>BRA", "BRA>ARG"}),
        ("pairs: [[ARG, CHL]]", {"ARG>CHL", "CHL>ARG"}),
        ("pairs: [[ARG, CHL]], both_ways: false", {"ARG>CHL"}),
        ("exporters: [CHL], importers: members", {"CHL>ARG", "CHL>BRA", "ARG>CHL", "BRA>CHL"}),
        ("exporters: [CHL], importers: members, both_ways: false", {"CHL>ARG", "CHL>BRA"}),
        ("importers: [CHL], both_ways: false", {"ARG>CHL", "BRA>CHL", "URY>CHL"}),
    ],
)
def test_pairs_are_exporter_first_and_never_home(words: str, wanted: set[str]) -> None:
    assert changed(factors(f"{{kind: rta_switch, {words}, parameter: half}}")) == wanted


def test_a_cost_change_goes_one_way_unless_it_says_both() -> None:
    one = "{kind: cost_change, pairs: [[ARG, CHL]], parameter: tenth_cheaper}"
    assert changed(factors(one)) == {"ARG>CHL"}
    assert changed(factors(one.replace("]],", "]], both_ways: true,"))) == {"ARG>CHL", "CHL>ARG"}


def test_partners_narrow_a_shock_of_a_country() -> None:
    shock = (
        "{kind: connectivity, country: URY, from: 50, to: 60, partners: [ARG], parameter: mobile_broadband_trade_cost}"
    )
    assert changed(factors(shock)) == {"URY>ARG", "ARG>URY"}


def test_all_ordered_pairs_of_n_members() -> None:
    made = planned("{kind: rta_switch, pairs: members, parameter: half}", members="[ARG, BRA, CHL, URY]")
    assert made.effects[0].pairs == 12


def test_transfers_add_up_to_zero() -> None:
    row = "  - {from: BRA, to: %s, amount: %d, unit: USD_million}\n"
    more = "transfers:\n" + row % ("URY", 50) + row % ("ARG", 5)
    assert planned(LINE[4:], more=more).transfers == {"ARG": 5, "BRA": -55, "URY": 50}


def test_a_member_without_trade_data_is_refused_or_reported() -> None:
    with pytest.raises(InputError, match="missing_members: report") as error:
        planned(LINE[4:], members="[ARG, BRA, PER]")
    assert '"PER"' in str(error.value)
    made = planned(LINE[4:], members="[ARG, BRA, PER]", more="missing_members: report\n")
    assert (made.members, made.missing) == (("ARG", "BRA"), ("PER",))
    assert made.effects[0].pairs == 2


# --- Refused ----------------------------------------------------------------------------------------------------------

REFUSED = [
    ("{kind: tariff, pairs: members, to: 10}", MethodError, "no_tariff", "multi_sector"),
    ("{kind: demand, country: ARG, sector: c30, amount: 5}", MethodError, "no_demand", "transfer"),
    ("{kind: rta_switch, pairs: members, parameter: half, sector: c1}", MethodError, "sector", "multi_sector"),
    ("{kind: investment, country: URY, scope: coverage, budget: 9}", MethodError, "no_target", "connectivity shock"),
    (
        "{kind: dstri_change, country: URY, from: 0.3, to: 0.2, parameter: dstri_effect}",
        MethodError,
        "no_value",
        "record of your own",
    ),
    ("{kind: rta_switch, pairs: members, parameter: data_flow_regimes}", MethodError, "quoted_only", "quote:"),
    (
        "{kind: rta_switch, pairs: members, parameter: fixed_broadband_gdp}",
        MethodError,
        "quantity",
        "choose a parameter",
    ),
    ("{kind: rta_switch, pairs: members, parameter: trade_elasticity}", MethodError, "unverified", "allow_unverified"),
    ("{kind: rta_switch, pairs: members, parameter: dstri_own}", MethodError, "scope", "pairs:"),
    (
        "{kind: connectivity, country: URY, from: 1, to: 2, parameter: connectivity_trade_flow}",
        MethodError,
        "scope",
        "pairs:",
    ),
    ("{kind: connectivity, pairs: members, from: 1, to: 2, parameter: half}", MethodError, "per", "per: {change"),
    ("{kind: cost_change, pairs: members, parameter: driven}", MethodError, "percent", "goes alone"),
    ("{kind: rta_switch, pairs: members, parameter: half, multiplier: half}", MethodError, "quantity", "multiplies"),
    ("{kind: rta_switch, pairs: members, parameter: halff}", InputError, "unknown_parameter", '"half"'),
    ("{kind: rta_switch, pairs: [[ARG, URX]], parameter: half}", InputError, "economy", '"URY"'),
    ("{kind: rta_switch, pairs: [[ARG, BRA], [BRA, ARG]], parameter: half}", InputError, "pairs", "both_ways: false"),
    ("{kind: rta_switch, exporters: [ARG], importers: [ARG], parameter: half}", InputError, "pairs", "two of them"),
    (
        "{kind: connectivity, pairs: members, from: 0, to: 2, parameter: connectivity_trade_flow}",
        MethodError,
        "per",
        "above 0",
    ),
]


@pytest.mark.parametrize(("shock", "kind", "code", "hint"), REFUSED)
def test_what_can_not_be_is_refused_by_name_with_what_to_use(
    shock: str, kind: type[Exception], code: str, hint: str
) -> None:
    with pytest.raises(kind) as error:
        planned(shock)
    assert error.value.code == code  # type: ignore[attr-defined]
    assert hint.casefold() in str(error.value).casefold()
    assert "line" in error.value.where  # type: ignore[attr-defined]


def test_the_same_parameter_twice_on_one_pair_is_refused() -> None:
    with pytest.raises(InputError, match="half works on BRA to ARG already") as error:
        planned(LINE[4:], "{kind: rta_switch, pairs: [[BRA, ARG]], both_ways: false, parameter: half}")
    assert error.value.code == "double_counting"
    assert "s.yaml, line 8" in str(error.value)
    assert error.value.where == "s.yaml, line 9"


@pytest.mark.parametrize("percent", [-10, -5])
def test_a_stated_change_twice_for_one_reason_is_refused(percent: int) -> None:
    one = '{kind: cost_change, pairs: [[ARG, BRA]], percent: -10, reason: "one window"}'
    two = one.replace("-10", str(percent)).replace("one window", "One  window")
    with pytest.raises(InputError, match="for the same reason works on ARG to BRA already") as error:
        planned(one, two)
    assert error.value.code == "double_counting"
    assert (error.value.where, "s.yaml, line 8" in str(error.value)) == ("s.yaml, line 9", True)
    assert len(planned(one, two.replace("One  window", "faster ports")).effects) == 2
    assert len(planned(one, two.replace("ARG, BRA", "BRA, ARG")).effects) == 2


@pytest.mark.parametrize("kind", ["cost_change, pairs: members", "productivity, country: ARG"])
@pytest.mark.parametrize("percent", ["", "percent: -10, "])
def test_theta_is_no_size_of_a_shock(kind: str, percent: str) -> None:
    with pytest.raises(MethodError, match="theta_own has quantity trade_elasticity") as error:
        planned(f"{{kind: {kind}, {percent}parameter: theta_own}}")
    assert (error.value.code, error.value.where) == ("quantity", "own.yaml, line 28")
    for words in ("used in s.yaml, line 8", "applied twice", "under elasticity:"):
        assert words in str(error.value)


def test_a_coefficient_of_a_logarithm_is_no_elasticity_of_cost() -> None:
    with pytest.raises(MethodError, match="distance_own has quantity flow_elasticity"):
        planned("{kind: cost_change, pairs: members, percent: -10, parameter: distance_own}")


@pytest.mark.parametrize("name", ["driven", "distance_own", "half"])
def test_what_is_no_trade_elasticity_is_not_theta(name: str) -> None:
    text = kit.SCENARIO.replace('{value: 4, reason: "as in the golden case"}', f"{{parameter: {name}}}")
    with pytest.raises(MethodError, match="no trade elasticity") as error:
        plan(parse_scenario(text, where="s.yaml"), ECONOMIES, BOOK)
    assert "quantity: trade_elasticity" in str(error.value)
    assert error.value.where.startswith("own.yaml, line")


@pytest.mark.parametrize(("start", "end", "far"), [(50, 80, False), (80, 50, False), (50, 80.5, True), (99, 1, True)])
def test_a_step_of_more_than_three_times_the_measured_one_is_an_extrapolation(
    start: float, end: float, far: bool
) -> None:
    shock = f"{{kind: connectivity, country: URY, from: {start}, to: {end}, parameter: mobile_broadband_trade_cost}}"
    said = planned(shock).effects[0].extrapolation
    assert said.startswith("Extrapolation: connectivity URY") is far
    assert ("10 percentage points" in said) is far


TOO_LARGE = [
    ("half", "{kind: rta_switch, pairs: members, parameter: half}"),
    ("tenth_cheaper", "{kind: cost_change, pairs: members, parameter: tenth_cheaper}"),
    ("driven", "{kind: cost_change, pairs: members, percent: -10, parameter: driven}"),
    ("dstri_own", "{kind: dstri_change, country: ARG, from: 1, to: 0, parameter: dstri_own}"),
    (
        "digital_chapter_multiplier",
        "{kind: rta_switch, pairs: members, parameter: half, multiplier: digital_chapter_multiplier}",
    ),
]


@pytest.mark.parametrize(("name", "shock"), TOO_LARGE)
@pytest.mark.parametrize("value", [1e6, -1e6, 1e308, math.inf, math.nan])
def test_what_is_too_large_to_be_computed_is_refused_by_its_record(name: str, shock: str, value: float) -> None:
    made = planned(shock)
    values = {**central(made.parameters), name: np.array([value])}
    with pytest.raises(MethodError) as error:
        made.factors(values)
    assert name in str(error.value)
    assert "s.yaml, line 8" in str(error.value)
    assert error.value.where == BOOK[name].place


def test_a_factor_that_overflows_is_refused_though_its_value_is_small() -> None:
    """-20 for each tenth of the index, ten times: T = exp(200)."""
    made = planned("{kind: dstri_change, country: ARG, from: 1, to: 0, parameter: dstri_own}")
    with pytest.raises(MethodError, match=r"dstri_own .* beyond any data") as error:
        made.factors({**central(made.parameters), "dstri_own": np.array([-20.0])})
    assert error.value.where == BOOK["dstri_own"].place


def test_shocks_that_overflow_together_are_refused() -> None:
    row = '{kind: cost_change, pairs: [[ARG, BRA]], percent: -90, reason: "case %d"}'  # T = 10^10 each, theta 10
    made = planned(*(row % n for n in range(40)))
    with pytest.raises(MethodError, match="multiplied, are beyond"):
        made.factors({made.theta.id: np.array([10.0])})


def test_two_countries_that_connect_share_a_pair_and_must_say_whose_it_is() -> None:
    one = "{kind: connectivity, country: URY, from: 50, to: 60, parameter: mobile_broadband_trade_cost}"
    two = one.replace("URY", "ARG")
    with pytest.raises(InputError, match="count twice"):
        planned(one, two)
    assert planned(one, two.replace("from", "partners: [BRA, CHL], from")).effects[1].pairs == 4


def test_a_parameter_of_services_is_refused_on_a_base_of_goods() -> None:
    book = BOOK["dstri_own"]
    assert book.covers == ()
    own = kit.OWN.replace("    scope: country\n", "    scope: country\n    covers: [services]\n")
    text = kit.SCENARIO.replace(
        LINE, "  - {kind: dstri_change, country: BRA, from: 0.3, to: 0.2, parameter: dstri_own}"
    )
    text = text.replace("year: 2006,", "year: 2006, covers: [goods],")
    with pytest.raises(MethodError, match="was found for services, and the base covers goods"):
        plan(parse_scenario(text), ECONOMIES, load_parameters().plus(parse_parameters(own)))


def test_a_draw_in_which_a_cost_falls_below_zero_is_refused() -> None:
    made = planned("{kind: cost_change, pairs: members, parameter: tenth_cheaper}")
    draws = {made.theta.id: np.array([4.0]), "tenth_cheaper": np.array([-1.2])}
    with pytest.raises(MethodError, match="below zero"):
        made.factors(draws)
