"""A user's file for rung c -> `GrowthData`: one number a row.

    # kind: growth_accounting
    # year: 2019
    # unit: CNY billion
    # gdp: 98652
    item,industry,asset,year,value
    digital_value_added,telecom,,2019,1300
    value_added,farms,,2018,6400
    value_added,farms,,2019,7046
    depreciation,,hardware,,0.3
    life_years,,hardware,,4
    investment,farms,hardware,2014,12
    price,farms,hardware,2014,1.21
    capital_share,farms,hardware,2018,0.004
    ...

| item | of | says |
| --- | --- | --- |
| digital_value_added | industry, last year | value added of a digital industry |
| value_added | industry, year | of another industry, in prices of the last year |
| investment, price | industry, asset, year | at current prices; index of it, 1 in the last year |
| capital_share | industry, asset, year | the asset's share in value added |
| depreciation, life_years | asset | the user's own; without a lifetime an `initial_stock` is needed |
| initial_stock | industry, asset | at the end of the year before the first investment |
| start_level | industry | of industrial digitalisation at the end of the first year; 0 if left out |

Years of a series must follow each other. `price` may name no industry, and is then that of all.
"""

from __future__ import annotations

from collections import defaultdict

from concordat.errors import InputError
from concordat.impact.accounts.growth import Asset, AssetSeries, GrowthData, Industry
from concordat.impact.accounts.ict_sector import positive_gdp
from concordat.impact.accounts.user_files import read_user_file, records, to_number
from concordat.settings import unknown_key

KIND = "growth_accounting"
COLUMNS = ("item", "industry", "asset", "year", "value")
# Which columns each item must fill; the others must be empty.
NEEDS = {
    "digital_value_added": ("industry", "year"),
    "value_added": ("industry", "year"),
    "investment": ("industry", "asset", "year"),
    "price": ("asset", "year"),
    "capital_share": ("industry", "asset", "year"),
    "initial_stock": ("industry", "asset"),
    "start_level": ("industry",),
    "depreciation": ("asset",),
    "life_years": ("asset",),
}
MAY = {"price": ("industry",)}
Series = dict[int, float]
Cells = dict[tuple[str, str, str], Series]  # item, industry, asset -> year (0 for none) -> value


def parse_growth_csv(data: bytes, *, area: str, year: int | None = None, where: str = "growth.csv") -> GrowthData:
    """All that growth accounting needs.

    Raises:
        InputError: another layout, an unknown item, a column that is empty or filled where it may not be, a number
            twice, a year missing in a series, no depreciation, no GDP.
    """
    file = read_user_file(data, where=where, kind=KIND, keys=("gdp",))
    cells: Cells = defaultdict(dict)
    for line, row in records(file, COLUMNS):
        _keep(cells, row, f"{where}, line {line}")
    last = file.year(year)
    names = sorted({asset for item, _, asset in cells if item == "investment"})
    assets = {name: _asset(cells, name, where) for name in names}
    industries = sorted({industry for item, industry, _ in cells if item == "value_added"})
    orphans = sorted({i for item, i, _ in cells if item == "investment" and i not in industries})
    if orphans:
        what = f"investment of {', '.join(orphans)}, whose value added is not given."
        raise InputError(what, where=where, hint="Add rows value_added.", code="value_added")
    digital = {i: s for (item, i, _), s in cells.items() if item == "digital_value_added"}
    for industry, series in digital.items():
        if list(series) != [last]:
            what = f"digital_value_added of {industry} is of {sorted(series)}, and {last} alone is needed."
            raise InputError(what, where=where, hint="Give the last year.", code="year")
    return GrowthData(
        file.area(area),
        last,
        file.unit,
        positive_gdp(file.number("gdp"), where),
        {industry: series[last] for industry, series in sorted(digital.items())},
        tuple(_industry(cells, name, names, where) for name in industries),
        assets,
        file.source,
        file.sha256,
    )


def _keep(cells: Cells, row: dict[str, str], place: str) -> None:
    item = row["item"]
    if item not in NEEDS:
        raise unknown_key(item, NEEDS, where=place)
    for column in ("industry", "asset", "year"):
        if bool(row[column]) != (column in NEEDS[item]) and not (row[column] and column in MAY.get(item, ())):
            said = "is empty" if column in NEEDS[item] else "is filled"
            hint = f"{item} is of {' and '.join(NEEDS[item])}."
            raise InputError(f"{column} {said}.", where=place, hint=hint, code="column")
    if row["year"] and not (row["year"].isdecimal() and len(row["year"]) == 4):
        raise InputError(f'"{row["year"]}" is no year.', where=place, hint="Write it as 2019.", code="year")
    when = int(row["year"] or 0)
    series = cells[item, row["industry"], row["asset"]]
    if when in series:
        raise InputError(f"{item} stands twice.", where=place, hint="Remove one.", code="duplicate")
    series[when] = to_number(row["value"], place)


def _asset(cells: Cells, name: str, where: str) -> Asset:
    depreciation = cells.get(("depreciation", "", name))
    if depreciation is None:
        hint = "Give it: none is shipped, as published rates were not verified."
        raise InputError(f"no depreciation of {name}.", where=where, hint=hint, code="depreciation")
    life = cells.get(("life_years", "", name), {}).get(0)
    if life is not None and life != int(life):
        raise InputError(f"life_years of {name} is {life:g}.", where=where, hint="Give whole years.", code="life_years")
    return Asset(name, depreciation[0], None if life is None else int(life))


def _industry(cells: Cells, name: str, assets: list[str], where: str) -> Industry:
    first, value_added = _run(cells["value_added", name, ""], f"value_added of {name}", where)
    owned = {asset: _series(cells, name, asset, where) for asset in assets if ("investment", name, asset) in cells}
    level = cells.get(("start_level", name, ""), {}).get(0, 0.0)
    return Industry(name, first, value_added, owned, level)


def _series(cells: Cells, industry: str, asset: str, where: str) -> AssetSeries:
    label = f"{asset} in {industry}"
    first, investment = _run(cells["investment", industry, asset], f"investment of {label}", where)
    own = cells.get(("price", industry, asset)) or cells.get(("price", "", asset))
    shares = cells.get(("capital_share", industry, asset))
    for what, found in (("price", own), ("capital_share", shares)):
        if found is None:
            raise InputError(f"no {what} of {label}.", where=where, hint="Add rows for each year.", code="missing")
    assert own is not None
    assert shares is not None
    lacking = [str(year) for year in range(first, first + len(investment)) if year not in own]
    if lacking:
        raise InputError(f"no price of {label} in {', '.join(lacking)}.", where=where, hint="Add rows.", code="missing")
    price = tuple(own[year] for year in range(first, first + len(investment)))
    share_first, share = _run(shares, f"capital_share of {label}", where)
    initial = cells.get(("initial_stock", industry, asset), {}).get(0)
    return AssetSeries(first, investment, price, share_first, share, initial)


def _run(series: Series, what: str, where: str) -> tuple[int, tuple[float, ...]]:
    """The first year and the values of a series without gaps."""
    first, last = min(series), max(series)
    gaps = [str(year) for year in range(first, last + 1) if year not in series]
    if gaps:
        raise InputError(f"{what} lacks {', '.join(gaps)}.", where=where, hint="Years must follow.", code="gap")
    return first, tuple(series[year] for year in range(first, last + 1))
