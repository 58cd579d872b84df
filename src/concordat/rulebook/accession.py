"""What would a state have to change to join an agreement?

For each provision of the target T, the ordinal that T asks for beside the deepest that A has in any instrument in force
for it today:

    new      A has none                                   deeper   A has a softer one
    wider    as deep, but not towards all of T's parties  done     as deep, towards all of them
    unknown  what is known of A does not suffice, and an instrument that A takes part in, or may take part in (no
             known entry into force; a list of parties that is not complete), could hold so hard a rule: it is coded so,
             or it is not coded and of that topic, or of topics that are not known

What A reserved in an instrument A does not owe by it; what others owe to A alone is none of A's duties. A member of the
European Union is party to an agreement of the Union.

Each row quotes T's article and A's nearest one. Beside it stand T's parties and their reservations, the article on
accession, and how much is unknown: "new" with unread texts about is no proof that nothing binds. Section 8 of the
specification. A depth of paper is compared here: not whether a rule is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from concordat.errors import MethodError
from concordat.rulebook.binds import BACK, acts, chosen, legal_depth, reserved_by
from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import SOFT, Coding, Truth
from concordat.rulebook.status import TAKING_PART, standing
from concordat.rulebook.taxonomy import Provision, Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

CLASSES = ("new", "deeper", "wider", "unknown", "done")


@dataclass(frozen=True, slots=True)
class Held:
    """The hardest form of a provision in an instrument or a set of them."""

    ordinal: int
    instrument: str
    unit: str
    quote: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """One provision of the target: its class, what T asks for, and A's nearest article (None where it has none)."""

    provision: str
    kind: str
    asked: Held
    has: Held | None
    not_towards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessionGap:
    """The gap list.

    Attributes:
        rows: by class in the order of `CLASSES`, then provision. parties: of the target on the day.
        reservations: (party, words). accession: units of the target that speak of accession.
        unread: instruments that A is listed in whose text is not coded or whose force is not known, and coded ones
            whose list of parties is not complete, as far as they could hold what T asks for: a provision of these is
            "unknown". unlisted: instruments not coded, in whose incomplete lists A doesn't stand. member: A is party
            to T already.
    """

    party: str
    target: str
    on: date
    rows: tuple[GapRow, ...]
    parties: tuple[str, ...]
    reservations: tuple[tuple[str, str], ...]
    accession: tuple[str, ...]
    unread: tuple[str, ...]
    unlisted: tuple[str, ...]
    member: bool

    def counts(self) -> dict[str, int]:
        """How many provisions are in each class."""
        return {kind: sum(r.kind == kind for r in self.rows) for kind in CLASSES}


def accession_gap(
    store: RuleStore, party: str, target: str, on: date, *, taxonomy: Taxonomy | None = None
) -> AccessionGap:
    """What `party` would have to change to join `target`.

    Raises:
        InputError: an unknown party or instrument.
        MethodError: the target's text is not loaded or not coded.
    """
    check_party(party)
    book = taxonomy or load_taxonomy()
    asked = hardest(store, [target], book)
    if not asked:
        hint = f"Load it and code it: concordat rulebook load FILE --as {target}; concordat rulebook code {target}."
        raise MethodError(f"the text of {target} is not coded, so no gap can be told.", where=target, hint=hint)
    own, may = _holdings(store, party, on)
    each = {name: _owed(store, name, book, reserved) for name, reserved in own.items()}
    has: dict[str, Held] = {}
    for found in each.values():
        has |= {code: h for code, h in found.items() if code not in has or h.ordinal > has[code].ordinal}
    could = {name: _could(store, name, reserved, book, asked) for name, (_, reserved) in may.items()}
    near = {name for name, (listed, _) in may.items() if listed or store.codings(name)}
    members = _parties(store, target, on)
    member = party in members or standing(store, target, party, on).answer is Truth.YES
    rows = []
    for code in sorted(asked, key=list(book.codes).index):
        deep = [name for name in each if code in each[name] and each[name][code].ordinal >= asked[code].ordinal]
        missing = tuple(p for p in members if p != party and not _towards(store, deep, party, p, on))
        open_ = any(code in some for name, some in could.items() if name in near)
        kind = "done" if member else _kind(asked[code], has.get(code), missing, open_)
        rows.append(GapRow(code, kind, asked[code], has.get(code), missing if kind == "wider" else ()))
    rows.sort(key=lambda r: CLASSES.index(r.kind))
    return AccessionGap(
        party=party,
        target=target,
        on=on,
        rows=tuple(rows),
        parties=members,
        reservations=tuple((p.party, w) for p in store.of(target) for w in p.reservations),
        accession=tuple(u.id for u in store.units(target, ("article",)) if _speaks_of_accession(u.heading)),
        unread=tuple(name for name, (listed, _) in may.items() if listed or (name in near and could[name])),
        unlisted=tuple(name for name in may if name not in near and could[name]),
        member=member,
    )


def hardest(store: RuleStore, names: Sequence[str], book: Taxonomy) -> dict[str, Held]:
    """For each provision, its hardest form in some instruments; structural provisions have none."""
    found: dict[str, Held] = {}
    for name in names:
        instrument, units = store[name], store.units_of_codings(name)
        for coding in chosen(store.codings(name), units):
            held = _held(
                coding, book.provisions.get(coding.provision), legal_depth(coding.depth or 0, instrument), name
            )
            if held is None:
                continue
            if coding.provision not in found or held.ordinal > found[coding.provision].ordinal:
                unit = units[coding.unit]
                quote = unit.text[slice(*coding.span)] if coding.span is not None else unit.text[:200]
                found[coding.provision] = Held(held.ordinal, name, unit.id, " ".join(quote.split()), coding.probability)
    return found


def _owed(store: RuleStore, name: str, book: Taxonomy, reserved: frozenset[str]) -> dict[str, Held]:
    """What a party owes by an instrument: its provisions without those that it reserved."""
    return {code: held for code, held in hardest(store, [name], book).items() if code not in reserved}


def _held(coding: Coding, provision: Provision | None, depth: int, name: str) -> Held | None:
    if provision is None or provision.structural or depth < 1:
        return None
    ordinal = provision.ordinal(depth, coding.flags)
    return None if not ordinal else Held(ordinal, name, coding.unit, "", coding.probability)


def _holdings(
    store: RuleStore, party: str, on: date
) -> tuple[dict[str, frozenset[str]], dict[str, tuple[bool, frozenset[str]]]]:
    """Instruments in force for a party that are coded, with what it reserved; and others that are or may be in force.

    Of the others: whether the party is listed, and what it reserved.
    """
    coded: dict[str, frozenset[str]] = {}
    may: dict[str, tuple[bool, frozenset[str]]] = {}
    read = {name for name in store.with_text() if store.codings(name)}
    for name in store.ids():
        found = standing(store, name, party, on)
        if found.answer is Truth.YES and name in read:
            coded[name] = reserved_by(found)
        elif found.answer is not Truth.NO:
            may[name] = (found.row is not None, reserved_by(found))
    return coded, may


def _parties(store: RuleStore, name: str, on: date) -> tuple[str, ...]:
    """Who an instrument is in force for on a day."""
    rows = [p.party for p in store.of(name) if p.role in TAKING_PART]
    return tuple(sorted({p for p in rows if standing(store, name, p, on).answer is Truth.YES}))


def _towards(store: RuleStore, deep: Sequence[str], party: str, partner: str, on: date) -> bool:
    """Whether a party owes one of some instruments to a partner."""
    found = (act for name in deep for act in acts(store, name, party, partner, on))
    return any(act.answer is Truth.YES and act.direction != BACK for act in found)


def _could(
    store: RuleStore, name: str, reserved: frozenset[str], book: Taxonomy, asked: Mapping[str, Held]
) -> frozenset[str]:
    """The provisions that an instrument could hold as hard as they are asked for."""
    instrument = store[name]
    if store.codings(name):
        held = _owed(store, name, book, reserved)
        return frozenset(c for c in held if c in asked and held[c].ordinal >= asked[c].ordinal)
    topics = instrument.topics or tuple(book.topics)
    some = {
        c for c, h in asked.items() if book[c].topic in topics and (instrument.binding not in SOFT or h.ordinal <= 1)
    }
    return frozenset(some - reserved)


def _kind(asked: Held, mine: Held | None, missing: Sequence[str], unread: bool) -> str:
    """The class of a provision; whatever is short of done may be done by a text that nobody has read."""
    if mine is not None and mine.ordinal >= asked.ordinal and not missing:
        return "done"
    if unread:
        return "unknown"
    if mine is None:
        return "new"
    return "deeper" if mine.ordinal < asked.ordinal else "wider"


def _speaks_of_accession(heading: str) -> bool:
    words = ("accession", "adhesión", "adhesion", "adesão", "присоединен", "加入")
    return any(w in heading.casefold() for w in words)
