"""`concordat index reproduce` and `calibrate`: published scores recomputed, and the goalposts that they imply."""

from __future__ import annotations

import csv as csv_
import io
from pathlib import Path

import typer

from concordat.cli import _index_input as shared
from concordat.cli._index_options import FILE, JSON, OUT
from concordat.errors import InputError


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
