"""The worked example of ten central banks by the program's own commands, and what each command refuses."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from concordat.clearing.iso import Gate
from concordat.clearing.iso.gate import read
from concordat.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "ten-central-banks"
SCHEME = str(EXAMPLE / "scheme.yaml")
BANKS = (
    "AAAABRSP", "BBBBRUMM", "CCCCINBB", "DDDDCNBJ", "EEEEZAJJ", "FFFFEGCA", "GGGGETAA", "HHHHIRTH", "JJJJAEAD",
    "KKKKIDJA",
)  # fmt: skip
DAY = "2027-01-04"
Say = pytest.CaptureFixture[str]


def said(capsys: Say, *arguments: str, code: int = 0) -> str:
    assert main(["clearing", *arguments]) == code
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A day of the example, run once: keys, ledger, and what was printed."""
    from contextlib import redirect_stdout

    place = tmp_path_factory.mktemp("ten")
    printed: dict[str, str] = {}

    def run(name: str, *arguments: str) -> None:
        out = io.StringIO()
        with redirect_stdout(out):
            assert main(["clearing", *arguments]) == 0, name
        printed[name] = out.getvalue()

    ledger = ["--ledger", str(place / "ledger.db")]
    keys = ["--keys", str(place / "keys")]
    run("key", "key", "--made-up", *keys, *BANKS)
    run("init", "init", "--scheme", SCHEME, *ledger)
    for number, (name, at) in enumerate((("1-issue", "08"), ("2-exchange", "09"), ("4-close", "18"))):
        if number == 2:
            run(
                "settle",
                "settle",
                str(EXAMPLE / "obligations.csv"),
                *ledger,
                *keys,
                "--time",
                f"{DAY}T12:00Z",
                "--json",
            )
        time = ["--time", f"{DAY}T{at}:00:00Z"]
        run(f"sign {name}", "sign", str(EXAMPLE / f"{name}.jsonl"), "--scheme", SCHEME, *keys, *time)
        (place / f"{name}.signed").write_text(printed[f"sign {name}"])
        run(name, "node", str(place / f"{name}.signed"), *ledger, *time)
    run("report", "report", *ledger, "--date", DAY, "--out", str(place / "statements"), "--camt054", "--pacs002")
    (place / "printed.json").write_text(json.dumps(printed))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def printed(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "printed.json").read_text())
    return found


def test_the_keys_of_the_scheme_are_the_made_up_ones(printed: dict[str, str]) -> None:
    assert all(line in Path(SCHEME).read_text() for line in printed["key"].splitlines())


def test_money_is_issued_and_every_exchange_settles_both_legs(printed: dict[str, str]) -> None:
    assert printed["1-issue"].splitlines()[0].split() == ["10", "issue", "settled"]
    assert "60 trade settled" in printed["2-exchange"]


def test_a_days_obligations_are_set_off_and_paid_with_certificates_that_the_core_accepts(
    printed: dict[str, str],
) -> None:
    found = json.loads(printed["settle"])["currencies"]
    assert sorted(found) == ["AED", "BRL", "CNY", "INR"]
    rows = (EXAMPLE / "obligations.csv").read_text().splitlines()[1:]
    for code, one in found.items():
        gross = sum(Decimal(row.split(",")[4]) for row in rows if row.split(",")[3] == code)
        assert int(one["gross_minor"]) == gross * 100
        parts = sum(int(one[f"{name}_minor"]) for name in ("set_off", "paid", "released", "waiting"))
        assert parts == int(one["gross_minor"]), "what is owed is set off, paid, released, or waits"
        assert not one["refused"]
    assert found["CNY"]["certificates"] >= 1
    assert int(found["CNY"]["set_off_minor"]) > 0


def test_the_ledger_verifies_clean(folder: Path, capsys: Say) -> None:
    told = json.loads(said(capsys, "verify", str(folder / "ledger.db"), "--json"))
    assert told["first"] == 1
    assert told["receipts"] > 400
    assert "Invariants I1-I12 hold." in said(capsys, "verify", str(folder / "ledger.db"))


def test_statements_pass_the_gate_and_add_up_over_all_banks(folder: Path) -> None:
    gate, closing = Gate(), {}
    files = sorted((folder / "statements").glob("camt053-*.xml"))
    for file in files:
        statement = read(file.read_bytes(), gate).items[0]
        opening, end = (balance.amount.value for balance in statement.balances)  # type: ignore[union-attr]
        moved = sum(e.amount.value if e.credit else -e.amount.value for e in statement.entries)  # type: ignore[union-attr]
        assert opening + moved == end
        closing.setdefault(statement.currency, []).append(end)  # type: ignore[union-attr]
    assert len(closing) == 10
    assert {code: sum(ends) for code, ends in closing.items()} == dict.fromkeys(closing, 0), "with the issue account"


def test_other_messages_pass_the_gate_too(folder: Path) -> None:
    gate = Gate()
    for kind in ("camt054", "pacs002"):
        files = sorted((folder / "statements").glob(f"{kind}-*.xml"))
        assert len(files) > 100
        for file in files[::25]:
            assert gate.judge(file.read_bytes()).layer == "", file.name


def test_a_payment_is_proved_by_block_hash_and_by_the_own_ledger(folder: Path, capsys: Say) -> None:
    trade = json.loads((EXAMPLE / "2-exchange.jsonl").read_text().splitlines()[0])
    ledger = str(folder / "ledger.db")
    proof = said(capsys, "prove", trade["uetr"], "--ledger", ledger)
    (folder / "proof.json").write_text(proof)
    told = said(capsys, "check-proof", str(folder / "proof.json"), "--ledger", ledger)
    assert "trade settled" in told
    assert "proved in block sha256:" in told
    told = said(capsys, "check-proof", str(folder / "proof.json"))
    assert "if you trust that hash" in told
    false = json.loads(proof)
    false["receipt"]["amount_minor"] = str(int(false["receipt"]["amount_minor"]) + 1)
    (folder / "false.json").write_text(json.dumps(false))
    said(capsys, "check-proof", str(folder / "false.json"), "--ledger", ledger, code=5)
    said(capsys, "check-proof", str(folder / "proof.json"), "--block", "0" * 64, code=5)


def test_the_same_files_again_change_no_money(folder: Path, capsys: Say, tmp_path: Path) -> None:
    ledger, keys = tmp_path / "ledger.db", str(folder / "keys")
    shutil.copy(folder / "ledger.db", ledger)
    again = ["--ledger", str(ledger), "--time", f"{DAY}T18:30Z"]
    before = json.loads(said(capsys, "verify", str(ledger), "--json"))
    told = said(capsys, "node", str(folder / "2-exchange.signed"), *again)
    assert "30 trade half 30 trade settled" in " ".join(told.split()), "the first receipts again"
    found = json.loads(said(capsys, "settle", str(EXAMPLE / "obligations.csv"), *again, "--keys", keys, "--json"))
    for one in found["currencies"].values():
        assert one["known"] == one["debts"]
        assert one["paid_minor"] == one["set_off_minor"] == "0"
    after = json.loads(said(capsys, "verify", str(ledger), "--json"))
    assert after["receipts"] == before["receipts"]


# --- Refusals ---------------------------------------------------------------------------------------------------------


def refused(capsys: Say, *arguments: str, code: int) -> str:
    assert main(["clearing", *arguments]) == code
    return capsys.readouterr().err


def test_a_ledger_is_not_founded_twice(folder: Path, capsys: Say) -> None:
    told = refused(capsys, "init", "--scheme", SCHEME, "--ledger", str(folder / "ledger.db"), code=7)
    assert "there is a file already" in told


def test_a_scheme_with_an_unknown_key_names_line_and_nearest(tmp_path: Path, capsys: Say) -> None:
    bad = tmp_path / "scheme.yaml"
    bad.write_text(Path(SCHEME).read_text().replace("corridors:", "coridors:"))
    told = refused(capsys, "scheme", "check", str(bad), code=2)
    assert "corridors" in told
    assert "line" in told
    assert (
        said(capsys, "scheme", "hash", SCHEME)
        == f"sha256:{json.loads(said(capsys, 'scheme', 'hash', SCHEME, '--json'))['sha256']}\n"
    )


def test_a_wrong_key_is_refused_at_the_door(folder: Path, tmp_path: Path, capsys: Say) -> None:
    keys = tmp_path / "keys"
    said(capsys, "key", "--keys", str(keys), "AAAABRSP")
    (tmp_path / "one.jsonl").write_text('{"kind":"issue","member":"AAAABRSP","currency":"BRL","amount_minor":"1"}\n')
    out = said(capsys, "sign", str(tmp_path / "one.jsonl"), "--scheme", SCHEME, "--keys", str(keys), "--time", DAY)
    (tmp_path / "signed").write_text(out)
    ledger = tmp_path / "ledger.db"
    shutil.copy(folder / "ledger.db", ledger)
    told = said(capsys, "node", str(tmp_path / "signed"), "--ledger", str(ledger), "--time", DAY, code=5)
    assert "which is none of AAAABRSP" in told


def test_lines_that_are_no_instructions_are_named(folder: Path, tmp_path: Path, capsys: Say) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    told = refused(capsys, "node", str(tmp_path / "bad.jsonl"), "--ledger", str(folder / "ledger.db"), code=2)
    assert "bad.jsonl, line 1" in told
    keys = str(folder / "keys")
    told = refused(capsys, "sign", str(tmp_path / "bad.jsonl"), "--scheme", SCHEME, "--keys", keys, code=2)
    assert "bad.jsonl, line 1: is not an instruction." in told


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path, capsys: Say) -> None:
    ledger = str(folder / "ledger.db")
    nobody = "00000000-0000-4000-8000-000000000000"
    assert "no receipt of" in refused(capsys, "prove", nobody, "--ledger", ledger, code=2)
    assert "is no id of a payment" in refused(capsys, "prove", "zz", "--ledger", ledger, code=2)
    out = str(tmp_path / "out")
    assert "no account has a closed business date" in refused(
        capsys, "report", "--ledger", ledger, "--date", "2027-01-05", "--out", out, code=2
    )
    assert "is not a date" in refused(capsys, "report", "--ledger", ledger, "--date", "soon", "--out", out, code=2)
    assert "there is no such folder" in refused(
        capsys, "sign", SCHEME, "--scheme", SCHEME, "--keys", str(tmp_path / "none"), code=2
    )
    assert "there is a key already" in refused(capsys, "key", "--keys", str(folder / "keys"), "AAAABRSP", code=2)
    assert "is not a BIC" in refused(capsys, "key", "--keys", str(folder / "keys"), "bank", code=2)


def test_a_debt_of_a_stranger_is_refused_before_anything_is_sent(folder: Path, tmp_path: Path, capsys: Say) -> None:
    file = tmp_path / "debts.csv"
    file.write_text("id,payer,payee,currency,amount\n1,AAAABRSP,ZZZZBRSP,BRL,5.00\n")
    ledger = ["--ledger", str(folder / "ledger.db"), "--keys", str(folder / "keys")]
    told = refused(capsys, "settle", str(file), *ledger, "--time", DAY, code=2)
    assert "ZZZZBRSP is no member of this scheme" in told
    assert "netting" in refused(capsys, "settle", str(file), "--mode", "nettin", code=2)
    assert "Give --keys" in refused(capsys, "settle", str(file), *ledger[:2], code=2)


def test_a_damaged_ledger_is_named_by_verify(folder: Path, tmp_path: Path, capsys: Say) -> None:
    import sqlite3

    ledger = tmp_path / "ledger.db"
    shutil.copy(folder / "ledger.db", ledger)
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE block SET hash = replace(hash, substr(hash, 1, 4), 'ffff') WHERE height = 2")
    db.close()
    assert "block 2" in refused(capsys, "verify", str(ledger), code=5)
