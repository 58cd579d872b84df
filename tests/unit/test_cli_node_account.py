"""`concordat node account`, `node audit`, `ledger key`, `ledger sign`: what they print, what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from concordat.cli import main
from concordat.ledger.entry import Entry
from concordat.node.acts import new_act
from concordat.node.own_log import Said
from people_kit import CHEAP, T0, make_home, opened


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node; the commands' hashes are cheap here, what they cost is a benchmark's matter."""
    monkeypatch.setattr("concordat.node.people.COST", CHEAP)
    monkeypatch.chdir(tmp_path)
    return make_home(tmp_path)


def _account(capsys: pytest.CaptureFixture[str], home: Path, *words: str | Path) -> tuple[int, str, str]:
    return _run(capsys, "node", "account", *words, "--home", home)


def test_accounts_are_added_listed_changed_and_locked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _account(
        capsys, home, "add", "maria", "--name", "Maria Silva", "--role", "delegate", "--key-label", "del-04"
    )  # fmt: skip
    assert code == 0
    assert re.match(r"One-time link, 48 h: https://bra\.example/welcome/[A-Za-z0-9_-]{22}\n", out)
    assert "Once she has made her key there: concordat node account request maria" in out
    code, out, _ = _account(capsys, home, "list", "--json")
    (row,) = json.loads(out)["accounts"]
    assert row["id"]
    assert {k: v for k, v in row.items() if k != "id"} == {
        "key": "del-04: no key yet", "locked": False, "login": "maria", "member": "BRA", "name": "Maria Silva",
        "open": False, "roles": ["delegate"], "sessions": 0,
    }  # fmt: skip
    assert _account(capsys, home, "role", "maria", "--role", "expert")[1] == "maria is expert. Sessions ended.\n"
    out = _account(capsys, home, "role", "maria", "--role", "chair", "--role", "delegate")[1]
    assert "These roles need a code, and none is set up: concordat node account reset maria" in out
    _account(capsys, home, "role", "maria", "--role", "expert")
    with opened(home) as (_, people):
        account = people.accounts.by_login("maria").id
        people.store.run("INSERT INTO passkey VALUES ('AAAA', ?, x'00', 0, 'telephone', 0)", account)
    out = _account(capsys, home, "role", "maria", "--role", "chair")[1]
    assert "Passkeys removed: 1. They were made with a password alone" in out
    said = json.loads(_account(capsys, home, "role", "maria", "--role", "chair", "--json")[1])
    assert said == {"login": "maria", "needs_link": True, "passkeys_removed": 0, "roles": ["chair"]}
    assert "/welcome/" in _account(capsys, home, "reset", "maria")[1]
    assert _account(capsys, home, "lock", "maria")[1] == "maria is locked.\n"
    assert _account(capsys, home, "lock", "maria", "--until", "2027-01-31")[1] == "maria is locked until 2027-01-31.\n"
    assert "locked" in _account(capsys, home, "list")[1]
    assert _account(capsys, home, "lock", "maria", "--undo")[1] == "maria is open again.\n"
    code, out, _ = _run(capsys, "node", "audit", "verify", "--home", home)
    assert (code, out.partition(" rows good")[0]) == (0, "10")
    assert out.endswith("no head is signed yet.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "maria", "--name", "M"), 2, "at least one role"),
        (("add", "maria", "--name", "M", "--role", "delegat"), 2, 'Did you mean "delegate"?'),
        (("add", "maria", "--name", "M", "--role", "operator", "--role", "chair"), 6, "never one person's"),
        (("add", "Maria", "--name", "M", "--role", "expert"), 2, "is not a login"),
        (("add", "m1", "--name", "M", "--role", "expert", "--key", "missing.pub"), 2, "no such file"),
        (("add", "m1", "--name", "M", "--role", "expert", "--certificate", "missing.pem"), 2, "no such file"),
        (("lock", "eva", "--until", "2020-01-01"), 2, "is over"),
        (("lock", "eva", "--until", "soon"), 2, "is not a day"),
        (("lock", "eva", "--until", "2027-01-01", "--undo"), 2, "give --until or --undo"),
        (("role", "nobody", "--role", "expert"), 2, "there is no account"),
        (("reset", "nobody"), 2, "there is no account"),
        (("request", "eva"), 2, "eva has no key yet"),
        (("add", "eva", "--name", "E", "--role", "expert"), 6, "there is an account eva already"),
    ],
)
def test_what_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    _account(capsys, home, "add", "eva", "--name", "Eva", "--role", "expert")
    found, _, err = _account(capsys, home, *words)
    assert found == code
    assert said in err


def test_without_accounts_and_without_a_node(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _account(capsys, home, "list")
    assert code == 7
    assert "no accounts here yet" in err
    code, _, err = _account(capsys, tmp_path / "nowhere", "list")
    assert code == 7
    assert "there is no node here" in err


def test_a_client_certificate_is_known_by_its_hash(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import UTC, datetime

    key = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "maria")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7)
    made = made.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    certificate = made.sign(key, None)
    (tmp_path / "maria.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    words = ("--name", "M", "--role", "operator", "--certificate", tmp_path / "maria.pem")
    assert _account(capsys, home, "add", "maria", *words)[0] == 0
    with opened(home) as (_, people):
        assert people.accounts.by_login("maria").certificate == certificate.fingerprint(hashes.SHA256()).hex()
    (tmp_path / "bad.pem").write_text("no certificate")
    code, _, err = _account(capsys, home, "add", "x1", "--name", "X", "--role", "expert", "--certificate", "bad.pem")
    assert code == 2
    assert "not a certificate in PEM" in err


def test_from_a_key_on_her_own_machine_to_an_entry(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way of who signs away: key, account, request, membership, draft, envelope, entry."""
    (tmp_path / "pass").write_text("a passphrase\n")
    sealed = ("--passphrase-file", tmp_path / "pass")
    code, out, _ = _run(capsys, "ledger", "key", "mykey", *sealed, "--json")
    assert code == 0
    words = ("--name", "João", "--role", "delegate", "--key-label", "del-05", "--key", "mykey.pub")
    assert (
        "Key request for the root signers: person-request-del-05.json"
        in _account(capsys, home, "add", "joao", *words)[1]
    )
    assert _account(capsys, home, "request", "joao", "-o", "again.json", "--may", "council")[0] == 0
    assert json.loads((tmp_path / "again.json").read_text())["person"]["may"] == ["council"]
    renew = ("node", "renew", "m2.json", "--person", "person-request-del-05.json", "--home", home)
    code, out, _ = _run(capsys, *renew)
    assert (code, out.splitlines()[0]) == (
        0, "m2.json: version 2 of BRICS, from view 1, batch 1 on. Nobody has signed it yet.",
    )  # fmt: skip
    assert _run(capsys, "node", "sign", "m2.json", "--home", home)[0] == 0
    assert _run(capsys, "node", "adopt", "m2.json", "--home", home)[0] == 0
    act = new_act()
    with opened(home) as (_, people):
        assert people.acts is not None
        said = Said("Said", {"word": "sim"})
        draft = people.acts.prepare(act, "a1", said, {}, T0, person="del-05")
    (tmp_path / "draft.json").write_bytes(draft)
    code, out, _ = _run(capsys, "ledger", "sign", "draft.json", "--key", "mykey", *sealed)
    assert code == 0
    assert out.startswith('BRA del-05 says Said, entry 1 of BRICS, scope council.\n{"word": "sim"}\nSigned by key ')
    envelope = (tmp_path / "draft.signed.json").read_bytes()
    with opened(home) as (node, people):
        assert people.acts is not None
        receipt = people.acts.upload(act, "a1", envelope, T0 + 60)
        assert node.replica.own.entries[0].id == receipt.entry == Entry.parse(envelope).id
    assert f"entry {receipt.entry}" in out
    code, _, err = _run(capsys, "ledger", "sign", "draft.json", "--key", "mykey", *sealed)
    assert code == 2
    assert "the file exists" in err
    code, out, _ = _run(capsys, "ledger", "sign", "draft.json", "--key", "mykey", *sealed, "--out", "b.json", "--json")
    assert json.loads(out)["draft"]["person"] == "del-05"
    assert (tmp_path / "b.json").read_bytes() == envelope


def test_what_ledger_sign_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(capsys, "ledger", "key", "k")[0] == 0
    code, _, err = _run(capsys, "ledger", "key", "k")
    assert code == 2
    assert "the file exists" in err
    for text, said in (("", "not JSON"), ('{"author": "BRA"}', "not in canonical form"), ("{}", "missing")):
        (tmp_path / "draft.json").write_text(text)
        code, _, err = _run(capsys, "ledger", "sign", "draft.json", "--key", "k")
        assert code == 2
        assert said in err
        assert not (tmp_path / "draft.signed.json").exists()


def test_keys_of_persons_end_by_the_membership_too(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(capsys, "ledger", "key", "k")
    _account(
        capsys, home, "add", "joao", "--name", "J", "--role", "delegate", "--key-label", "del-05", "--key", "k.pub"
    )
    _run(capsys, "node", "renew", "m2.json", "--person", "person-request-del-05.json", "--home", home)
    _run(capsys, "node", "sign", "m2.json", "--home", home)
    _run(capsys, "node", "adopt", "m2.json", "--home", home)
    _run(capsys, "ledger", "write", "Said", '{"word": "x"}', "--home", home)
    renew = ("node", "renew", "m3.json", "--home", home)
    for words, said in (
        (("--person", "person-request-del-05.json"), "has the key or the label del-05 already"),
        (("--end-person", "BRA:del-06"), "has no key del-06"),
        (("--end-person", "BRA:node"), "has no key node"),
        (("--end-person", "CHN:del-05"), "CHN is not a member"),
        (("--end-person", "del-05"), "is not MEMBER:LABEL"),
    ):
        code, _, err = _run(capsys, *renew, *words)
        assert code == 2
        assert said in err
    assert _run(capsys, *renew, "--end-person", "BRA:del-05")[0] == 0
    _run(capsys, "node", "sign", "m3.json", "--home", home)
    assert _run(capsys, "node", "adopt", "m3.json", "--home", home)[0] == 0
    with opened(home) as (node, _):
        (ended,) = [p for p in node.chain.last.member("BRA").persons if p.label == "del-05"]
        assert ended.end is not None
        assert ended.end > ended.start
