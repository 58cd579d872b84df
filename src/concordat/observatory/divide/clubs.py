"""Which members converge with each other? Phillips and Sul's log t test and their clustering into clubs.

Of N members h_it = y_it / (mean of all in year t) and H_t = mean_i (h_it - 1)^2. If they converge, H_t falls to zero:

    ln(H_1 / H_t) - 2 ln ln t = a + b ln t + u_t,    t = [rT], ..., T

b is twice the speed; convergence is rejected where its one-sided t is below -1.65. r is 0.3 up to 50 years, 0.2 from
100, linear between. t uses Andrews' (1991) quadratic spectral kernel with his automatic bandwidth (first-order
autoregression of the slope's scores, no prewhitening), as the authors' programs do.

Clubs: (1) order by the mean of the last third of the years (or the last year); (2) core group: the first pair of
neighbours that converges, then one more at a time while t stays above -1.65, cut where t is highest; (3) sieve: add
whoever's t with the core is above c = 0; should the club then fail, c rises past its weakest candidate until it passes;
(4) if all that are left converge, they are the last club, else repeat. What finds no core diverges. Then neighbouring
clubs that converge together are merged, from the top. Sources: Phillips and Sul, Econometrica 75 (2007) 1771-1855, and
Journal of Applied Econometrics 24 (2009) 1153-1185.

The test is meant for logarithms or levels freed from cycles (the papers smooth first): none is done here. It is one for
many years: with fewer than ten it says little, and fewer than six years in the regression are refused. Members that are
exactly alike at the end (H = 0) count as converged, with an infinite t.

    >>> years = list(range(1990, 2020))
    >>> paths = {"A": (9, 2), "B": (9, -3), "C": (9, 5), "D": (2, 1), "E": (2, -1), "F": (2, 0.5)}
    >>> panel = {a: (years, [top + gap / (i + 1) for i in range(30)]) for a, (top, gap) in paths.items()}
    >>> [club.areas for club in convergence_clubs(panel).clubs]
    [('C', 'A', 'B'), ('D', 'F', 'E')]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._hac import spectral_line
from concordat.observatory.divide._series import SeriesPanel, balanced, read_series

CRITICAL = -1.65  # five per cent, one-sided
NORMAL = 1.959963984540054  # of 95 %, two-sided
YEARS_LEAST = 6  # of the regression
_NOTHING = 1e-26  # H below it is what rounding leaves of equal members

_Test: TypeAlias = Callable[[tuple[int, ...]], "LogT"]


@dataclass(frozen=True, slots=True)
class LogT:
    """The log t test of one group.

    Attributes:
        b: the slope; b / 2 is the speed of convergence. se, t: quadratic spectral.
        n: members. years: in the regression. bandwidth: of the kernel.
        lower, upper: 95 % interval of b, b ± 1.96 se, as the test's limit is that of a normal distribution; None where
            members are alike at one end, so that b has no number.
        converges: t is not below -1.65.
    """

    b: float
    se: float
    t: float
    n: int
    years: int
    bandwidth: float
    lower: float | None = None
    upper: float | None = None

    @property
    def converges(self) -> bool:
        return self.t >= CRITICAL


@dataclass(frozen=True, slots=True)
class Club:
    """Members that converge with each other, highest first, and the test of them together."""

    areas: tuple[str, ...]
    test: LogT


@dataclass(frozen=True, slots=True)
class Clubs:
    """The clubs from highest to lowest.

    Attributes:
        whole: the test of all members.
        before_merging: the clubs as the clustering found them.
        diverging: members of no club, highest first.
        left_out: areas that lack a year of the window.
    """

    years: tuple[float, ...]
    whole: LogT
    clubs: tuple[Club, ...]
    before_merging: tuple[Club, ...]
    diverging: tuple[str, ...]
    left_out: tuple[str, ...]


def log_t(values: Array, *, trim: float | None = None) -> LogT:
    """The log t test of all columns of `[time, unit]`; values above zero, consecutive periods.

    Args:
        trim: r, the share of early periods left out; None: by the number of periods (see the module).

    Raises:
        InputError: fewer than two members, a trim outside 0..1.
        MethodError: values not above zero, or too few periods.
    """
    periods, n = values.shape
    if n < 2:
        raise InputError("log t needs two members or more.", where="log t", hint="Add members.", code="too_few")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise MethodError("a value is missing or not above zero.", where="log t", hint="Leave the member out.")
    r = _trim(periods) if trim is None else trim
    if not 0 < r < 1:
        raise InputError(f"trim is {r:g}.", where="log t", hint="Give a share such as 0.3.")
    start = max(2, math.floor(r * periods + 1e-9))  # ln ln t needs t above 1
    if periods - start + 1 < YEARS_LEAST:
        raise MethodError(
            f"{periods} periods leave {max(0, periods - start + 1)} for the regression, which needs {YEARS_LEAST}.",
            where="log t", hint="Take a longer window.", code="too_few",
        )  # fmt: skip
    h = values / values.mean(axis=1, keepdims=True)
    spread = ((h - 1) ** 2).mean(axis=1)
    return _regress(spread, start, n)


def convergence_clubs(
    panel: SeriesPanel,
    first: float | None = None,
    last: float | None = None,
    *,
    order_by: str = "last_third",
    trim: float | None = None,
    merge: bool = True,
) -> Clubs:
    """Cluster the members observed in every year of a window.

    Args:
        order_by: last_third (the mean of the last third of years, as the papers advise) or last.
        merge: join neighbouring clubs that converge together.

    Raises:
        InputError: an unknown order.
        MethodError: as `log_t`; also years that are not evenly spaced.
    """
    if order_by not in ("last_third", "last"):
        raise InputError(f'"{order_by}" is not an order.', where="clubs", hint='Use "last_third" or "last".')
    series = read_series(panel)
    areas, years, values = balanced(series, first, last)
    if len(areas) < 2:
        raise MethodError(f"{len(areas)} members have a value in every year.", where="clubs", code="too_few",
                          hint="Choose a window that more members cover.")  # fmt: skip
    if years.size > 2 and not np.allclose(np.diff(years), years[1] - years[0]):
        raise MethodError("the years are not evenly spaced.", where="clubs", hint="Choose a window without gaps.")
    late = 1 if order_by == "last" else max(1, math.ceil(years.size / 3))
    place = np.argsort(-values[-late:].mean(axis=0), kind="stable")  # ties stay in the order of the names
    ordered = values[:, place]
    known: dict[tuple[int, ...], LogT] = {}

    def test(members: tuple[int, ...]) -> LogT:
        if members not in known:
            known[members] = log_t(ordered[:, list(members)], trim=trim)
        return known[members]

    found, alone = _cluster(tuple(range(len(areas))), test)
    joined = _merge(found, test) if merge else found
    names = [areas[i] for i in place]
    as_clubs = [tuple(Club(tuple(names[i] for i in g), test(g)) for g in groups) for groups in (joined, found)]
    return Clubs(
        tuple(years.tolist()), test(tuple(range(len(areas)))), as_clubs[0], as_clubs[1],
        tuple(names[i] for i in alone), tuple(sorted(set(series) - set(areas))),
    )  # fmt: skip


def _trim(periods: int) -> float:
    return 0.3 - 0.1 * min(1.0, max(0.0, (periods - 50) / 50))


def _regress(spread: Array, start: int, n: int) -> LogT:
    t = np.arange(start, spread.size + 1)
    late = spread[start - 1 :]
    if late[-1] <= _NOTHING:
        return LogT(math.inf, 0.0, math.inf, n, t.size, 0.0)
    if spread[0] <= _NOTHING:
        return LogT(-math.inf, 0.0, -math.inf, n, t.size, 0.0)
    kept = late > _NOTHING  # a year in which members happen to be alike has no logarithm
    if kept.sum() < 3:
        return LogT(-math.inf, 0.0, -math.inf, n, int(kept.sum()), 0.0)
    x = np.log(t[kept])
    line = spectral_line(x, np.log(spread[0] / late[kept]) - 2 * np.log(x))
    ends = line.slope - NORMAL * line.se, line.slope + NORMAL * line.se
    return LogT(line.slope, line.se, line.t, n, int(kept.sum()), line.bandwidth, *ends)


def _cluster(left: tuple[int, ...], test: _Test) -> tuple[list[tuple[int, ...]], list[int]]:
    """Steps 2 to 4. Each round removes a club of two or more, so that rounds are bounded by the members."""
    found: list[tuple[int, ...]] = []
    while len(left) >= 2:
        if test(left).converges:
            found.append(left)
            return found, []
        core = _core(left, test)
        if core is None:
            break
        club = _sieve(core, left, test)
        found.append(club)
        left = tuple(i for i in left if i not in club)
    return found, list(left)


def _core(left: tuple[int, ...], test: _Test) -> tuple[int, ...] | None:
    """Step 2: the best of the groups of neighbours that start at the first converging pair."""
    for i in range(len(left) - 1):
        best, best_t = None, -math.inf
        for end in range(i + 2, len(left) + 1):
            group = left[i:end]
            t = test(group).t
            if t < CRITICAL:
                break
            if t > best_t:
                best, best_t = group, t
        if best is not None:
            return best
    return None


def _sieve(core: tuple[int, ...], left: tuple[int, ...], test: _Test) -> tuple[int, ...]:
    """Step 3: who joins the core. A candidate needs t > c with the core; c rises until the club passes."""
    with_core = {i: test(tuple(sorted((*core, i)))).t for i in left if i not in core}
    candidates = [i for i, t in with_core.items() if t > 0]
    while candidates:
        club = tuple(sorted((*core, *candidates)))
        if test(club).converges:
            return club
        weakest = min(with_core[i] for i in candidates)
        candidates = [i for i in candidates if with_core[i] > weakest]
    return core


def _merge(found: list[tuple[int, ...]], test: _Test) -> list[tuple[int, ...]]:
    """Join a club with the next one while they converge together."""
    joined: list[tuple[int, ...]] = []
    for club in found:
        both = tuple(sorted((*joined[-1], *club))) if joined else club
        if joined and test(both).converges:
            joined[-1] = both
        else:
            joined.append(club)
    return joined
