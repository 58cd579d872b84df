"""Small invented evidence for the tests of the store: a row, a vintage's description, an open store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.store import Store, VintageMeta, open_store

MakeRow = Callable[..., Observation]
MakeMeta = Callable[..., VintageMeta]


def _row(area: str = "ETH", year: int = 2021, **columns: Any) -> Observation:
    defaults: dict[str, Any] = {
        "indicator_id": "internet_users_pct",
        "area": area,
        "period_start": date(year, 1, 1),
        "period_end": date(year, 12, 31),
        "unit": "percent",
        "source_id": "demo",
        "dataset_id": "demo",
        "vintage_id": "v1",
        "known_from": date(2025, 12, 31),
        "retrieved_at": datetime(2025, 12, 31, 12, 30, 5, 123456, tzinfo=UTC),
        "raw_sha256": "",
        "raw_locator": "row 2",
        "parser_version": "1",
    }
    said = columns.keys() & {"value", "lower", "missing_reason"}
    return make_observation(**defaults | ({} if said else {"value": 17.0}) | columns)


def _meta(**columns: Any) -> VintageMeta:
    defaults: dict[str, Any] = {
        "id": "v1",
        "dataset_id": "demo",
        "source_id": "demo",
        "published": date(2025, 12, 30),
        "known_from": date(2025, 12, 31),
        "retrieved_at": datetime(2025, 12, 31, tzinfo=UTC),
        "parser_version": "1",
        "raw": (),
        "origin": {"producer": "An office", "title": "A table", "url": "https://example.org"},
        "licence": licence("CC-BY-4.0").as_dict(),
    }
    return VintageMeta(**defaults | columns)


@pytest.fixture
def row() -> MakeRow:
    """Makes an observation; any column may be given."""
    return _row


@pytest.fixture
def meta() -> MakeMeta:
    """Makes a vintage's description; any field may be given."""
    return _meta


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that waits for no other writer."""
    with open_store(tmp_path / "data") as opened:
        opened.lock.steps = 2
        yield opened
