"""Fitted flows for a scenario: the terms of its gravity equation, from records and columns of its own panel.

Each term is a parameter times a column of the panel, or its logarithm; `border` needs no column: it is 1 abroad and 0
at home. Central values are used, so the fit's own uncertainty is not in the bands, which a note says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.parameters import Parameter, ParameterBook, usable
from concordat.impact.scenario import Scenario, Term
from concordat.impact.trade_table import TradeTable

Array = NDArray[np.float64]
BORDER = "border"
LARGEST = 100.0  # of a term, in logarithms of trade: e^100 is far beyond any ratio of flows


def fitted_base(scenario: Scenario, table: TradeTable, data: bytes, book: ParameterBook) -> TradeTable:
    """The table with fitted flows, its margins as observed.

    Raises:
        InputError: a column that isn't there, or a logarithm of zero or less.
        MethodError: a parameter that may not be used, is no effect on flows, or is too large to be computed.
    """
    from concordat.impact.baseline import fitted
    from concordat.impact.trade_readers import pair_columns

    base = scenario.base
    names = [t.column for t in base.terms if t.column != BORDER]
    columns = pair_columns(data, table, names, where=base.panel, aliases=base.aliases) if names else {}
    scores = np.zeros_like(table.flows)
    for parameter, term in zip(fit_parameters(scenario, book), base.terms, strict=True):
        assert parameter.value is not None
        with np.errstate(all="ignore"):  # what is too large is refused by name
            part = parameter.value * _column(columns, term, len(table.economies), scenario)
        if not (np.abs(part) <= LARGEST).all():
            what = (
                f"{parameter.id} is {parameter.value:g}: times {term.column}, trade would change by more than any data."
            )
            hint = (
                f"The logarithm of a term's effect stays within {LARGEST:g}: correct the value, or the column's unit."
            )
            raise MethodError(what, where=parameter.place, hint=hint, code="overflow")
        scores = scores + part
    return fitted(table, scores).table


def fit_parameters(scenario: Scenario, book: ParameterBook) -> tuple[Parameter, ...]:
    """The records of the fit's terms, in their order.

    Raises:
        InputError: no such parameter. MethodError: one that may not be used or is no effect on flows.
    """
    found = []
    for n, term in enumerate(scenario.base.terms):
        place = scenario.document.place("base", "fit", n)
        parameter = usable(
            book.get(term.parameter, where=place), allow_unverified=scenario.allow_unverified, where=place
        )
        wanted = "flow_elasticity" if term.log else "flow_effect_log"
        if parameter.quantity != wanted:
            what = f"{parameter.id} has quantity {parameter.quantity}, and {term.column} needs {wanted}."
            hint = "The coefficient of a logarithm is a flow_elasticity, of any other column a flow_effect_log."
            raise MethodError(what, where=place, hint=hint, code="quantity")
        found.append(parameter)
    return tuple(found)


def _column(columns: dict[str, Array], term: Term, size: int, scenario: Scenario) -> Array:
    values = 1 - np.eye(size) if term.column == BORDER else columns[term.column]
    if not term.log:
        return np.asarray(values, dtype=float)
    if not (values > 0).all():
        what = f"{term.column} has values of zero or less, which have no logarithm."
        place = scenario.document.place("base", "fit")
        raise InputError(what, where=place, hint="Leave log out, or give positive values.", code="log")
    return np.asarray(np.log(values), dtype=float)
