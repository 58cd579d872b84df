"""Runs against the golden cases of the specification (section 2.7), and everything that stands beside real income."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest

import scenario_kit as kit
from concordat import canonical
from concordat.errors import InputError, MethodError, TrustError
from concordat.impact.checked import checked
from concordat.impact.compare import compare
from concordat.impact.results import ScenarioResult
from concordat.impact.run import run
from concordat.impact.scenario import parse_scenario

SHOCK = "shocks:\n  - {kind: rta_switch, pairs: members, parameter: half}\n"
# Section 2.7: real income W = E'/(E P), to 12 digits.
MULTIPLICATIVE = (1.010290876252, 1.024930140849, 0.997226658298)
ADDITIVE = (1.010380705686, 1.025048410469, 0.996639962660)
TRANSFER = (0.993326242494, 1.000219770583, 1.026900146962)


def ran(old: str = "", new: str = "", more: str = "", **files: bytes) -> ScenarioResult:
    text = kit.SCENARIO.replace(old, new) if old else kit.SCENARIO
    return run(parse_scenario(text + more, where="s.yaml"), kit.files(**files))


def drawn(draws: int = 250, more: str = "") -> ScenarioResult:
    return ran("draws: 0", f"draws: {draws}", more)


def income(found: ScenarioResult) -> np.ndarray:
    return 1 + found.central["real_income_pct"] / 100


# --- Golden -----------------------------------------------------------------------------------------------------------


def test_real_income_is_that_of_the_golden_case() -> None:
    assert income(ran()) == pytest.approx(MULTIPLICATIVE, abs=2e-12)


def test_under_the_additive_closure_too() -> None:
    assert income(ran(more="closure: additive\n")) == pytest.approx(ADDITIVE, abs=2e-12)


def test_a_transfer_alone_is_that_of_the_golden_case() -> None:
    given = "closure: additive\ntransfers: [{from: ARG, to: CHL, amount: 5, unit: USD_million}]\n"
    found = ran(SHOCK, given)
    assert income(found) == pytest.approx(TRANSFER, abs=2e-12)
    spent = np.array([820.0, 380, 200])
    worth = [(TRANSFER[0] - 1) * spent[0], (TRANSFER[2] - 1) * spent[2]]
    assert [(t.economy, t.amount) for t in found.transfers] == [("ARG", -5), ("CHL", 5)]
    assert [t.worth for t in found.transfers] == pytest.approx(worth, abs=1e-8)
    assert [t.secondary for t in found.transfers] == pytest.approx([worth[0] + 5, worth[1] - 5], abs=1e-8)


@pytest.mark.parametrize("numeraire", ["world_gdp", "price:CHL", "wage:BRA"])
def test_the_numeraire_changes_nothing_real(numeraire: str) -> None:
    found = ran(more=f"numeraire: {numeraire}\noutputs: [trade]\n")
    plain = ran(more="outputs: [trade]\n")
    assert income(found) == pytest.approx(MULTIPLICATIVE, abs=2e-12)
    assert found.central["exports_pct"] == pytest.approx(plain.central["exports_pct"], rel=1e-10)


def test_money_is_the_equivalent_variation_and_sums_are_weighted() -> None:
    found = ran()
    spent = np.array([820.0, 380, 200])
    money = (np.array(MULTIPLICATIVE) - 1) * spent
    assert found.central["real_income_usd"] == pytest.approx(money, abs=1e-8)
    bloc = found.bloc()
    assert bloc["total_usd"][0] == pytest.approx(money[:2].sum(), abs=1e-8)
    assert bloc["weighted_pct"][0] == pytest.approx(100 * money[:2].sum() / spent[:2].sum(), abs=1e-9)
    assert bloc["unweighted_pct"][0] == pytest.approx(50 * (MULTIPLICATIVE[0] + MULTIPLICATIVE[1] - 2), abs=1e-9)
    out = found.outsiders()
    assert out is not None
    assert (out.count, out.losing, out.worst) == (1, 1, "CHL")
    assert (out.worst_pct, out.net) == pytest.approx((100 * (MULTIPLICATIVE[2] - 1), money[2]), abs=1e-8)


def test_a_bloc_of_all_has_no_outsiders() -> None:
    assert ran("[ARG, BRA]", "[ARG, BRA, CHL]").outsiders() is None


# --- Draws ------------------------------------------------------------------------------------------------------------


def test_every_draw_is_the_equilibrium_of_its_own_parameters() -> None:
    """Second method: the single solver on three draws, with T written out."""
    from concordat.impact.equilibrium import solve
    from concordat.impact.trade_readers import parse_trade_csv

    found = drawn()
    table = parse_trade_csv(kit.panel(), year=2006)
    for k in (0, 100, 249):
        shock = np.ones((3, 3))
        shock[0, 1] = shock[1, 0] = math.exp(found.parameter_draws["half"][k])
        alone = solve(table, shock=shock, theta=4.0)
        assert found.draws["real_income_pct"][k] == pytest.approx(100 * (alone.real_income - 1), abs=1e-8)
        assert found.draws["real_wage_pct"][k] == pytest.approx(100 * (alone.wage / alone.price - 1), abs=1e-8)


def test_trade_of_every_draw_is_that_of_its_flows() -> None:
    from concordat.impact.equilibrium import solve
    from concordat.impact.trade_readers import parse_trade_csv

    found = drawn(more="outputs: [trade]\n")
    table = parse_trade_csv(kit.panel(), year=2006)
    shock = np.ones((3, 3))
    shock[0, 1] = shock[1, 0] = math.exp(found.parameter_draws["half"][7])
    flows, base = solve(table, shock=shock, theta=4.0).flows, table.flows
    exports = [(flows[i].sum() - flows[i, i]) / (base[i].sum() - base[i, i]) - 1 for i in range(3)]
    assert found.draws["exports_pct"][7] == pytest.approx(100 * np.array(exports), abs=1e-7)
    assert found.bloc_trade is not None
    among = (flows[0, 1] + flows[1, 0]) / (base[0, 1] + base[1, 0]) - 1
    assert found.bloc_trade[1][7] == pytest.approx(100 * among, abs=1e-7)


def test_the_same_file_gives_the_same_bytes() -> None:
    first, second = (canonical.dumps(drawn().to_value(), floats=True) for _ in range(2))
    assert first == second


def test_below_200_draws_no_band_is_told() -> None:
    few = drawn(199)
    assert not few.band
    assert any("no band" in note for note in few.notes)
    assert "quantiles" not in few.to_value()["economies"][0]["real_income_pct"]
    assert few.headline("real_income_pct", "ARG") == few.central["real_income_pct"][0]
    out = few.outsiders()
    assert out is not None
    assert out.worst_pct == pytest.approx(100 * (MULTIPLICATIVE[2] - 1), abs=1e-8)


def test_a_band_lies_around_its_median() -> None:
    _, found = drawn().of("real_income_pct", "BRA")
    assert found is not None
    assert list(found.values) == sorted(found.values)
    assert found.gaining == 1.0
    assert min(found.errors) > 0


def test_failed_draws_stop_the_run_or_are_dropped_and_counted() -> None:
    """A surplus of 600 of 602: beyond b = 0.54 nothing is left of ARG's income under the additive closure."""
    flows = ((2.0, 300.0, 300.0), (1.0, 300, 30), (1.0, 20, 130))
    text = kit.SCENARIO.replace("draws: 0", "draws: 12").replace("pairs: members", "pairs: [[BRA, CHL]]")
    text += "closure: additive\n"
    files = {kit.PANEL: kit.panel(flows), "own.yaml": kit.OWN.replace("value: 0.5", "value: 0.45", 1).encode()}
    with pytest.raises(MethodError):
        run(parse_scenario(text), files)
    found = run(parse_scenario(text + "on_failure: drop\n"), files)
    gone = found.certificate.dropped
    assert 4 in gone
    assert found.count == len(found.parameter_draws["half"]) == 12 - len(gone)
    assert found.parameter_draws["half"].max() < 0.55
    assert f"{len(gone)} draws failed and were dropped" in found.certificate.line()


# --- What stands beside -----------------------------------------------------------------------------------------------


def test_what_is_told_together_is_there_in_every_result() -> None:
    document = ran(more="outputs: [real_income_pct]\n").to_value()
    economy = document["economies"][0]
    assert {"real_income_pct", "real_income_usd", "real_wage_pct"} <= set(economy)
    assert document["tariff_revenue"] == {"value": None, "reason": "none in a one-sector model"}
    assert {"weighted_pct", "unweighted_pct", "total_usd"} <= set(document["bloc"])
    assert document["outsiders"]["losing"] == 1
    assert document["notes"][0].startswith("The base is trade in 2006, not of today")
    assert any(line.startswith("Not in the bands") for line in document["limits"])


def test_the_document_is_canonical_and_names_its_files() -> None:
    found = drawn()
    document = found.to_value()
    assert canonical.loads(canonical.dumps(document, floats=True), floats=True) == document
    assert json.loads(json.dumps(document)) == document
    hashes = document["certificate"]["central"]["hashes"]
    assert hashes["data"] == hashlib.sha256(kit.panel()).hexdigest()
    assert hashes["scenario"] == found.scenario.sha256
    assert hashlib.sha256(kit.OWN.encode()).hexdigest() in hashes["parameters"]
    assert hashes["sources"] == ["golden", "this-scenario"]


def test_the_certificate_is_checked_against_the_result() -> None:
    found = drawn()
    assert found.certificate.residual_max < 1e-10
    assert found.certificate.worst is not None
    assert found.certificate.worst.residual_max < 1e-10
    assert found.certificate.acr_gap is not None
    assert found.certificate.acr_gap < 1e-12
    assert "5 starts agree" in found.certificate.line()


def test_an_unverified_parameter_stamps_every_output() -> None:
    text = kit.SCENARIO.replace('{value: 4, reason: "as in the golden case"}', "{parameter: trade_elasticity}")
    with pytest.raises(MethodError, match="trade_elasticity is unverified"):
        run(parse_scenario(text), kit.files())
    found = run(parse_scenario(text + "allow_unverified: true\n"), kit.files())
    assert found.stamp == "UNVERIFIED"
    assert found.to_value()["stamp"] == "UNVERIFIED"
    assert {row[-1] for row in found.long_rows()} == {"UNVERIFIED"}
    assert {row[-1] for row in found.summary_rows()} == {"UNVERIFIED"}
    assert found.grades == ("D", "U")


def test_what_the_scenario_states_itself_is_of_grade_d() -> None:
    found = ran(
        SHOCK, SHOCK.replace("rta_switch", "cost_change").replace("parameter: half", 'percent: -5, reason: "x"')
    )
    assert found.grades == ("D",)
    assert found.stated == ("cost_change -5 % (x)",)
    assert found.stamp == ""


def test_the_long_table_has_every_draw_economy_and_measure() -> None:
    found = drawn(210)
    rows = list(found.long_rows())
    assert len(rows) == 3 * 3 * 211
    assert {row[1] for row in rows} == {str(k) for k in range(211)}
    centre = next(r for r in rows if r[1] == "0" and r[2] == "ARG" and r[3] == "real_income_pct")
    assert float(centre[5]) == pytest.approx(100 * (MULTIPLICATIVE[0] - 1), rel=1e-8)
    assert centre[4] == "percent"


def test_bytes_that_are_not_those_of_the_scenario_stop_it() -> None:
    digest = hashlib.sha256(kit.panel()).hexdigest()
    assert income(ran("year: 2006", f"sha256: {digest}, year: 2006")) == pytest.approx(MULTIPLICATIVE, abs=2e-12)
    with pytest.raises(TrustError, match="Get the file that was meant"):
        ran("year: 2006", f"sha256: {'a' * 64}, year: 2006")


def test_a_file_that_was_not_handed_in_is_named() -> None:
    with pytest.raises(InputError, match=r"own\.yaml was not given"):
        run(parse_scenario(kit.SCENARIO), {kit.PANEL: kit.panel()})


def test_pairs_with_an_agreement_in_the_base_are_named() -> None:
    none = ran(**{kit.PANEL: kit.panel(extra="rta")})
    assert not any("agreement" in note for note in none.notes)
    lines = kit.panel(extra="rta").decode().replace("ARG,BRA,2006,60,0", "ARG,BRA,2006,60,1")
    one = ran(**{kit.PANEL: lines.encode()})
    assert any(note.startswith("1 of 2 pairs have an agreement in the base already") for note in one.notes)
    assert any("does not say between whom" in note for note in ran().notes)


def test_an_investment_stands_beside_and_changes_nothing() -> None:
    connect = "{kind: connectivity, country: BRA, from: 50, to: 60, parameter: mobile_broadband_trade_cost}"
    plain = ran(SHOCK, f"shocks:\n  - {connect}\n")
    spent = ran(SHOCK, f"shocks:\n  - {connect}\n  - {{kind: investment, country: BRA, scope: coverage, budget: 40}}\n")
    assert (income(plain) == income(spent)).all()
    assert spent.investments[0].startswith("BRA: USD 40 million on coverage, beside the gain")
    assert plain.limits[-1] == "Associational, no causal effect was identified: mobile_broadband_trade_cost."


def test_figures_of_a_published_scenario_are_quoted_and_not_computed_with() -> None:
    found = ran(more="quote: [data_flow_regimes]\n")
    assert income(found) == pytest.approx(MULTIPLICATIVE, abs=2e-12)
    assert found.quoted[0].id == "data_flow_regimes"
    assert "data_flow_regimes" not in [p.id for p in found.parameters]
    with pytest.raises(InputError, match="computed with, not quoted"):
        ran(more="quote: [half]\n")


def test_fitted_flows_keep_the_margins_and_their_parameters_are_counted() -> None:
    lines = [line + (",distkm" if k == 0 else ",500" if line else "") for k, line in enumerate(
        kit.panel().decode().split("\n"))]  # fmt: skip
    panel = "\n".join(lines).encode()
    fit = (
        "flows: fitted, fit: [{column: border, parameter: half}, {column: distkm, parameter: distance_own, log: true}],"
    )
    found = ran("year: 2006,", f"year: 2006, {fit}", **{kit.PANEL: panel})
    assert {"half", "distance_own"} <= {p.id for p in found.parameters}
    assert found.expenditure == pytest.approx([820, 380, 200], rel=1e-9)
    assert any("central coefficients" in line for line in found.limits)
    with pytest.raises(MethodError, match="distkm needs flow_effect_log"):
        ran("year: 2006,", f"year: 2006, {fit.replace(', log: true', '')}", **{kit.PANEL: panel})


# --- Checked and compared ---------------------------------------------------------------------------------------------


def test_a_check_tells_pairs_and_sizes_and_solves_nothing() -> None:
    found = checked(parse_scenario(kit.SCENARIO), kit.files())
    assert [(s.kind, s.pairs, s.parameter) for s in found.shocks] == [
        ("elasticity", 0, "elasticity_of_this_scenario"),
        ("rta_switch", 2, "half"),
    ]
    assert (found.economies, found.members, found.grades, found.unverified) == (3, ("ARG", "BRA"), ("D",), False)
    json.dumps(found.to_value())


def test_two_scenarios_are_compared_draw_by_draw() -> None:
    first = drawn()
    text = kit.SCENARIO.replace("draws: 0", "draws: 250").replace("scenario: small", "scenario: more")
    more = "  - {kind: cost_change, pairs: [[ARG, BRA]], parameter: tenth_cheaper}\n"
    second = run(parse_scenario(text.replace(SHOCK, SHOCK + more)), kit.files())
    found = compare(first, second)
    row = next(r for r in found.rows if r.economy == "BRA" and r.measure == "real_income_pct")
    wanted = second.draws["real_income_pct"][:, 1] - first.draws["real_income_pct"][:, 1]
    assert row.draws is not None
    assert row.draws.median == pytest.approx(float(np.median(wanted)))
    assert found.shared == ("elasticity_of_this_scenario", "half")
    assert found.own == ("tenth_cheaper",)
    json.dumps(found.to_value())


@pytest.mark.parametrize(
    ("old", "new", "word"), [("seed: 1", "seed: 2", "seed"), ("draws: 0", "draws: 5", "number of draws")]
)
def test_draws_that_are_not_common_are_not_compared(old: str, new: str, word: str) -> None:
    with pytest.raises(MethodError, match=f"another {word}"):
        compare(ran(), ran(old, new))
