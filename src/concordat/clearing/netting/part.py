"""One part of a queue that can be solved on its own: its payments as columns, its accounts and limits as rows.

All figures are int64 minor units. Row m of an account says: what it pays less what it gets <= what it has; a row of a
limit is the same with its room. Every subset of columns with A x <= room settles. `mend` turns any subset into one that
does and to which nothing can be added (maximal): what overdraws is dropped, smallest sufficient payment first, then
what fits is added, largest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from concordat.clearing.core.certificates import Limit
from concordat.clearing.netting.engine import Program


@dataclass(slots=True)
class Part:
    """Payments of one currency.

    Attributes:
        amount, payer, payee: of each payment; accounts are numbered 0..accounts-1 (also the first rows).
        room: what each row can spare: available funds (at least 0), then limits.
        accounts: how many of the rows are accounts.
        start, index, entry: the matrix A by columns, int64 (entry in minor units).
        scale: minor units in a unit of the solver.
        value: what each payment is worth to the solver, in its units; amount / scale unless classes go first.
        order: positions, most valuable first.
        floors: how many of the last rows keep what earlier classes reached.
    """

    amount: np.ndarray
    payer: np.ndarray
    payee: np.ndarray
    room: np.ndarray
    accounts: int
    start: np.ndarray
    index: np.ndarray
    entry: np.ndarray
    scale: float
    value: np.ndarray
    order: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    floors: int = 0

    def __len__(self) -> int:
        return len(self.amount)

    def left(self, x: np.ndarray) -> np.ndarray:
        """What each row has left after the payments in x (bool); below 0 where it is overdrawn."""
        left = self.room.copy()
        used = np.repeat(x, np.diff(self.start))
        np.subtract.at(left, self.index[used], self.entry[used])
        return left

    def total(self, x: np.ndarray) -> int:
        """Minor units settled."""
        return int(self.amount[x].sum())

    def columns(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The columns of A at these positions: start, index, entry."""
        width = self.start[chosen + 1] - self.start[chosen]
        start = np.r_[0, np.cumsum(width)]
        at = np.repeat(self.start[chosen] - start[:-1], width) + np.arange(start[-1])
        return start, self.index[at], self.entry[at]

    def program(
        self,
        free: np.ndarray,
        left: np.ndarray,
        integral: np.ndarray,
        *,
        elastic: float = 0.0,
        overdrawn: np.ndarray | None = None,
    ) -> tuple[Program, np.ndarray, np.ndarray]:
        """The programme over the free payments, all others fixed; also its rows, and which of these are elastic.

        `left` is what rows have with every free payment out. With `elastic` > 0, the rows marked `overdrawn` may be so,
        at that price a unit of the solver.
        """
        start, index, entry = self.columns(free)
        touched = np.zeros(len(self.room), bool)
        touched[index] = True
        rows = np.flatnonzero(touched)
        place = np.cumsum(touched) - 1
        bent = np.zeros(0, np.int64) if overdrawn is None else np.flatnonzero(overdrawn[rows])
        return (
            Program(
                np.r_[self.value[free], np.full(len(bent), -elastic)],
                np.r_[start, start[-1] + 1 + np.arange(len(bent))].astype(np.int32),
                np.r_[place[index], bent].astype(np.int32),
                np.r_[entry / self.scale, np.full(len(bent), -1.0)],
                left[rows] / self.scale,
                np.zeros(len(free) + len(bent)),
                np.r_[np.ones(len(free)), np.full(len(bent), np.inf)],
                np.r_[integral, np.zeros(len(bent), bool)],
            ),
            rows,
            bent,
        )

    def with_floor(self, mine: np.ndarray, reached: int) -> Part:
        """The same part with one more row: these payments together settle at least so much."""
        width = np.diff(self.start)
        column = np.r_[np.repeat(np.arange(len(self)), width), np.flatnonzero(mine)]
        row = np.r_[self.index, np.full(int(mine.sum()), len(self.room))]
        entry = np.r_[self.entry, -self.amount[mine]]
        order = np.lexsort((row, column))
        return replace(
            self, room=np.r_[self.room, -reached], start=np.searchsorted(column[order], np.arange(len(self) + 1)),
            index=row[order], entry=entry[order], floors=self.floors + 1,
        )  # fmt: skip

    # --- Exact repair -------------------------------------------------------------------------------------------------

    def mend(self, x: np.ndarray) -> np.ndarray:
        """A maximal set that settles, near x.

        What is dropped can bring an earlier class below its floor, which no dropping mends: whoever takes the set asks
        `floors_hold`.
        """
        left = self.left(x).tolist()
        x = x.copy()
        self._drop(x, left)
        self.fill(x, left)
        return x

    def floors_hold(self, x: np.ndarray) -> bool:
        """Whether what earlier classes reached is kept."""
        return not self.floors or bool((self.left(x)[-self.floors :] >= 0).all())

    def fill(self, x: np.ndarray, left: list[int], order: Sequence[int] | None = None) -> None:
        """Add what fits, in order (default: largest first), in rounds until nothing fits."""
        start, index, entry = self.start.tolist(), self.index.tolist(), self.entry.tolist()
        waiting = [n for n in (self.order.tolist() if order is None else order) if not x[n]]
        while True:
            kept: list[int] = []
            added = False
            for n in waiting:
                low, high = start[n], start[n + 1]
                for k in range(low, high):
                    if entry[k] > 0 and left[index[k]] < entry[k]:
                        kept.append(n)
                        break
                else:
                    for k in range(low, high):
                        left[index[k]] -= entry[k]
                    x[n] = added = True
            if not added:
                return
            waiting = kept

    def _drop(self, x: np.ndarray, left: list[int]) -> None:
        """Take out of every overdrawn row the smallest payment that suffices, or the largest, until none is left."""
        rows = len(left) - self.floors
        bad = [row for row, value in enumerate(left[:rows]) if value < 0]
        if not bad:
            return
        payers: dict[int, list[int]] = {}
        spent = (self.entry > 0) & np.repeat(x, np.diff(self.start))
        column = np.repeat(np.arange(len(self)), np.diff(self.start))
        for row, n in zip(self.index[spent].tolist(), column[spent].tolist(), strict=True):
            payers.setdefault(row, []).append(n)
        amount = self.amount.tolist()
        while bad:
            row = bad.pop()
            while left[row] < 0:
                out = [n for n in payers[row] if x[n]]
                enough = [n for n in out if amount[n] >= -left[row]]
                n = min(enough, key=amount.__getitem__) if enough else max(out, key=amount.__getitem__)
                x[n] = False
                for k in range(int(self.start[n]), int(self.start[n + 1])):
                    at = int(self.index[k])
                    left[at] += int(self.entry[k])
                    if left[at] < 0 and at != row and at < rows:
                        bad.append(at)


def make_part(
    amount: np.ndarray, payer: np.ndarray, payee: np.ndarray, available: np.ndarray,
    limits: Sequence[tuple[Limit, int, int | None]] = (), before: np.ndarray | None = None,
) -> Part:  # fmt: skip
    """A part from payments between numbered accounts; limits with the numbers of payer and payee account.

    `before`: for each payment, the position of the one that must be chosen first, or -1.
    """
    count, accounts = len(amount), len(available)
    column = np.arange(count)
    rows, columns, entries = [payer, payee], [column, column], [amount, -amount]
    room = [np.maximum(available, 0)]
    for row, (limit, who, whom) in enumerate(limits, start=accounts):
        out = payer == who
        back = np.zeros(count, bool)
        if limit.kind == "bilateral":
            out, back = out & (payee == whom), (payer == whom) & (payee == who)
        elif limit.kind == "multilateral":
            back = payee == who
        for chosen, sign in ((np.flatnonzero(out), 1), (np.flatnonzero(back), -1)):
            rows.append(np.full(len(chosen), row))
            columns.append(chosen)
            entries.append(sign * amount[chosen])
        # A limit of more than all that it bounds is none; so capped, no sum of rooms leaves 64 bits.
        room.append(np.array([max(0, min(limit.room, int(amount[out].sum())))]))
    # The solver's tolerance is 10^-6 of its unit; a unit about as large as a typical payment keeps that small.
    scale = float(10 ** max(0, len(str(int(np.median(amount)))) - 1)) if count else 1.0
    if before is not None:
        later = np.flatnonzero(before >= 0)
        base = sum(map(len, room)) + np.arange(len(later))
        rows += [base, base]
        columns += [later, before[later]]
        entries += [np.full(len(later), int(scale)), np.full(len(later), -int(scale))]
        room.append(np.zeros(len(later), np.int64))
    at, column_of, entry = np.concatenate(rows), np.concatenate(columns), np.concatenate(entries)
    order = np.lexsort((at, column_of))
    at, column_of, entry = at[order], column_of[order], entry[order].astype(np.int64)
    start = np.searchsorted(column_of, np.arange(count + 1))
    part = Part(amount, payer, payee, np.concatenate(room), accounts, start, at, entry, scale, amount / scale)
    part.order = np.argsort(-amount, kind="stable")
    return part
