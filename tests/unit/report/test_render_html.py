"""The page, read by the standard library's parser: nothing escapes, every number leads to a record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from types import ModuleType

import pytest

from concordat.figures.numbers import agrees, pieces
from concordat.report import render_html
from concordat.report.chapter import (
    Cell,
    Chapter,
    Column,
    Figure,
    Missing,
    Note,
    Num,
    Paragraph,
    Report,
    Row,
    Table,
    nums_in,
)
from concordat.report.messages import Messages
from concordat.report.outline import Outline
from concordat.report.render_html import labelled

VOID = {"meta", "wbr", "path", "rect", "circle", "line", "br"}
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=y>\" ' & {{ 7*7 }}"


@dataclass
class Node:
    tag: str
    attrs: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, tag: str, **attrs: str) -> list[Node]:
        return [n for n in self.walk() if n.tag == tag and all(n.attrs.get(k) == v for k, v in attrs.items())]

    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class Tree(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]
        self.named = ""  # the record named last in this cell, which a part alone is of
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        if tag == "td":
            self.named = ""
        if tag == "b" and "data-part" in node.attrs:
            node.attrs.setdefault("data-obs", self.named)
        self.named = node.attrs.get("data-obs", self.named)
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


@pytest.fixture(scope="module")
def page(report: Report, messages: Messages, pictures: Mapping[str, str]) -> bytes:
    return render_html.render(report, messages, pictures)


@pytest.fixture(scope="module")
def root(page: bytes) -> Node:
    tree = Tree(page)
    assert [node.tag for node in tree.open] == [""], "something is left open"
    return tree.root


def made(report: Report, *chapters: Chapter | Missing, language: str = "en", **changes: object) -> Node:
    """The page of a report with these chapters alone."""
    report = replace(report, chapters=chapters, lead_figure=None, language=language, **changes)  # type: ignore[arg-type]
    return Tree(render_html.render(report, Messages(language))).root


# --- Safe ---------------------------------------------------------------------------------------------------------


def test_a_page_has_no_script_no_handler_and_fetches_nothing(page: bytes, root: Node) -> None:
    assert not root.all("script")
    assert {"link", "img", "iframe", "object", "base", "form", "image"}.isdisjoint(n.tag for n in root.walk())
    for node in root.walk():
        assert not [name for name in node.attrs if name.startswith("on")]
        assert node.attrs.get("href", "#").startswith("#")
        assert "src" not in node.attrs
    css = "".join(style.text() for style in root.all("style"))
    assert "@import" not in css
    assert "url(" not in css
    addresses = set(re.findall(rb"https?://[^\s\"'<>]+", page))
    assert addresses == {b"http://www.w3.org/2000/svg", b"https://datahub.itu.int/"}  # a name, and words of a citation


def test_words_of_sources_and_studies_are_never_markup(report: Report) -> None:
    cells = (Cell(text=HOSTILE), Cell(text=HOSTILE, code=True))
    columns = (Column("x", HOSTILE), Column("y", HOSTILE))
    table = Table("t", HOSTILE, HOSTILE, columns, (Row(HOSTILE, HOSTILE, cells),), ((HOSTILE,),))
    blocks = (Paragraph((HOSTILE,)), Note((HOSTILE,)), table)
    source = replace(report.sources[0], citation=HOSTILE)
    root = made(
        report,
        Chapter("c", HOSTILE, blocks),
        Missing("m", HOSTILE, HOSTILE, HOSTILE),
        title=HOSTILE, subtitle=HOSTILE, summary=((HOSTILE,),), meta=((HOSTILE, (HOSTILE,)),), sources=(source,),
    )  # fmt: skip
    assert {"script", "img"}.isdisjoint(n.tag for n in root.walk())
    assert len(root.all("style")) == 1
    assert root.text().count(HOSTILE) >= 16
    assert "49" not in root.text().replace(HOSTILE, "")


def test_the_words_for_a_figure_are_escaped_inside_the_picture(report: Report) -> None:
    figure = replace(Outline(report).report.lead_figure or pytest.fail("no lead"), alt=HOSTILE)
    picture = labelled('<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', figure)
    assert "<script" not in picture
    assert Tree(picture.encode()).root.all("title")[0].text() == HOSTILE


# --- Numbers ------------------------------------------------------------------------------------------------------


def numbers(node: Node) -> list[Node]:
    """The printed numbers in the text of a page (those in pictures are tests of `figures`)."""
    return [n for n in node.walk() if "data-obs" in n.attrs and n.tag in ("data", "b")]


def printed(nums: Iterable[Num]) -> dict[tuple[str, str], set[float]]:
    """What these numbers print, by record and part."""
    found: dict[tuple[str, str], set[float]] = {}
    for num in nums:
        for piece in pieces(num):
            if piece.value is not None:
                found.setdefault((num.id[:8], piece.part), set()).add(float(piece.value))
    return found


def test_each_number_carries_its_record_and_part_and_prints_that_value(root: Node, report: Report) -> None:
    rows = [row for e in Outline(report).entries if e.table.on_page for row in e.table.rows]
    in_tables = printed(num for row in rows for cell in row.cells for num in cell.nums())
    blocks = [block for chapter in report.chapters if isinstance(chapter, Chapter) for block in chapter.blocks]
    lines = [*report.summary, *(block.runs for block in blocks if isinstance(block, (Paragraph, Note)))]
    known = printed(num for runs in lines for num in nums_in(runs))
    for key, values in in_tables.items():
        known.setdefault(key, set()).update(values)
    seen = set()
    for node in numbers(root):
        key = node.attrs["data-obs"], node.attrs.get("data-part", "value")
        assert any(agrees(node.text(), value) for value in known[key]), (node.text(), key)
        seen.add(key)
    assert seen >= set(in_tables)


def test_a_table_prints_no_digit_outside_a_traced_number(root: Node) -> None:
    for cell in root.all("td"):
        loose = "".join(
            child
            for node in cell.walk()
            if node.tag != "a" and "data-obs" not in node.attrs
            for child in node.children
            if isinstance(child, str)
        )
        words = re.sub(r"=SUM\(A1:A9\)|<b>#1</b> & \$x_1\$ \*_@a|-1\+2|\d+ of 10 members(, 21% of people)?", "", loose)
        assert not re.search(r"\d", words), loose


def test_a_number_without_a_record_is_a_fault_of_the_program(report: Report) -> None:
    with pytest.raises(AssertionError, match="without a record"):
        made(report, Chapter("c", "C", (Paragraph((Num(1),)),)))


def test_a_censored_number_prints_its_bound_alone(root: Node, sample: ModuleType) -> None:
    key = sample.record("ETH", "fixed_broadband_per_100")[:8]
    cell = next(td for td in root.all("td") if any(n.attrs["data-obs"] == key for n in numbers(td)))
    assert cell.text().startswith("<\u00a01")
    assert {n.attrs["data-part"] for n in numbers(cell) if n.attrs["data-obs"] == key} == {"upper", "year"}


# --- Structure ----------------------------------------------------------------------------------------------------


def test_each_figure_has_a_name_and_words_for_who_cannot_see_it(root: Node, report: Report) -> None:
    pictures = root.all("svg")
    assert len(pictures) == len(list(Outline(report).figures()))
    for picture in pictures:
        assert picture.attrs["role"] == "img"
        title = picture.all("title")[0]
        assert picture.attrs["aria-labelledby"] == title.attrs["id"]
        assert len(title.text()) > 10


def test_ids_are_unique_and_every_link_leads_somewhere(root: Node) -> None:
    ids = [node.attrs["id"] for node in root.walk() if "id" in node.attrs]
    assert len(set(ids)) == len(ids)
    assert {a.attrs["href"][1:] for a in root.all("a")} <= set(ids)
    used = {m for n in root.walk() for v in n.attrs.values() for m in re.findall(r"url\(#([^)]+)\)", v)}
    assert used <= set(ids)


def test_headings_descend_without_a_gap(root: Node) -> None:
    levels = [int(node.tag[1]) for node in root.walk() if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_table_heads_have_a_scope_and_rows_are_whole(root: Node) -> None:
    for table in root.all("table"):
        assert {th.attrs.get("scope") for th in table.all("th")} == {"col", "row"}
        assert (
            len({sum(c.tag in ("td", "th") for c in tr.children if isinstance(c, Node)) for tr in table.all("tr")}) == 1
        )


def test_a_missing_chapter_says_why_and_what_to_load(root: Node) -> None:
    section = root.all("section", id="scenarios")[0]
    assert "Not in this report: no scenario in the study. To add it: add a scenario to study.yaml" in section.text()
    assert not root.all("section", id="rules")[0].text().count("To add it")


def test_a_long_table_is_one_line_that_names_sheet_and_file(root: Node) -> None:
    line = next(p for p in root.all("p", **{"class": "elsewhere"}) if "T3" in p.text())
    assert [code.text() for code in line.all("code")] == ["data.xlsx", "T3", "data.csv"]
    assert len(root.all("table")) == 3


@pytest.mark.parametrize(("language", "expected"), [("en", "ltr"), ("ar", "rtl"), ("hi", "ltr"), ("zh", "ltr")])
def test_arabic_runs_from_right_to_left(report: Report, language: str, expected: str) -> None:
    html = made(report, Chapter("c", "C", (Paragraph(("x",)),)), language=language).all("html")[0]
    assert (html.attrs["lang"], html.attrs["dir"]) == (language, expected)


def test_an_empty_report_is_a_page(report: Report) -> None:
    root = made(report, summary=(), meta=(), sources=(), subtitle="")
    assert root.all("h1")[0].text() == report.title


def test_a_row_with_too_few_cells_is_a_fault_of_the_program(report: Report) -> None:
    table = Table("t", "T", "Row", (Column("x", "X"), Column("y", "Y")), (Row("a", "A", (Cell(text="1"),)),))
    with pytest.raises((AssertionError, ValueError)):
        made(report, Chapter("c", "C", (table,)))


def test_a_citation_of_an_unlisted_source_is_a_fault_of_the_program(report: Report) -> None:
    cell = Cell(Num(1, unit="count", id="a" * 32), source="nobody")
    with pytest.raises(AssertionError, match="not in the report's list"):
        made(report, Chapter("c", "C", (Table("t", "T", "Row", (Column("x", "X"),), (Row("a", "A", (cell,)),)),)))


def test_figures_not_drawn_yet_are_drawn_alike(report: Report, page: bytes, messages: Messages) -> None:
    assert render_html.render(report, messages) == page


def test_two_figures_of_one_table_print_it_once(report: Report) -> None:
    figure = report.lead_figure
    assert isinstance(figure, Figure)
    table = replace(figure.table, id="own")
    twins = (replace(figure, id="one", table=table), replace(figure, id="two", table=table))
    root = made(report, Chapter("c", "C", twins))
    assert len(root.all("table")) == 1
    assert len(root.all("svg")) == 2
    assert len(root.all("details")) == 1
