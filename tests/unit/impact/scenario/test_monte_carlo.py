"""Draws against SciPy's quantile functions, and what is said of a quantile's own error."""

from __future__ import annotations

import numpy as np
import pytest

import scenario_kit as kit
from concordat.errors import MethodError
from concordat.impact._streams import stream
from concordat.impact.distributions import Distribution, standard_normal
from concordat.impact.monte_carlo import BAND_MIN, central, checked_theta, draw, quantiles
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import load_parameters

U = (np.arange(999) + 0.5) / 999


def test_the_normal_quantile_is_scipys() -> None:
    from scipy.special import ndtri

    assert standard_normal(U) == pytest.approx(ndtri(U), abs=1e-12)


@pytest.mark.parametrize(
    ("made", "centre", "frozen"),
    [
        (Distribution("normal", sd=0.1038), 0.557, ("norm", (0.557, 0.1038))),
        (Distribution("triangular", low=3, high=7), 4.0, ("triang", (0.25, 3, 4))),
        (Distribution("uniform", low=-0.02, high=-0.015), -0.02, ("uniform", (-0.02, 0.005))),
        (Distribution("lognormal", sigma=0.3), 2.0, ("lognorm", (0.3, 0, 2.0))),
    ],
)
def test_quantiles_of_distributions_are_scipys(
    made: Distribution, centre: float, frozen: tuple[str, tuple[float, ...]]
) -> None:
    from scipy import stats

    wanted = getattr(stats, frozen[0])(*frozen[1]).ppf(U)
    assert made.quantile(U, centre) == pytest.approx(wanted, rel=1e-10)


def test_a_discrete_distribution_gives_its_weights() -> None:
    found = Distribution("discrete", values=(1.0, 2.0, 5.0), weights=(0.2, 0.5, 0.3)).quantile(U, 2.0)
    shares = [(found == v).mean() for v in (1.0, 2.0, 5.0)]
    assert shares == pytest.approx([0.2, 0.5, 0.3], abs=0.002)


def test_a_value_that_depends_on_the_level_is_looked_up_and_never_drawn() -> None:
    senegal = load_parameters()["mobile_broadband_gdp_senegal"]
    assert senegal.distribution is not None
    assert [senegal.distribution.at_level(x) for x in (0.3, 3, 9.9, 10, 50)] == [0, 0.0022, 0.0022, 0.0040, 0.0040]
    with pytest.raises(MethodError, match=r"mobile_broadband_gdp_senegal.*can't be drawn"):
        draw([senegal], load_parameters(), 10, 1)


def test_a_parameter_more_does_not_move_the_draws_of_the_others() -> None:
    book = load_parameters()
    rta, theta = book["rta_effect_goods"], book["trade_elasticity"]
    alone, both = draw([rta], book, 300, 7), draw([theta, rta], book, 300, 7)
    assert (alone[rta.id] == both[rta.id]).all()
    assert not np.allclose(both[theta.id][:5], draw([theta], book, 300, 8)[theta.id][:5])


def test_fewer_draws_are_the_first_of_more() -> None:
    book = load_parameters()
    theta = book["trade_elasticity"]
    assert (draw([theta], book, 50, 7)[theta.id] == draw([theta], book, 500, 7)[theta.id][:50]).all()


def test_a_stream_is_pcg64_seeded_by_sha256_of_seed_and_name() -> None:
    import hashlib

    seed = int.from_bytes(hashlib.sha256(b"7:trade_elasticity").digest()[:16], "big")
    wanted = np.random.Generator(np.random.PCG64(seed)).random(3)
    assert (stream(7, "trade_elasticity").random(3) == wanted).all()


def test_coefficients_of_one_estimation_are_drawn_with_their_covariance() -> None:
    record = """\
  - id: {id}
    value: {value}
    quantity: flow_effect_log
    distribution: {{kind: normal, sd: {sd}}}
    unit: log points
    source: {{id: note-1, where: table 1, url_or_doi: "https://example.org"}}
    grade: C
    mark: verified
"""
    text = "schema: concordat/parameters@1\nparameters:\n"
    text += record.format(id="a", value=1, sd=0.1) + record.format(id="b", value=-2, sd=0.2)
    text += "estimations: [{id: one, parameters: [a, b], covariance: [[0.01, -0.016], [-0.016, 0.04]]}]\n"
    book = parse_parameters(text)
    drawn = draw([book["b"], book["a"]], book, 40_000, 3)
    both = np.cov(drawn["a"], drawn["b"])
    assert both == pytest.approx(np.array([[0.01, -0.016], [-0.016, 0.04]]), rel=0.03)
    assert (drawn["a"].mean(), drawn["b"].mean()) == pytest.approx((1, -2), abs=0.005)
    alone = draw([book["b"]], book, 40_000, 3)
    assert (alone["b"] == drawn["b"]).all()


def test_an_elasticity_of_zero_or_less_is_refused_with_its_count() -> None:
    book = load_parameters()
    theta = book["trade_elasticity"]
    with pytest.raises(MethodError, match="1 of 2 draws of trade_elasticity"):
        checked_theta({theta.id: np.array([4.0, 0.0])}, theta)


@pytest.mark.parametrize("value", [-1.0, 1e-9, 0.249, 100.5, np.inf, np.nan])
def test_an_elasticity_out_of_bounds_is_refused_by_name(value: float) -> None:
    theta = load_parameters()["trade_elasticity"]
    with pytest.raises(MethodError, match=r"trade_elasticity lies outside 0\.25 to 100") as error:
        checked_theta({theta.id: np.array([value])}, theta)
    assert error.value.where == theta.place
    assert checked_theta({theta.id: np.array([0.25, 100.0])}, theta).tolist() == [0.25, 100.0]


def test_a_draw_that_overflows_is_refused_by_name() -> None:
    text = kit.OWN.replace("kind: normal, sd: 0.1}", "kind: lognormal, sigma: 1.0e+6}", 1)
    book = parse_parameters(text, where="own.yaml")
    with pytest.raises(MethodError, match="a draw of half is too large") as error:
        draw([book["half"]], book, 50, 1)
    assert error.value.where == "own.yaml, line 3"


def test_central_values_are_those_of_the_records() -> None:
    book = load_parameters()
    assert central([book["trade_elasticity"]])["trade_elasticity"].tolist() == [4.0]


# --- What is said of quantiles ----------------------------------------------------------------------------------------


def test_the_monte_carlo_error_is_that_of_many_runs() -> None:
    """Second method: the spread of the quantile over 400 samples."""
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(400, 1000))
    spread = np.quantile(samples, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1).std(axis=1)
    said = np.mean([quantiles(s).errors for s in samples], axis=0)
    assert said == pytest.approx(spread, rel=0.15)


def test_a_band_needs_200_draws() -> None:
    assert BAND_MIN == 200
    few, many = quantiles(np.arange(199.0)), quantiles(np.arange(200.0))
    assert not few.band
    assert "quantiles" not in few.to_value()
    assert set(many.to_value()["quantiles"]) == {"q05", "q25", "q50", "q75", "q95"}
    assert set(many.to_value()["monte_carlo_error"]) == {"q05", "q25", "q50", "q75", "q95"}


def test_gaining_counts_draws_above_zero_alone() -> None:
    assert quantiles(np.array([-1.0, 0.0, 1.0, 2.0])).gaining == 0.5
