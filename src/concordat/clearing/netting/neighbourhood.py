"""How to better a set that is good already: free a few hundred payments, and decide those anew.

Which to free: mostly those on which the set and the linear relaxation disagree, drawn by the size of the disagreement
and of the payment (after Danna, Rothberg and Le Pape, *Mathematical Programming* 102, 2005); every fourth time those
among a few accounts, grown from one along large payments. All others stay as they are. HiGHS solves the small programme
from where it stands, and a better answer is kept. While the set overdraws accounts (after a dive), neighbourhoods grow
from those, and overdrafts have a price in them. Neighbourhoods grow while they are solved in full and shrink when they
are not. Between them, *ejection chains*: a payment left out is forced in, what its payer then lacks is dropped,
and so on for a few steps; kept if the sum gains (Glover, *Discrete Applied Mathematics* 65, 1996).

Source: large neighbourhood search, Shaw, CP 1998.
"""

from __future__ import annotations

import numpy as np

from concordat.clearing.netting import engine
from concordat.clearing.netting.budget import Budget
from concordat.clearing.netting.generate import stream
from concordat.clearing.netting.part import Part

SIZE_FIRST, SIZE_LEAST, SIZE_MOST = 600, 150, 1_500  # payments freed
AMONG_MOST = 300  # of those among a few accounts
SIZE_MENDING = 100
NODES, NODES_DRAWN = 100, 1
SMALL = 300  # payments of a part that is solved to the end
SECONDS_MOST = 3.0
AGREED = 0.02  # weight of a payment on which set and relaxation agree
OVERDRAFT_PRICE = 200.0
CHAIN_STEPS = 6
WHOLE_MOST = 2_000  # payments of a part that is also tried as a whole
IDLE_MOST = 60  # neighbourhoods in a row without gain


class Search:
    """The search in one part; `x` is the best set so far, which may overdraw until it is mended.

    `pool` are the positions that may be decided anew; all of them, unless earlier classes are kept as they are.
    """

    def __init__(
        self, part: Part, x: np.ndarray, seed: int, relaxed: np.ndarray | None = None, pool: np.ndarray | None = None
    ) -> None:
        self.part, self.x = part, x
        self.pool = np.arange(len(part)) if pool is None else np.sort(pool)
        self.relaxed = np.full(len(part), 0.5) if relaxed is None else relaxed
        self.random = stream(seed, "neighbourhoods")
        ends = np.r_[part.payer, part.payee]
        column = np.r_[np.arange(len(part)), np.arange(len(part))]
        order = np.argsort(ends, kind="stable")
        self._at = column[order]
        self._from = np.searchsorted(ends[order], np.arange(part.accounts + 1))
        root = np.sqrt(part.amount)
        self._pull = root
        self._weight = np.bincount(part.payer, root, part.accounts) + np.bincount(part.payee, root, part.accounts)
        self.size = SIZE_FIRST
        self.proved: float | None = None  # a bound from solving the part as a whole to the end, in minor units

    def mend(self, budget: Budget) -> None:
        """Move overdrafts about until none is left, or the budget is; what remains is dropped exactly."""
        self.size = SIZE_MENDING
        idle = 0
        while not budget.spent() and idle < 4 * IDLE_MOST:
            left = self.part.left(self.x)
            bad = np.flatnonzero(left[: self.part.accounts] < 0)
            if not len(bad):
                break
            free = self._grow(int(self.random.choice(bad)), self.size)
            idle = 0 if self._step(free, left, budget, OVERDRAFT_PRICE, NODES) else idle + 1
            if idle % 40 == 39:
                self.size = min(SIZE_MOST, self.size * 3 // 2)
        self.x = self.part.mend(self.x)
        self.size = SIZE_FIRST

    def improve(self, budget: Budget) -> None:
        """Neighbourhoods until the budget is spent, or sixty in a row bring nothing."""
        share = self._weight / max(1.0, float(self._weight.sum()))
        idle = turn = 0
        while not budget.spent() and idle < IDLE_MOST and self.proved is None:
            turn += 1
            if turn % 4:
                free, nodes = self._draw(), NODES_DRAWN
            else:
                free, nodes = self._grow(int(self.random.choice(self.part.accounts, p=share)), AMONG_MOST), NODES
            idle = 0 if self._step(free, self.part.left(self.x), budget, 0.0, nodes) else idle + 1

    def _draw(self) -> np.ndarray:
        """Payments on which the set and the relaxation disagree, and a few others."""
        if self.size >= len(self.pool):
            return self.pool
        weight = ((np.abs(self.relaxed - self.x) + AGREED) * self._pull)[self.pool]
        return np.sort(self.random.choice(self.pool, self.size, replace=False, p=weight / weight.sum()))

    def whole(self, budget: Budget, seed: int) -> float:
        """Try the pool as a whole from where it stands; the solver's claim on the best value, in minor units."""
        part = self.part
        rest = self.x.copy()
        rest[self.pool] = False
        program, _, _ = part.program(self.pool, part.left(rest), np.ones(len(self.pool), bool))
        nodes = budget.nodes(20 * NODES, NODES, len(part.room))
        answer = engine.solve(program, seconds=budget.seconds, nodes=nodes, seed=seed, start=self.x[self.pool] * 1.0)
        budget.charge(answer.work)
        if answer.x is not None:
            rest[self.pool] = answer.x > 0.5
            self.keep(part.mend(rest))
        return answer.bound * part.scale

    def keep(self, x: np.ndarray) -> bool:
        """Take a set that settles if it is worth more, and keeps what earlier classes reached; whether it was."""
        if self.part.value[x].sum() <= self.part.value[self.x].sum() or not self.part.floors_hold(x):
            return False
        self.x = x
        return True

    def _step(self, free: np.ndarray, left: np.ndarray, budget: Budget, price: float, nodes: int) -> bool:
        """Decide the free payments anew; whether that gained."""
        part = self.part
        if not len(free):
            return False
        now = self.x[free]
        start, index, entry = part.columns(free)
        out = left.copy()
        used = np.repeat(now, np.diff(start))
        np.add.at(out, index[used], entry[used])
        program, rows, bent = self._program(free, out, left, price)
        over = np.maximum(0, -left[rows[bent]]) / part.scale
        small = len(free) == len(part) <= SMALL and not price
        answer = engine.solve(
            program, seconds=budget.slice(SECONDS_MOST),
            nodes=budget.nodes(100 * NODES, NODES, len(program.room)) if small else nodes,
            gap=1e-7 if small else 1e-3, seed=int(self.random.integers(1 << 30)), start=np.r_[now.astype(float), over],
        )  # fmt: skip
        budget.charge(answer.work)
        if small and answer.optimal:
            self.proved = answer.bound * part.scale
        if price or nodes == NODES_DRAWN:
            grown = self.size * 6 // 5 if answer.optimal else self.size * 4 // 5
            least, most = (SIZE_MENDING // 2, SIZE_MENDING * 2) if price else (SIZE_LEAST, SIZE_MOST)
            self.size = int(np.clip(grown, least, most))
        if answer.x is None:
            return False
        x = self.x.copy()
        x[free] = answer.x[: len(free)] > 0.5
        if not price:
            gains = part.value[x].sum() > part.value[self.x].sum()
            return bool(gains) and part.floors_hold(x) and self.keep(part.mend(x))
        return self._accept_overdrawn(x, left, price)

    def _program(
        self, free: np.ndarray, out: np.ndarray, left: np.ndarray, price: float
    ) -> tuple[engine.Program, np.ndarray, np.ndarray]:
        """The programme of a neighbourhood; rows that are overdrawn now may stay so, at the price."""
        part = self.part
        if not price:
            return part.program(free, out, np.ones(len(free), bool))
        return part.program(free, out, np.ones(len(free), bool), elastic=price, overdrawn=left < 0)

    def _accept_overdrawn(self, x: np.ndarray, left: np.ndarray, price: float) -> bool:
        """Keep a set whose value less the price of its overdrafts is larger."""
        part = self.part
        after = part.left(x)
        old = part.value[self.x].sum() + price * np.minimum(0, left).sum() / part.scale
        new = part.value[x].sum() + price * np.minimum(0, after).sum() / part.scale
        if new <= old:
            return False
        self.x = x
        return True

    def _grow(self, middle: int, size: int) -> np.ndarray:
        """The payments among accounts around one, about `size` of them."""
        part = self.part
        inside = np.zeros(part.accounts, bool)
        pull = np.zeros(part.accounts)
        held = 0
        node = middle
        while True:
            columns = self._at[self._from[node] : self._from[node + 1]]
            other = np.where(part.payer[columns] == node, part.payee[columns], part.payer[columns])
            within = int(inside[other].sum())
            if held and held + within > 2 * size:
                pull[node] = 0.0
                inside_enough = True
            else:
                inside[node] = True
                held += within
                np.add.at(pull, other, self._pull[columns])
                inside_enough = held >= size
            pull[inside] = 0.0
            if inside_enough or not pull.any():
                near: np.ndarray = self.pool[inside[part.payer[self.pool]] & inside[part.payee[self.pool]]]
                return near
            total = np.cumsum(pull)
            node = int(np.searchsorted(total, self.random.random() * total[-1], side="right"))

    # --- Ejection chains ----------------------------------------------------------------------------------------------

    def chains(self, budget: Budget) -> None:
        """Force payments in, largest first, and drop what their payers then lack; keep what gains."""
        part = self.part
        if len(part.room) > part.accounts:  # chains know accounts alone, not limits
            return
        left = part.left(self.x).tolist()
        amount, payer, payee = part.amount.tolist(), part.payer.tolist(), part.payee.tolist()
        out: list[set[int]] = [set() for _ in range(part.accounts)]
        for n in np.flatnonzero(self.x).tolist():
            out[payer[n]].add(n)
        for n in part.order.tolist():
            if self.x[n] or budget.spent():
                continue
            budget.charge(1 + len(out[payer[n]]))
            dropped = _chain(n, left, amount, payer, payee, out)
            if dropped is None:
                continue
            for sign, m in ((-1, n), *((1, m) for m in dropped)):
                left[payer[m]] += sign * amount[m]
                left[payee[m]] -= sign * amount[m]
                self.x[m] = sign < 0
                (out[payer[m]].add if sign < 0 else out[payer[m]].discard)(m)
        part.fill(self.x, left)


def _chain(
    first: int, left: list[int], amount: list[int], payer: list[int], payee: list[int], out: list[set[int]]
) -> list[int] | None:
    """What must be dropped so that `first` can settle, if that is worth less than `first`; else None."""
    change = {payer[first]: -amount[first]}
    change[payee[first]] = change.get(payee[first], 0) + amount[first]
    dropped: list[int] = []
    cost, at = 0, payer[first]
    for _ in range(CHAIN_STEPS):
        lacking = -(left[at] + change.get(at, 0))
        if lacking > 0:
            fit = [m for m in out[at] if amount[m] >= lacking and m not in dropped]
            if not fit:
                return None
            m = min(fit, key=lambda m: (amount[m], m))
            cost += amount[m]
            if cost >= amount[first]:
                return None
            dropped.append(m)
            change[at] = change.get(at, 0) + amount[m]
            change[payee[m]] = change.get(payee[m], 0) - amount[m]
        bad = [node for node, moved in change.items() if left[node] + moved < 0]
        if not bad:
            return dropped
        at = bad[0]
    return None
