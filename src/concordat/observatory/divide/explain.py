"""What goes with being connected, and how much of a gap between two groups do their circumstances explain?

*Logit*: `ln(p / (1 - p)) = x'b`, maximum of the weighted likelihood by iteratively reweighted least squares. Errors are
linearised (`I^-1 sum w x (y - p)` as scores, I the information), with strata and primary units where given: without a
design they are the robust ones. Odds ratios are exp b.

*Oaxaca-Blinder* of two groups with means xbar and outcomes ybar:

    ybar_1 - ybar_2 = (xbar_1 - xbar_2)'b* + rest,   rest = xbar_1'(b_1 - b*) + xbar_2'(b* - b_2)

b_1, b_2 by weighted least squares in each group, b* pooled: over both, with an indicator of the group that takes up the
difference in level (Jann 2008; without it, `indicator=False`, Neumark 1988, the explained part takes some of it).
Errors are linearised through means and coefficients together. The parts of the rest by variable depend on which
category of a set of indicators is left out; the parts that are explained, and both totals, don't. Neither method says
what causes what. Weights are scaled to a mean of 1.

Sources: McCullagh and Nelder, *Generalized Linear Models* (2nd ed., 1989), chapter 2; Oaxaca (1973) and Blinder (1973);
Neumark, Journal of Human Resources 23 (1988) 279-295; Jann, Stata Journal 8 (2008) 453-479.

    >>> found = weighted_logit([0, 1, 1, 0, 1, 1], {"city": [0, 0, 0, 1, 1, 1]}, [2, 1, 1, 1, 2, 1])
    >>> [(c.name, round(c.value, 6) + 0.0) for c in found.coefficients]  # ln(2 / 2) and ln(3 / 1) less the first
    [('constant', 0.0), ('city', 1.098612)]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.evidence.survey import Design, design, taylor_covariance, taylor_variance
from concordat.observatory.divide._sample import labels, numbers, weights
from concordat.observatory.linear import cholesky, cross, product, solve_positive
from concordat.observatory.panel import Bools

_ROUNDS = 50
_FARTHEST = 20.0  # a coefficient of a standardised column beyond it: odds of 5e8 between typical people
CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Effect:
    """A number with its linearised standard error and 95 % interval."""

    value: float
    se: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient of a logit, and the odds ratio with its interval."""

    name: str
    value: float
    se: float
    lower: float
    upper: float
    odds: float
    odds_lower: float
    odds_upper: float


@dataclass(frozen=True, slots=True)
class Logit:
    """A weighted logit; `pseudo_r2` is McFadden's. dropped: rows with a missing value."""

    coefficients: tuple[Coefficient, ...]
    log_likelihood: float
    pseudo_r2: float
    n: int
    dropped: int
    rounds: int


@dataclass(frozen=True, slots=True)
class OaxacaPart:
    """What one variable adds to both parts."""

    name: str
    explained: Effect
    rest: Effect


@dataclass(frozen=True, slots=True)
class Oaxaca:
    """A gap `first` less `second` and its parts; dropped: rows with a missing value."""

    first: str
    second: str
    mean_first: float
    mean_second: float
    gap: Effect
    explained: Effect
    rest: Effect
    parts: tuple[OaxacaPart, ...]
    n_first: int
    n_second: int
    dropped: int


class _Table(NamedTuple):
    """Rows with everything known: columns as given and standardised (the constant first), and how to get back."""

    y: Array
    raw: Array
    x: Array
    w: Array
    kept: Bools
    back: Array
    names: tuple[str, ...]
    how: Design


def weighted_logit(
    y: Any,
    x: Mapping[str, Any],
    weight: Any = None,
    *,
    strata: Sequence[Any] | None = None,
    psu: Sequence[Any] | None = None,
) -> Logit:
    """A logit of an outcome 0 or 1 on the columns of x.

    Raises:
        InputError: an outcome that is neither, columns of other lengths, no column, weights that can't be.
        MethodError: one outcome only, columns that depend on each other, or one that separates the outcomes.
    """
    t = _table(y, x, weight, strata, psu, "logit")
    odd = (t.y != 0) & (t.y != 1)
    if odd.any():
        row = int(np.flatnonzero(t.kept)[np.flatnonzero(odd)[0]]) + 1
        raise InputError(f"the outcome is {t.y[odd][0]:g}.", where=f"logit, row {row}", hint="Code it 0 or 1.")
    share = float((t.w * t.y).sum() / t.w.sum())
    if share in (0.0, 1.0):
        raise MethodError("all outcomes are the same.", where="logit", hint="There is nothing to explain.")
    b, rounds = _maximum(t, share)
    p = _logistic(_times(t.x, b))
    information = cross(t.x, t.x * (t.w * p * (1 - p))[:, None])
    scores = _scatter(t, solve_positive(information, (t.x * (t.w * (t.y - p))[:, None]).T).T)
    covariance = taylor_covariance(product(scores, t.back.T), t.how)
    found = _times(t.back, b)
    critical = _critical(t.how)
    coefficients = []
    for j, name in enumerate(t.names):
        value, se = float(found[j]), math.sqrt(max(0.0, float(covariance[j, j])))
        ends = (value, value - critical * se, value + critical * se)
        odds = [math.exp(max(-700.0, min(700.0, e))) for e in ends]
        coefficients.append(Coefficient(name, value, se, ends[1], ends[2], odds[0], odds[1], odds[2]))
    null = float(t.w.sum()) * (share * math.log(share) + (1 - share) * math.log(1 - share))
    best = _likelihood(t, b)
    return Logit(tuple(coefficients), best, 1 - best / null, t.y.size, int((~t.kept).sum()), rounds)


def oaxaca_blinder(
    y: Any,
    group: Any,
    x: Mapping[str, Any],
    weight: Any = None,
    *,
    first: Any = None,
    second: Any = None,
    indicator: bool = True,
    strata: Sequence[Any] | None = None,
    psu: Sequence[Any] | None = None,
) -> Oaxaca:
    """The gap of an outcome between two groups, first less second.

    Args:
        first, second: which two groups; may be left out where there are only two (in sorted order).

    Raises:
        InputError: not two groups, columns of other lengths, weights that can't be.
        MethodError: columns that depend on each other, over all or inside a group.
    """
    t = _table(y, x, weight, strata, psu, "Oaxaca-Blinder")
    names, code = labels(group, "group", t.kept.size)
    one, two = _pair(names, first, second)
    code = code[t.kept]
    inside = (code == one, code == two)
    for number, people in zip((one, two), inside, strict=True):
        if people.sum() <= t.x.shape[1]:
            raise MethodError(f'group "{names[number]}" has {int(people.sum())} rows for {t.x.shape[1]} coefficients.',
                              where="Oaxaca-Blinder", hint="Use fewer columns.", code="too_few")  # fmt: skip
    fits = [_regression(t, t.x, people, f'group "{names[i]}"') for i, people in zip((one, two), inside, strict=True)]
    both = inside[0] | inside[1]
    design_matrix = np.column_stack([t.x, inside[0]]) if indicator else t.x
    pooled, pooled_z = (v[..., : t.x.shape[1]] for v in _regression(t, design_matrix, both, "both groups"))
    means = [_means(t, people) for people in inside]
    (b1, z1), (b2, z2) = fits
    ((m1, y1), (v1, u1)), ((m2, y2), (v2, u2)) = means
    # One column of scores for each part: products of means and coefficients, each moved in turn.
    explained, explained_z = (m1 - m2) * pooled, (v1 - v2) * pooled + (m1 - m2) * pooled_z
    rest = m1 * (b1 - pooled) + m2 * (pooled - b2)
    rest_z = v1 * (b1 - pooled) + m1 * (z1 - pooled_z) + v2 * (pooled - b2) + m2 * (pooled_z - z2)
    parts = tuple(
        OaxacaPart(name, _effect(t, explained[j], explained_z[:, j]), _effect(t, rest[j], rest_z[:, j]))
        for j, name in enumerate(t.names)
    )
    return Oaxaca(
        str(names[one]), str(names[two]), y1, y2, _effect(t, y1 - y2, u1 - u2),
        _effect(t, explained.sum(), explained_z.sum(axis=1)), _effect(t, rest.sum(), rest_z.sum(axis=1)), parts,
        int(inside[0].sum()), int(inside[1].sum()), int((~t.kept).sum()),
    )  # fmt: skip


def _table(y: Any, x: Mapping[str, Any], weight: Any, strata: Any, psu: Any, what: str) -> _Table:
    if not x:
        raise InputError("there is no column to explain with.", where=what, hint="Give one or more.")
    outcome = numbers(y, "y")
    size = outcome.size
    columns = np.array([numbers(x[name], name, size) for name in x]).T.reshape(size, len(x))
    w = weights(weight, size)
    if np.isinf(columns).any() or np.isinf(outcome).any():
        row = int(np.flatnonzero(np.isinf(columns).any(axis=1) | np.isinf(outcome))[0]) + 1
        raise InputError("a value is infinite.", where=f"{what}, row {row}", hint="Correct it, or leave it as NaN.")
    kept = ~(np.isnan(outcome) | np.isnan(columns).any(axis=1)) & (w > 0)
    outcome, columns, w = outcome[kept], columns[kept], w[kept]
    if outcome.size <= len(x) + 1:
        raise MethodError(f"{outcome.size} complete rows are too few for {len(x)} columns.", where=what,
                          hint="Use fewer columns.", code="too_few")  # fmt: skip
    w = w / w.mean()
    centre = (w[:, None] * columns).sum(axis=0) / w.sum()
    scale = np.sqrt((w[:, None] * (columns - centre) ** 2).sum(axis=0) / w.sum())
    flat = scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
    if flat.any():
        name = list(x)[int(np.flatnonzero(flat)[0])]
        raise MethodError(f'"{name}" is the same for everybody.', where=what, hint="Leave it out.", code="collinear")
    standard = np.column_stack([np.ones(outcome.size), (columns - centre) / scale])
    back = np.diag(np.concatenate([[1.0], 1 / scale]))
    back[0, 1:] = -centre / scale
    _independent(standard, w, (CONSTANT, *x), what)
    h, c = [None if v is None else labels(v, what, size)[1].tolist() for v in (strata, psu)]
    raw = np.column_stack([np.ones(outcome.size), columns])
    return _Table(outcome, raw, standard, w, kept, back, (CONSTANT, *x), design(size, strata=h, units=c))


def _independent(x: Array, w: Array, names: Sequence[str], where: str) -> None:
    """Refuse columns that are sums of others, naming the first."""
    gram = cross(x, x * w[:, None])
    for j in range(1, x.shape[1] + 1):
        if cholesky(gram[:j, :j], 1e-10)[1].any():
            raise MethodError(
                f'"{names[j - 1]}" follows from the columns before it.', where=where,
                hint="Leave it out, or one category of each set.", code="collinear",
            )  # fmt: skip


def _times(x: Array, b: Array) -> Array:
    """A matrix times a vector, added in one order on every processor."""
    return np.asarray(product(x, b[:, None])[:, 0])


def _logistic(eta: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(eta, -700, 700))))


def _likelihood(t: _Table, b: Array) -> float:
    eta = np.clip(_times(t.x, b), -700, 700)
    return float((t.w * (t.y * eta - np.logaddexp(0, eta))).sum())


def _maximum(t: _Table, share: float) -> tuple[Array, int]:
    """Newton's steps of iteratively reweighted least squares, halved where the likelihood would fall."""
    b = np.zeros(t.x.shape[1])
    b[0] = math.log(share / (1 - share))
    best = _likelihood(t, b)
    for rounds in range(1, _ROUNDS + 1):
        p = _logistic(_times(t.x, b))
        information = cross(t.x, t.x * (t.w * p * (1 - p))[:, None])
        step = solve_positive(information, cross(t.x, (t.w * (t.y - p))[:, None])[:, 0], 1e-14)
        if not np.isfinite(step).all() or np.abs(b[1:]).max() > _FARTHEST:
            break
        for _ in range(30):
            new = _likelihood(t, b + step)
            if new >= best - 1e-12 * abs(best):
                break
            step = step / 2
        b, best = b + step, new
        if np.abs(step).max() < 1e-10:
            return b, rounds
    worst = t.names[1 + int(np.argmax(np.abs(b[1:])))]
    raise MethodError(
        f'"{worst}" separates the outcomes: its coefficient has no end.', where="logit",
        hint="Join categories, or leave it out.", code="separation",
    )  # fmt: skip


def _regression(t: _Table, x: Array, people: Bools, who: str) -> tuple[Array, Array]:
    """Weighted least squares over some people: coefficients in the columns' own units, and everybody's scores."""
    w = np.where(people, t.w, 0.0)
    extra = x.shape[1] - t.x.shape[1]
    _independent(x[people], t.w[people], (*t.names, *["the group"] * extra), f"Oaxaca-Blinder, {who}")
    gram = cross(x, x * w[:, None])
    b = solve_positive(gram, cross(x, (w * t.y)[:, None])[:, 0])
    residual = t.y - _times(x, b)
    scores = _scatter(t, solve_positive(gram, (x * (w * residual)[:, None]).T).T)
    back = np.eye(x.shape[1])
    back[: t.x.shape[1], : t.x.shape[1]] = t.back
    return _times(back, b), product(scores, back.T)


def _means(t: _Table, people: Bools) -> tuple[tuple[Array, float], tuple[Array, Array]]:
    """Means of the columns in their own units and of the outcome over some people, and everybody's scores of each."""
    w = np.where(people, t.w, 0.0)
    total = float(w.sum())
    m, y = (w[:, None] * t.raw).sum(axis=0) / total, float((w * t.y).sum()) / total
    return (m, y), (_scatter(t, w[:, None] * (t.raw - m) / total), _scatter(t, (w * (t.y - y) / total)[:, None])[:, 0])


def _scatter(t: _Table, z: Array) -> Array:
    """Scores of the kept rows among all rows: who is left out stays in the design with zero."""
    found = np.zeros((t.kept.size, z.shape[1]))
    found[t.kept] = z
    return found


def _effect(t: _Table, value: float, z: Array) -> Effect:
    se = math.sqrt(max(0.0, taylor_variance(z, t.how)))
    half = _critical(t.how) * se
    return Effect(float(value), se, float(value) - half, float(value) + half)


def _critical(how: Design) -> float:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    return float(stdtrit(how.degrees_of_freedom, 0.975))


def _pair(names: list[Any], first: Any, second: Any) -> tuple[int, int]:
    chosen = [first, second]
    if first is None and second is None and len(names) == 2:
        return 0, 1
    for name in chosen:
        if name not in names:
            raise InputError(
                f'"{name}" is not a group.', where="Oaxaca-Blinder", hint=f"Name two of: {', '.join(map(str, names))}."
            )
    if first == second:
        raise InputError("first and second are the same group.", where="Oaxaca-Blinder", hint="Name two groups.")
    return names.index(first), names.index(second)
