"""The agenda and its order, meetings, and who is recorded there and when."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.council.agenda import agenda
from council_kit import AMEND, HOUR, MAJORITY, T0, Bloc

FOUR = ("BRA", "CHN", "IND", "ZAF")


@pytest.fixture
def bloc() -> Bloc:
    return Bloc(FOUR).found(AMEND, MAJORITY)


def items(*names: str) -> list[dict[str, str]]:
    return [{"item": name, "kind": "debate", "title": name.upper()} for name in names]


def order(bloc: Bloc) -> list[str]:
    return [item.id for item in agenda(bloc.council)]


def test_the_chair_orders_what_it_names_and_the_rest_goes_behind_as_it_stood(bloc: Bloc) -> None:
    bloc.say("BRA", "AgendaSet", items=items("a", "b", "c", "d"))
    assert order(bloc) == ["a", "b", "c", "d"]
    bloc.say("BRA", "AgendaSet", items=items("c", "e"))
    assert order(bloc) == ["c", "e", "a", "b", "d"]
    assert [item.place for item in agenda(bloc.council)] == [1, 2, 3, 4, 5]


def test_a_member_adds_behind_and_moves_nothing(bloc: Bloc) -> None:
    bloc.say("ZAF", "AgendaSet", items=items("z"))
    bloc.say("BRA", "AgendaSet", items=items("a"))
    bloc.say("IND", "AgendaSet", items=items("i", "j"))
    assert order(bloc) == ["a", "z", "i", "j"]
    bloc.say("IND", "AgendaSet", items=items("k", "a"))
    assert bloc.refusal() == "a is on the agenda; only the chair (BRA), or a vote, moves it."
    assert order(bloc) == ["a", "z", "i", "j"]


def test_a_vote_changes_the_order_against_the_chair(bloc: Bloc) -> None:
    bloc.say("BRA", "AgendaSet", items=items("a", "b"))
    body = {"items": items("b", "a")}
    decision = bloc.decide("AgendaSet", body, "IND", "majority")  # any rule that the proposal named
    bloc.say("IND", "AgendaSet", **body, decision=decision)
    assert order(bloc) == ["b", "a"]
    bloc.say("BRA", "AgendaSet", items=items("a"))
    bloc.say("IND", "AgendaSet", **body, decision=decision)
    assert bloc.refusal() == f"{decision} has carried its act already. A decision does so once."
    assert order(bloc) == ["a", "b"]


def test_several_items_of_every_kind_live_at_once(bloc: Bloc) -> None:
    kinds = ("proposal", "report", "review", "dispute", "debate")
    bloc.say("BRA", "AgendaSet", items=[{"item": k, "kind": k, "title": k, "subject": f"{k} of 2026"} for k in kinds])
    assert [(i.kind, i.subject) for i in agenda(bloc.council)] == [(k, f"{k} of 2026") for k in kinds]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"items": items("a", "b", "a")}, "an item stands twice."),
        ({"items": [{"item": "a", "kind": "dinner", "title": "A"}]}, "$.body.items[0].kind"),
        ({"items": [{"item": "A", "kind": "debate", "title": "A"}]}, "$.body.items[0].item"),
        ({"items": [{"item": "a", "kind": "debate", "title": ""}]}, "$.body.items[0].title"),
        ({"items": [{"item": "a", "kind": "debate", "title": "a", "subjekt": "x"}]}, '"subjekt" is not a key'),
        ({"items": items(*(f"i{n}" for n in range(201)))}, "$.body.items"),
        ({"items": items("a"), "decision": "v-2026-001"}, "v-2026-001 is no final vote that adopted something."),
        ({}, "$.body.items"),
    ],
)
def test_bad_items(bloc: Bloc, body: dict[str, Any], words: str) -> None:
    bloc.say("BRA", "AgendaSet", **body)
    assert words in bloc.refusal()
    assert order(bloc) == []


def test_an_agenda_has_five_hundred_items_at_most(bloc: Bloc) -> None:
    for start, end in ((0, 200), (200, 400), (400, 500)):
        bloc.say("BRA", "AgendaSet", items=items(*(f"i{n}" for n in range(start, end))))
    bloc.say("ZAF", "AgendaSet", items=items("one-more"))
    assert bloc.refusal() == "an agenda has at most 500 items."
    bloc.say("BRA", "AgendaSet", items=items("i7", "i3"))  # what is there may still be moved
    assert (len(order(bloc)), order(bloc)[:2]) == (500, ["i7", "i3"])


# --- Meetings -----------------------------------------------------------------------------------------------------


def meet(bloc: Bloc) -> str:
    bloc.say("BRA", "MeetingOpened", title="first", begins="2026-01-01T08:00+08:00")
    return str(bloc.council.all("meeting")[-1].id)


def test_a_meeting_is_the_chairs_to_open(bloc: Bloc) -> None:
    bloc.say("IND", "MeetingOpened", title="x", begins="2026-01-01T00:00Z")
    assert bloc.refusal() == "only the chair (BRA) may open meetings."
    assert meet(bloc) == "m-2026-001"
    assert bloc.council.get("meeting", "m-2026-001").begins == T0  # 08:00 in Beijing is midnight UTC
    bloc.say("BRA", "MeetingOpened", title="x", begins="2026-01-01T25:00Z")
    assert bloc.refusal() == '$.body.begins: "2026-01-01T25:00Z" is not an instant. As 2026-05-06T18:00+08:00'
    bloc.say("BRA", "MeetingOpened", title="x", begins="2026-01-01T08:00")
    assert "$.body.begins" in bloc.refusal()
    assert meet(bloc) == "m-2026-002"  # what is refused takes no id


def test_attendance_is_the_chairs_list_and_each_members_own_word(bloc: Bloc) -> None:
    key = meet(bloc)
    bloc.say("IND", "AttendanceRecorded", meeting=key, present=["IND"])
    bloc.now += HOUR
    bloc.say("BRA", "AttendanceRecorded", meeting=key, present=["ZAF", "CHN"])
    bloc.now += HOUR
    bloc.say("IND", "AttendanceRecorded", meeting=key, present=["IND"])
    meeting = bloc.council.get("meeting", key)
    assert meeting.at(T0 - 1) == ((), ())
    assert [meeting.at(T0 + hours * HOUR)[0] for hours in (0, 1, 2)] == [
        ("IND",), ("CHN", "ZAF"), ("CHN", "IND", "ZAF"),
    ]  # fmt: skip
    assert len(meeting.at(bloc.now)[1]) == 2  # the chair's list and what came after it
    bloc.say("IND", "AttendanceRecorded", meeting=key, present=["IND"])
    assert bloc.refusal() == "IND is recorded present."


def test_records_stand_by_submission_time_whatever_their_order_of_arrival() -> None:
    found = []
    for flip in (1, -1):
        bloc = Bloc(FOUR).found(AMEND, MAJORITY)
        key, begun = meet(bloc), bloc.now
        bloc.now += 10
        said = [("BRA", begun + 1, ["CHN"]), ("IND", begun + 2, ["IND"])]
        for author, at, present in said[::flip]:
            bloc.say(author, "AttendanceRecorded", at=at, meeting=key, present=present)
        found.append(bloc.council.get("meeting", key).at(bloc.now)[0])
    assert found == [("CHN", "IND")] * 2


@pytest.mark.parametrize(
    ("author", "body", "words"),
    [
        ("IND", {"meeting": "m-2026-001", "present": ["IND", "ZAF"]}, "only the chair (BRA) may record the attendance"),
        ("IND", {"meeting": "m-2026-001", "present": []}, "only the chair (BRA) may record the attendance of others."),
        ("BRA", {"meeting": "m-2026-001", "present": ["FRA"]}, "FRA is no member."),
        ("BRA", {"meeting": "m-2026-002", "present": ["BRA"]}, 'there is no meeting "m-2026-002". Did you mean'),
        ("BRA", {"meeting": "m-2026-001"}, "$.body.present"),
    ],
)
def test_bad_attendance(bloc: Bloc, author: str, body: dict[str, Any], words: str) -> None:
    meet(bloc)
    bloc.say(author, "AttendanceRecorded", **body)
    assert words in bloc.refusal()
    assert bloc.council.get("meeting", "m-2026-001").records == ()


def test_a_meeting_has_a_limit_of_records(bloc: Bloc, monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.council import agenda as module

    assert module.RECORDS_MAX == 500
    monkeypatch.setattr(module, "RECORDS_MAX", 5)
    key = meet(bloc)
    for n in range(6):
        bloc.say("BRA", "AttendanceRecorded", meeting=key, present=["CHN", ("IND", "ZAF")[n % 2]])
    assert bloc.refusal() == "a meeting has at most 5 records of attendance."
    assert len(bloc.council.get("meeting", key).records) == 5


@pytest.mark.parametrize(("counted", "outcome"), [("at_opening", "adjourned"), ("at_vote", "adopted")])
def test_a_quorum_counts_who_is_there_at_the_opening_or_at_the_vote(counted: str, outcome: str) -> None:
    """Two of four at the opening, three at the closing: 3/4 is reached at the vote alone."""
    rule = MAJORITY.replace("at_least: 1/2, counted: at_vote", f"at_least: 3/4, counted: {counted}")
    bloc = Bloc(FOUR).found(AMEND, rule)
    key = meet(bloc)
    bloc.say("BRA", "AttendanceRecorded", meeting=key, present=["BRA", "CHN"])
    vote = bloc.open_vote("tea", meeting=key)
    bloc.now += HOUR
    bloc.say("BRA", "AttendanceRecorded", meeting=key, present=["CHN", "IND"])
    bloc.cast(vote, {"BRA": "yes"})
    found = bloc.finish(vote)
    assert (found.outcome, found.present) == (outcome, ("BRA", "CHN", "IND"))
    assert found.present_at_opening == ("BRA", "CHN")


def test_a_tick_is_time_and_nothing_else(bloc: Bloc) -> None:
    before = {kind: dict(found) for kind, found in bloc.council.things.items()}
    bloc.now += HOUR
    bloc.say("ZAF", "ClockTicked")
    assert (bloc.council.things, bloc.council.ledger_time) == (before, T0 + HOUR)
    bloc.say("ZAF", "ClockTicked", hour=3)
    assert '"hour" is not a key of ClockTicked.' in bloc.refusal()
    bloc.say("FRA", "ClockTicked")
    assert bloc.refusal() == "FRA is no member of the council."
