"""What a report keeps of an exchange: the state comes back from its rows, and what came too late is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import exchange_year
from concordat.errors import ConcordatError
from concordat.exchange.fold import fold
from concordat.exchange.record import (
    INCIDENT,
    SHOWN,
    TABLES,
    Held,
    data,
    exchange_of_rows,
    incident_tables,
    partners,
    tidy,
)
from exchange_kit import a_case, an_incident, at

END = at("2026-12-31T23:59")


def held(logged: list[Any], *, end: int = END, public: bool = False) -> Held:
    return Held.of(logged, "BRICS", "ab" * 32, end, public=public)


def test_the_state_comes_back_from_the_file() -> None:
    made = held(exchange_year.year())
    rows = json.loads(made.data)["rows"]
    assert set(rows) == {*SHOWN, INCIDENT}
    again = exchange_of_rows(row for kind in rows.values() for row in kind)
    assert again.state_hash == made.exchange.state_hash == fold(exchange_year.year()).state_hash


def test_a_row_that_no_entry_may_say_is_refused() -> None:
    row = held([a_case("BRA", 1)]).document["rows"]["case"][0]
    row["facts"][0]["body"]["titel"] = "x"
    with pytest.raises(ConcordatError, match="titel"):
        exchange_of_rows([row])


def test_entries_count_once_a_quorum_has_seen_them_up_to_the_instant() -> None:
    log = [
        a_case("BRA", 1, submitted="2026-05-01T10:00"),
        a_case("IND", 1, submitted=None),
        a_case("ZAF", 1, submitted="2026-05-02T10:00"),
    ]
    first = held(log, end=at("2026-05-01T23:59"))
    assert first.exchange.keys("case") == [("BRA", "case-bra-1")]
    assert first.until == at("2026-05-01T23:59"), "the log goes on after that day"
    assert held(log).until == at("2026-05-02T10:00"), "it says nothing of the time after its last entry"
    assert held([]).until == END


def test_the_public_is_not_told_when_an_incident_was_the_last_that_was_logged() -> None:
    late = replace(an_incident("BRA", 2), submitted=at("2026-05-03T10:00"))
    log = [a_case("BRA", 1, submitted="2026-05-01T10:00"), late]
    assert held(log).until == at("2026-05-03T10:00")
    public = held(log, public=True)
    assert public.until == at("2026-05-01T10:00")
    assert public.exchange.keys(INCIDENT) == []


def test_another_submission_time_is_another_state() -> None:
    early, late = (
        held([a_case("BRA", 1, submitted=t), a_case("IND", 1)]) for t in ("2026-04-01T10:00", "2026-04-02T10:00")
    )
    assert early.exchange.state_hash == late.exchange.state_hash
    assert early.state_hash != late.state_hash


def test_places_in_the_public_record_tell_nothing_of_what_is_left_out() -> None:
    """Two cases with an incident between them, and without it: the same rows, or a gap would count incidents."""
    cases = [a_case("BRA", 1), a_case("BRA", 5, case="case-bra-2")]
    alone = held(cases, public=True).document["rows"]["case"]
    between = held([cases[0], an_incident("BRA", 3, 1), cases[1]], public=True).document["rows"]["case"]
    assert between == alone
    assert [fact["seq"] for row in alone for fact in row["facts"]] == [0, 1]
    members = held([cases[0], an_incident("BRA", 3, 1), cases[1]]).document["rows"]["case"]
    assert [fact["seq"] for row in members for fact in row["facts"]] == [1, 5]


def test_the_public_record_holds_tables_of_incidents_alone() -> None:
    made = held([an_incident("BRA", n, n) for n in range(1, 6)], public=True)
    assert set(made.document["rows"]) == {TABLES}
    assert made.head["events"] == 0
    parts = incident_tables(made.document["rows"][TABLES], {})
    assert (parts["total_quarter"], parts["count_quarter_2026-Q2"]) == (5, 5)
    assert held([], public=True).document["rows"] == {}


def test_a_hidden_stage_hides_the_share_in_time() -> None:
    """Five in time and one late: the one is hidden, and so is how many there were in all."""
    cells = [
        {"key": f"notification: {k}", "count": n, "shown": "", "hours": None}
        for k, n in (("in time", 5), ("late", None))
    ]
    parts = incident_tables([{"by": "stage", "cells": cells, "total": 6, "shown": "6", "withheld": False}], {})
    assert (parts["due"], parts["in_time"]) == (None, None)


def test_concentration_of_a_list_is_an_interval() -> None:
    """By hand: 0.3^2 + 0.2^2 = 0.13; the rest of 0.5 as two of 0.2 and one of 0.1 adds 0.09."""
    shares = [
        {"value": 30.0, "unit_mult": 0, "year": 2023, "area": "BRA"},
        {"value": 20.0, "year": 2023, "area": "BRA"},
    ]
    parts = partners(shares, {"partners": ["CHN", "USA"]})
    assert (parts["value"], parts["lower"], parts["upper"]) == (None, 0.13, 0.22)
    assert (parts["listed"], parts["unlisted"], parts["year"]) == (50.0, 20.0, 2023)
    assert tidy(None) is None


def test_an_agreement_is_two_members_word_on_the_same_hash() -> None:
    """A third member that names the same id, or one side with another hash, makes no agreement and moves no count."""
    made = exchange_year.Year()
    base = {"agreement": exchange_year.uuid(1), "hash": exchange_year.digest("a"), "provider": "BRA", "consumer": "ZAF"}
    other = base | {"provider": "IND", "consumer": "EGY"}
    moved = {"transfer": exchange_year.uuid(2), "dataset": "d", "version": 1, "file": exchange_year.digest("f")}
    made.say("IND", "AgreementReached", "07-01T09:00", **other, dataset="d", version=1)
    made.say("IND", "TransferCompleted", "07-01T09:00", **other, **moved, bytes=9)
    made.say("ZAF", "AgreementConfirmed", "07-01T09:01", **base | {"hash": exchange_year.digest("b")})
    made.say("BRA", "AgreementReached", "07-01T09:02", **base, dataset="d", version=1)
    parts = counted(made)
    assert (parts["given"], parts["taken"], parts["sent"], parts["received"]) == (0, 0, 0, 0)
    assert (parts["waiting"], parts["ended"]) == (3, 0)
    made.say("ZAF", "AgreementConfirmed", "07-01T09:03", **base)
    made.say("BRA", "TransferCompleted", "07-01T09:04", **base, **moved, bytes=9)
    made.say("BRA", "AgreementEnded", "07-01T09:05", **base, reason="expired")
    parts = counted(made)
    assert (parts["given_BRA"], parts["taken_ZAF"], parts["sent_BRA"], parts["received_ZAF"]) == (1, 1, 1, 1)
    assert (parts["given"], parts["sent"], parts["waiting"], parts["ended"]) == (1, 1, 2, 1)


def test_duties_are_open_done_or_overdue_as_the_log_says() -> None:
    """Of three that were confirmed one is done; the day of another had ended when the state was taken."""
    made = exchange_year.Year()
    base = {"agreement": exchange_year.uuid(1), "hash": exchange_year.digest("a"), "provider": "BRA", "consumer": "ZAF"}
    duties = [{"duty": "attribute", "number": 1}, {"duty": "delete", "number": 2, "due": "2026-07-10"}]
    duties.append({"duty": "inform", "number": 3})
    made.say("BRA", "AgreementReached", "07-01T09:00", **base, dataset="d", version=1)
    made.say("ZAF", "AgreementConfirmed", "07-01T09:01", **base, duties=duties)
    made.say("ZAF", "DutyDone", "07-02T09:00", **base, duty="attribute", number=1, on="2026-07-02")
    made.say("ZAF", "DutyDone", "07-02T09:01", **base, duty="delete", number=9, on="2026-07-02")  # not promised

    def states(until: int) -> tuple[int, ...]:
        parts = counted(made, until)
        return parts["duties"], parts["open"], parts["overdue"], parts["untold"]

    assert states(at("2026-07-10T23:59")) == (1, 2, 0, 0)
    assert states(at("2026-07-11T00:00")) == (1, 1, 1, 0)
    assert counted(made, at("2026-07-11T00:00"))["overdue_ZAF"] == 1
    other = base | {"agreement": exchange_year.uuid(2)}
    made.say("BRA", "AgreementReached", "07-01T09:02", **other, dataset="d", version=1)
    made.say("ZAF", "AgreementConfirmed", "07-01T09:03", **other)
    assert states(at("2026-07-11T00:00")) == (1, 1, 1, 1)  # this one's confirmation doesn't say what was promised


def counted(made: exchange_year.Year, until: int = END) -> Any:
    """Agreements and transfers of a log."""
    rows = json.loads(held(made.logged).data)["rows"]
    told = {"members": ("BRA",), "until": until}
    return data([row for kind in ("dataset", "agreement") for row in rows.get(kind, [])], told)
