"""Pairs of a bloc: both sides of the diagonal, shades by class, the legend, what is refused."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from concordat.figures import _style as style
from concordat.figures._square import NAMED_MAX, UNITS_MAX
from concordat.figures.pairs import PairCell, PairUnit, pair_matrix
from concordat.figures.render import svg

CLASSES = ("0", "1", "2", "3-4", "5+")
UNITS = (PairUnit("India", "IND"), PairUnit("Brazil", "BRA"), PairUnit("Egypt", "EGY"))


def matrix(cells: dict[tuple[str, str], PairCell], title: str = "Agreements:", **options: Any) -> dict[str, Any]:
    return pair_matrix(UNITS, cells, classes=CLASSES, title=title, **options)


def square(count: int, name: str = "Unit") -> dict[str, Any]:
    units = [PairUnit(f"{name} {i}", f"U{i:02}") for i in range(count)]
    cells = {(a.code, b.code): PairCell(4, "12?") for a, b in combinations(units, 2)}
    return pair_matrix(units, cells, classes=CLASSES, title="Agreements:")


def boxes(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(d["row"], d["column"]): d for d in spec["layer"][0]["data"]["values"]}


def key_places(spec: dict[str, Any]) -> dict[str, float]:
    texts = (layer for layer in spec["layer"] if layer["mark"]["type"] == "text")
    return {d["text"]: d["x"] for layer in texts for d in layer["data"]["values"] if d["text"] in CLASSES[1:]}


def test_a_pair_stands_on_both_sides_of_a_blank_diagonal_and_one_not_given_on_none() -> None:
    found = boxes(matrix({("BRA", "EGY"): PairCell(1, "x"), ("IND", "EGY"): PairCell(3, "y")}))
    assert set(found) == {("BRA", "EGY"), ("EGY", "BRA"), ("IND", "EGY"), ("EGY", "IND")}
    for (row, column), datum in found.items():
        other = found[column, row]
        assert (datum["text"], datum["fill"], datum["ink"]) == (other["text"], other["fill"], other["ink"])
    assert found["IND", "EGY"]["x"] > found["EGY", "IND"]["x"]
    assert found["IND", "EGY"]["y"] < found["BRA", "EGY"]["y"] < found["EGY", "IND"]["y"]


@pytest.mark.parametrize("level", range(5))
def test_a_class_has_its_shade_in_the_square_and_in_the_legend(level: int) -> None:
    spec = matrix({("IND", "BRA"): PairCell(level, "3")})
    assert {(d["fill"], d["ink"]) for d in boxes(spec).values()} == {(style.CLASSES[level], style.CLASS_TEXT[level])}
    keys = [d["fill"] for layer in spec["layer"][1:] if layer["mark"]["type"] == "rect"
            for d in layer["data"]["values"]]  # fmt: skip
    assert keys == list(style.CLASSES)


def test_what_is_not_known_is_pale_and_says_so_with_its_record() -> None:
    spec = matrix({("IND", "BRA"): PairCell(None, "?", "ab" * 16, "upper"), ("IND", "EGY"): PairCell(0, "·")})
    assert boxes(spec)["BRA", "IND"]["fill"] == style.EMPTY
    picture = svg(spec, "f")
    assert re.findall(r'data-obs="(\w+)" data-part="(\w+)"[^>]*>\?<', picture) == [("ab" * 16, "upper")] * 2
    assert picture.count("data-obs") == 2


def test_the_legend_runs_from_the_right_in_a_language_that_does() -> None:
    for mirrored in (matrix({}, "الاتفاقيات:"), matrix({}, "G20", language="ar")):
        places = key_places(mirrored)
        assert places["1"] > places["2"] > places["3-4"] > places["5+"]
    places = key_places(matrix({}))
    assert places["1"] < places["2"] < places["3-4"] < places["5+"]


def test_a_long_title_stands_whole_above_its_classes() -> None:
    title = "Agreements on the recognition of electronic signatures that are in force between two members of the bloc"
    short, long = matrix({}), matrix({}, title)
    assert long["padding"]["bottom"] > short["padding"]["bottom"]
    assert title.replace(" ", "") in re.sub(r"<[^>]*>|\s", "", svg(long, "f"))


def test_many_units_go_by_their_codes_and_three_letters_fit() -> None:
    few, many = square(NAMED_MAX), square(UNITS_MAX)
    assert "Unit 3" in svg(few, "f")
    assert "Unit 3" not in svg(many, "f")
    assert svg(many, "f").count(">U03<") == 2
    for spec in (few, many):
        (cell,) = {d["x2"] - d["x"] for d in boxes(spec).values()}
        size = spec["layer"][1]["mark"]["fontSize"]
        assert (2 * 0.572 + 0.434) * size < cell - 1.5  # digits and the question mark of Noto Sans


@pytest.mark.parametrize("count", [0, UNITS_MAX + 1])
def test_what_cannot_be_read_is_a_fault_of_the_program(count: int) -> None:
    with pytest.raises(AssertionError, match="can't be read"):
        square(count)


@pytest.mark.parametrize(
    ("pair", "cell", "why"),
    [
        (("BRA", "IND"), PairCell(1, "1"), "given once"),
        (("IND", "IND"), PairCell(1, "1"), "given once"),
        (("IND", "USA"), PairCell(1, "1"), "USA is no unit"),
        (("IND", "BRA"), PairCell(5, "1"), "no class 5"),
        (("IND", "BRA"), PairCell(-1, "1"), "no class -1"),
        (("IND", "BRA"), PairCell(4, "1000"), "does not fit"),
    ],
)
def test_a_cell_that_has_no_place_is_a_fault(pair: tuple[str, str], cell: PairCell, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        matrix({pair: cell})


def test_a_sign_behind_a_number_has_no_record_and_does_not_lie_on_it() -> None:
    spec = matrix({("IND", "BRA"): PairCell(2, "2", "ab" * 16, "upper", beside="?")})
    texts = [d for layer in spec["layer"] if layer["mark"]["type"] == "text" for d in layer["data"]["values"]]
    number, sign = (next(d for d in texts if d["text"] == text) for text in ("2", "?"))
    assert number["mark"]
    assert not sign.get("mark")
    assert sign["x"] - number["x"] >= 6
    assert number["y"] == sign["y"]
