"""The heat table: each pair once, colour that only repeats the text, more members as rows."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from concordat.figures._style import CLASSES, EMPTY
from concordat.figures.heat import MEMBERS_AS_COLUMNS, HeatCell, heat_table_spec
from concordat.figures.render import svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(cells: list[HeatCell]) -> ElementTree.Element:
    return ElementTree.fromstring(svg(heat_table_spec(cells, low="behind", high="ahead", title="Rank"), "h"))


def cells_of(members: int, indicators: int = 2) -> list[HeatCell]:
    return [
        HeatCell(f"Indicator {i}", f"M{m:02}", (i + m) % 5, str(m + 1), f"{i:016}{m:016}", "lower")
        for i in range(indicators)
        for m in range(members)
    ]


@pytest.mark.parametrize("members", [1, 10, MEMBERS_AS_COLUMNS, MEMBERS_AS_COLUMNS + 1, 60])
def test_every_cell_prints_its_text_with_its_record_once(members: int) -> None:
    marked = [
        (t.attrib["data-obs"], t.attrib["data-part"], t.text)
        for t in drawn(cells_of(members)).iter(f"{SVG}text")
        if "data-obs" in t.attrib
    ]
    assert sorted(marked) == sorted((c.id, "lower", c.text) for c in cells_of(members))


def test_a_column_of_parts_of_one_record_names_it_once() -> None:
    """A table of places of 55 members is one record an indicator; its id stood beside each of 825 cells."""
    names = [f"M{m:02}" for m in range(30)]
    cells = [
        HeatCell(f"Indicator {i}", name, m % 5, str(m), f"{i:032}", f"{name}_lower") if m else
        HeatCell(f"Indicator {i}", name, None, "·")
        for i in range(2) for m, name in enumerate(names)
    ]  # fmt: skip
    picture = drawn(cells)
    groups = [g for g in picture.iter(f"{SVG}g") if "data-obs" in g.attrib]
    assert [g.attrib["data-obs"] for g in groups] == [f"{i:032}" for i in range(2)]
    for group in groups:
        said = {t.attrib.get("data-part"): t.text for t in group}
        assert said == {None: "·", **{f"{name}_lower": str(m) for m, name in enumerate(names) if m}}
        assert all("data-obs" not in t.attrib for t in group)


@pytest.mark.parametrize(("members", "wide"), [(MEMBERS_AS_COLUMNS, True), (MEMBERS_AS_COLUMNS + 1, False)])
def test_many_members_stand_as_rows(members: int, wide: bool) -> None:
    picture = drawn(cells_of(members))
    assert (float(picture.attrib["width"]) > float(picture.attrib["height"])) is wide


def test_shade_and_ink_follow_the_class() -> None:
    picture = drawn([HeatCell("i", f"m{level}", level, str(level), "a" * 32) for level in (0, 4)])
    group = {t.text: t.attrib.get("fill") for t in picture.iter(f"{SVG}text") if "data-obs" in t.attrib}
    assert group["4"] == "#ffffff"
    assert group["0"] != "#ffffff"


def test_a_cell_without_a_number_is_empty_in_colour_and_has_no_record() -> None:
    picture = drawn([HeatCell("i", "m", None, "·"), HeatCell("i", "n", 2, "3", "a" * 32)])
    assert EMPTY in {r.attrib.get("fill") for r in picture.iter(f"{SVG}rect")}
    assert [t.attrib.get("data-obs") for t in picture.iter(f"{SVG}text") if t.text == "·"] == [None]


def test_the_legend_shows_the_classes_from_low_to_high() -> None:
    picture = drawn(cells_of(2))
    words = {t.text for t in picture.iter(f"{SVG}text")}
    assert {"behind", "ahead", "Rank"} <= words
    swatches = [r.attrib["fill"] for r in picture.iter(f"{SVG}rect") if r.attrib.get("width") == "22"]
    assert swatches == list(CLASSES)


def test_a_pair_that_is_not_given_stays_blank() -> None:
    cells = [HeatCell("i", "m", 0, "1", "a" * 32), HeatCell("j", "n", 0, "2", "b" * 32)]
    assert len([t for t in drawn(cells).iter(f"{SVG}text") if "data-obs" in t.attrib]) == 2


def test_a_class_that_does_not_exist_is_a_fault_of_the_program() -> None:
    with pytest.raises(IndexError):
        heat_table_spec([HeatCell("i", "m", 5, "1", "a" * 32)], low="a", high="b")
