"""Who is elected, who is tied, and every count on the way: the result of an election, and how ties are followed.

A tie inside a count is never broken by a name, an order or a lot. Every way to break it is followed to its end
("parallel universes"); the ends are the possible outcomes. *Elected* is who is elected in all of them, *tied* who is in
some: between these the method can't decide, and a second round is held for the seats left. A tie that comes to the same
end either way leaves no trace but in the rounds. Following stops when over 2,000 half-made counts would be open at
once, or after 20,000 steps; earlier where each step has much to look at, so that any count ends soon. Elected are then
those already in all of them, tied everyone still open, and a note says so (nobody is elected who would not have been;
some may be called tied who are not).

Candidates whom the ballots can't tell apart (the same supporters, the same group) are followed as one.

Source: V. Conitzer, M. Rognlie, L. Xia, "Preference functions that score rankings and maximum likelihood estimation",
IJCAI 2009 (parallel-universes tie-breaking).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import comb, prod
from typing import Any, Generic, Protocol, TypeVar

from concordat.council.decide._election_contest import Contest, mask_of, members

STATES_MAX = 2_000
STEPS_MAX = 20_000
STEPS_LEAST = 50
WORK_MAX = 3_000_000
COMMITTEES_MAX = 200
SHOWN_MAX = 100  # numbers in a line of text; the value has all


@dataclass(frozen=True)
class Round:
    """One step of a count.

    Attributes:
        what: in words. counts: (candidate or other line, number), as the method has it.
        elected, excluded, tied: who was, in this step; `tied` are those between whom it could not decide.
    """

    what: str
    counts: tuple[tuple[str, Fraction], ...] = ()
    elected: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()

    def to_value(self) -> dict[str, Any]:
        """For `canonical`: every count a fraction in text."""
        return {
            "what": self.what,
            "counts": [[name, str(number)] for name, number in self.counts],
            "elected": list(self.elected),
            "excluded": list(self.excluded),
            "tied": list(self.tied),
        }

    def line(self) -> str:
        """The step in one line of text."""
        parts = [self.what]
        if self.counts:
            more = f" and {len(self.counts) - SHOWN_MAX:,} more" if len(self.counts) > SHOWN_MAX else ""
            parts.append(", ".join(f"{name} {number}" for name, number in self.counts[:SHOWN_MAX]) + more + ".")
        for word, who in (("Elected", self.elected), ("Excluded", self.excluded), ("Tied", self.tied)):
            if who:
                parts.append(f"{word}: {', '.join(who)}.")
        return " ".join(parts)


@dataclass(frozen=True)
class ElectionResult:
    """The outcome of an election.

    Attributes:
        system: as asked for. method: what was done, in words. seats, candidates, ballots: of how many.
        elected: in every outcome, by name. tied: in some outcomes only, by name.
        quotas: group to its least seats. quotas_left: what a second round still owes to groups.
        outcomes: how many sets of winners are possible; `None` when they were not counted.
        committees: these sets, when there are 200 or fewer.
        places: for rankings, (candidate, best place, worst place): apart where the method can't decide.
        rounds: every count. notes: what a reader has to know.
    """

    system: str
    method: str
    seats: int
    candidates: tuple[str, ...]
    ballots: int
    elected: tuple[str, ...]
    tied: tuple[str, ...] = ()
    quotas: tuple[tuple[str, int], ...] = ()
    quotas_left: tuple[tuple[str, int], ...] = ()
    outcomes: int | None = None
    committees: tuple[tuple[str, ...], ...] = ()
    places: tuple[tuple[str, int, int], ...] = ()
    rounds: tuple[Round, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seats_left(self) -> int:
        """The seats that a second round between the tied has to fill."""
        return self.seats - len(self.elected)

    def to_value(self) -> dict[str, Any]:
        """For `canonical`: no floats, every count a fraction in text."""
        return {
            "schema": "concordat/election-result@1",
            "system": self.system,
            "method": self.method,
            "seats": self.seats,
            "candidates": list(self.candidates),
            "ballots": self.ballots,
            "elected": list(self.elected),
            "tied": list(self.tied),
            "seats_left": self.seats_left,
            "quotas": dict(self.quotas),
            "quotas_left": dict(self.quotas_left),
            "outcomes": None if self.outcomes is None else str(self.outcomes),
            "committees": [list(names) for names in self.committees],
            "places": [list(entry) for entry in self.places],
            "rounds": [entry.to_value() for entry in self.rounds],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The result as plain text, one line each."""
        frame = (_many(self.seats, "seat"), _many(len(self.candidates), "candidate"), _many(self.ballots, "ballot"))
        found = [f"{self.method}: {', '.join(frame)}."]
        found.append(f"Elected: {', '.join(self.elected) or 'nobody yet'}.")
        if self.tied:
            owed = "".join(f" At least {least} of {group}." for group, least in self.quotas_left)
            found.append(
                f"Tied for {_many(self.seats_left, 'seat')}: {', '.join(self.tied)}. A second round decides.{owed}"
            )
        found.extend(f"Round {n}: {entry.line()}" for n, entry in enumerate(self.rounds, start=1))
        return found + [f"Note: {note}" for note in self.notes]


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- Following ties -------------------------------------------------------------------------------------------------


class Count(Protocol):
    """A half-made count: who is elected, who may still be."""

    @property
    def elected(self) -> int:
        """The mask of those elected so far."""

    @property
    def open(self) -> int:
        """The mask of those who may still be."""

    def __hash__(self) -> int: ...


S = TypeVar("S", bound=Count)


@dataclass(frozen=True)
class Step(Generic[S]):
    """What a count does next: each way to go on, none when it is finished; the round, made only where it is shown."""

    ways: Sequence[S] = ()
    round: Callable[[], Round] | None = None


@dataclass(frozen=True)
class Outcomes:
    """Certain and possible winners as masks, the ends (`None` when not all were followed), and the rounds shown."""

    certain: int
    possible: int
    ends: tuple[int, ...] | None
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """About how many numbers a step looks at, and how many more for each way to go on."""

    step: int
    way: int


def follow(start: S, step: Callable[[S], Step[S]], work: Work) -> Outcomes:
    """Follow a count through every tie. The rounds shown take the first of the tied by name wherever there is a tie.

    Args:
        work: what steps cost. It bounds how far ties are followed, and no count without ties.
    """
    left = max(WORK_MAX, STEPS_LEAST * work.step)
    frontier: dict[S, None] = {start: None}
    ends: dict[int, None] = {}
    rounds: list[Round] = []
    shown: S | None = start
    steps = 0
    while frontier:
        reached: dict[S, None] = {}
        for state in frontier:
            taken = step(state)
            if state == shown:
                rounds.extend([taken.round()] if taken.round else [])
                following = taken.ways[0] if taken.ways else None
            if not taken.ways:
                ends[state.elected] = None
            reached.update(dict.fromkeys(taken.ways))
            left -= work.step + work.way * len(taken.ways)
            if left < 0 and len(frontier) > 1:
                break
        steps += len(frontier)
        spent = left < 0 and max(len(frontier), len(reached)) > 1
        if spent or len(reached) > STATES_MAX or steps + len(reached) > STEPS_MAX:
            halves = [(s.elected, s.elected | s.open) for s in frontier] + [(end, end) for end in ends]
            certain, possible = halves[0]
            for sure, maybe in halves[1:]:
                certain, possible = certain & sure, possible | maybe
            return Outcomes(certain, possible, None, tuple(rounds))
        shown, frontier = following, reached
    certain, possible = next(iter(ends)), 0
    for end in ends:
        certain, possible = certain & end, possible | end
    return Outcomes(certain, possible, tuple(sorted(ends)), tuple(rounds))


def first_of_each(candidates: int, twins: Mapping[int, int]) -> list[int]:
    """One of each set of candidates whom the ballots can't tell apart: the first by name.

    Args:
        twins: candidate to the mask of those it can't be told from, itself among them.
    """
    found = []
    while candidates:
        first = (candidates & -candidates).bit_length() - 1
        found.append(first)
        candidates &= ~twins[first]
    return found


def spread(found: Outcomes, twins: Mapping[int, int], everyone: int) -> tuple[int, int, int | None]:
    """Undo `first_of_each`: certain and possible winners, and the number of outcomes, with all twins alike."""
    if found.ends is None:
        certain, possible = found.certain, found.possible
        for first in first_of_each(everyone, twins):
            if twins[first] & ~certain:
                certain &= ~twins[first]
            if twins[first] & possible:
                possible |= twins[first]
        return certain, possible, None
    classes = [twins[first] for first in first_of_each(everyone, twins)]
    certain = possible = total = 0
    for one in classes:
        counts = [(end & one).bit_count() for end in found.ends]
        certain |= one if min(counts) == one.bit_count() else 0
        possible |= one if max(counts) else 0
    for end in found.ends:
        total += prod(comb(one.bit_count(), (end & one).bit_count()) for one in classes)
    return certain, possible, total


def committees(contest: Contest, ends: Sequence[int], twins: Mapping[int, int]) -> tuple[tuple[str, ...], ...]:
    """Every possible set of winners by name. The caller has seen to it that they are few."""
    classes = [members(twins[first]) for first in first_of_each(contest.everyone, twins)]
    found: set[tuple[str, ...]] = set()
    for end in ends:
        picks = [combinations(one, sum(end >> i & 1 for i in one)) for one in classes]
        found.update(contest.named(mask_of(i for part in pick for i in part)) for pick in product(*picks))
    return tuple(sorted(found))


def result(
    contest: Contest, system: str, method: str, ballots: int, found: Outcomes, twins: Mapping[int, int], *notes: str
) -> ElectionResult:
    """The result of a count that was followed through its ties."""
    certain, possible, total = spread(found, twins, contest.everyone)
    every = committees(contest, found.ends, twins) if found.ends and total and total <= COMMITTEES_MAX else ()
    told = list(notes)
    if found.ends is None:
        told.append("too many ways to break the ties: not all were followed, more may be called tied than are.")
    elif any(entry.tied for entry in found.rounds):
        told.append("behind a tie the rounds show one way to go on, by name; the result counts every way.")
    return finish(contest, system, method, ballots, certain, possible, outcomes=total, committees=every,
                  rounds=found.rounds, notes=tuple(told))  # fmt: skip


def finish(
    contest: Contest, system: str, method: str, ballots: int, certain: int, possible: int, **more: Any
) -> ElectionResult:
    """The result from certain and possible winners; fewer possible ones than seats can't be."""
    assert certain.bit_count() <= contest.seats <= possible.bit_count()
    tied = possible & ~certain
    left = [(g, least - (certain & group).bit_count()) for g, group, least in contest.quotas]
    return ElectionResult(
        system=system,
        method=method,
        seats=contest.seats,
        candidates=contest.names,
        ballots=ballots,
        elected=contest.named(certain),
        tied=contest.named(tied),
        quotas=tuple((g, least) for g, _, least in contest.quotas),
        quotas_left=tuple((g, n) for g, n in left if n > 0) if tied else (),
        **more,
    )
