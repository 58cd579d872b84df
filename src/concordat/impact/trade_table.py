"""Bilateral trade flows as a table: who sells how much to whom, deliveries at home included.

Rows of `flows` are exporters, columns importers. Output is a row's sum, `Y_i = sum_j X_ij`, expenditure a column's,
`E_j = sum_i X_ij`; their difference is the deficit. Every equilibrium of this room starts from such a table. A table
without deliveries at home has no home market to gain or lose, so it is refused: see `trade_readers` for how to supply
gross output instead. A flow of zero stays zero whatever happens: the model has no new trade relations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError

Array = NDArray[np.float64]
LISTED_MAX = 8  # names that a message lists
AMOUNT_MAX = 1e30  # of a flow; the least of an economy's largest flows is not below one over it


@dataclass(frozen=True, slots=True, eq=False)
class TradeTable:
    """Flows between N economies in one year.

    Attributes:
        economies: N codes, in the order of rows and columns.
        flows: (N, N), exporter by importer, domestic deliveries on the diagonal; in `unit`.
        year: of the flows. unit: "USD million" unless the file says otherwise.
        sha256: of the bytes the flows were read from; "" for a table made in memory.
        source: what to cite. notes: what the reader did to the file (missing pairs taken as zero).

    Raises:
        InputError: a negative, missing or infinite flow, an economy twice, nothing delivered at home, or an economy
            that sells or buys nothing at all.
    """

    economies: tuple[str, ...]
    flows: Array
    year: int
    unit: str = "USD million"
    sha256: str = ""
    source: str = "table"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        flows = np.ascontiguousarray(self.flows, dtype=np.float64)
        if flows is self.flows:
            flows = flows.copy()
        flows.setflags(write=False)
        object.__setattr__(self, "flows", flows)
        self._check_shape()
        self._check_cells()
        self._check_margins()

    def _check_shape(self) -> None:
        count = len(self.economies)
        if count < 2:
            hint = "An equilibrium of trade needs two economies at least."
            raise InputError(f"{count} economies.", where=self.source, hint=hint, code="size")
        if self.flows.shape != (count, count):
            hint = "Give one row and one column an economy, deliveries at home on the diagonal."
            what = f"{count} economies, but flows of {self.flows.shape}."
            raise InputError(what, where=self.source, hint=hint, code="shape")
        twice = sorted({e for e in self.economies if self.economies.count(e) > 1})
        if twice:
            what = f"{listed(twice)} twice."
            raise InputError(what, where=self.source, hint="Each economy has one row.", code="duplicate")

    def _check_cells(self) -> None:
        wrong = ~np.isfinite(self.flows) | (self.flows < 0)
        if wrong.any():
            pairs = [self._pair(i, j) for i, j in np.argwhere(wrong)]
            what = f"{len(pairs)} flows are negative or no number: {listed(pairs)}."
            hint = "Flows are amounts sold: zero or more. Give 0 where there was none."
            raise InputError(what, where=self.source, hint=hint, code="flow")

        largest, least = float(self.flows.max()), float(self.flows.max(axis=1).min())
        if largest > AMOUNT_MAX or 0 < least < 1 / AMOUNT_MAX:
            what = f"amounts from {least:g} to {largest:g} can't be computed with."
            raise InputError(what, where=self.source, hint="Choose another unit of money.", code="unit")

    def _check_margins(self) -> None:
        home = [e for e, x in zip(self.economies, np.diagonal(self.flows), strict=True) if x == 0]
        if home:
            what = f"no deliveries at home for {listed(home)}."
            hint = "Add rows with exporter = importer, or gross output, from which they follow (output less exports)."
            raise InputError(what, where=self.source, hint=hint, code="domestic")

    def _pair(self, i: int, j: int) -> str:
        return f"{self.economies[i]} to {self.economies[j]} ({self.flows[i, j]:g})"

    @property
    def output(self) -> Array:
        """(N,) `Y_i`: what each economy sells, at home and abroad."""
        total: Array = self.flows.sum(axis=1)
        return total

    @property
    def expenditure(self) -> Array:
        """(N,) `E_j`: what each economy buys."""
        total: Array = self.flows.sum(axis=0)
        return total

    @property
    def zeros(self) -> int:
        """Pairs without a flow: they have none in any counterfactual either."""
        return int((self.flows == 0).sum())

    def index(self, code: str) -> int:
        """The row of an economy.

        Raises:
            InputError: it has none; the nearest code is named.
        """
        try:
            return self.economies.index(code)
        except ValueError:
            from concordat.settings import nearest

            close = nearest(code, self.economies)
            hint = f'Did you mean "{close[0]}"?' if close else f"It has {listed(self.economies)}."
            what = f'"{code}" is not in the trade data of {self.year}.'
            raise InputError(what, where=self.source, hint=hint, code="economy") from None

    def indices(self, codes: Iterable[str]) -> list[int]:
        """The rows of several economies, each once.

        Raises:
            InputError: one has no row, or is named twice.
        """
        found = [self.index(code) for code in codes]
        if len(set(found)) != len(found):
            twice = sorted({self.economies[i] for i in found if found.count(i) > 1})
            raise InputError(
                f"{listed(twice)} named twice.", where=self.source, hint="Name each once.", code="duplicate"
            )
        return found

    def with_flows(self, flows: Array, note: str) -> TradeTable:
        """The same economies with other flows (of a solved equilibrium, or fitted ones), and why."""
        return TradeTable(self.economies, flows, self.year, self.unit, self.sha256, self.source, (*self.notes, note))


def listed(names: Iterable[str]) -> str:
    """Names for a message: all of a few, the first of many with their number.

    >>> listed(["BRA", "CHN"])
    'BRA, CHN'
    """
    names = list(names)
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(names[:LISTED_MAX]) + more
