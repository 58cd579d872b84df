"""`concordat index uncertainty`, `audit`, `acceptability`, `provenance`: what a ranking rests on, how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli import _index_input as shared
from concordat.cli import _index_tables as tables
from concordat.cli._index_options import BLOC, CSV, DATA, DATA_DIR, FILE, JSON, ON, OUT, RELEASE, RUNS, THIN
from concordat.errors import InputError


def uncertainty(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    runs: int = RUNS,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show what each assumption is worth: intervals of ranks, who is ahead of whom, what drives the doubt."""
    spec = shared.spec(file, bloc, on)
    if spec.uncertainty is None:
        hint = "Add uncertainty: {vary: ...}; see: concordat index schema"
        raise InputError("the file varies nothing.", where=spec.document.where, hint=hint, code="vary")
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = shared.uncertainty(result, runs)
    shared.warn(result)
    lines = [*shared.head(result, name), "", *found.lines(), *shared.imputation(found, result.order())]
    facts = found.as_data() | {"release": name}
    shared.out(facts, lines, json=json, csv=csv, table=tables.doubt(found, name), out=out)


def audit(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    runs: int = RUNS,
    json: bool = JSON,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Audit an index along the ten steps of the OECD and JRC handbook: pass, warn or fail, with numbers."""
    from concordat.observatory.audit import audit as look

    spec = shared.spec(file, bloc, on)
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = None if spec.uncertainty is None or spec.kind == "dashboard" else shared.uncertainty(result, runs)
    if data is None:
        rows, _ = shared.observations(release or spec.data.release, data_dir)
        links, licences = shared.links(result, rows), shared.licences(result, rows, data_dir)
        report = look(result, found, links, licences=licences)
    else:
        report = look(result, found)
    facts = report.as_data() | {"inputs_sha256": result.inputs_hash, "release": name}
    shared.out(facts, [*report.lines(), "", f"inputs {result.inputs_hash}"], json=json, out=out)


def acceptability(
    file: str = FILE,
    draws: int = typer.Option(10_000, "--draws", min=1, max=1_000_000, help="How many weightings."),
    seed: int = typer.Option(0, "--seed", min=0, help="The seed of the draws."),
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    json: bool = JSON,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show how often each unit takes each place when every weighting of the indicators is as likely (SMAA)."""
    spec = shared.spec(file, bloc, on)
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = result.acceptability(draws, seed)
    order = sorted(range(len(result.units)), key=lambda u: [-p for p in found.ranks[u].tolist()])
    places = range(1, min(len(result.units), 10) + 1)
    rows = [(result.units[u], *(f"{100 * found.ranks[u, p - 1]:.1f}" for p in places)) for u in order]
    facts = {
        "draws": draws,
        "seed": seed,
        **shared.traced(result, name),
        "acceptability": {result.units[u]: _list(found.ranks[u]) for u in order},
        "central_weights": {result.units[u]: _list(found.central[u]) for u in order},
        "indicators": list(result.panel.indicators),
    }
    head = [
        *shared.head(result, name),
        f"Percent of {draws:,} weightings, seed {seed}, in which a unit takes a place.",
        "",
    ]
    shared.out(facts, [*head, *shared.columns(("unit", *(f">{p}" for p in places)), rows)], json=json, out=out)


def provenance(
    file: str = FILE,
    unit: str = typer.Argument(..., help="A unit's code, such as BRA."),
    node: str = typer.Option("", "--node", help="Under this pillar alone."),
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show what a score is made of: each figure, its observation, what was done to it, its weight and contribution."""
    from concordat.settings import nearest

    spec = shared.spec(file, bloc, on)
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    wanted = node or spec.id
    for word, known, what in ((unit, result.units, "unit"), (wanted, spec.tree.names, "node")):
        if word not in known:
            close = nearest(word, known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
            raise InputError(f'"{word}" is not a {what} of this index.', hint=hint, code=f"unknown_{what}")
    rows = result.provenance(unit, wanted)
    keys = ("indicator", "observation", "year", "value", "reason", "treated", "normalised", "weight", "contribution")
    shown = (shared.right(keys), [tuple(shared.text(row[k]) for k in keys) for row in rows])
    facts = {"unit": unit, "node": wanted, **shared.traced(result, name), "rows": rows}
    table = tables.table([{"unit": unit, **row} for row in rows], tables.traced(result, name), ("unit", *keys))
    shared.out(facts, shared.columns(*shown), json=json, csv=csv, table=table, out=out)


def _list(row: Any) -> list[float | None]:
    return [None if v != v else float(v) for v in row]
