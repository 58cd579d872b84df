"""Which shape does a scale have? Logarithms and roots of whole indicators, and of the goalposts given in their unit.

log (ln x), log10, log1p (ln(1 + x)) and sqrt, one for each column. An indicator's goalposts, target and points are
given in the indicator's own unit and go through the same function, bit for bit, so that a value equal to its goalpost
stays equal to it. Not here: the transformations that `treat` applies to outliers, which depend on the column's range.

    >>> import numpy as np
    >>> frame = Frame(("BRA", "IND"), ("basket",), np.array([-1.0]), (0,))
    >>> transform(np.array([[[0.0], [3.0]]]), ("log1p",), frame).values.round(4).ravel().tolist()
    [0.0, 1.3863]
    >>> of_goalposts((1.0, 100.0), "log10")
    (0.0, 2.0)
    >>> transform(np.array([[[0.0], [3.0]]]), ("log",), frame)
    Traceback (most recent call last):
    ...
    concordat.errors.MethodError: step transform, indicator basket, unit BRA: the value 0 has no log. Use transform: \
log1p, which takes values above -1, or correct the value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._elementary import log
from concordat.observatory.panel import Array, Bools, Frame, Note, Staged, fault

STAGE = "transform"
NAMES = ("none", "log", "log1p", "log10", "sqrt")

# 1 / ln 10 in two parts, the first with few digits, so that powers of ten have whole logarithms (fdlibm, e_log10.c).
_IVLN10 = 4.34294481903251816668e-01
_LOG10_2_HIGH, _LOG10_2_LOW = 3.01029995663611771306e-01, 3.69423907715893078616e-13


def transform(x: Array, names: tuple[str, ...], frame: Frame) -> Staged:
    """Transform each column of `[slice, unit, indicator]` by its own function; directions stay as they are.

    Raises:
        MethodError: a value that has no such transform; names unit, indicator and value.
    """
    assert len(names) == x.shape[-1] == len(frame.indicators), "one transformation for each column"
    found = np.array(x, dtype=np.float64)
    for column, name in enumerate(names):
        if name == "none":
            continue
        values = found[:, :, column]
        if (bad := ~_allowed(values, name) & ~np.isnan(values)).any():
            s, u = (int(i) for i in np.argwhere(bad)[0])
            what = f"the value {values[s, u]:g} has no {name}."
            raise fault(frame, STAGE, what, indicator=column, unit=u, slice_=s, hint=_hint(name), code="domain")
        found[:, :, column] = _FUNCTIONS[name](values)
    return Staged(found, lambda: _notes(names, frame))


def of_value(value: float, name: str) -> float:
    """One number in the indicator's own unit, transformed as the indicator is.

    Raises:
        MethodError: the number has no such transform.
    """
    if name == "none":
        return float(value)
    number = np.array([value], dtype=np.float64)
    if not _allowed(number, name).all():
        raise MethodError(f"the value {value:g} has no {name}.", where=f"step {STAGE}", hint=_hint(name), code="domain")
    return float(_FUNCTIONS[name](number)[0])


def of_goalposts(goalposts: tuple[float, float], name: str, indicator: str = "") -> tuple[float, float]:
    """Goalposts in the indicator's own unit, transformed as the indicator is.

    Raises:
        MethodError: a goalpost has no such transform; names the indicator.
    """
    try:
        return of_value(goalposts[0], name), of_value(goalposts[1], name)
    except MethodError as error:
        where = f"step {STAGE}, indicator {indicator}" if indicator else f"step {STAGE}"
        raise MethodError(f"goalposts: {error.what}", where=where, hint=error.hint, code=error.code) from None


def _allowed(x: Array, name: str) -> Bools:
    limit = {"log": x > 0, "log10": x > 0, "log1p": x > -1, "sqrt": x >= 0}
    return limit[name] & (x < np.inf)


def _hint(name: str) -> str:
    if name == "log1p":
        return "It takes values above -1: correct the value or use transform: none."
    if name == "sqrt":
        return "It takes values from 0 on: correct the value or use transform: none."
    return "Use transform: log1p, which takes values above -1, or correct the value."


def _log1p(x: Array) -> Array:
    """ln(1 + x) without losing small x: the error of 1 + x is divided out again (Kahan's device)."""
    u = 1.0 + x
    lost = u == 1.0
    return np.where(lost, x, log(u) * (x / np.where(lost, 1.0, u - 1.0)))


def _log10(x: Array) -> Array:
    """The decimal logarithm, whole for powers of ten; made as fdlibm makes it, of `log` near 1 and a power of two."""
    fraction, power = np.frexp(x)
    k = power.astype(np.float64) - 1.0
    below = (k < 0).astype(np.float64)
    y = k + below
    mantissa = np.ldexp(fraction, (1 - below).astype(np.int64))
    return np.asarray(y * _LOG10_2_HIGH + (y * _LOG10_2_LOW + _IVLN10 * log(mantissa)))


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {"log": log, "log1p": _log1p, "log10": _log10, "sqrt": np.sqrt}


def _notes(names: tuple[str, ...], frame: Frame) -> tuple[Note, ...]:
    return tuple(
        Note(STAGE, "rescaled", indicator=indicator, text=f"{name} of every value")
        for indicator, name in zip(frame.indicators, names, strict=True)
        if name != "none"
    )
