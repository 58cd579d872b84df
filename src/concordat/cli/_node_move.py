"""`concordat node move-store`: carry a node's stores between its folder and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import typer

from concordat.cli._node_home import HOME, JSON, database_of, home_of, print_json


def move_store(
    origin: str = typer.Argument(..., metavar="FROM", help="Where the stores are: sqlite or postgresql."),
    target: str = typer.Argument(..., metavar="TO", help="Where they go: the other one."),
    database: str = typer.Option("", "--database", help="The address of PostgreSQL; default: the setting database."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Copy log and people of a stopped node, compare every row on both sides, and leave the old place marked."""
    from concordat.node.move_store import move
    from concordat.node.stores import SQLITE

    named = database or (database_of() if database_of() != SQLITE else "")
    done = move(home_of(home), origin, target, named)
    if json:
        print_json({"entries": done.entries, "rows": dict(done.rows), "to": done.to})
        return
    total = sum(done.rows.values())
    print(f"{done.entries:,} entries and {total - done.entries:,} other rows are in {done.to}: the same on both sides.")
    if target == SQLITE:
        print(
            'Now set database = "sqlite" under [node] in concordat.toml. The tables that were left are marked as moved.'
        )
    else:
        print("Now set database to that address under [node] in concordat.toml, without its password.")
        print("The files that were left end in .moved; remove them once you have a backup.")


def register(app: typer.Typer) -> None:
    """Add the command to `concordat node`."""
    app.command("move-store")(move_store)
