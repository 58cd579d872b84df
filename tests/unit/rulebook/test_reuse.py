"""Whose text spreads: runs of eight words, the earliest owner, ties, other scripts, short and undated texts."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.rulebook.reuse import Text, reuse_network, shingles, texts_of
from rulebook_build import instrument, store_of

TEN = "each party shall allow the transfer of information by means"  # three runs of eight


def test_the_earliest_signed_owns_a_run_and_later_ones_reuse_it() -> None:
    found = reuse_network([Text("c", 3, TEN), Text("a", 1, TEN), Text("b", 2, TEN + " electronic")])
    assert [(e.source, e.target, e.share) for e in found.edges] == [("a", "c", 1.0), ("a", "b", pytest.approx(3 / 4))]
    assert found.ids == ("a", "b", "c")
    assert found.novelty == {"a": 1.0, "b": pytest.approx(1 / 4), "c": 0.0}
    assert found.out_strength == {"a": pytest.approx(1.75), "b": 0.0, "c": 0.0}


def test_ties_of_a_day_are_split_evenly() -> None:
    found = reuse_network([Text("a", 1, TEN), Text("b", 1, TEN), Text("c", 5, TEN)])
    shares = {(e.source, e.target): e.share for e in found.edges}
    assert shares == {("a", "b"): 0.5, ("b", "a"): 0.5, ("a", "c"): 0.5, ("b", "c"): 0.5}
    assert found.novelty == {"a": 0.5, "b": 0.5, "c": 0.0}


def test_case_digits_and_marks_make_no_difference() -> None:
    other = "EACH Party shall, (1) allow the transfer of 25 information: by means"
    assert shingles(TEN).tolist() == shingles(other).tolist()
    assert len(shingles(TEN)) == 3
    assert len(shingles("word " * 30)) == 1  # the same run again counts once
    assert shingles(TEN).tolist() != shingles(" ".join(reversed(TEN.split()))).tolist()


def test_short_texts_have_no_novelty_and_small_shares_no_edge() -> None:
    long = " ".join(f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(108))  # 101 runs
    found = reuse_network([Text("a", 1, " ".join(long.split()[:8])), Text("b", 2, long), Text("s", 3, "too short")])
    assert found.novelty["s"] is None
    assert found.share[0, 1] == pytest.approx(1 / 101)
    assert found.edges == ()
    assert found.out_strength["a"] == 0.0
    assert reuse_network([]).edges == ()


def test_chinese_is_counted_by_characters() -> None:
    assert len(shingles("缔约方应当允许跨境传输信息")) == 13 - 7


def test_an_instrument_stands_once() -> None:
    with pytest.raises(InputError, match="stands twice"):
        reuse_network([Text("a", 1, TEN), Text("a", 2, TEN)])


def test_texts_of_a_store_come_with_their_day_and_the_undated_are_told() -> None:
    signed = '    signed: "2009-03"'
    text = instrument("x", "BRA", more=signed) + instrument("y", "BRA", in_force="") + instrument("z", "BRA")
    articles = [("1", TEN), ("2", "Another article.")]
    with store_of(text, {"x": articles, "y": articles}) as store:
        texts, undated = texts_of(store)
    assert [(t.id, t.text) for t in texts] == [("x", f"{TEN}\nAnother article.")]
    assert texts[0].signed == 733467  # 1 March 2009, in days from the first of January of year 1
    assert undated == ("y",)
