"""Poisson pseudo-maximum likelihood with high-dimensional fixed effects: which coefficients make the flows?

    X = exp(z' b + effects) + error,     sum (X - mu) z = 0  and  sum (X - mu) = 0 within every group

Iterated weighted least squares. In each step the groups' effects are taken out of the regressors and of the working
residual `(X - mu) / mu` (see `_projection`). Regressors without them are the start of the next step, and early steps
are solved loosely: since the fixed point is the score itself, coefficients don't suffer. Starting values are half the
outcome and half the mean of its finest group.

**Existence.** An estimate need not exist: a group that never trades has an effect of minus infinity, and so may have
a combination of regressors and effects that is zero wherever there is trade. Rows of groups without any trade, and rows
alone in their group, are dropped first. Any other separated row shows itself at the end: all rows with trade stand
still, while its own mean falls towards zero. For such rows a direction in the span of regressors and effects is sought
that is zero on all trade and negative on them: the certificate of separation. Rows that have one say nothing about the
coefficients; they are dropped, counted, and the rest is estimated again.

Sources: Santos Silva and Tenreyro 2006, 2010 (PPML, existence); Correia, Guimaraes and Zylkin 2020 (ppmlhdfe) and 2019
(separation; the details of their own algorithms are **unverified**, the certificate is not). Held to pyfixest and to
published coefficients in tests. It does not correct the small-sample bias of three sets of effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact._projection import TIGHT, Array, Index, Projection

STEPS_MAX = 200
STILL = 1e-8  # largest change of a row's index that counts as none
FALLING = 0.5  # a separated row's index falls by about 1 a step, for ever
SUSPECT = 1e-6  # of the mean of its groups: a row without trade whose own mean is below may be separated
FAINT = 1e-6  # weight of suspects, against 1 of the others, when a direction is sought
ZERO = 0.01  # of a direction, on rows that are no suspects
LOOSE = 1e-3  # tolerance of the first projections
HALVINGS_MAX = 30
KEPT, WITHOUT_TRADE, ALONE, SEPARATED = range(4)  # what became of a row
REASONS = {
    WITHOUT_TRADE: "in a group without any trade",
    ALONE: "alone in its group",
    SEPARATED: "separated by regressors and groups",
}
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PoissonFit:
    """A fit on n rows, of which m were used, with k regressors.

    Attributes:
        coefficients: (k,). partialled: (m, k), the regressors without the groups' effects, at the final weights.
        mean: (m,) mu, in units of the outcome. outcome: (m,). rows: (m,) their places among the n.
        fate: (n,), `KEPT` or one of `REASONS`. levels: how many groups each set has among the m rows.
        steps: of weighted least squares. projections: conjugate-gradient steps in all. change: of the last step, the
            largest of the index of a row with trade.
    """

    coefficients: Array
    partialled: Array
    mean: Array
    outcome: Array
    rows: Index
    fate: NDArray[np.int8]
    levels: tuple[int, ...]
    steps: int
    projections: int
    change: float


def fit_poisson(outcome: Array, regressors: Array, groups: Sequence[Index], names: Sequence[str] = ()) -> PoissonFit:
    """PPML of an outcome on regressors and one or more sets of group effects.

    Args:
        outcome: (n,), zero or more. regressors: (n, k). groups: for each set of effects (n,) whole numbers from 0.
        names: (k,) of the regressors, for messages.

    Raises:
        MethodError: nothing is left to estimate from; a regressor doesn't vary once the effects are taken out; the
            iteration doesn't come to rest.

    >>> trade = np.array([8.0, 2.0, 3.0, 12.0])  # 2 x 2, a border between the two
    >>> border = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> fit = fit_poisson(trade, border, [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])])
    >>> round(float(fit.coefficients[0]), 6) == round(float(np.log(2 * 3 / (8 * 12))) / 2, 6)
    True
    """
    n, k = regressors.shape
    assert outcome.shape == (n,)
    assert groups
    assert all(g.shape == (n,) for g in groups)
    assert float(outcome.min(initial=0.0)) >= 0, "the caller refuses negative outcomes"
    names = names or [f"regressor {j + 1}" for j in range(k)]
    fate = np.zeros(n, dtype=np.int8)
    while True:  # every turn but the last drops a row
        _drop_bare_groups(outcome, groups, fate)
        rows = np.flatnonzero(fate == KEPT)
        sets = [_renumbered(g[rows]) for g in groups]
        levels = tuple(int(g.max(initial=-1)) + 1 for g in sets)
        if len(rows) < k + sum(levels) - len(levels) + 1 or not len(rows):
            what = f"{len(rows)} of {n} rows are left for {k} coefficients and {sum(levels)} group effects."
            hint = "Give more years or economies, or a formula with fewer effects."
            raise MethodError(what, hint=hint, code="too_few")
        out = Projection(sets, levels)
        out.refuse_collinear(regressors[rows], names, int((fate == SEPARATED).sum()))
        rest = _Search(outcome[rows], regressors[rows], out, names)
        rest.run()
        separated = rest.separated()
        if not separated.any():
            break
        fate[rows[separated]] = SEPARATED
    coefficients, partialled = rest.finish()
    return PoissonFit(
        coefficients, partialled, rest.mu * rest.scale, outcome[rows], rows, fate, levels, rest.steps, out.steps,
        rest.change,
    )  # fmt: skip


def clustered_covariance(fit: PoissonFit, clusters: Index | None) -> Array:
    """(k, k) sandwich covariance, by clusters or by single rows, **without** any small-sample factor.

    `B (sum_g s_g s_g') B` with `B = (Z' diag(mu) Z)^-1`, `s_g` the cluster's sum of `Z (X - mu)`, Z without effects.

    Args:
        clusters: (n,) whole numbers from 0 for all rows of the fit's input; None for heteroskedasticity alone.
    """
    z = fit.partialled
    scores = z * (fit.outcome - fit.mean)[:, None]
    if clusters is not None:
        member = _renumbered(clusters[fit.rows])
        scores = np.stack([np.bincount(member, column) for column in scores.T], axis=1)
    bread = np.linalg.inv(z.T @ (fit.mean[:, None] * z))
    found: Array = bread @ (scores.T @ scores) @ bread
    return (found + found.T) / 2


def nested(inner: Index, outer: Index) -> bool:
    """Whether every group of one set lies within one group of the other (pair effects within pair clusters).

    >>> nested(np.array([0, 0, 1]), np.array([5, 5, 5])), nested(np.array([0, 0, 1]), np.array([5, 6, 6]))
    (True, False)
    """
    first = np.zeros(int(inner.max(initial=0)) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool((first[inner] == outer).all())


def _drop_bare_groups(outcome: Array, groups: Sequence[Index], fate: NDArray[np.int8]) -> None:
    """Mark the rows of groups without any trade, then rows alone in their group, until there are none."""
    while True:
        before = int((fate == KEPT).sum())
        for group in groups:
            kept = fate == KEPT
            total = np.bincount(group, outcome * kept)
            fate[kept & (total[group] == 0)] = WITHOUT_TRADE
        for group in groups:
            kept = fate == KEPT
            size = np.bincount(group, kept)
            fate[kept & (size[group] == 1)] = ALONE
        if int((fate == KEPT).sum()) == before:
            return


def _renumbered(groups: Index) -> Index:
    """The same groups, counted from 0 without gaps."""
    used = np.bincount(groups) > 0
    places: Index = (np.cumsum(used) - 1)[groups].astype(np.intp)
    return places


class _Search:
    """The iteration on rows whose groups all trade; the outcome is scaled to a mean of 1."""

    def __init__(self, outcome: Array, regressors: Array, out: Projection, names: Sequence[str]) -> None:
        self.scale = float(outcome.mean())
        self.y: Array = outcome / self.scale
        self.trading: Mask = self.y > 0
        self.regressors, self.out, self.names = regressors, out, names
        self.mu: Array = (self.y + out.means(self.y)) / 2
        self.index: Array = np.zeros_like(self.y)
        self.move: Array = np.zeros_like(self.y)
        self.deviance = np.inf
        self.steps = 0
        self.change = np.inf

    def run(self) -> None:
        """Step until rows with trade stand still, and rows without do too or fall as separated ones do.

        Raises:
            MethodError: they don't.
        """
        working = np.log(self.mu) + (self.y - self.mu) / self.mu
        partialled, tolerance = self.regressors, LOOSE
        while not self._at_rest():
            if self.steps == STEPS_MAX:
                what = f"no rest in {STEPS_MAX} steps: the last one moved a row's index by {self.change:.1e}."
                hint = "Look for regressors that hardly vary where there is trade."
                raise MethodError(what, hint=hint, code="no_convergence")
            self.out.weigh(self.mu)
            partialled = self.out.residuals(partialled, max(tolerance, 1e-6), self.names)
            residual = self.out.residual(working, tolerance)
            self._advance(working - (residual - partialled @ _least_squares(partialled, self.mu, residual)))
            working = (self.y - self.mu) / self.mu
            tolerance = min(LOOSE, max(TIGHT, 0.01 * float(np.sqrt(np.average(self.move**2, weights=self.mu)))))

    def _advance(self, move: Array) -> None:
        """A step that does not raise the deviance; halved where it would."""
        for _ in range(HALVINGS_MAX):
            index = self.index + move
            mu: Array = np.asarray(np.exp(np.minimum(index, 700.0)), dtype=float)
            deviance = self._deviance(index, mu)
            if deviance <= self.deviance * (1 + 1e-10) + 1e-12:
                break
            move = move / 2
        self.index, self.mu, self.move, self.deviance = index, mu, move, deviance
        self.change = float(np.abs(move[self.trading]).max())
        self.steps += 1

    def _deviance(self, index: Array, mu: Array) -> float:
        """Twice the gap of the log-likelihood to that of a perfect fit."""
        y = self.y[self.trading]
        return 2 * float((y * (np.log(y) - index[self.trading])).sum() - (self.y - mu).sum())

    def _at_rest(self) -> bool:
        return self.change < STILL and bool(((np.abs(self.move) < STILL) | self._falling()).all())

    def _falling(self) -> Mask:
        found: Mask = ~self.trading & (self.move < -FALLING)
        return found

    def separated(self) -> Mask:
        """Rows with a certificate of separation, among those without trade whose mean falls or is tiny.

        The direction is the fit of -1 on suspects and 0 on all other rows, suspects weighing next to nothing: where
        there is no certificate it is zero everywhere, up to that weight.
        """
        out = self.out
        out.weigh(np.ones_like(self.mu))
        suspect: Mask = self._falling() | (~self.trading & (self.mu < SUSPECT * out.smallest_means(self.mu)))
        if not suspect.any():
            return suspect
        out.weigh(np.where(suspect, FAINT, 1.0))
        target = np.where(suspect, -1.0, 0.0)
        partialled = out.residuals(self.regressors, TIGHT, self.names)
        left = out.residual(target, TIGHT)
        direction = target - (left - partialled @ _least_squares(partialled, out.weights, left))
        certified = float(np.abs(direction[~suspect]).max(initial=0.0)) < ZERO
        found: Mask = suspect & (direction < -FALLING) & certified
        return found

    def finish(self) -> tuple[Array, Array]:
        """The coefficients, and the regressors without effects, at the final weights."""
        self.out.weigh(self.mu)
        partialled = self.out.residuals(self.regressors, TIGHT, self.names)
        return _least_squares(partialled, self.mu, self.out.residual(self.index, TIGHT * 0.01)), partialled


def _least_squares(partialled: Array, weights: Array, column: Array) -> Array:
    """(k,) weighted least squares on scaled columns; where those are collinear, the shortest solution."""
    weighted = weights[:, None] * partialled
    square = partialled.T @ weighted
    size = np.sqrt(np.diagonal(square))
    size = np.where(size > 0, size, 1.0)
    scaled = np.linalg.lstsq(square / np.outer(size, size), weighted.T @ column / size, rcond=None)[0]
    found: Array = scaled / size
    return found
