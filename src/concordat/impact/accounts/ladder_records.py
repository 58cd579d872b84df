"""What the ladder hands out: rungs with definition, status and figures, as records and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from concordat.errors import ConcordatError

COMPUTED, PUBLISHED, NOT_AVAILABLE = "computed", "published", "not available"
DIGITS = 10  # of computed numbers in `to_value`: beyond them the processor decides


@dataclass(frozen=True, slots=True)
class LadderFigure:
    """One number of one rung.

    Attributes:
        label: what was measured. year: it is of. status: computed or published. mark: how far its source, or for a
            computed one the choice of codes, was checked ("own": chosen by this project, "user": by the user).
        percent, percent_low, percent_high: a share or a range of it, of what `of` says. amount, amount_unit.
        released: day of the release. source, address: what to cite. sha256: of the files behind a computed one.
        parts: name -> percent and amount of each term. kept: oddities of the table. notes: what to print beside.
    """

    label: str
    year: int
    status: str
    mark: str
    percent: float | None = None
    percent_low: float | None = None
    percent_high: float | None = None
    of: str = "GDP"
    amount: float | None = None
    amount_unit: str = ""
    released: str = ""
    source: str = ""
    address: str = ""
    sha256: tuple[str, ...] = ()
    parts: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_value(self) -> dict[str, Any]:
        """For a program; computed numbers with ten significant digits."""
        value = asdict(self)
        for key in ("percent", "percent_low", "percent_high", "amount"):
            value[key] = _rounded(value[key])
        value |= {key: list(value[key]) for key in ("sha256", "kept", "notes")}
        value["parts"] = {
            name: {"percent": _rounded(percent), "amount": _rounded(amount)}
            for name, (percent, amount) in self.parts.items()
        }
        return value


@dataclass(frozen=True, slots=True)
class LadderRung:
    """One rung for one area: its definition, its figures or why there are none, and what is unverified of it.

    Attributes:
        id: a to e, or "other". status: of the rung: computed if any figure is, published, or not available.
        reason: why not available, or "". needs: what to load for an own figure. error: what stopped a computation.
    """

    id: str
    area: str
    title: str
    definition: str
    formula: str
    status: str
    figures: tuple[LadderFigure, ...]
    reason: str
    needs: str
    unverified: tuple[str, ...]
    error: ConcordatError | None = field(default=None, compare=False)

    def to_value(self) -> dict[str, Any]:
        """For a program: numbers, sources, status."""
        keys = ("id", "area", "title", "definition", "formula", "status", "reason", "needs")
        value: dict[str, Any] = {key: getattr(self, key) for key in keys}
        value["unverified"] = list(self.unverified)
        value["figures"] = [figure.to_value() for figure in self.figures]
        value["error"] = None if self.error is None else self.error.as_dict()
        return value


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
