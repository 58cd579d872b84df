"""A node's people as a whole: what time brings, signed heads of the audit chain, and secrets that are found nowhere."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from base64 import b32decode, b64encode
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.errors import ConcordatError, RuleError, StateError, TrustError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.node.acts import new_act
from concordat.node.audit_log import HEAD_EVERY_S
from concordat.node.csrf import form_token
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker
from concordat.node.opinions import new_visitor
from concordat.node.own_log import Said
from concordat.node.people import People, signed_heads
from concordat.node.publish import export
from people_kit import PASSWORD, PHRASE, T0, Telephone, certify, join, make_home, opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("made"))


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def _heads(home: Path) -> list[int]:
    with Onlooker(home) as node:
        return [head.count for head in signed_heads(node)]


def test_a_head_is_signed_once_an_hour_if_there_is_news(home: Path) -> None:
    with opened(home) as (_, people):
        assert people.tick(T0) == []
        join(people, "eva", ["expert"])
        for now in (T0 + 1, T0 + 2, T0 + HEAD_EVERY_S):
            assert people.tick(now) == []
        people.logins.login("eva", PASSWORD, "", T0 + 60)
        assert people.tick(T0 + HEAD_EVERY_S) == []
    assert _heads(home) == [2, 3]
    with opened(home) as (_, people):  # a restart remembers when the last one was
        people.logins.login("eva", PASSWORD, "", T0 + 70)
        people.tick(T0 + 2 * HEAD_EVERY_S - 1)
        people.tick(T0 + 2 * HEAD_EVERY_S)
    assert _heads(home) == [2, 3, 4]


def _audit(home: Path, *words: str) -> int:
    return main(["node", "audit", "verify", "--home", str(home), *words])


def test_the_command_finds_what_an_operator_took_away(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(home) as (_, people):
        join(people, "maria", ["delegate"])
        join(people, "eva", ["expert"])
        people.tick(T0)
        people.logins.login("eva", PASSWORD, "", T0 + 60)
    assert _audit(home) == 0
    assert "5 rows good" in capsys.readouterr().out
    for statement, words in (
        ("UPDATE audit SET account = 'x' WHERE n = 2", "audit row 2"),
        ("DELETE FROM audit WHERE n = 1", "audit row 1: it is missing"),
        ("DELETE FROM audit WHERE n > 3", "rows were taken from the end"),
        ("DELETE FROM audit", "rows were taken from the end"),
    ):
        copy = home.parent / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(home, copy)
        with sqlite3.connect(copy / "people.db") as db:
            db.execute(statement)
        db.close()
        assert _audit(copy, "--json") == 5
        found = capsys.readouterr()
        assert words in found.err
        assert json.loads(found.out)["error"] == "TrustError"


def test_a_log_that_lost_the_heads_is_found_by_what_the_keys_remember(home: Path) -> None:
    with opened(home) as (_, people):
        join(people, "eva", ["expert"])
        people.sign_audit_head(T0)
    other = Node(home)  # the log as it was before the head was signed: no entries
    origin = other.replica.own.origin
    with other.store.commit():
        for table in ("entry", "tile", "head"):
            other.store._db.execute(f"DELETE FROM {table} WHERE origin = ?", (origin,))
    other.close()
    with Onlooker(home) as node, pytest.raises(TrustError, match="the keys have signed 1"):
        list(signed_heads(node))


def test_one_part_of_the_tick_that_fails_leaves_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(home) as (node, people):
        join(people, "eva", ["expert"])
        assert people.opinions is not None

        def fail(now: int, **_: object) -> None:
            raise StateError("the log is busy.", code="busy")

        monkeypatch.setattr(people.opinions, "flush", fail)
        assert [error.code for error in people.tick(T0)] == ["busy"]
        assert [e.type for e in node.replica.own.entries] == ["AuditHead"]


def test_without_a_log_the_operators_commands_work_beside_a_server(home: Path) -> None:
    with opened(home) as (_, people):
        beside = People.open(home, create=False)
        beside.accounts.add("eva", "Eva", ["expert"], T0)
        assert (beside.acts, beside.opinions, beside.tick(T0)) == (None, None, [])
        assert beside.sign_audit_head(T0) is None
        beside.close()
        assert people.accounts.by_login("eva").roles == ("expert",)


def test_a_form_sent_after_the_session_ended_is_her_draft(home: Path) -> None:
    with opened(home) as (node, people):
        account, _ = join(people, "eva", ["expert"])
        _, cookie, _ = people.logins.login("eva", PASSWORD, "", T0)
        people.logout(cookie.value, T0 + 60)
        act, fields = new_act(), {"text": ["half an hour of work"]}
        assert people.keep_after_end(cookie.value, act, "StatementSubmitted", fields, T0 + 61)
        assert not people.keep_after_end("of nobody", new_act(), "StatementSubmitted", fields, T0 + 61)
        assert people.acts is not None
        assert people.acts.look(act, account.id).fields == fields
        assert [seen.act for seen in people.acts.of(account.id)] == [act]
        assert node.replica.own.size == 0


def test_a_form_sent_after_the_end_takes_no_newer_drafts_place(home: Path) -> None:
    with opened(home) as (_, people):
        account, _ = join(people, "eva", ["expert"])
        _, cookie, _ = people.logins.login("eva", PASSWORD, "", T0)
        assert people.acts is not None
        act, old = new_act(), {"text": ["of an old window"]}
        shown = people.acts.save(act, account.id, "StatementSubmitted", {"text": ["first"]}, T0).version
        people.acts.save(act, account.id, "StatementSubmitted", {"text": ["newer"]}, T0 + 1, version=shown)
        people.logout(cookie.value, T0 + 60)
        kept = {
            people.keep_after_end(cookie.value, act, "StatementSubmitted", old, T0 + n, version=shown) for n in (61, 62)
        }
        assert people.acts.look(act, account.id).fields == {"text": ["newer"]}
        assert [people.acts.look(beside, account.id).fields for beside in kept] == [old]


def test_an_envelope_enters_as_its_persons_form_would(home: Path) -> None:
    def entry(kind: str, label: str = "del-04", author: str = "BRA") -> Entry:
        return Entry.new(
            author=author, bloc="BRICS", membership=1, person=label, seq=1, prev=FIRST, scope="council",
            ts="2026-11-22T00:00:00Z", type=kind, body={}, secret=Ed25519Secret(b"k" * 32),
        )  # fmt: skip

    with opened(home) as (_, people):
        people.check_entry(entry("VoteOpened"))  # nobody works here yet: the membership file alone decides
        people.accounts.add("maria", "Maria", ["delegate"], T0, key_label="del-04")
        people.check_entry(entry("BallotCast"))
        for odd in (
            entry("VoteOpened"),
            entry("BallotCast", "del-05"),
            entry("BallotCast", author="CHN"),
            entry("Odd"),
        ):
            with pytest.raises(RuleError):
                people.check_entry(odd)
        people.accounts.lock("maria", T0 + 60, T0)
        with pytest.raises(RuleError, match="locked"):
            people.check_entry(entry("BallotCast"), T0)
        people.check_entry(entry("BallotCast"), T0 + 60)


# --- Secrets ---


def test_planted_secrets_are_found_nowhere(
    home: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """All that a person keeps to herself, looked for in every file, line of log, message and repr."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    secrets: dict[str, bytes] = {}

    def told(thing: object) -> None:
        shown.append(repr(thing) + str(thing))

    with opened(home) as (_, people):
        _, link = people.accounts.add("maria", "Maria PLANTED Silva", ["delegate"], T0, key_label="del-04")
        welcome = people.accounts.welcome(link.value, T0)
        told(welcome)
        told(link)
        assert welcome.totp is not None
        phone = Telephone(b32decode(welcome.totp.value.replace(" ", "")))
        account, codes = people.accounts.accept(link.value, PASSWORD, phone.code(T0), T0)
        told(account)
        for password, code in ((PASSWORD + "x", ""), (PASSWORD, codes[0] + "x"), ("wrong " + PASSWORD, codes[1])):
            try:
                people.logins.login("maria", password, code, T0, address="203.0.113.77")
            except RuleError as error:
                told(error.as_dict())
        _, cookie, session = people.logins.login(
            "maria", PASSWORD, phone.code(T0 + 30), T0 + 30, address="203.0.113.77"
        )
        told((cookie, session))
        public = people.keys.make(account.id, PHRASE, T0)
        seed = people.keys.open_once(account.id, PHRASE, T0).seed
        people.keys.unlock(account.id, session.handle, PHRASE, T0)
        told((people.keys.holder, people.keys.signing_key(account.id, session.handle, T0)))
        try:
            people.keys.open_once(account.id, PHRASE + "x", T0)
        except RuleError as error:
            told(error.as_dict())
        assert people.opinions is not None
        visitor = new_visitor().value
        people.opinions.vote(visitor, "c-2026-001", 1, "agree", T0)
        people.opinions.flush(T0, all_now=True)
        token = form_token(cookie.value)
        told((people.secrets, people.accounts, people.audit.of(account.id), people.accounts.by_login("maria")))
        key = people.secrets.key
        secrets |= {
            "password": PASSWORD.encode(), "phrase": PHRASE.encode(), "link": link.value.encode(),
            "totp": phone.secret, "totp text": welcome.totp.value.replace(" ", "").encode(),
            "cookie": cookie.value.encode(), "seed": seed, "visitor": visitor.encode(), "form token": token.encode(),
            "address": b"203.0.113.77", "people key": key, "subkey": people.secrets.subkey("totp"),
            **{f"recovery {i}": code.encode() for i, code in enumerate(codes)},
            **{f"recovery {i} plain": code.replace("-", "").encode() for i, code in enumerate(codes)},
        }  # fmt: skip
    certify(home, "del-04", public)
    with opened(home) as (node, people):
        assert people.acts is not None
        receipt = people.acts.submit(
            new_act(), account.id, Said("Said", {"word": "yes"}), {"word": ["yes"]}, T0, person="del-04",
            key=Ed25519Secret(seed),
        )  # fmt: skip
        told(receipt)
        people.tick(T0 + HEAD_EVERY_S)
        export(node.replica, home / "public")
    written = {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    assert any(path.name == "people.db" for path in written)
    out = capfd.readouterr()
    spoken = "\n".join([*shown, caplog.text, out.out, out.err]).encode()
    for name, secret in secrets.items():
        for path, data in written.items():
            if path.name == "people.json" and name == "people key":
                continue
            forms = [secret, secret.hex().encode(), b64encode(secret).rstrip(b"=")]
            assert not any(form in data for form in forms), f"{name} in {path.name}"
        assert secret not in spoken, f"{name} was said"
        assert secret.hex().encode() not in spoken, f"{name} was said"
    names = [path.name for path, data in written.items() if b"PLANTED" in data]
    assert set(names) <= {"people.db", "people.db-wal"}  # the name lives there and nowhere else
    assert b"PLANTED" not in spoken


def test_a_login_typed_into_the_wrong_field_is_not_kept(home: Path) -> None:
    """People type their password where the login belongs; what is counted there is a keyed hash."""
    with opened(home) as (_, people):
        with pytest.raises(ConcordatError):
            people.logins.login("PLANTED password", "x", "", T0, address="203.0.113.77")
        dump = "\n".join(people.store._db.iterdump())
    assert "planted" not in dump.casefold()
    assert "203.0.113.77" not in dump


def test_a_key_file_carries_the_secret_of_the_people(home: Path, tmp_path: Path) -> None:
    """A copied database alone opens no telephone's secret: the key lies in another file."""
    with opened(home) as (_, people):
        account, _ = join(people, "maria", ["delegate"])
        sealed = account.totp_sealed
    other = make_home(tmp_path / "other")
    shutil.copy(home / "people.db", other / "people.db")
    assert sealed is not None
    with opened(other) as (_, people), pytest.raises(TrustError, match="does not open"):
        people.logins.login("maria", PASSWORD, "123456", T0 + 60)
