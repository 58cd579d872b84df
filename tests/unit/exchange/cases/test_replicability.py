"""Replicability item by item: the weights of exchange.md, section 6, and what is not stated."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.exchange.cases.case import Case
from concordat.exchange.cases.replicability import WEIGHTS, is_open, replicability
from concordat.exchange.cases.standing import Review, Standing, best_grade, grade_text, standing_of
from concordat.exchange.fold import Exchange, Fact

ON = date(2026, 11, 22)
BARE: dict[str, Any] = {
    "id": "c", "kind": "practice", "title": {"en": "Masts"}, "summary": {"en": "Masts."}, "member": "BRA",
    "owner": {"name": "Ministry", "type": "government"},
}  # fmt: skip
WHOLE: dict[str, Any] = {
    **BARE,
    "title": {"en": "Masts", "pt": "Torres"},
    "summary": {"en": "Masts.", "pt": "Torres."},
    "preconditions": {"en": "A rule."},
    "cost": {"amount_minor": 1, "currency": "BRL", "year": 2024, "covers": "all"},
    "reuse": {"licence": "MIT", "repository": "https://example.org/x"},
    "results": [{"indicator": "a", "value": "1", "years": [2024]}, {"indicator": "b", "value": "1", "years": [2024]}],
}


def _review(result: int, grade: int, member: str = "ZAF") -> Review:
    return Review(result, grade, member, f"{member}-{result}")


def test_the_weights_are_those_of_the_specification() -> None:
    assert list(WEIGHTS.values()) == [15, 15, 10, 15, 20, 15, 5, 5]
    assert sum(WEIGHTS.values()) == 100


def test_a_bare_case_is_wide_open_and_a_whole_one_is_full() -> None:
    bare = replicability(Case.from_value(BARE), on=ON)
    assert (bare.low, bare.high, bare.text) == (0, 95, "0-95 of 100")  # one language is there to see
    standing = Standing((_review(0, 2),), ("ZAF",), "2026-01-01")
    whole = replicability(Case.from_value(WHOLE), standing, ON)
    assert (whole.low, whole.high, whole.text) == (100, 100, "100 of 100")


@pytest.mark.parametrize(
    ("licence", "holds"),
    [
        ("(MIT OR Apache-2.0) AND CC-BY-NC-4.0", None),
        ("", None), ("MIT", True), ("GPL-3.0-or-later", True), ("CC-BY-NC-SA-4.0", False), ("CC-BY-ND-4.0", False),
        ("Own-1.0", None), ("MIT AND CC-BY-4.0", True), ("MIT AND CC-BY-NC-4.0", False), ("MIT OR Own-1.0", True),
        ("Own-1.0 OR CC-BY-NC-4.0", None), ("GPL-2.0 WITH Classpath-exception-2.0", True), ("(MIT)", True),
    ],
)  # fmt: skip
def test_the_licence(licence: str, holds: bool | None) -> None:
    case = Case.from_value({**BARE, "reuse": {"licence": licence}})
    assert replicability(case).items[0].holds is holds


def test_no_licence_of_the_table_is_closed_by_its_name() -> None:
    from concordat.exchange.cases.replicability import _table

    assert len(_table()[0]) > 100
    assert not [name for name in _table()[0] if "-nc" in name or "-nd" in name]
    assert is_open("mit") is True


@pytest.mark.parametrize(
    ("reviews", "holds"),
    [
        ([], None),
        ([(0, 1)], None),  # the other result was not reviewed
        ([(0, 1), (1, 0)], False),
        ([(0, 1), (1, 2)], True),
        ([(0, 1), (0, 3), (1, 0)], None),  # reviewers differ
        ([(0, 2), (0, 4)], True),  # they agree that it has 2 at least
    ],
)
def test_the_grade(reviews: list[tuple[int, int]], holds: bool | None) -> None:
    standing = Standing(tuple(_review(r, g, f"M{n}") for n, (r, g) in enumerate(reviews)))
    assert replicability(Case.from_value(WHOLE), standing).items[4].holds is holds


@pytest.mark.parametrize(
    ("day", "holds"),
    [("", None), ("2024-11-22", True), ("2024-11-21", False), ("2024-12-31", True), ("2026-11-22", True)],
)
def test_the_age(day: str, holds: bool | None) -> None:
    assert replicability(Case.from_value(WHOLE), Standing(updated=day), ON).items[7].holds is holds


def test_grades_in_words_and_the_best_that_all_agree_on() -> None:
    standing = Standing((_review(0, 1), _review(0, 3, "IND"), _review(1, 2)))
    assert grade_text(standing.grades(0)) == "1-3 (reviewers differ)"
    assert best_grade(Case.from_value(WHOLE), standing) == 2
    claim = {**WHOLE, "claims": [{"sdg": 3, "source_url": "https://a.org"}]}
    assert best_grade(Case.from_value(claim)) == 1


def test_what_the_log_says_of_a_version() -> None:
    """Only reviews of this version and of others than the owner count; the first logged day is that of the version."""

    def fact(says: str, author: str, version: int, submitted: int | None = None, grades: Any = ()) -> Fact:
        body = SimpleNamespace(version=version, grades=[SimpleNamespace(result=r, grade=g) for r, g in grades])
        return Fact(f"{says}-{author}-{version}", author, 0, says, says, "case", ("BRA", "c"), body, submitted)

    facts = (
        fact("published", "BRA", 1, 1_700_000_000), fact("published", "BRA", 2, 1_760_000_000),
        fact("reviewed", "ZAF", 1, grades=[(0, 4)]), fact("reviewed", "ZAF", 2, grades=[(0, 2)]),
        fact("reviewed", "BRA", 2, grades=[(0, 4)]), fact("reused", "IND", 1), fact("reused", "BRA", 2),
    )  # fmt: skip
    standing = standing_of(Exchange({"case": {("BRA", "c"): facts}}), "BRA", "c", 2)
    assert standing.grades(0) == (2, 2)
    assert standing.reused_by == ("IND",)
    assert standing.updated == "2025-10-09"  # 1,760,000,000 s after 1970
    assert standing_of(Exchange(), "BRA", "c", 1) == Standing()
