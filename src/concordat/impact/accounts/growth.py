"""Rung c: growth accounting, in the form of CAICT.

Two parts. *Digital industrialisation*: value added of telecommunications, electronics, software and internet
industries. *Industrial digitalisation*: what ICT capital adds to the value added of the other industries. Its stock, by
kind of asset, is found by perpetual inventory in constant prices,

    K_t = (1 - delta) K_(t-1) + I_t / p_t

and its contribution to growth is `s ln(K_t / K_(t-1))`, with s its share in the industry's value added, the mean of the
two years (Tornqvist). Cumulated to a level over years and industries,

    sum_t  L(V_(t-1), V_t) sum_k s_k ln(K_kt / K_k(t-1)),     L(a, b) = (b - a) / ln(b / a)

where V is the industry's value added in prices of the last year: with the logarithmic mean L, contributions add up
exactly to the change of V. That reading of "cumulated to a level" is ours: CAICT's text was not seen (**unverified**).

Depreciation and lifetimes are the user's, as CAICT's are **unverified**. With a lifetime of n years an asset is gone
after n years, and the stock is known from the n-th year of investment on; without one, an initial stock must be given.
The level begins at 0 in the first year unless the user gives one, so it holds what was added since.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asset:
    """A kind of ICT capital: yearly depreciation (0 to 1), and after how many years it is gone, if ever."""

    name: str
    depreciation: float
    life_years: int | None = None


@dataclass(frozen=True, slots=True)
class AssetSeries:
    """What an industry put into an asset: consecutive years, investment at current prices, price index, share in VA.

    `share` is of the years from `share_first` on. `initial_stock` is that of the end of the year before the first.
    """

    first_year: int
    investment: tuple[float, ...]
    price: tuple[float, ...]
    share_first: int
    share: tuple[float, ...]
    initial_stock: float | None = None


@dataclass(frozen=True, slots=True)
class Industry:
    """An industry that is not digital: value added in prices of the last year, its ICT capital, its level before."""

    name: str
    first_year: int
    value_added: tuple[float, ...]
    assets: Mapping[str, AssetSeries]
    start_level: float = 0.0


@dataclass(frozen=True, slots=True)
class GrowthData:
    """All that rung c needs, of one economy; amounts in one unit and, but for investment, in prices of `year`."""

    area: str
    year: int
    unit: str
    gdp: float
    digital: Mapping[str, float]
    industries: tuple[Industry, ...]
    assets: Mapping[str, Asset]
    source: str = "growth accounting"
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """The rung: digital industrialisation and industrial digitalisation, and the latter by industry and asset."""

    industrialisation: float
    digitalisation: float
    gdp: float
    by_industry: Mapping[str, float]
    by_asset: Mapping[str, float]
    penetration: Mapping[str, float]
    first_year: int

    @property
    def total(self) -> float:
        """Both parts."""
        return self.industrialisation + self.digitalisation

    @property
    def percent(self) -> float:
        """Of GDP."""
        return 100.0 * self.total / self.gdp


def perpetual_inventory(
    investment: Array, price: Array, depreciation: float, *, initial: float | None = None, life_years: int | None = None
) -> tuple[int, Array]:
    """The stock of capital at the end of each year, in constant prices.

    Args:
        investment: (T,) at current prices. price: (T,) index, 1 in the year whose prices are meant.
        depreciation: share lost each year, 0 to 1.
        initial: stock at the end of the year before the first. life_years: after which an asset is gone.

    Returns:
        The position of the first year whose stock is known, and the stocks from it on.

    Raises:
        MethodError: neither an initial stock nor a lifetime, both, or fewer years than the lifetime.
        InputError: a number out of range.

    >>> perpetual_inventory(np.array([10.0, 10.0]), np.array([1.0, 1.0]), 0.5, initial=20.0)[1]
    array([20., 20.])
    """
    if not 0 <= depreciation <= 1:
        raise InputError(f"depreciation is {depreciation:g}.", hint="Give a share from 0 to 1.", code="depreciation")
    if not (
        np.isfinite(investment).all() and (investment >= 0).all() and np.isfinite(price).all() and (price > 0).all()
    ):
        hint = "Investment is zero or more, prices are above zero."
        raise InputError("investment or a price is out of range.", hint=hint, code="investment")
    real = investment / price
    if life_years is not None:
        return _with_life(real, depreciation, initial, life_years)
    if initial is None or not (math.isfinite(initial) and initial >= 0):
        hint = "Give the stock at the end of the year before the first, or a lifetime."
        raise MethodError("the stock of capital before the first year is not known.", hint=hint, code="initial_stock")
    stocks = []
    stock = initial
    for added in real.tolist():
        stock = (1.0 - depreciation) * stock + added
        stocks.append(stock)
    return 0, np.array(stocks)


def _with_life(real: Array, depreciation: float, initial: float | None, life_years: int) -> tuple[int, Array]:
    """`K_t = sum over ages a < n of (1 - delta)^a I_(t-a)`, from the n-th year on."""
    if life_years < 1 or initial is not None:
        said = f"a lifetime of {life_years} years" if life_years < 1 else "a lifetime and an initial stock"
        raise MethodError(
            f"{said}.", hint="With a lifetime the stock follows from investment alone.", code="life_years"
        )
    if len(real) < life_years:
        hint = f"Give investment of {life_years} years at least before the first stock is needed."
        what = f"{len(real)} years of investment, and a lifetime of {life_years}."
        raise MethodError(what, hint=hint, code="life_years")
    left = (1.0 - depreciation) ** np.arange(life_years)
    stocks = [float((real[t - life_years + 1 : t + 1][::-1] * left).sum()) for t in range(life_years - 1, len(real))]
    return life_years - 1, np.array(stocks)


def growth_accounting(data: GrowthData) -> Growth:
    """Digital industrialisation plus industrial digitalisation.

    Raises:
        MethodError: an industry counted in both parts, or capital or shares that don't reach back far enough.
        InputError: a number out of range.
    """
    both = sorted({i.name for i in data.industries} & set(data.digital))
    if both:
        what = f"{', '.join(both)} would be counted twice: as a digital industry and for its ICT capital."
        raise MethodError(what, where=data.source, hint="Give it one of the two.", code="counted_twice")
    by_industry: dict[str, float] = {}
    by_asset = dict.fromkeys(sorted(data.assets), 0.0)
    penetration: dict[str, float] = {}
    for industry in data.industries:
        level = industry.start_level
        for name in sorted(industry.assets):
            added = _contribution(industry, name, data)
            by_asset[name] += added
            level += added
        by_industry[industry.name] = level
        penetration[industry.name] = 100.0 * level / industry.value_added[-1]
    return Growth(
        math.fsum(data.digital.values()),
        math.fsum(by_industry.values()),
        data.gdp,
        by_industry,
        by_asset,
        penetration,
        min((i.first_year for i in data.industries), default=data.year),
    )


def _contribution(industry: Industry, name: str, data: GrowthData) -> float:
    """What one asset added to the level of one industry's value added, over all its years."""
    series, asset = industry.assets[name], data.assets[name]
    place = f"{data.source}: {name} in {industry.name}"
    v = np.array(industry.value_added)
    if not (v > 0).all() or industry.first_year + len(v) - 1 != data.year or len(v) < 2:
        hint = "Give two years or more, up to the last, each above zero."
        raise InputError(f"value added of {industry.name}.", where=data.source, hint=hint, code="value_added")
    try:
        known, stocks = perpetual_inventory(
            np.array(series.investment), np.array(series.price), asset.depreciation, initial=series.initial_stock,
            life_years=asset.life_years,
        )  # fmt: skip
    except (InputError, MethodError) as error:
        raise type(error)(error.what, where=place, hint=error.hint, code=error.code) from None
    k = _years(stocks, series.first_year + known, industry.first_year, len(v), "capital is known", place)
    s = _years(np.array(series.share), series.share_first, industry.first_year, len(v), "shares are given", place)
    if not ((s >= 0) & (s <= 1)).all() or not (k > 0).all():
        hint = "Shares are from 0 to 1, and capital is above zero in each year of value added."
        raise InputError("a share or a stock is out of range.", where=place, hint=hint, code="share")
    weight = logarithmic_mean(v[:-1], v[1:]) * (s[:-1] + s[1:]) / 2
    return math.fsum((weight * np.log(k[1:] / k[:-1])).tolist())


def _years(values: Array, first: int, wanted: int, count: int, what: str, where: str) -> Array:
    """The values of `count` years from `wanted` on, of a series that begins in `first`."""
    start = wanted - first
    if start < 0 or start + count > len(values):
        said = f"{what} from {first} to {first + len(values) - 1}, and needed from {wanted} to {wanted + count - 1}."
        hint = "Give earlier investment, or begin value added later."
        raise MethodError(said, where=where, hint=hint, code="years")
    return values[start : start + count]


def logarithmic_mean(a: Array, b: Array) -> Array:
    """`L(a, b) = (b - a) / ln(b / a)`, and a where both are equal; positive arguments.

    >>> logarithmic_mean(np.array([1.0, 2.0]), np.array([np.e, 2.0])).round(6).tolist()
    [1.718282, 2.0]
    """
    ratio = b / a
    near = np.abs(ratio - 1.0) < 1e-8  # where the quotient of two small numbers would lose its digits
    safe = np.where(near, 2.0, ratio)
    found: Array = np.where(near, (a + b) / 2.0, (b - a) / np.log(safe))
    return found
