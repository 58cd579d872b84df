"""The interval dot plot: what stands where, by the coordinates of the drawn picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures.dots import DotRow, Rule, dot_plot, round_ticks
from concordat.figures.render import svg

SVG = "{http://www.w3.org/2000/svg}"
A, B, C = "a" * 32, "b" * 32, "c" * 32


def drawn(*rows: DotRow, **how: Any) -> ElementTree.Element:
    return ElementTree.fromstring(svg(dot_plot(rows, unit=how.pop("unit", "percent"), **how), "f"))


def circles(picture: ElementTree.Element) -> list[float]:
    """The horizontal places of the dots, from top to bottom."""
    found = sorted((float(c.attrib["cy"]), float(c.attrib["cx"])) for c in picture.iter(f"{SVG}circle"))
    return [x for _, x in found]


def texts(picture: ElementTree.Element) -> list[str]:
    return [t.text or "" for t in picture.iter(f"{SVG}text")]


def test_dots_stand_in_the_order_given_on_one_scale() -> None:
    rows = [DotRow(name, value, None, None, name, A) for name, value in (("x", 0.0), ("y", 50.0), ("z", 100.0))]
    left, middle, right = circles(drawn(*rows, bounds=(0, 100)))
    assert left < middle < right
    assert middle - left == pytest.approx(right - middle, abs=0.11)


def test_a_censored_value_has_a_bar_and_no_dot() -> None:
    picture = drawn(DotRow("x", None, 0, 35, "< 35%", A, "upper"), bounds=(0, 100))
    assert circles(picture) == []
    text = next(t for t in picture.iter(f"{SVG}text") if t.text == "< 35%")
    assert (text.attrib["data-obs"], text.attrib["data-part"]) == (A, "upper")
    bars = [line for line in picture.iter(f"{SVG}line") if line.attrib.get("y1") == line.attrib.get("y2")]
    assert len(bars) == 1


def test_a_member_without_a_figure_keeps_its_row_and_reason() -> None:
    picture = drawn(DotRow("Chad", None, None, None, "no figure"), DotRow("x", 5.0, 4, 6, "5", A))
    assert len(circles(picture)) == 1
    assert {"Chad", "no figure"} <= set(texts(picture))


def test_numbers_lead_to_their_records(specs: dict[str, Any]) -> None:
    picture = drawn(
        DotRow("x", 5.0, 4, 6, "5%", A), rules=(Rule("Bloc", 4.0, "4%", B), Rule("World", 6.0, "6%", C, "mean"))
    )
    marked = {
        (t.attrib["data-obs"], t.attrib.get("data-part", "value"))
        for t in picture.iter(f"{SVG}text")
        if "data-obs" in t.attrib
    }
    assert marked == {(A, "value"), (B, "value"), (C, "mean")}


@pytest.mark.parametrize("values", [(1.0, 99.0), (99.0, 1.0), (50.0, 50.5), (0.0, 0.0), (100.0, 100.0), (2.0, 2.1)])
def test_the_words_of_averages_stay_inside_the_picture(values: tuple[float, float]) -> None:
    rules = (Rule("BRICS, weighted", values[0], "68.1%", A), Rule("World", values[1], "66.2%", B))
    picture = drawn(DotRow("x", 5.0, 4, 6, "5%", C), rules=rules, bounds=(0, 100))
    width = float(picture.attrib["width"])
    group = next(g for g in picture.iter(f"{SVG}g") if "translate" in g.attrib.get("transform", ""))
    shift = float(group.attrib["transform"].removeprefix("translate(").split(",")[0])
    for text in picture.iter(f"{SVG}text"):
        if "weighted" in (text.text or "") or "World" in (text.text or ""):
            x, length = shift + float(text.attrib["x"]), 6.0 * len(text.text or "")
            start = x - length if text.attrib.get("text-anchor") == "end" else x
            assert start > -12
            assert start + length < width + 12


def test_open_dots_are_invited() -> None:
    picture = drawn(DotRow("x", 5.0, None, None, "5", A), DotRow("y", 6.0, None, None, "6", B, kind="invited"))
    fills = {c.attrib.get("fill") for c in picture.iter(f"{SVG}circle")}
    assert "#ffffff" in fills
    assert len(fills) == 2


def test_three_averages_are_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError):
        dot_plot([], unit="percent", rules=[Rule("a", 1.0, "1", A)] * 3)


def test_no_rows_are_a_picture_all_the_same() -> None:
    assert circles(drawn()) == []


@pytest.mark.parametrize("value", [-5.0, 0.0, 1e-9, 1e12])
def test_any_size_of_value_is_inside_the_axis(value: float) -> None:
    picture = drawn(DotRow("x", value, None, None, "x", A), unit="points")
    assert 0 <= circles(picture)[0] <= float(picture.attrib["width"])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0, 83, [0, 20, 40, 60, 80, 100]),
        (-3, 7, [-4, -2, 0, 2, 4, 6, 8]),
        (0, 0.3, [0, 0.1, 0.2, 0.3]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 4.9e6, [0, 1e6, 2e6, 3e6, 4e6, 5e6]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert round_ticks(low, high) == expected


@given(low=st.floats(-1e9, 1e9), width=st.floats(1e-3, 1e9))
def test_ticks_cover_the_range_evenly(low: float, width: float) -> None:
    ticks = round_ticks(low, low + width)
    slack = 1e-6 * max(abs(low), width, 1)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + width - slack
    assert 2 <= len(ticks) <= 13
    steps = [b - a for a, b in pairwise(ticks)]
    assert max(steps) - min(steps) <= slack
