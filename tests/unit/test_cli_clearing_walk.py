"""The commands of the ledger as a stranger uses them: wrong file, wrong order, run twice, unicode, damage."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import sys
from contextlib import redirect_stdout
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from concordat import canonical
from concordat.clearing import host as hosts
from concordat.cli import main
from concordat.ledger.keys import Ed25519Secret

EXAMPLE = Path(__file__).parents[2] / "examples" / "ten-central-banks"
SCHEME = str(EXAMPLE / "scheme.yaml")
BANKS = ("AAAABRSP", "BBBBRUMM", "CCCCINBB", "DDDDCNBJ", "EEEEZAJJ", "FFFFEGCA", "GGGGETAA", "HHHHIRTH", "JJJJAEAD",
         "KKKKIDJA")  # fmt: skip
EIGHT = ("--time", "2027-01-04T08:00:00Z")
TRADE = "d50b3886-565f-4e59-9fdb-e39283fc76fc"
Say = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, an empty ledger, one with the first two blocks of the example, and their signed instructions."""
    place = tmp_path_factory.mktemp("walk")
    keys = ("--keys", str(place / "keys"))

    def run(*arguments: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            assert main(["clearing", *arguments]) == 0
        return out.getvalue()

    run("key", "--made-up", *keys, *BANKS)
    run("init", "--scheme", SCHEME, "--ledger", str(place / "empty.db"))
    shutil.copy(place / "empty.db", place / "ledger.db")
    for name in ("1-issue", "2-exchange"):
        signed = run("sign", str(EXAMPLE / f"{name}.jsonl"), "--scheme", SCHEME, *keys, *EIGHT)
        (place / f"{name}.signed").write_text(signed)
        run("node", str(place / f"{name}.signed"), "--ledger", str(place / "ledger.db"), *EIGHT)
    (place / "proof.json").write_text(run("prove", TRADE, "--ledger", str(place / "ledger.db")))
    return place


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with all of that in it, to work in."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "here"


def out(capsys: Say, *arguments: str, code: int = 0) -> str:
    assert main(["clearing", *arguments]) == code
    return capsys.readouterr().out


def err(capsys: Say, *arguments: str, code: int) -> str:
    assert main(["clearing", *arguments]) == code
    return capsys.readouterr().err


# --- Files that are no ledger -----------------------------------------------------------------------------------------

ASKING = (
    ("node", "1-issue.signed", "--ledger", "{}"),
    ("verify", "{}"),
    ("prove", TRADE, "--ledger", "{}"),
    ("report", "--date", "2027-01-04", "--out", "out", "--ledger", "{}"),
    ("check-proof", "proof.json", "--ledger", "{}"),
    ("settle", "debts.csv", "--keys", "keys", "--ledger", "{}"),
)


@pytest.mark.parametrize("words", ASKING, ids=lambda words: words[0])
def test_what_is_no_ledger_is_told_and_left_as_it_is(here: Path, capsys: Say, words: tuple[str, ...]) -> None:
    """SQLite takes a file of less than 512 bytes for an empty database: a private key would be written over."""
    Path("debts.csv").write_text("id,payer,payee,currency,amount\n1,AAAABRSP,BBBBRUMM,BRL,5.00\n")
    Path("note.txt").write_bytes(b"x")
    Path("nothing.db").write_bytes(b"")
    with sqlite3.connect("other.db") as database:
        database.execute("CREATE TABLE bookmark (id INTEGER)")
    database.close()
    for name in ("keys/AAAABRSP.json", "note.txt", "nothing.db", "other.db", "proof.json"):
        before = Path(name).read_bytes()
        told = err(capsys, *(word.format(name) for word in words), code=7)
        assert "ledger" in told, name
        assert Path(name).read_bytes() == before, name
    assert "is not a file" in err(capsys, *(word.format("keys") for word in words), code=7)
    assert "there is no ledger here" in err(capsys, *(word.format("nowhere.db") for word in words), code=7)
    assert not Path("nowhere.db").exists()
    assert not Path("out").exists()


def test_a_founding_that_was_cut_off_can_be_done_again(here: Path, capsys: Say) -> None:
    Path("cut.db").write_bytes(b"")
    assert "founded under" in out(capsys, "init", "--scheme", SCHEME, "--ledger", "cut.db")
    assert "there is a file already" in err(capsys, "init", "--scheme", SCHEME, "--ledger", "cut.db", code=7)
    assert "there is a file already" in err(capsys, "init", "--scheme", SCHEME, "--ledger", "proof.json", code=7)
    assert "is not a folder" in err(capsys, "init", "--scheme", SCHEME, "--ledger", "proof.json/a.db", code=2)


def test_names_in_any_script_and_an_empty_ledger(here: Path, capsys: Say) -> None:
    name = "tief/über 日本/الدفتر.db"
    out(capsys, "init", "--scheme", SCHEME, "--ledger", name)
    assert out(capsys, "verify", name).startswith("no block yet")
    assert json.loads(out(capsys, "verify", name, "--json"))["height"] == 0


# --- Keys and signatures ----------------------------------------------------------------------------------------------


def test_no_key_is_made_if_one_of_several_can_not_be(here: Path, capsys: Say) -> None:
    for last in ("AAAABRSP", "small"):
        err(capsys, "key", "--keys", "keys", "MMMMBRSP", last, code=2)
        assert not Path("keys/MMMMBRSP.json").exists(), "its public key would never be shown"
    assert "MMMMBRSP" in out(capsys, "key", "--keys", "keys", "MMMMBRSP", "MMMMBRSP")
    assert "is not a folder" in err(capsys, "key", "--keys", "proof.json", "MMMMBRSP", code=2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"kind":"issue","kind":"redeem","member":"AAAABRSP","currency":"BRL","amount_minor":"5"}', "stands twice"),
        ('{"kind":"owe","member":"AAAABRSP","creditor":["x"],"currency":"BRL"}', "no key of ['x']"),
        ('{"kind":"issue","member":5}', "is not an instruction"),
        ("[" * 99_999, "is not an instruction"),
        ("\x85", "is not an instruction"),
        ('{"kind":"issue","member":"ZZZZBRSP"}', "no key of ZZZZBRSP"),
        ('{"kind":"issue","member":"AAAABRSP","currency":"BRL","amount_minor":1e3}', "float"),
    ],
    ids=("twice", "creditor", "member", "deep", "next line", "stranger", "float"),
)
def test_nothing_is_signed_if_one_line_can_not_be(here: Path, capsys: Say, line: str, said: str) -> None:
    good = '{"kind":"issue","member":"AAAABRSP","currency":"BRL","amount_minor":"5"}'
    Path("lines.jsonl").write_text(f"{good}\n{line}\n", encoding="utf-8")
    assert main(["clearing", "sign", "lines.jsonl", "--scheme", SCHEME, "--keys", "keys", *EIGHT]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "lines.jsonl, line 2" in told.err
    assert said in told.err


def test_a_folder_of_keys_is_read_strictly(here: Path, capsys: Say) -> None:
    words = ("sign", "1-issue.signed", "--scheme", SCHEME, "--keys", "keys")
    shutil.copy("keys/AAAABRSP.json", "keys/copy.json")
    assert "copy.json: is a second key of AAAABRSP" in err(capsys, *words, code=2)
    for text in ("[" * 99_999, '{"bic8": 5, "seed": "' + "00" * 32 + '"}', "[]", "\ufeff"):
        Path("keys/copy.json").write_text(text, encoding="utf-8")
        assert "copy.json: is not a key file" in err(capsys, *words, code=2)


def test_json_is_taken_everywhere_for_errors_at_least(here: Path, capsys: Say) -> None:
    assert json.loads(out(capsys, "prove", TRADE, "--ledger", "ledger.db", "--json"))["index"] >= 0
    told = json.loads(out(capsys, "prove", TRADE, "--ledger", "empty.db", "--json", code=2))
    assert told["code"] == "unknown_payment"
    told = json.loads(out(capsys, "sign", "none", "--scheme", SCHEME, "--keys", "keys", "--json", code=2))
    assert told["code"] == "unreadable"


# --- The node ---------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_into_one_block_comes_in_the_next(
    here: Path, capsys: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block has 4 MiB at most; what stayed behind in the pool was lost when the program ended."""
    monkeypatch.setattr(hosts, "BLOCK_BYTES_MAX", 1_200)
    told = out(capsys, "node", "1-issue.signed", "--ledger", "empty.db", *EIGHT)
    assert "10 issue settled" in told
    assert "height 5," in told


class Stdin:
    """Standard input of bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_a_bad_line_is_named_by_its_number_and_what_was_taken_before_is_told(
    here: Path, capsys: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Path("1-issue.signed").read_bytes().splitlines(keepends=True)
    monkeypatch.setattr(sys, "stdin", Stdin(b"".join([*lines[:5], b"what?\n"])))
    assert main(["clearing", "node", "--ledger", "empty.db", "--block", "2", *EIGHT]) == 2
    told = capsys.readouterr()
    assert "standard input, line 6" in told.err
    assert "4 issue settled" in told.out
    assert "1 were taken and are in no block: send them again" in told.out
    assert "height 2," in told.out


def test_without_a_pinned_time_each_block_has_the_time_that_it_is(
    here: Path, capsys: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that reads a stream for hours must not date its last block by its start."""
    from concordat import clock

    start, asked = 1_799_049_600, []

    def now() -> object:
        import datetime

        asked.append(0)
        return datetime.datetime.fromtimestamp(start + 3_600 * len(asked), datetime.UTC)

    monkeypatch.setattr(clock, "now", now)
    out(capsys, "node", "1-issue.signed", "--ledger", "empty.db", "--block", "5")
    with sqlite3.connect("empty.db") as database:
        times = [time for (time,) in database.execute("SELECT time_ms FROM block ORDER BY height")]
    database.close()
    assert times[1] - times[0] == 3_600_000


def test_who_was_refused_at_the_door_is_named(here: Path, capsys: Say) -> None:
    told = out(capsys, "node", "2-exchange.signed", "--ledger", "ledger.db", "--time", "2027-02-01")
    assert "30 trade half" in told, "their first receipts"
    with sqlite3.connect("empty.db") as database:
        assert database.execute("SELECT count(*) FROM block").fetchone() == (0,)
    database.close()
    secret = Ed25519Secret(bytes(32))
    Path("stranger").mkdir()
    Path("stranger/AAAABRSP.json").write_text(json.dumps({"bic8": "AAAABRSP", "seed": bytes(32).hex()}))
    Path("one.jsonl").write_text('{"kind":"issue","member":"AAAABRSP","currency":"BRL","amount_minor":"5"}\n')
    signed = out(capsys, "sign", "one.jsonl", "--scheme", SCHEME, "--keys", "stranger", *EIGHT)
    Path("one.signed").write_text(signed)
    told = out(capsys, "node", "one.signed", "--ledger", "empty.db", *EIGHT, code=5)
    assert "refused at the door: issue " in told
    assert " of AAAABRSP: " in told
    assert secret.public.hex() not in told


# --- Proofs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", ["", "sha256:", "zz", "0" * 63, "0" * 65, "A" * 64])
def test_an_empty_or_odd_hash_proves_nothing(here: Path, capsys: Say, block: str) -> None:
    """`--block "$HASH"` with the variable unset was taken as no hash at all, and ended with 0."""
    assert "is not the hash of a block" in err(capsys, "check-proof", "proof.json", "--block", block, code=2)


def test_hash_and_ledger_must_both_agree(here: Path, capsys: Say) -> None:
    own = canonical.digest(json.loads(Path("proof.json").read_text())["header"])
    told = out(capsys, "check-proof", "proof.json", "--block", f"sha256:{own}", "--ledger", "ledger.db")
    assert f"proved in block sha256:{own}\n" in told
    out(capsys, "check-proof", "proof.json", "--block", "0" * 64, "--ledger", "ledger.db", code=5)
    assert "no block 2" in err(capsys, "check-proof", "proof.json", "--block", own, "--ledger", "empty.db", code=2)


@pytest.mark.parametrize(
    "change",
    [
        {"code": "zzz"},
        {"code": ["x"]},
        {"payer": "a"},
        {"payer": "a", "payee": ["x"], "amount_minor": "5"},
        {"kind": 5},
    ],
)
def test_a_proof_that_fits_together_and_says_nonsense_is_refused(
    here: Path, capsys: Say, change: dict[str, object]
) -> None:
    """Whoever makes a proof up makes its tree and header up as well."""
    receipt = {"uetr": TRADE, "kind": "transfer", "member": "AAAABRSP", "code": "settled", "height": 1, "index": 0}
    receipt |= change
    header = json.loads(Path("proof.json").read_text())["header"]
    leaf = sha256(b"\x00" + canonical.dumps(receipt)).hexdigest()
    header |= {"height": 1, "receipts_root": leaf}
    Path("odd.json").write_text(
        json.dumps({"header": header, "index": 0, "path": [], "receipt": receipt, "receipts": 1})
    )
    assert "no proof of a receipt of ours" in err(capsys, "check-proof", "odd.json", code=2)


def test_a_proof_of_any_bytes_is_no_traceback(here: Path, capsys: Say) -> None:
    for data in (b"", b"[]", b"{}", b'{"header":[]}', b'{"header":{"height":1e999}}', b"[" * 99_999, b"\xff",
                 b'{"header":{"height":9223372036854775808}}', b'{"header":{"height":1}, "header":{}}'):  # fmt: skip
        Path("odd.json").write_bytes(data)
        assert "is not a proof" in err(capsys, "check-proof", "odd.json", "--ledger", "ledger.db", code=2)


# --- Damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE block SET body = x'00' WHERE height = 2", "Blocks up to 1 hold."),
        ("UPDATE account SET balance = balance + 1 WHERE id = 'AAAABRSP/BRL'", "in the state that is kept beside"),
        ("DELETE FROM block WHERE height = 1", "block 1 is missing"),
        ("DROP TABLE block", "the table block is missing"),
    ],
)
def test_verify_says_how_much_still_holds_and_not_to_run_verify(
    here: Path, capsys: Say, statement: str, said: str
) -> None:
    with sqlite3.connect("ledger.db") as database:
        database.execute(statement)
    database.close()
    told = err(capsys, "verify", "ledger.db", code=5)
    assert said in told
    assert "Restore a copy" in told
    assert "concordat clearing verify" not in told


def test_a_ledger_whose_first_bytes_are_damaged_is_a_matter_of_trust(here: Path, capsys: Say) -> None:
    out(capsys, "node", "2-exchange.signed", "--ledger", "ledger.db", *EIGHT)  # a writer leaves its mark beside it
    data = Path("ledger.db").read_bytes()
    Path("ledger.db").write_bytes(b"x" + data[1:])
    assert "damaged at its beginning" in err(capsys, "verify", "ledger.db", code=5)


# --- settle -----------------------------------------------------------------------------------------------------------


def test_a_trial_is_not_taken_for_a_settlement(here: Path, capsys: Say) -> None:
    """Keys without a ledger looked like the real thing: the same lines, and nothing settled."""
    Path("debts.csv").write_text("id,payer,payee,currency,amount,held\n1,A,B,BRL,5.00,\n2,B,A,BRL,3.00,1\n")
    assert "no ledger to settle in" in err(capsys, "settle", "debts.csv", "--keys", "keys", code=2)
    told = out(capsys, "settle", "debts.csv")
    assert told.startswith("a trial in memory: no ledger was touched\n1 row of the file held: left out\n")
    facts = json.loads(out(capsys, "settle", "debts.csv", "--json"))
    assert (facts["ledger"], facts["held"]) == (None, 1)
    words = ("settle", "debts.csv", "--ledger", "ledger.db", "--keys", "keys", "--balances", "none.csv")
    assert "balances are for a trial" in err(capsys, *words, code=2)


def test_large_amounts_are_printed_to_the_unit(here: Path, capsys: Say) -> None:
    """9,999,999,999,999,999.99 lies beyond 2^53 minor units: as a float it was printed as 10,000,000,000,000,000.00."""
    Path("debts.csv").write_text("id,payer,payee,currency,amount\n1,A,B,BRL,9999999999999999.99\n2,A,B,JPY,7\n")
    told = out(capsys, "settle", "debts.csv")
    assert "of 9,999,999,999,999,999.99 settled: 0.00 set off" in told
    assert "of 7 settled: 0 set off" in told


def test_a_file_without_debts_is_told_so(here: Path, capsys: Say) -> None:
    Path("debts.csv").write_text("id,payer,payee,currency,amount\n")
    assert "debts.csv: there are no debts to settle" in err(capsys, "settle", "debts.csv", code=2)
