"""What stands beside real income in a result: transfers, tariff revenue, first-order terms, the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concordat.impact.certificate import Certificate

if TYPE_CHECKING:
    from concordat.impact.sectors_certificate import SectorCertificate

NO_REVENUE = "none in a one-sector model"


@dataclass(frozen=True, slots=True)
class Money:
    """What a transfer does beyond itself, at central values and without the other shocks.

    Attributes:
        amount: received (negative: given). worth: its equivalent variation. secondary: worth less amount, the
            secondary gain or burden of the classic transfer problem.
    """

    economy: str
    amount: float
    worth: float

    @property
    def secondary(self) -> float:
        """Gain or burden that prices add to the transfer."""
        return self.worth - self.amount


@dataclass(frozen=True, slots=True)
class Revenue:
    """Tariff revenue of an economy before and after, in the base's unit and in percent of its income."""

    economy: str
    before: float
    after: float
    before_pct: float
    after_pct: float


@dataclass(frozen=True, slots=True)
class FirstOrderTold:
    """First-order terms, in percent of income: what is published as welfare, and is not the result.

    Attributes:
        label: must stand beside the numbers. change: how a change of trade was taken. total: by economy.
    """

    label: str
    change: str
    total: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunCertificate:
    """How a run was solved.

    Attributes:
        residual_max: of all draws and the central run. central: certificate of the central run, worst: of the draw with
            the largest residual (None without draws), each recomputed from its prices.
        draws: solved; dropped: failed and left out, by number.
    """

    central: Certificate | SectorCertificate
    worst: Certificate | SectorCertificate | None
    residual_max: float
    draws: int
    dropped: tuple[int, ...]

    @property
    def acr_gap(self) -> float | None:
        """The larger gap of both; None where the identity says nothing (`sectors_certificate`)."""
        gaps = [c.acr_gap for c in (self.central, self.worst) if c is not None and c.acr_gap is not None]
        return max(gaps, default=None)

    @property
    def data(self) -> str:
        """SHA-256 of the base's bytes."""
        return self.central.hashes.data

    def line(self) -> str:
        """One line for people."""
        c, gap = self.central, self.acr_gap
        parts = [f"residual {self.residual_max:.0e}{' (worst draw)' if self.draws else ''}"]
        if gap is not None:
            parts.append(f"ACR gap {gap:.0e}")
        of_central = []
        if isinstance(c, Certificate):
            of_central.append(
                f"gross substitutes {'yes' if c.gross_substitutes else f'no ({c.not_substitutes:,} pairs)'}"
            )
        elif c.second_solver is not None:
            of_central.append(f"second solver within {c.second_solver:.0e}")
        if c.starts:
            of_central.append(f"{c.starts} starts {'agree' if c.starts_agree else 'DO NOT AGREE'}")
        if of_central and self.draws:  # the residual and the gap are of the draws too; these are not
            of_central[-1] += f" ({'both ' if len(of_central) > 1 else ''}at central values)"
        parts += of_central
        if self.dropped:
            parts.append(f"{len(self.dropped):,} draws failed and were dropped")
        parts.append(f"{len(c.hashes.sources)} source{'s' if len(c.hashes.sources) != 1 else ''}")
        return ", ".join([*parts, f"data {c.hashes.data[:8]}..."])

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "central": self.central.to_value(),
            "worst_draw": self.worst.to_value() if self.worst else None,
            "residual_max": self.residual_max,
            "acr_gap": self.acr_gap,
            "draws": self.draws,
            "dropped": list(self.dropped),
        }
