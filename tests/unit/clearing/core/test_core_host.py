"""The memory host, the state root, snapshots and proofs: what is checked, what leaves no trace, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from clearing_core_kit import HOUR, A, C, Room, document, secret_of
from concordat import canonical
from concordat.clearing import host as hosts
from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.receipts import check_proof, leaf_path, leaves_root
from concordat.clearing.core.root import BUCKETS, Buckets, bucket_of
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.errors import InputError, StateError, TrustError
from concordat.ledger.merkle import MemoryHashes, inclusion_proof, leaf_hash

CB, DB = "CCCCBRSP/BRL", "DDDDINBB/BRL"


def running() -> tuple[Room, MemoryHost]:
    """A host with three blocks, and a room that says things to it."""
    room = Room()
    host = MemoryHost(room.scheme)
    host.submit(room.say("issue", A, currency="BRL", amount_minor="1000"))
    host.step(room.now + 1)
    host.submit(room.say("transfer", A, payer="AAAABRSP/BRL", payee=CB, amount_minor="900"))
    host.step(room.now + 2)
    host.submit(room.batch(CB, [(DB, number) for number in range(1, 31)]))
    host.submit(room.transfer(CB, DB, 5_000, if_short="queue"))
    host.step(room.now + 3)
    room.now += 3
    return room, host


# --- The root, by a second method ---


def plain_root(items: dict[str, bytes]) -> str:
    """From the definition: buckets by the first 12 bits, leaves ascending, a binary tree."""
    buckets: list[list[bytes]] = [[] for _ in range(4096)]
    for key, value in items.items():
        place = int(sha256(key.encode()).hexdigest()[:3], 16)
        buckets[place].append(sha256(b"\x00" + key.encode() + value).digest())
    row = [sha256(b"".join(sorted(bucket))).digest() for bucket in buckets]
    while len(row) > 1:
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0].hex()


def test_the_state_root_is_that_of_its_definition() -> None:
    _, host = running()
    assert host.state_root() == plain_root(dict(host.state.items()))
    assert host.state_root() == host.blocks[-1].header.state_root


def test_buckets_change_with_every_item_and_come_back() -> None:
    buckets, items = Buckets(), {}
    assert BUCKETS == 4096
    empty = buckets.root()
    for number in range(300):
        items[f"account/{number}"] = b'{"balance":"%d"}' % number
        buckets.set(f"account/{number}", items[f"account/{number}"])
    assert buckets.root().hex() == plain_root(items)
    buckets.set("account/7", b"{}")
    assert buckets.root().hex() == plain_root({**items, "account/7": b"{}"})
    for key in items:
        buckets.remove(key)
    buckets.remove("account/7")
    assert (buckets.root(), len(buckets)) == (empty, 0)
    assert bucket_of("a") == int(sha256(b"a").hexdigest()[:3], 16)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 31])
def test_the_receipts_tree_is_that_of_the_ledger(size: int) -> None:
    leaves = [b"%d" % number for number in range(size)]
    tree = MemoryHashes(leaf_hash(leaf) for leaf in leaves)
    assert leaves_root(leaves) == tree.root()
    for index in range(size):
        assert leaf_path(leaves, index) == inclusion_proof(index, size, tree)


# --- Hosts ---


def test_a_block_that_is_only_proposed_or_verified_leaves_no_trace() -> None:
    room, host = running()
    root, height = host.state_root(), host.state.height
    host.submit(room.transfer(CB, DB, 5))
    block = host.propose(room.now + 1)
    assert block.header.state_root != root
    assert (host.state_root(), host.state.height) == (root, height)
    host.verify(block)
    assert (host.state_root(), host.state.height) == (root, height)
    again = host.propose(room.now + 1)
    assert again.hash == block.hash
    host.finalise(block)
    assert host.commit() == block.header.state_root


def test_finalise_and_commit_take_turns() -> None:
    room, host = running()
    with pytest.raises(StateError, match="no finalised block"):
        host.commit()
    host.finalise(host.propose(room.now + 1))
    with pytest.raises(StateError, match="waits to be committed"):
        host.finalise(host.blocks[-1])


def test_time_must_rise() -> None:
    room, host = running()
    with pytest.raises(InputError, match="time must rise"):
        host.propose(room.now)


def test_check_refuses_a_used_id_and_changes_nothing() -> None:
    room, host = running()
    one = room.transfer(CB, DB, 5)
    host.submit(one)
    host.step(room.now + 1)
    root = host.state_root()
    with pytest.raises(InputError, match="The first one stands") as raised:
        host.check(room.transfer(CB, DB, 6, uetr=one.instruction.uetr))
    assert raised.value.code == "id_reused"
    assert host.state_root() == root


def test_a_full_pool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    room, host = running()
    monkeypatch.setattr(hosts, "POOL_MAX", 1)
    host.submit(room.transfer(CB, DB, 5))
    with pytest.raises(StateError, match="Send it again after the next block"):
        host.submit(room.transfer(CB, DB, 6))


def test_what_was_submitted_with_a_key_that_has_run_out_since_is_left_out() -> None:
    room, host = running()
    height = host.state.height
    host.submit(room.say("key_rotate", C, bic8=C, public=secret_of(C, 1).public.hex(), from_height=height + 2))
    host.step(room.now + 1)
    late = room.say("issue", A, currency="BRL", amount_minor="1")
    old = room.say("transfer", C, payer=CB, payee=DB, amount_minor="5")
    host._pool[old.digest] = old  # as if it had been submitted a block before
    host.submit(late)
    told = host.step(room.now + 2)
    assert [r.kind for r in told] == ["issue"]
    assert host._pool == {}


def test_receipts_and_proofs_of_one_payment() -> None:
    room, host = running()
    row = host.blocks[-1].instructions
    batch = next(one for one in row if one.instruction.kind == "transfer_batch")
    uetr = batch.instruction.facts["rows"].uetr[6]
    receipt = host.receipt(uetr)[0]
    assert (receipt.code, receipt.amount_minor, receipt.block_hash) == ("settled", 7, host.blocks[-1].hash)
    proof = json.loads(canonical.dumps(host.prove(uetr)))
    assert check_proof(proof, host.blocks[-1].hash).facts == receipt.facts
    with pytest.raises(TrustError, match="another hash"):
        check_proof(proof, host.blocks[-2].hash)
    with pytest.raises(InputError, match="no receipt"):
        host.prove(room.uetr())


# --- Snapshots ---


def test_a_host_goes_on_from_a_snapshot_as_if_nothing_had_been() -> None:
    room, host = running()
    taken, trusted = host.snapshot(), host.blocks[-1].hash
    other = MemoryHost(room.scheme)
    other.load(taken, trusted)
    resent = host.blocks[-1].instructions[0]
    for one in (room.say("issue", A, currency="BRL", amount_minor="9000"),):
        host.submit(one)
        other.submit(one)
    first, second = host.submit(resent), other.submit(resent)
    assert first is not None
    assert second is not None
    assert first.facts == second.facts
    for step in (1, 2, 2 * HOUR):
        block = host.propose(room.now + step)
        assert list(other.finalise(block).leaves) == list(host.finalise(block).leaves)
        assert other.commit() == host.commit()


def test_chunks_are_bounded_and_a_large_batch_goes_over_several(monkeypatch: pytest.MonkeyPatch) -> None:
    _, host = running()
    monkeypatch.setattr(snapshots, "CHUNK_BYTES_MAX", 2_000)
    taken = host.snapshot()
    assert len(taken.chunks) > 4
    assert max(map(len, taken.chunks)) <= 2_000
    assert snapshots.load(taken.manifest, taken.chunks, host.blocks[-1].hash).root() == host.state_root()


def test_any_changed_line_of_a_snapshot_is_refused() -> None:
    _, host = running()
    taken, trusted = host.snapshot(), host.blocks[-1].hash
    lines = taken.chunks[0].splitlines()
    for number, line in enumerate(lines):
        changed = bytearray(line)
        place = next(i for i in range(len(line) - 2, 0, -1) if chr(line[i]).isalnum())
        changed[place] = ord("8") if line[place] != ord("8") else ord("9")
        chunk = b"\n".join([*lines[:number], bytes(changed), *lines[number + 1 :]]) + b"\n"
        facts = canonical.loads(taken.manifest)
        facts["chunks"] = [{"bytes": len(chunk), "sha256": sha256(chunk).hexdigest()}]
        with pytest.raises(TrustError):  # even though the manifest was made to fit
            snapshots.load(canonical.dumps(facts), [chunk], trusted)
    with pytest.raises(TrustError, match="not that of the manifest"):
        snapshots.load(taken.manifest, [taken.chunks[0] + b"\n"], trusted)
    with pytest.raises(TrustError, match="another block"):
        snapshots.load(taken.manifest, taken.chunks, "ab" * 32)
    with pytest.raises(TrustError, match="0 chunks"):
        snapshots.load(taken.manifest, [], trusted)


def test_ids_left_out_of_a_snapshot_are_missed() -> None:
    _, host = running()
    taken, trusted = host.snapshot(), host.blocks[-1].hash
    kept = [line for line in taken.chunks[0].splitlines() if line.startswith(b'["item"')]
    chunk = b"\n".join(kept) + b"\n"
    facts = canonical.loads(taken.manifest)
    facts["chunks"] = [{"bytes": len(chunk), "sha256": sha256(chunk).hexdigest()}]
    with pytest.raises(TrustError, match="ids of a day are missing"):
        snapshots.load(canonical.dumps(facts), [chunk], trusted)


def test_a_forged_header_of_a_proof_is_seen() -> None:
    _, host = running()
    block = host.blocks[-1]
    forged = replace(block.header, receipts_root="ab" * 32)
    assert forged.hash != block.hash


def test_the_genesis_of_equal_schemes_is_equal_and_of_others_is_not() -> None:
    one, two = (State.genesis(Scheme.from_document(document(version=v))) for v in (1, 2))
    assert one.root() == State.genesis(Scheme.from_document(document(version=1))).root()
    assert one.root() != two.root()
