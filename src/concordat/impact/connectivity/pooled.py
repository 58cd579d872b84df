"""Where will a share that many areas share stand in h years, if each area borrows its trend from the others?

Three members are averaged (specification, section 8), all of them pooled, because an area's own past drift says next to
nothing about its next seven years (giving it half its own drift raised the error from 7.5 to 8.9 points):

- *baseline*, weight 1/4: `z + h d` on the logit scale, `d` the median over areas of `(z_t - z_(t-5)) / 5`. No ceiling.
- *Gompertz*, weight 1/4: the same on the scale of the Gompertz curve, `-ln(-ln p)`, whose growth in points peaks at
  37 % and then falls towards saturation.
- *hierarchical*, weight 1/2: `z + h d - (1 - exp(-k h)) u`, where `u` is how far the area stands above the level of its
  peers. Levels of peers are partially pooled: an intercept, an effect for each income group and one for each region,
  shrunk towards zero by their own estimated variance, under Student-t noise (4 degrees of freedom). `k`, the yearly
  rate at which areas come back to their peers, is estimated from the five-year changes that end in the last three
  years up to the origin, and is never negative.

A drift damped by its own past slow-down was tried and left out: it helps figures that have just begun (fixed broadband)
and makes internet users worse at later origins, where the slow-down ended.

A figure with no ceiling (`log`) has no Gompertz member; the other two weigh one half each. Weights are fixed and simple
on purpose: weights fitted to past errors would have to be fitted to the few origins that there are.

Only columns up to the origin are read. Gaps inside a series are bridged by a line on the scale, never beyond its last
figure; an area whose last figure is older starts from it, moved to the origin by the common drift.

What this does not do: explain why shares rise, or know of wars, prices and policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.impact.connectivity.series import CLIP, Floats, Panel, Scale, from_scale

LAG = 5  # years over which a drift is measured (specification, section 8)
LAG_MIN = 3
STALE_YEARS = 3  # an older last figure is no witness of the present
WINDOWS = 3
AREAS_MIN = 5
RATE_MAX = 0.15  # half of a distance gone in under five years; faster is noise in the figures
FREEDOM = 4.0
STEPS_MAX = 30
TOLERANCE = 1e-4  # of a logit: two thousandths of a point
SPREAD_START = 0.5
WEIGHTS = {
    "percent": {"baseline": 0.25, "gompertz": 0.25, "hierarchical": 0.5},
    "log": {"baseline": 0.5, "hierarchical": 0.5},
}


@dataclass(frozen=True, slots=True)
class Pooled:
    """What all areas together say at one origin.

    Attributes:
        origin: the last year that was read.
        level: (A,) where each area stands at the origin on the scale; NaN for an area that has no figure.
        peers: (A,) the level of its peers. last: (A,) the year of its last figure, -1 without one. count: (A,) figures.
        drift: the common yearly change on the scale. drift_gompertz: the same on the Gompertz scale, NaN for `log`.
        rate: the yearly share of a distance to peers that is made up. drift_areas: how many areas the drift is of.
    """

    origin: int
    level: Floats
    peers: Floats
    last: Floats
    count: Floats
    drift: float
    drift_gompertz: float
    rate: float
    drift_areas: int


def fit_pooled(panel: Panel, origin: int, peers: Peers, *, blind: bool = False) -> Pooled:
    """What is learned from all areas up to an origin.

    Args:
        panel: the table; columns after the origin are not read.
        peers: of the labels known at the origin.
        blind: let every area start from the level of its peers, as one without a figure does.

    Raises:
        MethodError: fewer than five areas have figures three to five years apart.
    """
    past = panel.until(origin)
    raw = past.scaled()
    if not raw.shape[1]:
        raise MethodError(f"there are no figures by {origin}.", hint="Choose a later origin.", code="too_few_areas")
    z, last = bridged(raw)
    width = raw.shape[1]
    drift, drift_areas = _common_drift(z, last, width)
    if drift_areas < AREAS_MIN:
        what = f"only {drift_areas} areas have figures {LAG_MIN} to {LAG} years apart by {origin}"
        hint = f"A pooled forecast needs {AREAS_MIN}: give more areas or longer series."
        raise MethodError(f"{what}.", hint=hint, code="too_few_areas")
    rows = np.arange(len(panel.areas))
    level = np.where(last >= 0, z[rows, np.maximum(last, 0)] + drift * (width - 1 - last), np.nan)
    fresh = np.where(width - 1 - last <= STALE_YEARS, level, np.nan)
    return Pooled(
        origin=origin,
        level=np.full(level.shape, np.nan) if blind else level,
        peers=peers.level(fresh),
        last=np.where(last >= 0, last + panel.first_year, -1).astype(np.float64),
        count=np.isfinite(raw).sum(axis=1).astype(np.float64),
        drift=drift,
        drift_gompertz=_gompertz_drift(past, width) if panel.scale == "percent" else float("nan"),
        rate=_return_rate(z, width, peers),
        drift_areas=drift_areas,
    )


def paths(pooled: Pooled, horizons: Floats, scale: Scale) -> Floats:
    """The forecast of every area and horizon, in the figure's own unit.

    Args:
        horizons: (H,) years after the origin.

    Returns:
        (A, H). An area without any figure starts from the level of its peers.
    """
    level = np.where(np.isfinite(pooled.level), pooled.level, pooled.peers)[:, None]
    h = np.asarray(horizons, dtype=np.float64)[None, :]
    made = members(level, pooled.peers[:, None], h, pooled, scale)
    weights = WEIGHTS[scale]
    return np.asarray(sum(weights[name] * made[name] for name in weights))


def members(level: Floats, peers: Floats, h: Floats, pooled: Pooled, scale: Scale) -> dict[str, Floats]:
    """Each member's forecast apart; arrays broadcast."""
    above = level - peers
    made = {
        "baseline": from_scale(level + h * pooled.drift, scale),
        "hierarchical": from_scale(level + h * pooled.drift - (1.0 - np.exp(-pooled.rate * h)) * above, scale),
    }
    if scale == "percent":
        made["gompertz"] = from_gompertz(to_gompertz(from_scale(level, scale)) + h * pooled.drift_gompertz)
    return made


def to_gompertz(percent: Floats) -> Floats:
    """`-ln(-ln p)`, on which a Gompertz curve with the ceiling 100 is a straight line."""
    return np.asarray(-np.log(-np.log(np.clip(percent, *CLIP) / 100.0)))


def from_gompertz(w: Floats) -> Floats:
    """Back to percent."""
    return np.asarray(100.0 * np.exp(-np.exp(-w)))


# --- Drift and return ---------------------------------------------------------------------------------------------


def bridged(z: Floats) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Gaps inside each series bridged by lines, and the column of each last figure (-1 without one)."""
    count, width = z.shape
    seen = np.isfinite(z)
    columns = np.arange(width)
    before = np.maximum.accumulate(np.where(seen, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(seen, columns, width)[:, ::-1], axis=1)[:, ::-1]
    inside = ~seen & (before >= 0) & (after < width)
    rows = np.arange(count)[:, None]
    left, right = z[rows, np.maximum(before, 0)], z[rows, np.minimum(after, width - 1)]
    step = np.maximum(after - before, 1)
    filled = np.where(inside, left + (right - left) * (columns - before) / step, z)
    return filled, before[:, -1] if width else np.full(count, -1)


def _yearly_changes(z: Floats, last: np.ndarray[tuple[int], np.dtype[np.int64]], width: int) -> Floats:
    """Each area's yearly change over the five years before its last figure, over four or three where it began later."""
    rows = np.arange(z.shape[0])
    found = np.full(z.shape[0], np.nan)
    for lag in range(LAG_MIN, LAG + 1):  # the longest lag is written last
        start = last - lag
        ok = (start >= 0) & (width - 1 - last <= STALE_YEARS)
        change = (z[rows, np.maximum(last, 0)] - z[rows, np.maximum(start, 0)]) / lag
        found = np.where(ok & np.isfinite(change), change, found)
    return found


def _common_drift(z: Floats, last: np.ndarray[tuple[int], np.dtype[np.int64]], width: int) -> tuple[float, int]:
    changes = _yearly_changes(z, last, width)
    known = changes[np.isfinite(changes)]
    return (float(np.median(known)) if known.size else float("nan")), int(known.size)


def _gompertz_drift(past: Panel, width: int) -> float:
    w, last = bridged(to_gompertz(past.values))
    return _common_drift(w, last, width)[0]


def _return_rate(z: Floats, width: int, peers: Peers) -> float:
    """The yearly rate at which areas came back to their peers in the windows that end last; 0 if they did not."""
    starts, changes = [], []
    for end in range(width - WINDOWS, width):
        if end - LAG < 0:
            continue
        above = z[:, end - LAG] - peers.level(z[:, end - LAG])
        change = z[:, end] - z[:, end - LAG]
        ok = np.isfinite(above) & np.isfinite(change)
        if ok.sum() >= AREAS_MIN:
            starts.append(above[ok])
            changes.append(change[ok] - np.median(change[ok]))
    if not starts:
        return 0.0
    x = np.concatenate(starts)
    slope = robust_fit(np.column_stack([np.ones_like(x), x]), np.concatenate(changes), np.zeros(2))[1]
    kept = float(np.clip(1.0 + slope, np.exp(-RATE_MAX * LAG), 1.0))
    return float(-np.log(kept)) / LAG + 0.0


# --- Level of peers -----------------------------------------------------------------------------------------------


class Peers:
    """The level that an area's group and region lead one to expect, year by year.

    Rolling origins ask for the same years again and again; each is fitted once.
    """

    def __init__(self, groups: Sequence[str], regions: Sequence[str]) -> None:
        self.design, self.kinds = _design(groups, regions)
        self._fitted: dict[bytes, Floats] = {}

    def level(self, level: Floats) -> Floats:
        """For every area, also those without a figure: the level of its peers, given everyone's `(A,)`."""
        key = level.tobytes()
        if key not in self._fitted:
            self._fitted[key] = self._fit(level)
        return self._fitted[key]

    def _fit(self, level: Floats) -> Floats:
        seen = np.isfinite(level)
        if not seen.any():
            return np.full(level.shape, np.nan)
        centre = float(np.median(level[seen]))
        return np.asarray(centre + self.design @ robust_fit(self.design[seen], level[seen] - centre, self.kinds))


def _design(groups: Sequence[str], regions: Sequence[str]) -> tuple[Floats, Floats]:
    """Columns of ones and zeros: all, each group, each region; and each column's kind (0, 1, 2)."""
    columns, kinds = [np.ones(len(groups))], [0.0]
    for kind, labels in ((1.0, groups), (2.0, regions)):
        for name in sorted(set(labels) - {""}):
            columns.append(np.array([label == name for label in labels], dtype=np.float64))
            kinds.append(kind)
    return np.column_stack(columns), np.array(kinds)


def robust_fit(x: Floats, y: Floats, kinds: Floats) -> Floats:
    """Coefficients under Student-t noise, those of a kind above zero shrunk by the variance of their kind.

    Expectation-maximisation: observations are reweighted by `(v + 1) / (v + r^2 / s^2)`, noise and the variance of each
    kind of effect are re-estimated (Lange, Little and Taylor 1989 for the t; empirical Bayes for the effects), until
    coefficients stand still to 1e-4, at most 30 steps.
    """
    count, width = x.shape
    weights = np.ones(count)
    noise = max(float(np.median(np.abs(y - np.median(y)))) ** 2, 1e-12)
    spread = np.where(kinds > 0, SPREAD_START, np.inf)
    found = np.zeros(width)
    of_kind = [of for kind in (1.0, 2.0) if (of := kinds == kind).any()]
    for _ in range(STEPS_MAX):
        xw = x * weights[:, None]
        precision = xw.T @ x
        precision.flat[:: width + 1] += noise / spread**2 + 1e-9
        inverse = np.linalg.inv(precision)
        new = inverse @ (xw.T @ y)
        squares = (y - x @ new) ** 2
        noise = max(float((weights * squares).sum() / count), 1e-12)
        weights = (FREEDOM + 1.0) / (FREEDOM + squares / noise)
        for of in of_kind:
            mean_square = float((new[of] ** 2 + noise * inverse.diagonal()[of]).mean())
            spread[of] = max(mean_square, 1e-6) ** 0.5
        done = float(np.abs(new - found).max()) < TOLERANCE
        found = new
        if done:
            break
    return found
