"""Every number printed in a language of the report is read back by `agrees` in that language, and says no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.figures.numbers import LEFT_TO_RIGHT_MARK, Style, agrees, in_sentence, number_text, pieces
from concordat.report.chapter import Num
from concordat.report.study import LANGUAGES

UNITS = ("percent", "per_100", "count", "usd_current", "intl_usd_2021", "kwh", "ratio", "points", "years", "share")
STYLES: tuple[Style, ...] = ("text", "cell", "bare")
VALUES = st.floats(-1e15, 1e15, allow_nan=False, allow_infinity=False).map(lambda x: float(f"{x:.6g}"))


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=VALUES, unit=st.sampled_from(UNITS), style=st.sampled_from(STYLES))
def test_what_is_printed_is_read_back(language: str, value: float, unit: str, style: Style) -> None:
    printed = number_text(value, unit, language, style=style)
    assert agrees(printed, value, language), printed
    assert agrees(in_sentence(printed, language), value, language)
    if abs(value) >= 10:
        assert not agrees(printed, value * 1.6, language), printed  # "1 million" may be 1.5 million, rounded to even


@pytest.mark.parametrize("language", LANGUAGES)
@given(low=VALUES, width=st.floats(0.5, 1e6), unit=st.sampled_from(UNITS))
def test_both_ends_of_an_interval_are_read_back(language: str, low: float, width: float, unit: str) -> None:
    num = Num(None, low, float(f"{low + width:.9g}"), unit, id="ab" * 16)
    found = [piece for piece in pieces(num, language) if piece.part and piece.value is not None]
    assert found
    for piece in found:
        assert piece.value is not None
        assert agrees(piece.text, piece.value, language), piece.text


@pytest.mark.parametrize(
    ("language", "percent", "billion", "grouped"),
    [  # Unicode CLDR 45: separators, the pattern of percent, compact words in the form for 1.23
        ("en", "68.1%", "1.23 billion", "123,456.7"),
        ("zh", "68.1%", "12.3亿", "123,456.7"),
        ("ru", "68,1 %", "1,23 миллиарда", "123 456,7"),
        ("pt", "68,1%", "1,23 bilhão", "123.456,7"),
        ("ar", "68.1%", "1.23 مليار", "123,456.7"),
        ("hi", "68.1%", "1.23 अरब", "1,23,456.7"),
        ("fr", "68,1 %", "1,23 milliard", "123 456,7"),
        ("es", "68,1 %", "1,23 mil millones", "123.456,7"),
    ],
)
def test_signs_and_words_are_those_of_cldr(language: str, percent: str, billion: str, grouped: str) -> None:
    texts = (
        number_text(68.1345, "percent", language),
        number_text(1_232_300_000, "count", language),
        number_text(123_456.7, "per_100", language),
    )
    assert tuple(t.replace("\u00a0", " ").replace("\u202f", " ") for t in texts) == (percent, billion, grouped)


def test_in_an_arabic_sentence_a_mark_keeps_the_sign_with_its_digits() -> None:
    assert in_sentence("68.1%", "ar") == f"{LEFT_TO_RIGHT_MARK}68.1%"
    assert in_sentence("1.23 مليار", "ar") == "1.23 مليار"
    assert in_sentence("68.1%", "en") == "68.1%"
