"""What `concordat divide time-distance`, `converge` and `diffuse` compute; what can't be has a reason, no number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from concordat.cli._divide_store import Panel
from concordat.errors import ConcordatError, InputError, MethodError

if TYPE_CHECKING:
    from concordat.observatory.divide import Beta, Clubs, DiffusionFit, Sigma

T = TypeVar("T")
MOST = 0.9  # of the units have the years that a window begins and ends with
WEIGHT_YEARS_MAX = 5


@dataclass(slots=True)
class Converged:
    """Beta, sigma and clubs of one window; `why` says what is not there."""

    first: float
    last: float
    scale: str
    beta: dict[str, Beta] = field(default_factory=dict)
    sigma: Sigma | None = None
    clubs: Clubs | None = None
    why: list[str] = field(default_factory=list)


def window(panel: Panel, first: int | None, last: int | None) -> tuple[float, float]:
    """The years asked for, or the first and the last that nine in ten units have.

    Raises:
        MethodError: there are no two such years.
    """
    counts = Counter(y for years, values in panel.series.values() for y, v in zip(years, values, strict=True) if v == v)
    units = sum(any(v == v for v in values) for _, values in panel.series.values())
    good = sorted(y for y, n in counts.items() if n >= MOST * units)
    begin = float(first) if first is not None else good[0] if good else None
    end = float(last) if last is not None else good[-1] if good else None
    if begin is None or end is None or (begin >= end and None in (first, last)):
        hint = "Give --from and --to."
        raise MethodError("no two years are known of nine in ten units.", where="converge", hint=hint, code="years")
    return begin, end


def converge(panel: Panel, first: int | None, last: int | None, scale: str, bound: float) -> Converged:
    """All three ways to ask whether units converge.

    Raises:
        InputError: an unknown scale.
        ConcordatError: none of the three can be computed.
    """
    from concordat.observatory.divide import beta_convergence, convergence_clubs, sigma_convergence

    if scale not in ("log", "logit"):
        raise InputError(f'"{scale}" is not a scale.', hint="Use log, or logit for percentages.", code="scale")
    begin, end = window(panel, first, last)
    found = Converged(begin, end, scale)
    faults: list[ConcordatError] = []

    def attempt(name: str, compute: Callable[[], T]) -> T | None:
        try:
            return compute()
        except ConcordatError as error:
            faults.append(error)
            found.why.append(f"{name}: {error}")
            return None

    options: dict[str, Any] = {"scale": scale, "bound": bound}
    weights = {unit: w for unit in panel.series if (w := _weight(panel, unit, begin)) is not None}
    weighed = {unit: panel.series[unit] for unit in weights}
    betas: dict[str, Callable[[], Beta]] = {"unweighted": lambda: beta_convergence(panel.series, begin, end, **options)}
    if weights:
        betas["weighted"] = lambda: beta_convergence(weighed, begin, end, weight=weights, **options)
    for kind, compute in betas.items():
        beta = attempt(f"beta, {kind}", compute)
        if beta is not None:
            found.beta[kind] = beta
    found.sigma = attempt("sigma", lambda: sigma_convergence(panel.series, begin, end, **options))
    found.clubs = attempt("clubs", lambda: convergence_clubs(panel.series, begin, end))
    if not found.beta and found.sigma is None and found.clubs is None:
        raise faults[0]
    return found


def _weight(panel: Panel, unit: str, year: float) -> float | None:
    """A unit's weight of the first year, or of the nearest within five."""
    known = panel.weights.get(unit, {})
    near = min(known, key=lambda y: (abs(y - year), y), default=None)
    return None if near is None or abs(near - year) > WEIGHT_YEARS_MAX else known[near]


def diffuse(
    panel: Panel, curve: str, ceiling: float | None, seed: int
) -> tuple[dict[str, DiffusionFit], dict[str, str]]:
    """The curve of each unit; or why there is none.

    Raises:
        ConcordatError: no unit has one.
    """
    from concordat.observatory.divide import fit_diffusion

    fits: dict[str, DiffusionFit] = {}
    why: dict[str, str] = {}
    first: ConcordatError | None = None
    for unit, (years, values) in panel.series.items():
        try:
            fits[unit] = fit_diffusion(years, values, curve=curve, ceiling=ceiling, seed=seed)
        except ConcordatError as error:
            first = first or error
            why[unit] = error.what
    if not fits and first is not None:
        raise first
    return fits, why
