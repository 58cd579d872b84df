"""Variances of surveys against published results of R's `survey` package, of Stata, and of samplics' own suite.

- R: `survey` (T. Lumley), data set `fpc` (8 rows), stored output of its tests `fpc.Rout.save` and `domain.Rout.save`;
  Stata prints the same example with more digits (Survey Data Reference Manual, [SVY], `fpc`: mean 5.448148, standard
  errors .7412683 without and .6160407 with the correction).
- samplics 0.2 (M. S. Diallo, JOSS 6 (2021) 3376), `tests/estimation/test_expansion_fpc.py`, on its 21 invented rows of
  three strata: units of several people, with and without strata, domains, and a ratio.

Tolerance: half a unit of the last printed digit, which is about 1e-7 of the value where seven digits are printed.
R itself is not run: the `api` data sets of the package, on which it prints lonely units, are in no package we may use.
"""

from __future__ import annotations

import numpy as np
import pytest

from concordat.evidence.survey import design, mean_scores, taylor_covariance, taylor_variance

# stratum, unit, weight, units in the population, x
R_FPC = [
    (1, 1, 3, 15, 2.8), (1, 2, 3, 15, 4.1), (1, 3, 3, 15, 6.8), (1, 4, 3, 15, 6.8), (1, 5, 3, 15, 9.2),
    (2, 1, 4, 12, 3.7), (2, 2, 4, 12, 6.6), (2, 3, 4, 12, 4.2),
]  # fmt: skip
# stratum, unit, weight, units in the population, y, x, domain
SAMPLICS = [
    (1, 1, 3, 15, 5.54, 2.8, 1), (1, 2, 3, 15, 7.7, 4, 1), (1, 3, 3, 15, 11.48, 6.1, 1), (1, 4, 3, 15, 12.2, 6.5, 2),
    (1, 5, 3, 15, 16.7, 9, 2), (2, 1, 3, 9, 7.16, 3.7, 1), (2, 1, 3, 9, 2.66, 1.2, 1), (2, 2, 3, 9, 9.5, 5, 2),
    (2, 2, 3, 9, 9.5, 5, 2), (2, 3, 3, 9, 7.7, 4, 1), (2, 3, 3, 9, 13.1, 7, 2), (3, 1, 5, 20, 6.26, 3.2, 1),
    (3, 1, 5, 20, 16.7, 9, 1), (3, 1, 5, 20, 5.54, 2.8, 1), (3, 2, 5, 20, 8.42, 4.4, 2), (3, 2, 5, 20, 8.6, 4.5, 2),
    (3, 3, 5, 20, 11.3, 6, 2), (3, 3, 5, 20, 11.12, 5.9, 1), (3, 4, 5, 20, 12.74, 6.8, 1),
    (3, 4, 5, 20, 11.48, 6.1, 1), (3, 4, 5, 20, 16.52, 8.9, 1),
]  # fmt: skip


def _columns(rows: list[tuple[float, ...]]) -> list[np.ndarray]:
    return [np.array(column, dtype=float) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("corrected", "error"), [(False, 0.7412683), (True, 0.6160407)])
def test_the_mean_of_a_stratified_sample_is_that_of_r_and_stata(corrected: bool, error: float) -> None:
    stratum, unit, weight, population, x = _columns(R_FPC)
    how = design(8, strata=stratum, units=unit, population=population if corrected else None)
    mean, z = mean_scores(x, weight, np.ones(8, dtype=bool))
    assert mean == pytest.approx(5.448148, abs=5e-7)
    assert taylor_variance(z, how) ** 0.5 == pytest.approx(error, abs=5e-8)
    assert how.degrees_of_freedom == 6


def test_a_share_of_units_says_the_same_as_their_number() -> None:
    stratum, unit, weight, _, x = _columns(R_FPC)
    drawn = np.where(stratum == 1, 5 / 15, 3 / 12)  # the form fpc=~I(nh/Nh) of R's tests
    _, z = mean_scores(x, weight, np.ones(8, dtype=bool))
    how = design(8, strata=stratum, units=unit, population=drawn)
    assert taylor_variance(z, how) ** 0.5 == pytest.approx(0.6160407, abs=5e-8)


@pytest.mark.parametrize(("above", "mean", "error"), [(True, 6.195, 0.7555129), (False, 3.314286, 0.3117042)])
def test_a_domain_keeps_the_whole_design_as_in_r(above: bool, mean: float, error: float) -> None:
    stratum, unit, weight, _, x = _columns(R_FPC)
    found, z = mean_scores(x, weight, (x > 4) == above)
    assert found == pytest.approx(mean, abs=5e-7)
    assert taylor_variance(z, design(8, strata=stratum, units=unit)) ** 0.5 == pytest.approx(error, abs=5e-8)


@pytest.mark.parametrize(
    ("strata", "domain", "mean", "error"),
    [
        (True, None, 10.27855, 0.7750964),
        (False, None, 10.27855, 1.126881),
        (True, 1, 9.972075, 1.05736),
        (True, 2, 10.82, 0.9217838),
        (False, 1, 9.972075, 1.481254),
        (False, 2, 10.82, 1.30148),
    ],
)
def test_units_of_several_people_give_the_errors_of_samplics(
    strata: bool, domain: int | None, mean: float, error: float
) -> None:
    stratum, unit, weight, population, y, _, domains = _columns(SAMPLICS)
    # Without strata samplics takes the same number for one unit of each stratum, and 5 of 44 for the correction.
    how = design(
        21,
        strata=stratum if strata else None,
        units=unit,
        population=population if strata else np.full(21, 5 / 44),
    )
    people = np.ones(21, dtype=bool) if domain is None else domains == domain
    found, z = mean_scores(y, weight, people)
    assert found == pytest.approx(mean, rel=5e-7)
    assert taylor_variance(z, how) ** 0.5 == pytest.approx(error, rel=1e-6)


def test_any_linearised_statistic_can_be_asked_for_a_ratio_and_a_total() -> None:
    stratum, unit, weight, population, y, x, _ = _columns(SAMPLICS)
    how = design(21, strata=stratum, units=unit, population=population)
    ratio = (weight * y).sum() / (weight * x).sum()
    scores = np.stack([weight * (y - ratio * x) / (weight * x).sum(), weight * y], axis=1)
    errors = np.sqrt(np.diag(taylor_covariance(scores, how)))
    assert ratio == pytest.approx(1.892038, abs=5e-7)
    assert errors == pytest.approx([0.0072954, 97.41386], rel=5e-6)
