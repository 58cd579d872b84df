"""The Advanced Guide's counterfactuals, from the panel to real GDP: estimate, fitted flows, shock, exact equilibrium.

Yotov, Piermartini, Monteiro and Larch 2016 (UNCTAD and WTO), chapter 2: application 1 (2006, sigma 7, all borders gone;
the result file of its Stata program) and application 2 (1994, sigma 7, an agreement of three undone; the table of page
116, as its replication in R prints it, in two decimals). Their loop stops at a price change of 0.01 (0.001 in R) and
depends on its path, so an exact solution differs: tolerances are 1 percentage point for the large shock and 0.1 for the
small one. Before the shock nothing depends on a path, and all printed digits agree.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from concordat.impact.baseline import Fitted, fitted
from concordat.impact.equilibrium import Equilibrium, solve
from concordat.impact.estimation import estimate
from concordat.impact.estimation_formulas import FORMULAS
from concordat.impact.estimation_panel import parse_trade_panel
from concordat.impact.estimation_sample import sample_of
from concordat.impact.ppml import fit_poisson
from concordat.impact.trade_readers import pair_columns, parse_trade_csv

THETA = 6.0  # sigma 7
# Change of real GDP by the agreement, percent of the counterfactual, in the order of the economies' codes.
AGREEMENT = [
    -0.01, -0.01, -0.01, 0, 0, -0.02, -0.01, 3.40, -0.01, -0.03, -0.01, -0.01, -0.03, -0.07, 0, -0.01, -0.01, -0.02,
    -0.01, -0.01, -0.01, -0.01, -0.01, 0, -0.02, 0, -0.01, -0.01, -0.03, 0, -0.01, -0.02, -0.01, 0, -0.01, 0, -0.02,
    -0.01, -0.01, -0.05, 0, 3.81, -0.02, 0, -0.01, -0.01, -0.03, -0.06, 0, -0.01, -0.01, -0.01, -0.02, -0.03, 0, 0,
    -0.01, 0, 0, -0.03, -0.01, -0.01, -0.08, 0, 0, -0.01, -0.02, 0.33, -0.01,
]  # fmt: skip


@pytest.fixture(scope="module")
def panel(shared_data: Path) -> bytes:
    return (shared_data / "trade" / "agtpa_panel_69.csv.gz").read_bytes()


class _Border:
    """Application 1: before, after, and what was published, in the order of the table's economies."""

    def __init__(self, panel: bytes, published: Path) -> None:
        table = parse_trade_csv(panel, year=2006)
        b = estimate(parse_trade_panel(panel), "border_cross_section").values
        columns = pair_columns(panel, table, ["dist", "cntg"])
        border = 1 - np.eye(len(table.economies))
        scores = b[0] * np.log(columns["dist"]) + b[1] * columns["cntg"] + b[2] * border
        self.before: Fitted = fitted(table, scores, reference="DEU")
        self.after: Equilibrium = solve(self.before.table, shock=np.exp(-b[2] * border), theta=THETA)
        with published.open(encoding="utf-8", newline="") as file:
            rows = {row["country"].replace("ROM", "ROU"): row for row in csv.DictReader(file)}
        self.rows = [rows[code] for code in table.economies]
        self.reference = table.index("DEU")

    def published(self, name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in self.rows])


@pytest.fixture(scope="module")
def border(panel: bytes, shared_data: Path) -> _Border:
    return _Border(panel, shared_data / "trade" / "published_trade_without_border.csv")


def test_resistances_before_the_shock_are_the_published_ones(border: _Border) -> None:
    """Eight digits are printed."""
    assert border.before.inward == pytest.approx(border.published("IMR_BLN"), rel=2e-7)
    assert border.before.outward == pytest.approx(border.published("OMR_BLN"), rel=2e-7)


def test_real_gdp_without_borders_is_within_one_point_of_the_published(border: _Border) -> None:
    found = np.array(list(border.after.real_gdp_pct.values()))
    gap = np.abs(found - border.published("change_rGDP_FULL"))
    assert gap.max() < 1
    assert np.median(gap) < 0.1
    assert border.after.certificate.residual_max < 1e-10


def test_inward_resistances_without_borders_are_the_full_ones(border: _Border) -> None:
    """`P = IMR^(1 / (1 - sigma))`, relative to Germany's, in percent; the published full ones, within one point."""
    found = 100 * (border.after.price / border.after.price[border.reference] - 1)
    assert np.abs(found - border.published("change_IMR_FULL")).max() < 1


def test_an_agreement_of_three_undone_is_within_a_tenth_of_a_point(panel: bytes) -> None:
    """The base are the three-way estimate's own means of 1994.

    14 cells of pairs that never trade stay empty here; the Guide fills them by a second regression.
    """
    rows = parse_trade_panel(panel)
    sample = sample_of(rows, FORMULAS["rta_every_fourth_year"])
    fit = fit_poisson(sample.outcome, sample.regressors, sample.groups)
    table = parse_trade_csv(panel, year=1994)
    assert rows.economies == table.economies
    used = sample.rows[fit.rows]
    of_year = rows.year[used] == 1994
    scores = np.full(table.flows.shape, -np.inf)
    scores[rows.exporter[used][of_year], rows.importer[used][of_year]] = np.log(fit.mean[of_year])
    before = fitted(table, scores, reference="DEU").table
    assert before.flows.sum(axis=1) == pytest.approx(table.output)
    agreement = pair_columns(panel, table, ["rta"])["rta"]
    members = np.zeros(len(table.economies), dtype=bool)
    members[table.indices(["CAN", "MEX", "USA"])] = True
    undone = np.where(np.outer(members, members), agreement, 0)
    assert undone.sum() == 6
    after = solve(before, shock=np.exp(-fit.coefficients[0] * undone), theta=THETA)
    factors = 1 + np.array(list(after.real_gdp_pct.values())) / 100
    assert np.abs(100 * (1 / factors - 1) - AGREEMENT).max() < 0.1
