"""All measures of a divide in one table: each with its error, its interval and what it rests on, from one shared sort.

`measures(y, weight)` gives a `MeasureTable`, keyed by name; with `groups` a table for each group and the decompositions
between and within them; with `rank_by` the concentration indices. The unweighted figures (each row counted once) are in
`.unweighted()`. A measure that the values do not allow (a logarithm of what is below zero) has no value and says why.

Zeros: Theil, mean log deviation and Atkinson(1) are of the values above zero, one population for all three, and print
`share_zero`; lead with Gini, GE(2), Atkinson(0.5) or the coefficient of variation where there are any.

Methods: `_scores` (values, influence functions), `inference` (errors, intervals), `decompose`, `concentration`. A
DuckDB relation or an Ibis table in place of y: `relational`.

    >>> found = measures([10.0, 20.0, 60.0], [2.0, 1.0, 1.0])
    >>> round(found["gini"].value, 12), found["gini"].n, round(found["gini"].n_eff, 12)
    (0.4, 3, 2.666666666667)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array, Zeros
from concordat.observatory.divide._basis import basis
from concordat.observatory.divide._estimate import Measure, measure_of, suppressed
from concordat.observatory.divide._sample import LEAST, Bounds, Ints, Sample, labels, numbers, sample, weights
from concordat.observatory.divide._scores import BOUNDED, MEASURES
from concordat.observatory.divide.inference import LEVEL, WIDER, Spread

if TYPE_CHECKING:
    from concordat.observatory.divide.decompose import Decomposition

NAMES = tuple(name for name in MEASURES if name not in BOUNDED)
DECOMPOSED = ("theil_t", "theil_l", "ge2", "gini")


@dataclass(frozen=True, slots=True, eq=False)
class MeasureTable(Mapping[str, Measure]):
    """Measures by name.

    Attributes:
        measures: in the order in which they are printed.
        groups: a table for each group.
        decompositions: by measure: the groups' parts in the divide of all.
        level: of the intervals.
        label: what the intervals mean where the rows are not a sample; "" where they are.
        notes: plain sentences (lonely strata).
        rounded: figures were made by an engine that adds in no fixed order and are rounded to 12 digits.
    """

    measures: Mapping[str, Measure]
    groups: Mapping[Any, MeasureTable] = field(default_factory=dict)
    decompositions: Mapping[str, Decomposition] = field(default_factory=dict)
    level: float = LEVEL
    label: str = ""
    notes: tuple[str, ...] = ()
    rounded: bool = False
    again: Callable[[], MeasureTable] | None = None

    def __getitem__(self, name: str) -> Measure:
        return self.measures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.measures)

    def __len__(self) -> int:
        return len(self.measures)

    def unweighted(self) -> MeasureTable:
        """The same measures with each row counted once (made when asked for, from the same sort)."""
        return self if self.again is None else self.again()


def measures(
    y: Any,
    weight: Any = None,
    *,
    groups: Any = None,
    rank_by: Any = None,
    strata: Any = None,
    psu: Any = None,
    bounds: tuple[float, float] | None = None,
    zeros: Zeros = "exclude",
    names: Sequence[str] | None = None,
    level: float = LEVEL,
    whole_population: bool = False,
    min_cell: int | None = None,
    value: str = "",
    **engine: Any,
) -> MeasureTable:
    """Every measure of one divide.

    Args:
        y: values, NaN where missing; or a DuckDB relation or an Ibis table, when `value`, `weight`, `groups`,
            `rank_by`, `strata` and `psu` name its columns (see `relational`).
        weight: people or money behind each value; None: each counts once.
        groups: each row's group (bloc, region).
        rank_by: what the rows are ranked by (income), for concentration indices.
        strata, psu: each row's stratum and primary sampling unit.
        bounds: lowest and highest value, of a percentage (0, 100): adds the Gini of the shortfall, the headcount
            offline and, with `rank_by`, the indices of Wagstaff and Erreygers.
        zeros: "include" takes zeros to their limit in Theil and Atkinson(1), where there is one.
        names: which measures; None: all that apply.
        whole_population: the rows are all there are (all countries): the intervals are labelled so.
        min_cell: cells of fewer rows are suppressed. None: 30 for a table, none for arrays.
        engine: of a table, see `relational.measures_of_table`.

    Raises:
        InputError: fewer than 3 values, in all or in a group; a weight or a value that is no number (with its row).
        MethodError: a design with no degree of freedom.
    """
    if hasattr(y, "columns") and not isinstance(y, np.ndarray):
        from concordat.observatory.divide.relational import measures_of_table

        if zeros != "exclude":
            raise InputError("zeros can be included in arrays only.", hint="Leave them out of the table's measures.")
        return measures_of_table(
            y, value=value, weight=weight, groups=groups, rank_by=rank_by, strata=strata, psu=psu, bounds=bounds,
            names=names, level=level, whole_population=whole_population, min_cell=min_cell, **engine,
        )  # fmt: skip
    if engine or value:
        raise InputError(f"{', '.join(engine) or 'value'} is for a table, and y is a list.", hint="Leave it out.")
    if zeros not in ("exclude", "include"):
        raise InputError(f'"{zeros}" is nothing to do with zeros.', hint="exclude or include.")
    limits = None if bounds is None else Bounds(*bounds)
    wanted = chosen(names, limits)
    s = sample(y, weight, bounds=limits, strata=strata, psu=psu)
    plan = _Plan(wanted, limits, level, min_cell or 0, WIDER if whole_population else "", _notes(s), zeros)
    grouping = _grouping(y, weight, groups) if groups is not None else None
    ranks = numbers(rank_by, "rank_by", s.given) if rank_by is not None else None
    table = _table(s, plan, grouping, ranks)
    flat = (
        None if grouping is None else _Grouping(grouping.names, grouping.codes, np.sign(grouping.w), grouping.missing)
    )
    return _with_again(table, lambda: _table(s.unweighted(), plan, flat, ranks))


def chosen(names: Sequence[str] | None, limits: Bounds | None) -> tuple[str, ...]:
    """The measures asked for.

    Raises:
        InputError: one that is not known, or needs bounds.
    """
    if names is None:
        return tuple(name for name in MEASURES if limits is not None or name not in BOUNDED)
    for name in names:
        if name not in MEASURES:
            import difflib

            near = difflib.get_close_matches(name, MEASURES, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(MEASURES)}."
            raise InputError(f'"{name}" is not a measure I know.', hint=hint, code="unknown_measure")
        if name in BOUNDED and limits is None:
            raise InputError(f"{name} needs a highest value.", hint="Give bounds, (0, 100) for a percentage.")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class _Plan:
    names: tuple[str, ...]
    bounds: Bounds | None
    level: float
    min_cell: int
    label: str
    notes: tuple[str, ...]
    zeros: Zeros


@dataclass(frozen=True, slots=True, eq=False)
class _Grouping:
    """Groups of the rows given, with the weights by which missing ones are counted."""

    names: list[Any]
    codes: Ints
    w: Array
    missing: Any


def _grouping(y: Any, weight: Any, groups: Any) -> _Grouping:
    values = numbers(y, "y")
    names, codes = labels(groups, "group", values.size)
    return _Grouping(names, codes, weights(weight, values.size), np.isnan(values))


def _notes(s: Sample) -> tuple[str, ...]:
    if s.design is None or not s.design.single:
        return ()
    count = len(s.design.single)
    return (f"{count} strata with one primary unit are centred at the mean of all units.",)


def _with_again(table: MeasureTable, again: Callable[[], MeasureTable]) -> MeasureTable:
    return MeasureTable(
        table.measures, table.groups, table.decompositions, table.level, table.label, table.notes, again=again
    )


def _table(s: Sample, plan: _Plan, grouping: _Grouping | None, ranks: Array | None) -> MeasureTable:
    found = _measures_of(s, plan, ranks)
    if grouping is None:
        return MeasureTable(found, level=plan.level, label=plan.label, notes=plan.notes)
    from concordat.observatory.divide.decompose import decompose_sorted

    tables = dict(_group_tables(s, plan, grouping, ranks))
    parts: dict[str, Decomposition] = {}
    hidden = any(m.n is None for t in tables.values() for m in t.values())  # what is left over would give it away
    limits_taken = plan.zeros == "include" and s.o.share_zero > 0  # parts are of the values above zero
    for name in DECOMPOSED if not hidden else ():
        if name in plan.names and found[name].value is not None and not (limits_taken and "theil" in name):
            parts[name] = decompose_sorted(s, grouping.codes[s.rows], grouping.names, name, level=plan.level)
    return MeasureTable(found, tables, parts, plan.level, plan.label, plan.notes)


def _group_tables(
    s: Sample, plan: _Plan, grouping: _Grouping, ranks: Array | None
) -> Iterator[tuple[Any, MeasureTable]]:
    """A table for each group: rows of one group stay sorted, so nothing is sorted again."""
    size = len(grouping.names)
    codes = grouping.codes[s.rows]
    by_group = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[by_group], np.arange(size + 1))
    total = np.bincount(grouping.codes, grouping.w, size)
    missing = np.bincount(grouping.codes, grouping.w * grouping.missing, size)
    for i, name in enumerate(grouping.names):
        places = by_group[ends[i] : ends[i + 1]]
        if places.size < plan.min_cell:
            hidden = {measure: suppressed(measure, plan.min_cell) for measure in plan.names}
            yield name, MeasureTable(hidden, level=plan.level, label=plan.label)
            continue
        if places.size < LEAST:
            row = int(np.flatnonzero(grouping.codes == i)[0]) + 1
            raise InputError(
                f'the group "{name}" has {places.size} values with a weight: a divide needs {LEAST}.',
                where=f"row {row}", hint="Join it to another group.", code="too_few",
            )  # fmt: skip
        part = s.subset(places, float(missing[i] / total[i]))
        yield name, MeasureTable(_measures_of(part, plan, ranks), level=plan.level, label=plan.label, notes=plan.notes)


def _measures_of(s: Sample, plan: _Plan, ranks: Array | None) -> dict[str, Measure]:
    b = basis(s, plan.bounds, plan.zeros)
    spreads: dict[str, Spread] = {}
    found = {name: measure_of(name, s, b, plan.level, spreads) for name in plan.names}
    if ranks is not None:
        from concordat.observatory.divide.concentration import indices

        found |= indices(s, ranks, plan.bounds, plan.level)
    return found


def influence(name: str, y: Any, weight: Any = None, *, bounds: tuple[float, float] | None = None) -> Array:
    """The influence function z of a measure at each row given: what it moves by for a little more weight there.

    With p the shares of all rows that have a value, `sum p z = 0`; a row that has no part in the measure (a zero, where
    it is of the values above zero) has z = 0.

    Raises:
        InputError, MethodError: as `measures`, or a measure that has no influence function.
    """
    limits = None if bounds is None else Bounds(*bounds)
    chosen([name], limits)
    s = sample(y, weight, bounds=limits)
    b = basis(s, limits)
    scored = MEASURES[name](b)
    if scored.score is None:
        raise MethodError(f"{name} has no influence function here: {scored.reason}.", code="no_influence")
    columns, first = (b.positive, s.n - b.pos.y.size) if scored.positive else (b.whole, 0)
    z = np.zeros(s.given)
    z[s.rows[first:]] = scored.score(columns) * (scored.scale / float(s.o.p[first:].sum()))
    return z
