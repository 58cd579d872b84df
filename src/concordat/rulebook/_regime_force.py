"""Force of instruments for members over many days at once: the rules of `status` and `binds.between` on arrays.

Answers are numbers, so that Kleene's "and" is the smaller and "or" the larger one: 0 no, 1 unknown, 2 yes. What a
row answers depends on its dates alone, so each set of dates is worked out once for all days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.rulebook.model import MARKS, Instrument, PartialDate, Participation, Truth
from concordat.rulebook.status import Start, european_union, pair_date, start_of, towards_of

Levels = NDArray[np.int8]
Days = NDArray[np.int64]
NO, UNKNOWN, YES = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Forces:
    """Who is bound by what, on each day.

    Attributes:
        state: `[day, instrument, member]`; has_row: whether the member, or the Union for it, stands in the list.
        union: takes part through the Union, or is the Union. held: in force with at least one partner, whoever that is.
        marks: the weakest mark of the facts used `[instrument, member]`, a place in `MARKS`.
        towards: answers of a member towards another, of instruments where some differ by pair: (instrument, member,
            other) -> `[day]`, and whether it is through the Union.
        directed: acts of one towards others: instrument -> `[day, actor, other]`; -1 where there is no such act.
        one_way: members whose own row is such an act `[instrument, member]`.
        family: the Union and its members `[day, member]`: an instrument that one of two has through it is none between.
    """

    state: Levels
    has_row: NDArray[np.bool_]
    union: NDArray[np.bool_]
    held: Levels
    marks: Levels
    towards: Mapping[tuple[int, int, int], tuple[Levels, NDArray[np.bool_]]]
    directed: Mapping[int, Levels]
    one_way: NDArray[np.bool_]
    family: NDArray[np.bool_]

    def of_pair(self, k: int, i: int, j: int) -> Levels:
        """Of an instrument with dates that differ by pair: whether it is in force between two members, by day."""
        default = [(self.state[:, k, m], self.union[:, k, m]) for m in (i, j)]
        (mine, one), (theirs, other) = self.towards.get((k, i, j), default[0]), self.towards.get((k, j, i), default[1])
        within = self.family[:, i] & self.family[:, j] & (one | other)
        return np.asarray(np.where(within, NO, np.minimum(mine, theirs)), dtype=np.int8)

    def between(self, day: int) -> Levels:
        """Whether each instrument is in force between members: `[instrument, actor, other]`, as `binds.between`."""
        state, row, union = self.state[day], self.has_row[day], self.union[day]
        found: Levels = np.asarray(np.minimum(state[:, :, None], state[:, None, :]), dtype=np.int8)
        inside = self.family[day][:, None] & self.family[day][None, :]
        found[(union[:, :, None] | union[:, None, :]) & inside] = NO  # one of two in the Union through it: its inside
        found[~row[:, :, None] & ~row[:, None, :]] = NO  # a list that names neither says nothing of the two
        for k, i, j in self.towards:
            if i < j and (row[k, i] or row[k, j]):
                found[k, i, j] = found[k, j, i] = self.of_pair(k, i, j)[day]
        for k, acts in self.directed.items():
            found[k][self.one_way[k][:, None] | self.one_way[k][None, :]] = NO
            here = acts[day] >= 0
            found[k][here | here.T] = np.maximum(acts[day], NO)[here | here.T]
        n = found.shape[1]
        found[:, range(n), range(n)] = NO
        return found


def forces(
    instruments: Sequence[Instrument],
    rows_of: Mapping[str, Sequence[Participation]],
    members: Sequence[str],
    days: Sequence[date],
) -> Forces:
    """Work out the force of all instruments for members on days."""
    numbers = np.array([d.toordinal() for d in days], dtype=np.int64)
    inside = np.array([[m in _union(d) for m in members] for d in days], dtype=bool)
    shape = (len(days), len(instruments), len(members))
    state, held = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.int8)
    has_row, union = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    marks = np.zeros(shape[1:], dtype=np.int8)
    one_way = np.zeros(shape[1:], dtype=bool)
    towards: dict[tuple[int, int, int], tuple[Levels, NDArray[np.bool_]]] = {}
    directed: dict[int, Levels] = {}
    answers = _Answers(numbers)
    for k, instrument in enumerate(instruments):
        rows = rows_of.get(instrument.id, ())
        by_party: dict[str, list[Participation]] = {}
        for row in rows:
            by_party.setdefault(row.party, []).append(row)
        whole = _Whole(instrument, by_party, answers, inside)
        for i, member in enumerate(members):
            state[:, k, i], has_row[:, k, i], union[:, k, i] = whole.standing(member, i)
            marks[k, i] = whole.mark(member, bool(union[:, k, i].any()))
            some = [*by_party.get(member, ()), *(by_party.get("EU", ()) if inside[:, i].any() else ())]
            one_way[k, i] = any(r.directed_to for r in some)
        if any(r.in_force_towards for r in rows):
            towards |= {(k, i, j): whole.towards(i, j, members) for i, j in permutations(range(len(members)), 2)}
        held[:, k] = _held(state[:, k], whole)
        if any(r.directed_to for r in rows):
            directed[k], owed = _directed(instrument, rows, members, inside, answers)
            held[:, k] = np.where(one_way[k], owed, held[:, k])
    family = inside | np.array([m == "EU" for m in members])
    made = Forces(state, has_row, union, held, marks, towards, directed, one_way, family)
    for k, i, j in towards:  # dates that differ by pair may be all that is known of a member
        if not one_way[k, i]:
            held[:, k, i] = np.maximum(held[:, k, i], made.of_pair(k, i, j))
    return made


def _union(day: date) -> frozenset[str]:
    """Members of the European Union on a day; before there was one, nobody."""
    try:
        return european_union(day)
    except InputError:
        return frozenset()


class _Answers:
    """Answers of rows on all days; rows with the same dates share one."""

    def __init__(self, days: Days) -> None:
        self.days = days
        self._known: dict[tuple[object, ...], Levels] = {}

    def of(
        self, instrument: Instrument, row: Participation, towards: str = "", pair: PartialDate | None = None
    ) -> Levels:
        """As `status.in_force`; `towards` is a name in the row's `in_force_towards`."""
        start = start_of(instrument, row, towards, pair)
        ends = [(row.withdrawn, "withdrawn" in row.unknown), (instrument.ended, "ended" in row.unknown)]
        key = (start, *ends, row.suspended)
        if key not in self._known:
            self._known[key] = self._made(start, ends, row.suspended)
        return self._known[key]

    def _made(
        self,
        start: Start,
        ends: Sequence[tuple[PartialDate | None, bool]],
        suspended: tuple[PartialDate, PartialDate | None] | None,
    ) -> Levels:
        if start.day is not None:
            found = self._by(start.day)
        else:
            level = {Truth.YES: YES, Truth.UNKNOWN: UNKNOWN}.get(start.without or Truth.NO, NO)
            found = np.full(len(self.days), level, dtype=np.int8)
        for day in start.floor:
            found = np.minimum(found, self._by(day))
        for end, open_ in ends:
            if end is not None:
                found = np.minimum(found, YES - self._by(end))
            elif open_:
                found = np.minimum(found, np.int8(UNKNOWN))
        if suspended is not None:
            begin, end = suspended
            over = YES - self._by(end) if end is not None else np.int8(YES)
            found = np.minimum(found, YES - np.minimum(self._by(begin), over))
        return np.asarray(found, dtype=np.int8)

    def _by(self, day: PartialDate) -> Levels:
        """As `PartialDate.by`."""
        come = (self.days >= day.last.toordinal()).astype(np.int8)
        begun = (self.days >= day.first.toordinal()).astype(np.int8)
        return np.asarray(come + begun, dtype=np.int8)


class _Whole:
    """One instrument with its rows by party."""

    def __init__(
        self,
        instrument: Instrument,
        rows: Mapping[str, Sequence[Participation]],
        answers: _Answers,
        inside: NDArray[np.bool_],
    ) -> None:
        self.instrument, self.rows, self.answers, self.inside = instrument, rows, answers, inside
        self._best: dict[tuple[str, str, bool, PartialDate | None], Levels | None] = {}

    def best(
        self, party: str, towards: str = "", within: bool = False, pair: PartialDate | None = None
    ) -> Levels | None:
        """Of several rows of one party, the one that says most; `within`: the other belongs to the Union."""
        key = (party, towards, within, pair)
        if key not in self._best:
            some = [
                self.answers.of(self.instrument, row, towards_of(row, towards, within), pair)
                for row in self.rows.get(party, ())
            ]
            self._best[key] = some[0] if len(some) == 1 else np.max(some, axis=0) if some else None
        return self._best[key]

    def standing(
        self, party: str, place: int, towards: str = "", within: bool = False, pair: PartialDate | None = None
    ) -> tuple[Levels, NDArray[np.bool_], NDArray[np.bool_]]:
        """As `status.standing`: the answer, whether a row gives it, whether that is the Union's."""
        own, union = self.best(party, towards, within, pair), self.best("EU", towards, within, pair)
        inside = self.inside[:, place]
        absent = NO if self.instrument.complete else UNKNOWN
        state = own if own is not None else np.full(len(inside), absent, dtype=np.int8)
        row = np.full(len(inside), own is not None)
        through = np.full(len(inside), party == "EU" and own is not None)
        if party != "EU" and union is not None:
            through = inside & ((union > state) if own is not None else True)
            state, row = np.where(through, union, state).astype(np.int8), row | through
        return state, row, through

    def towards(self, i: int, j: int, members: Sequence[str]) -> tuple[Levels, NDArray[np.bool_]]:
        """As `status.standing` of one member towards another: the answer, whether that is through the Union."""
        party, other = members[i], members[j]
        answer, through = np.zeros(len(self.inside), dtype=np.int8), np.zeros(len(self.inside), dtype=bool)
        for mine, theirs in ((m, t) for m in (False, True) for t in (False, True)):
            here = (self.inside[:, i] == mine) & (self.inside[:, j] == theirs)
            if here.any():
                union = self.rows.get("EU", ()) if theirs else ()
                pair = pair_date(self.rows.get(other, ()), union, party, mine)
                found, _, by = self.standing(party, i, other, theirs, pair)
                answer[here], through[here] = found[here], by[here]
        return answer, through

    def mark(self, party: str, union: bool) -> int:
        """The weakest mark of the facts used; a row without a date of its own takes the instrument's, unverified."""
        found = [MARKS.index(self.instrument.mark)]
        for row in self.rows.get(party, self.rows.get("EU", ()) if union else ()):
            own = start_of(self.instrument, row).own or bool(row.in_force_towards)
            found.append(max(MARKS.index(row.mark), 0 if own else MARKS.index("unverified")))
        return max(found)


def _held(state: Levels, whole: _Whole) -> Levels:
    """In force with at least one partner: two or more rows of different parties say so, one of them the member's."""
    some = [best for party in sorted(whole.rows) if (best := whole.best(party)) is not None]
    yes = np.sum([s == YES for s in some], axis=0) if some else np.zeros(len(state))
    may = np.sum([s >= UNKNOWN for s in some], axis=0) if some else np.zeros(len(state))
    partner = np.where(yes >= 2, YES, np.where((may >= 2) | (not whole.instrument.complete), UNKNOWN, NO))
    return np.minimum(state, partner[:, None]).astype(np.int8)


def _directed(
    instrument: Instrument,
    rows: Sequence[Participation],
    members: Sequence[str],
    inside: NDArray[np.bool_],
    answers: _Answers,
) -> tuple[Levels, Levels]:
    """Acts of one towards others: `[day, actor, other]`, and what each member owes to anyone `[day, member]`."""
    n = len(members)
    found = np.full((len(inside), n, n), -1, dtype=np.int8)
    owed = np.zeros((len(inside), n), dtype=np.int8)
    for row in rows:
        if not row.directed_to:
            continue
        actors = np.array([m == row.party for m in members]) | (inside & (row.party == "EU"))
        for j, other in enumerate(members):
            concerned = (inside[:, j] & ("EU" in row.directed_to)) | (other in row.directed_to)
            kinds = [answers.of(instrument, row, towards_of(row, other, within)) for within in (False, True)]
            answer = np.where(inside[:, j], kinds[1], kinds[0])[:, None]
            here = actors & concerned[:, None] & (np.arange(n) != j)
            found[:, :, j] = np.where(here, np.maximum(found[:, :, j], answer), found[:, :, j])
        given = [answers.of(instrument, row, other) for other in ("", *row.in_force_towards)]
        owed = np.where(actors, np.maximum(owed, np.max(given, axis=0)[:, None]), owed).astype(np.int8)
    return found, owed
