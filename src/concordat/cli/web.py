"""`concordat web`: the pages as files for any web server or a stick, and a check of every page."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from concordat.web.respond import Site

app = typer.Typer(
    help="Pages that work without scripts: write them as files, check each of them.",
    no_args_is_help=True, rich_markup_mode=None, add_completion=False,
)  # fmt: skip
FAULTS_SHOWN = 40


@app.command()
def export(
    folder: Path = typer.Argument(help="The folder to write."),
    bloc: str = typer.Option("BRICS", "--bloc", help="Whose pages; see: concordat bloc list"),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    node: str = typer.Option("", "--node", help="The address of the live pages, named at the foot of each page."),
    force: bool = typer.Option(False, "--force", help="Replace an export that stands there."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Write all public pages of a release as static HTML, JSON and CSV; links lead from file to file."""
    from concordat.web.export import export as write

    done = write(_site(bloc, on, data_dir), folder, force=force, node=node, progress=None if quiet else _tell)
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
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    json: bool = typer.Option(False, "--json", help="Print weights and faults as JSON."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
) -> None:
    """Look at every page: its weight, its links, its HTML. Ends with 4 if something is wrong."""
    from concordat.web.check import check as look
    from concordat.web.check import pages_of

    site = _site(bloc, on, data_dir)
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


def _site(bloc: str, on: str, data_dir: str | None) -> Site:
    from concordat.settings import Settings
    from concordat.web.reader import Reader
    from concordat.web.respond import Site
    from concordat.web.site import pages

    if not bloc:
        raise InputError("no bloc was named.", where="--bloc", hint="See: concordat bloc list", code="empty")
    return Site(Reader(Settings.load({"data_dir": data_dir}), bloc, on=on), pages())


def _tell(done: int, total: int, note: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{done + 1}/{total} {note[:60]:<60}", end="\r", file=sys.stderr, flush=True)
