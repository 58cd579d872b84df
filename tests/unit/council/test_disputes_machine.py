"""Cases: what events do, what guards refuse, and when expiries count."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from concordat import canonical
from concordat.council.disputes import SHIPPED, Case, CaseEvent, Procedure, advance, receive, step
from concordat.council.disputes.calendars import instant
from concordat.errors import InputError, RuleError, TrustError

DAY = 24 * 3600
FILED = instant("2026-03-02T02:00:00Z")  # a Monday, 10:00 in Shanghai


def at(day: str, hour: int = 2) -> int:
    """An hour (UTC) of a day of 2026, `03-05`."""
    return instant(f"2026-{day}T{hour:02}:00:00Z")


def case_of(name: str = "council-default", **more: Any) -> Case:
    """A case of EGY against IRN."""
    procedure = Procedure.shipped(name)
    more.setdefault("agreement", "clause 9" if procedure.agreement else "")
    return Case.file(procedure, "d-2026-001", "EGY", "IRN", FILED, **more)


def act(case: Case, kind: str, by: str, when: int, **body: Any) -> Case:
    """A step."""
    return step(case, CaseEvent(kind, by, when, body))


def both(case: Case, kind: str, when: int, **body: Any) -> Case:
    """What both parties must say, an hour apart."""
    return act(act(case, kind, "EGY", when, **body), kind, "IRN", when + 3600, **body)


def in_panel(**more: Any) -> Case:
    """A case whose panel is complete since 20 April."""
    case = case_of(**more)
    for day in ("03-03", "03-04", "03-05"):
        case = both(case, "StageAdvanced", at(day))
    for number, day in enumerate(("04-16", "04-17", "04-20"), start=1):
        case = both(case, "NeutralAppointed", at(day), neutral=f"N{number}")
    return case


# --- Filing ---


@pytest.mark.parametrize("respondent", ["EGY", "egy", " EGY "])
def test_a_dispute_against_oneself_is_refused(respondent: str) -> None:
    with pytest.raises(RuleError, match="a dispute against oneself can't be filed"):
        Case.file(Procedure.shipped("odr"), "d-1", "EGY", respondent, FILED)


def test_a_procedure_by_agreement_needs_one() -> None:
    with pytest.raises(RuleError, match="only where the parties agreed"):
        case_of("expedited", agreement="")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"urgent": True}, "no periods for urgent cases"),
        ({"roles": {"director_general": "X"}}, '"director_general" is not a role'),
        ({"roles": {"chair": ""}}, "is not a role"),
        ({"roster": [1, "KEN"]}, "the roster or the agreement is not text"),
        ({"agreement": 9}, "the roster or the agreement is not text"),
        ({"urgent": "no"}, r"urgent must be true or false|no periods for urgent"),
    ],
)
def test_what_the_procedure_does_not_know_is_refused_at_filing(more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        case_of("odr", **more)


@pytest.mark.parametrize("words", [("", "EGY", "IRN"), ("d-1", " ", "IRN"), ("d-1", "EGY", ""), ("d-1", None, "IRN")])
def test_empty_names_are_refused(words: tuple[Any, Any, Any]) -> None:
    with pytest.raises(InputError, match="is empty"):
        Case.file(Procedure.shipped("odr"), *words, FILED)


@pytest.mark.parametrize("when", [1.5, float("nan"), True, "2026", None, -1, 10**15])
def test_filing_needs_an_instant(when: Any) -> None:
    with pytest.raises(InputError, match="not an instant"):
        Case.file(Procedure.shipped("odr"), "d-1", "EGY", "IRN", when)


@pytest.mark.parametrize(
    ("kind", "by", "when", "body", "message"),
    [
        ("NeutralAppointd", "EGY", 0, {}, 'Did you mean "NeutralAppointed"'),
        ("ClockTicked", "", 0, {}, "has no actor"),
        ("ClockTicked", "EGY", 0.5, {}, "not an instant"),
        ("ClockTicked", "EGY", 0, [], "not a mapping"),
        ("ClockTicked", "EGY", 0, {"x": float("nan")}, r"\$"),
        ("ClockTicked", "EGY", 0, {"x": 0.5}, r"\$"),
        ("ClockTicked", "e\u0301", 0, {}, r"\$"),
    ],
)
def test_an_event_that_cannot_be_stored_is_refused(kind: str, by: str, when: Any, body: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CaseEvent(kind, by, when, body)


def test_an_event_does_not_change_with_the_callers_body() -> None:
    body = {"neutral": "N1"}
    event = CaseEvent("NeutralAppointed", "EGY", FILED, body)
    body["neutral"] = "N2"
    assert CaseEvent.from_value(event.to_value()) == event


# --- Guards ---


def test_a_failing_guard_leaves_the_case_as_it_was() -> None:
    case = case_of()
    before = canonical.dumps(case.to_value())
    for event, reason in [
        (CaseEvent("DisputeFiled", "EGY", at("03-03")), "filed already"),
        (CaseEvent("DisputeWithdrawn", "IRN", at("03-03")), "for the complainant"),
        (CaseEvent("SettlementReached", "BRA", at("03-03")), "for the two parties, not for BRA"),
        (CaseEvent("DecisionIssued", "N1", at("03-03")), "does nothing in the stage prevention"),
        (CaseEvent("NeutralAppointed", "EGY", at("03-03"), {"neutral": "N1"}), "no neutral is appointed in the stage"),
        (CaseEvent("NeutralChallenged", "EGY", at("03-03"), {"neutral": "N1"}), "not a neutral of the case"),
        (CaseEvent("DeadlineExtended", "EGY", at("03-03"), {"period": "5d"}), "can't be extended"),
        (CaseEvent("DisputeSuspended", "EGY", at("03-03"), {"resume": True}), "is not suspended"),
        (CaseEvent("DisputeSuspended", "EGY", at("03-03"), {"resume": "yes"}), "true or false"),
        (CaseEvent("ClockTicked", "EGY", FILED - 1), "before the dispute was filed"),
    ]:
        with pytest.raises(RuleError, match=reason):
            step(case, event)
    assert canonical.dumps(case.to_value()) == before


def test_an_event_twice_is_refused_by_step_and_ignored_by_receive() -> None:
    case = act(case_of(), "SettlementReached", "EGY", at("03-03"), text="ab12")
    event = case.events[0]
    with pytest.raises(RuleError, match="recorded already"):
        step(case, event)
    assert receive(case, event) == case
    with pytest.raises(RuleError, match="has offered this already"):
        act(case, "SettlementReached", "EGY", at("03-04"), text="ab12")


def test_a_settlement_needs_both_on_the_same_terms() -> None:
    case = act(case_of(), "SettlementReached", "EGY", at("03-03"), text="ab12")
    case = act(case, "SettlementReached", "IRN", at("03-04"), text="cd34")
    assert case.stage == "prevention"
    assert [o.by for o in case.state.offers] == ["EGY", "IRN"]
    case = act(case, "SettlementReached", "EGY", at("03-05"), text="cd34")
    assert (case.stage, case.ended, case.due) == ("settled", True, None)
    with pytest.raises(RuleError, match="the case ended on 2026-03-05: the parties settled"):
        act(case, "DisputeWithdrawn", "EGY", at("03-06"))


def test_offers_lapse_when_the_stage_changes() -> None:
    case = act(case_of(), "SettlementReached", "EGY", at("03-03"), text="ab12")
    case = both(case, "StageAdvanced", at("03-04"))
    assert case.stage == "consultation"
    assert act(case, "SettlementReached", "IRN", at("03-05"), text="ab12").stage == "consultation"


def test_an_unknown_outcome_suggests_the_nearest() -> None:
    case = act(case_of("odr"), "ResponseFiled", "IRN", at("03-03"))
    with pytest.raises(RuleError, match='Did you mean "facilitation"'):
        act(case, "StageAdvanced", "EGY", at("03-04"), outcome="facilitaton")
    with pytest.raises(RuleError, match="does nothing in negotiation"):
        act(case, "StageAdvanced", "EGY", at("03-04"), outcome=7)


# --- Neutrals ---


def mediating(**more: Any) -> Case:
    """In mediation since 4 March, 03:00 UTC."""
    case = case_of(**more)
    return both(both(case, "StageAdvanced", at("03-03")), "StageAdvanced", at("03-04"))


def test_the_chair_appoints_from_the_roster_once_the_parties_time_is_over() -> None:
    # 4 March + 10 days = 14 March, a Saturday; so until Monday the 16th, 24:00 in Shanghai: 16:00 UTC
    case = mediating(roster=("KEN", "BRA"), roles={"chair": "CHN"})
    with pytest.raises(RuleError, match=r"time left\. The chair may appoint after 2026-03-16T16:00:00Z"):
        act(case, "NeutralAppointed", "CHN", at("03-16", 16), neutral="KEN")
    late = instant("2026-03-16T16:00:01Z")
    with pytest.raises(RuleError, match=r"VNM is not on the roster\. On it: BRA, KEN"):
        act(case, "NeutralAppointed", "CHN", late, neutral="VNM")
    with pytest.raises(RuleError, match=r"for the chair \(CHN\), not for ZAF"):
        act(case, "NeutralAppointed", "ZAF", late, neutral="KEN")
    assert act(case, "NeutralAppointed", "CHN", late, neutral="KEN").state.seats == ("KEN",)
    assert both(case, "NeutralAppointed", late, neutral="VNM").state.seats == ("VNM",)  # the parties still may, anyone


def test_a_chair_that_is_a_party_appoints_nobody() -> None:
    case = mediating(roles={"chair": "IRN"})
    with pytest.raises(RuleError, match="IRN is a party to the case"):
        both(case, "NeutralAppointed", at("03-20"), neutral="IRN")
    after = act(case, "NeutralAppointed", "IRN", at("03-20"), neutral="KEN")
    assert after.state.seats == ()  # as a party it has made an offer


def test_a_chair_that_is_a_party_moves_nothing_and_the_next_in_the_rota_does() -> None:
    for chair, moved in (("IRN", False), ("CHN", True)):
        case = advance(case_of("dsu", roles={"chair": chair}), at("03-20"), DAY)
        case = act(case, "StageAdvanced", "EGY", at("03-21"), outcome="panel")
        event = CaseEvent("StageAdvanced", chair, at("03-22"), {"outcome": "second_meeting"})
        if moved:
            assert step(case, event).stage == "second_meeting"
        else:
            with pytest.raises(RuleError, match="IRN is a party to the case and can't act as chair"):
                step(case, event)


def test_a_party_is_no_neutral() -> None:
    with pytest.raises(RuleError, match="EGY is a party"):
        act(mediating(), "NeutralAppointed", "IRN", at("03-05"), neutral="EGY")


def test_a_decision_needs_a_full_bench_and_one_of_its_neutrals() -> None:
    case = case_of()
    for day in ("03-03", "03-04", "03-05"):
        case = both(case, "StageAdvanced", at(day))
    case = both(case, "NeutralAppointed", at("03-06"), neutral="N1")
    with pytest.raises(RuleError, match="1 of 3 neutrals sit"):
        act(case, "DecisionIssued", "N1", at("03-07"))
    full = in_panel()
    with pytest.raises(RuleError, match="for a neutral of the case, not for N9"):
        act(full, "DecisionIssued", "N9", at("05-01"))
    with pytest.raises(RuleError, match="party to the case"):
        act(full, "DecisionIssued", "EGY", at("05-01"))
    assert act(full, "DecisionIssued", "N2", at("05-01")).stage == "adoption"


def test_the_panels_clock_starts_with_the_third_neutral_and_is_not_moved_by_a_replacement() -> None:
    case = in_panel()
    # 20 April, four months on: 20 August 2026, a Thursday
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-08-20"
    case = act(case, "NeutralChallenged", "IRN", at("05-04"), neutral="N2", reason="wrote on the matter")
    assert case.state.seats == ("N1", "N3")
    with pytest.raises(RuleError, match="N2 was challenged or missing"):
        both(case, "NeutralAppointed", at("05-05"), neutral="N2")
    case = both(case, "NeutralAppointed", at("05-05"), neutral="N4")
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-08-20"
    with pytest.raises(RuleError, match="all 3 neutrals are appointed"):
        both(case, "NeutralAppointed", at("05-06"), neutral="N5")


def test_a_seat_that_is_filled_again_is_not_the_next_seat() -> None:
    case = case_of()
    for day in ("03-03", "03-04", "03-05"):
        case = both(case, "StageAdvanced", at(day))
    case = both(case, "NeutralAppointed", at("03-06"), neutral="N1")
    case = act(case, "NeutralChallenged", "IRN", at("03-07"), neutral="N1", reason="ties")
    for number, day in enumerate(("03-08", "03-09"), start=2):
        case = both(case, "NeutralAppointed", at(day), neutral=f"N{number}")
    assert case.due is None  # two of three
    case = both(case, "NeutralAppointed", at("03-10"), neutral="N4")
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-07-10"  # a Friday


def test_a_neutral_can_be_replaced_when_its_time_is_over() -> None:
    # 20 August 24:00 in Shanghai is 16:00 UTC; 15 days on: 4 September, a Friday
    case = advance(in_panel(), at("09-08"), DAY)
    assert case.stage == "panel_overdue"
    case = act(case, "NeutralChallenged", "N1", at("09-09"), neutral="N3", missing=True)
    case = both(case, "NeutralAppointed", at("09-10"), neutral="N4")
    assert act(case, "DecisionIssued", "N4", at("09-11")).stage == "adoption"


def test_who_was_challenged_as_mediator_does_not_sit_on_the_panel() -> None:
    case = both(mediating(), "NeutralAppointed", at("03-05"), neutral="N1")
    case = act(case, "NeutralChallenged", "EGY", at("03-06"), neutral="N1", reason="ties")
    case = both(case, "StageAdvanced", at("03-07"))
    with pytest.raises(RuleError, match="N1 was challenged or missing"):
        act(case, "NeutralAppointed", "EGY", at("03-08"), neutral="N1")


def test_challenges_are_counted_and_have_a_reason() -> None:
    case = in_panel()
    with pytest.raises(RuleError, match='needs "reason"'):
        act(case, "NeutralChallenged", "IRN", at("05-01"), neutral="N1")
    with pytest.raises(RuleError, match="for the chair or a neutral to say"):
        act(case, "NeutralChallenged", "IRN", at("05-01"), neutral="N1", missing=True)
    case = act(case, "NeutralChallenged", "IRN", at("05-01"), neutral="N1", reason="x")
    case = act(case, "NeutralChallenged", "IRN", at("05-02"), neutral="N2", reason="x")
    with pytest.raises(RuleError, match="used its 2 challenges"):
        act(case, "NeutralChallenged", "IRN", at("05-03"), neutral="N3", reason="x")
    assert act(case, "NeutralChallenged", "EGY", at("05-03"), neutral="N3", reason="x").state.seats == ()


# --- Extension, suspension ---


def test_extensions_keep_within_their_limit() -> None:
    case = both(case_of(), "StageAdvanced", at("03-03"))
    # consultation: 3 March + 30 = 2 April, a Thursday; thirty more at most: 2 May is a Saturday, so Monday the 4th
    case = both(case, "DeadlineExtended", at("03-05"), period="20d")
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-04-22"
    with pytest.raises(RuleError, match=r"that would be 2026-05-05\. The latest day is 2026-05-04"):
        act(case, "DeadlineExtended", "EGY", at("03-06"), period="13d")
    case = both(case, "DeadlineExtended", at("03-07"), period="12d")
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-05-04"
    for body in ({}, {"period": "soon"}, {"period": 5}, {"period": "0d"}):
        with pytest.raises(RuleError):
            act(case, "DeadlineExtended", "EGY", at("03-08"), **body)


def test_an_extension_ends_with_its_stage() -> None:
    case = both(case_of(), "StageAdvanced", at("03-03"))
    case = both(case, "DeadlineExtended", at("03-04"), period="20d")
    case = both(case, "StageAdvanced", at("03-05"))
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-05-04"  # 5 March + 60 = 4 May, a Monday


def test_negotiation_is_extended_once() -> None:
    case = act(case_of("odr"), "ResponseFiled", "IRN", at("03-03"))
    case = both(case, "DeadlineExtended", at("03-04"), period="5d")
    with pytest.raises(RuleError, match=r"extended 1 time\(s\) already"):
        act(case, "DeadlineExtended", "EGY", at("03-05"), period="5d")


def test_while_suspended_nothing_expires_and_only_its_end_or_the_cases_end_counts() -> None:
    case = both(case_of(), "DisputeSuspended", at("03-05"))
    assert (case.suspended, case.due) == (True, None)
    case = advance(case, at("12-31"), DAY)
    assert case.stage == "prevention"
    with pytest.raises(RuleError, match="suspended since 2026-03-05T03:00:00Z"):
        act(case, "StageAdvanced", "EGY", at("12-31"))
    with pytest.raises(RuleError, match="suspended since"):
        act(case, "DisputeSuspended", "EGY", at("12-31"))
    assert act(case, "DisputeWithdrawn", "EGY", at("12-31")).stage == "withdrawn"
    assert both(case, "SettlementReached", at("12-31"), text="ab").stage == "settled"
    back = act(case, "DisputeSuspended", "IRN", at("12-31"), resume=True)
    # 3 and 4 March were counted; 12 more from 31 December on: 11 January 2027, a Monday
    assert back.due is not None
    assert back.due.day.isoformat() == "2027-01-11"


# --- Time ---


def test_an_expiry_counts_once_ledger_time_is_past_deadline_and_merge_delay() -> None:
    case = case_of()  # 2 March + 14 = 16 March, a Monday, 24:00 in Shanghai
    deadline = instant("2026-03-16T16:00:00Z")
    assert case.due is not None
    assert case.due.at == deadline
    assert advance(case, deadline + DAY, DAY).stage == "prevention"
    assert advance(case, deadline + DAY + 1, DAY).stage == "consultation"
    assert advance(case, deadline + 1, 0).stage == "consultation"


def test_an_act_in_time_counts_although_later_ones_came_first() -> None:
    deadline = instant("2026-03-16T16:00:00Z")
    early = [
        CaseEvent("SettlementReached", by, deadline - 10 + n, {"text": "ab"}) for n, by in enumerate(("EGY", "IRN"))
    ]
    late = CaseEvent("StageAdvanced", "EGY", deadline + 5)
    case = receive(case_of(), late)
    assert (case.stage, case.provisional) == ("consultation", True)  # as far as is known
    case = advance(case, deadline - 10 + DAY, DAY)  # the last moment at which the first of them may arrive
    case = receive(receive(case, early[1]), early[0])
    assert case.stage == "settled"
    assert [(e.type, reason) for e, reason in case.no_effect] == [
        ("StageAdvanced", "the case ended on 2026-03-16: the parties settled. File another case."),
    ]
    assert advance(case, deadline + 3 * DAY, DAY).stage == "settled"


def test_what_arrives_after_its_merge_delay_is_kept_without_effect() -> None:
    case = advance(case_of(), at("03-20"), DAY)
    assert case.stage == "consultation"
    event = CaseEvent("SettlementReached", "EGY", at("03-10"))
    with pytest.raises(RuleError, match="arrived after its merge delay"):
        step(case, event)
    kept = receive(case, event)
    assert (kept.state, kept.events) == (case.state, ())
    assert [e.digest for e, _ in kept.no_effect] == [event.digest]
    assert receive(kept, event) == kept
    assert Case.from_value(kept.to_value()) == kept


def test_every_order_of_arrival_gives_the_same_case() -> None:
    events = [
        CaseEvent("StageAdvanced", "EGY", at("03-03")),
        CaseEvent("StageAdvanced", "IRN", at("03-03", 3)),
        CaseEvent("DeadlineExtended", "IRN", at("03-03", 4), {"period": "9d"}),
        CaseEvent("DeadlineExtended", "EGY", at("03-03", 4), {"period": "9d"}),
        CaseEvent("DisputeWithdrawn", "IRN", at("03-03", 5)),
        CaseEvent("StageAdvanced", "EGY", at("03-03", 6)),
    ]
    values = set()
    for order in itertools.permutations(events):
        case = case_of()
        for event in order:
            case = receive(case, event)
        values.add(canonical.digest(advance(case, at("03-05"), DAY).to_value()))
    assert len(values) == 1


def test_a_tick_of_the_clock_moves_nothing_by_itself() -> None:
    case = act(case_of(), "ClockTicked", "BRA", at("03-10"))
    assert case.state == case_of().state


def test_a_deadline_that_was_over_when_its_stage_began_passes_at_that_moment() -> None:
    text = """\
schema: concordat/procedure@1
procedure: small
calendar: {zone: UTC}
stages:
  first: {events: {StageAdvanced: second}}
  second: {deadline: 5d from DisputeFiled, on_expiry: third}
  third: {deadline: 5d, on_expiry: closed}
"""
    case = Case.file(Procedure.load(text), "d-1", "EGY", "IRN", FILED)
    case = advance(both(case, "StageAdvanced", at("03-20")), at("03-22"), DAY)
    assert [(v.stage, v.entered.day.isoformat()) for v in case.state.visits] == [
        ("first", "2026-03-02"),
        ("second", "2026-03-20"),
        ("third", "2026-03-20"),
    ]
    assert case.due is not None
    assert case.due.day.isoformat() == "2026-03-25"  # five days from the 20th, not from the 9th


def test_one_party_cannot_fill_a_case_with_offers() -> None:
    case = case_of()
    for number in range(50):
        case = act(case, "SettlementReached", "EGY", at("03-03") + number, text=str(number))
    with pytest.raises(RuleError, match="EGY has 50 offers open"):
        act(case, "SettlementReached", "EGY", at("03-04"), text="50")
    assert act(case, "SettlementReached", "IRN", at("03-04"), text="7").stage == "settled"


def test_several_deadlines_pass_in_turn() -> None:
    case = advance(case_of(), at("12-31"), DAY)
    # 16 March; 16 March + 30 = 15 April; 15 April + 60 = 14 June, a Sunday, so the 15th; then a panel is awaited
    assert [(v.stage, v.left and v.left.day.isoformat()) for v in case.state.visits] == [
        ("prevention", "2026-03-16"),
        ("consultation", "2026-04-15"),
        ("mediation", "2026-06-15"),
        ("panel", None),
    ]
    assert case.due is None


def test_ledger_time_never_goes_back() -> None:
    case = advance(case_of(), at("03-10"), DAY)
    with pytest.raises(InputError, match="ledger time goes back"):
        advance(case, at("03-09"), DAY)
    with pytest.raises(InputError, match="merge delay"):
        advance(case, at("03-11"), -1)
    with pytest.raises(InputError, match="not an instant"):
        advance(case, 1.5)  # type: ignore[arg-type]
    assert advance(case, at("03-10"), 10 * DAY).horizon == case.horizon


# --- Storing ---


@pytest.mark.parametrize("name", SHIPPED)
def test_a_case_reads_back_from_its_value(name: str) -> None:
    case = advance(both(case_of(name), "DisputeSuspended", at("03-03"), why="talks — переговоры"), at("03-10"))
    value = canonical.loads(canonical.dumps(case.to_value()))
    assert Case.from_value(value) == case
    assert Case.from_value(value).to_value() == case.to_value()


def test_a_changed_case_is_found() -> None:
    value = in_panel().to_value()
    for path, other in [(("state", "stage"), "adoption"), (("complainant",), "BRA"), (("filed",), FILED - 1)]:
        changed = canonical.loads(canonical.dumps(value))
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = other
        with pytest.raises(TrustError, match="the state is not what the events give"):
            Case.from_value(changed)
    with pytest.raises(TrustError, match="the case follows council-default 00000000, not council-default"):
        Case.from_value({**value, "procedure_hash": "0" * 64})
    own = Procedure.shipped("council-default").adapted(calendar={"holidays": []})
    with pytest.raises(TrustError, match="Give the procedure whose hash the case carries"):
        Case.from_value(value, own)
    with pytest.raises(InputError, match="not a procedure I ship"):
        Case.from_value({**value, "procedure": "ours"})
    with pytest.raises(TrustError):
        Case.from_value({**value, "events": value["events"][:-1]})
    with pytest.raises(InputError, match="stands twice"):
        Case.from_value({**value, "events": [*value["events"], value["events"][0]]})
    for other in ({"case_id": "d-1"}, {**value, "roles": "chair"}, {**value, "zzz": 1}, {**value, "events": 7}):
        with pytest.raises(InputError, match="this is not a case"):
            Case.from_value(other)


def test_a_case_has_an_end_to_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.council.disputes import machine

    monkeypatch.setattr(machine, "EVENTS_MAX", 3)
    case = case_of()
    for second in range(3):
        case = receive(case, CaseEvent("ClockTicked", "BRA", FILED + second))
    with pytest.raises(RuleError, match="has 3 events"):
        receive(case, CaseEvent("ClockTicked", "BRA", FILED + 9))
