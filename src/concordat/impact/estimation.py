"""What do trade costs and agreements do to flows? Gravity coefficients from a panel, by named specifications.

Each specification is a published one (`estimation_formulas`), estimated by PPML. Our own estimator (`ppml`) is the
default; pyfixest (extra [gravity]) is its reference and can be asked for. A result comes with its covariance, with the
rows that were left out and why, and as records that a scenario can use as parameters.

**Covariance.** Clustered by pair, both directions one cluster: `B (sum_g s_g s_g') B` times a factor. `clusters` is
G / (G - 1), that of Stata's `ppml` and of the Guide; `clusters_and_parameters` is G / (G - 1) times (n - 1) / (n - K),
K counting regressors and all effects that are not nested in clusters, as the R package fixest does. `robust` is
heteroskedasticity alone, times n / (n - 1): what the Guide's own log prints for agreements, 0.0558, little more than
half of the clustered error (0.1038). Flows of one pair are not independent over the years, so that one is the default.

**Not done.** Three sets of effects (exporter-year, importer-year, pair) bias estimate and error in small samples
(Weidner and Zylkin 2021; details **unverified**): such results say "not bias-corrected". No leads, lags or trends, and
no other remedy for agreements that follow trade than the pair effects.

    >>> from concordat.impact.estimation_panel import parse_trade_panel
    >>> rows = ["exporter,importer,year,trade,dist,cntg"]
    >>> flows = {"BRA": (90, 4, 2), "CHN": (6, 99, 5), "IND": (1, 8, 70)}
    >>> rows += [f"{i},{j},2006,{x},{1 + (a - b) ** 2 + a},{int(a + b == 1)}" for a, (i, xs) in enumerate(flows.items())
    ...          for b, (j, x) in enumerate(zip(flows, xs))]
    >>> found = estimate(parse_trade_panel("\\n".join(rows).encode()), "border_cross_section")
    >>> found.rows, found.converged, bool(found.values[2] < 0)
    (9, True, True)

Sources: Santos Silva and Tenreyro 2006; Yotov, Piermartini, Monteiro and Larch 2016, chapters 1 and 2, and their logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.estimation_formulas import FORMULAS, Factor, Formula, formula_named
from concordat.impact.estimation_panel import TradePanel
from concordat.impact.estimation_sample import Sample, sample_of
from concordat.impact.ppml import REASONS, clustered_covariance, fit_poisson, nested

__all__ = ["FORMULAS", "Dropped", "Estimate", "Formula", "estimate"]

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Engine = Literal["own", "pyfixest"]
Covariance = Literal["pair", "robust"]
BY_PYFIXEST = "left out by pyfixest"
NOT_CORRECTED = (
    "not bias-corrected: with exporter-year, importer-year and pair effects, estimate and standard error are biased in "
    "small samples"
)
NO_HOME = "no deliveries at home in the panel: effects are relative to other international trade alone"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row of the sample that was left out, with its line in the file, and why."""

    exporter: str
    importer: str
    year: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """k coefficients, in the order of `formula.regressors`.

    Attributes:
        values: (k,). covariance: (k, k), factor included. covariance_of: how it was made, in words.
        rows: used. clusters: pairs among them; None where the covariance is not clustered. economies: in the panel.
        years: of the sample. dropped: rows of the sample that were left out.
        converged: whether coefficients and fixed effects came to rest; what didn't is refused, so it is always true.
        steps: of weighted least squares; None where the engine doesn't say. versions: of what computed it.
        sha256, source: of the panel. notes: what the reader must know.
    """

    formula: Formula
    engine: Engine
    values: Array
    covariance: Array
    covariance_of: str
    rows: int
    clusters: int | None
    economies: int
    years: tuple[int, ...]
    dropped: tuple[Dropped, ...]
    converged: bool
    steps: int | None
    versions: Mapping[str, str]
    sha256: str
    source: str
    notes: tuple[str, ...]

    @property
    def standard_errors(self) -> Array:
        """(k,)."""
        found: Array = np.sqrt(np.diagonal(self.covariance))
        return found

    def interval(self, level: float = 0.95) -> Array:
        """(k, 2) normal intervals."""
        spread = NormalDist().inv_cdf(0.5 + level / 2) * self.standard_errors
        return np.stack([self.values - spread, self.values + spread], axis=1)

    @property
    def dropped_by_reason(self) -> dict[str, int]:
        """How many rows were left out, by reason."""
        reasons = [d.reason for d in self.dropped]
        return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def estimate(
    panel: TradePanel,
    formula_id: str,
    *,
    engine: Engine = "own",
    years: Sequence[int] | None = None,
    covariance: Covariance = "pair",
    factor: Factor | None = None,
) -> Estimate:
    """The coefficients of a named specification on a panel.

    Args:
        panel: from `parse_trade_panel`. formula_id: one of `FORMULAS`. years: instead of the formula's own choice.
        engine: `own`, or `pyfixest` with the extra [gravity]. covariance: clustered by `pair`, or `robust`.
        factor: of the clustered covariance, instead of the formula's own.

    Raises:
        InputError: no such formula or year; negative, missing or (for logarithms) non-positive cells, with their lines.
        MethodError: too few rows, collinear regressors, no convergence, or the extra is missing.
    """
    formula = formula_named(formula_id)
    sample = sample_of(panel, formula, years)
    clusters = sample.clusters if covariance == "pair" else None
    if engine == "pyfixest":
        values, raw, fate, versions = _by_pyfixest(sample, formula, clusters)
        steps = None
    else:
        fit = fit_poisson(sample.outcome, sample.regressors, sample.groups, formula.regressors)
        values, raw, fate, steps = fit.coefficients, clustered_covariance(fit, clusters), fit.fate, fit.steps
        versions = {"numpy": version("numpy")}
    used = np.flatnonzero(fate == 0)
    scale, words, count = _factor(sample, used, clusters, factor or formula.factor)
    return Estimate(
        formula=formula,
        engine=engine,
        values=values,
        covariance=raw * scale,
        covariance_of=words,
        rows=len(used),
        clusters=count,
        economies=len(panel.economies),
        years=sample.years,
        dropped=_dropped(panel, sample, fate),
        converged=True,
        steps=steps,
        versions={"concordat": version("concordat"), **versions},
        sha256=panel.sha256,
        source=panel.source,
        notes=_notes(panel, formula),
    )


def _by_pyfixest(
    sample: Sample, formula: Formula, clusters: Index | None
) -> tuple[Array, Array, NDArray[np.int8], dict[str, str]]:
    from concordat.impact._pyfixest import fit_reference

    fit = fit_reference(sample.outcome, sample.regressors, sample.groups, clusters, formula.regressors)
    if not fit.converged:
        raise MethodError("pyfixest did not converge.", hint="Use our own estimator.", code="no_convergence")
    fate = np.full(len(sample.rows), -1, dtype=np.int8)
    fate[fit.rows] = 0
    return fit.coefficients, fit.covariance, fate, {"pyfixest": fit.version}


def _dropped(panel: TradePanel, sample: Sample, fate: NDArray[np.int8]) -> tuple[Dropped, ...]:
    codes = panel.economies
    found = []
    for place in np.flatnonzero(fate != 0):
        row = sample.rows[place]
        reason = REASONS.get(int(fate[place]), BY_PYFIXEST)
        pair = codes[panel.exporter[row]], codes[panel.importer[row]]
        found.append(Dropped(*pair, int(panel.year[row]), int(panel.lines[row]), reason))
    return tuple(found)


def _notes(panel: TradePanel, formula: Formula) -> tuple[str, ...]:
    said = list(panel.notes)
    if formula.three_way:
        said.append(NOT_CORRECTED)
    if formula.domestic and not panel.domestic.any():
        said.append(NO_HOME)
    return tuple(said)


def _factor(sample: Sample, used: Index, clusters: Index | None, factor: Factor) -> tuple[float, str, int | None]:
    """The small-sample factor, the covariance in words, and how many clusters there are.

    Raises:
        MethodError: one cluster alone, or as many parameters as rows.
    """
    n = len(used)
    if clusters is None:
        return n / (n - 1), "robust to heteroskedasticity, not clustered; times n / (n - 1)", None
    member = clusters[used]
    count = len(np.unique(member))
    if count < 2:
        raise MethodError("one pair alone: no clusters.", hint="Give more pairs.", code="clusters")
    words = f"clustered by pair, both directions one ({count:,} clusters); times G / (G - 1)"
    if factor == "clusters":
        return count / (count - 1), words, count
    parameters = _parameters(sample, used, member)
    if n <= parameters:
        what = f"{n} rows for {parameters} parameters leave no degrees of freedom."
        raise MethodError(what, hint="Give more years or economies.", code="too_few")
    scale = count / (count - 1) * (n - 1) / (n - parameters)
    return scale, f"{words} and (n - 1) / (n - K), K = {parameters:,}", count


def _parameters(sample: Sample, used: Index, member: Index) -> int:
    """K: regressors, and effects that are not nested in clusters, less one for each set of them beyond the first."""
    free = [len(np.unique(g[used])) for g in sample.groups if not nested(g[used], member)]
    return int(sample.regressors.shape[1]) + sum(free) - max(len(free) - 1, 0)
