"""Every type of entry has a schema that is stored, a line on its page, and refuses what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat.council._body import read_body, seconds
from concordat.council._registry import KINDS
from concordat.council.events import load_all, schema
from concordat.errors import InputError

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "src" / "concordat" / "council" / "schemas"
SPECIFIED = (  # council.md, section 9
    "MemberAdmitted", "MemberSuspended", "ObserverAdmitted", "FullPowersIssued", "KeyRotated", "RuleAdopted",
    "WeightsAdopted", "ChairAppointed", "MeetingOpened", "AttendanceRecorded", "AgendaSet", "ProposalTabled",
    "ProposalWithdrawn", "AmendmentTabled", "TextCertified", "ConsultationOpened", "StatementSubmitted",
    "StatementModerated", "OpinionVoted", "ConsultationClosed", "SilenceStarted", "SilenceBroken",
    "SilenceExtended", "VoteOpened", "BallotCast", "BallotCommitted", "BallotRevealed", "VoteClosed",
    "ResultDeclared", "ResultChallenged", "ReservationMade", "ReservationObjected", "OptOutMade",
    "ExplanationGiven", "CommitmentRegistered", "TargetSet", "IndicatorBound", "EvidenceSubmitted", "CycleOpened",
    "GuidelineFixed", "CodeAssigned", "MemberCommented", "ReportPublished", "RecommendationMade",
    "RecommendationAnswered", "DisputeFiled", "ResponseFiled", "StageAdvanced", "NeutralAppointed",
    "NeutralChallenged", "DeadlineExtended", "DisputeSuspended", "SettlementReached", "DisputeWithdrawn",
    "DecisionIssued", "ClockTicked",
)  # fmt: skip


def test_every_type_of_the_specification_is_known() -> None:
    assert set(SPECIFIED) <= set(load_all())


@pytest.mark.parametrize("name", load_all())
def test_the_stored_schema_is_that_of_the_model(name: str, request: pytest.FixtureRequest) -> None:
    path = SCHEMAS / f"{name}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(json.dumps(schema(name), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == schema(name)


def test_no_schema_is_left_over() -> None:
    assert {p.stem for p in SCHEMAS.glob("[A-Z]*.json")} == set(load_all())


@pytest.mark.parametrize("name", load_all())
def test_every_type_stands_on_its_page(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "reference" / "council-entries.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [n for n in load_all() if n != "ClockTicked"])
def test_unknown_keys_are_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match=r"is not a key of|Field required"):
        read_body(KINDS[name].body, {"surprise": 1}, name)


def test_the_nearest_key_is_suggested() -> None:
    body = {"vote": "v-2026-001", "choise": "yes", "choice": "yes", "text": "0" * 64, "rule": "0" * 64}
    with pytest.raises(InputError, match='Did you mean "choice"'):
        read_body(KINDS["BallotCast"].body, body, "BallotCast")


@pytest.mark.parametrize(
    "text", ["2026-13-01T00:00Z", "1969-12-31T23:59Z", "2231-01-01T00:00Z", "0001-01-01T00:00+14:00"]
)
def test_instants_outside_the_calendar_of_the_council_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not an instant"):
        seconds(text)
