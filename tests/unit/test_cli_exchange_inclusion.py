"""`concordat exchange aid`, `passport`, `skills`: from files to what is printed, and aid on a small bloc's record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

REQUEST = """schema: concordat/aid-request@1
id: laboratories
member: {member}
title: {{en: "Trainers"}}
kind: people
sectors: ["22040"]
languages: [en]
window: {{from: "2027-02-01", to: "2027-07-31"}}
"""
OFFER = """schema: concordat/aid-offer@1
id: trainers
member: {member}
title: {{en: "Trainers"}}
kind: {kind}
sectors: ["22040"]
languages: [en]
eligible: [all]
"""
GOODS = "sku,name,lang,gtin,hs6,origin,price,currency,unit\nb1,Basket,en,{gtin},460219,KEN,5.00,KES,C62\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def aid(folder: Path, requester: str = "ETH", offerer: str = "BRA", kind: str = "people") -> None:
    (folder / "ask.yaml").write_text(REQUEST.format(member=requester))
    (folder / "give.yaml").write_text(OFFER.format(member=offerer, kind=kind))


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_match_of_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aid(folder)
    found = answer(capsys, "exchange", "aid", "match", "ask.yaml", "give.yaml", "--on", "2027-01-01")
    (pair,) = found["pairs"]
    assert (pair["request"], pair["offer"]) == ("ETH/laboratories", "BRA/trainers")
    # sector 35 and language 10 are known; window, size, aid type and place are not stated by a side.
    assert (pair["low"], pair["high"]) == (450_000, 1_000_000)
    assert (found["blocking_pairs"], found["pairs_checked"], found["entry"]) == (0, 1, None)
    assert main(["exchange", "aid", "match", ".", "--on", "2027-01-01"]) == 0
    assert "45.0 to 100.0 of 100 points" in capsys.readouterr().out


def test_a_match_without_acceptable_pairs_ends_with_4(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aid(folder, kind="money")
    found = answer(capsys, "exchange", "aid", "match", "ask.yaml", "give.yaml", code=4)
    assert found["code"] == "no_pairs"
    assert "1 because another kind of help" in found["what"]


def test_files_and_the_record_are_not_mixed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aid(folder)
    assert answer(capsys, "exchange", "aid", "match", "ask.yaml", "--log", "x", code=2)["code"] == "log"
    assert answer(capsys, "exchange", "aid", "match", "ask.yaml", "--on", "soon", code=2)["code"] == "day"


def test_aid_on_the_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", "demo", "2", "demo"]) == 0
    capsys.readouterr()
    requester, offerer = json.loads((folder / "demo" / "demo.json").read_text())["members"]
    aid(folder, requester, offerer)
    demo = ("--demo", "demo", "--as")
    asked = answer(capsys, "exchange", "aid", "request", "ask.yaml", *demo, requester)
    assert (asked["author"], asked["id"]) == (requester, f"{requester}/laboratories")
    again = answer(capsys, "exchange", "aid", "request", "ask.yaml", *demo, requester, code=6)
    assert again["code"] == "version"
    assert answer(capsys, "exchange", "aid", "offer", "give.yaml", *demo, requester, code=6)["code"] == "member"
    answer(capsys, "exchange", "aid", "offer", "give.yaml", *demo, offerer)
    made = answer(capsys, "exchange", "aid", "match", "--log", "first", "--on", "2027-01-01", *demo, offerer)
    by_files = answer(capsys, "exchange", "aid", "match", "ask.yaml", "give.yaml", "--on", "2027-01-01")
    assert (made["inputs"], made["result"]) == (by_files["inputs"], by_files["result"])
    pair = (f"{requester}/laboratories", f"{offerer}/trainers")
    first = answer(capsys, "exchange", "aid", "accept", *pair, made["entry"], *demo, requester)
    assert (first["binds"], first["by"]) == (False, [requester])
    second = answer(capsys, "exchange", "aid", "accept", *pair, made["entry"][:8], *demo, offerer)
    assert (second["binds"], second["by"]) == (True, sorted([requester, offerer]))
    listed = answer(capsys, "exchange", "aid", "list", "--demo", "demo")
    assert [(r["what"], r["id"], r["file_here"]) for r in listed["aid"]] == [
        ("request", pair[0], True), ("offer", pair[1], True),
    ]  # fmt: skip
    assert listed["accepted"][0]["binds"]
    wrong = answer(capsys, "exchange", "aid", "accept", *pair, "0000", *demo, offerer, code=2)
    assert wrong["code"] == "unknown_id"


def test_iati(folder: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lxml", reason="needs the extra [exchange] or [test]")
    example = str(shared_data / "exchange" / "iati" / "activity-standard-example-annotated.xml")
    found = answer(capsys, "exchange", "aid", "iati", example, "--out", "out.xml")
    assert found["notes"][0]["what"] == "1 contact entry removed."
    assert found["file"]["activities"][0]["countries"][0] == {"code": "AF", "percentage": "25"}
    again = answer(capsys, "exchange", "aid", "iati", "out.xml")
    assert again["file"] == found["file"]
    assert answer(capsys, "exchange", "aid", "iati", example, "--out", "out.xml", code=2)["code"] == "exists"


def test_passport(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "goods.csv").write_text(GOODS.format(gtin="4006381333931"))
    words = ("exchange", "passport", "goods.csv", "--channel", "parcel-export", "--jsonld", "goods.json")
    found = answer(capsys, *words)
    assert [m["field"] for m in found["readiness"][0]["missing"]] == ["description", "materials"]
    assert found["channels"][0]["status"] == "unverified"
    assert json.loads((folder / "goods.json").read_text())["@graph"][0]["sku"] == "b1"
    assert answer(capsys, *words, code=2)["code"] == "exists"


def test_a_wrong_number_names_the_digit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "goods.csv").write_text(GOODS.format(gtin="4006381333930"))
    found = answer(capsys, "exchange", "passport", "goods.csv", code=2)
    assert "row 2, gtin: 4006381333930 ends in 0, and the check digit must be 1" in found["what"]


def test_a_destination_is_never_called_allowed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "goods.csv").write_text(GOODS.format(gtin="4006381333931"))
    assert main(["exchange", "passport", "goods.csv", "--to", "BRA", "--on", "2026-11-01"]) == 0
    said = capsys.readouterr().out
    assert "what is known, not what is allowed" in said
    assert "values below which no duty is due: not known to us" in said
    assert "no rule known to us: EC-AUTH" in said


def test_a_template_has_all_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from concordat.exchange.inclusion.passport import COLUMNS

    assert main(["exchange", "passport", "new.csv", "--template"]) == 0
    assert (folder / "new.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_skills(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "exchange", "skills", "codes", "sdg441")
    assert found["frameworks"]["sdg441"]["status"] == "unverified"
    assert found["between"]["table"]["pcpr"] == ["3.4"]
    assert answer(capsys, "exchange", "skills", "codes", "digicomp", code=2)["code"] == "unknown_framework"
    assert answer(capsys, "exchange", "skills", "gaps", code=2)["code"] == "who"


def test_skills_of_members_without_a_figure_are_not_invented(
    folder: Path, evidence_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("exchange", "skills", "gaps", "--countries", "BRA,ETH", "--data-dir", str(evidence_dir))
    found = answer(capsys, *words)
    assert len(found["gaps"]) == 2 * 9
    assert {g["gap_pct"] for g in found["gaps"]} == {None}
    assert main(list(words)) == 0
    assert "No figure of ict_skills_pct for BRA, ETH" in capsys.readouterr().out
