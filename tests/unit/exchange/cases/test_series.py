"""Reports of a series: read strictly, hashed, rebuilt or not, and which numbers are missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.exchange.cases.series import (
    Report,
    file_hashes,
    issn_is_right,
    missing_numbers,
    published_body,
    rebuilt,
    series_of,
)
from concordat.exchange.events import check_said
from concordat.exchange.fold import Exchange, Fact

TEXT = """schema: concordat/report@1
series: brics-digital
issn: 2049-3630
year: 2026
number: 1
kind: series_report
title: {en: "State of digital governance"}
files: [{path: report.html}, {path: data.csv}]
command: concordat assess BRICS
"""
FILES = {"report.html": b"<p>", "data.csv": b"a,b\n"}


def test_a_report_gets_the_hashes_of_its_files_and_goes_into_an_entry() -> None:
    report = Report.load(TEXT).with_hashes(file_hashes(FILES))
    # SHA-256 of "a,b\n", computed with sha256sum
    assert report.files[1].sha256 == "5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313"
    body = published_body(report)
    check_said("ReportPublished", body, "BRA")
    assert body["reproducible"] == "not_tried"
    assert b"State of digital governance" in report.document()


def test_it_is_reproducible_only_if_every_file_is_the_same() -> None:
    report = Report.load(TEXT).with_hashes(file_hashes(FILES))
    assert rebuilt(report, file_hashes(FILES)) == "yes"
    with pytest.raises(TrustError, match=r"data\.csv has other bytes"):
        rebuilt(report, file_hashes({**FILES, "data.csv": b"a,c\n"}))
    with pytest.raises(TrustError, match=r"report\.html is not there"):
        rebuilt(report, file_hashes({"data.csv": b"a,b\n"}))
    with pytest.raises(TrustError, match="has no hash"):
        rebuilt(Report.load(TEXT), file_hashes(FILES))


def test_a_hash_that_the_file_states_must_hold() -> None:
    text = TEXT.replace("{path: data.csv}", f'{{path: data.csv, sha256: "{"0" * 64}"}}')
    with pytest.raises(TrustError, match="has other bytes"):
        Report.load(text).with_hashes(file_hashes(FILES))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2049-3630", "2049-3631", "check digit"), ("kind: series_report", "kind: report", "kind"),
        ("path: report.html", "path: ../x", "inside"), ("path: report.html", "path: /x", "inside"),
        ("path: report.html", "path: data.csv", "stands twice"),
        ("command:", "reproducible: yes\ncommand:", "reproducible"),
        ("number: 1", "number: 0", "number"), ("files: [{path: report.html}, {path: data.csv}]", "files: []", "files"),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_can_not_be_a_report(old: str, new: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Report.load(TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("issn", "right"),
    [("0317-8471", True), ("1050-124X", True), ("2049-3630", True), ("0317-8472", False), ("1050-1240", False)],
)
def test_check_digits_of_known_journals(issn: str, right: bool) -> None:
    """0317-8471 and 1050-124X are the examples of the ISSN manual; 2049-3630 is the standard's own."""
    assert issn_is_right(issn) is right


def test_numbers_that_run_on_and_numbers_by_year() -> None:
    assert missing_numbers([]) == ()
    assert missing_numbers([(2024, 1), (2025, 3), (2026, 5)]) == (2, 4)
    assert missing_numbers([(2024, 1), (2024, 2), (2025, 1), (2025, 3)]) == (2,)


def test_series_of_the_log() -> None:
    def fact(author: str, number: Any, version: int, reproducible: str) -> Fact:
        body = SimpleNamespace(series="s", year=2026, number=number, version=version, reproducible=reproducible)
        key = (author, "s", "2026", str(number))
        return Fact(f"{author}{number}{version}", author, 0, "", "published", "report", key, body, None)

    facts = [fact("BRA", 1, 1, "yes"), fact("BRA", 1, 2, "no"), fact("BRA", 3, 1, "yes"), fact("ZAF", "x", 1, "no")]
    by: dict[tuple[str, ...], tuple[Fact, ...]] = {}
    for one in facts:
        by[one.key] = (*by.get(one.key, ()), one)
    first, second = series_of(Exchange({"report": by}))
    assert (first.member, first.numbers, first.missing) == ("BRA", ((2026, 1), (2026, 3)), (2,))
    assert (first.reproducible, first.entries) == (1, ("BRA12", "BRA31"))
    assert (second.numbers, len(second.entries)) == ((), 1)
