"""What every chapter is given: the study, who the members are, the evidence as resolved, the book and the words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Book
from concordat.report.chapter import Num
from concordat.report.permitted import Terms
from concordat.report.study import Study, bloc_label

if TYPE_CHECKING:
    from concordat.council.record import Held
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import Finding
    from concordat.evidence.resolve import Chosen
    from concordat.evidence.store import Release
    from concordat.evidence.store import Vintage as StoredVintage
    from concordat.exchange.record import Held as ExchangeHeld
    from concordat.report.chapters.rulebook import Options as RulesOptions
    from concordat.report.earlier import Earlier
    from concordat.report.impact_held import Held as ImpactHeld
    from concordat.report.messages import Messages
    from concordat.world import Bloc, Membership

BLOCS_FILE, STUDY_FILE = "concordat/world/_data/blocs.yaml", "study.yaml"
COUNCIL_FILE, EXCHANGE_FILE, IMPACT_FILE = "council.json", "exchange.json", "impact.json"
REMARK_DAYS = 366  # a note that names a day this near to the report's is printed
_DAY = re.compile(r"\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b", re.ASCII)
LARGE_BLOC = 60  # members; above it the page shows quantiles, extremes and groups, and XLSX and CSV the whole


@dataclass(frozen=True, slots=True)
class Who:
    """The areas of the report on its day.

    Attributes:
        members: countries that are counted, sorted by code.
        invited: countries invited but not members; a second line of every bloc figure counts them.
        inside: blocs that are themselves members (the EU in the G20): shown, not summed, so nothing counts twice.
        facts: the record of each membership in the report's book.
        unseen: areas whose membership was not seen in any source; `undated`: whose joining date was not.
        unsure: areas whose status on the day lies inside a month or year known only roughly.
        as_of: the day up to which the table of blocs was compiled.
        remarks: what that table says about the bloc, and about memberships, that bears on the day (area or "", words).
        partly: not everything about the bloc was seen in a source.
    """

    id: str
    name: str
    on: date
    members: tuple[str, ...]
    invited: tuple[str, ...]
    inside: tuple[str, ...]
    suspended: tuple[str, ...]
    facts: Mapping[str, str]
    unseen: tuple[str, ...]
    undated: tuple[str, ...]
    unsure: tuple[str, ...]
    as_of: date
    remarks: tuple[tuple[str, str], ...] = ()
    partly: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        """Members and invited countries."""
        return tuple(sorted({*self.members, *self.invited}))

    @property
    def large(self) -> bool:
        """Too many rows for a page on a thin link."""
        return len(self.all) > LARGE_BLOC


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a chapter may use.

    Attributes:
        vintages: those of the release, with their origins and licences as they were stored.
        earlier: the release that this one is compared with, or None.
        rules: the chapter on rules' key of the study, with the codings of this machine's store where it names none.
        council: the council's state up to one batch, where the study names an export of its log.
        exchange: what was shared up to an instant, where the study names an export of the members' logs.
        impact: what was computed from the files that the study names under `impact`, or None where it names none.
        terms: which sources were left out because of their licences, and which were taken in on terms.
    """

    study: Study
    who: Who
    book: Book
    catalogue: Catalogue
    release: Release
    observations: tuple[Observation, ...]
    chosen: Mapping[tuple[str, str, str], Chosen]
    findings: tuple[Finding, ...]
    world: tuple[str, ...]
    words: Messages
    vintages: tuple[StoredVintage, ...] = ()
    earlier: Earlier | None = None
    terms: Terms = field(default_factory=Terms)
    rules: RulesOptions | None = None
    council: Held | None = None
    impact: ImpactHeld | None = None
    exchange: ExchangeHeld | None = None

    def area_name(self, area: str) -> str:
        """The area's name in the report's language."""
        from concordat.world import area_name

        return area_name(area, self.study.language)

    def by_name(self, area: str) -> tuple[str | bytes, str]:
        """What sorts areas by name, as the report's language does."""
        return order_of(self.area_name(area), self.study.language)

    @property
    def bloc_label(self) -> str:
        """How sentences call the bloc: `BRICS`, `金砖国家`."""
        return bloc_label(self.who.id, self.study.language)

    def count(self, record_ids: Iterable[str], *, marks: tuple[str, ...] = ()) -> Num:
        """How many records there are, as a number that traces to them."""
        record = self.book.derive("evidence.provenance.count@1", record_ids)
        return Num(record.parts["value"], unit="count", id=record.id, marks=marks)


def order_of(name: str, language: str) -> tuple[str | bytes, str]:
    """What sorts a name: Latin and Cyrillic letters without their accents, Chinese by sound.

    The common characters of GB 2312 stand in the order of their pinyin, and GB 18030 keeps their codes.

    >>> sorted(["Zambie", "Égypte", "France"], key=lambda name: order_of(name, "fr"))
    ['Égypte', 'France', 'Zambie']
    >>> sorted(["中国", "巴西", "印度"], key=lambda name: order_of(name, "zh"))
    ['巴西', '印度', '中国']
    """
    if language == "zh":
        return name.encode("gb18030"), name
    letters = unicodedata.normalize("NFD", name)
    return "".join(c for c in letters if not "\u0300" <= c <= "\u036f").casefold(), name


def who_is_in(study: Study, book: Book) -> Who:
    """The areas of a study on its day, each with the record of its membership.

    Raises:
        InputError: the bloc had no members on the day.
    """
    from concordat.world import FULL_ROLES, bloc, bloc_table_as_of, members, no_members, roles_on

    if not study.bloc_id:
        facts = {a: book.fact(STUDY_FILE, "", f"#/countries/{i}", {"area": a}) for i, a in enumerate(study.countries)}
        return Who("", "", study.on, study.countries, (), (), (), facts, (), (), (), bloc_table_as_of())
    record = bloc(study.bloc_id)
    today = roles_on(record.id, study.on)
    full = [m for m in today if m.role in FULL_ROLES]
    if not full:
        raise no_members(record, study.on)
    inside = {m.area for m in full if m.area_is_bloc}
    counted = set(members(record.id, study.on, expand=study.expand)) - inside
    invited = {m.area for m in today if m.role == "invited" and not m.area_is_bloc} - counted
    shown = [m for m in today if m.area in counted or (m.area in invited and m.role == "invited")]
    if study.expand:
        named = {m.area for m in shown}
        shown += [m for b in sorted(inside) for m in roles_on(b, study.on) if m.area in counted - named]
    return Who(
        id=record.id,
        name=record.name,
        on=study.on,
        members=tuple(sorted(counted)),
        invited=tuple(sorted(invited)) if study.with_invited else (),
        inside=() if study.expand else tuple(sorted(inside)),
        suspended=tuple(sorted({m.area for m in today if m.role == "suspended"})),
        facts=_facts(book, shown),
        unseen=tuple(sorted({m.area for m in shown if not m.sources})),
        undated=tuple(sorted({m.area for m in shown if m.sources and m.checked == "none"})),
        unsure=tuple(sorted({m.area for m in shown if m.unsure_on(study.on)})),
        as_of=bloc_table_as_of(),
        remarks=_remarks(record, today, study.on),
        partly=record.confidence != "verified",
    )


def _remarks(bloc: Bloc, today: Iterable[Membership], on: date) -> tuple[tuple[str, str], ...]:
    """The bloc's own note; the notes on invited and suspended areas, and those that name a day near this one."""
    found = [("", bloc.note)] if bloc.note else []
    for m in sorted(today, key=lambda m: m.area):
        near = any(abs((date.fromisoformat(day) - on).days) <= REMARK_DAYS for day in _DAY.findall(m.note))
        if m.note and (near or m.role in ("invited", "suspended")):
            found.append((m.area, m.note))
    return tuple(found)


def _facts(book: Book, memberships: Iterable[Membership]) -> dict[str, str]:
    """Area -> the record of its row in the table of blocs."""
    from concordat.world import table_hash

    sha256 = table_hash("blocs.yaml")
    facts: dict[str, str] = {}
    for m in memberships:
        parts = {"area": m.area, "bloc": m.bloc, "role": m.role, "from": m.from_, "to": m.to, "checked": m.checked}
        facts.setdefault(m.area, book.fact(BLOCS_FILE, sha256, m.locator, parts))
    return facts
