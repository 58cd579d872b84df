"""How many years one country is behind another: the S-time-distance.

    S = t - t_ref(y)

y is a unit's value in its own last observed year t; t_ref is when the leader's series first reached that level, linear
between the leader's observed years. Positive: years behind. Blank, with a reason, where the leader never reached the
level or already had it in its first observed year. A gap can shrink in points while the distance in years grows, and
the other way round, so the absolute gap (leader less unit), the ratio (unit over leader) and the years stand together;
gap and ratio compare the same year t. Source: Sicherl, *Time Distance in Economics and Statistics* (2012).

Not a forecast: nothing says that a unit will follow the leader's path. Not for a level that the leader crossed several
times: only the first crossing counts.

    >>> panel = {"KOR": ([2000, 2001, 2010], [40.0, 60.0, 80.0]), "ETH": ([2010], [50.0])}
    >>> d = time_distance(panel, leader="KOR")["ETH"]
    >>> d.value, d.reached, d.gap, d.ratio
    (9.5, 2000.5, 30.0, 0.625)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError
from concordat.observatory.divide._series import Series, SeriesPanel, need_area, panel_series, read_series

__all__ = ["TimeDistance", "panel_series", "time_distance"]


@dataclass(frozen=True, slots=True)
class TimeDistance:
    """How far one unit is behind (or, below zero, ahead of) the leader.

    Attributes:
        value: years behind; None where it can't be said.
        level, year: the unit's last value and its year.
        reached: when the leader first had that level.
        gap: the leader's value of that year less the unit's, in the figure's unit (for `direction=-1` the unit's less
            the leader's), None outside the leader's years.
        ratio: the unit's value over the leader's of that year.
        reason: why `value` is blank.
    """

    area: str
    value: float | None
    level: float | None
    year: float | None
    reached: float | None = None
    gap: float | None = None
    ratio: float | None = None
    reason: str = ""


def time_distance(
    panel: SeriesPanel, leader: str = "KOR", *, direction: int = 1, not_after: float | None = None
) -> dict[str, TimeDistance]:
    """The S-time-distance of each area to the leader, in the panel's order.

    Args:
        panel: area -> (years, values); `panel_series` makes one of arrays.
        direction: 1 where more is better, -1 where less is.
        not_after: leaves out later years, of the leader too.

    Raises:
        InputError: the leader is not in the panel or has no value; a series that can't be read.
    """
    if direction not in (1, -1):
        raise InputError(f"direction is {direction}.", hint="Give 1 where more is better, -1 where less is.")
    series = read_series(panel)
    if not_after is not None:
        series = {area: Series(*(part[s.years <= not_after] for part in s)) for area, s in series.items()}
    path = need_area(series, leader, "leader")
    return {area: _distance(area, s, path, direction, itself=area == leader) for area, s in series.items()}


def first_crossing(path: Series, level: float) -> tuple[float | None, str]:
    """When a rising path first has a level, linear between its years; or None and why."""
    above = np.flatnonzero(path.values >= level)
    if above.size == 0:
        return None, "never_reached"
    i = int(above[0])
    if i == 0:
        return None, "already_in_first_year"
    (t0, t1), (y0, y1) = path.years[i - 1 : i + 1], path.values[i - 1 : i + 1]
    return float(t1 if y1 == level else t0 + (level - y0) / (y1 - y0) * (t1 - t0)), ""


def _distance(area: str, own: Series, path: Series, direction: int, *, itself: bool) -> TimeDistance:
    if own.years.size == 0:
        return TimeDistance(area, None, None, None, reason="no_value")
    year, level = float(own.years[-1]), float(own.values[-1])
    reached, reason = first_crossing(Series(path.years, direction * path.values), direction * level)
    if itself and reached is not None and reached != year:
        # The leader has fallen back: measured against its own past it would be "behind itself".
        reached, reason = None, "fell_back"
    gap = ratio = None
    if path.years[0] <= year <= path.years[-1]:
        ahead = float(np.interp(year, path.years, path.values))
        gap = direction * (ahead - level)
        ratio = level / ahead if ahead != 0 else None
    value = None if reached is None else year - reached
    return TimeDistance(area, value, level, year, reached, gap, ratio, reason)
