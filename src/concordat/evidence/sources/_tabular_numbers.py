"""Numbers as people write them, read by what the mapping declares: decimal sign, thousands, factor.

Nothing is guessed: `1,234` without a declared separator of thousands is a fault, so are NaN and infinities.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from concordat.canonical import number_text
from concordat.evidence.sources._tabular_model import Format
from concordat.evidence.sources._tabular_workbook import ERROR_CELL


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a cell can't be read; `hint` says what to do."""

    what: str
    hint: str = ""


_SPACES = "\u00a0\u202f\u2009 "
_LOOKS_GROUPED = re.compile(r"[-+]?[0-9]{1,3}([., '\u00a0\u202f\u2009][0-9]{3})+([.,][0-9]+)?")


def number_pattern(form: Format) -> re.Pattern[str]:
    """What a number looks like in this file."""
    point = re.escape(form.decimal)
    whole = "[0-9]+"
    if form.thousands:
        sign = f"[{_SPACES}]" if form.thousands == " " else re.escape(form.thousands)
        whole = f"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|[0-9]+)"
    return re.compile(rf"([-+\u2212]?)({whole}(?:{point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]+)?")


def number_reader(form: Format) -> Callable[[str], str | Bad]:
    """Text -> the same number as Python writes it, or a `Bad`."""
    pattern = number_pattern(form).fullmatch

    def read(text: str) -> str | Bad:
        match = pattern(text)
        if match is None:
            return _not_a_number(text, form)
        digits = match[2]
        if form.thousands:
            for sign in _SPACES if form.thousands == " " else form.thousands:
                digits = digits.replace(sign, "")
        if form.decimal == ",":
            digits = digits.replace(",", ".")
        return ("-" if match[1] in ("-", "\u2212") else "") + digits + (match[3] or "")

    return read


def _not_a_number(text: str, form: Format) -> Bad:
    if text == ERROR_CELL:
        return Bad("the cell holds an error such as #N/A or #DIV/0!.", "Correct it in the workbook.")
    if not text:
        return Bad("the value is empty.", 'List "" under format.missing if it stands for missing.')
    what = f'"{text}" is not a number.'
    if _LOOKS_GROUPED.fullmatch(text) and not form.thousands:
        return Bad(what, "Set format.thousands (and format.decimal) in the mapping.")
    if text.count(",") + text.count(".") == 1 and form.decimal not in text:
        return Bad(what, f'Set format.decimal: "{"," if "," in text else "."}" in the mapping.')
    return Bad(what, "If it stands for missing, list it under format.missing.")


def scaled(text: str, multiply: float) -> float | Bad:
    """The number times the mapping's factor, without the noise of binary fractions: 0.57 times 100 is 57."""
    try:
        number = float(text) if multiply == 1 else float(Decimal(text) * Decimal(repr(multiply)))
    except (InvalidOperation, OverflowError):
        number = float("inf")
    return number if number - number == 0 else Bad(f'"{text}" is too large for a number.')


def half_digit(text: str, multiply: float) -> float:
    """Half a unit of the last digit that is printed.

    >>> half_digit("83.20", 1), half_digit("84", 1), half_digit("1.2e3", 1), half_digit("0.57", 100)
    (0.005, 0.5, 50.0, 0.5)
    """
    exponent = Decimal(text).as_tuple().exponent
    assert isinstance(exponent, int)
    return float(Decimal(repr(float(multiply))) * Decimal(5).scaleb(exponent - 1))


def value_text(number: float | None) -> str:
    """As `canonical.number_text`, which is asked where Python's own text is another; nothing for None."""
    if number is None:
        return ""
    text = repr(number)
    if "e" in text or number == 0:
        return number_text(number)
    return text[:-2] if text.endswith(".0") else text
