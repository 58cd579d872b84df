"""`concordat clearing generate`: more queues, or trades, of the kind of the reference data, from a seed."""

from __future__ import annotations

import json as json_
from pathlib import Path

import typer

from concordat.cli._clearing_net import JSON, check_new, show, write_folder

RATES = "schema: concordat/rates@1\nunit: USD\nsource: a fixed example, not a market\nhaircut_bp: 800\nper_unit:\n"


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("generate")(generate)


def generate(
    out: Path = typer.Argument(..., metavar="DIR", help="A new folder."),
    payments: int = typer.Option(10_000, "--payments", min=1, max=5_000_000, help="How many obligations."),
    trades: int = typer.Option(0, "--trades", min=0, max=1_000_000, help="Make so many trades instead."),
    members: int | None = typer.Option(
        None, "--members", min=2, max=5_000_000, help="How many; default: as in the reference data."
    ),
    seed: int = typer.Option(0, "--seed", help="Another seed, another day."),
    json: bool = JSON,
) -> None:
    """Make obligations and balances, or trades, members and rates: synthetic, the same for the same seed."""
    from concordat.clearing.netting import generate as made
    from concordat.clearing.netting.tables import write_csv

    check_new(out)
    if trades:
        market = made.generate_trades(trades, members=members, seed=seed)
        columns = list(zip(*(trade[:7] for trade in market.trades), strict=True))
        keys = sorted(market.balances)
        member_columns = [
            [key[0] for key in keys], [key[1] for key in keys],
            [market.balances[key] for key in keys], [market.short_limits[key] for key in keys],
        ]  # fmt: skip
        rates = "".join(f"  {code}: {json_.dumps(rate)}\n" for code, rate in market.usd_rates.items())
        files = {
            "trades.csv": write_csv(
                ("id", "party_a", "party_b", "a_sells_ccy", "a_sells_minor", "b_sells_ccy", "b_sells_minor"), columns
            ),
            "members.csv": write_csv(("member", "currency", "balance_minor", "short_limit_minor"), member_columns),
            "rates.yaml": RATES + rates,
        }
        count = len({key[0] for key in keys})
    else:
        debts, balances = made.generate_obligations(payments, members=members, seed=seed)
        keys = sorted(balances)
        files = {
            "obligations.csv": write_csv(
                ("id", "payer", "payee", "currency", "amount_minor", "priority"),
                (
                    debts.ids, [debts.members[n] for n in debts.payer.tolist()],
                    [debts.members[n] for n in debts.payee.tolist()],
                    [debts.currencies[n] for n in debts.currency.tolist()], debts.amount.tolist(),
                    debts.priority.tolist(),
                ),
            ),
            "balances.csv": write_csv(
                ("participant", "currency", "balance_minor"),
                ([key[0] for key in keys], [key[1] for key in keys], [balances[key] for key in keys]),
            ),
        }  # fmt: skip
        count = len(debts.members)
    write_folder(out, files)
    facts = {"folder": str(out), "files": list(files), "members": count, "seed": seed}
    show(facts, [f"{out}: {', '.join(files)} ({count:,} members, seed {seed}). Synthetic: no real flows."], json=json)
