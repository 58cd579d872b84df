"""Would the same groups have come out of other people, or other statements?

Public consultations resample *people* (those who came are a sample); delegations resample *statements* (the members
are the whole population, what they were asked is not). Each of the 200 resamples is as large as what it is drawn from,
with repetition, and is split by `concordat-1` into as many groups as were found. Then

- the stability of a group is the mean over resamples of the best Jaccard index |g and h| / |g or h| with any group h
  of the resample, over the people in both; 0 where none of the group was drawn.
- s_ij is the share of the resamples with both i and j in which they share a group; up to 500 people.

From 0.75 a group is "stable", from 0.60 a "pattern"; below it is not shown as a group (Hennig, "Cluster-wise assessment
of cluster stability", 2007: limits *unverified*). `by_host` leaves out one host after the other: a host that stuffed
the ballot shows as a group that is gone without it.

The draws come from the raw 64-bit output of NumPy's PCG64, seeded by SHA-256 of the votes' hash: the stream is fixed,
whatever version of NumPy. What it does not do: try another number of groups, or say anything of people who stayed away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from concordat.council.consult.deterministic import concordat_groups, places, split_into
from concordat.council.consult.exact import Array, Ints, group_counts
from concordat.council.consult.votes import Bools, Votes, frozen
from concordat.errors import InputError, MethodError

RESAMPLES = 200
RESAMPLES_MAX = 10_000
STABLE = 0.75
PATTERN = 0.60
PAIRS_MAX = 500


@dataclass(frozen=True, eq=False)
class Stability:
    """How often the groups come back.

    Attributes:
        resampled: "people" or "statements".
        groups: the stability of each group.
        together: `[person, person]` s_ij, NaN where never both drawn or not clustered; None above 500 people.
        resamples: how many were asked for; `failed` those that could not be split.
    """

    resampled: str
    groups: tuple[float, ...]
    together: Array | None
    resamples: int
    failed: int

    @property
    def words(self) -> tuple[str, ...]:
        """What each group is: "stable", "pattern" or "not shown"."""
        return tuple(word(value) for value in self.groups)


@dataclass(frozen=True, slots=True)
class Host:
    """What changes without one host's voters.

    Attributes:
        voters: how many it batched; `share` of all.
        jaccard: for each group the best Jaccard index without this host, over the people who stay; None where what
            stays has no groups.
        consensus_moved: the largest change of a group-informed consensus when its voters are left out.
    """

    host: str
    voters: int
    share: float
    jaccard: tuple[float, ...] | None
    consensus_moved: float


def word(value: float) -> str:
    """The word for a stability.

    >>> word(0.75), word(0.6), word(0.59)
    ('stable', 'pattern', 'not shown')
    """
    return "stable" if value >= STABLE else "pattern" if value >= PATTERN else "not shown"


def stability(votes: Votes, groups: Ints, *, resamples: int = RESAMPLES) -> Stability:
    """The stability of groups `[person]`.

    Raises:
        InputError: the number of resamples is not 1 to 10,000.
    """
    if type(resamples) is not int or not 1 <= resamples <= RESAMPLES_MAX:
        hint = f"Ask for 1 to {RESAMPLES_MAX:,}."
        raise InputError(f"{resamples!r} is not a number of resamples.", hint=hint, code="resamples")
    k = int(groups.max()) + 1
    rows = np.flatnonzero(groups >= 0)
    delegations = votes.public == "delegations"
    found = np.zeros(k)
    pairs = len(rows) <= PAIRS_MAX
    both, same = (np.zeros((len(rows), len(rows))) for _ in range(2)) if pairs else (None, None)
    failed = 0
    for drawn, labels in _resampled(votes, rows, k, resamples, delegations):
        if labels is None:
            failed += 1
            continue
        found += jaccard(groups[rows[drawn]], labels, k)
        if both is not None and same is not None:
            both[np.ix_(drawn, drawn)] += 1
            same[np.ix_(drawn, drawn)] += labels[:, None] == labels
    together = None
    if both is not None and same is not None:
        together = np.full((len(groups), len(groups)), np.nan)
        together[np.ix_(rows, rows)] = np.where(both > 0, same / np.maximum(1, both), np.nan)
        frozen(together)
    means = tuple(float(value) / resamples for value in found)
    return Stability("statements" if delegations else "people", means, together, resamples, failed)


def _resampled(
    votes: Votes, rows: Ints, k: int, resamples: int, delegations: bool
) -> Iterator[tuple[Ints, Ints | None]]:
    """Of each resample: which of the rows were drawn, and the group of each; None where it could not be split."""
    matrix, seen, out = votes.matrix[rows], votes.seen[rows], votes.moderated_out
    bits = np.random.PCG64(int.from_bytes(hashlib.sha256(f"concordat/stability@1 {votes.hash}".encode()).digest()))
    size = matrix.shape[1] if delegations else len(rows)
    for _ in range(resamples):
        chosen = np.sort((bits.random_raw(size) >> np.uint64(32)) * np.uint64(size) >> np.uint64(32)).astype(np.int64)
        if delegations:
            drawn = np.arange(len(rows))
            points = places(matrix[:, chosen], seen[:, chosen], out[chosen]).people
        else:
            drawn, first = np.unique(chosen, return_index=True)
            points = places(matrix[chosen], seen[chosen], out).people
        labels: Ints | None = None
        if len(drawn) > k and len(np.unique(points, axis=0)) >= k:
            labels = split_into(points, k)
            labels = labels if delegations else labels[first]
        yield drawn, labels


def jaccard(groups: Ints, others: Ints, k: int) -> Array:
    """For each of k groups the best Jaccard index with any of the other groups; 0 for a group without members.

    >>> import numpy as np
    >>> jaccard(np.array([0, 0, 0, 1]), np.array([1, 1, 0, 0]), 2).round(3).tolist()
    [0.667, 0.5]
    """
    table = np.zeros((k, int(others.max(initial=0)) + 1))
    np.add.at(table, (groups, others), 1)
    union = table.sum(axis=1)[:, None] + table.sum(axis=0) - table
    return np.asarray((table / np.maximum(1, union)).max(axis=1))


def by_host(votes: Votes, groups: Ints) -> tuple[Host, ...]:
    """The groups without each host's voters; nothing where no vote has a host."""
    hosts = sorted({host for host in votes.hosts if host})
    label = np.array(votes.hosts)
    k = int(groups.max()) + 1
    found = []
    for host in hosts:
        stay = np.flatnonzero(label != host)
        voters = len(label) - len(stay)
        best, moved = None, 0.0
        kept = groups[stay]
        if len(stay) >= 2 and (kept >= 0).any():
            best = _without(votes, stay, groups, k)
            moved = _moved(votes, groups, label == host)
        found.append(Host(host, voters, voters / len(label), best, moved))
    return tuple(found)


def _without(votes: Votes, stay: Ints, groups: Ints, k: int) -> tuple[float, ...] | None:
    rest = only(votes, stay)
    try:
        again, _ = concordat_groups(rest)
    except MethodError:
        return None
    shared = (again.groups >= 0) & (groups[stay] >= 0)
    if not shared.any():
        return None
    return tuple(jaccard(groups[stay][shared], again.groups[shared], k).tolist())


def _moved(votes: Votes, groups: Ints, left_out: Bools) -> float:
    """The largest change of the group-informed consensus, in the same groups; a group that is gone counts 1/2."""
    counts = group_counts(votes, groups)
    member = (groups == np.arange(len(counts.seen))[:, None]) & ~left_out
    agrees = member.astype(np.int64) @ (votes.matrix == 1).astype(np.int64)
    seen = member.astype(np.int64) @ votes.seen.astype(np.int64)
    before = ((counts.agrees + 1) / (counts.seen + 2)).prod(axis=0)
    return float(np.abs(before - ((agrees + 1) / (seen + 2)).prod(axis=0)).max())


def only(votes: Votes, rows: Ints) -> Votes:
    """The votes of some of the people."""
    chosen = rows.tolist()
    return replace(
        votes,
        participants=tuple(votes.participants[i] for i in chosen),
        matrix=frozen(votes.matrix[rows]),
        seen=frozen(votes.seen[rows]),
        members=tuple(votes.members[i] for i in chosen),
        hosts=tuple(votes.hosts[i] for i in chosen),
        given_groups=tuple(votes.given_groups[i] for i in chosen),
        events=(),
    )
