"""What a method of weighting finds out is printed: AHP's consistency, variance explained, spread of correlations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main

Run = Callable[..., tuple[str, str]]
FILE = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: digital
    indicators:
      - {id: a, direction: up, goalposts: [0, 100]}
      - {id: b, direction: up, goalposts: [0, 100]}
      - {id: c, direction: up, goalposts: [0, 100]}
steps:
  - normalise: {method: goalposts}
  - weights: {WEIGHTS}
  - aggregate: {default: arithmetic}
"""
FIGURES = "unit,a,b,c\n" + "".join(
    f"U{i},{10 + 8 * i},{20 + 7 * i + (-1) ** i * 6},{90 - 3 * i + 5 * (i % 3) ** 2}\n" for i in range(10)
)
SAATY = (
    "method: ahp, matrices: {digital: [[1, 3, 5], [0.33333333, 1, 3], [0.2, 0.33333333, 1]]}"  # his example: CR 0.033
)
ROUND = "method: ahp, matrices: {digital: [[1, 9, 0.1111], [0.1111, 1, 9], [9, 0.1111, 1]]}"  # a > b > c > a


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat index COMMAND demo.yaml` with these weights; it must succeed. What it printed, and warned of."""
    monkeypatch.chdir(tmp_path)
    Path("figures.csv").write_text(FIGURES)

    def index(command: str, weights: str, *options: str) -> tuple[str, str]:
        Path("demo.yaml").write_text(FILE.replace("WEIGHTS", weights))
        assert main(["index", command, "demo.yaml", "--data", "figures.csv", *options]) == 0, capsys.readouterr().err
        out, err = capsys.readouterr()
        return out, err

    return index


def facts(run: Run, command: str, weights: str) -> Any:
    return json.loads(run(command, weights, "--json")[0])


def check(found: Any) -> Any:
    return next((c for s in found["steps"] for c in s["checks"] if c["id"] == "weights"), None)


def test_the_consistency_ratio_is_printed_and_a_high_one_warned_of(run: Run) -> None:
    """Saaty's example: lambda 3.039, CI 0.019, CR 0.033 with his random index of 0.58; going round is no ranking."""
    out, err = run("run", SAATY)
    assert "Weights of digital: AHP: consistency ratio 0.033 (limit 0.1), lambda 3.039." in out
    assert "CR" not in err
    assert facts(run, "run", SAATY)["weighting"] == [
        {"parent": "digital", "method": "ahp", "lambda": pytest.approx(3.039, abs=1e-3),
         "ci": pytest.approx(0.019, abs=1e-3), "cr": pytest.approx(0.033, abs=1e-3)},
    ]  # fmt: skip
    assert check(facts(run, "audit", SAATY))["verdict"] == "pass"
    out, err = run("run", ROUND)
    assert "comparisons contradict each other: CR" in err
    assert "consistency ratio" in out
    said = check(facts(run, "audit", ROUND))
    assert (said["verdict"], "over the limit: digital" in said["what"]) == ("warn", True)


def test_what_data_driven_weights_rest_on_is_printed(run: Run) -> None:
    found = facts(run, "run", "method: pca, allow_negative: true")
    (pca,) = found["weighting"]
    out = run("run", "method: pca, allow_negative: true")[0]
    assert f"Weights of digital: pca: {100 * pca['explained']:.1f} % of the variance in the first component." in out
    (best,) = facts(run, "run", "method: optimise")["weighting"]
    correlations = [best[f"r:{name}"] for name in "abc"]
    out = run("run", "method: optimise")[0]
    assert f"optimise: correlations with the parent {best['spread']:.3f} apart: a {correlations[0]:.3f}, b " in out
    said = check(facts(run, "audit", "method: optimise"))
    assert (said["verdict"] == "warn") is (best["spread"] > 0.02)
    note = [n for n in found["notes"] if n["stage"] == "weights"]
    assert [n["code"] for n in note] == ["found"]


def test_given_weights_have_nothing_to_find_out(run: Run) -> None:
    out, _ = run("run", "method: given")
    assert "Weights of" not in out
    assert facts(run, "run", "method: given")["weighting"] == []
    assert check(facts(run, "audit", "method: given")) is None
