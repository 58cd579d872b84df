"""How right is a coder on labelled articles, and how sure is that figure?

Articles are split by agreement (or by drafting family: agreements whose texts overlap), or by year, so that no article
is judged by a model that saw its agreement. Reported are the F1 of the provisions (macro: each that is present counts
the same; micro: each article does), whether an article is digital at all, the same for articles that no training
article resembles (best TF-IDF cosine below 0.8), for provisions with fewer than five examples, and the calibration.
Beside each stands n and a 90% interval: agreements are drawn with replacement (B. Efron, R. Tibshirani 1993, by
cluster).

Treaty drafters copy: on articles with a near copy in training every method is right. The novel and the later figures
are the ones to believe. Labels follow from headings: an absent code is no proof of absence.

    >>> f1(["A", "B", "OTHER"], ["A", "OTHER", "OTHER"])
    (0.5, 0.6666666666666666)
    >>> folds(["x", "x", "y", "z"], 2)
    ([0, 1], [2, 3])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.rulebook.coder import calibrate, features, lexicon, logistic, tfidf
from concordat.rulebook.coder._coder import Coder
from concordat.rulebook.coder.examples import Labelled, chapter_keys, in_context
from concordat.rulebook.coder.features import Vectors
from concordat.rulebook.coder.model import Settings
from concordat.rulebook.exemplars import runs
from concordat.rulebook.model import OTHER

Array = NDArray[np.float64]
NOVEL_BELOW = 0.8
FEW = 5
DRAWS = 500
# At 0.3 a chain of agreements takes in 53 of 69, and little is left to train on; at 0.4 there are 25 families.
FAMILY_SHARE = 0.4
BASELINES = ("tfidf", "minilm", "mean")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with the number of articles it rests on and its 90% interval (None where it can't be drawn)."""

    name: str
    n: int
    value: float | None
    low: float | None = None
    high: float | None = None

    def words(self) -> str:
        """The figure on a line."""
        if self.value is None:
            return f"{self.name}: no such articles"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.name}: {self.value:.3f}{interval} (n = {self.n})"


@dataclass(frozen=True)
class Outcome:
    """What was predicted for each judged article.

    Attributes:
        p: probabilities (articles x classes), None in lexicon mode. nearest: best cosine to a training article.
        auto: which would not go to review.
    """

    articles: tuple[Labelled, ...]
    predicted: tuple[str, ...]
    classes: tuple[str, ...]
    p: Array | None
    nearest: Array | None
    auto: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Evaluation:
    """Figures of one evaluation, and how it was made."""

    mode: str
    how: str
    rows: tuple[Figure, ...]
    by_code: tuple[tuple[str, int, float], ...] = ()
    outcome: Outcome | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Figure:
        return next(row for row in self.rows if row.name == name)

    def words(self) -> str:
        """All figures, one on a line, under a sentence that says how they were made."""
        return "\n".join([f"Coder {self.mode}; {self.how}.", *(row.words() for row in self.rows)])


# --- Figures ------------------------------------------------------------------------------------------------------


def f1(truth: Sequence[str], predicted: Sequence[str]) -> tuple[float, float]:
    """Macro and micro F1 over the codes other than OTHER that are present in the truth (0, 0 where none is)."""
    wanted = sorted(set(truth) - {OTHER})
    if not wanted:
        return 0.0, 0.0
    hit = Counter(t for t, p in zip(truth, predicted, strict=True) if t == p)
    have, said = Counter(truth), Counter(predicted)
    each = [2 * hit[c] / (have[c] + said[c]) for c in wanted]
    total = sum(have[c] + said[c] for c in wanted)
    return float(np.mean(each)), 2 * sum(hit[c] for c in wanted) / total


def detection(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """F1 of being digital at all."""
    a, b = [t != OTHER for t in truth], [p != OTHER for p in predicted]
    both = sum(x and y for x, y in zip(a, b, strict=True))
    return 2 * both / (sum(a) + sum(b)) if sum(a) + sum(b) else 0.0


def interval(
    groups: Sequence[str], measure: Callable[[list[int]], float | None], *, seed: int, draws: int = DRAWS
) -> tuple[float, float] | tuple[None, None]:
    """5th and 95th percentile of a figure when whole agreements are drawn with replacement."""
    names = sorted(set(groups))
    if len(names) < 2 or draws < 1:
        return None, None
    rows = {name: [at for at, group in enumerate(groups) if group == name] for name in names}
    rng = np.random.Generator(np.random.PCG64(seed))
    found = []
    for _ in range(draws):
        drawn = [at for pick in rng.integers(0, len(names), len(names)) for at in rows[names[int(pick)]]]
        value = measure(drawn)
        if value is not None:
            found.append(value)
    if not found:
        return None, None
    low, high = np.percentile(found, [5, 95])
    return float(low), float(high)


# --- Splits -------------------------------------------------------------------------------------------------------


def folds(groups: Sequence[str], count: int) -> tuple[list[int], ...]:
    """Rows of each fold: whole groups, the largest first, each to the fold that is smallest so far.

    Raises:
        MethodError: fewer groups than folds, or fewer than two.
    """
    sizes = Counter(groups)
    if count < 2 or len(sizes) < count:
        raise MethodError(
            f"{len(sizes)} agreements can't be held out in {count} folds.", hint="Ask for fewer folds.", code="folds"
        )
    names = sorted(sizes)
    order = sorted(range(len(names)), key=lambda at: (sizes[names[at]], at), reverse=True)
    filled, place = [0] * count, {}
    for at in order:
        lightest = filled.index(min(filled))
        place[names[at]] = lightest
        filled[lightest] += sizes[names[at]]
    return tuple([at for at, group in enumerate(groups) if place[group] == fold] for fold in range(count))


def families(articles: Sequence[Labelled], share: float = FAMILY_SHARE) -> tuple[str, ...]:
    """The drafting family of each article: agreements that share so much of the shorter one's runs of eight words.

    A family is named after its first agreement; whoever shares with one member belongs to it.
    """
    texts: dict[str, dict[str, None]] = {}
    for article in articles:
        if article.code != OTHER:
            texts.setdefault(article.agreement, {}).update(runs(article.text))
        else:
            texts.setdefault(article.agreement, {})
    names = sorted(texts)
    head = {name: name for name in names}

    def root(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            small = min(len(texts[one]), len(texts[two]))
            if small and len(texts[one].keys() & texts[two].keys()) >= share * small:
                first, second = sorted((root(one), root(two)))
                head[second] = first
    return tuple(root(article.agreement) for article in articles)


# --- Evaluation ---------------------------------------------------------------------------------------------------


def evaluation(
    articles: Sequence[Labelled],
    *,
    mode: str = "fitted",
    cv: int | None = 5,
    split_year: int | None = None,
    by: str = "agreement",
    strict: bool = True,
    seed: int = 0,
    vectors: Vectors | None = None,
    use_minilm: bool | None = None,
    settings: Settings | None = None,
    draws: int = DRAWS,
    licence: str = "user's own",
) -> Evaluation:
    """Figures of a coder on labelled articles.

    Args:
        mode: fitted, shipped, lexicon, or a baseline: tfidf, minilm, mean (section 1 of the specification).
        cv: number of folds. split_year: train up to it, test after it, instead of folds.
        by: agreement or family: what is held out as a whole. strict: without headings.
        vectors: known embeddings; new ones are added.

    Raises:
        InputError: an unknown mode or split. MethodError: nothing to train on or to test.
    """
    if by not in ("agreement", "family"):
        raise InputError(f'"{by}" is not a way to hold out.', hint="Use agreement or family.", code="by")
    store: Vectors = {} if vectors is None else vectors
    splits, how = _splits(articles, mode, cv, split_year, by)
    parts = []
    for train, test in splits:
        judged = [articles[at] for at in test]
        if mode in BASELINES:
            parts.append(_baseline(mode, [articles[at] for at in train], judged, store))
        elif mode in ("shipped", "lexicon"):
            parts.append(_judge(Coder.load(mode, vectors=store, use_minilm=use_minilm), judged, (), strict))
        elif mode == "fitted":
            known = [articles[at] for at in train]
            coder = Coder.fit(
                known, licence=licence, vectors=store, use_minilm=use_minilm, settings=settings, strict=strict
            )
            parts.append(_judge(coder, judged, known, strict))
        else:
            hint = f"Use one of: fitted, shipped, lexicon, {', '.join(BASELINES)}."
            raise InputError(f'"{mode}" is not a mode.', hint=hint, code="mode")
    outcome = _merged(parts)
    return Evaluation(mode, how, figures(outcome, seed=seed, draws=draws), by_code(outcome), outcome)


def _splits(
    articles: Sequence[Labelled], mode: str, cv: int | None, split_year: int | None, by: str
) -> tuple[list[tuple[list[int], list[int]]], str]:
    every = list(range(len(articles)))
    if mode in ("shipped", "lexicon"):
        return [([], every)], "all articles judged, none trained on"
    if split_year is not None:
        train = [at for at in every if articles[at].year <= split_year]
        test = [at for at in every if articles[at].year > split_year]
        if not train or not test:
            raise MethodError(f"{split_year} leaves nothing on one side.", hint="Choose another year.", code="split")
        return [(train, test)], f"trained to {split_year}, judged on later texts"
    groups = families(articles) if by == "family" else [a.agreement for a in articles]
    held = folds(groups, cv or 5)
    whole = [(sorted(set(every) - set(rows)), rows) for rows in held]
    return whole, f"{len(held)} folds by {by} ({len(set(groups))} groups)"


def _judge(coder: Coder, judged: Sequence[Labelled], known: Sequence[Labelled], strict: bool) -> Outcome:
    texts = [a.text if strict or not a.heading else f"{a.heading}.\n{a.text}" for a in judged]
    langs = [a.lang for a in judged]
    keys, titles = chapter_keys(judged)
    nearest = nearest_cosine([a.text for a in known], [a.text for a in judged]) if known else None
    if coder.fitted is None:
        return Outcome(
            tuple(judged), tuple(by_lexicon(coder, texts, langs, keys, titles)), coder.classes, None, nearest
        )
    p = coder.probabilities(texts, langs, chapters=keys, titles=titles)
    top, second = calibrate.top_two(p)
    auto = np.array([coder.band.state(a, b) == "auto" for a, b in zip(top, second, strict=True)], bool)
    named = tuple(coder.classes[k] for k in p.argmax(axis=1))
    return Outcome(tuple(judged), named, coder.classes, p, nearest, auto)


def by_lexicon(
    coder: Coder, texts: Sequence[str], langs: Sequence[str], keys: Sequence[str | None], titles: dict[str, str]
) -> list[str]:
    """What lexicon mode says of some texts."""
    prepared = features.prepare(texts, langs)
    codes = [c for c in coder.classes if c != OTHER]
    lex = features.lex_rows(prepared, codes)
    rows = np.zeros((len(texts), len(coder.classes)))
    rows[:, [coder.classes.index(c) for c in codes]] = np.minimum(lex, lexicon.CAP) + lex / 1000
    _, digital = in_context(np.minimum(rows, 1.0), coder.classes, langs, keys, titles, coder.taxonomy)
    from concordat.rulebook.coder.context import moved_to_other

    rows = moved_to_other(rows, coder.classes, digital)
    rows[:, coder.classes.index(OTHER)] = 0.0
    return [coder.classes[int(row.argmax())] if row.max() >= 1 else OTHER for row in rows]


def nearest_cosine(known: Sequence[str], texts: Sequence[str]) -> Array:
    """The best TF-IDF cosine of each text to any of the known ones (words 1-2, in two texts at least)."""
    vectoriser, rows = tfidf.fit_transform(known, tfidf.words(1, 2))
    return np.asarray((vectoriser.transform(texts) @ rows.T).max(axis=1).todense()).ravel()


def _baseline(mode: str, known: Sequence[Labelled], judged: Sequence[Labelled], vectors: Vectors) -> Outcome:
    """The methods of section 1: TF-IDF, MiniLM, the mean of both; no lexicon, no clauses of ours, no chapters."""
    labels, p = [a.code for a in known], []
    if mode in ("tfidf", "mean"):
        vectoriser, rows = tfidf.fit_transform([a.text for a in known], tfidf.words(1, 2))
        words = logistic.fit(rows, labels, c=30.0)
        p.append(words.probabilities(vectoriser.transform([a.text for a in judged])))
    if mode in ("minilm", "mean"):
        both = [features.Text(a.text, a.lang, (), (), {}) for a in [*known, *judged]]
        mini = features.embeddings(both, vectors)
        meaning = logistic.fit(mini[: len(known)], labels, c=10.0)
        p.append(meaning.probabilities(mini[len(known) :]))
    mean = np.mean(p, axis=0)
    classes = tuple(sorted(set(labels)))
    named = tuple(classes[k] for k in mean.argmax(axis=1))
    nearest = nearest_cosine([a.text for a in known], [a.text for a in judged])
    return Outcome(tuple(judged), named, classes, mean, nearest)


def _merged(parts: Sequence[Outcome]) -> Outcome:
    classes = tuple(sorted({code for part in parts for code in part.classes}))
    articles = tuple(a for part in parts for a in part.articles)
    predicted = tuple(name for part in parts for name in part.predicted)
    p = None
    if all(part.p is not None for part in parts):
        p = np.zeros((len(articles), len(classes)))
        at = 0
        for part in parts:
            columns = [classes.index(code) for code in part.classes]
            p[np.ix_(range(at, at + len(part.articles)), columns)] = part.p
            at += len(part.articles)
    nearest = [part.nearest for part in parts if part.nearest is not None]
    auto = [part.auto for part in parts if part.auto is not None]
    return Outcome(
        articles, predicted, classes, p,
        np.concatenate(nearest) if len(nearest) == len(parts) else None,
        np.concatenate(auto) if len(auto) == len(parts) else None,
    )  # fmt: skip


def figures(outcome: Outcome, *, seed: int = 0, draws: int = DRAWS) -> tuple[Figure, ...]:
    """All figures of what was predicted."""
    truth, said = [a.code for a in outcome.articles], list(outcome.predicted)
    groups = [a.agreement for a in outcome.articles]
    coded = [at for at, code in enumerate(truth) if code != OTHER]
    counts = Counter(truth)

    def figure(name: str, rows: list[int], measure: Callable[[list[int]], float]) -> Figure:
        if not rows:
            return Figure(name, 0, None)
        inside = set(rows)
        own = [at for at in range(len(truth)) if at in inside]
        low, high = interval(
            [groups[at] for at in own], lambda drawn: measure([own[at] for at in drawn]), seed=seed, draws=draws
        )
        return Figure(name, len(rows), measure(own), low, high)

    def right(rows: list[int]) -> float:
        return sum(truth[at] == said[at] for at in rows) / len(rows)

    def of(function: Callable[[Sequence[str], Sequence[str]], float]) -> Callable[[list[int]], float]:
        return lambda rows: function([truth[at] for at in rows], [said[at] for at in rows])

    every = list(range(len(truth)))
    found = [
        figure("macro F1", every, of(lambda t, p: f1(t, p)[0])),
        figure("micro F1", every, of(lambda t, p: f1(t, p)[1])),
        figure("digital F1", every, of(detection)),
        figure("few-shot found", [at for at in coded if counts[truth[at]] < FEW], right),
    ]
    if outcome.nearest is not None:
        near = outcome.nearest
        found.append(figure("novel accuracy", [at for at in coded if near[at] < NOVEL_BELOW], right))
    other_languages = sorted({a.lang for a in outcome.articles} - {"en"})
    for lang in other_languages:
        found.append(figure(f"accuracy {lang}", [at for at in every if outcome.articles[at].lang == lang], right))
    if outcome.p is not None:
        p, places = outcome.p, calibrate.places(truth, outcome.classes)
        found.append(figure("ECE", every, lambda rows: calibrate.ece(p[rows], places[rows])))
        found.append(figure("Brier", every, lambda rows: calibrate.brier(p[rows], places[rows])))
    if outcome.auto is not None:
        auto = outcome.auto
        found.append(figure("auto precision", [at for at in every if auto[at]], right))
        found.append(figure("review share", every, lambda rows: float(np.mean(~auto[rows]))))
    return tuple(found)


def by_code(outcome: Outcome) -> tuple[tuple[str, int, float], ...]:
    """(code, articles, F1) of each code present."""
    truth, said = [a.code for a in outcome.articles], list(outcome.predicted)
    have, given = Counter(truth), Counter(said)
    hit = Counter(t for t, p in zip(truth, said, strict=True) if t == p)
    return tuple((c, have[c], 2 * hit[c] / (have[c] + given[c])) for c in sorted(set(truth) - {OTHER}))
