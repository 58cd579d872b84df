"""Shocks of the multi-sector model: tariffs, trade costs, productivity and transfers, by names.

Arrays go by sector, importer, exporter, as in `SectorModel`. Pairs are written exporter first, as in scenario files:
`("BRA", "CHN")` is what Brazil sells to China. A source that gives an effect `b` on flows becomes the cost change
`exp(-b / theta_j)`, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.sectors_base import SectorModel
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class SectorShock:
    """What is different after the shock, checked and in full size.

    Attributes:
        tariff: (J, N, N), t'. cost_change: (J, N, N), d_hat, the factor of trade cost besides tariffs.
        productivity: (J, N), the factor of what a bundle of inputs yields. deficit: (N,), D', transfers included, in
            units of world value added.
    """

    tariff: Array
    cost_change: Array
    productivity: Array
    deficit: Array

    @property
    def digest(self) -> str:
        """SHA-256 of the arrays."""
        found = hashlib.sha256()
        for values in (self.tariff, self.cost_change, self.productivity, self.deficit):
            found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return found.hexdigest()


def shock_of(
    model: SectorModel,
    *,
    tariffs_new: Array | None = None,
    cost_change: Array | float = 1.0,
    productivity: Array | float = 1.0,
    transfers: Mapping[str, float] | None = None,
    deficit: Array | None = None,
) -> SectorShock:
    """A shock with every array in its full size.

    Args:
        tariffs_new: t' as shares; None keeps the base's. cost_change, productivity: factors, of full size or less
            (1.1 is 10 % more). transfers: code -> amount received, in the model's unit; sum zero.
        deficit: D' before transfers; None keeps the base's.

    Raises:
        InputError: a shape that doesn't fit, a factor not above zero, a tariff below zero or at home, transfers that
            don't add up to zero.
        MethodError: economies that trade with none of the others, or sell to the others and never buy, which only the
            deficits that are there can pay for.
    """
    kinds, count = len(model.sectors), len(model.economies)
    tariff = model.tariff if tariffs_new is None else _full(tariffs_new, (kinds, count, count), "tariffs_new")
    if not np.isfinite(tariff).all() or (tariff < 0).any():
        hint = "Give shares, 0.1 for 10 %; a subsidy of imports is not a case of this model."
        raise InputError("a tariff below zero, or no number.", where="tariffs_new", hint=hint, code="tariff")
    at_home = np.arange(count)
    if tariff[:, at_home, at_home].any():
        hint = "Set it to 0 where importer and exporter are the same."
        raise InputError("a tariff at home.", where="tariffs_new", hint=hint, code="home_tariff")
    factors = {
        "cost_change": _full(cost_change, (kinds, count, count), "cost_change"),
        "productivity": _full(productivity, (kinds, count), "productivity"),
    }
    for name, values in factors.items():
        if not np.isfinite(values).all() or (values <= 0).any():
            hint = "Give factors above zero: 0.9 for 10 % less."
            raise InputError(f"{name} holds a factor that is not above zero.", where=name, hint=hint, code="factor")
    kept = model.deficit if deficit is None else deficit
    found = SectorShock(tariff, factors["cost_change"], factors["productivity"], kept + _given(model, transfers))
    _refuse_unlinked(model, found.deficit)
    return found


def _full(values: Array | float, shape: tuple[int, ...], name: str) -> Array:
    try:
        found: Array = np.array(np.broadcast_to(np.asarray(values, dtype=np.float64), shape))
    except ValueError:
        what = f"{name} has {np.shape(values)}, and {shape} is needed."
        hint = "Order: sector, importer, exporter (productivity: sector, economy)."
        raise InputError(what, where=name, hint=hint, code="shape") from None
    return found


def _given(model: SectorModel, transfers: Mapping[str, float] | None) -> Array:
    found = np.zeros(len(model.economies))
    for economy, amount in sorted((transfers or {}).items()):
        found[model.index(economy)] += amount
    total = float(found.sum())
    if not np.isfinite(total) or abs(total) > 1e-9 * max(1.0, float(np.abs(found).max())):
        hint = "What one economy receives another gives: the amounts add up to zero."
        raise InputError(f"the transfers add up to {total:g}.", where="transfers", hint=hint, code="transfer_sum")
    return found


def _refuse_unlinked(model: SectorModel, deficit: Array) -> None:
    """Groups without trade have no relative wages; a group that only sells has its exports set by its deficit."""
    count = len(model.economies)
    buys = model.flows.sum(axis=0) > 0
    both, onward = _reached(buys | buys.T), _reached(buys)
    alone = [name for name, seen in zip(model.economies, both[0], strict=True) if not seen]
    if alone:
        rest = [name for name in model.economies if name not in alone]
        fewer = alone if len(alone) <= len(rest) else rest
        what = f"{listed(fewer)} trade with none of the others."
        hint = "Their wages relative to the rest are not determined: solve each group apart."
        raise MethodError(what, where=model.source, hint=hint, code="islands")
    world = float(model.value_added.sum())
    for n in range(count):
        group = onward[n] & onward[:, n]  # all that buy of each other, directly or not
        if abs(float((deficit - model.deficit)[group].sum())) > 1e-12 * world and not group.all():
            names = listed(name for name, inside in zip(model.economies, group, strict=True) if inside)
            what = f"{names}: trade with the others goes one way, and the deficits that pay for it would change."
            hint = "Keep deficits, or merge these economies with others (merge_economies)."
            raise MethodError(what, where=model.source, hint=hint, code="one_way")


def _reached(step: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, N) who is reached from whom in any number of steps, none included."""
    found = step | np.eye(len(step), dtype=bool)
    for _ in range(len(step).bit_length()):
        found = (found.astype(np.float64) @ found.astype(np.float64)) > 0
    return found


# --- By name ----------------------------------------------------------------------------------------------------------


def tariffs_set(
    model: SectorModel, pairs: Pairs, to: float, *, sectors: Sequence[str] | None = None, tariffs: Array | None = None
) -> Array:
    """(J, N, N) tariffs, those of some pairs (exporter first) and sectors set to a share, the others as they were.

    Args:
        to: as a share, 0.05 for 5 %. tariffs: what to start from; by default the base's.
    """
    found = np.array(model.tariff if tariffs is None else tariffs)
    for place in _places(model, pairs, sectors):
        found[place] = to
    return found


def costs_multiplied(
    model: SectorModel, pairs: Pairs, factor: float, *, sectors: Sequence[str] | None = None, costs: Array | None = None
) -> Array:
    """(J, N, N) cost changes, those of some pairs (exporter first) and sectors multiplied by a factor."""
    found = np.ones_like(model.flows) if costs is None else np.array(costs)
    for place in _places(model, pairs, sectors):
        found[place] *= factor
    return found


def flow_effect_costs(
    model: SectorModel, pairs: Pairs, effect: float, *, sectors: Sequence[str] | None = None, costs: Array | None = None
) -> Array:
    """(J, N, N) cost changes that give an effect on flows in logs, `exp(-effect / theta_j)`, multiplied in."""
    found = np.ones_like(model.flows) if costs is None else np.array(costs)
    for j, n, i in _places(model, pairs, sectors):
        found[j, n, i] *= np.exp(-effect / model.theta[j])
    return found


def tariffs_among(model: SectorModel, tariffs_new: Array, members: Sequence[str]) -> Array:
    """(J, N, N) tariffs that are new between members and the base's elsewhere."""
    found = np.array(model.tariff)
    for place in _places(model, permutations(members, 2), None):
        found[place] = tariffs_new[place]
    return found


def _kinds(model: SectorModel, sectors: Sequence[str] | None) -> list[int]:
    return list(range(len(model.sectors))) if sectors is None else [model.sector(s) for s in sectors]


def _places(model: SectorModel, pairs: Pairs, sectors: Sequence[str] | None) -> list[tuple[int, int, int]]:
    """Cells (sector, importer, exporter), each once."""
    known = list(dict.fromkeys((model.index(importer), model.index(exporter)) for exporter, importer in pairs))
    return [(j, n, i) for n, i in known for j in _kinds(model, sectors)]
