"""One data directory: vintages that never change, found again, checked; what is interrupted leaves nothing half."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Problem
from concordat.evidence.store import Retrieval, Store, VintageMeta, open_store

MakeRow = Callable[..., Observation]
MakeMeta = Callable[..., VintageMeta]


def _files(store: Store) -> list[str]:
    return sorted(str(p.relative_to(store.data_dir)) for p in store.data_dir.rglob("*") if p.is_file())


# --- Written once ---


def test_a_vintage_is_read_as_it_was_written_and_sorted(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    rows = [row("ZAF"), row("BRA", 2020), row("BRA", 2019), row("BRA", 2019, breakdown="sex=F")]
    stored = store.write_vintage(meta(), rows)
    assert (stored.row_count, stored.ref) == (4, "demo/v1")
    assert store.observations(stored) == store.observations("demo/v1") == [rows[2], rows[3], rows[1], rows[0]]


def test_the_files_are_those_of_the_specification_and_no_database_of_the_engine(
    store: Store, meta: MakeMeta, row: MakeRow
) -> None:
    sha256 = store.raw.put(b"body")
    store.record_retrievals(
        [Retrieval(sha256=sha256, method="GET", url="u", retrieved_at=meta().retrieved_at, connector="c")]
    )
    store.write_vintage(meta(), [row()])
    store.close()
    assert _files(store) == [
        "catalog.sqlite",
        "lock",
        "obs/demo/demo/v1.parquet",
        f"raw/{sha256[:2]}/{sha256}.gz",
        "raw/retrievals.jsonl",
    ]


def test_the_same_rows_again_in_another_order_change_nothing(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    stored = store.write_vintage(meta(), [row("ARE"), row("BRA")])
    stamp = store.path(stored).stat().st_mtime_ns
    assert store.write_vintage(meta(), [row("BRA"), row("ARE")]) == stored
    assert store.path(stored).stat().st_mtime_ns == stamp


def test_other_rows_under_the_same_id_are_refused(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    stored = store.write_vintage(meta(), [row()])
    with pytest.raises(StateError, match="A vintage never changes") as caught:
        store.write_vintage(meta(), [row(value=18.0)])
    assert caught.value.code == "vintage_exists"
    assert store.observations(stored) == [row()]


def test_a_deleted_file_raises_and_is_written_again_with_the_same_rows(
    store: Store, meta: MakeMeta, row: MakeRow
) -> None:
    stored = store.write_vintage(meta(), [row()])
    store.path(stored).unlink()
    with pytest.raises(TrustError, match="found no file"):
        store.observations(stored)
    assert store.write_vintage(meta(), [row()]) == stored
    assert store.observations(stored) == [row()]


def test_a_lost_file_that_would_come_back_with_other_bytes_is_not_put_in_its_place(
    store: Store, meta: MakeMeta, row: MakeRow
) -> None:
    stored = store.write_vintage(meta(), [row()])
    store.path(stored).unlink()
    with pytest.raises(StateError, match="can't be made again byte for byte") as caught:
        store.write_vintage(meta(), [row(note="another note, the same figure")])
    assert caught.value.code == "lost_file"
    assert not store.path(stored).exists()


def test_two_vintages_of_one_figure_stand_side_by_side(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    old = store.write_vintage(meta(), [row(value=58.0)])
    new = store.write_vintage(meta(id="v2"), [row(value=15.2, vintage_id="v2")])
    (before,), (after,) = store.observations(old), store.observations(new)
    assert before.obs_id == after.obs_id
    assert before.row_hash != after.row_hash
    assert (before.value, after.value) == (58.0, 15.2)


# --- What is refused ---


@pytest.mark.parametrize("field", ["id", "dataset_id", "source_id"])
def test_an_id_can_not_climb_out_of_the_store(store: Store, meta: MakeMeta, field: str) -> None:
    for name in ("", "..", "../x", "a/b", "/etc", "a\\b", ".x", "a\0", "a\n", "x" * 101, "é"):
        with pytest.raises(InputError, match="can't be the id"):
            store.write_vintage(meta(**{field: name}), [])
    assert not (store.data_dir / "obs").exists()


@pytest.mark.parametrize("field", ["source_id", "dataset_id", "vintage_id"])
def test_a_row_of_another_vintage_is_refused(store: Store, meta: MakeMeta, row: MakeRow, field: str) -> None:
    with pytest.raises(SourceError, match="belongs to"):
        store.write_vintage(meta(), [row(), row("BRA", **{field: "other"})])
    assert store.vintages() == []


@pytest.mark.parametrize("change", [{"value": 18.0}, {"missing_reason": "withheld"}, {"row_hash": "0" * 32}])
def test_a_row_that_is_not_itself_is_refused_before_anything_is_written(
    store: Store, meta: MakeMeta, row: MakeRow, change: dict[str, Any]
) -> None:
    with pytest.raises((SourceError, TrustError)):
        store.write_vintage(meta(), [replace(row(), **change)])
    assert store.vintages() == []
    assert not (store.data_dir / "obs").exists()


# --- Found by name ---


def test_a_vintage_is_found_by_its_reference_or_by_its_id_alone(store: Store, meta: MakeMeta) -> None:
    stored = store.write_vintage(meta(), [])
    assert store.vintage("demo/v1") == store.vintage("v1") == stored
    store.write_vintage(meta(dataset_id="other"), [])
    with pytest.raises(InputError, match=r"is a vintage of 2 datasets\. Name one of: demo/v1, other/v1"):
        store.vintage("v1")
    with pytest.raises(InputError, match=r'"v9" is not a vintage here\. Here: demo/v1, other/v1'):
        store.vintage("v9")


def test_what_the_parser_said_and_what_is_kept_aside_come_back(store: Store, meta: MakeMeta) -> None:
    problems = [
        Problem("unparsed", "error", "a.json#/x", 'no figure in "n/a"', "i", "ETH"),
        Problem("b", "info", "", ""),
    ]
    stored = store.write_vintage(meta(), [], problems, [("cd", "zero_suspicious", "0"), ("ab", "bounds", "over 100")])
    assert store.problems(stored) == problems
    assert store.quarantine(stored) == {"ab": ("bounds", "over 100"), "cd": ("zero_suspicious", "0")}
    other = store.write_vintage(meta(id="v2"), [])
    assert (store.problems(other), store.quarantine(other)) == ([], {})


# --- What was changed is seen ---


def test_a_file_put_in_the_place_of_another_raises(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    one = store.write_vintage(meta(), [row()])
    two = store.write_vintage(meta(id="v2"), [row(vintage_id="v2", note="another note, the same figure")])
    assert one.logical_hash == two.logical_hash, "both say the same"
    store.path(one).write_bytes(store.path(two).read_bytes())
    with pytest.raises(TrustError, match="the file is not what was stored: expected "):
        store.observations(one)


def test_a_licence_that_now_says_something_else_raises(
    store: Store, meta: MakeMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = store.write_vintage(meta(licence={**licence("CC-BY-4.0").as_dict(), "redistribute": False}), [])
    with pytest.raises(TrustError, match=r"CC-BY-4\.0"):
        store.observations(stored)


# --- Interrupted ---

KILLED = """
import os, sys
from pathlib import Path
from concordat.evidence.store import catalog, open_store, tables, _files
sys.path.insert(0, sys.argv[2])
from conftest import _meta, _row
die = lambda *_, **__: os._exit(9)
if sys.argv[3] == "before the rename":
    Path.replace = die
elif sys.argv[3] == "while the table is written":
    tables.engine = die
else:
    catalog.Catalog.add_vintage = die
open_store(Path(sys.argv[1])).write_vintage(_meta(), [_row()])
"""


@pytest.mark.parametrize("moment", ["while the table is written", "before the rename", "before the catalogue knows"])
def test_a_process_killed_while_it_writes_leaves_no_vintage(
    store: Store, meta: MakeMeta, row: MakeRow, moment: str
) -> None:
    command = [sys.executable, "-c", KILLED, str(store.data_dir), str(Path(__file__).parent), moment]
    assert subprocess.run(command, timeout=30, check=False).returncode == 9
    assert store.vintages() == []
    stored = store.write_vintage(meta(), [row()])
    assert store.observations(stored) == [row()]
    assert list(store.lock.tmp.iterdir()) == []


def test_the_second_of_two_writers_is_refused_and_can_still_read(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    with open_store(store.data_dir) as other:
        other.lock.steps = 1
        with store.lock.held():
            with pytest.raises(StateError, match="is writing to this store"):
                other.write_vintage(meta(), [row()])
            assert other.vintages() == []
        assert other.write_vintage(meta(), [row()]) == store.vintage("v1")


# --- Opened ---


def test_a_store_that_is_not_there_is_made_or_missed(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with pytest.raises(StateError, match=r"there is no store here\. Run: concordat assess BRICS"):
        open_store(folder, create=False)
    assert not folder.exists()
    open_store(folder).close()
    open_store(folder, create=False).close()
    assert (folder / "catalog.sqlite").is_file()


def test_a_store_in_the_place_of_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(StateError, match="File exists"):
        open_store(tmp_path / "data")


# --- Verified ---


def _whole(store: Store, meta: MakeMeta, row: MakeRow) -> str:
    sha256 = store.raw.put(b"body")
    store.record_retrievals(
        [Retrieval(sha256=sha256, method="GET", url="u", retrieved_at=meta().retrieved_at, connector="c")]
    )
    problems, aside = [Problem("unparsed", "error", "a.json#/x", "no figure")], [("ab", "bounds", "over 100")]
    stored = store.write_vintage(meta(raw=(sha256,)), [row()], problems, aside)
    store.make_release("r", [stored], "c" * 64, "b" * 64)
    return sha256


def test_a_whole_store_verifies(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    _whole(store, meta, row)
    checked = store.verify()
    assert (checked.bodies, checked.vintages, checked.releases, checked.faults) == (1, 1, 1, ())


def test_an_empty_store_verifies(store: Store) -> None:
    checked = store.verify()
    assert (checked.bodies, checked.vintages, checked.releases, checked.faults) == (0, 0, 0, ())


def _body(store: Store) -> Path:
    return next(store.raw.folder.glob("*/*.gz"))


def _sql(store: Store, statement: str) -> None:
    store.close()
    with sqlite3.connect(store.catalog.path) as db:
        for trigger in ("vintages_update", "releases_update", "problems_delete", "quarantine_delete"):
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (lambda s: _body(s).write_bytes(b"x"), ["raw_body"]),
        (lambda s: _body(s).unlink(), ["raw_body"]),
        (lambda s: _body(s).rename(_body(s).with_name("body.gz")), ["raw_body", "raw_body"]),
        (lambda s: _body(s).rename(s.raw.path("0" * 64).with_name(_body(s).name)), ["raw_body"]),
        (lambda s: (s.raw.folder / "retrievals.jsonl").write_bytes(b""), ["retrievals"]),
        (lambda s: (s.raw.folder / "retrievals.jsonl").unlink(), ["retrievals"]),
        (lambda s: s.path(s.vintage("v1")).write_bytes(b"PAR1"), ["vintage"]),
        (lambda s: _sql(s, "UPDATE vintages SET file_sha256 = '0'"), ["vintage"]),
        (lambda s: _sql(s, "DELETE FROM problems"), ["vintage"]),
        (lambda s: _sql(s, "DELETE FROM quarantine"), ["vintage"]),
        (lambda s: _sql(s, "UPDATE vintages SET licence = '{}'"), ["vintage"]),
        (lambda s: _sql(s, "UPDATE releases SET hash = '0'"), ["release"]),
        (lambda s: _sql(s, "UPDATE retrievals SET record = '{}'"), ["retrievals"]),
    ],
    ids=[
        "body changed", "body lost", "body renamed", "body moved", "retrievals emptied", "retrievals lost",
        "table changed", "table's hash changed", "problems lost", "quarantine lost", "licence changed",
        "release changed", "retrieval changed",
    ],
)  # fmt: skip
def test_each_change_is_found(
    store: Store, meta: MakeMeta, row: MakeRow, damage: Callable[[Store], Any], codes: list[str]
) -> None:
    _whole(store, meta, row)
    (store.raw.folder / "00").mkdir()
    damage(store)
    assert [f.code for f in store.verify().faults] == codes


def test_all_faults_are_told_in_one_run(store: Store, meta: MakeMeta, row: MakeRow) -> None:
    sha256 = _whole(store, meta, row)
    store.raw.path(sha256).write_bytes(b"x")
    store.path(store.vintage("v1")).unlink()
    assert [f.code for f in store.verify().faults] == ["raw_body", "vintage"]
