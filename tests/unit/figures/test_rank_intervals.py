"""Rank intervals: who stands where, which plateau is tinted, what the axis says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from concordat.figures.rank_intervals import RankRow, RankWords, rank_intervals
from concordat.figures.render import svg

ID = "a" * 32


def row(label: str, median: float | None, plateau: str = "", **more: Any) -> RankRow:
    if median is None:
        return RankRow(label, None, None, None, None, "no score", plateau)
    low, high = more.pop("low", median), more.pop("high", median)
    return RankRow(label, more.pop("nominal", median), median, low, high, f"{low:g}–{high:g}", plateau, ID, "lower")


def marks(spec: dict[str, Any], kind: str, **look: Any) -> list[dict[str, Any]]:
    """The data of all layers of a kind of mark with that look."""
    return [
        datum
        for layer in spec["layer"]
        if layer["mark"]["type"] == kind and look.items() <= layer["mark"].items()
        for datum in layer["data"]["values"]
    ]


def names(spec: dict[str, Any]) -> list[str]:
    found = [d for d in marks(spec, "text") if d["text"].startswith("unit")]
    return [d["text"] for d in sorted(found, key=lambda d: d["y"])]


def test_rows_go_by_median_rank_and_plateau_whatever_their_order() -> None:
    rows = [row("unit a", 1, "A"), row("unit b", 2, "A"), row("unit c", 2, "B"), row("unit d", 9, "Z"),
            row("unit e", 9, "AA"), row("unit f", None)]  # fmt: skip
    for seed in range(5):
        assert names(rank_intervals(random.Random(seed).sample(rows, len(rows)))) == [f"unit {c}" for c in "abcdef"]


def test_the_best_is_at_the_left_and_every_rank_is_inside() -> None:
    spec = rank_intervals([row("unit a", 2, low=1, high=7), row("unit b", 3, nominal=4)], units=9)
    domains = {tuple(layer["encoding"]["x"]["scale"]["domain"]) for layer in spec["layer"]
               if layer["encoding"]["x"].get("scale")}  # fmt: skip
    assert domains == {(0.5, 9.5)}
    (bar,) = [d for d in marks(spec, "rule") if d.get("low") == 1]
    assert (bar["low"], bar["high"]) == (1, 7)
    assert [d["nominal"] for d in marks(spec, "point")] == [2, 4]
    assert [d["median"] for d in marks(spec, "rule") if "median" in d] == [2, 3]


def test_every_other_plateau_is_tinted_and_each_has_its_letter_once() -> None:
    rows = [row(f"unit {i}", i + 1, letter) for i, letter in enumerate("AABCC")]
    spec = rank_intervals(rows)
    bands = [(d["y"], d["y2"]) for d in marks(spec, "rect")]
    assert bands == [(0, 50), (75, 125)]
    assert [d["text"] for d in marks(spec, "text") if d["text"] in "ABC"] == ["A", "B", "C"]


def test_without_plateaus_there_is_no_band() -> None:
    assert marks(rank_intervals([row("unit a", 1), row("unit b", 2)]), "rect") == []


def test_a_unit_without_ranks_has_a_reason_and_no_sign() -> None:
    spec = rank_intervals([row("unit a", 1), row("unit b", None)])
    assert len(marks(spec, "point")) == 1
    (reason,) = [d for d in marks(spec, "text") if d["text"] == "no score"]
    assert not reason.get("mark")


@pytest.mark.parametrize(("units", "first", "step"), [(1, [1], 1), (9, [1, 2], 1), (30, [1, 3], 2), (60, [1, 5], 5)])
def test_ticks_are_round_and_begin_with_the_best(units: int, first: list[int], step: int) -> None:
    spec = rank_intervals([row("unit a", 1)], units=units)
    ticks = [int(d["text"]) for d in marks(spec, "text") if d["text"].isdigit()]
    assert ticks[: len(first)] == first
    assert ticks[-1] > units - max(step, 1)
    assert ticks[-1] <= units


def test_the_legend_says_what_the_signs_mean() -> None:
    picture = svg(rank_intervals([row("unit a", 1, "A")], words=RankWords("bar!", "dot!", "tick!", "band!")), "f")
    assert all(word in picture for word in ("bar!", "dot!", "tick!", "band!"))


def test_sixty_units_make_a_taller_picture_and_none_at_all_is_one_too() -> None:
    assert rank_intervals([row(f"unit {i:02}", i + 1) for i in range(60)])["height"] == 60 * 25
    assert svg(rank_intervals([]), "f").startswith("<svg")
