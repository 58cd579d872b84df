"""What each member owes and until when, of every kind, and what is owed by nobody any more."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council.decide.sealed import commitment
from concordat.council.due import Owed, due
from council_kit import AMEND, DAY, HOUR, MAJORITY, SILENCE, T0, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
ELECT = "rule: elect\nversion: 1\nmethod: election\nsystem: borda\nseats: 1\n"
TIE = MAJORITY.replace("rule: majority", "rule: tied").replace("vote_change", "tie: chair_decides\nvote_change")
HASH = "a" * 64


@pytest.fixture
def bloc() -> Bloc:
    return Bloc(FOUR).found(AMEND, MAJORITY, TIE, SILENCE, ELECT)


def owed(bloc: Bloc, member: str = "", *, at: int | None = None) -> list[tuple[str, str, str]]:
    return [(o.member, o.what, o.subject) for o in due(bloc.council, bloc.now if at is None else at, member)]


def test_nothing_is_owed_at_first(bloc: Bloc) -> None:
    assert due(bloc.council, bloc.now) == []


def test_a_vote_is_owed_by_who_has_not_cast_until_it_closes(bloc: Bloc) -> None:
    vote = bloc.open_vote("tea")
    bloc.cast(vote, {"CHN": "yes", "IND": "not_participating"})
    closes = T0 + 48 * HOUR
    assert due(bloc.council, closes) == [Owed("BRA", "vote", vote, closes), Owed("ZAF", "vote", vote, closes)]
    assert due(bloc.council, closes, "ZAF") == [Owed("ZAF", "vote", vote, closes)]
    assert due(bloc.council, closes + 1) == []


def test_the_earliest_stands_first_and_what_has_no_deadline_last(bloc: Bloc) -> None:
    late, soon = bloc.open_vote("tea", hours=48), bloc.open_vote("milk", hours=24)
    proposal = bloc.table("IND")
    assert [(o.subject, o.until) for o in due(bloc.council, bloc.now, "BRA")] == [
        (soon, T0 + 24 * HOUR), (late, T0 + 48 * HOUR), (proposal, 0),
    ]  # fmt: skip


def test_who_is_suspended_owes_no_vote(bloc: Bloc) -> None:
    body = {"member": "ZAF", "reason": "dues"}
    decision = bloc.decide("MemberSuspended", body)
    vote = bloc.open_vote("tea")
    bloc.say("BRA", "MemberSuspended", **body, decision=decision)
    assert owed(bloc) == [(m, "vote", vote) for m in FOUR[:3]]


def test_a_sealed_ballot_is_owed_then_its_opening(bloc: Bloc) -> None:
    vote = bloc.open_vote("who", "elect", candidates=["a", "b"], reveal_until="2026-01-05T00:00Z")
    found = bloc.council.get("vote", vote)
    sealed = commitment(vote, "CHN", bytes(32), ["a"])
    bloc.say("CHN", "BallotCommitted", vote=vote, commitment=sealed, text=found.text, rule=found.rule_hash)
    assert owed(bloc) == [(m, "vote", vote) for m in ("BRA", "IND", "ZAF")]
    bloc.now = found.closes + 1
    assert due(bloc.council, bloc.now) == [Owed("CHN", "open the sealed ballot", vote, found.reveal_until)]
    bloc.say("CHN", "BallotRevealed", vote=vote, nonce="00" * 32, ballot=["a"])
    assert owed(bloc) == []
    assert found.reveal_until == T0 + 4 * DAY


def test_silence_is_told_to_who_may_break_it(bloc: Bloc) -> None:
    proposal = bloc.table(rule="silence")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    bloc.say("BRA", "SilenceStarted", proposal=proposal, rule="silence", text=text, hours=24)
    key = "s-2026-001"
    assert due(bloc.council, bloc.now) == [Owed(m, "speak, or be silent", key, T0 + 24 * HOUR) for m in FOUR]
    assert owed(bloc, at=T0 + 24 * HOUR + 1) == []
    bloc.pass_time(24 * HOUR + DAY + 1)
    assert owed(bloc) == [("BRA", "announce it", key)]
    bloc.say("BRA", "SilenceAnnounced", silence=key)
    assert owed(bloc) == []


def test_silence_that_a_group_may_break_is_told_to_the_group() -> None:
    bloc = Bloc(FOUR)
    bloc.all_say("GroupAdopted", group="south", members=["IND", "ZAF"])
    bloc.found(AMEND, SILENCE.replace("who_may_break: members", "who_may_break: south"))
    proposal = bloc.table(rule="silence")
    bloc.certify(proposal)
    text = bloc.council.get("proposal", proposal).certified
    bloc.say("BRA", "SilenceStarted", proposal=proposal, rule="silence", text=text, hours=24)
    assert [m for m, _, _ in owed(bloc)] == ["IND", "ZAF"]


def test_opinions_are_owed_by_delegations_on_what_is_not_rejected(bloc: Bloc) -> None:
    key = "c-2026-001"
    bloc.say("IND", "ConsultationOpened", title="t", closes="2026-01-03T00:00Z")
    assert owed(bloc) == []
    for text in ("one", "two", "three"):
        bloc.say("IND", "StatementSubmitted", consultation=key, text=text)
    said = {"consultation": key, "statement": 3, "decision": "rejected", "reason": "r"}
    bloc.say("BRA", "StatementModerated", **said)
    bloc.say("CHN", "OpinionVoted", consultation=key, opinions=[[1, "pass"]])
    bloc.say("ZAF", "OpinionVoted", consultation=key, opinions=[[1, "agree"], [2, "agree"]])
    two, one = "say what it thinks of 2 statements", "say what it thinks of 1 statement"
    assert owed(bloc) == [("BRA", two, key), ("CHN", one, key), ("IND", two, key)]
    assert due(bloc.council, bloc.now)[0].until == T0 + 2 * DAY
    assert owed(bloc, at=T0 + 2 * DAY + 1) == []


def test_a_public_owes_nothing(bloc: Bloc) -> None:
    bloc.say("IND", "ConsultationOpened", title="t", public="public", closes="2026-01-03T00:00Z")
    bloc.say("IND", "StatementSubmitted", consultation="c-2026-001", text="one")
    assert owed(bloc) == []


# --- Reviews ------------------------------------------------------------------------------------------------------


def review(bloc: Bloc) -> None:
    row = {"id": "c1", "document": "d", "kind": "k", "who": "w", "what": "w"}
    bloc.say("BRA", "CommitmentRegistered", commitments=[row])
    bloc.say("BRA", "CycleOpened", title="t", year=2026, commitments=["c1"], selection="s", rule="majority")
    bloc.say("BRA", "GuidelineFixed", cycle="r-2026-001", text="g")
    bloc.say("BRA", "StageAdvanced", subject="r-2026-001", to="coding", release=HASH)


def code(bloc: Bloc, author: str, member: str) -> None:
    cell = {"cycle": "r-2026-001", "commitment": "c1", "member": member, "code": 1, "sources": [HASH]}
    bloc.say(author, "CodeAssigned", **cell)


def test_coders_are_the_chairs_to_find(bloc: Bloc) -> None:
    review(bloc)
    assert owed(bloc) == [("BRA", "find coders for 4 cells with fewer than two", "r-2026-001")]
    for member in FOUR:
        code(bloc, "BRA", member)
    for member in FOUR[:3]:
        code(bloc, "CHN", member)
    assert owed(bloc) == [("BRA", "find coders for 1 cell with fewer than two", "r-2026-001")]
    code(bloc, "CHN", "ZAF")
    assert owed(bloc) == []


def test_the_cells_of_a_suspended_member_stand_for_no_others(bloc: Bloc) -> None:
    body = {"member": "ZAF", "reason": "dues"}
    decision = bloc.decide("MemberSuspended", body)
    review(bloc)
    for author in ("BRA", "CHN"):
        code(bloc, author, "ZAF")
    bloc.say("BRA", "MemberSuspended", **body, decision=decision)
    assert owed(bloc) == [("BRA", "find coders for 3 cells with fewer than two", "r-2026-001")]


def test_comments_and_answers_are_owed(bloc: Bloc) -> None:
    review(bloc)
    for to in ("drafts", "comments"):
        bloc.say("BRA", "StageAdvanced", subject="r-2026-001", to=to)
    bloc.say("CHN", "MemberCommented", cycle="r-2026-001", text="x")
    end = bloc.now + 14 * DAY
    want = [Owed(m, "comment on the draft", "r-2026-001", end) for m in ("BRA", "IND", "ZAF")]
    assert due(bloc.council, end) == want
    assert due(bloc.council, end + 1) == []
    bloc.say("CHN", "RecommendationMade", cycle="r-2026-001", to="ZAF", text="x", specific=True)
    assert due(bloc.council, end + 1) == [Owed("ZAF", "answer the recommendation", "rec-2026-001", 0)]
    bloc.say("ZAF", "RecommendationAnswered", recommendation="rec-2026-001", answer="noted", reason="r")
    assert due(bloc.council, end + 1) == []


# --- Disputes and the chair -----------------------------------------------------------------------------------------


def test_duties_in_a_dispute_until_it_is_over(bloc: Bloc) -> None:
    bloc.say("IND", "DisputeFiled", procedure="odr", respondent="ZAF", subject="x")
    until = 1_768_262_400  # 2026-01-13 00:00 UTC: ten days are Sunday the 11th, and Monday ends then
    row = Owed("ZAF", "respond (notice)", "d-2026-001", until)
    assert due(bloc.council, bloc.now) == [row]
    assert due(bloc.council, until + 1) == [row]  # overdue, and still owed while it may count
    bloc.say("IND", "DisputeWithdrawn", dispute="d-2026-001")
    assert due(bloc.council, bloc.now) == []


def _counted(bloc: Bloc, rule: str, ballots: dict[str, str]) -> Any:
    vote = bloc.open_vote("tea", rule)
    bloc.cast(vote, ballots)
    bloc.now = bloc.council.get("vote", vote).closes
    bloc.pass_time(DAY + 1)
    return bloc.council.get("vote", vote)


def test_the_result_is_the_chairs_to_declare(bloc: Bloc) -> None:
    vote = _counted(bloc, "majority", dict.fromkeys(FOUR, "yes"))
    assert due(bloc.council, bloc.now) == [Owed("BRA", "declare the result", vote.id, T0 + 5 * DAY)]
    bloc.say("BRA", "ResultDeclared", vote=vote.id, outcome="adopted", result=vote.result_hash)
    assert owed(bloc) == []
    bloc.say("ZAF", "ResultChallenged", vote=vote.id, reason="again")
    assert owed(bloc) == [("BRA", "declare the result", vote.id)]
    bloc.pass_time(10 * DAY)
    assert owed(bloc) == []


def test_a_tie_is_the_chairs_to_decide_while_it_may(bloc: Bloc) -> None:
    vote = _counted(bloc, "tied", {"BRA": "yes", "CHN": "yes", "IND": "no", "ZAF": "no"})
    assert vote.outcome == "tie_to_chair"
    until = T0 + (2 + 1 + 2 + 14) * DAY  # closing, merge delay, challenge time, fourteen days
    assert due(bloc.council, bloc.now) == [Owed("BRA", "decide the tie", vote.id, until)]
    bloc.now = until
    bloc.pass_time(1)
    assert (owed(bloc), bloc.council.get("vote", vote.id).outcome) == ([], "not_adopted")


def test_a_tabled_text_is_the_chairs_to_certify(bloc: Bloc) -> None:
    proposal = bloc.table()
    assert owed(bloc) == [("BRA", "certify the text, or send it to a consultation", proposal)]
    bloc.certify(proposal)
    assert owed(bloc) == []
