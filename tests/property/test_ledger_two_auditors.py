"""The program's auditor and the stand-alone verifier come to one verdict on random exports, good and spoiled.

`python tests/two_auditors.py --exports 10000` is the long run; its result is kept with the benchmarks.
"""

from __future__ import annotations

import pytest

from two_auditors import one


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_one_verdict(first: int) -> None:
    results = [one(seed) for seed in range(first, first + 20)]
    assert [r for r in results if not r["agree"]] == []
    assert any(r["good"] for r in results)
    assert any(not r["good"] for r in results)
