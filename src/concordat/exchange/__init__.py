"""What members share, and on what terms: data, cases, algorithm records, incident reports and help.

Each member offers from its own node, under terms that both sides sign and anyone can later prove. What was offered,
agreed, transferred, reported or asked is an entry of scope `exchange` on the author's member log; `fold` reads those
entries, in any order, into one state. The room is pure: no sockets, no files, no clock; `node` owns those.

    exchange = fold(logged)                          # the state of the entries, the same in any order
    offer = Offer.load(text)                         # a file of schema concordat/offer@1
    found = parse_ckan(data)                         # datasets of a CKAN answer; parse_csv, parse_dcat alike
    check_dcat(catalog_jsonld(catalog))              # violations of the DCAT-AP 3.0.1 shapes
    harvest(previous, pages, now)                    # what another catalogue added, changed, removed
    decide(policy, context)                          # permitted, denied or undetermined, and why

Below it: `catalogue`, `dataspace` (terms and the Dataspace Protocol), `cases`, `algorithms`, `incidents`, `inclusion`.
Each public name is imported when it is used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.exchange.algorithms.completeness import completeness
    from concordat.exchange.algorithms.diff import diff
    from concordat.exchange.algorithms.record import AlgorithmRecord
    from concordat.exchange.cases.case import Case
    from concordat.exchange.cases.dpg import import_dpg
    from concordat.exchange.cases.duplicates import duplicates
    from concordat.exchange.cases.replicability import replicability
    from concordat.exchange.cases.search import search
    from concordat.exchange.catalogue.ckan import parse_ckan
    from concordat.exchange.catalogue.dcat import catalog_jsonld, parse_dcat
    from concordat.exchange.catalogue.harvest import harvest
    from concordat.exchange.catalogue.offer import Offer
    from concordat.exchange.catalogue.shacl import check_dcat
    from concordat.exchange.catalogue.table import parse_csv
    from concordat.exchange.dataspace.deciding import decide
    from concordat.exchange.dataspace.narrowing import narrower
    from concordat.exchange.dataspace.token import make_token, read_token
    from concordat.exchange.fold import Exchange, Fact, Logged, fold
    from concordat.exchange.incidents.deadlines import stage_status
    from concordat.exchange.incidents.exposure import exposure
    from concordat.exchange.incidents.tlp import may_send, tlp_of
    from concordat.exchange.inclusion.assignment import match
    from concordat.exchange.inclusion.passport import passport
    from concordat.exchange.inclusion.readiness import readiness
    from concordat.exchange.measures import measure

__all__ = [
    "AlgorithmRecord",
    "Case",
    "Exchange",
    "Fact",
    "Logged",
    "Offer",
    "catalog_jsonld",
    "check_dcat",
    "completeness",
    "decide",
    "diff",
    "duplicates",
    "exposure",
    "fold",
    "harvest",
    "import_dpg",
    "make_token",
    "match",
    "may_send",
    "measure",
    "narrower",
    "parse_ckan",
    "parse_csv",
    "parse_dcat",
    "passport",
    "read_token",
    "readiness",
    "replicability",
    "search",
    "stage_status",
    "tlp_of",
]

_HOMES = {
    "completeness": "algorithms.completeness",
    "diff": "algorithms.diff",
    "AlgorithmRecord": "algorithms.record",
    "Case": "cases.case",
    "import_dpg": "cases.dpg",
    "duplicates": "cases.duplicates",
    "replicability": "cases.replicability",
    "search": "cases.search",
    "parse_ckan": "catalogue.ckan",
    **dict.fromkeys(("catalog_jsonld", "parse_dcat"), "catalogue.dcat"),
    "harvest": "catalogue.harvest",
    "Offer": "catalogue.offer",
    "check_dcat": "catalogue.shacl",
    "parse_csv": "catalogue.table",
    "decide": "dataspace.deciding",
    "narrower": "dataspace.narrowing",
    **dict.fromkeys(("make_token", "read_token"), "dataspace.token"),
    **dict.fromkeys(("Exchange", "Fact", "Logged", "fold"), "fold"),
    "stage_status": "incidents.deadlines",
    "exposure": "incidents.exposure",
    **dict.fromkeys(("may_send", "tlp_of"), "incidents.tlp"),
    "match": "inclusion.assignment",
    "passport": "inclusion.passport",
    "readiness": "inclusion.readiness",
    "measure": "measures",
}


class _Room(ModuleType):
    """The package as a module in which `fold` is the function, also once its module is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
