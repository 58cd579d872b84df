"""How large is the digital economy, under each definition: tables, measures, and the ladder that shows them together.

`digital_ladder` gives all rungs for an area; `read_inputs` makes its inputs from a user's files; the measures stand in
a module each: `ict_sector` (a), `linkages` (b), `growth` (c), `satellite` (d), `deliverable` (e). Formulas, conventions
and what is unverified: docs/reference/digital-economy-ladder.md.

    >>> from concordat.impact.accounts import digital_ladder
    >>> for rung in digital_ladder("CHN", year=2018):
    ...     print(rung.id, rung.status, *(f"{figure.percent} %" for figure in rung.figures if figure.percent))
    a not available
    b published 7.14 %
    c published 34.8 % 17.16 %
    d not available
    e not available
    other published 32.58 %
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.impact.accounts.deliverable import deliverable_services
    from concordat.impact.accounts.digital_sets import ProductSet, parse_product_sets, product_sets
    from concordat.impact.accounts.growth import growth_accounting, perpetual_inventory
    from concordat.impact.accounts.ict_sector import ict_sector_account
    from concordat.impact.accounts.inputs import LadderInputs, read_inputs
    from concordat.impact.accounts.io_csv import parse_io_csv
    from concordat.impact.accounts.io_table import IOTable, of_country
    from concordat.impact.accounts.ladder import digital_ladder
    from concordat.impact.accounts.ladder_records import LadderFigure, LadderRung
    from concordat.impact.accounts.linkages import Linkages, digital_linkages, linkage_matrix
    from concordat.impact.accounts.published import (
        PublishedFigure,
        parse_published,
        published_by_area,
        published_figures,
    )
    from concordat.impact.accounts.readers import parse_supply_use
    from concordat.impact.accounts.satellite import satellite_account
    from concordat.impact.accounts.supply_use import SupplyUse, industry_table

_HOMES = {
    "deliverable": ("deliverable_services",),
    "growth": ("growth_accounting", "perpetual_inventory"),
    "ict_sector": ("ict_sector_account",),
    "inputs": ("LadderInputs", "read_inputs"),
    "io_csv": ("parse_io_csv",),
    "io_table": ("IOTable", "of_country"),
    "ladder": ("digital_ladder",),
    "ladder_records": ("LadderFigure", "LadderRung"),
    "linkages": ("Linkages", "digital_linkages", "linkage_matrix"),
    "digital_sets": ("ProductSet", "parse_product_sets", "product_sets"),
    "published": ("PublishedFigure", "parse_published", "published_by_area", "published_figures"),
    "readers": ("parse_supply_use",),
    "satellite": ("satellite_account",),
    "supply_use": ("SupplyUse", "industry_table"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "IOTable",
    "LadderFigure",
    "LadderInputs",
    "LadderRung",
    "Linkages",
    "ProductSet",
    "PublishedFigure",
    "SupplyUse",
    "deliverable_services",
    "digital_ladder",
    "digital_linkages",
    "growth_accounting",
    "ict_sector_account",
    "industry_table",
    "linkage_matrix",
    "of_country",
    "parse_io_csv",
    "parse_product_sets",
    "parse_published",
    "parse_supply_use",
    "perpetual_inventory",
    "product_sets",
    "published_by_area",
    "published_figures",
    "read_inputs",
    "satellite_account",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for: NumPy and pydantic load no sooner."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
