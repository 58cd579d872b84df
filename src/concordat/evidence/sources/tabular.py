"""The user's own figures: a CSV file, a workbook or a Parquet file, read by a mapping file that leaves nothing open.

The mapping (`concordat/import@1`, in YAML) says where the area, the period and the figure stand, in which unit, and who
made them; `_tabular_model` has its form. It is checked against the catalogue of indicators, the table of licences and
the names of areas before a byte of the table is read, and is kept with the vintage, as is the way the bytes are read,
so that a trace finds each cell again. Another mapping of the same bytes is another vintage.

A source is named `class.publisher` (`member_official.za-statistics`): the class is its place in the catalogue's source
orders, the publisher tells two of one class apart, so that they can disagree; a dataset without a publisher speaks for
itself. Rows that can't be read refuse the whole file, unless the caller says to skip them; then they are recorded.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import canonical, clock
from concordat.errors import InputError
from concordat.evidence.citation import Origin
from concordat.evidence.locators import Reading
from concordat.evidence.sources._base import Answer, Meta, Problem
from concordat.evidence.sources._tabular_checks import ENDINGS, Checked, check_mapping, classes
from concordat.evidence.sources._tabular_model import ImportFile
from concordat.evidence.sources._tabular_plan import make_plan
from concordat.evidence.sources._tabular_read import FILE_BYTES_MAX, read_sheet
from concordat.evidence.sources._tabular_rows import Progress, left_out, observations, read_rows
from concordat.settings import Document, parse_yaml, validate

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.loading import Loaded
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import Store

__all__ = ["BadRowsError", "Importer", "classes", "import_file", "read_file", "read_mapping"]

PARSER_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Importer:
    """A checked mapping, ready to read its file.

    Attributes:
        map_name: how messages call the mapping file.
        document: the mapping as written.
    """

    mapping: ImportFile
    map_name: str
    document: Document
    catalogue: Catalogue

    @property
    def source_id(self) -> str:
        """`member_official.za-statistics`."""
        dataset = self.mapping.dataset
        return f"{dataset.class_}.{dataset.publisher or dataset.id}"

    @property
    def origin(self) -> Origin:
        """Who made the dataset, as it is cited."""
        dataset = self.mapping.dataset
        return Origin(
            dataset_id=dataset.id,
            source_id=self.source_id,
            producer=dataset.producer,
            title=dataset.title,
            published=dataset.published or "",
            packaged_in="",
            url=dataset.url,
            licence=dataset.licence,
        )

    @property
    def published(self) -> date | None:
        """The publisher's own date."""
        return date.fromisoformat(self.mapping.dataset.published) if self.mapping.dataset.published else None

    @property
    def reading(self) -> Reading:
        """How the bytes are read."""
        form = self.mapping.format
        kind = form.kind or ENDINGS[Path(self.mapping.file).suffix.lower()]
        return Reading(kind, form.encoding, form.delimiter, form.quote, form.header_row, form.sheet or "")

    @property
    def parser_version(self) -> str:
        """The parser and 8 digits of the mapping's hash: what is read is decided by both."""
        return f"{PARSER_VERSION}-{canonical.digest(self.document.value, floats=True)[:8]}"

    def parse(self, body: bytes, meta: Meta, progress: Progress | None = None) -> Iterator[Observation | Problem]:
        """The figures of the file, then what is wrong with it.

        Raises:
            InputError: the bytes are not such a table, or a column is not in it.
        """
        sheet = read_sheet(body, self.reading, meta.name)
        plan = make_plan(self.mapping, self.map_name, sheet, meta.name)
        read = read_rows(sheet, plan, meta, progress)
        if not read.rows:
            hint = "Look at format.header_row and format.sheet in the mapping."
            raise InputError("no row below the header.", where=meta.name, hint=hint, code="no_rows")
        yield from observations(read, meta)
        yield from read.problems
        yield from left_out(read, meta.name)


# --- The mapping --------------------------------------------------------------------------------------------------


def read_mapping(body: bytes, catalogue: Catalogue, *, where: str) -> Importer:
    """A checked mapping from the bytes of its file.

    Raises:
        InputError: the file breaks the schema, or names an indicator, unit, area, licence or class that is unknown.
    """
    document = parse_yaml(body, where=where, schema="import@1")
    importer = Importer(validate(document, ImportFile), where, document, catalogue)
    check_mapping(Checked(importer.mapping, document, catalogue))
    return importer


# --- The import ---------------------------------------------------------------------------------------------------


class BadRowsError(InputError):
    """Rows of the user's file that can't be read; nothing was stored."""

    def __init__(self, file: str, bad: Sequence[Problem]) -> None:
        self.problems = tuple(bad)
        first = bad[0]
        if len(bad) == 1:
            super().__init__(first.text, where=f"{file}, {first.where}", code="bad_rows")
            return
        what = f"{len(bad)} rows can't be read; nothing was stored. The first, {first.where}: {first.text}"
        hint = "Correct them, or store the others with --skip-bad."
        super().__init__(what, where=file, hint=hint, code="bad_rows")


def import_file(
    store: Store, path: Path, importer: Importer, *, skip_bad: bool = False, progress: Progress | None = None
) -> Loaded:
    """Read a table of the user's own and store it as a vintage; the same file and mapping again change nothing.

    Raises:
        InputError: the file can't be read, is not the mapping's, or holds rows that can't be read (`BadRowsError`).
        SourceError: no figure at all.
        StateError: the store can't be written.
    """
    from concordat.evidence.loading import load

    if path.name != importer.mapping.file:
        what = f'the mapping is for "{importer.mapping.file}".'
        hint = f"Name that file, or set file: {path.name} in {importer.map_name}."
        raise InputError(what, where=path.name, hint=hint, code="other_file")
    answer = Answer(read_file(path), path.name, path.name, clock.now(), method="FILE")
    with _no_collection():
        return load(
            store,
            importer.catalogue,
            importer.origin,
            [answer],
            lambda body, meta: importer.parse(body, meta, progress),
            parser_version=importer.parser_version,
            published=importer.published or _known_before(store, importer, answer.body),
            skip_bad=skip_bad,
            notes={"reading": importer.reading.as_dict(), "mapping": importer.document.value},
            on_bad=lambda bad: BadRowsError(path.name, bad),
        )


def _known_before(store: Store, importer: Importer, body: bytes) -> date | None:
    """Since when the same figures, of a dataset without a date, are known: importing them again changes nothing."""
    sha256 = hashlib.sha256(body).hexdigest()
    same = (importer.mapping.dataset.id, importer.parser_version, (sha256,))
    found = (v for v in store.vintages() if (v.dataset_id, v.parser_version, v.raw) == same)
    return next((v.known_from for v in found), None)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for reference cycles, of which rows have none: it takes a third of the time of a long file."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def factor_of(origin: Mapping[str, Any], indicator_id: str, breakdown: str) -> float:
    """By what the mapping that is kept with a vintage multiplied the figures of an indicator; 1 for other vintages."""
    mapping = origin.get("mapping") or {}
    column = (mapping.get("columns") or {}).get("indicator") or {}
    measures = [mapping.get("value_is") or {}, *(column.get("values") or {}).values()]
    best = (-1, 1.0)
    for measure in measures:
        parts = {f"{dimension}={part}" for dimension, part in (measure.get("breakdown") or {}).items()}
        if measure.get("indicator") == indicator_id and parts <= set(breakdown.split(";")):
            best = max(best, (len(parts), float(measure.get("multiply", 1))))
    return best[1]


def read_file(path: Path) -> bytes:
    """The bytes of the user's file.

    Raises:
        InputError: it can't be read, or is over 256 MB.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            hint = "Split it into several files."
            raise InputError(f"over {FILE_BYTES_MAX:,} bytes.", where=str(path), hint=hint, code="too_large")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
