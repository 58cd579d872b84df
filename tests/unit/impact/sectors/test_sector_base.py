"""What the multi-sector base refuses, by name, and what its readers repair and say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.impact.mrio_table import MrioTable
from concordat.impact.sectors import solve_sectors
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_readers import build_sectors, sectors_from_mrio
from sectors_kit import random_world, toy


def changed(name: str, place: tuple[int, ...], value: float) -> dict[str, object]:
    values = np.array(getattr(toy(), name))
    values[place] = value
    return {name: values}


@pytest.mark.parametrize(
    ("changes", "kind", "code", "said"),
    [
        ({"economies": ("AAA",)}, InputError, "size", "1 economies"),
        ({"economies": ("AAA", "BBB", "BBB")}, InputError, "duplicate", "BBB"),
        ({"theta": np.array([4.0])}, InputError, "shape", "theta has (1,)"),
        (changed("theta", (0,), 0.0), InputError, "cell", "theta"),
        (changed("flows", (1, 2, 0), -1), InputError, "cell", "flows"),
        (changed("flows", (1, 2, 0), np.nan), InputError, "cell", "flows"),
        (changed("tariff", (0, 1, 0), -0.1), InputError, "cell", "tariff"),
        (changed("tariff", (0, 1, 1), 0.1), InputError, "home_tariff", "its own goods"),
        (changed("input_share", (0, 0, 0), 0.7), InputError, "input_share", "goods of AAA"),
        (changed("value_added_share", (1, 2), -0.125), MethodError, "negative_value_added", "services of CCC (-0.125)"),
        (changed("value_added_share", (1, 2), 1.2), MethodError, "negative_value_added", "services of CCC (1.2)"),
        ({"value_added_share": np.zeros((2, 3))}, MethodError, "income", "AAA (0)"),
    ],
)
def test_bases_that_cannot_be(changes: dict[str, object], kind: type[ConcordatError], code: str, said: str) -> None:
    with pytest.raises(kind) as caught:
        toy(**changes)
    assert caught.value.code == code
    assert said in caught.value.what


def without_final_demand() -> dict[str, object]:
    """The toy, with services of all economies made of goods only: more goods are used than bought."""
    links = np.tile(np.array([[0.95, 0.05], [0.95, 0.05]]), (3, 1, 1))
    return {"input_share": links, "value_added_share": np.full((2, 3), 0.3)}


def test_final_demand_below_zero_is_refused_with_its_cells() -> None:
    with pytest.raises(MethodError, match=r"goods of AAA \(-") as caught:
        toy(**without_final_demand())
    assert caught.value.code == "negative_final_demand"
    assert "3 goods" in caught.value.what
    assert "clip_and_rebalance" in caught.value.hint


def test_clipped_and_rebalanced_the_base_is_an_equilibrium_and_says_what_moved() -> None:
    arrays = without_final_demand()
    base = toy()
    model = build_sectors(
        base.economies, base.sectors, base.flows, arrays["value_added_share"], arrays["input_share"], base.theta,  # type: ignore[arg-type]
        tariff=base.tariff, final_demand="clip_and_rebalance", year=2000,
    )  # fmt: skip
    assert model.final_share[0].tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.abs(solve_sectors(model).real_income - 1).max() < 1e-11
    assert model.deficit.tolist() == pytest.approx(base.deficit.tolist(), abs=1e-9)  # what is kept is kept
    note = model.notes[-1]
    assert note.startswith("final demand below zero, set to 0: goods of AAA (-")
    assert "% of flows moved, value added by" in note


def test_an_unknown_treatment_of_final_demand() -> None:
    base = toy()
    with pytest.raises(InputError) as caught:
        build_sectors(
            base.economies, base.sectors, base.flows, base.value_added_share, base.input_share, 5.0,
            final_demand="clip", year=2000,  # type: ignore[arg-type]
        )  # fmt: skip
    assert caught.value.code == "final_demand"


def test_totals_below_zero_become_zero_and_are_reported() -> None:
    base = toy()
    flows = np.array(base.flows)
    flows[0, 2, 1] = -3.5
    model = build_sectors(
        base.economies,
        base.sectors,
        flows,
        base.value_added_share,
        base.input_share,
        {"goods": 6, "services": 4},
        year=2000,
    )
    assert model.flows[0, 2, 1] == 0
    assert model.notes[0].startswith("bilateral totals below zero, set to 0: 1 flows, -3.5 of ")
    assert "goods BBB to CCC (-3.5)" in model.notes[0]
    assert model.notes[1] == "tariffs: none given, taken as 0"


def test_a_sector_that_nobody_makes_is_left_out() -> None:
    base = toy()
    flows = np.concatenate([base.flows, np.zeros((1, 3, 3))])
    share = np.concatenate([base.value_added_share, np.full((1, 3), 0.5)])
    links = np.zeros((3, 3, 3))
    links[:, :2, :2] = base.input_share
    model = build_sectors(base.economies, ("goods", "services", "none"), flows, share, links, [6, 4, 5], year=2000)
    assert model.sectors == ("goods", "services")
    assert "sectors that nobody makes, left out: none" in model.notes


def test_rounding_of_input_shares_is_mended_once() -> None:
    links = np.array(toy().input_share)
    links[0, 0] *= 1 + 5e-7
    model = toy(input_share=links)
    assert np.abs(model.input_share.sum(axis=2) - 1).max() < 1e-15
    assert replace(model).digest == model.digest


@pytest.mark.parametrize(
    ("theta", "said"),
    [({"goods": 6.0}, "no elasticity for services"), ([1.0, 2.0, 3.0], "3 elasticities for 2 sectors")],
)
def test_every_sector_needs_an_elasticity(theta: object, said: str) -> None:
    base = toy()
    with pytest.raises(InputError, match=said):
        build_sectors(
            base.economies, base.sectors, base.flows, base.value_added_share, base.input_share, theta, year=2000  # type: ignore[arg-type]
        )  # fmt: skip


# --- Input-output tables ----------------------------------------------------------------------------------------------


def as_table(model: SectorModel) -> MrioTable:
    """A world without tariffs as a table with one final use: importers buy in the same proportions for every use."""
    kinds, count = model.output.shape
    used = np.einsum("njk,jn->nkj", model.input_share, (1 - model.value_added_share) * model.output)
    z = np.einsum("kni,nkj->iknj", model.share, used)
    f = np.einsum("kni,kn->ikn", model.share, model.final_share * model.income)
    size = kinds * count
    return MrioTable(
        model.economies, model.sectors, ("final",), z.reshape(size, size), f.reshape(size, count),
        model.output.T.ravel(), "USD million", 2000, "", "table",
    )  # fmt: skip


def test_a_table_gives_the_world_that_it_was_made_of() -> None:
    model = random_world(3, tariffs=False)
    read = sectors_from_mrio(as_table(model), dict(zip(model.sectors, model.theta.tolist(), strict=True)))
    assert np.abs(read.flows / np.where(model.flows > 0, model.flows, 1) - (model.flows > 0)).max() < 1e-12
    assert np.abs(read.final_share - model.final_share).max() < 1e-12
    shock = {"cost_change": 0.9}
    ours, theirs = (solve_sectors(m, **shock).real_income for m in (model, read))  # type: ignore[arg-type]
    assert np.abs(ours / theirs - 1).max() < 1e-11


def test_merging_sums_what_is_merged() -> None:
    model = random_world(4, tariffs=False)
    table = as_table(model)
    read = sectors_from_mrio(table, 5.0, merge_sectors={"s01": ["s0", "s1"]}, merge_economies={"rest": ["E1", "E3"]})
    assert read.sectors == ("s01", "s2")
    assert read.economies == ("E0", "rest", "E2", "E4")
    assert read.flows.sum() == pytest.approx(model.flows.sum(), rel=1e-13)
    assert read.flows[0, 1, 0] == pytest.approx(model.flows[:2, [1, 3], 0].sum(), rel=1e-12)
    assert read.value_added[1] == pytest.approx(model.value_added[[1, 3]].sum(), rel=1e-12)


def test_value_added_below_zero_is_refused_unless_merged_or_dropped_by_name() -> None:
    table = as_table(random_world(4, tariffs=False))
    z = np.array(table.z)
    others = np.arange(15) != 4
    z[others, 4] += table.output[4] / 14  # s1 of E1 now buys more than it makes
    bad = replace(table, z=z)
    with pytest.raises(MethodError, match="s1 of E1") as caught:
        sectors_from_mrio(bad, 5.0)
    assert caught.value.code == "negative_value_added"
    dropped = sectors_from_mrio(bad, 5.0, drop=[("E1", "s1")], final_demand="clip_and_rebalance")
    assert dropped.output[1, 1] == 0
    assert "cells dropped by name: s1 of E1" in dropped.notes
    assert "cells without output, which stay without: s1 of E1" in dropped.notes
    merged = sectors_from_mrio(bad, 5.0, merge_economies={"rest": ["E1", "E0"]}, final_demand="clip_and_rebalance")
    assert (merged.value_added_share >= 0).all()


def test_inputs_without_output_are_value_added_below_zero() -> None:
    table = as_table(random_world(4, tariffs=False))
    z, f = np.array(table.z), np.array(table.f)
    z[4], f[4] = 0, 0
    with pytest.raises(MethodError, match="inputs but no output") as caught:
        sectors_from_mrio(replace(table, z=z, f=f), 5.0)
    assert caught.value.code == "negative_value_added"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"drop": [("E1", "s9")]}, "sector", '"s9"'),
        ({"drop": [("E9", "s1")]}, "country", '"E9"'),
        ({"merge_sectors": {"x": ["s0", "s7"]}}, "sector", '"s7"'),
        ({"merge_sectors": {"x": ["s0", "s1"], "y": ["s1", "s2"]}}, "duplicate", "s1 is merged twice"),
        ({"merge_economies": {"E4": ["E0", "E1"]}}, "duplicate", '"E4" is in the table already'),
        ({"theta": {"s0": 5.0, "s1": 5.0, "s2": 5.0, "s3": 5.0}}, "sector", '"s3"'),
    ],
)
def test_names_that_a_table_has_not(options: dict[str, object], code: str, said: str) -> None:
    arguments = {"theta": 5.0} | options
    with pytest.raises(InputError) as caught:
        sectors_from_mrio(as_table(random_world(4, tariffs=False)), **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert said in caught.value.what
