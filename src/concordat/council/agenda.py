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
from concordat.council.state import Council, Thing
from concordat.errors import InputError, RuleError
from concordat.ledger.fold import Event


@dataclass(frozen=True)
class Meeting(Thing):
    """A meeting and who was recorded present, with the entries that say so."""

    title: str
    begins: int
    present: tuple[str, ...]
    records: tuple[str, ...]
    entry: str


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
    key = council.issue("m", year_of(found.submitted))
    council.put("meeting", Meeting(key, body.title, seconds(body.begins, "$.body.begins"), (), (), found.entry.id))


@event("AttendanceRecorded", AttendanceRecordedBody)
def _attendance(council: Council, found: Event, body: AttendanceRecordedBody) -> None:
    meeting = council.get("meeting", body.meeting)
    own = body.present == [found.entry.author]
    if not own:
        council.require_chair(found.entry.author, "record the attendance of others")
    strange = sorted(m for m in body.present if council.find("member", m) is None)
    if strange:
        raise InputError(f"{strange[0]} is no member.", where="$.body.present", code="unknown_member")
    present = {*meeting.present, *body.present} if own else set(body.present)
    council.put(
        "meeting", replace(meeting, present=tuple(sorted(present)), records=(*meeting.records[-199:], found.entry.id))
    )


@event("AgendaSet", AgendaSetBody)
def _agenda(council: Council, found: Event, body: AgendaSetBody) -> None:
    """The chair orders the agenda; others change it by a decision, or add to it behind the last item."""
    names = [i.item for i in body.items]
    if len(set(names)) < len(names):
        raise InputError("an item stands twice.", where="$.body.items", code="twice")
    items = council.things.get("item", {})
    if found.entry.author != council.chair and body.decision is None:
        taken = sorted(set(names) & set(items))
        if taken:
            what = f"{taken[0]} is on the agenda; only the chair ({council.chair}), or a vote, moves it."
            raise RuleError(what, code="chair")
        _put_items(council, found, body, 1 + max((i.place for i in items.values()), default=0))
        return
    if body.decision is not None:
        vote = council.get("vote", body.decision)
        if vote.status != "final" or vote.outcome != "adopted":
            raise RuleError(f"{vote.id} adopted nothing.", code="decision")
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
