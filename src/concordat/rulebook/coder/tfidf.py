"""Which words and pairs of words make a text unlike the others, as sparse unit vectors?

Term frequency times inverse document frequency (K. Spärck Jones, A statistical interpretation of term specificity,
Journal of Documentation 28, 1972): tf = 1 + ln(count), idf = ln((1 + n) / (1 + df)) + 1, each row of length 1, so that
the product of two rows is their cosine. Three kinds of terms: runs of one or two words, runs of letters inside a word
(with its edges), and runs of characters for scripts without blanks. A text is folded first: NFKC, small letters,
blanks, and each digit to `0`.

It knows no stop words, no stems and nothing of treaties.

    >>> vectoriser = fit(["Each Party shall allow data", "Each Party shall tax data"], words(1, 1), df_min=1)
    >>> sorted(vectoriser.vocabulary)
    ['allow', 'data', 'each', 'party', 'shall', 'tax']
    >>> rows = vectoriser.transform(["Tax data", "Tax data"])
    >>> round(float((rows @ rows.T)[0, 1]), 6)
    1.0
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Analyser = Callable[[str], list[str]]
Rows = Any  # scipy.sparse.csr_matrix, which is imported where it is made: it takes a tenth of a second

_WORD = re.compile(r"\b\w\w+\b")
_DIGITS = str.maketrans("123456789", "000000000")
_BLANKS = re.compile(r"\s+")


def fold(text: str) -> str:
    """The text as the models see it: NFKC, small letters, single blanks.

    >>> fold("Ｅach  Party\\nSHALL")
    'each party shall'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def words(shortest: int = 1, longest: int = 2) -> Analyser:
    """Runs of `shortest` to `longest` words of at least two letters."""
    assert 1 <= shortest <= longest <= 2, "runs of one or two words"

    def analyse(text: str) -> list[str]:
        found = _WORD.findall(fold(text).translate(_DIGITS))
        pairs = [f"{a} {b}" for a, b in pairwise(found)] if longest == 2 else []
        return found + pairs if shortest == 1 else pairs

    return analyse


def letters(shortest: int, longest: int) -> Analyser:
    """Runs of characters inside a word, its edges shown by a blank."""

    def analyse(text: str) -> list[str]:
        found: list[str] = []
        for word in fold(text).translate(_DIGITS).split():
            edged = f" {word} "
            for size in range(shortest, longest + 1):
                if len(edged) <= size:
                    found.append(edged)
                    break
                found.extend(edged[at : at + size] for at in range(len(edged) - size + 1))
        return found

    return analyse


def characters(shortest: int, longest: int) -> Analyser:
    """Runs of characters, for scripts that put no blank between words."""

    def analyse(text: str) -> list[str]:
        whole = _BLANKS.sub("", fold(text).translate(_DIGITS))
        sizes = range(shortest, longest + 1)
        return [whole[at : at + size] for size in sizes for at in range(len(whole) - size + 1)]

    return analyse


@dataclass(frozen=True)
class Vectoriser:
    """The terms of a collection with their weights; `transform` turns texts into rows of length 1."""

    analyser: Analyser
    vocabulary: Mapping[str, int]
    idf: NDArray[np.float64]

    def transform(self, texts: Iterable[str]) -> Rows:
        """A sparse row for each text; a text without a known term is a row of zeros."""
        return _rows([Counter(self.analyser(text)) for text in texts], self.vocabulary, self.idf)


def fit(texts: Sequence[str], analyser: Analyser, *, df_min: int = 2) -> Vectoriser:
    """The vectoriser of a collection: terms that occur in at least `df_min` of its texts."""
    return fit_transform(texts, analyser, df_min=df_min)[0]


def fit_transform(texts: Sequence[str], analyser: Analyser, *, df_min: int = 2) -> tuple[Vectoriser, Rows]:
    """The vectoriser of a collection, and the rows of its texts, each analysed once."""
    counts = [Counter(analyser(text)) for text in texts]
    frequency: Counter[str] = Counter()
    for found in counts:
        frequency.update(found.keys())
    terms = sorted(term for term, df in frequency.items() if df >= df_min)
    vocabulary = {term: at for at, term in enumerate(terms)}
    df = np.array([frequency[term] for term in terms], float)
    idf = np.log((1 + len(texts)) / (1 + df)) + 1
    return Vectoriser(analyser, vocabulary, idf), _rows(counts, vocabulary, idf)


def _rows(counts: Sequence[Mapping[str, int]], vocabulary: Mapping[str, int], idf: NDArray[np.float64]) -> Rows:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped,unused-ignore]

    columns: list[int] = []
    values: list[int] = []
    starts = [0]
    for found in counts:
        for term, count in found.items():
            at = vocabulary.get(term)
            if at is not None:
                columns.append(at)
                values.append(count)
        starts.append(len(columns))
    index, start = np.array(columns, np.int64), np.array(starts, np.int64)
    data = (1 + np.log(np.array(values, float))) * idf[index] if len(index) else np.zeros(0)
    squares = np.concatenate(([0.0], np.cumsum(data * data)))
    lengths = np.sqrt(squares[start[1:]] - squares[start[:-1]])
    data = data / np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(start))
    rows = csr_matrix((data, index, start), shape=(len(counts), len(vocabulary)))
    rows.sort_indices()
    return rows
