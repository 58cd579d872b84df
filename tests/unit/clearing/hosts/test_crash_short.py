"""Power cuts, failing calls and killed processes under the SQLite host: the short form of `tests/clearing_crash.py`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import clearing_crash

pytest.importorskip("apsw", reason="needs the extra [oracles]")


@pytest.fixture
def ram() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of files are laid out, and none has to be durable."""
    with tempfile.TemporaryDirectory(dir=clearing_crash.in_memory()) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def run() -> clearing_crash.Run:
    return clearing_crash.Run(3)


@pytest.mark.parametrize("state_every", [1, 3])
def test_every_power_cut_is_survived(ram: Path, run: clearing_crash.Run, state_every: int) -> None:
    counts = clearing_crash.trial_cuts(run, ram, state_every)
    assert counts["calls"] > 50, "the run must reach the disk, and move the log into the file"
    assert counts["starts"] > 2 * counts["calls"]


def test_what_a_start_tells_survives_a_power_cut(ram: Path) -> None:
    counts = clearing_crash.trial_restarts(clearing_crash.Run(1), ram)
    assert counts["starts"] > counts["restarts"] > 40


def test_every_call_that_fails_stops_the_host(ram: Path) -> None:
    counts = clearing_crash.trial_failures(clearing_crash.Run(1), ram)
    assert counts["failures"] > 20


def test_a_killed_process_loses_nothing_it_told(ram: Path) -> None:
    counts = clearing_crash.trial_kills(clearing_crash.Run(12), ram, every=6)
    assert counts["kills"] >= 1


def test_the_trial_sees_a_host_that_does_not_flush(
    ram: Path, run: clearing_crash.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `synchronous=OFF` a power cut loses what was told: the trial must fail then."""
    from concordat.node.clearing import sqlite
    from concordat.node.clearing.tables import Batch

    true = sqlite.SqliteStore.begin

    def careless(store: sqlite.SqliteStore, batch: Batch) -> None:
        store._db.execute("PRAGMA synchronous=OFF")
        true(store, batch)

    monkeypatch.setattr(sqlite.SqliteStore, "begin", careless)
    with pytest.raises(AssertionError, match="was acknowledged"):
        clearing_crash.trial_cuts(run, ram)
