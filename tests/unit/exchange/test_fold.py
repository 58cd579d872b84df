"""What entries come to: objects by owner and id, conflicts kept, faults named, the same in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concordat.errors import InputError
from concordat.exchange.fold import Logged, fold
from exchange_kit import a_case, a_dataset, at, blob, digest, said, uuid


def test_two_members_may_use_one_id() -> None:
    state = fold([a_dataset("BRA", 1, "ict"), a_dataset("ZAF", 1, "ict")])
    assert state.keys("dataset") == [("BRA", "ict"), ("ZAF", "ict")]
    assert state.entries == 2


def test_the_newest_version_is_the_one_that_counts_and_the_others_stay() -> None:
    old, new = a_dataset("BRA", 1, "ict"), a_dataset("BRA", 2, "ict", version=2)
    state = fold([new, old])
    assert state.newest("dataset", ("BRA", "ict")).entry == new.entry.id
    assert [f.version for f in state.of("dataset", ("BRA", "ict"))] == [1, 2]


def test_two_documents_of_one_version_are_both_kept_and_marked() -> None:
    first = a_case("BRA", 1, "health")
    second = a_case("BRA", 2, "health", document=blob("another"))
    state = fold([first, second, a_case("BRA", 3, "water")])
    assert state.conflicts("case") == [(("BRA", "health"), 1)]
    assert len(state.of("case", ("BRA", "health"), "published")) == 2
    assert fold([first, first]).conflicts("case") == []


def test_what_another_member_says_of_a_case_stands_with_its_owner() -> None:
    review = {"owner": "BRA", "case": "health", "version": 1, "grades": [{"result": 0, "grade": 3}]}
    state = fold([said("ZAF", "CaseReviewed", 1, review), a_case("BRA", 1, "health")])
    (fact,) = state.of("case", ("BRA", "health"), "reviewed")
    assert (fact.author, fact.body.grades[0].grade) == ("ZAF", 3)


def test_an_agreement_has_one_key_for_both_sides() -> None:
    body = {"agreement": uuid(1), "hash": digest("a"), "provider": "BRA", "consumer": "ZAF"}
    reached = said("BRA", "AgreementReached", 1, {**body, "dataset": "ict", "version": 1})
    state = fold([said("ZAF", "AgreementConfirmed", 1, body), reached])
    assert [f.says for f in state.of("agreement", ("BRA", uuid(1)))] == ["confirmed", "reached"]


def test_entries_without_effect_are_kept_with_the_reason() -> None:
    own = said("BRA", "CaseReused", 1, {"owner": "BRA", "case": "health", "since": "2026-01-01"})
    broken = said("BRA", "DatasetOffered", 2, {"dataset": "ict"})
    state = fold([own, broken])
    assert state.entries == 0
    reasons = {n.entry: n.reason for n in state.no_effect}
    assert "another member" in reasons[own.entry.id]
    assert "Field required" in reasons[broken.entry.id]


def test_other_scopes_and_types_are_left_alone() -> None:
    case = a_case("BRA", 1)
    council = Logged(replace(case.entry, scope="council"))
    audit = said("BRA", "AuditHead", 2, {"count": 1, "hash": digest("a")})
    state = fold([council, audit])
    assert (state.entries, state.no_effect) == (0, ())


def test_submission_times_are_kept_beside_the_facts_and_change_no_hash() -> None:
    late, none = a_case("BRA", 1, submitted="2026-05-02T10:00"), a_case("BRA", 1, submitted=None)
    early = a_case("BRA", 1)
    assert len({x.entry.id for x in (late, none, early)}) == 1
    state = fold([late, none, early])
    assert next(state.all("case")).submitted == at("2026-05-01T10:00")
    assert state.state_hash == fold([none]).state_hash
    assert state.state_hash != fold([]).state_hash


def test_an_unknown_object_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean"):
        fold([a_dataset("BRA", 1, "ict-household")]).newest("dataset", ("BRA", "ict-houshold"))
