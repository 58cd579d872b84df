"""The options that the commands on indices share."""

from __future__ import annotations

import typer

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
