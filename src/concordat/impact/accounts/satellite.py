"""Rung d: a satellite account, in the form of the US Bureau of Economic Analysis.

    sum over industries i, products p of  share_p V_ip (VA_i / x_i)

V_ip is what industry i makes of product p, `share_p` how much of the product is digital, `VA_i / x_i` the industry's
value added per unit of output: each digital product is taken to earn what the industry's output earns on average. With
all shares 1 it is GDP. The Bureau publishes no shares, so the user gives them; a product that is not named counts as
not digital, and how many were named is printed. A row may name an industry too; it goes before the product's own.

    # kind: digital_shares
    # source: our reading of the product list
    product,digital_share
    334,0.85
    511,0.6
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError, SourceError
from concordat.impact.accounts.supply_use import SupplyUse
from concordat.impact.accounts.user_files import read_user_file, records, to_number

KIND = "digital_shares"


@dataclass(frozen=True, slots=True)
class DigitalShares:
    """How much of each product's output is digital, 0 to 1; `by_maker` for one industry's output of it."""

    by_product: Mapping[str, float]
    by_maker: Mapping[tuple[str, str], float]
    source: str = "shares"
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Satellite:
    """The rung: digital value added of `gdp`, and what each industry and product gives to it."""

    value: float
    gdp: float
    output: float
    by_industry: Mapping[str, float]
    by_product: Mapping[str, float]
    named: int
    products: int

    @property
    def percent(self) -> float:
        """Of GDP."""
        return 100.0 * self.value / self.gdp


def parse_shares_csv(data: bytes, *, where: str = "shares.csv") -> DigitalShares:
    """Shares from a user's file.

    Raises:
        InputError: another layout, a product twice, a share outside 0 to 1.
    """
    file = read_user_file(data, where=where, kind=KIND)
    plain: dict[str, float] = {}
    makers: dict[tuple[str, str], float] = {}
    for line, row in records(file, ("product", "digital_share"), ("industry",)):
        place = f"{where}, line {line}"
        share = to_number(row["digital_share"], place)
        if not 0 <= share <= 1:
            raise InputError(f"the share is {share:g}.", where=place, hint="Give one from 0 to 1.", code="share")
        product, industry = row["product"], row.get("industry", "")
        if (product, industry) in makers or (not industry and product in plain):
            raise InputError(f"{product} stands twice.", where=place, hint="Remove one.", code="duplicate")
        if industry:
            makers[product, industry] = share
        else:
            plain[product] = share
    return DigitalShares(plain, makers, file.source, file.sha256)


def satellite_account(tables: SupplyUse, shares: DigitalShares) -> Satellite:
    """Value added of digital products.

    Raises:
        InputError: a share of a product or industry that the tables don't have. SourceError: GDP not above zero.
    """
    _known(tables, shares)
    digital = np.zeros_like(tables.make)
    for p, product in enumerate(tables.products):
        digital[:, p] = shares.by_product.get(product, 0.0)
    for (product, industry), share in shares.by_maker.items():
        digital[tables.industries.index(industry), tables.products.index(product)] = share
    gdp = float(tables.value_added.sum())
    if not gdp > 0:
        hint = "Value added must sum to more than zero for a share of it."
        raise SourceError(f"GDP is {gdp:,.6g}.", where=tables.source, hint=hint, code="gdp")
    x = tables.industry_output
    earned = np.divide(tables.value_added, x, out=np.zeros_like(x), where=x != 0)
    made = digital * tables.make
    cells = made * earned[:, None]
    named = {*shares.by_product, *(product for product, _ in shares.by_maker)}
    return Satellite(
        float(cells.sum()),
        gdp,
        float(made.sum()),
        dict(zip(tables.industries, cells.sum(axis=1).tolist(), strict=True)),
        dict(zip(tables.products, cells.sum(axis=0).tolist(), strict=True)),
        len(named),
        len(tables.products),
    )


def _known(tables: SupplyUse, shares: DigitalShares) -> None:
    from concordat.settings import unknown_key

    for product in (*shares.by_product, *(p for p, _ in shares.by_maker)):
        if product not in tables.products:
            raise unknown_key(product, tables.products, where=shares.source)
    for _, industry in shares.by_maker:
        if industry not in tables.industries:
            raise unknown_key(industry, tables.industries, where=shares.source)
