"""`concordat index`: run an index from its file, question it, compare editions, reproduce published ones.

The file says what is measured; the release, or a table given with `--data`, says the figures. Results go to standard
output, as a table to read or with `--json` or `--csv` for programs; what a step warns of goes to standard error.
"""

from __future__ import annotations

import json as json_
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _index_editions, _index_published, _index_question
from concordat.cli import _index_input as shared
from concordat.cli import _index_tables as tables
from concordat.cli._index_options import BLOC, CSV, DATA, DATA_DIR, FILE, JSON, ON, OUT, RELEASE, RUNS, THIN

if TYPE_CHECKING:
    from concordat.observatory.reference import GroupScores
    from concordat.observatory.result import IndexResult
    from concordat.observatory.spec import IndexSpec
    from concordat.observatory.uncertainty import UncertaintyResult

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run an index from its file, question it, compare editions, reproduce published ones.",
)


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
    from concordat.observatory.stages.weights import told

    spec = shared.spec(file, bloc, on)
    result, name = shared.result(spec, release, data, data_dir, leave_out)
    found = None if sure or spec.uncertainty is None or spec.kind == "dashboard" else shared.uncertainty(result, runs)
    facts = result.as_data() | {"release": name}
    if found is not None:
        facts["uncertainty"] = found.as_data()
        facts |= {"imputation": facts["uncertainty"]["imputation"]} if found.imputation is not None else {}
    groups = _groups(spec, result, release, data, data_dir)
    facts["compared_with"] = [asdict(g) for g in groups]
    shared.warn(result)
    board = spec.kind == "dashboard"
    shown = _placed(result) if board else _ranking(result, found)
    more = [g.line() for g in groups] + [_ballot_line(b) for b in result.ballots()]
    lines = [*shared.head(result, name), "", *shared.columns(*shown), *_foot(found)]
    lines += shared.imputation(result if found is None else found, result.order())
    lines += ["", *more] if more else []
    weighed = [f"Weights of {n.indicator}: {n.text}." for n in told(result.weighting)]
    lines += ["", *weighed] if weighed else []
    table = tables.placed(result, name) if board else tables.ranking(result, found, name)
    shared.out(facts, lines, json=json, csv=csv, table=table, out=out)


# --- Printing -----------------------------------------------------------------------------------------------------


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


def _placed(result: IndexResult) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    """A dashboard: where each figure stands between the units' lowest (0) and highest (100)."""
    placed = 100 * result.placed()
    rows = [(unit, *("-" if v != v else f"{v:.0f}" for v in placed[u])) for u, unit in enumerate(result.units)]
    return ("unit", *(f">{name}" for name in result.panel.indicators)), rows


def _groups(
    spec: IndexSpec, result: IndexResult, release: str, data: Path | None, data_dir: str | None
) -> list[GroupScores]:
    """The groups that the file compares with; a table of one's own holds no others."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.observatory.reference import GroupScores, reference_scores

    if spec.units is None or not spec.units.compare_with or spec.kind == "dashboard":
        return []
    if data is not None:
        return [GroupScores(g, reason="a table was given in place of a release.") for g in spec.units.compare_with]
    rows, _ = shared.observations(release or spec.data.release, data_dir)
    return reference_scores(result.spec, rows, load_catalogue(), not_after=result.panel.years[-1])


def _ballot_line(ballot: dict[str, Any]) -> str:
    """The first places that one ballot's weights imply."""
    order = sorted((r, u) for u, r in ballot["ranks"].items() if r is not None)
    return f"Ballot {ballot['ballot']} ({ballot['member']}): {', '.join(u for _, u in order[:5])} ..."


def _foot(found: UncertaintyResult | None) -> list[str]:
    return [] if found is None else ["", *found.summary()]


def _isnan(values: Any) -> Any:
    import numpy as np

    return np.isnan(values)


def _score(value: float) -> str:
    return "-" if value != value else f"{value:.4g}" if abs(value) < 10 else f"{value:.1f}"


app.command("uncertainty")(_index_question.uncertainty)
app.command("audit")(_index_question.audit)
app.command("acceptability")(_index_question.acceptability)
app.command("provenance")(_index_question.provenance)
app.command("compare")(_index_editions.compare)
app.command("revisions")(_index_editions.revisions)
app.command("reproduce")(_index_published.reproduce)
app.command("calibrate")(_index_published.calibrate)
