"""A multi-regional input-output table as arrays: who sells what to whom, between industries and to final users.

Rows are producers (economy by economy, each with all industries), columns of `z` the industries that buy, columns of
`f` the final uses of each economy. Value added is output less all bought inputs, `x - 1'Z`, as long as the table gives
none of its own. What comes from which kind of file: `mrio_readers`. This module only holds and checks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MrioTable:
    """A multi-regional input-output table.

    Attributes:
        countries: C codes, in the order of the blocks; ISO 3166-1 alpha-3, or the source's own for a rest of the world.
        industries: I codes, the same in every country.
        final_uses: K names, the same in every country.
        z: (C I, C I) intermediate deliveries, row sells to column. f: (C I, C K) final deliveries.
        output: (C I,) gross output by producer. unit: of all of them ("USD million"). year: of the table.
        sha256: of the file's bytes. source: what to cite.
    """

    countries: tuple[str, ...]
    industries: tuple[str, ...]
    final_uses: tuple[str, ...]
    z: Array
    f: Array
    output: Array
    unit: str
    year: int
    sha256: str
    source: str

    def __post_init__(self) -> None:
        rows = len(self.countries) * len(self.industries)
        wanted = {"z": (rows, rows), "f": (rows, len(self.countries) * len(self.final_uses)), "output": (rows,)}
        for name, shape in wanted.items():
            found: Array = getattr(self, name)
            if found.shape != shape:
                what = f"{name} has {found.shape}, and {shape} is needed."
                hint = "Rows are countries times industries; final uses come country by country."
                raise InputError(what, where=self.source, hint=hint, code="shape")
            if not np.isfinite(found).all():
                first = [int(i) for i in np.argwhere(~np.isfinite(found))[0]]
                what = f"{name} has an empty or infinite cell at {first} (counted from 0)."
                raise InputError(what, where=self.source, hint="Give 0 where nothing is delivered.", code="nan")

    def block(self, country: str) -> slice:
        """The rows of a country, which are its columns in `z` too."""
        return self._slice(country, len(self.industries))

    def final_block(self, country: str) -> slice:
        """The columns of a country in `f`."""
        return self._slice(country, len(self.final_uses))

    def _slice(self, country: str, width: int) -> slice:
        from concordat.settings import nearest

        if country not in self.countries:
            close = nearest(country, self.countries)
            hint = f'Did you mean "{close[0]}"?' if close else f"It has {', '.join(self.countries)}."
            raise InputError(f'"{country}" is not in the table.', where=self.source, hint=hint, code="country")
        start = self.countries.index(country) * width
        return slice(start, start + width)
