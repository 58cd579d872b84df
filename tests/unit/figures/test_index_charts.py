"""The charts of an index, a divide and a bloc in five languages: whole names, every record, no missing glyph, small.

The numbers are invented; what is tested is what is drawn of them.
"""

from __future__ import annotations

import gzip
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import pytest
import typst

from concordat.figures import _layout as layout
from concordat.figures.ahead import AheadCell, AheadUnit, ahead_matrix
from concordat.figures.contributions import ContributionRow, Part, contribution_bars
from concordat.figures.lines import Line, Point, lines
from concordat.figures.lorenz import LorenzCurve, lorenz_curves
from concordat.figures.network import Edge, NetworkWords, Node, network
from concordat.figures.numbers import agrees, number_text
from concordat.figures.pairs import PairCell, PairUnit, pair_matrix
from concordat.figures.rank_intervals import RankRow, RankWords, rank_intervals
from concordat.figures.render import svg
from concordat.figures.stacked_areas import YearStack, stacked_years
from concordat.figures.time_distance import TimeRow, time_distance_dots
from concordat.report._svg_texts import lifted
from concordat.report.render_pdf import font_folders

Spec = dict[str, Any]
SVG = "{http://www.w3.org/2000/svg}"
NAMES = {
    "en": ("United Arab Emirates", "Saint Vincent and the Grenadines", "Côte d’Ivoire"),
    "ar": ("الإمارات العربية المتحدة", "جمهورية أفريقيا الوسطى الاتحادية الديمقراطية", "مصر"),
    "ru": ("Объединенные Арабские Эмираты", "Демократическая Республика Восточный Тимор", "Китай"),
    "zh": ("阿拉伯联合酋长国", "圣文森特和格林纳丁斯圣文森特和格林纳丁斯", "中国"),
    "hi": ("संयुक्त अरब अमीरात", "सेंट विंसेंट और ग्रेनाडाइंस का लंबा नाम", "भारत"),
}
VALUES: dict[str, float] = {}


def record(value: float) -> str:
    """An invented record that says a value."""
    name = f"{len(VALUES) + 1:032x}"
    VALUES[name] = value
    return name


def ranks(language: str) -> Spec:
    a, b, c = NAMES[language]
    rows = [
        RankRow(b, 3, 2, 1, 3, "1–3", "A", record(1), "lower"),
        RankRow(a, 1, 1, 1, 1, "1", "A", record(1), "lower"),
    ]
    return rank_intervals([*rows, RankRow(c, None, None, None, None, f"{c} {b} {a}")], words=RankWords(a, b, c, a))


def ahead(language: str) -> Spec:
    units = [AheadUnit(name, code) for name, code in zip(NAMES[language], ("ARE", "VCT", "CIV"), strict=True)]
    percent = [[50, 90.4, 99.9], [9.6, 50, 75], [0.1, 25, 50]]
    cells = [
        [AheadCell(p, number_text(p, "percent", language, decimals=0, style="bare"), record(p)) for p in row]
        for row in percent
    ]
    return ahead_matrix(units, cells, low=NAMES[language][0], high=NAMES[language][1], language=language)


def part(value: float, language: str) -> Part:
    return Part(value, number_text(value, "points", language, decimals=1), record(value))


def bars(language: str) -> Spec:
    rows = []
    for name, values in zip(NAMES[language][:2], ((30.25, -12.5, 9.0), (-0.4, 0.0, -8.0)), strict=True):
        total = sum(values)
        parts = tuple(part(v, language) for v in values)
        rows.append(ContributionRow(name, parts, total, number_text(total, "points", language), record(total)))
    rows.append(ContributionRow(NAMES[language][2], (None,) * 3, None, NAMES[language][1]))
    return contribution_bars(rows, pillars=NAMES[language], language=language, sum_word=NAMES[language][0])


def lorenz(language: str) -> Spec:
    curves = [
        LorenzCurve(f"{year}: {name}", (0, 50, 100), (0, 100 * g, 100), number_text(g, "ratio", language), record(g))
        for year, name, g in zip((2003, 2013, 2023), NAMES[language], (0.1, 0.2, 0.3), strict=True)
    ]
    x, y, diagonal = NAMES[language]
    return lorenz_curves(
        curves, x_title=f"% {x}", y_title=f"% {y}", diagonal=diagonal, number_title=x, language=language
    )


def years(language: str) -> Spec:
    stacks = [
        YearStack(
            year, (part(0.5, language), part(0.25, language)), 0.75, number_text(0.75, "ratio", language), record(0.75)
        )
        for year in (2013, 2017, 2018)
    ]
    return stacked_years(stacks, parts=NAMES[language][:2], language=language)


def distances(language: str) -> Spec:
    a, b, c = NAMES[language]
    level = number_text(84.5, "percent", language)
    text = number_text(11.438, "count", language, decimals=1)
    rows = [
        TimeRow(a, None, year="2024", level=level, level_id=record(84.5), reason=f"{b} {a}"),
        TimeRow(b, 11.438, text, 10, 13, record(11.438), year="2024", level=level, level_id=record(84.5)),
    ]
    return time_distance_dots(rows, leader=c, title=a, language=language)


def pairs(language: str) -> Spec:
    units = [PairUnit(name, code) for name, code in zip(NAMES[language], ("ARE", "VCT", "CIV"), strict=True)]
    cells = {
        ("ARE", "VCT"): PairCell(3, number_text(4, "count", language), record(4)),
        ("ARE", "CIV"): PairCell(4, number_text(12, "count", language), record(12)),
    }
    classes = ("0", "1", "2", "3-4", "5+")
    return pair_matrix(units, cells, classes=classes, title=NAMES[language][1], language=language)


def ties(language: str) -> Spec:
    a, b, c = NAMES[language]
    nodes = [Node(a, "ARE"), Node(b, "VCT"), Node(c, "CIV")]
    edges = [
        Edge("ARE", "VCT", 4, number_text(4, "count", language), record(4)),
        Edge("CIV", "VCT", 1, number_text(1, "count", language), record(1), dashed=True),
    ]
    return network(nodes, edges, words=NetworkWords(a, b, c))


def courses(language: str) -> Spec:
    series = [
        Line(
            name,
            [Point(year, end - 2023 + year, end - 5, end + 5) for year in (2019, 2020, 2022, 2023)],
            number_text(end, "percent", language),
            record(end),
        )
        for name, end in zip(NAMES[language], (84.5, 84.0, 12.5), strict=True)
    ]
    return lines(series, unit="percent", bounds=(0, 100), language=language)


CHARTS: dict[str, Callable[[str], Spec]] = {
    "ranks": ranks, "ahead": ahead, "bars": bars, "lorenz": lorenz, "years": years, "distances": distances,
    "pairs": pairs, "ties": ties, "courses": courses,
}  # fmt: skip
EACH = [(chart, language) for chart in CHARTS for language in NAMES]


@pytest.fixture(params=EACH, ids=lambda p: "-".join(p), scope="module")
def drawn(request: pytest.FixtureRequest) -> tuple[str, Spec, str, str]:
    """(kind of chart, specification, picture, language)"""
    chart, language = request.param
    spec = CHARTS[chart](language)
    return chart, spec, svg(spec, chart), language


def words_in(picture: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_names_stand_whole_in_the_picture(drawn: tuple[str, Spec, str, str]) -> None:
    _, _, picture, language = drawn
    together = re.sub(r"[\s\u200f]", "", "".join(words_in(picture)))
    assert "…" not in together
    for name in NAMES[language][:2]:
        assert name.replace(" ", "") in together


def test_each_number_with_a_record_agrees_with_it(drawn: tuple[str, Spec, str, str]) -> None:
    _, spec, picture, language = drawn
    printed = []
    for element in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        if "data-obs" in element.attrib:
            value = VALUES[element.attrib["data-obs"]]
            assert agrees(element.text or "", value, language), (element.text, value)
            printed.append(element.attrib["data-obs"])
    assert printed
    said = set(re.findall(r"obs:([0-9a-f]{32}):", json.dumps(spec)))
    assert said == set(re.findall(r'data-obs="([0-9a-f]{32})"', picture)), "the specification's records, all of them"


def test_words_stay_inside_the_picture(drawn: tuple[str, Spec, str, str]) -> None:
    _, spec, picture, _ = drawn
    width = spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    height = spec["height"] + spec["padding"]["top"] + spec["padding"]["bottom"]
    for text in _placed(picture):
        length = layout.room(text["text"], text["size"])
        start = text["x"] - text["anchor"] * length
        assert start >= -6, text
        assert start + length <= width + 6, text
        assert 8 <= text["y"] <= height, text


def _placed(picture: str) -> list[dict[str, Any]]:
    """Texts with the place that their groups give them; those that are turned are left out."""
    found = []

    def walk(element: ElementTree.Element, x: float, y: float, anchor: str, size: float) -> None:
        anchor, size = element.get("text-anchor", anchor), float(element.get("font-size", size))
        move = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", ""))
        if move:
            x, y = x + float(move[1]), y + float(move[2])
        if element.tag == f"{SVG}text" and "rotate" not in element.get("transform", ""):
            at = {"x": x + float(element.get("x", 0)), "y": y + float(element.get("y", 0))}
            share = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
            found.append({**at, "text": element.text or "", "anchor": share, "size": size})
        for child in element:
            walk(child, x, y, anchor, size)

    walk(ElementTree.fromstring(picture), 0, 0, "start", 11)
    assert len(found) >= 8
    return found


def test_the_same_rows_give_the_same_picture_and_a_small_one(drawn: tuple[str, Spec, str, str]) -> None:
    chart, spec, picture, _ = drawn
    assert svg(json.loads(json.dumps(spec)), chart) == picture
    assert len(gzip.compress(svg(spec, chart, 8).encode(), mtime=0)) <= 2_500


def set_as_pdf(picture: str) -> None:
    """As the report does: PDF/UA-1 with the fonts of packages alone, so that a missing glyph is an error."""
    rest, texts = lifted(picture)
    source = (
        '#set document(title: "t")\n#let d = json(bytes(sys.inputs.d))\n#set text(font: ("Noto Sans",))\n'
        '#image(bytes(d.svg), format: "svg", alt: "x")\n#for t in d.words [#t\\ ]'
    )
    inputs = {"d": json.dumps({"svg": rest, "words": [t["text"] for t in texts]})}
    typst.compile(
        source.encode(), font_paths=font_folders(), ignore_system_fonts=True, sys_inputs=inputs, pdf_standards=["ua-1"]
    )


def test_no_glyph_is_missing_in_the_fonts_of_packages(drawn: tuple[str, Spec, str, str]) -> None:
    set_as_pdf(drawn[2])


def test_a_missing_glyph_would_be_found() -> None:
    spec = rank_intervals([RankRow("\U00013000", 1, 1, 1, 1, "1", "A", record(1))])  # a hieroglyph
    with pytest.raises(typst.TypstError):
        set_as_pdf(svg(spec, "f"))


def test_every_chart_is_as_wide_as_its_family(drawn: tuple[str, Spec, str, str]) -> None:
    spec = drawn[1]
    assert spec["width"] + spec["padding"]["left"] + spec["padding"]["right"] == layout.WIDTH
