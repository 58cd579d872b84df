"""Where a contraction stops moving: fixed points with Anderson's acceleration, three steps back.

Source: D. G. Anderson, "Iterative procedures for nonlinear integral equations", Journal of the ACM 12 (1965) 547-560.

    >>> import numpy as np
    >>> found, steps = fixed_point(np.cos, np.ones(2), 1e-14, None)
    >>> found.round(9).tolist(), steps < 20
    ([0.739085133, 0.739085133], True)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
INNER_MAX = 600
DEPTH = 3


def fixed_point(
    change: Callable[[Array], Array], start: Array, tolerance: float, scale: Array | None
) -> tuple[Array, int]:
    """Where `x = change(x)` to a tolerance (of `scale`), and the steps; the nearest found where rounding forbids it.

    Anderson's acceleration. `change` is a contraction, so a plain step is taken wherever the mixed one did not help.
    """
    x = start
    images, residuals = np.empty((DEPTH + 1, x.size)), np.empty((DEPTH + 1, x.size))
    filled, least, nearest, since = 0, np.inf, x, 0
    for step in range(1, INNER_MAX + 1):
        image = change(x)
        residual = image - x if scale is None else (image - x) / scale
        error = float(np.abs(residual).max())
        if error < tolerance or not np.isfinite(error):
            return image, step
        if error < least:
            least, nearest, since = error, image, 0
        else:
            since += 1
            filled = 0
            if since > DEPTH and least < 1e-11:
                break
        place = filled % (DEPTH + 1)
        images[place], residuals[place] = image.ravel(), residual.ravel()
        filled += 1
        x = _mixed(images, residuals, place, min(filled, DEPTH + 1)).reshape(x.shape) if filled > 1 else image
    return nearest, step


def _mixed(images: Array, residuals: Array, newest: int, count: int) -> Array:
    """The combination of images, with weights that sum to 1, whose residuals add up to least."""
    apart = residuals[:count] - residuals[newest]
    gram = apart @ apart.T
    gram[newest, newest] = 1.0
    gram.flat[:: count + 1] *= 1 + 1e-12
    gram.flat[:: count + 1] += 1e-290  # two equal residuals leave a row of zeros
    weight = np.linalg.solve(gram, -(apart @ residuals[newest]))
    weight[newest] = 0.0
    weight[newest] = 1 - weight.sum()
    found: Array = weight @ images[:count]
    return found
