"""The commands on made-up days: figures, certificates that check, files that are not the ones netted."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
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


# --- What a stranger, a full disk or a slip of the hand brings ------------------------------------------------------

OBLIGATIONS = 'id,payer,payee,currency,amount_minor\n"a,1",A,B,BRL,5\n"b ""2""",B,A,BRL,5\n'


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "o.csv").write_text(OBLIGATIONS, encoding="utf-8")
    (tmp_path / "b.csv").write_text("participant,currency,balance_minor\nA,BRL,5\n", encoding="utf-8")
    return tmp_path


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_ids_with_commas_and_quotes_are_written_as_they_were_read(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["net", str(small / "o.csv"), "--balances", str(small / "b.csv"), *WORK, "--out", str(small / "out")]
    answer(capsys, *words)
    assert rows_of(small / "out" / "settled.csv") == [
        {"id": "a,1", "settled": "1"},
        {"id": 'b "2"', "settled": "1"},
    ]


def test_the_reason_of_a_trade_left_out_is_one_field(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "id,party_a,party_b,a_sells_ccy,a_sells_minor,b_sells_ccy,b_sells_minor\n"
    (small / "t.csv").write_text(f"{head}1,A,B,BRL,5,INR,5\n2,A,B,BRL,5,CNY,5\n", encoding="utf-8")
    head = "member,currency,balance_minor,short_limit_minor\n"
    (small / "m.csv").write_text(f"{head}A,BRL,9,0\nB,INR,9,0\n", encoding="utf-8")
    rates = 'schema: concordat/rates@1\nunit: USD\nper_unit: {BRL: "0.2", INR: "0.2"}\n'
    (small / "r.yaml").write_text(rates, encoding="utf-8")
    words = [f for name in ("t.csv", "m.csv", "r.yaml") for f in (TRADE_FILES[name], str(small / name))]
    answer(capsys, "net", *words, *WORK, "--out", str(small / "out"))
    one, other = rows_of(small / "out" / "settled.csv")
    assert (one["settled"], one["reason"]) == ("1", "")
    assert (other["settled"], other["reason"]) == ("0", "no rate, or a party is short in a currency without a rate")
    assert set(other) == {"id", "settled", "reason"}


TRADE_FILES = {"t.csv": "--trades", "m.csv": "--members", "r.yaml": "--rates"}


@pytest.mark.parametrize(
    "words",
    [["--work", "inf"], ["--work", "inf", "--time", "1"]],
)
def test_a_bound_that_is_none_is_refused(words: list[str], small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--work inf` searched for ever: it took the place of the seconds."""
    files = [str(small / "o.csv"), "--balances", str(small / "b.csv")]
    assert answer(capsys, "net", *files, *words, code=2)["code"] == "bad_limit"
    assert answer(capsys, "curve", *files, *words, code=2)["code"] == "bad_limit"


def test_a_full_disk_leaves_no_half_written_folder(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, real = small / "out", Path.write_text

    def full(self: Path, *words: Any, **options: Any) -> int:
        if self.name == "certificates.json":
            raise OSError(28, "No space left on device")
        return real(self, *words, **options)

    monkeypatch.setattr(Path, "write_text", full)
    assert answer(capsys, "net", str(small / "o.csv"), "--no-money", "--engine", "none", "--out", str(out), code=7)
    assert sorted(path.name for path in small.iterdir()) == ["b.csv", "o.csv"]
    monkeypatch.undo()
    answer(capsys, "net", str(small / "o.csv"), "--no-money", "--engine", "none", "--out", str(out))
    assert sorted(path.name for path in small.iterdir()) == ["b.csv", "o.csv", "out"]


def test_two_files_of_one_name_have_no_certificate(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names files without their folders: nobody could check it."""
    (small / "other").mkdir()
    (small / "other" / "o.csv").write_bytes((small / "b.csv").read_bytes())
    words = ["net", str(small / "o.csv"), "--balances", str(small / "other" / "o.csv"), *WORK]
    assert answer(capsys, *words, "--out", str(small / "out"), code=2)["code"] == "bad_file_name"
    assert answer(capsys, *words)["settled"] == 2


def test_the_verdict_names_the_files_it_speaks_of(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The certificate chooses them: a proof about another file is no proof."""
    answer(capsys, "net", str(small / "o.csv"), "--no-money", "--engine", "none", "--out", str(small / "out"))
    file = str(small / "out" / "certificates.json")
    digest = "sha256:" + hashlib.sha256(OBLIGATIONS.encode()).hexdigest()
    assert answer(capsys, "check-certificate", file)["files"] == {"obligations": {"name": "o.csv", "sha256": digest}}
    assert main(["clearing", "check-certificate", file]) == 0
    assert f"obligations: o.csv ({digest})" in capsys.readouterr().out


def test_the_file_with_the_right_hash_is_found_beside_another_of_its_name(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(capsys, "net", str(small / "o.csv"), "--no-money", "--engine", "none", "--out", str(small / "out"))
    (small / "out" / "o.csv").write_text("another file of that name", encoding="utf-8")
    assert answer(capsys, "check-certificate", str(small / "out" / "certificates.json"))["certificates"]


FORGED: list[tuple[str, Callable[[Any], Any], int]] = [
    ("problem", lambda d: d["certificates"][0].update(problem=[]), 2),
    ("problem", lambda d: d["certificates"][0].update(problem="trades"), 2),
    ("kind", lambda d: d["certificates"][0].update(kind={}), 2),
    ("mode", lambda d: d["certificates"][0].update(mode=["bypass"]), 2),
    ("mode", lambda d: d["certificates"][0].update(mode="fifo"), 6),
    ("solver", lambda d: d["certificates"][0].update(solver={"claims": "anything"}), 2),
    ("solver", lambda d: d["certificates"][0].update(solver="x" * 10_000), 2),
    ("currency", lambda d: d["certificates"][0].update(currency=["BRL"]), 2),
    ("currency", lambda d: d["certificates"][0].update(currency="USD"), 2),
    ("chosen", lambda d: d["certificates"][0].update(chosen={"a,1": 1}), 2),
    ("chosen", lambda d: d["certificates"][0].update(chosen=["a,1", "a,1"]), 6),
    ("gained", lambda d: d["certificates"][0].update(gained_minor=10), 6),
    ("gained", lambda d: d["certificates"][0].update(gained_minor="1e1"), 6),
    ("prices", lambda d: d["certificates"][0].update(prices_e6={"A/BRL": 10**9}), 2),
    ("prices", lambda d: d["certificates"][0].update(prices_e6={"A/BRL": "9" * 70}), 2),
    ("prices", lambda d: d["certificates"][0].update(prices_e6={"Z/BRL": "1"}), 6),
    ("prices", lambda d: d["certificates"][0].update(prices_e6={"A/BRL": "-1"}), 6),
    ("twice", lambda d: d["certificates"].append(d["certificates"][0]), 2),
    ("none", lambda d: d.update(certificates=[]), 2),
    ("none", lambda d: d.update(certificates={}), 2),
    ("entry", lambda d: d.update(certificates=[5]), 2),
    ("schema", lambda d: d.update(schema=["concordat/certificates@1"]), 2),
    ("files", lambda d: d.update(files=[]), 2),
    ("files", lambda d: d["files"].pop("balances"), 2),
    ("files", lambda d: d["files"].pop("obligations"), 2),
    ("files", lambda d: d["files"].update(rates={"name": "o.csv", "sha256": "sha256:0"}), 5),
    ("files", lambda d: d["files"].update(keys={"name": "o.csv", "sha256": "sha256:0"}), 2),
    ("files", lambda d: d["files"].update(balances="b.csv"), 2),
    ("name", lambda d: d["files"]["balances"].update(name="b\x00.csv"), 2),
    ("name", lambda d: d["files"]["balances"].update(name=""), 2),
    ("name", lambda d: d["files"]["balances"].update(name=".."), 2),
    ("name", lambda d: d["files"]["balances"].update(name="x" * 5_000), 2),
    ("name", lambda d: d["files"]["balances"].update(name=7), 2),
    ("hash", lambda d: d["files"]["balances"].update(sha256=["x"]), 5),
    ("key", lambda d: d.update(extra=1), 2),
    ("key", lambda d: d["certificates"][0].update(extra=1), 2),
]


@pytest.mark.parametrize(("field", "forge", "code"), FORGED)
def test_a_forged_file_is_refused_by_name(
    field: str, forge: Callable[[Any], Any], code: int, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is put into whichever field: an error with its code, never a fault of the program."""
    words = ["net", str(small / "o.csv"), "--balances", str(small / "b.csv"), *WORK, "--out", str(small / "out")]
    answer(capsys, *words)
    file = small / "out" / "certificates.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    forge(document)
    file.write_text(json.dumps(document), encoding="utf-8")
    refused = answer(capsys, "check-certificate", str(file), "--folder", str(small), code=code)
    assert refused["code"]
    assert refused["exit_code"] == code


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"schema": 1, "schema": 2}', "\ud800", "NaN"])
def test_what_is_no_certificate_names_its_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert str(file) in answer(capsys, "check-certificate", str(file), code=2)["where"]
