"""What every multi-regional table must hold, whatever its layout: names that stand once, rows that add up, a year."""

from __future__ import annotations

from concordat.errors import InputError
from concordat.impact.balance import TOLERANCE, refuse_unbalanced
from concordat.impact.mrio_table import MrioTable
from concordat.impact.trade_table import listed

UNIT = "USD million"


def checked(table: MrioTable, where: str, tolerance: float = TOLERANCE) -> MrioTable:
    """The table, if countries stand once and its rows add up to its output.

    Raises:
        InputError: a country or industry twice. SourceError: unbalanced.
    """
    for what, names in (("countries", table.countries), ("industries", table.industries)):
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice or not names:
            said = f"{what} {listed(twice)} stand twice." if twice else f"no {what}."
            raise InputError(said, where=where, hint="Each needs a name of its own.", code="duplicate")
    rows = [f"{c} {i}" for c in table.countries for i in table.industries]
    sold = table.z.sum(axis=1) + table.f.sum(axis=1)
    refuse_unbalanced(table.output, sold, rows, between="printed output and sales", where=where, tolerance=tolerance)
    return table


def agreed_year(asked: int | None, said: int | None, where: str) -> int:
    """The year of a table: what was asked for, what the file says, or both if they agree.

    Raises:
        InputError: neither is known, or they differ.
    """
    if asked is not None and said is not None and asked != said:
        raise InputError(
            f"it is of {said}, and {asked} was asked for.", where=where, hint="Name its year.", code="year"
        )
    year = asked if asked is not None else said
    if year is None:
        raise InputError("it does not say its year.", where=where, hint="Name it, with --year.", code="year")
    return year
