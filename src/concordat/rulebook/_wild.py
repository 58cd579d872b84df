"""How right is a coder on whole agreements, where nineteen of twenty articles are about nothing digital?

Every article of every agreement is coded by a coder fitted on the other agreements: on their labelled articles, and on
the rest of their texts, which is known to be about nothing digital (`coder.whole`). The truth of an article is its
label, else OTHER. Reported are the micro F1 over articles, precision and recall, and the F1 of
whether an agreement holds a provision at all (`presence`).

Labels follow from headings: an article without one may still hold a provision, so precision is a lower bound.

    >>> presence_f1([("a", "DF-FLOW"), ("a", "DF-PRIV")], [("a", "DF-FLOW"), ("b", "DF-FLOW")])
    0.5
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from concordat.rulebook.coder import Coder, Labelled
from concordat.rulebook.coder.features import Vectors
from concordat.rulebook.coder.model import Settings
from concordat.rulebook.coder.whole import Article, articles_of
from concordat.rulebook.evaluate import DRAWS, Evaluation, Figure, folds, interval
from concordat.rulebook.model import OTHER, ParsedInstrument


@dataclass(frozen=True, slots=True)
class Judged:
    """One article of a whole agreement: what it is labelled, what it was coded."""

    id: str
    agreement: str
    truth: str
    predicted: str
    probability: float


def presence_f1(truth: Iterable[tuple[str, str]], said: Iterable[tuple[str, str]]) -> float:
    """F1 over the pairs (agreement, provision) that are there."""
    a, b = set(truth), set(said)
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def wild(
    agreements: Sequence[ParsedInstrument],
    articles: Sequence[Labelled],
    *,
    cv: int = 5,
    threshold: float = 0.5,
    seed: int = 0,
    vectors: Vectors | None = None,
    use_minilm: bool | None = None,
    settings: Settings | None = None,
    draws: int = DRAWS,
) -> tuple[Evaluation, tuple[Judged, ...]]:
    """Figures over every article of whole agreements, and each article's own line.

    Args:
        agreements: parsed; ids of their articles are those of the labels. threshold: least P of a code.
    """
    store: Vectors = {} if vectors is None else vectors
    labels = {a.id: a.code for a in articles}
    known = {a.agreement for a in articles}
    whole = [p for p in agreements if p.id in known]
    found: list[Judged] = []
    every = articles_of(whole)
    for rows in folds([p.id for p in whole], min(cv, len(whole))):
        held = {whole[at].id for at in rows}
        coder = Coder.fit(
            [a for a in articles if a.agreement not in held], licence="not kept", vectors=store,
            use_minilm=use_minilm, settings=settings, whole=[a for a in every if a.agreement not in held],
        )  # fmt: skip
        for name in sorted(held):
            found.extend(_judged(coder, [a for a in every if a.agreement == name], labels, threshold))
    how = f"{len(whole)} whole agreements, P from {threshold}"
    return Evaluation("fitted", how, _figures(found, seed, draws)), tuple(found)


def _judged(coder: Coder, whole: Sequence[Article], labels: Mapping[str, str], threshold: float) -> list[Judged]:
    titles = {a.chapter: a.title for a in whole if a.chapter is not None}
    p, _ = coder.of_articles([a.text for a in whole], [a.chapter for a in whole], titles)
    result = []
    for article, row in zip(whole, p, strict=True):
        best = int(row.argmax())
        code = coder.classes[best] if row[best] >= threshold else OTHER
        result.append(Judged(article.id, article.agreement, labels.get(article.id, OTHER), code, float(row[best])))
    return result


def _figures(found: Sequence[Judged], seed: int, draws: int) -> tuple[Figure, ...]:
    """Micro F1, precision, recall and presence F1, with intervals by agreement."""
    by: dict[str, list[Judged]] = {}
    for one in found:
        by.setdefault(one.agreement, []).append(one)
    names = sorted(by)
    counts = {}
    for name in names:
        truth = {(name, j.truth) for j in by[name] if j.truth != OTHER}
        said = {(name, j.predicted) for j in by[name] if j.predicted != OTHER}
        hit = sum(j.truth == j.predicted != OTHER for j in by[name])
        have, given = sum(j.truth != OTHER for j in by[name]), sum(j.predicted != OTHER for j in by[name])
        counts[name] = (hit, have, given, len(truth & said), len(truth), len(said))

    def ratio(rows: list[int], top: int, bottom: tuple[int, ...], times: int = 1) -> float:
        total = sum(counts[names[at]][b] for at in rows for b in bottom)
        return times * sum(counts[names[at]][top] for at in rows) / total if total else 0.0

    every = list(range(len(names)))
    figures = []
    for name, top, bottom, times, n in (
        ("micro F1", 0, (1, 2), 2, len(found)), ("precision", 0, (2,), 1, len(found)),
        ("recall", 0, (1,), 1, len(found)),
        ("presence F1", 3, (4, 5), 2, sum(c[4] for c in counts.values())),
    ):  # fmt: skip

        def measure(rows: list[int], top: int = top, bottom: tuple[int, ...] = bottom, times: int = times) -> float:
            return ratio(rows, top, bottom, times)

        low, high = interval(names, measure, seed=seed, draws=draws)
        figures.append(Figure(name, n, measure(every), low, high))
    return tuple(figures)
