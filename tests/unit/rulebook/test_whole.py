"""What whole agreements teach: a gate, the chapters of topics, and probabilities that hold for whole agreements."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from concordat.errors import MethodError
from concordat.rulebook.coder import Coder, Labelled, features, logistic
from concordat.rulebook.coder.whole import KINDS, Article, Whole, articles_of, kind_of, learn
from concordat.rulebook.readers import parse

CLASSES = ("EC-DUTY", "OTHER", "TE-ACCS")
TEXT = {
    "EC-DUTY": "No Party shall impose customs duties on electronic transmissions",
    "TE-ACCS": "Each Party shall ensure access to public telecommunications networks",
    "OTHER": "The Parties shall reduce the tariff on cheese and cotton",
    "like": "Each Party shall ensure access to its ports and pilots",  # reads like TE-ACCS to the coder
}
CHAPTER = {"EC-DUTY": "Electronic Commerce", "TE-ACCS": "Telecommunications", "OTHER": "Tariffs", "like": "Ports"}


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    made = []
    for agreement in range(10):
        for kind, count in (("EC-DUTY", 4), ("TE-ACCS", 4), ("OTHER", 50), ("like", 10)):
            raw = [f"{TEXT[kind]}, number {n} of that day." for n in range(count)]
            for n, text in enumerate(features.prepare(raw, ["en"] * count)):
                key = f"{agreement}/{CHAPTER[kind]}"
                made.append(Article(f"{agreement}/{kind}/{n}", str(agreement), text, key, CHAPTER[kind]))
    return made


@pytest.fixture(scope="module")
def said(articles: list[Article]) -> np.ndarray:
    """A coder that takes ports for telecommunications."""
    rows = {"EC-DUTY": (0.8, 0.1, 0.1), "OTHER": (0.1, 0.8, 0.1), "TE-ACCS": (0.1, 0.3, 0.6), "like": (0.1, 0.3, 0.6)}
    return np.array([rows[a.id.split("/")[1]] for a in articles])


def learned(articles: list[Article], said: np.ndarray) -> tuple[Whole, np.ndarray]:
    labels = {a.id: a.id.split("/")[1] for a in articles if a.id.split("/")[1] in ("EC-DUTY", "TE-ACCS")}
    held = [[at for at, a in enumerate(articles) if int(a.agreement) % 2 == part] for part in (0, 1)]
    found = learn(articles, labels, said, CLASSES, held)
    assert found is not None
    return found


def test_articles_without_a_label_teach_what_the_coder_took_for_a_provision(
    articles: list[Article], said: np.ndarray
) -> None:
    whole, p = learned(articles, said)
    assert p.sum(axis=1) == pytest.approx(1.0)
    right = ["OTHER" if a.id.split("/")[1] == "like" else a.id.split("/")[1] for a in articles]
    assert [CLASSES[k] for k in p.argmax(axis=1)] == right
    again = whole.apply(said[:3], [a.text for a in articles[:3]], [a.title for a in articles[:3]])
    assert [CLASSES[k] for k in again.argmax(axis=1)] == right[:3]


def test_a_topic_is_likelier_in_its_own_kind_of_chapter(articles: list[Article], said: np.ndarray) -> None:
    ratios = learned(articles, said)[0].ratios
    telecom, digital, none = (KINDS.index(kind) for kind in ("telecom", "digital", "none"))
    assert ratios[telecom, 2] > ratios[digital, 2] > ratios[none, 2]
    assert not ratios[:, 1].any()  # OTHER is what the others are held against


def test_too_few_articles_teach_nothing(articles: list[Article], said: np.ndarray) -> None:
    assert learn(articles[:60], {}, said[:60], CLASSES, [list(range(60))]) is None


def test_a_title_that_names_two_kinds_is_digital_first() -> None:
    assert KINDS[kind_of("Telecommunications and Electronic Commerce", "en")] == "digital"
    assert KINDS[kind_of("", "en")] == "none"


def test_yes_or_no_is_the_model_of_two_classes_with_half_the_strength() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    rows = rng.normal(size=(60, 4))
    yes = rows[:, 0] + rng.normal(size=60) > 0.3
    one = logistic.fit_binary(csr_matrix(rows), yes, c=4.0)
    two = logistic.fit(rows, ["b" if y else "a" for y in yes], c=2.0, weights=np.ones(60), tolerance=1e-9)
    scores = two.scores(rows)
    assert one.scores(csr_matrix(rows)) == pytest.approx(scores[:, 1] - scores[:, 0], abs=2e-3)
    with pytest.raises(MethodError, match="one kind"):
        logistic.fit_binary(csr_matrix(rows), np.ones(60, dtype=bool), c=1.0)


def test_articles_of_a_text_know_their_chapter_and_others_are_left_out_of_the_fit() -> None:
    articles = "".join(f"Article {n}\nDuties\nNo Party shall tax an electronic transmission.\n\n" for n in (1, 2, 3))
    raw = f"Agreement on Trade\n\nChapter 1\nElectronic Commerce\n\n{articles}"
    found = [a for a in articles_of([parse(raw.encode(), name="x.txt", id="x")]) if a.title]
    assert [(a.agreement, a.title) for a in found] == [("x", "Electronic Commerce")] * 3
    words = {"SC-CODE": "source code of software", "OTHER": "cheese tariff"}
    mine = [
        Labelled(f"{i}", f"a{i % 4}", 2000, "en", "", "", f"{words[c]} number {i} of the Party", c)
        for i, c in enumerate(list(words) * 24)
    ]
    coder = Coder.fit(mine, licence="mine", use_minilm=False, own=False, whole=found)
    assert coder.whole is None
    assert coder.about.version == Coder.fit(mine, licence="mine", use_minilm=False, own=False).about.version
