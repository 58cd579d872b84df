"""Figures of each rung, computed from a user's data: one function a rung, each yields figures for the ladder."""

from __future__ import annotations

from collections.abc import Iterator

from concordat.errors import InputError, MethodError
from concordat.impact.accounts.deliverable import ServicesTrade, deliverable_services
from concordat.impact.accounts.digital_sets import ProductSet, product_sets
from concordat.impact.accounts.growth import GrowthData, growth_accounting
from concordat.impact.accounts.ict_sector import IctValueAdded, ict_sector_account
from concordat.impact.accounts.inputs import Table
from concordat.impact.accounts.io_table import Imports, IOTable, of_country
from concordat.impact.accounts.ladder_records import COMPUTED, LadderFigure
from concordat.impact.accounts.linkages import Linkages, digital_linkages
from concordat.impact.accounts.satellite import DigitalShares, satellite_account
from concordat.impact.accounts.supply_use import SupplyUse, industry_table
from concordat.impact.mrio_table import MrioTable

PARTS = ("direct", "backward", "forward", "double_count", "extraction", "fixed_capital")


def ict_figures(data: IctValueAdded) -> Iterator[LadderFigure]:
    found = ict_sector_account(data)
    parts = {f"ISIC {code}": (100 * value / found.gdp, value) for code, value in found.by_class.items()}
    yield LadderFigure(
        f"ICT sector, set {found.set_id}",
        data.year,
        COMPUTED,
        product_sets().get(found.set_id).mark,
        found.percent,
        amount=found.value,
        amount_unit=data.unit,
        source=data.source,
        sha256=(data.sha256,),
        parts=parts,
    )


def ladder_table(area: str, table: Table, imports: Imports = "") -> IOTable:
    """The table of one area, as rung b needs it: a country's block of a world table, or industries from supply and use.

    Raises:
        InputError: of another area, or not in the world table. MethodError: no imports matrix.
    """
    if isinstance(table, MrioTable):
        return of_country(table, area)
    if table.area != area:
        hint = f"Ask for {table.area}, or give the table of {area}."
        raise InputError(f"a table of {table.area}, asked for {area}.", where=table.source, hint=hint, code="area")
    return industry_table(table, imports) if isinstance(table, SupplyUse) else table


def linkages_figures(
    area: str, table: Table, chosen: tuple[ProductSet, ...], imports: Imports
) -> Iterator[LadderFigure]:
    if isinstance(table, MrioTable) and area not in table.countries:
        what = f"{area} is not one of the {len(table.countries)} economies of the table."
        raise MethodError(what, where=table.source, hint="Give a table that has it.", code="country")
    own = ladder_table(area, table, imports)
    for one in _sets(own, chosen):
        yield _linkage_figure(digital_linkages(own, one.codes, imports=imports), one)


def _sets(table: IOTable, chosen: tuple[ProductSet, ...]) -> tuple[ProductSet, ...]:
    if chosen:
        return chosen
    if table.digital:
        codes = ", ".join(table.digital)
        return (ProductSet("own", codes, "industries", "", table.digital, "the user's table", "user"),)
    sets = product_sets().of(table.classification)
    if not sets:
        what = "which of its industries are digital is not known."
        hint = "Name a set with --digital-set, or write # digital: ... in a table of kind io_table."
        raise MethodError(what, where=table.source, hint=hint, code="no_set")
    return sets


def _linkage_figure(found: Linkages, chosen: ProductSet) -> LadderFigure:
    parts = {
        name: (found.percent(name), float(getattr(found, name))) for name in PARTS if getattr(found, name) is not None
    }
    stamp = ", imports: proportional" if found.treatment == "proportional" else ""
    absent = (f"without output: {', '.join(found.absent)}",) if found.absent else ()
    return LadderFigure(
        f"set {chosen.id} ({', '.join(found.digital)}){stamp}",
        found.year,
        COMPUTED,
        chosen.mark,
        found.percent(),
        amount=found.total,
        amount_unit=found.unit,
        source=found.source,
        sha256=found.sha256,
        parts=parts,
        kept=tuple(str(k) for k in found.kept),
        notes=(f"counted as digital: {chosen.title}", chosen.source, *absent, *found.notes),
    )


def growth_figures(data: GrowthData) -> Iterator[LadderFigure]:
    found = growth_accounting(data)
    amounts = {"industrialisation": found.industrialisation, "digitalisation": found.digitalisation}
    parts: dict[str, tuple[float | None, float]] = {k: (100 * v / found.gdp, v) for k, v in amounts.items()}
    parts |= {f"ICT capital in {k}": (100 * v / found.gdp, v) for k, v in found.by_industry.items()}
    yield LadderFigure(
        "digital industrialisation and industrial digitalisation",
        data.year,
        COMPUTED,
        "user",
        found.percent,
        amount=found.total,
        amount_unit=data.unit,
        source=data.source,
        sha256=(data.sha256,),
        parts=parts,
        notes=(f"cumulated since {found.first_year}",),
    )


def satellite_figures(table: Table | None, shares: DigitalShares) -> Iterator[LadderFigure]:
    if not isinstance(table, SupplyUse):
        what = "digital shares of products need make and use tables beside them."
        raise MethodError(what, where=shares.source, hint="Give them, with --table.", code="no_supply_use")
    found = satellite_account(table, shares)
    yield LadderFigure(
        "digital products, by the user's shares",
        table.year,
        COMPUTED,
        "user",
        found.percent,
        amount=found.value,
        amount_unit=table.unit,
        source=f"{shares.source}; {table.source}",
        sha256=(*table.sha256, shares.sha256),
        parts={f"product {k}": (100 * v / found.gdp, v) for k, v in found.by_product.items() if v},
        notes=(f"{found.named} of {found.products} products have a share, the others count as not digital",),
    )


def services_figures(data: ServicesTrade) -> Iterator[LadderFigure]:
    found = deliverable_services(data)
    sides = (("exports", found.exports, found.percent_exports), ("imports", found.imports, found.percent_imports))
    for name, amount, percent in sides:
        gdp = {} if not data.gdp else {"of GDP": (100 * amount / data.gdp, amount)}
        yield LadderFigure(
            f"{name} of digitally deliverable services, set {found.set_id}",
            data.year,
            COMPUTED,
            product_sets().get(found.set_id).mark,
            percent,
            of=f"{name} of services",
            amount=amount,
            amount_unit=data.unit,
            source=data.source,
            sha256=(data.sha256,),
            parts=gdp,
            notes=() if percent is not None else ("all services (item S) are not given, so no share",),
        )
