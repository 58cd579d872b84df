"""Which share of an output's spread does each assumption have, so that the shares add up to all of it?

Shapley effects (Owen, *SIAM/ASA Journal on Uncertainty Quantification* 2, 2014): the Shapley value of the game whose
value is the closed index, c(u) = Var(E[y | x_u]) / V. An interaction is divided evenly among those who take part in it.

- Enumerated designs: exact, from the table of all c(u).
- `sobol(..., closed=True)`, up to six parts: pick-freeze over all subsets. Two blocks whose parts from B differ in w
  share all parts but w, so half their mean squared difference, averaged over all such pairs, is D(w) = V (1 - c(all
  but w)). V is D(all), so that the effects add to 1 by construction. All pairs at once are a product in the
  Walsh-Hadamard transform. V here uses every block, not A and B alone as first-order indices do.
- More parts: 500 permutations in antithetic pairs. From A to B the parts are replaced one by one in the order of the
  permutation; each step adds `((y_A - y_now)^2 - (y_A - y_before)^2) / 2` to the part's share of V (Goda, *Reliability
  Engineering & System Safety* 213, 2021; orders by Song, Nelson and Staum, same SIAM journal 4, 2016).

Standard errors are of a ratio, linearised, over points, scrambles or pairs of permutations.

    >>> from concordat.observatory.design import Factor, enumerate_all
    >>> design = enumerate_all([Factor("a", 2), Factor("b", 2)])
    >>> y = design.levels.prod(axis=1)
    >>> shapley_effects(design, y).effects[:, 0].tolist()
    [0.5, 0.5]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from concordat.errors import InputError
from concordat.observatory.design import Design, Factor, parts_of, sobol
from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.sensitivity import NOISE, as_outputs, closed_variances, reasons_of
from concordat.observatory.shapley import adding_up, coalition_weights, shapley_values

PERMUTATIONS = 500  # specification, section 5


@dataclass(frozen=True, slots=True, eq=False)
class ShapleyEffects:
    """Shares of the variance, `[part, output]`, adding up to 1; NaN where there is a reason.

    Attributes:
        se: standard error of each share, 0 where exact.
        runs: how many runs they rest on.
    """

    parts: tuple[str, ...]
    outputs: tuple[str, ...]
    effects: Array
    se: Array
    exact: bool
    reasons: tuple[str, ...]
    runs: int


def shapley_effects(design: Design, y: Array, *, outputs: tuple[str, ...] = ()) -> ShapleyEffects:
    """Shapley effects of outputs `[run]` or `[run, output]` of an enumerated design, or of a sample with all subsets.

    Raises:
        InputError: a sample without a block for every subset.
    """
    values, names = as_outputs(design, y, outputs)
    reasons = reasons_of(design, values)
    usable = np.array([not reason for reason in reasons], dtype=np.bool_)
    if design.kind == "enumerated":
        closed = closed_variances(design, values[:, usable])
        found = shapley_values(closed / closed[-1])
        error = np.zeros_like(found)
    elif design.closed:
        found, error = _pick_freeze(design, values[:, usable])
    else:
        hint = "Make the design with closed=True (up to six parts), or use effects_by_permutation."
        raise InputError("Shapley effects need every subset of the parts.", hint=hint, code="subsets")
    return _blanked(design.names, names, found, error, reasons, design.kind == "enumerated", design.runs)


def _pick_freeze(design: Design, values: Array) -> tuple[Array, Array]:
    """Effects and standard errors from all pairs of blocks."""
    y = design.by_block(values - values.mean(axis=0))
    d = len(design.parts)
    whole = (1 << d) - 1
    masks = {0: 0, whole: 1} | {subset: 2 + n for n, subset in enumerate(design.subsets)}
    ordered = y[:, [masks[m] for m in range(1 << d)]]  # [scramble, mask, point, output]
    apart = _half_squared_differences(np.moveaxis(ordered, 1, 0))  # [w, scramble, point, output]
    if design.scrambles > 1:
        apart = apart.mean(axis=2)
    flat = apart.reshape(1 << d, design.scrambles if design.scrambles > 1 else design.points, values.shape[1])
    # c(u) = 1 - D(all but u) / V; the 1 falls out of every difference.
    numerators = -np.tensordot(coalition_weights(d), flat[::-1], axes=1)
    return _ratio(numerators, flat[whole])


def _half_squared_differences(y: Array) -> Array:
    """For each w the mean over masks m of `(y_m - y_(m xor w))^2 / 2`, as the first axis."""
    both = _walsh(_walsh(y) ** 2) / len(y) ** 2
    found: Array = (y**2).mean(axis=0) - both
    found[0] = 0.0
    return found


def _walsh(y: Array) -> Array:
    """The Walsh-Hadamard transform along the first axis."""
    found, step = y, 1
    while step < len(y):
        pairs = found.reshape(len(y) // (2 * step), 2, step, *y.shape[1:])
        found = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(y.shape)
        step *= 2
    return found


def _ratio(numerators: Array, variance: Array) -> tuple[Array, Array]:
    """Mean numerators `[part, draw, output]` over mean variance `[draw, output]`, with the linearised error."""
    v = variance.mean(axis=0)
    effects = np.asarray(numerators.mean(axis=1) / v)
    draws = len(variance)
    off = (numerators - effects[:, None] * variance) / v
    return adding_up(effects, np.ones(len(v)), np.ones(len(v))), np.asarray(off.std(axis=1, ddof=1) / np.sqrt(draws))


def effects_by_permutation(
    factors: Sequence[Factor],
    evaluate: Callable[[Array], Array],
    *,
    seed: int,
    permutations: int = PERMUTATIONS,
    points: int = 2,
    outputs: tuple[str, ...] = (),
) -> ShapleyEffects:
    """Shapley effects for any number of parts; `evaluate` takes levels `[run, factor]`, gives outputs `[run, output]`.

    Args:
        permutations: orders in all; half are drawn, and each is used with its reverse from the same points.
        points: starting points for each pair of orders. It takes `permutations * points * d` runs.
    """
    parts = parts_of(factors)
    d, pairs = len(parts), max(permutations // 2, 2)
    start, end = _ends(factors, pairs * points, seed)
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    orders = np.repeat(np.stack([rng.permutation(d) for _ in range(pairs)]), points, axis=0)
    y_start, y_end = _evaluated(evaluate, start), _evaluated(evaluate, end)
    gained = np.zeros((d, *y_start.shape))
    every = [y_start, y_end]
    for way in (orders, orders[:, ::-1]):
        now, before = start.copy(), np.zeros_like(y_start)
        for step in range(d):
            _replace(now, end, parts, way[:, step])
            y_now = y_end if step == d - 1 else _evaluated(evaluate, now)
            every.append(y_now)
            after = (y_start - y_now) ** 2 / 2
            gained[way[:, step], np.arange(len(way))] += (after - before) / 2
            before = after
    runs = len(start) * (2 + 2 * (d - 1))
    return _permuted(parts, gained, (y_start - y_end) ** 2 / 2, np.concatenate(every), pairs, outputs, runs)


def _ends(factors: Sequence[Factor], count: int, seed: int) -> tuple[Array, Array]:
    """The samples A and B, the first `count` points of a scrambled sequence."""
    blocks = 2 + len(parts_of(factors))
    exponent = max(1, (count - 1).bit_length())
    y = sobol(factors, blocks << exponent, seed)
    both = y.levels.reshape(blocks, y.points, -1)[:2, :count]
    return both[0], both[1]


def _replace(now: Array, end: Array, parts: tuple[tuple[str, tuple[int, ...]], ...], which: Ints) -> None:
    """Take one part of each row from B: the part that the row's order names."""
    for part, (_, columns) in enumerate(parts):
        rows = np.flatnonzero(which == part)
        cells = rows[:, None], np.array(columns)
        now[cells] = end[cells]


def _evaluated(evaluate: Callable[[Array], Array], levels: Array) -> Array:
    y = np.asarray(evaluate(levels.copy()), dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or len(y) != len(levels):
        what = f"{len(levels):,} runs were asked for, and outputs of the shape {y.shape} came."
        raise InputError(what, hint="Give one row for each run.", code="shape")
    return y


def _permuted(
    parts: tuple[tuple[str, tuple[int, ...]], ...],
    gained: Array,
    variance: Array,
    every: Array,
    pairs: int,
    outputs: tuple[str, ...],
    runs: int,
) -> ShapleyEffects:
    """Means over pairs of orders, each the mean of its points."""
    names = outputs or tuple(f"output {n + 1}" for n in range(variance.shape[1]))
    missing: Bools = np.asarray(~np.isfinite(every).all(axis=0))
    filled = np.where(missing, 0.0, every)
    constant: Bools = np.asarray(filled.std(axis=0) <= NOISE * np.abs(filled).max(axis=0))
    constant |= np.where(missing, 0.0, variance.mean(axis=0)) <= 0
    reasons = tuple(
        "It is missing in some run." if gone else "It is the same in every run, so there is no spread to divide." * same
        for gone, same in zip(missing.tolist(), constant.tolist(), strict=True)
    )
    usable: Bools = ~missing & ~constant
    points, kept = len(variance) // pairs, int(usable.sum())
    by_pair = gained[..., usable].reshape(len(parts), pairs, points, kept).mean(axis=2)
    found, error = _ratio(by_pair, variance[:, usable].reshape(pairs, points, kept).mean(axis=1))
    return _blanked(tuple(name for name, _ in parts), names, found, error, reasons, False, runs)


def _blanked(
    parts: tuple[str, ...],
    outputs: tuple[str, ...],
    found: Array,
    error: Array,
    reasons: tuple[str, ...],
    exact: bool,
    runs: int,
) -> ShapleyEffects:
    usable = np.array([not reason for reason in reasons], dtype=np.bool_)
    effects, se = (np.full((len(parts), len(outputs)), np.nan) for _ in range(2))
    effects[:, usable], se[:, usable] = found, error
    return ShapleyEffects(parts, outputs, effects, se, exact, reasons, runs)
