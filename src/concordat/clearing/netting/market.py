"""A set of trades as columns: what each moves, what every member may still be short, and exact repair.

Positions are int64 minor units by (member, currency), numbered; limits and cover are checked in whole numbers, as
`clearing.core.certificates.check_trades` does. To the solver everything is worth, in units of a typical trade: the row
of a short limit is -(change) r <= (balance + limit) r; the cover of a member, a sum of concave functions, takes one
more variable w for each of its currencies with w <= (1 - h) u, w <= (1 + h) u and sum w >= 0, which is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.clearing.core.certificates import TradesProblem
from concordat.clearing.core.trade_certificates import moves, trade_value
from concordat.clearing.netting.engine import Program


@dataclass(slots=True)
class Market:
    """Trades that may settle.

    Attributes:
        rows: their places in the problem.
        worth: of both legs, in units of value, exact.
        one, two: the parties, numbered.
        cell, change: four of each trade: which position, by how many minor units.
        member, currency: of each position.
        held, limit: of each position: minor units before, and how far below 0 it may go.
        rate: units of value of a minor unit, of each position.
        cells: the positions of each member.
    """

    rows: list[int]
    worth: list[int]
    one: np.ndarray
    two: np.ndarray
    cell: np.ndarray
    change: np.ndarray
    member: np.ndarray
    held: list[int]
    limit: list[int]
    rate: list[int]
    cells: list[list[int]]
    names: list[tuple[str, str]]
    members: list[str]
    haircut: int
    scale: float
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def positions(self, x: np.ndarray) -> list[int]:
        """Every position after the trades in x."""
        after = np.array(self.held, np.int64)
        np.add.at(after, self.cell[x].ravel(), self.change[x].ravel())
        return [int(value) for value in after.tolist()]

    def total(self, x: np.ndarray) -> int:
        """What the trades in x are worth."""
        return sum(self.worth[n] for n in np.flatnonzero(x).tolist())

    def cover(self, member: int, after: list[int]) -> int:
        """The covered worth of a member, times 10,000."""
        total = 0
        for cell in self.cells[member]:
            worth = after[cell] * self.rate[cell]
            total += worth * (10_000 - self.haircut if worth > 0 else 10_000 + self.haircut)
        return total

    def broken(self, n: int, after: list[int]) -> bool:
        """Whether positions break a limit or the cover that a trade touches."""
        return any(after[c] < -self.limit[c] for c in self.cell[n].tolist()) or any(
            self.cover(m, after) < 0 for m in (int(self.one[n]), int(self.two[n]))
        )

    def move(self, n: int, after: list[int], sign: int) -> None:
        """Add a trade to positions, or take it off."""
        for cell, change in zip(self.cell[n].tolist(), self.change[n].tolist(), strict=True):
            after[cell] += sign * change

    def mend(self, x: np.ndarray) -> np.ndarray:
        """A maximal set that settles, near x: drop the smallest trades of whoever is beyond a limit, add what fits."""
        x = x.copy()
        after = self.positions(x)
        for n in reversed(self.order.tolist()):
            if x[n] and self.broken(n, after):
                x[n] = False
                self.move(n, after, -1)
        while bad := [n for n in np.flatnonzero(x).tolist() if self.broken(n, after)]:
            x[bad[0]] = False
            self.move(bad[0], after, -1)
        self.fill(x, after, self.order.tolist())
        return x

    def fill(self, x: np.ndarray, after: list[int], order: list[int]) -> None:
        """Add what fits, in order, in rounds until nothing fits."""
        added = True
        while added:
            added = False
            for n in order:
                if x[n]:
                    continue
                self.move(n, after, 1)
                if self.broken(n, after):
                    self.move(n, after, -1)
                else:
                    x[n] = added = True

    def program(self, free: np.ndarray, x: np.ndarray, integral: np.ndarray) -> tuple[Program, np.ndarray, np.ndarray]:
        """The programme over the free trades, all others as in x; with its positions and members."""
        base = x.copy()
        base[free] = False
        after = self.positions(base)
        cells = np.unique(self.cell[free])
        members = np.unique(self.member[cells])
        size, extra = len(free), len(cells)
        place = np.full(len(self.held), -1)
        place[cells] = np.arange(extra)
        at = np.full(len(self.cells), -1)
        at[members] = np.arange(len(members))
        rate = np.array([float(self.rate[c]) for c in cells.tolist()]) / self.scale
        now = np.array([float(after[c]) for c in cells.tolist()])
        limit = np.array([float(self.limit[c]) for c in cells.tolist()])
        low, high = 1 - self.haircut / 1e4, 1 + self.haircut / 1e4
        touched = place[self.cell[free]]
        worth = self.change[free] * rate[touched]
        column = np.repeat(np.arange(size), 4)
        row = touched.ravel()
        rows = [row, row + extra, row + 2 * extra]
        entries = [-worth.ravel(), -low * worth.ravel(), -high * worth.ravel()]
        extra_column = size + np.arange(extra)
        rows += [extra + np.arange(extra), 2 * extra + np.arange(extra), 3 * extra + at[self.member[cells]]]
        entries += [np.ones(extra), np.ones(extra), -np.ones(extra)]
        rest = np.array([
            sum(self._one_cover(c, after) for c in self.cells[m] if place[c] < 0) / 1e4 / self.scale
            for m in members.tolist()
        ])  # fmt: skip
        room = np.r_[(now + limit) * rate, low * now * rate, high * now * rate, rest]
        row, column, entry = (
            np.concatenate(rows), np.r_[column, column, column, extra_column, extra_column, extra_column],
            np.concatenate(entries),
        )  # fmt: skip
        order = np.lexsort((row, column))
        start = np.searchsorted(column[order], np.arange(size + extra + 1))
        value = np.array([float(self.worth[n]) for n in free.tolist()]) / self.scale
        programme = Program(
            np.r_[value, np.zeros(extra)], start.astype(np.int32), row[order].astype(np.int32), entry[order], room,
            np.r_[np.zeros(size), np.full(extra, -np.inf)], np.r_[np.ones(size), np.full(extra, np.inf)],
            np.r_[integral, np.zeros(extra, bool)],
        )  # fmt: skip
        return programme, cells, members

    def _one_cover(self, cell: int, after: list[int]) -> int:
        worth = after[cell] * self.rate[cell]
        return worth * (10_000 - self.haircut if worth > 0 else 10_000 + self.haircut)

    def full_start(self, free: np.ndarray, x: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """The variables of a programme at the set x."""
        after = self.positions(x)
        covers = [self._one_cover(c, after) / 1e4 / self.scale for c in cells.tolist()]
        start: np.ndarray = np.r_[x[free].astype(float), covers]
        return start


def make_market(problem: TradesProblem) -> Market:
    """The trades that may settle: not held, both currencies with a rate, both members without unvalued debts."""
    short = {m for (m, c), held in problem.balances.items() if held < 0 and c not in problem.rates}
    rows = [
        n for n, t in enumerate(problem.trades)
        if not t.held and t.a_currency in problem.rates and t.b_currency in problem.rates
        and t.party_a not in short and t.party_b not in short
    ]  # fmt: skip
    members = sorted({m for n in rows for m in (problem.trades[n].party_a, problem.trades[n].party_b)})
    number = {name: n for n, name in enumerate(members)}
    names = sorted(
        {key for n in rows for key, _ in moves(problem.trades[n])}
        | {key for key in problem.balances if key[0] in number and key[1] in problem.rates}
    )
    place = {key: n for n, key in enumerate(names)}
    worth = [trade_value(problem, problem.trades[n]) for n in rows]
    moved = [moves(problem.trades[n]) for n in rows]
    cells: list[list[int]] = [[] for _ in members]
    for n, (member, _) in enumerate(names):
        cells[number[member]].append(n)
    # A member below a limit or its cover at the start is let off no rule: its trades must bring it above.
    return Market(
        rows, worth, np.array([number[problem.trades[n].party_a] for n in rows], np.int64),
        np.array([number[problem.trades[n].party_b] for n in rows], np.int64),
        np.array([[place[key] for key, _ in one] for one in moved], np.int64).reshape(-1, 4),
        np.array([[change for _, change in one] for one in moved], np.int64).reshape(-1, 4),
        np.array([number[member] for member, _ in names], np.int64),
        [int(problem.balances.get(key, 0)) for key in names], [int(problem.short_limits.get(key, 0)) for key in names],
        [problem.rates[currency] for _, currency in names], cells, names, members, problem.haircut_bp,
        float(sorted(worth)[len(worth) // 2]) if any(worth) else 1.0,
        np.array(sorted(range(len(rows)), key=lambda n: (-worth[n], n)), np.int64),
    )  # fmt: skip
