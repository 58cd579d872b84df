"""The whole engine against the plain loop of `plain_index`: every run of an analysis, 51 units, 49 indicators.

Second method: `tests/conformance/plain_index.py`, written from the specification (section 4) unit by unit in plain
Python. Tolerance 1e-9 on a scale of 0 to 100; ranks exact.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concordat.observatory.batch import Batch
from concordat.observatory.bind import from_table
from concordat.observatory.graph import Graph
from concordat.observatory.ranks_core import rank_min
from concordat.observatory.run import run
from concordat.observatory.spec import IndexSpec

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain = _load("plain_index_for_engine", HERE / "plain_index.py")
UNITS, SIZES = 51, ((6, 6, 6, 6, 6), (7, 6, 6))
COUNT = sum(map(sum, SIZES))
DIRECTIONS = [-1 if n % 7 == 3 else 1 for n in range(COUNT)]


def figures() -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(51))
    level = rng.normal(0, 1, UNITS)
    x = np.stack(
        [np.exp(1.3 * v) if n % 3 == 0 else 50 + 10 * v for n in range(COUNT)
         for v in [0.7 * level + 0.7 * rng.normal(0, 1, UNITS)]], axis=1
    )  # fmt: skip
    x[rng.uniform(size=x.shape) < 0.04] = np.nan
    return np.round(x, 6)


def file_text() -> str:
    lines, n = [], 0
    for s, part in enumerate(SIZES):
        lines.append(f"  - pillar: sub{s}\n    pillars:")
        for p, size in enumerate(part):
            lines.append(f"      - pillar: sub{s}p{p}\n        weight: {1 + p % 2}\n        indicators:")
            for _ in range(size):
                lines.append(f"          - {{id: i{n:02d}, direction: {'up' if DIRECTIONS[n] == 1 else 'down'}}}")
                n += 1
    return (
        "schema: concordat/index@1\nindex: e\ntitle: E\ntree:\n" + "\n".join(lines) + "\nsteps:\n"
        "  - treat: {winsorise_max: 5, then: log_ct}\n  - normalise: {method: minmax}\n"
        "  - weights: {method: given}\n  - aggregate: {default: arithmetic}\n"
        "uncertainty:\n  runs: 100\n  seed: 1\n  vary:\n    treat.winsorise_max: [1, 2, 3, 4, 5]\n"
        "    treat.then: [log_ct, log_ct_plus, none]\n    normalise.method: [minmax, rank, zscore, dist2max, prank]\n"
        "    weights.noise: {plus_minus: 0.25, levels: [2, 3], draws: 100}\n"
    )


@pytest.fixture(scope="module")
def graph() -> Graph:
    spec = IndexSpec.from_yaml(file_text())
    x = figures()
    head = ",".join(["unit", *(f"i{n:02d}" for n in range(COUNT))])
    rows = (",".join([f"U{u:02d}", *("" if np.isnan(v) else repr(float(v)) for v in row)]) for u, row in enumerate(x))
    return Graph(spec, from_table(spec, "\n".join([head, *rows])))


def tree_of(graph: Graph, weights: np.ndarray) -> dict[str, Any]:
    """The tree as the plain loop wants it, with these weights."""
    tree = graph.tree

    def node(number: int) -> dict[str, Any]:
        weight = float(weights[number])
        if number < tree.n_indicators:
            return {"column": number, "weight": weight}
        return {"children": [node(c) for c in tree.children(number)], "weight": weight}

    return node(tree.root)


def plain_run(graph: Graph, winsorise: int, then: str, method: str, weights: np.ndarray) -> tuple[Any, Any]:
    data = [[None if np.isnan(v) else float(v) for v in row] for row in figures()]
    scale = {"lower": 0, "upper": 100} if method == "minmax" else {}
    options = {
        "directions": DIRECTIONS,
        "treat": {"winsorise_max": winsorise, "then": then},
        "normalise": {"method": method, **scale},
    }
    return plain.plain_run(data, tree_of(graph, weights), options)


def test_one_run_is_what_the_plain_loop_gives(graph: Graph) -> None:
    result = run(graph.spec, graph.panel)
    scores, ranks = plain_run(graph, 5, "log_ct", "minmax", result.weights)
    np.testing.assert_allclose(result.scores, np.array(scores, dtype=np.float64), atol=1e-9)
    assert result.ranks.tolist() == ranks


def test_every_run_of_an_analysis_is_what_the_plain_loop_gives(graph: Graph) -> None:
    batch = Batch(graph)
    paths = [f.path for f in batch.factors]
    rng = np.random.Generator(np.random.PCG64(9))
    levels = np.stack([rng.integers(0, f.draws or len(f.levels), 60) for f in batch.factors], axis=1)
    found = batch.scores(levels.astype(np.float64))
    shakes = next(iter(batch.shakes.values()))
    base = graph.tree.normalised()
    for row, scores in zip(levels, found, strict=True):
        picked = {
            path: f.labels[level]
            for path, f, level in zip(paths, batch.factors, row, strict=True)
            if f.kind == "option"
        }
        weights = graph.tree.normalised(base * shakes[row[paths.index("weights.noise")]])
        wanted, ranks = plain_run(
            graph,
            int(picked["treat.winsorise_max"]),
            picked["treat.then"],
            picked["normalise.method"],
            weights,
        )
        np.testing.assert_allclose(scores, np.array(wanted, dtype=np.float64), atol=1e-9)
        assert rank_min(scores).tolist() == ranks
