"""How many working days lie between two days, and which is the n-th: counted without walking from day to day.

Days are ordinals (1 is 0001-01-01, a Monday). W(n), the working days up to n, is that of whole weeks and a part of one,
less the holidays listed up to n on days that would be working days, plus the days of weekends listed as worked on. W
never falls, so the n-th working day is found by halving. The cost depends on the list's length by its logarithm alone.

    >>> week = Week.of(("sat", "sun"), {date(2026, 10, 1)}, set())
    >>> week.between(date(2026, 9, 28), date(2026, 10, 5)), week.nth(date(2026, 10, 1), 2).isoformat()
    (4, '2026-10-05')
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Week:
    """The days of a week that are worked on, and the days that are otherwise, ascending.

    Attributes:
        worked: by weekday. parts: working days among the first 0 to 6 days of a week. off: days that the list takes
            from the week. on: days that it adds.
    """

    worked: tuple[bool, ...]
    parts: tuple[int, ...]
    off: tuple[int, ...]
    on: tuple[int, ...]

    @classmethod
    def of(cls, weekend: Collection[str], holidays: Collection[date], working: Collection[date]) -> Week:
        """From names of weekdays and lists of days; a day in both lists is worked on."""
        worked = tuple(name not in weekend for name in WEEKDAYS)
        off = sorted(day.toordinal() for day in holidays if worked[day.weekday()] and day not in working)
        on = sorted(day.toordinal() for day in working if not worked[day.weekday()])
        return cls(worked, tuple(sum(worked[:n]) for n in range(7)), tuple(off), tuple(on))

    def works(self, day: int) -> bool:
        """Whether work is done on a day, by its ordinal."""
        return self._until(day) > self._until(day - 1)

    def between(self, first: date, end: date) -> int:
        """Working days from a day on, before another; 0 if that is no later."""
        return max(0, self._until(end.toordinal() - 1) - self._until(first.toordinal() - 1))

    def nth(self, first: date, count: int) -> date:
        """The `count`-th working day (from 1 on) from a day on; the week has a working day."""
        start = first.toordinal() - 1
        wanted = self._until(start) + count
        low, high = start + 1, start + 7 * (count + len(self.off) + 1)
        while low < high:
            middle = (low + high) // 2
            if self._until(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return date.fromordinal(low)

    def _until(self, day: int) -> int:
        """Working days up to and with a day."""
        weeks, rest = divmod(day, 7)
        found = weeks * sum(self.worked) + self.parts[rest]
        return found - bisect_right(self.off, day) + bisect_right(self.on, day)
