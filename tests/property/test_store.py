"""Properties of the store: what was written is read, in any order, and any changed byte of a body is noticed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import TrustError
from concordat.evidence.licences import licence
from concordat.evidence.observation import MISSING_REASONS, NATURES, OBS_STATUS, Observation, make_observation
from concordat.evidence.store import Store, VintageMeta, open_store
from concordat.evidence.store.tables import logical_hash

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEY_TEXT = TEXT.map(lambda text: text.replace("\x1f", ""))
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(fold=0)
)
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)


@st.composite
def _what_is_said(draw: st.DrawFn) -> dict[str, Any]:
    """A value, perhaps with an interval around it, or a censored interval, or a reason."""
    low, middle, high = sorted(draw(st.tuples(NUMBER, NUMBER, NUMBER)))
    return draw(
        st.sampled_from([
            {"value": middle},
            {"value": middle, "lower": low, "upper": high},
            {"lower": low, "upper": high, "censoring": "interval"},
            {"missing_reason": draw(st.sampled_from(MISSING_REASONS))},
        ])
    )  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> Observation:
    """Any row that the invariants allow."""
    start, end = sorted(draw(st.tuples(DAYS, DAYS)))
    free = {name: draw(TEXT) for name in ("note", "series_key", "raw_locator", "parser_version", "derived_by")}
    return make_observation(
        **{name: draw(KEY_TEXT) for name in ("indicator_id", "area", "unit", "breakdown")},
        **free,
        **draw(_what_is_said()),
        source_id="demo",
        dataset_id="demo",
        vintage_id="v1",
        period_start=start,
        period_end=end,
        known_from=draw(DAYS),
        retrieved_at=draw(MOMENTS),
        precision=draw(st.none() | NUMBER.map(abs)),
        decimals=draw(st.none() | st.integers(-30, 30)),
        unit_mult=draw(st.integers(-24, 24)),
        obs_status=draw(st.sampled_from(OBS_STATUS)),
        nature=draw(st.sampled_from(NATURES)),
        raw_sha256="",
        derived_from=tuple(draw(st.lists(HEX, max_size=3))),
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _fresh(folder: Path) -> Store:
    return open_store(Path(tempfile.mkdtemp(dir=folder)))


META = VintageMeta(
    id="v1", dataset_id="demo", source_id="demo", published=None, known_from=date(2026, 1, 1),
    retrieved_at=datetime(2026, 1, 1, tzinfo=UTC), parser_version="1", raw=(),
    origin={"producer": "An office", "title": "A table", "url": "https://example.org"},
    licence=licence("CC-BY-4.0").as_dict(),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(rows(), max_size=6))
def test_rows_come_back_whatever_is_in_them_and_their_order_says_nothing(
    folder: Path, written: list[Observation]
) -> None:
    shuffled = sorted(written, key=repr)
    with _fresh(folder) as one, _fresh(folder) as two:
        first, second = one.write_vintage(META, written), two.write_vintage(META, shuffled)
        assert first == second
        back = one.observations(first)
        assert sorted(map(repr, back)) == sorted(map(repr, written)), "repr tells -0.0 from 0.0"
        assert logical_hash(o.row_hash for o in back) == first.logical_hash
        assert one.verify().faults == ()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.data())
def test_a_body_comes_back_as_it_was_or_not_at_all(folder: Path, body: bytes, data: st.DataObject) -> None:
    with _fresh(folder) as store:
        sha256 = store.raw.put(body)
        assert store.raw.get(sha256) == body
        path = store.raw.path(sha256)
        packed = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(packed) - 1))
        packed[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(packed)
        found = None
        try:
            found = store.raw.get(sha256)
        except TrustError as error:
            noticed = str(error)
        # Some bits of a gzip file say nothing about the body; what is given is never another body.
        assert found == body or sha256 in noticed
