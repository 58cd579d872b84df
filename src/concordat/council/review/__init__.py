"""How far promises are kept: the yearly review, the coders' scores, the evidence, and how sure each figure is.

    from concordat.council.review import Code, evidence, intervals, score
    scores = score(codes)
    found = evidence(target, series, at=2026, seed=2026)
    sure = intervals(scores, [found], seed=2026)
    print(scores.alpha, scores.bloc.percent, sure.members["BRA"], sure.gap.flagged)

`cycle` is the order of a review, `agreement` how far coders agree, `steps` the five words, `table` a row for each
commitment, `foreign` the scorer of other people's tables. What coders judge and what indicators show stand side by side
and are never mixed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.council.review.agreement import Alpha, alpha
    from concordat.council.review.cycle import Cycle, Recommendation
    from concordat.council.review.evidence import Evidence, combine, evidence
    from concordat.council.review.foreign import ForeignScores, score_table
    from concordat.council.review.intervals import Intervals, intervals
    from concordat.council.review.scores import Code, Scores, score
    from concordat.council.review.steps import coverage, step
    from concordat.council.review.table import moved, table

__all__ = [
    "Alpha",
    "Code",
    "Cycle",
    "Evidence",
    "ForeignScores",
    "Intervals",
    "Recommendation",
    "Scores",
    "alpha",
    "combine",
    "coverage",
    "evidence",
    "intervals",
    "moved",
    "score",
    "score_table",
    "step",
    "table",
]

_HOMES = {
    **dict.fromkeys(("Alpha", "alpha"), "agreement"),
    **dict.fromkeys(("Cycle", "Recommendation"), "cycle"),
    **dict.fromkeys(("Evidence", "combine", "evidence"), "evidence"),
    **dict.fromkeys(("ForeignScores", "score_table"), "foreign"),
    **dict.fromkeys(("Intervals", "intervals"), "intervals"),
    **dict.fromkeys(("Code", "Scores", "score"), "scores"),
    **dict.fromkeys(("coverage", "step"), "steps"),
    **dict.fromkeys(("moved", "table"), "table"),
}


class _Room(ModuleType):
    """The package as a module in which `evidence`, say, is the function, also once its module is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
