"""Who belongs to which bloc on a given day, in which role, and how well that is known.

Dated, sourced half-open intervals from the packaged table `_data/blocs.yaml`; an answer always names its date. Full
roles are member, party and state_party; `suspended` lies over a full role (a suspended state stays a member); every
other role is listed on request and never counted. An area may itself be a bloc (the European Union and the African
Union in the G20): it counts once, unless `expand` replaces it by its members of that day.

An entry is `verified` when its start was seen in a source to some precision and its membership has a source. A day
inside a month or year that is all we know of a start or an end is `unsure_on`. The table knows nothing after
`bloc_table_as_of()`. Only the part of the file about the bloc that is asked for is parsed, so that `concordat bloc
show` answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from concordat.errors import InputError
from concordat.settings import nearest, parse_yaml
from concordat.world._dates import as_day, end_day, first_day, span
from concordat.world._tables import table_bytes
from concordat.world.names import any_of, normalise, suggest

FULL_ROLES = ("member", "party", "state_party")
OTHER_ROLES = (
    "suspended",
    "invited",
    "invited_partner",
    "partner",
    "observer",
    "associate",
    "participant",
    "guest",
    "signatory",
    "applicant",
    "accession_candidate",
    "founding_state",
)
ROLES = FULL_ROLES + OTHER_ROLES
WHERE = "blocs.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a membership, or a total, was seen."""

    key: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Check:
    """A total as published for a day; `bloc check` recounts it. An empty `source`: found in print, place not kept."""

    date: date
    role: str
    count: int
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Membership:
    """One area in one bloc, in one role, over one interval [from, to).

    Attributes:
        from_, to: dates as known, perhaps cut (`2011`, `2011-04`). `from_` None: start not recorded; `to` None: no
            end seen. checked, checked_to: to what precision the start, the end was seen: day, month, year or none.
            sources: keys of the table's sources; empty: the membership itself was not seen. locator: JSON pointer of
            the entry in the table. area_is_bloc: the area is itself a bloc.
    """

    bloc: str
    area: str
    role: str
    from_: str | None
    to: str | None
    checked: str
    checked_to: str
    sources: tuple[str, ...]
    note: str
    locator: str
    area_is_bloc: bool

    @property
    def verified(self) -> bool:
        """Whether the membership has a source and its start was seen to some precision."""
        return self.checked != "none" and bool(self.sources)

    @property
    def status(self) -> str:
        """`verified` or `unverified`, as printed beside the entry."""
        return "verified" if self.verified else "unverified"

    @property
    def starts(self) -> date | None:
        """The first day inside; None where no start is recorded."""
        return first_day(self.from_)

    @property
    def ends(self) -> date | None:
        """The first day outside; None where no end was seen."""
        return end_day(self.to)

    @property
    def from_seen(self) -> str | None:
        """The start, cut to the precision to which it was seen in a source (as it stands where it was not seen)."""
        if self.from_ is None:
            return None
        return self.from_[: {"year": 4, "month": 7}.get(self.checked, 10)]

    def in_force(self, on: date | str) -> bool:
        """Whether the day lies inside the interval; an unrecorded start counts as before every day."""
        day = as_day(on)
        starts, ends = self.starts, self.ends
        return (starts is None or starts <= day) and (ends is None or day < ends)

    def unsure_on(self, on: date | str) -> bool:
        """Whether the day lies inside a month or year that is all we know of the start or the end."""
        day = as_day(on)
        for text in (self.from_, self.to):
            if text is not None and len(text) < 10:
                first, after = span(text)
                if first <= day < after:
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Bloc:
    """A bloc, body or UN category, with all its dated memberships.

    Attributes:
        names: by language; English is always there.
        aliases: other names, for suggestions only: a bloc is called by its id.
        confidence: `verified` or `partly`; `evidence` says what it rests on.
    """

    id: str
    names: Mapping[str, str]
    aliases: tuple[str, ...]
    kind: str
    url: str
    weights_default: str
    confidence: str
    evidence: str
    note: str
    checks: tuple[Check, ...]
    memberships: tuple[Membership, ...]

    @property
    def name(self) -> str:
        """The English name."""
        return self.names["en"]


# --- Reading ------------------------------------------------------------------------------------------------------


@cache
def _text() -> str:
    return table_bytes(WHERE).decode("utf-8")


@cache
def _parts() -> dict[str, tuple[int, int, int]]:
    """Where each bloc stands in the file: id -> (position in the list, first and last character)."""
    marks = [(m.group(1), m.start()) for m in re.finditer(r"^  - id: (\S+)$", _text(), re.MULTILINE)]
    ends = [start for _, start in marks[1:]] + [len(_text())]
    return {name: (i, start, end) for i, ((name, start), end) in enumerate(zip(marks, ends, strict=True))}


def bloc_ids() -> tuple[str, ...]:
    """The ids of all blocs, sorted."""
    return tuple(sorted(_parts()))


@cache
def bloc_table_as_of() -> date:
    """The day up to which the table of blocs knows what happened."""
    match = re.search(r"^as_of: (\d{4}-\d{2}-\d{2})$", _text(), re.MULTILINE)
    assert match, "blocs.yaml has no as_of"
    return date.fromisoformat(match.group(1))


@cache
def bloc_sources() -> Mapping[str, Source]:
    """Every source that the table of blocs names, by key."""
    head = _text().partition("\nblocs:\n")[0]
    table = parse_yaml(head, where=WHERE, numbers_as_text=True, schema="blocs@1").value["sources"]
    return {key: Source(key, row["title"], row["url"]) for key, row in sorted(table.items())}


def bloc(bloc_id: str) -> Bloc:
    """The bloc of that id (`BRICS`; case does not matter). Names and aliases are suggested, never taken for the id.

    Raises:
        InputError: no bloc has that id; the nearest ones, and the command that lists them all.

    >>> bloc("BRICS").kind
    'informal forum'
    """
    known = bloc_id if bloc_id in _parts() else bloc_id.strip().upper()
    if known not in _parts():
        raise _unknown_bloc(bloc_id)
    return _bloc(known)


@cache
def _bloc(bloc_id: str) -> Bloc:
    position, start, end = _parts()[bloc_id]
    value = parse_yaml(_text()[start:end], where=f"{WHERE}, {bloc_id}", numbers_as_text=True).value
    return read_bloc(value[0], position, frozenset(_parts()))


def blocs() -> tuple[Bloc, ...]:
    """Every bloc, sorted by id."""
    return tuple(_bloc(bloc_id) for bloc_id in bloc_ids())


def read_bloc(row: dict[str, Any], position: int, ids: frozenset[str]) -> Bloc:
    """One bloc from its part of the table (`position` in the list of blocs, `ids` of all blocs)."""
    place = f"#/blocs/{position}/memberships"
    return Bloc(
        id=row["id"],
        names=row["names"],
        aliases=tuple(row["aliases"]),
        kind=row["kind"],
        url=row["url"] or "",
        weights_default=row["weights_default"],
        confidence=row["confidence"],
        evidence=row["evidence"],
        note=row.get("note", ""),
        checks=tuple(
            Check(
                as_day(c["date"], where=f"{WHERE}, {row['id']}"),
                c["role"],
                int(c["count"]),
                c["source"] or "",
                c["what"],
            )
            for c in row["checks"]
        ),
        memberships=tuple(
            Membership(
                bloc=row["id"],
                area=m["area"],
                role=m["role"],
                from_=m["from"],
                to=m.get("to"),
                checked=m["checked"],
                checked_to=m.get("checked_to", ""),
                sources=tuple(m["sources"]),
                note=m.get("note", ""),
                locator=f"{place}/{i}",
                area_is_bloc=m["area"] in ids,
            )
            for i, m in enumerate(row["memberships"])
        ),
    )


# --- Asking -------------------------------------------------------------------------------------------------------


def roles_on(bloc_id: str, on: date | str) -> tuple[Membership, ...]:
    """Every entry of a bloc in force on a day, whatever its role, sorted by role and area.

    Raises:
        InputError: unknown bloc, or a text that is not a day.
    """
    day = as_day(on)
    return tuple(sorted((m for m in bloc(bloc_id).memberships if m.in_force(day)), key=lambda m: (m.role, m.area)))


def members(bloc_id: str, on: date | str, roles: Iterable[str] = FULL_ROLES, expand: bool = False) -> tuple[str, ...]:
    """The areas that hold one of the roles in a bloc on a day, each once, sorted.

    Args:
        bloc_id: `BRICS`.
        on: the day; every answer is for one.
        roles: by default the full ones. An area suspended on the day keeps its full role and is in.
        expand: replace each member that is itself a bloc by its full members of that day.

    Raises:
        InputError: unknown bloc, unknown role, not a day; or full members were asked for and there were none that day.

    >>> members("IBSA", "2026-07-01")
    ('BRA', 'IND', 'ZAF')
    >>> len(members("G20", "2026-07-01")), len(members("G20", "2026-07-01", expand=True))
    (21, 97)
    """
    day = as_day(on)
    wanted = known_roles(roles)
    found = {m.area for m in roles_on(bloc_id, day) if m.role in wanted}
    if not found and not wanted.isdisjoint(FULL_ROLES):
        raise no_members(bloc(bloc_id), day)
    if expand:
        for inner in sorted(found & set(_parts())):
            found = (found - {inner}) | set(members(inner, day, FULL_ROLES, expand=True))
    return tuple(sorted(found))


def known_roles(roles: Iterable[str]) -> frozenset[str]:
    wanted = frozenset([roles] if isinstance(roles, str) else roles)
    for role in sorted(wanted - set(ROLES)):
        close = nearest(role, ROLES)
        hint = f'Did you mean "{close[0]}"?' if close else f"Roles: {', '.join(ROLES)}."
        raise InputError(f'"{role}" is not a role I know.', hint=hint, code="unknown_role")
    return wanted


def no_members(record: Bloc, on: date) -> InputError:
    """The error for a bloc that had no full member on a day; it says when it had some."""
    full = [m for m in record.memberships if m.role in FULL_ROLES]
    first = min((m for m in full if m.starts), key=lambda m: (m.starts or date.min, m.area), default=None)
    last = max(full, key=lambda m: (m.ends or date.max, m.area), default=None)
    if first is not None and first.starts is not None and on < first.starts:
        when = f"its first interval starts in {first.from_seen}"
    elif last is not None and last.ends is not None and on >= last.ends:
        when = f"its last interval ends in {last.to}"
    else:
        when = "none of its intervals holds that day"
    what = f"{record.id} had no members on {on.isoformat()}; {when}."
    return InputError(what, code="empty_bloc")


def _unknown_bloc(text: str) -> InputError:
    index = {normalise(name): b.id for b in blocs() for name in (b.name, *b.aliases)}
    index |= {normalise(name): name for name in bloc_ids()}
    close = suggest(text, index)
    shown = [f'"{name}"' for name in close]
    asked = f"Did you mean {any_of(shown)}? " if shown else ""
    return InputError(f'"{text}" is not a bloc I know.', hint=f"{asked}See: concordat bloc list", code="unknown_bloc")
