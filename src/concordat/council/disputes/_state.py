"""What is known of a case at one point of its events: filing, stage, clocks, neutrals, offers.

Values and what can be read off them (which deadline runs); what an event does to them is in `_moves`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.council.disputes._procedure_model import Appointment, Stage, Timer
from concordat.council.disputes.calendars import Deadline, Moment, Period, Stops, checked_instant
from concordat.council.disputes.procedure import Procedure
from concordat.errors import InputError, RuleError

EVENTS = (
    "DisputeFiled", "ResponseFiled", "StageAdvanced", "NeutralAppointed", "NeutralChallenged", "DeadlineExtended",
    "DisputeSuspended", "SettlementReached", "DisputeWithdrawn", "DecisionIssued", "DecisionAdopted",
    "DecisionRejected", "ClockTicked",
)  # fmt: skip


@dataclass(frozen=True)
class CaseEvent:
    """One act in a case: its type, who did it, when it was submitted (UTC seconds), and what it says.

    Raises:
        InputError: an unknown type, no actor, a time or a body that can't be written canonically.
    """

    type: str
    by: str
    submitted: int
    body: Mapping[str, Any]
    digest: str

    def __init__(self, type: str, by: str, submitted: int, body: Mapping[str, Any] | None = None) -> None:  # noqa: A002
        from concordat.settings import nearest

        if type not in EVENTS:
            close = nearest(str(type), EVENTS)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(EVENTS)}."
            raise InputError(f'"{str(type)[:40]}" is not an event of a dispute.', hint=hint, code="unknown_event")
        if not isinstance(by, str) or not by:
            raise InputError(f"{type} has no actor.", hint="Say who did it.", code="no_actor")
        if body is not None and not isinstance(body, Mapping):
            raise InputError(f"the body of {type} is not a mapping.", hint="Give keys and values.", code="body")
        for name, value in (("type", type), ("by", by), ("submitted", checked_instant(submitted, where=type))):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "body", deepcopy(dict(body or {})))
        object.__setattr__(self, "digest", canonical.digest(self.to_value()))

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among the events of its case: by submission time, then by hash."""
        return self.submitted, self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def to_value(self) -> dict[str, Any]:
        """As it is stored."""
        return {"type": self.type, "by": self.by, "submitted": self.submitted, "body": dict(self.body)}

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> CaseEvent:
        """From what `to_value` gave."""
        return cls(value["type"], value["by"], value["submitted"], value["body"])


@dataclass(frozen=True)
class Filing:
    """What stands from the beginning: the procedure, the two parties, who has which role."""

    procedure: Procedure
    case_id: str
    complainant: str
    respondent: str
    at: int
    urgent: bool = False
    agreement: str = ""
    roster: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()

    @property
    def parties(self) -> tuple[str, str]:
        """Complainant and respondent."""
        return self.complainant, self.respondent

    def holder(self, role: str) -> str:
        """Who has a role: the party, the one named at filing, else the role's own name (`chair`, `council`)."""
        fixed = {"complainant": self.complainant, "respondent": self.respondent}
        return fixed.get(role) or dict(self.roles).get(role, role)


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in a stage: until when it was due, when and by what it was left."""

    stage: str
    entered: Moment
    due: Deadline | None = None
    left: Moment | None = None
    how: str = ""

    def to_value(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "stage": self.stage,
            "entered": self.entered.to_value(),
            "due": self.due.at if self.due else None,
            "left": self.left.to_value() if self.left else None,
            "how": self.how,
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """What one party has said and the other must say as well, before it counts."""

    type: str
    by: str
    at: int
    terms: str
    text: str

    def to_value(self) -> dict[str, Any]:
        """As it is stored."""
        return {"type": self.type, "by": self.by, "at": self.at, "terms": self.terms}


@dataclass(frozen=True)
class State:
    """Where a case is after some of its events and expiries."""

    stage: str
    entered: Moment
    ended: bool = False
    visits: tuple[Visit, ...] = ()
    anchors: tuple[tuple[str, Moment], ...] = ()
    extensions: tuple[Period, ...] = ()
    set_period: Period | None = None
    stops: Stops = ()
    suspended: int | None = None
    bench: str = ""
    bench_stage: str = ""
    seats: tuple[str, ...] = ()
    filled: tuple[Moment, ...] = ()
    removed: tuple[str, ...] = ()
    vacant: Moment | None = None
    challenges: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    no_effect: tuple[tuple[str, str], ...] = ()

    def anchor(self, name: str) -> Moment | None:
        """When something a period is counted from happened last, if it did."""
        if not name:
            return self.entered
        if name.startswith("NeutralAppointed#"):
            number = int(name.partition("#")[2])
            return self.filled[number - 1] if number <= len(self.filled) else None
        return next((moment for key, moment in self.anchors if key == name), None)

    def to_value(self) -> dict[str, Any]:
        """As it is stored and hashed."""
        return {
            "stage": self.stage,
            "entered": self.entered.to_value(),
            "ended": self.ended,
            "visits": [v.to_value() for v in self.visits],
            "anchors": {name: moment.to_value() for name, moment in self.anchors},
            "extensions": [str(p) for p in self.extensions],
            "set_period": str(self.set_period) if self.set_period else None,
            "stops": [list(s) for s in self.stops],
            "suspended": self.suspended,
            "bench": self.bench,
            "seats": list(self.seats),
            "filled": [m.to_value() for m in self.filled],
            "removed": list(self.removed),
            "vacant": self.vacant.to_value() if self.vacant else None,
            "challenges": list(self.challenges),
            "offers": [o.to_value() for o in self.offers],
            "no_effect": [list(pair) for pair in self.no_effect],
        }


def timed(filing: Filing, state: State, timer: Timer, extensions: tuple[Period, ...] = ()) -> Deadline | None:
    """When a timer ends in this state; `None` while what it is counted from has not happened."""
    start = state.anchor(timer.anchor)
    if start is None:
        return None
    return filing.procedure.calendar.deadline(start, timer.period, state.stops, extensions)


def timer_of(filing: Filing, state: State) -> Timer | None:
    """The timer of the present stage: the urgent one in an urgent case, with the period that a decision has set."""
    if state.ended:
        return None
    stage = filing.procedure.by_name[state.stage]
    timer = (stage.urgent if filing.urgent else None) or stage.deadline
    return Timer(state.set_period, timer.anchor) if timer and state.set_period else timer


def due_of(filing: Filing, state: State) -> Deadline | None:
    """The deadline of the present stage, if one runs."""
    timer = timer_of(filing, state)
    return timed(filing, state, timer, state.extensions) if timer and state.suspended is None else None


def bench_rules(filing: Filing, state: State) -> tuple[int, Appointment | None]:
    """How many neutrals the present bench has, and how they are appointed."""
    stage: Stage | None = filing.procedure.by_name.get(state.bench_stage)
    return (stage.neutrals, stage.appointment) if stage else (0, None)


def fallback_from(filing: Filing, state: State) -> Deadline | None:
    """Until when the first way of appointing is alone: after it, the fallback may appoint as well."""
    appointment = bench_rules(filing, state)[1]
    if appointment is None or appointment.after is None or state.vacant is None:
        return None
    return filing.procedure.calendar.deadline(state.vacant, appointment.after, state.stops)


def refused(what: str, hint: str, code: str) -> RuleError:
    """The error of a guard that fails."""
    return RuleError(what, hint=hint, code=code)
