"""`concordat sharing`: a game from a file and a scenario, for people and for programs; faults with their exit codes."""

import csv
import io
import json
from pathlib import Path

import pytest

from concordat.cli import main
from impact_sharing_kit import CONE, CONE_NUCLEOLUS, CONE_SHAPLEY, CONE_WORTH

GAME = f"""\
schema: concordat/game@1
game: southern-cone
title: A common rule among four members
unit: USD million
source: specification of the room, section 6
players: [{", ".join(CONE)}]
values:
{"".join(f"  {'+'.join(names)}: {worth}{chr(10)}" for names, worth in CONE_WORTH.items())}missing: zero
outside: stay_at_baseline
"""
CODES = ("ARG", "BRA", "URY", "USA")
FLOWS = [[500, 40, 8, 30], [60, 900, 9, 70], [6, 8, 60, 4], [40, 90, 3, 4000]]
SCENARIO = """\
schema: concordat/scenario@1
scenario: demo
title: A common rule among three
base: {panel: trade.csv, year: 2006, members: [ARG, BRA, URY]}
elasticity: {parameter: trade_elasticity}
shocks: [{kind: rta_switch, pairs: members, parameter: rta_effect_goods}]
sharing: {rules: [shapley, nucleolus]}
draws: 200
seed: 7
allow_unverified: true
"""
PEOPLE = "iso3,population\nARG,37.9\nBRA,181.8\nURY,3.3\nPER,27\n"


@pytest.fixture
def game(tmp_path: Path) -> Path:
    path = tmp_path / "game.yaml"
    path.write_text(GAME, encoding="utf-8")
    return path


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    rows = [f"{a},{b},2006,{FLOWS[i][j]}\n" for i, a in enumerate(CODES) for j, b in enumerate(CODES)]
    (tmp_path / "trade.csv").write_text("exporter,importer,year,trade\n" + "".join(rows), encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path / "scenario.yaml"


def test_a_game_is_told_to_people(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sharing", str(game), "--rule", "shapley", "--rule", "nucleolus"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert "together 1,420.73 USD million" in lines[1]
    assert "members outside a coalition keep today's rule" in lines[2]
    assert next(line for line in lines if line.startswith("shapley")).split()[1:6] == [
        "509.67", "581.24", "230.91", "98.92", "yes",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith("nucleolus")).split()[1:5] == [
        "502.99", "595.54", "225.52", "96.68",
    ]  # fmt: skip
    assert "no group would do better on its own, whenever that can be had (the core)" in said
    assert "The core is not empty: every coalition can be left at least 96.6808 USD million" in said
    assert "Payments: not computed: needs own gains" in said
    assert "Bands of the shares: not computed: the game's values are given without a spread." in said


def test_a_game_is_told_to_programs(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sharing", str(game), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    shares = {s["rule"]: s for s in found["menu"]["shares"]}
    assert shares["shapley"]["value"] == pytest.approx(CONE_SHAPLEY, abs=1e-6)
    assert shares["nucleolus"]["value"] == pytest.approx(CONE_NUCLEOLUS, abs=1e-6)
    assert shares["per_capita"]["reason"] == "not computed: needs population"
    assert found["stamp"] is None
    assert main(["sharing", str(game), "--rule", "nucleolus", "--csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("rule,player,value,payment")
    assert float(rows[4].split(",")[2]) == pytest.approx(96.680790, abs=1e-6)


def test_all_forms_go_to_a_new_folder(game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "answer"
    assert main(["sharing", str(game), "--rule", "shapley", "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["sharing.csv", "sharing.json", "sharing.txt"]
    assert main(["sharing", str(game), "--out", str(out)]) == 2
    assert "stands there already" in capsys.readouterr().err


def test_a_scenario_is_solved_shared_banded_and_stamped(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = str(scenario.parent / "people.csv")
    assert main(["sharing", str(scenario), "--members", people, "--in-equilibrium", "shapley"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].endswith("UNVERIFIED")
    assert "median (5-95 %)" in said
    assert "received (paid: below 0)" in said
    assert "to the largest, BRA" in said
    assert "with moving prices" in said
    assert "expenditure of the base table on what it covers, not national income" in said
    assert "Within members: not computed: needs each member's shares of income by fifths." in said
    assert "8 equilibria" in said
    assert said.count("\nshapley") == 5  # shares, payments, bands, promises, inequality
    assert main(["sharing", str(scenario), "--json", "--no-bands"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stamp"] == "UNVERIFIED"
    assert found["bands_reason"] == "not asked for"
    assert [s["rule"] for s in found["menu"]["shares"]] == ["shapley", "nucleolus"]
    assert found["menu"]["outside"]["outsiders"]["count"] == 1


def test_a_table_has_the_stamp_and_the_bands(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sharing", str(scenario), "--rule", "shapley", "--json"]) == 0
    bands = json.loads(capsys.readouterr().out)["bands"][0]
    assert main(["sharing", str(scenario), "--rule", "shapley", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["mark"] for row in rows] == ["UNVERIFIED"] * 3
    for row, share in zip(rows, bands["shares"], strict=True):
        assert [float(row[name]) for name in ("low_5", "median", "high_95")] == [
            share["quantiles"][name] for name in ("q05", "q50", "q95")
        ]
        assert (float(row["draws_in_core"]), row["draws"]) == (bands["in_core"], "200")
    out = tmp_path / "answer"
    assert main(["sharing", str(scenario), "--no-bands", "--out", str(out)]) == 0
    rows = list(csv.DictReader(io.StringIO((out / "sharing.csv").read_text(encoding="utf-8"))))
    assert {(row["mark"], row["median"], row["draws"]) for row in rows} == {("UNVERIFIED", "", "")}


def test_a_game_has_neither_stamp_nor_bands_in_its_table(game: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sharing", str(game), "--rule", "shapley", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {(row["mark"], row["low_5"], row["standard_error"]) for row in rows} == {("", "", "")}


@pytest.fixture
def seventeen(tmp_path: Path) -> Path:
    """17 members of 18 economies, of which the first trades most."""
    codes = ["ARG", "AUS", "AUT", "BEL", "BGR", "BOL", "BRA", "CAN", "CHE", "CHL", "CHN", "CMR", "COL", "CRI", "CYP",
             "DEU", "DNK", "USA"]  # fmt: skip
    rows = [
        f"{a},{b},2006,{500 + 20 * i if i == j else 10 + (i + 2 * j) % 7 + 30 * (0 in (i, j))}\n"
        for i, a in enumerate(codes)
        for j, b in enumerate(codes)
    ]
    (tmp_path / "trade.csv").write_text("exporter,importer,year,trade\n" + "".join(rows), encoding="utf-8")
    path = tmp_path / "large.yaml"
    path.write_text(SCENARIO.replace("[ARG, BRA, URY]", f"[{', '.join(codes[:17])}]"), encoding="utf-8")
    return path


def test_above_sixteen_members_the_shapley_value_is_sampled(
    seventeen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answer"
    assert main(["sharing", str(seventeen), "--out", str(out)]) == 0
    found = json.loads((out / "sharing.json").read_text(encoding="utf-8"))
    sampled = found["sampled"]
    assert found["stamp"] == "UNVERIFIED"
    assert found["not_computed"] == {"nucleolus": "not computed: 17 players, of at most 16"}
    assert (sampled["circles"], sampled["orders"]) == (10, 340)
    assert sum(sampled["value"]) == pytest.approx(sampled["total"], rel=1e-9)
    assert sum(sampled["own_gains"]) == pytest.approx(sampled["total"], rel=1e-9)
    assert all(0 < se < 0.2 * abs(sampled["total"]) for se in sampled["se"])
    assert max(zip(sampled["value"], sampled["players"], strict=True))[1] == "ARG"
    said = (out / "sharing.txt").read_text(encoding="utf-8")
    assert "standard error" in said
    assert "nucleolus: not computed: 17 players, of at most 16." in said
    rows = list(csv.DictReader(io.StringIO((out / "sharing.csv").read_text(encoding="utf-8"))))
    assert [float(row["standard_error"]) for row in rows[:17]] == sampled["se"]
    assert [float(row["value"]) for row in rows[:17]] == sampled["value"]
    assert {(row["value"], row["reason"]) for row in rows[17:]} == {("", "not computed: 17 players, of at most 16")}
    assert {row["mark"] for row in rows} == {"UNVERIFIED"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rule", "nucleolus"], "nucleolus: not computed: 17 players"),
        (["--members", "people.csv"], "--members needs the worth of every coalition"),
        (["--in-equilibrium", "shapley"], "--in-equilibrium needs the worth of every coalition"),
    ],
)
def test_above_sixteen_members_the_rest_is_refused(
    seventeen: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sharing", str(seventeen), *words]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--rule", "shapely"], 2, 'Did you mean "shapley"?'),
        (["--in-equilibrium", "shapley"], 2, "--in-equilibrium needs a scenario"),
        (["--json", "--csv"], 2, "can't go together"),
        (["--members", "nowhere.csv"], 2, "can't be read"),
    ],
)
def test_what_cannot_be_is_refused(
    game: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sharing", str(game), *words]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema: concordat/index@1\n", "this must be a scenario or a game"),
        ("players: [A]\n", "no schema is named"),
        ("- a\n", "no schema is named"),
        ("a: [\n", "not YAML"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["sharing", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_many_players_stand_below_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    players = [f"P{i:02}" for i in range(10)]
    own = "".join(f"  {p}: {{own_gain: 1}}\n" for p in players)
    path = tmp_path / "ten.yaml"
    path.write_text(
        "schema: concordat/game@1\ngame: ten\ntitle: Ten\nunit: EUR\nsource: a test\n"
        f"players: [{', '.join(players)}]\nvalues: {{{'+'.join(players)}: 10}}\nmissing: zero\nmembers:\n{own}",
        encoding="utf-8",
    )
    assert main(["sharing", str(path), "--rule", "shapley", "--rule", "own_gains"]) == 0
    said = capsys.readouterr().out
    assert sum(line.startswith("P07") for line in said.splitlines()) == 2
    assert "No transfer is needed." in said
