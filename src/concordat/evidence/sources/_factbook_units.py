"""In which money is a Factbook field printed? The field's note says, or nobody knows.

"Real" figures are in dollars of some year: of 2021 for most countries, of 2009 to 2017 for some, of none that is told
for a few. The note decides the unit; dollars of another year are another series (the unit is part of an observation's
id), so they can never be added to those of 2021. A note that names two years decides nothing. Current dollars are what
the field itself means, unless its note names another money.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DOLLARS_OF = re.compile(
    r"\bin (?:constant )?(?P<year>(?:19|20)\d\d) (?:constant )?(?:US |international )?dollars\b", re.IGNORECASE
)
_CURRENT = re.compile(r"\bin current(?: year)? (?:US )?dollars\b", re.IGNORECASE)
_OTHER_MONEY = re.compile(r"\b(?P<name>[A-Z][\w ]*?) \((?P<code>[A-Z]{3})\)")
_YEAR_OF_UNIT = re.compile(r"(?P<stem>.*_)(?P<year>\d{4})")

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Money:
    """The unit a note gives, and what is wrong with it: `rule` is empty where it is the catalogue's unit."""

    unit: str
    rule: str = ""
    text: str = ""


def money_unit(unit: str, note: str) -> Money | None:
    """The unit of a field's figures, or None where the catalogue's unit is no money.

    >>> money_unit("intl_usd_2021", "note: data are in 2015 dollars").unit
    'intl_usd_2015'
    >>> money_unit("intl_usd_2021", "").unit
    'intl_usd_unknown'
    """
    if unit == "usd_current":
        return _current(note)
    found = _YEAR_OF_UNIT.fullmatch(unit)
    if found is None or "usd" not in unit:
        return None
    stem, year = found["stem"], found["year"]
    said = _years_of_dollars(note)
    if not said and _CURRENT.search(note):
        text = f"printed in current dollars; the indicator is in dollars of {year}."
        return Money(f"{stem}current", "unit_other", text)
    if len(said) != 1:
        text = "does not say of which year its dollars are."
        if said:
            text = f"names dollars of {' and '.join(said)}; which its figures are in is not clear."
        return Money(f"{stem}{UNKNOWN}", "unit_unknown", text)
    if said == [year]:
        return Money(unit)
    text = f"printed in dollars of {said[0]}; the indicator is in dollars of {year}."
    return Money(f"{stem}{said[0]}", "unit_other", text)


def _years_of_dollars(note: str) -> list[str]:
    return sorted({found["year"] for found in _DOLLARS_OF.finditer(note)})


def _current(note: str) -> Money:
    said = _years_of_dollars(note)
    if said:
        text = f"printed in dollars of {' and '.join(said)}; the indicator is in current dollars."
        return Money(f"usd_{said[0]}" if len(said) == 1 else f"usd_{UNKNOWN}", "unit_other", text)
    money = None if _CURRENT.search(note) else _OTHER_MONEY.search(note)
    if money is not None and money["code"] != "USD":
        text = f"its note names another money ({money['code']}); in which money the figure stands is not clear."
        return Money(f"usd_{UNKNOWN}", "unit_unknown", text)
    return Money("usd_current")
