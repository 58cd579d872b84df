"""The PDF: tagged, the same each time, and with every number of the tables in its text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from concordat.errors import MethodError
from concordat.figures.dots import DotRow, dot_plot
from concordat.figures.numbers import pieces
from concordat.report import render_pdf
from concordat.report.chapter import Chapter, Missing, Note, Num, Paragraph, Report
from concordat.report.messages import Messages
from concordat.report.outline import Outline
from concordat.report.render_pdf import WIDTH_COLUMNS, column_groups

HOSTILE = '#panic("x") *bold* _it_ $x^2$ `raw` @ref <label> \\ // /* = - + [a] {b} #let'


@pytest.fixture(scope="module")
def pdf(report: Report, messages: Messages, pictures: Mapping[str, str]) -> bytes:
    return render_pdf.render(report, messages, pictures)


def objects(pdf: bytes) -> bytes:
    """The file with its compressed streams unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", pdf, re.S)
    return b"\n".join((pdf, *(zlib.decompress(stream) for stream in streams if stream[:1] == b"\x78")))


def short(report: Report, *chapters: Chapter | Missing, language: str = "en", **changes: object) -> Report:
    return replace(report, chapters=chapters, lead_figure=None, language=language, **changes)  # type: ignore[arg-type]


def test_the_pdf_is_tagged_and_says_that_it_is_pdf_ua(pdf: bytes) -> None:
    found = objects(pdf)
    assert pdf.startswith(b"%PDF-1.7")
    assert re.search(rb"/MarkInfo\s*<<[^>]*/Marked true", found)
    assert b"/StructTreeRoot" in found
    assert re.search(rb"/Lang\s*\(en\)", found)
    assert re.search(rb"pdfuaid:part>\s*1|pdfuaid:part=\"1\"", found)


def test_tables_and_figures_are_tagged_as_such(pdf: bytes, report: Report) -> None:
    found = objects(pdf)
    assert len(re.findall(rb"/S\s*/Figure", found)) >= len(list(Outline(report).figures()))
    for tag in (b"Table", b"TH", b"TD", b"TR", b"H1", b"L"):
        assert re.search(rb"/S\s*/" + tag + rb"\b", found), tag
    assert b"/Alt" in found


def test_the_same_report_gives_the_same_bytes_without_a_clock(
    pdf: bytes, report: Report, messages: Messages, pictures: Mapping[str, str]
) -> None:
    assert render_pdf.render(report, messages, pictures) == pdf
    dates = set(re.findall(rb"D:(\d{8})", objects(pdf)))
    assert dates == {b"20261122"}


def test_every_number_of_a_printed_table_is_in_the_text(
    pdf: bytes, report: Report, text_of: Callable[[bytes], str]
) -> None:
    text = text_of(pdf)
    assert report.title in text
    for entry in Outline(report).entries:
        for row in entry.table.rows if entry.table.on_page else ():
            for column, cell in zip(entry.table.columns, row.cells, strict=True):
                for num in cell.nums():
                    for piece in pieces(num, "en", "bare" if num.unit == column.unit else "cell"):
                        assert piece.text.strip("\u00a0()") in text, (entry.name, row.id, column.id)


def test_no_word_of_a_source_is_read_as_markup(
    report: Report, messages: Messages, text_of: Callable[[bytes], str]
) -> None:
    changed = short(
        report, Chapter("c", "C", (Paragraph((HOSTILE,)), Note((HOSTILE,)))), Missing("m", "M", HOSTILE, HOSTILE),
        title=HOSTILE, subtitle=HOSTILE,
    )  # fmt: skip
    pdf = render_pdf.render(changed, messages)
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))  # the title stands at the foot of each
    places = ("title", "subtitle", "paragraph", "note", "reason", "what to load")
    assert text_of(pdf).count('#panic("x")') == len(places) + pages


@pytest.mark.parametrize("title", ["Россия", "भारत", "مصر والعالم", "中国", "Ünïcode ½ ≤ − × † ‡"])
def test_the_packaged_fonts_have_the_letters_of_the_blocs_languages(
    report: Report, messages: Messages, title: str
) -> None:
    chapter = Chapter("c", title, (Paragraph((title, " ", Num(68.1, unit="percent", id="a" * 32))),))
    assert render_pdf.render(short(report, chapter, title=title), messages).startswith(b"%PDF")


@pytest.mark.parametrize("language", ["ar", "hi", "pt", "ru", "zh"])
def test_every_language_is_set(report: Report, language: str) -> None:
    chapter = Chapter("c", "C", (Paragraph((Num(1_234_567.5, unit="count", id="a" * 32),)),))
    pdf = render_pdf.render(short(report, chapter, language=language), Messages(language))
    assert re.search(rb"/Lang\s*\(" + language.encode() + rb"\)", objects(pdf))


NAMES = ["中国 China", "مصر العالمية", "Россия", "Côte d’Ivoire", "भारत", "हिन्दी क्षेत्र", "e\u0301te\u0301"]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_may_hold_names_in_every_script(report: Report, messages: Messages, name: str) -> None:
    """Inside an SVG typst can't trace joined marks back to letters, and refuses; see `_svg_texts`."""
    lead = report.lead_figure
    assert lead is not None
    spec = dot_plot([DotRow(name, 5.0, None, None, "5", "a" * 32)], unit="count")
    changed = short(report, Chapter("c", "C", (replace(lead, id="f", spec=spec),)))
    assert render_pdf.render(changed, messages).startswith(b"%PDF")


def test_a_letter_that_no_font_has_is_refused_with_a_hint(report: Report, messages: Messages) -> None:
    with pytest.raises(MethodError, match="typst could not set the PDF") as caught:
        render_pdf.render(short(report, Chapter("c", "\U00013080", (Paragraph(("\U00013080",)),))), messages)
    assert caught.value.hint


def test_an_empty_report_is_a_pdf(report: Report, messages: Messages) -> None:
    empty = short(report, summary=(), meta=(), sources=(), subtitle="")
    assert render_pdf.render(empty, messages).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ([], [[]]),
        ([False], [[0]]),
        ([False] * 6, [[0, 1, 2, 3, 4, 5]]),
        ([False] * 7, [[0, 1, 2, 3], [4, 5, 6]]),
        ([True] * 3, [[0, 1, 2]]),
        ([True] * 4, [[0, 1], [2, 3]]),
        ([False, True, False, True], [[0, 1, 2, 3]]),
    ],
)
def test_columns_stand_in_groups_as_wide_as_a_page(prose: list[bool], expected: list[list[int]]) -> None:
    assert column_groups(prose) == expected


@pytest.mark.parametrize("pattern", [[False], [True], [True, False], [False, False, True]])
def test_no_group_is_wider_than_a_page_and_no_column_is_lost(pattern: list[bool]) -> None:
    for times in range(1, 25):
        prose = pattern * times
        groups = column_groups(prose)
        assert [i for group in groups for i in group] == list(range(len(prose)))
        assert all(0 < sum(2 if prose[i] else 1 for i in group) <= WIDTH_COLUMNS for group in groups)
