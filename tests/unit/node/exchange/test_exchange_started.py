"""A consumer that asks for the data before its answer to the Start is here gets them; nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.messages import PULL
from concordat.node.exchange_calls import AbsentError, UnknownCallerError
from concordat.node.exchange_started import reserved


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """BRA offers; ZAF and IND ask."""
    shelf = pair.Shelf(pair.offered())
    return pair.World([pair.Station(m, tmp_path, shelf if m == "BRA" else pair.Shelf()) for m in pair.BASES])


def final(world: Any) -> str:
    """A final agreement between BRA and ZAF."""
    facts = {"dataset_id": "a", "version": 1}
    world.stations["ZAF"].mover.ask("BRA", pair.narrowed(), world.now, facts=facts)
    world.settle()
    return str(world.stations["ZAF"].store.agreements()[0].id)


def requested(world: Any) -> tuple[str, Any]:
    """The consumer's name of a transfer, and our Start that is on its way."""
    agreement = final(world)
    pid = world.stations["ZAF"].mover.request_transfer("BRA", agreement, PULL, world.now)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    (request,) = zaf.store.due(world.now.timestamp())
    world.deliver(zaf, request)
    bra.turn(world.now)
    (start,) = bra.store.due(world.now.timestamp())
    return pid, start


def test_the_token_of_a_start_says_that_it_arrived(world: Any) -> None:
    pid, start = requested(world)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    assert world.ask("BRA", "POST", start.url, start.body).status == 200  # and its answer is under way still
    bearer = messages.token_of(zaf.store.process(pid).body["address"])
    assert bra.store.process(start.pid).state == "REQUESTED"
    with pytest.raises(UnknownCallerError):
        reserved(bra.engine, start.pid, "another", "", lambda file: (0, file.bytes), world.now)
    assert bra.store.process(start.pid).state == "REQUESTED"
    _, file, _, _ = reserved(bra.engine, start.pid, bearer, "", lambda file: (0, file.bytes), world.now)
    assert (file.bytes, bra.store.process(start.pid).state) == (len(pair.BODY), "STARTED")
    assert not bra.mover.delivered(start, 200, b"", world.now)
    assert not bra.mover.delivered(start, None, b"", world.now)
    world.settle()
    assert [one.store.processes("transfer")[0].state for one in (bra, zaf)] == ["STARTED", "STARTED"]


def test_what_this_side_stops_opens_nothing(world: Any) -> None:
    pid, start = requested(world)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    world.deliver(bra, start)
    bearer = messages.token_of(zaf.store.process(pid).body["address"])
    assert bra.mover.move(start.pid, Next(Move.SUSPEND), world.now)
    with pytest.raises(AbsentError):
        reserved(bra.engine, start.pid, bearer, "", lambda file: (0, file.bytes), world.now)
    world.settle()
    with pytest.raises((AbsentError, UnknownCallerError)):
        reserved(bra.engine, start.pid, bearer, "", lambda file: (0, file.bytes), world.now)
