"""No procedure that loads stops the passing of time: whatever its periods, zone and days off, nothing is raised."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat import canonical
from concordat.council._zones import zone_names
from concordat.council.disputes import Case, CaseEvent, Procedure, advance, calendar_ics, deadlines, receive
from concordat.council.disputes._procedure_model import ANCHORS, ENDS
from concordat.council.disputes._week import WEEKDAYS, Week
from concordat.council.disputes.calendars import COUNT_MAX, INSTANT_MAX
from concordat.council.disputes.duties import ahead, kept
from concordat.errors import InputError, RuleError

DAY = 86_400
NAMES = tuple(f"s{n}" for n in range(4))
TARGETS = st.sampled_from((*NAMES, *NAMES, *ENDS))
PERIODS = st.one_of(
    st.sampled_from(("1d", "3660d", "2610wd", "120mo", "8784h", "1h", "1wd", "1mo")),
    *(st.builds("{}{}".format, st.integers(1, most), st.just(unit)) for unit, most in COUNT_MAX.items()),
)
TIMERS = st.one_of(PERIODS, st.builds("{} from {}".format, PERIODS, st.sampled_from((*NAMES, *ANCHORS))))
ACTORS = st.sampled_from(("both", "either", "complainant", "respondent", "any", "chair"))
MOVES = st.fixed_dictionaries({"to": TARGETS}, optional={"by": ACTORS, "not_before": TIMERS, "after": TIMERS})
STAGES = st.fixed_dictionaries(
    {},
    optional={
        "deadline": TIMERS,
        "on_expiry": TARGETS,
        "urgent": TIMERS,
        "may_set": st.booleans(),
        "neutrals": st.integers(1, 3),
        "complete": TARGETS,
        "extension": st.fixed_dictionaries(
            {"by": ACTORS, "at_most": PERIODS}, optional={"in_all": TIMERS, "times": st.integers(1, 100)}
        ),
        "also": st.lists(st.fixed_dictionaries({"what": st.just("x"), "by": ACTORS, "deadline": TIMERS}), max_size=2),
        "events": st.dictionaries(st.sampled_from(("StageAdvanced", "ResponseFiled", "ResponseFiled/x")), MOVES),
    },
)


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, Any]:
    """Days off in runs and in a comb, at any time, and short weeks."""
    holidays: set[str] = set()
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.dates(date(1969, 12, 1), date(2300, 1, 1)))
        count, step = draw(st.integers(1, 400)), draw(st.integers(1, 8))
        holidays |= {(first + timedelta(step * n)).isoformat() for n in range(count)}
    return {
        "zone": draw(st.sampled_from(zone_names())),
        "weekend": draw(st.lists(st.sampled_from(WEEKDAYS), unique=True, max_size=6)),
        "holidays": sorted(holidays),
        "if_not_working_day": draw(st.sampled_from(("next", "same"))),
    }


@st.composite
def procedures(draw: st.DrawFn) -> Procedure | None:
    """A procedure that loads, or None where the loader refuses it."""
    stages = {name: draw(STAGES) for name in NAMES[: draw(st.integers(3, 4))]}
    for number, keys in enumerate(stages.values()):  # most of what is drawn should load
        if "deadline" in keys:
            keys.setdefault("on_expiry", draw(st.sampled_from((*list(stages)[number + 1 :], "closed"))))
        else:
            for word in ("on_expiry", "urgent", "extension", "may_set"):
                keys.pop(word, None)
        if "neutrals" not in keys:
            keys.pop("complete", None)
        if number + 1 < len(stages):
            keys.setdefault("events", {})["StageAdvanced"] = {"to": NAMES[number + 1], "by": "any"}
    document = {
        "schema": "concordat/procedure@1",
        "procedure": "drawn",
        "calendar": draw(calendars()),
        "stages": stages,
    }
    try:
        return Procedure.from_value(document)
    except InputError:
        return None


EVENTS = st.tuples(
    st.sampled_from(("ResponseFiled", "StageAdvanced", "NeutralAppointed", "DeadlineExtended", "DisputeSuspended")),
    st.sampled_from(("EGY", "IRN", "chair")),
    st.fixed_dictionaries({}, optional={"period": PERIODS, "resume": st.booleans(), "neutral": st.just("N1")}),
    st.integers(-DAY, 4_000 * DAY),
)


@settings(max_examples=300, deadline=None)
@given(procedures(), st.integers(0, INSTANT_MAX), st.lists(EVENTS, max_size=12), st.booleans())
def test_time_passes_in_every_procedure_that_loads(
    procedure: Procedure | None, filed: int, events: list[tuple[str, str, dict[str, Any], int]], urgent: bool
) -> None:
    if procedure is None:
        return
    try:
        case = Case.file(procedure, "d-1", "EGY", "IRN", filed, urgent=urgent)
    except InputError:
        return  # urgent, without urgent periods
    now = filed
    for kind, by, body, later in events:
        now = max(filed, min(INSTANT_MAX, now + later))
        case = receive(case, CaseEvent(kind, by, now, body))
        case = advance(case, max(case.ledger_time, now))
        assert case.due is None or case.due.at >= 0
    for at in (now + 7 * DAY, now + 400 * DAY, INSTANT_MAX):
        case = advance(case, min(INSTANT_MAX, max(at, case.ledger_time)))
        deadlines(case, now)
    canonical.dumps(case.to_value())
    ahead(case)
    kept(case)
    calendar_ics(case)


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.sampled_from(WEEKDAYS), max_size=6),
    st.sets(st.dates(date(2026, 1, 1), date(2026, 6, 30)), max_size=60),
    st.sets(st.dates(date(2026, 1, 1), date(2026, 6, 30)), max_size=60),
    st.dates(date(2025, 12, 1), date(2026, 7, 31)),
    st.integers(1, 200),
)
def test_working_days_are_those_that_a_person_counts(
    weekend: set[str], holidays: set[date], working: set[date], first: date, count: int
) -> None:
    def works(day: date) -> bool:
        return day in working or (day not in holidays and WEEKDAYS[day.weekday()] not in weekend)

    week, day, left, passed = Week.of(weekend, holidays, working), first, count, 0
    while True:
        assert week.works(day.toordinal()) == works(day)
        assert week.between(first, day) == passed
        passed += works(day)
        left -= works(day)
        if not left:
            break
        day += timedelta(1)
    assert week.nth(first, count) == day


def test_the_longest_chain_of_stages_is_followed_to_its_end() -> None:
    """200 stages of 2,610 working days each, one a week: 10,000 years if nobody acts."""
    names = [f"s{n:03}" for n in range(200)]
    stages = {
        n: {"deadline": "2610wd", "on_expiry": then} for n, then in zip(names, [*names[1:], "closed"], strict=True)
    }
    calendar = {"zone": "Pacific/Kiritimati", "weekend": list(WEEKDAYS[1:])}
    document = {"schema": "concordat/procedure@1", "procedure": "long", "calendar": calendar, "stages": stages}
    case = Case.file(Procedure.from_value(document), "d-1", "EGY", "IRN", 0)
    case = advance(case, INSTANT_MAX)
    assert case.stage == "s005"  # 50 years and a fraction each: 1970, 2020, 2070, 2120, 2170, 2220
    assert len(ahead(case)) < 10
    assert calendar_ics(case)


def test_an_event_beyond_what_a_case_takes_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.council.disputes import machine

    monkeypatch.setattr(machine, "EVENTS_MAX", 1)
    case = Case.file(Procedure.shipped("odr"), "d-1", "EGY", "IRN", 0)
    case = receive(case, CaseEvent("ClockTicked", "EGY", 1, {}))
    with pytest.raises(RuleError, match="has 1 events"):
        receive(case, CaseEvent("ClockTicked", "EGY", 2, {}))
