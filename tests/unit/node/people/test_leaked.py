"""Passwords known from leaks: every line of a list is found, nothing else is, and what is no list stops the choice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.errors import InputError, StateError
from concordat.node.leaked import check_not_leaked
from people_kit import PASSWORD, T0, bare, join

LEAKED = ["correct horse battery staple", "letmeinletmein", "Passwörter 2026", "qwertyuiop123456"]


def _line(password: str, count: int | None, small: bool = False) -> str:
    found = hashlib.sha1(password.encode("utf-8")).hexdigest()
    found = found if small else found.upper()
    return found if count is None else f"{found}:{count}"


def _listed(path: Path, passwords: list[str], end: str = "\n", count: int | None = 7, last: bool = True) -> Path:
    lines = sorted(_line(p, count) for p in passwords)
    path.write_bytes((end.join(lines) + (end if last else "")).encode("ascii"))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [None, 7, 123_456_789_012])
@pytest.mark.parametrize("last", [True, False])
def test_each_line_is_found_and_nothing_else(tmp_path: Path, end: str, count: int | None, last: bool) -> None:
    path = _listed(tmp_path / "list", LEAKED + [f"other {n}" for n in range(40)], end, count, last)
    for password in LEAKED:
        with pytest.raises(InputError, match="known from a leak") as caught:
            check_not_leaked(str(path), password)
        assert caught.value.code == "password_leaked"
    for n in range(40, 80):
        check_not_leaked(str(path), f"other {n}")


@given(known=st.sets(st.integers(0, 60), max_size=30), asked=st.integers(0, 60))
def test_a_file_halved_and_a_set_agree(tmp_path_factory: pytest.TempPathFactory, known: set[int], asked: int) -> None:
    path = _listed(tmp_path_factory.mktemp("l") / "list", [f"word {n}" for n in sorted(known)], last=bool(known))
    try:
        check_not_leaked(str(path), f"word {asked}")
        found = False
    except InputError:
        found = True
    assert found == (asked in known)


@pytest.mark.parametrize("text", ["not a list\n", "password\n" * 50, "A" * 39 + ":1\n", "A" * 500])
def test_what_is_no_list_stops_the_choice(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(StateError, match="begins no line of a hash"):
        check_not_leaked(str(tmp_path / "list"), PASSWORD)


def test_without_a_list_nobody_is_asked_and_a_list_that_is_gone_is_told(tmp_path: Path) -> None:
    check_not_leaked("", LEAKED[0])
    with pytest.raises(StateError, match="can't be read"):
        check_not_leaked(str(tmp_path / "gone"), LEAKED[0])


def test_no_leaked_password_or_phrase_is_chosen_anywhere(tmp_path: Path) -> None:
    people = bare(tmp_path / "home")
    try:
        account, phone = join(people, "maria", ["delegate"], label="del-04")
        people.accounts.leaked = str(_listed(tmp_path / "list", LEAKED))
        _, _, session = people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30)
        with pytest.raises(InputError, match="the password is known from a leak"):
            people.logins.change_password(session, PASSWORD, LEAKED[2], T0, lambda _: False, phone.code(T0 + 60))
        with pytest.raises(InputError, match="the signing phrase is known from a leak"):
            people.keys.make(account.id, LEAKED[2], T0)
        _, link = people.accounts.add("eva", "Eva", ["expert"], T0)
        with pytest.raises(InputError, match="the password is known from a leak"):
            people.accounts.accept(link.value, LEAKED[2], "", T0)
    finally:
        people.close()


def test_the_setting_reaches_the_people_of_a_node() -> None:
    """Named in the source: a service needs a whole node, which other tests start."""
    import inspect

    from concordat.node import people_service

    assert "accounts.leaked = service.settings.leaked_passwords" in inspect.getsource(people_service)
