"""Bytes of a user's files -> what the ladder can compute from. Which file is what, is read from the file itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from concordat.errors import InputError
from concordat.impact.accounts import growth_file, io_csv
from concordat.impact.accounts.deliverable import KIND as SERVICES
from concordat.impact.accounts.deliverable import ServicesTrade, parse_services_csv
from concordat.impact.accounts.growth import GrowthData
from concordat.impact.accounts.ict_sector import KIND as ICT
from concordat.impact.accounts.ict_sector import IctValueAdded, parse_ict_csv
from concordat.impact.accounts.io_table import IOTable
from concordat.impact.accounts.readers import by_kind, parse_supply_use
from concordat.impact.accounts.satellite import KIND as SHARES
from concordat.impact.accounts.satellite import DigitalShares, parse_shares_csv
from concordat.impact.accounts.supply_use import SupplyUse
from concordat.impact.balance import TOLERANCE
from concordat.impact.mrio_readers import parse_mrio
from concordat.impact.mrio_table import MrioTable
from concordat.settings import unknown_key

Table = IOTable | SupplyUse | MrioTable
WORLD_TABLES = ("npz", "xlsx", "icio")
SUPPLY_USE = ("make", "use", "import")
OF_USERS = (io_csv.KIND, ICT, growth_file.KIND, SHARES, SERVICES)


@dataclass(frozen=True, slots=True)
class LadderInputs:
    """What the ladder computes from; each part is None where no file gives it. `files`: name, kind, SHA-256."""

    table: Table | None = None
    ict: IctValueAdded | None = None
    growth: GrowthData | None = None
    shares: DigitalShares | None = None
    services: ServicesTrade | None = None
    files: tuple[tuple[str, str, str], ...] = ()


def read_inputs(
    files: Mapping[str, bytes], *, area: str, year: int | None = None, tolerance: float = TOLERANCE
) -> LadderInputs:
    """Inputs from files, by their names.

    Args:
        files: name -> bytes. area, year: whose and of when; what a file says must agree.
        tolerance: of imbalance in a table, as a share of total output.

    Raises:
        InputError: a file of unknown kind, two of one kind, two tables, a make table without its use table.
        SourceError: a table that does not add up.
    """
    found = by_kind(files)
    for kind, (name, _) in found.items():
        if kind not in (*WORLD_TABLES, *SUPPLY_USE, *OF_USERS):
            raise unknown_key(kind, OF_USERS, where=f"{name}, # kind")
    shares = found.get(SHARES)
    ict, growth, services = (found.get(k) for k in (ICT, growth_file.KIND, SERVICES))
    return LadderInputs(
        _table(found, area, year, tolerance),
        parse_ict_csv(ict[1], area=area, year=year, where=ict[0]) if ict else None,
        growth_file.parse_growth_csv(growth[1], area=area, year=year, where=growth[0]) if growth else None,
        parse_shares_csv(shares[1], where=shares[0]) if shares else None,
        parse_services_csv(services[1], area=area, year=year, where=services[0]) if services else None,
        tuple((name, kind, hashlib.sha256(data).hexdigest()) for kind, (name, data) in found.items()),
    )


def _table(found: Mapping[str, tuple[str, bytes]], area: str, year: int | None, tolerance: float) -> Table | None:
    sort = [
        *(k for k in (*WORLD_TABLES, io_csv.KIND) if k in found),
        *([SUPPLY_USE] if set(SUPPLY_USE) & set(found) else []),
    ]
    if len(sort) > 1:
        names = ", ".join(found[k][0] for k in (*WORLD_TABLES, *SUPPLY_USE, io_csv.KIND) if k in found)
        hint = "Give one table, or run the command for each."
        raise InputError("several input-output tables.", where=names, hint=hint, code="duplicate")
    for kind in WORLD_TABLES:
        if kind in found:
            name, data = found[kind]
            return parse_mrio(data, year=year, where=name, tolerance=tolerance)
    if io_csv.KIND in found:
        name, data = found[io_csv.KIND]
        return io_csv.parse_io_csv(data, area=area, year=year, where=name, tolerance=tolerance)
    return _supply_use(found, area, year, tolerance) if sort else None


def _supply_use(found: Mapping[str, tuple[str, bytes]], area: str, year: int | None, tolerance: float) -> SupplyUse:
    absent = [kind for kind in ("make", "use") if kind not in found]
    if absent:
        have = ", ".join(f"{found[k][0]} ({k})" for k in SUPPLY_USE if k in found)
        hint = "Make and use tables come as a pair; the import table is a third."
        raise InputError(f"no {absent[0]} table.", where=have, hint=hint, code="missing_file")
    if year is None:
        hint = "Name it, with --year."
        raise InputError("the tables do not say their year.", where=found["use"][0], hint=hint, code="year")
    names = [found[kind][0] if kind in found else "" for kind in SUPPLY_USE]
    return parse_supply_use(
        found["make"][1],
        found["use"][1],
        found["import"][1] if "import" in found else None,
        year=year,
        area=area,
        where=names,
        tolerance=tolerance,
    )
