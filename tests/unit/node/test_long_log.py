"""What a long log costs when a node is opened: nothing is read or verified again unasked, and nothing is lost."""

from __future__ import annotations

import asyncio
import base64
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical, clock
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger import council_log, leaves
from concordat.ledger.bundle import bundle_of
from concordat.ledger.entry import Entry
from concordat.ledger.note import Checkpoint
from concordat.ledger.shelf import MemberLog
from concordat.node import service as module
from concordat.node.beside import Beside
from concordat.node.council import council_of
from concordat.node.doctor import facts_of, findings
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker
from concordat.node.own_log import NodeLog, standing_of
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.states import States
from concordat.node.whole_disk import verify_disk
from unit_node import found

ACTS = 12
NOW = datetime(2026, 11, 22, tzinfo=UTC)


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
        with pytest.raises(TrustError, match="not the one that was logged"):
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
        assert len(own.entries.leaves._parts[1]) == 4
        for n in range(20):
            node.write("Noted", {"n": n}, ("exchange", "council")[n % 5 == 0])
        with node.together():
            for n in range(20):
                node.write("Noted", {"n": n}, "exchange")
            assert own.entries[-1].body == {"n": 19}, "what no commit has stored is in memory"
        assert len(own.entries.leaves._parts[1]) <= 9
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
        own = node.replica.own
        assert f"{origin}, entry {index}: the entry is not the one that was logged" in node.damage.words
        assert own.head is not None
        assert own.tree.root() == Checkpoint.parse_text(own.head.text).root
        with pytest.raises(TrustError, match="not the one that was logged"):
            own.entries[index]
        beside = index - 1 if index else 1
        assert own.entries[beside].seq == beside + 1, "its neighbours are given"
        with pytest.raises(StateError, match="not the one that was logged"):
            node.write("Said", {"word": "no"}, "council")
        with pytest.raises(TrustError):
            verify_disk(node)
    found = findings(facts_of(tmp_path / "home", now=NOW))
    assert any(row.grade == "bad" and f"entry {index}" in row.what for row in found)


@pytest.mark.parametrize("change", ["substr(leaf, 2)", "zeroblob(32)"])
@pytest.mark.parametrize("index", [4, 2 * ACTS - 1])
def test_where_the_hash_beside_an_entry_was_changed_as_well_no_log_is_called_good(
    made: Path, tmp_path: Path, few: None, index: int, change: str
) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        origin = node.replica.own.origin
        other = next(node.store.entries(origin, 2, 3))
        query = f"UPDATE entry SET bytes = ?, leaf = CAST({change} AS BLOB) WHERE origin = ? AND idx = ?"
        node.store._db.execute(query, (other, origin, index))
        node.store._db.execute("UPDATE tile SET bytes = zeroblob(length(bytes)) WHERE level = 0")

    async def work() -> None:
        service = Service(Node(tmp_path / "home"), NodeSettings(disk_reserve_mb=0))
        assert "not those of the signed head" in service.failing()["store"]
        assert "not those of the signed head" in service.alarms["entries"]
        while service.states.behind and not service.states.fault:
            service.states.advance()
        assert "can't be folded" in service.states.fault if index == 4 else not service.states.fault
        with pytest.raises(StateError, match="not those of the signed head"):
            await service.write("Said", {"word": "no"}, "council")
        await service.close()

    asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.parametrize("index", [0, 2, 5])
def test_a_batch_that_was_changed_on_the_disk_is_found_at_the_start(made: Path, tmp_path: Path, index: int) -> None:
    """The council's log is held against its signed head as the members' logs are."""
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        council = node.replica.councils[1]
        entry = Entry.parse(council.leaves[index])
        body = {**entry.body, "cursors": {**entry.body["cursors"], "x.example/BRICS/member": 1}}
        other = canonical.dumps({**canonical.loads(entry.payload), "body": body})
        changed = council.leaves[index].replace(base64.b64encode(entry.payload), base64.b64encode(other))
        assert changed != council.leaves[index]
        query = "UPDATE entry SET bytes = ? WHERE origin = ? AND idx = ?"
        node.store._db.execute(query, (changed, council.origin, index))
    with Node(tmp_path / "home") as node:
        assert f"{council.origin}, entry {index}: the entry is not the one that was logged" in node.damage.words
        with pytest.raises(StateError, match="not the one that was logged"):
            node.write("Said", {"word": "no"}, "council")


def test_the_lost_end_of_another_member_s_log_is_found_at_the_start(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "IND"))
    with clock.fixed("2026-11-22"), Node(homes[0]) as node, Node(homes[1]) as other:
        for n in range(3):
            for receiver, message in other.write("Noted", {"n": n}, "exchange")[1]:
                assert receiver == "BRA"
                node.handle("IND", message)
        origin = other.replica.own.origin
        assert node.replica.shelf.logs[origin].size == 3
    with Node(homes[0]) as node:
        assert not node.damage.words
        node.store._db.execute("DELETE FROM entry WHERE origin = ? AND idx = 2", (origin,))
    with Node(homes[0]) as node:
        assert f"{origin}: the signed head is of 3 entries; 2 are here" in node.damage.words


@pytest.mark.parametrize("change", ["CAST('x' AS TEXT)", "7", "NULL"])
def test_what_is_no_bytes_is_refused_by_name(made: Path, tmp_path: Path, change: str) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        origin = node.replica.own.origin
        if change == "NULL":
            node.store._db.execute("DELETE FROM entry WHERE origin = ? AND idx = 3", (origin,))
        else:
            node.store._db.execute(f"UPDATE entry SET bytes = {change} WHERE origin = ? AND idx = 3", (origin,))
    for opened in (Node, Onlooker):
        with pytest.raises(TrustError, match="where 24 should be" if change == "NULL" else "entry 3: what should be"):
            opened(tmp_path / "home")


@pytest.mark.parametrize("change", ["substr(bytes, 1, length(bytes) - 1)", "'x'"])
def test_a_torn_tile_ends_no_command_and_is_named_by_the_check(made: Path, tmp_path: Path, change: str) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        node.store._db.execute(f"UPDATE tile SET bytes = {change} WHERE level = 0")
    with Onlooker(tmp_path / "home"):
        pass
    with Node(tmp_path / "home") as node, pytest.raises(TrustError, match="tile"):
        verify_disk(node)


def test_a_mark_that_was_changed_takes_no_entry_away(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        own = node.replica.own
        before, origin, (leaf,) = list(own.council), own.origin, node.store.entries(own.origin, 4, 5)
        spoilt = Entry.parse(leaf).payload.replace(b'"scope":"council"', b'"scope":"countil"')
        changed = leaf.replace(base64.b64encode(Entry.parse(leaf).payload), base64.b64encode(spoilt))
        assert changed != leaf
        node.store._db.execute("UPDATE entry SET bytes = ? WHERE origin = ? AND idx = 4", (changed, origin))
    with Node(tmp_path / "home") as node:
        assert node.replica.own.council == before
        assert 4 in node.replica.own.entries.of_type("Said")


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


def test_what_is_found_to_be_changed_while_a_node_runs_is_told_and_nothing_more_is_signed(
    made: Path, tmp_path: Path, few: None
) -> None:
    shutil.copytree(made, tmp_path / "home")

    async def work() -> None:
        service = Service(Node(tmp_path / "home"), NodeSettings(disk_reserve_mb=0))
        await service.run(service._tick)
        await service.write("Said", {"word": "yes"}, "council")
        assert not service.failing()
        origin = service.node.replica.own.origin
        await service.read(
            lambda node: node.store._db.execute(
                "UPDATE entry SET bytes = x'00' WHERE origin = ? AND idx = 7", (origin,)
            )
        )
        with pytest.raises(TrustError, match="entry 7"):
            await service.read(lambda node: node.replica.own.entries[7])
        assert "entry 7" in service.failing()["store"]
        for _ in range(2):
            with pytest.raises(StateError, match="not the one that was logged"):
                await service.write("Said", {"word": "no"}, "council")
            await service.run(service._tick)
        assert "entry 7" in service.alarms["entries"]
        await service.close()

    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_log_that_was_replaced_since_is_no_damage(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        own = node.replica.own
        old = own.entries.copy()
        node.replica.shelf.logs[own.origin] = MemberLog(own.origin, own.owner)
        node.store._db.execute("DELETE FROM entry WHERE origin = ?", (own.origin,))
        with pytest.raises(TrustError):
            old[3]
        assert not node.damage.words


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("disk I/O error"), StateError("the server is away.", code="store")], ids=str
)
def test_a_batch_whose_entries_cant_be_read_for_now_is_folded_later(
    made: Path, tmp_path: Path, few: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        whole = States(node.replica, node.store)
        whole.advance(1_000)
    with Node(tmp_path / "home") as node:
        real, left = Beside._db, [3]

        def failing(self: Beside) -> Any:
            left[0] -= 1
            if left[0]:
                return real(self)
            if isinstance(error, StateError):
                raise error

            class Failing:
                def execute(self, *_: object) -> None:
                    raise error

            return Failing()

        monkeypatch.setattr(Beside, "_db", failing)
        states = States(node.replica, node.store)
        assert states.advance(1_000)
        assert str(error).rstrip(".") in states.lost
        assert (states.fault, len(states.steps) < len(whole.steps)) == ("", True)
        assert not states.advance(1_000)
        assert (states.hashes, states.lost) == (whole.hashes, "")
        assert states.steps == whole.steps


def test_an_entry_that_was_changed_is_never_folded(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with Node(tmp_path / "home") as node:
        origin = node.replica.own.origin
        node.store._db.execute("UPDATE entry SET bytes = x'00' WHERE origin = ? AND idx = 4", (origin,))
    with Node(tmp_path / "home") as node:
        states = States(node.replica, node.store)
        for _ in range(3):
            states.advance(64)
        assert "entry 4: the entry is not the one that was logged" in states.fault
        assert states.behind
        assert [event.entry.body["word"] for step in states.steps for event in step.events] == ["w0", "w1"]
        with pytest.raises(TrustError, match="not the one that was logged"):
            council_of(node.replica)


def test_as_chair_no_batch_is_begun_on_an_entry_that_was_changed(made: Path, tmp_path: Path, few: None) -> None:
    shutil.copytree(made, tmp_path / "home")
    with clock.fixed("2026-11-22"), Node(tmp_path / "home") as node:
        replica, council = node.replica, node.replica.councils[1]
        size = council.size

        def spoilt(_: object) -> tuple[list[Any], dict[str, int]]:
            raise TrustError("the entry is not the one that was logged.", code="entry")

        replica._refs = spoilt  # type: ignore[assignment, method-assign]
        entry, _ = node.write("Said", {"word": "said all the same"}, "council")
        assert replica.own.entries[-1] == entry
        assert council.size == size
        assert "not the one that was logged" in replica.refusals[-1].what
