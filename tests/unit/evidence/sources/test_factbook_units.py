"""Rule 9: the note decides in which money a field is; an unknown dollar year is an error for that field."""

from __future__ import annotations

import pytest

from concordat.evidence.sources._factbook_units import money_unit


@pytest.mark.parametrize(
    ("unit", "note", "expected", "rule"),
    [
        ("intl_usd_2021", "note: data in 2021 dollars", "intl_usd_2021", ""),
        ("intl_usd_2021", "note: data are in 2021 US dollars", "intl_usd_2021", ""),
        ("intl_usd_2021", "note: data in constant 2021 international dollars; since 2015", "intl_usd_2021", ""),
        ("intl_usd_2021", "note: data are in 2015 dollars", "intl_usd_2015", "unit_other"),
        ("intl_usd_2021", "note: data in current dollars", "intl_usd_current", "unit_other"),
        ("intl_usd_2021", "", "intl_usd_unknown", "unit_unknown"),
        ("intl_usd_2021", "note: supplemented by payments of $60 million in 2021", "intl_usd_unknown", "unit_unknown"),
        ("intl_usd_2021", "note: in 2021 dollars; before 2019 in 2015 dollars", "intl_usd_unknown", "unit_unknown"),
        ("usd_current", "", "usd_current", ""),
        ("usd_current", "note: data in current dollars at official exchange rate", "usd_current", ""),
        ("usd_current", "note: data in 2012 dollars", "usd_2012", "unit_other"),
        ("usd_current", "note: in 2012 dollars; in 2013 dollars", "usd_unknown", "unit_other"),
        ("usd_current", "note: figures are in New Zealand dollars (NZD)", "usd_unknown", "unit_unknown"),
        ("usd_current", "note: data in current dollars; Euro (EUR) since 1999", "usd_current", ""),
        ("usd_current", "note: US dollars (USD)", "usd_current", ""),
    ],
)  # fmt: skip
def test_the_note_gives_the_unit(unit: str, note: str, expected: str, rule: str) -> None:
    money = money_unit(unit, note)
    assert money is not None
    assert (money.unit, money.rule) == (expected, rule)
    assert bool(money.text) == bool(rule)


@pytest.mark.parametrize("unit", ["percent", "count", "lcu_per_usd", "kwh", "index_0_100", "years"])
def test_what_is_no_money_has_no_money_unit(unit: str) -> None:
    assert money_unit(unit, "note: data in 2015 dollars") is None
