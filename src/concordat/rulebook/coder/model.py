"""How probable is each provision for a text, given labelled texts: our own clauses, and a user's where there are some?

For each language two or three balanced logistic models are averaged:

    words    term weights (1-2 words; runs of letters where a language has few texts; characters in Chinese) + lexicon
    whole    the same + MiniLM's numbers                                         (English with MiniLM)
    meaning  lexicon + MiniLM's numbers (English); the lexicon alone, learned from all languages together (the others)

The lexicon's hits mean the same in every language, which is what carries over to languages without labelled articles.
Only texts that may be digital are embedded, by the sharpened P(not OTHER) of `words`: of 1,175 labelled articles it
keeps all but one in a hundred digital ones, where a hit of the lexicon would ask for half of all others (measured).

It calibrates nothing and knows no chapters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.rulebook.coder import features, fewshot, logistic, tfidf
from concordat.rulebook.coder.features import Text, Vectors, joined, lex_block, lex_rows
from concordat.rulebook.model import OTHER

Array = NDArray[np.float64]
LABELS_MIN = 20
SHARPER = 2.5  # 1 / the temperature that held-out clauses ask for: the raw probabilities are too flat to cut at


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its code.

    Attributes:
        group: its agreement, "" for our own clauses. weight: 3 for human codings.
    """

    id: str
    group: str
    text: Text
    code: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a model is fitted with; part of its version.

    Attributes:
        c_words, c_meaning: inverse strength of the penalties. lex: weight of the lexicon's block. meaning: of MiniLM's.
        few_units: a language with fewer texts is modelled by letters. embed_from: P(not OTHER) from which to embed.
        other: how many times the say of one provision OTHER has: it stands for all the rest of an agreement.
        few_shot: whether rare provisions get a second opinion. Off: since each has clauses of its own, no constants of
            `fewshot` raised the likelihood of held-out drafting families of 758 articles to 2011 by more than 1%, and
            none found one more of the 79 articles of rare provisions (74 are found without).
    """

    c_words: float = 30.0
    c_meaning: float = 10.0
    lex: float = 0.3
    meaning: float = 1.5
    few_units: int = 200
    embed_from: float = 0.005
    other: float = 10.0
    minilm: bool = True
    few_shot: bool = False
    constants: fewshot.Constants = field(default_factory=fewshot.Constants)


@dataclass(frozen=True)
class LanguageModel:
    """The models of one language."""

    vectoriser: tfidf.Vectoriser
    words: logistic.Logistic
    whole: logistic.Logistic | None
    meaning: logistic.Logistic | None


@dataclass(frozen=True)
class Model:
    """Fitted models of some languages over one list of classes.

    Attributes:
        classes: sorted. lex_codes: the provisions whose hits are features, in their order.
        agreements: in how many training agreements each code was seen.
    """

    classes: tuple[str, ...]
    lex_codes: tuple[str, ...]
    languages: dict[str, LanguageModel]
    shared: logistic.Logistic
    settings: Settings
    agreements: dict[str, int]

    def probabilities(self, texts: Sequence[Text], vectors: Vectors | None = None) -> Array:
        """Probabilities (texts x classes), each row summing to 1; in an unknown language those of the shared model.

        Args:
            vectors: known embeddings; new ones are added.
        """
        store: Vectors = {} if vectors is None else vectors
        result = np.zeros((len(texts), len(self.classes)))
        lex = lex_rows(texts, self.lex_codes)
        for lang in sorted({text.lang for text in texts}):
            rows = [at for at, text in enumerate(texts) if text.lang == lang]
            result[rows] = self._of_language(lang, [texts[at] for at in rows], lex[rows], store)
        return result

    def _of_language(self, lang: str, texts: Sequence[Text], lex: Array, vectors: Vectors) -> Array:
        block = lex_block(lex, self.settings.lex)
        own = self.languages.get(lang)
        if own is None:
            return self._placed(self.shared, block)
        rows = own.vectoriser.transform([text.text for text in texts])
        p = self._placed(own.words, joined(rows, block))
        if own.whole is None or own.meaning is None:
            return 0.5 * (p + self._placed(self.shared, block))
        other = self.classes.index(OTHER) if OTHER in self.classes else None
        sharp = p**SHARPER
        digital = 1 - sharp[:, other] / sharp.sum(axis=1) if other is not None else np.ones(len(p))
        asked = [int(at) for at in np.flatnonzero(digital >= self.settings.embed_from)]
        if asked:
            mini = self.settings.meaning * features.embeddings([texts[at] for at in asked], vectors)
            whole = self._placed(own.whole, joined(rows[asked], block[asked], mini))
            meaning = self._placed(own.meaning, joined(block[asked], mini))
            p[asked] = mean_of(p[asked], whole, meaning)
        return p

    def _placed(self, model: logistic.Logistic, rows: object) -> Array:
        """One model's probabilities over all classes."""
        result = np.zeros((rows.shape[0], len(self.classes)))  # type: ignore[attr-defined]
        result[:, [self.classes.index(code) for code in model.classes]] = model.probabilities(rows)
        return result


def mean_of(words: Array, whole: Array, meaning: Array) -> Array:
    """The mean of three opinions."""
    return np.asarray((words + whole + meaning) / 3)


def fit(
    examples: Sequence[Example],
    codes: Sequence[str],
    settings: Settings | None = None,
    vectors: Vectors | None = None,
    judged: Collection[str] | None = None,
) -> Model:
    """The model of some labelled texts.

    Args:
        codes: the taxonomy's, in its order.
        judged: the languages that it will be asked about, where they are known: the others' models are left out.

    Raises:
        MethodError: fewer than 20 labels, or one class only.
    """
    own = settings or Settings()
    if len(examples) < LABELS_MIN:
        raise MethodError(
            f"{len(examples)} labelled texts are too few to fit a coder (at least {LABELS_MIN}).",
            hint="Label more articles, or use --mode shipped.", code="few_labels",
        )  # fmt: skip
    store: Vectors = {} if vectors is None else vectors
    lex = lex_rows([e.text for e in examples], codes)
    block = lex_block(lex, own.lex)
    labels = [e.code for e in examples]
    cases = np.array([e.weight for e in examples])
    shared = logistic.fit(block, labels, c=own.c_meaning, weights=weights_of(labels, cases, own.other))
    models = {}
    for lang in sorted({e.text.lang for e in examples}):
        if judged is not None and lang not in judged:
            continue
        rows = [at for at, e in enumerate(examples) if e.text.lang == lang]
        if len(rows) >= LABELS_MIN and len({labels[at] for at in rows}) > 1:
            chosen = [examples[at] for at in rows]
            models[lang] = _language(lang, chosen, block[rows], own, store)
    seen = {code: {e.group for e in examples if e.code == code and e.group} for code in sorted(set(labels))}
    counts = {code: len(groups) for code, groups in seen.items()}
    return Model(tuple(sorted(set(labels))), tuple(codes), models, shared, own, counts)


def _language(
    lang: str, examples: Sequence[Example], block: Array, settings: Settings, vectors: Vectors
) -> LanguageModel:
    texts, labels = [e.text.text for e in examples], [e.code for e in examples]
    balance = weights_of(labels, np.array([e.weight for e in examples]), settings.other)
    vectoriser, rows = tfidf.fit_transform(texts, analyser_of(lang, len(examples), settings.few_units))
    words = logistic.fit(joined(rows, block), labels, c=settings.c_words, weights=balance)
    if lang != "en" or not settings.minilm:
        return LanguageModel(vectoriser, words, None, None)
    mini = settings.meaning * features.embeddings([e.text for e in examples], vectors)
    whole = logistic.fit(joined(rows, block, mini), labels, c=settings.c_words, weights=balance)
    meaning = logistic.fit(joined(block, mini), labels, c=settings.c_meaning, weights=balance)
    return LanguageModel(vectoriser, words, whole, meaning)


def weights_of(labels: Sequence[str], cases: Array, other: float) -> Array:
    """Balanced weights in which OTHER has the say of several provisions."""
    return logistic.balanced(labels, cases) * np.where(np.array(labels) == OTHER, other, 1.0)


def analyser_of(lang: str, units: int, few: int) -> tfidf.Analyser:
    """What a language is cut into: characters in Chinese, letters where there are few texts, else words."""
    if lang == "zh":
        return tfidf.characters(2, 3)
    return tfidf.letters(3, 5) if units < few else tfidf.words(1, 2)


def weighted(examples: Sequence[Example], weight: float) -> list[Example]:
    """The same examples with another weight."""
    return [replace(e, weight=weight) for e in examples]


def code_counts(examples: Sequence[Example]) -> dict[str, int]:
    """How many examples each code has."""
    return dict(sorted(Counter(e.code for e in examples).items()))
