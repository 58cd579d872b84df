"""Supply and use: who makes which products and who uses them, turned into a table of industries.

Make `V` (industry by product), use `U` (product by industry), imports `M` inside that use, final uses. With product
output `q = 1'V` and industry output `x = V1`, products are traced to the industries that make them in fixed market
shares, `Z = V diag(1/q) (U - M)`: fixed product sales structure, model D of Eurostat's Manual of Supply, Use and
Input-Output Tables (2008). It never makes a new negative. Value added is the table's; final demand the residual.

A product that is used and made nowhere can't be traced: its use is left out of Z, and listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.accounts.io_table import Imports, IOTable, Kept, build, home_shares

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SupplyUse:
    """Supply-use tables of N industries and P products.

    Attributes:
        make: (N, P). use: (P, N) domestic and imported. imported: (P, N) of it from abroad, or None.
        value_added: (N,). imports, exports: (P,) by product, or None.
        area, year, unit, source, sha256: as in `IOTable`. kept: oddities. notes: what a reader should know.
    """

    area: str
    industries: tuple[str, ...]
    products: tuple[str, ...]
    make: Array
    use: Array
    value_added: Array
    year: int
    imported: Array | None = None
    imports: Array | None = None
    exports: Array | None = None
    unit: str = "million"
    source: str = "table"
    sha256: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, p = len(self.industries), len(self.products)
        shapes = {
            "make": (n, p),
            "use": (p, n),
            "imported": (p, n),
            "value_added": (n,),
            "imports": (p,),
            "exports": (p,),
        }
        for name, shape in shapes.items():
            found: Array | None = getattr(self, name)
            if found is not None and (found.shape != shape or not np.isfinite(found).all()):
                what = f"{name} has {found.shape} or an empty cell, and {shape} numbers are needed."
                hint = "Industries and products must be those of the make table."
                raise InputError(what, where=self.source, hint=hint, code="shape")

    @property
    def industry_output(self) -> Array:
        """(N,) `x = V1`."""
        found: Array = self.make.sum(axis=1)
        return found

    @property
    def product_output(self) -> Array:
        """(P,) `q = 1'V`."""
        found: Array = self.make.sum(axis=0)
        return found


def industry_table(tables: SupplyUse, imports: Imports = "") -> IOTable:
    """Industry by industry, domestic flows: `Z = V diag(1/q) (U - M)`.

    Raises:
        MethodError: no imports matrix, and `proportional` was not chosen or lacks imports and exports by product.
    """
    q = tables.product_output
    use, treatment, kept = _domestic_use(tables, q, imports)
    for i in np.flatnonzero((q == 0) & (np.abs(use).sum(axis=1) > 0)):
        kept.append(Kept("used at home but made nowhere, left out of Z", tables.products[i], float(use[i].sum())))
    shares = np.divide(tables.make, q, out=np.zeros_like(tables.make), where=q != 0)
    table = build(
        tables.area,
        tables.industries,
        shares @ use,
        tables.value_added,
        tables.industry_output,
        year=tables.year,
        kept=(*tables.kept, *kept),
        notes=(*tables.notes, *((treatment,) if treatment else ())),
        unit=tables.unit,
        source=tables.source,
        sha256=tables.sha256,
    )
    return replace(table, treatment="proportional") if treatment else table


def _domestic_use(tables: SupplyUse, q: Array, imports: Imports) -> tuple[Array, str, list[Kept]]:
    if tables.imported is not None:
        use = tables.use - tables.imported
        kept = [
            Kept("negative domestic use", f"{tables.products[p]} in {tables.industries[n]}", float(use[p, n]))
            for p, n in np.argwhere(use < 0)
        ]
        return use, "", kept
    if imports != "proportional":
        what = "no imports matrix, so no domestic technology is known."
        hint = "Give the imports matrix, or choose imports: proportional, which is stamped on the result."
        raise MethodError(what, where=tables.source, hint=hint, code="no_imports_matrix")
    if tables.imports is None or tables.exports is None:
        what = "imports: proportional needs imports and exports of each product."
        raise MethodError(what, where=tables.source, hint="Give the use table with its final uses.", code="no_imports")
    shares, cut = home_shares(q, tables.imports, tables.exports, tables.products)
    return (
        tables.use * shares[:, None],
        "imports: proportional (the same share of imports in every use of a product)",
        cut,
    )
