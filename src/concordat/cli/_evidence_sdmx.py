"""`concordat evidence sdmx`: files of SDMX, from any service, by a map of one's own, as a vintage."""

from __future__ import annotations

import json as json_
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.evidence.loading import Beside, Loaded
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import Finding

SHOWN_MAX = 20


def sdmx(
    files: list[Path] = typer.Argument(..., metavar="FILE...", help="SDMX-CSV; or SDMX-ML, SDMX-JSON (extra sdmx)."),
    map_: Path = typer.Option(..., "--map", help="The map that says which rows are which indicator."),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="Store the good rows, and record the bad ones."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
) -> None:
    """Store SDMX files of any dataflow, read as a map of your own says."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.loading import beside
    from concordat.evidence.quality import quarantines
    from concordat.evidence.sources._sdmx_files import import_sdmx
    from concordat.evidence.store import open_store

    settings = Settings.load({"data_dir": data_dir})
    with open_store(settings.data_dir) as store:
        loaded = import_sdmx(store, files, map_, skip_bad=skip_bad)
        rows = store.observations(loaded.vintage, every_row=False)
        stands = beside(store, loaded.vintage)
    facts = _facts(loaded, rows, stands, quarantines(rows, load_catalogue()))
    if json:
        print(json_.dumps(facts, ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join([*_lines(facts), *stands.lines()]))


def _facts(loaded: Loaded, rows: list[Observation], stands: Beside, findings: Sequence[Finding]) -> dict[str, Any]:
    refused = {o for f in findings for o in f.observations}
    return {
        "vintage": loaded.vintage.ref,
        "source": loaded.vintage.source_id,
        "new": loaded.new,
        "in_use": stands.in_use.ref,
        "figures_dropped": stands.dropped,
        "quarantined": sum(1 for o in rows if o.obs_id in refused),
        "not_free": sum(1 for o in rows if o.conf_status != "F"),
        "figures": sum(1 for o in rows if o.missing_reason is None),
        "missing": sum(1 for o in rows if o.missing_reason is not None),
        "indicators": sorted({o.indicator_id for o in rows}),
        "areas": len({o.area for o in rows}),
        "years": [min(o.year for o in rows), max(o.year for o in rows)],
        "problems": [
            {"rule": p.rule, "severity": p.severity, "where": p.where, "text": p.text} for p in loaded.problems
        ],
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    first, last = facts["years"]
    missing = f", {facts['missing']:,} missing" if facts["missing"] else ""
    figures = f"{facts['figures']:,} figure" + ("" if facts["figures"] == 1 else "s")
    again = "" if facts["new"] else " It was there already; nothing changed."
    indicators = ", ".join(facts["indicators"])
    lines = [
        f"{figures}{missing} of {indicators}; areas: {facts['areas']:,}; {first} to {last}.",
        f"Stored as {facts['vintage']}, source {facts['source']}.{again}",
    ]
    if facts["not_free"]:
        lines.append(f"Marked by the source as confidential, and not used: {facts['not_free']:,}.")
    lines.append(f"Quarantined: {facts['quarantined']:,}.")
    told = Counter((p["severity"], p["where"], p["text"]) for p in facts["problems"])
    order = {"error": 0, "warning": 1, "info": 2}
    shown = sorted(told, key=lambda key: (order[key[0]], key))
    lines += [f"  {severity}: {where}: {text}" for severity, where, text in shown[:SHOWN_MAX]]
    return [*lines, f"  and {len(shown) - SHOWN_MAX} more; see --json"] if len(shown) > SHOWN_MAX else lines
