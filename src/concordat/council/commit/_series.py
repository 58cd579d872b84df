"""What is known of an indicator, and the way from a baseline to a target, as plain data in exact numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from concordat import canonical
from concordat.errors import InputError

FROM_RELEASE = "from_release"
DIGITS_MAX = 400

Value = int | float | str | Fraction


def exact(value: Any, *, where: str = "") -> Fraction:
    """A number as an exact fraction; a float counts as the shortest decimal that reads back as it.

    Raises:
        InputError: not a number, not finite, over 400 characters.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Fraction)):
        raise InputError(f"{value!r} is not a number.", where=where, hint="Missing values are None.", code="number")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{value} is not a number.", where=where, hint="Missing values are None.", code="number")
        return Fraction(canonical.number_text(float(value)))
    if isinstance(value, str) and len(value) > DIGITS_MAX:
        raise InputError(f"a number of {len(value)} characters.", where=where, hint="Write it shorter.", code="number")
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f'"{value}" is not a number.', where=where, hint="Missing values are None.", code="number"
        ) from None


@dataclass(frozen=True)
class Series:
    """An indicator's values from a release, by member and year.

    Attributes:
        values: member, year, value; None or an absent year where nothing is known.
        reasons: why a member has no value, by member.
        release: the hash of the release, if it has one.

    >>> Series("internet_users_pct", "percent", {"IND": {2023: 50.5}}).value("IND", 2023)
    Fraction(101, 2)
    """

    indicator: str
    unit: str
    values: Mapping[str, Mapping[int, Value | None]]
    reasons: Mapping[str, str] = field(default_factory=dict)
    release: str = ""

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
