"""The index of receipts: every receipt is found, at any number of runs, among ids that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from clearing_core_kit import NOON
from clearing_hosts_kit import change, ledger, say, scheme, uetr
from concordat.errors import TrustError
from concordat.node.clearing import open_host, places, verify
from concordat.node.clearing.loading import found
from concordat.node.clearing.places import Places, entry
from concordat.node.clearing.sqlite import SqliteStore
from concordat.node.clearing.tables import Batch


@pytest.fixture(autouse=True)
def _a_run_each_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BLOCKS_MAX", 1)


def leaf(name: str) -> bytes:
    return b'{"code":"settled","index":0,"uetr":"%s"}' % name.encode()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "a.db", create=True)
    found(made, scheme())
    yield made
    made.close()


def put(index: Places, store: SqliteStore, height: int, names: Sequence[str]) -> None:
    batch = Batch()
    index.take_up([leaf(name) for name in names], height, batch)
    store.write(batch)


def test_all_are_found_over_three_levels(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FAN", 3)
    monkeypatch.setattr(places, "ROW", 4)
    index, expected = Places(store), {}
    for height in range(1, 60):
        names = [uetr((height * 7 + step * 31) * 0x01000193 % 2**32) for step in range(height % 6)]
        put(index, store, height, names)
        for place, name in enumerate(names):
            expected.setdefault(name, []).append((height, place))
    assert len({level for level, _ in index.runs.values()}) >= 3
    for one in (index, Places(store)):
        assert {name: one.find(name) for name in expected} == {name: sorted(at) for name, at in expected.items()}
        assert one.find(uetr(1)) == []


def test_ids_that_begin_alike_fill_several_rows(store: SqliteStore) -> None:
    index = Places(store)
    alike = [f"deadbeef-0000-4000-8000-{number:012x}" for number in range(700)]
    put(index, store, 1, [uetr(0xDEADBEEE), *alike, uetr(0xDEADBEF0)])
    assert index.find(alike[0]) == [(1, place) for place in range(1, 701)]
    assert index.find(uetr(0xDEADBEF0)) == [(1, 701)]


def test_ids_that_begin_alike_cost_one_look_at_their_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sees the id of a payment and makes thousands that begin like it."""
    host = open_host(ledger(tmp_path / "a.db"))
    alike = [f"{uetr(3)[:14]}4000-8000-{number:012x}" for number in range(1, 3_001)]
    rows = {"uetr": alike, "payee": ["DDDDINBB/BRL"] * 3_000, "amount_minor": ["1"] * 3_000}
    host.submit(say("transfer_batch", "CCCCBRSP", 4, payer="CCCCBRSP/BRL", rows=rows))
    host.step(NOON + 3_000)
    assert len(host.places.find(uetr(3))) == 3_001
    seen: list[str] = []
    read = host.store.rows
    monkeypatch.setattr(host.store, "rows", lambda table, *words: seen.append(table) or read(table, *words))
    assert [one.height for one in host.receipt(uetr(3))] == [3]
    assert [one.index for one in host.receipt(alike[2_000])] == [2_001]
    assert seen.count("block") <= 2 * (2 + 2)
    host.close()
    assert verify(tmp_path / "a.db").receipts == 3_004


def test_what_waits_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three blocks are in a run, the third waits, also behind a start."""
    monkeypatch.setattr(places, "BLOCKS_MAX", 2)
    path = ledger(tmp_path / "a.db")
    host = open_host(path)
    assert sum(count for _, count in host.places.runs.values()) == 2
    assert [host.places.find(uetr(number)) for number in (1, 2, 3)] == [[(1, 0)], [(2, 0)], [(3, 0)]]
    host.close()
    assert verify(path).receipts == 3


def test_receipts_that_name_other_ids_are_indexed_under_their_own(store: SqliteStore) -> None:
    both = b'{"code":"settled","of":{"uetr":"%s"},"uetr":"%s"}' % (uetr(9).encode(), uetr(8).encode())
    batch, index = Batch(), Places(store)
    index.take_up([leaf(uetr(7)), both], 1, batch)
    store.write(batch)
    assert [index.find(uetr(number)) for number in (7, 8, 9)] == [[(1, 0)], [(1, 1)], []]


def test_blocks_without_receipts_are_covered(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    host = open_host(path)
    for step in range(1, 4):
        host.step(NOON + 10_000 * step)
    assert host.receipt(uetr(3))[0].height == 3
    host.close()
    assert verify(path).height == 6


def test_large_runs_are_not_merged_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "RUN_MAX", 40)
    index = Places(store)
    for height in range(1, 60):
        put(index, store, height, [uetr(height), uetr(2**31 + height), uetr(3 * height)])
    assert max(count for _, count in index.runs.values()) <= 40
    assert all((height, 0) in index.find(uetr(height)) for height in range(1, 60))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM place",
        "UPDATE place SET entries = zeroblob(length(entries))",
        "UPDATE run SET entries = entries + 1",
        "DELETE FROM run",
        "UPDATE place SET first = zeroblob(14)",
    ],
)
def test_the_audit_holds_it_against_the_log(tmp_path: Path, statement: str) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, statement)
    with pytest.raises(TrustError) as refused:
        verify(path)
    assert refused.value.code == "index"


@pytest.mark.parametrize("count", [1, 63, 64, 500])
def test_arrays_and_plain_python_give_the_same_entries(count: int) -> None:
    names = [uetr(number * 0x9E3779B1 % 2**32) for number in range(count)]
    plain = [entry(name, 2**33 + 5, index) for index, name in enumerate(names)]
    assert places.entries_of([leaf(name) for name in names], 2**33 + 5) == b"".join(plain)
    assert places.in_order(b"".join(plain)) == b"".join(sorted(plain))
