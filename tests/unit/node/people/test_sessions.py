"""Sessions, with the time passed in: fresh ids, idle and longest time, ends that hold, nothing usable in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat.errors import RuleError
from concordat.node.people_store import PeopleStore
from concordat.node.secret import token_hash
from concordat.node.sessions import SESSIONS_MAX, Sessions, cookie_name, set_cookie

T0, MINUTE, HOUR = 1_000_000, 60, 3_600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PeopleStore]:
    found = PeopleStore(tmp_path / "people.db", create=True)
    yield found
    found.close()


def _gone(sessions: Sessions, value: str, now: int) -> None:
    with pytest.raises(RuleError, match="not logged in") as caught:
        sessions.find(value, now)
    assert caught.value.code == "no_session"


def test_an_id_has_256_bits_and_only_its_hash_is_stored(store: PeopleStore) -> None:
    cookie, session = Sessions(store).open("a1", "totp", T0)
    assert len(cookie.value) == 43  # 32 bytes in base64 without padding
    assert session.handle == token_hash(cookie.value)
    assert cookie.value not in str(store.rows("SELECT * FROM session"))


def test_the_id_that_a_browser_brings_is_never_taken_over(store: PeopleStore) -> None:
    """Session fixation: an id planted before the login is worth nothing after it."""
    sessions = Sessions(store)
    planted = "planted-by-somebody-else"
    cookie, _ = sessions.open("a1", "totp", T0, old=planted)
    assert cookie.value != planted
    _gone(sessions, planted, T0)


def test_each_login_rotates_the_id(store: PeopleStore) -> None:
    sessions = Sessions(store)
    first, _ = sessions.open("a1", "totp", T0)
    second, _ = sessions.open("a1", "totp", T0 + 1, old=first.value)
    _gone(sessions, first.value, T0 + 1)
    assert sessions.find(second.value, T0 + 1).account == "a1"


def test_30_minutes_without_a_request_end_it(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookie, _ = sessions.open("a1", "totp", T0)
    assert sessions.find(cookie.value, T0 + 30 * MINUTE - 1).seen == T0 + 30 * MINUTE - 1
    sessions.find(cookie.value, T0 + 59 * MINUTE)
    _gone(sessions, cookie.value, T0 + 89 * MINUTE)
    _gone(sessions, cookie.value, T0 + 59 * MINUTE + 30 * MINUTE)


def test_12_hours_end_it_however_busy_it_is(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookie, _ = sessions.open("a1", "totp", T0)
    for now in range(T0, T0 + 12 * HOUR, 20 * MINUTE):
        sessions.find(cookie.value, now)
    sessions.find(cookie.value, T0 + 12 * HOUR - 1)
    _gone(sessions, cookie.value, T0 + 12 * HOUR)


def test_views_within_a_minute_write_nothing(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookie, _ = sessions.open("a1", "totp", T0)
    before = store.rows("SELECT * FROM session")
    for second in range(60):
        sessions.find(cookie.value, T0 + second)
    assert store.rows("SELECT * FROM session") == before


def test_an_ended_session_stays_ended_after_a_restart(tmp_path: Path) -> None:
    store = PeopleStore(tmp_path / "people.db", create=True)
    cookie, session = Sessions(store).open("a1", "totp", T0)
    Sessions(store).end(session.handle, T0 + 1)
    store.close()
    again = PeopleStore(tmp_path / "people.db")
    _gone(Sessions(again), cookie.value, T0 + 2)
    again.close()


def test_all_but_one_can_be_ended(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookies = [sessions.open("a1", "totp", T0 + i)[0].value for i in range(3)]
    other, _ = sessions.open("b2", "password", T0)
    sessions.end_all("a1", T0 + 5, keep=token_hash(cookies[1]))
    assert [s.handle for s in sessions.of("a1", T0 + 5)] == [token_hash(cookies[1])]
    _gone(sessions, cookies[0], T0 + 5)
    assert sessions.find(other.value, T0 + 5).account == "b2"


def test_one_account_has_a_bounded_number(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookies = [sessions.open("a1", "totp", T0 + i)[0].value for i in range(SESSIONS_MAX + 3)]
    assert len(sessions.of("a1", T0 + 60)) == SESSIONS_MAX
    _gone(sessions, cookies[0], T0 + 60)
    sessions.find(cookies[-1], T0 + 60)


def test_an_ended_session_says_whose_it_was_and_opens_nothing(store: PeopleStore) -> None:
    sessions = Sessions(store)
    cookie, session = sessions.open("a1", "totp", T0)
    sessions.end(session.handle, T0)
    assert sessions.was(cookie.value) == "a1"
    assert sessions.was("of nobody") == ""
    _gone(sessions, cookie.value, T0)
    assert sessions.forget(T0 + 31 * 24 * HOUR) == 1
    assert sessions.was(cookie.value) == ""


def test_a_very_long_cookie_is_no_session(store: PeopleStore) -> None:
    _gone(Sessions(store), "x" * 100_000, T0)


@pytest.mark.parametrize(
    ("tls", "prefix", "name"),
    [(True, "", "__Host-s"), (True, "/concordat", "__Host-s"), (False, "", "s"), (False, "/concordat/", "s-concordat"),
     (False, "/a/b", "s-a-b")],
)  # fmt: skip
def test_names_of_cookies(tls: bool, prefix: str, name: str) -> None:
    assert cookie_name("s", tls=tls, prefix=prefix) == name


def test_the_line_that_sets_a_cookie(store: PeopleStore) -> None:
    cookie, _ = Sessions(store).open("a1", "totp", T0)
    line = set_cookie("s", cookie, tls=True)
    assert line == f"__Host-s={cookie.value}; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert set_cookie("s", None, tls=False) == "s=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    assert "Secure" not in set_cookie("v", cookie, tls=False, max_age_s=60)
