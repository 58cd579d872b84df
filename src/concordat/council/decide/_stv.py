"""Who is elected from rankings by the single transferable vote, with exact fractions up to 308 digits.

Droop quota Q = floor(V / (seats + 1)) + 1 of the V ballots that rank somebody. Then, until the seats are filled:

1. When as many hopefuls are left as seats, all are elected.
2. Whoever has Q or more is elected.
3. The largest surplus is passed on: every paper of the elected goes to its next hopeful with its value times
   surplus / votes (weighted inclusive Gregory); papers without a next one end.
4. Without a surplus the hopeful with the fewest votes is excluded; its papers go on at their value.

Those elected in one count are elected together; after each transfer step 2 is looked at first. Hopefuls without a vote
are excluded together, since that moves no paper. Equal largest surpluses and equal lowest votes are ties: every order
is followed (`_election_result`), no earlier count and no lot decides.

Each transfer can double the digits of a value. Where the common denominator of all values would have over 1,024 bits
(308 digits), they are rounded down to 60 decimals, and the rounds say so: a count of twenty seats may come to that.

Quotas of groups: a hopeful is *guarded*, never excluded, while its group has no more hopefuls than it is owed; and as
soon as all seats left are owed to groups, all other hopefuls are excluded. If those at the quota don't fit together,
the one with most votes is elected first.

Sources: the Scottish Local Government Elections Order 2007 (SSI 2007/42, rules 45 to 52) for the order of steps, with
exact values instead of five decimals; guarding after I. D. Hill, "STV with constraints", Voting matters 9 (1998).
Not here: papers with tied places, Meek's method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import gcd

from concordat.council.decide._election_contest import Contest, Ranking, mask_of, members
from concordat.council.decide._election_result import (
    ElectionResult,
    Round,
    Step,
    Work,
    first_of_each,
    follow,
    result,
)
from concordat.errors import MethodError

Ballots = Sequence[tuple[Ranking, int]]
EXACT_BITS = 1024
ROUNDED_TO = 10**60


@dataclass(frozen=True)
class _Count:
    """Elected, hopeful, elected with papers still to pass on; per distinct ballot its holder (-1: ended) and value.

    Attributes:
        values: over `unit`, in lowest terms, so that equal states are equal values.
        rounded: whether they were rounded down to 60 decimals on the way.
    """

    elected: int
    open: int
    pending: int
    holders: tuple[int, ...]
    values: tuple[int, ...]
    unit: int = 1
    rounded: bool = False


def droop(voters: int, seats: int) -> int:
    """floor(V / (seats + 1)) + 1.

    >>> droop(20, 3)
    6
    """
    return voters // (seats + 1) + 1


def stv(contest: Contest, ballots: Ballots) -> ElectionResult:
    """Single transferable vote.

    Raises:
        MethodError: every ballot is blank.
    """
    cast = sum(times for _, times in ballots)
    papers = [(tuple(next(iter(place)) for place in ranking), times) for ranking, times in ballots if ranking]
    voters = sum(times for _, times in papers)
    if not voters:
        raise MethodError(f"all {cast} ballots are blank.", where="ballots", hint="Nothing is to count.", code="blank")
    counting = _Stv(contest, papers, droop(voters, contest.seats))
    firsts = tuple(order[0] for order, _ in papers)
    start = _Count(0, contest.everyone, 0, firsts, (1,) * len(papers))
    found = follow(start, counting.step, Work(4 * len(contest.names) + 2 * len(papers), 8 + 2 * len(papers)))
    notes = [f"quota {droop(voters, contest.seats)} of {voters} votes."]
    if voters < cast:
        notes.append(f"blank ballots, not in the quota: {cast - voters}.")
    method = "Single transferable vote (Droop quota, weighted inclusive Gregory)"
    return result(contest, "stv", method, cast, found, counting.twins, *notes)


@dataclass(frozen=True)
class _Stv:
    contest: Contest
    papers: list[tuple[tuple[int, ...], int]]
    quota: int

    @cached_property
    def twins(self) -> dict[int, int]:
        """Candidates that no ballot ranks can't be told apart within a group; all others stand alone."""
        ranked = mask_of(who for order, _ in self.papers for who in order)
        found = {who: 1 << who for who in members(ranked)}
        unranked = members(self.contest.everyone & ~ranked)
        for who in unranked:
            group = self.contest.group_of(who)
            found[who] = mask_of(other for other in unranked if self.contest.group_of(other) == group)
        return found

    def step(self, state: _Count) -> Step[_Count]:
        if not self.left(state):
            return Step()
        votes = self.votes(state)
        for look in (self.last_seats, self.outside_owed, self.reached, self.surplus):
            step = look(state, votes)
            if step is not None:
                return step
        return self.exclude(state, votes)

    def left(self, state: _Count) -> int:
        """The seats still to be filled."""
        return self.contest.seats - state.elected.bit_count()

    def votes(self, state: _Count) -> list[int]:
        """The votes by candidate, over the unit; of those who hold papers no more, 0."""
        found = [0] * (len(self.contest.names) + 1)  # the last one for papers that ended
        for (_, times), holder, value in zip(self.papers, state.holders, state.values, strict=True):
            found[holder] += times * value
        return found

    def last_seats(self, state: _Count, votes: list[int]) -> Step[_Count] | None:
        if state.open.bit_count() > self.left(state):
            return None
        ended = _Count(state.elected | state.open, 0, 0, (), ())
        what = "As many hopefuls as seats."
        return Step([ended], lambda: self.round(what, state, votes, elected=state.open))

    def outside_owed(self, state: _Count, votes: list[int]) -> Step[_Count] | None:
        if not self.contest.quotas or self.contest.owed(state.elected) < self.left(state):
            return None
        out = state.open & ~self.contest.standing(state.elected, state.open)
        if not out:
            return None
        what = "All seats left are owed to groups: the others are excluded."
        return Step([self.without(state, out)], lambda: self.round(what, state, votes, excluded=out))

    def reached(self, state: _Count, votes: list[int]) -> Step[_Count] | None:
        there = [who for who in members(state.open) if votes[who] >= self.quota * state.unit]
        if not there:
            return None
        together = mask_of(there)
        if self.contest.fits(state.elected | together):
            ways = [self.with_elected(state, together)]
            return Step(ways, lambda: self.round("Quota reached.", state, votes, elected=together))
        fitting = members(self.contest.standing(state.elected, together))
        most = max(votes[who] for who in fitting)
        tied = [who for who in fitting if votes[who] == most]
        ways = [self.with_elected(state, 1 << who) for who in tied]
        what = "Quota reached by more than quotas of groups leave seats for: the highest first."
        return Step(ways, lambda: self.decided(what, state, votes, tied, elects=True))

    def surplus(self, state: _Count, votes: list[int]) -> Step[_Count] | None:
        if not state.pending:
            return None
        most = max(votes[who] for who in members(state.pending))
        tied = [who for who in members(state.pending) if votes[who] == most]
        ways = [self.passed_on(state, who, votes[who]) for who in tied]
        surplus = Fraction(most, state.unit) - self.quota
        what = f"Surplus {surplus} of {self.contest.names[tied[0]]} is passed on."
        return Step(ways, lambda: self.round(what, state, votes, tied=mask_of(tied) if len(tied) > 1 else 0))

    def exclude(self, state: _Count, votes: list[int]) -> Step[_Count]:
        none = mask_of(who for who in members(state.open) if not votes[who])
        if none and self.can_lose(state, none):
            what = "Hopefuls without a vote are excluded."
            return Step([self.without(state, none)], lambda: self.round(what, state, votes, excluded=none))
        loose = members(state.open & ~self.guarded(state))
        fewest = min(votes[who] for who in loose)
        tied = [who for who in loose if votes[who] == fewest]
        ways = [self.without(state, 1 << who) for who in self.last_of_each(mask_of(tied))]
        return Step(ways, lambda: self.decided("Fewest votes.", state, votes, tied, elects=False))

    def last_of_each(self, tied: int) -> list[int]:
        """Of twins the last by name goes first, so that those who stay are always the first ones."""
        return [(tied & self.twins[first]).bit_length() - 1 for first in first_of_each(tied, self.twins)]

    def can_lose(self, state: _Count, out: int) -> bool:
        """Whether enough hopefuls stay, for the seats and for each group."""
        stay = state.open & ~out
        return stay.bit_count() >= self.left(state) and all(
            (stay & group).bit_count() >= least - (state.elected & group).bit_count()
            for _, group, least in self.contest.quotas
            if out & group
        )

    def guarded(self, state: _Count) -> int:
        """Members of groups that have no more hopefuls than they are owed."""
        found = 0
        for _, group, least in self.contest.quotas:
            if (state.open & group).bit_count() <= least - (state.elected & group).bit_count():
                found |= group
        return found

    # --- Papers ---

    def with_elected(self, state: _Count, new: int) -> _Count:
        elected, pending = state.elected | new, state.pending | new
        return replace(state, elected=elected, open=state.open & ~new, pending=pending)

    def without(self, state: _Count, out: int) -> _Count:
        stay = state.open & ~out
        return self.moved(state, stay, state.pending, out, (1, 1))

    def passed_on(self, state: _Count, who: int, votes: int) -> _Count:
        share = (max(0, votes - self.quota * state.unit), votes)  # what was rounded may lie a trifle below the quota
        return self.moved(state, state.open, state.pending & ~(1 << who), 1 << who, share)

    def moved(self, state: _Count, stay: int, pending: int, leaving: int, share: tuple[int, int]) -> _Count:
        """Papers of those who are left go to their next hopeful, at their value times `share`."""
        keep, whole = share
        holders = list(state.holders)
        values = [value * whole for value in state.values] if whole > 1 else list(state.values)
        for n in [n for n, holder in enumerate(holders) if holder >= 0 and leaving >> holder & 1]:
            order = self.papers[n][0]
            following = order[order.index(holders[n]) + 1 :]
            holders[n] = next((c for c in following if stay >> c & 1), -1) if keep else -1
            values[n] = state.values[n] * keep if holders[n] >= 0 else 0
        unit, rounded = state.unit * whole, state.rounded
        common = gcd(unit, *values)
        if common > 1:
            values, unit = [value // common for value in values], unit // common
        if unit.bit_length() > EXACT_BITS:
            values, unit, rounded = [value * ROUNDED_TO // unit for value in values], ROUNDED_TO, True
        return _Count(state.elected, stay, pending, tuple(holders), tuple(values), unit, rounded)

    # --- Rounds ---

    def round(
        self, what: str, state: _Count, votes: list[int], *, elected: int = 0, excluded: int = 0, tied: int = 0
    ) -> Round:
        names, named = self.contest.names, self.contest.named
        what += " Values are rounded down to 60 decimals." if state.rounded else ""
        counts = tuple((names[who], Fraction(votes[who], state.unit)) for who in members(state.open | state.pending))
        return Round(what, counts, named(elected), named(excluded), named(tied))

    def decided(self, what: str, state: _Count, votes: list[int], tied: list[int], *, elects: bool) -> Round:
        mask = mask_of(tied)
        if len(tied) > 1:
            return self.round(what, state, votes, tied=mask)
        return self.round(what, state, votes, elected=mask if elects else 0, excluded=0 if elects else mask)
