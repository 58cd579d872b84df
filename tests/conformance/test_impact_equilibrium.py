"""The one-sector equilibrium on the reference panel of the Advanced Guide (UNCTAD/WTO 2016), by two algorithms.

Values: section 6 of the specification (2002, theta 5, T = exp(0.557185) among ARG BRA CHL URY, multiplicative), in USD
million, computed there by another program and printed to six decimals; and section 2.5's count of pairs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from concordat.impact.batch import CoalitionShocks, solve_batch
from concordat.impact.equilibrium import bloc_shock, solve
from concordat.impact.measures import outsiders
from concordat.impact.trade_readers import parse_trade_csv
from concordat.impact.trade_table import TradeTable
from impact_kit import tatonnement

MEMBERS = ("ARG", "BRA", "CHL", "URY")
EFFECT = 0.557185
OWN = [470.6076, 570.3073, 268.5674, 111.2523]
VALUES = {
    "ARG BRA": 785.606525, "ARG CHL": 185.862452, "BRA CHL": 284.039480, "ARG URY": 74.939410, "BRA URY": 118.331417,
    "CHL URY": 13.862713, "ARG BRA CHL": 1227.373094, "ARG BRA URY": 969.696227, "ARG CHL URY": 270.830379,
    "BRA CHL URY": 414.748629, "ARG BRA CHL URY": 1420.734673,
}  # fmt: skip


@pytest.fixture(scope="module")
def panel(shared_data: Path) -> TradeTable:
    data = (shared_data / "trade" / "agtpa_panel_69.csv.gz").read_bytes()
    return parse_trade_csv(data, where="agtpa_panel_69.csv.gz", year=2002)


def test_the_values_of_every_coalition(panel: TradeTable) -> None:
    batch = solve_batch(panel, CoalitionShocks(MEMBERS, EFFECT), theta=5)
    rows = panel.indices(MEMBERS)
    for mask in range(16):
        inside = [m for k, m in enumerate(MEMBERS) if mask >> k & 1]
        worth = sum(batch.money_metric[mask, panel.index(m)] for m in inside)
        assert worth == pytest.approx(VALUES.get(" ".join(inside), 0.0), abs=1e-6)
    assert batch.money_metric[15, rows] == pytest.approx(OWN, abs=1e-4)


def test_outsiders(panel: TradeTable) -> None:
    found = solve(panel, shock=bloc_shock(panel, MEMBERS, EFFECT), theta=5)
    others = outsiders(panel, found.real_income, MEMBERS)
    assert (others.count, others.losing, others.worst) == (65, 26, "BOL")
    assert others.worst_pct == pytest.approx(-0.041998, abs=1e-6)
    assert others.net == pytest.approx(13.34, abs=0.01)


@pytest.mark.parametrize(("closure", "failing"), [("multiplicative", 264), ("additive", 1), ("balanced", None)])
def test_two_algorithms_agree_and_pairs_that_arent_substitutes_are_counted(
    panel: TradeTable, closure: str, failing: int | None
) -> None:
    shock = bloc_shock(panel, MEMBERS, EFFECT)
    found = solve(panel, shock=shock, theta=5, closure=closure, starts=5)
    other, _ = tatonnement(found.table, shock, 5, closure)
    assert np.abs(found.wage / other - 1).max() < 1e-12
    assert found.certificate.starts_agree
    assert found.certificate.acr_gap < 1e-12
    if failing is not None:
        assert found.certificate.not_substitutes == failing
        assert found.certificate.pairs == 4692
