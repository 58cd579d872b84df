"""What does the coder see of a text: its sentences, the hits of the taxonomy's terms, its words, its meaning?

Three blocks of numbers a text: rows of term weights (`tfidf`), hits a provision (`lexicon`; half the sum, at most 2),
and MiniLM's 384 (English, where installed). A text is cut into sentences once; what a sentence hits is kept for the
span.

Embeddings are kept by (SHA-256 of the text, of the weights) in the mapping handed in, which may be a store's.

    >>> texts = prepare(["Each Party shall allow the cross-border transfer of information."], ["en"])
    >>> texts[0].lex["DF-FLOW"] >= 1
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook import _clean
from concordat.rulebook.coder import lexicon, minilm
from concordat.rulebook.coder.packaged import clause_vectors
from concordat.rulebook.coder.tfidf import fold
from concordat.rulebook.model import LANGUAGES
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

Array = NDArray[np.float64]
Vectors = MutableMapping[tuple[str, str], bytes]
LEX_TOP = 4
WIDTH = 384


@dataclass(frozen=True, slots=True)
class Text:
    """A text ready to be coded.

    Attributes:
        text: with soft line breaks joined. places: of its sentences. hits: of the taxonomy's terms.
        lex: sums of hits by provision, not capped.
    """

    text: str
    lang: str
    places: tuple[tuple[int, int], ...]
    hits: tuple[lexicon.Hit, ...]
    lex: dict[str, int]

    @property
    def sha256(self) -> str:
        """Of the text, for the key of its embedding."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def lexicons() -> dict[str, lexicon.Lexicon]:
    """The packaged taxonomy's terms, ready to be tried, by language."""
    return lexicons_of(load_taxonomy())


def lexicons_of(taxonomy: Taxonomy) -> dict[str, lexicon.Lexicon]:
    """A taxonomy's terms by language."""
    found = {}
    for lang in LANGUAGES:
        found[lang] = lexicon.Lexicon({c: p.terms[lang] for c, p in taxonomy.provisions.items() if lang in p.terms})
    return found


def prepare(
    texts: Sequence[str], langs: Sequence[str], own: dict[str, lexicon.Lexicon] | None = None, *, tidy: bool = True
) -> list[Text]:
    """Sentences and hits of each text; of a language without a lexicon, all six are tried.

    Args:
        tidy: join soft line breaks first; not for units, whose spans point into the text as it is.
    """
    tables = own or lexicons()
    found = []
    for raw, lang in zip(texts, langs, strict=True):
        text = _clean.tidy(raw, lang=lang) if tidy else raw
        places = _clean.sentences(text)
        folded = [fold(text[start:end]) for start, end in places]
        tried = [tables[lang]] if lang in tables else list(tables.values())
        hits = [hit for table in tried for hit in table.hits(folded)]
        found.append(Text(text, lang, places, tuple(hits), lexicon.totals(hits)))
    return found


def lex_rows(texts: Sequence[Text], codes: Sequence[str]) -> Array:
    """Hits of each text (texts x provisions), not capped."""
    at = {code: k for k, code in enumerate(codes)}
    rows = np.zeros((len(texts), len(codes)))
    for i, text in enumerate(texts):
        for code, total in text.lex.items():
            rows[i, at[code]] = total
    return rows


def lex_block(lex: Array, weight: float) -> Array:
    """The lexicon's hits as features."""
    return weight * np.minimum(lex, LEX_TOP) / 2


def joined(*blocks: Any) -> Any:
    """Blocks of features side by side, sparse if one is."""
    used = [block for block in blocks if block is not None and block.shape[1]]
    if all(isinstance(block, np.ndarray) for block in used):
        return np.concatenate(used, axis=1)
    from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped,unused-ignore]

    return hstack([block if not isinstance(block, np.ndarray) else csr_matrix(block) for block in used]).tocsr()


def embeddings(texts: Sequence[Text], vectors: Vectors) -> Array:
    """MiniLM's rows, from the mapping where it has them or from the package; new ones are added to it."""
    model = minilm.load()
    keys = [(text.sha256, model.sha256) for text in texts]
    shipped = clause_vectors(model.sha256)
    vectors.update((key, shipped[key]) for key in keys if key not in vectors and key in shipped)
    missing = {key: text.text for key, text in zip(keys, texts, strict=True) if key not in vectors}
    if missing:
        for key, row in zip(missing, model.embed(list(missing.values())), strict=True):
            vectors[key] = row.astype("<f4").tobytes()
    rows = [np.frombuffer(vectors[key], "<f4") for key in keys]
    return np.array(rows, float).reshape(len(rows), WIDTH)
