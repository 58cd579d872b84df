"""Lines over years: gaps, bands, ends that are named without touching, dashes, round ticks, records, refusals."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures import _layout as layout
from concordat.figures._plane import YEAR, Plane
from concordat.figures.lines import Line, Point, lines
from concordat.figures.render import svg


def line(label: str = "BRICS", start: float = 10.0, **options: Any) -> Line:
    points = [Point(year, start + year - 2013) for year in range(2013, 2024)]
    return Line(label, points, f"{start + 10:g}%", **options)


def marks(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]


def words(spec: dict[str, Any], *, bold: bool = False) -> list[dict[str, Any]]:
    kept = [la for la in marks(spec, "text") if bool(la["mark"].get("fontWeight")) is bold]
    return [d for layer in kept for d in layer["data"]["values"]]


def ticks(spec: dict[str, Any]) -> list[str]:
    return [d["text"] for d in words(spec) if d["x"] == -8]


def test_only_consecutive_years_are_joined_and_a_value_between_gaps_is_a_dot() -> None:
    points = [Point(2015, 3), Point(2013, 1), Point(2014, 2), Point(2016, None), Point(2017, 5), Point(2020, 6)]
    spec = lines([Line("a", points, "6")], unit="points")
    (drawn,) = marks(spec, "line")
    runs: dict[int, list[int]] = {}
    for d in drawn["data"]["values"]:
        runs.setdefault(d["run"], []).append(d["year"])
    assert list(runs.values()) == [[2013, 2014, 2015], [2017], [2020]]
    assert drawn["encoding"]["detail"]["field"] == "run"
    (dots,) = marks(spec, "point")
    places = {d["year"]: d["x"] for d in drawn["data"]["values"]}
    assert [d["x"] for d in dots["data"]["values"]] == [places[2017], places[2020]]
    assert len(re.findall(r'<path[^>]*d="M[^"]*L', svg(spec, "f"))) == 1, "one line alone is drawn"


def test_years_stand_at_their_true_distance_and_more_is_higher() -> None:
    spec = lines([Line("a", [Point(2013, 0), Point(2014, 10), Point(2023, 5)], "5")], unit="points")
    at = {d["year"]: (d["x"], d["y"]) for d in marks(spec, "line")[0]["data"]["values"]}
    assert at[2023][0] - at[2014][0] == pytest.approx(9 * (at[2014][0] - at[2013][0]), abs=0.1)
    assert [at[year][1] for year in (2013, 2014, 2023)] == [spec["height"], 0, spec["height"] / 2]


def test_a_band_covers_its_years_and_one_alone_is_a_bar_and_half_an_interval_none() -> None:
    points = [Point(2013, 5, 4, 6), Point(2014, 5, 2, 8), Point(2015, 5, 4), Point(2016, None, 0, 10)]
    spec = lines([Line("a", points, "5")], unit="points", bounds=(0, 10))
    (band,) = marks(spec, "area")
    high = spec["height"]
    assert [(d["y"], d["y2"]) for d in band["data"]["values"]] == [
        (pytest.approx(0.6 * high), pytest.approx(0.4 * high)),
        (pytest.approx(0.8 * high), pytest.approx(0.2 * high)),
    ]
    (bar,) = (la["data"]["values"] for la in marks(spec, "rule") if la["mark"].get("strokeWidth") == 7)
    assert [(d["y"], d["y2"]) for d in bar] == [(high, 0)]


def test_bounds_cut_a_band_and_give_way_to_a_value() -> None:
    points = [Point(2013, 50, -20, 120), Point(2014, 50, 40, 60)]
    spec = lines([Line("a", points, "50%")], unit="percent", bounds=(0, 100))
    assert (ticks(spec)[0], ticks(spec)[-1]) == ("0%", "100%")
    (band,) = marks(spec, "area")
    assert (band["data"]["values"][0]["y"], band["data"]["values"][0]["y2"]) == (spec["height"], 0)
    assert ticks(lines([line(start=105)], unit="percent", bounds=(0, 100)))[-1] == "150%"
    assert ticks(lines([Line("a", points, "50%")], unit="percent"))[0] == "\u221250%"


@pytest.mark.parametrize(("values", "expected"), [((0, 2), ["0", "1", "2"]), ((3, 3), ["3", "4", "5", "6"])])
def test_things_are_counted_in_whole_steps(values: tuple[int, int], expected: list[str]) -> None:
    points = [Point(2013 + i, value) for i, value in enumerate(values)]
    assert ticks(lines([Line("a", points, "x")], unit="count")) == expected


NAMES = st.sampled_from(["Chad", "Saint Vincent and the Grenadines", "الإمارات العربية المتحدة", "中国"])


@given(ends=st.lists(st.tuples(NAMES, st.integers(0, 100)), min_size=1, max_size=4))
def test_names_at_the_ends_keep_apart_and_inside(ends: list[tuple[str, int]]) -> None:
    series = [Line(name, [Point(2013, 50), Point(2014, end)], f"{end}%") for name, end in ends]
    spec = lines(series, unit="percent", bounds=(0, 100))
    right = spec["width"] + spec["padding"]["right"]
    names = [d for d in words(spec) if d["x"] > spec["width"]]
    assert {"".join(name.split()) for name, _ in ends} <= {
        "".join("".join(d["text"] for d in names[i:j]).split())
        for i in range(len(names))
        for j in range(i + 1, len(names) + 1)
    }
    places = sorted(d["y"] for d in names)
    assert all(b - a >= layout.LINE - 0.05 for a, b in pairwise(places))
    assert places[0] >= 0
    assert places[-1] <= spec["height"]
    assert all(d["x"] + layout.room(d["text"]) <= right for d in names)
    order = sorted(words(spec, bold=True), key=lambda d: d["y"])
    found = [int(d["text"].removesuffix("%")) for d in order]
    assert found == sorted(found, reverse=True), "words stand in the order of their ends"


@pytest.mark.parametrize("loose", [(False,) * 4, (True,) * 4, (False, True, False, True)])
def test_lines_differ_in_dash_and_show_it_beside_their_names(loose: tuple[bool, ...]) -> None:
    spec = lines([line(f"L{i}", i, dashed=weak) for i, weak in enumerate(loose)], unit="percent")
    dashes = [layer["mark"]["strokeDash"] for layer in marks(spec, "line")]
    assert len({tuple(dash) for dash in dashes}) == 4
    samples = [la["mark"]["strokeDash"] for la in marks(spec, "rule") if "strokeDash" in la["mark"]]
    assert samples == dashes
    for dash, weak in zip(dashes, loose, strict=True):
        assert (sum(dash[::2]) > 1.5 * sum(dash[1::2])) is not weak, "mostly ink, or not"


def test_the_last_number_carries_its_record_and_the_same_lines_give_the_same_picture() -> None:
    series = [line("a", id="1" * 32), line("b", 3, id="2" * 32, part="upper"), line("c", 8)]
    picture = svg(lines(series, unit="percent"), "f")
    assert picture.count("data-obs") == 2
    assert re.search(r'data-obs="1{32}"[^>]*>20%<', picture)
    assert re.search(r'data-obs="2{32}" data-part="upper"[^>]*>13%<', picture)
    assert svg(lines(series, unit="percent"), "f") == picture


@pytest.mark.parametrize(("first", "last"), [(2023, 2023), (2013, 2023), (1960, 2023), (1850, 2023)])
def test_years_of_the_axis_keep_apart_and_the_last_is_among_them(first: int, last: int) -> None:
    values = Plane(first, last, 0, 1, 240, 100).years()["data"]["values"]
    assert values[0]["text"] == str(last)
    assert all(a["x"] - b["x"] >= YEAR - 0.1 for a, b in pairwise(values))
    assert len(values) >= min(3, last - first + 1)


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ([], "0 lines"),
        ([line(str(i)) for i in range(5)], "5 lines"),
        ([Line("a", [Point(2013, 1), Point(2013, 2)], "2")], "stands once"),
        ([Line("a", [Point(2013, None)], "")], "needs a value"),
    ],
)
def test_what_cannot_be_drawn_is_a_fault_of_the_program(series: list[Line], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        lines(series, unit="percent")
