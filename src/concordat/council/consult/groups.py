"""Which opinion groups would Polis find, from the votes alone?

Polis works as votes arrive and remembers; a batch has no memory, so this is like Polis, not the same (see below).

1. Clustered are people with at least min(7, C) votes; if fewer than 15 have them, the most active up to 15.
2. Base clusters: k-means of their places, k = 100, from the first 100 distinct places in the order in which Polis
   reads people: by the first statement that they voted on, then by id. (The rows of Polis's own exports stand in
   that order, which is how it was found.) At most 100 rounds, until no sorted centre moves by 0.01; empty ones vanish.
3. Groups: k-means of the base centres, each counting its members, from the first k distinct, at most 20 rounds, for
   k = 2 .. min(5, 2 + base / 12). The best mean silhouette over base clusters (unweighted, 0 where alone) decides k.
4. The same within each group gives its subgroups.

Source: as `exact`. What a batch can't have: that a new k must be best four times in a row, clusters that start from
the last ones, and people who were kept because they came first. In conversations without clear groups the result
differs from Polis's for that reason; docs/explanation/consultation.md has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.council.consult.exact import NO_GROUP, Array, Ints, Space
from concordat.council.consult.votes import Votes, frozen
from concordat.errors import MethodError

ENOUGH_VOTES = 7
ENOUGH_PEOPLE = 15
BASE_CLUSTERS = 100
BASE_ROUNDS = 100
GROUP_ROUNDS = 20
GROUPS_MAX = 5
BASE_PER_GROUP = 12
STILL = 0.01


@dataclass(frozen=True, eq=False)
class Grouping:
    """Who is in which group.

    Attributes:
        groups: `[person]` from 0; -1 for whoever has too few votes, or for all where there are no groups.
        subgroups: `[person]` from 0 within the group; -1 where it is not split.
        silhouettes: (k, mean silhouette) for each k that was tried.
        silhouette: of the k that was chosen, 0 where none could be.
        clustered: `[person]`, whether the person has enough votes.
        reason: why there are no groups, "" where there are.
    """

    groups: Ints
    subgroups: Ints
    silhouettes: tuple[tuple[int, float], ...]
    silhouette: float
    clustered: Ints
    reason: str = ""

    @property
    def count(self) -> int:
        """How many groups."""
        return int(self.groups.max(initial=NO_GROUP)) + 1


def enough_votes(votes: Votes) -> Ints:
    """Row numbers of the people who are clustered, in the order of ids.

    Those with at least min(7, C) votes; if they are fewer than 15, the most active up to 15 (ties: lower id).
    """
    cast = votes.seen.sum(axis=1)
    chosen = cast >= min(ENOUGH_VOTES, votes.matrix.shape[1])
    missing = ENOUGH_PEOPLE - int(chosen.sum())
    if missing > 0:
        rest = np.argsort(-cast, kind="stable")
        rest = rest[~chosen[rest] & (cast[rest] > 0)]
        chosen = chosen.copy()
        chosen[rest[:missing]] = True
    return np.flatnonzero(chosen)


def polis_order(votes: Votes) -> Ints:
    """Row numbers in the order in which Polis reads people: first statement voted on, then id."""
    never = votes.matrix.shape[1]
    first = np.where(votes.seen.any(axis=1), votes.seen.argmax(axis=1), never)
    return np.lexsort((np.arange(len(first)), first)).astype(np.int64)


def polis_groups(votes: Votes, place: Space) -> Grouping:
    """Groups and subgroups.

    Raises:
        MethodError: fewer than two people have votes.
    """
    chosen = np.zeros(len(votes.participants), dtype=bool)
    chosen[enough_votes(votes)] = True
    order = polis_order(votes)
    order = order[chosen[order]]
    if len(order) < 2:
        what = f"{len(order)} of {len(votes.participants)} voters have votes to group by."
        raise MethodError(what, hint="Wait for more votes.", code="too_few")
    groups = np.full(len(votes.participants), NO_GROUP, dtype=np.int64)
    subgroups = groups.copy()
    silhouettes, found = _split(place.people[order])
    reason = "" if found is not None else "all places are the same"
    best = 0.0
    if found is not None:
        groups[order] = found
        best = max(value for _, value in silhouettes)
        for g in range(int(found.max()) + 1):
            inside = order[found == g]
            deeper = _split(place.people[inside])[1] if len(inside) >= 2 * BASE_PER_GROUP else None
            if deeper is not None:
                subgroups[inside] = deeper
    clustered = np.zeros(len(groups), dtype=np.int64)
    clustered[order] = 1
    return Grouping(frozen(groups), frozen(subgroups), silhouettes, best, frozen(clustered), reason)


def _split(points: Array) -> tuple[tuple[tuple[int, float], ...], Ints | None]:
    """Silhouette of each k, and the group of each point for the best k; None where nothing can be split."""
    base, centres = k_means(points, np.ones(len(points)), _distinct(points, BASE_CLUSTERS), BASE_ROUNDS)
    if len(centres) < 2:
        return (), None
    members = np.bincount(base).astype(np.float64)
    tried: list[tuple[int, float]] = []
    best: Ints | None = None
    for k in range(2, min(GROUPS_MAX, 2 + len(centres) // BASE_PER_GROUP) + 1):
        start = _distinct(centres, k)
        if len(start) < k:
            break
        found, _ = k_means(centres, members, start, GROUP_ROUNDS)
        value = silhouette(centres, found)
        if best is None or value > max(v for _, v in tried):
            best = found
        tried.append((k, value))
    return tuple(tried), None if best is None else best[base]


def k_means(points: Array, weights: Array, centres: Array, rounds: int, still: float = STILL) -> tuple[Ints, Array]:
    """Lloyd's rounds from given centres: the cluster of each point, and the centres; empty clusters vanish.

    Stops when the centres, sorted, have each moved by less than `still`.
    """
    assert len(points), "k-means of no points"
    for _ in range(rounds):
        _, near = np.unique(_nearest(points, centres), return_inverse=True)
        total = np.bincount(near, weights)
        moved = np.stack([np.bincount(near, weights * points[:, d]) / total for d in range(2)], axis=1)
        quiet = len(moved) == len(centres) and _moves(centres, moved) < still
        centres = moved
        if quiet:
            break
    kept, near = np.unique(_nearest(points, centres), return_inverse=True)
    return near.astype(np.int64), centres[kept]


def _moves(one: Array, other: Array) -> float:
    """The largest distance between two sets of centres, paired in sorted order."""
    paired = [part[np.lexsort((part[:, 1], part[:, 0]))] for part in (one, other)]
    return float(np.sqrt(np.square(paired[0] - paired[1]).sum(axis=1)).max())


def _nearest(points: Array, centres: Array) -> Ints:
    """The nearest centre of each point; ties: the first."""
    distance = np.square(points[:, :1] - centres[:, 0]) + np.square(points[:, 1:] - centres[:, 1])
    return np.asarray(distance.argmin(axis=1), dtype=np.int64)


def _distinct(points: Array, k: int) -> Array:
    """The first k distinct points."""
    _, first = np.unique(points, axis=0, return_index=True)
    return points[np.sort(first)[:k]]


def silhouette(points: Array, groups: Ints) -> float:
    """The mean over points of (b - a) / max(a, b), a the mean distance to the own group's others, b to the next group.

    A point that is alone counts 0 (Rousseeuw 1987); so does everything where there is one group.

    >>> import numpy as np
    >>> silhouette(np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0]]), np.array([0, 0, 1])).__round__(4)
    0.5928
    """
    k = int(groups.max()) + 1
    if k < 2:
        return 0.0
    distance = np.sqrt(np.square(points[:, None] - points).sum(axis=2))
    member = (groups[:, None] == np.arange(k)).astype(np.float64)
    return float(widths(distance @ member, member.sum(axis=0), groups).mean())


def widths(sums: Array, sizes: Array, groups: Ints) -> Array:
    """The silhouette of each point, from its sums of distances `[point, group]` to each group."""
    rows = np.arange(len(groups))
    own = sizes[groups]
    a = sums[rows, groups] / np.maximum(1, own - 1)
    others = sums / np.maximum(1, sizes)
    others[:, sizes == 0] = np.inf
    others[rows, groups] = np.inf
    b = others.min(axis=1)
    larger = np.maximum(a, b)
    return np.asarray(np.where((own > 1) & (larger > 0), (b - a) / np.where(larger > 0, larger, 1.0), 0.0))
