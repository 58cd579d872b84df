"""What a long log costs when a node is opened: nothing is read or verified again unasked, and nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger import council_log, leaves
from concordat.ledger.bundle import bundle_of
from concordat.ledger.entry import Entry
from concordat.node import rereading
from concordat.node import service as module
from concordat.node.home import Node, verify_disk
from concordat.node.own_log import NodeLog, standing_of
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from unit_node import found

ACTS = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bloc of one with a log of two scopes, all of it final but the last; tests take copies or only read."""
    home = found(tmp_path_factory.mktemp("one"), ("BRA",))[0]
    with clock.fixed("2026-11-22"), Node(home) as node:
        for n in range(ACTS):
            node.write("Said", {"word": f"w{n}"}, "council")
            node.write("Noted", {"n": n}, "exchange")
        node.tick()
    return home


def test_what_is_opened_is_what_was_closed(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        replica = node.replica
        own = replica.own
        assert (own.size, own.council) == (2 * ACTS, list(range(0, 2 * ACTS, 2)))
        assert list(own.entries) == [Entry.parse(leaf) for leaf in node.store.entries(own.origin)]
        assert [e.body["word"] for _, _, e in replica.events()] == [f"w{n}" for n in range(ACTS)]
        before = (replica.final(), replica.certificates, {k: v[0] for k, v in replica.watch.tops.items()})
        verify_disk(node)
        # The other way: every certificate verified, in the order in which they came.
        replica.certificates, replica.highest, replica._final = {}, None, (0, 0)
        replica.watch.tops.clear()
        for batch in replica.councils[1].batches:
            if batch is not None and batch.certificate is not None:
                replica._learn(batch.certificate, node.now)
        for key in before[1]:
            if key not in replica.certificates:
                replica._learn(before[1][key], node.now)
        assert (replica.final(), replica.certificates, {k: v[0] for k, v in replica.watch.tops.items()}) == before


def test_opening_reads_no_entry_of_a_member_and_verifies_few_certificates(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made, tmp_path / "home")
    scopes: list[str] = []
    verified: list[int] = []
    parse, signed = Entry.parse.__func__, council_log.Certificate.signed  # type: ignore[attr-defined]

    def reading(cls: Any, leaf: bytes, where: str = "entry") -> Entry:
        entry: Entry = parse(cls, leaf, where)
        scopes.append(entry.scope)
        return entry

    def verifying(self: council_log.Certificate, version: Any) -> Any:
        verified.append(self.size)
        return signed(self, version)

    monkeypatch.setattr(Entry, "parse", classmethod(reading))
    monkeypatch.setattr(council_log.Certificate, "signed", verifying)
    with Node(tmp_path / "home") as node:
        assert set(scopes) == {"order"}
        assert len(node.replica.certificates) > len(verified) > 0
        assert max(verified) == max(size for _, size in node.replica.certificates)


def test_where_an_entry_was_taken_up_is_found_without_a_search(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        replica, own = node.replica, node.replica.own
        log = replica.councils[1]
        searched = {
            (ref.origin, ref.index): place
            for place, batch in enumerate(log.batches)
            for ref in (batch.refs if batch else ())
        }
        assert len(searched) == ACTS
        for index in range(own.size + 2):
            assert log.place_of(own.origin, index) == searched.get((own.origin, index))
        assert log.place_of("other.example/BRICS/member", 0) is None
        for index, entry in enumerate(own.entries):
            state = "final" if index % 2 == 0 else "recorded"
            assert standing_of(replica, index).state == state
            assert bundle_of(replica, entry.id).verify(node.chain.pinned).final == (index % 2 == 0)
            found = NodeLog(node).find(entry.id)
            assert found is not None
            assert found.index == index
        assert NodeLog(node).find("0" * 64) is None
        assert NodeLog(node).find(own.entries[0].id[:8]) is None
        with pytest.raises(InputError, match="no entry"):
            bundle_of(replica, "0" * 64)


class Counting(set[str]):
    """A set that knows how often it was asked."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def test_a_commit_costs_what_it_adds_however_long_the_record_is(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        node._saved = counting = Counting(node._saved)
        asked = []
        for n in range(8):
            before = counting.asked
            with node.together():
                node.write("Said", {"word": f"more {n}"}, "council")
            asked.append(counting.asked - before)
        assert asked[-1] == asked[1] < len(node.replica.certificates)
    with Node(tmp_path / "home") as node:
        assert [e.body["word"] for _, _, e in node.replica.events()][-1] == "more 7"
        kept = node.store.papers("certificate")
        assert set(kept) == {f"{view}/{size}" for view, size in node.replica.certificates}
        assert set(node.store.notes()) == set(node.replica.shelf.notes)
        verify_disk(node)


def test_a_damaged_row_is_refused_when_it_is_read(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        origin = node.replica.own.origin
        leaf = next(node.store.entries(origin, 1, 2))
        node.store._db.execute("UPDATE entry SET bytes = ? WHERE origin = ? AND idx = 1", (leaf[:-9], origin))
    with Node(tmp_path / "home") as node:
        with pytest.raises(InputError):
            node.replica.own.entries[1]
        with pytest.raises(InputError):
            verify_disk(node)


def test_a_long_record_is_folded_at_once(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.setattr(module, "FOLD_AT_ONCE", 1)
    monkeypatch.setattr(module, "TICK_S", 3_600.0)

    async def work() -> None:
        service = Service(Node(tmp_path / "home"), NodeSettings(disk_reserve_mb=0))
        assert service.states.behind
        await service.start()
        while service.states.behind:
            await asyncio.sleep(0.01)
        assert len(service.states.steps) > ACTS
        await service.close()

    asyncio.run(asyncio.wait_for(work(), 60))


# --- Entries that stay on the disk ------------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory of a few entries, so that a short log is a long one."""
    for name, value in (("LOT", 4), ("NEWEST", 4), ("MOST", 8)):
        monkeypatch.setattr(leaves, name, value)


def test_what_is_on_the_disk_leaves_memory_and_is_there_all_the_same(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        own = node.replica.own
        assert len(own.entries.leaves._tail) == 4
        for n in range(20):
            node.write("Noted", {"n": n}, ("exchange", "council")[n % 5 == 0])
        with node.together():
            for n in range(20):
                node.write("Noted", {"n": n}, "exchange")
            assert own.entries[-1].body == {"n": 19}, "what no commit has stored is in memory"
        assert len(own.entries.leaves._tail) <= 9
        stored = [Entry.parse(leaf) for leaf in node.store.entries(own.origin)]
        assert list(own.entries) == stored == [own.entries[i] for i in range(own.size)]
        assert own.council == [i for i, entry in enumerate(stored) if entry.scope == "council"]
        assert [own.entries.find(entry.id) for entry in stored] == [[i] for i in range(own.size)]
        verify_disk(node)
    with Node(tmp_path / "home") as node:
        assert list(node.replica.own.entries) == stored
        assert node.replica.own.council == [i for i, entry in enumerate(stored) if entry.scope == "council"]


@pytest.mark.parametrize("index", [0, 5, 2 * ACTS - 1])
def test_an_entry_that_was_changed_on_the_disk_is_never_given(
    made: Path, tmp_path: Path, few: None, index: int
) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        origin = node.replica.own.origin
        other = next(node.store.entries(origin, 3, 4))
        node.store._db.execute("UPDATE entry SET bytes = ? WHERE origin = ? AND idx = ?", (other, origin, index))
    with Node(tmp_path / "home") as node:
        if index < 2 * ACTS - 4:
            with pytest.raises(TrustError, match="not the one that was logged"):
                node.replica.own.entries[index]
        with pytest.raises(TrustError):
            verify_disk(node)


def test_a_tile_that_was_changed_is_no_tree(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        own = node.replica.own
        root, origin = own.tree.root(), own.origin
        node.store._db.execute("UPDATE tile SET bytes = zeroblob(length(bytes)) WHERE level = 0")
    with Node(tmp_path / "home") as node:
        assert node.replica.own.tree.root() == root, "made of the entries"
        assert list(node.replica.own.entries) == [Entry.parse(leaf) for leaf in node.store.entries(origin)]
        with pytest.raises(TrustError, match="tiles"):
            verify_disk(node)


@pytest.mark.parametrize("damaged", [False, True])
def test_what_a_start_left_unread_is_read_later(
    made: Path, tmp_path: Path, few: None, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    shutil.copytree(made, tmp_path / "home")
    for name, value in (("AFTER_S", 0.0), ("AT_ONCE", 5), ("REST_S", 0.0)):
        monkeypatch.setattr(rereading, name, value)
    read: list[int] = []
    through = rereading._read
    monkeypatch.setattr(rereading, "_read", lambda some: read.append(len(some)) or through(some))

    async def work() -> None:
        service = Service(Node(tmp_path / "home"), NodeSettings(disk_reserve_mb=0))
        if damaged:
            origin = service.node.replica.own.origin
            service.node.store._db.execute("UPDATE entry SET bytes = x'00' WHERE origin = ? AND idx = 7", (origin,))
        await service.start()
        while sum(read) < 2 * ACTS and not service.damaged:
            await asyncio.sleep(0.01)
        if damaged:
            assert "entry 7" in service.alarms["entries"]
            assert "entry 7" in service.failing()["store"]
            await service.run(service._tick)
            with pytest.raises(StateError, match="not the one that was logged"):
                await service.write("Said", {"word": "no"}, "council")
        else:
            await service.write("Said", {"word": "yes"}, "council")
            assert not service.failing()
        await service.close()

    asyncio.run(asyncio.wait_for(work(), 60))
