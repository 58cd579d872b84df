"""How did the same forecast do before, so many years ahead, and may its band be shown?

`Bands` holds the errors of the method at earlier origins and makes each area's half-width from them, counted from that
area's own last figure. `check_horizon` says for one horizon what share of figures earlier bands held, and the mean
absolute errors of the method, the reference baseline and the last value at the last five origins that can be judged. A
band is shown if the share is 85 to 95 % (specification, section 8).

What this does not do: change the forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.impact.connectivity.intervals import (
    JUDGED_ORIGINS,
    SCORES_MIN,
    TARGET_YEARS,
    Rolling,
    band_table,
    calibrated,
    roll,
    rolling_coverage,
)
from concordat.impact.connectivity.pooled import Pooled
from concordat.impact.connectivity.series import Floats, Groups, Panel, from_scale, to_scale

BAND_YEARS_OLD_MAX = 5


@dataclass(frozen=True, slots=True)
class HorizonCheck:
    """How the method did at the last origins that can be judged, so many years ahead.

    Attributes:
        coverage: share of figures inside the 90 % band, None if too few could be judged; judged: how many were.
        error, error_baseline, error_last: mean absolute error of the method, the reference baseline and the last value,
            in points of the figure (of its logarithm on the `log` scale).
        shown: whether bands are shown; reason: why not.
    """

    horizon: int
    coverage: float | None
    judged: int
    error: float | None
    error_baseline: float | None
    error_last: float | None
    shown: bool
    reason: str


class Bands:
    """The rolling errors at hand, and the half-widths of every area, each from its own last figure."""

    def __init__(
        self,
        past: Panel,
        groups: Groups,
        regions: Groups,
        fitted: Pooled,
        group: Sequence[str],
        to: int,
        wanted: Sequence[str],
    ) -> None:
        self.past, self.origin = past, fitted.origin
        self.labels = np.array(group, dtype=np.str_)
        self.start = fitted.level
        rows = [past.areas.index(a) for a in wanted]
        age = np.where(fitted.last >= 0, fitted.origin - fitted.last, 0)
        self.age = age
        old = [int(age[r]) for r in rows if age[r] <= BAND_YEARS_OLD_MAX]
        self.longest = to - fitted.origin + max(old, default=0)
        first = fitted.origin - 2 * self.longest - JUDGED_ORIGINS - max(TARGET_YEARS)
        self.rolling = roll(past, groups, regions, fitted.origin - 1, self.longest, first=first)
        self.blind: Rolling | None = None
        if any(fitted.last[r] < 0 for r in rows):
            self.blind = roll(past, groups, regions, fitted.origin - 1, to - fitted.origin, blind=True, first=first)
        self._tables: dict[bool, Floats] = {}
        self._coverage: dict[tuple[int, bool], tuple[float | None, int]] = {}

    def width(self, row: int, horizon: int) -> float:
        """The half-width for one area, so many years after the origin; NaN where none may be shown.

        It is counted, and judged, from the area's own last figure.
        """
        blind = not np.isfinite(self.start[row])
        ahead = horizon + int(self.age[row])
        if ahead > self.longest or not calibrated(self.coverage(ahead, blind=blind)[0]):
            return float("nan")
        if blind not in self._tables:
            self._tables[blind] = band_table(self._errors(blind), self.origin, self.start, self.labels)
        return float(self._tables[blind][ahead - 1, row])

    def coverage(self, horizon: int, *, blind: bool = False) -> tuple[float | None, int]:
        """Share of figures that bands of the last origins held so many years ahead, and how many figures."""
        if (horizon, blind) not in self._coverage:
            self._coverage[horizon, blind] = rolling_coverage(self._errors(blind), self.origin, horizon)
        return self._coverage[horizon, blind]

    def _errors(self, blind: bool) -> Rolling:
        assert not blind or self.blind is not None
        return self.blind if blind and self.blind is not None else self.rolling


def check_horizon(bands: Bands, horizon: int) -> HorizonCheck:
    coverage, judged = bands.coverage(horizon)
    errors = past_errors(bands.past, bands.rolling, bands.origin, horizon)
    shown, reason = calibrated(coverage), ""
    if coverage is None:
        reason = f"not calibrated: {judged} figures could be judged, {SCORES_MIN} are needed"
    elif not shown:
        reason = f"not calibrated: bands at earlier origins held {100 * coverage:.1f} %, not 85 to 95"
    return HorizonCheck(horizon, coverage, judged, *errors, shown, reason)


def past_errors(
    past: Panel, rolling: Rolling, origin: int, horizon: int
) -> tuple[float | None, float | None, float | None]:
    """Mean absolute errors of method, baseline and last value at the last five origins whose target was known."""
    rows = [r for r in range(rolling.at(origin - horizon), -1, -1) if np.isfinite(rolling.errors[r, horizon - 1]).any()]
    rows = rows[:JUDGED_ORIGINS]
    if not rows:
        return None, None, None
    known = np.isfinite(rolling.errors[rows, horizon - 1])
    made = rolling.forecasts[rows, horizon - 1]
    truth = np.array([past.year(rolling.first + r + horizon) for r in rows])
    last = np.array([past.year(rolling.first + r) for r in rows])
    drifted = rolling.start[rows] + horizon * rolling.drift[rows][:, None]
    if past.scale == "percent":
        candidates = (from_scale(made, past.scale), from_scale(drifted, past.scale), last)
    else:
        truth, candidates = to_scale(truth, past.scale, past.floor), (made, drifted, rolling.start[rows])
    mean = [float(np.abs(c - truth)[known].mean()) for c in candidates]
    return mean[0], mean[1], mean[2]


def refuse_if_worse(checks: Sequence[HorizonCheck]) -> None:
    judged = [c for c in checks if c.error is not None and c.error_last is not None]
    if not judged:
        what = "no earlier origin reaches far enough to say whether a forecast here is better than the last value."
        raise MethodError(what, hint="Give longer series, or a nearer year.", code="not_judged")
    last = judged[-1]
    assert last.error is not None
    assert last.error_last is not None
    if last.error > last.error_last:
        what = (
            f"at the last origins that can be judged, {last.horizon} years ahead, the forecast missed the logarithm by "
            f"{last.error:.2f} on average and the last value by {last.error_last:.2f}."
        )
        hint = "A figure without a ceiling whose growth has slowed is not forecast here; the last value serves better."
        raise MethodError(what, hint=hint, code="worse_than_last")
