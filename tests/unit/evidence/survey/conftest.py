"""An invented household survey, written from few words: its microdata and its survey file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from concordat.evidence.catalogue import Catalogue
from concordat.evidence.survey import Spec, Survey, read_spec, survey_rates

Person = dict[str, Any]
ITEM = {"id": "online", "indicator_id": "internet_users_pct", "yes_codes": [1], "no_codes": [2], "missing_codes": [9]}
BASE: dict[str, Any] = {
    "schema": "concordat/survey@1",
    "file": "people.csv",
    "dataset": {
        "id": "za-ict-2025",
        "title": "Invented ICT survey",
        "producer": "An office",
        "published": "2026-02-01",
    },
    "area": "ZAF",
    "period": 2025,
    "weight": "weight",
    "items": [ITEM],
    "licence": "CC-BY-4.0",
}
SEX = {"column": "sex", "values": {"1": "M", "2": "F"}, "labels": {"M": "men", "F": "women"}}
LOC = {"column": "loc", "values": {"c": "city", "t": "town", "r": "rural"}}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write(people, weight="w", domains={...})`: both files; returns the survey file. A key of None is left out."""

    def make(people: Iterable[Person] | str | bytes, **keys: Any) -> Path:
        if isinstance(people, bytes):
            (tmp_path / "people.csv").write_bytes(people)
        elif isinstance(people, str):
            (tmp_path / "people.csv").write_text(people, encoding="utf-8")
        else:
            rows = list(people)
            lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
            (tmp_path / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        said = {key: value for key, value in (BASE | keys).items() if value is not None}
        path = tmp_path / "survey.yaml"
        path.write_text(json.dumps(said), encoding="utf-8")  # which is YAML, and has no anchors
        return path

    return make


@pytest.fixture
def spec(write: Callable[..., Path], catalogue: Catalogue) -> Callable[..., Spec]:
    """As `write`, read."""
    return lambda people, **keys: read_spec(write(people, **keys), catalogue)


@pytest.fixture
def survey(spec: Callable[..., Spec]) -> Callable[..., Survey]:
    """As `write`, computed; `by` goes to `survey_rates`."""

    def make(people: Any, *, by: list[str] | None = None, **keys: Any) -> Survey:
        return survey_rates(spec(people, **keys), by=by)

    return make


@pytest.fixture
def crowd() -> Callable[..., list[Person]]:
    """`crowd(40, 10, sex=1)`: 40 who said yes and 10 who said no, of weight 1, with these columns."""

    def make(yes: int, no: int, **columns: Any) -> list[Person]:
        person = {"online": 1, "weight": 1, "sex": 1, "loc": "c", **columns}
        return [person] * yes + [person | {"online": 2}] * no

    return make
