"""`concordat divide`: numbers by a second method, all forms alike, small cells held back, faults with their place."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from concordat.cli._divide_tables import digits, ends, plain, short, year

Run = Callable[..., tuple[int, str, str]]
Facts = Callable[..., Any]
PERSONS = "".join(
    f"p{i},{i % 7 + 1},{1 + i % 3},{'a' if i < 40 else 'b'},{i % 11},s{i % 2},u{i % 9}\n" for i in range(80)
)
PERSONS = "id,speed,people,town,income,stratum,psu\n" + PERSONS
USERS = "unit,year,value\nKOR,2000,40\nKOR,2001,60\nKOR,2010,80\nETH,2009,45\nETH,2010,50\nARE,2010,100\n"
PLAN = """\
schema: concordat/poverty@1
poverty: demo
title: Offline or without skills
k: 0.5
min_cell: 3
groups: town
deprivations:
  - name: offline
    items: [{column: uses, deprived: [2], not_deprived: [1]}]
  - name: unskilled
    items: [{column: files, deprived: [2], not_deprived: [1], routing: [""], dont_know: [9], skill: true}]
"""
ANSWERS = "uses,files,town\n1,1,x\n2,,x\n1,9,x\n1,1,y\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat divide ...` in a folder that holds a table of persons, one of series, and a plan."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("persons.csv", PERSONS), ("users.csv", USERS), ("plan.yaml", PLAN), ("answers.csv", ANSWERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")

    def divide(*arguments: str) -> tuple[int, str, str]:
        code = main(["divide", *arguments])
        return code, *capsys.readouterr()

    return divide


@pytest.fixture
def facts(run: Run) -> Facts:
    """The same with `--json`, read; it must succeed."""

    def read(*arguments: str) -> Any:
        code, out, err = run(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))

    return read


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def plain_gini(y: Sequence[float], w: Sequence[float]) -> float:
    """Mean absolute difference over twice the mean, by two loops."""
    total = sum(w)
    mean = sum(a * b for a, b in zip(y, w, strict=True)) / total
    pairs = (u * v * abs(a - b) for a, u in zip(y, w, strict=True) for b, v in zip(y, w, strict=True))
    return sum(pairs) / total**2 / (2 * mean)


def plain_theil(y: Sequence[float], w: Sequence[float]) -> float:
    mean = sum(a * b for a, b in zip(y, w, strict=True)) / sum(w)
    return sum(v * a / mean * math.log(a / mean) for a, v in zip(y, w, strict=True)) / sum(w)


# --- Measures -----------------------------------------------------------------------------------------------------


def shown(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> dict[str, float]:
    """What `concordat evidence show` prints for the same areas."""
    assert main(["evidence", "show", *arguments, "--data-dir", str(folder), "--json"]) == 0
    return {f["area"]: f["value"] for f in json.loads(capsys.readouterr().out)["figures"] if f["value"] is not None}


def test_measures_of_a_bloc_are_those_of_two_loops(
    facts: Facts, evidence_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = facts("measures", "internet_users_pct", "--bloc", "BRICS", "--data-dir", str(evidence_dir))
    y = shown(capsys, evidence_dir, "internet_users_pct", "--bloc", "BRICS")
    people = shown(capsys, evidence_dir, "population", "--bloc", "BRICS")
    assert set(found["areas"]) == set(y) - {"SAU"}  # invited, no member
    values, weights = ([d[a] for a in found["areas"]] for d in (y, people))
    once, weighted = found["unweighted"]["measures"], found["weighted"]["measures"]
    assert once["gini"]["value"] == pytest.approx(plain_gini(values, [1] * 10), abs=1e-12)
    assert weighted["gini"]["value"] == pytest.approx(plain_gini(values, weights), abs=1e-12)
    assert weighted["theil_t"]["value"] == pytest.approx(plain_theil(values, weights), abs=1e-12)
    assert weighted["offline"]["value"] == pytest.approx(
        sum(w * (1 - v / 100) for v, w in zip(values, weights, strict=True)) / sum(weights), abs=1e-12
    )
    assert found["unweighted"]["label"] == "as if drawn from a wider population"
    with_sau = facts(
        "measures", "internet_users_pct", "--bloc", "BRICS", "--with-invited", "--data-dir", str(evidence_dir)
    )
    assert set(with_sau["areas"]) == set(y)


def test_concentration_by_another_indicator_and_one_measure_alone(facts: Facts, evidence_dir: Path) -> None:
    asked = ("--countries", "BRA,IND,ETH,CHN", "--data-dir", str(evidence_dir), "--measure", "gini")
    found = facts("measures", "internet_users_pct", *asked, "--rank-by", "gdp_ppp_per_person_intl_2021")
    measures = found["unweighted"]["measures"]
    assert set(measures) == {"gini", "concentration", "wagstaff", "erreygers"}
    assert measures["concentration"]["value"] <= measures["gini"]["value"] + 1e-12  # no ranking gives more


def test_the_screen_has_four_digits_and_says_what_it_rests_on(run: Run, evidence_dir: Path) -> None:
    code, out, _ = run("measures", "internet_users_pct", "--bloc", "brics", "--data-dir", str(evidence_dir))
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "internet_users_pct: People using the Internet, percent"
    assert lines[1] == "BRICS on 2026-11-22: 10 members. 10 of 10 have a figure; newest of each, 2021 to 2023."
    assert next(line for line in lines if line.startswith("gap ")).split()[:3] == ["gap", "83", "83"]
    assert "Intervals: 95 % as if drawn from a wider population." in lines
    assert lines[-1] == "Weighted by population."


def test_a_file_in_every_form(run: Run, facts: Facts, tmp_path: Path) -> None:
    asked = ("measures", "--data", "persons.csv", "--value", "speed", "--weight", "people", "--groups", "town",
             "--rank-by", "income", "--strata", "stratum", "--psu", "psu", "--bounds", "0,10")  # fmt: skip
    found = facts(*asked)
    rows = [r.split(",") for r in PERSONS.splitlines()[1:]]
    y, w = [float(r[1]) for r in rows], [float(r[2]) for r in rows]
    assert found["weighted"]["measures"]["gini"]["value"] == pytest.approx(plain_gini(y, w), abs=1e-12)
    groups = {g["group"]: g["measures"] for g in found["weighted"]["groups"]}
    assert groups["a"]["gini"]["value"] == pytest.approx(plain_gini(y[:40], w[:40]), abs=1e-12)
    assert {"wagstaff", "offline"} <= set(found["weighted"]["measures"])
    code, out, _ = run(*asked, "--csv")
    printed = {(r["weighting"], r["group"], r["measure"]): r for r in table(out)}
    assert code == 0
    assert float(printed["weighted", "a", "gini"]["value"]) == groups["a"]["gini"]["value"]  # every digit
    code, out, err = run(*asked, "--csv", "--out", "table.csv")
    assert (code, out, err) == (0, "", "Wrote table.csv.\n")
    assert {(r["weighting"], r["group"], r["measure"]): r for r in table(Path("table.csv").read_text())} == printed


def test_small_cells_are_held_back_and_what_would_give_them_away(run: Run, facts: Facts) -> None:
    few = "\n".join(PERSONS.splitlines()[:1] + PERSONS.splitlines()[21:])  # 20 rows of a, 40 of b
    Path("few.csv").write_text(few)
    asked = ("--data", "few.csv", "--value", "speed", "--groups", "town")
    groups = {g["group"]: g["measures"] for g in facts("measures", *asked)["unweighted"]["groups"]}
    assert {m["value"] for m in groups["a"].values()} == {None}
    assert {m["reason"] for m in groups["a"].values()} == {"fewer than 30 rows"}
    assert groups["b"]["mean"]["n"] == 40
    code, _, err = run("decompose", *asked)
    assert code == 2
    assert "few.csv: groups of fewer than 30 rows: a." in err
    assert run("decompose", *asked, "--min-cell", "20")[0] == 0
    Path("tiny.csv").write_text("speed\n1\n2\n3\n4\n")
    whole = facts("measures", "--data", "tiny.csv", "--value", "speed")["unweighted"]["measures"]
    assert {m["value"] for m in whole.values()} == {None}
    assert facts("measures", "--data", "tiny.csv", "--value", "speed", "--min-cell", "1")["unweighted"]["measures"][
        "mean"
    ]["value"] == pytest.approx(2.5)


def test_a_parquet_file_gives_what_its_csv_gives(facts: Facts, run: Run) -> None:
    import duckdb

    with duckdb.connect() as engine:
        engine.execute("COPY (SELECT * FROM read_csv('persons.csv')) TO 'persons.parquet'")
    asked = ("--value", "speed", "--weight", "people", "--groups", "town")
    for command in ("measures", "decompose"):
        one, other = (facts(command, "--data", f"persons.{kind}", *asked) for kind in ("csv", "parquet"))
        assert {**one, "data": ""} == {**other, "data": ""}
    numbers = PLAN.replace("uses", "people").replace("files", "speed").replace("9", "7")
    Path("plan.yaml").write_text(numbers.replace("not_deprived: [1]", "not_deprived: [1, 3, 4, 5, 6]"))
    one, other = (facts("poverty", f"persons.{kind}", "--plan", "plan.yaml") for kind in ("csv", "parquet"))
    assert {**one, "data": ""} == {**other, "data": ""}
    code, _, err = run("measures", "--data", "persons.parquet", "--value", "sped")
    assert (code, err) == (
        2, 'concordat: persons.parquet: the table has no column "sped". Did you mean "speed"?\n',
    )  # fmt: skip
    code, _, err = run("measures", "--data", "persons.parquet", "--value", "town")
    assert (code, err.startswith("concordat: persons.parquet: can't be computed on: ")) == (2, True)


def test_a_large_file_without_the_extra_says_which_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import duckdb

    with duckdb.connect() as engine:
        engine.execute("COPY (SELECT range % 977 + 1.0 AS y FROM range(200001)) TO 'large.parquet'")
    monkeypatch.setitem(sys.modules, "ibis", None)
    code, _, err = run("measures", "--data", "large.parquet", "--value", "y")
    assert code == 4
    assert "pip install 'concordat[large]'" in err


# --- Parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["bloc", "income", "region"])
def test_parts_add_up_to_the_divide_of_two_loops(
    by: str, facts: Facts, evidence_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bloc = ("--bloc", "BRICS") if by == "bloc" else ()
    found = facts("decompose", "internet_users_pct", "--by", by, *bloc, "--data-dir", str(evidence_dir))
    figures = shown(capsys, evidence_dir, "internet_users_pct")
    y = [figures[a] for a in found["areas"]]
    assert len(y) > 200
    assert "EU" not in found["areas"]  # countries alone, no bloc counted twice
    for kind in ("weighted", "unweighted"):
        for name, d in found["parts"][kind].items():
            assert d["between"]["value"] + d["within"]["value"] == pytest.approx(d["total"]["value"], abs=1e-12), name
    once = found["parts"]["unweighted"]["theil_t"]
    assert once["total"]["value"] == pytest.approx(plain_theil(y, [1] * len(y)), abs=1e-12)
    groups = {p["group"]: p for p in once["parts"]}
    if by == "bloc":
        assert set(groups) == {"BRICS", "others"}
        assert groups["BRICS"]["share"] == pytest.approx(10 / len(y))
    if by == "income":
        assert {"low", "lower-middle", "upper-middle", "high"} <= set(groups)


def test_parts_of_a_file_in_csv(run: Run) -> None:
    code, out, _ = run("decompose", "--data", "persons.csv", "--value", "speed", "--groups", "town", "--csv",
                       "--measure", "theil_t")  # fmt: skip
    rows = table(out)
    assert (code, [r["group"] for r in rows]) == (0, ["", "a", "b"])
    y = [float(r.split(",")[1]) for r in PERSONS.splitlines()[1:]]
    assert float(rows[0]["total"]) == pytest.approx(plain_theil(y, [1] * 80), abs=1e-12)
    assert float(rows[1]["inside"]) == pytest.approx(plain_theil(y[:40], [1] * 40), abs=1e-12)


# --- Change -------------------------------------------------------------------------------------------------------


def test_distance_in_time_stands_beside_gap_and_ratio(run: Run, facts: Facts) -> None:
    """Korea passed 50 in the middle of 2000: half way from 40 to 60."""
    found = {u["area"]: u for u in facts("time-distance", "--data", "users.csv")["units"]}
    assert (found["ETH"]["value"], found["ETH"]["gap"], found["ETH"]["ratio"]) == (9.5, 30, 0.625)
    assert (found["ARE"]["value"], found["ARE"]["reason"]) == (None, "never_reached")
    code, out, _ = run("time-distance", "--data", "users.csv")
    assert code == 0
    assert out.splitlines()[3].split() == ["ETH", "2010", "50", "9.5", "2000.5", "30", "0.625"]
    assert out.splitlines()[4].endswith("never reached")
    rows = {r["unit"]: r for r in table(run("time-distance", "--data", "users.csv", "--csv")[1])}
    assert (rows["ETH"]["years_behind"], rows["ARE"]["years_behind"]) == ("9.5", "")
    only = facts("time-distance", "--data", "users.csv", "--countries", "ETH")["units"]
    assert [u["area"] for u in only] == ["ETH", "KOR"]
    members = {u["area"]: u for u in facts("time-distance", "--data", "users.csv", "--bloc", "BRICS")["units"]}
    assert len(members) == 11  # ten members and the leader
    assert members["BRA"]["reason"] == "no_value"


def test_the_anchors_of_the_specification(facts: Facts, shared_data: Path) -> None:
    """Section 8: years behind KOR in Internet use, to three digits."""
    panel = str(shared_data / "wdi_panel_gapminder_2026.csv")
    found = {
        u["area"]: u for u in facts("time-distance", "internet_users", "--data", panel, "--bloc", "BRICS")["units"]
    }
    expected = {"BRA": 11.438, "RUS": 7.316, "IND": 21.059, "CHN": 8.286, "ZAF": 17.531, "ETH": 22.410}
    for area, years in expected.items():
        assert found[area]["value"] == pytest.approx(years, abs=5e-4), area
    assert (found["ARE"]["value"], found["ARE"]["level"]) == (None, 100)


def test_without_series_the_three_commands_say_how_to_get_them(run: Run, evidence_dir: Path) -> None:
    said = "not computed: needs several years of internet_users_pct; load them with concordat evidence pull worldbank or import."  # noqa: E501
    for command in ("time-distance", "converge", "diffuse"):
        code, out, err = run(
            command, "internet_users_pct", "--bloc", "BRICS", "--data-dir", str(evidence_dir), "--json"
        )
        assert (code, err) == (4, f"concordat: {said}\n"), command
        assert json.loads(out)["code"] == "years"


def test_series_of_the_store(facts: Facts, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Imported beside the Factbook: Ethiopia has 50 in 2024; Korea passed it in the middle of 2000."""
    Path("map.yaml").write_text(
        "schema: concordat/import@1\nfile: net.csv\ndataset:\n  {id: net, title: Internet use, producer: Examples, "
        "published: 2026-05-02, licence: CC-BY-4.0,\n   class: member_official, publisher: examples}\n"
        "columns: {area: {column: country, scheme: iso3}, period: {column: year}, value: {column: pct}}\n"
        "value_is: {indicator: internet_users_pct, unit: percent}\n"
    )
    Path("net.csv").write_text(
        "country,year,pct\nKOR,2000,40\nKOR,2001,60\nKOR,2024,97\nETH,2010,5\nETH,2024,50\n"
        "BRA,2000,3\nBRA,2024,85\nIND,2000,1\nIND,2024,60\n"
    )
    folder = ("--data-dir", str(tmp_path / "store"))
    assert main(["evidence", "import", "net.csv", "--map", "map.yaml", *folder]) == 0
    capsys.readouterr()
    found = facts("time-distance", "internet_users_pct", "--countries", "Ethiopia,BRA", "--leader", "KOR", *folder)
    units = {u["area"]: u for u in found["units"]}
    assert (units["ETH"]["value"], units["ETH"]["gap"]) == (23.5, 47)
    window = ("--countries", "BRA,IND,KOR", "--from", "2000", "--to", "2024", *folder)
    beta = facts("converge", "internet_users_pct", *window)["beta"]
    assert set(beta) == {"unweighted", "weighted"} or set(beta) == {"unweighted"}
    x = [math.log(v / (100 - v)) for v in (3, 1, 40)]
    g = [(math.log(v / (100 - v)) - u) / 24 for v, u in zip((85, 60, 97), x, strict=True)]
    mx, mg = sum(x) / 3, sum(g) / 3
    slope = sum((a - mx) * (b - mg) for a, b in zip(x, g, strict=True)) / sum((a - mx) ** 2 for a in x)
    assert beta["unweighted"]["b"] == pytest.approx(slope, abs=1e-12)  # logits, the default of percentages
    code, _, err = run("time-distance", "internet_users_pct", "--less-is-better", *folder)
    assert (code, "--less-is-better is of a file" in err) == (2, True)


def logistic(units: dict[str, tuple[float, float]], years: range = range(1995, 2025)) -> str:
    """Curves with a ceiling and a middle year each, steepness 0.3."""
    rows = [
        f"{u},{y},{top / (1 + math.exp(-0.3 * (y - middle))):.12f},{1 + len(u)}"
        for u, (top, middle) in units.items()
        for y in years
    ]
    return "\n".join(["unit,year,value,weight", *rows])


def test_adoption_finds_the_curve_it_was_made_from(run: Run, facts: Facts) -> None:
    Path("curves.csv").write_text(logistic({"A": (80, 2004), "B": (60, 2010)}) + "\nC,2000,1,1\n")
    found = facts("diffuse", "--data", "curves.csv", "--level", "40")
    a, b = found["units"]["A"], found["units"]["B"]
    assert (a["curve"], b["curve"]) == ("logistic", "logistic")
    assert a["saturation"]["value"] == pytest.approx(80, abs=1e-5)
    assert a["years_to"]["value"] == pytest.approx(2004, abs=1e-5)
    assert b["years_to"]["value"] == pytest.approx(2010 + math.log(2) / 0.3, abs=1e-4)  # 60 / (1 + 1/2) = 40
    assert list(found["without"]) == ["C"]
    rows = {r["unit"]: r for r in table(run("diffuse", "--data", "curves.csv", "--level", "40", "--csv")[1])}
    assert float(rows["A"]["ceiling"]) == a["saturation"]["value"]
    assert "1 points are too few" in rows["C"]["ceiling_reason"]
    code, out, _ = run("diffuse", "--data", "curves.csv", "--countries", "B", "--ceiling", "100")
    assert (code, out.splitlines()[3].split()[:3]) == (0, ["B", "30", "logistic"])


def test_convergence_of_units_that_meet(run: Run, facts: Facts) -> None:
    units = {"A": (80.0, 2000.0), "BB": (80.0, 2003.0), "CCC": (80.0, 2006.0), "D": (80.0, 2009.0)}
    Path("meet.csv").write_text(logistic(units))
    found = facts("converge", "--data", "meet.csv")
    assert (found["first"], found["last"], found["scale"], found["why"]) == (1995, 2024, "log", [])
    assert set(found["beta"]) == {"weighted", "unweighted"}
    assert found["beta"]["unweighted"]["b"] < 0
    at = {u: [top / (1 + math.exp(-0.3 * (y - m))) for y in (1995, 2024)] for u, (top, m) in units.items()}
    logs = [[math.log(v[i]) for v in at.values()] for i in (0, 1)]
    for i, place in ((0, 0), (1, -1)):
        mean = sum(logs[i]) / 4
        sd = math.sqrt(sum((v - mean) ** 2 for v in logs[i]) / 3)
        assert found["sigma"]["sd"][place] == pytest.approx(sd, abs=1e-9)
    assert found["clubs"]["whole"]["converges"] is (found["clubs"]["whole"]["t"] >= -1.65)
    rows = table(run("converge", "--data", "meet.csv", "--csv")[1])
    assert [r["part"] for r in rows if r["item"] == "slope"] == ["beta, unweighted", "beta, weighted"]
    code, out, _ = run("converge", "--data", "meet.csv", "--from", "2020")
    assert (code, "Not computed: clubs: log t: " in out) == (0, True)  # five years are too few for clubs alone


# --- Poverty ------------------------------------------------------------------------------------------------------


def test_poverty_by_hand(run: Run, facts: Facts) -> None:
    """Scores 0, 1, 1/2, 0 with k = 1/2: H = 1/2, A = 3/4, M0 = 3/8; town y has one person, below three."""
    found = facts("poverty", "answers.csv", "--plan", "plan.yaml")
    assert [found[m]["value"] for m in ("headcount", "intensity", "m0")] == [0.5, 0.75, 0.375]
    assert len(found["plan_sha256"]) == 64
    assert found["hidden"] == ["y"]
    x, y = found["groups"]
    assert {k for k, v in y.items() if v is not None} == {"name"}
    assert x["headcount"]["value"] == pytest.approx(2 / 3)
    assert (x["n"], x["share"], x["contribution"]) == (None, None, None)  # four persons less these would give y away
    code, out, _ = run("poverty", "answers.csv", "--plan", "plan.yaml")
    assert code == 0
    assert any(line.split()[:4] == ["y", "fewer", "than", "3"] for line in out.splitlines())
    rows = {(r["part"], r["name"], r["measure"]): r["value"] for r in table(
        run("poverty", "answers.csv", "--plan", "plan.yaml", "--csv")[1])}  # fmt: skip
    assert (rows["all", "", "m0"], rows["group", "y", "m0"]) == ("0.375", "")
    assert ("group", "x", "contribution") not in rows


def test_the_bolivian_anchor(facts: Facts, shared_data: Path) -> None:
    """Specification, section 8: k = 0.6, five deprivations of equal weight."""
    skills = "".join(
        f'      - {{column: skill_{n}, deprived: [2], not_deprived: [1], routing: [""], dont_know: [9], skill: true}}\n'
        for n in ("files", "email_attach", "devices", "install")
    )
    Path("bolivia.yaml").write_text(
        "schema: concordat/poverty@1\npoverty: bolivia\ntitle: Bolivia\nk: 0.6\nweight: weight\ngroups: locality_type\n"
        "deprivations:\n  - name: use\n    items:\n"
        "      - {column: ever_used_internet, deprived: [2], not_deprived: [1]}\n"
        '      - {column: last_internet_use, deprived: [4], not_deprived: [1, 2, 3], routing: [""]}\n'
        "  - {name: computer, items: [{column: computer_at_home, deprived: [2], not_deprived: [1]}]}\n"
        "  - {name: home, items: [{column: fixed_internet_at_home, deprived: [3], not_deprived: [1, 2]}]}\n"
        "  - name: mobile\n    items:\n      - {column: has_mobile_phone, deprived: [2], not_deprived: [1]}\n"
        '      - {column: internet_on_mobile, deprived: [2], not_deprived: [1], routing: [""]}\n'
        f"  - name: skills\n    need: 3\n    items:\n{skills}"
    )
    found = facts("poverty", str(shared_data / "household_ict_bolivia_2017.csv"), "--plan", "bolivia.yaml")
    measured = [found[m]["value"] for m in ("headcount", "intensity", "m0")]
    assert measured == [pytest.approx(v, abs=5e-7) for v in (0.510903, 0.825059, 0.421525)]
    assert [g["m0"]["value"] for g in found["groups"]] == [
        pytest.approx(v, abs=5e-7) for v in (0.240442, 0.445226, 0.668495)
    ]  # fmt: skip


def test_the_json_schema_of_a_plan_that_ships_is_that_of_the_model() -> None:
    from importlib.resources import files

    from concordat.observatory.divide._poverty_model import json_schema

    shipped = json.loads((files("concordat.observatory") / "schema" / "poverty-1.json").read_text(encoding="utf-8"))
    assert shipped == json_schema()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("routing:", "routeing:", 'line 11: "routeing" is not a key I know here. Did you mean "routing"?'),
        ("k: 0.5", "k: 1.5", "line 4: k: "),
        ("poverty@1", "povrety@1", "this must be concordat/poverty@1"),
        (
            "deprived: [2], not_deprived: [1]}]\n  - name: unskilled",
            "deprived: []}]\n  - name: unskilled",
            "needs either deprived or below",
        ),
        ("name: unskilled", "name: offline", 'the deprivation "offline" stands twice'),
        ("name: unskilled", "name: unskilled\n    weight: 0.5", "give every deprivation a weight"),
        ("name: unskilled", "name: unskilled\n    need: 2", '"unskilled" needs 2 of 1 items'),
        ("column: uses", "column: used", 'the table has no column "used". Did you mean "uses"?'),
        ("groups: town", "groups: towns", 'the table has no column "towns". Did you mean "town"?'),
    ],
)
def test_what_is_wrong_in_a_plan_is_told(old: str, new: str, said: str, run: Run) -> None:
    assert old in PLAN
    Path("plan.yaml").write_text(PLAN.replace(old, new, 1))
    code, out, err = run("poverty", "answers.csv", "--plan", "plan.yaml", "--json")
    assert (code, json.loads(out)["exit_code"]) == (2, 2)
    assert said in err


def test_an_answer_that_the_plan_does_not_list_is_refused_or_is_missing_where_the_plan_says_so(
    run: Run, facts: Facts
) -> None:
    """98, a refusal, is no "not deprived"; without the two who refused, one of four is deprived of skills alone."""
    Path("answers.csv").write_text(ANSWERS + "1,98,x\n1,98,x\n")
    code, out, err = run("poverty", "answers.csv", "--plan", "plan.yaml")
    assert (code, out) == (2, "")
    assert err == (
        'concordat: answers.csv, line 6: "files" has answers that the plan does not list: 98 (2 rows). '
        "List each under not_deprived, deprived, routing, dont_know or missing.\n"
    )
    Path("plan.yaml").write_text(PLAN.replace("dont_know: [9]", "dont_know: [9], missing: [98]"))
    found = facts("poverty", "answers.csv", "--plan", "plan.yaml")
    assert (found["n"], found["dropped"], found["headcount"]["value"]) == (4, 2, 0.5)
    Path("plan.yaml").write_text(PLAN.replace("dont_know: [9]", "dont_know: [9], missing: [9]"))
    code, _, err = run("poverty", "answers.csv", "--plan", "plan.yaml")
    assert (code, '"files": the code 9 stands under dont_know and missing.' in err) == (2, True)


def test_weights_of_a_plan_sum_to_one_and_few_persons_are_none(run: Run) -> None:
    both = PLAN.replace("name: offline", "name: offline\n    weight: 0.7").replace(
        "name: uns", "weight: 0.2\n    name: uns"
    )
    Path("plan.yaml").write_text(both)
    assert "sum to 0.9, not to 1" in run("poverty", "answers.csv", "--plan", "plan.yaml")[2]
    Path("plan.yaml").write_text(PLAN.replace("min_cell: 3\n", ""))
    code, _, err = run("poverty", "answers.csv", "--plan", "plan.yaml")
    assert (code, "fewer than 30 persons" in err) == (4, True)


# --- What is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("measures", "name an indicator, or a file with --data"),
        ("measures internet_user_pct", 'Did you mean "internet_users_pct"?'),
        ("measures internet_users_pct --bloc BRIC", 'Did you mean "BRICS"?'),
        ("measures internet_users_pct --bloc BRICS --countries BRA", "can't go together"),
        ("measures internet_users_pct --with-invited", "--with-invited needs a bloc"),
        ("measures internet_users_pct --value speed", "--value is of a file: add --data."),
        ("measures internet_users_pct --data persons.csv", "indicator can't go with --data."),
        ("measures --data persons.csv", "which column is it? Add --value COLUMN."),
        ("measures --data persons.csv --value sped", 'no column "sped". Did you mean "speed"?'),
        ("measures --data persons.csv --value town", 'persons.csv, line 2: town: "a" is not a number.'),
        ("measures --data persons.csv --value speed --weight psu", 'persons.csv, line 2: psu: "u0" is not a number.'),
        ("measures --data persons.csv --value speed --measure ginny", 'Did you mean "gini"?'),
        ("measures --data persons.csv --value speed --bounds 10", '--bounds "10" is not two numbers in order.'),
        (
            "measures --data persons.csv --value speed --bounds 0,6",
            "persons.csv, line 8: the value 7 is not from 0 to 6",
        ),
        ("measures --data persons.csv --value speed --json --csv", "--json and --csv can't go together"),
        ("measures --data persons.csv --value speed --out no/such/file", "no/such/file: can't be written"),
        ("measures --data gone.csv --value speed", "gone.csv: can't be read: No such file or directory."),
        ("measures --data gone.parquet --value speed", "gone.parquet: can't be read: no such file."),
        ("measures --data latin.csv --value speed", "latin.csv: byte 6 is not UTF-8."),
        ("measures --data bad.parquet --value speed", "bad.parquet: not Parquet that I can read"),
        ("measures --data plan.yaml --value speed", "plan.yaml: neither .csv nor .parquet."),
        ("measures --data empty.csv --value speed", "empty.csv: the table has no rows."),
        ("measures --data short.csv --value a", "short.csv, line 4: 1 cells, where the first line names 2 columns."),
        (
            "measures --data comma.csv --value a",
            'comma.csv, line 3: a: "2,5" is not a number. Write decimals with a point.',
        ),
        ("measures --data minus.csv --value a --weight b", "minus.csv, line 4: b: -1 is below 0."),
        ("measures --data minus.csv --value a --groups c --min-cell 1", "minus.csv, line 3: c is blank."),
        (
            "measures --data minus.csv --value a --groups b --min-cell 1",
            'minus.csv, line 4: the group "-1" has 1 values',
        ),
        ("measures --data inf.csv --value a", "inf.csv, line 2: a: inf is not finite."),
        ("measures --data huge.csv --value a", "huge.csv, line 2: not CSV: field larger than field limit"),
        ("measures --data twice.csv --value a", 'twice.csv, line 1: the column "a" stands twice.'),
        ("decompose internet_users_pct", "by which groups?"),
        ("decompose internet_users_pct --by continent", '"continent" is not a grouping.'),
        ("decompose internet_users_pct --by bloc", "--by bloc needs a bloc."),
        ("decompose internet_users_pct --by income --measure cv", "cv can't be split by groups."),
        ("decompose --data persons.csv --value speed", "Add --groups COLUMN."),
        ("decompose --data persons.csv --value speed --by income", "--by can't go with --data."),
        (
            "time-distance --data users.csv --countries ETK",
            'users.csv: the table has no unit "ETK". Did you mean "ETH"?',
        ),
        ("time-distance --data users.csv --leader KRO", 'the table has no unit "KRO". Did you mean "KOR"?'),
        ("time-distance --data persons.csv", 'persons.csv: the table has no column "unit".'),
        ("time-distance --data again.csv", "again.csv, line 3: KOR, 2000 stands twice."),
        ("time-distance --data half.csv", "half.csv, line 2: 2000.5 is not a year."),
        ("time-distance --data many.csv", "many.csv: the table has 2 indicators. Name one: calls, users."),
        ("time-distance user --data many.csv", 'many.csv: the table has no indicator "user". Did you mean "users"?'),
        ("converge --data users.csv --scale lin", '"lin" is not a scale.'),
        ("diffuse --data users.csv --level 0", "the level is 0."),
        ("diffuse --data users.csv --curve line", '"line" is not a curve.'),
        ("poverty gone.csv --plan plan.yaml", "gone.csv: can't be read"),
        ("poverty answers.csv --plan gone.yaml", "gone.yaml: can't be read"),
    ],
)
def test_what_is_wrong_ends_with_exit_code_2_and_says_where(arguments: str, said: str, run: Run) -> None:
    files = {
        "empty.csv": "a,b\n\n", "short.csv": "a,b\n1,2\n\n3\n", "inf.csv": "a\ninf\n",
        "comma.csv": 'a,b\n1,2\n"2,5",3\n',
        "huge.csv": f"a\n{'9' * 200_000}\n",
        "minus.csv": "a,b,c\n1,1,x\n2,2,\n3,-1,x\n", "twice.csv": "a,a\n1,2\n", "bad.parquet": "no\n",
        "again.csv": "unit,year,value\nKOR,2000,1\nKOR,2000,2\n", "half.csv": "unit,year,value\nKOR,2000.5,1\n",
        "many.csv": "unit,year,indicator,value\nKOR,2000,users,1\nKOR,2001,calls,2\n",
    }  # fmt: skip
    for name, text in files.items():
        Path(name).write_text(text)
    Path("latin.csv").write_bytes(b"speed\n\xe9\n")
    code, out, err = run(*arguments.split())
    assert said in err
    assert (code, out if "--json" not in arguments else "") == (2, "")


def test_what_can_not_be_computed_ends_with_exit_code_4(run: Run) -> None:
    assert run("converge", "--data", "users.csv")[0] == 4  # no year that nine in ten have
    Path("one.csv").write_text("unit,year,value\nKOR,2000,1\nETH,2000,2\n")
    code, _, err = run("diffuse", "--data", "one.csv")
    assert (code, "one.csv: not computed: needs several years of the figure" in err) == (4, True)
    Path("down.csv").write_text("unit,year,value\n" + "".join(f"KOR,{2000 + i},-{i}\n" for i in range(8)))
    assert run("diffuse", "--data", "down.csv")[0] == 4


def test_blanks_are_no_figures_and_formulas_stay_text(run: Run, facts: Facts) -> None:
    rows = "".join(f"{v},{g}\n" for v, g in [("1", "=1+1"), ("2", "=1+1"), ("4", "=1+1"), ("", "=1+1"), ("NA", "=1+1")])
    Path("gaps.csv").write_text("v,g\n" + rows)
    asked = ("measures", "--data", "gaps.csv", "--value", "v", "--groups", "g", "--min-cell", "1")
    mean = facts(*asked)["unweighted"]["measures"]["mean"]
    assert (mean["value"], mean["n"], mean["share_missing"]) == (pytest.approx(7 / 3), 3, pytest.approx(0.4))
    assert {r["group"] for r in table(run(*asked, "--csv")[1])} == {"", "'=1+1"}


# --- Text ---------------------------------------------------------------------------------------------------------


def test_numbers_to_read() -> None:
    assert [digits(v) for v in (0.0, -0.0, 99.995, 1e-7, math.inf, math.nan)] == [
        "0",
        "0",
        "100",
        "1e-07",
        "infinite",
        "-",
    ]
    assert [year(v) for v in (2004.0, 2004.26, None)] == ["2004", "2004.3", "-"]
    assert [ends(1, None), ends(None, None), ends(None, 2)] == ["1 to ?", "", "? to 2"]
    assert short("A, B") == "A, B"
    assert short(", ".join(["ABC"] * 40)).endswith("ABC, ... (40 in all)")
    assert plain({"a": (math.inf, 1.5)}) == {"a": [None, 1.5]}
