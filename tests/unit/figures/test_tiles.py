"""The tile map: equal squares at their places, cut to the members, nobody left out."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest

from concordat.figures.render import svg
from concordat.figures.tiles import Tile, tile_map

SVG = "{http://www.w3.org/2000/svg}"
LAYOUT = {"AAA": (2, 2), "BBB": (3, 2), "CCC": (9, 9), "DDD": (3, 3)}
WORDS = ("lowest", "low", "middle", "high", "highest")


def drawn(*tiles: Tile, layout: dict[str, tuple[int, int]] | None = None) -> ElementTree.Element:
    spec = tile_map(tiles, LAYOUT if layout is None else layout, words=WORDS)
    return ElementTree.fromstring(svg(spec, "t"))


def places(picture: ElementTree.Element) -> dict[str, tuple[float, float]]:
    return {t.text or "": (float(t.attrib["x"]), float(t.attrib["y"])) for t in picture.iter(f"{SVG}text")}


def test_each_member_has_code_number_and_record() -> None:
    picture = drawn(Tile("AAA", 0, "17", "a" * 32), Tile("BBB", 4, "< 1", "b" * 32, "upper"))
    marked = {
        t.text: (t.attrib["data-obs"], t.attrib.get("data-part", "value"))
        for t in picture.iter(f"{SVG}text")
        if "data-obs" in t.attrib
    }
    assert marked == {"17": ("a" * 32, "value"), "< 1": ("b" * 32, "upper")}
    assert {"AAA", "BBB", *WORDS} <= set(places(picture))


def test_every_tile_has_the_same_size() -> None:
    picture = drawn(Tile("AAA", 0, "1", "a" * 32), Tile("DDD", 3, "2", "b" * 32))
    sizes = Counter(
        (r.attrib["width"], r.attrib["height"]) for r in picture.iter(f"{SVG}rect") if r.attrib["width"] != "14"
    )
    assert len(sizes) == 1


def test_neighbours_lie_as_the_layout_says() -> None:
    where = places(drawn(Tile("AAA", 0, "1"), Tile("BBB", 0, "2"), Tile("DDD", 0, "3")))
    assert where["BBB"][0] - where["AAA"][0] == pytest.approx(where["DDD"][1] - where["BBB"][1])
    assert where["AAA"][1] == where["BBB"][1]
    assert where["BBB"][0] == where["DDD"][0]


def test_the_picture_is_cut_to_the_members() -> None:
    near, far = drawn(Tile("AAA", 0, "1")), drawn(Tile("AAA", 0, "1"), Tile("CCC", 0, "1"))
    assert float(near.attrib["height"]) < float(far.attrib["height"])


@pytest.mark.parametrize("count", [1, 2, 12, 45])
def test_members_without_a_place_stand_in_lines_below_and_inside_the_picture(count: int) -> None:
    homeless = [Tile(f"X{n:02}", 1, str(n), f"{n:032}") for n in range(count)]
    picture = drawn(Tile("AAA", 0, "1", "f" * 32), *homeless)
    where, width = places(picture), float(picture.attrib["width"])
    low = max(y for name, (_, y) in where.items() if name not in WORDS)
    assert all(where[t.area][1] > where["AAA"][1] for t in homeless)
    assert len({where[t.area] for t in homeless}) == len(homeless)
    assert max(where[t.area][0] for t in homeless) < width
    assert low < min(where[word][1] for word in WORDS) < float(picture.attrib["height"])


def test_a_member_without_a_number_is_shown_too() -> None:
    picture = drawn(Tile("AAA", None, "·"))
    assert {"AAA", "·"} <= set(places(picture))
    assert not [t for t in picture.iter(f"{SVG}text") if "data-obs" in t.attrib]


def test_nobody_at_all_is_a_picture() -> None:
    assert drawn().tag == f"{SVG}svg"
    assert drawn(layout={}).tag == f"{SVG}svg"


def test_a_legend_of_other_than_five_classes_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError):
        tile_map([], LAYOUT, words=("low", "high"))
