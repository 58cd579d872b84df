"""Rung a: value added of the ICT sector, as a share of GDP.

The sum over the classes of a set (`ict-sector`: OECD and UNCTAD, ISIC Rev. 4) of value added that the user gives by
class. A class may be given whole or as all of its parts (61, or 611, 612, 613 and 619); a missing class is refused by
name, as nothing says that it is zero. Tables of divisions can't give this rung: 26 holds more than 261 to 264 and 268.

    # kind: ict_value_added
    # year: 2019
    # unit: BRL million
    # gdp: 7389131
    isic4,value_added
    261,4000
    ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from concordat.errors import InputError
from concordat.impact.accounts.digital_sets import ProductSet, product_sets
from concordat.impact.accounts.user_files import read_user_file, records, to_number
from concordat.impact.trade_table import listed

KIND = "ict_value_added"
SET = "ict-sector"


@dataclass(frozen=True, slots=True)
class IctValueAdded:
    """Value added by class, and GDP, in one unit."""

    area: str
    year: int
    unit: str
    gdp: float
    value_added: Mapping[str, float]
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class IctSector:
    """The rung: `value` of `gdp`, and what each class of the set gives to it."""

    value: float
    gdp: float
    by_class: Mapping[str, float]
    set_id: str

    @property
    def percent(self) -> float:
        """Of GDP."""
        return 100.0 * self.value / self.gdp


def parse_ict_csv(data: bytes, *, area: str, year: int | None = None, where: str = "ict.csv") -> IctValueAdded:
    """Value added by class from a user's file.

    Raises:
        InputError: another layout, no GDP, a code twice, a cell that is no number.
    """
    file = read_user_file(data, where=where, kind=KIND, keys=("gdp",))
    found: dict[str, float] = {}
    for line, row in records(file, ("isic4", "value_added")):
        place = f"{where}, line {line}"
        if row["isic4"] in found:
            raise InputError(f"{row['isic4']} stands twice.", where=place, hint="Remove one.", code="duplicate")
        found[row["isic4"]] = to_number(row["value_added"], place)
    gdp = positive_gdp(file.number("gdp"), where)
    return IctValueAdded(file.area(area), file.year(year), file.unit, gdp, found, file.source, file.sha256)


def positive_gdp(gdp: float | None, where: str) -> float:
    """GDP, which must be there and above zero.

    Raises:
        InputError: it is not.
    """
    if gdp is None or gdp <= 0:
        said = "no GDP" if gdp is None else f"GDP {gdp:g}"
        raise InputError(f"{said}.", where=where, hint="Add a line: # gdp: 7389131", code="gdp")
    return gdp


def ict_sector_account(data: IctValueAdded, chosen: ProductSet | None = None) -> IctSector:
    """The ICT sector's share of GDP.

    Args:
        data: value added by class. chosen: the set of classes; by default `ict-sector`.

    Raises:
        InputError: a class of the set is not given, neither whole nor by all of its parts.

    >>> classes = dict.fromkeys(product_sets().get("ict-sector").codes, 1.0)
    >>> ict_sector_account(IctValueAdded("BRA", 2019, "million", 240.0, classes, "example", "")).percent
    5.0
    """
    chosen = chosen or product_sets().get(SET)
    parts = dict(chosen.parts)
    found = {code: _value(code, data.value_added, parts) for code in chosen.codes}
    missing = [code for code, value in found.items() if value is None]
    if missing:
        what = f"no value added of {listed(missing)}, neither whole nor by all parts."
        hint = f"The set {chosen.id} needs them; write 0 where there is none."
        raise InputError(what, where=data.source, hint=hint, code="missing_class")
    known = {code: value for code, value in found.items() if value is not None}
    return IctSector(sum(known.values()), data.gdp, known, chosen.id)


def _value(code: str, given: Mapping[str, float], parts: Mapping[str, tuple[str, ...]]) -> float | None:
    if code in given:
        return given[code]
    below = [_value(part, given, parts) for part in parts.get(code, ())]
    return sum(v for v in below if v is not None) if below and None not in below else None
