"""How many pages of SQLite's log a batch takes, so that the log is about as long as was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearing_core_kit import NOON
from clearing_hosts_kit import funded, pay, scheme, uetr
from concordat.clearing.simulate.operations import accept_all, operations, world
from concordat.errors import ConcordatError
from concordat.node.clearing import places, sqlite
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.sqlite import SqliteHost


@pytest.mark.parametrize(("blocks_max", "a_turn"), [(1_024, 8), (2, 8), (3, 300)])
def test_pages_of_the_log_are_counted_about_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks_max: int, a_turn: int
) -> None:
    """Against SQLite's own count: over a run not too few, so that the log is about as long as was asked."""
    monkeypatch.setattr(places, "BLOCKS_MAX", blocks_max)
    counted, true = [], sqlite._pages
    monkeypatch.setattr(sqlite, "_pages", lambda batch: counted.append(true(batch)) or counted[-1])
    host = SqliteHost(tmp_path / "a.db", world().scheme, verify_signatures=accept_all, checkpoint_pages=10**9)
    before = frames(host)
    for turn in operations(3, 1_200, look=lambda: host.state, real_signatures=False, a_turn=a_turn):
        for signed in turn.instructions:
            submit(host, signed)
        host.step(turn.time_ms)
    there = frames(host) - before
    host.close()
    assert there <= sum(counted) <= 2 * there


def test_merged_runs_of_the_index_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge writes many pages at once, whose number the block's own size does not tell."""
    monkeypatch.setattr(places, "BLOCKS_MAX", 1)
    host = funded(SqliteHost(tmp_path / "a.db", scheme(), checkpoint_pages=10**9))
    entries = b"".join(places.entry(uetr(number * 77_777), 1, number) for number in range(50_000))
    host.places._waiting += entries
    host.submit(pay(4))
    before, there = host.store._pages, frames(host)
    host.step(NOON + 3_000)
    assert frames(host) - there > 190
    assert 2 * (frames(host) - there) > host.store._pages - before >= frames(host) - there
    host.close()


def frames(host: DurableHost) -> int:
    """How many pages the log holds, as SQLite says when it moves them."""
    return int(host.store._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def submit(host: DurableHost, signed: Any) -> None:
    try:
        host.submit(signed)
    except ConcordatError:
        return
