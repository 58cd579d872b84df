"""Which rules bind whom: instruments, parties, provisions, depth, texts, search, comparison.

    from concordat.rulebook import Coder, RuleStore, binds, load_catalogue, parse
    store = RuleStore.open("rulebook.sqlite")
    store.put_catalogue(load_catalogue())
    store.put_text(parse(data, name="depa.txt", id="depa"), data)
    store.add_codings(Coder.load("shipped").code(store.units("depa"), coded_on="2026-11-25"))
    rows = binds(store, "SGP", "KOR", on=date(2026, 11, 1), topic="DF").rows

Texts and codings are kept by `store`, the room's only input and output; all else is functions on bytes and plain
values. Names are taken from their modules when they are first used, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.rulebook.accession import accession_gap
    from concordat.rulebook.align import align
    from concordat.rulebook.binds import binds
    from concordat.rulebook.catalogue import load_catalogue
    from concordat.rulebook.coder import Coder
    from concordat.rulebook.compare import compare
    from concordat.rulebook.evaluate import evaluation
    from concordat.rulebook.model import (
        Coding,
        CommitmentDraft,
        Instrument,
        PartialDate,
        Participation,
        Relation,
        Unit,
    )
    from concordat.rulebook.readers import parse
    from concordat.rulebook.search import search
    from concordat.rulebook.seeds import load_seeds
    from concordat.rulebook.status import status
    from concordat.rulebook.store import RuleStore
    from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

__all__ = [
    "Coder",
    "Coding",
    "CommitmentDraft",
    "Instrument",
    "PartialDate",
    "Participation",
    "Relation",
    "RuleStore",
    "Taxonomy",
    "Unit",
    "accession_gap",
    "align",
    "binds",
    "compare",
    "evaluation",
    "load_catalogue",
    "load_seeds",
    "load_taxonomy",
    "parse",
    "search",
    "status",
]

_HOMES = {
    **dict.fromkeys(
        ("Coding", "CommitmentDraft", "Instrument", "PartialDate", "Participation", "Relation", "Unit"), "model"
    ),
    "Coder": "coder",
    "RuleStore": "store",
    "Taxonomy": "taxonomy",
    "accession_gap": "accession",
    "align": "align",
    "binds": "binds",
    "compare": "compare",
    "evaluation": "evaluate",
    "load_catalogue": "catalogue",
    "load_seeds": "seeds",
    "load_taxonomy": "taxonomy",
    "parse": "readers",
    "search": "search",
    "status": "status",
}


class _Room(ModuleType):
    """The package as a module in which a name like `binds` is the function, also once its module is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
