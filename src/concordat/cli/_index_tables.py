"""Indices as CSV: every digit, a column a number, and in each row the hashes of what it came from.

A row may be cut from its table and still be traced: `spec` is the hash of the index file, `inputs` of the file, its
ballots, whom it ranks and the figures (`observatory.fingerprint`), `release` what the figures were taken from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat.cli._divide_tables import full, safe

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult
    from concordat.observatory.uncertainty import UncertaintyResult

Table = tuple[Sequence[str], list[tuple[str, ...]]]
TRACED = ("spec", "inputs", "release")


def traced(result: IndexResult, release: str, before: str = "") -> dict[str, str]:
    """The columns that lead back to what a row came from."""
    return {f"{before}{k}": v for k, v in zip(TRACED, (result.spec.hash, result.inputs_hash, release), strict=True)}


def table(rows: Sequence[Mapping[str, Any]], trace: Mapping[str, str], keys: Sequence[str] = ()) -> Table:
    """Rows in full, with the trace in each; text that a spreadsheet would run is marked as text."""
    names = tuple(keys) or tuple(rows[0]) if rows else tuple(keys)
    made = [(*(_cell(row[k]) for k in names), *trace.values()) for row in rows]
    return safe(((*names, *trace), made))


def ranking(result: IndexResult, found: UncertaintyResult | None, release: str) -> Table:
    """A line for each unit, best first: rank, score, and where they are known how sure both are."""
    pooled = result.imputation if found is None else found.imputation
    rows = []
    for u in result.order():
        rank, score = (_number(v[u]) for v in (result.ranks, result.scores))
        row: dict[str, Any] = {"rank": None if rank is None else int(rank), "unit": result.units[u], "score": score}
        if found is not None:
            row |= _sure(found, u)
        if pooled is not None:
            row |= {f"score_{k}": v for k, v in pooled.of(u).items()}
        rows.append(row)
    return table(rows, traced(result, release))


def placed(result: IndexResult, release: str) -> Table:
    """A dashboard: where each figure stands between the units' lowest (0) and highest (100)."""
    names, found = result.panel.indicators, 100 * result.placed()
    rows = [
        {"unit": unit} | {name: _number(v) for name, v in zip(names, found[u], strict=True)}
        for u, unit in enumerate(result.units)
    ]
    return table(rows, traced(result, release))


def doubt(found: UncertaintyResult, release: str) -> Table:
    """A line for each unit by median rank; runs, those that were dropped and the seed are the same in each."""
    t, made = found.table, {"runs": found.runs, "dropped": len(found.failed), "exact": found.exact, "seed": found.seed}
    names = ("nominal", "mean", "median", "low", "high", "lowest", "highest")
    rows, pooled = [], found.imputation
    for u in found.order():
        row: dict[str, Any] = {"unit": found.units[u]} | {k: _number(getattr(t, k)[u]) for k in names}
        row |= {f"top_{k}": _number(t.top[n, u]) for n, k in enumerate(t.tops)}
        row |= {"plateau": found.plateau_of(u), "missing": float(t.missing[u])} | made
        rows.append(row if pooled is None else row | {f"score_{k}": v for k, v in pooled.of(u).items()})
    return table(rows, traced(found.result, release))


def _sure(found: UncertaintyResult, u: int) -> dict[str, Any]:
    t = found.table
    row: dict[str, Any] = {"rank_low": _number(t.low[u]), "rank_high": _number(t.high[u])}
    row |= {f"top_{k}": _number(t.top[n, u]) for n, k in enumerate(t.tops)}
    return row | {"plateau": found.plateau_of(u), "runs": found.runs, "dropped": len(found.failed)}


def _number(value: Any) -> float | None:
    return None if value != value else float(value)


def _cell(value: object) -> str:
    """Every digit; a blank where there is nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    return full(value + 0.0) if isinstance(value, float) else full(value)
