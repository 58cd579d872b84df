"""When does a period end: calendar days, working days, months and hours, in the zone of a procedure.

Counting (the rule of the UNCITRAL Arbitration Rules, article 2(6), for days; months by the common rule of private
law): the day of the event is not counted; `d` counts calendar days, `wd` working days, `mo` ends on the same day of
the month, or on its last day where there is none; the period ends at 24:00 in the zone. A last day that is not a
working day becomes the next one where the calendar says `next`. Days off inside a period count. `h` counts hours from
the instant itself and knows no days off. Where 24:00 is skipped or doubled by daylight saving time, the later instant
holds and a note says so.

While a case is suspended the clock stops: the day of the suspension and all days up to the one of the resumption are
not counted, the day of the resumption is. Hours stop for exactly as long as the suspension lasts.

Zones are IANA names, as `council._zones` reads them.

    >>> calendar = Calendar("Asia/Shanghai", holidays=frozenset({date(2026, 10, 1), date(2026, 10, 2)}))
    >>> filed = calendar.moment(instant("2026-09-17T02:00:00Z"))
    >>> due = calendar.deadline(filed, Period.parse("14d"))
    >>> due.day.isoformat(), due.notes
    ('2026-10-05', ('2026-10-01 is not a working day: 2026-10-05',))
    >>> text_of(due.at)
    '2026-10-05T16:00:00Z'
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache

from concordat.council._zones import zone
from concordat.council.disputes._week import WEEKDAYS, Week
from concordat.errors import InputError

# What one period may have at most: ten years, so that every loop over days is bounded.
COUNT_MAX = {"h": 24 * 366, "d": 3660, "wd": 2610, "mo": 120}
INSTANT_MAX = 4102444800 * 2  # the year 2230: beyond it, no case of today
_PERIOD = re.compile(r"([0-9]{1,6})(h|d|wd|mo)")
LISTED_MAX = 2_000  # holidays, or working days of weekends
RUN_MAX = 60  # days off on end
YEAR_MAX = 2500


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: `14d`, `10wd`, `4mo`, `48h`."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Period:
        """A period from its text.

        Raises:
            InputError: not a count and one of h, d, wd, mo; none, or more than ten years.
        """
        found = _PERIOD.fullmatch(text) if isinstance(text, str) else None
        if not found:
            hint = (
                "Write a count and a unit without a space: 14d (days), 10wd (working days), 4mo (months), 48h (hours)."
            )
            raise InputError(f'"{str(text)[:40]}" is not a period.', where=where, hint=hint, code="period")
        count, unit = int(found[1]), found[2]
        if not 1 <= count <= COUNT_MAX[unit]:
            hint = f"Between 1{unit} and {COUNT_MAX[unit]}{unit}."
            raise InputError(f'"{text}" is out of range.', where=where, hint=hint, code="period")
        return cls(count, unit)

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant (UTC seconds) and the local day it counts for; the end of a period counts for the day it ended."""

    at: int
    day: date

    def to_value(self) -> list[int | str]:
        """Both, as they are stored."""
        return [self.at, self.day.isoformat()]


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day of a period, the instant at which it ends, and what was peculiar."""

    day: date
    at: int
    notes: tuple[str, ...] = ()


Stops = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Calendar:
    """A zone, its days off, and whether a period that ends on one goes on to the next working day.

    Attributes:
        zone: an IANA name.
        holidays: days off beside the weekend.
        weekend: `sat`, `sun`, or what the place has.
        working: days of a weekend on which work is done all the same.
        roll: `if_not_working_day: next` (True) or `same`.

    Raises:
        InputError: an unknown zone; a week without a working day; over 2,000 days listed, or one out of 1970 to 2500;
            over 60 days off on end.
    """

    zone: str
    holidays: frozenset[date] = frozenset()
    weekend: tuple[str, ...] = ("sat", "sun")
    working: frozenset[date] = frozenset()
    roll: bool = True

    def __post_init__(self) -> None:
        zone(self.zone)
        self._check_days()

    def __hash__(self) -> int:
        return hash((self.zone, self.roll, len(self.holidays)))

    def _check_days(self) -> None:
        """Every day has a working day soon after it: so no count of days, and no passing of time, ever fails.

        Outside of the listed days the week repeats itself, so only what is listed can make a long run of days off.
        """
        if len({*self.weekend}) == 7:
            hint = "Leave one out."
            raise InputError("no day of the week is a working day.", where="weekend", hint=hint, code="weekend")
        for name, days in (("holidays", self.holidays), ("working", self.working)):
            if len(days) > LISTED_MAX:
                raise InputError(f"{len(days):,} days; at most {LISTED_MAX:,}.", where=name, code="too_large")
            odd = sorted(day for day in days if not 1970 <= day.year <= YEAR_MAX)
            if odd:
                hint = f"List days from 1970 to {YEAR_MAX}."
                raise InputError(f"{odd[0]} is out of range.", where=name, hint=hint, code="day")
        ends = 0
        for first in self._week.off:
            if first <= ends:
                continue
            ends = first
            while not self._week.works(ends):
                ends += 1
            if ends - first > RUN_MAX:
                hint = f"Leave a working day in every {RUN_MAX} days."
                what = f"no working day in the {ends - first} days from {date.fromordinal(first)} on."
                raise InputError(what, where="holidays", hint=hint, code="no_working_day")

    @cached_property
    def _week(self) -> Week:
        return Week.of(self.weekend, self.holidays, self.working)

    def is_working(self, day: date) -> bool:
        """Whether work is done on a day."""
        return day in self.working or not (day in self.holidays or WEEKDAYS[day.weekday()] in self.weekend)

    def moment(self, at: int) -> Moment:
        """The instant with its local day."""
        return Moment(at, datetime.fromtimestamp(at, zone(self.zone)).date())

    def rolled(self, day: date) -> date:
        """The day itself if it is a working day or the calendar lets it stand, else the next working day."""
        if not self.roll or self.is_working(day):
            return day
        return self._week.nth(day, 1)

    def unlisted(self, day: date) -> tuple[str, ...]:
        """A note where the calendar lists holidays, but none of that year: a list that is not kept up."""
        if not self.holidays or day.year in self._years:
            return ()
        return (f"the calendar lists no holidays of {day.year}",)

    @cached_property
    def _years(self) -> frozenset[int]:
        return frozenset(holiday.year for holiday in self.holidays)

    def end_of(self, day: date) -> tuple[int, tuple[str, ...]]:
        """24:00 of a day as an instant; the later one where daylight saving time skips or doubles it, with a note."""
        midnight = datetime.combine(day + timedelta(days=1), time(0), zone(self.zone))
        first, second = (int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
        if first == second:
            return first, ()
        what = "twice" if second > first else "never"
        note = f"24:00 on {day} comes {what} in {self.zone} (daylight saving time): the later instant holds"
        return max(first, second), (note,)

    def deadline(self, start: Moment, period: Period, stops: Stops = (), extensions: Sequence[Period] = ()) -> Deadline:
        """The end of a period from a moment, of its extensions in turn, without the time the case was suspended.

        An extension runs from the last day as it stood, moved to a working day or not.

        Args:
            start: the event; its day is not counted.
            period: how long.
            stops: suspensions, each (from, to) in UTC seconds, in order.
            extensions: periods added behind it.
        """
        return _deadline(self, start, period, stops, tuple(extensions))

    def day_after(self, start: Moment, period: Period, stops: Stops = ()) -> date:
        """The day that lies a period after a moment, working day or not."""
        if period.unit == "h":
            return _deadline(self, start, period, stops, ()).day
        return self._last_day(start.day, period, stops)

    def _days_stopped(self, stops: Stops) -> list[tuple[date, date]]:
        return [(self.moment(begin).day, self.moment(end).day) for begin, end in stops]

    def _last_day(self, start: date, period: Period, stops: Stops) -> date:
        stopped = self._days_stopped(stops)
        if period.unit == "wd":
            return self._last_working_day(start, period.count, stopped)
        last = start + timedelta(days=period.count) if period.unit == "d" else _months_after(start, period.count)
        for begin, end in stopped:
            begin = max(begin, start + timedelta(days=1))
            if end <= begin:
                continue
            # A suspension may fall on the days off behind the last day: what was left then is left afterwards.
            stands = last if begin <= last else self.rolled(last)
            if begin <= stands:
                last = stands + (end - begin)
        return last

    def _last_working_day(self, start: date, count: int, stopped: list[tuple[date, date]]) -> date:
        after = start + timedelta(days=1)
        for begin, end in sorted(stopped):
            if end <= after:
                continue
            passed = self._week.between(after, begin)
            if passed >= count:
                break
            count, after = count - passed, max(after, end)
        return self._week.nth(after, count)


@lru_cache(maxsize=8192)
def _deadline(
    calendar: Calendar, start: Moment, period: Period, stops: Stops, extensions: tuple[Period, ...]
) -> Deadline:
    at, day, notes = start.at, start.day, ()
    for part in (period, *extensions):
        if part.unit == "h":
            begun, at = at, at + 3600 * part.count
            for begin, end in stops:
                at += max(0, end - max(begin, begun)) if begin <= at else 0
            day, notes = calendar.moment(at).day, ()
            continue
        last = calendar._last_day(day, part, stops)
        day = calendar.rolled(last)
        at, odd = calendar.end_of(day)
        notes = (*((f"{last} is not a working day: {day}",) if day != last else ()), *odd, *calendar.unlisted(day))
    return Deadline(day, at, notes)


def _months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# --- Instants -------------------------------------------------------------------------------------------------------


def instant(text: str, *, where: str = "") -> int:
    """UTC seconds of a time with an offset: `2026-05-06T18:00:00+08:00`, or with `Z`.

    Raises:
        InputError: not such a time, or without an offset.
    """
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        hint = "Write it with its offset: 2026-05-06T18:00:00+08:00."
        raise InputError(f'"{str(text)[:40]}" is not an instant.', where=where, hint=hint, code="instant")
    return checked_instant(int(found.timestamp()), where=where)


def checked_instant(value: object, *, where: str = "") -> int:
    """The value if it is UTC seconds between 1970 and 2230.

    Raises:
        InputError: another type, or out of range.
    """
    if type(value) is not int or not 0 <= value <= INSTANT_MAX:
        hint = "Give whole UTC seconds since 1970."
        raise InputError(f"{str(value)[:40]!r} is not an instant.", where=where, hint=hint, code="instant")
    return value


def text_of(at: int) -> str:
    """An instant in words: `2026-05-06T10:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
