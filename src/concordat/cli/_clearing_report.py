"""`concordat clearing report`: what the ledger says to the banks, as ISO 20022 files."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.cli._clearing_keys import JSON, LEDGER, ledger_of, make_folder, printable, reading
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
    wanted = (camt053, camt054, pacs002)
    if not any(wanted):
        hint = "Ask for --camt053, --camt054 or --pacs002."
        raise InputError("no kind of message is wanted.", hint=hint, code="missing")
    date = _plain(date)
    with reading(ledger) as store:
        written = _write(store, date, tuple(account), out, wanted, ledger_of(ledger))
    if json:
        print(json_.dumps({"date": date, "folder": str(out), **written}, indent=1))
        return
    for kind, count in written.items():
        if count:
            print(f"{count:>6,} {kind} in {out}")


def _plain(date: str) -> str:
    """The date as the ledger writes it.

    Raises:
        InputError: not a date.
    """
    import datetime

    try:
        return datetime.date.fromisoformat(date).isoformat()
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
    store: Store, date: str, accounts: tuple[str, ...], out: Path, wanted: tuple[bool, bool, bool], where: str
) -> dict[str, int]:
    from concordat.clearing.statements import days_of
    from concordat.node.clearing.loading import stored_base

    days = list(days_of(blocks(store), date, whole=stored_base(store) is None))  # all add up, or nothing is written
    if not days:
        hint = "Close it first: an instruction day_close of each issuer."
        raise InputError(f"no account has a closed business date {date}.", where=where, hint=hint, code="no_day")
    for account in sorted(set(accounts) - {day.account for day in days}):
        what = f"{printable(account[:40])} has no closed business date {date}."
        raise InputError(what, where="--account", hint="Write BIC/CCY, such as CCCCBRSP/BRL.", code="no_day")
    issuers = _issuers(store)
    counts = {"camt.053": 0, "camt.054": 0, "pacs.002": 0}
    make_folder(out, "--out")
    writer = _Writer(out)
    for day in days:
        if accounts and day.account not in accounts:
            continue
        for message in _messages(day, issuers[day.account[9:12]], wanted):
            writer.write(day.account.replace("/", "-"), message)
            counts[message.definition[:8]] += 1
    if wanted[2]:
        for message in _statuses(store, date, accounts):
            writer.write("status", message)
            counts["pacs.002"] += 1
    return counts


def _issuers(store: Store) -> dict[str, str]:
    """Currency -> issuer, over all schemes that were in force: a currency has one issuer for ever."""
    from concordat.node.clearing.loading import stored_scheme

    schemes = [stored_scheme(store, digest) for (digest,) in list(store.rows("scheme", columns="hash"))]
    return {code: one.issuer for scheme in schemes for code, one in scheme.currencies.items()}


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

        self.out, self.gate = out, Gate()

    def write(self, name: str, message: Message) -> None:
        from concordat.clearing.iso.write import write

        kind = message.definition[:8].replace(".", "")
        path = self.out / f"{kind}-{name}-{message.message_id}.xml"
        path.write_bytes(write(message, gate=self.gate))
