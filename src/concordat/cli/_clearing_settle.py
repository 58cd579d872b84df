"""`concordat clearing settle`: a file of obligations, settled through a ledger, and what became of every currency."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._clearing_keys import JSON, TIME, keys_of, moment, opened, text_of
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
    if keys is not None and not ledger:
        hint = "Name the ledger with --ledger FILE; without it nothing is settled, only tried in memory."
        raise InputError("keys, and no ledger to settle in.", where="--keys", hint=hint, code="no_ledger")
    if balances is not None and ledger:
        hint = "The ledger's own balances count."
        raise InputError("balances are for a trial in memory.", where="--balances", hint=hint, code="two_questions")
    debts = parse_obligations(text_of(file), where=str(file))
    rows, held = list(rows_of(debts)), int(debts.held.sum())
    if not rows:
        hint = "Rows that are held don't count."
        raise InputError("there are no debts to settle.", where=str(file), hint=hint, code="empty")
    if ledger:
        tallies = _in_ledger(ledger, keys, rows, mode, work, moment(time))
    else:
        desk, renamed = _made_up(rows, balances, moment(time))
        tallies = settle_rows(desk, renamed, mode=mode, work=work, progress=_progress)
    if json:
        facts = {"mode": mode, "ledger": ledger or None, "held": held}
        print(json_.dumps({**facts, "currencies": {code: _facts(one) for code, one in tallies.items()}}, indent=1))
        return
    if not ledger:
        print("a trial in memory: no ledger was touched")
    if held:
        print(f"{held} row{'s' * (held != 1)} of the file held: left out")
    for line in _lines(tallies):
        print(line)


def _progress(text: str) -> None:
    """To somebody who watches; not into a log."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _in_ledger(
    ledger: str, keys: Path | None, rows: Sequence[Row], mode: str, work: int, now: int
) -> Mapping[str, Tally]:
    from concordat.clearing.settlement import Desk, settle_rows

    if keys is None:
        raise InputError("a ledger takes signed instructions only.", hint="Give --keys FOLDER.", code="no_key")
    secrets = keys_of(keys)
    host = opened(ledger)
    try:
        desk = Desk(host, secrets, max(now, host.state.time_ms))
        return settle_rows(desk, rows, mode=mode, work=work, progress=_progress)
    finally:
        host.close()


def _made_up(rows: Sequence[Row], balances: Path | None, now: int) -> tuple[Desk, list[Row]]:
    """A room in memory with these members under invented BICs, funded as the file of balances says."""
    from concordat.clearing.netting.tables import parse_balances
    from concordat.clearing.simulate.room import made_up_room

    opening = parse_balances(text_of(balances), where=str(balances)) if balances else {}
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
    lines = []
    for code, one in tallies.items():
        gross, off, paid, released, waiting = (
            _major(value, code) for value in (one.gross, one.set_off, one.paid, one.released, one.waiting)
        )
        share = 100 * one.settled / one.gross if one.gross else 0.0
        line = f"{code}  {share:5.1f} % of {gross} settled: {off} set off, {paid} paid, {released} released together; "
        line += f"{waiting} waits in {one.left} payment{'s' * (one.left != 1)}" if one.left else "nothing waits"
        if one.known:
            line += f"; {one.known} debt{'s' * (one.known != 1)} known from before (what they settled then not counted)"
        for refused, count in sorted(one.refused.items()):
            line += f"; {count} refused: {refused}"
        lines.append(line)
    return lines


def _major(minor: int, code: str) -> str:
    """Minor units as people write them, exact at any size."""
    from decimal import Decimal

    from concordat import world

    return f"{Decimal(minor).scaleb(-(world.currency(code).minor_units or 0)):,f}"
