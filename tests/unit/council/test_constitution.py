"""Founding, members, observers, full powers, rules, weights, groups and the chair, as the record takes them."""

from __future__ import annotations

from typing import Any

import pytest

from council_kit import AMEND, DAY, MAJORITY, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
WEIGHTS: dict[str, Any] = {
    "table": "population", "day": "2025-07-01", "unit": "persons", "source": "census",
    "values": {"BRA": 4, "CHN": 3, "IND": 2, "ZAF": 1},
}  # fmt: skip


@pytest.fixture
def bloc() -> Bloc:
    return Bloc(FOUR).found(AMEND, MAJORITY)


def hold(bloc: Bloc, kind: str, body: dict[str, Any], author: str = "ZAF") -> None:
    """A decision on an act, and the act."""
    bloc.say(author, kind, **body, decision=bloc.decide(kind, body))


# --- Founding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", FOUR)
def test_a_rule_is_in_force_with_the_last_founders_word_and_not_before(slow: str) -> None:
    bloc = Bloc(FOUR)
    others = [member for member in FOUR if member != slow]
    for member in (*others, others[0]):  # one founder twice is still one
        bloc.say(member, "RuleAdopted", rules=[AMEND])
        assert bloc.council.find("rule", "amend_rules") is None
    assert bloc.council.no_effect == []
    last = bloc.say(slow, "RuleAdopted", rules=[AMEND])
    held = bloc.council.get("rule", "amend_rules")
    assert (held.version, held.entry, held.batch) == (1, last, (1, 5))


def test_founders_must_say_the_same_to_the_letter() -> None:
    bloc = Bloc(FOUR)
    for member in FOUR:
        bloc.say(member, "RuleAdopted", rules=[AMEND if member != "IND" else AMEND + "# ours\n"])
    assert bloc.council.find("rule", "amend_rules") is None
    assert {act.signed for act in bloc.council.all("act")} == {("BRA", "CHN", "ZAF"), ("IND",)}


def test_an_act_of_the_founding_takes_effect_once() -> None:
    bloc = Bloc(FOUR)
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    bloc.say("BRA", "WeightsAdopted", **WEIGHTS)
    assert bloc.refusal() == "this act has taken effect already."


def test_nobody_is_suspended_before_the_rules_are_adopted() -> None:
    bloc = Bloc(FOUR)
    bloc.all_say("MemberSuspended", member="ZAF", reason="x")
    assert bloc.refusal() == "nobody is suspended before the rules are adopted."
    assert len(bloc.council.no_effect) == 4


def test_the_rule_of_change_is_a_vote() -> None:
    bloc = Bloc(FOUR)
    bloc.all_say("RuleAdopted", rules=["rule: amend_rules\nversion: 1\nmethod: consensus\nadopt: {nobody: objects}\n"])
    assert bloc.refusal() == "amend_rules is a rule of method vote, not consensus."


# --- What a decision carries --------------------------------------------------------------------------------------


def test_an_act_after_the_founding_needs_a_decision(bloc: Bloc) -> None:
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    assert bloc.refusal() == "it needs a decision under amend_rules. Table it as a proposal, and vote."
    assert bloc.council.all("weights") == []


def test_a_decision_carries_its_act_and_that_once(bloc: Bloc) -> None:
    decision = bloc.decide("WeightsAdopted", WEIGHTS)
    bloc.say("ZAF", "WeightsAdopted", **{**WEIGHTS, "unit": "heads"}, decision=decision)
    assert bloc.refusal() == f"{decision} decided something else."
    said = bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=decision)
    table = bloc.council.get("weights", "population")
    assert (table.values, table.day, table.entry) == (WEIGHTS["values"], "2025-07-01", said)
    assert bloc.council.get("spent", decision).entry == said
    bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=decision)
    assert bloc.refusal() == f"{decision} has carried its act already. A decision does so once."


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("v-2026-099", "v-2026-099 is no final vote that adopted something."),
        ("p-2026-001", "p-2026-001 is no final vote that adopted something."),
    ],
)
def test_what_is_no_decision(bloc: Bloc, decision: str, words: str) -> None:
    bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=decision)
    assert bloc.refusal() == words


def test_a_decision_under_another_rule_or_on_a_question_changes_no_constitution(bloc: Bloc) -> None:
    easy = bloc.decide("WeightsAdopted", WEIGHTS, rule="majority")
    bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=easy)
    assert bloc.refusal() == f"{easy} was held under majority, not amend_rules."
    tea = bloc.open_vote("tea", "amend_rules")
    bloc.cast(tea, dict.fromkeys(FOUR, "yes"))
    bloc.finish(tea)
    bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=tea)
    assert bloc.refusal() == f"{tea} was about tea, not about an act."


def test_two_thirds_of_all_four_are_three(bloc: Bloc) -> None:
    """amend_rules asks for 2/3 of all: 2/4 is too few, 3/4 is enough."""
    from concordat.council.constitution import act_hash

    for yes, outcome in ((2, "not_adopted"), (3, "adopted")):
        proposal = bloc.table("BRA", rule="amend_rules", act=act_hash("WeightsAdopted", WEIGHTS))
        bloc.certify(proposal)
        vote = bloc.open_vote(proposal, "amend_rules")
        bloc.cast(vote, dict.fromkeys(FOUR[:yes], "yes"))
        assert bloc.finish(vote).outcome == outcome
        bloc.say("ZAF", "WeightsAdopted", **WEIGHTS, decision=vote)
        assert bool(bloc.council.all("weights")) == (outcome == "adopted")


def test_a_new_version_of_a_rule_takes_the_place_of_the_old_one(bloc: Bloc) -> None:
    second = MAJORITY.replace("version: 1", "version: 2").replace("challenge_hours: 48", "challenge_hours: 24")
    old = bloc.council.get("rule", "majority").hash
    hold(bloc, "RuleAdopted", {"rules": [second]})
    held = bloc.council.get("rule", "majority")
    assert (held.version, held.hash != old) == (2, True)
    assert {old, held.hash} <= set(bloc.council.things["rule_version"])  # open votes keep theirs
    bloc.say("ZAF", "RuleAdopted", rules=[second], decision="v-2026-001")
    want = f"majority is version 2 ({held.hash[:16]}); 2 ({held.hash[:16]}) is in force. Give it the next version."
    assert bloc.refusal() == want


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MAJORITY.replace("quorum:", "quorom:"), 'Did you mean "quorum"?'),
        (MAJORITY.replace("more_than: 1/2}\nvote", "more_then: 1/2}\nvote"), 'Did you mean "more_than"?'),
        (MAJORITY.replace("method: vote", "method: lottery"), "lottery"),
        (MAJORITY.replace("more_than: 1/2}\nvote", "more_than: 3/2}\nvote"), "3/2"),
        ("-", "rule 1"),
        ("[]", "rule 1"),
    ],
)
def test_a_rule_that_can_not_be_evaluated_is_refused(text: str, words: str) -> None:
    bloc = Bloc(FOUR)
    bloc.say("BRA", "RuleAdopted", rules=[text])
    assert words in bloc.refusal()
    assert bloc.council.all("act") == []
    assert bloc.council.all("rule") == []


def test_what_the_act_leaves_out_the_proposal_leaves_out_too(bloc: Bloc) -> None:
    """`until` and `subject` have defaults, which nobody wrote: they are the same in the act and in what decides it."""
    hold(bloc, "ChairAppointed", {"member": "ZAF"})
    assert bloc.council.chair == "ZAF"
    hold(bloc, "AgendaSet", {"items": [{"item": "a", "kind": "debate", "title": "A"}]})
    assert [item.id for item in bloc.council.all("item")] == ["a"]


# --- Members ------------------------------------------------------------------------------------------------------


def test_a_member_comes_is_suspended_and_comes_back(bloc: Bloc) -> None:
    hold(bloc, "MemberAdmitted", {"member": "EGY", "membership": 2})
    assert bloc.council.members == ("BRA", "CHN", "EGY", "IND", "ZAF")
    bloc.say("EGY", "ProposalTabled", title="t", rule="majority", authentic=["en"],
             texts={"en": [{"id": "p1", "text": "x"}]})  # fmt: skip
    assert bloc.council.all("proposal")[-1].author == "EGY"
    hold(bloc, "MemberSuspended", {"member": "EGY", "reason": "dues"})
    found = bloc.council.get("member", "EGY")
    assert (found.status, found.reason) == ("suspended", "dues")
    bloc.say("EGY", "FullPowersIssued", person="del", scope=["all"])
    assert bloc.refusal() == "EGY is suspended."
    before = len(bloc.council.no_effect)
    bloc.say("EGY", "ClockTicked")
    assert len(bloc.council.no_effect) == before  # time is everybody's
    hold(bloc, "MemberAdmitted", {"member": "EGY", "membership": 3})
    assert bloc.council.get("member", "EGY").status == "active"


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("MemberAdmitted", {"member": "BRA", "membership": 2}, "BRA is a member already."),
        ("MemberAdmitted", {"member": "bra", "membership": 2}, "$.body.member"),
        ("MemberAdmitted", {"member": "EGY", "membership": 0}, "$.body.membership"),
        ("MemberSuspended", {"member": "FRA", "reason": "x"}, 'there is no member "FRA".'),
        ("MemberSuspended", {"member": "ZAF"}, "$.body.reason"),
        ("ObserverAdmitted", {"observer": "ZAF"}, "ZAF is a member."),
        ("ChairAppointed", {"member": "FRA"}, 'there is no member "FRA".'),
        ("ChairAppointed", {"member": "ZAF"}, "it needs a decision under amend_rules."),
        ("ChairAppointed", {"member": "ZAF", "until": "2026-02-30"}, '"2026-02-30" is not a day.'),
        ("GroupAdopted", {"group": "permanent", "members": ["BRA", "FRA"]}, "FRA is no member."),
        ("GroupAdopted", {"group": "permanent", "members": []}, "$.body.members"),
        ("WeightsAdopted", {**WEIGHTS, "values": {"BRA": -1}}, "$.body.values.BRA"),
        ("WeightsAdopted", {**WEIGHTS, "values": {"BRA": True}}, "$.body.values.BRA"),
        ("WeightsAdopted", {**WEIGHTS, "values": {"BRA": "4"}}, "$.body.values.BRA"),
        ("WeightsAdopted", {**WEIGHTS, "values": {"Brazil": 4}}, "$.body.values.Brazil"),
        ("WeightsAdopted", {**WEIGHTS, "day": "2026-13-01"}, "$.body.day"),
        ("WeightsAdopted", {**WEIGHTS, "day": "2026-02-30"}, '"2026-02-30" is not a day.'),
        ("KeyRotated", {"role": "node", "membership": "2"}, "$.body.membership"),
        ("RuleAdopted", {"rules": []}, "$.body.rules"),
        ("RuleAdopted", {"rules": [MAJORITY], "dicision": "v-2026-001"}, 'Did you mean "decision"?'),
    ],
)
def test_bad_input_of_the_constitution(bloc: Bloc, kind: str, body: dict[str, Any], words: str) -> None:
    before = {kind: dict(found) for kind, found in bloc.council.things.items()}
    bloc.say("BRA", kind, **body)
    assert words in bloc.refusal()
    assert bloc.council.things == before


def test_observers_are_admitted_by_the_chair_and_have_no_vote(bloc: Bloc) -> None:
    bloc.say("CHN", "ObserverAdmitted", observer="FRA")
    assert bloc.refusal() == "only the chair (BRA) may admit observers."
    bloc.say("BRA", "ObserverAdmitted", observer="FRA")
    vote = bloc.open_vote("tea")
    assert bloc.council.get("vote", vote).entitled == FOUR
    bloc.say("FRA", "ExplanationGiven", vote=vote, text="We like tea.")
    assert [e.member for e in bloc.council.all("explanation")] == ["FRA"]
    bloc.say("FRA", "KeyRotated", role="node", membership=2)
    assert bloc.refusal() == "FRA is no member of the council, and observers don't do that."


# --- Weights and groups decide as they stood at the opening ----------------------------------------------------------

WEIGHTED = """rule: weighted
version: 1
method: vote
adopt: {all_of: [{share: population, of: all, at_least: 0.55}, {none_of: [{against: permanent}]}]}
challenge_hours: 0
"""


def _weighted(bloc: Bloc) -> Any:
    proposal = bloc.table("BRA", rule="weighted")
    bloc.certify(proposal)
    return bloc.open_vote(proposal, "weighted")


def test_weights_and_groups_at_the_opening_decide() -> None:
    """BRA and IND have 6 of 10 >= 55/100; CHN against is a veto only where CHN is permanent at the opening."""
    bloc = Bloc(FOUR)
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    bloc.all_say("GroupAdopted", group="permanent", members=["ZAF", "ZAF", "BRA"])
    assert bloc.council.get("group", "permanent").members == ("BRA", "ZAF")
    bloc.found(AMEND, MAJORITY, WEIGHTED)
    vote = _weighted(bloc)
    change = {"group": "permanent", "members": ["CHN"]}
    decision = bloc.decide("GroupAdopted", change)  # time passes: the first vote is over by now
    assert bloc.council.get("vote", vote).status == "final"
    again = _weighted(bloc)
    bloc.say("CHN", "GroupAdopted", **change, decision=decision)
    bloc.cast(again, {"BRA": "yes", "IND": "yes", "CHN": "no"})
    found = bloc.finish(again)
    assert (found.outcome, found.groups) == ("adopted", {"permanent": ("BRA", "ZAF")})
    veto = _weighted(bloc)
    bloc.cast(veto, {"BRA": "yes", "IND": "yes", "CHN": "no"})
    assert bloc.finish(veto).outcome == "not_adopted"
    few = _weighted(bloc)
    bloc.cast(few, {"BRA": "yes", "ZAF": "yes"})  # 5 of 10 < 55/100
    assert bloc.finish(few).outcome == "not_adopted"


def test_a_vote_under_weights_waits_until_every_member_has_one() -> None:
    bloc = Bloc(FOUR)
    bloc.all_say("WeightsAdopted", **{**WEIGHTS, "values": {"BRA": 4, "CHN": 3, "IND": 2}})
    bloc.found(AMEND, WEIGHTED)
    proposal = bloc.table("BRA", rule="weighted")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    body = {"subject": proposal, "rule": "weighted", "closes": "2026-01-09T00:00Z", "text": text}
    bloc.say("BRA", "VoteOpened", **body)
    assert bloc.refusal().startswith("weighted needs the weight population of ZAF.")
    assert type(bloc.council.fault).__name__ == "InputError"
    hold(bloc, "WeightsAdopted", WEIGHTS)
    bloc.say("BRA", "VoteOpened", **{**body, "closes": "2026-03-09T00:00Z"})
    assert bloc.refusal().startswith("weighted names the group permanent, which there is none of.")


# --- The chair ----------------------------------------------------------------------------------------------------


def test_the_first_of_the_rota_presides_until_somebody_is_appointed_for_a_term(bloc: Bloc) -> None:
    assert Bloc(FOUR, chair="IND").council.chair == "IND"
    assert bloc.council.chair == "BRA"
    hold(bloc, "ChairAppointed", {"member": "ZAF", "until": "2026-03-01"})
    assert bloc.council.chair == "ZAF"
    bloc.now = 1_772_409_600 - 1  # 2026-03-02 00:00 UTC: the day named is the last one
    bloc.say("CHN", "ClockTicked")
    assert bloc.council.chair == "ZAF"
    bloc.pass_time(1)
    assert bloc.council.chair == "BRA"


def test_the_next_of_the_rota_presides_while_the_chair_is_suspended() -> None:
    bloc = Bloc(FOUR, chair="ZAF").found(AMEND)
    hold(bloc, "MemberSuspended", {"member": "ZAF", "reason": "dues"}, "BRA")
    assert bloc.council.chair == "BRA"  # behind the last of the rota comes the first
    bloc.say("BRA", "ChairAppointed", member="ZAF")
    assert bloc.refusal() == "ZAF is not active."
    hold(bloc, "MemberAdmitted", {"member": "ZAF", "membership": 2}, "BRA")
    assert bloc.council.chair == "ZAF"


def test_a_decision_is_not_spent_on_a_chair_until_a_day_that_is_none(bloc: Bloc) -> None:
    body = {"member": "ZAF", "until": "2026-06-31"}
    hold(bloc, "ChairAppointed", body)
    assert bloc.refusal() == '$.body.until: "2026-06-31" is not a day. As 2026-12-31'
    assert bloc.council.all("spent") == []
    assert bloc.council.chair == "BRA"


# --- Full powers --------------------------------------------------------------------------------------------------


def test_full_powers_begin_end_cover_and_are_the_nodes_to_issue(bloc: Bloc) -> None:
    bloc.say("BRA", "FullPowersIssued", person="del", scope=["KeyRotated"], until="2026-01-02")
    bloc.say("BRA", "KeyRotated", delegate="del", role="node", membership=2)
    assert bloc.council.get("key_rotation", "BRA.node.2").member == "BRA"
    bloc.say("BRA", "ProposalWithdrawn", delegate="del", proposal="p-2026-001")
    assert bloc.refusal() == "the full powers of del don't cover ProposalWithdrawn."
    bloc.say("BRA", "KeyRotated", delegate="del", role="node", membership=3, at=bloc.now - 1)
    assert bloc.refusal() == "full powers began 2026-01-01."
    bloc.say("CHN", "KeyRotated", delegate="del", role="node", membership=3)
    assert bloc.refusal() == "no full powers of CHN for del."
    bloc.say("BRA", "FullPowersIssued", delegate="del", person="other", scope=["all"])
    assert bloc.refusal() == "the full powers of del don't cover FullPowersIssued."
    bloc.now += 2 * DAY
    bloc.say("BRA", "KeyRotated", delegate="del", role="node", membership=3)
    assert bloc.refusal() == "full powers ended 2026-01-02."
    bloc.say("BRA", "FullPowersIssued", person="del", scope=["all"])
    bloc.say("BRA", "KeyRotated", delegate="del", role="node", membership=3)
    assert "BRA.node.3" in bloc.council.things["key_rotation"]
    bloc.say("BRA", "FullPowersIssued", delegate="del", person="other", scope=["all"])
    assert bloc.refusal() == "full powers are issued by the member's own node."
    assert len(bloc.council.get("powers", "BRA.del").grants) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"person": "del", "scope": []}, "$.body.scope"),
        ({"person": "Mr X", "scope": ["all"]}, "$.body.person"),
        ({"person": "del", "scope": ["everything"]}, "$.body.scope"),
        ({"person": "del", "scope": ["all"], "until": "2026-02-29"}, '"2026-02-29" is not a day. As 2026-12-31'),
        ({"person": "del", "scope": ["all"], "until": "9999-12-31"}, '"9999-12-31" is not a day.'),
    ],
)
def test_full_powers_that_say_nothing(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    bloc.say("BRA", "FullPowersIssued", **body)
    assert words in bloc.refusal()
    assert bloc.council.all("powers") == []


def test_a_strangers_word_is_kept_and_counts_for_nothing(bloc: Bloc) -> None:
    said = bloc.say("FRA", "WeightsAdopted", **WEIGHTS)
    row = bloc.council.no_effect[-1]
    assert (row.entry, row.author, row.type, row.reason) == (
        said, "FRA", "WeightsAdopted", "FRA is no member of the council.",
    )  # fmt: skip


def test_whom_the_founders_admit_is_not_waited_for() -> None:
    """A member without a node would stop the founding for ever."""
    bloc = Bloc(("BRA", "CHN"))
    bloc.all_say("MemberAdmitted", member="IND", membership=1)
    assert bloc.council.members == ("BRA", "CHN", "IND")
    bloc.all_say("RuleAdopted", rules=[AMEND])
    assert bloc.council.find("rule", "amend_rules") is not None
