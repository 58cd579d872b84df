"""`concordat scenario`: who gains and who pays if a rule, a cost, a connection or a transfer changes.

A scenario is a file; `check` tells what it would do, `run` does it. Results go to standard output as a table to read,
in full with `--json` and `--csv`, or in all forms to a folder with `--out`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from concordat.cli import _scenario_estimate as estimates

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Who gains and who pays if a rule, a cost, a connection or a transfer changes.",
)
parameters = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="The sizes that scenarios may rest on."
)
app.add_typer(parameters, name="parameters")

FILE = typer.Argument(..., metavar="FILE", help="A scenario file; see: docs/reference/scenario-file.md")
OWN = typer.Option([], "--file", help="With a parameter file of your own; may be repeated.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
OUT = typer.Option(None, "--out", metavar="DIR", help="Write all forms to this new folder instead of the screen.")


@app.command()
def run(
    files: list[Path] = typer.Argument(
        ..., metavar="FILE...", help="A scenario file; of several, each is also compared with the first."
    ),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Run a scenario: real income of every economy with its band, outsiders, certificate."""
    from concordat.cli import _scenario_run as runs

    runs.run(files, json=json, csv=csv, out=out, tell=not quiet and sys.stderr.isatty())


@app.command()
def check(file: Path = FILE, json: bool = JSON, csv: bool = CSV, out: Path | None = OUT) -> None:
    """Check a scenario without solving it: its files, pairs, parameters and what it would be stamped with."""
    from concordat.cli import _scenario_run as runs

    runs.check(file, json=json, csv=csv, out=out)


@parameters.command("list")
def list_(own: list[Path] = OWN, json: bool = JSON, csv: bool = CSV, out: Path | None = OUT) -> None:
    """Every parameter with its spread, grade, mark and source."""
    from concordat.cli import _scenario_run as runs

    runs.parameters(own, json=json, csv=csv, out=out)


@parameters.command()
def show(
    name: str = typer.Argument(..., metavar="ID", help="A parameter's id; see: concordat scenario parameters list"),
    own: list[Path] = OWN,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
) -> None:
    """One parameter in full: what it means, for whom it was found, how it is known."""
    from concordat.cli import _scenario_run as runs

    runs.parameter(name, own, json=json, csv=csv, out=out)


@app.command()
def provisions(
    who: list[str] = typer.Argument(..., metavar="A B|BLOC", help="Two parties, or one bloc."),
    on: str = typer.Option("", "--on", help="The day, as 2026-11-22; default: today."),
    base_year: int = typer.Option(
        0, "--base-year", help="Of the trade data: what was in force then is in them already."
    ),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where the rulebook is kept; see: concordat settings"),
) -> None:
    """Which provisions in force have a quantified effect, which have none, counted."""
    from concordat.cli import _scenario_provisions as rules

    rules.provisions(who, on, base_year, json=json, csv=csv, out=out, data_dir=data_dir)


app.command()(estimates.estimate)
app.command()(estimates.formulas)
