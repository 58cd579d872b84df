"""Memory, SQLite and PostgreSQL give the same ledger: the short form of `tests/clearing_differential.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import clearing_differential


def test_the_same_roots_and_receipts_under_other_hash_seeds(tmp_path: Path, postgres: Any) -> None:
    words = ["--operations=1500", "--seed=4", "--reopen=40"]
    places = {"memory": "memory", "sqlite": str(tmp_path / "a.db"), "postgres": postgres.address("differential")}
    begun = {
        kind: clearing_differential.in_process(where, number, *words)
        for number, (kind, where) in enumerate(places.items())
    }
    found = {kind: clearing_differential.result_of(process) for kind, process in begun.items()}
    clearing_differential.compare(found)
    assert found["memory"]["blocks"] > 50


def test_a_difference_is_seen() -> None:
    one = {"marks": ["a", "b"], "root": "r"}
    with pytest.raises(AssertionError, match="differ before block 500"):
        clearing_differential.compare({"memory": one, "sqlite": {**one, "marks": ["a", "c"]}})
