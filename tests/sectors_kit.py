"""Worlds of many sectors for tests: the toy of the specification, a random one, and a folder in the authors' layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from concordat.impact.sectors_base import SectorModel

Array = NDArray[np.float64]


def toy(**changes: object) -> SectorModel:
    """Three economies, two sectors (specification of impact, section 3)."""
    away = 1 - np.eye(3)
    flows = [
        [[300, 20, 10], [30, 100, 5], [15, 5, 60]],
        [[400, 5, 5], [10, 200, 2], [5, 2, 90]],
    ]
    arguments: dict[str, object] = {
        "economies": ("AAA", "BBB", "CCC"),
        "sectors": ("goods", "services"),
        "flows": np.array(flows, dtype=float),
        "tariff": np.stack([0.1 * away, 0 * away]),
        "value_added_share": np.array([[0.4, 0.4, 0.5], [0.6, 0.6, 0.7]]),
        "input_share": np.tile(np.array([[0.6, 0.4], [0.3, 0.7]]), (3, 1, 1)),
        "theta": np.array([6.0, 4.0]),
        "year": 2000,
    }
    return SectorModel(**(arguments | changes))  # type: ignore[arg-type]


def one_sector(flows: Array | None = None, theta: float = 4.0) -> SectorModel:
    """One sector, no materials, no tariffs: the table of section 2.7, exporters in rows as printed there."""
    printed = np.array([[700, 60, 40], [50, 300, 30], [70, 20, 130]], dtype=float) if flows is None else flows
    count = len(printed)
    names = tuple(f"E{n}" for n in range(count))
    zero, one = np.zeros((1, count, count)), np.ones((1, count))
    return SectorModel(names, ("all",), printed.T[None], zero, one, np.ones((count, 1, 1)), np.array([theta]), 2000)


def random_world(seed: int, economies: int = 5, sectors: int = 3, *, tariffs: bool = True) -> SectorModel:
    """A world with zeros, deficits, tariffs and links of all sizes, in which no final demand is below zero."""
    rng = np.random.Generator(np.random.PCG64(seed))
    shape = (sectors, economies, economies)
    size = np.exp(rng.normal(0, 1, economies))
    flows = np.exp(rng.normal(0, 1, shape)) * size[:, None] * size[None, :] * (rng.uniform(size=shape) > 0.2)
    home = np.arange(economies)
    flows[0, home, home - 1] += size * size[home - 1]  # a ring of trade, so that everyone buys and sells
    flows[:, home, home] += rng.uniform(1, 8, (sectors, economies)) * size**2
    tariff = rng.uniform(0, 0.4, shape) if tariffs else np.zeros(shape)
    tariff[:, home, home] = 0
    share = rng.uniform(0.2, 1, (sectors, economies))
    links = rng.dirichlet(np.full(sectors, 0.7), (economies, sectors))
    spent, made = ((1 + tariff) * flows).sum(axis=2), flows.sum(axis=1)
    while (spent - np.einsum("njk,jn->kn", links, (1 - share) * made) < 0.01 * spent).any():
        share = 1 - (1 - share) * 0.9
    theta = np.exp(rng.uniform(np.log(1.0), np.log(12.0), sectors))
    names = tuple(f"E{n}" for n in range(economies)), tuple(f"s{j}" for j in range(sectors))
    return SectorModel(*names, flows, tariff, share, links, theta, 2000)


def random_shock(model: SectorModel, seed: int, spread: float = 0.3) -> dict[str, Array]:
    """Tariffs, trade costs and productivity that all change, as arguments of `solve_sectors`."""
    rng = np.random.Generator(np.random.PCG64(seed))
    kinds, count = model.output.shape
    tariffs = model.tariff * rng.uniform(0, 2, model.tariff.shape)
    return {
        "tariffs_new": tariffs,
        "cost_change": np.exp(rng.normal(0, spread, (kinds, count, count))),
        "productivity": np.exp(rng.normal(0, spread, (kinds, count))),
    }


def replication_folder(model: SectorModel, tradable: int, tariffs_new: Array) -> dict[str, bytes]:
    """A world as the text matrices of Caliendo and Parro (2015): what `parse_caliendo_parro` must read back."""
    kinds, count = model.output.shape
    away = model.flows[:tradable] * (1 - np.eye(count))

    def text(values: Array) -> bytes:
        return "\n".join("\t".join(repr(float(v)) for v in row) for row in values).encode()

    return {
        "xbilat1993.txt": text(away.reshape(-1, count) * 1000),
        "tariffs1993.txt": text(100 * model.tariff[:tradable].reshape(-1, count)),
        "tariffs2005.txt": text(100 * tariffs_new[:tradable].reshape(-1, count)),
        "B.txt": text(model.value_added_share),
        "GO.txt": text(model.output * 1e6),
        "IO.txt": text(model.input_share.transpose(0, 2, 1).reshape(-1, kinds)),
        "T.txt": text(model.theta[:tradable, None]),
        "script.m": b"% not read",
    }
