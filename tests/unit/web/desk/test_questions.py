"""From the model of an entry to questions and back: every type of entry that a form writes."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council._registry import model_of
from concordat.council.events import load_all
from concordat.node.authorise import roles
from concordat.web.desk.questions import BESIDE, asks_of, body_of, kept_answers, names_of
from concordat.web.languages import Words

WRITTEN = sorted({k for act in roles().acts.values() for k in act.entries} & set(load_all()))
A = "a" * 64

# Answers as a form sends them, what the node adds, and the body that the model itself reads: one row a way of asking.
CASES: list[tuple[str, dict[str, list[str]], dict[str, Any], dict[str, Any]]] = [
    (
        "MeetingOpened",
        {"title": [" First "], "begins": ["2026-05-04T10:00Z"]},
        {},
        {"title": "First", "begins": "2026-05-04T10:00Z"},
    ),
    (
        "AttendanceRecorded",
        {"meeting": ["m-2026-001"], "present": ["BRA\n\n IND \n"]},
        {},
        {"meeting": "m-2026-001", "present": ["BRA", "IND"]},
    ),
    (
        "AgendaSet",
        {"items": ["i-1 | proposal | Data | p-2026-001\ni-2|debate|Fees"]},
        {},
        {
            "items": [
                {"item": "i-1", "kind": "proposal", "title": "Data", "subject": "p-2026-001"},
                {"item": "i-2", "kind": "debate", "title": "Fees"},
            ]
        },
    ),
    (
        "StatementModerated",
        {
            "consultation": ["c-1"],
            "statement": ["3"],
            "decision": ["rejected"],
            "meta": ["yes"],
            "reason": ["Off topic"],
        },
        {},
        {"consultation": "c-1", "statement": 3, "decision": "rejected", "meta": True, "reason": "Off topic"},
    ),
    (
        "ProposalTabled",
        {
            "title": ["T"],
            "rule": ["r"],
            "kind": ["proposal"],
            "language.1": ["en"],
            "text.1": ["One\nmore.\n\n\nTwo."],
            "language.2": ["pt"],
            "text.2": ["Um mais.\n\nDois."],
            "text.3": [""],
        },
        {"authentic": ["en", "pt"]},
        {
            "title": "T",
            "rule": "r",
            "kind": "proposal",
            "authentic": ["en", "pt"],
            "texts": {
                "en": [{"id": "p1", "text": "One more."}, {"id": "p2", "text": "Two."}],
                "pt": [{"id": "p1", "text": "Um mais."}, {"id": "p2", "text": "Dois."}],
            },
        },
    ),
    (
        "AmendmentTabled",
        {
            "proposal": ["p-1"],
            "base": [A],
            "change.op": ["insert_after"],
            "change.paragraph": ["start"],
            "change.id": ["p0"],
            "change.text.en": ["New."],
            "change.text.pt": [""],
            "reason": [""],
        },
        {},
        {
            "proposal": "p-1",
            "base": A,
            "change": {"op": "insert_after", "paragraph": "start", "id": "p0", "text": {"en": "New."}},
        },
    ),
    (
        "AmendmentTabled",
        {
            "proposal": ["p-1"],
            "base": [A],
            "change.op": ["delete"],
            "change.paragraph": ["p1"],
            "change.id": ["p9"],
            "change.text.en": ["ignored"],
        },
        {},
        {"proposal": "p-1", "base": A, "change": {"op": "delete", "paragraph": "p1"}},
    ),
    (
        "TranslationSupplied",
        {"proposal": ["p-1"], "base": [A], "language": ["pt"], "words": ["p1: Um\nmais\np2: Dois"]},
        {},
        {"proposal": "p-1", "base": A, "language": "pt", "words": {"p1": "Um\nmais", "p2": "Dois"}},
    ),
    (
        "WeightsAdopted",
        {
            "table": ["population"],
            "day": ["2026-07-01"],
            "unit": ["people"],
            "source": ["s"],
            "values": ["BRA: 213,000,000\nIND: 1 450 000 000"],
        },
        {},
        {
            "table": "population",
            "day": "2026-07-01",
            "unit": "people",
            "source": "s",
            "values": {"BRA": 213_000_000, "IND": 1_450_000_000},
        },
    ),
    (
        "BallotCast",
        {"vote": ["v-1"], "choice": ["yes"], "text": [A], "rule": [A], "proxy_for": [""]},
        {},
        {"vote": "v-1", "choice": "yes", "text": A, "rule": A},
    ),
    (
        "BallotCast",
        {"vote": ["v-1"], "rank.Chen": ["2"], "rank.Amara": ["1"], "rank.Dara": [""], "text": [A], "rule": [A]},
        {},
        {"vote": "v-1", "choice": ["Amara", "Chen"], "text": A, "rule": A},
    ),
    (
        "OpinionVoted",
        {"consultation": ["c-1"], "opinion.12": ["agree"], "opinion.3": ["disagree"], "opinion.4": ["skip"]},
        {},
        {"consultation": "c-1", "opinions": [[3, "disagree"], [12, "agree"]]},
    ),
    (
        "CommitmentRegistered",
        {
            "id": ["x-1"],
            "document": ["d"],
            "kind": ["k"],
            "who": ["members"],
            "what": ["w"],
            "measures": ["itu | x1 | tells\nwb"],
        },
        {},
        {
            "commitments": [
                {
                    "id": "x-1",
                    "document": "d",
                    "kind": "k",
                    "who": "members",
                    "what": "w",
                    "measures": [{"source": "itu", "code": "x1", "tells": "tells"}, {"source": "wb"}],
                }
            ]
        },
    ),
    (
        "CodeAssigned",
        {"cycle": ["y-1"], "commitment": ["x-1"], "member": ["BRA"], "code": ["-1"], "sources": [f"{A}\n"]},
        {},
        {"cycle": "y-1", "commitment": "x-1", "member": "BRA", "code": -1, "sources": [A]},
    ),
    (
        "CodeAssigned",
        {"cycle": ["y-1"], "commitment": ["x-1"], "member": ["BRA"], "code": ["none"]},
        {},
        {"cycle": "y-1", "commitment": "x-1", "member": "BRA", "code": None},
    ),
    ("RuleAdopted", {"rules": ["rule: x\nversion: 1"]}, {}, {"rules": ["rule: x\nversion: 1\n"]}),
    (
        "RecommendationMade",
        {"cycle": ["y-1"], "to": ["BRA"], "text": ["Do it."]},
        {},
        {"cycle": "y-1", "to": "BRA", "text": "Do it.", "specific": False},
    ),
]


@pytest.mark.parametrize(("kind", "answers", "made", "body"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_answers_come_to_the_body(
    kind: str, answers: dict[str, list[str]], made: dict[str, Any], body: dict[str, Any]
) -> None:
    assert set(kept_answers(kind, answers)) == set(answers)
    built = body_of(kind, answers, made)
    assert built.errors == {}
    read = model_of(kind).model_validate(built.body)
    assert read == model_of(kind).model_validate(body)
    assert {k: v for k, v in built.body.items() if k in body} == body


@pytest.mark.parametrize(
    ("kind", "answers", "place", "code"),
    [
        ("MeetingOpened", {"begins": ["tomorrow"]}, {"title": "missing", "begins": "pattern"}, ""),
        ("MeetingOpened", {"title": ["x" * 301], "begins": ["2026-05-04T10:00Z"]}, {"title": "too_long"}, ""),
        (
            "StatementModerated",
            {"consultation": ["c-1"], "statement": ["three"], "decision": ["maybe"], "reason": ["r"]},
            {"statement": "number", "decision": "choose"},
            "",
        ),
        ("ProposalTabled", {"title": ["T"], "rule": ["r"]}, {"text.1": "missing"}, ""),
        (
            "ProposalTabled",
            {
                "title": ["T"],
                "rule": ["r"],
                "language.1": ["en"],
                "text.1": ["a\n\nb"],
                "language.2": ["pt"],
                "text.2": ["a"],
            },
            {"text.2": "unlike"},
            "",
        ),
        (
            "ProposalTabled",
            {
                "title": ["T"],
                "rule": ["r"],
                "language.1": ["en"],
                "text.1": ["a"],
                "language.2": ["en"],
                "text.2": ["a"],
            },
            {"language.2": "twice"},
            "",
        ),
        ("AmendmentTabled", {"proposal": ["p-1"], "base": [A]}, {"change.op": "missing"}, ""),
        (
            "WeightsAdopted",
            {"table": ["t"], "day": ["2026-07-01"], "unit": ["u"], "source": ["s"], "values": ["BRA 12"]},
            {"values": "pair"},
            "",
        ),
        (
            "WeightsAdopted",
            {"table": ["t"], "day": ["2026-07-01"], "unit": ["u"], "source": ["s"], "values": ["BRA: many"]},
            {"values": "number"},
            "",
        ),
        ("AgendaSet", {"items": ["a | proposal | T | s | more"]}, {"items": "parts"}, ""),
        (
            "CommitmentRegistered",
            {"id": ["x-1"], "document": ["d"], "kind": ["k"], "what": ["w"]},
            {"who": "missing"},
            "",
        ),
        ("BallotCast", {"vote": ["v-1"], "text": [A], "rule": [A]}, {"choice": "missing"}, ""),
        ("ReservationMade", {"proposal": ["p-1"], "paragraphs": [""], "reason": ["r"]}, {"paragraphs": "missing"}, ""),
        ("SettlementReached", {"dispute": ["d-1"], "terms": ["abc"]}, {"terms": "pattern"}, ""),
    ],
)
def test_what_is_wrong_is_told_by_field(
    kind: str, answers: dict[str, list[str]], place: dict[str, str], code: str
) -> None:
    made = {"authentic": ["en"]} if kind == "ProposalTabled" else {}
    built = body_of(kind, answers, made)
    found = {name: mistake for name, (mistake, _) in built.errors.items()}
    for name, mistake in place.items():
        assert found.get(name, found.get(name.partition(".")[0])) == mistake, found


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_form_has_words_in_every_language(kind: str) -> None:
    for language in ("en", "pt", "ar"):
        words = Words(language)
        assert f"say.{kind}" in words
        for ask in asks_of(kind):
            assert f"ask.{ask.name}" in words or ask.name == "texts", ask.name
            for option in ask.options:
                assert f"word.{option}" in words, option
    assert {name for name, _ in BESIDE.get(kind, ())} <= set(names_of(kind)) | {"choice"}


def test_nothing_that_a_form_does_not_ask_is_kept() -> None:
    sent = {
        "vote": ["v-1"],
        "phrase": ["secret"],
        "token": ["t"],
        "rank.x": ["1"],
        "password": ["p"],
        "choice": ["yes"],
    }
    assert set(kept_answers("BallotCast", sent)) == {"vote", "rank.x", "choice"}
    assert set(kept_answers("MeetingOpened", sent)) == set()


@pytest.mark.parametrize("act", sorted(roles().acts))
def test_every_act_that_writes_has_a_heading(act: str) -> None:
    if roles().acts[act].entries and set(roles().acts[act].entries) & set(WRITTEN):
        assert f"act.{act}" in Words("en")


def test_every_kind_of_the_audit_chain_has_words() -> None:
    from concordat.node.audit_log import KINDS

    assert [k for k in sorted(KINDS) if f"audit.{k}" not in Words("en")] == []


@pytest.mark.parametrize("written", ["2,5", "2.5", "1,50", "1,0000", "1 00", ",5", "1,,000", "-1", ""])
def test_a_decimal_comma_is_no_thousand(written: str) -> None:
    """`2,5` was once read as 25."""
    built = body_of("WeightsAdopted", {"values": [f"BRA: {written}"]}, {})
    assert built.errors["values"] == ("number", "BRA")
