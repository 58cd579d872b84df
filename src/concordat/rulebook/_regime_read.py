"""What the figures of a bloc's regime rest on, read from the store once: a frozen `Regime`.

`held` takes the rows out of a store, `read` makes arrays of them: instruments, participations and codings; all
figures are computed from them without the store. A coding of a provision with a depth becomes a rule: its instrument,
provision, legal ordinal and probability (1 where a person made it). A party with a reservation that names a provision
("DF-LOCA: ...") doesn't owe it: its own variant of the instrument holds everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.rulebook._regime_force import UNKNOWN, YES, Forces, Levels, forces
from concordat.rulebook.binds import chosen, legal_depth
from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import SOFT, Coding, Instrument, Participation
from concordat.rulebook.regime import Array, Scales
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

PEOPLE = ("human", "import")


@dataclass(frozen=True, eq=False)
class Held:
    """What is known of instruments, as plain values.

    Attributes:
        instruments: sorted by id. participations: by instrument. with_text: instruments whose text is there.
        codings: by instrument; of a part of an article only where its article has not the same provision.
    """

    instruments: tuple[Instrument, ...]
    participations: Mapping[str, tuple[Participation, ...]]
    codings: Mapping[str, Sequence[Coding]]
    with_text: frozenset[str]


@dataclass(frozen=True, eq=False)
class Rules:
    """Coded rules: a row each, sorted by variant and provision.

    Attributes:
        variant: which instrument (and reservation). provision: its place in `Scales.codes`. ordinal: legal.
        probability: 1 where a person said so, or where the method gives none.
    """

    variant: NDArray[np.intp]
    provision: NDArray[np.intp]
    ordinal: Levels
    probability: Array


@dataclass(frozen=True, eq=False)
class Regime:
    """A bloc's regime on some days.

    Attributes:
        members: in the order given. days: the last day of each year, and at the end the day asked for.
        coded: instruments with a coding. topics: by instrument and topic, the catalogue's and those of its codings.
        soft: instruments that bind nobody by nature.
        hardest: `[variant, provision]`; variant_of: of an instrument for a member, -1 where not coded.
        codings: by instrument, those that its rules were made from.
    """

    members: tuple[str, ...]
    days: tuple[date, ...]
    scales: Scales
    instruments: tuple[Instrument, ...]
    participations: Mapping[str, tuple[Participation, ...]] = field(repr=False)
    forces: Forces = field(repr=False)
    coded: NDArray[np.bool_] = field(repr=False)
    with_text: frozenset[str] = field(repr=False)
    topics: NDArray[np.bool_] = field(repr=False)
    soft: NDArray[np.bool_] = field(repr=False)
    rules: Rules = field(repr=False)
    hardest: Levels = field(repr=False)
    variant_of: NDArray[np.intp] = field(repr=False)
    codings: Mapping[str, Sequence[Coding]] = field(repr=False)

    @property
    def on(self) -> date:
        """The day asked for."""
        return self.days[-1]

    @property
    def years(self) -> tuple[int, ...]:
        """The years of the days."""
        return tuple(d.year for d in self.days)

    def place(self, instrument: str) -> int:
        """Where an instrument stands."""
        return [i.id for i in self.instruments].index(instrument)

    def pair_sets(self, force: Levels, least: int = YES) -> NDArray[np.bool_]:
        """Which variants bind each pair, in either direction, `[pair, variant]`; `least`: YES, or UNKNOWN as yes."""
        one, other = np.triu_indices(len(self.members), 1)
        if (self.variant_of == self.variant_of[:, :1]).all():  # nobody has reservations: both ways are the same
            best = np.maximum(force[:, one, other], force[:, other, one])
            found = np.zeros((len(one), len(self.hardest)), dtype=bool)
            found[:, self.variant_of[self.coded, 0]] = (best[self.coded] >= least).T
            return found
        return self.owed_sets(force, one, other, least) | self.owed_sets(force, other, one, least)

    def owed_sets(
        self, force: Levels, actor: NDArray[np.intp], other: NDArray[np.intp], least: int = YES
    ) -> NDArray[np.bool_]:
        """Which variants actors owe to others `[pair, variant]`."""
        found = np.zeros((len(actor), len(self.hardest)), dtype=bool)
        for k in np.flatnonzero(self.coded):
            here = np.flatnonzero(force[k, actor, other] >= least)
            found[here, self.variant_of[k, actor[here]]] = True
        return found

    def held_sets(self, day: int, least: int = YES) -> NDArray[np.bool_]:
        """Which variants each member owes to anyone `[member, variant]`."""
        found = np.zeros((len(self.members), len(self.hardest)), dtype=bool)
        for k in np.flatnonzero(self.coded):
            here = np.flatnonzero(self.forces.held[day, k] >= least)
            found[here, self.variant_of[k, here]] = True
        return found

    def answered(self, day: int) -> NDArray[np.bool_]:
        """Whether a topic is answered for a member: a coded instrument in force for it is about it."""
        held = (self.forces.held[day] == YES) & self.coded[:, None]
        return np.asarray(held.T.astype(int) @ self.topics.astype(int) > 0, dtype=bool)

    def profile_coverage(self, day: int) -> Array:
        """Share coded of the instruments in force for each member with anyone; NaN where there are none."""
        held = self.forces.held[day] == YES
        count, coded = held.sum(axis=0), (held & self.coded[:, None]).sum(axis=0)
        return np.asarray(np.where(count > 0, coded / np.maximum(count, 1), np.nan), dtype=float)


def held(store: RuleStore) -> Held:
    """The rows of a store."""
    instruments = tuple(sorted(store.instruments().values(), key=lambda i: i.id))
    return Held(instruments, store.participations(), _codings(store), frozenset(store.with_text()))


def check_members(members: Sequence[str]) -> None:
    """Refuse a bloc of one, one with a member twice, and members that are no parties."""
    for member in members:
        check_party(member)
    if len(members) < 2 or len(set(members)) < len(members):
        raise InputError("name two or more different members.", hint="A regime is between members.", code="members")


def read(
    known: RuleStore | Held,
    members: Sequence[str],
    on: date,
    *,
    first_year: int | None = None,
    taxonomy: Taxonomy | None = None,
) -> Regime:
    """A bloc's regime on a day, and on the last day of each year from `first_year` on.

    Args:
        known: a store, or the rows of one as plain values.

    Raises:
        InputError: fewer than two members, one twice, an unknown one, a first year after the day.
    """
    check_members(members)
    if first_year is not None and first_year > on.year:
        raise InputError(f"the first year, {first_year}, is after {on}.", hint="Name an earlier one.", code="years")
    known = known if isinstance(known, Held) else held(known)
    book = taxonomy or load_taxonomy()
    scales = Scales.of(book)
    instruments, rows, by_instrument = known.instruments, known.participations, known.codings
    days = (*(date(y, 12, 31) for y in range(first_year or on.year, on.year)), on)
    coded = np.array([bool(by_instrument.get(i.id)) for i in instruments], dtype=bool)
    made = _rules(by_instrument, instruments, rows, tuple(members), book, scales)
    return Regime(
        members=tuple(members),
        days=days,
        scales=scales,
        instruments=instruments,
        participations=rows,
        forces=forces(instruments, rows, members, days),
        coded=coded,
        with_text=known.with_text,
        topics=_topics(by_instrument, instruments, book, scales),
        soft=np.array([i.binding in SOFT for i in instruments], dtype=bool),
        rules=made[0],
        hardest=made[1],
        variant_of=made[2],
        codings=by_instrument,
    )


def _codings(store: RuleStore) -> dict[str, list[Coding]]:
    """Codings by instrument; of a part of an article only where the article has not the same provision."""
    found: dict[str, list[Coding]] = {}
    for coding in store.codings():
        found.setdefault(coding.unit.split("/", 1)[0], []).append(coding)
    return {name: chosen(some, store.units_of_codings(name)) for name, some in found.items()}


def _topics(
    codings: Mapping[str, Sequence[Coding]], instruments: Sequence[Instrument], book: Taxonomy, scales: Scales
) -> NDArray[np.bool_]:
    found = np.zeros((len(instruments), len(scales.topics)), dtype=bool)
    for k, instrument in enumerate(instruments):
        spoken = {
            book.provisions[c.provision].topic for c in codings.get(instrument.id, ()) if c.provision in book.provisions
        }
        found[k] = [t in spoken or t in instrument.topics for t in scales.topics]
    return found


def _rules(
    codings: Mapping[str, Sequence[Coding]],
    instruments: Sequence[Instrument],
    participations: Mapping[str, tuple[Participation, ...]],
    members: tuple[str, ...],
    book: Taxonomy,
    scales: Scales,
) -> tuple[Rules, Levels, NDArray[np.intp]]:
    """Rules of all variants, the hardest of each provision, and which variant stands for a member."""
    places = {code: n for n, code in enumerate(scales.codes)}
    variant_of = np.full((len(instruments), len(members)), -1, dtype=np.intp)
    rows: list[tuple[int, int, int, float]] = []
    count = 0
    for k, instrument in enumerate(instruments):
        if not codings.get(instrument.id):
            continue
        variants: dict[frozenset[str], int] = {}
        for i, reserved in enumerate(_reserved(participations.get(instrument.id, ()), members, scales)):
            if reserved not in variants:
                variants[reserved] = count + len(variants)
            variant_of[k, i] = variants[reserved]
        made = list(_ordinals(codings[instrument.id], instrument, book))
        for reserved, variant in variants.items():
            rows += [(variant, places[c], o, p) for c, o, p in made if c not in reserved]
        count += len(variants)
    rows.sort()
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    rules = Rules(
        np.array(columns[0], dtype=np.intp),
        np.array(columns[1], dtype=np.intp),
        np.array(columns[2], dtype=np.int8),
        np.array(columns[3], dtype=float),
    )
    hardest = np.zeros((count, len(scales.codes)), dtype=np.int8)
    np.maximum.at(hardest, (rules.variant, rules.provision), rules.ordinal)
    return rules, hardest, variant_of


def _ordinals(codings: Sequence[Coding], instrument: Instrument, book: Taxonomy) -> list[tuple[str, int, float]]:
    found = []
    for coding in codings:
        provision = book.provisions.get(coding.provision)
        if provision is None or provision.structural or not coding.depth:
            continue
        ordinal = provision.ordinal(legal_depth(coding.depth, instrument), coding.flags)
        sure = coding.method in PEOPLE or coding.probability is None
        if ordinal:
            found.append((coding.provision, ordinal, 1.0 if sure else float(coding.probability or 0.0)))
    return found


def _reserved(rows: Sequence[Participation], members: Sequence[str], scales: Scales) -> list[frozenset[str]]:
    """The provisions that each member has reserved: words that begin with a provision's code."""
    own = {row.party: row.reservations for row in rows if row.reservations}
    codes = set(scales.codes)
    return [frozenset(w.split(":", 1)[0] for w in own.get(m, ())) & codes for m in members]


__all__ = ["PEOPLE", "UNKNOWN", "YES", "Held", "Regime", "Rules", "held", "read"]
