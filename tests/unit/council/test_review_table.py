"""Rows of commitments and what moved, by hand; and the public names of the two packages."""

from __future__ import annotations

import importlib
from fractions import Fraction

import pytest

from concordat import canonical
from concordat.council import commit, review
from concordat.council.review.evidence import Combined
from concordat.council.review.scores import Code, Scores, score
from concordat.council.review.table import moved, table
from concordat.errors import InputError

SOURCE = ("0" * 64,)


def scores_of(cells: dict[tuple[str, str], tuple[int, ...]]) -> Scores:
    codes = [Code(c, m, f"k{n}", v, sources=SOURCE) for (c, m), vs in cells.items() for n, v in enumerate(vs)]
    return score(codes, issues={"c1": "trade"})


def test_a_row_has_judgement_and_evidence_side_by_side() -> None:
    scores = scores_of({("c1", "BRA"): (1, 0), ("c1", "IND"): (1, 1), ("c2", "BRA"): (-1, -1), ("c2", "IND"): (1,)})
    parts = [Combined("c1", 2026, {"BRA": Fraction(1, 4), "IND": None, "CHN": Fraction(1)}, ())]
    one, two = table(scores, parts)
    assert (one.human, one.evidence, one.gap, one.pairs) == (Fraction(3, 4), Fraction(1, 4), Fraction(-1, 4), 1)
    assert (one.issue, one.step, one.differing, one.blank) == ("trade", "limited", 1, 0)
    assert (two.human, two.members_human, two.evidence, two.step) == (-1, 1, None, "no evidence")
    assert (two.gap, two.pairs, two.blank) == (None, 0, 1)
    canonical.dumps([row.as_dict() for row in (one, two)])
    with pytest.raises(InputError, match="evidence of c1 twice"):
        table(scores, parts * 2)


def test_only_what_both_reviews_scored_moves() -> None:
    before = scores_of({("c1", "BRA"): (0, 0), ("c1", "IND"): (1, 1), ("c2", "BRA"): (1, 1), ("c2", "IND"): (1,)})
    after = scores_of({("c1", "BRA"): (1, 0), ("c1", "IND"): (1, 1), ("c2", "IND"): (-1, -1), ("c3", "BRA"): (-1, -1)})
    commitments, members = moved(before, after)
    assert [(m.name, m.before, m.after, m.of, m.points) for m in commitments] == [
        ("c1", Fraction(1, 2), Fraction(3, 4), 2, Fraction(25, 2))
    ]
    assert [(m.name, m.points) for m in members] == [("BRA", 25)]
    assert moved(after, after) == ((), ())


@pytest.mark.parametrize("package", [commit, review])
def test_public_names_are_what_they_say_also_once_their_modules_are_loaded(package: object) -> None:
    for name in ("table", "evidence", "intervals"):
        importlib.import_module(f"concordat.council.review.{name}")
    for name in package.__all__:  # type: ignore[attr-defined]
        assert callable(getattr(package, name)), name
    with pytest.raises(AttributeError):
        package.nothing  # type: ignore[attr-defined]  # noqa: B018
