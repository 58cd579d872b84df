"""`concordat clearing report`: what the ledger says to the banks, as ISO 20022 files."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.cli._clearing_keys import JSON, LEDGER, ledger_of
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.clearing.core.receipts import Receipt
    from concordat.clearing.iso.types import Message
    from concordat.clearing.statements import Day
    from concordat.node.clearing.tables import Store


_TOLD = ("transfer", "trade", "post", "return")


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("report")(report)


def report(
    date: str = typer.Option(
        ..., "--date", metavar="DATE", help="The business date, such as 2027-01-04; it must be closed."
    ),
    out: Path = typer.Option(..., "--out", metavar="FOLDER", help="Where the files go, one a message."),
    camt053: bool = typer.Option(True, "--camt053/--no-camt053", help="A statement for every account that was closed."),
    camt054: bool = typer.Option(False, "--camt054", help="A notification for every entry as well."),
    pacs002: bool = typer.Option(False, "--pacs002", help="A status for every payment of the date as well."),
    account: list[str] = typer.Option([], "--account", metavar="ACCOUNT", help="Only this account; may be repeated."),
    ledger: str = LEDGER,
    json: bool = JSON,
) -> None:
    """Write a closed business date's messages; every file has passed our own gate before it is written."""
    from concordat.node.clearing import open_store

    _check_date(date)
    where = ledger_of(ledger)
    store = open_store(where)
    try:
        with store.reading():
            written = _write(store, date, tuple(account), out, (camt053, camt054, pacs002))
    finally:
        store.close()
    if not any(written.values()):
        hint = "Close it first: an instruction day_close of each issuer."
        raise InputError(f"no account has a closed business date {date}.", where=where, hint=hint, code="no_day")
    if json:
        print(json_.dumps({"date": date, "folder": str(out), **written}, indent=1))
        return
    for kind, count in written.items():
        if count:
            print(f"{count:>6,} {kind} in {out}")


def _check_date(date: str) -> None:
    import datetime

    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise InputError(
            f'"{date[:20]}" is not a date.', where="--date", hint="Write 2027-01-04.", code="bad_time"
        ) from None


def blocks(store: Store) -> Iterator[tuple[int, Sequence[Receipt]]]:
    """Time and receipts of every block."""
    from concordat.clearing.core.receipts import Receipts
    from concordat.node.clearing.tables import receipts_leaves

    for digest, time_ms, text in store.rows("block", "ORDER BY height", (), "hash, time_ms, receipts"):
        yield time_ms, Receipts(receipts_leaves(text), digest)


def _write(
    store: Store, date: str, accounts: tuple[str, ...], out: Path, wanted: tuple[bool, bool, bool]
) -> dict[str, int]:
    from concordat.clearing.statements import days_of
    from concordat.node.clearing.loading import first_scheme

    issuers = {code: one.issuer for code, one in first_scheme(store).currencies.items()}
    counts = {"camt.053": 0, "camt.054": 0, "pacs.002": 0}
    writer = _Writer(out)
    for day in days_of(blocks(store), date, accounts):
        for message in _messages(day, issuers[day.account[9:12]], wanted):
            writer.write(day.account.replace("/", "-"), message)
            counts[message.definition[:8]] += 1
    if wanted[2]:
        for message in _statuses(store, date, accounts):
            writer.write("status", message)
            counts["pacs.002"] += 1
    return counts


def _messages(day: Day, issuer: str, wanted: tuple[bool, bool, bool]) -> Iterator[Message]:
    from concordat.clearing.statements import notification_of, statement_of

    if wanted[0]:
        yield statement_of(day, issuer)
    if wanted[1]:
        for number in range(len(day.movements)):
            yield notification_of(day, number, issuer)


def _statuses(store: Store, date: str, accounts: tuple[str, ...]) -> Iterator[Message]:
    from concordat.clearing.statements import stamp, status_message

    for time_ms, receipts in blocks(store):
        if stamp(time_ms)[:10] != date:
            continue
        for receipt in receipts:
            told = receipt.kind in _TOLD and "payer" in receipt.facts and not receipt.repeat
            if told and (not accounts or receipt.facts["payer"] in accounts):
                yield status_message(receipt, time_ms)


class _Writer:
    """Writes messages through one gate."""

    def __init__(self, out: Path) -> None:
        from concordat.clearing.iso import Gate

        out.mkdir(parents=True, exist_ok=True)
        self.out, self.gate = out, Gate()

    def write(self, name: str, message: Message) -> None:
        from concordat.clearing.iso.write import write

        kind = message.definition[:8].replace(".", "")
        path = self.out / f"{kind}-{name}-{message.message_id}.xml"
        path.write_bytes(write(message, gate=self.gate))
