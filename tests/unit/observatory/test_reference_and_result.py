"""What a result tells beside its ranks: reference groups, strengths, elements removed, ballots, all weightings."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.observatory.bind import from_table
from concordat.observatory.reference import own_scale
from concordat.observatory.result import IndexResult
from concordat.observatory.run import run
from concordat.observatory.spec import IndexSpec

HEAD = "schema: concordat/index@1\nindex: r\ntitle: R\n"
TREE = """\
tree:
  - pillar: a
    indicators: [{id: x, direction: up, goalposts: [0, 10]}, {id: y, direction: up, goalposts: [0, 10]}]
  - pillar: b
    indicators: [{id: z, direction: up, goalposts: [0, 10]}]
"""
STEPS = (
    "steps:\n  - normalise: {method: goalposts}\n  - weights: {method: given}\n  - aggregate: {default: arithmetic}\n"
)
TABLE = "unit,x,y,z\nP,9,1,2\nQ,5,5,5\nR,1,8,9\n"


def made(steps: str = STEPS, **files: str) -> IndexResult:
    spec = IndexSpec.from_yaml(HEAD + TREE + steps, read=lambda name: files[name.removesuffix(".csv")])
    return run(spec, from_table(spec, TABLE))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (STEPS, ""),
        (STEPS.replace("steps:\n", "steps:\n  - treat: {}\n"), "outliers are judged among the ranked units"),
        (STEPS.replace("steps:\n", "steps:\n  - treat: {rule: none}\n"), ""),
        (STEPS.replace("steps:\n", "steps:\n  - impute: {method: mean}\n"), "filled in from the ranked units"),
        (STEPS.replace("method: goalposts", "method: minmax"), "x is scaled by the ranked units"),
        (STEPS.replace("method: given", "method: pca"), "weights come from the ranked units"),
    ],
)
def test_a_group_is_comparable_only_when_nothing_depends_on_who_is_ranked(steps: str, words: str) -> None:
    found = own_scale(IndexSpec.from_yaml(HEAD + TREE + steps))
    assert words in found
    assert bool(found) == bool(words)


def test_comparing_with_a_bloc_needs_a_day() -> None:
    units = "units: {countries: [BRA, IND], compare_with: [G20]}\n"
    with pytest.raises(InputError, match="comparing with a bloc needs a day"):
        IndexSpec.from_yaml(HEAD + units + TREE + STEPS)


def test_strengths_and_weaknesses_are_the_best_and_worst_indicators_by_rank() -> None:
    found = made().strengths(top=1)
    assert found == {"P": (("x",), ("y",)), "Q": (("x",), ("x",)), "R": (("y",), ("x",))}  # R is first in y and in z


def test_removing_an_element_moves_ranks_as_counted_by_hand() -> None:
    # Scores: P (50 + 20)/2 = 35, Q 50, R (45 + 90)/2 = 67.5: ranks 3, 2, 1.
    # Without b: P 50, Q 50, R 45: ranks 1, 1, 3, so (2 + 1 + 2)/3. Without a: 20, 50, 90: no rank moves.
    # Without x: P (10+20)/2 = 15, Q 50, R 85: none moves.
    # Without y: P (90+20)/2 = 55, Q 50, R (10+90)/2 = 50: ranks 1, 2, 2, so (2 + 0 + 1)/3.
    found = made().without()
    assert found == {"x": 0.0, "y": 1.0, "z": pytest.approx(5 / 3), "a": 0.0, "b": pytest.approx(5 / 3)}


def test_each_ballot_is_told_with_the_ranking_it_implies() -> None:
    ballots = "ballot,member,indicator,points\n1,BRA,a,100\n1,BRA,b,0\n2,IND,a,0\n2,IND,b,100\n"
    found = made(STEPS.replace("{method: given}", "{method: ballots, file: votes.csv}"), votes=ballots)
    assert [(b["ballot"], b["member"]) for b in found.ballots()] == [("1", "BRA"), ("2", "IND")]
    assert found.ballots()[0]["ranks"] == {"P": 1, "Q": 1, "R": 3}
    assert found.ballots()[1]["ranks"] == {"P": 3, "Q": 2, "R": 1}
    np.testing.assert_allclose(found.scores, [35, 50, 67.5])  # the mean of the two ballots


def test_a_ballot_on_something_that_is_not_in_the_tree_names_it() -> None:
    ballots = "ballot,member,indicator,points\n1,BRA,q,100\n"
    with pytest.raises(InputError, match='ballot 1 names "q"'):
        made(STEPS.replace("{method: given}", "{method: ballots, file: votes.csv}"), votes=ballots)


def test_all_weightings_agree_with_the_areas_worked_out_by_hand() -> None:
    # With two indicators, weights are (w, 1 - w) and w is uniform: A = 100 w, B = 100 (1 - w), C = 40 for every w.
    spec = IndexSpec.from_yaml(
        HEAD + "tree:\n  - pillar: a\n    indicators: [{id: x, direction: up, goalposts: [0, 10]},"
        " {id: y, direction: up, goalposts: [0, 10]}]\n" + STEPS
    )
    found = run(spec, from_table(spec, "unit,x,y\nA,10,0\nB,0,10\nC,4,4\n")).acceptability(200_000, seed=5)
    # A first when w > 0.5; second when w > 0.4; last when w < 0.4. C is second when w is outside of 0.4 to 0.6.
    np.testing.assert_allclose(found.ranks, [[0.5, 0.1, 0.4], [0.5, 0.1, 0.4], [0, 0.8, 0.2]], atol=0.005)
    np.testing.assert_allclose(found.central[0], [0.75, 0.25], atol=0.005)


def test_a_dashboard_places_figures_and_makes_no_total() -> None:
    text = HEAD + "kind: dashboard\n" + TREE + "steps:\n  - normalise: {method: goalposts}\n"
    spec = IndexSpec.from_yaml(text)
    result = run(spec, from_table(spec, TABLE))
    np.testing.assert_allclose(result.placed(), [[1, 0, 0], [0.5, 4 / 7, 3 / 7], [0, 1, 1]])
    assert np.isnan(result.scores).all()
    assert result.as_data()["units"][0]["placed"] is not None
