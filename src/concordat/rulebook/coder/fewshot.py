"""Is it a provision of which hardly any labelled article exists?

A provision seen in fewer than five training agreements (each counts once: copies are no evidence) gets a second opinion
from its own words, and one of which there is none gets its only one:

    s_p = sigmoid(-3.0 + 1.2 lex_p + 4.0 max(cos(u, definition_p), max_j cos(u, exemplar_pj)))

valid only with lex_p >= 1 or where p has the highest cosine of all provisions. Then P_p = max(P_p, s_p), and the others
are rescaled to what is left (section 6, step 6; the three constants are starting values until refitted by folds).

It learns nothing from articles and knows no context.

    >>> p = np.array([[0.8, 0.2]])
    >>> blend(p, np.array([[0.0, 0.5]]), np.array([[False, True]])).tolist()
    [[0.5, 0.5]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
AGREEMENTS_MIN = 5
LEX_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Constants:
    """Intercept, weight of the lexicon, weight of the cosine."""

    intercept: float = -3.0
    lex: float = 1.2
    cosine: float = 4.0


def scores(lex: Array, cosine: Array, constants: Constants | None = None) -> tuple[Array, NDArray[np.bool_]]:
    """s for each text and provision, and where it is valid.

    Args:
        lex: sums of hits (texts x provisions), capped at 3 here. cosine: best cosine to a definition or exemplar.
    """
    k = constants or Constants()
    z = k.intercept + k.lex * np.minimum(lex, LEX_MAX) + k.cosine * cosine
    first = (
        (cosine >= cosine.max(axis=1, keepdims=True)) & (cosine > 0) if cosine.size else np.zeros(cosine.shape, bool)
    )
    return np.asarray(1 / (1 + np.exp(-z))), (lex >= 1) | first


def best_cosines(similar: Array, owners: Sequence[str], provisions: Sequence[str]) -> Array:
    """The highest cosine of each text to any clause of each provision (0 where it has none).

    Args:
        similar: texts x clauses. owners: the provision of each clause.
    """
    result = np.zeros((len(similar), len(provisions)))
    at = {code: k for k, code in enumerate(provisions)}
    for j, code in enumerate(owners):
        if code in at:
            np.maximum(result[:, at[code]], similar[:, j], out=result[:, at[code]])
    return result


def blend(p: Array, s: Array, valid: NDArray[np.bool_]) -> Array:
    """P_p = max(P_p, s_p) where valid: a row's largest s counts, the other probabilities share what is left."""
    raised = np.where(valid & (s > p), s, 0.0)
    best = raised.argmax(axis=1)
    rows = np.arange(len(p))
    rows = rows[raised[rows, best] > 0]
    result = p.copy()
    old, new = p[rows, best[rows]], raised[rows, best[rows]]
    rest = np.maximum(1 - old, 1e-12)
    result[rows] *= ((1 - new) / rest)[:, None]
    result[rows, best[rows]] = new
    return result


def rare(agreements: Mapping[str, int], provisions: Sequence[str], least: int = AGREEMENTS_MIN) -> tuple[str, ...]:
    """The provisions that fewer than `least` training agreements hold."""
    return tuple(code for code in provisions if agreements.get(code, 0) < least)
