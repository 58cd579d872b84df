"""How wide is the band around a forecast, and does such a band hold what it promises?

Split-conformal prediction (Papadopoulos et al. 2002; Lei et al. 2018) on rolling origins: the model is fitted at each
earlier origin with only what was known then, and its absolute errors on the scale are the scores. For horizon h at
origin o the scores are those of horizons j from h/2 to h whose target years are the last ones up to o (two, or as many
up to five as it takes to have a thousand scores), so that nothing after the origin is used and the band follows the
errors of its own time; an error of horizon j counts `(h/j)^g`, `g` the
slope of log median error on log horizon in the same years. Scores are divided by the median score of areas that started
as high (quarters of the starting level, each drawn towards the median of all by thirty scores), and the quantile is
taken within the area's income group where it has a hundred scores, else over all. The half-width is quantile times the
area's own median. Half-widths of one origin are then made never to fall with the horizon, by isotonic regression.

Errors of neighbouring origins and countries are not exchangeable, so coverage is measured and not claimed: a band is
shown only if bands made in the same way at the last five origins that can be judged held 85 to 95 % of what came.

What this does not do: give bands for an event that the past errors do not contain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.connectivity.pooled import Peers, fit_pooled, paths
from concordat.impact.connectivity.series import Floats, Groups, Panel, labels_at, to_scale

LEVEL = 0.90
COVERAGE = (0.85, 0.95)  # specification, section 8
TARGET_YEARS = (2, 5)
SCORES_WANTED = 1000
JUDGED_ORIGINS = 5
SCORES_MIN = 100
CLASSES = 4
DRAWN = 30.0
GROWTH = (0.3, 1.0)
GROWTH_SCORES_MIN = 50
HISTORY_MIN = 4  # columns before the first rolling origin: a drift needs three years


@dataclass(frozen=True, slots=True)
class Rolling:
    """Errors of the same method at earlier origins.

    Attributes:
        first: the first origin; one row each year from there.
        errors: (S, H, A) figure minus forecast on the scale, NaN where there was no figure at the origin or the target.
        forecasts: (S, H, A) the forecasts, on the scale. start: (S, A) the figure at the origin, on the scale.
        groups: (S, A) labels as known at each origin. drift: (S,) the common drift found at each.
        bands: origin -> the band table made there, as far as it was asked for.
    """

    first: int
    errors: Floats
    forecasts: Floats
    start: Floats
    groups: NDArray[np.str_]
    drift: Floats
    bands: dict[int, Floats] = field(default_factory=dict, compare=False, repr=False)

    def at(self, origin: int) -> int:
        """The row of an origin; negative or beyond the end where there is none."""
        return origin - self.first


def roll(
    panel: Panel,
    groups: Groups,
    regions: Groups,
    last: int,
    horizon: int,
    *,
    blind: bool = False,
    first: int | None = None,
) -> Rolling:
    """Fit the method at every origin up to `last`, each with only what was known then.

    Args:
        horizon: the longest, in years.
        blind: forecast every area as if it had no figure of its own, from the level of its peers.
        first: the earliest origin wanted; by default the earliest that can be.
    """
    begin = max(panel.first_year + HISTORY_MIN, panel.first_year if first is None else first)
    steps = np.arange(1, horizon + 1, dtype=np.float64)
    z = panel.scaled()
    blank = np.full((len(steps), len(panel.areas)), np.nan)
    errors, forecasts, start, labels, drift = [], [], [], [], []
    known_peers: dict[tuple[tuple[str, ...], tuple[str, ...]], Peers] = {}
    for origin in range(begin, last + 1):
        group = labels_at(groups, origin, panel.areas)
        column = origin - panel.first_year
        start.append(z[:, column])
        labels.append(group)
        region = labels_at(regions, origin, panel.areas)
        peers = known_peers.setdefault((group, region), Peers(group, region))
        try:
            fitted = fit_pooled(panel, origin, peers, blind=blind)
        except MethodError:  # too few areas so early: no errors of that year
            errors.append(blank)
            forecasts.append(blank)
            drift.append(np.nan)
            continue
        made = to_scale(paths(fitted, steps, panel.scale), panel.scale, panel.floor).T
        error = blank.copy()
        known = z[:, column + 1 : column + 1 + horizon].T
        error[: len(known)] = known - made[: len(known)]
        error[:, ~np.isfinite(z[:, column])] = np.nan
        errors.append(error)
        forecasts.append(made)
        drift.append(fitted.drift)
    shape = (0, len(steps), len(panel.areas))
    return Rolling(
        begin,
        np.array(errors) if errors else np.empty(shape),
        np.array(forecasts) if forecasts else np.empty(shape),
        np.array(start) if start else np.empty((0, len(panel.areas))),
        np.array(labels, dtype=np.str_) if labels else np.empty((0, len(panel.areas)), dtype=np.str_),
        np.array(drift, dtype=np.float64),
    )


def band_table(rolling: Rolling, origin: int, start: Floats, groups: NDArray[np.str_], level: float = LEVEL) -> Floats:
    """Half of the band's width on the scale, for every horizon and area, from errors that were known at the origin.

    Args:
        start: (A,) the figure that each area starts from, on the scale. groups: (A,) its label at the origin.

    Returns:
        (H, A), never narrower at a longer horizon: quantiles that fall are averaged with those before (isotonic
        regression). NaN for horizons with fewer than a hundred scores and all beyond.
    """
    pools: dict[tuple[int, int], _Pool] = {}
    made = [
        _half_widths(rolling, origin, h, start, groups, level, pools) for h in range(1, rolling.errors.shape[1] + 1)
    ]
    known = next((h for h, row in enumerate(made) if not np.isfinite(row).all()), len(made))
    table = np.array(made)
    table[known:] = np.nan
    table[:known] = _isotonic(table[:known])
    return table


def _isotonic(rows: Floats) -> Floats:
    """Least-squares fit that never falls from row to row, for each column: max-min of means (Barlow et al. 1972)."""
    count = len(rows)
    sums = np.vstack([np.zeros(rows.shape[1]), np.cumsum(rows, axis=0)])
    fitted = np.empty_like(rows)
    for i in range(count):
        means = [
            np.min([(sums[last + 1] - sums[first]) / (last + 1 - first) for last in range(i, count)], axis=0)
            for first in range(i + 1)
        ]
        fitted[i] = np.max(means, axis=0)
    return fitted


def _half_widths(
    rolling: Rolling,
    origin: int,
    horizon: int,
    start: Floats,
    groups: NDArray[np.str_],
    level: float,
    pools: dict[tuple[int, int], _Pool],
) -> Floats:
    """One horizon's half-widths before they are made to rise; NaN everywhere with fewer than a hundred scores."""
    used, years = _window(rolling, origin, horizon, pools)
    shortest = -(-horizon // 2)
    growth = _growth({j: pools[j, years] for j in range(1, horizon + 1)})
    parts = [(pool, (horizon / j) ** growth) for j, pool in used.items() if j >= shortest and pool.size.size]
    if sum(pool.size.size for pool, _ in parts) < SCORES_MIN:
        return np.full(start.shape, np.nan)
    size = np.concatenate([pool.size * factor for pool, factor in parts])
    begun = np.concatenate([pool.start for pool, _ in parts])
    group = np.concatenate([pool.groups for pool, _ in parts])
    edges = np.quantile(begun, np.arange(1, CLASSES) / CLASSES)
    place = np.digitize(begun, edges)
    local = _local_median(size, place)
    relative = size / local[place]
    quantile = np.full(start.shape, _conformal(relative, level))
    for name in np.unique(groups):
        own = relative[group == name]
        if name and own.size >= SCORES_MIN:
            quantile[groups == name] = _conformal(own, level)
    return np.asarray(quantile * local[np.digitize(np.where(np.isfinite(start), start, np.median(begun)), edges)])


def _window(
    rolling: Rolling, origin: int, horizon: int, pools: dict[tuple[int, int], _Pool]
) -> tuple[dict[int, _Pool], int]:
    """The scores of horizons 1 to h of the last target years: two, or as many up to five as a thousand scores take."""
    shortest = -(-horizon // 2)
    found: dict[int, _Pool] = {}
    for years in range(TARGET_YEARS[0], TARGET_YEARS[1] + 1):
        for j in range(1, horizon + 1):
            if (j, years) not in pools:
                pools[j, years] = _scores(rolling, origin, j, years)
        found = {j: pools[j, years] for j in range(1, horizon + 1)}
        if sum(pool.size.size for j, pool in found.items() if j >= shortest) >= SCORES_WANTED:
            return found, years
    return found, TARGET_YEARS[1]


def covered(rolling: Rolling, origin: int, horizon: int) -> NDArray[np.bool_]:
    """Whether the bands made at an origin held what came `horizon` years later, for the areas that can be judged."""
    row = rolling.at(origin)
    if not 0 <= row < len(rolling.errors):
        return np.empty(0, dtype=bool)
    width, error = own_bands(rolling, origin)[horizon - 1], rolling.errors[row, horizon - 1]
    judged = np.isfinite(error) & np.isfinite(width)
    return np.asarray(np.abs(error[judged]) <= width[judged])


def own_bands(rolling: Rolling, origin: int) -> Floats:
    """The band table that was made at one of the rolling origins; each is made once."""
    if origin not in rolling.bands:
        row = rolling.at(origin)
        rolling.bands[origin] = band_table(rolling, origin, rolling.start[row], rolling.groups[row])
    return rolling.bands[origin]


def rolling_coverage(rolling: Rolling, origin: int, horizon: int) -> tuple[float | None, int]:
    """Share of figures inside the bands of the last five origins that can be judged by `origin`, and how many figures.

    Returns:
        None when fewer than a hundred figures can be judged.
    """
    held: list[NDArray[np.bool_]] = []
    for earlier in range(origin - horizon, rolling.first - 1, -1):
        inside = covered(rolling, earlier, horizon)
        if inside.size:
            held.append(inside)
        if len(held) == JUDGED_ORIGINS:
            break
    flat = np.concatenate(held) if held else np.empty(0, dtype=bool)
    return (float(flat.mean()), int(flat.size)) if flat.size >= SCORES_MIN else (None, int(flat.size))


def calibrated(coverage: float | None) -> bool:
    """Whether a band may be shown."""
    return coverage is not None and COVERAGE[0] <= coverage <= COVERAGE[1]


# --- Scores -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pool:
    """Scores of one horizon with where they started and in which group; `median` is taken once, they are read often."""

    median: float
    size: Floats
    start: Floats
    groups: NDArray[np.str_]


def _scores(rolling: Rolling, origin: int, horizon: int, years: int) -> _Pool:
    """Absolute errors of one horizon whose target years are the last few up to the origin."""
    rows = [
        r for t in range(origin - years + 1, origin + 1) if 0 <= (r := rolling.at(t - horizon)) < len(rolling.errors)
    ]
    error = np.abs(rolling.errors[rows, horizon - 1])
    known = np.isfinite(error)
    size = error[known]
    return _Pool(
        float(np.median(size)) if size.size else 0.0, size, rolling.start[rows][known], rolling.groups[rows][known]
    )


def _growth(pools: dict[int, _Pool]) -> float:
    """How errors grow with the horizon: the exponent, between 0.3 and 1; 1 where too little is known."""
    known = [(j, p.median) for j, p in pools.items() if p.size.size >= GROWTH_SCORES_MIN and p.median > 0.0]
    if len(known) < 3:
        return GROWTH[1]
    x, y = np.log([j for j, _ in known]), np.log([m for _, m in known])
    x = x - x.mean()
    return float(np.clip((x * y).sum() / (x * x).sum(), *GROWTH))


def _local_median(size: Floats, place: NDArray[np.int_]) -> Floats:
    """The median score of each class of starting level, drawn towards that of all."""
    every = max(float(np.median(size)), 1e-9)
    made = np.full(CLASSES, every)
    for k in range(CLASSES):
        own = size[place == k]
        if own.size:
            made[k] = (float(np.median(own)) * own.size + every * DRAWN) / (own.size + DRAWN)
    return made


def _conformal(scores: Floats, level: float) -> float:
    """The score of rank `ceil((n + 1) level)`, the finite-sample quantile of split-conformal prediction."""
    rank = min(int(np.ceil((scores.size + 1) * level)), scores.size) - 1
    return float(np.partition(scores, rank)[rank])
