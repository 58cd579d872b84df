"""What all tests share: where the shared data stand (named here alone), a pinned clock, and settings in a scratch folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat import clock

SHARED_DATA = Path(os.environ.get("CONCORDAT_SHARED_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
TODAY = "2026-11-22"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="store the present output as golden; review the diff")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared real data, or a skip that says how to get the tests to run."""
    if not SHARED_DATA.is_dir():
        pytest.skip("shared data not found; set CONCORDAT_SHARED_DATA to its folder")
    return SHARED_DATA.resolve()


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def _same_day_and_no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every test runs on the same day, with no settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("CONCORDAT_") and name != "CONCORDAT_SHARED_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "xdg-data"))
    monkeypatch.setenv("CONCORDAT_NOW", TODAY)
    with clock.fixed(TODAY):
        yield
