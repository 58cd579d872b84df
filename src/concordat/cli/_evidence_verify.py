"""`concordat evidence verify`: is everything in the store, or in a report's folder, still what was written?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from concordat.errors import TrustError
    from concordat.report.check import Checked

_ONE = {"bodies": "body", "vintages": "vintage", "releases": "release", "files": "file", "records": "record"}


def verify(
    report: Path | None = typer.Option(None, "--report", help="Check the report in this folder instead of the store."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    factbook: str | None = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files."),
) -> None:
    """Hash everything in the store, or in a report, again; what is not as it was written ends with exit code 5."""
    from concordat.cli import evidence as shared

    if report is not None:
        facts, said = _report(report, data_dir)
    else:
        with shared._stored(data_dir, factbook) as store:
            checked = store.verify()
        _raise(checked.faults)
        facts = {"bodies": checked.bodies, "vintages": checked.vintages, "releases": checked.releases}
        said = [f"{_counted(facts)}: all as they were stored in {checked.data_dir}."]
        facts["data_dir"] = str(checked.data_dir)
    shared._out(json, facts, said)


def _report(folder: Path, data_dir: str | None) -> tuple[dict[str, Any], list[str]]:
    """Check a report; against the store too, where there is one. Nothing is loaded and no folder is made."""
    from concordat.evidence.store import open_store
    from concordat.report.check import check_report
    from concordat.settings import Settings

    kept = Settings.load({"data_dir": data_dir}).data_dir
    if kept.is_dir():
        with open_store(kept, create=False) as store:
            checked = check_report(folder, store)
    else:
        checked = check_report(folder)
    _raise(checked.faults)
    facts = {"files": checked.files, "records": checked.records, "computed": checked.computed, "cells": checked.cells}
    shown = _shown(checked, kept)
    return facts | {"followed": checked.followed, "lacking": list(checked.lacking), "folder": str(folder)}, shown


def _shown(checked: Checked, kept: Path) -> list[str]:
    counts = _counted({"files": checked.files, "records": checked.records})
    lines = [
        f"{counts}: all as they were written in {checked.folder}.",
        f"{checked.computed:,} numbers computed again: equal. {checked.cells:,} cells print what their records say.",
    ]
    if checked.lacking:
        lines.append(f"Not followed to the publishers' bytes: {kept} does not hold {', '.join(checked.lacking)}.")
    else:
        lines.append(f"Every record followed to the publishers' bytes in {kept}.")
    return lines


def _counted(counts: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {what if count != 1 else _ONE[what]}" for what, count in counts.items())


def _raise(faults: Sequence[TrustError]) -> None:
    """Say every fault; the first ends the program."""
    if faults:
        for fault in faults[1:]:
            print(f"concordat: {fault}", file=sys.stderr)
        raise faults[0]
