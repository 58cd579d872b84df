"""The game of a scenario against single equilibria, one a coalition; what is left out of it; its draws."""

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.equilibrium import solve
from concordat.impact.scenario import parse_scenario
from concordat.impact.sharing import game_of_scenario, shapley, share_bands, sharing_menu, transfers_in_equilibrium
from concordat.impact.trade_readers import parse_trade_csv

CODES = ("ARG", "BRA", "CHL", "URY", "USA")
FLOWS = [[500, 40, 10, 8, 30], [60, 900, 20, 9, 70], [12, 15, 200, 1, 25], [6, 8, 1, 60, 4], [40, 90, 30, 3, 4000]]
PANEL = "exporter,importer,year,trade\n" + "".join(
    f"{a},{b},2006,{FLOWS[i][j]}\n" for i, a in enumerate(CODES) for j, b in enumerate(CODES)
)
FILES = {"trade.csv": PANEL.encode()}
TEXT = """\
schema: concordat/scenario@1
scenario: demo
title: A common rule among three
base: {panel: trade.csv, year: 2006, members: [ARG, BRA, URY]}
elasticity: {value: 4, reason: "for the example"}
shocks:
  - {kind: rta_switch, pairs: members, parameter: rta_effect_goods}
sharing: {rules: [shapley, nucleolus]}
draws: 200
seed: 7
"""
UNEVEN = TEXT.replace(
    "  - {kind: rta_switch, pairs: members, parameter: rta_effect_goods}\n",
    """\
  - {kind: cost_change, pairs: [[ARG, BRA]], percent: -10, reason: "a bridge", both_ways: true}
  - {kind: cost_change, pairs: [[URY, BRA]], percent: -5, reason: "a port", both_ways: false}
""",
)


def table():
    return parse_trade_csv(PANEL.encode(), where="trade.csv", year=2006)


def single(shock: np.ndarray, members: list[str]) -> float:
    found = solve(table(), shock=shock, theta=4.0)
    return sum(found.money_metric[CODES.index(m)] for m in members)


def test_every_coalition_is_the_equilibrium_of_its_own_rule() -> None:
    found = game_of_scenario(parse_scenario(TEXT), FILES)
    assert found.game.players == ("ARG", "BRA", "URY")
    assert found.rules == ("shapley", "nucleolus")
    effect = 0.557185
    for mask in range(1, 8):
        members = list(found.game.coalition(mask))
        shock = np.ones((5, 5))
        for a in members:
            for b in members:
                if a != b:
                    shock[CODES.index(a), CODES.index(b)] = np.exp(effect)
        assert found.game.values[mask] == pytest.approx(single(shock, members), abs=1e-5)
    assert found.game.singles == pytest.approx([0, 0, 0], abs=1e-9)
    assert found.facts.own_gains.sum() == pytest.approx(found.game.total)
    assert found.residual < 1e-10
    assert found.outside.outsiders.count == 2


def test_effects_that_differ_by_pair_and_direction() -> None:
    found = game_of_scenario(parse_scenario(UNEVEN), FILES)
    a, b, u = (CODES.index(c) for c in ("ARG", "BRA", "URY"))
    both, one, every = np.ones((5, 5)), np.ones((5, 5)), np.ones((5, 5))
    both[a, b] = both[b, a] = 0.9**-4
    one[u, b] = 0.95**-4
    every = both * one
    assert found.game.worth("ARG", "BRA") == pytest.approx(single(both, ["ARG", "BRA"]), abs=1e-8)
    assert found.game.worth("BRA", "URY") == pytest.approx(single(one, ["BRA", "URY"]), abs=1e-8)
    assert found.game.worth("ARG", "URY") == pytest.approx(0, abs=1e-8)
    assert found.game.total == pytest.approx(single(every, ["ARG", "BRA", "URY"]), abs=1e-8)
    assert found.grades == ("D",)


def test_what_reaches_beyond_the_members_is_left_out_and_named() -> None:
    more = TEXT.replace(
        "sharing:",
        "transfers: [{from: BRA, to: URY, amount: 5, unit: USD_million}]\nsharing:",
    ).replace(
        "shocks:\n",
        'shocks:\n  - {kind: productivity, country: CHL, percent: 3, reason: "a mine"}\n'
        '  - {kind: cost_change, pairs: [[ARG, USA]], percent: -1, reason: "a line"}\n',
    )
    found = game_of_scenario(parse_scenario(more, where="s.yaml"), FILES)
    plain = game_of_scenario(parse_scenario(TEXT), FILES)
    assert found.game.values == pytest.approx(plain.game.values, abs=1e-12)
    assert [words.split(" (")[0] for words in found.left_out[:2]] == ["productivity", "cost_change"]
    assert "s.yaml, line 7" in found.left_out[0]
    assert found.left_out[2].startswith("transfers")


def test_payments_in_equilibrium_reach_what_a_rule_wants() -> None:
    found = game_of_scenario(parse_scenario(TEXT), FILES)
    wanted = shapley(found.game)
    corrected = transfers_in_equilibrium(found.game, wanted, found.facts.own_gains, found.resolve)
    assert corrected.history[-1] < 1e-3 * corrected.history[0]
    shock = np.ones((5, 5))
    for a in "ARG", "BRA", "URY":
        for b in "ARG", "BRA", "URY":
            if a != b:
                shock[CODES.index(a), CODES.index(b)] = np.exp(0.557185)
    amounts = dict(zip(found.game.players, corrected.transfers.tolist(), strict=True))
    again = solve(table(), shock=shock, theta=4.0, transfers=amounts).money_metric
    assert corrected.achieved == pytest.approx([again[CODES.index(m)] for m in found.game.players], abs=1e-4)


def test_draws_are_the_same_game_with_other_sizes() -> None:
    scenario = parse_scenario(TEXT)
    found = game_of_scenario(scenario, FILES)
    drawn = found.draw()
    assert drawn.values.shape == (200, 8)
    assert drawn.values[:, -1] == pytest.approx(drawn.own_gains.sum(axis=1))
    # The streams are those of `scenario run`, so that the whole bloc gains the same there, draw by draw.
    from concordat.impact.run import run

    result = run(scenario, FILES)
    place = [result.economies.index(m) for m in found.game.players]
    assert drawn.own_gains == pytest.approx(result.draws["real_income_usd"][:, place], abs=1e-6)
    bands = {
        b.rule: b
        for b in share_bands(sharing_menu(found.game, rules=["own_gains", "shapley"], facts=found.facts), drawn)
    }
    assert set(bands) == {"own_gains", "shapley"}
    by_hand = np.quantile([shapley(type(found.game)(found.game.players, v)) for v in drawn.values], 0.05, axis=0)
    assert [q.low for q in bands["shapley"].shares] == pytest.approx(by_hand.tolist(), rel=1e-9)
    assert bands["own_gains"].receives == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("members: [ARG, BRA, URY]", "members: [ARG]", InputError, "sharing needs two members"),
        ("pairs: members,", "pairs: [[ARG, USA]],", MethodError, "no shock among members"),
    ],
)
def test_what_is_no_game_is_refused(old: str, new: str, error: type[Exception], said: str) -> None:
    text = TEXT.replace(old, new)
    if "[ARG]" in text:
        text = text.replace("pairs: members,", "pairs: [[ARG, USA]],")
    with pytest.raises(error, match=said):
        game_of_scenario(parse_scenario(text), FILES)


def test_a_sampled_value_agrees_with_the_exact_one_within_its_errors() -> None:
    """Three members sit in two different circles, and both have all six orders: nothing is left to chance."""
    from concordat.impact.sharing.sampled import sampled_of_scenario

    for text in (TEXT, UNEVEN):
        scenario = parse_scenario(text)
        exact, found = game_of_scenario(scenario, FILES), sampled_of_scenario(scenario, FILES, circles=10)
        assert found.shapley.value == pytest.approx(shapley(exact.game), abs=1e-7)
        assert found.own_gains == pytest.approx(exact.facts.own_gains, abs=1e-7)
        assert found.grades == exact.grades
        assert found.outside.outsiders.net == pytest.approx(exact.outside.outsiders.net, abs=1e-7)
    four = parse_scenario(TEXT.replace("[ARG, BRA, URY]", "[ARG, BRA, CHL, URY]"))
    found = sampled_of_scenario(four, FILES, circles=40)
    off = np.abs(found.shapley.value - shapley(game_of_scenario(four, FILES).game))
    assert (off < 4 * found.shapley.se + 1e-9).all()


def test_too_few_circles_are_refused() -> None:
    from concordat.impact.sharing.sampled import sampled_of_scenario

    with pytest.raises(InputError, match="9 circles"):
        sampled_of_scenario(parse_scenario(TEXT), FILES, circles=9)
