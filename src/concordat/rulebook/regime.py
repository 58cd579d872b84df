"""How deep, how alike and how scattered are the rules between the members of a bloc?

Pure functions on arrays (section 9 of the specification). a_p(i, j) is the largest legal ordinal of provision p over
the instruments in force between i and j, 0 where there is none, and m_p the largest that p's scale has.

    depth of topic T     D_T(i, j) = sum over p in T of a_p / m_p, divided by the number of provisions of T
    depth                the mean of D_T over topics (topics count the same, and provisions inside a topic)
    heterogeneity        H(i, j) = sum w_p [a_p(i) != a_p(j)] / sum w_p over p that is answered for both, where a_p(i)
                         is the largest a_p(i, j) over all partners; graded: |a_p(i) - a_p(j)| / m_p in place of [...]
                         (J. Ferencz, The OECD Digital Services Trade Restrictiveness Index, OECD Trade Policy Papers
                         221, 2019; H. Nordås, Services Trade Restrictiveness Index (STRI): the trade effect of
                         regulatory differences, OECD Trade Policy Papers 189, 2016)
    convergence          the change of mean H between the first and the last year, with a 90% interval by leaving out
                         one member at a time (R. Miller, The jackknife, Biometrika 61, 1974)
    fragmentation of T   1 - the share of pairs with a rule of T at depth 1 (2) or more, and the connected components

These are depths of paper: not whether a rule is kept, nor what it does. Figures are None, with the reason, where less
than 0.6 of the instruments that they rest on have a coded text.

    >>> heterogeneity(np.array([2, 0, 1]), np.array([2, 1, 3]), np.array([2, 2, 3]))
    0.6666666666666666
    >>> round(heterogeneity(np.array([2, 0, 1]), np.array([2, 1, 3]), np.array([2, 2, 3]), graded=True), 4)
    0.3889
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concordat.errors import MethodError
from concordat.rulebook.taxonomy import Taxonomy

Array = NDArray[np.float64]
Levels = NDArray[np.int8]

COVERAGE_MIN = 0.6
CONFIDENCE = 0.9
NO_INSTRUMENT = "no instrument known to us"
NO_TEXT = "no text coded"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 5-95% interval and what it rests on; value None has a reason.

    Attributes:
        coverage: share of the instruments in force that it is about whose text is coded; None where there is none.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    coverage: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Scales:
    """The provisions that have a depth: structural ones are left out.

    Attributes:
        codes: of provisions. topics: codes of topics. topic: the place of each provision's topic. highest: m_p.
        weights: topics the same, provisions the same inside a topic; they add up to 1.
    """

    codes: tuple[str, ...]
    topics: tuple[str, ...]
    topic: NDArray[np.intp]
    highest: Array
    weights: Array

    @classmethod
    def of(cls, book: Taxonomy) -> Scales:
        """From a taxonomy."""
        some = [p for p in book.provisions.values() if not p.structural]
        topics = tuple(t for t in book.topics if any(p.topic == t for p in some))
        place = np.array([topics.index(p.topic) for p in some], dtype=np.intp)
        sizes = np.bincount(place, minlength=len(topics))
        highest = np.array([p.highest for p in some], dtype=float)
        return cls(tuple(p.code for p in some), topics, place, highest, 1.0 / (sizes[place] * len(topics)))

    @property
    def members(self) -> Array:
        """1 where a provision (row) belongs to a topic (column)."""
        return np.asarray(self.topic[:, None] == np.arange(len(self.topics)), dtype=float)


def deepest(ordinals: Levels, sets: NDArray[np.bool_]) -> Levels:
    """a_p for sets of instruments `[set, provision]`: the largest ordinal of each provision over a set, 0 if none.

    Args:
        ordinals: `[instrument, provision]`. sets: which instruments are in each, `[set, instrument]`.
    """
    found = np.zeros((len(sets), ordinals.shape[1]), dtype=np.int8)
    for k in range(len(ordinals)):
        here = sets[:, k]
        found[here] = np.maximum(found[here], ordinals[k])
    return found


def depth_score(levels: ArrayLike, scales: Scales) -> Array:
    """D_T for each topic, of a_p in the last axis: 0 no rule, 1 every provision of the topic at its hardest."""
    sizes = np.bincount(scales.topic, minlength=len(scales.topics))
    return np.asarray((np.asarray(levels, dtype=float) / scales.highest) @ scales.members / sizes, dtype=float)


def heterogeneity(
    a: ArrayLike, b: ArrayLike, highest: ArrayLike, weights: ArrayLike | None = None, *, graded: bool = False
) -> float | None:
    """H between two profiles; a provision not answered is NaN, and None is returned where none is answered for both."""
    one, other = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    found = heterogeneities(np.stack([one, other]), highest, weights, graded=graded)[0, 1]
    return None if np.isnan(found) else float(found)


def heterogeneities(
    profiles: Array, highest: ArrayLike, weights: ArrayLike | None = None, *, graded: bool = False
) -> Array:
    """H of all pairs `[member, member]` of profiles `[member, provision]`; NaN where nothing is answered for both.

    Raises:
        MethodError: a weight below 0, or none above.
    """
    w = np.ones(profiles.shape[1]) if weights is None else np.asarray(weights, dtype=float)
    if not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise MethodError("weights of provisions must be numbers of 0 or more, one of them above 0.", code="weights")
    m, answered = np.asarray(highest, dtype=float), ~np.isnan(profiles)
    filled = np.where(answered, profiles, 0.0)
    total = (answered * w) @ answered.T.astype(float)
    apart = np.zeros_like(total)
    for i in range(len(profiles)):
        gap = np.abs(filled - filled[i])
        far = gap / m if graded else gap > 0
        apart[i] = (far * (answered & answered[i])) @ w
    # Where nothing is answered for both there is no H: 0/0 is the NaN that says so.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, apart / total, np.nan), dtype=float)


def pairs_of(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Both sides of all pairs of n members, in order."""
    one, other = np.triu_indices(n, 1)
    return one, other


def components(linked: NDArray[np.bool_]) -> int:
    """Connected components of members (rows and columns) that are linked."""
    left, found = set(range(len(linked))), 0
    while left:
        found += 1
        queue = [left.pop()]
        while queue:
            near = {int(j) for j in np.flatnonzero(linked[queue.pop()])} & left
            left -= near
            queue += sorted(near)
    return found


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """How scattered a topic is: 1 - share of pairs with a rule, at depth 1 and 2 or more, and the components."""

    soft: float
    binding: float
    components_soft: int
    components_binding: int


def fragmentation(level: Levels) -> Fragmentation:
    """From the hardest depth of a topic between members `[member, member]`: 0, 1 soft, 2 or more binding.

    Raises:
        MethodError: fewer than two members.
    """
    if len(level) < 2:
        raise MethodError("fragmentation needs two members or more.", code="few_members")
    one, other = pairs_of(len(level))
    both = np.maximum(level, level.T)
    shares = [float(1.0 - (both[one, other] >= depth).mean()) for depth in (1, 2)]
    return Fragmentation(shares[0], shares[1], components(both >= 1), components(both >= 2))


@dataclass(frozen=True, slots=True)
class Convergence:
    """Whether members' rules grow alike.

    Attributes:
        distance: mean H over pairs, a year; None where no pair has one. spread: standard deviation of D over pairs.
        change: of mean H from the first to the last year that has one; low, high: its 90% interval by the jackknife.
        verdict: "converging", "diverging", "no change that can be told", or "" with the reason.
        varying: mean H a year over those who were members then, where the membership was handed in.
    """

    years: tuple[int, ...]
    distance: tuple[float | None, ...]
    spread: tuple[float | None, ...]
    change: float | None
    low: float | None
    high: float | None
    verdict: str
    reason: str = ""
    varying: tuple[float | None, ...] = ()


def convergence(
    years: Sequence[int], h: Array, depth: Array, *, present: NDArray[np.bool_] | None = None
) -> Convergence:
    """Convergence over a window with fixed members.

    The jackknife leaves out one member with all of its pairs: with n members and estimates t_(m),
    s.e. = sqrt((n - 1) / n * sum (t_(m) - mean)^2), and the interval is the change -+ t(0.95; n - 1) s.e.

    Args:
        h, depth: H and D of pairs `[year, member, member]`, NaN where not known.
        present: who was a member each year `[year, member]`, for the figures with changing membership.
    """
    if not (len(years) == len(h) == len(depth)):
        raise MethodError("one table of H and one of D is needed for each year.", code="shape")
    n = h.shape[1]
    everyone = np.ones(n, dtype=bool)
    distance = [_mean(t, everyone) for t in h]
    spread = [_spread(t) for t in depth]
    varying = tuple(_mean(t, row) for t, row in zip(h, present, strict=True)) if present is not None else ()
    told = [y for y, d in enumerate(distance) if d is not None]

    def finished(
        change: float | None, low: float | None, high: float | None, verdict: str, reason: str = ""
    ) -> Convergence:
        return Convergence(tuple(years), tuple(distance), tuple(spread), change, low, high, verdict, reason, varying)

    if len(told) < 2:
        return finished(None, None, None, "", "fewer than two years have a figure")
    first, last = told[0], told[-1]

    def change_of(who: NDArray[np.bool_]) -> float | None:
        before, after = _mean(h[first], who), _mean(h[last], who)
        return None if before is None or after is None else after - before

    whole = change_of(everyone)
    without = [change_of(everyone & (np.arange(n) != m)) for m in range(n)]
    known = np.array([w for w in without if w is not None])
    if whole is None or n < 3 or len(known) < n:
        return finished(whole, None, None, "", "too few pairs to leave one member out at a time")
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    error = float(np.sqrt((n - 1) / n * ((known - known.mean()) ** 2).sum()))
    reach = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * error
    low, high = whole - reach, whole + reach
    verdict = "converging" if high < 0 else "diverging" if low > 0 else "no change that can be told"
    return finished(whole, low, high, verdict)


def _mean(table: Array, who: NDArray[np.bool_]) -> float | None:
    """Mean over the pairs of some members that have a figure."""
    some = np.flatnonzero(who)
    one, other = pairs_of(len(some))
    values = table[some[one], some[other]]
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def _spread(table: Array) -> float | None:
    one, other = pairs_of(len(table))
    values = table[one, other]
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True, slots=True)
class Links:
    """The strongest and the weakest link of a bloc, where it can be told from the middle pair."""

    strongest: tuple[str, str] | None
    weakest: tuple[str, str] | None
    strongest_note: str = ""
    weakest_note: str = ""


def links(members: Sequence[str], figures: Sequence[Figure]) -> Links:
    """The pairs of the largest and the smallest depth, where their intervals don't overlap the median pair's.

    Args:
        figures: of the pairs of members, in order.
    """
    known = [
        (f, pair)
        for f, pair in zip(figures, combinations(members, 2), strict=True)
        if f.value is not None and f.low is not None and f.high is not None
    ]
    if len(known) < 3:
        why = "fewer than three pairs have a depth"
        return Links(None, None, why, why)
    known.sort(key=lambda x: (x[0].value, x[1]))
    middle = known[(len(known) - 1) // 2][0]
    (least, weak), (most, strong) = known[0], known[-1]
    assert middle.low is not None
    assert middle.high is not None
    up = most.low is not None and most.low > middle.high
    down = least.high is not None and least.high < middle.low
    why = "not distinguishable"
    return Links(strong if up else None, weak if down else None, "" if up else why, "" if down else why)
