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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import canonical, clock
from concordat.errors import InputError
from concordat.evidence.citation import Origin, origins
from concordat.evidence.licences import licence
from concordat.evidence.locators import Reading
from concordat.evidence.sources import _tabular_values as values
from concordat.evidence.sources._base import Answer, Meta, Problem
from concordat.evidence.sources._tabular_model import ImportFile
from concordat.evidence.sources._tabular_read import FILE_BYTES_MAX, Sheet, read_sheet
from concordat.evidence.sources._tabular_rows import Entry, Plan, Progress, left_out, observations, read_rows
from concordat.settings import Document, nearest, parse_yaml, validate

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.loading import Loaded
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import Store

PARSER_VERSION = "1"
ENDINGS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}
OTHER_CLASS = "other"  # last in every source order


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
        plan = self._plan(sheet, meta.name)
        read = read_rows(sheet, plan, meta, progress)
        if not read.rows:
            hint = "Look at format.header_row and format.sheet in the mapping."
            raise InputError("no row below the header.", where=meta.name, hint=hint, code="no_rows")
        yield from observations(read, meta)
        yield from read.problems
        yield from left_out(read, meta.name)

    # --- The plan of a table ---

    def _plan(self, sheet: Sheet, name: str) -> Plan:
        columns, form = self.mapping.columns, self.mapping.format
        reader = values.area_reader(columns.area, self.mapping.aliases, self.map_name)
        period = values.period_reader(columns.period)
        missing = form.missing if isinstance(form.missing, dict) else dict.fromkeys(form.missing, "not_published")
        find = _Finder(sheet.header, name, self.map_name)
        coded = {"unit": columns.unit, "status": columns.status, "nature": columns.nature}
        defaults = {"unit": "", "status": "A", "nature": "N"}
        at = [find(c) for c in (columns.period.column, columns.period.start, columns.period.end) if c is not None]
        area, entry = self._place(find, columns.area, reader), self._entries(find)
        parts = tuple(
            self._place(find, split, values.part_reader(dimension, split.values))
            for dimension, split in columns.breakdown.items()
        )
        value = find(columns.value.column)
        days = _with_text(period)
        always = None if columns.period.always is None else days(str(columns.period.always))
        plan = Plan(
            form=form,
            area=area,
            period=(tuple(at) or (0,), values.Column(days) if always is None else values.Always(always)),
            entry=entry,
            value=value,
            precision=columns.value.precision,
            parts=parts,
            lower=find(columns.lower.column) if columns.lower else None,
            upper=find(columns.upper.column) if columns.upper else None,
            coded={
                key: self._place(find, column, values.code_reader(column.values, key, defaults[key]))
                for key, column in coded.items()
                if column is not None
            },
            note=find(columns.note.column) if columns.note else None,
            number=values.number_reader(form),
            missing=missing,
            width=len(sheet.header) or find.needed,
            keys=tuple({area[0], entry[0], *at, *(index for index, _ in parts)} - {value}),
        )
        assert not isinstance(always, values.Bad), "checked when the mapping was read"
        return plan

    def _place(self, find: _Finder, column: Any, read: Callable[[Any], Any]) -> tuple[int, Mapping[Any, Any]]:
        if column.column is None:
            return 0, values.Always(read(str(column.always)))
        return find(column.column), values.Column(read)

    def _entries(self, find: _Finder) -> tuple[int, Mapping[Any, Any]]:
        """What each row measures."""
        mapping = self.mapping
        if mapping.value_is is not None:
            said = mapping.value_is
            return 0, values.Always(Entry(said.indicator, said.unit, said.multiply))
        column = mapping.columns.indicator
        assert column is not None
        known = {}
        for code, measure in column.values.items():
            parts = tuple(f"{dimension}={part}" for dimension, part in measure.breakdown.items())
            known[code] = Entry(measure.indicator, measure.unit, measure.multiply, parts)

        def read(cell: Any) -> Any:
            text = values.cell_text(cell).strip()
            if text in known:
                return known[text]
            if column.others == "leave_out" and text:
                return values.SKIPPED
            hint = f"List it in {self.map_name} under columns.indicator.values, or set others: leave_out."
            return values.Bad(f'"{text}" is not among the indicators of the mapping.', hint)

        return find(column.column), values.Column(read)


class _Finder:
    """Where a column stands, by its name or its number."""

    def __init__(self, header: Sequence[str], name: str, map_name: str) -> None:
        self.header = header
        self.name = name
        self.map_name = map_name
        self.needed = 0

    def __call__(self, column: str | int) -> int:
        if isinstance(column, int):
            if self.header and column > len(self.header):
                what = f"there is no column {column}; the header has {len(self.header)}."
                raise InputError(what, where=self.name, hint=f"Correct it in {self.map_name}.", code="no_column")
            self.needed = max(self.needed, column)
            return column - 1
        count = self.header.count(column)
        if count == 1:
            return self.header.index(column)
        if count > 1:
            hint = f"Name it by its number in {self.map_name}, or rename one."
            what = f'the column "{column}" stands {count} times in the header.'
            raise InputError(what, where=self.name, hint=hint, code="no_column")
        close = nearest(column, [h for h in self.header if h])
        shown = ", ".join(h for h in self.header[:20] if h) or "none; give their numbers"
        hint = f'Did you mean "{close[0]}"?' if close else f"Columns here: {shown}."
        raise InputError(f'there is no column "{column}".', where=self.name, hint=hint, code="no_column")


def _with_text(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The period with both days as the text that an id is made of."""

    def period(cell: Any) -> Any:
        found = read(cell)
        if isinstance(found, values.Bad):
            return found
        start, end, freq = found
        return start, end, freq, f"{start.isoformat()}\x1f{end.isoformat()}"

    return period


# --- The mapping --------------------------------------------------------------------------------------------------


def read_mapping(body: bytes, catalogue: Catalogue, *, where: str) -> Importer:
    """A checked mapping from the bytes of its file.

    Raises:
        InputError: the file breaks the schema, or names an indicator, unit, area, licence or class that is unknown.
    """
    document = parse_yaml(body, where=where, schema="import@1")
    importer = Importer(validate(document, ImportFile), where, document, catalogue)
    _check_dataset(importer)
    _check_file(importer)
    _check_measures(importer)
    _check_columns(importer)
    return importer


def classes(catalogue: Catalogue) -> tuple[str, ...]:
    """The classes of source that a mapping may name: those of the catalogue's source orders, and `other`."""
    found = {source for i in catalogue.indicators.values() for source in i.source_order}
    return (*sorted(found), OTHER_CLASS)


def _check_dataset(importer: Importer) -> None:
    dataset, document = importer.mapping.dataset, importer.document
    licence(dataset.licence, where=document.place("dataset", "licence"))
    known = classes(importer.catalogue)
    if dataset.class_ not in known:
        close = nearest(dataset.class_, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
        where = document.place("dataset", "class")
        raise InputError(f'"{dataset.class_}" is not a class of source.', where=where, hint=hint, code="class")
    if dataset.id in origins():
        where = document.place("dataset", "id")
        hint = "Choose an id of your own, such as za-ict-2025."
        raise InputError(f'"{dataset.id}" is a dataset that Concordat loads itself.', where=where, hint=hint)
    if dataset.published:
        try:
            date.fromisoformat(dataset.published)
        except ValueError:
            where = document.place("dataset", "published")
            raise InputError(f'"{dataset.published}" is not a day.', where=where, code="bad_day") from None


def _check_file(importer: Importer) -> None:
    mapping = importer.mapping
    where = importer.document.place("file")
    if Path(mapping.file).name != mapping.file:
        raise InputError(
            "file is a name, without folders.", where=where, hint="The table is named on the command line."
        )
    if mapping.format.kind is None and Path(mapping.file).suffix.lower() not in ENDINGS:
        hint = f"Known endings: {', '.join(ENDINGS)}; for others set format.kind. Save .xls as .xlsx."
        raise InputError(f'I can\'t tell what "{mapping.file}" is.', where=where, hint=hint, code="kind")


def _check_measures(importer: Importer) -> None:
    """Indicators and units are the catalogue's, or the figures would be stored and never used."""
    mapping, document = importer.mapping, importer.document
    split = set(mapping.columns.breakdown)
    if mapping.value_is is not None:
        _check_measure(importer, mapping.value_is, split, ("value_is",))
    if mapping.columns.indicator is not None:
        for code, measure in mapping.columns.indicator.values.items():
            path = ("columns", "indicator", "values", code)
            _check_measure(importer, measure, split | set(measure.breakdown), path)
            both = split & set(measure.breakdown)
            for dimension, part in measure.breakdown.items():
                found = values.part_of(dimension, part)
                if isinstance(found, values.Bad) or not found or both:
                    what = found.what if isinstance(found, values.Bad) else f"{dimension} is said twice, or is total."
                    raise InputError(what, where=document.place(*path, "breakdown", dimension), code="breakdown")


def _check_measure(importer: Importer, measure: Any, dimensions: set[Any], path: tuple[str, ...]) -> None:
    document = importer.document
    indicator = importer.catalogue.get(measure.indicator, where=document.place(*path, "indicator"))
    if measure.unit != indicator.unit and importer.mapping.columns.unit is None:
        raise InputError(
            f'{indicator.id} is in {indicator.unit} in the catalogue, not in "{measure.unit}".',
            where=document.place(*path, "unit"),
            hint=f"Write unit: {indicator.unit}, and with multiply how your figures become it.",
            code="unit",
        )
    for dimension in sorted(dimensions):
        if dimension not in indicator.breakdowns:
            known = ", ".join(indicator.breakdowns) or "none"
            raise InputError(
                f"{indicator.id} has no breakdown by {dimension}.",
                where=document.place(*path, "indicator"),
                hint=f"Breakdowns of it: {known}.",
                code="breakdown",
            )


def _check_columns(importer: Importer) -> None:
    """What the mapping itself says for every row can be read, and aliases lead to areas."""
    from concordat.world import area_type

    mapping, document = importer.mapping, importer.document
    for text, target in mapping.aliases.items():
        area_type_of = document.place("aliases", text)
        try:
            area_type(target)
        except InputError as error:
            raise InputError(error.what, where=area_type_of, hint=error.hint, code="unknown_area") from None
    columns = mapping.columns
    checks: list[tuple[Any, Callable[[Any], Any], tuple[str, ...]]] = [
        (columns.area.always, values.area_reader(columns.area, mapping.aliases, importer.map_name), ("area",)),
        (columns.period.always, values.period_reader(columns.period), ("period",)),
    ]
    for dimension, split in columns.breakdown.items():
        checks.append((split.always, values.part_reader(dimension, split.values), ("breakdown", dimension)))
        for text, code in split.values.items():
            place = ("breakdown", dimension, "values", text)
            checks.append((code, lambda code, dimension=dimension: values.part_of(dimension, code), place))
    for cell, read, path in checks:
        found = None if cell is None else read(str(cell))
        if isinstance(found, values.Bad):
            where = document.place("columns", *path, "always")
            raise InputError(found.what, where=where, hint=found.hint, code="invalid")


# --- The import ---------------------------------------------------------------------------------------------------


class BadRows(InputError):
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
        InputError: the file can't be read, is not the mapping's, or holds rows that can't be read (`BadRows`).
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
            on_bad=lambda bad: BadRows(path.name, bad),
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
