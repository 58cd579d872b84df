"""What does a table of datasets offer: a CSV with one row a distribution, read and printed.

    parse_csv(data, where="datasets.csv").datasets
    print_csv(datasets)

Columns are those of exchange.md 4.1. Rows with one `dataset_id` are one dataset; columns of the dataset that contradict
each other are an error that names both rows. A second language of title and description is a second row, with another
`title_lang`. Several values in one cell are parted by `;` (`\\;` is the sign itself). The licence of a row is that of
its file; where all rows of a dataset name the same, it is the dataset's. `offer` names an offer by its id: terms are
not in a table. Cells that a spreadsheet takes for formulas are written with an apostrophe before them, which reading
removes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from concordat.errors import InputError
from concordat.evidence.csv_text import FORMULA_STARTS, guarded
from concordat.exchange.catalogue.ckan import id_of, key_of
from concordat.exchange.catalogue.model import Dataset, Distribution, Found, iri_of, is_iri, is_sha256
from concordat.settings import unknown_key

COLUMNS = (
    "dataset_id", "title", "title_lang", "description", "publisher", "theme", "keywords", "license", "access",
    "issued", "modified", "spatial", "temporal_from", "temporal_to", "frequency", "conforms_to", "file", "url",
    "format", "bytes", "sha256", "offer",
)  # fmt: skip
REQUIRED = ("dataset_id", "title")
BYTES_MAX = 20_000_000
# Columns that say something of the dataset: rows of one dataset may leave them empty, and must not contradict.
OF_DATASET = ("publisher", "theme", "keywords", "access", "issued", "modified", "spatial", "temporal_from",
              "temporal_to", "frequency", "conforms_to", "offer")  # fmt: skip

_PART = re.compile(r"(?:[^\\;]|\\.|\\$)+", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\;])")


@dataclass
class _Rows:
    """What the rows of one dataset say together."""

    first: int
    title: dict[str, str] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    said: dict[str, tuple[str, int]] = field(default_factory=dict)
    parts: list[Distribution] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    lines: dict[tuple[str, str], int] = field(default_factory=dict)


def parse_csv(data: bytes, where: str = "datasets.csv") -> Found:
    """The datasets of a table, in order of their first rows.

    Raises:
        InputError: not UTF-8 or not CSV, an unknown column (with the nearest), a row without id or title, a bad number
            or checksum, or two rows that contradict each other.
    """
    found: dict[str, _Rows] = {}
    for number, row in _rows(data, where):
        key = row["dataset_id"]
        if not key:
            raise InputError("dataset_id is empty.", where=f"{where}, row {number}", code="empty")
        _take(found.setdefault(key, _Rows(number)), row, number, where)
    for key, rows in found.items():
        if not rows.title:
            raise InputError(f'"{key[:60]}" has no title.', where=f"{where}, row {rows.first}", code="empty")
    return Found(tuple(_dataset(key, rows) for key, rows in found.items()))


def _rows(data: bytes, where: str) -> list[tuple[int, dict[str, str]]]:
    if len(data) > BYTES_MAX:
        raise InputError(f"over {BYTES_MAX:,} bytes.", where=where, hint="Split the table.", code="too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, hint=hint, code="not_utf8") from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        head = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as error:
        raise InputError(f"not CSV: {error}.", where=where, code="not_csv") from None
    for name in head:
        if name not in COLUMNS:
            raise unknown_key(name, COLUMNS, where=f"{where}, row 1")
    missing = [name for name in REQUIRED if name not in head]
    if missing or len(set(head)) != len(head):
        what = f"the column {missing[0]} is missing." if missing else "a column stands twice."
        raise InputError(what, where=f"{where}, row 1", hint=f"Columns: {', '.join(COLUMNS)}.", code="columns")
    made = []
    for number, (_, cells) in enumerate(lines, 2):
        if len(cells) > len(head):
            raise InputError(f"{len(cells)} cells under {len(head)} columns.", where=f"{where}, row {number}")
        row = dict(zip(head, map(_unguarded, cells), strict=False))
        made.append((number, {name: row.get(name, "").strip() for name in COLUMNS}))
    return made


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in (*FORMULA_STARTS, "'") and cell[1:] else cell


def _take(rows: _Rows, row: Mapping[str, str], number: int, where: str) -> None:
    language = row["title_lang"]
    for name, texts in (("title", rows.title), ("description", rows.description)):
        if row[name]:
            line = rows.lines.setdefault((name, language), number)
            if texts.setdefault(language, row[name]) != row[name]:
                raise _contradiction(name, line, number, where)
    for name in OF_DATASET:
        if row[name]:
            value, line = rows.said.setdefault(name, (row[name], number))
            if value != row[name]:
                raise _contradiction(name, line, number, where)
    if row["file"] or row["url"] or row["format"] or row["bytes"] or row["sha256"]:
        part = _part(row, f"{where}, row {number}")
        if part not in rows.parts:
            rows.parts.append(part)
    elif row["license"]:
        rows.licences.append(row["license"])


def _contradiction(name: str, first: int, second: int, where: str) -> InputError:
    what = f"rows {first} and {second} give one dataset two values of {name}."
    return InputError(what, where=f"{where}, rows {first} and {second}", hint="Make them one.", code="contradiction")


def _part(row: Mapping[str, str], where: str) -> Distribution:
    size, digest = row["bytes"], row["sha256"].lower()
    if size and not (size.isascii() and size.isdecimal() and len(size) < 16):
        raise InputError(f'"{size[:30]}" is not a number of bytes.', where=where, hint="As 48210.", code="bytes")
    if digest and not is_sha256(digest):
        raise InputError(f'"{digest[:80]}" is not a SHA-256.', where=where, hint="64 digits 0-9a-f.", code="sha256")
    url = row["url"]
    return Distribution(
        access_url=iri_of(url) if is_iri(iri_of(url)) else url, title={"": row["file"]} if row["file"] else {},
        license=row["license"], format=row["format"], bytes=int(size) if size else None, sha256=digest,
    )  # fmt: skip


def _dataset(key: str, rows: _Rows) -> Dataset:
    said = {name: value for name, (value, _) in rows.said.items()}
    licences = {part.license for part in rows.parts} or set(rows.licences)
    common = next(iter(licences)) if len(licences) == 1 else ""
    parts = [replace(part, license="") if common else part for part in rows.parts]
    return Dataset(
        id=id_of(key), identifier=key, title=dict(sorted(rows.title.items())),
        description=dict(sorted(rows.description.items())), publisher=said.get("publisher", ""),
        keywords=tuple(("", word) for word in _many(said, "keywords")), themes=_many(said, "theme"), license=common,
        access=said.get("access", ""), issued=said.get("issued", ""), modified=said.get("modified", ""),
        spatial=_many(said, "spatial"), temporal=(said.get("temporal_from", ""), said.get("temporal_to", "")),
        frequency=said.get("frequency", ""), conforms_to=_many(said, "conforms_to"), distributions=tuple(parts),
        source_record={"offer": said["offer"]} if "offer" in said else None,
    )  # fmt: skip


def _many(said: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (_ESCAPED.sub(r"\1", part).strip() for part in _PART.findall(said.get(name, "")))
    return tuple(sorted(set(parts) - {""}))


# --- Printing -----------------------------------------------------------------------------------------------------


def print_csv(datasets: Sequence[Dataset]) -> bytes:
    """The datasets as a table, in UTF-8 with lines that end in CR LF (RFC 4180)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for dataset in datasets:
        for row in rows_of(dataset):
            writer.writerow([guarded(row.get(name, "")) for name in COLUMNS])
    return out.getvalue().encode()


def rows_of(dataset: Dataset) -> list[dict[str, str]]:
    """The rows of one dataset: one a distribution or language, whichever are more."""
    offer = (dataset.source_record or {}).get("offer")
    same: dict[str, str] = {
        "dataset_id": key_of(dataset.id), "publisher": dataset.publisher, "theme": _joined(dataset.themes),
        "keywords": _joined(sorted({word for _, word in dataset.keywords})), "access": dataset.access,
        "issued": dataset.issued, "modified": dataset.modified, "spatial": _joined(dataset.spatial),
        "temporal_from": dataset.temporal[0], "temporal_to": dataset.temporal[1], "frequency": dataset.frequency,
        "conforms_to": _joined(dataset.conforms_to), "offer": _offer(dataset, offer),
    }  # fmt: skip
    languages = sorted({*dataset.title, *dataset.description}) or [""]
    rows = []
    for index in range(max(len(languages), len(dataset.distributions), 1)):
        language = languages[min(index, len(languages) - 1)]
        row = {**same, "title": dataset.title.get(language, ""), "title_lang": language}
        row["description"] = dataset.description.get(language, "")
        row["license"] = dataset.license
        if dataset.distributions:
            row |= _printed(dataset.distributions[min(index, len(dataset.distributions) - 1)], dataset.license)
        rows.append(row)
    return rows


def _offer(dataset: Dataset, offer: Any) -> str:
    if isinstance(offer, str):
        return offer
    return str(dataset.policies[0].get("@id", "")) if dataset.policies else ""


def _printed(one: Distribution, licence: str) -> dict[str, str]:
    return {
        "file": one.title.get("") or next(iter(one.title.values()), ""), "url": one.access_url or one.download_url,
        "format": one.format, "license": one.license or licence,
        "bytes": "" if one.bytes is None else str(one.bytes), "sha256": one.sha256,
    }  # fmt: skip


def _joined(words: Sequence[str]) -> str:
    return ";".join(word.replace("\\", "\\\\").replace(";", "\\;") for word in words)
