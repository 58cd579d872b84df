"""What is the best that can be said of each unit, whatever the weights?

Notation: y the children's scores (0 or more), o the unit judged, j its peers, w >= 0 weights.

    bod             max w'y_o with w'y_j <= 1 for all j: each unit is seen in the light that flatters it most
    shares L, U     L <= w_k y_ok / w'y_o <= U: no child may be ignored, or carry all
    common_weights  one w for all: min sum_j (1 - w'y_j), the same constraints, shares kept by every unit
    order_m         mean over B draws of bod against m peers drawn with replacement; may exceed 1
    smaa            w ~ Dirichlet(1): how often each unit has each rank, and the mean weights that put it first

Weights of `bod` are not unique, only scores are; scores of `common_weights` may have ties of their own. A missing child
is left out of the unit's own sum and is 0 among its peers; its share bounds do not hold for that unit.

Method: in the shares u_k = w_k y_ok / w'y_o the score of o is max s with s sum_k u_k y_jk / y_ok <= 1. Lower bounds
leave a smaller simplex, u = L + (1 - sum L) t, so they cost nothing; an upper bound is one row. All units of all slices
are solved together by `stages._simplex`, which proves each answer.

Sources: Melyn & Moesen (1991); Cherchye et al., Social Indicators Research 82 (2007); Cazals, Florens & Simar, J. of
Econometrics 106 (2002); Vidoli & Mazziotta, Statistica Applicata 23 (2013); Lahdelma & Salminen, Operations Research 49
(2001).

    >>> import numpy as np
    >>> y = np.array([[4.0, 1.0], [1.0, 4.0], [2.0, 2.0]])
    >>> who = Children("index", ("access", "price"), ("BRA", "IND", "RUS"))
    >>> bod(y, who).scores.round(9).tolist()
    [1.0, 1.0, 0.8]
    >>> bod(y, who, (("access", 0.5, 1.0),)).scores.round(9).tolist()
    [1.0, 0.470588235, 0.8]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from concordat.observatory.panel import Array, Bools, Ints
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.stages import _simplex
from concordat.observatory.stages._children import Children, first

Shares = tuple[tuple[str, float, float], ...]
_FLOOR = "Lift scores with `floor` (step normalise)"
_CELLS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """Scores `[..., unit]`, and weights that reach them: `[..., unit, child]`, of common weights `[..., child]`."""

    scores: Array
    weights: Array


@dataclass(frozen=True, slots=True, eq=False)
class Acceptability:
    """Of SMAA: share of weightings in which a unit has a rank, `[unit, rank]`; mean weights that put it first.

    Attributes:
        ranks: rows add to 1, or are blank for a unit without a score; column 0 is rank 1.
        central: `[unit, child]`, blank for a unit that is never first.
    """

    ranks: Array
    central: Array


def bod(x: Array, names: Children, shares: Shares = ()) -> Frontier:
    """Benefit of the doubt, for each unit of each slice.

    Raises:
        InputError: share bounds that don't fit the children.
        MethodError: a score below 0, or one of 0 whose share must not be 0; names unit and child.
    """
    low, high = _bounds(shares, names)
    y, there, lead = _ready(x, names, low)
    scores, weights = np.empty(y.shape[:2]), np.empty(y.shape)
    units, children = y.shape[1:]
    step = max(1, _CELLS // max(1, units * units * children))
    for start in range(0, len(y), step):
        block = slice(start, start + step)
        peers = np.repeat(y[block], units, axis=0)  # one program for each unit, all with the same peers
        one, has = y[block].reshape(-1, children), there[block].reshape(-1, children)
        who = np.tile(np.arange(units), len(peers) // max(units, 1))
        best, w, _ = _best(one, has, peers, (low, high), who, names)
        scores[block] = np.minimum(best, 1.0).reshape(-1, units)
        weights[block] = w.reshape(-1, units, children)
    none = ~there.any(axis=-1)
    scores[none] = np.nan
    weights[none] = np.nan
    return Frontier(scores.reshape(*lead, units), weights.reshape(*lead, units, children))


def order_m(x: Array, names: Children, *, draws: int, m: int, seed: int, shares: Shares = ()) -> Array:
    """Mean score `[..., unit]` against `m` peers drawn `draws` times; the same draws for all units and slices."""
    if draws < 1 or m < 1:
        raise names.refuse(f"order_m has {draws} draws of {m} peers.", hint="Both are 1 or more.")
    low, high = _bounds(shares, names)
    y, there, lead = _ready(x, names, low)
    scores = np.full(y.shape[:2], np.nan)
    for s, (one, has) in enumerate(zip(y, there, strict=True)):
        some = np.flatnonzero(has.any(axis=-1))
        if some.size:
            rng = np.random.Generator(np.random.PCG64(seed))  # anew, so that a slice doesn't depend on those before it
            drawn = some[rng.integers(some.size, size=(draws, m))]
            scores[s, some] = _against(one, has, drawn, (low, high), names, s)
    return scores.reshape(*lead, y.shape[1])


def _against(y: Array, there: Bools, drawn: Ints, bounds: tuple[Array, Array], names: Children, slice_: int) -> Array:
    """Mean score of each unit that has any, over draws of peers `drawn [draw, peer]`."""
    units = np.flatnonzero(there.any(axis=-1))
    draws, total = len(drawn), np.zeros(len(units))
    for at, unit in enumerate(units):
        who = np.full(draws, unit)
        best, _, open_ended = _best(y[who], there[who], y[drawn], bounds, who, names)
        if open_ended.any():
            what = "a draw of peers has only zeros where this unit has none, so it has no finite score."
            raise names.fault(what, unit=int(unit), slice_=slice_, hint=f"{_FLOOR}, or draw more peers (m).")
        total[at] = best.mean()
    return total


def common_weights(x: Array, names: Children, shares: Shares = ()) -> Frontier:
    """One set of weights for all units of a slice, that brings them as near to 1 as it can in sum.

    Made from units that have all children; others are scored with the weights they have values for, renormalised.
    """
    low, high = _bounds(shares, names)
    y, there, lead = _ready(x, names, low)
    scores, weights = np.empty(y.shape[:2]), np.empty((len(y), y.shape[-1]))
    for s, (one, has) in enumerate(zip(y, there, strict=True)):
        used = has.any(axis=0)
        if not used.any():
            scores[s], weights[s] = np.nan, np.nan
            continue
        full = has[:, used].all(axis=1)
        if not full.any():
            raise names.fault(
                "no unit has all children, so there are no common weights.", hint="Impute first.", slice_=s
            )
        w = np.zeros(y.shape[-1])
        w[used] = _common(one[full][:, used], low[used], high[used], names)
        share = (has * w).sum(axis=1) / w.sum()
        scores[s] = np.where(share > 0, (one * w).sum(axis=1) / np.where(share > 0, share, 1.0), np.nan)
        weights[s] = w
    return Frontier(scores.reshape(*lead, y.shape[1]), weights.reshape(*lead, y.shape[-1]))


def _common(y: Array, low: Array, high: Array, names: Children) -> Array:
    if y.max() == 0:
        raise names.fault("all scores are 0, so no weights are better than others.", hint=f"{_FLOOR}, or use bod.")
    scale = np.where(y.max(axis=0) > 0, y.max(axis=0), 1.0)
    z = y / scale
    eye = np.eye(z.shape[1])
    rows = [z]
    for k in np.flatnonzero(low > 0):
        rows.append(low[k] * z - eye[k] * z)
    for k in np.flatnonzero(high < 1):
        rows.append(eye[k] * z - high[k] * z)
    a = np.concatenate(rows)
    b = np.concatenate([np.ones(len(z)), np.zeros(len(a) - len(z))])
    made = _simplex.solve(a[None], b[None], z.mean(axis=0)[None])
    if made.value[0] <= 1e-12:
        hint = "Widen `shares`, or use bod."
        raise names.fault("no common weights keep the share bounds for every unit.", hint=hint)
    return np.asarray(made.v[0] / scale)


def smaa(
    x: Array, draws: int, rng: np.random.Generator, score: Callable[[Array, Array], Array], *, ordered: bool = False
) -> Acceptability:
    """Rank acceptability and central weights under weights drawn evenly from all there are.

    Args:
        x: `[unit, child]`.
        draws: how many weightings.
        rng: where they come from.
        score: `(x, weights [draw, child]) -> [draw, unit]`, such as `aggregate` with its options filled in.
        ordered: columns stand in order of importance, and each weight is at least that of the next column.
    """
    units, children = x.shape
    assert draws >= 1, draws
    w = rng.dirichlet(np.ones(children), size=draws)
    if ordered:
        w = -np.sort(-w, axis=1)
    ranks = rank_min(score(x, w))
    share = np.stack([(ranks == place).mean(axis=0) for place in range(1, units + 1)], axis=1)
    share[np.isnan(ranks).all(axis=0)] = np.nan
    won = (ranks == 1).astype(np.float64)
    times = won.sum(axis=0)[:, None]
    central = np.where(times > 0, won.T @ w / np.maximum(times, 1), np.nan)
    return Acceptability(share, central)


# --- One program for each unit ----------------------------------------------------------------------------------


def _bounds(shares: Shares, names: Children) -> tuple[Array, Array]:
    low, high = np.zeros(len(names.children)), np.ones(len(names.children))
    for child, least, most in shares:
        if child in names.children:  # options name children of all parents; each takes its own
            at = names.children.index(child)
            if not 0 <= least <= most <= 1:
                raise names.refuse(f"shares of {child}: {least:g} to {most:g}.", hint="0 <= lowest <= highest <= 1.")
            low[at], high[at] = least, most
    if low.sum() > 1 + 1e-12 or high.sum() < 1 - 1e-12:
        what = f"lowest shares add to {low.sum():g} and highest to {high.sum():g}, so none can add to 1."
        raise names.refuse(what, hint="Lower the former or raise the latter in `shares`.", code="shares")
    return low, high


def _ready(x: Array, names: Children, low: Array) -> tuple[Array, Bools, tuple[int, ...]]:
    """Slices in one axis, missing as 0, and what is there; scores that no weights can serve are refused."""
    lead, y = x.shape[:-2], x.reshape(-1, *x.shape[-2:])
    there = ~np.isnan(y)
    bad = y < 0
    if bad.any():
        slice_, unit, child = first(bad)
        what = f"frontier methods need values of 0 or more; this one is {y[bad][0]:.6g}."
        raise names.fault(what, child=child, unit=unit, slice_=slice_, hint="Normalise to 0..100 first (minmax).")
    bad = (y == 0) & (low > 0)
    if bad.any():
        slice_, unit, child = first(bad)
        what = f"a value of 0 can't carry the least share of {low[child]:g}."
        raise names.fault(what, child=child, unit=unit, slice_=slice_, hint=f"{_FLOOR}, or drop the lower bound.")
    return np.where(there, y, 0.0), there, lead


def _best(
    one: Array, there: Bools, peers: Array, bounds: tuple[Array, Array], who: Ints, names: Children
) -> tuple[Array, Array, Bools]:
    """Best score of each program, weights that reach it, and which have no bound.

    `one [program, child]`, the scores of unit `who`, is judged against `peers [program, peer, child]`.
    """
    low, high = bounds
    if not low.any() and (high >= 1).all():
        scale = np.maximum(peers.max(axis=1), one)
        scale = np.where(scale > 0, scale, 1.0)
        price = one / scale
        top = price.max(axis=1, keepdims=True)
        top = np.where(top > 0, top, 1.0)
        made = _simplex.solve(peers / scale[:, None, :], np.ones(peers.shape[:2]), price / top)
        return made.value * top[:, 0], made.v / scale, made.unbounded
    _refuse_closed(one > 0, high, who, names)
    return _bounded(one, there, peers, low, high)


def _bounded(one: Array, there: Bools, peers: Array, low: Array, high: Array) -> tuple[Array, Array, Bools]:
    """The same with bounds on shares, in the variables t (see the top)."""
    usable = one > 0
    least = np.where(there, low, 0.0)
    free = 1.0 - least.sum(axis=1)  # share that is left to choose
    ratio = np.where(usable[:, None, :], peers / np.where(usable, one, 1.0)[:, None, :], 0.0)
    fixed = (ratio * least[:, None, :]).sum(axis=2)
    reach = fixed[:, :, None] + free[:, None, None] * ratio  # a peer's score per score of ours, at each corner
    level = reach.max(axis=1)  # columns are scaled to 1; those where this unit has nothing get a price that never pays
    level = np.where(usable & (level > 0), level, 1.0)
    a = np.where(usable[:, None, :], reach, 1.0) / level[:, None, :]
    capped = np.flatnonzero(high < 1)
    caps = free[:, None, None] * np.eye(one.shape[1])[capped] - np.where(there, high - least, 1.0)[:, capped, None]
    caps = np.where(usable[:, None, :], caps, 0.0) / level[:, None, :]
    size = np.abs(caps).max(axis=2, keepdims=True)
    rows = np.concatenate([a, caps / np.where(size > 0, size, 1.0)], axis=1)
    b = np.concatenate([np.ones(a.shape[:2]), np.zeros(caps.shape[:2])], axis=1)
    price = np.where(usable, 1.0 / level, -1.0)
    top = np.where(usable.any(axis=1), price.max(axis=1), 1.0)[:, None]
    made = _simplex.solve(rows, b, np.where(usable, price / top, -1.0))
    corner = np.where(usable, made.v / level, 0.0)
    score = corner.sum(axis=1)
    carried = least * score[:, None] + free[:, None] * corner
    weights = np.where(usable, carried / np.where(usable, one, 1.0), 0.0)
    return np.where(made.unbounded, np.inf, score), weights, made.unbounded


def _refuse_closed(usable: Bools, high: Array, who: Ints, names: Children) -> None:
    """A unit whose children above 0 may not carry all of its score together has no weights."""
    closed = ((usable * high).sum(axis=1) < 1 - 1e-12) & usable.any(axis=1)
    if closed.any():
        at = int(np.argmax(closed))
        lacking = ", ".join(c for c, ok in zip(names.children, usable[at], strict=True) if not ok)
        what = f"its highest shares can't add to 1 without {lacking}, where it has 0 or nothing."
        raise names.fault(what, unit=int(who[at]), hint=f"{_FLOOR}, or raise the upper bounds of `shares`.")
