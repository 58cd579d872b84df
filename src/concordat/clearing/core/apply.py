"""The ledger as one pure function: `apply(state, block) -> (state, receipts)`, and how a block is made and undone.

Order inside a block: a scheme whose height has come, then ids and things that ran out, then administrative
instructions, then a certificate, then all others; within a class by SHA-256(seed || instruction hash), the seed being
the previous header's hash, which nobody knew when the instructions were sent. At the end what waits is looked at.
A block that is not exactly what these rules make of its instructions is refused (TrustError) and leaves no trace.

`apply` works on a copy; `advance` works in place and gives what `undo` needs. Both are the same steps. The seed's
ordering is free of any proposer's choice but which instructions to take.

One file because a block is made, applied, checked and undone by the same few steps, which must not drift apart.

    Block = header {height, instructions_root, previous, receipts_root, scheme, state_root, time_ms} + signed
    instructions
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from concordat import canonical
from concordat.clearing.core import (
    batches,
    days,
    holds,
    limits,
    members,
    money,
    obligations,
    payments,
    queue,
    reserves,
    settle,
    trades,
)
from concordat.clearing.core.corridors import openness
from concordat.clearing.core.fields import TIME_MAX
from concordat.clearing.core.instructions import Instruction, rank
from concordat.clearing.core.model import BLOCK_BYTES_MAX, DAY_MS, INSTRUCTIONS_MAX, Account, currency_of, is_issue
from concordat.clearing.core.receipts import Receipts, leaves_root, repeated
from concordat.clearing.core.run import Run
from concordat.clearing.core.signatures import Item, Signed, Verify, signer_of, untrusted, verify_all
from concordat.clearing.core.state import Changes, IdRecord, State, changes_of, last_day, minute_of
from concordat.errors import InputError, TrustError
from concordat.ledger.keys import entry_keyid

Handler = Callable[[Run, Instruction], None]
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_HANDLERS: dict[str, Handler] = {
    "issue": money.issue,
    "redeem": money.redeem,
    "line_set": money.line_set,
    "freeze": money.freeze,
    "unfreeze": money.unfreeze,
    "band_set": money.band_set,
    "quota_set": limits.quota_set,
    "limit_set": limits.limit_set,
    "transfer": payments.transfer,
    "return": payments.give_back,
    "recall": payments.recall,
    "recall_answer": payments.recall_answer,
    "reserve": reserves.reserve,
    "post": reserves.post,
    "void": reserves.void,
    "cancel": queue.cancel,
    "reprioritise": queue.reprioritise,
    "trade": trades.trade,
    "hold": holds.hold,
    "release": holds.release,
    "settle": settle.settle,
    "member_add": members.member_add,
    "member_suspend": members.member_suspend,
    "member_leave": members.member_leave,
    "key_rotate": members.key_rotate,
    "day_close": days.day_close,
}


@dataclass(frozen=True)
class Header:
    """What a block commits to. Hashes are hexadecimal; `scheme` is that of the scheme in force."""

    height: int
    previous: str
    time_ms: int
    scheme: str
    instructions_root: str
    receipts_root: str
    state_root: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON object whose RFC 8785 bytes are hashed."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def hash(self) -> str:
        """Hexadecimal SHA-256 of the canonical bytes."""
        if max(self.height, self.time_ms) > TIME_MAX:
            return canonical.digest(self.as_dict())  # which refuses them
        return sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        """The canonical bytes, by the standard encoder: all values are hexadecimal text and small integers."""
        return _encode(self.as_dict()).encode()

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Read canonical bytes strictly.

        Raises:
            InputError: not a header.
        """
        raw = canonical.loads(data, exact=True)
        if not isinstance(raw, dict) or set(raw) != set(cls.__dataclass_fields__):
            raise InputError("not a block header.", where="header", code="header")
        numbers, texts = ("height", "time_ms"), set(raw) - {"height", "time_ms"}
        if any(type(raw[name]) is not int or raw[name] < 0 for name in numbers):
            raise InputError("height and time are whole numbers.", where="header", code="header")
        if any(not isinstance(raw[name], str) or len(raw[name]) != 64 for name in texts):
            raise InputError("hashes have 64 hexadecimal digits.", where="header", code="header")
        return cls(**raw)


@dataclass(frozen=True)
class Block:
    """A header and the signed instructions in their order."""

    header: Header
    instructions: tuple[Signed, ...]

    @property
    def hash(self) -> str:
        return self.header.hash

    def body(self) -> bytes:
        """The instructions' envelopes, each behind its length (4 bytes, big-endian)."""
        return b"".join(len(one.data).to_bytes(4, "big") + one.data for one in self.instructions)

    @classmethod
    def parse(cls, header: bytes, body: bytes, scheme: str) -> Block:
        """Read a block; nothing is applied or verified.

        Raises:
            InputError: not a block.
        """
        return cls(Header.parse(header), tuple(Signed.read(data, scheme) for data in split_body(body)))


def split_body(body: bytes) -> list[bytes]:
    """The envelopes of a body.

    Raises:
        InputError: it ends in the middle of one.
    """
    found, place = [], 0
    while place < len(body):
        size = int.from_bytes(body[place : place + 4], "big")
        data = body[place + 4 : place + 4 + size]
        if len(data) != size or place + 4 > len(body) or not size:
            raise InputError("the body ends in the middle of an instruction.", where="body", code="body")
        found.append(data)
        place += 4 + size
    return found


@dataclass
class Applied:
    """What applying a block gave, and what undoing it takes.

    Attributes:
        header: of the block. leaves: the bytes of its receipts. accounts: ids of the accounts it wrote, sorted.
    """

    header: Header
    leaves: list[bytes]
    _before: tuple[Any, ...] = field(repr=False)
    _journal: list[tuple[Any, ...]] = field(repr=False)
    accounts: tuple[str, ...] = ()

    @property
    def receipts(self) -> Receipts:
        return Receipts(self.leaves, self.header.hash)

    def changes(self) -> Changes:
        """What the block wrote, for a host that keeps the state on a disk."""
        return changes_of(self._journal)


# --- Using it -------------------------------------------------------------------------------------------------------


def apply(state: State, block: Block, verify: Verify = verify_all) -> tuple[State, Receipts]:
    """The next state and the block's receipts; the state given is left as it was.

    It copies the whole state: hosts use `advance`.

    Raises:
        TrustError: the block is not what the rules make of its instructions, or a signature fails.
        InputError: a bound is passed.
    """
    state.root()
    following = copy_state(state)
    applied = advance(following, block, verify)
    following.journal.clear()
    return following, applied.receipts


def copy_state(state: State) -> State:
    """A state of its own with the same content."""
    memo: dict[int, Any] = {id(state.scheme): state.scheme}
    return copy.deepcopy(state, memo)


def build(state: State, time_ms: int, instructions: Iterable[Signed]) -> tuple[Block, Applied]:
    """Make the next block out of instructions whose signatures were checked, and apply it in place.

    Raises:
        InputError: the time does not rise, or a bound is passed.
    """
    ordered = in_order(instructions, state.head)
    _check_bounds(ordered)
    if not state.time_ms < time_ms <= canonical.INTEGER_MAX:
        raise InputError(f"time must rise: {time_ms} is not after {state.time_ms}.", where="time_ms", code="time")
    applied = _execute(state, time_ms, ordered)
    return Block(applied.header, tuple(ordered)), applied


def advance(state: State, block: Block, verify: Verify = verify_all) -> Applied:
    """Apply a block in place; nothing is left of one that is refused.

    Raises:
        TrustError: another height, previous hash, order, or root than the rules give; a signature that fails.
        InputError: a bound is passed, or the time does not rise.
    """
    header, named = block.header, state.height + 1
    if header.height != named or header.previous != state.head:
        what = f"the block of height {header.height} does not follow height {state.height}."
        raise TrustError(what, where=f"block {header.height}", code="chain")
    if not state.time_ms < header.time_ms <= canonical.INTEGER_MAX:
        raise InputError("the block's time does not rise.", where=f"block {named}", code="time")
    _check_bounds(block.instructions)
    if list(block.instructions) != in_order(block.instructions, state.head):
        raise TrustError("the instructions stand in another order.", where=f"block {named}", code="order")
    check_signatures(state, block.instructions, verify)
    applied = _execute(state, header.time_ms, block.instructions)
    for name, mine in applied.header.as_dict().items():
        if mine != getattr(header, name):
            undo(state, applied)
            what = f"{name} is {getattr(header, name)}, computed here {mine}."
            raise TrustError(what, where=f"block {named}", hint="Compare versions and states.", code=name)
    return applied


def undo(state: State, applied: Applied) -> None:
    """Take the block that was applied last back; the state is the one before, with the same root."""
    assert state.head == applied.header.hash, "only the last block can be undone"
    state.journal = applied._journal
    state.rewind()
    state.height, state.time_ms, state.head = applied._before


def in_order(instructions: Iterable[Signed], seed: str) -> list[Signed]:
    """The order inside a block: by class, then by SHA-256(seed || instruction hash)."""
    start = bytes.fromhex(seed)
    return sorted(
        instructions, key=lambda one: (rank(one.instruction.kind), sha256(start + one.digest).digest(), one.data)
    )


def _check_bounds(instructions: Sequence[Signed]) -> None:
    if len(instructions) > INSTRUCTIONS_MAX:
        what = f"{len(instructions):,} instructions; a block takes {INSTRUCTIONS_MAX:,}."
        raise InputError(what, where="block", code="full")
    size = sum(len(one.data) for one in instructions)
    if size > BLOCK_BYTES_MAX:
        raise InputError(f"{size:,} bytes; a block takes {BLOCK_BYTES_MAX:,}.", where="block", code="full")
    if len({one.digest for one in instructions}) != len(instructions):
        raise InputError("an instruction stands twice in the block.", where="block", code="twice")


# --- Signatures -----------------------------------------------------------------------------------------------------


def signing_members(signed: Signed, state: State) -> tuple[str, ...]:
    """The members whose signatures an instruction may carry, the instructing one first."""
    said = signed.instruction
    if said.kind == "owe":
        return (said.member, said.facts["creditor"])
    if said.kind == "scheme_change":
        return (said.member, *(bic8 for bic8 in state.scheme.validators if bic8 != said.member))
    return (said.member,)


def signature_items(state: State, signed: Signed, height: int) -> tuple[list[tuple[bytes, bytes]], tuple[str, ...]]:
    """What has to be verified for an instruction, (public key, signature), and which members signed it.

    Raises:
        TrustError: the instructing member is unknown or did not sign with a key in force, or a signature is nobody's.
    """
    items: list[tuple[bytes, bytes]] = []
    signers: list[str] = []
    for bic8 in signing_members(signed, state):
        member = state.member.get(bic8)
        found = signer_of(signed, member, height) if member is not None else None
        if found is not None:
            items.append(found)
            signers.append(bic8)
        elif bic8 == signed.instruction.member:
            raise untrusted(signed, member, height)
    if len(items) != len(signed.signatures):
        known = {entry_keyid(public) for public, _ in items}
        odd = next((keyid for keyid, _ in signed.signatures if keyid not in known), "(doubled)")
        raise TrustError(f"key {odd} signed, and belongs to nobody concerned.", where="signature", code="wrong_key")
    return items, tuple(signers)


def _signers(state: State, signed: Signed, height: int) -> tuple[str, ...]:
    """The members in service whose signatures count now: a scheme that took force in this block may know fewer."""
    known = [state.member[bic8] for bic8 in signing_members(signed, state) if bic8 in state.member]
    serving = [member for member in known if not state.is_suspended(member.bic8, height)]
    return tuple(member.bic8 for member in serving if signer_of(signed, member, height) is not None)


def signature_work(
    state: State, instructions: Iterable[Signed]
) -> tuple[list[Item], list[tuple[Signed, tuple[bytes, ...]]]]:
    """Check who signed, by the keys in force at the next height; what is left to verify, and what `mark` then notes.

    For hosts that verify somewhere else, in the meantime. What was verified under the same keys before is left out.

    Raises:
        TrustError: as `signature_items`.
    """
    pending: list[Item] = []
    marks: list[tuple[Signed, tuple[bytes, ...]]] = []
    for signed in instructions:
        items, _ = signature_items(state, signed, state.height + 1)
        publics = tuple([public for public, _ in items])
        if signed.checked != publics:
            message = signed.message()
            pending.extend((public, signature, message) for public, signature in items)
            marks.append((signed, publics))
    return pending, marks


def mark_checked(marks: Iterable[tuple[Signed, tuple[bytes, ...]]]) -> None:
    """Note that all signatures of a `signature_work` were verified."""
    for signed, publics in marks:
        signed.checked = publics


def check_signatures(state: State, instructions: Iterable[Signed], verify: Verify = verify_all) -> None:
    """Check who signed, and all signatures not yet checked under the keys in force at the next height.

    Raises:
        TrustError: as `signature_items`, or a signature fails.
    """
    pending, marks = signature_work(state, instructions)
    if pending:
        verify(pending)
    mark_checked(marks)


# --- One block ------------------------------------------------------------------------------------------------------


def _execute(state: State, time_ms: int, ordered: Sequence[Signed]) -> Applied:
    before = (state.height, state.time_ms, state.head)
    previous_root = state.root()
    state.journal = []
    state.mark += 1
    run = Run(state, state.height + 1, time_ms, previous_root)
    try:
        _take(run, ordered)
        _check_cheaply(run)
        header = Header(
            height=run.height,
            previous=state.head,
            time_ms=time_ms,
            scheme=state.scheme.hash,
            instructions_root=leaves_root([one.data for one in ordered]).hex(),
            receipts_root=leaves_root(run.leaves).hex(),
            state_root="",
        )
        accounts = tuple(sorted(state.touched_accounts))
        header = Header(**{**header.as_dict(), "state_root": state.root()})
        named = header.hash
    except BaseException:  # whatever went wrong, nothing of the block stays
        state.rewind()
        raise
    state.height, state.time_ms, state.head = run.height, time_ms, named
    applied = Applied(header, run.leaves, before, state.journal, accounts)
    state.journal = []
    return applied


def _take(run: Run, ordered: Sequence[Signed]) -> None:
    """All that happens in a block, in its order."""
    state, time_ms = run.state, run.time_ms
    opened = openness(state.scheme, state.time_ms) if state.payment or state.trade else ()
    members.take_force(run)
    state.forget_days_before(run.day)
    _expire(run, minute_of(state.time_ms))
    if (state.payment or state.trade) and (
        state.time_ms // DAY_MS != run.day or opened != openness(state.scheme, time_ms)
    ):
        run.wake_all()
    for signed in ordered:
        _one(run, signed)
    _drain(run)
    state.end_block()


def _check_cheaply(run: Run) -> None:
    """I1 and I2 over the accounts that the block wrote: always on.

    Raises:
        TrustError: money came from nowhere, or something was spent that was not there. The program is wrong.
    """
    state = run.state
    before: dict[str, tuple[Any, ...]] = {}
    for step in state.journal:
        if type(step[0]) is Account:
            before.setdefault(step[0].id, step[1])
        elif getattr(step[0], "__func__", None) is State._close_account:
            before.setdefault(step[1], (0, 0, 0))
    sums: dict[str, int] = {}
    for name, values in before.items():  # what was rewound inside the block is not in the journal any more
        account = state.accounts[name]
        balance, reserved, line = values[:3]
        code = currency_of(name)
        sums[code] = sums.get(code, 0) + account.balance - balance
        own, highest = account.balance - account.reserved, max(line, account.line, run.lines.get(name, 0))
        if own < -highest and own < balance - reserved and not is_issue(name):
            raise TrustError("invariant I2 is broken: more was spent than was there.", where=name, code="I2")
    for code, change in sums.items():
        if change:
            raise TrustError(f"invariant I1 is broken: the balances changed by {change}.", where=code, code="I1")


def _one(run: Run, signed: Signed) -> None:
    """One instruction: a resend gives the first receipt, what is out of time is told, anything else has its effect."""
    state, said = run.state, signed.instruction
    known = state.find_id(said.uetr, said.member, said.kind)
    if known is not None:
        if known.digest == signed.digest and not known.rows:
            _repeat(run, said, known)
        else:
            run.done(said, "id_reused")
        return
    if said.valid_until < run.time_ms or said.valid_from > run.time_ms:
        code = "expired" if said.valid_until < run.time_ms else "not_yet_valid"
        run.done(said, code, {"block_time": str(run.time_ms)})
        return
    place = len(run.leaves)
    if said.kind == "transfer_batch":
        batches.transfer_batch(run, said, signed.digest)
    elif state.is_suspended(said.member, run.height):
        run.done(said, "bad_member")
    elif said.kind in ("owe", "scheme_change"):
        signers = _signers(state, signed, run.height)
        (obligations.owe if said.kind == "owe" else members.scheme_change)(run, said, signers)
    else:
        _HANDLERS[said.kind](run, said)
    day = last_day(said.valid_until)
    state.use_id(IdRecord(said.uetr, said.member, said.kind, signed.digest, (run.leaves[place],), day))


def _repeat(run: Run, said: Instruction, known: IdRecord) -> None:
    run.leaves.append(repeated(known.leaves[0]))
    places: dict[str, int] = {}
    if said.kind == "transfer_batch":
        for uetr in said.facts["rows"].uetr:
            row = run.state.find_id(uetr, said.member, "transfer")
            if row is not None and row.digest == known.digest and row.rows:  # all rows share one record
                places = places or {name: place for place, name in enumerate(row.rows)}
                run.leaves.append(repeated(row.leaves[places[uetr]]))


def _expire(run: Run, since: int) -> None:
    """End what has run out: payments, reservations, trades, holds, in the order of their names."""
    state, until = run.state, minute_of(run.time_ms)
    if until - since < len(state.due):
        minutes = [minute for minute in range(since, until + 1) if minute in state.due]
    else:
        minutes = sorted(minute for minute in state.due if minute <= until)
    names = sorted({name for minute in minutes for name in state.due[minute]})
    for name in names:
        kind, _, key = name.partition("/")
        if kind == "holds":
            holds.expire_holds(run, key)
            continue
        found = state.tables[kind].get(key)
        if found is None or found.until >= run.time_ms:
            continue
        if kind == "payment":
            queue.end_waiting(run, found, "expired", "expired")
        elif kind == "reservation":
            reserves.expire_reservation(run, found)
        else:
            trades.end_trade(run, found, "expired", "expired")
    for minute in minutes:  # what is left there of holds that were released, moved or have ended
        for name in sorted(state.due.get(minute, ())):
            if name.startswith("holds/") and not _is_due(state, name[6:], minute):
                state.unlink(state.due, minute, name)


def _is_due(state: State, key: str, minute: int) -> bool:
    found = state.holds.get(key)
    return found is not None and any(minute_of(one.until) == minute for one in found.holds)


def _drain(run: Run) -> None:
    """Look at what waits until nothing settles any more: payers in the order of their ids first, then one trade."""
    while run.woken or run.woken_trades:
        while run.woken:
            payer = run.next_woken()
            if payer in run.state.queue_of:
                queue.drain_payer(run, payer)
        woken = run.woken_trades
        if not trades.settle_first(run, woken):
            woken.clear()
