"""What the peer COINr 1.1.14 does where we hold it wrong: its literal defects, alone in this module.

An index file with `compat: coinr-1.1.14` gets them, so that an old result can be repeated to the last digit and the
difference to the right method can be shown. Each function says what is wrong with it. Nothing else in the room may
repeat a defect. Source: COINr 1.1.14 (MIT), `log_GII`, `n_fracmax`, `a_genmean`, `outrankMatrix`, `SA_estimate`, as
measured.

    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0], [np.nan, 2.0], [3.0, np.nan]])
    >>> outrank_matrix(x, np.array([0.5, 0.5]))[0, 1], outrank_matrix(x[::-1], np.array([0.5, 0.5]))[2, 1]
    (np.float64(0.5), np.float64(1.0))
"""

from __future__ import annotations

import numpy as np

from concordat.evidence._elementary import exp, log, power
from concordat.observatory.panel import Array


def log_gii(x: Array) -> Array:
    """The peer's `log_GII`: it returns what it is given, where the logarithm of the GII was promised."""
    return np.array(x, dtype=np.float64)


def fracmax(y: Array, base: Array | None = None) -> Array:
    """y / max(y) over units (axis -2) of values already multiplied by their direction; the maximum is that of `base`.

    The defect: a negative direction is divided by a negative maximum, so that x / min(x) comes out and more is higher
    again. A maximum of zero leaves the column blank.
    """
    largest = np.fmax.reduce(y if base is None else base, axis=-2, keepdims=True)
    return np.asarray(y / np.where(largest == 0, np.nan, largest))


def power_blank(x: Array, w: Array, p: float) -> Array:
    """The generalised mean `[..., unit]` of `[..., unit, child]`, blank for a unit with any missing child.

    (sum w x^p / sum w)^(1/p) for values not below zero (above zero where p <= 0); p = 0 is the geometric mean. The
    defect is the blank: other means of the peer take the children that are there.
    """
    weights = np.asarray(w, dtype=np.float64)[..., None, :]
    shares = weights / weights.sum(axis=-1, keepdims=True)
    there = np.asarray(~np.isnan(x).any(axis=-1))
    whole = np.where(there[..., None], x, 1.0)
    if p == 0:
        mean = exp((shares * log(whole)).sum(axis=-1))
    else:
        mean = power((shares * power(whole, p)).sum(axis=-1), 1 / p)
    return np.where(there, mean, np.nan)


def first_order_product(y_a: Array, y_b: Array, y_mixed: Array) -> Array:
    """What the peer averages, over V, for a first-order Sobol index: y_B (y_ABi - y_A), point by point.

    Saltelli and others, *Computer Physics Communications* 181 (2010), 259-270, table 2 (b). It is unbiased; the defect
    is that y_B is taken as it is, not less its mean, so that its error grows with the mean of the output (about twice
    Jansen's on the runs of the specification, section 5).
    """
    return np.asarray(y_b * (y_mixed - y_a))


def outrank_matrix(x: Array, w: Array) -> Array:
    """The outranking matrix `[unit, unit]` of scores `[unit, child]`.

    Above the diagonal o_ij = (weight where i > j + half of the weight where they are equal) / all weight: a comparison
    with a missing value counts as lost by the earlier row. Below it o_ji = 1 - o_ij. The defect: the result depends on
    the order of the rows. The diagonal is 0.5: no unit beats itself.
    """
    first, second = x[:, None, :], x[None, :, :]
    won: Array = ((w / w.sum()) * ((first > second) + 0.5 * (first == second))).sum(axis=-1)
    upper = np.triu(np.asarray(won), k=1)
    lower = np.tril(1.0 - won.T, k=-1)
    return np.asarray(upper + lower + 0.5 * np.eye(len(x)))
