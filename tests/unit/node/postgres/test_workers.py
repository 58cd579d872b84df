"""Several processes over one database: one writes, the others read along and hand over; what dies is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, RuleError, StateError, TrustError
from concordat.ledger import leaves
from concordat.ledger.entry import Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.merkle import leaf_hash
from concordat.node.beside import Beside
from concordat.node.deeds import Cosigning, Keeping, Taking, pack_deed, unpack_deed
from concordat.node.following import LOST, Follower, Following
from concordat.node.home import Node
from concordat.node.key_agent import AgentKey, AgentKeys, KeyAgent
from concordat.node.outbox import Outbox, Taker
from concordat.node.own_log import Said, WriterLog, Writing
from concordat.node.postgres import Session
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.stores import open_people
from concordat.node.workers import AGAIN, Workers
from people_kit import certify, make_home

KEY = Ed25519Secret(b"k" * 32)
LABEL = "del-04"


@pytest.fixture
def place(postgres: Any, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """(folder, address) of a lone node in PostgreSQL that knows a delegate's key."""
    from concordat.node.move_store import move

    home = make_home(tmp_path)
    certify(home, LABEL, KEY.public)
    address = str(postgres.address(f"w_{request.node.name[-40:]}"))
    move(home, "sqlite", "postgresql", address)
    return home, address


def settings_of(address: str) -> NodeSettings:
    given = {"database": address, "workers": 2, "disk_reserve_mb": 0}
    return NodeSettings.load(given, environment={}, file=Path(os.devnull))


def together(place: tuple[Path, str], work: Callable[[Service, Following], Any], **more: Any) -> None:
    """Run something beside a writer and a worker that reads along, on another thread than their loop."""
    home, address = place

    async def run() -> None:
        writer = Service(Node(home, database=address), settings_of(address))
        writer.beside.append(Taker(writer, address))
        reader = Following(Follower(home, address), settings_of(address), **more)
        await writer.start()
        await reader.start()
        try:
            await asyncio.get_running_loop().run_in_executor(None, work, writer, reader)
        finally:
            await reader.close()
            await writer.close()

    asyncio.run(run())


def gone(cluster: Any) -> None:
    """The server is killed; its files are written before, so that it is soon back."""
    session = Session(cluster.address(), "checkpoint")
    session.execute("CHECKPOINT")
    session.close()
    cluster.kill()


def test_a_worker_hands_over_and_reads_what_came_of_it(place: tuple[Path, str], tmp_path: Path) -> None:
    agent = KeyAgent(tmp_path / "keys" / "agent", lambda: 0)
    threading.Thread(target=agent.serve, daemon=True).start()
    holder = AgentKeys(tmp_path / "keys" / "agent")
    seen: list[Any] = []

    def work(writer: Service, reader: Following) -> None:
        log = WriterLog(reader.writer)
        seen.append(log.write(Said("Said", {"word": "held"}), LABEL, KEY))
        seen.append(log.write(Said("Noted", {"n": 1}, "exchange"), "node", None))
        own = reader.node.replica.own
        leaf = Entry.new(
            author="BRA", bloc="BRICS", membership=2, person=LABEL, seq=3, prev=own.entries[-1].id, scope="council",
            ts="2026-11-22T00:00:00Z", type="Said", body={"word": "away"}, secret=KEY,
        ).leaf  # fmt: skip
        seen.append(log.append(leaf))
        assert reader.writer.submit(Entry.parse(leaf)).result() == (2, True)
        with pytest.raises(RuleError):
            log.write(Said("Said", {"word": "no"}), "nobody", KEY)
        with pytest.raises(StateError, match="only the process that writes"):
            reader.writer.run(lambda _: (None, []))
        reader.writer.run(Keeping("sealed", "vote-1", b"salt")).result()
        assert [e.body.get("word") for e in own.entries] == ["held", None, "away"]
        assert writer.node.replica.own.tree.root() == own.tree.root()
        assert writer.node.store.papers("sealed") == {"vote-1": b"salt"}
        taken = reader.writer.run(Cosigning(reader.cosigner, "checkpoint", b"nonsense")).result()
        assert taken.status == 400

    together(place, work, holder=holder)
    agent.close()
    assert [found.index for found in seen] == [0, 1, 2]


def test_a_worker_shows_the_same_heads_and_how_the_writer_stands(place: tuple[Path, str]) -> None:
    def work(writer: Service, reader: Following) -> None:
        writer.writer.run(lambda node: (None, node.write("Said", {"word": "x"}, "council")[1])).result()
        writer.alarms["a lie"] = "somebody lied"
        _until(lambda: reader.alarms == {"a lie": "somebody lied"} and reader.node.replica.own.size == 1)
        loop = reader._loop
        assert loop is not None
        shown = [asyncio.run_coroutine_threadsafe(s.published(), loop).result(10) for s in (writer, reader)]
        assert shown[0].notes == shown[1].notes
        assert reader.failing() == {}
        origin = reader.node.replica.own.origin
        tile = asyncio.run_coroutine_threadsafe(reader.tile(origin, "tile/entries/000.p/1"), loop).result(10)
        assert tile is not None

    together(place, work)


def test_what_was_begun_when_the_writer_died_is_never_done_twice(place: tuple[Path, str]) -> None:
    home, address = place
    node = Node(home, database=address)
    node.close()
    asker = Session(address, "asker")
    body = pack_deed(Writing(Said("Noted", {"n": 1}, "exchange"), "node", None))[1]
    post = "INSERT INTO outbox (kind, body, asker, state) VALUES ('write', ?, ?, ?) RETURNING n"
    begun = asker.one(post, (body, asker.pid, "begun"))
    waiting = asker.one(post, (body, asker.pid, "waiting"))
    gone = asker.one(post, (body, 2**30, "waiting"))

    def work(writer: Service, _: Following) -> None:
        _until(lambda: writer.node.replica.own.size == 1)
        _until(lambda: asker.one("SELECT state FROM outbox WHERE n = ?", (waiting,)) == "done")

    together(place, work)
    rows = dict(asker.execute("SELECT n, state FROM outbox"))
    assert (rows[begun], rows[waiting], rows.get(gone, "gone")) == ("done", "done", "gone")
    assert b"interrupted" in bytes(asker.one("SELECT result FROM outbox WHERE n = ?", (begun,)))
    asker.close()
    with Node(home, database=address) as again:
        assert again.replica.own.size == 1


def test_without_a_writer_nothing_is_written_and_nothing_waits(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concordat.node.outbox.WAIT_S", 0.1)
    outbox = Outbox(place[1], lambda: None, lambda _: None)
    outbox.start()
    with pytest.raises(StateError, match="nothing was written"):
        outbox.ask(Writing(Said("Noted", {"n": 1}, "exchange"), "node", None))
    assert outbox._mouth.one("SELECT count(*) FROM outbox") == 0
    outbox.close()


def test_a_lost_database_is_read_from_memory_under_a_bar(place: tuple[Path, str], postgres: Any) -> None:
    said: list[str] = []

    def work(writer: Service, reader: Following) -> None:
        writer.writer.run(lambda node: (None, node.write("Said", {"word": "x"}, "council")[1])).result()
        _until(lambda: reader.node.replica.own.size == 1)
        gone(postgres)
        try:
            _until(lambda: bool(reader.bar()) and bool(writer.writer.broken))
            said.append(reader.bar())
            assert set(reader.failing()) == {"store"}
            assert reader.alarms["database"] == LOST
            loop = reader._loop
            assert loop is not None
            for service in (reader, writer):
                shown = asyncio.run_coroutine_threadsafe(service.published(), loop).result(10)
                assert shown.sizes[service.node.replica.own.origin] == 1
            with pytest.raises(StateError):
                WriterLog(reader.writer).write(Said("Noted", {"n": 1}, "exchange"), "node", None)
            with pytest.raises(StateError):
                WriterLog(writer.writer).write(Said("Noted", {"n": 1}, "exchange"), "node", None)
        finally:
            postgres.revive()
        _until(lambda: reader._lost == "")

    together(place, work)
    assert said == [LOST]


class _Line:
    """A session that hears nothing."""

    failures, schema, where = (OSError,), "s", "nowhere"

    def notes(self, _: float) -> list[str]:
        return []

    def close(self) -> None:
        pass


def test_a_fault_while_reading_along_is_told_and_it_goes_on() -> None:
    class Deaf(Outbox):
        def _opened(self) -> Any:
            return _Line(), _Line()

    said: list[str] = []
    looks: list[int] = []

    def changed() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise KeyError("a fault")
        outbox._stopping.set()

    outbox = Deaf("", changed, said.append)
    outbox._run()
    assert (said, len(looks)) == (["a fault of the program (KeyError)", ""], 2)


def test_two_writers_of_one_log_are_one_too_many(place: tuple[Path, str]) -> None:
    home, address = place
    with Node(home, database=address):
        session = Session(address, "second")
        with pytest.raises(StateError, match=r"concordat node writer, process \d+ on .* writes here") as caught:
            session.lock("brics.example/BRICS/other") or session.lock(f"{home.name.lower()}.example/BRICS/member")
        assert caught.value.code == "two_writers"
        session.close()


def test_who_reads_along_keeps_the_newest_entries_alone(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, address = place
    for name, value in (("LOT", 4), ("NEWEST", 4), ("MOST", 8)):
        monkeypatch.setattr(leaves, name, value)
    with Node(home, database=address) as node, Follower(home, address) as follower:
        for n in range(20):
            node.write("Noted", {"n": n}, "exchange")
            follower.catch_up()
        own = follower.replica.own
        assert len(own.entries.leaves._parts[1]) <= 9
        assert list(own.entries) == list(node.replica.own.entries)
        before = follower._leaves
        assert isinstance(before, Beside)
        assert before._open
        follower.again()
        assert follower._leaves is not before
        assert not before._open, "the session of what was read before is given back"
        assert list(follower.replica.own.entries) == list(node.replica.own.entries)
        assert not follower.damage.words


def test_who_reads_along_holds_what_is_new_against_the_head_that_came_with_it(place: tuple[Path, str]) -> None:
    """Tiles that fit a changed entry make it no better: the head does not."""
    home, address = place
    with Node(home, database=address) as node, Follower(home, address) as follower:
        for n in range(4):
            node.write("Noted", {"n": n}, "exchange")
        own = node.replica.own
        other = own.entries.leaves[0]
        with node.store.commit():
            change = "UPDATE entry SET bytes = ?, leaf = ? WHERE origin = ? AND idx = ?"
            node.store._db.execute(change, (other, leaf_hash(other), own.origin, own.size - 1))
            leaf_hashes = [leaf_hash(leaf) for leaf in [*own.entries.leaves[:-1], other]]
            tile = "UPDATE tile SET bytes = ? WHERE origin = ? AND level = 0 AND n = 0"
            node.store._db.execute(tile, (b"".join(leaf_hashes), own.origin))
        with pytest.raises(StateError, match="not those of the signed head"):
            follower.catch_up()
        follower.again()
        assert "not those of the signed head" in follower.damage.words


def test_what_could_not_be_checked_while_reading_along_is_read_again(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, address = place
    with Node(home, database=address) as node, Follower(home, address) as follower:
        before = follower.replica.own.size
        node.write("Noted", {"n": 1}, "exchange")

        def refuse(origin: str) -> bytes:
            raise StateError("the server is busy.", where=origin, code="store")

        with monkeypatch.context() as patch:
            patch.setattr(follower.store, "root", refuse)
            with pytest.raises(StateError, match="busy"):
                follower.catch_up()
        assert follower.replica.own.size == before
        assert follower.catch_up()
        assert list(follower.replica.own.entries) == list(node.replica.own.entries)


@pytest.mark.parametrize("index", [0, 1])
def test_a_council_log_that_could_not_be_checked_while_reading_along_is_read_again(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    """Its first entries, then those that it goes on with: nothing is final by what was not held against the tiles."""
    home, address = place
    with Node(home, database=address) as node, Follower(home, address) as follower:
        for n in range(index + 1):
            if n:
                assert follower.catch_up()
            node.write("Said", {"word": f"w{n}"}, "council")
            node.tick()
        theirs, root = follower.replica, follower.store.root
        before = (theirs.councils[1].size, theirs.final(), len(theirs.certificates))

        def refuse(origin: str) -> bytes:
            if "/council/" in origin:
                raise TrustError("level 0, tile 0 is missing.", where=origin, code="tile")
            return root(origin)

        with monkeypatch.context() as patch:
            patch.setattr(follower.store, "root", refuse)
            for _ in range(2):
                with pytest.raises(TrustError, match="tile 0 is missing"):
                    follower.catch_up()
                assert (theirs.councils[1].size, theirs.final(), len(theirs.certificates)) == before
        assert follower.catch_up()
        assert theirs.final() == node.replica.final() > before[1]
        assert theirs.councils[1].leaves == node.replica.councils[1].leaves
        assert theirs.councils[1].progress == node.replica.councils[1].progress


def test_what_a_worker_alone_finds_changed_stands_above_its_pages(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LOT", 4), ("NEWEST", 4), ("MOST", 8)):
        monkeypatch.setattr(leaves, name, value)

    def work(writer: Service, reader: Following) -> None:
        for n in range(12):
            writer.writer.run(lambda node, n=n: (None, node.write("Noted", {"n": n}, "exchange")[1])).result()
        _until(lambda: reader.node.replica.own.size == 12)
        own = reader.node.replica.own
        session = Session(place[1], "change")
        session.execute("UPDATE entry SET bytes = ? WHERE origin = ? AND idx = 2", (b"x", own.origin))
        session.close()
        with pytest.raises(TrustError, match="entry 2"):
            own.entries[2]
        _until(lambda: "entry 2" in reader.alarms.get("entries", ""))
        assert "entry 2" in reader.failing()["store"]
        assert "entries" not in writer.alarms

    together(place, work)


WRITER = """
import sys, time
from pathlib import Path
from concordat.node.home import Node
node = Node(Path(sys.argv[1]), database=sys.argv[2])
print("writes", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_writer_is_taken_within_five_seconds(place: tuple[Path, str]) -> None:
    home, address = place
    first = subprocess.Popen([sys.executable, "-c", WRITER, str(home), address], stdout=subprocess.PIPE)
    assert first.stdout is not None
    assert first.stdout.readline() == b"writes\n"
    with pytest.raises(StateError, match="uses this node"):
        Node(home, database=address)
    first.kill()
    first.wait()
    first.stdout.close()
    with Node(home, database=address, wait_s=5.0) as node:  # raises if the lock is not free by then
        node.write("Said", {"word": "after"}, "council")


def test_one_act_at_a_time_among_all_processes(place: tuple[Path, str]) -> None:
    home, address = place
    one, other = open_people(home, address, create=True), open_people(home, address)
    entered: list[str] = []

    def second() -> None:
        with other.alone():
            entered.append("second")

    with one.alone(), one.alone():
        thread = threading.Thread(target=second)
        thread.start()
        one.run("INSERT INTO spent VALUES ('a', 1)")  # no other statement waits for it
        assert other.one("SELECT count(*) FROM spent") == (1,)
        entered.append("first")
    thread.join(20)
    assert entered == ["first", "second"]
    one.close()
    other.close()


def test_people_come_back_with_the_database(place: tuple[Path, str], postgres: Any) -> None:
    home, address = place
    people = open_people(home, address, create=True)
    people.run("INSERT INTO spent VALUES ('a', 1)")
    gone(postgres)
    with pytest.raises(StateError, match=r"not written|no connection"):
        people.run("INSERT INTO spent VALUES ('b', 1)")
    postgres.revive()
    people.run("INSERT INTO spent VALUES ('c', 1)")
    assert people.rows("SELECT hash FROM spent ORDER BY hash") == [("a",), ("c",)]
    people.close()


def test_deeds_are_the_same_as_bytes_and_no_key_goes_along() -> None:
    key = AgentKey(KEY.public, "session-1", Path("/run/agent"))
    said = Writing(Said("Said", {"word": "é"}, refs=("b" * 64, "a" * 64)), LABEL, key)
    kind, data = pack_deed(said)
    again = unpack_deed(kind, data, None)  # type: ignore[arg-type]
    assert isinstance(again, Writing)
    assert (again.person, again.key, again.said.value("x")) == (LABEL, key, said.said.value("x"))
    with pytest.raises(StateError, match="memory of another process"):
        pack_deed(Writing(Said("Said", {}), LABEL, KEY))
    taking = unpack_deed(*pack_deed(Taking("IND", [])), None)  # type: ignore[arg-type]
    assert taking == Taking("IND", [])
    with pytest.raises(ConcordatError, match="no deed"):
        unpack_deed("erase", b"", None)  # type: ignore[arg-type]


SUPERVISED = """
import os, signal, sys, time
from concordat.node.workers import AGAIN, Workers

def work(number):
    os.write(1, f"{number} {os.getpid()}\\n".encode())  # in one piece: two of them write at once
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    time.sleep(60)
    return 0

sys.exit(Workers(2, work, lambda *_: None).run())
"""


@pytest.fixture
def supervised() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SUPERVISED], stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_worker_that_dies_is_started_again_and_all_end_together(supervised: subprocess.Popen[bytes]) -> None:
    assert supervised.stdout is not None
    pids = dict(supervised.stdout.readline().split() for _ in range(2))
    os.kill(int(pids[b"0"]), signal.SIGKILL)
    number, pid = supervised.stdout.readline().split()
    assert (number, pid == pids[b"0"]) == (b"0", False)
    supervised.send_signal(signal.SIGTERM)
    assert supervised.wait(30) == 0


def test_workers_end_with_the_process_that_started_them(supervised: subprocess.Popen[bytes]) -> None:
    assert supervised.stdout is not None
    for _ in range(2):
        supervised.stdout.readline()
    supervised.kill()
    assert supervised.stdout.read() == b""  # it closes when the last of them has ended


def test_a_writer_that_says_why_it_cannot_start_ends_them_all() -> None:
    def work(number: int) -> int:
        if number == 0:
            raise StateError("the lock is taken.")
        time.sleep(30)
        return AGAIN

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        assert Workers(2, work, lambda *_: None).run() == StateError.exit_code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _until(good: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so; a bound on patience, not a measurement."""
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
