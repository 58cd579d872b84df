"""What a policy comes to: one row a case, from `exchange_decide.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from concordat.exchange.dataspace.deciding import Context, decide
from concordat.exchange.dataspace.odrl import from_offer
from concordat.settings import parse_yaml

TABLE = Path(__file__).with_name("exchange_decide.yaml")
CASES = parse_yaml(TABLE.read_text(), where=TABLE.name, schema="spec-table@1").value["cases"]


def context(facts: dict[str, Any]) -> Context:
    said = {key: frozenset(value) if isinstance(value, list) else value for key, value in facts.items()}
    said["at"] = datetime.fromisoformat(said["at"]) if "at" in said else datetime(2026, 11, 27, 12, tzinfo=UTC)
    return Context(**said)


@pytest.mark.parametrize("case", CASES, ids=[str(i) for i in range(len(CASES))])
def test_each_term_means_what_the_table_says(case: dict[str, Any]) -> None:
    decision = decide(from_offer(case["policy"]), context(case["facts"]))
    assert decision.verdict == case["verdict"], decision.words
    assert case.get("says", "") in decision.words
    assert decision.reasons or decision.verdict == "permit"
