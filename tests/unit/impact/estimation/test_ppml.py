"""PPML against plain loops with dummies, closed forms and constructed separation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact import ppml
from concordat.impact._projection import Projection
from concordat.impact.ppml import ALONE, KEPT, SEPARATED, WITHOUT_TRADE, clustered_covariance, fit_poisson

Array = NDArray[np.float64]
SIZE, YEARS = 8, 3


class Drawn:
    """A random panel of 8 economies and 3 years with exporter-year, importer-year and pair effects."""

    def __init__(self, seed: int = 1) -> None:
        rng = np.random.Generator(np.random.PCG64(seed))
        cells = np.meshgrid(range(SIZE), range(SIZE), range(YEARS), indexing="ij")
        self.i, self.j, self.t = (c.ravel().astype(np.intp) for c in cells)
        self.x = rng.normal(size=(len(self.i), 2))
        effects = rng.normal(size=SIZE)[self.i] + rng.normal(size=SIZE)[self.j]
        self.y = rng.poisson(np.exp(1 + self.x @ [0.4, -0.3] + effects)).astype(float)
        self.pair = np.minimum(self.i, self.j) * SIZE + np.maximum(self.i, self.j)
        self.groups = [self.i * YEARS + self.t, self.j * YEARS + self.t]


def with_dummies(y: Array, x: Array, groups: list[NDArray[np.intp]]) -> tuple[Array, Array, Array]:
    """Newton's method with every dummy as a column: coefficients, covariance by rows' scores, means."""
    columns = [x] + [(g[:, None] == np.unique(g)).astype(float) for g in groups]
    z = np.concatenate(columns, axis=1)
    b = np.linalg.lstsq(z, np.log(y + 0.5), rcond=None)[0]
    for _ in range(100):
        mu = np.exp(z @ b)
        b = b + np.linalg.pinv(z.T @ (mu[:, None] * z), rcond=1e-12) @ (z.T @ (y - mu))
    mu = np.exp(z @ b)
    bread = np.linalg.pinv(z.T @ (mu[:, None] * z), rcond=1e-12)
    scores = z * (y - mu)[:, None]
    k = x.shape[1]
    return b[:k], (bread @ scores.T @ scores @ bread)[:k, :k], mu


def test_a_border_between_two_is_half_the_log_odds_ratio() -> None:
    trade = np.array([8.0, 2.0, 3.0, 12.0])
    fit = fit_poisson(trade, np.array([[0.0], [1], [1], [0]]), [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])])
    assert fit.coefficients[0] == pytest.approx(np.log(2 * 3 / (8 * 12)) / 2, rel=1e-9)
    assert fit.mean == pytest.approx(trade, rel=1e-9)


@pytest.mark.parametrize("three", [False, True])
def test_coefficients_covariance_and_means_are_those_with_dummies(three: bool) -> None:
    drawn = Drawn()
    groups = [*drawn.groups, drawn.pair] if three else drawn.groups
    fit = fit_poisson(drawn.y, drawn.x, groups)
    coefficients, covariance, mean = with_dummies(drawn.y[fit.rows], drawn.x[fit.rows], [g[fit.rows] for g in groups])
    assert fit.coefficients == pytest.approx(coefficients, abs=1e-8)
    assert clustered_covariance(fit, None) == pytest.approx(covariance, rel=1e-6)
    assert fit.mean == pytest.approx(mean, rel=1e-6)


def test_clusters_of_one_row_are_no_clusters() -> None:
    drawn = Drawn()
    fit = fit_poisson(drawn.y, drawn.x, drawn.groups)
    alone = clustered_covariance(fit, np.arange(len(drawn.y)))
    assert alone == pytest.approx(clustered_covariance(fit, None), rel=1e-12)
    assert clustered_covariance(fit, drawn.pair)[0, 0] != pytest.approx(alone[0, 0], rel=1e-3)


def test_groups_without_trade_and_rows_alone_go_and_coefficients_stay() -> None:
    drawn = Drawn()
    plain = fit_poisson(drawn.y, drawn.x, drawn.groups)
    more = [np.concatenate([g, [SIZE * YEARS] * 4]) for g in drawn.groups]  # four rows of a new economy, no trade
    x = np.concatenate([drawn.x, np.ones((4, 2))])
    fit = fit_poisson(np.concatenate([drawn.y, np.zeros(4)]), x, more)
    assert (fit.fate[-4:] == WITHOUT_TRADE).all()
    assert fit.coefficients == pytest.approx(plain.coefficients, rel=1e-9)
    single = [np.concatenate([g, [SIZE * YEARS]]) for g in drawn.groups]
    fit = fit_poisson(np.append(drawn.y, 7.0), np.concatenate([drawn.x, np.ones((1, 2))]), single)
    assert fit.fate[-1] == ALONE
    assert fit.coefficients == pytest.approx(plain.coefficients, rel=1e-9)


def test_rows_separated_by_effects_alone_are_found() -> None:
    """Two blocks that trade within; the only rows between them run one way and are zero."""
    drawn = Drawn()
    first, second = drawn.i < 4, drawn.j < 4
    between = ~first & second
    kept = ~(first & ~second)
    y = np.where(between, 0.0, drawn.y)[kept]
    fit = fit_poisson(y, drawn.x[kept], [g[kept] for g in drawn.groups])
    assert ((fit.fate == SEPARATED) == between[kept]).all()
    within = kept & ~between
    plain = fit_poisson(drawn.y[within], drawn.x[within], [g[within] for g in drawn.groups])
    assert fit.coefficients == pytest.approx(plain.coefficients, rel=1e-8)


def test_both_ways_nothing_is_separated() -> None:
    drawn = Drawn()
    y = np.where((drawn.i < 4) != (drawn.j < 4), 0.0, drawn.y)
    y[(drawn.i == 0) & (drawn.j == 5)] = 2.0
    y[(drawn.i == 5) & (drawn.j == 0)] = 3.0
    fit = fit_poisson(y, drawn.x, drawn.groups)
    assert (fit.fate == KEPT).all()


@pytest.fixture
def bare() -> tuple[Drawn, NDArray[np.intp]]:
    """A panel, and six of its rows without trade."""
    drawn = Drawn(5)
    return drawn, np.flatnonzero(drawn.y == 0)[:6]


def test_a_regressor_that_only_separates_is_refused_by_name(bare: tuple[Drawn, NDArray[np.intp]]) -> None:
    drawn, rows = bare
    only = np.zeros(len(drawn.y))
    only[rows] = 1
    x = np.column_stack([drawn.x[:, 0], only])
    with pytest.raises(MethodError, match=r"only_here does not vary .* 6 rows without trade, separated by it"):
        fit_poisson(drawn.y, x, drawn.groups, ["x", "only_here"])


def test_a_regressor_that_separates_some_rows_keeps_the_others(bare: tuple[Drawn, NDArray[np.intp]]) -> None:
    """`wide - narrow` is zero on all trade and 1 on six rows; each alone is not. Left are two equal regressors."""
    drawn, rows = bare
    narrow = np.zeros(len(drawn.y))
    narrow[np.flatnonzero(drawn.y > 0)[::5]] = 1
    wide = narrow.copy()
    wide[rows] = 1
    with pytest.raises(MethodError, match="wide does not vary"):
        fit_poisson(drawn.y, np.column_stack([narrow, wide]), drawn.groups, ["narrow", "wide"])
    # With a slope of its own on one more row of trade, wide is no copy of narrow: nothing is separated.
    wide[np.flatnonzero(drawn.y > 0)[1]] = 1
    fit = fit_poisson(drawn.y, np.column_stack([narrow, wide]), drawn.groups)
    assert (fit.fate == KEPT).all()


def test_rows_of_both_signs_are_not_separated(bare: tuple[Drawn, NDArray[np.intp]]) -> None:
    drawn, rows = bare
    signs = np.zeros(len(drawn.y))
    signs[rows] = [1, 1, 1, -1, -1, -1]
    fit = fit_poisson(drawn.y, np.column_stack([drawn.x[:, 0], signs]), drawn.groups)
    coefficients, _, _ = with_dummies(drawn.y, np.column_stack([drawn.x[:, 0], signs]), drawn.groups)
    assert (fit.fate == KEPT).all()
    assert fit.coefficients == pytest.approx(coefficients, abs=1e-7)


def test_what_the_effects_explain_is_refused() -> None:
    drawn = Drawn()
    x = np.column_stack([drawn.x[:, 0], 3.0 * drawn.i + drawn.t])
    with pytest.raises(MethodError, match="size does not vary once the fixed effects"):
        fit_poisson(drawn.y, x, drawn.groups, ["x", "size"])
    with pytest.raises(MethodError, match="twice does not vary"):
        fit_poisson(drawn.y, np.column_stack([x[:, 0], 2 * x[:, 0]]), drawn.groups, ["x", "twice"])


def test_too_few_rows_and_nothing_traded() -> None:
    two_by_two = [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]
    with pytest.raises(MethodError, match="4 of 4 rows are left for 2 coefficients and 4 group effects"):
        fit_poisson(np.ones(4), np.ones((4, 2)), two_by_two)
    with pytest.raises(MethodError, match="0 of 4 rows are left"):
        fit_poisson(np.zeros(4), np.ones((4, 1)), [np.array([0, 0, 1, 1])])


def test_flows_over_fifteen_orders_of_magnitude() -> None:
    """Tiny flows beside large ones: groups' margins hold, each relative to itself."""
    drawn = Drawn()
    y = drawn.y * 10.0 ** ((drawn.i + drawn.j) - SIZE)
    fit = fit_poisson(y, drawn.x, drawn.groups)
    for group in drawn.groups:
        wanted = np.bincount(group[fit.rows], fit.outcome)
        assert np.bincount(group[fit.rows], fit.mean) == pytest.approx(wanted, rel=1e-6)


def test_an_iteration_without_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn()
    monkeypatch.setattr(ppml, "STEPS_MAX", 2)
    with pytest.raises(MethodError, match="no rest in 2 steps"):
        fit_poisson(drawn.y, drawn.x, drawn.groups)


def test_a_projection_leaves_nothing_of_the_groups() -> None:
    drawn = Drawn()
    rng = np.random.Generator(np.random.PCG64(2))
    sets = [*drawn.groups, ppml._renumbered(drawn.pair)]
    out = Projection(sets, [int(g.max()) + 1 for g in sets])
    out.weigh(rng.uniform(0.1, 10, len(drawn.y)))
    left = out.residual(drawn.x[:, 0], 1e-12)
    for group in sets:
        assert np.abs(np.bincount(group, out.weights * left)).max() < 1e-9
    dummies = np.concatenate([(g[:, None] == np.unique(g)).astype(float) for g in sets], axis=1)
    root = np.sqrt(out.weights)
    fitted = dummies @ np.linalg.lstsq(dummies * root[:, None], drawn.x[:, 0] * root, rcond=None)[0]
    assert left == pytest.approx(drawn.x[:, 0] - fitted, abs=1e-8)
