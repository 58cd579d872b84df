"""What always holds of the coder: sums, quotations, and that one article's code doesn't hang on another's."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.rulebook.coder import Coder, features, fewshot
from concordat.rulebook.coder.lexicon import Lexicon
from concordat.rulebook.exemplars import load_exemplars
from concordat.rulebook.model import Source, Unit

CLAUSES = [c for c in load_exemplars() if c.lang in ("en", "es", "zh")]
PATTERNS = ["data flows?", "(cross|trans)-?border", r"\bsource codes?\b", "e-?mail.{0,20}consent", "[ab]c", "x?y"]


@cache
def coder() -> Coder:
    return Coder.load("shipped", use_minilm=False)


def unit(at: int, text: str, lang: str) -> Unit:
    return Unit(
        f"x/{at}", "x", "article", "", "", text, lang, at, "", hashlib.sha256(text.encode()).hexdigest(), Source("")
    )


texts = st.one_of(st.sampled_from([c.text for c in CLAUSES]), st.text(max_size=200))


@settings(max_examples=40)
@given(st.lists(st.tuples(texts, st.sampled_from(["en", "es", "zh", "de"])), min_size=1, max_size=5))
def test_probabilities_sum_to_one(rows: list[tuple[str, str]]) -> None:
    p = coder().probabilities([t for t, _ in rows], [lang for _, lang in rows])
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-9)
    assert (p >= 0).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(texts, st.sampled_from(["en", "es", "zh"])), min_size=1, max_size=5))
def test_spans_lie_in_their_text_and_a_further_article_changes_nothing(rows: list[tuple[str, str]]) -> None:
    units = [unit(at, text, lang) for at, (text, lang) in enumerate(rows)]
    before = coder().code(units, coded_on="2026-11-25")
    for coding in before:
        text = units[int(coding.unit[2:])].text
        assert coding.span is not None
        start, end = coding.span
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
    after = coder().code([*units, unit(99, CLAUSES[0].text, "en")], coded_on="2026-11-25")
    assert [c for c in after if c.unit != "x/99"] == list(before)


@given(st.lists(st.text(alphabet="abcdefilmnorstuwxy- ", max_size=60), max_size=4), st.sampled_from(PATTERNS))
def test_asking_for_letters_first_loses_no_hit(sentences: list[str], pattern: str) -> None:
    sentences = [*sentences, "cross-border data flow", "email with consent", "a source code"]
    terms = SimpleNamespace(must=(re.compile(pattern),), any=(), veto=())
    expected = 2 * sum(bool(re.search(pattern, s)) for s in sentences)
    assert Lexicon({"A": terms}).score(sentences).get("A", 0) == min(3, expected)


def test_no_packaged_pattern_loses_a_hit_in_our_own_clauses() -> None:
    for clause in load_exemplars()[::9]:
        text = features.prepare([clause.text], [clause.lang])[0]
        table = features.lexicons()[clause.lang]
        sentences = [features.fold(text.text[a:b]) for a, b in text.places]
        tried = {hit.pattern for hit in table.hits(sentences)}
        for at, entry in enumerate(table._entries):
            found = [s for s in sentences if any(m.end() - m.start() <= 200 for m in entry.pattern.finditer(s))]
            if entry.weight and found and at not in tried:
                vetoes = [e.pattern for e in table._entries if e.key == entry.key and not e.weight]
                assert all(any(v.search(s) for v in vetoes) for s in found), entry.pattern.pattern


@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 2**31))
def test_blending_few_shot_keeps_probabilities(rows: int, columns: int, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    p = rng.dirichlet(np.ones(columns), rows)
    blended = fewshot.blend(p, rng.random((rows, columns)), rng.random((rows, columns)) > 0.5)
    np.testing.assert_allclose(blended.sum(axis=1), 1.0)
    assert (blended.max(axis=1) >= 0).all()
