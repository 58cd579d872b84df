"""What may leave: the rows of a release that their licences allow to pass on, and a pointer for each of the others.

A pointer says that there is a row and where it came from: its id, its source's address, the hash of the bytes. With
`strict` nothing is written when a single row would become one. The folder is written whole or not at all:

    data.parquet, data.csv   the rows; the same columns as in the store
    pointers.csv             the rows that stay, with the reason
    datasets.csv             each dataset with its citation, licence and what that asks for, and how many rows
    LICENCES.txt             the same in words; sources.bib and sources.csl.json for reference managers
    manifest.json            the release, what was accepted, counts, the SHA-256 of every file

The same release and the same choices give the same bytes (with the same DuckDB).
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import __version__, canonical
from concordat.canonical import number_text
from concordat.errors import InputError, RuleError
from concordat.evidence.citation import Citation, bibtex, citation_of, cite, csl_json
from concordat.evidence.csv_text import guarded
from concordat.evidence.licences import Licence, licence
from concordat.evidence.observation import COLUMNS, Observation
from concordat.evidence.permits import REASONS, held_back, row_key
from concordat.evidence.provenance import text_hash
from concordat.evidence.store import _files, tables

if TYPE_CHECKING:
    from concordat.evidence.store import Release, Store, Vintage

SCHEMA = "concordat/public-export@1"
MANIFEST = "manifest.json"
POINTER_COLUMNS = ("obs_id", "dataset_id", "vintage_id", "reason", "url", "sha256")
DATASET_COLUMNS = (
    "dataset_id", "vintage_id", "title", "producer", "licence", "licence_url", "licence_status", "share_alike",
    "commercial", "attribution", "citation", "url", "rows", "pointers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pointer:
    """A row that stays: where to ask for it, and why it is not here."""

    obs_id: str
    dataset_id: str
    vintage_id: str
    reason: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a release leaves, and what is pointed at."""

    release: Release
    vintages: tuple[Vintage, ...]
    rows: tuple[Observation, ...]
    pointers: tuple[Pointer, ...]
    accept: tuple[str, ...]
    scope: str

    @property
    def held(self) -> dict[str, dict[str, int]]:
        """How many rows of each dataset stay, by reason."""
        counts = Counter((p.dataset_id, p.reason) for p in self.pointers)
        found: dict[str, dict[str, int]] = {}
        for (dataset_id, reason), count in sorted(counts.items()):
            found.setdefault(dataset_id, {})[reason] = count
        return found


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    selection: Selection


def export_public(
    store: Store,
    folder: Path,
    release: Release,
    *,
    areas: Collection[str] | None = None,
    scope: str = "",
    strict: bool = False,
    accept: Sequence[str] = (),
) -> Exported:
    """Write the rows of a release that may be passed on into a folder, with pointers for the others.

    Args:
        areas: only rows of these; None for all.
        scope: how the manifest calls those areas: a bloc's id and the day.
        strict: refuse instead of pointing.
        accept: terms the receiver takes on: `share-alike`.

    Raises:
        RuleError: with `strict`: rows may not be passed on; their sources are named.
        InputError: something else lies in the folder, or the release has no row of these areas.
        StateError: disk full, no permission.
        TrustError: rows or licences are not what was stored.
    """
    check_place(folder)
    chosen = select(store, release, areas=areas, scope=scope, accept=accept)
    if strict and chosen.pointers:
        raise _refused(chosen)
    files = _texts(chosen)
    written = _write(store, folder, chosen.rows, files, chosen)
    return Exported(folder, written, chosen)


def select(
    store: Store, release: Release, *, areas: Collection[str] | None = None, scope: str = "", accept: Sequence[str] = ()
) -> Selection:
    """Which rows of a release leave, and which are pointed at; every hash is checked.

    Raises:
        InputError: the release has no row of these areas.
    """
    named = {(v.dataset_id, v.vintage_id) for v in release.vintages}
    vintages = [v for v in store.vintages() if (v.dataset_id, v.id) in named]
    everything = [o for v in vintages for o in store.observations(v)]
    held = held_back(everything, vintages, accept=accept)  # of all rows: what a row is made from may lie elsewhere
    wanted = tables.sort_rows(o for o in everything if areas is None or o.area in areas)
    if not wanted:
        where = f"release {release.name}"
        raise InputError("no row to export.", where=where, hint="Load data, or name another bloc.", code="no_rows")
    of = {(v.dataset_id, v.id): v for v in vintages}
    pointers = [_pointer(o, of[o.dataset_id, o.vintage_id], held[row_key(o)]) for o in wanted if row_key(o) in held]
    rows = [o for o in wanted if row_key(o) not in held]
    return Selection(release, tuple(vintages), tuple(rows), tuple(pointers), tuple(accept), scope)


def check_place(folder: Path) -> None:
    """Make sure that an export may stand there: nowhere yet, an empty folder, or an earlier export of ours.

    Raises:
        InputError: something else lies there.
        StateError: no permission to look.
    """
    hint = "Choose another folder, or remove it."
    try:
        if not folder.exists() and not folder.is_symlink():
            return
        if folder.is_symlink() or not folder.is_dir():
            raise InputError(f"{folder.name} is not a folder.", where=str(folder), hint=hint, code="out")
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise _files.disk_error(error, folder) from None
    if names and not names <= _own_files(folder):
        what = f"{folder.name} is there already and is not an export of ours."
        raise InputError(what, where=str(folder), hint=hint, code="out")


def _own_files(folder: Path) -> set[str]:
    """The files that the manifest of an earlier export names; nothing where there is none."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        return {MANIFEST, *said["files"]} if said["schema"] == SCHEMA else set()
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def _pointer(o: Observation, vintage: Vintage, reason: str) -> Pointer:
    sha256 = o.raw_sha256 or vintage.logical_hash  # a row made from others has no bytes of its own
    return Pointer(o.obs_id, o.dataset_id, o.vintage_id, reason, str(vintage.origin.get("url") or ""), sha256)


def _refused(chosen: Selection) -> RuleError:
    said = [
        f"{dataset_id} ({sum(reasons.values()):,} rows: {'; '.join(REASONS[r] for r in reasons)})"
        for dataset_id, reasons in chosen.held.items()
    ]
    hint = "Without --strict they become pointers to their sources."
    if any("share_alike" in reasons for reasons in chosen.held.values()):
        hint += " With --accept share-alike you offer the export under the same terms."
    what = f"rows may not be passed on, and nothing was written: {', '.join(said)}."
    return RuleError(what, where=f"release {chosen.release.name}", hint=hint, code="licence")


# --- Files ------------------------------------------------------------------------------------------------------------


def _texts(chosen: Selection) -> dict[str, bytes]:
    """Every file but the Parquet file and the manifest."""
    present = {o.dataset_id for o in chosen.rows} | {p.dataset_id for p in chosen.pointers}
    used = [v for v in chosen.vintages if v.dataset_id in present]
    citations = [citation_of(v) for v in used]
    return {
        "data.csv": _csv(COLUMNS, ([_cell(getattr(o, name)) for name in COLUMNS] for o in chosen.rows)),
        "pointers.csv": _csv(POINTER_COLUMNS, ([getattr(p, n) for n in POINTER_COLUMNS] for p in chosen.pointers)),
        "datasets.csv": _csv(DATASET_COLUMNS, (_dataset(v, c, chosen) for v, c in zip(used, citations, strict=True))),
        "LICENCES.txt": _words(used, citations, chosen).encode(),
        "sources.bib": bibtex(citations).encode(),
        "sources.csl.json": csl_json(citations),
    }


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return guarded(value) if isinstance(value, str) else number_text(value)


def _counts(vintage: Vintage, chosen: Selection) -> tuple[int, int]:
    """Rows that leave and rows that are pointed at."""
    key = (vintage.dataset_id, vintage.id)
    rows = sum(1 for o in chosen.rows if (o.dataset_id, o.vintage_id) == key)
    return rows, sum(1 for p in chosen.pointers if (p.dataset_id, p.vintage_id) == key)


def _attribution(vintage: Vintage, terms: Licence) -> str:
    return terms.attribution_text.format(
        producer=vintage.origin.get("producer", ""), title=vintage.origin.get("title", "")
    )


def _dataset(vintage: Vintage, citation: Citation, chosen: Selection) -> list[str]:
    terms = licence(str(vintage.licence["id"]), where=vintage.ref)
    rows, pointers = _counts(vintage, chosen)
    words = [vintage.dataset_id, vintage.id, citation.title, citation.producer, terms.id, terms.url, terms.status]
    flags = ["yes" if flag else "no" for flag in (terms.share_alike, terms.commercial)]
    more = [_attribution(vintage, terms), cite(citation), citation.url]
    return [*map(guarded, words), *flags, *map(guarded, more), str(rows), str(pointers)]


def _words(used: Sequence[Vintage], citations: Sequence[Citation], chosen: Selection) -> str:
    """LICENCES.txt: what each source asks for, and what that means for the whole."""
    lines = ["What may be done with these data, source by source. This is a summary, not legal advice.", ""]
    alike, private = set(), set()
    for vintage, citation in zip(used, citations, strict=True):
        terms = licence(str(vintage.licence["id"]), where=vintage.ref)
        rows, pointers = _counts(vintage, chosen)
        lines += [cite(citation), f"  licence: {citation.licence} {terms.url}".rstrip()]
        lines += [f"  say: {_attribution(vintage, terms)}"] if terms.attribution else []
        lines.append(f"  here: {rows:,} rows, {pointers:,} pointers")
        for reason, count in chosen.held.get(vintage.dataset_id, {}).items():
            lines.append(f"  not here: {count:,} rows, {REASONS[reason]}")
        lines.append("")
        alike |= {citation.licence} if terms.share_alike and rows else set()
        private |= {citation.title} if not terms.commercial and rows else set()
    if alike:
        lines.append(f"As a whole these data may be passed on only under: {', '.join(sorted(alike))} (share-alike).")
    if private:
        lines.append(f"Not for commercial use, because of: {', '.join(sorted(private))}.")
    return "\n".join(lines).rstrip() + "\n"


def _manifest(chosen: Selection, hashes: Mapping[str, str]) -> bytes:
    content = {
        "schema": SCHEMA,
        "concordat": __version__,
        "release": chosen.release.as_dict(),
        "scope": chosen.scope or "all areas",
        "accepted": list(chosen.accept),
        "rows": len(chosen.rows),
        "pointers": chosen.held,
        "files": dict(sorted(hashes.items())),
    }
    return canonical.dumps(content) + b"\n"


def _write(
    store: Store, folder: Path, rows: Sequence[Observation], files: Mapping[str, bytes], chosen: Selection
) -> tuple[str, ...]:
    """The whole folder or nothing: built beside its place, then renamed."""
    folder = folder.absolute()
    beside = folder.with_name(f".{folder.name}.concordat-new")
    old = folder.with_name(f".{folder.name}.concordat-old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left_over in (beside, old):
            shutil.rmtree(left_over, ignore_errors=True)
        beside.mkdir()
        for name, data in files.items():
            _files.write_bytes(beside / name, data)
        with store.lock.held():  # its folder for files in the making
            parquet = tables.write_table(rows, beside / "data.parquet", store.lock.tmp)
        hashes = {name: text_hash(data) for name, data in files.items()} | {"data.parquet": parquet}
        _files.write_bytes(beside / MANIFEST, _manifest(chosen, hashes))
        check_place(folder)
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise _files.disk_error(error, folder) from None
    finally:
        for left_over in (beside, old):
            shutil.rmtree(left_over, ignore_errors=True)
    return (*sorted(hashes), MANIFEST)
