"""Which currencies there are, and how many minor units each has.

ISO 4217 list one (the 178 current codes, funds and metals included): code, number, minor units as ISO gives them.
Unicode CLDR, and so babel, says how many decimals are *shown*, which is another thing: 0 for IRR, IQD, RSD and others
where ISO has 2 or 3. Money that is owed is counted in ISO's minor units, so CLDR is never asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from concordat.errors import InputError
from concordat.settings import nearest
from concordat.world._tables import read_csv


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency, fund or metal of ISO 4217.

    Attributes:
        numeric: three digits, as text.
        minor_units: digits after the decimal point; None where ISO has none (gold, test codes).
        status: `unverified` where the row was not seen in a second list, else empty.
    """

    code: str
    numeric: str
    minor_units: int | None
    name: str
    status: str

    @property
    def verified(self) -> bool:
        """Whether the row was seen in a second list."""
        return self.status != "unverified"


@cache
def _currencies() -> dict[str, Currency]:
    rows = read_csv("currencies.csv")
    return {r["code"]: _currency(r) for r in sorted(rows, key=lambda r: r["code"])}


def _currency(row: dict[str, str]) -> Currency:
    units = int(row["minor_units"]) if row["minor_units"] else None
    return Currency(row["code"], row["numeric"], units, row["name"], row["status"])


def currencies() -> tuple[Currency, ...]:
    """Every currency, sorted by code."""
    return tuple(_currencies().values())


def currency(code: str, *, where: str = "") -> Currency:
    """The currency of an ISO 4217 code, in capitals.

    Raises:
        InputError: no current currency has that code.

    >>> currency("IQD").minor_units, currency("JPY").minor_units
    (3, 0)
    """
    found = _currencies().get(code)
    if found is None:
        close = nearest(code, _currencies())
        hint = f'Did you mean "{close[0]}"?' if close else "Give a three-letter code of ISO 4217."
        raise InputError(f'"{code}" is not a current currency code.', where=where, hint=hint, code="unknown_currency")
    return found
