"""Changes of trade by value: exports and imports of every economy, and trade among members, abroad only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def changes(flows: Array, base: Array, members: list[int]) -> tuple[Array, Array, Array]:
    """Exports and imports (B, N) and trade among members (B,), changes in percent of the base's values.

    Args:
        flows: (B, N, N) after the shock, base: (N, N) before it, exporter by importer, home deliveries on the diagonal.
        members: rows of the members. Where there was no trade before, the change is NaN.

    >>> base = np.array([[50.0, 10.0], [20.0, 30.0]])
    >>> [x.round(1).tolist() for x in changes(np.array([[[50.0, 12.0], [10.0, 30.0]]]), base, [0, 1])]
    [[[20.0, -50.0]], [[-50.0, 20.0]], [-26.7]]
    """
    home = np.diagonal(base)
    home_after = np.diagonal(flows, axis1=1, axis2=2)
    exports = (flows.sum(axis=2) - home_after) / (base.sum(axis=1) - home) - 1
    imports = (flows.sum(axis=1) - home_after) / (base.sum(axis=0) - home) - 1
    inside = np.ix_(members, members)
    before = base[inside].sum() - home[members].sum()
    after = flows[:, inside[0], inside[1]].sum(axis=(1, 2)) - home_after[:, members].sum(axis=1)
    bloc = after / before - 1 if before > 0 else np.full(len(flows), np.nan)
    return 100 * exports, 100 * imports, 100 * np.asarray(bloc)
