"""What does one event do to a case: every guard and every effect, as functions from state to state.

An event counts at its submission time. What both must agree on is said by each: the first event is an offer, the
second with the same body makes it count; offers lapse when the stage changes. A guard that fails raises `RuleError`
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from concordat import canonical
from concordat.council.disputes._procedure_model import Move
from concordat.council.disputes._state import (
    CaseEvent,
    Filing,
    Offer,
    State,
    Visit,
    bench_rules,
    due_of,
    fallback_from,
    refused,
    timed,
    timer_of,
)
from concordat.council.disputes.calendars import Moment, Period, text_of
from concordat.errors import InputError
from concordat.settings import nearest

TEXT_MAX = 200
OFFERS_MAX = 50


def begin(filing: Filing) -> State:
    """The state right after filing."""
    moment = filing.procedure.calendar.moment(filing.at)
    state = State(stage="", entered=moment, anchors=(("DisputeFiled", moment),))
    return enter(filing, state, filing.procedure.start, moment, "DisputeFiled")


def enter(filing: Filing, state: State, target: str, moment: Moment, how: str) -> State:
    """The state after going on to a stage or an end."""
    visits = state.visits
    if visits:
        visits = (*visits[:-1], replace(visits[-1], due=due_of(filing, state), left=moment, how=how))
    ended = target not in filing.procedure.by_name
    state = replace(
        state,
        stage=target,
        entered=moment,
        ended=ended,
        visits=visits if ended else (*visits, Visit(target, moment)),
        anchors=_anchored(state, target, moment),
        extensions=(),
        set_period=None,
        offers=(),
    )
    if ended:
        return state
    stage = filing.procedure.by_name[target]
    bench = stage.bench or (stage.name if stage.neutrals else state.bench)
    if bench != state.bench:
        state = replace(state, bench=bench, bench_stage="", seats=(), filled=(), vacant=moment)
    return replace(state, bench_stage=stage.name) if stage.neutrals else state


def run_to(filing: Filing, state: State, at: int) -> State:
    """The state with every expiry applied whose deadline lies before an instant."""
    for _ in range(len(filing.procedure.stages) + 1):
        due = due_of(filing, state)
        if due is None or due.at >= at:
            return state
        # A deadline that was over when its stage began passes at that moment.
        moment = Moment(due.at, due.day) if due.at >= state.entered.at else state.entered
        target = filing.procedure.by_name[state.stage].on_expiry
        state = enter(filing, state, target, moment, "expiry")
    raise AssertionError("expiries in a circle: the loader lets none through")


def apply(filing: Filing, state: State, event: CaseEvent) -> State:
    """The state after an event, all expiries before it being applied.

    Raises:
        RuleError: a guard failed, with the reason.
    """
    if event.submitted < filing.at:
        raise refused("it was submitted before the dispute was filed.", "", "too_early")
    if event.type == "DisputeFiled":
        raise refused("the dispute is filed already.", "File another case.", "filed")
    if event.type == "ClockTicked":
        return state
    if state.ended:
        end = filing.procedure.ends[state.stage]
        raise refused(f"the case ended on {state.entered.day}: {end}.", "File another case.", "ended")
    if event.type in _ANY_TIME:
        return _ANY_TIME[event.type](filing, state, event)
    if state.suspended is not None:
        hint = "Resume it first: DisputeSuspended with resume: true, by either party."
        raise refused(f"the case is suspended since {text_of(state.suspended)}.", hint, "suspended")
    return _WHILE_RUNNING.get(event.type, _move)(filing, state, event)


# --- Who may ---------------------------------------------------------------------------------------------------------


def may(filing: Filing, state: State, actor: str, by: str) -> bool:
    """Whether someone acts as an actor of the procedure."""
    if actor in ("both", "either"):
        return by in filing.parties
    if actor == "neutral":
        return by in state.seats
    if actor == "any":
        return True
    return by == filing.holder(actor) and (actor in ("complainant", "respondent") or by not in filing.parties)


def _require(filing: Filing, state: State, actor: str, event: CaseEvent) -> None:
    if may(filing, state, actor, event.by):
        return
    if actor not in ("complainant", "respondent", "both", "either") and event.by in filing.parties:
        raise refused(f"{event.by} is a party to the case and can't act as {actor}.", "Someone else must.", "own_case")
    who = {"both": "the two parties", "either": "a party", "neutral": "a neutral of the case"}.get(actor)
    who = who or (actor if filing.holder(actor) == actor else f"the {actor} ({filing.holder(actor)})")
    raise refused(f"{event.type} is for {who}, not for {event.by}.", "", "not_entitled")


def _agreed(state: State, event: CaseEvent, text: str) -> tuple[State, bool]:
    """With an offer by the other party on the same terms: agreed. Else the offer is kept."""
    terms = canonical.digest(event.body)
    same = [o for o in state.offers if o.type == event.type and o.terms == terms]
    if any(o.by == event.by for o in same):
        raise refused(f"{event.by} has offered this already.", "The other party must agree.", "offered")
    if same:
        return replace(state, offers=tuple(o for o in state.offers if o not in same)), True
    if sum(o.by == event.by for o in state.offers) >= OFFERS_MAX:
        raise refused(f"{event.by} has {OFFERS_MAX} offers open.", "Wait for the other party.", "too_many_offers")
    offer = Offer(event.type, event.by, event.submitted, terms, text)
    return replace(state, offers=(*state.offers, offer)), False


# --- At any time -----------------------------------------------------------------------------------------------------


def _settle(filing: Filing, state: State, event: CaseEvent) -> State:
    _require(filing, state, "both", event)
    state, agreed = _agreed(state, event, "a settlement")
    return _leave(filing, state, event, "settled") if agreed else state


def _withdraw(filing: Filing, state: State, event: CaseEvent) -> State:
    _require(filing, state, "complainant", event)
    return _leave(filing, state, event, "withdrawn")


def _leave(filing: Filing, state: State, event: CaseEvent, end: str) -> State:
    """To the end, or to where the stage sends such an event; a suspension ends with it."""
    state = _resumed(state, event.submitted)
    moves = filing.procedure.by_name[state.stage].moves
    to = next((m.to for m in moves if m.event == event.type), end)
    moment = filing.procedure.calendar.moment(event.submitted)
    state = replace(state, anchors=_anchored(state, event.type, moment))
    return enter(filing, state, to, moment, event.type)


def _resumed(state: State, at: int) -> State:
    if state.suspended is None:
        return state
    return replace(state, suspended=None, stops=(*state.stops, (state.suspended, at)))


def _suspend(filing: Filing, state: State, event: CaseEvent) -> State:
    _require(filing, state, "either", event)
    resume = event.body.get("resume", False)
    if resume is not True and resume is not False:
        raise refused("resume must be true or false.", "Write resume: true.", "body")
    if resume:
        if state.suspended is None:
            raise refused("the case is not suspended.", "", "not_suspended")
        return _resumed(state, event.submitted)
    if state.suspended is not None:
        raise refused(f"the case is suspended since {text_of(state.suspended)}.", "", "suspended")
    state, agreed = _agreed(state, event, "a suspension")
    return replace(state, suspended=event.submitted) if agreed else state


_Effect = Callable[[Filing, State, CaseEvent], State]
_ANY_TIME: dict[str, _Effect] = {
    "SettlementReached": _settle,
    "DisputeWithdrawn": _withdraw,
    "DisputeSuspended": _suspend,
}


# --- While the clock runs --------------------------------------------------------------------------------------------


def _text(event: CaseEvent, key: str, hint: str) -> str:
    value = event.body.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX:
        raise refused(f'{event.type} needs "{key}" in its body.', hint, "body")
    return value


def _period(event: CaseEvent) -> Period:
    try:
        return Period.parse(_text(event, "period", 'Write period: "10d".'))
    except InputError as error:
        raise refused(error.what, error.hint, "body") from None


def _appoint(filing: Filing, state: State, event: CaseEvent) -> State:
    needed, appointment = bench_rules(filing, state)
    if not needed:
        raise refused(f"no neutral is appointed in the stage {state.stage}.", "", "no_bench")
    name = _text(event, "neutral", "Name the person or body.")
    if len(state.seats) >= needed:
        raise refused(f"all {needed} neutrals are appointed.", "Challenge one first.", "bench_full")
    if name in filing.parties:
        raise refused(f"{name} is a party to the case.", "A neutral is neither of the parties.", "own_case")
    if name in state.seats or name in state.removed:
        what = "sits already" if name in state.seats else "was challenged or missing"
        raise refused(f"{name} {what}.", "Name another.", "same_neutral")
    if appointment is not None:
        state, agreed = _appointed_by(filing, state, event)
    else:
        _require(filing, state, "both", event)
        state, agreed = _agreed(state, event, f"neutral {name}")
    if not agreed:
        return state
    moment = filing.procedure.calendar.moment(event.submitted)
    seats = (*state.seats, name)
    filled = state.filled if len(seats) <= len(state.filled) else (*state.filled, moment)
    full = len(seats) >= needed
    state = replace(state, seats=seats, filled=filled, vacant=None if full else state.vacant)
    state = replace(state, anchors=_anchored(state, "NeutralAppointed", moment))
    complete = filing.procedure.by_name[state.stage].complete
    return enter(filing, state, complete, moment, event.type) if full and complete else state


def _appointed_by(filing: Filing, state: State, event: CaseEvent) -> tuple[State, bool]:
    _, appointment = bench_rules(filing, state)
    assert appointment is not None
    name = event.body["neutral"]
    if may(filing, state, appointment.by, event.by):
        _from_roster(filing, appointment.source, name)
        return _agreed(state, event, f"neutral {name}") if appointment.by == "both" else (state, True)
    if not appointment.fallback or not may(filing, state, appointment.fallback, event.by):
        _require(filing, state, appointment.fallback or appointment.by, event)
    alone = fallback_from(filing, state)
    if alone is not None and event.submitted <= alone.at:
        hint = f"The {appointment.fallback} may appoint after {text_of(alone.at)}."
        raise refused("the first way of appointing has time left.", hint, "too_early")
    _from_roster(filing, appointment.fallback_source, name)
    return state, True


def _from_roster(filing: Filing, source: str, name: str) -> None:
    if source == "roster" and filing.roster and name not in filing.roster:
        raise refused(f"{name} is not on the roster.", f"On it: {', '.join(filing.roster[:12])}.", "not_on_roster")


def _challenge(filing: Filing, state: State, event: CaseEvent) -> State:
    name = _text(event, "neutral", "Name the neutral.")
    if name not in state.seats:
        raise refused(f"{name} is not a neutral of the case.", "", "no_such_neutral")
    challenges = state.challenges
    if event.body.get("missing") is True:
        if not (may(filing, state, "chair", event.by) or may(filing, state, "neutral", event.by)):
            raise refused("that a neutral is missing is for the chair or a neutral to say.", "", "not_entitled")
    else:
        _require(filing, state, "either", event)
        _text(event, "reason", "Give the reason.")
        most = filing.procedure.challenges
        if challenges.count(event.by) >= most:
            raise refused(f"{event.by} has used its {most} challenges.", "", "challenges_used")
        challenges = (*challenges, event.by)
    return replace(
        state,
        seats=tuple(s for s in state.seats if s != name),
        removed=(*state.removed, name),
        challenges=challenges,
        vacant=filing.procedure.calendar.moment(event.submitted),
    )


def _extend(filing: Filing, state: State, event: CaseEvent) -> State:
    stage = filing.procedure.by_name[state.stage]
    rule, timer, due = stage.extension, timer_of(filing, state), due_of(filing, state)
    if rule is None:
        raise refused(f"the deadline of {state.stage} can't be extended.", "", "no_extension")
    _require(filing, state, rule.by, event)
    if timer is None or due is None:
        raise refused("no deadline runs yet.", "", "no_deadline")
    if rule.times is not None and len(state.extensions) >= rule.times:
        raise refused(f"it was extended {rule.times} time(s) already.", "", "extended")
    period = _period(event)
    extended = timed(filing, state, timer, (*state.extensions, period))
    first = timed(filing, state, timer, (rule.at_most,)) if rule.at_most else None
    whole = timed(filing, state, rule.in_all) if rule.in_all else None
    assert extended is not None
    for limit in (first, whole):
        if limit is not None and extended.at > limit.at:
            raise refused(f"that would be {extended.day}.", f"The latest day is {limit.day}.", "too_long")
    if rule.by == "both":
        state, agreed = _agreed(state, event, f"an extension by {period}")
        if not agreed:
            return state
    return replace(state, extensions=(*state.extensions, period))


def _move(filing: Filing, state: State, event: CaseEvent) -> State:
    move = _chosen(filing, state, event)
    _require(filing, state, move.by, event)
    if event.type == "DecisionIssued":
        needed = bench_rules(filing, state)[0]
        if move.by == "neutral" and len(state.seats) < needed:
            raise refused(f"{len(state.seats)} of {needed} neutrals sit.", "Fill the seats first.", "bench_incomplete")
    moment = filing.procedure.calendar.moment(event.submitted)
    _require_time(filing, state, move, event, moment)
    to = filing.procedure.by_name.get(move.to)
    period = _period(event) if to is not None and to.may_set and "period" in event.body else None
    if move.by == "both":
        state, agreed = _agreed(state, event, f"to go on to {move.to.replace('_', ' ')}")
        if not agreed:
            return state
    state = replace(state, anchors=_anchored(state, event.type, moment))
    return replace(enter(filing, state, move.to, moment, move.key), set_period=period)


def _require_time(filing: Filing, state: State, move: Move, event: CaseEvent, moment: Moment) -> None:
    start = state.anchor(move.not_before.anchor) if move.not_before else None
    if move.not_before and start is not None:
        earliest = filing.procedure.calendar.day_after(start, move.not_before.period, state.stops)
        if moment.day < earliest:
            raise refused(f"{event.type} counts from {earliest} on.", "Submit it then.", "too_early")
    ended = timed(filing, state, move.after) if move.after else None
    if ended is not None and event.submitted <= ended.at:
        raise refused(f"{event.type} counts after {text_of(ended.at)}.", "Submit it then.", "too_early")


def _anchored(state: State, name: str, moment: Moment) -> tuple[tuple[str, Moment], ...]:
    return tuple(sorted({**dict(state.anchors), name: moment}.items()))


def _chosen(filing: Filing, state: State, event: CaseEvent) -> Move:
    """The move of the present stage that the event means."""
    moves = filing.procedure.by_name[state.stage].moves
    mine = {m.outcome: m for m in moves if m.event == event.type}
    if not mine:
        possible = ", ".join(dict.fromkeys(m.event for m in moves)) or "none of its own"
        raise refused(
            f"{event.type} does nothing in the stage {state.stage}.", f"Events here: {possible}.", "no_such_move"
        )
    outcome = event.body.get("outcome", "")
    found = mine.get(outcome) if isinstance(outcome, str) else None
    if found is None and "" in mine and isinstance(outcome, str):
        found = mine[""]
    if found is None:
        close = nearest(str(outcome), mine)
        hint = f'Did you mean "{close[0]}"?' if close else f"Outcomes here: {', '.join(sorted(mine))}."
        raise refused(
            f'{event.type} with outcome "{str(outcome)[:40]}" does nothing in {state.stage}.', hint, "no_such_move"
        )
    return found


_WHILE_RUNNING: dict[str, _Effect] = {
    "NeutralAppointed": _appoint,
    "NeutralChallenged": _challenge,
    "DeadlineExtended": _extend,
}
