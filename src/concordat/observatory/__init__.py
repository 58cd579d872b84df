"""How far along, how sure, and how unequal: composite indices with their uncertainty, and the digital divide.

An index is a reviewed file; it is bound to figures, run once, questioned, and compared with its earlier edition:

    from concordat.observatory import IndexSpec, compare, divide, run, uncertainty

    spec = IndexSpec.from_yaml(text)            # impossible to misspecify: faults have file, line and nearest name
    result = run(spec, observations, catalogue)  # scores, ranks, contributions, provenance(unit, node)
    doubt = uncertainty(result)                  # rank_intervals, ahead(i, j), plateaus, sobol, shapley
    compare(result, earlier).attribute()         # why each score and rank changed

`divide` measures inequality between and within groups. Pure functions; only `bind` knows observations.

    >>> from concordat.evidence.aggregate import Member
    >>> from concordat.observatory.divide import spread
    >>> spread([Member("A", 20.0, 20.0, 20.0, 2024), Member("B", 60.0, 60.0, 60.0, 2024)])["gini"].value
    0.25
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.observatory import divide
    from concordat.observatory.audit import audit
    from concordat.observatory.calibrate import calibrate
    from concordat.observatory.compare import compare
    from concordat.observatory.revision import revisions
    from concordat.observatory.run import run
    from concordat.observatory.spec import IndexSpec
    from concordat.observatory.uncertainty import uncertainty

__all__ = ["IndexSpec", "audit", "calibrate", "compare", "divide", "revisions", "run", "uncertainty"]

_HOMES = {
    "IndexSpec": "spec",
    "audit": "audit",
    "calibrate": "calibrate",
    "compare": "compare",
    "revisions": "revision",
    "run": "run",
    "uncertainty": "uncertainty",
}


class _Room(ModuleType):
    """The package as a module in which a name like `run` is the function, also once its module of that name is loaded.

    The import system binds a submodule as an attribute of its package; here it binds what the module is named after.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name == "divide":
        return importlib.import_module(f"{__name__}.divide")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
