"""Accounts: links that work once, second factors, roles, locks; every change is a row of the audit chain."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat.errors import ConcordatError, InputError, RuleError, StateError
from concordat.node.accounts import FOR_GOOD, LINK_S, member_words
from concordat.node.passwords import totp
from concordat.node.people import People
from concordat.node.people_store import PeopleStore
from people_kit import CHEAP, PASSWORD, T0, bare, join


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    found = bare(tmp_path / "home")
    yield found
    found.close()


def _kinds(people: People) -> list[str]:
    return [row.kind for row in people.audit.rows()]


def test_a_link_has_128_bits_and_only_its_hash_is_stored(people: People) -> None:
    account, link = people.accounts.add("maria", "Maria", ["delegate"], T0)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", link.value)  # 16 bytes
    assert link.value not in str(people.store.rows("SELECT * FROM link"))
    assert repr(link) == str(link) == "***"
    assert not account.open


def test_a_link_works_once(people: People) -> None:
    account, link = people.accounts.add("eva", "Eva", ["expert"], T0)
    shown = people.accounts.welcome(link.value, T0)
    assert (shown.account.id, shown.kind, shown.totp) == (account.id, "welcome", None)  # an expert needs no code
    people.accounts.accept(link.value, PASSWORD, "", T0)
    for use in (
        lambda: people.accounts.welcome(link.value, T0),
        lambda: people.accounts.accept(link.value, PASSWORD, "", T0),
    ):
        with pytest.raises(RuleError, match="this link was used") as caught:
            use()
        assert caught.value.code == "link"


def test_looking_at_a_link_changes_nothing(people: People) -> None:
    _, link = people.accounts.add("maria", "Maria", ["delegate"], T0)
    before = "\n".join(people.store._db.iterdump())
    first, second = people.accounts.welcome(link.value, T0), people.accounts.welcome(link.value, T0 + 60)
    assert first == second
    assert first.totp is not None
    assert "\n".join(people.store._db.iterdump()) == before


def test_a_link_holds_for_48_hours(people: People) -> None:
    assert LINK_S == 48 * 3_600
    _, link = people.accounts.add("eva", "Eva", ["expert"], T0)
    people.accounts.welcome(link.value, T0 + LINK_S - 1)
    with pytest.raises(RuleError, match="over 48 hours old"):
        people.accounts.welcome(link.value, T0 + LINK_S)


@pytest.mark.parametrize("link", ["", "x", "A" * 22, "A" * 100_000])
def test_what_is_no_link(people: People, link: str) -> None:
    with pytest.raises(RuleError, match="not ours"):
        people.accounts.welcome(link, T0)


def test_above_expert_a_first_code_must_show_that_the_telephone_has_the_secret(people: People) -> None:
    _, link = people.accounts.add("maria", "Maria", ["delegate"], T0)
    with pytest.raises(RuleError, match="the code is wrong"):
        people.accounts.accept(link.value, PASSWORD, "000000", T0)
    shown = people.accounts.welcome(link.value, T0)  # it can be tried again
    assert shown.totp is not None
    secret = base64.b32decode(shown.totp.value.replace(" ", ""))
    account, codes = people.accounts.accept(link.value, PASSWORD, totp(secret, T0 // 30), T0)
    assert account.open
    assert len(codes) == len(account.recovery) == 10
    assert account.totp_step == T0 // 30  # the first code can't be used for a login
    with pytest.raises(RuleError):
        people.logins.login("maria", PASSWORD, totp(secret, T0 // 30), T0)


def test_a_bad_password_leaves_the_link_open(people: People) -> None:
    _, link = people.accounts.add("eva", "Eva", ["expert"], T0)
    for bad in ("short", "Brazil-BRICS-2026", "password12345", "node.example.br"):
        with pytest.raises(InputError):
            people.accounts.accept(link.value, bad, "", T0)
    people.accounts.accept(link.value, PASSWORD, "", T0)


def test_a_reset_ends_password_code_and_sessions_at_once(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"])
    _, cookie, _ = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
    _, link = people.accounts.reset("maria", T0 + 60)
    with pytest.raises(RuleError, match="not logged in"):
        people.logins.of_session(cookie.value, T0 + 60)
    with pytest.raises(RuleError):
        people.logins.login("maria", PASSWORD, phone.code(T0 + 120), T0 + 120)
    assert people.accounts.welcome(link.value, T0 + 120).kind == "reset"
    assert people.accounts.account(account.id).recovery == ()


def test_a_second_link_ends_the_first(people: People) -> None:
    _, first = people.accounts.add("eva", "Eva", ["expert"], T0)
    _, second = people.accounts.reset("eva", T0)
    with pytest.raises(RuleError):
        people.accounts.welcome(first.value, T0)
    people.accounts.welcome(second.value, T0)


def test_other_roles_end_the_sessions(people: People) -> None:
    join(people, "eva", ["expert"])
    _, cookie, _ = people.logins.login("eva", PASSWORD, "", T0)
    account, _ = people.accounts.set_roles("eva", ["secretary", "expert"], T0 + 1)
    assert account.roles == ("expert", "secretary")
    with pytest.raises(RuleError, match="not logged in"):
        people.logins.of_session(cookie.value, T0 + 1)
    with pytest.raises(RuleError):  # the new role asks for a code, and none is set up
        people.logins.login("eva", PASSWORD, "", T0 + 2)


@pytest.mark.parametrize(
    ("roles", "error"),
    [
        (["operator", "delegate"], RuleError),
        (["secretary", "supervisor"], RuleError),
        (["king"], InputError),
        ([], InputError),
    ],
)
def test_roles_that_cannot_be(people: People, roles: list[str], error: type[ConcordatError]) -> None:
    with pytest.raises(error):
        people.accounts.add("maria", "Maria", roles, T0)
    join(people, "eva", ["expert"])
    with pytest.raises(error):
        people.accounts.set_roles("eva", roles, T0)
    assert people.accounts.by_login("eva").roles == ("expert",)


@pytest.mark.parametrize("login", ["", "M", "Maria", "maria silva", "1maria", "mária", "m" * 33, "maria\n", "-maria"])
def test_logins_that_cannot_be(people: People, login: str) -> None:
    with pytest.raises(InputError, match="is not a login"):
        people.accounts.add(login, "Maria", ["expert"], T0)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "Maria\x1b[31m", "Maria\nSilva"])
def test_names_that_cannot_be(people: People, name: str) -> None:
    with pytest.raises(InputError, match="a name has"):
        people.accounts.add("maria", name, ["expert"], T0)


@pytest.mark.parametrize("label", ["node", "Del-04", "del 04", "4del", "d" * 33])
def test_key_labels_that_cannot_be(people: People, label: str) -> None:
    with pytest.raises(InputError):
        people.accounts.add("maria", "Maria", ["delegate"], T0, key_label=label)


def test_a_login_and_a_label_are_one_persons(people: People) -> None:
    people.accounts.add("maria", "Maria", ["delegate"], T0, key_label="del-04")
    with pytest.raises(RuleError, match="there is an account maria already"):
        people.accounts.add("maria", "Maria", ["delegate"], T0)
    with pytest.raises(RuleError, match="another account has the key label del-04"):
        people.accounts.add("joao", "João", ["delegate"], T0, key_label="del-04")
    assert [a.login for a in people.accounts.all()] == ["maria"]


def test_a_lock_ends_sessions_and_opens_by_day_or_by_hand(people: People) -> None:
    join(people, "eva", ["expert"])
    _, cookie, _ = people.logins.login("eva", PASSWORD, "", T0)
    people.accounts.lock("eva", T0 + 100, T0)
    with pytest.raises(RuleError, match="not logged in"):
        people.logins.of_session(cookie.value, T0 + 1)
    with pytest.raises(RuleError, match="locked by the operator"):
        people.logins.login("eva", PASSWORD, "", T0 + 2)
    people.logins.login("eva", PASSWORD, "", T0 + 100)
    people.accounts.lock("eva", FOR_GOOD, T0 + 200)
    with pytest.raises(RuleError, match="locked by the operator"):
        people.logins.login("eva", PASSWORD, "", T0 + 300)
    people.accounts.lock("eva", 0, T0 + 400)
    people.logins.login("eva", PASSWORD, "", T0 + 400)


def test_every_change_is_a_row_and_none_holds_a_name(people: People) -> None:
    join(people, "maria", ["delegate"])
    people.accounts.set_roles("maria", ["chair"], T0)
    people.accounts.lock("maria", FOR_GOOD, T0)
    people.accounts.lock("maria", 0, T0)
    people.accounts.reset("maria", T0)
    wanted = ["account_added", "link_used", "roles_set", "account_locked", "account_unlocked", "account_reset"]
    assert _kinds(people) == wanted
    assert "Name of maria" not in str(list(people.audit.rows()))
    assert people.audit.verify().count == 6


def test_an_unknown_login_is_named(people: People) -> None:
    for ask in (people.accounts.by_login, people.accounts.account):
        with pytest.raises(InputError, match="there is no account"):
            ask("nobody")


def test_words_that_a_password_is_not_made_of() -> None:
    assert member_words("BRICS", "BRA", "node.example.br:8443") == (
        "BRICS", "BRA", "concordat", "Brazil", "node", "example", "br",
    )  # fmt: skip
    assert "XYZ" in member_words("BRICS", "XYZ", "h")


# --- The file ---


def test_the_file_is_its_owners_alone(tmp_path: Path, people: People) -> None:
    join(people, "eva", ["expert"])
    for path in [*(tmp_path / "home").glob("people.db*"), tmp_path / "home" / "keys" / "people.json"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("name", ["people.db", "keys/people.json"])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, people: People, name: str) -> None:
    (tmp_path / "home" / name).chmod(0o640)
    with pytest.raises(StateError, match="others can read"):
        People.open(tmp_path / "home", cost=CHEAP)


def test_a_newer_store_is_left_alone(tmp_path: Path, people: People) -> None:
    people.store.run("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(StateError, match=r"newer program \(version 99"):
        PeopleStore(tmp_path / "home" / "people.db")


def test_a_damaged_key_file_is_refused(tmp_path: Path, people: People) -> None:
    path = tmp_path / "home" / "keys" / "people.json"
    for text in ("", "{}", '{"key": "AAAA"}', '{"key": 5}'):
        path.write_text(text)
        with pytest.raises(StateError, match="the key file is damaged"):
            People.open(tmp_path / "home", cost=CHEAP)


def test_no_store_and_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no accounts here yet"):
        PeopleStore(tmp_path / "people.db")
    (tmp_path / "other.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    (tmp_path / "other.db").chmod(0o600)
    with pytest.raises(StateError):
        PeopleStore(tmp_path / "other.db")


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path, people: People) -> None:
    before = list(people.store._db.iterdump())

    def fail() -> None:
        with people.store.commit():
            people.accounts.add("eva", "Eva", ["expert"], T0)
            people.store._db.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StateError, match="not written"):
        fail()
    assert list(people.store._db.iterdump()) == before
