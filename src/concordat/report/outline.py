"""How the parts of a report are numbered and called: the same in HTML, PDF, XLSX and CSV.

Tables are numbered through the report in reading order, figures likewise (the lead figure is number 1), sources in the
order of the report's list. A cell is called `T3:BRA:internet_users_pct`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from concordat.figures.numbers import Style, end_part
from concordat.report.chapter import Cell, Chapter, Cite, Code, Figure, Missing, Num, Report, Runs, Table, tables_of
from concordat.report.messages import Messages

RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")


@dataclass(frozen=True, slots=True)
class Entry:
    """A numbered table and the chapter it stands in."""

    number: int
    chapter: Chapter
    table: Table

    @property
    def name(self) -> str:
        """`T3`."""
        return f"T{self.number}"

    @property
    def example(self) -> str:
        """The name of the table's first cell that holds a number, else of its first cell."""
        for row in self.table.rows:
            for column, cell in zip(self.table.columns, row.cells, strict=True):
                if cell.main is not None:
                    return f"{self.name}:{row.id}:{column.id}"
        row_id = self.table.rows[0].id if self.table.rows else "row"
        return f"{self.name}:{row_id}:{self.table.columns[0].id if self.table.columns else 'column'}"


class Outline:
    """Numbers and anchors of tables, figures and sources of one report."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.entries = tuple(Entry(*found) for found in tables_of(report))
        self._tables = {(e.chapter.id, e.table.id): e for e in self.entries}
        self._sources = {source.dataset_id: n for n, source in enumerate(report.sources, 1)}
        self._figures: dict[str, int] = {}
        for figure in self.figures():
            self._figures.setdefault(figure.id, len(self._figures) + 1)

    def figures(self) -> Iterator[Figure]:
        """All figures in reading order, each once."""
        seen: set[str] = set()
        lead = [self.report.lead_figure] if self.report.lead_figure else []
        chapters = (c for c in self.report.chapters if not isinstance(c, Missing))
        for figure in (*lead, *(b for c in chapters for b in c.blocks if isinstance(b, Figure))):
            if figure.id not in seen:
                seen.add(figure.id)
                yield figure

    def entry(self, chapter: Chapter, table: Table) -> Entry:
        """The numbered table of a chapter."""
        return self._tables[chapter.id, table.id]

    def entry_of(self, figure: Figure) -> Entry:
        """The table of a figure, wherever it stands. The lead figure's must stand in some chapter."""
        found = [e for e in self.entries if e.table.id == figure.table.id]
        assert found, f"the table {figure.table.id} of figure {figure.id} stands in no chapter"
        return next((e for e in found if figure in e.chapter.blocks), found[0])

    def figure_number(self, figure: Figure) -> int:
        """1, 2, ... in reading order."""
        return self._figures[figure.id]

    def source_number(self, dataset_id: str) -> int:
        """The number of a source in the report's list."""
        assert dataset_id in self._sources, f"{dataset_id} is cited and not in the report's list of sources"
        return self._sources[dataset_id]

    def short_id(self, num: Num) -> str:
        """As many hex digits of the record's id as name it without doubt."""
        assert num.id, f"a printed number without a record: {num}"
        return num.id[: self.report.id_length]

    def owns_table(self, chapter: Chapter, figure: Figure) -> bool:
        """Whether the figure brings its table (else the chapter, or an earlier figure of it, prints that table)."""
        if any(isinstance(block, Table) and block.id == figure.table.id for block in chapter.blocks):
            return False
        sharing = [block for block in chapter.blocks if isinstance(block, Figure) and block.table.id == figure.table.id]
        return bool(sharing) and sharing[0] is figure

    def is_lead(self, figure: Figure) -> bool:
        """Whether the figure was shown at the head of the report."""
        return self.report.lead_figure is not None and self.report.lead_figure.id == figure.id


def right_to_left(language: str) -> bool:
    """Whether a language is written from right to left."""
    return language.replace("_", "-").split("-")[0].lower() in RIGHT_TO_LEFT


def own_name(language: str) -> str:
    """How a language calls itself: `português`, `العربية`."""
    from concordat.figures.numbers import locale_of

    return str(locale_of(language).get_display_name(language))


def numbers_of(cell: Cell) -> Iterator[tuple[str, Num, str, float | int]]:
    """Every number of a cell: what stands behind the cell's name, the number, the part of its record, its value.

    `` is the number itself, `:year` and `:rank` stand beside it, and `:lower` and `:upper` are the ends of each. What
    has no value (a rank, "less than 1") is called by its lower end, else its upper one. A number among a cell's words
    is called by its part.
    """
    for suffix, num in (("", cell.main), (":year", cell.year), (":rank", cell.rank)):
        if num is None:
            continue
        bounds = ((f"{suffix}:lower", num.lower, "lower"), (f"{suffix}:upper", num.upper, "upper"))
        ends = [(name, num, end_part(num.part, end), value) for name, value, end in bounds if value is not None]
        if num.value is not None:
            yield suffix, num, num.part, num.value
        elif ends:
            yield suffix, *ends[0][1:]
        yield from ends
        if suffix == "" and not ends and cell.evidence is not None:
            for end, value in (("lower", cell.evidence.lower), ("upper", cell.evidence.upper)):
                if value is not None:
                    yield f":{end}", cell.evidence, end, value
    for run in cell.runs:
        if isinstance(run, Num) and run.value is not None:
            yield f":{run.part}", run, run.part, run.value


def common_source(table: Table, column: int | None = None) -> str:
    """The one source of all published figures of a table, or of one of its columns; empty if there are several or none.

    Figures that we computed name no source of their own: they rest on those beside them.
    """
    cells = [c for row in table.rows for i, c in enumerate(row.cells) if column is None or i == column]
    found = {cell.source for cell in cells if cell.main is not None and cell.source}
    return found.pop() if len(found) == 1 else ""


def cell_style(num: Num, unit: str) -> Style:
    """How a number is written below a head that names a unit: bare where it is in that unit."""
    return "bare" if num.unit == unit else "cell"


# --- Sentences that HTML and PDF share ----------------------------------------------------------------------------


def table_key(messages: Messages, entry: Entry) -> Runs:
    """How the cells of a table are called, and its source when it has but one."""
    name = f"{entry.name}:{messages.plain('page.row_column')}"
    key = messages.text("page.table_key", name=Code(name), example=Code(entry.example))
    source = common_source(entry.table)
    return messages.sentences(key, messages.text("page.table_source", source=Cite(source))) if source else key


def elsewhere(messages: Messages, entry: Entry) -> Runs:
    """Where a table is kept that is too long for a page."""
    return messages.text("page.table_elsewhere", xlsx=Code("data.xlsx"), sheet=Code(entry.name), csv=Code("data.csv"))


def how_to_read(messages: Messages, outline: Outline) -> tuple[Runs, ...]:
    """What ranks, marks and names mean."""
    marks = {m: messages.plain(f"page.mark.{m}") for m in ("stale", "conflict", "estimate", "imputed", "unverified")}
    example = outline.entries[0].example if outline.entries else "ID"
    return (
        messages.sentences(messages.text("page.how_rank"), messages.text("page.how_censored")),
        messages.text("page.how_marks", **marks),
        messages.text("page.how_numbers", command=Code(f"concordat evidence trace {example}")),
    )
