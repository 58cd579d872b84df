"""Is an instrument in force for a state on a day, and what is the table of all its parties?

`in_force(i, s, t)` has three answers (section 8 of the specification): yes if every reading of the cut dates has
in_force <= t < min(withdrawn, ended, suspended), no if none has, else unknown, with the field that is missing. A party
row without a date of its own takes the instrument's, marked unverified. The instrument's date never overrules what the
row says: it is not in force before the row's own signature, ratification or provisional application, and a party that
did one of these after the instrument's date entered at a time that is not known. An instrument that is not binding by
nature (declarations, principles, standards, model laws) has no entry into force: it counts from its adoption, or from
when the party signed. Signed, applied for and provisionally applied are never "in force"; they stand beside it.

Where entry differs by pair, the date that either row gives for the pair stands for both; a date towards the Union is
one towards its members.

A member of the European Union has what the Union has, "via EU", where it has no row of its own that says yes.

    >>> from concordat.rulebook.catalogue import load_catalogue
    >>> catalogue = load_catalogue()
    >>> [standing(catalogue, "depa", p, date(2022, 1, 1)).answer.value for p in ("SGP", "KOR", "CHN", "BRA")]
    ['yes', 'no', 'no', 'no']
    >>> found = standing(catalogue, "eu-jpn", "FRA", date(2024, 1, 1))
    >>> found.answer.value, found.via
    ('yes', 'EU')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Protocol

from concordat.rulebook.catalogue import check_party
from concordat.rulebook.model import SOFT, Instrument, PartialDate, Participation, Truth, all_of, negated, weakest

TAKING_PART = ("party", "adherent")
STRENGTH = {Truth.YES: 0, Truth.UNKNOWN: 1, Truth.NO: 2}


class Register(Protocol):
    """Where instruments and their parties are found: a `Catalogue` or a `RuleStore`."""

    def __getitem__(self, name: str) -> Instrument:
        """An instrument by its id."""

    def of(self, name: str) -> Sequence[Participation]:
        """Who takes part in it."""


@dataclass(frozen=True, slots=True)
class Force:
    """Whether an instrument is in force for a party.

    Attributes:
        since: the date that the answer rests on, if any. missing: the field that an unknown answer lacks.
        mark: the weakest of the facts used. via: "EU" where the party takes part through the Union.
        role: of the row used; "" where there is none. provisional: whether it is applied before it is in force.
        row: the participation used.
    """

    answer: Truth
    since: PartialDate | None
    missing: str
    mark: str
    role: str
    provisional: Truth = Truth.NO
    via: str = ""
    row: Participation | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """From when the instrument is in force for a row's party.

    Attributes:
        day: the date; own: whether it is the row's own. without: the answer where there is no date: no (never entered),
            or unknown. floor: days before which it is certainly not in force.
    """

    day: PartialDate | None
    own: bool
    without: Truth | None
    floor: tuple[PartialDate, ...] = ()


def start_of(instrument: Instrument, row: Participation, towards: str = "", pair: PartialDate | None = None) -> Start:
    """From when the instrument is in force for a row's party.

    Args:
        towards: a name in the row's `in_force_towards`, or "". pair: the date that the other's row gives for the two.
    """
    if towards and towards in row.in_force_towards:
        given = row.in_force_towards[towards]
        return Start(given, True, None if given is not None else Truth.UNKNOWN)
    if pair is not None and row.role in TAKING_PART:
        return Start(pair, True, None)
    if row.in_force is not None:
        return Start(row.in_force, True, None)
    floor = tuple(d for d in (row.signed, row.ratified, row.provisional) if d is not None)
    if "in_force" in row.unknown:
        return Start(None, True, Truth.UNKNOWN, floor)
    if row.role not in TAKING_PART:
        return Start(None, True, Truth.NO)
    soft = instrument.binding in SOFT
    day = instrument.in_force or ((instrument.adopted or instrument.signed) if soft else None)
    if day is None:
        return Start(None, False, Truth.UNKNOWN, floor)
    later = [d for d in floor if d.after(day) is Truth.YES]
    if soft and later:
        return Start(max(later, key=lambda d: (d.last, d.first)), True, None, floor)
    if later or row.provisional is not None:
        return Start(None, True, Truth.UNKNOWN, (day, *floor))
    return Start(day, False, None, floor)


def towards_of(row: Participation, other: str, inside: bool) -> str:
    """Under which name a row speaks of another: its own, or that of the Union it belongs to; "" where it doesn't."""
    return other if other in row.in_force_towards else "EU" if inside and "EU" in row.in_force_towards else ""


def pair_date(
    own: Sequence[Participation], union: Sequence[Participation], party: str, inside: bool
) -> PartialDate | None:
    """The date that another's rows, or those of the Union it belongs to, give for a party of theirs."""
    for row in (*own, *union):
        if name := towards_of(row, party, inside):
            return row.in_force_towards[name]
    return None


def in_force(
    instrument: Instrument, row: Participation, on: date, towards: str = "", pair: PartialDate | None = None
) -> Force:
    """Whether an instrument is in force for one party's row, by itself or towards another party.

    Args:
        towards: another party, where entry differs by pair. pair: the date that the other's row gives for the two.
    """
    there = towards_of(row, towards, towards in european_union(on)) if towards and row.in_force_towards else ""
    start = start_of(instrument, row, there, pair)
    mark = weakest((instrument.mark, row.mark, *(() if start.own else ("unverified",))))
    provisional = row.provisional.by(on) if row.provisional is not None else Truth.NO
    answers = {"in_force": all_of((start.day.by(on) if start.day else start.without or Truth.NO,
                                   *(d.by(on) for d in start.floor)))}  # fmt: skip
    for name, end in (("withdrawn", row.withdrawn), ("ended", instrument.ended)):
        if end is not None:
            answers[name] = negated(end.by(on))
        elif name in row.unknown:
            answers[name] = Truth.UNKNOWN
    if row.suspended is not None:
        begin, end = row.suspended
        answers["suspended"] = negated(all_of((begin.by(on), negated(end.by(on)) if end is not None else Truth.YES)))
    answer = all_of(answers.values())
    missing = next((n for n, a in answers.items() if a is Truth.UNKNOWN), "") if answer is Truth.UNKNOWN else ""
    return Force(answer, start.day, missing, mark, row.role, provisional, row=row)


def standing(register: Register, name: str, party: str, on: date, towards: str = "") -> Force:
    """How an instrument stands for a party on a day; `towards` another, where entry differs by pair.

    Raises:
        InputError: an unknown instrument or party.
    """
    instrument, rows = register[name], register.of(name)
    check_party(party)
    members = european_union(on)
    pair = None
    if towards and any(row.in_force_towards for row in rows):
        others = [[r for r in rows if r.party == p] for p in (towards, "EU")]
        pair = pair_date(others[0], others[1] if towards in members else (), party, party in members)
    own = _best(in_force(instrument, row, on, towards, pair) for row in rows if row.party == party)
    if own is not None and own.answer is Truth.YES:
        return own
    if party != "EU" and party in members:
        union = _best(in_force(instrument, row, on, towards, pair) for row in rows if row.party == "EU")
        if union is not None and (own is None or STRENGTH[union.answer] < STRENGTH[own.answer]):
            return replace(union, via="EU")
    if own is not None:
        return own
    if instrument.complete:
        return Force(Truth.NO, None, "", instrument.mark, "")
    return Force(Truth.UNKNOWN, None, "parties", instrument.mark, "")


def _best(found: Iterable[Force]) -> Force | None:
    """Of several rows of one party, the one that says most."""
    return min(found, key=lambda f: STRENGTH[f.answer], default=None)


@lru_cache(maxsize=64)
def european_union(on: date) -> frozenset[str]:
    """The members of the European Union on a day; nobody before there was one."""
    from concordat.world import members

    return frozenset(members("EU", on)) if on >= date(1958, 1, 1) else frozenset()


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One line of a status table: dates as text, "" where there is none, "unknown" where it is not known.

    Attributes:
        towards: entry into force towards single parties, where it differs. conflict: what another source says of it.
    """

    party: str
    role: str
    signed: str
    ratified: str
    in_force: str
    answer: str
    missing: str
    provisional: str
    withdrawn: str
    reservations: tuple[str, ...]
    source: str
    seen_on: str
    mark: str
    conflict: str = ""
    towards: Mapping[str, str] = field(default_factory=dict)


def status(register: Register, name: str, on: date) -> tuple[StatusRow, ...]:
    """The table of an instrument's parties on a day, sorted by party. Two sources that disagree: two rows, a note.

    Raises:
        InputError: an unknown instrument.
    """
    instrument, rows = register[name], register.of(name)
    found: list[StatusRow] = []
    for row in rows:
        force = in_force(instrument, row, on)
        signed = row.signed or (instrument.signed if row.role == "signatory" else None)
        found.append(
            StatusRow(
                party=row.party,
                role=row.role,
                signed=_text(signed, "signed" in row.unknown),
                ratified=_text(row.ratified, "ratified" in row.unknown),
                in_force=_text(force.since, force.since is None and force.missing == "in_force"),
                answer=force.answer.value,
                missing=force.missing,
                provisional=_text(row.provisional, "provisional" in row.unknown),
                withdrawn=_text(row.withdrawn, "withdrawn" in row.unknown),
                reservations=row.reservations,
                source=row.source,
                seen_on=row.seen_on,
                mark=force.mark,
                conflict="another source says otherwise" if any(_differ(row, r) for r in rows) else "",
                towards={p: _text(day, day is None) for p, day in sorted(row.in_force_towards.items())},
            )
        )
    return tuple(sorted(found, key=lambda r: (r.party, r.role, r.source)))


def _differ(row: Participation, other: Participation) -> bool:
    """Whether two rows of one party say different things of the same act."""
    if row.party != other.party or (row.directed_to and not set(row.directed_to) & set(other.directed_to)):
        return False
    return replace(row, source="", seen_on="", mark="") != replace(other, source="", seen_on="", mark="")


def _text(day: PartialDate | None, unknown: bool) -> str:
    return "unknown" if unknown else "" if day is None else day.text
