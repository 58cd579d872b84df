"""The rounds of EM for a multivariate normal distribution with empty cells, for many resamples of the units at once.

Columns come standardised. Units are grouped by which cells they lack, and the sweep operator (Little & Rubin,
*Statistical Analysis with Missing Data*, 3rd ed., 2019, sections 7.4.3 and 11.2) solves each pattern once, for all
resamples together and without BLAS (see `observatory.linear`). A resample is a count for each unit.

EM can be slow where much is missing, so each step is extrapolated from the last five (Anderson acceleration: Walker &
Ni, SIAM J. Numer. Anal. 49, 2011; for EM, with the likelihood as guard: Henderson & Varadhan, J. Comput. Graph. Stat.
28, 2019). A point whose covariance isn't positive, or that is less likely than the last, is dropped for the plain step,
and the end is always a round of plain EM that moves nothing: the answer is EM's own, sooner.

    >>> table = Table.of(np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, np.nan]]), np.array([[1, 1], [1, 1], [1, 0]]) > 0)
    >>> table.patterns.tolist(), table.pattern_of.tolist()
    ([[1.0, 1.0], [0.0, 1.0]], [1, 1, 0])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from concordat.evidence._elementary import log
from concordat.observatory.linear import cholesky
from concordat.observatory.panel import Array, Bools, Ints

ROUNDS_MAX = 5000
CHANGE_MIN = 1e-10  # of max(|change of mean| / sd, |change of correlation|, |relative change of variance|)
SINGULAR = 1e-8  # a column of which the others leave less than this share of variance is one of them again
# Resamples only feed random draws, so they may stop earlier; one that settles slowly or leaves a column a share of
# variance this small has no maximum of the likelihood, as a rule, and another is drawn.
RESAMPLE_ROUNDS_MAX = 250
RESAMPLE_CHANGE_MIN = 1e-7
RESAMPLE_SINGULAR = 1e-5
NEAR = 1e-6  # share of variance left, below which the end may depend on the way, so that only plain rounds are EM's
_MEMORY = 5  # steps from which the next is extrapolated
_HALVINGS = 4
_SLACK = 1e-11  # the likelihood, relative, is not known better than this


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Standardised columns by pattern of missing cells. Order of axes: column, then pattern or unit.

    Attributes:
        z: `[k, unit]`, zero where missing.
        seen: `[k, unit]`, 1 where observed.
        patterns: `[k, pattern]`, 1 where observed; the last is the one that lacks nothing, in use or not.
        pattern_of: of each unit.
    """

    z: Array
    seen: Array
    patterns: Array
    pattern_of: Ints

    @classmethod
    def of(cls, z: Array, seen: Bools) -> Table:
        """From `[unit, k]`."""
        kinds, number = np.unique(seen, axis=0, return_inverse=True)
        if not len(kinds) or not kinds[-1].all():  # rows come in ascending order, so the complete one is last
            kinds = np.vstack([kinds, np.ones((1, seen.shape[1]), dtype=np.bool_)])
        observed = kinds.T.astype(np.float64)
        return cls(np.where(seen, z, 0.0).T.copy(), seen.T.astype(np.float64), observed, number.reshape(-1))

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.patterns.shape[1] == 1


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Resamples: how often each unit (`[sample, unit]`) and each pattern is in it, and the ridge it is given."""

    counts: Array
    members: Array
    ridge: Array

    @classmethod
    def of(cls, table: Table, counts: Array, ridge: float) -> Samples:
        patterns = range(table.patterns.shape[1])
        members = [counts[:, table.pattern_of == p].sum(axis=-1) for p in patterns]
        return cls(counts, np.array(members).reshape(len(members), len(counts)).T, np.full(len(counts), ridge))

    def take(self, which: Ints) -> Samples:
        return Samples(self.counts[which], self.members[which], self.ridge[which])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where each resample's rounds ended.

    Attributes:
        mean, cov: `[k, sample]` and `[k, k, sample]`.
        change: how far the last round moved.
        singular: a pattern's covariance could not be solved: the numbers mean nothing.
        flat: the covariance as a whole has become singular: the likelihood has no maximum.
        settled: the last round moved less than it may.
        rounds: how many.
    """

    mean: Array
    cov: Array
    change: Array
    singular: Bools
    flat: Bools
    settled: Bools
    rounds: Ints

    @classmethod
    def blank(cls, k: int, m: int) -> Fit:
        """Mean 0, no correlation: where EM starts."""
        no = np.zeros(m, dtype=np.bool_)
        start = np.broadcast_to(np.eye(k)[:, :, None], (k, k, m)).copy()
        return cls(np.zeros((k, m)), start, np.full(m, np.inf), no, no.copy(), no.copy(), np.zeros(m, dtype=np.int64))

    def put(self, which: Ints, other: Fit) -> None:
        self.mean[:, which], self.cov[:, :, which] = other.mean, other.cov
        self.change[which], self.rounds[which] = other.change, other.rounds
        self.singular[which], self.flat[which], self.settled[which] = other.singular, other.flat, other.settled

    def take(self, which: Ints) -> Fit:
        return Fit(
            self.mean[:, which], self.cov[:, :, which], self.change[which], self.singular[which], self.flat[which],
            self.settled[which], self.rounds[which],
        )  # fmt: skip

    @property
    def usable(self) -> Bools:
        return self.settled & ~self.singular


def sweep(cov: Array, observed: Array) -> tuple[Array, Array, Array]:
    """Sweep `[k, k, ...]` on the columns observed (`[k, ...]`, 1 or 0).

    Afterwards rows missing hold the regression on columns observed, and among themselves the conditional covariance;
    rows observed hold minus the inverse. With it: the smallest share of variance left to a column by those before it,
    and the determinant, both over the columns observed.
    """
    a = np.broadcast_to(cov, (*cov.shape[:2], *observed.shape[1:])).copy()
    left, det = np.ones(observed.shape[1:]), np.ones(observed.shape[1:])
    for j in range(len(a)):
        on = observed[j]
        kept = a[j, j].copy()
        share = kept / cov[j, j]
        left = np.minimum(left, np.where(on > 0, share, 1.0))
        # A pivot that is no longer positive is reported by `left`; 1 in its place keeps the other samples going.
        pivot = np.where((on > 0) & (share > 1e-14), kept, 1.0)
        det = det * pivot
        row = a[j].copy()
        ratio = row * (on / pivot)
        a -= row[:, None] * ratio[None, :]
        replaced = ratio + row * (1 - on)
        replaced[j] = np.where(on > 0, -1 / pivot, kept)
        a[j], a[:, j] = replaced, replaced
    return a, left, det


@dataclass(frozen=True, slots=True, eq=False)
class _Expected:
    """The E step: distances from the mean `[k, sample, unit]`, empty cells as expected given the others; the matrices
    that were used; which samples can't be solved; and the log-likelihood (with the ridge's penalty, without constants).
    """

    deviation: Array
    swept: Array
    singular: Bools
    likelihood: Array


def expect(table: Table, samples: Samples, mean: Array, cov: Array) -> _Expected:
    """`x_mis = mu_m + S_mo S_oo^-1 (x_o - mu_o)` for each unit of each sample.

    A ridge r is the penalty `n r trace(S^-1) / 2`, since `S + r` is what then maximises.
    """
    observed = np.broadcast_to(table.patterns[:, None], (*mean.shape, table.patterns.shape[1]))
    swept, left, det = sweep(cov[..., None], observed)
    deviation = (table.z[:, None] - mean[..., None]) * table.seen[:, None]
    predicted = np.zeros_like(deviation)
    for j in range(len(mean)):
        predicted += swept[:, j][..., table.pattern_of] * deviation[j]
    distance = -(deviation * predicted).sum(axis=0)
    inverse = -np.array([swept[i, i, :, -1] for i in range(len(mean))]).sum(axis=0)
    penalty = samples.ridge * inverse * samples.counts.sum(axis=-1)
    size = (samples.members * log(np.maximum(det, 1e-300))).sum(axis=-1)
    likelihood = -0.5 * (size + (samples.counts * distance).sum(axis=-1) + penalty)
    singular = left[:, :-1].min(axis=-1, initial=1.0) < SINGULAR
    return _Expected(deviation + predicted * (1 - table.seen[:, None]), swept, singular, likelihood)


def _round(table: Table, samples: Samples, mean: Array, cov: Array) -> tuple[Array, Array, Bools, Array]:
    """One round: conditional means and covariances, then mean and covariance of both. With it which samples can't be
    solved, and how likely they were before the round.

    `C = S_mm - S_mo S_oo^-1 S_om`; `mu = mean of x`, `S = (D'D + sum C) / n` with D the distances from the new mean.
    """
    n = samples.counts.sum(axis=-1)
    found = expect(table, samples, mean, cov)
    weighted = found.deviation * samples.counts
    shift = weighted.sum(axis=-1) / n
    new = np.array([(row * found.deviation).sum(axis=-1) for row in weighted]) / n
    empty = 1 - table.patterns
    for i in range(len(mean)):
        uncertain = found.swept[i] * (empty[i] * empty)[:, None] * samples.members
        new[i] += uncertain.sum(axis=-1) / n - shift[i] * shift
    new = (new + np.swapaxes(new, 0, 1)) / 2
    diagonal = np.arange(len(new))
    new[diagonal, diagonal] += samples.ridge
    flat = ~(new[diagonal, diagonal] > 0).all(axis=0)
    return mean + shift, new, found.singular | flat, found.likelihood


def _change(mean: Array, cov: Array, new_mean: Array, new_cov: Array) -> Array:
    """How far a round moved each sample, in standard deviations, correlations and relative variances."""
    index = np.arange(len(cov))
    old_var, new_var = np.abs(cov[index, index]), np.abs(new_cov[index, index])
    old_sd, new_sd = np.sqrt(np.where(old_var > 0, old_var, 1.0)), np.sqrt(np.where(new_var > 0, new_var, 1.0))
    moved = np.abs(new_mean - mean) / new_sd
    stretched = np.abs(new_var - old_var) / new_sd**2
    turned = np.abs(new_cov / (new_sd[:, None] * new_sd) - cov / (old_sd[:, None] * old_sd))
    return np.asarray(np.maximum(np.maximum(moved.max(axis=0), stretched.max(axis=0)), turned.max(axis=(0, 1))))


def maximise(table: Table, samples: Samples, *, resample: bool = False, plain: bool = False) -> Fit:
    """EM for each sample from mean 0, variance 1 and no correlation, until a round moves less than `CHANGE_MIN`.

    With `resample`, sooner. A sample ends as singular when its covariance as a whole nearly is, but not with `plain`
    rounds, which are not extrapolated: where the likelihood has no maximum, the end depends on the way.
    """
    k, m = len(table.z), len(samples.counts)
    rounds_max, change_min = (RESAMPLE_ROUNDS_MAX, RESAMPLE_CHANGE_MIN) if resample else (ROUNDS_MAX, CHANGE_MIN)
    fit, here, active = Fit.blank(k, m), Fit.blank(k, m), np.arange(m)
    history = _History.blank(k + k * k, m)
    while active.size:
        here, history = (
            (_plain_step(table, samples, here, change_min), history)
            if plain
            else _step(table, samples, here, history, change_min, RESAMPLE_SINGULAR if resample else NEAR)
        )
        here.singular[:] |= here.flat & (not plain)
        going = ~here.settled & ~here.singular & (here.rounds < rounds_max)
        if not going.all():
            ended, which = np.flatnonzero(~going), np.flatnonzero(going)
            fit.put(active[ended], here.take(ended))
            active, here = active[which], here.take(which)
            history, samples = history.take(which), samples.take(which)
    return fit


def _plain_step(table: Table, samples: Samples, here: Fit, change_min: float) -> Fit:
    """One round of EM, and no more."""
    mean, cov, singular, _ = _round(table, samples, here.mean, here.cov)
    change = _change(here.mean, here.cov, mean, cov)
    return Fit(mean, cov, change, singular, near_singular(cov, SINGULAR), change < change_min, here.rounds + 1)


def near_singular(cov: Array, least: float) -> Bools:
    """Which covariances `[k, k, sample]` leave some column less than this share of its variance."""
    return cholesky(np.moveaxis(cov, -1, 0), tolerance=least)[1]


# --- Acceleration ---


@dataclass(frozen=True, slots=True, eq=False)
class _History:
    """The last steps of each sample: `[step, number, sample]` differences of points and of moves; and the last of both.

    Attributes:
        safe: the point that a plain round led to before the last extrapolation.
        likelihood: of the point before that round.
        known: `[step, sample]`, whether the differences are of use.
    """

    points: Array
    moves: Array
    known: Bools
    point: Array
    move: Array
    safe: Array
    likelihood: Array

    @classmethod
    def blank(cls, size: int, m: int) -> _History:
        steps, flat = np.zeros((_MEMORY, size, m)), np.zeros((size, m))
        known = np.zeros((_MEMORY, m), dtype=np.bool_)
        return cls(steps, steps.copy(), known, flat, flat.copy(), flat.copy(), np.full(m, -np.inf))

    def take(self, which: Ints) -> _History:
        return _History(
            self.points[:, :, which], self.moves[:, :, which], self.known[:, which], self.point[:, which],
            self.move[:, which], self.safe[:, which], self.likelihood[which],
        )  # fmt: skip


def _packed(mean: Array, cov: Array) -> Array:
    return np.concatenate([mean, cov.reshape(-1, mean.shape[-1])])


def _step(
    table: Table, samples: Samples, here: Fit, history: _History, change_min: float, least: float
) -> tuple[Fit, _History]:
    """One round of EM at the point, and from it the next point. What has converged keeps the plain round's answer."""
    k = len(here.mean)
    mean, cov, singular, likelihood = _round(table, samples, here.mean, here.cov)
    change = _change(here.mean, here.cov, mean, cov)
    least_likely = history.likelihood - _SLACK * np.abs(history.likelihood)
    bad = (singular | ~(likelihood >= least_likely)) & history.known.any(axis=0)
    old, new = _packed(here.mean, here.cov), _packed(mean, cov)
    move = new - old
    slot = int(here.rounds.max(initial=0)) % _MEMORY
    points, moves, known = history.points, history.moves, history.known.copy()
    points[slot], moves[slot] = old - history.point, move - history.move
    known[slot] = np.isfinite(here.change)  # not after the start, nor after a point that was dropped
    known[:, bad] = False
    # A dropped point leaves no trace: the plain step that was made before it is taken instead.
    target = _extrapolated(new, move, points, moves, known)
    target = np.where(bad, history.safe, target)
    done = (change < change_min) & ~bad
    target = np.where(done, new, target)
    kept = np.where(bad, history.likelihood, likelihood)
    after = _History(points, moves, known, old, move, np.where(bad, history.safe, new), kept)
    cov_next = target[k:].reshape(k, k, -1)
    moved, flat = np.where(bad, np.inf, change), near_singular(cov, least)
    fit = Fit(target[:k], cov_next, moved, singular & ~bad, flat & ~bad, done, here.rounds + 1)
    return fit, after


def _extrapolated(new: Array, move: Array, points: Array, moves: Array, known: Bools) -> Array:
    """The point where moves would vanish if they were linear in the last steps; halved towards the plain step while
    its covariance isn't positive.
    """
    used = np.where(known[:, None], moves, 0.0)
    back = np.where(known[:, None], points, 0.0) + used
    gram = np.array([(used[i] * used).sum(axis=1) for i in range(_MEMORY)])
    right = (used * move).sum(axis=1)
    size = np.array([gram[i, i] for i in range(_MEMORY)])
    for i in range(_MEMORY):
        gram[i, i] += np.where(size[i] > 0, 1e-12 * size[i], 1.0)
    factor = _solved(np.moveaxis(gram, -1, 0), right.T).T
    target = new - (back * factor[:, None]).sum(axis=0)
    which = np.flatnonzero(_improper(target))
    for _ in range(_HALVINGS):
        if not which.size:
            break
        target[:, which] = (target[:, which] + new[:, which]) / 2
        which = which[_improper(target[:, which])]
    target[:, which] = new[:, which]
    return target


def _improper(point: Array) -> Bools:
    k = math.isqrt(len(point))  # k means and k * k covariances
    finite = np.isfinite(point).all(axis=0)
    cov = np.where(finite, point[k:], 0.0).reshape(k, k, -1)
    return near_singular(cov, SINGULAR)


def _solved(a: Array, b: Array) -> Array:
    """`[sample, h]` solutions of positive definite systems; zero in directions that are singular."""
    factor, _ = cholesky(a)
    h = a.shape[-1]
    x = b.copy()
    for i in range(h):
        pivot = factor[:, i, i]
        x[:, i] -= (factor[:, i, :i] * x[:, :i]).sum(axis=-1)
        x[:, i] = np.where(pivot > 0, x[:, i] / np.where(pivot > 0, pivot, 1.0), 0.0)
    for i in reversed(range(h)):
        pivot = factor[:, i, i]
        x[:, i] -= (factor[:, i + 1 :, i] * x[:, i + 1 :]).sum(axis=-1)
        x[:, i] = np.where(pivot > 0, x[:, i] / np.where(pivot > 0, pivot, 1.0), 0.0)
    return x
