"""Two scenarios side by side: the difference draw by draw, not the difference of two bands.

With one seed both share the draws of every parameter that they have in common, so a difference is far surer than either
result. That holds only for the same base, seed and number of draws, which is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from concordat.errors import MethodError
from concordat.impact.monte_carlo import Quantiles, quantiles
from concordat.impact.results import ScenarioResult, rounded

MEASURES = ("real_income_pct", "real_income_usd")


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more an economy gains in the second scenario than in the first, draw by draw."""

    economy: str
    measure: str
    central: float
    draws: Quantiles | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of the second scenario from the first, members of either first.

    Attributes:
        shared: parameters whose draws both use; own: parameters that only one of them uses.
    """

    first: str
    second: str
    rows: tuple[Difference, ...]
    shared: tuple[str, ...]
    own: tuple[str, ...]
    stamp: str

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        rows = [
            {
                "economy": r.economy,
                "measure": r.measure,
                "central": r.central,
                **(r.draws.to_value() if r.draws else {}),
            }
            for r in self.rows
        ]
        found: Mapping[str, Any] = {
            "first": self.first, "second": self.second, "differences": rows, "shared_parameters": list(self.shared),
            "own_parameters": list(self.own), "stamp": self.stamp or None,
        }  # fmt: skip
        return dict(rounded(dict(found)))


def compare(first: ScenarioResult, second: ScenarioResult) -> Comparison:
    """The second less the first, on common draws.

    Raises:
        MethodError: another base, seed or number of draws, or a failed draw: then draws don't belong together.
    """
    reasons = {
        "base": first.economies != second.economies
        or first.certificate.data != second.certificate.data
        or first.year != second.year,
        "seed": first.scenario.seed != second.scenario.seed,
        "number of draws": first.count != second.count,
        "set of failed draws": first.certificate.dropped != second.certificate.dropped,
    }
    for name, differs in reasons.items():
        if differs:
            what = f"{first.scenario.id} and {second.scenario.id} have another {name}, so their draws are not common."
            raise MethodError(what, where="compare", hint="Give both the same and run them again.", code="not_common")
    ids = [{p.id for p in result.parameters} for result in (first, second)]
    members = tuple(dict.fromkeys((*first.members, *second.members)))
    rows = tuple(
        _difference(first, second, code, measure)
        for code in (*members, *(e for e in first.economies if e not in members))
        for measure in MEASURES
    )
    return Comparison(
        first.scenario.id,
        second.scenario.id,
        rows,
        tuple(sorted(ids[0] & ids[1])),
        tuple(sorted(ids[0] ^ ids[1])),
        first.stamp or second.stamp,
    )


def _difference(first: ScenarioResult, second: ScenarioResult, code: str, measure: str) -> Difference:
    place = first.economies.index(code)
    middle = float(second.central[measure][place] - first.central[measure][place])
    draws = np.asarray(second.draws[measure][:, place] - first.draws[measure][:, place], dtype=float)
    return Difference(code, measure, middle, quantiles(draws) if len(draws) else None)
