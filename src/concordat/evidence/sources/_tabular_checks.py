"""What a mapping file must keep beyond its form: ids, units, licences, classes and areas that exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.evidence.citation import origins
from concordat.evidence.licences import licence
from concordat.evidence.sources import _tabular_values as values
from concordat.evidence.sources._tabular_model import ImportFile
from concordat.evidence.sources._tabular_numbers import Bad
from concordat.settings import Document, nearest

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue

ENDINGS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet"}
OTHER_CLASS = "other"  # last in every source order


@dataclass(frozen=True, slots=True)
class Checked:
    """A mapping of the right form, with where each part stands, and the catalogue it is held against."""

    mapping: ImportFile
    document: Document
    catalogue: Catalogue


def check_mapping(checked: Checked) -> None:
    """Hold a mapping against everything it names.

    Raises:
        InputError: an indicator, unit, breakdown, area, licence, class or day that is unknown, at its line.
    """
    _check_dataset(checked)
    _check_file(checked)
    _check_measures(checked)
    _check_columns(checked)


def classes(catalogue: Catalogue) -> tuple[str, ...]:
    """The classes of source that a mapping may name: those of the catalogue's source orders, and `other`."""
    found = {source for i in catalogue.indicators.values() for source in i.source_order}
    return (*sorted(found), OTHER_CLASS)


def _check_dataset(checked: Checked) -> None:
    mapping, document, catalogue = checked.mapping, checked.document, checked.catalogue
    dataset = mapping.dataset
    licence(dataset.licence, where=document.place("dataset", "licence"))
    known = classes(catalogue)
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


def _check_file(checked: Checked) -> None:
    mapping, document = checked.mapping, checked.document
    where = document.place("file")
    if Path(mapping.file).name != mapping.file:
        raise InputError(
            "file is a name, without folders.", where=where, hint="The table is named on the command line."
        )
    if mapping.format.kind is None and Path(mapping.file).suffix.lower() not in ENDINGS:
        hint = f"Known endings: {', '.join(ENDINGS)}; for others set format.kind. Save .xls as .xlsx."
        raise InputError(f'I can\'t tell what "{mapping.file}" is.', where=where, hint=hint, code="kind")


def _check_measures(checked: Checked) -> None:
    """Indicators and units are the catalogue's, or the figures would be stored and never used."""
    mapping, document = checked.mapping, checked.document
    split = set(mapping.columns.breakdown)
    if mapping.value_is is not None:
        _check_measure(checked, mapping.value_is, split, ("value_is",))
    if mapping.columns.indicator is not None:
        for code, measure in mapping.columns.indicator.values.items():
            path = ("columns", "indicator", "values", code)
            _check_measure(checked, measure, split | set(measure.breakdown), path)
            both = split & set(measure.breakdown)
            for dimension, part in measure.breakdown.items():
                found = values.part_of(dimension, part)
                if isinstance(found, Bad) or not found or both:
                    what = found.what if isinstance(found, Bad) else f"{dimension} is said twice, or is total."
                    raise InputError(what, where=document.place(*path, "breakdown", dimension), code="breakdown")


def _check_measure(checked: Checked, measure: Any, dimensions: set[Any], path: tuple[str, ...]) -> None:
    mapping, document, catalogue = checked.mapping, checked.document, checked.catalogue
    indicator = catalogue.get(measure.indicator, where=document.place(*path, "indicator"))
    if measure.unit != indicator.unit and mapping.columns.unit is None:
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


def _check_columns(checked: Checked) -> None:
    """What the mapping itself says for every row can be read, and aliases lead to areas."""
    from concordat.world import area_type

    mapping, document = checked.mapping, checked.document
    for text, target in mapping.aliases.items():
        area_type_of = document.place("aliases", text)
        try:
            area_type(target)
        except InputError as error:
            raise InputError(error.what, where=area_type_of, hint=error.hint, code="unknown_area") from None
    columns = mapping.columns
    checks: list[tuple[Any, Callable[[Any], Any], tuple[str, ...]]] = [
        (columns.area.always, values.area_reader(columns.area, mapping.aliases, document.where), ("area",)),
        (columns.period.always, values.period_reader(columns.period), ("period",)),
    ]
    for dimension, split in columns.breakdown.items():
        checks.append((split.always, values.part_reader(dimension, split.values), ("breakdown", dimension)))
        for text, code in split.values.items():
            part = values.part_of(dimension, code)
            if isinstance(part, Bad):
                where = document.place("columns", "breakdown", dimension, "values", text)
                raise InputError(part.what, where=where, hint=part.hint, code="invalid")
    for cell, read, path in checks:
        found = None if cell is None else read(str(cell))
        if isinstance(found, Bad):
            where = document.place("columns", *path, "always")
            raise InputError(found.what, where=where, hint=found.hint, code="invalid")
