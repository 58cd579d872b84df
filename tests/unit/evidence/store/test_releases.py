"""A release names exactly these vintages, this catalogue and these blocs, and never comes to mean anything else."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat import clock
from concordat.errors import InputError, StateError, TrustError
from concordat.evidence.observation import Observation
from concordat.evidence.store import Store, Vintage, VintageMeta, open_store
from concordat.evidence.store.releases import ReleaseVintage, auto_name, release_hash, require_same_tables

MakeRow = Callable[..., Observation]
MakeMeta = Callable[..., VintageMeta]
CATALOGUE, BLOCS = "c" * 64, "b" * 64


@pytest.fixture
def two(store: Store, meta: MakeMeta, row: MakeRow) -> list[Vintage]:
    """Two vintages of two datasets."""
    return [
        store.write_vintage(meta(), [row()]),
        store.write_vintage(meta(dataset_id="other"), [row(dataset_id="other")]),
    ]


def _hash_by_hand(vintages: list[Vintage]) -> str:
    """The definition in the module's docstring, by `json` and `hashlib` alone."""
    rows = sorted([v.dataset_id, v.id, v.logical_hash] for v in vintages)
    content = {"blocs_hash": BLOCS, "catalogue_hash": CATALOGUE, "vintages": rows}
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def test_a_release_is_hashed_over_what_it_consists_of_in_any_order(store: Store, two: list[Vintage]) -> None:
    made = store.make_release("2026-11", reversed(two), CATALOGUE, BLOCS)
    assert made.hash == _hash_by_hand(two)
    assert [v.ref for v in made.vintages] == ["demo/v1", "other/v1"]
    assert store.release("2026-11") == made


def test_a_release_without_a_name_is_called_by_its_hash(store: Store, two: list[Vintage]) -> None:
    made = store.make_release(None, two, CATALOGUE, BLOCS)
    assert made.name == f"auto-{_hash_by_hand(two)[:8]}"


def test_the_moment_it_was_made_is_no_part_of_it(store: Store, two: list[Vintage], tmp_path: Path) -> None:
    first = store.make_release(None, two, CATALOGUE, BLOCS)
    with clock.fixed("2030-01-01"):
        again = store.make_release(None, two, CATALOGUE, BLOCS)
        named = [ReleaseVintage(v.dataset_id, v.id, v.logical_hash) for v in two]
        assert auto_name(release_hash(named, CATALOGUE, BLOCS)) == first.name
    assert again == first, "made once, found afterwards"
    assert "made_at" not in first.as_dict()


@pytest.mark.parametrize(
    ("part", "catalogue", "blocs"), [(1, CATALOGUE, BLOCS), (2, "d" * 64, BLOCS), (2, CATALOGUE, "d" * 64)]
)
def test_a_name_stands_for_one_thing_only(
    store: Store, two: list[Vintage], part: int, catalogue: str, blocs: str
) -> None:
    made = store.make_release("2026-11", two, CATALOGUE, BLOCS)
    with pytest.raises(StateError, match="A release never changes") as caught:
        store.make_release("2026-11", two[:part], catalogue, blocs)
    assert caught.value.code == "release_exists"
    assert store.release("2026-11") == made


def test_what_can_not_name_a_release_is_refused(store: Store, two: list[Vintage]) -> None:
    for name in ("", ".hidden", "-x", "a/b", "..", "a b", "é", "a\n", "x" * 65, "2026-11;drop", "auto-00000000"):
        with pytest.raises(InputError) as caught:
            store.make_release(name, two, CATALOGUE, BLOCS)
        assert caught.value.code == "release_name"
    assert store.releases() == []


def test_what_can_name_a_release_does(store: Store, two: list[Vintage]) -> None:
    for name in ("2026-11", "a", "x" * 64, "v1.0_final", "AUTO"):
        assert store.make_release(name, two, CATALOGUE, BLOCS).name == name


def test_releases_are_listed_from_the_oldest(store: Store, two: list[Vintage]) -> None:
    for day, name in (("2026-03-01", "b"), ("2026-01-01", "c"), ("2026-02-01", "a")):
        with clock.fixed(day):
            store.make_release(name, two, CATALOGUE, BLOCS)
    assert [r.name for r in store.releases()] == ["c", "a", "b"]


def test_an_unknown_release_lists_those_that_are_here(store: Store, two: list[Vintage]) -> None:
    store.make_release("2026-11", two, CATALOGUE, BLOCS)
    with pytest.raises(StateError, match="there is no release 2026-12") as caught:
        store.release("2026-12")
    assert "Releases here: 2026-11." in caught.value.hint


# --- What was changed, or is not here ---


def _edit(store: Store, statement: str) -> None:
    store.close()
    with sqlite3.connect(store.catalog.path) as db:
        for table in ("vintages", "releases", "release_vintages"):
            for verb in ("update", "delete"):
                db.execute(f"DROP TRIGGER {table}_{verb}")
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE releases SET hash = '0000'",
        "UPDATE releases SET catalogue_hash = '0000'",
        "UPDATE releases SET blocs_hash = '0000'",
        "UPDATE releases SET made_at = 'never'",
        "UPDATE release_vintages SET logical_hash = '0000' WHERE dataset_id = 'demo'",
        "UPDATE release_vintages SET vintage_id = 'v2' WHERE dataset_id = 'demo'",
        "DELETE FROM release_vintages WHERE dataset_id = 'demo'",
        "INSERT INTO release_vintages VALUES ('2026-11', 'third', 'v1', '0000')",
    ],
)
def test_a_changed_release_raises_with_what_was_expected_and_found(
    store: Store, two: list[Vintage], statement: str
) -> None:
    store.make_release("2026-11", two, CATALOGUE, BLOCS)
    _edit(store, statement)
    with pytest.raises(TrustError, match=r"the release 2026-11 is not what was stored: expected .*, found ") as caught:
        store.release("2026-11")
    assert caught.value.where == str(store.catalog.path)


def test_a_vintage_that_is_not_here_is_named(store: Store, two: list[Vintage]) -> None:
    store.make_release("2026-11", two, CATALOGUE, BLOCS)
    _edit(store, "DELETE FROM vintages WHERE dataset_id = 'other'")
    with pytest.raises(StateError, match=r"needs vintages that are not here: other/v1\.") as caught:
        store.release("2026-11")
    assert caught.value.code == "missing_vintages"


def test_a_vintage_with_other_rows_than_the_release_names_raises(
    store: Store, two: list[Vintage], tmp_path: Path, meta: MakeMeta, row: MakeRow
) -> None:
    """Two stores may each hold a `demo/v1`; a release of one is not served with the rows of the other."""
    store.make_release("2026-11", two, CATALOGUE, BLOCS)
    store.close()
    with open_store(tmp_path / "other") as other:
        other.write_vintage(meta(), [row(value=18.0)])
        other.write_vintage(meta(dataset_id="other"), [row(dataset_id="other")])
        other.catalog.rows(f"ATTACH '{store.catalog.path}' AS a")
        with other.catalog.transaction() as db:
            db.execute("INSERT INTO main.releases SELECT * FROM a.releases")
            db.execute("INSERT INTO main.release_vintages SELECT * FROM a.release_vintages")
        with pytest.raises(TrustError, match="names demo/v1 with rows"):
            other.release("2026-11")


@pytest.mark.parametrize(
    ("catalogue", "blocs", "words"),
    [("d" * 64, BLOCS, "the indicator catalogue"), (CATALOGUE, "d" * 64, "the bloc table")],
)
def test_another_catalogue_or_bloc_table_is_refused_by_name(
    store: Store, two: list[Vintage], catalogue: str, blocs: str, words: str
) -> None:
    made = store.make_release("2026-11", two, CATALOGUE, BLOCS)
    require_same_tables(made, CATALOGUE, BLOCS)
    with pytest.raises(TrustError, match=f"was made with {words} .*; this program has dddddddddddd"):
        require_same_tables(made, catalogue, blocs)
