"""Two editions of internet use against the figures of the specification (observatory, section 6).

SDG series 17.8.1 (October 2020) against the same series in Gapminder's panel of the World Development Indicators
(March 2026), both CC BY 4.0: 3,625 common area-years, 313 differ by more than 0.05, 143 by more than 5 points.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from concordat.observatory.revision import Cell, compare_vintages


def vintage(path: Path) -> dict[Cell, float]:
    """(area, year) -> percent of the population."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r.get("indicator", "internet_users") == "internet_users"]
    return {(r["iso3"], int(r["year"])): float(r["value"]) for r in rows if r["value"]}


def test_two_editions_of_internet_use(shared_data: Path) -> None:
    before = vintage(shared_data / "sdg_2020_internet_users.csv")
    after = vintage(shared_data / "wdi_panel_gapminder_2026.csv")
    found = compare_vintages(before, after, tolerance=0.05)
    assert found.common == found.size.n == 3625
    assert len(found.changed) == found.size_changed.n == 313
    assert found.moved_by_more_than(5) == 143
    assert len(found.added) == len(after.keys() - before.keys())
    assert len(found.removed) == len(before.keys() - after.keys())
    # Iraq in 2015 was 58.0 and became 15.2: specification of evidence, section 1.
    iraq = next(c for c in found.changed if c.cell == ("IRQ", 2015))
    assert (round(iraq.before, 1), round(iraq.after, 1)) == (58.0, 15.2)
    cells = sorted(before.keys() & after.keys())
    x, y = (np.array([v[c] for c in cells]) for v in (before, after))
    slope, level = np.polyfit(x, y, 1)
    assert [found.news.a, found.news.b] == pytest.approx([level, slope], abs=1e-8)
    assert found.size.mean == pytest.approx(float(np.mean(y - x)), abs=1e-12)
    assert found.bias.se is not None
    assert found.bias.se_clustered is not None
    plain = float(np.std(y - x, ddof=1) / np.sqrt(len(cells)))
    assert plain < found.bias.se < found.bias.se_clustered, "revisions of an area last longer than two years"
