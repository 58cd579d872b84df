"""Which provisions stand between each two of many, how hard, and in which instruments: `binds` for counting.

The same answer as `binds.binds` gives pair by pair, from plain rows instead of a store and without any text, for all
pairs of a bloc at once: who is bound is read from arrays (`_regime_force`), and what an instrument holds is worked out
once. An instrument that another one, in force between the same two, replaces or suspends does not stand. A provision
is between two as long as one of them owes it: it is gone where each that would owe it has reserved it. What is not
known to be in force is not here.

    >>> from concordat.rulebook.catalogue import load_catalogue
    >>> from concordat.rulebook.store import RuleStore
    >>> with RuleStore.memory() as store:
    ...     store.put_catalogue(load_catalogue())
    ...     (found,) = pair_rules(store, ["CHN", "IDN"], date(2026, 11, 1), dated=["rcep"])
    >>> found.depths, "rcep" in found.uncoded, found.since
    ({}, True, {'rcep': '2023-01-02'})
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from concordat.rulebook._regime_force import YES, forces
from concordat.rulebook._regime_read import Held, check_members, held
from concordat.rulebook.binds import BACK, FORTH, acts, between, legal_depth, reserved_by
from concordat.rulebook.model import Coding, Instrument, Participation, Relation, Truth
from concordat.rulebook.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.binds import Binds
    from concordat.rulebook.store import RuleStore

OVER = ("replaces", "suspends")  # relations that take the place of another instrument
_OVER_NOTES = ("replaced by", "suspended by")  # how `binds` says so where it is certain
Depths: TypeAlias = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class PairRules:
    """What stands between two on a day.

    Attributes:
        depths: by provision and instrument, the hardest legal depth: 1 soft, 2 binding.
        standing: ids of instruments in force that no other one replaces or suspends, coded or not.
        since: of those asked for, from when they bind both, as written; "" where that is not known.
        uncoded: ids of instruments in force of which no text is coded, replaced ones as well.
    """

    a: str
    b: str
    on: date
    depths: Depths
    standing: tuple[str, ...]
    since: Mapping[str, str]
    uncoded: tuple[str, ...]

    @classmethod
    def of(cls, found: Binds) -> PairRules:
        """From the answer of `binds`, which does not list an instrument whose coded text holds no provision."""
        rows = [r for r in found.rows if not _over(r.note)]
        since = {r.instrument: r.since for r in rows}
        since |= {u.instrument: u.since for u in found.uncoded if not _over(u.note)}
        depths: dict[str, dict[str, int]] = {}
        for row in rows:
            held = depths.setdefault(row.provision, {})
            held[row.instrument] = max(row.depth, held.get(row.instrument, 0))
        uncoded = sorted({u.instrument for u in found.uncoded})
        return cls(found.a, found.b, found.on, depths, tuple(sorted(since)), since, tuple(uncoded))


def _over(note: str) -> bool:
    return any(part.startswith(_OVER_NOTES) for part in note.split("; "))


def pair_rules(
    known: RuleStore | Held,
    members: Sequence[str],
    on: date,
    *,
    relations: Sequence[Relation] = (),
    dated: Collection[str] = (),
) -> Iterator[PairRules]:
    """What stands between each two of some parties on a day, in the order of `combinations`.

    Args:
        known: a store, or the rows of one as plain values. relations: between instruments; a store has its own.
        dated: ids of instruments whose `since` is wanted.

    Raises:
        InputError: fewer than two members, one twice, an unknown one.
    """
    check_members(members)
    if not isinstance(known, Held):
        relations, known = known.relations(), held(known)
    register, codings = _Rows(known), known.codings
    force = forces(known.instruments, known.participations, members, [on]).between(0)
    ids = np.array([i.id for i in known.instruments])
    by_instrument = {i.id: _depths(codings.get(i.id, ()), i) for i in known.instruments}
    over = [(r.from_id, r.to_id) for r in relations if r.kind in OVER]
    reserving = {name for name, rows in known.participations.items() if any(r.reservations for r in rows)}
    made: dict[tuple[tuple[str, frozenset[str]], ...], Depths] = {}
    for (i, a), (j, b) in combinations(enumerate(members), 2):
        here: list[str] = ids[np.maximum(force[:, i, j], force[:, j, i]) == YES].tolist()
        names = set(here)
        gone = {to for by, to in over if by in names}
        standing = [name for name in here if name not in gone]
        coded = [name for name in standing if codings.get(name)]
        key = tuple((n, _reserved(register, n, a, b, on) if n in reserving else frozenset()) for n in coded)
        if key not in made:
            made[key] = _together(key, by_instrument)
        since = {n: _since(register, n, a, b, on) for n in standing if n in dated}
        uncoded = tuple(n for n in here if not codings.get(n))
        yield PairRules(a, b, on, made[key], tuple(standing), since, uncoded)


class _Rows:
    """Rows as a register (`status.Register`)."""

    def __init__(self, known: Held) -> None:
        self._instruments = {i.id: i for i in known.instruments}
        self._rows = known.participations

    def __getitem__(self, name: str) -> Instrument:
        return self._instruments[name]

    def of(self, name: str) -> Sequence[Participation]:
        return self._rows.get(name, ())


def _depths(codings: Sequence[Coding], instrument: Instrument) -> dict[str, int]:
    """The hardest legal depth of each provision that an instrument's text holds."""
    known = load_taxonomy().provisions
    found: dict[str, int] = {}
    for coding in codings:
        provision = known.get(coding.provision)
        if provision is not None and not provision.structural and coding.depth:
            depth = legal_depth(coding.depth, instrument)
            found[coding.provision] = max(depth, found.get(coding.provision, 0))
    return found


def _together(
    some: Sequence[tuple[str, frozenset[str]]], by_instrument: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Provisions of several instruments, without those reserved."""
    found: dict[str, dict[str, int]] = {}
    for name, reserved in some:
        for code, depth in by_instrument[name].items():
            if code not in reserved:
                found.setdefault(code, {})[name] = depth
    return dict(sorted(found.items()))


def _reserved(register: _Rows, name: str, a: str, b: str, on: date) -> frozenset[str]:
    """The provisions of an instrument that each of the two who would owe them has reserved."""
    sides = []
    for act in acts(register, name, a, b, on):
        if act.answer is Truth.YES:
            sides += [reserved_by(act.a)] if act.direction != BACK else []
            sides += [reserved_by(act.b)] if act.direction != FORTH else []
    return frozenset.intersection(*sides) if sides else frozenset()


def _since(register: _Rows, name: str, a: str, b: str, on: date) -> str:
    since = between(register, name, a, b, on).since
    return since.text if since is not None else ""
