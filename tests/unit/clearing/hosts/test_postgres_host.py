"""The PostgreSQL host: the same ledger as on SQLite, one writer, and nothing lost when server or client is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearing_core_kit import NOON, D, account
from clearing_hosts_kit import feed, funded, made_up, pay, scheme, uetr
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, world
from concordat.errors import InputError, MethodError, StateError, TrustError
from concordat.node.clearing import open_host, verify
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.postgres import PostgresStore

# All of them by `CLEARING_STEPS=all pytest tests/unit/clearing/hosts/test_postgres_host.py`; each costs a start or two.
STEPS = ("begin", "put used", "commit", "committed")
WAITS_US = (0, 1_000)
if os.environ.get("CLEARING_STEPS") == "all":
    STEPS = ("begin", "put block", "put account", "put item", "put used", "put run", "put place", "commit", "committed")
    WAITS_US = tuple(range(0, 6_000, 200))
_made = iter(range(10**6))


@pytest.fixture
def address(postgres: Any) -> str:
    """A schema of its own."""
    return str(postgres.address(f"room{next(_made)}"))


@pytest.fixture
def up(postgres: Any) -> Iterator[Any]:
    """The server, running again behind the test whatever happened in it."""
    yield postgres
    postgres.revive()


def sql(postgres: Any, address: str, *statements: str) -> list[Any]:
    import psycopg

    with psycopg.connect(address, autocommit=True) as db:
        return [
            db.execute(one).fetchall() if one.startswith(("SELECT", "SHOW")) else db.execute(one) for one in statements
        ]


def test_the_same_ledger_as_in_memory(address: str) -> None:
    memory, durable = funded(MemoryHost(scheme())), funded(open_host(address, scheme()))
    assert durable.state_root() == memory.state_root()
    assert durable.prove(uetr(3)) == memory.prove(uetr(3))
    durable.close()
    again = open_host(address)
    assert (again.height, again.state.accounts[account(D)].balance) == (3, 7)
    assert again.submit(pay(3, 7)).repeat
    again.close()
    assert verify(address).height == 3


@pytest.mark.parametrize("state_every", [1, 5])
def test_starts_in_the_middle_change_nothing(address: str, state_every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concordat.node.clearing.places.BLOCKS_MAX", 3)
    options = {"verify_signatures": accept_all, "state_every": state_every}
    hosts = [made_up(), open_host(address, world().scheme, **options)]

    def each(number: int) -> None:
        if number % 13 == 0:
            hosts[1].close()
            hosts[1] = open_host(address, **options)
            assert hosts[1].state.used_ids == hosts[0].state.used_ids

    feed(hosts, 400, seed=3, each=each)
    assert hosts[1].state_root() == hosts[0].state_root()
    hosts[1].close()
    audit = verify(address, verify=accept_all)
    assert (audit.state_root, audit.receipts) == (hosts[0].state_root(), sum(map(len, hosts[0].leaves)))


def test_an_auditor_can_ask_in_sql(postgres: Any, address: str) -> None:
    funded(open_host(address, scheme())).close()
    rows, sums = sql(
        postgres,
        address,
        "SELECT height, idx, uetr, code FROM receipt ORDER BY height DESC",
        "SELECT sum(balance) FROM account",
    )
    assert rows[0] == (3, 0, uetr(3), "settled")
    assert sums == [(0,)]


def test_the_second_writer_is_told_who_writes(address: str, postgres: Any) -> None:
    host = open_host(address, scheme())
    with pytest.raises(StateError) as refused:
        open_host(address)
    assert refused.value.code == "two_writers"
    named = f"concordat clearing, process {os.getpid()} on {os.uname().nodename}"
    assert named[:63] in str(refused.value)
    other = open_host(postgres.address(f"room{next(_made)}"), scheme())  # another ledger in the same database
    other.close()
    assert verify(address).height == 0  # readers are let in
    host.close()
    open_host(address).close()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE account SET balance = balance + 1 WHERE id = 'DDDDINBB/BRL'", "state_root"),
        ("DELETE FROM used WHERE height = 2", "ids"),
        ("UPDATE block SET body = substr(body, 1, length(body) - 1) WHERE height = 1", "body"),
        ("DELETE FROM block WHERE height = 2", "missing_block"),
        ("DROP TABLE used", "damaged"),
    ],
)
def test_a_start_stops_at_what_was_changed(address: str, postgres: Any, statement: str, code: str) -> None:
    funded(open_host(address, scheme())).close()
    sql(postgres, address, statement)
    with pytest.raises(TrustError) as refused:
        open_host(address)
    assert (refused.value.code, refused.value.exit_code) == (code, 5)
    with pytest.raises(TrustError):
        verify(address)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_on_which_nothing_is_durable_is_refused(address: str, up: Any, setting: str) -> None:
    plain = up.address()
    sql(up, plain, f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
    try:
        until = time.monotonic() + 10
        while sql(up, plain, f"SHOW {setting}")[0] != [("off",)] and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(StateError, match=f"the server runs with {setting} off") as refused:
            open_host(address, scheme())
        assert refused.value.code == "not_durable"
    finally:
        sql(up, plain, f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
        while sql(up, plain, f"SHOW {setting}")[0] != [("on",)] and time.monotonic() < until + 10:
            time.sleep(0.02)


def test_no_server_no_schema_no_address(postgres: Any, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no connection: "):
        open_host(f"postgresql://postgres@/postgres?host={tmp_path}", scheme())
    with pytest.raises(StateError, match="schema of the address is not there"):
        open_host(postgres.address() + "&options=-csearch_path%3Dnobody", scheme())
    with pytest.raises(InputError, match="not an address"):
        open_host("postgresql://a b:c/d?what=1", scheme())


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MethodError, match=r"needs the extra \[postgres\]"):
        open_host("postgresql:///nothing", scheme())


# --- Killed -----------------------------------------------------------------------------------------------------------


def cut_at(address: str, step: str, act: Any) -> DurableHost:
    """A host of three blocks whose next commit meets `act` at a step."""
    store = PostgresStore(address)
    host = funded(DurableHost(store, scheme()))
    host.submit(pay(4))
    store._on_step = lambda name: act() if name == step else None
    return host


@pytest.mark.parametrize("step", STEPS)
def test_the_server_is_killed_at_each_step(up: Any, address: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concordat.node.clearing.places.BLOCKS_MAX", 1)
    host = cut_at(address, step, up.kill)
    if step == "committed":
        host.step(NOON + 3_000)
    else:
        with pytest.raises(StateError, match="block 4 is not known to be written"):
            host.step(NOON + 3_000)
        with pytest.raises(StateError, match="stopped behind height 3"):
            host.state_root()
    host.close()
    up.start()
    check_after(address, 4 if step == "committed" else 3, exactly=True)


@pytest.mark.parametrize("wait_us", WAITS_US)
def test_the_server_is_killed_while_it_commits(up: Any, address: str, wait_us: int) -> None:
    killers: list[threading.Thread] = []

    def soon() -> None:
        killers.append(threading.Thread(target=lambda: (time.sleep(wait_us / 1e6), up.kill())))
        killers[-1].start()

    host, told = cut_at(address, "commit", soon), 3
    try:
        host.step(NOON + 3_000)
        told = 4
    except StateError:
        pass
    killers[0].join()
    host.close()
    up.start()
    check_after(address, told, exactly=False)


@pytest.mark.parametrize("step", STEPS)
def test_the_client_is_killed_at_each_step(up: Any, address: str, step: str) -> None:
    program = """
import os, signal, sys
sys.path.insert(0, sys.argv[3])
from concordat.node.clearing import places
places.BLOCKS_MAX = 1
from clearing_core_kit import NOON
from clearing_hosts_kit import funded, pay, scheme
from concordat.node.clearing.durable import DurableHost
from concordat.node.clearing.postgres import PostgresStore
store = PostgresStore(sys.argv[1])
host = funded(DurableHost(store, scheme()))
host.submit(pay(4))
store._on_step = lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == sys.argv[2] else None
host.step(NOON + 3_000)
"""
    tests = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", program, address, step, tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    wait_for_the_lock(address)
    check_after(address, 4 if step == "committed" else 3, exactly=True)


def wait_for_the_lock(address: str) -> None:
    """The server notices a dead client when it next reads from it; until then the lock stands, rightly."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            open_host(address).close()
        except StateError:
            time.sleep(0.05)
        else:
            return


def check_after(address: str, told: int, *, exactly: bool) -> None:
    """What was told is there, the rest whole or absent; the payment is sent again and has one effect."""
    host = open_host(address)
    assert host.height in ((told,) if exactly else (told, told + 1, 4))
    assert host.height >= told
    first = host.submit(pay(4))
    assert (first is not None) == (host.height == 4)
    host.step(NOON + 9_000)
    assert host.state.accounts[account(D)].balance == 12
    assert [one.code for one in host.receipt(uetr(4))] == ["settled"]
    host.close()
    assert verify(address).state_root == host.last.state_root
