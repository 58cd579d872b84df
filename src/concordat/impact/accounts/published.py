"""Published answers to "how large is the digital economy", as a reviewed file (`data/ladder_published.yaml`).

Each figure keeps its definition, year, day of release, source, and how far the source was seen: `verified` in the
publisher's own words, `secondary` as quoted by somebody else, `unverified` in neither. Two releases of one figure stand
side by side: none replaces another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError

SCHEMA = "ladder-published@1"
FILE = "ladder_published.yaml"
Rung = Literal["a", "b", "c", "d", "e", "other"]


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    url: str


class _Figure(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    rung: Rung
    area: str
    year: int
    label: str
    coverage: str = ""
    percent: float | None = None
    percent_low: float | None = None
    percent_high: float | None = None
    of: str = ""
    amount: float | None = None
    amount_unit: str = ""
    part_of: str = ""
    released: str = ""
    source: str
    mark: Literal["verified", "secondary", "unverified"]
    note: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: str = Field(alias="schema")
    sources: dict[str, _Source]
    figures: list[_Figure]


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One published figure.

    Attributes:
        id: its name. rung: which definition, a to e or "other". area: ISO alpha-3 or WLD. year: it is of.
        label: what was measured, in its author's terms. coverage: where it is less than the whole area.
        percent, percent_low, percent_high: a share or a range of it, of what `of` says; None where not published.
        amount, amount_unit: the amount, where published. part_of: id of the figure it is a part of, or "".
        released: day, month or year, or "" where not known. source, address: what to cite. mark: how far it was seen.
    """

    id: str
    rung: str
    area: str
    year: int
    label: str
    coverage: str
    percent: float | None
    percent_low: float | None
    percent_high: float | None
    of: str
    amount: float | None
    amount_unit: str
    part_of: str
    released: str
    source: str
    address: str
    mark: str
    note: str


def parse_published(text: str | bytes, *, where: str) -> tuple[PublishedFigure, ...]:
    """Figures from a reviewed file, in its order.

    Raises:
        InputError: not in the form, an id twice, a source or whole that isn't there, a figure without number.
    """
    from concordat.settings import parse_yaml, unknown_key, validate

    document = parse_yaml(text, where=where, schema=SCHEMA)
    file = validate(document, _File)
    ids = [figure.id for figure in file.figures]
    found = []
    for n, f in enumerate(file.figures):
        place = document.place("figures", n)
        if ids.count(f.id) > 1:
            raise InputError(f"{f.id} stands twice.", where=place, hint="Rename one.", code="duplicate")
        if f.source not in file.sources:
            raise unknown_key(f.source, file.sources, where=place)
        if f.part_of and f.part_of not in ids:
            raise unknown_key(f.part_of, ids, where=place)
        if f.percent is None and f.amount is None and f.percent_low is None:
            raise InputError(f"{f.id} has no number.", where=place, hint="Give percent or amount.", code="number")
        if (f.percent is not None or f.percent_low is not None) and not f.of:
            raise InputError(f"{f.id} does not say of what.", where=place, hint="Add: of: GDP", code="of")
        if f.released and not re.fullmatch(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", f.released):
            raise InputError(f'released "{f.released}".', where=place, hint="Write 2022-11-30, or less.", code="day")
        source = file.sources[f.source]
        fields = f.model_dump()
        fields["source"] = source.title
        found.append(PublishedFigure(**fields, address=source.url))
    return tuple(found)


@cache
def _shipped() -> tuple[PublishedFigure, ...]:
    return parse_published((files("concordat.impact") / "data" / FILE).read_bytes(), where=FILE)


def published_figures(area: str = "", *, year: int | None = None, rung: str = "") -> tuple[PublishedFigure, ...]:
    """The published figures that ship, of an area, a year or a rung where these are named; oldest year first.

    >>> [(f.label, f.percent) for f in published_figures("CHN", year=2018, rung="b")]
    [('value added of digital sectors in an input-output model', 7.14)]
    """
    found = (f for f in _shipped() if area in ("", f.area) and year in (None, f.year) and rung in ("", f.rung))
    return tuple(sorted(found, key=lambda f: (f.area, f.rung, f.year)))


def published_by_area(areas: Iterable[str], *, year: int | None = None) -> dict[str, tuple[PublishedFigure, ...]]:
    """The published figures of each area, in the order asked for; an empty tuple where this package knows none.

    >>> {area: len(found) for area, found in published_by_area(["BRA", "IND"]).items()}
    {'BRA': 0, 'IND': 5}
    """
    return {area: published_figures(area, year=year) for area in areas}
