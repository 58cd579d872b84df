"""What the charts of an index share: names that wrap whole, order of mixed scripts, colours that can be told apart."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures import _layout as layout

WHITE = "#ffffff"
# Machado, Oliveira, Fernandes (2009), table of severity 1.0, on linear RGB.
SIGHTS = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
SRGB_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # IEC 61966-2-1


def linear(color: str) -> list[float]:
    shares = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]


def lab(color: str, sight: str) -> np.ndarray:
    """CIE 1976 L*a*b* of a colour as it is seen."""
    seen = np.clip(np.array(SIGHTS[sight]) @ linear(color), 0, 1)
    x, y, z = (np.array(SRGB_TO_XYZ) @ seen) / (0.9505, 1, 1.089)
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def contrast(one: str, other: str) -> float:
    bright, dark = sorted(
        (float(np.dot((0.2126, 0.7152, 0.0722), linear(color))) for color in (one, other)), reverse=True
    )
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_parts_are_told_apart_whatever_cones_one_has(sight: str) -> None:
    for one, other in combinations(layout.COLORS, 2):
        assert np.linalg.norm(lab(one, sight) - lab(other, sight)) >= 20, (one, other)


def test_numbers_can_be_read_on_each_part() -> None:
    for color, ink in zip(layout.COLORS, layout.COLOR_TEXT, strict=True):
        assert contrast(color, ink) >= 4.5, color


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("Chad", 100, ("Chad",)),
        ("", 100, ("",)),
        ("Papua New Guinea", 70, ("Papua", "New", "Guinea")),
        ("Guinea-Bissau", 60, ("Guinea-", "Bissau")),
        ("中国中国中国", 45, ("中国中", "国中国")),
        ("الإمارات العربية المتحدة", 110, ("الإمارات العربية", "المتحدة")),
        ("Южно-Африканская Республика", 140, ("Южно-Африканская", "Республика")),
    ],
)
def test_a_name_breaks_between_its_words(text: str, width: float, expected: tuple[str, ...]) -> None:
    assert layout.wrapped(text, width) == expected


@given(text=st.text(alphabet="abWМш中भारतीمصر-\u0301 ", max_size=50), width=st.integers(10, 300))
def test_a_wrapped_text_is_whole(text: str, width: int) -> None:
    lines = layout.wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines
    for line in lines:
        clusters = re.findall(r"(?s).[\u0301ऀ-ःऺ-ॏ]*", line)  # a letter goes with its marks
        letters = sum(unicodedata.category(c)[0] != "M" for c in line)
        widest = max([layout.room("W"), *map(layout.room, clusters)])
        assert letters <= 1 or layout.room(line) <= width + widest


def test_a_word_wider_than_a_line_is_broken_after_a_letter_with_its_marks() -> None:
    lines = layout.wrapped("e\u0301" * 9, 20)
    assert len(lines) > 1
    assert all(line and len(line) % 2 == 0 and line.startswith("e") for line in lines)


@pytest.mark.parametrize("name", ["Brazil", "Демократическая Республика", "الإمارات العربية المتحدة", "中国", "भारत"])
def test_a_column_is_never_narrower_than_its_longest_line(name: str) -> None:
    column = layout.names([name, "x"])
    assert column.width <= layout.NAMES_MAX
    assert max(map(layout.room, column.lines[0])) <= column.width


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("2013", "2013"),
        ("Brazil (2013)", "Brazil (2013)"),
        ("مصر", "مصر"),
        ("2013، مصر", "\u200f2013، مصر"),
        ("مصر (2013)", "مصر (2013)\u200f"),
        ("% من السكان", "\u200f% من السكان"),
    ],
)
def test_arabic_with_numbers_at_its_ends_is_held_together(text: str, drawn: str) -> None:
    (datum,) = layout.texts([{"x": 0, "y": 0, "text": text}])["data"]["values"]
    assert datum["text"] == drawn


def test_a_legend_wraps_and_is_mirrored_for_arabic() -> None:
    def places(*words: str) -> tuple[list[tuple[float, float]], int]:
        layers, deep = layout.legend([layout.Key(word) for word in words], left=0, top=0)
        return [(d["x"], d["y"]) for d in layers[-1]["data"]["values"]], deep

    (first, second), one = places("Access", "Skills")
    assert first[0] < second[0]
    assert first[1] == second[1]
    (first, second), two = places("النفاذ", "المهارات")
    assert first[0] > second[0]
    assert (one, two) == (layout.LEGEND_LINE, layout.LEGEND_LINE)
    found, deep = places(*["A pillar with quite a long name indeed"] * 4)
    assert deep > layout.LEGEND_LINE
    assert len(set(found)) == len(found)
    assert all(x < layout.WIDTH for x, _ in found)


def test_a_picture_is_as_wide_as_the_others_and_has_no_empty_layer() -> None:
    made = layout.picture([layout.texts([])], width=30, height=4, left=10, top=0, bottom=0)
    assert made["width"] + made["padding"]["left"] + made["padding"]["right"] == layout.WIDTH
    assert made["layer"] == []
