"""What the log says of a case: who graded its results, who reuses it, when its version was published.

A grade of a result is given by a reviewer of another member, never by the submitter: 0 claim only, 1 figure with a
source of the owner, 2 independent source, 3 measured before and after by an independent source, 4 compared with a group
that had no intervention. A result without a review prints as "0 (not reviewed)". Reviewers who differ are both shown,
as an interval; where one number is asked for, the lowest counts. Reviews hold for the version that was reviewed.
Source: exchange.md, sections 3 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from concordat.exchange.cases.case import Case

if TYPE_CHECKING:
    from concordat.exchange.fold import Exchange

GRADES = (
    "claim only",
    "figure with a source of the owner",
    "independent source",
    "measured before and after by an independent source",
    "compared with a group that had no intervention",
)


@dataclass(frozen=True, slots=True)
class Review:
    """A grade of one result (by its place, from 0 on), by whom, in which entry."""

    result: int
    grade: int
    member: str
    entry: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is logged of one version of a case.

    Attributes:
        reviews: grades. reused_by: members that signed that they reuse it. updated: the day this version was published
            or, of an imported case, stated; empty: unknown. entries: ids of the entries behind all that.
    """

    reviews: tuple[Review, ...] = ()
    reused_by: tuple[str, ...] = ()
    updated: str = ""
    entries: tuple[str, ...] = ()

    def grades(self, result: int) -> tuple[int, int] | None:
        """The lowest and the highest grade of a result; None: not reviewed."""
        found = [review.grade for review in self.reviews if review.result == result]
        return (min(found), max(found)) if found else None


NOTHING_LOGGED = Standing()


def grade_text(grades: tuple[int, int] | None) -> str:
    """A grade as it is printed.

    >>> grade_text(None), grade_text((2, 2)), grade_text((1, 3))
    ('0 (not reviewed)', '2', '1-3 (reviewers differ)')
    """
    if grades is None:
        return "0 (not reviewed)"
    low, high = grades
    return str(low) if low == high else f"{low}-{high} (reviewers differ)"


def best_grade(case: Case, standing: Standing = NOTHING_LOGGED) -> int:
    """The best grade that all reviewers of a result agree it has at least; claims count as they came in."""
    reviewed = [grades[0] for place in range(len(case.results)) if (grades := standing.grades(place))]
    return max((*reviewed, *(claim.grade for claim in case.claims)), default=0)


def standing_of(exchange: Exchange, owner: str, case: str, version: int) -> Standing:
    """What the entries say of a version of a member's case; nothing if none was published."""
    key = (owner, case)
    published = [f for f in exchange.of("case", key, "published") if f.version == version]
    reviewed = [f for f in exchange.of("case", key, "reviewed") if f.version == version]
    reused = exchange.of("case", key, "reused")  # whichever version it was taken from
    reviews = [
        Review(graded.result, graded.grade, fact.author, fact.entry)
        for fact in reviewed
        for graded in fact.body.grades
        if fact.author != owner
    ]
    days = sorted(_day(f.submitted) for f in published if f.submitted is not None)
    return Standing(
        tuple(sorted(reviews, key=lambda r: (r.result, r.member, r.entry))),
        tuple(sorted({f.author for f in reused if f.author != owner})),
        days[0] if days else "",
        tuple(sorted({f.entry for f in (*published, *reviewed, *reused)})),
    )


def standings(exchange: Exchange, cases: Mapping[str, Case]) -> dict[str, Standing]:
    """What the entries say of each case that has a member."""
    return {key: standing_of(exchange, c.member, c.id, c.version) for key, c in cases.items() if c.member}


def _day(submitted: int) -> str:
    return datetime.fromtimestamp(submitted, UTC).date().isoformat()
