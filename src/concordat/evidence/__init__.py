"""What is known: observations with their source, vintage and bytes; which one is used; how sure a figure is.

The main path, from a store to a member's figure (`resolve`, `aggregate`, `revisions` and `trace` are modules that hold
the function of their name):

    from concordat.evidence import load_catalogue, open_store
    from concordat.evidence.embedded import ensure_embedded
    from concordat.evidence.resolve import resolve

    catalogue = load_catalogue()
    with open_store(settings.data_dir) as store:
        vintage = ensure_embedded(store, catalogue)
        chosen = resolve(store.observations(vintage), catalogue, not_after=2026)
    chosen["internet_users_pct", "BRA", ""].value

Names are loaded when they are first asked for, so that importing one module here does not import the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.evidence._aggregate import Aggregate
    from concordat.evidence.catalogue import Catalogue, Indicator, load_catalogue
    from concordat.evidence.citation import cite
    from concordat.evidence.conflicts import Conflict, find_conflicts
    from concordat.evidence.export import export_public
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import check_quality
    from concordat.evidence.resolve import Chosen
    from concordat.evidence.revisions import Revision
    from concordat.evidence.sources._base import Problem
    from concordat.evidence.store import Release, Store, open_store
    from concordat.evidence.survey import survey_rates

__all__ = [
    "Aggregate",
    "Catalogue",
    "Chosen",
    "Conflict",
    "Indicator",
    "Observation",
    "Problem",
    "Release",
    "Revision",
    "Store",
    "check_quality",
    "cite",
    "export_public",
    "find_conflicts",
    "load_catalogue",
    "open_store",
    "survey_rates",
]

_HOMES = {
    "Aggregate": "_aggregate",
    "Catalogue": "catalogue",
    "Chosen": "resolve",
    "Conflict": "conflicts",
    "Indicator": "catalogue",
    "Observation": "observation",
    "Problem": "sources._base",
    "Release": "store",
    "Revision": "revisions",
    "Store": "store",
    "check_quality": "quality",
    "cite": "citation",
    "export_public": "export",
    "find_conflicts": "conflicts",
    "load_catalogue": "catalogue",
    "open_store": "store",
    "survey_rates": "survey",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
