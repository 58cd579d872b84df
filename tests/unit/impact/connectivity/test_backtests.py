"""The back-test: one sample for all, the baseline by hand, what can't be judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity import backtest
from concordat.impact.connectivity.backtests import reference_baseline
from concordat.impact.connectivity.series import make_panel
from connectivity_kit import spread_of


def test_the_baseline_is_the_median_drift_of_the_sample_and_of_nobody_else() -> None:
    """B and C set the drift; D has no target and E no figure five years before, so neither counts."""
    series = {
        "B": {2000: 20.0, 2005: 40.0, 2012: 60.0},
        "C": {2000: 10.0, 2005: 40.0, 2012: 70.0},
        "D": {2000: 1.0, 2005: 90.0},
        "E": {2003: 5.0, 2005: 50.0, 2012: 55.0},
    }
    sample, made = reference_baseline(make_panel(series), 2005, 7)
    assert sample.tolist() == [True, True, False, False]

    def logit(p: float) -> float:
        return float(np.log(p / (100 - p)))

    drift = ((logit(40) - logit(20)) / 5 + (logit(40) - logit(10)) / 5) / 2
    assert made[0] == pytest.approx(100 / (1 + np.exp(-(logit(40) + 7 * drift))))


def test_errors_are_means_over_one_sample() -> None:
    series = spread_of(21, areas=50)
    for a in ("A00", "A01"):
        del series[a][2012]
    made = backtest(series, None, regions=None, horizon=4, origins=[2008, 2012])
    assert [o.areas for o in made.origins] == [48, 48]
    truth = {a: by for a, by in series.items() if 2012 in by}
    assert made.origins[1].error_last == pytest.approx(np.mean([abs(by[2012] - by[2016]) for by in truth.values()]))
    assert made.error == pytest.approx(np.mean([o.error for o in made.origins]))
    assert made.coverage == pytest.approx(sum(o.inside for o in made.origins) / sum(o.judged for o in made.origins))
    assert json.loads(json.dumps(made.to_value()))["origins"][0]["coverage"] == made.origins[0].coverage


def test_what_came_later_changes_no_forecast() -> None:
    """The error may change with the truth; the forecast behind it may not."""
    series = spread_of(22, areas=30)
    moved = {a: {y: (v if y <= 2010 else (v + 50) / 2) for y, v in by.items()} for a, by in series.items()}
    one, two = (backtest(s, None, regions=None, horizon=5, origins=[2010]) for s in (series, moved))
    assert one.origins[0].error != two.origins[0].error
    assert one.origins[0].areas == two.origins[0].areas


def test_every_origin_that_can_be_judged_is_the_default() -> None:
    made = backtest(spread_of(23, areas=8, first=2000, last=2012), None, regions=None, horizon=3)
    assert [o.origin for o in made.origins] == [2005, 2006, 2007, 2008, 2009]


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"horizon": 0}, InputError, "horizon"),
        ({"horizon": 3, "origins": [2003]}, InputError, "origin"),
        ({"horizon": 12}, MethodError, "no_origin"),
    ],
)
def test_what_cannot_be_judged_is_refused(options: dict[str, object], error: type[Exception], code: str) -> None:
    with pytest.raises(error) as found:
        backtest(spread_of(24, areas=8, first=2000, last=2012), None, regions=None, **options)  # type: ignore[arg-type]
    assert found.value.code == code  # type: ignore[attr-defined]
