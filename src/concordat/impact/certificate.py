"""What was proved about an equilibrium: its equations recomputed from its prices, by other code than found them.

`certify` walks over the flows pair by pair and sums exactly (`math.fsum`), so that a fault in the solver's matrix
algebra can't hide. It says which closure was taken, how far the markets are from clearing, and what is *not* proved:
that there is no second equilibrium. Uniqueness holds where all goods are gross substitutes (every off-diagonal entry of
the Jacobian above zero); the certificate counts the pairs that aren't, at this solution, and tells whether further
starts led to the same prices.

The gap of Arkolakis, Costinot and Rodriguez-Clare (2012), `w/P = (lam_hat_ii / T_ii)^(-1/theta)`, is an identity of the
model under any closure; it equals welfare only where spending equals income.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat import __version__
from concordat.errors import InputError, MethodError, TrustError

if TYPE_CHECKING:
    from concordat.impact.equilibrium import Equilibrium
    from concordat.impact.trade_table import TradeTable

RESIDUAL_MAX = 1e-10
ERROR_MAX = 1e-6  # of a wage, as a share
ROUNDING = 2.0**-52
SAME = 1e-9  # of a stored certificate's figures against those computed again


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256 of the files behind a result, and the ids of the sources of its parameters."""

    data: str = ""
    scenario: str = ""
    parameters: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """What holds of a result.

    Attributes:
        residual_max: max |F_i / Y'_i|. world_balance: |sum E' - sum Y'| / W. acr_gap: see the module.
        wage_error: how far a wage can be off, at most, as a share: the residual times the norm of the inverse Jacobian.
        not_substitutes: pairs whose goods aren't gross substitutes here; 0 of `pairs` proves uniqueness nearby only.
        starts, starts_agree: further starts, and whether all led to the same prices to 1e-9 (None: none was made).
        wage_min, price_min, spending_min: the smallest of each; above zero.
        zero_flows: pairs without trade, which the model keeps so.
    """

    residual_max: float
    method: str
    iterations: int
    closure: str
    numeraire: str
    theta: float
    world_balance: float
    acr_gap: float
    wage_error: float
    not_substitutes: int
    pairs: int
    starts: int
    starts_agree: bool | None
    wage_min: float
    price_min: float
    spending_min: float
    zero_flows: int
    hashes: Hashes = field(default_factory=Hashes)
    version: str = __version__

    @property
    def gross_substitutes(self) -> bool:
        """Whether every pair's goods are gross substitutes at this solution."""
        return self.not_substitutes == 0

    def to_value(self) -> dict[str, Any]:
        """For canonical JSON."""
        return {
            "acr_gap": self.acr_gap,
            "closure": self.closure,
            "gross_substitutes": self.gross_substitutes,
            "hashes": {
                "data": self.hashes.data,
                "parameters": list(self.hashes.parameters),
                "scenario": self.hashes.scenario,
                "sources": list(self.hashes.sources),
            },
            "iterations": self.iterations,
            "method": self.method,
            "not_substitutes": self.not_substitutes,
            "numeraire": self.numeraire,
            "pairs": self.pairs,
            "price_min": self.price_min,
            "residual_max": self.residual_max,
            "spending_min": self.spending_min,
            "starts": self.starts,
            "starts_agree": self.starts_agree,
            "theta": self.theta,
            "version": self.version,
            "wage_error": self.wage_error,
            "wage_min": self.wage_min,
            "world_balance": self.world_balance,
            "zero_flows": self.zero_flows,
        }

    def line(self) -> str:
        """One line for people."""
        found = "yes" if self.gross_substitutes else f"no ({self.not_substitutes} pairs)"
        parts = [f"residual {self.residual_max:.0e}", f"ACR gap {self.acr_gap:.0e}", f"gross substitutes {found}"]
        if self.starts:
            parts.append(f"{self.starts} starts {'agree' if self.starts_agree else 'do not agree'}")
        return ", ".join(parts)


def certify(found: Equilibrium) -> Certificate:
    """The certificate of a result.

    Raises:
        MethodError: its prices don't satisfy the equations to `RESIDUAL_MAX`, or aren't above zero.
    """
    table = found.table
    residual, gap, balance = _recomputed(found)
    lowest = [float(v.min()) for v in (found.wage, found.price, found.expenditure)]
    if not residual < RESIDUAL_MAX or not min(lowest) > 0:
        what = f"the prices leave a residual of {residual:.2g} (allowed: {RESIDUAL_MAX:g}); smallest {min(lowest):.2g}."
        hint = "This is a fault of the solver: please report the table and the shock. No number is given."
        raise MethodError(what, where="certificate", hint=hint, code="residual")
    count = len(table.economies)
    pairs, error = _slopes(found, residual)
    if not error < ERROR_MAX:
        what = f"markets clear to {residual:.0e}, and still wages can be off by {error:.0e} (allowed: {ERROR_MAX:g})."
        hint = "Groups of economies barely trade with each other: solve each group apart. No number is given."
        raise MethodError(what, where="certificate", hint=hint, code="loose")
    return Certificate(
        residual_max=residual,
        method=found.method,
        iterations=found.iterations,
        closure=found.closure,
        numeraire=found.numeraire,
        theta=found.theta,
        world_balance=balance,
        acr_gap=gap,
        wage_error=error,
        not_substitutes=pairs,
        pairs=count * (count - 1),
        starts=found.starts,
        starts_agree=found.starts_agree,
        wage_min=lowest[0],
        price_min=lowest[1],
        spending_min=lowest[2],
        zero_flows=table.zeros,
        hashes=found.hashes or Hashes(data=table.sha256),
    )


def verify(certificate: Certificate, table: TradeTable, found: Equilibrium) -> None:
    """Check a certificate against a table and a result.

    Raises:
        TrustError: the result isn't of this table, or the certificate says something else than follows from it.
        MethodError: the result doesn't satisfy the equations.
        InputError: a result of the multi-sector model; `sectors_certificate.verify_sectors` is for those.
    """
    from concordat.impact.equilibrium import Equilibrium, prepared

    if not isinstance(found, Equilibrium):
        hint = "Use concordat.impact.sectors_certificate.verify_sectors."
        raise InputError("this is no result of the one-sector model.", where="certificate", hint=hint, code="model")
    base = prepared(table, found.theta, found.closure)[0] if found.closure == "balanced" else table
    if base.economies != found.table.economies or not np.allclose(base.flows, found.table.flows, rtol=SAME, atol=0):
        hint = "Verify it against the table that it was solved from."
        raise TrustError("the result is of another trade table.", where="certificate", hint=hint, code="table")
    now = certify(found).to_value()
    said = certificate.to_value()
    for name in sorted(set(now) - {"version"}):
        if not _alike(said[name], now[name]):
            what = f"{name} is {said[name]!r}, and {now[name]!r} follows from the result."
            hint = "The certificate or the result was changed."
            raise TrustError(what, where="certificate", hint=hint, code="certificate")


def _alike(said: Any, now: Any) -> bool:
    if isinstance(said, float) and isinstance(now, float):
        return math.isclose(said, now, rel_tol=SAME, abs_tol=1e-9)
    return bool(said == now)


def _recomputed(found: Equilibrium) -> tuple[float, float, float]:
    """Residual, ACR gap and world balance, pair by pair from wages alone."""
    table, theta = found.table, found.theta
    flows, shock = table.flows.tolist(), found.shock.tolist()
    wage = found.wage.tolist()
    count = range(len(wage))
    output = [math.fsum(row) for row in flows]
    bought = [math.fsum(flows[i][j] for i in count) for j in count]
    income = [wage[i] * output[i] for i in count]
    spending = _spending(found, output, bought, income)
    made, sales = found.flows.tolist(), found.output.tolist()
    scale = max(-math.log(w) for w in wage)
    power = [math.exp(-theta * (math.log(w) + scale)) for w in wage]
    sold: list[list[float]] = [[] for _ in count]
    gaps, off = [0.0], [0.0]
    for j in count:
        terms = [flows[i][j] / bought[j] * shock[i][j] * power[i] for i in count]
        total = math.fsum(terms)
        for i in count:
            sold[i].append(terms[i] / total * spending[j])
            off.append(abs(made[i][j] - sold[i][-1]) / spending[j])
        price = math.exp(-math.log(total) / theta - scale)
        share = (made[j][j] / float(found.expenditure[j])) / (flows[j][j] / bought[j])
        gaps.append(abs(wage[j] / float(found.price[j]) / (share / shock[j][j]) ** (-1 / theta) - 1))
        off.append(abs(price / float(found.price[j]) - 1))
    residual = max(abs(math.fsum(sold[i]) / income[i] - 1) for i in count)
    off += [abs(spending[j] / float(found.expenditure[j]) - 1) for j in count]
    off += [abs(sales[i] / income[i] - 1) for i in count]
    world = math.fsum(income)
    return max(residual, *off), max(gaps), abs(math.fsum(spending) - world) / world


def _spending(found: Equilibrium, output: list[float], bought: list[float], income: list[float]) -> list[float]:
    """E' by the closure's formula, written out again."""
    earned, world = math.fsum(income), math.fsum(output)
    given = [t * earned / world for t in found.transfers.tolist()]
    count = range(len(output))
    if found.closure == "balanced":
        own = income
    elif found.closure == "additive":
        own = [income[j] + (bought[j] - output[j]) * earned / world for j in count]
    else:
        spent = [bought[j] / output[j] * income[j] for j in count]
        own = [s * earned / math.fsum(spent) for s in spent]
    return [own[j] + given[j] for j in count]


def _slopes(found: Equilibrium, residual: float) -> tuple[int, float]:
    """Off-diagonal entries of the Jacobian that aren't above zero, and how far a wage can be off."""
    from concordat.impact._newton import Market
    from concordat.impact.closures import Base, closure_named
    from concordat.impact.equilibrium import amplification

    table = found.table
    lam = table.flows / table.expenditure
    base = Base(table.output, table.expenditure, found.transfers)
    market = Market(lam * found.shock, lam, closure_named(found.closure), base, found.theta, table.economies)
    point = market.at(np.log(found.wage))
    slope = market.jacobian(point)
    np.fill_diagonal(slope, 1.0)
    try:
        factor = amplification(market.inverse(np.log(found.wage)), point.income)
    except np.linalg.LinAlgError:
        factor = np.inf
    return int((slope <= 0).sum()), max(residual, ROUNDING) * factor


def from_value(value: Mapping[str, Any]) -> Certificate:
    """A certificate read back from its JSON."""
    said = dict(value)
    said.pop("gross_substitutes")
    hashes = said.pop("hashes")
    kept = Hashes(hashes["data"], hashes["scenario"], tuple(hashes["parameters"]), tuple(hashes["sources"]))
    return Certificate(**said, hashes=kept)
