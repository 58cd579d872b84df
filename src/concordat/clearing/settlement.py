"""A file of obligations, settled through a ledger: what cancels out is set off, the rest is paid, gridlock resolved.

Every step is the ledger's own. Each debt is registered (`owe`, signed by both), a certificate sets off all that needs
no money, what is left is paid by transfers that may queue, and certificates of the queue release what can settle
together. The solvers are outside; the ledger checks what they claim, and a refused set-off stops the run by name
(one too large to add up is counted among the refused, and the debts are paid one by one).
That is the mode `netting`; `queue` leaves the set-off out (payments that can't be split), and `gross` the
certificates as well: real-time gross settlement with the ledger's own queue.

Ids come from the content of the row, so a file that is sent twice is not paid twice: what became of an id is asked of
all receipts that the host keeps, for the state forgets ids some days after they ran out. What was refused, or ran out
while it waited, had no effect and is sent again under the next id of its row. So a run that was cut off anywhere is
taken up where it ended by sending the file again. A host that began from a snapshot knows receipts from there on only.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.clearing.core.apply import Block
from concordat.clearing.core.codes import CODES
from concordat.clearing.core.model import INSTRUCTIONS_MAX
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.settle import divisible_debts, queue_problem, queue_root, register_root
from concordat.clearing.core.signatures import Signed, sign
from concordat.clearing.core.state import State
from concordat.clearing.host import MemoryHost
from concordat.errors import ConcordatError, InputError, RuleError
from concordat.ledger.keys import Ed25519Secret

if TYPE_CHECKING:
    from concordat.clearing.netting.tables import Obligations

DAY_MS = 86_400_000
MODES = ("netting", "queue", "gross")
KINDS = ("owe", "transfer")
ATTEMPTS_MAX = 1_000  # ids of one row, one after the other
ROUNDS_MAX = 20  # certificates of one currency's queue, one after the other
WORK = 10**6
Progress = Callable[[str], None]


@dataclass
class Desk:
    """Whoever drives a ledger: signs with the keys at hand, sends, makes blocks, and keeps the clock.

    Attributes:
        host: the ledger. keys: BIC -> secret. time_ms: of the last block; each block is a second later, or `step_ms`.
    """

    host: MemoryHost
    keys: Mapping[str, Ed25519Secret]
    time_ms: int
    step_ms: int = 1_000
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def state(self) -> State:
        """Behind the last block."""
        return self.host.state

    def signed(self, kind: str, member: str, facts: Mapping[str, Any], others: Sequence[str] = ()) -> Signed:
        """An instruction of a member, valid for a day, signed by it and by others.

        Raises:
            InputError: a key is not at hand, or it is not an instruction.
        """
        times = {"valid_from": self.time_ms, "valid_until": self.time_ms + DAY_MS}
        payload = canonical.dumps({"kind": kind, "member": member, **times, **facts})
        return sign(payload, [self.key(bic8) for bic8 in (member, *others)], self.state.scheme.name)

    def key(self, bic8: str) -> Ed25519Secret:
        """The key of a member.

        Raises:
            InputError: it is not at hand.
        """
        if bic8 not in self.keys:
            hint = f"Make one: concordat clearing key {bic8} --keys FOLDER"
            raise InputError(f"there is no key of {bic8} at hand.", where="keys", hint=hint, code="no_key")
        return self.keys[bic8]

    def send(self, signed: Sequence[Signed]) -> list[Receipt]:
        """Send instructions and make blocks until all are in; the receipts of these blocks, repeated ones too.

        Raises:
            ConcordatError: the host's door refuses one, or drops one whose key has run out meanwhile.
        """
        found: list[Receipt] = []
        for start in range(0, len(signed), INSTRUCTIONS_MAX):
            chunk = signed[start : start + INSTRUCTIONS_MAX]
            waiting = {one.digest for one in chunk}
            for one, answer in zip(chunk, self.host.submit_all(chunk), strict=True):
                if isinstance(answer, ConcordatError):
                    raise answer
                if answer is not None:
                    found.append(answer)
                    waiting.discard(one.digest)
            while waiting:  # a block takes so many bytes at most: what is over stays for the next
                block, receipts = self._step()
                found.extend(receipts)
                if not block.instructions:
                    hint = "Ask for the members' new keys, and send it again."
                    raise RuleError(f"{len(waiting)} were dropped: their keys have run out.", hint=hint, code="no_key")
                waiting.difference_update(one.digest for one in block.instructions)
        return found

    def block(self) -> list[Receipt]:
        """One block; its receipts."""
        return self._step()[1]

    def _step(self) -> tuple[Block, list[Receipt]]:
        self.time_ms = max(self.time_ms + self.step_ms, self.state.time_ms + 1)
        block = self.host.propose(self.time_ms)
        found = list(self.host.finalise(block))
        self.host.commit()
        self.receipts.extend(found)
        return block, found


@dataclass
class Tally:
    """What became of the file's debts in one currency in this run, minor units and numbers; others' are not counted.

    Attributes:
        debts, gross: what the file holds. set_off: without money. paid: by transfers alone, at once or from the queue.
        released: by certificates of the queue. waiting: what still waits, and `left` how many payments. known: debts
            that the ledger had from an earlier run; what they settled then is in no figure here.
        certificates: how many settled. refused: code -> how many debts, certificates, or set-offs too large to add up.
    """

    debts: int = 0
    gross: int = 0
    set_off: int = 0
    paid: int = 0
    released: int = 0
    waiting: int = 0
    left: int = 0
    known: int = 0
    certificates: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        """Minor units that are owed no more."""
        return self.set_off + self.paid + self.released


def row_uetr(scheme: str, row: Sequence[object], what: str) -> str:
    """The id of a row: the same content gives the same id for ever."""
    digest = sha256("/".join((scheme, what, *map(str, row))).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


@dataclass(frozen=True, slots=True)
class Row:
    """One debt of a file; payer and payee are BICs."""

    id: str
    payer: str
    payee: str
    currency: str
    amount: int
    priority: int


def rows_of(debts: Obligations) -> Iterator[Row]:
    """The rows of a file in its order; what is held is left out."""
    columns = (debts.payer.tolist(), debts.payee.tolist(), debts.currency.tolist(), debts.amount.tolist())
    for n, (payer, payee, code, amount) in enumerate(zip(*columns, strict=True)):
        if not debts.held[n]:
            names = debts.members[payer], debts.members[payee], debts.currencies[code]
            yield Row(str(debts.ids[n]), *names, amount, int(debts.priority[n]))


@dataclass
class _Book:
    """Which ids are this file's, so that nothing of others is counted.

    Attributes:
        owed: row id -> id of its debt (netting). debts, payments: id -> currency. chosen: keys that certificates chose.
    """

    owed: dict[str, str] = field(default_factory=dict)
    debts: dict[str, str] = field(default_factory=dict)
    payments: dict[str, str] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)


def settle_rows(
    desk: Desk, rows: Sequence[Row], *, mode: str = "netting", work: int = WORK, progress: Progress = lambda _: None
) -> dict[str, Tally]:
    """Settle debts through a ledger.

    Args:
        desk: the ledger and the keys. rows: the debts. mode: one of `MODES`.
        work: how hard a solver tries, per certificate. progress: hears what is going on.

    Returns:
        currency -> what became of it.

    Raises:
        InputError: a payer or payee that is no member, or a key that is not at hand; nothing was sent then.
        RuleError: the ledger refused a set-off, or a debt.
    """
    assert mode in MODES
    tallies = {code: Tally() for code in sorted({row.currency for row in rows})}
    for row in rows:
        tallies[row.currency].debts += 1
        tallies[row.currency].gross += row.amount
    _check_parties(desk, rows, mode)
    begun, book = len(desk.receipts), _Book()
    if mode == "netting":
        progress(f"registering {len(rows):,} debts")
        _register(desk, rows, book, tallies)
        for code in tallies:
            progress(f"{code}: setting off what needs no money")
            _set_off(desk, code, tallies[code])
    progress("paying what is left")
    _pay(desk, rows, mode, book, tallies)
    if mode != "gross":
        for code in tallies:
            progress(f"{code}: looking for what can settle together")
            _release(desk, code, tallies[code], work, book)
    _count(desk, desk.receipts[begun:], book, tallies)
    return tallies


def _check_parties(desk: Desk, rows: Sequence[Row], mode: str) -> None:
    """Whether everybody is a member whose key is at hand, before anything is sent."""
    state = desk.state
    for row in rows:
        for bic8 in (row.payer, row.payee):
            if not state.holds_currency(bic8, row.currency):
                known = bic8 in state.member
                what = f"{bic8} holds no {row.currency}." if known else f"{bic8} is no member of this scheme."
                raise InputError(
                    what, where=f"debt {row.id}", hint="Members are those of the scheme.", code="bad_member"
                )
        desk.key(row.payer)
        if mode == "netting":
            desk.key(row.payee)
    if mode != "gross":
        for code in sorted({row.currency for row in rows}):
            desk.key(_proposer(desk, code))


def _proposer(desk: Desk, code: str) -> str:
    """The validator that hands in a currency's certificates: its issuer, else the first whose key is at hand."""
    validators = desk.state.scheme.validators
    able = [bic8 for bic8 in (desk.state.issuer_of(code), *validators) if bic8 in validators]
    return next((bic8 for bic8 in able if bic8 in desk.keys), able[0])


def _place(desk: Desk, member: str, content: Sequence[object], what: str) -> tuple[str, str]:
    """The id for a row's instruction, and what became of it so far; nothing if it is to be sent.

    Attempts that came to nothing (refused, or run out while they waited) leave the next one with an id of its own.
    """
    name = desk.state.scheme.name
    for attempt in range(ATTEMPTS_MAX):
        uetr = row_uetr(name, (*content, attempt) if attempt else content, what)
        code = _last_code(desk, uetr, member)
        # Whoever takes a payment of a debt back still owes it; a payment without one is taken back for good.
        if not code or (CODES[code].outcome != "refused" and (what, code) != ("pay", "cancelled_by_payer")):
            return uetr, code
    raise RuleError(f"the ledger refused it {ATTEMPTS_MAX:,} times.", where=f"debt {content[0]}", code="refused")


def _last_code(desk: Desk, uetr: str, member: str) -> str:
    """The code of the last receipt of a debt or a payment; empty if the id was never used for either.

    The state is asked first, since a durable host reads a whole block to find one receipt. What was refused, or waited
    and waits no more, may have ended in several ways: then the receipts themselves say which.
    """
    first = ""
    for kind in KINDS:
        record = desk.state.find_id(uetr, member, kind)
        if record is not None:
            first = Receipt.parse(record.leaves[0]).code
    if first in ("accepted", "settled") or (first and f"{uetr}/{member}" in desk.state.payment):
        return first
    told = [one for one in desk.host.receipt(uetr, member) if one.kind in KINDS and not one.repeat]
    return told[-1].code if told else first  # what is older than the snapshot of the host has no other


def _content(row: Row) -> tuple[object, ...]:
    return row.id, row.payer, row.payee, row.currency, row.amount


def _register(desk: Desk, rows: Sequence[Row], book: _Book, tallies: Mapping[str, Tally]) -> None:
    due = _date(desk.time_ms)
    signed, wanted = [], {}
    for row in rows:
        uetr, code = _place(desk, row.payer, _content(row), "owe")
        book.owed[row.id], book.debts[uetr] = uetr, row.currency
        if code:
            tallies[row.currency].known += 1
            book.payments[uetr] = row.currency  # where an earlier run in another mode paid it whole
            continue
        facts = {"uetr": uetr, "creditor": row.payee, "currency": row.currency, "due": due}
        signed.append(desk.signed("owe", row.payer, {**facts, "amount_minor": str(row.amount)}, (row.payee,)))
        wanted[uetr] = row
    for receipt in desk.send(signed):
        if receipt.kind == "owe" and receipt.uetr in wanted and CODES[receipt.code].outcome == "refused":
            raise RuleError(f"the ledger refuses it: {receipt.sentence}", where=f"debt {wanted[receipt.uetr].id}",
                            code=receipt.code)  # fmt: skip


def _date(time_ms: int) -> str:
    import datetime

    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=time_ms // DAY_MS)).isoformat()


def _set_off(desk: Desk, code: str, tally: Tally) -> None:
    """One certificate for all that cancels out; none where others owe each other more than can be added up."""
    try:
        certificate = set_off_certificate(desk.state, code)
    except InputError as error:
        if error.code != "currency_too_large":
            raise
        tally.refused[error.code] = tally.refused.get(error.code, 0) + 1  # told; what is owed is paid one by one
        return
    if certificate is not None:
        _certified(desk, code, certificate)
        tally.certificates += 1


def set_off_certificate(state: State, code: str) -> dict[str, Any] | None:
    """The certificate of the largest set-off of a currency's obligations; None if nothing cancels out.

    Raises:
        MethodError: amounts beyond 2^53 without the extra [clearing].
    """
    import numpy as np

    from concordat.clearing.netting.circulation import clear_divisible
    from concordat.clearing.netting.tables import Obligations

    debts = divisible_debts(state, code)
    if not debts:
        return None
    names = tuple(sorted({name for debt in debts for name in (debt.payer, debt.payee)}))
    place = {name: n for n, name in enumerate(names)}
    count = len(debts)
    cleared = clear_divisible(
        Obligations(
            tuple(debt.id for debt in debts), names, (code,),
            np.array([place[debt.payer] for debt in debts]), np.array([place[debt.payee] for debt in debts]),
            np.zeros(count, np.int64), np.array([debt.amount for debt in debts], np.int64), np.full(count, 3),
            np.zeros(count, bool),
        )
    )  # fmt: skip
    if not cleared.cleared[code]:
        return None
    found = {debt.id: int(amount) for debt, amount in zip(debts, cleared.set_off.tolist(), strict=True) if amount}
    return {
        "problem": "divisible", "currency": code, "height": state.height + 1, "state_root": state.root(),
        "register_root": register_root(state, code), "gained_minor": str(sum(found.values())),
        "set_off": {key: str(amount) for key, amount in sorted(found.items())},
        "potentials": dict(sorted(cleared.potentials[code].items())), "solver": cleared.engine,
    }  # fmt: skip


def release_certificate(
    state: State, code: str, time_ms: int, work: int = WORK, *, workers: int = 2
) -> dict[str, Any] | None:
    """A certificate that settles what a solver finds in a currency's queue; None if nothing can settle."""
    from concordat.clearing.netting.queue_release import release_queue

    problem = queue_problem(state, code, time_ms, state.height + 1)
    if not problem.payments:
        return None
    found = release_queue(
        problem.payments, problem.available, limits=problem.limits, mode=problem.mode, work=work, workers=workers
    )
    if not found.chosen:
        return None
    facts = dict(found.certificate(code))
    del facts["kind"]
    place = {"height": state.height + 1, "state_root": state.root(), "queue_root": queue_root(state, code)}
    return {**facts, **place}


def _certified(desk: Desk, code: str, certificate: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send a certificate in a block of its own; its receipt's facts.

    Raises:
        RuleError: the ledger refuses it.
    """
    uetr = row_uetr(desk.state.scheme.name, (code, desk.state.head), "settle")
    signed = desk.signed("settle", _proposer(desk, code), {"uetr": uetr, "certificate": dict(certificate)})
    receipt = next(one for one in desk.send([signed]) if one.uetr == uetr)
    if receipt.code != "settled":
        why = receipt.facts.get("why", receipt.sentence)
        raise RuleError(f"the ledger refuses the certificate: {why}", where=code, code=receipt.code)
    return receipt.facts


def _pay(desk: Desk, rows: Sequence[Row], mode: str, book: _Book, tallies: Mapping[str, Tally]) -> None:
    """A transfer for what is left of every debt, unless one waits already."""
    if mode == "netting":
        desk.send(_too_large(desk, rows, book))
    signed = []
    for row in rows:
        facts: dict[str, Any] = {"payer": f"{row.payer}/{row.currency}", "payee": f"{row.payee}/{row.currency}"}
        left, content, what = row.amount, _content(row), "owe"
        if mode == "netting":
            debt = desk.state.obligation.get(f"{book.owed[row.id]}/{row.payer}")
            if debt is None:
                continue  # set off as a whole, or paid by an earlier run
            left, content, what = debt.left, (book.owed[row.id],), "pay"
            facts["obligation"] = book.owed[row.id]
        uetr, code = _place(desk, row.payer, content, what)
        book.payments[uetr] = row.currency
        if not code:
            facts |= {"uetr": uetr, "amount_minor": str(left), "if_short": "queue", "priority": row.priority}
            signed.append(desk.signed("transfer", row.payer, facts))
        elif mode != "netting":
            tallies[row.currency].known += 1
    desk.send(signed)


def _too_large(desk: Desk, rows: Sequence[Row], book: _Book) -> list[Signed]:
    """Cancellations of payments that wait for more than is still owed: a later set-off took a part of the debt."""
    found = []
    for row in rows:
        debt = desk.state.obligation.get(f"{book.owed[row.id]}/{row.payer}")
        if debt is not None:
            uetr, _ = _place(desk, row.payer, (book.owed[row.id],), "pay")
            waiting = desk.state.payment.get(f"{uetr}/{row.payer}")
            if waiting is not None and waiting.state == "queued" and waiting.amount > debt.left:
                facts = {"uetr": row_uetr(desk.state.scheme.name, (uetr,), "cancel"), "payment": uetr}
                found.append(desk.signed("cancel", row.payer, facts))
    return found


def _release(desk: Desk, code: str, tally: Tally, work: int, book: _Book) -> None:
    """Certificates of the queue, until none is found."""
    for _ in range(ROUNDS_MAX):
        certificate = release_certificate(desk.state, code, desk.time_ms + desk.step_ms, work)
        if certificate is None:
            return
        try:
            _certified(desk, code, certificate)
        except RuleError as error:  # as caps of a day or a quota, which a solver doesn't see: what waits waits on
            tally.refused[error.code] = tally.refused.get(error.code, 0) + 1
            return
        tally.certificates += 1
        book.chosen.update(certificate["chosen"])


def _count(desk: Desk, receipts: Sequence[Receipt], book: _Book, tallies: Mapping[str, Tally]) -> None:
    """What the receipts of this run and the queue behind it say of the file's own ids."""
    for one in receipts:
        if one.repeat:
            continue
        if one.kind == "owe" and one.code == "set_off" and one.uetr in book.debts:
            tallies[book.debts[one.uetr]].set_off += one.amount_minor or 0
        elif one.kind == "transfer" and one.uetr in book.payments:
            tally = tallies[book.payments[one.uetr]]
            if one.code == "settled" and f"{one.uetr}/{one.member}" in book.chosen:
                tally.released += one.amount_minor or 0
            elif one.code == "settled":
                tally.paid += one.amount_minor or 0
            elif CODES[one.code].outcome == "refused":
                tally.refused[one.code] = tally.refused.get(one.code, 0) + 1
    for payment in desk.state.payment.values():
        code = book.payments.get(payment.uetr)
        if code is not None:
            tallies[code].waiting += payment.amount
            tallies[code].left += 1
