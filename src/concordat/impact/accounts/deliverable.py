"""Rung e: trade in services that can be delivered over a network, as a share of all trade in services.

The sum over the items of a set (`ebops-deliverable`: insurance, financial, intellectual property, telecommunications
and computer, other business, personal and cultural services; **the list is unverified**). What *can* be delivered so is
an upper bound of what is. An item that is missing is refused by name, as nothing says that it is zero.

    # kind: services_trade
    # year: 2019
    # unit: USD million
    item,exports,imports
    S,34000,66000
    SF,900,1100
    ...

`S` is all services; without it only amounts are given. A line `# gdp:` adds the share of GDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from concordat.errors import InputError
from concordat.impact.accounts.digital_sets import ProductSet, product_sets
from concordat.impact.accounts.user_files import read_user_file, records, to_number
from concordat.impact.trade_table import listed
from concordat.settings import unknown_key

KIND = "services_trade"
SET = "ebops-deliverable"
ALL = "S"
ITEMS = (ALL, *(f"S{letter}" for letter in "ABCDEFGHIJKL"))  # the whole and the twelve items of EBOPS 2010


@dataclass(frozen=True, slots=True)
class ServicesTrade:
    """Exports and imports of services by item, in one unit."""

    area: str
    year: int
    unit: str
    exports: Mapping[str, float]
    imports: Mapping[str, float]
    gdp: float | None
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Deliverable:
    """The rung: deliverable exports and imports, and all services where they are known."""

    exports: float
    imports: float
    all_exports: float | None
    all_imports: float | None
    set_id: str

    @property
    def percent_exports(self) -> float | None:
        """Of exports of services, or None where they are not known."""
        return 100.0 * self.exports / self.all_exports if self.all_exports else None

    @property
    def percent_imports(self) -> float | None:
        """Of imports of services, or None where they are not known."""
        return 100.0 * self.imports / self.all_imports if self.all_imports else None


def parse_services_csv(
    data: bytes, *, area: str, year: int | None = None, where: str = "services.csv"
) -> ServicesTrade:
    """Trade in services from a user's file.

    Raises:
        InputError: another layout, an item that is unknown or twice, a cell that is no number.
    """
    file = read_user_file(data, where=where, kind=KIND, keys=("gdp",))
    exports: dict[str, float] = {}
    imports: dict[str, float] = {}
    for line, row in records(file, ("item", "exports", "imports")):
        place, item = f"{where}, line {line}", row["item"]
        if item not in ITEMS:
            raise unknown_key(item, ITEMS, where=place)
        if item in exports:
            raise InputError(f"{item} stands twice.", where=place, hint="Remove one.", code="duplicate")
        exports[item], imports[item] = to_number(row["exports"], place), to_number(row["imports"], place)
    gdp = file.number("gdp")
    return ServicesTrade(file.area(area), file.year(year), file.unit, exports, imports, gdp, file.source, file.sha256)


def deliverable_services(data: ServicesTrade, chosen: ProductSet | None = None) -> Deliverable:
    """Exports and imports of deliverable services.

    Raises:
        InputError: an item of the set is missing, or the parts are more than the whole.
    """
    chosen = chosen or product_sets().get(SET)
    missing = [code for code in chosen.codes if code not in data.exports]
    if missing:
        names = dict(chosen.names)
        what = f"no trade in {listed(f'{code} ({names.get(code, code)})' for code in missing)}."
        hint = f"The set {chosen.id} needs them; write 0 where there is none."
        raise InputError(what, where=data.source, hint=hint, code="missing_item")
    exports, imports = (sum(side[code] for code in chosen.codes) for side in (data.exports, data.imports))
    for name, part, whole in (("exports", exports, data.exports.get(ALL)), ("imports", imports, data.imports.get(ALL))):
        if whole is not None and part > whole * (1 + 1e-9):
            what = f"{name} of the items are {part:,.10g}, more than all services ({whole:,.10g})."
            raise InputError(what, where=data.source, hint="Are they of one unit and year?", code="whole")
    return Deliverable(exports, imports, data.exports.get(ALL), data.imports.get(ALL), chosen.id)
