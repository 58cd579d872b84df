"""Which words of an article are the evidence for its code?

Each sentence is scored by how far it speaks for the provision and not for the others, sum over its features of x (w_p
- mean_q w_q), plus the lexicon's hits; the fewest sentences, three at most, that hold 60% of the positive evidence are
the span. It is a range of the text, quoted verbatim, from the first of them to the last if they stand together, else
the strongest one with its neighbours among them.

It explains the linear part of the model; what MiniLM saw in the whole article has no words.

    >>> fewest([0.1, 2.0, 0.9, -1.0])
    (1,)
    >>> together((1, 2), [(0, 5), (6, 20), (21, 30)])
    (6, 30)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SENTENCES_MAX = 3
SHARE = 0.6


def evidence(rows: Array | object, weights: Array, column: int, lex: Sequence[int]) -> list[float]:
    """How far each sentence speaks for a class.

    Args:
        rows: sentences x features. weights: features x classes. lex: hits of the provision in each sentence.
    """
    contrast = weights[:, column] - weights.mean(axis=1)
    return [float(score) + hits for score, hits in zip(np.asarray(rows @ contrast).ravel(), lex, strict=True)]


def fewest(scores: Sequence[float], *, share: float = SHARE, most: int = SENTENCES_MAX) -> tuple[int, ...]:
    """Places of the fewest sentences that hold the share of all positive evidence, the strongest first."""
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    total = sum(score for score in scores if score > 0)
    chosen: list[int] = []
    held = 0.0
    for at in order[:most]:
        if chosen and (scores[at] <= 0 or held >= share * total):
            break
        chosen.append(at)
        held += max(scores[at], 0.0)
    return tuple(chosen)


def together(chosen: Sequence[int], places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Start and end of the run of chosen sentences around the strongest."""
    held = set(chosen)
    first = last = chosen[0]
    while first - 1 in held:
        first -= 1
    while last + 1 in held:
        last += 1
    return places[first][0], places[last][1]
