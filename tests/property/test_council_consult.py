"""Any order of the same votes gives the same bytes; nothing small breaks the analysis."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat import canonical
from concordat.council.consult import (
    Opinion,
    analyse,
    comments_csv,
    from_opinions,
    matrix_csv,
    read_matrix,
    read_votes,
    result,
    summary,
)
from concordat.council.consult.bridging import majority
from concordat.council.consult.deterministic import by_size, split_into
from concordat.council.consult.exact import two_shares
from concordat.errors import InputError, MethodError
from consult_kit import camps, statements


@pytest.mark.parametrize("public", ["public", "delegations"])
def test_a_hundred_orders_of_the_same_votes_give_the_same_bytes(public: str) -> None:
    said = camps([18, 14, 5], 25, noise=0.3)
    said += [Opinion(o.voter, o.statement, -o.vote, (o.order[0] + 10_000,)) for o in said[::7]]  # changed votes
    listed = statements(25)
    shuffle = random.Random(7).shuffle
    found = set()
    for _ in range(100):
        shuffle(said)
        shuffle(listed)
        found.add(canonical.dumps(result(analyse(from_opinions(said, listed, public=public), resamples=2))))  # type: ignore[arg-type]
    assert len(found) == 1


cells = st.sampled_from([1, 0, -1, None])


@settings(max_examples=60)
@given(st.integers(1, 9).flatmap(lambda c: st.lists(st.lists(cells, min_size=c, max_size=c), min_size=1, max_size=40)))
def test_any_small_matrix_is_analysed_or_refused_with_counts(rows: list[list[int | None]]) -> None:
    said = [Opinion(f"v{p}", str(s), v, (1,)) for p, row in enumerate(rows) for s, v in enumerate(row) if v is not None]
    votes = from_opinions(said, statements(len(rows[0])))
    assert read_matrix(matrix_csv(votes), comments_csv(votes)).hash == votes.hash
    for mode in ("concordat-1", "polis"):
        try:
            found = analyse(votes, mode, resamples=3)  # type: ignore[arg-type]
        except MethodError as error:
            refused = str(error)
            assert "voters" in refused
            continue
        canonical.dumps(result(found))
        assert summary(found)
        assert np.isfinite(found.space.people).all()
        assert np.isfinite(found.priorities).all()
        assert set(found.groups.tolist()) <= set(range(-1, found.grouping.count))


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_posterior_grows_with_agrees_and_is_symmetric(one: int, other: int) -> None:
    seen = one + other
    assert majority(one, seen) + majority(other, seen) == 1
    assert majority(one + 1, seen + 1) > majority(one, seen) > majority(one, seen + 1)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_two_shares_change_sign_with_their_sides(a: int, b: int, n: int, k: int) -> None:
    n, k = a + n, b + k
    assert float(two_shares(a, b, n, k)) == pytest.approx(-float(two_shares(b, a, k, n)), abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=6, max_size=40, unique=True),
    st.integers(2, 6),
)
def test_a_split_is_numbered_by_size_and_no_point_is_nearer_to_another_centre(
    points: list[tuple[int, int]], k: int
) -> None:
    array = np.array(points, dtype=np.int64)
    labels = split_into(array, k)
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all()
    assert (by_size(labels) == labels).all()
    centres = np.array([array[labels == g].mean(axis=0) for g in range(len(sizes))])
    distance = np.square(array[:, None] - centres).sum(axis=2)
    assert (distance[np.arange(len(array)), labels] <= distance.min(axis=1) + 1e-6).all()


FILES = (
    "participant,group-id,n-votes,0,10,2\n11,1,3,1,-1,0\n9,0,2,1,,1\n3,,1,,-1,\n",
    "comment-id,agrees,disagrees,moderated,is-meta,comment-body\n0,2,0,1,false,a\n10,0,2,-1,f,b\n2,1,0,1,true,c\n",
    "timestamp,comment-id,voter-id,vote\n1,0,11,1\n2,10,11,-1\n3,2,9,0\n4,0,9,1\n",
)


@settings(max_examples=150)
@given(st.sampled_from(range(3)), st.integers(0, 140), st.integers(0, 6), st.binary(max_size=4))
def test_a_damaged_file_is_read_or_refused_in_words(which: int, at: int, length: int, put: bytes) -> None:
    files = [text.encode() for text in FILES]
    files[which] = files[which][:at] + put + files[which][at + length :]
    for read, pair in ((read_matrix, files[:2]), (read_votes, [files[2], files[1]])):
        try:
            votes = read(*pair)
        except InputError as error:
            assert error.where or error.hint  # noqa: PT017 - either is right
        else:
            assert len(votes.hash) == 64
