"""Duties, the list of late and early, and figures over many cases."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from concordat import canonical
from concordat.council.disputes import (
    SHIPPED,
    Case,
    CaseEvent,
    Procedure,
    advance,
    ahead,
    deadlines,
    kept,
    statistics,
    step,
)
from concordat.council.disputes.calendars import instant
from concordat.errors import InputError

FILED = instant("2026-03-02T02:00:00Z")
DAY = 24 * 3600


def case_of(name: str, case_id: str = "d-1", filed: int = FILED, **more: Any) -> Case:
    """A case of EGY against IRN."""
    procedure = Procedure.shipped(name)
    return Case.file(
        procedure, case_id, "EGY", "IRN", filed, agreement="clause 9" if procedure.agreement else "", **more
    )


def act(case: Case, kind: str, by: str, when: str, **body: Any) -> Case:
    """A step."""
    return step(case, CaseEvent(kind, by, instant(when), body))


def both(case: Case, kind: str, when: str, **body: Any) -> Case:
    """What both must say."""
    return act(act(case, kind, "EGY", when, **body), kind, "IRN", when, **body)


def told(case: Case, now: str) -> list[tuple[str, str | None, str]]:
    """Who, until when, what."""
    return [(d.party, d.day.isoformat() if d.day else None, d.what) for d in deadlines(case, instant(now))]


def test_each_party_has_its_next_duty() -> None:
    case = case_of("council-default", roles={"chair": "CHN"})
    assert told(case, "2026-03-03T00:00:00Z") == [("EGY", "2026-03-16", "settle"), ("IRN", "2026-03-16", "settle")]
    case = both(both(case, "StageAdvanced", "2026-03-03T02:00:00Z"), "StageAdvanced", "2026-03-04T02:00:00Z")
    # until Monday 16 March the parties appoint; then the chair may as well, and mediation ends 4 March + 60 = 3 May, a
    # Sunday, so on Monday the 4th
    assert told(case, "2026-03-05T00:00:00Z") == [
        ("EGY", "2026-03-16", "appoint a neutral"),
        ("IRN", "2026-03-16", "appoint a neutral"),
    ]
    later = deadlines(case, instant("2026-03-17T00:00:00Z"))
    assert [(d.party, d.role, d.overdue, d.then) for d in later] == [
        ("EGY", "complainant", True, "chair"),
        ("IRN", "respondent", True, "chair"),
        ("CHN", "chair", False, "panel"),
    ]
    assert later[2].day is not None
    assert later[2].day.isoformat() == "2026-05-04"


def test_an_offer_waits_for_its_answer() -> None:
    case = act(case_of("odr"), "ResponseFiled", "IRN", "2026-03-03T02:00:00Z")
    case = act(case, "DeadlineExtended", "EGY", "2026-03-04T02:00:00Z", period="5d")
    # 3 March + 10 = 13 March, a Friday
    assert told(case, "2026-03-05T00:00:00Z") == [
        ("EGY", "2026-03-13", "settle"),
        ("IRN", "2026-03-13", "answer the offer: an extension by 5d"),
    ]


def test_neutrals_and_council_have_duties_as_well() -> None:
    case = case_of("council-default")
    for day in ("03", "04", "05"):
        case = both(case, "StageAdvanced", f"2026-03-{day}T02:00:00Z")
    for number in (1, 2, 3):
        case = both(case, "NeutralAppointed", f"2026-03-1{number}T02:00:00Z", neutral=f"N{number}")
    # 13 March, four months on: 13 July 2026, a Monday
    assert told(case, "2026-03-14T00:00:00Z") == [(f"N{n}", "2026-07-13", "decide") for n in (1, 2, 3)]
    case = act(case, "DecisionIssued", "N1", "2026-06-01T02:00:00Z")
    # 1 June + 30 = 1 July, a Wednesday
    assert told(case, "2026-06-02T00:00:00Z") == [("council", "2026-07-01", "decide by negative consensus")]
    case = act(case, "DecisionAdopted", "council", "2026-06-10T02:00:00Z")
    # 10 June + 30 = 10 July, a Friday
    assert told(case, "2026-06-11T00:00:00Z") == [("IRN", "2026-07-10", "file: implementation plan")]
    case = act(case, "ResponseFiled", "IRN", "2026-07-01T02:00:00Z", outcome="implementation_plan")
    assert (case.stage, told(case, "2026-07-02T00:00:00Z")) == ("yearly_review", [])


def test_a_tribunal_is_told_of_its_consultation_until_the_day_has_passed() -> None:
    case = both(case_of("expedited"), "NeutralAppointed", "2026-03-11T10:00:00Z", neutral="N1")
    consult = ("N1", "2026-03-26", "consult the parties on the conduct of the case")
    assert consult in told(case, "2026-03-12T00:00:00Z")
    assert consult not in told(case, "2026-03-27T12:00:00Z")


def test_a_suspended_case_has_no_dates() -> None:
    case = both(case_of("odr"), "DisputeSuspended", "2026-03-04T02:00:00Z")
    assert told(case, "2026-03-05T00:00:00Z") == [
        ("EGY", None, "resume, or leave it suspended"),
        ("IRN", None, "resume, or leave it suspended"),
    ]
    assert ahead(case) == ()


def test_what_was_not_read_says_so_in_every_duty() -> None:
    for due in deadlines(case_of("dsu"), FILED):
        assert "unverified: check the current text" in due.notes


@pytest.mark.parametrize("name", SHIPPED)
def test_somebody_has_a_duty_in_every_stage(name: str) -> None:
    from dataclasses import replace

    from concordat.council.disputes._moves import enter

    case = case_of(name)
    for stage in case.procedure.stages:
        here = replace(case, cached=enter(case.filing, case.state, stage.name, case.state.entered, "test"))
        assert deadlines(here, FILED), stage.name


def test_now_must_be_an_instant() -> None:
    with pytest.raises(InputError):
        deadlines(case_of("odr"), 1.5)  # type: ignore[arg-type]


def test_what_follows_if_nobody_acts() -> None:
    # odr: 2 + 10 = 12 March; + 10 = 22 March, a Sunday, so Monday the 23rd; then a facilitator is missing
    found = [(a.stage, a.end.day.isoformat(), a.then, a.sure) for a in ahead(case_of("odr"))]
    assert found == [
        ("notice", "2026-03-12", "facilitator", True),
        ("facilitator", "2026-03-23", "facilitator_missing", False),
    ]


def test_the_list_of_late_and_early() -> None:
    case = act(case_of("odr"), "ResponseFiled", "IRN", "2026-03-05T02:00:00Z")  # due on the 12th: 7 days early
    case = advance(case, instant("2026-03-20T00:00:00Z"), DAY)  # 5 + 10 = 15 March, a Sunday: the 16th, missed
    assert [(k.stage, k.due.day.isoformat(), k.days, k.how, k.late) for k in kept(case)] == [
        ("notice", "2026-03-12", -7, "ResponseFiled", False),
        ("negotiation", "2026-03-16", None, "expiry", True),
    ]


def test_a_late_decision_is_counted_from_the_deadline_it_missed() -> None:
    case = case_of("council-default")
    for day in ("03", "04", "05"):
        case = both(case, "StageAdvanced", f"2026-03-{day}T02:00:00Z")
    for number in (1, 2, 3):
        case = both(case, "NeutralAppointed", f"2026-03-1{number}T02:00:00Z", neutral=f"N{number}")
    # due 13 July; decided 20 July, within the 15 days for giving reasons (28 July)
    case = act(case, "DecisionIssued", "N1", "2026-07-20T02:00:00Z")
    assert [(k.stage, k.days, k.late) for k in kept(case)][-2:] == [("panel", 7, True), ("reasons_due", -8, False)]


def test_on_the_last_second_of_the_last_day_is_in_time() -> None:
    case = act(case_of("odr"), "ResponseFiled", "IRN", "2026-03-13T00:00:00Z")  # 24:00 of the 12th, UTC
    assert [(k.days, k.late) for k in kept(case)] == [(0, False)]


def test_a_settlement_in_a_suspended_case_is_held_against_the_moved_deadline() -> None:
    case = both(case_of("odr"), "DisputeSuspended", "2026-03-04T02:00:00Z")
    case = both(case, "SettlementReached", "2026-03-20T02:00:00Z", text="ab")
    # 3 March was counted; from the 20th on nine more: the 28th, a Saturday, so Monday the 30th
    assert [(k.stage, k.due.day.isoformat(), k.days) for k in kept(case)] == [("notice", "2026-03-30", -10)]


def test_figures_over_many_cases() -> None:
    settled = both(case_of("odr", "d-1"), "SettlementReached", "2026-03-08T02:00:00Z", text="ab")  # 6 days
    withdrawn = act(case_of("odr", "d-2"), "DisputeWithdrawn", "EGY", "2026-03-05T02:00:00Z")  # 3 days
    late = case_of("icdpaso", "d-3")
    late = both(
        both(late, "StageAdvanced", "2026-03-03T02:00:00Z"),
        "StageAdvanced",
        "2026-03-04T02:00:00Z",
        outcome="arbitration",
    )
    late = both(late, "SettlementReached", "2026-04-01T02:00:00Z", text="ab")  # 30 days, in the final stage
    again = both(case_of("council-default", "d-4"), "SettlementReached", "2026-03-10T02:00:00Z", text="ab")  # 8 days
    running = case_of("odr", "d-5")
    figures = statistics([settled, withdrawn, late, again, running])
    assert (figures.cases, figures.ended, figures.settled, figures.settled_early) == (5, 4, 3, 2)
    assert (figures.share_settled_early, figures.days_median) == (Fraction(1, 2), Fraction(7))
    assert statistics([settled, withdrawn]).days_median == Fraction(9, 2)
    assert statistics(reversed([settled, withdrawn, late, again, running])) == figures
    assert canonical.dumps(figures.to_value())
    assert figures.to_value()["share_settled_early"] == "1/2"


def test_no_cases_have_no_median() -> None:
    figures = statistics([])
    assert (figures.cases, figures.share_settled_early, figures.days_median) == (0, None, None)
    assert figures.to_value()["days_median"] is None
