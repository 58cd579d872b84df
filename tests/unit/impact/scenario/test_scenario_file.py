"""The scenario file: what is read, and every fault with its line and the nearest word."""

from __future__ import annotations

import hashlib

import pytest

import scenario_kit as kit
from concordat.errors import InputError
from concordat.impact.scenario import parse_scenario

SPEC = """\
schema: concordat/scenario@1
scenario: southern-cone-2002
title: A common rule among four members, with a first aid tranche
base: {panel: data/agtpa_panel_69.csv.gz, year: 2002, flows: observed, members: [ARG, BRA, CHL, URY]}
model: one_sector
closure: multiplicative
elasticity: {parameter: trade_elasticity}
shocks:
  - {kind: rta_switch, pairs: members, parameter: rta_effect_goods}
  - {kind: connectivity, country: URY, from: 52.0, to: 62.0, parameter: mobile_broadband_trade_cost}
transfers: [{from: BRA, to: URY, amount: 50, unit: USD_million, numeraire: world_gdp}]
sharing: {game: cost_cut_among_members, rules: [shapley, nucleolus, egalitarian_core], outsiders: stay_at_baseline}
outputs: [real_income_pct, real_income_usd, real_wage_pct, trade]
draws: 1000
seed: 20260101
allow_unverified: true
"""


def test_the_example_of_the_specification_is_read() -> None:
    found = parse_scenario(SPEC, where="cone.yaml")
    assert (found.id, found.base.year, found.members) == ("southern-cone-2002", 2002, ("ARG", "BRA", "CHL", "URY"))
    assert [s.kind for s in found.shocks] == ["rta_switch", "connectivity"]
    assert (found.shocks[1].start, found.shocks[1].end, found.shocks[1].country) == (52.0, 62.0, "URY")
    assert found.shocks[1].place == "cone.yaml, line 10"
    assert [(t.sender, t.receiver, t.amount) for t in found.transfers] == [("BRA", "URY", 50)]
    assert found.sharing is not None
    assert found.sharing.rules == ("shapley", "nucleolus", "egalitarian_core")
    assert (found.draws, found.seed, found.allow_unverified) == (1000, 20260101, True)
    assert found.sha256 == hashlib.sha256(SPEC.encode()).hexdigest()
    assert found.files_of() == ("data/agtpa_panel_69.csv.gz",)


def test_four_measures_are_told_whatever_outputs_lists() -> None:
    text = SPEC.replace("[real_income_pct, real_income_usd, real_wage_pct, trade]", "[real_income_pct]")
    assert parse_scenario(text).outputs == (
        "real_income_pct", "real_income_usd", "real_wage_pct", "tariff_revenue_usd",
    )  # fmt: skip


FAULTS = [
    ("schema: concordat/scenario@1\n", "", "does not say its schema", ""),
    ("pairs: members", "pairz: members", 'Did you mean "pairs"', "line 9"),
    ("closure: mult", "closur: mult", 'Did you mean "closure"', "line 6"),
    ("kind: rta_switch", "kind: rta_swich", 'Did you mean "rta_switch"', "line 9"),
    ("kind: rta_switch, ", "", "without a kind", "line 9"),
    ("year: 2002", "yaer: 2002", 'Did you mean "year"', "line 4"),
    ("members: [ARG, BRA,", "members: [ARG, ARX,", '"ARX"', "line 4"),
    ("members: [ARG, BRA,", "members: [ARG, ARG,", "stands twice", "line 4"),
    ("from: 52.0, ", "", '"shocks.1.from" is missing', "line 10"),
    ("to: URY, amount", "to: BRA, amount", "from BRA to itself", "line 11"),
    ("unit: USD_million", "unit: EUR", "USD_million", "line 11"),
    ("{parameter: trade_elasticity}", "{value: 4}", "needs a reason", "line 7"),
    ("{parameter: trade_elasticity}", '{value: 1.0e-9, reason: "x"}', "0.25", "line 7"),
    ("{parameter: trade_elasticity}", '{value: 101, reason: "x"}', "100", "line 7"),
    ("[shapley, nucleolus,", "[shaply, nucleolus,", 'Did you mean "shapley"?', "line 12"),
    ("to: 62.0", "to: 100.5", "100", "line 10"),
    ("from: 52.0", "from: -1", "0", "line 10"),
    ("{parameter: trade_elasticity}", "{}", "either parameter, or value", "line 7"),
    ("closure: multiplicative", "closure: fixed", "multiplicative", "line 6"),
    ("model: one_sector", "model: multi_sector", "base does not fit model", "line 4"),
    ("flows: observed", "flows: fitted", "needs fit", "line 4"),
    ("year: 2002", "year: 2002, drop: [[ARG, c1]]", "drop belongs to a table", "line 4"),
    ("pairs: members", "pairs: [[ARG, ARG]]", "two different economies", "line 9"),
    ("pairs: members", "pairs: members, importers: [ARG]", "either pairs, or exporters", "line 9"),
    ("seed: 20260101", "seed: -1", "seed", "line 15"),
    ("draws: 1000", "draws: 1000000", "draws", "line 14"),
    ("country: URY, ", "country: URY, sector: [], partner: all, ", 'Did you mean "partners"', "line 10"),
]


@pytest.mark.parametrize(("old", "new", "words", "place"), FAULTS)
def test_a_fault_is_told_with_its_line(old: str, new: str, words: str, place: str) -> None:
    assert old in SPEC
    with pytest.raises(InputError) as error:
        parse_scenario(SPEC.replace(old, new), where="cone.yaml")
    assert words in str(error.value)
    assert place in error.value.where


def test_a_scenario_in_which_nothing_happens_is_refused() -> None:
    text = "\n".join(line for line in SPEC.splitlines() if "kind:" not in line and line[:6] not in ("shocks", "transf"))
    with pytest.raises(InputError, match="nothing happens"):
        parse_scenario(text)


def test_members_may_be_those_of_a_bloc_on_a_day() -> None:
    text = SPEC.replace("[ARG, BRA, CHL, URY]", '{bloc: BRICS, as_of: "2023-07-01"}')
    found = parse_scenario(text)
    assert (found.bloc, found.members) == ("BRICS", ("BRA", "CHN", "IND", "RUS", "ZAF"))


def test_a_transfer_may_stand_among_the_shocks() -> None:
    text = SPEC.replace("transfers: [{from", "  - {kind: transfer, from").replace("world_gdp}]", "world_gdp}")
    found = parse_scenario(text)
    assert [(t.sender, t.receiver, t.amount) for t in found.transfers] == [("BRA", "URY", 50)]
    assert [s.kind for s in found.shocks] == ["rta_switch", "connectivity"]


def test_the_small_scenario_of_the_tests_names_its_files() -> None:
    assert parse_scenario(kit.SCENARIO).files_of() == ("trade.csv", "own.yaml")
