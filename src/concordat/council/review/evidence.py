"""How far did an indicator move on the way to its target?

    e = clip((x_t - x_0) / (g_t - x_0), -1, 1)

with x_0 the baseline, x_t the value of year t, and g_t what is due in t: on the straight line, or on that through the
milestones, from baseline to target; level after the target's year. So e is 1 on or beyond the way, 0 where nothing
moved, below 0 where it moved the other way. Where the target equals the baseline ("keep"), e is +1 within tolerance and
-1 outside; with direction `up` or `down` a move in that direction is never outside.

Where the error of x_t is known (one standard deviation), 2,000 draws from the normal distribution give a median and the
interval of 90 %; each cell has a random stream of its own. Without a value the cell is blank, with the reason; so it is
where nothing was due yet. Several indicators of one commitment: the plain mean, each shown.

It measures movement, not effort or cause. Errors of the baseline are not drawn: it is what the parties agreed to start
from. It is never mixed with the coders' `scores`.

    >>> from concordat.council.commit.targets import Series, Target
    >>> target = Target.load('''
    ... commitment: c-1
    ... indicator: users
    ... direction: up
    ... baseline: {year: 2020, value: 40}
    ... target: {year: 2030, value: 80}
    ... ''')
    >>> evidence(target, Series("users", "percent", {"IND": {2025: 55}}), at=2025, seed=1).cells["IND"].value
    Fraction(3, 4)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.council.commit._series import Value, exact
from concordat.council.commit.targets import Series, Target, Way
from concordat.errors import InputError

DRAWS = 2_000
LEVEL = 0.90
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EvidenceCell:
    """One member's evidence.

    Attributes:
        value: e; None where it is blank, with the reason.
        observed, due, baseline: x_t, g_t, x_0, where they are known.
        median, low, high: of the draws; None where no error is known.
        note: what a reader must know: the target was computed, its year is over.
    """

    member: str
    value: Fraction | None
    reason: str = ""
    observed: Fraction | None = None
    due: Fraction | None = None
    baseline: Fraction | None = None
    median: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Evidence:
    """The evidence of one target in one year, by member, in the order of their codes."""

    commitment: str
    indicator: str
    at: int
    cells: Mapping[str, EvidenceCell]
    release: str = ""
    target_hash: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats: exact values; what was drawn is text of six decimals."""
        cells = {
            name: {
                "value": _text(c.value),
                "reason": c.reason,
                "observed": _text(c.observed),
                "due": _text(c.due),
                "baseline": _text(c.baseline),
                "drawn": None if c.median is None else [f"{v:.6f}" for v in (c.median, c.low, c.high) if v is not None],
                "note": c.note,
            }
            for name, c in self.cells.items()
        }
        about = {"commitment": self.commitment, "indicator": self.indicator, "at": self.at}
        return {**about, "cells": cells, "release": self.release, "target": self.target_hash}


@dataclass(frozen=True)
class Combined:
    """The evidence of a commitment by several indicators: the plain mean of those with a value, each shown."""

    commitment: str
    at: int
    values: Mapping[str, Fraction | None]
    parts: tuple[Evidence, ...]


def evidence(
    target: Target,
    series: Series,
    *,
    at: int,
    error: Value | Mapping[str, Value] | None = None,
    seed: int | str = 0,
    draws: int = DRAWS,
) -> Evidence:
    """The evidence of each member of the target and the series.

    Args:
        at: the year t.
        error: the standard deviation of x_t, for all or by member, in the indicator's unit.
        seed: of the study; each cell has its own stream, by commitment, indicator, member and year.

    Raises:
        InputError: another indicator or unit; a target that equals the baseline without tolerance; an error that is
            negative or no number; a value that is no number.
    """
    if draws < 1 or isinstance(at, bool) or not isinstance(at, int):
        hint = "Give the year as a whole number, and at least one draw."
        raise InputError(f"{draws} draws for the year {at!r}.", where=target.where, hint=hint, code="argument")
    cells = {}
    for member, way in target.ways(series).items():
        cell = _cell(member, way, series, at)
        sd = error.get(member) if isinstance(error, Mapping) else error
        if sd is not None and cell.value is not None and not isinstance(way, str):
            name = f"evidence:{target.commitment}:{target.indicator}:{member}:{at}"
            cell = _drawn(cell, way, at, exact(sd, where=f"error of {member}"), stream(seed, name), draws)
        cells[member] = cell
    return Evidence(target.commitment, target.indicator, at, cells, series.release, target.hash)


def combine(parts: Sequence[Evidence]) -> Combined:
    """Several indicators of one commitment and year: by member, the plain mean of those with a value.

    Raises:
        InputError: no part, parts of other commitments or years, an indicator twice.
    """
    about = {(p.commitment, p.at) for p in parts}
    if len(about) != 1 or len({p.indicator for p in parts}) < len(parts):
        hint = "Give parts of one commitment and year, each indicator once."
        raise InputError(f"{len(parts)} parts of evidence don't go together.", hint=hint, code="parts")
    ((commitment, at),) = about
    values: dict[str, Fraction | None] = {}
    for member in sorted({m for p in parts for m in p.cells}):
        known = [c.value for p in parts if (c := p.cells.get(member)) is not None and c.value is not None]
        values[member] = sum(known, Fraction(0)) / len(known) if known else None
    return Combined(commitment, at, values, tuple(sorted(parts, key=lambda p: p.indicator)))


def values_of(given: Iterable[Evidence | Combined]) -> dict[tuple[str, str], Fraction]:
    """The evidence of each commitment and member that has a value.

    Raises:
        InputError: evidence of a commitment twice.
    """
    found: dict[tuple[str, str], Fraction] = {}
    seen: set[str] = set()
    for part in given:
        if part.commitment in seen:
            hint = "Several indicators of a commitment go through combine()."
            raise InputError(f"evidence of {part.commitment} twice.", hint=hint, code="duplicate")
        seen.add(part.commitment)
        cells = part.values if isinstance(part, Combined) else {m: c.value for m, c in part.cells.items()}
        found |= {(part.commitment, member): value for member, value in cells.items() if value is not None}
    return found


def _cell(member: str, way: Way | str, series: Series, at: int) -> EvidenceCell:
    if isinstance(way, str):
        return EvidenceCell(member, None, way)
    if at <= way.begins:
        return EvidenceCell(member, None, f"nothing is due by {at}: the baseline is of {way.begins}")
    observed, due = series.value(member, at), way.due(at)
    if observed is None:
        return EvidenceCell(member, None, series.reason(member, at), None, due, way.start)
    if way.tolerance is None and due == way.start:
        return EvidenceCell(member, None, f"nothing is due by {at}: no milestone asks it", observed, due, way.start)
    last = way.points[-1][0]
    notes = ["target computed from the release"] if way.computed else []
    notes += [f"the target's year, {last}, is over"] if at > last else []
    return EvidenceCell(member, movement(way, observed, at), "", observed, due, way.start, note="; ".join(notes))


def movement(way: Way, observed: Fraction, at: int) -> Fraction:
    """e for one value: clip((x_t - x_0) / (g_t - x_0), -1, 1); what is to be kept: +1 within tolerance, else -1."""
    moved = observed - way.start
    if way.tolerance is not None:
        lost = {"up": -moved, "down": moved, "keep": abs(moved)}[way.direction]
        return Fraction(1 if lost <= way.tolerance else -1)
    return max(Fraction(-1), min(Fraction(1), moved / (way.due(at) - way.start)))


def _drawn(cell: EvidenceCell, way: Way, at: int, sd: Fraction, rng: np.random.Generator, draws: int) -> EvidenceCell:
    if sd < 0:
        hint = "Give a standard deviation of 0 or more."
        raise InputError(f"the error is {float(sd):g}.", where=f"error of {cell.member}", hint=hint, code="error")
    assert cell.observed is not None
    moved = float(cell.observed - way.start) + float(sd) * rng.standard_normal(draws)
    if way.tolerance is None:
        found: Array = np.clip(moved / float(way.due(at) - way.start), -1.0, 1.0)
    else:
        lost = {"up": -moved, "down": moved, "keep": np.abs(moved)}[way.direction]
        found = np.where(lost <= float(way.tolerance), 1.0, -1.0)
    low, median, high = (float(q) for q in np.quantile(found, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]))
    return EvidenceCell(
        cell.member, cell.value, "", cell.observed, cell.due, cell.baseline, median, low, high, cell.note
    )


def stream(seed: int | str, name: str) -> np.random.Generator:
    """The random stream of a named use: PCG64, seeded by SHA-256 of seed and name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"
