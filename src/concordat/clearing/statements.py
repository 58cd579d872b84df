"""What the ledger says to a bank in ISO 20022: the day's statement (camt.053), entries (camt.054), statuses (pacs.002).

Built from receipts alone, so that a statement is as provable as they are. A statement belongs to a `day_close`: opening
balance, the movements since the close before, closing balance, as the ledger fixed them; if the movements found don't
lead from one to the other, nothing is written (invariant I12, B23 at the gate). Amounts become decimals of the currency
here. Message ids are made of account, date and height (of a notification: the receipt's place), so the same ledger
gives the same bytes. Customers' names are
not on the ledger, and so not in these messages.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from concordat import world
from concordat.clearing.core.codes import CODES
from concordat.clearing.core.days import Entry as Movement
from concordat.clearing.core.days import entries_of
from concordat.clearing.core.model import currency_of, owner_of
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.iso.reasons import status_of
from concordat.clearing.iso.types import Amount, Balance, Entry, Message, Statement, Status
from concordat.errors import StateError, TrustError

OPENING, CLOSING = "OPBD", "CLBD"
IDENTIFIER_MAX = 35  # Max35Text of ISO 20022
_CODES = {"issue": ("CAMT", "MCOP", "OTHR"), "redeem": ("CAMT", "MDOP", "OTHR")}
_PAYMENT = (("PMNT", "ICDT", "XBCT"), ("PMNT", "RCDT", "XBCT"))  # out, in
CLOSE = "day_close"


@dataclass
class Day:
    """One account's business date.

    Attributes:
        account, date: which. opening, closing: minor units. movements: in order. time_ms, height: of the closing block.
    """

    account: str
    date: str
    opening: int
    closing: int
    time_ms: int
    height: int
    movements: list[Movement] = field(default_factory=list)
    times: list[int] = field(default_factory=list)


def days_of(
    blocks: Iterable[tuple[int, Sequence[Receipt]]], date: str, accounts: Sequence[str] = (), *, whole: bool = True
) -> Iterator[Day]:
    """The closed business dates of a ledger that have this date, one for every account, by currency as they closed.

    Args:
        blocks: time and receipts of each, from the first on. date: ISO. accounts: only these; none: all.
        whole: whether these are all blocks; False where the ledger began from a snapshot.

    Raises:
        TrustError: movements don't lead from opening to closing. StateError: some are from before the snapshot.
    """
    kept: dict[str, list[tuple[Movement, int]]] = {}
    closed: set[str] = set()
    for time_ms, receipts in blocks:
        for receipt in receipts:
            if receipt.kind == CLOSE and receipt.code == "statement" and not receipt.repeat:
                facts = receipt.facts
                movements = kept.pop(facts["account"], [])
                from_here = whole or facts["account"] in closed
                closed.add(facts["account"])
                if facts["date"] != date or (accounts and facts["account"] not in accounts):
                    continue
                day = Day(
                    facts["account"], date, int(facts["opening"]), int(facts["closing"]), time_ms, receipt.height,
                    [one for one, _ in movements], [at for _, at in movements],
                )  # fmt: skip
                if day.opening + sum(one.amount_minor for one in day.movements) != day.closing:
                    if not from_here:
                        what = f"movements of {date} are from before the snapshot with which this ledger began."
                        hint = "Ask a member whose ledger has them."
                        raise StateError(what, where=day.account, hint=hint, code="before_snapshot")
                    what = f"the movements of {date} don't lead from {day.opening} to {day.closing}."
                    raise TrustError(what, where=day.account, code="I12")
                yield day
                continue
            for account in _touched(receipt):
                kept.setdefault(account, []).extend((one, time_ms) for one in entries_of([receipt], account))


def _touched(receipt: Receipt) -> tuple[str, ...]:
    if receipt.code not in ("settled", "posted") or receipt.repeat:
        return ()
    facts = receipt.facts
    if "account" in facts:
        return (facts["account"], facts["account"] + "/issue")
    return (facts["payer"], facts["payee"]) if "payer" in facts else ()


def amount_of(minor: int, currency: str) -> Amount:
    """Minor units as an exact decimal of the currency."""
    places = world.currency(currency).minor_units or 0
    return Amount(Decimal(minor).scaleb(-places), currency)


def stamp(time_ms: int) -> str:
    """A moment as ISO 20022 writes it, in UTC."""
    moment = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03d}Z"


def _identifier(kind: str, account: str, rest: str) -> str:
    """At most 35 characters: `S` or `N`, the account without separators, what follows; a hash where that is too long.

    Cut off instead, two accounts or two blocks could get the same.
    """
    plain = f"{kind}{account.replace('/', '')}{rest}"
    if len(plain) <= IDENTIFIER_MAX:
        return plain
    return f"{kind}{sha256(f'{account} {rest}'.encode()).hexdigest()[: IDENTIFIER_MAX - 1]}"


def entry_of(movement: Movement, currency: str, time_ms: int) -> Entry:
    """One booking, as a statement or a notification shows it."""
    credit = movement.amount_minor > 0
    day = stamp(time_ms)[:10]
    return Entry(
        reference=f"{movement.height}-{movement.receipt_index}",
        amount=amount_of(abs(movement.amount_minor), currency),
        credit=credit,
        booked=day,
        value_date=day,
        reversal=movement.kind == "return",
        servicer_reference=f"{movement.height}-{movement.receipt_index}",
        transaction_code=_CODES.get(movement.kind, _PAYMENT[credit]),
        uetr=movement.uetr,
        text=f"{movement.kind} {'from' if credit else 'to'} {movement.counterparty}",
    )


def statement_of(day: Day, issuer: str) -> Message:
    """camt.053: a closed day of one account; its servicer is the issuer."""
    currency = currency_of(day.account)
    entries = tuple(entry_of(one, currency, at) for one, at in zip(day.movements, day.times, strict=True))
    name = _identifier("S", day.account, f"{day.date.replace('-', '')}{day.height}")
    balances = (
        Balance(OPENING, amount_of(day.opening, currency), day.date),
        Balance(CLOSING, amount_of(day.closing, currency), day.date),
    )
    body = Statement(name, day.account, currency, balances, entries, None, stamp(day.time_ms), issuer)
    return Message("camt.053.001.08", name, stamp(day.time_ms), (body,))


def notification_of(day: Day, number: int, issuer: str) -> Message:
    """camt.054: one entry of a closed day."""
    currency = currency_of(day.account)
    movement, time_ms = day.movements[number], day.times[number]
    name = _identifier("N", day.account, f"-{movement.height}-{movement.receipt_index}")
    body = Statement(
        name, day.account, currency, (), (entry_of(movement, currency, time_ms),), None, stamp(time_ms), issuer
    )
    return Message("camt.054.001.08", name, stamp(time_ms), (body,))


def status_message(receipt: Receipt, time_ms: int) -> Message:
    """pacs.002: what became of one payment, to the member that instructed it."""
    status, reason, text = status_of(receipt.code)
    name = f"P{receipt.height}-{receipt.index}"
    texts = (text,) if text else ()
    body = Status(
        uetr=receipt.uetr,
        status=status,
        reason=reason,
        texts=texts,
        accepted=stamp(time_ms) if CODES[receipt.code].outcome != "refused" else "",
        clearing_reference=f"{receipt.height}-{receipt.index}",
        instructed_bic=owner_of(str(receipt.facts["payer"])) if "payer" in receipt.facts else "",
    )
    return Message("pacs.002.001.10", name, stamp(time_ms), (body,))
