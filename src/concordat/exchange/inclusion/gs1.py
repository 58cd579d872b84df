"""Trade item numbers: is a GTIN well-formed, and may it be used in open trade?

A GTIN has 8, 12, 13 or 14 digits; the last is a check digit: (10 - sum mod 10) mod 10 over the others, with weights
3, 1, 3, ... from the right. Numbers for use inside one company or country (GTIN-13 that begin with 02, 04 or 20 to 29)
don't identify a product to others. Source: GS1 General Specifications, check digit calculation; the restricted prefixes
are from memory and unverified. It does not ask any register whether a number was issued.

    >>> check_digit("400638133393"), gtin("4006381333931").digits
    ('1', '4006381333931')
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.errors import InputError

LENGTHS = (8, 12, 13, 14)
RESTRICTED = ("02", "04", *(str(n) for n in range(20, 30)))
RESTRICTED_STATUS = "unverified"


@dataclass(frozen=True, slots=True)
class Gtin:
    """A number that is well-formed. `restricted`: it begins as numbers for inner use do (unverified list)."""

    digits: str
    restricted: bool

    @property
    def padded(self) -> str:
        """The number in 14 digits, as trading partners compare it."""
        return self.digits.zfill(14)


def check_digit(body: str) -> str:
    """The check digit of the digits before it."""
    assert body.isascii()
    assert body.isdigit()
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(body)))
    return str((10 - total % 10) % 10)


def gtin(text: str, *, where: str = "") -> Gtin:
    """A GTIN of 8, 12, 13 or 14 digits.

    Raises:
        InputError: not digits, another length, or another check digit, which is named.
    """
    if not (text.isascii() and text.isdigit()):
        raise InputError(f'gtin: "{text[:40]}" is not digits alone.', where=where, hint="Remove spaces.", code="gtin")
    if len(text) not in LENGTHS:
        hint = "A GTIN has 8, 12, 13 or 14 digits; a spreadsheet may have dropped zeros in front."
        raise InputError(f"gtin: {text[:40]} has {len(text)} digits.", where=where, hint=hint, code="gtin")
    wanted = check_digit(text[:-1])
    if text[-1] != wanted:
        hint = "Look at the number again: a digit is wrong, or two are exchanged."
        said = f"gtin: {text} ends in {text[-1]}, and the check digit must be {wanted}."
        raise InputError(said, where=where, hint=hint, code="gtin_check_digit")
    return Gtin(text, len(text) > 8 and text.zfill(14)[1:3] in RESTRICTED)
