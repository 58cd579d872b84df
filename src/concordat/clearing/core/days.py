"""What a business date came to: the issuer closes its currency's date, and every account's figures are fixed.

At `day_close` each account of the currency gets a receipt `statement` with opening balance, credits, debits, number of
movements and closing balance since the last close: the figures of a camt.053. opening + credits - debits = closing, and
closing is the ledger's balance (invariant I12). The movements themselves are the receipts of the blocks in between,
which `entries_of` picks out for one account.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from concordat.clearing.core.instructions import Instruction
from concordat.clearing.core.model import DAY_MS, Account
from concordat.clearing.core.receipts import Receipt
from concordat.clearing.core.run import Run, fault


class Entry(NamedTuple):
    """One movement of an account: what settled, with whom, and the signed amount (minor units)."""

    uetr: str
    kind: str
    height: int
    receipt_index: int
    counterparty: str
    amount_minor: int


def closing_time(date: str, close: str) -> int:
    """The moment (ms) from which a business date may be closed: its closing time, UTC."""
    days = (datetime.date.fromisoformat(date) - datetime.date(1970, 1, 1)).days
    return days * DAY_MS + (int(close[:2]) * 60 + int(close[3:])) * 60_000


def day_close(run: Run, said: Instruction) -> None:
    """Close a business date of one currency."""
    state, code, date = run.state, said.facts["currency"], said.facts["date"]
    if said.member != state.issuer_of(code):
        return run.refuse(said, fault("not_issuer"))
    money, currency = state.money[code], state.scheme.currencies[code]
    if date <= money.closed or run.time_ms < closing_time(date, currency.day_close):
        return run.refuse(said, fault("wrong_day", date=date, closed=money.closed))
    state.put(state.money, code, money._replace(closed=date))
    accounts = state.currency_accounts(code)
    run.done(said, "accepted", {"date": date, "currency": code, "accounts": str(len(accounts))})
    for account in accounts:
        run.receipt(said.kind, said.uetr, said.member, "statement", figures(account, date))
        state.write(account)
        account.opening, account.credits, account.debits, account.entries = account.balance, 0, 0, 0
    return None


def figures(account: Account, date: str) -> dict[str, str]:
    """The figures of an account since the last close."""
    return {
        "account": account.id,
        "closing": str(account.balance),
        "credits": str(account.credits),
        "date": date,
        "debits": str(account.debits),
        "entries": str(account.entries),
        "opening": str(account.opening),
    }


def entries_of(receipts: Iterable[Receipt], account: str) -> Iterator[Entry]:
    """The movements of one account among receipts, in order; credits are positive."""
    for receipt in receipts:
        facts = receipt.facts
        if receipt.repeat or receipt.code not in ("settled", "posted") or "amount_minor" not in facts:
            continue  # a certificate's own receipt moves nothing: its payments have theirs
        amount = int(facts["amount_minor"])
        if facts["kind"] in ("issue", "redeem"):
            sign = 1 if facts["kind"] == "issue" else -1
            main, other = facts["account"], facts["account"] + "/issue"
            sides = ((main, other, sign), (other, main, -sign))
        else:
            sides = ((facts["payer"], facts["payee"], -1), (facts["payee"], facts["payer"], 1))
        for own, counterparty, sign in sides:
            if own == account:
                yield Entry(receipt.uetr, receipt.kind, receipt.height, receipt.index, counterparty, sign * amount)
