"""`concordat sharing`: how the gains of a common rule can be divided, every rule with what it promises.

The file is a scenario, whose members are the players and whose equilibria give the game, or a game of your own: a table
of what every coalition is worth. Results go to standard output as a table to read, in full with `--json` and `--csv`,
or in all forms to a folder with `--out`.
"""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Divide the gains of a common rule: Shapley value, nucleolus and others side by side.",
)


@app.command()
def sharing(
    file: Path = typer.Argument(
        ..., metavar="FILE", help="A scenario, or a game; see: docs/reference/sharing-rules.md"
    ),
    rule: list[str] = typer.Option(
        [], "--rule", metavar="RULE", help="Only this rule; may be repeated. Default: those the file names, else all."
    ),
    members: Path | None = typer.Option(
        None, "--members", metavar="CSV", help="What is known of the members: iso3,population,income,q1,...,q5."
    ),
    in_equilibrium: str = typer.Option(
        "", "--in-equilibrium", metavar="RULE", help="Of a scenario: correct this rule's payments for what they move."
    ),
    bands: bool = typer.Option(
        True, "--bands/--no-bands", help="Of a scenario: solve every draw of its parameters for bands of the shares."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    csv: bool = typer.Option(False, "--csv", help="Print a table as CSV."),
    out: Path | None = typer.Option(
        None, "--out", metavar="DIR", help="Write all forms to this new folder instead of the screen."
    ),
) -> None:
    """Divide the gains of a common rule: Shapley value, nucleolus and others side by side."""
    from concordat.cli import _scenario_files as shared
    from concordat.cli import _sharing_input as given
    from concordat.cli import _sharing_tables as tables

    if (large := given.large(file)) is not None:
        from concordat.cli import _sharing_sampled as sampled

        sampled.answer(
            *large, rules=rule, members=members, in_equilibrium=in_equilibrium, json=json, csv=csv, out=out
        )  # fmt: skip
        return
    found = given.opened(file, members)
    menu = given.menu(found, rule)
    corrected = given.in_equilibrium(found, menu, in_equilibrium) if in_equilibrium else None
    spread = given.spread(found, menu) if bands else given.Spread((), "not asked for")
    lines = tables.lines(found, menu, corrected, spread)
    facts = given.facts(found, menu, corrected, spread)
    shared.answer(facts, lines, tables.rows(found, menu, spread), json=json, csv=csv, out=out, name="sharing")
