"""Thousands of transfers under one signature: each row is decided alone and has a receipt of its own.

Most batches have nothing unusual in them: the payer has the money for all rows, no limit, cap, quota or hold is near,
every payee is reached. Then all rows settle, and the work is done column by column (`_settle_columns`); whatever is
unusual goes row by row through `payments.take`. Both ways give the same receipts and the same state, which a test
holds them to. With `linked: true` one failing row undoes all: the row that failed keeps its own code.

A row's id is that of a `transfer`. Resending the same batch gives its receipts again; the same row in another
instruction is `id_reused`.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

from concordat.clearing.core.codes import outcome
from concordat.clearing.core.corridors import is_plain, passing_way
from concordat.clearing.core.instructions import Instruction, Rows
from concordat.clearing.core.model import owner_of, payment_key
from concordat.clearing.core.money import account_of, side_fault
from concordat.clearing.core.payments import Order, take
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.run import Run, fault
from concordat.clearing.core.state import IdRecord, last_day
from concordat.clearing.core.states import move


def transfer_batch(run: Run, said: Instruction, digest: bytes) -> None:
    """Take a batch: its own receipt first, then one for each row."""
    rows: Rows = said.facts["rows"]
    place = len(run.leaves)
    if owner_of(said.facts["payer"]) != said.member:
        return run.refuse(said, fault("not_yours", account=said.facts["payer"]))
    run.done(said, "processed")  # its place; the counts are written behind
    savepoint = run.state.savepoint() if said.facts["linked"] else 0
    if _is_plain(run, said, rows):
        _settle_columns(run, said, rows)
        codes = Counter({"settled": len(rows.uetr)})
    else:
        codes = _row_by_row(run, said, rows)
        bad = [code for code in codes if outcome(code) == "refused"]
        if said.facts["linked"] and bad:
            codes = _undo_linked(run, said, rows, place, savepoint)
    behind = run.leaves[place + 1 :]
    counts = {code: str(codes[code]) for code in sorted(codes)}
    del run.leaves[place:]
    run.done(said, "processed", {"payer": said.facts["payer"], "rows": counts})
    run.leaves.extend(behind)
    named, kept = tuple(rows.uetr), tuple(behind)
    if "id_reused" in codes:
        named = tuple(uetr for uetr, leaf in zip(named, kept, strict=True) if not _is_reused(leaf))
        kept = tuple(leaf for leaf in kept if not _is_reused(leaf))
    if named:
        day = last_day(said.valid_until)
        run.state.use_id(IdRecord(said.uetr, said.member, "transfer", digest, kept, day, named))
    return None


def _is_reused(leaf: bytes) -> bool:
    """A row whose id was another instruction's is not remembered: the first one stands."""
    return b'"code":"id_reused"' in leaf


def _is_plain(run: Run, said: Instruction, rows: Rows) -> bool:
    """Whether every row may settle, and no row can be in another's way."""
    state, payer, purpose = run.state, said.facts["payer"], said.facts["purpose"]
    if not state.used_ids.keys().isdisjoint(rows.uetr) or payer in state.limits:
        return False
    if (purpose and state.quota) or state.scheme.mode == "strict_fifo":
        return False
    if state.holds and not state.holds.keys().isdisjoint([payment_key(uetr, said.member) for uetr in rows.uetr]):
        return False
    accounts, known = state.accounts, run.plain
    for payee in set(rows.payee):
        good = known.get((payee, "", ""))
        if good is None:  # asked once a block; the payer's own side is the same for all
            good = side_fault(run, payer, payee) is None and payee not in state.limits
            known[payee, "", ""] = good = good and (len(payee) == 12 or payee in accounts)
        if not good or payee[:8] == payer[:8] or not is_plain(run, payer, payee, purpose):
            return False
    if side_fault(run, payer, rows.payee[0]) is not None:
        return False
    account = account_of(state, payer)
    if account is None or account.frozen or account.available < sum(rows.amount_minor):
        return False
    return passing_way(run, payer, rows.payee[0], 1, purpose, None) is None


def _settle_columns(run: Run, said: Instruction, rows: Rows) -> None:
    """All rows settle: the sums account by account, the receipts in one pass."""
    state, payer, member = run.state, said.facts["payer"], said.member
    amounts = rows.amount_minor
    total = sum(amounts)
    came: dict[str, int] = {}
    for payee, amount in zip(rows.payee, amounts, strict=True):
        came[payee] = came.get(payee, 0) + amount
    times = Counter(rows.payee)
    source = state.write(state.accounts[payer])
    before = source.balance
    source.balance = before - total
    source.debits += total
    source.entries += len(amounts)
    day = run.day
    if source.day != day:
        source.day, source.day_in, source.day_out = day, 0, 0
    source.day_out += total
    for payee, amount in came.items():
        target = state.write(state.open_account(payee))
        target.balance += amount
        target.credits += amount
        target.entries += times[payee]
        if target.day != day:
            target.day, target.day_in, target.day_out = day, 0, 0
        target.day_in += amount
        run.wake(payee)
    move("payment", "received", "settled")
    # The canonical form of a settled transfer's receipt, keys in order; a test holds it to `receipt_leaf`.
    form = (
        '{"after":"%s","amount_minor":"%s","before":"%s","code":"settled",'
        f'"height":{run.height},"index":%s,"kind":"transfer","member":"{member}","payee":"%s","payer":"{payer}","uetr":"%s"}}'
    )
    balances = list(map(str, accumulate(amounts, int.__sub__, initial=before)))
    first = len(run.leaves)
    places = map(str, range(first, first + len(amounts)))
    columns = zip(balances[1:], map(str, amounts), balances, places, rows.payee, rows.uetr, strict=False)
    run.leaves.extend("\n".join(map(form.__mod__, columns)).encode().split(b"\n"))


def _row_by_row(run: Run, said: Instruction, rows: Rows) -> Counter[str]:
    codes: Counter[str] = Counter()
    for uetr, payee, amount in zip(*rows, strict=True):
        if run.state.find_id(uetr, said.member, "transfer") is not None:
            facts = {"payer": said.facts["payer"], "payee": payee, "amount_minor": str(amount)}
            run.receipt("transfer", uetr, said.member, "id_reused", facts)
            codes["id_reused"] += 1
        else:
            codes[take(run, Order(said, uetr, payee, amount))] += 1
    return codes


def _undo_linked(run: Run, said: Instruction, rows: Rows, place: int, savepoint: int) -> Counter[str]:
    """Nothing of a linked batch is taken: failing rows keep their receipt, the others say so."""
    written = run.leaves[place + 1 :]
    run.state.rewind(savepoint)
    run.state.savepoint()
    del run.leaves[place + 1 :]
    codes: Counter[str] = Counter()
    for leaf, (uetr, payee, amount) in zip(written, zip(*rows, strict=True), strict=True):
        code = Receipt.parse(leaf).code
        if outcome(code) == "refused":
            run.leaves.append(leaf)
        else:
            code = "linked_refused"
            facts = {"payer": said.facts["payer"], "payee": payee, "amount_minor": str(amount)}
            run.receipt("transfer", uetr, said.member, code, facts)
        codes[code] += 1
    return codes
