"""Names of time zones: what the pinned package lists, the same words and instants on every machine."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from concordat.council import _zones
from concordat.council._zones import zone, zone_names
from concordat.council.decide.rules import Rule
from concordat.council.decide.silence import local_instant
from concordat.council.disputes.calendars import Calendar
from concordat.errors import InputError, MethodError

SILENCE = "rule: s\nversion: 1\nmethod: silence\nhours: 24..72\ndeadline_zone: {}\n"
ODD = ("localtime", "posixrules", "right/Asia/Tokyo", "posix/Asia/Tokyo", "leapseconds", "tzdata.zi", "Asia", "")


@pytest.mark.parametrize("name", ODD)
def test_names_that_only_a_system_knows_are_refused(name: str) -> None:
    for ask in (zone, Calendar, lambda n: local_instant("2026-05-06T18:00", n), lambda n: Rule.load(SILENCE.format(n))):
        with pytest.raises(InputError):
            ask(name)


@pytest.mark.parametrize("name", [None, 5, True, ["Asia/Tokyo"], "x" * 40_000, "\ud800", "A\0B"])
def test_anything_else_is_no_zone_either(name: Any) -> None:
    with pytest.raises(InputError, match="not a time zone I know"):
        zone(name)


def test_the_words_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def words() -> list[str]:
        found = []
        for ask in (Calendar, lambda n: Rule.load(SILENCE.format(n)), lambda n: local_instant("2026-05-06T18:00", n)):
            with pytest.raises(InputError) as error:
                ask("America/Coyhaiqu")
            found.append(f"{error.value.what} {error.value.hint}")
        return found

    usual = words()
    assert set(usual) == {'"America/Coyhaiqu" is not a time zone I know. Did you mean "America/Coyhaique"?'}
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: {"America/Coyhaiquo"})
    assert words() == usual


def test_the_systems_files_are_never_read(tmp_path: Path) -> None:
    """A machine whose Asia/Tokyo is UTC, and has a localtime."""
    (tmp_path / "Asia").mkdir()
    utc = files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    for name in ("Asia/Tokyo", "localtime"):
        (tmp_path / name).write_bytes(utc)
    try:
        zoneinfo.reset_tzpath([str(tmp_path)])
        zoneinfo.ZoneInfo.clear_cache()
        _zones._read.cache_clear()
        assert datetime(2026, 1, 1, tzinfo=zone("Asia/Tokyo")).utcoffset() == timedelta(hours=9)
        assert local_instant("2026-05-06T18:00", "Asia/Tokyo") == (1778058000, "")  # 09:00 UTC
        with pytest.raises(InputError):
            zone("localtime")
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


def test_every_listed_zone_is_read() -> None:
    assert len(zone_names()) > 500
    assert all(zone(name).key == name for name in zone_names())


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_package(*_: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(_zones, "files", no_package)
    with pytest.raises(MethodError, match="pip install tzdata"):
        zone_names.__wrapped__()
