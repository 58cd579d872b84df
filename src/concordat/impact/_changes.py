"""Many shocks at once, held so that only what they change is computed: a block of pairs, or every coalition of a bloc.

Most shocks touch a few economies: T differs from 1 only where members sell to members. Demand is then one product of
matrices for all scenarios, plus a small correction inside the block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
MEMBERS_MAX = 20  # of a coalition: a million equilibria


@dataclass(frozen=True, slots=True)
class CoalitionShocks:
    """Every coalition of a bloc: row `s` of the batch is the coalition whose member k is in where bit k of s is set.

    Attributes:
        members: m codes, at most 20. effect: on the flows between members of a coalition, in logs.
    """

    members: tuple[str, ...]
    effect: float


class Change(Protocol):
    """What a batch needs to know of its shocks; `rows` are the scenarios it works on."""

    count: int

    def demand(self, rows: Rows, power: Array, demand: Array) -> None:
        """Add what the shocks change of `power @ lam`."""

    def sold(self, rows: Rows, pull: Array, sold: Array) -> None:
        """Add what they change of `pull @ lam'`."""

    def shock(self, row: int) -> Array:
        """T of one scenario, (N, N)."""

    def mean(self, rows: Rows) -> Array:
        """T of a scenario in the middle of these, (N, N)."""


class Coalitions:
    """All coalitions of a bloc."""

    def __init__(self, table: TradeTable, lam: Array, shocks: CoalitionShocks) -> None:
        size = len(shocks.members)
        if not 1 <= size <= MEMBERS_MAX:
            what = f"{size} members have 2^{size} coalitions."
            hint = f"All coalitions are solved for 1 to {MEMBERS_MAX} members; beyond, ask for single ones."
            raise MethodError(what, where="coalitions", hint=hint, code="size")
        if not np.isfinite(shocks.effect) or abs(shocks.effect) > 50:
            hint = "It is a flow effect in logs, such as 0.557."
            raise InputError(f"the effect is {shocks.effect}.", where="coalitions", hint=hint, code="shock")
        self.place = np.array(table.indices(shocks.members))
        self.count = 2**size
        self.lift = np.exp(shocks.effect) - 1
        self.economies = len(table.economies)
        block = lam[np.ix_(self.place, self.place)].copy()
        np.fill_diagonal(block, 0.0)
        self.block = block * self.lift
        self.bits = np.arange(size)
        self.quiet = np.argsort((block + block.T).sum(axis=1), kind="stable")  # members, the least linked first

    def inside(self, rows: Rows) -> Array:
        """(B, m), 1 where a member is in the coalition."""
        return ((rows[:, None] >> self.bits) & 1).astype(np.float64)

    def three_of(self, rows: Rows) -> tuple[Rows, Rows, Rows]:
        """For each coalition the three members (as bits) that trade least with the rest of the bloc."""
        left = rows.copy()
        taken = np.zeros((3, len(rows)), dtype=np.int64)
        count = np.zeros(len(rows), dtype=np.int64)
        for member in self.quiet:
            bit = 1 << int(member)
            hit = np.flatnonzero((left & bit > 0) & (count < 3))
            taken[count[hit], hit] = bit
            count[hit] += 1
        return taken[0], taken[1], taken[2]

    def demand(self, rows: Rows, power: Array, demand: Array) -> None:
        inside = self.inside(rows)
        demand[:, self.place] += inside * ((power[:, self.place] * inside) @ self.block)

    def sold(self, rows: Rows, pull: Array, sold: Array) -> None:
        inside = self.inside(rows)
        sold[:, self.place] += inside * ((pull[:, self.place] * inside) @ self.block.T)

    def shock(self, row: int) -> Array:
        return self._at(self.inside(np.array([row]))[0])

    def mean(self, rows: Rows) -> Array:
        inside = self.inside(rows)
        together = inside.T @ inside / len(rows)
        return self._at(None, together)

    def _at(self, inside: Array | None, together: Array | None = None) -> Array:
        weight = np.outer(inside, inside) if inside is not None else together
        assert weight is not None
        weight = weight * (1 - np.eye(len(self.place)))
        shock = np.ones((self.economies, self.economies))
        shock[np.ix_(self.place, self.place)] = 1 + self.lift * weight
        return shock


class Blocks:
    """Any shocks (B, N, N), of which only the rows and columns that change are kept."""

    def __init__(self, table: TradeTable, lam: Array, shocks: Array) -> None:
        size = len(table.economies)
        if shocks.ndim != 3 or shocks.shape[1:] != (size, size) or not len(shocks):
            what = f"the shocks have {shocks.shape}, and (scenarios, {size}, {size}) is needed."
            raise InputError(what, where="shocks", hint="Give T for every pair, 1 where nothing changes.", code="shape")
        wrong = ~(np.isfinite(shocks) & (shocks > 0))
        if wrong.any():
            row, i, j = (int(k) for k in np.argwhere(wrong)[0])
            what = f"T is {shocks[row, i, j]:g} in scenario {row}, {table.economies[i]} to {table.economies[j]}."
            raise InputError(what, where="shocks", hint="T is a factor above 0.", code="shock")
        changed = (shocks != 1).any(axis=0) & (lam > 0)
        self.sellers = np.flatnonzero(changed.any(axis=1))
        self.buyers = np.flatnonzero(changed.any(axis=0))
        cells = np.ix_(self.sellers, self.buyers)
        self.extra = (shocks[:, self.sellers[:, None], self.buyers] - 1) * lam[cells]
        self.shocks = shocks
        self.base = lam[cells]
        self.count = len(shocks)

    def demand(self, rows: Rows, power: Array, demand: Array) -> None:
        demand[:, self.buyers] += np.matmul(power[:, None, self.sellers], self.extra[rows])[:, 0]

    def sold(self, rows: Rows, pull: Array, sold: Array) -> None:
        sold[:, self.sellers] += np.matmul(self.extra[rows], pull[:, self.buyers, None])[:, :, 0]

    def shock(self, row: int) -> Array:
        found: Array = self.shocks[row]
        return found

    def mean(self, rows: Rows) -> Array:
        ratios = 1 + self.extra[rows] / np.where(self.base > 0, self.base, 1.0)
        found = np.ones(self.shocks.shape[1:])
        found[np.ix_(self.sellers, self.buyers)] = np.exp(np.log(ratios).mean(axis=0))
        return found
