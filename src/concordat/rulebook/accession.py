"""What would a state have to change to join an agreement?

For each provision of the target T, the ordinal that T asks for beside the deepest that A has in any instrument in force
for it today:

    new      A has none                                   deeper   A has a softer one
    wider    as deep, but not towards all of T's parties  done     as deep, towards all of them
    unknown  what is known of A does not suffice, and an instrument of that topic that A takes part in, and that
             could hold so hard a rule, has no text here or no known entry into force

Each row quotes T's article and A's nearest one. Beside it stand T's parties and their reservations, the article on
accession, and how much is unknown: "new" with unread texts about is no proof that nothing binds. Section 8 of the
specification. A depth of paper is compared here: not whether a rule is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from concordat.errors import MethodError
from concordat.rulebook.binds import between, chosen, legal_depth
from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import SOFT, Coding, Instrument, Truth
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
        unread: instruments that A is, or may be, party to whose text is not coded. member: A is party to T already.
    """

    party: str
    target: str
    on: date
    rows: tuple[GapRow, ...]
    parties: tuple[str, ...]
    reservations: tuple[tuple[str, str], ...]
    accession: tuple[str, ...]
    unread: tuple[str, ...]
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
    own, unread = _holdings(store, party, on)
    each = {name: hardest(store, [name], book) for name in own}
    has = hardest(store, own, book)
    members = _parties(store, target, on)
    rows = []
    for code in sorted(asked, key=list(book.codes).index):
        deep = [name for name in own if code in each[name] and each[name][code].ordinal >= asked[code].ordinal]
        missing = tuple(p for p in members if p != party and not _towards(store, deep, party, p, on))
        open_ = any(_could(store[name], book[code], asked[code]) for name in unread)
        kind = "done" if party in members else _kind(asked[code], has.get(code), missing, open_)
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
        unread=tuple(unread),
        member=party in members,
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


def _held(coding: Coding, provision: Provision | None, depth: int, name: str) -> Held | None:
    if provision is None or provision.structural or depth < 1:
        return None
    ordinal = provision.ordinal(depth, coding.flags)
    return None if not ordinal else Held(ordinal, name, coding.unit, "", coding.probability)


def _holdings(store: RuleStore, party: str, on: date) -> tuple[list[str], list[str]]:
    """Instruments in force for a party that are coded, and those that are or may be in force and are not."""
    coded, unread = [], []
    read = {name for name in store.with_text() if store.codings(name)}
    for name in store.ids():
        found = standing(store, name, party, on)
        if found.answer is Truth.YES and name in read:
            coded.append(name)
        elif found.answer is Truth.YES or (found.answer is Truth.UNKNOWN and found.row is not None):
            unread.append(name)
    return coded, unread


def _parties(store: RuleStore, name: str, on: date) -> tuple[str, ...]:
    """Who an instrument is in force for on a day."""
    rows = [p.party for p in store.of(name) if p.role in TAKING_PART]
    return tuple(sorted({p for p in rows if standing(store, name, p, on).answer is Truth.YES}))


def _towards(store: RuleStore, deep: Sequence[str], party: str, partner: str, on: date) -> bool:
    """Whether one of some instruments is in force between a party and a partner."""
    return any(between(store, name, party, partner, on).answer is Truth.YES for name in deep)


def _could(instrument: Instrument, provision: Provision, asked: Held) -> bool:
    """Whether an unread instrument could hold a provision as hard as asked."""
    return provision.topic in instrument.topics and (instrument.binding not in SOFT or asked.ordinal <= 1)


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
