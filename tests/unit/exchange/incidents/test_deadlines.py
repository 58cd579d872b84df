"""When stages are due and how they stand. Months are counted as the council counts them: one table for both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.exchange.fold import Logged, fold
from concordat.exchange.incidents.deadlines import (
    IncidentRecord,
    StageSaid,
    Timeline,
    instant_of,
    instant_text,
    parse_period,
    period_end,
    records_of,
    stage_status,
)
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret

HOUR = 3600


def at(text: str) -> int:
    """Seconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# start (UTC), period, zone, end (UTC): worked out by hand; the last day ends at 24:00 in the zone.
ENDS = [
    ("2026-05-04T09:30", "24h", "UTC", "2026-05-05T09:30"),
    ("2026-05-04T09:30", "72h", "UTC", "2026-05-07T09:30"),
    ("2026-05-04T09:30", "1mo", "UTC", "2026-06-05T00:00"),
    ("2026-01-31T09:30", "1mo", "UTC", "2026-03-01T00:00"),
    ("2028-01-31T09:30", "1mo", "UTC", "2028-03-01T00:00"),  # 29 February has 24:00 as well
    ("2026-12-31T23:59", "2mo", "UTC", "2027-03-01T00:00"),
    ("2026-05-04T09:30", "14d", "UTC", "2026-05-19T00:00"),
    ("2026-05-04T20:00", "1mo", "Asia/Shanghai", "2026-06-05T16:00"),  # there it is 5 May already
    ("2026-05-04T02:00", "1mo", "America/Sao_Paulo", "2026-06-04T03:00"),  # there it is still 3 May
    ("2018-10-04T12:00", "1mo", "America/Sao_Paulo", "2018-11-05T02:00"),  # summer time began at 0:00 of 4 November
    ("2018-10-03T12:00", "1mo", "America/Sao_Paulo", "2018-11-04T03:00"),  # 24:00 of the 3rd is skipped
    ("2018-01-17T12:00", "1mo", "America/Sao_Paulo", "2018-02-18T03:00"),  # 24:00 of the 17th comes twice: the later
]


@pytest.mark.parametrize(("start", "period", "zone", "end"), ENDS)
def test_a_period_ends_where_the_rule_says(start: str, period: str, zone: str, end: str) -> None:
    assert instant_text(period_end(at(start), period, zone)) == instant_text(at(end))


@pytest.mark.parametrize(("start", "period", "zone", "end"), ENDS)
def test_the_council_counts_the_same(start: str, period: str, zone: str, end: str) -> None:
    """Both rooms have their own few lines; they may not drift apart (exchange.md 8.4)."""
    from concordat.council.disputes.calendars import Calendar, Period

    calendar = Calendar(zone, roll=False)
    theirs = calendar.deadline(calendar.moment(at(start)), Period.parse(period)).at
    assert theirs == at(end) == period_end(at(start), period, zone)


@pytest.mark.parametrize("text", ["", "1", "mo", "0h", "1w", "-1d", "1 mo", "121mo", "999999h"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a period"):
        parse_period(text)


# --- Stages -----------------------------------------------------------------------------------------------------------

AWARE = at("2026-05-04T09:30")
LINE = Timeline.default()


def record(*stages: StageSaid, **more: Any) -> IncidentRecord:
    """An incident with stages."""
    return IncidentRecord("ZAF", "incident--1", "AMBER", **{"became_aware": AWARE, "stages": stages, **more})


def states(found: IncidentRecord, now: int) -> list[tuple[str, str]]:
    """Stage and state of each."""
    return [(status.stage, status.state) for status in stage_status(LINE, found, now)]


def test_in_time_is_at_the_last_second() -> None:
    on_time = record(StageSaid("early_warning", "e1", AWARE + 24 * HOUR))
    late = record(StageSaid("early_warning", "e1", AWARE + 24 * HOUR + 1))
    assert states(on_time, AWARE + 25 * HOUR)[0] == ("early_warning", "met")
    assert states(late, AWARE + 25 * HOUR)[0] == ("early_warning", "late")
    assert stage_status(LINE, late, AWARE + 25 * HOUR)[0].words == "late by 1 min"


def test_what_has_not_come_is_open_and_then_late() -> None:
    assert states(record(), AWARE + HOUR) == [
        ("early_warning", "open"),
        ("notification", "open"),
        ("final_report", "open"),
    ]
    now = AWARE + 77 * HOUR
    assert states(record(), now) == [("early_warning", "late"), ("notification", "late"), ("final_report", "open")]
    assert stage_status(LINE, record(), now)[1].words == "late by 5 h, still missing"


def test_an_entry_that_nobody_witnessed_is_pending_and_not_late() -> None:
    status = stage_status(LINE, record(StageSaid("early_warning", "e1", None)), AWARE + 99 * HOUR)[0]
    assert (status.state, status.pending) == ("open", True)


def test_the_first_entry_counts_whatever_their_order() -> None:
    both = (StageSaid("early_warning", "e2", AWARE + 30 * HOUR), StageSaid("early_warning", "e1", AWARE + 3 * HOUR))
    for said in (both, both[::-1]):
        status = stage_status(LINE, record(*said), AWARE + 99 * HOUR)[0]
        assert (status.state, status.entry) == ("met", "e1")


def test_a_waiver_counts_unless_the_stage_came_all_the_same() -> None:
    waived = StageSaid("notification", "e1", AWARE + HOUR, "by_authority")
    assert states(record(waived), AWARE + 99 * HOUR)[1] == ("notification", "waived")
    came = StageSaid("notification", "e2", AWARE + 2 * HOUR)
    assert states(record(waived, came), AWARE + 99 * HOUR)[1] == ("notification", "met")


def test_without_a_time_of_awareness_nothing_is_due() -> None:
    found = stage_status(LINE, record(became_aware=None), AWARE + 9_999 * HOUR)
    assert [(s.state, s.due) for s in found] == [("open", None)] * 3


def test_while_it_goes_on_progress_reports_are_due_and_the_final_one_after_the_end() -> None:
    """Aware 4 May; final report due at the end of 4 June; still going on: progress then, at the end of 4 July, ..."""
    now = at("2026-07-10T00:00")
    found = stage_status(LINE, record(StageSaid("progress_report", "p1", at("2026-06-03T00:00"))), now)
    rows = [(s.stage, s.state, instant_text(s.due)) for s in found[2:]]
    assert rows == [
        ("progress_report", "met", "2026-06-05 00:00 UTC"), ("progress_report", "late", "2026-07-05 00:00 UTC"),
        ("progress_report", "open", "2026-08-05 00:00 UTC"), ("final_report", "open", ""),
    ]  # fmt: skip
    ended = stage_status(LINE, record(closed=at("2026-06-20T12:00")), now)
    rows = [(s.stage, s.state, instant_text(s.due)) for s in ended[2:]]
    assert rows == [
        ("progress_report", "late", "2026-06-05 00:00 UTC"), ("final_report", "open", "2026-07-21 00:00 UTC")
    ]  # fmt: skip


def test_one_progress_report_meets_one_due_date() -> None:
    """Due at the ends of 4 June and 4 July. Shared with the stage: two entries of one instant, one report."""
    day = at("2026-06-03T00:00")
    now = at("2026-07-10T00:00")
    once = [StageSaid("progress_report", "p1", day), StageSaid("progress_report", "p2", day)]
    early = [StageSaid("progress_report", "p1", day), StageSaid("progress_report", "p2", day + HOUR)]
    for said in (once, once[::-1], early):
        found = stage_status(LINE, record(*said), now)
        assert [s.state for s in found if s.stage == "progress_report"] == ["met", "late", "open"]
    later = StageSaid("progress_report", "p3", at("2026-06-20T00:00"))
    found = stage_status(LINE, record(later, *early), now)
    assert [(s.state, s.entry) for s in found if s.stage == "progress_report"] == [
        ("met", "p1"), ("met", "p3"), ("open", "")
    ]  # fmt: skip


def test_the_final_report_ends_the_progress_reports_and_keeps_its_due_date() -> None:
    """Progress due at the ends of 4 June and 4 July; the final report of 20 June stands in the place of the second."""
    final = StageSaid("final_report", "f1", at("2026-06-20T12:00"))
    now = at("2026-09-10T00:00")
    for closed in (None, at("2026-08-01T00:00")):
        found = stage_status(LINE, record(final, closed=closed), now)
        assert [(s.stage, s.state, instant_text(s.due)) for s in found[2:]] == [
            ("progress_report", "late", "2026-06-05 00:00 UTC"), ("final_report", "met", "2026-07-05 00:00 UTC")
        ]  # fmt: skip
    ended = stage_status(LINE, record(final, closed=at("2026-06-10T00:00")), now)
    assert [(s.stage, s.state, instant_text(s.due)) for s in ended[2:]] == [
        ("progress_report", "late", "2026-06-05 00:00 UTC"), ("final_report", "met", "2026-07-11 00:00 UTC")
    ]  # fmt: skip


def test_an_incident_that_was_over_by_then_has_no_progress_reports() -> None:
    found = stage_status(LINE, record(closed=at("2026-05-20T00:00")), at("2026-07-10T00:00"))
    assert [(s.stage, s.state) for s in found[2:]] == [("final_report", "late")]


# --- Files ------------------------------------------------------------------------------------------------------------

GOOD = """schema: concordat/incident-timeline@1
name: bloc-2027
from: became_aware
stages: {early_warning: 12h, notification: 48h}
zone: Africa/Johannesburg
"""


def test_a_bloc_sets_its_own() -> None:
    found = Timeline.load(GOOD)
    assert (found.name, dict(found.stages), found.zone) == (
        "bloc-2027", {"early_warning": "12h", "notification": "48h"}, "Africa/Johannesburg"
    )  # fmt: skip
    assert not found.unverified


def test_ours_says_that_it_is_unverified() -> None:
    assert Timeline.default().unverified


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("12h", "12w", "not a period"), ("zone: Africa/Johannesburg", "zone: Mars/Base", "not a time zone"),
     ("stages:", "stage:", "stages"), ("from: became_aware", "from: shared", "became_aware"),
     ("zone: Africa/Johannesburg", "extension: {final: {progress_report_each: 1mo, while: ongoing}}", "not one of the"),
     ("incident-timeline@1", "incident-timeline@2", "schema")],
    ids=["period", "zone", "key", "from", "extension", "schema"],
)  # fmt: skip
def test_a_file_that_can_not_be_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Timeline.load(GOOD.replace(old, new), "t.yaml")


def test_another_timeline_than_the_incidents_is_refused() -> None:
    with pytest.raises(InputError, match="--timeline"):
        stage_status(LINE, record(timeline="bloc-2027"), AWARE)


def test_a_time_has_its_zone() -> None:
    assert instant_of("2026-05-04T11:30:00+02:00") == AWARE
    with pytest.raises(InputError, match="with its zone"):
        instant_of("2026-05-04T09:30:00")


# --- From the log -----------------------------------------------------------------------------------------------------

INCIDENT = "incident--7f7b1c1a-1111-4111-8111-111111111111"
BLOB = {"hash": "0" * 64, "media_type": "application/stix+json", "salted": True, "size": 1024}


def logged(seq: int, kind: str, submitted: int | None, **body: Any) -> Logged:
    """An entry of ZAF as the log has it."""
    entry = Entry.new(
        author="ZAF", bloc="BRICS", membership=1, person="node", seq=seq, prev=FIRST if seq == 1 else "1" * 64,
        scope="exchange", ts="2026-05-04T13:20:11Z", type=kind, body={"incident": INCIDENT, **body},
        secret=Ed25519Secret(bytes(32)),
    )  # fmt: skip
    return Logged(entry, submitted)


SHARED = {"document": BLOB, "label": "AMBER", "recipients": ["BRA"], "version": 1}


def test_records_are_read_off_the_log_whatever_the_order() -> None:
    said = [
        logged(1, "IncidentShared", AWARE + HOUR, became_aware="2026-05-04T10:30:00Z", severity=2, **SHARED),
        logged(2, "IncidentStage", AWARE + 2 * HOUR, stage="early_warning", became_aware="2026-05-04T09:30:00Z"),
        logged(3, "IncidentShared", AWARE + 3 * HOUR, severity=5, sectors=["22040"], **{
            **SHARED, "version": 2, "label": "RED", "recipients": [], "recipients_hash": "1" * 64}),
        logged(4, "IncidentStage", None, stage="notification"),
        logged(5, "IncidentClosed", AWARE + 9 * HOUR, outcome="resolved"),
    ]  # fmt: skip
    for order in (said, said[::-1]):
        (found,) = records_of(fold(order))
        assert (found.member, found.incident, found.label) == ("ZAF", INCIDENT, "RED")
        assert found.became_aware == AWARE  # the earliest that was named: nobody gains time by a later word
        assert (found.shared, found.closed, found.outcome) == (AWARE + HOUR, AWARE + 9 * HOUR, "resolved")
        assert (found.severity, found.sectors) == (5, ("22040",))
        assert states(found, AWARE + 10 * HOUR) == [
            ("early_warning", "met"), ("notification", "open"), ("final_report", "open")
        ]  # fmt: skip
        assert len(found.entries) == 5


def test_a_stage_of_what_nobody_shared_has_no_label() -> None:
    (found,) = records_of(fold([logged(1, "IncidentStage", AWARE, stage="early_warning")]))
    assert found.label == ""
