"""Lorenz curves: what is drawn, how curves differ, which curves are refused."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from concordat.figures.lorenz import LorenzCurve, lorenz_curves
from concordat.figures.render import svg


def chart(*curves: LorenzCurve) -> dict[str, Any]:
    return lorenz_curves(curves, x_title="people", y_title="users", diagonal="all alike", number_title="Gini")


def lines(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == "line"]


def curve(label: str = "2023", record: str = "a" * 32) -> LorenzCurve:
    return LorenzCurve(label, (0, 20, 60, 100), (0, 5, 30, 100), "0.400", record)


def test_the_diagonal_comes_first_and_then_the_points_as_given() -> None:
    diagonal, drawn = lines(chart(curve()))
    assert [(d["people"], d["having"]) for d in diagonal["data"]["values"]] == [(0, 0), (100, 100)]
    assert [(d["people"], d["having"]) for d in drawn["data"]["values"]] == [(0, 0), (20, 5), (60, 30), (100, 100)]
    assert drawn["encoding"]["x"]["scale"]["domain"] == drawn["encoding"]["y"]["scale"]["domain"] == [0, 100]


def test_three_curves_differ_in_dash_and_colour_and_each_number_has_its_record() -> None:
    spec = chart(*(curve(str(2021 + i), f"{i + 1:032x}") for i in range(3)))
    drawn = lines(spec)[1:]
    assert len({str(layer["mark"]["strokeDash"]) for layer in drawn}) == 3
    assert len({layer["mark"]["color"] for layer in drawn}) == 3
    assert sorted(re.findall(r'data-obs="(\w+)"', svg(spec, "f"))) == [f"{i + 1:032x}" for i in range(3)]


def test_many_points_are_thinned_to_what_can_be_seen_apart() -> None:
    shares = tuple(100 * i / 20_000 for i in range(20_001))
    spec = chart(LorenzCurve("all", shares, tuple(s * s / 100 for s in shares)))
    points = [(d["people"], d["having"]) for d in lines(spec)[1]["data"]["values"]]
    assert points[0] == (0, 0)
    assert points[-1] == (100, 100)
    assert len(points) < 2_000
    for (a, b), (c, d) in pairwise(points):
        assert max(c - a, d - b) < 0.5, "a gap that can be seen"


@pytest.mark.parametrize(
    ("people", "having", "why"),
    [
        ((0, 100), (0, 50, 100), "a share for each point"),
        ((0, 50, 100), (5, 20, 100), "begins at 0"),
        ((0, 50, 90), (0, 20, 100), "ends at 100"),
        ((0, 50, 100), (0, 20, 90), "ends at 100"),
        ((0, 50, 40, 100), (0, 1, 2, 100), "cumulated"),
        ((0,), (0,), "a share for each point"),
    ],
)
def test_what_is_no_lorenz_curve_is_a_fault_of_the_program(
    people: tuple[float, ...], having: tuple[float, ...], why: str
) -> None:
    with pytest.raises(AssertionError, match=why):
        chart(LorenzCurve("x", people, having))


@pytest.mark.parametrize("count", [0, 4])
def test_one_to_three_curves(count: int) -> None:
    with pytest.raises(AssertionError, match="one to 3"):
        chart(*[curve()] * count)
