"""Our reader of the OECD's layout against pymrio's, on a table written here; and pymrio's systems as tables.

Judge: pymrio 0.7 (`parse_oecd`), which reads the editions 2016 to 2023. No file of the OECD is at hand: what is shown
is that two readers understand one layout alike, not that it is the publisher's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pymrio = pytest.importorskip("pymrio", reason="needs the extra [mrio]")

from concordat.impact.mrio_icio import parse_icio_csv  # noqa: E402
from concordat.impact.mrio_readers import from_pymrio  # noqa: E402

REGIONS = ("BRA", "CHN", "MEX", "USA", "CN1", "CN2", "MX1", "MX2")
SECTORS = ("01T02", "26", "62T63")
FINAL = ("HFCE", "GFCF", "INVNT")


def _file(folder: Path) -> Path:
    random = np.random.Generator(np.random.PCG64(11))
    sellers = [f"{r}_{s}" for r in REGIONS for s in SECTORS]
    finals = [f"{r}_{k}" for r in REGIONS[:4] for k in FINAL]
    z = random.uniform(0, 9, (24, 24))
    f = random.uniform(30, 90, (24, 12))
    z[3:9], z[:, 3:9], f[3:9] = 0.0, 0.0, 0.0  # the wholes of the two countries that come in parts
    x = z.sum(axis=1) + f.sum(axis=1)
    body = np.hstack([z, f, x[:, None]])
    lines = [",".join(["", *sellers, *finals, "OUT"])]
    lines += [",".join([label, *(repr(float(v)) for v in row)]) for label, row in zip(sellers, body, strict=True)]
    for label, row in (("VA", x - z.sum(axis=0)), ("OUT", x)):
        lines.append(",".join([label, *(repr(float(v)) for v in row), *["0"] * 13]))
    path = folder / "ICIO2021_2018.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_two_readers_understand_one_layout_alike(tmp_path: Path) -> None:
    path = _file(tmp_path)
    ours = parse_icio_csv(path.read_bytes(), year=2018)
    theirs = pymrio.parse_oecd(path)
    order = [(c, s) for c in ours.countries for s in ours.industries]
    uses = [(c, k) for c in ours.countries for k in ours.final_uses]
    np.testing.assert_allclose(ours.z, theirs.Z.loc[order, order].to_numpy(), rtol=1e-14)
    np.testing.assert_allclose(ours.f, theirs.Y.loc[order, uses].to_numpy(), rtol=1e-14)


def test_pymrios_own_example_becomes_a_table() -> None:
    system = pymrio.load_test()
    table = from_pymrio(system, year=2000, source="pymrio's test system")
    assert table.countries == tuple(system.get_regions())
    assert table.industries == tuple(system.get_sectors())
    np.testing.assert_allclose(table.output, system.Z.sum(axis=1) + system.Y.sum(axis=1), rtol=1e-12)
