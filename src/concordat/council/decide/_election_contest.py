"""Who stands, who voted how, and which regions are owed a seat: the input of an election, checked once.

Ballots of one content are counted together, candidates are numbered in the order of their names, so neither the order
of the ballots nor that of the candidates can matter afterwards.

A quota `{africa: 1}` with `groups: {africa: [ETH, EGY]}` means: at least one of the seats goes to one of these. A set
of candidates S *fits* when the seats it leaves are enough for what groups are still owed: |S| + sum over groups of
max(0, quota - |S and group|) <= seats. No system ever elects a set that doesn't fit; how each chooses among those that
do is in its own module.
Groups with a quota may not share a candidate, so that a seat never counts twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, RuleError
from concordat.settings import nearest

CANDIDATES_MAX = 500
BALLOTS_MAX = 100_000

Approval = frozenset[int]
Ranking = tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Contest:
    """Candidates by number, seats, and the quotas of groups; a set of candidates is a bit mask.

    Attributes:
        names: in order. seats: how many are elected.
        quotas: (group, its candidates as a mask, least seats), in the order of the groups' names.
    """

    names: tuple[str, ...]
    seats: int
    quotas: tuple[tuple[str, int, int], ...] = ()

    @property
    def everyone(self) -> int:
        """The mask of all candidates."""
        return (1 << len(self.names)) - 1

    def owed(self, elected: int) -> int:
        """How many seats groups are still owed behind these elected ones."""
        return sum(max(0, least - (elected & group).bit_count()) for _, group, least in self.quotas)

    def fits(self, elected: int) -> bool:
        """Whether these can be elected together with every quota still to be met."""
        return elected.bit_count() + self.owed(elected) <= self.seats

    def standing(self, elected: int, candidates: int) -> int:
        """Those of some open candidates who fit beside the elected: all, or members of groups that are owed a seat."""
        if elected.bit_count() + self.owed(elected) < self.seats:
            return candidates
        owed = mask_of(who for _, group, least in self.quotas if (elected & group).bit_count() < least
                       for who in members(group))  # fmt: skip
        return candidates & owed

    def group_of(self, candidate: int) -> str:
        """The group with a quota that a candidate belongs to, or nothing."""
        return next((name for name, group, _ in self.quotas if group >> candidate & 1), "")

    def named(self, mask: int) -> tuple[str, ...]:
        """The names in a mask, in order."""
        return tuple(self.names[i] for i in members(mask))


def members(mask: int) -> list[int]:
    """The candidates in a mask, ascending.

    >>> members(0b1011)
    [0, 1, 3]
    """
    return [i for i, bit in enumerate(bin(mask)[:1:-1]) if bit == "1"]


def mask_of(candidates: Iterable[int]) -> int:
    """The mask of some candidates."""
    found = 0
    for candidate in candidates:
        found |= 1 << candidate
    return found


def contest(
    candidates: Iterable[str],
    seats: int,
    quotas: Mapping[str, int] | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
) -> Contest:
    """The checked frame of an election.

    Raises:
        InputError: no candidates, one named twice or badly, a number of seats that isn't possible, a group that nobody
            described, a candidate of a group who doesn't stand.
        RuleError: quotas that can't be met, or groups with a quota that share a candidate.
    """
    if isinstance(candidates, str) or not isinstance(candidates, Iterable):
        raise InputError("candidates are not a list of names.", where="candidates", code="type")
    given = list(candidates)
    if not given:
        raise InputError("nobody stands for election.", where="candidates", hint="Name the candidates.", code="empty")
    if len(given) > CANDIDATES_MAX:
        what = f"{len(given):,} candidates; an election takes {CANDIDATES_MAX}."
        raise InputError(what, where="candidates", code="too_large")
    for name in given:
        _check_name(name, "candidates", "a candidate's name")
    twice = sorted(name for name, times in Counter(given).items() if times > 1)
    if twice:
        raise InputError(f'"{twice[0]}" stands twice.', where="candidates", hint="Name each one once.", code="twice")
    names = tuple(sorted(given))
    if isinstance(seats, bool) or not isinstance(seats, int) or seats < 1:
        raise InputError(f"{seats!r} seats.", where="seats", hint="Give a whole number of 1 or more.", code="seats")
    if seats > len(names):
        what = f"{seats} seats for {len(names)} candidates."
        raise InputError(what, where="seats", hint="Fewer seats, or more candidates.", code="seats")
    return Contest(
        names, seats, _quotas(names, seats, {} if quotas is None else quotas, {} if groups is None else groups)
    )


def _check_name(name: Any, where: str, role: str) -> None:
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        what = f"{name!r:.80} is not {role}."
        raise InputError(what, where=where, hint="Give a text of at most 200 characters.", code="name")
    try:
        canonical.dumps(name)
    except ConcordatError as error:
        raise InputError(error.what, where=where, hint=error.hint, code=error.code) from None


def _quotas(
    names: tuple[str, ...], seats: int, quotas: Mapping[str, int], groups: Mapping[str, Collection[str]]
) -> tuple[tuple[str, int, int], ...]:
    for what, given in (("quotas", quotas), ("groups", groups)):
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise InputError(f"{what} are given by the groups' names.", where=what, code="type")
    found: list[tuple[str, int, int]] = []
    number = {name: i for i, name in enumerate(names)}
    for group, least in sorted(quotas.items()):
        _check_name(group, "quotas", "a group's name")
        where = f"quotas.{group}"
        if isinstance(least, bool) or not isinstance(least, int) or least < 0:
            raise InputError(f"{least!r} seats.", where=where, hint="Give a whole number of 0 or more.", code="quota")
        if group not in groups:
            raise InputError(f'no group is called "{group}".', where=where, hint=_meant(group, groups), code="group")
        if isinstance(groups[group], str) or not isinstance(groups[group], Collection):
            raise InputError("a group is a list of candidates.", where=f"groups.{group}", code="type")
        mask = 0
        for name in groups[group]:
            if not isinstance(name, str) or name not in number:
                what = f"{name!r:.80} does not stand for election."
                raise InputError(what, where=f"groups.{group}", hint=_meant(name, names), code="candidate")
            mask |= 1 << number[name]
        if mask.bit_count() < least:
            what = f"{least} seats are kept for {group}, where {mask.bit_count()} candidates stand."
            raise RuleError(what, where=where, hint="Lower the quota, or call for candidates.", code="quota")
        for other, taken, _ in found:
            if mask & taken:
                who = names[members(mask & taken)[0]]
                hint = "Keep groups with a quota apart, so that no seat counts twice."
                raise RuleError(f'"{who}" belongs to {other} and to {group}.', where=where, hint=hint, code="overlap")
        found.append((group, mask, least))
    total = sum(least for _, _, least in found)
    if total > seats:
        what = f"quotas keep {total} seats of {seats}."
        raise RuleError(what, where="quotas", hint="Lower them, or add seats.", code="quota")
    return tuple(entry for entry in found if entry[2])


def _meant(word: Any, known: Iterable[str]) -> str:
    close = nearest(word, known) if isinstance(word, str) else []
    return f'Did you mean "{close[0]}"?' if close else "Look at the list of candidates and groups."


def approvals(given: Iterable[Any], names: tuple[str, ...]) -> list[tuple[Approval, int]]:
    """Distinct approval ballots with their number of voters, in a fixed order.

    Raises:
        InputError: no ballots, a ballot that is not a list of names, an unknown candidate, one named twice.
    """
    number = {name: i for i, name in enumerate(names)}
    counted: Counter[Approval] = Counter()
    for row, ballot in enumerate(_ballots(given), start=1):
        if isinstance(ballot, str) or not isinstance(ballot, (Sequence, frozenset, set)):
            raise _not_a_list(ballot, row)
        counted[_group(ballot, number, row, set())] += 1
    return sorted(counted.items(), key=lambda item: sorted(item[0]))


def rankings(given: Iterable[Any], names: tuple[str, ...], *, ties: bool) -> list[tuple[Ranking, int]]:
    """Distinct rankings with their number of voters, in a fixed order: best first, the unranked left out.

    Args:
        ties: whether a place may hold several candidates, written as a tuple or set of them.

    Raises:
        InputError: as for approvals, or a tie where the system takes none.
    """
    number = {name: i for i, name in enumerate(names)}
    counted: Counter[Ranking] = Counter()
    for row, ballot in enumerate(_ballots(given), start=1):
        if isinstance(ballot, str) or not isinstance(ballot, Sequence):
            raise _not_a_list(ballot, row)
        seen: set[int] = set()
        places = []
        for place in ballot:
            if isinstance(place, (tuple, list, set, frozenset)):
                if not ties and len(place) > 1:
                    hint = "STV needs an order; leave out those you don't rank, or use schulze or borda."
                    raise InputError("candidates share a place.", where=f"ballot {row}", hint=hint, code="tie")
                places.append(_group(place, number, row, seen))
            else:
                places.append(_group((place,), number, row, seen))
        counted[tuple(place for place in places if place)] += 1
    return sorted(counted.items(), key=lambda item: [sorted(place) for place in item[0]])


def _ballots(given: Iterable[Any]) -> list[Any]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        hint = "Give a list of ballots, each a list of names."
        raise InputError(f"ballots are a {type(given).__name__}.", where="ballots", hint=hint, code="type")
    ballots = list(given)
    if not ballots:
        raise InputError("no ballot was cast.", where="ballots", hint="Nothing can be counted.", code="empty")
    if len(ballots) > BALLOTS_MAX:
        raise InputError(f"{len(ballots):,} ballots; an election takes {BALLOTS_MAX:,}.", code="too_large")
    return ballots


def _not_a_list(ballot: Any, row: int) -> InputError:
    what = f"{ballot!r:.80} is not a ballot."
    return InputError(what, where=f"ballot {row}", hint="Give a list of candidates' names.", code="type")


def _group(place: Iterable[Any], number: Mapping[str, int], row: int, seen: set[int]) -> frozenset[int]:
    """The candidates of one place of a ballot (all of an approval ballot); adds them to those seen on it."""
    found = set()
    for name in place:
        who = number.get(name) if isinstance(name, str) else None
        if who is None:
            what = f"{name!r:.80} does not stand for election."
            raise InputError(what, where=f"ballot {row}", hint=_meant(name, number), code="candidate")
        if who in seen:
            what = f'"{name}" is named twice.'
            raise InputError(what, where=f"ballot {row}", hint="Name each candidate once.", code="twice")
        seen.add(who)
        found.add(who)
    return frozenset(found)
