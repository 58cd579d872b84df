"""The SQLite host: what is told is on the disk, a start finds it again, and nothing else is believed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from clearing_core_kit import NOON, C, D, account
from clearing_hosts_kit import change, feed, funded, ledger, made_up, pay, say, scheme, uetr
from concordat.clearing.core.receipts import check_proof
from concordat.clearing.core.signatures import Signed
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, world
from concordat.errors import InputError, StateError, TrustError
from concordat.node.clearing import open_host, verify
from concordat.node.clearing.sqlite import SqliteHost


def test_the_same_ledger_as_in_memory(tmp_path: Path) -> None:
    memory, durable = funded(MemoryHost(scheme())), funded(SqliteHost(tmp_path / "a.db", scheme()))
    assert durable.state_root() == memory.state_root()
    assert [one.facts for one in durable.receipt(uetr(3))] == [one.facts for one in memory.receipt(uetr(3))]
    assert durable.prove(uetr(3)) == memory.prove(uetr(3))
    durable.close()


def test_a_start_finds_what_was_told(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    host = open_host(path)
    assert (host.height, host.state.accounts[account(D)].balance) == (3, 7)
    (receipt,) = host.receipt(uetr(3))
    assert (receipt.code, receipt.height, receipt.amount_minor) == ("settled", 3, 7)
    proof = host.prove(uetr(3))
    assert check_proof(proof, host.block(3)[0].hash).facts == receipt.facts
    assert host.receipt(uetr(3), D) == []
    with pytest.raises(InputError, match="no receipt"):
        host.prove(uetr(99))
    with pytest.raises(InputError, match="no block 4"):
        host.block(4)
    host.close()


def test_a_resend_after_a_start_gives_the_first_receipt(tmp_path: Path) -> None:
    host = open_host(ledger(tmp_path / "a.db"))
    first = host.receipt(uetr(3))[0]
    again = host.submit(pay(3, 7))
    assert again is not None
    assert (again.repeat, again.height, again.block_hash) == (True, 3, first.block_hash)
    with pytest.raises(InputError) as refused:
        host.submit(pay(3, 8))
    assert refused.value.code == "id_reused"
    host.close()


@pytest.mark.parametrize("state_every", [1, 5])
def test_starts_in_the_middle_change_nothing(tmp_path: Path, state_every: int) -> None:
    """The root, the ids, the order of what waits: all as in a host that was never stopped."""
    memory = made_up()
    options = {"verify_signatures": accept_all, "state_every": state_every}
    hosts = [memory, SqliteHost(tmp_path / "a.db", world().scheme, **options)]

    def each(number: int) -> None:
        if number % 13:
            return
        hosts[1].close()
        hosts[1] = SqliteHost(tmp_path / "a.db", **options)
        assert hosts[1].state_root() == memory.state_root() == hosts[1].state.root()
        assert hosts[1].state.used_ids == memory.state.used_ids
        assert hosts[1].state.ids_of_day == memory.state.ids_of_day
        assert hosts[1].state.seq == memory.state.seq

    feed(hosts, 1_000, seed=3, each=each)
    ids = sorted({json.loads(leaf)["uetr"] for leaves in memory.leaves for leaf in leaves})[::9]
    for one in ids:
        assert [found.facts for found in hosts[1].receipt(one)] == [found.facts for found in memory.receipt(one)]
        assert hosts[1].prove(one) == memory.prove(one)
    hosts[1].close()
    audit = verify(tmp_path / "a.db", verify=accept_all)
    assert (audit.height, audit.state_root) == (len(memory.blocks), memory.state_root())
    assert audit.receipts == sum(map(len, memory.leaves))


def test_a_block_on_its_way_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    said, may_go = pay(4), threading.Event()
    flush = host.store.commit
    monkeypatch.setattr(host.store, "commit", lambda: (may_go.wait(), flush()))
    host.submit(said)
    host.finalise(host.propose(NOON + 3_000))
    written = host.commit_later()
    assert host.submit(Signed.read(said.data, said.scheme)) is None
    assert (host.height, written.done()) == (3, False)
    host.submit(pay(5))
    following = host.propose(NOON + 4_000)
    host.finalise(following)
    may_go.set()
    assert written.result() == host.block(4)[0].header.state_root
    assert host.commit_later().result() == host.state_root() == following.header.state_root
    assert host.submit(said).repeat
    host.submit(pay(6))
    host.step(NOON + 5_000)
    assert host.height == 6
    host.close()
    assert verify(tmp_path / "a.db").height == 6


def test_a_block_that_fails_on_its_way_stops_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    failing = sqlite3.OperationalError("disk I/O error")
    monkeypatch.setattr(host.store, "commit", lambda: (_ for _ in ()).throw(failing))
    host.submit(pay(4))
    host.finalise(host.propose(NOON + 3_000))
    written = host.commit_later()
    with pytest.raises(StateError, match="block 4 is not known to be written: disk I/O error"):
        written.result()
    with pytest.raises(StateError, match="stopped behind height 3"):
        host.submit(pay(5))
    host.close()


def test_a_snapshot_begins_another_host(tmp_path: Path) -> None:
    source = funded(SqliteHost(tmp_path / "a.db", scheme()))
    snapshot, head = source.snapshot(), source.last.hash
    copy = SqliteHost(tmp_path / "b.db", scheme())
    copy.load(snapshot, head)
    for host in (source, copy):
        host.submit(pay(4))
        host.step(NOON + 3_000)
    assert copy.state_root() == source.state_root()
    copy.close()
    copy = open_host(tmp_path / "b.db")
    assert (copy.first_height, copy.height, copy.state_root()) == (4, 4, source.state_root())
    assert copy.state.used_ids == source.state.used_ids
    assert copy.submit(pay(3, 7)).repeat
    with pytest.raises(StateError, match="already"):
        copy.load(snapshot, head)
    copy.close()
    source.close()
    audit = verify(tmp_path / "b.db")
    assert (audit.first, audit.height, audit.start) == (4, 4, head)


def test_a_snapshot_of_another_scheme_is_refused(tmp_path: Path) -> None:
    from clearing_core_kit import document
    from concordat.clearing.core.scheme import Scheme

    source = funded(MemoryHost(scheme()))
    other = Scheme.from_document({**document(), "scheme": "other-room"})
    host = SqliteHost(tmp_path / "a.db", other)
    with pytest.raises(TrustError, match="of the scheme test-room"):
        host.load(source.snapshot(), source.blocks[-1].hash)
    host.close()


def test_an_auditor_can_ask_in_sql(tmp_path: Path) -> None:
    db = sqlite3.connect(ledger(tmp_path / "a.db"))
    rows = db.execute("SELECT height, idx, uetr, member, kind, code FROM receipt ORDER BY height, idx").fetchall()
    assert rows[-1] == (3, 0, uetr(3), C, "transfer", "settled")
    assert db.execute("SELECT balance FROM account WHERE id = ?", (account(D),)).fetchone() == (7,)
    assert db.execute("SELECT sum(balance) FROM account").fetchone() == (0,)
    db.close()


def test_a_reader_beside_the_writer_sees_whole_blocks(tmp_path: Path) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    assert verify(tmp_path / "a.db").height == 3
    host.submit(pay(4))
    host.step(NOON + 3_000)
    assert verify(tmp_path / "a.db").height == 4
    host.close()


def test_moving_the_log_changes_nothing(tmp_path: Path) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme(), checkpoint_pages=1))
    host.close()
    assert not (tmp_path / "a.db-wal").exists()
    assert verify(tmp_path / "a.db").height == 3


# --- Stopping -------------------------------------------------------------------------------------------------------


def test_a_full_disk_stops_the_host_for_good(tmp_path: Path) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    (pages,) = host.store._db.execute("PRAGMA page_count").fetchone()
    host.store._db.execute(f"PRAGMA max_page_count={pages}").fetchone()
    rows = {"uetr": [uetr(100 + i) for i in range(500)], "payee": [account(D)] * 500, "amount_minor": ["1"] * 500}
    host.submit(say("transfer_batch", C, 4, payer=account(C), rows=rows))
    with pytest.raises(
        StateError, match=r"block 4 is not known to be written: database or disk is full\. .*may be sent again"
    ):
        host.step(NOON + 3_000)
    host.store._db.execute("PRAGMA max_page_count=1000000").fetchone()
    for ask in (
        host.state_root,
        lambda: host.step(NOON + 4_000),
        lambda: host.submit(pay(5)),
        lambda: host.receipt(uetr(3)),
    ):
        with pytest.raises(StateError, match="stopped behind height 3") as refused:
            ask()
        assert refused.value.code == "store_broken"
    host.close()
    again = open_host(tmp_path / "a.db")
    assert again.height == 3
    again.submit(say("transfer_batch", C, 4, payer=account(C), rows=rows))
    assert len(again.step(NOON + 3_000)) == 501
    again.close()
    assert verify(tmp_path / "a.db").height == 4


def test_a_file_that_may_grow_no_more_stops_the_host(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a process of its own: writes fail as on a full disk, in the middle of a block."""
    program = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from clearing_hosts_kit import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
host = funded(SqliteHost(Path(sys.argv[1]), scheme()))
size = (Path(sys.argv[1] + "-wal")).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5_000, size + 5_000))
host.submit(pay(4))
try:
    host.step(NOON + 3_000)
except ConcordatError as error:
    print(error.code, error.exit_code)
import os
os._exit(0)
"""
    tests = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", program, str(tmp_path / "a.db"), tests]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["store", "7"], done.stderr
    assert verify(tmp_path / "a.db").height == 3


def test_a_bug_in_making_rows_stops_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))
    monkeypatch.setattr("concordat.node.clearing.tables.block_row", lambda *_, **__: 1 / 0)
    host.submit(pay(4))
    with pytest.raises(ZeroDivisionError):
        host.step(NOON + 3_000)
    with pytest.raises(StateError, match="stopped"):
        host.state_root()
    host.close()


def test_an_interrupted_write_stops_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = funded(SqliteHost(tmp_path / "a.db", scheme()))

    def interrupted(_batch: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(host.store, "_run", interrupted)
    host.submit(pay(4))
    with pytest.raises(KeyboardInterrupt):
        host.step(NOON + 3_000)
    monkeypatch.undo()
    with pytest.raises(StateError, match="KeyboardInterrupt"):
        host.commit()
    host.close()
    assert verify(tmp_path / "a.db").height == 3


# --- One writer -----------------------------------------------------------------------------------------------------


def test_the_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    host = SqliteHost(tmp_path / "a.db", scheme())
    with pytest.raises(StateError) as refused:
        open_host(tmp_path / "a.db")
    assert refused.value.code == "two_writers"
    assert f"process {os.getpid()} on {os.uname().nodename} writes here" in str(refused.value)
    host.close()
    open_host(tmp_path / "a.db").close()


def test_the_lock_goes_with_the_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from concordat.node.clearing.sqlite import SqliteHost, lock_writer\n"
    )
    program += "lock_writer(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    path = ledger(tmp_path / "a.db")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StateError, match=f"process {child.pid} on "):
            open_host(path)
        child.kill()
    open_host(path).close()


# --- What is not believed -------------------------------------------------------------------------------------------

BREAKS = {
    "a balance": ("UPDATE account SET balance = balance + 1 WHERE id = 'DDDDINBB/BRL'", "state_root"),
    "an account": ("DELETE FROM account WHERE id = 'DDDDINBB/BRL'", "state_root"),
    "a record": ("UPDATE item SET value = replace(value, '1000', '2000') WHERE key = 'money/BRL'", "state_root"),
    "a record that can't be read": ("UPDATE item SET value = '{' WHERE key = 'money/BRL'", "snapshot"),
    "an id": ("DELETE FROM used WHERE height = 2", "ids"),
    "the place of an id": ("UPDATE used SET places = '7+1' WHERE height = 2", "snapshot"),
    "the hash of a header": ("UPDATE block SET hash = replace(hash, 'a', 'b') WHERE height = 3", "hash"),
    "a header": ("UPDATE block SET header = replace(header, ':3,', ':4,') WHERE height = 3", "hash"),
    "no header": ("UPDATE block SET header = 'nothing' WHERE height = 3", "header"),
    "a body": ("UPDATE block SET body = substr(body, 1, length(body) - 1) WHERE height = 1", "body"),
    "another body": ("UPDATE block SET body = (SELECT body FROM block WHERE height = 1) WHERE height = 2", "roots"),
    "a receipt": ("UPDATE block SET receipts = replace(receipts, '900', '901') WHERE height = 2", "ids"),
    "a missing block": ("DELETE FROM block WHERE height = 2", "missing_block"),
    "the first block missing": ("DELETE FROM block WHERE height = 1", "missing_block"),
    "a scheme": ("UPDATE scheme SET document = replace(document, '24:00', '23:00')", "scheme"),
    "no scheme": ("DELETE FROM scheme", "scheme"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_start_stops_at_what_was_changed(tmp_path: Path, name: str) -> None:
    path = ledger(tmp_path / "a.db")
    statement, code = BREAKS[name]
    change(path, statement)
    before = path.read_bytes()
    with pytest.raises(TrustError) as refused:
        open_host(path)
    assert refused.value.code == code, str(refused.value)
    assert (refused.value.exit_code, refused.value.where.startswith(str(path))) == (5, True)
    assert "Nothing was changed" in refused.value.hint
    assert path.read_bytes() == before
    with pytest.raises(TrustError):
        verify(path)


def test_a_torn_page_stops_a_start(tmp_path: Path) -> None:
    """Each page in turn is overwritten in its second half: a start or the audit sees it, or it held nothing."""
    path = ledger(tmp_path / "a.db")
    whole, seen = path.read_bytes(), verify(path)
    silent = []
    for page in range(len(whole) // 4096):
        torn = bytearray(whole)
        torn[page * 4096 + 2048 : (page + 1) * 4096] = b"\xa5" * 2048
        path.write_bytes(torn)
        with suppress(TrustError, StateError):
            assert verify(path) == seen
            silent.append(page)
    assert len(silent) < len(whole) // 4096
    assert all(set(whole[page * 4096 + 2048 : (page + 1) * 4096]) == {0} for page in silent)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"a letter, not a ledger" * 100)
    with pytest.raises(TrustError, match="not a database"):
        open_host(tmp_path / "a.db", scheme())


def test_a_newer_program_is_named(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    with pytest.raises(StateError, match="newer program") as refused:
        open_host(path)
    assert refused.value.code == "newer"


def test_another_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="began with another scheme"):
        open_host(ledger(tmp_path / "a.db"), world().scheme)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no ledger here"):
        open_host(tmp_path / "a.db")
    assert list(tmp_path.iterdir()) == []
