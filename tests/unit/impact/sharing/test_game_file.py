"""Game files and tables of members: what they may hold, and how a fault is told."""

import json
from importlib.resources import files

import pytest

from concordat.errors import InputError
from concordat.impact.sharing import parse_game, parse_members
from concordat.impact.sharing.game_file import json_schema

GOOD = """\
schema: concordat/game@1
game: three-ports
title: One customs window for three ports
unit: USD million
source: a study
players: [ARG, BRA, URY]
values:
  ARG+BRA: 60
  URY+ARG: 40
  ARG+BRA+URY: 100
missing: zero
outside: stay_at_baseline
members:
  ARG: {own_gain: 30, income: 300, population: 45, quintiles: [0.05, 0.1, 0.15, 0.2, 0.5]}
  BRA: {own_gain: 60, income: 1500, population: 210, quintiles: [0.04, 0.1, 0.16, 0.2, 0.5]}
  URY: {own_gain: 10, income: 40, population: 3.5, quintiles: [0.06, 0.1, 0.14, 0.2, 0.5]}
income_means: national income
rules: [shapley, nucleolus]
"""


def test_a_file_is_read() -> None:
    found = parse_game(GOOD)
    assert found.game.worth("URY", "ARG") == 40
    assert found.game.worth("BRA", "URY") == 0
    assert found.facts.own_gains.tolist() == [30, 60, 10]
    assert found.facts.quintiles.shape == (3, 5)
    assert found.facts.income_means == "national income"
    assert found.rules == ("shapley", "nucleolus")
    assert found.game.outside == "stay_at_baseline"
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: concordat/game@1", "schema: concordat/games@1", "line 1: says schema"),
        ("values:", "value:", 'line 7: "value" is not a key I know here. Did you mean "values"?'),
        ("  ARG+BRA: 60", "  ARG+BRAX: 60", 'line 8: "BRAX" is no player. Did you mean "BRA"?'),
        ("  URY+ARG: 40", "  BRA+ARG: 40", "line 9: BRA+ARG and ARG+BRA are the same coalition."),
        ("  URY+ARG: 40", "  ARG+ARG: 40", "line 9: a player stands twice in ARG+ARG."),
        ("  URY+ARG: 40", "  URY+ARG: much", "line 9: values.URY+ARG: Input should be a valid number"),
        ("missing: zero", "missing: refuse", "line 7: no worth for ARG, BRA, URY, BRA+URY."),
        ("missing: zero", "missing: guess", "line 11: missing: Input should be"),
        ("players: [ARG, BRA, URY]", "players: [ARG, BRA, ARG]", "line 6: ARG twice among the players"),
        ("players: [ARG, BRA, URY]", "players: []", "line 6"),
        ("  URY: {own_gain: 10, ", "  URY: {", "own_gain of URY is missing, and others have it"),
        ("own_gain: 10,", "own_gain: 11,", "own gains add up to 101"),
        ("population: 3.5,", "population: 0,", "members.URY.population: Input should be greater than 0"),
        ("  URY: {own", "  UYR: {own", '"UYR" is no player. Did you mean "URY"?'),
        ("[0.06, 0.1, 0.14, 0.2, 0.5]", "[0.6, 0.1, 0.1, 0.1, 0.1]", "quintiles: not five rising shares"),
        ("rules: [shapley, nucleolus]", "rules: [shapley, nucleus]", 'line 18: "nucleus" is no rule of sharing.'),
    ],
)
def test_a_fault_is_told_with_its_line(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        parse_game(GOOD.replace(old, new), where="game.yaml")
    assert said in str(error.value)
    assert str(error.value).startswith("game.yaml")


def test_more_players_than_programmes_take_are_refused() -> None:
    players = ", ".join(f"P{i}" for i in range(17))
    text = GOOD.split("members:")[0].replace("[ARG, BRA, URY]", f"[{players}]")
    with pytest.raises(InputError, match="players: List should have at most 16 items"):
        parse_game(text)


def test_the_shipped_schema_is_that_of_the_model() -> None:
    shipped = (files("concordat.impact") / "schema" / "game-1.json").read_text(encoding="utf-8")
    assert shipped == json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


# --- Tables of members ------------------------------------------------------------------------------------------------


def test_a_table_of_members_is_read_in_the_order_of_the_players() -> None:
    text = "iso3,population,income\nURY,3.5,40\nPER,30,200\nARG,45,300\n"
    found = parse_members(text, ["ARG", "URY"])
    assert found.population.tolist() == [45, 3.5]
    assert found.income.tolist() == [300, 40]
    assert found.own_gains is None
    assert found.quintiles is None


def test_fifths_in_percent_are_read_as_shares() -> None:
    found = parse_members("player,q1,q2,q3,q4,q5\nA,5,10,15,20,50\nB,4.1,9.9,16,20,50\n", ["A", "B"])
    assert found.quintiles[0].tolist() == [0.05, 0.1, 0.15, 0.2, 0.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("iso3,populaton\nARG,1\n", 'line 1: "populaton" is not a key I know here. Did you mean "population"?'),
        ("iso3,population\nARG,1\n", "no row for URY"),
        ("iso3,population\nARG,1\nURY,\n", 'line 3: population: "" is not a number. Every player needs one'),
        ("iso3,population\nARG,1\nURY,3;5\n", 'line 3: population: "3;5" is not a number.'),
        ("iso3,population\nARG,1\nARG,2\nURY,3\n", "line 3: ARG stands twice"),
        ("iso3,population\nARG,1\nURY,inf\n", "line 3: population: inf is not finite"),
        ("iso3,population\nARG,1\nURY,-2\n", "population: something is no number, or not above zero"),
        ("iso3,q1,q2\nARG,1,2\nURY,1,2\n", "line 1: only q1, q2"),
    ],
)
def test_a_fault_of_a_table_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_members(text, ["ARG", "URY"])
    assert said in str(error.value)
    assert str(error.value).startswith("members.csv")
