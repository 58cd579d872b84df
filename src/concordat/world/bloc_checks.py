"""Whether the table of blocs holds together: its form, its intervals, its names, and the totals that others published.

Method: the whole text is read again, by the strict loader, and every entry is held against the rules written at the
head of `blocs.yaml`: known keys, roles, areas and sources; dates that are dates, with start before end; no precision
claimed beyond the date's own; no two intervals of one area in one bloc at once, but `suspended` inside a full role; no
bloc inside itself. Each published total is counted anew. Last, the bytes are held against the digest of the table that
was reviewed for this version: a date that someone moved by a day breaks no rule, and is found all the same.

It does not ask whether an entry is true: an unverified start is information, not a fault.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml
from concordat.world._dates import end_day, first_day
from concordat.world._tables import REVIEWED, raw_table
from concordat.world.blocs import FULL_ROLES, ROLES, WHERE, Bloc, Membership, read_bloc
from concordat.world.countries import by_iso3

PRECISIONS = ("none", "year", "month", "day")
_PRECISION_OF_LENGTH = {4: "year", 7: "month", 10: "day"}
_BLOC_KEYS = {
    "id", "names", "aliases", "kind", "url", "weights_default", "confidence", "evidence", "checks", "memberships",
}  # fmt: skip
_MEMBERSHIP_KEYS = {"area", "role", "from", "checked", "sources"}
_CHECK_KEYS = {"date", "role", "count", "source", "what"}
_OPTIONAL = {"to", "checked_to", "note"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold: where it stands in the table, which rule, and what was found."""

    rule: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What a check of the table of blocs found.

    Attributes:
        faults: what does not hold, in the order of the file; empty: all is well.
        totals: how many published totals were counted anew.
        checked: how many entries' starts were seen to each precision.
        unverified: entries whose start was not seen, or that have no source at all.
        unused_sources: keys that no entry names.
        sha256: the digest of the bytes.
    """

    faults: tuple[Fault, ...]
    blocs: int
    entries: int
    sources: int
    totals: int
    checked: Mapping[str, int]
    unverified: int
    unused_sources: tuple[str, ...]
    sha256: str


def check_table(data: bytes | None = None) -> TableCheck:
    """Hold a table of blocs (by default the packaged one) against its rules and its published totals.

    Raises:
        InputError: the text is not YAML, or has no schema, sources or blocs: nothing could be checked.

    >>> check_table().faults
    ()
    """
    data = raw_table(WHERE) if data is None else data
    document = parse_yaml(data, where=WHERE, numbers_as_text=True, schema="blocs@1")
    rows, sources = document.value.get("blocs"), document.value.get("sources")
    if not isinstance(rows, list) or not isinstance(sources, dict):
        raise InputError("has no list of blocs or no sources.", where=WHERE, code="missing_key")
    ids = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
    faults = [Fault("id_twice", WHERE, f'the bloc "{i}" stands {n} times.') for i, n in Counter(ids).items() if n > 1]
    readable: list[tuple[int, Bloc]] = []
    for position, row in enumerate(rows):
        found = list(_faults_of_form(document, position, row))
        faults += found
        if not found:
            readable.append((position, read_bloc(row, position, frozenset(ids))))
    for position, bloc in readable:
        faults += _faults_of_bloc(document, position, bloc, set(sources))
    faults += _circles([bloc for _, bloc in readable])
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != REVIEWED[WHERE]:
        what = f"the table is not the one reviewed for this version: its SHA-256 is {sha256}, not {REVIEWED[WHERE]}."
        faults.append(Fault("not_as_reviewed", WHERE, what))
    return _summary(tuple(faults), [bloc for _, bloc in readable], sorted(sources), sha256)


def _summary(faults: tuple[Fault, ...], blocs: list[Bloc], sources: list[str], sha256: str) -> TableCheck:
    entries = [m for bloc in blocs for m in bloc.memberships]
    named = {key for m in entries for key in m.sources} | {c.source for bloc in blocs for c in bloc.checks}
    seen = Counter(m.checked for m in entries)
    return TableCheck(
        faults=faults,
        blocs=len(blocs),
        entries=len(entries),
        sources=len(sources),
        totals=sum(len(bloc.checks) for bloc in blocs),
        checked={precision: seen[precision] for precision in reversed(PRECISIONS)},
        unverified=sum(not m.verified for m in entries),
        unused_sources=tuple(key for key in sources if key not in named),
        sha256=sha256,
    )


# --- The form of a row: what must hold before it can be read -------------------------------------------------------


def _faults_of_form(document: Document, position: int, row: Any) -> Iterator[Fault]:
    place = ("blocs", position)
    yield from _keys(document, place, row, _BLOC_KEYS, {"note"})
    if not isinstance(row, dict):
        return
    if not (isinstance(row.get("names"), dict) and row["names"].get("en")):
        yield Fault("no_name", document.place(*place, "names"), f'the bloc "{row.get("id")}" has no English name.')
    if not _texts(row.get("aliases")) or not isinstance(row.get("id"), str):
        yield Fault("form", document.place(*place), "id must be a word and aliases a list of names.")
    for part, needed, optional in (("memberships", _MEMBERSHIP_KEYS, _OPTIONAL), ("checks", _CHECK_KEYS, set())):
        items = row.get(part)
        if not isinstance(items, list):
            yield Fault("form", document.place(*place, part), f"{part} must be a list.")
            continue
        for i, item in enumerate(items):
            here = (*place, part, i)
            faults = list(_keys(document, here, item, needed, optional))
            yield from faults or _dates(document, here, item, part)


def _keys(
    document: Document, place: tuple[Any, ...], row: Any, needed: set[str], optional: set[str]
) -> Iterator[Fault]:
    where = document.place(*place)
    if not isinstance(row, dict):
        yield Fault("form", where, "an entry must be keys and values.")
        return
    for key in sorted(needed - set(row)):
        yield Fault("missing_key", where, f'the key "{key}" is missing.')
    for key in sorted(set(row) - needed - optional):
        close = nearest(key, needed | optional)
        yield Fault("unknown_key", where, f'"{key}" is not a key I know.' + (f' Is it "{close[0]}"?' if close else ""))


def _dates(document: Document, place: tuple[Any, ...], item: dict[str, Any], part: str) -> Iterator[Fault]:
    where = document.place(*place)
    for key in ("from", "to") if part == "memberships" else ("date",):
        text = item.get(key)
        if key == "date" and (not isinstance(text, str) or len(text) != 10):
            yield Fault("bad_date", where, f'"{text}" is not a whole day.')
            continue
        try:
            first_day(text)
        except (InputError, TypeError):
            yield Fault("bad_date", where, f'{key}: "{text}" is not a date.')
    if part == "checks" and not str(item["count"]).isdecimal():
        yield Fault("bad_count", where, f'"{item["count"]}" is not a count.')
    if part == "memberships" and not _texts(item["sources"]):
        yield Fault("form", where, "sources must be a list of keys; an empty one says that none was seen.")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# --- What a bloc says ---------------------------------------------------------------------------------------------


def _faults_of_bloc(document: Document, position: int, bloc: Bloc, sources: set[str]) -> Iterator[Fault]:
    by_area: dict[str, list[tuple[str, Membership]]] = {}
    for i, m in enumerate(bloc.memberships):
        where = document.place("blocs", position, "memberships", i)
        by_area.setdefault(m.area, []).append((where, m))
        yield from (Fault(rule, where, f"{bloc.id}, {m.area}: {what}") for rule, what in _faults_of_entry(m, sources))
    for entries in by_area.values():
        yield from _overlaps(entries)
    for i, c in enumerate(bloc.checks):
        where = document.place("blocs", position, "checks", i)
        if c.source and c.source not in sources:
            yield Fault("unknown_source", where, f'{bloc.id}: "{c.source}" is not among the sources.')
        found = len({m.area for m in bloc.memberships if m.role == c.role and m.in_force(c.date)})
        if found != c.count:
            what = f"{bloc.id} on {c.date}: {found} with the role {c.role}, where {c.count} were published ({c.what})."
            yield Fault("total", where, what)


def _faults_of_entry(m: Membership, sources: set[str]) -> Iterator[tuple[str, str]]:
    if m.role not in ROLES:
        yield "unknown_role", f'"{m.role}" is not a role I know.'
    if m.area not in by_iso3() and not m.area_is_bloc:
        yield "unknown_area", "is neither a country nor a bloc."
    for key in m.sources:
        if key not in sources:
            yield "unknown_source", f'"{key}" is not among the sources.'
    if m.starts and m.ends and m.starts >= m.ends:
        yield "order", f"the interval ends ({m.to}) no later than it starts ({m.from_})."
    for name, seen, text in (("checked", m.checked, m.from_), ("checked_to", m.checked_to or "none", m.to)):
        if seen not in PRECISIONS:
            yield "bad_precision", f'{name} is "{seen}"; it must be one of {", ".join(PRECISIONS)}.'
            continue
        known = _PRECISION_OF_LENGTH[len(text)] if text else "none"
        if PRECISIONS.index(seen) > PRECISIONS.index(known):
            yield "bad_precision", f"{name} says {seen}, but the date ({text}) is known to the {known} only."


def _overlaps(entries: list[tuple[str, Membership]]) -> Iterator[Fault]:
    """Two intervals of one area at once; a suspension that does not lie inside one full role."""
    for (_, one), (where, two) in combinations(entries, 2):
        alike = (one.role == "suspended") == (two.role == "suspended")
        if alike and _start(one) < _end(two) and _start(two) < _end(one):
            what = f"{two.bloc}, {two.area}: {two.role} from {two.from_} overlaps {one.role} from {one.from_}."
            yield Fault("overlap", where, what)
    full = [m for _, m in entries if m.role in FULL_ROLES]
    for where, m in entries:
        if m.role == "suspended" and not any(_start(f) <= _start(m) and _end(m) <= _end(f) for f in full):
            what = f"{m.bloc}, {m.area}: suspended from {m.from_} without a full role over that time."
            yield Fault("suspended_outside", where, what)


def _start(m: Membership) -> date:
    return first_day(m.from_) or date.min


def _end(m: Membership) -> date:
    return end_day(m.to) or date.max


def _circles(blocs: list[Bloc]) -> Iterator[Fault]:
    """A bloc that is, through blocs, a member of itself: `expand` could never end."""
    inside = {b.id: {m.area for m in b.memberships if m.area_is_bloc} for b in blocs}
    for start in sorted(inside):
        reached: set[str] = set()
        pending = set(inside[start])
        while pending:
            name = pending.pop()
            reached.add(name)
            pending |= inside.get(name, set()) - reached
        if start in reached:
            yield Fault("circle", WHERE, f"{start} is, through blocs, a member of itself.")
