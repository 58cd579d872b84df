"""A drill is good when the backup came to the same states as the running node, and says where it did not."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical, clock
from concordat.errors import InputError, TrustError
from concordat.ledger.membership import Point
from concordat.node import drill as drill_module
from concordat.node.backup import backup
from concordat.node.council import council_of
from concordat.node.drill import compare, drill
from concordat.node.home import Node
from concordat.node.manifest import read_manifest
from concordat.node.records import DrillDone, read_record
from node_care_kit import NOW, copied, small_home, with_engine


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    home = small_home(root)
    backup(home, root / "b", now=NOW, program="1", record=False)
    return root


@pytest.fixture
def node(source: Path, tmp_path: Path) -> tuple[Path, Path]:
    """(home, folder of backups)."""
    return copied(source / "BRA" / "home", tmp_path / "home"), copied(source / "b", tmp_path / "b")


def test_a_good_drill_is_remembered(node: tuple[Path, Path], tmp_path: Path) -> None:
    home, backups = node
    later = NOW + timedelta(hours=2)
    (tmp_path / "room").mkdir()
    with clock.fixed(NOW), Node(home) as running:
        state = council_of(running.replica).state_hash
        final = running.replica.history()[-1][0]
        batches = len(running.replica.history())
        done = drill(home, backups, now=later, room=tmp_path / "room")  # while the node runs
    assert (done.entries, done.age_s, done.batches, done.behind, done.state) == (9, 7200, batches, 0, state)
    assert final.batch == batches
    assert list((tmp_path / "room").iterdir()) == []
    record = read_record(home, DrillDone)
    assert record is not None
    assert (record.at, record.backup_made, record.state) == ("2026-11-22T14:00:00Z", "2026-11-22T12:00:00Z", state)


def test_a_backup_behind_the_node_is_compared_as_far_as_it_goes(node: tuple[Path, Path]) -> None:
    home, backups = node
    first = drill(home, backups, now=NOW)
    with clock.fixed("2026-11-23"), Node(home) as running:
        for word in ("four", "five"):
            running.write("Said", {"word": word}, "council")
            running.tick()
    again = drill(home, backups, now=NOW)
    assert (again.state, again.batches) == (first.state, first.batches)
    assert again.behind > 0


def test_a_torn_backup_is_no_good_drill(node: tuple[Path, Path]) -> None:
    home, backups = node
    (folder,) = backups.glob("BRA*")
    (folder / "people.db").write_bytes(b"")
    with pytest.raises(TrustError) as caught:
        drill(home, backups, now=NOW)
    assert caught.value.where == str(folder / "people.db")
    assert read_record(home, DrillDone) is None


def test_a_node_that_lost_what_its_backup_has(node: tuple[Path, Path], source: Path, tmp_path: Path) -> None:
    home, backups = node
    with clock.fixed("2026-11-23"), Node(home) as running:
        running.write("Said", {"word": "four"}, "council")
        running.tick()
    backup(home, backups, now=NOW + timedelta(days=1), program="1", record=False)
    shutil.rmtree(home)
    copied(source / "BRA" / "home", home)
    with pytest.raises(TrustError, match="is final in the backup, and not in the running node") as caught:
        drill(home, backups, now=NOW)
    assert caught.value.code == "behind"


def test_two_states_are_told_apart_at_the_first_batch() -> None:
    a = [(Point(1, n), f"{n:064x}") for n in range(1, 6)]
    compare(a, a, "x")
    compare(a[:3], a, "x")
    compare([], a, "x")
    for place in range(5):
        b = [*a[:place], (a[place][0], "f" * 64), *a[place + 1 :]]
        with pytest.raises(TrustError, match=rf"the states differ at batch {place + 1} ") as caught:
            compare(a, b, "x")
        assert caught.value.code == "state"
    with pytest.raises(TrustError, match="differ at batch 2 "):
        compare(a, [a[0], (Point(2, 2), a[1][1]), *a[2:]], "x")


def test_a_backup_of_another_node(node: tuple[Path, Path]) -> None:
    home, backups = node
    (folder,) = backups.glob("BRA*")
    (folder / "manifest.json").write_bytes(replace(read_manifest(folder), member="IND").to_bytes())
    with pytest.raises(InputError, match="no finished backup"):
        drill(home, backups, now=NOW)
    with pytest.raises(InputError, match="a backup of BRICS/IND; this node is BRICS/BRA"):
        drill(home, folder, now=NOW)


def test_a_fold_that_went_another_way_is_found(node: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both logs are good, and one of the two programs comes to another state: as after a change of a rule."""
    home, backups = node
    honest: Any = drill_module.state_hashes
    seen: list[Path] = []

    def one_differs(found: Node) -> list[tuple[Point, str]]:
        seen.append(found.home)
        states: list[tuple[Point, str]] = honest(found)
        return states if found.home == home else [*states[:-1], (states[-1][0], "0" * 64)]

    monkeypatch.setattr(drill_module, "state_hashes", one_differs)
    with pytest.raises(TrustError, match="the states differ"):
        drill(home, backups, now=NOW)
    assert len(seen) == 2
    assert read_record(home, DrillDone) is None


def test_an_engines_ledger_is_replayed(node: tuple[Path, Path], tmp_path: Path) -> None:
    """A copy whose rows are whole and whose blocks come to another state is no good backup."""
    home = with_engine(node[0])
    backup(home, tmp_path / "b", now=NOW, program="1")
    assert drill(home, tmp_path / "b", now=NOW).entries > 0
    with closing(sqlite3.connect(home / "engine" / "ledger.db")) as db, db:
        tip = canonical.dumps({"app_hash": "0" * 64, "height": 1})
        db.execute("UPDATE paper SET bytes = ? WHERE kind = 'engine' AND key = 'tip'", (tip,))
    backup(home, tmp_path / "c", now=NOW, program="1")
    with pytest.raises(TrustError, match="at height 1 its state comes to another hash"):
        drill(home, tmp_path / "c", now=NOW)
