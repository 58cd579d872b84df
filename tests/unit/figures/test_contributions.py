"""Stacked contributions: where parts begin and end, what is printed, and that each number leads to its record once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures.contributions import ContributionRow, Part, contribution_bars
from concordat.figures.render import svg

PILLARS = ("Access", "Skills", "Use")


def row(values: Sequence[float | None], label: str = "India") -> ContributionRow:
    parts = tuple(None if v is None else Part(v, f"{v:.1f}", f"{i + 1:032x}") for i, v in enumerate(values))
    total = math.fsum(v for v in values if v is not None)
    return ContributionRow(label, parts, total, f"{total:.1f}", "f" * 32)


def bars(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        d for layer in spec["layer"] if layer["mark"]["type"] == "rect" for d in layer["data"]["values"] if "a" in d
    ]


def domain(spec: dict[str, Any]) -> list[float]:
    found: list[float] = next(
        layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"] if layer["encoding"]["x"].get("scale")
    )
    return found


def test_parts_stand_end_to_end_in_the_order_of_the_pillars() -> None:
    found = bars(contribution_bars([row((30, 20.5, 10))], pillars=PILLARS))
    assert [(d["a"], d["b"]) for d in found] == [(0, 30), (30, 50.5), (50.5, 60.5)]
    assert len({d["fill"] for d in found}) == 3


def test_negative_parts_lie_left_of_zero_and_a_dot_marks_the_sum() -> None:
    spec = contribution_bars([row((5, -2, -4)), row((1, 1, 1))], pillars=PILLARS, sum_word="sum")
    assert [(d["a"], d["b"]) for d in bars(spec)[:3]] == [(0, 5), (0, -2), (-2, -6)]
    assert domain(spec)[0] <= -6
    dots = [d["total"] for layer in spec["layer"] if layer["mark"]["type"] == "point" for d in layer["data"]["values"]
            if "total" in d]  # fmt: skip
    assert dots == [-1, 3]


def test_a_missing_part_leaves_no_bar_and_a_missing_total_a_reason() -> None:
    rows = [row((3, None, 4)), ContributionRow("Chad", (None,) * 3, None, "too few figures")]
    spec = contribution_bars(rows, pillars=PILLARS)
    assert [(d["a"], d["b"]) for d in bars(spec)] == [(0, 3), (3, 7)]
    assert "too few figures" in svg(spec, "f")


def test_each_number_leads_to_its_record_once_printed_or_not() -> None:
    picture = svg(contribution_bars([row((60, 30, 0.5))], pillars=PILLARS), "f")
    assert sorted(re.findall(r'data-obs="(\w+)"', picture)) == sorted([*(f"{i:032x}" for i in (1, 2, 3)), "f" * 32])
    assert re.findall(r"<text[^>]*>(60\.0|30\.0|0\.5)<", picture) == ["60.0", "30.0"], "half a point has no room"
    assert re.search(rf'<rect[^>]*data-obs="{3:032x}"', picture)


@given(values=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_stack_is_inside_the_axis(values: list[list[float]]) -> None:
    spec = contribution_bars([row(v) for v in values], pillars=PILLARS)
    low, high = domain(spec)
    slack = 1e-6 * (high - low)  # less than a hundredth of a pixel
    for v in values:
        assert low - slack <= math.fsum(x for x in v if x < 0)
        assert math.fsum(x for x in v if x > 0) <= high + slack


def test_zeros_and_no_rows_can_be_drawn() -> None:
    assert svg(contribution_bars([row((0, 0, 0))], pillars=PILLARS), "f").startswith("<svg")
    assert svg(contribution_bars([], pillars=PILLARS), "f").startswith("<svg")


@pytest.mark.parametrize("count", [0, 8])
def test_more_pillars_than_colours_are_a_fault_of_the_program(count: int) -> None:
    with pytest.raises(AssertionError, match="1 to 7 parts"):
        contribution_bars([], pillars=["p"] * count)
