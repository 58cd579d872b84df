"""Procedure files: what the loader takes, and what it refuses with line and nearest name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat import canonical
from concordat.council.disputes import SHIPPED, Procedure, procedure
from concordat.council.disputes._procedure_model import MOVES
from concordat.errors import InputError

# The example of the specification, with the first key that every file has.
EXAMPLE = """\
schema: concordat/procedure@1
procedure: council-default
calendar: {zone: Asia/Shanghai, holidays: [2026-10-01, 2026-10-02], weekend: [sat, sun], if_not_working_day: next}
parties: [complainant, respondent]
stages:
  prevention:   {deadline: 14d from DisputeFiled, on_expiry: consultation, events: {SettlementReached: settled}}
  consultation: {deadline: 30d, on_expiry: mediation, extension: {by: both, at_most: 30d}}
  mediation:    {deadline: 60d, neutral: {appoint: both, else: {by: chair, from: roster, after: 10d}}, on_expiry: panel}
  panel:
    {neutrals: 3, deadline: 4mo from NeutralAppointed#3, on_expiry: reasons_due, events: {DecisionIssued: adoption}}
  reasons_due:  {deadline: 15d, on_expiry: panel_overdue}
  panel_overdue: {events: {DecisionIssued: adoption}}
  adoption:     {deadline: 30d, decide: negative_consensus, on_expiry: adopted}
  adopted:      {deadline: 30d, expects: implementation_plan, on_expiry: non_compliance, then: yearly_review}
  non_compliance: {then: yearly_review}
"""

SMALL = """\
schema: concordat/procedure@1
procedure: small
calendar: {zone: UTC}
stages:
  talks: {deadline: 10d, on_expiry: decision, extension: {by: both, at_most: 5d}}
  decision: {neutral: {appoint: both}, events: {DecisionIssued: closed}}
"""


def test_the_example_of_the_specification_loads() -> None:
    example = Procedure.load(EXAMPLE)
    assert [s.name for s in example.stages][:3] == ["prevention", "consultation", "mediation"]
    assert {m.key: m.to for m in example.stage("adoption").moves} == {
        "DecisionAdopted": "adopted",
        "DecisionRejected": "rejected",
    }
    assert example.stage("panel").deadline is not None
    assert str(example.stage("panel").deadline) == "4mo from NeutralAppointed#3"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("deadline: 10d, on_expiry: decision", "deadlin: 10d, on_expiry: decision", 'line 5: "deadlin" .* "deadline"'),
        ("on_expiry: decision", "on_expiry: decison", 'line 5: "decison" .* Did you mean "decision"'),
        ("on_expiry: decision", "on_expiry: Decision", 'Did you mean "decision"'),
        ("deadline: 10d, on_expiry: decision, extension: {by: both, at_most: 5d}", "deadline: 10d", "no on_expiry"),
        (
            "deadline: 10d, on_expiry: decision, ",
            "",
            "talks has extension but no deadline",
        ),
        ("zone: UTC", "zone: Asia/Shanghia", 'line 3: .*time zone.* "Asia/Shanghai"'),
        ("zone: UTC", "zone: UTC, holidays: [2026-02-30]", "2026-02-30.* is not a day"),
        ("zone: UTC", "zone: UTC, holidays: [20260202]", "holidays"),
        ("zone: UTC", "zone: UTC, holydays: []", 'Did you mean "holidays"'),
        ("zone: UTC", "zone: UTC, weekend: [saturday]", "weekend"),
        ("zone: UTC", "zone: UTC, weekend: [sat, sat]", "stands twice"),
        ("zone: UTC", "zone: UTC, weekend: [mon, tue, wed, thu, fri, sat, sun]", "no day of the week"),
        ("zone: UTC", "zone: UTC, if_not_working_day: previous", "if_not_working_day"),
        ("deadline: 10d,", "deadline: 10 days,", "not a deadline"),
        ("deadline: 10d,", "deadline: 10d from DisputeField,", 'Did you mean "DisputeFiled"'),
        ("deadline: 10d,", "deadline: 10d from DisputeFiled#2,", "only neutrals are numbered"),
        ("deadline: 10d,", "deadline: 10,", "deadline"),
        ("by: both, at_most: 5d", "by: bothe, at_most: 5d", 'Did you mean "both"'),
        ("by: both, at_most: 5d", "by: both", "no limit"),
        ("DecisionIssued: closed", "DecisionIsued: closed", 'Did you mean "DecisionIssued"'),
        ("DecisionIssued: closed", "ClockTicked: closed", "not an event that moves a case"),
        ("DecisionIssued: closed", "DecisionIssued: {to: closed, by: complainant}", "its own case"),
        ("DecisionIssued: closed", "DisputeWithdrawn: {to: closed, by: respondent}", "open to the parties"),
        ("{appoint: both}", "{appoint: both, else: {by: respondent, after: 5d}}", "must not be a party"),
        ("{appoint: both}", "{appoint: both, else: {by: chair}}", "after"),
        ("{appoint: both}", "{appoint: both}, neutrals: 0", "neutrals"),
        ("{appoint: both}", "{appoint: both}, neutrals: '3'", "neutrals"),
        ("procedure: small", "procedure: small\nparties: [a, b]", "two parties"),
        ("procedure: small", "procedure: small\nroles: [chair]", "needs no declaration"),
        ("procedure: small", "procedure: small\nends: {talks: x}", "a stage and an end"),
        ("procedure: small", "procedure: small\nstart: talk", 'Did you mean "talks"'),
        ("procedure: small", "procedure: Small", "procedure"),
        ("schema: concordat/procedure@1", "schema: concordat/procedure@2", "must be concordat/procedure@1"),
        ("{DecisionIssued: closed}", "{DecisionIssued: closed}, expects: plan", "goes nowhere"),
        ("{neutral: {appoint: both}, events", "{complete: closed, events", "no neutrals"),
    ],
)
def test_a_fault_is_named_with_what_to_do(old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises(InputError, match=message) as caught:
        Procedure.load(SMALL.replace(old, new), where="small.yaml")
    assert "small.yaml" in caught.value.where


def test_a_stage_that_nothing_leads_to_is_refused() -> None:
    with pytest.raises(InputError, match='line 7: nothing leads to the stage "island"'):
        Procedure.load(SMALL + "  island: {events: {StageAdvanced: closed}}\n")


def test_stages_that_only_reach_each_other_are_refused() -> None:
    two = "  island: {events: {StageAdvanced: other}}\n  other: {events: {StageAdvanced: island}}\n"
    with pytest.raises(InputError, match="nothing leads to"):
        Procedure.load(SMALL + two)


def test_a_circle_without_an_event_is_refused_and_one_with_an_event_is_not() -> None:
    circle = SMALL.replace("events: {DecisionIssued: closed}", "deadline: 5d, on_expiry: talks")
    with pytest.raises(InputError, match="in a circle: talks -> decision -> talks"):
        Procedure.load(circle)
    itself = SMALL.replace("on_expiry: decision,", "on_expiry: talks, events: {StageAdvanced: decision},")
    with pytest.raises(InputError, match="in a circle: talks -> talks"):
        Procedure.load(itself)
    assert Procedure.load(SMALL.replace("DecisionIssued: closed", "DecisionIssued: talks"))


@pytest.mark.parametrize(
    "text", ["", "[]", "schema: concordat/procedure@1", "a: &x 1\nb: *x", b"\xff", "x" * 6_000_000]
)
def test_what_is_no_procedure_file_is_refused(text: str | bytes) -> None:
    with pytest.raises(InputError):
        Procedure.load(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_procedures_say_what_they_are(name: str) -> None:
    shipped = Procedure.shipped(name)
    assert "check the current text" in shipped.note.lower()
    assert shipped.hash == canonical.digest(shipped.document)
    assert Procedure.from_value(shipped.document) == shipped
    assert all(stage.title for stage in shipped.stages)


def test_what_was_not_read_is_marked() -> None:
    dsu = Procedure.shipped("dsu")
    plain = {s.name for s in dsu.stages if not s.mark}
    assert plain == {"panel", "panel_overdue", "circulated"}  # the panel's times and those of adoption
    assert dsu.status == "unverified"
    assert all(s.mark == "unverified" for s in Procedure.shipped("icdpaso").stages)


def test_an_unknown_shipped_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "expedited"'):
        Procedure.shipped("expediated")
    with pytest.raises(InputError, match="not a procedure I ship"):
        Procedure.shipped("../dsu")


def test_remarks_and_layout_do_not_change_the_hash_but_words_do() -> None:
    plain = Procedure.load(SMALL)
    assert Procedure.load("# a remark\n" + SMALL.replace("10d,", "10d, ")).hash == plain.hash
    assert Procedure.load(SMALL.replace("10d", "11d")).hash != plain.hash
    assert plain != Procedure.load(SMALL.replace("10d", "11d"))


def test_own_numbers_and_calendar_make_another_procedure() -> None:
    plain = Procedure.shipped("icdpaso")
    own = plain.adapted(calendar={"zone": "Asia/Dubai"}, deadlines={"mediation": "45d"})
    assert (own.calendar.zone, str(own.stage("mediation").deadline)) == ("Asia/Dubai", "45d")
    assert own.hash != plain.hash
    assert str(plain.stage("mediation").deadline) == "60d"
    with pytest.raises(InputError, match='Did you mean "mediation"'):
        plain.adapted(deadlines={"mediaton": "45d"})
    with pytest.raises(InputError, match="not a period"):
        plain.adapted(deadlines={"mediation": "soon"})


def test_the_order_of_stages_is_no_part_of_the_hash_but_the_first_stage_is() -> None:
    plain = Procedure.load(SMALL)
    lines = SMALL.splitlines()
    turned = "\n".join([*lines[:4], lines[5], lines[4]]) + "\n"
    with pytest.raises(InputError, match='nothing leads to the stage "talks"'):
        Procedure.load(turned)
    assert Procedure.load(turned.replace("stages:", "start: talks\nstages:")).hash == plain.hash


def test_the_json_schema_that_ships_is_that_of_the_model() -> None:
    stored = (Path(procedure.__file__).parent / "schema" / "procedure-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == procedure.json_schema()


def test_the_page_names_every_key_and_every_shipped_procedure() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "dispute-procedures.md").read_text(encoding="utf-8")
    definitions = procedure.json_schema()["$defs"]
    keys = {
        key
        for part in ("StageKeys", "CalendarKeys", "ExtensionKeys", "NeutralKeys")
        for key in definitions[part]["properties"]
    }
    missing = sorted(key for key in (*keys, *procedure.json_schema()["properties"], *MOVES) if f"{key}" not in page)
    assert missing == []
    assert all(f"### {name}\n" in page for name in SHIPPED)
    assert " ".join(page.lower().split()).count("check the current text") >= 5
