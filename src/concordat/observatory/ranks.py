"""How sure is each place: the distribution of ranks over runs, who is ahead of whom, what can't be told apart.

From scores `[run, unit]` and what each run counts (its probability, which only an enumeration has unequal):

- per unit: nominal rank, mean, median, 5 % and 95 %, lowest, highest, P(top 3, 5, 10). A quantile is the smallest rank
  with F >= q, so it is always a place that was taken. Rank 1 is the highest score, ties share the best place.
- `ahead[i, j]`: the share of runs in which i scores higher than j, plus half of those in which they tie.
- plateaus: from the best by median rank (then by mean, then in the order given), a unit opens a new plateau when the
  head of the present one is ahead of it in 95 % of the runs or more. Units of one plateau can't be told apart.

A unit without a score in a run has no rank in it. Its statistics are over the runs in which it has one, `ahead` over
those in which both have; how many are missing stands beside. Runs that count nothing (the mixtures of a sensitivity
design) are left out everywhere. An interval shows the assumptions that were varied, not every error.

    >>> import numpy as np
    >>> table = rank_table(np.array([[3.0, 2.0, 1.0], [2.0, 3.0, 1.0]]), nominal=np.array([3.0, 2.0, 1.0]))
    >>> table.mean.tolist(), table.low.tolist(), table.high.tolist()
    ([1.5, 1.5, 3.0], [1.0, 1.0, 3.0], [2.0, 2.0, 3.0])
    >>> table.ahead[0].tolist(), table.plateau.tolist()
    ([0.5, 0.5, 1.0], [1, 1, 2])
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.ranks_core import rank_min

TOP = (3, 5, 10)
AHEAD = 0.95  # specification, section 5: P(head > unit) from which a unit opens a new plateau
POOR_DATA = 1 / 3  # imputed share above which data are poor
_SLACK = 1e-12  # what rounding takes from sums of probabilities that should meet q exactly
_BLOCK = 2048  # runs compared at once: a row of comparisons stays in the cache


@dataclass(frozen=True, slots=True, eq=False)
class RankTable:
    """The distribution of each unit's rank. All arrays are `[unit]` unless said; NaN where a unit is never ranked.

    Attributes:
        nominal: the rank of the index as the file states it.
        low, high: 5 % and 95 %.
        top: `[which of tops, unit]`, probabilities to be among the best.
        missing: the share of runs (as they count) without a rank; `runs_missing` their number.
        plateau: numbered from 1 for the best; 0 for a unit that is never ranked.
        places: `[rank, unit]`, the probability of each rank, of the runs with one.
        ahead: `[unit, unit]`, P(row > column); NaN where no run ranks both.
        runs: how many runs counted.
    """

    nominal: Array
    mean: Array
    median: Array
    low: Array
    high: Array
    lowest: Array
    highest: Array
    top: Array
    tops: tuple[int, ...]
    missing: Array
    runs_missing: Ints
    plateau: Ints
    places: Array
    ahead: Array
    runs: int

    def only(self, chosen: Bools) -> RankTable:
        """The same table for some of the units, as ranked among all: what it says of members with poor data, say."""
        kept = {f.name: getattr(self, f.name)[..., chosen] for f in fields(self) if f.name not in ("tops", "runs")}
        return replace(self, **kept | {"ahead": self.ahead[chosen][:, chosen]})


def rank_table(
    scores: Array, *, nominal: Array | None = None, probability: Array | None = None, tops: tuple[int, ...] = TOP
) -> RankTable:
    """The distribution of ranks from scores `[run, unit]`.

    Args:
        nominal: scores `[unit]` of the index as stated; ranks NaN without.
        probability: what each run counts; all alike without.

    Raises:
        InputError: no run counts, or shapes don't fit.
    """
    scores, weights = _counted(scores, probability)
    runs, units = scores.shape
    if nominal is not None and np.shape(nominal) != (units,):
        what = f"{np.size(nominal)} nominal scores for {units} units."
        raise InputError(what, hint="Give one for each unit.", code="shape")
    ranks = rank_min(scores)
    ranked = ~np.isnan(ranks)
    places, share = _places(ranks, ranked, weights)
    upto = np.cumsum(places, axis=0)
    numbers = np.arange(1, units + 1, dtype=np.float64)
    mean = numbers @ places
    median, low, high = (_quantile(upto, q) for q in (0.5, 0.05, 0.95))
    best = np.array([upto[min(k, units) - 1] if units else upto.sum(axis=0) for k in tops]).reshape(len(tops), units)
    never = share <= 0
    ahead = ahead_of(scores, ranks, weights)
    taken = places > 0
    lowest = np.where(never, np.nan, taken.argmax(axis=0) + 1.0)
    highest = np.where(never, np.nan, units - taken[::-1].argmax(axis=0))
    return RankTable(
        nominal=np.full(units, np.nan) if nominal is None else rank_min(np.asarray(nominal, dtype=np.float64)),
        mean=np.where(never, np.nan, mean),
        median=median,
        low=low,
        high=high,
        lowest=lowest,
        highest=highest,
        top=np.where(never, np.nan, np.minimum(best, 1.0)),
        tops=tops,
        missing=np.where(ranked.all(axis=0), 0.0, 1 - share),
        runs_missing=np.asarray((~ranked).sum(axis=0), dtype=np.int64),
        plateau=plateaus(median, mean, ahead),
        places=places,
        ahead=ahead,
        runs=runs,
    )


def _counted(scores: Array, probability: Array | None) -> tuple[Array, Array]:
    """The runs that count, and their shares adding to 1."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise InputError(f"scores have the shape {scores.shape}.", hint="Give [run, unit].", code="shape")
    weights = np.ones(len(scores)) if probability is None else np.asarray(probability, dtype=np.float64)
    if weights.shape != (len(scores),) or not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        hint = "Give one number of 0 or more for each run, not all 0."
        raise InputError(f"{weights.size} probabilities do not fit {len(scores)} runs.", hint=hint, code="shape")
    kept = weights > 0
    if not kept.all():
        scores, weights = scores[kept], weights[kept]
    return scores, weights / weights.sum()


def _places(ranks: Array, ranked: Bools, weights: Array) -> tuple[Array, Array]:
    """The probability of each rank `[rank, unit]` of the runs with one, and the share `[unit]` of such runs."""
    units = ranks.shape[1]
    cells = (np.where(ranked, ranks, units + 1).astype(np.int64) - 1) * units + np.arange(units)
    counts = np.bincount(cells.ravel(), np.repeat(weights, units), minlength=(units + 1) * units)
    places = counts.reshape(units + 1, units)[:units]
    share = places.sum(axis=0)
    return places / np.where(share > 0, share, 1.0), share


def _quantile(upto: Array, q: float) -> Array:
    """The smallest rank with F >= q; NaN where there is no rank."""
    reached = upto >= q - _SLACK
    return np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.nan)


def ahead_of(scores: Array, ranks: Array, weights: Array) -> Array:
    """P(row scores higher than column) plus half of P(tie), of the runs in which both are ranked.

    Ranks are compared where all are there, since they tie exactly where scores do and are shorter numbers.
    """
    runs, units = scores.shape
    missing = np.isnan(ranks)
    whole = not missing.any()
    compact = np.ascontiguousarray(-ranks.T.astype(np.int16) if whole and units < 2**15 else scores.T)
    above, below = np.zeros((units, units)), np.zeros((units, units))
    even = bool((weights == weights[0]).all())
    for start in range(0, runs, _BLOCK):
        block, w = compact[:, start : start + _BLOCK], weights[start : start + _BLOCK]
        for i in range(units - 1):
            above[i, i + 1 :] += _share(block[i] > block[i + 1 :], w, even)
            below[i, i + 1 :] += _share(block[i] < block[i + 1 :], w, even)
    both = np.ones((units, units)) if whole else ((~missing).T * weights) @ (~missing).astype(np.float64)
    higher, lower = above + below.T, below + above.T
    never = both <= 0
    found = (higher + (both - higher - lower) / 2) / np.where(never, 1.0, both)
    np.fill_diagonal(found, 0.5)
    found[never] = np.nan
    return np.clip(found, 0.0, 1.0)


def _share(holds: Bools, weights: Array, even: bool) -> Array:
    """The share of runs in which something holds, for each row."""
    if even:
        return np.asarray(holds.sum(axis=1, dtype=np.int32) * weights[0])
    return np.asarray(holds @ weights)


def plateaus(median: Array, mean: Array, ahead: Array, limit: float = AHEAD) -> Ints:
    """The plateau of each unit, from 1; 0 for one that is never ranked."""
    number, head = 0, -1
    found = np.zeros(len(median), dtype=np.int64)
    for unit in by_median(median, mean).tolist():
        if np.isnan(median[unit]):
            continue
        if head < 0 or ahead[head, unit] >= limit - _SLACK:
            number, head = number + 1, unit
        found[unit] = number
    return found


def by_median(median: Array, mean: Array) -> Ints:
    """Units from the best median rank to the worst; equal ones by mean, then as given; never ranked ones last."""
    return np.lexsort((np.arange(len(median)), mean, median)).astype(np.int64)


def plateau_places(table: RankTable) -> tuple[tuple[int, int], ...]:
    """First and last place of each plateau along the medians: (3, 7) is "places 3 to 7 cannot be told apart"."""
    sizes = np.bincount(table.plateau)[1:]
    last = np.cumsum(sizes)
    return tuple((int(end - size + 1), int(end)) for end, size in zip(last, sizes, strict=True))


def poor_data(imputed_share: Array, limit: float = POOR_DATA) -> Bools:
    """Units of which more than a third of the figures are imputed: fairness asks for their table on its own."""
    return np.asarray(np.asarray(imputed_share) > limit)
