"""Scenarios on the Guide's panel against the figures of the specification, sections 6 and 9.

The panel is of Yotov, Piermartini, Monteiro and Larch (2016): 69 economies, manufacturing, 2002. The bands were
computed there from 1,000 draws with another generator (theta triangular 3-7, mode 4; b normal(0.557185, 0.1038)), so
a median or end may differ by the Monte Carlo error of both samples: three times its root-sum-square is allowed, and
half of the last printed digit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat.impact.results import ScenarioResult
from concordat.impact.run import run
from concordat.impact.scenario import parse_scenario

PANEL = "agtpa_panel_69.csv.gz"
SCENARIO = """\
schema: concordat/scenario@1
scenario: southern-cone-2002
title: A common rule among four members
base: {panel: agtpa_panel_69.csv.gz, year: 2002, flows: observed, members: [ARG, BRA, CHL, URY]}
closure: multiplicative
elasticity: {parameter: trade_elasticity}
shocks:
  - {kind: rta_switch, pairs: members, parameter: rta_effect_goods}
draws: 1000
seed: 20260101
allow_unverified: true
"""
# Section 9: real income %, median, 5 % and 95 %; USD m likewise.
INCOME = {
    "URY": (2.28, 1.34, 3.65),
    "ARG": (1.41, 0.82, 2.24),
    "CHL": (0.70, 0.41, 1.11),
    "BRA": (0.24, 0.14, 0.38),
}
MONEY = {"URY": (122, 72, 195), "ARG": (516, 298, 817), "CHL": (296, 173, 473), "BRA": (625, 368, 993)}


@pytest.fixture(scope="module")
def found(shared_data: Path) -> ScenarioResult:
    data = (shared_data / "trade" / PANEL).read_bytes()
    return run(parse_scenario(SCENARIO), {PANEL: data})


@pytest.mark.parametrize("code", sorted(INCOME))
@pytest.mark.parametrize(
    ("measure", "told", "digit"), [("real_income_pct", INCOME, 0.01), ("real_income_usd", MONEY, 1)]
)
def test_bands_are_those_of_the_specification(
    found: ScenarioResult, code: str, measure: str, told: dict[str, tuple[float, float, float]], digit: float
) -> None:
    _, mine = found.of(measure, code)
    assert mine is not None
    for value, error, wanted in zip(
        (mine.median, mine.low, mine.high), (mine.errors[2], mine.errors[0], mine.errors[4]), told[code], strict=True
    ):
        assert abs(value - wanted) <= 3 * 2**0.5 * error + digit / 2
    assert mine.gaining == 1.0


def test_outsiders_are_those_of_the_specification(found: ScenarioResult) -> None:
    out = found.outsiders()
    assert out is not None
    assert (out.losing, out.count, out.worst) == (26, 65, "BOL")
    assert out.worst_pct == pytest.approx(-0.046, abs=0.001)
    assert out.net == pytest.approx(15, abs=1)
    assert found.by_gain() == ("URY", "ARG", "CHL", "BRA")
    assert found.stamp == "UNVERIFIED"
    assert found.grades == ("B", "U")
    assert len(found.sources) == 2
    assert "5 starts agree" in found.certificate.line()


def test_own_gains_at_theta_5_are_those_of_the_game(shared_data: Path) -> None:
    """Section 6: own gains when all four apply the rule, theta 5, T = exp(0.557185)."""
    text = SCENARIO.replace("{parameter: trade_elasticity}", '{value: 5, reason: "as in section 6"}')
    data = (shared_data / "trade" / PANEL).read_bytes()
    one = run(parse_scenario(text.replace("draws: 1000", "draws: 0")), {PANEL: data})
    gains = {m: one.of("real_income_usd", m)[0] for m in one.members}
    assert gains == pytest.approx({"ARG": 470.6076, "BRA": 570.3073, "CHL": 268.5674, "URY": 111.2523}, abs=5e-5)
    assert one.bloc()["total_usd"][0] == pytest.approx(1420.734673, abs=1e-6)
    out = one.outsiders()
    assert out is not None
    assert (out.losing, out.count, out.worst) == (26, 65, "BOL")
    assert out.worst_pct == pytest.approx(-0.041998, abs=1e-6)
    assert out.net == pytest.approx(13.34, abs=0.005)


def test_the_shipped_extract_is_one_year_of_the_panel(shared_data: Path) -> None:
    """Rounded to thousand dollars, so equal to half of one in a million."""
    from concordat.impact.trade_readers import parse_trade_csv

    root = Path(__file__).parents[2] / "examples" / "southern-cone" / "trade-2006.csv"
    extract = parse_trade_csv(root.read_bytes(), year=2006)
    whole = parse_trade_csv((shared_data / "trade" / PANEL).read_bytes(), year=2006)
    assert extract.economies == whole.economies
    assert extract.flows == pytest.approx(whole.flows, abs=0.0005001)
