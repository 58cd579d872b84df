"""What is known of an indicator, and the way from a baseline to a target, as plain data in exact numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

from concordat import canonical
from concordat.errors import InputError

FROM_RELEASE = "from_release"
LARGEST = 10**100
DIGITS_MAX = 40  # as the rules of decision have it
_MISSING = "Missing values are None."
# An exponent has two digits at most: what a longer one stands for would fill the memory.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_TWENTY = Context(prec=20)

Value = int | float | str | Fraction


def exact(value: Any, *, where: str = "") -> Fraction:
    """A number as an exact fraction; a float counts as the shortest decimal that reads back as it.

    Raises:
        InputError: not a number, not finite, written in more than 40 characters, beyond 10^100.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Fraction)):
        raise InputError(f"{value!r} is not a number.", where=where, hint=_MISSING, code="number")
    text = value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{value} is not a number.", where=where, hint=_MISSING, code="number")
        text = canonical.number_text(float(value))
    if isinstance(value, str) and len(value) > DIGITS_MAX:
        what = f"a number of {len(value)} characters; at most {DIGITS_MAX}."
        raise InputError(what, where=where, hint="Round it.", code="number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise InputError(f'"{value}" is not a number.', where=where, hint=_MISSING, code="number")
    number = Fraction(text)
    if abs(number) > LARGEST:
        raise InputError("the number is beyond 10^100.", where=where, hint="Choose another unit.", code="number")
    return number


def shown(number: Fraction) -> str:
    """A number for a message, in decimals of at most 20 digits, by whole numbers alone.

    >>> shown(Fraction(125, 2)), shown(Fraction(1, 3)), shown(Fraction(10**99))
    ('62.5', '0.33333333333333333333', '1E+99')
    """
    with localcontext(_TWENTY):
        found = (Decimal(number.numerator) / Decimal(number.denominator)).normalize()
    return f"{found:f}" if -20 <= found.adjusted() <= 20 else str(found)


@dataclass(frozen=True)
class Series:
    """An indicator's values from a release, by member and year.

    Attributes:
        values: member, year, value; None or an absent year where nothing is known.
        reasons: why a member has no value, by member.
        release: the hash of the release, if it has one.

    Raises:
        InputError: a year that is no whole number.

    >>> Series("internet_users_pct", "percent", {"IND": {2023: 50.5}}).value("IND", 2023)
    Fraction(101, 2)
    """

    indicator: str
    unit: str
    values: Mapping[str, Mapping[int, Value | None]]
    reasons: Mapping[str, str] = field(default_factory=dict)
    release: str = ""

    def __post_init__(self) -> None:
        for member, values in self.values.items():
            for year in values:
                if type(year) is not int:
                    what = f"{year!r} is not a year."
                    raise InputError(
                        what, where=f"{self.indicator}, {member}", hint="Years are whole numbers.", code="year"
                    )

    def value(self, member: str, year: int) -> Fraction | None:
        """A member's value of a year, None where there is none.

        Raises:
            InputError: what stands there is not a number.
        """
        found = self.values.get(member, {}).get(year)
        return None if found is None else exact(found, where=f"{self.indicator}, {member}, {year}")

    def reason(self, member: str, year: int) -> str:
        """Why there is no value."""
        return self.reasons.get(member, f"{self.indicator} has no value of {year} for {member}")


@dataclass(frozen=True, slots=True)
class Way:
    """The way of one member: years and values, from the baseline over the milestones to the target.

    Attributes:
        tolerance: given only where the target equals the baseline: how far the value may move.
        computed: whether a rule made the target from the release.
    """

    points: tuple[tuple[int, Fraction], ...]
    direction: str
    tolerance: Fraction | None = None
    computed: bool = False

    @property
    def start(self) -> Fraction:
        """The baseline."""
        return self.points[0][1]

    @property
    def goal(self) -> Fraction:
        """The target."""
        return self.points[-1][1]

    @property
    def begins(self) -> int:
        """The baseline's year."""
        return self.points[0][0]

    def due(self, year: int) -> Fraction:
        """The value that is due in a year: on the line between the points around it, level after the target's year.

        Raises:
            InputError: a year before the baseline's.
        """
        if year < self.begins:
            hint = "Ask from the year of the baseline on."
            raise InputError(f"{year} is before the baseline, {self.begins}.", hint=hint, code="year")
        for (y0, x0), (y1, x1) in pairwise(self.points):
            if year <= y1:
                return x0 + (x1 - x0) * Fraction(year - y0, y1 - y0)
        return self.goal
