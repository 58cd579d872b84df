"""What kind of chapter does an article stand in, and which provisions can it then hold?

Definitions, scope, relation to other chapters, publication, disputes and cooperation read alike in every chapter of a
trade agreement; they are digital provisions only where the chapter is digital. So it is, if its title says so (patterns
a language, `chapter_terms.yaml`), or if at least two and 30% of its articles hold another digital provision with
P >= 0.5 (section 6, step 7). Elsewhere the probability of these provisions goes to OTHER.

An article whose chapter isn't known is left as it is. The rule reads titles; it does not know what an annex belongs to.

    >>> sorted(kinds("Financial Services and Electronic Commerce", "en"))
    ['digital', 'financial']
    >>> kinds("Rules of Origin", "en")
    frozenset()
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.rulebook.coder.tfidf import fold
from concordat.rulebook.model import LANGUAGES, OTHER
from concordat.rulebook.taxonomy import DATA

Array = NDArray[np.float64]
DIGITAL = "digital"
NEEDS_DIGITAL = ("EC-DEFI", "EC-SCOP", "EC-RELA", "EC-TRAN", "EC-DISP", "EC-COOP")
# Exceptions, bodies, standards and participation are as much everybody's: the same rule, for the same reason.
INSTITUTIONAL = ("MG-EXCP", "MG-COMM", "MG-STAN", "MG-MULT")
SHARE_MIN, COUNT_MIN, P_MIN = 0.3, 2, 0.5


class KindPatterns(BaseModel):
    """Patterns of a language by kind of chapter."""

    model_config = ConfigDict(extra="forbid")
    digital: list[str] = Field(min_length=1)
    telecom: list[str] = []
    ip: list[str] = []
    financial: list[str] = []
    procurement: list[str] = []
    customs: list[str] = []


@cache
def _terms() -> Mapping[str, Mapping[str, tuple[re.Pattern[str], ...]]]:
    import yaml

    where = "concordat/rulebook/data/chapter_terms.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # patterns in single quotes need no line of a fault
    value: Any = yaml.load((DATA / "chapter_terms.yaml").read_bytes(), Loader=loader)
    if not isinstance(value, dict) or set(value) != set(LANGUAGES):
        raise InputError("must hold patterns in six languages.", where=where, hint=", ".join(LANGUAGES), code="invalid")
    found = {}
    for lang in LANGUAGES:
        patterns = KindPatterns.model_validate(value[lang]).model_dump()
        found[lang] = {kind: tuple(re.compile(p) for p in some) for kind, some in patterns.items()}
    return found


def kinds(title: str, lang: str) -> frozenset[str]:
    """What a chapter's title says that it is about: digital, telecom, ip, financial, procurement, customs."""
    return _kinds(fold(title), lang)


@cache
def _kinds(folded: str, lang: str) -> frozenset[str]:
    by_kind = _terms().get(lang) or {}
    return frozenset(kind for kind, patterns in by_kind.items() if any(p.search(folded) for p in patterns))


def digital_chapters(
    chapters: Sequence[str | None], titles: Mapping[str, str], langs: Sequence[str], p: Array, classes: Sequence[str],
    structural: frozenset[str],
) -> NDArray[np.bool_]:  # fmt: skip
    """For each article, whether its chapter is digital; True where the chapter is not known.

    Args:
        chapters: a key for each article's chapter, None where it is not known. titles: of the keys.
        p: probabilities (articles x classes). structural: codes that say nothing of what a chapter is about.
    """
    plain = [k for k, code in enumerate(classes) if code not in structural | {OTHER, *NEEDS_DIGITAL, *INSTITUTIONAL}]
    held = np.asarray((p[:, plain] >= P_MIN).any(axis=1)) if plain else np.zeros(len(p), bool)
    ec = [k for k in plain if classes[k][:2] in ("EC", "DF")]
    counted: dict[str, list[int]] = {}
    for at, chapter in enumerate(chapters):
        if chapter is not None:
            own = counted.setdefault(chapter, [0, 0])
            own[0] += 1
            own[1] += bool(held[at] and (p[at, ec].sum() >= P_MIN if ec else False))
    named = {
        c: DIGITAL in kinds(titles.get(c, ""), lang) for c, lang in zip(chapters, langs, strict=True) if c is not None
    }
    digital = {c: named[c] or (own[1] >= COUNT_MIN and own[1] >= SHARE_MIN * own[0]) for c, own in counted.items()}
    return np.array([c is None or digital[c] for c in chapters], bool)


def moved_to_other(p: Array, classes: Sequence[str], digital: NDArray[np.bool_]) -> Array:
    """Probabilities where those provisions have none outside a digital chapter; rows still sum to 1."""
    columns = [k for k, code in enumerate(classes) if code in NEEDS_DIGITAL or code in INSTITUTIONAL]
    if not columns or OTHER not in classes:
        return p
    result = p.copy()
    gone = p[:, columns] * ~digital[:, None]
    result[:, list(classes).index(OTHER)] += gone.sum(axis=1)
    result[:, columns] -= gone
    return result
