"""Disputes on the record: stages and deadlines in ledger time, neutrals, the council's vote, settlement by both."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council.disputes.calendars import instant
from council_kit import AMEND, DAY, HOUR, MAJORITY, T0, Bloc

SIX = ("BRA", "CHN", "EGY", "IND", "IRN", "ZAF")  # EGY files against IRN; BRA presides
KEY = "d-2026-001"
TERMS, OTHER = "a" * 64, "b" * 64
NEGATIVE = """rule: negative_consensus
version: 1
method: vote
adopt: {none_of: [{share: members, choice: no, of: present, at_least: 1}]}
challenge_hours: 48
"""
OWN = """schema: concordat/procedure@1
procedure: own
calendar: {zone: UTC}
stages:
  one: {deadline: 3d, on_expiry: two}
  two: {events: {StageAdvanced: settled}}
"""
JUDGES = (("IND", "judge"), ("ZAF", "judge"), ("CHN", "judge"))


@pytest.fixture
def bloc() -> Bloc:
    return Bloc(SIX).found(AMEND, MAJORITY, NEGATIVE)


def file(bloc: Bloc, procedure: str = "council-default", author: str = "EGY", **body: Any) -> None:
    said = {"procedure": procedure, "respondent": "IRN", "subject": "a cable"}
    bloc.say(author, "DisputeFiled", **{**said, **body})


def case(bloc: Bloc) -> Any:
    return bloc.council.get("dispute", KEY).case


def act(bloc: Bloc, author: str, kind: str, *, delegate: str = "node", at: int | None = None, **body: Any) -> None:
    """One act, and a second passes: acts of one second stand in the order of their hashes."""
    key = "subject" if kind == "StageAdvanced" else "dispute"
    bloc.say(author, kind, delegate=delegate, at=at, **{key: KEY, **body})
    bloc.now += 1


def both(bloc: Bloc, kind: str, **body: Any) -> None:
    act(bloc, "EGY", kind, **body)
    act(bloc, "IRN", kind, **body)


def panel(bloc: Bloc) -> None:
    """Three neutrals sit; each is a member's delegate."""
    file(bloc)
    for to in ("consultation", "mediation", "panel"):
        both(bloc, "StageAdvanced", to=to)
    for member, person in JUDGES:
        bloc.say(member, "FullPowersIssued", person=person, scope=["DecisionIssued", "NeutralChallenged"])
        both(bloc, "NeutralAppointed", neutral=f"{member}.{person}")


def adoption(bloc: Bloc) -> None:
    """The panel has decided."""
    panel(bloc)
    act(bloc, "IND", "DecisionIssued", delegate="judge", text="The cable is shared.")
    assert case(bloc).stage == "adoption", bloc.refusal()


def vote_on(bloc: Bloc, choice: dict[str, str]) -> str:
    vote = bloc.open_vote(f"adopt {KEY}", "negative_consensus")
    bloc.cast(vote, choice)
    bloc.finish(vote)
    return vote


# --- Filing -------------------------------------------------------------------------------------------------------


def test_a_dispute_is_filed_under_a_shipped_procedure(bloc: Bloc) -> None:
    file(bloc, roster=["PCA"])
    found = bloc.council.get("dispute", KEY)
    assert (found.case.stage, found.case.filing.parties, found.case.filing.at) == ("prevention", ("EGY", "IRN"), T0)
    assert (found.subject, found.case.filing.holder("chair"), len(found.entries)) == ("a cable", "chair", 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"respondent": "EGY"}, "a dispute against oneself can't be filed. Name another member as respondent."),
        ({"respondent": "FRA"}, "FRA is no member of the council."),
        ({"respondent": "irn"}, "$.body.respondent"),
        ({"procedure": "council-defualt"}, 'Did you mean "council-default"?'),
        ({"procedure": "expedited"}, "expedited applies only where the parties agreed on it."),
        ({"procedure": "odr", "urgent": True}, "odr has no periods for urgent cases."),
        ({"subject": ""}, "$.body.subject"),
        ({"claim": "x"}, "$.body.claim"),
        ({"roster": [""]}, "$.body.roster[0]"),
        ({"procedure": "own", "text": "schema: concordat/procedure@1\nprocedure: own\nstages: {}\n"}, "own"),
        ({"procedure": "own", "text": OWN.replace("UTC", "Asia/Shangai")}, 'Did you mean "Asia/Shanghai"?'),
    ],
)
def test_what_is_not_filed(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    file(bloc, **body)
    assert words in bloc.refusal()
    assert bloc.council.all("dispute") == []
    file(bloc)
    assert [d.id for d in bloc.council.all("dispute")] == [KEY]  # what was refused took no id


def test_the_members_own_procedure(bloc: Bloc) -> None:
    file(bloc, "own", text=OWN)
    bloc.pass_time(4 * DAY + DAY)  # three days behind 1 January, 24:00 of Sunday the 4th goes on to Monday's end
    assert case(bloc).stage == "one"
    bloc.pass_time(DAY + 1)
    assert case(bloc).stage == "two"


def test_an_expedited_case_by_agreement(bloc: Bloc) -> None:
    file(bloc, "expedited", agreement="treaty, article 9")
    both(bloc, "NeutralAppointed", neutral="PCA")
    assert (case(bloc).stage, case(bloc).state.seats) == ("defence", ("PCA",))


# --- Deadlines in ledger time ----------------------------------------------------------------------------------------

WAY = (  # filed 1 January 2026 (a Thursday); by hand: 14 days, then 30 (a Saturday, so Monday), then 60
    ("prevention", "consultation", "2026-01-15T16:00:00Z"),  # 24:00 in Shanghai
    ("consultation", "mediation", "2026-02-16T16:00:00Z"),
    ("mediation", "panel", "2026-04-17T16:00:00Z"),
)


def test_stages_expire_once_ledger_time_is_past_deadline_and_merge_delay(bloc: Bloc) -> None:
    file(bloc)
    for stage, then, end in WAY:
        assert case(bloc).due.at == instant(end)
        bloc.pass_time(instant(end) + DAY - bloc.now)
        assert case(bloc).stage == stage
        bloc.pass_time(1)
        assert case(bloc).stage == then
    assert case(bloc).due is None  # a panel waits for its neutrals
    bloc.pass_time(1_000 * DAY)
    assert case(bloc).stage == "panel"


def test_any_batch_moves_a_quiet_case_through_all_that_has_passed(bloc: Bloc) -> None:
    file(bloc)
    bloc.now = instant("2026-05-01T00:00:00Z")
    bloc.say("ZAF", "ClockTicked")
    assert case(bloc).stage == "panel"
    assert [(v.stage, v.how) for v in case(bloc).state.visits] == [
        ("prevention", "expiry"), ("consultation", "expiry"), ("mediation", "expiry"), ("panel", ""),
    ]  # fmt: skip


def test_what_is_submitted_in_time_counts_until_the_merge_delay_is_over() -> None:
    end = instant("2026-01-13T00:00:00Z")  # 10 days behind 1 January are Sunday the 11th; Monday's end in UTC
    for late, stage in ((DAY, "negotiation"), (DAY + 1, "facilitator")):
        bloc = Bloc(SIX).found(AMEND, MAJORITY)
        file(bloc, "odr")
        assert case(bloc).due.at == end
        bloc.now = end + late
        act(bloc, "IRN", "ResponseFiled", at=end)
        assert case(bloc).stage == stage
        assert ("it arrived after its merge delay" in str(bloc.council.fault)) == (stage == "facilitator")
    bloc = Bloc(SIX).found(AMEND, MAJORITY)
    file(bloc, "odr")
    bloc.now = end + HOUR
    act(bloc, "IRN", "ResponseFiled")
    assert "ResponseFiled does nothing in the stage facilitator." in bloc.refusal()


def test_an_extension_is_agreed_by_both_and_has_a_limit(bloc: Bloc) -> None:
    file(bloc)
    both(bloc, "StageAdvanced", to="consultation")
    act(bloc, "EGY", "DeadlineExtended", period="31d")
    assert "that would be 2026-03-05. The latest day is 2026-03-04." in bloc.refusal()  # from Monday, 2 February on
    act(bloc, "EGY", "DeadlineExtended", period="30d")
    assert case(bloc).due.at == instant("2026-02-02T16:00:00Z")  # 31 January is a Saturday
    act(bloc, "IRN", "DeadlineExtended", period="30d")
    assert case(bloc).due.at == instant("2026-03-04T16:00:00Z")
    act(bloc, "IRN", "DeadlineExtended", period="soon")
    assert bloc.council.fault is not None
    assert case(bloc).due.at == instant("2026-03-04T16:00:00Z")


def test_a_suspension_by_both_stops_the_clock(bloc: Bloc) -> None:
    file(bloc)
    both(bloc, "DisputeSuspended")
    assert case(bloc).suspended
    bloc.pass_time(90 * DAY)
    assert case(bloc).stage == "prevention"
    act(bloc, "IRN", "StageAdvanced", to="consultation")
    assert "the case is suspended since" in bloc.refusal()
    act(bloc, "IRN", "DisputeSuspended", resume=True)
    assert (case(bloc).suspended, case(bloc).due.at >= bloc.now) == (False, True)
    bloc.pass_time(14 * DAY + 4 * DAY)
    assert case(bloc).stage == "consultation"


# --- Who acts -----------------------------------------------------------------------------------------------------


def test_who_has_no_part_changes_nothing_and_the_other_party_can_not_withdraw(bloc: Bloc) -> None:
    file(bloc)
    before = bloc.council.get("dispute", KEY)
    act(bloc, "ZAF", "SettlementReached", terms=TERMS)
    assert bloc.refusal() == f"ZAF has no part in {KEY}."
    assert bloc.council.get("dispute", KEY) == before
    act(bloc, "IRN", "DisputeWithdrawn")
    assert bloc.refusal() == f"{KEY}: DisputeWithdrawn is for the complainant (EGY), not for IRN."
    assert (case(bloc).stage, len(case(bloc).no_effect)) == ("prevention", 1)  # kept with the case, and idle
    act(bloc, "EGY", "DisputeWithdrawn", reason="agreed by telephone")
    assert (case(bloc).stage, case(bloc).ended) == ("withdrawn", True)
    act(bloc, "EGY", "SettlementReached", terms=TERMS)
    assert "the case ended on 2026-01-01" in bloc.refusal()


def test_neutrals_decide_by_their_delegates_and_members_do_not(bloc: Bloc) -> None:
    panel(bloc)
    assert case(bloc).state.seats == ("IND.judge", "ZAF.judge", "CHN.judge")
    act(bloc, "IND", "DecisionIssued", text="x")  # the member itself is no neutral
    assert bloc.refusal() == f"IND has no part in {KEY}."
    act(bloc, "EGY", "DecisionIssued", text="x")
    assert "EGY is a party to the case and can't act as neutral." in bloc.refusal()
    act(bloc, "IRN", "NeutralChallenged", neutral="ZAF.judge", reason="a cousin")
    act(bloc, "IND", "DecisionIssued", delegate="judge", text="x")
    assert "2 of 3 neutrals sit. Fill the seats first." in bloc.refusal()
    both(bloc, "NeutralAppointed", neutral="ZAF.judge")
    assert "ZAF.judge was challenged or missing. Name another." in bloc.refusal()
    both(bloc, "NeutralAppointed", neutral="ZAF.other")
    act(bloc, "IND", "DecisionIssued", delegate="judge", text="x")
    assert case(bloc).stage == "adoption"


def test_the_chair_appoints_from_the_roster_once_the_parties_had_their_time(bloc: Bloc) -> None:
    file(bloc, roster=["PCA"])
    for to in ("consultation", "mediation"):
        both(bloc, "StageAdvanced", to=to)
    act(bloc, "BRA", "NeutralAppointed", neutral="PCA")
    assert "the first way of appointing has time left." in bloc.refusal()
    bloc.now += 13 * DAY
    act(bloc, "BRA", "NeutralAppointed", neutral="ICC")
    assert "ICC is not on the roster." in bloc.refusal()
    act(bloc, "BRA", "NeutralAppointed", neutral="PCA")
    assert case(bloc).state.seats == ("PCA",)


def test_who_presides_now_appoints_although_the_case_was_filed_under_another_chair(bloc: Bloc) -> None:
    file(bloc, roster=["PCA"])
    for to in ("consultation", "mediation"):
        both(bloc, "StageAdvanced", to=to)
    body = {"member": "BRA", "reason": "dues"}
    bloc.say("EGY", "MemberSuspended", **body, decision=bloc.decide("MemberSuspended", body))
    chair = bloc.council.chair
    assert chair not in ("BRA", "EGY", "IRN")
    bloc.now += 13 * DAY
    act(bloc, "BRA", "NeutralAppointed", neutral="PCA")
    assert bloc.refusal() == "BRA is suspended."
    act(bloc, chair, "NeutralAppointed", neutral="PCA")
    assert case(bloc).state.seats == ("PCA",)


@pytest.mark.parametrize(
    ("author", "kind", "body", "words"),
    [
        ("EGY", "SettlementReached", {}, "$.body.terms"),
        ("EGY", "SettlementReached", {"terms": "x"}, "$.body.terms"),
        ("EGY", "NeutralAppointed", {"neutral": ""}, "$.body.neutral"),
        ("EGY", "NeutralAppointed", {"neutral": "PCA"}, "no neutral is appointed in the stage prevention."),
        ("EGY", "NeutralChallenged", {"neutral": "PCA"}, "PCA is not a neutral of the case."),
        ("EGY", "DeadlineExtended", {"period": "5d"}, "the deadline of prevention can't be extended."),
        ("EGY", "DecisionIssued", {"text": "x"}, "DecisionIssued does nothing in the stage prevention."),
        ("EGY", "ResponseFiled", {"dispute": "d-2026-002"}, 'there is no dispute "d-2026-002".'),
        ("EGY", "DisputeSuspended", {"resume": "yes"}, "$.body.resume"),
        ("EGY", "DisputeSuspended", {"resume": True}, "the case is not suspended."),
    ],
)
def test_bad_acts_of_a_case(bloc: Bloc, author: str, kind: str, body: dict[str, Any], words: str) -> None:
    file(bloc)
    act(bloc, author, kind, **body)
    assert words in bloc.refusal()
    assert case(bloc).stage == "prevention"


# --- Settlement ---------------------------------------------------------------------------------------------------


def test_a_settlement_takes_both_and_the_same_terms(bloc: Bloc) -> None:
    file(bloc)
    act(bloc, "EGY", "SettlementReached", terms=TERMS)
    act(bloc, "IRN", "SettlementReached", terms=OTHER)
    assert (case(bloc).stage, len(case(bloc).state.offers)) == ("prevention", 2)
    act(bloc, "EGY", "SettlementReached", terms=TERMS)
    assert "EGY has offered this already." in bloc.refusal()
    act(bloc, "IRN", "SettlementReached", terms=TERMS)
    assert (case(bloc).stage, case(bloc).ended) == ("settled", True)


def test_an_offer_lapses_with_its_stage(bloc: Bloc) -> None:
    file(bloc)
    act(bloc, "EGY", "SettlementReached", terms=TERMS)
    bloc.pass_time(16 * DAY)
    act(bloc, "IRN", "SettlementReached", terms=TERMS)
    assert (case(bloc).stage, [o.by for o in case(bloc).state.offers]) == ("consultation", ["IRN"])


# --- The council's vote -------------------------------------------------------------------------------------------


def test_the_council_adopts_by_a_final_vote(bloc: Bloc) -> None:
    """Negative consensus: one member that doesn't say no is enough."""
    adoption(bloc)
    vote = vote_on(bloc, {**dict.fromkeys(SIX[:5], "no"), "ZAF": "abstain"})
    assert bloc.council.get("vote", vote).outcome == "adopted"
    assert case(bloc).stage == "adoption"
    act(bloc, "CHN", "DecisionRejected", decision=vote)
    assert bloc.refusal() == f'{vote} is no final vote on "adopt {KEY}" that came to not_adopted.'
    act(bloc, "CHN", "DecisionAdopted", decision=vote)
    assert case(bloc).stage == "adopted"
    act(bloc, "IRN", "ResponseFiled", outcome="implementation_plan", response=TERMS)
    assert (case(bloc).stage, case(bloc).ended) == ("yearly_review", True)


def test_the_council_rejects_when_everybody_present_is_against(bloc: Bloc) -> None:
    adoption(bloc)
    vote = vote_on(bloc, dict.fromkeys(SIX, "no"))
    act(bloc, "CHN", "DecisionAdopted", decision=vote)
    assert bloc.refusal() == f'{vote} is no final vote on "adopt {KEY}" that came to adopted.'
    act(bloc, "CHN", "DecisionRejected", decision=vote)
    assert case(bloc).stage == "rejected"


def test_without_a_vote_the_decision_is_adopted_when_its_time_is_over(bloc: Bloc) -> None:
    adoption(bloc)
    assert case(bloc).due.at == instant("2026-02-02T16:00:00Z")  # 30 days are Saturday, 31 January
    bloc.now = instant("2026-02-02T16:00:00Z") + DAY
    bloc.pass_time(1)
    assert case(bloc).stage == "adopted"
    bloc.pass_time(60 * DAY)
    assert case(bloc).stage == "non_compliance"
    bloc.say("BRA", "StageAdvanced", subject=KEY, to="yearly_review")
    assert case(bloc).stage == "yearly_review"


def test_a_vote_that_is_none_on_this_adoption(bloc: Bloc) -> None:
    adoption(bloc)
    tea = bloc.open_vote("tea")
    act(bloc, "CHN", "DecisionAdopted", decision=tea)
    assert bloc.refusal() == f'{tea} is no final vote on "adopt {KEY}" that came to adopted.'
    act(bloc, "CHN", "DecisionAdopted", decision="v-2026-009")
    assert 'there is no vote "v-2026-009".' in bloc.refusal()
    running = bloc.open_vote(f"adopt {KEY}", "negative_consensus")
    act(bloc, "CHN", "DecisionAdopted", decision=running)
    assert f'{running} is no final vote on "adopt {KEY}"' in bloc.refusal()


def test_the_vote_is_held_under_the_rule_of_the_procedure_and_in_its_stage(bloc: Bloc) -> None:
    from concordat.council.voting import question_hash

    file(bloc)
    subject = f"adopt {KEY}"
    body = {"subject": subject, "closes": "2026-01-09T00:00Z", "text": question_hash(subject, "")}
    bloc.say("BRA", "VoteOpened", **body, rule="majority")
    assert bloc.refusal() == f"{KEY} is in the stage prevention, which waits for no vote."
    bloc = Bloc(SIX).found(AMEND, MAJORITY, NEGATIVE)
    adoption(bloc)
    bloc.say("BRA", "VoteOpened", **body, rule="majority")
    assert bloc.refusal() == f"{subject} is decided under negative_consensus, not majority."
    bloc.say("BRA", "VoteOpened", **{**body, "subject": "adopt d-2026-009"}, rule="majority")
    assert 'there is no dispute "d-2026-009".' in bloc.refusal()


TWICE = """schema: concordat/procedure@1
procedure: twice
calendar: {zone: UTC}
stages:
  first: {deadline: 30d, decide: negative_consensus, on_expiry: second}
  second: {deadline: 30d, decide: negative_consensus, on_expiry: third}
  third: {events: {StageAdvanced: settled}}
"""


def test_one_vote_does_not_adopt_two_decisions(bloc: Bloc) -> None:
    file(bloc, "twice", text=TWICE)
    vote = vote_on(bloc, dict.fromkeys(SIX, "yes"))
    act(bloc, "EGY", "DecisionAdopted", decision=vote)
    assert case(bloc).stage == "second"
    act(bloc, "EGY", "DecisionAdopted", decision=vote)
    assert bloc.refusal() == f"{vote} was opened before {KEY} came to second."
    assert case(bloc).stage == "second"
