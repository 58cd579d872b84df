"""Who must do what by when in a case, what was done in time, and how cases end: for the pages `due` and the report.

`deadlines` lists the next duty of each who has one. `ahead` adds what follows if nobody acts: one deadline after the
other, each expiring. `kept` is the list of late and early: for each stage with a deadline, how it was left and how many
days before or after the last day what it waited for came. `statistics` counts over many cases; only ended ones enter
the shares and the median.

    >>> from concordat.council.disputes.calendars import instant
    >>> from concordat.council.disputes.machine import Case
    >>> from concordat.council.disputes.procedure import Procedure
    >>> case = Case.file(Procedure.shipped("odr"), "d-1", "EGY", "IRN", instant("2026-03-02T08:00:00Z"))
    >>> [(due.party, due.day.isoformat(), due.what) for due in deadlines(case, instant("2026-03-03T08:00:00Z"))]
    [('IRN', '2026-03-12', 'respond')]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from statistics import median

from concordat.council.disputes._moves import run_to
from concordat.council.disputes._procedure_model import Move, Stage
from concordat.council.disputes._state import Filing, State, bench_rules, due_of, fallback_from, timed
from concordat.council.disputes.calendars import INSTANT_MAX, Deadline, checked_instant
from concordat.council.disputes.machine import Case

_WORDS = {
    "ResponseFiled": "respond",
    "DecisionIssued": "decide",
    "DecisionAdopted": "adopt or reject",
    "StageAdvanced": "go on",
    "SettlementReached": "settle",
}


@dataclass(frozen=True, slots=True)
class Due:
    """A duty: who, in which stage, what, and until when.

    Attributes:
        party: the member, or the role where nobody is named for it.
        role: complainant, respondent, neutral, chair, council or another role of the procedure.
        day: the last day; `None` without a deadline.
        at: the instant at which it ends, UTC seconds.
        what: what is expected.
        then: where the case goes when it passes.
        overdue: it passed before `now`; until ledger time passes the merge delay too, an act under way may still count.
        notes: what was peculiar in counting.
    """

    party: str
    role: str
    stage: str
    day: date | None
    at: int | None
    what: str
    then: str
    overdue: bool
    notes: tuple[str, ...] = ()


def deadlines(case: Case, now: int) -> tuple[Due, ...]:
    """The next duty of each who has one, the earliest first; none at the end of a case.

    Args:
        case: the case.
        now: UTC seconds, for `overdue` alone.
    """
    checked_instant(now, where=case.case_id)
    filing, state, stage = case.filing, case.state, case.rules
    if stage is None:
        return ()
    if state.suspended is not None:
        return tuple(
            Due(filing.holder(role), role, stage.name, None, None, "resume, or leave it suspended", "", False)
            for role in ("complainant", "respondent")
        )
    found = [
        *_answers(filing, state, stage),
        *_seats(filing, state, stage, now),
        *_beside(filing, state, stage, now),
        *_stage_duties(filing, state, stage, now),
    ]
    if stage.mark:
        found = [replace(d, notes=(*d.notes, f"{stage.mark}: check the current text")) for d in found]
    first: dict[str, Due] = {}
    for due in sorted(found, key=lambda d: (d.at is None, d.at or 0)):  # stable: the most concrete first
        first.setdefault(due.party, due)
    return tuple(sorted(first.values(), key=lambda d: (d.at is None, d.at or 0, d.party)))


def _due(
    filing: Filing, role: str, stage: Stage, end: Deadline | None, what: str, now: int, then: str = ""
) -> list[Due]:
    """One duty, or one for each of several holders."""
    roles = ("complainant", "respondent") if role in ("both", "either") else (role,)
    day, at, notes = (end.day, end.at, end.notes) if end else (None, None, ())
    late = at is not None and now > at
    return [Due(filing.holder(r), r, stage.name, day, at, what, then, late, notes) for r in roles]


def _seats(filing: Filing, state: State, stage: Stage, now: int) -> list[Due]:
    """Who must fill the empty seats."""
    needed, appointment = bench_rules(filing, state)
    empty = needed - len(state.seats)
    if empty <= 0:
        return []
    what = "appoint a neutral" if empty == 1 else f"appoint {empty} neutrals"
    if appointment is None:
        return _due(filing, "both", stage, due_of(filing, state), what, now)
    alone = fallback_from(filing, state)
    own_time = alone or due_of(filing, state)
    found = _due(filing, appointment.by, stage, own_time, what, now, appointment.fallback)
    if alone is not None and now > alone.at:
        found += _due(filing, appointment.fallback, stage, due_of(filing, state), what, now, stage.on_expiry)
    return found


def _stage_duties(filing: Filing, state: State, stage: Stage, now: int) -> list[Due]:
    """What the stage itself waits for."""
    end, then = due_of(filing, state), stage.on_expiry
    if stage.expects:
        return _due(filing, stage.owes, stage, end, f"file: {stage.expects.replace('_', ' ')}", now, then)
    if stage.decide:
        return _due(filing, "council", stage, end, f"decide by {stage.decide.replace('_', ' ')}", now, then)
    moves = [m for m in stage.moves if m.event not in ("SettlementReached", "DisputeWithdrawn")]
    if not moves:
        what = "settle" if stage.deadline else "no more duties"
        return _due(filing, "both", stage, end, what, now, then) if end or not stage.neutrals else []
    for event in ("ResponseFiled", "DecisionIssued", "DecisionAdopted"):
        mine = [m for m in moves if m.event == event]
        if mine:
            return [d for by in _actors(mine) for d in _acting(filing, state, stage, by, end, _WORDS[event], now)]
    if end is not None:
        return _due(filing, "both", stage, end, "settle", now, then)
    return [due for move in moves for due in _due(filing, move.by, stage, None, _asked(move), now, "")]


def _beside(filing: Filing, state: State, stage: Stage, now: int) -> list[Due]:
    """Duties beside the stage's own; they move nothing, so they are told until their day has passed."""
    found: list[Due] = []
    for also in stage.also:
        end = timed(filing, state, also.timer)
        if end is not None and now <= end.at:
            found += [replace(d, then="") for d in _acting(filing, state, stage, also.by, end, also.what, now)]
    return found


def _acting(
    filing: Filing, state: State, stage: Stage, by: str, end: Deadline | None, what: str, now: int
) -> list[Due]:
    if by == "neutral" and state.seats:
        late = end is not None and now > end.at
        day, at, notes = (end.day, end.at, end.notes) if end else (None, None, ())
        return [Due(s, "neutral", stage.name, day, at, what, stage.on_expiry, late, notes) for s in state.seats]
    return _due(filing, by, stage, end, what, now, stage.on_expiry)


def _actors(moves: Iterable[Move]) -> list[str]:
    return list(dict.fromkeys(m.by for m in moves))


def _asked(move: Move) -> str:
    return (
        f"go on to {move.to.replace('_', ' ')}" if move.by != "either" else f"may go on to {move.to.replace('_', ' ')}"
    )


def _answers(filing: Filing, state: State, stage: Stage) -> list[Due]:
    """Offers that wait for the other party."""
    end = due_of(filing, state)
    found: list[Due] = []
    for offer in state.offers:
        other = next(p for p in filing.parties if p != offer.by)
        role = "complainant" if other == filing.complainant else "respondent"
        found += [
            Due(other, role, stage.name, end.day if end else None, end.at if end else None,
                f"answer the offer: {offer.text}", "the offer lapses", False)
        ]  # fmt: skip
    return found


# --- What follows, what was kept -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ahead:
    """A deadline that runs, or will run if nobody acts (`sure` is False)."""

    stage: str
    title: str
    end: Deadline
    then: str
    sure: bool


def ahead(case: Case) -> tuple[Ahead, ...]:
    """The present deadline and all that follow when each expires."""
    filing, state = case.filing, case.state
    found: list[Ahead] = []
    for _ in case.procedure.stages:
        end = due_of(filing, state)
        if end is None or end.at > INSTANT_MAX:  # ages away
            break
        stage = filing.procedure.by_name[state.stage]
        if not found:
            beside = ((a.what, timed(filing, state, a.timer)) for a in stage.also)
            found += [Ahead(stage.name, what, day, "", True) for what, day in beside if day is not None]
        found.append(Ahead(stage.name, stage.title, end, stage.on_expiry, state is case.state))
        after = run_to(filing, state, end.at + 1)
        if after.stage == state.stage:
            break
        state = after
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Kept:
    """A deadline that has passed or was met.

    Attributes:
        done: when what was due came, UTC seconds; `None` if it never did.
        days: whole days from the last day to the day it came: below 0 early, 0 on the last day, above 0 late.
        how: the event, or `expiry`.
    """

    stage: str
    due: Deadline
    done: int | None
    days: int | None
    how: str

    @property
    def late(self) -> bool:
        """Whether it was missed."""
        return self.how == "expiry"


def kept(case: Case) -> tuple[Kept, ...]:
    """The list of late and early, in the order of the stages; a stage still running is not in it.

    What a missed stage waited for is looked for in the stages after it: its decision or filing that came at last.
    """
    calendar, visits = case.procedure.calendar, case.state.visits
    found = []
    for number, visit in enumerate(visits):
        if visit.due is None or visit.left is None:
            continue
        done, how = visit.left, visit.how
        if how == "expiry":
            stage = case.procedure.by_name[visit.stage]
            waited = {m.key for m in stage.moves} - {"SettlementReached", "DisputeWithdrawn"}
            waited |= {"NeutralAppointed"} if stage.complete else set()
            came = next((v.left for v in visits[number + 1 :] if v.how in waited and v.left), None)
            days = (came.day - visit.due.day).days if came else None
            found.append(Kept(visit.stage, visit.due, came.at if came else None, days, how))
        else:
            day = calendar.moment(done.at).day
            # 24:00 of the last day is still the last day.
            days = 0 if done.at == visit.due.at else (day - visit.due.day).days
            found.append(Kept(visit.stage, visit.due, done.at, days, how))
    return tuple(found)


# --- Over many cases -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statistics:
    """How cases went. Shares are fractions; `None` where no case ended.

    Attributes:
        cases: all.
        ended: over.
        settled: ended by settlement.
        settled_early: of these, before any stage marked `final`.
        share_settled_early: settled_early / ended.
        days_median: from the day of filing to the day of the end, over ended cases.
        deadlines_met: of the deadlines in `kept`.
        deadlines_missed: of the deadlines in `kept`.
    """

    cases: int
    ended: int
    settled: int
    settled_early: int
    share_settled_early: Fraction | None
    days_median: Fraction | None
    deadlines_met: int
    deadlines_missed: int

    def to_value(self) -> dict[str, int | str | None]:
        """As it is stored: fractions as text."""
        return {
            "cases": self.cases,
            "ended": self.ended,
            "settled": self.settled,
            "settled_early": self.settled_early,
            "share_settled_early": _fraction(self.share_settled_early),
            "days_median": _fraction(self.days_median),
            "deadlines_met": self.deadlines_met,
            "deadlines_missed": self.deadlines_missed,
        }


def _fraction(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"


def statistics(cases: Iterable[Case]) -> Statistics:
    """How cases went, whatever their procedures and their order."""
    everything = list(cases)
    over = [c for c in everything if c.ended]
    settled = [c for c in over if c.stage == "settled"]
    early = [c for c in settled if not any(c.procedure.by_name[v.stage].final for v in c.state.visits)]
    days = [(c.state.entered.day - c.state.visits[0].entered.day).days for c in over]
    marks = [k.late for c in everything for k in kept(c)]
    return Statistics(
        cases=len(everything),
        ended=len(over),
        settled=len(settled),
        settled_early=len(early),
        share_settled_early=Fraction(len(early), len(over)) if over else None,
        days_median=Fraction(median(Fraction(d) for d in days)) if over else None,
        deadlines_met=marks.count(False),
        deadlines_missed=marks.count(True),
    )


__all__ = ["Ahead", "Due", "Kept", "Statistics", "ahead", "deadlines", "kept", "statistics"]
