"""Elections on the record: every system by its rule, sealed ballots, quotas, ties to a second round; and what the
chair decides, leave to withdraw, and subjects that only some votes may have."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council.decide.sealed import commitment
from concordat.council.voting import question_hash
from concordat.errors import InputError
from council_kit import AMEND, DAY, HOUR, MAJORITY, Bloc

FIVE = ("BRA", "CHN", "EGY", "IND", "ZAF")
SYSTEMS = ("pav", "phragmen", "equal_shares", "borda", "schulze", "stv")
THREE = ["BRA.ana", "CHN.li", "EGY.omar"]
ANA, LI, OMAR = THREE


def rule(system: str = "borda", seats: int = 1, more: str = "") -> str:
    return f"rule: {system}\nversion: 1\nmethod: election\nsystem: {system}\nseats: {seats}\n{more}"


def bloc_of(*rules: str) -> Bloc:
    bloc = Bloc(FIVE)
    bloc.all_say("GroupAdopted", group="africa", members=["EGY", "ZAF"])
    return bloc.found(AMEND, MAJORITY, *rules)


def held(bloc: Bloc, system: str, ballots: dict[str, Any], candidates: list[str] | None = None) -> Any:
    vote = bloc.open_vote(f"secretary by {system}", system, candidates=candidates or THREE)
    bloc.cast(vote, ballots)
    return bloc.finish(vote)


# --- By rule ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_elects_whom_four_of_five_put_first(system: str) -> None:
    """By hand: approvals 4 to 1, points 8 (of 2, 1, 0) to 2, four of five first preferences (quota 3)."""
    bloc = bloc_of(rule(system))
    approve = system in ("pav", "phragmen", "equal_shares")
    ballots: dict[str, Any] = dict.fromkeys(FIVE[:4], [ANA] if approve else [ANA, LI, OMAR])
    found = held(bloc, system, {**ballots, "ZAF": [OMAR] if approve else [OMAR, LI, ANA]})
    assert (found.status, found.outcome, found.method) == ("final", "adopted", "election")
    result = found.result["election"]
    assert (result["system"], result["elected"], result["tied"], found.result["void"]) == (system, [ANA], [], [])


def test_bordas_points_by_hand() -> None:
    """ana 2+2+2+1+0 = 7, li 1+1+1+2+2 = 7, omar 0+0+0+0+1 = 1: a tie that neither name nor order decides."""
    bloc = bloc_of(rule())
    ballots = {**dict.fromkeys(FIVE[:3], THREE), "IND": [LI, ANA, OMAR], "ZAF": [LI, OMAR, ANA]}
    found = held(bloc, "borda", ballots)
    assert found.outcome == "tied"
    assert (found.result["election"]["elected"], found.result["election"]["tied"]) == ([], [ANA, LI])
    assert dict(found.result["election"]["rounds"][0]["counts"]) == {ANA: "7", LI: "7", OMAR: "1"}


def test_a_tie_goes_to_a_second_round_between_the_tied() -> None:
    bloc = bloc_of(rule())
    ballots = {"BRA": [ANA, LI], "CHN": [LI, ANA], "EGY": [ANA, LI], "IND": [LI, ANA]}
    first = held(bloc, "borda", ballots)
    tied = first.result["election"]["tied"]
    assert (first.status, first.outcome, tied) == ("final", "tied", [ANA, LI])
    again = held(bloc, "borda", {**ballots, "ZAF": [LI, ANA]}, tied)
    assert (again.outcome, again.result["election"]["elected"]) == ("adopted", [LI])


def test_who_is_elected_without_doubt_is_so_and_the_tied_share_the_seat_left() -> None:
    """Two seats; approvals 4, 2, 2."""
    bloc = bloc_of(rule("pav", 2))
    ballots = {"BRA": [ANA, LI], "CHN": [ANA, LI], "EGY": [ANA, OMAR], "IND": [ANA, OMAR]}
    result = held(bloc, "pav", ballots).result["election"]
    assert (result["elected"], result["tied"], result["seats_left"]) == ([ANA], [LI, OMAR], 1)


@pytest.mark.parametrize(("quotas", "elected"), [("", [ANA, LI]), ("quotas: {africa: 1}\n", [ANA, OMAR])])
def test_a_quota_keeps_a_seat_for_a_group(quotas: str, elected: list[str]) -> None:
    """Borda's points 8, 7, 0: without a quota the last is not elected, with one of Africa it is."""
    bloc = bloc_of(rule("borda", 2, quotas))
    ballots = {**dict.fromkeys(FIVE[:3], THREE), **{m: [LI, ANA, OMAR] for m in FIVE[3:]}}
    found = held(bloc, "borda", ballots)
    assert (found.outcome, found.result["election"]["elected"]) == ("adopted", elected)


def test_a_quota_that_nobody_stands_for_elects_nobody_and_says_why() -> None:
    bloc = bloc_of(rule("borda", 2, "quotas: {africa: 2}\n"))
    found = held(bloc, "borda", dict.fromkeys(FIVE, THREE))
    assert found.outcome == "not_adopted"
    assert "africa" in found.result["election"]["reason"]


def test_the_group_is_that_of_the_opening_and_must_be_there() -> None:
    bloc = bloc_of(rule("borda", 2, "quotas: {arctic: 1}\n"))
    body = {"subject": "who", "rule": "borda", "closes": "2026-01-05T00:00Z", "candidates": THREE}
    bloc.say("BRA", "VoteOpened", **body, text=question_hash("who", ""))
    assert bloc.refusal().startswith("borda names the group arctic, which there is none of.")


def test_an_election_in_which_nobody_votes() -> None:
    found = held(bloc_of(rule()), "borda", {})
    assert found.outcome == "not_adopted"
    assert "no ballot was cast" in found.result["election"]["reason"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"candidates": []}, "$.body.candidates: an election needs candidates."),
        ({"candidates": ["a", "b", "a"]}, "$.body.candidates: a candidate stands twice."),
        ({"candidates": ["a b"]}, "$.body.candidates[0]"),
        ({"reveal_until": "2026-01-05T00:00Z"}, "only elections are sealed, and they are opened after the closing."),
        ({"reveal_until": "soon"}, "$.body.reveal_until"),
        ({"rule": "majority", "reveal_until": "2026-02-05T00:00Z", "candidates": []}, "only elections are sealed"),
        ({"closes": "2026-01-01T00:59Z"}, "and stays open for an hour at least."),
        ({"rule": "brda"}, 'there is no rule "brda". Did you mean "borda"?'),
        ({"text": "0" * 64}, "the text of who is "),
        ({"meeting": "m-2026-001"}, 'there is no meeting "m-2026-001".'),
    ],
)
def test_an_election_is_not_opened(body: dict[str, Any], words: str) -> None:
    bloc = bloc_of(rule())
    said = {"subject": "who", "rule": "borda", "closes": "2026-01-05T00:00Z", "candidates": THREE}
    bloc.say("BRA", "VoteOpened", **{**said, "text": question_hash("who", ""), **body})
    assert words in bloc.refusal()
    assert bloc.council.all("vote") == []
    assert bloc.open_vote("who", "borda", candidates=THREE) == "v-2026-001"  # what was refused took no id


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ([ANA, "nobody"], '"nobody" is no candidate. Candidates: BRA.ana, CHN.li, EGY.omar.'),
        ([ANA, ANA], "a candidate stands twice."),
        ("yes", '"yes" is no candidate.'),
        (["x" * 65], "$.body.choice"),
        ([[ANA, LI]], "$.body.choice"),
    ],
)
def test_a_ballot_that_names_something_else(choice: Any, words: str) -> None:
    bloc = bloc_of(rule())
    vote = bloc.open_vote("who", "borda", candidates=THREE)
    bloc.cast(vote, {"ZAF": choice})
    assert words in bloc.refusal()
    found = bloc.council.get("vote", vote)
    assert (found.ballots, [row[1] for row in found.not_counted]) == ({}, ["ZAF"])


def test_the_state_does_not_depend_on_the_words_of_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ballot that breaks its schema stands with its vote; another release may say otherwise what is wrong with it."""
    from concordat.council.fold import take

    def otherwise(*args: Any) -> Any:
        try:
            return read(*args)
        except InputError as error:
            raise InputError("In other words.", where=error.where, code=error.code) from None

    read, hashes = take.__globals__["read_body"], []
    for reader in (read, otherwise):
        monkeypatch.setitem(take.__globals__, "read_body", reader)
        bloc = bloc_of(rule())
        vote = bloc.open_vote("who", "borda", candidates=THREE)
        bloc.cast(vote, {"ZAF": ["x" * 65]})
        assert len(bloc.council.get("vote", vote).not_counted) == 1
        hashes.append(bloc.council.state_hash)
    assert hashes[0] == hashes[1]


# --- Sealed -------------------------------------------------------------------------------------------------------


class Sealed:
    """A sealed election of five; each member's nonce is its place."""

    def __init__(self) -> None:
        self.bloc = bloc_of(rule())
        self.vote = self.bloc.open_vote("who", "borda", candidates=THREE, reveal_until="2026-01-05T00:00Z")

    @property
    def found(self) -> Any:
        return self.bloc.council.get("vote", self.vote)

    @staticmethod
    def nonce(member: str) -> bytes:
        return bytes([FIVE.index(member)] * 32)

    def commit(self, member: str, ballot: list[str], **more: Any) -> None:
        sealed = commitment(self.vote, member, self.nonce(member), ballot)
        body = {"vote": self.vote, "commitment": sealed, "text": self.found.text, "rule": self.found.rule_hash}
        self.bloc.say(member, "BallotCommitted", **{**body, **more})

    def reveal(self, member: str, ballot: list[str], nonce: str = "", at: int | None = None) -> None:
        body = {"vote": self.vote, "nonce": nonce or self.nonce(member).hex(), "ballot": ballot}
        self.bloc.say(member, "BallotRevealed", at=at, **body)

    def close(self) -> None:
        self.bloc.now = self.found.closes + 1


def test_what_was_sealed_and_opened_counts_and_the_rest_is_void_by_name() -> None:
    """BRA, CHN and EGY open; IND opens another ballot than it sealed, ZAF none: li has 2 + 2 + 1 points."""
    s = Sealed()
    ballots = {"BRA": [LI, ANA, OMAR], "CHN": [LI, OMAR, ANA], "EGY": [ANA, LI, OMAR], "IND": THREE, "ZAF": THREE}
    for member, ballot in ballots.items():
        s.commit(member, ballot)
    assert s.found.ballots == {}  # hidden until the closing
    s.close()
    for member in ("BRA", "CHN", "EGY"):
        s.reveal(member, ballots[member])
    s.reveal("IND", [OMAR, LI, ANA])
    assert s.bloc.refusal().startswith(f"IND: the ballot is not the one that was sealed for {s.vote}.")
    found = s.bloc.finish(s.vote)
    assert (found.outcome, found.result["void"]) == ("adopted", ["IND", "ZAF"])
    assert found.result["election"]["elected"] == [LI]
    assert dict(found.result["election"]["rounds"][0]["counts"]) == {LI: "5", ANA: "3", OMAR: "1"}


def test_a_vote_waits_for_the_opening_and_the_merge_delay_before_it_is_counted() -> None:
    s = Sealed()
    s.commit("BRA", THREE)
    s.bloc.now = s.found.reveal_until + DAY
    s.bloc.say("BRA", "ClockTicked")
    s.reveal("BRA", THREE, at=s.found.reveal_until)
    assert (s.found.status, list(s.found.ballots)) == ("open", ["BRA"])
    s.bloc.pass_time(1)
    assert (s.found.status, s.found.outcome) == ("final", "adopted")  # the rule leaves no time for challenges


def test_the_last_commitment_before_the_closing_holds() -> None:
    s = Sealed()
    s.commit("BRA", THREE)
    s.commit("BRA", [OMAR, LI, ANA])
    s.close()
    s.reveal("BRA", THREE)
    assert "is not the one that was sealed" in s.bloc.refusal()
    s.reveal("BRA", [OMAR, LI, ANA])
    assert s.found.ballots["BRA"].choice == [OMAR, LI, ANA]


def test_another_members_commitment_can_not_be_copied() -> None:
    s = Sealed()
    s.commit("BRA", THREE)
    s.commit("CHN", THREE, commitment=s.found.sealed["BRA"].commitment)
    s.close()
    s.reveal("BRA", THREE)
    s.reveal("CHN", THREE, nonce=s.nonce("BRA").hex())
    assert s.bloc.refusal().startswith("CHN: the ballot is not the one that was sealed")
    assert s.bloc.finish(s.vote).result["void"] == ["CHN"]


def test_what_has_no_effect_on_a_sealed_vote() -> None:
    s = Sealed()
    s.bloc.cast(s.vote, {"BRA": THREE})
    assert s.bloc.refusal() == f"{s.vote} is sealed: commit to a ballot first. As concordat council cast does."
    s.commit("BRA", THREE)
    s.reveal("BRA", THREE)
    assert s.bloc.refusal() == (
        f"submitted 2026-01-01 00:00 UTC; ballots of {s.vote} are opened from 2026-01-03 00:00 UTC "
        "to 2026-01-05 00:00 UTC."
    )
    s.commit("CHN", THREE, text="0" * 64)
    assert "it names the text 0000000000000000" in s.bloc.refusal()
    s.commit("CHN", THREE, commitment="0" * 63)
    assert "$.body.commitment" in s.bloc.refusal()
    s.bloc.say("BRA", "VoteClosed", vote=s.vote)
    assert "may vote until 2026-01-03 00:00 UTC." in s.bloc.refusal()
    s.close()
    s.commit("CHN", THREE)
    assert s.bloc.refusal().startswith("late: submitted ")
    s.reveal("ZAF", THREE)
    assert s.bloc.refusal() == f"ZAF committed to no ballot in {s.vote}."
    s.bloc.now = s.found.reveal_until + 1
    s.reveal("BRA", THREE)
    assert s.bloc.refusal().startswith("submitted 2026-01-05 00:00 UTC; ballots of")
    found = s.bloc.finish(s.vote)
    assert (found.result["void"], found.outcome) == (["BRA"], "not_adopted")


def test_a_sealed_ballot_for_nobody_who_stands_is_void() -> None:
    s = Sealed()
    s.commit("BRA", ["nobody"])
    s.commit("CHN", THREE)
    s.close()
    s.reveal("BRA", ["nobody"])
    assert '"nobody" is no candidate.' in s.bloc.refusal()
    s.reveal("CHN", THREE)
    found = s.bloc.finish(s.vote)
    assert (found.result["void"], found.result["election"]["elected"]) == (["BRA"], [ANA])


def test_an_open_vote_takes_no_commitments() -> None:
    bloc = bloc_of(rule())
    vote = bloc.open_vote("who", "borda", candidates=THREE)
    found = bloc.council.get("vote", vote)
    bloc.say("BRA", "BallotCommitted", vote=vote, commitment="0" * 64, text=found.text, rule=found.rule_hash)
    assert bloc.refusal() == f"{vote} is an open vote."


# --- Ties that the chair decides --------------------------------------------------------------------------------------

TIE = MAJORITY.replace("rule: majority", "rule: tied").replace("vote_change", "tie: chair_decides\nvote_change")
EVEN = {"BRA": "yes", "CHN": "yes", "EGY": "no", "IND": "no", "ZAF": "abstain"}


def tied(bloc: Bloc) -> tuple[str, str]:
    proposal = bloc.table("IND", rule="tied")
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal, "tied")
    bloc.cast(vote, EVEN)
    bloc.now = bloc.council.get("vote", vote).closes
    bloc.pass_time(DAY + 1)
    assert bloc.council.get("vote", vote).outcome == "tie_to_chair"
    return proposal, vote


@pytest.mark.parametrize(("choice", "status"), [("yes", "adopted"), ("no", "rejected")])
def test_the_chair_breaks_a_tie_by_an_entry_of_its_own(choice: str, status: str) -> None:
    bloc = bloc_of(TIE)
    proposal, vote = tied(bloc)
    bloc.say("CHN", "TieBroken", vote=vote, choice=choice)
    assert bloc.refusal() == "only the chair (BRA) may break a tie."
    bloc.say("BRA", "TieBroken", vote=vote, choice="abstain")
    assert "$.body.choice" in bloc.refusal()
    bloc.say("ZAF", "ResultChallenged", vote=vote, reason="x")
    assert "a counted result is challenged before it is final." in bloc.refusal()
    bloc.say("BRA", "TieBroken", vote=vote, choice=choice)
    found = bloc.council.get("vote", vote)
    assert (found.tie_broken, found.final_at) == (choice, bloc.now + DAY + 48 * HOUR)
    bloc.say("BRA", "TieBroken", vote=vote, choice="no")
    assert bloc.refusal() == f"{vote} is no tie that the chair decides."
    bloc.pass_time(3 * DAY + 1)
    assert bloc.council.get("proposal", proposal).status == status


def test_a_tie_that_the_chair_leaves_for_fourteen_days_is_not_adopted() -> None:
    bloc = bloc_of(TIE)
    proposal, vote = tied(bloc)
    end = bloc.council.get("vote", vote).final_at
    assert end == bloc.council.get("vote", vote).closes + (1 + 2 + 14) * DAY
    bloc.now = end
    bloc.pass_time(1)
    assert bloc.council.get("proposal", proposal).status == "rejected"
    bloc.say("BRA", "TieBroken", vote=vote, choice="yes")
    assert bloc.refusal() == f"{vote} is no tie that the chair decides."


def test_without_chair_decides_a_tie_is_not_adopted() -> None:
    bloc = bloc_of()
    vote = bloc.open_vote("tea")
    bloc.cast(vote, EVEN)
    assert bloc.finish(vote).outcome == "not_adopted"
    bloc.say("BRA", "TieBroken", vote=vote, choice="yes")
    assert bloc.refusal() == f"{vote} is no tie that the chair decides."


# --- Leave, and subjects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("withdraw p-2026-009", 'there is no proposal "p-2026-009".'),
        ("adopt d-2026-001", 'there is no dispute "d-2026-001".'),
        ("report r-2026-001", 'there is no cycle "r-2026-001".'),
        ("p-2026-009", '"p-2026-009" reads like an id, and is none that can be voted on.'),
        ("m-2026-001", '"m-2026-001" reads like an id, and is none that can be voted on.'),
    ],
)
def test_a_subject_that_is_none(subject: str, words: str) -> None:
    bloc = bloc_of()
    bloc.say("BRA", "MeetingOpened", title="x", begins="2026-01-01T00:00Z")
    body = {"subject": subject, "rule": "majority", "closes": "2026-01-05T00:00Z", "text": question_hash(subject, "")}
    bloc.say("BRA", "VoteOpened", **body)
    assert words in bloc.refusal()


def test_leave_is_given_under_the_proposals_own_rule_and_may_be_refused() -> None:
    bloc = bloc_of()
    proposal = bloc.table("IND", rule="majority", amendment_rule="amend_rules")
    bloc.certify(proposal)
    bloc.open_vote(proposal, hours=2000)
    subject = f"withdraw {proposal}"
    body = {"subject": subject, "rule": "majority", "closes": "2026-01-05T00:00Z", "text": question_hash(subject, "")}
    bloc.say("BRA", "VoteOpened", **body)
    assert bloc.refusal() == f"{subject} is decided under amend_rules, not majority."
    leave = bloc.open_vote(subject, "amend_rules")
    bloc.cast(leave, {**dict.fromkeys(FIVE[:3], "yes"), **dict.fromkeys(FIVE[3:], "no")})
    assert bloc.finish(leave).outcome == "not_adopted"  # 3/5 < 2/3
    bloc.say("IND", "ProposalWithdrawn", proposal=proposal, leave=leave)
    assert "it is withdrawn by leave of the meeting." in bloc.refusal()
    assert bloc.council.get("proposal", proposal).status == "deciding"


def test_a_subject_has_one_vote_at_a_time() -> None:
    bloc = bloc_of()
    bloc.open_vote("tea")
    body = {"subject": "tea", "rule": "majority", "closes": "2026-01-05T00:00Z", "text": question_hash("tea", "")}
    bloc.say("BRA", "VoteOpened", **body)
    assert bloc.refusal() == "a vote on tea is open."
