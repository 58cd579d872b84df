"""The login: one mistake looks like another, codes and recovery codes work once, guessers wait, sessions are fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from concordat.errors import InputError, RuleError, StateError
from concordat.node import login as login_module
from concordat.node.guessing import WaitError
from concordat.node.login import WRONG
from concordat.node.passwords import Cost
from concordat.node.people import People
from concordat.node.secret import token_hash
from people_kit import CHEAP, PASSWORD, T0, bare, join

ADDRESS = "203.0.113.7"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    found = bare(tmp_path / "home")
    yield found
    found.close()


def _wrong(people: People, login: str, password: str, code: str, now: int, address: str = "") -> RuleError:
    with pytest.raises(RuleError) as caught:
        people.logins.login(login, password, code, now, address=address)
    return caught.value


def test_a_login_with_a_code(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"])
    found, cookie, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30, address=ADDRESS)
    assert (found.id, session.account, session.how) == (account.id, account.id, "totp")
    assert people.logins.of_session(cookie.value, T0 + 31)[0].login == "maria"
    row = people.audit.of(account.id)[0]
    assert (row.kind, dict(row.facts)) == ("login", {"address": "203.0.113.0/24", "how": "totp"})


def test_a_login_is_typed_in_any_case(people: People) -> None:
    join(people, "eva", ["expert"])
    assert people.logins.login(" Eva ", PASSWORD, "", T0)[0].login == "eva"


def test_a_code_is_used_once_also_by_another_browser(people: People) -> None:
    _, phone = join(people, "maria", ["delegate"])
    code = phone.code(T0 + 30)
    people.logins.login("maria", PASSWORD, code, T0 + 30)
    assert _wrong(people, "maria", PASSWORD, code, T0 + 31).what == WRONG
    people.logins.login("maria", PASSWORD, phone.code(T0 + 60), T0 + 60)


def test_of_two_who_are_equally_quick_with_one_code_one_is_let_in(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the step used when it is about to open its session."""
    _, phone = join(people, "maria", ["delegate"])
    code, prove = phone.code(T0 + 30), people.logins._prove
    done: list[str] = []

    def late(*arguments: object) -> object:
        found = prove(*arguments)  # type: ignore[arg-type]
        if not done:
            done.append("first")
            people.logins.login("maria", PASSWORD, code, T0 + 30)
        return found

    monkeypatch.setattr(people.logins, "_prove", late)
    assert _wrong(people, "maria", PASSWORD, code, T0 + 30).what == WRONG
    assert done == ["first"]
    assert len(people.accounts.sessions.of(people.accounts.by_login("maria").id, T0 + 30)) == 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda people: people.accounts.reset("eva", T0),
        lambda people: people.accounts.lock("eva", T0 + 60, T0),
        lambda people: people.accounts.set_roles("eva", ["delegate"], T0),
    ],
    ids=["reset", "lock", "roles"],
)
def test_what_changes_while_a_password_is_hashed_counts(
    people: People, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[People], object]
) -> None:
    """A session that one factor opens is none of a role that asks for two, and a reset account stays closed."""
    eva, _ = join(people, "eva", ["expert"])
    _, _, session = people.logins.login("eva", PASSWORD, "", T0)
    verify, done = login_module.verify_password, [True]

    def late(*arguments: str) -> None:
        verify(*arguments)
        if not done:
            done.append(True)
            meanwhile(people)

    monkeypatch.setattr(login_module, "verify_password", late)
    monkeypatch.setattr(login_module, "needs_rehash", lambda *_: True)  # what it writes must not open it again
    never: Callable[[str], bool] = lambda _: False  # noqa: E731
    for work in (
        lambda: people.logins.login("eva", PASSWORD, "", T0),
        lambda: people.logins.prove(session, PASSWORD, "", T0),
        lambda: people.logins.change_password(session, PASSWORD, "eleven ducks in a row", T0, never),
        lambda: people.logins.new_codes(session, PASSWORD, T0),
    ):
        people.accounts.lock("eva", 0, T0)
        people.accounts.set_roles("eva", ["expert"], T0)
        people.store.run("UPDATE account SET password_phc = ?", eva.password_phc)
        people.store.run("UPDATE session SET ended = 0")
        done.clear()
        with pytest.raises(RuleError):
            work()
        assert done == [True]
        assert people.accounts.sessions.of(eva.id, T0) == []
        assert people.accounts.by_login("eva").password_phc in ("", eva.password_phc)
        people.store.run("DELETE FROM guess")


def test_a_session_that_ended_meanwhile_changes_no_password(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset that comes while the new one is hashed stays a reset."""
    eva, _ = join(people, "eva", ["expert"])
    _, _, session = people.logins.login("eva", PASSWORD, "", T0)
    hashed = login_module.hash_password

    def late(text: str, cost: Cost) -> str:
        people.accounts.reset("eva", T0)
        return hashed(text, cost)

    monkeypatch.setattr(login_module, "hash_password", late)
    with pytest.raises(RuleError, match="session that asked for this has ended"):
        people.logins.change_password(session, PASSWORD, "eleven ducks in a row", T0, lambda _: False)
    assert not people.accounts.account(eva.id).open
    assert "password_changed" not in [row.kind for row in people.audit.of(eva.id)]


def test_a_recovery_code_stands_for_the_telephone_once(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"])
    _, _, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
    codes = people.logins.new_codes(session, PASSWORD, T0 + 60, phone.code(T0 + 60))
    assert people.logins.login("maria", PASSWORD, codes[4], T0)[2].how == "recovery"
    assert _wrong(people, "maria", PASSWORD, codes[4], T0).what == WRONG
    assert len(people.accounts.account(account.id).recovery) == 9
    _, _, session = people.logins.login("maria", PASSWORD, codes[5], T0)
    for password, code in (("not the password", phone.code(T0 + 90)), (PASSWORD, ""), (PASSWORD, phone.code(T0 + 60))):
        with pytest.raises(RuleError, match="password or code is wrong"):  # the last one was used
            people.logins.new_codes(session, password, T0 + 90, code)
    fresh = people.logins.new_codes(session, PASSWORD, T0, codes[7])
    assert _wrong(people, "maria", PASSWORD, codes[6], T0).what == WRONG
    people.logins.login("maria", PASSWORD, fresh[0], T0)


def test_a_client_certificate_stands_for_the_code(people: People) -> None:
    _, link = people.accounts.add("op", "Op", ["operator"], T0, certificate="ab" * 32)
    assert people.accounts.welcome(link.value, T0).totp is None
    people.accounts.accept(link.value, PASSWORD, "", T0)
    with pytest.raises(RuleError):
        people.logins.login("op", PASSWORD, "", T0)
    with pytest.raises(RuleError):
        people.logins.login("op", PASSWORD, "", T0, certificate="cd" * 32)
    with pytest.raises(RuleError):
        people.logins.login("op", "another password", "", T0, certificate="AB" * 32)
    assert people.logins.login("op", PASSWORD, "", T0, certificate="AB" * 32)[2].how == "certificate"


def test_every_mistake_is_told_in_the_same_words(people: People) -> None:
    _, phone = join(people, "maria", ["delegate"])
    people.accounts.add("new", "New", ["delegate"], T0)  # the link is not used yet
    now = T0 + 60
    mistakes = [
        ("nobody", PASSWORD, phone.code(now)),
        ("maria", "a wrong password", phone.code(now)),
        ("maria", PASSWORD, "000000"),
        ("maria", PASSWORD, ""),
        ("maria", PASSWORD, "aaaa-aaaa-aaaa-aaaa"),
        ("new", PASSWORD, phone.code(now)),
        ("", "", ""),
        ("maria' OR 1=1 --", PASSWORD, phone.code(now)),
        ("maria\x00", PASSWORD, phone.code(now)),
        ("maria", "\ud800", phone.code(now)),
    ]
    told = set()
    for login, password, code in mistakes:
        error = _wrong(people, login, password, code, now)
        told.add((error.what, error.code, error.where))
        people.store.run("DELETE FROM guess")
    assert told == {(WRONG, "wrong", "")}


def test_every_mistake_costs_one_hash(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time of an answer does not tell which logins exist; the times themselves are a benchmark's matter."""
    _, phone = join(people, "maria", ["delegate"])
    people.accounts.add("new", "New", ["delegate"], T0)
    costs: list[str] = []
    verify = login_module.verify_password

    def counted(password: str, phc: str) -> None:
        costs.append(phc.rpartition("$")[0].rpartition("$")[0])  # algorithm and cost, without salt and hash
        verify(password, phc)

    monkeypatch.setattr(login_module, "verify_password", counted)
    for login, password in (
        ("nobody", PASSWORD),
        ("maria", "a wrong password"),
        ("maria", PASSWORD),
        ("new", PASSWORD),
    ):
        _wrong(people, login, password, "000000", T0 + 60)
    people.logins.login("maria", PASSWORD, phone.code(T0 + 60), T0 + 60)
    assert costs == ["$argon2id$v=19$m=64,t=1,p=1"] * 5


def test_five_failures_for_a_login_make_it_wait(people: People) -> None:
    _, phone = join(people, "maria", ["delegate"])
    lefts = [_wrong(people, "maria", "a wrong password", "", T0 + i).hint for i in range(4)]
    assert [hint.split()[0] for hint in lefts] == ["4", "3", "2", "1"]
    error = _wrong(people, "maria", "a wrong password", "", T0 + 4)
    assert isinstance(error, WaitError)
    assert "Wait 1 minute." in str(error)
    assert error.retry_after_s == 60
    error = _wrong(people, "maria", PASSWORD, phone.code(T0 + 63), T0 + 63)  # right, and yet it must wait
    assert isinstance(error, WaitError)
    people.logins.login("maria", PASSWORD, phone.code(T0 + 64), T0 + 64)


def test_a_login_that_does_not_exist_waits_like_one_that_does(people: People) -> None:
    join(people, "maria", ["delegate"])
    told = [
        [type(_wrong(people, login, "a wrong password", "", T0 + i)).__name__ for i in range(7)]
        for login in ("maria", "nobody")
    ]
    assert told[0] == told[1] == ["RuleError"] * 4 + ["WaitError"] * 3


def test_twenty_failures_from_an_address_make_it_wait_and_nobody_else(people: People) -> None:
    _, phone = join(people, "maria", ["delegate"])
    for i in range(20):
        _wrong(people, f"guess{i}", "a wrong password", "", T0, ADDRESS)
    error = _wrong(people, "maria", PASSWORD, phone.code(T0 + 30), T0 + 30, ADDRESS)
    assert isinstance(error, WaitError)
    people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30, address="203.0.113.8")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("2001:db8::1", "2001:db8::ffff", True), ("2001:db8::1", "2001:db8:0:1::1", False),
     ("::ffff:203.0.113.7", "203.0.113.7", True), ("203.0.113.7", "203.0.113.8", False)],
)  # fmt: skip
def test_an_ipv6_network_of_64_bits_is_one_address(people: People, first: str, second: str, same: bool) -> None:
    for i in range(20):
        _wrong(people, f"guess{i}", "a wrong password", "", T0, first)
    error = _wrong(people, "another", "a wrong password", "", T0, second)
    assert isinstance(error, WaitError) == same


def test_waits_outlive_a_restart(tmp_path: Path, people: People) -> None:
    join(people, "maria", ["delegate"])
    for i in range(5):
        _wrong(people, "maria", "a wrong password", "", T0 + i)
    people.close()
    again = People.open(tmp_path / "home", cost=CHEAP)
    assert isinstance(_wrong(again, "maria", PASSWORD, "", T0 + 6), WaitError)
    again.close()


def test_a_server_that_is_too_busy_counts_no_failure(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    join(people, "eva", ["expert"])

    def busy() -> None:
        raise StateError("too many people are logging in.", code="busy")

    monkeypatch.setattr(people.accounts.gate, "turn", busy)
    for _ in range(10):
        with pytest.raises(StateError):
            people.logins.login("eva", PASSWORD, "", T0, address=ADDRESS)
    monkeypatch.undo()
    assert people.store.rows("SELECT times FROM guess WHERE times <> '[]'") == []
    people.logins.login("eva", PASSWORD, "", T0, address=ADDRESS)


def test_dearer_parameters_are_taken_up_at_the_next_login(tmp_path: Path, people: People) -> None:
    join(people, "eva", ["expert"])
    people.close()
    dearer = People.open(tmp_path / "home", cost=Cost(128, 2, 1))
    dearer.logins.login("eva", PASSWORD, "", T0)
    assert "$m=128,t=2,p=1$" in dearer.accounts.by_login("eva").password_phc
    dearer.logins.login("eva", PASSWORD, "", T0)
    dearer.close()


def test_a_new_password_ends_the_other_sessions(people: People) -> None:
    join(people, "eva", ["expert"])
    _, first, _ = people.logins.login("eva", PASSWORD, "", T0)
    _, second, session = people.logins.login("eva", PASSWORD, "", T0)
    never: Callable[[str], bool] = lambda _: False  # noqa: E731
    with pytest.raises(RuleError, match="the password is wrong"):
        people.logins.change_password(session, "not the old one", "eleven ducks in a row", T0, never)
    for bad, same in (("short", never), ("eva-eva-eva-eva", never), ("nine lamps under water", lambda _: True)):
        with pytest.raises(InputError):
            people.logins.change_password(session, PASSWORD, bad, T0, same)
    ended = people.logins.change_password(session, PASSWORD, "eleven ducks in a row", T0, never)
    assert ended == [token_hash(first.value)]
    people.logins.of_session(second.value, T0)
    with pytest.raises(RuleError):
        people.logins.of_session(first.value, T0)
    with pytest.raises(RuleError):
        people.logins.login("eva", PASSWORD, "", T0)
    people.logins.login("eva", "eleven ducks in a row", "", T0)


def test_what_one_proves_oneself_by_is_changed_after_every_factor(people: People) -> None:
    """Password and code once more, counted like a login; a code that has opened a session changes nothing after it."""
    account, phone = join(people, "maria", ["delegate"])
    _, _, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
    now, never = T0 + 60, lambda _: False
    for password, code in ((PASSWORD, ""), (PASSWORD, phone.code(T0 + 30)), ("not the old one", phone.code(now))):
        with pytest.raises(RuleError, match="password or code is wrong"):
            people.logins.prove(session, password, code, now)
        with pytest.raises(RuleError, match="password or code is wrong"):
            people.logins.change_password(session, password, "eleven ducks in a row", now, never, code)
        people.store.run("DELETE FROM guess")
    people.logins.change_password(session, PASSWORD, "eleven ducks in a row", now, never, phone.code(now))
    with pytest.raises(RuleError, match="password or code is wrong"):
        people.logins.prove(session, "eleven ducks in a row", phone.code(now), now)  # used a moment ago
    assert people.logins.prove(session, "eleven ducks in a row", phone.code(now + 30), now + 30).id == account.id
    for _ in range(5):
        with pytest.raises(RuleError):
            people.logins.prove(session, "guess guess guess", "000000", now + 60)
    with pytest.raises(WaitError):
        people.logins.prove(session, "eleven ducks in a row", phone.code(now + 60), now + 60)


def test_a_wrong_login_stands_among_the_rows_of_whom_it_was_meant_for(people: People) -> None:
    account, phone = join(people, "maria", ["delegate"])
    _wrong(people, "maria", "not the password", phone.code(T0 + 30), T0 + 30)
    _wrong(people, "nobody", "not the password", "", T0 + 30)
    assert [row.kind for row in people.audit.of(account.id)][:1] == ["login_failed"]
    assert [row.account for row in people.audit.rows() if row.kind == "login_failed"] == [account.id, ""]


def test_after_a_logout_the_cookie_opens_nothing(people: People) -> None:
    account, _ = join(people, "eva", ["expert"])
    _, cookie, _ = people.logins.login("eva", PASSWORD, "", T0)
    people.logout(cookie.value, T0 + 1)
    with pytest.raises(RuleError, match="not logged in"):
        people.logins.of_session(cookie.value, T0 + 1)
    assert people.audit.of(account.id)[0].kind == "logout"
    people.logout(cookie.value, T0 + 2)  # once more does no harm
    people.logout("of nobody", T0 + 2)


def test_a_login_ends_the_session_that_the_browser_had(people: People) -> None:
    join(people, "eva", ["expert"])
    _, first, _ = people.logins.login("eva", PASSWORD, "", T0)
    _, second, _ = people.logins.login("eva", PASSWORD, "", T0, old=first.value)
    assert first.value != second.value
    with pytest.raises(RuleError):
        people.logins.of_session(first.value, T0)


def test_what_is_over_is_forgotten(people: People) -> None:
    join(people, "eva", ["expert"])
    people.logins.login("eva", PASSWORD, "", T0)
    _wrong(people, "eva", "a wrong password", "", T0)
    people.accounts.add("new", "New", ["expert"], T0)
    people.accounts.forget(T0 + 40 * 86_400)
    for table in ("link", "guess", "session"):
        assert people.store.rows(f"SELECT * FROM {table}") == [], table
