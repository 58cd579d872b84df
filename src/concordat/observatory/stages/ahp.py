"""What weights do pairwise comparisons imply, and do they agree with each other? The analytic hierarchy process.

a_ij says how many times as important i is as j. Weights are the Perron vector (of the largest eigenvalue, lambda),
normalised to 1. CI = (lambda - n)/(n - 1); CR = CI/RI, where RI is the mean CI of random matrices; above 0.1 the
comparisons contradict each other too much and should be made again.

Source: Saaty, *The Analytic Hierarchy Process* (1980); his random index for n = 3..10. For one or two elements there is
nothing to contradict (CR 0); for more than ten he gives no random index, and CR is left out.

    >>> made = perron([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])
    >>> made.weights.round(3).tolist(), round(made.eigenvalue, 3), round(made.ratio, 3)
    ([0.637, 0.258, 0.105], 3.039, 0.033)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array

RANDOM_INDEX = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45, 10: 1.49}
RATIO_MAX = 0.1
_RECIPROCAL = 0.02  # 1/3 written as 0.33 is 1 % off


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Weights and how consistent the comparisons are.

    Attributes:
        eigenvalue: lambda, n for comparisons without contradiction.
        index: CI.
        ratio: CR; None where there is no random index.
    """

    weights: Array
    eigenvalue: float
    index: float
    ratio: float | None

    @property
    def consistent(self) -> bool:
        """Whether CR is at most 0.1 (or not known)."""
        return self.ratio is None or self.ratio <= RATIO_MAX


def perron(matrix: Sequence[Sequence[float]] | Array, where: str = "ahp", names: Sequence[str] = ()) -> Compared:
    """Weights of one matrix of comparisons.

    Raises:
        InputError: not square, not positive, or a pair that is not reciprocal; names the pair.
    """
    a = np.array(matrix, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.size == 0:
        raise InputError(f"comparisons are {a.shape}, not square.", where=where, hint="Give n rows of n numbers.")
    n = len(a)
    labels = list(names) or [f"element {i + 1}" for i in range(n)]
    for i in range(n):
        for j in range(i, n):
            _check(a[i, j], a[j, i], labels[i], labels[j], where)
    values, vectors = np.linalg.eig(a)
    at = int(np.argmax(values.real))  # Perron: the eigenvalue of largest modulus is real and positive
    vector = np.abs(vectors[:, at].real)
    eigenvalue = float(values[at].real)
    index = max((eigenvalue - n) / (n - 1), 0.0) if n > 2 else 0.0
    ratio = 0.0 if n <= 2 else index / RANDOM_INDEX[n] if n in RANDOM_INDEX else None
    return Compared(vector / vector.sum(), eigenvalue, index, ratio)


def _check(forth: float, back: float, one: str, other: str, where: str) -> None:
    pair = f"{one} against {other}"
    if not (np.isfinite(forth) and np.isfinite(back) and forth > 0 and back > 0):
        what = f"{pair} is {forth:g}, the other way round {back:g}."
        raise InputError(what, where=where, hint="Comparisons are numbers above 0.", code="comparison")
    if abs(forth * back - 1) > _RECIPROCAL:
        what = f"{pair} is {forth:g}, but the other way round it is {back:g}, not {1 / forth:.4g}."
        raise InputError(what, where=where, hint="Correct one of the two.", code="reciprocal")
