"""What a chapter of the report is made of: blocks that every renderer knows.

A room hands its results to one file in `report/chapters/`, which turns them into these blocks. Renderers (HTML, PDF,
XLSX, CSV) know blocks, never rooms. Every printed number is a `Num` and carries the id of a record in the report's
`Book`; words come from the message catalogues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Num:
    """A number as printed: one part of one record.

    Attributes:
        value: the number; None with `lower` and `upper` for a censored one ("less than 1").
        lower, upper: the interval that is printed with it, or None.
        unit: of the catalogue (`percent`, `per_100`, ...), or `year`, `count`, `rank`, `ratio`, `points`, `share`.
        id: the record it is a part of.
        marks: names of marks shown with it (`stale`, `conflict`, `estimate`, `unverified`, `censored`, `imputed`).
        part: which part of the record `value` is; `lower` and `upper` are the parts of those names or, beside another
            part such as `median`, `median_lower` and `median_upper`.
        decimals: how many decimals to print; None lets `figures.numbers` choose by unit and size.
    """

    value: float | int | None
    lower: float | int | None = None
    upper: float | int | None = None
    unit: str = ""
    id: str = ""
    marks: tuple[str, ...] = ()
    part: str = "value"
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A command, file or key, set in a fixed-width face."""

    text: str


@dataclass(frozen=True, slots=True)
class Cite:
    """A reference to a source by its dataset id; printed as its number in the list of sources."""

    dataset_id: str


Run: TypeAlias = str | Num | Code | Cite
Runs: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of text and numbers."""

    runs: Runs


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph set apart: a limit, a warning, what is missing and how to load it."""

    runs: Runs
    kind: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `id` is the second half of a cell's name (an indicator id, a measure)."""

    id: str
    title: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: a number with its year, source and rank interval, or words (the reason why there is no number).

    Attributes:
        rank: no value; lower and upper are the best and the worst rank.
        source: a dataset id.
        code: the words are an id or a command.
        runs: the words with their numbers, where they hold some; `text` then says the same as plain text.
        evidence: the interval of a number that is printed without one; for the data files only.
    """

    main: Num | None = None
    text: str = ""
    year: Num | None = None
    rank: Num | None = None
    source: str = ""
    code: bool = False
    runs: Runs = ()
    evidence: Num | None = None

    def nums(self) -> Iterator[Num]:
        """The numbers printed in this cell."""
        yield from (n for n in (self.main, self.year, self.rank) if n is not None)
        yield from (run for run in self.runs if isinstance(run, Num))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. `id` is the first half of a cell's name (an area, a bloc line, an indicator)."""

    id: str
    title: str
    cells: tuple[Cell, ...]
    kind: Literal["member", "invited", "bloc", "world", "other"] = "other"


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Its cells are named `T3:BRA:internet_users_pct`: table number, row id, column id.

    `on_page=False` keeps a long table out of HTML and PDF (there it is one line that names the sheet); XLSX and CSV
    always hold it whole.
    """

    id: str
    title: str
    row_title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Runs, ...] = ()
    on_page: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: a Vega-Lite specification as plain data, the table of its numbers, and words for who can't see it.

    `table` is shown folded below the chart, or, when a table of that id stands in the same chapter, as a link to it.
    """

    id: str
    title: str
    spec: Mapping[str, Any]
    table: Table
    alt: str
    caption: Runs = ()


Block: TypeAlias = Paragraph | Note | Table | Figure


@dataclass(frozen=True, slots=True)
class Headline:
    """A sentence for the first screen. The highest priorities of all chapters are printed, at most eight."""

    priority: int
    runs: Runs


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the report. `sources` are dataset ids in order of first use."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    headlines: tuple[Headline, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """What a first screen shows of a chapter: the same sentences, picture and sources as the chapter, and no more.

    Attributes:
        picture: the figure that a first screen shows, where the chapter has it.
        sources: dataset ids of the chapter that the picture is of.
    """

    id: str
    headlines: tuple[Headline, ...] = ()
    picture: Figure | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of the report that isn't there, why, and what to load so that it appears."""

    id: str
    title: str
    reason: str
    what_to_load: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of the list of sources: the citation as text, and its fields for BibTeX and CSL-JSON."""

    dataset_id: str
    citation: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """All that the renderers need.

    Attributes:
        summary: the sentences of the first screen, in order.
        meta: label and value pairs under the title (bloc and date, release, study hash, version).
        sources: numbered from 1 in this order.
        id_length: how many hex digits name a record without doubt in this report and its release (at least 8).
        stamp: ISO date-time for file metadata (from the study, never the clock).
        others: language and file of the same report in its other languages.
    """

    title: str
    subtitle: str
    language: str
    summary: tuple[Runs, ...]
    meta: tuple[tuple[str, Runs], ...]
    chapters: tuple[Chapter | Missing, ...]
    sources: tuple[Source, ...]
    id_length: int
    stamp: str
    lead_figure: Figure | None = None
    others: tuple[tuple[str, str], ...] = ()


def tables_of(report: Report) -> list[tuple[int, Chapter, Table]]:
    """All tables with their numbers, in order; a figure's own table counts unless the chapter prints it anyway."""
    found: list[tuple[int, Chapter, Table]] = []
    for chapter in report.chapters:
        if isinstance(chapter, Missing):
            continue
        printed = {block.id for block in chapter.blocks if isinstance(block, Table)}
        for block in chapter.blocks:
            table = block if isinstance(block, Table) else None
            if isinstance(block, Figure) and block.table.id not in printed:
                table = block.table
            if table is not None:
                printed.add(table.id)
                found.append((len(found) + 1, chapter, table))
    return found


def nums_in(runs: Sequence[Run]) -> Iterator[Num]:
    """The numbers in a line of text."""
    return (run for run in runs if isinstance(run, Num))
