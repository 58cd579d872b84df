"""What a report keeps of a council: rows with batches, and figures that come out of the rows alone."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

import council_year
from concordat.council.record import Held, consultation, decision, disputes, power, weight
from concordat.council.review.record import moved, review, review_of
from concordat.errors import MethodError, TrustError
from council_kit import RULES, TEN, Bloc


@pytest.fixture(scope="module")
def held() -> Held:
    bloc = council_year.year()
    return Held(bloc.council, "ab" * 32, council_year.places(bloc))


@pytest.fixture(scope="module")
def rows(held: Held) -> dict[str, list[dict[str, Any]]]:
    """As they are read back from the file."""
    found: dict[str, list[dict[str, Any]]] = json.loads(held.data)["rows"]
    return found


def of(rows: dict[str, list[dict[str, Any]]], kind: str, key: str) -> dict[str, Any]:
    return next(r for r in rows[kind] if r["row"]["id"] == key)


def test_the_head_says_whose_record_up_to_where(held: Held) -> None:
    head = json.loads(held.data)["head"]
    assert head["bloc"] == "BRICS"
    assert (head["view"], head["batch"]) == (1, held.council.at.batch)
    assert head["state"] == held.council.state_hash
    assert head["events"] == held.council.events == len(held.batches)
    assert head["no_effect"] == 0


def test_every_row_names_its_entries_with_their_batches(held: Held, rows: dict[str, list[dict[str, Any]]]) -> None:
    kinds = {
        "amendment", "cell", "commitment", "consultation", "cycle", "dispute", "proposal", "recommendation", "rule",
        "silence", "standing", "vote", "weights",
    }  # fmt: skip
    assert set(rows) == kinds
    for kind, some in rows.items():
        for row in some:
            assert row["entries"], kind
            for entry, place in row["entries"].items():
                assert held.batches[entry] == tuple(place)
    vote = of(rows, "vote", "v-2026-004")
    ballots = {b["entry"] for b in vote["row"]["ballots"].values()}
    assert len(ballots) == 10
    assert ballots < set(vote["entries"])
    assert len([r for r in rows["cell"] if r["row"]["cycle"] == "r-2026-002"]) == 60


def test_a_vote_is_counted_again_from_its_ballots(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = of(rows, "vote", "v-2026-008")
    parts = decision([row], {})
    assert [parts[c] for c in ("yes", "no", "abstain", "away", "entitled")] == [5, 4, 1, 0, 10]
    assert parts["outcome"] == "not_adopted"
    ballots = {m: {**b, "choice": "yes"} for m, b in row["row"]["ballots"].items()}
    assert decision([{"row": {**row["row"], "ballots": ballots}}], {})["outcome"] == "adopted"


def test_an_open_vote_has_no_count_and_an_election_no_yes() -> None:
    rule = (resources.files("concordat.council.decide") / "rules" / "election.yaml").read_text("utf-8")
    rule = rule.replace("seats: 3", "seats: 1").replace("quotas: {africa: 1}\n", "")
    bloc = Bloc().found(*RULES, rule)
    vote = bloc.open_vote("board", "election", title="Board", candidates=["BRA.a", "IND.b"])
    held = Held(bloc.council, "ab" * 32, council_year.places(bloc))
    assert "yes" not in decision([held.document["rows"]["vote"][0]], {})
    bloc.cast(vote, {m: ["BRA.a"] for m in TEN[:6]} | {m: ["IND.b"] for m in TEN[6:]})
    bloc.finish(vote)
    held = Held(bloc.council, "ab" * 32, council_year.places(bloc))
    parts = decision([held.document["rows"]["vote"][0]], {})
    assert (parts["outcome"], parts["ballots"]) == ("adopted", 10)
    assert "yes" not in parts


def test_power_of_one_member_one_vote_is_a_tenth_each(rows: dict[str, list[dict[str, Any]]]) -> None:
    text = of(rows, "rule", "amend_rules")
    parts = power([text], {"members": list(TEN), "tables": 0})
    assert {parts[f"shapley_{m}"] for m in TEN} == {10.0}
    assert weight([of(rows, "weights", "population")], {"member": "EGY"}) == {"value": 115}


def test_a_consultation_comes_out_of_its_opinions(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = rows["consultation"][0]
    parts = consultation([row], {"resamples": 50})
    cells = row["row"]["votes"]["cells"]
    assert parts["votes"] == sum(len(c) for c in cells.values()) == 120
    for number in ("1", "2", "12"):
        said = [c[number] for c in cells.values()]
        assert parts[f"agrees_{number}"] == said.count(1)
        assert parts[f"disagrees_{number}"] == said.count(-1)
    assert parts["bridging"] == 2
    with pytest.raises(MethodError):
        consultation([{"row": {**row["row"], "votes": {"cells": {}, "entries": [], "host": {}}}}], {"resamples": 50})


def test_disputes_come_out_of_their_events_and_a_changed_state_is_found(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = rows["dispute"][0]
    parts = disputes([row], {})
    assert [parts[n] for n in ("cases", "ended", "met", "missed", "met_d-2026-001")] == [1, 0, 1, 2, 1]
    case = row["row"]["case"]
    false = {**case, "state": {**case["state"], "stage": "settled"}}
    with pytest.raises(TrustError, match="not what the events give"):
        disputes([{"row": {**row["row"], "case": false}}], {})


# --- Reviews ----------------------------------------------------------------------------------------------------------

PLEDGE = {"id": "c-1", "topic": "", "targets": []}
TARGET = """commitment: c-1
indicator: users
unit: percent
direction: up
baseline: {year: 2020, value: %s}
target: {year: 2030, value: 80}
"""


def asked(*codes: tuple[str, str, int | None], target: str = "", decision: str = "v-1", **changes: Any) -> Any:
    """A review of one commitment by codes (member, coder, value), with observations (area, year, value)."""
    by_member: dict[str, list[dict[str, Any]]] = {}
    for member, coder, value in codes:
        by_member.setdefault(member, []).append(
            {"coder": coder, "member": coder, "value": value, "reason": "none", "sources": ["0" * 64]}
        )
    pledge = {**PLEDGE, "targets": [{"text": target, "decision": decision}] if target else []}
    inputs: list[Any] = [{"row": {"chosen": ["c-1"], "year": 2026, "registered": 9}}, {"row": pledge}]
    inputs += [{"row": {"codes": c, "commitment": "c-1", "member": m}} for m, c in by_member.items()]
    seen = changes.pop("seen", ())
    inputs += [
        {"area": a, "year": y, "value": v, "precision": p, "unit_mult": 0} for a, y, v, p in seen
    ]  # fmt: skip
    said = {
        "members": sorted(by_member), "observed": ["users" for _ in seen], "units": {"users": "percent"}, "names": {},
        "seed": 1, "draws": 200, "league": False, **changes,
    }  # fmt: skip
    return inputs, said


TWO = (("BRA", "x", 1), ("BRA", "y", 0), ("IND", "x", -1), ("IND", "y", -1))


def test_the_newest_figure_not_after_the_review_is_held_against_what_was_due_then() -> None:
    seen = [("BRA", 2025, 55.0, None), ("BRA", 2027, 79.0, None), ("IND", 2023, 40.0, 0.5)]
    parts = review(*asked(*TWO, target=TARGET % 40, seen=seen))
    assert parts["year_c-1_BRA_users"] == 2025
    assert parts["due_c-1_BRA_users"] == 60
    assert parts["ev_c-1_BRA"] == 0.75
    assert parts["ei_c-1_BRA_users_lower"] is None, "no error of it is known"
    assert (parts["ev_c-1_IND"], parts["step_c-1_IND"]) == (0.0, "not started")
    assert parts["ei_c-1_IND_users_lower"] < 0 < parts["ei_c-1_IND_users_upper"]
    assert parts["g_c-1"] == pytest.approx((0.75 - 0.5 + 0 + 1) / 2)
    assert (parts["human"], parts["evidence"], parts["pairs"]) == (-0.25, 0.375, 2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "no_target"),
        ({"target": TARGET % 40, "decision": ""}, "proposed"),
        ({"target": TARGET % 40}, "no_figure"),
        ({"target": TARGET % 40, "units": {}}, "no_indicator"),
        ({"target": (TARGET % 40).replace("percent", "count"), "seen": [("BRA", 2025, 1.0, None)]}, "is in count"),
    ],
)
def test_why_there_is_no_evidence(changes: dict[str, Any], why: str) -> None:
    parts = review(*asked(*TWO, **changes))
    assert why in parts["why_c-1"]
    assert parts["step_c-1"] == "no evidence"
    assert parts["gap"] is None


def test_an_indicator_may_stand_for_another() -> None:
    seen = [("BRA", 2025, 50.0, None)]
    named = {"observed": ["internet"], "units": {"internet": "percent"}, "names": {"users": "internet"}}
    said = asked(*TWO, target=TARGET % 40, seen=seen, **named)
    assert review(*said)["ev_c-1_BRA"] == 0.5


def test_a_cell_of_one_coder_is_blank_and_agreement_is_counted() -> None:
    found = review_of(*asked(("BRA", "x", 1), ("BRA", "y", -1), ("IND", "x", 0)))
    assert found.scores.cells["c-1", "IND"].value is None
    parts = review(*asked(("BRA", "x", 1), ("BRA", "y", -1), ("IND", "x", -1), ("IND", "y", 1)))
    assert parts["label"] == "unreliable"
    assert (parts["differ"], parts["score_c-1"]) == (2, 50)
    assert parts["score_c-1_lower"] < 50 < parts["score_c-1_upper"]


def test_what_moved_between_two_reviews() -> None:
    then, now = ({"member_A": v, "member_A_lower": v - 5, "member_A_upper": v + 5, "bloc": v} for v in (20.0, 40.0))
    parts = moved([then, now], {"members": ["A"], "commitments": []})
    assert (parts["member_A"], parts["apart_A"], parts["bloc"], parts["both"]) == (20, 1, 20, 0)
    near = {**now, "member_A_lower": 24.0}
    assert moved([then, near], {"members": ["A"], "commitments": []})["apart_A"] == 0


def test_the_year_is_the_same_each_time_it_is_said(held: Held) -> None:
    council_year.year.cache_clear()
    again = council_year.year()
    assert again.council.state_hash == held.council.state_hash
    assert 500 <= again.council.events <= 600
