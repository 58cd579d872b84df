"""`concordat scenario`: what is printed, in every form, and how a refusal ends."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import scenario_kit as kit
from concordat.cli import main
from concordat.world import members

UNSURE = kit.SCENARIO.replace('{value: 4, reason: "as in the golden case"}', "{parameter: trade_elasticity}").replace(
    "draws: 0", "draws: 300"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / kit.PANEL).write_bytes(kit.panel(extra="rta"))
    (tmp_path / "own.yaml").write_text(kit.OWN, encoding="utf-8")
    (tmp_path / "small.yaml").write_text(kit.SCENARIO, encoding="utf-8")
    (tmp_path / "unsure.yaml").write_text(UNSURE + "allow_unverified: true\n", encoding="utf-8")
    (tmp_path / "refused.yaml").write_text(UNSURE, encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["scenario", *words]) == code
    return capsys.readouterr().out


# --- run --------------------------------------------------------------------------------------------------------------


def test_a_run_is_told_as_the_specification_shows_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "run", str(folder / "unsure.yaml")).splitlines()
    assert lines[0] == "small   one_sector, multiplicative, 300 draws, seed 1"
    assert lines[1].split("   ") == [
        "economy",
        "real income %, median (5-95 %)",
        "USD m, median (5-95 %)",
        "draws gaining",
    ]
    assert lines[2].startswith("BRA ")
    assert lines[2].endswith("100 %")
    assert lines[4].startswith("outsiders: 1 of 1 loses; worst CHL -0.")
    assert lines[4].endswith("m (mean of draws)")
    assert lines[5].startswith("certificate: residual ")
    assert "(worst draw), ACR gap " in lines[5]
    assert "gross substitutes yes, 5 starts agree (both at central values), 2 sources, data " in lines[5]
    assert lines[5].endswith("   grades D, U: UNVERIFIED")


def test_without_draws_central_values_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "run", str(folder / "small.yaml"))
    assert "real income %, central" in out
    assert "BRA       2.49                     9.5" in out  # section 2.7: 2.4930 %, of 380
    assert "tariff revenue: none in a one-sector model" in out
    assert "The base is trade in 2006, not of today" in out
    assert "UNVERIFIED" not in out


def test_as_json_it_is_the_result_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(said(capsys, "run", str(folder / "unsure.yaml"), "--json"))
    assert document["schema"] == "concordat/scenario-result@1"
    assert document["stamp"] == "UNVERIFIED"
    assert document["economies"][0]["economy"] == "BRA"


def test_as_csv_it_is_one_row_an_economy_and_measure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, "run", str(folder / "unsure.yaml"), "--csv"))))
    assert len(rows) == 3 * 3
    assert {r["mark"] for r in rows} == {"UNVERIFIED"}
    assert {r["member"] for r in rows if r["economy"] == "CHL"} == {"no"}
    assert float(rows[0]["q05"]) < float(rows[0]["q50"]) < float(rows[0]["q95"])


def test_out_is_a_folder_with_all_forms(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "made" / "here"
    said(capsys, "run", str(folder / "unsure.yaml"), "--out", str(out))
    assert sorted(p.name for p in out.iterdir()) == [
        "certificate-small.json", "draws.csv", "result.csv", "result.json", "result.txt", "scenario-small.yaml",
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO((out / "draws.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == ["scenario", "draw", "economy", "measure", "unit", "value", "mark"]
    assert len(rows) == 3 * 3 * 301
    assert json.loads((out / "certificate-small.json").read_text())["stamp"] == "UNVERIFIED"
    assert (out / "scenario-small.yaml").read_text() == (folder / "unsure.yaml").read_text()
    assert main(["scenario", "run", str(folder / "unsure.yaml"), "--out", str(out)]) == 2
    assert "new or empty" in capsys.readouterr().err


def test_two_files_are_compared_on_common_draws(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = (folder / "unsure.yaml").read_text().replace("scenario: small", "scenario: with-aid")
    more += "transfers: [{from: BRA, to: ARG, amount: 3, unit: USD_million}]\n"
    (folder / "aid.yaml").write_text(more, encoding="utf-8")
    out = said(capsys, "run", str(folder / "unsure.yaml"), str(folder / "aid.yaml"))
    assert "with-aid less small, draw by draw; common draws of: half, trade_elasticity   UNVERIFIED" in out
    assert "transfer alone: ARG receives USD 3.0 m, worth +" in out
    told = json.loads(said(capsys, "run", str(folder / "unsure.yaml"), str(folder / "aid.yaml"), "--json"))
    assert len(told["results"]) == 2
    assert told["comparisons"][0]["shared_parameters"] == ["half", "trade_elasticity"]


def test_two_scenarios_need_two_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "run", str(folder / "small.yaml"), str(folder / "unsure.yaml")]) == 2
    assert 'a second scenario is called "small"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("", ""), 4, "trade_elasticity is unverified (grade U)"),
        (("parameter: half", "parameter: hal"), 2, 'Did you mean "half"'),
        (("year: 2006,", f"year: 2006, sha256: {'a' * 64},"), 5, "Get the file that was meant"),
        (("panel: trade.csv", "panel: trad.csv"), 2, "line 4: "),
        (("kind: rta_switch", "kind: tariff"), 2, '"parameter" is not a key'),
    ],
)
def test_a_refusal_ends_with_the_code_of_its_branch(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], code: int, words: str
) -> None:
    (folder / "refused.yaml").write_text(UNSURE.replace(*change), encoding="utf-8")
    assert main(["scenario", "run", str(folder / "refused.yaml")]) == code
    caught = capsys.readouterr()
    assert words in caught.err
    assert caught.out == ""


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_check_tells_what_a_run_would_rest_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "check", str(folder / "unsure.yaml"))
    assert "Base: trade.csv, 2006, observed, 3 economies, SHA-256 " in out
    assert "rta_switch      2  half" in out
    assert "Grades D, U: every output will be stamped UNVERIFIED." in out
    assert out.endswith("Nothing is wrong with the file.\n")
    found = json.loads(said(capsys, "check", str(folder / "unsure.yaml"), "--json"))
    assert [s["parameter"] for s in found["shocks"]] == ["trade_elasticity", "half"]
    rows = list(csv.DictReader(io.StringIO(said(capsys, "check", str(folder / "unsure.yaml"), "--csv"))))
    assert [r["pairs"] for r in rows] == ["0", "2"]
    assert rows[1]["place"].endswith("unsure.yaml, line 8")


def test_a_check_refuses_what_a_run_would_refuse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "check", str(folder / "refused.yaml"), code=4)


# --- parameters -------------------------------------------------------------------------------------------------------


def test_every_parameter_is_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from concordat.impact.parameters import load_parameters

    out = said(capsys, "parameters", "list")
    assert all(f"{p.id} " in out for p in load_parameters())
    assert "unverified" in out
    told = json.loads(said(capsys, "parameters", "list", "--file", str(folder / "own.yaml"), "--json"))
    assert [p["id"] for p in told["parameters"]][-6:] == [
        "half",
        "tenth_cheaper",
        "driven",
        "theta_own",
        "distance_own",
        "dstri_own",
    ]
    rows = list(csv.DictReader(io.StringIO(said(capsys, "parameters", "list", "--csv"))))
    assert all(r["grade"] for r in rows)


def test_one_parameter_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "parameters", "show", "trade_elasticity")
    assert "grade         U: unverified" in out
    assert "UNVERIFIED: runs only with allow_unverified: true" in out
    assert json.loads(said(capsys, "parameters", "show", "rta_effect_goods", "--json"))["grade"] == "B"
    assert main(["scenario", "parameters", "show", "rta_efect_goods"]) == 2
    assert 'Did you mean "rta_effect_goods"' in capsys.readouterr().err


# --- provisions -------------------------------------------------------------------------------------------------------


def test_provisions_of_a_pair_and_of_a_bloc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data-dir", str(tmp_path / "data")]
    out = said(capsys, "provisions", "SGP", "NZL", "--on", "2026-01-01", "--base-year", "2006", *data)
    assert "rta_switch rta_effect_goods" in out
    assert "in the base already" in out  # the agreement of 2001
    assert "No provision in force is coded here" in out
    told = json.loads(said(capsys, "provisions", "BRICS", "--on", "2026-01-01", "--json", *data))
    count = len(members("BRICS", "2026-01-01"))
    assert len(told["pairs"]) == count * (count - 1) // 2
    assert told["threshold"] == 5
    assert main(["scenario", "provisions", "A", "B", "C", *data]) == 2
    assert "two parties, or one bloc" in capsys.readouterr().err


def test_a_coded_text_has_its_provisions_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from concordat.rulebook.model import Coding
    from concordat.rulebook.packaged import refresh
    from concordat.rulebook.readers import parse
    from concordat.rulebook.store import RuleStore

    text = b"""CHAPTER 14 ELECTRONIC COMMERCE
Article 14.3 Customs Duties
No Party shall impose customs duties on electronic transmissions.
Article 14.11 Cross-Border Transfer of Information by Electronic Means
Each Party shall allow the cross-border transfer of information by electronic means.
"""
    (tmp_path / "data").mkdir()
    with RuleStore.open(tmp_path / "data" / "rulebook.sqlite") as store:
        refresh(store)
        store.put_text(parse(text, name="cptpp.txt", id="cptpp"), text)
        articles = {u.number: u.id for u in store.units("cptpp") if u.kind == "article"}
        for n, (article, code) in enumerate((("14.3", "EC-DUTY"), ("14.11", "DF-FLOW"))):
            what = (f"c{n}", articles[article], code, 2, {}, None, None, "human", "", "A. Reader", "2026-01-01")
            store.add_codings([Coding(*what, state="review")])
    out = said(capsys, "provisions", "AUS", "JPN", "--on", "2026-01-01", "--data-dir", str(tmp_path / "data"))
    line = next(x for x in out.splitlines() if x.startswith("DF-FLOW "))
    assert line.endswith("quoted")
    line = next(x for x in out.splitlines() if x.startswith("EC-DUTY "))
    assert line.endswith("no quantified effect")
    assert "EC-DUTY, binding: needs tariffs by sector." in out
