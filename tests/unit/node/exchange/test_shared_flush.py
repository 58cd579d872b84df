"""Threads that share a flush: what was acknowledged, or read, is what a power cut leaves; after a failed flush nothing
goes on."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from concordat.errors import StateError
from concordat.node import shared_flush
from concordat.node.exchange_store import FILE, ExchangeStore, Process
from concordat.node.harvest_store import HarvestStore


def process(name: str) -> Process:
    return Process(name, "negotiation", "consumer", "BRA", "REQUESTED", {}, "https://bra.example/dsp/2025-1")


class Disk:
    """What a power cut would leave: the files as they were when the last flush of the log began."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.left, self.flushes = path, path.parent / "left", 0
        self.gate, self._copying = threading.Event(), threading.Lock()
        self.gate.set()
        self.full = False
        real = shared_flush._to_disk

        def fsync(handle: int) -> None:
            self.gate.wait(10)
            if self.full:
                raise OSError(5, "Input/output error")
            with self._copying:
                self.left.mkdir(exist_ok=True)
                for file in (path, path.with_name(f"{path.name}-wal")):
                    shutil.copyfile(file, self.left / file.name)
                self.flushes += 1
            real(handle)

        monkeypatch.setattr(shared_flush, "_to_disk", fsync)

    def names(self) -> set[str]:
        """The processes that are there after the cut."""
        copy = self.left.with_name("after")
        with self._copying:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(self.left, copy)
        with closing(sqlite3.connect(copy / self.path.name)) as db:
            return {pid for (pid,) in db.execute("SELECT pid FROM process")}


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / FILE, monkeypatch)


def test_what_was_acknowledged_survives_a_power_cut(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    for name in ("a", "b", "c"):
        store.put(process(name), 0)
        assert name in disk.names()
    store.close()


def test_many_threads_are_each_on_the_disk_when_they_return(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    lock, lost = threading.Lock(), []

    def one(number: int) -> None:
        store.put(process(f"p{number:02}"), 0)
        with lock:  # copies are looked at one at a time
            if f"p{number:02}" not in disk.names():
                lost.append(number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(40)))
    assert (lost, disk.names()) == ([], {f"p{number:02}" for number in range(40)})
    store.close()


def test_those_who_wait_together_share_one_flush(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    before, written = disk.flushes, store._shared._written
    disk.gate.clear()
    with ThreadPoolExecutor(9) as threads:
        waiting = [threads.submit(store.put, process(f"p{n}"), 0) for n in range(8)]
        while store._shared._written < written + 8:  # each has written; the first one flushes
            assert not any(one.done() for one in waiting)
        disk.gate.set()
        for one in waiting:
            one.result(10)
    assert disk.flushes - before <= 2, "the one that ran, and one for all who came meanwhile"
    store.close()


def test_what_is_read_is_on_the_disk(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    written = store._shared._written
    disk.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(store.put, process("second"), 0)
        while store._shared._written < written + 1:
            assert not writing.done()
        reading = threads.submit(store.process, "second")
        assert not reading.done()
        assert "second" not in disk.names()
        disk.gate.set()
        found = reading.result(10)
        assert found is not None
        assert "second" in disk.names()
        writing.result(10)
    store.close()


def test_what_is_looked_at_together_waits_once_and_is_on_the_disk_at_the_end(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    written = store._shared._written
    disk.gate.clear()

    def looking() -> bool:
        with store.look():
            found = store.process("second") is not None
            found = found and store.intended("second") is None
            looked.set()
        return found

    looked = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(store.put, process("second"), 0)
        while store._shared._written < written + 1:
            assert not writing.done()
        reading = threads.submit(looking)
        assert looked.wait(10), "no read waits for the disk"
        assert not reading.done(), "but their end does"
        assert "second" not in disk.names()
        disk.gate.set()
        assert reading.result(10)
        assert "second" in disk.names()
        writing.result(10)
    store.close()


def test_who_looks_may_wait_for_the_disk_before_it_acts(disk: Disk) -> None:
    """An entry is signed in the middle of a look: what it rests on is on the disk by then."""
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    with ThreadPoolExecutor(1) as threads, store.look():
        threads.submit(store.put, process("second"), 0).result(10)
        store._shared._flushed -= 1  # as if the thread that wrote it had not flushed yet
        flushes = disk.flushes
        store.settle()
        assert disk.flushes == flushes, "what was not read need not be there"
        assert store.process("second") is not None
        store.settle()
        assert disk.flushes == flushes + 1
    store.close()


def test_who_is_told_of_a_process_or_a_message_finds_it_on_the_disk(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    told: list[tuple[str, str, bool]] = []
    store.moved = lambda moved: told.append((moved.pid, moved.state, moved.pid in disk.names()))
    store.posted = lambda message, peer: told.append((message.pid, peer, store.intended(message.pid) == message))
    with store.commit():
        store.put(process("first"), 0)
        store.intend("first", "https://bra.example/x", b"{}", 0.0)
        assert told == []
    assert told == [("first", "REQUESTED", True), ("first", "BRA", True)]
    store.close()


def test_after_a_flush_that_failed_nothing_goes_on_until_the_file_is_opened_again(disk: Disk) -> None:
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    disk.full = True
    with pytest.raises(StateError, match="not flushed: Input/output error"):
        store.put(process("second"), 0)
    disk.full = False
    with pytest.raises(StateError, match="not flushed"):
        store.put(process("third"), 0)
    with pytest.raises(StateError, match="not flushed"):
        store.process("second")
    store.close()
    again = ExchangeStore(disk.path)
    assert again.process("first") is not None
    assert again.process("third") is None
    again.put(process("fourth"), 0)
    assert "fourth" in disk.names()
    again.close()


def test_nobody_writes_behind_a_hole_and_opening_again_closes_it(disk: Disk, tmp_path: Path) -> None:
    """A failed flush leaves frames that count as written and never reach the disk: what stands behind them is lost."""
    log = disk.path.with_name(f"{disk.path.name}-wal")
    store, harvests = ExchangeStore(disk.path), HarvestStore(disk.path)
    store.put(process("before"), 0)
    start = log.stat().st_size
    disk.full = True
    with pytest.raises(StateError, match="not flushed"):
        store.put(process("unflushed"), 0)
    disk.full, hole = False, log.stat().st_size
    assert (store.fault, hole > start) == ("not flushed: Input/output error.", True)
    with pytest.raises(StateError, match="not flushed"), harvests._commit():
        pass

    killed = ExchangeStore(disk.path)  # the process is killed, another one opens the file
    killed.put(process("after"), 0)
    left = tmp_path / "power"
    left.mkdir()
    frames = bytearray(log.read_bytes())
    if len(frames) >= hole:
        frames[start:hole] = bytes(hole - start)
    (left / log.name).write_bytes(frames)
    shutil.copyfile(disk.path, left / disk.path.name)
    with closing(sqlite3.connect(left / disk.path.name)) as db:
        assert {pid for (pid,) in db.execute("SELECT pid FROM process")} >= {"before", "after"}
    for one in (killed, store, harvests):
        one.close()


def test_what_a_killed_process_left_in_the_log_is_in_the_file_before_it_is_read(disk: Disk, tmp_path: Path) -> None:
    store = ExchangeStore(disk.path)
    store.put(process("first"), 0)
    again = ExchangeStore(disk.path)  # beside the one that was killed, and closed nothing
    assert [found.pid for found in again.processes()] == ["first"]
    alone = tmp_path / "alone.sqlite"
    shutil.copyfile(disk.path, alone)  # without the log
    with closing(sqlite3.connect(alone)) as db:
        assert db.execute("SELECT pid FROM process").fetchall() == [("first",)]
    again.close()
    store.close()


def test_a_file_behind_a_link_is_flushed_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / FILE
    link.symlink_to(tmp_path / "there" / FILE)
    store = ExchangeStore(link)
    store.put(process("a"), 0)
    assert store.process("a") is not None
    store.close()


def test_a_thread_reads_what_its_own_open_transaction_wrote_and_no_other_does(tmp_path: Path) -> None:
    store = ExchangeStore(tmp_path / FILE)
    with ThreadPoolExecutor(1) as threads:
        with store.commit():
            store.put(process("a"), 0)
            assert store.process("a") is not None
            assert threads.submit(store.process, "a").result(10) is None, (
                "it waits for nobody, and sees nothing half done"
            )
        assert threads.submit(store.process, "a").result(10) is not None
    store.close()


def test_who_is_told_of_a_change_finds_it_and_of_one_that_failed_nobody_is_told(tmp_path: Path) -> None:
    store, told = ExchangeStore(tmp_path / FILE), []
    with ThreadPoolExecutor(1) as threads:

        def look(name: str) -> None:
            told.append((name, threads.submit(store.process, name).result(10) is not None))

        store.then(lambda: told.append(("at once", True)))
        with store.commit():
            store.put(process("a"), 0)
            with store.commit():
                store.then(lambda: look("a"))
            assert told == [("at once", True)]
        assert told == [("at once", True), ("a", True)]

        def fail() -> None:
            with store.commit():
                store.put(process("b"), 0)
                store.then(lambda: look("b"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with store.commit():
            store.put(process("c"), 0)
    assert told == [("at once", True), ("a", True)]
    store.close()
