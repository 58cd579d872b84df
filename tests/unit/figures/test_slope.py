"""The slope chart: who is drawn how, that its numbers can be traced, and that it stays small."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from concordat.figures.render import svg
from concordat.figures.slope import End, SlopeRow, slope_chart

BEFORE, AFTER = "Release 2025-11", "This release"


def end(value: float, half: float = 0.5, record: str = "ab" * 16) -> End:
    return End(value, value - half, value + half, f"{value:g}%", record)


def chart(*rows: SlopeRow, **options: Any) -> dict[str, Any]:
    return slope_chart(rows, before=BEFORE, after=AFTER, **options)


def lines_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(
        layer["data"]["values"] for layer in spec["layer"] if "strokeDash" in layer["encoding"]
    )
    return found


@pytest.mark.parametrize(
    ("before", "after", "apart"),
    [
        (end(50), end(52), True),
        (end(50), end(51), False),  # 50.5 belongs to both
        (end(50), end(50.4), False),
        (end(52), end(50), True),
        (End(None, 0, 1, "< 1"), end(3), True),
        (None, end(3), False),
        (end(3), None, False),
    ],
)
def test_a_line_is_strong_only_where_the_intervals_have_nothing_in_common(
    before: End | None, after: End | None, apart: bool
) -> None:
    assert SlopeRow("Brazil", before, after).apart is apart


def test_a_line_joins_two_values_and_nothing_else() -> None:
    rows = (
        SlopeRow("Brazil", end(50), end(70)),
        SlopeRow("Kenya", None, end(30)),
        SlopeRow("Egypt", end(40), None),
        SlopeRow("Ethiopia", End(None, 0, 20, "< 20%"), end(17)),
    )
    (line,) = lines_of(chart(*rows, bounds=(0, 100)))
    assert line["a"] > line["b"], "up on the page is more"
    assert line["a"] - line["b"] == pytest.approx(0.2 * chart(*rows, bounds=(0, 100))["height"], abs=0.1)


def test_each_number_carries_its_record_and_a_censored_one_says_which_part() -> None:
    rows = (
        SlopeRow("Brazil", end(50, record="11" * 16), end(70, record="22" * 16)),
        SlopeRow("Ethiopia", End(None, 0, 20, "< 20%", "33" * 16, "upper"), None),
    )
    picture = svg(chart(*rows), "slope", 8)
    texts = re.findall(r'<text[^>]*data-obs="(\w+)"(?: data-part="(\w+)")?[^>]*>([^<]+)<', picture)
    texts += [
        (record, part, text)
        for record, part, text in re.findall(
            r'<g[^>]*data-obs="(\w+)"(?: data-part="(\w+)")?[^>]*><text[^>]*>([^<]+)<', picture
        )
    ]
    assert sorted(texts) == [
        ("11111111", "", "50%"),
        ("22222222", "", "70%"),
        ("33333333", "upper", "&lt; 20%"),
    ]
    assert BEFORE in picture
    assert AFTER in picture


@pytest.mark.parametrize("values", [[(5.0, 5.0)], [(0.0, 0.0)], [(-3.0, 4.0)], [(1e12, 1.5e12), (2e3, 1e3)]])
def test_one_value_zero_and_distant_sizes_can_be_drawn(values: list[tuple[float, float]]) -> None:
    rows = [SlopeRow(f"Area {i}", end(a, 0), end(b, 0)) for i, (a, b) in enumerate(values)]
    assert svg(chart(*rows), "slope", 8).count("<text") >= 4 * len(values) + 2


def test_many_members_make_a_taller_picture_that_stays_small() -> None:
    rows = [
        SlopeRow(f"Страна номер {i}", end(i, record=f"{i:032x}"), end(90 - i / 2, record=f"{i + 99:032x}"))
        for i in range(60)
    ]
    spec = chart(*rows, bounds=(0, 100))
    assert spec["height"] >= 60 * 17, "no two names on one line"
    assert len(gzip.compress(svg(spec, "slope", 8).encode())) <= 15_000


def test_the_same_rows_give_the_same_picture() -> None:
    rows = [SlopeRow("Brazil", end(50), end(70)), SlopeRow("India", end(20), end(56))]
    assert svg(chart(*rows), "slope", 8) == svg(chart(*rows), "slope", 8)


def test_a_chart_without_any_figure_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError, match="needs a figure"):
        chart(SlopeRow("Brazil", None, None))
