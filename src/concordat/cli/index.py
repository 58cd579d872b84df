"""`concordat index`: run an index from its file, question it, compare editions, reproduce published ones.

The file says what is measured; the release, or a table given with `--data`, says the figures. Results go to standard
output, as a table to read or with `--json` or `--csv` for programs; what a step warns of goes to standard error.
"""

from __future__ import annotations

import csv as csv_
import io
import json as json_
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _index_input as shared
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult
    from concordat.observatory.uncertainty import UncertaintyResult

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run an index from its file, question it, compare editions, reproduce published ones.",
)

FILE = typer.Argument(..., metavar="FILE", help="An index file (YAML), or the id of a named one; see: index list")
RELEASE = typer.Option("", "--release", help="The release of evidence; default: what the file says, or the newest.")
DATA = typer.Option(None, "--data", help="Instead of a release: a table, long (unit,year,indicator,value) or wide.")
BLOC = typer.Option("", "--bloc", help="Instead of the units that the file names: a bloc's members.")
ON = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today.")
THIN = typer.Option(
    False, "--leave-out", help="Leave out indicators of which fewer than half of the units have a figure, and say so."
)
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
OUT = typer.Option(None, "--out", help="Write to this file instead of the screen.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings")
RUNS = typer.Option(0, "--runs", help="How many runs, where not all are enumerated; default: what the file says.")


@app.command(name="list")
def list_command(json: bool = JSON) -> None:
    """List the named indices that come with the program, each with its true status."""
    from concordat.observatory.named import named, named_ids

    found = [named(name) for name in named_ids()]
    rows = [(s.id, s.status, s.kind, s.edition, s.title) for s in found]
    keys = ("id", "status", "kind", "edition", "title")
    shared.out({"indices": [dict(zip(keys, r, strict=True)) for r in rows]}, shared.columns(keys, rows), json=json)


@app.command()
def check(file: str = FILE, json: bool = JSON) -> None:
    """Check an index file: every name, unit, step and level, before anything runs."""
    spec = shared.spec(file)
    facts = {
        "index": spec.id,
        "spec_sha256": spec.hash,
        "status": spec.status,
        "indicators": list(spec.tree.names[: spec.tree.n_indicators]),
        "steps": [s.name for s in spec.steps],
        "factors": [v.path for v in spec.uncertainty.vary] if spec.uncertainty else [],
    }
    lines = [
        f"{spec.id}: {spec.title}",
        f"SHA-256 {spec.hash}",
        f"Status {spec.status}; {len(facts['indicators'])} indicators; steps: {', '.join(facts['steps'])}.",
        f"Varies: {', '.join(facts['factors']) or 'nothing'}.",
        "Nothing is wrong with the file.",
    ]
    shared.out(facts, lines, json=json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of an index file."""
    from concordat.observatory._spec_model import json_schema

    print(json_.dumps(json_schema(), ensure_ascii=False, indent=1, sort_keys=True))


@app.command()
def run(
    file: str = FILE,
    release: str = RELEASE,
    data: Path | None = DATA,
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    runs: int = RUNS,
    sure: bool = typer.Option(False, "--no-uncertainty", help="Scores and ranks alone."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Run an index: each unit's rank and score, and how sure the rank is."""
    spec = shared.spec(file, bloc, on)
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = None if sure or spec.uncertainty is None or spec.kind == "dashboard" else shared.uncertainty(result, runs)
    facts = result.as_data() | {"release": name}
    if found is not None:
        facts["uncertainty"] = found.as_data()
    _warn(result)
    table = _ranking(result, found)
    shared.out(
        facts,
        [*_head(result, name), "", *shared.columns(*table), *_foot(found)],
        json=json,
        csv=csv,
        table=table,
        out=out,
    )


@app.command()
def uncertainty(
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
    """Show what each assumption is worth: intervals of ranks, who is ahead of whom, what drives the doubt."""
    spec = shared.spec(file, bloc, on)
    if spec.uncertainty is None:
        hint = "Add uncertainty: {vary: ...}; see: concordat index schema"
        raise InputError("the file varies nothing.", where=spec.document.where, hint=hint, code="vary")
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = shared.uncertainty(result, runs)
    _warn(result)
    shared.out(found.as_data() | {"release": name}, [*_head(result, name), "", *found.lines()], json=json, out=out)


@app.command()
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
    table = (shared.right(keys), [tuple(shared.text(row[k]) for k in keys) for row in rows])
    facts = {"unit": unit, "node": wanted, "release": name, "rows": rows}
    shared.out(facts, shared.columns(*table), json=json, csv=csv, table=table, out=out)


@app.command()
def compare(
    later: str = typer.Argument(..., metavar="A", help="The later edition's file."),
    earlier: str = typer.Argument(..., metavar="B", help="The earlier edition's file."),
    release: str = RELEASE,
    earlier_release: str = typer.Option("", "--earlier-release", help="The earlier edition's release."),
    data: Path | None = DATA,
    earlier_data: Path | None = typer.Option(None, "--earlier-data", help="The earlier edition's table."),
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    ranks: bool = typer.Option(False, "--ranks", help="Print the changes of rank; default: of score."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Explain each change between two editions: how much of it each cause has, adding up to the whole."""
    from concordat.observatory.compare import compare as set_beside

    first, first_name = shared.result(shared.spec(later, bloc, on), release, data, data_dir, leave_out)
    then = (earlier_release or release, earlier_data or data)
    second, second_name = shared.result(shared.spec(earlier, bloc, on), *then, data_dir, leave_out)
    comparison = set_beside(first, second)
    found = comparison.attribute()
    table_ = found.rank if ranks else found.score
    rows = [tuple(shared.text(v) for v in row.values()) for row in table_.rows()]
    table = (shared.right(("unit", "before", "after", "total", *table_.components)), rows)
    facts = {
        "later": {"index": first.spec.id, "spec_sha256": first.spec.hash, "release": first_name},
        "earlier": {"index": second.spec.id, "spec_sha256": second.spec.hash, "release": second_name},
        "entrants": list(comparison.entrants),
        "leavers": list(comparison.leavers),
        "merged": list(found.merged),
        "exact": table_.exact,
        "score": found.score.rows(),
        "rank": found.rank.rows(),
    }
    head = [f"{first.spec.id} against {second.spec.id}: change of {'rank' if ranks else 'score'} by cause.", ""]
    foot = [f"Could not be separated: {m}." for m in found.merged]
    foot += [f"In the later edition alone: {', '.join(comparison.entrants)}."] if comparison.entrants else []
    foot += [f"In the earlier edition alone: {', '.join(comparison.leavers)}."] if comparison.leavers else []
    if not table_.components:
        head, foot = [f"{first.spec.id} and {second.spec.id} do not differ in anything that is computed.", ""], []
    shared.out(facts, [*head, *shared.columns(*table), *foot], json=json, csv=csv, table=table, out=out)


@app.command()
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
    report = look(result, found)
    shared.out(report.as_data() | {"release": name}, report.lines(), json=json, out=out)


@app.command()
def reproduce(
    file: str = FILE,
    table: Path = typer.Argument(..., help="A table: unit, the inputs, and a column with the published score."),
    published: str = typer.Option("published", "--published", help="The column with the published score."),
    tolerance: float = typer.Option(5e-4, "--tolerance", help="What counts as the same."),
    json: bool = JSON,
    out: Path | None = OUT,
) -> None:
    """Recompute published scores from published inputs, and print how far they differ."""
    from concordat.observatory.reproduce import reproduce as again

    found = again(shared.spec(file), shared.read(table), published=published, tolerance=tolerance, where=str(table))
    shared.out(found.as_data(), found.lines(), json=json, out=out)


@app.command()
def calibrate(
    pairs: Path = typer.Argument(..., help="A table with the columns value and score."),
    rounding: float = typer.Option(0.1, "--rounding", help="To what the scores were rounded."),
    scale: float = typer.Option(100.0, "--scale", help="The highest score."),
    json: bool = JSON,
    out: Path | None = OUT,
) -> None:
    """Find the goalposts that published scores imply, as intervals, with what they can't explain."""
    from concordat.observatory.calibrate import calibrate_goalposts

    rows = list(csv_.DictReader(io.StringIO(shared.read(pairs))))
    if not rows or not {"value", "score"} <= set(rows[0]):
        hint = "Begin with: value,score"
        raise InputError("the table has no columns value and score.", where=str(pairs), hint=hint, code="columns")
    values, scores = ([shared.number(r[k], pairs, n) for n, r in enumerate(rows, 2)] for k in ("value", "score"))
    found = calibrate_goalposts(values, scores, rounding=rounding, scale=scale)
    shared.out(found.as_data(), found.lines(), json=json, out=out)


# --- Printing -----------------------------------------------------------------------------------------------------


def _head(result: IndexResult, release: str) -> list[str]:
    spec, year = result.spec, result.panel.years[-1]
    units = int((~_isnan(result.scores)).sum())
    about = [f"{units} units", f"{spec.tree.n_indicators} indicators", f"imputed {100 * result.imputed_share:.0f} %"]
    return [f"{spec.title} ({spec.id}, spec {spec.hash[:8]}), {year}", f"{release}; {'; '.join(about)}"]


def _ranking(result: IndexResult, found: UncertaintyResult | None) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    head = [">rank", "unit", ">score"]
    if found is not None:
        head += ["90% ranks", f">P(top {found.top[0]})", "plateau"]
    rows: list[tuple[str, ...]] = []
    for u in result.order():
        ranked = not _isnan(result.scores)[u]
        row = [f"{result.ranks[u]:.0f}" if ranked else "-", result.units[u], _score(result.scores[u])]
        if found is not None:
            row += [found.interval_text(u), found.top_text(u), found.plateau_of(u)] if ranked else ["", "", ""]
        rows.append(tuple(row))
    return head, rows


def _foot(found: UncertaintyResult | None) -> list[str]:
    return [] if found is None else ["", *found.summary()]


def _warn(result: IndexResult) -> None:
    for note in result.notes:
        if note.warning:
            place = ", ".join(w for w in (note.indicator, note.unit, note.slice) if w)
            print(f"concordat: {note.stage}: {place + ': ' if place else ''}{note.text}.", file=sys.stderr)


def _isnan(values: Any) -> Any:
    import numpy as np

    return np.isnan(values)


def _score(value: float) -> str:
    return "-" if value != value else f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"
