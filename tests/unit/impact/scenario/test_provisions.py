"""The map from provisions to shocks, and what is said of rules that have no size."""

from __future__ import annotations

import json
from datetime import date

import pytest

from concordat.errors import InputError
from concordat.impact.parameters import load_parameters
from concordat.impact.provision_map import load_map, parse_map
from concordat.impact.provisions import provision_effects
from concordat.rulebook.binds import Binds, BindsRow, Uncoded
from concordat.rulebook.taxonomy import load_taxonomy

DAY = date(2026, 1, 1)
TYPES = {"cptpp": "trade_agreement_chapter", "depa": "digital_agreement", "wto-tfa": "trade_agreement_chapter"}
HARD = ("EC-DUTY", "EC-NDDP", "EC-AUTH", "DF-FLOW", "DF-LOCA")


def row(code: str, depth: int = 2, instrument: str = "cptpp", since: str = "2018-12-30", note: str = "") -> BindsRow:
    first = date.fromisoformat(since)
    return BindsRow(
        code, depth, depth, depth, {}, instrument, f"{instrument}/1", "...", None, since, first, "both", 0.9,
        "verified", "", "human", "auto", 11, note,
    )  # fmt: skip


def bound(*rows: BindsRow, uncoded: tuple[Uncoded, ...] = (), a: str = "AUS", b: str = "JPN") -> Binds:
    return Binds(a, b, DAY, "", rows, {}, {}, (), (), uncoded, ())


def uncoded(instrument: str, since: str = "2018-12-30", note: str = "") -> Uncoded:
    return Uncoded(instrument, ("EC",), "binding", since, "verified", "both", "text not loaded", note)


# --- The map ----------------------------------------------------------------------------------------------------------

# Section 5 of the specification, "From rulebook provisions to shocks".
LINES = [
    ("TE-INFR", "investment", "connectivity", ""),
    ("DF-FLOW", "none", "", "data_flow_regimes"),
    ("DF-LOCA", "none", "", "data_flow_regimes"),
    ("EC-DUTY", "tariff", "", ""),
    ("DI-CAPA", "transfer", "", ""),
    ("DI-SDTR", "transfer", "", ""),
]


def test_the_map_is_that_of_the_specification() -> None:
    found = load_map()
    assert [(c, x.shock, x.then, x.quote) for c, x in sorted(found.lines.items())] == sorted(LINES)
    assert (found.agreement_shock, found.agreement_parameter) == ("rta_switch", "rta_effect_goods")
    assert (found.threshold, found.chapter_depth, found.chapter_codes) == (5, 2, ("EC", "DF"))
    assert found.multiplier == "digital_chapter_multiplier"
    assert load_parameters()[found.multiplier].grade == "D"
    assert "threshold is ours" in found.chapter_note


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("code: DF-FLOW", "code: DF-FLOWS", "DF-FLOW"),
        ("code: DF-LOCA", "code: DF-FLOW", "stands twice"),
        ("parameter: rta_effect_goods", "parameter: rta_effect_good", "rta_effect_goods"),
        ("quote: data_flow_regimes", "quote: data_flow_regime", "data_flow_regimes"),
        ("needs: an amount", "need: an amount", '"needs"'),
    ],
)
def test_a_faulty_map_is_refused(old: str, new: str, words: str) -> None:
    from concordat.impact.parameters import DATA

    text = (DATA / "provision_shocks.yaml").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=words):
        parse_map(text.replace(old, new, 1))


# --- Provisions -------------------------------------------------------------------------------------------------------


def test_every_code_of_the_taxonomy_gets_an_answer_and_none_is_a_zero() -> None:
    codes = [c for c, p in load_taxonomy().provisions.items() if not p.structural]
    found = provision_effects([bound(*(row(c) for c in codes))], TYPES)
    assert found.counts["provisions"] == len(codes)
    assert found.counts["quantified"] == 0
    assert found.counts["quoted"] == 2
    assert found.counts["without"] == len(codes) - 2
    assert {p.status for p in found.provisions} == {"quoted", "no quantified effect"}
    assert all(p.amount is None and not p.parameter for p in found.provisions)
    assert all(p.why for p in found.provisions)


def test_the_counts_are_told_in_words_with_the_threshold() -> None:
    found = provision_effects([bound(row("DF-FLOW"), row("AI-RISK", 1))], TYPES)
    assert found.notes[0] == (
        "Of 2 provisions in force (by pair and code), 0 are quantified, 1 are quoted with figures of the world, 1 have "
        "no quantified effect."
    )
    assert found.notes[1].startswith("A digital chapter is 5 or more codes of EC and DF at depth 2 between a pair.")


def test_a_soft_rule_on_data_flows_quotes_nothing() -> None:
    found = provision_effects([bound(row("DF-FLOW", 1))], TYPES).provisions[0]
    assert (found.status, found.quote) == ("no quantified effect", "")
    assert found.why.startswith("soft here")


def test_an_amount_makes_assistance_a_transfer() -> None:
    without = provision_effects([bound(row("DI-CAPA", 1))], TYPES).provisions[0]
    assert (without.status, without.why.split(".")[0]) == ("no quantified effect", "needs an amount")
    found = provision_effects([bound(row("DI-CAPA", 1))], TYPES, amounts={("cptpp", "DI-CAPA"): 25.0})
    assert (found.provisions[0].status, found.provisions[0].shock) == ("quantified", "transfer")
    assert found.provisions[0].amount == 25
    assert found.counts["quantified"] == 1


def test_tariffs_by_sector_make_a_moratorium_a_tariff() -> None:
    assert provision_effects([bound(row("EC-DUTY"))], TYPES).counts["quantified"] == 0
    found = provision_effects([bound(row("EC-DUTY"))], TYPES, sector_tariffs=True).provisions[0]
    assert (found.status, found.shock, found.amount) == ("quantified", "tariff", None)


def test_infrastructure_needs_money_and_a_target() -> None:
    amounts = {("cptpp", "TE-INFR"): 90.0}
    funded = provision_effects([bound(row("TE-INFR"))], TYPES, amounts=amounts).provisions[0]
    assert funded.status == "no quantified effect"
    assert funded.why.startswith("needs a funded amount and a target penetration")
    targets = {("cptpp", "TE-INFR"): (52.0, 62.0)}
    found = provision_effects([bound(row("TE-INFR"))], TYPES, amounts=amounts, targets=targets).provisions[0]
    assert (found.shock, found.parameter) == ("investment then connectivity", "mobile_broadband_trade_cost")


def test_a_provision_counts_once_a_pair_with_its_hardest_depth() -> None:
    found = provision_effects([bound(row("DF-PRIV", 1, "depa"), row("DF-PRIV", 2))], TYPES)
    assert [(p.code, p.depth, p.instruments) for p in found.provisions] == [("DF-PRIV", 2, ("depa", "cptpp"))]


def test_what_another_instrument_replaces_is_not_counted() -> None:
    found = provision_effects([bound(row("DF-FLOW", note="replaced by usmca"))], TYPES)
    assert (found.provisions, found.agreements) == ((), ())
    kept = provision_effects([bound(row("DF-FLOW", note="may be replaced by usmca"))], TYPES)
    assert len(kept.provisions) == 1


# --- Agreements -------------------------------------------------------------------------------------------------------


def test_five_hard_codes_make_a_digital_chapter_and_four_do_not() -> None:
    five = provision_effects([bound(*(row(c) for c in HARD))], TYPES).agreements[0]
    assert (five.chapter, five.hard, five.multiplier, five.grade) == ("reached", 5, "digital_chapter_multiplier", "D")
    assert five.as_shock() == {
        "kind": "rta_switch",
        "pairs": [["AUS", "JPN"]],
        "parameter": "rta_effect_goods",
        "multiplier": "digital_chapter_multiplier",
    }
    four = provision_effects([bound(*(row(c) for c in HARD[:4]), row(HARD[4], 1))], TYPES).agreements[0]
    assert (four.chapter, four.hard, four.multiplier, four.grade) == ("below", 4, "", "B")


def test_an_agreement_whose_text_was_not_read_may_have_a_chapter() -> None:
    found = provision_effects([bound(uncoded=(uncoded("cptpp"),))], TYPES)
    assert found.agreements[0].chapter == "not known: text not coded"
    assert found.counts["chapters_unknown"] == 1
    assert "1 instruments in force have no coded text" in found.notes[-1]


def test_multilateral_instruments_and_digital_agreements_are_no_trade_agreement_between_two() -> None:
    found = provision_effects([bound(row("EC-PAPL", instrument="depa"), row("TF-AUTO", instrument="wto-tfa"))], TYPES)
    assert found.agreements == ()
    assert found.counts["agreements"] == 0


@pytest.mark.parametrize(("year", "there"), [(None, None), (2006, False), (2018, True), (2020, True)])
def test_what_was_in_force_in_the_year_of_the_data_is_in_them(year: int | None, there: bool | None) -> None:
    assert provision_effects([bound(row("DF-FLOW"))], TYPES, base_year=year).agreements[0].in_base is there


def test_the_answer_is_plain_values() -> None:
    found = provision_effects([bound(*(row(c) for c in HARD)), bound(row("AI-RISK"), a="CHL", b="NZL")], TYPES)
    told = found.to_value()
    assert json.loads(json.dumps(told)) == told
    assert told["pairs"] == [["AUS", "JPN"], ["CHL", "NZL"]]
    assert told["counts"]["chapters"] == 1


def test_the_shock_it_offers_runs() -> None:
    from concordat.impact.scenario import parse_scenario
    from concordat.impact.shocks import plan

    offered = provision_effects([bound(*(row(c) for c in HARD))], TYPES).agreements[0].as_shock()
    text = f"""\
schema: concordat/scenario@1
scenario: offered
title: As offered
base: {{panel: t.csv, year: 2006, members: [AUS, JPN]}}
elasticity: {{value: 4, reason: test}}
shocks: [{json.dumps(offered)}]
seed: 1
"""
    made = plan(parse_scenario(text), ("AUS", "JPN", "NZL"), load_parameters())
    assert made.effects[0].pairs == 2
