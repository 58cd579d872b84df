"""Several processes have no exchange: it is said by name, and a node that owes others an answer doesn't start so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")
pytest.importorskip("starlette", reason="a running node needs the extra [web]")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from concordat.cli._node_workers import require_one_for_exchange
from concordat.errors import RuleError
from concordat.exchange.dataspace.odrl import from_offer
from concordat.node.exchange_routes import absent_routes
from concordat.node.exchange_store import FILE, Agreement, ExchangeStore, Process
from concordat.node.settings import NodeSettings

ADDRESS = "postgresql:///concordat"


def settings(workers: int, **more: Any) -> NodeSettings:
    given = {"database": ADDRESS, "workers": workers, **more}
    return NodeSettings.load(given, environment={}, file=Path(os.devnull))


def agreement(role: str = "provider", **when: Any) -> Agreement:
    """One between BRA and ZAF."""
    text = {**from_offer({"permit": "use", "when": when}), "@type": "Agreement", "assigner": "BRA", "assignee": "ZAF"}
    return Agreement("urn:uuid:a", "p", role, "IND", "d", "0" * 64, text, True, {"label": "AMBER"})


@pytest.mark.parametrize(
    ("role", "when", "owed", "stops"),
    [
        ("provider", {"until": "2020-01-01"}, True, False),
        ("consumer", {"until": "2020-01-01"}, False, False),
        ("consumer", {"until": "2020-01-01"}, True, True),
        ("provider", {"until": "2999-01-01"}, False, True),
        ("provider", {"from": "2999-01-01", "until": "2999-02-01"}, False, True),
        ("provider", {"from": "2999-01-01"}, False, True),
        ("provider", {"count": "1"}, False, False),
        ("consumer", {"count": "1"}, False, False),
        ("provider", {"count": "2"}, False, True),
        ("provider", {"tlp": "GREEN"}, False, False),
    ],
    ids=range(10),
)
def test_only_an_agreement_in_force_asks_for_one_process(
    tmp_path: Path, role: str, when: dict[str, str], owed: bool, stops: bool
) -> None:
    store = ExchangeStore(tmp_path / FILE)
    store.put_agreement(agreement(role, **when))
    store.serve("urn:uuid:a", "urn:uuid:t", "0" * 64, 10, 10)  # used once
    done = Process("urn:uuid:t", "transfer", role, "IND", "COMPLETED", {"x": 1}, "", {"agreement": "urn:uuid:a"})
    store.put(done, 0)
    store.open_duties("urn:uuid:a", [(1, "delete", None, "delete")])
    if not owed:
        store.duty_done("urn:uuid:a", 1, "2026-11-27")
    store.close()
    if stops:
        with pytest.raises(RuleError, match="would stand still"):
            require_one_for_exchange(tmp_path, settings(4))
    else:
        require_one_for_exchange(tmp_path, settings(4))


@pytest.mark.parametrize("kept", ["agreement", "process"])
def test_node_that_owes_others_an_answer_runs_in_one_process(tmp_path: Path, kept: str) -> None:
    require_one_for_exchange(tmp_path, settings(4))
    store = ExchangeStore(tmp_path / FILE)
    require_one_for_exchange(tmp_path, settings(4))  # an empty file promises nothing
    if kept == "agreement":
        store.put_agreement(agreement())
    else:
        store.put(Process("urn:uuid:p", "negotiation", "provider", "ZAF", "REQUESTED", {"x": 1}, ""), 0)
    store.close()
    with pytest.raises(RuleError, match="would stand still") as caught:
        require_one_for_exchange(tmp_path, settings(4))
    assert "workers = 1" in caught.value.hint
    require_one_for_exchange(tmp_path, settings(1))


def test_node_under_test_runs_in_one_process(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="under test"):
        require_one_for_exchange(tmp_path, settings(2, exchange_conformance="behaviours.yaml"))


def test_addresses_of_the_exchange_say_that_it_does_not_run() -> None:
    client = TestClient(Starlette(routes=absent_routes(4)))
    for method, path in (
        ("GET", "/.well-known/dspace-version"),
        ("POST", "/dsp/2025-1/catalog/request"),
        ("POST", "/dsp/2025-1/transfers/urn:uuid:x/start"),
        ("GET", "/dsp/data/urn:uuid:x"),
        ("PUT", "/dsp/push/urn:uuid:x"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, "there are 4" in answer.text) == (501, True)
