"""`concordat clearing check-certificate`: does a file of certificates say the truth about the files it names?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.cli._clearing_net import JSON, money, read, show, text, trades_problem

if TYPE_CHECKING:
    from concordat.clearing.netting.certificate_file import Proved


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("check-certificate")(check_certificate)


def check_certificate(
    file: Path = typer.Argument(..., metavar="FILE", help="certificates.json, as net --out wrote it."),
    folder: Path | None = typer.Option(
        None,
        "--folder",
        metavar="DIR",
        help="Where the netted files are; default: beside FILE, or in the folder above.",
    ),
    json: bool = JSON,
) -> None:
    """Check certificates against the files that were netted: whole numbers, one pass, no solver."""
    from concordat.clearing.netting import certificate_file
    from concordat.clearing.netting.certificate_file import sha256_of
    from concordat.clearing.netting.tables import parse_balances, parse_obligations

    where = str(file)
    document = certificate_file.opened(text(read(file), where), where=where)

    def find(role: str, name: str) -> bytes:
        plain = Path(name).name  # a certificate is a stranger's file: it names files, never places
        places = [folder] if folder else [file.parent, file.parent.parent, Path()]
        there = [read(place / plain) for place in places if (place / plain).is_file()]
        wanted = document["files"][role]["sha256"]
        return next((one for one in there if sha256_of(one) == wanted), there[0] if there else read(places[0] / plain))

    found = certificate_file.check_hashes(document, find, where=where)
    names = {role: document["files"][role]["name"] for role in found}
    debts = balances = trades = None
    if "obligations" in found:
        debts = parse_obligations(text(found["obligations"], names["obligations"]), where=names["obligations"])
    if "balances" in found:
        balances = parse_balances(text(found["balances"], names["balances"]), where=names["balances"])
    if {"trades", "members", "rates"} <= set(found):
        three = [(names[role], found[role]) for role in ("trades", "members", "rates")]
        trades, _ = trades_problem(three[0], three[1], three[2])
    proved = certificate_file.check(document, certificate_file.Inputs(debts, balances, trades), where=where)
    # Which files a proof speaks of is the certificate's choice: whoever reads the verdict must see it.
    used: dict[str, dict[str, str]] = {role: document["files"][role] for role in found}
    facts = {
        "files": used,
        "certificates": [
            {"problem": one.problem, "currency": one.currency, "count": one.count, "gained": str(one.gained),
             "bound": None if one.bound is None else str(one.bound)} for one in proved
        ]
    }  # fmt: skip
    files = [f"{role}: {named['name']} ({named['sha256']})" for role, named in used.items()]
    lines = [_line(one) for one in proved] or ["Nothing is owed, so there is nothing to prove."]
    show(facts, [*lines, "Checked against:", *files], json=json)


def _line(one: Proved) -> str:
    if one.problem == "divisible":
        amount = money(one.gained, one.currency)
        return f"{one.currency}  {one.count:,} debts set off, {amount} in all: holds, and is optimal"
    if one.problem == "queue":
        bound = "none" if one.bound is None else money(one.bound, one.currency)
        gained = money(one.gained, one.currency)
        return f"{one.currency}  {one.count:,} payments settle {gained}: holds; no set can settle more than {bound}"
    return f"{one.count:,} trades worth {one.gained:,} units of value: holds; no set is worth more than {one.bound:,}"
