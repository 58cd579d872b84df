"""Articles that answer to each other, words that differ, families of drafting."""

from __future__ import annotations

import difflib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import InputError, MethodError
from concordat.rulebook.align import TOKENS_MAX, align, similarity, word_diff
from concordat.rulebook.compare import clauses, compare
from rulebook_build import coding, instrument, store_of, unit

DATA = "Each Party shall allow the transfer of information across borders by electronic means for business."
SPAM = "Each Party shall adopt measures against unsolicited commercial electronic messages sent to consumers."
CODE = "No Party shall require access to source code of software owned by a person of another Party."


def side(name: str, *texts: str):  # type: ignore[no-untyped-def]
    return [unit(name, str(n + 1), text, n) for n, text in enumerate(texts)]


def test_articles_are_paired_one_to_one_and_what_is_left_is_told() -> None:
    a, b = side("a", DATA, SPAM, CODE), side("b", "The weather is fine today.", SPAM, DATA.replace("shall", "must"))
    found = align(a, b, similarity(a, b))
    assert [(p.a, p.b) for p in found.pairs] == [("a/1", "b/3"), ("a/2", "b/2")]
    assert (found.only_a, found.only_b) == (("a/3",), ("b/1",))
    assert found.pairs[1].score == pytest.approx(1.0)


def test_an_article_that_was_split_is_linked_twice() -> None:
    a, b = side("a", DATA), side("b", DATA, DATA + " It may.")
    found = align(a, b, similarity(a, b))
    assert [(p.a, p.b) for p in found.pairs] == [("a/1", "b/1")]
    assert [(p.a, p.b) for p in found.links] == [("a/1", "b/2")]


def test_provisions_and_chapters_decide_where_words_do_not() -> None:
    a, b = side("a", "alpha beta"), side("b", "gamma delta", "epsilon zeta")
    p = (np.array([[0.9, 0.0]]), np.array([[0.0, 0.9], [0.9, 0.0]]))
    score = similarity(a, b, provisions=p, chapters={"a/1": "Digital Trade", "b/2": "digital  trade", "b/1": "Goods"})
    # weights 0.4 and 0.3 of 0.7: 3/7 of 0.81, and 0.05 for the chapter
    assert score.tolist() == [[0.0, pytest.approx(0.3 / 0.7 * 0.81 + 0.05)]]


def test_a_paragraph_that_moved_is_found_in_its_new_article() -> None:
    long = "A Party may take measures that are needed to protect the essential interests of its security."
    a, b = side("a", DATA + " " + long, SPAM), side("b", DATA, SPAM + " " + long)
    parts = ([unit("a", "1/2", long, 9, parent="a/1")], [unit("b", "2/2", long, 9, parent="b/2")])
    found = align(a, b, similarity(a, b), parts)
    assert [(p.a, p.b) for p in found.moved] == [("a/1/2", "b/2/2")]


WORDS = st.lists(st.sampled_from("abcd"), max_size=14)


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS)
def test_a_difference_gives_both_sides_back_and_keeps_as_much_as_can_be(a: list[str], b: list[str]) -> None:
    runs = word_diff(a, b)
    assert [w for k, run in runs if k != "new" for w in run] == a
    assert [w for k, run in runs if k != "gone" for w in run] == b
    kept = sum(len(run) for k, run in runs if k == "same")
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # the textbook's table
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert kept == table[-1][-1]
    assert kept >= sum(m.size for m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())


def test_a_comparison_of_too_many_words_is_refused() -> None:
    with pytest.raises(MethodError, match="more than a comparison holds"):
        word_diff(["a"] * (TOKENS_MAX + 1), ["a"])


def test_agreements_side_by_side() -> None:
    text = instrument("a", "BRA") + instrument("b", "BRA", binding="soft", in_force="", more='    adopted: "2019"')
    text += instrument("c", "BRA")
    with store_of(text, {"a": [("1", DATA), ("2", SPAM)], "b": [("1", DATA), ("2", CODE)]}) as store:
        store.add_codings(
            [coding("a/1", "DF-FLOW"), coding("a/2", "EC-SPAM", 1, probability=0.5), coding("b/1", "DF-FLOW"),
             coding("b/2", "SC-CODE")]
        )  # fmt: skip
        found = compare(store, ["a", "b", "c"])
        assert compare(store, ["a", "b"], topic="SC").cells.keys() == {"SC-CODE"}
        with pytest.raises(InputError, match="two or more different"):
            compare(store, ["a", "a"])
        with pytest.raises(InputError, match="not an instrument"):
            compare(store, ["a", "nothing"])
    assert found.uncoded == ("c",)
    cells = {
        code: [None if c is None else (c.depth, c.ordinal, c.unit) for c in row] for code, row in found.cells.items()
    }
    assert cells == {
        "DF-FLOW": [(2, 3, "a/1"), (1, 1, "b/1"), None],
        "EC-SPAM": [(1, 1, "a/2"), None, None],
        "SC-CODE": [None, (1, 1, "b/2"), None],
    }
    assert found.differences() == {"DF-FLOW": -2, "EC-SPAM": -1, "SC-CODE": 1}
    assert found.stability == pytest.approx(3 / 4)
    assert found.alignment is not None
    assert [(p.a, p.b) for p in found.alignment.pairs] == [("a/1", "b/1")]


def test_clauses_of_one_drafting_are_a_family_with_their_first_user() -> None:
    text = instrument("old", "BRA", more='    signed: "2001"') + instrument("new", "BRA", more='    signed: "2009-05"')
    text += instrument("own", "BRA", more='    signed: "2009-07"')
    other = "Data may cross frontiers freely, and nobody need ask leave of an authority before sending them."
    texts = {"old": [("1", DATA)], "new": [("4", DATA.replace("shall", "must"))], "own": [("2", other)]}
    with store_of(text, texts) as store:
        store.add_codings([coding(u, "DF-FLOW") for u in ("old/1", "new/4", "own/2")])
        found = clauses(store, "DF-FLOW")
        with pytest.raises(MethodError, match="no loaded text is coded EC-SPAM"):
            clauses(store, "EC-SPAM")
    assert [(f.first, f.members) for f in found] == [("old/1", ("old/1", "new/4")), ("own/2", ("own/2",))]
