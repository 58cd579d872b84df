"""Reviews on the record: the stages in their order, what is fixed before coding, codes, comments, the report."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from concordat.council.reviews import scores_of
from council_kit import AMEND, DAY, MAJORITY, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
KEY = "r-2026-001"
A, B, RELEASE, REPORT = "a" * 64, "b" * 64, "c" * 64, "d" * 64
STAGES = ("opened", "guidelines_fixed", "coding", "drafts", "comments", "final", "adopted")


@pytest.fixture
def bloc() -> Bloc:
    bloc = Bloc(FOUR).found(AMEND, MAJORITY)
    row = {"document": "d", "kind": "target", "who": "w", "what": "w"}
    names = (("c1", "health"), ("c2", ""), ("c3", ""))
    bloc.say("IND", "CommitmentRegistered", commitments=[{**row, "id": n, "topic": t} for n, t in names])
    return bloc


def cycle(bloc: Bloc) -> Any:
    return bloc.council.get("cycle", KEY)


def begin(bloc: Bloc, author: str = "BRA", **body: Any) -> None:
    said = {"title": "2026", "year": 2026, "commitments": ["c2", "c1"], "selection": "balance", "rule": "majority"}
    bloc.say(author, "CycleOpened", **{**said, **body})


def step(bloc: Bloc, to: str, author: str = "BRA", **body: Any) -> None:
    bloc.say(author, "StageAdvanced", subject=KEY, to=to, **body)


def reach(bloc: Bloc, stage: str) -> None:
    """The cycle in a stage."""
    wanted = STAGES.index(stage)
    begin(bloc)
    if wanted >= 1:
        bloc.say("BRA", "GuidelineFixed", cycle=KEY, text="+1: fully, 0: in part, -1: not at all")
    if wanted >= 2:
        step(bloc, "coding", release=RELEASE)
    for to in STAGES[3 : min(wanted, 4) + 1]:
        step(bloc, to)
    if wanted >= 5:
        bloc.now += 14 * DAY + 1
        step(bloc, "final")
        bloc.say("BRA", "ReportPublished", cycle=KEY, stage="final", report=REPORT)
    assert cycle(bloc).status == stage, bloc.refusal()


def code(bloc: Bloc, author: str, value: int | None, member: str = "ZAF", **body: Any) -> None:
    said = {"cycle": KEY, "commitment": "c1", "member": member, "code": value, "sources": [A]}
    bloc.say(author, "CodeAssigned", **{**said, **body})


# --- Stages -------------------------------------------------------------------------------------------------------


def test_a_cycle_goes_from_opened_to_adopted(bloc: Bloc) -> None:
    reach(bloc, "final")
    found = cycle(bloc)
    assert (found.chosen, found.coverage, found.release) == (("c1", "c2"), "assessed 2 of 3", RELEASE)
    vote = bloc.open_vote(f"report {KEY}")
    bloc.cast(vote, dict.fromkeys(FOUR, "yes"))
    step(bloc, "adopted", decision=vote)
    assert bloc.refusal() == f'a report is adopted by a final vote on "report {KEY}".'
    bloc.finish(vote)
    step(bloc, "adopted", decision=vote)
    assert (cycle(bloc).status, cycle(bloc).decision) == ("adopted", vote)
    body = {"subject": f"report {KEY}", "rule": "majority", "closes": "2026-03-01T00:00Z", "text": A}
    bloc.say("BRA", "VoteOpened", **body)
    assert bloc.refusal() == f"{KEY} is adopted; its final report is voted on once it is published."


@pytest.mark.parametrize(("stage", "to"), [(s, t) for s in STAGES[:-1] for t in STAGES[1:]])
def test_a_stage_is_never_skipped_and_none_comes_back(bloc: Bloc, stage: str, to: str) -> None:
    if STAGES.index(to) == STAGES.index(stage) + 1:
        return  # the way itself
    reach(bloc, stage)
    before = cycle(bloc)
    step(bloc, to, release=RELEASE)
    assert bloc.refusal() == f"from {stage} one goes to {STAGES[STAGES.index(stage) + 1]}, not to {to}."
    assert cycle(bloc) == before


def test_what_a_stage_needs(bloc: Bloc) -> None:
    begin(bloc)
    step(bloc, "guidelines_fixed")
    assert bloc.refusal() == "the guideline itself is fixed (GuidelineFixed)."
    bloc.say("ZAF", "GuidelineFixed", cycle=KEY, text="g")
    assert bloc.refusal() == "only the chair (BRA) may fix the guideline."
    bloc.say("BRA", "GuidelineFixed", cycle=KEY, text="g")
    bloc.say("BRA", "GuidelineFixed", cycle=KEY, text="another")
    assert bloc.refusal() == "from guidelines_fixed one goes to coding, not to guidelines_fixed."
    assert cycle(bloc).guideline == "g"
    step(bloc, "coding")
    assert bloc.refusal() == "coding begins with the data frozen: name the release's hash."
    step(bloc, "coding", "ZAF", release=RELEASE)
    assert bloc.refusal() == "only the chair (BRA) may move a cycle on."
    step(bloc, "codign", release=RELEASE)
    assert bloc.refusal() == '"codign" is not a stage of a review. Did you mean "coding"?'
    step(bloc, "coding", release="none")
    assert "$.body.release" in bloc.refusal()
    bloc.say("BRA", "StageAdvanced", subject="r-2026-009", to="coding", release=RELEASE)
    assert 'there is no dispute "r-2026-009".' in bloc.refusal()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"author": "ZAF"}, "only the chair (BRA) may open a cycle."),
        ({"commitments": ["c1", "c9"]}, 'there is no commitment "c9".'),
        ({"commitments": []}, "$.body.commitments"),
        ({"selection": ""}, "$.body.selection"),
        ({"rule": "majorty"}, 'there is no rule "majorty". Did you mean "majority"?'),
        ({"year": 1989}, "$.body.year"),
    ],
)
def test_a_cycle_is_not_opened(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    begin(bloc, **body)
    assert words in bloc.refusal()
    begin(bloc)
    assert [c.id for c in bloc.council.all("cycle")] == [KEY]  # and what was refused took no id


# --- Codes --------------------------------------------------------------------------------------------------------


def test_codes_stand_by_cell_with_coder_and_sources(bloc: Bloc) -> None:
    reach(bloc, "coding")
    bloc.say("CHN", "FullPowersIssued", person="coder", scope=["CodeAssigned"])
    code(bloc, "BRA", 1, sources=[B, A, B])
    bloc.say("CHN", "CodeAssigned", delegate="coder", cycle=KEY, commitment="c1", member="ZAF", code=0, sources=[A])
    code(bloc, "IND", None, reason="no schools there", sources=[])
    assert [(c.coder, c.value, c.sources) for c in cycle(bloc).codes["c1|ZAF"]] == [
        ("BRA.node", 1, (A, B)), ("CHN.coder", 0, (A,)), ("IND.node", None, ()),
    ]  # fmt: skip
    code(bloc, "CHN", -1)
    assert bloc.refusal() == "CHN has coded c1 of ZAF already. A member codes a cell once, by one of its coders."
    assert len(cycle(bloc).codes["c1|ZAF"]) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"value": 2}, "$.body.code"),
        ({"value": -2}, "$.body.code"),
        ({"value": True}, "$.body.code"),
        ({"value": "+1"}, "$.body.code"),
        ({"value": 1, "sources": []}, "$.body.sources: a code names its sources by their hashes."),
        ({"value": None}, "$.body.reason: a cell without a code needs a reason."),
        ({"value": 1, "commitment": "c3"}, f"$.body.commitment: c3 is not assessed in {KEY}."),
        ({"value": 1, "member": "FRA"}, 'there is no member "FRA".'),
        ({"value": 1, "cycle": "r-2026-002"}, 'there is no cycle "r-2026-002".'),
    ],
)
def test_a_code_that_counts_for_nothing(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    reach(bloc, "coding")
    code(bloc, "BRA", **body)
    assert words in bloc.refusal()
    assert cycle(bloc).codes == {}


@pytest.mark.parametrize("stage", [s for s in STAGES[:-1] if s != "coding"])
def test_codes_are_given_while_coding_alone(bloc: Bloc, stage: str) -> None:
    reach(bloc, stage)
    code(bloc, "CHN", 1)
    assert bloc.refusal() == f"{KEY} is {stage}; codes are given while coding."


def test_scores_from_the_record_by_hand(bloc: Bloc) -> None:
    """c1: ZAF median of -1, 0, 1, 1 is 1/2; CHN 1 (0 and 1 -> 1/2); c2 of ZAF: its own coder alone, so blank."""
    reach(bloc, "coding")
    for author, value in zip(FOUR, (-1, 0, 1, 1), strict=True):
        code(bloc, author, value)
    code(bloc, "BRA", 0, "CHN")
    code(bloc, "IND", 1, "CHN")
    code(bloc, "ZAF", 1, "ZAF", commitment="c2")
    scores = scores_of(bloc.council, KEY)
    cells = {key: cell.value for key, cell in scores.cells.items() if cell.value is not None}
    assert cells == {("c1", "ZAF"): Fraction(1, 2), ("c1", "CHN"): Fraction(1, 2)}
    percent = Fraction(75)  # 50 (1/2 + 1)
    assert {m: scores.members[m].percent for m in ("CHN", "ZAF")} == {"CHN": percent, "ZAF": percent}


# --- Comments and reports -----------------------------------------------------------------------------------------


def test_members_and_observers_comment_for_fourteen_days(bloc: Bloc) -> None:
    bloc.say("BRA", "ObserverAdmitted", observer="FRA")
    reach(bloc, "drafts")
    bloc.say("ZAF", "MemberCommented", cycle=KEY, text="early")
    assert bloc.refusal() == f"{KEY} is drafts; members comment on the drafts."
    bloc.say("BRA", "ReportPublished", cycle=KEY, stage="draft", report=A)
    step(bloc, "comments")
    end = bloc.now + 14 * DAY
    assert cycle(bloc).comments_until == end
    bloc.now = end
    bloc.say("ZAF", "MemberCommented", cycle=KEY, about="c1", text="we did")
    bloc.say("FRA", "MemberCommented", cycle=KEY, text="we saw it")
    step(bloc, "final")
    assert bloc.refusal() == "members may comment until 2026-01-15 00:00 UTC."
    bloc.now = end + 1
    bloc.say("CHN", "MemberCommented", cycle=KEY, text="late")
    assert bloc.refusal() == f"{KEY} is comments; members comment on the drafts until 2026-01-15 00:00 UTC."
    step(bloc, "final")
    assert [(c.member, c.about) for c in cycle(bloc).comments] == [("ZAF", "c1"), ("FRA", "")]
    assert cycle(bloc).status == "final"


@pytest.mark.parametrize("stage", STAGES[:-1])
@pytest.mark.parametrize("which", ["draft", "final"])
def test_reports_are_published_in_their_stage(bloc: Bloc, stage: str, which: str) -> None:
    reach(bloc, stage)
    before = len(bloc.council.no_effect)
    bloc.say("BRA", "ReportPublished", cycle=KEY, stage=which, report=A)
    fits = (which, stage) in (("draft", "drafts"), ("final", "final"))
    assert (len(bloc.council.no_effect) == before) == fits
    if not fits:
        words = "drafts are published in drafts." if which == "draft" else "the final report follows the comments."
        assert bloc.refusal() == f"{KEY} is {stage}; {words}"
    bloc.say("ZAF", "ReportPublished", cycle=KEY, stage=which, report=A)
    assert bloc.refusal() == "only the chair (BRA) may publish the report."


# --- The vote on the report ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES[:5])
def test_a_report_that_is_not_there_is_not_voted_on(bloc: Bloc, stage: str) -> None:
    """Else a vote from before the coding would adopt whatever the chair publishes afterwards."""
    from concordat.council.voting import question_hash

    reach(bloc, stage)
    subject = f"report {KEY}"
    body = {"subject": subject, "rule": "majority", "closes": "2026-03-01T00:00Z", "text": question_hash(subject, "")}
    bloc.say("BRA", "VoteOpened", **body)
    assert bloc.refusal() == f"{KEY} is {stage}; its final report is voted on once it is published."
    assert bloc.council.all("vote") == []


def test_another_report_than_the_one_voted_on_is_not_adopted(bloc: Bloc) -> None:
    reach(bloc, "final")
    vote = bloc.open_vote(f"report {KEY}")
    bloc.cast(vote, dict.fromkeys(FOUR, "yes"))
    bloc.say("BRA", "ReportPublished", cycle=KEY, stage="final", report=B)
    bloc.finish(vote)
    step(bloc, "adopted", decision=vote)
    assert bloc.refusal() == f"{vote} was about another report than the one published last."
    assert cycle(bloc).status == "final"


def test_a_rejected_report_stays_final_and_is_voted_on_again(bloc: Bloc) -> None:
    reach(bloc, "final")
    vote = bloc.open_vote(f"report {KEY}")
    bloc.cast(vote, dict.fromkeys(FOUR, "no"))
    assert bloc.finish(vote).outcome == "not_adopted"
    step(bloc, "adopted", decision=vote)
    assert bloc.refusal() == f'a report is adopted by a final vote on "report {KEY}".'
    again = bloc.open_vote(f"report {KEY}")
    bloc.cast(again, dict.fromkeys(FOUR, "yes"))
    bloc.finish(again)
    step(bloc, "adopted", decision=again)
    assert cycle(bloc).status == "adopted"


def test_an_adopted_report_marks_what_is_active_as_reviewed(bloc: Bloc) -> None:
    ends = "baseline: {year: 2023, value: 1}\ntarget: {year: 2030, value: 2}\n"
    text = f"commitment: c1\nindicator: x\ndirection: up\n{ends}"
    body = {"commitment": "c1", "target": text}
    bloc.say("IND", "TargetSet", **body, decision=bloc.decide("TargetSet", body, rule="majority"))
    reach(bloc, "final")
    vote = bloc.open_vote(f"report {KEY}")
    bloc.cast(vote, dict.fromkeys(FOUR, "yes"))
    bloc.finish(vote)
    step(bloc, "adopted", decision=vote)
    assert [bloc.council.get("commitment", c).state for c in ("c1", "c2")] == ["reviewed", "registered"]


# --- Recommendations ----------------------------------------------------------------------------------------------


def test_a_recommendation_is_answered_once_and_by_whom_it_is_made_to(bloc: Bloc) -> None:
    begin(bloc)
    bloc.say("CHN", "RecommendationMade", cycle=KEY, to="ZAF", text="connect schools", specific=True)
    answer = {"recommendation": "rec-2026-001", "answer": "noted", "reason": "no money"}
    bloc.say("IND", "RecommendationAnswered", **answer)
    assert bloc.refusal() == "rec-2026-001 is ZAF's to answer."
    bloc.say("ZAF", "RecommendationAnswered", **{**answer, "answer": "rejected"})
    assert "$.body.answer" in bloc.refusal()
    bloc.say("ZAF", "RecommendationAnswered", **{**answer, "reason": ""})
    assert "$.body.reason" in bloc.refusal()
    bloc.say("ZAF", "RecommendationAnswered", **answer)
    bloc.say("ZAF", "RecommendationAnswered", **{**answer, "answer": "accepted"})
    assert bloc.refusal() == "rec-2026-001 is noted already."
    found = bloc.council.get("recommendation", "rec-2026-001")
    assert (found.author, found.to, found.specific, found.answer) == ("CHN", "ZAF", True, "noted")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"to": "CHN"}, "a member makes no recommendation to itself."),
        ({"to": "FRA"}, 'there is no member "FRA".'),
        ({"cycle": "r-2026-002"}, 'there is no cycle "r-2026-002".'),
        ({"specific": "yes"}, "$.body.specific"),
        ({"text": ""}, "$.body.text"),
    ],
)
def test_bad_recommendations(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    begin(bloc)
    bloc.say("CHN", "RecommendationMade", **{"cycle": KEY, "to": "ZAF", "text": "x", "specific": False, **body})
    assert words in bloc.refusal()
    assert bloc.council.all("recommendation") == []
