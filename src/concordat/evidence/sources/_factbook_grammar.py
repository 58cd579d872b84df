"""What does one Factbook text say: which number, for which year, how exactly, and what else?

The World Factbook prints figures as prose: `84% (2023 est.)`, `$61.194 billion (2019/20)`, `(2022 est.) less than 1`.
This grammar reads one such text; `factbook` walks the files. It is deliberately strict: a text that it does not
understand is flagged `text`, never guessed at.

1. Tags become spaces, entities are unescaped, white space is collapsed.
2. The first parenthesis that holds a year of 1900 to 2099 (`2023 est.`, `FY 2019/20`, `2020-25`) gives the period; what
   stands before it is the head, after it the tail. Other parentheses (`(of GDP)`) are taken out.
3. The value stands in the head or, if the head is blank, in the tail: the first number of `(2023 est.) less than 1` is
   a year.
4. It is `less than N` (censored: between 0 and N), or a signed number with currency, multiplier and unit, or `NA`.
   A range (`84-90%`, `5 to 6 million`) is no figure, and neither are two numbers side by side.
5. A tail after a value is a remark; one that speaks of another year is marked, and so is one that is itself a limit
   (`1 (2023 est.) less than 1`).
6. The precision is half of the last printed digit, times the multiplier.

Numbers are computed in integers and rounded once: `$1.041 billion` is exactly 1041000000.

    >>> parse("1.15 billion (2023 est.)")
    Parsed(value=1150000000.0, lower=None, upper=None, precision=5000000.0, year=2023, year_end=2023, estimate=True, \
remark='', flag='ok', marks=(), reason='', currency='', decimals=0)
    >>> parse("(2022 est.) less than 1").upper
    1.0
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

Flag = Literal["ok", "censored_below", "missing", "text"]

TEXT_MAX = 20_000  # characters; the longest text of the edition of 2025 that the catalogue asks for has 1,312
MULTIPLIERS = {"": 0, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
REMARK_CONTRADICTS_YEAR = "remark_contradicts_year"
REMARK_CENSORS = "remark_censors"

_TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")
_PARENTHESIS = re.compile(r"\([^()]*\)")
_YEAR = re.compile(r"(?<![\d.,])((?:19|20)\d\d)(?:\s?[/–-]\s?((?:19|20)\d\d|\d\d)(?!\d))?(?!\d)")
_DATED = re.compile(rf"\([^()]*?{_YEAR.pattern}[^()]*\)")
_ESTIMATE = re.compile(r"\best(?:\.|imate|imated)?(?![a-z])", re.IGNORECASE)

_CURRENCY = r"(?P<currency>(?:US ?)?\$|[€£¥])?"
# A number ends where no further digit, decimal or thousands group could continue it: `1,23` and `1.2.3` are no numbers.
# Digits are bounded, so that no text can ask for an integer without end. `(?>` never gives back what it took.
_NUMBER = r"(?>(?P<number>\d{1,3}(?:,\d{3}){1,10}(?:\.\d{1,20})?|\d{1,30}(?:\.\d{1,20})?)(?!\d|[.,]\d))"
_MULTIPLIER = r"(?>(?:\s?(?P<multiplier>thousand|million|billion|trillion)\b)?)"
# The first half of a range is not its value, nor is the first of two numbers.
_ALONE = r"(?!\s?%?\s?(?:[-–—/]|to\b)?\s?[$€£¥]?\d)"
_CENSORED = re.compile(rf"(?:less than|under|<)\s?{_CURRENCY}\s?{_NUMBER}{_MULTIPLIER}{_ALONE}", re.IGNORECASE)
_VALUE = re.compile(rf"(?P<minus>[-−–]\s?)?{_CURRENCY}\s?{_NUMBER}{_MULTIPLIER}{_ALONE}", re.IGNORECASE)
_MISSING = re.compile(r"\$?(?:NA|N/A|n/a)(?!\w)")
_ONLY_A_YEAR = re.compile(r"(?:FY ?)?(?:19|20)\d\d(?: ?[/–-] ?\d{2,4})?(?: ?est\.?)?\.?", re.IGNORECASE)
_UNINHABITED = re.compile(r"\buninhabited\b|\bno permanent inhabitants\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says.

    Attributes:
        value: the number in plain units (`1.15 billion` is 1150000000), None unless `flag` is ok.
        lower, upper: the interval of a censored figure.
        precision: half a unit of the last printed digit.
        year, year_end: first and last year of the period; None when the text names none.
        estimate: the publisher says `est.`
        remark: words behind the year that belong to the figure.
        flag: ok, censored_below, missing (the text says NA), text (no figure found).
        marks: oddities (`remark_contradicts_year`, `remark_censors`).
        reason: for `text`, why no figure stands there: uninhabited or unparsed; for `missing`, not_published.
        currency: the sign printed before the number, `$` for dollars.
        decimals: printed decimals of the plain number.
    """

    value: float | None
    lower: float | None
    upper: float | None
    precision: float | None
    year: int | None
    year_end: int | None
    estimate: bool
    remark: str
    flag: Flag
    marks: tuple[str, ...] = ()
    reason: str = ""
    currency: str = ""
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Dated:
    """A text split at the parenthesis that dates it."""

    head: str
    tail: str
    year: int | None
    year_end: int | None
    estimate: bool


def parse(text: str) -> Parsed:
    """Read one text by the rules of the module docstring. Never raises: what is not understood is flagged `text`."""
    if len(text) > TEXT_MAX:
        return Parsed(None, None, None, None, None, None, False, "", "text", reason="unparsed")
    clean = clean_text(text)
    dated = split_at_year(clean)
    in_tail = not dated.head
    part = _without_parentheses(dated.tail if in_tail else dated.head)
    year, year_end, estimate = dated.year, dated.year_end, dated.estimate

    found = _CENSORED.match(part)
    if found is not None:
        upper, precision, decimals = _number(found)
        remark, marks = _remark(part[found.end() :] if in_tail else dated.tail, year)
        return Parsed(
            None, 0.0, upper, precision, year, year_end, estimate, remark, "censored_below", marks,
            currency=found["currency"] or "", decimals=decimals,
        )  # fmt: skip
    found = _VALUE.match(part)
    if found is not None and not _is_only_a_year(part, year):
        value, precision, decimals = _number(found)
        remark, marks = _remark(part[found.end() :] if in_tail else dated.tail, year)
        value = -value if found["minus"] and value else value
        return Parsed(
            value, None, None, precision, year, year_end, estimate, remark, "ok", marks,
            currency=found["currency"] or "", decimals=decimals,
        )  # fmt: skip
    if _MISSING.match(part):
        return Parsed(None, None, None, None, year, year_end, estimate, "", "missing", reason="not_published")
    reason = "uninhabited" if _UNINHABITED.search(clean) else "unparsed"
    return Parsed(None, None, None, None, year, year_end, estimate, "", "text", reason=reason)


def clean_text(text: str) -> str:
    """The text as a reader sees it: without tags and entities, white space collapsed.

    Half surrogate pairs and NULs, which JSON can hold and UTF-8 or CSV can't, become a question mark and a space.
    """
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = text.replace("\u200b", "").encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.replace("\0", " ").split())


def split_at_year(clean: str) -> Dated:
    """Cut a cleaned text at the first parenthesis that holds a year.

    >>> split_at_year("3.2% (of GDP) (FY 2019/20 est.) revised")
    Dated(head='3.2% (of GDP)', tail='revised', year=2019, year_end=2020, estimate=True)
    """
    found = _DATED.search(clean)
    if found is None:
        return Dated(clean, "", None, None, False)
    year = int(found[1])
    head, tail = clean[: found.start()].strip(), clean[found.end() :].strip()
    return Dated(head, tail, year, _range_end(year, found[2]), _ESTIMATE.search(found[0]) is not None)


def _range_end(start: int, text: str | None) -> int:
    """The last year of `2019/20`, `2020-25`, `1999-2003`; `2019-12` is a month, not a range."""
    if text is None:
        return start
    end = int(text) if len(text) == 4 else start - start % 100 + int(text)
    if end < start and end + 100 == start + 1:
        end += 100
    return max(start, end)


def _without_parentheses(part: str) -> str:
    return " ".join(_PARENTHESIS.sub(" ", part).split()) if "(" in part else part


def _number(found: re.Match[str]) -> tuple[float, float, int]:
    """The printed number in plain units, half of its last digit, and its decimals; integers rounded once."""
    whole, _, fraction = found["number"].replace(",", "").partition(".")
    exponent = MULTIPLIERS[(found["multiplier"] or "").lower()] - len(fraction)
    return _scaled(int(whole + fraction), exponent), _scaled(5, exponent - 1), max(0, -exponent)


def _scaled(digits: int, exponent: int) -> float:
    return float(digits * 10**exponent) if exponent >= 0 else digits / 10**-exponent


def _remark(words: str, year: int | None) -> tuple[str, tuple[str, ...]]:
    remark = words.strip(" %;,.")
    remark = words.strip() if remark else ""
    if not remark:
        return "", ()
    if year is not None and any(int(found[1]) != year for found in _YEAR.finditer(remark)):
        return remark, (REMARK_CONTRADICTS_YEAR,)
    return remark, (REMARK_CENSORS,) if _CENSORED.fullmatch(remark) else ()


def _is_only_a_year(part: str, year: int | None) -> bool:
    """A bare `2023`, or `2023 (2023 est.)`, holds a year and no figure."""
    if _ONLY_A_YEAR.fullmatch(part) is None:
        return False
    return year is None or str(year) in part
