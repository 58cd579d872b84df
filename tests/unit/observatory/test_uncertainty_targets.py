"""What `uncertainty` is asked of: P(top k) as a target, the peer's estimator where a file asks for its ways."""

from __future__ import annotations

import math

import numpy as np
import pytest

from concordat.observatory import IndexSpec, run, uncertainty
from concordat.observatory.bind import from_table
from concordat.observatory.compat import first_order_product
from concordat.observatory.stages.options import Screen
from concordat.observatory.uncertainty import UncertaintyResult

FILE = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: p
    indicators:
      - {id: a, direction: up, goalposts: [0, 100]}
      - {id: b, direction: up, goalposts: [0, 100]}
steps:
  - normalise: {method: goalposts}
  - weights: {method: given}
  - aggregate: {default: arithmetic}
uncertainty:
  seed: 4
  top: [1, 2]
  target: [top]
  vary:
    aggregate.default: [arithmetic, geometric]
    normalise.method: [goalposts, rank]
"""
TABLE = "unit,a,b\nU1,90,50\nU2,60,78\nU3,40,60\nU4,20,10\n"


def of(text: str) -> UncertaintyResult:
    spec = IndexSpec.from_yaml(text)
    return uncertainty(run(spec, from_table(spec, TABLE, where="t.csv")))


def test_p_top_is_a_target_whose_indices_are_those_of_a_table_of_runs() -> None:
    """Four runs: the conditional means of "is first" by each factor, by loops."""
    found = of(FILE)
    sobol = found.sobol["top"]
    assert sobol.outputs[:4] == tuple(f"U{i} in the top 1" for i in range(1, 5))
    assert sobol.outputs[4:] == tuple(f"U{i} in the top 2" for i in range(1, 5))
    levels, scores = found.design.levels.astype(int), found.scores
    for u in range(4):
        first = [float(all(row[u] >= other for other in row)) for row in scores.tolist()]
        mean = sum(first) / 4
        variance = sum((v - mean) ** 2 for v in first) / 4
        if variance == 0:
            assert sobol.reasons[u]
            continue
        for p in range(2):
            groups = [[v for v, level in zip(first, levels, strict=True) if level[p] == k] for k in (0, 1)]
            between = sum((sum(g) / 2 - mean) ** 2 for g in groups) / 2
            assert sobol.first[p, u] == pytest.approx(between / variance, abs=1e-12)
    assert 0 < found.table.top[0, 0] < 1, "U1 is first in some runs and not in others"
    lines = list(found.lines())
    at = lines.index("Sobol indices of P(top 1), for units in doubt: P, then first order and total of each factor.")
    assert [line.split()[:2] for line in lines[at + 1 : at + 3]] == [
        [f"U{u + 1}", f"{found.table.top[0, u]:.2f}"] for u in (1, 0)
    ]
    assert "U3 in the top 2" in found.as_data()["sobol"]["top"]
    assert found.shapley == {}


def test_p_top_without_doubt_says_so() -> None:
    found = of(FILE.replace("    normalise.method: [goalposts, rank]\n", "").replace("top: [1, 2]", "top: [3]"))
    assert (
        "Sobol indices of P(top 3): none. No unit is among the first 3 in some runs and not in others." in found.lines()
    )


@pytest.mark.parametrize("compat", [True, False])
def test_a_file_in_the_peers_ways_has_its_estimator(compat: bool) -> None:
    """S_i = mean(y_B (y_ABi - y_A)) / V by a loop over the runs of the design; else Jansen's."""
    text = FILE.replace("target: [top]", "target: [score]\n  runs: 256").partition("    aggregate.default")[0]
    text += "    aggregate.p: {uniform: [1, 4]}\n    normalise.upper: {uniform: [50, 100]}\n"
    text = text.replace("{method: goalposts}", "{method: minmax}").replace("default: arithmetic", "default: power")
    found = of(text.replace("title:", "compat: coinr-1.1.14\ntitle:") if compat else text)
    design, u = found.design, 1
    assert design.kind != "enumerated"
    runs = design.by_block(found.scores[:, [u]])[..., 0]  # [scramble, A B AB1 AB2, point]
    y = runs.transpose(1, 0, 2).reshape(runs.shape[1], -1)
    a, b = y[0].tolist(), y[1].tolist()
    both = a + b
    mean = sum(both) / len(both)
    variance = sum((v - mean) ** 2 for v in both) / (len(both) - 1)
    for p in range(2):
        mixed = y[2 + design.subsets.index(1 << p)].tolist()
        peer = sum(vb * (vm - va) for va, vb, vm in zip(a, b, mixed, strict=True)) / len(a) / variance
        jansen = 1 - sum((vb - vm) ** 2 for vb, vm in zip(b, mixed, strict=True)) / len(a) / (2 * variance)
        assert found.sobol["score"].first[p, u] == pytest.approx(peer if compat else jansen, rel=1e-9, abs=1e-9)
        assert not math.isclose(peer, jansen, rel_tol=1e-6)
    made = first_order_product(np.array(a), np.array(b), np.array(a))
    assert not made.any(), "a factor that changes nothing has no index"


def test_a_unit_with_nothing_but_zeros_is_screened_unless_the_file_says_null() -> None:
    """Specification, section 4: min_nonzero is 0.05 by default, as min_share is 2/3."""
    assert (Screen().min_share, Screen().min_nonzero) == (2 / 3, 0.05)
    table = TABLE.replace("U4,20,10", "U4,0,0")
    base = FILE.partition("uncertainty:")[0]
    for said, ranked in (("{}", False), ("{min_nonzero: null}", True)):
        spec = IndexSpec.from_yaml(base.replace("steps:\n", f"steps:\n  - screen: {said}\n"))
        result = run(spec, from_table(spec, table, where="t.csv"))
        assert math.isfinite(result.scores[3]) is ranked
        assert math.isfinite(result.scores[2])
