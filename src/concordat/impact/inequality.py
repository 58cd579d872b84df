"""How unequal incomes are between members: Theil, Gini, Atkinson, and the top 10 % over the bottom 40 %.

Every person counts, with the income per person of its country: `between` countries, weighted by population. Countries
as such, each counting once, stand beside it (`weighting="member"`). Inequality inside countries is unknown unless the
shares of income of the five fifths of each population are given; then every country counts as five groups, and Theil's
index of all persons splits into what lies between countries and within them:

    T = sum_c s_c ln(mu_c / mu) + sum_c s_c T_c,    s_c the country's share of all income,  T_c = sum_k q_ck ln(5 q_ck)

What differs inside a fifth stays out, so the within part is too low, never too high. Without them it is "not computed".
The top 10 % and the bottom 40 % are read from the Lorenz curve, straight between its points.

Sources: Theil 1967; Milanovic 2005 (between countries, weighted and not); Palma 2011 (10/40). The weighted kernels are
those of `evidence.kernels`. Income as the world's surveys measure it is not income of a trade model's base: what the
figures are is for the caller to say.

    >>> found = inequality([100.0, 300.0], [1.0, 1.0])
    >>> found.gini, round(found.theil, 6), found.within
    (0.25, 0.130812, None)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Ordered, atkinson, gini, ordered, theil_t

Array = NDArray[np.float64]
Weighting = Literal["population", "member"]

AVERSION = 1.0  # of the Atkinson index: the share of all income that equality would make up for, at log utility
TOP, BOTTOM = 0.10, 0.40  # Palma 2011
NO_QUINTILES = "not computed: needs each member's shares of income by fifths"


@dataclass(frozen=True, slots=True)
class Inequality:
    """Measures of one distribution; what can't be computed is None, and `reason` says why.

    Attributes:
        theil, gini, atkinson: of income per person between countries. top10_bottom40: share of income of the richest
            tenth of all persons over that of the poorest four tenths, each person with its country's income.
        within: the within part of Theil's index of all persons. overall: between and within together;
            overall_top10_bottom40: the same ratio with fifths inside countries.
    """

    weighting: Weighting
    theil: float | None
    gini: float | None
    atkinson: float | None
    top10_bottom40: float | None
    within: float | None = None
    overall: float | None = None
    overall_top10_bottom40: float | None = None
    reason: str = ""
    within_reason: str = NO_QUINTILES

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        keys = ("weighting", "theil", "gini", "atkinson", "top10_bottom40", "within", "overall")
        more = ("overall_top10_bottom40", "reason", "within_reason")
        return {key: getattr(self, key) for key in (*keys, *more)} | {"atkinson_aversion": AVERSION}


def inequality(
    income: Sequence[float] | Array,
    population: Sequence[float] | Array,
    *,
    weighting: Weighting = "population",
    quintiles: Array | None = None,
) -> Inequality:
    """Inequality of income per person between countries, and within them where fifths are given.

    Args:
        income: (n,) total income of each country, one unit. population: (n,) persons.
        weighting: each person counts, or each country once (then nothing is said of persons within).
        quintiles: (n, 5) shares of income of the fifths of each population, the poorest first, adding up to 1.

    Raises:
        InputError: lengths that differ, or a population that is not above zero.
    """
    total, people = np.asarray(income, dtype=np.float64), np.asarray(population, dtype=np.float64)
    if total.shape != people.shape or total.ndim != 1 or not len(total) or not (people > 0).all():
        hint = "Give one income and one population above zero a country."
        raise InputError(f"{total.shape} incomes and {people.shape} populations.", hint=hint, code="inequality")
    if not (np.isfinite(total).all() and (total > 0).all()):
        why = "an income is not above zero, where these measures have no meaning"
        return Inequality(weighting, None, None, None, None, reason=why, within_reason=why)
    weights = people if weighting == "population" else np.ones_like(people)
    o = ordered(total / people, weights)
    found = Inequality(weighting, theil_t(o), gini(o), atkinson(o, AVERSION), top_over_bottom(o))
    if weighting == "member":
        return _with(found, within_reason="not computed: countries count, not persons")
    if quintiles is None:
        return found
    shares = np.asarray(quintiles, dtype=np.float64)
    shares = shares / shares.sum(axis=1, keepdims=True)
    if (shares <= 0).any():
        return _with(found, within_reason="not computed: a fifth without income")
    persons = ordered((5 * shares * (total / people)[:, None]).ravel(), np.repeat(people / 5, 5))
    overall = theil_t(persons)
    assert found.theil is not None, "computed above"
    return _with(
        found,
        within=overall - found.theil,
        overall=overall,
        overall_top10_bottom40=top_over_bottom(persons),
        within_reason="differences inside a fifth stay out",
    )


def _with(found: Inequality, **changed: Any) -> Inequality:
    from dataclasses import replace

    return replace(found, **changed)


def top_over_bottom(o: Ordered, top: float = TOP, bottom: float = BOTTOM) -> float:
    """Share of all income of the richest `top` of the weight over that of the poorest `bottom`, by the Lorenz curve.

    Raises:
        MethodError: the poorest have nothing.
    """
    upto = np.append(0.0, o.upto)
    income = np.append(0.0, np.cumsum(o.p * o.y))
    lorenz: Callable[[float], float] = lambda share: float(np.interp(share, upto, income / income[-1]))  # noqa: E731
    poorest = lorenz(bottom)
    if poorest <= 0:
        raise MethodError(f"the poorest {bottom:.0%} have no income.", hint="Print the shares.", code="zeros")
    return (1 - lorenz(1 - top)) / poorest
