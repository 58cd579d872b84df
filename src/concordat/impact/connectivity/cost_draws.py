"""What does it cost to connect one person, in each of many draws of the sizes?

Every size is drawn from its record's distribution by inversion, one stream of random numbers a size (`_streams`), so
that a further size moves no other. The draws are shared by all countries of a result: uncertainty about a price is not
averaged away by adding countries.

    coverage     k + sum_{t=0}^{T-1} o d^t, averaged over settings by the share of people in each
    affordable   + sum_{t=0}^{T-1} s d^t, s = device annuity + 12 max(0, price of data - 2 % of monthly income a head)
    meaningful   + skills, and policy once for each country

What this does not do: know which distribution is right.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact._streams import stream
from concordat.impact.connectivity.sizes import Setting, UnitCosts
from concordat.impact.parameters import Parameter

Floats = NDArray[np.float64]
AFFORDABLE_SHARE = 0.02  # the UN Broadband Commission's target: 1-2 GB for at most 2 % of monthly income a head
MONTHS = 12


def annuity(capital: Floats | float, rate: Floats | float, years: int) -> Floats:
    """The yearly payment over so many years whose present value is the capital: `k r / (1 - (1 + r)^-T)`.

    Example:
        >>> round(float(annuity(100.0, 0.08, 10)), 6)
        14.902949
    """
    k, r = np.asarray(capital, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    safe = np.where(r == 0.0, 1.0, r)
    return np.asarray(np.where(r == 0.0, k / years, k * safe / -np.expm1(-years * np.log1p(safe))))


def present_value(yearly: Floats | float, rate: Floats | float, years: int) -> Floats:
    """`sum_{t=0}^{T-1} x d^t`: payments at the start of each year, the first one now.

    Example:
        >>> round(float(present_value(10.0, 0.10, 3)), 6)
        27.355372
    """
    d = 1.0 / (1.0 + np.asarray(rate, dtype=np.float64))
    return np.asarray(np.asarray(yearly, dtype=np.float64) * sum(d**t for t in range(years)))


class Drawn:
    """Draws of every size, and the cost a person that they make.

    Attributes:
        capital, running, annuity, coverage: (draws,) US dollars a person. subsidy: of affordability, None where a size
            is missing. skills: a person; policy: a country.
    """

    def __init__(self, costs: UnitCosts, years: int, device_years: int, draws: int, seed: int) -> None:
        self.costs = costs

        def of(parameter: Parameter) -> Floats:
            return _draw(parameter, draws, seed)

        rate = of(costs.capital_rate)
        self.capital, self.running = _by_setting(costs.settings, of)
        self.annuity = annuity(self.capital, rate, years)
        self.coverage = self.capital + present_value(self.running, rate, years)
        self.subsidy: Floats | None = None
        if costs.device and costs.data_price and costs.income:
            gap = np.maximum(0.0, of(costs.data_price) - AFFORDABLE_SHARE * of(costs.income))
            self.subsidy = present_value(annuity(of(costs.device), rate, device_years) + MONTHS * gap, rate, years)
        self.skills = of(costs.skills) if costs.skills else None
        self.policy = of(costs.policy) if costs.policy else None

    def scopes(self, people: float, countries: int) -> dict[str, Floats | None]:
        """Draws of the cost of so many people in so many countries, by scope; None where a size is missing."""
        coverage = people * self.coverage
        affordable = None if self.subsidy is None else coverage + people * self.subsidy
        whole = None
        if affordable is not None and self.skills is not None and self.policy is not None:
            whole = affordable + people * self.skills + countries * self.policy
        return {"coverage": coverage, "affordable": affordable, "meaningful": whole}


def _draw(parameter: Parameter, draws: int, seed: int) -> Floats:
    assert parameter.distribution is not None
    assert parameter.value is not None
    made = parameter.distribution.quantile(stream(seed, parameter.id).random(draws), parameter.value)
    if float(made.min()) < 0.0:
        hint = "Choose a distribution that can't be, such as lognormal."
        raise MethodError(
            f"some draws of {parameter.id} are below zero.", where=parameter.place, hint=hint, code="negative"
        )
    return made


def _by_setting(settings: tuple[Setting, ...], of: Callable[[Parameter], Floats]) -> tuple[Floats, Floats]:
    """Capital and running cost a person, averaged over settings by the share of people in each draw."""
    shares = [of(s.share) if s.share is not None else np.ones(1) for s in settings]
    whole = np.sum(shares, axis=0)
    capital = sum(share / whole * of(s.capital) for share, s in zip(shares, settings, strict=True))
    running = sum(share / whole * of(s.running) for share, s in zip(shares, settings, strict=True))
    return np.asarray(capital), np.asarray(running)
