"""The report as one HTML file: inline style, inline pictures, no script, nothing from elsewhere.

Each number carries `data-obs`, the shortest id that names its record, and `data-part`, which part of the record it is
(`value` where that is not said), so that a reader and a test can trace it; a number of a table with `data-part` alone
is of the record named before it in its cell. All digits are in `data.csv`. Meets WCAG 2.2 AA (tests/browser). The
page's structure is `_data/report.html.j2`, its look `_data/report.css`; here are runs, cells and numbers. A page that
runs from right to left adds `_data/report.rtl.css`; its pictures, codes and numbers in Western digits keep their own
direction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from concordat.figures.numbers import NBSP, Piece, Style, joins_right_to_left, pieces
from concordat.report.chapter import Cell, Cite, Code, Figure, Missing, Num, Report, Row, Run, Runs, Table
from concordat.report.messages import Messages
from concordat.report.outline import (
    Outline,
    cell_style,
    common_source,
    elsewhere,
    how_to_read,
    own_name,
    right_to_left,
    table_key,
)

if TYPE_CHECKING:
    from markupsafe import Markup

_NAMED = re.compile(r"<b data-obs=(\w+)( data-part=)?")


def render(report: Report, messages: Messages, figures_svg: Mapping[str, str] | None = None) -> bytes:
    """The page.

    Args:
        report: what it says.
        messages: the words around it.
        figures_svg: pictures by figure id, where they are already drawn; the others are drawn here.
    """
    import jinja2

    folder = resources.files("concordat.report") / "_data"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    page = BlocksHtml(report, messages, figures_svg or {})
    sheets = ["report.css", *(["report.rtl.css"] if page.rtl else [])]
    css = "\n".join((folder / sheet).read_text(encoding="utf-8").strip() for sheet in sheets)
    text = template.render(css=page.safe(css), report=report, outline=page.outline, **page.helpers())
    return (text.rstrip() + "\n").encode("utf-8")


class BlocksHtml:
    """Runs, cells, numbers and pictures of a report's blocks as HTML; pages that show blocks build on it."""

    def __init__(self, report: Report, messages: Messages, figures_svg: Mapping[str, str]) -> None:
        from markupsafe import Markup, escape

        self.report = report
        self.messages = messages
        self.outline = Outline(report)
        self.figures_svg = figures_svg
        self.rtl = right_to_left(report.language)
        self.safe = Markup
        self.escape = escape

    def helpers(self) -> dict[str, Any]:
        return {
            "direction": "rtl" if self.rtl else "ltr",
            "own_name": own_name,
            "t": self.messages.plain,
            "runs": self.runs,
            "cells": self.cells,
            "breakable": self.breakable,
            "svg": self.svg,
            "cite": Cite,
            "common_source": common_source,
            "table_link": self.table_link,
            "kind": lambda block: type(block).__name__,
            "is_missing": lambda chapter: isinstance(chapter, Missing),
            "entries_in": lambda chapter: [e for e in self.outline.entries if e.chapter is chapter and e.table.on_page],
            "owns": self.outline.owns_table,
            "how": how_to_read(self.messages, self.outline),
            "table_key": lambda entry: table_key(self.messages, entry),
            "elsewhere": lambda entry: elsewhere(self.messages, entry),
        }

    # --- Runs and numbers -------------------------------------------------------------------------------------

    def runs(self, runs: Runs) -> Markup:
        """Text, numbers, codes and citations."""
        return self.safe("").join(self.run(run) for run in runs)

    def run(self, run: Run) -> Markup:
        """One run."""
        if isinstance(run, Num):
            return self.num(run) + self.marks(run)
        if isinstance(run, Code):
            return self.safe("<code>%s</code>") % run.text
        if isinstance(run, Cite):
            return self.cite(run.dataset_id)
        return self.escape(run)

    def num(self, num: Num, style: Style = "text") -> Markup:
        """A number; its interval, if it has a value too, stands back in grey."""
        found = pieces(num, self.report.language, style)
        head = 1 if num.value is not None else len(found)
        text, rest = self._pieces(found[:head], num), self._pieces(found[head:], num)
        return text + self.safe('<span class="iv">%s</span>') % rest if rest else text

    def _pieces(self, found: Sequence[Piece], num: Num) -> Markup:
        """Pieces one after the other; on a page that runs from right to left they are kept in their own order."""
        text = self.safe("").join(self._piece(piece, num) for piece in found)
        if not self.rtl or not found:
            return text
        gap = NBSP if found[0].text.startswith(NBSP) else ""
        words = joins_right_to_left("".join(piece.text for piece in found))
        return gap + self.safe('<bdi dir="%s">%s</bdi>') % ("rtl" if words else "ltr", text[len(gap) :])

    def _piece(self, piece: Piece, num: Num) -> Markup:
        """`data-part` is left out where it is `value`; quotes, where HTML needs none: a page has thousands."""
        if not piece.part:
            return self.escape(piece.text)
        pattern = " data-part=%s" if piece.part.isidentifier() else ' data-part="%s"'
        part = "" if piece.part == "value" else self.safe(pattern) % piece.part
        return self.safe("<b data-obs=%s%s>%s</b>") % (self.outline.short_id(num), part, piece.text)

    def marks(self, num: Num) -> Markup:
        """The marks of a number, as words."""
        words = [self.messages.plain(f"page.mark.{mark}") for mark in num.marks]
        return self.safe("").join(self.safe(' <span class="mark">%s</span>') % word for word in words if word)

    def cite(self, dataset_id: str) -> Markup:
        number = self.outline.source_number(dataset_id)
        label = f"{self.messages.plain('page.source')} {number}"
        return self.safe('<a class="cite" href="#s%s" aria-label="%s">[%s]</a>') % (number, label, number)

    # --- Cells ------------------------------------------------------------------------------------------------

    def cells(self, table: Table, row: Row) -> Markup:
        """The data cells of a row."""
        whole = bool(common_source(table))
        shared = [whole or bool(common_source(table, i)) for i in range(len(table.columns))]
        assert len(row.cells) == len(table.columns), f"{table.id}: row {row.id} has {len(row.cells)} cells"
        pairs = zip(row.cells, table.columns, shared, strict=True)
        return self.safe("").join(self._cell(cell, column.unit, known) for cell, column, known in pairs)

    def _cell(self, cell: Cell, unit: str, source_known: bool) -> Markup:
        if cell.main is None and cell.rank is None and cell.year is None:
            if cell.code:
                return self.safe('<td class="w"><code>%s</code></td>') % cell.text
            words = self.runs(cell.runs) if cell.runs else cell.text
            return self.safe('<td class="%s">%s</td>') % ("e" if unit else "w", words)
        out = self.safe("")
        if cell.main is not None:
            out += self.num(cell.main, cell_style(cell.main, unit))
        if cell.year is not None:
            out += self.safe(' <small class="s">%s</small>') % self.num(cell.year)
        below = []
        if cell.rank is not None:
            below.append(self.safe("%s %s") % (self.messages.plain("page.rank"), self.num(cell.rank)))
        marks = self.marks(cell.main) if cell.main is not None else self.safe("")
        if marks:
            below.append(marks.strip())
        if cell.source and not source_known:
            below.append(self.cite(cell.source))
        if cell.text:
            below.append(self.escape(cell.text))
        if below:
            out += self.safe('<span class="s">%s</span>') % self.safe(" ").join(below)
        return self.safe("<td>%s</td>") % self.safe(named_once(out))

    # --- Names, links, pictures -------------------------------------------------------------------------------

    def breakable(self, name: str) -> Markup:
        """An id that may be broken after an underscore."""
        return self.safe("<wbr>").join(part for part in _split_after(name, "_"))

    def table_link(self, key: str, entry: Any) -> Markup:
        text = self.messages.plain("page.table", number=str(entry.number))
        sentence = self.messages.plain(key, table="\x00")
        before, _, after = sentence.partition("\x00")
        return self.safe('%s<a href="#%s">%s</a>%s') % (before, entry.name, text, after)

    def svg(self, figure: Figure) -> Markup:
        picture = self.figures_svg.get(figure.id)
        if picture is None:
            from concordat.figures.render import svg

            picture = svg(figure.spec, figure.id, self.report.id_length)
        return self.safe(labelled(picture, figure))


def named_once(cell: str) -> str:
    """A cell's markup where a part of the record named just before is not given the record's id again.

    A table of 55 members has thousands of values with their year and their bounds, and an id does not compress.
    """
    last = ""

    def shorter(found: re.Match[str]) -> str:
        nonlocal last
        repeated, last = found[1] == last, found[1]
        return "<b data-part=" if repeated and found[2] else found[0]

    return _NAMED.sub(shorter, cell)


def labelled(picture: str, figure: Figure) -> str:
    """An SVG with its title and its words for who can't see it."""
    from markupsafe import escape

    assert picture.startswith("<svg "), f"{figure.id}: not an SVG picture"
    head, _, body = picture.partition(">")
    name = escape(f"{figure.id}-alt")
    return f'{head} role="img" aria-labelledby="{name}"><title id="{name}">{escape(figure.alt)}</title>{body}'


def _split_after(text: str, mark: str) -> list[str]:
    parts = text.split(mark)
    return [part + mark for part in parts[:-1]] + parts[-1:]
