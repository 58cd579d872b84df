"""Rung b: the digital economy by input-output linkages, in the three-term form.

With `v = VA/x`, `A = Z diag(1/x)`, `B = (I - A)^-1`, final demand `y = x - Z1`, `e` = 1 for digital industries, and
`M = diag(v) B diag(y)` (value added of the row's industry in the final demand of the column's):

    backward 1'Me + forward e'M1 - double count e'Me

Backward is what all industries earn in making digital final goods, forward what digital industries earn in making
anything; what is both is counted once. Forward equals the direct value added of the digital industries, and with e = 1
everywhere the measure is GDP: both are checked on every result, and a table on which they fail is refused.

Beside it stands hypothetical extraction, `v'x - v_k'(I - A_kk)^-1 y_k` (k: the other industries): what would be lost
if digital industries neither sold to nor bought from the others, with final demand for the others unchanged.

Source: Asian Development Bank, Capturing the Digital Economy (2021), as its users describe it. ADB's text is said to
add a fourth term, digital fixed capital in other industries; it was **not seen**, so it is not computed. A function
given as `fixed_capital_term` is added, reported apart, and stamped unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, SourceError
from concordat.impact.accounts.io_table import Imports, IOTable, Kept, domestic
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FixedCapital = Callable[[IOTable, Mask], float]
RCOND_MIN = 1e-12  # of I - A, in the 1-norm: below it B has no digit left to trust
IDENTITY_MAX = 1e-8  # of GDP, by which forward linkages and direct value added may differ
UNVERIFIED_TERM = "fixed-capital term: the user's own; ADB's fourth term was not seen (unverified)"


@dataclass(frozen=True, slots=True)
class Linkages:
    """The measure and its parts, in the table's unit.

    Attributes:
        area, year, unit: of the table. digital: the codes counted. absent: of them without output, so not in it.
        gdp: value added of all industries. direct: of the digital ones. backward, forward, double_count: the terms.
        total: backward + forward - double_count, plus `fixed_capital` where that was asked for.
        extraction: hypothetical extraction. fixed_capital: the user's fourth term, or None.
        treatment: how imports left the table. kept: oddities of it. notes: what to print beside.
    """

    area: str
    year: int
    unit: str
    digital: tuple[str, ...]
    absent: tuple[str, ...]
    gdp: float
    direct: float
    backward: float
    forward: float
    double_count: float
    total: float
    extraction: float
    fixed_capital: float | None
    treatment: str
    kept: tuple[Kept, ...]
    notes: tuple[str, ...]
    source: str
    sha256: tuple[str, ...]

    def percent(self, part: str = "total") -> float:
        """A part as a percentage of GDP."""
        return 100.0 * float(getattr(self, part)) / self.gdp


def digital_linkages(
    table: IOTable,
    digital: Sequence[str],
    *,
    imports: Imports = "",
    fixed_capital_term: FixedCapital | None = None,
) -> Linkages:
    """The size of the digital economy by input-output linkages.

    Args:
        table: an input-output table. digital: codes of its digital industries.
        imports: "proportional" for a table of total flows, see `io_table.domestic`.
        fixed_capital_term: off unless given; gets the domestic table and the mask of digital industries.

    Raises:
        InputError: a code that is not in the table. MethodError: imports are in the flows, and no rule was chosen.
        SourceError: I - A is singular, the table can't reproduce itself, or GDP is not above zero.

    >>> table = IOTable("AAA", ("a", "b"), np.array([[10.0, 20.0], [30.0, 10.0]]), np.array([60.0, 70.0]),
    ...                 np.array([100.0, 100.0]), 2020)
    >>> found = digital_linkages(table, ["b"])
    >>> round(found.forward, 9), round(found.direct, 9), round(found.total, 4)
    (70.0, 70.0, 79.6)
    """
    home = domestic(table, imports)
    e, absent = _mask(home, digital)
    if not home.gdp > 0:
        what, hint = f"GDP is {home.gdp:,.6g}.", "Value added must sum to more than zero for a share of it."
        raise SourceError(what, where=home.source, hint=hint, code="gdp")
    leontief = _leontief(home)
    y, v = home.final, home.value_added / home.output
    # B y and B (y e): all terms follow from these two, without B itself.
    made = np.linalg.solve(leontief, np.stack([y, y * e], axis=1))
    backward, forward = float(v @ made[:, 1]), float((v * e) @ made[:, 0])
    double = float((v * e) @ made[:, 1])
    direct = float(home.value_added[e].sum())
    _identities(home, forward, direct, float(v @ made[:, 0]))
    fourth = None if fixed_capital_term is None else float(fixed_capital_term(home, e))
    return Linkages(
        home.area,
        home.year,
        home.unit,
        tuple(i for i, is_digital in zip(home.industries, e, strict=True) if is_digital),
        absent,
        home.gdp,
        direct,
        backward,
        forward,
        double,
        backward + forward - double + (fourth or 0.0),
        home.gdp - _without(leontief, v, y, e),
        fourth,
        home.treatment,
        home.kept,
        (*home.notes, *(() if fourth is None else (UNVERIFIED_TERM,))),
        home.source,
        home.sha256,
    )


def linkage_matrix(table: IOTable, *, imports: Imports = "") -> Array:
    """(N, N) `M = diag(v) B diag(y)`: value added of the row's industry in final demand for the column's.

    Rows sum to value added, the whole to GDP.

    Raises:
        As `digital_linkages`.
    """
    home = domestic(table, imports)
    inverse = np.linalg.solve(_leontief(home), np.eye(len(home.industries)))
    found: Array = (home.value_added / home.output)[:, None] * inverse * home.final
    return found


def _mask(table: IOTable, digital: Sequence[str]) -> tuple[Mask, tuple[str, ...]]:
    from concordat.settings import nearest

    if not digital:
        hint = "Name a set of digital industries."
        raise InputError("no industry is digital.", where=table.source, hint=hint, code="codes")
    unknown = [code for code in digital if code not in (*table.industries, *table.dropped)]
    if unknown:
        close = nearest(unknown[0], table.industries)
        hint = f'Did you mean "{close[0]}"?' if close else f"It has {listed(table.industries)}."
        raise InputError(f"no industry {listed(unknown)}.", where=table.source, hint=hint, code="codes")
    counted = set(digital)
    mask = np.array([industry in counted for industry in table.industries])
    return mask, tuple(code for code in digital if code in table.dropped)


def _leontief(table: IOTable) -> Array:
    """(N, N) `I - A`, if it can be inverted and output can pay for its own inputs."""
    a = table.z / table.output
    leontief = np.eye(len(a)) - a
    columns = a.sum(axis=0)
    worst = int(np.argmax(columns))
    who = f"{table.industries[worst]} buys {columns[worst]:.3g} of its output from home industries"
    hint = "Check that industry, or merge it with another or leave it out by name."
    try:
        condition = float(np.linalg.cond(leontief, 1))
    except np.linalg.LinAlgError:
        condition = np.inf
    if not condition * RCOND_MIN < 1:
        what = f"I - A of {len(a)} industries is singular (condition {condition:.2g}): {who}."
        raise SourceError(what, where=table.source, hint=hint, code="singular")
    # No eigenvalue is larger than the largest column sum of |A|, and in most tables that is below 1 already.
    norm = float(np.abs(a).sum(axis=0).max())
    radius = norm if norm < 1 else float(np.max(np.abs(np.linalg.eigvals(a))))
    if radius >= 1:
        what = f"the {len(a)} industries use up more than they make (spectral radius of A {radius:.4g}): {who}."
        raise SourceError(what, where=table.source, hint=hint, code="not_productive")
    return leontief


def _identities(table: IOTable, forward: float, direct: float, whole: float) -> None:
    """Forward linkages are direct value added, and all of final demand makes GDP: else rounding ate the result."""
    off = max(abs(forward - direct), abs(whole - table.gdp)) / table.gdp
    if off > IDENTITY_MAX:
        what = f"forward linkages and direct value added differ by {off:.2g} of GDP."
        hint = "I - A is too near to singular for these numbers; merge the industry with the largest inputs."
        raise SourceError(what, where=table.source, hint=hint, code="singular")


def _without(leontief: Array, v: Array, y: Array, e: Mask) -> float:
    """GDP that is left when the digital industries are extracted: `v_k'(I - A_kk)^-1 y_k`."""
    k = ~e
    if not k.any():
        return 0.0
    return float(v[k] @ np.linalg.solve(leontief[np.ix_(k, k)], y[k]))
