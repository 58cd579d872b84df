"""The network: places on the circle, names that do not touch, widths that mean weights, records, what is refused."""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures._circle import STEP, Circle
from concordat.figures.network import HEIGHT_MAX, NODES_MAX, PRINTED_MAX, TALL, Edge, NetworkWords, Node, network
from concordat.figures.render import svg

WORDS = NetworkWords("binding", "soft only", "number of agreements")
NAMES = (
    "Chad",
    "United Arab Emirates",
    "الإمارات العربية المتحدة",
    "Saint Vincent and the Grenadines",
    "Демократическая Республика Восточный Тимор",
    "中国",
    "United Kingdom of Great Britain and Northern Ireland",
)


def nodes(count: int) -> list[Node]:
    return [Node(f"Member {i}", f"N{i:02}") for i in range(count)]


def chart(count: int, *edges: Edge) -> dict[str, Any]:
    return network(nodes(count), edges, words=WORDS)


def complete(count: int) -> list[Edge]:
    pairs = combinations(nodes(count), 2)
    return [Edge(a.code, b.code, 1 + i % 7, str(1 + i % 7), f"{i + 1:032x}") for i, (a, b) in enumerate(pairs)]


def lines(spec: dict[str, Any]) -> dict[str, tuple[float, dict[str, Any]]]:
    """Width and look of each tie."""
    return {
        d["pair"]: (d["width"], layer["mark"])
        for layer in spec["layer"]
        for d in layer["data"]["values"]
        if "pair" in d
    }


def texts(spec: dict[str, Any]) -> list[str]:
    return [d["text"] for la in spec["layer"] if la["mark"]["type"] == "text" for d in la["data"]["values"]]


def boxes_of_names(circle: Circle) -> list[tuple[float, float, float, float]]:
    """Left, top, right and foot of each line of a name, by the estimate of its width."""
    found = []
    for layer in circle.labels()[1:]:
        share = {"left": 0.0, "center": 0.5, "right": 1.0}[layer["mark"]["align"]]
        for d in layer["data"]["values"]:
            wide = layout.room(d["text"], style.SMALL)
            left = d["x"] - share * wide
            found.append((left, d["y"] - STEP / 2, left + wide, d["y"] + STEP / 2))
    return found


@given(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=NODES_MAX))
@settings(max_examples=60, deadline=None)
def test_names_touch_neither_each_other_nor_a_point_and_stay_inside(names: list[str]) -> None:
    circle = Circle.of(names, [f"C{i:02}" for i in range(len(names))], 400)
    assert circle.height <= 400
    boxes = boxes_of_names(circle)
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] + 0.02 or other[3] <= one[1] + 0.02
        assert apart, (one, other)
    for left, top, right, foot in boxes:
        assert left >= 0
        assert right <= layout.WIDTH
        assert top >= -0.01
        assert foot <= circle.height + 0.01
        for i in range(len(names)):
            point = circle.place(i)
            nearest = complex(min(max(point.real, left), right), min(max(point.imag, top), foot))
            assert abs(point - nearest) > 6, names[i]


def test_names_stand_whole_where_they_fit_and_else_codes_for_all() -> None:
    assert Circle.of(["United Arab Emirates"] * 6, ["ARE"] * 6, 400).names[1] == ("United Arab", "Emirates")
    many = Circle.of(["Saint Vincent and the Grenadines"] * 25, ["VCT"] * 25, 400)
    assert set(many.names) == {("VCT",)}


def test_points_go_round_clockwise_from_the_top_at_equal_angles() -> None:
    circle = Circle.of([f"Member {i}" for i in range(7)], ["X"] * 7, 400)
    turns = [math.degrees(math.atan2(p.real, -p.imag)) % 360 for i in range(7) for p in (circle.place(i) - circle.center,)]  # fmt: skip # noqa: E501
    assert turns[0] == pytest.approx(0, abs=0.01)
    assert [b - a for a, b in pairwise(turns)] == pytest.approx([360 / 7] * 6, abs=0.01)


@pytest.mark.parametrize(("weights", "widths"), [((1, 2, 4), (1, 2, 4)), ((1, 5, 9), (1, 3, 5)), ((3, 3), (3, 3))])
def test_width_grows_with_weight_from_1_to_5(weights: tuple[int, ...], widths: tuple[float, ...]) -> None:
    spec = chart(5, *(Edge("N00", f"N{i + 1:02}", weight, str(weight)) for i, weight in enumerate(weights)))
    assert tuple(width for _, (width, _) in sorted(lines(spec).items())) == pytest.approx(widths)


def test_a_weaker_tie_is_dashed_and_grey_and_only_then_explained() -> None:
    spec = chart(3, Edge("N00", "N01", 1, "1"), Edge("N02", "N01", 1, "1", dashed=True))
    firm, weak = lines(spec)["N00 N01"][1], lines(spec)["N02 N01"][1]
    assert (firm["color"], "strokeDash" in firm) == (style.ACCENT, False)
    assert (weak["color"], weak["strokeDash"]) == (style.SOFT, [4, 3])
    assert {"binding", "soft only", "number of agreements"} <= set(texts(spec))
    assert "soft only" not in texts(chart(3, Edge("N00", "N01", 1, "1")))
    assert "binding" not in texts(chart(3, Edge("N00", "N01", 1, "1", dashed=True)))


def test_a_member_without_ties_is_hollow() -> None:
    spec = chart(4, Edge("N00", "N02", 1, "1"))
    points = {
        layer["mark"]["color"]: len(layer["data"]["values"])
        for layer in spec["layer"]
        if layer["mark"]["type"] == "point"
    }
    assert points == {style.ACCENT: 2, "#ffffff": 2}


def test_numbers_of_crossing_ties_keep_apart_on_their_lines() -> None:
    edges = complete(6)  # three of them cross in the middle
    spec = chart(6, *edges)
    (white,) = (d["data"]["values"] for d in spec["layer"] if d["mark"]["type"] == "rect")
    assert len(white) == len(edges) <= PRINTED_MAX
    for one, other in combinations(white, 2):
        assert abs(one["x"] + one["x2"] - other["x"] - other["x2"]) / 2 >= (one["x2"] - one["x"] + other["x2"] - other["x"]) / 2 - 0.2 or abs(one["y"] - other["y"]) >= TALL - 0.2  # fmt: skip # noqa: E501


@pytest.mark.parametrize("count", [6, 7])
def test_each_tie_leads_to_its_record_whether_its_number_is_printed_or_not(count: int) -> None:
    edges = complete(count)
    picture = svg(chart(count, *edges), "f")
    assert sorted(re.findall(r'data-obs="(\w+)"', picture)) == [edge.id for edge in edges]
    on_lines = len(re.findall(r"<line[^>]*data-obs", picture))
    assert on_lines == (0 if len(edges) <= PRINTED_MAX else len(edges))


@pytest.mark.parametrize("count", [1, 2, 3, 12, NODES_MAX])
def test_a_network_has_the_usual_width_and_is_not_too_tall(count: int) -> None:
    spec = chart(count, *complete(count))
    assert spec["width"] + spec["padding"]["left"] + spec["padding"]["right"] == layout.WIDTH
    assert spec["height"] + spec["padding"]["top"] + spec["padding"]["bottom"] <= HEIGHT_MAX
    assert svg(spec, "f") == svg(chart(count, *complete(count)), "f")


@pytest.mark.parametrize(
    ("count", "edges", "why"),
    [
        (0, [], "can't be read"),
        (NODES_MAX + 1, [], "can't be read"),
        (3, [Edge("N00", "USA", 1, "1")], "between nodes"),
        (3, [Edge("N00", "N00", 1, "1")], "tied to itself"),
        (3, [Edge("N00", "N01", 0, "0")], "has a weight"),
        (3, [Edge("N00", "N01", 1, "1"), Edge("N01", "N00", 1, "1")], "tied once"),
    ],
)
def test_what_is_no_network_is_a_fault_of_the_program(count: int, edges: list[Edge], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        chart(count, *edges)


def test_a_node_stands_once() -> None:
    with pytest.raises(AssertionError, match="stands once"):
        network([Node("India", "IND"), Node("Bharat", "IND")], [], words=WORDS)
