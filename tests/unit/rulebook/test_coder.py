"""The coder: terms, vectors, probabilities, context, band, spans, and codings of an instrument's units."""

from __future__ import annotations

import hashlib
import re
from types import SimpleNamespace

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook.coder import Coder, Labelled, calibrate, context, fewshot, logistic, spans, tfidf
from concordat.rulebook.coder.lexicon import Lexicon, needed
from concordat.rulebook.evaluate import families
from concordat.rulebook.exemplars import load_exemplars, parse_exemplars
from concordat.rulebook.model import Source, Unit
from concordat.rulebook.taxonomy import load_taxonomy

ON = "2026-11-25"


def unit(name: str, text: str, *, kind: str = "article", parent: str = "", lang: str = "en", heading: str = "") -> Unit:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Unit(name, "x", kind, "", heading, text, lang, 0, parent, digest, Source(""))


def terms(must: str = "", some: str = "", veto: str = "") -> SimpleNamespace:
    made = [(re.compile(p),) if p else () for p in (must, some, veto)]
    return SimpleNamespace(must=made[0], any=made[1], veto=made[2])


# --- Lexicon ---


def test_must_counts_two_any_one_and_the_sum_is_capped_at_three() -> None:
    table = Lexicon({"A": terms("data flow", "border"), "B": terms("", "border")})
    assert table.score(("data flow over a border",)) == {"A": 3, "B": 1}
    assert table.score(("data flow", "data flow", "data flow")) == {"A": 3}
    assert table.score(("nothing",)) == {}
    assert table.score(()) == {}


def test_a_veto_takes_away_its_own_sentence_only() -> None:
    table = Lexicon({"A": terms("data flow", "", "bank")})
    assert table.score(("data flow of a bank",)) == {}
    assert table.score(("data flow of a bank", "another data flow")) == {"A": 2}


def test_a_hit_longer_than_the_window_does_not_count() -> None:
    pattern = terms("a.{0,300}z")
    assert Lexicon({"A": pattern}).score(("a" + "b" * 190 + "z",)) == {"A": 2}
    assert Lexicon({"A": pattern}).score(("a" + "b" * 250 + "z",)) == {}


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("source code", {"source code"}),
        ("(de)?crypt", {"crypt", "decrypt"}),
        (r"\bdata\b.{0,40}\bflow", {"data"}),
        (r"\w+", set()),
        ("(spam|x?)", set()),
        ("colou?r", {"color", "colour"}),
    ],
)
def test_what_a_pattern_needs(pattern: str, literals: set[str]) -> None:
    found = needed(pattern)
    assert found == literals or (literals == {"data"} and found in ({"data"}, {"flow"}))


# --- Vectors and probabilities ---


def test_words_in_fewer_texts_than_asked_are_unknown() -> None:
    vectoriser, rows = tfidf.fit_transform(["alpha beta", "alpha gamma"], tfidf.words(1, 1), df_min=2)
    assert list(vectoriser.vocabulary) == ["alpha"]
    assert rows.toarray().tolist() == [[1.0], [1.0]]
    assert vectoriser.transform(["delta"]).toarray().tolist() == [[0.0]]


def test_digits_are_one_sign_and_chinese_is_cut_into_characters() -> None:
    assert tfidf.words(1, 1)("Article 12 and 45") == ["article", "00", "and", "00"]
    assert tfidf.characters(2, 2)("数据 流动") == ["数据", "据流", "流动"]
    assert tfidf.letters(3, 3)("ab") == [" ab", "ab "]


def test_one_class_cannot_be_fitted() -> None:
    with pytest.raises(MethodError, match="one class"):
        logistic.fit(np.eye(3), ["a", "a", "a"], c=1.0)


def test_sparse_wide_and_dense_narrow_rows_give_the_same_model() -> None:
    from scipy.sparse import csr_matrix

    rng = np.random.Generator(np.random.PCG64(3))
    rows, labels = rng.random((30, 5)), ["abc"[i % 3] for i in range(30)]
    dense = logistic.fit(rows, labels, c=5.0, tolerance=1e-8)
    wide = logistic.fit(csr_matrix(rows), labels, c=5.0, tolerance=1e-8)
    np.testing.assert_allclose(dense.probabilities(rows), wide.probabilities(csr_matrix(rows)), atol=1e-5)


# --- Calibration, band, few-shot, context, spans ---


def test_temperature_repairs_probabilities_that_are_too_flat() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    truth = rng.integers(0, 3, 400)
    scores = rng.normal(size=(400, 3)) + 4 * np.eye(3)[truth]
    flat = logistic.softmax(scores / 4)
    found = calibrate.fit(flat, truth, None)
    assert found.temperature < 0.5
    assert calibrate.ece(found.apply(flat, None), truth) < calibrate.ece(flat, truth) / 2


@pytest.mark.parametrize(
    ("top", "second", "lexicon", "state"),
    [
        (0.34, 0.1, True, "none"), (0.35, 0.1, True, "review"), (0.64, 0.1, True, "review"), (0.65, 0.1, True, "auto"),
        (0.65, 0.51, True, "review"), (0.9, 0.05, False, "review"),
    ],
)  # fmt: skip
def test_the_abstain_band(top: float, second: float, lexicon: bool, state: str) -> None:
    assert calibrate.Band().state(top, second, lexicon=lexicon) == state


def test_the_band_is_moved_until_what_is_automatic_is_right() -> None:
    top = np.array([0.95] * 40 + [0.7] * 10)
    p, truth = np.stack([top, 1 - top], axis=1), np.array([0] * 40 + [1] * 10)
    band = calibrate.fit_band(p, truth)
    assert band.high > 0.7
    assert all(band.state(a, 1 - a) == "review" for a in top[40:])


def test_few_shot_score_by_hand_and_blend_keeps_the_sum() -> None:
    s, valid = fewshot.scores(np.array([[1.0, 0.0]]), np.array([[0.5, 0.2]]))
    assert s[0, 0] == pytest.approx(1 / (1 + np.exp(3.0 - 1.2 - 2.0)))
    assert valid.tolist() == [[True, False]]
    blended = fewshot.blend(np.array([[0.1, 0.9]]), s, valid)
    assert blended.sum() == pytest.approx(1.0)
    assert blended[0, 0] == pytest.approx(s[0, 0])


def test_structural_provisions_go_to_other_outside_digital_chapters() -> None:
    classes = ("EC-SCOP", "OTHER", "TE-ACCS")
    p = np.array([[0.7, 0.2, 0.1]] * 3)
    titles = {"a": "Electronic Commerce", "b": "Rules of Origin"}
    digital = context.digital_chapters(["a", "b", None], titles, ["en"] * 3, p, classes, frozenset())
    assert digital.tolist() == [True, False, True]
    moved = context.moved_to_other(p, classes, digital)
    np.testing.assert_allclose(moved, [[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.7, 0.2, 0.1]])


def test_a_chapter_without_a_telling_title_is_digital_by_its_articles() -> None:
    classes = ("DF-FLOW", "EC-SCOP", "OTHER")
    p = np.array([[0.9, 0.0, 0.1]] * 2 + [[0.0, 0.0, 1.0]] * 3)
    digital = context.digital_chapters(["a"] * 5, {"a": "Other matters"}, ["en"] * 5, p, classes, frozenset())
    assert digital.all()
    fewer = context.digital_chapters(["a"] * 8, {"a": ""}, ["en"] * 8, np.vstack([p, p[2:]]), classes, frozenset())
    assert not fewer.any()


def test_the_fewest_sentences_hold_sixty_percent() -> None:
    assert spans.fewest([1.0, 1.0, 1.0, 1.0]) == (0, 1, 2)
    assert spans.fewest([0.0, 0.0]) == (0,)
    assert spans.together((3, 1), [(0, 1), (2, 3), (4, 5), (6, 7)]) == (6, 7)


# --- Codings ---

ARTICLES = (
    unit("x/ch1", "", kind="chapter", heading="Electronic Commerce"),
    unit("x/1", "Neither Party shall require a supplier to hand over source code of its software.", parent="x/ch1"),
    unit("x/2", "The tariff schedule of each Party lists the rates for cheese and cattle.", parent="x/ch1"),
)


@pytest.fixture(scope="module")
def shipped() -> Coder:
    return Coder.load("shipped", use_minilm=False)


def test_shipped_codes_quotes_and_weighs_an_article(shipped: Coder) -> None:
    codings = shipped.code(ARTICLES, coded_on=ON)
    by_unit = {c.unit: c for c in codings}
    assert set(by_unit) == {"x/1"}
    found = by_unit["x/1"]
    assert (found.provision, found.depth, found.method, found.coder) == ("SC-CODE", 2, "model", "shipped")
    assert found.span is not None
    assert "source code" in ARTICLES[1].text[slice(*found.span)]
    assert 0.35 <= (found.probability or 0) <= 1
    assert (found.coded_on, found.licence, len(found.id)) == (ON, "", 24)


def test_lexicon_mode_has_no_probability_and_asks_for_review() -> None:
    codings = Coder.load("lexicon").code(ARTICLES, coded_on=ON)
    assert [(c.unit, c.provision, c.probability, c.reason, c.state) for c in codings] == [
        ("x/1", "SC-CODE", None, "uncalibrated", "review")
    ]
    with pytest.raises(MethodError, match="no probabilities"):
        Coder.load("lexicon").probabilities(["x"], ["en"])


def test_same_text_in_two_places_has_two_ids_and_again_the_same_ones(shipped: Coder) -> None:
    twice = (*ARTICLES, unit("x/3", ARTICLES[1].text, parent="x/ch1"))
    first, second = shipped.code(twice, coded_on=ON), shipped.code(twice, coded_on=ON)
    assert first == second
    assert len({c.id for c in first}) == len(first) == 2


def test_a_language_without_a_lexicon_is_never_automatic(shipped: Coder) -> None:
    codings = shipped.code((unit("x/1", ARTICLES[1].text, lang="de"),), coded_on=ON)
    assert all(c.state == "review" for c in codings)


def test_nothing_is_coded_of_nothing(shipped: Coder) -> None:
    assert shipped.code((), coded_on=ON) == ()
    assert shipped.code((unit("x/1", "   "),), coded_on=ON) == ()


def test_units_of_another_instrument_are_refused(shipped: Coder) -> None:
    with pytest.raises(InputError, match="not one of"):
        shipped.code(ARTICLES, instrument=SimpleNamespace(id="y"), coded_on=ON)  # type: ignore[arg-type]


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(InputError, match="not a mode"):
        Coder.load("magic")


def labelled(count: int, agreements: int, codes: tuple[str, ...]) -> list[Labelled]:
    words = {"SC-CODE": "source code of software", "DF-FLOW": "cross-border transfer of data", "OTHER": "cheese tariff"}
    return [
        Labelled(f"{i}", f"a{i % agreements}", 2000 + i, "en", "", "", f"{words[c]} number {i} of the Party", c)
        for i, c in enumerate(codes[i % len(codes)] for i in range(count))
    ]


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        (labelled(19, 3, ("SC-CODE", "OTHER")), "too few"),
        (labelled(30, 1, ("SC-CODE", "OTHER")), "one agreement"),
        (labelled(30, 3, ("OTHER",)), "one code"),
    ],
)
def test_too_little_to_fit_is_said(articles: list[Labelled], message: str) -> None:
    with pytest.raises(MethodError, match=message):
        Coder.fit(articles, licence="mine", use_minilm=False)


def test_a_wrong_code_names_the_article_and_the_nearest_code() -> None:
    wrong = [*labelled(30, 3, ("SC-CODE", "OTHER")), Labelled("z", "a1", 2000, "en", "", "", "text", "SC-CODA")]
    with pytest.raises(InputError, match=r"z: .*did you mean SC-CODE"):
        Coder.fit(wrong, licence="mine", use_minilm=False)


def test_a_fitted_coder_carries_the_licence_of_its_texts() -> None:
    articles = labelled(40, 8, ("SC-CODE", "DF-FLOW", "OTHER"))
    coder = Coder.fit(articles, licence="CC BY-NC 4.0", use_minilm=False)
    assert coder.about.licence == "CC BY-NC 4.0"
    assert coder.about.agreements == 8
    assert {c.licence for c in coder.code(ARTICLES, coded_on=ON)} == {"CC BY-NC 4.0"}
    other = Coder.fit(articles[1:], licence="CC BY-NC 4.0", use_minilm=False, calibrated=False)
    assert coder.about.version != other.about.version


# --- Our own clauses ---


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{id: DF-FLOW/b1, code: DF-FLOWS, lang: en, depth: 2, text: 'some text that is long enough'}", "DF-FLOW"),
        ("{id: SC-CODE/b1, code: DF-FLOW, lang: en, depth: 2, text: 'some text that is long enough'}", "not an id of"),
        ("{id: DF-FLOW/b1, code: DF-FLOW, lang: en, depht: 2, text: 'some text that is long enough'}", "depth"),
    ],
)
def test_faults_in_exemplars_are_named_with_their_line(row: str, message: str) -> None:
    text = f"schema: concordat/exemplars@1\nexemplars:\n  - {row}\n"
    with pytest.raises(InputError, match=message) as caught:
        parse_exemplars(text, load_taxonomy())
    assert "line 3" in str(caught.value)


def test_every_clause_is_of_its_language_and_length() -> None:
    for clause in load_exemplars():
        words = len(clause.text) / 2 if clause.lang == "zh" else len(clause.text.split())
        assert 15 <= words <= 140, clause.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Each Party shall allow the transfer of information by electronic means for the conduct of business.", 2),
        ("Each Party shall ensure that suppliers are not required to use local facilities.", 2),
        ("Each Party shall ensure that any means the supplier uses are safe.", 2),
        ("No Party shall be required to disclose its own code.", 0),
        ("In this Chapter, digital product means a program.", 0),
    ],
)
def test_words_that_ask_for_nothing_are_not_those_of_a_duty(text: str, expected: int) -> None:
    from concordat.rulebook.coder.depth import depth_of

    assert depth_of(text, "en") == expected


def test_whoever_shares_with_one_member_is_of_the_family() -> None:
    words = [f"word{n}" for n in range(60)]
    parts = {"a": words[:30], "b": words[15:45], "c": words[30:60], "d": [f"other{n}" for n in range(30)]}
    articles = [Labelled(k, k, 2000, "en", "", "", " ".join(v), "DF-FLOW") for k, v in parts.items()]
    articles.append(Labelled("e", "e", 2000, "en", "", "", articles[0].text, "OTHER"))  # what is not coded joins nobody
    shared = 8 / 23  # runs of eight words that a and b, b and c have in common; a and c have none
    assert families(articles, shared) == ("a", "a", "a", "d", "e")
    assert families(articles, shared + 0.01) == ("a", "b", "c", "d", "e")
