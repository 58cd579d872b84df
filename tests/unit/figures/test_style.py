"""What all charts share: contrast by the formula of WCAG 2.2, texts that fit, marks that lead to records."""

from __future__ import annotations

import json
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures import _style as style
from concordat.figures.lines import COLORS as LINES


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2 section "Terms"."""
    shares = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_formula_gives_the_known_ends() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # the lightest grey that passes AA


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *zip(style.CLASS_TEXT, style.CLASSES, strict=True),
        (style.INK, "#ffffff"), (style.SOFT, "#ffffff"), (style.WARM, "#ffffff"), (style.ACCENT, "#ffffff"),
        (style.SOFT, style.EMPTY), (style.INK, style.EMPTY),
    ],
)  # fmt: skip
def test_text_can_be_read_on_its_ground(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("color", sorted({style.ACCENT, style.WARM, style.SOFT, *LINES}))
def test_dots_and_rules_can_be_seen(color: str) -> None:
    assert contrast(color, "#ffffff") >= 3  # SC 1.4.11


def test_classes_darken_from_low_to_high_so_that_grey_print_tells_them_apart() -> None:
    shades = [luminance(color) for color in style.CLASSES]
    assert shades == sorted(shades, reverse=True)
    assert all(contrast(a, b) > 1.2 for a, b in pairwise(style.CLASSES))


@pytest.mark.parametrize(
    ("record", "part", "expected"),
    [("ab12", "value", "obs:ab12:value"), ("ab12", "lower", "obs:ab12:lower"), ("", "value", "")],
)
def test_a_mark_names_record_and_part(record: str, part: str, expected: str) -> None:
    assert style.mark(record, part) == expected


@pytest.mark.parametrize(("number", "expected"), [(20.0, "20"), (0.5, "0.5"), (-0.0, "0"), (1e6, "1000000")])
def test_ticks_are_named_as_javascript_names_them(number: float, expected: str) -> None:
    assert str(style.plain(number)) == expected


@given(text=st.text(max_size=60), width=st.integers(20, 300))
def test_a_text_that_does_not_fit_is_cut_at_its_end_and_says_so(text: str, width: int) -> None:
    found = style.fit(text, width)
    assert found == text or (found.endswith("…") and text.startswith(found[:-1].rstrip()))
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in found)
    narrow = sum(unicodedata.category(c) not in ("Mn", "Me", "Cf") for c in found) - wide  # marks take no width
    assert found == text or style.SIZE * (wide + 0.56 * narrow) <= width + 2 * style.SIZE
    assert text.isspace() or bool(found) is bool(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Brazil", "Brazil"), ("中国中国中国", "中国中国…"), ("", ""), ("A long name of a member", "A long…")],
)
def test_wide_letters_take_more_room(text: str, expected: str) -> None:
    assert style.fit(text, 65) == expected


def test_words_in_an_expression_can_do_nothing() -> None:
    hostile = {"'</script>\u2028": "\"'\\\u2029"}
    found = style.expression(hostile)
    assert found.isascii()
    assert json.loads(found) == hostile


def test_a_chart_has_fixed_sizes_and_one_font() -> None:
    chart = style.chart({"layer": []}, width=3, height=4, padding={"left": 1})
    assert (chart["width"], chart["height"], chart["autosize"]) == (3, 4, {"type": "none"})
    assert chart["config"]["font"] == "Noto Sans"
