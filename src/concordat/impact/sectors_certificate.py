"""What was proved about a multi-sector equilibrium: its equations recomputed from its prices, by other code.

Every equation is written out again from wages, prices and spending: shares of spending add up to one, every sector's
market clears, labour demand is labour supply, tariff revenue and income are what they are said to be, and the world
spends what it earns. Beside it an identity of the model that no solver uses (Arkolakis, Costinot and Rodriguez-Clare
2012, with materials as in Costinot and Rodriguez-Clare 2014): real wages follow from the shares of spending at home,

    ln P_n = ln w_n + (I - (1 - B) g)^-1 ((1/theta) ln(pi'_nn / pi_nn) + ln(k_nn / z_n)),
    ln(w_n / PI_n) = -a_n (ln P_n - ln w_n)

for every economy with home deliveries in all sectors that it needs. Not proved: that there is no second equilibrium.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from concordat import __version__
from concordat.errors import MethodError, TrustError
from concordat.impact.certificate import RESIDUAL_MAX, SAME, Hashes
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_shocks import SectorShock

if TYPE_CHECKING:
    from concordat.impact.sectors import SectorEquilibrium

Array = NDArray[np.float64]
NUMERAIRE = "world value added"


@dataclass(frozen=True, slots=True)
class SectorCertificate:
    """What holds of a result; residuals are relative.

    Attributes:
        residual_max: the largest of the seven that follow, required below 1e-10.
        market_clearing: spending less its uses, by sector and economy, over all that the economy spends. labour: demand
            over supply less 1. prices: by how much shares of spending miss 1. revenue, income, flows: what is returned
            less what follows, over spending.
        world_balance: world wages against world value added, and the sum of deficits.
        acr_gap: of the identity above; None where no economy delivers at home in all sectors. acr_economies: that do.
        base_residual: of the step that removed deficits; None if there was none.
        starts, starts_agree: further starts, and whether all led to the same wages to 1e-9 (None: none was made).
        second_solver: largest relative difference from the plain solver's wages and prices; None if it was not asked.
        model, shock: SHA-256 of the arrays. hashes: of the files behind them.
    """

    residual_max: float
    market_clearing: float
    labour: float
    prices: float
    revenue: float
    income: float
    flows: float
    world_balance: float
    acr_gap: float | None
    acr_economies: int
    base_residual: float | None
    deficits: str
    method: str
    steps: int
    starts: int
    starts_agree: bool | None
    second_solver: float | None
    wage_min: float
    price_min: float
    income_min: float
    theta_min: float
    theta_max: float
    zero_flows: int
    model: str
    shock: str
    numeraire: str = NUMERAIRE
    hashes: Hashes = field(default_factory=Hashes)
    version: str = __version__

    def to_value(self) -> dict[str, Any]:
        """For canonical JSON."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "hashes"}
        hashes = self.hashes
        found["hashes"] = {
            "data": hashes.data,
            "parameters": list(hashes.parameters),
            "scenario": hashes.scenario,
            "sources": list(hashes.sources),
        }
        return dict(sorted(found.items()))

    def line(self) -> str:
        """One line for people."""
        parts = [f"residual {self.residual_max:.0e}", f"deficits {self.deficits}"]
        if self.acr_gap is not None:
            parts.append(f"ACR gap {self.acr_gap:.0e} ({self.acr_economies} economies)")
        if self.second_solver is not None:
            parts.append(f"second solver within {self.second_solver:.0e}")
        if self.starts:
            parts.append(f"{self.starts} starts {'agree' if self.starts_agree else 'do not agree'}")
        return ", ".join(parts)


def from_value(value: Mapping[str, Any]) -> SectorCertificate:
    """A certificate read back from its JSON."""
    said = dict(value)
    hashes = said.pop("hashes")
    kept = Hashes(hashes["data"], hashes["scenario"], tuple(hashes["parameters"]), tuple(hashes["sources"]))
    return SectorCertificate(**said, hashes=kept)


def residuals(found: SectorEquilibrium) -> dict[str, float]:
    """Every residual of a certificate, from wages, prices and spending alone."""
    model, shock = found.model, found.shock
    share = _shares(model, shock, found.wage, found.price)
    bought = model.spending > 0
    sold = share / (1 + shock.tariff) * found.spending[:, :, None]
    output = np.einsum("jni->ji", sold)
    revenue = np.einsum("jni,jni->n", shock.tariff, sold)
    earned = found.wage * model.value_added
    income = earned + revenue + shock.deficit
    materials = np.einsum("njk,jn->kn", model.input_share, (1 - model.value_added_share) * output)
    labour = np.einsum("jn,jn->n", model.value_added_share, output)
    world = math.fsum(model.value_added.tolist())
    spent = found.spending.sum(axis=0)
    apart = {
        "market_clearing": np.abs(materials + model.final_share * income - found.spending) / spent,
        "labour": labour / earned - 1,
        "prices": np.where(bought, np.einsum("jni->jn", share) - 1, 0.0),
        "revenue": (revenue - found.revenue) / spent,
        "income": (found.income - income) / spent,
        "flows": (found.flows - sold) / spent[None, :, None],
        "world_balance": np.array([math.fsum(earned.tolist()) / world - 1, math.fsum(shock.deficit.tolist()) / world]),
    }
    return {name: float(np.abs(values).max()) for name, values in apart.items()}


def _shares(model: SectorModel, shock: SectorShock, wage: Array, price: Array) -> Array:
    """(J, N, N) pi', by the formula of the model."""
    own = model.value_added_share
    materials = np.einsum("njk,kn->jn", model.input_share, np.log(price))
    cost = np.exp(own * np.log(wage) + (1 - own) * materials) / shock.productivity
    dearer = (1 + shock.tariff) / (1 + model.tariff) * shock.cost_change * cost[:, None, :] / price[:, :, None]
    there = model.share > 0
    found: Array = model.share * np.where(there, dearer, 1.0) ** -model.theta[:, None, None]
    return found


def acr_gap(found: SectorEquilibrium) -> tuple[float | None, int]:
    """The largest gap of the identity of the module, and for how many economies it says something."""
    model, shock = found.model, found.shock
    count = range(len(model.economies))
    before = np.stack([model.share[:, n, n] for n in count])
    spent = np.where(found.spending > 0, found.spending, 1.0)
    after = np.stack([found.flows[:, n, n] / spent[:, n] for n in count])
    there = (before > 0) & (after > 0)
    ratio = np.where(there, after, 1.0) / np.where(there, before, 1.0)
    home = np.stack([shock.cost_change[:, n, n] for n in count]) / shock.productivity.T
    known = np.log(ratio) / model.theta + np.log(home)
    links = np.eye(len(model.sectors)) - (1 - model.value_added_share).T[:, :, None] * model.input_share
    try:
        weight = np.linalg.solve(links.transpose(0, 2, 1), model.final_share.T[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return None, 0
    covered = (there | (np.abs(weight) < 1e-15)).all(axis=1)
    if not covered.any():
        return None, 0
    said = np.exp(-(np.where(there, known, 0.0) * weight).sum(axis=1))
    return float(np.abs(found.real_wage / said - 1)[covered].max()), int(covered.sum())


def hold(found: SectorEquilibrium) -> dict[str, float]:
    """The residuals of a result that satisfies the equations.

    Raises:
        MethodError: its prices don't satisfy the equations to 1e-10, or wages, prices or incomes aren't above zero.
    """
    parts = residuals(found)
    name = max(parts, key=lambda key: parts[key])
    lowest = min(float(v.min()) for v in (found.wage, found.price, found.income))
    if not all(value < RESIDUAL_MAX for value in parts.values()) or not lowest > 0:
        what = f"the prices leave a residual of {parts[name]:.2g} in {name} (allowed: {RESIDUAL_MAX:g})."
        hint = "This is a fault of the solver: please report the model and the shock. No number is given."
        raise MethodError(what, where="certificate", hint=hint, code="residual")
    return parts


def certify(found: SectorEquilibrium, hashes: Hashes | None = None) -> SectorCertificate:
    """The certificate of a result.

    Raises:
        MethodError: its prices don't satisfy the equations to 1e-10, or wages, prices or incomes aren't above zero.
    """
    parts = hold(found)
    gap, economies = acr_gap(found)
    first = found.first_step
    return SectorCertificate(
        residual_max=max(parts.values()),
        market_clearing=parts["market_clearing"],
        labour=parts["labour"],
        prices=parts["prices"],
        revenue=parts["revenue"],
        income=parts["income"],
        flows=parts["flows"],
        world_balance=parts["world_balance"],
        acr_gap=gap,
        acr_economies=economies,
        base_residual=None if first is None else max(residuals(first).values()),
        deficits=found.deficits,
        method=found.method,
        steps=found.steps,
        starts=found.starts,
        starts_agree=found.starts_agree,
        second_solver=found.second_solver,
        wage_min=float(found.wage.min()),
        price_min=float(found.price.min()),
        income_min=float(found.income.min()),
        theta_min=float(found.model.theta.min()),
        theta_max=float(found.model.theta.max()),
        zero_flows=found.model.zero_flows,
        model=(found.model if first is None else first.model).digest,
        shock=found.shock.digest,
        hashes=hashes or Hashes(data=found.model.sha256),
    )


def verify_sectors(certificate: SectorCertificate, model: SectorModel, found: SectorEquilibrium) -> None:
    """Check a certificate against the model that was asked about and a result.

    Raises:
        TrustError: the result isn't of this model, or the certificate says something else than follows from it.
        MethodError: the result doesn't satisfy the equations.
    """
    first = found.first_step
    if model.digest != (found.model if first is None else first.model).digest:
        hint = "Verify it against the model that it was solved from."
        raise TrustError("the result is of another model.", where="certificate", hint=hint, code="model")
    if first is not None and not np.array_equal(found.model.flows, first.flows):
        hint = "Its base must be the flows of the step that removed deficits."
        raise TrustError("the result's base is another one.", where="certificate", hint=hint, code="base")
    now, said = certify(found, certificate.hashes).to_value(), certificate.to_value()
    for name in sorted(set(now) - {"version"}):
        if not _alike(said[name], now[name]):
            what = f"{name} is {said[name]!r}, and {now[name]!r} follows from the result."
            raise TrustError(
                what, where="certificate", hint="The certificate or the result was changed.", code="certificate"
            )


def _alike(said: Any, now: Any) -> bool:
    if isinstance(said, float) and isinstance(now, float):
        return math.isclose(said, now, rel_tol=SAME, abs_tol=1e-12)
    return bool(said == now)
