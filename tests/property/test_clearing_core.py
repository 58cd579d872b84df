"""The core against the naive model over all kinds of instructions, and what must not depend on order, machine or way.

Made-up operations come from `clearing.simulate.operations`, here with Hypothesis drawing instead of SHA-256. The long
form is one command: `PYTHONPATH=tests python tests/property/test_clearing_core.py 1000 3000` (seeds, operations).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from clearing_core_kit import Room, codes
from concordat import canonical
from concordat.clearing.core import batches, payments, snapshot
from concordat.clearing.core.apply import advance, apply, build, undo
from concordat.clearing.core.instructions import KINDS, parse
from concordat.clearing.core.invariants import Watch, check_invariants
from concordat.clearing.core.replay import replay
from concordat.clearing.core.signatures import Signed
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import MIX, START, Draw, Maker, accept_all, operations, world
from concordat.clearing.standard.naive import Naive
from concordat.errors import ConcordatError

Told = list[tuple[str, str, str, str]]


class Pair:
    """The core and the naive model side by side, both fed the same blocks; every block is watched."""

    def __init__(self, mode: str) -> None:
        self.state = State.genesis(world(mode).scheme)
        self.naive = Naive(json.loads(json.dumps(world(mode).scheme.document)))
        self.watch = Watch(self.state)
        self.seen: set[str] = set()

    def block(self, time_ms: int, said: list[tuple[Signed, frozenset[str]]]) -> Told:
        """One block in both; what they tell is the same."""
        seed = self.state.head
        _, applied = build(self.state, time_ms, [one for one, _ in said])
        self.watch.see(self.state, applied.leaves)
        mine = [(one.kind, one.uetr, one.member, one.code) for one in applied.receipts]
        theirs = self.naive.block(seed, time_ms, [(one.payload, set(signers)) for one, signers in said])
        assert mine == theirs
        self.seen.update(kind for kind, _, _, _ in mine)
        self.compare()
        return mine

    def compare(self) -> None:
        state, naive = self.state, self.naive
        assert {name: one.balance for name, one in state.accounts.items()} == naive.balances
        assert {name: one.available for name, one in state.accounts.items()} == {
            n: naive.available(n) for n in naive.balances
        }
        waiting = {f"{w['uetr']}/{w['member']}": (w["state"], w["priority"]) for w in naive.waiting}
        assert {key: (one.state, one.priority) for key, one in state.payment.items()} == waiting
        assert {key: one.state for key, one in state.trade.items()} == {t["key"]: t["state"] for t in naive.trades}
        owed = {f"{uetr}/{debtor}": debt["left"] for (uetr, debtor), debt in naive.obligations.items()}
        assert {key: one.left for key, one in state.obligation.items()} == owed
        held = {key: sorted(h["by"] for h in holds) for key, holds in naive.holds.items()}
        assert {key: [h.by for h in one.holds] for key, one in state.holds.items()} == held


def compare_seed(seed: int, count: int, mode: str) -> set[str]:
    """Both over one seed's operations; the kinds of receipts seen."""
    pair = Pair(mode)
    for turn in operations(seed, count, mode=mode, real_signatures=False):
        pair.block(turn.time_ms, _admissible(pair.state, list(zip(turn.instructions, turn.signers, strict=True))))
    return pair.seen


def _admissible(state: State, said: list[tuple[Signed, frozenset[str]]]) -> list[tuple[Signed, frozenset[str]]]:
    """What may stand in a block: instructions whose member is known, with a key that counts at the next height."""
    from concordat.clearing.core.apply import signature_items

    kept = []
    for one, signers in said:
        try:
            signature_items(state, one, state.height + 1)
        except ConcordatError:
            continue
        kept.append((one, signers))
    return kept


@pytest.mark.parametrize("mode", ["bypass", "strict_fifo"])
def test_core_and_naive_model_agree_on_made_up_operations(mode: str) -> None:
    seen: set[str] = set()
    for seed in range(2):
        seen |= compare_seed(seed, 900, mode)
    assert seen >= set(KINDS) - {"scheme_change", "key_rotate"}  # every kind was told of, but the two rarest


# --- Hypothesis draws -----------------------------------------------------------------------------------------------


class Drawn(Draw):
    """Draws from Hypothesis, so that a failing run shrinks; ids count up."""

    def __init__(self, data: Any) -> None:
        super().__init__("drawn")
        self.data = data
        self.count = 0

    def below(self, bound: int) -> int:
        return int(self.data.draw(st.integers(0, bound - 1)))

    def uetr(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012d}"


class Machine(RuleBasedStateMachine):
    """Any operation at any moment, in blocks of any size."""

    mode = "bypass"

    @initialize(data=st.data())
    def start(self, data: Any) -> None:
        self.pair = Pair(self.mode)
        self.maker = Maker(Drawn(data), world(self.mode), real=False)
        self.maker.now = START + 12 * 3_600_000
        self.waiting: dict[bytes, tuple[Signed, frozenset[str]]] = {}
        for code in ("BRL", "BRL", "INR"):  # some money to begin with
            facts = {"currency": code, "amount_minor": "50000"}
            issuer = {"BRL": "AAAABRSP", "INR": "BBBBINBB"}[code]
            self._keep(self.maker.signed("issue", issuer, facts))

    def _keep(self, one: Signed) -> None:
        self.waiting[one.digest] = (one, self.maker.sent[-1][1])

    @rule(data=st.data(), kind=st.sampled_from(sorted(set(MIX))))
    def say(self, data: Any, kind: str) -> None:
        self.maker.draw.data = data  # type: ignore[attr-defined]
        self._keep(getattr(self.maker, kind)())

    @rule(seconds=st.sampled_from([1, 60, 3_600, 40_000, 200_000]))
    def block(self, seconds: int) -> None:
        self.maker.now += 1_000 * seconds
        self.maker.height += 1
        self.pair.block(self.maker.now, _admissible(self.pair.state, list(self.waiting.values())))
        self.waiting.clear()

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.maker.now += 1_000
            self.pair.block(self.maker.now, _admissible(self.pair.state, list(self.waiting.values())))


class StrictMachine(Machine):
    mode = "strict_fifo"


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=16, stateful_step_count=30, deadline=None)
TestStrictMachine = StrictMachine.TestCase
TestStrictMachine.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)


# --- Purity, undoing, replay ----------------------------------------------------------------------------------------


def everything(state: State) -> Any:
    """All that a state holds, down to the indexes, in a form that can be compared."""
    return (
        state.height, state.time_ms, state.head, state.seq, state.scheme.hash, list(state.items()),
        {name: account.values() for name, account in state.accounts.items()},
        state.used_ids, state.ids_of_day, state.tags,
        {key: set(inner) for key, inner in state.queue_of.items()},
        {key: set(inner) for key, inner in state.trades_of.items()},
        {key: set(inner) for key, inner in state.due.items()},
    )  # fmt: skip


def test_undone_blocks_leave_no_trace_and_replay_and_snapshots_give_the_same() -> None:
    host = MemoryHost(world().scheme, accept_all)
    second = State.genesis(world().scheme)
    for turn in operations(10, 1_200, look=lambda: host.state, real_signatures=False):
        for one in turn.instructions:
            try:
                host.submit(one)
            except ConcordatError:
                continue
        before, root = everything(second), second.root()
        block = host.propose(turn.time_ms)
        host.verify(block)  # applies and undoes
        applied = advance(second, block, accept_all)
        undo(second, applied)
        assert everything(second) == before
        assert second.root() == root
        advance(second, block, accept_all)
        host.finalise(block)
        assert host.commit() == second.root()
    again = replay(world().scheme, host.blocks, accept_all)
    assert everything(again) == everything(host.state)
    taken = host.snapshot()
    loaded = snapshot.load(taken.manifest, taken.chunks, host.blocks[-1].hash)
    assert everything(loaded)[:-4] == everything(host.state)[:-4]
    assert everything(loaded)[-4:] == everything(host.state)[-4:]
    check_invariants(host.state)
    kinds = {one["kind"] + ":" + one["code"] for leaves in host.leaves for one in map(json.loads, leaves)}
    assert {"settle:settled", "owe:set_off"} <= kinds  # valid certificates of both kinds were among them


def test_apply_is_pure() -> None:
    room = Room()
    room.fund("CCCCBRSP/BRL", 100)
    before = everything(room.state)
    block, applied = build(room.state, room.now + 1, [room.transfer("CCCCBRSP/BRL", "DDDDINBB/BRL", 5)])
    undo(room.state, applied)
    following, receipts = apply(room.state, block)
    assert everything(room.state) == before
    assert [one.code for one in receipts] == ["settled"]
    assert following.root() == block.header.state_root
    assert following.accounts["DDDDINBB/BRL"].balance == 5


def test_columns_and_rows_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch with nothing unusual goes by columns; forced row by row it gives the same receipts and the same root."""
    found = []
    for by_rows in (False, True):
        room = Room()
        room.fund("CCCCBRSP/BRL", 10_000)
        taken = []
        real = batches._settle_columns
        monkeypatch.setattr(batches, "_settle_columns", lambda *a, real=real, taken=taken: (taken.append(1), real(*a)))
        if by_rows:
            monkeypatch.setattr(batches, "_is_plain", lambda *_: False)
        payees = ["DDDDINBB/BRL", "FFFFBRSP/BRL", "GGGGINBB/BRL", "AAAABRSP/BRL"]
        room.block(room.batch("CCCCBRSP/BRL", [(payees[i % 4], 1 + i * 7 % 50) for i in range(200)]))
        assert len(taken) == (0 if by_rows else 1)
        found.append((room.leaves[-1], room.state.root(), everything(room.state)))
        monkeypatch.undo()
    assert found[0] == found[1]
    assert all(canonical.dumps(json.loads(leaf)) == leaf for leaf in found[0][0])


@pytest.mark.parametrize("seed", [21, 23])
def test_plain_payments_go_a_shorter_way_to_the_same_bytes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both shortcuts, of transfers and of batches, closed, every block has the same hash."""
    found = []
    for shortcut in (True, False):
        state = State.genesis(world().scheme)
        if not shortcut:
            monkeypatch.setattr(batches, "_is_plain", lambda *_: False)
            monkeypatch.setattr(payments, "_settles_plainly", lambda *_: False)
        short = []
        real = payments._settle_plainly
        monkeypatch.setattr(payments, "_settle_plainly", lambda *a, real=real, short=short: (short.append(1), real(*a)))
        for turn in operations(seed, 500, real_signatures=False):
            said = _admissible(state, list(zip(turn.instructions, turn.signers, strict=True)))
            build(state, turn.time_ms, [one for one, _ in said])
        assert bool(short) == shortcut
        found.append(state.head)
        monkeypatch.undo()
    assert found[0] == found[1]


# --- Order, forms, hash seeds ---------------------------------------------------------------------------------------


@given(st.permutations(list(range(8))), st.lists(st.booleans(), min_size=8, max_size=8))
@settings(max_examples=20, deadline=None)
def test_order_of_submission_does_not_change_totals(order: list[int], cuts: list[bool]) -> None:
    """Eight covered payments in any order, cut into blocks anyhow: the same balances."""
    room = Room()
    room.fund("CCCCBRSP/BRL", 1_000)
    payees = ["DDDDINBB/BRL", "FFFFBRSP/BRL", "GGGGINBB/BRL"]
    said = [room.transfer("CCCCBRSP/BRL", payees[i % 3], 10 + i) for i in range(8)]
    waiting: list[Signed] = []
    for number, cut in zip(order, cuts, strict=True):
        waiting.append(said[number])
        if cut:
            room.block(*waiting)
            waiting = []
    room.block(*waiting)
    # 10 + 13 + 16, 11 + 14 + 17, 12 + 15
    assert [room.balance(name) for name in payees] == [39, 42, 27]
    assert room.balance("CCCCBRSP/BRL") == 892


def test_what_is_written_is_read_again() -> None:
    """parse(print(x)) = x for every kind."""
    seen = set()
    for turn in operations(5, 2_500, real_signatures=False):
        for one in turn.instructions:
            again = Signed.read(one.data, one.scheme)
            assert (again.instruction, again.digest, again.signatures) == (one.instruction, one.digest, one.signatures)
            assert parse(canonical.dumps(json.loads(one.payload))) == one.instruction
            seen.add(one.instruction.kind)
    assert seen == set(KINDS)


PROGRAM = """
from concordat.clearing.host import MemoryHost
from concordat.clearing.simulate.operations import accept_all, operations, world
from concordat.errors import ConcordatError
host = MemoryHost(world().scheme, accept_all)
for turn in operations(11, 400, look=lambda: host.state, real_signatures=False):
    for one in turn.instructions:
        try:
            host.submit(one)
        except ConcordatError:
            pass
    host.step(turn.time_ms)
print(host.blocks[-1].hash)
"""


def test_the_hash_seed_of_python_does_not_show() -> None:
    """Sets and dictionaries are walked in an order that matters nowhere: the last block has the same hash."""
    found = set()
    for seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_a_resent_instruction_has_one_effect() -> None:
    room = Room()
    room.fund("CCCCBRSP/BRL", 100)
    one = room.transfer("CCCCBRSP/BRL", "DDDDINBB/BRL", 5)
    first = room.block(one)[0]
    for _ in range(2):
        again = room.block(one)[0]
        assert again.repeat
        assert {**again.facts, "repeat": None} == {**first.facts, "repeat": None}
    assert codes([again]) == {one.instruction.uetr: "settled"}
    assert room.balance("DDDDINBB/BRL") == 5


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        for the_mode in ("bypass", "strict_fifo"):
            compare_seed(number, int(sys.argv[2]), the_mode)
