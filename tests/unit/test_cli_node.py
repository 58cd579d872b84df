"""`concordat node` and `concordat ledger`: what they print, how they end, what they say when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat.cli import main


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def _init(capsys: pytest.CaptureFixture[str], home: Path, *more: str) -> tuple[int, str, str]:
    return _run(
        capsys, "node", "init", "--bloc", "BRICS", "--member", "BRA", "--host", "bra.example", "--home", home, *more
    )


def test_one_node_writes_shows_and_proves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, bundle = tmp_path / "home", tmp_path / "said.bundle"
    code, out, _ = _init(capsys, home, "--json")
    assert code == 0
    trust = json.loads(out)["hash"]
    code, out, _ = _run(capsys, "ledger", "write", "Said", '{"word": "alone"}', "--home", home, "--json")
    entry = json.loads(out)["id"]
    code, out, _ = _run(capsys, "ledger", "show", entry[:8], "--home", home)
    assert code == 0
    assert out.startswith("Said of BRA: signed by node, member log 1, council/1 batch 1, final, 1 mirrors.")
    assert _run(capsys, "ledger", "prove", entry[:8], "-o", bundle, "--home", home)[0] == 0
    code, out, _ = _run(capsys, "ledger", "verify", bundle, "--trust", trust, "--json")
    assert (code, json.loads(out)["final"], json.loads(out)["body"]) == (0, True, {"word": "alone"})
    code, out, _ = _run(capsys, "node", "verify", "--home", home, "--json")
    assert (code, json.loads(out)["entries"]) == (0, 1)


def test_a_bundle_under_another_trust_or_changed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, bundle = tmp_path / "home", tmp_path / "said.bundle"
    trust = json.loads(_init(capsys, home, "--json")[1])["hash"]
    entry = json.loads(_run(capsys, "ledger", "write", "Said", "{}", "--home", home, "--json")[1])["id"]
    _run(capsys, "ledger", "prove", entry, "-o", bundle, "--home", home)
    code, _, err = _run(capsys, "ledger", "verify", bundle, "--trust", "0" * 64)
    assert code == 5
    assert "is pinned" in err
    assert "Compare the eight words" in err
    data = bundle.read_bytes()
    for at in range(100, len(data), len(data) // 40):
        bundle.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        code, _, err = _run(capsys, "ledger", "verify", bundle, "--trust", trust)
        assert code in (2, 5), at
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ledger", "write", "Said", '{"rate": 0.5}'), 2, "0.5 is a float. Write it as text."),
        (("ledger", "write", "Said", '{"n": 9007199254740993}'), 2, "beyond 2^53 - 1. Write it as text."),
        (("ledger", "write", "Said", "[1]"), 2, "the body must be an object"),
        (("ledger", "write", "Said", "{"), 2, "not JSON"),
        (("ledger", "write", "said things", "{}"), 2, "is not what type may be"),
        (("ledger", "write", "Said", "{}", "--scope", "parliament"), 2, "is not what scope may be"),
        (("ledger", "write", "Said", "{}", "--ref", "abc"), 2, "ids of entries"),
        (("ledger", "write", "Said", "@absent.json"), 2, "absent.json: no such file"),
        (("ledger", "show", "ffff"), 2, 'no entry with an id that begins with "ffff"'),
        (("node", "sync", "--from", "absent"), 2, "no folder could be read"),
        (("ledger", "write", "Said", '{"view": 1}', "--scope", "order"), 2, "stand in council logs alone"),
    ],
)
def test_bad_arguments_are_told_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    home = tmp_path / "home"
    _init(capsys, home)
    found, _, err = _run(capsys, *arguments, "--home", home)
    assert found == code
    assert words in err
    assert json.loads(_run(capsys, "node", "verify", "--home", home, "--json")[1])["entries"] == 0


def test_a_bad_member_or_bloc_makes_no_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for member, host in (("bra", "bra.example"), ("BRA", "Bra Example"), ("BRA", "a+b"), ("", "x")):
        place = tmp_path / (member + host)
        code, _, err = _run(
            capsys, "node", "init", "--bloc", "BRICS", "--member", member, "--host", host, "--home", place
        )
        assert code == 2, err
        assert not (place / "identity.json").exists()


def test_without_a_node_the_command_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "ledger", "show", "--home", tmp_path / "none")
    assert code == 7
    assert "concordat node init" in err


def test_sealed_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("correct horse\n")
    wrong.write_text("battery\n")
    home = tmp_path / "home"
    assert _init(capsys, home, "--passphrase-file", str(secret))[0] == 0
    code, _, err = _run(capsys, "ledger", "write", "Said", "{}", "--home", home)
    assert (code, "--passphrase-file" in err) == (2, True)
    code, _, err = _run(capsys, "ledger", "write", "Said", "{}", "--home", home, "--passphrase-file", wrong)
    assert (code, "passphrase is wrong" in err) == (2, True)
    assert _run(capsys, "ledger", "write", "Said", "{}", "--home", home, "--passphrase-file", secret)[0] == 0


def test_the_doctor_grades_what_it_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    _init(capsys, home)
    code, out, _ = _run(capsys, "node", "doctor", "--home", home, "--json")
    grades = {f["subject"]: f["grade"] for f in json.loads(out)["findings"]}
    assert code == 0
    assert grades["root keys"] == "warning"
    assert grades["own log"] == grades["membership"] == "good"


def test_an_attachment_is_kept_beside_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, paper = tmp_path / "home", tmp_path / "paper.pdf"
    _init(capsys, home)
    paper.write_bytes(b"%PDF confidential")
    code, out, _ = _run(
        capsys, "ledger", "write", "Said", '{"title": "annex"}', "--attach", paper, "--home", home, "--json"
    )
    assert code == 0
    shown = json.loads(_run(capsys, "ledger", "show", json.loads(out)["id"], "--home", home, "--json")[1])
    blob = shown["body"]["blob"]
    assert (blob["salted"], blob["size"], blob["media_type"]) == (True, 32, "application/pdf")


def test_a_demo_is_final_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "node", "demo", "4", tmp_path / "demo", "--json")
    facts = json.loads(out)
    assert code == 0
    assert (len(facts["members"]), facts["entries"], facts["final"]["view"]) == (4, 5, 1)
    assert "making keys" in err
    code, _, err = _run(capsys, "node", "demo", "4", tmp_path / "demo")
    assert (code, "not empty" in err) == (2, True)
    code, _, err = _run(capsys, "node", "demo", "400", tmp_path / "more")
    assert (code, "members; a demo has 1 to" in err) == (2, True)


def _pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path, Path]:
    """Two nodes and the unsigned membership of both."""
    homes = [tmp_path / "ana", tmp_path / "bala"]
    for home, member in zip(homes, ("BRA", "IND"), strict=True):
        host = f"{member.lower()}.example"
        _run(capsys, "node", "init", "--bloc", "BRICS", "--member", member, "--host", host, "--home", home)
    record = tmp_path / "record.json"
    _run(capsys, "node", "found", record, homes[0] / "member.json", homes[1] / "member.json")
    return homes[0], homes[1], record


def test_swapped_keys_are_noticed_before_signing_and_before_adopting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, bala, record = _pair(tmp_path, capsys)
    raw = json.loads(record.read_bytes())
    other = tmp_path / "other"
    _run(capsys, "node", "init", "--bloc", "BRICS", "--member", "BRA", "--host", "bra.example", "--home", other)
    theirs = json.loads((other / "member.json").read_bytes())["member"]
    raw["members"][0] |= {role: theirs[role] for role in ("log", "witness", "mirror", "persons")}
    record.write_bytes(json.dumps(raw, sort_keys=True, separators=(",", ":")).encode())
    code, _, err = _run(capsys, "node", "sign", record, "--home", ana)
    assert (code, "it gives BRA log keys that are not those of this node" in err) == (5, True)
    assert _run(capsys, "node", "sign", record, "--home", bala)[0] == 0
    code, _, err = _run(capsys, "node", "adopt", record, "--home", ana)
    assert (code, "Don't sign it; ask who put it together" in err) == (5, True)


def test_a_stranger_cannot_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ana, bala, record = _pair(tmp_path, capsys)
    stranger = tmp_path / "stranger"
    _run(capsys, "node", "init", "--bloc", "BRICS", "--member", "ZAF", "--host", "zaf.example", "--home", stranger)
    before = record.read_bytes()
    assert _run(capsys, "node", "sign", record, "--home", stranger)[0] == 5
    roots = sorted((stranger / "roots").glob("root-*.json"))[:2]
    code, _, err = _run(capsys, "node", "sign", record, "--root", roots[0], "--root", roots[1], "--home", ana)
    assert (code, "this root key is not in the file" in err) == (5, True)
    assert record.read_bytes() == before
    for home in (ana, bala):
        assert _run(capsys, "node", "sign", record, "--home", home)[0] == 0
    for home in (ana, bala, ana):  # twice does no harm
        assert _run(capsys, "node", "adopt", record, "--home", home)[0] == 0


def test_the_next_version_is_written_signed_and_adopted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ana, bala, record = _pair(tmp_path, capsys)
    for home in (ana, bala):
        _run(capsys, "node", "sign", record, "--home", home)
    for home in (ana, bala):
        _run(capsys, "node", "adopt", record, "--home", home)
    later = tmp_path / "later.json"
    code, out, _ = _run(
        capsys, "node", "renew", later, "--expires", "2031-12-31", "--view", "1", "--batch", "1", "--home", ana
    )
    assert code == 0
    assert "needs the votes of 2 members of version 1" in out
    code, _, err = _run(capsys, "node", "adopt", later, "--home", ana)
    assert code != 0
    for home in (ana, bala):
        assert _run(capsys, "node", "sign", later, "--home", home)[0] == 0
    assert _run(capsys, "node", "adopt", later, "--home", ana)[0] == 0
    grades = json.loads(_run(capsys, "node", "doctor", "--home", ana, "--json")[1])["findings"]
    assert any("version 2, 2 members" in f["what"] for f in grades)
    code, _, err = _run(capsys, "node", "renew", tmp_path / "x.json", "--remove", "ZAF", "--home", ana)
    assert (code, "ZAF is not a member" in err) == (2, True)
    code, _, err = _run(capsys, "node", "renew", tmp_path / "x.json", "--expires", "soon", "--home", ana)
    assert (code, '"soon" is not a day' in err) == (2, True)


def test_two_folders_of_one_name_are_not_mixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, stick = tmp_path / "home", tmp_path / "stick"
    _init(capsys, home)
    _run(capsys, "node", "export", stick, "--home", home)
    code, _, err = _run(capsys, "node", "sync", "--from", stick, "--to", stick, "--home", home)
    assert (code, "another member's folder" in err) == (2, True)
    code, _, err = _run(capsys, "node", "export", home / "out", "--home", home)
    assert (code, "one in the other" in err) == (7, True)
