"""Many members, bad networks and liars, from seeds: what must never happen, and that the simulator would notice.

A thousand seeds run by a command in three minutes on one core (`python -m simulation.world --seeds 1000`), ten thousand
before a release (benchmarks/results); here runs what fits into CI.
"""

from __future__ import annotations

import pytest

from simulation.dead_chair import measure
from simulation.faults import draw
from simulation.mutants import MUTANTS, what_breaks
from simulation.world import run_many, run_seed, summary_of

SEEDS, REAL_SEEDS = 1_000, 20
KEPT = {  # seeds that broke once, and what was wrong
    11: "a restored chair signed two batches of one number before it saw that its keys had signed more",
    30: "a merge delay was to be proved under a head shorter than the log",
    39: "the simulator took a head for new when it was first sent, not when it was signed",
    63: "a chair with a rival log signed ViewStarted again and again",
    102: "a member that a twin chair had shown another first batch never took the certified one",
    324: "a member that held the certificate first took another entry of that size, and stayed with it",
    1403: "a restored chair had lost a certificate that it alone held, and could never vote again",
    3736: "late cosignatures for a member restored from a backup were compared with entries that it lacked",
    4173: "own entries that came back were shown to no witness if the keys had signed a later, lost one",
    4256: "as 1403",
    5202: "liars who forgot that they had voted answered each other for ever; honest members bore it",
    153: "a chair whose last batch was overtaken had no head to send",
}
NOTICED = {  # mutant -> a seed that notices it
    "promise": 5,
    "certificate": 380,
    "floor": 1,
    "quorum": 38,
    "clock": 146,
    "overtaken": 102,
}


@pytest.fixture(scope="module")
def results() -> list[dict]:
    """What each of the seeds told, in their order."""
    return run_many(range(SEEDS), 2)


@pytest.fixture(scope="module")
def summary(results: list[dict]) -> dict:
    return summary_of(results)


def unbroken(seed: int, results: list[dict]) -> dict:
    """What a seed tells, run unless it is one of those that were; a broken one fails."""
    if seed >= SEEDS:
        return run_seed(seed)
    found = results[seed]
    assert found["seed"] == seed
    assert "broken" not in found, found
    return found


def test_no_seed_breaks_an_invariant(summary: dict) -> None:
    assert summary["broken"] == []


def test_every_kind_of_disaster_and_of_proof_occurs(summary: dict) -> None:
    assert set(summary["kinds"]) == {
        "author_fork", "double_promise", "inconsistent", "merge_delay", "rollback", "same_size"
    }  # fmt: skip
    assert summary["with f + 1 dead"] > SEEDS / 40
    assert summary["with a view change"] > SEEDS / 5
    assert summary["conflicting finals (only beyond f)"] > summary["with f + 1 liars"] / 10


@pytest.mark.parametrize("seed", KEPT, ids=str)
def test_seeds_that_broke_once(seed: int, results: list[dict]) -> None:
    assert unbroken(seed, results)


def test_real_keys_tell_the_same_story(results: list[dict]) -> None:
    for seed in range(REAL_SEEDS):
        stub, real = unbroken(seed, results), run_seed(seed, stub=False)
        for key in ("accused", "conflict", "final_events", "kinds", "steps", "view"):
            assert stub[key] == real[key], f"seed {seed}: {key}"


@pytest.mark.parametrize("name", NOTICED)
def test_without_a_safeguard_a_seed_breaks(name: str, results: list[dict]) -> None:
    assert name in MUTANTS
    assert what_breaks(name, NOTICED[name])
    assert unbroken(NOTICED[name], results)


def test_a_dead_chair_is_followed_by_the_next() -> None:
    """Acceptance row 14; the command measures the seconds."""
    found = measure(10)
    assert (found["view"], found["members"]) == (2, 10)


def test_a_plan_is_made_from_its_seed_alone() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert draw(3, too_many=True).too_many
