"""Sharing against outside judges: published cost games, the shared trade data, and the package coopgame-py.

- Tennessee Valley Authority (Ransmeier 1942; shares in Straffin and Heaney 1981, *International Journal of Game Theory*
  10, and Young 1994, *Handbook of Game Theory* 2, chapter 34): whole dollars (thousands).
- Six Swedish municipalities (Young, Okada and Hashimoto 1979, IIASA WP-79-77, table 7; 1982, *Water Resources Research*
  18): Shapley value and four shares of the nucleolus to the 0.01 million crowns printed. Of the other two the working
  paper prints 18.60 and 19.21, whose sorted excesses are not the smallest: shown here.
- Three players (Ferguson, *Game Theory*, part IV, UCLA): (8/3, 2/3, 5/3).
- coopgame-py 0.3 (extra `oracles`): exact rational nucleoli, and its sequence in floating point.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from concordat.impact.batch import CoalitionShocks, solve_batch
from concordat.impact.sharing import (
    Game,
    core,
    excesses,
    game_of_equilibria,
    largest_excess,
    nucleolus,
    sampled_shapley,
    shapley,
)
from concordat.impact.trade_readers import parse_trade_csv
from impact_sharing_kit import CONE, CONE_NUCLEOLUS, CONE_OWN, CONE_SHAPLEY, CONE_WORTH, bankruptcy, whole_numbers

# --- Published --------------------------------------------------------------------------------------------------------

TVA = {"1": 163_520, "2": 140_826, "3": 250_096, "12": 301_607, "13": 378_821, "23": 367_370, "123": 412_584}
SWEDEN = """
A 21.95 H 17.08 K 10.91 L 15.88 M 20.81 T 21.98 AH 34.69 AK 32.86 AL 37.83 AM 42.76 AT 43.93 HK 22.96 HL 25.00 HM 37.89
HT 39.06 KL 26.79 KM 31.45 KT 32.89 LM 31.10 LT 37.86 MT 39.41 AHK 40.74 AHL 43.22 AHM 55.50 AHT 56.67 AKL 48.74
AKM 53.40 AKT 54.84 ALM 53.05 ALT 59.81 AMT 61.36 HKL 27.26 HKM 42.55 HKT 44.94 HLM 45.81 HLT 46.98 HMT 56.49 KLM 42.01
KLT 48.77 KMT 50.32 LMT 51.46 AHKL 48.95 AHKM 60.25 AHKT 62.72 AHLM 64.03 AHLT 65.20 AHMT 74.10 AKLM 63.96 AKLT 70.72
AKMT 72.27 ALMT 73.41 HKLM 48.07 HKLT 49.24 HKMT 59.35 HLMT 64.41 KLMT 56.61 AHKLM 69.76 AHKLT 70.93 AHKMT 77.42
AHLMT 83.00 AKLMT 73.97 HKLMT 66.46 AHKLMT 83.82
"""


def costs(table: dict[str, float]) -> Game:
    """A cost game: what a group pays, as negative worth."""
    return Game.of(tuple(max(table, key=len)), {tuple(name): -cost for name, cost in table.items()})


def sweden() -> Game:
    cells = SWEDEN.split()
    return costs({name: float(cost) for name, cost in zip(cells[::2], cells[1::2], strict=True)})


def test_the_dams_of_the_tennessee_valley() -> None:
    game = costs(TVA)
    assert -shapley(game) == pytest.approx([117_829, 100_756.5, 193_998.5], abs=1e-6)
    assert -nucleolus(game).value == pytest.approx([116_234, 93_540, 202_810], abs=1e-6)


def test_the_water_of_six_municipalities() -> None:
    game = sweden()
    assert -shapley(game) == pytest.approx([20.01, 10.71, 6.61, 10.37, 16.94, 19.18], abs=0.0065)
    found = -nucleolus(game).value
    assert found[:4] == pytest.approx([20.35, 12.06, 5.00, 8.61], abs=0.005)
    assert found[4] + found[5] == pytest.approx(18.60 + 19.21, abs=0.005)
    printed = np.array([*found[:4], 18.60, 19.21])
    ours, theirs = (np.sort(excesses(game, -x)[1:-1])[::-1] for x in (found, printed))
    first = int(np.flatnonzero(np.abs(ours - theirs) > 0.01)[0])
    assert ours[first] < theirs[first]


def test_three_players_of_a_textbook() -> None:
    game = Game(("1", "2", "3"), np.array([0.0, -1, 0, 3, 1, 4, 2, 5]))
    assert nucleolus(game).value == pytest.approx([8 / 3, 2 / 3, 5 / 3], abs=1e-9)


# --- The specification's game, from the shared trade data -------------------------------------------------------------


def test_the_southern_cone_from_flows_to_shares(shared_data: Path) -> None:
    """Section 6 of the room's specification: 15 worths, own gains, shares, least core, outsiders."""
    data = (shared_data / "trade" / "agtpa_panel_69.csv.gz").read_bytes()
    table = parse_trade_csv(data, where="agtpa_panel_69.csv.gz", year=2002)
    batch = solve_batch(table, CoalitionShocks(CONE, 0.557185), theta=5.0)
    game, facts, outside = game_of_equilibria(table, CONE, batch.real_income)
    for names, worth in CONE_WORTH.items():
        assert game.worth(*names) == pytest.approx(worth, abs=1e-6)
    assert game.singles == pytest.approx(np.zeros(4), abs=1e-9)
    assert facts.own_gains == pytest.approx(CONE_OWN, abs=1e-4)
    assert shapley(game) == pytest.approx(CONE_SHAPLEY, abs=1e-6)
    assert largest_excess(game, shapley(game)).value == pytest.approx(-94.446158, abs=1e-6)
    assert core(game).epsilon == pytest.approx(-96.680790, abs=1e-6)
    assert nucleolus(game).value == pytest.approx(CONE_NUCLEOLUS, abs=1e-6)
    assert outside.outsiders is not None
    assert (outside.outsiders.losing, outside.outsiders.count, outside.outsiders.worst) == (26, 65, "BOL")
    assert outside.outsiders.worst_pct == pytest.approx(-0.041998, abs=1e-6)
    assert outside.outsiders.net == pytest.approx(13.34, abs=0.005)


# --- coopgame-py ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coopgame():
    return pytest.importorskip("coopgame", reason="needs the extra [oracles]")


def theirs(module, game: Game):
    return module.Game(game.values[1:].tolist(), order="binary")


def tied(seed: int, n: int) -> Game:
    """Votes, gloves, savings, estates: games whose excesses are tied many times over."""
    rng = np.random.Generator(np.random.PCG64(seed))
    bits = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(float)
    weights = rng.integers(1, 6, n).astype(float)
    kinds = (
        (bits @ weights >= weights.sum() // 2 + 1).astype(float),
        np.minimum(bits[:, ::2].sum(axis=1), bits[:, 1::2].sum(axis=1)),
        bits @ weights - (bits * weights).max(axis=1),
        np.maximum(0, weights.sum() // 2 - (1 - bits) @ weights),
        rng.integers(0, 3, 1 << n) * (bits.sum(axis=1) > 0),
    )
    values = kinds[seed % len(kinds)].copy()
    values[0] = 0
    return Game(tuple(f"p{i}" for i in range(n)), values)


@pytest.mark.parametrize("seed", range(20))
def test_nucleoli_as_their_exact_fractions(coopgame, seed: int) -> None:
    game = tied(seed, 3 + seed % 3) if seed % 2 else whole_numbers(seed, 3 + seed % 3)
    whole = [int(v) for v in game.values[1:]]
    for over, name in (("imputations", "imputation"), ("preimputations", "preimputation")):
        found = nucleolus(game, over=over)
        if found.over != over:
            continue
        exact = coopgame.nucleolus_exact(whole, name, "binary")["allocation"]
        assert found.value == pytest.approx([float(x) for x in exact], abs=1e-9)


@pytest.mark.parametrize("n", [8, 10, 12])
def test_larger_games_as_theirs(coopgame, n: int) -> None:
    for game in (whole_numbers(n, n, 0, 1000), tied(n, n), bankruptcy(40, list(range(1, n + 1)))):
        peer = theirs(coopgame, game)
        size = float(np.abs(game.values).max())
        assert shapley(game) == pytest.approx(coopgame.shapley(peer), abs=1e-12 * size)
        mine = nucleolus(game, over="preimputations")
        assert mine.value == pytest.approx(coopgame.prenucleolus(peer)["allocation"], abs=1e-6 * size)
        if game.total >= game.singles.sum():
            assert core(game).epsilon <= coopgame.least_core(peer)["epsilon"] + 1e-9 * size


def test_the_southern_cone_as_theirs(coopgame) -> None:
    game = Game.of(CONE, CONE_WORTH, missing="zero")
    assert nucleolus(game).value == pytest.approx(coopgame.nucleolus(theirs(coopgame, game))["allocation"], abs=1e-6)
    certified = coopgame.certify(theirs(coopgame, game), nucleolus(game).value.tolist(), "imputation")
    assert certified["satisfied"]


def test_samples_of_a_large_vote_as_theirs(coopgame) -> None:
    """40 players, weights 1 to 40, more than half needed: both estimates within five standard errors of each other."""
    weights = np.arange(1.0, 41.0)
    quota = weights.sum() / 2
    mine = sampled_shapley(
        [f"p{i}" for i in range(40)], lambda rows: (rows @ weights > quota).astype(float), circles=20
    )
    peer = coopgame.shapley_sampling(
        coopgame.FunctionGame(40, lambda s: float(sum(weights[i] for i in s) > quota)), 1000, seed=0
    )
    off = np.abs(mine.value - np.array(peer["values"])) / np.hypot(mine.se, np.array(peer["standard_errors"]))
    assert off.max() < 5
