"""`concordat evidence export --public OUT`: the rows that may be passed on, and pointers for the others."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.evidence.export import Exported


def export(
    public: Path | None = typer.Option(None, "--public", metavar="OUT", help="The folder to write."),
    release: str = typer.Option(
        "", "--release", help="A release by name; default: the newest vintage of every dataset."
    ),
    bloc: str = typer.Option("", "--bloc", help="Only members and invited countries of a bloc, and the bloc itself."),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    strict: bool = typer.Option(False, "--strict", help="Write nothing when a row may not be passed on."),
    accept: list[str] = typer.Option([], "--accept", help="Terms you take on: share-alike."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    factbook: str | None = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files."),
) -> None:
    """Write the rows of a release that may be passed on, and pointers to the sources of the others."""
    from concordat.cli.evidence import _areas, _loaded
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.export import check_place, export_public
    from concordat.evidence.permits import check_accept
    from concordat.world import table_hash

    if public is None:
        hint = "Write: concordat evidence export --public OUT. Nothing else than what may be public is exported."
        raise InputError("no folder is named.", hint=hint, code="out")
    accepted = check_accept(accept, where="--accept")
    check_place(public)  # before anything is read, so that nobody waits for a refusal
    who = _areas(bloc, "", on) if bloc else None
    areas = {*who.named, who.bloc} if who else None
    with _loaded(data_dir, factbook) as (store, vintages):
        if release:
            chosen = store.release(release)
        else:
            chosen = store.make_release(None, vintages, load_catalogue().hash, table_hash("blocs.yaml"))
        scope = f"{who.bloc} on {who.on.isoformat()}" if who else ""
        done = export_public(store, public, chosen, areas=areas, scope=scope, strict=strict, accept=accepted)
    if json:
        print(json_.dumps(_facts(done), ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join(_lines(done)))


def _facts(done: Exported) -> dict[str, object]:
    chosen = done.selection
    return {
        "folder": str(done.folder),
        "files": list(done.files),
        "release": chosen.release.name,
        "scope": chosen.scope or None,
        "accepted": list(chosen.accept),
        "rows": len(chosen.rows),
        "pointers": chosen.held,
    }


def _lines(done: Exported) -> Iterator[str]:
    from concordat.evidence.permits import REASONS

    chosen = done.selection
    scope = f", {chosen.scope}" if chosen.scope else ""
    yield f"Release {chosen.release.name}{scope}: {len(chosen.rows):,} rows, {len(chosen.pointers):,} pointers."
    for dataset_id, reasons in chosen.held.items():
        for reason, count in reasons.items():
            yield f"Not passed on: {count:,} rows of {dataset_id}: {REASONS[reason]}."
    yield f"Wrote {done.folder}/ ({len(done.files)} files). Read {done.folder}/LICENCES.txt before you publish it."
