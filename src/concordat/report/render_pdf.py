"""The report as a tagged PDF (PDF/UA-1), set by typst.

The document is `_data/report.typ`; everything it says is handed over as JSON, so no word of a source can be read as
markup. Fonts come from font packages only (`fontpkg-noto-sans` for Latin, Cyrillic and Devanagari, `pylopdf-fonts-ar`,
`pylopdf-fonts-zh-cn`) and from typst itself; the system's are ignored. PDF/UA-1 makes a missing glyph, alternative text
or heading level an error. Tables with more columns than fit a page are printed in groups of columns, each with the
names of the rows, under one number; heads repeat on every page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from concordat.errors import MethodError
from concordat.figures.numbers import NBSP, Style, joins_right_to_left, pieces
from concordat.report._svg_texts import lifted
from concordat.report.chapter import (
    Cell,
    Chapter,
    Cite,
    Code,
    Figure,
    Missing,
    Note,
    Num,
    Paragraph,
    Report,
    Runs,
    Table,
)
from concordat.report.messages import Messages
from concordat.report.outline import (
    Entry,
    Outline,
    cell_style,
    common_source,
    elsewhere,
    how_to_read,
    right_to_left,
    table_key,
)

# 174 mm of text, 30 mm for the names of the rows: six columns of numbers at 24 mm, a column of words counts double.
WIDTH_COLUMNS = 6.0
FIGURE_WIDTH_PT = 400


def render(report: Report, messages: Messages, figures_svg: Mapping[str, str] | None = None) -> bytes:
    """The PDF.

    Args:
        report: what it says; `report.stamp` is the time written into the file.
        messages: the words around it.
        figures_svg: pictures by figure id, where they are already drawn; the others are drawn here.

    Raises:
        MethodError: the document can't be set as PDF/UA-1, mostly because no font has a letter of it.
    """
    import typst

    template = (resources.files("concordat.report") / "_data" / "report.typ").read_bytes()
    document = _Document(report, messages, figures_svg or {}).data()
    stamp = datetime.fromisoformat(report.stamp.replace("Z", "+00:00"))
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    try:
        made = typst.compile(
            template,
            font_paths=font_folders(),
            ignore_system_fonts=True,
            sys_inputs={"report": json.dumps(document, ensure_ascii=False, sort_keys=True)},
            pdf_standards="ua-1",
            timestamp=int(stamp.timestamp()),
            format="pdf",
        )
    except typst.TypstError as error:
        hint = " ".join(error.hints) or "Correct the text that it names, a title or name in study.yaml, or tell us."
        raise MethodError(f"typst could not set the PDF: {error.message}.", where="report.pdf", hint=hint) from None
    assert isinstance(made, bytes)
    return made


def font_folders() -> list[str]:
    """Where the font packages keep their files."""
    places = (("fontpkg_noto_sans", "files"), ("pylopdf_fonts_ar", ""), ("pylopdf_fonts_zh_cn", ""))
    return [str(resources.files(package) / inner) for package, inner in places]


class _Document:
    """The report as plain data for the typst document."""

    def __init__(self, report: Report, messages: Messages, figures_svg: Mapping[str, str]) -> None:
        self.report = report
        self.messages = messages
        self.outline = Outline(report)
        self.figures_svg = figures_svg

    def data(self) -> dict[str, Any]:
        report, plain = self.report, self.messages.plain
        return {
            "title": report.title,
            "subtitle": report.subtitle,
            "author": "Concordat",
            "lang": report.language.split("-")[0],
            "rtl": right_to_left(report.language),
            "meta": [{"label": label, "value": self.runs(value)} for label, value in report.meta],
            "summary": [self.runs(sentence) for sentence in report.summary],
            "how": [self.runs(runs) for runs in how_to_read(self.messages, self.outline)],
            "lead": self.figure(report.lead_figure) if report.lead_figure else None,
            "chapters": [self.chapter(chapter) for chapter in report.chapters],
            "sources": [source.citation for source in report.sources],
            "words": {
                "summary": plain("page.summary"),
                "contents": plain("page.contents"),
                "sources": plain("page.sources"),
                "continued": plain("page.continued"),
                "how": plain("page.how_to_read"),
                "label_end": plain("page.after_label"),
                "stop": plain("page.full_stop"),
                "comma": plain("page.list_comma"),
            },
        }

    def chapter(self, chapter: Chapter | Missing) -> dict[str, Any]:
        if isinstance(chapter, Missing):
            text = self.messages.plain("page.missing", reason=chapter.reason)
            if chapter.what_to_load:
                text += " " + self.messages.plain("page.missing_load", load=chapter.what_to_load)
            return {"title": chapter.title, "blocks": [{"kind": "paragraph", "runs": self.runs((text,))}]}
        blocks: list[dict[str, Any]] = []
        printed: set[str] = set()
        for block in chapter.blocks:
            if isinstance(block, Paragraph):
                blocks.append({"kind": "paragraph", "runs": self.runs(block.runs)})
            elif isinstance(block, Note):
                warning = block.kind == "warning"
                label = self.messages.plain("page.warning" if warning else "page.note")
                blocks.append({"kind": "note", "warning": warning, "label": label, "runs": self.runs(block.runs)})
            else:
                if isinstance(block, Figure) and not self.outline.is_lead(block):
                    blocks.append({"kind": "figure", "figure": self.figure(block)})
                table = block.table if isinstance(block, Figure) else block
                entry = self.outline.entry(chapter, table)
                own = isinstance(block, Table) or self.outline.owns_table(chapter, block)
                if own and entry.name not in printed:
                    printed.add(entry.name)
                    blocks.append({"kind": "table", "table": self.table(entry)})
        return {"title": chapter.title, "blocks": blocks}

    def figure(self, figure: Figure) -> dict[str, Any]:
        picture = self.figures_svg.get(figure.id)
        if picture is None:
            from concordat.figures.render import svg

            picture = svg(figure.spec, figure.id, self.report.id_length)
        width = re.search(r'width="([\d.]+)"', picture)
        assert width is not None
        table = self.messages.plain("page.table", number=str(self.outline.entry_of(figure).number))
        picture, texts = lifted(picture)
        return {
            "svg": picture,
            "texts": texts,
            "scale": min(493.0 / float(width[1]), FIGURE_WIDTH_PT / 480),
            "alt": figure.alt,
            "label": self.messages.plain("page.figure", number=str(self.outline.figure_number(figure))),
            "title": figure.title,
            "caption": self.runs(figure.caption),
            "where": self.runs(self.messages.text("page.figure_data_in", table=table)),
            "width": min(493.0, float(width[1]) * FIGURE_WIDTH_PT / 480),
        }

    # --- Tables -----------------------------------------------------------------------------------------------

    def table(self, entry: Entry) -> dict[str, Any]:
        table = entry.table
        whole = common_source(table)
        prose = [_is_prose(table, i) for i in range(len(table.columns))]
        shared = [whole or common_source(table, i) for i in range(len(table.columns))]
        columns = [
            {
                "id": column.id,
                "title": column.title,
                "unit": self.messages.plain(f"page.unit.{column.unit}") if column.unit else "",
                "source": self.runs((Cite(shared[i]),)) if shared[i] and not whole else [],
                "prose": prose[i],
            }
            for i, column in enumerate(table.columns)
        ]
        rows = [
            {
                "id": row.id,
                "title": row.title,
                "shaded": row.kind in ("bloc", "world"),
                "cells": [
                    self.cell(cell, table.columns[i].unit, bool(shared[i]), prose[i], row.kind == "bloc")
                    for i, cell in enumerate(row.cells)
                ],
            }
            for row in table.rows
        ]
        return {
            "name": entry.name,
            "label": self.messages.plain("page.table", number=str(entry.number)),
            "title": table.title,
            "key": self.runs(table_key(self.messages, entry)),
            "row_title": table.row_title,
            "rows": rows if table.on_page else [],
            "parts": [_part(columns, prose, group) for group in column_groups(prose)] if table.on_page else [],
            "notes": [self.runs(note) for note in table.notes],
            "on_page": table.on_page,
            "elsewhere": self.runs(elsewhere(self.messages, entry)),
        }

    def cell(self, cell: Cell, unit: str, source_known: bool, prose: bool, bold: bool) -> dict[str, Any]:
        if cell.main is None and cell.rank is None and cell.year is None:
            words = self.runs(cell.runs)
            return {"kind": "words", "text": cell.text, "runs": words, "code": cell.code, "prose": prose}
        below: list[dict[str, Any]] = []
        if cell.rank is not None:
            below += self.runs((f"{self.messages.plain('page.rank')} ", cell.rank))
        if cell.main is not None:
            for mark in cell.main.marks:
                word = self.messages.plain(f"page.mark.{mark}")
                below += _text(f" {word}") if word else []
        if cell.source and not source_known:
            below += [*_text(" "), *self.runs((Cite(cell.source),))]
        if cell.text:
            below += _text(f" {cell.text}")
        main: list[dict[str, Any]] = []
        if cell.main is not None:
            main = [self.num(cell.main, cell_style(cell.main, unit), marks=False)]
        year = "" if cell.year is None else self.num(cell.year)["text"]
        if below and below[0]["kind"] == "text":
            below[0] = {**below[0], "text": below[0]["text"].lstrip()}
        return {"kind": "number", "main": main, "year": year, "below": below, "bold": bold}

    # --- Runs -------------------------------------------------------------------------------------------------

    def runs(self, runs: Runs) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for run in runs:
            if isinstance(run, Num):
                out.append(self.num(run))
            elif isinstance(run, Code):
                out.append({"kind": "code", "text": run.text})
            elif isinstance(run, Cite):
                out.append({"kind": "cite", "number": str(self.outline.source_number(run.dataset_id))})
            else:
                out += _text(run)
        return out

    def num(self, num: Num, style: Style = "text", *, marks: bool = True) -> dict[str, Any]:
        found = pieces(num, self.report.language, style)
        head = 1 if num.value is not None else len(found)
        words = [self.messages.plain(f"page.mark.{mark}") for mark in num.marks] if marks else []
        text, interval = ("".join(piece.text for piece in part) for part in (found[:head], found[head:]))
        return {
            "kind": "number",
            "text": text,
            "interval": interval.removeprefix(NBSP),
            "alone": right_to_left(self.report.language) and not joins_right_to_left(text + interval),
            "marks": [word for word in words if word],
        }


def _text(text: str) -> list[dict[str, Any]]:
    return [{"kind": "text", "text": text}]


def _is_prose(table: Table, column: int) -> bool:
    """Whether a column holds words rather than numbers."""
    return not table.columns[column].unit and all(row.cells[column].main is None for row in table.rows)


def _part(columns: Sequence[dict[str, Any]], prose: Sequence[bool], group: Sequence[int]) -> dict[str, Any]:
    return {
        "columns": [columns[i] for i in group],
        "indices": list(group),
        "widths": [2.0 if prose[i] else 1.0 for i in group],
        "prose": [prose[i] for i in group],
    }


def column_groups(prose: Sequence[bool]) -> list[list[int]]:
    """Columns in groups that fit the page, of as equal width as can be.

    >>> column_groups([False] * 9)
    [[0, 1, 2, 3, 4], [5, 6, 7, 8]]
    """
    weights = [2.0 if words else 1.0 for words in prose]
    total = sum(weights)
    if total <= WIDTH_COLUMNS:
        return [list(range(len(prose)))]
    count = -int(-total // WIDTH_COLUMNS)
    target = total / count
    groups: list[list[int]] = [[]]
    used = 0.0
    for index, weight in enumerate(weights):
        if groups[-1] and used + weight > min(WIDTH_COLUMNS, target + 0.999):
            groups.append([])
            used = 0.0
        groups[-1].append(index)
        used += weight
    return groups
