"""`concordat rulebook`: which rules bind whom on a day, with the article in front of the reader.

Texts and codings are kept in the data folder (`rulebook.sqlite`). Results go to standard output as tables to read, or
in full with `--json` and `--csv`. Nothing here is legal advice, and the output says so where it could be taken for it.
"""

from __future__ import annotations

from pathlib import Path

import typer

from concordat.cli import _index_input as shared
from concordat.cli import _rulebook_store as kept
from concordat.errors import InputError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Which digital rules bind whom, how hard, with what evidence, and what is missing.",
)

INSTRUMENT = typer.Argument(..., help="An instrument's id, such as depa; see: concordat rulebook list")
ON = typer.Option("", "--on", help="The day, as 2026-11-22; default: today.")
TOPIC = typer.Option("", "--topic", help="A topic (DF) or provision (DF-FLOW); see: concordat rulebook provisions")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where the rulebook is kept; see: concordat settings")


@app.command("list")
def list_(
    topic: str = typer.Option("", "--topic", help="Only instruments of this topic."),
    party: str = typer.Option("", "--party", help="Only instruments that this country (or EU) has a row in."),
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """The instruments that are known, and whose text is loaded."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines, table = tables.listed(store, topic, party)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def provisions(topic: str = TOPIC, json: bool = JSON, csv: bool = CSV) -> None:
    """The provisions that articles are coded by, with their definitions and scales."""
    from concordat.cli import _rulebook_tables as tables

    facts, lines, table = tables.provisions(topic)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def load(
    files: list[Path] = typer.Argument(
        ..., help="Texts: plain, HTML, PDF, Akoma Ntoso, ToTA XML, or a catalogue (.yaml)."
    ),
    as_: str = typer.Option(
        "", "--as", help="The instrument that a text belongs to; needed where the file does not say."
    ),
    lang: str = typer.Option("", "--lang", help="Its language (en, es, fr, pt, zh, ru); guessed if left out."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Load texts of instruments, or a catalogue of your own."""
    from concordat.cli import _rulebook_load as loading

    if as_ and len(files) > 1:
        raise InputError("--as names one instrument, for one file.", hint="Load the files one by one.", code="as")
    with kept.opened(data_dir) as store:
        loaded = [loading.load(store, file, as_, lang) for file in files]
    shared.out({"loaded": [one.facts for one in loaded]}, [line for one in loaded for line in one.lines], json=json)


@app.command()
def show(
    instrument: str = INSTRUMENT,
    unit: str = typer.Option("", "--unit", help="One article in full, such as 4.3."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What is known of an instrument; its articles with their codings, if its text is loaded."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines = tables.shown(store, instrument, unit)
    shared.out(facts, lines, json=json)


@app.command()
def status(
    instrument: str = INSTRUMENT, on: str = ON, json: bool = JSON, csv: bool = CSV, data_dir: str | None = DATA_DIR
) -> None:
    """The table of an instrument's parties on a day: signed, ratified, in force, source, mark."""
    from concordat.cli import _rulebook_tables as tables

    with kept.opened(data_dir) as store:
        facts, lines, table = tables.status_table(store, instrument, kept.day(on))
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def binds(
    a: str = typer.Argument(..., help="A country (ISO alpha-3) or EU."),
    b: str = typer.Argument(..., help="Another."),
    on: str = ON,
    topic: str = TOPIC,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Which rules bind one towards the other on a day, how hard, with the article quoted."""
    from concordat.cli import _rulebook_binds as answers

    with kept.opened(data_dir) as store:
        facts, lines, table = answers.binds_table(store, a, b, kept.day(on), topic)
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def gap(
    party: str = typer.Argument(..., help="A country (ISO alpha-3) or EU."),
    instrument: str = INSTRUMENT,
    on: str = ON,
    json: bool = JSON,
    csv: bool = CSV,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What a country would have to change to join an agreement."""
    from concordat.cli import _rulebook_binds as answers

    with kept.opened(data_dir) as store:
        facts, lines, table = answers.gap_table(store, party, instrument, kept.day(on))
    shared.out(facts, lines, json=json, csv=csv, table=table)


@app.command()
def drafts(
    document: str = typer.Option(
        "", "--document", help="Only those of one source document, such as beijing-declaration-2023."
    ),
    agenda: bool = typer.Option(False, "--agenda", help="Only those proposed for the first agenda."),
    json: bool = JSON,
    csv: bool = CSV,
) -> None:
    """What the five source documents ask for, as drafts that council can take up by id."""
    from concordat.cli import _rulebook_tables as tables

    facts, lines, table = tables.drafts(document, agenda)
    shared.out(facts, lines, json=json, csv=csv, table=table)
