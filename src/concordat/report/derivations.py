"""Which modules register the functions that a report's numbers are derived by: the only ones that tracing may import.

A report names its functions (`evidence.aggregate.bloc@1`). Reading it must not import whatever it names, so a module
stands here, by hand, before its numbers can be computed again. No module of this room or above it registers any: what
is printed is computed below.
"""

from __future__ import annotations

from concordat.evidence.trace import DERIVATIONS, loader

MODULES = (
    *DERIVATIONS,
    "council.record",
    "council.review.record",
    "exchange.record",
    "exchange.record_skills",
    "impact.provisions_record",
    "impact.record",
    "observatory.divide.measures",
    "observatory.divide.records",
    "observatory.record",
    "rulebook.record",
)

load = loader(MODULES)
