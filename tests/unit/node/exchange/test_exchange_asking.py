"""What a consumer has already: a final agreement is used again while it covers and permits, an open request goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the messages are checked by the published schemas")

import exchange_pair as pair
from concordat.errors import RuleError
from concordat.exchange.dataspace.behaviours import Move, Next, Rule
from concordat.exchange.dataspace.messages import PULL
from concordat.exchange.dataspace.odrl import from_offer
from concordat.node.exchange_agreements import _next_of
from concordat.node.exchange_asking import begun, narrowed, standing

ABOUT = {"dataset_id": "a", "version": 1, "offered": "0" * 64, "label": "AMBER"}


def two(tmp_path: Path, **offered: Any) -> Any:
    """BRA offers, ZAF asks."""
    shelf = pair.Shelf(pair.offered(**offered))
    return pair.World([pair.Station("BRA", tmp_path, shelf), pair.Station("ZAF", tmp_path, pair.Shelf())])


def ask(world: Any, **when: Any) -> str:
    pid = world.stations["ZAF"].mover.ask("BRA", pair.narrowed(**when), world.now, facts=ABOUT)
    world.settle()
    return str(pid)


def found(world: Any, about: Any = ABOUT, ended: Any = (), provider: str = "BRA", **when: Any) -> Any:
    return standing(world.stations["ZAF"].store, provider, about, pair.narrowed(**when), world.now, ended)


def test_final_agreement_is_used_again_for_what_it_covers(tmp_path: Path) -> None:
    world = two(tmp_path)
    assert found(world) is None
    ask(world, purpose=["research", "statistics"])
    kept = found(world, purpose=["research", "statistics"])
    assert kept.final
    assert found(world, purpose=["research"]) == kept  # what is declared lies inside
    assert found(world, purpose=["research", "supervision"]) is None
    assert found(world, provider="IND") is None
    for other in ({"version": 2}, {"offered": "1" * 64}, {"dataset_id": "b"}):
        assert found(world, ABOUT | other) is None
    assert found(world, ended=[kept.id]) is None


def test_agreement_that_permits_no_more_is_left_alone(tmp_path: Path) -> None:
    terms = from_offer({"permit": "use", "when": {"member": ["ZAF"], "until": "2026-11-28", "count": "1"}})
    world = two(tmp_path, policy=terms)
    zaf, asked = world.stations["ZAF"], {"@id": pair.OFFER, "target": pair.DATASET, **terms}
    zaf.mover.ask("BRA", asked, world.now, facts=ABOUT)
    world.settle()
    kept = standing(zaf.store, "BRA", ABOUT, asked, world.now)
    assert kept is not None
    assert standing(zaf.store, "BRA", ABOUT, asked, world.now + timedelta(days=2)) is None  # its days are over
    pid = zaf.mover.request_transfer("BRA", kept.id, PULL, world.now)
    world.settle()
    assert standing(zaf.store, "BRA", ABOUT, asked, world.now) == kept  # begun is not done
    zaf.mover.move(pid, Next(Move.COMPLETE), world.now)
    world.settle()
    assert standing(zaf.store, "BRA", ABOUT, asked, world.now) is None  # used up


def test_negotiation_that_waits_for_a_person_goes_on_and_its_agreement_is_found(tmp_path: Path) -> None:
    world = two(tmp_path, rule=Rule.MANUAL)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    pid = ask(world)
    assert begun(zaf.store, "BRA", ABOUT, pair.narrowed()).pid == pid
    assert begun(zaf.store, "BRA", ABOUT, pair.narrowed(purpose=["statistics"])) is None
    assert begun(zaf.store, "BRA", ABOUT | {"version": 2}, pair.narrowed()) is None
    (theirs,) = bra.store.processes("negotiation")
    bra.mover.move(theirs.pid, Next(Move.AGREE), world.now)
    world.settle()
    assert begun(zaf.store, "BRA", ABOUT, pair.narrowed()) is None
    assert found(world).pid == pid


def test_counter_offer_of_a_person_is_accepted_by_a_person(tmp_path: Path) -> None:
    """BRA's person offers narrower terms, ZAF's takes them, and the same request finds the agreement."""
    world = two(tmp_path, rule=Rule.MANUAL)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    pid = ask(world)
    (theirs,) = bra.store.processes("negotiation")
    policy = {"permit": "use", "when": {"member": ["ZAF"], "purpose": ["research"], "onward": "none", "count": "1"}}
    made = _next_of(theirs, Move.OFFER, {"policy": policy}, "BRA", world.now)
    bra.mover.move(theirs.pid, made, world.now)
    world.settle()
    mine = zaf.store.process(pid)
    assert mine.state == "OFFERED"
    assert begun(zaf.store, "BRA", ABOUT, pair.narrowed()).pid == pid
    zaf.mover.move(pid, _next_of(mine, Move.ACCEPT, {}, "ZAF", world.now), world.now)
    world.settle()
    assert zaf.store.process(pid).state == "FINALIZED"
    kept = found(world)
    assert kept.pid == pid  # this very request came to it, though on other terms
    count = next(c for c in kept.text["permission"][0]["constraint"] if c["leftOperand"] == "count")
    assert count["rightOperand"] == "1"


def test_terms_that_would_open_nothing_are_asked_for_anew_and_not_accepted(tmp_path: Path) -> None:
    """The catalogued terms alone leave onward sharing open, which they forbid to be public: it must be declared."""
    world = two(tmp_path, rule=Rule.COUNTER)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    pid = ask(world)
    mine = zaf.store.process(pid)
    assert mine.state == "OFFERED"
    with pytest.raises(RuleError, match="would open no data"):
        _next_of(mine, Move.ACCEPT, {}, "ZAF", world.now)
    with pytest.raises(RuleError, match="would open no data"):
        _next_of(mine, Move.REQUEST, {"onward": "public"}, "ZAF", world.now)
    anew = _next_of(mine, Move.REQUEST, {"onward": "none", "purpose": ["research"]}, "ZAF", world.now)
    zaf.mover.move(pid, anew, world.now)
    world.settle()
    (theirs,) = bra.store.processes("negotiation")
    assert (theirs.state, theirs.pid in bra.engine.woken) == ("REQUESTED", False)  # it countered once: a person agrees
    bra.mover.move(theirs.pid, Next(Move.AGREE), world.now)
    world.settle()
    assert zaf.store.process(pid).state == "FINALIZED"
    assert found(world).pid == pid


def test_request_that_was_given_up_is_not_covered_by_what_came_after_it(tmp_path: Path) -> None:
    """ZAF declared supervision, was refused it, and asked anew for research: the agreement is about research alone."""
    world = two(tmp_path, rule=Rule.COUNTER)
    bra, zaf = world.stations["BRA"], world.stations["ZAF"]
    pid = ask(world, purpose=["supervision"])
    mine = zaf.store.process(pid)
    zaf.mover.move(pid, _next_of(mine, Move.REQUEST, {"purpose": ["research"]}, "ZAF", world.now), world.now)
    world.settle()
    assert begun(zaf.store, "BRA", ABOUT, pair.narrowed(purpose=["supervision"])) is None
    (theirs,) = bra.store.processes("negotiation")
    bra.mover.move(theirs.pid, Next(Move.AGREE), world.now)
    world.settle()
    assert found(world).pid == pid
    assert found(world, purpose=["supervision"]) is None


def test_either_side_may_end_what_waits(tmp_path: Path) -> None:
    world = two(tmp_path, rule=Rule.MANUAL)
    pid = ask(world)
    (theirs,) = world.stations["BRA"].store.processes("negotiation")
    world.stations["BRA"].mover.move(theirs.pid, Next(Move.TERMINATE, "not this year"), world.now)
    world.settle()
    assert world.stations["ZAF"].store.process(pid).state == "TERMINATED"
    assert begun(world.stations["ZAF"].store, "BRA", ABOUT, pair.narrowed()) is None


# --- The label of a dataset -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "bound", "state"),
    [("GREEN", "AMBER", "FINALIZED"), ("AMBER", "AMBER", "FINALIZED"), ("AMBER+STRICT", "AMBER", "TERMINATED")],
)
def test_label_is_compared_with_the_terms(tmp_path: Path, label: str, bound: str, state: str) -> None:
    terms = from_offer({"permit": "use", "when": {"member": ["ZAF"], "tlp": bound}})
    world = two(tmp_path)
    shelf, zaf = world.stations["BRA"].shelf, world.stations["ZAF"]
    shelf.offered = {pair.DATASET: replace(pair.offered(policy=terms), label=label)}
    asked = {"@id": pair.OFFER, "target": pair.DATASET, **terms}
    pid = zaf.mover.ask("BRA", asked, world.now, facts=ABOUT | {"label": label})
    world.settle()
    assert zaf.store.process(pid).state == state
    if state == "FINALIZED":
        transfer = zaf.mover.request_transfer("BRA", zaf.store.agreements()[0].id, PULL, world.now)
        world.settle()
        assert zaf.store.process(transfer).state == "STARTED"


def test_declared_words_narrow_each_permission() -> None:
    made = narrowed(pair.offered().offer, {"purpose": ["research"], "residency": ["South Africa"]})
    said = {c["leftOperand"].rpartition(":")[2]: c["rightOperand"] for c in made["permission"][0]["constraint"]}
    assert (said["purpose"], said["residency"], said["onward"]) == (["research"], ["ZAF"], "none")
