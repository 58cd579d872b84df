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
(`_election_contest.Contest.fits`). All numbers are exact. For a survey: M. Lackner, P. Skowron, "Multi-Winner Voting
with Approval Preferences", Springer 2023. Not here: weights of voters; PAV's optimum beyond 20 candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import lcm

import numpy as np

from concordat.council.decide._election_contest import Approval, Contest, mask_of, members
from concordat.council.decide._election_result import (
    COMMITTEES_MAX,
    ElectionResult,
    Round,
    Step,
    finish,
    first_of_each,
    follow,
    result,
)

PAV_EXACT_MAX = 20

Ballots = Sequence[tuple[Approval, int]]


@dataclass(frozen=True)
class _Count:
    """Elected and open candidates, and what each distinct ballot's voter bears (a load) or still holds (a budget)."""

    elected: int
    open: int
    held: tuple[Fraction, ...] = ()
    buying: bool = False


def approval_twins(contest: Contest, ballots: Ballots) -> dict[int, int]:
    """Candidate to all that have the same supporters and the same group with a quota."""
    groups: dict[tuple[object, ...], int] = {}
    keys = []
    for who in range(len(contest.names)):
        key = (contest.group_of(who), *(n for n, (ballot, _) in enumerate(ballots) if who in ballot))
        keys.append(key)
        groups[key] = groups.get(key, 0) | 1 << who
    return {who: groups[key] for who, key in enumerate(keys)}


# --- PAV ----------------------------------------------------------------------------------------------------------


def pav(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Proportional approval voting: exact to 20 candidates, else sequential."""
    voters = sum(times for _, times in ballots)
    twins = approval_twins(contest, ballots)
    if len(contest.names) > PAV_EXACT_MAX:
        step = _by_rule(contest, ballots, twins, _pav_gains, "adds to the score")
        found = follow(_Count(0, contest.everyone), step)
        note = f"{len(contest.names)} candidates: over {PAV_EXACT_MAX} the best committee is not searched for."
        return result(contest, "pav", "Sequential proportional approval voting", voters, found, twins, note)
    best, score = _best_committees(contest, ballots)
    every = best[0]
    possible = 0
    for committee in best:
        every, possible = every & committee, possible | committee
    support = tuple((name, Fraction(_supporters(ballots, i))) for i, name in enumerate(contest.names))
    rounds = (
        Round("Voters who approve of each.", support),
        Round("Highest score of a committee.", (("score", score),), elected=contest.named(every),
              tied=contest.named(possible & ~every)),
    )  # fmt: skip
    shown = tuple(contest.named(one) for one in best) if len(best) <= COMMITTEES_MAX else ()
    return finish(contest, "pav", "Proportional approval voting", voters, every, possible, outcomes=len(best),
                  committees=tuple(sorted(shown)), rounds=rounds)  # fmt: skip


def _best_committees(contest: Contest, ballots: Ballots) -> tuple[list[int], Fraction]:
    """All committees of the highest score among those that fit, by comparing every one, and that score."""
    chosen = combinations(range(len(contest.names)), contest.seats)
    masks = np.fromiter((mask_of(one) for one in chosen), dtype=np.int64)
    for _, group, least in contest.quotas:
        masks = masks[np.bitwise_count(masks & group) >= least]
    unit = lcm(*range(1, contest.seats + 1))  # at most lcm(1..20) = 232,792,560: sums of 100,000 voters stay below 2^53
    harmonic = np.cumsum([0, *(unit // r for r in range(1, contest.seats + 1))], dtype=np.int64)
    scores = np.zeros(len(masks), dtype=np.int64)
    for ballot, times in ballots:
        scores += times * harmonic[np.bitwise_count(masks & mask_of(ballot))]
    top = int(scores.max())
    return sorted(masks[scores == top].tolist()), Fraction(top, unit)


def _pav_gains(ballots: Ballots, state: _Count, who: int) -> Fraction:
    """What a candidate adds to the score, as a number to make least."""
    shares = (Fraction(times, 1 + (mask_of(b) & state.elected).bit_count()) for b, times in ballots if who in b)
    return -sum(shares, Fraction(0))


# --- Step by step -------------------------------------------------------------------------------------------------

Cost = Callable[[Ballots, _Count, int], Fraction | None]


def _by_rule(
    contest: Contest, ballots: Ballots, twins: dict[int, int], cost: Cost, word: str
) -> Callable[[_Count], Step[_Count]]:
    """Elect whoever has the least cost, seat by seat; the costs of a round are shown (gains without their sign)."""

    def step(state: _Count) -> Step[_Count]:
        if state.elected.bit_count() == contest.seats:
            return Step(None)
        stand = [who for who in members(state.open) if contest.fits(state.elected | 1 << who)]
        costs = {who: cost(ballots, state, who) for who in stand}
        payable = {who: found for who, found in costs.items() if found is not None}
        if not payable and state.buying:
            return Step(Round("Nobody else can be paid for: the seats left go by Phragmen's rule."), [_to_loads(state)])
        least = min(payable.values()) if payable else None
        tied = [who for who in stand if costs[who] == least]
        ways = [_elect(ballots, state, who, least) for who in first_of_each(mask_of(tied), twins)]
        counts = tuple((contest.names[who], abs(found)) for who, found in payable.items())
        what = f"Seat {state.elected.bit_count() + 1}: what each {word}." if payable else "No supporter is left."
        chosen = () if len(tied) > 1 else contest.named(1 << tied[0])
        return Step(
            Round(what, counts, elected=chosen, tied=contest.named(mask_of(tied)) if len(tied) > 1 else ()), ways
        )

    return step


def _elect(ballots: Ballots, state: _Count, who: int, least: Fraction | None) -> _Count:
    held = list(state.held)
    if held and least is not None:
        for n, (ballot, _) in enumerate(ballots):
            if who in ballot:
                held[n] = held[n] - min(held[n], least) if state.buying else least
    return _Count(state.elected | 1 << who, state.open & ~(1 << who), tuple(held), state.buying)


def _to_loads(state: _Count) -> _Count:
    return _Count(state.elected, state.open, tuple(-budget for budget in state.held))


# --- Phragmen, equal shares ---------------------------------------------------------------------------------------


def phragmen(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Phragmen's sequential rule."""
    twins = approval_twins(contest, ballots)
    step = _by_rule(contest, ballots, twins, _rule_cost, "would bring the highest load to")
    found = follow(_Count(0, contest.everyone, (Fraction(0),) * len(ballots)), step)
    return result(contest, "phragmen", "Phragmen's sequential rule", sum(times for _, times in ballots), found, twins)


def equal_shares(contest: Contest, ballots: Ballots) -> ElectionResult:
    """The method of equal shares, completed by Phragmen's rule."""
    twins = approval_twins(contest, ballots)
    voters = sum(times for _, times in ballots)
    step = _by_rule(contest, ballots, twins, _rule_cost, "costs a supporter (or brings the load to)")
    start = _Count(0, contest.everyone, (Fraction(contest.seats, voters),) * len(ballots), buying=True)
    found = follow(start, step)
    return result(contest, "equal_shares", "Method of equal shares, completed by Phragmen", voters, found, twins)


def _rule_cost(ballots: Ballots, state: _Count, who: int) -> Fraction | None:
    """rho while buying, else the highest load; nothing when nobody can pay or nobody supports."""
    held = [(state.held[n], times) for n, (ballot, times) in enumerate(ballots) if who in ballot]
    if not state.buying:
        total = sum((load * times for load, times in held), Fraction(1))
        return total / sum(times for _, times in held) if held else None
    return _rho(held)


def _rho(held: list[tuple[Fraction, int]]) -> Fraction | None:
    """The least rho with sum of min(budget, rho) = 1, or nothing when all budgets together are below 1.

    >>> _rho([(Fraction(1, 4), 2), (Fraction(1), 1)]), _rho([(Fraction(1, 4), 2)])
    (Fraction(1, 2), None)
    """
    due, payers = Fraction(1), sum(times for _, times in held)
    for budget, times in sorted(held):
        if budget * payers >= due:
            return due / payers
        due, payers = due - budget * times, payers - times
    return None


def _supporters(ballots: Ballots, who: int) -> int:
    return sum(times for ballot, times in ballots if who in ballot)
