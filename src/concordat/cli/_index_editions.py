"""`concordat index compare` and `revisions`: what changed between two editions or two releases, and why."""

from __future__ import annotations

from pathlib import Path

import typer

from concordat.cli import _index_input as shared
from concordat.cli import _index_tables as tables
from concordat.cli._index_options import BLOC, CSV, DATA, DATA_DIR, FILE, JSON, ON, OUT, RELEASE, THIN


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
    shown = (shared.right(("unit", "before", "after", "total", *table_.components)), rows)
    trace = tables.traced(first, first_name) | tables.traced(second, second_name, "earlier_")
    table = tables.table(table_.rows(), trace, ("unit", "before", "after", "total", *table_.components))
    facts = {
        "later": {"index": first.spec.id, **shared.traced(first, first_name)},
        "earlier": {"index": second.spec.id, **shared.traced(second, second_name)},
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
    shared.out(facts, [*head, *shared.columns(*shown), *foot], json=json, csv=csv, table=table, out=out)


def revisions(
    file: str = FILE,
    before: str = typer.Argument(..., metavar="R1", help="The earlier release."),
    after: str = typer.Argument(..., metavar="R2", help="The later release."),
    bloc: str = BLOC,
    on: str = ON,
    leave_out: bool = THIN,
    json: bool = JSON,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Show how far two releases differ in an index's figures, and which ranks moved because of it."""
    from concordat.cli import _index_revisions as told

    spec = shared.spec(file, bloc, on)
    facts, lines = told.told(spec, before, after, data_dir, leave_out)
    shared.out(facts, lines, json=json, out=out)
