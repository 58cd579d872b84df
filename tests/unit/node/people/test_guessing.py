"""Waits for guessers, with the time passed in: the table of the specification, many attempts at once, no lock-out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.node.guessing import FAILURES, Guesses, WaitError

MINUTE = 60


def _fail(guesses: Guesses, now: int, times: int = 1) -> Guesses:
    for _ in range(times):
        guesses = guesses.begin(now).failed(now)
    return guesses


@pytest.mark.parametrize(("kind", "most"), [("login", 5), ("address", 20)])
def test_so_many_failures_in_15_minutes_begin_a_wait_of_1_minute(kind: str, most: int) -> None:
    assert FAILURES[kind] == most
    guesses = _fail(Guesses(kind), 1_000, most - 1)
    assert guesses.left(1_000) == 1
    guesses = _fail(guesses, 1_000)
    with pytest.raises(WaitError, match="Wait 1 minute") as caught:
        guesses.begin(1_059)
    assert caught.value.retry_after_s == 1
    assert caught.value.code == "wait"
    guesses.begin(1_060)


def test_waits_double_up_to_an_hour() -> None:
    guesses, now, waits = Guesses("login"), 0, []
    for _ in range(9):
        guesses = _fail(guesses, now, 5)
        waits.append((guesses.until - now) // MINUTE)
        now = guesses.until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_failures_older_than_15_minutes_are_not_counted() -> None:
    guesses = _fail(Guesses("login"), 0, 4)
    assert _fail(guesses, 15 * MINUTE).until == 0
    assert _fail(guesses, 15 * MINUTE - 1).until > 0


def test_a_day_without_failures_forgets_how_long_the_last_wait_was() -> None:
    guesses = _fail(_fail(Guesses("login"), 0, 5), 60, 5)
    late = guesses.until + 24 * 60 * MINUTE
    assert _fail(guesses, late - 1, 5).until == late - 1 + 4 * MINUTE
    assert _fail(guesses, late, 5).until == late + MINUTE


def test_a_good_login_clears_its_counter_and_not_that_of_the_address() -> None:
    login = _fail(Guesses("login"), 0, 4).begin(1).succeeded(1)
    assert login == Guesses("login")
    address = _fail(Guesses("address"), 0, 19).begin(1).succeeded(1)
    assert _fail(address, 2).until > 0


def test_many_attempts_at_once_are_no_more_than_the_same_in_a_row() -> None:
    guesses = Guesses("login")
    for _ in range(5):
        guesses = guesses.begin(10)
    with pytest.raises(WaitError, match="at once"):
        guesses.begin(10)
    assert guesses.failed(11).until == 11 + MINUTE


def test_an_attempt_that_is_taken_back_was_none() -> None:
    guesses = _fail(Guesses("login"), 0, 3)
    assert guesses.begin(5).withdrawn(5) == guesses


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=200))
def test_nobody_is_ever_told_to_wait_longer_than_an_hour(steps: list[tuple[int, bool]]) -> None:
    guesses, now = Guesses("login"), 0
    for pause, good in steps:
        now += pause
        if now < guesses.until:
            with pytest.raises(WaitError) as caught:
                guesses.begin(now)
            assert 0 < caught.value.retry_after_s <= 60 * MINUTE
            continue
        begun = guesses.begin(now)
        guesses = begun.succeeded(now) if good else begun.failed(now)
    guesses.begin(max(now, guesses.until) + 15 * MINUTE)  # and then an attempt is always open


@given(st.integers(1, 3_000), st.integers(0, 120))
def test_a_patient_guesser_gets_few_attempts_a_day(attempts: int, pause: int) -> None:
    """However the attempts are spread over a day, a login can be tried at most 5 x (7 + 24) + 4 times a day."""
    guesses, now, tried = Guesses("login"), 0, 0
    for _ in range(attempts):
        now = max(now + pause, guesses.until)
        if now >= 86_400:
            break
        guesses = guesses.begin(now).failed(now)
        tried += 1
    slow = 86_400 // (15 * MINUTE) * 4 + 4  # or below the limit for ever: four in each 15 minutes
    assert tried <= max(5 * (7 + 24) + 4, slow)
