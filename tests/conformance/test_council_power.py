"""Power indices against the peer `powerindices` 1.0.2, and the 27 members of the EU against all 2^27 coalitions.

The peer takes one table of weights and a least size (and changes the list that it is given). The values of the EU are
those of the enumeration in `benchmarks/council_decide.py`, which shares no code with `power`: populations of 2013
(United Nations, from the shared data), 55 % of the members with 65 % of the population, or all but three.
"""

import csv
import random
from pathlib import Path

import pytest

from concordat.council.decide.power import power
from concordat.council.decide.rules import Rule, shipped

# By member: share of Banzhaf's index, value of Shapley; and how many of the 2^27 coalitions win.
EU27 = {
    "AUT": (0.02673827, 0.02129326),
    "BEL": (0.02960058, 0.02521025),
    "BGR": (0.02541723, 0.01946960),
    "CYP": (0.01785693, 0.00940590),
    "CZE": (0.02932554, 0.02484689),
    "DEU": (0.12040069, 0.17550246),
    "DNK": (0.02331133, 0.01664700),
    "ESP": (0.07696379, 0.09079111),
    "EST": (0.01809897, 0.00971719),
    "FIN": (0.02307921, 0.01634952),
    "FRA": (0.09647038, 0.12667813),
    "GRC": (0.03035992, 0.02621702),
    "HRV": (0.02181314, 0.01465210),
    "HUN": (0.02853460, 0.02380748),
    "IRL": (0.02212069, 0.01506944),
    "ITA": (0.09259436, 0.12057772),
    "LTU": (0.02047522, 0.01288072),
    "LUX": (0.01710079, 0.00843668),
    "LVA": (0.01918438, 0.01114388),
    "MLT": (0.01697008, 0.00827330),
    "NLD": (0.03664059, 0.03484250),
    "POL": (0.06539049, 0.07036646),
    "PRT": (0.02945705, 0.02501462),
    "ROU": (0.04189885, 0.04237730),
    "SVK": (0.02316382, 0.01645764),
    "SVN": (0.01896619, 0.01085616),
    "SWE": (0.02806694, 0.02311566),
}
WINNING = 17_611_949


def test_the_peer_on_random_games_with_a_least_size() -> None:
    peer = pytest.importorskip("powerindices", reason="needs the package powerindices (the extra [oracles])")
    rng = random.Random("peer")
    for _ in range(40):
        weights = [rng.randint(1, 30) for _ in range(rng.randint(2, 9))]
        quota, least = rng.randint(1, sum(weights)), rng.randint(1, len(weights))
        rule = Rule.load(
            "rule: r\nversion: 1\nmethod: vote\nadopt: {all_of: ["
            f"{{count: w, at_least: {quota}}}, {{count: members, at_least: {least}}}]}}"
        )
        found = power(rule, {"w": {f"m{k}": w for k, w in enumerate(weights)}})
        assert [float(v) for v in found.banzhaf.values()] == pytest.approx(
            peer.compute_pbi(quota, list(weights), least)
        )
        assert [float(v) for v in found.shapley.values()] == pytest.approx(
            peer.compute_ssi(quota, list(weights), least)
        )


def test_the_double_majority_of_27_members(shared_data: Path) -> None:
    with (shared_data / "population_un.csv").open(encoding="utf-8", newline="") as lines:
        people = {r["iso3"]: int(r["population"]) for r in csv.DictReader(lines) if r["year"] == "2013"}
    found = power(shipped("eu_double_majority"), {"population": people}, entitled=sorted(EU27))
    assert found.exact
    for member, (banzhaf, shapley) in EU27.items():
        assert float(found.banzhaf_share[member]) == pytest.approx(banzhaf, abs=1e-8)
        assert float(found.shapley[member]) == pytest.approx(shapley, abs=1e-8)
    assert found.act == WINNING / 2**27
