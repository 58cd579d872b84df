"""A dry run on a trial of the state says what a fold of a whole copy says, and leaves the state as it was."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import council_year
from concordat import canonical
from concordat.council.consultations import Votes
from concordat.council.events import load_all
from concordat.council.fold import Replay, start, take
from concordat.council.state import Council, value_of
from concordat.errors import ConcordatError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event
from concordat.ledger.membership import Point
from concordat.node.council import check
from council_kit import Bloc
from council_world import CHAINS, MOMENTS, Line, World

ACT = st.tuples(
    st.sampled_from(load_all()), st.integers(0, 6), st.integers(-2, 11), st.integers(0, 142),
    st.sampled_from((*(0,) * 20, *range(len(MOMENTS)))), st.sampled_from((*(0,) * 12, 1, 2, 3)),
)  # fmt: skip
PLOTS = st.lists(st.sampled_from(CHAINS) | st.lists(ACT, min_size=1, max_size=6), min_size=1, max_size=6)


def whole(council: Council) -> str:
    """A hash of all that a state holds, made anew from its objects and not from what was hashed before."""
    return canonical.digest(
        {
            "at": [council.at.view, council.at.batch],
            "due": value_of(sorted(council._due)),
            "events": council.events,
            "issued": council.issued,
            "no_effect": value_of(council.no_effect),
            "opinions": {key: _plain(votes) for key, votes in council.opinions.items()},
            "things": {k: {i: value_of(t) for i, t in found.items()} for k, found in council.things.items()},
            "time": council.ledger_time,
        }
    )


def _plain(votes: Votes) -> dict[str, Any]:
    cells = {voter: {str(n): choice for n, choice in row.items()} for voter, row in votes.cells.items()}
    return {"cells": cells, "entries": votes.entries, "host": votes.host, "hosted": votes.hosted}


def on_a_copy(council: Council, event: Event) -> tuple[Council, str]:
    """The other way: everything copied, the entry folded; why it had no effect, if it had none."""
    copied, entry = deepcopy(council), event.entry
    now = max(event.submitted, council.ledger_time)
    asked = Entry(
        leaf=b"", id="0" * 64, author=entry.author, bloc=council.bloc, membership=1, person=entry.person, seq=1,
        prev=FIRST, refs=(), scope="council", ts="", type=entry.type, body=dict(entry.body), keyid="0" * 16,
        signature=b"", payload=b"",
    )  # fmt: skip
    seen = len(copied.no_effect)
    take(copied, Event(asked, council.at, now, now))
    mine = [n.reason for n in copied.no_effect[seen:] if n.entry == asked.id]
    return copied, mine[0] if mine else ""


def compare(council: Council, event: Event) -> bool:
    """Both ways, and the state before and after; whether the entry was refused."""
    before, said = whole(council), ""
    copied, reason = on_a_copy(council, event)
    trial = None
    try:
        trial = check(
            council, event.entry.author, event.entry.type, event.entry.body, event.submitted, event.entry.person
        )
    except ConcordatError as error:
        said = str(error)
    assert whole(council) == before
    assert bool(said) == bool(reason)
    if trial is not None:
        assert (whole(trial), trial.state_hash) == (whole(copied), copied.state_hash)
    elif isinstance(copied.fault, ConcordatError):
        assert copied.fault.what in said
    return bool(said)


def asked(bloc: Bloc, begin: int = 0, every: int = 1) -> list[bool]:
    """A history folded again, and its entries asked beforehand; the asking must not show in the end."""
    replay, found = Replay(start("BRICS", bloc.members)), []
    for n, step in enumerate(bloc.history):
        if n >= begin and n % every == 0:
            found += [compare(replay.council, event) for event in step.events]
        replay.step(step)
    assert replay.council.state_hash == bloc.council.state_hash
    return found


@given(PLOTS)
@settings(max_examples=5)
def test_any_plot(plot: list[Sequence[Line]]) -> None:
    world = World()
    for line in (line for part in plot for line in part):
        world.act(*line)
    asked(world.bloc, every=3)


@pytest.mark.parametrize("n", range(len(CHAINS)))
def test_every_way_that_leads_somewhere(n: int) -> None:
    world = World()
    founding = len(world.bloc.history)
    for line in CHAINS[n]:
        world.act(*line)
    assert not all(asked(world.bloc, begin=founding))


def test_a_whole_year() -> None:
    found = asked(council_year.year(), every=37)
    assert found.count(False) > len(found) / 2


def test_an_object_put_again_is_not_changed_in_the_frozen_state() -> None:
    council = World().bloc.council
    frozen, member = council.frozen(), council.get("member", "BRA")
    council.at = Point(9, 9)
    council.put("member", member)
    assert council.get("member", "BRA").batch == (9, 9)
    assert frozen.get("member", "BRA").batch == (0, 0)
