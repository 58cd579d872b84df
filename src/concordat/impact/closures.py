"""Closures: who may spend what once prices have changed, each under its name.

An equilibrium of trade needs a rule for deficits, for trade balances do not follow from the model. Under each rule
expenditure is a function of the changed incomes `Y'` (in the base's currency), homogeneous of degree one, so that only
relative prices matter.

    multiplicative   E'_j = kappa phi_j Y'_j,  kappa = sum Y' / sum(phi Y')     phi = E / Y of the base
    additive         E'_j = Y'_j + D_j sum(Y') / W                              D = E - Y, W = sum Y of the base
    balanced         E'_j = Y'_j, after the base itself was solved without deficits

A transfer `t`, with sum zero, adds `t_j sum(Y') / W` to any of them. Without kappa the multiplicative rule leaves N
equations for N - 1 prices and no exact solution, which is why published iterations depend on their path.

Sources: Yotov, Piermartini, Monteiro and Larch, An Advanced Guide to Trade Policy Analysis (UNCTAD/WTO 2016), ch. 1 and
2 (multiplicative); Dekle, Eaton and Kortum 2008 (additive); Arkolakis, Costinot and Rodriguez-Clare 2012 (balanced).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.trade_table import TradeTable, listed

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What a closure knows of the world before the shock; arrays are (N,).

    Attributes:
        output: Y. expenditure: E, what a transfer is not yet part of. transfers: t, in the same unit, sum zero.
        world: W, the output of all. deficits: D = E - Y. ratio: phi = E / Y. gives: whether any transfer is made.
    """

    output: Array
    expenditure: Array
    transfers: Array
    world: float = field(init=False)
    deficits: Array = field(init=False)
    ratio: Array = field(init=False)
    gives: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "world", float(self.output.sum()))
        object.__setattr__(self, "deficits", self.expenditure - self.output)
        object.__setattr__(self, "ratio", self.expenditure / self.output)
        object.__setattr__(self, "gives", bool(self.transfers.any()))


@dataclass(frozen=True, slots=True)
class Closure:
    """One rule.

    Attributes:
        spend: (base, Y') -> E', for Y' of any shape (..., N).
        slope: (base, Y') -> (N, N), `dE'_j / dx_k` with x = ln w.
        may_fail: E' can be zero or negative although all prices are positive, so it is checked.
        words: for whoever reads a certificate.
    """

    name: str
    spend: Callable[[Base, Array], Array]
    slope: Callable[[Base, Array], Array]
    may_fail: bool
    words: str


def multiplicative(base: Base, income: Array) -> Array:
    """`kappa phi_j Y'_j`: each economy spends the same multiple of its income as before, up to one factor for all."""
    spent = base.ratio * income
    return _with_transfers(base, income, spent * (_total(income) / _total(spent)))


def _multiplicative_slope(base: Base, income: Array) -> Array:
    spent = base.ratio * income
    kappa = income.sum() / spent.sum()
    slope = np.outer(kappa * spent, income / income.sum() - spent / spent.sum())
    slope[np.diag_indices_from(slope)] += kappa * spent
    return slope + np.outer(base.transfers, income) / base.world


def additive(base: Base, income: Array) -> Array:
    """`Y'_j + D_j sum(Y')/W`: deficits keep their size, measured in the world's output."""
    found: Array = income + (base.deficits + base.transfers) * (_total(income) / base.world)
    return found


def _additive_slope(base: Base, income: Array) -> Array:
    return np.diag(income) + np.outer(base.deficits + base.transfers, income) / base.world


def balanced(base: Base, income: Array) -> Array:
    """`Y'_j`: each economy spends what it earns."""
    return _with_transfers(base, income, income)


def _balanced_slope(base: Base, income: Array) -> Array:
    return np.diag(income) + np.outer(base.transfers, income) / base.world


def _with_transfers(base: Base, income: Array, spent: Array) -> Array:
    return spent + base.transfers * (_total(income) / base.world) if base.gives else spent


def _total(amounts: Array) -> Any:
    """Sums over the last axis, ready to multiply with; one vector gives a plain number, which is quicker."""
    return amounts.sum() if amounts.ndim == 1 else amounts.sum(axis=-1, keepdims=True)


CLOSURES: Mapping[str, Closure] = MappingProxyType(
    {
        c.name: c
        for c in (
            Closure(
                "multiplicative",
                multiplicative,
                _multiplicative_slope,
                False,
                "each economy spends the same multiple of its income as before, up to one factor for all",
            ),
            Closure("additive", additive, _additive_slope, True, "deficits keep their size in units of world output"),
            Closure(
                "balanced", balanced, _balanced_slope, False, "each economy spends what it earns, before and after"
            ),
        )
    }
)


def closure_named(name: str) -> Closure:
    """The closure of that name.

    Raises:
        InputError: there is none; the nearest is named.
    """
    from concordat.settings import nearest

    if name in CLOSURES:
        return CLOSURES[name]
    close = nearest(name, CLOSURES)
    hint = f'Did you mean "{close[0]}"?' if close else f"Choose one of {', '.join(CLOSURES)}."
    raise InputError(f'"{name}" is no closure.', where="closure", hint=hint, code="closure")


def transfer_vector(table: TradeTable, transfers: Mapping[str, float] | None) -> Array:
    """Transfers by code as an array in the order of the table.

    Raises:
        InputError: an economy that isn't in the table, an amount that is no number, or a sum that isn't zero.
    """
    vector = np.zeros(len(table.economies))
    for code, amount in sorted((transfers or {}).items()):
        if not np.isfinite(amount):
            raise InputError(
                f"{code}: {amount} is no amount.", where="transfers", hint="Give a number.", code="transfer"
            )
        vector[table.index(code)] = amount
    total, scale = float(vector.sum()), float(np.abs(vector).sum())
    if abs(total) > 1e-9 * scale:
        what = f"the transfers to {listed(sorted(transfers or {}))} sum to {total:g}."
        hint = "What one receives another gives: they must sum to zero."
        raise InputError(what, where="transfers", hint=hint, code="transfer")
    return vector
