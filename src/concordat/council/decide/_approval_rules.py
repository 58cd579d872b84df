"""Who is elected from ballots that name everyone a voter approves of: PAV, Phragmen's sequential rule, equal shares.

- **pav** (Thiele 1895): the committee with the highest sum over voters of 1 + 1/2 + .. + 1/r, where r of it are among
  those the voter approves of. Up to 20 candidates all committees that fit the quotas are compared; beyond, one seat
  after another goes to the candidate who adds most (sequential PAV), and the result says so.
- **phragmen** (Phragmen 1894, sequential): each seat is a load of 1 that its supporters share so that their highest
  load is least; next is whoever makes it least, with highest load = (1 + sum of supporters' loads) / supporters.
- **equal_shares** (Peters and Skowron 2020): each voter holds seats/voters; a candidate costs 1, paid by supporters up
  to rho each; the least rho is bought, until nobody can be paid for; the seats left go by Phragmen with loads that
  start at minus what each voter still holds.

A ballot that approves nobody is a voter all the same (it holds a share that it can't spend). Candidates without a
supporter come last, tied. In step by step rules a candidate is passed over while the seats left are owed to groups
(`_election_contest.Contest.standing`). All numbers are exact: whole numbers over one common unit (`_approval_steps`).
For a survey: M. Lackner, P. Skowron, "Multi-Winner Voting with Approval Preferences", Springer 2023. Not here: weights
of voters; PAV's optimum beyond 20 candidates.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb, lcm

import numpy as np
import numpy.typing as npt

from concordat.council.decide._approval_steps import (
    Ballots,
    Profile,
    State,
    by_rule,
    pav_gains,
    rule_costs,
)
from concordat.council.decide._election_contest import Contest, mask_of
from concordat.council.decide._election_result import COMMITTEES_MAX, ElectionResult, Round, finish, follow, result

PAV_EXACT_MAX = 20


def pav(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Proportional approval voting: exact to 20 candidates, else sequential."""
    profile = Profile.read(contest, ballots)
    if len(contest.names) > PAV_EXACT_MAX:
        step = by_rule(profile, pav_gains(profile), "adds to the score")
        found = follow(State(0, contest.everyone), step, profile.work(each=1, way=0))
        note = f"{len(contest.names)} candidates: over {PAV_EXACT_MAX} the best committee is not searched for."
        name = "Sequential proportional approval voting"
        return result(contest, "pav", name, profile.voters, found, profile.twins, note)
    best, score = _best_committees(contest, ballots)
    every = best[0]
    possible = 0
    for committee in best:
        every, possible = every & committee, possible | committee
    support = tuple(
        (name, Fraction(sum(profile.times[n] for n in profile.of(i)))) for i, name in enumerate(contest.names)
    )
    rounds = (
        Round("Voters who approve of each.", support),
        Round("Highest score of a committee.", (("score", score),), elected=contest.named(every),
              tied=contest.named(possible & ~every)),
    )  # fmt: skip
    shown = tuple(contest.named(one) for one in best) if len(best) <= COMMITTEES_MAX else ()
    return finish(contest, "pav", "Proportional approval voting", profile.voters, every, possible, outcomes=len(best),
                  committees=tuple(sorted(shown)), rounds=rounds)  # fmt: skip


def _best_committees(contest: Contest, ballots: Ballots) -> tuple[list[int], Fraction]:
    """All committees of the highest score among those that fit, by comparing every one, and that score."""
    masks = _committees(len(contest.names), contest.seats)
    for _, group, least in contest.quotas:
        masks = masks[np.bitwise_count(masks & group) >= least]
    unit = lcm(*range(1, contest.seats + 1))  # at most lcm(1..20) = 232,792,560: sums of 100,000 voters stay below 2^53
    harmonic = np.cumsum([0, *(unit // r for r in range(1, contest.seats + 1))], dtype=np.int64)
    scores = np.zeros(len(masks), dtype=np.int64)
    for ballot, times in ballots:
        scores += times * harmonic[np.bitwise_count(masks & mask_of(ballot))]
    top = int(scores.max())
    return sorted(masks[scores == top].tolist()), Fraction(top, unit)


def _committees(size: int, seats: int) -> npt.NDArray[np.int64]:
    """The masks of all sets of so many candidates: made one by one where they are few, else picked from all masks."""
    if comb(size, seats) * 100 < 1 << size:
        return np.fromiter((mask_of(one) for one in combinations(range(size), seats)), dtype=np.int64)
    every: npt.NDArray[np.int64] = np.arange(1 << size, dtype=np.int64)
    return np.extract(np.bitwise_count(every) == seats, every)


def phragmen(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Phragmen's sequential rule."""
    profile = Profile.read(contest, ballots)
    step = by_rule(profile, rule_costs(profile), "would bring the highest load to")
    found = follow(State(0, contest.everyone, (0,) * len(ballots)), step, profile.work(each=1, way=2))
    return result(contest, "phragmen", "Phragmen's sequential rule", profile.voters, found, profile.twins)


def equal_shares(contest: Contest, ballots: Ballots) -> ElectionResult:
    """The method of equal shares, completed by Phragmen's rule."""
    profile = Profile.read(contest, ballots)
    step = by_rule(profile, rule_costs(profile), "costs a supporter (or brings the load to)")
    start = State(0, contest.everyone, (contest.seats,) * len(ballots), profile.voters, buying=True)
    name = "Method of equal shares, completed by Phragmen"
    found = follow(start, step, profile.work(each=4, way=2))
    return result(contest, "equal_shares", name, profile.voters, found, profile.twins)
