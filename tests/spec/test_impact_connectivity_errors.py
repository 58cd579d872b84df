"""What connectivity refuses, and what it answers instead of refusing: the table users rely on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.impact.connectivity import Place, allocate, backtest, connectivity_cost, forecast
from connectivity_kit import area, plan_of, spread_of

SERIES = spread_of(31, areas=12)
FEW = spread_of(32, areas=4)
PER_100 = {a: {y: 1.5 * v for y, v in by.items()} for a, by in SERIES.items()}
FRACTIONS = {a: {y: v / 100 for y, v in by.items()} for a, by in SERIES.items()}
SHORT = {a: {y: v for y, v in by.items() if y >= 2017} for a, by in SERIES.items()}

# case, call, class, code, what the message says
REFUSED: tuple[tuple[str, Callable[[], object], type[ConcordatError], str, str], ...] = (
    (
        "no percentage",
        lambda: forecast(PER_100, None, to=2022),
        InputError,
        "not_percent",
        "forecast it with scale log",
    ),
    ("fractions of one", lambda: forecast(FRACTIONS, None, to=2022), InputError, "fractions", "multiply them by 100"),
    ("too few areas", lambda: forecast(FEW, None, to=2022), MethodError, "too_few_areas", "only 4 areas"),
    ("an unknown area", lambda: forecast(SERIES, None, to=2022, areas=["XX"]), InputError, "unknown_area", "XX"),
    ("too far", lambda: forecast(SERIES, None, to=2050), InputError, "to", "within 20 years"),
    ("no history for log", lambda: forecast(SHORT, None, to=2030, scale="log"), MethodError, "not_judged", "earlier"),
    ("no origin to judge", lambda: backtest(SHORT, None), MethodError, "no_origin", "no origin has 5 areas"),
    ("an origin too early", lambda: backtest(SERIES, None, origins=[1992]), InputError, "origin", "Possible origins"),
    ("more than everyone online", lambda: connectivity_cost([Place("A", 1e6, 101)]), InputError, "online", "101 %"),
    (
        "an infeasible plan",
        lambda: allocate(plan_of([area("A", [9.0], [5.0], absorption_max=1, minimum_share=0.5)])),
        MethodError,
        "infeasible",
        "A can absorb at most 1; A gets at least 50 % (5)",
    ),
    (
        "an unknown effect on GDP",
        lambda: allocate(
            plan_of([area("A", [9.0], [5.0], gdp_usd_million=1.0)], objective="gdp", gdp_parameter="fixed_broadband")
        ),
        InputError,
        "unknown_parameter",
        'Did you mean "fixed_broadband_gdp"',
    ),
)


@pytest.mark.parametrize(
    ("call", "error", "code", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(call: Callable[[], object], error: type[ConcordatError], code: str, said: str) -> None:
    with pytest.raises(error) as found:
        call()
    assert found.value.code == code
    assert said in str(found.value)


def test_answered_and_marked_instead() -> None:
    """A band that can't be judged is not an error, a country without figures is not, an empty response is not."""
    made = forecast(SERIES | {"ZZZ": {}}, dict.fromkeys([*SERIES, "ZZZ"], "g"), regions=None, to=2022, areas=["ZZZ"])
    assert made.areas[0].marks[0].startswith("pooled: no figure of its own")
    assert {c.reason.partition(":")[0] for c in made.horizons if not c.shown} <= {"not calibrated"}
    assert connectivity_cost([Place("A", 1e6, 100.0)]).places[0].people == 0
