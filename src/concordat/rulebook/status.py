"""Is an instrument in force for a state on a day, and what is the table of all its parties?

`in_force(i, s, t)` has three answers (section 8 of the specification): yes if every reading of the cut dates has
in_force <= t < min(withdrawn, ended, suspended), no if none has, else unknown, with the field that is missing. A party
row without a date of its own takes the instrument's, marked unverified. An instrument that is not binding by nature
(declarations, principles, standards, model laws) has no entry into force: it counts from its adoption. Signed, applied
for and provisionally applied are never "in force"; they stand beside it.

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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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


def start_of(
    instrument: Instrument, row: Participation, towards: str = ""
) -> tuple[PartialDate | None, bool, Truth | None]:
    """From when the instrument is in force for a row's party.

    Returns:
        The date; whether it is the row's own; and the answer where there is no date: no (never entered), unknown.
    """
    if towards and towards in row.in_force_towards:
        given = row.in_force_towards[towards]
        return given, True, None if given is not None else Truth.UNKNOWN
    if row.in_force is not None:
        return row.in_force, True, None
    if "in_force" in row.unknown:
        return None, True, Truth.UNKNOWN
    if row.role not in TAKING_PART:
        return None, True, Truth.NO
    if instrument.in_force is not None:
        return instrument.in_force, False, None
    if instrument.binding in SOFT:
        adopted = instrument.adopted or instrument.signed
        return adopted, False, None if adopted is not None else Truth.UNKNOWN
    return None, False, Truth.UNKNOWN


def in_force(instrument: Instrument, row: Participation, on: date, towards: str = "") -> Force:
    """Whether an instrument is in force for one party's row, by itself or towards another party."""
    start, own, without = start_of(instrument, row, towards)
    mark = weakest((instrument.mark, row.mark, *(() if own else ("unverified",))))
    provisional = row.provisional.by(on) if row.provisional is not None else Truth.NO
    if without is not None:
        missing = "in_force" if without is Truth.UNKNOWN else ""
        return Force(without, None, missing, mark, row.role, provisional, row=row)
    assert start is not None
    answers = {"in_force": start.by(on)}
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
    return Force(answer, start, missing, mark, row.role, provisional, row=row)


def standing(register: Register, name: str, party: str, on: date, towards: str = "") -> Force:
    """How an instrument stands for a party on a day; `towards` another, where entry differs by pair.

    Raises:
        InputError: an unknown instrument or party.
    """
    instrument, rows = register[name], register.of(name)
    check_party(party)
    own = _best(in_force(instrument, row, on, towards) for row in rows if row.party == party)
    if own is not None and own.answer is Truth.YES:
        return own
    if party != "EU" and party in european_union(on):
        union = _best(in_force(instrument, row, on, towards) for row in rows if row.party == "EU")
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
    """One line of a status table: dates as text, "" where there is none, "unknown" where it is not known."""

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


def status(register: Register, name: str, on: date) -> tuple[StatusRow, ...]:
    """The table of an instrument's parties on a day, sorted by party. Two sources that disagree: two rows, a note.

    Raises:
        InputError: an unknown instrument.
    """
    instrument, rows = register[name], register.of(name)
    many = {row.party for row in rows if sum(r.party == row.party for r in rows) > 1}
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
                in_force=_text(force.since, force.missing == "in_force"),
                answer=force.answer.value,
                missing=force.missing,
                provisional=_text(row.provisional, "provisional" in row.unknown),
                withdrawn=_text(row.withdrawn, "withdrawn" in row.unknown),
                reservations=row.reservations,
                source=row.source,
                seen_on=row.seen_on,
                mark=force.mark,
                conflict="another source says otherwise" if row.party in many else "",
            )
        )
    return tuple(sorted(found, key=lambda r: (r.party, r.role, r.source)))


def _text(day: PartialDate | None, unknown: bool) -> str:
    return "unknown" if unknown else "" if day is None else day.text
