"""What lies between groups and within them, from sums over groups; and how it moves with each row.

A group is known by its share p_g, its mean mu_g and its own measure; the sums m_g = sum p y over the group. With x_g =
mu_g / mu and A(i) the sum of p mu_g over the rows above row i (half of the own tie), the between part moves by

    T      (y (ln mu_g + 1) - mu_g - sum m ln mu_g) / mu - (y/mu - 1)(1 + sum m ln mu_g / mu)
    L      (y/mu - 1) - (ln mu_g - sum p ln mu_g) - (y/mu_g - 1)
    GE(a)  ((1-a) x^a + a x^(a-1) y/mu - M - a M (y/mu - 1)) / (a (a - 1)),  M = sum p x^a
    Gini   2 (y Fbar_g + mu_g F + A - mu_g Fbar_g - 2 K) / mu - 2 K (y/mu - 1) / mu,  K = sum p mu_g Fbar_g

(derivatives of the formulas in `decompose` by a row's weight; held against numerical ones in the tests).

    >>> between, within = combine(np.array([0.5, 0.5]), np.array([1.0, 3.0]), np.array([0.0, 0.2]), 2.0)
    >>> float(between.sum()), round(float(within.sum()), 12)
    (0.125, 0.225)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.evidence._elementary import log, power
from concordat.evidence.kernels import Array, Ordered
from concordat.observatory.divide._basis import Basis
from concordat.observatory.divide._sample import Ints


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """Groups as arrays: see `decompose.GroupPart`. `inside` is NaN and `overlap` None where there is none."""

    share: Array
    share_total: Array
    mean: Array
    inside: Array
    between: Array
    within: Array
    overlap: tuple[float | None, ...]
    rank: Array


def by_group(codes: Ints, values: Array, size: int) -> Array:
    """The sum of values over each group."""
    return np.asarray(np.bincount(codes, values, size), dtype=np.float64)


def combine(share: Array, mean: Array, inside: Array, a: float) -> tuple[Array, Array]:
    """Each group's part in the between and the within of T (a = 1), L (a = 0) or GE(a)."""
    mu = float((share * mean).sum())
    x = mean / mu
    total = share * x
    if a == 1:
        return total * log(x), total * inside
    if a == 0:
        return -share * log(x), share * inside
    between = share * (power(x, a) - 1) / (a * (a - 1))
    return between, share * power(x, a) * inside  # p^(1-a) s^a = p x^a


def group_sums(o: Ordered, codes: Ints, size: int, a: float) -> GroupSums:
    """The groups' parts in T, L or GE(a)."""
    share = by_group(codes, o.p, size)
    mean = by_group(codes, o.p * o.y, size) / share
    positive = np.where(mean > 0, mean, 1.0)  # a group of zeros alone has no divide inside
    r = o.y / positive[codes]
    if a in (0, 1):
        ln = log(r)
        inside = by_group(codes, o.p * (r * ln if a == 1 else -ln), size) / share
    else:
        inside = (by_group(codes, o.p * power(r, a), size) / share - 1) / (a * (a - 1))
    inside = np.where(mean > 0, inside, 0.0)
    between, within = combine(share, mean, inside, a)
    return GroupSums(share, share * mean / o.mean, mean, inside, between, within, (None,) * size, np.zeros(size))


def gini_sums(o: Ordered, codes: Ints, size: int, b: Basis) -> GroupSums:
    """The groups' parts in the Gini (Yitzhaki): ranks in all, and ranks in the own group."""
    share = by_group(codes, o.p, size)
    mean = by_group(codes, o.p * o.y, size) / share
    f = b.whole.f
    rank = by_group(codes, o.p * f, size) / share
    off = o.y - mean[codes]
    in_all = by_group(codes, o.p * off * f, size) / share
    in_own = by_group(codes, o.p * off * _own_ranks(o, codes, share), size) / share
    alike = in_own <= 1e-15 * np.maximum(np.abs(mean), np.finfo(float).tiny)
    overlap = tuple(None if same else float(c / own) for same, c, own in zip(alike, in_all, in_own, strict=True))
    inside = np.where(mean > 0, 2 * np.where(alike, 0.0, in_own) / np.where(mean > 0, mean, 1.0), np.nan)
    between = 2 * share * (mean - o.mean) * (rank - 0.5) / o.mean
    within = 2 * share * in_all / o.mean
    return GroupSums(share, share * mean / o.mean, mean, inside, between, within, overlap, rank)


def _own_ranks(o: Ordered, codes: Ints, share: Array) -> Array:
    """Each row's mid-rank inside its group."""
    by_group = np.argsort(codes, kind="stable")  # rows of a group stay ascending
    c, y, p = codes[by_group], o.y[by_group], o.p[by_group]
    upto = np.cumsum(p)
    ends = np.append(np.flatnonzero((c[1:] != c[:-1]) | (y[1:] != y[:-1])), c.size - 1)
    before = np.concatenate([[0.0], upto[ends][:-1]])
    starts = np.concatenate([[0.0], np.cumsum(share)[:-1]])
    middle = ((upto[ends] + before) / 2 - starts[c[ends]]) / share[c[ends]]
    own = np.empty_like(upto)
    own[by_group] = np.repeat(middle, np.diff(ends, prepend=-1))
    return own


def between_scores(o: Ordered, codes: Ints, sums: GroupSums, a: float | None) -> Array:
    """How the between part moves with each row (influence function); a is None for the Gini."""
    mu = o.mean
    step = o.y / mu - 1
    mean = sums.mean[codes]
    if a is None:
        return _gini_scores(o, sums, codes)
    if a == 1:
        level = float((sums.share * sums.mean * log(sums.mean)).sum())
        return np.asarray((o.y * (log(sums.mean)[codes] + 1) - mean - level) / mu - step * (1 + level / mu))
    if a == 0:
        ln = log(sums.mean)
        return np.asarray(step - (ln[codes] - float((sums.share * ln).sum())) - (o.y / mean - 1))
    x = sums.mean / mu
    m = float((sums.share * power(x, a)).sum())
    slope = a * power(np.where(x > 0, x, 1.0), a - 1) * (x > 0)
    return np.asarray(((1 - a) * power(x, a)[codes] + slope[codes] * o.y / mu - m - a * m * step) / (a * (a - 1)))


def _gini_scores(o: Ordered, sums: GroupSums, codes: Ints) -> Array:
    mean, rank = sums.mean[codes], sums.rank[codes]
    k = float((sums.share * sums.mean * sums.rank).sum())
    parts = o.p * mean
    upto = np.cumsum(parts)
    ends = np.append(np.flatnonzero(o.y[1:] != o.y[:-1]), o.y.size - 1)
    before = np.concatenate([[0.0], upto[ends][:-1]])
    size = np.diff(ends, prepend=-1)
    above = np.repeat(upto[-1] - (upto[ends] + before) / 2, size)
    start = np.concatenate([[0.0], o.upto[ends][:-1]])
    f = np.repeat((o.upto[ends] + start) / 2, size)
    moved = o.y * rank + mean * f + above - mean * rank - 2 * k
    return np.asarray(2 * moved / o.mean - 2 * k * (o.y / o.mean - 1) / o.mean)
