"""Eigenvalues, triangles and least squares for small matrices, many at a time, the same bits on every processor.

LAPACK and BLAS add in an order that the processor chooses, so a printed digit could depend on the machine. The matrices
of an index are small (a pillar has 2 to 10 columns, an index some 50), so the textbook methods, each operation done
once for a whole batch, are fast enough: cyclic Jacobi rotations on disjoint pairs at a time (Brent & Luk, SIAM J. Sci.
Stat. Comput. 6, 1985) and Cholesky factors by columns (Golub & Van Loan, *Matrix Computations*, 4th ed., 2013,
sections 4.2 and 8.5). Not for large or unsymmetric matrices.

    >>> values, vectors = eigen_symmetric(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> values.round(12).tolist(), (vectors[:, 0] ** 2).round(12).tolist()
    ([3.0, 1.0], [0.5, 0.5])
    >>> solve_positive(np.array([[4.0, 2.0], [2.0, 3.0]]), np.array([2.0, 1.0])).tolist()
    [0.5, 0.0]
"""

from __future__ import annotations

import numpy as np

from concordat.observatory.panel import Array, Bools, Ints

_SWEEPS_MAX = 40  # Jacobi converges quadratically: six to ten sweeps are usual


def product(a: Array, b: Array) -> Array:
    """Matrix product of `[..., n, k]` and `[..., k, m]`, added in the order of k."""
    found = a[..., :, 0:1] * b[..., 0:1, :]
    for j in range(1, a.shape[-1]):
        found += a[..., :, j : j + 1] * b[..., j : j + 1, :]
    return found


def cross(x: Array, y: Array | None = None) -> Array:
    """`x'y` of `[n, k]` and `[n, m]`, each sum over the rows in NumPy's fixed order."""
    right = x if y is None else y
    columns = np.ascontiguousarray(right.T)
    return np.array([(x[:, i] * columns).sum(axis=-1) for i in range(x.shape[1])]).reshape(x.shape[1], right.shape[1])


def _rounds(k: int) -> list[tuple[Ints, Ints]]:
    """All pairs of k rows in rounds of disjoint pairs, as a round-robin tournament plays them."""
    players = list(range(k + k % 2))
    rounds = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [
            (min(a, b), max(a, b))
            for a, b in zip(players[:half], reversed(players[half:]), strict=True)
            if k not in (a, b)
        ]
        rounds.append(
            (np.array([p for p, _ in pairs], dtype=np.int64), np.array([q for _, q in pairs], dtype=np.int64))
        )
        players = [players[0], players[-1], *players[1:-1]]
    return rounds


def eigen_symmetric(a: Array) -> tuple[Array, Array]:
    """Eigenvalues `[..., k]`, largest first, and eigenvectors as columns `[..., k, k]` of symmetric matrices."""
    k = a.shape[-1]
    work = np.moveaxis(a.reshape(-1, k, k), 0, -1).copy()
    vectors = np.broadcast_to(np.eye(k)[:, :, None], work.shape).copy()
    small = np.finfo(np.float64).eps * np.sqrt((work * work).sum(axis=(0, 1)))
    rounds = _rounds(k)
    for _ in range(_SWEEPS_MAX):
        above = np.abs(work) * (1 - np.eye(k))[:, :, None]
        if not (above.max(axis=(0, 1), initial=0.0) > small).any():
            break
        for p, q in rounds:
            _rotate(work, vectors, p, q)
    values = np.array([work[i, i] for i in range(k)])
    order = np.argsort(-values, axis=0, kind="stable")
    sorted_values = np.take_along_axis(values, order, axis=0)
    sorted_vectors = np.take_along_axis(vectors, order[None, :, :], axis=1)
    return sorted_values.T.reshape(a.shape[:-1]), np.moveaxis(sorted_vectors, -1, 0).reshape(a.shape)


def _rotate(work: Array, vectors: Array, p: Ints, q: Ints) -> None:
    """Turn each of the disjoint pairs (p, q) of rows and columns so that the element between them becomes zero."""
    off = work[p, q]
    gap = work[q, q] - work[p, p]
    # tan of the angle is the smaller root of t^2 + 2 (gap / 2 off) t - 1 = 0, written so that nothing divides by zero.
    root = np.abs(gap) + np.sqrt(gap * gap + 4 * off * off)
    t = np.where(root > 0, 2 * off * np.where(gap < 0, -1.0, 1.0) / np.where(root > 0, root, 1.0), 0.0)
    c = 1 / np.sqrt(1 + t * t)
    s = t * c
    for matrix in (work, vectors):
        left, right = matrix[:, p], matrix[:, q]
        matrix[:, p], matrix[:, q] = c * left - s * right, s * left + c * right
    upper, lower = work[p], work[q]
    c, s = c[:, None], s[:, None]
    work[p], work[q] = c * upper - s * lower, s * upper + c * lower


def cholesky(a: Array, tolerance: float = 1e-12) -> tuple[Array, Bools]:
    """Lower triangles L with `a = L L'` of positive semidefinite matrices `[..., k, k]`, and which are singular.

    A pivot below `tolerance` times its diagonal element makes a column of zeros, so that L still draws from the normal
    distribution that has no spread in that direction.
    """
    k = a.shape[-1]
    left = np.moveaxis(a.reshape(-1, k, k), 0, -1).copy()
    least = tolerance * np.abs(np.array([left[i, i] for i in range(k)]))
    factor = np.zeros_like(left)
    singular = np.zeros(left.shape[-1], dtype=np.bool_)
    for j in range(k):
        flat = ~(left[j, j] > least[j])
        singular |= flat
        factor[j:, j] = left[j:, j] * np.where(flat, 0.0, 1 / np.sqrt(np.where(flat, 1.0, left[j, j])))
        left[j + 1 :, j + 1 :] -= factor[j + 1 :, None, j] * factor[None, j + 1 :, j]
    return np.moveaxis(factor, -1, 0).reshape(a.shape), singular.reshape(a.shape[:-2])


def solve_positive(a: Array, b: Array, tolerance: float = 1e-12) -> Array:
    """The solution x of `a x = b` for one positive definite matrix; NaN where it is singular."""
    factor, singular = cholesky(a, tolerance)
    if singular.any():
        return np.full(b.shape, np.nan)
    x = b.reshape(len(b), -1).astype(np.float64)
    k = len(x)
    for i in range(k):
        x[i] = (x[i] - (factor[i, :i, None] * x[:i]).sum(axis=0)) / factor[i, i]
    for i in reversed(range(k)):
        x[i] = (x[i] - (factor[i + 1 :, i, None] * x[i + 1 :]).sum(axis=0)) / factor[i, i]
    return x.reshape(b.shape)
