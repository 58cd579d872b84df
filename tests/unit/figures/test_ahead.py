"""Who is ahead of whom: which cells are drawn, in which class, and what names them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from concordat.figures import _style as style
from concordat.figures._square import UNITS_MAX
from concordat.figures.ahead import AheadCell, AheadUnit, ahead_matrix
from concordat.figures.render import svg


def matrix(count: int, name: str = "Unit") -> dict[str, Any]:
    units = [AheadUnit(f"{name} {i}", f"U{i:02}") for i in range(count)]
    cells = [[AheadCell(50 + 49 * (j - i) / count, f"{i}{j}", f"{i * count + j:032x}") for j in range(count)]
             for i in range(count)]  # fmt: skip
    return ahead_matrix(units, cells, low="behind", high="ahead")


def boxes(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["layer"][0]["data"]["values"]
    return found


def test_rows_and_columns_are_in_the_order_given_and_the_diagonal_is_blank() -> None:
    spec = matrix(3)
    pairs = {(d["row"], d["column"]): (d["x"], d["y"]) for d in boxes(spec)}
    assert len(pairs) == 6
    assert pairs["U00", "U01"][0] < pairs["U00", "U02"][0]
    assert pairs["U00", "U01"][1] < pairs["U02", "U01"][1]
    assert {tuple(d["text"]) for d in boxes(spec)} == {("0", "1"), ("0", "2"), ("1", "0"), ("1", "2"), ("2", "0"), ("2", "1")}  # fmt: skip # noqa: E501


def test_a_pair_without_a_number_stays_blank() -> None:
    units = [AheadUnit("a", "A"), AheadUnit("b", "B")]
    spec = ahead_matrix(units, [[None, None], [AheadCell(3.0, "3", "b" * 32), None]], low="l", high="h")
    assert [d["text"] for d in boxes(spec)] == ["3"]


@pytest.mark.parametrize(
    ("percent", "level"),
    [(0, 0), (5, 0), (6, 1), (29, 1), (30, 1), (31, 2), (69, 2), (70, 3), (94, 3), (95, 4), (100, 4)],
)
def test_95_percent_is_where_a_plateau_ends_and_classes_are_symmetric(percent: float, level: int) -> None:
    units = [AheadUnit("a", "A"), AheadUnit("b", "B")]
    cells = [[None, AheadCell(percent, "x")], [AheadCell(100 - percent, "y"), None]]
    one, other = boxes(ahead_matrix(units, cells, low="l", high="h"))
    assert one["fill"] == style.CLASSES[level]
    assert one["ink"] == style.CLASS_TEXT[level]
    assert other["fill"] == style.CLASSES[4 - level]


def test_many_units_go_by_their_codes() -> None:
    few, many = svg(matrix(5), "f"), svg(matrix(UNITS_MAX), "f")
    assert "Unit 3" in few
    assert "Unit 3" not in many
    assert many.count(">U03<") == 2


def test_each_cell_carries_its_record_once() -> None:
    picture = svg(matrix(4), "f")
    found = re.findall(r'data-obs="(\w+)"', picture)
    assert len(found) == len(set(found)) == 12


def test_three_digits_fit_into_the_smallest_cell() -> None:
    (cell,) = {d["x2"] - d["x"] for d in boxes(matrix(UNITS_MAX))}
    size = matrix(UNITS_MAX)["layer"][1]["mark"]["fontSize"]
    assert 3 * 0.572 * size < cell - 1.5  # digits of Noto Sans are 0.572 em wide


@pytest.mark.parametrize("count", [0, UNITS_MAX + 1])
def test_what_cannot_be_read_is_a_fault_of_the_program(count: int) -> None:
    with pytest.raises(AssertionError, match="can't be read"):
        matrix(count)


def test_a_probability_outside_its_range_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="0 to 100"):
        ahead_matrix([AheadUnit("a", "A")], [[AheadCell(101.0, "101")]], low="l", high="h")
