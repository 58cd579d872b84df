"""Where is a dispute, whatever the order in which its events arrived: a pure stage machine over a procedure file.

A case is its filing and the set of its events; its state is what they give when taken by submission time (then by
hash), with every deadline that lies before an event, or before the horizon, applied in its place. The horizon is ledger
time less the merge delay: whatever was submitted before it has arrived, so an expiry behind it is final. An event
submitted before a deadline counts although others came first; one that arrives after its merge delay has no effect. So
the same events give the same state in every order of arrival. What lies after the horizon is provisional.

`receive` takes any event and lists one without effect with its reason, never dropping it: the fold of a log uses it.
`step` is the same for one who acts now: it raises the reason instead, and the case is as before.

    >>> from concordat.council.disputes.calendars import instant
    >>> case = Case.file(Procedure.shipped("odr"), "d-2026-001", "EGY", "IRN", instant("2026-03-02T08:00:00Z"))
    >>> case = step(case, CaseEvent("ResponseFiled", "IRN", instant("2026-03-05T08:00:00Z"), {}))
    >>> case.stage
    'negotiation'
    >>> step(case, CaseEvent("DisputeWithdrawn", "IRN", instant("2026-03-06T08:00:00Z"), {}))
    Traceback (most recent call last):
    ...
    concordat.errors.RuleError: d-2026-001: DisputeWithdrawn is for the complainant (EGY), not for IRN.
    >>> advance(case, instant("2026-04-02T00:00:00Z"), merge_delay=86400).stage
    'facilitator_missing'
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from concordat import canonical
from concordat.council.disputes._moves import apply, begin, run_to
from concordat.council.disputes._procedure_model import Stage
from concordat.council.disputes._state import CaseEvent, Filing, State, due_of
from concordat.council.disputes.calendars import Deadline, checked_instant, text_of
from concordat.council.disputes.procedure import Procedure
from concordat.errors import InputError, RuleError, TrustError

__all__ = ["MERGE_DELAY", "Case", "CaseEvent", "Filing", "State", "advance", "receive", "step"]

MERGE_DELAY = 24 * 3600  # ledger.md 6.3: the default maximum
EVENTS_MAX = 2_000


@dataclass(frozen=True)
class Case:
    """A dispute: what was filed, its events by submission time, and ledger time so far; `state` is what they give.

    Attributes:
        too_late: events that arrived after their merge delay, with the reason.
        horizon: whatever was submitted before this instant has arrived.
        cached: the state where it is known already; it follows from the rest.
    """

    filing: Filing
    events: tuple[CaseEvent, ...]
    ledger_time: int
    horizon: int
    too_late: tuple[tuple[CaseEvent, str], ...] = ()
    cached: State | None = field(default=None, compare=False, repr=False)

    @classmethod
    def file(
        cls,
        procedure: Procedure,
        case_id: str,
        complainant: str,
        respondent: str,
        at: int,
        *,
        urgent: bool = False,
        agreement: str = "",
        roster: Iterable[str] = (),
        roles: Mapping[str, str] | None = None,
    ) -> Case:
        """A new case.

        Args:
            procedure: the rules it follows.
            case_id: its id, never used again.
            complainant: who files.
            respondent: against whom.
            at: submission time of the filing, UTC seconds.
            urgent: an urgent case, where the procedure has shorter periods for one.
            agreement: what the parties agreed (a hash or a reference), where the procedure asks for one.
            roster: whom a fallback may appoint; empty: anyone.
            roles: who has a role (`chair`: CHN); a role that is not named acts under its own name.

        Raises:
            RuleError: a dispute against oneself, or without the agreement that the procedure needs.
            InputError: an empty name, an unknown role, an urgent case under a procedure without urgent periods.
        """
        for what, value in (("case_id", case_id), ("complainant", complainant), ("respondent", respondent)):
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"{what} is empty.", hint="Give it.", code="empty")
            canonical.dumps(value)
        if complainant.strip().casefold() == respondent.strip().casefold():
            hint = "Name another member as respondent."
            raise RuleError("a dispute against oneself can't be filed.", where=case_id, hint=hint, code="own_dispute")
        if procedure.agreement and not agreement:
            hint = "Refer to the agreement: agreement=..."
            what = f"{procedure.name} applies only where the parties agreed on it."
            raise RuleError(what, where=case_id, hint=hint, code="no_agreement")
        if urgent and not any(s.urgent for s in procedure.stages):
            what = f"{procedure.name} has no periods for urgent cases."
            raise InputError(what, where=case_id, hint="File it without urgent.", code="urgent")
        held = tuple(sorted((roles or {}).items()))
        known = ("chair", "council", *procedure.roles)
        for role, holder in held:
            if role not in known or not isinstance(holder, str) or not holder:
                hint = f"Roles here: {', '.join(known)}."
                raise InputError(f'"{role}" is not a role I know here.', where=case_id, hint=hint, code="role")
        names = tuple(sorted(set(roster), key=str))
        if not all(isinstance(name, str) and name for name in names) or not isinstance(agreement, str):
            hint = "Give names as text, and the agreement as a reference."
            raise InputError("the roster or the agreement is not text.", where=case_id, hint=hint, code="type")
        if not isinstance(urgent, bool):
            raise InputError("urgent must be true or false.", where=case_id, hint="Leave it out.", code="type")
        checked_instant(at, where=case_id)
        filing = Filing(procedure, case_id, complainant, respondent, at, urgent, agreement, names, held)
        return cls(filing, (), at, at, cached=begin(filing))

    @property
    def state(self) -> State:
        """What the events give; computed when it is asked for after events came out of order."""
        if self.cached is None:
            object.__setattr__(self, "cached", _replayed(self))
        assert self.cached is not None
        return self.cached

    @property
    def procedure(self) -> Procedure:
        """The rules it follows."""
        return self.filing.procedure

    @property
    def case_id(self) -> str:
        """Its id."""
        return self.filing.case_id

    @property
    def stage(self) -> str:
        """The stage, or the end."""
        return self.state.stage

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state.ended

    @property
    def suspended(self) -> bool:
        """Whether the clock stands."""
        return self.state.suspended is not None

    @property
    def rules(self) -> Stage | None:
        """What the procedure says of the present stage; `None` at the end."""
        return self.procedure.by_name.get(self.stage)

    @property
    def due(self) -> Deadline | None:
        """The deadline of the present stage, if one runs."""
        return due_of(self.filing, self.state)

    @property
    def provisional(self) -> bool:
        """Whether something that counts lies after the horizon, so that an event still under way could change it."""
        latest = max((e.submitted for e in self.events), default=self.filing.at)
        return max(latest, self.state.entered.at) >= self.horizon

    @property
    def no_effect(self) -> tuple[tuple[CaseEvent, str], ...]:
        """Events that were kept and changed nothing, each with its reason."""
        reasons = dict(self.state.no_effect)
        return (*((e, reasons[e.digest]) for e in self.events if e.digest in reasons), *self.too_late)

    def to_value(self) -> dict[str, Any]:
        """All of it in integers and text, as it is stored and hashed."""
        filing = self.filing
        return {
            "procedure": filing.procedure.name,
            "procedure_hash": filing.procedure.hash,
            "case_id": filing.case_id,
            "complainant": filing.complainant,
            "respondent": filing.respondent,
            "filed": filing.at,
            "urgent": filing.urgent,
            "agreement": filing.agreement,
            "roster": list(filing.roster),
            "roles": dict(filing.roles),
            "events": [e.to_value() for e in self.events],
            "too_late": [[e.to_value(), reason] for e, reason in self.too_late],
            "ledger_time": self.ledger_time,
            "horizon": self.horizon,
            "state": self.state.to_value(),
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any], procedure: Procedure | None = None) -> Case:
        """The case from what `to_value` gave; its state is computed again and compared.

        Args:
            value: the stored case.
            procedure: the rules it follows, where they are not one of the shipped files.

        Raises:
            InputError: keys are missing.
            TrustError: the procedure has another hash, or the state is not what the events give.
        """
        try:
            procedure = procedure or Procedure.shipped(value["procedure"])
            case = cls.file(
                procedure, value["case_id"], value["complainant"], value["respondent"], value["filed"],
                urgent=value["urgent"], agreement=value["agreement"], roster=value["roster"], roles=value["roles"],
            )  # fmt: skip
            events = tuple(sorted((CaseEvent.from_value(e) for e in value["events"]), key=lambda e: e.order))
            late = tuple((CaseEvent.from_value(e), str(reason)) for e, reason in value["too_late"])
            ledger_time, horizon = value["ledger_time"], value["horizon"]
            written, said = value["state"], value["procedure_hash"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"this is not a case: {type(error).__name__} {error}."
            raise InputError(what, hint="Give what to_value wrote.", code="not_a_case") from None
        if not case.filing.at <= checked_instant(horizon) <= checked_instant(ledger_time):
            raise InputError("the horizon is not between filing and ledger time.", where=case.case_id, code="horizon")
        if len({e.digest for e in events}) < len(events):
            raise InputError("an event stands twice.", where=case.case_id, code="duplicate")
        if said != procedure.hash:
            hint = "Give the procedure whose hash the case carries."
            what = f"the case follows {value['procedure']} {str(said)[:8]}, not {procedure.name} {procedure.hash[:8]}."
            raise TrustError(what, where=case.case_id, hint=hint, code="procedure_hash")
        case = cls(case.filing, events, ledger_time, horizon, late)
        if written != case.state.to_value():
            raise TrustError("the state is not what the events give.", where=case.case_id, code="case_state")
        if canonical.dumps(case.to_value()) != canonical.dumps(dict(value)):
            what = "this is not a case as it is stored: keys, types or the order of events differ."
            raise InputError(what, where=case.case_id, hint="Give what to_value wrote.", code="not_a_case")
        return case


def receive(case: Case, event: CaseEvent) -> Case:
    """The case with an event, kept whether it has an effect or not; one that is there already changes nothing."""
    place = bisect_left(case.events, event.order, key=lambda e: e.order)
    if place < len(case.events) and case.events[place].digest == event.digest:
        return case
    if any(event.digest == known.digest for known, _ in case.too_late):
        return case
    if len(case.events) + len(case.too_late) >= EVENTS_MAX:
        raise RuleError(f"the case has {EVENTS_MAX:,} events.", where=case.case_id, hint="End it.", code="too_many")
    if case.filing.at <= event.submitted < case.horizon:
        reason = f"it arrived after its merge delay: all from before {text_of(case.horizon)} was settled"
        late = sorted((*case.too_late, (event, reason)), key=lambda pair: pair[0].order)
        return replace(case, too_late=tuple(late))
    events = (*case.events[:place], event, *case.events[place:])
    if place == len(case.events) and case.cached is not None:  # the usual way: nothing to take back
        return replace(case, events=events, cached=_taken(case.filing, case.cached, event))
    return replace(case, events=events, cached=None)


def step(case: Case, event: CaseEvent) -> Case:
    """The case after an event that has an effect.

    Raises:
        RuleError: it has none, with the reason; the case is as before.
    """
    if any(event.digest == known.digest for known in case.events):
        raise RuleError("this event is recorded already.", where=case.case_id, code="duplicate")
    after = receive(case, event)
    reason = next((reason for known, reason in after.no_effect if known.digest == event.digest), None)
    if reason is not None:
        raise RuleError(reason, where=case.case_id, code="no_effect")
    return after


def advance(case: Case, ledger_time: int, merge_delay: int = MERGE_DELAY) -> Case:
    """The case at a later ledger time: deadlines passed by more than the merge delay are applied.

    Raises:
        InputError: ledger time goes back, or the delay is negative.
    """
    checked_instant(ledger_time, where=case.case_id)
    if ledger_time < case.ledger_time:
        what = f"ledger time goes back from {text_of(case.ledger_time)} to {text_of(ledger_time)}."
        raise InputError(what, where=case.case_id, hint="Give the time of the latest batch.", code="time_back")
    if type(merge_delay) is not int or merge_delay < 0:
        raise InputError("the merge delay is not a number of seconds.", where=case.case_id, code="merge_delay")
    horizon = max(case.horizon, ledger_time - merge_delay)
    case = replace(case, ledger_time=ledger_time, horizon=horizon)
    return replace(case, cached=run_to(case.filing, case.cached, horizon) if case.cached is not None else None)


def _taken(filing: Filing, state: State, event: CaseEvent) -> State:
    state = run_to(filing, state, event.submitted)
    try:
        return apply(filing, state, event)
    except RuleError as error:
        reason = f"{error.what} {error.hint}".strip()
        return replace(state, no_effect=(*state.no_effect, (event.digest, reason)))


def _replayed(case: Case) -> State:
    state = begin(case.filing)
    for event in case.events:
        state = _taken(case.filing, state, event)
    return run_to(case.filing, state, case.horizon)
