"""What people decided holds: against other models, beside other people, and wherever codings are counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook.compare import _probabilities, clauses, compare
from concordat.rulebook.model import Coding
from concordat.rulebook.review import agreement, override, queue
from concordat.rulebook.search import search
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy
from rulebook_build import coding, instrument, store_of

FLOW = "Each Party shall allow the cross-border transfer of information by electronic means."
PAPER = "The Parties shall endeavour to make trade administration documents available in electronic form."


@pytest.fixture
def store() -> Iterator[RuleStore]:
    text = instrument("x", "BRA, SGP") + instrument("y", "BRA, SGP")
    with store_of(text, {"x": [("1", FLOW), ("2", PAPER)], "y": [("1", FLOW)]}) as made:
        made.add_codings([coding("x/1", "DF-FLOW"), coding("x/2", "EC-PAPL", 1), coding("y/1", "DF-FLOW")])
        yield made


def say(store: RuleStore, on: Coding | str, provision: str, depth: int | None, coder: str = "ann") -> Coding:
    name = on if isinstance(on, str) else on.id
    return override(store, name, provision=provision, depth=depth, coder=coder, reason="r", on="2026-01-02")[0]


def found(store: RuleStore, unit: str) -> list[tuple[str, int | None, str, str]]:
    return [(c.provision, c.depth, c.coder, c.state) for c in store.codings(unit=unit)]


def test_what_a_person_rejected_stays_rejected_whatever_another_model_says(store: RuleStore) -> None:
    made, payload = override(
        store, "x/2:EC-PAPL", provision="SC-CODE", depth=2, coder="ann", reason="r", on="2026-01-02"
    )
    assert (payload["provision"], payload["rejects"]) == ("SC-CODE", "EC-PAPL")
    expected = [("EC-PAPL", 0, "ann", "auto"), ("SC-CODE", 2, "ann", "auto")]
    assert found(store, "x/2") == expected
    store.drop_codings("x", ("model",))
    store.add_codings(
        [coding("x/2", "EC-PAPL", 1, coder="lexicon", method="lexicon"), coding("x/2", "SC-CODE", 1, n=9)]
    )
    assert found(store, "x/2") == expected
    assert made.supersedes == "x/2:EC-PAPL:model:shipped:0"


def test_a_rejection_holds_for_the_parts_of_an_article() -> None:
    whole, part = coding("x/2", "EC-PAPL", 0, method="human", coder="ann"), coding("x/2/1", "EC-PAPL", 1)
    from concordat.rulebook.store import current

    assert current([part, whole]) == (whole,)
    assert current([part, coding("x/2", "EC-PAPL", 1)]) != (whole,)


def test_a_second_coder_stands_beside_the_first_and_may_decide_on_either(store: RuleStore) -> None:
    ann = say(store, "x/1:DF-FLOW", "DF-FLOW", 2)
    bob = say(store, "x/1:DF-FLOW", "DF-FLOW", 1, "bob")  # the model's coding, which ann has superseded
    assert found(store, "x/1") == [("DF-FLOW", 1, "bob", "disputed")]
    (waiting,) = (q for q in queue(store, "x") if q.coding.unit == "x/1")
    assert waiting.said == (ann, bob)
    cleo = say(store, ann, "DF-FLOW", 2, "cleo")  # ann's coding; she supersedes the model's, not ann's
    assert cleo.supersedes == bob.supersedes == ann.supersedes == "x/1:DF-FLOW:model:shipped:0"
    assert len(store.codings(unit="x/1", history=True)) == 4
    say(store, cleo, "DF-FLOW", 2, "bob")
    assert found(store, "x/1") == [("DF-FLOW", 2, "bob", "auto")]


def test_a_provision_in_dispute_is_shown_by_the_coding_that_has_it(store: RuleStore) -> None:
    say(store, "x/1:DF-FLOW", "DF-FLOW", 2)
    say(store, "x/1:DF-FLOW", "OTHER", None, "bob")
    assert found(store, "x/1") == [("DF-FLOW", 2, "ann", "disputed")]


def test_two_who_see_different_provisions_are_in_dispute(store: RuleStore) -> None:
    say(store, "x/1:DF-FLOW", "DF-LOCA", 2)
    say(store, "x/1:DF-FLOW", "SC-CODE", 2, "bob")
    states = {(p, c): s for p, _, c, s in found(store, "x/1") if p != "DF-FLOW"}
    assert states == {("DF-LOCA", "ann"): "disputed", ("SC-CODE", "bob"): "disputed"}
    assert {q.coding.provision for q in queue(store, "x")} == {"DF-LOCA", "SC-CODE"}


def test_who_changes_her_mind_leaves_one_word(store: RuleStore) -> None:
    first = say(store, "x/1:DF-FLOW", "SC-CODE", 2)
    say(store, "x/1:DF-FLOW", "DF-LOCA", 2)  # again of the model's coding
    assert found(store, "x/1") == [("DF-FLOW", 0, "ann", "auto"), ("DF-LOCA", 2, "ann", "auto")]
    say(store, "x/1:DF-FLOW", "SC-CODE", 2)
    assert found(store, "x/1") == [("DF-FLOW", 0, "ann", "auto"), ("SC-CODE", 2, "ann", "auto")]
    say(store, first, "DF-FLOW", 1)
    assert ("DF-FLOW", 1, "ann", "auto") in found(store, "x/1")
    assert ("SC-CODE", 2, "ann", "auto") not in found(store, "x/1")


def test_kappa_of_what_two_coded_alike(store: RuleStore) -> None:
    assert agreement(store) == ()
    for place, ann, bob in (("x/1:DF-FLOW", 2, 2), ("x/2:EC-PAPL", 1, 0), ("y/1:DF-FLOW", 2, 2)):
        say(store, place, place[4:], ann)
        say(store, place, place[4:], bob, "bob")
    (two,) = agreement(store)
    assert (two.a, two.b, two.n, two.same) == ("ann", "bob", 3, 2)
    # By hand: 2 of 3 alike; by chance 2/3 * 2/3 (ann never says OTHER, bob never EC-PAPL).
    assert two.kappa == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert [g.n for g in agreement(store, "y")] == [1]
    assert agreement(store, "y")[0].kappa is None  # one code alone


@pytest.mark.parametrize("verdict", [("OTHER", None), ("DF-FLOW", 0), ("SC-CODE", 2)])
def test_what_is_rejected_counts_nowhere(store: RuleStore, verdict: tuple[str, int | None]) -> None:
    say(store, "x/1:DF-FLOW", *verdict)
    both = compare(store, ["x", "y"])
    assert [c is not None for c in both.cells["DF-FLOW"]] == [False, True]
    assert both.uncoded == ()
    book = load_taxonomy()
    column = list(book.codes).index("DF-FLOW")
    assert _probabilities(store, "x", store.units("x"), book)[:, column].tolist() == [0.0, 0.0]
    assert [f.members for f in clauses(store, "DF-FLOW")] == [("y/1",)]
    hits = {h.unit.id: h for h in search(store, "cross-border data flows").hits}
    assert hits["y/1"].provisions > 0
    assert hits["x/1"].provisions == 0
    assert all(c.provision != "DF-FLOW" for c in hits["x/1"].codings)
    say(store, "y/1:DF-FLOW", "OTHER", None)
    with pytest.raises(MethodError, match="no loaded text"):
        clauses(store, "DF-FLOW")


def test_a_depth_that_was_not_there_is_asked_for(store: RuleStore) -> None:
    store.add_codings([Coding("s", "x/1", "EC-DEFI", None, {}, 0.5, None, "model", "v", "shipped", "2026-01-01")])
    with pytest.raises(InputError, match="Give --depth"):
        say(store, "s", "DF-LOCA", None)
    assert say(store, "s", "DF-LOCA", 2).depth == 2
    assert say(store, "s", "EC-SCOP", None).depth is None  # from structure to structure
    with pytest.raises(InputError, match="EC-SCOP has no depth"):
        say(store, "s", "EC-SCOP", 2)
    no = say(store, "x/2:EC-PAPL", "OTHER", None)
    with pytest.raises(InputError, match="Give --depth"):  # the depth of a rejection is none to keep
        say(store, no, "EC-PAPL", None, "bob")
