"""Numbers as printed and time periods of SDMX; the examples of periods are those of SDMX 2.1, section 6, 4.2."""

from __future__ import annotations

import pytest

from concordat.evidence.sources._sdmx import Number, number_of, period_of


@pytest.mark.parametrize(
    ("text", "start", "end", "freq"),
    [
        ("2010", "2010-01-01", "2010-12-31", "A"),
        ("2010-A1", "2010-01-01", "2010-12-31", "A"),
        ("2010-S2", "2010-07-01", "2010-12-31", "U"),
        ("2010-T3", "2010-09-01", "2010-12-31", "U"),
        ("2010-Q3", "2010-07-01", "2010-09-30", "Q"),
        ("2010Q3", "2010-07-01", "2010-09-30", "Q"),
        ("2012-02", "2012-02-01", "2012-02-29", "M"),
        ("2010-M03", "2010-03-01", "2010-03-31", "M"),
        ("2010-W01", "2010-01-04", "2010-01-10", "U"),  # ISO 8601: the week of the first Thursday
        ("2009-W53", "2009-12-28", "2010-01-03", "U"),
        ("2010-D185", "2010-07-04", "2010-07-04", "U"),
        ("2010-07-04", "2010-07-04", "2010-07-04", "U"),
        ("2010-07-04T12:00:00Z", "2010-07-04", "2010-07-04", "U"),
        ("2010-01-01/P1Y", "2010-01-01", "2010-12-31", "A"),
        ("2010-01-31/P1M", "2010-01-31", "2010-02-27", "U"),
        ("2010-01-01/P2W", "2010-01-01", "2010-01-14", "U"),
        ("2010-04-01T00:00:00/P3M", "2010-04-01", "2010-06-30", "Q"),
        ("2008/2010", "2008-01-01", "2010-12-31", "U"),
        ("2010-01/2010-12", "2010-01-01", "2010-12-31", "A"),
    ],
)
def test_a_period_has_a_first_and_a_last_day(text: str, start: str, end: str, freq: str) -> None:
    first, last, found = period_of(text)
    assert (first.isoformat(), last.isoformat(), found) == (start, end, freq)


@pytest.mark.parametrize(
    "text",
    [
        "", "0000", "20100", "2010-13", "2010-Q5", "2010-W54", "2011-W53", "2010-D366", "2010-D000", "2010-02-30",
        "2010/2009", "2010/P", "2010/P0D", "9999/P1Y1D", "2010/P999Y9999M/1", "P1Y", "2010-Q3-1", "FY2010", "２０１０",
        "2010/", "/2010", "latest", "9999-W53",
    ],
)  # fmt: skip
def test_what_is_no_period_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        period_of(text)


@pytest.mark.parametrize(
    ("text", "value", "precision"),
    [
        ("12.4", 12.4, 0.05),
        ("12", 12.0, 0.5),
        ("-0.50", -0.5, 0.005),
        (".5", 0.5, 0.05),
        ("94669000000", 94_669_000_000.0, 0.5),
        ("1.2E5", 120_000.0, 5_000.0),
        ("1e-3", 0.001, 0.0005),
        (" 7 ", 7.0, 0.5),
    ],
)
def test_a_number_has_the_rounding_of_its_last_digit(text: str, value: float, precision: float) -> None:
    assert number_of(text) == Number(value, precision)


def test_a_decimal_comma_is_read_only_where_it_may_be_one() -> None:
    assert number_of("12,4", comma=True) == Number(12.4, 0.05)
    with pytest.raises(ValueError, match="decimal comma from thousands"):
        number_of("12,4")


@pytest.mark.parametrize(
    "text", ["", "n/a", "1e999", "-1e999", "1 000", "1.2.3", "0x10", "inf", "१२", "1" * 500, "1,2,3"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        number_of(text, comma=True)
