"""What a node noted of its logs spares work at a start, and hides nothing: what was changed is found as without it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import StateError, TrustError
from concordat.ledger import leaves, shelf
from concordat.ledger.entry import Entry
from concordat.ledger.noted import hash_of
from concordat.node import home as home_module
from concordat.node import noted as module
from concordat.node import service as service_module
from concordat.node import store as store_module
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.whole_disk import verify_disk
from unit_node import found

ACTS, LOT = 13, 4
SIZE = 2 * ACTS  # six lots, and two entries behind them


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lots of a few entries, so that a short log is a long one."""
    for where, name, value in (
        (leaves, "LOT", 4), (leaves, "NEWEST", 4), (leaves, "MOST", 8), (store_module, "ROWS_AT_ONCE", LOT),
        (home_module, "ROWS_AT_ONCE", LOT), (module, "LOTS_MIN", 2),
    ):  # fmt: skip
        monkeypatch.setattr(where, name, value)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bloc of one with a log of two scopes and two persons."""
    home = found(tmp_path_factory.mktemp("one"), ("BRA",))[0]
    with clock.fixed("2026-11-22"), Node(home) as node:
        for n in range(ACTS):
            node.write("Said", {"word": f"w{n}"}, "council")
            node.write("Noted", {"n": n}, "exchange")
        node.tick()
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy whose log is noted."""
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home"):
        pass
    assert files(tmp_path / "home")
    return tmp_path / "home"


def files(home: Path) -> list[Path]:
    folder = home / module.FOLDER
    return sorted(folder.iterdir()) if folder.exists() else []


def facts(node: Node) -> dict[str, Any]:
    """All that a start works out of the own log."""
    own = node.replica.own
    entries = own.entries
    return {
        "size": own.size, "root": own.tree.root(), "levels": [bytes(row) for row in own.tree.levels],
        "ids": entries.ids(), "council": list(own.council), "said": entries.of_type("Said"),
        "exchange": entries.of_kinds("exchange", ("Noted",)),
        "node": [entry.id for entry in entries.of_person("node", 99)],
        "found": [entries.find(entry.id[:12]) for entry in entries],
        "damage": node.damage.words, "entries": [entry.leaf for entry in entries],
    }  # fmt: skip


def change(home: Path, statement: str) -> None:
    with Node(home) as node:
        node._opened = False  # what is changed behind its back is not noted
        changed = node.store._db.execute(statement).rowcount
        assert changed != 0


def test_a_start_hashes_only_what_is_not_noted_and_comes_to_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []
    leaf_hash = shelf.leaf_hash
    monkeypatch.setattr(shelf, "leaf_hash", lambda leaf: hashed.append(leaf) or leaf_hash(leaf))
    with Node(home) as node:
        assert len(hashed) == SIZE % LOT == 2
        with_it = facts(node)
        verify_disk(node)
    shutil.rmtree(home / module.FOLDER)
    with Node(home) as node:
        assert facts(node) == with_it
        assert (with_it["size"], with_it["council"]) == (SIZE, list(range(0, SIZE, 2)))
        assert with_it["ids"] == [Entry.parse(leaf).id for leaf in node.store.entries(node.replica.own.origin)]


def test_a_log_goes_on_behind_what_is_noted(home: Path) -> None:
    before = files(home)[0].read_bytes()
    for n in range(3):
        with Node(home) as node:
            node.write("Noted", {"n": 100 + n}, "exchange")
    assert files(home)[0].read_bytes() == before, "too little was new"
    with Node(home) as node:
        for n in range(2 * LOT):
            node.write("Said", {"word": f"more {n}"}, "council")
        node.note()
        assert files(home)[0].read_bytes() != before
        there = facts(node)
        verify_disk(node)
    with Node(home) as node:
        assert facts(node) == there
    shutil.rmtree(home / module.FOLDER)
    with Node(home) as node:
        assert facts(node) == there


BLOB = "(SELECT {} FROM entry AS other WHERE other.origin = entry.origin AND idx = 9)"
CHANGES = [
    f"UPDATE entry SET bytes = {BLOB.format('bytes')} WHERE idx = 5",
    "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 5",
    f"UPDATE entry SET bytes = {BLOB.format('bytes')}, leaf = {BLOB.format('leaf')} WHERE idx = 5",
    (
        f"UPDATE entry SET leaf = CAST(CASE idx WHEN 8 THEN leaf || substr({BLOB.format('leaf')}, 1, 1) "
        "ELSE substr(leaf, 2) END AS BLOB) WHERE idx IN (8, 9)"
    ),
    "UPDATE entry SET bytes = CAST(bytes || x'20' AS BLOB) WHERE idx = 23",
    "UPDATE entry SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) AS BLOB) WHERE idx = 4",
    "UPDATE entry SET bytes = CAST('x' AS TEXT) WHERE idx = 3",
    "DELETE FROM entry WHERE idx = 6",
    "DELETE FROM entry WHERE idx >= 10",
    f"UPDATE entry SET bytes = {BLOB.format('bytes')} WHERE idx = {SIZE - 1}",
    "UPDATE tile SET bytes = zeroblob(length(bytes))",
    "DELETE FROM head",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_what_was_changed_on_the_disk_is_found_as_if_nothing_were_noted(home: Path, statement: str) -> None:
    member = "origin NOT LIKE '%/council/%'"
    change(home, f"{statement} {'AND' if 'WHERE idx' in statement else 'WHERE'} {member}")

    def heard() -> object:
        try:
            with Node(home) as node:
                own, said = node.replica.own, []
                for index in range(own.size):
                    try:
                        said.append(own.entries[index].id)
                    except TrustError as error:
                        said.append(str(error))
                try:
                    node.write("Noted", {"n": 7}, "exchange")
                    written = ""
                except (StateError, TrustError) as error:
                    written = str(error)
                node._opened = False
                node.store._db.execute(f"DELETE FROM entry WHERE idx = {SIZE} AND {member}")
                return said, node.damage.words, written, own.tree.root(min(own.size, SIZE)), own.council
        except TrustError as error:
            return str(error)

    shutil.copytree(home, home.parent / "again")
    with_it, home = heard(), home.parent / "again"
    shutil.rmtree(home / module.FOLDER)
    assert heard() == with_it


@pytest.mark.parametrize("what", ["torn", "flipped", "empty", "of another node", "release", "of another log", "gone"])
def test_a_file_that_is_not_this_node_s_own_is_as_good_as_none(
    home: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = files(home)
    data = path.read_bytes()
    if what == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif what == "flipped":
        path.write_bytes(data[:400] + bytes([data[400] ^ 1]) + data[401:])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "of another node":
        other = found(tmp_path / "other", ("BRA",))[0]
        with Node(other) as node:
            signer = node.signer
        path.write_bytes(data[: -module.MARK] + signer.own_mark(data[: -module.MARK]))
    elif what == "release":
        monkeypatch.setattr("concordat.ledger.noted.VERSION", 2)
    elif what == "of another log":
        data = data.replace(b'"origin": "', b'"origin": "x', 1)
        with Node(home) as node:
            node._opened = False
            path.write_bytes(data[: -module.MARK] + node.signer.own_mark(data[: -module.MARK]))
    else:
        path.unlink()
    with Node(home) as node:
        assert node._noted is not None
        assert node._noted.read(node.replica.own.origin) is None
        there = facts(node)
        verify_disk(node)
    shutil.rmtree(home / module.FOLDER)
    with Node(home) as node:
        assert facts(node) == there


def test_a_log_that_is_older_than_what_is_noted_is_read_as_it_is(home: Path, made: Path) -> None:
    with Node(home) as node:
        for n in range(3 * LOT):
            node.write("Said", {"word": f"more {n}"}, "council")
    for part in ("log.db", "log.db-wal", "log.db-shm"):
        (home / part).unlink(missing_ok=True)
    shutil.copy(made / "log.db", home / "log.db")
    with Node(home) as node:
        assert node.replica.own.size == SIZE
        assert facts(node)["ids"] == [entry.id for entry in node.replica.own.entries]
        with pytest.raises(StateError, match="its keys have signed"):
            node.write("Noted", {"n": 1}, "exchange")


def test_of_a_log_that_is_not_good_nothing_is_noted(home: Path) -> None:
    shutil.rmtree(home / module.FOLDER)
    change(home, f"UPDATE entry SET bytes = {BLOB.format('bytes')} WHERE idx = 5 AND origin NOT LIKE '%/council/%'")
    with Node(home) as node:
        assert node.damage.words
    assert not files(home)


def test_what_is_changed_while_a_node_runs_is_not_noted(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(made, home)
    with Node(home) as node:
        statement = f"UPDATE entry SET bytes = {BLOB.format('bytes')} WHERE idx = 5 AND origin = ?"
        node.store._db.execute(statement, (node.replica.own.origin,))
    assert not files(home)
    assert node.damage.words, "reading it to note it found it"


def test_a_folder_that_takes_no_file_ends_nothing(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    shutil.copytree(made, home)
    (home / module.FOLDER).write_text("in the way", encoding="ascii")
    read: list[int] = []
    monkeypatch.setattr(module, "hash_of", lambda lot: read.append(len(lot)) or hash_of(lot))
    with Node(home) as node:
        there = facts(node)
        for _ in range(3):
            node.note()
            assert sum(read) == SIZE // LOT * LOT, "it is tried again, and nothing read again for it"
        (home / module.FOLDER).unlink()
        node.note()
        assert files(home)
        shutil.rmtree(home / module.FOLDER)
    with Node(home) as node:
        assert facts(node) == there


def test_a_fault_while_noting_is_told_and_memory_is_still_given_back(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made, tmp_path / "home")
    given: list[str] = []

    def full() -> None:
        raise MemoryError

    async def work() -> None:
        service = Service(Node(tmp_path / "home"), NodeSettings(disk_reserve_mb=0))
        twice, loop = asyncio.Event(), asyncio.get_running_loop()

        def give_back() -> None:
            given.append("back")
            if len(given) == 2:
                loop.call_soon_threadsafe(twice.set)

        with monkeypatch.context() as patch:
            patch.setattr(service_module, "GIVE_BACK_S", 0.0)
            patch.setattr(service_module, "give_back", give_back)
            patch.setattr(service.node, "note", full)
            minutes = asyncio.create_task(service._giving_back())
            await asyncio.wait({asyncio.create_task(twice.wait()), minutes}, return_when="FIRST_COMPLETED")
            minutes.cancel()
            await asyncio.gather(minutes, return_exceptions=True)
        assert "MemoryError" in service.alarms["fault minute"]
        await service.close()

    asyncio.run(asyncio.wait_for(work(), 60))
    assert len(given) >= 2


def test_who_only_looks_on_reads_every_entry_and_notes_nothing(home: Path) -> None:
    before = files(home)[0].read_bytes()
    change(home, f"UPDATE entry SET bytes = {BLOB.format('bytes')} WHERE idx = 5 AND origin NOT LIKE '%/council/%'")
    with Onlooker(home) as node:
        assert node._noted is None
        assert "entry 5: the entry is not the one that was logged" in node.damage.words
    assert files(home)[0].read_bytes() == before
