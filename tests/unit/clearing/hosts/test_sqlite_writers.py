"""One writer and one file: other names for it, forks, blocks that stand, what is no ledger, what a stop leaves."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from clearing_core_kit import NOON
from clearing_hosts_kit import change, funded, ledger, pay, scheme, uetr
from concordat.clearing.host import MemoryHost
from concordat.errors import InputError, StateError, TrustError
from concordat.node.clearing import lock, open_host, open_store, places, verify
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.sqlite import SqliteHost, SqliteStore
from concordat.node.clearing.tables import TABLES

TESTS = str(Path(__file__).parents[3])


def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own, which ends as any program does."""
    start = f"import sys; sys.path.insert(0, {TESTS!r})\nfrom pathlib import Path\nfrom clearing_hosts_kit import *\n"
    command = [sys.executable, "-c", start + program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# --- One writer -----------------------------------------------------------------------------------------------------


def test_another_name_leads_to_the_same_lock(tmp_path: Path) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    (tmp_path / "b.db").symlink_to("a.db")
    (tmp_path / "folder").symlink_to(tmp_path)
    for other in (tmp_path / "b.db", tmp_path / "folder" / "b.db"):
        with pytest.raises(StateError, match="a ledger has one writer"):
            open_host(other)
        assert verify(other).height == 3
    host.close()
    through = open_host(tmp_path / "b.db")
    assert through.height == 3
    through.close()


def test_a_file_with_two_names_is_refused(tmp_path: Path) -> None:
    """SQLite would give each name a log of its own (sqlite.org/howtocorrupt.html, 2.5)."""
    path = ledger(tmp_path / "a.db")
    os.link(path, tmp_path / "b.db")
    for name in ("a.db", "b.db"):
        with pytest.raises(StateError, match=r"2 names \(hard links\)") as refused:
            open_host(tmp_path / name)
        assert refused.value.code == "two_names"
    (tmp_path / "b.db").unlink()
    open_host(path).close()


def test_the_lock_does_not_live_on_in_processes_that_were_forked(tmp_path: Path) -> None:
    """A killed writer leaves the processes of its pool behind, which wait for work for ever."""
    path = ledger(tmp_path / "a.db")
    program = f"""
import os, sys, time
sys.path.insert(0, {TESTS!r})
from pathlib import Path
from concordat.node.clearing import open_host
host = open_host(Path(sys.argv[1]))
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        child = int(writer.stdout.readline())
        with pytest.raises(StateError, match=f"process {writer.pid} on "):
            open_host(path)
        writer.kill()
    try:
        os.kill(child, 0)
        open_host(path).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_block_is_never_written_over_another(tmp_path: Path) -> None:
    """As if the lock had failed: the one who comes second is stopped, and what was told stands."""
    path = ledger(tmp_path / "a.db")
    first = open_host(path)
    lock.unlock(first.store._lock)
    first.store._lock = None
    second = open_host(path)
    for host, number in ((first, 4), (second, 5)):
        host.submit(pay(number))
    first.step(NOON + 3_000)
    with pytest.raises(StateError, match="block 4 is not known to be written: UNIQUE constraint failed"):
        second.step(NOON + 3_000)
    second.close()
    assert [one.code for one in first.receipt(uetr(4))] == ["settled"]
    first.close()
    assert verify(path).height == 4


def test_on_a_full_disk_the_lock_holds_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ledger(tmp_path / "a.db")

    def full(_handle: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("concordat.node.clearing.lock.os.write", full)
    host = open_host(path)
    with pytest.raises(StateError, match="another process writes here"):
        open_host(path)
    host.close()


def test_a_folder_that_knows_no_locks_is_not_called_another_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def none(_handle: int, _what: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StateError, match="can't be locked: No locks available"):
        SqliteHost(tmp_path / "a.db", scheme())


# --- What is no ledger ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_can_not_be(tmp_path: Path, name: str) -> None:
    for ask in (open_host, open_store, lambda path: open_host(path, scheme())):
        with pytest.raises(StateError):
            ask(tmp_path / name)


def test_an_empty_file_is_not_a_damaged_ledger(tmp_path: Path) -> None:
    """Founding was interrupted: nothing is there yet, and it may be founded."""
    (tmp_path / "a.db").touch()
    for ask in (verify, open_store, open_host):
        with pytest.raises(StateError, match="no ledger here"):
            ask(tmp_path / "a.db")
    open_host(tmp_path / "a.db", scheme()).close()
    assert verify(tmp_path / "a.db").height == 0


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    change(path, "CREATE TABLE wallet (money)")
    before = path.read_bytes()
    with pytest.raises(StateError, match="another program: it has the table wallet"):
        open_host(path, scheme())
    assert path.read_bytes() == before


def test_parts_of_a_ledger_are_not_founded_again(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, "DROP TABLE meta")
    for ask in (open_host, verify, lambda where: open_host(where, scheme())):
        with pytest.raises(TrustError, match="the table meta is missing"):
            ask(path)


@pytest.mark.parametrize("value", ["abc", "", "0", "-1", "1.5", "١", "9" * 5_000])
def test_a_version_that_can_not_be_read(tmp_path: Path, value: str) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, ("UPDATE meta SET value = ? WHERE key = 'schema'", (value,)))
    for ask in (open_host, verify):
        with pytest.raises(TrustError, match="version of the tables can't be read"):
            ask(path)


def test_a_file_system_without_a_log_is_refused(tmp_path: Path) -> None:
    with SqliteStoreOfMode("delete") as store, pytest.raises(StateError, match="stays in the mode delete") as refused:
        store(tmp_path / "a.db")
    assert refused.value.code == "not_durable"


class SqliteStoreOfMode:
    """Connections that answer a change of the journal's mode with another mode."""

    def __init__(self, mode: str) -> None:
        self.mode, self.opened = mode, []

    def __enter__(self) -> Any:
        return lambda path: SqliteStore(path, create=True, connecting=self.connect)

    def connect(self, address: str) -> Any:
        mode = self.mode

        class Stubborn(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> Any:
                asked = f"SELECT '{mode}'" if statement.startswith("PRAGMA journal_mode") else statement
                return super().execute(asked, *values)

        found = sqlite3.connect(address, uri=True, isolation_level=None, factory=Stubborn)
        self.opened.append(found)
        return found

    def __exit__(self, *_: object) -> None:
        for one in self.opened:
            one.close()


# --- Bits -----------------------------------------------------------------------------------------------------------


def test_a_name_in_the_file_that_is_no_text(tmp_path: Path) -> None:
    """SQLite quotes it in its message, which Python can't decode."""
    path = ledger(tmp_path / "a.db")
    whole = path.read_bytes()
    place = whole.index(b",", whole.index(b"CREATE TABLE meta"))
    path.write_bytes(whole[:place] + b"\xbe" + whole[place + 1 :])
    for ask in (open_host, verify):
        with pytest.raises(TrustError, match="damaged"):
            ask(path)


def test_a_text_that_is_no_text_is_damage(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, "UPDATE block SET header = CAST(x'ff' || header AS TEXT) WHERE height = 3")
    for ask in (open_host, verify):
        with pytest.raises(TrustError, match="Could not decode") as refused:
            ask(path)
        assert refused.value.code == "damaged"


@pytest.mark.parametrize("value", ["5", "-1", "5.5", "'x'", "x'00ff'", "9223372036854775807", "'[]'", "'null'"])
def test_values_of_another_kind_are_refused_or_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """SQLite keeps any value in any column; each column in turn holds something else."""
    monkeypatch.setattr(places, "BLOCKS_MAX", 2)
    whole = ledger(tmp_path / "a.db").read_bytes()
    seen = verify(tmp_path / "a.db", invariants=False)
    for table in TABLES.values():
        for column in table.names:
            path = tmp_path / f"{table.name}-{column}.db"
            path.write_bytes(whole)
            with suppress(sqlite3.IntegrityError):  # text as the number of a row
                change(path, f"UPDATE OR REPLACE {table.name} SET {column} = {value}")
            with suppress(TrustError, StateError):
                assert verify(path, invariants=False) == seen
                host = open_host(path)
                assert [one.code for one in host.receipt(uetr(3))] == ["settled"]
                host.close()


def test_an_index_that_is_ahead_of_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would cover blocks that nobody ever entered there, whose receipts then are not found."""
    monkeypatch.setattr(places, "BLOCKS_MAX", 2)
    path = ledger(tmp_path / "a.db")
    change(path, "UPDATE run SET last = 4")
    with pytest.raises(TrustError, match="goes to height 4; the last block is 3"):
        open_host(path)


def test_flipped_bits_are_refused_or_held_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BLOCKS_MAX", 2)
    path = ledger(tmp_path / "a.db")
    whole, seen = path.read_bytes(), verify(path)
    drawn, held = random.Random(5), 0
    for number, place in enumerate(drawn.sample([i for i, byte in enumerate(whole) if byte], 150)):
        broken = tmp_path / f"{number}.db"
        data = bytearray(whole)
        data[place] ^= 1 << drawn.randrange(8)
        broken.write_bytes(data)
        try:
            assert verify(broken, invariants=False) == seen, place
            host = open_host(broken)
            assert host.state_root() == seen.state_root, place
            host.close()
            held += 1
        except (StateError, TrustError):
            continue
    assert held < 40


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """Cut at every half page; only the last page may be cut, where it holds nothing."""
    path = ledger(tmp_path / "a.db")
    whole, seen = path.read_bytes(), verify(path)
    for size in range(2_048, len(whole) - 4_096, 2_048):
        short = tmp_path / f"{size}.db"
        short.write_bytes(whole[:size])
        for ask in (verify, open_host):
            with pytest.raises(TrustError):
                ask(short)
    path.write_bytes(whole[:-2_048])
    assert verify(path) == seen


# --- Stopping -------------------------------------------------------------------------------------------------------

FULL = """
host = funded(SqliteHost(Path(sys.argv[1]), scheme()))
(pages,) = host.store._db.execute("PRAGMA page_count").fetchone()
host.store._db.execute(f"PRAGMA max_page_count={pages}").fetchone()
rows = {"uetr": [uetr(100 + i) for i in range(500)], "payee": [account(D)] * 500, "amount_minor": ["1"] * 500}
host.submit(say("transfer_batch", C, 4, payer=account(C), rows=rows))
try:
    host.step(NOON + 3_000)
except ConcordatError as error:
    print(error.code)
host.close()
for path in sorted(Path(sys.argv[1]).parent.iterdir()):
    if path.suffix != ".db-shm":
        print(path.name, path.stat().st_size)
"""


def test_a_host_that_stopped_touches_nothing_even_when_the_program_ends(tmp_path: Path) -> None:
    done = run(FULL, str(tmp_path / "a.db"))
    told, *files = done.stdout.splitlines()
    assert told == "store", done.stderr
    assert files == [f"{one.name} {one.stat().st_size}" for one in sorted(tmp_path.iterdir()) if "shm" not in one.name]
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    assert verify(tmp_path / "a.db").height == 3


def test_a_start_that_is_refused_leaves_file_and_log_as_they_were(tmp_path: Path) -> None:
    """The log is what an investigator looks at first."""
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    host.store._db.execute("UPDATE account SET balance = balance + 1 WHERE id = 'DDDDINBB/BRL'")
    files = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.suffix in (".db", ".db-wal")}
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, data in files.items():
        (copy / name).write_bytes(data)
    host.close()
    done = run("SqliteHost(Path(sys.argv[1]))", str(copy / "a.db"))
    assert "TrustError" in done.stderr
    assert {name: (copy / name).read_bytes() for name in files} == files
    assert len(files["a.db-wal"]) > 0


def test_a_snapshot_that_can_not_be_written_stops_the_host(tmp_path: Path) -> None:
    source = funded(MemoryHost(scheme()))
    host = SqliteHost(tmp_path / "a.db", scheme())
    host.store._db.execute("CREATE TRIGGER full BEFORE INSERT ON base BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    with pytest.raises(StateError, match="disk full"):
        host.load(source.snapshot(), source.blocks[-1].hash)
    with pytest.raises(StateError, match="stopped") as refused:
        host.step(NOON + 3_000)
    assert refused.value.code == "store_broken"
    host.close()


@pytest.mark.parametrize("place", ["behind begin", "behind commit", "behind propose"])
def test_an_interrupt_between_two_steps_leaves_no_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Ctrl-C falls between two statements, somebody catches it and goes on: the next block must not be written."""
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    host.submit(pay(4))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if place == "behind begin":
            patched.setattr(DurableHost, "_flush", stop)
        elif place == "behind commit":
            true = host.store.commit
            patched.setattr(host.store, "commit", lambda: (true(), stop()))
        else:
            from concordat.clearing import host as hosts

            build = hosts.build
            patched.setattr(hosts, "build", lambda *words: (build(*words), stop()))
        with pytest.raises(KeyboardInterrupt):
            host.step(NOON + 3_000)
    with pytest.raises(StateError):
        go_on(host)
    host.close()
    assert verify(tmp_path / "a.db").height in (3, 4)


def test_a_manifest_that_can_not_be_read(tmp_path: Path) -> None:
    source = funded(MemoryHost(scheme()))
    host = SqliteHost(tmp_path / "a.db", scheme())
    host.load(source.snapshot(), source.blocks[-1].hash)
    host.close()
    for value in (b"{", b'{"header": 5}', b"[]", b'{"header": {"height": "x"}}'):
        change(tmp_path / "a.db", ("UPDATE base SET bytes = ? WHERE n = 0", (value,)))
        for ask in (open_host, verify):
            with pytest.raises(TrustError, match="manifest can't be read"):
                ask(tmp_path / "a.db")


def test_an_index_that_names_too_much(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    host = open_host(path)
    host.places._waiting += places.entry(uetr(3), 3, 7)
    with pytest.raises(TrustError, match="names number 7"):
        host.receipt(uetr(3))
    host.close()


def test_state_every_is_a_number_of_blocks(tmp_path: Path) -> None:
    for value in (0, -1):
        with pytest.raises(InputError, match="from 1 on"):
            SqliteHost(tmp_path / "a.db", scheme(), state_every=value)


# --- Telling --------------------------------------------------------------------------------------------------------


def test_nothing_of_a_block_on_its_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not its receipts, nor that an id was used in it: another use of it waits, and is told in the block behind."""
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    flush = host._flush
    waiting: list[Any] = []
    monkeypatch.setattr(host, "_flush", waiting.append)
    host.submit(pay(4))
    host.finalise(host.propose(NOON + 3_000))
    host.commit_later().result()
    assert host.block_leaves(4) == []
    assert host.submit(pay(4, 6)) is None
    assert host.submit_all([pay(4), pay(4, 6)]) == [None, None]
    monkeypatch.undo()
    host._on_way = None
    flush(waiting[0])
    assert len(host.block_leaves(4)) == 1
    assert [one.code for one in host.step(NOON + 4_000)] == ["id_reused"]
    with pytest.raises(InputError, match="was used for another instruction"):
        host.submit(pay(4, 6))
    host.close()


@pytest.mark.parametrize("name", ["", "zz not an id", "é" * 36, "00000003", uetr(3).upper() + "0", "0" * 36])
def test_what_is_no_id_has_no_receipt(tmp_path: Path, name: str) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    assert host.receipt(name) == []
    with pytest.raises(InputError, match="no receipt"):
        host.prove(name)
    host.close()


def go_on(host: DurableHost) -> None:
    host.submit(pay(5))
    host.step(NOON + 4_000)
