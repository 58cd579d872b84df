"""`concordat web`: the pages as files for any web server or a stick, and a check of every page."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from concordat.web.council_reader import CouncilReader
    from concordat.web.respond import Site

app = typer.Typer(
    help="Pages that work without scripts: write them as files, check each of them.",
    no_args_is_help=True, rich_markup_mode=None, add_completion=False,
)  # fmt: skip
FAULTS_SHOWN = 40
NODE_HOME = typer.Option(None, "--node-home", help="A node's folder: its council's record is shown; it may be running.")
COUNCIL = typer.Option(None, "--council", help="Likewise the record in a folder that concordat node export wrote.")
TRUST = typer.Option("", "--trust", help="With --council: the hash of membership version 1 that you trust.")


@app.command()
def export(
    folder: Path = typer.Argument(help="The folder to write."),
    bloc: str = typer.Option("BRICS", "--bloc", help="Whose pages; see: concordat bloc list"),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    node: str = typer.Option("", "--node", help="The address of the live pages, named at the foot of each page."),
    node_home: Path = NODE_HOME,
    council: Path = COUNCIL,
    trust: str = TRUST,
    force: bool = typer.Option(False, "--force", help="Replace an export that stands there."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Write all public pages of a release as static HTML, JSON and CSV; links lead from file to file."""
    from concordat.web.export import export as write

    site = _site(bloc, on, data_dir, node_home, council, trust)
    done = write(site, folder, force=force, node=node, progress=None if quiet else _tell)
    if json:
        facts = {"folder": str(done.folder), "pages": done.pages, "files": done.files, "bytes": done.size}
        print(json_.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1))
    else:
        print(f"{done.folder}: {done.pages:,} pages, {done.files:,} files, {done.size / 1e6:.1f} MB. Open index.html.")


@app.command()
def check(
    page: str = typer.Option("", "--page", help="One address, such as /place/BRA; default: every page."),
    bloc: str = typer.Option("BRICS", "--bloc", help="Whose pages; see: concordat bloc list"),
    on: str = typer.Option("", "--on", help="The day whose members count; default: today."),
    node_home: Path = NODE_HOME,
    council: Path = COUNCIL,
    trust: str = TRUST,
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    json: bool = typer.Option(False, "--json", help="Print weights and faults as JSON."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Look at every page: its weight, its links, its HTML. Ends with 4 if something is wrong."""
    from concordat.web.check import check as look
    from concordat.web.check import pages_of

    site = _site(bloc, on, data_dir, node_home, council, trust)
    path, _, query = page.partition("?")
    asked = [site.addresses.parse(path, query)] if page else pages_of(site)
    found, faults = look(site, asked, None if quiet else _tell)
    if json:
        facts = {
            "pages": [{"address": f.address, "wire": f.wire, "plain": f.plain, "budget": f.budget} for f in found],
            "faults": [{"address": f.address, "what": f.what} for f in faults],
        }
        print(json_.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1))
    else:
        weights = sorted(f.wire for f in found) or [0]
        middle, largest = weights[len(weights) // 2], weights[-1]
        print(
            f"{len(found)} pages; over the wire {middle / 1000:.1f} kB in the middle, {largest / 1000:.1f} kB at most."
        )
        for fault in faults[:FAULTS_SHOWN]:
            print(f"{fault.address}: {fault.what}")
    if faults:
        raise MethodError(f"{len(faults)} faults on {len(found)} pages.", hint="See above.", code="pages")


def _site(bloc: str, on: str, data_dir: str | None, node_home: Path | None, council: Path | None, trust: str) -> Site:
    from concordat.settings import Settings
    from concordat.web.reader import Reader
    from concordat.web.respond import Site
    from concordat.web.site import pages

    if not bloc:
        raise InputError("no bloc was named.", where="--bloc", hint="See: concordat bloc list", code="empty")
    record = _record(node_home, council, trust)
    reader = Reader(Settings.load({"data_dir": data_dir}), bloc, on=on)
    found = record.current().bloc if record is not None else reader.bloc
    if found != reader.bloc:
        what = f"the record is of the council of {found}, the pages are of {reader.bloc}."
        raise InputError(what, hint=f"Write them with --bloc {found}.", code="bloc")
    return Site(reader, pages(), council=record)


def _record(node_home: Path | None, folder: Path | None, trust: str) -> CouncilReader | None:
    """The council's record, from where the options say that it lies.

    Raises:
        InputError: two places, a trust for neither, or no such folder.
    """
    if node_home is None and folder is None:
        if trust:
            raise InputError("there is no record to trust.", where="--trust", hint="Name it: --council", code="council")
        return None
    from concordat.cli._node_home import database_of
    from concordat.web.council_reader import CouncilReader
    from concordat.web.council_sources import Folder, at_home

    if node_home is not None and (folder is not None or trust):
        hint = "A node's folder is trusted by the hash that it has pinned."
        raise InputError("--node-home goes without --council and --trust.", hint=hint, code="council")
    place = node_home or folder
    assert place is not None
    if not place.is_dir():
        raise InputError("there is no such folder.", where=str(place), hint="Look at its name.", code="council")
    return CouncilReader(at_home(place, database_of()) if folder is None else Folder(place, trust or None))


def _tell(done: int, total: int, note: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{done + 1}/{total} {note[:60]:<60}", end="\r", file=sys.stderr, flush=True)
