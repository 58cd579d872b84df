"""Tables and arrays -> `SectorModel`: what is summed, set to zero, dropped or merged, and how that is said.

Real tables hold cells that the model gives no meaning. What is done about each is stated here and noted in the model:

- a bilateral total below zero (stocks): summed over all uses first; what stays below zero becomes 0, and is reported;
- a sector that nobody makes is left out; a cell (sector of an economy) without output stays without;
- value added below zero: refused, unless the sector is merged or the cell dropped by name;
- final demand below zero: refused with the list of cells, unless `final_demand="clip_and_rebalance"`: its shares are
  set to 0 there and scaled to 1, and the world is solved with them, so that the base is an equilibrium again; the
  notes tell what moved.

Output is what is sold (sums of rows) and value added what remains of it after all inputs, so taxes and margins within
a table's columns count as value added. Tables carry no tariffs: give them, or they are 0, and noted so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.mrio_table import MrioTable
from concordat.impact.sectors_base import SectorModel, all_of, bought_as_final, cells
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
Theta = float | Mapping[str, float] | Sequence[float] | Array
FinalDemand = Literal["refuse", "clip_and_rebalance"]
Groups = Mapping[str, Sequence[str]]


def build_sectors(
    economies: Sequence[str],
    sectors: Sequence[str],
    flows: Array,
    value_added_share: Array,
    input_share: Array,
    theta: Theta,
    *,
    tariff: Array | None = None,
    final_demand: FinalDemand = "refuse",
    year: int,
    unit: str = "USD million",
    sha256: str = "",
    source: str = "arrays",
    notes: Sequence[str] = (),
) -> SectorModel:
    """A base from arrays as `SectorModel` describes them, with the repairs above.

    Args:
        flows: (J, N, N), sector by importer by exporter, net of tariff, bilateral totals over all uses.
        theta: one for all sectors, by name, or (J,).

    Raises:
        InputError, MethodError: as `SectorModel`; a sector without an elasticity; an option that isn't one.
    """
    said = list(notes)
    flows = _without_negatives(np.array(flows, dtype=np.float64), economies, sectors, unit, said)
    if tariff is None:
        tariff = np.zeros_like(flows)
        said.append("tariffs: none given, taken as 0")
    kept = [int(j) for j in np.flatnonzero(flows.sum(axis=(1, 2)) > 0)]
    if len(kept) < len(sectors):
        said.append(f"sectors that nobody makes, left out: {listed(s for j, s in enumerate(sectors) if j not in kept)}")
    names = tuple(sectors[j] for j in kept)
    elasticities = _elasticities(theta, sectors, source)[kept]
    empty = flows[kept].sum(axis=1) == 0
    if empty.any():
        said.append(f"cells without output, which stay without: {listed(_names(names, economies, empty))}")
    shares = np.where(empty, 1.0, np.asarray(value_added_share, dtype=np.float64)[kept])
    inputs = np.asarray(input_share, dtype=np.float64)[:, kept][:, :, kept]
    arrays: tuple[Array, ...] = (flows[kept], tariff[kept], shares, inputs, elasticities)
    if final_demand == "clip_and_rebalance":
        arrays = _clipped(tuple(economies), names, arrays, unit, said)
    elif final_demand != "refuse":
        hint = "Say refuse or clip_and_rebalance."
        what = f'"{final_demand}" is no way to treat final demand below zero.'
        raise InputError(what, where="final_demand", hint=hint, code="final_demand")
    flows, tariff, shares, inputs, elasticities = arrays
    return SectorModel(
        tuple(economies), names, flows, tariff, shares, inputs, elasticities, year, unit, sha256, source, tuple(said)
    )


def sectors_from_mrio(
    table: MrioTable,
    theta: Theta,
    *,
    tariff: Array | None = None,
    merge_sectors: Groups | None = None,
    merge_economies: Groups | None = None,
    drop: Iterable[tuple[str, str]] = (),
    final_demand: FinalDemand = "refuse",
) -> SectorModel:
    """A base from a multi-regional input-output table.

    Args:
        theta, tariff: for the sectors and economies after merging, in the table's order (a merged one stands where the
            first of its parts stood).
        merge_sectors, merge_economies: new name -> names in the table.
        drop: (economy, industry) cells to leave out altogether, as sellers and as buyers.

    Raises:
        InputError: names that the table doesn't have, or that are merged twice. MethodError: as `SectorModel`.
    """
    count, kinds, drop = len(table.countries), len(table.industries), tuple(drop)
    between, final = _dropped(table, drop)
    uses = between.reshape(count, kinds, count, kinds)
    sold = uses.sum(axis=3) + final.reshape(count, kinds, count, -1).sum(axis=3)
    flows = sold.transpose(1, 2, 0)
    inputs = uses.sum(axis=0).transpose(1, 2, 0)  # economy, user, input
    economies, by_economy = _grouping(table.countries, merge_economies, "economy", table.source)
    sectors, by_sector = _grouping(table.industries, merge_sectors, "sector", table.source)
    flows = np.einsum("aj,mn,li,jni->aml", by_sector, by_economy, by_economy, flows, optimize=True)
    inputs = np.einsum("mn,aj,bk,njk->mab", by_economy, by_sector, by_sector, inputs, optimize=True)
    output = np.maximum(flows, 0.0).sum(axis=1)
    bought = inputs.sum(axis=2)
    share = 1 - bought.T / np.where(output > 0, output, 1.0)
    _refuse_idle_buyers(sectors, economies, (output == 0) & (bought.T > 0), bought.T, table.source)
    input_share = inputs / np.where(bought > 0, bought, 1.0)[:, :, None]
    notes = [f"cells dropped by name: {listed(f'{s} of {e}' for e, s in drop)}"] if drop else []
    return build_sectors(
        economies, sectors, flows, share, input_share, theta, tariff=tariff,
        final_demand=final_demand, year=table.year, unit=table.unit, sha256=table.sha256,
        source=table.source, notes=notes,
    )  # fmt: skip


# --- Repairs ----------------------------------------------------------------------------------------------------------


def _without_negatives(
    flows: Array, economies: Sequence[str], sectors: Sequence[str], unit: str, said: list[str]
) -> Array:
    below = flows < 0
    if not below.any():
        return flows
    worst = sorted((tuple(int(k) for k in cell) for cell in np.argwhere(below)), key=lambda cell: float(flows[cell]))
    shown = listed(f"{sectors[j]} {economies[i]} to {economies[n]} ({flows[j, n, i]:.4g})" for j, n, i in worst)
    total = float(flows[flows > 0].sum())
    said.append(
        f"bilateral totals below zero, set to 0: {int(below.sum())} flows, {float(flows[below].sum()):,.6g} of "
        f"{total:,.6g} {unit}: {shown}"
    )
    return np.maximum(flows, 0.0)


def _clipped(
    economies: tuple[str, ...], sectors: tuple[str, ...], arrays: tuple[Array, ...], unit: str, said: list[str]
) -> tuple[Array, ...]:
    """The arrays with flows of the equilibrium in which final demand is nowhere below zero."""
    from concordat.impact._sectors_market import Problem
    from concordat.impact.sectors_solve import find

    flows, tariff, share, inputs, theta = arrays
    spent, made = ((1 + tariff) * flows).sum(axis=2), flows.sum(axis=1)
    final = bought_as_final(spent, made, share, inputs)
    if not (final < 0).any():
        return arrays
    clipped = np.maximum(final, 0.0)
    earned = (share * made).sum(axis=0)
    deficit = flows.sum(axis=(0, 2)) - made.sum(axis=0)
    bought = (1 + tariff) * flows / np.where(spent > 0, spent, 1.0)[:, :, None]
    own_inputs = (1 - share).T[:, :, None] * inputs
    final_share = clipped / clipped.sum(axis=0)
    found = find(
        Problem(bought, tariff, theta[:, None], share, own_inputs, final_share, earned, deficit, spent, economies)
    )
    moved = float(np.abs(found.flows - flows).sum() / flows.sum())
    wage = np.exp(found.log_wage) - 1
    n = int(np.argmax(np.abs(wage)))
    said.append(
        f"final demand below zero, set to 0: {all_of(cells(sectors, economies, final < 0, final))}, "
        f"{float(final[final < 0].sum()):,.6g} {unit} in all; rebalanced: {100 * moved:.3g} % of flows moved, value "
        f"added by {100 * float(wage[n]):.3g} % at most ({economies[n]})"
    )
    return found.flows, tariff, share, inputs, theta


def _refuse_idle_buyers(
    sectors: Sequence[str], economies: Sequence[str], wrong: NDArray[np.bool_], bought: Array, where: str
) -> None:
    if wrong.any():
        what = f"inputs but no output, so value added below 0: {all_of(cells(sectors, economies, wrong, -bought))}."
        hint = "Merge the sector with another, or drop the cell by its name (merge_sectors, drop)."
        raise MethodError(what, where=where, hint=hint, code="negative_value_added")


def _dropped(table: MrioTable, drop: Iterable[tuple[str, str]]) -> tuple[Array, Array]:
    """Deliveries without those of and to the dropped cells."""
    between, final = np.array(table.z, dtype=np.float64), np.array(table.f, dtype=np.float64)
    for economy, industry in drop:
        row = table.block(economy).start + _index(industry, table.industries, "sector", table.source)
        between[row], between[:, row], final[row] = 0.0, 0.0, 0.0
    return between, final


def _grouping(names: Sequence[str], groups: Groups | None, kind: str, where: str) -> tuple[tuple[str, ...], Array]:
    """New names, and the (new, old) matrix of zeros and ones that sums into them."""
    target = {name: name for name in names}
    taken: set[str] = set()
    for new, parts in (groups or {}).items():
        for part in parts:
            _index(part, names, kind, where)
            if part in taken:
                hint = "Each goes into one group."
                raise InputError(f"{part} is merged twice.", where=where, hint=hint, code="duplicate")
            taken.add(part)
            target[part] = new
        if new in names and new not in parts:
            hint = "Give the merged one a name of its own."
            raise InputError(f'"{new}" is in the table already.', where=where, hint=hint, code="duplicate")
    found = tuple(dict.fromkeys(target[name] for name in names))
    matrix = np.zeros((len(found), len(names)))
    for old, name in enumerate(names):
        matrix[found.index(target[name]), old] = 1.0
    return found, matrix


def _index(name: str, names: Sequence[str], kind: str, where: str) -> int:
    from concordat.settings import nearest

    if name in names:
        return list(names).index(name)
    close = nearest(name, names)
    hint = f'Did you mean "{close[0]}"?' if close else f"It has {listed(names)}."
    raise InputError(f'"{name}" is no {kind} of this table.', where=where, hint=hint, code=kind)


def _elasticities(theta: Theta, sectors: Sequence[str], where: str) -> Array:
    """(J,) one a sector."""
    if isinstance(theta, Mapping):
        missing = [s for s in sectors if s not in theta]
        if missing:
            hint = "Every sector needs an elasticity; none is guessed."
            raise InputError(f"no elasticity for {listed(missing)}.", where=where, hint=hint, code="theta")
        for name in theta:
            _index(name, sectors, "sector", where)
        return np.array([float(theta[s]) for s in sectors])
    values = np.asarray(theta, dtype=np.float64)
    if values.ndim and values.shape != (len(sectors),):
        hint = "Give one for all, one by name, or as many as sectors."
        raise InputError(
            f"{values.size} elasticities for {len(sectors)} sectors.", where=where, hint=hint, code="theta"
        )
    return np.array(np.broadcast_to(values, (len(sectors),)))


def _names(sectors: Sequence[str], economies: Sequence[str], where: NDArray[np.bool_]) -> list[str]:
    return [f"{sectors[j]} of {economies[n]}" for j, n in np.argwhere(where)]
