"""What is on the agenda, who meets, and who is there.

The chair orders the agenda; several items live at once. Attendance counts for quorums: the chair records it, and
whoever casts a ballot is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from concordat.council._body import Body, Id, Instant, Line, MemberId, seconds, year_of
from concordat.council._registry import event
from concordat.council.constitution import act_hash, spend_decision
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event

RECORDS_MAX = 500
ITEMS_MAX = 500


@dataclass(frozen=True)
class Record:
    """A record of attendance: the chair's list takes the place of what was, a member's own word adds itself."""

    submitted: int
    present: tuple[str, ...]
    own: bool
    entry: str


@dataclass(frozen=True)
class Meeting(Thing):
    """A meeting, and the records of its attendance by submission time."""

    title: str
    begins: int
    records: tuple[Record, ...]
    entry: str

    def at(self, moment: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who was recorded present at a moment, and the entries that say so."""
        present: set[str] = set()
        entries: list[str] = []
        for record in self.records:
            if record.submitted <= moment:
                present = {*present, *record.present} if record.own else set(record.present)
                entries = [*entries, record.entry] if record.own else [record.entry]
        return tuple(sorted(present)), tuple(entries)


@dataclass(frozen=True)
class Item(Thing):
    """An item of the agenda: proposal, report, review, dispute or debate; `subject` names what it is about."""

    kind: str
    title: str
    subject: str
    place: int
    entry: str


class MeetingOpenedBody(Body):
    title: Line
    begins: Instant


class AttendanceRecordedBody(Body):
    meeting: Id
    present: Annotated[list[MemberId], Field(max_length=500)]


class ItemBody(Body):
    item: Id
    kind: Literal["proposal", "report", "review", "dispute", "debate"]
    title: Line
    subject: Annotated[str, Field(max_length=64)] = ""


class AgendaSetBody(Body):
    items: Annotated[list[ItemBody], Field(max_length=200)]
    decision: Id | None = None


class ClockTickedBody(Body):
    pass


@event("MeetingOpened", MeetingOpenedBody)
def _meeting(council: Council, found: Event, body: MeetingOpenedBody) -> None:
    council.require_chair(found.entry.author, "open meetings")
    begins = seconds(body.begins, "$.body.begins")
    key = council.issue("m", year_of(found.submitted))
    council.put("meeting", Meeting(key, body.title, begins, (), found.entry.id))


@event("AttendanceRecorded", AttendanceRecordedBody)
def _attendance(council: Council, found: Event, body: AttendanceRecordedBody) -> None:
    meeting = council.get("meeting", body.meeting)
    own = body.present == [found.entry.author]
    if not own:
        council.require_chair(found.entry.author, "record the attendance of others")
    strange = sorted(m for m in body.present if council.find("member", m) is None)
    if strange:
        raise InputError(f"{strange[0]} is no member.", where="$.body.present", code="unknown_member")
    if len(meeting.records) >= RECORDS_MAX:
        raise RuleError(f"a meeting has at most {RECORDS_MAX} records of attendance.", code="too_many")
    if own and found.entry.author in meeting.at(found.submitted)[0]:
        raise RuleError(f"{found.entry.author} is recorded present.", code="twice")
    row = Record(found.submitted, tuple(sorted(set(body.present))), own, found.entry.id)
    rows = tuple(sorted((*meeting.records, row), key=lambda r: (r.submitted, r.entry)))
    council.put("meeting", replace(meeting, records=rows))


@event("AgendaSet", AgendaSetBody)
def _agenda(council: Council, found: Event, body: AgendaSetBody) -> None:
    """The chair orders the agenda; others change it by a decision, or add to it behind the last item."""
    names = [i.item for i in body.items]
    if len(set(names)) < len(names):
        raise InputError("an item stands twice.", where="$.body.items", code="twice")
    items = council.things.get("item", {})
    if len({*items, *names}) > ITEMS_MAX:
        raise RuleError(f"an agenda has at most {ITEMS_MAX} items.", code="too_many")
    if found.entry.author != council.chair and body.decision is None:
        taken = sorted(set(names) & set(items))
        if taken:
            what = f"{taken[0]} is on the agenda; only the chair ({council.chair}), or a vote, moves it."
            raise RuleError(what, code="chair")
        _put_items(council, found, body, 1 + max((i.place for i in items.values()), default=0))
        return
    if body.decision is not None:
        spend_decision(council, found, body.decision, act_hash("AgendaSet", body))
    behind = len(body.items) + 1
    for n, item in enumerate(sorted((i for i in items.values() if i.id not in names), key=lambda i: (i.place, i.id))):
        council.put("item", replace(item, place=behind + n))
    _put_items(council, found, body, 1)


def _put_items(council: Council, found: Event, body: AgendaSetBody, first: int) -> None:
    for n, item in enumerate(body.items):
        council.put("item", Item(item.item, item.kind, item.title, item.subject, first + n, found.entry.id))


@event("ClockTicked", ClockTickedBody, observers=True, suspended=True)
def _ticked(council: Council, found: Event, body: ClockTickedBody) -> None:
    """Nothing but time: what fell due is settled before any entry is looked at."""


def agenda(council: Council) -> list[Item]:
    """The items in their order."""
    return sorted(council.all("item"), key=lambda i: (i.place, i.id))
