"""Why did a score or a rank change between two editions of an index? Each cause with its share, adding up to the whole.

The difference between edition A and edition B is split into components: each step, the framework, the weights, revised
data, new data, who is ranked. With v(S) the result when the components in S are taken from B and the others from A, the
share of a component is its Shapley value (`shapley`): exact up to 12 components, all mixtures run; for more, 2,000
antithetic permutations with standard errors. Shares add up to the total change of score and of rank, which is checked.

A mixture that can't be run (a new indicator's weight without the indicator, a geometric mean of figures that another
normalisation left at zero) tells that two components can't be separated: they are merged into one, and it is said.
Units that only one edition ranks are listed; the attribution is on the common ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.observatory._mixture import Mixture
from concordat.observatory.panel import Array
from concordat.observatory.result import IndexResult
from concordat.observatory.shapley import EXACT_MAX, shapley_of


@dataclass(frozen=True, slots=True, eq=False)
class ChangeTable:
    """A change and its causes.

    Attributes:
        units: those that both editions rank.
        components: the causes, in the order of the columns.
        before, after: the two editions' figures `[unit]`.
        total: `after - before`; a rank that falls in number is a gain.
        shares: `[unit, component]`, adding up to the total; NaN for a unit without a result in some mixture.
        se: standard errors of the shares, 0 where exact.
    """

    units: tuple[str, ...]
    components: tuple[str, ...]
    before: Array
    after: Array
    total: Array
    shares: Array
    se: Array
    exact: bool

    def rows(self) -> list[dict[str, Any]]:
        """Unit, before, after, total, and one key a component."""
        return [
            {
                "unit": unit,
                "before": _number(self.before[u]),
                "after": _number(self.after[u]),
                "total": _number(self.total[u]),
                **{c: _number(self.shares[u, k]) for k, c in enumerate(self.components)},
            }
            for u, unit in enumerate(self.units)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """The attribution of both: scores and ranks, and what was merged."""

    score: ChangeTable
    rank: ChangeTable
    merged: tuple[str, ...]


class Comparison:
    """Two editions side by side.

    Attributes:
        components: what differs between them.
        units, entrants, leavers: in both, in the later only, in the earlier only.
    """

    def __init__(self, later: IndexResult, earlier: IndexResult) -> None:
        """Find what differs (see `_mixture`)."""
        self.later, self.earlier = later, earlier
        self._mixture = Mixture(later, earlier)
        self.components = self._mixture.components
        self.units = self._mixture.units
        self.entrants, self.leavers = self._mixture.entrants, self._mixture.leavers

    def attribute(self, *, seed: int = 0) -> Attributed:
        """The share of each component in each unit's change of score and rank.

        Raises:
            MethodError: no unit is in both; or too many components to separate those that do not go together.
        """
        if not self.units:
            raise MethodError("no unit is in both editions.", where="compare", hint="Compare others.", code="units")
        values, blocks = self._values([(c,) for c in self.components])
        if not blocks:
            same = values(0)
            return self._tables((), np.zeros((0, *same.shape)), np.zeros((0, *same.shape)), same, same, True)
        found = shapley_of(values, len(blocks), seed=seed)
        first, last = values(0), values((1 << len(blocks)) - 1)
        names = tuple(" and ".join(block) for block in blocks)
        return self._tables(names, found.phi, found.se, first, last, found.exact)

    def _values(self, blocks: list[tuple[str, ...]]) -> tuple[Any, list[tuple[str, ...]]]:
        """The game on blocks of components; blocks are merged until every mixture can be run."""
        known: dict[frozenset[str], Array] = {}

        def ask(taken: frozenset[str]) -> Array:
            if taken not in known:
                known[taken] = self._mixture.value(taken)
            return known[taken]

        while True:
            current = list(blocks)

            def value(mask: int, current: Sequence[tuple[str, ...]] = current) -> Array:
                return ask(frozenset(c for n, block in enumerate(current) if mask >> n & 1 for c in block))

            if len(current) > EXACT_MAX:
                return value, current
            failing = [mask for mask in range(1 << len(current)) if not _runs(value, mask)]
            if not failing:
                return value, current
            whole = (1 << len(current)) - 1
            if 0 in failing or whole in failing:
                value(0)
                value(whole)
            i, j = max(
                combinations(range(len(current)), 2),
                key=lambda pair: sum((m >> pair[0] & 1) != (m >> pair[1] & 1) for m in failing),
            )
            self._mixture.merged.append(f"{' and '.join(current[i])} and {' and '.join(current[j])}")
            blocks = [b for n, b in enumerate(current) if n not in (i, j)]
            blocks.insert(i, (*current[i], *current[j]))

    def _tables(
        self, names: tuple[str, ...], phi: Array, se: Array, first: Array, last: Array, exact: bool
    ) -> Attributed:
        tables = [
            ChangeTable(
                units=self.units,
                components=names,
                before=first[k],
                after=last[k],
                total=last[k] - first[k],
                shares=phi[:, k].T,
                se=se[:, k].T,
                exact=exact,
            )
            for k in (0, 1)
        ]
        return Attributed(tables[0], tables[1], tuple(dict.fromkeys(self._mixture.merged)))


def compare(later: IndexResult, earlier: IndexResult) -> Comparison:
    """Set two editions beside each other: `compare(result, earlier).attribute()`."""
    return Comparison(later, earlier)


def _runs(value: Any, mask: int) -> bool:
    try:
        value(mask)
    except (MethodError, InputError):
        return False
    return True


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
