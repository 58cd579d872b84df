"""A file of obligations, settled through a ledger: what cancels out is set off, the rest is paid, gridlock resolved.

Every step is the ledger's own. Each debt is registered (`owe`, signed by both), a certificate sets off all that needs
no money, what is left is paid by transfers that may queue, and certificates of the queue release what can settle
together. The solvers are outside; the ledger checks what they claim, and a refused certificate stops the run by name.
That is the mode `netting`; `queue` leaves the set-off out (payments that can't be split), and `gross` the
certificates as well: real-time gross settlement with the ledger's own queue.

Ids come from the content of the row, so a file that is sent twice is not paid twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.clearing.core.codes import CODES
from concordat.clearing.core.model import INSTRUCTIONS_MAX, currency_of
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
        return sign(payload, [self._key(bic8) for bic8 in (member, *others)], self.state.scheme.name)

    def _key(self, bic8: str) -> Ed25519Secret:
        if bic8 not in self.keys:
            hint = f"Make one: concordat clearing key {bic8} --keys FOLDER"
            raise InputError(f"there is no key of {bic8} at hand.", where="keys", hint=hint, code="no_key")
        return self.keys[bic8]

    def send(self, signed: Sequence[Signed]) -> list[Receipt]:
        """Send instructions and make blocks until all are in; the receipts of these blocks, repeated ones too."""
        found: list[Receipt] = []
        for start in range(0, len(signed), INSTRUCTIONS_MAX):
            for one in self.host.submit_all(signed[start : start + INSTRUCTIONS_MAX]):
                if isinstance(one, ConcordatError):
                    raise one
                if one is not None:
                    found.append(one)
            found.extend(self.block())
        return found

    def block(self) -> list[Receipt]:
        """One block; its receipts."""
        self.time_ms = max(self.time_ms + self.step_ms, self.state.time_ms + 1)
        found = list(self.host.step(self.time_ms))
        self.receipts.extend(found)
        return found


@dataclass
class Tally:
    """What became of one currency, minor units and numbers of debts.

    Attributes:
        debts, gross: what the file holds. set_off: without money. paid: by transfers alone, at once or from the queue.
        released: by certificates of the queue. waiting: what still waits, and `left` how many payments. known: debts
            that the ledger had from an earlier run. certificates: how many settled. refused: code -> how many.
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
        InputError: a payer or payee that is no member, or whose key is not at hand.
        RuleError: the ledger refused a set-off, or a debt.
    """
    assert mode in MODES
    tallies = {code: Tally() for code in sorted({row.currency for row in rows})}
    for row in rows:
        tallies[row.currency].debts += 1
        tallies[row.currency].gross += row.amount
    _known_members(desk.state, rows)
    name = desk.state.scheme.name
    ids = {row.id: row_uetr(name, (row.id, row.payer, row.payee, row.currency, row.amount), "owe") for row in rows}
    fresh = [
        row for row in rows if _is_new(desk.state, ids[row.id], row.payer, "owe" if mode == "netting" else "transfer")
    ]
    for row in set(rows) - set(fresh):
        tallies[row.currency].known += 1
    if mode == "netting":
        progress(f"registering {len(fresh):,} debts")
        _register(desk, fresh, ids)
        for code in tallies:
            progress(f"{code}: setting off what needs no money")
            _set_off(desk, code, tallies[code])
    progress("paying what is left")
    _pay(desk, fresh, ids, mode, tallies)
    if mode != "gross":
        for code in tallies:
            progress(f"{code}: looking for what can settle together")
            _release(desk, code, tallies[code], work)
    for payment in desk.state.payment.values():
        code = currency_of(payment.payer)
        if code in tallies:
            tallies[code].waiting += payment.amount
            tallies[code].left += 1
    return tallies


def _known_members(state: State, rows: Sequence[Row]) -> None:
    for row in rows:
        for bic8 in (row.payer, row.payee):
            if not state.holds_currency(bic8, row.currency):
                known = bic8 in state.member
                what = f"{bic8} holds no {row.currency}." if known else f"{bic8} is no member of this scheme."
                raise InputError(
                    what, where=f"debt {row.id}", hint="Members are those of the scheme.", code="bad_member"
                )


def _is_new(state: State, uetr: str, member: str, kind: str) -> bool:
    return state.find_id(uetr, member, kind) is None


def _register(desk: Desk, rows: Sequence[Row], ids: Mapping[str, str]) -> None:
    due = _date(desk.time_ms)
    signed = [
        desk.signed(
            "owe",
            row.payer,
            {
                "uetr": ids[row.id], "creditor": row.payee, "currency": row.currency,
                "amount_minor": str(row.amount), "due": due,
            },
            (row.payee,),
        )
        for row in rows
    ]  # fmt: skip
    wanted = {one.instruction.uetr: row for one, row in zip(signed, rows, strict=True)}
    for receipt in desk.send(signed):
        if receipt.kind == "owe" and receipt.uetr in wanted and CODES[receipt.code].outcome == "refused":
            raise RuleError(f"the ledger refuses it: {receipt.sentence}", where=f"debt {wanted[receipt.uetr].id}",
                            code=receipt.code)  # fmt: skip


def _date(time_ms: int) -> str:
    import datetime

    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=time_ms // DAY_MS)).isoformat()


def _set_off(desk: Desk, code: str, tally: Tally) -> None:
    """One certificate for all that cancels out."""
    certificate = set_off_certificate(desk.state, code)
    if certificate is not None:
        tally.set_off = int(_certified(desk, code, certificate)["gained_minor"])
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
    validators = desk.state.scheme.validators
    member = next((bic8 for bic8 in (desk.state.issuer_of(code), *validators) if bic8 in validators), "")
    uetr = row_uetr(desk.state.scheme.name, (code, desk.state.head), "settle")
    receipts = desk.send([desk.signed("settle", member, {"uetr": uetr, "certificate": dict(certificate)})])
    receipt = next(one for one in receipts if one.uetr == uetr)
    if receipt.code != "settled":
        why = receipt.facts.get("why", receipt.sentence)
        raise RuleError(f"the ledger refuses the certificate: {why}", where=code, code=receipt.code)
    return receipt.facts


def _pay(desk: Desk, rows: Sequence[Row], ids: Mapping[str, str], mode: str, tallies: Mapping[str, Tally]) -> None:
    """A transfer for what is left of every debt."""
    state, sent = desk.state, {}
    signed = []
    for row in rows:
        left = row.amount
        uetr = ids[row.id]
        facts: dict[str, Any] = {"payer": f"{row.payer}/{row.currency}", "payee": f"{row.payee}/{row.currency}"}
        if mode == "netting":
            debt = state.obligation.get(f"{uetr}/{row.payer}")
            left = debt.left if debt is not None else 0
            facts["obligation"] = uetr
            uetr = row_uetr(state.scheme.name, (uetr,), "pay")
        if left:
            facts |= {"uetr": uetr, "amount_minor": str(left), "if_short": "queue", "priority": row.priority}
            signed.append(desk.signed("transfer", row.payer, facts))
            sent[uetr] = row.currency
    for receipt in desk.send(signed):
        if receipt.kind != "transfer" or receipt.uetr not in sent:
            continue
        tally = tallies[sent[receipt.uetr]]
        if receipt.code == "settled":
            tally.paid += receipt.amount_minor or 0
        elif CODES[receipt.code].outcome == "refused":
            tally.refused[receipt.code] = tally.refused.get(receipt.code, 0) + 1


def _release(desk: Desk, code: str, tally: Tally, work: int) -> None:
    """Certificates of the queue, until none is found."""
    for _ in range(ROUNDS_MAX):
        certificate = release_certificate(desk.state, code, desk.time_ms + desk.step_ms, work)
        if certificate is None:
            return
        place = len(desk.receipts)
        try:
            facts = _certified(desk, code, certificate)
        except RuleError as error:  # as caps of a day or a quota, which a solver doesn't see: what waits waits on
            tally.refused[error.code] = tally.refused.get(error.code, 0) + 1
            return
        tally.released += int(facts["gained_minor"])
        tally.certificates += 1
        behind = [one for one in desk.receipts[place:] if one.kind == "transfer" and one.code == "settled"]
        own = len(certificate["chosen"])
        tally.paid += sum(one.amount_minor or 0 for one in behind[own:] if currency_of(one.facts["payer"]) == code)
