"""How much of a divide lies between groups, and how much inside them: Theil, GE(a) and Gini by bloc, region, country.

With shares of people p_g, means mu_g and shares of the total `s_g = p_g mu_g / mu`:

    T      between sum s_g ln(mu_g / mu)                    within sum s_g T_g
    L      between sum p_g ln(mu / mu_g)                    within sum p_g L_g
    GE(a)  between (sum p_g (mu_g/mu)^a - 1) / (a (a - 1))  within sum p_g^(1-a) s_g^a GE_g
    Gini   between 2 cov(mu_g, Fbar_g) / mu                 within sum s_g O_g G_g,  O_g = cov_g(y, F) / cov_g(y, F_g)

(F mid-ranks in all, F_g mid-ranks in the group, Fbar_g the group's mean rank.) Both parts add to the whole, and each
has its error by its own influence function (`_between`).

`decompose_nested` splits the within part again along finer groups (bloc > country > locality): each level's part is
what is between its groups inside those of the level above, and they telescope exactly. `decompose_change` splits a
change between two years into group sizes, group means and the divide within, by Shapley values over the eight mixed
states, so that no order is preferred and the parts add up.

Zeros: T, L and GE(a <= 1) are of the values above zero, as everywhere; a group that has none is refused.

Sources: Shorrocks, Econometrica 52 (1984), 1369-1385; Yitzhaki, JQE 62 (1994), 147-169 (the Gini's parts); Shorrocks,
*Journal of Economic Inequality* 11 (2013), 99-126 (Shapley).

    >>> d = decompose([10.0, 20.0, 60.0, 90.0], groups=["A", "A", "B", "B"])
    >>> round(d.between.value + d.within.value - d.total.value, 12), [part.group for part in d.parts]
    (0.0, ['A', 'B'])
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._basis import Basis, Scored, basis
from concordat.observatory.divide._between import GroupSums, between_scores, gini_sums, group_sums
from concordat.observatory.divide._estimate import Measure, estimated, measure_from
from concordat.observatory.divide._sample import Ints, Sample, labels, numbers, sample
from concordat.observatory.divide._scores import MEASURES, generalised
from concordat.observatory.divide.inference import LEVEL

MEASURES_OF_GROUPS = ("theil_t", "theil_l", "ge2", "gini")
ORDER_OF = {"theil_t": 1.0, "theil_l": 0.0, "ge2": 2.0}
CAUSES = ("sizes", "means", "within")


@dataclass(frozen=True, slots=True)
class GroupPart:
    """A group's part in a divide.

    Attributes:
        share: of people (weight). share_total: of the total. mean: of the group.
        inside: the measure inside the group; None where it has no mean above zero.
        between, within: what the group adds to either part.
        overlap: of the Gini, O_g: 1 where the group is spread like all, less where it is a layer of its own; None where
            its members are all alike.
    """

    group: Any
    share: float
    share_total: float
    mean: float
    inside: float | None
    between: float
    within: float
    overlap: float | None = None


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A divide as what is between groups and what is within them."""

    total: Measure
    between: Measure
    within: Measure
    parts: tuple[GroupPart, ...]

    @property
    def share_between(self) -> float | None:
        """The share of the whole that lies between groups; None where there is no divide."""
        if not self.total.value or self.between.value is None:
            return None
        return self.between.value / self.total.value


@dataclass(frozen=True, slots=True)
class Nested:
    """A divide along nested groups: what each level adds, from the coarsest, and what is left inside the finest."""

    total: float
    levels: tuple[tuple[str, float], ...]
    within: float


@dataclass(frozen=True, slots=True)
class DivideChange:
    """A change between two years by cause; the causes add up to it."""

    before: float
    after: float
    sizes: float
    means: float
    within: float

    @property
    def change(self) -> float:
        """The whole change."""
        return self.after - self.before


def decompose(
    y: Any,
    weight: Any = None,
    *,
    groups: Any,
    measure: str = "theil_t",
    a: float | None = None,
    strata: Any = None,
    psu: Any = None,
    level: float = LEVEL,
    value: str = "",
    **engine: Any,
) -> Decomposition:
    """A divide between and within groups.

    Args:
        y: values; or a table, as in `measures`.
        groups: each row's group.
        measure: theil_t, theil_l, ge2, gini, or ge with its parameter `a`.

    Raises:
        InputError: a group without a value (above zero, where the measure needs one), or an unknown measure.
        MethodError: a measure that the values do not allow.
    """
    order = _order(measure, a)
    if hasattr(y, "columns") and not isinstance(y, np.ndarray):
        from concordat.observatory.divide.relational import decompose_table

        return decompose_table(y, value=value, weight=weight, groups=groups, measure=measure, level=level, **engine)
    if engine or value:
        raise InputError(f"{', '.join(engine) or 'value'} is for a table, and y is a list.", hint="Leave it out.")
    s = sample(y, weight, strata=strata, psu=psu, least=1)
    names, codes = labels(groups, "group", s.given)
    return decompose_sorted(s, codes[s.rows], names, measure, a=order, level=level)


def _order(measure: str, a: float | None) -> float | None:
    if measure == "ge" and a is not None and math.isfinite(a):
        return a
    if measure in ORDER_OF and a is None:
        return ORDER_OF[measure]
    if measure == "gini" and a is None:
        return None
    known = f"{', '.join(MEASURES_OF_GROUPS)}, or ge with a."
    raise InputError(f'"{measure}" (a = {a}) can\'t be decomposed by groups.', hint=f"Known: {known}")


def decompose_sorted(
    s: Sample, codes: Ints, names: list[Any], measure: str, *, a: float | None = None, level: float = LEVEL
) -> Decomposition:
    """`decompose` of a sorted sample; `codes` number the group of each sorted row."""
    if measure in ORDER_OF:
        a = ORDER_OF[measure]
    b = basis(s)
    scored = MEASURES["gini"](b) if a is None else generalised(b, a)
    first = s.n - int(b.pos.y.size) if scored.positive else 0
    columns, o = (b.positive, b.pos) if scored.positive else (b.whole, b.o)
    codes = codes[first:]
    _refuse_empty(codes, names, scored)
    sums = gini_sums(o, codes, len(names), b) if a is None else group_sums(o, codes, len(names), a)
    name = measure if measure != "ge" else f"ge({a:g})"
    total = measure_from(name, s, b, scored, level)
    z_between = between_scores(o, codes, sums, a)
    assert scored.score is not None
    z_within = scored.score(columns) - z_between
    low = -math.inf if a is None else 0.0  # groups can overlap so much that the Gini's part between is below zero
    between = estimated(f"{name} between", math.fsum(sums.between), o.p * z_between, s, first, level=level, low=low)
    within = estimated(f"{name} within", math.fsum(sums.within), o.p * z_within, s, first, level=level, low=0.0)
    return Decomposition(total, between, within, group_parts(names, sums))


def group_parts(names: list[Any], sums: GroupSums) -> tuple[GroupPart, ...]:
    """The groups' parts as they are handed out."""
    columns = (sums.share, sums.share_total, sums.mean, sums.inside, sums.between, sums.within)
    rows = zip(names, *(column.tolist() for column in columns), sums.overlap, strict=True)
    return tuple(
        GroupPart(g, p, s, m, None if math.isnan(i) else i, b, w, None if overlap is None else float(overlap))
        for g, p, s, m, i, b, w, overlap in rows
    )


def _refuse_empty(codes: Ints, names: list[Any], scored: Scored) -> None:
    empty = np.flatnonzero(np.bincount(codes, minlength=len(names)) == 0)
    if empty.size:
        what = "value above zero" if scored.positive else "value"
        called = ", ".join(f'"{names[i]}"' for i in empty[:5])
        raise InputError(
            f"no {what} with a weight in the group {called}.", where="groups",
            hint="Leave the group out, or join it to another.", code="empty_group",
        )  # fmt: skip


# --- Nested groups ------------------------------------------------------------------------------------------------


def decompose_nested(
    y: Any, weight: Any = None, *, levels: Mapping[str, Any], measure: str = "theil_t", a: float | None = None
) -> Nested:
    """A divide along nested groups.

    Args:
        levels: from the coarsest to the finest, the name of each level and each row's group. A finer group is what it
            is inside the coarser one: "North" of two countries is two groups.
        measure: theil_t, theil_l, ge2, or ge with its parameter `a`: the Gini does not telescope.
    """
    order = _order(measure, a)
    if order is None:
        raise InputError("the Gini does not telescope over nested groups.", hint="Use theil_t, theil_l or ge.")
    if not levels:
        raise InputError("no levels were given.", hint='Give them as {"bloc": ..., "country": ...}.')
    s = sample(y, weight, least=1)
    b = basis(s)
    scored = generalised(b, order)
    first = s.n - int(b.pos.y.size) if scored.positive else 0
    o = b.pos if scored.positive else b.o
    codes = np.zeros(o.y.size, dtype=np.int64)
    before, found = 0.0, []
    for name, column in levels.items():
        names, finer = labels(column, name, s.given)
        _, codes = np.unique(codes * len(names) + finer[s.rows][first:], return_inverse=True)
        sums = group_sums(o, codes, int(codes.max()) + 1, order)
        between = math.fsum(sums.between)
        found.append((name, between - before))
        before = between
    return Nested(scored.value, tuple(found), math.fsum(sums.within))


# --- Between years ------------------------------------------------------------------------------------------------


def decompose_change(
    first: tuple[Any, Any, Any], second: tuple[Any, Any, Any], *, measure: str = "theil_t", a: float | None = None
) -> DivideChange:
    """The change of a divide between two years, by group sizes, group means, and the divide within groups.

    Args:
        first, second: values, weights and groups of either year; the groups are the same in both, the rows need not be.

    Raises:
        InputError: a group that is in one year only.
    """
    order = _order(measure, a)
    if order is None:
        raise InputError("the Gini is not made of sizes, means and the divide within.", hint="Use theil_t or theil_l.")
    states = [_state(*year, order) for year in (first, second)]
    odd = sorted(map(str, set(states[0][0]) ^ set(states[1][0])))
    if odd:
        raise InputError(f"only one of the two years has the group {', '.join(odd)}.", hint="Compare common groups.")
    columns = [state[1] for state in states]

    def value(chosen: frozenset[str]) -> float:
        share, mean, inside = (columns[cause in chosen][i] for i, cause in enumerate(CAUSES))
        return _index(share, mean, inside, order)

    orders = list(permutations(CAUSES))
    steps: dict[str, list[float]] = {cause: [] for cause in CAUSES}
    for way in orders:
        for i, cause in enumerate(way):
            steps[cause].append(value(frozenset(way[: i + 1])) - value(frozenset(way[:i])))
    parts = {cause: math.fsum(steps[cause]) / len(orders) for cause in CAUSES}
    return DivideChange(value(frozenset()), value(frozenset(CAUSES)), **parts)


def _state(y: Any, weight: Any, groups: Any, a: float) -> tuple[list[Any], tuple[Array, Array, Array]]:
    s = sample(y, weight, least=1)
    names, codes = labels(groups, "group", numbers(y, "y").size)
    b: Basis = basis(s)
    scored = generalised(b, a)
    first = s.n - int(b.pos.y.size) if scored.positive else 0
    codes = codes[s.rows][first:]
    _refuse_empty(codes, names, scored)
    sums = group_sums(b.pos if scored.positive else b.o, codes, len(names), a)
    return names, (sums.share, sums.mean, sums.inside)


def _index(share: Array, mean: Array, inside: Array, a: float) -> float:
    """The measure of the whole from its groups."""
    from concordat.observatory.divide._between import combine

    between, within = combine(share, mean, inside, a)
    return math.fsum(between) + math.fsum(within)
