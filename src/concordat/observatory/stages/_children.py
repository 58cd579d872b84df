"""Who is aggregated: the names behind the columns and rows that a parent's method sees, and its faults.

`Children` is public in `stages.aggregate`; it stands here so that the methods which `aggregate` calls can name what is
wrong without importing it in a circle.

    >>> import numpy as np
    >>> who = Children("access", ("users", "lines"), ("BRA", "IND"))
    >>> str(who.fault("the geometric mean needs values above 0; this one is 0.", child=0, unit=1))
    'step aggregate, indicator users, unit IND: access: the geometric mean needs values above 0; this one is 0.'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.observatory.panel import Bools, Frame, fault

STAGE = "aggregate"


@dataclass(frozen=True, slots=True)
class Children:
    """Names for messages.

    Attributes:
        parent: id of the node whose score is made.
        children: ids of the columns.
        units: area codes of the rows.
        slices: what messages call each slice ("2021", "run 17"), in row-major order of the leading axes.
    """

    parent: str
    children: tuple[str, ...]
    units: tuple[str, ...]
    slices: tuple[str, ...] = ()

    def fault(
        self, what: str, *, child: int | None = None, unit: int | None = None, slice_: int | None = None, hint: str = ""
    ) -> MethodError:
        """The error of a parent that has no honest score."""
        width = 1 + max(child if child is not None else 0, len(self.children) - 1)
        names = tuple(self.children[i] if i < len(self.children) else f"number {i + 1}" for i in range(width))
        units = self.units
        if unit is not None and unit >= len(units):
            units = (*units, *(f"number {i + 1}" for i in range(len(units), unit + 1)))
        frame = Frame(units, names, np.ones(width), (0,) * width, self.slices)
        return fault(frame, STAGE, f"{self.parent}: {what}", indicator=child, unit=unit, slice_=slice_, hint=hint)

    def refuse(self, what: str, *, hint: str = "", code: str = "") -> InputError:
        """The error of an option that can't be meant for this parent."""
        return InputError(what, where=f"step {STAGE}, {self.parent}", hint=hint, code=code)


def first(bad: Bools) -> tuple[int, int, int]:
    """Slice, unit and child of the first true cell of `[..., unit, child]`."""
    where = np.unravel_index(int(np.argmax(bad)), bad.shape)
    lead = bad.shape[:-2]
    slice_ = int(np.ravel_multi_index(where[:-2], lead)) if lead else 0
    return slice_, int(where[-2]), int(where[-1])
