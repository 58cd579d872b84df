"""PostgreSQL sessions: what is told while a block is on its way, limits of the role, forks, places without a ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearing_core_kit import NOON
from clearing_hosts_kit import funded, pay, scheme, uetr
from concordat.errors import StateError, TrustError
from concordat.node.clearing import open_host, open_store, verify
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.postgres import PostgresStore

_made = iter(range(10**6))


@pytest.fixture
def address(postgres: Any) -> str:
    """A schema of its own."""
    return str(postgres.address(f"session{next(_made)}"))


@pytest.fixture
def role(postgres: Any) -> Iterator[Any]:
    """Settings of the role, as an administrator makes them; they are taken back."""
    import psycopg

    def alter(setting: str) -> None:
        with psycopg.connect(postgres.address(), autocommit=True) as db:
            db.execute(f"ALTER ROLE postgres {setting}")

    yield alter
    alter("RESET ALL")


def test_receipts_are_found_while_the_next_block_is_on_its_way(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index in memory already names a run whose rows the server doesn't have yet."""
    monkeypatch.setattr("concordat.node.clearing.places.BLOCKS_MAX", 4)
    host, may_go = funded(open_host(address, scheme())), threading.Event()
    flush = host._flush
    monkeypatch.setattr(host, "_flush", lambda header: (may_go.wait(), flush(header))[1])
    host.submit(pay(4))
    host.finalise(host.propose(NOON + 3_000))
    written = host.commit_later()
    threading.Timer(0.1, may_go.set).start()
    assert [one.code for one in host.receipt(uetr(3))] == ["settled"]
    assert written.result() == host.state_root()
    assert [one.height for one in host.receipt(uetr(4))] == [4]
    host.close()


def test_limits_of_the_role_do_not_stop_the_writer(address: str, role: Any) -> None:
    role("SET statement_timeout = '1s'")
    role("SET idle_session_timeout = '1s'")
    host = funded(open_host(address, scheme()))
    host.store._db.execute("SELECT pg_sleep(1.2)")
    time.sleep(1.3)
    host.submit(pay(4))
    assert len(host.step(NOON + 3_000)) == 1
    host.close()


def test_another_block_of_the_same_height_is_never_written_over_the_first(address: str) -> None:
    """As if the lock had been lost with a pooler between: the second writer is stopped by the block that stands."""
    host = funded(open_host(address, scheme()))
    host.store._db.execute("SELECT pg_advisory_unlock_all()")
    other = open_host(address)
    for one, number in ((host, 4), (other, 5)):
        one.submit(pay(number))
    host.step(NOON + 3_000)
    with pytest.raises(StateError, match="block 4 is not known to be written: duplicate key"):
        other.step(NOON + 3_000)
    other.close()
    host.submit(pay(6))
    host.step(NOON + 4_000)
    host.close()
    assert verify(address).height == 5


def test_an_interrupt_between_two_steps_leaves_no_gap(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C falls behind the hand-over, somebody catches it and goes on: block 5 must not be written without 4."""
    host = funded(open_host(address, scheme()))
    host.submit(pay(4))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(DurableHost, "_flush", stop)
        with pytest.raises(KeyboardInterrupt):
            host.step(NOON + 3_000)
    host.submit(pay(5))
    with pytest.raises(StateError, match="block 4 was applied and not written; 5 can't follow"):
        host.step(NOON + 4_000)
    host.close()
    assert verify(address).height == 3


def test_where_no_ledger_is_there_is_none(address: str, postgres: Any) -> None:
    for where in (address, postgres.address() + "&options=-csearch_path%3Dnobody"):
        for ask in (open_store, verify):
            with pytest.raises(StateError, match="no ledger here") as refused:
                ask(where)
            assert refused.value.code == "no_ledger"


def test_a_part_of_a_ledger_is_not_founded_again(address: str) -> None:
    host = funded(open_host(address, scheme()))
    host.store._db.execute("DROP TABLE meta")
    host.close()
    with pytest.raises(TrustError, match="the table meta is missing, and account is there"):
        open_host(address, scheme())


def test_the_lock_goes_with_the_writer_and_not_with_those_it_forked(address: str) -> None:
    """A killed writer leaves the processes of its pool behind; they must not hold its session open."""
    program = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
from clearing_hosts_kit import scheme
from concordat.node.clearing import open_host
host = open_host(sys.argv[1], scheme())
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
time.sleep(60)
"""
    tests = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", program, address, tests]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        child = int(writer.stdout.readline())
        writer.kill()
    try:
        until = time.monotonic() + 10
        while True:
            try:
                open_host(address).close()
                break
            except StateError:
                assert time.monotonic() < until, "the session of a dead writer is still open"
                time.sleep(0.05)
    finally:
        os.kill(child, signal.SIGKILL)


def test_rows_go_in_pieces_that_a_value_can_hold(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concordat.node.clearing.postgres._ROWS_MAX", 2)
    monkeypatch.setattr("concordat.node.clearing.postgres._LARGE_MAX", 2)
    monkeypatch.setattr("concordat.clearing.core.snapshot.CHUNK_BYTES_MAX", 1_000)
    from concordat.clearing.host import MemoryHost

    source = funded(MemoryHost(scheme()))
    host = open_host(address, scheme())
    host.load(source.snapshot(), source.blocks[-1].hash)
    host.close()
    again = open_host(address)
    assert again.state_root() == source.state_root()
    assert isinstance(again.store, PostgresStore)
    assert len(list(again.store.rows("base"))) > 4
    again.close()
