"""Curves over named steps: where the lines stand, and that the picture is drawn."""

from __future__ import annotations

from concordat.figures.lines import Line, Point
from concordat.figures.render import svg
from concordat.figures.steps import steps

ONE = Line("gross", [Point(0, 0.0, 0.0, 1.0), Point(1, 5.0, 4.0, 6.0), Point(2, 10.0, 9.0, 10.0)], "10.0")


def test_steps_are_equally_far_apart_and_named() -> None:
    spec = steps(["1 %", "10 %", "40 %"], [ONE], unit="pct")
    line = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "line")
    xs = [value["x"] for value in line["data"]["values"]]
    assert xs[0] == 0
    assert xs[2] == spec["width"]
    assert abs(xs[1] - spec["width"] / 2) < 0.01
    words = [value["text"] for layer in spec["layer"] for value in layer["data"]["values"] if "text" in value]
    assert {"1 %", "10 %", "40 %", "gross", "10.0"} <= set(words)


def test_the_picture_is_the_same_each_time() -> None:
    spec = steps(["1 %", "10 %", "40 %"], [ONE], unit="pct")
    assert svg(spec, "f") == svg(spec, "f")
    assert "40 %" in svg(spec, "f")


def test_what_the_steps_are_stands_under_their_names() -> None:
    spec = steps(["1", "10", "40"], [ONE], unit="percent", below="liquidity, % of gross")
    words = {v["text"]: v["y"] for layer in spec["layer"] for v in layer["data"]["values"] if "text" in v}
    assert words["liquidity, % of gross"] > words["10"]
    assert words["liquidity, % of gross"] < spec["height"] + spec["padding"]["bottom"]
    assert "10%" in words  # the scale says its unit
