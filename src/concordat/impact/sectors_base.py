"""The base of the multi-sector model: flows by sector, tariffs, input-output links, and what follows from them.

Five arrays say all (n importer, i exporter, j and k sectors): flows `M_jni` net of tariff, tariffs `t_jni`, value-added
shares `B_jn`, shares `g_njk` of input k in the materials of sector j, and elasticities `theta_j`. From them:

    X_jn = sum_i (1 + t_jni) M_jni         Y_ji = sum_n M_jni             VA_n = sum_j B_jn Y_jn
    R_n = sum_ji t_jni M_jni               D_n = imports - exports        I_n = VA_n + R_n + D_n
    a_jn = (X_jn - sum_k g_nkj (1 - B_kn) Y_kn) / I_n                     pi_jni = (1 + t_jni) M_jni / X_jn

so every base is an equilibrium by construction. What has no meaning in it is refused with its cells: value added below
zero, and goods of which firms buy more than the economy buys (`a` below zero; often stocks that ran down). A cell that
makes nothing (`Y_jn = 0`) or where nothing is bought (`X_jn = 0`) stays so in every counterfactual.

Source: L. Caliendo and F. Parro, "Estimates of the trade and welfare effects of NAFTA", Review of Economic Studies 82
(2015) 1-44. Readers of files and tables: `sectors_readers`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.trade_table import listed

Array = NDArray[np.float64]
ROUNDING = 1e-12  # of X_jn: final demand nearer to zero than this is the rounding of a table, and taken as zero
ONE = 1e-6  # by how much the shares of inputs may miss 1


@dataclass(frozen=True, slots=True, eq=False)
class SectorModel:
    """A world of N economies and J sectors, in equilibrium before any shock.

    Attributes:
        economies, sectors: N and J names.
        flows: (J, N, N), sector by importer by exporter, net of tariff, home deliveries included; in `unit`.
        tariff: (J, N, N), as a share (0.1 is 10 %), in the same order; 0 at home.
        value_added_share: (J, N), B. input_share: (N, J, J), economy by user by input; g sums to 1 over inputs.
        theta: (J,) trade elasticity of each sector, above 0.
        year, unit, sha256, source: of the file behind it. notes: what a reader changed or left out.
        spending, output, final_share: (J, N), X, Y and a. value_added, revenue, deficit, income: (N,), VA, R, D and I.
        share: (J, N, N), pi, 0 where nothing is bought.

    Raises:
        InputError: shapes that don't fit, names twice, cells that are negative or no number, a tariff at home.
        MethodError: value-added shares below 0 or above 1, final shares below 0, an economy without income.
    """

    economies: tuple[str, ...]
    sectors: tuple[str, ...]
    flows: Array
    tariff: Array
    value_added_share: Array
    input_share: Array
    theta: Array
    year: int
    unit: str = "USD million"
    sha256: str = ""
    source: str = "model"
    notes: tuple[str, ...] = ()
    spending: Array = field(init=False)
    output: Array = field(init=False)
    final_share: Array = field(init=False)
    value_added: Array = field(init=False)
    revenue: Array = field(init=False)
    deficit: Array = field(init=False)
    income: Array = field(init=False)
    share: Array = field(init=False)

    def __post_init__(self) -> None:
        for name in ("flows", "tariff", "value_added_share", "input_share", "theta"):
            self._keep(name, np.array(getattr(self, name), dtype=np.float64))
        _check_shapes(self)
        _check_cells(self)
        total = self.input_share.sum(axis=2, keepdims=True)
        rounded = (np.abs(total - 1) > 1e-12) & (total > 0)
        self._keep(
            "input_share", np.where(rounded, self.input_share / np.where(total > 0, total, 1.0), self.input_share)
        )
        flows, paid = self.flows, (1 + self.tariff) * self.flows
        self._keep("spending", paid.sum(axis=2))
        self._keep("output", flows.sum(axis=1))
        self._keep("value_added", (self.value_added_share * self.output).sum(axis=0))
        self._keep("revenue", (self.tariff * flows).sum(axis=(0, 2)))
        self._keep("deficit", flows.sum(axis=(0, 2)) - self.output.sum(axis=0))
        self._keep("income", self.value_added + self.revenue + self.deficit)
        self._keep("share", paid / np.where(self.spending > 0, self.spending, 1.0)[:, :, None])
        _check_income(self)
        final = bought_as_final(self.spending, self.output, self.value_added_share, self.input_share)
        _check_final(self, final)
        self._keep("final_share", final / final.sum(axis=0))

    def _keep(self, name: str, values: Array) -> None:
        values.setflags(write=False)
        object.__setattr__(self, name, values)

    @property
    def digest(self) -> str:
        """SHA-256 of names and base arrays: what a certificate holds a result to."""
        found = hashlib.sha256("\n".join((*self.economies, "", *self.sectors)).encode())
        for values in (self.flows, self.tariff, self.value_added_share, self.input_share, self.theta):
            found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return found.hexdigest()

    @property
    def zero_flows(self) -> int:
        """Cells of `flows` without trade: they have none in any counterfactual either."""
        return int((self.flows == 0).sum())

    def index(self, economy: str) -> int:
        """The place of an economy.

        Raises:
            InputError: it has none; the nearest name is given.
        """
        return _place(economy, self.economies, "economy", self.source)

    def sector(self, name: str) -> int:
        """The place of a sector.

        Raises:
            InputError: it has none; the nearest name is given.
        """
        return _place(name, self.sectors, "sector", self.source)

    def with_theta(self, theta: Array | float) -> SectorModel:
        """The same base with other elasticities: one for all, or (J,)."""
        return replace(self, theta=np.broadcast_to(np.asarray(theta, dtype=np.float64), (len(self.sectors),)))


def bought_as_final(spending: Array, output: Array, value_added_share: Array, input_share: Array) -> Array:
    """(J, N) what is bought and is no input: `X - sum_k g (1 - B) Y`, rounding near zero taken as zero."""
    materials = ((1 - value_added_share) * output).T
    found: Array = spending - np.matmul(materials[:, None, :], input_share)[:, 0].T
    return np.where(np.abs(found) <= ROUNDING * spending, 0.0, found)


def cells(sectors: Sequence[str], economies: Sequence[str], wrong: NDArray[np.bool_], values: Array) -> list[str]:
    """Cells of a (J, N) array for a message: `c2 of ITA (-275)`."""
    return [f"{sectors[j]} of {economies[n]} ({values[j, n]:.4g})" for j, n in np.argwhere(wrong)]


def _place(name: str, known: tuple[str, ...], kind: str, where: str) -> int:
    from concordat.settings import nearest

    if name in known:
        return known.index(name)
    close = nearest(name, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"It has {listed(known)}."
    raise InputError(f'"{name}" is no {kind} of this model.', where=where, hint=hint, code=kind)


# --- Checks -----------------------------------------------------------------------------------------------------------


def _check_shapes(model: SectorModel) -> None:
    count, kinds = len(model.economies), len(model.sectors)
    if count < 2 or kinds < 1:
        hint = "An equilibrium of trade needs two economies and one sector at least."
        raise InputError(f"{count} economies and {kinds} sectors.", where=model.source, hint=hint, code="size")
    wanted = {
        "flows": (kinds, count, count),
        "tariff": (kinds, count, count),
        "value_added_share": (kinds, count),
        "input_share": (count, kinds, kinds),
        "theta": (kinds,),
    }
    for name, shape in wanted.items():
        found: Array = getattr(model, name)
        if found.shape != shape:
            what = f"{name} has {found.shape}, and {shape} is needed for {kinds} sectors of {count} economies."
            hint = "Flows and tariffs go by sector, importer, exporter; input shares by economy, user, input."
            raise InputError(what, where=model.source, hint=hint, code="shape")
    for kind, names in (("economies", model.economies), ("sectors", model.sectors)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            what = f"{kind} named twice: {listed(twice)}."
            raise InputError(what, where=model.source, hint="Each has one name.", code="duplicate")


def _check_cells(model: SectorModel) -> None:
    for name in ("flows", "tariff", "input_share"):
        _refuse(model, name, ~np.isfinite(getattr(model, name)) | (getattr(model, name) < 0), "zero or more")
    _refuse(model, "theta", ~np.isfinite(model.theta) | (model.theta <= 0), "above zero")
    _refuse(model, "value_added_share", ~np.isfinite(model.value_added_share), "between 0 and 1")
    at_home = np.arange(len(model.economies))
    if model.tariff[:, at_home, at_home].any():
        hint = "A tariff is paid at a border: set it to 0 where importer and exporter are the same."
        raise InputError("an economy has a tariff on its own goods.", where=model.source, hint=hint, code="home_tariff")
    share = model.value_added_share
    wrong = (share < 0) | (share > 1)
    if wrong.any():
        what = f"value added below 0 or above output: {listed(cells(model.sectors, model.economies, wrong, share))}."
        hint = "Merge the sector with another, or drop the cell by its name (merge_sectors, drop)."
        raise MethodError(what, where=model.source, hint=hint, code="negative_value_added")
    used = (share < 1) & (model.flows.sum(axis=1) > 0)
    wrong = used & (np.abs(model.input_share.sum(axis=2).T - 1) > ONE)
    if wrong.any():
        found = cells(model.sectors, model.economies, wrong, model.input_share.sum(axis=2).T)
        what = f"shares of inputs that don't add up to 1: {listed(found)}."
        hint = "Give them economy by user by input; each row adds up to 1."
        raise InputError(what, where=model.source, hint=hint, code="input_share")


def _refuse(model: SectorModel, name: str, wrong: NDArray[np.bool_], wanted: str) -> None:
    if wrong.any():
        first = [int(i) for i in np.argwhere(wrong)[0]]
        what = f"{int(wrong.sum())} cells of {name} are not {wanted}; the first at {first} (counted from 0)."
        hint = "Sum a pair's flows over all uses first: what stays negative is the reader's to report."
        raise InputError(what, where=model.source, hint=hint if name == "flows" else "", code="cell")


def _check_income(model: SectorModel) -> None:
    for name, values in (("value added", model.value_added), ("income", model.income)):
        poor = [f"{e} ({v:.4g})" for e, v in zip(model.economies, values, strict=True) if not v > 0]
        if poor:
            what = f"no {name} above zero: {listed(poor)}."
            hint = "A surplus larger than all that an economy earns can't be kept: merge it with another economy."
            raise MethodError(what, where=model.source, hint=hint, code="income")


def _check_final(model: SectorModel, final: Array) -> None:
    wrong = final < 0
    if wrong.any():
        found = cells(model.sectors, model.economies, wrong, final)
        what = f"firms buy more than the whole economy of {len(found)} goods: {all_of(found)}."
        hint = "It is often stocks that ran down. final_demand: clip_and_rebalance sets them to 0 and says what moves."
        raise MethodError(what, where=model.source, hint=hint, code="negative_final_demand")


def all_of(names: Iterable[str]) -> str:
    """All of up to forty cells, since each must be looked at; the first forty of more."""
    names = list(names)
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
