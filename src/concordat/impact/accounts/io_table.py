"""One country's input-output table, as the measures of the digital economy need it.

`z` says what each industry delivers to each (rows sell to columns), `x` is output, `VA` value added, and final demand
is what is left, `y = x - Z1`: exports of intermediate goods count as final, as in a national table. Oddities of real
tables are kept and listed, never mended: negative value added or output (rounding, inventories), negative domestic use
(the imports matrix was estimated apart from the use matrix). Industries without output are dropped, and named.

What an industry buys and its value added can fall short of its output, as imported inputs need not be in the table, but
they can't be more than it: such a table is refused above the tolerance.

A table may hold domestic flows, or home and imported ones together. The second kind has no domestic technology: a
measure refuses it, unless the user chooses `imports: proportional`, which takes out of every domestic use of a product
the same share, imports over what is used at home; the choice is then stamped on the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError, SourceError
from concordat.impact.balance import TOLERANCE, imbalance
from concordat.impact.mrio_table import MrioTable

Array = NDArray[np.float64]
Imports = Literal["", "proportional"]
DOMESTIC, TOTAL = "domestic", "total"
NEGATIVE_USE = "negative domestic use"


@dataclass(frozen=True, slots=True)
class Kept:
    """An oddity of the source that was kept as it is, or what had to be done to it."""

    what: str
    place: str
    value: float

    def __str__(self) -> str:
        return f"{self.what}: {self.place} ({self.value:,.10g})"


@dataclass(frozen=True, slots=True, eq=False)
class IOTable:
    """An input-output table of N industries.

    Attributes:
        area: whose it is. industries: (N,) codes, in the order of rows and columns.
        z: (N, N) deliveries, seller by buyer. value_added, output: (N,). All in `unit`.
        year: of the table. flows: "domestic", or "total" where home and imported deliveries stand together.
        imports, exports: (N,) by product; needed for `proportional`, where `flows` is "total".
        treatment: how imports left `z`: "matrix", "proportional", or "" while they are in it.
        classification: of the codes; "" if not recognised. digital: codes that the file itself calls digital.
        dropped: industries without output. notes: what a reader should know.
        kept: oddities; negative cells that are not in it yet are added. Negative use that is listed already is taken as
            the source's own list, by product where the source is by product.
        source: what to cite. sha256: of the file or files.
        tolerance: by how much inputs and value added may be above output, as a share of all output.

    Raises:
        InputError: shapes that don't fit, an empty or infinite cell, an industry twice or without output.
        SourceError: inputs and value added are more than output.
    """

    area: str
    industries: tuple[str, ...]
    z: Array
    value_added: Array
    output: Array
    year: int
    unit: str = "million"
    flows: str = DOMESTIC
    imports: Array | None = None
    exports: Array | None = None
    treatment: str = "matrix"
    classification: str = ""
    digital: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = "table"
    sha256: tuple[str, ...] = ()
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        n = len(self.industries)
        for name, shape in (
            ("z", (n, n)),
            ("value_added", (n,)),
            ("output", (n,)),
            ("imports", (n,)),
            ("exports", (n,)),
        ):
            found: Array | None = getattr(self, name)
            if found is None:
                continue
            if found.shape != shape or not n:
                what = f"{name} has {found.shape}, and {shape} is needed."
                raise InputError(what, where=self.source, hint="Rows and columns are the industries.", code="shape")
            if not np.isfinite(found).all():
                at = ", ".join(self.industries[i] for i in np.argwhere(~np.isfinite(found))[0])
                what = f"{name} has an empty or infinite cell at {at}."
                raise InputError(what, where=self.source, hint="Give 0 where nothing is delivered.", code="nan")
        twice = sorted({i for i in self.industries if self.industries.count(i) > 1})
        if twice:
            raise InputError(
                f"{', '.join(twice)} twice.", where=self.source, hint="Each has one row.", code="duplicate"
            )
        idle = [i for i, x in zip(self.industries, self.output, strict=True) if x == 0]
        if idle:
            what, hint = (
                f"no output of {', '.join(idle)}.",
                "Leave them out, as `build` does: nothing is per unit of 0.",
            )
            raise InputError(what, where=self.source, hint=hint, code="output")
        _refuse_overspent(self)
        object.__setattr__(self, "kept", (*self.kept, *_unlisted(self)))

    @property
    def gdp(self) -> float:
        """Value added of all industries."""
        return float(self.value_added.sum())

    @property
    def final(self) -> Array:
        """(N,) final demand, `y = x - Z1`; of a table of total flows it is net of imports."""
        left: Array = self.output - self.z.sum(axis=1)
        return left


def _refuse_overspent(table: IOTable) -> None:
    """Refuse inputs with value added above output: imported inputs can explain less, never more."""
    spent = table.z.sum(axis=0) + table.value_added
    over = np.maximum(spent - table.output, 0.0)
    share = float(over.sum() / np.abs(table.output).sum())
    if share <= table.tolerance:
        return
    worst = int(np.argmax(over))
    what = (
        f"inputs with value added are above output by {100 * share:.3g} % of total output; most in "
        f"{table.industries[worst]}: {spent[worst]:,.10g} and {table.output[worst]:,.10g}."
    )
    hint = (
        f"Above {100 * table.tolerance:g} % the table is refused; if it is known why, set a tolerance (--tolerance) "
        f"above {100 * share:.3g} %."
    )
    raise SourceError(what, where=table.source, hint=hint, code="unbalanced")


def _unlisted(table: IOTable) -> list[Kept]:
    """Negative cells that the table does not list yet."""
    listed = {(k.what, k.place) for k in table.kept}
    found = []
    if not any(k.what == NEGATIVE_USE for k in table.kept):
        names = table.industries
        found = [
            Kept(NEGATIVE_USE, f"{names[i]} in {names[j]}", float(table.z[i, j])) for i, j in np.argwhere(table.z < 0)
        ]
    for what, values in (("negative output", table.output), ("negative value added", table.value_added)):
        pairs = zip(table.industries, values.tolist(), strict=True)
        found += [Kept(what, name, v) for name, v in pairs if v < 0 and (what, name) not in listed]
    return found


def build(
    area: str,
    industries: Sequence[str],
    z: Array,
    value_added: Array,
    output: Array,
    *,
    year: int,
    imports: Array | None = None,
    exports: Array | None = None,
    kept: Sequence[Kept] = (),
    notes: Sequence[str] = (),
    unit: str = "million",
    flows: str = DOMESTIC,
    digital: Sequence[str] = (),
    source: str = "table",
    sha256: Sequence[str] = (),
    tolerance: float = TOLERANCE,
) -> IOTable:
    """A table from a source's arrays: industries without output are dropped, oddities listed.

    Args:
        industries: (N,) codes. z: (N, N). value_added, output, imports, exports: (N,). Others: as in `IOTable`.

    Raises:
        As `IOTable`; InputError as well if no industry has output.
    """
    from concordat.impact.accounts.digital_sets import product_sets

    live = [i for i in range(len(industries)) if output[i] != 0]
    if not live:
        raise InputError("no industry has output.", where=source, hint="Is the column of output empty?", code="empty")
    found = list(kept)
    gone = [i for i in range(len(industries)) if output[i] == 0]
    for i in gone:
        size = float(np.abs(z[i]).sum() + np.abs(z[:, i]).sum() + abs(value_added[i]))
        if size:
            found.append(Kept("dropped with its flows, as it has no output", industries[i], size))
    names = tuple(industries[i] for i in live)
    return IOTable(
        area,
        names,
        np.ascontiguousarray(z[np.ix_(live, live)]),
        value_added[live],
        output[live],
        year,
        unit,
        flows,
        None if imports is None else imports[live],
        None if exports is None else exports[live],
        "matrix" if flows == DOMESTIC else "",
        product_sets().classification(industries),
        tuple(digital),
        tuple(industries[i] for i in gone),
        tuple(found),
        tuple(notes),
        source,
        tuple(sha256),
        tolerance,
    )


def of_country(table: MrioTable, country: str) -> IOTable:
    """One country's own block of a multi-regional table: domestic technology, exports of intermediates as final.

    Output is recomputed as the sums of rows of Z and F; value added is output less all bought inputs, domestic and
    imported, so it holds what the table has no row for (taxes less subsidies on products among them).

    Raises:
        InputError: the country is not in the table.
    """
    block = table.block(country)
    output = table.z[block].sum(axis=1) + table.f[block].sum(axis=1)
    value_added = output - table.z[:, block].sum(axis=0)
    off = imbalance(table.output[block], output)
    notes = ["value added is output less all bought inputs; it holds taxes less subsidies on products"]
    if off > 0.001:
        notes.append(f"printed output of {country} and the sums of its rows differ by {100 * off:.2g} % (rounding)")
    return build(
        country,
        table.industries,
        np.ascontiguousarray(table.z[block, block]),
        value_added,
        output,
        year=table.year,
        unit=table.unit,
        notes=notes,
        source=table.source,
        sha256=(table.sha256,) if table.sha256 else (),
    )


def domestic(table: IOTable, imports: Imports = "") -> IOTable:
    """The table with domestic flows alone.

    `proportional`: of each product the share `1 - m / (x + m - e)` of every use at home is taken as produced at home
    (m imports, e exports, all of which are taken as home-made). A share outside 0 to 1 is cut off there, and listed.

    Raises:
        MethodError: imports are in the flows, and no rule was chosen; or imports and exports by product are missing.
    """
    if table.flows == DOMESTIC:
        return table
    if imports != "proportional":
        what = "home and imported deliveries stand together, so no domestic technology is known."
        hint = "Give the imports matrix, or choose imports: proportional, which is stamped on the result."
        raise MethodError(what, where=table.source, hint=hint, code="no_imports_matrix")
    if table.imports is None or table.exports is None:
        what = "imports: proportional needs imports and exports of each product."
        raise MethodError(what, where=table.source, hint="Add them to the table.", code="no_imports")
    shares, cut = home_shares(table.output, table.imports, table.exports, table.industries)
    note = "imports: proportional (the same share of imports in every use of a product)"
    z = table.z * shares[:, None]
    return replace(
        table, z=z, flows=DOMESTIC, treatment="proportional", kept=(*table.kept, *cut), notes=(*table.notes, note)
    )


def home_shares(output: Array, imports: Array, exports: Array, names: Sequence[str]) -> tuple[Array, list[Kept]]:
    """(P,) shares of home production in what is used at home, and those that had to be cut off at 0 or 1."""
    used = output + imports - exports
    raw = np.where(imports == 0, 1.0, 1.0 - imports / np.where(used == 0, np.inf, used))
    raw = np.where((used <= 0) & (imports != 0), 0.0, raw)
    shares = np.clip(raw, 0.0, 1.0)
    odd = np.flatnonzero((shares != raw) | ((used <= 0) & (imports != 0)))
    return shares, [Kept("share of home production cut off at 0 or 1", names[i], float(raw[i])) for i in odd.tolist()]
