"""How much per head, per household, per unit of output? Indicators divided by their denominators.

x / (denominator / per): with `per: 100` and population, subscriptions become subscriptions per 100 people. Where the
denominator is zero or missing there is no such number: the cell is left empty with the reason `no_denominator` and is
listed. Source: OECD/JRC, *Handbook on Constructing Composite Indicators* (2008), step 2. Whether the units fit is
checked where the index file is bound to a release, not here.

    >>> import numpy as np
    >>> frame = Frame(("BRA", "IND"), ("lines",), np.array([1.0]), (0,))
    >>> done = denominate(np.array([[[6.0], [9.0]]]), frame, Denominate((("lines", "people", 100.0),)),
    ...                   {"people": np.array([[200.0, 0.0]])})
    >>> done.values.ravel().tolist(), done.notes()[0].code
    ([3.0, nan], 'no_denominator')
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools, Frame, Note, Staged, fault, slice_name
from concordat.observatory.stages.options import Denominate

STAGE = "denominate"


def denominate(x: Array, frame: Frame, options: Denominate, denominators: Mapping[str, Array]) -> Staged:
    """Divide columns of `[slice, unit, indicator]` by denominators `[slice, unit]` (one slice stands for all).

    Raises:
        InputError: an indicator or denominator that is not there, or one divided twice.
        MethodError: a denominator below zero, or a quotient that no number can hold.
    """
    assert x.ndim == 3, f"a stack is [slice, unit, indicator], not {x.shape}"
    found = np.array(x, dtype=np.float64)
    lost: list[tuple[int, str, Bools, Array]] = []
    _check_names(frame, options, denominators)
    for indicator, name, per in options.by:
        column = frame.indicators.index(indicator)
        below = np.broadcast_to(np.asarray(denominators[name], dtype=np.float64), x.shape[:2])
        _refuse_negative(below, frame, name, column)
        empty = ~(below > 0)
        divisor = np.where(empty, np.nan, below) / per
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # judged in the next lines
            quotient = x[:, :, column] / divisor
        if (bad := np.isinf(quotient)).any():
            s, u = (int(i) for i in np.argwhere(bad)[0])
            what = f"{x[s, u, column]:g} over {name} {below[s, u]:g} per {per:g} is too large for a number."
            raise fault(frame, STAGE, what, indicator=column, unit=u, slice_=s, hint="Check the denominator's unit.")
        found[:, :, column] = quotient
        lost.append((column, name, empty & ~np.isnan(x[:, :, column]), below))
    return Staged(found, lambda: _notes(x, frame, lost))


def _check_names(frame: Frame, options: Denominate, denominators: Mapping[str, Array]) -> None:
    seen: set[str] = set()
    for indicator, name, per in options.by:
        _known(indicator, "an indicator of this index", frame.indicators)
        _known(name, "a denominator that was loaded", tuple(sorted(denominators)))
        if indicator in seen:
            raise InputError(f'"{indicator}" is divided twice.', where=f"step {STAGE}", hint="Name it once.")
        if not 0 < per < np.inf:
            raise InputError(f"per: {per:g} of {indicator} is not a number above zero.", where=f"step {STAGE}")
        seen.add(indicator)


def _known(name: str, what: str, known: tuple[str, ...]) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(known) or 'none'}."
        raise InputError(f'"{name}" is not {what}.', where=f"step {STAGE}", hint=hint, code="unknown_name")


def _refuse_negative(below: Array, frame: Frame, name: str, column: int) -> None:
    if (bad := below < 0).any():
        s, u = (int(i) for i in np.argwhere(bad)[0])
        what = f"the denominator {name} is {below[s, u]:g}, below zero."
        raise fault(frame, STAGE, what, indicator=column, unit=u, slice_=s, hint="Correct it or leave it empty.")


def _notes(x: Array, frame: Frame, lost: list[tuple[int, str, Bools, Array]]) -> tuple[Note, ...]:
    """Each cell that had a value and lost it, because there was nothing to divide by."""
    notes = []
    for column, name, cells, below in lost:
        for s, u in np.argwhere(cells):
            why = "missing" if np.isnan(below[s, u]) else "zero"
            notes.append(
                Note(
                    STAGE,
                    "no_denominator",
                    indicator=frame.indicators[column],
                    unit=frame.units[u],
                    slice=slice_name(frame, int(s)),
                    before=float(x[s, u, column]),
                    text=f"left empty: the denominator {name} is {why}",
                    warning=True,
                )
            )
    return tuple(notes)
