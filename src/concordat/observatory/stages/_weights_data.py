"""What weights do the figures themselves suggest? Pure functions on one parent's children, `x [unit, child]`.

All return weights that sum to 1. Units that lack a child are left out, except by `entropy`, which takes each column's
own units. Data-driven weights say how indicators vary together, not how much they matter.

    principal  loadings of the first principal component of the correlation matrix, sign so that most are positive
    factors    OECD rule: components with eigenvalue > 1 and own share > 10 %, until they explain > 60 %; varimax; the
               squared loading on an indicator's strongest factor, over that factor's sum, times the factor's share
    entropy    p = y / sum y, e = -sum p ln p / ln n, w ~ 1 - e
    critic     w_j ~ sd_j sum_k (1 - r_jk), sd with n - 1
    optimise   balance: min sum (r_i / sum r - target_i)^2, or infomax: max sum r, over w >= 0, sum 1, where r_i is the
               correlation of child i with the parent; SLSQP from equal weights and 8 seeded starts, the best kept

Sources: OECD/JRC Handbook (2008), step 6 (its worked example, pages 89-91, was not at hand: the rule follows the room's
specification); Kaiser, Psychometrika 23 (1958) for varimax, with his normalisation; Zou, Yun & Sun, J. Env. Sci. 18
(2006); Diakoulaki et al., Computers & OR 22 (1995); Becker et al., Ecological Indicators 80 (2017).

    >>> import numpy as np
    >>> entropy(np.array([[1.0, 1.0], [1.0, 3.0]])).round(9).tolist()
    [0.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from concordat.observatory.panel import Array

Score = Callable[[Array], Array]  # weights [child] -> the parent's scores [unit]
STARTS = 8
FEASIBLE_SPREAD = 0.02  # of a balance target: largest less smallest correlation (specification, section 4)
_ROUNDS = 500


class NotDefinedError(ValueError):
    """The data give no weights: says why, and the child (column) if it is one's fault."""

    def __init__(self, what: str, hint: str, child: int | None = None) -> None:
        self.what, self.hint, self.child = what, hint, child
        super().__init__(what)


@dataclass(frozen=True, slots=True, eq=False)
class Factored:
    """Weights, the share of variance the kept components explain, and rotated loadings `[child, factor]`."""

    weights: Array
    explained: float
    loadings: Array


@dataclass(frozen=True, slots=True, eq=False)
class Optimised:
    """Weights found, and how near they come.

    Attributes:
        correlations: of each child with the parent.
        spread: the largest less the smallest of them; of a balance target each less its aim, target_i times their sum.
        infeasible: a balance target that leaves a spread above 0.02.
    """

    weights: Array
    correlations: Array
    spread: float
    infeasible: bool


def complete(x: Array) -> Array:
    """Units that have all children."""
    return np.asarray(x[~np.isnan(x).any(axis=1)])


def correlations(x: Array) -> Array:
    """Pearson's correlations of complete units `[child, child]`.

    Raises:
        NotDefinedError: fewer than three such units, or a child in which all are equal.
    """
    rows = complete(x)
    if len(rows) < 3:
        raise NotDefinedError(f"{len(rows)} units have all children; 3 are needed.", "Impute first, or give weights.")
    centred = rows - rows.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    flat = size <= 1e-13 * np.abs(rows).max(axis=0)
    if flat.any():
        what = "all units have the same value, so it has no correlation."
        raise NotDefinedError(what, "Drop the indicator, or give weights.", int(np.argmax(flat)))
    unit = centred / size
    r = unit.T @ unit
    np.fill_diagonal(r, 1.0)
    return np.asarray(np.clip((r + r.T) / 2, -1.0, 1.0))


def principal(x: Array, *, allow_negative: bool = False) -> tuple[Array, float]:
    """Weights, and the share of variance that the first component explains.

    Raises:
        NotDefinedError: a negative loading that is not allowed; loadings that cancel.
    """
    values, vectors = _eigen(correlations(x))
    vector = vectors[:, 0]
    up, down = int((vector > 0).sum()), int((vector < 0).sum())
    if down > up or (down == up and vector.sum() < 0):
        vector = -vector
    vector = np.where(np.abs(vector) < 1e-12, 0.0, vector)
    if (vector < 0).any() and not allow_negative:
        at = int(np.argmin(vector))
        hint = "Check its direction, drop it, or say allow_negative."
        raise NotDefinedError(f"its loading on the first component is {vector[at]:.3f}, below 0.", hint, at)
    if vector.sum() <= 1e-9:
        raise NotDefinedError("loadings add to 0, so they are no weights.", "Check the directions, or give weights.")
    return vector / vector.sum(), float(values[0] / values.sum())


def factors(x: Array) -> Factored:
    """Weights by the OECD's rule; the first component is kept even if none passes it."""
    values, vectors = _eigen(correlations(x))
    share = np.maximum(values, 0.0) / values.sum()
    kept = 1
    while kept < len(values) and share[:kept].sum() <= 0.6 and values[kept] > 1 and share[kept] > 0.1:
        kept += 1
    loadings = varimax(vectors[:, :kept] * np.sqrt(np.maximum(values[:kept], 0.0)))
    # l^2 over its factor's sum, times that factor's share of all sums: the factor's own sum cancels.
    raw = (loadings**2).max(axis=1)
    return Factored(raw / raw.sum(), float(share[:kept].sum()), loadings)


def varimax(loadings: Array) -> Array:
    """Loadings rotated to simple structure, rows normalised first (Kaiser) as R's `varimax` does."""
    if loadings.shape[1] < 2:
        return loadings
    length = np.sqrt((loadings**2).sum(axis=1, keepdims=True))
    scaled = loadings / np.where(length > 0, length, 1.0)
    turn = np.eye(loadings.shape[1])
    before = 0.0
    for _ in range(_ROUNDS):
        now = scaled @ turn
        u, s, v = np.linalg.svd(scaled.T @ (now**3 - now * (now**2).mean(axis=0)))
        turn = u @ v
        if s.sum() <= before * (1 + 1e-14):
            break
        before = float(s.sum())
    return np.asarray(loadings @ turn)


def entropy(x: Array) -> Array:
    """Weights by Shannon's entropy: what differs little between units weighs little.

    Raises:
        NotDefinedError: a value below 0, a column of zeros or of fewer than two values, or no column that differs.
    """
    raw = np.empty(x.shape[1])
    for j, column in enumerate(x.T):
        y = column[~np.isnan(column)]
        if len(y) < 2:
            raise NotDefinedError(f"{len(y)} units have a value; 2 are needed.", "Impute first, or give weights.", j)
        if (y < 0).any() or y.sum() <= 0:
            what = "entropy needs values of 0 or more that are not all 0."
            raise NotDefinedError(what, "Normalise to 0..100 first (minmax).", j)
        p = y / y.sum()
        p = p[p > 0]
        raw[j] = 1 + (p * np.log(p)).sum() / np.log(len(y))
    raw = np.where(raw > 1e-14, raw, 0.0)
    if raw.sum() == 0:
        raise NotDefinedError("no indicator differs between units, so entropy gives no weights.", "Give weights.")
    return np.asarray(raw / raw.sum())


def critic(x: Array) -> Array:
    """Weights by CRITIC: what differs between units and says what others don't weighs more."""
    if x.shape[1] == 1:
        return np.ones(1)
    conflict = (1 - correlations(x)).sum(axis=1)
    raw = complete(x).std(axis=0, ddof=1) * np.maximum(conflict, 0.0)
    if raw.sum() <= 0:
        raise NotDefinedError("all children say exactly the same, so CRITIC gives no weights.", "Give weights.")
    return np.asarray(raw / raw.sum())


def optimise(x: Array, score: Score, objective: str, target: Array, seed: int) -> Optimised:
    """Weights whose parent is correlated with its children as the objective asks.

    Args:
        x: `[unit, child]` of complete units.
        score: the parent's scores for some weights.
        objective: balance or infomax.
        target: importance of each child, any positive scale (balance).
        seed: of the further starts.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    correlations(x)  # refuses what has none
    k = x.shape[1]
    aim = target / target.sum()
    centred = x - x.mean(axis=0)
    unit = centred / np.sqrt((centred**2).sum(axis=0))

    def correlated(w: Array) -> Array:
        index = score(w)
        index = index - index.mean()
        size = float(np.sqrt(index @ index))
        return np.asarray(unit.T @ index / size) if size > 0 else np.zeros(k)

    def loss(w: Array) -> float:
        w = np.maximum(w, 0.0)
        r = correlated(w / w.sum()) if w.sum() > 0 else np.zeros(k)
        total = float(r.sum())
        if objective == "infomax":
            return -total
        return float(((r / total - aim) ** 2).sum()) if total > 1e-9 else 1e3 - total

    rng = np.random.Generator(np.random.PCG64(seed))
    starts = [np.full(k, 1 / k), *rng.dirichlet(np.ones(k), size=STARTS)]
    best, least = starts[0], loss(starts[0])
    for start in starts:
        made = minimize(
            loss, start, method="SLSQP", bounds=[(0.0, 1.0)] * k,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": _ROUNDS},
        )  # fmt: skip
        w = np.maximum(made.x, 0.0)
        if np.isfinite(w).all() and w.sum() > 0 and loss(w) < least - 1e-13:  # a tie keeps the earlier start
            best, least = w, loss(w)
    w = best / best.sum()
    r = correlated(w)
    off = r - aim * r.sum() if objective == "balance" else r
    spread = float(off.max() - off.min())
    return Optimised(w, r, spread, objective == "balance" and spread > FEASIBLE_SPREAD)


def _eigen(r: Array) -> tuple[Array, Array]:
    """Eigenvalues, largest first, and vectors whose largest entry is positive."""
    values, vectors = np.linalg.eigh(r)
    values, vectors = values[::-1], vectors[:, ::-1]
    top = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))]
    return values, vectors * np.where(top < 0, -1.0, 1.0)
