"""`concordat exchange`: offer, find, get and harvest data; share cases, algorithm records, incidents and help.

Each group of commands has a file of its own and one line in `GROUPS`; it is imported when it is called.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

# name, module below `concordat.cli`, attribute of it (an app or a command's function), what it is for.
GROUPS: tuple[tuple[str, str, str, str], ...] = (
    ("offer", "_exchange_catalog", "offer", "Offer a dataset on the terms that its file states."),
    ("withdraw", "_exchange_catalog", "withdraw", "Withdraw a dataset from this member's catalogue."),
    ("catalog", "_exchange_catalog", "catalog", "Show what a member offers, in the forms that others read."),
    ("check", "_exchange_catalog", "check", "Check a catalogue against the shapes of DCAT-AP 3.0.1."),
    ("harvest", "_exchange_harvest", "harvest", "Read a catalogue of others: CKAN, DCAT, a folder of tables."),
    ("runs", "_exchange_harvest", "runs", "List the runs of the harvester, or show one."),
    ("get", "_exchange_get", "get", "Agree on a dataset's terms, pull it, and verify checksum and proof."),
    ("agreements", "_exchange_agreements", "agreements", "What this node has agreed, and what waits for a person."),
    ("answer", "_exchange_agreements", "answer", "Answer a negotiation that waits for a person."),
    ("duty", "_exchange_agreements", "duty", "Log that a promise of an agreement was kept, with evidence."),
    ("case", "exchange_case", "app", "Cases that others can do again: import, search, show, publish."),
    ("algorithm", "exchange_algorithm", "app", "Records of algorithms: import, show, compare, export."),
    ("report", "exchange_report", "app", "Reports of a series: check the bytes, publish, see what is missing."),
    ("incident", "exchange_incident", "app", "Share incidents under TLP, meet stages in time, see who reported what."),
    ("exposure", "_exchange_due", "exposure", "How much of members' trade hangs on one partner."),
    ("due", "_exchange_due", "due", "What a member owes: stages of incidents, answers, duties of agreements."),
    ("question", "exchange_question", "app", "Ask other members, answer, decline: the supervisors' exchange."),
    ("sandbox", "exchange_question", "sandbox", "Check sandbox records and count them by member and area."),
    ("aid", "exchange_aid", "app", "Requests and offers of help: who is matched with whom and why; IATI files."),
    ("passport", "exchange_passport", "passport", "Check a table of goods: for which channels it is ready, and rules."),
    ("skills", "exchange_skills", "app", "Gaps in digital skills beside the courses that teach them."),
)
_PLACES = {name: (module, attribute) for name, module, attribute, _ in GROUPS}


class ExchangeGroup(TyperGroup):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order of the table."""
        return [name for name, _, _, _ in GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command or group of that name, or None."""
        if cmd_name not in _PLACES:
            return None
        module, attribute = _PLACES[cmd_name]
        found = getattr(importlib.import_module(f"concordat.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(rich_markup_mode=None, add_completion=False)
            single.command(cmd_name)(found)
            found = single
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name; an unknown one gets the nearest known."""
        if args and not args[0].startswith("-") and args[0] not in _PLACES:
            from concordat.settings import nearest

            close = nearest(args[0], _PLACES)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            ctx.fail(f'"{args[0]}" is not a command of exchange.{hint} See: concordat exchange --help')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands for `--help`, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, _, _, line in GROUPS])


app = typer.Typer(
    cls=ExchangeGroup,
    help="Share data, cases, algorithm records, incidents and help, on terms that both sides sign.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.callback()
def root() -> None:
    """Share data, cases, algorithm records, incidents and help, on terms that both sides sign."""
