"""What a person should look at first, and what her word does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook.review import entropy, kappa, override, queue
from rulebook_build import coding, instrument, store_of


def test_the_queue_takes_critical_topics_then_doubt_times_pairs() -> None:
    text = instrument("few", "BRA, SGP") + instrument("many", "BRA, SGP, CHL, KOR")
    texts = {"few": [("1", "a"), ("2", "b"), ("3", "c")], "many": [("1", "d")]}
    with store_of(text, texts) as store:
        store.add_codings(
            replace(coding(u, p, probability=x), state=s)
            for u, p, x, s in (
                ("few/1", "EC-SPAM", 0.5, "review"),
                ("many/1", "EC-CONS", 0.6, "review"),
                ("few/2", "DF-FLOW", 0.64, "review"),
                ("few/3", "TE-ACCS", 0.99, "auto"),
            )
        )
        found = queue(store)
        assert [q.coding.unit for q in queue(store, "few")] == ["few/2", "few/1"]
    assert [(q.coding.unit, q.pairs) for q in found] == [("few/2", 1), ("many/1", 6), ("few/1", 1)]


def test_an_override_supersedes_and_another_coder_disputes() -> None:
    with store_of(instrument("x", "BRA, SGP"), {"x": [("1", "Data may move.")]}) as store:
        model = coding("x/1", "DF-FLOW", 2)
        store.add_codings([model])
        ana, payload = override(
            store, model.id, provision="DF-FLOW", depth=1, coder="ana", reason="may", on="2026-01-01"
        )
        assert store.codings("x") == (ana,)
        assert payload["unit_sha256"] == store.unit("x/1").sha256
        assert payload["supersedes"] == model.id
        other, _ = override(store, ana.id, provision="OTHER", depth=None, coder="bob", reason="no", on="2026-01-02")
        assert store.codings("x") == (replace(ana, state="disputed"),)  # what is in dispute is not gone
        assert (other.provision, other.depth) == ("DF-FLOW", 0)  # whose absence it states
        assert other.supersedes == model.id
        assert len(store.codings("x", history=True)) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"provision": "DF-FLOWS"}, "did you mean DF-FLOW"),
        ({"depth": 3}, "depth 3"),
        ({"coder": " "}, "name and a reason"),
        ({"reason": ""}, "name and a reason"),
    ],
)
def test_a_decision_that_is_none(changes: dict[str, object], words: str) -> None:
    with store_of(instrument("x", "BRA, SGP"), {"x": [("1", "Data may move.")]}) as store:
        store.add_codings([coding("x/1", "DF-FLOW", 2)])
        given = {"provision": "DF-FLOW", "depth": 1, "coder": "ana", "reason": "r", "on": "2026-01-01", **changes}
        with pytest.raises(InputError, match=words):
            override(store, "x/1:DF", **given)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no coding"):
            override(store, "y", **{**given, "provision": "DF-FLOW"})  # type: ignore[arg-type]


def test_agreement_beyond_chance() -> None:
    # Two judges, three kinds, by hand: agreement 0.29, by chance 0.35.
    table = [[25, 13, 12], [12, 2, 16], [3, 15, 2]]
    pairs = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    one, two = ([str(p[side]) for p in pairs] for side in (0, 1))
    agreed = (25 + 2 + 2) / 100
    chance = 0.5 * 0.4 + 0.3 * 0.3 + 0.2 * 0.3
    assert kappa(one, two) == pytest.approx((agreed - chance) / (1 - chance))
    with pytest.raises(MethodError, match="not defined"):
        kappa(["a", "a"], ["a", "a"])
    with pytest.raises(MethodError, match="not defined"):
        kappa([], [])


def test_doubt() -> None:
    assert (entropy(0.5), entropy(None), entropy(1.0), entropy(0.0)) == (1.0, 1.0, 0.0, 0.0)
