"""`concordat clearing curve`: what would it take? The settled share of a queue against opening liquidity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from concordat.cli._clearing_net import JSON, SEED, WORKERS, check_limit, check_new, read, show, text, write_folder
from concordat.errors import InputError

HEADER = ("opening_pct_gross", "released_pct", "released_bound_pct", "bypass_pct", "gross_payment_pct")


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("curve")(curve)


def curve(
    obligations: Path = typer.Argument(..., metavar="OBLIGATIONS", help="CSV, as for net."),
    balances: Path = typer.Option(..., "--balances", metavar="CSV", help="Whose proportions all points share."),
    at: str = typer.Option(
        "0,0.5,1,2,3.4,5,10,20,40", "--at", help="Opening liquidity in % of gross, ascending, with commas between."
    ),
    time: float = typer.Option(2.0, "--time", min=0.5, max=3_600, help="Seconds for each point."),
    work: float | None = typer.Option(None, "--work", min=1, help="Work for each point instead of --time."),
    seed: int = SEED,
    workers: int = WORKERS,
    out: Path | None = typer.Option(
        None, "--out", metavar="DIR", help="Write curve.csv and curve.svg to this new folder."
    ),
    json: bool = JSON,
) -> None:
    """Show how much settles with 0 to 40 % of gross value as opening liquidity, in three ways of settling."""
    from concordat.clearing.netting import certificate_file
    from concordat.clearing.netting.curve import settled_shares
    from concordat.clearing.netting.tables import parse_balances, parse_obligations

    check_limit("--time", time)
    check_limit("--work", work)
    check_new(out)
    debts = parse_obligations(text(read(obligations), str(obligations)), where=str(obligations))
    funds = parse_balances(text(read(balances), str(balances)), where=str(balances))
    payments, available = certificate_file.queue_of(debts, funds)
    limits = {"work": work, "seed": seed, "deadline_s": None if work else time, "workers": workers}
    points = settled_shares(payments, available, _levels(at), **limits)
    rows = [(p.opening, p.released, p.bound, p.bypass, p.in_order) for p in points]
    if out is not None:
        table = "\n".join(",".join(map(_cell, row)) for row in rows)
        write_folder(out, {"curve.csv": f"{','.join(HEADER)}\n{table}\n", "curve.svg": _picture(rows)})
    facts: Mapping[str, Any] = {"points": [dict(zip(HEADER, row, strict=True)) for row in rows]}
    lines = ["opening liquidity   settled: netted (bound)   one by one, passing by   in order"]
    lines += [f"{o:14.2f} %   {r:12.2f} ({b:.2f}) %   {y:18.2f} %   {f:10.2f} %" for o, r, b, y, f in rows]
    lines.append("Shares of gross value, minor units of all currencies added.")
    show(facts, [*lines, *([f"Table and figure in {out}"] if out else [])], json=json)


def _cell(value: float) -> str:
    return f"{value:.4f}"


def _levels(at: str) -> list[float]:
    try:
        found = [float(word) for word in at.split(",")]
    except ValueError:
        found = []
    if not found or found != sorted(set(found)) or not 0 <= found[0] <= found[-1] <= 1_000 or len(found) > 50:
        raise InputError(f'"{at}" is no list of percentages.', where="--at", code="bad_levels",
                         hint="Write up to 50 ascending numbers from 0 to 1,000, for instance 0,1,2,5,10.")  # fmt: skip
    return found


def _point(step: int, row: tuple[float, float, float, float, float], column: int) -> Any:
    """A share at one liquidity; what is netted has a band up to what no set of payments can exceed."""
    from concordat.figures.lines import Point

    ends = (row[1], row[2]) if column == 1 else (None, None)
    return Point(step, row[column], *ends)


def _picture(rows: list[tuple[float, float, float, float, float]]) -> str:
    """The curve as a figure; its table is curve.csv."""
    from concordat.figures.lines import Line
    from concordat.figures.render import svg
    from concordat.figures.steps import steps

    names = ("netted together; band: to its bound", "one by one, passing by", "one by one, in order")
    series = [
        Line(name, [_point(n, row, column) for n, row in enumerate(rows)], f"{rows[-1][column]:.0f} %",
             dashed=column > 1)
        for name, column in zip(names, (1, 3, 4), strict=True)
    ]  # fmt: skip
    amounts = [f"{row[0]:g}" for row in rows]
    spec = steps(amounts, series, unit="percent", below="opening liquidity, % of gross value")
    return svg(spec, "clearing-curve")
