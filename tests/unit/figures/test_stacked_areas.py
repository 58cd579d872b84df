"""Stacks by year: true distances between years, totals that keep apart, records of what is not printed."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from concordat.figures._layout import room
from concordat.figures.contributions import Part
from concordat.figures.render import svg
from concordat.figures.stacked_areas import YearStack, stacked_years

NAMES = ("between", "within")


def stack(year: int, between: float | None = 0.1, within: float | None = 0.05) -> YearStack:
    values = (between, within)
    parts = tuple(None if v is None else Part(v, f"{v:.2f}", f"{year}{i:028x}") for i, v in enumerate(values))
    total = sum(v for v in values if v is not None)
    return YearStack(year, parts, total, f"{total:.3f}", f"{year}{9:028x}")


def bars(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        d for layer in spec["layer"] if layer["mark"]["type"] == "rect" for d in layer["data"]["values"] if "a" in d
    ]


def totals(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [d for layer in spec["layer"] if layer["mark"]["type"] == "text" and layer["mark"].get("fontWeight")
            for d in layer["data"]["values"]]  # fmt: skip


def test_years_stand_in_order_at_their_true_distance() -> None:
    found = bars(stacked_years([stack(2023), stack(2013), stack(2018)], parts=NAMES))
    middles = {d["year"]: (d["x"] + d["x2"]) / 2 for d in found}
    assert middles[2018] - middles[2013] == pytest.approx(middles[2023] - middles[2018], abs=0.02)
    assert middles[2013] < middles[2018]
    assert {d["year"] for d in found} == {2013, 2018, 2023}, "a year without a number is an empty place"


def test_parts_stand_on_each_other_and_a_missing_one_leaves_none() -> None:
    spec = stacked_years([stack(2013, 0.2, 0.1), stack(2014, None, 0.1)], parts=NAMES)
    assert [(d["year"], d["a"], pytest.approx(d["b"])) for d in bars(spec)] == [
        (2013, 0, 0.2), (2013, 0.2, 0.3), (2014, 0, 0.1)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 5, 11, 16, 30, 60])
def test_totals_keep_apart_and_the_last_is_among_them(count: int) -> None:
    years = range(2025 - count, 2025)
    shown = totals(stacked_years([stack(year, 0.1 + (year % 7) / 50) for year in years], parts=NAMES))
    places = [d["x"] for d in shown]
    need = room(shown[0]["text"], 12) - 2
    assert all(b - a >= need for a, b in pairwise(places))
    assert shown[-1]["mark"].startswith("obs:2024")
    assert len(shown) == count if count <= 5 else len(shown) >= 2


def test_years_touch_where_they_are_many() -> None:
    found = bars(stacked_years([stack(year) for year in range(1995, 2025)], parts=NAMES))
    feet = sorted((d["x"], d["x2"]) for d in found if d["part"] == 0)
    assert all(abs(b[0] - a[1]) < 0.05 for a, b in pairwise(feet))


def test_each_part_leads_to_its_record_once_printed_or_not() -> None:
    picture = svg(stacked_years([stack(2013, 0.2, 0.001), stack(2014)], parts=NAMES), "f")
    records = re.findall(r'data-obs="(\w+)"', picture)
    assert len(records) == len(set(records)) == 6
    assert ">0.20<" in picture
    assert ">0.00<" not in picture


def test_all_zero_can_be_drawn() -> None:
    assert svg(stacked_years([stack(2013, 0, 0)], parts=NAMES), "f").startswith("<svg")


@pytest.mark.parametrize(
    ("stacks", "why"),
    [
        ([], "needs a year"),
        ([stack(2013), stack(2013)], "stands once"),
        ([stack(1900), stack(2013)], "more than 60"),
        ([stack(2013, -0.1)], "negative"),
        ([YearStack(2013, (), None)], "a part for each"),
    ],
)
def test_what_cannot_be_stacked_is_a_fault_of_the_program(stacks: list[YearStack], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        stacked_years(stacks, parts=NAMES)
