"""The clock: pinned by code or by environment, always in UTC, whatever the zone of the machine."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from concordat import clock
from concordat.errors import InputError


@pytest.fixture
def unpinned(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The suite pins the clock twice; this takes both pins away."""
    monkeypatch.delenv("CONCORDAT_NOW")
    token = clock._fixed.set(None)
    yield monkeypatch
    clock._fixed.reset(token)


def test_now_is_utc_to_the_second(unpinned: pytest.MonkeyPatch) -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond == 0
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=60)
    assert clock.today() in (now.date(), clock.now().date())


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22T10:00:00.75Z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22T01:00:00+02:00", "2026-11-21T23:00:00+00:00"),
        ("2026-11-22 10:00", "2026-11-22T10:00:00+00:00"),
    ],
)
def test_environment_pins_it(unpinned: pytest.MonkeyPatch, text: str, iso: str) -> None:
    unpinned.setenv("CONCORDAT_NOW", text)
    assert clock.now().isoformat() == iso


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "22.11.2026", "0001-01-01T00:00:00+14:00", " "])
def test_a_wrong_pin_is_an_error_that_says_how(unpinned: pytest.MonkeyPatch, text: str) -> None:
    unpinned.setenv("CONCORDAT_NOW", text)
    with pytest.raises(InputError, match="Write 2026-11-22 or 2026-11-22T10:00:00Z") as caught:
        clock.now()
    assert caught.value.where == "CONCORDAT_NOW"


def test_fixed_nests_and_ends(unpinned: pytest.MonkeyPatch) -> None:
    with clock.fixed("2020-01-01"):
        with clock.fixed("2021-01-01"):
            assert clock.today() == date(2021, 1, 1)
        assert clock.today() == date(2020, 1, 1)
    assert clock.today().year > 2021


def test_a_time_without_zone_is_utc_in_every_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = datetime(2026, 11, 22, 10, tzinfo=UTC)
    for zone in ("Asia/Shanghai", "America/Sao_Paulo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        for moment in (datetime(2026, 11, 22, 10), wanted.astimezone(timezone(timedelta(hours=8)))):  # noqa: DTZ001
            with clock.fixed(moment) as when:
                assert when == wanted
    monkeypatch.delenv("TZ")
    time.tzset()
