"""What a procedure consists of: timers, extensions, appointments, moves, stages; and words that need no declaration."""

from __future__ import annotations

from dataclasses import dataclass

from concordat.council.disputes.calendars import Period

# What may stand under `events` of a stage, and who makes it where the file does not say.
MOVES = {
    "ResponseFiled": "respondent",
    "StageAdvanced": "both",
    "DecisionIssued": "neutral",
    "DecisionAdopted": "council",
    "DecisionRejected": "council",
    "SettlementReached": "both",
    "DisputeWithdrawn": "complainant",
}
ANCHORS = (*MOVES, "DisputeFiled", "NeutralAppointed")
# Names that need no declaration. `yearly_review`: the case goes on the agenda of the yearly review.
ACTORS = ("both", "either", "complainant", "respondent", "neutral", "any", "chair", "council")
ENDS = {
    "settled": "the parties settled",
    "withdrawn": "the complainant withdrew",
    "rejected": "the decision was not adopted",
    "closed": "the procedure ended",
    "yearly_review": "handed over to the yearly review",
}


@dataclass(frozen=True, slots=True)
class Timer:
    """A period and what it is counted from: an event, the k-th neutral, a stage; empty: entering the stage."""

    period: Period
    anchor: str = ""

    def __str__(self) -> str:
        return f"{self.period} from {self.anchor}" if self.anchor else str(self.period)


@dataclass(frozen=True, slots=True)
class Extension:
    """Who may extend; all extensions together at most; the whole never longer than; how many times."""

    by: str
    at_most: Period | None
    in_all: Timer | None
    times: int | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """Who appoints, from `roster` or `anyone`, and who may instead after some time."""

    by: str
    source: str
    fallback: str = ""
    fallback_source: str = "anyone"
    after: Period | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """An event (with an outcome, if named) that leads to a stage or an end.

    It counts from the day `not_before` names on, or once the period `after` has ended.
    """

    event: str
    outcome: str
    to: str
    by: str
    not_before: Timer | None
    after: Timer | None

    @property
    def key(self) -> str:
        """As it is written in the file."""
        return f"{self.event}/{self.outcome}" if self.outcome else self.event


@dataclass(frozen=True, slots=True)
class Also:
    """A duty beside the stage's own: told with its date, and moves nothing."""

    what: str
    by: str
    timer: Timer


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, as the file says and with what it leaves to defaults."""

    name: str
    title: str
    mark: str
    note: str
    deadline: Timer | None
    urgent: Timer | None
    may_set: bool
    on_expiry: str
    extension: Extension | None
    bench: str
    appointment: Appointment | None
    neutrals: int
    complete: str
    decide: str
    expects: str
    owes: str
    final: bool
    also: tuple[Also, ...]
    moves: tuple[Move, ...]

    def targets(self) -> tuple[str, ...]:
        """The stages and ends that come after this one."""
        return tuple(t for t in (self.on_expiry, self.complete, *(m.to for m in self.moves)) if t)
