"""Elections of `concordat` beside those of `abcvoting` and `pref_voting`: one random profile a call, or many.

- `pav`, `phragmen`, `equal_shares`, sequential PAV: abcvoting lists every committee that some way of breaking ties
  gives (`resolute=False`); the sets are compared.
- `borda`, `schulze`: pref_voting gives the winners and the whole relation, on complete rankings and on short ones with
  shared places (there strengths are numbers of voters, as with winning votes); winners and each candidate's best and
  worst place are compared.
- `stv`: pref_voting's Scottish count, its five decimals set to 13, is run once for each way its lot can fall. It asks
  earlier counts before the lot, we don't. So its committees must be among ours, and the same where ours is one; and
  with that one question taken out of its source, the sets must be the same.

Both peers are large (ortools, gurobipy, numba): tests skip without them.
"""

from __future__ import annotations

import importlib.util
import inspect
import random
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from concordat.council.decide.elections import ElectionResult, elect

READY = all(importlib.util.find_spec(name) for name in ("abcvoting", "pref_voting"))
APPROVAL = {"pav": "pav", "phragmen": "seqphragmen", "equal_shares": "equal-shares"}
SYSTEMS = (*APPROVAL, "borda", "schulze", "stv")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def one(system: str, seed: int) -> dict[str, Any]:
    """Compare one random profile.

    Returns:
        `same`; `tied` (whether there was a tie to report); the profile and both answers, for a look at a difference.
    """
    rng = random.Random(f"elections {system} {seed}")
    names = list(LETTERS[: rng.randint(3, 7)])
    seats = rng.randint(1, min(4, len(names) - 1))
    ballots = _ballots(rng, system, names)
    found = elect(system, ballots, names, seats)
    if system in APPROVAL:
        ours: Any = {frozenset(committee) for committee in found.committees}
        theirs: Any = _abcvoting(APPROVAL[system], ballots, names, seats)
        same = ours == theirs
    elif system == "stv":
        ours = {frozenset(committee) for committee in found.committees}
        as_shipped = set(_scottish(ballots, names, seats, asks_earlier_counts=True))
        theirs = set(_scottish(ballots, names, seats, asks_earlier_counts=False))
        same = theirs == ours and as_shipped <= ours
        return {**_told(seed, same, found, ballots, ours, theirs), "same_as_shipped": as_shipped == ours}
    else:
        ours = _winners_and_places(found, elect(system, ballots, names, 1))
        theirs = _pref_voting(system, ballots, names)
        same = ours == theirs
    return _told(seed, same, found, ballots, ours, theirs)


def _told(seed: int, same: bool, found: ElectionResult, ballots: Any, ours: Any, theirs: Any) -> dict[str, Any]:
    return {"seed": seed, "same": same, "tied": bool(found.tied), "ballots": ballots, "ours": ours, "theirs": theirs}


def sequential(seed: int) -> dict[str, Any]:
    """Compare sequential PAV on 21 candidates, where ours leaves the optimum."""
    rng = random.Random(f"elections sequential {seed}")
    names = list(LETTERS[:21])
    ballots = [tuple(rng.sample(names, rng.randint(1, 8))) for _ in range(rng.randint(5, 25))]
    seats = rng.randint(2, 4)
    found = elect("pav", ballots, names, seats)
    theirs = _abcvoting("seqpav", ballots, names, seats)
    ours = {frozenset(committee) for committee in found.committees}
    same = ours == theirs if ours else found.outcomes == len(theirs)
    return _told(seed, same, found, ballots, ours, theirs)


def _ballots(rng: random.Random, system: str, names: list[str]) -> list[tuple[Any, ...]]:
    voters = rng.randint(3, 40)
    if system in APPROVAL:
        return [tuple(rng.sample(names, rng.randint(1, len(names)))) for _ in range(voters)]
    complete = rng.random() < 0.5
    found = []
    for _ in range(voters):
        order: list[Any] = rng.sample(names, len(names) if complete else rng.randint(1, len(names)))
        if system != "stv" and not complete and len(order) > 2 and rng.random() < 0.4:
            at = rng.randint(0, len(order) - 2)
            order = [*order[:at], tuple(order[at : at + 2]), *order[at + 2 :]]
        found.append(tuple(order))
    return found


# --- abcvoting ---


def _abcvoting(rule: str, ballots: list[tuple[str, ...]], names: list[str], seats: int) -> set[frozenset[str]]:
    from abcvoting import abcrules
    from abcvoting.preferences import Profile

    profile = Profile(len(names))
    profile.add_voters([{names.index(name) for name in ballot} for ballot in ballots])
    algorithm = {"pav": "branch-and-bound", "seqpav": "standard"}.get(rule, "standard-fractions")
    options: dict[str, Any] = {"algorithm": algorithm}
    if rule == "equal-shares":
        options["completion"] = "seqphragmen"
    every = abcrules.compute(rule, profile, seats, resolute=False, max_num_of_committees=None, **options)
    return {frozenset(names[i] for i in committee) for committee in every}


# --- pref_voting ---


def _profile(ballots: list[tuple[Any, ...]], names: list[str]) -> Any:
    from pref_voting.profiles_with_ties import ProfileWithTies

    ranks = []
    for ballot in ballots:
        places = [(place,) if isinstance(place, str) else place for place in ballot]
        ranks.append({names.index(name): n for n, place in enumerate(places, start=1) for name in place})
    return ProfileWithTies(ranks, candidates=list(range(len(names))))


def _winners_and_places(found: ElectionResult, single: ElectionResult) -> tuple[Any, ...]:
    return {*single.elected, *single.tied}, {name: (best, worst) for name, best, worst in found.places}


def _pref_voting(system: str, ballots: list[tuple[Any, ...]], names: list[str]) -> tuple[Any, ...]:
    from pref_voting.margin_based_methods import beat_path, beat_path_defeat
    from pref_voting.scoring_methods import borda_for_profile_with_ties, symmetric_borda_scores

    profile = _profile(ballots, names)
    profile.use_extended_strict_preference()
    everyone = range(len(names))
    if system == "borda":
        scores = symmetric_borda_scores(profile)
        winners = borda_for_profile_with_ties(profile)
        above = {(a, b) for a in everyone for b in everyone if scores[a] > scores[b]}
    else:
        winners = beat_path(profile, strength_function=profile.support)
        above = set(beat_path_defeat(profile, strength_function=profile.support).edges())
    places = {
        names[c]: (1 + sum(b == c for _, b in above), len(names) - sum(a == c for a, _ in above)) for c in everyone
    }
    return {names[c] for c in winners}, places


class _Lot:
    """A lot that falls as it is told, and remembers between how many it fell."""

    def __init__(self, told: list[int]) -> None:
        self.told, self.between = told, []  # type: ignore[var-annotated]

    def choice(self, those: list[int]) -> int:
        self.between.append(len(those))
        n = len(self.between) - 1
        return those[self.told[n] if n < len(self.told) else 0]


@cache
def _count_by_lot_alone() -> Callable[..., list[int]]:
    """The peer's Scottish count without its look at earlier counts: one line of its source is changed."""
    from pref_voting import proportional_methods

    source = inspect.getsource(proportional_methods)
    line = "for snap in reversed(history):"
    assert source.count(line) == 1, "the peer's source is another than that of 1.18.2"
    module = types.ModuleType("proportional_methods_by_lot_alone")
    exec(compile(source.replace(line, "for snap in ():"), module.__name__, "exec"), module.__dict__)
    found: Callable[..., list[int]] = module.stv_scottish
    return found


def _scottish(
    ballots: list[tuple[str, ...]], names: list[str], seats: int, *, asks_earlier_counts: bool
) -> Iterator[frozenset[str]]:
    """Every result of the Scottish count, over all ways its lots can fall."""
    from pref_voting.proportional_methods import stv_scottish

    count = stv_scottish if asks_earlier_counts else _count_by_lot_alone()
    profile = _profile(ballots, names)
    waiting: list[list[int]] = [[]]
    while waiting:
        told = waiting.pop()
        lot = _Lot(told)
        yield frozenset(names[c] for c in count(profile, num_seats=seats, decimals=13, rng=lot))
        for n in range(len(told), len(lot.between)):
            waiting.extend([*told, *[0] * (n - len(told)), other] for other in range(1, lot.between[n]))


# --- For times ---


def single(system: str, ballots: list[tuple[str, ...]], names: list[str], seats: int) -> Callable[[], Any]:
    """What a benchmark runs: the peer's count for one committee, its profile made beforehand."""
    if system in APPROVAL:
        from abcvoting import abcrules
        from abcvoting.preferences import Profile

        approved = Profile(len(names))
        approved.add_voters([{names.index(name) for name in ballot} for ballot in ballots])
        rule = APPROVAL[system]
        algorithm = "branch-and-bound" if rule == "pav" else "standard-fractions"
        return lambda: abcrules.compute(rule, approved, seats, resolute=True, algorithm=algorithm)
    from pref_voting.margin_based_methods import beat_path_defeat
    from pref_voting.proportional_methods import stv_scottish
    from pref_voting.scoring_methods import borda_for_profile_with_ties

    ranked = _profile(ballots, names)
    ranked.use_extended_strict_preference()
    if system == "stv":
        return lambda: stv_scottish(ranked, num_seats=seats, rng=random.Random(0))
    if system == "borda":
        return lambda: borda_for_profile_with_ties(ranked)
    return lambda: beat_path_defeat(ranked, strength_function=ranked.support)
