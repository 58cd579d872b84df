"""Votes from the opening to the final result: what counts, what doesn't and why, when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council._registry import KINDS
from concordat.council.constitution import act_hash
from concordat.errors import InputError
from council_kit import AMEND, DAY, HOUR, MAJORITY, TEN, Bloc


@pytest.fixture
def bloc() -> Bloc:
    return Bloc().found()


def test_a_proposal_is_tabled_certified_voted_and_adopted(bloc: Bloc) -> None:
    proposal = bloc.table()
    assert proposal == "p-2026-001"
    assert bloc.council.get("proposal", proposal).status == "tabled"
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal)
    assert bloc.council.get("proposal", proposal).status == "deciding"
    bloc.cast(vote, {**dict.fromkeys(TEN[:7], "yes"), **dict.fromkeys(TEN[7:9], "no"), TEN[9]: "abstain"})
    found = bloc.council.get("vote", vote)
    assert len(found.ballots) == 10
    assert found.status == "open"
    bloc.now = found.closes
    bloc.pass_time(DAY + 1)
    counted = bloc.council.get("vote", vote)
    assert (counted.status, counted.outcome) == ("counted", "adopted")
    assert counted.result["tally"]["counts"]["yes"] == 7
    assert counted.final_at == found.closes + DAY + 48 * HOUR  # closing, merge delay, challenge time
    assert bloc.council.get("proposal", proposal).status == "deciding"
    bloc.pass_time(48 * HOUR)
    assert bloc.council.get("vote", vote).status == "final"
    assert bloc.council.get("proposal", proposal).status == "adopted"


def _vote(bloc: Bloc) -> str:
    proposal = bloc.table()
    bloc.certify(proposal)
    return bloc.open_vote(proposal)


def test_a_late_ballot_is_kept_and_not_counted(bloc: Bloc) -> None:
    vote = _vote(bloc)
    found = bloc.council.get("vote", vote)
    bloc.now = found.closes + 1
    said = bloc.say("BRA", "BallotCast", vote=vote, choice="yes", text=found.text, rule=found.rule_hash)
    kept = bloc.council.get("vote", vote)
    assert kept.ballots == {}
    assert kept.not_counted[0][:2] == (said, "BRA")
    assert "late: submitted 2026-01-03 00:00 UTC, v-2026-001 closed 2026-01-03 00:00 UTC." in kept.not_counted[0][2]


def test_a_ballot_submitted_in_time_counts_although_it_is_taken_up_late(bloc: Bloc) -> None:
    vote = _vote(bloc)
    found = bloc.council.get("vote", vote)
    bloc.now = found.closes + 20 * HOUR
    bloc.say("BRA", "BallotCast", at=found.closes, vote=vote, choice="yes", text=found.text, rule=found.rule_hash)
    assert list(bloc.council.get("vote", vote).ballots) == ["BRA"]


@pytest.mark.parametrize(
    ("key", "words"),
    [("text", "it names the text 0000000000000000"), ("rule", "it names the rule 0000000000000000")],
)
def test_a_ballot_on_a_stale_text_or_another_rule_is_refused(bloc: Bloc, key: str, words: str) -> None:
    vote = _vote(bloc)
    found = bloc.council.get("vote", vote)
    body = {"vote": vote, "choice": "yes", "text": found.text, "rule": found.rule_hash, key: "0" * 64}
    bloc.say("BRA", "BallotCast", **body)
    assert words in bloc.refusal()
    assert bloc.council.get("vote", vote).ballots == {}


def test_a_vote_opens_on_the_certified_text_alone(bloc: Bloc) -> None:
    proposal = bloc.table()
    say = {"subject": proposal, "rule": "majority", "closes": "2026-01-09T00:00:00Z", "text": "0" * 64}
    bloc.say("ARE", "VoteOpened", **say)
    assert "only a certified text is voted on" in bloc.refusal()
    bloc.certify(proposal)
    bloc.say("ARE", "VoteOpened", **say)
    assert "not 0000000000000000" in bloc.refusal()
    bloc.say("BRA", "VoteOpened", **say)
    assert bloc.refusal() == "only the chair (ARE) may open votes."


def test_a_ballot_may_change_until_the_closing_and_the_last_submission_counts(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.cast(vote, {"BRA": "yes"})
    first = bloc.council.get("vote", vote).ballots["BRA"].entry
    bloc.now += HOUR
    bloc.cast(vote, {"BRA": "no"})
    ballot = bloc.council.get("vote", vote).ballots["BRA"]
    assert (ballot.choice, ballot.superseded) == ("no", (first,))
    found = bloc.council.get("vote", vote)
    bloc.say("BRA", "BallotCast", at=bloc.now - 60, vote=vote, choice="yes", text=found.text, rule=found.rule_hash)
    assert bloc.refusal() == "BRA has cast a later ballot."


def test_a_rule_without_the_weight_of_a_member_opens_no_vote(bloc: Bloc) -> None:
    weighted = MAJORITY.replace("majority", "weighted").replace(
        "{share: members, of: voting", "{share: population, of: all"
    )
    bloc = Bloc().found(weighted, AMEND, MAJORITY)
    proposal = bloc.table(rule="weighted")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    bloc.say("ARE", "VoteOpened", subject=proposal, rule="weighted", closes="2026-02-01T00:00:00Z", text=text)
    assert bloc.refusal().startswith("weighted needs the weight population of ARE, BRA")
    assert bloc.council.get("proposal", proposal).status == "certified"


def test_a_lost_quorum_adjourns_and_names_the_missing(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.cast(vote, {"BRA": "yes", "RUS": "yes"})
    found = bloc.finish(vote)
    assert (found.status, found.outcome) == ("adjourned", "adjourned")
    missing = found.result["tally"]["quorum"]["missing"]
    assert missing == [m for m in TEN if m not in ("BRA", "RUS")]
    assert bloc.council.get("proposal", found.subject).status == "certified"  # a new vote may be opened


def test_a_delegate_votes_with_full_powers_and_not_after_they_ended(bloc: Bloc) -> None:
    vote = _vote(bloc)
    found = bloc.council.get("vote", vote)
    body = {"vote": vote, "choice": "yes", "text": found.text, "rule": found.rule_hash}
    bloc.say("BRA", "BallotCast", delegate="del-04", **body)
    assert bloc.refusal() == "no full powers of BRA for del-04."
    bloc.say("BRA", "FullPowersIssued", person="del-04", scope=["BallotCast"], until="2026-01-01")
    bloc.say("BRA", "BallotCast", delegate="del-04", **body)
    assert bloc.council.get("vote", vote).ballots["BRA"].choice == "yes"
    bloc.now += DAY
    bloc.say("BRA", "BallotCast", delegate="del-04", **{**body, "choice": "no"})
    assert bloc.refusal() == "full powers ended 2026-01-01."
    assert bloc.council.get("vote", vote).ballots["BRA"].choice == "yes"
    bloc.say("BRA", "FullPowersIssued", person="del-05", scope=["StatementSubmitted"])
    bloc.say("BRA", "BallotCast", delegate="del-05", **body)
    assert bloc.refusal() == "the full powers of del-05 don't cover BallotCast."
    assert [row[1] for row in bloc.council.get("vote", vote).not_counted] == ["BRA", "BRA", "BRA"]


def test_a_suspended_member_has_no_vote_and_is_in_no_base(bloc: Bloc) -> None:
    act = act_hash("MemberSuspended", {"member": "IRN", "reason": "dues"})
    proposal = bloc.table(rule="amend_rules", act=act, kind="member")
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal, rule="amend_rules")
    bloc.cast(vote, dict.fromkeys(TEN[:8], "yes"))
    bloc.say("ARE", "MemberSuspended", member="IRN", reason="dues", decision=vote)
    assert "no final vote that adopted" in bloc.refusal()
    bloc.finish(vote)
    bloc.say("ARE", "MemberSuspended", member="IRN", reason="other", decision=vote)
    assert bloc.refusal() == f"{vote} decided something else."
    bloc.say("ARE", "MemberSuspended", member="IRN", reason="dues", decision=vote)
    assert bloc.council.get("member", "IRN").status == "suspended"
    later = _vote(bloc)
    assert "IRN" not in bloc.council.get("vote", later).entitled
    bloc.cast(later, {"IRN": "yes"})
    assert bloc.refusal() == "IRN is suspended."


def test_who_was_suspended_at_the_closing_is_in_no_base_though_readmitted_before_the_count(bloc: Bloc) -> None:
    out, back = {"member": "ZAF", "reason": "x"}, {"member": "ZAF", "membership": 1}
    first, second = bloc.decide("MemberSuspended", out), bloc.decide("MemberAdmitted", back)
    vote = _vote(bloc)
    bloc.cast(vote, dict.fromkeys(TEN[:5], "yes"))
    bloc.say("ARE", "MemberSuspended", decision=first, **out)
    bloc.now = bloc.council.get("vote", vote).closes + HOUR
    bloc.say("ARE", "MemberAdmitted", decision=second, **back)
    assert bloc.council.members == TEN
    assert bloc.finish(vote).entitled == TEN[:9]


def test_a_vote_is_closed_early_without_who_is_suspended(bloc: Bloc) -> None:
    act = {"member": "ZAF", "reason": "x"}
    decision = bloc.decide("MemberSuspended", act)
    vote = _vote(bloc)
    bloc.say("ARE", "MemberSuspended", decision=decision, **act)
    bloc.cast(vote, dict.fromkeys(TEN[:9], "yes"))
    bloc.now += HOUR
    bloc.say("ARE", "VoteClosed", vote=vote)
    found = bloc.council.get("vote", vote)
    assert (found.closes, found.entitled) == (bloc.now, TEN[:9])


def test_the_hints_name_commands_that_there_are() -> None:
    import re
    from pathlib import Path

    from typer.main import get_command

    import concordat.council
    from concordat.cli.council import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    folder = Path(concordat.council.__file__).parent
    said = [m for path in folder.rglob("*.py") for m in re.findall(r'hint="[^"]*council ([a-z-]+)', path.read_text())]
    assert set(said) <= known


def test_a_foreigner_has_no_vote(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.cast(vote, {"FRA": "yes"})
    assert bloc.refusal() == "FRA is no member of the council."
    bloc.say("ARE", "ObserverAdmitted", observer="FRA")
    bloc.cast(vote, {"FRA": "yes"})
    assert bloc.refusal() == "FRA is no member of the council, and observers don't do that."


def test_a_proxy_is_signed_by_both_and_held_once(bloc: Bloc) -> None:
    vote = _vote(bloc)
    found = bloc.council.get("vote", vote)
    body = {"vote": vote, "choice": "yes", "text": found.text, "rule": found.rule_hash}
    bloc.say("BRA", "BallotCast", proxy_for="ZAF", **body)
    assert bloc.refusal().startswith("ZAF has given BRA no proxy for v-2026-001.")
    bloc.say("ZAF", "ProxyGiven", vote=vote, to="BRA")
    bloc.say("BRA", "BallotCast", proxy_for="ZAF", **body)
    assert bloc.council.get("vote", vote).ballots["ZAF"].by == "BRA"
    bloc.say("EGY", "ProxyGiven", vote=vote, to="BRA")
    bloc.say("BRA", "BallotCast", proxy_for="EGY", **body)
    assert bloc.refusal() == "BRA votes for ZAF already; the rule allows 1."
    bloc.cast(vote, {"ZAF": "no"})  # the member's own ballot takes the place of its proxy's
    assert bloc.council.get("vote", vote).ballots["ZAF"].choice == "no"
    bloc.say("BRA", "BallotCast", proxy_for="ZAF", **body)
    assert bloc.refusal() == "ZAF has voted itself."


def test_the_rule_at_the_opening_decides_although_it_changes_meanwhile(bloc: Bloc) -> None:
    harder = MAJORITY.replace("version: 1", "version: 2").replace("more_than: 1/2}\nvote", "more_than: 9/10}\nvote")
    assert "9/10" in harder
    act = act_hash("RuleAdopted", {"rules": [harder]})
    change = bloc.table(rule="amend_rules", act=act, kind="rule")
    bloc.certify(change)
    decision = bloc.open_vote(change, rule="amend_rules")
    bloc.cast(decision, dict.fromkeys(TEN, "yes"))
    bloc.finish(decision)
    vote = _vote(bloc)
    bloc.cast(vote, {**dict.fromkeys(TEN[:6], "yes"), **dict.fromkeys(TEN[6:], "no")})
    bloc.say("ARE", "RuleAdopted", rules=[harder], decision=decision)
    assert bloc.council.get("rule", "majority").version == 2
    assert bloc.finish(vote).outcome == "adopted"
    again = _vote(bloc)
    bloc.cast(again, {**dict.fromkeys(TEN[:6], "yes"), **dict.fromkeys(TEN[6:], "no")})
    assert bloc.finish(again).outcome == "not_adopted"


def test_two_rules_of_one_name_show_both_hashes(bloc: Bloc) -> None:
    fresh = Bloc()
    fresh.say("BRA", "RuleAdopted", rules=[MAJORITY, MAJORITY.replace("48", "24")])
    assert 'the rule "majority" stands twice: ' in fresh.refusal()
    assert " and " in fresh.refusal()
    bloc.all_say("RuleAdopted", rules=[MAJORITY.replace("48", "24")])
    assert "majority is version 1" in bloc.refusal()


def test_a_false_declaration_names_the_first_member_it_differs_on(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.say("BRA", "ResultDeclared", vote=vote, outcome="adopted", result="0" * 64)
    assert "nothing is counted yet" in bloc.refusal()
    bloc.cast(vote, dict.fromkeys(TEN, "no"))
    bloc.now = bloc.council.get("vote", vote).closes
    bloc.pass_time(DAY + 1)
    found = bloc.council.get("vote", vote)
    ballots = {m: b.entry for m, b in found.ballots.items()}
    bloc.say(
        "ARE", "ResultDeclared", vote=vote, outcome="adopted", result="0" * 64, ballots={**ballots, "CHN": "1" * 64}
    )
    assert "the first member on whom it differs is CHN" in bloc.refusal()
    assert bloc.council.get("vote", vote).false_declarations[0][0] == "ARE"
    bloc.say("ARE", "ResultDeclared", vote=vote, outcome="not_adopted", result=found.result_hash, ballots=ballots)
    assert bloc.council.get("vote", vote).status == "declared"
    bloc.say("ZAF", "ResultChallenged", vote=vote, reason="count again")
    assert bloc.council.get("vote", vote).status == "challenged"
    bloc.say("ARE", "ResultDeclared", vote=vote, outcome="not_adopted", result=found.result_hash)
    assert bloc.council.get("vote", vote).status == "recounted"
    assert bloc.finish(vote).status == "final"


def test_a_challenge_counts_with_the_chair_of_the_count(bloc: Bloc) -> None:
    """Another chair since must not make a true declaration false."""
    proposal = bloc.table()
    bloc.certify(proposal)
    act = {"member": "ZAF"}
    chaired = bloc.table(rule="amend_rules", act=act_hash("ChairAppointed", act))
    bloc.certify(chaired)
    decision = bloc.open_vote(chaired, "amend_rules", hours=1)
    bloc.cast(decision, dict.fromkeys(TEN, "yes"))
    vote = bloc.open_vote(proposal, hours=24)
    bloc.cast(vote, dict.fromkeys(TEN, "yes"))
    bloc.pass_time(2 * DAY + 1)
    before = bloc.council.get("vote", vote)
    said = {"vote": vote, "outcome": before.outcome, "result": before.result_hash}
    bloc.say("BRA", "ResultDeclared", **said)
    bloc.say("BRA", "ChairAppointed", decision=decision, **act)
    assert bloc.council.chair == "ZAF"
    bloc.say("IND", "ResultChallenged", vote=vote, reason="count again")
    found = bloc.council.get("vote", vote)
    assert (found.status, found.result_hash) == ("challenged", before.result_hash)
    bloc.say("CHN", "ResultDeclared", **said)
    assert bloc.council.get("vote", vote).false_declarations == ()


def test_a_consensus_falls_by_one_objection(bloc: Bloc) -> None:
    proposal = bloc.table(rule="consensus")
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal, rule="consensus")
    bloc.cast(vote, {**dict.fromkeys(TEN[:9], "yes"), TEN[9]: "object"})
    assert bloc.finish(vote).outcome == "not_adopted"
    other = bloc.table(rule="consensus")
    bloc.certify(other)
    vote = bloc.open_vote(other, rule="consensus")
    bloc.cast(vote, dict.fromkeys(TEN[:3], "abstain"))
    assert bloc.finish(vote).outcome == "adopted"


def test_a_vote_after_its_stage_has_passed_has_no_effect(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.cast(vote, dict.fromkeys(TEN, "yes"))
    bloc.finish(vote)
    bloc.cast(vote, {"BRA": "no"})
    assert bloc.refusal().startswith("late: submitted ")
    proposal = bloc.council.get("vote", vote).subject
    bloc.say("ARE", "VoteOpened", subject=proposal, rule="majority", closes="2026-09-01T00:00:00Z", text="0" * 64)
    assert "is adopted; only a certified text is voted on" in bloc.refusal()


def test_the_chair_closes_early_once_everybody_has_voted(bloc: Bloc) -> None:
    vote = _vote(bloc)
    bloc.cast(vote, dict.fromkeys(TEN[:9], "yes"))
    bloc.say("ARE", "VoteClosed", vote=vote)
    assert bloc.refusal().startswith("ZAF may vote until")
    bloc.cast(vote, {"ZAF": "yes"})
    bloc.say("ARE", "VoteClosed", vote=vote)
    assert bloc.council.get("vote", vote).closes == bloc.now
    bloc.now += 1
    bloc.cast(vote, {"ZAF": "no"})
    assert bloc.refusal().startswith("late")


@pytest.mark.parametrize(
    ("kind", "written", "same"),
    [
        ("ChairAppointed", {"member": "ETH"}, {"member": "ETH", "until": None, "decision": "v-2026-001"}),
        (
            "CommitmentMoved",
            {"commitment": "c1", "to": "completed", "reason": "done"},
            {"commitment": "c1", "to": "completed", "reason": "done", "decision": "v-1"},
        ),
    ],
)
def test_an_act_has_one_hash_with_and_without_its_defaults_and_its_decision(
    kind: str, written: dict[str, Any], same: dict[str, Any]
) -> None:
    digest = act_hash(kind, written)
    assert act_hash(kind, same) == act_hash(kind, KINDS[kind].body(**same)) == digest
    with pytest.raises(InputError, match=r'\$\.body\.untill: "untill" is not a key of ChairAppointed'):
        act_hash("ChairAppointed", {"member": "ETH", "untill": "2026-12-31"})
    with pytest.raises(InputError, match="not a type of entry of the council"):
        act_hash("ChairApointed", written)
