"""Currencies and their minor units, as ISO 4217 has them; Unicode CLDR says something else for thirteen of them."""

from __future__ import annotations

import re

import pytest
from babel.core import get_global

from concordat.errors import InputError
from concordat.world import countries, currencies, currency

# ISO 4217 list one, as of 2026, column "Minor unit"; all others there have 2.
NONE = ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"]
ZERO = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"]
ZERO += ["XAF", "XOF", "XPF"]
THREE = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
FOUR = ["CLF", "UYW"]


def test_every_code_has_the_minor_units_of_iso_4217() -> None:
    odd = dict.fromkeys(NONE) | dict.fromkeys(ZERO, 0) | dict.fromkeys(THREE, 3) | dict.fromkeys(FOUR, 4)
    assert {c.code: c.minor_units for c in currencies()} == {c.code: odd.get(c.code, 2) for c in currencies()}
    assert set(odd) <= {c.code for c in currencies()}


def test_cldr_shows_no_decimals_where_iso_counts_them() -> None:
    """The reason why babel is never asked: money owed in rials would be a hundred times off."""
    shown = get_global("currency_fractions")
    differ = {
        c.code: (c.minor_units, shown.get(c.code, shown["DEFAULT"])[0])
        for c in currencies()
        if c.minor_units is not None and shown.get(c.code, shown["DEFAULT"])[0] != c.minor_units
    }
    two = ["AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"]
    assert differ == {"IQD": (3, 0)} | dict.fromkeys(two, (2, 0))


def test_the_list_is_178_codes_each_with_its_own_number() -> None:
    found = currencies()
    assert [c.code for c in found] == sorted({c.code for c in found})
    assert len(found) == len({c.numeric for c in found}) == 178
    assert all(re.fullmatch(r"[A-Z]{3}", c.code) and re.fullmatch(r"\d{3}", c.numeric) and c.name for c in found)


@pytest.mark.parametrize(
    ("code", "numeric"),
    [("USD", "840"), ("EUR", "978"), ("CNY", "156"), ("ALL", "008"), ("XXX", "999"), ("ZWG", "924"), ("XCG", "532")],
)
def test_numbers_are_text_of_three_digits(code: str, numeric: str) -> None:
    assert currency(code).numeric == numeric


@pytest.mark.parametrize("gone", ["BGN", "HRK", "ZWL", "SLL", "CUC", "ANG", "DEM", "BYR"])
def test_withdrawn_currencies_are_not_current(gone: str) -> None:
    with pytest.raises(InputError) as caught:
        currency(gone, where="pledges.csv, row 3")
    assert str(caught.value).startswith(f'pledges.csv, row 3: "{gone}" is not a current currency code.')


@pytest.mark.parametrize("wrong", ["", "eur", "Euro", "EU", "EURO", "€", " EUR", "978", "ＥＵＲ"])
def test_a_code_is_three_capitals_and_nothing_is_put_right(wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        currency(wrong)
    assert caught.value.code == "unknown_currency"


def test_every_currency_of_a_country_is_in_the_list() -> None:
    used = {code for c in countries(user_assigned=True) for code in c.currencies}
    assert used <= {c.code for c in currencies()}
    assert len(used) > 150
