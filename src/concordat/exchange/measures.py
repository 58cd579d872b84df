"""How much was shared: the counters that the council's commitments name, each with the entries that it counts.

    measure("case_count", exchange, members=("BRA", "IND"), on=date(2026, 12, 31)).value

A counter counts what was *logged*, not what exists: a case that nobody published here is not counted, and a member that
says nothing is 0, not missing. A count is exact, so its interval is the number itself. With `on` an entry counts once a
quorum of witnesses had cosigned it by the end of that day (UTC); without, every entry of the log counts.

An object counts once, by its newest version; what was withdrawn or retired no longer counts. The codes are the names of
the seed commitments (exchange.md, section 3).

    >>> sorted(CODES)[:4]
    ['active_contributors', 'algorithm_register_entries', 'artisans_trained', 'case_count']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from concordat.errors import InputError
from concordat.exchange.fold import Exchange, Fact
from concordat.settings import nearest

Counted = tuple[str, Fact, int]  # what it is counted under (a member, a type of body), the entry, how much it adds
LIVE_DAYS = 365


@dataclass(frozen=True, slots=True)
class Measure:
    """One counter.

    Attributes:
        code: its name. value, lower, upper: the count, three times the same. entries: ids of the entries it counts,
            sorted. by: the count by member (or by type of body, where the code says so), without zeros.
    """

    code: str
    value: int
    lower: int
    upper: int
    entries: tuple[str, ...]
    by: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Which facts count: of these members, submitted by the end of `on`; everything where both are None."""

    members: frozenset[str] | None = None
    on: date | None = None

    @property
    def end(self) -> int | None:
        """The last second of the day, since 1970."""
        if self.on is None:
            return None
        return int(datetime(self.on.year, self.on.month, self.on.day, tzinfo=UTC).timestamp()) + 86_399

    def holds(self, fact: Fact) -> bool:
        """Whether an entry counts."""
        if self.members is not None and fact.author not in self.members:
            return False
        end = self.end
        return end is None or (fact.submitted is not None and fact.submitted <= end)


def measure(code: str, exchange: Exchange, *, members: Sequence[str] | None = None, on: date | None = None) -> Measure:
    """One counter of a bloc, or of everybody.

    Args:
        code: one of `CODES`. members: ISO 3166-1 codes; None counts all authors. on: the last day that counts.

    Raises:
        InputError: an unknown code; with the nearest.
    """
    if code not in CODES:
        close = nearest(code, CODES)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(sorted(CODES))}."
        raise InputError(f'"{code[:64]}" is not a counter of the exchange.', hint=hint, code="unknown_measure")
    window = Window(None if members is None else frozenset(members), on)
    by: dict[str, int] = {}
    entries: set[str] = set()
    for under, fact, much in CODES[code](exchange, window):
        by[under] = by.get(under, 0) + much
        entries.add(fact.entry)
    total = sum(by.values())
    return Measure(code, total, total, total, tuple(sorted(entries)), dict(sorted(by.items())))


def measures(exchange: Exchange, *, members: Sequence[str] | None = None, on: date | None = None) -> dict[str, Measure]:
    """All counters, by code."""
    return {code: measure(code, exchange, members=members, on=on) for code in sorted(CODES)}


# --- What counts ------------------------------------------------------------------------------------------------------


def standing(exchange: Exchange, thing: str, window: Window) -> Iterator[Fact]:
    """Of each object that stands the entry of its newest version that counts; withdrawn and retired ones are left out.

    Of two documents published under one version the one with the smaller entry id is taken.
    """
    for key in exchange.keys(thing):
        facts = [f for f in exchange.of(thing, key) if window.holds(f)]
        published = [f for f in facts if f.says == "published"]
        if not published:
            continue
        last = max(f.version for f in published)
        if any(f.says in ("withdrawn", "retired") and f.version >= last for f in facts):
            continue
        yield min((f for f in published if f.version == last), key=lambda f: f.entry)


def _each(
    thing: str, keep: Callable[[Fact], bool] = lambda _fact: True
) -> Callable[[Exchange, Window], Iterator[Counted]]:
    def counted(exchange: Exchange, window: Window) -> Iterator[Counted]:
        return ((fact.author, fact, 1) for fact in standing(exchange, thing, window) if keep(fact))

    return counted


def _of_kind(*kinds: str) -> Callable[[Exchange, Window], Iterator[Counted]]:
    """Reports and cases of a kind: both are how a member hands such a paper on."""

    def counted(exchange: Exchange, window: Window) -> Iterator[Counted]:
        for thing in ("case", "report"):
            yield from _each(thing, lambda fact: fact.body.kind in kinds)(exchange, window)

    return counted


def _adopted(exchange: Exchange, window: Window) -> Iterator[Counted]:
    """Cases that a member other than the owner says it reuses; counted under the owner."""
    for fact in standing(exchange, "case", window):
        reuse = [f for f in exchange.of("case", fact.key, "reused") if window.holds(f)]
        if reuse:
            yield fact.author, min(reuse, key=lambda f: f.entry), 1


def _live(exchange: Exchange, window: Window) -> Iterator[Counted]:
    """Members that logged anything in the year up to the day; without a day, ever."""
    first = None if window.on is None else window.on - timedelta(days=LIVE_DAYS)
    seen: dict[str, Fact] = {}
    for fact in _everything(exchange, window):
        said = None if fact.submitted is None else datetime.fromtimestamp(fact.submitted, UTC).date()
        if first is None or (said is not None and said > first):
            known = seen.get(fact.author)
            seen[fact.author] = fact if known is None or fact.seq > known.seq else known
    return ((author, fact, 1) for author, fact in sorted(seen.items()))


def _bodies(under: Callable[[Fact], str]) -> Callable[[Exchange, Window], Iterator[Counted]]:
    """Distinct bodies that own a case: an agency that owns ten is one. Bodies are told apart by member and hash."""

    def counted(exchange: Exchange, window: Window) -> Iterator[Counted]:
        seen: dict[tuple[str, str], Fact] = {}
        for fact in standing(exchange, "case", window):
            if fact.body.body is not None:
                seen.setdefault((fact.author, fact.body.body), fact)
        return ((under(fact), fact, 1) for _, fact in sorted(seen.items(), key=lambda pair: pair[0]))

    return counted


def _contributors(exchange: Exchange, window: Window) -> Iterator[Counted]:
    """Members with anything of their own that stands: data, a case, a report, an algorithm record."""
    seen: dict[str, Fact] = {}
    for thing in ("algorithm", "case", "dataset", "report"):
        for fact in standing(exchange, thing, window):
            seen.setdefault(fact.author, fact)
    return ((author, fact, 1) for author, fact in sorted(seen.items()))


def _reached(who: str) -> Callable[[Exchange, Window], Iterator[Counted]]:
    def counted(exchange: Exchange, window: Window) -> Iterator[Counted]:
        for fact in standing(exchange, "case", window):
            much = sum(reach.count for reach in fact.body.reached if reach.who == who)
            if much:
                yield fact.author, fact, much

    return counted


def _everything(exchange: Exchange, window: Window) -> Iterable[Fact]:
    return (fact for thing in sorted(exchange.facts) for fact in exchange.all(thing) if window.holds(fact))


CODES: Mapping[str, Callable[[Exchange, Window], Iterable[Counted]]] = {
    "active_contributors": _contributors,
    "algorithm_register_entries": _each("algorithm"),
    "artisans_trained": _reached("artisans"),
    "case_count": _adopted,
    "cases": _each("case"),
    "datasets_shared": _each("dataset"),
    "fintech_cases": _each("case", lambda fact: bool(fact.body.fintech_area)),
    "guidance_published": _of_kind("guidance"),
    "incidents_shared": _each("incident"),
    "joint_publications": _each("report", lambda fact: bool(fact.body.jointly)),
    "national_reports": _of_kind("national_report"),
    "network_members": _bodies(lambda fact: fact.author),
    "nodes_live": _live,
    "participants_by_type": _bodies(lambda fact: fact.body.body_type or "not stated"),
    "policy_notes_shared": _of_kind("policy_note"),
    "regulatory_cases_shared": _of_kind("regulatory"),
    "research_outputs": _of_kind("research_output"),
    "series_reports": _of_kind("series_report"),
    "social_innovation_cases": _of_kind("social_innovation"),
}
