"""The audit names the first bad height, whatever was changed, and changes nothing itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearing_core_kit import NOON, C
from clearing_hosts_kit import change, feed, funded, ledger, made_up, pay, scheme
from concordat.clearing.core.apply import Block, build
from concordat.clearing.core.receipts import leaves_root
from concordat.clearing.core.signatures import Signed
from concordat.clearing.core.state import State
from concordat.clearing.simulate.operations import accept_all, world
from concordat.errors import StateError, TrustError
from concordat.node.clearing import open_store, verify
from concordat.node.clearing.sqlite import SqliteHost
from concordat.node.clearing.tables import block_row


def test_what_it_says_of_a_good_ledger(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    before, seen = path.read_bytes(), []
    audit = verify(path, progress=seen.append)
    assert (audit.first, audit.height, audit.instructions, audit.receipts, seen) == (1, 3, 3, 3, [1, 2, 3])
    assert audit.as_dict()["start"] == "0" * 64
    assert path.read_bytes() == before


def test_an_empty_ledger_is_one(tmp_path: Path) -> None:
    SqliteHost(tmp_path / "a.db", scheme()).close()
    assert verify(tmp_path / "a.db").height == 0


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no ledger"):
        verify(tmp_path / "a.db")


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE block SET receipts = replace(receipts, 'settled', 'expired') WHERE height = {}", "receipts"),
        ("UPDATE block SET receipts = '[]' WHERE height = {}", "receipts"),
        ("UPDATE block SET time_ms = time_ms + 1 WHERE height = {}", "hash"),
        ("UPDATE block SET body = x'' WHERE height = {}", "instructions_root"),
        ("UPDATE block SET body = substr(body, 2) WHERE height = {}", "body"),
        ("DELETE FROM block WHERE height = {}", "missing_block"),
    ],
)
def test_the_first_bad_height_is_named(tmp_path: Path, height: int, statement: str, code: str) -> None:
    """The state beside the log is taken away, so that the log alone speaks."""
    if (code, height) == ("missing_block", 3):  # then an end that was cut off shows nowhere: see the next test
        code = ""
    path = ledger(tmp_path / "a.db")
    genesis(path)
    change(path, statement.format(height))
    if not code:
        assert verify(path).height == 2
        return
    with pytest.raises(TrustError) as refused:
        verify(path)
    assert refused.value.code == code, str(refused.value)
    assert refused.value.where == f"{path}, block {height}"


def test_an_end_that_was_cut_off_shows_in_the_state(tmp_path: Path) -> None:
    path = ledger(tmp_path / "a.db")
    change(path, "DELETE FROM block WHERE height = 3")
    with pytest.raises(TrustError, match="block 3 is missing") as refused:
        verify(path)
    assert refused.value.where == f"{path}, state at height 2"


def genesis(path: Path) -> None:
    """Put the state back to before the first block, as if it were written every hundred blocks."""
    other = path.with_name("genesis.db")
    SqliteHost(other, scheme()).close()
    change(
        path,
        f"ATTACH '{other}' AS other",
        *(f"DELETE FROM main.{table}" for table in ("account", "item", "used")),
        *(f"INSERT INTO main.{table} SELECT * FROM other.{table}" for table in ("account", "item")),
        "UPDATE main.block SET state = 0",
    )


def test_the_written_state_is_compared_record_by_record(tmp_path: Path) -> None:
    """A whole other state with a header of its own: the log gives another one."""
    path = ledger(tmp_path / "a.db")
    change(path, "UPDATE account SET day_out = '8' WHERE id = 'CCCCBRSP/BRL'")
    with pytest.raises(TrustError, match="state root") as refused:
        verify(path)
    assert "state at height 3" in refused.value.where


def test_a_signature_that_fails_is_named(tmp_path: Path) -> None:
    """A host that lets signatures pass writes a block; whoever verifies it doesn't."""
    host = funded(SqliteHost(tmp_path / "a.db", scheme(), verify_signatures=lambda _: None))
    true, other = pay(4), pay(5)
    forged = Signed.read(true.data.replace(_signature(true), _signature(other)), true.scheme)
    host.submit(forged)
    host.step(NOON + 3_000)
    host.close()
    assert verify(tmp_path / "a.db", verify=lambda _: None).height == 4
    with pytest.raises(TrustError) as refused:
        verify(tmp_path / "a.db")
    assert refused.value.where.endswith("block 4")


def _signature(signed: Signed) -> bytes:
    return signed.data[signed.data.index(b'"sig":"') :]


def test_a_block_that_the_rules_do_not_give_is_named(tmp_path: Path) -> None:
    """Somebody writes a block in which C pays more than it has, with all hashes right and the roots of another end."""
    path = ledger(tmp_path / "a.db")
    store = open_store(path)
    state = State.genesis(scheme())
    for row in store.rows("block", "ORDER BY height"):
        block = Block.parse(row[4].encode(), bytes(row[5]), "test-room")
        build(state, block.header.time_ms, block.instructions)
    store.close()
    block, applied = build(state, NOON + 3_000, [pay(4, 10**6)])
    leaves = [applied.leaves[0].replace(b"insufficient_funds", b"settled")]
    header = type(block.header)(**{**block.header.as_dict(), "receipts_root": leaves_root(leaves).hex()})
    row = block_row(Block(header, block.instructions), leaves, state=False)
    change(path, ("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", row))
    with pytest.raises(TrustError, match="receipts_root is") as refused:
        verify(path)
    assert refused.value.where == f"{path}, block 4"


def test_made_up_operations_pass_with_all_invariants(tmp_path: Path) -> None:
    hosts = [made_up(), SqliteHost(tmp_path / "a.db", world().scheme, verify_signatures=accept_all)]
    feed(hosts, 300, seed=5)
    hosts[1].close()
    audit = verify(tmp_path / "a.db", verify=accept_all)
    assert (audit.state_root, audit.head) == (hosts[0].state_root(), hosts[0].blocks[-1].hash)
    assert C not in audit.head
