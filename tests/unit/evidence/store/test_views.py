"""The same answers out of the Parquet files as from rows in memory, and no row of a changed file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from concordat.errors import TrustError
from concordat.evidence.observation import COLUMNS, Observation
from concordat.evidence.revisions import as_of, in_release, latest, revisions
from concordat.evidence.store import Store, VintageMeta, views

DAYS = (date(2020, 1, 1), date(2021, 1, 1), date(2022, 6, 1), date(2024, 1, 1))


@pytest.fixture
def rows(store: Store, row: Callable[..., Observation], meta: Callable[..., VintageMeta]) -> list[Observation]:
    """Three vintages of one dataset, one of another; figures come, change and go. Stored out of order."""
    everything: list[Observation] = []
    editions = (
        ("v3", "demo", date(2024, 1, 1), [("ETH", 17.0), ("IND", 56.0)]),
        ("v1", "demo", date(2021, 1, 1), [("ETH", 15.0), ("BRA", 70.0)]),
        ("v2", "demo", date(2022, 6, 1), [("ETH", 15.0), ("BRA", 71.5), ("IND", 41.0)]),
        ("v1", "other", date(2022, 1, 1), [("ETH", 16.0)]),
    )
    for vintage_id, dataset_id, known_from, figures in editions:
        named = {"vintage_id": vintage_id, "dataset_id": dataset_id, "known_from": known_from}
        made = [row(area, 2019, value=value, **named) for area, value in figures]
        made.append(row("KEN", 2019, missing_reason="not_published", **named))
        store.write_vintage(meta(id=vintage_id, dataset_id=dataset_id, known_from=known_from), made)
        everything += made
    return everything


def told(found: list[Observation]) -> list[tuple[str, str, float | None]]:
    return sorted((o.dataset_id, o.obs_id, o.value) for o in found)


def read(relation: object) -> list[tuple[str, str, float | None]]:
    return sorted(relation.select("dataset_id, obs_id, value").fetchall())  # type: ignore[attr-defined]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_what_the_files_say_was_known_on_a_day_is_what_the_rows_say(
    store: Store, rows: list[Observation], day: date
) -> None:
    with views.as_of(store, day) as found:
        assert read(found) == told(as_of(rows, day))
        assert tuple(found.columns) == COLUMNS


def test_latest_and_a_release_agree_with_the_rows(store: Store, rows: list[Observation]) -> None:
    old = [v for v in store.vintages() if v.id == "v1"]
    release = store.make_release("2022-11", old, "c", "b")
    with views.latest(store) as found:
        assert read(found) == told(latest(rows))
    with views.in_release(store, release) as found:
        assert read(found) == told(in_release(rows, release))


def test_an_empty_store_has_all_the_columns_and_no_row(store: Store) -> None:
    with views.as_of(store, date(2026, 1, 1)) as found:
        assert tuple(found.columns) == COLUMNS
        assert found.fetchall() == []


@pytest.mark.parametrize(("a", "b"), [("v1", "v2"), ("v2", "v3"), ("v1", "v3"), ("v2", "v2")])
def test_the_rows_that_differ_give_all_revisions(store: Store, rows: list[Observation], a: str, b: str) -> None:
    def side(name: str) -> list[Observation]:
        return [o for o in rows if o.dataset_id == "demo" and o.vintage_id == name]

    named = [[v for v in store.vintages() if v.ref == f"demo/{name}"] for name in (a, b)]
    then, now = views.differing(store, *named)
    assert revisions(then, now) == revisions(side(a), side(b))
    assert all(o in rows for o in (*then, *now)), "a row read back is the row that was stored"


def test_no_row_of_a_changed_file_is_believed(store: Store, rows: list[Observation]) -> None:
    path = store.path(store.vintage("demo/v3"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(TrustError, match="the file is not what was stored"), views.latest(store):
        pass
    path.unlink()
    with pytest.raises(TrustError, match="no file"), views.latest(store):
        pass
    with views.as_of(store, date(2023, 1, 1)) as found:  # another vintage: its own file is whole
        assert len(found.fetchall()) == len(as_of(rows, date(2023, 1, 1)))
