"""What does one seat cost, and whom: the steps of the approval rules that elect seat by seat, in whole numbers.

Loads and budgets are whole numbers over a common unit, in lowest terms, so that equal states are equal values. A cost
is a pair (n, s): n / (s unit) of a load or a budget. Costs are compared by n1 s2 < n2 s1; no fraction is made but for
the rounds that are shown. Candidates whom the ballots can't tell apart are counted once.

    >>> rho([(1, 2), (4, 1)], 4), rho([(1, 2)], 4)
    ((2, 1), None)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from concordat.council.decide._election_contest import Approval, Contest, mask_of, members
from concordat.council.decide._election_result import Round, Step, Work, first_of_each

Ballots = Sequence[tuple[Approval, int]]
Cost = tuple[int, int] | None  # None: nobody can pay, or nobody supports


@dataclass(frozen=True, slots=True)
class State:
    """A half-made count: elected and open candidates as masks, and what each distinct ballot's voter bears or holds.

    Attributes:
        held: loads, or budgets while buying, over `unit`.
    """

    elected: int
    open: int
    held: tuple[int, ...] = ()
    unit: int = 1
    buying: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The ballots as the steps need them.

    Attributes:
        twins: candidate to all that have the same supporters and the same group with a quota. times: voters of each
            distinct ballot. masks: its candidates. supporters: the distinct ballots of the first of each twins.
    """

    contest: Contest
    twins: Mapping[int, int]
    voters: int
    times: tuple[int, ...]
    masks: tuple[int, ...]
    supporters: Mapping[int, tuple[int, ...]]

    @classmethod
    def read(cls, contest: Contest, ballots: Ballots) -> Profile:
        """From distinct ballots with their number of voters."""
        by: list[list[int]] = [[] for _ in contest.names]
        for n, (ballot, _) in enumerate(ballots):
            for who in ballot:
                by[who].append(n)
        groups: dict[tuple[str, tuple[int, ...]], int] = {}
        for who, own in enumerate(by):
            key = (contest.group_of(who), tuple(own))
            groups[key] = groups.get(key, 0) | 1 << who
        twins = {who: groups[contest.group_of(who), tuple(own)] for who, own in enumerate(by)}
        firsts = first_of_each(contest.everyone, twins)
        return cls(
            contest=contest,
            twins=twins,
            voters=sum(times for _, times in ballots),
            times=tuple(times for _, times in ballots),
            masks=tuple(mask_of(ballot) for ballot, _ in ballots),
            supporters={who: tuple(by[who]) for who in firsts},
        )

    def work(self, each: int, way: int) -> Work:
        """What a step looks at, with so many numbers for each supporter, and each way to go on for each ballot."""
        seen = sum(8 + each * len(own) for own in self.supporters.values())
        return Work(seen + 2 * len(self.times), 8 + way * len(self.times))

    def of(self, who: int) -> tuple[int, ...]:
        """The distinct ballots that approve of a candidate."""
        twins = self.twins[who]
        return self.supporters[(twins & -twins).bit_length() - 1]


Costs = Callable[[State, Iterable[int]], dict[int, Cost]]


def pav_gains(profile: Profile) -> Costs:
    """What each candidate adds to the score, sum of times / (1 + elected on the ballot), as a number to make least."""
    shares = lcm(*range(1, profile.contest.seats + 1))

    def costs(state: State, stand: Iterable[int]) -> dict[int, Cost]:
        gains = [
            times * shares // (1 + (mask & state.elected).bit_count())
            for mask, times in zip(profile.masks, profile.times, strict=True)
        ]
        return {who: (-sum(gains[n] for n in profile.supporters[who]), shares) for who in stand}

    return costs


def rule_costs(profile: Profile) -> Costs:
    """rho while buying, else the highest load: (1 + sum of supporters' loads) / supporters."""
    payers = {who: sum(profile.times[n] for n in own) for who, own in profile.supporters.items()}

    def costs(state: State, stand: Iterable[int]) -> dict[int, Cost]:
        if state.buying:
            held = list(zip(state.held, profile.times, strict=True))
            return {who: rho([held[n] for n in profile.supporters[who]], state.unit) for who in stand}
        loads = [load * times for load, times in zip(state.held, profile.times, strict=True)]
        return {
            who: (state.unit + sum([loads[n] for n in profile.supporters[who]]), payers[who]) if payers[who] else None
            for who in stand
        }

    return costs


def rho(held: list[tuple[int, int]], unit: int) -> Cost:
    """The least rho with sum of min(budget, rho) = unit, or nothing when all budgets together are below it."""
    due, payers = unit, sum([times for _, times in held])
    for budget, times in sorted(held):
        if budget * payers >= due:
            return due, payers
        due, payers = due - budget * times, payers - times
    return None


def by_rule(profile: Profile, costs_of: Costs, word: str) -> Callable[[State], Step[State]]:
    """Elect whoever has the least cost, seat by seat; the costs of a round are shown (gains without their sign)."""
    contest, twins = profile.contest, profile.twins

    def step(state: State) -> Step[State]:
        if state.elected.bit_count() == contest.seats:
            return Step()
        stand = contest.standing(state.elected, state.open)
        costs = costs_of(state, [first for first in profile.supporters if twins[first] & stand])
        payable = {first: cost for first, cost in costs.items() if cost is not None}
        if not payable and state.buying:
            held = tuple(-budget for budget in state.held)
            what = "Nobody else can be paid for: the seats left go by Phragmen's rule."
            return Step([State(state.elected, state.open, held, state.unit)], lambda: Round(what))
        least, firsts = _least(payable) if payable else (None, list(costs))
        tied = 0
        for first in firsts:
            tied |= twins[first] & stand
        ways = [_elect(profile, state, who, least) for who in first_of_each(tied, twins)]
        return Step(ways, lambda: _round(profile, state, stand, payable, tied, word))

    return step


def _least(payable: dict[int, tuple[int, int]]) -> tuple[tuple[int, int], list[int]]:
    """The least cost, and who has it."""
    least, firsts = (0, 0), list[int]()
    for first, cost in payable.items():
        more = cost[0] * least[1] - least[0] * cost[1] if firsts else -1
        if more < 0:
            least, firsts = cost, [first]
        elif more == 0:
            firsts.append(first)
    return least, firsts


def _elect(profile: Profile, state: State, who: int, least: Cost) -> State:
    held, unit = state.held, state.unit
    if held and least is not None:
        number, scale = least
        moved = [own * scale for own in held]
        for n in profile.of(who):
            moved[n] = max(0, moved[n] - number) if state.buying else number
        unit *= scale
        common = gcd(unit, *moved)
        held, unit = tuple(own // common for own in moved), unit // common
    return State(state.elected | 1 << who, state.open & ~(1 << who), held, unit, state.buying)


def _round(
    profile: Profile, state: State, stand: int, payable: dict[int, tuple[int, int]], tied: int, word: str
) -> Round:
    contest = profile.contest
    shown = {first: Fraction(abs(n), s * state.unit) for first, (n, s) in payable.items()}
    of = {who: shown[first] for first in payable for who in members(profile.twins[first] & stand)}
    counts = tuple((contest.names[who], of[who]) for who in sorted(of))
    what = f"Seat {state.elected.bit_count() + 1}: what each {word}." if payable else "No supporter is left."
    alone = tied.bit_count() == 1
    return Round(what, counts, contest.named(tied) if alone else (), tied=() if alone else contest.named(tied))
