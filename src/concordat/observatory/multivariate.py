"""Do the indicators of a pillar measure one thing: what the correlations of a table say before it is weighted.

Correlations are those of `association`; flags inside a pillar: r > 0.92 (two indicators that say the same), r < 0.3
(hardly related), r < 0 (against each other). Principal components are of the correlation matrix over complete rows.

    alpha   Cronbach (Psychometrika 16, 1951): k^2 cbar / sum of covariances, pairwise complete
    omega   McDonald (1999): (sum l)^2 / ((sum l)^2 + sum (1 - l^2)), l of one factor by minres (Harman & Jones,
            Psychometrika 31, 1966), which makes the squared residual correlations least
    parallel analysis   Horn (Psychometrika 30, 1965): components whose eigenvalue exceeds the 95 % quantile of those of
            columns shuffled independently; counting stops at the first that does not
    eta^2   Var(E[index | x]) / Var(index): Paruolo, Saisana & Saltelli, JRSS A 176 (2013); the mean is a penalised
            cubic spline with GCV (`spline`)

All but `of_pillars` and `denominator_flags` take columns as they are: give them with more being better (x times
direction). Sources of the limits: OECD/JRC Handbook (2008), steps 4 and 5; COINr 1.1.14.

    >>> x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0]])
    >>> round(cronbach_alpha(x), 6), [float(v) for v in pca(x).values.round(6)]
    (0.75, [1.6, 0.4])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import MethodError
from concordat.observatory.association import Correlations, Partial, correlations, partial_correlation
from concordat.observatory.linear import cross, eigen_symmetric, product
from concordat.observatory.panel import Array, Bools, Frame
from concordat.observatory.spline import smooth

__all__ = [
    "Correlations",
    "DenominatorFlag",
    "Omega",
    "PairFlag",
    "Parallel",
    "Partial",
    "Pca",
    "PillarReport",
    "correlation_ratio",
    "correlations",
    "cronbach_alpha",
    "denominator_flags",
    "importance",
    "mcdonald_omega",
    "of_pillars",
    "pair_flags",
    "parallel_analysis",
    "partial_correlation",
    "pca",
]

SAME, WEAK, DENOMINATOR = 0.92, 0.3, 0.7
_MINRES_ROUNDS, _MINRES_CHANGE = 20_000, 1e-12


# --- Flags ---


@dataclass(frozen=True, slots=True)
class PairFlag:
    """Two indicators of a pillar: `same` (r > 0.92), `weak` (0 <= r < 0.3) or `negative` (r < 0)."""

    pillar: int
    first: str
    second: str
    r: float
    p: float
    n: int
    kind: str


@dataclass(frozen=True, slots=True)
class DenominatorFlag:
    """An indicator that goes with the size of the unit: |r| > 0.7 with a denominator."""

    indicator: str
    denominator: str
    r: float
    p: float
    n: int


def pair_flags(found: Correlations, frame: Frame) -> tuple[PairFlag, ...]:
    """Pairs inside each pillar that say the same, little or the opposite."""
    flags = []
    for pillar in sorted(set(frame.pillars)):
        columns = frame.columns_of(pillar)
        for a, i in enumerate(columns):
            for j in columns[a + 1 :]:
                r = float(found.r[i, j])
                kind = "same" if r > SAME else "negative" if r < 0 else "weak" if r < WEAK else ""
                if kind:
                    names = (frame.indicators[i], frame.indicators[j])
                    flags.append(PairFlag(pillar, *names, r, float(found.p[i, j]), int(found.n[i, j]), kind))
    return tuple(flags)


def denominator_flags(x: Array, frame: Frame, denominators: Mapping[str, Array]) -> tuple[DenominatorFlag, ...]:
    """Indicators `[unit, indicator]` that go with a denominator `[unit]`, and so may want dividing by it."""
    flags = []
    for name in sorted(denominators):
        for j, indicator in enumerate(frame.indicators):
            found = correlations(np.column_stack([x[:, j], denominators[name]]))
            r = float(found.r[0, 1])
            if abs(r) > DENOMINATOR:
                flags.append(DenominatorFlag(indicator, name, r, float(found.p[0, 1]), int(found.n[0, 1])))
    return tuple(flags)


# --- Principal components ---


@dataclass(frozen=True, slots=True, eq=False)
class Pca:
    """Principal components of centred and scaled columns.

    Attributes:
        values: eigenvalues, largest first; they sum to the number of columns.
        shares: of the variance.
        vectors: `[k, component]` of length 1; the sign makes most elements positive (the largest, where as many are).
        loadings: vectors times the root of the eigenvalue: correlations of columns with components.
        scores: `[unit, component]`; NaN for rows with an empty cell.
        n: complete rows.
    """

    values: Array
    shares: Array
    vectors: Array
    loadings: Array
    scores: Array
    n: int


def pca(x: Array, names: Sequence[str] = ()) -> Pca:
    """Principal components of the correlation matrix over complete rows.

    Raises:
        MethodError: fewer than three complete rows, or a column without spread.
    """
    z, complete = _standardised(x, names)
    values, vectors = eigen_symmetric(_correlation(z))
    values = np.maximum(values, 0.0)  # rounding leaves -1e-17 where columns repeat each other
    for c in range(vectors.shape[1]):
        column = vectors[:, c]
        positive, negative = int((column > 1e-12).sum()), int((column < -1e-12).sum())
        largest = column[int(np.argmax(np.abs(column)))]
        if negative > positive or (negative == positive and largest < 0):
            vectors[:, c] = -column
    scores = np.full(x.shape, np.nan)
    scores[complete] = product(z, vectors)
    return Pca(values, values / x.shape[1], vectors, vectors * np.sqrt(values), scores, len(z))


def _standardised(x: Array, names: Sequence[str]) -> tuple[Array, Bools]:
    """Complete rows with mean 0 and sd 1 (n - 1), and which rows those are."""
    assert x.ndim == 2, "a table of units by columns"
    complete = np.asarray(~np.isnan(x).any(axis=1))
    rows = x[complete]
    if len(rows) < 3:
        what = f"{len(rows)} units have all {x.shape[1]} indicators; three are needed."
        raise MethodError(what, where="multivariate", hint="Impute first, or take indicators out.", code="too_few")
    off = rows - rows.mean(axis=0)
    largest = np.abs(off).max(axis=0)
    flat = np.flatnonzero(rows.max(axis=0) == rows.min(axis=0))
    if flat.size:
        named = ", ".join(names[j] if names else f"column {j + 1}" for j in flat.tolist())
        what = f"{named}: all {len(rows)} complete units have the same value."
        raise MethodError(what, where="multivariate", hint="Leave it out.", code="constant")
    off = off / largest
    return off / np.sqrt((off * off).sum(axis=0) / (len(rows) - 1)), complete


def _correlation(z: Array) -> Array:
    r = cross(z) / (len(z) - 1)
    r = (r + r.T) / 2
    np.fill_diagonal(r, 1.0)
    return r


@dataclass(frozen=True, slots=True, eq=False)
class Parallel:
    """Eigenvalues of the data, the quantile of those of shuffled columns, and how many components exceed it."""

    values: Array
    threshold: Array
    components: int


def parallel_analysis(
    x: Array, rng: np.random.Generator, *, permutations: int = 100, quantile: float = 0.95, names: Sequence[str] = ()
) -> Parallel:
    """Horn's parallel analysis by permutation, over complete rows; quantiles of type 7.

    Raises:
        MethodError: as `pca`.
    """
    z, _ = _standardised(x, names)
    values, _ = eigen_symmetric(_correlation(z))
    shuffled = rng.permuted(np.broadcast_to(z, (permutations, *z.shape)), axis=1)
    columns = np.ascontiguousarray(np.moveaxis(shuffled, -1, 0))
    r = np.array([(own * columns).sum(axis=-1) for own in columns]) / (len(z) - 1)
    chance, _ = eigen_symmetric(np.moveaxis(r, -1, 0))
    threshold = np.quantile(chance, quantile, axis=0)
    below = np.flatnonzero(~(values > threshold))
    return Parallel(values, threshold, int(below[0]) if below.size else len(values))


# --- One scale? ---


def cronbach_alpha(x: Array) -> float:
    """`k^2 cbar / sum of all covariances`, cbar the mean between different columns; each pair on the units with both.

    Raises:
        MethodError: fewer than two columns, two columns without two units in common, or a sum without variance.
    """
    k = x.shape[1]
    if k < 2:
        raise MethodError("alpha needs two indicators.", where="multivariate", code="too_few")
    seen = ~np.isnan(x)
    largest = float(np.abs(x[seen]).max()) if seen.any() else 1.0
    scaled = x / (largest or 1.0)
    cov = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            both = seen[:, i] & seen[:, j]
            if both.sum() < 2:
                what = f"columns {j + 1} and {i + 1} have {int(both.sum())} units in common; alpha needs two."
                raise MethodError(what, where="multivariate", hint="Impute first.", code="too_few")
            a, b = scaled[both, i], scaled[both, j]
            cov[i, j] = cov[j, i] = float(((a - a.mean()) * (b - b.mean())).sum()) / (int(both.sum()) - 1)
    total, own = float(cov.sum()), float(np.diagonal(cov).sum())
    if not total > 1e-12 * own:
        hint = "Some indicators run against the others: look at their directions."
        what = "the indicators cancel each other out, so that their sum has no variance."
        raise MethodError(what, where="multivariate", hint=hint, code="no_variance")
    return float(k**2 * ((total - own) / (k * (k - 1))) / total)


@dataclass(frozen=True, slots=True, eq=False)
class Omega:
    """McDonald's omega, the loadings on the one factor, and whether one of them had to be held at 1 (Heywood case)."""

    omega: float
    loadings: Array
    heywood: bool


def mcdonald_omega(x: Array, names: Sequence[str] = ()) -> Omega:
    """omega of one factor by minres on the correlations of complete rows.

    Each loading in turn is the least-squares one given the others, `l_i = sum r_ij l_j / sum l_j^2`, held in [-1, 1],
    until none moves. Signs make the sum of loadings positive.

    Raises:
        MethodError: fewer than three columns (one factor has then no unique loadings), or as `pca`.
    """
    if x.shape[1] < 3:
        raise MethodError("omega needs three indicators.", where="multivariate", hint="Read r instead.", code="too_few")
    r = _correlation(_standardised(x, names)[0])
    values, vectors = eigen_symmetric(r)
    loading = np.clip(vectors[:, 0] * np.sqrt(values[0]), -1.0, 1.0)
    heywood = False
    for _ in range(_MINRES_ROUNDS):
        before = loading.copy()
        heywood = False
        for i in range(len(loading)):
            others = np.delete(loading, i)
            size = float((others * others).sum())
            free = float((np.delete(r[i], i) * others).sum()) / size if size > 0 else 0.0
            heywood |= abs(free) > 1
            loading[i] = min(1.0, max(-1.0, free))
        if float(np.abs(loading - before).max()) < _MINRES_CHANGE:
            break
    else:
        hint = "Its indicators do not share one factor: read the correlations."
        raise MethodError("omega has not settled.", where="multivariate", hint=hint, code="not_converged")
    loading = loading if loading.sum() >= 0 else -loading
    common = float(loading.sum()) ** 2
    return Omega(common / (common + float((1 - loading**2).sum())), loading, heywood)


# --- Importance ---


def correlation_ratio(x: Array, y: Array) -> float:
    """`Var(E[y | x]) / Var(y)` over the units that have both; NaN with fewer than five of them or without spread."""
    both = ~(np.isnan(x) | np.isnan(y))
    a, b = x[both], y[both]
    if len(a) < 5 or a.min() == a.max() or b.min() == b.max():
        return float("nan")
    b = (b - b.mean()) / float(np.abs(b - b.mean()).max())
    fitted = smooth(a, b).fitted
    fitted = fitted - fitted.mean()
    b = b - b.mean()
    return float(min(1.0, (fitted * fitted).sum() / (b * b).sum()))


def importance(x: Array, index: Array) -> Array:
    """eta^2 of each column of `[unit, k]` for the index: to be read beside the column's nominal weight."""
    return np.array([correlation_ratio(x[:, j], index) for j in range(x.shape[1])])


# --- All pillars at once ---


@dataclass(frozen=True, slots=True, eq=False)
class PillarReport:
    """What a pillar's own table says. Parts that can't be computed are None, with the reason.

    Attributes:
        first_share: of the first principal component.
        components: by parallel analysis.
        problems: (part, reason).
    """

    pillar: int
    indicators: tuple[str, ...]
    alpha: float | None
    omega: float | None
    first_share: float | None
    components: int | None
    problems: tuple[tuple[str, str], ...]


def of_pillars(x: Array, frame: Frame, rng: np.random.Generator) -> tuple[PillarReport, ...]:
    """alpha, omega and components of each pillar of `[unit, indicator]`; directions and scales are seen to here."""
    reports = []
    y = x * frame.directions
    for pillar in sorted(set(frame.pillars)):
        columns = list(frame.columns_of(pillar))
        names = [frame.indicators[j] for j in columns]
        table, problems = y[:, columns], []
        parts: dict[str, float | int | None] = {"alpha": None, "omega": None, "first_share": None, "components": None}
        if len(columns) > 1:
            for part in parts:
                try:
                    parts[part] = _part(part, table, rng, names)
                except MethodError as error:
                    problems.append((part, str(error)))
        alpha, omega, share, count = parts.values()
        components = None if count is None else int(count)
        reports.append(PillarReport(pillar, tuple(names), alpha, omega, share, components, tuple(problems)))
    return tuple(reports)


def _part(part: str, table: Array, rng: np.random.Generator, names: Sequence[str]) -> float | int:
    if part == "alpha":
        sd = [float(np.nanstd(c, ddof=1)) if (~np.isnan(c)).sum() > 1 else 1.0 for c in table.T]
        return cronbach_alpha(table / np.array([s or 1.0 for s in sd]))  # indicators come in different units
    if part == "omega":
        return mcdonald_omega(table, names).omega
    if part == "first_share":
        return float(pca(table, names).shares[0])
    return parallel_analysis(table, rng, names=names).components
