"""Commitments on the record: registered, targets proposed and decided, indicators bound, evidence, their end."""

from __future__ import annotations

from typing import Any

import pytest

from concordat import canonical
from council_kit import AMEND, MAJORITY, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
PLEDGE: dict[str, Any] = {
    "id": "own-1", "document": "communique", "kind": "target", "who": "members", "what": "connect every school",
    "measures": [{"source": "itu", "code": "i99H"}, {"source": "wb", "code": "IT.NET.USER.ZS"}],
}  # fmt: skip
TARGET = """schema: concordat/target@1
commitment: own-1
indicator: internet_users_pct
unit: percent
direction: up
baseline: {year: 2023, value: 50}
target: {year: 2030, value: 90}
"""


@pytest.fixture
def bloc() -> Bloc:
    bloc = Bloc(FOUR).found(AMEND, MAJORITY)
    bloc.say("IND", "CommitmentRegistered", commitments=[PLEDGE])
    return bloc


def pledge(bloc: Bloc, key: str = "own-1") -> Any:
    return bloc.council.get("commitment", key)


def target(bloc: Bloc, text: str = TARGET, author: str = "ZAF", **more: Any) -> None:
    bloc.say(author, "TargetSet", **{"commitment": "own-1", "target": text, **more})


def decided_target(bloc: Bloc, text: str = TARGET) -> str:
    decision = bloc.decide("TargetSet", {"commitment": "own-1", "target": text}, rule="majority")
    target(bloc, text, decision=decision)
    return decision


# --- Registering --------------------------------------------------------------------------------------------------


def test_a_commitment_is_registered_with_its_measures(bloc: Bloc) -> None:
    found = pledge(bloc)
    assert (found.state, found.author, found.document, found.target) == ("registered", "IND", "communique", None)
    assert [(m.source, m.code, m.indicator) for m in found.measures] == [
        ("itu", "i99H", ""), ("wb", "IT.NET.USER.ZS", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([PLEDGE], '"own-1" is registered already. Issued ids are never reused.'),
        ([{**PLEDGE, "id": "own-2"}, {**PLEDGE, "id": "own-2"}], '"own-2" stands twice.'),
        ([], "$.body.commitments"),
        ([{**PLEDGE, "id": "Own-2"}], "$.body.commitments[0].id"),
        ([{**PLEDGE, "id": "own-2", "what": ""}], "$.body.commitments[0].what"),
        ([{**PLEDGE, "id": "own-2", "whom": "x"}], '"whom" is not a key of CommitmentRegistered.'),
        ([{**PLEDGE, "id": "own-2"}, {**PLEDGE, "id": "brics-1e"}], '"brics-1e" is the id of an item of '),
        ([{**PLEDGE, "id": "own-2", "document": "p-2026-001"}], "p-2026-001 is tabled; BRA or the chair registers"),
    ],
)
def test_what_is_not_registered(bloc: Bloc, rows: list[dict[str, Any]], words: str) -> None:
    bloc.table("BRA")
    bloc.say("IND", "CommitmentRegistered", commitments=rows)
    assert words in bloc.refusal()
    assert [c.id for c in bloc.council.all("commitment")] == ["own-1"]  # all of an entry or nothing


def test_what_an_adopted_proposal_promises_puts_it_in_force() -> None:
    bloc = Bloc(FOUR, chair="CHN").found(AMEND, MAJORITY)
    proposal = bloc.table("BRA")
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal)
    bloc.cast(vote, dict.fromkeys(FOUR, "yes"))
    bloc.finish(vote)
    row = {**PLEDGE, "document": proposal}
    bloc.say("ZAF", "CommitmentRegistered", commitments=[row])
    assert bloc.refusal() == f"{proposal} is adopted; BRA or the chair registers what it promises."
    assert bloc.council.get("proposal", proposal).status == "adopted"
    bloc.say("BRA", "CommitmentRegistered", commitments=[row])
    assert bloc.council.get("proposal", proposal).status == "in_force"
    bloc.say("CHN", "CommitmentRegistered", commitments=[{**row, "id": "own-2"}])
    assert len(bloc.council.all("commitment")) == 2


# --- Targets ------------------------------------------------------------------------------------------------------


def test_a_target_is_specified_by_anybody_and_active_by_decision(bloc: Bloc) -> None:
    target(bloc)
    found = pledge(bloc)
    assert (found.state, found.target.author, found.target.decision) == ("specified", "ZAF", "")
    assert found.target.hash == canonical.digest(TARGET)
    other = TARGET.replace("90", "80")
    decision = decided_target(bloc, other)
    found = pledge(bloc)
    assert (found.state, found.target.text, found.target.decision) == ("active", other, decision)
    target(bloc, TARGET.replace("90", "99"), "BRA")
    assert len(pledge(bloc).targets) == 3
    assert (pledge(bloc).target.text, pledge(bloc).state) == (other, "active")  # what was decided stays


def test_a_decided_target_makes_a_registered_commitment_active_at_once(bloc: Bloc) -> None:
    decision = decided_target(bloc)
    assert pledge(bloc).state == "active"
    target(bloc, TARGET.replace("90", "80"), decision=decision)
    assert bloc.refusal() == f"{decision} decided something else."
    target(bloc, decision=decision)
    assert bloc.refusal() == f"{decision} has carried its act already. A decision does so once."


KEEP = TARGET.replace("direction: up", "direction: keep").replace("{year: 2030, value: 90}", "{year: 2030}")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (TARGET.replace("value: 90", "value: 50"), "InputError", "Is it to be kept? Then say how far it may move"),
        (KEEP, "InputError", "own-1 is to be kept, and has no tolerance."),
        (TARGET.replace("baseline: {year: 2023, value: 50}\n", ""), "InputError", "baseline"),
        (TARGET.replace("value: 50", "value: many"), "InputError", "many"),
        (TARGET.replace("value: 50", "value: nan"), "InputError", "nan"),
        (TARGET.replace("year: 2030", "year: 2020"), "InputError", "the target's year 2020 is not after the baseline"),
        (TARGET.replace("direction: up", "direction: down"), "InputError", "that is not down."),
        (TARGET.replace("direction", "directoin"), "InputError", '"direction"'),
        (TARGET.replace("own-1", "own-2"), "InputError", "the target is of own-2, not own-1."),
        ("[", "InputError", "target of own-1"),
    ],
)
def test_a_target_that_says_too_little_is_refused(bloc: Bloc, text: str, kind: str, words: str) -> None:
    before = pledge(bloc)
    target(bloc, text)
    assert words in bloc.refusal()
    assert type(bloc.council.fault).__name__ == kind
    assert pledge(bloc) == before


def test_a_target_of_what_there_is_none_of(bloc: Bloc) -> None:
    target(bloc, commitment="own-9")
    assert bloc.refusal().startswith('there is no commitment "own-9". Did you mean "own-1"?')
    target(bloc, decision="v-2026-001")
    assert bloc.refusal() == "v-2026-001 is no final vote that adopted something."
    assert pledge(bloc).state == "registered"


# --- Indicators ---------------------------------------------------------------------------------------------------


def bind(bloc: Bloc, measure: int = 1, indicator: str = "internet_users_pct", unit: str = "percent") -> None:
    body = {"commitment": "own-1", "measure": measure, "indicator": indicator, "unit": unit}
    bloc.say("CHN", "IndicatorBound", **body)


def test_an_indicator_is_bound_to_one_measure(bloc: Bloc) -> None:
    target(bloc)
    bind(bloc, 2)
    assert [(m.indicator, m.unit) for m in pledge(bloc).measures] == [("", ""), ("internet_users_pct", "percent")]
    bind(bloc, 3)
    assert bloc.refusal() == "$.body.measure: own-1 has 2 measures."
    bind(bloc, 1, "Internet users")
    assert "$.body.indicator" in bloc.refusal()
    bind(bloc, 0)
    assert "$.body.measure" in bloc.refusal()


def test_another_unit_is_refused_on_either_side(bloc: Bloc) -> None:
    target(bloc)
    bind(bloc, unit="persons")
    assert bloc.refusal() == "the target is in percent; internet_users_pct is in persons."
    assert [m.indicator for m in pledge(bloc).measures] == ["", ""]
    bind(bloc, indicator="internet_users", unit="persons")  # another indicator has a unit of its own
    assert pledge(bloc).measures[0].unit == "persons"
    target(bloc, TARGET.replace("internet_users_pct", "internet_users"))
    assert bloc.refusal() == "internet_users is in persons; the target is in percent."
    assert len(pledge(bloc).targets) == 1


# --- Evidence and the end -----------------------------------------------------------------------------------------


def test_evidence_is_kept_with_its_sources_and_its_author(bloc: Bloc) -> None:
    a, b = "a" * 64, "b" * 64
    bloc.say("ZAF", "EvidenceSubmitted", commitment="own-1", text="9 of 10 schools", sources=[b, a, b])
    bloc.say("CHN", "EvidenceSubmitted", commitment="own-1", text="all")
    assert [(e.member, e.text, e.sources) for e in pledge(bloc).evidence] == [
        ("ZAF", "9 of 10 schools", (a, b)), ("CHN", "all", ()),
    ]  # fmt: skip
    bloc.say("ZAF", "EvidenceSubmitted", commitment="own-1", text="x", sources=["A" * 64])
    assert "$.body.sources[0]" in bloc.refusal()
    bloc.say("ZAF", "EvidenceSubmitted", commitment="own-1", text="")
    assert "$.body.text" in bloc.refusal()
    assert len(pledge(bloc).evidence) == 2


def test_a_commitment_ends_by_decision_and_takes_nothing_more(bloc: Bloc) -> None:
    body = {"commitment": "own-1", "to": "completed", "reason": "done"}
    bloc.say("ZAF", "CommitmentMoved", **body, decision="v-2026-001")
    assert bloc.refusal() == "from registered one goes to specified, lapsed or superseded, not to completed."
    decided_target(bloc)
    bloc.say("ZAF", "CommitmentMoved", **body)
    assert "$.body.decision" in bloc.refusal()
    bloc.say("ZAF", "CommitmentMoved", **body, decision="v-2026-001")
    assert bloc.refusal() == "v-2026-001 decided something else."
    bloc.say("ZAF", "CommitmentMoved", **body, decision=bloc.decide("CommitmentMoved", body, rule="majority"))
    assert pledge(bloc).state == "completed"
    for kind, more in (("TargetSet", {"target": TARGET}), ("EvidenceSubmitted", {"text": "x"})):
        bloc.say("ZAF", kind, commitment="own-1", **more)
        assert bloc.refusal() == "own-1 is completed."
    again = {**body, "to": "lapsed"}
    bloc.say("ZAF", "CommitmentMoved", **again, decision="v-2026-001")
    assert bloc.refusal() == "from completed one goes nowhere, as it is an end; not to lapsed."


def test_another_commitment_takes_the_place_of_one(bloc: Bloc) -> None:
    body = {"commitment": "own-1", "to": "superseded", "reason": "stronger", "by": "own-2"}
    decision = bloc.decide("CommitmentMoved", body, rule="majority")
    bloc.say("ZAF", "CommitmentMoved", **body, decision=decision)
    assert bloc.refusal().startswith('there is no commitment "own-2".')
    assert bloc.council.all("spent") == []
    bloc.say("IND", "CommitmentRegistered", commitments=[{**PLEDGE, "id": "own-2"}])
    bloc.say("ZAF", "CommitmentMoved", **body, decision=decision)
    assert (pledge(bloc).state, pledge(bloc).superseded_by) == ("superseded", "own-2")
    alone = {"commitment": "own-2", "to": "superseded", "reason": "x", "by": "own-2"}
    decision = bloc.decide("CommitmentMoved", alone, rule="majority")
    bloc.say("ZAF", "CommitmentMoved", **alone, decision=decision)
    assert bloc.refusal() == "own-2 doesn't take its own place."
    assert pledge(bloc, "own-2").state == "registered"
