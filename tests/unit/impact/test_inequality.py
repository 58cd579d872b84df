"""Inequality between members: by hand, by persons one by one, and what is not computed."""

import math

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.inequality import inequality

FIFTHS = np.array([[0.05, 0.1, 0.15, 0.25, 0.45], [0.1, 0.15, 0.2, 0.25, 0.3]])


def persons(income: float, people: int, fifths: np.ndarray) -> np.ndarray:
    """Everybody's income, one by one: all of a fifth have the same."""
    return np.repeat(5 * fifths * income / people, people // 5)


def theil(incomes: np.ndarray) -> float:
    ratio = incomes / incomes.mean()
    return float((ratio * np.log(ratio)).mean())


def gini(incomes: np.ndarray) -> float:
    return float(np.abs(incomes[:, None] - incomes[None]).mean() / (2 * incomes.mean()))


def top_over_bottom(incomes: np.ndarray) -> float:
    ordered = np.sort(incomes)
    return float(ordered[-len(ordered) // 10 :].sum() / ordered[: 4 * len(ordered) // 10].sum())


def test_between_countries_as_persons_who_all_have_the_mean() -> None:
    found = inequality([400.0, 300.0], [20, 80])
    everybody = np.array([20.0] * 20 + [3.75] * 80)
    assert found.theil == pytest.approx(theil(everybody), abs=1e-12)
    assert found.gini == pytest.approx(gini(everybody), abs=1e-12)
    assert found.top10_bottom40 == pytest.approx(top_over_bottom(everybody), abs=1e-12)
    assert found.atkinson == pytest.approx(1 - math.exp(np.log(everybody).mean()) / everybody.mean(), abs=1e-12)
    assert found.within is None
    assert found.within_reason.startswith("not computed")


def test_with_fifths_the_parts_add_up_to_the_inequality_of_all_persons() -> None:
    found = inequality([400.0, 300.0], [20, 80], quintiles=FIFTHS)
    everybody = np.concatenate([persons(400, 20, FIFTHS[0]), persons(300, 80, FIFTHS[1])])
    assert found.overall == pytest.approx(theil(everybody), abs=1e-12)
    assert found.theil + found.within == pytest.approx(found.overall, abs=1e-12)
    own = sum(share * float((f * np.log(5 * f)).sum()) for share, f in zip((4 / 7, 3 / 7), FIFTHS, strict=True))
    assert found.within == pytest.approx(own, abs=1e-12)
    assert found.overall_top10_bottom40 == pytest.approx(top_over_bottom(everybody), abs=1e-12)


def test_each_country_once() -> None:
    found = inequality([400.0, 300.0], [20, 80], weighting="member", quintiles=FIFTHS)
    assert found.gini == pytest.approx(gini(np.array([20.0, 3.75])), abs=1e-12)
    assert found.within is None
    assert found.within_reason == "not computed: countries count, not persons"


def test_equal_incomes_have_none_and_the_unit_does_not_matter() -> None:
    equal = inequality([10.0, 30.0], [1, 3])
    assert (equal.theil, equal.gini) == pytest.approx((0, 0), abs=1e-15)
    assert equal.top10_bottom40 == pytest.approx(0.25, abs=1e-12)  # 10 % over 40 %
    one, other = inequality([1.0, 9.0], [1, 3]), inequality([1e6, 9e6], [1e3, 3e3])
    assert one.theil == pytest.approx(other.theil, rel=1e-12)


def test_incomes_below_zero_are_not_computed_and_nothing_is_raised() -> None:
    found = inequality([-1.0, 3.0], [1, 1], quintiles=FIFTHS)
    assert found.theil is None
    assert found.gini is None
    assert "not above zero" in found.reason
    assert inequality([4.0, 3.0], [1, 1], quintiles=np.array([[0, 0.1, 0.2, 0.3, 0.4]] * 2)).within is None


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InputError):
        inequality([1.0], [1, 2])
    with pytest.raises(InputError):
        inequality([1.0, 2.0], [1, 0])
