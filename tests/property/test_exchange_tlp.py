"""No caller ever gets what its label forbids, over random bundles, labels, relationships, versions and pages.

A fixed choice of worlds here; `python tests/exchange_tlp_world.py 1000000` plays the long form.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange_tlp_world import play


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nobody_gets_more_or_less_than_the_label_says(seed: int, tmp_path: Path) -> None:
    world = play(seed, 250, tmp_path)
    assert world.reads >= 250
    assert not world.leaks
    assert not world.short
