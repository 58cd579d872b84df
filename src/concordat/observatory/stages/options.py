"""What each step of an index may be told: frozen options with their defaults (specification, sections 2 and 4).

The index file is read into these by `spec`; stages take them; `vary` in an uncertainty analysis replaces single fields.
Every field is hashable, so a stage can be memoised by (stage, options, input).
"""

from __future__ import annotations

from dataclasses import dataclass

COINR = "coinr-1.1.14"  # the peer whose literal defects `compat` repeats; see observatory.compat


@dataclass(frozen=True, slots=True)
class Denominate:
    """`by`: (indicator id, denominator id, per) triples: x / (denominator / per)."""

    by: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Impute:
    """How empty cells are filled.

    Attributes:
        method: none, mean, median, group_mean, group_median, row, regression, knn, em; in a panel also latest,
            constant, linear, log_linear, diffusion.
        within: "pillar" or "all": the columns that may inform each other (row, regression, knn, em).
        k: neighbours of knn.
        draws: 0 for conditional means, else m draws of multiple imputation (em).
        max_age: for latest: how many of the panel's time points a value may be old; None: any.
        ridge: added to the diagonal of a singular covariance (em), in squared standard deviations.
        group: what `Frame.groups` holds for group_mean and group_median: region or income.
    """

    method: str = "none"
    within: str = "pillar"
    k: int = 5
    draws: int = 0
    max_age: int | None = None
    ridge: float = 0.0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """Which units have enough data. A threshold of None is not applied; `keep` and `drop` win over both."""

    min_share: float | None = 2 / 3
    min_nonzero: float | None = 0.05
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Treat:
    """How outliers are treated.

    Attributes:
        rule: skew_kurtosis, or none.
        skew, kurtosis: a column passes when |G1| < skew or G2 < kurtosis.
        winsorise_max: values that may be winsorised.
        then: none, log_ct, log_ct_plus, log_ct_orig, log_gii, box_cox.
        box_cox_lambda: of box_cox.
        combine: the transformation follows the winsorised column, not the original one.
        over: "year" (each alone) or "all_years".
    """

    rule: str = "skew_kurtosis"
    skew: float = 2.0
    kurtosis: float = 3.5
    winsorise_max: int = 5
    then: str = "log_ct"
    box_cox_lambda: float = 0.0
    combine: bool = False
    over: str = "year"
    compat: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """How one indicator is normalised where it differs from the step's own options; None: as the step says.

    Attributes:
        method: as in `Normalise`.
        goalposts: (worst or lo, best or hi) in the indicator's own unit, lo < hi.
        target: of dist2targ. reference: unit code of dist2ref. points: (value, score) of piecewise, ascending.
        categories: (value, score) of categorical.
        log: goalposts and values are taken in ln first.
    """

    method: str | None = None
    goalposts: tuple[float, float] | None = None
    target: float | None = None
    reference: str | None = None
    points: tuple[tuple[float, float], ...] = ()
    categories: tuple[tuple[float, float], ...] = ()
    log: bool = False
    truncate: bool | None = None


@dataclass(frozen=True, slots=True)
class Normalise:
    """How columns are put on one scale.

    Attributes:
        method: goalposts, minmax, zscore, rank, borda, prank, dist2max, dist2ref, dist2targ, scaled, fracmax,
            piecewise, categorical, robust.
        scale: the factor of goalposts and scaled (100); all others keep their own scale (0..1, or the scores given).
        lower, upper: of minmax.
        mean, sd: of zscore.
        ties: of rank: min, max, average.
        cap: dist2ref and dist2targ are capped at 1.
        truncate: goalposts are cut to 0..1 before scaling.
        floor: scores at or below it are lifted to it; None: no floor.
        over: year, all_years, base_year, given.
        base_year: the slice that gives the parameters.
        columns: one for each indicator, or empty.
    """

    method: str = "minmax"
    scale: float = 100.0
    lower: float = 0.0
    upper: float = 100.0
    mean: float = 0.0
    sd: float = 1.0
    scaled_from: tuple[float, float] = (0.0, 1.0)
    ties: str = "min"
    cap: bool = False
    truncate: bool = True
    floor: float | None = None
    over: str = "year"
    base_year: int | None = None
    columns: tuple[Column, ...] = ()
    compat: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where weights come from.

    Attributes:
        method: given, equal, pca, factor, optimise, entropy, critic, ahp, ballots.
        objective: of optimise: balance or infomax.
        target: of balance: (node, importance) pairs; empty: equal importance.
        allow_negative: of pca.
        matrices: of ahp: (parent, row-major pairwise comparisons).
        ballots: (ballot, member, ((node, points), ...)).
    """

    method: str = "given"
    objective: str = "balance"
    target: tuple[tuple[str, float], ...] = ()
    allow_negative: bool = False
    matrices: tuple[tuple[str, tuple[float, ...]], ...] = ()
    ballots: tuple[tuple[str, str, tuple[tuple[str, float], ...]], ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How children become their parent.

    Attributes:
        default: arithmetic, geometric, harmonic, power, median, copeland, owa, mpi, ampi, mean_min, wroclaw, bod,
            common_weights, order_m, none.
        top: the index's own; "" as default.
        nodes: (parent id, method) where one differs.
        min_share: share of children that must be there (counted, not weighted).
        p: of power.
        owa: at_least_j, more_than_j with `owa_j`, or given order weights.
        sign: +1 for positive phenomena (penalty subtracted), -1 for negative ones (mpi, ampi).
        reference: of ampi: "mean" or unit code; alpha, beta of mean_min.
        shares: (child id, lowest, highest share) of bod.
        draws, m, seed: of order_m.
    """

    default: str = "arithmetic"
    top: str = ""
    nodes: tuple[tuple[str, str], ...] = ()
    min_share: float = 0.5
    p: float = 1.0
    owa: str = ""
    owa_j: int = 1
    owa_weights: tuple[float, ...] = ()
    sign: int = 1
    reference: str = "mean"
    alpha: float = 1.0
    beta: float = 0.0
    shares: tuple[tuple[str, float, float], ...] = ()
    draws: int = 200
    m: int = 10
    seed: int = 0
    compat: str = ""
