"""Calendar files: the form of RFC 5545, whatever stands in the texts."""

from __future__ import annotations

import re

from concordat.council.disputes import Case, CaseEvent, Procedure, advance, calendar_ics, step
from concordat.council.disputes.calendars import instant

FILED = instant("2026-03-02T02:00:00Z")


def case_of(case_id: str = "d-2026-001", complainant: str = "EGY") -> Case:
    """A case of the council's own procedure."""
    return Case.file(Procedure.shipped("council-default"), case_id, complainant, "IRN", FILED)


def unfolded(text: str) -> list[str]:
    """Lines as section 3.1 reads them."""
    return text.replace("\r\n ", "").split("\r\n")


def test_lines_end_in_crlf_and_have_at_most_75_octets() -> None:
    text = calendar_ics(case_of("争端-" + "长" * 60), created=FILED)
    assert text.endswith("END:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")
    for line in text.split("\r\n"):
        assert len(line.encode()) <= 75
        line.encode().decode()
    assert "争端-" + "长" * 60 in "".join(unfolded(text))


def test_text_is_escaped() -> None:
    text = calendar_ics(case_of('a;b,c\\d\ne"\x07'), created=FILED)
    assert 'SUMMARY:a\\;b\\,c\\\\d\\ne": filed by EGY against IRN' in unfolded(text)
    assert "\x07" not in text


def test_a_name_cannot_write_lines_of_its_own() -> None:
    text = calendar_ics(case_of(complainant="EGY\r\nEND:VEVENT\r\nBEGIN:VALARM"), created=FILED)
    assert text.count("BEGIN:VEVENT") == text.count("\r\nEND:VEVENT\r\n")
    assert "\r\nBEGIN:VALARM" not in text


def test_every_date_stands_there_once() -> None:
    # 2 March; 16 March; 15 April; 15 June (14 June is a Sunday)
    text = calendar_ics(case_of(), created=FILED)
    assert re.findall(r"DTSTART;VALUE=DATE:(\d+)", text) == ["20260302", "20260316", "20260415", "20260615"]
    assert re.findall(r"STATUS:(\w+)", text) == ["CONFIRMED", "CONFIRMED", "TENTATIVE", "TENTATIVE"]
    uids = re.findall(r"UID:(\S+)", text)
    assert len(set(uids)) == len(uids) == 4


def test_the_bytes_depend_on_the_case_and_created_alone() -> None:
    assert calendar_ics(case_of(), created=FILED) == calendar_ics(Case.from_value(case_of().to_value()), created=FILED)
    assert "DTSTAMP:20260302T020000Z" in calendar_ics(case_of())
    assert "DTSTAMP:20260303T020000Z" in calendar_ics(case_of(), created=FILED + 24 * 3600)


def test_a_later_file_replaces_the_same_dates() -> None:
    before = unfolded(calendar_ics(case_of()))
    late = advance(case_of(), instant("2026-03-20T00:00:00Z"))
    after = unfolded(calendar_ics(late))
    assert [line for line in before if line.startswith("UID")] == [line for line in after if line.startswith("UID")]
    assert "SUMMARY:d-2026-001: prevention: missed" in after


def test_an_ended_case_keeps_its_past_dates() -> None:
    case = step(case_of(), CaseEvent("DisputeWithdrawn", "EGY", FILED + 3600))
    text = calendar_ics(case)
    assert re.findall(r"DTSTART;VALUE=DATE:(\d+)", text) == ["20260302", "20260316"]
    assert "SEQUENCE:1" in text


def test_what_was_not_read_says_check_the_current_text() -> None:
    case = Case.file(Procedure.shipped("dsu"), "d-1", "EGY", "IRN", FILED)
    described = [line for line in unfolded(calendar_ics(case)) if line.startswith("DESCRIPTION")]
    assert all("check the current text" in line for line in described)
