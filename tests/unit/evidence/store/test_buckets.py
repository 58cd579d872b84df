"""Token buckets: how long a request waits, whatever the clock does, and across two programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence.store import Store, open_store
from concordat.evidence.store.buckets import Buckets


def _waits(store: Store, *moments: float, host: str = "a.org", burst: float = 2, per_hour: float = 60) -> list[float]:
    buckets = Buckets(store.catalog)
    return [buckets.take(host, burst=burst, per_hour=per_hour, now_s=m) for m in moments]


def test_a_burst_is_free_and_then_each_request_waits_for_its_token(store: Store) -> None:
    assert _waits(store, 0, 0, 0, 0) == [0, 0, 60, 120]


def test_tokens_come_back_with_time_but_never_more_than_the_burst(store: Store) -> None:
    assert _waits(store, 0, 0, 60, 61, 1_000_000, 1_000_000, 1_000_000) == [0, 0, 0, 59, 0, 0, 60]


def test_a_clock_that_was_set_back_gives_no_tokens_and_takes_none(store: Store) -> None:
    assert _waits(store, 1000, 1000, 500, 560) == [0, 0, 60, 60]


def test_hosts_have_buckets_of_their_own(store: Store) -> None:
    assert _waits(store, 0, 0, 0) == [0, 0, 60]
    assert _waits(store, 0, host="b.org") == [0]


def test_two_programs_share_a_bucket_and_it_outlives_them(tmp_path: Path) -> None:
    with open_store(tmp_path) as one, open_store(tmp_path) as two:
        assert _waits(one, 0) + _waits(two, 0) + _waits(one, 0) == [0, 0, 60]
    with open_store(tmp_path) as later:
        assert _waits(later, 60) == [60]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 50), min_size=1, max_size=30), st.integers(1, 5))
def test_in_no_stretch_of_time_is_a_host_asked_more_than_its_burst_and_its_rate(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[float], burst: int
) -> None:
    per_second = 0.1
    with open_store(tmp_path_factory.mktemp("b")) as store:
        buckets, now, sent = Buckets(store.catalog), 0.0, []
        for gap in gaps:
            now += gap
            now += buckets.take("a.org", burst=burst, per_hour=3600 * per_second, now_s=now)
            sent.append(now)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + per_second * (sent[last] - sent[first]) + 1e-6
