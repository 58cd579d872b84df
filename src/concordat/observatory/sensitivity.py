"""How much of the spread of an output is due to each assumption, alone and with all it interacts with?

Notation: y the output, V its variance, x_u the parts in the subset u, c(u) = Var(E[y | x_u]) / V (closed index).
First-order index S_i = c({i}); total index ST_i = 1 - c(all but i); second order S_ij = c({i, j}) - S_i - S_j.

- Enumerated designs: every c(u) exactly, by conditional means weighted with the levels' probabilities.
- Samples: Jansen, `S_i = 1 - mean((y_B - y_ABi)^2) / 2V` and `ST_i = mean((y_A - y_ABi)^2) / 2V` (*Computer Physics
  Communications* 117, 1999); or `compat`, the peers' `S_i = mean(y_B (y_ABi - y_A)) / V` (Saltelli 2010) with the same
  total. V is the variance of A and B together (divisor n - 1).
- Intervals from 5 % to 95 %: with several scrambles, Student's t on the scrambles' linearised errors; with one, 1,000
  bootstraps of the points in which V is computed anew. Points of a Sobol sequence are more even than the bootstrap
  knows, so its intervals are on the wide side.

An output that never varies has no indices, nor has one that is missing in some run: both are NaN with the reason
beside. `together=True` adds one more output, "all ranks at once": the sum of V_i over the outputs that have indices,
divided by the sum of their V. Shapley effects: `effects.py`.

Factors are assumed independent. Sources: Sobol', *Mathematics and Computers in Simulation* 55 (2001); Saltelli et al.
(2010), as above.

    >>> import numpy as np
    >>> from concordat.observatory.design import Factor, enumerate_all
    >>> design = enumerate_all([Factor("a", 2), Factor("b", 2)])
    >>> found = first_and_total(design, design.levels @ np.array([1.0, 2.0]))
    >>> found.first[:, 0].tolist(), found.exact
    ([0.2, 0.8], True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from concordat.errors import InputError
from concordat.observatory.compat import first_order_product
from concordat.observatory.design import Design
from concordat.observatory.panel import Array, Bools

Estimator: TypeAlias = Literal["jansen", "compat"]
BOOTSTRAPS = 1000
INTERVAL = (0.05, 0.95)
TOGETHER = "all together"
NOISE = 1e-12  # of the largest output: a standard deviation that rounding alone leaves of a constant
_LARGE = 1e150  # values beyond it, and spreads below its inverse, leave the range of doubles when squared
_BLOCK = 1 << 23  # products kept at once while bootstrapping


@dataclass(frozen=True, slots=True, eq=False)
class SobolIndices:
    """Indices of each part for each output; the last output is all together, when asked for.

    Attributes:
        parts, outputs: names of the rows and columns.
        first, total: `[part, output]`, NaN where there is a reason.
        first_interval, total_interval: `[2, part, output]`, 5 % and 95 %; equal to the index where exact.
        variance: `[output]`, V.
        closed: `[2^d, output]`, c(u) by bit mask, of enumerated designs only.
        reasons: for each output why it has no indices, or "".
        warnings: what the reader should know, in sentences.
    """

    parts: tuple[str, ...]
    outputs: tuple[str, ...]
    first: Array
    total: Array
    first_interval: Array
    total_interval: Array
    variance: Array
    exact: bool
    closed: Array | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def first_and_total(
    design: Design,
    y: Array,
    *,
    outputs: tuple[str, ...] = (),
    estimator: Estimator = "jansen",
    together: bool = False,
    bootstraps: int = BOOTSTRAPS,
    seed: int = 0,
) -> SobolIndices:
    """First-order and total indices with intervals, of outputs `[run]` or `[run, output]`.

    Raises:
        InputError: there is not one output value (or row) for each run of the design.
    """
    values, names = as_outputs(design, y, outputs)
    reasons = reasons_of(design, values)
    usable = np.array([not reason for reason in reasons], dtype=np.bool_)
    pooled = together and bool(usable.any())
    if design.kind == "enumerated":
        found = _exact(design, values[:, usable], pooled)
    else:
        found = _sampled(design, values[:, usable], pooled, estimator, bootstraps, seed)
    variance = np.where(np.isfinite(values).all(axis=0), 0.0, np.nan)  # what a blank output varies by
    if together:
        names, reasons = (*names, TOGETHER), (*reasons, "" if pooled else "No output has indices.")
        usable, variance = np.append(usable, pooled), np.append(variance, np.nan)
    variance[usable] = found.variance
    spread = [_spread(a, usable) for a in (found.first, found.total, found.first_interval, found.total_interval)]
    warnings = _warnings(design, names, reasons, _spread(found.excess, usable))
    return SobolIndices(
        design.names,
        names,
        spread[0],
        spread[1],
        spread[2],
        spread[3],
        variance,
        design.kind == "enumerated",
        None if found.closed is None else _spread(found.closed, usable),
        reasons,
        warnings,
    )


def as_outputs(design: Design, y: Array, outputs: tuple[str, ...] = ()) -> tuple[Array, tuple[str, ...]]:
    """Outputs as `[run, output]` with their names."""
    values = np.asarray(y, dtype=np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != design.runs:
        what = f"the design has {design.runs:,} runs, the outputs have the shape {np.shape(y)}."
        raise InputError(what, hint="Give one row for each run.", code="shape")
    names = outputs or tuple(f"output {n + 1}" for n in range(values.shape[1]))
    assert len(names) == values.shape[1], f"{len(names)} names for {values.shape[1]} outputs"
    return values, names


def reasons_of(design: Design, values: Array) -> tuple[str, ...]:
    """Why each output has no indices: missing (or beyond squaring) in some run, or always the same; "" where it has."""
    missing = (~(np.abs(values) < _LARGE)).sum(axis=0)
    filled = np.where(missing > 0, 0.0, values)[design.probability > 0]  # V is of the runs that count
    constant = filled.std(axis=0) <= np.maximum(NOISE * np.abs(filled).max(axis=0), 1 / _LARGE)
    return tuple(
        f"It is missing in {gone:,} of {design.runs:,} runs."
        if gone
        else ("It is the same in every run, so there is no spread to divide." if same else "")
        for gone, same in zip(missing.tolist(), constant.tolist(), strict=True)
    )


def second_order(found: SobolIndices) -> Array:
    """S_ij `[part, part, output]`, 0 on the diagonal, of an enumerated design.

    Raises:
        InputError: the indices come from a sample.
    """
    if found.closed is None:
        hint = f"Vary fewer levels, so that at most {50_000:,} combinations are left."
        raise InputError("second-order indices need every combination of levels.", hint=hint, code="second_order")
    d = len(found.parts)
    pairs = np.zeros((d, d, found.first.shape[1]))
    for i in range(d):
        for j in range(i):
            pairs[i, j] = pairs[j, i] = found.closed[1 << i | 1 << j] - found.first[i] - found.first[j]
    return pairs


# --- Every combination --------------------------------------------------------------------------------------------


class _Found(NamedTuple):
    """Indices of the usable outputs; `excess` is the lower end of S_i - ST_i."""

    first: Array
    total: Array
    first_interval: Array
    total_interval: Array
    excess: Array
    variance: Array
    closed: Array | None = None


def closed_variances(design: Design, values: Array) -> Array:
    """`Var(E[y | x_u])`, `[2^d, output]` by bit mask, of an enumerated design; the last one is V.

    Each axis of the table is either kept or averaged out, which is prod(K_i + 1) steps in all.
    """
    centred = values - design.probability @ values  # against cancellation: every mean below is then near 0
    table, weights = design.by_part(centred)
    d = len(weights)
    found = np.empty((1 << d, values.shape[1]))

    def walk(kept: Array, joint: Array, part: int, mask: int) -> None:
        # `kept` is [kept levels, axes still to decide ..., output]; `joint` the probability of the kept levels.
        if part == d:
            found[mask] = joint @ (kept * kept) - (joint @ kept) ** 2
            return
        walk(np.tensordot(weights[part], kept, axes=(0, 1)), joint, part + 1, mask)
        merged = kept.reshape(kept.shape[0] * kept.shape[1], *kept.shape[2:])
        walk(merged, np.multiply.outer(joint, weights[part]).ravel(), part + 1, mask | 1 << part)

    walk(table[None], np.ones(1), 0, 0)
    found[0] = 0.0
    return np.maximum(found, 0.0)


def _exact(design: Design, values: Array, together: bool) -> _Found:
    variances = closed_variances(design, values)
    if together:
        variances = _with_sum(variances)
    closed = variances / variances[-1]
    d = len(design.parts)
    parts = 1 << np.arange(d)
    first, total = closed[parts], 1 - closed[(1 << d) - 1 - parts]
    never = np.full_like(first, -np.inf)  # S_i <= ST_i is a theorem
    return _Found(first, total, np.stack([first] * 2), np.stack([total] * 2), never, variances[-1], closed)


# --- A sample -----------------------------------------------------------------------------------------------------


def _sampled(design: Design, values: Array, together: bool, estimator: Estimator, bootstraps: int, seed: int) -> _Found:
    """Every estimator is a mean over points divided by V, so points (or scrambles) can be drawn again as they are."""
    shift = values[design.probability > 0].mean(axis=0)
    y = design.by_block(values - shift)
    ends, terms = y[:, :2].mean(axis=1), _terms(design, y, shift, estimator)
    n = 2 * design.points
    variance, first, total = _numerators(
        ends.mean(axis=(0, 1)), terms.mean(axis=(0, 1)), n * design.scrambles, estimator
    )
    if together:
        variance, first, total = map(_with_sum, (variance, first, total))
    indices = first / variance, total / variance
    if design.scrambles > 1:
        each = _numerators(ends.mean(axis=1), np.moveaxis(terms.mean(axis=1), 1, 0), n, estimator)
        if together:
            each = (_with_sum(each[0]), _with_sum(each[1]), _with_sum(each[2]))
        return _Found(*indices, *_by_scrambles(*indices, variance, *each), variance)
    drawn_ends, drawn_terms = _resampled(ends[0], terms[0], bootstraps, seed)
    drawn = _numerators(drawn_ends, np.moveaxis(drawn_terms, 1, 0), n, estimator)
    return _Found(*indices, *_by_bootstrap(*(map(_with_sum, drawn) if together else drawn)), variance)


def _terms(design: Design, y: Array, shift: Array, estimator: Estimator) -> Array:
    """What is averaged: `[scramble, point, 1 + 2d, output]`: squares of A and B, then of each part the two numerators.

    `y` is taken less its mean, which changes no difference; the peers' product is taken of y_B as it is.
    """
    a, b = y[:, 0], y[:, 1]
    mixed = [y[:, 2 + design.subsets.index(1 << i)] for i in range(len(design.parts))]
    terms = [(a * a + b * b) / 2]
    terms += [(b - m) ** 2 / 2 if estimator == "jansen" else first_order_product(a, b + shift, m) for m in mixed]
    terms += [(a - m) ** 2 / 2 for m in mixed]
    return np.stack(terms, axis=2)


def _numerators(mean: Array, terms: Array, n: int, estimator: Estimator) -> tuple[Array, Array, Array]:
    """V of n outputs (divisor n - 1), V_i and V_Ti, from the means of A and B and of the terms (their first axis)."""
    d = len(terms) // 2
    variance = (terms[0] - mean**2) * n / (n - 1)
    first = terms[1 : d + 1]
    return variance, (variance - first if estimator == "jansen" else first), terms[d + 1 :]


def _with_sum(found: Array) -> Array:
    """One more output: the sum of all."""
    return np.concatenate([found, found.sum(axis=-1, keepdims=True)], axis=-1)


def _by_scrambles(
    first: Array, total: Array, variance: Array, each_variance: Array, each_first: Array, each_total: Array
) -> tuple[Array, Array, Array]:
    """Student's t on `(numerator - index * V) / V` of each scramble, the linearised error of a ratio."""
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    first_off = (each_first - first[:, None] * each_variance) / variance
    total_off = (each_total - total[:, None] * each_variance) / variance
    m = len(each_variance)
    reach = float(stdtrit(m - 1, INTERVAL[1])) / np.sqrt(m)
    wide, wide_total, apart = (reach * off.std(axis=1, ddof=1) for off in (first_off, total_off, first_off - total_off))
    ends = np.stack([first - wide, first + wide]), np.stack([total - wide_total, total + wide_total])
    return *ends, first - total - apart


def _resampled(ends: Array, terms: Array, bootstraps: int, seed: int) -> tuple[Array, Array]:
    """Means of `ends` and `terms` over points drawn again, `[bootstrap, ...]`.

    How often each point is drawn is a matrix, so that all means are one product.
    """
    n = len(terms)
    rng = np.random.Generator(np.random.PCG64(seed))
    flat = np.concatenate([ends, terms.reshape(n, -1)], axis=1)
    found = np.empty((bootstraps, flat.shape[1]))
    step = max(1, _BLOCK // n)
    for start in range(0, bootstraps, step):
        count = min(step, bootstraps - start)
        drawn = rng.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)
        found[start : start + count] = times @ flat / n
    width = ends.shape[1]
    return found[:, :width], found[:, width:].reshape(bootstraps, *terms.shape[1:])


def _by_bootstrap(variance: Array, first: Array, total: Array) -> tuple[Array, Array, Array]:
    """Quantiles of the indices over resamples; one that drew a single value of a rare output tells none."""
    safe = np.where(variance > 0, variance, np.nan)
    quantile = np.nanquantile if np.isnan(safe).any() else np.quantile
    first, total = first / safe, total / safe
    excess = quantile(first - total, INTERVAL[0], axis=1)
    return quantile(first, INTERVAL, axis=1), quantile(total, INTERVAL, axis=1), np.asarray(excess)


# --- Said beside --------------------------------------------------------------------------------------------------


def _spread(found: Array, usable: Bools) -> Array:
    """Columns of usable outputs put among the blank ones."""
    full = np.full((*found.shape[:-1], len(usable)), np.nan)
    full[..., usable] = found
    return full


def _warnings(design: Design, names: tuple[str, ...], reasons: tuple[str, ...], excess: Array) -> tuple[str, ...]:
    said = [f"{name}: no indices. {reason}" for name, reason in zip(names, reasons, strict=True) if reason]
    for i, o in zip(*np.nonzero(excess > 0), strict=True):
        said.append(
            f"{names[o]}: the first-order index of {design.names[i]} is above its total index by more than chance "
            "allows, which can't be. Take more runs."
        )
    return tuple(said)
