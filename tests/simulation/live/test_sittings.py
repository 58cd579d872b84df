"""Seeds run a few at a time: each is kept as it ends, none is run twice, and one file tells of all sittings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from simulation.live import run
from simulation.live.run import How
from simulation.live.sittings import Sittings


def _result(seed: int, broken: str = "") -> dict[str, object]:
    return {"seed": seed, "broken": broken, "acknowledged": 10 + seed, "seconds": 2.5, "story": ["a story"]}


def test_a_second_sitting_goes_on_behind_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def many(seeds, how, told):  # type: ignore[no-untyped-def]
        asked.append(list(seeds))
        found = [_result(seed, "a fault" if seed == 3 else "") for seed in seeds][: 2 if len(asked) == 1 else None]
        for result in found:
            told(result)
        return found

    monkeypatch.setattr(run, "run_many", many)
    path = tmp_path / "live.json"
    assert run.sit(Sittings(path, 10), None, 3, How()) == 0
    assert run.sit(Sittings(path, 10), None, 3, How()) == 1  # a seed of this sitting is broken
    assert run.sit(Sittings(path, 10), 0, 6, How()) == 0
    assert asked == [[0, 1, 2], [2, 3, 4], [5]]
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["seeds"], kept["broken"], kept["seconds"]) == (6, [3], 15)
    assert kept["acknowledged"] == sum(10 + seed for seed in range(6))
    assert [(s["first"], s["seeds"], s["seconds"]) for s in kept["sittings"]] == [(0, 2, 5.0), (2, 3, 7.5), (5, 1, 2.5)]
    assert kept["results"]["3"] == {"broken": "a fault", "acknowledged": 13, "seconds": 2.5}


def test_a_seed_is_kept_before_the_next_one_runs(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    Sittings(path, 4).add(_result(0))
    assert Sittings(path, 4).next == 1
    assert Sittings(path, 4).left(0, 3) == [1, 2]
    assert list(tmp_path.iterdir()) == [path]


def test_seeds_of_another_number_of_members_are_not_put_together(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    Sittings(path, 4).add(_result(0))
    with pytest.raises(SystemExit, match="holds seeds of 4 members; these would be of 10"):
        Sittings(path, 10)
