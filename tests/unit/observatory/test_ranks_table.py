"""The distribution of ranks against plain loops over runs: weights, ties, missing scores, plateaus, targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from concordat.errors import InputError
from concordat.observatory.ranks import plateau_places, plateaus, poor_data, rank_table
from concordat.observatory.targets import target

Array = npt.NDArray[np.float64]
NAN = float("nan")


def some_scores(runs: int, units: int, *, missing: float = 0.0, seed: int = 1) -> Array:
    """Scores with many ties, of units that differ."""
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = np.round(rng.normal(size=(runs, units)) + np.linspace(2, 0, units), 1)
    scores[rng.random(scores.shape) < missing] = np.nan
    return scores


def rank(scores: list[float], unit: int) -> int | None:
    """One more than the number of better units; None without a score."""
    return None if scores[unit] != scores[unit] else 1 + sum(other > scores[unit] for other in scores)


def quantile(pairs: list[tuple[int, float]], q: float) -> int:
    """The smallest rank up to which at least q of the weight stands."""
    total, upto = sum(w for _, w in pairs), 0.0
    for value, w in sorted(pairs):
        upto += w
        if upto / total >= q - 1e-12:
            return value
    raise AssertionError


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_statistic_against_plain_loops(missing: float, weighted: bool) -> None:
    scores = some_scores(200, 12, missing=missing)
    weights = np.random.Generator(np.random.PCG64(2)).random(200) if weighted else np.ones(200)
    weights[:20] = 0.0
    found = rank_table(scores, nominal=scores[0], probability=weights)
    rows, w = scores[20:].tolist(), weights[20:].tolist()
    for u in range(12):
        pairs = [(r, p) for row, p in zip(rows, w, strict=True) if (r := rank(row, u)) is not None]
        total = sum(p for _, p in pairs)
        assert found.mean[u] == pytest.approx(sum(r * p for r, p in pairs) / total, abs=1e-12)
        assert [found.low[u], found.median[u], found.high[u]] == [quantile(pairs, q) for q in (0.05, 0.5, 0.95)]
        assert (found.lowest[u], found.highest[u]) == (min(pairs)[0], max(pairs)[0])
        for n, k in enumerate((3, 5, 10)):
            assert found.top[n, u] == pytest.approx(sum(p for r, p in pairs if r <= k) / total, abs=1e-12)
        assert found.runs_missing[u] == 180 - len(pairs)
        assert found.missing[u] == pytest.approx(1 - total / sum(w), abs=1e-12)
        nominal = rank(scores[0].tolist(), u)
        assert (nominal is None and np.isnan(found.nominal[u])) or found.nominal[u] == nominal
        for v in range(12):
            both = [
                (row[u], row[v], p) for row, p in zip(rows, w, strict=True) if row[u] == row[u] and row[v] == row[v]
            ]
            ahead = sum(p * ((a > b) + (a == b) / 2) for a, b, p in both) / sum(p for *_, p in both)
            assert found.ahead[u, v] == pytest.approx(ahead, abs=1e-12)
    assert found.runs == 180


def test_more_runs_than_a_block_of_comparisons() -> None:
    scores = some_scores(5000, 6)
    found = rank_table(scores).ahead
    higher = (scores[:, :, None] > scores[:, None, :]).mean(axis=0)
    tied = (scores[:, :, None] == scores[:, None, :]).mean(axis=0)
    assert found == pytest.approx(higher + tied / 2, abs=1e-12)
    assert found + found.T == pytest.approx(np.ones((6, 6)), abs=1e-12)


def test_a_quantile_is_where_the_share_is_just_reached() -> None:
    """20 runs: the best rank in exactly one of them is the 5 % quantile, in spite of 1/20 having no exact double."""
    scores = np.tile([2.0, 1.0], (20, 1))
    scores[0] = [1.0, 2.0]
    found = rank_table(scores)
    assert (found.low[1], found.median[1], found.high[1]) == (1, 2, 2)
    assert (found.low[0], found.high[0]) == (1, 1)


def test_a_plateau_opens_where_its_head_is_ahead_in_95_percent() -> None:
    ahead = np.full((5, 5), 0.5)
    ahead[0, 1], ahead[0, 2], ahead[0, 3] = 0.90, 0.949, 0.95
    ahead[1, 2] = 1.0  # not the head: says nothing
    ahead[3, 4] = 0.94
    median = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert plateaus(median, median, ahead).tolist() == [1, 1, 1, 2, 2]


def test_places_that_cannot_be_told_apart() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    scores = rng.normal(size=(400, 7)) * 0.3 + np.array([9.0, 9.0, 5.0, 5.0, 5.0, 1.0, 1.0])
    found = rank_table(scores[:, ::-1])
    assert found.plateau.tolist() == [3, 3, 2, 2, 2, 1, 1]
    assert plateau_places(found) == ((1, 2), (3, 5), (6, 7))


def test_equal_medians_are_ordered_by_mean_then_as_given() -> None:
    ahead = np.full((3, 3), 1.0)
    assert plateaus(np.array([2.0, 2.0, 2.0]), np.array([2.5, 2.0, 2.5]), ahead).tolist() == [2, 1, 3]


def test_a_unit_that_is_never_ranked_is_blank_and_no_plateau() -> None:
    scores = np.array([[3.0, NAN, 1.0], [2.0, NAN, 3.0]])
    found = rank_table(scores, nominal=np.array([3.0, NAN, 1.0]))
    for shown in (found.nominal, found.mean, found.median, found.low, found.high, found.lowest, found.highest):
        assert np.isnan(shown[1])
        assert np.isfinite(shown[[0, 2]]).all()
    assert np.isnan(found.top[:, 1]).all()
    assert (found.missing[1], found.runs_missing[1], found.plateau[1]) == (1, 2, 0)
    assert np.isnan(found.ahead[1, [0, 2]]).all()
    assert np.isnan(found.ahead[[0, 2], 1]).all()
    assert plateau_places(found) == ((1, 2),)


def test_units_of_poor_data_keep_their_place_among_all() -> None:
    scores = some_scores(100, 6)
    found = rank_table(scores, nominal=scores[0])
    poor = poor_data(np.array([0.0, 0.4, 1 / 3, 0.5, 0.0, 0.0]))
    assert poor.tolist() == [False, True, False, True, False, False]
    few = found.only(poor)
    assert few.mean.tolist() == found.mean[[1, 3]].tolist()
    assert few.ahead.tolist() == [[0.5, found.ahead[1, 3]], [found.ahead[3, 1], 0.5]]
    assert (few.top.shape, few.places.shape, few.tops, few.runs) == ((3, 2), (6, 2), (3, 5, 10), 100)


def test_one_unit_and_one_run() -> None:
    found = rank_table(np.array([[4.0]]), nominal=np.array([4.0]))
    assert (found.mean[0], found.plateau[0], found.top.tolist()) == (1, 1, [[1], [1], [1]])
    assert found.ahead.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        (np.zeros(3), {}, "shape"),
        (np.zeros((3, 0)), {}, "shape"),
        (np.zeros((0, 3)), {}, "probabilities do not fit 0 runs"),
        (np.zeros((2, 3)), {"probability": np.zeros(2)}, "do not fit"),
        (np.zeros((2, 3)), {"probability": np.array([1.0, -1.0])}, "do not fit"),
        (np.zeros((2, 3)), {"probability": np.ones(3)}, "3 probabilities do not fit 2 runs"),
        (np.zeros((2, 3)), {"nominal": np.zeros(2)}, "2 nominal scores for 3 units"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(scores: Array, options: dict[str, Array], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rank_table(scores, **options)  # type: ignore[arg-type]


def test_targets_of_each_run() -> None:
    scores = np.array([[3.0, 2.0, 1.0, NAN], [1.0, 3.0, 3.0, 2.0], [NAN] * 4])
    nominal = np.array([4.0, 3.0, 2.0, 1.0])
    units = ("A", "B", "C", "D")
    moved, names = target("mean_abs_rank_change", scores, nominal, units)
    # Ranks 1 2 3 -, then 4 1 1 3, against 1 2 3 4.
    assert moved[:2, 0].tolist() == [0.0, (3 + 1 + 2 + 1) / 4]
    assert np.isnan(moved[2, 0])
    assert names == ("mean_abs_rank_change",)
    ranks, names = target("rank", scores, nominal, units)
    assert ranks[1].tolist() == [4, 1, 1, 3]
    assert names[3] == "rank of D"
    best, names = target("top", scores, nominal, units, k=2)
    assert best[1].tolist() == [0, 1, 1, 0]
    assert np.isnan(best[0, 3])
    assert names[0] == "A in the top 2"
    assert target("score", scores, nominal, units)[0][0, 0] == 3.0
    with pytest.raises(InputError, match='"ranks" is not a target I know'):
        target("ranks", scores, nominal, units)
