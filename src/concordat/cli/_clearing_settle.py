"""`concordat clearing settle`: a file of obligations, settled through a ledger, and what became of every currency."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._clearing_keys import JSON, TIME, keys_of, ledger_of, moment, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.clearing.settlement import Desk, Row, Tally


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("settle")(settle)


def settle(
    file: Path = typer.Argument(
        ..., metavar="CSV", help="Obligations: id, payer, payee, currency, amount_minor or amount."
    ),
    ledger: str = typer.Option(
        "", "--ledger", metavar="FILE", help="Settle in this ledger; payers and payees are its members."
    ),
    keys: Path | None = typer.Option(None, "--keys", metavar="FOLDER", help="With --ledger: the members' key files."),
    balances: Path | None = typer.Option(
        None, "--balances", metavar="CSV", help="Without --ledger: what members open with."
    ),
    mode: str = typer.Option(
        "netting",
        "--mode",
        metavar="MODE",
        help="netting: set off, pay, release; queue: pay, release; gross: pay only.",
    ),
    work: int = typer.Option(10**6, "--work", min=1, help="How hard a solver tries, for each certificate."),
    time: str = TIME,
    json: bool = JSON,
) -> None:
    """Settle a file of obligations: set off what needs no money, pay the rest, release what is stuck together.

    Without --ledger it happens in memory, in a made-up room with the file's members: what would become of them?
    """
    from concordat.clearing.netting.tables import parse_obligations
    from concordat.clearing.settlement import MODES, rows_of, settle_rows

    if mode not in MODES:
        from concordat.settings import unknown_key

        raise unknown_key(mode, MODES, where="--mode")
    rows = list(rows_of(parse_obligations(_text(file), where=str(file))))
    if ledger:
        tallies = _in_ledger(ledger, keys, rows, mode, work, moment(time))
    else:
        desk, renamed = _made_up(rows, balances, moment(time))
        tallies = settle_rows(desk, renamed, mode=mode, work=work, progress=_progress)
    if json:
        print(json_.dumps({"mode": mode, "currencies": {code: _facts(one) for code, one in tallies.items()}}, indent=1))
        return
    for line in _lines(tallies):
        print(line)


def _progress(text: str) -> None:
    """To somebody who watches; not into a log."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _text(path: Path) -> str:
    try:
        return read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), code="not_utf8") from None


def _in_ledger(
    ledger: str, keys: Path | None, rows: Sequence[Row], mode: str, work: int, now: int
) -> Mapping[str, Tally]:
    from concordat.clearing.settlement import Desk, settle_rows
    from concordat.node.clearing import open_host

    if keys is None:
        raise InputError("a ledger takes signed instructions only.", hint="Give --keys FOLDER.", code="no_key")
    host = open_host(ledger_of(ledger))
    try:
        desk = Desk(host, keys_of(keys), max(now, host.state.time_ms))
        return settle_rows(desk, rows, mode=mode, work=work, progress=_progress)
    finally:
        host.close()


def _made_up(rows: Sequence[Row], balances: Path | None, now: int) -> tuple[Desk, list[Row]]:
    """A room in memory with these members under invented BICs, funded as the file of balances says."""
    from concordat.clearing.netting.tables import parse_balances
    from concordat.clearing.simulate.room import made_up_room

    opening = parse_balances(_text(balances), where=str(balances)) if balances else {}
    return made_up_room(rows, opening, now)


# --- What is said -----------------------------------------------------------------------------------------------------


def _facts(one: Tally) -> dict[str, Any]:
    share = {
        "settled_minor": str(one.settled),
        "settled_share": round(one.settled / one.gross, 6) if one.gross else 0.0,
    }
    numbers = {f"{name}_minor": str(getattr(one, name)) for name in ("gross", "set_off", "paid", "released", "waiting")}
    counts = {name: getattr(one, name) for name in ("debts", "known", "certificates", "left")}
    return {**counts, **numbers, **share, "refused": one.refused}


def _lines(tallies: Mapping[str, Tally]) -> list[str]:
    from concordat import world

    lines = []
    for code, one in tallies.items():
        places = world.currency(code).minor_units or 0
        gross, off, paid, released, waiting = (
            f"{value / 10**places:,.{places}f}"
            for value in (one.gross, one.set_off, one.paid, one.released, one.waiting)
        )
        share = 100 * one.settled / one.gross if one.gross else 0.0
        line = f"{code}  {share:5.1f} % of {gross} settled: {off} set off, {paid} paid, {released} released together; "
        line += f"{waiting} waits in {one.left} payment{'s' * (one.left != 1)}" if one.left else "nothing waits"
        if one.known:
            line += f"; {one.known} debts were known from before"
        for refused, count in sorted(one.refused.items()):
            line += f"; {count} refused: {refused}"
        lines.append(line)
    return lines
