"""The multi-sector model on the World Input-Output Table of 2011: 41 economies, 35 industries, cells as they are.

Counts and sums of cells without meaning are those of the specification of impact, section 3. There is no published
result for this table and these shocks: what is held against each other are two solvers that share no code, and an
identity that neither uses. The elasticity of 5 for all sectors is an assumption of these tests.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from concordat.errors import MethodError
from concordat.impact.mrio_readers import parse_mrio
from concordat.impact.mrio_table import MrioTable
from concordat.impact.sectors import solve_sectors
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_check import largest_difference
from concordat.impact.sectors_readers import sectors_from_mrio
from concordat.impact.sectors_shocks import costs_multiplied, tariffs_set

BRICS = ("BRA", "RUS", "IND", "CHN")
PAIRS = [(a, b) for a in BRICS for b in BRICS if a != b]


@pytest.fixture(scope="module")
def table(shared_data: Path) -> MrioTable:
    return parse_mrio((shared_data / "io" / "wiod2013_2011.npz").read_bytes(), year=2011)


@pytest.fixture(scope="module")
def model(table: MrioTable) -> SectorModel:
    return sectors_from_mrio(table, 5.0, drop=[("LUX", "c24")], final_demand="clip_and_rebalance")


def test_cells_without_meaning_are_refused_by_name(table: MrioTable) -> None:
    with pytest.raises(MethodError, match="c24 of LUX") as caught:
        sectors_from_mrio(table, 5.0)
    assert caught.value.code == "negative_value_added"
    with pytest.raises(MethodError, match="c2 of JPN") as caught:
        sectors_from_mrio(table, 5.0, merge_sectors={"c24+c25": ["c24", "c25"]})
    assert caught.value.code == "negative_final_demand"


def test_negative_totals_are_those_that_were_counted(model: SectorModel) -> None:
    said = next(note for note in model.notes if note.startswith("bilateral totals"))
    assert "25 flows, -1,361 of 1.417" in said


def test_nothing_changes_without_a_shock(model: SectorModel) -> None:
    assert np.abs(solve_sectors(model).real_income - 1).max() < 1e-10


@pytest.mark.parametrize("deficits", ["kept", "zero_first"])
def test_a_cost_cut_is_solved_alike_by_both_solvers(model: SectorModel, deficits: str) -> None:
    costs = costs_multiplied(model, PAIRS, 0.9)
    found = solve_sectors(model, cost_change=costs, deficits=deficits)  # type: ignore[arg-type]
    assert found.certificate.residual_max < 1e-10
    assert found.certificate.acr_gap is not None
    assert found.certificate.acr_gap < 1e-11
    assert found.certificate.acr_economies > 15
    assert largest_difference(found) < 1e-10
    assert all(found.real_income_pct[code] > 0 for code in BRICS)


def test_tariffs_on_digital_goods_are_solved_alike_by_both_solvers(model: SectorModel) -> None:
    """BRICS put 10 % on each other's electrical and optical equipment, posts and telecommunications."""
    tariffs = tariffs_set(model, PAIRS, 0.10, sectors=["c14", "c27"])
    found = solve_sectors(model, tariffs_new=tariffs)
    assert largest_difference(found) < 1e-10
    before, after = found.revenue_pct
    assert before.max() == 0
    assert {model.economies[n] for n in np.flatnonzero(after > 0)} == set(BRICS)
