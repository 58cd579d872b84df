"""How a number is written, in any language: the one place where floats become text.

Decimals follow unit and size and never exceed those of the number itself (84 stays "84", 68.134 becomes "68.1%"); a
caller may fix them. Counts and money from a million up take the language's own words ("1.23 billion"; in cells
"1.23B"), years take no separators, a rank interval is "3–5", a censored number "< 1". Rounding is half to even on the
shortest decimal form of the double (never on its binary expansion); digits are Western, separators and words are those
of the Unicode CLDR (babel).

`agrees` is the way back: does a printed text say this number, rounded at the digit where it was printed?

    >>> number_text(68.1345, "percent"), number_text(1_232_300_000, "count"), number_text(-0.25, "points")
    ('68.1%', '1.23\\xa0billion', '−0.25')
    >>> agrees("1.23 billion", 1_232_300_000), agrees("68.1%", 68.2)
    (True, False)
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from babel import Locale

Style = Literal["text", "cell", "bare"]

MINUS = "\u2212"
DASH = "\u2013"
NBSP = "\u00a0"
LEFT_TO_RIGHT_MARK = "\u200e"
DECIMALS_MAX = 10
COMPACT_FROM = 1_000_000
_ALL_DIGITS = Context(prec=800)  # more than the decimal form of any double has

# Money that is a statistic: "Int$" are the international (purchasing-power) dollars of the World Bank.
CURRENCIES = {"usd_current": "US$", "usd_2015": "US$", "intl_usd_2021": "Int$"}
WHOLE = ("year", "rank")
COMPACT = ("count", "kwh", *CURRENCIES)


class Number(Protocol):
    """What is printed: `report.chapter.Num` has this shape; figures know no chapters."""

    @property
    def value(self) -> float | int | None: ...
    @property
    def lower(self) -> float | int | None: ...
    @property
    def upper(self) -> float | int | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def decimals(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of printed text; `part` names the part of the record that it prints, or is empty for signs between."""

    text: str
    part: str = ""
    value: float | int | None = None


def format_num(num: Number, language: str = "en", style: Style = "text") -> str:
    """A number with its unit and, where it has one, its interval, as one text."""
    return "".join(piece.text for piece in pieces(num, language, style))


def pieces(num: Number, language: str = "en", style: Style = "text") -> tuple[Piece, ...]:
    """The same text cut into the parts of the record that it prints.

    A missing value with bounds is censored: "< 1" (bounds 0 and 1), "> 100" (no upper bound), "80–90" (both).

    Args:
        num: the number.
        language: IETF tag.
        style: `text` writes units and long words, `cell` the same with short words, `bare` leaves the unit to the
            head of the column.
    """
    low, high = num.lower, num.upper
    if num.value is not None:
        whole = low is not None and high is not None
        decimals = _value_decimals(num) if whole else num.decimals
        main = Piece(number_text(num.value, num.unit, language, decimals=decimals, style=style), num.part, num.value)
        if not whole:
            return (main,)
        ends = _interval(num, language)
        if ends[0].text == ends[-1].text:  # narrower than the last printed digit
            return (main,)
        return (main, Piece(f"{NBSP}("), *ends, Piece(")"))
    assert low is not None or high is not None, f"a number without value and bounds: {num}"
    if low is None or (low == 0 and num.unit not in WHOLE):
        assert high is not None
        text = number_text(high, num.unit, language, decimals=num.decimals, style=style)
        return (Piece(f"<{NBSP}"), Piece(text, end_part(num.part, "upper"), high))
    if high is None:
        text = number_text(low, num.unit, language, decimals=num.decimals, style=style)
        return (Piece(f">{NBSP}"), Piece(text, end_part(num.part, "lower"), low))
    if low == high:
        text = number_text(low, num.unit, language, decimals=num.decimals, style=style)
        return (Piece(text, end_part(num.part, "lower"), low),)
    return _interval(num, language, style)


def joins_right_to_left(text: str) -> bool:
    """Whether a text holds a letter of a script that runs from right to left.

    >>> joins_right_to_left("1.23 مليار"), joins_right_to_left("68.1%")
    (True, False)
    """
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def in_sentence(text: str, language: str) -> str:
    """A printed number for a plain text: after Arabic letters the sign of percent would change sides.

    A left-to-right mark (U+200E) before the digits keeps the two together (Unicode Standard Annex 9, rules W2 and W5).
    """
    return f"{LEFT_TO_RIGHT_MARK}{text}" if language == "ar" and not joins_right_to_left(text) else text


def end_part(part: str, end: Literal["lower", "upper"]) -> str:
    """Which part of a record an end of an interval is: `lower` of `value`, `median_lower` of `median`."""
    return end if part == "value" else f"{part}_{end}"


def _interval(num: Number, language: str, style: Style = "bare") -> tuple[Piece, ...]:
    """Both ends; a unit that stands before numbers is written with the first, one that stands behind with the last."""
    lower, upper = num.lower, num.upper
    assert lower is not None
    assert upper is not None
    decimals = num.decimals
    if decimals is None and max(abs(lower), abs(upper)) < COMPACT_FROM:
        decimals = _ends_decimals(num)
    first: Style = style if num.unit in CURRENCIES else "bare"
    last: Style = "bare" if num.unit in CURRENCIES else style
    if num.unit in COMPACT and style == "text":
        first = last = "text"  # a long word belongs to both: US$1.2 billion–US$1.4 billion

    def texts() -> tuple[str, str]:
        return (
            number_text(lower, num.unit, language, decimals=decimals, style=first),
            number_text(upper, num.unit, language, decimals=decimals, style=last),
        )

    low, high = texts()
    while num.value is None and low == high and lower != upper and (decimals or 0) < DECIMALS_MAX:
        decimals = (2 if decimals is None else decimals) + 1  # two ends that look alike would say that nothing is open
        low, high = texts()
    dash = DASH if lower >= 0 and upper >= 0 else f" {DASH} "
    ends = Piece(low, end_part(num.part, "lower"), lower), Piece(high, end_part(num.part, "upper"), upper)
    return (ends[0], Piece(dash), ends[1])


def _ends_decimals(num: Number) -> int:
    assert num.lower is not None
    assert num.upper is not None
    return max(decimals_of(num.lower, num.unit), decimals_of(num.upper, num.unit))


def _value_decimals(num: Number) -> int | None:
    """A value beside its interval shows as many decimals as the interval: 77.0 (76.5–77.5)."""
    assert num.value is not None
    assert num.lower is not None
    assert num.upper is not None
    if num.decimals is not None or max(abs(num.value), abs(num.lower), abs(num.upper)) >= COMPACT_FROM:
        return num.decimals
    return max(decimals_of(num.value, num.unit), _ends_decimals(num))


def decimals_of(value: float | int, unit: str) -> int:
    """How many decimals a number is printed with: by unit and size, never more than it has itself."""
    number = _decimal(value)
    own = max(0, -int(number.normalize().as_tuple().exponent)) if number else 0
    if unit in WHOLE:
        return 0
    size = abs(number)
    if unit in ("ratio", "lcu_per_usd"):  # three significant digits: a Gini of 0.109, a ratio of 5.88
        wanted = 3 if size < 1 else 2 if size < 10 else 1
    elif unit in COMPACT:
        wanted = 0 if size >= 1000 else 1 if size >= 100 else 2
    else:
        wanted = 2 if size < 1 else 1
    if 0 < size < Decimal("0.1"):
        wanted = max(wanted, 1 - number.adjusted())
    return min(own, wanted, DECIMALS_MAX)


@lru_cache(maxsize=20_000)
def number_text(
    value: float | int, unit: str = "", language: str = "en", *, decimals: int | None = None, style: Style = "text"
) -> str:
    """One number with its unit.

    Args:
        value: a finite number; percentages are in percent.
        unit: a unit of the catalogue, or `year`, `count`, `rank`, `ratio`, `points`, `share` (of weight, in percent).
        language: IETF tag; unknown ones fall back to English.
        decimals: how many to print; None chooses by unit and size.
        style: see `pieces`.
    """
    number = _decimal(value)
    if unit in WHOLE:
        return str(int(number.to_integral_value(ROUND_HALF_EVEN)))
    locale = locale_of(language)
    with localcontext(_ALL_DIGITS):
        if unit in COMPACT and abs(number) >= COMPACT_FROM:
            body = _compact(abs(number), locale, decimals, long=style == "text")
        else:
            body = _plain(abs(number), locale, decimals_of(value, unit) if decimals is None else decimals)
    if style != "bare":
        body = _with_unit(body, unit, locale)
    negative = number < 0 and any(c in "123456789" for c in body)
    return MINUS + body if negative else body


def _decimal(value: float | int) -> Decimal:
    """The shortest decimal text of a double, as a decimal: 0.1 is 0.1."""
    number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(int(value))
    assert number.is_finite(), f"{value} can't be printed"
    return number


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """The CLDR data of a language; English for a tag that CLDR does not know."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language, sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def _plain(number: Decimal, locale: Locale, decimals: int) -> str:
    from babel.numbers import format_decimal

    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    grouping = locale.decimal_formats[None].pattern.split(".")[0].split(";")[0]
    pattern = grouping + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(rounded, format=pattern, locale=locale, numbering_system="latn"))


def _compact(number: Decimal, locale: Locale, decimals: int | None, *, long: bool) -> str:
    """Three significant digits and the language's word: CLDR has a pattern (`00 million`) for each power of ten."""
    words = _words(locale, long)
    magnitudes = sorted(m for m in words["other"] if m >= COMPACT_FROM)
    index = max((i for i, m in enumerate(magnitudes) if m <= number), default=0)
    while True:
        pattern = words["other"][magnitudes[index]]
        divisor = Decimal(magnitudes[index]).scaleb(1 - pattern.count("0"))
        mantissa = number / divisor
        places = max(0, 2 - mantissa.adjusted()) if decimals is None else decimals
        own = max(0, -int(mantissa.normalize().as_tuple().exponent))
        places = min(places, own) if decimals is None else places
        rounded = mantissa.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if rounded < Decimal(1).scaleb(pattern.count("0")) or index + 1 == len(magnitudes):
            break
        index += 1  # 999,999,999 rounds to 1.00 billion, not 1000 million
    form = str(locale.plural_form(rounded))
    pattern = words.get(form, words["other"]).get(magnitudes[index], pattern)
    return re.sub("0+", lambda _: _plain(mantissa, locale, places), pattern, count=1)


@lru_cache(maxsize=64)
def _words(locale: Locale, long: bool) -> dict[str, dict[int, str]]:
    formats: Any = locale.compact_decimal_formats
    kind = "long" if long and "long" in formats else "short"
    return {
        plural: {
            int(m): formats[kind][plural][m].pattern.replace("'", "").replace(" ", NBSP) for m in formats[kind][plural]
        }
        for plural in list(formats[kind])
    }


def _with_unit(body: str, unit: str, locale: Locale) -> str:
    if unit in ("percent", "share"):
        pattern = str(locale.percent_formats[None].pattern).split(";")[0]
        return re.sub(r"[#0,.]+", lambda _: body, pattern, count=1)
    if unit in CURRENCIES:
        return CURRENCIES[unit] + body
    if unit == "kwh":
        return f"{body}{NBSP}kWh"
    return body


# --- The way back -------------------------------------------------------------------------------------------------

_NUMERAL = re.compile(r"[0-9](?:[0-9.,'\u00a0\u202f\u2009\u066c ]*[0-9])?")


def agrees(printed: str, value: float | int, language: str = "en") -> bool:
    """Whether a printed text says this number, rounded at the last digit that was printed.

    Holds when `|m 10^k - value| <= 10^k u / 2` for the printed mantissa m, the multiplier 10^k of its word ("million")
    and the unit u of its last decimal. Signs such as "<", units and brackets are passed over.
    """
    found = _NUMERAL.search(printed)
    if not found:
        return False
    locale = locale_of(language)
    symbols = locale.number_symbols["latn"]
    numeral = found.group()
    for group in {symbols["group"], NBSP, "\u202f", "\u2009", "'", " "} - {symbols["decimal"]}:
        numeral = numeral.replace(group, "")
    whole, _, fraction = numeral.partition(symbols["decimal"])
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit():
        return False
    before, after = printed[: found.start()], printed[found.end() :]
    multiplier = _multiplier(after, locale)
    mantissa = Decimal(f"{whole}.{fraction or '0'}")
    if MINUS in before or "-" in before:
        mantissa = -mantissa
    half = Decimal(1).scaleb(-len(fraction)) * multiplier / 2
    return abs(mantissa * multiplier - _decimal(value)) <= half


def _multiplier(after: str, locale: Locale) -> Decimal:
    """The factor of the longest compact word that follows the digits."""
    word = after.replace(" ", NBSP)
    best, factor = "", Decimal(1)
    for long in (True, False):
        for patterns in _words(locale, long).values():
            for magnitude, pattern in patterns.items():
                tail = pattern.lstrip("0")
                whole = word.startswith(tail) and not word[len(tail) : len(tail) + 1].isalpha()  # "k" is not in "kWh"
                if tail and len(tail) > len(best) and whole:
                    best, factor = tail, Decimal(magnitude).scaleb(1 - pattern.count("0"))
    return factor
