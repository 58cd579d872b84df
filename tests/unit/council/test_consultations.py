"""Consultations on the record: who may say what until when, moderation, delegations and publics never mixed."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council import consultations
from concordat.council.consult import analyse
from concordat.council.consultations import as_votes, votes_of
from concordat.errors import MethodError
from council_kit import AMEND, DAY, HOUR, MAJORITY, T0, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")
KEY = "c-2026-001"
A, B, C = "a" * 16, "b" * 64, "c" * 20


@pytest.fixture
def bloc() -> Bloc:
    return Bloc(FOUR).found(AMEND, MAJORITY)


def consult(bloc: Bloc, *texts: str, **body: Any) -> None:
    bloc.say("IND", "ConsultationOpened", **{"title": "t", "closes": "2026-01-05T00:00Z", **body})
    for text in texts:
        bloc.say("IND", "StatementSubmitted", consultation=KEY, text=text)


def found(bloc: Bloc) -> Any:
    return bloc.council.get("consultation", KEY)


def opine(bloc: Bloc, author: str, *rows: Any, **more: Any) -> None:
    bloc.say(author, "OpinionVoted", consultation=KEY, opinions=[list(r) for r in rows], **more)


# --- Opening and closing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"closes": "2026-01-01T00:00Z"}, "it would close 2026-01-01 00:00 UTC, before it opened."),
        ({"closes": "2026-01-05"}, "$.body.closes"),
        ({"closes": "2026-02-30T00:00Z"}, '"2026-02-30T00:00Z" is not an instant.'),
        ({"public": "everybody"}, "$.body.public"),
        ({"title": ""}, "$.body.title"),
        ({"title": "x" * 301}, "$.body.title"),
        ({"proposal": "p-2026-009"}, 'there is no proposal "p-2026-009".'),
        ({"topic": "x"}, '"topic" is not a key of ConsultationOpened.'),
    ],
)
def test_what_opens_no_consultation(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    consult(bloc, **body)
    assert words in bloc.refusal()
    assert bloc.council.all("consultation") == []


def test_a_consultation_is_on_a_tabled_text(bloc: Bloc) -> None:
    proposal = bloc.table()
    consult(bloc, proposal=proposal)
    assert (found(bloc).proposal, found(bloc).status) == (proposal, "open")
    bloc.certify(proposal)
    bloc.say("IND", "ConsultationOpened", title="u", closes="2026-01-05T00:00Z", proposal=proposal)
    assert bloc.refusal() == f"{proposal} is certified."


def test_it_closes_at_its_hour_and_takes_what_was_submitted_in_time_for_the_merge_delay(bloc: Bloc) -> None:
    consult(bloc, "s")
    closes = T0 + 4 * DAY
    bloc.now = closes + HOUR
    opine(bloc, "ZAF", (1, "agree"), at=closes)
    assert votes_of(bloc.council, KEY).cells == {"ZAF": {1: 1}}
    opine(bloc, "CHN", (1, "agree"), at=closes + 1)
    assert bloc.refusal() == f"late: {KEY} closed 2026-01-05 00:00 UTC."
    bloc.pass_time(DAY - HOUR)  # to the very end of the merge delay
    assert found(bloc).status == "open"
    bloc.pass_time(1)
    assert found(bloc).status == "closed"
    opine(bloc, "CHN", (1, "agree"), at=closes)
    assert bloc.refusal() == f"late: {KEY} closed 2026-01-05 00:00 UTC."


def test_the_chair_closes_it_before_its_hour(bloc: Bloc) -> None:
    consult(bloc, "s")
    bloc.now += HOUR
    bloc.say("IND", "ConsultationClosed", consultation=KEY)
    assert bloc.refusal() == "only the chair (BRA) may close it before its hour."
    bloc.say("BRA", "ConsultationClosed", consultation=KEY)
    assert found(bloc).closes == T0 + HOUR
    bloc.now += 1
    bloc.say("BRA", "ConsultationClosed", consultation=KEY)
    assert bloc.refusal() == f"late: {KEY} closed 2026-01-01 01:00 UTC."
    bloc.pass_time(DAY)
    assert found(bloc).status == "closed"


# --- Statements ---------------------------------------------------------------------------------------------------


def test_statements_are_numbered_marked_and_moderated_with_a_reason(bloc: Bloc) -> None:
    consult(bloc, "one")
    bloc.say("BRA", "ObserverAdmitted", observer="FRA")
    bloc.say("FRA", "StatementSubmitted", consultation=KEY, text="deux", language="fr", translation=True)
    rows = found(bloc).statements
    assert [(s.number, s.author, s.language, s.translation, s.moderated) for s in rows] == [
        (1, "IND", "en", False, 0), (2, "FRA", "fr", True, 0),
    ]  # fmt: skip
    said = {"consultation": KEY, "statement": 2, "decision": "rejected", "reason": "off topic"}
    bloc.say("IND", "StatementModerated", **said)
    assert bloc.refusal() == "only the chair (BRA) may moderate."
    bloc.say("BRA", "StatementModerated", **said)
    row = found(bloc).statements[1]
    assert (row.moderated, row.meta, row.reason, row.text) == (-1, False, "off topic", "deux")  # kept, never dropped
    bloc.say("BRA", "StatementModerated", **{**said, "decision": "accepted", "meta": True})
    assert (found(bloc).statements[1].moderated, found(bloc).statements[1].meta) == (1, True)
    bloc.say("BRA", "StatementModerated", **{**said, "decision": "open"})
    assert found(bloc).statements[1].moderated == 0


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("StatementSubmitted", {"text": ""}, "$.body.text"),
        ("StatementSubmitted", {"text": "x" * 1_001}, "$.body.text"),
        ("StatementSubmitted", {"text": "one"}, "that statement stands there already."),
        ("StatementSubmitted", {"text": "x", "language": "English"}, "$.body.language"),
        ("StatementSubmitted", {"text": "x", "consultation": "c-2026-002"}, 'there is no consultation "c-2026-002".'),
        ("StatementModerated", {"statement": 2, "decision": "rejected", "reason": "r"}, "there is no statement 2."),
        ("StatementModerated", {"statement": 0, "decision": "rejected", "reason": "r"}, "$.body.statement"),
        ("StatementModerated", {"statement": 1, "decision": "rejected"}, "$.body.reason"),
        ("StatementModerated", {"statement": 1, "decision": "removed", "reason": "r"}, "$.body.decision"),
        ("OpinionVoted", {"opinions": []}, "$.body.opinions"),
        ("OpinionVoted", {"opinions": [[2, "agree"]]}, "$.body.opinions[0]: there is no statement 2."),
        ("OpinionVoted", {"opinions": [[1, "agree"], [0, "agree"]]}, "$.body.opinions[1]: there is no statement 0."),
        ("OpinionVoted", {"opinions": [["1", "agree"]]}, "there is no statement 1."),
        ("OpinionVoted", {"opinions": [[1, "yes"]]}, '"yes" is no opinion. agree, pass or disagree.'),
        ("OpinionVoted", {"opinions": [[1, 1]]}, '"1" is no opinion.'),
        ("OpinionVoted", {"opinions": [[A, 1, "agree"]]}, "an opinion is [statement, choice]."),
        ("OpinionVoted", {"opinions": [[1]]}, "$.body.opinions[0]"),
        ("OpinionVoted", {"opinions": [[1, "agree"]] * 501}, "$.body.opinions"),
    ],
)
def test_bad_input_of_a_consultation_of_delegations(bloc: Bloc, kind: str, body: dict[str, Any], words: str) -> None:
    consult(bloc, "one")
    before = found(bloc)
    bloc.say("BRA", kind, **{"consultation": KEY, **body})
    assert words in bloc.refusal()
    assert found(bloc) == before
    assert votes_of(bloc.council, KEY).cells == {}


def test_a_member_submits_its_share_of_the_statements(bloc: Bloc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consultations, "STATEMENTS_MAX", 8)
    consult(bloc, "1", "2", "3")
    assert bloc.refusal() == "a member submits at most 2 statements."
    for member in ("BRA", "CHN", "ZAF"):
        for n in range(2):
            bloc.say(member, "StatementSubmitted", consultation=KEY, text=f"{member} {n}")
    bloc.say("BRA", "ObserverAdmitted", observer="FRA")
    bloc.say("FRA", "StatementSubmitted", consultation=KEY, text="ours")
    assert bloc.refusal() == "a consultation has at most 8 statements."


# --- Opinions -----------------------------------------------------------------------------------------------------


def test_the_last_opinion_of_a_delegation_counts_and_every_entry_is_kept(bloc: Bloc) -> None:
    consult(bloc, "one", "two")
    opine(bloc, "ZAF", (1, "agree"), (2, "pass"))
    opine(bloc, "ZAF", (1, "disagree"))
    opine(bloc, "CHN", (2, "agree"))
    table = votes_of(bloc.council, KEY)
    assert table.cells == {"ZAF": {1: -1, 2: 0}, "CHN": {2: 1}}
    assert (len(table.entries), found(bloc).opinions) == (3, 3)
    bloc.say("BRA", "ObserverAdmitted", observer="FRA")
    opine(bloc, "FRA", (1, "agree"))
    assert bloc.refusal() == "FRA is no member of the council, and observers don't do that."


def test_the_state_tells_two_orders_of_the_same_opinions_apart() -> None:
    hashes = []
    for flip in (1, -1):
        bloc = Bloc(FOUR).found(AMEND, MAJORITY)
        consult(bloc, "one")
        for choice in ("agree", "disagree")[::flip]:
            opine(bloc, "ZAF", (1, choice))
        hashes.append(found(bloc).digest)
    assert hashes[0] != hashes[1]


def test_a_public_is_hosted_in_batches_and_a_voter_has_one_host(bloc: Bloc) -> None:
    consult(bloc, "one", "two", public="public")
    opine(bloc, "CHN", (A, 1, "agree"), (B, 2, "disagree"), (A, 1, "pass"))
    opine(bloc, "ZAF", (C, 1, "agree"))
    table = votes_of(bloc.council, KEY)
    assert table.cells == {A: {1: 0}, B: {2: -1}, C: {1: 1}}
    assert table.host == {A: "CHN", B: "CHN", C: "ZAF"}
    opine(bloc, "ZAF", (A, 2, "agree"))
    assert bloc.refusal() == f"CHN hosts the voter {A}."
    assert votes_of(bloc.council, KEY).cells[A] == {1: 0}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1, "agree"], "an opinion is [voter, statement, choice]."),
        (["Maria", 1, "agree"], "a voter is a salted hash of 16 to 64 hex digits."),
        (["A" * 16, 1, "agree"], "a voter is a salted hash of 16 to 64 hex digits."),
        (["a" * 15, 1, "agree"], "a voter is a salted hash of 16 to 64 hex digits."),
        ([1, 1, "agree"], "a voter is a salted hash of 16 to 64 hex digits."),
        ([A, 3, "agree"], "there is no statement 3."),
        ([A, 1, "-1"], '"-1" is no opinion.'),
    ],
)
def test_bad_opinions_of_a_public(bloc: Bloc, row: list[Any], words: str) -> None:
    consult(bloc, "one", "two", public="public")
    opine(bloc, "CHN", (B, 1, "agree"), row)
    assert words in bloc.refusal()
    assert votes_of(bloc.council, KEY).cells == {}  # not even the good row of the batch


def test_a_host_has_its_share_of_the_voters(bloc: Bloc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consultations, "VOTERS_MAX", 8)
    consult(bloc, "one", public="public")
    opine(bloc, "CHN", *((f"{n:016x}", 1, "agree") for n in range(3)))
    assert bloc.refusal() == "a member hosts at most 2 voters of a consultation."
    opine(bloc, "CHN", *((f"{n:016x}", 1, "agree") for n in range(2)))
    opine(bloc, "CHN", (f"{0:016x}", 1, "disagree"))  # who is hosted may change its mind
    assert votes_of(bloc.council, KEY).cells == {f"{0:016x}": {1: -1}, f"{1:016x}": {1: 1}}


# --- What it comes to -----------------------------------------------------------------------------------------------


def test_the_analysis_takes_the_last_opinions_and_leaves_out_what_was_rejected(bloc: Bloc) -> None:
    consult(bloc, "one", "two", "three")
    for author, row in zip(FOUR, ("agree", "agree", "disagree", "disagree"), strict=True):
        opine(bloc, author, (1, row), (2, "agree" if row == "disagree" else "disagree"))
    bloc.say("BRA", "StatementModerated", consultation=KEY, statement=3, decision="rejected", reason="r")
    votes = as_votes(bloc.council, KEY)
    assert (votes.participants, votes.matrix[:, :2].tolist()) == (FOUR, [[1, -1], [1, -1], [-1, 1], [-1, 1]])
    assert votes.moderated_out.tolist() == [False, False, True]
    assert analyse(votes).warnings[0] == "Opinion groups are unstable: 4 voters, fewer than 30."


@pytest.mark.parametrize(
    ("texts", "rows", "words"),
    [
        (("one", "two"), {}, "too few to compare: 0 voters, 2 statements, 0 votes."),
        (("one", "two"), {"BRA": "agree"}, "too few to compare: 1 voters, 2 statements, 2 votes."),
        (("one",), {"BRA": "agree", "IND": "pass"}, "too few to compare: 2 voters, 1 statements, 2 votes."),
        (("one", "two"), {"BRA": "pass", "IND": "pass"}, "no two voters differ on any statement: 2 voters, 2 stat"),
    ],
)
def test_too_little_to_analyse_is_told_with_the_counts(
    bloc: Bloc, texts: tuple[str, ...], rows: dict[str, str], words: str
) -> None:
    consult(bloc, *texts)
    for author, choice in rows.items():
        opine(bloc, author, *((n, choice) for n in range(1, len(texts) + 1)))
    with pytest.raises(MethodError, match=words):
        analyse(as_votes(bloc.council, KEY))
