"""Bad input of the council, case by case: section 11 of its specification and the list of its issue, one row each.

Each row runs the case and holds it to its class of error, or to the reason under which its entry stands without effect.
The cases with all their neighbours are tested beside their parts, in tests/unit/council.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concordat.council.commit.targets import Target
from concordat.council.consult import analyse
from concordat.council.consult.polis_csv import read_matrix, read_votes
from concordat.council.consultations import as_votes
from concordat.council.decide.rules import Rule
from concordat.council.disputes.calendars import Calendar, instant
from concordat.errors import ConcordatError
from council_kit import AMEND, DAY, MAJORITY, SILENCE, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
ZERO, HASH = "0" * 64, "a" * 64
WEIGHTED = MAJORITY.replace("rule: majority", "rule: weighted").replace(
    "share: members, of: voting", "share: pop, of: all"
)
BERLIN = SILENCE.replace("Asia/Shanghai", "Europe/Berlin")
TARGET = """commitment: c1
indicator: users
unit: percent
direction: up
baseline: {year: 2023, value: 50}
target: {year: 2030, value: 90}
"""
COMMENTS = "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,comment-body\n" + "".join(
    f"1,{n},1,{agrees},{disagrees},1,false,true,s{n}\n" for n, agrees, disagrees in ((0, 2, 0), (1, 2, 0))
)
OLD_SIGN = "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1\n7,0,0,2,2,0,-1,-1\n8,0,0,2,2,0,-1,-1\n"


def bloc(*rules: str) -> Bloc:
    return Bloc(FOUR).found(AMEND, MAJORITY, *rules)


def refused(found: Bloc) -> tuple[str, str]:
    """Class and words of the last entry without effect."""
    return type(found.council.fault).__name__, found.refusal()


def raised(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ConcordatError) as error:
        call()
    return type(error.value).__name__, str(error.value)


def vote_in(found: Bloc) -> tuple[str, str]:
    """A certified proposal and the vote on it."""
    proposal = found.table()
    found.certify(proposal)
    return proposal, found.open_vote(proposal)


# --- Rules and votes ------------------------------------------------------------------------------------------------


def unknown_rule_key() -> tuple[str, str]:
    found = Bloc(FOUR)
    found.say("BRA", "RuleAdopted", rules=[MAJORITY.replace("quorum", "quorom")])
    return refused(found)


def two_rules_of_one_name() -> tuple[str, str]:
    found = Bloc(FOUR)
    both = [MAJORITY, MAJORITY.replace("48", "24")]
    found.say("BRA", "RuleAdopted", rules=both)
    words = refused(found)
    assert all(Rule.load(text).hash[:16] in words[1] for text in both)
    return words


def a_rule_that_can_not_be_evaluated() -> tuple[str, str]:
    found = Bloc(FOUR)
    found.say("BRA", "RuleAdopted", rules=[MAJORITY.replace("more_than: 1/2}\nvote", "more_than: most}\nvote")])
    return refused(found)


def weight_missing_for_a_member() -> tuple[str, str]:
    found = Bloc(FOUR)
    values = dict.fromkeys(FOUR[:3], 1)
    found.all_say("WeightsAdopted", table="pop", day="2026-01-01", unit="u", source="s", values=values)
    found.found(AMEND, WEIGHTED)
    proposal = found.table(rule="weighted")
    found.certify(proposal)
    text = found.council.get("proposal", proposal).certified
    found.say("BRA", "VoteOpened", subject=proposal, rule="weighted", closes="2026-01-09T00:00Z", text=text)
    assert found.council.all("vote") == []
    return refused(found)


def quorum_lost() -> tuple[str, str]:
    found = bloc()
    _, vote = vote_in(found)
    found.cast(vote, {"BRA": "yes"})
    ended = found.finish(vote)
    return "no effect", f"{ended.outcome}: {', '.join(ended.result['tally']['quorum']['missing'])}"


def _ballot_of(author: str, before: Callable[[Bloc], None], delegate: str = "node") -> tuple[str, str]:
    found = bloc()
    found.say("ZAF", "FullPowersIssued", person="del", scope=["all"], until="2026-03-01")
    before(found)
    _, vote = vote_in(found)
    held = found.council.get("vote", vote)
    body = {"vote": vote, "choice": "yes", "text": held.text, "rule": held.rule_hash}
    found.say(author, "BallotCast", delegate=delegate, **body)
    kept = found.council.get("vote", vote)
    assert kept.ballots == {}
    return refused(found)[0], f"not counted: {kept.not_counted[0][2]}"


def ballot_of_a_suspended_member() -> tuple[str, str]:
    def suspend(found: Bloc) -> None:
        body = {"member": "ZAF", "reason": "dues"}
        found.say("BRA", "MemberSuspended", **body, decision=found.decide("MemberSuspended", body))

    return _ballot_of("ZAF", suspend)


def ballot_of_a_foreigner() -> tuple[str, str]:
    return _ballot_of("FRA", lambda found: None)


def ballot_without_full_powers() -> tuple[str, str]:
    return _ballot_of("ZAF", lambda found: found.pass_time(90 * DAY), "del")


def late_ballot() -> tuple[str, str]:
    found = bloc()
    _, vote = vote_in(found)
    found.now = found.council.get("vote", vote).closes + 1
    found.cast(vote, {"ZAF": "yes"})
    return refused(found)


def vote_on_a_stale_text() -> tuple[str, str]:
    found = bloc()
    proposal = found.table()
    found.certify(proposal)
    found.say("BRA", "VoteOpened", subject=proposal, rule="majority", closes="2026-01-09T00:00Z", text=ZERO)
    return refused(found)


def ballot_on_a_stale_text() -> tuple[str, str]:
    found = bloc()
    _, vote = vote_in(found)
    rule = found.council.get("vote", vote).rule_hash
    found.say("ZAF", "BallotCast", vote=vote, choice="yes", text=ZERO, rule=rule)
    return refused(found)


def vote_after_its_stage() -> tuple[str, str]:
    found = bloc()
    proposal, vote = vote_in(found)
    found.cast(vote, dict.fromkeys(FOUR, "yes"))
    found.finish(vote)
    found.say("BRA", "VoteOpened", subject=proposal, rule="majority", closes="2026-03-09T00:00Z", text=ZERO)
    return refused(found)


def ballot_after_the_vote_is_final() -> tuple[str, str]:
    found = bloc()
    _, vote = vote_in(found)
    found.finish(vote)
    found.cast(vote, {"ZAF": "yes"})
    return refused(found)


# --- Texts ----------------------------------------------------------------------------------------------------------


def _amended(found: Bloc, proposal: str, base: str, words: str) -> None:
    change = {"op": "replace", "paragraph": "p1", "text": {"en": words}}
    found.say("ZAF", "AmendmentTabled", proposal=proposal, base=base, change=change)


def amendment_to_an_old_version() -> tuple[str, str]:
    found = bloc()
    proposal = found.table()
    old = found.council.get("proposal", proposal).text.hash
    change = {"op": "delete", "paragraph": "p2"}
    found.say("IND", "AmendmentTabled", proposal=proposal, base=old, change=change)
    vote = found.open_vote("a-2026-001")
    found.cast(vote, dict.fromkeys(FOUR, "yes"))
    found.finish(vote)
    _amended(found, proposal, old, "We share all.")
    return refused(found)


def two_amendments_on_one_paragraph() -> tuple[str, str]:
    found = bloc()
    proposal = found.table()
    base = found.council.get("proposal", proposal).text.hash
    for words in ("We share all.", "We share none."):
        _amended(found, proposal, base, words)
    found.say("BRA", "VoteOpened", subject="a-2026-001", rule="majority", closes="2026-01-09T00:00Z", text=ZERO)
    return refused(found)


# --- Consultations ----------------------------------------------------------------------------------------------------


def _opinions(statements: int, said: dict[str, str]) -> tuple[str, str]:
    found = bloc()
    key = {"consultation": "c-2026-001"}
    found.say("IND", "ConsultationOpened", title="t", closes="2026-01-09T00:00Z")
    for n in range(statements):
        found.say("IND", "StatementSubmitted", **key, text=f"s{n}")
    for author, choice in said.items():
        found.say(author, "OpinionVoted", **key, opinions=[[n + 1, choice] for n in range(statements)])
    return raised(lambda: analyse(as_votes(found.council, "c-2026-001")))


def one_voter() -> tuple[str, str]:
    return _opinions(2, {"BRA": "agree"})


def one_statement() -> tuple[str, str]:
    return _opinions(1, {"BRA": "agree", "ZAF": "disagree"})


def no_variance() -> tuple[str, str]:
    return _opinions(2, {"BRA": "agree", "ZAF": "agree"})


def unknown_statement() -> tuple[str, str]:
    found = bloc()
    found.say("IND", "ConsultationOpened", title="t", closes="2026-01-09T00:00Z")
    found.say("IND", "StatementSubmitted", consultation="c-2026-001", text="s")
    found.say("ZAF", "OpinionVoted", consultation="c-2026-001", opinions=[[1, "agree"], [2, "agree"]])
    return refused(found)


def unknown_statement_in_a_file() -> tuple[str, str]:
    votes = "timestamp,comment-id,voter-id,vote\n1,0,7,1\n1,9,7,1\n"
    return raised(lambda: read_votes(votes, COMMENTS))


def the_old_sign() -> tuple[str, str]:
    return raised(lambda: read_matrix(OLD_SIGN, COMMENTS))


# --- Commitments, reviews ---------------------------------------------------------------------------------------------


def _pledged() -> Bloc:
    found = bloc()
    row = {"id": "c1", "document": "d", "kind": "k", "who": "w", "what": "w", "measures": [{"source": "itu"}]}
    found.say("IND", "CommitmentRegistered", commitments=[row])
    return found


def _target(text: str) -> tuple[str, str]:
    found = _pledged()
    found.say("ZAF", "TargetSet", commitment="c1", target=text)
    assert found.council.get("commitment", "c1").targets == ()
    return refused(found)


def target_equal_to_its_baseline() -> tuple[str, str]:
    return _target(TARGET.replace("90", "50"))


def target_without_a_baseline() -> tuple[str, str]:
    return _target(TARGET.replace("baseline: {year: 2023, value: 50}\n", ""))


def target_with_a_baseline_of_nothing() -> tuple[str, str]:
    return raised(lambda: Target.load(TARGET.replace(", value: 50", "")))


def another_unit() -> tuple[str, str]:
    found = _pledged()
    found.say("ZAF", "TargetSet", commitment="c1", target=TARGET)
    found.say("ZAF", "IndicatorBound", commitment="c1", measure=1, indicator="users", unit="persons")
    return refused(found)


def a_coder_who_codes_twice() -> tuple[str, str]:
    found, cycle = _pledged(), "r-2026-001"
    found.say("BRA", "CycleOpened", title="t", year=2026, commitments=["c1"], selection="s", rule="majority")
    found.say("BRA", "GuidelineFixed", cycle=cycle, text="g")
    found.say("BRA", "StageAdvanced", subject=cycle, to="coding", release=HASH)
    for code in (1, -1):
        cell = {"cycle": cycle, "commitment": "c1", "member": "IND", "code": code, "sources": [HASH]}
        found.say("ZAF", "CodeAssigned", **cell)
    assert [c.value for c in found.council.get("cycle", cycle).codes["c1|IND"]] == [1]
    return refused(found)


# --- Time and disputes ------------------------------------------------------------------------------------------------


def _silent_until(start: str, local: str, ends: str) -> tuple[str, str]:
    found = bloc(BERLIN)
    found.now = instant(start)
    proposal = found.table(rule="silence")
    found.certify(proposal)
    text = found.council.get("proposal", proposal).certified
    found.say("BRA", "SilenceStarted", proposal=proposal, rule="silence", text=text, deadline=local)
    silence = found.council.get("silence", "s-2026-001")
    assert silence.deadline == instant(ends)
    return "no effect", silence.procedure.note


def a_skipped_hour() -> tuple[str, str]:
    """02:30 of 29 March 2026 is none in Berlin; 03:30 of summer time is 01:30 UTC."""
    return _silent_until("2026-03-27T12:00:00Z", "2026-03-29T02:30", "2026-03-29T01:30:00Z")


def a_doubled_hour() -> tuple[str, str]:
    """02:30 of 25 October 2026 comes twice in Berlin; the later one, of winter time, is 01:30 UTC."""
    return _silent_until("2026-10-23T12:00:00Z", "2026-10-25T02:30", "2026-10-25T01:30:00Z")


def a_bad_zone_of_a_rule() -> tuple[str, str]:
    found = Bloc(FOUR)
    found.say("BRA", "RuleAdopted", rules=[SILENCE.replace("Asia/Shanghai", "Asia/Shangai")])
    return refused(found)


def a_bad_zone_of_a_calendar() -> tuple[str, str]:
    return raised(lambda: Calendar("Asia/Shangai"))


def a_dispute_against_oneself() -> tuple[str, str]:
    found = bloc()
    found.say("ZAF", "DisputeFiled", procedure="odr", respondent="ZAF", subject="x")
    assert found.council.all("dispute") == []
    return refused(found)


ROWS: tuple[tuple[Callable[[], tuple[str, str]], str, str], ...] = (
    # Section 11, in its order.
    (unknown_rule_key, "InputError", 'Did you mean "quorum"?'),
    (two_rules_of_one_name, "InputError", 'the rule "majority" stands twice: '),
    (weight_missing_for_a_member, "InputError", "weighted needs the weight pop of ZAF."),
    (quorum_lost, "no effect", "adjourned: CHN, IND, ZAF"),
    (ballot_of_a_suspended_member, "RuleError", "not counted: ZAF is suspended."),
    (ballot_of_a_foreigner, "RuleError", "not counted: FRA is no member of the council."),
    (ballot_without_full_powers, "RuleError", "not counted: full powers ended 2026-03-01."),
    (amendment_to_an_old_version, "RuleError", "Proposed rebase: the same change holds against version"),
    (vote_on_a_stale_text, "RuleError", "the text of p-2026-001 is "),
    (one_voter, "MethodError", "too few to compare: 1 voters, 2 statements, 2 votes."),
    (one_statement, "MethodError", "too few to compare: 2 voters, 1 statements, 2 votes."),
    (no_variance, "MethodError", "no two voters differ on any statement: 2 voters, 2 statements, 4 votes."),
    (unknown_statement, "InputError", "$.body.opinions[1]: there is no statement 2."),
    (unknown_statement_in_a_file, "InputError", 'row 3: there is a vote on statement "9"'),
    (the_old_sign, "InputError", "Say which sign agree has: --sign -1"),
    (target_equal_to_its_baseline, "InputError", "Is it to be kept? Then say how far it may move"),
    (another_unit, "RuleError", "the target is in percent; users is in persons."),
    (a_skipped_hour, "no effect", "02:30 is skipped on that day: 03:30 counts"),
    (a_doubled_hour, "no effect", "02:30 comes twice on that day: the later one counts"),
    (a_bad_zone_of_a_rule, "InputError", 'Did you mean "Asia/Shanghai"?'),
    (a_bad_zone_of_a_calendar, "InputError", 'Did you mean "Asia/Shanghai"?'),
    (a_dispute_against_oneself, "RuleError", "a dispute against oneself can't be filed."),
    # What the issue lists besides.
    (late_ballot, "RuleError", "late: submitted 2026-01-03 00:00 UTC, v-2026-001 closed 2026-01-03 00:00 UTC."),
    (ballot_on_a_stale_text, "RuleError", "it names the text 0000000000000000; v-2026-001 is on "),
    (a_rule_that_can_not_be_evaluated, "InputError", '"most"'),
    (vote_after_its_stage, "RuleError", "p-2026-001 is adopted; only a certified text is voted on."),
    (ballot_after_the_vote_is_final, "RuleError", "late: submitted "),
    (target_without_a_baseline, "InputError", "baseline"),
    (target_with_a_baseline_of_nothing, "InputError", "the baseline has no value."),
    (a_coder_who_codes_twice, "RuleError", "ZAF has coded c1 of IND already."),
    (two_amendments_on_one_paragraph, "RuleError", "and the chair has recorded no order."),
)


@pytest.mark.parametrize(("case", "kind", "words"), ROWS, ids=[row[0].__name__ for row in ROWS])
def test_bad_input_is_told_as_the_specification_says(
    case: Callable[[], tuple[str, str]], kind: str, words: str
) -> None:
    found, said = case()
    assert (found, words in said) == (kind, True), said
