"""Result files: a true one verifies, a forged one is refused, a malformed one is told; what stays open is said.

Proofs are stand-ins here, which hold for whatever is in the history, as real bundles do; those are asked in
`tests/unit/node/test_council.py`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from concordat import canonical
from concordat.council import result as results
from concordat.council._result_model import vote_from
from concordat.council.constitution import act_hash
from concordat.council.counting import tally_of
from concordat.council.decide.rules import Rule
from concordat.council.state import value_of
from concordat.errors import ConcordatError, InputError, TrustError
from council_kit import DAY, HOUR, MAJORITY, RULES, TEN, Bloc

FIVE = {"BRA": "yes", "CHN": "yes", "IND": "yes", "RUS": "no", "ZAF": "no"}
WEIGHTS = {"table": "pop", "day": "2026-01-01", "unit": "people", "source": "x", "values": dict.fromkeys(TEN, 1)}
HEAD = "schema: concordat/rule@1\nversion: 1\nmethod: vote\n"
BY_WEIGHT = HEAD + "rule: w\nadopt: {share: pop, of: all, more_than: 1/2}\n"
AFRICA = HEAD + "rule: g\nadopt: {count: members, of: africa, at_least: 2}\n"
TIES = MAJORITY.replace("rule: majority", "rule: ties") + "tie: chair_decides\n"
ELECT = "schema: concordat/rule@1\nrule: elect\nversion: 1\nmethod: election\nsystem: borda\nseats: 1\n"


class File:
    """The result file of a vote, which can be changed."""

    def __init__(self, bloc: Bloc, vote: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events = {e.entry.id: e for step in bloc.history for e in step.events}
        self.raw = canonical.loads(
            results.document_of(bloc.council, vote, lambda key: canonical.dumps({"id": key}), "t")
        )
        self.rule = Rule.load(bloc.council.get("rule_version", self.raw["vote"]["rule_hash"]).text)
        monkeypatch.setattr(results.Bundle, "parse", lambda data, where: self._bundle(canonical.loads(data)))

    def _bundle(self, raw: Any) -> Any:
        e = self.events.get(str(raw.get("id")))
        if e is None:
            raise InputError("not a proof bundle.", code="bundle")
        verdict = SimpleNamespace(entry=e.entry, final=True, submitted=e.submitted, point=e.point)
        return SimpleNamespace(verify=lambda trust: verdict)

    def proof(self, kind: str, key: str) -> None:
        """Add the proof of an entry."""
        self.raw["evidence"].append({"as": kind, "bundle": {"id": key}, "entry": key})

    def drop(self, kind: str) -> None:
        """Leave proofs out."""
        self.raw["evidence"] = [item for item in self.raw["evidence"] if item["as"] != kind]

    def kinds(self) -> set[str]:
        """What there are proofs of."""
        return {item["as"] for item in self.raw["evidence"]}

    def ballot(self, member: str, by: str, key: str, choice: str) -> None:
        """Count a ballot for a member."""
        found = {"by": by, "choice": choice, "entry": key, "submitted": self.events[key].submitted, "superseded": []}
        self.raw["vote"]["ballots"][member] = found
        self.proof("ballot", key)
        self.raw["result"]["at_vote"] = sorted({*self.raw["result"]["at_vote"], member})

    def recount(self) -> File:
        """Count what the file says now, as a forger would."""
        head = self.raw["result"]
        self.raw["vote"]["present"] = list(head["at_vote"])
        outcome, value = tally_of(
            vote_from(self.raw["vote"], "x"), self.rule, head["at_vote"], head["at_opening"], head["chair"]
        )
        self.raw |= {"outcome": outcome, "result": value}
        self.raw["vote"] |= {"outcome": outcome, "result": value}
        return self

    def data(self) -> bytes:
        """The file's bytes."""
        return canonical.dumps(self.raw)

    def verified(self) -> results.Checked:
        """What the file shows."""
        return results.verify(self.data(), "t")


def test_a_tie_that_the_chair_never_decided_verifies_as_not_adopted(file_of: Open) -> None:
    from concordat.cli._council_words import result_lines
    from concordat.council.record import decision

    bloc = Bloc().found(*RULES, TIES)
    vote = _held(bloc, {**dict.fromkeys(TEN[:5], "yes"), **dict.fromkeys(TEN[5:], "no")}, "ties")
    bloc.pass_time(20 * DAY)
    found = bloc.council.get("vote", vote)
    assert (found.status, found.outcome) == ("final", "not_adopted")
    assert result_lines(found)[-1] == "The chair did not decide in its time: not adopted."
    checked = file_of(bloc, vote).verified()
    assert checked.outcome == "not_adopted"
    assert "that the chair did not decide the tie in its time" in checked.open
    text = bloc.council.get("rule_version", found.rule_hash).text
    assert decision([{"row": {**value_of(found), "rule_text": text}}], {})["outcome"] == "not_adopted"


@pytest.fixture
def bloc() -> Bloc:
    return Bloc().found()


Open = Callable[[Bloc, str], File]


@pytest.fixture
def file_of(monkeypatch: pytest.MonkeyPatch) -> Open:
    return lambda bloc, vote: File(bloc, vote, monkeypatch)


def _held(bloc: Bloc, choices: dict[str, str], rule: str = "majority", **changes: Any) -> str:
    vote = bloc.open_vote("tea", rule, **changes)
    bloc.cast(vote, choices)
    bloc.finish(vote)
    return vote


def _ballot(bloc: Bloc, vote: str, choice: str = "no") -> dict[str, Any]:
    found = bloc.council.get("vote", vote)
    return {"vote": vote, "choice": choice, "text": found.text, "rule": found.rule_hash}


# --- True files -----------------------------------------------------------------------------------------------------


def test_a_true_file_verifies_and_says_what_it_can_not_show(bloc: Bloc, file_of: Open) -> None:
    found = file_of(bloc, _held(bloc, FIVE)).verified()
    assert (found.outcome, found.ballots, found.proofs) == ("adopted", 5, 7)
    assert found.sentence() == (
        f"Same result (adopted) from its 5 ballots; all 7 proofs hold; majority 1 ({found.rule[2][:4]}..) "
        "was on the record before the opening."
    )
    assert found.open == (
        "that no ballot was left out, nor a later ballot or full powers",
        "that each entry had an effect when it was taken up",
        "who was entitled and who presided",
        "that no other version of the rule was in force",
        "that this opening was taken up when it says, and given the id v-2026-001",
        "whether the result was challenged or declared since",
    )


def test_a_result_with_a_proxy_and_a_delegate_carries_their_papers(bloc: Bloc, file_of: Open) -> None:
    bloc.say("EGY", "FullPowersIssued", person="envoy", scope=["BallotCast"], until="2026-01-02")
    vote = bloc.open_vote("tea")
    bloc.cast(vote, FIVE)
    bloc.say("ETH", "ProxyGiven", vote=vote, to="RUS")
    bloc.say("RUS", "BallotCast", **_ballot(bloc, vote), proxy_for="ETH")
    bloc.say("EGY", "BallotCast", delegate="envoy", **_ballot(bloc, vote))
    bloc.say("EGY", "FullPowersIssued", person="envoy", scope=["OpinionVoted"])  # renewed, for something else
    bloc.finish(vote)
    file = file_of(bloc, vote)
    assert {"proxy", "powers"} <= file.kinds()
    found = file.verified()
    assert (found.outcome, found.ballots) == ("not_adopted", 7)
    assert found.open[0] == "that no ballot was left out, nor a later ballot, proxy or full powers"
    for kind in ("proxy", "powers"):
        bare = file_of(bloc, vote)
        bare.drop(kind)
        with pytest.raises(TrustError, match="no proof that"):
            bare.verified()


def test_a_tie_that_the_chair_broke_verifies_by_its_entry(file_of: Open) -> None:
    bloc = Bloc().found(*RULES, TIES)
    vote = bloc.open_vote("tea", "ties")
    bloc.cast(vote, {m: "yes" if n % 2 else "no" for n, m in enumerate(TEN)})
    bloc.now = bloc.council.get("vote", vote).closes
    bloc.pass_time(DAY + 1)
    bloc.say(bloc.council.chair, "TieBroken", vote=vote, choice="yes")
    bloc.pass_time(4 * DAY)
    file = file_of(bloc, vote)
    found = file.verified()
    assert found.outcome == "adopted"
    assert "who was entitled and who presided when the tie was broken" in found.open
    file.drop("tie")
    with pytest.raises(TrustError, match="no proof that the chair broke the tie with yes"):
        file.verified()


def test_a_vote_closed_early_verifies_by_the_entry_that_closed_it(bloc: Bloc, file_of: Open) -> None:
    vote = bloc.open_vote("tea")
    bloc.cast(vote, dict.fromkeys(TEN, "yes"))
    bloc.now += HOUR
    bloc.say(bloc.council.chair, "VoteClosed", vote=vote)
    bloc.pass_time(5 * DAY)
    file = file_of(bloc, vote)
    assert file.verified().outcome == "adopted"
    file.drop("closing")
    with pytest.raises(TrustError, match="no proof that v-2026-001 was closed 2026-01-01 01:00 UTC"):
        file.verified()


def _meeting(bloc: Bloc, *present: str) -> str:
    bloc.say(bloc.council.chair, "MeetingOpened", title="m", begins="2026-01-01T00:00Z")
    bloc.say(bloc.council.chair, "AttendanceRecorded", meeting="m-2026-001", present=list(present))
    return "m-2026-001"


def test_attendance_verifies_by_the_records_of_the_meeting(bloc: Bloc, file_of: Open) -> None:
    meeting = _meeting(bloc, "EGY", "ETH", "IRN")
    vote = bloc.open_vote("tea", meeting=meeting)
    bloc.say("IDN", "AttendanceRecorded", meeting=meeting, present=["IDN"])
    bloc.cast(vote, {"BRA": "yes", "CHN": "yes"})
    bloc.finish(vote)
    file = file_of(bloc, vote)
    found = file.verified()  # six of ten there: four by the records, two by their ballots
    assert found.outcome == "adopted"
    assert found.open[-1] == "that no record of who was present was left out"
    file.drop("attendance")
    with pytest.raises(TrustError, match="no proof of the AttendanceRecorded"):
        file.verified()


def test_attendance_verifies_although_somebody_who_was_there_is_suspended_before_the_closing(
    bloc: Bloc, file_of: Open
) -> None:
    meeting = _meeting(bloc, "EGY", "ETH", "IRN", "ZAF")
    vote = bloc.open_vote("tea", hours=300, meeting=meeting)
    act = {"member": "ZAF", "reason": "dues"}
    bloc.say("IND", "MemberSuspended", **act, decision=bloc.decide("MemberSuspended", act))
    assert bloc.council.get("member", "ZAF").status == "suspended"
    bloc.cast(vote, {"BRA": "yes", "CHN": "yes"})
    bloc.finish(vote)
    file = file_of(bloc, vote)
    assert "ZAF" not in file.raw["vote"]["present_at_opening"]
    assert file.verified().outcome == "adopted"  # five of nine there
    results.compare(file.data(), bloc.council)


def test_a_true_result_verifies_after_its_group_and_weights_were_changed(file_of: Open) -> None:
    bloc = Bloc()
    bloc.all_say("GroupAdopted", group="africa", members=["EGY", "ETH", "ZAF"])
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    bloc.found(*RULES, AFRICA, BY_WEIGHT)
    votes = []
    for n, rule in enumerate(("g", "w")):
        votes.append(bloc.open_vote(f"tea {n}", rule, hours=300))
        bloc.cast(votes[-1], dict.fromkeys(TEN, "yes"))
    newer = {"table": "pop", "day": "2026-02-01", "unit": "people", "source": "x", "values": dict.fromkeys(TEN, 2)}
    for kind, act in (("GroupAdopted", {"group": "africa", "members": ["BRA", "CHN"]}), ("WeightsAdopted", newer)):
        bloc.table(rule="amend_rules", act=act_hash(kind, act))
        proposal = max(bloc.council.things["proposal"])
        bloc.certify(proposal)
        decision = bloc.open_vote(proposal, "amend_rules")
        bloc.cast(decision, dict.fromkeys(TEN, "yes"))
        bloc.finish(decision)
        bloc.say("BRA", kind, **act, decision=decision)
    assert bloc.council.get("group", "africa").members == ("BRA", "CHN")
    assert bloc.council.get("weights", "pop").values["BRA"] == 2
    for vote in votes:
        bloc.finish(vote)
        assert file_of(bloc, vote).verified().outcome == "adopted"


def test_a_member_that_votes_a_thousand_times_does_not_fill_the_file(bloc: Bloc, file_of: Open) -> None:
    vote = bloc.open_vote("tea")
    for n in range(1_000):
        bloc.cast(vote, {"RUS": "yes" if n % 2 else "no"})
    bloc.cast(vote, FIVE)
    bloc.finish(vote)
    file = file_of(bloc, vote)
    assert len(file.raw["evidence"]) == 2 + 5 + 5  # the opening, the rule, the ballots, the last that RUS changed
    assert file.verified().ballots == 5
    results.compare(file.data(), bloc.council)


def test_a_sealed_election_verifies_and_its_unopened_ballot_is_void(file_of: Open) -> None:
    from concordat.council.decide.sealed import commitment

    bloc = Bloc().found(*RULES, ELECT)
    vote = bloc.open_vote("who", "elect", hours=1, candidates=["A", "B"], reveal_until="2026-01-01T05:00Z")
    found = bloc.council.get("vote", vote)
    for n, member in enumerate(TEN[:3]):
        digest = commitment(vote, member, bytes([n]) * 32, ["A", "B"])
        bloc.say(member, "BallotCommitted", vote=vote, commitment=digest, text=found.text, rule=found.rule_hash)
    bloc.now += 2 * HOUR
    for n, member in enumerate(TEN[:2]):
        bloc.say(member, "BallotRevealed", vote=vote, nonce=(bytes([n]) * 32).hex(), ballot=["A", "B"])
    bloc.pass_time(10 * DAY)
    file = file_of(bloc, vote)
    assert file.verified().ballots == 2
    assert file.raw["result"]["void"] == [TEN[2]]
    del file.raw["vote"]["sealed"][TEN[2]]  # a void ballot can be left out unseen: then the count names nobody
    assert "left out" in file.recount().verified().open[0]
    file.raw["vote"]["sealed"][TEN[0]]["opened"] = ""
    with pytest.raises(TrustError, match="sealed otherwise"):
        file.recount().verified()


# --- Forged files ---------------------------------------------------------------------------------------------------


def test_forged_a_ballot_for_members_who_gave_no_proxy(bloc: Bloc, file_of: Open) -> None:
    vote = bloc.open_vote("tea")
    bloc.cast(vote, FIVE)
    stolen = {m: bloc.say("RUS", "BallotCast", **_ballot(bloc, vote), proxy_for=m) for m in ("EGY", "ETH")}
    bloc.say("ETH", "ProxyGiven", vote=vote, to="CHN")
    given = bloc.say("EGY", "ProxyGiven", vote=vote, to="RUS")
    bloc.finish(vote)
    file = file_of(bloc, vote)
    for member, key in stolen.items():
        file.ballot(member, "RUS", key, "no")
    file.proof("proxy", given)  # a real one, given only after the ballot
    with pytest.raises(TrustError, match=r"no proof that E.. gave RUS a proxy"):
        file.recount().verified()


def test_forged_a_proxy_that_votes_for_more_than_the_rule_allows(bloc: Bloc, file_of: Open) -> None:
    vote = bloc.open_vote("tea")
    bloc.cast(vote, FIVE)
    papers = [bloc.say(m, "ProxyGiven", vote=vote, to="RUS") for m in ("EGY", "ETH")]
    cast = {m: bloc.say("RUS", "BallotCast", **_ballot(bloc, vote), proxy_for=m) for m in ("EGY", "ETH")}
    assert "the rule allows 1" in bloc.refusal()
    bloc.finish(vote)
    file = file_of(bloc, vote)
    file.ballot("ETH", "RUS", cast["ETH"], "no")
    file.proof("proxy", papers[1])
    with pytest.raises(TrustError, match="RUS votes for 2 others; majority allows 1"):
        file.recount().verified()


@pytest.mark.parametrize(
    "powers",
    [
        None,
        {"person": "spy", "scope": ["OpinionVoted"]},
        {"person": "other", "scope": ["all"]},
        {"person": "spy", "scope": ["all"], "until": "2025-12-31"},
    ],
)
def test_forged_a_ballot_of_a_key_without_powers(bloc: Bloc, file_of: Open, powers: dict[str, Any] | None) -> None:
    paper = bloc.say("EGY", "FullPowersIssued", **powers) if powers else ""
    vote = bloc.open_vote("tea")
    bloc.cast(vote, FIVE)
    key = bloc.say("EGY", "BallotCast", delegate="spy", **_ballot(bloc, vote))
    bloc.finish(vote)
    file = file_of(bloc, vote)
    file.ballot("EGY", "EGY", key, "no")
    if paper:
        file.proof("powers", paper)
    with pytest.raises(TrustError, match=r"no proof that EGY\.spy had full powers for its BallotCast"):
        file.recount().verified()


def test_forged_weights_that_never_took_effect_are_refused_or_open(file_of: Open) -> None:
    bloc = Bloc()
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    bloc.found(*RULES, BY_WEIGHT)
    heavy = {**WEIGHTS["values"], "RUS": 100}  # type: ignore[dict-item]
    early = bloc.say("RUS", "WeightsAdopted", **{**WEIGHTS, "values": heavy})
    assert "needs a decision" in bloc.refusal()
    vote = bloc.open_vote("tea", "w")
    bloc.cast(vote, {"RUS": "yes"})
    late = bloc.say("RUS", "WeightsAdopted", **{**WEIGHTS, "values": heavy})
    bloc.finish(vote)
    for key in (late, early):
        file = file_of(bloc, vote)
        file.raw["vote"]["weights"]["pop"] = heavy
        file.raw["vote"]["weight_entries"]["pop"] = key
        file.proof("weights", key)
        file.recount()
        if key == late:
            with pytest.raises(TrustError, match="not those adopted"):
                file.verified()
        else:  # no single entry shows whether it took effect: the record does
            assert "that no other version of the rule and weights was in force" in file.verified().open
            with pytest.raises(TrustError, match="the record differs"):
                results.compare(file.data(), bloc.council)


def test_forged_a_tie_that_the_chair_never_broke(file_of: Open) -> None:
    bloc = Bloc().found(*RULES, TIES)
    vote = bloc.open_vote("tea", "ties")
    early = bloc.say(bloc.council.chair, "TieBroken", vote=vote, choice="yes")
    bloc.cast(vote, {m: "yes" if n % 2 else "no" for n, m in enumerate(TEN)})
    bloc.finish(vote)
    for proofs in ((), (early,)):
        file = file_of(bloc, vote)
        file.raw["vote"]["tie_broken"] = "yes"
        for key in proofs:
            file.proof("tie", key)
        with pytest.raises(TrustError, match="no proof that the chair broke the tie"):
            file.recount().verified()


def test_forged_attendance(bloc: Bloc, file_of: Open) -> None:
    vote = _held(bloc, {"BRA": "yes", "CHN": "yes"})
    assert bloc.council.get("vote", vote).outcome == "adjourned"
    file = file_of(bloc, vote)
    file.raw["result"]["at_vote"] = list(TEN)
    with pytest.raises(TrustError, match="ARE counts as present, and neither record nor ballot says so"):
        file.recount().verified()


def test_forged_attendance_by_the_records_of_another_meeting(bloc: Bloc, file_of: Open) -> None:
    meeting = _meeting(bloc, *TEN)
    record = bloc.history[-1].events[0].entry.id
    vote = _held(bloc, {"BRA": "yes", "CHN": "yes"})
    file = file_of(bloc, vote)
    file.raw["vote"]["present_entries"] = [record]
    file.raw["result"]["at_vote"] = list(TEN)
    file.proof("attendance", record)
    with pytest.raises(TrustError, match="of another meeting, or later"):
        file.recount().verified()
    file.raw["vote"]["meeting"] = meeting
    with pytest.raises(TrustError, match="the opening says something else"):
        file.recount().verified()


def test_forged_the_opening_of_another_vote(bloc: Bloc, file_of: Open) -> None:
    first, second = _held(bloc, FIVE), _held(bloc, FIVE)
    other = bloc.council.get("vote", second)
    file = file_of(bloc, first)
    file.raw["vote"]["entry"] = other.entry
    file.proof("opening", other.entry)
    with pytest.raises(TrustError, match="opened later than the vote says"):
        file.recount().verified()
    file.raw["vote"]["opened"] = other.opened
    with pytest.raises(TrustError, match="no proof that v-2026-001 was closed"):
        file.recount().verified()
    file.raw["vote"]["closes"] = other.closes
    with pytest.raises(TrustError, match="submitted at another time, early or late"):
        file.recount().verified()


def test_forged_an_id_that_the_record_never_gave_is_open_and_the_record_tells(bloc: Bloc, file_of: Open) -> None:
    vote = _held(bloc, {})
    _held(bloc, FIVE)
    file = file_of(bloc, vote)
    file.raw["vote"]["id"] = "v-2026-002"
    assert "that this opening was taken up when it says, and given the id v-2026-002" in file.recount().verified().open
    with pytest.raises(TrustError, match="v-2026-002 was opened by"):
        results.compare(file.data(), bloc.council)
    file.raw["vote"]["id"] = "v-2027-001"
    with pytest.raises(TrustError, match="the opening says something else"):
        file.recount().verified()


def test_forged_another_method(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["vote"]["method"] = "election"
    with pytest.raises(ConcordatError, match="majority is a vote, not a election"):
        file.verified()


def test_forged_what_a_vote_is_about(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    for about in ("proposal", "withdraw", "report"):
        file.raw["vote"]["about"] = about
        with pytest.raises(TrustError, match=f'"tea" is no {about}'):
            file.verified()
    proposal = bloc.table()
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal)
    bloc.cast(vote, FIVE)
    bloc.finish(vote)
    file = file_of(bloc, vote)
    assert (file.raw["vote"]["about"], file.verified().outcome) == ("proposal", "adopted")
    file.raw["vote"]["about"] = "question"
    with pytest.raises(TrustError, match='"p-2026-001" is no question'):
        file.verified()


def test_forged_attendance_that_differs_within_the_file(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["vote"]["present"] = list(TEN)
    with pytest.raises(TrustError, match="who was present is not what was counted"):
        file.verified()


def test_an_election_without_a_quorum_says_who_was_missing(file_of: Open) -> None:
    from concordat.cli._council_words import result_lines

    quorum = "quorum: {share: members, of: all, at_least: 1/2, counted: at_vote}\n"
    bloc = Bloc().found(*RULES, ELECT + quorum)
    vote = bloc.open_vote("who", "elect", candidates=["A", "B"])
    bloc.cast(vote, {m: ["A"] for m in TEN[:4]})  # type: ignore[dict-item]
    bloc.finish(vote)
    assert file_of(bloc, vote).verified().outcome == "adjourned"
    assert result_lines(bloc.council.get("vote", vote))[1:] == [
        "No quorum: ETH, IDN, IND, IRN, RUS, ZAF missing.", "adjourned.",
    ]  # fmt: skip


def test_forged_a_stranger_among_the_voters_and_an_entry_twice(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["vote"]["entitled"] = [m for m in TEN if m != "RUS"]
    with pytest.raises(TrustError, match="RUS has no vote in it"):
        file.recount().verified()
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["evidence"].append(file.raw["evidence"][0])
    with pytest.raises(TrustError, match="stands twice"):
        file.verified()


def test_forged_a_role_that_an_entry_has_not(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    for item in file.raw["evidence"]:
        item["as"] = "rule"
    with pytest.raises(TrustError, match="is no rule"):
        file.verified()


def test_a_ballot_left_out_verifies_and_the_record_names_it(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, {**FIVE, "EGY": "yes"}))
    del file.raw["vote"]["ballots"]["RUS"]
    file.raw["result"]["at_vote"].remove("RUS")
    assert "no ballot was left out" in file.recount().verified().open[0]
    with pytest.raises(TrustError, match=r"the ballot of RUS is [0-9a-f]{16} in the record, none in the file"):
        results.compare(file.data(), bloc.council)


def test_the_record_agrees_with_its_own_file(bloc: Bloc, file_of: Open) -> None:
    results.compare(file_of(bloc, _held(bloc, FIVE)).data(), bloc.council)


# --- Malformed files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("closes", "x"),
        ("rule_hash", 1),
        ("weight_entries", None),
        ("entry", []),
        ("ballots", {"BRA": 5}),
        ("sealed", {"BRA": {"commitment": "0"}}),
        ("candidates", "AB"),
        ("weights", {"pop": {"BRA": True}}),
        ("extra", 1),
    ],
)
def test_a_malformed_vote_is_an_input_error_with_its_path(bloc: Bloc, file_of: Open, key: str, value: Any) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["vote"][key] = value
    with pytest.raises(InputError, match=rf"result\.json: not a result file \(concordat/result@1\): \$\.vote\.{key}"):
        file.verified()


def test_an_empty_result_is_an_input_error(bloc: Bloc, file_of: Open) -> None:
    file = file_of(bloc, _held(bloc, FIVE))
    file.raw["result"] = file.raw["vote"]["result"] = {}
    with pytest.raises(InputError, match=r"\$\.at_opening: Field required"):
        file.verified()
    for data in (b"", b"[]", b"{}", b"5", b'{"schema":"concordat/result@1"}', b"\xff", b'{"a": 1}'):
        with pytest.raises(InputError):
            results.verify(data)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in rows for place in _places(inner, (*path, key)))]


def test_two_thousand_changed_files_end_in_an_error_of_ours(file_of: Open) -> None:
    bloc = Bloc()
    bloc.all_say("WeightsAdopted", **WEIGHTS)
    bloc.found(*RULES, BY_WEIGHT)
    meeting = _meeting(bloc, "EGY")
    vote = bloc.open_vote("tea", "w", meeting=meeting)
    bloc.cast(vote, FIVE)
    bloc.finish(vote)
    true = file_of(bloc, vote)
    raw, places = copy.deepcopy(true.raw), _places(true.raw)[1:]
    values = (None, True, 0, -1, 2**53 - 1, "", "yes", "0" * 64, "x" * 400, [], {}, [[]], {"a": 1}, ["BRA", "BRA"])
    chance, held = random.Random(1), 0
    for _ in range(2_000):
        true.raw = copy.deepcopy(raw)
        for place in chance.sample(places, chance.randint(1, 2)):
            inner: Any = true.raw
            try:
                for key in place[:-1]:
                    inner = inner[key]
                if chance.random() < 0.3:
                    del inner[place[-1]]
                else:
                    inner[place[-1]] = chance.choice(values)
            except (KeyError, IndexError, TypeError):
                continue  # the first change took the place of the second away
        try:
            true.verified()
            held += 1
        except ConcordatError:
            pass
    assert held < 40  # trust and the state that it names are what can be changed unseen
