"""The commands on made-up days: figures, certificates that check, files that are not the ones netted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

WORK = ["--work", "100000", "--workers", "1"]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day") / "made"
    assert main(["clearing", "generate", str(folder), "--payments", "150", "--members", "15", "--seed", "5"]) == 0
    market = folder.parent / "market"
    assert main(["clearing", "generate", str(market), "--trades", "60", "--members", "6", "--seed", "5", "--json"]) == 0
    return folder


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["clearing", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_set_off_and_its_certificate(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net"
    facts = answer(capsys, "net", str(day / "obligations.csv"), "--no-money", "--engine", "none", "--out", str(out))
    assert facts["optimal"] == "proven"
    rows = (out / "notices.csv").read_text().splitlines()
    assert len(rows) == 151
    assert sum(int(row.split(",")[5]) for row in rows[1:]) == int(facts["cleared_minor"])
    proved = answer(capsys, "check-certificate", str(out / "certificates.json"), "--folder", str(day))
    assert sum(int(one["gained"]) for one in proved["certificates"]) == int(facts["cleared_minor"])


def test_a_queue_and_its_certificate(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "queue"
    words = [str(day / "obligations.csv"), "--balances", str(day / "balances.csv"), *WORK, "--out", str(out)]
    facts = answer(capsys, "net", *words)
    assert 0 < int(facts["gained_minor"]) <= int(facts["solver_claims_minor"]) <= int(facts["certified_bound_minor"])
    proved = answer(capsys, "check-certificate", str(out / "certificates.json"), "--folder", str(day))
    assert sum(int(one["bound"]) for one in proved["certificates"]) == int(facts["certified_bound_minor"])
    settled = [row for row in (out / "settled.csv").read_text().splitlines() if row.endswith(",1")]
    assert len(settled) == facts["settled"]


def test_other_files_and_changed_certificates(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "queue"
    words = [str(day / "obligations.csv"), "--balances", str(day / "balances.csv"), *WORK, "--out", str(out)]
    answer(capsys, "net", *words)
    file = out / "certificates.json"
    (tmp_path / "other").mkdir()
    for name in ("obligations.csv", "balances.csv"):
        text = (day / name).read_text()
        (tmp_path / "other" / name).write_text(text.replace("P00001", "P00002", 1) if name == "balances.csv" else text)
    assert answer(capsys, "check-certificate", str(file), "--folder", str(tmp_path / "other"), code=5)["code"] == (
        "other_file"
    )
    document = json.loads(file.read_text())
    richest = max(document["certificates"], key=lambda one: len(one["chosen"]))
    richest["chosen"] = richest["chosen"][1:]
    file.write_text(json.dumps(document))
    refused = answer(capsys, "check-certificate", str(file), "--folder", str(day), code=6)
    assert refused["code"].startswith("certificate_")
    file.write_text("{}")
    assert answer(capsys, "check-certificate", str(file), code=2)["code"] == "bad_certificate"


def test_a_certificate_names_files_never_places(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name with a path in it is looked for in the folder alone."""
    out = tmp_path / "net"
    answer(capsys, "net", str(day / "obligations.csv"), "--no-money", "--engine", "none", "--out", str(out))
    file = out / "certificates.json"
    document = json.loads(file.read_text())
    document["files"]["obligations"]["name"] = str(day / "obligations.csv")
    file.write_text(json.dumps(document))
    assert answer(capsys, "check-certificate", str(file), "--folder", str(out), code=2)["code"] == "unreadable"


def test_trades_and_their_certificate(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market, out = day.parent / "market", tmp_path / "chosen"
    files = [f for name in ("trades", "members") for f in (f"--{name}", str(market / f"{name}.csv"))]
    facts = answer(capsys, "net", *files, "--rates", str(market / "rates.yaml"), *WORK, "--out", str(out))
    assert 0 < int(facts["gained_value"]) <= int(facts["certified_bound_value"])
    proved = answer(capsys, "check-certificate", str(out / "certificates.json"), "--folder", str(market))
    assert proved["certificates"][0]["gained"] == facts["gained_value"]


def test_the_curve_is_a_table_and_a_figure(day: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "curve"
    words = [str(day / "obligations.csv"), "--balances", str(day / "balances.csv"), "--at", "0,5", *WORK]
    points = answer(capsys, "curve", *words, "--out", str(out))["points"]
    assert [point["opening_pct_gross"] for point in points] == [0.0, 5.0]
    assert (out / "curve.csv").read_text().count("\n") == 3
    assert (out / "curve.svg").read_text().startswith("<svg")


def test_the_texts_say_what_is_certified_and_what_is_claimed(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    words = [str(day / "obligations.csv"), "--balances", str(day / "balances.csv"), *WORK, "--classes", "first"]
    assert main(["clearing", "net", *words]) == 0
    said = capsys.readouterr().out
    assert "solver claims gap" in said
    assert "certified bound" in said
