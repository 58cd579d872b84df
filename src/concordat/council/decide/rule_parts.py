"""What a rule has beside its tree: quorum, ranges of hours, what silence and elections add.

>>> Hours(24, 72).to_value(), 48 in Hours(24, 72), Hours(0, None).to_value()
('24..72', True, '0..')
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.decide.tree import Leaf, ratio


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who must be present: a share or a count of a measure among all or a group, counted at opening or at the vote."""

    share: bool
    measure: str
    of: str
    comparison: str
    threshold: Fraction
    counted: str

    def to_value(self) -> dict[str, Any]:
        """The quorum with its defaults written out."""
        kind = "share" if self.share else "count"
        limit = {self.comparison: ratio(self.threshold)}
        return {kind: self.measure, "of": self.of, **limit, "counted": self.counted}

    def leaf(self) -> Leaf:
        """The same question as a leaf: only the comparison is used."""
        return Leaf(self.share, self.measure, "yes", self.of, self.comparison, self.threshold)


@dataclass(frozen=True, slots=True)
class Hours:
    """A range of hours: `48`, `24..72`, or open at the end, `0..` (high None)."""

    low: int
    high: int | None

    def to_value(self) -> str:
        """The range as it is written."""
        if self.low == self.high:
            return str(self.low)
        return f"{self.low}.." + ("" if self.high is None else str(self.high))

    def __contains__(self, hours: int) -> bool:
        return self.low <= hours and (self.high is None or hours <= self.high)


NO_HOURS = Hours(0, 0)


@dataclass(frozen=True, slots=True)
class SilenceKeys:
    """What a rule of method `silence` says. Who may break: `members`, or a group; extend: `chair`, or a group."""

    hours: Hours
    deadline_zone: str
    who_may_break: str
    amendment_breaks: bool
    extend_times: int
    extend_by: str

    def to_value(self) -> dict[str, Any]:
        """The keys with their defaults written out."""
        return {
            "hours": self.hours.to_value(),
            "deadline_zone": self.deadline_zone,
            "who_may_break": self.who_may_break,
            "amendment_breaks": self.amendment_breaks,
            "extend": {"times": self.extend_times, "by": self.extend_by},
        }


@dataclass(frozen=True, slots=True)
class ElectionKeys:
    """What a rule of method `election` says. `quotas`: least seats by group, sorted by group."""

    system: str
    seats: int
    quotas: tuple[tuple[str, int], ...]

    def to_value(self) -> dict[str, Any]:
        """The keys with their defaults written out."""
        return {"system": self.system, "seats": self.seats, "quotas": dict(self.quotas)}
