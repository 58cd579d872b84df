"""Which partners does a Factbook text on trade name, with which shares?

`China 26%, Bahamas, The 5%, Congo, Republic of the <1% (2023)` is split at commas outside parentheses; a name that was
turned round (`Bahamas, The`) is put together again. Each part must be a name and a share. The list names the first few
partners only: what it leaves out is missing, not zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from concordat.evidence.sources._factbook_grammar import TEXT_MAX, Dated, clean_text, split_at_year

# Digits are bounded: a share has at most three before its point.
_PART = re.compile(r"(?P<name>.*?)\s*(?P<below><)?\s?(?<![\d.,])(?P<number>\d{1,3}(?:\.\d{1,6})?)\s?%")
_ARTICLE = r"(?P<article>The|Republic of(?: the)?|Democratic Republic of(?: the)?)"
_TURNED = re.compile(_ARTICLE + r"(?P<share>\s*<?\s?\d.*%)")
_PIECE = re.compile(r"(?:\([^()]*\)|[^,])+")
_ALMOST_ALL = "almost entirely "


@dataclass(frozen=True, slots=True)
class Partner:
    """One part of the list.

    Attributes:
        name: as printed, put right if it was turned round.
        value: the share in percent; None where only an upper limit or no share is printed.
        upper: the limit of `<1%`.
        precision: half a unit of the last printed digit.
        text: the part as printed.
    """

    name: str
    value: float | None
    upper: float | None
    precision: float | None
    text: str


def parse_partners(text: str) -> tuple[Dated, list[Partner]]:
    """The year and the partners of a text, in its order.

    >>> [(p.name, p.value) for p in parse_partners("China 26%, Bahamas, The 5%, UAE 4% (2023)")[1]]
    [('China', 26.0), ('The Bahamas', 5.0), ('UAE', 4.0)]
    """
    dated = split_at_year(clean_text(text[:TEXT_MAX]))
    return dated, [_partner(part) for part in _parts(dated.head)]


def _parts(head: str) -> Iterator[str]:
    """The list's parts; `Bahamas` and `The 5%` become `The Bahamas 5%`."""
    waiting = ""
    for piece in _PIECE.findall(head):
        part = piece.strip()
        turned = _TURNED.fullmatch(part)
        if waiting and turned is not None:
            yield f"{turned['article']} {waiting}{turned['share']}"
            waiting = ""
            continue
        if waiting:
            yield waiting
        waiting = ""
        if part and not part.endswith("%"):
            waiting = part
        elif part:
            yield part
    if waiting:
        yield waiting


def _partner(part: str) -> Partner:
    found = _PART.fullmatch(part)
    if found is None:
        return Partner(part.removeprefix(_ALMOST_ALL), None, None, None, part)
    number = float(found["number"])
    precision = 0.5 / 10 ** len(found["number"].partition(".")[2])
    if found["below"]:
        return Partner(found["name"], None, number, precision, part)
    return Partner(found["name"], number, None, precision, part)
