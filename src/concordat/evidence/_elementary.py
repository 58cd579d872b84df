"""Logarithm, exponential and power that give the same bits on every processor.

Libraries choose their code for these by what the processor can do, and the choices round differently in the last
place. Here they are made of additions, multiplications, divisions and powers of two, each rounded as IEEE 754 says and
each by itself (an array operation never fuses two), by the polynomials of Sun's fdlibm (`e_log.c`, `e_exp.c`, 1993):
the error is below one unit in the last place for `log` and `exp`. Sums need no such care: NumPy adds in one order
everywhere.

    >>> log(np.array([1.0, 0.5])), exp(np.array([0.0, 1.0]))
    (array([ 0.        , -0.69314718]), array([1.        , 2.71828183]))
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

_SQRT_HALF = 0.7071067811865476
# ln 2 in two parts: the first has zeros behind, so that its product with a small whole number is exact.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# log(1 + f) - f + f^2/2 in s = f / (2 + f), and x / (exp(x) - 1) in x^2: fdlibm's Lg1..Lg7 and P1..P5.
_LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
_EXP = (
    1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05, -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)  # fmt: skip
_BLOCK = 16_384  # long lists are taken in parts that stay in the processor's cache: the same bits, in half the time


def log(x: Array) -> Array:
    """The natural logarithm of numbers above zero."""
    if x.size > 2 * _BLOCK and x.ndim == 1:
        return np.concatenate([log(x[i : i + _BLOCK]) for i in range(0, x.size, _BLOCK)])
    fraction, power = np.frexp(x)
    low = fraction < _SQRT_HALF
    k = (power - low).astype(np.float64)
    f = np.where(low, fraction * 2, fraction) - 1
    s = f / (2 + f)
    half = 0.5 * f * f
    found = half + _polynomial(_LOG, s * s)
    return np.asarray(s * found + k * _LN2_LOW - half + f + k * _LN2_HIGH)


def exp(x: Array) -> Array:
    """e to the power of numbers."""
    x = np.clip(x, -800, 800)  # beyond lie zero and infinity
    k = np.rint(x / _LN2_HIGH)
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    c = r - _polynomial(_EXP, r * r)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(1 + (r * c / (2 - c) - low + high), k.astype(np.int64)))


def power(x: Array, a: float) -> Array:
    """Numbers not below zero to the power a; the relative error grows with |a log x|, by 1e-16 a unit of it."""
    if a == 2:
        return x * x
    if a == 0.5:
        return np.sqrt(x)
    found = exp(a * log(np.where(x > 0, x, 1.0)))
    return np.where(x > 0, found, 0.0 if a > 0 else np.inf)


def _polynomial(coefficients: tuple[float, ...], z: Array) -> Array:
    """`z (c1 + z (c2 + z (c3 + ...)))`."""
    found = np.zeros_like(z)
    for c in reversed(coefficients):
        found = z * (c + found)
    return found
