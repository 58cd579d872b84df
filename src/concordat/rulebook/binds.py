"""Which rules bind A towards B on a day, how hard, with the article in front of the reader?

For every instrument that is in force for both (or directed by one to the other), each coded provision of legal depth 1
or more is a row: provision, depth, flags, article, quoted words, since when, in which direction, probability, mark. The
legal depth is the textual one, but an instrument that is soft by nature (declaration, principles, model law, standard)
makes nothing harder than soft. What is not known forms a block of its own: an instrument that may be in force, or one
whose text is not loaded, of which only topics are known. Later and more specific instruments stand first and all are
shown, with a note where one replaces or suspends another: the tool does not decide law. Of an instrument with acts in
both directions each act stands for itself. Method: section 8 of the specification.

A reservation whose text begins with a provision's code ("DF-LOCA: ...") takes that provision's duty from the party that
made it, so the row is left one way.

    >>> from concordat.rulebook.catalogue import load_catalogue
    >>> from concordat.rulebook.store import RuleStore
    >>> store = RuleStore.memory()
    >>> store.put_catalogue(load_catalogue())
    >>> found = binds(store, "CHN", "IDN", on=date(2026, 11, 1))
    >>> found.rows, [u.instrument for u in found.uncoded if u.binding == "binding"]
    ((), ['wct', 'wppt', 'wto-ita'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from concordat.errors import InputError
from concordat.rulebook._decisions import rejected
from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import (
    SOFT,
    Coding,
    Instrument,
    PartialDate,
    Participation,
    Relation,
    Truth,
    Unit,
    all_of,
    weakest,
)
from concordat.rulebook.status import STRENGTH, Force, Register, european_union, in_force, standing
from concordat.rulebook.taxonomy import Provision, Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

BOTH, FORTH, BACK = "both", "a_to_b", "b_to_a"


@dataclass(frozen=True, slots=True)
class BindsRow:
    """One rule.

    Attributes:
        depth: legal, 1 soft or 2 binding; textual: as the words have it; ordinal: on the provision's own scale.
        unit: where it stands; quote: the words, verbatim; span: their place in the unit's text.
        since: from when it binds both, as written. direction: both, a_to_b (A owes it to B), b_to_a.
        parties: how many take part in the instrument, as far as known. state: auto, review or disputed.
        note: "replaced by ID" or "suspended by ID" where another instrument does so between the two.
        coder: the person, or the coder's mode.
    """

    provision: str
    depth: int
    textual: int
    ordinal: int
    flags: dict[str, bool]
    instrument: str
    unit: str
    quote: str
    span: tuple[int, int] | None
    since: str
    since_first: date
    direction: str
    probability: float | None
    mark: str
    via: str
    method: str
    state: str
    parties: int
    note: str = ""
    coder: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An instrument of which it is not known whether it binds both: who lacks what."""

    instrument: str
    who: tuple[str, ...]
    missing: tuple[str, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Uncoded:
    """An instrument in force between the two whose text is not loaded or not coded: topics only."""

    instrument: str
    topics: tuple[str, ...]
    binding: str
    since: str
    mark: str
    direction: str
    reason: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """An instrument that one has not brought into force: signed, applied for, applied provisionally."""

    instrument: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Binds:
    """The answer, with what it leaves open.

    Attributes:
        rows: later and more specific instruments first.
        strongest: for each provision, the row of the largest ordinal, of those without a note if there are any.
        overlaps: provisions that two or more instruments hold.
        conflicts: (provision or "", instrument, instrument, why).
    """

    a: str
    b: str
    on: date
    topic: str
    rows: tuple[BindsRow, ...]
    strongest: dict[str, BindsRow]
    overlaps: dict[str, tuple[str, ...]]
    conflicts: tuple[tuple[str, str, str, str], ...]
    unknown: tuple[Unknown, ...]
    uncoded: tuple[Uncoded, ...]
    beside: tuple[Beside, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """How an instrument stands between two parties: the answer, the direction, both forces."""

    answer: Truth
    direction: str
    a: Force
    b: Force
    since: PartialDate | None
    mark: str


class _Rows:
    """What the store knows of some parties, read once."""

    def __init__(self, store: RuleStore, parties: Sequence[str]) -> None:
        self._rows, self.counts = store.rows_of(parties), store.party_counts()
        self._instruments = {name: store[name] for name in self._rows}

    def __getitem__(self, name: str) -> Instrument:
        return self._instruments[name]

    def of(self, name: str) -> tuple[Participation, ...]:
        return self._rows.get(name, ())

    def names(self) -> list[str]:
        return sorted(self._rows)


def between(store: Register, name: str, a: str, b: str, on: date) -> Between:
    """Whether an instrument is in force between two parties on a day, and which way it points.

    Of two acts, one each way, that which says more; where both say the same, both.
    """
    found = sorted(acts(store, name, a, b, on), key=lambda f: STRENGTH[f.answer])
    if len(found) == 1 or found[0].answer is not found[1].answer:
        return found[0]
    forth, back = sorted(found, key=lambda f: f.direction != FORTH)
    since, mark = _last((forth.since, back.since)), weakest((forth.mark, back.mark))
    return Between(forth.answer, BOTH, forth.a, back.b, since, mark)


def acts(store: Register, name: str, a: str, b: str, on: date) -> tuple[Between, ...]:
    """How an instrument stands between two parties on a day: once, or for each direction if it is of one-way acts."""
    made = []
    for actor, other, direction in ((a, b, FORTH), (b, a, BACK)):
        force = _directed(store, name, actor, other, on)
        if force is not None:
            nothing = Force(Truth.NO, None, "", force.mark, "")
            forces = (force, nothing) if direction == FORTH else (nothing, force)
            made.append(Between(force.answer, direction, *forces, force.since, force.mark))
    if made:
        return tuple(made)
    first, second = standing(store, name, a, on, b), standing(store, name, b, on, a)
    mark = weakest((first.mark, second.mark))
    union = {*european_union(on), "EU"}
    through = any(f.row is not None and f.row.party == "EU" for f in (first, second))
    if {a, b} <= union and through:  # what one has through the Union is between it and others: this is its inside
        return (Between(Truth.NO, BOTH, first, second, None, mark),)
    who = {a, b, *(("EU",) if {a, b} & union else ())}
    if any(row.directed_to for row in store.of(name) if row.party in who):
        return (Between(Truth.NO, BOTH, first, second, None, mark),)
    since = _last((first.since, second.since))
    return (Between(all_of((first.answer, second.answer)), BOTH, first, second, since, mark),)


def _last(days: Iterable[PartialDate | None]) -> PartialDate | None:
    return max((d for d in days if d is not None), key=lambda d: (d.last, d.first), default=None)


def _directed(store: Register, name: str, actor: str, other: str, on: date) -> Force | None:
    """A one-way act of an actor (or of the Union it belongs to) that concerns the other; of several the strongest."""
    who = {actor, *(("EU",) if actor in european_union(on) else ())}
    towards = {other, *(("EU",) if other in european_union(on) else ())}
    found = [
        replace(in_force(store[name], row, on, other), via="EU" if row.party != actor else "")
        for row in store.of(name)
        if row.directed_to and row.party in who and towards & set(row.directed_to)
    ]
    return min(found, key=lambda f: STRENGTH[f.answer], default=None)


def binds(store: RuleStore, a: str, b: str, *, on: date, topic: str = "", taxonomy: Taxonomy | None = None) -> Binds:
    """The rules between two parties on a day, of one topic (`DF`) or provision (`DF-FLOW`) if asked.

    Raises:
        InputError: an unknown party, topic or provision, or a party and itself.
    """
    check_party(a)
    check_party(b)
    if a == b:
        raise InputError(f"{a} and itself: a rule binds two.", hint="Name another party.", code="same_party")
    book = taxonomy or load_taxonomy()
    wanted = {p.code: p for p in (book.of(topic) if topic else book.provisions.values())}
    topics = {p.topic for p in wanted.values()}
    rows: list[BindsRow] = []
    unknown: list[Unknown] = []
    uncoded: list[Uncoded] = []
    beside: list[Beside] = []
    loaded = set(store.with_text())
    known = _Rows(store, sorted({a, b, "EU"}))
    standings = {name: acts(known, name, a, b, on) for name in _candidates(known, a, b, on)}
    notes = _notes(store.relations(), standings)
    for name, acts_ in standings.items():
        instrument, note = known[name], notes.get(name, "")
        concerned = not topic or not instrument.topics or bool(topics & set(instrument.topics))
        codings = store.codings(name) if not concerned or any(f.answer is Truth.YES for f in acts_) else ()
        concerned = concerned or any(
            c.provision in book.provisions and book[c.provision].topic in topics for c in codings
        )
        open_: list[tuple[str, Force]] = []
        for found in acts_:
            if found.answer is Truth.YES:
                rows += _rows(store, instrument, codings, found, wanted, known.counts[name], note)
                if concerned and not codings:
                    why = "text not loaded" if name not in loaded else "text not coded"
                    since = found.since.text if found.since is not None else ""
                    what = (name, instrument.topics, instrument.binding, since, found.mark, found.direction, why, note)
                    uncoded.append(Uncoded(*what))
            elif found.answer is Truth.UNKNOWN:
                open_ += [(p, f) for p, f in ((a, found.a), (b, found.b)) if f.answer is Truth.UNKNOWN]
            elif concerned and (pair := _beside(found)) is not None:
                beside.append(Beside(name, *pair))
        if concerned and open_:
            mark = weakest(f.mark for f in acts_ if f.answer is Truth.UNKNOWN)
            unknown.append(Unknown(name, tuple(p for p, _ in open_), tuple(f.missing for _, f in open_), mark))
    rows.sort(key=_order)
    return Binds(
        a=a,
        b=b,
        on=on,
        topic=topic,
        rows=tuple(rows),
        strongest=_strongest(rows),
        overlaps=_overlaps(rows),
        conflicts=_conflicts(store, rows),
        unknown=tuple(unknown),
        uncoded=tuple(uncoded),
        beside=tuple(beside),
    )


def _notes(relations: Sequence[Relation], standings: Mapping[str, Sequence[Between]]) -> dict[str, str]:
    """What is to be said of instruments that another one, in force between the same two, replaces or suspends."""
    found: dict[str, list[str]] = {}
    for relation in relations:
        word = {"replaces": "replaced", "suspends": "suspended"}.get(relation.kind)
        answers = {f.answer for f in standings.get(relation.from_id, ())}
        if word and relation.to_id in standings and answers & {Truth.YES, Truth.UNKNOWN}:
            may = "" if Truth.YES in answers else "may be "
            found.setdefault(relation.to_id, []).append(f"{may}{word} by {relation.from_id}")
    return {name: "; ".join(words) for name, words in found.items()}


def _candidates(known: _Rows, a: str, b: str, on: date) -> list[str]:
    """Instruments that both have a row in, or one of them where the list of parties is not complete."""
    union = european_union(on)
    names = [{p, *(("EU",) if p in union else ())} for p in (a, b)]
    found = []
    for name in known.names():
        parties = {p for row in known.of(name) for p in (row.party, *row.directed_to)}
        there = [bool(parties & some) for some in names]
        if all(there) or (any(there) and not known[name].complete):
            found.append(name)
    return found


def _beside(found: Between) -> tuple[str, str] | None:
    """What each has done with an instrument that is not in force between them; None where there is nothing to tell."""

    def words(force: Force) -> str:
        if force.provisional is Truth.YES:
            return "applied provisionally"
        if force.answer is Truth.YES:
            return "in force"
        if force.row is not None and force.row.withdrawn is not None and force.role == "party":
            return f"withdrawn ({force.row.withdrawn.text})"
        if force.row is not None and force.row.ratified is not None:
            return "ratified, not in force"
        return {"signatory": "signed", "applicant": "applied", "observer": "takes part in talks"}.get(force.role, "")

    pair = (words(found.a), words(found.b))
    return pair if all(pair) else None


def _rows(
    store: RuleStore,
    instrument: Instrument,
    codings: Sequence[Coding],
    found: Between,
    wanted: dict[str, Provision],
    parties: int,
    note: str,
) -> Iterable[BindsRow]:
    units = store.units_of_codings(instrument.id) if codings else {}
    for coding in chosen(codings, units):
        provision = wanted.get(coding.provision)
        if provision is None or provision.structural or not coding.depth:
            continue
        depth = legal_depth(coding.depth, instrument)
        direction = _after_reservations(found, coding.provision)
        if not direction:
            continue
        unit = units[coding.unit]
        quote = unit.text[slice(*coding.span)] if coding.span is not None else unit.text[:200]
        ordinal = provision.ordinal(depth, coding.flags)
        assert ordinal is not None
        since = found.since
        yield BindsRow(
            provision=coding.provision,
            depth=depth,
            textual=coding.depth,
            ordinal=ordinal,
            flags=dict(coding.flags),
            instrument=instrument.id,
            unit=coding.unit,
            quote=" ".join(quote.split()),
            span=coding.span,
            since=since.text if since is not None else "",
            since_first=since.first if since is not None else date.min,
            direction=direction,
            probability=coding.probability,
            mark=found.mark,
            via=" and ".join(sorted({f.via for f in (found.a, found.b) if f.via})),
            method=coding.method,
            state=coding.state,
            parties=parties,
            note=note,
            coder=coding.coder,
        )


def legal_depth(depth: int, instrument: Instrument) -> int:
    """The depth of a text, at most soft where the instrument binds nobody by nature."""
    return min(depth, 1) if instrument.binding in SOFT else depth


def chosen(codings: Sequence[Coding], units: dict[str, Unit]) -> list[Coding]:
    """Codings of articles; one of a part of an article only where its article has not the same provision.

    What a person rejected is not there, nor in the parts of what she rejected it for.
    """
    have = {(c.unit, c.provision) for c in codings}

    def inside(unit: str, provision: str) -> bool:
        parent = units[unit].parent if unit in units else ""
        return bool(parent) and ((parent, provision) in have or inside(parent, provision))

    return [c for c in codings if c.unit in units and not rejected(c) and not inside(c.unit, c.provision)]


def reserved_by(force: Force) -> frozenset[str]:
    """The provisions that a party's row reserves; other words of a reservation stand among them and are no codes."""
    return frozenset(w.split(":", 1)[0] for w in (force.row.reservations if force.row is not None else ()))


def _after_reservations(found: Between, provision: str) -> str:
    """The direction that is left after reservations to a provision; empty where nothing is."""
    reserved = [provision in reserved_by(force) for force in (found.a, found.b)]
    owed = {BOTH: [True, True], FORTH: [True, False], BACK: [False, True]}[found.direction]
    left = [owes and not gone for owes, gone in zip(owed, reserved, strict=True)]
    return {(True, True): BOTH, (True, False): FORTH, (False, True): BACK}.get((left[0], left[1]), "")


def _order(row: BindsRow) -> tuple[int, int, str, str, str, str]:
    return (-row.since_first.toordinal(), row.parties, row.instrument, row.provision, row.unit, row.direction)


def _strongest(rows: Sequence[BindsRow]) -> dict[str, BindsRow]:
    found: dict[str, BindsRow] = {}
    for row in rows:
        before = found.get(row.provision)
        if before is None or (not row.note, row.ordinal) > (not before.note, before.ordinal):
            found[row.provision] = row
    return dict(sorted(found.items()))


def _overlaps(rows: Sequence[BindsRow]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        some = found.setdefault(row.provision, [])
        if row.instrument not in some:
            some.append(row.instrument)
    return {code: tuple(some) for code, some in sorted(found.items()) if len(some) > 1}


def _conflicts(store: RuleStore, rows: Sequence[BindsRow]) -> tuple[tuple[str, str, str, str], ...]:
    """Instruments said to conflict, and a hard rule beside one of the same provision that has exceptions."""
    here = {row.instrument for row in rows}
    found = [
        ("", r.from_id, r.to_id, r.source or "said to conflict")
        for r in store.relations()
        if r.kind == "conflicts" and {r.from_id, r.to_id} <= here
    ]
    hard: dict[str, list[BindsRow]] = {}
    for row in rows:
        if row.depth >= 2:
            hard.setdefault(row.provision, []).append(row)
    why = "binding without listed exceptions in the first, with exceptions in the second"
    for code, some in hard.items():
        firm = {r.instrument for r in some if not r.flags.get("exceptions")}
        open_ = {r.instrument for r in some if r.flags.get("exceptions")}
        found += [(code, one, other, why) for one in firm for other in open_ if one != other]
    return tuple(sorted(set(found)))
