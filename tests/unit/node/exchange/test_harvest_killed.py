"""Row 11: killed before every step, the harvester loses nothing, doubles nothing and is never stuck.

With 10,000 records: python tests/exchange_harvest_crash.py
"""

from __future__ import annotations

from pathlib import Path

from exchange_harvest_crash import Trial

COUNT, SIZE = 3, 2  # two pages; of three records one changes, one goes, and one more comes


def test_killed_before_every_step_of_a_harvest_that_adds_changes_and_removes(tmp_path: Path) -> None:
    trial = Trial(tmp_path, COUNT, SIZE)
    assert min(trial.taken) > 20
    for at in range(1, trial.taken[1] + 1):
        trial.killed(1, at)


def test_killed_in_the_first_harvest(tmp_path: Path) -> None:
    trial = Trial(tmp_path, COUNT, SIZE)
    for at in range(1, trial.taken[0] + 1, 7):
        trial.killed(0, at)


def test_killed_before_every_step_of_a_harvest_of_changes_alone(tmp_path: Path) -> None:
    trial = Trial(tmp_path, COUNT, SIZE, since=True)
    for at in range(1, trial.taken[1] + 1, 3):
        trial.killed(1, at)
