"""`concordat evidence import`: the user's own table, by its mapping file, as a vintage beside the publishers'.

With `--suggest` nothing is imported: a mapping is printed, with a comment on how sure each line is, to be read and
corrected by a person. Progress on long files goes to standard error. Rows that can't be read are all told, the first
twenty on the screen and, where there are more, the whole list in a file; none is stored unless `--skip-bad` says so.
"""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.conflicts import Conflict
    from concordat.evidence.loading import Beside, Loaded
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import Finding
    from concordat.evidence.sources._base import Problem
    from concordat.evidence.sources.tabular import Importer
    from concordat.evidence.store import Store

SHOWN_MAX = 20
CONFLICTS_MAX = 10
COUNTRIES_MAX = 5


def import_(
    file: Path = typer.Argument(..., metavar="FILE", help="A CSV file, a workbook (.xlsx) or a Parquet file."),
    map_: Path | None = typer.Option(None, "--map", help="The mapping file that says how the table is read."),
    suggest: bool = typer.Option(False, "--suggest", help="Print a mapping to correct; import nothing."),
    skip_bad: bool = typer.Option(False, "--skip-bad", help="Store the good rows, and record the bad ones."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    factbook: str | None = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files."),
) -> None:
    """Store a table of your own, read as a mapping file says, beside the figures of publishers."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources import tabular

    if suggest and map_ is None and not skip_bad:
        _print_suggestion(file, json)
        return
    if map_ is None or suggest:
        what = "--suggest goes alone." if suggest else "how is this file to be read?"
        hint = f"Make a mapping first: concordat evidence import {file.name} --suggest > {file.stem}.yaml"
        raise InputError(what, where=file.name, hint=hint, code="no_mapping")
    catalogue = load_catalogue()
    importer = tabular.read_mapping(tabular.read_file(map_), catalogue, where=map_.name)
    settings = Settings.load({"data_dir": data_dir, "factbook": factbook})
    from concordat.evidence.store import open_store

    with open_store(settings.data_dir, progress=_tell) as store:
        progress = None if quiet else (lambda rows: _tell(f"{file.name}: {rows:,} rows read"))
        try:
            loaded = tabular.import_file(store, file, importer, skip_bad=skip_bad, progress=progress)
        except tabular.BadRowsError as error:
            _list_bad(file, error.problems)
            raise
        told = _told(store, settings, importer, loaded)
    if json:
        print(json_.dumps(told.as_dict(), ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join(told.lines()))


def _print_suggestion(file: Path, json: bool) -> None:
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources._tabular_suggest import suggest
    from concordat.evidence.sources.tabular import read_file

    text = suggest(read_file(file), file.name, load_catalogue())
    print(json_.dumps({"mapping": text}, ensure_ascii=False) if json else text, end="\n" if json else "")


def _list_bad(file: Path, bad: Sequence[Problem]) -> None:
    """The rows at fault: the first twenty on the screen, and all of them in a file if there are more."""
    if len(bad) < 2:
        return
    for problem in bad[:SHOWN_MAX]:
        _tell(f"{file.name}, {problem.where}: {problem.text}", always=True)
    if len(bad) > SHOWN_MAX:
        listed = Path(f"{file.stem}-bad-rows.txt")
        try:
            listed.write_text("".join(f"{p.where}: {p.text}\n" for p in bad), encoding="utf-8")
        except OSError as error:
            _tell(f"{listed}: can't be written: {error.strerror}.", always=True)
            return
        _tell(f"... and {len(bad) - SHOWN_MAX} more. All {len(bad)} are listed in {listed}.", always=True)


def _tell(text: str, *, always: bool = False) -> None:
    if always or sys.stderr.isatty():
        print(text, file=sys.stderr)


# --- What was imported --------------------------------------------------------------------------------------------


class _Told:
    """What an import did, for the screen and for a program."""

    def __init__(
        self,
        importer: Importer,
        loaded: Loaded,
        rows: Sequence[Observation],
        findings: Sequence[Finding],
        conflicts: Sequence[Conflict],
        beside: Beside,
    ) -> None:
        self.importer = importer
        self.loaded = loaded
        self.rows = rows
        self.findings = findings
        self.conflicts = conflicts
        self.beside = beside
        self.bad = [p for p in loaded.problems if p.severity == "error"]
        self.left_out = [p for p in loaded.problems if p.rule == "left_out"]

    @property
    def quarantined(self) -> int:
        """How many rows are stored and not used."""
        refused = {o for f in self.findings for o in f.observations}
        return sum(1 for o in self.rows if o.obs_id in refused)

    @property
    def next_command(self) -> str:
        """What to run now."""
        from concordat.world import area_type, members

        areas = {o.area for o in self.rows}
        inside = areas & set(members("BRICS", self.loaded.vintage.retrieved_at.date().isoformat()))
        if inside or len(areas) > COUNTRIES_MAX or any(area_type(a) != "country" for a in areas):
            return "concordat assess BRICS"
        return f"concordat assess --countries {','.join(sorted(areas))}"

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        from concordat.evidence.conflicts import as_data

        vintage = self.loaded.vintage
        return {
            "file": self.importer.mapping.file,
            "vintage": vintage.ref,
            "source": vintage.source_id,
            "new": self.loaded.new,
            "in_use": self.beside.in_use.ref,
            "figures_dropped": self.beside.dropped,
            "figures": sum(1 for o in self.rows if o.missing_reason is None),
            "missing": sum(1 for o in self.rows if o.missing_reason is not None),
            "indicators": sorted({o.indicator_id for o in self.rows}),
            "areas": len({o.area for o in self.rows}),
            "years": [min(o.year for o in self.rows), max(o.year for o in self.rows)],
            "logical_hash": vintage.logical_hash,
            "quarantined": [{"rule": f.rule, "text": f.text, "where": f.where} for f in self.findings],
            "bad_rows": [{"where": p.where, "text": p.text} for p in self.bad],
            "left_out": [p.text for p in self.left_out],
            "conflicts": [as_data(c) for c in self.conflicts],
            "next": self.next_command,
        }

    def lines(self) -> Iterator[str]:
        """For the screen."""
        facts, vintage = self.as_dict(), self.loaded.vintage
        first, last = facts["years"]
        missing = f", {facts['missing']:,} missing" if facts["missing"] else ""
        yield (
            f"{facts['file']}: {_count(facts['figures'], 'figure')}{missing} of "
            f"{_count(len(facts['indicators']), 'indicator')} for {_count(facts['areas'], 'area')}, {first} to {last}."
        )
        again = "" if self.loaded.new else " It was there already; nothing changed."
        yield f"Stored as {vintage.ref}, source {vintage.source_id}.{again}"
        yield from self.beside.lines()
        yield from _terms(vintage.licence)
        if self.bad:
            yield f"Bad rows left out and recorded: {len(self.bad):,}."
            yield from (f"  {p.where}: {p.text}" for p in self.bad[:SHOWN_MAX])
        for problem in self.left_out[:SHOWN_MAX]:
            yield f"Left out: {problem.text}"
        yield f"Quarantined: {self.quarantined:,}."
        yield from (f"  {f.where}: {f.text}" for f in self.findings[:CONFLICTS_MAX])
        yield f"Conflicts with what is loaded: {len(self.conflicts):,}."
        yield from map(_conflict_line, self.conflicts[:CONFLICTS_MAX])
        yield f"Next: {self.next_command}"


def _told(store: Store, settings: Settings, importer: Importer, loaded: Loaded) -> _Told:
    """Look at the stored rows as a report would: what is quarantined, and who says something else."""
    from concordat.evidence.conflicts import find_conflicts
    from concordat.evidence.loading import beside
    from concordat.evidence.quality import quarantines

    catalogue = importer.catalogue
    rows = store.observations(loaded.vintage, every_row=False)
    findings = quarantines(rows, catalogue)
    wanted = {o.indicator_id for o in rows}
    others = _others(store, settings, catalogue, loaded, wanted)
    source = loaded.vintage.source_id
    conflicts = [
        c for c in find_conflicts([*rows, *others], catalogue) if source in (c.first.source_id, c.second.source_id)
    ]
    conflicts.sort(key=lambda c: (-c.year, c.indicator_id, c.area))
    return _Told(importer, loaded, rows, findings, conflicts, beside(store, loaded.vintage))


def _others(
    store: Store, settings: Settings, catalogue: Catalogue, loaded: Loaded, wanted: set[str]
) -> list[Observation]:
    """What the newest vintage of every other dataset says about the same indicators."""
    from concordat.evidence.embedded import latest_vintages

    found: list[Observation] = []
    for vintage in latest_vintages(store, catalogue, settings.factbook, _tell):
        if vintage.dataset_id != loaded.vintage.dataset_id:
            found += [o for o in store.observations(vintage, every_row=False) if o.indicator_id in wanted]
    return found


def _terms(licence: Mapping[str, Any]) -> Iterator[str]:
    """What the licence does to reports, which are made to be passed on (`report.permitted` keeps the rule)."""
    said = f"Its licence, {licence['id']}, keeps these figures out of"
    if not licence["derive"]:
        yield f"{said} every report."
    elif not licence["redistribute"]:
        yield f"{said} a report, unless its study says report: {{accept: [internal]}}."
    elif licence["share_alike"]:
        yield f"{said} a report, unless its study says report: {{accept: [share-alike]}}."


def _conflict_line(c: Conflict) -> str:
    from concordat.cli._evidence_tables import observed_text

    of = f" ({c.breakdown})" if c.breakdown else ""
    return f"  {c.indicator_id}{of} {c.area} {c.year}: " + ", ".join(
        f"{observed_text(o)} says {o.source_id}" for o in (c.first, c.second)
    )


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}" + ("" if number == 1 else "s")
