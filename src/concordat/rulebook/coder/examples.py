"""Labelled texts as the models take them: a user's articles, our own clauses, and the chapter rule over either.

>>> article = Labelled("a/1", "a", 2015, "en", "Electronic Commerce", "", "No Party shall tax data.", "EC-DUTY")
>>> chapter_keys([article])
(['a|Electronic Commerce'], {'a|Electronic Commerce': 'Electronic Commerce'})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook.coder import context, features
from concordat.rulebook.coder.model import Example
from concordat.rulebook.exemplars import Exemplar, load_exemplars
from concordat.rulebook.taxonomy import Taxonomy

Array = NDArray[np.float64]
HUMAN_WEIGHT = 3.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled article of a user: one main code, others in `code_alt`; `human` if a person coded it."""

    id: str
    agreement: str
    year: int
    lang: str
    chapter: str
    heading: str
    text: str
    code: str
    code_alt: tuple[str, ...] = ()
    human: bool = False


def in_context(
    p: Array, classes: Sequence[str], langs: Sequence[str], chapters: Sequence[str | None], titles: Mapping[str, str],
    taxonomy: Taxonomy,
) -> tuple[Array, NDArray[np.bool_]]:  # fmt: skip
    """Probabilities after the chapter rule, and which articles stand in a digital chapter (or in an unknown one)."""
    structural = frozenset(code for code, provision in taxonomy.provisions.items() if provision.structural)
    digital = context.digital_chapters(chapters, titles, langs, p, classes, structural)
    return context.moved_to_other(p, classes, digital), digital


def own_examples(exemplars: Sequence[Exemplar] | None = None) -> list[Example]:
    """Our own clauses as examples; those that ship are read once."""
    return list(_shipped()) if exemplars is None else _examples(exemplars)


@cache
def _shipped() -> tuple[Example, ...]:
    return tuple(_examples(load_exemplars()))


def _examples(clauses: Sequence[Exemplar]) -> list[Example]:
    texts = features.prepare([c.text for c in clauses], [c.lang for c in clauses])
    return [Example(c.id, "", text, c.code) for c, text in zip(clauses, texts, strict=True)]


def user_examples(articles: Sequence[Labelled], *, strict: bool = True) -> list[Example]:
    """Labelled articles as examples; a person's code weighs three times."""
    raw = [a.text if strict or not a.heading else f"{a.heading}.\n{a.text}" for a in articles]
    texts = features.prepare(raw, [a.lang for a in articles])
    return [
        Example(a.id, a.agreement, text, a.code, HUMAN_WEIGHT if a.human else 1.0)
        for a, text in zip(articles, texts, strict=True)
    ]


def chapter_keys(articles: Sequence[Labelled]) -> tuple[list[str | None], dict[str, str]]:
    """A key for each article's chapter (None where it has no title), and the titles."""
    keys = [f"{a.agreement}|{a.chapter}" if a.chapter else None for a in articles]
    return keys, {key: a.chapter for key, a in zip(keys, articles, strict=True) if key}
