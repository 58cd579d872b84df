"""What a reader must know of a run before its figures, and what its bands leave out, in words.

Bands show the spread of the parameters alone. What else could be wrong has no distribution, so it is said: the year and
kind of the base, the form of the model, the closure, gains that are static, flows of zero that stay zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from concordat.errors import InputError
from concordat.impact.monte_carlo import BAND_MIN
from concordat.impact.parameters import Parameter

if TYPE_CHECKING:
    from concordat.impact.scenario import Scenario
    from concordat.impact.shocks import Plan
    from concordat.impact.trade_table import TradeTable


def notes_of(scenario: Scenario, table: TradeTable, made: Plan, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """What a reader must know first; the year of the base is the first sentence."""
    found = [base_sentence(scenario, table.year)]
    found += [f"Base: {note}." for note in table.notes]
    if not scenario.base.sha256:
        found.append(f"The scenario does not fix the bytes of its base; these have SHA-256 {table.sha256}.")
    if made.missing:
        found.append(f"In the bloc, no trade data, not computed: {', '.join(made.missing)}.")
    found += [e.extrapolation for e in made.effects if e.extrapolation]
    found += _agreements_in_base(scenario, table, made, files)
    found += draws_note(scenario)
    return tuple(found)


def base_sentence(scenario: Scenario, year: int) -> str:
    """The first sentence: how old the base is, and what it covers."""
    covers = f" of {', '.join(scenario.base.covers)}" if scenario.base.covers else ""
    return f"The base is trade{covers} in {year}, not of today: shares and sizes are those of that year."


def draws_note(scenario: Scenario) -> list[str]:
    """Why there is no band, if there is none."""
    if scenario.draws >= BAND_MIN:
        return []
    return [f"{scenario.draws} draws: no band is told below {BAND_MIN}; the figures are those at central values."]


def _agreements_in_base(scenario: Scenario, table: TradeTable, made: Plan, files: Mapping[str, bytes]) -> list[str]:
    """Pairs of a switched agreement that have one in the base already, where the panel says so (column `rta`)."""
    switched = [e for e in made.effects if e.shock.kind == "rta_switch"]
    if not switched:
        return []
    from concordat.impact.trade_readers import pair_columns

    try:
        columns = pair_columns(
            files[scenario.base.panel], table, ["rta"], where=scenario.base.panel, aliases=scenario.base.aliases
        )
    except InputError as error:
        if error.code != "column":
            raise
        return [
            "The panel does not say between whom an agreement was in force already; such a pair's effect counts twice."
        ]
    found = []
    for effect in switched:
        there = np.flatnonzero(columns["rta"][effect.rows, effect.columns] > 0)
        if len(there):
            some = [f"{table.economies[effect.rows[k]]} to {table.economies[effect.columns[k]]}" for k in there[:4]]
            more = f" and {len(there) - 4} more" if len(there) > 4 else ""
            found.append(
                f"{len(there)} of {effect.pairs} pairs have an agreement in the base already, and the effect is added "
                f"to it: {', '.join(some)}{more}."
            )
    return found


def limits_of(scenario: Scenario, table: TradeTable, parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """What the bands leave out."""
    found = [
        "Not in the bands: the form of the model, the closure, and errors of the base data.",
        "One sector: no capital, migration, firm entry or tariff revenue; gains are static and aggregate.",
    ]
    if scenario.base.flows == "fitted":
        found.append("Fitted flows rest on central coefficients; how sure these are is not in the bands.")
    if table.zeros:
        found.append(f"{table.zeros} flows of zero stay zero: there are no new trade relations.")
    return tuple(found + parameter_limits(parameters))


def parameter_limits(parameters: Sequence[Parameter]) -> list[str]:
    """What is to be said of the parameters: whom they were found for, and which only show what goes together."""
    found = []
    for parameter in parameters:
        if parameter.population:
            found.append(f"{parameter.id} was found for {parameter.population}; elsewhere and later it is assumed.")
    some = [p.id for p in parameters if p.associational]
    if some:
        found.append(f"Associational, no causal effect was identified: {', '.join(some)}.")
    return found
