"""Whether an input-output table adds up: two accounts of the same outputs, held against each other.

A table states output more than once: as what an industry sold, as what it bought plus value added, and as a printed
total. Rounding moves them apart a little. The measure is the sum of all absolute differences over total output, which
large and small industries enter by their size; above a tolerance (0.1 % unless said otherwise) the table is refused,
with the industry that differs most. What is within the tolerance is kept as it is, never spread or balanced here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import SourceError

Array = NDArray[np.float64]
TOLERANCE = 0.001  # of total output


def imbalance(first: Array, second: Array) -> float:
    """Sum of absolute differences over the total of the larger account; 0 for two empty ones.

    >>> imbalance(np.array([100.0, 50.0]), np.array([101.0, 49.0]))
    0.013333333333333334
    """
    whole = max(float(np.abs(first).sum()), float(np.abs(second).sum()))
    return float(np.abs(first - second).sum()) / whole if whole else 0.0


def refuse_unbalanced(
    first: Array, second: Array, names: Sequence[str], *, between: str, where: str, tolerance: float = TOLERANCE
) -> float:
    """The imbalance, if it is within the tolerance.

    Args:
        first, second: (N,) the two accounts. names: (N,) of the industries or products.
        between: what they are, as "printed output and sales".

    Raises:
        SourceError: they differ by more, with the one that differs most and the option that lets it pass.
    """
    found = imbalance(first, second)
    if found > tolerance:
        worst = int(np.argmax(np.abs(first - second)))
        what = (
            f"{between} differ by {100 * found:.3g} % of total output; most in {names[worst]}: "
            f"{first[worst]:,.10g} and {second[worst]:,.10g}."
        )
        hint = (
            f"Above {100 * tolerance:g} % the table is refused; if it is known why, set a tolerance (--tolerance) "
            f"above {100 * found:.3g} %."
        )
        raise SourceError(what, where=where, hint=hint, code="unbalanced")
    return found
