"""`concordat connect`: three scopes from the Factbook, forecasts from a table, a plan solved; all forms alike."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from connectivity_kit import area, plan_text, spread_of

Run = Callable[..., tuple[int, str, str]]
SIZES = """\
schema: concordat/parameters@1
parameters:
  - {id: connect_capital_per_person, value: 300, quantity: price, unit: USD, grade: D, mark: verified,
     distribution: {kind: lognormal, sigma: 0.2}, source: {id: demo, where: here, url_or_doi: none}}
  - {id: connect_running_per_person_year, value: 20, quantity: price, unit: USD, grade: U, mark: unverified,
     distribution: {kind: lognormal, sigma: 0.2}, source: {id: demo, where: here, url_or_doi: none}}
  - {id: connect_capital_rate, value: 0.08, quantity: share, unit: a year, grade: D, mark: verified,
     distribution: {kind: uniform, low: 0.06, high: 0.1}, source: {id: demo, where: here, url_or_doi: none}}
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat connect ...` in a folder that holds a long table, sizes and a plan."""
    monkeypatch.chdir(tmp_path)
    series = spread_of(5, areas=40)
    rows = [f"{a},{y},users,{v}" for a, by in series.items() for y, v in by.items()]
    income = [f"{a},{y},gdp,{1000 + 100 * i}" for i, a in enumerate(series) for y in (1990, 2010)]
    (tmp_path / "series.csv").write_text("iso3,year,indicator,value\n" + "\n".join(rows + income) + "\n", "utf-8")
    alone = "\n".join(f"{a},{y},{v}" for a, by in series.items() for y, v in by.items())
    (tmp_path / "alone.csv").write_text(f"unit,year,value\n{alone}\n", "utf-8")
    (tmp_path / "sizes.yaml").write_text(SIZES, "utf-8")
    areas = [area("AAA", [9000.0, 4000.0], [4.0, 8.0], gdp_usd_million=900.0), area("BBB", [7000.0], [8.0])]
    (tmp_path / "plan.yaml").write_text(plan_text(areas, draws=200), "utf-8")

    def connect(*arguments: str) -> tuple[int, str, str]:
        code = main(["connect", *arguments])
        return code, *capsys.readouterr()

    return connect


def facts(run: Run, *arguments: str) -> Any:
    """The same with `--json`, read; it must succeed."""
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def rows(run: Run, *arguments: str) -> list[dict[str, str]]:
    """The same with `--csv`, read; it must succeed."""
    code, out, err = run(*arguments, "--csv")
    assert code == 0, err
    return list(csv.DictReader(io.StringIO(out)))


# --- cost ---------------------------------------------------------------------------------------------------------


def test_cost_prints_three_scopes_and_the_anchors(run: Run, evidence_dir: Path) -> None:
    code, out, _ = run("cost", "EGY", "--scope", "all", "--data-dir", str(evidence_dir))
    assert code == 0
    places = [out.index(f"\n{scope} ") for scope in ("coverage", "affordable", "meaningful")]
    assert places == sorted(places)
    for said in (
        "itu-2020",
        "imf-2023",
        "oughton-2022",
        "itu-2025",
        "Grade D",
        "No figure without its scope",
        "cia_factbook",
    ):
        assert said in out
    first = run("cost", "EGY", "--scope", "meaningful", "--data-dir", str(evidence_dir))[1]
    assert first.index("\nmeaningful ") < first.index("\ncoverage ")


def test_cost_of_a_country_is_people_times_the_published_average(run: Run) -> None:
    found = facts(run, "cost", "EGY", "--population", "100000000", "--online", "80", "--target", "90")
    place = found["places"][0]
    assert place["people"] == pytest.approx(10e6)
    assert place["scopes"][0]["central"] == pytest.approx(10e6 * 1600 / 2.6)
    assert found["grade"] == "D"
    table = rows(run, "cost", "EGY", "--population", "100000000", "--online", "80", "--target", "90")
    assert [r["scope"] for r in table] == ["coverage", "affordable", "meaningful"]
    assert float(table[0]["usd_central"]) == place["scopes"][0]["central"]


def test_cost_of_a_bloc_has_a_row_for_each_member_and_their_sum(run: Run, evidence_dir: Path) -> None:
    found = facts(run, "cost", "BRICS", "--on", "2026-01-01", "--data-dir", str(evidence_dir))
    assert len(found["places"]) == 10
    assert found["total"]["people"] == pytest.approx(sum(p["people"] for p in found["places"]))
    code, out, _ = run("cost", "BRICS", "--on", "2026-01-01", "--data-dir", str(evidence_dir))
    assert code == 0
    assert "\nall " in out


def test_sizes_of_ones_own_need_permission_where_unverified_and_stamp_the_answer(run: Run) -> None:
    own = ("cost", "EGY", "--population", "1000", "--online", "0", "--parameters", "sizes.yaml")
    code, _, err = run(*own)
    assert code == 4
    assert "connect_running_per_person_year is unverified" in err
    code, out, _ = run(*own, "--allow-unverified", "--years", "5", "--device-years", "3", "--seed", "7")
    assert code == 0
    for said in ("UNVERIFIED", "million a year", "not computed: needs connect_device_price", "over 5 years", "grade U"):
        assert said in out
    found = facts(run, *own, "--allow-unverified")
    assert found["unverified"] is True
    assert list(found["files"]) == ["sizes.yaml"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("EGY", "--scope", "cover"), 2, "three are printed together"),
        (("Egpyt",), 2, "Egypt"),
        (("BRICS", "--population", "5"), 2, "of one country"),
        (("EGY", "--on", "2026-01-01", "--population", "5", "--online", "5"), 2, "--on needs a bloc"),
        (("EGY", "--population", "5", "--online", "500"), 2, "500 % can't be online"),
    ],
)
def test_cost_refuses(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    found, _, err = run("cost", *arguments)
    assert found == code
    assert said in err


# --- forecast and backtest ----------------------------------------------------------------------------------------


def test_forecast_of_a_table_in_all_forms(run: Run, tmp_path: Path) -> None:
    asked = ("forecast", "A03", "--to", "2023", "--series", "series.csv", "--indicator", "users", "--groups", "none")
    found = facts(run, *asked)
    table = rows(run, *asked)
    assert [int(r["year"]) for r in table] == found["areas"][0]["years"] == [2021, 2022, 2023]
    assert [float(r["value"]) for r in table] == found["areas"][0]["values"]
    code, out, _ = run(*asked)
    assert code == 0
    assert "How the method did" in out
    assert "series.csv, sha256" in out
    code, _, err = run(*asked, "--out", "made")
    assert code == 0, err
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["forecast.csv", "forecast.json", "forecast.txt"]
    assert json.loads((tmp_path / "made" / "forecast.json").read_text("utf-8")) == found


def test_forecast_groups_by_income_of_the_same_table(run: Run) -> None:
    asked = ("forecast", "A03", "--to", "2022", "--series", "series.csv", "--indicator", "users", "--groups", "gdp")
    assert facts(run, *asked)["areas"][0]["group"] == "income 1 of 4"
    assert facts(run, *asked, "--origin", "2015")["origin"] == 2015


def test_a_table_of_one_figure_needs_no_name(run: Run) -> None:
    found = facts(run, "forecast", "A03", "--to", "2022", "--series", "alone.csv", "--groups", "none")
    assert found["indicator"] == "value"


def test_forecast_of_the_factbook_says_what_it_needs(run: Run, evidence_dir: Path) -> None:
    code, _, err = run("forecast", "EGY", "--to", "2032", "--data-dir", str(evidence_dir))
    assert code == 4
    assert "not computed: needs several years of internet_users_pct" in err


def test_backtest_prints_the_baseline_beside(run: Run) -> None:
    asked = (
        "backtest",
        "series.csv",
        "--indicator",
        "users",
        "--horizon",
        "4",
        "--origins",
        "2010,2014",
        "--groups",
        "none",
    )
    found = facts(run, *asked)
    assert [o["origin"] for o in found["origins"]] == [2010, 2014]
    table = rows(run, *asked)
    assert float(table[0]["error_baseline"]) == found["origins"][0]["error_baseline"]
    code, out, _ = run(*asked)
    assert code == 0
    assert "baseline" in out
    assert "90 % bands are" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("forecast", "A03", "--to", "2022", "--series", "series.csv"), 2, "the table has 2 indicators"),
        (
            ("forecast", "A03", "--to", "2022", "--series", "series.csv", "--indicator", "user"),
            2,
            'Did you mean "users"',
        ),
        (("forecast", "A99", "--to", "2022", "--series", "alone.csv"), 2, 'Did you mean "A'),
        (("forecast", "A03", "--to", "2022", "--series", "alone.csv", "--scale", "logit"), 2, "Use percent or log"),
        (("forecast", "A03", "--to", "2099", "--series", "alone.csv"), 2, "within 20 years"),
        (
            ("forecast", "A03", "--to", "2022", "--series", "alone.csv", "--groups", "gdp"),
            2,
            "the table has one figure",
        ),
        (
            ("forecast", "A03", "--to", "2022", "--series", "series.csv", "--indicator", "users", "--groups", "gpd"),
            2,
            "gdp",
        ),
        (("backtest", "alone.csv", "--origins", "2010,x"), 2, '"x" is not a year'),
        (("backtest", "alone.csv", "--origins", "1980"), 2, "Possible origins"),
    ],
)
def test_series_refused(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    found, _, err = run(*arguments)
    assert found == code
    assert said in err


# --- allocate -----------------------------------------------------------------------------------------------------


def test_allocate_in_all_forms(run: Run, tmp_path: Path) -> None:
    found = facts(run, "allocate", "plan.yaml")
    table = rows(run, "allocate", "plan.yaml")
    assert [float(r["usd_million"]) for r in table] == [a["money"] for a in found["areas"]]
    assert found["value"] == pytest.approx(4 * 9000 + 6 * 7000)
    assert found["greedy_agrees"] is True
    assert found["responses"][0]["grade"] == "D"
    code, out, _ = run("allocate", "plan.yaml")
    assert code == 0
    for said in (
        "No causal effect was identified",
        "One more dollar: 0.007",
        "duality gap",
        "UNVERIFIED",
        "in the top 2",
    ):
        assert said in out
    assert run("allocate", "plan.yaml", "--out", "made")[0] == 0
    assert (tmp_path / "made" / "allocation.csv").exists()


def test_allocate_reads_effects_from_a_file_of_ones_own(run: Run, tmp_path: Path) -> None:
    areas = [area("AAA", [9000.0], [4.0], gdp_usd_million=1000.0)]
    text = plan_text(areas, objective="gdp", gdp_parameter="own_effect")
    (tmp_path / "gdp.yaml").write_text(text, "utf-8")
    own = """\
schema: concordat/parameters@1
parameters:
  - {id: own_effect, value: 0.01, quantity: growth_effect, per: {change: 10, unit: percentage points},
     unit: share of GDP, grade: C, mark: verified, distribution: {kind: normal, sd: 0.004},
     source: {id: demo, where: here, url_or_doi: none}}
"""
    (tmp_path / "own.yaml").write_text(own, "utf-8")
    assert run("allocate", "gdp.yaml")[0] == 2
    found = facts(run, "allocate", "gdp.yaml", "--parameters", "own.yaml")
    assert found["value"] == pytest.approx(36_000 / 10e6 * 100 * 0.001 * 1000)
    assert found["gdp_parameter"]["associational"] is True


def test_the_example_runs_for_every_objective(run: Run, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "connectivity-plan" / "plan.yaml"
    text = example.read_text("utf-8")
    for objective in ("people", "gap", "gdp", "theil"):
        (tmp_path / "one.yaml").write_text(text.replace("objective: people", f"objective: {objective}"), "utf-8")
        assert facts(run, "allocate", "one.yaml")["duality_gap"] < 1e-9


def test_allocate_refuses_with_the_line(run: Run, tmp_path: Path) -> None:
    text = (tmp_path / "plan.yaml").read_text("utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("budget:", "budjet:"), "utf-8")
    code, _, err = run("allocate", "wrong.yaml")
    assert code == 2
    assert 'wrong.yaml, line 4: "budjet" is not a key I know here. Did you mean "budget"?' in err
    assert run("allocate", "none.yaml")[0] == 2


@pytest.mark.parametrize("cell", ["nan", "NaN", "NA"])
def test_a_word_for_a_gap_is_refused_and_an_empty_cell_is_one(run: Run, tmp_path: Path, cell: str) -> None:
    lines = (tmp_path / "alone.csv").read_text("utf-8").splitlines()
    lines[3] = lines[3].rpartition(",")[0] + ","
    (tmp_path / "alone.csv").write_text("\n".join(lines) + "\n", "utf-8")
    words = ("forecast", "A00", "--to", "2022", "--series", "alone.csv", "--groups", "none")
    assert run(*words)[0] == 0
    lines[3] += cell
    (tmp_path / "alone.csv").write_text("\n".join(lines) + "\n", "utf-8")
    code, _, said = run(*words)
    assert code == 2
    assert f'alone.csv, line 4: value: "{cell}" is not a number. Leave gaps empty.' in said
