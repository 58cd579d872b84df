"""Time distances: nearest first, blank ones with their reason, years and levels with their records."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from concordat.figures.render import svg
from concordat.figures.time_distance import TimeRow, time_distance_dots

A, B = "a" * 32, "b" * 32


def row(label: str, years: float | None, **more: Any) -> TimeRow:
    text = "" if years is None else f"{years:.1f}"
    return TimeRow(label, years, text, id=A if text else "", reason="" if text else "never so high", **more)


def names(spec: dict[str, Any]) -> list[str]:
    found = [d for layer in spec["layer"] if layer["mark"]["type"] == "text" for d in layer["data"]["values"]]
    return [d["text"] for d in sorted(found, key=lambda d: d["y"]) if d["text"].startswith("unit")]


def test_the_nearest_come_first_and_the_blank_ones_last() -> None:
    rows = [row("unit a", -1.5), row("unit b", 0), row("unit c", 7.3), row("unit d", 22.4)]
    for seed in range(5):
        mixed = [*random.Random(seed).sample(rows, 4), row("unit y", None), row("unit z", None)]
        assert names(time_distance_dots([mixed[4], *mixed[:4], mixed[5]], leader="Korea")) == [
            f"unit {c}" for c in "abcdyz"
        ]


def test_a_line_leads_from_the_leader_to_the_dot_and_a_blank_one_has_neither() -> None:
    spec = time_distance_dots([row("unit a", 7.3), row("unit b", None)], leader="Korea")
    ways = [d for layer in spec["layer"] for d in layer["data"]["values"] if "from" in d]
    assert [(d["from"], d["years"]) for d in ways] == [(0, 7.3)]
    assert len([layer for layer in spec["layer"] if layer["mark"]["type"] == "point"]) == 1
    assert "never so high" in svg(spec, "f")


def test_years_and_levels_lead_to_their_own_records() -> None:
    rows = [row("unit a", 11.438, year="2024", level="84.5%", level_id=B, level_part="mean")]
    picture = svg(time_distance_dots(rows, leader="Korea"), "f")
    assert re.search(rf'<text[^>]*data-obs="{A}"[^>]*>11.4<', picture)
    assert re.search(rf'<text[^>]*data-obs="{B}" data-part="mean"[^>]*>84.5%<', picture)
    assert not re.search(r"data-obs[^>]*>2024<", picture), "a year of the axis of time is no figure"


@pytest.mark.parametrize("years", [[], [0.0], [-3.0], [0.01], [250.0]])
def test_any_distance_is_inside_the_axis_with_the_leader(years: list[float]) -> None:
    spec = time_distance_dots([row(f"unit {y}", y, lower=y - 1, upper=y + 1) for y in years], leader="Korea")
    low, high = next(layer["encoding"]["x"]["scale"]["domain"] for layer in spec["layer"]
                     if layer["encoding"]["x"].get("scale"))  # fmt: skip
    assert low <= min([0.0, *(y - 1 for y in years)])
    assert high >= max([1.0, *(y + 1 for y in years)])
    assert svg(spec, "f").startswith("<svg")
