"""Replay in council order: what waits, what is refused, and one state whatever order the events came in."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from concordat.errors import TrustError
from concordat.ledger import fold
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event, Fold, first_difference, require_equal
from concordat.ledger.membership import Point
from effort import calls
from simulation.keys import NAMES, StubSecret, chain, secret

START: dict[str, Any] = {"count": 0, "last": ""}
EVENTS, REPLICAS = (int(n) for n in os.environ.get("LEDGER_FOLD", "3000x3").split("x"))


def said(state: dict[str, Any], event: Event) -> dict[str, Any]:
    return {"count": state["count"] + 1, "last": event.entry.id}


def entry(author: str, seq: int, prev: str, refs: tuple[str, ...] = (), **changes: Any) -> Entry:
    fields = {
        "author": author, "bloc": "BRICS", "membership": 1, "person": "node", "seq": seq, "prev": prev,
        "scope": "council", "ts": "2030-03-17T17:46:40Z", "type": "Said", "body": {"n": seq}, "refs": sorted(refs),
        "secret": StubSecret(secret(author, "node").public),
    } | changes  # fmt: skip
    return Entry.new(**fields)


def events(n: int, rng: random.Random) -> list[Event]:
    """Events of four authors in council order; some name later ones, and wait for them."""
    made: list[Entry] = []
    last = dict.fromkeys(NAMES[:4], (0, FIRST))
    for _ in range(n):
        author = rng.choice(NAMES[:4])
        seq, prev = last[author]
        refs = {rng.choice(made).id for _ in range(rng.randrange(3))} if made else set()
        made.append(entry(author, seq + 1, prev, tuple(refs)))
        last[author] = (seq + 1, made[-1].id)
    for i in range(0, n - 8, 5):  # the council took some up before what they name
        made[i], made[i + 7] = made[i + 7], made[i]
    return [Event(e, Point(1, 1 + i // 50), 1, 1) for i, e in enumerate(made)]


def replay(ordered: list[Event]) -> Fold:
    it = Fold({"Said": said}, START, chain(4))
    for number in range(1, ordered[-1].point.batch + 1):
        it.batch(Point(1, number), ordered[(number - 1) * 50 : number * 50])
    return it


def delivered(ordered: list[Event], rng: random.Random) -> list[Event]:
    """What a replica makes of events that come in any order, some twice: the council's order again."""
    mail = [*range(len(ordered)), *rng.sample(range(len(ordered)), len(ordered) // 10)]
    rng.shuffle(mail)
    held: dict[int, Event] = {}
    out: list[Event] = []
    for index in mail:
        if index >= len(out):
            held[index] = ordered[index]
        while len(out) in held:
            out.append(held.pop(len(out)))
    return out


def test_replicas_that_got_the_events_in_any_order_come_to_one_state() -> None:
    """Acceptance row 13; LEDGER_FOLD=100000x20 takes 100,000 events and 20 replicas."""
    rng = random.Random(13)
    ordered = events(EVENTS, rng)
    first = replay(ordered)
    assert first.state["count"] + len(first.held) == EVENTS
    assert not first.refused
    for _ in range(REPLICAS - 1):
        require_equal(first.hashes, replay(delivered(ordered, rng)).hashes, "another replica")


def test_an_entry_waits_for_what_it_names_and_doubles_count_once() -> None:
    a = entry("ARE", 1, FIRST)
    b = entry("BRA", 1, FIRST, (a.id,))
    c = entry("CHN", 1, FIRST, (b.id,))
    it = Fold({"Said": said}, START)
    it.batch(Point(1, 1), [Event(x, Point(1, 1), 1, 1) for x in (c, b, b)])
    assert (it.held, it.state["count"]) == ([c.id, b.id], 0)
    it.batch(Point(1, 2), [Event(x, Point(1, 2), 1, 1) for x in (a, a)])
    assert (it.held, it.applied) == ([], [a.id, b.id, c.id])


def test_unknown_types_change_nothing_and_wrong_keys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Fold({"Said": said}, START, chain(4))
    it.batch(Point(1, 1), [Event(entry("ARE", 1, FIRST, type="Other"), Point(1, 1), 1, 1)])
    assert it.state == START
    stranger = entry("ARE", 1, FIRST, secret=StubSecret(secret("ZAF", "node").public))
    it.batch(Point(1, 2), [Event(stranger, Point(1, 2), 1, 1)])
    assert it.refused[0][0] == stranger.id


def numbered(author: str, seq: int, *refs: str) -> Entry:
    return entry(author, seq, FIRST if seq == 1 else "1" * 64, refs)


def batch(it: Fold, number: int, *said: Entry) -> None:
    it.batch(Point(1, number), [Event(e, Point(1, number), 1, 1) for e in said])


def test_who_names_the_unknown_too_often_is_refused_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "HELD_MAX_EACH", 2)
    monkeypatch.setattr(fold, "HELD_MAX", 3)
    it = Fold({"Said": said}, START)
    waiting = [numbered("ARE", n, f"{n:064x}") for n in range(1, 4)]
    batch(it, 1, *waiting)
    assert it.held == [waiting[0].id, waiting[1].id]
    assert it.refused == [(waiting[2].id, "2 entries of ARE wait for what they name already.")]
    others = [numbered("BRA", 1, "f" * 64), numbered("BRA", 2, "f" * 64), numbered("BRA", 3)]
    batch(it, 2, *others)
    assert it.refused[1] == (others[1].id, "3 entries wait for what they name already.")
    assert it.applied == [others[2].id]
    batch(it, 3, waiting[2])  # a refused entry that comes again stays refused
    assert len(it.refused) == 2
    assert waiting[2].id not in it.held


def test_a_place_is_free_again_once_an_entry_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "HELD_MAX_EACH", 1)
    it = Fold({"Said": said}, START)
    first = entry("BRA", 1, FIRST)
    one, two = numbered("ARE", 1, first.id), numbered("ARE", 2, "f" * 64)
    batch(it, 1, one, first, two)
    assert (it.applied, it.held, it.refused) == ([first.id, one.id], [two.id], [])


def test_what_names_a_refused_entry_waits_no_longer() -> None:
    it = Fold({"Said": said}, START, chain(4))
    stranger = entry("ARE", 1, FIRST, secret=StubSecret(secret("ZAF", "node").public))
    names_it = entry("BRA", 1, FIRST, (stranger.id,))
    batch(it, 1, names_it, stranger)
    assert (it.held, it.applied) == ([], [names_it.id])


def by_looking_again(ordered: list[Entry]) -> list[str]:
    """The order that counts, by a second method: after each entry, look through all that wait from the first on."""
    known: set[str] = set()
    waiting: list[Entry] = []
    taken: list[str] = []
    for one in ordered:
        waiting.append(one)
        while (ready := next((w for w in waiting if known.issuperset(w.refs)), None)) is not None:
            waiting.remove(ready)
            known.add(ready.id)
            taken.append(ready.id)
    return taken


@pytest.mark.parametrize("seed", range(20))
def test_what_waits_is_taken_first_come_first(seed: int) -> None:
    rng = random.Random(seed)
    made: list[Entry] = []
    for n in range(60):
        refs = {one.id for one in rng.sample(made, min(len(made), rng.randrange(4)))}
        made.append(numbered(rng.choice(NAMES[:4]), n + 1, *refs))
    rng.shuffle(made)
    it = Fold({"Said": said}, START)
    batch(it, 1, *made)
    assert it.applied == by_looking_again(made)
    assert it.held == []


def test_ten_thousand_entries_that_wait_cost_little_and_are_released_in_one_go() -> None:
    first = entry("ARE", 1, FIRST)
    authors = [f"M{n:02}" for n in range(10)]
    waiting = [numbered(authors[n % 10], n + 1, first.id) for n in range(10_000)]
    it = Fold({}, START)
    assert calls(lambda: batch(it, 1, *waiting, first)) < 1_000_000  # looked through again, 10,000 squared
    assert it.applied == [first.id, *(w.id for w in waiting)]


@pytest.mark.parametrize("at", [0, 3, 9])
def test_the_first_batch_that_differs_is_found(at: int) -> None:
    mine = [(Point(1, i), f"{i}") for i in range(10)]
    theirs = [(p, h if i < at else "x") for i, (p, h) in enumerate(mine)]
    assert first_difference(mine, theirs) == Point(1, at)
    with pytest.raises(TrustError, match=f"differ from view 1, batch {at} on"):
        require_equal(mine, theirs, "BRA")
    assert first_difference(mine, mine[:4]) is None
