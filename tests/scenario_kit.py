"""Small scenarios for tests: the specification's own table as a panel, and files to vary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# Section 2.7 of the specification: rows are exporters.
FLOWS = ((700, 60, 40), (50, 300, 30), (70, 20, 130))
CODES = ("ARG", "BRA", "CHL")
PANEL = "trade.csv"
SCENARIO = """\
schema: concordat/scenario@1
scenario: small
title: One pair opens up
base: {panel: trade.csv, year: 2006, members: [ARG, BRA]}
elasticity: {value: 4, reason: "as in the golden case"}
parameters: [own.yaml]
shocks:
  - {kind: rta_switch, pairs: members, parameter: half}
draws: 0
seed: 1
"""
OWN = """\
schema: concordat/parameters@1
parameters:
  - id: half
    value: 0.5
    quantity: flow_effect_log
    scope: pair
    distribution: {kind: normal, sd: 0.1}
    unit: log points
    source: {id: golden, where: section 2.7, url_or_doi: "none"}
    grade: D
    mark: verified
  - id: tenth_cheaper
    value: -0.1
    quantity: cost_change
    distribution: {kind: uniform, low: -0.15, high: -0.05}
    unit: share of trade cost
    source: {id: golden, where: invented for tests, url_or_doi: "none"}
    grade: D
    mark: verified
  - id: driven
    value: 0.5
    quantity: elasticity
    distribution: {kind: normal, sd: 0.1}
    unit: percent of trade cost for one percent of the driver
    source: {id: golden, where: invented for tests, url_or_doi: "none"}
    grade: D
    mark: verified
  - id: theta_own
    value: 5
    quantity: trade_elasticity
    distribution: {kind: uniform, low: 4, high: 6}
    unit: percent of trade for one percent of trade cost
    source: {id: golden, where: invented for tests, url_or_doi: "none"}
    grade: D
    mark: verified
  - id: distance_own
    value: 0.5
    quantity: flow_elasticity
    distribution: {kind: normal, sd: 0.1}
    unit: percent of trade for one percent of distance
    source: {id: golden, where: invented for tests, url_or_doi: "none"}
    grade: D
    mark: verified
  - id: dstri_own
    value: -0.2
    quantity: flow_effect_log
    scope: country
    direction: exports
    per: {change: 0.1, unit: index points}
    distribution: {kind: normal, sd: 0.05}
    unit: log points on exports
    source: {id: golden, where: invented for tests, url_or_doi: "none"}
    grade: D
    mark: verified
"""


def panel(flows: tuple[tuple[float, ...], ...] = FLOWS, codes: tuple[str, ...] = CODES, extra: str = "") -> bytes:
    """A panel of one year as CSV; `extra` is a further column that is 0 everywhere."""
    head = f"exporter,importer,year,trade{',' + extra if extra else ''}"
    rows = [
        f"{a},{b},2006,{flows[i][j]}{',0' if extra else ''}" for i, a in enumerate(codes) for j, b in enumerate(codes)
    ]
    return "\n".join([head, *rows, ""]).encode()


def files(**more: bytes) -> Mapping[str, bytes]:
    """What the small scenario names."""
    return {PANEL: panel(), "own.yaml": OWN.encode(), **more}


def mrio_npz(
    sold: np.ndarray, inputs: np.ndarray, share: np.ndarray, codes: tuple[str, ...], sectors: tuple[str, ...]
) -> bytes:
    """An input-output table with given bilateral totals, as npz.

    Args:
        sold: (J, N, N), sector by importer by exporter. inputs: (N, J, J), economy by user by input, shares of
            materials. share: (J, N), value added in output. Sources of inputs are split as all deliveries are.
    """
    import io

    kinds, count = share.shape
    output = sold.sum(axis=1)  # sector by exporter
    z = np.zeros((count, kinds, count, kinds))
    for n in range(count):
        for j in range(kinds):
            for k in range(kinds):
                used = inputs[n, j, k] * (1 - share[j, n]) * output[j, n]
                z[:, k, n, j] = used * sold[k, n] / sold[k, n].sum()
    f = np.zeros((count, kinds, count))
    for n in range(count):
        f[:, :, n] = sold[:, n].T - z[:, :, n, :].sum(axis=2)
    buffer = io.BytesIO()
    np.savez(
        buffer, countries=np.array(codes), industries=np.array(sectors), Z=z.reshape(count * kinds, -1),
        F=f.reshape(count * kinds, count), x=output.T.ravel(),
    )  # fmt: skip
    return buffer.getvalue()
