"""`concordat evidence`: what data are loaded, what they say, and the way from a number back to the publisher's bytes.

The embedded Factbook is loaded into the store when a command needs figures and it is not there yet; `releases`,
`vintages` and `verify` only look at what is stored.
"""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat import clock
from concordat.cli import (
    _evidence_conflicts,
    _evidence_export,
    _evidence_import,
    _evidence_pull,
    _evidence_revisions,
    _evidence_sdmx,
    _evidence_survey,
    _evidence_verify,
)
from concordat.errors import InputError
from concordat.settings import Settings, nearest

if TYPE_CHECKING:
    from concordat.cli._evidence_tables import Areas
    from concordat.evidence.store import Store, Vintage

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Trace a number to its bytes; show what data are loaded.",
)

JSON = typer.Option(False, "--json", help="Print one JSON object.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings")
FACTBOOK = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files.")
REPORT = typer.Option(None, "--report", help="A report's folder; not needed inside one.")
BLOC = typer.Option("", "--bloc", help="A bloc's id; see: concordat bloc list")
COUNTRIES = typer.Option("", "--countries", help="Instead of a bloc: countries by code or name, with commas.")
ON = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today.")


@app.command()
def trace(
    id_: str = typer.Argument(
        ..., metavar="ID", help="The first 8 digits or more of an id, or a cell: T2:BRA:internet_users_pct"
    ),
    report: Path | None = REPORT,
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
    factbook: str | None = FACTBOOK,
) -> None:
    """Follow a number down to the publisher's bytes, each step checked."""
    from concordat.evidence.trace import lines
    from concordat.evidence.trace import trace as follow
    from concordat.report import derivations

    folder = report if report is not None else _report_here()
    with _loaded(data_dir, factbook) as (store, _):
        found = follow(id_, store, folder, derivations.load)
    _out(json, found.as_dict(), lines(found))


@app.command()
def show(
    indicator: str = typer.Argument(
        ..., help="An indicator's id, such as internet_users_pct; see: concordat evidence coverage"
    ),
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    breakdown: str = typer.Option("", "--breakdown", help="Instead of the total: loc=rural, sex=F, partner=CHN, ..."),
    as_of: str = typer.Option("", "--as-of", help="As it was known on a day, as 2024-12-31; default: the newest."),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
    factbook: str | None = FACTBOOK,
) -> None:
    """Show each area's figure: value, interval, year, status, source, marks and the id to trace it by."""
    from concordat.cli import _evidence_tables as tables
    from concordat.evidence.catalogue import load_catalogue

    catalogue = load_catalogue()
    _known_indicator(indicator)
    areas = _areas(bloc, countries, on)
    with _loaded(data_dir, factbook) as (store, vintages):
        if as_of:
            vintages = _known_on(store, as_of)
        observations = [o for v in vintages for o in store.observations(v)]
    table = tables.show(catalogue, catalogue.indicators[indicator], breakdown, areas, observations)
    said = [f"As known on {as_of}, from {', '.join(v.ref for v in vintages)}.", ""] if as_of else []
    _out(json, table.as_dict() | ({"as_of": as_of} if as_of else {}), [*said, *table.lines()])


@app.command()
def coverage(
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
    factbook: str | None = FACTBOOK,
) -> None:
    """Show for how many entities, and how many members, each indicator has a figure."""
    from concordat.cli import _evidence_tables as tables
    from concordat.evidence.catalogue import load_catalogue

    areas = _areas(bloc, countries, on)
    with _loaded(data_dir, factbook) as (store, vintages):
        observations = [o for v in vintages for o in store.observations(v)]
    table = tables.coverage(load_catalogue(), areas, observations)
    _out(json, table.as_dict(), table.lines())


@app.command()
def release(
    name: str = typer.Argument("", help="Such as 2026-11; without one it is named by its hash: auto-5c1e09aa"),
    json: bool = JSON,
    data_dir: str | None = DATA_DIR,
    factbook: str | None = FACTBOOK,
) -> None:
    """Name the newest vintage of every dataset as a release, which never changes."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.world import table_hash

    with _loaded(data_dir, factbook) as (store, vintages):
        made = store.make_release(name or None, vintages, load_catalogue().hash, table_hash("blocs.yaml"))
    refs = ", ".join(v.ref for v in made.vintages)
    said = [f"Release {made.name} ({made.hash[:12]}): {refs}.", f"A study uses it by: report: {{release: {made.name}}}"]
    _out(json, made.as_dict() | {"made_at": made.made_at.isoformat()}, said)


@app.command()
def releases(json: bool = JSON, data_dir: str | None = DATA_DIR, factbook: str | None = FACTBOOK) -> None:
    """List the releases, oldest first, each checked."""
    from concordat.cli._evidence_tables import columns

    with _stored(data_dir, factbook) as store:
        found = store.releases()
    facts = [r.as_dict() | {"made_at": r.made_at.isoformat()} for r in found]
    rows = [(r.name, r.made_at.date().isoformat(), r.hash[:12], ", ".join(v.ref for v in r.vintages)) for r in found]
    shown = columns(("release", "made", "hash", "vintages"), rows) if rows else ["No release is stored here."]
    _out(json, {"releases": facts}, shown)


@app.command()
def vintages(json: bool = JSON, data_dir: str | None = DATA_DIR, factbook: str | None = FACTBOOK) -> None:
    """List the vintages with the day from which each was known, its rows and the hash of what it says."""
    from concordat.cli._evidence_tables import columns

    with _stored(data_dir, factbook) as store:
        found = store.vintages()
    rows = [(v.ref, v.known_from.isoformat(), f"{v.row_count:,}", v.logical_hash) for v in found]
    shown = columns(("vintage", "known from", ">rows", "hash of the rows"), rows) if rows else ["Nothing is loaded."]
    _out(json, {"vintages": [_facts(v) for v in found]}, shown)


# --- The store ----------------------------------------------------------------------------------------------------


@contextmanager
def _loaded(data_dir: str | None, factbook: str | None) -> Iterator[tuple[Store, list[Vintage]]]:
    """The store with the Factbook in it, and the newest vintage of every dataset."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.embedded import latest_vintages
    from concordat.evidence.store import open_store

    settings = Settings.load({"factbook": factbook, "data_dir": data_dir})
    with open_store(settings.data_dir, progress=_tell) as store:
        yield store, latest_vintages(store, load_catalogue(), settings.factbook, _tell)


@contextmanager
def _stored(data_dir: str | None, factbook: str | None) -> Iterator[Store]:
    """The store as it is; nothing is loaded, and no folder is made."""
    from concordat.evidence.store import open_store

    settings = Settings.load({"factbook": factbook, "data_dir": data_dir})
    with open_store(settings.data_dir, create=False, progress=_tell) as store:
        yield store


def _known_on(store: Store, day: str) -> list[Vintage]:
    """The newest vintage of every dataset that was known on a day.

    Raises:
        InputError: not a day, or nothing here was known yet.
    """
    from concordat.evidence.revisions import vintages_as_of
    from concordat.world._dates import as_day

    here = store.vintages()
    found = vintages_as_of(here, as_day(day))
    if not found:
        first = min(here, key=lambda v: v.known_from)
        hint = f"The oldest vintage here, {first.ref}, is known from {first.known_from.isoformat()}."
        raise InputError(f"nothing here was known on {day}.", hint=hint, code="as_of")
    return found


def _known_indicator(indicator: str) -> None:
    """Refuse an id that the catalogue doesn't have, suggesting the nearest.

    Raises:
        InputError: it doesn't have it.
    """
    from concordat.evidence.catalogue import load_catalogue

    known = load_catalogue().indicators
    if indicator not in known:
        close = nearest(indicator, known)
        hint = f'Did you mean "{close[0]}"?' if close else "See: concordat evidence coverage"
        raise InputError(f'"{indicator}" is not an indicator I know.', hint=hint, code="unknown_indicator")


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _report_here() -> Path | None:
    """The working folder, if it is a report's."""
    here = Path()
    return here if (here / "provenance.json").is_file() and (here / "manifest.json").is_file() else None


def _areas(bloc: str, countries: str, on: str) -> Areas:
    """Whom to show: a bloc's members and invited countries on the day, or the countries named, or everyone."""
    from concordat.cli._evidence_tables import Areas
    from concordat.evidence.provenance import Book
    from concordat.report.inputs import who_is_in
    from concordat.report.study import study_for_bloc, study_for_countries
    from concordat.world._dates import as_day

    if bloc and countries:
        raise InputError("--bloc and --countries can't go together.", hint="Name one of them.", code="who")
    if not bloc and not countries:
        return Areas(on=as_day(on) if on else clock.today())
    if bloc:
        study = study_for_bloc(bloc, on=on)
    else:
        study = study_for_countries([c.strip() for c in countries.split(",") if c.strip()], on=on)
    return Areas.of(who_is_in(study, Book()))


# --- Printing -----------------------------------------------------------------------------------------------------


def _out(as_json: bool, facts: dict[str, Any], shown: Iterable[str]) -> None:
    if as_json:
        print(json_.dumps(facts, ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join(shown))


def _facts(v: Vintage) -> dict[str, Any]:
    """A vintage for a program."""
    return {
        "vintage": v.ref,
        "source": v.source_id,
        "published": v.published.isoformat() if v.published else None,
        "known_from": v.known_from.isoformat(),
        "retrieved_at": v.retrieved_at.isoformat(),
        "parser_version": v.parser_version,
        "rows": v.row_count,
        "logical_hash": v.logical_hash,
        "bodies": len(v.raw),
        "origin": dict(v.origin),
        "licence": v.licence["id"],
    }


# --- Commands in files of their own -------------------------------------------------------------------------------

app.command("pull")(_evidence_pull.pull)
app.command("revisions")(_evidence_revisions.revisions)
app.command("conflicts")(_evidence_conflicts.conflicts)
app.command("survey")(_evidence_survey.survey)
app.command("export")(_evidence_export.export)
app.command("import")(_evidence_import.import_)
app.command("sdmx")(_evidence_sdmx.sdmx)
app.command("verify")(_evidence_verify.verify)
