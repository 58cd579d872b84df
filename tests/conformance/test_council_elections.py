"""Elections held against abcvoting 2.19.2 and pref_voting 1.18.2: every set of winners, ties among them.

A short form of `benchmarks/council_elections.py`, which takes 1,000 profiles of each system. The peers bring ortools,
gurobipy and numba, so the suite is whole without: the tests are skipped where one is missing, and in CI, where nothing
may skip, they are not collected then. tests/unit/council/test_elections.py holds every system to its definition.
"""

from __future__ import annotations

import os

import pytest

import election_peers

# Warnings of the peers' own libraries are not ours to mend.
pytestmark = [
    pytest.mark.skipif(not election_peers.READY, reason="needs abcvoting and pref_voting, which no extra brings"),
    pytest.mark.filterwarnings("ignore"),
]

if election_peers.READY or not os.environ.get("CONCORDAT_CI"):

    @pytest.mark.parametrize("system", election_peers.SYSTEMS)
    def test_the_peers_find_the_same_winners_and_ties(system: str) -> None:
        compared = [election_peers.one(system, seed) for seed in range(100)]
        assert [case for case in compared if not case["same"]] == []
        assert any(case["tied"] for case in compared)

    def test_sequential_pav_beyond_the_exact_one() -> None:
        compared = [election_peers.sequential(seed) for seed in range(50)]
        assert [case for case in compared if not case["same"]] == []
