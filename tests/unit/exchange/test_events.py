"""Every type of exchange entry has a stored schema, a line on its page, and no field that could hold a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, RuleError
from concordat.exchange.events import KINDS, check_said, schema
from exchange_kit import blob, digest, uuid

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "src" / "concordat" / "exchange" / "schemas"
SPECIFIED = (  # exchange.md, section 3
    "DatasetOffered", "DatasetWithdrawn", "AgreementReached", "AgreementConfirmed", "AgreementEnded",
    "TransferCompleted", "DutyDone", "HarvestFinished", "CasePublished", "CaseReviewed", "CaseReused",
    "ReportPublished", "AlgorithmPublished", "AlgorithmRetired", "IncidentShared", "IncidentStage",
    "IncidentClosed", "QuestionAsked", "AnswerGiven", "AidRequested", "AidOffered", "MatchComputed",
    "MatchAccepted",
)  # fmt: skip
PERSONAL = (
    "Maria da Silva", "m.silva@example.org", "+55 61 99999-1234", "0055619999912345", "(61) 3333-4444", "Maria",
    "O'Brien",
)  # fmt: skip
AGREEMENT = {"agreement": uuid(1), "hash": digest("a"), "provider": "BRA", "consumer": "ZAF"}
INCIDENT = {"incident": "incident--00000000-0000-4000-8000-000000000001", "version": 1}


def test_the_types_are_those_of_the_specification() -> None:
    assert len(SPECIFIED) == 23
    assert set(KINDS) == set(SPECIFIED)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_stored_schema_is_that_of_the_model(name: str, update_golden: bool) -> None:
    path = SCHEMAS / f"{name}.json"
    if update_golden:
        path.write_text(json.dumps(schema(name), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == schema(name)


def test_no_schema_is_left_over() -> None:
    assert {p.stem for p in SCHEMAS.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_type_stands_on_its_page(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "reference" / "exchange-entries.md").read_text(encoding="utf-8")


def _texts(part: Any) -> Iterator[dict[str, Any]]:
    """Every place of a schema that takes text."""
    if isinstance(part, dict):
        if part.get("type") == "string" or "const" in part:
            yield part
        for inner in part.values():
            yield from _texts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_field_can_hold_a_name_an_address_or_a_telephone(name: str) -> None:
    for place in _texts(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))):
        if "enum" in place or "const" in place:
            continue
        assert "pattern" in place, f"{name}: text without a pattern: {place}"
        assert place["pattern"].startswith("^"), place
        assert place["pattern"].endswith("$"), place
        for text in PERSONAL:
            assert not re.search(place["pattern"], text), f"{name}: {place['pattern']} takes {text}"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_unknown_keys_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not a key of"):
        check_said(name, {"surprise": 1}, "BRA")


def test_the_nearest_type_and_key_are_suggested() -> None:
    with pytest.raises(InputError, match='Did you mean "CaseReused"'):
        check_said("CaseReuse", {}, "BRA")
    with pytest.raises(InputError, match='Did you mean "version"'):
        check_said("DatasetWithdrawn", {"dataset": "a", "versio": 1, "reason": "error"}, "BRA")


@pytest.mark.parametrize(
    ("kind", "body", "right", "wrong"),
    [
        ("AgreementReached", {**AGREEMENT, "dataset": "ict", "version": 1}, "BRA", "ZAF"),
        ("AgreementConfirmed", AGREEMENT, "ZAF", "BRA"),
        ("AgreementEnded", {**AGREEMENT, "reason": "expired"}, "ZAF", "IND"),
        ("DutyDone", {**AGREEMENT, "duty": "delete", "on": "2028-06-30"}, "ZAF", "BRA"),
        ("CaseReused", {"owner": "BRA", "case": "health", "since": "2026-01-01"}, "ZAF", "BRA"),
        ("AnswerGiven", {"asker": "BRA", "question": "q-1", "declined": "no_mandate"}, "IND", "BRA"),
    ],
)
def test_an_entry_is_for_one_side_to_say(kind: str, body: dict[str, Any], right: str, wrong: str) -> None:
    check_said(kind, body, right)
    with pytest.raises(RuleError):
        check_said(kind, body, wrong)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"label": "RED", "document": blob("x", salted=True)}, "recipients_hash"),
        ({"label": "RED", "document": blob("x"), "recipients_hash": digest("r")}, "salted document"),
        (
            {"label": "RED", "document": blob("x", salted=True), "recipients_hash": digest("r"), "recipients": ["IND"]},
            "names no recipients",
        ),
        ({"label": "AMBER", "document": blob("x", salted=True)}, "names its recipients"),
        ({"label": "CLEAR", "document": blob("x"), "recipients_hash": digest("r")}, "for RED"),
        ({"label": "PINK", "document": blob("x")}, "Input should be"),
    ],
    ids=["red-none", "red-unsalted", "red-open", "amber-none", "clear-hash", "unknown"],
)
def test_what_an_incident_says_of_its_recipients_follows_its_label(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_said("IncidentShared", {**INCIDENT, **more}, "BRA")


def test_a_red_incident_holds_two_salted_hashes() -> None:
    body = {**INCIDENT, "label": "RED", "document": blob("x", salted=True), "recipients_hash": digest("r")}
    assert check_said("IncidentShared", body, "BRA").model_dump()["recipients"] == []


def test_a_question_is_put_to_members_or_to_a_group_and_an_answer_says_one_thing() -> None:
    asked = {"question": "q-1", "due": "2026-05-20", "label": "AMBER", "document": blob("q", salted=True)}
    check_said("QuestionAsked", {**asked, "to": ["IND"]}, "BRA")
    for more in ({}, {"to": ["IND"], "group": "supervision"}):
        with pytest.raises(InputError, match="one of the two"):
            check_said("QuestionAsked", {**asked, **more}, "BRA")
    given = {"asker": "BRA", "question": "q-1"}
    for more in ({}, {"document": blob("a"), "declined": "other"}):
        with pytest.raises(InputError, match="says why"):
            check_said("AnswerGiven", {**given, **more}, "IND")


@pytest.mark.parametrize("day", ["2026-02-29", "2026-04-31", "0000-01-01"])
def test_a_day_that_the_calendar_has_not_is_refused(day: str) -> None:
    body = {**AGREEMENT, "duty": "delete", "on": "2028-02-29"}
    check_said("DutyDone", body, "ZAF")
    with pytest.raises(InputError, match="not in the calendar"):
        check_said("DutyDone", body | {"on": day}, "ZAF")


def test_an_instant_that_no_clock_shows_is_refused() -> None:
    body = {
        "source": "a", "run": 1, "kind": "csv", "outcome": "complete", "added": 0, "changed": 0, "removed": 0,
        "failed": 0, "changes": digest("c"), "started": "2026-01-01T23:59:59Z", "finished": "2026-01-01T24:61:00Z",
    }  # fmt: skip
    with pytest.raises(InputError, match="not in the calendar"):
        check_said("HarvestFinished", body, "BRA")


def test_a_confirmation_names_what_was_promised() -> None:
    duties = [{"duty": "delete", "number": 2, "due": "2028-06-30"}, {"duty": "inform", "number": 1}]
    assert check_said("AgreementConfirmed", {**AGREEMENT, "duties": duties}, "ZAF").duties[0].due == "2028-06-30"
    assert check_said("AgreementConfirmed", AGREEMENT, "ZAF").duties is None
    for wrong in ({"duty": "pay", "number": 1}, {"duty": "delete", "number": 0}, {"duty": "delete"}):
        with pytest.raises(InputError):
            check_said("AgreementConfirmed", {**AGREEMENT, "duties": [wrong]}, "ZAF")
