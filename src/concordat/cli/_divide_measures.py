"""What `concordat divide measures` and `decompose` compute: from the store, a CSV table, or a Parquet file where it is.

Cells of a file that hold fewer rows than `min_cell` are suppressed, and with them the parts from which they could be
had; countries are no persons, and no cell of theirs is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _divide_files as files
from concordat.cli import _divide_store as store
from concordat.errors import ConcordatError, InputError, MethodError

if TYPE_CHECKING:
    from concordat.observatory.divide import Decomposition, MeasureTable

Tables = dict[str, "MeasureTable"]
Splits = dict[str, dict[str, "Decomposition"]]
BY = ("bloc", "income", "region")
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file are what; "" where there is none."""

    value: str
    weight: str = ""
    groups: str = ""
    rank_by: str = ""
    strata: str = ""
    psu: str = ""

    def given(self) -> dict[str, str]:
        """The roles beside the value that have a column."""
        roles = ("weight", "groups", "rank_by", "strata", "psu")
        return {role: name for role in roles if (name := getattr(self, role))}


def of_file(
    path: Path,
    columns: Columns,
    *,
    bounds: tuple[float, float] | None,
    names: Sequence[str] | None,
    min_cell: int,
) -> Tables:
    """The measures of a file's column, weighted (where there is a weight) and not.

    Raises:
        InputError: a file or a column that can't be read, too few rows.
        MethodError: a large table without the extra.
    """
    from concordat.observatory.divide import measures

    if not columns.value:
        raise InputError("which column is it?", where=str(path), hint="Add --value COLUMN.", code="value")
    options: dict[str, Any] = {"bounds": bounds, "names": names, "min_cell": min_cell}
    given: dict[str, Any] = dict(columns.given())
    if files.is_parquet(path):
        with files.parquet(path) as relation, files.located(path):
            return _both(measures(relation, value=columns.value, **options, **given), columns)
    table = files.read_table(path)
    y = table.numbers(columns.value)
    given |= {role: table.names(name) for role, name in given.items() if role in ("groups", "strata", "psu")}
    if columns.weight:
        given["weight"] = table.numbers(columns.weight, least=0, blank=False)
    if columns.rank_by:
        given["rank_by"] = table.numbers(columns.rank_by)
    with files.located(path, table.lines):
        found = _both(measures(y, **given, **options), columns)
    return {kind: _hidden(t, min_cell) for kind, t in found.items()}


def _both(found: MeasureTable, columns: Columns) -> Tables:
    return {"weighted": found, "unweighted": found.unweighted()} if columns.weight else {"unweighted": found}


def _hidden(table: MeasureTable, min_cell: int) -> MeasureTable:
    """Nothing of a whole that has too few rows, as the library does with a relation."""
    from concordat.observatory.divide._estimate import suppressed

    if any((m.n or 0) >= min_cell for m in table.values()):
        return table
    return replace(table, measures={n: suppressed(n, min_cell) for n in table}, decompositions={}, again=None)


def of_store(
    indicator: str, whom: store.Whom, *, rank_by: str, names: Sequence[str] | None
) -> tuple[store.Figures, Tables]:
    """The measures of the newest figures, weighted by the catalogue's weight and not.

    Raises:
        InputError: an unknown indicator, bloc or country; fewer than three figures.
    """
    from concordat.observatory.divide import measures

    found = store.figures(indicator, whom)
    ranks: dict[str, float] = {}
    if rank_by:
        other = store.figures(rank_by, whom)
        ranks = dict(zip(other.units, other.values, strict=True))

    def table(rows: Sequence[int], weigh: bool) -> MeasureTable:
        by = [ranks.get(found.units[i], float("nan")) for i in rows] if rank_by else None
        w = [found.weights[i] for i in rows] if weigh else None
        y = [found.values[i] for i in rows]
        return measures(y, w, rank_by=by, bounds=found.bounds, names=names, whole_population=True)

    if len(found.values) < 3:
        what = f"{len(found.values)} areas have a figure of {indicator}: a divide needs 3."
        raise InputError(what, hint="Name more countries, or print the figures themselves.", code="too_few")
    weighing = store.paired(found.values, found.weights)
    made = {"weighted": table(weighing, True)} if len(weighing) >= 3 else {}
    return found, made | {"unweighted": table(range(len(found.values)), False)}


def without_lines(found: store.Figures, tables: Tables | Splits) -> list[str]:
    """Who is not in the figures, and why."""
    said = []
    if found.without:
        shown = [f"{area} ({reason.replace('_', ' ')})" for area, reason in list(found.without.items())[:12]]
        more = f" and {len(found.without) - 12} more" if len(found.without) > 12 else ""
        said.append(f"Without a figure: {', '.join(shown)}{more}.")
    if "weighted" in tables:
        lost = [u for u, w in zip(found.units, found.weights, strict=True) if w != w]
        said.append(f"Weighted by {found.weight}{'; without one of a near year: ' + ', '.join(lost) if lost else ''}.")
    elif found.weight:
        said.append(f"Not weighted: too few areas have {found.weight}.")
    return said


# --- Decompositions -----------------------------------------------------------------------------------------------


def split_file(path: Path, columns: Columns, names: Sequence[str], min_cell: int) -> tuple[Splits, list[str]]:
    """The divide of a file's column between and within groups.

    Raises:
        InputError: as `of_file`, or groups of too few rows.
        MethodError: no measure can be split.
    """
    if not columns.groups:
        raise InputError("which column holds the groups?", where=str(path), hint="Add --groups COLUMN.", code="groups")
    found = of_file(path, columns, bounds=None, names=names, min_cell=min_cell)
    first = next(iter(found.values()))
    small = [str(key) for key, t in first.groups.items() if all(m.n is None for m in t.values())]
    if small:
        hint = "Join them, for what is left would give them away; or lower --min-cell where rows are not persons."
        what = f"groups of fewer than {min_cell} rows: {', '.join(small[:5])}{', ...' if len(small) > 5 else ''}."
        raise InputError(what, where=str(path), hint=hint, code="min_cell")
    splits = {kind: dict(t.decompositions) for kind, t in found.items()}
    why = [f"{n}: {first[n].reason or 'has no parts here'}." for n in names if n not in splits[next(iter(found))]]
    return _some(splits, why), why


def split_store(
    indicator: str, whom: store.Whom, by: str, names: Sequence[str]
) -> tuple[store.Figures, Splits, list[str]]:
    """The divide of the newest figures between and within blocs, income groups or regions.

    Raises:
        InputError: an unknown word; `bloc` without one.
        MethodError: no measure can be split.
    """
    if by not in BY:
        raise InputError(f'"{by}" is not a grouping.', hint="Use bloc, income or region.", code="by")
    if by == "bloc" and not whom.bloc:
        raise InputError("--by bloc needs a bloc.", hint="Add --bloc BRICS: it is set against all others.", code="who")
    found = store.figures(indicator, whom, world=by == "bloc")
    areas = whom.areas()
    inside = set(whom.members(areas))
    labels = [_label(unit, by, areas.bloc, inside) for unit in found.units]
    weighing = store.paired(found.values, found.weights)
    kinds: dict[str, Sequence[int]] = {"weighted": weighing} if len(weighing) >= 2 else {}
    splits: Splits = {}
    why: list[str] = []
    for kind, rows in (kinds | {"unweighted": range(len(found.values))}).items():
        splits[kind] = {}
        for name in names:
            try:
                splits[kind][name] = _split(found, rows, labels, name, weigh=kind == "weighted")
            except ConcordatError as error:
                why.append(f"{name}, {kind}: {error}")
    return found, _some(splits, why), why


def _split(
    found: store.Figures, rows: Sequence[int], labels: Sequence[str], name: str, *, weigh: bool
) -> Decomposition:
    from concordat.observatory.divide import decompose

    y, groups = [found.values[i] for i in rows], [labels[i] for i in rows]
    return decompose(y, [found.weights[i] for i in rows] if weigh else None, groups=groups, measure=name)


def _label(unit: str, by: str, bloc: str, inside: set[str]) -> str:
    from concordat.world import country

    if by == "bloc":
        return bloc if unit in inside else OTHERS
    record = country(unit)
    return (record.income_group or "not classified") if by == "income" else (record.region or "no region")


def _some(splits: Splits, why: Sequence[str]) -> Splits:
    if not any(splits.values()):
        raise MethodError(f"nothing can be split: {why[0]}", code="no_parts")
    return {kind: by for kind, by in splits.items() if by}
