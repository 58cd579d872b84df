"""At which rates are trades valued: a small YAML file of exact decimal numbers.

    schema: concordat/rates@1
    unit: USD
    source: "reference rates of 2026-11-20, 12:00 UTC"
    haircut_bp: 800
    per_unit: {BRL: "0.18", INR: "0.0119"}

`per_unit` is the worth of one major unit in `unit`. Rates are quoted text, so that no reader rounds them. Here they are
a file; in the ledger they come from a named, signed set of quotes.
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.clearing.netting.pvp import rates_of
from concordat.errors import InputError
from concordat.settings import parse_yaml, unknown_key
from concordat.world import currency as iso_currency

SCHEMA = "rates@1"
KEYS = ("schema", "unit", "source", "haircut_bp", "per_unit")


@dataclass(frozen=True, slots=True)
class Rates:
    """Numerators per minor unit over one denominator, in `unit`; the haircut in basis points."""

    unit: str
    source: str
    haircut_bp: int
    numerators: dict[str, int]
    denominator: int


def parse_rates(text: str, *, where: str) -> Rates:
    """Read a file of rates.

    Raises:
        InputError: with line, value and what to do.
    """
    document = parse_yaml(text, where=where, schema=SCHEMA)
    facts = document.value
    for key in facts:
        if key not in KEYS:
            raise unknown_key(str(key), KEYS, where=document.place(key))
    given = facts.get("per_unit")
    haircut = facts.get("haircut_bp", 800)
    if not isinstance(given, dict) or not given or not isinstance(facts.get("unit"), str):
        raise InputError("A file of rates needs unit and per_unit.", where=where, code="bad_rates",
                         hint='For instance: unit: USD, per_unit: {BRL: "0.18"}')  # fmt: skip
    if not isinstance(haircut, int) or isinstance(haircut, bool) or not 0 <= haircut < 10_000:
        what = f'haircut_bp "{haircut}" is no whole number from 0 to 9,999.'
        raise InputError(what, where=document.place("haircut_bp"), hint="800 means 8 %.", code="bad_rates")
    digits = {}
    for code, rate in given.items():
        place = document.place("per_unit", code)
        if not isinstance(rate, str):
            raise InputError(f"The rate {rate} of {code} is a number, which readers round.", where=place,
                             hint=f'Put quotes around it: {code}: "{rate}"', code="unquoted")  # fmt: skip
        digits[code] = iso_currency(code, where=place).minor_units or 0
    try:
        numerators, denominator = rates_of(given, digits)
    except InputError as error:
        raise InputError(error.what, where=where, hint=error.hint, code=error.code) from None
    return Rates(facts["unit"], str(facts.get("source", "")), haircut, numerators, denominator)
