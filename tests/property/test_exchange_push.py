"""Whatever is lost and whoever crashes, a push ends on both sides alike: one file, said once, one use; or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_pair import BODY
from exchange_push_pair import Pair, asked


@pytest.fixture(scope="module")
def agreed() -> Iterator[Pair]:
    """Two nodes with a final agreement, to be copied."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        made = Pair(Path(folder), patch)
        made.close()
        yield made


@settings(max_examples=20)
@given(
    crashes=st.sets(st.integers(1, 90), max_size=4),
    loses=st.sets(st.integers(1, 16), max_size=12),
    off=st.none() | st.tuples(st.integers(22, 90), st.integers(1, 90).map(lambda m: timedelta(minutes=m))),
)
def test_both_sides_end_alike(
    agreed: Pair, crashes: set[int], loses: set[int], off: tuple[int, timedelta] | None
) -> None:
    """`off`: from a step on nothing passes for minutes, pieces and messages alike."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        pair = Pair(Path(folder), patch, like=agreed)
        pair.crashes, pair.loses, pair.off = crashes, loses, off
        asked(pair)
        asyncio.run(pair.settle(700))
        (state,) = {process.state for process in pair.transfers().values()}
        files = {path.name: path.read_bytes() for path in pair.received}
        said = [desk.station.diary.kinds().count("TransferCompleted") for desk in pair.desks.values()]
        uses = pair.desks["BRA"].engine.uses(pair.agreement)
        pair.close()
    if state == "COMPLETED":
        assert (files, said, uses) == ({"a-1.csv": BODY}, [1, 1], 1)
    else:
        assert (state, files, said) == ("TERMINATED", {}, [0, 0])
        assert uses <= 1
