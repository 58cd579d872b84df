"""The counters: what counts once, what no longer counts, and by whom it was said."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError
from concordat.exchange.fold import fold
from concordat.exchange.measures import CODES, measure, measures
from concordat.rulebook.seeds import load_seeds
from exchange_kit import a_case, a_dataset, a_report, an_incident, blob, digest, said

REUSED = {"owner": "BRA", "case": "health", "since": "2026-04-01"}


def test_an_object_counts_once_by_its_newest_version() -> None:
    first, second = a_dataset("BRA", 1, "ict"), a_dataset("BRA", 2, "ict", version=2)
    found = measure("datasets_shared", fold([first, second, a_dataset("IND", 1, "ict")]))
    assert (found.value, found.lower, found.upper) == (2, 2, 2)
    assert found.by == {"BRA": 1, "IND": 1}
    assert second.entry.id in found.entries
    assert first.entry.id not in found.entries


def test_what_was_withdrawn_or_retired_no_longer_counts_until_it_comes_again() -> None:
    log = [a_dataset("BRA", 1, "ict")]
    log.append(said("BRA", "DatasetWithdrawn", 2, {"dataset": "ict", "version": 1, "reason": "error"}))
    assert measure("datasets_shared", fold(log)).value == 0
    log.append(a_dataset("BRA", 3, "ict", version=2))
    assert measure("datasets_shared", fold(log)).value == 1
    record = {"algorithm": "br-014", "version": 1, "document": blob("a")}
    algorithms = [said("BRA", "AlgorithmPublished", 4, record)]
    assert measure("algorithm_register_entries", fold(algorithms)).value == 1
    algorithms.append(said("BRA", "AlgorithmRetired", 5, {"algorithm": "br-014", "version": 1, "on": "2026-06-01"}))
    assert measure("algorithm_register_entries", fold(algorithms)).value == 0


def test_a_case_is_adopted_when_another_member_says_so_and_not_its_owner() -> None:
    case, reuse = a_case("BRA", 1, "health"), said("ZAF", "CaseReused", 1, REUSED)
    own = said("BRA", "CaseReused", 2, REUSED)
    assert measure("case_count", fold([case, own])).value == 0
    found = measure("case_count", fold([case, own, reuse, said("IND", "CaseReused", 1, REUSED)]))
    assert (found.value, found.by) == (1, {"BRA": 1})
    assert measure("cases", fold([case, reuse])).value == 1


def test_bodies_are_counted_once_by_member_and_by_type() -> None:
    ministry, firm = digest("ministry"), digest("firm")
    log = [
        a_case("BRA", 1, body=ministry, body_type="government"),
        a_case("BRA", 2, body=ministry, body_type="government"),
        a_case("BRA", 3, body=firm, body_type="company"),
        a_case("IND", 1, body=ministry, body_type="government"),  # another ministry of the same name
        a_case("IND", 2),
    ]
    assert measure("network_members", fold(log)).by == {"BRA": 2, "IND": 1}
    assert measure("participants_by_type", fold(log)).by == {"company": 1, "government": 2}


def test_reports_and_cases_of_a_kind_count_together() -> None:
    log = [
        a_case("BRA", 1, kind="research_output"),
        a_report("BRA", 2, "research_output", jointly=["IND"]),
        a_report("BRA", 3, "policy_note"),
        a_case("BRA", 4, kind="regulatory", fintech_area=["crowd_p2p"]),
        a_case("BRA", 5, kind="social_innovation", reached=[{"who": "artisans", "count": 120}]),
        a_case("BRA", 6, reached=[{"who": "artisans", "count": 30}, {"who": "students", "count": 7}]),
        an_incident("BRA", 7),
    ]
    found = {code: m.value for code, m in measures(fold(log)).items()}
    assert found["research_outputs"] == 2
    assert found["joint_publications"] == found["policy_notes_shared"] == found["regulatory_cases_shared"] == 1
    assert found["fintech_cases"] == found["social_innovation_cases"] == found["incidents_shared"] == 1
    assert found["artisans_trained"] == 150
    assert found["cases"] == 4


def test_only_members_and_what_was_cosigned_by_the_end_of_the_day_count() -> None:
    log = [
        a_case("BRA", 1, submitted="2026-05-01T23:59"),
        a_case("BRA", 2, submitted="2026-05-02T00:00"),
        a_case("BRA", 3, submitted=None),
        a_case("USA", 1),
    ]
    bloc = ("BRA", "IND")
    assert measure("cases", fold(log), members=bloc, on=date(2026, 5, 1)).value == 1
    assert measure("cases", fold(log), members=bloc, on=date(2026, 5, 2)).value == 2
    assert measure("cases", fold(log), members=bloc).value == 3
    assert measure("cases", fold(log)).by == {"BRA": 3, "USA": 1}


def test_a_member_that_said_nothing_for_a_year_is_not_live() -> None:
    log = [a_case("BRA", 1, submitted="2025-01-01T00:00"), a_case("IND", 1, submitted="2026-01-01T00:00")]
    assert measure("nodes_live", fold(log), on=date(2026, 6, 1)).by == {"IND": 1}
    assert measure("nodes_live", fold(log)).value == measure("active_contributors", fold(log)).value == 2


def test_an_unknown_counter_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "case_count"'):
        measure("case_counts", fold([]))


def test_every_counter_that_the_seed_commitments_name_exists() -> None:
    """Some seeds write a counter in words; what they mean stands in exchange.md, section 3."""
    in_words = {
        "research outputs": "research_outputs",
        "research outputs on topic": "research_outputs",
        "participants by type": "participants_by_type",
        "incidents attributed and notified": "incidents_shared",
    }
    named = {
        m["code"]
        for d in load_seeds().documents
        for item in d.items
        for m in item.measures
        if m["source"] == "exchange"
    }
    assert len(named) > 10
    assert {in_words.get(code, code) for code in named} <= set(CODES)
