"""Would the forecast have been right before, and right more often than a simple one?

At each origin everything is fitted with only what was known then; targets are `horizon` years later. All columns are of
one sample: the areas with a figure at the origin, five years before it and at the target. Beside the method stand

- the *reference baseline*, exactly as the specification defines it (section 8): `z = logit(clip(p, 0.5, 99.5) / 100)`,
  common drift = median over that sample of `(z_o - z_(o-5)) / 5`, forecast `z_o + h drift`, no ceiling. It knows which
  areas will have a figure at the target, which the method does not;
- the *last value*;

and the share of figures inside the 90 % band. Accuracy is the mean absolute error in the figure's own unit.

What this does not do: choose anything. Nothing of the method is fitted to the errors that are reported here.

    >>> from concordat.impact.connectivity.series import make_panel
    >>> panel = make_panel({a: {2000: p, 2005: q, 2010: r} for a, p, q, r in [("A", 10, 20, 40), ("B", 5, 10, 20)]})
    >>> sample, made = reference_baseline(panel, 2005, 5)
    >>> sample.tolist(), made.round(2).tolist()
    ([True, True], [35.27, 19.5])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity.intervals import COVERAGE, LEVEL, Rolling, own_bands, roll
from concordat.impact.connectivity.pooled import AREAS_MIN, LAG
from concordat.impact.connectivity.series import (
    Floats,
    Groups,
    Panel,
    Scale,
    Series,
    from_scale,
    grouping,
    make_panel,
    to_scale,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin: how many areas, and the mean absolute error of each way of forecasting.

    Attributes:
        inside, judged: figures inside the 90 % band, and how many had a band; 0 of 0 where none could be made.
    """

    origin: int
    areas: int
    error: float
    error_baseline: float
    error_last: float
    inside: int
    judged: int

    @property
    def coverage(self) -> float | None:
        """Share of figures inside the band."""
        return self.inside / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Errors over several origins.

    Attributes:
        error, error_baseline, error_last: means over origins of the mean absolute errors.
        coverage: share of all judged figures inside the 90 % band, None where no band could be made.
        never_above: whether the method was at no origin above the baseline.
        calibrated: whether the coverage is in 85 to 95 %.
    """

    scale: Scale
    horizon: int
    level: float
    origins: tuple[Origin, ...]
    error: float
    error_baseline: float
    error_last: float
    coverage: float | None
    never_above: bool
    calibrated: bool
    grouped_by: str

    def to_value(self) -> dict[str, Any]:
        """Plain values, as the program's JSON has them."""
        return asdict(self) | {"origins": [asdict(o) | {"coverage": o.coverage} for o in self.origins]}


def backtest(
    series: Series,
    groups: Groups | Literal["world"] = "world",
    *,
    horizon: int = 7,
    origins: Sequence[int] | None = None,
    regions: Groups | Literal["world"] = "world",
    scale: Scale = "percent",
) -> Backtest:
    """Forecast at earlier origins and compare with what came.

    Args:
        series: area -> year -> figure.
        groups, regions: as for `forecast`. Income groups of one later year are hindsight; `income_quartiles` are not.
        horizon: years ahead.
        origins: by default every year that at least five areas can be judged at.

    Raises:
        InputError: figures outside the scale, an origin that can't be judged.
        MethodError: no origin can be judged.
    """
    if not 1 <= horizon <= 20:
        raise InputError(f"{horizon} years ahead can't be judged.", hint="Choose 1 to 20.", code="horizon")
    used, beside, basis = grouping(groups, regions, sorted(series))
    panel = make_panel(series, scale=scale)
    possible = [o for o in range(panel.first_year + LAG, panel.last_year - horizon + 1) if _enough(panel, o, horizon)]
    asked = possible if origins is None else list(dict.fromkeys(origins))
    for origin in asked:
        if origin not in possible:
            what = f"fewer than {AREAS_MIN} areas have figures of {origin - LAG}, {origin} and {origin + horizon}."
            said = f"Possible origins: {possible[0]} to {possible[-1]}." if possible else "No origin is possible."
            raise InputError(what, hint=said, code="origin")
    if not asked:
        what = f"no origin has {AREAS_MIN} areas with figures five years before it and {horizon} years after it."
        raise MethodError(what, hint="Give longer series, or a shorter horizon.", code="no_origin")
    rolling = roll(panel, used, beside, max(asked), horizon)
    rows = tuple(_origin(panel, rolling, origin, horizon) for origin in sorted(asked))
    judged = sum(r.judged for r in rows)
    coverage = sum(r.inside for r in rows) / judged if judged else None
    return Backtest(
        scale,
        horizon,
        LEVEL,
        rows,
        float(np.mean([r.error for r in rows])),
        float(np.mean([r.error_baseline for r in rows])),
        float(np.mean([r.error_last for r in rows])),
        coverage,
        all(r.error <= r.error_baseline for r in rows),
        coverage is not None and COVERAGE[0] <= coverage <= COVERAGE[1],
        basis,
    )


def reference_baseline(panel: Panel, origin: int, horizon: int) -> tuple[NDArray[np.bool_], Floats]:
    """The reference baseline of the specification, and the areas that it is judged on.

    Returns:
        (A,) whether an area has figures at `origin - 5`, `origin` and `origin + horizon`; (A,) the forecasts.
    """
    now, before, after = (panel.year(y) for y in (origin, origin - LAG, origin + horizon))
    sample = np.isfinite(now) & np.isfinite(before) & np.isfinite(after)
    z, z_before = (to_scale(v, panel.scale, panel.floor) for v in (now, before))
    drift = float(np.median((z[sample] - z_before[sample]) / LAG)) if sample.any() else float("nan")
    return sample, from_scale(z + horizon * drift, panel.scale)


def _enough(panel: Panel, origin: int, horizon: int) -> bool:
    return int(reference_baseline(panel, origin, horizon)[0].sum()) >= AREAS_MIN


def _origin(panel: Panel, rolling: Rolling, origin: int, horizon: int) -> Origin:
    sample, baseline = reference_baseline(panel, origin, horizon)
    row = rolling.at(origin)
    made = rolling.forecasts[row, horizon - 1]
    truth = panel.year(origin + horizon)
    width = own_bands(rolling, origin)[horizon - 1]
    judged = sample & np.isfinite(width)
    inside = np.abs(rolling.errors[row, horizon - 1]) <= width

    def error(values: Floats) -> float:
        return float(np.abs(values - truth)[sample].mean())

    return Origin(
        origin,
        int(sample.sum()),
        error(from_scale(made, panel.scale)),
        error(baseline),
        error(panel.year(origin)),
        int((inside & judged).sum()),
        int(judged.sum()),
    )
