"""`concordat clearing gate` and `schemas`: verdicts for people and programs, exit codes, what bad input is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import body, put, xml
from concordat.clearing.iso.profile import profile
from concordat.clearing.iso.safety import BYTES_MAX
from concordat.cli import main

PAYMENT, BANK = "pacs.008.001.08", "pacs.009.001.08"
Say = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def written(name: str, data: bytes) -> str:
    Path(name).write_bytes(data)
    return name


def test_an_accepted_message_says_which_schema_judged(capsys: Say) -> None:
    assert main(["clearing", "gate", written("payment.xml", xml(PAYMENT))]) == 0
    assert capsys.readouterr().out == "accepted: pacs.008.001.08 (AppHdr by profile, unverified, Document by profile)\n"


def test_a_refusal_says_layer_place_and_what_to_do(capsys: Say) -> None:
    spoilt = put(put(body(PAYMENT), "GrpHdr/NbOfTxs", "2"), "CdtTrfTxInf/IntrBkSttlmAmt", ("750000.123", "BRL"))
    name = written("payment.xml", xml(PAYMENT, spoilt))
    assert main(["clearing", "gate", name]) == 6
    said = capsys.readouterr().out
    assert said.startswith(
        "refused at layer rules: B02, /Document/FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt: 750000.123 BRL has 3 dec"
    )
    assert "BRL has 2." in said
    assert "(1 more finding)" in said
    assert main(["clearing", "gate", name, "--explain"]) == 6
    said = capsys.readouterr().out
    assert "B04, /Document/FIToFICstmrCdtTrf/GrpHdr/NbOfTxs: says 2 transactions; 1 is present." in said
    assert "B04: NbOfTxs equals the transactions present." in said


def test_each_layer_has_its_exit_code(capsys: Say) -> None:
    cases = {
        "doctype.xml": (xml(PAYMENT, extra="<!DOCTYPE a>"), 2, "safety"),
        "utf16.xml": (xml(PAYMENT).decode().encode("utf-16"), 2, "bytes"),
        "cut.xml": (xml(PAYMENT)[:-9], 2, "parse"),
        "missing.xml": (xml(PAYMENT, put(body(PAYMENT), "GrpHdr/MsgId", None)), 2, "schema"),
        "zero.xml": (xml(BANK, put(body(BANK), "CdtTrfTxInf/IntrBkSttlmAmt", ("0", "INR"))), 2, "typed"),
        "count.xml": (xml(PAYMENT, put(body(PAYMENT), "GrpHdr/NbOfTxs", "2")), 6, "rules"),
    }
    for name, (data, code, layer) in cases.items():
        assert main(["clearing", "gate", written(name, data)]) == code, name
        assert capsys.readouterr().out.startswith(f"refused at layer {layer}: "), name
    assert main(["clearing", "gate", *cases]) == 2  # of several files, the first refusal's
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == list(cases)


def test_programs_get_one_object_a_file(capsys: Say) -> None:
    names = [written("a.xml", xml(PAYMENT)), written("b.xml", xml(PAYMENT, extra="<!DOCTYPE a>"))]
    assert main(["clearing", "gate", *names, "--json"]) == 2
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert (first["file"], first["verdict"], first["message"], first["findings"]) == ("a.xml", "accepted", PAYMENT, [])
    assert (second["verdict"], second["layer"], second["findings"][0]["code"]) == ("refused", "safety", "doctype")


def test_a_rule_explains_itself(capsys: Say) -> None:
    assert main(["clearing", "gate", "--explain", "B07"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("B07 header names the agents (refuses)\n")
    assert main(["clearing", "gate", "--explain", "b07", "--json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)["rules"]
    assert (rule["number"], rule["standing"]) == ("B07", "always")
    assert main(["clearing", "gate", "--explain"]) == 0
    assert capsys.readouterr().out.count("\n  Why: ") == 24
    assert main(["clearing", "gate", "--explain", "B42"]) == 2
    assert "B42" in capsys.readouterr().err
    assert main(["clearing", "gate", "--explain", "B07", "payment.xml"]) == 2
    assert "rules and files together" in capsys.readouterr().err


def test_notes_are_counted_and_told_when_asked(capsys: Say) -> None:
    name = written("payment.xml", xml(PAYMENT, put(body(PAYMENT), "CdtTrfTxInf/Dbtr/PstlAdr", {"Ctry": "BR"})))
    assert main(["clearing", "gate", name]) == 0
    assert "1 note: see --explain" in capsys.readouterr().out
    assert main(["clearing", "gate", name, "--explain"]) == 0
    assert "note: B16, /Document/FIToFICstmrCdtTrf/CdtTrfTxInf/Dbtr/PstlAdr: TwnNm missing." in capsys.readouterr().out


def test_a_scheme_turns_rules_on_and_limits_versions(capsys: Say) -> None:
    name = written("payment.xml", xml(PAYMENT, put(body(PAYMENT), "CdtTrfTxInf/Dbtr/PstlAdr", {"Ctry": "BR"})))
    Path("scheme.yaml").write_text("scheme: demo\nrules: {B16: on}\n", encoding="utf-8")
    assert main(["clearing", "gate", name, "--scheme", "scheme.yaml"]) == 6
    assert "B16" in capsys.readouterr().out
    Path("scheme.yaml").write_text('scheme: demo\nmessages: {pacs.009: ["001.08"]}\n', encoding="utf-8")
    assert main(["clearing", "gate", name, "--scheme", "scheme.yaml"]) == 2
    assert "the scheme has no pacs.008.001.08" in capsys.readouterr().out
    for text, words in (("rules: {B61: on}\n", "B61"), ("- a\n", "not a scheme"), ("rules: {B16: maybe}\n", "on")):
        Path("scheme.yaml").write_text(text, encoding="utf-8")
        assert main(["clearing", "gate", name, "--scheme", "scheme.yaml"]) == 2
        assert words in capsys.readouterr().err
    assert main(["clearing", "gate", name, "--scheme", "nowhere.yaml"]) == 2


def test_a_file_that_is_not_there_or_too_large_is_named(capsys: Say) -> None:
    assert main(["clearing", "gate", "nowhere.xml"]) == 2
    assert "nowhere.xml" in capsys.readouterr().err
    assert main(["clearing", "gate"]) == 2
    with Path("large.xml").open("wb") as file:
        file.truncate(BYTES_MAX + 1)  # a hole on disk: it is never read
    assert main(["clearing", "gate", "large.xml"]) == 2
    assert "the file has 1,048,577 bytes; at most 1,048,576 are read" in capsys.readouterr().out


def test_a_file_that_can_not_be_read_takes_no_verdict_away(capsys: Say) -> None:
    good, bad = written("payment.xml", xml(PAYMENT)), written("bad.xml", xml(PAYMENT, extra="<!DOCTYPE a>"))
    assert main(["clearing", "gate", good, "nowhere.xml", bad]) == 2
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("payment.xml: accepted: ")
    assert lines[-1].startswith("bad.xml: refused at layer safety")
    assert "nowhere.xml: can't be read" in said.err
    assert main(["clearing", "gate", "nowhere.xml", good, bad, "--json"]) == 2
    said = capsys.readouterr()
    files = json.loads(said.out)["files"]
    assert [(one["file"], one["verdict"]) for one in files] == [
        ("nowhere.xml", "unreadable"), ("payment.xml", "accepted"), ("bad.xml", "refused"),
    ]  # fmt: skip
    assert files[0]["error"]["code"] == "unreadable"
    assert "nowhere.xml: can't be read" in said.err
    assert main(["clearing", "gate", good, "nowhere.xml", "--json"]) == 2, "one that is not read is not accepted"
    assert [one["verdict"] for one in json.loads(capsys.readouterr().out)["files"]] == ["accepted", "unreadable"]
    Path("folder.xml").mkdir()
    assert main(["clearing", "gate", "folder.xml"]) == 2
    assert "Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule: {B16: on}\n", 'line 1: "rule" is not a key I know here. Did you mean "rules"?'),
        ("rules: {B16: on}\nmessage: {}\n", 'line 2: "message" is not a key I know here. Did you mean "messages"?'),
        (
            "corridors:\n  - {id: a, from: BR, to: IN, pair: [BRL]}\n",
            'line 2: "pair" is not a key I know here. Did you mean "pairs"?',
        ),
        ("schema: concordat/scheme@1\nrules: {B16: on}\n", "is missing"),
        ("schema: concordat/scheme@2\n", "this must be concordat/scheme@1"),
        ("rules: {}\nrules: {}\n", "stands twice"),
        ("lsm: 5\n", "lsm must hold keys"),
    ],
)
def test_a_scheme_with_a_key_that_nobody_knows_is_refused(capsys: Say, text: str, said: str) -> None:
    """A slip of the pen would otherwise turn a rule off without a word."""
    name = written("payment.xml", xml(PAYMENT))
    Path("scheme.yaml").write_text(text, encoding="utf-8")
    assert main(["clearing", "gate", name, "--scheme", "scheme.yaml"]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_name_with_control_characters_is_not_sent_to_the_terminal(capsys: Say) -> None:
    evil = written("a\x1b[31m.xml", xml(PAYMENT))
    assert main(["clearing", "gate", evil, written("b.xml", xml(PAYMENT))]) == 0
    assert capsys.readouterr().out.startswith("a\ufffd[31m.xml: accepted: ")
    Path("xsd").mkdir()
    Path("xsd/a\x1b.xsd").write_bytes(profile(BANK).to_xsd())
    Path("xsd/b\x1b.xsd").write_bytes(profile(BANK).to_xsd().replace(b'name="PstlAdr"', b'name="PstlAdx"'))
    assert main(["clearing", "schemas", "add", "xsd"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("registered ")
    assert "set aside b\ufffd.xsd: " in said
    assert "\x1b" not in said


def test_schemas_are_added_listed_and_then_judge(capsys: Say) -> None:
    Path("xsd").mkdir()
    Path("xsd/bank.xsd").write_bytes(profile(BANK).to_xsd())
    Path("xsd/short.xsd").write_bytes(profile(BANK).to_xsd().replace(b'name="PstlAdr"', b'name="PstlAdx"'))
    Path("xsd/other.xsd").write_bytes(b"<a/>")
    assert main(["clearing", "schemas", "add", "xsd"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"registered {BANK}: sha256:")
    assert f"set aside short.xsd: lacks 1 element of the published {BANK} (PstlAdr, ...)" in said
    assert "set aside 1 files" in said
    assert main(["clearing", "schemas", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"{BANK}  xsd sha256:") for line in lines)
    assert f"{PAYMENT}  profile" in lines
    assert "head.001.001.02  profile, unverified" in lines
    assert main(["clearing", "schemas", "list", "--json"]) == 0
    assert {row["message"]: row["by"] for row in json.loads(capsys.readouterr().out)["versions"]}[BANK] == "xsd"
    assert main(["clearing", "gate", written("bank.xml", xml(BANK))]) == 0
    assert "Document by xsd sha256:" in capsys.readouterr().out
    assert main(["clearing", "schemas", "add", "xsd", "--json"]) == 0
    assert [row["message"] for row in json.loads(capsys.readouterr().out)["registered"]] == [BANK]


def test_nothing_to_add_is_said(capsys: Say) -> None:
    Path("empty").mkdir()
    Path("none").mkdir()
    Path("none/a.xsd").write_bytes(b"<a/>")
    for words, said in (
        (["add"], "nothing to add"),
        (["add", "nowhere"], "not a folder"),
        (["add", "empty"], "no *.xsd"),
        (["add", "none"], "no file was a whole schema"),
        (["add", "--from-package", "no-such-package"], "no package"),
    ):
        assert main(["clearing", "schemas", *words]) == 2, words
        assert said in capsys.readouterr().err


def test_a_schema_that_was_changed_on_disk_stops_the_gate(capsys: Say) -> None:
    Path("xsd").mkdir()
    Path("xsd/bank.xsd").write_bytes(profile(BANK).to_xsd())
    assert main(["clearing", "schemas", "add", "xsd"]) == 0
    (kept,) = Path("data/clearing/schemas").glob("*.xsd")
    kept.write_bytes(kept.read_bytes() + b" ")
    assert main(["clearing", "gate", written("bank.xml", xml(BANK))]) == 5
    assert "not those that were registered" in capsys.readouterr().err
