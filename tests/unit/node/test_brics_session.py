"""The example session runs: ten members, three rules, a review, a dispute, one state at all, and a verified export."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.council.result import verify

SCRIPT = Path(__file__).parents[3] / "examples" / "brics-session" / "session.py"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path, list[str]]]:
    """The session, run once; what it said."""
    spec = importlib.util.spec_from_file_location("brics_session", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["brics_session"] = module
    spec.loader.exec_module(module)
    folder, said = tmp_path_factory.mktemp("session"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONCORDAT_DATA_DIR", str(folder / "data"))
        found = module.run(folder, said.append)
    yield found, folder, said
    found.demo.close()


def test_every_decision_came_out_as_its_rule_says(session: tuple[Any, Path, list[str]]) -> None:
    council = session[0].council
    outcomes = {v.rule: [] for v in council.all("vote")}
    for vote in council.all("vote"):
        assert vote.status == "final"
        outcomes[vote.rule].append(vote.outcome)
    assert outcomes == {
        "majority": ["not_adopted", "adopted", "adopted", "adopted"],  # two amendments, the target, the report
        "qualified": ["adopted"],  # 7 of 10 members with 91 % of the people
        "consensus": ["not_adopted"],  # one objection
    }
    assert [s.status for s in council.all("silence")] == ["adopted"]
    assert (
        council.get("proposal", "p-2026-001").text.texts["en"][1][1]
        == "Each member publishes at least one case a year."
    )


def test_what_was_promised_reviewed_and_settled(session: tuple[Any, Path, list[str]]) -> None:
    council = session[0].council
    assert council.get("commitment", "xin-7").state == "reviewed"
    assert council.get("commitment", "t20-f1a").state == "registered"
    assert len(council.all("commitment")) == 93
    assert council.get("cycle", "r-2026-001").status == "adopted"
    assert len(council.get("cycle", "r-2026-001").codes) == 30
    assert council.get("dispute", "d-2026-001").case.stage == "settled"
    assert council.no_effect == []


def test_all_members_come_to_one_state_and_the_export_verifies(session: tuple[Any, Path, list[str]]) -> None:
    found, folder, said = session
    assert len({found.demo.council_of(member).state_hash for member in found.demo.members}) == 1
    assert any(line.startswith("manifest: ") for line in said)  # the last word of the stand-alone verifier
    from concordat.node.council import council_of_export

    council, record = council_of_export(folder / "record", found.demo.nodes["ZAF"].chain.pinned)
    assert council.state_hash == found.demo.council_of("ZAF").state_hash
    assert record.audited.accusations == ()


def test_the_result_file_verifies_without_a_node(session: tuple[Any, Path, list[str]]) -> None:
    found, folder, _ = session
    data = next(folder.glob("v-*.result.json")).read_bytes()
    checked = verify(data, found.demo.nodes["CHN"].chain.pinned)
    assert (checked.outcome, checked.ballots) == ("adopted", 10)
