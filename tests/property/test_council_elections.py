"""Whatever the ballots: no order and no name matters, quotas are kept, and large agreeing groups get what is theirs."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat import canonical
from concordat.council.decide.elections import SYSTEMS, ElectionResult, elect

NAMES = list("ABCDEF")
orders = st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=6).map(tuple)
papers = st.lists(orders, min_size=1, max_size=9)
systems = st.sampled_from(SYSTEMS)
seats = st.integers(1, 5)
splits = st.tuples(st.permutations(NAMES), st.integers(0, 6), st.integers(0, 3), st.integers(0, 3))


def quotas_of(split: tuple[list[str], int, int, int], places: int) -> dict[str, Any]:
    """Two groups with quotas that can be met."""
    order, cut, north, south = split
    groups = {"north": order[:cut], "south": order[cut:]}
    first = min(north, cut, places)
    return {"groups": groups, "quotas": {"north": first, "south": min(south, 6 - cut, places - first)}}


@given(systems, papers, seats, splits, st.randoms())
def test_neither_the_order_of_ballots_nor_that_of_candidates_matters(
    system: str, ballots: list[Any], places: int, split: Any, random: Any
) -> None:
    more = quotas_of(split, places)
    shuffled = random.sample(ballots, len(ballots))
    first = elect(system, ballots, NAMES, places, **more)
    second = elect(system, shuffled, random.sample(NAMES, 6), places, **more)
    assert canonical.dumps(first.to_value()) == canonical.dumps(second.to_value())


@given(systems, papers, seats, splits, st.permutations(NAMES))
def test_names_do_not_matter(system: str, ballots: list[Any], places: int, split: Any, new: list[str]) -> None:
    """Rename all candidates: who is elected, who is tied, and every possible committee are renamed and no more."""
    call = dict(zip(NAMES, new, strict=True))
    more = quotas_of(split, places)
    renamed = more | {"groups": {group: [call[name] for name in who] for group, who in more["groups"].items()}}
    first = elect(system, ballots, NAMES, places, **more)
    second = elect(system, [tuple(call[name] for name in b) for b in ballots], NAMES, places, **renamed)
    assert {call[name] for name in first.elected} == set(second.elected)
    assert {call[name] for name in first.tied} == set(second.tied)
    assert first.outcomes == second.outcomes
    assert {frozenset(call[n] for n in c) for c in first.committees} == {frozenset(c) for c in second.committees}


@given(systems, papers, seats, splits)
def test_seats_are_filled_or_tied_and_every_quota_is_kept(
    system: str, ballots: list[Any], places: int, split: Any
) -> None:
    more = quotas_of(split, places)
    found = elect(system, ballots, NAMES, places, **more)
    assert not set(found.elected) & set(found.tied)
    assert found.seats_left == 0 or len(found.tied) > found.seats_left
    assert bool(found.tied) == bool(found.seats_left)
    for group, least in more["quotas"].items():
        of_group = set(more["groups"][group])
        assert len(of_group & {*found.elected, *found.tied}) >= least
        assert all(len(of_group & set(committee)) >= least for committee in found.committees)
        owed = dict(found.quotas_left).get(group, 0)
        assert len(of_group & set(found.tied)) >= owed
    assert sum(least for _, least in found.quotas_left) <= found.seats_left


def every(found: ElectionResult) -> list[set[str]]:
    """The possible committees; the drawn elections are small enough to have them listed."""
    assert found.outcomes is not None
    assert len(found.committees) == found.outcomes
    return [set(committee) for committee in found.committees]


@given(papers, seats)
def test_stv_gives_solid_coalitions_their_quotas(ballots: list[tuple[str, ...]], places: int) -> None:
    """Proportionality for solid coalitions (Dummett 1984), for the Droop quota Q that is used: l * Q voters or more who
    rank l or more candidates above all others elect at least l of them.
    """
    quota = len(ballots) // (places + 1) + 1
    committees = every(elect("stv", ballots, NAMES, places))
    for size in range(1, 7):
        for group in combinations(NAMES, size):
            solid = sum(set(ballot[:size]) == set(group) for ballot in ballots)
            due = min(solid // quota, size, places)
            for committee in committees:
                assert len(committee & set(group)) >= due, (group, committee)


@pytest.mark.parametrize(("system", "extended"), [("pav", True), ("equal_shares", True), ("phragmen", False)])
@given(ballots=papers, places=seats)
def test_groups_that_agree_are_represented(
    system: str, extended: bool, ballots: list[tuple[str, ...]], places: int
) -> None:
    """Groups of l * n/k voters who agree on l candidates (l-cohesive): with PAV (Aziz and others 2017) and equal shares
    (Peters and Skowron 2020) one of them has l of the committee among those it approves (EJR); with Phragmen (Brill
    and others 2017) the group together has (PJR).
    """
    committees = every(elect(system, ballots, NAMES, places))
    for level in range(1, places + 1):
        for shared in combinations(NAMES, level):
            group = [set(ballot) for ballot in ballots if set(shared) <= set(ballot)]
            least = -(-level * len(ballots) // places)
            if len(group) < least:
                continue
            for committee in committees:
                if extended:  # of any `least` of them: so at most least - 1 have fewer than l
                    assert sum(len(ballot & committee) < level for ballot in group) < least, (shared, committee)
                else:
                    for part in combinations(group, least):
                        assert len(set.union(*part) & committee) >= level, (shared, committee)


@given(papers, seats)
def test_stv_keeps_every_vote_in_the_count(ballots: list[tuple[str, ...]], places: int) -> None:
    """In no round hopefuls and those with a surplus have more votes than ballots, and the first has all of them."""
    rounds = elect("stv", ballots, NAMES, places).rounds
    totals = [sum((number for _, number in entry.counts), Fraction(0)) for entry in rounds]
    assert totals[0] == len(ballots)
    assert all(a >= b for a, b in pairwise(totals))


@given(papers)
def test_schulze_elects_who_beats_everyone(ballots: list[tuple[str, ...]]) -> None:
    def prefer(a: str, b: str) -> int:
        return sum(a in ballot and (b not in ballot or ballot.index(a) < ballot.index(b)) for ballot in ballots)

    for name in NAMES:
        if all(prefer(name, other) > prefer(other, name) for other in NAMES if other != name):
            assert elect("schulze", ballots, NAMES, 1).elected == (name,)


@given(papers, seats)
def test_twice_the_voters_change_nothing_where_shares_count(ballots: list[tuple[str, ...]], places: int) -> None:
    """All but STV, whose whole-numbered quota is not in proportion."""
    for system in SYSTEMS[:-1]:
        once, twice = elect(system, ballots, NAMES, places), elect(system, ballots * 2, NAMES, places)
        assert (once.elected, once.tied) == (twice.elected, twice.tied), system
