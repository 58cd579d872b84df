"""One host, a bad network, crashes and liars, from seeds: what must never happen, and that the simulator would notice.

Ten thousand seeds run by a command before a release (benchmarks/results); here runs what fits into CI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from concordat.clearing.core.invariants import INVARIANTS, View, Watch
from concordat.clearing.simulate.plan import LIES, POINTS, draw_plan
from concordat.clearing.simulate.seeds import run_plan, run_seed
from simulation.clearing_mutants import EXPECTED, MUTANTS, what_breaks
from simulation.clearing_world import run_many, summary_of

SEEDS, INSTRUCTIONS = 200, 60
NOTICED = {  # mutant -> a seed that notices it
    "no line": 4,
    "one leg": 0,
    "forgotten id": 1,
    "short memory": 1,
    "half certificate": 3,
    "half trades": 4,
    "unchecked certificate": 80,
    "unfunded certificate": 118,
    "unfunded trades": 44,
    "blind to certificates": 30,
    "no limits": 4,
    "frozen pays": 9,
    "anyone issues": 2,
    "nobody wakes": 3,
    "kept reserve": 10,
    "open door": 0,
    "thin snapshot": 4,
    "told too soon": 1,
    "lost cent": 2,
    "one receipt": 0,
    "rewritten receipt": 2,
    "wrong statement": 1,
    "late answer": 1,
    "other answer": 1,
    "lost in the pool": 4,
    "silent end": 0,
    "hasty door": 0,
    "trusting host": 8,
}


SETS_OFF = 30  # a seed whose debts close a ring, which takes a run of full length


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    return summary_of(run_many(range(SEEDS), 2, INSTRUCTIONS))


def test_no_seed_breaks_an_invariant(summary: dict[str, Any]) -> None:
    assert summary["broken"] == []


def test_every_kind_of_trouble_occurs(summary: dict[str, Any]) -> None:
    counts, codes = summary["counts"], summary["codes"]
    for name in (*(f"lie {lie}" for lie in LIES), *(f"crash {point}" for point in POINTS), "lost", "not there"):
        assert counts[name] > 5, name
    for code in ("settled", "queued", "certificate_refused", "matched", "statement", "full", "id_reused"):
        assert codes[code] > 0, code
    for problem in ("queue", "divisible", "trades"):
        assert codes[f"certificate {problem}"] > 0, problem
    assert summary["starts after a crash"] > SEEDS / 4
    assert run_seed(SETS_OFF).codes["set_off"] > 0


def test_a_seed_tells_the_same_story_again() -> None:
    assert run_seed(11, instructions=60) == run_seed(11, instructions=60)
    assert run_seed(11, instructions=60).head != run_seed(12, instructions=60).head


def test_real_keys_find_the_same_lies() -> None:
    for seed in (3, 21):
        done = run_plan(draw_plan(seed, instructions=40, real=True))
        assert done.codes["settled"] > 0


@pytest.mark.parametrize("name", MUTANTS, ids=lambda name: name.replace(" ", "_"))
def test_without_a_safeguard_a_seed_breaks(name: str) -> None:
    """The seed that is kept notices it; if other operations are made up one day, one of those behind it does.

    What notices it is the invariant or promise that the safeguard stands for: a run that ends otherwise does not count.
    """
    seeds = (NOTICED[name], *range(120))
    noticed = next(seed for seed in seeds if what_breaks(name, seed) in EXPECTED[MUTANTS[name]])
    assert run_seed(noticed).blocks > 0, "and with the safeguard the same seed holds"


def test_between_them_the_mutants_need_every_invariant_and_every_promise() -> None:
    """I6 and the promise `rest` end a run by themselves; all else has a mutant that only it is there to notice."""
    needed = {code for codes in EXPECTED.values() for code in codes}
    assert {*INVARIANTS, "durable", "one answer", "money", "whole", "waiting", "door", "false", "between", "same"} - {
        "I6"
    } <= needed


def test_every_invariant_is_asked_behind_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()

    def counted(name: str, check: Callable[[View], None]) -> Callable[[View], None]:
        def ask(view: View) -> None:
            asked[name] += 1
            check(view)

        return ask

    for name, check in INVARIANTS.items():
        monkeypatch.setitem(INVARIANTS, name, counted(name, check))
    done = run_seed(11, instructions=40)
    assert {name: asked[name] - (name == "I5") for name in INVARIANTS} == dict.fromkeys(INVARIANTS, done.blocks)


CHECKED_BY_CORE = {"I1", "I2"}  # cheap, and so looked at by the core itself behind every block
BY_CHECKER = [
    name
    for name, make in MUTANTS.items()
    if EXPECTED[make][0].startswith("I") and not CHECKED_BY_CORE & {*EXPECTED[make]}
]


@pytest.mark.parametrize("name", BY_CHECKER)
def test_with_the_checker_switched_off_nothing_is_noticed_in_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a simulator whose checker is switched off fails the test of mutants above."""
    monkeypatch.setattr(Watch, "see", lambda *_: None)
    monkeypatch.setitem(INVARIANTS, "I5", lambda _: None)
    own = {code for code in EXPECTED[MUTANTS[name]] if code.startswith("I")}
    assert what_breaks(name, NOTICED[name]) not in own


def test_the_checker_has_mutants_for_all_that_the_core_does_not_look_at_itself() -> None:
    found = {code for name in BY_CHECKER for code in EXPECTED[MUTANTS[name]] if code.startswith("I")}
    assert found == {*INVARIANTS} - CHECKED_BY_CORE - {"I6"}
