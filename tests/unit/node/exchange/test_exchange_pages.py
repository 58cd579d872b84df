"""Pages of a catalogue: nothing twice, nothing left out, and none larger than another node reads."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.node.dsp_client import ANSWER_MAX
from concordat.node.exchange_pages import BYTES_MAX, MOST, pages


@given(st.lists(st.integers(1, BYTES_MAX + 5) | st.integers(1, 500), max_size=350))
def test_every_dataset_stands_on_one_page_within_the_bounds(sizes: list[int]) -> None:
    found = list(pages(sizes))
    assert [place for page in found for place in page] == list(range(len(sizes)))
    for page in found:
        assert len(page) <= MOST
        assert len(page) == 1 or sum(sizes[place] for place in page) <= BYTES_MAX
    for page, following in pairwise(found):  # no page ends early
        more = sizes[following.start]
        assert len(page) == MOST or sum(sizes[place] for place in page) + more > BYTES_MAX


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, [0]), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_pages_of_small_datasets_are_of_a_hundred(count: int, lengths: list[int]) -> None:
    assert [len(page) for page in pages([1_000] * count)] == lengths


def test_a_page_is_well_below_what_a_node_reads() -> None:
    assert 2 * BYTES_MAX <= ANSWER_MAX
