"""Between which ranks a member stands: worked examples, and a second count straight from the definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence.catalogue import Catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book
from concordat.evidence.ranks import HIGHER, LOWER, derive_ranks, rank_intervals, rank_of
from concordat.evidence.resolve import resolve

Observe = Callable[..., Observation]
Ends = list[tuple[float, float]]


@pytest.mark.parametrize(
    ("ends", "higher", "lower"),
    [
        ([], (), ()),
        ([(5, 5)], ((1, 1),), ((1, 1),)),
        ([(1, 1), (2, 2), (3, 3)], ((3, 3), (2, 2), (1, 1)), ((1, 1), (2, 2), (3, 3))),
        ([(5, 5), (5, 5)], ((1, 2), (1, 2)), ((1, 2), (1, 2))),
        ([(0, 2), (2, 4)], ((1, 2), (1, 2)), ((1, 2), (1, 2))),  # intervals that touch may be equal
        ([(0, 9), (1, 2), (3, 4)], ((1, 3), (2, 3), (1, 2)), ((1, 3), (1, 2), (2, 3))),
        ([(0, 0), (0, 0), (9, 9)], ((2, 3), (2, 3), (1, 1)), ((1, 2), (1, 2), (3, 3))),
    ],
)
def test_worked_examples(ends: Ends, higher: tuple[tuple[int, int], ...], lower: tuple[tuple[int, int], ...]) -> None:
    low, high = [a for a, _ in ends], [b for _, b in ends]
    assert rank_intervals(low, high, HIGHER) == higher
    assert rank_intervals(low, high, LOWER) == lower


intervals = st.lists(
    st.tuples(st.integers(-5, 5), st.integers(0, 4)).map(lambda t: (float(t[0]), float(t[0] + t[1]))), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(intervals)
def test_ranks_are_the_definition_counted_one_by_one(ends: Ends) -> None:
    n = len(ends)
    wanted = tuple(
        (1 + sum(lower > mine[1] for lower, _ in ends), n - sum(upper < mine[0] for _, upper in ends)) for mine in ends
    )
    low, high = [a for a, _ in ends], [b for _, b in ends]
    assert rank_intervals(low, high) == wanted
    mirrored = tuple((n + 1 - worst, n + 1 - best) for best, worst in wanted)
    assert rank_intervals(low, high, LOWER) == mirrored


def test_a_conflict_widens_a_rank_and_areas_without_a_figure_have_none(observe: Observe, catalogue: Catalogue) -> None:
    rows = [
        observe(78.0, "CHN", source="itu"), observe(90.6, "CHN"), observe(84.0, "BRA"), observe(56.0, "IND"),
        observe(None, "ETH", missing_reason="withheld"),
    ]  # fmt: skip
    chosen = {key[1]: c for key, c in resolve(rows, catalogue, not_after=2024).items()}
    book, indicator = Book(), catalogue.indicators["internet_users_pct"]
    record = derive_ranks(book, indicator, chosen, ["IND", "CHN", "BRA", "ETH", "ZAF", "BRA"])
    assert record is not None
    assert {area: rank_of(record, area) for area in ("BRA", "CHN", "IND", "ETH", "ZAF")} == {
        "BRA": (1, 4), "CHN": (1, 4), "IND": (3, 5), "ETH": None, "ZAF": None,  # the two may stand anywhere
    }  # fmt: skip
    assert (record.parts["n"], record.parts["n_total"]) == (3, 5)
    assert (record.parts["certain"], record.parts["widest"]) == (0, 4)
    alone = derive_ranks(book, indicator, chosen, ["IND", "CHN", "BRA"])
    assert [rank_of(alone, area) for area in ("BRA", "CHN", "IND")] == [(1, 2), (1, 2), (3, 3)]
    neutral = replace(indicator, polarity="neutral")
    assert derive_ranks(book, neutral, chosen, ["BRA", "CHN"]) is None
    assert derive_ranks(book, indicator, chosen, ["BRA", "ETH"]) is None
    assert derive_ranks(book, indicator, {}, []) is None
    assert rank_of(None, "BRA") is None
