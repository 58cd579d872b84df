"""What stands in a cell of somebody else's table: a code, "does not apply", or something malformed, with a reading.

A reading is what was probably meant. It is never put in the cell's place: it only serves to say whether a published
average would be right if the cell were read so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

BLANK, LONE, DASH, OTHER = "blank", "lone sign", "dash for minus", "not a code"
SIGNED_ZERO, MARKED, SCALE = "signed zero", "code with something beside it", "not -1, 0 or +1"

# Hyphens and dashes that people type, or their software makes, for a minus: not ASCII's.
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad"
_CODE = re.compile(r"(?P<sign>[+-]?)(?P<digit>[01])(?:[.,]0+)?")
_APPLIES_NOT = re.compile(r"n\s*/\s*a\.?|n\.?\s?a\.?|not applicable|does not apply|s\.?o\.?|n\.d\.", re.IGNORECASE)
_MARKED = re.compile(
    r"\(?\s*(?P<sign>[+-]?)\s*(?P<digit>[01])(?:[.,]0+)?\s*\)?\s*(?:[*†‡§^]+|\[\w{1,3}\]|\(\w{1,3}\)|[a-z])?"
)
_NUMBER = re.compile(r"(?P<number>[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+))\s*(?P<percent>[%٪％]?)")


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says.

    Attributes:
        value: of a well-formed code, else None.
        fault: empty for codes and for "does not apply"; else what is wrong.
        reading: what a malformed cell probably means; None where nothing can be said.
        applies: False for "N/A" and the like.
    """

    text: str
    value: Fraction | None = None
    fault: str = ""
    reading: Fraction | None = None
    applies: bool = True

    @property
    def like_a_code(self) -> bool:
        """Whether it looks like one, well-formed or not; blanks don't."""
        return self.value is not None or self.fault in (LONE, DASH, SIGNED_ZERO, MARKED)


@lru_cache(maxsize=4096)
def tidy(text: str) -> str:
    """A cell's text without the blanks around it and the apostrophe that makes a spreadsheet take it as text."""
    text = text.replace("\u00a0", " ").replace("\u202f", " ").replace("\ufeff", "").replace("\u200b", "").strip()
    return text[1:].strip() if text.startswith("'") and len(text) > 1 else text


@lru_cache(maxsize=4096)  # a table has few different cells
def read_cell(text: str) -> Cell:
    """A cell of codes.

    >>> [read_cell(t).value for t in ("+1", "0", "-1", "1.0")]
    [Fraction(1, 1), Fraction(0, 1), Fraction(-1, 1), Fraction(1, 1)]
    >>> [read_cell(t).fault for t in ("+", "–1", "", "2", "n/a", "yes")]
    ['lone sign', 'dash for minus', 'blank', 'not -1, 0 or +1', '', 'not a code']
    """
    text = tidy(text)
    if not text:
        return Cell(text, fault=BLANK)
    if _APPLIES_NOT.fullmatch(text):
        return Cell(text, applies=False)
    if match := _CODE.fullmatch(text):
        value = _signed(match)
        if match["sign"] and not value:
            return Cell(text, fault=SIGNED_ZERO, reading=value)
        return Cell(text, value)
    plain = "".join("-" if c in _DASHES else "+" if c in "\uff0b\ufe62" else c for c in text)
    if plain in ("+", "-", "--"):
        return Cell(text, fault=LONE, reading=Fraction(1 if plain == "+" else -1))
    if match := _MARKED.fullmatch(plain):
        return Cell(text, fault=DASH if any(c in _DASHES for c in text) else MARKED, reading=_signed(match))
    number, percent = read_number(plain)
    if number is None or percent:
        return Cell(text, fault=OTHER)
    return Cell(text, fault=SCALE, reading=number if abs(number) <= 1 else None)


def _signed(match: re.Match[str]) -> Fraction:
    return Fraction(int(match["digit"]) * (-1 if match["sign"] == "-" else 1))


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: its number, whether it has a percent sign, half a unit of its last digit, what is wrong."""

    text: str
    number: Fraction | None = None
    percent: bool = False
    half_unit: Fraction = Fraction(1, 2)
    fault: str = ""


def read_figure(text: str) -> Figure:
    """A published average or percentage.

    >>> read_figure("0.65").number, read_figure("82%").percent, read_figure("–0.25").fault
    (Fraction(13, 20), True, 'dash for minus')
    """
    text = tidy(text)
    if not text:
        return Figure(text, fault=BLANK)
    if _APPLIES_NOT.fullmatch(text):
        return Figure(text)
    plain = "".join("-" if c in _DASHES else c for c in text)
    if plain in ("+", "-"):
        return Figure(text, fault=LONE)
    number, percent = read_number(plain)
    if number is None:
        return Figure(text, fault="not a number")
    digits = len(re.split(r"[.,]", re.sub(r"[^\d.,]", "", plain))[1]) if re.search(r"[.,]", plain) else 0
    return Figure(text, number, percent, Fraction(1, 2 * 10**digits), DASH if plain != text else "")


@lru_cache(maxsize=4096)
def read_number(text: str) -> tuple[Fraction | None, bool]:
    """A number with a decimal point or comma, and whether a percent sign stands behind it."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > 40:
        return None, False
    return Fraction(match["number"].replace(",", ".").rstrip(".")), bool(match["percent"])
