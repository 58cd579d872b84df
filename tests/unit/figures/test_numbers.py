"""Numbers as text in the blocs' languages, and back. Expected texts: Unicode CLDR (numbers), the module's own rules."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.figures.numbers import MINUS, agrees, decimals_of, format_num, number_text, pieces
from concordat.report.chapter import Num

N, NN = "\u00a0", "\u202f"
LANGUAGES = ("en", "ar", "hi", "ru", "pt", "zh", "fr", "es")
UNITS = ("percent", "per_100", "count", "usd_current", "kwh", "ratio", "points", "index_0_100", "")


# --- One number ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (84.0, "percent", "84%"), (84, "percent", "84%"), (68.1345, "percent", "68.1%"), (100.0, "percent", "100%"),
        (0.5, "percent", "0.5%"), (0.25, "percent", "0.25%"), (0.004321, "percent", "0.0043%"), (0.0, "percent", "0%"),
        (5.8823529, "ratio", "5.88"), (0.10897, "ratio", "0.109"), (23.456, "ratio", "23.5"),
        (-0.25, "points", f"{MINUS}0.25"), (-12.345, "points", f"{MINUS}12.3"),
        (1234.0, "count", "1,234"), (999_999.0, "count", "999,999"), (1_000_000.0, "count", f"1{N}million"),
        (1_232_300_000.0, "count", f"1.23{N}billion"), (-2_500_000.0, "count", f"{MINUS}2.5{N}million"),
        (2.171e12, "usd_current", f"US$2.17{N}trillion"), (543.21, "usd_current", "US$543.2"),
        (1.5e9, "kwh", f"1.5{N}billion{N}kWh"), (2.5e13, "intl_usd_2021", f"Int$25{N}trillion"),
        (2016, "year", "2016"), (2016.0, "year", "2016"), (12345, "year", "12345"), (3, "rank", "3"),
        (1e21, "count", f"1,000,000,000{N}trillion"),
    ],
)  # fmt: skip
def test_decimals_follow_unit_and_size(value: float, unit: str, expected: str) -> None:
    assert number_text(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.15, "0.2"), (0.25, "0.2"), (0.35, "0.4"), (2.675, "2.7"), (-0.04, "0.0"), (0.05, "0.0")],
)
def test_rounding_is_half_to_even_on_the_decimal_form(value: float, expected: str) -> None:
    """0.15 is below 0.15 in binary, yet is printed as what it says; minus nothing is nothing."""
    assert number_text(value, decimals=1) == expected


@pytest.mark.parametrize("value", [1e27, 1.5e30, 1e300, 1.7976931348623157e308])
def test_no_number_is_too_large(value: float) -> None:
    whole = f"{Decimal(repr(value)):,.2f}"
    assert number_text(value, decimals=2) == whole
    assert agrees(number_text(value, "count"), value)


@pytest.mark.parametrize("value", [-0.0, 0.0, 0, -0.001])
def test_nothing_has_no_minus(value: float) -> None:
    assert number_text(value, "points", decimals=1) == "0.0"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (999_499_999.0, f"999{N}million"), (999_500_000.0, f"1.00{N}billion"), (999_999_999.0, f"1.00{N}billion"),
        (9_995_000.0, f"9.99{N}million"), (9_996_000.0, f"10.00{N}million"), (12_345_678.0, f"12.3{N}million"),
        (1_004_000.0, f"1.00{N}million"), (123_456_789.0, f"123{N}million"),
    ],
)  # fmt: skip
def test_large_counts_have_three_digits_and_move_up_a_word_when_rounding_does(value: float, expected: str) -> None:
    found = number_text(value, "count")
    assert agrees(found, value)
    assert found == expected or found.split(N)[1] == expected.split(N)[1]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_not_a_number_is_refused(value: float) -> None:
    with pytest.raises(AssertionError, match="can't be printed"):
        number_text(value, "percent")


# --- Languages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "plain", "grouped", "money", "share"),
    [
        ("en", "1,234.5", "123,456.7", "US$2.17 trillion", "68.1%"),
        ("pt", "1.234,5", "123.456,7", "US$2,17 trilhões", "68,1%"),
        ("ru", "1 234,5", "123 456,7", "US$2,17 триллиона", "68,1 %"),
        ("hi", "1,234.5", "1,23,456.7", "US$2.17 खरब", "68.1%"),
        ("zh", "1,234.5", "123,456.7", "US$2.17万亿", "68.1%"),
        ("fr", "1 234,5", "123 456,7", "US$2,17 billions", "68,1 %"),
        ("xx-nonsense", "1,234.5", "123,456.7", "US$2.17 trillion", "68.1%"),
    ],
)
def test_separators_and_words_are_those_of_the_language(
    language: str, plain: str, grouped: str, money: str, share: str
) -> None:
    def said(value: float, unit: str) -> str:
        return number_text(value, unit, language).replace(N, " ").replace(NN, " ")

    assert (said(1234.5, ""), said(123_456.7, ""), said(68.1345, "percent")) == (plain, grouped, share)
    if language != "hi":  # CLDR counts there in lakh and crore, and 2.17 trillion is 21.7 of its kharab
        assert said(2.171e12, "usd_current").replace("trilhão", "trilhões") == money


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", [0.0, 1234.5, 2.171e12, 98_765_432.0])
def test_digits_are_western_in_every_language(language: str, value: float) -> None:
    digits = [c for c in number_text(value, "count", language) if c.isdigit()]
    assert digits
    assert all(c in "0123456789" for c in digits)


# --- Numbers with bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num", "style", "expected"),
    [
        (Num(None, 0, 1, "per_100"), "text", f"<{N}1"),
        (Num(None, 0, 1, "percent"), "text", f"<{N}1%"),
        (Num(None, 0, 1, "percent"), "bare", f"<{N}1"),
        (Num(None, None, 1, "percent"), "cell", f"<{N}1%"),
        (Num(None, 100, None, "percent"), "text", f">{N}100%"),
        (Num(None, 80, 90, "percent"), "text", "80–90%"),
        (Num(None, 5, 5, "percent"), "text", "5%"),
        (Num(None, 3, 5, "rank"), "text", "3–5"),
        (Num(None, 3, 3, "rank"), "text", "3"),
        (Num(None, -2.5, 1.5, "points"), "text", f"{MINUS}2.5 – 1.5"),
        (Num(68.1345, 67.6, 72.9, "percent"), "text", f"68.1%{N}(67.6–72.9)"),
        (Num(0.10897, 0.105, 0.113, "ratio"), "text", f"0.109{N}(0.105–0.113)"),
        (Num(60.0, 59.5, 60.0, "percent"), "text", f"60.0%{N}(59.5–60.0)"),
        (Num(60.0, 59.9999, 60.0001, "percent", decimals=1), "text", "60.0%"),
        (Num(64.8e6, 64.2e6, 66.1e6, "count"), "cell", f"64.8M{N}(64.2M–66.1M)"),
        (Num(5, 4, None, "count"), "text", "5"),
    ],
)  # fmt: skip
def test_bounds_are_printed_as_people_read_them(num: Num, style: str, expected: str) -> None:
    assert format_num(num, "en", style) == expected  # type: ignore[arg-type]


def test_a_rank_of_best_nought_is_not_taken_for_censored() -> None:
    assert format_num(Num(None, 0, 2, "rank")) == "0–2"


def test_a_number_without_anything_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError, match="without value and bounds"):
        pieces(Num(None))


@pytest.mark.parametrize(
    ("num", "expected"),
    [
        (Num(68.1, 67.6, 72.9, "percent"), [("value", 68.1), ("lower", 67.6), ("upper", 72.9)]),
        (Num(7, part="n"), [("n", 7)]),
        (Num(None, 0, 1), [("upper", 1)]),
        (Num(None, 2, None), [("lower", 2)]),
        (Num(None, 2, 2), [("lower", 2)]),
    ],
)  # fmt: skip
def test_each_piece_says_which_part_of_the_record_it_prints(num: Num, expected: list[tuple[str, float]]) -> None:
    assert [(piece.part, piece.value) for piece in pieces(num) if piece.part] == expected


# --- The way back -------------------------------------------------------------------------------------------------

doubles = st.floats(min_value=-1e15, max_value=1e15, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(
    value=doubles,
    unit=st.sampled_from(UNITS),
    language=st.sampled_from(LANGUAGES),
    style=st.sampled_from(["text", "cell"]),
)
def test_what_is_printed_says_the_number(value: float, unit: str, language: str, style: str) -> None:
    assert agrees(number_text(value, unit, language, style=style), value, language)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(value=st.floats(min_value=-99999, max_value=99999), decimals=st.integers(0, 6))
def test_fixed_decimals_are_those_of_the_decimal_form(value: float, decimals: int) -> None:
    """A second method: Python's own decimals and format."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    expected = f"{abs(rounded):,.{decimals}f}"
    assert number_text(value, decimals=decimals) == (MINUS + expected if rounded < 0 else expected)


@given(value=st.floats(min_value=0, max_value=1e6))
def test_never_more_decimals_than_the_number_has(value: float) -> None:
    own = max(0, -int(Decimal(repr(value)).normalize().as_tuple().exponent))
    assert decimals_of(value, "percent") <= own or value == 0


@pytest.mark.parametrize(
    ("printed", "value", "language"),
    [
        ("68.1%", 68.2, "en"), ("68.1%", 68.16, "en"), ("1.23 billion", 1.23e6, "en"), ("84", -84, "en"),
        (f"{MINUS}84", 84, "en"), ("", 1, "en"), ("none", 0, "en"), ("1.234", 1234, "en"), ("1.234", 1.234, "pt"),
        ("1,5", 1.5, "en"), ("1.23B", 1.24e9, "en"), ("12.3", 123, "en"),
    ],
)  # fmt: skip
def test_another_number_is_not_taken_for_this_one(printed: str, value: float, language: str) -> None:
    assert not agrees(printed, value, language)


@pytest.mark.parametrize(
    ("printed", "value", "language"),
    [
        ("< 1", 1, "en"), ("US$2.17 trillion", 2.171e12, "en"), ("US$2.17T", 2.171e12, "en"), ("1.234,5", 1234.5, "pt"),
        (f"1{N}234,5", 1234.5, "ru"), ("1,23,456.7", 123456.7, "hi"), ("68,1 %", 68.1345, "fr"),
        ("0.109", 0.10897, "en"),
        (f"{MINUS}0.25", -0.25, "en"), ("-0.25", -0.25, "en"), ("2016", 2016, "en"),
        ("1 kWh", 1, "fr"), ("1,5 k", 1500, "fr"), ("5 Md kWh", 5e9, "fr"),
    ],
)  # fmt: skip
def test_a_printed_number_is_read_back(printed: str, value: float, language: str) -> None:
    assert agrees(printed, value, language)
