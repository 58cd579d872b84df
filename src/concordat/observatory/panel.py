"""Figures as arrays: what every stage of an index works on, and why a cell is empty.

A *panel* is float64 `[time, unit, indicator]`, NaN inside only, with a reason code for each cell. A stage works on a
*stack* `[slice, unit, indicator]` whose slices are treated alone: the years of a panel, or the runs of an uncertainty
analysis. Where a stage pools all years it is given one slice of `time * unit` rows. `Frame` says what the rows and
columns are, so that every fault names indicator, unit and step.

    >>> import numpy as np
    >>> frame = Frame(units=("BRA", "IND"), indicators=("users",), directions=np.array([1.0]), pillars=(0,))
    >>> str(fault(frame, "normalise", "all 2 units have 0.5.", indicator=0, hint="Drop it or give goalposts."))
    'step normalise, indicator users: all 2 units have 0.5. Drop it or give goalposts.'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from concordat.errors import MethodError

Array: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class Reason(IntEnum):
    """Why a cell holds what it holds."""

    OBSERVED = 0
    MISSING = 1
    NOT_APPLICABLE = 2
    SCREENED = 3
    IMPUTED = 4
    TREATED = 5
    NO_DENOMINATOR = 6
    TOO_OLD = 7


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Who the rows and columns of a stack are.

    Attributes:
        units: area codes, in the order of the rows.
        indicators: ids, in the order of the columns.
        directions: +1 or -1 for each column; -1 where less is better.
        pillars: for each column the number of the pillar (lowest parent) it belongs to.
        slices: what messages call each slice of the stack ("2021", "run 17"); empty when there is only one.
        groups: for each unit the group of `group_mean` and `group_median`, "" where it has none.
    """

    units: tuple[str, ...]
    indicators: tuple[str, ...]
    directions: Array
    pillars: tuple[int, ...]
    slices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def columns_of(self, pillar: int) -> tuple[int, ...]:
        """The columns of one pillar."""
        return tuple(i for i, p in enumerate(self.pillars) if p == pillar)


@dataclass(frozen=True, slots=True)
class Note:
    """What a stage did or has to say, for the report: never a number that is shown without its cell.

    Attributes:
        stage: the step's name.
        code: a stable word for programs (`winsorised`, `transformed`, `constant`, `uninformed`, `too_few`).
        before, after: of a cell that was changed.
        text: a plain sentence, in English.
        warning: something the reader should act on.
    """

    stage: str
    code: str
    indicator: str = ""
    unit: str = ""
    slice: str = ""
    before: float | None = None
    after: float | None = None
    text: str = ""
    warning: bool = False


def no_notes() -> tuple[Note, ...]:
    """Nothing to say."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Staged:
    """What a stage returns: the new stack, and on demand what it did (a batch of runs never asks)."""

    values: Array
    notes: Callable[[], tuple[Note, ...]] = no_notes


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The figures of an index with their origins.

    Attributes:
        years: of each slice; a single 0 where the figures have no year.
        values: `[time, unit, indicator]`; NaN where there is none.
        reasons: `Reason` of each cell as it was read; `IndexResult.reasons` has what the steps made of it.
        source_years: the year each value is of (0: none), which for `take: latest` may be before the panel's.
        ids: observation id of each cell, "" where none.
        denominators: id -> `[time, unit]`, for the step `denominate`.
        lower, upper: evidence intervals; NaN in the whole column of an indicator of which none is known.
        groups: for each unit the group that imputation by groups uses, or empty.
        bounds: for each indicator what it can't lie outside of, infinite where nothing is known; or empty.
        notes: what reading the figures has to say.
    """

    years: tuple[int, ...]
    units: tuple[str, ...]
    indicators: tuple[str, ...]
    values: Array
    reasons: npt.NDArray[np.uint8]
    source_years: npt.NDArray[np.int16]
    ids: npt.NDArray[np.object_]
    denominators: Mapping[str, Array] = field(default_factory=dict)
    lower: Array | None = None
    upper: Array | None = None
    groups: tuple[str, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.years), len(self.units), len(self.indicators))
        assert self.values.shape == shape, f"values are {self.values.shape}, names say {shape}"
        assert self.reasons.shape == shape
        assert not np.isinf(self.values).any(), "infinities do not enter a panel"


def without(panel: Panel, indicators: Sequence[str]) -> Panel:
    """The panel of these indicators alone, in this order."""
    pick = [panel.indicators.index(i) for i in indicators]
    return replace(
        panel,
        indicators=tuple(indicators),
        values=panel.values[:, :, pick],
        reasons=panel.reasons[:, :, pick],
        source_years=panel.source_years[:, :, pick],
        ids=panel.ids[:, :, pick],
        lower=None if panel.lower is None else panel.lower[:, :, pick],
        upper=None if panel.upper is None else panel.upper[:, :, pick],
        bounds=tuple(panel.bounds[i] for i in pick) if panel.bounds else (),
    )


def slice_name(frame: Frame, index: int | None) -> str:
    """What messages call a slice; "" where there is only one."""
    return frame.slices[index] if index is not None and index < len(frame.slices) else ""


def fault(
    frame: Frame,
    stage: str,
    what: str,
    *,
    indicator: int | None = None,
    unit: int | None = None,
    slice_: int | None = None,
    hint: str = "",
    code: str = "",
) -> MethodError:
    """The error of a stage that can't go on: names step, indicator, unit and slice (year or run)."""
    places = [f"step {stage}"]
    if indicator is not None:
        places.append(f"indicator {frame.indicators[indicator]}")
    if unit is not None:
        places.append(f"unit {frame.units[unit]}")
    if name := slice_name(frame, slice_):
        places.append(name)
    return MethodError(what, where=", ".join(places), hint=hint, code=code)
