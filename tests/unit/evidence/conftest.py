"""Builders for the tests of evidence: an observation and a bloc's member from few words, the packaged catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.evidence.aggregate import Member
from concordat.evidence.catalogue import Catalogue, load_catalogue
from concordat.evidence.observation import Observation, make_observation


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def observe(catalogue: Catalogue) -> Callable[..., Observation]:
    """`observe(78, "CHN", 2023, source="cia_factbook")`: internet use, in the catalogue's unit; any column by name."""

    def make(value: float | None = None, area: str = "BRA", year: int = 2024, **columns: Any) -> Observation:
        indicator_id = columns.setdefault("indicator_id", "internet_users_pct")
        source = columns.pop("source", "worldbank_wdi")
        known = catalogue.indicators.get(indicator_id)
        columns = {
            "period_start": date(year, 1, 1),
            "period_end": date(year, 12, 31),
            "unit": known.unit if known else "percent",
            "source_id": source,
            "dataset_id": source,
            "vintage_id": f"{source}-1",
            "known_from": date(2026, 3, 1),
            "retrieved_at": datetime(2026, 3, 2, tzinfo=UTC),
            "raw_sha256": "ab" * 32,
            "raw_locator": "row 2",
            "parser_version": "1",
            **columns,
        }
        return make_observation(value=value, area=area, **columns)

    return make


@pytest.fixture(scope="session")
def below(observe: Callable[..., Observation]) -> Callable[..., Observation]:
    """`below(1, "ETH", 2023)`: "less than 1"."""

    def make(upper: float, area: str = "BRA", year: int = 2024, **columns: Any) -> Observation:
        return observe(None, area, year, lower=0.0, upper=upper, censoring="below", **columns)

    return make


@pytest.fixture(scope="session")
def member() -> Callable[..., Member]:
    """`member("BRA", 80, weight=2)`: a figure without rounding, of 2024."""

    def make(area: str, value: float | None, lower: Any = None, upper: Any = None, **columns: Any) -> Member:
        ends = (value if end is None else end for end in (lower, upper))
        return Member(area, value, *ends, columns.pop("year", 2024), columns.pop("weight", 1.0), **columns)

    return make
