"""Who is elected from rankings that give a relation "above": Borda by points, Schulze by strongest paths.

- **borda**: with m candidates the first place is worth m - 1, the last 0; candidates that share a place, and all that a
  ballot leaves out (they share the last places), get the mean of the places they share.
- **schulze** (M. Schulze 2011, winning votes): d(a, b) = voters who rank a above b; a link a-b has strength d(a, b) if
  d(a, b) > d(b, a), else none; a path is as strong as its weakest link; a is above b when its strongest path to b is
  stronger than the one back. Candidates left out of a ballot count as ranked below all others and not among themselves.

"Above" is a strict partial order; where it is silent the method can't decide. A winner is certain when elected in every
full ranking that agrees with it, tied when in some. Quotas: go down a ranking and pass over whoever would leave too few
seats for what groups are owed; that elects the best q of each group and the best of all others for the rest. Which sets
fit is a matroid with rank r(S) = sum min(q, |S and group|) + min(free seats, what is left of S), so a candidate is
certain when r(all that may stand before it) < r(these and it), and possible when r(all that must stand before it) is.

Reference: M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent single-winner
election method", Social Choice and Welfare 36 (2011) 267-303. Not here: Schulze's own method for several seats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from concordat.council.decide._election_contest import Contest, Ranking, mask_of
from concordat.council.decide._election_result import ElectionResult, Round, finish

Ints = npt.NDArray[np.int64]
Ballots = Sequence[tuple[Ranking, int]]


def borda(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Borda's count."""
    scores = borda_scores(len(contest.names), ballots)
    return by_points(contest, "borda", "Borda count", sum(times for _, times in ballots), scores, "Points.")


def by_points(
    contest: Contest, system: str, method: str, voters: int, scores: Sequence[Fraction], what: str
) -> ElectionResult:
    """The result when more points are above fewer."""
    above = [mask_of(j for j, other in enumerate(scores) if other > own) for own in scores]
    shown = tuple((contest.names[i], scores[i]) for i in _best_first(above))
    return _by_relation(contest, system, method, voters, above, [Round(what, shown)])


def borda_scores(size: int, ballots: Ballots) -> list[Fraction]:
    """Points by candidate.

    >>> borda_scores(3, [((frozenset({0}),), 1), ((frozenset({1}), frozenset({0})), 2)])
    [Fraction(4, 1), Fraction(9, 2), Fraction(1, 2)]
    """
    scores = [Fraction(0)] * size
    for ranking, times in ballots:
        left = size
        rest = set(range(size)).difference(*ranking)
        for place in (*ranking, rest):
            points = Fraction(2 * left - len(place) - 1, 2) * times
            for who in place:
                scores[who] += points
            left -= len(place)
    return scores


def schulze(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Schulze's method with winning votes."""
    wins = pairwise(len(contest.names), ballots)
    paths = strongest_paths(wins)
    beaten_by = (paths > paths.T).T  # [i, j]: j is above i
    above = [mask_of(np.flatnonzero(row).tolist()) for row in beaten_by]
    rounds = [
        _table("Voters who rank the first above the second.", contest, wins),
        _table("Strongest path from the first to the second.", contest, paths),
    ]
    voters = sum(times for _, times in ballots)
    return _by_relation(contest, "schulze", "Schulze's method (winning votes)", voters, above, rounds)


def pairwise(size: int, ballots: Ballots) -> Ints:
    """`[a, b]`: how many voters rank a above b."""
    wins = np.zeros((size, size), dtype=np.int64)
    for ranking, times in ballots:
        place = np.full(size, len(ranking), dtype=np.int64)
        for n, together in enumerate(ranking):
            place[list(together)] = n
        wins += times * (place[:, None] < place[None, :])
    return wins


def strongest_paths(wins: Ints) -> Ints:
    """`[a, b]`: the strength of the strongest path from a to b; 0 where there is none."""
    paths = np.where(wins > wins.T, wins, 0)
    for through in range(len(paths)):
        paths = np.maximum(paths, np.minimum(paths[:, through, None], paths[None, through, :]))
    np.fill_diagonal(paths, 0)
    return paths


def _table(what: str, contest: Contest, numbers: Ints) -> Round:
    rows = [
        (f"{first} > {second}", Fraction(int(numbers[i, j])))
        for i, first in enumerate(contest.names)
        for j, second in enumerate(contest.names)
        if i != j
    ]
    return Round(what, tuple(rows))


def _by_relation(
    contest: Contest, system: str, method: str, voters: int, above: list[int], rounds: list[Round]
) -> ElectionResult:
    """The result from who is above each candidate (masks)."""
    rank = _rank(contest)
    below = [mask_of(j for j in range(len(above)) if above[j] >> i & 1) for i in range(len(above))]
    certain = possible = 0
    for who in range(len(above)):
        own = 1 << who
        may_precede = contest.everyone & ~below[who] & ~own
        certain |= own if rank(may_precede | own) > rank(may_precede) else 0
        possible |= own if rank(above[who] | own) > rank(above[who]) else 0
    places = tuple(
        (contest.names[i], above[i].bit_count() + 1, len(above) - below[i].bit_count())
        for i in _best_first(above, below)
    )
    return finish(contest, system, method, voters, certain, possible, places=places,
                  rounds=tuple(rounds))  # fmt: skip


def _rank(contest: Contest) -> Callable[[int], int]:
    """r(S), the size of the largest part of S that fits."""
    free = contest.seats - contest.owed(0)

    def rank(candidates: int) -> int:
        kept = sum(min(least, (candidates & group).bit_count()) for _, group, least in contest.quotas)
        return kept + min(free, candidates.bit_count() - kept)

    return rank


def _best_first(above: list[int], below: list[int] | None = None) -> list[int]:
    worst = [len(above) - mask.bit_count() for mask in below] if below else [0] * len(above)
    return sorted(range(len(above)), key=lambda i: (above[i].bit_count(), worst[i], i))
