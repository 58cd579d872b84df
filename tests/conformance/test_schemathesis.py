"""The node does what /openapi.json says, in the judgement of Schemathesis: a few examples of every operation.

`cd tests && python -m schema_judge --examples 5000` is the long form.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="needs the extra [oracles]")
pytest.importorskip("starlette", reason="needs the extra [web]")

from desk_kit import founded, standing_clock
from schema_judge import judge
from standing_node import Standing

EXAMPLES = 4


def test_every_operation_answers_as_it_is_described(tmp_path: Path, evidence_dir: Path) -> None:
    made = founded(tmp_path)
    with standing_clock():
        node = Standing(made, evidence_dir)
        try:
            found = list(judge(node, EXAMPLES))
        finally:
            node.close()
    assert len(found) > 60
    assert [judged.line() for judged in found if judged.failure] == []
    statuses = {status for judged in found for status in judged.statuses}
    assert {200, 400, 404} <= statuses  # good data and bad data were both sent
