"""Which article of one agreement answers to which of another, and where do their words differ?

For articles a of A and b of B: s = 0.4 cos(TF-IDF) + 0.3 cos(sentence vectors) + 0.3 sum_p P(p|a) P(p|b), weights
renormalised where there are no sentence vectors or no codings, and 0.05 more where both stand in chapters of the same
title. One-to-one by linear sum assignment (R. Jonker and A. Volgenant, Computing 38, 1987, in SciPy) among pairs with
s >= 0.35; what is left stands in one agreement only; pairs beside these with s >= 0.6 are told as split or merged.

Words are compared by their longest common subsequence (D. Hirschberg, CACM 18, 1975), up to 20,000 words a side.
Paragraphs that are the same, word for word, in articles that do not answer to each other have moved.

    >>> [(k, " ".join(w)) for k, w in word_diff("data may move".split(), "data shall move freely".split())]
    [('same', 'data'), ('gone', 'may'), ('new', 'shall'), ('same', 'move'), ('new', 'freely')]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.rulebook.model import Unit

Array = NDArray[np.float64]
WEIGHTS = {"tfidf": 0.4, "vectors": 0.3, "provisions": 0.3}
CHAPTER = 0.05
PAIR, LINK = 0.35, 0.6
TOKENS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """An article of A and one of B, with how alike they are."""

    a: str
    b: str
    score: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """What answers to what.

    Attributes:
        pairs: one to one, in the order of A. links: further pairs that are alike: split or merged articles.
        only_a, only_b: articles without a counterpart. moved: paragraphs of A and B that are the same elsewhere.
    """

    pairs: tuple[Pair, ...]
    links: tuple[Pair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    moved: tuple[Pair, ...]


def similarity(
    a: Sequence[Unit],
    b: Sequence[Unit],
    *,
    vectors: tuple[Array, Array] | None = None,
    provisions: tuple[Array, Array] | None = None,
    chapters: Mapping[str, str] | None = None,
) -> Array:
    """How alike articles are `[article of A, article of B]`, from 0 to about 1.

    Args:
        vectors: sentence vectors of unit length, a row an article. provisions: probabilities, a row an article.
        chapters: the title of the chapter that each article (by its id) stands in.
    """
    parts = {"tfidf": _cosines(a, b)}
    if vectors is not None:
        parts["vectors"] = np.clip(vectors[0] @ vectors[1].T, 0.0, 1.0)
    if provisions is not None and provisions[0].any() and provisions[1].any():
        parts["provisions"] = provisions[0] @ provisions[1].T
    total = sum(WEIGHTS[name] for name in parts)
    found = np.zeros((len(a), len(b)))
    for name, part in parts.items():
        found += WEIGHTS[name] / total * part
    if chapters:
        titles = [[" ".join(chapters.get(u.id, "").casefold().split()) for u in some] for some in (a, b)]
        same = np.array([[bool(x) and x == y for y in titles[1]] for x in titles[0]], dtype=np.float64)
        found += CHAPTER * same.reshape(found.shape)
    return found


def _cosines(a: Sequence[Unit], b: Sequence[Unit]) -> Array:
    from concordat.rulebook.coder.tfidf import characters, fit_transform, words

    if not a or not b:
        return np.zeros((len(a), len(b)))
    unspaced = {u.lang for u in (*a, *b)} == {"zh"}
    analyser = characters(2, 3) if unspaced else words(1, 2)
    _, rows = fit_transform([u.text for u in (*a, *b)], analyser, df_min=1)
    return np.asarray((rows[: len(a)] @ rows[len(a) :].T).todense())


def align(
    a: Sequence[Unit], b: Sequence[Unit], score: Array, paragraphs: tuple[Sequence[Unit], Sequence[Unit]] = ((), ())
) -> Alignment:
    """Pair the articles of two agreements by their similarity `[article of A, article of B]`.

    Args:
        paragraphs: of both, to find those that moved.
    """
    from scipy.optimize import linear_sum_assignment

    pairs: list[Pair] = []
    if len(a) and len(b):
        worth = np.where(score >= PAIR, score, 0.0)
        rows, columns = linear_sum_assignment(-worth)
        pairs = [
            Pair(a[i].id, b[j].id, float(score[i, j]))
            for i, j in sorted(zip(rows.tolist(), columns.tolist(), strict=True))
            if score[i, j] >= PAIR
        ]
    taken = {(p.a, p.b) for p in pairs}
    near = [(int(i), int(j)) for i, j in zip(*np.nonzero(score >= LINK), strict=True)]
    links = tuple(Pair(a[i].id, b[j].id, float(score[i, j])) for i, j in near if (a[i].id, b[j].id) not in taken)
    have_a, have_b = {p.a for p in pairs}, {p.b for p in pairs}
    return Alignment(
        pairs=tuple(pairs),
        links=links,
        only_a=tuple(u.id for u in a if u.id not in have_a),
        only_b=tuple(u.id for u in b if u.id not in have_b),
        moved=_moved(paragraphs, taken),
    )


def _moved(paragraphs: tuple[Sequence[Unit], Sequence[Unit]], pairs: set[tuple[str, str]]) -> tuple[Pair, ...]:
    """Paragraphs of eight words or more that stand, word for word, in an article that is no counterpart."""
    by_text: dict[str, list[Unit]] = {}
    for unit in paragraphs[1]:
        by_text.setdefault(unit.sha256, []).append(unit)
    found = []
    for unit in paragraphs[0]:
        others = by_text.get(unit.sha256, [])
        if len(unit.text.split()) < 8 or any((unit.parent, other.parent) in pairs for other in others):
            continue
        found += [Pair(unit.id, other.id, 1.0) for other in others]
    return tuple(found)


# --- Words --------------------------------------------------------------------------------------------------------


def word_diff(a: Sequence[str], b: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Runs of words that are the same, gone (in A alone) or new (in B alone), in order.

    Raises:
        MethodError: more than 20,000 words on a side.
    """
    if max(len(a), len(b)) > TOKENS_MAX:
        what = f"{max(len(a), len(b)):,} words are more than a comparison holds ({TOKENS_MAX:,})."
        raise MethodError(what, where="compare", hint="Compare single articles.", code="too_large")
    number = {word: n for n, word in enumerate(dict.fromkeys((*a, *b)))}
    x, y = (np.array([number[w] for w in side], dtype=np.int64) for side in (a, b))
    common = _common(x, y)
    runs: list[tuple[str, list[str]]] = []

    def add(kind: str, word: str) -> None:
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(word)
        else:
            runs.append((kind, [word]))

    i = j = 0
    for p, q in [*common, (len(a), len(b))]:
        for word in a[i:p]:
            add("gone", word)
        for word in b[j:q]:
            add("new", word)
        if p < len(a) and q < len(b):
            add("same", a[p])
        i, j = p + 1, q + 1
    return [(kind, tuple(words)) for kind, words in runs]


def _common(x: Any, y: Any) -> list[tuple[int, int]]:
    """Places `(in x, in y)` of a longest common subsequence, by halving x."""
    head = 0
    while head < min(len(x), len(y)) and x[head] == y[head]:
        head += 1
    tail = 0
    while tail < min(len(x), len(y)) - head and x[len(x) - 1 - tail] == y[len(y) - 1 - tail]:
        tail += 1
    first = [(n, n) for n in range(head)]
    last = [(len(x) - tail + n, len(y) - tail + n) for n in range(tail)]
    mid_x, mid_y = x[head : len(x) - tail], y[head : len(y) - tail]
    if len(mid_x) == 0 or len(mid_y) == 0:
        return first + last
    if len(mid_x) == 1:
        where = np.flatnonzero(mid_y == mid_x[0])
        middle = [(0, int(where[0]))] if where.size else []
    else:
        half = len(mid_x) // 2
        forth = _lengths(mid_x[:half], mid_y)
        back = _lengths(mid_x[half:][::-1], mid_y[::-1])[::-1]
        cut = int(np.argmax(forth + back))
        upper = [(p + half, q + cut) for p, q in _common(mid_x[half:], mid_y[cut:])]
        middle = _common(mid_x[:half], mid_y[:cut]) + upper
    return first + [(p + head, q + head) for p, q in middle] + last


def _lengths(x: Any, y: Any) -> Any:
    """Lengths of the longest common subsequence of x and each beginning of y `[len(y) + 1]`."""
    row = np.zeros(len(y) + 1, dtype=np.int64)
    for word in x:
        longer = row.copy()
        longer[1:] = np.maximum(row[1:], row[:-1] + (y == word))
        row = np.maximum.accumulate(longer)
    return row
