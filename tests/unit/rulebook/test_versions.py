"""A new version of a text: which units changed, what becomes of people's decisions, and of the bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concordat.rulebook._past import difference
from concordat.rulebook.model import Coding, ParsedInstrument, Source, Unit
from concordat.rulebook.review import agreement, override, queue
from concordat.rulebook.store import RuleStore
from rulebook_build import coding, instrument, store_of, unit

A, B, C = (unit("x", "1", "Data may move."), unit("x", "2", "No spam.", 1), unit("x", "2", "Less spam.", 1))


def put(store: RuleStore, raw: bytes, *units: Unit) -> object:
    return store.put_text(ParsedInstrument("x", "x", "en", units), raw)


def decided(store: RuleStore) -> tuple[Coding, Coding, Coding]:
    """Two units, each coded by a model; ann and bob decided on the second."""
    put(store, b"one", A, B)
    model = coding("x/2", "EC-SPAM")
    store.add_codings([coding("x/1", "DF-FLOW"), model])
    said = [
        override(store, model.id, provision="EC-SPAM", depth=d, coder=c, reason="r", on="2026-01-02")[0]
        for c, d in (("ann", 1), ("bob", 2))
    ]
    return model, said[0], said[1]


def test_decisions_on_words_that_changed_are_kept_in_the_history_and_named() -> None:
    with store_of(instrument("x", "BRA")) as store:
        model, ann, bob = decided(store)
        change = put(store, b"two", A, C)
        assert (change.changed, change.lapsed, change.replaced) == (("x/2",), (ann, bob), True)
        assert [c.unit for c in store.codings("x")] == ["x/1"]
        assert store.past_codings("x") == (model, ann, bob)
        assert store.codings("x", history=True)[:3] == (model, ann, bob)
        assert store.codings(unit="x/2", history=True) == (model, ann, bob)
        assert (queue(store), agreement(store)) == ((), ())  # what no longer stands is not counted
        gone = put(store, b"three", A)
        assert (gone.gone, gone.lapsed) == (("x/2",), ())
        assert store.past_codings("x") == (model, ann, bob)


def test_decisions_stand_again_when_their_words_do() -> None:
    with store_of(instrument("x", "BRA")) as store:
        _, ann, bob = decided(store)
        put(store, b"two", A, C)
        back = put(store, b"one", A, B)
        assert back.revived == (ann, bob)
        assert store.past_codings("x") == ()
        assert [(c.unit, c.coder, c.state) for c in store.codings("x")][1] == ("x/2", "bob", "disputed")


def test_superseded_decisions_are_kept_and_not_named() -> None:
    with store_of(instrument("x", "BRA")) as store:
        model, ann, bob = decided(store)
        later, _ = override(store, model.id, provision="EC-SPAM", depth=2, coder="ann", reason="r", on="2026-01-03")
        assert put(store, b"two", A).lapsed == (bob, later)
        assert store.past_codings("x") == (model, ann, bob, later)


@pytest.mark.parametrize(
    "change", [{"heading": "Spam"}, {"number": "2bis"}, {"lang": "es"}, {"kind": "annex"}, {"parent": "x/1"}]
)
def test_equal_words_in_another_place_count_as_changed_and_decisions_on_them_stand(change: dict[str, str]) -> None:
    new = replace(B, **change)
    with store_of(instrument("x", "BRA")) as store:
        decided(store)
        store.add_codings([coding("x/2", "DF-FLOW")])
        told = put(store, b"two", A, new)
        assert (told.changed, told.lapsed) == (("x/2",), ())
        assert store.unit("x/2") == new
        # The model saw the heading, too; people decided on the words.
        assert [(c.unit, c.provision, c.method) for c in store.codings("x")] == [
            ("x/1", "DF-FLOW", "model"),
            ("x/2", "EC-SPAM", "human"),
        ]
    assert (
        difference({"x/2": B}, [replace(B, order=7, alternative_id="e", source=Source("0" * 64, 3, 9))]).changed == ()
    )


def test_other_bytes_with_the_same_units_take_the_place_of_those_before() -> None:
    with store_of(instrument("x", "BRA")) as store:
        decided(store)
        moved = replace(A, source=Source("1" * 64, 5, 19))
        change = put(store, b"one ", moved, B)
        assert (change.added, change.gone, change.changed, change.replaced) == ((), (), (), True)
        assert store.raw("x") == b"one "
        assert store.unit("x/1") == moved
        assert len(store.codings("x")) == 2
        assert not put(store, b"one ", moved, B).replaced
