"""The authors' replication layout: a made-up world written in it is read back; the real files are the user's own."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.impact.caliendo_parro import ECONOMIES, SECTORS, parse_caliendo_parro
from concordat.impact.sectors import solve_sectors
from concordat.impact.sectors_base import SectorModel
from concordat.impact.sectors_shocks import tariffs_among
from sectors_kit import random_world, replication_folder

TRADABLE = 3
NAMES = {"economies": ("AAA", "BBB", "CCC", "DDD"), "sectors": ("a", "b", "c", "d", "e")}


@pytest.fixture(scope="module")
def world() -> SectorModel:
    """Four economies, three tradable and two other sectors, whose elasticities are the published 8.22."""
    found = random_world(8, economies=4, sectors=5)
    flows, tariff = np.array(found.flows), np.array(found.tariff)
    flows[TRADABLE:] *= np.eye(4)
    tariff[TRADABLE:] = 0
    theta = np.array([9.0, 50.0, 0.4, 8.22, 8.22])
    return SectorModel(
        NAMES["economies"], NAMES["sectors"], flows, tariff, np.minimum(found.value_added_share + 0.2, 1),
        found.input_share, theta, 1993,
    )  # fmt: skip


@pytest.fixture(scope="module")
def new(world: SectorModel) -> np.ndarray:
    return world.tariff * 0.25


def test_a_world_is_read_back(world: SectorModel, new: np.ndarray) -> None:
    read = parse_caliendo_parro(replication_folder(world, TRADABLE, new), theta_file="elasticity", **NAMES)
    for name in ("flows", "tariff", "value_added_share", "input_share", "theta", "deficit"):
        ours, theirs = getattr(read.model, name), getattr(world, name)
        assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max(), name
    assert np.abs(read.tariffs_2005 - new).max() < 1e-15
    assert read.model.year == 1993
    assert "T read as theta" in read.model.notes
    assert len(read.model.sha256) == 64


def test_only_members_tariffs_are_changed_and_the_result_is_that_of_the_world(
    world: SectorModel, new: np.ndarray
) -> None:
    read = parse_caliendo_parro(replication_folder(world, TRADABLE, new), theta_file="elasticity", **NAMES)
    tariffs = tariffs_among(read.model, read.tariffs_2005, ["AAA", "CCC"])
    moved = np.argwhere(tariffs != read.model.tariff)
    assert {(n, i) for _, n, i in moved.tolist()} == {(0, 2), (2, 0)}
    ours = solve_sectors(read.model, tariffs_new=tariffs, deficits="zero_first")
    theirs = solve_sectors(world, tariffs_new=tariffs, deficits="zero_first")
    assert np.abs(ours.real_income / theirs.real_income - 1).max() < 1e-11


def test_names_without_txt_and_inverse_elasticities(world: SectorModel, new: np.ndarray) -> None:
    folder = {name.removesuffix(".txt"): data for name, data in replication_folder(world, TRADABLE, new).items()}
    folder["T"] = b"\n".join(repr(1 / v).encode() for v in world.theta[:TRADABLE].tolist())
    read = parse_caliendo_parro(folder, theta_file="inverse", **NAMES)
    assert read.model.theta.tolist() == pytest.approx(world.theta.tolist(), rel=1e-15)
    assert "T read as 1/theta" in read.model.notes


@pytest.mark.parametrize("inverse", [False, True])
def test_the_papers_elasticities_are_recognised_either_way(inverse: bool) -> None:
    from concordat.impact.caliendo_parro import _theta

    published = np.full(20, 5.0)  # of the paper's, petroleum has the largest and other transport the smallest
    published[6], published[18] = 51.08, 0.37
    notes: list[str] = []
    found = _theta(1 / published if inverse else published, 40, "recognise", notes)
    assert found[:20].tolist() == pytest.approx(published.tolist())
    assert set(found[20:].tolist()) == {8.22}
    assert notes == [f"T read as {'1/theta' if inverse else 'theta'}"]


def test_the_paper_has_31_economies_and_40_sectors() -> None:
    assert len(set(ECONOMIES)) == 31
    assert len(set(SECTORS)) == 40
    # The authors' script counts from 1: Canada 5, Mexico 20, United States 30.
    assert (ECONOMIES[4], ECONOMIES[19], ECONOMIES[29]) == ("CAN", "MEX", "USA")


def test_output_below_exports_is_raised_and_said(world: SectorModel, new: np.ndarray) -> None:
    folder = replication_folder(world, TRADABLE, new)
    output = np.array(world.output)
    exports = (world.flows * (1 - np.eye(4))).sum(axis=1)
    output[0, 2] = 0.5 * exports[0, 2]
    folder["GO.txt"] = "\n".join(" ".join(repr(float(v) * 1e6) for v in row) for row in output).encode()
    read = parse_caliendo_parro(folder, theta_file="elasticity", final_demand="clip_and_rebalance", **NAMES)
    assert read.model.flows[0, 2, 2] == pytest.approx(0, abs=1e-12)
    assert any(n.startswith("output raised to exports in 1 cells") and "a of CCC" in n for n in read.model.notes)


def edited(folder: dict[str, bytes], name: str, data: bytes | None) -> dict[str, bytes]:
    return {k: v for k, v in folder.items() if k != name} | ({} if data is None else {name: data})


@pytest.mark.parametrize(
    ("name", "data", "options", "code", "where"),
    [
        ("B.txt", None, {}, "missing_file", ""),
        ("GO.txt", b"1 2\n3 4", {}, "shape", "GO"),
        ("GO.txt", b"1 2\n3", {}, "shape", "GO, line 2"),
        ("B.txt", b"0.5 x", {}, "number", "B, line 1"),
        ("B.txt", b"0.5 nan", {}, "number", "B"),
        ("T.txt", b"5\n0\n5", {}, "theta", "T"),
        ("", None, {"theta_file": "recognise"}, "theta", "T"),
        ("", None, {"theta_file": "both"}, "theta", "T"),
        ("", None, {"economies": None}, "names", ""),
    ],
)
def test_files_that_are_not_the_layout(
    world: SectorModel,
    new: np.ndarray,
    name: str,
    data: bytes | None,
    options: dict[str, object],
    code: str,
    where: str,
) -> None:
    folder = edited(replication_folder(world, TRADABLE, new), name, data) if name else None
    arguments: dict[str, object] = {"theta_file": "elasticity", **NAMES} | options
    with pytest.raises(InputError) as caught:
        parse_caliendo_parro(folder or replication_folder(world, TRADABLE, new), **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert where in caught.value.where


def test_other_units_are_found(world: SectorModel, new: np.ndarray) -> None:
    folder = replication_folder(world, TRADABLE, new)
    output = "\n".join(" ".join(repr(float(v)) for v in row) for row in world.output)
    with pytest.raises(InputError, match="million USD") as caught:
        parse_caliendo_parro(edited(folder, "GO.txt", output.encode()), theta_file="elasticity", **NAMES)
    assert caught.value.code == "unit"


def test_inputs_that_miss_one(world: SectorModel, new: np.ndarray) -> None:
    folder = replication_folder(world, TRADABLE, new)
    links = world.input_share.transpose(0, 2, 1).reshape(-1, 5) * 1.01
    data = "\n".join(" ".join(repr(float(v)) for v in row) for row in links).encode()
    with pytest.raises(InputError, match=r"add up to 1\.01") as caught:
        parse_caliendo_parro(edited(folder, "IO.txt", data), theta_file="elasticity", **NAMES)
    assert caught.value.code == "sum"
