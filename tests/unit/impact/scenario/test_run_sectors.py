"""Multi-sector scenarios against the toy case of the specification (section 3), read from a table and a tariff file."""

from __future__ import annotations

import json

import numpy as np
import pytest

import scenario_kit as kit
from concordat.errors import InputError, MethodError
from concordat.impact.checked import checked
from concordat.impact.results import ScenarioResult
from concordat.impact.run import run
from concordat.impact.scenario import parse_scenario

# Section 3: M_j (importer rows), B_j, g of each sector; 10 % on foreign flows of sector 1, gone between 1 and 2.
M = np.array([[[300.0, 20, 10], [30, 100, 5], [15, 5, 60]], [[400.0, 5, 5], [10, 200, 2], [5, 2, 90]]])
B = np.array([[0.4, 0.4, 0.5], [0.6, 0.6, 0.7]])
G = np.array([[[0.6, 0.4], [0.3, 0.7]]] * 3)
SECTORS = ("goods", "services")
INCOME_PCT = (0.2496354091, 0.3848690504, -0.0910968696)
WAGE_PCT = (0.8017403725, 2.0638217684, -0.1133547299)
REVENUE = (0.9713200867, 0.426486125, 1.9491301102)
BEFORE = (3.0, 3.5, 2.0)
FIRST_ORDER = (0.51228, 0.93108, -0.09253)
TABLE = "table.npz"
TARIFFS = "tariffs.csv"
SCENARIO = """\
schema: concordat/scenario@1
scenario: toy
title: Tariffs go between two
base: {table: table.npz, tariffs: tariffs.csv, year: 2011, members: [ARG, BRA]}
model: multi_sector
elasticity: {parameter: six, by_sector: {services: four}}
parameters: [theta.yaml, own.yaml]
shocks:
  - {kind: tariff, pairs: members, sector: goods, to: 0}
draws: 0
seed: 1
"""
THETA = """\
schema: concordat/parameters@1
parameters:
  - {id: six, value: 6, quantity: trade_elasticity, unit: theta, grade: D, mark: verified,
     distribution: {kind: uniform, low: 5, high: 7},
     source: {id: golden, where: section 3, url_or_doi: "none"}}
  - {id: four, value: 4, quantity: trade_elasticity, unit: theta, grade: D, mark: verified,
     distribution: {kind: uniform, low: 3, high: 5},
     source: {id: golden, where: section 3, url_or_doi: "none"}}
"""


def tariffs(rate: str = "10") -> bytes:
    rows = [f"{i},{n},goods,{rate}" for i in kit.CODES for n in kit.CODES if i != n]
    return "\n".join(["exporter,importer,sector,percent", *rows, ""]).encode()


def files(**more: bytes) -> dict[str, bytes]:
    table = kit.mrio_npz(M, G, B, kit.CODES, SECTORS)
    found = {TABLE: table, TARIFFS: tariffs(), "theta.yaml": THETA.encode(), "own.yaml": kit.OWN.encode()}
    return found | more


def ran(old: str = "", new: str = "", more: str = "", **given: bytes) -> ScenarioResult:
    text = SCENARIO.replace(old, new) if old else SCENARIO
    return run(parse_scenario(text + more, where="toy.yaml"), files(**given))


def test_the_toy_case_is_reached_from_a_table_and_a_tariff_file() -> None:
    found = ran()
    assert found.central["real_income_pct"] == pytest.approx(INCOME_PCT, abs=2e-9)
    assert found.central["real_wage_pct"] == pytest.approx(WAGE_PCT, abs=2e-9)
    assert [r.before for r in found.revenue] == pytest.approx(BEFORE, abs=1e-10)
    assert [r.after for r in found.revenue] == pytest.approx(REVENUE, abs=1e-8)
    assert found.central["tariff_revenue_usd"] == pytest.approx(np.array(REVENUE) - BEFORE, abs=1e-8)


def test_first_order_terms_stand_under_their_label() -> None:
    found = ran()
    assert found.first_order is not None
    assert found.first_order.label == "first-order, not the result"
    assert list(found.first_order.total.values()) == pytest.approx(FIRST_ORDER, abs=5e-6)


def test_revenue_stands_apart_and_income_weights_the_bloc() -> None:
    document = ran().to_value()
    rows = document["tariff_revenue"]["by_economy"]
    assert [r["economy"] for r in rows] == list(kit.CODES)
    assert rows[0]["before_pct"] == pytest.approx(100 * 3.0 / 370)
    income = np.array([370, 192.7])
    weighted = (np.array(INCOME_PCT[:2]) * income).sum() / income.sum()
    assert document["bloc"]["weighted_pct"]["central"] == pytest.approx(weighted, abs=1e-8)
    assert document["deficits"] == "kept"
    assert document["outsiders"]["worst"] == "CHL"
    json.dumps(document)


def test_the_certificate_is_that_of_many_sectors() -> None:
    found = ran()
    assert found.certificate.residual_max < 1e-10
    assert "starts agree" in found.certificate.line()
    assert found.certificate.data == found.certificate.central.hashes.data != ""
    assert found.certificate.to_value()["central"]["deficits"] == "kept"


def test_every_draw_has_its_own_elasticities() -> None:
    from concordat.impact.sectors import solve_sectors
    from concordat.impact.sectors_base import SectorModel

    found = ran("draws: 0", "draws: 4")
    assert found.count == 4
    t = np.zeros_like(M)
    t[0] = 0.1 * (1 - np.eye(3))
    new = t.copy()
    new[0, 0, 1] = new[0, 1, 0] = 0
    theta = [found.parameter_draws["six"][2], found.parameter_draws["four"][2]]
    assert 5 <= theta[0] <= 7
    model = SectorModel(kit.CODES, SECTORS, M, t, B, G, np.array(theta), 2011)
    alone = solve_sectors(model, tariffs_new=new)
    assert found.draws["real_income_pct"][2] == pytest.approx(100 * (alone.real_income - 1), abs=1e-8)


def test_a_flow_effect_and_a_cost_change_go_through_each_sectors_elasticity_once() -> None:
    from concordat.impact.sectors import solve_sectors
    from concordat.impact.sectors_base import SectorModel

    shocks = """\
  - {kind: rta_switch, pairs: members, parameter: half, sector: services}
  - {kind: cost_change, pairs: [[CHL, ARG]], parameter: tenth_cheaper, sector: all}
  - {kind: productivity, country: BRA, percent: 5, reason: what if, sector: [goods]}
"""
    found = ran("  - {kind: tariff, pairs: members, sector: goods, to: 0}\n", shocks)
    t = np.zeros_like(M)
    t[0] = 0.1 * (1 - np.eye(3))
    cost = np.ones_like(M)
    cost[1, 0, 1] = cost[1, 1, 0] = np.exp(-0.5 / 4)
    cost[:, 0, 2] *= 0.9
    made = np.ones((2, 3))
    made[0, 1] = 1.05
    model = SectorModel(kit.CODES, SECTORS, M, t, B, G, np.array([6.0, 4.0]), 2011)
    alone = solve_sectors(model, cost_change=cost, productivity=made)
    assert found.central["real_income_pct"] == pytest.approx(100 * (alone.real_income - 1), abs=1e-9)


def test_one_sector_without_materials_and_tariffs_is_the_one_sector_model() -> None:
    """Section 3: with J = 1, B = 1, t = 0 and `kept` the model is the additive closure of section 2."""
    flows = np.array(kit.FLOWS, dtype=float)
    table = kit.mrio_npz(flows.T[None], np.ones((3, 1, 1)), np.ones((1, 3)), kit.CODES, ("all_goods",))
    text = SCENARIO.replace("{kind: tariff, pairs: members, sector: goods, to: 0}",
                            "{kind: rta_switch, pairs: members, parameter: half, sector: all}")  # fmt: skip
    text = text.replace("tariffs: tariffs.csv, ", "").replace(
        "parameter: six, by_sector: {services: four}", "parameter: four"
    )
    several = run(parse_scenario(text), files(**{TABLE: table}))
    one = run(parse_scenario(kit.SCENARIO + "closure: additive\n"), kit.files())
    assert several.central["real_income_pct"] == pytest.approx(one.central["real_income_pct"], abs=1e-9)


def test_trade_is_told_by_value_and_net_of_tariff() -> None:
    found = ran(more="outputs: [trade]\n")
    assert set(found.central) >= {"exports_pct", "imports_pct"}
    assert found.bloc_trade is not None
    assert found.bloc_trade[0] > 0


def test_transfers_have_their_own_line() -> None:
    found = ran(more="transfers: [{from: BRA, to: ARG, amount: 2, unit: USD_million}]\n")
    assert [(t.economy, t.amount) for t in found.transfers] == [("ARG", 2), ("BRA", -2)]
    assert found.transfers[0].worth == pytest.approx(2, rel=0.3)


def test_deficits_may_be_removed_first() -> None:
    found = ran(more="deficits: zero_first\n")
    assert any("without deficits" in note for note in found.notes)
    assert found.certificate.to_value()["central"]["base_residual"] < 1e-10
    assert found.central["real_income_pct"][:2].min() > 0


FAULTS = [
    ("sector: goods", "sector: good", InputError, 'Did you mean "goods"'),
    ("{services: four}", "{service: four}", InputError, 'Did you mean "services"'),
    ("kind: tariff, pairs: members, sector: goods, to: 0", "kind: rta_switch, pairs: members, parameter: half",
     InputError, "for which sectors"),
    ("kind: tariff, pairs: members, sector: goods, to: 0", "kind: demand, country: ARG, sector: goods, amount: 5",
     MethodError, "demand can't be computed"),
    ("to: 0}\n", "to: 0}\n  - {kind: tariff, pairs: [[ARG, BRA]], to: 5}\n", InputError, "is set already"),
    ("[ARG, BRA]", "[ARG, BRX]", InputError, "BRX"),
    ("year: 2011,", "year: 2011, merge_sectors: {other: [cars]},", InputError, "cars"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "kind", "words"), FAULTS)
def test_what_can_not_be_is_refused(old: str, new: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        ran(old, new)


TARIFF_FAULTS = [
    (b"exporter,importer,sector\n", "percent"),
    (tariffs("-1"), '"-1" is no tariff'),
    (tariffs("x"), '"x" is no tariff'),
    (tariffs() + b"ARG,BRA,goods,5\n", "again"),
    (tariffs() + b"ARG,BRA,good,5\n", 'Did you mean "goods"'),
    (tariffs() + b"ARG,BRX,services,5\n", 'Did you mean "BRA"'),
    (tariffs() + b"ARG,ARG,services,5\n", "at home"),
    (b"\xff", "UTF-8"),
]


@pytest.mark.parametrize(("data", "words"), TARIFF_FAULTS)
def test_a_faulty_tariff_file_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ran(**{TARIFFS: data})


@pytest.mark.parametrize("old", ["parameter: six", "services: four"])
def test_what_is_no_trade_elasticity_is_refused_for_every_sector(old: str) -> None:
    text = SCENARIO.replace(old, old.split(": ")[0] + ": driven")
    for of in (run, checked):
        with pytest.raises(MethodError, match="driven has quantity elasticity, and is no trade elasticity") as error:
            of(parse_scenario(text, where="toy.yaml"), files())
        assert error.value.where.startswith("own.yaml, line")


def test_an_elasticity_of_a_sector_out_of_bounds_is_refused() -> None:
    low = THETA.replace("low: 3, high: 5", "low: 0.1, high: 5").encode()
    with pytest.raises(MethodError, match=r"draws of four lie outside 0\.25 to 100"):
        ran("draws: 0", "draws: 300", **{"theta.yaml": low})


def test_a_check_tells_every_shock_of_many_sectors() -> None:
    found = checked(parse_scenario(SCENARIO), files())
    assert [(s.kind, s.pairs, s.value) for s in found.shocks] == [
        ("elasticity", 0, 6),
        ("elasticity", 0, 4),
        ("tariff", 2, 0),
    ]
    assert found.rule == "deficits kept"
