"""The mandatory sequences of the Dataspace test kit, in both roles, over HTTP against a running node.

`tck-scenarios.json` holds 45 of the kit's 67 mandatory sequences (Apache-2.0); each is played as it stands, every body
is checked by the published schemas, and after every message the node's state is compared. This is our reading of the
kit's sequences, not its certificate; the kit itself is run outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("uvicorn", reason="a running node needs the extra [web]")
pytest.importorskip("starlette", reason="a running node needs the extra [web]")

from dsp_kit import Inbox, Player, behaviours, node_under_test, steps_of
from unit_node import found

FILE = "exchange/dsp/tck-scenarios.json"


@pytest.fixture(scope="module")
def scenarios(shared_data: Path) -> dict[str, Any]:
    """By id."""
    return {one["id"]: one for one in json.loads((shared_data / FILE).read_text())["scenarios"]}


@pytest.fixture(scope="module")
def node(scenarios: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A node under test with the behaviours of all scenarios."""
    (home,) = found(tmp_path_factory.mktemp("dsp"), ("BRA",))
    with node_under_test(home, behaviours(list(scenarios.values()))) as running:
        yield running


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    """The kit's server."""
    made = Inbox()
    yield made
    made.close()


IDS = [
    *(f"CAT:01-0{i}" for i in range(1, 4)), "MET:01-01",
    *(f"CN:01-0{i}" for i in range(1, 5)), *(f"CN:02-0{i}" for i in range(1, 8)),
    *(f"CN_C:01-0{i}" for i in range(1, 5)), *(f"CN_C:02-0{i}" for i in range(1, 7)),
    *(f"TP:01-0{i}" for i in range(1, 6)), *(f"TP:02-0{i}" for i in range(1, 6)),
    *(f"TP_C:01-0{i}" for i in range(1, 6)), *(f"TP_C:02-0{i}" for i in range(1, 6)),
]  # fmt: skip


def test_every_scenario_of_the_file_is_played(scenarios: dict[str, Any]) -> None:
    assert sorted(scenarios) == sorted(IDS)
    assert len(IDS) == 45


def test_what_contradicts_the_text_is_listed(scenarios: dict[str, Any]) -> None:
    """Only CN:01-03 goes on after FINALIZED, against its own title."""
    left = {name: [step["message"] for step in steps_of(one)[1]] for name, one in scenarios.items()}
    assert {name: found for name, found in left.items() if found} == {
        "CN:01-03": ["ContractNegotiationTerminationMessage", "200 OK"]
    }


@pytest.mark.parametrize("name", IDS)
def test_scenario(name: str, scenarios: dict[str, Any], node: tuple[str, Any], inbox: Inbox) -> None:
    base, exchange = node

    def state(pid: str) -> str:
        process = exchange.store.process(pid)
        return process.state if process else ""

    player = Player(base, scenarios[name], inbox, state)
    player.play()
    assert inbox.came.empty()
    assert player.bodies or name.startswith("TP_C")
